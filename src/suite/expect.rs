//! The expectations of a suite.

use std::cell::Cell;
use std::collections::HashSet;

use super::mistake::At;
use super::reader::{Keys, Reader};
use super::yaml::{Node, Value};
use super::{Expectation, Mode, SourceName, TargetName, Wanted};
use crate::code::{Code, Kind};

/// Where a pseudo-source is first named, or needed: a mode is told from how a target treats clients
/// with a certificate, without one, and in plaintext.
pub(super) fn first_use(lines: &[Node], pseudo: &str) -> Option<At> {
    lines.iter().find_map(|line| {
        let Value::Map(entries) = &line.value else {
            return None;
        };
        entries
            .iter()
            .find_map(|(key, node)| match key.name.as_str() {
                "mode" if pseudo != SourceName::SIDECAR => Some(key.at),
                "from" => match &node.value {
                    Value::Text(text) if text == pseudo => Some(node.at),
                    Value::List(items) => items
                        .iter()
                        .find(|item| matches!(&item.value, Value::Text(text) if text == pseudo))
                        .map(|item| item.at),
                    Value::Text(_) | Value::Empty | Value::Map(_) => None,
                },
                _ => None,
            })
    })
}

pub(super) fn expectations(
    lines: &[Node],
    rows: &[SourceName],
    negatives: Option<&[SourceName]>,
    columns: &[TargetName],
    reader: &mut Reader<'_>,
) -> Vec<Expectation> {
    let rows = Names {
        negatives,
        ..Names::of("source", rows, SourceName::as_str)
    };
    let columns = Names::of("target", columns, TargetName::as_str);
    let mut named = 0;
    let mut all = vec![];
    for line in lines {
        let Some(expectation) = expectation(line, &rows, &columns, reader) else {
            continue;
        };
        named += match &expectation {
            Expectation::Cells { from, to, .. } => from.len() + to.len(),
            Expectation::Mode { to, .. } => to.len(),
        };
        if named > MAX_NAMED {
            let what =
                format!("the expectations name over {MAX_NAMED} rows and columns; split the suite");
            reader.mistakes.add(line.at, what);
            return vec![];
        }
        all.push(expectation);
    }
    all
}

fn expectation(
    line: &Node,
    rows: &Names<'_, SourceName>,
    columns: &Names<'_, TargetName>,
    reader: &mut Reader<'_>,
) -> Option<Expectation> {
    let mut keys = Keys::of("expectation".to_owned(), line.at, line, EXAMPLE, reader)?;
    let from = keys.take("from");
    let to = keys.need("to", "name the targets, or write \"*\" for all");
    let to = to.and_then(|node| columns.find("to", node, reader));
    let verdict = keys.take("verdict");
    let mode = keys.take("mode");
    let expectation = match (verdict, mode) {
        (Some(verdict), None) => {
            let wanted = wanted(verdict, reader);
            if from.is_none() {
                let what = "expectation has no \"from\"; name the sources, or write \"*\" for all";
                reader.mistakes.add(keys.at, what);
            }
            let names = from.and_then(|node| rows.find("from", node, reader));
            if let (Some(from), Some(wanted)) = (from, &wanted) {
                check_acceptance(from, wanted, reader);
            }
            names
                .zip(to)
                .zip(wanted)
                .map(|((from, to), verdict)| Expectation::Cells { from, to, verdict })
        }
        (None, Some(mode)) => {
            if from.is_some() {
                let what =
                    "a mode is of a target, whoever connects; remove `from`, or write `verdict`";
                reader.mistakes.add(keys.place("from"), what);
            }
            let known: Vec<_> = Mode::WANTED
                .iter()
                .map(|mode| (mode.as_str(), *mode))
                .collect();
            let mode = reader.word("mode", mode, &known);
            to.zip(mode)
                .map(|(to, mode)| Expectation::Mode { to, mode })
        }
        (Some(_), Some(_)) => {
            let what = "expectation has both `verdict` and `mode`; write one line for each";
            reader.refuse(keys.place("mode"), what)
        }
        (None, None) => {
            let what = "expectation expects nothing; write `verdict: OK`, another verdict, or `mode: STRICT`";
            reader.refuse(keys.at, what)
        }
    };
    keys.close(reader);
    expectation
}

/// The names of rows or of columns.
struct Names<'a, N> {
    kind: &'static str,
    all: &'a [N],
    known: HashSet<&'a str>,
    text: fn(&N) -> &str,
    /// What [`SourceName::NEGATIVES`] stands for, where the suite has that section.
    negatives: Option<&'a [N]>,
    /// How many more names may be compared with patterns.
    left: Cell<usize>,
}

impl<'a, N: Clone> Names<'a, N> {
    fn of(kind: &'static str, all: &'a [N], text: fn(&N) -> &str) -> Self {
        let known = all.iter().map(text).collect();
        Self {
            kind,
            all,
            known,
            text,
            negatives: None,
            left: Cell::new(MAX_COMPARED),
        }
    }

