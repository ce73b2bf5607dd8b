//! The SPIFFE Workload API: what an agent hands out, what it pushes, and all that it can do wrong.

use std::fs;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use mtls_probe::certificate::TrustDomain;
use mtls_probe::identity::{
    Anchorage, BundleOrigin, Endpoint, Fetched, IdentityError, Origin, Step, Supplier, Supply,
    Walk, WorkloadApi, load, load_trust,
};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tonic::Code;

use crate::spire_server;
use crate::standins::domain::{Domain, concatenated, key_der};
use crate::standins::door::{Door, Other};
use crate::standins::generated::workload::X509svid;
use crate::standins::spire_server::{Fault, SpireServer};
use crate::standins::workload_api::{Agent, Says, State};

#[tokio::test]
async fn the_first_identity_is_the_default_and_brings_all_that_may_be_trusted() {
    let (one, other) = (Domain::new("one.example"), Domain::new("other.example"));
    let svids = [one.svid("/frontend", ""), one.svid("/batch", "internal")];
    let mut state = State::of(svids).federated_with(&other);
    state.crl = vec![one.crl()];
    for agent in [
        Agent::start(state.clone()),
        Agent::start_on_tcp(state).await,
    ] {
        let mut walk = Walk::default();
        let supply = fetched(&from(&agent), &mut walk).await.unwrap();
        let id = one.id("/frontend");
        assert_eq!(supply.identity.name(), Some(id.as_str()));
        assert_eq!(supply.identity.chain().len(), 2, "leaf and intermediate");
        for domain in [&one, &other] {
            assert_eq!(roots(&supply, domain), [domain.bundle()]);
        }
        assert_eq!(supply.trust.crls.len(), 1);
        let endpoint = agent.endpoint();
        assert_eq!(supply.from, format!("SPIFFE Workload API at {endpoint}"));
        let said: Vec<_> = walk
            .steps()
            .iter()
            .map(|(step, said)| (*step, said.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                (
                    Step::Connect,
                    format!("{endpoint} takes connections").as_str()
                ),
                (Step::Request, "it takes the header workload.spiffe.io"),
                (
                    Step::Grant,
                    "spiffe://one.example/frontend, one of 2 identities"
                ),
                (
                    Step::Identity,
                    "the key belongs to the leaf, 59m left; bundles of one.example (1 root), other.example (1 root), and a revocation list"
                ),
            ]
        );
    }
}

#[tokio::test]
async fn an_identity_is_chosen_by_its_id_or_its_hint() {
    let one = Domain::new("one.example");
    let agent = Agent::start(State::of([
        one.svid("/a", ""),
        one.svid("/b", "internal"),
        one.svid("/c", "internal"),
        one.svid("/d", "external"),
    ]));
    for (id, hint, want) in [
        (None, None, "/a"),
        (None, Some("internal"), "/b"),
        (None, Some("external"), "/d"),
        (Some("spiffe://one.example/c"), None, "/c"),
        (Some("spiffe://one.example/c"), Some("internal"), "/c"),
    ] {
        let from = choosing(&agent, id, hint);
        let supply = fetched(&from, &mut Walk::default()).await.unwrap();
        assert_eq!(supply.identity.name(), Some(one.id(want).as_str()));
        let said = hint
            .map(|hint| format!(", hint {hint:?}"))
            .unwrap_or_default();
        if id.is_none() {
            assert!(supply.from.ends_with(&said), "{}", supply.from);
        }
    }
    for (id, hint, want) in [
        (
            Some("spiffe://one.example/z"),
            None,
            "it hands out no identity spiffe://one.example/z to this process, but spiffe://one.example/a, spiffe://one.example/b (hint \"internal\"), ",
        ),
        (
            Some("spiffe://one.example/d"),
            Some("internal"),
            "no identity spiffe://one.example/d with hint \"internal\" to this process, but",
        ),
        (
            None,
            Some("nobody"),
            "it hands out no identity with hint \"nobody\" to this process",
        ),
    ] {
        let from = choosing(&agent, id, hint);
        let error = fetched(&from, &mut Walk::default()).await.unwrap_err();
        is(&error, Step::Grant, want);
        is(
            &error,
            Step::Grant,
            "take one of those by `id` or `hint`, or register it",
        );
        if let Some(hint) = hint {
            is(&error, Step::Grant, &format!(" -hint {hint} -selector "));
        }
    }
}

