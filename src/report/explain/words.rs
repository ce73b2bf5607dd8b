//! Explanations for people, on a terminal.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};

use super::entry::{Confirm, Family, Likely, Page, Topic};
use super::lookup::family;
use crate::code::By;
use crate::report::Style;
use crate::report::page::{self, Line, Look};

/// Lines of prose longer than this are hard to read, however wide the terminal.
const WIDEST: usize = 100;
/// Where the second of two columns begins.
const COLUMN: usize = 30;

/// Everything of one code.
pub(super) fn topic(topic: &'static Topic, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let paper = &mut paper(style, &mut out);
    let title = Line::new().name(topic.code).say("  ");
    paper.line(title.add(look(topic.family), topic.family.as_str()))?;
    paper.item(0, 0, Line::new().sentence(&sentence(topic.summary)))?;
    let mut told = HashSet::new();
    for one in topic.pages {
        page_of(paper, one, &mut told)?;
    }
    paper.heading("Exit code")?;
    paper.item(2, 2, Line::new().sentence(topic.exit))?;
    paper.blank()?;
    paper.item(0, 0, Line::new().add(Look::Faint, LEGEND))?;
    out.flush()
}

/// Every code, a line each.
pub(super) fn list(style: &Style, out: &mut impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let paper = &mut paper(style, &mut out);
    for (nth, one) in Family::ALL.into_iter().enumerate() {
        if nth > 0 {
            paper.blank()?;
        }
        paper.line(Line::new().add(look(one), title(one)))?;
        for topic in family(one) {
            let line = Line::new().say(topic.code).pad(COLUMN);
            let line = if line.columns() > COLUMN {
                line.say("  ")
            } else {
                line
            };
            paper.item(2, COLUMN + 2, line.sentence(topic.summary))?;
        }
    }
    paper.blank()?;
    let more = "`probe explain CODE` tells the causes of each, what confirms them, and the fix.";
    paper.item(0, 0, Line::new().add(Look::Faint, more))?;
    out.flush()
}

/// Said once under every explanation.
const LEGEND: &str = "Words in capitals within commands are for you to fill in.";

fn paper<'a, W: Write>(style: &Style, out: &'a mut W) -> page::Page<'a, W> {
    let width = style.width.unwrap_or(WIDEST).min(WIDEST);
    let style = Style {
        width: Some(width),
        ..*style
    };
    page::Page::new(&style, out)
}

fn page_of(
    paper: &mut page::Page<'_, impl Write>,
    one: &'static Page,
    told: &mut HashSet<&'static str>,
) -> io::Result<()> {
    paper.heading(who(one.by))?;
    paper.item(2, 2, Line::new().sentence(one.meaning))?;
    paper.blank()?;
    let not = Line::new().name(NOT).say(" ");
    paper.item(2, 2, not.sentence(&uncapitalised(one.is_not)))?;
    paper.blank()?;
    paper.arrow(2, Line::new().sentence(one.advice))?;
    paper.heading(likeliest(one.causes))?;
    for (nth, likely) in one.causes.iter().enumerate() {
        if nth > 0 {
            paper.blank()?;
        }
        let is_new = told.insert(likely.cause.name);
        cause(paper, nth + 1, likely, is_new)?;
    }
    Ok(())
}

fn cause(
    paper: &mut page::Page<'_, impl Write>,
    nth: usize,
    likely: &Likely,
    is_new: bool,
) -> io::Result<()> {
    let number = format!("{nth}.");
    let name = Line::new().say(&number).pad(DEEP - 2);
    paper.item(2, DEEP, name.name(likely.cause.name))?;
    let looks = Line::new()
        .add(Look::Faint, "Seen: ")
        .sentence(likely.looks);
    if !is_new {
        paper.item(DEEP, DEEP, looks)?;
        let above = Line::new().add(Look::Faint, "What confirms and mends it stands above.");
        return paper.item(DEEP, DEEP, above);
    }
    paper.item(DEEP, DEEP, looks)?;
    for confirm in likely.cause.confirm {
        confirmed(paper, confirm)?;
    }
    let fix = Line::new().add(Look::Good, "Fix: ");
    paper.item(DEEP, DEEP, fix.sentence(likely.cause.fix))
}

fn confirmed(paper: &mut page::Page<'_, impl Write>, confirm: &Confirm) -> io::Result<()> {
    let on = Line::new().add(Look::Doubt, confirm.on.title()).say(": ");
    paper.item(DEEP, DEEP + 2, on.sentence(confirm.tells))?;
    for (nth, line) in confirm.run.lines().enumerate() {
        let sign = if nth == 0 { "$ " } else { "  " };
        let command = Line::new().add(Look::Faint, sign).sentence(line);
        paper.item(DEEP + 2, DEEP + 6, command)?;
    }
    Ok(())
}

/// Stands before what one might think of a code.
pub(super) const NOT: &str = "It is not";

/// Where the text of a cause stands.
const DEEP: usize = 5;

/// What the page is of, as a heading.
pub(super) const fn who(by: Option<By>) -> &'static str {
    match by {
        None => "Meaning",
        Some(By::Peer) => "Where the peer refuses us",
        Some(By::Probe) => "Where we refuse the peer",
    }
}

pub(super) const fn likeliest(causes: &[Likely]) -> &'static str {
    match causes {
        [_] => "The usual cause",
        _ => "Causes, the likeliest first",
    }
}

/// What the codes of a family are, as a heading.
pub(super) const fn title(family: Family) -> &'static str {
    match family {
        Family::Accepted => "Accepted",
        Family::Rejected => "Rejected, by the peer or by us",
        Family::Unreachable => "Unreachable",
        Family::Inconclusive => "Inconclusive",
        Family::Finding => "Findings, which several cells together show",
        Family::Reading => "Readings of an address in a rotation",
    }
}

const fn look(family: Family) -> Look {
    match family {
        Family::Accepted => Look::Good,
        Family::Rejected | Family::Unreachable => Look::Bad,
        Family::Inconclusive => Look::Doubt,
        Family::Finding | Family::Reading => Look::Strong,
    }
}

/// The words with a capital letter and a full stop.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// The words as they go on within a sentence: without a capital letter, unless it is part of a name.
pub(super) fn uncapitalised(words: &str) -> String {
    let first = words.split(' ').next().unwrap_or_default();
    if first.chars().skip(1).any(|c| c.is_ascii_uppercase()) {
        return words.to_owned();
    }
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}
