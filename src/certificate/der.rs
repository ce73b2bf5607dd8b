//! Just enough DER to cut a certificate or a CRL into the slices that signatures are made over.

/// One element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) contents: &'a [u8],
    /// Tag, length and contents.
    pub(super) whole: &'a [u8],
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const T61_STRING: u8 = 0x14;
pub(super) const IA5_STRING: u8 = 0x16;
pub(super) const BMP_STRING: u8 = 0x1e;
pub(super) const SEQUENCE: u8 = 0x30;

/// Takes the next element off the input. `None`: the input is empty, or not DER.
pub(super) fn take<'a>(input: &mut &'a [u8]) -> Option<Element<'a>> {
    let (&tag, rest) = input.split_first()?;
    if tag & 0x1f == 0x1f {
        return None; // no certificate needs tags of more than one byte
    }
    let (&first, mut rest) = rest.split_first()?;
    let length = if first < 0x80 {
        usize::from(first)
    } else {
        let bytes = usize::from(first & 0x7f);
        if bytes == 0 || bytes > 4 {
            return None;
        }
        let (length, after) = rest.split_at_checked(bytes)?;
        rest = after;
        length.iter().try_fold(0_usize, |sum, byte| {
            sum.checked_mul(256)?.checked_add(usize::from(*byte))
        })?
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    let whole = input.get(..input.len() - rest.len())?;
    *input = rest;
    Some(Element {
        tag,
        contents,
        whole,
    })
}

/// Takes the next element, which must have this tag.
pub(super) fn expect<'a>(input: &mut &'a [u8], tag: u8) -> Option<Element<'a>> {
    let mut ahead = *input;
    let element = take(&mut ahead).filter(|element| element.tag == tag)?;
    *input = ahead;
    Some(element)
}

/// The elements of a constructed value, up to the first that is not DER.
pub(super) fn elements(mut contents: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || take(&mut contents))
}

/// An object identifier with dots.
pub(super) fn dotted(oid: &[u8]) -> String {
    let mut text = String::new();
    let mut value = 0_u64;
    let mut first = true;
    for byte in oid.iter().take(MAX_OID) {
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if first {
            let top = (value / 40).min(2);
            text = format!("{top}.{}", value - top * 40);
            first = false;
        } else {
            text.push_str(&format!(".{value}"));
        }
        value = 0;
    }
    if oid.len() > MAX_OID {
        text.push('…');
    }
    text
}

/// Bytes of an object identifier that are worth showing.
const MAX_OID: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_cut_with_their_headers() {
        let mut input: &[u8] = &[0x30, 0x03, 0x02, 0x01, 0x05, 0xff];
        let element = take(&mut input).unwrap();
        assert_eq!((element.tag, element.contents), (SEQUENCE, &[2, 1, 5][..]));
        assert_eq!(element.whole.len(), 5);
        assert_eq!(input, [0xff]);
    }

    #[test]
    fn what_is_not_der_is_nothing() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0x01],
            &[0x30, 0x80, 0x00, 0x00],
            &[0x30, 0x85, 1, 1, 1, 1, 1],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 0x01, 0x00],
        ] {
            assert!(take(&mut &bytes[..]).is_none(), "{bytes:02x?}");
        }
    }

    #[test]
    fn object_identifiers_read_as_dotted_text() {
        for (bytes, text) in [
            (
                &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01][..],
                "1.2.840.10045.2.1",
            ),
            (&[0x55, 0x1d, 0x11], "2.5.29.17"),
            (&[0x88, 0x37], "2.999"),
            (&[], ""),
        ] {
            assert_eq!(dotted(bytes), text);
        }
        assert!(dotted(&[0xff; 500]).len() < 64);
    }
}
