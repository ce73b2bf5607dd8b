//! What will break by a moment to come, if nobody renews anything: every accepted cell with the first
//! of its certificates to end, from all that a result holds. Pure.
//!
//! Of the certificates that a server sends, those on the way from its leaf to the root count; of two
//! CA certificates of one name the one that lasts longer.

mod path;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use self::path::path;
use crate::code::{Code, Kind};
use crate::findings::renewal::{Renewal, dates};
use crate::findings::{findings, listed, of_issuers, of_sources, rough};
use crate::matrix::{Cell, Certificate, Finding, Matrix, Severity, SourceSummary};

/// The name and version of the format.
pub const SCHEMA: &str = "mtls-probe/outlook/v1";

/// Looks ahead from a result to a moment.
pub fn outlook(matrix: &Matrix, at: Timestamp) -> Outlook {
    let ends = ends(matrix, at);
    let accepted = matrix.cells.iter().filter(|cell| is_accepted(matrix, cell));
    Outlook {
        schema: SCHEMA.to_owned(),
        file: None,
        started_at: matrix.run.started_at.clone(),
        at: at.to_string(),
        totals: Totals {
            cells: matrix.cells.len(),
            accepted: accepted.count(),
            breaking: (ends.iter().filter(|end| end.breaks))
                .map(|end| end.cells.len())
                .sum(),
        },
        ends,
        warnings: warnings(matrix),
    }
}

/// What will break, and what else one should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outlook {
    /// Always [`SCHEMA`].
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: String,
    /// The file of the result, where it came from one.
    pub file: Option<String>,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// The moment looked ahead to, RFC 3339.
    pub at: String,
    /// Counts of cells.
    pub totals: Totals,
    /// Certificates with the cells of which they are the first to end, the earliest first.
    pub ends: Vec<End>,
    /// What the run shows of renewal, as it was then.
    pub warnings: Vec<Finding>,
}

/// Counts of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals {
    /// All.
    pub cells: usize,
    /// Accepted in the run.
    pub accepted: usize,
    /// Those of them that will not be at that moment.
    pub breaking: usize,
}

/// A certificate, and the cells that end with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct End {
    /// Whether it is too late, or too early, for these cells at that moment.
    pub breaks: bool,
    /// Whose it is.
    pub whose: Whose,
    /// What it is in its chain.
    pub part: Part,
    /// The certificate.
    pub certificate: Certificate,
    /// When it ends, RFC 3339; where it is not valid yet at that moment, when it begins.
    pub when: String,
    /// It is not valid yet at that moment.
    pub is_early: bool,
    /// When it will be renewed, as far as one can tell by its looks, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_due: Option<String>,
    /// The sources of the cells.
    pub sources: Vec<String>,
    /// The targets of the cells.
    pub targets: Vec<String>,
    /// The cells.
    pub cells: Vec<Square>,
}

/// A cell, by its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Square {
    /// The source.
    pub from: String,
    /// The target.
    pub to: String,
    /// The address.
    pub address: String,
}

/// Whose a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The server's.
    Server,
    /// Ours.
    Ours,
}

/// What a certificate is in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The first.
    Leaf,
    /// Between.
    Intermediate,
    /// The anchor.
    Root,
}

impl Outlook {
    /// Some cell will break.
    pub fn breaks(&self) -> bool {
        self.totals.breaking > 0
    }
}

/// What will break by then, as findings of a run that looks ahead; none where it does not.
pub fn will_break(matrix: &Matrix, at: Timestamp) -> Vec<Finding> {
    let Some(started) = started(matrix).filter(|started| *started < at) else {
        return vec![];
    };
    let ends = ends(matrix, at).into_iter().filter(|end| end.breaks);
    let finding = |end: End| Finding {
        code: "WILL_BREAK".into(),
        severity: Severity::Warning,
        about: end.named(),
        message: format!(
            "{} will break by {at}, unless it is renewed: {} {} in {}, at {}; from {} to {}",
            match end.cells.len() {
                1 => "One cell that was accepted".to_owned(),
                many => format!("{many} cells that were accepted"),
            },
            end.described(),
            if end.is_early { "begins" } else { "ends" },
            rough(span(&end.when, started)),
            end.when,
            listed(&end.sources),
            listed(&end.targets),
        ),
        fix: "See that it is renewed before: the log of its agent, and whether the CA signs."
            .into(),
    };
    ends.map(finding).collect()
}

