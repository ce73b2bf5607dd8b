//! Whom a server lets in, by whatever it thinks of a certificate.

use std::fmt;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

/// Asks for a certificate.
pub(crate) struct Clients {
    knows: Box<Knows>,
    must_show: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

type Knows = dyn Fn(&[CertificateDer<'static>], UnixTime) -> bool + Send + Sync;

impl Clients {
    /// Takes any, and none, as Kubernetes does: who that is, is asked later.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn any() -> Self {
        Self {
            must_show: false,
            ..Self::known(|_, _| true)
        }
    }

    /// Takes these chains alone.
    pub(crate) fn known(
        knows: impl Fn(&[CertificateDer<'static>], UnixTime) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            knows: Box::new(knows),
            must_show: true,
            algorithms: default_provider().signature_verification_algorithms,
        }
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.must_show
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain = std::iter::once(leaf).chain(intermediates);
        let chain: Vec<_> = chain.map(|der| der.clone().into_owned()).collect();
        match (self.knows)(&chain, now) {
            true => Ok(ClientCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}
