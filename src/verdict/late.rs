//! What comes after a finished handshake: it may be an acceptance, and for some servers it is where
//! they judge.

use super::follow_up::Signal;
use super::refusal::Fault;
use super::silence::{said_goodbye, unsaid};
use super::{Known, Library, Verdict, is_proved, proof};
use crate::code::{Code, Confidence};
use crate::observation::{CertificateRequest, Gave, Observation, Wordless};
use crate::plan::FollowUp;

/// Accepted, as far as TLS goes. Some servers judge later (nginx answers with an HTTP 400), so without
/// an answer to a request this is never certain where the server asked for a certificate.
pub(super) fn accepted_at_tls(ending: Wordless, seen: &Observation, known: &Known<'_>) -> Verdict {
    if let Some(candidates) = may_come_late(seen, known) {
        return Verdict::new(Code::Silent, Confidence::Ambiguous)
            .or(&candidates)
            .because_all(proof(seen))
            .because(match known.signal(FollowUp::Throwaway) {
                Some(_) => {
                    "it takes a certificate by a CA that nobody knows just the same: it may refuse \
                     in the answer to a request, as nginx does"
                }
                None => {
                    "it asked for a certificate, and finishing the handshake may mean nothing: \
                     servers on OpenSSL, nginx among them, may refuse in the answer to a request"
                }
            });
    }
    let at_once = !seen.we_closed && ending != Wordless::Quiet;
    let confidence = match seen.certificate_request {
        CertificateRequest::NeverAsked if !at_once => Confidence::Certain,
        CertificateRequest::NeverAsked
        | CertificateRequest::Asked { .. }
        | CertificateRequest::Unknown => Confidence::Likely,
    };
    let closed = "then the peer closed before we did: what stands behind its TLS may be down";
    let strangers = known.signal(FollowUp::Throwaway);
    let compared = "a certificate by a CA that nobody knows is refused there, and ours is not";
    let is_compared = strangers.is_some_and(Signal::is_refusal);
    Verdict::new(Code::Ok, confidence)
        .because_all(proof(seen))
        .because_all(is_compared.then(|| compared.to_owned()))
        .because_all(at_once.then(|| closed.to_owned()))
}

/// Our request was sent and got no answer.
pub(super) fn unanswered(
    ending: Wordless,
    died: Code,
    seen: &Observation,
    known: &Known<'_>,
) -> Verdict {
    let goodbye = said_goodbye(ending, seen);
    // Nothing shows that the handshake was over for the peer as well.
    if !is_proved(seen) && ending != Wordless::CloseNotify {
        let open = Verdict::new(died, Confidence::Ambiguous).because(goodbye);
        return unsaid(open, ending, seen, known);
    }
    let is_closed = ending != Wordless::Quiet && seen.application_bytes == 0;
    // A reset may be an accident of the network, or hide an alert.
    if is_closed && ending != Wordless::Reset && known.elsewhere.answers {
        // Others are answered here, so it is about us: policy, or a certificate check that comes late.
        let refusal = after_the_handshake(seen, known);
        let why = refusal.evidence;
        return Verdict {
            evidence: vec![goodbye],
            ..refusal
        }
        .because("the same request is answered for another identity")
        .because_all(why)
        .because_all(proof(seen));
    }
    let open = Verdict::new(died, Confidence::Ambiguous)
        .because(goodbye)
        .because_all(proof(seen));
    let strangers = known.signal(FollowUp::Throwaway);
    let may_be_late = !strangers.is_some_and(Signal::is_refusal);
    let candidates = [
        (true, Code::AuthzDenied),
        (may_be_late, Code::CertRejected),
        (true, Code::UpstreamUnavailable),
    ];
    let candidates = candidates.into_iter().filter(|(may_be, _)| *may_be);
    let candidates: Vec<Code> = candidates.map(|(_, code)| code).collect();
    match is_closed {
        true if !may_be_late => open.or(&candidates).because(
            "strangers are refused in the handshake and we are not, so it is not about our \
             certificate: a policy, an application that is down or one that dislikes our request \
             would look like this",
        ),
        true => open.or(&candidates).because(
            "a policy, a late certificate check, an application that is down or one that \
                 dislikes our request would all look like this",
        ),
        false => open,
    }
}

/// The refusal that an ending after the handshake means, where the same request is answered for
/// another identity.
fn after_the_handshake(seen: &Observation, known: &Known<'_>) -> Verdict {
    let policy = |confidence| Verdict::new(Code::AuthzDenied, confidence);
    let libraries = Library::of(seen);
    let judges_late = libraries.iter().any(|library| library.may_judge_late());
    match &seen.certificate_request {
        CertificateRequest::Asked {
            gave: Gave::Nothing,
            ..
        } if judges_late => Verdict::new(Code::ClientCertRequired, Confidence::Likely),
        CertificateRequest::Asked {
            gave: Gave::Nothing,
            ..
        } => Verdict::new(Code::ClientCertRequired, Confidence::Ambiguous).or(&[Code::AuthzDenied]),
        CertificateRequest::Asked {
            gave: Gave::Certificate,
            ..
        } => {
            let strangers = known.signal(FollowUp::Throwaway);
            if strangers.is_some_and(Signal::is_refusal) {
                return policy(Confidence::Likely).because(
                    "a certificate by a CA that nobody knows is refused in the handshake",
                );
            }
            let refusal = Fault::new(known, seen).in_a_page();
            if judges_late && refusal.confidence != Confidence::Ambiguous {
                return refusal;
            }
            policy(Confidence::Ambiguous)
                .or(&[Code::CertRejected])
                .because_all(refusal.evidence)
        }
        CertificateRequest::Asked {
            gave: Gave::NothingFits,
            ..
        }
        | CertificateRequest::NeverAsked
        | CertificateRequest::Unknown => policy(Confidence::Ambiguous).or(&[Code::CertRejected]),
    }
}

/// Whether a finished handshake may be followed by a refusal: the server asked, what we gave is nothing
/// or bad, or nobody knows whether strangers are refused, and its TLS library is none that always
/// judges in the handshake. Then it is open, between these codes.
fn may_come_late(seen: &Observation, known: &Known<'_>) -> Option<[Code; 2]> {
    let CertificateRequest::Asked { gave, .. } = &seen.certificate_request else {
        return None;
    };
    let libraries = Library::of(seen);
    let may_judge_late =
        libraries.is_empty() || libraries.iter().any(|library| library.may_judge_late());
    if seen.application_bytes > 0 || !may_judge_late {
        return None;
    }
    let refusal = match gave {
        Gave::Nothing | Gave::NothingFits => Code::ClientCertRequired,
        Gave::Certificate => {
            let stranger = known.signal(FollowUp::Throwaway);
            if stranger.is_some_and(Signal::is_refusal) {
                return None;
            }
            Code::CertRejected
        }
    };
    Some([Code::Ok, refusal])
}
