//! Who a server must be before it hears a secret: webpki decides, by the anchors that were given and the
//! moment that was asked for, and our own judgement finds the words.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::certificate::{
    Bundle, Bundles, Expected, Facts, Judgement, Problem, Question, Role, judge,
};
use crate::code::Code;
use crate::identity::bounds::short;

/// webpki with exactly the anchors that were given, and our own judgement; either of them may refuse.
#[derive(Debug)]
pub(super) struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    bundles: Bundles,
    expected: Expected,
    now: Timestamp,
    refusal: Mutex<Option<Refusal>>,
}

/// Why we refuse a server.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) why: String,
    /// What it stands for.
    pub(super) code: Code,
}

impl Verifier {
    /// For a server of this name, with these anchors, as of now.
    pub(super) fn new(bundle: &Bundle, name: &str, now: Timestamp) -> Result<Arc<Self>, String> {
        let mut roots = RootCertStore::empty();
        let ders = bundle.anchors().iter().map(|anchor| anchor.der.clone());
        roots.add_parsable_certificates(ders);
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
        let webpki = webpki.build().map_err(|error| error.to_string())?;
        Ok(Arc::new(Self {
            webpki,
            bundles: Bundles::untagged(bundle.clone()),
            expected: match name.parse() {
                Ok(ip) => Expected::Ip(ip),
                Err(_) => Expected::Dns(name.to_owned()),
            },
            now,
            refusal: Mutex::new(None),
        }))
    }

    /// The settings of a client that takes the server that this one takes, and shows nothing of itself.
    pub(super) fn client(
        self: &Arc<Self>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<ClientConfig, Error> {
        let clock = Arc::new(Clock(unix(self.now)));
        let mut config = ClientConfig::builder_with_details(provider(), clock)
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as _)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// Why the server was refused, where it was.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal.lock().ok()?.clone()
    }

    fn judge(&self, chain: &[CertificateDer<'static>]) -> Judgement {
        judge(&Question {
            chain,
            bundles: &self.bundles,
            role: Role::Server,
            expected: &self.expected,
            at: self.now,
            crls: &[],
            elsewhere: &[],
        })
    }

    fn refuse(&self, why: Refusal) {
        if let Ok(mut refusal) = self.refusal.lock() {
            *refusal = Some(why);
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self
            .webpki
            .verify_server_cert(leaf, intermediates, name, ocsp, now);
        let chain = std::iter::once(leaf).chain(intermediates);
        let chain: Vec<_> = chain.map(|der| der.clone().into_owned()).collect();
        let judgement = self.judge(&chain);
        let Some(Problem { code, what }) = judgement.problems.first() else {
            if let Err(error) = &verified {
                let (why, code) = (error.to_string(), Code::CertRejected);
                self.refuse(Refusal { why, code });
            }
            return verified;
        };
        let carried = judgement.chain.first().map(names).unwrap_or_default();
        self.refuse(Refusal {
            why: format!("{}; it carries {carried}", short(what)),
            code: *code,
        });
        let otherwise = CertificateError::ApplicationVerificationFailure;
        Err(verified
            .err()
            .unwrap_or(Error::InvalidCertificate(otherwise)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Every name of a certificate.
fn names(leaf: &Facts) -> String {
    let ips = leaf.ips.iter().map(ToString::to_string);
    let texts = leaf.dns.iter().chain(&leaf.uris).cloned();
    let all: Vec<String> = texts.chain(ips).collect();
    match all.as_slice() {
        [] => "no name at all".to_owned(),
        some => short(some.join(", ")),
    }
}

/// The moment of the question, for who verifies.
#[derive(Debug)]
struct Clock(UnixTime);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

fn unix(now: Timestamp) -> UnixTime {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
