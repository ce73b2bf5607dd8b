//! Which dialect a peer speaks, from what it answered to those who only knocked.

use super::silence::said_goodbye;
use super::{Library, alert, answer, first_words};
use crate::certificate::Facts;
use crate::identity::LINKERD_MARK;
use crate::observation::{CertificateRequest, Ending, Knocked, NeverConnected, Observation, Stage};
use crate::plan::{Knock, LINKERD_PORT};
use crate::target::{Dialect, HBONE_PORT, Via, Way};

/// What to do next to know the dialect of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Knock so.
    Knock(Knock),
    /// It is known, as far as it can be.
    Speak(Found),
}

/// The dialect that a peer is spoken to in, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The way to it.
    pub way: Way,
    /// How many connections it took.
    pub connections: u32,
    /// What it answered, in the order of the knocks, and what follows from it.
    pub evidence: Vec<String>,
}

/// What these knocks lead to; `is_linkerd` says that the target's identity is one of Linkerd's.
pub fn find(knocked: &[Knocked], is_linkerd: bool) -> Step {
    let Some(last) = knocked.last() else {
        return Step::Knock(Knock::Hello);
    };
    let seen = &last.observation;
    let face = Face::of(seen);
    let choose = |dialect, why: &str| Step::Speak(found(dialect, None, knocked, why));
    match (last.kind, face) {
        (Knock::Hello, Face::Linkerd) => choose(
            Dialect::Linkerd,
            "the certificate is one of Linkerd's identities",
        ),
        (Knock::Hello, Face::Sidecar) => choose(
            Dialect::Istio,
            "a SPIFFE certificate, and Envoy's way to ask for ours",
        ),
        (Knock::Hello, Face::Mesh) => choose(
            Dialect::Tls,
            "a SPIFFE certificate, and not Envoy's way to ask for ours",
        ),
        // It would hear TLS of its own behind a ztunnel as well.
        (Knock::Hello, Face::Other) => Step::Knock(Knock::HbonePort),
        (Knock::Hello, Face::None) => match &seen.ending {
            Ending::NeverConnected(NeverConnected::Timeout) => Step::Knock(Knock::HbonePort),
            Ending::NeverConnected(_) | Ending::Fault(_) => {
                choose(Dialect::Tls, "nobody is there to be asked")
            }
            Ending::Alert(_) | Ending::Wordless(_) | Ending::Answered | Ending::Objection(_) => {
                Step::Knock(match is_linkerd {
                    true => Knock::LinkerdPort,
                    false => Knock::HbonePort,
                })
            }
        },
        (Knock::LinkerdPort, Face::Linkerd) => Step::Speak(found(
            Dialect::Linkerd,
            Some(Via::Port(LINKERD_PORT)),
            knocked,
            "only the proxy's own port ends TLS for this identity",
        )),
        (Knock::LinkerdPort, _) => Step::Knock(Knock::HbonePort),
        (Knock::HbonePort, Face::Mesh | Face::Sidecar) if is_hbone(seen) => {
            choose(Dialect::Hbone, "a ztunnel or a waypoint answers there")
        }
        (Knock::HbonePort, _) if speaks_tls(knocked) => choose(
            Dialect::Tls,
            "TLS is spoken, and no certificate of a mesh is shown",
        ),
        (Knock::HbonePort, _) => Step::Knock(Knock::Plaintext),
        (Knock::Plaintext, _) => in_plaintext(seen, knocked),
    }
}

/// Envoy with the certificate of a mesh.
pub(super) fn is_sidecar(seen: &Observation) -> bool {
    Face::of(seen) == Face::Sidecar
}

/// Nobody speaks TLS: who answers plaintext?
fn in_plaintext(seen: &Observation, knocked: &[Knocked]) -> Step {
    let server = seen
        .answer
        .as_ref()
        .and_then(|answer| answer.server.as_deref());
    let (dialect, why) = match server {
        Some("istio-envoy") => (
            Dialect::Istio,
            "an Istio proxy answers without TLS: DISABLE, or a port that it takes for plaintext",
        ),
        Some("envoy") => (
            Dialect::Sidecar,
            "Envoy answers without TLS: our own sidecar, as it seems, or a proxy without TLS",
        ),
        Some(_) | None => (Dialect::Tls, "nothing of a mesh is seen"),
    };
    Step::Speak(found(dialect, None, knocked, why))
}

