//! What stands behind the proxies: applications, and the ways in which they fail.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::world::{NOBODY, Names, WORLD};

/// What an application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum App {
    /// It answers HTTP/1.1 requests with this status.
    Answers(u16),
    /// It answers HTTP/2, as a gRPC server in good health.
    Grpc,
    /// It answers HTTP/1.1 over TLS, with a certificate of a name that is not the pod's.
    OverTls,
    /// It reads, and closes.
    Closes,
    /// It reads, and resets.
    Resets,
    /// It reads, and says nothing.
    Silent,
    /// It answers with what is no HTTP.
    Babbles,
    /// Nobody listens.
    Down,
}

impl App {
    /// Where it listens.
    pub(crate) async fn start(self) -> SocketAddr {
        if self == Self::Down {
            return NOBODY;
        }
        let own = WORLD.pod(Names::Linkerd, "the-application-itself");
        let config = WORLD.config(&own, &[&TLS13, &TLS12], None);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        serve("127.0.0.1:0".parse().unwrap(), move |stream| {
            let acceptor = acceptor.clone();
            async move {
                match self {
                    Self::OverTls => {
                        let stream = acceptor.accept(stream).await?;
                        Self::Answers(200).talk(stream).await
                    }
                    Self::Grpc => grpc(stream).await,
                    Self::Resets => {
                        let mut stream = stream;
                        hear(&mut stream).await?;
                        stream.set_zero_linger()
                    }
                    _ => self.talk(stream).await,
                }
            }
        })
        .await
    }

    async fn talk(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        if hear(&mut stream).await? == 0 {
            return Ok(());
        }
        match self {
            Self::Answers(status) => {
                let answer = format!("HTTP/1.1 {status} As Told\r\ncontent-length: 2\r\n\r\nhi");
                stream.write_all(answer.as_bytes()).await?;
            }
            Self::Babbles => stream.write_all(b"\x07\x08 what?\n\n\n").await?,
            Self::Silent => while hear(&mut stream).await? > 0 {},
            Self::Closes | Self::Grpc | Self::OverTls | Self::Resets | Self::Down => {}
        }
        stream.shutdown().await?;
        // Or what it has not read turns its goodbye into a reset.
        while hear(&mut stream).await? > 0 {}
        Ok(())
    }
}

async fn grpc(stream: TcpStream) -> io::Result<()> {
    let service = service_fn(|_| async {
        let answer = Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", "0");
        let serving: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
        Ok::<_, Infallible>(answer.body(Full::<Bytes>::from(serving)).unwrap())
    });
    let http = http2::Builder::new(TokioExecutor::new());
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
    Ok(())
}

/// Does this with every connection to the address.
pub(crate) async fn serve<F, R>(address: SocketAddr, then: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(then(stream));
        }
    });
    address
}

pub(crate) async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
    stream.read(&mut [0; 8192]).await
}

/// Everything from one to the other and back; without the other, the one is left.
pub(crate) async fn splice(
    mut one: impl AsyncRead + AsyncWrite + Unpin,
    other: SocketAddr,
) -> io::Result<()> {
    let Ok(mut other) = TcpStream::connect(other).await else {
        return hear(&mut one).await.map(|_| ());
    };
    let _ = tokio::io::copy_bidirectional(&mut one, &mut other).await;
    Ok(())
}

pub(crate) fn at(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}

/// The port of every application.
pub(crate) const PORT: u16 = 8080;
