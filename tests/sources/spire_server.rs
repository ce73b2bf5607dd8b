//! The server of SPIRE: what it signs, and all that it can do wrong.

use std::time::{Duration, Instant};

use mtls_probe::certificate::TrustDomain;
use mtls_probe::identity::{
    Anchorage, BundleOrigin, Fetched, IdentityError, Origin, SpireServer, Step, Supplier, Supply,
    Walk, load, load_trust,
};
use tonic::Code;

use crate::standins::domain::Domain;
use crate::standins::generated::spire::api::types::X509Certificate;
use crate::standins::spire_server::{Fault, SpireServer as StandIn};
use crate::standins::workload_api::{Agent, State};

const ID: &str = "spiffe://one.example/ns/default/sa/frontend";

#[tokio::test]
async fn it_signs_what_we_ask_for_and_nothing_else() {
    let server = StandIn::start(Fault::None);
    let mut walk = Walk::default();
    let supply = minted(&from(&server), &mut walk).await.unwrap();
    assert_eq!(supply.identity.leaf().uris, [ID]);
    assert_eq!(supply.identity.leaf().dns, ["frontend.example"]);
    let endpoint = server.endpoint();
    assert_eq!(supply.from, format!("SPIRE server at {endpoint}"));
    let domain: TrustDomain = "one.example".parse().unwrap();
    let bundle = supply.trust.bundles.for_domain(&domain).unwrap();
    assert_eq!(bundle.anchors()[0].der, server.root);
    assert_eq!(supply.identity.chain().len(), 2, "the root is not sent");

    let [(csr, ttl)] = &server.requests()[..] else {
        panic!("one request is due");
    };
    assert_eq!((csr.uris.as_slice(), *ttl), (&[ID.to_owned()][..], 930));
    assert_eq!(csr.dns, ["frontend.example"]);
    assert!(!csr.has_subject && csr.more == 0, "no further names");

    let steps: Vec<_> = walk.steps().iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, from(&server).steps());
    let said = format!("{walk:?}");
    assert!(said.contains("for 15m"), "{said}");
    assert!(said.contains("the key belongs to the leaf; bundle of one.example (1 root)"));
}

#[tokio::test]
async fn each_refusal_says_what_is_missing() {
    for (code, want) in [
        (
            Code::PermissionDenied,
            "it does not let us (PermissionDenied: \"no\"); use the server's private socket, /tmp/spire-server/private/api.sock by default",
        ),
        (
            Code::Unauthenticated,
            "only local callers and admins may mint",
        ),
        (
            Code::InvalidArgument,
            "it does not sign what we ask for (InvalidArgument: \"no\"); ask for an ID with a path in the server's own trust domain",
        ),
        (
            Code::Unimplemented,
            "does not mint (Unimplemented: \"no\"); name the private socket of the server",
        ),
        (
            Code::Unavailable,
            "it answers Unavailable: \"no\"; look at the log of the server",
        ),
        (Code::Internal, "it answers Internal: \"no\""),
    ] {
        let server = StandIn::start(Fault::Refuses(code, "no"));
        let error = minted(&from(&server), &mut Walk::default())
            .await
            .unwrap_err();
        is(&error, Step::Request, want);
    }
}

#[tokio::test]
async fn an_id_of_another_trust_domain_is_not_signed() {
    let server = StandIn::start(Fault::None);
    let elsewhere = asking(&server, "spiffe://other.example/a", 900);
    let error = minted(&elsewhere, &mut Walk::default()).await.unwrap_err();
    is(&error, Step::Request, "is not a member of trust domain");
    is(
        &error,
        Step::Request,
        "ask for an ID with a path in the server's own trust domain",
    );
}

#[tokio::test]
async fn at_the_socket_of_an_agent_the_error_says_so() {
    let agent = Agent::start(State::default());
    let origin = Origin::Fetched(Box::new(Fetched::SpireServer(SpireServer {
        endpoint: agent.endpoint(),
        id: ID.parse().unwrap(),
        dns: vec![],
        lifetime: Duration::from_secs(900),
    })));
    let error = minted(&origin, &mut Walk::default()).await.unwrap_err();
    is(
        &error,
        Step::Request,
        "the socket of an agent is one for `workload_api`",
    );
    let bundle = BundleOrigin::SpireServer(agent.endpoint());
    let error = load_trust(&bundle, &mut Walk::default()).await.unwrap_err();
    is(
        &error,
        Step::Request,
        "the socket of an agent is one for `workload_api`",
    );
}

