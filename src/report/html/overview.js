// The whole matrix at a glance where it is larger than the window: a dot for each square, and a frame
// around those that the window shows.

const overview = byId("overview");
const canvas = make("canvas");
const shown = make("div", "frame");
overview.append(canvas, shown);

// The most pixels of a dot, and the most of all dots in height.
const DOT = 6;
const HIGH = 280;

const dots = { room: 0, width: 0, height: 0 };

function survey() {
  const { sources, targets } = view;
  overview.hidden = !isLarge();
  if (overview.hidden) return;
  dots.room = overview.parentElement.clientWidth;
  // Whole pixels, where there is one for each: rows of different heights would look like a pattern.
  const whole = (size) => (size < 1 ? size : Math.min(DOT, Math.floor(size)));
  dots.width = whole(dots.room / targets.length);
  dots.height = whole(HIGH / sources.length);
  const [width, height] = [dots.width * targets.length, dots.height * sources.length];
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.width = Math.ceil(width * devicePixelRatio);
  canvas.height = Math.ceil(height * devicePixelRatio);
  const brush = canvas.getContext("2d");
  brush.scale(canvas.width / width, canvas.height / height);
  const style = getComputedStyle(canvas);
  const kinds = stretches();
  // What is broken comes last and is never too small to be seen: nothing paints over it.
  ["out", ...head.standings.map(({ name }) => name)].forEach((name, kind) => {
    const least = name === "broken" || name === "doubt" ? 2 : 0;
    brush.fillStyle = style.getPropertyValue(`--${name}-dot`);
    for (const [row, from, to] of kinds[kind]) {
      const wide = Math.max((to - from) * dots.width, least);
      brush.fillRect(from * dots.width, row * dots.height, wide, Math.max(dots.height, least));
    }
  });
}

// Neighbours of the same kind, by kind: 0 is filtered out, others are standings.
function stretches() {
  const kinds = [[], ...head.standings.map(() => [])];
  view.sources.forEach((source, row) => {
    let last = -1;
    let stretch = null;
    view.targets.forEach((target, column) => {
      const face = faceOf(source, target);
      const kind = face === undefined ? -1 : isWanted(source, target) ? face.standing + 1 : 0;
      if (kind === last && kind >= 0) stretch[2] = column + 1;
      else if (kind >= 0) kinds[kind].push((stretch = [row, column, column + 1]));
      last = kind;
    });
  });
  return kinds;
}

function frame() {
  if (overview.hidden) return;
  const { width, height, left, top } = layout;
  const { style } = shown;
  style.left = `${(grid.scrollLeft / width) * dots.width}px`;
  style.top = `${(grid.scrollTop / height) * dots.height}px`;
  style.width = `${Math.min(view.targets.length, (grid.clientWidth - left) / width) * dots.width}px`;
  style.height = `${Math.min(view.sources.length, (grid.clientHeight - top) / height) * dots.height}px`;
}

// Brings the square under the pointer into the middle of the window.
function drag({ clientX, clientY }) {
  const { x, y } = canvas.getBoundingClientRect();
  const { width, height, left, top } = layout;
  grid.scrollTo({
    left: ((clientX - x) / dots.width) * width - (grid.clientWidth - left) / 2,
    top: ((clientY - y) / dots.height) * height - (grid.clientHeight - top) / 2,
    behavior: "instant",
  });
}
