//! One request and its answer, over whatever the wire carries. hyper speaks HTTP; the wire keeps the
//! facts that hyper has no use for.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Request as HttpRequest, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::opening::Trouble;
use super::wire::{Lent, Wire};
use super::{Patience, opening, postgres, raw};
use crate::observation::{Answer, Ending, Objection, Observation, Reply};
use crate::plan::Probe;
use crate::target::{Dialect, HttpVersion, Request, Sni, StartTls};

/// Sends the request of the probe and waits for its answer, or for the end of the connection.
pub(super) async fn ask(
    probe: &Probe,
    wire: Wire,
    patience: Patience,
    seen: &mut Observation,
) -> Wire {
    // Without TLS a PostgreSQL server is asked what it always is.
    let is_postgres = !seen.came.speaks_tls() && probe.way.starttls == StartTls::Postgres;
    match &probe.request {
        Request::Postgres { user, database } => {
            return ask_postgres([user, database], wire, patience, seen).await;
        }
        _ if is_postgres => return ask_postgres(["postgres"; 2], wire, patience, seen).await,
        Request::Raw { send, expect } => {
            return ask_raw(send, expect.as_deref(), wire, patience, seen).await;
        }
        Request::None | Request::Http { .. } | Request::GrpcHealth(_) => {}
    }
    let manner = Manner::of(probe, seen, patience);
    let request = match request(probe, manner.http2) {
        Ok(request) => request,
        Err(err) => {
            seen.ending =
                Ending::Fault(format!("cannot make the request {}: {err}", probe.request));
            return wire;
        }
    };
    let lent = Lent::new(wire);
    let begun = Instant::now();
    let exchange = exchange(lent.clone(), request, manner);
    let answer = timeout_at(patience.deadline, exchange).await;
    seen.timing.request = Some(begun.elapsed());
    let mut wire = lent.take_back();
    match answer {
        Ok(Ok(Some(answer))) => seen.answer = Some(answer),
        // Where the wire has not ended, hyper could not read what came.
        Ok(Err(err)) if wire.ending.is_none() && wire.application_bytes > 0 => {
            let words = format!("the answer to our request cannot be read as HTTP: {err}");
            wire.ending = Some(Ending::Objection(Objection::Protocol(words)));
        }
        Ok(Ok(None) | Err(_)) => {
            wire.read_while(patience.deadline, |_| true).await;
        }
        Err(_) => {}
    }
    wire
}

async fn ask_raw(
    send: &[u8],
    expect: Option<&[u8]>,
    mut wire: Wire,
    patience: Patience,
    seen: &mut Observation,
) -> Wire {
    wire.drain().await;
    let wish = raw::Wish {
        send,
        expect,
        early: usize::try_from(wire.early.bytes).unwrap_or(usize::MAX),
        waiting: wire.unread(),
        deadline: patience.deadline,
    };
    let begun = Instant::now();
    let lent = Lent::new(wire);
    let heard = raw::ask(lent.clone(), wish).await;
    seen.timing.request = Some(begun.elapsed());
    let mut wire = lent.take_back();
    // In TLS 1.3 a refusal may follow on what was said too soon.
    if heard.is_some() && wire.ending.is_none() {
        let is_doubtful = |wire: &Wire| {
            wire.tls.as_ref().is_some_and(|tls| {
                tls.protocol_version() == Some(ProtocolVersion::TLSv1_3)
                    && tls.tls13_tickets_received() <= wire.early.tickets
            })
        };
        wire.read_while(patience.one_turn(), is_doubtful).await;
    }
    seen.reply = heard;
    wire
}

async fn ask_postgres(
    [user, database]: [&str; 2],
    mut wire: Wire,
    patience: Patience,
    seen: &mut Observation,
) -> Wire {
    wire.drain().await;
    if wire.ending.is_none() && wire.unread() > 0 {
        let words = "the server spoke before it was asked, which is not PostgreSQL".to_owned();
        wire.ending = Some(Ending::Objection(Objection::Protocol(words)));
    }
    let begun = Instant::now();
    let lent = Lent::new(wire);
    let reply = postgres::start_up(lent.clone(), user, database);
    let reply = opening::within(patience.deadline, reply).await;
    seen.timing.request = Some(begun.elapsed());
    let mut wire = lent.take_back();
    match reply {
        Ok(reply) => seen.reply = Some(Reply::Postgres(reply)),
        Err(Trouble::Foreign(words)) if !wire.has_last_word() => {
            wire.ending = Some(Ending::Objection(Objection::Protocol(words)));
        }
        Err(Trouble::Foreign(_) | Trouble::Lost | Trouble::Late) => {}
    }
    wire
}

