//! A certificate authority in memory, for everything that is minted: negative identities, and the
//! servers of the lab. Edge: draws keys.

use std::iter::once;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    SigningKey,
};
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::{Zeroize, Zeroizing};

use super::error::{Flaw, IdentityError, Subject};
use super::leaf::{Leaf, date, mint};
use super::{Identity, fits, parse_all, pem, rename};
use crate::certificate::{Facts, Malformed};

/// A certificate authority that signs in memory.
pub struct Authority {
    /// The signing certificate, then its issuers as far as they are known.
    chain: Vec<CertificateDer<'static>>,
    name: Vec<u8>,
    key_id: Vec<u8>,
    key: Secret,
    /// Leaves go out with the root at the end of their chain.
    sends_root: bool,
}

/// A minted chain with its key.
pub struct Minted {
    chain: Vec<CertificateDer<'static>>,
    serial: [u8; SERIAL],
    key: Secret,
}

impl Authority {
    /// A self-signed CA that nobody knows.
    pub fn throwaway(name: &str, now: Timestamp) -> Result<Self, IdentityError> {
        let key = Secret::draw()?;
        let certificate = ca(name, now)?.self_signed(&key.0).map_err(crypto)?;
        Self::new(vec![certificate.into()], key)
    }

    /// A CA that has the name of this certificate, and another key. Where the certificate is itself
    /// signed by another CA, so is its likeness, by a key that is as wrong.
    pub fn like(certificate: &CertificateDer<'_>, now: Timestamp) -> Result<Self, IdentityError> {
        let (name, issuer) = names(certificate)?;
        let key = Secret::draw()?;
        let der = if name == issuer {
            let nameless = ca("", now)?.self_signed(&key.0).map_err(crypto)?;
            rename::certificate(nameless.der(), &issuer, Some(&name), &key)
        } else {
            let signer = Secret::draw()?;
            let nobody = Issuer::new(ca("", now)?, &signer.0);
            let nameless = ca("", now)?.signed_by(&key.0, &nobody).map_err(crypto)?;
            rename::certificate(nameless.der(), &issuer, Some(&name), &signer)
        };
        Self::new(vec![der.ok_or_else(unsigned)?.into()], key)
    }

    /// The same CA with a root of other dates and the same key and name, as Istio renews its own.
    pub fn renewed(&self, now: Timestamp) -> Result<Self, IdentityError> {
        let key = PrivatePkcs8KeyDer::from(self.key.0.serialized_der());
        let key = KeyPair::try_from(&PrivateKeyDer::from(key)).map_err(crypto)?;
        let key = Secret(key);
        let nameless = ca("", now)?.self_signed(&key.0).map_err(crypto)?;
        let der = rename::certificate(nameless.der(), &self.name, Some(&self.name), &key);
        Self::new(vec![der.ok_or_else(unsigned)?.into()], key)
    }

