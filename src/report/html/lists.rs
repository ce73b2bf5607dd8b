//! What reads from top to bottom, and needs no script: findings, cells in words, targets, sources.

use std::io::{self, Write};

use jiff::Timestamp;

use super::certificates::Life;
use super::markup::{line, text};
use super::squares::{STANDINGS, standing};
use crate::code::{By, Code};
use crate::expectation::Met;
use crate::matrix::{Cell, Certificate, Finding, Matrix, Severity, TargetSummary};
use crate::report::advice;
use crate::report::details::{caveats, client, sentence, verdict};
use crate::report::group::{Group, groups};
use crate::report::mark::{Mark, is_doubtful};
use crate::report::pair::dialect;

pub(super) fn findings(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    let mut all: Vec<&Finding> = matrix.findings.iter().collect();
    all.sort_by_key(|finding| finding.severity);
    section(out, "findings", "Findings", all.len())?;
    if all.is_empty() {
        out.write_all(b"<p class=\"none\">None.</p>\n")?;
    }
    let (first, rest) = all.split_at(all.len().min(FINDINGS));
    for (nth, part) in [first, rest].into_iter().enumerate() {
        if part.is_empty() {
            continue;
        }
        if nth == 1 {
            writeln!(
                out,
                "<details class=\"rest\"><summary>and {} more</summary>",
                part.len()
            )?;
        }
        out.write_all(b"<ol class=\"findings\">\n")?;
        for finding in part {
            one(finding, out)?;
        }
        out.write_all(b"</ol>\n")?;
        if nth == 1 {
            out.write_all(b"</details>\n")?;
        }
    }
    out.write_all(b"</section>\n")
}

fn one(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    let (severity, sign) = match finding.severity {
        Severity::Error => ("error", "!"),
        Severity::Warning => ("warning", "?"),
        Severity::Info => ("info", "i"),
    };
    writeln!(
        out,
        "<li class=\"finding {severity}\"><h3><span class=\"sign\" aria-hidden=\"true\">{sign}</span> \
         <span class=\"severity\">{severity}</span> <code>{}</code> <b>{}</b></h3>\
         <p>{}</p><p class=\"fix\">{}</p></li>",
        text(&finding.code),
        text(&finding.about),
        text(&finding.message),
        text(&finding.fix)
    )
}

/// Every cell that somebody should look at, in words; those that read the same share a paragraph.
pub(super) fn cells(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    let (broken, others): (Vec<&Cell>, Vec<&Cell>) =
        (matrix.cells.iter()).partition(|cell| cell.standing() == Met::Broken);
    let doubtful: Vec<&Cell> = others
        .into_iter()
        .filter(|cell| is_doubtful(cell))
        .collect();
    for (id, title, cells) in [
        ("broken", "Not as expected", broken),
        ("doubtful", "In doubt", doubtful),
    ] {
        if cells.is_empty() {
            continue;
        }
        section(out, id, title, cells.len())?;
        let groups = groups(&cells);
        let beyond = |most: usize| -> usize {
            let left = groups.iter().skip(most);
            left.map(|group| group.cells.len()).sum()
        };
        for (nth, group) in groups.iter().take(PARAGRAPHS).enumerate() {
            if nth == ON_PAPER {
                let left = beyond(ON_PAPER);
                writeln!(
                    out,
                    "<p class=\"none on-paper\">and {left} more cells, which the file shows.</p>\n\
                     <div class=\"off-paper\">"
                )?;
            }
            paragraph(group, out)?;
        }
        let left = beyond(PARAGRAPHS);
        if left > 0 {
            writeln!(
                out,
                "<p class=\"none\">and {left} more cells, which the matrix shows.</p>"
            )?;
        }
        if groups.len() > ON_PAPER {
            out.write_all(b"</div>\n")?;
        }
        out.write_all(b"</section>\n")?;
    }
    Ok(())
}

fn paragraph(group: &Group<'_>, out: &mut impl Write) -> io::Result<()> {
    let cell = group.first;
    let name = STANDINGS.get(standing(cell)).map_or("", |(name, _)| name);
    let from = match group.sources.as_slice() {
        [from] => client(from),
        [..] => "them",
    };
    let to = match group.places.as_slice() {
        [(to, _)] => to,
        [..] => "each",
    };
    writeln!(
        out,
        "<article class=\"case {name}\"><h3><span class=\"sign\" aria-hidden=\"true\">{}</span> {}</h3>\
         <p class=\"verdict\">{}</p><p>{}</p>",
        Mark::of(cell).sign(false),
        line(&group.who()),
        line(&verdict(cell)),
        line(&sentence(cell, from, to))
    )?;
    for list in group.lists() {
        writeln!(out, "<p class=\"who\">{}</p>", line(&list))?;
    }
    items(group.evidence().iter().map(line), "evidence", out)?;
    for caveat in caveats(cell) {
        writeln!(out, "<p>{}</p>", line(&caveat))?;
    }
    if let Some(server) = &cell.server
        && server.judgement != Code::Ok
        && !cell.refused_by_probe()
    {
        let why = server.evidence.first();
        writeln!(
            out,
            "<p>We would refuse its certificate, too: <b>{}</b>, {}</p>",
            server.judgement,
            text(why.map_or(server.judgement.meaning(), String::as_str))
        )?;
    }
    if cell.attempts.flake.is_none() {
        writeln!(out, "<p class=\"fix\">{}</p>", advice(cell.code, by(cell)))?;
    }
    out.write_all(b"</article>\n")
}

/// Who refused, where somebody did.
pub(super) fn by(cell: &Cell) -> Option<By> {
    if cell.refused_by_probe() {
        Some(By::Probe)
    } else if cell.refused_by_peer() {
        Some(By::Peer)
    } else {
        None
    }
}