#[tokio::test]
async fn of_many_identities_only_some_are_listed() {
    let one = Domain::new("one.example");
    let some = one.svid("/a", &"h".repeat(5000));
    let agent = Agent::start(State::of(vec![some; 50]));
    let from = choosing(&agent, Some("spiffe://one.example/z"), None);
    let error = fetched(&from, &mut Walk::default())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("42 more"), "{error}");
    assert!(error.len() < 4000, "{}", error.len());
}

#[tokio::test]
async fn whatever_stands_between_us_and_a_socket_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    drop(UnixListener::bind(at("stale")).unwrap());
    let long = "long".repeat(30);
    fs::create_dir(at(&long)).unwrap();
    std::os::unix::fs::symlink(at(&long), at("short")).unwrap();
    drop(UnixListener::bind(at("short/socket")).unwrap());
    let table = [
        (
            at(&long).join("socket"),
            "too long for a socket; give a path of at most 107 bytes",
        ),
        (
            at("nowhere/agent.sock"),
            "nowhere does not exist; start the agent, or mount the folder",
        ),
        (at("agent.sock"), "there is no socket"),
        (
            at("file"),
            "is a file and no socket; name the socket that the agent made",
        ),
        (folder.path().to_owned(), "is a folder and no socket"),
        (at("file/agent.sock"), "leads through a file"),
        (
            at("stale"),
            "the socket is left over from a process that has ended; restart the agent",
        ),
    ];
    for (path, want) in table {
        let endpoint = Endpoint::Unix(path);
        let from = at_endpoint(Some(endpoint.clone()));
        let error = fetched(&from, &mut Walk::default()).await.unwrap_err();
        is(&error, Step::Connect, want);
        is(&error, Step::Connect, &endpoint.to_string());
        let trust = BundleOrigin::WorkloadApi(Some(endpoint));
        let error = load_trust(&trust, &mut Walk::default()).await.unwrap_err();
        is(&error, Step::Connect, want);
    }
    let from = at_endpoint(None);
    let error = fetched(&from, &mut Walk::default()).await.unwrap_err();
    is(
        &error,
        Step::Connect,
        "write `socket: unix:///PATH`, or set SPIFFE_ENDPOINT_SOCKET",
    );

    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let from = at_endpoint(Some(Endpoint::Tcp(address)));
    let error = fetched(&from, &mut Walk::default()).await.unwrap_err();
    is(
        &error,
        Step::Connect,
        &format!("nobody listens at {address}"),
    );
}

#[tokio::test]
async fn each_refusal_says_what_is_missing() {
    let table = [
        (
            Code::InvalidArgument,
            Step::Request,
            "invalid (InvalidArgument: \"so it says\"); we sent the header workload.spiffe.io: true",
        ),
        (
            Code::Unimplemented,
            Step::Request,
            "no SPIFFE Workload API (Unimplemented: \"so it says\"); name the socket of the agent",
        ),
        (
            Code::Internal,
            Step::Request,
            "it answers Internal: \"so it says\"; look at the log",
        ),
        (
            Code::Unavailable,
            Step::Request,
            "it answers Unavailable: \"so it says\"",
        ),
        (
            Code::PermissionDenied,
            Step::Grant,
            "no identity is issued to this process (PermissionDenied: \"so it says\"); register it: spire-server entry create -parentID AGENT-ID -spiffeID spiffe://one.example/frontend -selector unix:uid:",
        ),
    ];
    let mut asked = JoinSet::new();
    for (code, step, want) in table {
        asked.spawn(async move {
            let begun = Instant::now();
            let agent = Agent::start(Says::No(code, "so it says".to_owned()));
            let from = choosing(&agent, Some("spiffe://one.example/frontend"), None);
            let mut walk = Walk::default();
            let error = fetched(&from, &mut walk).await.unwrap_err();
            is(&error, step, want);
            let steps: Vec<_> = walk.steps().iter().map(|(step, _)| *step).collect();
            let patient = matches!(code, Code::Unavailable | Code::PermissionDenied);
            assert_eq!(agent.asked() > 1, patient, "{code:?}");
            assert!(begun.elapsed() < Duration::from_secs(if patient { 7 } else { 2 }));
            let taken = step == Step::Grant;
            let request = taken.then_some(Step::Request);
            let want: Vec<_> = [Step::Connect].into_iter().chain(request).collect();
            assert_eq!(steps, want);
        });
    }
    asked.join_all().await;
}

