//! Cells spelled out: who refused whom, why, and what to look at. Cells that would read the same share
//! a paragraph.

use std::collections::HashSet;
use std::io::{self, Write};

use super::advice;
use super::document::Phrase;
use super::group::{Group, by, groups};
use super::mark::{BROKEN, Mark, UNSURE, flaps, is_doubtful, look, share};
use super::page::{Line, Look, Page};
use crate::code::{By, Code, Confidence, Kind};
use crate::expectation::Met;
use crate::matrix::{Cell, Matrix};
use crate::suite::SourceName;

/// Spells out what is broken or in doubt, and with `verbose` everything.
pub(super) fn write(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    let (broken, others): (Vec<&Cell>, Vec<&Cell>) = matrix
        .cells
        .iter()
        .partition(|cell| cell.standing() == Met::Broken);
    let (doubtful, others): (Vec<&Cell>, Vec<&Cell>) =
        others.into_iter().partition(|cell| is_doubtful(cell));
    section(page, "Not as expected", &broken)?;
    section(page, "In doubt", &doubtful)?;
    if page.verbose > 0 {
        let nothing = broken.is_empty() && doubtful.is_empty();
        section(page, if nothing { "Cells" } else { "Other cells" }, &others)?;
    }
    differing(page, matrix)
}

fn section(page: &mut Page<'_, impl Write>, title: &str, cells: &[&Cell]) -> io::Result<()> {
    if cells.is_empty() {
        return Ok(());
    }
    page.heading(title)?;
    let groups = match page.verbose {
        0 => super::group::by_importance(groups(cells)),
        _ => cells.iter().map(|cell| Group::of(cell)).collect(),
    };
    for group in groups {
        page.blank()?;
        paragraph(page, &group)?;
    }
    Ok(())
}

fn paragraph(page: &mut Page<'_, impl Write>, group: &Group<'_>) -> io::Result<()> {
    let cell = group.first;
    let sign = match cell.standing() {
        Met::Broken => BROKEN,
        Met::InDoubt => Mark::Unknown.sign(page.ascii),
        Met::Met | Met::Unjudged if flaps(cell) => UNSURE,
        Met::Met | Met::Unjudged => Mark::of(cell).sign(page.ascii),
    };
    let line = Line::new().add(look(cell), sign).say(" ");
    let line = line.join(group.who()).say(": ");
    page.item(0, 4, line.join(verdict(cell)))?;
    for line in group.lists() {
        page.item(4, 6, line)?;
    }
    let from = match group.sources.as_slice() {
        [from] => client(from),
        [..] => THEM,
    };
    let to = match group.places.as_slice() {
        [(to, _)] => to,
        [..] => EACH,
    };
    page.item(4, 4, sentence(cell, from, to))?;
    for line in group.evidence() {
        bullet(page, 4, line)?;
    }
    for line in caveats(cell) {
        page.item(4, 4, line)?;
    }
    if let Some(server) = &cell.server
        && server.judgement != Code::Ok
        && !cell.refused_by_probe()
    {
        let line = Line::new().say("We would refuse its certificate, too: ");
        let line = line.name(server.judgement.as_str());
        let why = server
            .evidence
            .first()
            .map_or(server.judgement.meaning(), String::as_str);
        page.item(4, 4, line.say(", ").say(why))?;
    }
    if cell.standing() != Met::Met {
        next_step(page, 4, cell)?;
    }
    Ok(())
}

/// The code, and what was expected.
pub(super) fn verdict(cell: &Cell) -> Line {
    let line = Line::new().add(look(cell), cell.code.as_str());
    let line = match flaps(cell) {
        true => line.say(" ").say(&share(cell)),
        false => line,
    };
    match (&cell.expected, cell.standing()) {
        (None, _) => line,
        (Some(_), Met::Met) => line.say(", as expected"),
        (Some(expected), _) => line.say(", expected ").say(&expected.replace('|', " or ")),
    }
}

/// Who refused whom, in words.
pub(super) fn sentence(cell: &Cell, from: &str, to: &str) -> Line {
    told(cell, from, to).line()
}

/// The same, with the names quoted.
pub(super) fn told(cell: &Cell, from: &str, to: &str) -> Phrase {
    let said = Phrase::default();
    let who = |said: Phrase, name: &str| match OURS.contains(&name) {
        true => said.mark(Look::Strong, name),
        false => said.name(name),
    };
    let meaning = cell.code.meaning();
    let said = match (cell.code, Mark::of(cell)) {
        (Code::Ok, Mark::Accepted) => {
            return who(who(said, to).say(" accepted "), from).say(".");
        }
        (_, Mark::Accepted) => who(who(said, to).say(" accepted "), from),
        (Code::UpstreamTlsFailure | Code::UpstreamUnavailable, _) => {
            who(who(said, to).say(" did not answer "), from).say(" itself")
        }
        (_, Mark::RefusedByPeer) => who(who(said, to).say(" refused "), from),
        (code, Mark::RefusedByProbe) if is_about_certificate(code) => {
            who(said.say("We refuse the certificate of "), to)
        }
        (_, Mark::RefusedByProbe) => who(said.say("We turn "), to).say(" down"),
        (_, Mark::Unreachable) => who(said.say("No connection to "), to),
        (Code::ProbeFault, Mark::Unknown) => who(said.say("Nothing was learned about "), to),
        (_, Mark::Unknown) if cell.code.kind() == Kind::Rejected => {
            who(who(said, to).say(" and "), from).say(" did not agree")
        }
        (_, Mark::Unknown) => {
            let said = said.say("Nobody can tell whether ");
            who(who(said, to).say(" accepts "), from)
        }
    };
    let said = said.say(": ").say(meaning);
    // Where the trouble is ours from the begin, nothing ended: nothing was begun.
    let is_begun = cell.code != Code::ProbeFault || cell.stage != "dns";
    match stage(&cell.stage) {
        Some(stage) if is_begun && cell.code.kind() == Kind::Inconclusive => {
            said.say("; it ended ").say(stage).say(".")
        }
        Some(_) | None => said.say("."),
    }
}

