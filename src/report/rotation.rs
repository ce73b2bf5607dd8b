//! A rotation, for people and for programs.

use std::io::{self, Write};

use super::visible;
use crate::matrix::Certificate;
use crate::rotation::{
    Blocker, Fleet, Go, Group, Member, Pairs, Phase, Rotation, Step, StepReport, Trust,
};

/// One JSON value.
pub fn json(rotation: &Rotation, out: &mut dyn Write) -> io::Result<()> {
    super::json(rotation, out)
}

/// A line for each address, the fleet, and the step that comes next.
pub fn table(rotation: &Rotation, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    roots(rotation, out)?;
    members(&rotation.members, out)?;
    spelled_out(&rotation.members, verbose, out)?;
    writeln!(out, "\n{}", fleet(&rotation.fleet, rotation.members.len()))?;
    pairs(&rotation.now, out)?;
    for note in &rotation.notes {
        writeln!(out, "note: {}", visible(note))?;
    }
    match (rotation.next(), rotation.fleet.finished) {
        (Some(report), _) => {
            writeln!(out, "\nNext step: {}", headline(report))?;
            step(report, out)?;
        }
        (None, true) => writeln!(out, "\nNext step: none, the rotation is finished")?,
        (None, false) if rotation.roots.same_key => {
            writeln!(out, "\nNext step: none, there is nothing to wait for")?;
        }
        (None, false) => writeln!(out, "\nNext step: UNKNOWN, too little was seen")?,
    }
    if verbose {
        for report in &rotation.steps {
            if rotation.fleet.next != Some(report.step) {
                writeln!(out, "\nStep {}", headline(report))?;
                step(report, out)?;
            }
        }
    }
    Ok(())
}

fn roots(rotation: &Rotation, out: &mut dyn Write) -> io::Result<()> {
    let sides = [
        ("old root", &rotation.roots.old, &rotation.old_client),
        ("new root", &rotation.roots.new, &rotation.new_client),
    ];
    for (side, roots, client) in sides {
        let names: Vec<String> = roots.iter().map(named).collect();
        let seen = if rotation.roots.seen { ", as seen" } else { "" };
        writeln!(
            out,
            "{side}  {}{seen}; client {}",
            names.join(" and "),
            visible(client)
        )?;
    }
    writeln!(out)
}

/// By name for people and by key for certainty.
fn named(root: &Certificate) -> String {
    let key = root.spki_sha256.get(..16).unwrap_or(&root.spki_sha256);
    format!("{} (key {key})", visible(&root.subject))
}

