//! A channel to what may not speak gRPC at all: an answer of HTTP alone is told as such. tonic would make
//! a refusal of it that no server of ours has uttered, of 403 for example `PermissionDenied`.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response, StatusCode};
use tonic::transport::Channel;

/// A channel that gives no answer but one of gRPC.
#[derive(Clone)]
pub(super) struct GrpcOnly(pub(super) Channel);

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
            let kind = answer.headers().get("content-type");
            match kind {
                Some(kind) if kind.as_bytes().starts_with(b"application/grpc") => Ok(answer),
                _ => Err(PlainHttp(answer.status()).into()),
            }
        })
    }
}

/// The answer is one of HTTP alone.
#[derive(Debug, thiserror::Error)]
#[error("plain HTTP answers {0}")]
struct PlainHttp(StatusCode);