pub(super) fn targets(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    if matrix.targets.is_empty() {
        return Ok(());
    }
    section(out, "targets", "Targets", matrix.targets.len())?;
    out.write_all(
        b"<div class=\"wide\"><table><thead><tr><th scope=\"col\">Target</th><th scope=\"col\">Mode</th>\
          <th scope=\"col\">Addresses</th><th scope=\"col\">Why</th></tr></thead>\n<tbody>\n",
    )?;
    // Those that somebody should look at come first.
    let (good, bad): (Vec<_>, Vec<_>) =
        (matrix.targets.iter()).partition(|target| target.is_as_expected());
    for (nth, target) in bad.into_iter().chain(good).enumerate() {
        let mode = match &target.expected_mode {
            Some(_) if target.is_as_expected() => {
                format!("<b>{}</b> as expected", text(&target.mode))
            }
            Some(expected) => format!(
                "<b class=\"bad\">! {}</b> expected {}",
                text(&target.mode),
                text(expected)
            ),
            None => format!("<b>{}</b>", text(&target.mode)),
        };
        writeln!(
            out,
            "<tr{}><th scope=\"row\">{}</th><td>{mode}</td><td>{}</td><td>",
            off_paper(nth),
            text(&target.name),
            addresses(target)
        )?;
        let found = target.dialects.iter();
        items(found.map(|found| line(&dialect(found))), "dialects", out)?;
        let why = target.evidence.iter().take(EVIDENCE);
        items(why.map(|line| text(line)), "evidence", out)?;
        out.write_all(b"</td></tr>\n")?;
    }
    end_of_table(matrix.targets.len(), out)
}

/// The addresses, each with its mode where they differ.
fn addresses(target: &TargetSummary) -> String {
    let modes = target.ports.iter().flat_map(|port| &port.addresses);
    let mode_of = |address: &String| {
        let mut modes = modes.clone();
        let differs = |mode: &&String| **mode != target.mode;
        let found = modes.find(|one| one.address == *address);
        found.map(|one| &one.mode).filter(differs)
    };
    let all = target.addresses.iter().take(ADDRESSES);
    let mut lines: Vec<String> = all
        .map(|address| match mode_of(address) {
            Some(mode) => format!("{} <b>{}</b>", text(address), text(mode)),
            None => text(address),
        })
        .collect();
    let left = target.addresses.len().saturating_sub(ADDRESSES);
    if left > 0 {
        lines.push(format!("and {left} more"));
    }
    lines.join("<br>")
}

pub(super) fn sources(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    if matrix.sources.is_empty() {
        return Ok(());
    }
    let at: Option<Timestamp> = matrix.run.judged_at.parse().ok();
    section(out, "sources", "Sources", matrix.sources.len())?;
    out.write_all(
        b"<div class=\"wide\"><table><thead><tr><th scope=\"col\">Source</th><th scope=\"col\">Identity</th>\
          <th scope=\"col\">Certificate</th><th scope=\"col\">Issued by</th></tr></thead>\n<tbody>\n",
    )?;
    for (nth, source) in matrix.sources.iter().enumerate() {
        let leaf = source.chain.first();
        writeln!(
            out,
            "<tr{}><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
            off_paper(nth),
            text(&source.name),
            source.id.as_deref().map(text).unwrap_or_default(),
            leaf.map(|leaf| life(leaf, at)).unwrap_or_default(),
            leaf.map(|leaf| text(&leaf.issuer)).unwrap_or_default()
        )?;
    }
    end_of_table(matrix.sources.len(), out)
}

fn life(certificate: &Certificate, at: Option<Timestamp>) -> String {
    let life = Life::of(certificate, at);
    let words = match life.state {
        "expired" | "early" => format!("<b class=\"bad\">! {}</b>", life.left),
        "ending" => format!("<b class=\"unsure\">{}</b>", life.left),
        _ => life.left,
    };
    let until = text(&certificate.not_after);
    format!("{words} <span class=\"faint\">until {until}</span>")
}

pub(super) fn foot(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "<footer>{} cells, {} targets. This file loads nothing and sends nothing.</footer>",
        matrix.cells.len(),
        matrix.targets.len()
    )
}

pub(super) fn section(out: &mut impl Write, id: &str, title: &str, count: usize) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n\
         <h2 id=\"{id}-title\">{title} <span class=\"count\">{count}</span></h2>"
    )
}

/// A long table goes to the printer only in part.
fn off_paper(row: usize) -> &'static str {
    match row {
        ..ON_PAPER => "",
        _ => " class=\"off-paper\"",
    }
}

fn end_of_table(rows: usize, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"</tbody></table></div>\n")?;
    if let Some(left @ 1..) = rows.checked_sub(ON_PAPER) {
        writeln!(
            out,
            "<p class=\"none on-paper\">and {left} more, which the file shows.</p>"
        )?;
    }
    out.write_all(b"</section>\n")
}

fn items(items: impl Iterator<Item = String>, class: &str, out: &mut impl Write) -> io::Result<()> {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return Ok(());
    }
    write!(out, "<ul class=\"{class}\">")?;
    for item in items {
        write!(out, "<li>{item}</li>")?;
    }
    out.write_all(b"</ul>\n")
}

/// The findings that need no click.
const FINDINGS: usize = 6;
/// The most paragraphs of one section.
const PARAGRAPHS: usize = 200;
/// The most paragraphs and the most rows of one section on paper.
const ON_PAPER: usize = 40;
const ADDRESSES: usize = 16;
const EVIDENCE: usize = 8;
