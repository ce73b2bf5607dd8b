//! Endings without an alert and without an answer: what the place of the silence tells.

use super::follow_up::{Hello, Signal};
use super::late::{accepted_at_tls, unanswered};
use super::refusal::Fault;
use super::{Known, Library, Objection, Verdict, alert, is_proved, is_record, objected};
use crate::code::{Code, Confidence};
use crate::observation::{
    CertificateRequest, Ending, Gave, Observation, Offered, Stage, Version, Wordless,
};
use crate::plan::FollowUp;

/// The connection ended, or time did, without an alert and without an answer.
pub(super) fn wordless(ending: Wordless, seen: &Observation, known: &Known<'_>) -> Verdict {
    let open = |code| Verdict::new(code, Confidence::Ambiguous).because(said_goodbye(ending, seen));
    let died = died(ending, seen);
    match seen.stage {
        Stage::Dns | Stage::Tcp | Stage::StartTls | Stage::ServerHello => open(died),
        Stage::ClientHello => before_server_hello(ending, open(died), seen, known),
        Stage::ClientAuth => unsaid(open(died), ending, seen, known),
        Stage::Settle => {
            if is_proved(seen) && seen.request_unsent {
                unanswered(ending, died, seen, known)
            } else if is_proved(seen) {
                accepted_at_tls(ending, seen, known)
            } else {
                unsaid(open(died), ending, seen, known)
            }
        }
        Stage::Tunnel | Stage::Request => unanswered(ending, died, seen, known),
    }
}

/// The code of an end that leaves all open.
pub(super) fn died(ending: Wordless, seen: &Observation) -> Code {
    match ending {
        Wordless::Reset => Code::Reset,
        Wordless::Quiet if seen.stage < Stage::Settle && seen.came.speaks_tls() => {
            Code::HandshakeTimeout
        }
        Wordless::Quiet => Code::Silent,
        Wordless::CloseNotify | Wordless::Fin => Code::Closed,
    }
}

/// The peer ended it where it judges certificates, and no alert came. Over the other TLS version one
/// may have.
pub(super) fn unsaid(
    open: Verdict,
    ending: Wordless,
    seen: &Observation,
    known: &Known<'_>,
) -> Verdict {
    let other = known.followed(FollowUp::OtherVersion);
    let is_alike =
        |other: &&Observation| match (&seen.certificate_request, &other.certificate_request) {
            (
                CertificateRequest::Asked { gave, .. },
                CertificateRequest::Asked { gave: also, .. },
            ) => gave == also,
            _ => false,
        };
    if let Some(other) = other.filter(is_alike)
        && let Ending::Alert(alert) = other.ending
        && alert != 0
    {
        let said = alert::read(
            alert,
            other,
            &Known {
                follow_ups: &[],
                ..*known
            },
        );
        let version = other.tls.version.map_or("another version", Version::as_str);
        return Verdict {
            confidence: said.confidence.max(Confidence::Likely),
            evidence: open.evidence,
            ..said.clone()
        }
        .because(format!("over TLS {version} the peer does say why"))
        .because_all(said.evidence);
    }
    at_its_place(open, ending, seen, known)
}

/// Our ClientHello got no answer of TLS.
fn before_server_hello(
    ending: Wordless,
    open: Verdict,
    seen: &Observation,
    known: &Known<'_>,
) -> Verdict {
    // Too little for rustls to say so.
    if seen
        .first_bytes
        .first()
        .is_some_and(|&kind| !is_record(kind))
    {
        return objected(&Objection::NotTls, seen, known);
    }
    let is_envoy = |server: &&str| server.contains("envoy") && seen.received == 0;
    let envoy = known.elsewhere.plaintext_server.filter(is_envoy);
    let open = match known.mesh_alpn() {
        Some(Hello::Answered) if seen.received == 0 => {
            let verdict = without_its_alpn(ending, open);
            return match (ending, envoy) {
                (Wordless::Reset, Some(server)) => {
                    Verdict::new(Code::NoFilterChain, Confidence::Likely)
                        .because_all(verdict.evidence)
                        .because(format!("plaintext is answered there by {server:?}"))
                }
                (_, _) => verdict,
            };
        }
        Some(Hello::Unanswered) => {
            open.because("offering the application protocol \"istio\" as well changes nothing")
        }
        Some(Hello::Answered) | None => open,
    };
    let open = match (seen.tls.offered, known.followed(FollowUp::OtherVersion)) {
        (Offered::Only(version), Some(other)) if other.stage >= Stage::ServerHello => {
            let fact = format!(
                "without TLS {} the same ClientHello is answered",
                version.as_str()
            );
            if known.signal(FollowUp::OtherVersion) == Some(Signal::Taken) {
                return Verdict::new(Code::ProtocolVersion, Confidence::Likely)
                    .because_all(open.evidence)
                    .because(fact);
            }
            open.because(fact)
        }
        (_, _) => open,
    };
    let Some(server) = envoy else {
        return match ending {
            // A plaintext server may wait for the end of what it takes for a line.
            Wordless::Quiet if known.elsewhere.speaks_tls => open,
            Wordless::Quiet if speaks_other_version(known) => open,
            Wordless::Quiet if known.elsewhere.answers_plaintext => Verdict {
                confidence: Confidence::Likely,
                evidence: open.evidence,
                ..Verdict::ours(Code::NotTls)
            }
            .because("plaintext is answered there, and nobody is seen to speak TLS"),
            Wordless::Quiet => open.or(&[Code::NotTls]),
            // Some refuse what they do not like of a ClientHello without an alert.
            Wordless::Fin | Wordless::CloseNotify | Wordless::Reset => {
                open.or(&objections_to_a_hello(seen, known))
            }
        };
    };
    let there = format!("plaintext is answered there by {server:?}");
    match ending {
        // A sidecar without a filter chain for what we offered always resets.
        Wordless::Reset => Verdict::new(Code::NoFilterChain, Confidence::Likely)
            .because_all(open.evidence)
            .because(there),
        // Also of a sidecar whose certificate has not arrived, and of an application behind it.
        Wordless::Fin | Wordless::CloseNotify => open.or(&[Code::NoFilterChain]).because(there),
        Wordless::Quiet => open,
    }
}

