//! Dates.

use super::mint::*;
use crate::certificate::Facts;
use crate::code::Code::*;

#[test]
fn each_certificate_out_of_its_time_is_named_with_how_far() {
    let dated = |mut params: rcgen::CertificateParams, from: i64, to: i64| {
        params.not_before = moment(from);
        params.not_after = moment(to);
        params
    };
    for (name, root, middle, leaf, want) in [
        (
            "leaf expired",
            None,
            None,
            Some((-9, -3)),
            (
                CertExpired,
                "leaf expired 3h ago (notAfter 2026-11-20T07:00:00Z)",
            ),
        ),
        (
            "leaf future",
            None,
            None,
            Some((50, 60)),
            (
                CertNotYetValid,
                "leaf is not valid for another 2d (notBefore 2026-11-22T12:00:00Z)",
            ),
        ),
        (
            "leaf twisted",
            None,
            None,
            Some((5, -5)),
            (
                CertExpired,
                "leaf expired 5h ago (notAfter 2026-11-20T05:00:00Z); its notBefore lies after its notAfter",
            ),
        ),
        (
            "middle expired",
            None,
            Some((-90, -48)),
            None,
            (CertExpired, r#"intermediate 1 "CN=middle" expired 2d ago"#),
        ),
        (
            "middle future",
            None,
            Some((3, 90)),
            None,
            (
                CertNotYetValid,
                r#"intermediate 1 "CN=middle" is not valid for another 3h"#,
            ),
        ),
        (
            "root expired",
            Some((-90, -2)),
            None,
            None,
            (CertExpired, r#"root "CN=root" expired 2h ago"#),
        ),
        (
            "root future",
            Some((2, 90)),
            None,
            None,
            (
                CertNotYetValid,
                r#"root "CN=root" is not valid for another 2h"#,
            ),
        ),
    ] {
        let top = match root {
            Some((from, to)) => self_signed(dated(ca("root"), from, to)),
            None => self_signed(ca("root")),
        };
        let (from, to) = middle.unwrap_or((-100, 100));
        let between = signed(dated(ca("middle"), from, to), &top);
        let (from, to) = leaf.unwrap_or((-1, 10));
        let end = signed(dated(super::mint::leaf(ID), from, to), &between);
        let judgement = asked(&[&end.der, &between.der], &[&top]).judge();
        assert_problems(name, &judgement, &[want]);
        assert_eq!(judgement.root, Facts::parse(&top.der).ok(), "{name}");
    }
}

#[test]
fn the_ends_of_a_validity_are_inside() {
    let mesh = Mesh::new();
    let mut question = asked(&[&mesh.leaf.der, &mesh.middle.der], &[&mesh.root]);
    let second = jiff::SignedDuration::from_secs(1);
    let almost = jiff::SignedDuration::from_millis(999);
    for (at, code) in [
        (now() - hours(1), Ok),
        (now() - hours(1) - second, CertNotYetValid),
        (now() - hours(1) - second + almost, CertNotYetValid),
        (now() + hours(24), Ok),
        (now() + hours(24) + almost, Ok),
        (now() + hours(24) + second, CertExpired),
        (jiff::Timestamp::MIN, CertNotYetValid),
        (jiff::Timestamp::MAX, CertExpired),
    ] {
        question.at = at;
        assert_eq!(question.judge().code(), code, "{at}");
    }
}

#[test]
fn an_expired_certificate_hides_no_other_problem() {
    let mesh = Mesh::new();
    let stranger = self_signed(ca("stranger"));
    let mut stale = leaf("spiffe://td/other");
    stale.not_before = moment(-9);
    stale.not_after = moment(-3);
    stale.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let stale = signed(stale, &mesh.middle);
    let mut question = asked(&[&stale.der, &mesh.middle.der], &[&stranger]);
    question.expected = crate::certificate::Expected::Id(ID.parse().unwrap());
    assert_problems(
        "all at once, the root cause first",
        &question.judge(),
        &[
            (UnknownCa, r#"issuer "CN=root""#),
            (CertExpired, "leaf expired 3h ago"),
            (CertUnsupported, "leaf lacks serverAuth"),
            (
                SanMismatch,
                "expected spiffe://td/ns/a/sa/b; the certificate says spiffe://td/other",
            ),
        ],
    );
}

#[test]
fn an_expired_certificate_does_not_hide_a_name_constraint() {
    let mut constrained = ca("root");
    constrained.custom_extensions = vec![super::fitness::uri_constraint()];
    let root = self_signed(constrained);
    let mut stale = leaf(ID);
    stale.not_after = moment(-3);
    stale.not_before = moment(-9);
    let stale = signed(stale, &root);
    assert_problems(
        "both",
        &asked(&[&stale.der], &[&root]).judge(),
        &[
            (CertExpired, "leaf"),
            (CertUnsupported, "URI name constraint"),
        ],
    );
}

#[test]
fn an_expired_root_does_not_matter_when_another_carries_the_chain() {
    let mesh = Mesh::new();
    let mut old = ca("root");
    old.not_before = moment(-9000);
    old.not_after = moment(-1);
    let old = self_signed_with(old, mesh.root.key());
    let chain = [&mesh.leaf.der, &mesh.middle.der];
    for roots in [[&old, &mesh.root], [&mesh.root, &old]] {
        let judgement = asked(&chain, &roots).judge();
        assert_problems("either order", &judgement, &[]);
        assert_eq!(judgement.root, Facts::parse(&mesh.root.der).ok());
    }
    assert_problems(
        "alone",
        &asked(&chain, &[&old]).judge(),
        &[(CertExpired, r#"root "CN=root" expired 60m ago"#)],
    );
}

#[test]
fn a_valid_way_is_taken_past_an_expired_one() {
    let mesh = Mesh::new();
    let mut old = ca("middle");
    old.not_before = moment(-9000);
    old.not_after = moment(-1);
    let old = signed_with(old, mesh.middle.key(), &mesh.root);
    let judgement = asked(&[&mesh.leaf.der, &old.der, &mesh.middle.der], &[&mesh.root]).judge();
    assert_problems("renewed", &judgement, &[]);
    assert_note(&judgement, r#"intermediate 1 "CN=middle" is not needed"#);
}

#[test]
fn a_leaf_that_outlives_its_issuer_is_noted() {
    let root = self_signed(ca("root"));
    let mut long = leaf(ID);
    long.not_after = moment(2400 + 24 * 7);
    let long = signed(long, &root);
    let judgement = asked(&[&long.der], &[&root]).judge();
    assert_problems("long", &judgement, &[]);
    assert_note(&judgement, r#"leaf outlives root "CN=root" by 7d"#);
    assert_note(&judgement, "leaf is valid for 107d, long for an SVID");
}