    /// A given CA: its PEM chain, the signing certificate first, and its PEM key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let of_chain = |flaw| IdentityError::new(Subject::Chain, flaw);
        let of_key = |flaw| IdentityError::new(Subject::Key, flaw);
        let certificates = pem::certificates(chain).map_err(of_chain)?;
        let facts = parse_all(&certificates).map_err(of_chain)?;
        let key = pem::key(key).map_err(of_key)?;
        let public = any_supported_type(key.der()).map_err(|_| of_key(Flaw::UnsupportedKey))?;
        let fitting = |der: &CertificateDer<'_>| fits(public.as_ref(), der);
        match certificates.iter().position(fitting) {
            Some(0) => {}
            Some(nth) => return Err(of_chain(Flaw::Order(nth + 1))),
            None => return Err(of_key(Flaw::KeyMismatch(facts.subject))),
        }
        if !facts.is_ca {
            return Err(of_chain(Flaw::NotCa));
        }
        let key = KeyPair::try_from(key.der()).map_err(|_| of_key(Flaw::UnsupportedKey))?;
        Self::new(certificates, Secret(key))
    }

    /// The same CA, whose leaves go out with its root, as Istio's do: nobody can take the chain for
    /// one that lacks something.
    pub fn sending_root(self) -> Self {
        Self {
            sends_root: true,
            ..self
        }
    }

    /// A CA below this one.
    pub fn intermediate(&self, name: &str, now: Timestamp) -> Result<Self, IdentityError> {
        let key = Secret::draw()?;
        let mut params = ca(name, now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.serial_number = Some(SerialNumber::from_slice(&draw_serial()?));
        let der = self.sign(&params, &key)?;
        Self::new(once(der).chain(self.chain.iter().cloned()).collect(), key)
    }

    /// Signs a leaf with a new key, ECDSA P-256.
    pub fn issue(&self, leaf: &Leaf) -> Result<Minted, IdentityError> {
        let key = Secret::draw()?;
        let serial = draw_serial()?;
        let mut params = leaf.params()?;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let mut chain = vec![self.sign(&params, &key)?];
        if self.sends_root && !leaf.alone {
            chain.extend(self.chain.iter().cloned());
        } else if !leaf.alone {
            chain.extend(self.below_root().cloned());
        }
        Ok(Minted { chain, serial, key })
    }

    /// A revocation list of this CA with these certificates in it.
    pub fn revoke(
        &self,
        revoked: &[&Minted],
        now: Timestamp,
    ) -> Result<CertificateRevocationListDer<'static>, IdentityError> {
        let since = date(before(now, A_DAY))?;
        let entry = |minted: &&Minted| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&minted.serial),
            revocation_time: since,
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: since,
            next_update: date(after(now, A_DECADE))?,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::PreSpecified(self.key_id.clone()),
        };
        let nameless = params.signed_by(&self.issuer()).map_err(crypto)?;
        let der = rename::crl(nameless.der(), &self.name, &self.key).ok_or_else(unsigned)?;
        Ok(der.into())
    }

    /// The signing certificate, then its issuers as far as they are known.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The topmost certificate: the root, for a CA made here.
    pub fn root(&self) -> Option<&CertificateDer<'static>> {
        self.chain.last()
    }

    /// The signing key as PEM, wiped when dropped.
    pub(crate) fn key_pem(&self) -> Zeroizing<String> {
        pem::encode("PRIVATE KEY", self.key.0.serialized_der())
    }

    /// Whether its path length leaves room for a CA below it.
    pub(super) fn may_have_cas_below(&self) -> bool {
        let own = self.chain.first().and_then(|own| Facts::parse(own).ok());
        own.is_some_and(|own| own.path_len != Some(0))
    }

    /// Whether it is a root that signs leaves itself, and sends nothing but them.
    pub(super) fn is_bare_root(&self) -> bool {
        !self.sends_root && self.below_root().next().is_none()
    }

    /// Nobody sends a root: who trusts it has it.
    fn below_root(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        let last = self.chain.len() - 1;
        let is_root = move |nth: usize, der: &CertificateDer<'_>| {
            nth == last && names(der).is_ok_and(|(subject, issuer)| subject == issuer)
        };
        let all = self.chain.iter().enumerate();
        all.filter(move |(nth, der)| !is_root(*nth, der))
            .map(|(_, der)| der)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: Secret) -> Result<Self, IdentityError> {
        let own = chain.first().ok_or_else(unsigned)?;
        let (name, _) = names(own)?;
        let key_id = key_id(own).unwrap_or_else(|| key.id());
        Ok(Self {
            chain,
            name,
            key_id,
            key,
            sends_root: false,
        })
    }

    fn sign(
        &self,
        params: &CertificateParams,
        key: &Secret,
    ) -> Result<CertificateDer<'static>, IdentityError> {
        let nameless = params.signed_by(&key.0, &self.issuer()).map_err(crypto)?;
        let der = rename::certificate(nameless.der(), &self.name, None, &self.key);
        Ok(der.ok_or_else(unsigned)?.into())
    }

    /// Without its name: rcgen drops repeated attributes (`DC=corp, DC=example`), so that the name
    /// is put in as it stands in the CA's certificate.
    fn issuer(&self) -> Issuer<'static, &KeyPair> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.key_identifier_method = KeyIdMethod::PreSpecified(self.key_id.clone());
        Issuer::new(params, &self.key.0)
    }
}

