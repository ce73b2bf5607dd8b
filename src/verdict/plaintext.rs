//! What a connection without TLS means.

use super::{Known, Verdict, answer, dialect, first_words, never_connected, reply, starttls};
use crate::code::{Code, Confidence};
use crate::observation::{Answer, Came, Ending, Observation, Reply, Stage, Wordless};
use crate::plan::FollowUp;
use crate::target::Dialect;

/// Reads a plaintext connection.
pub(super) fn read(seen: &Observation, known: &Known<'_>) -> Verdict {
    let verdict = read_alone(seen, known);
    if seen.dialect == Dialect::Istio && verdict.code == Code::PlaintextRejected {
        return by_whom(verdict, known);
    }
    verdict
}

/// A PERMISSIVE sidecar passes plaintext on, and an application may refuse what the sidecar has let in.
/// The sidecar of a STRICT port takes TLS whatever its ALPN; a PERMISSIVE one does not.
fn by_whom(verdict: Verdict, known: &Known<'_>) -> Verdict {
    let doubt = match known.followed(FollowUp::PlainAlpn) {
        Some(other) if dialect::is_sidecar(other) => {
            return verdict.because(
                "TLS without the ALPN of a mesh is taken by the sidecar as well: it is STRICT, and \
                 passes nothing on",
            );
        }
        Some(other) if other.stage >= Stage::ClientHello => {
            "TLS without the ALPN of a mesh is not taken by the sidecar, which is PERMISSIVE then: \
             it lets plaintext in, as it seems, and the application refuses it"
        }
        Some(_) | None => {
            "whether the sidecar refuses plaintext or lets it in, and the application refuses it, is \
             not known"
        }
    };
    Verdict {
        confidence: Confidence::Ambiguous,
        ..verdict
    }
    .because(doubt)
}

fn read_alone(seen: &Observation, known: &Known<'_>) -> Verdict {
    if let Some(answer) = &seen.answer {
        return answered(answer);
    }
    match &seen.reply {
        Some(Reply::Postgres(said)) => return reply::postgres_in_plaintext(said, known),
        Some(Reply::Raw {
            bytes, is_expected, ..
        }) => return raw(bytes, *is_expected),
        None => {}
    }
    if seen.stage == Stage::StartTls {
        return starttls::plaintext(seen, known);
    }
    match &seen.ending {
        Ending::NeverConnected(why) => never_connected(why),
        Ending::Fault(words) => Verdict::fault(words.clone()),
        _ if seen.received > 0 => spoke(&seen.first_bytes),
        Ending::Wordless(Wordless::Reset) => {
            hung_up("the peer reset the connection", Code::Reset, seen, known)
        }
        Ending::Wordless(Wordless::Fin | Wordless::CloseNotify) => {
            hung_up("the peer closed the connection", Code::Closed, seen, known)
        }
        Ending::Wordless(Wordless::Quiet)
        | Ending::Answered
        | Ending::Alert(_)
        | Ending::Objection(_) => {
            let silent = Verdict::new(Code::Silent, Confidence::Ambiguous)
                .because("the peer did not answer plaintext and left the connection open");
            match known.elsewhere.speaks_tls {
                true => silent
                    .or(&[Code::PlaintextRejected])
                    .because("the same address does speak TLS"),
                false => silent,
            }
        }
    }
}

/// A reply to bytes of the user's own.
fn raw(bytes: &[u8], is_expected: Option<bool>) -> Verdict {
    let read = match reply::as_http(bytes) {
        Some(answer) => answered(&answer),
        None => spoke(bytes),
    };
    let is_open = matches!(read.code, Code::PlaintextAccepted | Code::Closed);
    match is_expected {
        Some(true) if is_open => Verdict::new(Code::PlaintextAccepted, Confidence::Certain)
            .because_all(read.evidence)
            .because("the reply holds what is expected"),
        Some(false) if is_open => Verdict::new(Code::Closed, Confidence::Ambiguous)
            .or(&[Code::PlaintextAccepted, Code::PlaintextRejected])
            .because_all(read.evidence)
            .because("the reply does not hold what is expected"),
        Some(_) | None => read,
    }
}