/// How to ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) http2: bool,
    is_grpc: bool,
    deadline: Instant,
}

impl Manner {
    pub(super) fn of(probe: &Probe, seen: &Observation, patience: Patience) -> Self {
        Self {
            http2: speaks_http2(probe, seen),
            is_grpc: matches!(probe.request, Request::GrpcHealth(_)),
            deadline: patience.deadline,
        }
    }

    /// Of what is no call.
    pub(super) fn plain(patience: Patience) -> Self {
        Self {
            http2: true,
            is_grpc: false,
            deadline: patience.deadline,
        }
    }
}

fn speaks_http2(probe: &Probe, seen: &Observation) -> bool {
    // What an HBONE proxy agrees to is spoken around the tunnel, not in it.
    let negotiated = (seen.tls.alpn.as_deref()).filter(|_| probe.way.dialect != Dialect::Hbone);
    match &probe.request {
        Request::GrpcHealth(_) => true,
        Request::Http { version, .. } => match version {
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
            HttpVersion::Negotiated => matches!(negotiated, Some("h2" | "istio-h2")),
        },
        Request::None | Request::Raw { .. } | Request::Postgres { .. } => false,
    }
}

pub(super) fn request(
    probe: &Probe,
    http2: bool,
) -> Result<HttpRequest<Full<Bytes>>, hyper::http::Error> {
    let is_bare = matches!(probe.way.dialect, Dialect::Hbone | Dialect::Linkerd);
    let authority = match &probe.offer.sni {
        // Mesh proxies go by names of their own.
        _ if is_bare => probe.address.to_string(),
        // Whoever serves several names wants the request for the one of the handshake.
        Sni::Name(name) => format!("{name}:{}", probe.address.port()),
        Sni::Host | Sni::Off => probe.address.to_string(),
    };
    let (method, path, body) = match &probe.request {
        // A plaintext probe has to say something; this much every server can refuse politely.
        Request::None | Request::Raw { .. } | Request::Postgres { .. } => {
            ("GET", "/", Bytes::new())
        }
        Request::Http { method, path, .. } => (method.as_str(), path.as_str(), Bytes::new()),
        Request::GrpcHealth(service) => ("POST", GRPC_HEALTH, health_request(service)),
    };
    let mut request = HttpRequest::builder()
        .method(method)
        .header("user-agent", concat!("probe/", env!("CARGO_PKG_VERSION")));
    request = if http2 {
        let scheme = if is_bare { "http" } else { "https" };
        request.uri(format!("{scheme}://{authority}{path}"))
    } else {
        request
            .uri(path)
            .header("host", authority)
            .header("connection", "close")
    };
    if let Request::GrpcHealth(_) = probe.request {
        request = request
            .header("content-type", "application/grpc")
            .header("te", "trailers");
    }
    request.body(Full::new(body))
}

pub(super) async fn exchange(
    wire: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: HttpRequest<Full<Bytes>>,
    manner: Manner,
) -> hyper::Result<Option<Answer>> {
    let io = TokioIo::new(wire);
    if manner.http2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
        let answer = async { Ok(read(sender.send_request(request).await?, manner).await) };
        tokio::select! { biased; answer = answer => answer, never = drive(connection) => match never {} }
    } else {
        let (mut sender, connection) = http1::handshake(io).await?;
        let answer = async { Ok(read(sender.send_request(request).await?, manner).await) };
        tokio::select! { biased; answer = answer => answer, never = drive(connection) => match never {} }
    }
}

/// The connection must be polled for the answer to come, and its own end is no answer.
async fn drive(connection: impl Future<Output = hyper::Result<()>>) -> Infallible {
    let _ = connection.await;
    pending().await
}

