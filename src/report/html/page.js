// What people do, and what follows from it.

const tip = byId("tip");
const controls = { query: byId("query"), show: byId("show"), from: byId("from"), to: byId("to"), order: byId("order") };

function start() {
  const corner = make("div", "corner", make("span", "", "from ↓  to →"));
  corner.setAttribute("role", "columnheader");
  corner.setAttribute("aria-colindex", 1);
  heads.setAttribute("role", "row");
  heads.setAttribute("aria-rowindex", 1);
  heads.append(corner);
  plane.setAttribute("role", "presentation");
  plane.append(heads);
  grid.append(plane);
  for (const id of ["controls", "matches", "grid", "legend"]) byId(id).hidden = false;
  byId("shape").textContent = `${head.sources.length} × ${head.targets.length}`;
  options();
  layout.size = fitting();
  byId("size").value = layout.size;
  // Whoever cannot see all of it wants to see first what is wrong.
  const isWide = head.sources.length > 40 || head.targets.length > 40;
  wanted.order = isWide && head.faces.some(isBroken) ? "broken" : "suite";
  controls.order.value = wanted.order;
  listen();
  again();
  performance.mark("drawn");
}

function options() {
  const alike = new Map();
  for (const row of squares) for (const face of row.values()) alike.set(face, (alike.get(face) ?? 0) + 1);
  const counts = new Map();
  for (const [face, some] of alike) {
    const count = (key) => counts.set(key, (counts.get(key) ?? 0) + some);
    count(`standing:${standingOf(face).name}`);
    count(`mark:${face.mark}`);
    for (const code of new Set([face.code, ...face.others])) count(`code:${code}`);
    if (face.unsure || face.share !== null) count("unsure:");
  }
  const option = (value, text) => {
    const one = make("option", "", counts.has(value) ? `${text} (${counts.get(value)})` : text);
    one.value = value;
    return one;
  };
  const group = (label, all) => {
    const some = all.filter(([value]) => counts.has(value));
    const one = make("optgroup", "", ...some.map(([value, text]) => option(value, text)));
    one.label = label;
    return some.length ? one : null;
  };
  const standings = head.standings.map(({ name, meaning }) => [`standing:${name}`, meaning]).reverse();
  const marks = head.marks.map(({ sign, meaning }, nth) => [`mark:${nth}`, `${sign} ${meaning}`]);
  const codes = [...counts.keys()].filter((key) => key.startsWith("code:")).sort();
  controls.show.append(
    ...[
      option("", "every square"),
      group("Expectation", [...standings, ["unsure:", "not certain, or divided"]]),
      group("Who refused", marks),
      group("Code", codes.map((key) => [key, key.slice(5)])),
    ].filter(Boolean),
  );
  const names = (all) => all.map((name) => option(name, name));
  byId("sources-known").append(...names(head.sources));
  byId("targets-known").append(...names(head.targets));
  for (const item of document.querySelectorAll(".totals li")) {
    const button = make("button", "", ...item.childNodes);
    button.type = "button";
    button.title = "Show only these";
    button.addEventListener("click", () => {
      controls.show.value = `standing:${item.dataset.show}`;
      filter();
      byId("matrix").scrollIntoView();
    });
    item.append(button);
  }
}

function filter() {
  for (const [name, control] of Object.entries(controls)) wanted[name] = control.value.trim();
  const [source, target] = [view.sources[active.row], view.targets[active.column]];
  look();
  active.row = view.sources.indexOf(source);
  active.column = view.targets.indexOf(target);
  grid.scrollTo(0, 0);
  draw();
  said();
}

function again() {
  look();
  draw();
  legend();
  said();
}

function said() {
  const { sources, targets, count, hits } = view;
  const all = squares.reduce((sum, row) => sum + row.size, 0);
  byId("matches").textContent =
    hits === null
      ? `${plural(all, "square")}. Arrow keys move within the matrix, Enter opens the evidence.`
      : `${count} of ${plural(all, "square")}, in ${plural(sources.length, "row")} and ${plural(targets.length, "column")}.`;
  grid.classList.toggle("empty", !count);
  document.body.classList.toggle("large", isLarge() || layout.fit < 0.4);
}