#[tokio::test]
async fn what_cannot_be_used_is_said_of_the_part_that_is_wrong() {
    let root = |asn1: &[u8]| X509Certificate {
        asn1: asn1.to_vec(),
        tainted: false,
    };
    for (fault, step, want) in [
        (Fault::NoSvid, Step::Grant, "its answer holds no SVID"),
        (
            Fault::Chain(vec![]),
            Step::Identity,
            "the chain of its answer is empty",
        ),
        (
            Fault::Chain(vec![b"garbage".to_vec()]),
            Step::Identity,
            "certificate 1 of its answer is not an X.509 certificate",
        ),
        (
            Fault::AnotherKey,
            Step::Identity,
            "it signed another key than ours",
        ),
        (
            Fault::AnotherId("spiffe://one.example/backend"),
            Step::Identity,
            "it signed for spiffe://one.example/backend, and spiffe://one.example/ns/default/sa/frontend was asked for",
        ),
        (
            Fault::Expired,
            Step::Identity,
            "it signed a certificate that expired ",
        ),
        (
            Fault::Expired,
            Step::Identity,
            "either the clocks of the CA and of this host differ",
        ),
        (
            Fault::BundleOf("other.example"),
            Step::Identity,
            "frontend, but its bundle is of other.example",
        ),
        (
            Fault::BundleOf(""),
            Step::Identity,
            "its bundle is of \"\", and that is no trust domain",
        ),
        (
            Fault::Roots(vec![]),
            Step::Identity,
            "the bundle of one.example is empty",
        ),
        (
            Fault::Roots(vec![root(b"garbage")]),
            Step::Identity,
            "the bundle of one.example holds a broken certificate: number 1",
        ),
    ] {
        let server = StandIn::start(fault);
        let error = minted(&from(&server), &mut Walk::default())
            .await
            .unwrap_err();
        is(&error, step, want);
    }
}

#[tokio::test]
async fn its_bundle_is_a_source_of_its_own() {
    let (one, other) = (Domain::new("one.example"), Domain::new("other.example"));
    let root = |domain: &Domain, tainted| X509Certificate {
        asn1: domain.bundle(),
        tainted,
    };
    let server = StandIn::start(Fault::Roots(vec![root(&one, false), root(&other, true)]));
    let from = BundleOrigin::SpireServer(server.endpoint());
    let mut walk = Walk::default();
    let trust = load_trust(&from, &mut walk).await.unwrap();
    assert_eq!(trust.bundles.iter().count(), 1);
    let said = walk.steps().last().unwrap();
    let words = "bundle of one.example (2 roots, 1 of them tainted)";
    assert_eq!(*said, (Step::Grant, words.to_owned()));
    assert!(server.requests().is_empty());

    let anchorage = Anchorage::open(&from).await.unwrap();
    assert_eq!(anchorage.current().await.unwrap().bundles.iter().count(), 1);
}

#[tokio::test]
async fn what_it_signed_is_renewed_at_half_of_its_life() {
    let server = StandIn::start(Fault::None);
    let now = mtls_probe::run::now();
    let supplier = Supplier::open(&asking(&server, ID, 3), now)
        .await
        .unwrap()
        .unwrap();
    let first = supplier.current().await.unwrap();
    let begun = Instant::now();
    loop {
        let next = supplier.current().await.unwrap();
        if next.identity.leaf().serial != first.identity.leaf().serial {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "in vain");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(server.requests().len() > 1);
}

pub(crate) fn from(server: &StandIn) -> Origin {
    // In the middle of a minute, so that a moment more or less does not show.
    asking(server, ID, 930)
}

fn asking(server: &StandIn, id: &str, seconds: u64) -> Origin {
    Origin::Fetched(Box::new(Fetched::SpireServer(SpireServer {
        endpoint: server.endpoint(),
        id: id.parse().unwrap(),
        dns: vec!["frontend.example".to_owned()],
        lifetime: Duration::from_secs(seconds),
    })))
}

async fn minted(from: &Origin, walk: &mut Walk) -> Result<Supply, IdentityError> {
    let supply = load(from, mtls_probe::run::now(), walk).await?;
    Ok(supply.unwrap())
}

#[track_caller]
fn is(error: &IdentityError, step: Step, want: &str) {
    let words = error.to_string();
    assert_eq!(error.step(), Some(step), "{words}");
    assert!(words.contains(want), "{want}\n{words}");
    assert!(words.starts_with("the SPIRE server at unix:///"), "{words}");
}