/// The same ClientHello is answered once it offers the ALPN of a mesh.
fn without_its_alpn(ending: Wordless, open: Verdict) -> Verdict {
    let fact = "the same ClientHello is answered once it offers the application protocol \"istio\" as \
                well: a sidecar knows its peers by that; `dialect: istio` offers it";
    match ending {
        // Whom it has no filter chain for it always resets, and so may an application that it passes
        // TLS of others on to.
        Wordless::Reset => Verdict::new(Code::NoFilterChain, Confidence::Ambiguous)
            .or(&[Code::UpstreamUnavailable])
            .because_all(open.evidence)
            .because(fact),
        Wordless::Fin | Wordless::CloseNotify | Wordless::Quiet => open
            .or(&[
                Code::NoFilterChain,
                Code::AuthzDenied,
                Code::UpstreamUnavailable,
            ])
            .because(fact)
            .because(
                "without a filter chain it would have reset us: it may have passed us on, to a policy \
                 or an application that closes",
            ),
    }
}

fn speaks_other_version(known: &Known<'_>) -> bool {
    let other = known.followed(FollowUp::OtherVersion);
    other.is_some_and(|other| other.stage >= Stage::ServerHello)
}

/// What a peer may dislike of a ClientHello, or have no answer to.
fn objections_to_a_hello(seen: &Observation, known: &Known<'_>) -> Vec<Code> {
    let answered = |other: &Observation| other.stage >= Stage::ServerHello;
    let may_be_version = match known.followed(FollowUp::OtherVersion) {
        Some(other) if other.stage >= Stage::ClientHello => {
            answered(other) && seen.tls.offered != Offered::Both
        }
        Some(_) | None => true,
    };
    let has_name = seen.tls.sni.is_some();
    let has_protocols = !seen.tls.offered_alpn.is_empty();
    let all = [
        (true, Code::NoFilterChain),
        (may_be_version, Code::ProtocolVersion),
        (true, Code::NoSharedCipher),
        (has_name, Code::UnrecognizedName),
        (has_protocols, Code::AlpnMismatch),
        (true, Code::UpstreamUnavailable),
    ];
    all.into_iter()
        .filter_map(|(may_be, code)| may_be.then_some(code))
        .collect()
}

