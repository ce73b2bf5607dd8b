//! Certificates that are not fit for their place.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls_pki_types::CertificateDer;

use super::mint::*;
use crate::certificate::{Expected, Role};
use crate::code::Code::*;

/// `nameConstraints`, critical: only URIs of the host `td` are permitted.
pub(super) fn uri_constraint() -> CustomExtension {
    let der = [0x30, 0x08, 0xa0, 0x06, 0x30, 0x04, 0x86, 0x02, b't', b'd'];
    extension(&[2, 5, 29, 30], true, &der)
}

fn changed(params: CertificateParams, change: fn(&mut CertificateParams)) -> CertificateParams {
    let mut params = params;
    change(&mut params);
    params
}

#[test]
fn each_unfit_intermediate_is_named_with_what_it_lacks() {
    type Change = fn(&mut CertificateParams);
    let rows: [(&str, Change, &str); 9] = [
        (
            "not a CA",
            |p| p.is_ca = IsCa::ExplicitNoCa,
            r#"intermediate 1 "CN=middle" issues certificates but is not a CA"#,
        ),
        (
            "no basic constraints",
            |p| p.is_ca = IsCa::NoCa,
            "is not a CA",
        ),
        (
            "key usage without keyCertSign",
            |p| p.key_usages = vec![KeyUsagePurpose::CrlSign],
            r#"intermediate 1 "CN=middle" issues certificates but its key usage lacks keyCertSign"#,
        ),
        (
            "extended key usage of another purpose",
            |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            r#"intermediate 1 "CN=middle" lacks serverAuth in its extended key usage"#,
        ),
        (
            "unknown critical extension",
            |p| p.custom_extensions = vec![extension(&[1, 3, 6, 1, 4, 1, 9], true, &[5, 0])],
            r#"intermediate 1 "CN=middle" has a critical extension that is not understood (1.3.6.1.4.1.9)"#,
        ),
        (
            "an extension twice",
            |p| {
                let usage = extension(&[2, 5, 29, 15], true, &[3, 2, 1, 6]);
                p.custom_extensions = vec![usage];
            },
            r#"intermediate 1 "CN=middle" has an extension that is malformed or stands twice"#,
        ),
        (
            "URI name constraint, though it matches",
            |p| p.custom_extensions = vec![uri_constraint()],
            r#"a URI name constraint of intermediate 1 "CN=middle" stands against "spiffe://td/ns/a/sa/b": webpki refuses every URI under one, also one that matches"#,
        ),
        (
            "DNS name constraint",
            |p| {
                p.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![],
                    excluded_subtrees: vec![GeneralSubtree::DnsName("host".into())],
                });
            },
            r#"a name in the chain violates the name constraints of intermediate 1 "CN=middle""#,
        ),
        (
            "directory name constraint",
            |p| {
                let name = rcgen::DistinguishedName::new();
                p.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![GeneralSubtree::DirectoryName(name)],
                    excluded_subtrees: vec![],
                });
            },
            r#"a directory name constraint of intermediate 1 "CN=middle""#,
        ),
    ];
    let root = self_signed(ca("root"));
    for (name, change, want) in rows {
        let middle = signed(changed(ca("middle"), change), &root);
        let mut leaf = leaf(ID);
        leaf.subject_alt_names.push(dns("host"));
        let leaf = signed(leaf, &middle);
        let judgement = asked(&[&leaf.der, &middle.der], &[&root]).judge();
        assert_problems(name, &judgement, &[(CertUnsupported, want)]);
    }
}

#[test]
fn a_good_way_is_taken_past_an_unfit_intermediate() {
    let mesh = Mesh::new();
    let unfit = changed(ca("middle"), |p| {
        p.key_usages = vec![KeyUsagePurpose::CrlSign]
    });
    let unfit = signed_with(unfit, mesh.middle.key(), &mesh.root);
    let judgement = asked(
        &[&mesh.leaf.der, &unfit.der, &mesh.middle.der],
        &[&mesh.root],
    )
    .judge();
    assert_problems("past it", &judgement, &[]);
}

