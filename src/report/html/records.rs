//! What is known of each cell, for the page that opens with it. Wording is done here; the page puts it
//! in place.

use jiff::Timestamp;
use serde::Serialize;

use super::certificates::{Certificates, Presented, Shown};
use super::connection::{Distribution, Fields, answer, distribution, negotiation};
use super::data::mark;
use super::explained;
use super::lists::by;
use super::markup::seen;
use super::pool::{Pool, Text, Texts};
use super::squares::standing;
use crate::code::{Code, Confidence};
use crate::expectation::Met;
use crate::matrix::{Cell, Face, FollowUp, Http, Matrix, Said, Server, Tls};
use crate::report::advice;
use crate::report::details::{caveats, sentence};
use crate::report::mark::Mark;
use crate::report::page::Line;
use crate::report::pair::comes;

/// One cell: where, as whom, the verdict, its evidence, TLS, the server's certificates, the answer,
/// the attempts, the follow-ups, and the milliseconds of each stage. Numbers are places in the pool.
#[derive(Serialize)]
pub(super) struct Record(
    usize,
    Option<Text>,
    usize,
    Vec<Text>,
    Option<usize>,
    Option<usize>,
    Option<usize>,
    Option<usize>,
    Vec<Followed>,
    [Option<f64>; 5],
);

/// The pools that fill while the records are made.
pub(super) struct Records<'a> {
    matrix: &'a Matrix,
    texts: Texts<'a>,
    places: Pool<[Option<&'a str>; 3], Place>,
    verdicts: Pool<Judged<'a>, Verdict>,
    tls: Pool<&'a Tls, Fields>,
    certificates: Certificates<'a>,
    servers: Pool<&'a Server, Presented>,
    answers: Pool<&'a Http, Fields>,
    attempts: Pool<(&'a [Said], &'a [Face]), Distribution>,
}

impl<'a> Records<'a> {
    pub(super) fn new(matrix: &'a Matrix) -> Self {
        let at: Option<Timestamp> = matrix.run.judged_at.parse().ok();
        Self {
            matrix,
            texts: Texts::of(matrix.cells.iter().flat_map(texts)),
            places: Pool::new(),
            verdicts: Pool::new(),
            tls: Pool::new(),
            certificates: Certificates::at(at),
            servers: Pool::new(),
            answers: Pool::new(),
            attempts: Pool::new(),
        }
    }

    pub(super) fn record(&mut self, cell: &'a Cell) -> Record {
        let at = [
            Some(&cell.address),
            cell.via.as_ref(),
            cell.dialect.as_ref(),
        ];
        let at = at.map(|text| text.map(String::as_str));
        let verdict = self.verdict(cell);
        let server = cell.server.as_ref().map(|server| {
            let certificates = &mut self.certificates;
            self.servers
                .place(server, || certificates.presented(server))
        });
        Record(
            self.places.place(at, || Place::of(cell)),
            cell.from_id.as_ref().map(|id| self.texts.text(id, seen)),
            verdict,
            self.lines(&cell.evidence),
            (cell.tls.as_ref()).map(|tls| self.tls.place(tls, || negotiation(tls))),
            server,
            (cell.http.as_ref()).map(|http| self.answers.place(http, || answer(http))),
            (!cell.attempts.codes.is_empty() || !cell.attempts.faces.is_empty()).then(|| {
                let key = (
                    cell.attempts.codes.as_slice(),
                    cell.attempts.faces.as_slice(),
                );
                self.attempts.place(key, || distribution(&cell.attempts))
            }),
            (cell.follow_ups.iter())
                .map(|one| self.followed(one))
                .collect(),
            milliseconds(cell),
        )
    }

    fn lines(&mut self, lines: &'a [String]) -> Vec<Text> {
        let lines = lines.iter().take(MOST_LINES);
        lines.map(|line| self.texts.text(line, seen)).collect()
    }

    fn followed(&mut self, one: &'a FollowUp) -> Followed {
        Followed {
            how: seen(comes(&one.kind)),
            code: one.code.as_str(),
            evidence: self.lines(&one.evidence),
        }
    }

    fn verdict(&mut self, cell: &'a Cell) -> usize {
        let by = by(cell);
        let make = || Verdict {
            code: cell.code.as_str(),
            mark: mark(Mark::of(cell)),
            standing: standing(cell),
            confidence: cell.confidence.as_str(),
            sentence: sentence(cell, FROM, TO).text(),
            caveats: caveats(cell).iter().map(Line::text).collect(),
            stage: seen(&cell.stage),
            expected: (cell.expected.as_ref()).map(|codes| seen(&codes.replace('|', " or "))),
            peer: cell.peer.map(|code| (code.as_str(), code.meaning())),
            // What is the matter with a flaky cell is not what it says most of the time.
            fix: (cell.standing() != Met::Met && cell.attempts.flake.is_none())
                .then(|| advice(cell.code, by)),
            explanation: explained::id(cell.code, by),
            attempts: (cell.attempts.agreeing, cell.attempts.total),
        };
        self.verdicts.place(Judged::of(cell), make)
    }

