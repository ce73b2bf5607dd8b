//! Who a leaf is, and who it must be.

use rcgen::SanType;

use super::mint::*;
use crate::certificate::Expected;
use crate::code::Code::{self, *};

#[test]
fn an_svid_must_be_the_one_expected() {
    let mesh = Mesh::new();
    let id = |text: &str| Expected::Id(text.parse().unwrap());
    let domain = |text: &str| Expected::TrustDomain(text.parse().unwrap());
    for (expected, want) in [
        (Expected::AnySvid, None),
        (domain("td"), None),
        (id(ID), None),
        (
            id("spiffe://td/ns/a/sa/c"),
            Some((
                SanMismatch,
                "expected spiffe://td/ns/a/sa/c; the certificate says spiffe://td/ns/a/sa/b",
            )),
        ),
        (
            id("spiffe://td/ns/a/sa/B"),
            Some((SanMismatch, "expected spiffe://td/ns/a/sa/B")),
        ),
        (
            id("spiffe://other/ns/a/sa/b"),
            Some((
                TrustDomainMismatch,
                "expected spiffe://other/ns/a/sa/b; the certificate says spiffe://td",
            )),
        ),
        (
            domain("other"),
            Some((
                TrustDomainMismatch,
                "expected trust domain other; the certificate says spiffe://td",
            )),
        ),
    ] {
        let mut question = asked(&[&mesh.leaf.der, &mesh.middle.der], &[&mesh.root]);
        question.expected = expected.clone();
        let want: Vec<(Code, &str)> = want.into_iter().collect();
        assert_problems(&format!("{expected:?}"), &question.judge(), &want);
    }
}

#[test]
fn a_dns_name_or_an_address_must_be_the_one_expected() {
    const LINKERD: &str = "frontend.default.serviceaccount.identity.linkerd.cluster.local";
    let mesh = Mesh::new();
    let mut params = leaf(ID);
    params.subject_alt_names = vec![
        dns(LINKERD),
        dns("*.example.com"),
        SanType::IpAddress("10.0.0.7".parse().unwrap()),
        SanType::IpAddress("::1".parse().unwrap()),
    ];
    let leaf = signed(params, &mesh.middle);
    let named = |name: &str| Expected::Dns(name.into());
    let address = |text: &str| Expected::Ip(text.parse().unwrap());
    for (expected, want) in [
        (Expected::AnyName, None),
        (named(LINKERD), None),
        (
            named("FRONTEND.default.serviceaccount.identity.linkerd.cluster.local"),
            None,
        ),
        (named("a.example.com"), None),
        (address("10.0.0.7"), None),
        (address("::1"), None),
        (
            named("example.com"),
            Some(r#"expected "example.com"; the certificate says "frontend.default"#),
        ),
        (named("a.b.example.com"), Some("expected")),
        (named("10.0.0.7"), Some("which is no DNS name")),
        (
            named("not a name"),
            Some(r#"expected "not a name", which is no DNS name"#),
        ),
        (named(""), Some("no DNS name")),
        (
            address("10.0.0.8"),
            Some(r#"expected 10.0.0.8; the certificate says "frontend."#),
        ),
        (address("::ffff:10.0.0.7"), Some("expected ::ffff:10.0.0.7")),
    ] {
        let mut question = asked(&[&leaf.der, &mesh.middle.der], &[&mesh.root]);
        question.expected = expected.clone();
        let want: Vec<_> = want.into_iter().map(|what| (SanMismatch, what)).collect();
        let judgement = question.judge();
        assert_problems(&format!("{expected:?}"), &judgement, &want);
        assert_eq!(judgement.id.as_deref(), Some(LINKERD));
    }
}

#[test]
fn a_certificate_without_names_is_nobody() {
    let mesh = Mesh::new();
    let mut params = leaf(ID);
    params.subject_alt_names = vec![];
    let leaf = signed(params, &mesh.middle);
    let mut question = asked(&[&leaf.der, &mesh.middle.der], &[&mesh.root]);
    question.expected = Expected::Dns("workload".into());
    let judgement = question.judge();
    let want = (
        SanMismatch,
        r#"expected "workload"; the certificate has no name in its subjectAltName"#,
    );
    assert_problems("no name", &judgement, &[want]);
    assert_eq!(judgement.id, None);
}

#[test]
fn a_long_id_is_known_in_full() {
    let mesh = Mesh::new();
    let long = format!("spiffe://td/{}", "a".repeat(2000));
    let leaf = signed(leaf(&long), &mesh.middle);
    let mut question = asked(&[&leaf.der, &mesh.middle.der], &[&mesh.root]);
    question.expected = Expected::Id(long.parse().unwrap());
    let judgement = question.judge();
    assert_problems("long", &judgement, &[]);
    assert_eq!(judgement.id, Some(long));
}