#[tokio::test]
async fn at_the_socket_of_istios_agent_the_error_says_what_that_is() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(Says::No(Code::Unimplemented, "unknown service".to_owned()));
    let istio = folder.path().join("workload-spiffe-uds");
    fs::create_dir(&istio).unwrap();
    std::os::unix::fs::symlink(agent.path(), istio.join("socket")).unwrap();
    let from = at_endpoint(Some(Endpoint::Unix(istio.join("socket"))));
    let error = fetched(&from, &mut Walk::default()).await.unwrap_err();
    is(
        &error,
        Step::Request,
        "Istio's agent serves certificates to its Envoy only (SDS)",
    );
    is(&error, Step::Request, "OUTPUT_CERTS");
}

#[tokio::test]
async fn who_is_registered_a_moment_later_is_waited_for() {
    let one = Domain::new("one.example");
    let agent = Agent::start(denied());
    let from = from(&agent);
    let mut walk = Walk::default();
    let (supply, ()) = tokio::join!(fetched(&from, &mut walk), async {
        until(|| agent.asked() > 1).await;
        agent.says(State::of([one.svid("/late", "")]));
    });
    assert_eq!(
        supply.unwrap().identity.name(),
        Some(one.id("/late").as_str())
    );
    assert_eq!(walk.steps().len(), 4, "{walk:?}");
}

#[tokio::test]
async fn what_cannot_be_used_is_said_of_the_part_that_is_wrong() {
    let (one, other) = (Domain::new("one.example"), Domain::new("other.example"));
    let good = || State::of([one.svid("/frontend", "")]);
    let svid = |spoil: &dyn Fn(&mut X509svid)| {
        let mut svid = one.svid("/frontend", "");
        spoil(&mut svid);
        State::of([svid])
    };
    let bundle = |id: &str, der: Vec<u8>| {
        let mut state = good();
        state.federated.insert(id.to_owned(), der);
        state
    };
    let crl = |der: &[u8]| State {
        crl: vec![one.crl(), der.to_vec()],
        ..good()
    };
    let hour = SignedDuration::from_hours(1);
    let of_leaf = |spoil: &dyn Fn(&mut mtls_probe::identity::Leaf)| {
        State::of([one.spoilt("/frontend", "", spoil)])
    };
    let table = [
        (svid(&|svid| svid.x509_svid.clear()), "its chain is empty"),
        (
            svid(&|svid| svid.x509_svid = b"garbage".to_vec()),
            "its chain is broken DER: certificate 1, at byte 0",
        ),
        (
            svid(&|svid| _ = svid.x509_svid.pop()),
            "its chain is broken DER: certificate 2",
        ),
        (
            svid(&|svid| svid.x509_svid = vec![0x30, 2, 5, 0]),
            "holds a broken certificate: number 1",
        ),
        (
            svid(&|svid| svid.x509_svid = one.bundle()),
            "its key belongs to another certificate",
        ),
        (
            svid(&|svid| svid.x509_svid = [one.bundle(), svid.x509_svid.clone()].concat()),
            "stands in the wrong order: the key belongs to certificate 2",
        ),
        (
            svid(&|svid| svid.x509_svid_key.clear()),
            "it comes without a key",
        ),
        (
            svid(&|svid| svid.x509_svid_key = b"garbage".to_vec()),
            "its key is no PKCS#8 in DER",
        ),
        (
            svid(&|svid| svid.x509_svid_key = one.svid("/x", "").x509_svid_key.clone()),
            "its key belongs to another certificate",
        ),
        (
            svid(&|svid| svid.bundle.clear()),
            "the bundle of one.example is empty",
        ),
        (
            svid(&|svid| svid.bundle = b"garbage".to_vec()),
            "the bundle of one.example is broken DER",
        ),
        (
            svid(&|svid| svid.bundle = vec![0x30, 0]),
            "the bundle of one.example holds a broken certificate",
        ),
        (
            svid(&|svid| svid.spiffe_id = one.id("/backend")),
            "the identity spiffe://one.example/backend: its certificate is of \"spiffe://one.example/frontend\"",
        ),
        (
            svid(&|svid| svid.spiffe_id = other.id("/frontend")),
            "its certificate is of another trust domain, one.example",
        ),
        (
            svid(&|svid| svid.spiffe_id = "frontend".to_owned()),
            "that is no SPIFFE ID",
        ),
        (
            of_leaf(&|leaf| leaf.uris.push("spiffe://one.example/more".to_owned())),
            "its certificate names 2 URIs, and an SVID names one",
        ),
        (
            of_leaf(&|leaf| leaf.uris.clear()),
            "its certificate names no SPIFFE ID",
        ),
        (
            of_leaf(&|leaf| leaf.not_after = one.now - hour / 2),
            "it expired 30m ago, at ",
        ),
        (
            bundle("other.example", other.bundle()),
            "a bundle is called \"other.example\", and the SPIFFE ID of a trust domain is due: spiffe://NAME",
        ),
        (
            bundle("spiffe://other.example/path", other.bundle()),
            "and that is no trust domain",
        ),
        (
            bundle("spiffe://OTHER", other.bundle()),
            "and that is no trust domain",
        ),
        (
            bundle("spiffe://other.example", vec![]),
            "the bundle of other.example is empty",
        ),
        (
            bundle("spiffe://other.example", vec![0x30]),
            "the bundle of other.example is broken DER",
        ),
        (
            bundle("spiffe://one.example", other.bundle()),
            "there are two bundles of one.example, and they differ",
        ),
        (
            crl(b"garbage"),
            "it holds a broken revocation list: number 2",
        ),
        (crl(b""), "it holds a broken revocation list: number 2"),
    ];
    let agent = Agent::start(good());
    for (state, want) in table {
        agent.says(state);
        let error = fetched(&from(&agent), &mut Walk::default())
            .await
            .unwrap_err();
        is(&error, Step::Identity, want);
    }
    agent.says(State::default());
    let error = fetched(&from(&agent), &mut Walk::default())
        .await
        .unwrap_err();
    is(
        &error,
        Step::Grant,
        "it hands out no identity to this process; register it",
    );

    agent.says(bundle("spiffe://one.example", one.bundle()));
    fetched(&from(&agent), &mut Walk::default()).await.unwrap();
}

