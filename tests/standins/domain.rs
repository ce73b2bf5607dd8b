//! A SPIFFE trust domain: its root, and what its CA signs.

use jiff::{SignedDuration, Timestamp};
use mtls_probe::identity::{Authority, Leaf, Minted};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509CertificationRequest};

use super::generated::workload::X509svid;

/// A trust domain that draws the keys of its workloads itself, as an agent of SPIRE does.
pub struct Domain {
    pub name: &'static str,
    pub now: Timestamp,
    root: Authority,
    issuing: Authority,
}

impl Domain {
    pub fn new(name: &'static str) -> Self {
        let now = mtls_probe::run::now();
        let root = Authority::throwaway(name, now).unwrap();
        let issuing = root.intermediate("issuing CA", now).unwrap();
        Self {
            name,
            now,
            root,
            issuing,
        }
    }

    pub fn id(&self, path: &str) -> String {
        format!("spiffe://{}{path}", self.name)
    }

    /// Its own ID, by which bundles go.
    pub fn own_id(&self) -> String {
        self.id("")
    }

    pub fn bundle(&self) -> Vec<u8> {
        self.root.root().unwrap().to_vec()
    }

    pub fn crl(&self) -> Vec<u8> {
        self.issuing.revoke(&[], self.now).unwrap().to_vec()
    }

    pub fn issue(&self, path: &str, spoil: impl FnOnce(&mut Leaf)) -> Minted {
        let id = self.id(path).parse().unwrap();
        let hour = SignedDuration::from_hours(1);
        let mut leaf = Leaf::svid(&id, self.now - hour, self.now + hour);
        spoil(&mut leaf);
        self.issuing.issue(&leaf).unwrap()
    }

    /// As the Workload API hands it out.
    pub fn svid(&self, path: &str, hint: &str) -> X509svid {
        self.spoilt(path, hint, |_| {})
    }

    pub fn spoilt(&self, path: &str, hint: &str, spoil: impl FnOnce(&mut Leaf)) -> X509svid {
        let minted = self.issue(path, spoil);
        X509svid {
            spiffe_id: self.id(path),
            x509_svid: concatenated(&minted),
            x509_svid_key: key_der(&minted),
            bundle: self.bundle(),
            hint: hint.to_owned(),
        }
    }
}

pub fn concatenated(minted: &Minted) -> Vec<u8> {
    minted.chain().iter().flat_map(|der| der.to_vec()).collect()
}

pub fn key_der(minted: &Minted) -> Vec<u8> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(minted.key_pem().as_bytes()).unwrap();
    key.secret_pkcs8_der().to_vec()
}

/// A CA that signs what others ask it to.
pub struct Signer(CertifiedIssuer<'static, KeyPair>);

impl Signer {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub fn root(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    pub fn sign(&self, csr: &Csr, from: Timestamp, to: Timestamp) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let uris = csr.uris.iter();
        let uris = uris.map(|uri| SanType::URI(uri.as_str().try_into().unwrap()));
        let dns = csr.dns.iter();
        let dns = dns.map(|dns| SanType::DnsName(dns.as_str().try_into().unwrap()));
        params.subject_alt_names = uris.chain(dns).collect();
        let date = |at: Timestamp| time::OffsetDateTime::from_unix_timestamp(at.as_second());
        params.not_before = date(from).unwrap();
        params.not_after = date(to).unwrap();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.signed_by(csr, &self.0).unwrap().der().to_vec()
    }
}

/// What a PKCS#10 request asks for.
#[derive(Clone, Debug, Default)]
pub struct Csr {
    pub uris: Vec<String>,
    pub dns: Vec<String>,
    /// Names of other kinds, and a subject.
    pub others: usize,
    /// P-256.
    key: Vec<u8>,
}

impl Csr {
    /// Reads DER, and holds it to its signature.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let (rest, read) =
            X509CertificationRequest::from_der(der).map_err(|error| error.to_string())?;
        if !rest.is_empty() {
            return Err("trailing data".to_owned());
        }
        let info = &read.certification_request_info;
        let key = info.subject_pki.subject_public_key.data.to_vec();
        let known = aws_lc_rs::default_provider().signature_verification_algorithms;
        let signature = &read.signature_value.data;
        let mut known = known.all.iter();
        if !known.any(|one| one.verify_signature(&key, info.raw, signature).is_ok()) {
            return Err("the signature does not verify".to_owned());
        }
        let mut csr = Self {
            key,
            others: info.subject.iter().count(),
            ..Self::default()
        };
        for extension in read.requested_extensions().into_iter().flatten() {
            if let ParsedExtension::SubjectAlternativeName(names) = extension {
                for name in &names.general_names {
                    match name {
                        GeneralName::URI(uri) => csr.uris.push((*uri).to_owned()),
                        GeneralName::DNSName(dns) => csr.dns.push((*dns).to_owned()),
                        _ => csr.others += 1,
                    }
                }
            }
        }
        Ok(csr)
    }

    /// The same for another key.
    pub fn for_another_key(mut self) -> Self {
        self.key = KeyPair::generate().unwrap().der_bytes().to_vec();
        self
    }
}

impl PublicKeyData for Csr {
    fn der_bytes(&self) -> &[u8] {
        &self.key
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}