impl End {
    /// The target, source or CA, whichever tells it from others.
    pub fn named(&self) -> String {
        let names = match self.whose {
            Whose::Server => &self.targets,
            Whose::Ours => &self.sources,
        };
        match (self.part, names.as_slice()) {
            (Part::Leaf, [first, ..]) => first.clone(),
            (Part::Leaf | Part::Intermediate | Part::Root, _) => self.certificate.subject.clone(),
        }
    }

    /// In words, with names in them.
    fn described(&self) -> String {
        let name = self.named();
        match (self.part, self.whose) {
            (Part::Leaf, Whose::Server) => format!("the certificate of {name}"),
            (Part::Leaf, Whose::Ours) => format!("our certificate as {name}"),
            (Part::Intermediate, _) => format!("the CA certificate {name:?}"),
            (Part::Root, _) => format!("the root {name:?}"),
        }
    }
}

fn span(when: &str, from: Timestamp) -> SignedDuration {
    let when: Result<Timestamp, _> = when.parse();
    when.map_or(SignedDuration::ZERO, |when| when.duration_since(from))
}

/// The first certificate to fail of every accepted cell, by certificate.
fn ends(matrix: &Matrix, at: Timestamp) -> Vec<End> {
    let own = Own::of(matrix);
    let mut places: HashMap<(Whose, &Certificate, bool), usize> = HashMap::new();
    let mut ends: Vec<(Timestamp, End, Seen<'_>)> = vec![];
    for cell in matrix.cells.iter().filter(|cell| is_accepted(matrix, cell)) {
        let Some(first) = links(cell, &own)
            .filter_map(|link| fate(link, at))
            .min_by_key(Fate::order)
        else {
            continue;
        };
        let key = (first.link.whose, first.link.certificate, first.is_early);
        let place = *places.entry(key).or_insert(ends.len());
        if place == ends.len() {
            ends.push((first.when, first.end(), Seen::default()));
        }
        if let Some((_, end, seen)) = ends.get_mut(place) {
            seen.add(end, cell);
        }
    }
    ends.sort_by_key(|(when, end, _)| (!end.breaks, *when));
    ends.into_iter().map(|(_, end, _)| end).collect()
}

/// One certificate that a cell rests on.
#[derive(Clone, Copy, Debug)]
struct Link<'a> {
    whose: Whose,
    part: Part,
    certificate: &'a Certificate,
}

/// How long such a certificate lasts.
#[derive(Clone, Copy, Debug)]
struct Fate<'a> {
    link: Link<'a>,
    when: Timestamp,
    breaks: bool,
    is_early: bool,
}

impl Fate<'_> {
    /// What breaks first; of what ends together the leaf last, for the CA is the cause.
    fn order(&self) -> (bool, Timestamp, u8) {
        let depth = match self.link.part {
            Part::Root => 0,
            Part::Intermediate => 1,
            Part::Leaf => 2,
        };
        (!self.breaks, self.when, depth)
    }

    fn end(&self) -> End {
        let leaf = (self.link.part == Part::Leaf).then_some(self.link.certificate);
        let due = leaf.and_then(|leaf| Renewal::of(leaf)?.due(leaf));
        End {
            breaks: self.breaks,
            whose: self.link.whose,
            part: self.link.part,
            certificate: self.link.certificate.clone(),
            when: self.when.to_string(),
            is_early: self.is_early,
            renewal_due: due.map(|due| due.to_string()),
            sources: vec![],
            targets: vec![],
            cells: vec![],
        }
    }
}

