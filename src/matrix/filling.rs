//! The fields of a cell, from what one connection showed.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::{Attempts, Cell, Certificate, FollowUp, Http, Server, TimingMs, Tls, Upstream};
use crate::certificate::{Facts, Judgement, directory_name};
use crate::observation::{
    Answer, CertificateRequest, Ending, Followed, Gave, Observation, Stage, Timing,
};
use crate::plan::PlannedCell;
use crate::verdict::{self, Known, Library, Verdict, classify};

/// A cell with its verdict, and nothing that only a connection can tell.
pub(super) fn empty(planned: &PlannedCell, address: String, verdict: &Verdict) -> Cell {
    let outcome = verdict.outcome();
    let expected: Vec<&str> = planned
        .wanted
        .iter()
        .map(|wanted| wanted.as_str())
        .collect();
    Cell {
        from: planned.source.name.to_string(),
        from_id: None,
        to: planned.target.name.to_string(),
        address,
        via: None,
        dialect: None,
        outcome: outcome.as_str().to_owned(),
        code: verdict.code(),
        peer: verdict.peer(),
        by: outcome.by().map(|by| by.as_str().to_owned()),
        confidence: verdict.confidence,
        candidates: verdict.candidates.clone(),
        evidence: verdict.evidence.clone(),
        follow_ups: vec![],
        expected: (!expected.is_empty()).then(|| expected.join("|")),
        met: None,
        attempts: Attempts::default(),
        stage: Stage::default().as_str().to_owned(),
        tls: None,
        server: None,
        http: None,
        timing_ms: TimingMs::default(),
        place: None,
    }
}

pub(super) fn tls(seen: &Observation) -> Tls {
    let (requested, gave) = match &seen.certificate_request {
        CertificateRequest::Unknown => (None, None),
        CertificateRequest::NeverAsked => (Some(false), None),
        CertificateRequest::Asked { gave, .. } => (Some(true), Some(*gave)),
    };
    Tls {
        version: seen.tls.version.map(|version| version.as_str().to_owned()),
        cipher: seen.tls.cipher.clone(),
        group: seen.tls.group.clone(),
        alpn: seen.tls.alpn.clone(),
        sni: seen.tls.sni.clone(),
        certificate_requested: requested,
        certificate_sent: gave == Some(Gave::Certificate),
        tickets: seen.tickets,
        alert: alert(seen),
        looks_like: (Library::of(seen).iter())
            .map(|library| library.as_str().to_owned())
            .collect(),
    }
}

pub(super) fn followed(one: &Followed) -> FollowUp {
    let seen = &one.observation;
    let verdict = classify(seen, &Known::default());
    FollowUp {
        kind: one.kind.as_str().to_owned(),
        code: verdict.code(),
        stage: seen.stage.as_str().to_owned(),
        evidence: verdict.evidence,
        alert: alert(seen),
    }
}

fn alert(seen: &Observation) -> Option<u8> {
    match seen.ending {
        Ending::Alert(alert) => Some(alert),
        Ending::NeverConnected(_)
        | Ending::Wordless(_)
        | Ending::Answered
        | Ending::Objection(_)
        | Ending::Fault(_) => None,
    }
}

pub(super) fn server(judgement: &Judgement, seen: &Observation) -> Server {
    let problems = judgement.problems.iter();
    let hints = match &seen.certificate_request {
        CertificateRequest::Asked { hints, .. } => hints.as_slice(),
        CertificateRequest::Unknown | CertificateRequest::NeverAsked => &[],
    };
    Server {
        id: judgement.id.clone(),
        judgement: judgement.code(),
        evidence: problems
            .map(|problem| format!("{}: {}", problem.code, problem.what))
            .chain(judgement.notes.iter().cloned())
            .collect(),
        chain: judgement.chain.iter().map(Certificate::from).collect(),
        root: judgement.root.as_ref().map(Certificate::from),
        ca_hints: hints.iter().map(|der| directory_name(der)).collect(),
    }
}

impl From<&Facts> for Certificate {
    fn from(facts: &Facts) -> Self {
        Self {
            subject: facts.subject.clone(),
            issuer: facts.issuer.clone(),
            serial: facts.serial.clone(),
            uris: facts.uris.clone(),
            dns: facts.dns.clone(),
            not_before: facts.not_before.to_string(),
            not_after: facts.not_after.to_string(),
            sha256: hex(&facts.sha256),
            spki_sha256: hex(&facts.spki_sha256),
        }
    }
}

pub(super) fn http(answer: &Answer, seen: &Observation, at: Timestamp) -> Http {
    let date = answer.date.as_deref();
    let theirs = date.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
    Http {
        status: answer.status,
        server: answer.server.clone(),
        grpc_status: answer.grpc_status,
        clock_offset_s: theirs.map(|theirs| theirs.as_second() - at.as_second()),
        upstream: verdict::Upstream::of(answer, seen.came).map(|upstream| Upstream {
            flag: Some(upstream.flag).filter(|flag| !flag.is_empty()),
            reason: upstream.reason,
            tls_alert: upstream.tls_alert,
            detail: upstream.detail,
        }),
    }
}

pub(super) fn timing(timing: &Timing) -> TimingMs {
    // Microseconds are as fine as it gets.
    let ms = |took: Option<Duration>| took.map(|took| took.as_micros() as f64 / 1000.0);
    TimingMs {
        dns: ms(timing.dns),
        tcp: ms(timing.tcp),
        tls: ms(timing.tls),
        settle: ms(timing.settle),
        request: ms(timing.request),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}
