//! The answers of the lab's servers, over HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, SERVER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, server};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

/// Who may ask.
pub(super) enum Policy {
    /// Whoever got through TLS.
    Everybody,
    /// This identity; all others are denied, as Envoy does it.
    Only(String),
}

/// What a server answers on one connection.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Hello,
    /// As Envoy says it to those whom its policy lets in.
    HelloFromEnvoy,
    Denied,
}

impl Policy {
    pub(super) fn judge(&self, client: Option<&str>) -> Answer {
        match self {
            Self::Everybody => Answer::Hello,
            Self::Only(id) if client == Some(id) => Answer::HelloFromEnvoy,
            Self::Only(_) => Answer::Denied,
        }
    }
}

pub(super) async fn serve_http1(stream: impl Stream) -> io::Result<()> {
    serve_http1_as(stream, Answer::Hello).await
}

pub(super) async fn serve_http1_as(stream: impl Stream, answer: Answer) -> io::Result<()> {
    server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| respond(answer, request)),
        )
        .await
        .map_err(io::Error::other)
}

pub(super) async fn serve_http2(stream: impl Stream, answer: Answer) -> io::Result<()> {
    server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(IDLE)
        .max_concurrent_streams(16)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| respond(answer, request)),
        )
        .await
        .map_err(io::Error::other)
}

/// A connection to speak HTTP on.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

async fn respond<B>(answer: Answer, request: Request<B>) -> Result<Response<Body>, Infallible> {
    let is_health_check = request.uri().path() == HEALTH_CHECK;
    Ok(match answer {
        Answer::Hello | Answer::HelloFromEnvoy if is_health_check => grpc(SERVING, OK),
        Answer::Denied if is_health_check => grpc(b"", PERMISSION_DENIED),
        Answer::Hello => text("lab", HELLO),
        Answer::HelloFromEnvoy => text("envoy", HELLO),
        Answer::Denied => {
            let mut denied = text("envoy", "RBAC: access denied");
            *denied.status_mut() = StatusCode::FORBIDDEN;
            denied
        }
    })
}

fn text(server: &'static str, body: &'static str) -> Response<Body> {
    let mut response = Response::new(Full::from(body).boxed());
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static(server));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

fn grpc(message: &'static [u8], status: &'static str) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    let body = Full::from(message).with_trailers(ready(Some(Ok(trailers))));
    let mut response = Response::new(body.boxed());
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, grpc);
    response
}

type Body = BoxBody<Bytes, Infallible>;

const HELLO: &str = "hello from the lab\n";
const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";
/// A `HealthCheckResponse` with status 1, in its frame.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 1];
const OK: &str = "0";
const PERMISSION_DENIED: &str = "7";
const IDLE: Duration = Duration::from_secs(20);
