//! One pair in depth: both verdicts, the connection, the certificates, the times; then the rows beside
//! it that tell the mode.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};

use super::details::{bullet, caveats, client, next_step, sentence, verdict};
use super::mark::{Mark, look};
use super::page::{Line, Look, Page};
use crate::code::{Code, Kind};
use crate::expectation::Met;
use crate::findings::rough;
use crate::matrix::{Cell, Certificate, FollowUp, FoundDialect, Matrix, Server, Tls};
use crate::suite::{Mode, SourceName};

/// Whether a matrix is one pair: one target, and beside the first source only the pseudo-sources.
pub(super) fn is_pair(matrix: &Matrix) -> bool {
    let Some(first) = matrix.cells.first() else {
        return false;
    };
    matrix.targets.len() <= 1
        && matrix.cells.iter().all(|cell| {
            let beside = [SourceName::NONE, SourceName::PLAINTEXT].contains(&cell.from.as_str());
            cell.to == first.to && (cell.from == first.from || beside)
        })
}

/// Writes the first cell in depth, and the others as rows.
pub(super) fn write(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    let Some(first) = matrix.cells.first() else {
        return Ok(());
    };
    let at = matrix.run.judged_at.parse().ok();
    let is_first = |cell: &&Cell| cell.from == first.from;
    let (mut left, beside): (Vec<&Cell>, Vec<&Cell>) = matrix.cells.iter().partition(is_first);
    while let Some(cell) = left.first().copied() {
        if cell != first {
            page.blank()?;
        }
        let says = |cell: &Cell| (cell.code, Mark::of(cell), cell.standing());
        let (same, others) = left
            .into_iter()
            .partition(|other| says(other) == says(cell));
        left = others;
        depth(page, cell, at)?;
        addresses(page, &same)?;
    }
    if !beside.is_empty() {
        page.heading("Beside it")?;
    }
    for cell in &beside {
        let line = Line::new().add(look(cell), Mark::of(cell).sign(page.ascii));
        let mut line = line.say(" ").join(verdict(cell));
        if cell.address != first.address {
            line = line.say(" at ").say(&cell.address);
        }
        field(page, &cell.from, line)?;
        if page.verbose > 0 || cell.met != Some(true) && cell.code.kind() != Kind::Rejected {
            page.item(EDGE, EDGE, sentence(cell, client(&cell.from), &cell.to))?;
        }
        for line in cell.evidence.iter().take(EVIDENCE) {
            bullet(page, EDGE, Line::new().say(line))?;
        }
        for line in caveats(cell) {
            page.item(EDGE, EDGE, line)?;
        }
    }
    for target in &matrix.targets {
        let mut line = Line::new().name(&target.mode);
        if let Some(expected) = &target.expected_mode {
            line = match *expected == target.mode {
                true => line.say(", as expected"),
                false => line.add(Look::Bad, ", expected ").add(Look::Bad, expected),
            };
        }
        let is_wanted = Mode::WANTED.iter().any(|mode| mode.as_str() == target.mode);
        if !is_wanted && !target.evidence.is_empty() {
            let why = target.evidence.iter().take(EVIDENCE).map(String::as_str);
            line = line.say(": ").names(Look::Faint, why, "; ");
        }
        if beside.is_empty() {
            page.blank()?;
        }
        field(page, "mode", line)?;
        for found in &target.dialects {
            field(page, "dialect", dialect(found))?;
            for line in found.evidence.iter().take(EVIDENCE) {
                field(page, "", Line::new().say("- ").say(line))?;
            }
        }
        if target.ports.len() > 1 {
            field(page, "by port", super::table::ports(target))?;
        }
    }
    Ok(())
}

/// `hbone, found in 2 connections`
pub(super) fn dialect(found: &FoundDialect) -> Line {
    let mut line = Line::new().name(&found.dialect);
    if let Some(via) = &found.via {
        line = line.say(" via ").name(via);
    }
    line.say(&match found.connections {
        1 => ", found in 1 connection".to_owned(),
        many => format!(", found in {many} connections"),
    })
}

