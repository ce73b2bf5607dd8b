//! What only a Linkerd proxy means by what it says: it takes whoever shakes hands, judges requests, and
//! ends TLS for its own name alone.

use super::silence::said_goodbye;
use super::tunnel::died;
use super::{Known, Verdict, answer, is_proved, proof};
use crate::code::{Code, Confidence, Kind};
use crate::observation::{
    Answer, Came, CertificateRequest, Ending, Gave, Objection, Observation, Stage, Wordless,
};
use crate::target::{Dialect, LINKERD_TRANSPORT};

/// Reads what Linkerd says in its own way; nothing where it says what all say.
pub(super) fn read(seen: &Observation, known: &Known<'_>) -> Option<Verdict> {
    if seen.dialect != Dialect::Linkerd {
        return None;
    }
    match (&seen.ending, &seen.answer) {
        (Ending::Answered, Some(answer)) => {
            let verdict = synthesized(answer)?;
            let mut evidence = vec![answer::status(answer)];
            evidence.extend(verdict.evidence);
            Some(Verdict {
                evidence,
                ..verdict
            })
        }
        (Ending::Wordless(ending), None) => closed(*ending, seen, known),
        (_, _) => None,
    }
}

/// Answers of the proxy itself, beside those that every proxy gives. It signs them for those alone who
/// bring an identity.
fn synthesized(answer: &Answer) -> Option<Verdict> {
    let words = answer::proxy_error(answer)?;
    let likely = |code| Some(Verdict::new(code, Confidence::Likely));
    let said = format!("l5d-proxy-error: {words}");
    let verdict = match (answer.grpc_status, answer.status) {
        // Policy knows routes, and the request is on none of them.
        (Some(NOT_FOUND), _) | (None, 404) => likely(Code::AuthzDenied),
        (Some(RESOURCE_EXHAUSTED), _) | (None, 429) => likely(Code::Ok),
        (Some(INTERNAL), _) | (None, 500 | 508) => likely(Code::UpstreamUnavailable),
        (_, _) => None,
    };
    verdict.map(|verdict| verdict.because(said))
}

/// A Linkerd proxy refuses a certificate by an alert and a request by an answer, so that closing is
/// policy, as far as the connection came to the proxy itself.
fn closed(ending: Wordless, seen: &Observation, known: &Known<'_>) -> Option<Verdict> {
    let CertificateRequest::Asked { gave, .. } = &seen.certificate_request else {
        return None;
    };
    let is_proxy = known.server.is_some_and(|server| server.is_ok());
    if !is_proxy || seen.application_bytes > 0 || seen.stage < Stage::Settle {
        return None;
    }
    let goodbye = said_goodbye(ending, seen);
    let is_direct = seen.tls.alpn.as_deref() == Some(LINKERD_TRANSPORT);
    let went_first = ending != Wordless::Quiet && !seen.we_closed;
    if seen.stage == Stage::Settle && *gave == Gave::Nothing && !(is_direct && went_first) {
        return Some(greeted(seen, vec![goodbye]));
    }
    // It may have heard our goodbye, and may not have.
    if is_greeted(seen)
        && *gave == Gave::Certificate
        && ending != Wordless::Quiet
        && !is_proved(seen)
    {
        let open = Verdict::new(died(ending), Confidence::Ambiguous);
        return Some(
            open.or(&[Code::Ok, Code::CertRejected, Code::AuthzDenied])
                .because(goodbye),
        );
    }
    if !went_first {
        return None;
    }
    if is_direct && *gave == Gave::Nothing {
        return Some(
            Verdict::new(Code::ClientCertRequired, Confidence::Likely)
                .because(goodbye)
                .because(
                    "the port of a Linkerd proxy shakes hands with everybody, and closes on those \
                     who bring no identity",
                ),
        );
    }
    if seen.stage != Stage::Request {
        return None;
    }
    let is_certain = ending != Wordless::Reset && known.elsewhere.answers;
    Some(if is_certain {
        Verdict::new(Code::AuthzDenied, Confidence::Likely)
            .because(goodbye)
            .because("the same request is answered for another identity")
            .because_all(proof(seen))
    } else {
        Verdict::new(died(ending), Confidence::Ambiguous)
            .or(&[Code::AuthzDenied, Code::UpstreamUnavailable])
            .because(goodbye)
            .because(
                "a Linkerd proxy closes so where its policy denies a connection that is no HTTP, \
                 and an application that is down or dislikes our request may as well",
            )
            .because_all(proof(seen))
    })
}