function legend() {
  const key = (name, sign, text) => make("li", "", make("span", `cell ${name}`, sign), ` ${text}`);
  const used = (of) => new Set(head.faces.map(of));
  const [marks, standings] = [used((face) => face.mark), used((face) => face.standing)];
  const items = [];
  head.marks.forEach(({ sign, meaning }, nth) => marks.has(nth) && items.push(key("plain-sign", sign, meaning)));
  head.standings.forEach(({ name, meaning }, nth) => {
    if (standings.has(nth)) items.push(key(name, name === "broken" && layout.size === "words" ? "!" : "", meaning));
  });
  if (head.faces.some((face) => face.unsure)) items.push(key("plain-sign", layout.size === "words" ? "~" : "◥", "not certain, or divided"));
  if (head.faces.some((face) => face.share !== null) && layout.size === "words") {
    items.push(key("plain-sign", "2/3", "so many of its addresses, or of its connections"));
  }
  const codes = layout.size === "marks" ? [...letters] : [];
  byId("legend").replaceChildren(
    make("ul", "", ...items),
    ...(codes.length ? [make("ul", "letters", ...codes.map(([code, letter]) => key("plain-sign", letter, code)))] : []),
  );
}

function listen() {
  let later = 0;
  const soon = () => {
    clearTimeout(later);
    later = setTimeout(filter, 120);
  };
  for (const name of ["query", "from", "to"]) controls[name].addEventListener("input", soon);
  for (const name of ["show", "order"]) controls[name].addEventListener("change", filter);
  byId("size").addEventListener("change", ({ target }) => {
    layout.size = target.value;
    again();
  });
  byId("clear").addEventListener("click", () => {
    for (const name of ["query", "show", "from", "to"]) controls[name].value = "";
    filter();
    controls.query.focus();
  });

  let asked = false;
  grid.addEventListener("scroll", () => {
    tip.hidden = true;
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      refresh();
    });
  }, { passive: true });
  new ResizeObserver(() => refresh()).observe(grid);
  new ResizeObserver(() => overview.parentElement.clientWidth === dots.room || survey()).observe(overview.parentElement);
  overview.addEventListener("pointerdown", drag);
  overview.addEventListener("pointermove", (event) => event.buttons & 1 && drag(event));

  grid.addEventListener("click", ({ target }) => act(target, (row, column) => {
    moveTo(row, column, false);
    open(view.sources[row], view.targets[column]);
  }));
  grid.addEventListener("focusin", ({ target }) => act(target, (row, column) => {
    if (row !== active.row || column !== active.column) moveTo(row, column, false);
    mark(row, column);
  }));
  grid.addEventListener("focusout", () => mark(-1, -1));
  grid.addEventListener("keydown", key);
  grid.addEventListener("pointermove", hint);
  grid.addEventListener("pointerleave", () => {
    tip.hidden = true;
    mark(-1, -1);
  });
  byId("close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    event.preventDefault();
    close();
  });

  // On paper nobody opens what is closed on the screen.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details.rest:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
}

// Does something with the square that was hit.
function act(target, then) {
  const cell = target.closest(".cell");
  const place = cell && placeOf.get(cell);
  if (place) then(place.row, place.column);
}

function key(event) {
  if (!event.target.closest(".cell") || event.altKey || event.metaKey) return;
  const { row, column } = active;
  const [rows, columns] = [view.sources.length, view.targets.length];
  const page = Math.max(1, Math.floor((grid.clientHeight - layout.top) / layout.height) - 1);
  const far = event.ctrlKey;
  const moves = {
    ArrowUp: [far ? 0 : row - 1, column],
    ArrowDown: [far ? rows : row + 1, column],
    ArrowLeft: [row, far ? 0 : column - 1],
    ArrowRight: [row, far ? columns : column + 1],
    Home: [far ? 0 : row, 0],
    End: [far ? rows : row, columns],
    PageUp: [row - page, column],
    PageDown: [row + page, column],
  };
  if (event.key in moves) moveTo(...moves[event.key]);
  else if (event.key === "Enter" || event.key === " ") open(view.sources[row], view.targets[column]);
  else return;
  event.preventDefault();
}

// What the pointer is on, in words.
function hint(event) {
  const cell = event.target.closest(".cell");
  const place = cell && placeOf.get(cell);
  if (!place) {
    tip.hidden = true;
    mark(-1, -1);
    return;
  }
  if (place.row !== here.row || place.column !== here.column || tip.hidden) {
    const [source, target] = [view.sources[place.row], view.targets[place.column]];
    const face = faceOf(source, target);
    tip.replaceChildren(
      make("p", "", make("b", "", head.sources[source]), " → ", make("b", "", head.targets[target])),
      make("p", "", face === undefined ? "not probed" : `${markOf(face).sign} ${inWords(face)}`),
      ...(face === undefined ? [] : [make("p", "faint", `${head.meanings[face.code]}; ${standingOf(face).meaning}`)]),
    );
    mark(place.row, place.column);
  }
  tip.hidden = false;
  const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const y = event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 18;
  tip.style.left = `${Math.max(8, x)}px`;
  tip.style.top = `${y}px`;
}

start();
