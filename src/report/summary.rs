//! The matrix as Markdown, for a comment on a change or the summary of a CI step: what it adds up to,
//! what is broken and why, findings, and the matrix itself where it is small. Bounded in length.

use std::io::{self, Write};

use super::details::{EACH, THEM, caveats, client, remedy, told};
use super::document::{Document, Mark as Point, Phrase};
use super::explain;
use super::group::{Group, by, by_importance, groups};
use super::mark::{ABSENT, BROKEN, Mark, flaps, is_doubtful, is_unsure, share};
use super::page::Look;
use crate::code::Code;
use crate::expectation::Met;
use crate::matrix::{Cell, Matrix, Severity, TargetSummary, Totals};

pub(super) fn write(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    document(matrix).markdown(out)
}

fn document(matrix: &Matrix) -> Document {
    let mut out = Document::default();
    let totals = Totals::of(&matrix.cells);
    out.title(title(matrix, totals));
    out.line(counts(totals));
    if matrix.run.interrupted {
        let words = "The run was stopped before its end, and cells are missing.";
        out.line(Phrase::default().mark(Look::Bad, words));
    }
    about(matrix, &mut out);
    modes(matrix, &mut out);
    let (broken, others): (Vec<&Cell>, Vec<&Cell>) = matrix
        .cells
        .iter()
        .partition(|cell| cell.standing() == Met::Broken);
    let doubtful: Vec<&Cell> = others
        .into_iter()
        .filter(|cell| is_doubtful(cell))
        .collect();
    cells("Not as expected", Point::Bad, &broken, &mut out);
    cells("In doubt", Point::Doubt, &doubtful, &mut out);
    findings(matrix, &mut out);
    overview(matrix, &mut out);
    let troubled = broken.into_iter().chain(doubtful);
    let troubled: Vec<&Cell> = troubled.filter(|cell| cell.expected.is_some()).collect();
    causes(&troubled, &mut out);
    out
}

fn title(matrix: &Matrix, totals: Totals) -> &'static str {
    let targets = matrix.targets.iter();
    let has_wrong_mode = targets.clone().any(|target| !target.is_as_expected());
    match totals {
        Totals { cells: 0, .. } => "Nothing was probed",
        Totals { broken: 1.., .. } => "mTLS is not as expected",
        _ if has_wrong_mode => "mTLS is not as expected",
        Totals {
            inconclusive: 1.., ..
        } => "Nobody can tell whether mTLS is as expected",
        _ if matrix.run.interrupted => "mTLS is as expected as far as it was probed",
        Totals { met: 0, .. } => "mTLS was probed, and nothing was expected",
        _ => "mTLS is as expected",
    }
}

fn counts(totals: Totals) -> Phrase {
    let mut phrase = Phrase::default();
    for (count, words, look) in [
        (totals.broken, "not as expected", Look::Bad),
        (totals.inconclusive, "in doubt", Look::Doubt),
        (totals.met, "as expected", Look::Good),
        (totals.unjudged, "nothing expected of", Look::Plain),
    ] {
        if count > 0 {
            phrase = phrase.mark(look, &format!("{count} {words}"));
            phrase = phrase.say(", ");
        }
    }
    match totals.cells {
        1 => phrase.say("1 cell in all."),
        cells => phrase.say(&format!("{cells} cells in all.")),
    }
}

fn about(matrix: &Matrix, out: &mut Document) {
    let run = &matrix.run;
    if run.started_at.is_empty() {
        return;
    }
    let mut about = Phrase::words("Run at ").quote(&run.started_at);
    if !run.suites.is_empty() {
        about = about.say(" of ").names(&run.suites);
    }
    if !run.judged_at.is_empty() && run.judged_at != run.started_at {
        about = about.say(", certificates judged as of ");
        about = about.quote(&run.judged_at);
    }
    out.line(about.say("."));
}

/// Modes that should be others.
fn modes(matrix: &Matrix, out: &mut Document) {
    let wrong = |target: &&TargetSummary| !target.is_as_expected();
    let wrong: Vec<&TargetSummary> = matrix.targets.iter().filter(wrong).collect();
    if wrong.is_empty() {
        return;
    }
    out.heading("Modes that should be others");
    for target in wrong.iter().take(SHOWN) {
        let expected = target.expected_mode.as_deref().unwrap_or_default();
        let is = Phrase::default().name(&target.name).say(" is ");
        let is = is.quote(&target.mode).say(", expected ").quote(expected);
        out.item(Point::Bad, is);
        for fact in target.evidence.iter().take(FACTS) {
            out.detail(Phrase::default().quote(fact));
        }
    }
    more(wrong.len(), "targets", out);
}

/// Cells that read the same share an item.
fn cells(heading: &str, point: Point, cells: &[&Cell], out: &mut Document) {
    if cells.is_empty() {
        return;
    }
    out.heading(heading);
    let groups = by_importance(groups(cells));
    for group in groups.iter().take(SHOWN) {
        item(point, group, out);
    }
    more(groups.len(), "of them", out);
}

