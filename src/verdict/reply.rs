//! What a reply means that is not HTTP: to bytes of the user's own, and PostgreSQL's.

use super::follow_up::Signal;
use super::refusal::Fault;
use super::{Known, Verdict, answer};
use crate::code::{Code, Confidence, Outcome};
use crate::observation::{
    Answer, CertificateRequest, Gave, Moment, Observation, PostgresReply, Reply, Version,
};
use crate::plan::FollowUp;

/// Reads the reply to a request over TLS.
pub(super) fn read(reply: &Reply, seen: &Observation, known: &Known<'_>) -> Verdict {
    match reply {
        Reply::Raw {
            bytes,
            is_expected,
            moment,
        } => raw(bytes, *is_expected, *moment, seen, known),
        Reply::Postgres(reply) => postgres(reply, seen, known),
    }
}

/// Bytes are an acceptance where they are those that the user wants: only he knows the protocol.
fn raw(
    bytes: &[u8],
    is_expected: Option<bool>,
    moment: Moment,
    seen: &Observation,
    known: &Known<'_>,
) -> Verdict {
    // Those who refuse in a page do so to whatever looks like HTTP.
    let page = as_http(bytes).map(|answer| answer::read(&answer, seen, known));
    if let Some(page) = &page
        && page.outcome() != Outcome::Accepted
    {
        return page.clone();
    }
    let fact = begins(bytes);
    if is_expected != Some(true)
        && let Some(verdict) = about_the_certificate(bytes, seen, known)
    {
        return verdict.first_because(fact);
    }
    let taken = |confidence: Confidence| {
        let page = page.as_ref().map(|page| page.confidence);
        let confidence = page.map_or(confidence, |page| confidence.max(page));
        Verdict::new(Code::Ok, confidence).because(fact.clone())
    };
    match is_expected {
        Some(true) if moment == Moment::Asked || is_judged(seen) => {
            taken(Confidence::Certain).because("it holds what is expected")
        }
        Some(true) => taken(Confidence::Likely)
            .because("it holds what is expected, and the peer said it before we had asked"),
        Some(false) => unexpected(seen, known).because(fact).because(
            "it does not hold what is expected: it may be a refusal, or another answer of somebody \
             who took us",
        ),
        None if refuses(bytes) => unexpected(seen, known)
            .because(fact)
            .because("it may be a refusal in words; say what is expected"),
        None if page.is_some() && moment == Moment::Asked => taken(Confidence::Certain),
        None => taken(Confidence::Likely).because("whether that is a refusal is for you to say"),
    }
}

/// Postfix finishes the handshake whatever it thinks of the certificate, and refuses the next command.
fn about_the_certificate(bytes: &[u8], seen: &Observation, known: &Known<'_>) -> Option<Verdict> {
    let text = String::from_utf8_lossy(bytes);
    let gave = gave(seen);
    let is_refused = text.starts_with("421 ") || text.starts_with("554 ");
    if is_refused && text.contains("No client certificate presented") {
        return Some(Verdict::new(
            Code::ClientCertRequired,
            match gave {
                Some(Gave::Nothing | Gave::NothingFits) => Confidence::Certain,
                Some(Gave::Certificate) | None => Confidence::Likely,
            },
        ));
    }
    if is_refused && text.contains("Client certificate not trusted") {
        return Some(match gave {
            Some(Gave::Certificate) => Fault::new(known, seen).in_a_page(),
            Some(Gave::Nothing | Gave::NothingFits) | None => {
                Verdict::new(Code::CertRejected, Confidence::Certain)
            }
        });
    }
    None
}

/// What we gave, where the server asked.
fn gave(seen: &Observation) -> Option<Gave> {
    match &seen.certificate_request {
        CertificateRequest::Asked { gave, .. } => Some(*gave),
        CertificateRequest::Unknown | CertificateRequest::NeverAsked => None,
    }
}

/// The server had judged us by the time it spoke.
fn is_judged(seen: &Observation) -> bool {
    seen.tls.version == Some(Version::Tls12) || seen.tickets > seen.early.tickets
}

/// Over TLS, and yet nothing that shows an acceptance.
fn unexpected(seen: &Observation, known: &Known<'_>) -> Verdict {
    let strangers = known.signal(FollowUp::Throwaway);
    let refusal = gave(seen).and_then(|gave| match gave {
        // It was taken, or that would have been said in the handshake.
        Gave::Certificate if strangers.is_some_and(Signal::is_refusal) => None,
        Gave::Certificate => Some(Code::CertRejected),
        Gave::Nothing | Gave::NothingFits => Some(Code::ClientCertRequired),
    });
    let candidates = [Some(Code::Ok), refusal, Some(Code::AuthzDenied)];
    let candidates: Vec<_> = candidates.into_iter().flatten().collect();
    Verdict::new(Code::Closed, Confidence::Ambiguous).or(&candidates)
}

fn begins(bytes: &[u8]) -> String {
    let mut lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n'));
    let line = lines.next().unwrap_or_default();
    let shown = line.get(..LONGEST_LINE).unwrap_or(line);
    format!("the reply begins with {:?}", String::from_utf8_lossy(shown))
}

/// What people write who refuse.
fn refuses(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    REFUSALS.iter().any(|word| text.contains(word))
}

/// The begin of an HTTP/1 response, if the bytes are one.
pub(super) fn as_http(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (version, rest) = text.split_once(' ')?;
    if !version.starts_with("HTTP/1.") && version != "HTTP/1" {
        return None;
    }
    let status = rest.get(..3)?.parse().ok()?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let server = headers.find(|(name, _)| name.eq_ignore_ascii_case("server"));
    Some(Answer {
        status,
        server: server.map(|(_, value)| value.trim().to_owned()),
        date: None,
        proxy_headers: vec![],
        body: body.to_owned(),
        grpc_status: None,
        grpc_message: None,
        grpc_serving: None,
    })
}