fn members(members: &[Member], out: &mut dyn Write) -> io::Result<()> {
    let head = ["TARGET", "ADDRESS", "LEAF", "TRUSTS", "PHASE", "READING"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(members.iter().map(|member| {
        [
            visible(&member.target),
            visible(&member.address),
            member.leaf.to_string(),
            trusts(member),
            member.phase.map_or("-", Phase::as_str).to_owned(),
            member.reading.to_string(),
        ]
    }));
    let mut widths = [0; 6];
    for row in &rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = text.chars().count().max(*width);
        }
    }
    for row in &rows {
        let padded = row.iter().zip(widths);
        let padded = padded.map(|(text, width)| format!("{text:width$}"));
        writeln!(out, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn trusts(member: &Member) -> String {
    if !member.verifies_clients {
        return "anybody".to_owned();
    }
    let words =
        [("old", member.trusts_old), ("new", member.trusts_new)].map(|(name, trust)| match trust {
            Trust::Yes => name.to_owned(),
            Trust::No => String::new(),
            Trust::Unknown => format!("{name}?"),
        });
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    match words.is_empty() {
        true => "neither".to_owned(),
        false => words.join("+"),
    }
}

/// What is not as it should be, once for each reading.
fn spelled_out(members: &[Member], verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut told = vec![];
    for member in members {
        let reading = member.reading;
        if told.contains(&reading) || reading.is_regular() && !verbose {
            continue;
        }
        told.push(reading);
        writeln!(out, "\n{reading}: {}", reading.meaning())?;
        let same: Vec<&Member> = members
            .iter()
            .filter(|one| one.reading == reading)
            .collect();
        for member in same.iter().take(SHOWN) {
            let hint = member.hinted.map_or(String::new(), |hinted| {
                format!("; hint only: it lists {}", hinted.meaning())
            });
            writeln!(
                out,
                "  {} {}: {}{hint}",
                visible(&member.target),
                visible(&member.address),
                visible(&member.why)
            )?;
        }
        more(same.len(), out)?;
        if !reading.is_regular() {
            writeln!(out, "  fix: {}", reading.fix())?;
        }
    }
    Ok(())
}

/// `fleet: P1 on all 12 addresses`
pub fn fleet(fleet: &Fleet, members: usize) -> String {
    if let Some(phase) = fleet.phase {
        return format!(
            "Fleet: {phase} on all {members} addresses ({})",
            phase.meaning()
        );
    }
    let mut parts: Vec<String> = (Phase::ALL.iter().zip(fleet.in_phase))
        .filter(|(_, count)| *count > 0)
        .map(|(phase, count)| format!("{phase} on {count}"))
        .collect();
    if fleet.in_none > 0 {
        parts.push(format!("in no phase {}", fleet.in_none));
    }
    format!("Fleet: of {members} addresses {}", parts.join(", "))
}

fn pairs(now: &Pairs, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "Connections by what each end has: {} of {} work, {} do not, {} not known",
        now.works, now.total, now.broken, now.unknown
    )?;
    groups(&now.groups, out)
}

fn headline(report: &StepReport) -> String {
    let go = match report.go {
        Go::Safe => "SAFE",
        Go::Refused => "REFUSED",
        Go::Unknown => "CANNOT TELL",
    };
    match report.step {
        Step::Done => format!("{}: {go}", report.step.meaning()),
        Step::P1 | Step::P2 | Step::P3 => {
            format!("{}, {}: {go}", report.step, report.step.meaning())
        }
    }
}

fn step(report: &StepReport, out: &mut dyn Write) -> io::Result<()> {
    if report.blocked_by > 0 {
        writeln!(out, "  in the way ({}):", report.blocked_by)?;
        blockers(&report.blockers, report.blocked_by, out)?;
    }
    if report.not_known > 0 {
        writeln!(out, "  not known ({}):", report.not_known)?;
        blockers(&report.unknown, report.not_known, out)?;
    }
    if report.breaks > 0 {
        writeln!(out, "  it would break {} connections:", report.breaks)?;
        groups(&report.broken, out)?;
    }
    if report.repairs > 0 {
        writeln!(out, "  it would repair {} connections", report.repairs)?;
    }
    for warning in &report.warnings {
        writeln!(out, "  mind: {}", visible(warning))?;
    }
    Ok(())
}

fn blockers(all: &[Blocker], count: usize, out: &mut dyn Write) -> io::Result<()> {
    for one in all.iter().take(SHOWN) {
        let address = one.address.as_deref().map(visible).unwrap_or_default();
        let name = format!("{} {address}", visible(&one.name));
        writeln!(out, "    {}: {}", name.trim_end(), visible(&one.why))?;
        writeln!(out, "      fix: {}", one.fix)?;
    }
    more(count, out)
}

fn groups(all: &[Group], out: &mut dyn Write) -> io::Result<()> {
    for group in all.iter().take(SHOWN) {
        writeln!(out, "    {} -> {}", listed(&group.from), listed(&group.to))?;
        writeln!(out, "      {}: {}", group.prediction, group.why)?;
    }
    more(all.len(), out)
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|name| visible(name))
        .collect();
    let text = shown.join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

fn more(count: usize, out: &mut dyn Write) -> io::Result<()> {
    match count.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "    and {more} more"),
    }
}

/// How many lines one list takes.
const SHOWN: usize = 20;
/// How many names one line takes.
const LISTED: usize = 4;
