//! `docs/classification.md` is these rows: every line of it is judged by the tests beside.

use std::fs;
use std::path::Path;

use super::row::{Row, Section};
use super::words::HEADS;
use super::{
    answers, follow_ups, given, hello, libraries, nothing, openings, ours, plaintext, replies,
    settled, sidecar, silent, tunnels,
};

#[test]
fn the_decision_table_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/classification.md");
    let got = document();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, got).unwrap();
        return;
    }
    let want = fs::read_to_string(&path).unwrap_or_default();
    let differs = || {
        let lines = got.lines().zip(want.lines());
        lines.into_iter().find(|(got, want)| got != want)
    };
    assert!(
        got == want,
        "docs/classification.md differs; run UPDATE_GOLDEN=1 cargo test and look at the \
         difference, which begins with {:#?}",
        differs()
    );
}

fn document() -> String {
    let sections = [
        hello::sections(),
        nothing::sections(),
        given::sections(),
        libraries::sections(),
        silent::sections(),
        settled::sections(),
        answers::sections(),
        replies::sections(),
        tunnels::sections(),
        plaintext::sections(),
        openings::sections(),
        sidecar::sections(),
        ours::sections(),
        follow_ups::sections(),
    ];
    let mut text = TOP.trim_start().to_owned();
    for section in sections.iter().flatten() {
        text += &format!("\n## {}\n\n{}\n\n", section.title, wrapped(section.about));
        text += &table(section);
    }
    text
}

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= WIDTH => *line += &format!(" {word}"),
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// Only the columns that rows differ in; what all have in common is said once.
fn table(section: &Section) -> String {
    let rows: Vec<_> = section.rows.iter().map(Row::in_words).collect();
    let values = |nth: usize| rows.iter().map(move |row| row[nth].as_str());
    let is_common = |nth: usize| {
        let first = values(nth).next();
        values(nth).all(|value| Some(value) == first)
    };
    let (common, shown): (Vec<_>, Vec<_>) = (0..HEADS.len()).partition(|nth| is_common(*nth));
    let said = common.into_iter().filter_map(|nth| {
        let value = values(nth).next().filter(|value| !value.is_empty())?;
        Some(format!("{}: {value}", HEADS[nth]))
    });
    let said: Vec<_> = said.collect();
    let said = match said.as_slice() {
        [] => String::new(),
        said => format!("In every row: {}.\n\n", said.join("; ")),
    };
    let line = |cells: &[String]| {
        let cells = shown.iter().map(|nth| cells[*nth].replace('|', "\\|"));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule = format!("|{}\n", " --- |".repeat(shown.len()));
    let rows = rows.iter().map(|row| line(row));
    said + &line(&HEADS.map(str::to_owned)) + &rule + &rows.collect::<String>()
}

const WIDTH: usize = 120;

const TOP: &str = "
# How a verdict is reached

Every line below is a row of the tests in `src/verdict/tests/`: what is seen and what is known, and the verdict that
comes of it. The tests write this page, and fail when it is not current.

The order of thought:

1. **What came**: an alert, an answer, or an end without a word. An alert is evidence, not a cause.
2. **When**: what the server had heard of us by then. Before our certificate was out, it is not about our certificate.
3. **What we gave**: our certificate, nothing, or nothing because no scheme of the server fits our key.
4. **What we know of our own certificate**: its dates, usages, chain, and whether the server lists our issuer's name.
5. **Which TLS library** the peer looks like, by the order of the signature schemes that it asks for. An order that
   nobody has measured (`unknown`), or that two libraries share, is read with all doubt.
6. **What other connections have shown**: other identities at the same address, and at most three follow-ups of a cell,
   one of each kind: *no certificate*, a *throw-away* (a certificate of our names by a CA that nobody knows), the
   *other version* of TLS, and the *mesh ALPN* (the application protocol of an Istio sidecar beside ours).
7. **What is left**: one cause is `certain` or `likely`; several are `ambiguous`, all of them listed; where not even the
   outcome is known, the verdict is `CLOSED`, `RESET`, `SILENT` or `HANDSHAKE_TIMEOUT`, and never an acceptance.

\"Our certificate\" is *faultless* where we find no fault in a chain up to a root of our bundle. The column \"then opens\"
names the follow-ups that are opened next, in this order, until one of them settles it.
";