fn item(point: Point, group: &Group<'_>, out: &mut Document) {
    let cell = group.first;
    let targets: Vec<&str> = group.places.iter().map(|(target, _)| *target).collect();
    let who = Phrase::default().names(&group.sources);
    let who = who.say(" -> ").names(&targets).say(": ");
    let mut who = who.mark(Look::Bad, cell.code.as_str());
    if flaps(cell) {
        who = who.say(&format!(" {}", share(cell)));
    }
    if let Some(expected) = &cell.expected {
        let expected: Vec<&str> = expected.split('|').collect();
        who = who.say(", expected ").names(&expected);
    }
    out.item(point, who);
    let from = match group.sources.as_slice() {
        [from] => client(from),
        [..] => THEM,
    };
    let to = match targets.as_slice() {
        [to] => to,
        [..] => EACH,
    };
    out.detail(told(cell, from, to));
    let addresses = group.places.iter().flat_map(|(_, addresses)| addresses);
    let addresses: Vec<&str> = addresses.copied().collect();
    out.detail(Phrase::words("at ").names(&addresses));
    let is_common = |fact: &&String| group.cells.iter().all(|cell| cell.evidence.contains(fact));
    for fact in cell.evidence.iter().filter(is_common).take(FACTS) {
        out.detail(Phrase::default().quote(fact));
    }
    for line in caveats(cell) {
        out.detail(Phrase::words(&line.text()));
    }
    if let Some(server) = &cell.server
        && server.judgement != Code::Ok
        && !cell.refused_by_probe()
    {
        let words = Phrase::words("We would refuse its certificate, too: ");
        out.detail(words.mark(Look::Strong, server.judgement.as_str()));
    }
    if let Some(advice) = remedy(cell) {
        out.detail(with_code(advice));
    }
}

/// Words of ours in which commands stand between backticks.
fn with_code(words: &str) -> Phrase {
    let pieces = words.split('`').enumerate();
    pieces.fold(Phrase::default(), |phrase, (nth, piece)| match nth % 2 {
        0 => phrase.say(piece),
        _ => phrase.quote(piece),
    })
}

fn findings(matrix: &Matrix, out: &mut Document) {
    if matrix.findings.is_empty() {
        return;
    }
    out.heading("Findings");
    for finding in matrix.findings.iter().take(SHOWN) {
        let (point, severity) = match finding.severity {
            Severity::Error => (Point::Bad, "error"),
            Severity::Warning => (Point::Doubt, "warning"),
            Severity::Info => (Point::Plain, "info"),
        };
        let what = Phrase::words(severity).say(" ").name(&finding.code);
        out.item(point, what.say(" about ").quote(&finding.about));
        out.detail(Phrase::default().quote_whole(&finding.message));
        if !finding.fix.is_empty() {
            out.detail(Phrase::default().quote_whole(&finding.fix));
        }
    }
    more(matrix.findings.len(), "findings", out);
}

/// What each code of the cells means, and its likeliest cause: once, however many cells have it.
fn causes(cells: &[&Cell], out: &mut Document) {
    // A flake is about the cell, and not about its code.
    let steady = cells.iter().filter(|cell| cell.attempts.flake.is_none());
    let codes = by(steady, |cell| (cell.code, cell.refused_by_probe()));
    if codes.is_empty() {
        return;
    }
    out.heading("Likely causes");
    for cells in codes.iter().take(EXPLAINED) {
        let Some(cell) = cells.first() else { continue };
        let code = cell.code;
        let mut said = explain::paragraphs(explain::of(cell), 1).into_iter();
        let meaning = said.next().unwrap_or_default();
        let what = Phrase::default().mark(Look::Strong, code.as_str());
        out.item(Point::Plain, what.say(": ").join(with_code(&meaning)));
        for paragraph in said {
            out.detail(with_code(&paragraph));
        }
        out.detail(with_code(&format!("All causes: `probe explain {code}`")));
    }
    if let more @ 1.. = codes.len().saturating_sub(EXPLAINED) {
        out.line(with_code(&format!(
            "And {more} more codes: `probe explain`"
        )));
    }
}

/// Every square where they are few, else every target.
fn overview(matrix: &Matrix, out: &mut Document) {
    let rows = by(matrix.cells.iter(), |cell| cell.from.as_str());
    let columns = by(matrix.cells.iter(), |cell| cell.to.as_str());
    if columns.is_empty() {
        return;
    }
    out.heading("Matrix");
    if columns.len() <= MOST_COLUMNS && rows.len() <= MOST_ROWS {
        out.grid(squares(&rows, &columns));
        out.line(key(matrix));
    } else {
        out.grid(by_target(matrix, &columns));
        more_than(columns.len(), MOST_TARGETS, "targets", out);
    }
}

