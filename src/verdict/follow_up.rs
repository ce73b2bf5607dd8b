//! What a further connection would settle, and what it has settled.

use super::alert::UNKNOWN_CA;
use super::library::Library;
use super::{Known, Verdict, is_proved, tunnel};
use crate::code::{Code, Confidence, Kind, Outcome};
use crate::observation::{
    Came, CertificateRequest, Ending, Gave, Observation, Offered, Stage, Version, Wordless,
};
use crate::plan::FollowUp;
use crate::target::{Dialect, is_istio_alpn};

/// How a peer answers somebody: what can be compared between two who come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Refused with this alert.
    Alert(u8),
    /// Ended without a word where certificates are judged, or silent there.
    Wordless(Wordless),
    /// Taken at TLS, then ended without an answer.
    Unanswered,
    /// Taken at TLS, as far as that shows.
    Taken,
}

/// What became of a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    Answered,
    Unanswered,
}

impl Signal {
    /// Nothing where the peer never came to judge, or the connection failed.
    pub(super) fn of(seen: &Observation) -> Option<Self> {
        if seen.stage < Stage::ClientAuth {
            return None;
        }
        Some(match &seen.ending {
            Ending::Answered => Self::Taken,
            Ending::Alert(alert) if *alert != 0 => Self::Alert(*alert),
            Ending::Alert(_) => Self::Wordless(Wordless::CloseNotify),
            Ending::Wordless(_) if is_proved(seen) && has_spoken(seen) => Self::Unanswered,
            Ending::Wordless(_) if is_proved(seen) => Self::Taken,
            // Whoever is said goodbye to may go without a word.
            Ending::Wordless(_) if seen.we_closed => return None,
            Ending::Wordless(ending) => Self::Wordless(*ending),
            Ending::NeverConnected(_) | Ending::Objection(_) | Ending::Fault(_) => return None,
        })
    }

    /// Refused by the TLS layer itself.
    pub(super) const fn is_refusal(self) -> bool {
        match self {
            Self::Alert(_) => true,
            Self::Wordless(ending) => !matches!(ending, Wordless::Quiet),
            Self::Unanswered | Self::Taken => false,
        }
    }
}

/// Our request went out, or would have.
fn has_spoken(seen: &Observation) -> bool {
    seen.stage >= Stage::Tunnel || seen.request_unsent
}

impl<'a> Known<'a> {
    /// What the follow-up showed, if it was made and the peer came to judge.
    pub(super) fn followed(&self, kind: FollowUp) -> Option<&'a Observation> {
        let found = self.follow_ups.iter().find(|one| one.kind == kind);
        found.map(|one| &one.observation)
    }

    /// What became of the ClientHello that offers the ALPN of a mesh.
    pub(super) fn mesh_alpn(&self) -> Option<Hello> {
        let seen = self.followed(FollowUp::MeshAlpn)?;
        match seen.stage {
            Stage::Dns | Stage::Tcp | Stage::StartTls => None,
            Stage::ClientHello => Some(Hello::Unanswered),
            Stage::ServerHello
            | Stage::ClientAuth
            | Stage::Settle
            | Stage::Tunnel
            | Stage::Request => Some(Hello::Answered),
        }
    }

    pub(super) fn signal(&self, kind: FollowUp) -> Option<Signal> {
        self.followed(kind).and_then(Signal::of)
    }
}

fn has_closed(seen: &Observation) -> bool {
    matches!(
        seen.ending,
        Ending::Wordless(Wordless::CloseNotify | Wordless::Fin)
    )
}

/// A sidecar in PERMISSIVE mode that knows its peers by ALPN would not have known us.
fn may_miss_alpn(seen: &Observation) -> bool {
    let mut offered = seen.tls.offered_alpn.iter();
    seen.dialect == Dialect::Tls && !offered.any(|name| is_istio_alpn(name))
}