/// A handshake with Linkerd says nothing of who is let in without a certificate: everybody gets that
/// far, and policy speaks of requests.
pub(super) fn temper(verdict: Verdict, seen: &Observation) -> Verdict {
    let is_greeting = seen.dialect == Dialect::Linkerd
        && is_greeted(seen)
        && verdict.code.kind() == Kind::Accepted;
    match seen.came {
        Came::WithoutCertificate if is_greeting => greeted(seen, verdict.evidence),
        Came::WithCertificate if is_greeting => Verdict {
            confidence: verdict.confidence.max(Confidence::Likely),
            ..verdict
        },
        Came::WithoutCertificate
        | Came::WithCertificate
        | Came::Plaintext
        | Came::ThroughSidecar => verdict,
    }
}

/// Whoever asks for no certificate is no Linkerd proxy, and what it says has its usual meaning.
fn is_greeted(seen: &Observation) -> bool {
    let has_asked = matches!(seen.certificate_request, CertificateRequest::Asked { .. });
    seen.stage == Stage::Settle && has_asked && !seen.request_unsent
}

/// A handshake without a certificate, and nothing asked.
fn greeted(seen: &Observation, evidence: Vec<String>) -> Verdict {
    let refusal = match seen.tls.alpn.as_deref() {
        Some(LINKERD_TRANSPORT) => Code::ClientCertRequired,
        Some(_) | None => Code::AuthzDenied,
    };
    Verdict::new(Code::Silent, Confidence::Ambiguous)
        .or(&[Code::Ok, refusal])
        .because_all(evidence)
        .because(
            "a Linkerd proxy shakes hands with or without a certificate, and its policy speaks only \
             of requests: give the target one",
        )
}

/// What a reader who meets Linkerd wants to know beside the cause.
pub(super) fn context(seen: &Observation, known: &Known<'_>) -> Option<String> {
    if seen.dialect != Dialect::Linkerd {
        return None;
    }
    if !seen.came.speaks_tls() || matches!(seen.came, Came::WithoutCertificate) {
        let is_empty_403 = |answer: &Answer| {
            let is_silent = answer.body.is_empty() && answer::proxy_error(answer).is_none();
            answer.status == 403 && is_silent
        };
        if seen.answer.as_ref().is_some_and(is_empty_403) {
            return Some(
                "a Linkerd proxy denies so, and says why (l5d-proxy-error) only to those who bring an \
                 identity"
                    .to_owned(),
            );
        }
    }
    if !seen.came.speaks_tls() {
        return None;
    }
    let is_quiet = matches!(seen.ending, Ending::Wordless(_));
    if seen.came == Came::WithCertificate && is_quiet && is_greeted(seen) {
        let why = "the policy of a Linkerd proxy speaks only of requests, and none was made";
        return Some(why.to_owned());
    }
    let because = "a Linkerd proxy ends TLS under its own name alone: look at the identity, and whether the \
                   port is skipped or opaque (an opaque one is reached by `via: 4143`)";
    let is_misnamed = |code| {
        let names = [Code::SanMismatch, Code::TrustDomainMismatch];
        names.contains(&code) || [Code::InvalidSvid, Code::UnknownCa].contains(&code)
    };
    let is_strange = known
        .server
        .is_some_and(|server| is_misnamed(server.code()));
    let is_at_hello = seen.stage == Stage::ClientHello
        && matches!(
            seen.ending,
            Ending::Objection(Objection::NotTls) | Ending::Wordless(_)
        );
    (is_strange || is_at_hello).then(|| because.to_owned())
}

const NOT_FOUND: u32 = 5;
const RESOURCE_EXHAUSTED: u32 = 8;
const INTERNAL: u32 = 13;
