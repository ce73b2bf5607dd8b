//! Trust anchors from bytes, in every form that is known. Pure.

use rustls_pki_types::CertificateDer;

use super::error::{Der, Flaw};
use super::{pem, spiffe_bundle};
use crate::certificate::{Bundle, Bundles, TrustDomain};

/// What one text trusts.
pub(super) enum Held {
    /// It does not say whose anchors these are.
    One(Bundle),
    /// It says so.
    Map(Vec<(TrustDomain, Bundle)>),
}

/// What stands in a text of any form: PEM, DER, a SPIFFE bundle or a map of them. A certificate that is
/// no CA may be among them: it is an anchor because somebody put it there.
pub(super) fn read(bytes: &[u8]) -> Result<Held, Flaw> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    match bytes.trim_ascii().first() {
        // A file is empty by accident, or for a moment while it is written; who means it can say so.
        None => return Err(Flaw::EmptyBundle),
        Some(b'{') => return spiffe_bundle::read(bytes),
        Some(_) => {}
    }
    if pem::has_key(bytes) {
        return Err(Flaw::KeyInBundle);
    }
    match pem::der_kind(bytes) {
        Some(Der::Key) => return Err(Flaw::KeyInBundle),
        Some(Der::Pkcs12) => return Err(Flaw::Container("PKCS#12", FROM_PKCS12)),
        Some(Der::Pkcs7) => return Err(Flaw::Container("PKCS#7", FROM_PKCS7)),
        Some(Der::Certificate) | None => {}
    }
    let certificates = match pem::is_der(bytes) {
        true => concatenated(bytes)?,
        false => pem::certificates(bytes)?,
    };
    let bundle = Bundle::new(certificates);
    let bundle = bundle.map_err(|(nth, why)| Flaw::Malformed { nth: nth + 1, why })?;
    Ok(Held::One(bundle))
}

/// As bundles by trust domain, or as an untagged one.
pub(super) fn bundles(bytes: &[u8]) -> Result<Bundles, Flaw> {
    Ok(match read(bytes)? {
        Held::One(bundle) => Bundles::untagged(bundle),
        Held::Map(all) => {
            let mut bundles = Bundles::none();
            for (domain, bundle) in all {
                bundles.insert(domain, bundle);
            }
            bundles
        }
    })
}

/// The one bundle. A map has no one bundle: each of its own counts for its own trust domain alone.
pub(super) fn bundle(bytes: &[u8]) -> Result<Bundle, Flaw> {
    match read(bytes)? {
        Held::One(bundle) => Ok(bundle),
        Held::Map(all) => {
            let domains = all.iter().map(|(domain, _)| domain.to_string());
            Err(Flaw::SeveralBundles(domains.collect()))
        }
    }
}

/// Certificates in DER that stand one after the other with nothing between them, as the Workload API
/// sends chains and bundles. No bytes are no certificates: what that means is for the caller to say.
/// What is in each certificate is not looked at.
pub(super) fn concatenated(der: &[u8]) -> Result<Vec<CertificateDer<'static>>, Flaw> {
    let mut certificates = vec![];
    let mut rest = der;
    while !rest.is_empty() {
        let (certificate, after) = split_value(rest).ok_or(Flaw::BrokenDer {
            nth: certificates.len() + 1,
            at: der.len() - rest.len(),
        })?;
        certificates.push(certificate.to_vec().into());
        rest = after;
    }
    Ok(certificates)
}

/// The first DER value, a SEQUENCE, and what follows it.
fn split_value(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, length) = match der {
        [SEQUENCE, short @ 0..=0x7f, ..] => (2, usize::from(*short)),
        [SEQUENCE, long @ 0x81..=0x84, rest @ ..] => {
            let octets = usize::from(long & 0x7f);
            let length = rest.get(..octets)?;
            let length = length.iter().try_fold(0_usize, |sum, octet| {
                sum.checked_mul(0x100)?.checked_add(usize::from(*octet))
            })?;
            (2 + octets, length)
        }
        _ => return None,
    };
    der.split_at_checked(head.checked_add(length)?)
}

const SEQUENCE: u8 = 0x30;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const FROM_PKCS12: &str = "openssl pkcs12 -in FILE -nokeys -out FILE.pem";
const FROM_PKCS7: &str = "openssl pkcs7 -inform DER -in FILE -print_certs -out FILE.pem";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_one_after_the_other_are_told_apart() {
        let short = [SEQUENCE, 2, 5, 0];
        let long = [&[SEQUENCE, 0x82, 1, 0][..], &[7; 256]].concat();
        let read = concatenated(&[&short[..], &long, &short].concat()).unwrap();
        assert_eq!(read, [&short[..], &long, &short].map(CertificateDer::from));
        assert_eq!(concatenated(&[]), Ok(vec![]));
    }

    #[test]
    fn what_is_no_certificate_is_found_at_its_place() {
        let good = [SEQUENCE, 2, 5, 0];
        for (bad, why) in [
            (&[0][..], "padding"),
            (b"\n", "a line end"),
            (&[SEQUENCE], "no length"),
            (&[SEQUENCE, 3, 5, 0], "cut short"),
            (&[SEQUENCE, 0x80, 0, 0], "an indefinite length"),
            (&[SEQUENCE, 0x82, 1], "half a length"),
            (&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff], "a huge length"),
            (&[SEQUENCE, 0x88, 1, 1, 1, 1, 1, 1, 1, 1], "a monster"),
            (&[0x02, 1, 0], "a number"),
        ] {
            let found = concatenated(&[&good[..], bad].concat());
            assert_eq!(found, Err(Flaw::BrokenDer { nth: 2, at: 4 }), "{why}");
        }
    }
}
