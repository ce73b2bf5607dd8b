//! Keys and signature algorithms, for people.

use super::der::{INTEGER, OID, SEQUENCE, dotted, expect};
use super::parts::{Key, algorithm_id};

/// The kind and size of a key: `ECDSA P-256`, `RSA 2048`, `Ed25519`.
pub(super) fn key_text(key: &Key<'_>) -> String {
    let (oid, parameters) = algorithm_id(key.algorithm);
    match dotted(oid).as_str() {
        EC => match parameters {
            Some(curve) if curve.tag == OID => format!("ECDSA {}", curve_text(curve.contents)),
            Some(_) | None => "ECDSA with explicit parameters".to_owned(),
        },
        RSA => match rsa_bits(key) {
            Some(bits) => format!("RSA {bits}"),
            None => "RSA, unreadable".to_owned(),
        },
        "1.3.101.112" => "Ed25519".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        "1.2.840.10040.4.1" => "DSA".to_owned(),
        "1.2.840.113549.1.1.10" => "RSA-PSS".to_owned(),
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44".to_owned(),
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65".to_owned(),
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87".to_owned(),
        other => format!("key type {other}"),
    }
}

/// The size of an RSA key; `None` for every other key.
pub(super) fn rsa_bits(key: &Key<'_>) -> Option<usize> {
    if dotted(algorithm_id(key.algorithm).0) != RSA {
        return None;
    }
    let mut inner = expect(&mut &*key.bits, SEQUENCE)?.contents;
    let modulus = expect(&mut inner, INTEGER)?.contents;
    let significant = modulus.iter().position(|byte| *byte != 0)?;
    let first = modulus.get(significant)?;
    Some((modulus.len() - significant) * 8 - usize::try_from(first.leading_zeros()).ok()?)
}

/// A signature algorithm: `ecdsa-with-SHA256`. Takes the contents of the `AlgorithmIdentifier`.
pub(super) fn signature_text(algorithm: &[u8]) -> String {
    let oid = dotted(algorithm_id(algorithm).0);
    match oid.as_str() {
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.1" => "ecdsa-with-SHA224",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.2.840.113549.1.1.2" => "md2WithRSAEncryption",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.113549.1.1.14" => "sha224WithRSAEncryption",
        "1.2.840.10040.4.3" => "dsa-with-SHA1",
        "2.16.840.1.101.3.4.3.2" => "dsa-with-SHA256",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        other => return format!("signature algorithm {other}"),
    }
    .to_owned()
}

fn curve_text(oid: &[u8]) -> String {
    match dotted(oid).as_str() {
        "1.2.840.10045.3.1.1" => "P-192".to_owned(),
        "1.3.132.0.33" => "P-224".to_owned(),
        "1.2.840.10045.3.1.7" => "P-256".to_owned(),
        "1.3.132.0.34" => "P-384".to_owned(),
        "1.3.132.0.35" => "P-521".to_owned(),
        "1.3.132.0.10" => "secp256k1".to_owned(),
        other => format!("curve {other}"),
    }
}

const EC: &str = "1.2.840.10045.2.1";
const RSA: &str = "1.2.840.113549.1.1.1";
