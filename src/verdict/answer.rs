//! What an answer to our request means: TLS took us, and then?

use super::follow_up::Signal;
use super::refusal::Fault;
use super::upstream::Upstream;
use super::{Known, Verdict};
use crate::code::{Code, Confidence};
use crate::observation::{Answer, Came, CertificateRequest, Gave, Observation};
use crate::plan::FollowUp;

/// Reads the answer to a request over TLS.
pub(super) fn read(answer: &Answer, seen: &Observation, known: &Known<'_>) -> Verdict {
    let verdict = if let Some(verdict) = certificate_page(answer, seen, known) {
        verdict
    } else if let Some(verdict) = denied(answer) {
        verdict
    } else if let Some(verdict) = upstream(answer, seen.came) {
        verdict
    } else {
        taken(answer, seen, known)
    };
    let mut evidence = vec![status(answer)];
    evidence.extend(verdict.evidence);
    Verdict {
        evidence,
        ..verdict
    }
}

/// Answered, and not denied in any way we know.
fn taken(answer: &Answer, seen: &Observation, known: &Known<'_>) -> Verdict {
    let asked = matches!(seen.certificate_request, CertificateRequest::Asked { .. });
    let strangers = known.signal(FollowUp::Throwaway);
    let judges_at_tls = strangers.is_some_and(Signal::is_refusal);
    match answer.status {
        // nginx's page for a refused certificate, without its words (it can be replaced, and a HEAD
        // has none), or an answer that it gives before it looks at the certificate.
        status
            if SAID_EARLY.contains(&status) && asked && is_nginx_like(answer) && !judges_at_tls =>
        {
            Verdict::new(Code::Closed, Confidence::Ambiguous)
                .or(&[Code::Ok, Code::CertRejected, Code::ClientCertRequired])
                .because(
                    "some servers refuse a certificate with a page like this, and others a request",
                )
        }
        400 if asked => Verdict::new(Code::Ok, Confidence::Likely)
            .because("the peer dislikes the request; some servers refuse a certificate so"),
        502..=504 => Verdict::new(Code::Ok, Confidence::Likely)
            .because("something behind the peer did not answer it, as it seems"),
        _ if answer.grpc_status == Some(UNAVAILABLE) => Verdict::new(Code::Ok, Confidence::Likely)
            .because("something behind the peer did not answer it, as it seems"),
        _ => Verdict::new(Code::Ok, Confidence::Certain),
    }
}

/// Of nginx or its kin, as far as it says so, or of somebody who says nothing.
fn is_nginx_like(answer: &Answer) -> bool {
    let kin = ["nginx", "openresty", "tengine", "angie"];
    answer.body.trim().is_empty()
        || answer.server.as_ref().is_none_or(|server| {
            let server = server.to_ascii_lowercase();
            kin.iter().any(|name| server.contains(name))
        })
}

/// nginx finishes the handshake whatever it thinks of the certificate, and says so in a page.
fn certificate_page(answer: &Answer, seen: &Observation, known: &Known<'_>) -> Option<Verdict> {
    if answer.status != 400 {
        return None;
    }
    if answer.body.contains("No required SSL certificate was sent") {
        return Some(
            Verdict::new(Code::ClientCertRequired, Confidence::Certain)
                .because("the page says \"No required SSL certificate was sent\""),
        );
    }
    if !answer.body.contains("The SSL certificate error") {
        return None;
    }
    let verdict = match &seen.certificate_request {
        CertificateRequest::Asked {
            gave: Gave::Certificate,
            ..
        } => Fault::new(known, seen).in_a_page(),
        CertificateRequest::Asked { .. }
        | CertificateRequest::NeverAsked
        | CertificateRequest::Unknown => Verdict::new(Code::CertRejected, Confidence::Certain),
    };
    Some(verdict.because("the page says \"The SSL certificate error\""))
}

/// TLS took us, and policy does not.
pub(super) fn denied(answer: &Answer) -> Option<Verdict> {
    let denied = |confidence| Verdict::new(Code::AuthzDenied, confidence);
    match (answer.grpc_status, answer.status) {
        (Some(PERMISSION_DENIED), _) => Some(denied(Confidence::Certain)),
        (Some(UNAUTHENTICATED), _) => Some(denied(Confidence::Likely)),
        (Some(_), _) => None,
        (None, 403) if answer.body.contains("RBAC: access denied") => {
            Some(denied(Confidence::Certain).because("the body says \"RBAC: access denied\""))
        }
        (None, 403) => Some(match proxy_error(answer) {
            Some(words) => denied(Confidence::Certain).because(format!("l5d-proxy-error: {words}")),
            None => denied(Confidence::Likely)
                .because("a proxy's policy or the application itself said so"),
        }),
        (None, 401) => Some(
            denied(Confidence::Likely).because("it asks for credentials beside the certificate"),
        ),
        (None, _) => None,
    }
}

/// A proxy took us and could not get further.
pub(super) fn upstream(answer: &Answer, came: Came) -> Option<Verdict> {
    if let Some(upstream) = Upstream::of(answer, came) {
        let words = match &answer.grpc_message {
            Some(message) if !message.is_empty() => message,
            Some(_) | None => &answer.body,
        };
        let words: String = words.trim().chars().take(LONGEST_WORDS).collect();
        let said = (!words.is_empty()).then(|| format!("the proxy says {words:?}"));
        let verdict = upstream.verdict();
        let evidence = said.into_iter().chain(verdict.evidence).collect();
        return Some(Verdict {
            evidence,
            ..verdict
        });
    }
    let is_proxy_status =
        matches!(answer.status, 502..=504) || answer.grpc_status == Some(UNAVAILABLE);
    proxy_error(answer)
        .filter(|_| is_proxy_status)
        .map(|words| {
            Verdict::new(Code::UpstreamUnavailable, Confidence::Certain)
                .because(format!("l5d-proxy-error: {words}"))
        })
}

/// `HTTP 200 from "nginx"`
pub(super) fn status(answer: &Answer) -> String {
    let mut text = match answer.grpc_status {
        Some(grpc) => format!("gRPC status {grpc}"),
        None => format!("HTTP {}", answer.status),
    };
    if let Some(message) = answer
        .grpc_message
        .as_ref()
        .filter(|words| !words.is_empty())
    {
        text.push_str(&format!(" ({message})"));
    }
    if let Some(server) = &answer.server {
        text.push_str(&format!(" from {server:?}"));
    }
    match answer.grpc_serving {
        Some(1) => text.push_str(", SERVING"),
        Some(2) => text.push_str(", NOT_SERVING"),
        Some(other) => text.push_str(&format!(", serving status {other}")),
        None => {}
    }
    text
}

pub(super) fn proxy_error(answer: &Answer) -> Option<&str> {
    let found = answer
        .proxy_headers
        .iter()
        .find(|(name, _)| name == "l5d-proxy-error");
    found.map(|(_, words)| words.as_str())
}

/// As much of a proxy's words as is quoted.
const LONGEST_WORDS: usize = 1024;
const PERMISSION_DENIED: u32 = 7;
const UNAVAILABLE: u32 = 14;
const UNAUTHENTICATED: u32 = 16;
/// What nginx says of a request before it looks at the certificate, and of a certificate.
const SAID_EARLY: &[u16] = &[400, 408, 414, 421, 431, 494, 495, 496];