fn found(dialect: Dialect, via: Option<Via>, knocked: &[Knocked], why: &str) -> Found {
    let mut evidence: Vec<String> = knocked.iter().map(say).collect();
    evidence.push(why.to_owned());
    Found {
        way: Way {
            dialect,
            via,
            ..Way::default()
        },
        connections: u32::try_from(knocked.len()).unwrap_or(u32::MAX),
        evidence,
    }
}

fn speaks_tls(knocked: &[Knocked]) -> bool {
    let mut faces = knocked.iter().map(|one| Face::of(&one.observation));
    faces.any(|face| face != Face::None)
}

fn is_hbone(seen: &Observation) -> bool {
    seen.tls.alpn.as_deref() == Some("h2")
}

/// What the certificate of a peer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    /// A name that Linkerd gives out.
    Linkerd,
    /// A SPIFFE ID, and the peer asks for ours as Envoy does: with CA names, and on BoringSSL.
    Sidecar,
    /// A SPIFFE ID.
    Mesh,
    /// Neither; or TLS ended before there was one.
    Other,
    /// No TLS.
    None,
}

impl Face {
    fn of(seen: &Observation) -> Self {
        let Some(leaf) = seen.chain.first() else {
            let is_tls =
                seen.stage >= Stage::ServerHello || matches!(seen.ending, Ending::Alert(_));
            return if is_tls { Self::Other } else { Self::None };
        };
        let Ok(facts) = Facts::parse(leaf) else {
            return Self::Other;
        };
        let asks_by_name = match &seen.certificate_request {
            CertificateRequest::Asked { hints, .. } => !hints.is_empty(),
            CertificateRequest::NeverAsked | CertificateRequest::Unknown => false,
        };
        if facts.dns.iter().any(|name| name.contains(LINKERD_MARK)) {
            Self::Linkerd
        } else if !facts.uris.iter().any(|uri| uri.starts_with("spiffe://")) {
            Self::Other
        } else if asks_by_name && Library::of(seen) == [Library::BoringSsl] {
            Self::Sidecar
        } else {
            Self::Mesh
        }
    }
}

/// One knock in words.
fn say(knocked: &Knocked) -> String {
    let seen = &knocked.observation;
    let to = match knocked.kind {
        Knock::Hello => "a mesh peer's ClientHello".to_owned(),
        Knock::LinkerdPort => format!("the same at port {LINKERD_PORT}"),
        Knock::HbonePort => format!("the same at port {HBONE_PORT}"),
        Knock::Plaintext => "a plaintext request".to_owned(),
    };
    let got = match (leaf_name(seen), &seen.ending) {
        (Some(name), _) => format!("TLS with a certificate for {name}"),
        (None, Ending::NeverConnected(why)) => match why {
            NeverConnected::Refused => "TCP was refused".to_owned(),
            NeverConnected::Timeout => "TCP was not answered".to_owned(),
            NeverConnected::Dns(words) | NeverConnected::HostUnreachable(words) => words.clone(),
        },
        (None, Ending::Fault(words)) => words.clone(),
        (None, Ending::Alert(number)) => format!("alert {}", alert::describe(*number)),
        (None, Ending::Answered | Ending::Wordless(_) | Ending::Objection(_)) => said(seen),
    };
    format!("{to}: {got}")
}

/// The first name in the leaf, quoted; nothing without a certificate.
fn leaf_name(seen: &Observation) -> Option<String> {
    let facts = Facts::parse(seen.chain.first()?);
    let name = facts.ok().and_then(|facts| {
        let mut names = facts.uris.into_iter().chain(facts.dns);
        names.next().map(|name| format!("{name:?}"))
    });
    Some(name.unwrap_or_else(|| "nobody".to_owned()))
}

fn said(seen: &Observation) -> String {
    match (&seen.answer, &seen.ending) {
        (Some(answer), _) => answer::status(answer),
        (None, _) if seen.received > 0 => first_words(&seen.first_bytes),
        (None, Ending::Wordless(how)) => said_goodbye(*how, seen),
        (None, _) => "nothing of use".to_owned(),
    }
}
