//! What a proxy says of the next server: Envoy's own words, read down to the TLS alert behind them.
//!
//! Since Envoy 1.38.1 the words after "transport failure reason" stay in its access log unless it is
//! told otherwise, and over TLS 1.3 it never had any for a refusal of its own certificate: that comes
//! after its side of the handshake, and looks like a server that closes.

use super::{Verdict, alert};
use crate::code::{Code, Confidence};
use crate::observation::{Answer, Came};

/// What a proxy says of the next server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The response flags of its access log, such as `UF` or `UF,URX`.
    pub flag: String,
    /// Its reason, in its words.
    pub reason: String,
    /// The TLS alert with which the next server refused it.
    pub tls_alert: Option<u8>,
    /// What it says beside, in its words.
    pub detail: Option<String>,
    trouble: Trouble,
}

/// What the proxy ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The next server refused it with an alert.
    Refused(u8),
    /// It refuses the next server's certificate.
    Distrusts,
    /// The next server answers a ClientHello in plaintext.
    NotTls,
    /// Its own certificate has not come.
    NoSecret,
    /// TLS failed in another way.
    Tls,
    /// The connection broke in the middle of the handshake.
    BrokenHandshake,
    /// There was no TCP connection.
    NoConnection,
    /// There was none, or no handshake; it does not say which.
    Unsaid,
    /// The connection took too long.
    ConnectTimeout,
    /// The next server closed before an answer.
    Closed,
    /// A limit of its own.
    Overflow,
    /// The next server reset the request, or it did itself.
    Reset,
    /// What came back is not the HTTP that it speaks.
    NotHttp,
    /// It knows of nobody to ask.
    NoEndpoint,
    /// The next server took the request and did not answer in time.
    Timeout,
    /// It has no route, or a route to nowhere.
    NoRoute,
}

impl Upstream {
    /// Reads the answer, where it is one of a proxy that could not get further.
    pub fn of(answer: &Answer, came: Came) -> Option<Self> {
        said(answer).or_else(|| match came {
            Came::ThroughSidecar => unsaid(answer),
            Came::Plaintext | Came::WithoutCertificate | Came::WithCertificate => None,
        })
    }

    /// The verdict, with the evidence beside the words themselves.
    pub(super) fn verdict(&self) -> Verdict {
        let tls = |confidence| Verdict::new(Code::UpstreamTlsFailure, confidence);
        let down = |confidence| Verdict::new(Code::UpstreamUnavailable, confidence);
        let verdict = match self.trouble {
            Trouble::Refused(_)
            | Trouble::Distrusts
            | Trouble::NotTls
            | Trouble::NoSecret
            | Trouble::Tls => tls(Confidence::Certain),
            Trouble::BrokenHandshake => tls(Confidence::Ambiguous).or(&[Code::UpstreamUnavailable]),
            // An application that wants TLS answers plaintext with what is no HTTP, and Envoy counts
            // the handshake to the connecting.
            Trouble::Unsaid | Trouble::Closed | Trouble::NotHttp | Trouble::ConnectTimeout => {
                down(Confidence::Ambiguous).or(&[Code::UpstreamTlsFailure])
            }
            // An application may say just that, where a sidecar adds no headers of its own.
            Trouble::NoRoute => down(Confidence::Ambiguous).or(&[Code::Ok]),
            Trouble::NoConnection
            | Trouble::Overflow
            | Trouble::Reset
            | Trouble::NoEndpoint
            | Trouble::Timeout => down(Confidence::Certain),
        };
        verdict.because(self.in_words())
    }