/// Everything that is known of one cell.
pub(super) fn depth(
    page: &mut Page<'_, impl Write>,
    cell: &Cell,
    at: Option<Timestamp>,
) -> io::Result<()> {
    let line = Line::new().name(&cell.from).say(" -> ").name(&cell.to);
    page.item(0, 4, line.say(" (").say(&cell.address).say(")"))?;
    page.blank()?;
    let line = Line::new().add(look(cell), Mark::of(cell).sign(page.ascii));
    page.item(0, 4, line.say(" ").join(verdict(cell)))?;
    page.item(2, 2, sentence(cell, client(&cell.from), &cell.to))?;
    for line in cell.evidence.iter().take(EVIDENCE) {
        bullet(page, 2, Line::new().say(line))?;
    }
    more(page, 2, cell.evidence.len(), EVIDENCE)?;
    for line in caveats(cell) {
        page.item(2, 2, line)?;
    }
    if cell.standing() != Met::Met {
        next_step(page, 2, cell)?;
    }
    page.blank()?;
    field(page, "they on us", they_on_us(cell, page.ascii))?;
    field(page, "we on them", we_on_them(cell, page.ascii))?;
    if let Some(server) = &cell.server {
        for line in server.evidence.iter().take(EVIDENCE) {
            field(page, "", Line::new().say("- ").say(line))?;
        }
    }
    if let Some(tls) = &cell.tls {
        field(page, "tls", negotiated(tls))?;
        field(page, "", exchanged(tls))?;
    }
    for (nth, one) in cell.follow_ups.iter().enumerate() {
        field(
            page,
            if nth == 0 { "follow-ups" } else { "" },
            followed(one),
        )?;
    }
    if let Some(server) = &cell.server {
        certificates(page, server, at)?;
    }
    if let Some(http) = &cell.http {
        let mut line = Line::new().say(&format!("status {}", http.status));
        if let Some(status) = http.grpc_status {
            line = line.say(&format!(", grpc-status {status}"));
        }
        if let Some(server) = &http.server {
            line = line.say(", server ").say(server);
        }
        if let Some(offset) = http.clock_offset_s.filter(|offset| *offset != 0) {
            line = line.say(&format!(", its clock {offset:+} s from ours"));
        }
        field(page, "answer", line)?;
    }
    field(page, "reached", Line::new().say(&cell.stage))?;
    times(page, cell)
}

/// The target's verdict on us.
fn they_on_us(cell: &Cell, ascii: bool) -> Line {
    let said = |mark: Mark, word: &str| Line::new().say(mark.sign(ascii)).say(" ").say(word);
    let line = match cell.peer {
        None => Line::new().say("it never came to that"),
        Some(code) => match code.kind() {
            Kind::Accepted => said(Mark::Accepted, code.as_str()),
            Kind::Rejected => said(Mark::RefusedByPeer, code.as_str()),
            Kind::Inconclusive | Kind::Unreachable => said(Mark::Unknown, "could not tell"),
        },
    };
    match &cell.from_id {
        Some(id) => line.say(", on ").say(id),
        None => line,
    }
}

/// Our verdict on the target, which stands whatever the target thinks of us.
fn we_on_them(cell: &Cell, ascii: bool) -> Line {
    let Some(server) = &cell.server else {
        return Line::new().say("no certificate was seen");
    };
    let good = server.judgement == Code::Ok;
    let mark = if good {
        Mark::Accepted
    } else {
        Mark::RefusedByProbe
    };
    let sign = mark.sign(ascii);
    let line = Line::new()
        .say(sign)
        .say(" ")
        .say(server.judgement.as_str());
    match &server.id {
        Some(id) => line.say(", on ").say(id),
        None => line.say(", on a certificate without a name"),
    }
}

pub(super) fn negotiated(tls: &Tls) -> Line {
    let parts = [
        ("", &tls.version),
        ("", &tls.cipher),
        ("", &tls.group),
        ("ALPN ", &tls.alpn),
        ("server name ", &tls.sni),
    ];
    let mut line = Line::new();
    let mut first = true;
    for (title, value) in parts {
        if let Some(value) = value {
            line = line
                .say(if first { "" } else { ", " })
                .say(title)
                .say(value);
            first = false;
        }
    }
    if tls.alpn.is_none() && tls.version.is_some() {
        line = line.say(", no ALPN");
    }
    line
}

/// A further connection, and what came of it.
fn followed(one: &FollowUp) -> Line {
    let line = Line::new().say(comes(&one.kind)).say(": ");
    let line = line.name(one.code.as_str());
    match one.evidence.first() {
        Some(fact) => line.say(", ").say(fact),
        None => line,
    }
}

/// What was different about a further connection.
pub(super) fn comes(kind: &str) -> &str {
    match kind {
        "no_certificate" => "with no certificate",
        "throwaway" => "with a certificate of the same names by a CA that nobody knows",
        "other_version" => "over the other TLS version",
        "plain_alpn" => "with TLS, and without the ALPN of an Istio sidecar",
        "mesh_alpn" => "offering the ALPN of an Istio sidecar as well",
        other => other,
    }
}