fn squares(rows: &[Vec<&Cell>], columns: &[Vec<&Cell>]) -> Vec<Vec<Phrase>> {
    let names = columns.iter().filter_map(|cells| cells.first());
    let names: Vec<&str> = names.map(|cell| cell.to.as_str()).collect();
    let heading = names.iter().map(|name| Phrase::default().name(name));
    let heading = std::iter::once(Phrase::words("from")).chain(heading);
    let mut grid: Vec<Vec<Phrase>> = vec![heading.collect()];
    for cells in rows {
        let Some(first) = cells.first() else { continue };
        let mut row = vec![Phrase::default().name(&first.from)];
        for name in &names {
            let here: Vec<&Cell> = cells
                .iter()
                .copied()
                .filter(|cell| cell.to == *name)
                .collect();
            row.push(square(&here));
        }
        grid.push(row);
    }
    grid
}

/// All addresses: the gravest verdict, and at how many of them it is.
fn square(cells: &[&Cell]) -> Phrase {
    let gravity = |cell: &&&Cell| match cell.standing() {
        Met::Broken => 3,
        Met::InDoubt => 2,
        Met::Unjudged => 1,
        Met::Met => 0,
    };
    // Of equals the first, and max_by_key takes the last.
    let Some(cell) = cells.iter().rev().max_by_key(gravity) else {
        return Phrase::words(ABSENT);
    };
    let same = cells.iter().filter(|other| {
        (other.code, Mark::of(other), gravity(other)) == (cell.code, Mark::of(cell), gravity(&cell))
    });
    let (lead, look) = match cell.standing() {
        Met::Broken => (BROKEN, Look::Bad),
        Met::InDoubt => ("", Look::Doubt),
        Met::Met | Met::Unjudged => ("", Look::Plain),
    };
    let unsure = if is_unsure(cell) {
        " (not certain)"
    } else {
        ""
    };
    let at = match (same.count(), cells.len()) {
        (same, all) if same < all => format!(" {same}/{all}"),
        _ => String::new(),
    };
    let sign = Mark::of(cell).sign(false);
    let text = format!("{lead}{sign} {}{at}{unsure}", cell.code);
    Phrase::default().mark(look, &text)
}

/// What the signs mean, as far as they occur.
fn key(matrix: &Matrix) -> Phrase {
    let mut key = Phrase::words(BROKEN).say(" not as expected");
    for mark in Mark::ALL {
        if matrix.cells.iter().any(|cell| Mark::of(cell) == mark) {
            let words = format!("; {} {}", mark.sign(false), mark.meaning());
            key = key.say(&words);
        }
    }
    key.say("; bold: look at it.")
}

/// Those with trouble first.
fn by_target(matrix: &Matrix, columns: &[Vec<&Cell>]) -> Vec<Vec<Phrase>> {
    let heading = [
        "target",
        "mode",
        "not as expected",
        "in doubt",
        "as expected",
        "nothing expected",
    ];
    let mut grid = vec![heading.map(Phrase::words).into()];
    let mut counted: Vec<(&str, Totals)> = vec![];
    for cells in columns {
        let Some(first) = cells.first() else { continue };
        let mut totals = Totals::default();
        for cell in cells {
            match cell.standing() {
                Met::Met => totals.met += 1,
                Met::Broken => totals.broken += 1,
                Met::InDoubt => totals.inconclusive += 1,
                Met::Unjudged => totals.unjudged += 1,
            }
        }
        counted.push((&first.to, totals));
    }
    counted.sort_by_key(|(_, totals)| std::cmp::Reverse((totals.broken, totals.inconclusive)));
    for (name, totals) in counted.into_iter().take(MOST_TARGETS) {
        let summary = matrix.targets.iter().find(|target| target.name == name);
        let mode = summary.map_or(Phrase::words(ABSENT), |target| {
            Phrase::default().quote(&target.mode)
        });
        let count = |count: usize, look| match count {
            0 => Phrase::words("0"),
            many => Phrase::default().mark(look, &many.to_string()),
        };
        grid.push(vec![
            Phrase::default().name(name),
            mode,
            count(totals.broken, Look::Bad),
            count(totals.inconclusive, Look::Doubt),
            count(totals.met, Look::Plain),
            count(totals.unjudged, Look::Plain),
        ]);
    }
    grid
}

fn more(all: usize, what: &str, out: &mut Document) {
    more_than(all, SHOWN, what, out);
}

fn more_than(all: usize, shown: usize, what: &str, out: &mut Document) {
    if all > shown {
        let words = format!(
            "And {} more {what}, which the JSON form holds.",
            all - shown
        );
        out.line(Phrase::words(&words));
    }
}

/// How many items of a kind are shown.
const SHOWN: usize = 15;
/// How many codes are explained.
const EXPLAINED: usize = 5;
/// How many facts of each.
const FACTS: usize = 4;
/// What a comment shows without scrolling.
const MOST_COLUMNS: usize = 8;
const MOST_ROWS: usize = 24;
/// How many targets are counted, where there are more.
const MOST_TARGETS: usize = 50;

#[cfg(test)]
mod tests;