/// The next follow-up that could settle what is open, if any could.
pub(super) fn next(seen: &Observation, known: &Known<'_>, verdict: &Verdict) -> Option<FollowUp> {
    // It is told, as far as it can be.
    if tunnel::is_settled(seen) || known.mesh_alpn() == Some(Hello::Answered) {
        return None;
    }
    let is_new = |kind: &FollowUp| known.follow_ups.iter().all(|one| one.kind != *kind);
    let is_of_use =
        |kind: &FollowUp| *kind != FollowUp::OtherVersion || !tunnel::knows_no_other_version(seen);
    let mut wanted = wanted(seen, verdict).into_iter().filter(is_of_use);
    wanted.find(is_new)
}

fn wanted(seen: &Observation, verdict: &Verdict) -> Vec<FollowUp> {
    if seen.came == Came::Plaintext {
        let was_there = seen.stage == Stage::Request && verdict.code.kind() != Kind::Accepted;
        return match was_there && seen.dialect == Dialect::Istio {
            true => vec![FollowUp::PlainAlpn],
            false => vec![],
        };
    }
    let gave = match &seen.certificate_request {
        CertificateRequest::Asked { gave, .. } => Some(*gave),
        CertificateRequest::NeverAsked | CertificateRequest::Unknown => None,
    };
    let is_open = verdict.confidence == Confidence::Ambiguous
        || matches!(verdict.outcome(), Outcome::Inconclusive);
    let Some(signal) = Signal::of(seen) else {
        // Nothing of TLS came back: another version may be answered.
        let is_wordless = seen.received == 0
            && matches!(&seen.ending, Ending::Wordless(how) if *how != Wordless::Quiet);
        let is_first = seen.stage == Stage::ClientHello;
        return match is_open && is_first && is_wordless {
            true if may_miss_alpn(seen) => vec![FollowUp::MeshAlpn, FollowUp::OtherVersion],
            true => vec![FollowUp::OtherVersion],
            false => vec![],
        };
    };
    // Who says that the next server is the trouble says nothing of our certificate.
    let is_further_on = matches!(
        verdict.code,
        Code::UpstreamTlsFailure | Code::UpstreamUnavailable
    );
    if !is_open || is_further_on && seen.ending == Ending::Answered {
        return vec![];
    }
    let mut wanted = vec![];
    if gave == Some(Gave::Certificate) {
        let names_ca = verdict.candidates.iter().chain([&verdict.code]);
        let is_about_ca = names_ca.clone().any(|code| *code == Code::UnknownCa);
        match signal {
            Signal::Alert(alert) if is_about_ca && alert != UNKNOWN_CA => {
                wanted.push(FollowUp::Throwaway);
            }
            Signal::Alert(_) | Signal::Wordless(Wordless::Quiet) => {}
            // An orderly leave, unless others are answered and it is policy.
            Signal::Wordless(Wordless::CloseNotify) if seen.stage < Stage::Request => {}
            // A reset is an accident, or hides an alert.
            Signal::Unanswered if !has_closed(seen) => {}
            Signal::Taken | Signal::Unanswered => wanted.push(FollowUp::Throwaway),
            Signal::Wordless(_) if seen.stage == Stage::Request => {
                wanted.push(FollowUp::Throwaway);
            }
            Signal::Wordless(_) if Library::of(seen).contains(&Library::BoringSsl) => {
                wanted.push(FollowUp::Throwaway);
            }
            Signal::Wordless(_) => {
                wanted.extend([FollowUp::NoCertificate, FollowUp::Throwaway]);
            }
        }
    }
    // An alert may be lost, or never sent, in one version alone.
    let is_lost = matches!(signal, Signal::Wordless(Wordless::Fin | Wordless::Reset));
    let is_only =
        matches!(seen.tls.offered, Offered::Only(_)) || seen.tls.version == Some(Version::Tls13);
    if is_lost && is_only && gave != Some(Gave::NothingFits) {
        wanted.push(FollowUp::OtherVersion);
    }
    wanted
}
