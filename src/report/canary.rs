//! A canary: a line for each round, and what all of them showed.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::Style;
use super::json;
use super::page::{Line, Look, Page};
use crate::canary::{Gap, Outage, Over, Progress, Refused, Round, Summary};

/// One round as a line for programs.
pub fn round(round: &Round, out: &mut dyn Write) -> io::Result<()> {
    json::line(&Entry::Round(round), &mut &mut *out)
}

/// The last line for programs.
pub fn end(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    json::line(&Entry::End(summary), &mut &mut *out)
}

/// One line of the stream.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Entry<'a> {
    /// One round.
    Round(&'a Round),
    /// What all of them showed. A stream without it was cut off.
    End(&'a Summary),
}

/// What all rounds showed, for people.
pub fn table(summary: &Summary, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let page = &mut Page::new(style, &mut out);
    headline(page, summary)?;
    if !summary.refused.is_empty() {
        page.heading("Not as it should be")?;
        for refused in &summary.refused {
            page.item(2, 4, refusal(refused, summary.rounds))?;
        }
    }
    if !summary.gaps.is_empty() {
        page.heading("Gaps")?;
        for gap in &summary.gaps {
            page.item(2, 4, missing(gap))?;
        }
    }
    if let Some(last) = summary
        .last
        .as_ref()
        .filter(|last| !last.troubles.is_empty())
    {
        page.heading("In the last round")?;
        for trouble in last.troubles.iter().take(TROUBLES) {
            page.item(2, 4, Line::new().say(trouble))?;
        }
        more(page, last.troubles.len())?;
    }
    if let Some(progress) = progress(summary).filter(|progress| !progress.behind.is_empty()) {
        page.heading("Behind")?;
        for behind in progress.behind.iter().take(TROUBLES) {
            page.item(2, 4, Line::new().say(behind))?;
        }
        more(page, progress.behind_count)?;
    }
    out.flush()
}

/// How far the fleet was in the end.
fn progress(summary: &Summary) -> Option<&Progress> {
    summary.last.as_ref()?.progress.as_ref()
}

fn more(page: &mut Page<'_, impl Write>, count: usize) -> io::Result<()> {
    match count.saturating_sub(TROUBLES) {
        0 => Ok(()),
        more => {
            let words = format!("and {more} more");
            page.item(2, 4, Line::new().add(Look::Faint, &words))
        }
    }
}

fn headline(page: &mut Page<'_, impl Write>, summary: &Summary) -> io::Result<()> {
    let (look, why) = match summary.over {
        Over::Rounds => (Look::Strong, "All rounds are made"),
        Over::Time => (Look::Strong, "The time is up"),
        Over::Arrived => (Look::Good, "The fleet is where it should be"),
        Over::Broken => (Look::Bad, "Stopped: more is broken than may be"),
        Over::Gone => (
            Look::Bad,
            "Stopped: somebody is gone for longer than may be",
        ),
        Over::Stopped => (Look::Doubt, "Stopped by a signal"),
    };
    let rounds = match summary.rounds {
        1 => "1 round".to_owned(),
        many => format!("{many} rounds"),
    };
    let mut line = Line::new().add(look, why).say(": ").say(&rounds);
    line = match summary.broken_rounds {
        0 => line.say(", ").add(Look::Good, "none broken"),
        broken => line.say(", ").add(Look::Bad, &format!("{broken} broken")),
    };
    if summary.open_rounds > 0 {
        let open = format!("{} in doubt", summary.open_rounds);
        line = line.say(", ").add(Look::Doubt, &open);
    }
    if let Some(progress) = progress(summary) {
        line = line.say("; the fleet is in ").name(&progress.phase);
        if progress.wrong > 0 {
            let wrong = format!("{} in a wrong state", progress.wrong);
            line = line.say(", ").add(Look::Bad, &wrong);
        }
    }
    page.line(line.say("."))
}

fn refusal(refused: &Refused, rounds: u32) -> Line {
    let often = format!(" in {} of {rounds} rounds", refused.rounds);
    let when = match refused.first_round == refused.last_round {
        true => format!(" (round {})", refused.first_round),
        false => format!(
            " (rounds {} to {})",
            refused.first_round, refused.last_round
        ),
    };
    let line = Line::new()
        .name(&refused.from)
        .say(" -> ")
        .name(&refused.to);
    let line = line.say(" got ").add(Look::Bad, refused.code.as_str());
    let at = refused.addresses.iter().map(String::as_str);
    let line = line.say(&often).say(&when).say(" at ");
    line.names(Look::Plain, at, ", ")
}

fn missing(gap: &Gap) -> Line {
    let what = match gap.outage {
        Outage::ReplicaDown => "a replica was away, the others went on",
        Outage::Down => "nobody was there",
        Outage::RefusedBySome => "some replicas refused",
        Outage::Refused => "was refused",
    };
    let line = Line::new().name(&gap.from).say(" -> ").name(&gap.to);
    let line = line.say(": ").say(what);
    let often = match gap.times {
        1 => String::new(),
        many => format!(", {many} times"),
    };
    let longest = format!(
        ", for {} to {} at the longest",
        seconds(gap.longest_ms),
        seconds(gap.longest_at_most_ms)
    );
    let total = match gap.times {
        1 => String::new(),
        _ => format!(
            ", {} to {} in all",
            seconds(gap.total_ms),
            seconds(gap.total_at_most_ms)
        ),
    };
    let goes_on = if gap.goes_on { ", and still is" } else { "" };
    line.say(&often).say(&longest).say(&total).say(goes_on)
}

fn seconds(millis: u64) -> String {
    match millis {
        ..10_000 => format!("{:.1} s", millis as f64 / 1000.0),
        _ => format!("{} s", millis / 1000),
    }
}

/// How many lines of a kind are shown.
const TROUBLES: usize = 12;

#[cfg(test)]
mod tests;