    /// `flag UF: the next server refused the proxy with alert unknown_ca(48)`
    fn in_words(&self) -> String {
        let what = match self.trouble {
            Trouble::Refused(alert) => {
                let alert = alert::describe(alert);
                format!("the next server refused the proxy with alert {alert}")
            }
            Trouble::Distrusts => "the proxy refuses the next server's certificate".to_owned(),
            Trouble::NotTls => "the next server answers plaintext to the proxy's ClientHello \
                 (WRONG_VERSION_NUMBER): no sidecar there, or DISABLE"
                .to_owned(),
            Trouble::NoSecret => {
                "the proxy has no certificate yet: its SDS has not supplied one".to_owned()
            }
            Trouble::Tls => "the proxy's handshake with the next server failed".to_owned(),
            Trouble::BrokenHandshake => {
                "the connection broke during the proxy's handshake with the next server".to_owned()
            }
            Trouble::NoConnection => "the proxy cannot connect to the next server".to_owned(),
            Trouble::Unsaid => {
                "the proxy got no connection or no handshake, and does not say which: \
                 since 1.38.1 Envoy keeps the reason for its access log \
                 (%UPSTREAM_TRANSPORT_FAILURE_REASON%)"
                    .to_owned()
            }
            Trouble::ConnectTimeout => {
                "the proxy could not connect to the next server in time".to_owned()
            }
            Trouble::Closed => {
                "the next server closed before an answer: plaintext sent to a STRICT \
                 server looks so, and so does a refusal of the proxy's certificate over TLS 1.3"
                    .to_owned()
            }
            Trouble::Overflow => {
                "a limit of the proxy itself (circuit breaker): no trouble of mTLS".to_owned()
            }
            Trouble::Reset => "the request was reset on the way to the next server".to_owned(),
            Trouble::NotHttp => "what the next server answers is not the HTTP that the proxy \
                 speaks: TLS may be spoken there, or another protocol"
                .to_owned(),
            Trouble::NoEndpoint => {
                "the proxy knows of no healthy endpoint of the next server".to_owned()
            }
            Trouble::Timeout => "the next server did not answer in time".to_owned(),
            Trouble::NoRoute => {
                "the answer has no body and is the proxy's own, as it seems: it knows no way to \
                 this host"
                    .to_owned()
            }
        };
        let detail = self
            .detail
            .as_ref()
            .map_or(String::new(), |detail| format!(": {detail}"));
        match self.flag.as_str() {
            "" => format!("{what}{detail}"),
            flag => format!("flag {flag}: {what}{detail}"),
        }
    }

    /// Without a further word.
    fn new(flag: &str, reason: &str, trouble: Trouble) -> Self {
        Self {
            flag: flag.to_owned(),
            reason: reason.to_owned(),
            tls_alert: None,
            detail: None,
            trouble,
        }
    }
}

/// What the body says, or the gRPC message.
fn said(answer: &Answer) -> Option<Upstream> {
    let is_proxy_status = match answer.grpc_status {
        Some(grpc) => [DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE].contains(&grpc),
        None => matches!(answer.status, 502..=504),
    };
    if !is_proxy_status {
        return None;
    }
    let words = match &answer.grpc_message {
        Some(message) if !message.is_empty() => message,
        Some(_) | None => &answer.body,
    };
    match words.trim() {
        "no healthy upstream" => {
            return Some(Upstream::new(
                "UH",
                "no healthy upstream",
                Trouble::NoEndpoint,
            ));
        }
        "upstream request timeout" => {
            return Some(Upstream::new(
                "UT",
                "upstream request timeout",
                Trouble::Timeout,
            ));
        }
        _ => {}
    }
    let (_, rest) = words.split_once(BROKEN)?;
    let (is_retried, rest) = match rest.trim_start().strip_prefix("retried and the latest ") {
        Some(rest) => (true, rest),
        None => (false, rest.trim_start()),
    };
    let rest = rest.strip_prefix("reset reason: ").unwrap_or(rest);
    let (reason, why) = match rest.split_once(", transport failure reason: ") {
        Some((reason, why)) => (reason, Some(why.trim())),
        None => (rest, None),
    };
    let mut upstream = reset(reason.trim());
    if let Some(why) = why.filter(|why| !why.is_empty()) {
        upstream.because_of(why);
    }
    if is_retried {
        let flags = [upstream.flag.as_str(), "URX"];
        let flags: Vec<_> = flags.into_iter().filter(|flag| !flag.is_empty()).collect();
        upstream.flag = flags.join(",");
    }
    Some(upstream)
}

/// What a sidecar means that answers for itself and says nothing.
fn unsaid(answer: &Answer) -> Option<Upstream> {
    let has_asked = super::sidecar::header(answer, "x-envoy-upstream-service-time").is_some();
    let is_envoy = super::sidecar::is_of_ours(answer);
    if !is_envoy || has_asked || !answer.body.is_empty() || answer.grpc_status.is_some() {
        return None;
    }
    let (flag, reason) = match answer.status {
        404 => ("NR", "no route"),
        // `REGISTRY_ONLY` answers so for a host that is not in the registry.
        502 => ("", "blocked"),
        503 => ("NC", "no cluster"),
        _ => return None,
    };
    Some(Upstream::new(flag, reason, Trouble::NoRoute))
}

