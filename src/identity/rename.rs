//! Puts exact names into a signed certificate or revocation list, and signs it again. Pure but for the
//! key.

use super::authority::Secret;

/// A certificate with another issuer, and another subject where one is given.
pub(super) fn certificate(
    der: &[u8],
    issuer: &[u8],
    subject: Option<&[u8]>,
    key: &Secret,
) -> Option<Vec<u8>> {
    // version, serialNumber, signature, issuer, validity, subject
    resign(der, key, |nth, old| match nth {
        3 => issuer,
        5 => subject.unwrap_or(old),
        _ => old,
    })
}

/// A revocation list with another issuer.
pub(super) fn crl(der: &[u8], issuer: &[u8], key: &Secret) -> Option<Vec<u8>> {
    // version, signature, issuer
    resign(der, key, |nth, old| if nth == 2 { issuer } else { old })
}

/// Both are SEQUENCE { what is signed, signatureAlgorithm, signatureValue }.
fn resign<'a>(
    der: &'a [u8],
    key: &Secret,
    replace: impl Fn(usize, &'a [u8]) -> &'a [u8],
) -> Option<Vec<u8>> {
    let mut outer = Values(content(der)?);
    let (signed, algorithm) = (outer.next()?, outer.next()?);
    let fields = Values(content(signed)?).enumerate();
    let body: Vec<u8> = fields
        .flat_map(|(nth, old)| replace(nth, old).iter().copied())
        .collect();
    let signed = value(SEQUENCE, &body)?;
    let mut signature = vec![0]; // no unused bits
    signature.extend(key.sign(&signed)?);
    let parts = [signed, algorithm.to_vec(), value(BIT_STRING, &signature)?];
    value(SEQUENCE, &parts.concat())
}

/// The DER values that stand one after the other.
struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (head, length) = header(self.0)?;
        let (value, rest) = self.0.split_at_checked(head.checked_add(length)?)?;
        self.0 = rest;
        Some(value)
    }
}

fn content(value: &[u8]) -> Option<&[u8]> {
    let (head, length) = header(value)?;
    value.get(head..head.checked_add(length)?)
}

/// The length of the header, and that of the content.
fn header(value: &[u8]) -> Option<(usize, usize)> {
    match value {
        [_, short @ 0..=0x7f, ..] => Some((2, usize::from(*short))),
        [_, 0x81, a, ..] => Some((3, usize::from(*a))),
        [_, 0x82, a, b, ..] => Some((4, usize::from(u16::from_be_bytes([*a, *b])))),
        _ => None,
    }
}

fn value(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    let mut value = vec![tag];
    match length.to_be_bytes() {
        [0, short @ 0..=0x7f] => value.push(short),
        [0, long] => value.extend([0x81, long]),
        long => value.extend([0x82, long[0], long[1]]),
    }
    value.extend_from_slice(content);
    Some(value)
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
