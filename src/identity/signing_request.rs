//! A certificate signing request with its key, and the identity that comes of it. Edge: draws a key,
//! which stays in memory.

use jiff::Timestamp;
use rcgen::{CertificateParams, CertificateSigningRequest, DistinguishedName, SanType};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::authority::{Secret, crypto};
use super::bounds::short;
use super::error::{Flaw, IdentityError, Subject};
use super::leaf::mint;
use super::{Identity, fits, parse_all, pem};
use crate::certificate::{Facts, rough};

/// A request for a certificate, PKCS#10, ECDSA P-256.
pub(super) struct SigningRequest {
    csr: CertificateSigningRequest,
    key: Secret,
}

/// The one name that a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name<'a> {
    /// A SPIFFE ID.
    Uri(&'a str),
    /// What Linkerd names its workloads by.
    #[cfg(feature = "grpc")]
    Dns(&'a str),
}

impl SigningRequest {
    /// A request for this name, with no subject, and further DNS names where there are any. Some CAs
    /// refuse whoever asks for more than that.
    pub(super) fn draw(name: Name<'_>, dns: &[String]) -> Result<Self, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let unfit = |name: &str| mint(Flaw::Name(name.to_owned()));
        let uri = |text: &str| text.try_into().map(SanType::URI).map_err(|_| unfit(text));
        let host = |text: &str| {
            let name = text.try_into().map(SanType::DnsName);
            name.map_err(|_| unfit(text))
        };
        params.subject_alt_names.push(match name {
            Name::Uri(text) => uri(text)?,
            #[cfg(feature = "grpc")]
            Name::Dns(text) => host(text)?,
        });
        for name in dns {
            params.subject_alt_names.push(host(name)?);
        }
        let key = Secret::draw()?;
        let csr = params.serialize_request(key.pair()).map_err(crypto)?;
        Ok(Self { csr, key })
    }

    pub(super) fn der(&self) -> &[u8] {
        self.csr.der()
    }

    pub(super) fn pem(&self) -> String {
        pem::encode("CERTIFICATE REQUEST", self.der()).to_string()
    }

    /// The identity, with the chain that was issued for it, leaf first. Whether the names are those that
    /// were asked for is for the caller to say.
    pub(super) fn granted(
        self,
        chain: Vec<CertificateDer<'static>>,
    ) -> Result<Identity, IdentityError> {
        let of_chain = |flaw| IdentityError::new(Subject::Chain, flaw);
        let facts = parse_all(&chain).map_err(of_chain)?;
        let der = PrivatePkcs8KeyDer::from(self.key.pair().serialized_der());
        let key = any_supported_type(&PrivateKeyDer::from(der))
            .map_err(|_| mint(Flaw::UnsupportedKey))?;
        match chain.first() {
            Some(leaf) if fits(key.as_ref(), leaf) => Ok(Identity::new(chain, key, facts)),
            Some(_) => Err(of_chain(Flaw::ForeignKey)),
            None => Err(of_chain(Flaw::Empty)),
        }
    }
}

/// Why a certificate with these names is not the one that was asked for, where it is not.
pub(super) fn misnamed(names: &[impl AsRef<str>], asked: &str) -> Option<String> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let theirs = match names.as_slice() {
        [one] if *one == asked => return None,
        [] => "nobody: the certificate has no name of that kind".to_owned(),
        some => short(some.join(" and ")),
    };
    Some(format!("it signed for {theirs}, and {asked} was asked for"))
}

/// Since when a certificate is over, where it is.
pub(super) fn expired(leaf: &Facts, now: Timestamp) -> Option<String> {
    let end = leaf.not_after;
    let ago = rough(now.duration_since(end));
    (end <= now).then(|| format!("expired {ago} ago, at {end}"))
}
