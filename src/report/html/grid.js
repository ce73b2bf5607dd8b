// The grid: a window onto all squares. Only what is in sight is in the document, a row at a time and in
// it a few columns at a time.

const grid = byId("grid");
const plane = make("div", "plane");
const heads = make("div", "heads");

// The width and the height of a square.
const SIZES = { words: [0, 42], marks: [38, 30], dots: [22, 22] };
const STRIDE = 12;
const SPARE = 4;
const CHAR = 7.3;
// The most signs of a name.
const LABEL = 30;
const TITLE = 26;

const layout = { size: "words", width: 0, height: 0, left: 0, top: 0 };
const lines = new Map();
const titles = new Map();
// The square that has, or would get, the focus: its row and column on display.
const active = { row: 0, column: 0 };
const placeOf = new WeakMap();

// A letter for each code but acceptance, where there is no room for words.
const letters = new Map();
for (const face of head.faces) {
  const next = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[letters.size];
  if (face.code !== "OK" && !letters.has(face.code)) letters.set(face.code, next ?? "");
}

const shareOf = (face) => (face.share === null ? "" : ` ${face.share[0]}/${face.share[1]}`);

// Code words in two lines of about the same length: more columns fit.
function folded(words) {
  if (words.length <= 12) return [words];
  const cuts = [...words.matchAll(/[_ ]/g)].map(({ index }) => index + 1);
  const longer = (cut) => Math.max(cut, words.length - cut);
  const best = cuts.reduce((one, other) => (longer(other) < longer(one) ? other : one), words.length);
  return [words.slice(0, best), words.slice(best)];
}

const inWords = (face) => `${face.code}${face.unsure ? "~" : ""}${shareOf(face)}`;

function described(face) {
  const unsure = face.unsure ? ", not certain" : "";
  const share = face.share === null ? "" : `, ${face.share[0]} of ${face.share[1]} say so`;
  return `${face.code}, ${markOf(face).meaning}, ${standingOf(face).meaning}${unsure}${share}`;
}

// The largest squares with which the matrix still fits, or at least still reads.
function fitting() {
  const count = head.targets.length;
  if (count * wordsWidth() <= room() || count <= 3) return "words";
  return count * SIZES.marks[0] <= room() * 1.8 && head.sources.length <= 120 ? "marks" : "dots";
}

const longest = (texts) => texts.reduce((most, text) => Math.max(most, text.length), 0);
const edgeOf = (names, most) => Math.ceil(Math.min(longest(names), most) * CHAR) + 26;
const room = () => grid.parentElement.clientWidth - edgeOf(head.sources, LABEL);

// Wide enough for every code, and where there is room for the names of the targets as well.
function wordsWidth() {
  const codes = longest(head.faces.flatMap((face) => folded(inWords(face))));
  const least = Math.ceil(Math.max(codes, 9) * 6.7) + 52;
  const roomy = Math.ceil(Math.min(longest(head.targets), LABEL) * CHAR) + 18;
  return roomy * head.targets.length <= room() ? Math.max(least, roomy) : least;
}

// Draws everything anew: after a filter, another order, another size.
function draw() {
  const small = layout.size !== "words";
  const [width, height] = SIZES[layout.size];
  const { sources, targets } = view;
  layout.width = width || wordsWidth();
  layout.height = height;
  layout.left = edgeOf(head.sources, LABEL);
  const names = view.targets.map((target) => head.targets[target]);
  layout.top = small ? Math.ceil(Math.min(longest(names), TITLE) * CHAR) + 20 : 36;
  for (const line of lines.values()) line.element.remove();
  lines.clear();
  for (const title of titles.values()) title.remove();
  titles.clear();

  grid.className = `grid ${layout.size}`;
  grid.setAttribute("aria-rowcount", sources.length + 1);
  grid.setAttribute("aria-colcount", targets.length + 1);
  const style = grid.style;
  style.setProperty("--square", `${layout.width}px`);
  style.setProperty("--line", `${layout.height}px`);
  style.setProperty("--edge", `${layout.left}px`);
  style.setProperty("--heads", `${layout.top}px`);
  const wide = layout.left + targets.length * layout.width;
  plane.style.width = `${wide}px`;
  // What a sheet of paper takes.
  layout.fit = Math.min(0.8, 680 / wide);
  style.setProperty("--fit", layout.fit);
  plane.style.height = `${layout.top + sources.length * layout.height}px`;
  active.row = Math.max(0, Math.min(active.row, sources.length - 1));
  active.column = Math.max(0, Math.min(active.column, targets.length - 1));
  survey();
  refresh();
}