pub(super) fn exchanged(tls: &Tls) -> Line {
    let asked = match (tls.certificate_requested, tls.certificate_sent) {
        (Some(true), true) => "asked for a certificate, and we sent ours",
        (Some(true), false) => "asked for a certificate, and we sent none",
        (Some(false), _) => "did not ask for a certificate",
        (None, true) => "we sent our certificate",
        (None, false) => "ended before it could ask for a certificate",
    };
    let mut text = asked.to_owned();
    if !tls.looks_like.is_empty() {
        text += &format!("; looks like {}", tls.looks_like.join(" or "));
    }
    if tls.tickets > 0 {
        text += &format!("; {} session tickets", tls.tickets);
    }
    if let Some(alert) = tls.alert {
        text += &format!("; fatal alert {alert}");
    }
    Line::new().say(&text)
}

fn certificates(
    page: &mut Page<'_, impl Write>,
    server: &Server,
    at: Option<Timestamp>,
) -> io::Result<()> {
    for (nth, one) in server.chain.iter().take(CHAIN).enumerate() {
        certificate(page, if nth == 0 { "leaf" } else { "issuer" }, one, at)?;
    }
    more(page, EDGE, server.chain.len(), CHAIN)?;
    if let Some(root) = &server.root {
        certificate(page, "root", root, at)?;
    }
    for (nth, hint) in server.ca_hints.iter().take(CHAIN).enumerate() {
        field(
            page,
            if nth == 0 { "its CA hints" } else { "" },
            Line::new().say(hint),
        )?;
    }
    more(page, EDGE, server.ca_hints.len(), CHAIN)
}

fn certificate(
    page: &mut Page<'_, impl Write>,
    title: &str,
    certificate: &Certificate,
    at: Option<Timestamp>,
) -> io::Result<()> {
    let names = certificate.uris.iter().chain(&certificate.dns);
    let count = certificate.uris.len() + certificate.dns.len();
    let line = if count == 0 {
        Line::new().say(&certificate.subject)
    } else {
        Line::new().names(Look::Plain, names.take(NAMES).map(String::as_str), ", ")
    };
    field(page, title, line)?;
    more(page, EDGE, count, NAMES)?;
    let line = Line::new()
        .add(Look::Faint, "from ")
        .say(&certificate.not_before);
    let line = line.add(Look::Faint, " to ").say(&certificate.not_after);
    let end: Option<Timestamp> = certificate.not_after.parse().ok();
    let left = end.zip(at).map(|(end, at)| end.duration_since(at));
    let line = match left {
        Some(left) if left > SignedDuration::ZERO => line.say(&format!(", {} left", rough(left))),
        Some(left) => {
            let ago = format!("expired {} ago", rough(left));
            line.say(", ").add(Look::Bad, &ago)
        }
        None => line,
    };
    field(page, "", line)?;
    if certificate.issuer == certificate.subject {
        return Ok(());
    }
    let line = Line::new().add(Look::Faint, "issued by ");
    field(page, "", line.say(&certificate.issuer))
}

fn times(page: &mut Page<'_, impl Write>, cell: &Cell) -> io::Result<()> {
    let timing = cell.timing_ms;
    let stages = [
        ("dns", timing.dns),
        ("tcp", timing.tcp),
        ("tls", timing.tls),
        ("settle", timing.settle),
        ("request", timing.request),
    ];
    let stages = stages.iter().filter_map(|(name, ms)| Some((name, (*ms)?)));
    let parts: Vec<String> = stages
        .map(|(name, ms)| format!("{name} {ms:.1} ms"))
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    field(page, "times", Line::new().say(&parts.join(", ")))
}

/// The other addresses that say the same.
fn addresses(page: &mut Page<'_, impl Write>, same: &[&Cell]) -> io::Result<()> {
    let others = same.iter().skip(1).map(|cell| cell.address.as_str());
    if same.len() < 2 {
        return Ok(());
    }
    let line = Line::new().names(Look::Plain, others, ", ");
    field(page, "the same at", line)
}

fn field(page: &mut Page<'_, impl Write>, title: &str, line: Line) -> io::Result<()> {
    if title.is_empty() {
        return page.item(EDGE, EDGE, line);
    }
    page.item(
        0,
        EDGE,
        Line::new().add(Look::Faint, title).pad(EDGE).join(line),
    )
}

fn more(
    page: &mut Page<'_, impl Write>,
    indent: usize,
    all: usize,
    shown: usize,
) -> io::Result<()> {
    match all.saturating_sub(shown) {
        0 => Ok(()),
        more => {
            let line = format!("and {more} more, which the JSON result holds");
            page.item(indent, indent, Line::new().add(Look::Faint, &line))
        }
    }
}

/// Where the fields begin.
const EDGE: usize = 14;
const EVIDENCE: usize = 12;
const CHAIN: usize = 8;
const NAMES: usize = 8;
