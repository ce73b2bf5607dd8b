//! Does this key fit this signature? Asked of the same algorithms that webpki uses.

use std::sync::LazyLock;

use rustls_pki_types::SignatureVerificationAlgorithm;

use super::algorithm::{key_text, rsa_bits, signature_text};
use super::parts::{Key, Signed};

/// The algorithms of the TLS provider.
pub(super) static ALGORITHMS: LazyLock<&'static [&'static dyn SignatureVerificationAlgorithm]> =
    LazyLock::new(|| {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .all
    });

/// Whether a key made a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It did.
    Fits,
    /// It did not.
    Fails,
    /// Nobody here can tell: the algorithm or the key, named here, is too old or too strange.
    Unsupported(String),
}

impl Fit {
    pub(super) fn of(signed: &Signed<'_>, key: &Key<'_>) -> Self {
        let mut able = ALGORITHMS
            .iter()
            .filter(|a| a.signature_alg_id().as_ref() == signed.algorithm)
            .peekable();
        if able.peek().is_none() {
            return Self::Unsupported(signature_text(signed.algorithm));
        }
        if !knows(key) {
            return Self::Unsupported(format!("a key of type {}", key_text(key)));
        }
        let fits = able
            .filter(|a| a.public_key_alg_id().as_ref() == key.algorithm)
            .any(|a| {
                a.verify_signature(key.bits, signed.message, signed.signature)
                    .is_ok()
            });
        match rsa_bits(key) {
            _ if fits => Self::Fits,
            Some(bits) if !SUPPORTED_RSA.contains(&bits) => {
                Self::Unsupported(format!("a key of type RSA {bits}"))
            }
            Some(_) | None => Self::Fails,
        }
    }
}

/// Signatures of this key can be checked, if they use an algorithm that we have.
pub(super) fn supports(key: &Key<'_>) -> bool {
    knows(key) && rsa_bits(key).is_none_or(|bits| SUPPORTED_RSA.contains(&bits))
}

fn knows(key: &Key<'_>) -> bool {
    ALGORITHMS
        .iter()
        .any(|a| a.public_key_alg_id().as_ref() == key.algorithm)
}

const SUPPORTED_RSA: std::ops::RangeInclusive<usize> = 2048..=8192;