/// A reason why a stream was reset, in Envoy's words.
fn reset(reason: &str) -> Upstream {
    let (flag, trouble) = match reason {
        "connection failure" | "remote connection failure" | "local connection failure" => {
            ("UF", Trouble::Unsaid)
        }
        "connection timeout" => ("UF", Trouble::ConnectTimeout),
        "connection termination" => ("UC", Trouble::Closed),
        "overflow" => ("UO", Trouble::Overflow),
        "remote reset" | "remote refused stream reset" => ("UR", Trouble::Reset),
        "local reset" | "local refused stream reset" => ("LR", Trouble::Reset),
        "protocol error" => ("UPE", Trouble::NotHttp),
        _ => ("", Trouble::Unsaid),
    };
    let reason: String = reason.chars().take(LONGEST_REASON).collect();
    Upstream::new(flag, &reason, trouble)
}

impl Upstream {
    /// Takes the transport's own reason into account.
    fn because_of(&mut self, why: &str) {
        let bounded = |text: &str| text.chars().take(LONGEST_DETAIL).collect::<String>();
        if why.contains("Secret is not supplied by SDS") {
            self.trouble = Trouble::NoSecret;
            return;
        }
        if let Some(error) = why
            .strip_prefix("delayed connect error: ")
            .or_else(|| why.strip_prefix("immediate connect error: "))
        {
            self.trouble = Trouble::NoConnection;
            self.detail = Some(match error.parse::<u32>() {
                Ok(number) => system(number),
                Err(_) => bounded(error),
            });
            return;
        }
        let errors = errors(why);
        let Some(first) = errors.first() else {
            if why.starts_with("TLS") {
                self.trouble = Trouble::Tls;
            }
            self.detail = Some(bounded(why));
            return;
        };
        // What tells most is what the far end said, then what we hold against it.
        let told = errors.iter().find(|error| error.alert().is_some());
        let told = told.or_else(|| errors.iter().find(|error| error.trouble() != Trouble::Tls));
        let told = told.unwrap_or(first);
        self.trouble = told.trouble();
        self.tls_alert = told.alert();
        self.detail = match (self.trouble, told.detail) {
            (Trouble::Refused(_) | Trouble::NotTls, "") => None,
            (Trouble::BrokenHandshake, _) => Some(system(told.number())),
            (_, "") => Some(bounded(told.reason)),
            (_, detail) => Some(bounded(detail)),
        };
    }
}

/// One entry of an OpenSSL-style list of errors: `CODE:library:function:reason[:detail]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Error<'a> {
    code: u32,
    reason: &'a str,
    detail: &'a str,
}

/// The errors of `TLS_error:|CODE:...|CODE:...:TLS_error_end`, or of the older `TLS error: CODE:...`,
/// which parts them by a blank.
fn errors(why: &str) -> Vec<Error<'_>> {
    let list = match why.split_once("TLS_error:") {
        Some((_, list)) => list.split(":TLS_error_end").next().unwrap_or(list),
        None => match why.split_once("TLS error:") {
            Some((_, list)) => list,
            None => return vec![],
        },
    };
    let mut starts: Vec<usize> = vec![];
    for (at, _) in list
        .match_indices("SSL routines:")
        .chain(list.match_indices("system library:"))
    {
        // The code stands before its library.
        let before = list.get(..at).unwrap_or_default();
        let Some(digits) = before.strip_suffix(':') else {
            continue;
        };
        let code = digits.trim_end_matches(|c: char| c.is_ascii_digit());
        starts.push(code.len());
        if starts.len() >= MOST_ERRORS {
            break;
        }
    }
    starts.sort_unstable();
    let ends = starts.iter().skip(1).copied().chain([list.len()]);
    let entries = starts.iter().zip(ends);
    entries
        .filter_map(|(start, end)| Error::read(list.get(*start..end)?))
        .collect()
}

