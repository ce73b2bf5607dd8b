//! The table: the grid, what it adds up to, and every cell that somebody should look at, in words.

use std::io::{self, BufWriter, Write};

use super::grid::{Grid, Shape};
use super::mark::BROKEN;
use super::page::{Line, Look, Page};
use super::{Style, details, pair};
use crate::matrix::{Matrix, Severity, TargetSummary, Totals};
use crate::suite::Mode;

pub(super) fn write(matrix: &Matrix, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let page = &mut Page::new(style, &mut out);
    interrupted(page, matrix)?;
    if matrix.cells.is_empty() {
        page.line(Line::new().name("Nothing was probed."))?;
    } else if pair::is_pair(matrix) {
        pair::write(page, matrix)?;
        findings(page, matrix)?;
    } else {
        let mut grid = Grid::new(matrix);
        let shape = grid.draw(page)?;
        page.blank()?;
        totals(page, matrix)?;
        let summed = page.lines;
        modes(page, matrix)?;
        dialects(page, matrix)?;
        if page.verbose > 1 {
            in_depth(page, matrix)?;
        } else {
            details::write(page, matrix)?;
        }
        findings(page, matrix)?;
        if shape == Shape::Words {
            grid.codes(page)?;
        }
        if page.lines - summed > GLANCE {
            page.blank()?;
            totals(page, matrix)?;
        }
    }
    judged_at(page, matrix)?;
    shard(page, matrix)?;
    out.flush()
}

/// What is not here may be somewhere else.
fn shard(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    let Some(shard) = &matrix.run.shard else {
        return Ok(());
    };
    let which = format!("shard {}/{}", shard.index, shard.total);
    page.blank()?;
    let line = Line::new().say("This is ").name(&which);
    page.line(line.say("; the other servers are in the others, and `probe report` joins them."))
}

fn interrupted(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    if !matrix.run.interrupted {
        return Ok(());
    }
    let line = Line::new().add(Look::Bad, "INTERRUPTED");
    page.line(line.say(": the run was stopped before its end, and cells are missing."))?;
    page.blank()
}

/// `22 of 28 as expected, 4 not, 2 in doubt; of 2 nothing was expected`.
fn totals(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    // Counted again: a stored result may hold anything.
    let totals = Totals::of(&matrix.cells);
    let judged = totals.cells - totals.unjudged;
    let mut line = Line::new();
    if judged == 0 {
        let cells = format!("{} cells", totals.cells);
        line = line.name(&cells).say(", and nothing was expected of them");
        return page.line(line.say("."));
    }
    let all_met = totals.met == judged;
    let share = format!("{} of {judged} as expected", totals.met);
    line = line.add(if all_met { Look::Good } else { Look::Strong }, &share);
    if totals.broken > 0 {
        let broken = format!("{} not as expected", totals.broken);
        line = line.say(", ").add(Look::Bad, &broken);
    }
    if totals.inconclusive > 0 {
        let doubt = format!("{} in doubt", totals.inconclusive);
        line = line.say(", ").add(Look::Doubt, &doubt);
    }
    if totals.unjudged > 0 {
        line = line.say(&format!("; of {} nothing was expected", totals.unjudged));
    }
    page.line(line.say("."))
}

/// The targets by mode, those that should have another one apart.
fn modes(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    if matrix.targets.is_empty() {
        return Ok(());
    }
    page.heading("Modes")?;
    for mode in Mode::WANTED.iter().map(|mode| mode.as_str()) {
        let has_it = |target: &&TargetSummary| target.mode == mode;
        mode_line(page, mode, matrix.targets.iter().filter(has_it).collect())?;
    }
    // Of the others each has its own reasons.
    for target in &matrix.targets {
        if !Mode::WANTED.iter().any(|mode| mode.as_str() == target.mode) {
            mode_line(page, &target.mode, vec![target])?;
        }
    }
    if page.verbose > 0 {
        for target in matrix
            .targets
            .iter()
            .filter(|target| target.ports.len() > 1)
        {
            page.item(
                2,
                14,
                Line::new()
                    .say("by port")
                    .pad(12)
                    .name(&target.name)
                    .say(": ")
                    .join(ports(target)),
            )?;
        }
    }
    Ok(())
}