/// Nothing, where the one word that a gRPC call is about did not come.
pub(super) async fn read(mut response: Response<Incoming>, manner: Manner) -> Option<Answer> {
    let mut body = Vec::new();
    let mut trailers = HeaderMap::new();
    let mut is_whole = false;
    let deadline = match manner.is_grpc {
        true => manner.deadline,
        false => manner.deadline.min(Instant::now() + LONGEST_PAGE),
    };
    while body.len() < LONGEST_BODY {
        // A body cut short, or without end, does not take the status back.
        match timeout_at(deadline, response.frame()).await {
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => body.extend(data.iter().take(LONGEST_BODY - body.len())),
                Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            },
            Ok(None) => {
                is_whole = true;
                break;
            }
            Ok(Some(Err(_))) | Err(_) => break,
        }
    }
    let is_grpc =
        trailers.contains_key(GRPC_STATUS) || response.headers().contains_key(GRPC_STATUS);
    if manner.is_grpc && !is_grpc && !is_whole && response.status().is_success() {
        return None;
    }
    Some(Answer {
        grpc_serving: is_grpc.then(|| health_status(&body)).flatten(),
        body: String::from_utf8_lossy(&body).into_owned(),
        ..with_trailers(&response, &trailers)
    })
}

/// An answer of which nothing but the head is read.
pub(super) fn head(response: &Response<Incoming>) -> Answer {
    with_trailers(response, &HeaderMap::new())
}

fn with_trailers(response: &Response<Incoming>, trailers: &HeaderMap) -> Answer {
    let headers = response.headers();
    let text = |name: &str| header(trailers, name).or_else(|| header(headers, name));
    Answer {
        status: response.status().as_u16(),
        server: text("server"),
        date: text("date"),
        proxy_headers: PROXY_HEADERS
            .iter()
            .filter_map(|&name| Some((name.to_owned(), text(name)?)))
            .collect(),
        grpc_status: text(GRPC_STATUS).and_then(|status| status.parse().ok()),
        grpc_message: text("grpc-message"),
        grpc_serving: None,
        body: String::new(),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.as_bytes();
    let bounded = value.get(..LONGEST_HEADER).unwrap_or(value);
    Some(String::from_utf8_lossy(bounded).into_owned())
}

/// `grpc.health.v1.HealthCheckRequest { service }` in a gRPC frame.
fn health_request(service: &str) -> Bytes {
    let service = service.get(..127).unwrap_or(service).as_bytes();
    let mut message = Vec::new();
    if !service.is_empty() {
        message.extend([0x0a, service.len() as u8]);
        message.extend(service);
    }
    let mut frame = vec![0, 0, 0, 0, message.len() as u8];
    frame.append(&mut message);
    frame.into()
}

/// The `status` of a `HealthCheckResponse` in a gRPC frame; absent fields have the value 0.
fn health_status(frame: &[u8]) -> Option<u32> {
    match frame {
        [0, 0, 0, 0, 0] => Some(0),
        [0, 0, 0, 0, 2, 0x08, status @ 0..=0x7f] => Some(u32::from(*status)),
        _ => None,
    }
}

const GRPC_STATUS: &str = "grpc-status";
const GRPC_HEALTH: &str = "/grpc.health.v1.Health/Check";
const LONGEST_BODY: usize = 4096;
/// How long to wait for the rest of a page: some never end.
const LONGEST_PAGE: Duration = Duration::from_secs(1);
const LONGEST_HEADER: usize = 512;
/// Headers in which mesh proxies say what they think.
const PROXY_HEADERS: &[&str] = &[
    "l5d-proxy-error",
    "l5d-proxy-connection",
    "x-envoy-overloaded",
    "x-envoy-upstream-service-time",
    "www-authenticate",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_check_is_framed_as_grpc_wants_it() {
        assert_eq!(health_request("").as_ref(), [0, 0, 0, 0, 0]);
        assert_eq!(health_request("api").as_ref(), b"\0\0\0\0\x05\x0a\x03api");
        assert_eq!(health_status(b"\0\0\0\0\x02\x08\x01"), Some(1));
        assert_eq!(health_status(b"\0\0\0\0\0"), Some(0));
        assert_eq!(health_status(b"\x01junk"), None);
    }
}
