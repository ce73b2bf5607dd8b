//! Calls over a connection that is there already, and what becomes of them, in words. Edge: waits.

use std::error::Error;
use std::fmt;
use std::future::ready;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response, StatusCode};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Status};

use crate::identity::bounds::{LIMIT, MAX_ANSWER, short};

/// Speaks HTTP/2 from here on: how the connection came about has been looked at step by step. There is
/// no second one; once it ends, calls fail.
pub(super) async fn over<I>(io: I, authority: &str) -> Result<GrpcOnly, String>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // The scheme and the host are what the server reads in `:scheme` and `:authority`.
    let endpoint = Endpoint::try_from(format!("http://{authority}"));
    let endpoint = endpoint.map_err(|error| innermost(&error))?;
    let begun = endpoint.connect_with_connector(Once(Some(TokioIo::new(io))));
    match timeout(LIMIT, begun).await {
        Ok(Ok(channel)) => Ok(GrpcOnly(channel)),
        Ok(Err(error)) => Err(innermost(&error)),
        Err(_) => Err(format!("no HTTP/2 within {} s", LIMIT.as_secs())),
    }
}

/// Waits for an answer, and not for ever.
pub(super) async fn answer<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Refusal> {
    match timeout(LIMIT, call).await {
        Ok(answer) => answer.map_err(|status| Refusal::of(&status)),
        Err(_) => Err(Refusal::Late),
    }
}

/// Why there is no answer, or none that helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing came in time.
    Late,
    /// The connection broke off, or what came is nothing that gRPC can use, in the words of who noticed.
    Broken(String),
    /// The answer is one of HTTP alone.
    PlainHttp(StatusCode),
    /// The answer is larger than we take.
    TooLarge,
    /// The server says no, with this code, which is in the words as well.
    Said(Code, String),
}

impl Refusal {
    /// What tonic makes of the answer of a server and what it makes up itself look the same, but for
    /// the source of the latter.
    pub(super) fn of(status: &Status) -> Self {
        match status.source() {
            Some(source) => match source.downcast_ref::<PlainHttp>() {
                Some(PlainHttp(status)) => Self::PlainHttp(*status),
                None => Self::Broken(innermost(source)),
            },
            None if status.code() == Code::OutOfRange => Self::TooLarge,
            None => {
                let code = status.code();
                let words = match short(status.message().trim()).as_str() {
                    "" => format!("{code:?}"),
                    words => format!("{code:?}: {words:?}"),
                };
                Self::Said(code, words)
            }
        }
    }
}

/// What is to be said of it where no more is known.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => write!(f, "it did not answer within {} s", LIMIT.as_secs()),
            Self::Broken(why) => write!(
                f,
                "there is no answer: it broke off, or speaks no gRPC ({why})"
            ),
            Self::PlainHttp(status) => {
                write!(f, "it speaks plain HTTP and no gRPC ({status})")
            }
            Self::TooLarge => write!(f, "its answer is larger than {} MiB", MAX_ANSWER >> 20),
            Self::Said(_, said) => write!(f, "it answers {said}"),
        }
    }
}

/// The words of the deepest cause: what stands above it says `transport error`.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let io = deepest.downcast_ref::<io::Error>();
    let io = io.or_else(|| deepest.downcast_ref::<h2::Error>()?.get_io());
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::UnexpectedEof) => "it was closed".to_owned(),
        _ => short(deepest),
    }
}

/// A channel that gives no answer but one of gRPC. Of one of HTTP alone tonic would make a refusal that
/// no server of ours has uttered, of 403 for example `PermissionDenied`.
#[derive(Clone)]
pub(super) struct GrpcOnly(Channel);

impl Service<Request<Body>> for GrpcOnly {
    type Response = Response<Body>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            match is_grpc(&answer) {
                true => Ok(answer),
                false => Err(PlainHttp(answer.status()).into()),
            }
        })
    }
}

fn is_grpc(answer: &Response<Body>) -> bool {
    let kind = answer.headers().get("content-type");
    let is_message = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    answer.headers().contains_key("grpc-status") || (is_message && answer.status().is_success())
}

/// The answer is one of HTTP alone.
#[derive(Debug, thiserror::Error)]
#[error("plain HTTP answers {0}")]
struct PlainHttp(StatusCode);

/// Hands over one connection.
struct Once<I>(Option<I>);

impl<I: Send + 'static> Service<Uri> for Once<I> {
    type Response = I;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<I, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        Box::pin(ready(self.0.take().ok_or_else(gone)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_answer_of_a_server_is_told_from_none() {
        let without = |source: Box<dyn Error + Send + Sync>| {
            let mut status = Status::unavailable("transport error");
            status.set_source(Arc::from(source));
            status
        };
        let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
        for (status, words) in [
            (
                Status::unavailable(" starting\n"),
                "it answers Unavailable: \"starting\"",
            ),
            (Status::internal(""), "it answers Internal"),
            (
                without(io::Error::other("reset").into()),
                "there is no answer: it broke off, or speaks no gRPC (reset)",
            ),
            (
                without(cut.into()),
                "there is no answer: it broke off, or speaks no gRPC (it was closed)",
            ),
            (
                without(PlainHttp(StatusCode::NOT_FOUND).into()),
                "it speaks plain HTTP and no gRPC (404 Not Found)",
            ),
            (
                Status::out_of_range("big"),
                "its answer is larger than 4 MiB",
            ),
        ] {
            assert_eq!(Refusal::of(&status).to_string(), words, "{status:?}");
        }
    }

    #[test]
    fn an_answer_is_one_of_grpc_or_of_http_alone() {
        for (status, headers, want) in [
            (200, &[("content-type", "application/grpc+proto")][..], true),
            (200, &[("content-type", "text/html")], false),
            (200, &[], false),
            (503, &[("content-type", "application/grpc")], false),
            (503, &[("grpc-status", "14")], true),
        ] {
            let mut answer = Response::builder().status(status);
            for (name, value) in headers {
                answer = answer.header(*name, *value);
            }
            let answer = answer.body(Body::empty()).expect("an answer");
            assert_eq!(is_grpc(&answer), want, "{status} {headers:?}");
        }
    }
}
