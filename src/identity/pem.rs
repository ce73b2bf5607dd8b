//! PEM to certificates, keys and revocation lists, each mistake by its name. Pure.

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use zeroize::{Zeroize, Zeroizing};

use super::error::{Der, Flaw};

/// Every certificate of a PEM text, at least one.
pub(super) fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Flaw> {
    let found: Vec<CertificateDer<'static>> = items(bytes)?;
    if found.is_empty() {
        return Err(absent(bytes, Flaw::NoCertificate));
    }
    Ok(found)
}

/// The one private key of a PEM text.
pub(super) fn key(bytes: &[u8]) -> Result<Key, Flaw> {
    let labels = labels(bytes);
    let is_key = |label: &&String| label.ends_with("PRIVATE KEY");
    match labels.iter().filter(is_key).count() {
        0 => return Err(absent(bytes, Flaw::NoKey)),
        1 => {}
        several => return Err(Flaw::SeveralKeys(several)),
    }
    if is_encrypted(bytes, &labels) {
        return Err(Flaw::Encrypted);
    }
    let mut found: Vec<Key> = bytes_of_keys(bytes)?;
    match found.pop() {
        Some(key) => Ok(key),
        // A label we do not know, for example `DSA PRIVATE KEY`.
        None => Err(Flaw::UnsupportedKey),
    }
}

/// Whether any private key is in a PEM text.
pub(super) fn has_key(bytes: &[u8]) -> bool {
    let mut labels = labels(bytes).into_iter();
    labels.any(|label| label.ends_with("PRIVATE KEY"))
}

/// Revocation lists, PEM or one DER, at least one.
pub(super) fn crls(bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, Flaw> {
    let found: Vec<CertificateRevocationListDer<'static>> = match is_der(bytes) {
        true => vec![bytes.to_vec().into()],
        false => items(bytes)?,
    };
    if found.is_empty() {
        return Err(absent(bytes, Flaw::NoCrl));
    }
    for (nth, crl) in found.iter().enumerate() {
        if let Err(error) = webpki::BorrowedCertRevocationList::from_der(crl) {
            return Err(Flaw::MalformedCrl {
                nth: nth + 1,
                why: error.to_string(),
            });
        }
    }
    Ok(found)
}

/// Whether this is DER that could hold a certificate. A text may begin with a SEQUENCE as well, which is
/// the digit 0, but not with a length of more than 127 bytes.
pub(super) fn is_der(bytes: &[u8]) -> bool {
    matches!(bytes, [SEQUENCE, 0x80..=0xff, ..])
}

/// A private key that wipes itself.
pub(super) struct Key(PrivateKeyDer<'static>);

impl Key {
    pub(super) fn der(&self) -> &PrivateKeyDer<'static> {
        &self.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

fn bytes_of_keys(bytes: &[u8]) -> Result<Vec<Key>, Flaw> {
    PrivateKeyDer::pem_slice_iter(bytes)
        .map(|item| item.map(Key).map_err(broken))
        .collect()
}

fn items<T: PemObject>(bytes: &[u8]) -> Result<Vec<T>, Flaw> {
    T::pem_slice_iter(bytes)
        .map(|item| item.map_err(broken))
        .collect()
}

/// What to say of bytes that do not hold what was looked for.
fn absent(bytes: &[u8], otherwise: fn(Vec<String>) -> Flaw) -> Flaw {
    let text = bytes.trim_ascii();
    match text.first() {
        None => Flaw::Empty,
        Some(b'{') => Flaw::NotPem,
        Some(&SEQUENCE) => der_kind(text).map_or_else(|| otherwise(vec![]), Flaw::Der),
        Some(_) => {
            let labels = labels(bytes);
            if labels.is_empty() && contains(bytes, b"-----BEGIN ") {
                return Flaw::BrokenPem(
                    "\"-----BEGIN\" must stand at the begin of its line".to_owned(),
                );
            }
            otherwise(labels)
        }
    }
}

/// The labels of the PEM blocks, in order; they come from a file and are made printable.
fn labels(bytes: &[u8]) -> Vec<String> {
    bytes
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .filter_map(|line| line.strip_prefix(b"-----BEGIN "))
        .map(|rest| {
            let label = String::from_utf8_lossy(rest);
            let label = label.trim_end().trim_end_matches('-');
            label
                .chars()
                .take(40)
                .flat_map(char::escape_default)
                .collect()
        })
        .collect()
}

/// PKCS#8 says it in the label, the traditional formats in a header of the block.
fn is_encrypted(bytes: &[u8], labels: &[String]) -> bool {
    labels.iter().any(|label| label == "ENCRYPTED PRIVATE KEY")
        || contains(bytes, b"Proc-Type: 4,ENCRYPTED")
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// A certificate begins with a SEQUENCE in a SEQUENCE, keys and PKCS#12 with a version in one, PKCS#7 with
/// an OID in one.
pub(super) fn der_kind(bytes: &[u8]) -> Option<Der> {
    let inner = match bytes {
        [SEQUENCE, 0..=0x7f, inner @ ..] => inner,
        [SEQUENCE, long, rest @ ..] => rest.get(usize::from(long & 0x7f)..)?,
        _ => return None,
    };
    match inner {
        [SEQUENCE, ..] => Some(Der::Certificate),
        [INTEGER, 1, 3, ..] => Some(Der::Pkcs12),
        [INTEGER, 1, 0 | 1, ..] => Some(Der::Key),
        [OID, ..] => Some(Der::Pkcs7),
        _ => None,
    }
}

fn broken(error: pem::Error) -> Flaw {
    Flaw::BrokenPem(
        if let pem::Error::MissingSectionEnd { end_marker } = &error {
            let label = String::from_utf8_lossy(end_marker);
            format!(
                "the line \"-----END {}-----\" is missing",
                label.escape_default()
            )
        } else if let pem::Error::IllegalSectionStart { .. } = &error {
            "a \"-----BEGIN\" line does not end in \"-----\"".to_owned()
        } else if let pem::Error::Base64Decode(_) = &error {
            "a block is not base64".to_owned()
        } else {
            error.to_string()
        },
    )
}

/// One PEM block, as every tool writes it. What may be a key leaves no copy behind.
pub(crate) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let lines = ::pem::EncodeConfig::new().set_line_ending(::pem::LineEnding::LF);
    let block = ::pem::Pem::new(label, der);
    let text = Zeroizing::new(::pem::encode_config(&block, lines));
    block.into_contents().zeroize();
    text
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OID: u8 = 0x06;
