//! An identity: a certificate chain with its private key, and where they came from.
//!
//! This file is pure: bytes in, identity out. The fetchers beside it bring the bytes, and [`load`]
//! knows them all.

mod anchors_beside;
mod authority;
#[cfg(any(feature = "grpc", feature = "kubernetes"))]
mod bounds;
mod bundle_format;
mod error;
pub mod files;
#[cfg(feature = "grpc")]
mod grpc;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod layout;
mod leaf;
mod linkerd_name;
mod loader;
pub mod mint;
mod negatives;
mod on_disk;
mod origin;
mod pem;
mod pushed;
mod rename;
#[cfg(any(feature = "grpc", feature = "kubernetes"))]
mod signing_request;
mod spiffe_bundle;
mod supplier;
mod supply;
mod surroundings;
#[cfg(feature = "grpc")]
mod token;
mod veil;
mod walk;

pub use authority::{Authority, Minted};
pub use error::{Der, Flaw, IdentityError, Subject};
pub use leaf::Leaf;
pub use linkerd_name::linkerd_domain;
pub(crate) use linkerd_name::{LINKERD_MARK, is_linkerds};
pub use loader::{load, load_trust};
pub use negatives::{Negative, UnknownNegative};
pub use origin::{
    Account, BundleOrigin, CertificateRequest, Cluster, Endpoint, Entry, Fetched, Files, Issuer,
    IstioCa, Linkerd, Origin, Secret, SpireServer, Token, WorkloadApi,
};
pub(crate) use pem::encode as encode_pem;
pub use supplier::{Anchorage, Supplier};
pub use supply::Supply;
pub use surroundings::Surroundings;
pub(crate) use veil::{blotted, holds_secret, veiled};
pub use walk::{Step, Walk};

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};

use crate::certificate::{Facts, SpiffeId, TrustDomain};

/// A certificate chain with its private key. The key never leaves this type.
#[derive(Clone)]
pub struct Identity {
    key: Arc<CertifiedKey>,
    facts: Arc<Facts>,
}

impl Identity {
    /// Reads a PEM chain, leaf first, and its PEM key (PKCS#8, PKCS#1 or SEC1); both may be the same
    /// text. Makes sure that they belong together; whether anybody trusts them is not asked here.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let of_chain = |flaw| IdentityError::new(Subject::Chain, flaw);
        let of_key = |flaw| IdentityError::new(Subject::Key, flaw);
        let certificates = pem::certificates(chain).map_err(of_chain)?;
        let facts = parse_all(&certificates).map_err(of_chain)?;
        let key = pem::key(key).map_err(of_key)?;
        Self::of(certificates, facts, key.der())
    }

    /// The same of certificates in DER, leaf first, and a key in PKCS#8 DER.
    pub fn from_der(
        chain: Vec<CertificateDer<'static>>,
        pkcs8: &[u8],
    ) -> Result<Self, IdentityError> {
        let of_chain = |flaw| IdentityError::new(Subject::Chain, flaw);
        let facts = parse_all(&chain).map_err(of_chain)?;
        Self::of(chain, facts, &PrivatePkcs8KeyDer::from(pkcs8).into())
    }

    fn of(
        chain: Vec<CertificateDer<'static>>,
        facts: Facts,
        key: &PrivateKeyDer<'_>,
    ) -> Result<Self, IdentityError> {
        let of_key = |flaw| IdentityError::new(Subject::Key, flaw);
        let key = any_supported_type(key).map_err(|_| of_key(Flaw::UnsupportedKey))?;
        match chain.iter().position(|der| fits(key.as_ref(), der)) {
            Some(0) => Ok(Self::new(chain, key, facts)),
            Some(nth) => {
                let flaw = Flaw::Order(nth + 1);
                Err(IdentityError::new(Subject::Chain, flaw))
            }
            None => {
                let leaf = facts.uris.first().unwrap_or(&facts.subject);
                Err(of_key(Flaw::KeyMismatch(leaf.clone())))
            }
        }
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: Arc<dyn SigningKey>, facts: Facts) -> Self {
        Self {
            key: Arc::new(CertifiedKey::new(chain, key)),
            facts: Arc::new(facts),
        }
    }

    /// The chain we present, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }

    /// What the leaf says.
    pub fn leaf(&self) -> &Facts {
        &self.facts
    }

    /// The SPIFFE ID of the leaf, else its first DNS name.
    pub fn name(&self) -> Option<&str> {
        let leaf = self.leaf();
        leaf.uris.first().or(leaf.dns.first()).map(String::as_str)
    }

    /// The trust domain of its SPIFFE ID, or of the name that Linkerd gave it.
    pub fn trust_domain(&self) -> Option<TrustDomain> {
        let name = self.name()?;
        match name.parse::<SpiffeId>() {
            Ok(id) => Some(id.trust_domain().clone()),
            Err(_) => linkerd_domain(name),
        }
    }

    pub(crate) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// Makes sure that every certificate can be read, and returns what the first says.
fn parse_all(chain: &[CertificateDer<'static>]) -> Result<Facts, Flaw> {
    let mut leaf = None;
    for (nth, der) in chain.iter().enumerate() {
        let facts = Facts::parse(der).map_err(|why| Flaw::Malformed { nth: nth + 1, why })?;
        leaf.get_or_insert(facts);
    }
    leaf.ok_or(Flaw::Empty)
}

/// Not by [`CertifiedKey::keys_match`]: webpki does not read every certificate that we can present, and
/// one RSA key has several names for its algorithm.
fn fits(key: &dyn SigningKey, certificate: &[u8]) -> bool {
    let Some(ours) = key.public_key() else {
        return true;
    };
    let ours = SubjectPublicKeyInfo::from_der(&ours);
    let theirs = X509Certificate::from_der(certificate);
    match (&ours, &theirs) {
        (Ok((_, ours)), Ok((_, theirs))) => {
            ours.subject_public_key.data == theirs.public_key().subject_public_key.data
        }
        _ => false,
    }
}
