//! What an HBONE proxy means that was asked for a tunnel, and what came through the tunnel.

use super::alert::{CERTIFICATE_UNKNOWN, describe};
use super::refusal::misnamed;
use super::silence::said_goodbye;
use super::{Known, Verdict, answer, is_proved, proof, reply};
use crate::code::{Code, Confidence};
use crate::observation::{
    Answer, Came, CertificateRequest, Ending, Gave, Observation, Offered, Stage, Version, Wordless,
};
use crate::target::{Dialect, LINKERD_TRANSPORT};

/// Reads a connection on which a tunnel was asked for; nothing where it did not come to that, and where
/// the TLS around it says what happened.
pub(super) fn read(seen: &Observation, known: &Known<'_>) -> Option<Verdict> {
    if let Some(verdict) = unagreed(seen) {
        return Some(verdict);
    }
    if seen.dialect != Dialect::Hbone {
        return None;
    }
    match (&seen.tunnel, &seen.ending) {
        (Some(answer), Ending::Answered) if answer.status != OPEN => Some(refused(answer)),
        (Some(_), Ending::Answered) => Some(opened(seen, known)),
        (Some(_), Ending::Wordless(ending)) => Some(cut(*ending, seen, known)),
        (None, Ending::Alert(CERTIFICATE_UNKNOWN)) => of_another_domain(seen, known),
        (None, Ending::Wordless(ending)) if seen.stage == Stage::Tunnel && is_proved(seen) => {
            Some(unopened(*ending, seen))
        }
        (_, _) => None,
    }
}

/// A ztunnel takes certificates of its own trust domain alone, and has this alert for others.
fn of_another_domain(seen: &Observation, known: &Known<'_>) -> Option<Verdict> {
    let has_given = matches!(
        seen.certificate_request,
        CertificateRequest::Asked {
            gave: Gave::Certificate,
            ..
        }
    );
    let is_of_another = misnamed(known) == [Code::TrustDomainMismatch];
    (has_given && is_of_another).then(|| {
        Verdict::new(Code::TrustDomainMismatch, Confidence::Likely)
            .because(format!("alert {}", describe(CERTIFICATE_UNKNOWN)))
            .because(
                "our certificate is not of the server's trust domain, and a ztunnel takes no other, \
                 whatever the aliases of the mesh",
            )
    })
}

/// The protocol of the tunnel was not agreed on, so that nothing was said.
fn unagreed(seen: &Observation) -> Option<Verdict> {
    let wanted = match seen.dialect {
        Dialect::Hbone => "h2",
        Dialect::Linkerd if seen.tls.offered_alpn == [LINKERD_TRANSPORT] => LINKERD_TRANSPORT,
        Dialect::Linkerd | Dialect::Tls | Dialect::Istio | Dialect::Sidecar | Dialect::Auto => {
            return None;
        }
    };
    let is_over = matches!(seen.ending, Ending::Wordless(_));
    if seen.stage != Stage::Settle || !is_over || seen.tls.alpn.as_deref() == Some(wanted) {
        return None;
    }
    let verdict = Verdict::ours(Code::AlpnMismatch).because(format!(
        "the server did not agree to {wanted}, without which nothing was said to it: it is no proxy \
         of this dialect, as it seems"
    ));
    Some(verdict.because_all(proof(seen)))
}

/// The tunnel was refused.
fn refused(answer: &Answer) -> Verdict {
    let certain = |code| Verdict::new(code, Confidence::Certain);
    let likely = |code| Verdict::new(code, Confidence::Likely);
    let open = || Verdict::new(Code::Closed, Confidence::Ambiguous);
    let verdict = match answer.status {
        401 => certain(Code::AuthzDenied).because("ztunnel answers so where policy denies"),
        403 => match answer::denied(answer) {
            Some(verdict) => verdict,
            None => likely(Code::AuthzDenied),
        },
        407 => likely(Code::AuthzDenied),
        502..=504 => match answer::upstream(answer, Came::WithCertificate) {
            Some(verdict) => verdict,
            None if answer.status == 503 => certain(Code::UpstreamUnavailable).because(
                "the proxy takes us and does not reach the application: it is down, or nothing \
                 listens at the port",
            ),
            None => likely(Code::UpstreamUnavailable),
        },
        400 => open().because(
            "the proxy takes our certificate, and not the address that we asked for: it is that of \
             another pod, or the proxy speaks no HBONE",
        ),
        404 => open().because("the proxy takes our certificate, and knows no way to that address"),
        429 => open().because("the proxy takes our certificate, and bears no more connections"),
        _ => open().because("no HBONE proxy answers so: it is something else, as it seems"),
    };
    with_answer(answer, verdict)
}

