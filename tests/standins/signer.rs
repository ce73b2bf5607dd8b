//! A CA that signs what others ask for, by the key of their request, and servers that show its
//! certificates.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mtls_probe::identity::{Authority, Leaf};
use mtls_probe::run::now;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType,
    SignatureAlgorithm,
};
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::TLS13;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

/// A root, and a CA below it that signs.
pub(crate) struct Signer {
    pub(crate) root: CertificateDer<'static>,
    pub(crate) issuing: CertificateDer<'static>,
    name: CertificateParams,
    key: KeyPair,
    authority: Authority,
}

impl Signer {
    pub(crate) fn new(name: &str) -> Self {
        let root_key = KeyPair::generate().unwrap();
        let root_name = ca(&format!("{name} root"));
        let root = root_name.self_signed(&root_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let name = ca(&format!("{name} issuing CA"));
        let issuer = Issuer::from_params(&root_name, &root_key);
        let issuing = name.signed_by(&key, &issuer).unwrap();
        let chain = format!("{}{}", issuing.pem(), root.pem());
        Self {
            authority: Authority::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes())
                .unwrap(),
            root: root.der().clone(),
            issuing: issuing.der().clone(),
            name,
            key,
        }
    }

    /// Signs this for the key of somebody else.
    pub(crate) fn sign(&self, what: &Signed, key: &Key) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for uri in &what.uris {
            let uri = uri.as_str().try_into().unwrap();
            params.subject_alt_names.push(SanType::URI(uri));
        }
        for dns in &what.dns {
            let dns = dns.as_str().try_into().unwrap();
            params.subject_alt_names.push(SanType::DnsName(dns));
        }
        params.not_before = date(what.not_before);
        params.not_after = date(what.not_after);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_params(&self.name, &self.key);
        params.signed_by(key, &issuer).unwrap().der().clone()
    }

    /// A server of this CA, with these names.
    pub(crate) fn server(
        &self,
        dns: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let hour = SignedDuration::from_hours(1);
        self.server_until(dns, versions, now() + hour)
    }

    /// The same, whose certificate ends then.
    pub(crate) fn server_until(
        &self,
        dns: &[&str],
        versions: &[&'static SupportedProtocolVersion],
        ends: Timestamp,
    ) -> Arc<ServerConfig> {
        let anybody = WebPkiClientVerifier::no_client_auth();
        let mut config = self.config(dns, versions, ends, anybody);
        config.alpn_protocols = vec![b"h2".to_vec()];
        Arc::new(config)
    }

    /// A workload that takes those of this CA, and nobody else.
    pub(crate) fn peer(&self, dns: &str) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let hour = SignedDuration::from_hours(1);
        let clients = clients.build().unwrap();
        Arc::new(self.config(&[dns], &[&TLS13], now() + hour, clients))
    }

    fn config(
        &self,
        dns: &[&str],
        versions: &[&'static SupportedProtocolVersion],
        ends: Timestamp,
        clients: Arc<dyn ClientCertVerifier>,
    ) -> ServerConfig {
        let id = "spiffe://cluster.local/ns/istio-system/sa/istiod";
        let day = SignedDuration::from_hours(24);
        let mut leaf = Leaf::svid(&id.parse().unwrap(), ends - day, ends);
        leaf.uris.clear();
        leaf.dns = dns.iter().map(|&name| name.to_owned()).collect();
        let minted = self.authority.issue(&leaf).unwrap();
        let key = PrivateKeyDer::from_pem_slice(minted.key_pem().as_bytes()).unwrap();
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(minted.chain().to_vec(), key)
            .unwrap()
    }
}

/// What a certificate is to say.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) uris: Vec<String>,
    pub(crate) dns: Vec<String>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

/// A public key, ECDSA P-256.
#[derive(Clone)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    pub(crate) fn draw() -> Self {
        Self(KeyPair::generate().unwrap().public_key_raw().to_vec())
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// What a request asks for.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) key: Key,
    pub(crate) uris: Vec<String>,
    pub(crate) dns: Vec<String>,
    /// Names of other kinds, and extensions that are no names.
    pub(crate) more: usize,
    pub(crate) has_subject: bool,
}

impl Asked {
    /// Reads a request whose signature is by its own key, and that key ECDSA P-256.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        let (rest, csr) = X509CertificationRequest::from_der(der).map_err(|e| e.to_string())?;
        if !rest.is_empty() {
            return Err("trailing bytes".to_owned());
        }
        let info = &csr.certification_request_info;
        let key = &info.subject_pki.subject_public_key.data;
        verify(&csr)?;
        let mut asked = Self {
            key: Key(key.to_vec()),
            uris: vec![],
            dns: vec![],
            more: 0,
            has_subject: info.subject.iter().next().is_some(),
        };
        for extension in csr.requested_extensions().into_iter().flatten() {
            match extension {
                ParsedExtension::SubjectAlternativeName(names) => {
                    for name in &names.general_names {
                        match name {
                            GeneralName::URI(uri) => asked.uris.push((*uri).to_owned()),
                            GeneralName::DNSName(dns) => asked.dns.push((*dns).to_owned()),
                            _ => asked.more += 1,
                        }
                    }
                }
                _ => asked.more += 1,
            }
        }
        Ok(asked)
    }
}

fn verify(csr: &X509CertificationRequest<'_>) -> Result<(), String> {
    let info = &csr.certification_request_info;
    let p256 = webpki::aws_lc_rs::ECDSA_P256_SHA256;
    let signed = p256.verify_signature(
        &info.subject_pki.subject_public_key.data,
        info.raw,
        &csr.signature_value.data,
    );
    signed.map_err(|_| "not signed by its own ECDSA P-256 key".to_owned())
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

fn date(moment: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(moment.as_second()).unwrap()
}