#[tokio::test]
async fn bundles_alone_are_handed_out_too() {
    let (one, other) = (Domain::new("one.example"), Domain::new("other.example"));
    let mut state = State::default()
        .bundle(one.own_id(), [one.bundle(), other.bundle()].concat())
        .bundle(other.own_id(), other.bundle());
    state.crl = vec![one.crl(), other.crl()];
    let agent = Agent::start(state);
    let from = BundleOrigin::WorkloadApi(Some(agent.endpoint()));
    let mut walk = Walk::default();
    let trust = load_trust(&from, &mut walk).await.unwrap();
    assert_eq!(trust.crls.len(), 2);
    assert_eq!(trust.bundles.iter().count(), 2);
    assert_eq!(
        walk.steps().last().unwrap(),
        &(
            Step::Grant,
            "bundles of one.example (2 roots), other.example (1 root), and 2 revocation lists"
                .to_owned()
        )
    );
    for (state, step, want) in [
        (State::default(), Step::Grant, "it hands out no bundle"),
        (
            State::default().bundle("one.example", one.bundle()),
            Step::Identity,
            "the SPIFFE ID of a trust domain is due",
        ),
        (
            State::default().bundle(one.own_id(), b"garbage".to_vec()),
            Step::Identity,
            "the bundle of one.example is broken DER",
        ),
        (
            State::default().bundle(one.own_id(), vec![]),
            Step::Identity,
            "the bundle of one.example is empty",
        ),
    ] {
        agent.says(state);
        let error = load_trust(&from, &mut Walk::default()).await.unwrap_err();
        is(&error, step, want);
    }
}

#[tokio::test]
async fn a_rotation_is_picked_up_while_the_stream_lasts() {
    let (one, other) = (Domain::new("one.example"), Domain::new("other.example"));
    let agent = Agent::start(State::of([one.svid("/a", "")]).federated_with(&other));
    let supplier = followed(&agent, one.now).await;
    let first = supplier.current().await.unwrap();
    assert_eq!(roots(&first, &other).len(), 1);

    agent.says(State::of([one.svid("/a", "")]));
    let serial = |supply: &Supply| supply.identity.leaf().serial.clone();
    let second = supplied(&supplier, |next| serial(next) != serial(&first)).await;
    assert!(roots(&second, &other).is_empty(), "it was withdrawn");
    assert_eq!(roots(&second, &one).len(), 1);
    assert_eq!(agent.asked(), 1);
}

