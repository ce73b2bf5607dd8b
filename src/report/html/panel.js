// The page beside the grid with the evidence of one square.

const panel = byId("panel");
const opened = { source: -1, target: -1 };

const isOpen = (source, target) => opened.source === source && opened.target === target;

function open(source, target) {
  if (faceOf(source, target) === undefined) return;
  select("false");
  [opened.source, opened.target] = [source, target];
  select("true");
  tip.hidden = true;
  show(0);
  aside(true);
  panel.scrollTop = 0;
  byId("panel-title").focus({ preventScroll: true });
}

// Gives the focus back to the square that was opened.
function close() {
  if (panel.hidden) return;
  aside(false);
  const row = view.sources.indexOf(opened.source);
  const column = view.targets.indexOf(opened.target);
  select("false");
  [opened.source, opened.target] = [-1, -1];
  if (row >= 0 && column >= 0) moveTo(row, column);
}

// Makes room for the panel, or takes it back; the square stays where it is on the screen.
function aside(beside) {
  const height = () => elementAt(active.row, active.column)?.getBoundingClientRect().top ?? 0;
  const before = height();
  panel.hidden = !beside;
  document.body.classList.toggle("beside", beside);
  moveTo(active.row, active.column, false);
  scrollBy({ top: height() - before, behavior: "instant" });
}

function select(value) {
  const row = view.sources.indexOf(opened.source);
  const column = view.targets.indexOf(opened.target);
  if (row < 0 || column < 0) return;
  const cell = elementAt(row, column);
  if (value === "true") cell?.setAttribute("aria-selected", "true");
  else cell?.removeAttribute("aria-selected");
}

// One address of the square.
function show(nth) {
  const { source, target } = opened;
  const cells = cellsAt(source, target);
  byId("panel-title").replaceChildren(
    make("span", "name", head.sources[source]),
    make("span", "to", " → "),
    make("span", "name", head.targets[target]),
  );
  byId("evidence").replaceChildren(
    ...(cells.length > 1 ? [addresses(cells, nth)] : []),
    ...evidenceOf(cells[nth], source, target),
  );
}

// What each address says, as buttons.
function addresses(cells, nth) {
  const list = make("div", "addresses");
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", `${cells.length} addresses`);
  cells.forEach((cell, at) => {
    const standing = head.standings[cell.standing];
    const button = make(
      "button",
      standing.name,
      make("span", "sign", head.marks[cell.mark].sign),
      ` ${cell.address} `,
      make("b", "", cell.code),
    );
    button.type = "button";
    button.setAttribute("aria-pressed", String(at === nth));
    button.addEventListener("click", () => {
      show(at);
      byId("evidence").querySelector(".addresses").children[at].focus();
    });
    list.append(button);
  });
  return list;
}
