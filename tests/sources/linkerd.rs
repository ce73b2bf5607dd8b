//! Certificates from Linkerd's identity controller, and everything that may stand in the way.

use std::fs;
use std::sync::Arc;

use jiff::SignedDuration;
use mtls_probe::identity::Step;
use rustls::version::{TLS12, TLS13};
use tonic::Code;

use crate::ca_stage::{NAME, Stage, is_taken, say};
use crate::standins::door::Other;
use crate::standins::linkerd_identity::{self, LinkerdIdentity, Whim};
use crate::standins::pem;
use crate::standins::signer::Signer;
use crate::standins::tokens::{of_another_cluster, token};

#[tokio::test]
async fn an_account_gets_its_certificate_and_peers_take_it() {
    let stage = Stage::linkerd().await;
    let (supply, words) = stage.told().await;
    assert_eq!(supply.identity.name(), Some(NAME));
    assert_eq!(supply.identity.leaf().key, "ECDSA P-256");
    assert_eq!(supply.identity.chain().len(), 2, "the anchor is not sent");
    let (domain, bundle) = supply.trust.bundles.iter().next().unwrap();
    assert_eq!(domain.unwrap().as_str(), "cluster.local");
    assert_eq!(bundle.anchors()[0].der, stage.signer.root);
    assert!(is_taken(&supply, &stage.signer).await);

    assert_eq!(
        words[1],
        "token of default/frontend, audience identity.l5d.io, 10m left"
    );
    assert_eq!(
        words[3],
        format!("{}, verified, TLS 1.3", linkerd_identity::NAME)
    );
    assert!(
        words[6].starts_with(&format!("{NAME}, 24h left, verified up to ")),
        "{words:?}"
    );
}

#[tokio::test]
async fn an_account_whose_name_has_dots_is_read_from_its_identity() {
    let name = "web.v2.shop.serviceaccount.identity.linkerd.cluster.local";
    let stage = Stage::linkerd()
        .await
        .asking_linkerd(|origin| origin.name = name.to_owned());
    fs::write(
        stage.token_file(),
        token("shop", "web.v2", "identity.l5d.io"),
    )
    .unwrap();
    let (supply, _) = stage.supply().await;
    assert_eq!(supply.identity.name(), Some(name));
}

#[tokio::test]
async fn each_answer_that_helps_nobody_is_named() {
    use Step::{Grant, Identity, Request};
    let stage = Stage::linkerd().await;
    let says = |code| Whim::Says(code, "words of the server");
    let other = "cart.shop.serviceaccount.identity.linkerd.cluster.local".to_owned();
    for (whim, step, words) in [
        (
            Whim::Identity(other),
            Identity,
            &[
                "it signed for cart.shop.serviceaccount",
                "and frontend.default.serviceaccount",
            ][..],
        ),
        (
            Whim::OtherKey,
            Identity,
            &["it signed another key than ours"],
        ),
        (
            Whim::Expired,
            Identity,
            &["it signed a certificate that expired"],
        ),
        (
            Whim::NoLeaf,
            Grant,
            &["it says yes, and sends no certificate"],
        ),
        (Whim::NoDate, Grant, &["does not say how long"]),
        (Whim::OldDate, Grant, &["valid until", "which is over"]),
        (
            Whim::Pem,
            Identity,
            &["it sends PEM, and by its protocol it is DER"],
        ),
        (
            Whim::Garbage,
            Identity,
            &["certificate 1 of its answer is not an X.509 certificate"],
        ),
        (
            Whim::HalfAnAnswer,
            Request,
            &["there is no answer: it broke off"],
        ),
        (
            says(Code::FailedPrecondition),
            Request,
            &[
                "it does not take the token for this identity (FailedPrecondition: \"words of the server\")",
                "identity.l5d.io",
                NAME,
            ],
        ),
        (
            says(Code::InvalidArgument),
            Request,
            &["it cannot read the token or the request"],
        ),
        (
            says(Code::Unavailable),
            Grant,
            &["its issuer is not ready", "linkerd-identity-issuer"],
        ),
        (
            says(Code::Internal),
            Grant,
            &["it could not sign", "create tokenreviews"],
        ),
        (
            says(Code::PermissionDenied),
            Request,
            &["its proxy does not let us in", "unauthenticated"],
        ),
        (
            says(Code::Unimplemented),
            Request,
            &["no Linkerd identity controller answers there", ":8080"],
        ),
        (says(Code::ResourceExhausted), Request, &["too busy"]),
        (
            says(Code::Unknown),
            Grant,
            &["it does not sign (Unknown: \"words of the server\")"],
        ),
    ] {
        stage.be_linkerd(whim.clone());
        let error = stage.refused().await;
        assert_eq!(error.step(), Some(step), "{whim:?}: {error}");
        say(&error, words);
        say(&error, &["the Linkerd identity controller at 127.0.0.1:"]);
    }
    stage.be_linkerd(Whim::None);
    stage.supply().await;
}