/// `8080 STRICT, 9090 PERMISSIVE`
pub(super) fn ports(target: &TargetSummary) -> Line {
    let mut line = Line::new();
    for (nth, port) in target.ports.iter().take(PORTS).enumerate() {
        line = line.say(if nth == 0 { "" } else { ", " });
        line = line.say(&port.port.to_string()).say(" ").name(&port.mode);
    }
    match target.ports.len().saturating_sub(PORTS) {
        0 => line,
        more => line.say(&format!(" and {more} more, which the JSON result holds")),
    }
}

fn mode_line(
    page: &mut Page<'_, impl Write>,
    mode: &str,
    targets: Vec<&TargetSummary>,
) -> io::Result<()> {
    if targets.is_empty() {
        return Ok(());
    }
    let mut line = Line::new().say(mode).pad(12);
    for (nth, target) in targets.iter().enumerate() {
        line = line.say(if nth == 0 { "" } else { ", " });
        line = match &target.expected_mode {
            Some(expected) if expected != mode => {
                let line = line
                    .add(Look::Bad, BROKEN)
                    .say(" ")
                    .add(Look::Bad, &target.name);
                line.say(" (expected ").say(expected).say(")")
            }
            Some(_) => line.add(Look::Good, &target.name),
            None => line.say(&target.name),
        };
        if !Mode::WANTED.iter().any(|known| known.as_str() == mode) && !target.evidence.is_empty() {
            let why = target.evidence.iter().take(WHY).map(String::as_str);
            line = line.say(": ").names(Look::Faint, why, "; ");
        }
    }
    page.item(2, 14, line)
}

/// What was found where a suite says `auto`.
fn dialects(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    let found = |target: &&TargetSummary| !target.dialects.is_empty();
    if !matrix.targets.iter().any(|target| found(&target)) {
        return Ok(());
    }
    page.heading("Dialects")?;
    for target in matrix.targets.iter().filter(found) {
        for found in &target.dialects {
            let mut line = pair::dialect(found).say(": ").name(&target.name);
            if target.dialects.len() > 1 {
                let at = found.addresses.iter().map(String::as_str);
                line = line.say(" at ").names(Look::Plain, at, ", ");
            }
            if let Some(why) = found.evidence.last() {
                line = line
                    .add(Look::Faint, " (")
                    .add(Look::Faint, why)
                    .add(Look::Faint, ")");
            }
            page.item(2, 4, line)?;
        }
    }
    Ok(())
}

fn findings(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    if matrix.findings.is_empty() {
        return Ok(());
    }
    page.heading("Findings")?;
    // Sorted already, but a stored result may hold anything.
    let mut findings: Vec<_> = matrix.findings.iter().collect();
    findings.sort_by_key(|finding| finding.severity);
    for finding in findings {
        page.blank()?;
        let (look, severity) = match finding.severity {
            Severity::Error => (Look::Bad, "error"),
            Severity::Warning => (Look::Doubt, "warning"),
            Severity::Info => (Look::Faint, "info"),
        };
        let line = Line::new().add(look, severity).say(" ").name(&finding.code);
        page.item(0, 4, line.say(": ").say(&finding.about))?;
        page.item(4, 4, Line::new().sentence(&finding.message))?;
        if !finding.fix.is_empty() {
            page.arrow(4, Line::new().sentence(&finding.fix))?;
        }
    }
    Ok(())
}

fn in_depth(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    let at = matrix.run.judged_at.parse().ok();
    for cell in &matrix.cells {
        page.blank()?;
        pair::depth(page, cell, at)?;
    }
    Ok(())
}

/// Said only where it is not the time of the run.
fn judged_at(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    let run = &matrix.run;
    if run.judged_at.is_empty() || run.judged_at == run.started_at {
        return Ok(());
    }
    page.blank()?;
    let line = Line::new().add(Look::Faint, "Certificates were judged as of ");
    page.line(line.say(&run.judged_at).add(Look::Faint, "."))
}

/// After so many lines the sum is out of sight, and comes once more.
const GLANCE: usize = 20;
/// How many ports of one target are shown.
const PORTS: usize = 16;
/// How many reasons for an unknown mode are shown.
const WHY: usize = 4;
