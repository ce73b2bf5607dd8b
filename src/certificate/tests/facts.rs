//! What is read from a certificate, whatever its shape.

use rcgen::{CertificateParams, DnType, DnValue, SanType, SerialNumber};

use super::mint::*;
use crate::certificate::*;

#[test]
fn a_certificate_is_described() {
    let root = self_signed(ca("root"));
    let mut params = leaf(ID);
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Acme \"Mesh\"");
    params.distinguished_name.push(
        DnType::CountryName,
        DnValue::BmpString("Ümlaut".try_into().unwrap()),
    );
    params.serial_number = Some(SerialNumber::from_slice(&[0xab, 0x01, 0x02]));
    params.subject_alt_names.extend([
        dns("a.example.com"),
        SanType::IpAddress("10.0.0.7".parse().unwrap()),
        SanType::IpAddress("2001:db8::1".parse().unwrap()),
    ]);
    let leaf = signed(params, &root);
    let facts = Facts::parse(&leaf.der).unwrap();
    assert_eq!(facts.subject, "CN=workload, O=Acme \"Mesh\", C=Ümlaut");
    assert_eq!(facts.issuer, "CN=root");
    assert_eq!(facts.serial, "ab0102");
    assert_eq!(facts.not_before, now() - hours(1));
    assert_eq!(facts.not_after, now() + hours(24));
    assert_eq!(facts.uris, [ID]);
    assert_eq!(facts.dns, ["a.example.com"]);
    assert_eq!(facts.ips.len(), 2);
    assert_eq!(
        (facts.san_critical, facts.is_ca, facts.path_len),
        (Some(false), false, None)
    );
    assert_eq!(
        facts.key_usage,
        Some(KeyUsage {
            critical: true,
            digital_signature: true,
            ..KeyUsage::default()
        })
    );
    assert_eq!(
        facts.extended_key_usage,
        Some(vec![Purpose::ServerAuth, Purpose::ClientAuth])
    );
    assert_eq!(
        (&*facts.key, &*facts.signature),
        ("ECDSA P-256", "ecdsa-with-SHA256")
    );
    assert!(!facts.self_issued);

    let facts = Facts::parse(&root.der).unwrap();
    assert!(facts.self_issued && facts.is_ca && facts.key_usage.unwrap().key_cert_sign);
    assert_eq!(facts.subject_der, facts.issuer_der);
    // A sequence of a set of a sequence of the type commonName and a UTF-8 text.
    assert_eq!(
        facts.subject_der,
        b"\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04root"
    );
    assert_eq!(
        (
            facts.uris.len(),
            facts.san_critical,
            facts.extended_key_usage
        ),
        (0, None, None)
    );
}

#[test]
fn fingerprints_are_those_of_sha_256() {
    let root = self_signed(ca("root"));
    let facts = Facts::parse(&root.der).unwrap();
    let digest = |bytes: &[u8]| {
        let suite = rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let suite = suite.tls13().unwrap();
        suite.common.hash_provider.hash(bytes).as_ref().to_vec()
    };
    assert_eq!(facts.sha256.to_vec(), digest(&root.der));
    let key = webpki::EndEntityCert::try_from(&root.der)
        .unwrap()
        .subject_public_key_info();
    assert_eq!(facts.spki_sha256.to_vec(), digest(&key));
    // The digest of nothing, from FIPS 180-4.
    assert_eq!(digest(b"")[..4], [0xe3, 0xb0, 0xc4, 0x42]);
}

