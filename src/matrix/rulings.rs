//! Attempts of one cell, ruled: which speaks for all, and what the others say. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use super::filling::hex;
use super::looks::{Look, Seen};
use super::{Attempts, Face, Flake, Said};
use crate::certificate::{Facts, Judgement, directory_name};
use crate::code::{By, Code, Kind, Outcome};
use crate::expectation::{Met, compare};
use crate::observation::{CertificateRequest, Ending};
use crate::suite::Wanted;
use crate::verdict::{Elsewhere, Known, Own, Verdict};

/// What we think of both ends.
pub(super) struct Both {
    pub(super) server: Option<Arc<Judgement>>,
    pub(super) own: Option<Arc<Own>>,
}

impl Both {
    pub(super) fn known<'a>(&'a self, seen: &'a Seen, elsewhere: Elsewhere<'a>) -> Known<'a> {
        Known {
            own: self.own.as_deref(),
            server: self.server.as_deref(),
            elsewhere,
            follow_ups: &seen.follow_ups,
        }
    }
}

/// One attempt, ruled.
pub(super) struct Ruling<'a> {
    pub(super) look: &'a Look,
    pub(super) verdict: Verdict,
    pub(super) opinions: Both,
}

impl Ruling<'_> {
    pub(super) fn said(&self) -> (Code, Outcome) {
        (self.verdict.code(), self.verdict.outcome())
    }

    /// A certificate that somebody else sends may show what a chain lacks.
    pub(super) fn lacks(&self) -> bool {
        let is_such = |code| [Code::UnknownCa, Code::IncompleteChain].contains(&code);
        // What the peer takes is no longer a question of ours.
        let own = self
            .opinions
            .own
            .as_ref()
            .filter(|_| is_bad(self.verdict.code()));
        let own = own.map(|own| &own.judgement);
        let mut judgements = self.opinions.server.as_deref().into_iter().chain(own);
        judgements.any(|one| one.problems.iter().any(|problem| is_such(problem.code)))
    }

    fn met(&self, wanted: &[Wanted]) -> Met {
        let distrust = self
            .opinions
            .server
            .as_ref()
            .is_some_and(|server| !server.is_ok());
        let met = compare(&self.verdict, distrust, wanted);
        // The refusal that is expected may be the one we did not hear.
        let may_come = wanted.iter().any(|wanted| match wanted {
            Wanted::Rejected => true,
            Wanted::Code(code) => code.kind() == Kind::Rejected,
            Wanted::Distrusted => false,
        });
        let is_ours = self.verdict.outcome() == Outcome::Rejected(By::Probe);
        let said = self.verdict.peer().map(Code::kind);
        let is_fault = matches!(self.look.observation.ending, Ending::Fault(_));
        let is_peer_silent = is_ours && (is_fault || said == Some(Kind::Inconclusive));
        match met {
            Met::Broken if is_peer_silent && may_come => Met::InDoubt,
            Met::Met | Met::Broken | Met::InDoubt | Met::Unjudged => met,
        }
    }
}

/// The attempt that speaks for all: what most of them say, and where two are as frequent, the worse.
pub(super) fn headline<'a, 'b>(rulings: &'b [Ruling<'a>]) -> Option<&'b Ruling<'a>> {
    let votes = votes(rulings);
    let of = |ruling: &&Ruling<'_>| votes.get(&ruling.said()).copied().unwrap_or_default();
    // Of equals the first one, and max_by_key takes the last.
    let said = rulings
        .iter()
        .rev()
        .max_by_key(|ruling| (of(ruling), is_bad(ruling.verdict.code())))?
        .said();
    // Of those who say it, whoever stands for the most.
    let same = rulings.iter().rev().filter(|ruling| ruling.said() == said);
    same.max_by_key(|ruling| ruling.look.times)
}

fn is_bad(code: Code) -> bool {
    code.kind() != Kind::Accepted
}

