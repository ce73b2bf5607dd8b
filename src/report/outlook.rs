//! What will break by a moment to come, in words, and as one JSON value.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use jiff::Timestamp;

use super::document::{Document, Mark, Phrase};
use super::page::Look;
use super::{Paper, Style};
use crate::findings::rough;
use crate::matrix::{Finding, Severity};
use crate::outlook::{End, Outlook, Part, Whose};

/// Writes an outlook.
pub fn write(
    outlook: &Outlook,
    paper: Paper,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    match paper {
        Paper::Table => document(outlook).table(style, out),
        Paper::Json => super::json(outlook, out),
        Paper::Markdown => document(outlook).markdown(out),
    }
}

fn document(outlook: &Outlook) -> Document {
    let mut out = Document::default();
    let totals = outlook.totals;
    out.title(match (totals.breaking, totals.accepted) {
        (0, 0) => "Nothing is accepted, so nothing can break",
        (0, _) => "Nothing will break by then",
        _ => "Cells will break by then, unless certificates are renewed",
    });
    let mut about = Phrase::words("result  ");
    if let Some(file) = &outlook.file {
        about = about.name(file).say(", ");
    }
    let started = outlook.started_at.parse::<Timestamp>();
    out.line(about.say("run at ").quote(&outlook.started_at));
    let mut then = Phrase::words("then    ").quote(&outlook.at);
    if let (Ok(started), Ok(at)) = (&started, outlook.at.parse::<Timestamp>()) {
        let span = at.duration_since(*started);
        let word = if span.is_negative() {
            "before"
        } else {
            "after"
        };
        then = then.say(&format!(", {} {word} the run", rough(span)));
    }
    out.line(then);
    let look = if totals.breaking > 0 {
        Look::Bad
    } else {
        Look::Good
    };
    let share = format!("{} of {}", totals.breaking, totals.accepted);
    out.line(Phrase::default().mark(look, &share).say(&format!(
        " accepted cells will break; {} in all.",
        totals.cells
    )));
    let (breaking, later): (Vec<_>, Vec<_>) = outlook.ends.iter().partition(|end| end.breaks);
    for (title, mark, ends, most) in [
        ("Will break", Mark::Bad, breaking, BREAKING),
        ("Next to end", Mark::Plain, later, LATER),
    ] {
        if ends.is_empty() {
            continue;
        }
        out.heading(title);
        for end in ends.iter().take(most) {
            describe(&mut out, end, mark, started.as_ref().ok().copied());
        }
        if let Some(more) = ends.len().checked_sub(most + 1) {
            let words = format!("{} more, which the JSON form holds", more + 1);
            out.item(Mark::Plain, Phrase::words(&words));
        }
    }
    if !outlook.warnings.is_empty() {
        out.heading("Warnings, as of the run");
        for finding in outlook.warnings.iter().take(BREAKING) {
            warn(&mut out, finding);
        }
    }
    out
}

fn describe(out: &mut Document, end: &End, mark: Mark, started: Option<Timestamp>) {
    let name = end.named();
    let phrase = match (end.part, end.whose) {
        (Part::Leaf, Whose::Server) => Phrase::words("the certificate of ").name(&name),
        (Part::Leaf, Whose::Ours) => Phrase::words("our certificate as ").name(&name),
        (Part::Intermediate, _) => Phrase::words("the CA certificate ").name(&name),
        (Part::Root, _) => Phrase::words("the root ").name(&name),
    };
    let when = end.when.parse::<Timestamp>().ok().zip(started);
    let span = when.map(|(when, started)| when.duration_since(started));
    let words = match (end.is_early, span) {
        (true, _) => " is not valid before ".to_owned(),
        (false, Some(span)) if span.is_negative() => {
            format!(" ended {} before the run, at ", rough(span))
        }
        (false, Some(span)) => format!(" ends {} after the run, at ", rough(span)),
        (false, None) => " ends at ".to_owned(),
    };
    let cells = match end.cells.len() {
        1 => ": 1 cell".to_owned(),
        many => format!(": {many} cells"),
    };
    out.item(mark, phrase.say(&words).quote(&end.when).say(&cells));
    let who = Phrase::words("from ").names(&end.sources);
    out.detail(who.say(" to ").names(&end.targets));
    if let Some(due) = &end.renewal_due {
        let was = due.parse::<Timestamp>().ok().zip(started);
        let word = if was.is_some_and(|(due, started)| due < started) {
            "was"
        } else {
            "is"
        };
        let words = format!("by its looks its renewal {word} due at ");
        out.detail(Phrase::words(&words).quote(due));
    }
}

fn warn(out: &mut Document, finding: &Finding) {
    let mark = match finding.severity {
        Severity::Error => Mark::Bad,
        Severity::Warning => Mark::Doubt,
        Severity::Info => Mark::Plain,
    };
    let phrase = Phrase::default().quote(&finding.code).say(": ");
    out.item(mark, phrase.quote(&finding.message));
    out.detail(Phrase::default().quote(&finding.fix));
}

/// How much is shown of each; the JSON form holds all.
const BREAKING: usize = 40;
const LATER: usize = 5;
