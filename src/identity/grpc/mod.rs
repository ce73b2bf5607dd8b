//! Identities from servers that speak gRPC. Edge.

mod answer;
mod generated;
pub(super) mod istio_ca;
pub(super) mod linkerd;
mod plain_http;
mod reach;
pub(super) mod spire_server;
mod tls;
mod trouble;
mod verifier;
pub(super) mod workload_api;

use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::{Channel, Endpoint, Uri};

/// gRPC over a connection that is there already: how it came about has been looked at step by step.
/// There is no second one; once it ends, calls fail.
async fn over<I>(io: I, authority: &str) -> Result<Channel, tonic::transport::Error>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // The scheme and the host are what the server reads in `:scheme` and `:authority`.
    let endpoint = Endpoint::try_from(format!("http://{authority}"))?;
    endpoint
        .connect_with_connector(Once(Some(TokioIo::new(io))))
        .await
}

/// Hands over one connection.
struct Once<I>(Option<I>);

impl<I: Send + 'static> tower_service::Service<Uri> for Once<I> {
    type Response = I;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<I, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let gone = || std::io::Error::from(std::io::ErrorKind::NotConnected);
        Box::pin(ready(self.0.take().ok_or_else(gone)))
    }
}
