// Which squares are wanted, and in which order.

const wanted = { query: "", show: "", from: "", to: "", order: "suite" };

// The rows and columns on display, and the squares in them that are wanted; null: all are.
const view = { sources: [], targets: [], hits: null, count: 0 };

function look() {
  const hits = found();
  const sources = [];
  const columns = new Set();
  let count = 0;
  squares.forEach((row, source) => {
    const targets = hits === null ? row.keys() : hits[source];
    let some = false;
    for (const target of targets) {
      columns.add(target);
      some = true;
      count += 1;
    }
    if (some) sources.push(source);
  });
  const targets = head.targets.map((_, target) => target);
  // What was never probed is a column as well, until somebody filters.
  view.targets = hits === null ? targets : targets.filter((target) => columns.has(target));
  view.sources = sources;
  view.hits = hits;
  view.count = count;
  arrange();
}

const isWanted = (source, target) => view.hits === null || view.hits[source].has(target);

// For each source the targets of the wanted squares; null where nothing is asked for.
function found() {
  const { query, show, from, to } = wanted;
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length && !show && !from && !to) return null;
  const named = (names, part) => {
    // A whole name means that one alone.
    const exact = names.includes(part);
    const lower = part.toLowerCase();
    return names.map((name) => (exact ? name === part : name.toLowerCase().includes(lower)));
  };
  const sources = named(head.sources, from);
  const targets = named(head.targets, to);
  const shown = new Map(head.faces.map((face) => [face, isShown(face, show)]));
  let hits = squares.map((row, source) => {
    const some = new Set();
    if (!sources[source]) return some;
    for (const [target, face] of row) if (targets[target] && shown.get(face)) some.add(target);
    return some;
  });
  for (const word of words) hits = search(word, hits);
  return hits;
}

function isShown(face, show) {
  const [kind, value] = show.split(":");
  if (kind === "standing") return standingOf(face).name === value;
  if (kind === "mark") return String(face.mark) === value;
  if (kind === "code") return face.code === value || face.others.includes(value);
  if (kind === "unsure") return face.unsure || face.share !== null;
  return true;
}

// Keeps the squares that have the word in a name, a code, or in what is known of them.
function search(word, hits) {
  const has = (text) => typeof text === "string" && text.toLowerCase().includes(word);
  const sources = head.sources.map(has);
  const targets = head.targets.map(has);
  const faces = new Map(head.faces.map((face) => [face, has(face.code) || face.others.some(has)]));
  // Each shared text is read once, however many cells have it.
  const { texts, places, servers, certificates, answers } = pool();
  const inText = texts.map(has);
  const inPlace = places.map(({ address, via, dialect }) => has(address) || has(via) || has(dialect));
  const inCertificate = certificates.map(
    (one) => one.names.some(has) || has(one.subject) || has(one.issuer) || has(one.serial) || has(one.sha256),
  );
  const inServer = servers.map(
    (one) => has(one.id) || one.evidence.some(has) || one.chain.some((place) => inCertificate[place]),
  );
  const inAnswer = answers.map((fields) => fields.some(([, value]) => has(value)));
  const said = (text) => (typeof text === "number" ? inText[text] : has(text));
  const inRecord = ([place, id, , evidence, , server, answer]) =>
    inPlace[place] ||
    (id !== null && said(id)) ||
    evidence.some(said) ||
    (server !== null && inServer[server]) ||
    (answer !== null && inAnswer[answer]);
  return hits.map((row, source) => {
    if (sources[source] || !row.size) return row;
    const records = cellsOf(source);
    const left = [...row].filter(
      (target) =>
        targets[target] || faces.get(faceOf(source, target)) || records.get(target)?.some(inRecord),
    );
    return new Set(left);
  });
}

function arrange() {
  if (wanted.order === "name") {
    const byName = (names) => (one, other) =>
      names[one].localeCompare(names[other], "en", { numeric: true });
    view.sources.sort(byName(head.sources));
    view.targets.sort(byName(head.targets));
  }
  if (wanted.order !== "broken") return;
  // Broken ones weigh more than any number of doubtful ones.
  const rows = new Map();
  const columns = new Map();
  const most = head.sources.length + head.targets.length + 1;
  for (const source of view.sources) {
    for (const [target, face] of squares[source]) {
      const { name } = standingOf(face);
      const weight = name === "broken" ? most : name === "doubt" ? 1 : 0;
      if (!weight) continue;
      rows.set(source, (rows.get(source) ?? 0) + weight);
      columns.set(target, (columns.get(target) ?? 0) + weight);
    }
  }
  // Of equals the order of the suite, which is the one of the numbers.
  const heavy = (weights) => (one, other) =>
    (weights.get(other) ?? 0) - (weights.get(one) ?? 0) || one - other;
  view.sources.sort(heavy(rows));
  view.targets.sort(heavy(columns));
}
