//! The way to a root, and what breaks it.

use std::time::Instant;

use rcgen::KeyPair;

use super::mint::*;
use crate::certificate::{Bundles, Expected, Facts};
use crate::code::Code::*;

#[test]
fn a_good_chain_is_ok_and_names_its_root() {
    let mesh = Mesh::new();
    let judgement = asked(&[&mesh.leaf.der, &mesh.middle.der], &[&mesh.root]).judge();
    assert_problems("good", &judgement, &[]);
    assert_eq!(judgement.code(), Ok);
    assert_eq!(judgement.notes, Vec::<String>::new());
    assert_eq!(judgement.id.as_deref(), Some(ID));
    assert_eq!(judgement.root, Facts::parse(&mesh.root.der).ok());
    assert_eq!(judgement.chain.len(), 2);
}

#[test]
fn each_break_in_trust_has_its_code() {
    let mesh = Mesh::new();
    let (leaf_der, middle, root) = (&mesh.leaf.der, &mesh.middle.der, &mesh.root);
    let stranger = self_signed(ca("stranger"));
    let twin = self_signed(ca("root"));
    let other_middle = signed(ca("middle"), root);
    let lone = self_signed(leaf(ID));
    let mut namesake = leaf(ID);
    namesake.distinguished_name = ca("root").distinguished_name;
    let namesake = self_signed(namesake);
    let under_root = signed(leaf(ID), root);
    let mut no_key_ids = leaf(ID);
    no_key_ids.use_authority_key_identifier_extension = false;
    let no_key_ids = signed(no_key_ids, &twin);

    for (name, question, want) in [
        (
            "the root of another mesh",
            asked(&[leaf_der, middle], &[&stranger]),
            &[(
                UnknownCa,
                r#"issuer "CN=root" of intermediate 1 "CN=middle" is neither in the bundle of trust domain td nor sent"#,
            )][..],
        ),
        (
            "the wrong root, and sent as well",
            asked(&[leaf_der, middle, &root.der], &[&stranger]),
            &[(
                UnknownCa,
                r#"the chain ends in intermediate 2 "CN=root", which is not in the bundle of trust domain td"#,
            )],
        ),
        (
            "an intermediate that nobody knows is missing",
            asked(&[leaf_der], &[root]),
            &[(UnknownCa, r#"issuer "CN=middle" of leaf is neither in"#)],
        ),
        (
            "a self-signed leaf",
            asked(&[&lone.der], &[root]),
            &[(
                UnknownCa,
                "leaf is self-signed and not in the bundle of trust domain td",
            )],
        ),
        (
            "a self-signed leaf of the root's name",
            asked(&[&namesake.der], &[root]),
            &[(UnknownCa, "leaf is self-signed")],
        ),
        (
            "an empty bundle",
            asked(&[leaf_der, middle], &[]),
            &[(UnknownCa, "the bundle of trust domain td is empty")],
        ),
        (
            "the CA was made anew with its old name",
            asked(&[&under_root.der], &[&twin]),
            &[(
                BadSignature,
                r#"issuer "CN=root" of leaf is in the bundle of trust domain td, but with another key: the signature does not verify"#,
            )],
        ),
        (
            "the CA was made anew, an intermediate between",
            asked(&[leaf_der, middle], &[&twin]),
            &[(
                BadSignature,
                r#"issuer "CN=root" of intermediate 1 "CN=middle" is in the bundle of trust domain td, but with another key"#,
            )],
        ),
        (
            "the CA was made anew, and the old one sent as well",
            asked(&[&under_root.der, &root.der], &[&twin]),
            &[(
                BadSignature,
                r#"intermediate 1 "CN=root" is not the root of that name: "CN=root" is in the bundle of trust domain td, but with another key"#,
            )],
        ),
        (
            "without key identifiers another key and an altered certificate look the same",
            asked(&[&no_key_ids.der], &[root]),
            &[(BadSignature, "another key, or an altered certificate")],
        ),
        (
            "a wrong intermediate of the right name",
            asked(&[leaf_der, &other_middle.der], &[root]),
            &[(
                BadSignature,
                r#"issuer "CN=middle" of leaf was sent as certificate 1, but with another key"#,
            )],
        ),
        (
            "an altered leaf",
            asked(&[&mesh.leaf.flipped(), middle], &[root]),
            &[(
                BadSignature,
                "the signature of leaf does not verify, although \"CN=middle\" was sent as certificate 1 with the key it names: the certificate is altered or damaged",
            )],
        ),
        (
            "an altered intermediate",
            asked(&[leaf_der, &mesh.middle.flipped()], &[root]),
            &[(
                BadSignature,
                r#"the signature of intermediate 1 "CN=middle" does not verify"#,
            )],
        ),
        (
            "an altered leaf of an unknown mesh",
            asked(&[&mesh.leaf.flipped(), middle], &[&stranger]),
            &[
                (BadSignature, "the signature of leaf"),
                (UnknownCa, r#"issuer "CN=root""#),
            ],
        ),
    ] {
        let judgement = question.judge();
        assert_problems(name, &judgement, want);
        assert_eq!(judgement.root, None, "{name}");
    }
}

#[test]
fn what_webpki_tolerates_is_ok_and_noted() {
    let mesh = Mesh::new();
    let (leaf_der, middle, root) = (&mesh.leaf.der, &mesh.middle.der, &mesh.root);
    let stranger = self_signed(ca("stranger"));
    let decoy = signed(ca("middle"), root);
    let upper = signed(ca("upper"), root);
    let lower = signed(ca("lower"), &upper);
    let deep = signed(leaf(ID), &lower);
    let twin = self_signed(ca("root"));
    for (name, question, note) in [
        (
            "root sent",
            asked(&[leaf_der, middle, &root.der], &[root]),
            Some(r#"intermediate 2 "CN=root" is the root, sent as well"#),
        ),
        (
            "extra",
            asked(&[leaf_der, middle, &stranger.der], &[root]),
            Some(r#"intermediate 2 "CN=stranger" is not needed"#),
        ),
        (
            "decoy of the same name first",
            asked(&[leaf_der, &decoy.der, middle], &[root]),
            Some(r#"intermediate 1 "CN=middle" is not needed"#),
        ),
        (
            "out of order",
            asked(&[&deep.der, &upper.der, &lower.der], &[root]),
            Some("out of order"),
        ),
        (
            "sent twice",
            asked(&[leaf_der, middle, middle], &[root]),
            None,
        ),
        (
            "both roots of one name in the bundle",
            asked(&[leaf_der, middle], &[&twin, root]),
            None,
        ),
        (
            "the intermediate is the anchor",
            asked(&[leaf_der], &[&mesh.middle]),
            None,
        ),
    ] {
        let judgement = question.judge();
        assert_problems(name, &judgement, &[]);
        match note {
            Some(note) => assert_note(&judgement, note),
            None => assert_eq!(judgement.notes, Vec::<String>::new(), "{name}"),
        }
    }
}

#[test]
fn an_intermediate_known_from_elsewhere_is_named_as_missing() {
    let mesh = Mesh::new();
    let mut question = asked(&[&mesh.leaf.der], &[&mesh.root]);
    let unrelated = Mesh::new();
    question.elsewhere = vec![
        unrelated.leaf.der.clone(),
        unrelated.middle.der.clone(),
        mesh.middle.der.clone(),
    ];
    let judgement = question.judge();
    assert_problems(
        "missing",
        &judgement,
        &[(
            IncompleteChain,
            r#""CN=middle", the issuer of leaf, was not sent; with it the chain leads to root "CN=root""#,
        )],
    );
    assert_eq!(judgement.root, None, "what was sent leads nowhere");
}

#[test]
fn two_missing_intermediates_are_both_named() {
    let root = self_signed(ca("root"));
    let upper = signed(ca("upper"), &root);
    let lower = signed(ca("lower"), &upper);
    let leaf = signed(leaf(ID), &lower);
    let mut question = asked(&[&leaf.der], &[&root]);
    question.elsewhere = vec![upper.der.clone(), lower.der.clone()];
    assert_problems(
        "both",
        &question.judge(),
        &[
            (IncompleteChain, r#""CN=lower", the issuer of leaf"#),
            (
                IncompleteChain,
                r#""CN=upper", the issuer of intermediate "CN=lower" (not sent)"#,
            ),
        ],
    );
    question.chain.push(lower.der.clone());
    assert_problems(
        "one",
        &question.judge(),
        &[(
            IncompleteChain,
            r#""CN=upper", the issuer of intermediate 1 "CN=lower""#,
        )],
    );
}

#[test]
fn a_missing_intermediate_may_stand_in_another_bundle() {
    let mesh = Mesh::new();
    let mut question = asked(&[&mesh.leaf.der], &[]);
    question.bundles = bundles(&[("td", &[&mesh.root]), ("other", &[&mesh.middle])]);
    let judgement = question.judge();
    assert_problems(
        "other bundle",
        &judgement,
        &[(IncompleteChain, "\"CN=middle\"")],
    );
}

#[test]
fn nothing_is_called_missing_without_proof() {
    let mesh = Mesh::new();
    let twin = signed(ca("middle"), &mesh.root);
    let mut not_a_ca = ca("middle");
    not_a_ca.is_ca = rcgen::IsCa::ExplicitNoCa;
    let not_a_ca = signed_with(not_a_ca, mesh.middle.key(), &mesh.root);
    let mut unreadable = ca("middle");
    unreadable.custom_extensions = vec![extension(&[1, 2, 3], true, &[5, 0])];
    let unreadable = signed_with(unreadable, mesh.middle.key(), &mesh.root);
    let elsewhere_rooted = self_signed(ca("stranger"));
    let cross = signed_with(ca("middle"), mesh.middle.key(), &elsewhere_rooted);
    for (name, elsewhere) in [
        ("nothing is known", vec![]),
        ("the name is known, with another key", vec![&twin]),
        ("what is known is no CA", vec![&not_a_ca]),
        ("with what is known webpki refuses still", vec![&unreadable]),
        (
            "what is known leads to a root we do not hold",
            vec![&cross, &elsewhere_rooted],
        ),
    ] {
        let mut question = asked(&[&mesh.leaf.der], &[&mesh.root]);
        question.elsewhere = elsewhere.iter().map(|known| known.der.clone()).collect();
        let judgement = question.judge();
        assert_problems(
            name,
            &judgement,
            &[(UnknownCa, r#"issuer "CN=middle" of leaf"#)],
        );
        assert_note(
            &judgement,
            r#"if "CN=middle" is an intermediate, the peer should send it"#,
        );
    }
}

#[test]
fn a_wrong_intermediate_sent_is_the_cause_even_when_the_right_one_is_known() {
    let mesh = Mesh::new();
    let wrong = signed(ca("middle"), &mesh.root);
    let mut question = asked(&[&mesh.leaf.der, &wrong.der], &[&mesh.root]);
    question.elsewhere = vec![mesh.middle.der.clone()];
    let judgement = question.judge();
    assert_problems("wrong", &judgement, &[(BadSignature, "with another key")]);
    assert_note(
        &judgement,
        r#""CN=middle", the issuer of leaf, was not sent"#,
    );
}

#[test]
fn a_root_renewed_with_its_key_carries_the_chain_of_the_old_one() {
    let mesh = Mesh::new();
    let mut renewed = ca("root");
    renewed.not_after = moment(9999);
    let renewed = self_signed_with(renewed, mesh.root.key());
    let judgement = asked(&[&mesh.leaf.der, &mesh.middle.der], &[&renewed]).judge();
    assert_problems("renewed", &judgement, &[]);
    assert_eq!(judgement.root, Facts::parse(&renewed.der).ok());
}

#[test]
fn a_cross_signed_intermediate_leads_to_whichever_root_is_held() {
    let mesh = Mesh::new();
    let new_root = self_signed(ca("new root"));
    let cross = signed_with(ca("middle"), mesh.middle.key(), &new_root);
    let chain = [&mesh.leaf.der, &mesh.middle.der, &cross.der];
    for root in [&mesh.root, &new_root] {
        let judgement = asked(&chain, &[root]).judge();
        assert_problems("cross", &judgement, &[]);
        assert_eq!(judgement.root, Facts::parse(&root.der).ok());
    }
}

#[test]
fn the_bundle_of_another_trust_domain_never_vouches() {
    let mesh = Mesh::new();
    let own = self_signed(ca("own"));
    let mut question = asked(&[&mesh.leaf.der, &mesh.middle.der], &[]);
    question.bundles = bundles(&[("td", &[&own]), ("other", &[&mesh.root])]);
    let judgement = question.judge();
    assert_problems("pooled", &judgement, &[(UnknownCa, r#"issuer "CN=root""#)]);
    assert_note(
        &judgement,
        r#"the chain leads to root "CN=root" of trust domain "other", which does not vouch for others"#,
    );
}

#[test]
fn without_a_bundle_of_its_trust_domain_a_leaf_is_untrusted() {
    let mesh = Mesh::new();
    let other = Expected::TrustDomain("other".parse().unwrap());
    for (expected, want) in [
        (
            Expected::AnySvid,
            (UnknownCa, "no bundle is held for trust domain td"),
        ),
        (
            Expected::Id(ID.parse().unwrap()),
            (UnknownCa, "no bundle is held for trust domain td"),
        ),
        (
            other.clone(),
            (
                TrustDomainMismatch,
                "leaf belongs to trust domain td, not to other, and no bundle is held for it",
            ),
        ),
        (
            Expected::Id("spiffe://other/x".parse().unwrap()),
            (
                TrustDomainMismatch,
                "leaf belongs to trust domain td, not to other",
            ),
        ),
    ] {
        let mut question = asked(&[&mesh.leaf.der, &mesh.middle.der], &[]);
        question.bundles = bundles(&[("other", &[&mesh.root])]);
        question.expected = expected;
        assert_problems("no bundle", &question.judge(), &[want]);
    }
    let mut question = asked(&[&mesh.leaf.der, &mesh.middle.der], &[]);
    question.bundles = Bundles::none();
    question.expected = Expected::AnyName;
    assert_problems(
        "none",
        &question.judge(),
        &[(UnknownCa, "no bundle is held")],
    );
    question.bundles = bundles(&[("td", &[&mesh.root]), ("other", &[])]);
    assert_problems(
        "several",
        &question.judge(),
        &[(UnknownCa, "several bundles are held")],
    );
}

#[test]
fn what_is_not_a_certificate_is_a_problem_wherever_it_stands() {
    let mesh = Mesh::new();
    let garbage = rustls_pki_types::CertificateDer::from(b"garbage".to_vec());
    let mut question = asked(&[], &[&mesh.root]);
    assert_problems(
        "empty",
        &question.judge(),
        &[(InvalidSvid, "no certificate was presented")],
    );
    question.chain = vec![garbage.clone(), mesh.middle.der.clone()];
    let judgement = question.judge();
    assert_problems(
        "leaf",
        &judgement,
        &[(InvalidSvid, "leaf is not an X.509 certificate")],
    );
    assert_eq!(judgement.chain.len(), 1);
    question.expected = Expected::AnyName;
    assert_problems(
        "tls",
        &question.judge(),
        &[(CertUnsupported, "leaf is not")],
    );
    question.expected = Expected::AnySvid;
    question.chain = vec![
        mesh.leaf.der.clone(),
        mesh.middle.der.clone(),
        garbage.clone(),
    ];
    assert_problems(
        "extra",
        &question.judge(),
        &[(
            CertUnsupported,
            "certificate 2 of the chain is not an X.509 certificate",
        )],
    );
    question.chain = vec![mesh.leaf.der.clone(), garbage];
    assert_problems(
        "in place of the intermediate",
        &question.judge(),
        &[
            (CertUnsupported, "certificate 1 of the chain"),
            (UnknownCa, ""),
        ],
    );
}

#[test]
fn hostile_chains_are_judged_in_bounded_time() {
    let root = self_signed(ca("root"));
    let key = || KeyPair::generate().unwrap();
    // Forty CAs of one name; and eight CAs of which each signed each.
    let crowd: Vec<_> = (0..40)
        .map(|_| signed_with(ca("crowd"), key(), &root))
        .collect();
    let of_crowd = signed(leaf(ID), &crowd[39]);
    let ring: Vec<_> = (0..8)
        .map(|nth| self_signed(ca(&format!("ring {nth}"))))
        .collect();
    let mut mutual = vec![];
    for (nth, subject) in ring.iter().enumerate() {
        for issuer in &ring {
            mutual.push(signed_with(ca(&format!("ring {nth}")), subject.key(), issuer).der);
        }
    }
    let of_ring = signed(leaf(ID), &ring[0]);
    let mut crowded: Vec<_> = vec![of_crowd.der.clone()];
    crowded.extend(crowd.iter().map(|ca| ca.der.clone()));
    let mut circled = vec![of_ring.der.clone()];
    circled.extend(mutual);
    for (name, chain, code) in [("crowd", crowded, Ok), ("ring", circled, UnknownCa)] {
        let mut question = asked(&[], &[&root]);
        question.chain = chain;
        question.elsewhere = crowd.iter().map(|ca| ca.der.clone()).collect();
        let start = Instant::now();
        let judgement = question.judge();
        assert_eq!(judgement.code(), code, "{name}: {:#?}", judgement.problems);
        assert!(
            start.elapsed().as_secs() < 5,
            "{name}: {:?}",
            start.elapsed()
        );
    }
}
