//! Bytes to facts. Rules are not judged here; only what has no shape at all is refused.

use std::net::IpAddr;

use jiff::Timestamp;
use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use x509_parser::asn1_rs::Oid;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::algorithm::{key_text, signature_text};
use super::der::{
    BIT_STRING, BMP_STRING, BOOLEAN, IA5_STRING, INTEGER, OID, PRINTABLE_STRING, SEQUENCE,
    T61_STRING, UTF8_STRING, dotted, elements, expect, take,
};
use super::facts::{Facts, KeyUsage, Malformed, Purpose};
use super::parts::{
    AltName, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, Extension, KEY_USAGE, Parts, SUBJECT_ALT_NAME,
};

impl Facts {
    /// Reads one DER certificate.
    pub fn parse(der: &[u8]) -> Result<Self, Malformed> {
        let parts =
            Parts::of(der).ok_or_else(|| Malformed("it has not the shape of one".into()))?;
        let (not_before, not_after) =
            dates(parts.validity).ok_or_else(|| Malformed("its dates cannot be read".into()))?;
        let (is_ca, path_len) = basic_constraints(&parts);
        Ok(Self {
            subject: name_text(parts.subject),
            issuer: name_text(parts.issuer),
            subject_der: parts.whole_subject.to_vec(),
            issuer_der: parts.whole_issuer.to_vec(),
            serial: serial_text(parts.serial),
            not_before,
            not_after,
            uris: bounded(parts.uris().iter().map(|uri| cut(uri))),
            dns: bounded(parts.alt_names().filter_map(dns_text)),
            ips: parts
                .alt_names()
                .filter_map(address)
                .take(MAX_NAMES)
                .collect(),
            san_critical: parts.extension(SUBJECT_ALT_NAME).map(|san| san.critical),
            is_ca,
            path_len,
            key_usage: parts.extension(KEY_USAGE).map(key_usage),
            extended_key_usage: parts.extension(EXTENDED_KEY_USAGE).map(purposes),
            key: key_text(&parts.key),
            signature: signature_text(parts.signed.algorithm),
            self_issued: parts.subject == parts.issuer,
            sha256: sha256(der),
            spki_sha256: sha256(parts.key.whole),
        })
    }
}

/// Cuts a text that a peer chose to a length that a report can carry.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some((at, _)) => format!(
            "{}…(+{} bytes)",
            text.get(..at).unwrap_or_default(),
            text.len() - at
        ),
    }
}

/// A DER name as text, for people; what is none is empty.
pub fn directory_name(der: &[u8]) -> String {
    let sequence = elements(der).next();
    sequence.map_or_else(String::new, |name| name_text(name.contents))
}

/// A distinguished name as text, also where an attribute is not text.
fn name_text(name: &[u8]) -> String {
    let mut text = String::new();
    for relative in elements(name) {
        for (nth, attribute) in elements(relative.contents).enumerate() {
            if !text.is_empty() {
                text.push_str(if nth == 0 { ", " } else { " + " });
            }
            text.push_str(&attribute_text(attribute.contents));
        }
        if text.len() > 8 * MAX_TEXT {
            break;
        }
    }
    cut(&text)
}

fn attribute_text(attribute: &[u8]) -> String {
    let mut inner = attribute;
    let oid = expect(&mut inner, OID).map_or(&[][..], |oid| oid.contents);
    let kind = match oid2abbrev(&Oid::new(oid.into()), oid_registry()) {
        Ok(short) => short.to_owned(),
        Err(_) => dotted(oid),
    };
    let value = match take(&mut inner) {
        None => String::new(),
        Some(value) => match value.tag {
            UTF8_STRING | PRINTABLE_STRING | T61_STRING | IA5_STRING => {
                String::from_utf8_lossy(value.contents).into_owned()
            }
            BMP_STRING => {
                let pairs = value.contents.chunks_exact(2);
                let units =
                    pairs.map(|pair| pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)));
                char::decode_utf16(units)
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect()
            }
            _ => format!("#{}", hex(value.whole)),
        },
    };
    format!("{kind}={}", cut(&value))
}

fn serial_text(serial: &[u8]) -> String {
    // The leading zero only says that the number is positive.
    let digits = match serial {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    cut(&hex(digits))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn dates(validity: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (rest, not_before) = ASN1Time::from_der(validity).ok()?;
    let (_, not_after) = ASN1Time::from_der(rest).ok()?;
    Some((moment(not_before), moment(not_after)))
}

fn moment(time: ASN1Time) -> Timestamp {
    let seconds = time.timestamp();
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// Keeps a list short, and visibly longer than it is shown.
fn bounded(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts = texts.fuse();
    let mut kept: Vec<_> = texts.by_ref().take(MAX_NAMES).collect();
    let more = texts.count();
    if more > 0 {
        kept.push(format!("…(+{more} more)"));
    }
    kept
}

fn dns_text(name: AltName<'_>) -> Option<String> {
    match name {
        AltName::Dns(dns) => Some(cut(&String::from_utf8_lossy(dns))),
        AltName::Uri(_) | AltName::Ip(_) => None,
    }
}

fn address(name: AltName<'_>) -> Option<IpAddr> {
    match name {
        AltName::Ip(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
            16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
            _ => None,
        },
        AltName::Dns(_) | AltName::Uri(_) => None,
    }
}

fn basic_constraints(parts: &Parts<'_>) -> (bool, Option<u32>) {
    let Some(mut inner) = parts
        .extension(BASIC_CONSTRAINTS)
        .and_then(|extension| expect(&mut &*extension.value, SEQUENCE))
        .map(|sequence| sequence.contents)
    else {
        return (false, None);
    };
    let is_ca = expect(&mut inner, BOOLEAN).is_some_and(|flag| flag.contents != [0x00]);
    let path_len = expect(&mut inner, INTEGER).map(|length| {
        length.contents.iter().fold(0_u32, |sum, byte| {
            sum.saturating_mul(256).saturating_add(u32::from(*byte))
        })
    });
    (is_ca, path_len)
}

fn key_usage(extension: Extension<'_>) -> KeyUsage {
    let bits = expect(&mut &*extension.value, BIT_STRING)
        .and_then(|bits| bits.contents.get(1).copied())
        .unwrap_or(0);
    KeyUsage {
        critical: extension.critical,
        digital_signature: bits & 0x80 != 0,
        key_cert_sign: bits & 0x04 != 0,
        crl_sign: bits & 0x02 != 0,
    }
}

fn purposes(extension: Extension<'_>) -> Vec<Purpose> {
    expect(&mut &*extension.value, SEQUENCE)
        .into_iter()
        .flat_map(|sequence| elements(sequence.contents))
        .filter(|element| element.tag == OID)
        .take(MAX_NAMES)
        .map(|element| match dotted(element.contents).as_str() {
            "1.3.6.1.5.5.7.3.1" => Purpose::ServerAuth,
            "1.3.6.1.5.5.7.3.2" => Purpose::ClientAuth,
            "2.5.29.37.0" => Purpose::Any,
            other => Purpose::Other(other.to_owned()),
        })
        .collect()
}

/// The digest that fingerprints are.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    if let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 {
        let output = suite.common.hash_provider.hash(bytes);
        for (to, from) in digest.iter_mut().zip(output.as_ref()) {
            *to = *from;
        }
    }
    digest
}

/// Characters of one text that are kept; with the mark of the cut it stays under 512.
const MAX_TEXT: usize = 480;
/// Names of one kind that are kept.
const MAX_NAMES: usize = 64;