/// TLS has taken us, as far as PostgreSQL goes: it refuses a bad certificate in the handshake, and the
/// want of one only where `pg_hba.conf` says so.
fn postgres(reply: &PostgresReply, seen: &Observation, known: &Known<'_>) -> Verdict {
    let gave = gave(seen);
    let fact = said(reply);
    let (sqlstate, message, routine) = match reply {
        PostgresReply::Authentication(AUTHENTICATED) => {
            return Verdict::new(Code::Ok, Confidence::Certain).because(fact);
        }
        PostgresReply::Authentication(_) if gave == Some(Gave::Certificate) => {
            // Only then would it compare the name in our certificate.
            return Verdict::new(Code::Ok, Confidence::Likely)
                .because(fact)
                .because(
                    "we send none; with clientcert=verify-full it looks at the name in our \
                 certificate after that",
                );
        }
        PostgresReply::Authentication(_) => {
            return Verdict::new(Code::Ok, Confidence::Certain)
                .because(fact)
                .because("it wants that, and no certificate, of this user");
        }
        PostgresReply::Error {
            sqlstate,
            message,
            routine,
        } => (sqlstate.as_str(), message.as_str(), routine.as_str()),
    };
    let denied = |confidence| Verdict::new(Code::AuthzDenied, confidence);
    let open = unexpected(seen, known);
    match sqlstate {
        INVALID_AUTHORIZATION if message.contains(WANTS_CERTIFICATE) => {
            let confidence = match gave {
                Some(Gave::Nothing | Gave::NothingFits) => Confidence::Certain,
                Some(Gave::Certificate) | None => Confidence::Likely,
            };
            Verdict::new(Code::ClientCertRequired, confidence)
        }
        INVALID_AUTHORIZATION if message.contains("pg_hba.conf") => denied(Confidence::Certain)
            .because("no line of its pg_hba.conf lets us in as this user"),
        INVALID_AUTHORIZATION if message.contains(WRONG_NAME) => denied(Confidence::Certain)
            .because("it took our certificate, whose name is not that of this user"),
        // In another language, or another program.
        INVALID_AUTHORIZATION if routine == AT_THE_GATE && gave == Some(Gave::Nothing) => {
            denied(Confidence::Ambiguous).or(&[Code::ClientCertRequired])
        }
        INVALID_AUTHORIZATION | INVALID_PASSWORD => denied(Confidence::Likely),
        // PostgreSQL looks for the database once it knows who comes; some proxies do before.
        NO_DATABASE if gave == Some(Gave::Certificate) => {
            Verdict::new(Code::Ok, Confidence::Likely)
                .because("it looks for the database once it has taken us")
        }
        _ => open,
    }
    .first_because(fact)
}

/// What a plaintext server says.
pub(super) fn postgres_in_plaintext(reply: &PostgresReply, known: &Known<'_>) -> Verdict {
    let verdict = match reply {
        PostgresReply::Authentication(_) => {
            Verdict::new(Code::PlaintextAccepted, Confidence::Certain)
        }
        PostgresReply::Error {
            sqlstate, message, ..
        } => {
            let text = message.to_ascii_lowercase();
            let is_about_tls = ["ssl", "tls", "encrypt"]
                .iter()
                .any(|word| text.contains(word));
            let is_gate = sqlstate == INVALID_AUTHORIZATION && text.contains("pg_hba.conf");
            if is_gate && known.elsewhere.answers {
                Verdict::new(Code::PlaintextRejected, Confidence::Certain)
                    .because("the same is answered over TLS")
            } else if is_gate || is_about_tls {
                Verdict::new(Code::PlaintextRejected, Confidence::Likely)
            } else {
                Verdict::new(Code::Closed, Confidence::Ambiguous)
                    .or(&[Code::PlaintextAccepted, Code::PlaintextRejected])
            }
        }
    };
    verdict.first_because(said(reply))
}

/// `PostgreSQL says "no such thing" (28000)`
fn said(reply: &PostgresReply) -> String {
    match reply {
        PostgresReply::Authentication(AUTHENTICATED) => {
            "PostgreSQL says AuthenticationOk: it lets us in".to_owned()
        }
        PostgresReply::Authentication(number) => {
            let how = match number {
                2 | 7..=9 => "Kerberos or GSSAPI",
                3 => "a password in clear",
                5 => "a password by MD5",
                10 => "a password by SCRAM",
                _ => "something else",
            };
            format!("PostgreSQL goes on to authentication and asks for {how} ({number})")
        }
        PostgresReply::Error {
            sqlstate, message, ..
        } => format!("PostgreSQL says {message:?} ({sqlstate})"),
    }
}

impl Verdict {
    fn first_because(mut self, fact: String) -> Self {
        self.evidence.insert(0, fact);
        self
    }
}

const LONGEST_LINE: usize = 120;
/// As people write them.
const REFUSALS: &[&str] = &[
    "certificate",
    "ssl",
    "tls",
    "denied",
    "reject",
    "refuse",
    "forbid",
    "not allowed",
    "not permitted",
    "unauthori",
    "authenti",
    "noauth",
];
const AUTHENTICATED: u32 = 0;
const INVALID_AUTHORIZATION: &str = "28000";
const INVALID_PASSWORD: &str = "28P01";
const NO_DATABASE: &str = "3D000";
const WANTS_CERTIFICATE: &str = "requires a valid client certificate";
const WRONG_NAME: &str = "certificate authentication failed";
/// The function of PostgreSQL that reads `pg_hba.conf`, and wants a certificate.
const AT_THE_GATE: &str = "ClientAuthentication";
