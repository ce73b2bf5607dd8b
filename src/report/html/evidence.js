// Everything that is known of one cell.

const STAGES = ["dns", "tcp", "tls", "settle", "request"];

function evidenceOf(cell, source, target) {
  return [
    verdictOf(cell, source, target),
    part("Evidence", list(cell.evidence)),
    part(cell.fix ? "What to do" : "Explanation", cell.fix && make("p", "fix", cell.fix), about(cell)),
    bothVerdicts(cell, source),
    part("Connection", fields(connection(cell))),
    part("Time", ...times(cell.times)),
    part("Attempts", ...attempts(cell)),
    part("Further connections", ...followUps(cell)),
  ].filter(Boolean);
}

function verdictOf(cell, source, target) {
  const standing = head.standings[cell.standing];
  const mark = head.marks[cell.mark];
  const expected = cell.expected === null ? "nothing was expected" : `expected ${cell.expected}`;
  const card = make(
    "div",
    `verdict-card ${standing.name}`,
    make(
      "p",
      "code-line",
      make("span", "sign", mark.sign),
      make("b", "code", cell.code),
      make("span", "standing", `${standing.name === "broken" ? "! " : ""}${standing.meaning}`),
    ),
    make("p", "sentence", ...sentence(cell.sentence, source, target)),
    make("p", "expected", `${expected}; ${cell.confidence}`),
  );
  for (const caveat of cell.caveats) card.append(make("p", "caveat", caveat));
  return card;
}

// The names come in as names, whatever is in them.
function sentence(text, source, target) {
  const client = head.clients[source] ?? head.sources[source];
  return text.split(/(\{from\}|\{to\})/).map((piece) => {
    if (piece === "{from}") return make("b", "", client);
    if (piece === "{to}") return make("b", "", head.targets[target]);
    return piece;
  });
}

// What is said of the code elsewhere in the page.
function about({ code, explanation, fix }) {
  const known = byId(explanation)?.cloneNode(true);
  if (!known) return null;
  // The advice stands above already.
  if (fix) known.querySelector(":scope > .fix")?.remove();
  const words = known.childNodes;
  return make("details", "about", make("summary", "", `About ${code}`), ...words);
}

// Two ends, two verdicts: neither depends on the other.
function bothVerdicts(cell, source) {
  const theirs = make("div", "end", make("h4", "", "The target on us"));
  theirs.append(cell.peer === null ? make("p", "faint", "it never came to that") : opinion(...cell.peer));
  if (cell.id !== null) theirs.append(make("p", "id", ...breakable(cell.id)));
  const own = pool().own[source].filter((one) => cell.id === null || one.id === cell.id);
  if (cell.id !== null && own.length > 1) {
    theirs.append(make("p", "faint", `it was renewed: ${plural(own.length, "certificate")} one after the other`));
  }
  if (cell.id !== null) own.forEach((one) => theirs.append(tree(one) ?? ""));

  const ours = make("div", "end", make("h4", "", "We on the target"));
  const { server } = cell;
  if (server === null) {
    ours.append(make("p", "faint", "no certificate was seen"));
  } else {
    ours.append(opinion(server.judgement, server.meaning));
    ours.append(make("p", "id", ...breakable(server.id ?? "a certificate without a name")));
    // Where it is the verdict of the cell it stands above already.
    if (server.evidence.join() !== cell.evidence.join()) ours.append(list(server.evidence) ?? "");
    ours.append(tree(server) ?? "");
    if (server.ca_hints.length) {
      ours.append(
        make("details", "hints", make("summary", "", `Its CA hints: ${server.ca_hints.length}`), list(server.ca_hints)),
      );
    }
  }
  return part("Both verdicts", make("div", "ends", theirs, ours));
}

const opinion = (code, meaning) =>
  make("p", "opinion", make("b", "", code), code === "OK" ? null : ` ${meaning}`);

// From the anchor down to the leaf, each certificate below the one that issued it.
function tree({ judgement, chain, root }) {
  if (!chain.length) return null;
  const all = pool().certificates;
  const places = [...new Set([...(root === null ? [] : [root]), ...chain.toReversed()])];
  const issuers = new Map();
  const upwards = (place) => {
    const line = [];
    for (let at = place; at !== undefined; at = issuers.get(at)) line.push(at);
    return line;
  };
  for (const place of places) {
    const { subject, issuer } = all[place];
    if (place === root || issuer === subject || !issuer) continue;
    // Two that name each other as issuer would go round for ever.
    const isIssuer = (other) => all[other].subject === issuer && !upwards(other).includes(place);
    const found = places.find(isIssuer);
    if (found !== undefined) issuers.set(place, found);
  }
  const [leaf] = chain;
  const path = upwards(leaf);
  const kindOf = (place) =>
    place === root ? "anchor" : place === leaf ? "leaf" : path.includes(place) ? "issuer" : "sent as well";
  const below = (issuer) => {
    const some = places.filter((place) => issuers.get(place) === issuer);
    return some.length ? make("ul", "tree", ...some.map(branch)) : null;
  };
  const branch = (place) => {
    const node = certificate(kindOf(place), all[place]);
    node.append(below(place) ?? "");
    return place === path.at(-1) && root === null ? orphan(all[place], judgement, node) : node;
  };
  return below(undefined);
}