#[test]
fn texts_of_a_peer_are_short_and_names_are_counted() {
    let mut params = leaf(ID);
    params
        .distinguished_name
        .push(DnType::CommonName, "ü".repeat(5000));
    params.subject_alt_names = (0..100)
        .map(|nth| uri(&format!("spiffe://td/{nth}")))
        .collect();
    params.subject_alt_names.push(dns(&"a".repeat(1000)));
    params.serial_number = Some(SerialNumber::from_slice(&[1; 900]));
    let facts = Facts::parse(&self_signed(params).der).unwrap();
    assert!(facts.subject.ends_with("bytes)"), "{}", facts.subject);
    assert!(facts.dns[0].ends_with("…(+520 bytes)"), "{}", facts.dns[0]);
    for text in [&facts.subject, &facts.issuer, &facts.serial, &facts.dns[0]] {
        assert!(text.chars().count() <= 512, "{}", text.chars().count());
    }
    assert_eq!(facts.uris.len(), 65);
    assert_eq!(facts.uris[64], "…(+36 more)");
}

#[test]
fn names_that_are_not_text_are_described_and_counted() {
    let mut params = leaf(ID);
    params.subject_alt_names = vec![];
    let names = b"\x30\x11\x86\x04\xff\xfe\x00a\x82\x02\xc3\x28\x87\x02\x01\x02\x86\x01\x1b";
    params.custom_extensions = vec![extension(&[2, 5, 29, 17], true, names)];
    let facts = Facts::parse(&self_signed(params).der).unwrap();
    assert_eq!(facts.uris, ["\u{fffd}\u{fffd}\0a", "\u{1b}"]);
    assert_eq!((facts.dns.len(), facts.ips.len()), (1, 0));
}

#[test]
fn broken_extensions_are_described_as_far_as_they_go() {
    type Oid = &'static [u64];
    const USAGE: Oid = &[2, 5, 29, 15];
    const PURPOSES: Oid = &[2, 5, 29, 37];
    const CONSTRAINTS: Oid = &[2, 5, 29, 19];
    let read = |oid: Oid, der: &[u8]| {
        let mut params = CertificateParams::default();
        params.custom_extensions = vec![extension(oid, false, der)];
        Facts::parse(&self_signed(params).der).unwrap()
    };
    for der in [&[][..], &[3], &[3, 0], &[3, 1, 0], &[5, 0]] {
        assert_eq!(
            read(USAGE, der).key_usage,
            Some(KeyUsage::default()),
            "{der:?}"
        );
    }
    for der in [&[][..], &[0x30], &[0x30, 0], &[0x30, 2, 6, 9]] {
        assert_eq!(
            read(PURPOSES, der).extended_key_usage,
            Some(vec![]),
            "{der:?}"
        );
    }
    let facts = read(CONSTRAINTS, &[0x30, 10, 1, 1, 255, 2, 5, 9, 9, 9, 9, 9]);
    assert_eq!((facts.is_ca, facts.path_len), (true, Some(u32::MAX)));
    assert!(!read(CONSTRAINTS, &[0x30, 3, 1, 1, 0]).is_ca);
}

#[test]
fn no_bytes_make_the_reader_or_the_judge_panic() {
    let mesh = Mesh::new();
    let mut rich = leaf(ID);
    rich.subject_alt_names.extend([
        dns("a.example.com"),
        SanType::IpAddress("::1".parse().unwrap()),
    ]);
    rich.custom_extensions = vec![super::fitness::uri_constraint()];
    let rich = signed(rich, &mesh.middle);
    let mut read = 0;
    for original in [&rich.der, &mesh.middle.der, &mesh.root.der] {
        for at in 0..original.len() {
            let _ = Facts::parse(&original[..at]);
            for change in [0x01, 0x02, 0x04, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut der = original.to_vec();
                der[at] ^= change;
                read += usize::from(Facts::parse(&der).is_ok());
                // Judging costs signatures, so only some are judged, in every place of the chain.
                if (at + usize::from(change)) % 7 == 0 {
                    let der = rustls_pki_types::CertificateDer::from(der);
                    let question = asked(&[&der, &der, &mesh.middle.der], &[&mesh.root]);
                    assert!(!question.judge().is_ok(), "byte {at} xor {change:02x}");
                    let question = asked(&[&rich.der, &der], &[&mesh.root]);
                    assert!(!question.judge().is_ok(), "byte {at} xor {change:02x}");
                }
            }
        }
    }
    assert!(read > 5000, "{read} variants could be read");
}