#[tokio::test]
async fn an_identity_that_is_withdrawn_is_not_used_any_more() {
    let one = Domain::new("one.example");
    for (gone, want) in [
        (
            Says::from(State::of([one.svid("/b", "")])),
            "it has withdrawn it: it hands out no identity spiffe://one.example/a to this process, but spiffe://one.example/b",
        ),
        (
            State::default().into(),
            "it has withdrawn it: it hands out no identity",
        ),
        (
            denied(),
            "it has withdrawn it: no identity is issued to this process",
        ),
    ] {
        let agent = Agent::start(State::of([one.svid("/a", "")]));
        let from = choosing(&agent, Some("spiffe://one.example/a"), None);
        let supplier = Supplier::open(&from, one.now).await.unwrap().unwrap();
        supplier.current().await.unwrap();
        agent.says(gone);
        let error = refused(&supplier).await;
        is(&error, Step::Grant, want);

        agent.says(State::of([one.svid("/a", "")]));
        supplied(&supplier, |_| true).await;
    }
}

#[tokio::test]
async fn while_an_agent_is_away_its_last_word_counts_and_it_is_asked_again() {
    let one = Domain::new("one.example");
    let mut agent = Agent::start(State::of([one.svid("/a", "")]));
    let supplier = followed(&agent, one.now).await;
    let first = supplier.current().await.unwrap();
    agent.stop().await;
    agent.says(State::of([one.svid("/b", "")]));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let still = supplier.current().await.unwrap();
    assert_eq!(still.identity.name(), first.identity.name());

    agent.start_again();
    let id = one.id("/b");
    supplied(&supplier, |next| next.identity.name() == Some(&id)).await;
}

#[tokio::test]
async fn a_stream_that_ends_is_opened_again() {
    let one = Domain::new("one.example");
    for end in [
        Says::Bye,
        Says::No(Code::Unavailable, "shutting down".to_owned()),
        Says::No(Code::Internal, String::new()),
    ] {
        let agent = Agent::start(State::of([one.svid("/a", "")]));
        let supplier = followed(&agent, one.now).await;
        agent.says(end);
        until(|| agent.asked() > 1).await;
        supplier.current().await.unwrap();
        agent.says(State::of([one.svid("/b", "")]));
        let id = one.id("/b");
        supplied(&supplier, |next| next.identity.name() == Some(&id)).await;
    }
}

#[tokio::test]
async fn who_says_that_the_request_is_wrong_is_not_asked_again() {
    let one = Domain::new("one.example");
    for code in [Code::InvalidArgument, Code::Unimplemented] {
        let agent = Agent::start(State::of([one.svid("/a", "")]));
        let supplier = followed(&agent, one.now).await;
        agent.says(Says::No(code, String::new()));
        refused(&supplier).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(agent.asked(), 1);
    }
}

#[tokio::test]
async fn a_leaf_that_expires_while_no_newer_one_comes_is_not_used() {
    let one = Domain::new("one.example");
    let late = one.now + SignedDuration::from_hours(1) - SignedDuration::from_millis(1500);

    let silent = Agent::start(State::of([one.svid("/a", "")]));
    let supplier = followed(&silent, late).await;
    supplier.current().await.unwrap();
    let error = refused(&supplier).await;
    is(
        &error,
        Step::Identity,
        "has expired, and it has pushed no newer one",
    );
    silent.says(State::of([one.spoilt("/a", "", |leaf| {
        leaf.not_after = one.now + SignedDuration::from_hours(2);
    })]));
    supplied(&supplier, |_| true).await;

    let mut gone = Agent::start(State::of([one.svid("/a", "")]));
    let supplier = followed(&gone, late).await;
    gone.stop().await;
    supplier.current().await.unwrap();
    let error = refused(&supplier).await;
    is(
        &error,
        Step::Identity,
        "has expired, and no newer one can be had: nobody listens at",
    );
}

#[tokio::test]
async fn bundles_are_followed_as_they_change() {
    let (one, other) = (Domain::new("one.example"), Domain::new("other.example"));
    let both = || {
        State::default()
            .bundle(one.own_id(), one.bundle())
            .bundle(other.own_id(), other.bundle())
    };
    let agent = Agent::start(both());
    let from = BundleOrigin::WorkloadApi(Some(agent.endpoint()));
    let anchorage = Anchorage::open(&from).await.unwrap();
    assert_eq!(anchorage.current().await.unwrap().bundles.iter().count(), 2);

    agent.says(State::default().bundle(one.own_id(), one.bundle()));
    eventually(async || {
        let trust = anchorage.current().await.ok()?;
        (trust.bundles.iter().count() == 1).then_some(())
    })
    .await;
    agent.says(denied());
    let error = eventually(async || anchorage.current().await.err()).await;
    is(&error, Step::Grant, "it has withdrawn it");
    agent.says(both());
    eventually(async || anchorage.current().await.ok()).await;
}

