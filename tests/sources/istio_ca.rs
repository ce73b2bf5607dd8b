//! Certificates from Istio's CA, and everything that may stand in the way.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use mtls_probe::identity::{Step, Supplier, Supply};
use mtls_probe::run::now;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tonic::Code;

use crate::ca_stage::{ID, Stage, is_taken, say};
use crate::standins::door::Other;
use crate::standins::istio_ca::{IstioCa, NAMES, Whim};
use crate::standins::linkerd_identity;
use crate::standins::pem;
use crate::standins::signer::Signer;
use crate::standins::tokens::{of_another_cluster, token, with};

#[tokio::test]
async fn an_account_gets_its_certificate_and_peers_take_it() {
    let stage = Stage::istio()
        .await
        .asking_istio(|ca| ca.cluster_id = Some("Kubernetes".to_owned()));
    let (supply, words) = stage.told().await;
    assert_eq!(supply.identity.name(), Some(ID));
    // As Istio's agents present it.
    let chain = [&stage.signer.issuing, &stage.signer.root];
    assert_eq!(
        supply.identity.chain()[1..].iter().collect::<Vec<_>>(),
        chain
    );
    let bundles: Vec<_> = supply.trust.bundles.iter().collect();
    let [(Some(domain), bundle)] = *bundles.as_slice() else {
        panic!("one bundle by its trust domain: {bundles:?}");
    };
    assert_eq!(domain.as_str(), "cluster.local");
    assert_eq!(bundle.anchors()[0].der, stage.signer.root);
    assert!(is_taken(&supply, &stage.signer).await);

    let address = stage.istio.as_ref().unwrap().door.address();
    for (word, starts) in words.iter().zip([
        "1 root from /",
        "token of default/frontend, audience istio-ca, 10m left",
        &format!("{address} takes connections"),
        "istiod.istio-system.svc, verified, TLS 1.3",
        "the token is taken",
        "3 certificates",
        "spiffe://cluster.local/ns/default/sa/frontend, 15m left, verified up to \"CN=mesh root\"",
    ]) {
        assert!(word.starts_with(starts), "{word}");
    }
}

#[tokio::test]
async fn what_is_sent_is_what_istiod_wants_and_nobody_is_impersonated() {
    let stage = Stage::istio()
        .await
        .asking_istio(|ca| ca.lifetime = Duration::from_secs(300));
    stage.supply().await;
    let last = stage.istio.as_ref().unwrap().last();
    assert_eq!((last.seconds, last.cluster), (300, None));
    assert!(
        !last.has_metadata,
        "that is where impersonation would stand"
    );

    let stage = stage.asking_istio(|ca| {
        ca.cluster_id = Some("Kubernetes".to_owned());
        ca.lifetime = Duration::ZERO; // which would mean a day
    });
    stage.supply().await;
    let last = stage.istio.as_ref().unwrap().last();
    assert_eq!(
        (last.seconds, last.cluster.as_deref()),
        (1, Some("Kubernetes"))
    );
}

#[tokio::test]
async fn an_older_istiod_may_speak_tls_1_2() {
    let signer = Arc::new(Signer::new("mesh"));
    let config = signer.server(NAMES, &[&TLS12]);
    let stage = Stage::of_istio(IstioCa::with(signer, config, "cluster.local").await);
    let (_, walk) = stage.supply().await;
    assert!(walk.steps()[3].1.ends_with("TLS 1.2"), "{walk:?}");
}

#[tokio::test]
async fn two_roots_come_whole_in_a_rotation() {
    let stage = Stage::istio().await;
    stage.be_istio(Whim::TwoRoots);
    let (supply, _) = stage.supply().await;
    let (_, bundle) = supply.trust.bundles.iter().next().unwrap();
    assert_eq!(bundle.anchors().len(), 2);
    assert_eq!(supply.identity.chain().len(), 4);
    assert!(is_taken(&supply, &stage.signer).await);
}

#[tokio::test]
async fn a_slow_ca_is_waited_for() {
    let stage = Stage::istio().await;
    stage.be_istio(Whim::Slow(Duration::from_millis(300)));
    stage.supply().await;
}