/// Attempts that differ leave it open whether the expectation is met.
pub(super) fn met(rulings: &[Ruling<'_>], wanted: &[Wanted]) -> Met {
    let mut each = rulings.iter().map(|ruling| ruling.met(wanted));
    match each.next() {
        None if wanted.is_empty() => Met::Unjudged,
        None => Met::InDoubt,
        Some(first) if each.all(|other| other == first) => first,
        Some(_) => Met::InDoubt,
    }
}

pub(super) fn evidence(headline: &Ruling<'_>, rulings: &[Ruling<'_>]) -> Vec<String> {
    let mut evidence = headline.verdict.evidence.clone();
    let said = headline.said();
    let votes = votes(rulings);
    let total = total(rulings);
    let mut others: Vec<_> = votes.into_iter().filter(|(one, _)| *one != said).collect();
    others.sort_unstable();
    evidence.extend(others.into_iter().map(|((code, outcome), times)| {
        let by = match outcome.by() {
            Some(by) => format!(" (by {})", by.as_str()),
            None => String::new(),
        };
        format!("{times} of {total} attempts say {code}{by}")
    }));
    evidence
}

/// How many say what the headline says, and what the others do.
pub(super) fn attempts(headline: &Ruling<'_>, rulings: &[Ruling<'_>]) -> Attempts {
    let votes = votes(rulings);
    let agreeing = votes.get(&headline.said()).copied().unwrap_or_default();
    let codes = said(&votes);
    let flake = Flake::of(&codes);
    Attempts {
        total: total(rulings),
        agreeing,
        codes: several(codes),
        flake,
        faces: several(faces(rulings)),
    }
}

type Votes = HashMap<(Code, Outcome), u32>;

fn votes<'a>(rulings: impl IntoIterator<Item = &'a Ruling<'a>>) -> Votes {
    let mut votes = Votes::new();
    for ruling in rulings {
        *votes.entry(ruling.said()).or_default() += ruling.look.times;
    }
    votes
}

fn total(rulings: &[Ruling<'_>]) -> u32 {
    rulings.iter().map(|ruling| ruling.look.times).sum()
}

fn said(votes: &Votes) -> Vec<Said> {
    let said = votes.iter().map(|((code, outcome), times)| Said {
        code: *code,
        by: outcome.by().map(|by| by.as_str().to_owned()),
        count: *times,
    });
    let mut said: Vec<Said> = said.collect();
    said.sort_unstable_by(|one, other| {
        let key = |said: &Said| (std::cmp::Reverse(said.count), said.code);
        key(one)
            .cmp(&key(other))
            .then_with(|| one.by.cmp(&other.by))
    });
    said
}

/// What the servers behind the address present, by the leaf and the CA names.
fn faces(rulings: &[Ruling<'_>]) -> Vec<Face> {
    let mut groups: Vec<Vec<&Ruling<'_>>> = vec![];
    let mut places = HashMap::new();
    for ruling in rulings {
        let seen = &ruling.look.observation;
        // Where no certificate came nobody showed a face.
        if let Some(leaf) = seen.chain.first() {
            let hints = hints(&seen.certificate_request);
            let place = *places.entry((leaf, hints)).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(ruling),
                None => groups.push(vec![ruling]),
            }
        }
    }
    if groups.len() < 2 {
        return vec![];
    }
    let faces = groups.into_iter().filter_map(|group| {
        let seen = &group.first()?.look.observation;
        let leaf = Facts::parse(seen.chain.first()?).ok();
        Some(Face {
            sha256: leaf
                .as_ref()
                .map(|leaf| hex(&leaf.sha256))
                .unwrap_or_default(),
            serial: leaf
                .as_ref()
                .map(|leaf| leaf.serial.clone())
                .unwrap_or_default(),
            issuer: leaf.map(|leaf| leaf.issuer).unwrap_or_default(),
            ca_hints: hints(&seen.certificate_request)
                .iter()
                .map(|der| directory_name(der))
                .collect(),
            codes: said(&votes(group.iter().copied())),
            count: group.iter().map(|ruling| ruling.look.times).sum(),
        })
    });
    let mut faces: Vec<Face> = faces.collect();
    faces.sort_by(|one, other| {
        (other.count.cmp(&one.count)).then_with(|| one.sha256.cmp(&other.sha256))
    });
    faces
}

fn hints(request: &CertificateRequest) -> &[Vec<u8>] {
    match request {
        CertificateRequest::Asked { hints, .. } => hints,
        CertificateRequest::Unknown | CertificateRequest::NeverAsked => &[],
    }
}

/// One alone is no distribution.
fn several<T>(all: Vec<T>) -> Vec<T> {
    if all.len() > 1 { all } else { vec![] }
}
