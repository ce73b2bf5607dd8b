//! Chains put together at random: webpki and the judge say the same.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::mint::*;
use crate::certificate::Expected;

/// Certificates with every flaw that webpki sees as well.
struct Pool {
    leaves: Vec<CertificateDer<'static>>,
    issuers: Vec<CertificateDer<'static>>,
    roots: Vec<Minted>,
}

impl Pool {
    fn new() -> Self {
        let roots: Vec<_> = ["one", "one", "two"]
            .map(|name| self_signed(ca(name)))
            .into();
        let shared = KeyPair::generate().unwrap();
        let key = || KeyPair::from_pem(&shared.serialize_pem()).unwrap();
        let mut issuers = vec![];
        for root in &roots {
            issuers.push(signed_with(ca("a"), key(), root));
            issuers.push(signed_with(flawed(ca("a"), "past"), key(), root));
            issuers.push(signed_with(flawed(ca("b"), "no CA"), key(), root));
            issuers.push(signed_with(flawed(ca("b"), "client"), key(), root));
            issuers.push(signed(flawed(ca("b"), "short"), root));
            issuers.push(signed(flawed(ca("a"), "critical"), root));
        }
        for name in ["a", "b", "c"] {
            for at in [0, 3, 4, 10] {
                let next = signed(ca(name), &issuers[at]);
                issuers.push(next);
            }
        }
        let flaws = ["none", "past", "client", "CA", "critical"];
        let mut leaves = vec![];
        for (nth, issuer) in roots.iter().chain(&issuers).enumerate() {
            let flaw = if nth % 3 == 0 {
                flaws[nth / 3 % 5]
            } else {
                "none"
            };
            let minted = signed(flawed(leaf(ID), flaw), issuer);
            leaves.push(if nth % 7 == 6 {
                minted.flipped()
            } else {
                minted.der
            });
        }
        let mut issuers: Vec<_> = issuers.into_iter().map(|minted| minted.der).collect();
        issuers.extend(roots.iter().map(|root| root.der.clone()));
        Self {
            leaves,
            issuers,
            roots,
        }
    }
}

fn flawed(mut params: CertificateParams, flaw: &str) -> CertificateParams {
    match flaw {
        "none" => {}
        "past" => params.not_after = moment(-1),
        "no CA" => params.is_ca = IsCa::ExplicitNoCa,
        "CA" => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        "client" => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        "short" => params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
        "critical" => params.custom_extensions = vec![extension(&[1, 2, 3], true, &[5, 0])],
        other => panic!("{other}"),
    }
    if flaw == "past" {
        params.not_before = moment(-2);
    }
    params
}

fn webpki_takes(question: &Asked, roots: &[&Minted]) -> Result<(), webpki::Error> {
    let anchors: Vec<_> = (roots.iter())
        .map(|root| webpki::anchor_from_trusted_cert(&root.der).unwrap())
        .collect();
    let seconds = u64::try_from(question.at.as_second()).unwrap();
    webpki::EndEntityCert::try_from(&question.chain[0])?
        .verify_for_usage(
            rustls::crypto::aws_lc_rs::default_provider()
                .signature_verification_algorithms
                .all,
            &anchors,
            &question.chain[1..],
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            webpki::KeyUsage::server_auth(),
            None,
            None,
        )
        .map(|_| ())
}

#[test]
fn random_chains_are_good_to_both_or_to_neither() {
    let pool = Pool::new();
    // A fixed seed: the same chains on every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(bound).unwrap()).unwrap()
    };
    let mut good = 0;
    for _ in 0..CHAINS {
        let leaf = &pool.leaves[below(pool.leaves.len())];
        let mut chain = vec![leaf];
        for _ in 0..below(9) {
            chain.push(&pool.issuers[below(pool.issuers.len())]);
        }
        let roots: Vec<_> = (pool.roots.iter()).filter(|_| below(2) == 0).collect();
        let mut question = asked(&chain, &roots);
        question.expected = Expected::AnyName;
        question.elsewhere = pool.issuers[..below(pool.issuers.len())].to_vec();
        let judgement = question.judge();
        let webpki = webpki_takes(&question, &roots);
        assert_eq!(
            judgement.is_ok(),
            webpki.is_ok(),
            "{webpki:?} {:#?}",
            judgement.problems
        );
        assert_eq!(judgement.is_ok(), judgement.code() == crate::code::Code::Ok);
        good += usize::from(judgement.is_ok());
    }
    assert!(
        (CHAINS / 20..CHAINS).contains(&good),
        "{good} of {CHAINS} chains are good"
    );
}

const CHAINS: usize = 1000;
