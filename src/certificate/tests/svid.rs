//! Every rule of the X.509-SVID standard, kept and broken.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose,
};

use super::mint::*;
use crate::certificate::{Expected, Role};
use crate::code::Code::{self, *};

type Change = fn(&mut CertificateParams);
/// The rule, what just keeps it, what breaks it alone, and what is said of the second.
type Rule = (
    &'static str,
    Change,
    Change,
    &'static [(Code, &'static str)],
);

/// Of a leaf.
const LEAF_RULES: &[Rule] = &[
    (
        "one URI SAN at least",
        |_| {},
        |p| p.subject_alt_names = vec![dns("a.example.com")],
        &[(
            InvalidSvid,
            "leaf has no URI SAN; the SPIFFE ID belongs there",
        )],
    ),
    (
        "one URI SAN at most, and any number of other names",
        |p| {
            p.subject_alt_names
                .extend([dns("a.example.com"), dns("b.example.com")])
        },
        |p| p.subject_alt_names.push(uri("https://example.com/")),
        &[(
            InvalidSvid,
            "leaf has 2 URI SANs; an X.509-SVID has exactly one",
        )],
    ),
    (
        "two SPIFFE IDs are one too many",
        |_| {},
        |p| p.subject_alt_names.push(uri("spiffe://td/second")),
        &[(InvalidSvid, "leaf has 2 URI SANs")],
    ),
    (
        "a hundred are too many, and counted",
        |_| {},
        |p| {
            p.subject_alt_names = (0..100)
                .map(|nth| uri(&format!("spiffe://td/{nth}")))
                .collect()
        },
        &[(InvalidSvid, "leaf has 100 URI SANs")],
    ),
    (
        "the scheme is spiffe",
        |p| p.subject_alt_names = vec![uri("spiffe://td/x")],
        |p| p.subject_alt_names = vec![uri("https://td/x")],
        &[(
            InvalidSvid,
            r#"leaf's URI SAN "https://td/x" is no SPIFFE ID: it does not begin with "spiffe://""#,
        )],
    ),
    (
        "the trust domain is in lower case",
        |p| p.subject_alt_names = vec![uri("spiffe://td/X")],
        |p| p.subject_alt_names = vec![uri("spiffe://TD/X")],
        &[(InvalidSvid, "has 'T' in its trust domain")],
    ),
    (
        "no port",
        |_| {},
        |p| p.subject_alt_names = vec![uri("spiffe://td:80/x")],
        &[(InvalidSvid, "has ':' in its trust domain")],
    ),
    (
        "no query",
        |_| {},
        |p| p.subject_alt_names = vec![uri("spiffe://td/x?y")],
        &[(InvalidSvid, "has '?' in its path")],
    ),
    (
        "no trailing slash",
        |_| {},
        |p| p.subject_alt_names = vec![uri("spiffe://td/x/")],
        &[(InvalidSvid, "has an empty path segment")],
    ),
    (
        "a path, since a leaf names a workload",
        |p| p.subject_alt_names = vec![uri("spiffe://td/x")],
        |p| p.subject_alt_names = vec![uri("spiffe://td")],
        &[(
            InvalidSvid,
            "leaf's SPIFFE ID has no path: it names a trust domain, not a workload",
        )],
    ),
    (
        "not a CA",
        |p| p.is_ca = IsCa::NoCa,
        |p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        &[(InvalidSvid, "leaf is a CA certificate")],
    ),
    (
        "key usage",
        |_| {},
        |p| p.key_usages = vec![],
        &[(InvalidSvid, "leaf has no key usage")],
    ),
    (
        "key usage is critical",
        |p| {
            p.key_usages = vec![];
            p.custom_extensions = vec![extension(&[2, 5, 29, 15], true, DIGITAL_SIGNATURE)];
        },
        |p| {
            p.key_usages = vec![];
            p.custom_extensions = vec![extension(&[2, 5, 29, 15], false, DIGITAL_SIGNATURE)];
        },
        &[(InvalidSvid, "leaf's key usage is not critical")],
    ),
    (
        "digitalSignature, with keyEncipherment and keyAgreement or without",
        |p| {
            p.key_usages.extend([
                KeyUsagePurpose::KeyEncipherment,
                KeyUsagePurpose::KeyAgreement,
            ]);
        },
        |p| p.key_usages = vec![KeyUsagePurpose::KeyAgreement],
        &[(InvalidSvid, "leaf's key usage lacks digitalSignature")],
    ),
    (
        "no keyCertSign",
        |_| {},
        |p| p.key_usages.push(KeyUsagePurpose::KeyCertSign),
        &[(InvalidSvid, "leaf's key usage has keyCertSign")],
    ),
    (
        "no cRLSign",
        |_| {},
        |p| p.key_usages.push(KeyUsagePurpose::CrlSign),
        &[(InvalidSvid, "leaf's key usage has cRLSign")],
    ),
    (
        "both purposes, if it says any",
        |p| p.extended_key_usages = vec![],
        |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
        &[(
            InvalidSvid,
            "leaf lacks clientAuth in its extended key usage, which must hold both",
        )],
    ),
    (
        "the purpose of the role is asked for by every peer",
        |p| {
            p.extended_key_usages
                .push(ExtendedKeyUsagePurpose::CodeSigning)
        },
        |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        &[(
            CertUnsupported,
            "leaf lacks serverAuth in its extended key usage",
        )],
    ),
    (
        "neither purpose",
        |_| {},
        |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning],
        &[
            (
                CertUnsupported,
                "leaf lacks serverAuth in its extended key usage",
            ),
            (
                InvalidSvid,
                "leaf lacks clientAuth in its extended key usage",
            ),
        ],
    ),
    (
        "an empty subject needs a critical SAN",
        |p| p.distinguished_name = DistinguishedName::new(),
        |p| {
            p.distinguished_name = DistinguishedName::new();
            p.subject_alt_names = vec![];
            p.custom_extensions = vec![extension(&[2, 5, 29, 17], false, SAN)];
        },
        &[(
            InvalidSvid,
            "leaf has an empty subject, so its subjectAltName must be critical",
        )],
    ),
    (
        "a SAN that reads to its end",
        |p| {
            p.subject_alt_names = vec![];
            p.custom_extensions = vec![extension(&[2, 5, 29, 17], false, SAN)];
        },
        |p| {
            p.subject_alt_names = vec![];
            p.custom_extensions = vec![extension(&[2, 5, 29, 17], false, BROKEN_SAN)];
        },
        &[(InvalidSvid, "leaf has a malformed subjectAltName")],
    ),
];

