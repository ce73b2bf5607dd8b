//! Certificates as a browser shows them: names, dates, and how much of their life is over.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::markup::seen;
use super::pool::Pool;
use crate::findings::rough;
use crate::matrix::{Certificate, Server, SourceSummary};

/// Every certificate, once.
pub(super) struct Certificates<'a> {
    at: Option<Timestamp>,
    pool: Pool<&'a Certificate, Shown>,
}

impl<'a> Certificates<'a> {
    pub(super) fn at(at: Option<Timestamp>) -> Self {
        Self {
            at,
            pool: Pool::new(),
        }
    }

    /// What a server presented, and our judgement of it.
    pub(super) fn presented(&mut self, server: &'a Server) -> Presented {
        Presented {
            id: server.id.as_deref().map(seen),
            judgement: Some(server.judgement.as_str()),
            meaning: Some(server.judgement.meaning()),
            evidence: server.evidence.iter().map(|line| seen(line)).collect(),
            chain: server.chain.iter().map(|one| self.place(one)).collect(),
            root: server.root.as_ref().map(|root| self.place(root)),
            ca_hints: server.ca_hints.iter().map(|name| seen(name)).collect(),
        }
    }

    /// What a source came with.
    pub(super) fn own(&mut self, source: &'a SourceSummary) -> Presented {
        Presented {
            id: source.id.as_deref().map(seen),
            judgement: None,
            meaning: None,
            evidence: vec![],
            chain: source.chain.iter().map(|one| self.place(one)).collect(),
            root: source.root.as_ref().map(|root| self.place(root)),
            ca_hints: vec![],
        }
    }

    pub(super) fn all(&self) -> &[Shown] {
        self.pool.all()
    }

    fn place(&mut self, certificate: &'a Certificate) -> usize {
        let at = self.at;
        self.pool.place(certificate, || Shown::of(certificate, at))
    }
}

/// A chain, leaf first, and the anchor that it leads to.
#[derive(Serialize)]
pub(super) struct Presented {
    id: Option<String>,
    judgement: Option<&'static str>,
    meaning: Option<&'static str>,
    evidence: Vec<String>,
    chain: Vec<usize>,
    root: Option<usize>,
    ca_hints: Vec<String>,
}

/// One certificate.
#[derive(Serialize)]
pub(super) struct Shown {
    names: Vec<String>,
    subject: String,
    issuer: String,
    serial: String,
    sha256: String,
    key_sha256: String,
    not_before: String,
    not_after: String,
    #[serde(flatten)]
    life: Life,
}

impl Shown {
    fn of(certificate: &Certificate, at: Option<Timestamp>) -> Self {
        let names = certificate.uris.iter().chain(&certificate.dns);
        Self {
            names: names.map(|name| seen(name)).collect(),
            subject: seen(&certificate.subject),
            issuer: seen(&certificate.issuer),
            serial: seen(&certificate.serial),
            sha256: seen(&certificate.sha256),
            key_sha256: seen(&certificate.spki_sha256),
            not_before: seen(&certificate.not_before),
            not_after: seen(&certificate.not_after),
            life: Life::of(certificate, at),
        }
    }
}

/// How much of its life is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Life {
    /// `valid`, `ending` (less than a third is left), `expired`, `early` or `unknown`.
    pub(super) state: &'static str,
    /// In percent, where that is known.
    pub(super) used: Option<i64>,
    /// In words.
    pub(super) left: String,
}

impl Life {
    pub(super) fn of(certificate: &Certificate, at: Option<Timestamp>) -> Self {
        let parsed = |text: &str| text.parse::<Timestamp>().ok();
        let (Some(start), Some(end), Some(at)) = (
            parsed(&certificate.not_before),
            parsed(&certificate.not_after),
            at,
        ) else {
            return Self {
                state: "unknown",
                used: None,
                left: "its dates cannot be read".to_owned(),
            };
        };
        let (whole, over, left) = (
            end.duration_since(start),
            at.duration_since(start),
            end.duration_since(at),
        );
        let used = match whole.as_secs() {
            ..=0 => 100,
            whole => (i128::from(over.as_secs()) * 100 / i128::from(whole)).clamp(0, 100) as i64,
        };
        let (state, words) = if over < SignedDuration::ZERO {
            ("early", format!("valid only in {}", rough(over)))
        } else if left < SignedDuration::ZERO {
            ("expired", format!("expired {} ago", rough(left)))
        } else {
            let state = if used > 66 { "ending" } else { "valid" };
            (state, format!("{} of {} left", rough(left), rough(whole)))
        };
        Self {
            state,
            used: Some(used),
            left: words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_has_a_state_a_share_and_words() {
        let at: Timestamp = "2026-08-01T12:00:00Z".parse().unwrap();
        for (from, to, at, want) in [
            (
                "2026-08-01T06:00:00Z",
                "2026-08-02T06:00:00Z",
                Some(at),
                ("valid", Some(25), "18 h of 24 h left"),
            ),
            (
                "2026-07-31T14:00:00Z",
                "2026-08-01T14:00:00Z",
                Some(at),
                ("ending", Some(91), "2 h of 24 h left"),
            ),
            (
                "2026-07-31T09:00:00Z",
                "2026-08-01T09:00:00Z",
                Some(at),
                ("expired", Some(100), "expired 3 h ago"),
            ),
            (
                "2026-08-01T15:00:00Z",
                "2026-08-02T15:00:00Z",
                Some(at),
                ("early", Some(0), "valid only in 3 h"),
            ),
            (
                "2026-08-01T12:00:00Z",
                "2026-08-01T12:00:00Z",
                Some(at),
                ("ending", Some(100), "0 s of 0 s left"),
            ),
            (
                "never",
                "2026-08-02T15:00:00Z",
                Some(at),
                ("unknown", None, "its dates cannot be read"),
            ),
            (
                "2026-08-01T15:00:00Z",
                "2026-08-02T15:00:00Z",
                None,
                ("unknown", None, "its dates cannot be read"),
            ),
        ] {
            let certificate = Certificate {
                subject: String::new(),
                issuer: String::new(),
                serial: String::new(),
                uris: vec![],
                dns: vec![],
                not_before: from.into(),
                not_after: to.into(),
                sha256: String::new(),
                spki_sha256: String::new(),
            };
            let life = Life::of(&certificate, at);
            assert_eq!((life.state, life.used, life.left.as_str()), want);
        }
    }
}