impl<'a> Error<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.trim_end_matches(['|', ' ']).splitn(5, ':');
        let code = parts.next()?.parse().ok()?;
        let (_library, _function, reason) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            code,
            reason: reason.trim(),
            detail: parts.next().unwrap_or_default().trim(),
        })
    }

    const fn library(self) -> u32 {
        self.code >> 24
    }

    /// The reason by its number, within the library.
    const fn number(self) -> u32 {
        self.code & 0x00ff_ffff
    }

    /// BoringSSL counts the alerts that it receives from 1000 on.
    fn alert(self) -> Option<u8> {
        if self.library() != SSL {
            return None;
        }
        u8::try_from(self.number().checked_sub(1000)?).ok()
    }

    fn trouble(self) -> Trouble {
        match (self.library(), self.number(), self.alert()) {
            (SYSTEM, _, _) => Trouble::BrokenHandshake,
            (SSL, _, Some(alert)) => Trouble::Refused(alert),
            (SSL, CERTIFICATE_VERIFY_FAILED, None) => Trouble::Distrusts,
            (SSL, WRONG_VERSION_NUMBER | HTTP_REQUEST, None) => Trouble::NotTls,
            (_, _, _) => Trouble::Tls,
        }
    }
}

/// `ECONNREFUSED(111)`, by the numbers of Linux: Envoy runs there.
fn system(number: u32) -> String {
    let name = match number {
        32 => "EPIPE",
        101 => "ENETUNREACH",
        103 => "ECONNABORTED",
        104 => "ECONNRESET",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        113 => "EHOSTUNREACH",
        _ => "errno ",
    };
    format!("{name}({number})")
}

const BROKEN: &str = "upstream connect error or disconnect/reset before headers.";
const LONGEST_REASON: usize = 80;
const LONGEST_DETAIL: usize = 512;
const MOST_ERRORS: usize = 16;
const DEADLINE_EXCEEDED: u32 = 4;
const RESOURCE_EXHAUSTED: u32 = 8;
const UNAVAILABLE: u32 = 14;
/// Libraries and reasons of BoringSSL's error codes.
const SYSTEM: u32 = 2;
const SSL: u32 = 16;
const CERTIFICATE_VERIFY_FAILED: u32 = 125;
const HTTP_REQUEST: u32 = 155;
const WRONG_VERSION_NUMBER: u32 = 247;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_boringssl_are_taken_apart() {
        let error = |code| Error {
            code,
            reason: "",
            detail: "",
        };
        for (code, alert, trouble) in [
            (268_435_581, None, Trouble::Distrusts),
            (268_435_703, None, Trouble::NotTls),
            (268_435_611, None, Trouble::NotTls),
            (268_436_496, Some(40), Trouble::Refused(40)),
            (268_436_501, Some(45), Trouble::Refused(45)),
            (268_436_502, Some(46), Trouble::Refused(46)),
            (268_436_504, Some(48), Trouble::Refused(48)),
            (268_436_572, Some(116), Trouble::Refused(116)),
            (33_554_536, None, Trouble::BrokenHandshake),
            (268_436_456 + 300, None, Trouble::Tls),
            (0, None, Trouble::Tls),
            (u32::MAX, None, Trouble::Tls),
        ] {
            assert_eq!(
                (error(code).alert(), error(code).trouble()),
                (alert, trouble),
                "{code}"
            );
        }
        assert_eq!(system(error(33_554_536).number()), "ECONNRESET(104)");
        assert_eq!(system(error(33_554_543).number()), "ECONNREFUSED(111)");
    }

    #[test]
    fn whatever_a_peer_writes_is_read_without_a_panic() {
        let words = format!("{BROKEN} reset reason: ");
        let many = "99999999999:SSL routines:".repeat(2000);
        for rest in [
            "",
            "ü".repeat(300).as_str(),
            "connection failure, transport failure reason: ",
            "connection failure, transport failure reason: TLS_error:",
            "connection failure, transport failure reason: TLS_error:|:SSL routines::::TLS_error_end",
            "connection failure, transport failure reason: TLS_error:|SSL routines:ü",
            "connection failure, transport failure reason: TLS error:ü:SSL routines:ü:ü:ü:ü",
            &format!("connection failure, transport failure reason: TLS error: {many}"),
        ] {
            let answer = Answer {
                status: 503,
                server: None,
                date: None,
                proxy_headers: vec![],
                body: format!("{words}{rest}"),
                grpc_status: None,
                grpc_message: None,
                grpc_serving: None,
            };
            let upstream = said(&answer).unwrap();
            assert!(upstream.in_words().len() < 4096, "{rest}");
            assert!(upstream.reason.chars().count() <= LONGEST_REASON);
        }
    }
}
