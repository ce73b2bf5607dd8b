//! Certificates made at run time, and the question asked of them.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use time::OffsetDateTime;

use crate::certificate::*;
use crate::code::Code;

/// The moment of every question that does not say another.
pub(super) fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

pub(super) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// A moment so many hours from now, as rcgen writes it.
pub(super) fn moment(after: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp((now() + hours(after)).as_second()).unwrap()
}

/// A certificate and all that is needed to sign with it.
pub(super) struct Minted {
    pub(super) der: CertificateDer<'static>,
    pub(super) issuer: Issuer<'static, KeyPair>,
    pub(super) key: String,
}

/// A signing certificate with nothing to say against it.
pub(super) fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = moment(-240);
    params.not_after = moment(2400);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// A leaf with nothing to say against it.
pub(super) fn leaf(id: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "workload");
    params.not_before = moment(-1);
    params.not_after = moment(24);
    params.is_ca = IsCa::ExplicitNoCa;
    params.serial_number = Some(SerialNumber::from_slice(&[7, 7, 7]));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.subject_alt_names = vec![uri(id)];
    params.use_authority_key_identifier_extension = true;
    params
}

pub(super) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

pub(super) fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

pub(super) fn extension(oid: &[u64], critical: bool, der: &[u8]) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, der.to_vec());
    extension.set_criticality(critical);
    extension
}

pub(super) fn self_signed(params: CertificateParams) -> Minted {
    self_signed_with(params, KeyPair::generate().unwrap())
}

/// A root over a key that exists already.
pub(super) fn self_signed_with(params: CertificateParams, key: KeyPair) -> Minted {
    let der = params.self_signed(&key).unwrap().der().clone();
    minted(params, key, der)
}

pub(super) fn signed(params: CertificateParams, by: &Minted) -> Minted {
    signed_with(params, KeyPair::generate().unwrap(), by)
}

/// Signed over a key that exists already.
pub(super) fn signed_with(params: CertificateParams, key: KeyPair, by: &Minted) -> Minted {
    let der = params.signed_by(&key, &by.issuer).unwrap().der().clone();
    minted(params, key, der)
}

fn minted(params: CertificateParams, key: KeyPair, der: CertificateDer<'static>) -> Minted {
    Minted {
        der,
        key: key.serialize_pem(),
        issuer: Issuer::new(params, key),
    }
}

impl Minted {
    pub(super) fn key(&self) -> KeyPair {
        KeyPair::from_pem(&self.key).unwrap()
    }

    /// The same certificate with a signature that does not fit.
    pub(super) fn flipped(&self) -> CertificateDer<'static> {
        let mut der = self.der.to_vec();
        *der.last_mut().unwrap() ^= 1;
        der.into()
    }
}

/// The identity of a leaf, where the test is not about it.
pub(super) const ID: &str = "spiffe://td/ns/a/sa/b";

/// A root, an intermediate and a leaf with nothing to say against them.
pub(super) struct Mesh {
    pub(super) root: Minted,
    pub(super) middle: Minted,
    pub(super) leaf: Minted,
}

impl Mesh {
    pub(super) fn new() -> Self {
        let root = self_signed(ca("root"));
        let middle = signed(ca("middle"), &root);
        let leaf = signed(leaf(ID), &middle);
        Self { root, middle, leaf }
    }
}

/// A question that can be changed bit by bit.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) bundles: Bundles,
    pub(super) role: Role,
    pub(super) expected: Expected,
    pub(super) at: Timestamp,
    pub(super) crls: Vec<CertificateRevocationListDer<'static>>,
    pub(super) elsewhere: Vec<CertificateDer<'static>>,
}

/// Any SVID, by these roots of the trust domain `td`.
pub(super) fn asked(chain: &[&CertificateDer<'static>], roots: &[&Minted]) -> Asked {
    Asked {
        chain: chain.iter().map(|der| (*der).clone()).collect(),
        bundles: bundles(&[("td", roots)]),
        role: Role::Server,
        expected: Expected::AnySvid,
        at: now(),
        crls: vec![],
        elsewhere: vec![],
    }
}

pub(super) fn bundles(of: &[(&str, &[&Minted])]) -> Bundles {
    let mut bundles = Bundles::none();
    for (domain, roots) in of {
        let roots = roots.iter().map(|root| root.der.clone());
        bundles.insert(domain.parse().unwrap(), Bundle::new(roots).unwrap());
    }
    bundles
}

impl Asked {
    pub(super) fn judge(&self) -> Judgement {
        judge(&Question {
            chain: &self.chain,
            bundles: &self.bundles,
            role: self.role,
            expected: &self.expected,
            at: self.at,
            crls: &self.crls,
            elsewhere: &self.elsewhere,
        })
    }
}

/// Holds that a judgement has these problems, each with its text in part, and no other.
#[track_caller]
pub(super) fn assert_problems(name: &str, judgement: &Judgement, want: &[(Code, &str)]) {
    let found = &judgement.problems;
    let right = found.len() == want.len()
        && (found.iter().zip(want))
            .all(|(found, (code, what))| found.code == *code && found.what.contains(what));
    assert!(right, "{name}:\n want {want:#?}\n found {found:#?}");
}

#[track_caller]
pub(super) fn assert_note(judgement: &Judgement, part: &str) {
    let notes = &judgement.notes;
    assert!(notes.iter().any(|note| note.contains(part)), "{notes:#?}");
}