#[tokio::test]
async fn who_speaks_no_grpc_or_only_half_of_it_is_named_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let settings: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    // :status 200, content-type: application/grpc, then a message of which most is missing.
    let headers: &[u8] = b"\0\0\x20\x01\x04\0\0\0\x01\x88\x00\x0ccontent-type\x10application/grpc";
    let half: &[u8] = b"\0\0\x0a\0\0\0\0\0\x01\0\0\0\x40\0abcde";
    for (bytes, closes, why) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            true,
            "frame with invalid size",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n", false, "frame with invalid size"),
        (b"", true, "("),
        (&[settings, headers, half].concat(), true, "("),
    ] {
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let mut serving = JoinSet::new();
        let bytes = bytes.to_vec();
        serving.spawn(async move {
            let mut kept = vec![];
            loop {
                let (mut io, _) = listener.accept().await.unwrap();
                // Until it has been asked.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let _ = io.write_all(&bytes).await;
                if !closes {
                    kept.push(io);
                }
            }
        });
        let from = at_endpoint(Some(Endpoint::Unix(path.clone())));
        let error = fetched(&from, &mut Walk::default()).await.unwrap_err();
        is(&error, Step::Request, "it broke off, or speaks no gRPC (");
        is(&error, Step::Request, why);
    }
}

