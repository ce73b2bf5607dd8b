//! A stand-in for the Linkerd proxy of a pod, written from its public sources: the redirected port of the
//! application, its own port for other proxies, and its admin port.

use std::convert::Infallible;
use std::io::{self, Cursor};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use rustls::version::TLS13;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::app::{App, PORT, at, hear, serve, splice};
use crate::world::{Names, WORLD, linkerd, name_of, pod_ip};

/// A meshed pod.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pod {
    pub(crate) app: App,
    pub(crate) policy: Policy,
    /// The proxy does not look for TLS on the application's port.
    pub(crate) is_opaque: bool,
    /// The proxy's own answer to whoever is let in, instead of the application's.
    pub(crate) synthesizes: Option<(u16, &'static str)>,
}

/// Whom policy lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    AllUnauthenticated,
    AllAuthenticated,
    FrontendOnly,
    Deny,
}

impl Policy {
    fn allows(self, client: Option<&str>) -> bool {
        match self {
            Self::AllUnauthenticated => true,
            Self::AllAuthenticated => client.is_some(),
            Self::FrontendOnly => client == Some(&linkerd("frontend")),
            Self::Deny => false,
        }
    }
}

impl Pod {
    pub(crate) const OPEN: Self = Self {
        app: App::Answers(200),
        policy: Policy::AllUnauthenticated,
        is_opaque: false,
        synthesizes: None,
    };
    pub(crate) const STRICT: Self = Self {
        policy: Policy::AllAuthenticated,
        ..Self::OPEN
    };

    pub(crate) async fn start(self) -> IpAddr {
        let ip = pod_ip();
        let proxy = Proxy {
            pod: self,
            app: self.app.start().await,
            inbound: Arc::new(tls(&[])),
            direct: Arc::new(tls(&["transport.l5d.io/v1"])),
        };
        let proxy = Arc::new(proxy);
        let inbound = Arc::clone(&proxy);
        serve(at(ip, PORT), move |stream| {
            Arc::clone(&inbound).accept(stream)
        })
        .await;
        let direct = Arc::clone(&proxy);
        serve(at(ip, DIRECT), move |stream| {
            Arc::clone(&direct).direct(stream)
        })
        .await;
        serve(at(ip, ADMIN), move |stream| {
            Arc::clone(&proxy).admin(stream)
        })
        .await;
        ip
    }
}

struct Proxy {
    pod: Pod,
    app: SocketAddr,
    inbound: Arc<ServerConfig>,
    direct: Arc<ServerConfig>,
}

impl Proxy {
    /// What was meant for the application's port.
    async fn accept(self: Arc<Self>, mut stream: TcpStream) -> io::Result<()> {
        if self.pod.is_opaque {
            return self.unknown(stream).await;
        }
        let (begin, sni) = peek(&mut stream).await?;
        let stream = Prefixed(Cursor::new(begin), stream);
        if sni.as_deref() == Some(linkerd("web").as_str()) {
            let acceptor = TlsAcceptor::from(Arc::clone(&self.inbound));
            let stream = acceptor.accept(stream).await?;
            let client = name_of(stream.get_ref().1.peer_certificates());
            return self.detect(client, stream).await;
        }
        if sni.is_some() {
            return self.unknown(stream).await;
        }
        self.detect(None, stream).await
    }

    /// What other proxies send here is for the port that they name.
    async fn direct(self: Arc<Self>, mut stream: TcpStream) -> io::Result<()> {
        let (begin, sni) = peek(&mut stream).await?;
        if sni.as_deref() != Some(linkerd("web").as_str()) {
            return Ok(());
        }
        let acceptor = TlsAcceptor::from(Arc::clone(&self.direct));
        let mut stream = acceptor
            .accept(Prefixed(Cursor::new(begin), stream))
            .await?;
        let (_, session) = stream.get_ref();
        let client = name_of(session.peer_certificates());
        // "direct connections must be mutually authenticated", "... require transport header
        // negotiation": in its log. Here it closes.
        if client.is_none() || session.alpn_protocol() != Some(b"transport.l5d.io/v1") {
            return Ok(());
        }
        let Some(header) = Header::read(&mut stream).await? else {
            return Ok(());
        };
        if header.port != u64::from(PORT) {
            return Ok(());
        }
        match header.is_http {
            true => self.http(client, stream).await,
            false => self.tcp(client.as_deref(), stream).await,
        }
    }