// Brings in what has come into sight, and takes out what has left it.
function refresh() {
  const { width, height, left, top } = layout;
  const { sources, targets } = view;
  const between = (from, to, most) => [Math.max(0, from), Math.min(most, to)];
  const inPrint = matchMedia("print").matches || !isLarge();
  const [above, below] = inPrint
    ? [0, sources.length]
    : between(
        Math.floor(grid.scrollTop / height) - SPARE,
        Math.ceil((grid.scrollTop + grid.clientHeight - top) / height) + SPARE,
        sources.length,
      );
  const chunks = Math.ceil(targets.length / STRIDE);
  const chunk = STRIDE * width;
  const [first, last] = inPrint
    ? [0, chunks]
    : between(
        Math.floor((grid.scrollLeft - width * SPARE) / chunk),
        Math.ceil((grid.scrollLeft + grid.clientWidth - left + width * SPARE) / chunk),
        chunks,
      );
  // The square with the focus stays, wherever it is.
  const pinned = Math.floor(active.column / STRIDE);
  const isIn = (nth) => (nth >= first && nth < last) || nth === pinned;
  const isOn = (row) => (row >= above && row < below) || row === active.row;

  sweep(titles, isIn, (title) => title);
  sweep(lines, isOn, (line) => line.element);
  for (let nth = 0; nth < chunks; nth += 1) {
    if (isIn(nth) && !titles.has(nth)) insert(titles, nth, titleChunk(nth), heads, (title) => title);
  }
  const row = (nth) => {
    if (!lines.has(nth)) insert(lines, nth, newLine(nth), plane, (line) => line.element);
    const line = lines.get(nth);
    sweep(line.chunks, isIn, (part) => part);
    for (let part = first; part < last; part += 1) fill(line, part);
    if (pinned < chunks) fill(line, pinned);
  };
  for (let nth = above; nth < below; nth += 1) row(nth);
  if (active.row < sources.length) row(active.row);
  frame();
}

const isLarge = () => view.sources.length * view.targets.length > 600;

function sweep(all, stays, elementOf) {
  for (const [nth, one] of all) {
    if (stays(nth)) continue;
    elementOf(one).remove();
    all.delete(nth);
  }
}

// In the document they stand in their order, for whoever reads it aloud.
function insert(all, nth, one, parent, elementOf) {
  let after = null;
  let nearest = Infinity;
  for (const [other, there] of all) {
    if (other > nth && other < nearest) [nearest, after] = [other, elementOf(there)];
  }
  all.set(nth, one);
  parent.insertBefore(elementOf(one), after);
}

function titleChunk(nth) {
  const part = make("div", "part");
  part.setAttribute("role", "presentation");
  part.style.left = `${layout.left + nth * STRIDE * layout.width}px`;
  const most = layout.size === "words" ? Math.floor((layout.width - 16) / CHAR) : TITLE;
  view.targets.slice(nth * STRIDE, (nth + 1) * STRIDE).forEach((target, at) => {
    const title = make("div", "title", make("span", "", shortened(head.targets[target], most)));
    title.setAttribute("role", "columnheader");
    title.setAttribute("aria-colindex", nth * STRIDE + at + 2);
    title.setAttribute("aria-label", head.targets[target]);
    title.title = head.targets[target];
    title.classList.toggle("here", nth * STRIDE + at === here.column);
    part.append(title);
  });
  return part;
}

function newLine(nth) {
  const source = view.sources[nth];
  const element = make("div", "line");
  element.setAttribute("role", "row");
  element.setAttribute("aria-rowindex", nth + 2);
  element.style.top = `${layout.top + nth * layout.height}px`;
  const label = make("div", "label", shortened(head.sources[source], LABEL));
  label.setAttribute("role", "rowheader");
  label.setAttribute("aria-colindex", 1);
  label.setAttribute("aria-label", head.sources[source]);
  label.title = head.sources[source];
  label.classList.toggle("here", nth === here.row);
  element.append(label);
  return { element, label, row: nth, chunks: new Map() };
}

