//! What one certificate says of itself, read leniently: a certificate that breaks rules must still be
//! described, since describing it is the point.

use std::net::IpAddr;

use jiff::Timestamp;

/// What one certificate says. Every text comes from a peer and is hostile until a report escapes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The subject as text, for people.
    pub subject: String,
    /// The issuer as text, for people.
    pub issuer: String,
    /// The subject as DER with its header, as TLS sends names: for comparison.
    pub subject_der: Vec<u8>,
    /// The issuer as DER with its header, for comparison.
    pub issuer_der: Vec<u8>,
    /// Lower-case hexadecimal, two digits a byte.
    pub serial: String,
    /// Start of the validity.
    pub not_before: Timestamp,
    /// End of the validity.
    pub not_after: Timestamp,
    /// URI SANs, counted exactly: also those that are not valid text are in here, lossily.
    pub uris: Vec<String>,
    /// DNS SANs.
    pub dns: Vec<String>,
    /// IP SANs.
    pub ips: Vec<IpAddr>,
    /// Whether the SAN extension is critical; `None` without the extension.
    pub san_critical: Option<bool>,
    /// `basicConstraints` says CA.
    pub is_ca: bool,
    /// `pathLenConstraint`.
    pub path_len: Option<u32>,
    /// The key usage bits that matter here; `None` without the extension.
    pub key_usage: Option<KeyUsage>,
    /// The extended key usage; `None` without the extension.
    pub extended_key_usage: Option<Vec<Purpose>>,
    /// The key, for people: `ECDSA P-256`, `RSA 2048`, `Ed25519`.
    pub key: String,
    /// The signature algorithm, for people: `ecdsa-with-SHA256`.
    pub signature: String,
    /// Subject and issuer are the same name.
    pub self_issued: bool,
    /// SHA-256 of the whole certificate.
    pub sha256: [u8; 32],
    /// SHA-256 of the subject public key info: what to compare roots by.
    pub spki_sha256: [u8; 32],
}

/// The key usage bits that matter to a mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage {
    /// The extension is critical.
    pub critical: bool,
    /// `digitalSignature`
    pub digital_signature: bool,
    /// `keyCertSign`
    pub key_cert_sign: bool,
    /// `cRLSign`
    pub crl_sign: bool,
}

/// A purpose of the extended key usage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// `id-kp-serverAuth`
    ServerAuth,
    /// `id-kp-clientAuth`
    ClientAuth,
    /// `anyExtendedKeyUsage`
    Any,
    /// Any other purpose, by its OID.
    Other(String),
}

/// The bytes are not an X.509 certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an X.509 certificate: {0}")]
pub struct Malformed(pub String);
