//! CRLs.

use rcgen::{
    CertificateParams, CertificateRevocationListParams, KeyIdMethod, KeyUsagePurpose,
    RevocationReason, RevokedCertParams, SerialNumber,
};
use rustls_pki_types::CertificateRevocationListDer;

use super::mint::*;
use crate::code::Code::*;

fn crl(by: &Minted, serials: &[u8], runs_out: i64) -> CertificateRevocationListDer<'static> {
    let params = CertificateRevocationListParams {
        this_update: moment(-99),
        next_update: moment(runs_out),
        crl_number: SerialNumber::from_slice(&[1]),
        issuing_distribution_point: None,
        revoked_certs: (serials.iter())
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from_slice(&[*serial]),
                revocation_time: moment(-98),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&by.issuer).unwrap().der().clone()
}

fn numbered(mut params: CertificateParams, serial: u8) -> CertificateParams {
    params.serial_number = Some(SerialNumber::from_slice(&[serial]));
    params
}

#[test]
fn a_certificate_is_revoked_by_its_own_issuer_only() {
    let root = self_signed(numbered(ca("root"), 1));
    let middle = signed(numbered(ca("middle"), 2), &root);
    let leaf = signed(numbered(leaf(ID), 3), &middle);
    let twin_root = self_signed(ca("root"));
    let leaf_revoked = (
        CertRevoked,
        r#"leaf is revoked by "CN=middle" (CRL 1, reason KeyCompromise)"#,
    );
    let middle_revoked = (
        CertRevoked,
        r#"intermediate 1 "CN=middle" is revoked by "CN=root" (CRL 1"#,
    );
    let second = (CertRevoked, r#"leaf is revoked by "CN=middle" (CRL 2"#);
    for (name, crls, want, note) in [
        ("no CRL", vec![], vec![], None),
        ("not listed", vec![crl(&middle, &[9], 9)], vec![], None),
        (
            "the leaf",
            vec![crl(&middle, &[3], 9)],
            vec![leaf_revoked],
            None,
        ),
        (
            "the intermediate",
            vec![crl(&root, &[2], 9)],
            vec![middle_revoked],
            None,
        ),
        (
            "the number, of another issuer",
            vec![crl(&root, &[3], 9)],
            vec![],
            None,
        ),
        (
            "the second CRL of one issuer",
            vec![crl(&middle, &[9], 9), crl(&middle, &[3], 9)],
            vec![second],
            None,
        ),
        (
            "a CRL that has run out still revokes",
            vec![crl(&middle, &[3], -3)],
            vec![leaf_revoked],
            None,
        ),
        (
            "a CRL that has run out says nothing of others",
            vec![crl(&middle, &[9], -3)],
            vec![],
            Some(
                r#"CRL 1 of "CN=middle" ran out 3h ago (nextUpdate 2026-11-20T07:00:00Z): whether leaf is revoked is not known from it"#,
            ),
        ),
        (
            "a CRL by another key of the issuer's name",
            vec![crl(&twin_root, &[2], 9)],
            vec![],
            Some(r#"CRL 1 bears the name "CN=root" but not its signature"#),
        ),
        (
            "garbage",
            vec![CertificateRevocationListDer::from(vec![1, 2, 3])],
            vec![],
            Some("CRL 1 cannot be used"),
        ),
    ] {
        let mut question = asked(&[&leaf.der, &middle.der], &[&root]);
        question.crls = crls;
        let judgement = question.judge();
        assert_problems(name, &judgement, &want);
        match note {
            Some(note) => assert_note(&judgement, note),
            None => assert_eq!(judgement.notes, Vec::<String>::new(), "{name}"),
        }
    }
}

#[test]
fn a_signer_that_may_not_sign_crls_is_noted() {
    let root = self_signed(ca("root"));
    let mut params = ca("middle");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let middle = signed(params, &root);
    let able = signed_with(ca("middle"), middle.key(), &root);
    let leaf = signed(numbered(leaf(ID), 3), &middle);
    let mut question = asked(&[&leaf.der, &middle.der], &[&root]);
    question.crls = vec![crl(&able, &[9], 9)];
    let judgement = question.judge();
    assert_problems("not listed", &judgement, &[]);
    assert_note(&judgement, "whose key usage lacks cRLSign");
    question.crls = vec![crl(&able, &[3], 9)];
    assert_problems("listed", &question.judge(), &[(CertRevoked, "leaf")]);
}

#[test]
fn a_way_that_is_not_revoked_is_taken() {
    let root = self_signed(ca("root"));
    let middle = signed(numbered(ca("middle"), 2), &root);
    let renewed = signed_with(numbered(ca("middle"), 4), middle.key(), &root);
    let leaf = signed(leaf(ID), &middle);
    let mut question = asked(&[&leaf.der, &middle.der, &renewed.der], &[&root]);
    question.crls = vec![crl(&root, &[2], 9)];
    assert_problems("renewed", &question.judge(), &[]);
    question.crls = vec![crl(&root, &[2, 4], 9)];
    assert_problems(
        "both",
        &question.judge(),
        &[(CertRevoked, "intermediate 1")],
    );
}

#[test]
fn revocation_hides_nothing_and_is_hidden_by_nothing() {
    let root = self_signed(ca("root"));
    let mut params = numbered(leaf("spiffe://td/other"), 3);
    params.not_before = moment(-9);
    params.not_after = moment(-2);
    let leaf = signed(params, &root);
    let mut question = asked(&[&leaf.der], &[&root]);
    question.crls = vec![crl(&root, &[3], 9)];
    question.expected = crate::certificate::Expected::Id(ID.parse().unwrap());
    assert_problems(
        "all",
        &question.judge(),
        &[
            (CertExpired, "leaf"),
            (CertRevoked, "leaf"),
            (SanMismatch, "expected"),
        ],
    );
}