/// The peer said something, and it is no answer to our request.
fn spoke(bytes: &[u8]) -> Verdict {
    let words = first_words(bytes);
    match Speech::of(bytes) {
        Speech::TlsAlert => Verdict::new(Code::PlaintextRejected, Confidence::Certain)
            .because("the peer answered plaintext with a TLS alert"),
        Speech::Text if names_tls(&String::from_utf8_lossy(bytes)) => {
            Verdict::new(Code::PlaintextRejected, Confidence::Likely)
                .because(format!("the peer says {words}"))
        }
        Speech::Text => Verdict::new(Code::PlaintextAccepted, Confidence::Likely)
            .because(format!("the peer speaks without TLS: {words}")),
        Speech::Http2 => Verdict::new(Code::PlaintextAccepted, Confidence::Likely)
            .because("the peer speaks HTTP/2 without TLS"),
        // Perhaps a protocol of its own, perhaps noise: nothing was exchanged that we understand.
        Speech::Unknown => Verdict::new(Code::Closed, Confidence::Ambiguous)
            .or(&[Code::PlaintextAccepted, Code::PlaintextRejected])
            .because(format!("the peer sent bytes that we cannot read: {words}")),
    }
}

/// What the first bytes of a plaintext connection look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    TlsAlert,
    Text,
    Http2,
    Unknown,
}

impl Speech {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [21, 3, 0..=4, 0, 2, ..] => Self::TlsAlert,
            // A SETTINGS frame on stream 0, the begin of every HTTP/2 server's words.
            [0, 0, length, 4, 0, 0, 0, 0, 0, ..] if length % 6 == 0 => Self::Http2,
            _ if is_text(bytes) => Self::Text,
            _ => Self::Unknown,
        }
    }
}

/// The begin of a line that people could read: a banner, or an answer.
fn is_text(bytes: &[u8]) -> bool {
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric();
    bytes.iter().all(is_printable) && bytes.iter().filter(is_word).count() >= SHORTEST_WORD
}

/// Hanging up on plaintext is a refusal where TLS is known to be spoken; elsewhere it may be an
/// application that dislikes what we said.
fn hung_up(how: &str, otherwise: Code, seen: &Observation, known: &Known<'_>) -> Verdict {
    let fact = format!("{how} after plaintext, without a word");
    if let Some(proxy) = proxy(seen.dialect)
        && known.elsewhere.speaks_tls
    {
        return behind(proxy, fact, otherwise, known);
    }
    if known.elsewhere.speaks_tls {
        Verdict::new(Code::PlaintextRejected, Confidence::Likely)
            .because(fact)
            .because("the same address does speak TLS")
    } else {
        Verdict::new(otherwise, Confidence::Ambiguous)
            .because(fact)
            .because("an application that dislikes our plaintext would look the same")
    }
}

/// Who takes every connection before it knows what comes, and reaches the application or not.
const fn proxy(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Hbone => Some("a ztunnel"),
        Dialect::Linkerd => Some("a Linkerd proxy"),
        Dialect::Tls | Dialect::Istio | Dialect::Sidecar | Dialect::Auto => None,
    }
}

/// The proxy closes where policy wants an identity, and where it does not reach the application.
fn behind(proxy: &str, fact: String, otherwise: Code, known: &Known<'_>) -> Verdict {
    let fits = format!(
        "{proxy} takes every TCP connection, and closes those of plaintext that its policy denies"
    );
    if known.elsewhere.answers {
        Verdict::new(Code::PlaintextRejected, Confidence::Likely)
            .because(fact)
            .because(fits)
            .because("the same request is answered for an identity")
    } else {
        Verdict::new(otherwise, Confidence::Ambiguous)
            .or(&[Code::PlaintextRejected, Code::UpstreamUnavailable])
            .because(fact)
            .because(fits)
            .because("an application that is down, or dislikes our plaintext, would look the same")
    }
}

fn answered(answer: &Answer) -> Verdict {
    let fact = answer::status(answer);
    if answer.status == 400 {
        return if names_tls(&answer.body) {
            Verdict::new(Code::PlaintextRejected, Confidence::Certain)
                .because(fact)
                .because("the page says that this is a TLS port")
        } else {
            Verdict::new(Code::Closed, Confidence::Ambiguous)
                .because(fact)
                .because("a TLS port and a fussy plaintext server may both answer so")
        };
    }
    let verdict = answer::denied(answer)
        .or_else(|| answer::upstream(answer, Came::Plaintext))
        .unwrap_or_else(|| Verdict::new(Code::PlaintextAccepted, Confidence::Certain));
    let mut evidence = vec![fact];
    evidence.extend(verdict.evidence);
    Verdict {
        evidence,
        ..verdict
    }
}

pub(super) fn names_tls(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    TLS_PORT_WORDS.iter().any(|mark| words.contains(mark))
}

const SHORTEST_WORD: usize = 2;
/// What TLS servers write to a client that forgot TLS: nginx, Apache, Go and Caddy.
const TLS_PORT_WORDS: &[&str] = &[
    "sent to https port",
    "sent to an https server",
    "request to an https server",
    "ssl-enabled server port",
];
