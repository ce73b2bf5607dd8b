//! For a spreadsheet: a line a cell, by RFC 4180. What a peer sent opens there as text and never as a
//! formula.

use std::io::{self, BufWriter, Write};

use super::text::{FIELD, shown};
use crate::expectation::Met;
use crate::matrix::{Cell, Certificate, Matrix};

pub(super) fn write(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let heading: Vec<String> = COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect();
    line(&heading, &mut out)?;
    for cell in &matrix.cells {
        let fields: Vec<String> = COLUMNS.iter().map(|(_, of)| of(cell)).collect();
        line(&fields, &mut out)?;
    }
    out.flush()
}

type Column = (&'static str, fn(&Cell) -> String);

/// Columns are added at the end: people count them.
const COLUMNS: &[Column] = &[
    ("from", |cell| text(&cell.from)),
    ("from_id", |cell| maybe(cell.from_id.as_deref())),
    ("to", |cell| text(&cell.to)),
    ("address", |cell| text(&cell.address)),
    ("via", |cell| maybe(cell.via.as_deref())),
    ("dialect", |cell| maybe(cell.dialect.as_deref())),
    ("standing", |cell| standing(cell).to_owned()),
    ("outcome", |cell| text(&cell.outcome)),
    ("code", |cell| cell.code.to_string()),
    ("by", |cell| maybe(cell.by.as_deref())),
    ("confidence", |cell| cell.confidence.as_str().to_owned()),
    ("expected", |cell| maybe(cell.expected.as_deref())),
    ("stage", |cell| text(&cell.stage)),
    ("attempts", |cell| cell.attempts.total.to_string()),
    ("agreeing", |cell| cell.attempts.agreeing.to_string()),
    ("tls_version", |cell| {
        maybe(cell.tls.as_ref().and_then(|tls| tls.version.as_deref()))
    }),
    ("server_id", |cell| {
        maybe(cell.server.as_ref().and_then(|server| server.id.as_deref()))
    }),
    ("server_judgement", |cell| {
        let server = cell.server.as_ref();
        server.map_or(String::new(), |server| server.judgement.to_string())
    }),
    ("server_not_after", |cell| {
        maybe(leaf(cell).map(|leaf| leaf.not_after.as_str()))
    }),
    ("http_status", |cell| {
        let http = cell.http.as_ref();
        http.map_or(String::new(), |http| http.status.to_string())
    }),
    ("dns_ms", |cell| number(cell.timing_ms.dns)),
    ("tcp_ms", |cell| number(cell.timing_ms.tcp)),
    ("tls_ms", |cell| number(cell.timing_ms.tls)),
    ("settle_ms", |cell| number(cell.timing_ms.settle)),
    ("request_ms", |cell| number(cell.timing_ms.request)),
    ("evidence", evidence),
];

/// Every word of the totals.
fn standing(cell: &Cell) -> &'static str {
    match cell.standing() {
        Met::Met => "met",
        Met::Broken => "broken",
        Met::InDoubt => "inconclusive",
        Met::Unjudged => "unjudged",
    }
}

fn leaf(cell: &Cell) -> Option<&Certificate> {
    cell.server.as_ref()?.chain.first()
}

fn evidence(cell: &Cell) -> String {
    let facts = cell.evidence.iter().take(FACTS).map(|fact| text(fact));
    let mut facts: Vec<String> = facts.collect();
    match cell.evidence.len().saturating_sub(FACTS) {
        0 => {}
        more => facts.push(format!("and {more} more, which the JSON result holds")),
    }
    facts.join("; ")
}

fn maybe(field: Option<&str>) -> String {
    field.map_or(String::new(), text)
}

/// Nothing where there is none.
fn number(of: Option<f64>) -> String {
    of.map_or(String::new(), |of| of.to_string())
}

/// A text of somebody else: visible, on one line, and no formula. Programs take a field for one that
/// begins with certain signs; where they split at semicolons, also what follows one.
fn text(text: &str) -> String {
    let mut out = String::new();
    let mut may_begin = true;
    for c in shown(text, FIELD, false).chars() {
        if may_begin && BEGINS_FORMULA.contains(&c) {
            out.push('\'');
        }
        may_begin = matches!(c, ';' | ',') || may_begin && c == ' ';
        out.push(c);
    }
    out
}

fn line(fields: &[String], out: &mut impl Write) -> io::Result<()> {
    for (nth, field) in fields.iter().enumerate() {
        if nth > 0 {
            write!(out, ",")?;
        }
        if field.contains([',', ';', '"', '\'', ' ']) {
            write!(out, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            write!(out, "{field}")?;
        }
    }
    write!(out, "\r\n")
}

/// The signs, and their wide forms, which some programs take for them.
const BEGINS_FORMULA: &[char] = &['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// How many facts are listed.
const FACTS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_peer_is_a_formula() {
        for (from, want) in [
            ("sa/a", "sa/a"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "  '=1"),
            ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
            ("a,\"=1", "a,\"=1"),
            ("\t=1", "\\t=1"),
            ("\r\n=1", "\\r\\n=1"),
            ("＝1", "'＝1"),
            ("a=b-c", "a=b-c"),
        ] {
            assert_eq!(text(from), want);
        }
    }

    #[test]
    fn a_field_is_quoted_where_it_must_be() {
        let mut out = vec![];
        let fields = ["a", "a,b", "say \"x\"", "", "1.5"].map(str::to_owned);
        line(&fields, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "a,\"a,b\",\"say \"\"x\"\"\",,1.5\r\n");
    }
}