impl Minted {
    /// What is presented, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// As an identity.
    pub fn identity(&self) -> Result<Identity, IdentityError> {
        let facts = parse_all(&self.chain).map_err(mint)?;
        let der = PrivatePkcs8KeyDer::from(self.key.0.serialized_der());
        let key = any_supported_type(&PrivateKeyDer::from(der))
            .map_err(|_| mint(Flaw::UnsupportedKey))?;
        Ok(Identity::new(self.chain.clone(), key, facts))
    }

    /// The chain as PEM.
    pub fn chain_pem(&self) -> String {
        let blocks = self.chain.iter().map(|der| pem::encode("CERTIFICATE", der));
        blocks.map(|block| block.to_string()).collect()
    }

    /// The key as PEM, wiped when dropped.
    pub fn key_pem(&self) -> Zeroizing<String> {
        pem::encode("PRIVATE KEY", self.key.0.serialized_der())
    }
}

/// A key that wipes itself.
pub(super) struct Secret(KeyPair);

impl Secret {
    pub(super) fn draw() -> Result<Self, IdentityError> {
        KeyPair::generate().map(Self).map_err(crypto)
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.0.sign(message).ok()
    }

    #[cfg(any(feature = "grpc", feature = "kubernetes"))]
    pub(super) fn pair(&self) -> &KeyPair {
        &self.0
    }

    fn id(&self) -> Vec<u8> {
        CertificateParams::default().key_identifier(&self.0)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A CA that was there before everything it may sign and outlives it.
fn ca(name: &str, now: Timestamp) -> Result<CertificateParams, IdentityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if !name.is_empty() {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params.not_before = date(before(now, A_DECADE))?;
    params.not_after = date(after(now, A_DECADE))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Subject and issuer as they stand in the certificate.
fn names(certificate: &[u8]) -> Result<(Vec<u8>, Vec<u8>), IdentityError> {
    let (_, read) = X509Certificate::from_der(certificate).map_err(|error| {
        mint(Flaw::Malformed {
            nth: 1,
            why: Malformed(error.to_string()),
        })
    })?;
    let raw = |name: &x509_parser::x509::X509Name<'_>| name.as_raw().to_vec();
    Ok((raw(read.subject()), raw(read.issuer())))
}

fn key_id(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    let id = |extension: &x509_parser::extensions::X509Extension<'_>| {
        if let ParsedExtension::SubjectKeyIdentifier(id) = extension.parsed_extension() {
            return Some(id.0.to_vec());
        }
        None
    };
    read.extensions().iter().find_map(id)
}

fn draw_serial() -> Result<[u8; SERIAL], IdentityError> {
    let mut serial = [0; SERIAL];
    let drawn = default_provider().secure_random.fill(&mut serial);
    drawn.map_err(|_| mint(Flaw::Crypto("no random numbers".to_owned())))?;
    // A serial number is positive and has no leading zeros.
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(serial)
}

fn before(moment: Timestamp, span: SignedDuration) -> Timestamp {
    moment.saturating_sub(span).unwrap_or(moment)
}

fn after(moment: Timestamp, span: SignedDuration) -> Timestamp {
    moment.saturating_add(span).unwrap_or(moment)
}

pub(super) fn crypto(error: rcgen::Error) -> IdentityError {
    mint(Flaw::Crypto(error.to_string()))
}

fn unsigned() -> IdentityError {
    mint(Flaw::Crypto("the CA's key does not sign".to_owned()))
}

const SERIAL: usize = 16;
const A_DAY: SignedDuration = SignedDuration::from_hours(24);
const A_DECADE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