    /// The names that a word, a list of words or patterns with `*` stand for, each once.
    fn find(&self, key: &str, node: &Node, reader: &mut Reader<'_>) -> Option<Vec<N>> {
        let items = reader.items(node);
        if items.is_empty() {
            let what = format!(
                "{key} is an empty list; name {}s, or write \"*\" for all",
                self.kind
            );
            return reader.refuse(node.at, what);
        }
        let mut asked = HashSet::new();
        let mut patterns = vec![];
        let mut all_known = true;
        for item in items {
            let Some(text) = reader.text(key, item) else {
                all_known = false;
                continue;
            };
            if let (SourceName::NEGATIVES, Some(all)) = (text, self.negatives) {
                asked.extend(all.iter().map(self.text));
                continue;
            }
            let matched = if text.contains('*') {
                let Some(left) = self.left.get().checked_sub(2 * self.all.len()) else {
                    let what = "the patterns with \"*\" are too many to be tried; name the names";
                    return reader.refuse(item.at, what);
                };
                self.left.set(left);
                patterns.push(text);
                self.known.iter().any(|name| is_like(name, text))
            } else {
                asked.insert(text);
                self.known.contains(text)
            };
            if !matched {
                all_known = false;
                self.refuse(text, item.at, reader);
            }
        }
        let is_asked = |name: &&N| {
            let name = (self.text)(name);
            asked.contains(name) || patterns.iter().any(|pattern| is_like(name, pattern))
        };
        all_known.then(|| self.all.iter().filter(is_asked).cloned().collect())
    }

    fn refuse(&self, text: &str, at: At, reader: &mut Reader<'_>) {
        let kind = self.kind;
        let what = if kind == "source" && text == SourceName::NEGATIVES {
            "the suite has no section `negatives`; write for example `negatives: sa/frontend`"
                .to_owned()
        } else if self.all.is_empty() {
            format!("there is no {kind} {text:?}: the suite has no {kind}s; add `{kind}s`")
        } else if text.contains('*') {
            format!("no {kind} is like {text:?}")
        } else {
            let hint = reader
                .mistakes
                .hint(text, "the suite has", self.all.iter().map(self.text));
            format!("there is no {kind} {text:?}{hint}")
        };
        reader.mistakes.add(at, what);
    }
}

/// Whether a name fits a pattern, in which each `*` stands for anything.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return name == pattern;
    };
    let Some(mut left) = name.strip_prefix(head) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        match left.find(part) {
            Some(at) => left = left.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

fn wanted(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<Wanted>> {
    let items = reader.items(node);
    if items.is_empty() {
        let what = "verdict is an empty list; write OK, REJECTED, DISTRUSTED or codes";
        return reader.refuse(node.at, what);
    }
    let mut all = vec![];
    let mut all_known = true;
    for item in items {
        match reader
            .text("verdict", item)
            .and_then(|text| one_wanted(text, item.at, reader))
        {
            Some(wanted) if all.contains(&wanted) => {}
            Some(wanted) => all.push(wanted),
            None => all_known = false,
        }
    }
    all_known.then_some(all)
}

fn one_wanted(text: &str, at: At, reader: &mut Reader<'_>) -> Option<Wanted> {
    if let Some(wanted) = Wanted::all().find(|wanted| wanted.as_str() == text) {
        return Some(wanted);
    }
    let doubt = text.parse::<Code>();
    if doubt.is_ok_and(|code| code.kind() == Kind::Inconclusive) {
        let what = format!(
            "verdict {text:?} means that nobody can tell, and a suite cannot expect doubt; write what should happen, or remove the line"
        );
        return reader.refuse(at, what);
    }
    let known: Vec<_> = Wanted::all().map(Wanted::as_str).collect();
    let hint = match reader.mistakes.hint(text, "write", known) {
        hint if hint.contains("did you mean") => hint,
        _ => "; write OK, REJECTED (by the peer), DISTRUSTED (by us) or a code that `probe explain` lists".into(),
    };
    reader.refuse(at, format!("verdict {text:?} is not known{hint}"))
}

/// Acceptance has one code over TLS and another in plaintext: the wrong one can never be met.
fn check_acceptance(from: &Node, wanted: &[Wanted], reader: &mut Reader<'_>) {
    let only = |code| wanted == [Wanted::Code(code)];
    for item in reader.items(from) {
        let Value::Text(name) = &item.value else {
            continue;
        };
        let what = match name.as_str() {
            SourceName::PLAINTEXT if only(Code::Ok) => {
                "without TLS nothing can be OK; write `verdict: PLAINTEXT_ACCEPTED` on a line of its own"
                    .to_owned()
            }
            SourceName::PLAINTEXT => continue,
            name if only(Code::PlaintextAccepted) && !name.contains('*') => {
                format!("PLAINTEXT_ACCEPTED is for source \"plaintext\"; write `verdict: OK` for {name:?}")
            }
            _ => continue,
        };
        reader.mistakes.add(item.at, what);
    }
}

const EXAMPLE: &str = "{ from: sa/frontend, to: api, verdict: OK }";
/// A suite keeps the names of every expectation: `*` in a fleet multiplies.
const MAX_NAMED: usize = 2_000_000;
/// A thousand patterns in a fleet of ten thousand.
const MAX_COMPARED: usize = 20_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, wanted) in [
            ("*", "api", true),
            ("sa/*", "sa/frontend", true),
            ("sa/*", "ns/sa/frontend", false),
            ("*/frontend", "sa/frontend", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("**", "x", true),
            ("a", "a", true),
        ] {
            assert_eq!(is_like(name, pattern), wanted, "{pattern} {name}");
        }
    }
}