#[tokio::test]
async fn plain_http_is_not_taken_for_a_refusal_of_grpc() {
    for code in [200, 403, 404] {
        let server = Other::answering(Door::unix(), code);
        let from = at_endpoint(Some(server.door.endpoint()));
        let error = fetched(&from, &mut Walk::default()).await.unwrap_err();
        let want = format!("it speaks plain HTTP and no gRPC ({code} ");
        is(&error, Step::Request, &want);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_taken() {
    let one = Domain::new("one.example");
    let mut state = State::of([one.svid("/a", "")]);
    state.crl = vec![vec![0; 5 << 20]];
    let agent = Agent::start(state);
    let error = fetched(&from(&agent), &mut Walk::default())
        .await
        .unwrap_err();
    is(&error, Step::Request, "its answer is larger than 4 MiB");
}

#[tokio::test]
async fn who_says_nothing_is_given_ten_seconds() {
    let (agent, server) = (
        Agent::start(Says::Nothing),
        SpireServer::start(Fault::Hangs),
    );
    let bundle = BundleOrigin::SpireServer(server.endpoint());
    let begun = Instant::now();
    let [mut one, mut other, mut third] = <[Walk; 3]>::default();
    let (agent, server) = (from(&agent), spire_server::from(&server));
    let (handed_out, minted, trust) = tokio::join!(
        fetched(&agent, &mut one),
        fetched(&server, &mut other),
        load_trust(&bundle, &mut third)
    );
    for error in [
        handed_out.unwrap_err(),
        minted.unwrap_err(),
        trust.unwrap_err(),
    ] {
        let words = error.to_string();
        assert_eq!(error.step(), Some(Step::Request), "{words}");
        assert!(words.contains("it did not answer within 10 s"), "{words}");
    }
    let took = begun.elapsed().as_secs_f32();
    assert!((9.9..12.0).contains(&took), "{took}");
}

#[tokio::test]
async fn words_of_an_agent_are_cut() {
    let agent = Agent::start(Says::No(Code::Internal, "x".repeat(3000)));
    let error = fetched(&from(&agent), &mut Walk::default())
        .await
        .unwrap_err();
    assert!(error.to_string().len() < 800, "{error}");
}

#[tokio::test]
async fn no_key_shows_in_what_can_be_printed() {
    let (one, other) = (Domain::new("one.example"), Domain::new("other.example"));
    let svid = one.svid("/a", "");
    let mut foreign = one.svid("/a", "");
    let key = svid.x509_svid_key.clone();
    foreign.x509_svid_key.clone_from(&key);
    let agent = Agent::start(State::of([svid]).federated_with(&other));
    let mut walk = Walk::default();
    let supply = fetched(&from(&agent), &mut walk).await.unwrap();
    let supplier = followed(&agent, one.now).await;
    let mut printed = format!("{supply:?}{supply:#?}{supplier:?}{walk:?}");
    agent.says(State::of([foreign]));
    let error = fetched(&from(&agent), &mut walk).await.unwrap_err();
    printed += &format!("{error}{error:?}{error:#?}{walk:?}");
    let minted = one.issue("/a", |_| {});
    let mut halved = one.svid("/a", "");
    halved.x509_svid = concatenated(&minted);
    halved.x509_svid_key = [&key[..40], b"broken"].concat();
    agent.says(State::of([halved]));
    let error = fetched(&from(&agent), &mut walk).await.unwrap_err();
    printed += &format!("{error}{error:?}{error:#?}{walk:?}");
    assert!(printed.contains("one.example"));
    assert!(!shows(&printed, &key));
    for leak in [
        format!("{key:?}"),
        format!("{key:#?}"),
        format!("{:02x?}", key).replace(", ", ""),
        STANDARD_NO_PAD.encode(&key),
        minted.key_pem().replace('\n', ""),
    ] {
        let mine = key_der(&minted);
        assert!(shows(&leak, &key) || shows(&leak, &mine), "{leak}");
    }
}

/// Whether some bytes of a private key stand in a text: raw, in hexadecimal, in base64, or as numbers.
fn shows(text: &str, key: &[u8]) -> bool {
    assert_eq!(key[34..36], [4, 32], "PKCS#8 of P-256 has its secret here");
    let lower = text.to_lowercase();
    let plain: String = lower.chars().filter(|c| !c.is_whitespace()).collect();
    key[36..68].windows(8).any(|part| {
        let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let numbers: Vec<_> = part.iter().map(u8::to_string).collect();
        let base64 = STANDARD_NO_PAD.encode(&part[..6]);
        plain.contains(&hex)
            || plain.contains(&numbers.join(","))
            || text.contains(&base64)
            || text.as_bytes().windows(8).any(|window| window == part)
    })
}

fn from(agent: &Agent) -> Origin {
    at_endpoint(Some(agent.endpoint()))
}

fn at_endpoint(endpoint: Option<Endpoint>) -> Origin {
    Origin::Fetched(Box::new(Fetched::WorkloadApi(WorkloadApi {
        endpoint,
        ..WorkloadApi::default()
    })))
}

fn choosing(agent: &Agent, id: Option<&str>, hint: Option<&str>) -> Origin {
    Origin::Fetched(Box::new(Fetched::WorkloadApi(WorkloadApi {
        endpoint: Some(agent.endpoint()),
        id: id.map(|id| id.parse().unwrap()),
        hint: hint.map(ToOwned::to_owned),
    })))
}

fn denied() -> Says {
    Says::No(Code::PermissionDenied, "no identity issued".to_owned())
}

async fn fetched(from: &Origin, walk: &mut Walk) -> Result<Supply, IdentityError> {
    let supply = load(from, mtls_probe::run::now(), walk).await?;
    Ok(supply.unwrap())
}

async fn followed(agent: &Agent, now: Timestamp) -> Supplier {
    Supplier::open(&from(agent), now).await.unwrap().unwrap()
}

fn roots(supply: &Supply, domain: &Domain) -> Vec<Vec<u8>> {
    let name: TrustDomain = domain.name.parse().unwrap();
    let bundle = supply.trust.bundles.for_domain(&name);
    let anchors = bundle.iter().flat_map(|bundle| bundle.anchors());
    anchors.map(|anchor| anchor.der.to_vec()).collect()
}

#[track_caller]
fn is(error: &IdentityError, step: Step, want: &str) {
    let words = error.to_string();
    assert_eq!(error.step(), Some(step), "{words}");
    assert!(words.contains(want), "{want}\n{words}");
    assert!(words.starts_with("the SPIFFE Workload API"), "{words}");
}

async fn supplied(supplier: &Supplier, fits: impl Fn(&Supply) -> bool) -> std::sync::Arc<Supply> {
    eventually(async || supplier.current().await.ok().filter(|next| fits(next))).await
}

async fn refused(supplier: &Supplier) -> IdentityError {
    eventually(async || supplier.current().await.err()).await
}

async fn until(fits: impl Fn() -> bool) {
    eventually(async || fits().then_some(())).await;
}

/// Looks until there is what is looked for.
async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(8), "in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
