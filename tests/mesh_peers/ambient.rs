//! Stand-ins for a ztunnel and a waypoint, written from their public sources: they shake hands, judge
//! and answer as those do, and know nothing else.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::app::{App, PORT, at, hear, serve, splice};
use crate::world::{Names, WORLD, name_of, pod_ip, spiffe, trust_domain};

/// An ambient pod: a ztunnel in front of an application.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pod {
    pub(crate) app: App,
    /// STRICT: plaintext is denied.
    pub(crate) is_strict: bool,
    /// Only the frontend is allowed.
    pub(crate) allows_frontend_only: bool,
    /// A new policy cuts connections a moment after they are opened.
    pub(crate) cuts: bool,
}

impl Pod {
    pub(crate) const OPEN: Self = Self {
        app: App::Answers(200),
        is_strict: false,
        allows_frontend_only: false,
        cuts: false,
    };
    pub(crate) const STRICT: Self = Self {
        is_strict: true,
        ..Self::OPEN
    };

    /// Its address.
    pub(crate) async fn start(self) -> IpAddr {
        let ip = pod_ip();
        let app = self.app.start().await;
        tunnels(at(ip, HBONE), move |client, request| {
            self.connect(ip, app, client, request)
        })
        .await;
        // Redirected to the ztunnel as well, which lets it in by TCP and asks policy then.
        serve(at(ip, PORT), move |mut stream| async move {
            match self.is_strict || self.allows_frontend_only {
                // It would go at once; having heard us it leaves by FIN, whoever is faster.
                true => hear(&mut stream).await.map(|_| ()),
                false => splice(stream, app).await,
            }
        })
        .await;
        ip
    }

    async fn connect(
        self,
        ip: IpAddr,
        app: SocketAddr,
        client: Option<String>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let authority = request.uri().authority().map(|to| to.as_str().to_owned());
        let to: Option<SocketAddr> = authority.and_then(|to| to.parse().ok());
        let Some(to) = to.filter(|to| to.ip() == ip && request.method() == Method::CONNECT) else {
            return status(400);
        };
        if self.allows_frontend_only && client != Some(spiffe("frontend")) {
            return status(401);
        }
        if to.port() != PORT {
            return status(503);
        }
        let Ok(mut app) = TcpStream::connect(app).await else {
            return status(503);
        };
        tokio::spawn(async move {
            let mut tunnel = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
            if self.cuts {
                let _ = hear(&mut tunnel).await;
                return;
            }
            let _ = tokio::io::copy_bidirectional(&mut tunnel, &mut app).await;
        });
        status(200)
    }
}

/// A waypoint in front of a service: tunnels first, policy for each request within.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waypoint {
    pub(crate) service: &'static str,
    /// Its policy is about connections: it opens the tunnel and closes it.
    pub(crate) is_for_tcp: bool,
}

impl Waypoint {
    /// Where it listens.
    pub(crate) async fn start(self) -> SocketAddr {
        let address = at(pod_ip(), HBONE);
        tunnels(address, move |client, request| {
            self.connect(client, request)
        })
        .await;
        address
    }

    async fn connect(
        self,
        client: Option<String>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let service = request.uri().authority().map(|to| to.as_str());
        if request.method() != Method::CONNECT || service != Some(self.service) {
            return Response::builder()
                .status(404)
                .header("server", "istio-envoy")
                .body(Full::default())
                .unwrap();
        }
        tokio::spawn(async move {
            let tunnel = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
            let is_allowed = client == Some(spiffe("frontend"));
            let answer = move |_| async move {
                let (status, body) = match is_allowed {
                    true => (200, "hi"),
                    false => (403, "RBAC: access denied"),
                };
                let answer = Response::builder().status(status);
                let answer = answer.header("server", "istio-envoy");
                Ok::<_, Infallible>(answer.body(Full::<Bytes>::from(body)).unwrap())
            };
            let mut tunnel = tunnel;
            if self.is_for_tcp && !is_allowed {
                let _ = hear(&mut tunnel).await;
                let _ = tunnel.shutdown().await;
                return;
            }
            let http = hyper::server::conn::http1::Builder::new();
            let tunnel = TokioIo::new(tunnel);
            let _ = http.serve_connection(tunnel, service_fn(answer)).await;
        });
        status(200)
    }
}

/// TLS 1.3 alone, `h2` alone, a certificate of the trust domain; then HTTP/2.
async fn tunnels<F, R>(address: SocketAddr, answer: F)
where
    F: Fn(Option<String>, Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    hbone(address, move |stream| {
        let answer = answer.clone();
        async move {
            let client = name_of(stream.get_ref().1.peer_certificates());
            let service = service_fn(move |request| {
                let answer = answer(client.clone(), request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
            Ok(())
        }
    })
    .await;
}

/// What stands in a ztunnel's place as far as TLS goes, and does this then.
pub(crate) async fn hbone<F, R>(address: SocketAddr, then: F)
where
    F: Fn(tokio_rustls::server::TlsStream<TcpStream>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = io::Result<()>> + Send + 'static,
{
    let own = WORLD.pod(Names::Spiffe, "web");
    let of_the_domain = OfTheDomain(WORLD.verifier().build().unwrap());
    let mut config = WORLD.config(&own, &[&TLS13], Some(Arc::new(of_the_domain)));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(address, move |stream| {
        let (acceptor, then) = (acceptor.clone(), then.clone());
        async move { then(acceptor.accept(stream).await?).await }
    })
    .await;
}

/// webpki's judgement, and a trust domain equal to ours: no aliases.
#[derive(Debug)]
struct OfTheDomain(Arc<dyn ClientCertVerifier>);

#[derive(Debug)]
struct OtherDomain;

impl std::fmt::Display for OtherDomain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("another trust domain")
    }
}

impl std::error::Error for OtherDomain {}

impl ClientCertVerifier for OfTheDomain {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify_client_cert(leaf, rest, now)?;
        match trust_domain(leaf).as_deref() {
            Some("cluster.local") => Ok(verified),
            _ => Err(CertificateError::Other(OtherError(Arc::new(OtherDomain))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

fn status(status: u16) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// Where ztunnels and waypoints listen.
pub(crate) const HBONE: u16 = 15008;
/// Long enough for everything on this machine.
pub(crate) const SOON: Duration = Duration::from_millis(300);