/// A source in a sentence.
pub(super) fn client(source: &str) -> &str {
    match source {
        SourceName::NONE => NOBODY,
        SourceName::PLAINTEXT => NO_TLS,
        name => name,
    }
}

/// What to keep in mind about a verdict.
pub(super) fn caveats(cell: &Cell) -> Vec<Line> {
    let mut lines = vec![];
    let doubt = match cell.confidence {
        Confidence::Certain => None,
        Confidence::Likely => Some("Likely, not certain"),
        Confidence::Ambiguous => Some("Not certain"),
    };
    if let Some(doubt) = doubt {
        let codes = cell.candidates.iter().take(CANDIDATES);
        let others = codes.map(|code| code.as_str());
        let line = Line::new().add(Look::Doubt, doubt);
        lines.push(match cell.candidates.len() {
            0 => line.say("."),
            1 => line
                .say(": ")
                .names(Look::Plain, others, "")
                .say(" fits as well."),
            _ => line
                .say(": ")
                .names(Look::Plain, others, ", ")
                .say(" fit as well."),
        });
    }
    if flaps(cell) {
        let words = format!(
            "Only {} of {} connections say so.",
            cell.attempts.agreeing, cell.attempts.total
        );
        let others = cell
            .attempts
            .codes
            .iter()
            .filter(|said| said.code != cell.code);
        let others: Vec<String> = others
            .take(CANDIDATES)
            .map(|said| format!("{} {}/{}", said.code, said.count, cell.attempts.total))
            .collect();
        let line = Line::new().add(Look::Doubt, &words);
        lines.push(match others.as_slice() {
            [] => line,
            others => line.say(" The others: ").say(&others.join(", ")).say("."),
        });
    }
    lines
}

/// What to look at.
pub(super) fn next_step(
    page: &mut Page<'_, impl Write>,
    indent: usize,
    cell: &Cell,
) -> io::Result<()> {
    match remedy(cell) {
        Some(advice) => page.arrow(indent, Line::new().sentence(advice)),
        None => Ok(()),
    }
}

/// What to look at, where that follows from the code.
pub(super) fn remedy(cell: &Cell) -> Option<&'static str> {
    // What is the matter is not that it is accepted, nor that it is refused.
    if cell.attempts.flake.is_some() {
        return None;
    }
    let by = if cell.refused_by_probe() {
        Some(By::Probe)
    } else if cell.refused_by_peer() {
        Some(By::Peer)
    } else {
        None
    };
    Some(advice(cell.code, by))
}

pub(super) fn bullet(page: &mut Page<'_, impl Write>, indent: usize, line: Line) -> io::Result<()> {
    page.item(indent, indent + 2, Line::new().say("- ").join(line))
}

fn is_about_certificate(code: Code) -> bool {
    !matches!(
        code,
        Code::NotTls
            | Code::NoSharedCipher
            | Code::ProtocolVersion
            | Code::AlpnMismatch
            | Code::UnrecognizedName
            | Code::NoFilterChain
    )
}

fn stage(name: &str) -> Option<&'static str> {
    Some(match name {
        "dns" => "while the name was being resolved",
        "tcp" => "while connecting",
        "starttls" => "in plaintext, before TLS began",
        "client_hello" => "before any answer to our ClientHello",
        "server_hello" => "in the middle of the server's answer",
        "client_auth" => "when the server held our certificate",
        "settle" => "after the handshake, before any word on us",
        "request" => "after our request was sent",
        _ => return None,
    })
}

/// Lists the squares whose addresses differ, where no finding does.
fn differing(page: &mut Page<'_, impl Write>, matrix: &Matrix) -> io::Result<()> {
    let found: HashSet<&str> = matrix
        .findings
        .iter()
        .filter(|finding| finding.code == "REPLICAS_DIFFER")
        .map(|finding| finding.about.as_str())
        .collect();
    let cells = matrix.cells.iter();
    let squares = by(cells, |cell| (cell.from.as_str(), cell.to.as_str()));
    let mut headed = false;
    for cells in squares {
        let said = by(cells.iter().copied(), |cell| (cell.code, Mark::of(cell)));
        let (Some(cell), 2..) = (cells.first(), said.len()) else {
            continue;
        };
        if found.contains(cell.to.as_str()) && page.verbose == 0 {
            continue;
        }
        if !headed {
            page.heading("Addresses that differ")?;
            headed = true;
        }
        let mut line = Line::new().name(&cell.from).say(" -> ").name(&cell.to);
        for (nth, cells) in said.iter().enumerate() {
            let Some(cell) = cells.first() else { continue };
            line = line.say(if nth == 0 { ": " } else { "; " });
            let at = cells.iter().map(|cell| cell.address.as_str());
            line = line.add(look(cell), cell.code.as_str()).say(" at ");
            line = line.names(Look::Plain, at, ", ");
        }
        page.item(2, 4, line)?;
    }
    Ok(())
}

const NOBODY: &str = "a client without a certificate";
const NO_TLS: &str = "a client without TLS";
/// Several sources.
pub(super) const THEM: &str = "them";
/// Several targets.
pub(super) const EACH: &str = "each";
/// What stands in a sentence for a name and is none.
const OURS: [&str; 4] = [NOBODY, NO_TLS, THEM, EACH];
/// How many other codes a paragraph names.
const CANDIDATES: usize = 8;