    /// Over TLS or without, for those who care for the proxy itself.
    async fn admin(self: Arc<Self>, mut stream: TcpStream) -> io::Result<()> {
        let (begin, sni) = peek(&mut stream).await?;
        let stream = Prefixed(Cursor::new(begin), stream);
        if sni.is_none() {
            return answer(stream, |_| respond(200, None, "ready\n")).await;
        }
        let acceptor = TlsAcceptor::from(Arc::clone(&self.inbound));
        let stream = acceptor.accept(stream).await?;
        answer(stream, |_| respond(200, None, "ready\n")).await
    }

    /// HTTP or not, by the first bytes.
    async fn detect<S>(self: Arc<Self>, client: Option<String>, mut stream: S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut begin = vec![0; 4096];
        let read = stream.read(&mut begin).await?;
        if read == 0 {
            return Ok(());
        }
        begin.truncate(read);
        let is_http = begin.starts_with(b"PRI ") || begin.windows(6).any(|some| some == b"HTTP/1");
        let stream = Prefixed(Cursor::new(begin), stream);
        match is_http {
            true => self.http(client, stream).await,
            false => self.tcp(client.as_deref(), stream).await,
        }
    }

    /// What is not for the proxy: nobody comes with an identity in it.
    async fn unknown<S>(&self, mut stream: S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.pod.policy.allows(None) {
            true => splice(stream, self.app).await,
            // All of it, so that it leaves by FIN.
            false => hear(&mut stream).await.map(|_| ()),
        }
    }

    async fn tcp<S>(&self, client: Option<&str>, stream: S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.pod.policy.allows(client) {
            true => splice(stream, self.app).await,
            false => Ok(()),
        }
    }

    /// Policy is asked for each request, and reasons are for those with an identity.
    async fn http<S>(self: Arc<Self>, client: Option<String>, stream: S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let is_up = TcpStream::connect(self.app).await.is_ok();
        answer(stream, move |request| {
            let said = |words: &'static str| client.is_some().then_some(words);
            let is_grpc = request
                .headers()
                .get("content-type")
                .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
            if !self.pod.policy.allows(client.as_deref()) {
                let why = said(
                    "client 127.0.0.1:4: server: 127.0.0.1:8080: unauthorized request on route",
                );
                let mut denial = respond(if is_grpc { 200 } else { 403 }, why, "");
                if is_grpc {
                    let headers = denial.headers_mut();
                    headers.insert("content-type", "application/grpc".parse().unwrap());
                    headers.insert("grpc-status", "7".parse().unwrap());
                }
                return denial;
            }
            match (self.pod.synthesizes, self.pod.app) {
                (Some((status, words)), _) => respond(status, said(words), ""),
                (None, App::Answers(_)) if is_up && is_grpc => {
                    let mut answer = respond(200, None, "");
                    answer
                        .headers_mut()
                        .insert("grpc-status", "0".parse().unwrap());
                    answer
                }
                (None, App::Answers(status)) if is_up => respond(status, None, "hi"),
                (None, _) => respond(
                    502,
                    said("client 127.0.0.1:4: endpoint: Connection refused"),
                    "",
                ),
            }
        })
        .await
    }
}