// What stands above the leaf, where that is not known: only its name is.
function orphan({ subject, issuer }, judgement, node) {
  const isDistrusted = judgement !== null && judgement !== "OK";
  const name = issuer === subject ? "it is signed by itself" : issuer || "an issuer without a name";
  return make(
    "li",
    isDistrusted ? "missing" : "",
    make("p", "kind", isDistrusted ? "no anchor of ours" : "issued by"),
    make("p", "name", name),
    make("ul", "tree", node),
  );
}

function certificate(kind, one) {
  const [name, ...others] = one.names.length ? one.names : [one.subject || "without a name"];
  const used = make("div", "used");
  used.style.width = `${one.used ?? 0}%`;
  const life = make("div", `life ${one.state}`, used);
  const over = one.used === null ? "" : `${one.used} % of its life is over, `;
  life.setAttribute("role", "img");
  life.setAttribute("aria-label", `${over}${one.left}`);
  const bad = one.state === "expired" || one.state === "early";
  const node = make(
    "li",
    "",
    make("p", "kind", kind),
    make("p", "name", ...breakable(name)),
    ...others.map((other) => make("p", "name other", ...breakable(other))),
    life,
    make(
      "p",
      "dates",
      make(bad ? "b" : "span", one.state, `${bad ? "! " : ""}${one.left}`),
      make("span", "faint", make("span", "", one.not_before), " – ", make("span", "", one.not_after)),
    ),
  );
  const rows = [
    ["subject", one.subject],
    ["issuer", one.issuer],
    ["serial", one.serial],
    ["SHA-256", one.sha256],
    ["of its key", one.key_sha256],
  ].filter(([, value]) => value);
  node.append(make("details", "print", make("summary", "", "Fingerprints"), fields(rows)));
  return node;
}

// A long name breaks behind its slashes.
const breakable = (name) => name.split(/(?<=\/)/).flatMap((piece) => [piece, make("wbr")]);

function connection(cell) {
  const rows = [["address", cell.address]];
  if (cell.via !== null) rows.push(["dialled", cell.via]);
  if (cell.dialect !== null) rows.push(["dialect", cell.dialect]);
  rows.push(["reached", cell.stage], ...cell.tls);
  if (cell.answer !== null) rows.push(["answer", ""], ...cell.answer);
  return rows.filter(([label, value]) => value !== "" || label !== "answer");
}

function times(times) {
  const stages = STAGES.map((name, nth) => [name, times[nth]]).filter(([, ms]) => ms !== null);
  if (!stages.length) return [];
  const sum = stages.reduce((all, [, ms]) => all + ms, 0);
  const bar = make("div", "times");
  const key = make("ul", "times-key");
  bar.setAttribute("aria-hidden", "true");
  for (const [name, ms] of stages) {
    const span = make("span", name);
    span.style.flexGrow = String(Math.max(ms, sum / 200, 0.001));
    bar.append(span);
    key.append(make("li", "", make("span", `swatch ${name}`), `${name} `, make("b", "", `${ms} ms`)));
  }
  key.append(make("li", "", "together ", make("b", "", `${Math.round(sum * 100) / 100} ms`)));
  return [bar, key];
}

function attempts(cell) {
  const [agreeing, total] = cell.agreeing;
  if (total <= 1 && cell.attempts === null) return [];
  const rows = [make("p", "", `${agreeing} of ${plural(total, "connection")} say ${cell.code}.`)];
  if (cell.attempts === null) return rows;
  const { said, flake, faces } = cell.attempts;
  const words = (all) => all.map(([code, by, count]) => `${count} × ${code}${by === null ? "" : ` by ${by}`}`);
  if (said.length) {
    const bar = make("div", "times");
    bar.setAttribute("aria-hidden", "true");
    said.forEach(([, , count], nth) => {
      const span = make("span", STAGES[nth % STAGES.length]);
      span.style.flexGrow = String(count);
      bar.append(span);
    });
    rows.push(bar, list(words(said)));
  }
  if (flake !== null) rows.push(make("p", "", flake));
  for (const face of faces) {
    const about = [
      ["connections", String(face.count)],
      ["say", words(face.said).join(", ")],
      ["issuer", face.issuer],
      ["serial", face.serial],
      ["SHA-256", face.sha256],
      ["CA hints", face.ca_hints.join("; ")],
    ];
    const title = `A certificate met in ${plural(face.count, "connection")}`;
    rows.push(make("details", "", make("summary", "", title), fields(about.filter(([, value]) => value))));
  }
  return rows;
}

function followUps({ followUps }) {
  return followUps.map(({ how, code, evidence }) =>
    make("div", "follow-up", make("p", "", `${how}: `, make("b", "", code)), list(evidence.map(textOf))),
  );
}

// A titled part, where there is something in it.
function part(title, ...children) {
  const some = children.filter(Boolean);
  if (!some.length) return null;
  return make("section", "part-of", make("h3", "", title), ...some);
}

function list(lines) {
  if (!lines.length) return null;
  return make("ul", "evidence", ...lines.map((line) => make("li", "", line)));
}

function fields(rows) {
  const all = make("dl", "fields");
  for (const [label, value] of rows) all.append(make("div", "", make("dt", "", label), make("dd", "", value)));
  return all;
}
