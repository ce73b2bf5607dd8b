//! The TLS side of the lab's servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, RootCertStore,
    ServerConfig, SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio_rustls::TlsAcceptor;

use crate::identity::Identity;

/// Makes the servers of one lab.
pub(super) struct Foundry {
    clock: Arc<Clock>,
    provider: Arc<CryptoProvider>,
}

/// Whose certificates a server asks for.
pub(super) enum Clients<'a> {
    /// Those with a chain to one of these roots; nobody comes in without.
    Of(&'a [CertificateDer<'static>]),
    /// Of those it takes the name of nobody.
    NamesNobody(&'a [CertificateDer<'static>]),
    /// Whoever has one, whatever it is.
    Strangers(&'a [CertificateDer<'static>]),
    /// Nobody's.
    Unasked,
}

/// What a server can do.
#[derive(Clone, Copy)]
pub(super) enum Ability {
    /// All that the library can.
    Everything,
    /// TLS 1.2.
    Tls12Only,
    /// A key exchange that clients know and do not offer.
    RareGroupOnly,
}

impl Foundry {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            clock: Arc::new(Clock {
                start: now,
                since: Instant::now(),
            }),
            provider: Arc::new(default_provider()),
        }
    }

    pub(super) fn server(
        &self,
        identity: &Identity,
        clients: &Clients<'_>,
        ability: Ability,
    ) -> Result<TlsAcceptor, rustls::Error> {
        let versions: &[&'static SupportedProtocolVersion] = match ability {
            Ability::Everything => &[&TLS13, &TLS12],
            Ability::Tls12Only => &[&TLS12],
            Ability::RareGroupOnly => &[&TLS13],
        };
        let provider = match ability {
            Ability::Everything | Ability::Tls12Only => Arc::clone(&self.provider),
            Ability::RareGroupOnly => Arc::new(CryptoProvider {
                kx_groups: vec![kx_group::MLKEM1024],
                ..default_provider()
            }),
        };
        let clock: Arc<dyn TimeProvider> = Arc::clone(&self.clock) as _;
        let config = ServerConfig::builder_with_details(Arc::clone(&provider), clock)
            .with_protocol_versions(versions)?;
        let config = match clients {
            Clients::Of(roots) => config.with_client_cert_verifier(verifier(roots, provider)?),
            Clients::NamesNobody(roots) => config.with_client_cert_verifier(Arc::new(Moody {
                inner: verifier(roots, provider)?,
                takes_strangers: false,
            })),
            Clients::Strangers(roots) => config.with_client_cert_verifier(Arc::new(Moody {
                inner: verifier(roots, provider)?,
                takes_strangers: true,
            })),
            Clients::Unasked => config.with_no_client_auth(),
        };
        // Not by `with_single_cert`, which refuses the faults we are here to show.
        let own = SingleCertAndKey::from(identity.certified_key());
        let mut config = config.with_cert_resolver(Arc::new(own));
        config.alpn_protocols = ALPN.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn verifier(
    certificates: &[CertificateDer<'static>],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for root in certificates {
        roots.add(root.clone())?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| rustls::Error::General(error.to_string()))
}

/// Does not go by roots alone: takes everybody, or of those that the roots vouch for nobody's name.
#[derive(Debug)]
struct Moody {
    inner: Arc<dyn ClientCertVerifier>,
    takes_strangers: bool,
}

impl ClientCertVerifier for Moody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if self.takes_strangers {
            return Ok(ClientCertVerified::assertion());
        }
        self.inner.verify_client_cert(leaf, intermediates, now)?;
        // certificate_unknown(46), as Envoy says it of a name.
        let why = OtherError(Arc::new(std::io::Error::other("not on the list")));
        Err(CertificateError::Other(why).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The clock of the lab: it starts at the moment the lab was started for.
#[derive(Debug)]
struct Clock {
    start: Timestamp,
    since: Instant,
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let start = u64::try_from(self.start.as_second()).ok()?;
        let now = Duration::from_secs(start).checked_add(self.since.elapsed())?;
        Some(UnixTime::since_unix_epoch(now))
    }
}

/// HTTP, and what an Istio sidecar would take.
const ALPN: &[&str] = &["h2", "http/1.1", "istio-h2", "istio-http/1.1", "istio"];
