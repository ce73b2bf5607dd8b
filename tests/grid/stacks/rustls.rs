//! rustls, in this process: its own verifier, and one that then looks at the SPIFFE ID, as meshes do.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::ours;
use crate::kit::FRONTEND;
use crate::stack::{Role, Server, Stack, Tls, Wish};

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        name: "rustls",
        about: "WebPkiClientVerifier",
        version,
        start: |wish| start(false, wish),
    },
    Stack {
        name: "rustls-id",
        about: "a verifier of its own: WebPKI, then the URI",
        version,
        start: |wish| start(true, wish),
    },
];

fn start(is_picky: bool, wish: &Wish<'_>) -> Option<Server> {
    let can_be = match wish.role {
        // It has no cipher suite that it lacks as a client.
        Role::ForeignCipher => false,
        Role::Required | Role::ExpiredServer | Role::IncompleteServer => true,
        _ => !is_picky,
    };
    if !can_be {
        return None;
    }
    let acceptor = (wish.role != Role::Plaintext).then(|| {
        let config = config(is_picky, wish);
        TlsAcceptor::from(Arc::new(config))
    });
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (alive, ended) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                _ = ended => {}
                () = serve(TcpListener::from_std(listener).unwrap(), acceptor) => {}
            }
        });
    });
    Some(Server::within(address, alive))
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            match acceptor {
                None => answer(stream).await,
                Some(acceptor) => accept(&acceptor, stream).await,
            }
        });
    }
}

async fn accept(acceptor: &TlsAcceptor, stream: TcpStream) {
    // Clients that are refused are the point of it.
    if let Ok(stream) = acceptor.accept(stream).await {
        answer(stream).await;
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let ok = |_: Request<Incoming>| async { Ok::<_, Infallible>(Response::new("ok\n".to_owned())) };
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(ok));
    let _ = connection.await;
}

fn config(is_picky: bool, wish: &Wish<'_>) -> ServerConfig {
    let kit = wish.kit;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let certificates = |name: &str| -> Vec<CertificateDer<'static>> {
        let found = CertificateDer::pem_file_iter(kit.path(name)).unwrap();
        found.collect::<Result<_, _>>().unwrap()
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("roots.pem"));
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let verifier = match wish.role {
        Role::Optional => verifier.allow_unauthenticated(),
        Role::Crl => {
            let lists = CertificateRevocationListDer::pem_file_iter(kit.path("crl.pem")).unwrap();
            verifier.with_crls(lists.map(Result::unwrap))
        }
        _ => verifier,
    };
    let mut verifier: Arc<dyn ClientCertVerifier> = verifier.build().unwrap();
    if is_picky {
        verifier = Arc::new(Picky(verifier));
    }
    let version = match wish.tls {
        Tls::V12 => &rustls::version::TLS12,
        Tls::V13 => &rustls::version::TLS13,
    };
    let (chain, key) = ours::certificate(wish.role);
    let key = PrivateKeyDer::from_pem_file(kit.path(key)).unwrap();
    let own = CertifiedKey::from_der(certificates(chain), key, &provider).unwrap();
    let resolver = Own {
        certificate: Arc::new(own),
        is_strict: wish.role == Role::StrictSni,
    };
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(&[version]).unwrap();
    let config = config.with_client_cert_verifier(verifier);
    let mut config = config.with_cert_resolver(Arc::new(resolver));
    if wish.role == Role::StrictAlpn {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
    }
    config
}

fn version() -> Result<String, String> {
    let lock = include_str!("../../../Cargo.lock");
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"rustls\"");
    let version = lines.nth(1).and_then(|line| line.split('"').nth(1));
    Ok(format!(
        "rustls {} (aws-lc-rs)",
        version.unwrap_or_default()
    ))
}

#[derive(Debug)]
struct Own {
    certificate: Arc<CertifiedKey>,
    is_strict: bool,
}

impl ResolvesServerCert for Own {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_known = !self.is_strict || hello.server_name() == Some("server.test");
        is_known.then(|| Arc::clone(&self.certificate))
    }
}

/// Lets `FRONTEND` in alone, of all that the verifier inside lets in.
#[derive(Debug)]
struct Picky(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Picky {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify_client_cert(leaf, above, now)?;
        let refused = CertificateError::ApplicationVerificationFailure;
        match has_uri(leaf, FRONTEND) {
            true => Ok(verified),
            false => Err(Error::InvalidCertificate(refused)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

fn has_uri(leaf: &CertificateDer<'_>, wanted: &str) -> bool {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else {
        return false;
    };
    let names = leaf.subject_alternative_name().ok().flatten();
    names.is_some_and(|names| {
        let mut names = names.value.general_names.iter();
        names.any(|name| matches!(name, GeneralName::URI(uri) if *uri == wanted))
    })
}