/// Of a signing certificate that is sent.
const SIGNER_RULES: &[Rule] = &[
    (
        "a CA, with a path length or without",
        |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
        |p| p.is_ca = IsCa::ExplicitNoCa,
        &[(CertUnsupported, "issues certificates but is not a CA")],
    ),
    (
        "key usage",
        |p| p.key_usages = vec![KeyUsagePurpose::KeyCertSign],
        |p| p.key_usages = vec![],
        &[(
            InvalidSvid,
            r#"intermediate 1 "CN=middle" has no key usage; a signing certificate needs keyCertSign"#,
        )],
    ),
    (
        "keyCertSign, with cRLSign or without",
        |_| {},
        |p| p.key_usages = vec![KeyUsagePurpose::CrlSign],
        &[(CertUnsupported, "its key usage lacks keyCertSign")],
    ),
    (
        "a SPIFFE ID, if any, without a path",
        |p| p.subject_alt_names = vec![uri("spiffe://td")],
        |p| p.subject_alt_names = vec![uri("spiffe://td/ca")],
        &[(
            InvalidSvid,
            "has the SPIFFE ID spiffe://td/ca; a signing certificate's has no path",
        )],
    ),
];

const DIGITAL_SIGNATURE: &[u8] = &[0x03, 0x02, 0x07, 0x80];
const SAN: &[u8] = b"\x30\x0f\x86\x0dspiffe://td/x";
const BROKEN_SAN: &[u8] = b"\x30\x11\x86\x0dspiffe://td/x\x86\x7f";

