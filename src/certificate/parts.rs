//! A certificate cut into the slices that the rules read and that signatures are made over.

use super::der::{
    BIT_STRING, BOOLEAN, Element, INTEGER, OCTET_STRING, OID, SEQUENCE, elements, expect, take,
};

/// A signed structure: a certificate or a CRL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    /// What is signed, with its header.
    pub(super) message: &'a [u8],
    /// The contents of the `AlgorithmIdentifier`.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

/// A public key, as signatures are checked with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    /// The whole `SubjectPublicKeyInfo`.
    pub(super) whole: &'a [u8],
    /// The contents of the `AlgorithmIdentifier`.
    pub(super) algorithm: &'a [u8],
    pub(super) bits: &'a [u8],
}

/// The slices of one certificate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) signed: Signed<'a>,
    pub(super) serial: &'a [u8],
    /// The names without their header, as webpki compares them.
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// The names with it, as TLS sends them.
    pub(super) whole_issuer: &'a [u8],
    pub(super) whole_subject: &'a [u8],
    /// The two dates.
    pub(super) validity: &'a [u8],
    pub(super) key: Key<'a>,
    /// The contents of the `Extensions` sequence.
    extensions: &'a [u8],
}

/// One extension.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extension<'a> {
    pub(super) oid: &'a [u8],
    pub(super) critical: bool,
    /// The contents of the `extnValue`.
    pub(super) value: &'a [u8],
}

pub(super) const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
pub(super) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
pub(super) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
pub(super) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];
pub(super) const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
pub(super) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// A name of the SAN extension.
#[derive(Clone, Copy, Debug)]
pub(super) enum AltName<'a> {
    Dns(&'a [u8]),
    Uri(&'a [u8]),
    Ip(&'a [u8]),
}

impl<'a> Signed<'a> {
    pub(super) fn of(der: &'a [u8]) -> Option<Self> {
        let mut outer = expect(&mut &*der, SEQUENCE)?.contents;
        let message = expect(&mut outer, SEQUENCE)?.whole;
        let algorithm = expect(&mut outer, SEQUENCE)?.contents;
        Some(Self {
            message,
            algorithm,
            signature: bits(expect(&mut outer, BIT_STRING)?)?,
        })
    }
}

impl<'a> Parts<'a> {
    /// `None`: this is not a certificate.
    pub(super) fn of(der: &'a [u8]) -> Option<Self> {
        let signed = Signed::of(der)?;
        let mut tbs = expect(&mut &*signed.message, SEQUENCE)?.contents;
        let _version = expect(&mut tbs, EXPLICIT_0);
        let serial = expect(&mut tbs, INTEGER)?.contents;
        let _algorithm = expect(&mut tbs, SEQUENCE)?;
        let issuer = expect(&mut tbs, SEQUENCE)?;
        let validity = expect(&mut tbs, SEQUENCE)?.contents;
        let subject = expect(&mut tbs, SEQUENCE)?;
        let whole = expect(&mut tbs, SEQUENCE)?;
        let mut info = whole.contents;
        let key = Key {
            whole: whole.whole,
            algorithm: expect(&mut info, SEQUENCE)?.contents,
            bits: bits(expect(&mut info, BIT_STRING)?)?,
        };
        let extensions = elements(tbs)
            .find(|element| element.tag == EXPLICIT_3)
            .and_then(|element| expect(&mut &*element.contents, SEQUENCE))
            .map_or(&[][..], |sequence| sequence.contents);
        Some(Self {
            signed,
            serial,
            issuer: issuer.contents,
            subject: subject.contents,
            whole_issuer: issuer.whole,
            whole_subject: subject.whole,
            validity,
            key,
            extensions,
        })
    }

    /// Every extension, also those that stand twice.
    pub(super) fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        elements(self.extensions).filter_map(|element| {
            let mut inner = element.contents;
            let oid = expect(&mut inner, OID)?.contents;
            let critical = expect(&mut inner, BOOLEAN).is_some_and(|flag| flag.contents != [0x00]);
            Some(Extension {
                oid,
                critical,
                value: expect(&mut inner, OCTET_STRING)?.contents,
            })
        })
    }

    /// The first extension of this kind.
    pub(super) fn extension(&self, oid: &[u8]) -> Option<Extension<'a>> {
        self.extensions().find(|extension| extension.oid == oid)
    }

    /// The names of every SAN extension.
    pub(super) fn alt_names(&self) -> impl Iterator<Item = AltName<'a>> + use<'a> {
        self.extensions()
            .filter(|extension| extension.oid == SUBJECT_ALT_NAME)
            .filter_map(|extension| expect(&mut &*extension.value, SEQUENCE))
            .flat_map(|names| elements(names.contents))
            .filter_map(|name| match name.tag {
                0x82 => Some(AltName::Dns(name.contents)),
                0x86 => Some(AltName::Uri(name.contents)),
                0x87 => Some(AltName::Ip(name.contents)),
                _ => None,
            })
    }

    /// A SAN extension that does not read to its end: names may hide behind the break.
    pub(super) fn alt_names_broken(&self) -> bool {
        self.extensions()
            .filter(|extension| extension.oid == SUBJECT_ALT_NAME)
            .any(|extension| {
                let mut value = extension.value;
                let Some(names) = expect(&mut value, SEQUENCE) else {
                    return true;
                };
                let read: usize = elements(names.contents).map(|name| name.whole.len()).sum();
                !value.is_empty() || read != names.contents.len()
            })
    }

    /// The URI SANs, whole. Bytes that are not UTF-8 are replaced.
    pub(super) fn uris(&self) -> Vec<String> {
        self.alt_names()
            .filter_map(|name| match name {
                AltName::Uri(uri) => Some(String::from_utf8_lossy(uri).into_owned()),
                AltName::Dns(_) | AltName::Ip(_) => None,
            })
            .collect()
    }

    /// The subject key identifier.
    pub(super) fn key_id(&self) -> Option<&'a [u8]> {
        let mut value = self.extension(SUBJECT_KEY_ID)?.value;
        expect(&mut value, OCTET_STRING).map(|id| id.contents)
    }

    /// The key identifier that the certificate gives for its issuer.
    pub(super) fn issuer_key_id(&self) -> Option<&'a [u8]> {
        let mut value = self.extension(AUTHORITY_KEY_ID)?.value;
        let mut inner = expect(&mut value, SEQUENCE)?.contents;
        expect(&mut inner, IMPLICIT_0).map(|id| id.contents)
    }
}

/// The bits of a bit string of whole bytes.
fn bits(element: Element<'_>) -> Option<&[u8]> {
    match element.contents.split_first() {
        Some((0, bits)) => Some(bits),
        Some(_) | None => None,
    }
}

/// The object identifier at the head of an `AlgorithmIdentifier`, and what follows it.
pub(super) fn algorithm_id(algorithm: &[u8]) -> (&[u8], Option<Element<'_>>) {
    let mut rest = algorithm;
    match expect(&mut rest, OID) {
        Some(oid) => (oid.contents, take(&mut rest)),
        None => (&[], None),
    }
}

const IMPLICIT_0: u8 = 0x80;
const EXPLICIT_0: u8 = 0xa0;
const EXPLICIT_3: u8 = 0xa3;