function fill(line, nth) {
  if (line.chunks.has(nth)) return;
  const source = view.sources[line.row];
  const part = make("div", "part");
  part.setAttribute("role", "presentation");
  part.style.left = `${layout.left + nth * STRIDE * layout.width}px`;
  view.targets.slice(nth * STRIDE, (nth + 1) * STRIDE).forEach((target, at) => {
    const column = nth * STRIDE + at;
    const cell = square(source, target);
    cell.setAttribute("aria-colindex", column + 2);
    if (line.row === active.row && column === active.column) cell.tabIndex = 0;
    if (isOpen(source, target)) cell.setAttribute("aria-selected", "true");
    placeOf.set(cell, { row: line.row, column });
    part.append(cell);
  });
  insert(line.chunks, nth, part, line.element, (one) => one);
}

const patterns = new Map();

// Many squares look the same: one of each look is made, and copied.
function square(source, target) {
  const face = faceOf(source, target);
  const is = face === undefined ? "absent" : isWanted(source, target) ? layout.size : "out";
  if (!patterns.has(is)) patterns.set(is, new Map());
  const known = patterns.get(is);
  if (!known.has(face)) known.set(face, pattern(face, is));
  return known.get(face).cloneNode(true);
}

function pattern(face, is) {
  const cell = make("div", "cell");
  cell.setAttribute("role", "gridcell");
  cell.tabIndex = -1;
  if (is === "absent") {
    cell.classList.add("absent");
    cell.setAttribute("aria-label", "not probed");
    cell.textContent = "–";
    return cell;
  }
  const { sign } = markOf(face);
  cell.setAttribute("aria-label", `${described(face)}${is === "out" ? ", filtered out" : ""}`);
  cell.classList.add(standingOf(face).name, `mark-${face.mark}`);
  cell.classList.toggle("out", is === "out");
  if (is === "words") {
    const lead = isBroken(face) ? "!" : "";
    const code = folded(inWords(face)).join("\n");
    cell.append(make("span", "lead", lead), make("span", "sign", sign), make("span", "code", code));
  } else {
    const letter = is === "marks" ? (letters.get(face.code) ?? "") : "";
    cell.textContent = `${sign}${letter}`;
    cell.classList.toggle("unsure", face.unsure || face.share !== null);
  }
  return cell;
}

function elementAt(row, column) {
  const part = lines.get(row)?.chunks.get(Math.floor(column / STRIDE));
  return part?.children[column % STRIDE];
}

// Moves the one stop of the Tab key, and the focus with it.
function moveTo(row, column, focus = true) {
  const clamp = (value, most) => Math.max(0, Math.min(value, most - 1));
  elementAt(active.row, active.column)?.setAttribute("tabindex", "-1");
  active.row = clamp(row, view.sources.length);
  active.column = clamp(column, view.targets.length);
  const { width, height, left, top } = layout;
  const x = active.column * width;
  const y = active.row * height;
  if (x < grid.scrollLeft) grid.scrollLeft = x;
  const wide = grid.clientWidth - left - width;
  if (x > grid.scrollLeft + wide) grid.scrollLeft = x - wide;
  if (y < grid.scrollTop) grid.scrollTop = y;
  const high = grid.clientHeight - top - height;
  if (y > grid.scrollTop + high) grid.scrollTop = y - high;
  refresh();
  const cell = elementAt(active.row, active.column);
  if (!cell) return;
  cell.tabIndex = 0;
  const [source, target] = [view.sources[active.row], view.targets[active.column]];
  const face = faceOf(source, target);
  const words = face === undefined ? "not probed" : described(face);
  cell.setAttribute("aria-label", `${head.sources[source]} to ${head.targets[target]}: ${words}`);
  if (focus) cell.focus({ preventScroll: true });
}

// The row and the column that the pointer or the focus is on.
const here = { row: -1, column: -1 };

function mark(row, column) {
  const titleOf = (at) => titles.get(Math.floor(at / STRIDE))?.children[at % STRIDE];
  lines.get(here.row)?.label.classList.remove("here");
  titleOf(here.column)?.classList.remove("here");
  [here.row, here.column] = [row, column];
  lines.get(row)?.label.classList.add("here");
  titleOf(column)?.classList.add("here");
}
