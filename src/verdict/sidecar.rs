//! What a plaintext answer of our own sidecar means: it says what went wrong further on. Whether there
//! is a sidecar in the way at all shows only in what answers.

use super::{Known, Verdict, answer, never_connected, plaintext};
use crate::code::{Code, Confidence};
use crate::observation::{Answer, Ending, NeverConnected, Observation, Wordless};

/// Reads a connection to our own sidecar.
pub(super) fn read(seen: &Observation, known: &Known<'_>) -> Verdict {
    if let Some(said) = &seen.answer {
        return answered(said, seen);
    }
    match &seen.ending {
        Ending::NeverConnected(why @ NeverConnected::Refused) => never_connected(why)
            .because("a sidecar takes every connection: none is in the way here"),
        Ending::Wordless(ending) if seen.received == 0 => wordless(*ending),
        Ending::NeverConnected(_)
        | Ending::Fault(_)
        | Ending::Wordless(_)
        | Ending::Answered
        | Ending::Alert(_)
        | Ending::Objection(_) => spoke(plaintext::read(seen, known)),
    }
}

/// Who answers, by what the answer says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    /// What a client's sidecar calls itself.
    Ours,
    /// What a server's sidecar or a gateway calls itself: a client's would have put its own name.
    Theirs,
    /// An Envoy, under another name.
    Envoy,
    /// Nobody known.
    Unknown,
}

impl Voice {
    fn of(answer: &Answer) -> Self {
        match answer.server.as_deref() {
            Some("envoy") => Self::Ours,
            Some("istio-envoy") => Self::Theirs,
            Some(_) | None if has_envoy_headers(answer) => Self::Envoy,
            Some(_) | None => Self::Unknown,
        }
    }
}

/// Whether the answer went through the sidecar of a client, or is its own.
pub(super) fn is_of_ours(answer: &Answer) -> bool {
    Voice::of(answer) == Voice::Ours
}

/// A header of a proxy.
pub(super) fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let found = answer.proxy_headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn has_envoy_headers(answer: &Answer) -> bool {
    let mut headers = answer.proxy_headers.iter();
    headers.any(|(name, _)| name.starts_with("x-envoy-"))
}

fn answered(said: &Answer, seen: &Observation) -> Verdict {
    let voice = Voice::of(said);
    let verdict = answer::denied(said)
        .or_else(|| answer::upstream(said, seen.came))
        .unwrap_or_else(|| taken(said, voice));
    let mut evidence = vec![answer::status(said)];
    evidence.extend(verdict.evidence);
    let has_asked = header(said, "x-envoy-upstream-service-time").is_some();
    if verdict.code == Code::UpstreamTlsFailure || verdict.code == Code::UpstreamUnavailable {
        // The first proxy had an answer to pass on, so its own way was clear.
        evidence.extend((voice == Voice::Ours && has_asked).then(|| {
            "our sidecar got through and passes this on: the trouble is behind the next proxy"
                .to_owned()
        }));
    }
    Verdict {
        evidence,
        ..verdict
    }
}

/// Answered, and neither denied nor lost on the way.
fn taken(said: &Answer, voice: Voice) -> Verdict {
    let wants_tls = said.status == 400 && plaintext::names_tls(&said.body);
    match voice {
        Voice::Ours if wants_tls => Verdict::new(Code::UpstreamTlsFailure, Confidence::Likely)
            .because("the page says that this is a TLS port: our sidecar sent plaintext there"),
        Voice::Unknown | Voice::Envoy | Voice::Theirs if wants_tls => {
            Verdict::new(Code::PlaintextRejected, Confidence::Likely)
                .because("the page says that this is a TLS port")
                .because(NO_SIDECAR)
        }
        Voice::Ours => Verdict::new(Code::Ok, Confidence::Likely)
            .because("an Envoy calls itself so, and so does the sidecar of a client")
            .because(
                "the request got through with what our sidecar brings: an identity, or plaintext \
                 where it speaks no mTLS to this server",
            ),
        // Both are acceptances; which one it was nobody can tell from here.
        Voice::Theirs => doubtful().because(
            "a server's sidecar calls itself so, and one of ours would have put its own name: \
             none of ours is in the way, as it seems",
        ),
        Voice::Envoy => {
            doubtful().because("an Envoy has passed it on, and nothing shows whether it is our own")
        }
        Voice::Unknown => doubtful().because(NO_SIDECAR),
    }
}

fn doubtful() -> Verdict {
    Verdict::new(Code::PlaintextAccepted, Confidence::Ambiguous).or(&[Code::Ok])
}

/// The peer said something that is no answer to our request.
fn spoke(verdict: Verdict) -> Verdict {
    if verdict.code != Code::PlaintextAccepted {
        return verdict;
    }
    let doubt = "nothing shows whether a sidecar is in the way, and what it speaks further on";
    verdict.or(&[Code::Ok]).because(doubt)
}

/// The connection ended, or time did, without a word.
fn wordless(ending: Wordless) -> Verdict {
    let (code, how) = match ending {
        Wordless::Reset => (Code::Reset, "the connection was reset"),
        Wordless::Fin | Wordless::CloseNotify => (Code::Closed, "the connection was closed"),
        Wordless::Quiet => (Code::Silent, "nothing came back"),
    };
    let open = Verdict::new(code, Confidence::Ambiguous).because(format!(
        "{how} after our plaintext, without a word: HTTP would have had an answer of the sidecar"
    ));
    if ending == Wordless::Quiet {
        return open;
    }
    open.or(&[
        Code::UpstreamTlsFailure,
        Code::UpstreamUnavailable,
        Code::AuthzDenied,
        Code::PlaintextRejected,
    ])
    .because(
        "a sidecar that takes this port for TCP closes so, whatever went wrong further on; so does \
         a STRICT server where no sidecar of ours is in the way",
    )
}

const NO_SIDECAR: &str = "nothing in the answer shows a sidecar: neither `server: envoy` nor an \
                          x-envoy header";
