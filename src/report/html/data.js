// The data of the file. What the grid needs is read at once, the rest when somebody asks for it.

const byId = (id) => document.getElementById(id);
const parsed = (id) => JSON.parse(byId(id).textContent);

const head = parsed("head");

// For each source its squares: the target, and what the square shows.
const squares = head.rows.map((line) => {
  const row = new Map();
  let target = 0;
  for (const next of line) {
    if (next < 0) target -= next;
    else row.set(target++, head.faces[next]);
  }
  return row;
});

const faceOf = (source, target) => squares[source].get(target);
const standingOf = (face) => head.standings[face.standing];
const markOf = (face) => head.marks[face.mark];
const isBroken = (face) => standingOf(face).name === "broken";

let shared;
const pool = () => (shared ??= parsed("pool"));
const textOf = (text) => (typeof text === "number" ? pool().texts[text] : text);

const read = new Map();

// The cells of a row, by target.
function cellsOf(source) {
  if (!read.has(source)) read.set(source, new Map(parsed(`row-${source}`)));
  return read.get(source);
}

// The cells of one square, by name instead of by place.
function cellsAt(source, target) {
  return (cellsOf(source).get(target) ?? []).map((record) => {
    const [place, id, verdict, evidence, tls, server, answer, attempts, followUps, times] = record;
    const { places, verdicts } = pool();
    return {
      ...places[place],
      ...verdicts[verdict],
      id: id === null ? null : textOf(id),
      agreeing: verdicts[verdict].attempts,
      evidence: evidence.map(textOf),
      tls: tls === null ? [] : pool().tls[tls],
      server: server === null ? null : pool().servers[server],
      answer: answer === null ? null : pool().answers[answer],
      attempts: attempts === null ? null : pool().attempts[attempts],
      followUps,
      times,
    };
  });
}

// An element with its text, which is never read as markup.
function make(tag, name = "", ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Names differ at their ends: what is too long loses its middle.
function shortened(name, most) {
  const signs = [...name];
  if (signs.length <= most) return name;
  const kept = Math.max(most - 1, 2);
  const first = signs.slice(0, Math.ceil(kept / 2));
  return `${first.join("")}…${signs.slice(signs.length - Math.floor(kept / 2)).join("")}`;
}

const plural = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;