/// A connection that ends without a word at the very place where servers refuse certificates.
fn at_its_place(open: Verdict, ending: Wordless, seen: &Observation, known: &Known<'_>) -> Verdict {
    let CertificateRequest::Asked { gave, hints, .. } = &seen.certificate_request else {
        return open;
    };
    let libraries = Library::of(seen);
    let has_closed = matches!(ending, Wordless::Fin | Wordless::CloseNotify);
    if *gave == Gave::Certificate
        && libraries == [Library::BoringSsl]
        && has_closed
        && seen.stage < Stage::Tunnel
        && !hints.is_empty()
    {
        return Verdict::new(Code::UpstreamUnavailable, Confidence::Likely)
            .because_all(open.evidence)
            .because(
                "the peer looks like Envoy (BoringSSL, and it lists CA names), which refuses no \
                 certificate without an alert: what stands behind it may be down",
            );
    }
    let (refusal, fact) = match gave {
        Gave::Certificate => (
            Fault::new(known, seen).without_words(),
            "that is the place where servers judge a client certificate; some refuse it without an \
             alert",
        ),
        Gave::Nothing => (
            Verdict::new(Code::ClientCertRequired, Confidence::Likely),
            "the server asked for a certificate and we sent none; some servers refuse that without \
             an alert",
        ),
        Gave::NothingFits => (
            Verdict::new(Code::NoSharedCipher, Confidence::Likely),
            "the server asked for a certificate and got none; some servers refuse that without an \
             alert",
        ),
    };
    if seen.we_closed && ending != Wordless::Quiet {
        return open
            .or(&[Code::Ok, refusal.code])
            .because("we had said goodbye: whoever took us may go so, and whoever did not");
    }
    // Nobody refuses so but s2n-tls, and that where it got nothing; an application takes its leave so.
    let is_leave = ending == Wordless::CloseNotify;
    if is_leave && (*gave == Gave::Certificate || libraries != [Library::S2n]) {
        return open
            .or(&[
                Code::Ok,
                refusal.code,
                Code::AuthzDenied,
                Code::UpstreamUnavailable,
            ])
            .because("it went politely, and before we did: whoever took us may go so");
    }
    // s2n-tls keeps silent for up to half a minute once it has refused: where it takes others, and
    // ours has a fault that we know of, that is what this silence is.
    let is_telling = libraries == [Library::S2n] && refusal.confidence != Confidence::Ambiguous;
    if (ending != Wordless::Quiet || is_telling)
        && let Some(control) = control(*gave, seen, known)
    {
        // Policy may have come first, where the request was out.
        let is_open = refusal.confidence == Confidence::Ambiguous && seen.stage >= Stage::Tunnel;
        let policy = is_open.then_some(Code::AuthzDenied);
        return Verdict {
            evidence: open.evidence,
            candidates: refusal.candidates.iter().copied().chain(policy).collect(),
            ..refusal.clone()
        }
        .because(fact)
        .because(control)
        .because_all(refusal.evidence);
    }
    // A proxy whose application is down closes so, whatever the certificate.
    let upstream = (ending != Wordless::Quiet).then_some(Code::UpstreamUnavailable);
    // gRPC closes where HTTP/2 was not agreed on.
    let is_grpc_like = libraries == [Library::BoringSsl] && hints.is_empty();
    let has_offered = is_grpc_like || !seen.tls.offered_alpn.is_empty();
    let is_unagreed = seen.tls.alpn.is_none() && has_offered;
    let protocol = (has_closed && is_unagreed).then_some(Code::AlpnMismatch);
    let policy = (seen.stage >= Stage::Tunnel && has_closed).then_some(Code::AuthzDenied);
    let others = refusal.candidates.iter().copied();
    let named = others.filter(|_| refusal.code != Code::CertRejected);
    let candidates: Vec<_> = [refusal.code]
        .into_iter()
        .chain(named)
        .chain(protocol)
        .chain(policy)
        .chain(upstream)
        .collect();
    let is_named = refusal.confidence != Confidence::Ambiguous;
    let why = refusal.evidence.into_iter().filter(|_| is_named);
    open.or(&candidates).because(fact).because_all(why)
}

/// What shows that the peer is up and judges, so that its silence is about what we gave.
fn control(gave: Gave, seen: &Observation, known: &Known<'_>) -> Option<String> {
    let libraries = Library::of(seen);
    // Who has words for strangers has them for us.
    if matches!(known.signal(FollowUp::Throwaway), Some(Signal::Alert(_))) {
        return None;
    }
    // Once the request is out, the application may be the one who hangs up.
    if seen.stage >= Stage::Tunnel {
        let same = "the same request is answered for another identity";
        return known.elsewhere.answers.then(|| same.to_owned());
    }
    if known.elsewhere.accepts {
        return Some("another identity is accepted there".to_owned());
    }
    // What Envoy says to those without a certificate it says also where its application is down.
    if gave != Gave::Certificate || libraries.contains(&Library::BoringSsl) {
        return None;
    }
    match known.signal(FollowUp::NoCertificate)? {
        Signal::Alert(alert) => Some(format!(
            "without a certificate the peer answers with alert {}: it is up, and it judges",
            alert::describe(alert)
        )),
        Signal::Taken => Some("without a certificate we are taken: the peer is up".to_owned()),
        Signal::Unanswered | Signal::Wordless(_) => None,
    }
}

/// How the connection ended, in words, with its stage.
pub(super) fn said_goodbye(ending: Wordless, seen: &Observation) -> String {
    let how = match ending {
        Wordless::CloseNotify => "the peer said close_notify",
        Wordless::Fin => "the peer closed without a word (FIN)",
        Wordless::Reset => "the peer reset the connection",
        Wordless::Quiet => "the peer stayed silent",
    };
    let when = match seen.stage {
        Stage::Dns | Stage::Tcp => "before anything was said",
        Stage::StartTls => "in plaintext, where the protocol begins",
        Stage::ClientHello if seen.received == 0 => {
            "right after our ClientHello, before any answer"
        }
        Stage::ClientHello => "right after our ClientHello",
        Stage::ServerHello => "in the middle of its own handshake messages",
        Stage::ClientAuth => "while it held our side of the handshake",
        Stage::Settle if seen.we_closed => {
            "after our side of the handshake was done and we had said goodbye"
        }
        Stage::Settle => "after our side of the handshake was done",
        Stage::Tunnel => "where we had asked for a tunnel",
        Stage::Request => "after our request",
    };
    format!("{how} {when}")
}
