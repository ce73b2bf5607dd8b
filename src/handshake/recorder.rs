//! What rustls hands over while it shakes hands: the server's chain, its request for ours, tickets.
//!
//! The chain is recorded and never judged here, so that the peer's opinion of us is learned on the
//! same connection. That the server holds the key of its certificate is verified for real.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, ResolvesClientCert, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, NamedGroup, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use x509_parser::parse_x509_certificate;
use x509_parser::public_key::PublicKey;

use crate::identity::Identity;
use crate::observation::{CertificateRequest, Gave};

/// One per connection; rustls holds it in all three roles.
#[derive(Debug)]
pub(super) struct Recorder {
    algorithms: WebPkiSupportedAlgorithms,
    key: Option<Arc<CertifiedKey>>,
    seen: Mutex<Seen>,
}

/// What was recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// The server has proved that it holds the key of its leaf.
    pub(super) proved: bool,
    pub(super) request: CertificateRequest,
    pub(super) tls12_tickets: u32,
}

impl Recorder {
    pub(super) fn new(provider: &CryptoProvider, identity: Option<&Identity>) -> Self {
        Self {
            algorithms: provider.signature_verification_algorithms,
            key: identity.map(Identity::certified_key),
            seen: Mutex::default(),
        }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn proof(
        &self,
        verified: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.seen().proved = verified.is_ok();
        match verified {
            // Nothing was verified: webpki takes no RSA key below 2048 bits.
            Err(err) if err == BAD_SIGNATURE && self.is_too_small() => {
                Err(Error::InvalidCertificate(CertificateError::BadEncoding))
            }
            verified => verified,
        }
    }

    fn is_too_small(&self) -> bool {
        let seen = self.seen();
        let leaf = seen
            .chain
            .first()
            .and_then(|leaf| parse_x509_certificate(leaf).ok());
        let key = leaf
            .as_ref()
            .and_then(|(_, leaf)| leaf.public_key().parsed().ok());
        matches!(key, Some(PublicKey::RSA(key)) if key.key_size() < SMALLEST_RSA)
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(leaf).chain(rest);
        self.seen().chain = chain.map(|der| der.clone().into_owned()).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = verify_tls12_signature(message, leaf, signed, &self.algorithms);
        self.proof(match verified {
            Err(err) if is_unreadable(&err) => raw_tls12(message, leaf, signed, &self.algorithms),
            verified => verified,
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = verify_tls13_signature(message, leaf, signed, &self.algorithms);
        self.proof(match verified {
            Err(err) if is_unreadable(&err) => {
                let key = SubjectPublicKeyInfoDer::from(public_key(leaf)?);
                verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
            }
            verified => verified,
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ResolvesClientCert for Recorder {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        let given = self.key.as_ref().filter(fits);
        self.seen().request = CertificateRequest::Asked {
            hints: hints.iter().map(|hint| hint.to_vec()).collect(),
            schemes: schemes.iter().map(|&scheme| scheme.into()).collect(),
            gave: match (&self.key, given) {
                (_, Some(_)) => Gave::Certificate,
                (Some(_), None) => Gave::NothingFits,
                (None, None) => Gave::Nothing,
            },
        };
        given.cloned()
    }

    // In TLS 1.2 the transcript is kept only for a client that may have a certificate; saying yes
    // without one costs nothing and makes `resolve` the one place that decides.
    fn has_certs(&self) -> bool {
        true
    }
}

/// Counts tickets and keeps none, so that nothing is ever resumed: a resumed handshake checks no
/// certificate at either end.
impl ClientSessionStore for Recorder {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {
        self.seen().tls12_tickets += 1;
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

/// webpki reads a certificate strictly before it verifies with its key: an odd extension must not
/// cost us the server's opinion of us.
fn is_unreadable(err: &Error) -> bool {
    matches!(err, Error::InvalidCertificate(why) if *why != CertificateError::BadSignature)
}

fn public_key<'a>(leaf: &'a CertificateDer<'_>) -> Result<&'a [u8], Error> {
    match parse_x509_certificate(leaf) {
        Ok((_, parsed)) => Ok(parsed.tbs_certificate.subject_pki.raw),
        Err(_) => Err(Error::InvalidCertificate(CertificateError::BadEncoding)),
    }
}

fn raw_tls12(
    message: &[u8],
    leaf: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let key = SubjectPublicKeyInfoDer::from(public_key(leaf)?);
    let unreadable = Error::InvalidCertificate(CertificateError::BadEncoding);
    let entity = webpki::RawPublicKeyEntity::try_from(&key).map_err(|_| unreadable)?;
    let by_scheme = algorithms.mapping.iter();
    let candidates = by_scheme.filter(|(scheme, _)| *scheme == signed.scheme);
    for algorithm in candidates.flat_map(|(_, algorithms)| algorithms.iter()) {
        if entity
            .verify_signature(*algorithm, message, signed.signature())
            .is_ok()
        {
            return Ok(HandshakeSignatureValid::assertion());
        }
    }
    Err(Error::InvalidCertificate(CertificateError::BadSignature))
}

const BAD_SIGNATURE: Error = Error::InvalidCertificate(CertificateError::BadSignature);
const SMALLEST_RSA: usize = 2048;