#[tokio::test]
async fn a_token_or_a_name_of_another_control_plane_is_said() {
    let stage = Stage::linkerd().await;
    let foreign = of_another_cluster("default", "frontend", "identity.l5d.io");
    fs::write(stage.token_file(), foreign).unwrap();
    say(
        &stage.refused().await,
        &[
            "token not authenticated",
            "(3) the issuer",
            "token of default/frontend",
        ],
    );

    fs::write(stage.token_file(), token("default", "frontend", "istio-ca")).unwrap();
    stage
        .refused_at(
            Step::Token,
            &[
                "\"istio-ca\", not for \"identity.l5d.io\"",
                "--audience identity.l5d.io",
            ],
        )
        .await;

    fs::write(
        stage.token_file(),
        token("default", "frontend", "identity.l5d.io"),
    )
    .unwrap();
    let elsewhere = "frontend.default.serviceaccount.identity.mesh.corp.example";
    let stage = stage.asking_linkerd(|origin| origin.name = elsewhere.to_owned());
    stage
        .refused_at(
            Step::Request,
            &[
                "requested identity did not match",
                "its control plane or its trust domain",
            ],
        )
        .await;
}

#[tokio::test]
async fn no_token_is_sent_to_who_is_not_the_controller_of_this_mesh() {
    let stage = Stage::linkerd().await;
    fs::write(stage.roots_file(), pem(&Signer::new("another mesh").root)).unwrap();
    stage
        .refused_at(
            Step::Tls,
            &[
                "we do not take it for",
                "is neither in the bundle nor sent",
                "roots.pem",
            ],
        )
        .await;
    fs::write(stage.roots_file(), pem(&stage.signer.root)).unwrap();

    let other = "linkerd-identity.mesh.serviceaccount.identity.mesh.cluster.local";
    let stage = stage.asking_linkerd(|origin| origin.server_name = other.to_owned());
    say(
        &stage.refused().await,
        &[
            "we do not take it for \"linkerd-identity.mesh.",
            "it carries linkerd-identity.linkerd.serviceaccount",
            "set `server_name` to the identity of its proxy",
        ],
    );
    assert_eq!(stage.asked(), 0, "nobody got a token");
}

#[tokio::test]
async fn a_proxy_speaks_tls_1_3_alone() {
    let signer = Arc::new(Signer::new("mesh"));
    let old = signer.server(&[linkerd_identity::NAME], &[&TLS12]);
    let stage = Stage::of_linkerd(LinkerdIdentity::with(signer, old).await);
    stage
        .refused_at(Step::Tls, &["alert ProtocolVersion", "`server_name`"])
        .await;
    assert_eq!(stage.asked(), 0);
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let stage = Stage::linkerd().await;
    let half =
        Other::half_an_answer(stage.signer.server(&[linkerd_identity::NAME], &[&TLS13])).await;
    let address = half.door.address().to_string();
    let stage = stage.asking_linkerd(|origin| origin.address = address);
    assert_eq!(stage.refused().await.step(), Some(Step::Request));
}

#[tokio::test]
async fn a_certificate_is_renewed_at_half_of_its_life() {
    let stage = Stage::linkerd().await;
    stage.be_linkerd(Whim::Lasting(SignedDuration::from_secs(4)));
    stage.renews().await;
}