fn fate(link: Link<'_>, at: Timestamp) -> Option<Fate<'_>> {
    let (start, end) = dates(link.certificate)?;
    let is_early = at < start;
    Some(Fate {
        link,
        when: if is_early { start } else { end },
        breaks: is_early || end <= at,
        is_early,
    })
}

/// Who is in the lists of an end already.
#[derive(Default)]
struct Seen<'a>(HashSet<&'a str>, HashSet<&'a str>);

impl<'a> Seen<'a> {
    fn add(&mut self, end: &mut End, cell: &'a Cell) {
        if self.0.insert(&cell.from) {
            end.sources.push(cell.from.clone());
        }
        if self.1.insert(&cell.to) {
            end.targets.push(cell.to.clone());
        }
        end.cells.push(Square {
            from: cell.from.clone(),
            to: cell.to.clone(),
            address: cell.address.clone(),
        });
    }
}

/// The certificates that a cell rests on: the server's, and ours where we gave it.
fn links<'a>(cell: &'a Cell, own: &Own<'a>) -> impl Iterator<Item = Link<'a>> {
    let server = cell.server.as_ref();
    let server = server.map(|server| path(&server.chain, server.root.as_ref()));
    let gave = (cell.tls.as_ref()).is_some_and(|tls| tls.certificate_sent);
    let ours = own.of_source(&cell.from).filter(|_| gave);
    let ours = ours.map(|source| path(&source.chain, source.root.as_ref()));
    let named = |whose| {
        move |(part, certificate)| Link {
            whose,
            part,
            certificate,
        }
    };
    let server = server.into_iter().flatten().map(named(Whose::Server));
    server.chain(ours.into_iter().flatten().map(named(Whose::Ours)))
}

/// The certificates that sources came with at last.
struct Own<'a>(HashMap<&'a str, &'a SourceSummary>);

impl<'a> Own<'a> {
    fn of(matrix: &'a Matrix) -> Self {
        // Of several the last one stays.
        let by_name = matrix
            .sources
            .iter()
            .map(|source| (source.name.as_str(), source));
        Self(by_name.collect())
    }

    fn of_source(&self, name: &str) -> Option<&'a SourceSummary> {
        self.0.get(name).copied()
    }
}

/// Whether the cell was accepted when the run was. A run that looks ahead refuses by dates to come what
/// its peer accepted.
fn is_accepted(matrix: &Matrix, cell: &Cell) -> bool {
    if cell.code.kind() == Kind::Accepted {
        return true;
    }
    let by_dates = [Code::CertExpired, Code::CertNotYetValid].contains(&cell.code);
    let peer_accepts = cell.peer.is_some_and(|peer| peer.kind() == Kind::Accepted);
    let Some(started) = started(matrix) else {
        return false;
    };
    let looks_ahead = matrix
        .run
        .judged_at
        .parse()
        .is_ok_and(|judged: Timestamp| judged != started);
    let mut sent = cell
        .server
        .iter()
        .flat_map(|server| path(&server.chain, server.root.as_ref()));
    by_dates
        && cell.refused_by_probe()
        && peer_accepts
        && looks_ahead
        && sent.all(|(_, one)| {
            dates(one).is_some_and(|(start, end)| start <= started && started < end)
        })
}

fn started(matrix: &Matrix) -> Option<Timestamp> {
    matrix.run.started_at.parse().ok()
}

/// What the run shows of certificates and their renewal, as it was then.
fn warnings(matrix: &Matrix) -> Vec<Finding> {
    let Some(started) = started(matrix) else {
        return vec![];
    };
    let mut all = findings(&matrix.cells, &matrix.targets, started);
    all.retain(|finding| OF_DATES.contains(&finding.code.as_str()));
    all.extend(of_issuers(&matrix.cells, &matrix.targets));
    all.extend(of_sources(&matrix.sources, started));
    all.sort_by_key(|finding| finding.severity);
    all
}

/// The findings that speak of certificates and their renewal.
const OF_DATES: [&str; 6] = [
    "CERT_EXPIRED",
    "CERT_EXPIRES_SOON",
    "CLOCK_SKEW",
    "LEAF_LIFE_CUT",
    "LEAF_LIFE_SHORT",
    "LEAVES_GET_SHORTER",
];
