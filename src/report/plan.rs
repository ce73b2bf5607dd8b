//! What would be probed, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::visible;
use crate::plan::{FollowUp, Plan, PlannedCell, Probe};

/// A line for each cell, then the counts.
pub fn table(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<[String; 5]> = plan
        .cells
        .iter()
        .filter_map(|cell| row(plan, cell))
        .collect();
    let head = ["FROM", "TO", "ADDRESS", "REQUEST", "EXPECTED"].map(str::to_owned);
    let mut widths = [0; 5];
    for row in std::iter::once(&head).chain(&rows) {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = text.chars().count().max(*width);
        }
    }
    for row in std::iter::once(&head).chain(&rows) {
        let padded = row
            .iter()
            .zip(widths)
            .map(|(text, width)| format!("{text:width$}"));
        writeln!(out, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    writeln!(
        out,
        "\n{} cells, {} connections at the most for each address behind a name",
        plan.cells.len(),
        plan.connections()
    )?;
    if let Some(share) = &plan.share {
        let shard = share.shard;
        writeln!(out, "this is shard {shard}; the others have the rest")?;
    }
    match plan.knocks() {
        0 => {}
        most => writeln!(
            out,
            "{most} connections more at the most, to find the dialects that are `auto`"
        )?,
    }
    match plan.follow_ups() {
        0 => {}
        most => writeln!(
            out,
            "{most} follow-ups at the most, where a verdict stays open without them (--no-follow-ups: none)"
        )?,
    }
    match plan.shared() {
        0 => Ok(()),
        shared => writeln!(out, "{shared} cells share a connection with another"),
    }
}

/// One JSON value.
pub fn json(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let report = Report {
        schema: "mtls-probe/plan/v1",
        connections: plan.connections(),
        knocks: plan.knocks(),
        follow_ups: plan.follow_ups(),
        shard: plan.share.as_ref().map(|share| share.shard.to_string()),
        cells: plan
            .cells
            .iter()
            .filter_map(|cell| entry(plan, cell))
            .collect(),
    };
    super::json(&report, out)
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    /// For one address behind each name.
    connections: u64,
    /// The most that may come on top, to find dialects.
    knocks: u64,
    /// The most that may come on top, where verdicts stay open without them.
    follow_ups: u64,
    /// `INDEX/TOTAL`; absent where this is the whole plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    cells: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    from: String,
    to: String,
    address: String,
    dialect: &'static str,
    request: String,
    expected: Option<String>,
    attempts: u32,
    /// Which follow-ups may come on top, each once at the most and three of them at the most.
    follow_ups: Vec<&'static str>,
    /// Cells with the same number look at the same connection.
    probe: usize,
}

fn row(plan: &Plan, cell: &PlannedCell) -> Option<[String; 5]> {
    let entry = entry(plan, cell)?;
    let expected = entry.expected.unwrap_or_else(|| "-".to_owned());
    Some([entry.from, entry.to, entry.address, entry.request, expected].map(|text| visible(&text)))
}

fn entry(plan: &Plan, cell: &PlannedCell) -> Option<Entry> {
    let probe: &Probe = plan.probe_of(cell)?;
    let expected: Vec<&str> = cell.wanted.iter().map(|wanted| wanted.as_str()).collect();
    Some(Entry {
        from: cell.source.name.to_string(),
        to: cell.target.name.to_string(),
        address: probe.address.to_string(),
        dialect: probe.way.dialect.as_str(),
        request: probe.request.to_string(),
        expected: (!expected.is_empty()).then(|| expected.join("|")),
        attempts: probe.attempts,
        follow_ups: probe.possible_follow_ups().map(FollowUp::as_str).collect(),
        probe: cell.probe,
    })
}