#[tokio::test]
async fn each_answer_that_helps_nobody_is_named() {
    use Step::{Grant, Identity, Request};
    let stage = Stage::istio().await;
    let says = |code| Whim::Says(code, "words of the server");
    let other = "spiffe://cluster.local/ns/shop/sa/cart".to_owned();
    let foreign = "spiffe://td.example/ns/default/sa/frontend".to_owned();
    for (whim, step, words) in [
        (
            Whim::Identity(other),
            Identity,
            &[
                "it signed for spiffe://cluster.local/ns/shop/sa/cart",
                "and spiffe://cluster.local/ns/default/sa/frontend was asked for",
                "goes by the token",
            ][..],
        ),
        (
            Whim::Identity(foreign),
            Identity,
            &[
                "the trust domain of this mesh is td.example",
                "`trust_domain: td.example`",
            ],
        ),
        (
            Whim::Nameless,
            Identity,
            &["nobody: the certificate has no name of that kind"],
        ),
        (
            Whim::OtherKey,
            Identity,
            &["it signed another key than ours"],
        ),
        (
            Whim::Expired,
            Identity,
            &["it signed a certificate that expired", "clocks"],
        ),
        (
            Whim::NoChain,
            Grant,
            &["it says yes, and sends no certificate"],
        ),
        (Whim::LeafAlone, Grant, &["without the root"]),
        (
            Whim::LeafLast,
            Identity,
            &["must be the root, and is no CA certificate"],
        ),
        (
            Whim::Garbage("nonsense"),
            Identity,
            &["part 1 of its answer is no certificate in PEM"],
        ),
        (
            Whim::Garbage(""),
            Identity,
            &["part 1 of its answer is empty"],
        ),
        (
            Whim::Garbage("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            Identity,
            &["certificate 1 of its answer is not an X.509 certificate"],
        ),
        (
            Whim::Garbage("-----BEGIN CERTIFICATE-----\nAAAA\n"),
            Identity,
            &["part 1 of its answer is broken PEM"],
        ),
        (
            Whim::HalfAnAnswer,
            Request,
            &["there is no answer: it broke off"],
        ),
        (
            says(Code::PermissionDenied),
            Request,
            &[
                "it denies us (PermissionDenied: \"words of the server\")",
                "account default/frontend may not",
            ],
        ),
        (
            says(Code::InvalidArgument),
            Grant,
            &["it does not sign what we ask for", "MAX_WORKLOAD_CERT_TTL"],
        ),
        (
            says(Code::Unavailable),
            Request,
            &["it is not ready (Unavailable: \"words of the server\")"],
        ),
        (
            says(Code::Unimplemented),
            Request,
            &["no Istio CA answers there", "15012", "ENABLE_CA_SERVER"],
        ),
        (says(Code::ResourceExhausted), Request, &["too busy"]),
        (
            says(Code::DeadlineExceeded),
            Request,
            &["it gave up", "Kubernetes API"],
        ),
        (
            says(Code::Internal),
            Grant,
            &[
                "it does not sign (Internal: \"words of the server\")",
                "`serverca`",
            ],
        ),
        (
            says(Code::Unauthenticated),
            Request,
            &["it does not take the token (Unauthenticated: \"words of the server\")"],
        ),
    ] {
        stage.be_istio(whim.clone());
        let error = stage.refused().await;
        assert_eq!(error.step(), Some(step), "{whim:?}: {error}");
        say(&error, words);
        say(&error, &["the Istio CA at 127.0.0.1:"]);
    }
    stage.be_istio(Whim::None);
    stage.supply().await;
}

#[tokio::test]
async fn what_a_refused_token_may_lack_is_listed_without_what_our_look_rules_out() {
    let stage = Stage::istio().await;
    fs::write(
        stage.token_file(),
        of_another_cluster("default", "frontend", "istio-ca"),
    )
    .unwrap();
    stage
        .refused_at(
            Step::Request,
            &[
                "it does not take the token (Unauthenticated: \"request authenticate failure\")",
                "(1) not the audience, unless TOKEN_AUDIENCES",
                "(2) not the expiry",
                "(3) `cluster_id`, if the token is of another cluster",
                "(4) the issuer https://kubernetes.default.svc",
                "account default/frontend is no more",
                "token of default/frontend, audience istio-ca, 10m left",
                "`serverca`",
            ],
        )
        .await;

    fs::write(stage.token_file(), token("default", "frontend", "istio-ca")).unwrap();
    let stage = stage.asking_istio(|ca| ca.cluster_id = Some("elsewhere".to_owned()));
    say(
        &stage.refused().await,
        &["(3) `cluster_id`, if istiod knows no cluster \"elsewhere\""],
    );

    let forever = with(
        "default",
        "frontend",
        serde_json::json!({ "aud": ["vault"], "exp": null }),
    );
    fs::write(stage.token_file(), forever).unwrap();
    let stage = stage.asking_istio(|ca| {
        ca.cluster_id = None;
        if let mtls_probe::identity::Token::File { audience, .. } = &mut ca.token {
            *audience = "vault".to_owned();
        }
    });
    say(
        &stage.refused().await,
        &[
            "(1) the audience: istiod wants \"istio-ca\" by default, and this one is for \"vault\"",
            "since there is none",
        ],
    );
}

#[tokio::test]
async fn too_long_a_lifetime_is_said_with_the_limit_of_the_ca() {
    let stage = Stage::istio()
        .await
        .asking_istio(|ca| ca.lifetime = Duration::from_secs(90 * 86_400));
    say(
        &stage.refused().await,
        &[
            "greater than the max allowed TTL 86400s",
            "90d was asked for",
            "`lifetime`",
        ],
    );
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_our_own_mistake() {
    let stage = Stage::istio()
        .await
        .asking_istio(|ca| ca.cluster_id = Some("a\nb".to_owned()));
    say(
        &stage.refused().await,
        &["the cluster ID \"a\\nb\" cannot stand in a header"],
    );
}

#[tokio::test]
async fn no_token_is_sent_to_who_is_not_the_istiod_of_this_mesh() {
    let stage = Stage::istio().await;
    let other = Signer::new("another mesh");

    fs::write(stage.roots_file(), pem(&other.root)).unwrap();
    stage
        .refused_at(
            Step::Tls,
            &[
                "we do not take it for \"istiod.istio-system.svc\"",
                "is neither in the bundle nor sent",
                "it carries istiod.istio-system.svc, istio-pilot.istio-system.svc",
                "roots.pem holds the root of the mesh",
            ],
        )
        .await;
    fs::write(stage.roots_file(), pem(&stage.signer.root)).unwrap();

    let stage = stage.asking_istio(|ca| ca.server_name = Some("istiod.other.svc".to_owned()));
    say(
        &stage.refused().await,
        &[
            "\"istiod.other.svc\"",
            "it carries istiod.istio-system.svc",
            "set `server_name`",
        ],
    );
    // Without a name it is the host of the address.
    let stage = stage.asking_istio(|ca| ca.server_name = None);
    say(
        &stage.refused().await,
        &["\"127.0.0.1\"", "it carries istiod.istio-system.svc"],
    );

    let stage = stage.asking_istio(|ca| ca.server_name = Some("no name".to_owned()));
    say(&stage.refused().await, &["\"no name\" is not a name"]);
    assert_eq!(stage.asked(), 0, "nobody got a token");

    let signer = Arc::new(Signer::new("mesh"));
    let over = signer.server_until(NAMES, &[&TLS13], now() - SignedDuration::from_mins(5));
    let stage = Stage::of_istio(IstioCa::with(signer, over, "cluster.local").await);
    stage.refused_at(Step::Tls, &["expired", "renew"]).await;
    assert_eq!(stage.asked(), 0, "nobody got a token");
}

#[tokio::test]
async fn anchors_that_help_nobody_are_said_before_anybody_is_asked() {
    let stage = Stage::istio().await;
    fs::write(stage.roots_file(), "").unwrap();
    say(&stage.refused().await, &["roots.pem is empty"]);
    fs::remove_file(stage.roots_file()).unwrap();
    say(&stage.refused().await, &["roots.pem does not exist"]);
    assert_eq!(stage.asked(), 0);
}

#[tokio::test]
async fn another_port_of_istiod_is_told_from_its_ca() {
    let stage = Stage::istio().await;
    // 15017: the webhook, with the same certificate.
    let webhook = Other::not_found(stage.signer.server(NAMES, &[&TLS13, &TLS12])).await;
    let stage = dialling(stage, webhook.door.address());
    stage
        .refused_at(
            Step::Request,
            &[
                "no Istio CA answers there: it speaks plain HTTP and no gRPC (404 Not Found)",
                "15017 is its webhook",
            ],
        )
        .await;

    // 15010: plaintext gRPC, which begins with SETTINGS.
    let plaintext = server(|mut stream| async move {
        let _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
        let _ = stream.read(&mut [0; 4096]).await;
    });
    let stage = dialling(stage, plaintext.await);
    stage
        .refused_at(Step::Tls, &["speaks no TLS", "15012", "15010 is plaintext"])
        .await;

    // 15014: plain HTTP.
    let http = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let stage = dialling(stage, http.await);
    say(&stage.refused().await, &["speaks no TLS", "15014"]);

    let closing = server(|stream| async move { drop(stream) });
    let stage = dialling(stage, closing.await);
    stage
        .refused_at(Step::Tls, &["it ends the handshake", "15012"])
        .await;

    // TLS, and not what speaks HTTP/2.
    let mut config = (*stage.signer.server(NAMES, &[&TLS13])).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let other = Other::not_found(Arc::new(config)).await;
    let stage = dialling(stage, other.door.address());
    say(&stage.refused().await, &["it speaks TLS, and no HTTP/2"]);

    let half = Other::half_an_answer(stage.signer.server(NAMES, &[&TLS13])).await;
    let stage = dialling(stage, half.door.address());
    stage
        .refused_at(
            Step::Request,
            &["there is no answer: it broke off, or speaks no gRPC (it was closed)"],
        )
        .await;

    // One that only takes whoever has a certificate already.
    let closed = Other::not_found(stage.signer.peer(NAMES[0])).await;
    let stage = dialling(stage, closed.door.address());
    stage
        .refused_at(
            Step::Request,
            &["received fatal alert: CertificateRequired"],
        )
        .await;
}

#[tokio::test]
async fn an_address_where_nobody_is_says_so() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let stage = dialling(Stage::istio().await, address);
    stage
        .refused_at(
            Step::Connect,
            &[
                "nobody listens at 127.0.0.1:",
                "istiod.istio-system.svc:15012",
            ],
        )
        .await;

    let stage = stage.asking_istio(|ca| ca.address = "istiod.invalid:15012".to_owned());
    say(&stage.refused().await, &["its name cannot be resolved"]);
    let stage = stage.asking_istio(|ca| ca.address = "istiod".to_owned());
    say(
        &stage.refused().await,
        &["\"istiod\" is no address", "HOST:PORT"],
    );
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let begun = Instant::now();
    let silent = server(|stream| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    });
    let mute = dialling(Stage::istio().await, silent.await);
    let hanging = Stage::istio().await;
    hanging.be_istio(Whim::Hang);
    let linkerd = Stage::linkerd().await;
    linkerd.be_linkerd(linkerd_identity::Whim::Hang);
    let (mute, hanging, linkerd) =
        tokio::join!(mute.refused(), hanging.refused(), linkerd.refused());
    say(
        &linkerd,
        &["it did not answer within 10 s", "Kubernetes API"],
    );
    assert_eq!(mute.step(), Some(Step::Tls));
    say(&mute, &["says nothing for 10 s"]);
    assert_eq!(hanging.step(), Some(Step::Request));
    say(
        &hanging,
        &["it did not answer within 10 s", "Kubernetes API"],
    );
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_certificate_is_renewed_at_half_of_its_life() {
    let stage = Stage::istio().await;
    stage.be_istio(Whim::Lasting(SignedDuration::from_secs(4)));
    stage.renews().await;
}

#[tokio::test]
async fn a_ca_that_is_down_is_no_trouble_while_the_certificate_lasts() {
    let stage = Stage::istio().await;
    stage.be_istio(Whim::Lasting(SignedDuration::from_secs(3)));
    let supplier = stage.supplier().await;
    let first = current(&supplier).await;
    stage.be_istio(Whim::Says(Code::Unavailable, "not now"));
    let over = first.identity.leaf().not_after;
    while now() < over - SignedDuration::from_millis(300) {
        let still = current(&supplier).await;
        assert_eq!(still.identity.leaf().serial, first.identity.leaf().serial);
        sleep(Duration::from_millis(100)).await;
    }
    assert!(stage.asked() > 1, "it was asked again");
    // Then it is, and it is said.
    let mut why = None;
    for _ in 0..60 {
        sleep(Duration::from_millis(50)).await;
        why = supplier.current().await.err();
        if why.is_some() {
            break;
        }
    }
    say(
        &why.unwrap(),
        &["it is not ready (Unavailable: \"not now\")"],
    );
    // And back.
    stage.be_istio(Whim::None);
    for _ in 0..60 {
        sleep(Duration::from_millis(50)).await;
        if supplier.current().await.is_ok() {
            return;
        }
    }
    panic!("it never came back");
}

async fn current(supplier: &Supplier) -> Arc<Supply> {
    supplier.current().await.unwrap()
}

/// The same origin, at another address.
fn dialling(stage: Stage, address: SocketAddr) -> Stage {
    stage.asking_istio(|ca| {
        ca.address = address.to_string();
        ca.server_name = Some(NAMES[0].to_owned());
    })
}

/// A server of plain TCP.
async fn server<F, R>(then: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(then(stream));
        }
    });
    address
}