#[test]
fn path_lengths_are_kept_at_intermediates_and_at_the_root() {
    let limited = |name: &str, length: u8| {
        let mut params = ca(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(length));
        params
    };
    for (root_length, upper_length, want) in [
        (2, 1, None),
        (
            1,
            1,
            Some(r#"root "CN=root" allows 1 intermediates below it (pathLen); the chain has 2"#),
        ),
        (
            2,
            0,
            Some(
                r#"intermediate 2 "CN=upper" allows 0 intermediates below it (pathLen); the chain has 1"#,
            ),
        ),
    ] {
        let root = self_signed(limited("root", root_length));
        let upper = signed(limited("upper", upper_length), &root);
        let lower = signed(limited("lower", 0), &upper);
        let leaf = signed(leaf(ID), &lower);
        let judgement = asked(&[&leaf.der, &lower.der, &upper.der], &[&root]).judge();
        let want: Vec<_> = want
            .into_iter()
            .map(|what| (CertUnsupported, what))
            .collect();
        assert_problems("path length", &judgement, &want);
    }
}

#[test]
fn a_root_does_not_count_the_intermediates_of_its_own_name() {
    let mut params = ca("root");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let root = self_signed(params);
    // The root's new key, signed by the old one.
    let rollover = signed(ca("root"), &root);
    let leaf = signed(leaf(ID), &rollover);
    let judgement = asked(&[&leaf.der, &rollover.der], &[&root]).judge();
    assert_problems("rollover", &judgement, &[]);
}

#[test]
fn a_chain_deeper_than_is_followed_is_refused_for_that() {
    let root = self_signed(ca("root"));
    for (depth, want) in [
        (6, None),
        (
            7,
            Some("the chain has 7 intermediates or more; 6 are followed"),
        ),
    ] {
        let mut ladder = vec![];
        for nth in 0..depth {
            let issuer = ladder.last().unwrap_or(&root);
            let next = signed(ca(&format!("step {nth}")), issuer);
            ladder.push(next);
        }
        let leaf = signed(leaf(ID), ladder.last().unwrap());
        let mut chain = vec![&leaf.der];
        chain.extend(ladder.iter().rev().map(|ca| &ca.der));
        let judgement = asked(&chain, &[&root]).judge();
        let want: Vec<_> = want
            .into_iter()
            .map(|what| (CertUnsupported, what))
            .collect();
        assert_problems("depth", &judgement, &want);
    }
}

#[test]
fn a_root_may_constrain_names() {
    let root = self_signed(changed(ca("root"), |p| {
        p.custom_extensions = vec![uri_constraint()];
    }));
    let leaf = signed(leaf(ID), &root);
    assert_problems(
        "at the root",
        &asked(&[&leaf.der], &[&root]).judge(),
        &[(
            CertUnsupported,
            r#"a URI name constraint of root "CN=root""#,
        )],
    );
}

#[test]
fn a_missing_purpose_does_not_hide_a_name_constraint() {
    let root = self_signed(changed(ca("root"), |p| {
        p.custom_extensions = vec![uri_constraint()];
    }));
    let leaf = changed(leaf(ID), |p| {
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let leaf = signed(leaf, &root);
    assert_problems(
        "both",
        &asked(&[&leaf.der], &[&root]).judge(),
        &[
            (CertUnsupported, "leaf lacks serverAuth"),
            (CertUnsupported, "a URI name constraint"),
        ],
    );
}

#[test]
fn each_role_needs_its_purpose() {
    let mesh = Mesh::new();
    let (server, client) = (
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    );
    for (purposes, role, want) in [
        (vec![server.clone()], Role::Server, None),
        (
            vec![server.clone(), ExtendedKeyUsagePurpose::Any],
            Role::Server,
            None,
        ),
        (
            vec![server],
            Role::Client,
            Some("leaf lacks clientAuth in its extended key usage"),
        ),
        (vec![client.clone()], Role::Client, None),
        (
            vec![client],
            Role::Server,
            Some("leaf lacks serverAuth in its extended key usage"),
        ),
        (
            vec![ExtendedKeyUsagePurpose::Any],
            Role::Server,
            Some(
                "leaf lacks serverAuth in its extended key usage; anyExtendedKeyUsage does not stand for it",
            ),
        ),
        (vec![], Role::Server, None),
        (vec![], Role::Client, None),
    ] {
        let mut params = leaf(ID);
        params.extended_key_usages = purposes;
        let leaf = signed(params, &mesh.middle);
        let mut question = asked(&[&leaf.der, &mesh.middle.der], &[&mesh.root]);
        question.expected = Expected::AnyName;
        question.role = role;
        let want: Vec<_> = want
            .into_iter()
            .map(|what| (CertUnsupported, what))
            .collect();
        assert_problems("purpose", &question.judge(), &want);
    }
}

#[test]
fn an_empty_extended_key_usage_allows_nothing() {
    let mesh = Mesh::new();
    let mut params = leaf(ID);
    params.extended_key_usages = vec![];
    params.custom_extensions = vec![extension(&[2, 5, 29, 37], false, &[0x30, 0])];
    let leaf = signed(params, &mesh.middle);
    let mut question = asked(&[&leaf.der, &mesh.middle.der], &[&mesh.root]);
    question.expected = Expected::AnyName;
    assert_problems(
        "empty",
        &question.judge(),
        &[(CertUnsupported, "lacks serverAuth")],
    );
}

#[test]
fn an_ordinary_leaf_is_no_ca_and_understood() {
    let mesh = Mesh::new();
    let critical = extension(&[1, 2, 3], true, &[5, 0]);
    for (name, params, want) in [
        (
            "CA",
            changed(leaf(ID), |p| {
                p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)
            }),
            "leaf is a CA certificate",
        ),
        (
            "critical extension",
            {
                let mut params = leaf(ID);
                params.custom_extensions = vec![critical];
                params
            },
            "leaf has a critical extension that is not understood (1.2.3)",
        ),
    ] {
        let leaf = signed(params, &mesh.middle);
        let mut question = asked(&[&leaf.der, &mesh.middle.der], &[&mesh.root]);
        question.expected = Expected::AnyName;
        assert_problems(name, &question.judge(), &[(CertUnsupported, want)]);
    }
}

#[test]
fn a_signature_algorithm_that_nobody_here_knows_is_named() {
    let mesh = Mesh::new();
    let old = replaced(&mesh.leaf.der, SHA256, SHA224);
    let mut question = asked(&[&old, &mesh.middle.der], &[&mesh.root]);
    assert_problems(
        "leaf",
        &question.judge(),
        &[(
            CertUnsupported,
            r#"leaf cannot be checked against intermediate 1 "CN=middle": ecdsa-with-SHA224 is not supported"#,
        )],
    );
    let stranger = self_signed(ca("stranger"));
    question.bundles = bundles(&[("td", &[&stranger])]);
    assert_problems(
        "and an unknown root",
        &question.judge(),
        &[(UnknownCa, ""), (CertUnsupported, "ecdsa-with-SHA224")],
    );
}

#[test]
fn keys_of_every_supported_kind_carry_a_chain() {
    for (algorithm, key) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, "ECDSA P-256"),
        (&rcgen::PKCS_ECDSA_P384_SHA384, "ECDSA P-384"),
        (&rcgen::PKCS_ECDSA_P521_SHA512, "ECDSA P-521"),
        (&rcgen::PKCS_ED25519, "Ed25519"),
        (&rcgen::PKCS_RSA_SHA256, "RSA 2048"),
    ] {
        let root = self_signed(ca("root"));
        let middle = signed_with(
            ca("middle"),
            KeyPair::generate_for(algorithm).unwrap(),
            &root,
        );
        let leaf = signed(leaf(ID), &middle);
        let judgement = asked(&[&leaf.der, &middle.der], &[&root]).judge();
        assert_problems(key, &judgement, &[]);
        assert_eq!(judgement.chain[1].key, key);
    }
}

#[test]
fn a_leaf_key_that_no_handshake_can_use_is_named() {
    let mesh = Mesh::new();
    let curve = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let odd = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01];
    let root = self_signed(ca("root"));
    let leaf = replaced(&mesh.leaf.der, curve, odd);
    let judgement = asked(&[&leaf, &mesh.middle.der], &[&root]).judge();
    let want = "leaf has a key of type ECDSA P-192, which is not supported";
    let found = judgement
        .problems
        .iter()
        .find(|problem| problem.code == CertUnsupported);
    assert_eq!(found.map(|problem| &*problem.what), Some(want));
}

/// Replaces bytes wherever they stand.
fn replaced(der: &CertificateDer<'_>, old: [u8; 8], new: [u8; 8]) -> CertificateDer<'static> {
    let mut der = der.to_vec();
    for at in 0..der.len() - old.len() {
        if der[at..].starts_with(&old) {
            der[at..at + old.len()].copy_from_slice(&new);
        }
    }
    der.into()
}

const SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const SHA224: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x01];