#[test]
fn every_rule_of_a_leaf_is_held_in_both_directions() {
    let mesh = Mesh::new();
    for (rule, keep, broken, want) in LEAF_RULES {
        for (change, want) in [(keep, &[][..]), (broken, want)] {
            let mut params = leaf(ID);
            change(&mut params);
            let leaf = signed(params, &mesh.middle);
            let judgement = asked(&[&leaf.der, &mesh.middle.der], &[&mesh.root]).judge();
            assert_problems(rule, &judgement, want);
        }
    }
}

#[test]
fn every_rule_of_a_signing_certificate_is_held_in_both_directions() {
    let root = self_signed(ca("root"));
    for (rule, keep, broken, want) in SIGNER_RULES {
        for (change, want) in [(keep, &[][..]), (broken, want)] {
            let mut params = ca("middle");
            change(&mut params);
            let middle = signed(params, &root);
            let leaf = signed(leaf(ID), &middle);
            let judgement = asked(&[&leaf.der, &middle.der], &[&root]).judge();
            assert_problems(rule, &judgement, want);
        }
    }
}

#[test]
fn a_root_is_never_refused_for_a_rule_of_signing_certificates() {
    for (rule, _, broken, _) in SIGNER_RULES {
        let mut params = ca("root");
        broken(&mut params);
        let root = self_signed(params);
        let leaf = signed(leaf(ID), &root);
        let judgement = asked(&[&leaf.der], &[&root]).judge();
        assert_problems(rule, &judgement, &[]);
        assert_note(&judgement, r#"root "CN=root""#);
    }
}

#[test]
fn the_other_purpose_of_a_client_is_that_of_a_server() {
    let mesh = Mesh::new();
    let mut params = leaf(ID);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = signed(params, &mesh.middle);
    let mut question = asked(&[&leaf.der, &mesh.middle.der], &[&mesh.root]);
    question.role = Role::Client;
    assert_problems(
        "client",
        &question.judge(),
        &[(InvalidSvid, "leaf lacks serverAuth")],
    );
}

#[test]
fn the_rules_are_for_svids_alone() {
    let mesh = Mesh::new();
    for (rule, _, broken, _) in LEAF_RULES.iter().filter(|(_, _, _, want)| {
        want.iter()
            .all(|(code, what)| *code == InvalidSvid && !what.contains("CA certificate"))
    }) {
        let mut params = leaf(ID);
        broken(&mut params);
        let leaf = signed(params, &mesh.middle);
        let mut question = asked(&[&leaf.der, &mesh.middle.der], &[&mesh.root]);
        question.expected = Expected::AnyName;
        assert_problems(rule, &question.judge(), &[]);
    }
}

#[test]
fn without_an_identity_the_rest_is_judged_by_the_bundle_it_was_meant_for() {
    let mesh = Mesh::new();
    let mut params = leaf(ID);
    params.subject_alt_names = vec![];
    params.not_before = moment(-9);
    params.not_after = moment(-3);
    let nobody = signed(params, &mesh.middle);
    let mut question = asked(&[&nobody.der, &mesh.middle.der], &[&mesh.root]);
    question.bundles = bundles(&[("td", &[&mesh.root]), ("other", &[])]);
    question.expected = Expected::Id(ID.parse().unwrap());
    let judgement = question.judge();
    let nameless = (InvalidSvid, "leaf has no URI SAN");
    assert_problems(
        "expected",
        &judgement,
        &[nameless, (CertExpired, "leaf expired 3h ago")],
    );
    assert_note(
        &judgement,
        "without a SPIFFE ID, the chain was judged by the bundle of trust domain td",
    );
    assert!(judgement.root.is_some());

    question.expected = Expected::AnySvid;
    let judgement = question.judge();
    assert_problems(
        "nobody in particular",
        &judgement,
        &[nameless, (CertExpired, "leaf")],
    );
    assert_note(&judgement, "no bundle could be chosen");
    assert_eq!(judgement.root, None);
}