/// TLS 1.3 alone, a certificate where the client has one, no tickets.
fn tls(alpn: &[&str]) -> ServerConfig {
    let own = WORLD.pod(Names::Linkerd, "web");
    let verifier = WORLD.verifier().allow_unauthenticated().build().unwrap();
    let mut config = WORLD.config(&own, &[&TLS13], Some(verifier));
    config.send_tls13_tickets = 0;
    config.alpn_protocols = alpn.iter().map(|name| (*name).into()).collect();
    config
}

/// What came first, and the server name if that is a ClientHello.
async fn peek(stream: &mut TcpStream) -> io::Result<(Vec<u8>, Option<String>)> {
    let mut begin = vec![];
    let mut acceptor = Acceptor::default();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await?;
        begin.extend_from_slice(&buffer[..read]);
        if read == 0 || begin.first() != Some(&22) {
            return Ok((begin, None));
        }
        let mut bytes = &buffer[..read];
        while !bytes.is_empty() {
            acceptor.read_tls(&mut bytes)?;
        }
        match acceptor.accept() {
            Ok(Some(hello)) => {
                let name = hello.client_hello().server_name().map(str::to_owned);
                return Ok((begin, name));
            }
            Ok(None) => {}
            Err(_) => return Ok((begin, None)),
        }
    }
}

/// What stands before the payload on the proxy's own port.
struct Header {
    port: u64,
    is_http: bool,
}

impl Header {
    /// Nothing where it is none.
    async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut preface = [0; 23];
        stream.read_exact(&mut preface).await?;
        if &preface != b"transport.l5d.io/v1\r\n\r\n" {
            return Ok(None);
        }
        let length = stream.read_u32().await?;
        if length > 65536 {
            return Ok(None);
        }
        let mut message = vec![0; length as usize];
        stream.read_exact(&mut message).await?;
        let mut header = Self {
            port: 0,
            is_http: false,
        };
        let mut rest = message.as_slice();
        while let [tag, after @ ..] = rest {
            let mut value = 0;
            let mut used = 0;
            for byte in after {
                value |= u64::from(byte & 0x7f) << (7 * used);
                used += 1;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            rest = &after[used..];
            match tag {
                0x08 => header.port = value,
                0x12 => rest = &rest[value as usize..],
                0x1a => {
                    header.is_http = true;
                    rest = &rest[value as usize..];
                }
                _ => return Ok(None),
            }
        }
        Ok((1..=65535).contains(&header.port).then_some(header))
    }
}

async fn answer<S>(
    mut stream: S,
    with: impl Fn(&Request<Incoming>) -> Response<Full<Bytes>>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(|request| {
        let response = with(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut begin = vec![0; 4096];
    let read = stream.read(&mut begin).await?;
    begin.truncate(read);
    let is_http2 = begin.starts_with(b"PRI ");
    let stream = TokioIo::new(Prefixed(Cursor::new(begin), stream));
    let _ = match is_http2 {
        true => {
            let http = http2::Builder::new(TokioExecutor::new());
            http.serve_connection(stream, service).await
        }
        false => {
            http1::Builder::new()
                .serve_connection(stream, service)
                .await
        }
    };
    Ok(())
}

fn respond(status: u16, why: Option<&str>, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    if let Some(why) = why {
        response = response.header("l5d-proxy-error", why);
    }
    response.body(Full::from(body)).unwrap()
}

/// A stream of which the begin was read already.
struct Prefixed<S>(Cursor<Vec<u8>>, S);

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let at = self.0.position() as usize;
        let left = self.0.get_ref().len() - at;
        if left == 0 {
            return Pin::new(&mut self.1).poll_read(cx, buffer);
        }
        let take = left.min(buffer.remaining());
        buffer.put_slice(&self.0.get_ref()[at..at + take]);
        self.0.set_position((at + take) as u64);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.1).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.1).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.1).poll_shutdown(cx)
    }
}

/// Where the proxy listens for other proxies.
pub(crate) const DIRECT: u16 = 4143;
/// Where it speaks of itself.
pub(crate) const ADMIN: u16 = 4191;