fn with_answer(answer: &Answer, verdict: Verdict) -> Verdict {
    let mut evidence = vec![format!(
        "CONNECT was answered with {}",
        answer::status(answer)
    )];
    evidence.extend(verdict.evidence);
    Verdict {
        evidence,
        ..verdict
    }
}

/// The tunnel was opened, and what we asked through it was answered, if we asked anything.
fn opened(seen: &Observation, known: &Known<'_>) -> Verdict {
    let through = "the proxy opened the tunnel (CONNECT was answered with HTTP 200)";
    // Whoever answers has not seen our certificate, and cannot mean it.
    let inside = Observation {
        certificate_request: CertificateRequest::NeverAsked,
        ..seen.clone()
    };
    match (&seen.answer, &seen.reply) {
        (Some(answer), _) => answer::read(answer, &inside, known).because(through),
        (None, Some(reply)) => reply::read(reply, &inside, known).because(through),
        (None, None) if seen.stage == Stage::Tunnel => {
            Verdict::new(Code::Ok, Confidence::Certain).because(through)
        }
        (None, None) => Verdict::fault("an answer is missing from the observation"),
    }
}

/// The tunnel was opened, and ended before our request was answered.
fn cut(ending: Wordless, seen: &Observation, known: &Known<'_>) -> Verdict {
    let how = match ending {
        Wordless::Quiet => "nothing came through the tunnel, which stayed open",
        Wordless::Fin | Wordless::CloseNotify => "the tunnel was closed after our request",
        Wordless::Reset => "the tunnel was reset after our request",
    };
    let code = died(ending);
    let facts = [
        Some("the proxy opened the tunnel (CONNECT was answered with HTTP 200)".to_owned()),
        Some(how.to_owned()),
        said(seen),
    ];
    let verdict = match ending {
        Wordless::Quiet => Verdict::new(code, Confidence::Ambiguous),
        // A reset may be an accident.
        Wordless::Fin | Wordless::CloseNotify if known.elsewhere.answers => {
            Verdict::new(Code::AuthzDenied, Confidence::Likely)
                .because("the same request is answered for another identity")
        }
        Wordless::Fin | Wordless::CloseNotify | Wordless::Reset => {
            Verdict::new(code, Confidence::Ambiguous)
                .or(&[Code::AuthzDenied, Code::UpstreamUnavailable])
                .because(
                    "a policy (a waypoint opens the tunnel first, and a new one cuts it), an \
                     application that is down or one that dislikes our request would all look like \
                     this",
                )
        }
    };
    let mut evidence: Vec<String> = facts.into_iter().flatten().collect();
    evidence.extend(verdict.evidence);
    Verdict {
        evidence,
        ..verdict
    }
}

/// The tunnel was asked for, and the peer neither opened nor refused it in HTTP.
fn unopened(ending: Wordless, seen: &Observation) -> Verdict {
    let open = Verdict::new(died(ending), Confidence::Ambiguous)
        .because(said_goodbye(ending, seen))
        .because_all(said(seen))
        .because_all(proof(seen));
    match ending {
        Wordless::Quiet => open,
        Wordless::Fin | Wordless::CloseNotify | Wordless::Reset => open.or(&[
            Code::AuthzDenied,
            Code::CertRejected,
            Code::UpstreamUnavailable,
        ]),
    }
}

pub(super) const fn died(ending: Wordless) -> Code {
    match ending {
        Wordless::Quiet => Code::Silent,
        Wordless::Fin | Wordless::CloseNotify => Code::Closed,
        Wordless::Reset => Code::Reset,
    }
}

/// The error code of HTTP/2 (RFC 9113, section 7).
fn said(seen: &Observation) -> Option<String> {
    let code = seen.stream_error?;
    let name = usize::try_from(code).ok().and_then(|nth| CODES.get(nth));
    Some(match name {
        Some(name) => format!("HTTP/2 error {name}"),
        None => format!("HTTP/2 error {code:#x}"),
    })
}

/// Settled by what a proxy said: another connection would say the same.
pub(super) fn is_settled(seen: &Observation) -> bool {
    seen.tunnel.is_some()
}

/// These proxies speak TLS 1.3 alone.
pub(super) fn knows_no_other_version(seen: &Observation) -> bool {
    let is_13 = seen.tls.offered == Offered::Only(Version::Tls13);
    is_13 && matches!(seen.dialect, Dialect::Hbone | Dialect::Linkerd)
}

const OPEN: u16 = 200;
const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];