    /// What the records so far have in common.
    pub(super) fn pool(&mut self, sources: &[&str]) -> Shared<'_> {
        let own = sources.iter().map(|name| {
            let of_source = self.matrix.sources.iter();
            let of_source = of_source.filter(|source| source.name == *name);
            of_source
                .take(MOST_OWN)
                .map(|source| self.certificates.own(source))
                .collect()
        });
        let own = own.collect();
        Shared {
            texts: self.texts.all().iter().map(|text| seen(text)).collect(),
            places: self.places.all(),
            verdicts: self.verdicts.all(),
            tls: self.tls.all(),
            servers: self.servers.all(),
            answers: self.answers.all(),
            attempts: self.attempts.all(),
            own,
            certificates: self.certificates.all(),
        }
    }
}

/// All pools.
#[derive(Serialize)]
pub(super) struct Shared<'a> {
    texts: Vec<String>,
    places: &'a [Place],
    verdicts: &'a [Verdict],
    tls: &'a [Fields],
    certificates: &'a [Shown],
    servers: &'a [Presented],
    answers: &'a [Fields],
    attempts: &'a [Distribution],
    /// What each source came with.
    own: Vec<Vec<Presented>>,
}

#[derive(Serialize)]
struct Place {
    address: String,
    via: Option<String>,
    dialect: Option<String>,
}

impl Place {
    fn of(cell: &Cell) -> Self {
        Self {
            address: seen(&cell.address),
            via: cell.via.as_deref().map(seen),
            dialect: cell.dialect.as_deref().map(seen),
        }
    }
}

#[derive(Serialize)]
struct Verdict {
    code: &'static str,
    mark: usize,
    standing: usize,
    confidence: &'static str,
    /// With [`FROM`] and [`TO`] for the names.
    sentence: String,
    caveats: Vec<String>,
    stage: String,
    expected: Option<String>,
    /// What the peer thinks of us, with its meaning.
    peer: Option<(&'static str, &'static str)>,
    fix: Option<&'static str>,
    /// The element that explains the code.
    explanation: String,
    /// So many of all connections agree.
    attempts: (u32, u32),
}

#[derive(Serialize)]
struct Followed {
    how: String,
    code: &'static str,
    evidence: Vec<Text>,
}

/// All that a verdict is worded from.
#[derive(PartialEq, Eq, Hash)]
struct Judged<'a> {
    code: Code,
    by: Option<&'a str>,
    peer: Option<Code>,
    confidence: Confidence,
    candidates: &'a [Code],
    expected: Option<&'a str>,
    met: Option<bool>,
    stage: &'a str,
    attempts: (u32, u32, &'a [Said], bool),
}

impl<'a> Judged<'a> {
    fn of(cell: &'a Cell) -> Self {
        let attempts = &cell.attempts;
        Self {
            code: cell.code,
            by: cell.by.as_deref(),
            peer: cell.peer,
            confidence: cell.confidence,
            candidates: &cell.candidates,
            expected: cell.expected.as_deref(),
            met: cell.met,
            stage: &cell.stage,
            attempts: (
                attempts.agreeing,
                attempts.total,
                &attempts.codes,
                attempts.flake.is_some(),
            ),
        }
    }
}

/// The texts of a cell that may occur in others.
fn texts(cell: &Cell) -> impl Iterator<Item = &str> {
    let followed = cell.follow_ups.iter().flat_map(|one| one.evidence.iter());
    let lines = cell.evidence.iter().chain(followed);
    lines.chain(&cell.from_id).map(String::as_str)
}

/// To a hundredth; more is noise.
fn milliseconds(cell: &Cell) -> [Option<f64>; 5] {
    let timing = cell.timing_ms;
    let stages = [
        timing.dns,
        timing.tcp,
        timing.tls,
        timing.settle,
        timing.request,
    ];
    stages.map(|ms| ms.map(|ms| (ms * 100.0).round() / 100.0))
}

/// Stand for the names in a sentence.
const FROM: &str = "{from}";
const TO: &str = "{to}";
/// The most facts of one cell.
const MOST_LINES: usize = 256;
/// The most sets of certificates that one source came with.
const MOST_OWN: usize = 4;
