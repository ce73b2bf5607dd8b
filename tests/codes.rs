//! Every code, reached by a real connection: over both versions of TLS, where TLS it is.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use mtls_probe::certificate::Purpose;
use mtls_probe::code::{Code, Code::*, Outcome};
use mtls_probe::matrix::Matrix;
use mtls_probe::observation::{Ending, Stage, Wordless};
use mtls_probe::plan::plan;
use mtls_probe::run::{Materials, Settings, now, run};
use mtls_probe::suite::Suite;
use mtls_probe::target::Versions;
use mtls_probe::verdict::Elsewhere;
use rustls::CertificateError;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_server_of_the_mesh_takes_a_client_of_the_mesh() {
    let mut tally = Tally::new();
    let answers = WORLD.server().answering(OK_PAGE).await;
    let quiet = WORLD.server().without_tickets().start(farewell).await;
    let talkative = WORLD.server().start(farewell).await;
    let unasking = WORLD
        .server()
        .taking(Clients::Anybody)
        .start(farewell)
        .await;
    for over in BOTH {
        let client = || Client::good().over(over);
        tally.expect(
            over,
            &client().asking("GET /").come(answers).await,
            "OK, certain",
        );
        tally.expect(over, &client().come(quiet).await, "OK, likely");
        tally.expect(over, &client().come(talkative).await, "OK, likely");
        tally.expect(over, &client().come(unasking).await, "OK, certain");
        let nobody = Client::nobody().over(over);
        tally.expect(over, &nobody.come(unasking).await, "OK, certain");
    }
    tally.done("a_server_of_the_mesh_takes_a_client_of_the_mesh");
}

#[tokio::test]
async fn a_server_tells_what_is_wrong_with_our_certificate() {
    let mut tally = Tally::new();
    let world = &*WORLD;
    let server = world.server().answering(OK_PAGE).await;
    let frontend = "frontend";
    let below = world.stranger.intermediate("another CA", world.now);
    let rows = [
        (
            world.by(&below.unwrap(), frontend),
            "UNKNOWN_CA by peer, likely",
        ),
        (
            world.by(&world.stranger, frontend),
            "UNKNOWN_CA by peer, ambiguous",
        ),
        (
            world.spoilt(frontend, |leaf| leaf.not_after = world.hours(-1)),
            "CERT_EXPIRED by peer, certain",
        ),
        (
            world.spoilt(frontend, |leaf| leaf.not_before = world.hours(1)),
            "CERT_NOT_YET_VALID by peer, certain",
        ),
        (
            world.spoilt(frontend, for_servers_only),
            "CERT_UNSUPPORTED by peer, certain",
        ),
        (
            world.spoilt(frontend, |leaf| leaf.alone = true),
            "INCOMPLETE_CHAIN by peer, likely",
        ),
        (
            world.by(&world.namesake, frontend),
            "BAD_SIGNATURE by peer, likely",
        ),
    ];
    for (over, request) in BOTH
        .into_iter()
        .flat_map(|over| REQUESTS.map(|ask| (over, ask)))
    {
        for (minted, want) in &rows {
            let seen = Client::with(minted)
                .over(over)
                .asking(request)
                .come(server)
                .await;
            tally.expect(over, &seen, want);
        }
        let revoked = Client::with(&world.revoked).over(over).asking(request);
        tally.expect(
            over,
            &revoked.come(server).await,
            "CERT_REVOKED by peer, certain",
        );
        let nobody = Client::nobody().over(over).asking(request);
        tally.expect(
            over,
            &nobody.come(server).await,
            "CLIENT_CERT_REQUIRED by peer, certain",
        );
    }
    tally.done("a_server_tells_what_is_wrong_with_our_certificate");
}

#[tokio::test]
async fn a_server_that_dislikes_a_faultless_certificate_does_not_make_us_certain() {
    let mut tally = Tally::new();
    for (why, want) in [
        (
            CertificateError::NotValidForName,
            "CERT_REJECTED by peer, ambiguous",
        ), // 42
        (
            CertificateError::InvalidPurpose,
            "CERT_UNSUPPORTED by peer, likely",
        ), // 43
        (CertificateError::Revoked, "CERT_REVOKED by peer, certain"), // 44
        (CertificateError::Expired, "CERT_EXPIRED by peer, ambiguous"), // 45
        (
            CertificateError::Other(rustls::OtherError(Arc::new(std::fmt::Error))),
            "CERT_REJECTED by peer, ambiguous",
        ), // 46
        (
            CertificateError::UnknownIssuer,
            "UNKNOWN_CA by peer, likely",
        ), // 48
        (
            CertificateError::ApplicationVerificationFailure,
            "CERT_REJECTED by peer, ambiguous",
        ), // 49
        (
            CertificateError::BadSignature,
            "BAD_SIGNATURE by peer, likely",
        ), // 51
        (CertificateError::InvalidOcspResponse, "CLOSED, ambiguous"), // 113
    ] {
        let server = WORLD.server().taking(Clients::Nobody(why));
        let server = server.answering(OK_PAGE).await;
        for over in BOTH {
            let seen = Client::good().over(over).come(server).await;
            tally.expect(over, &seen, want);
        }
    }
    tally.done("a_server_that_dislikes_a_faultless_certificate_does_not_make_us_certain");
}

#[tokio::test]
async fn we_refuse_a_bad_server_and_tell_it_nothing() {
    let mut tally = Tally::new();
    let world = &*WORLD;
    let server = "server";
    let foreign = "spiffe://other.example/ns/default/sa/server";
    let rows = [
        (world.by(&world.stranger, server), "UNKNOWN_CA"),
        (
            world.spoilt(server, |leaf| leaf.not_after = world.hours(-1)),
            "CERT_EXPIRED",
        ),
        (
            world.spoilt(server, |leaf| leaf.not_before = world.hours(1)),
            "CERT_NOT_YET_VALID",
        ),
        (world.spoilt("somebody-else", |_| {}), "SAN_MISMATCH"),
        (
            world.spoilt(server, |leaf| leaf.uris = vec![foreign.into()]),
            "TRUST_DOMAIN_MISMATCH",
        ),
        (
            world.spoilt(server, |leaf| leaf.alone = true),
            "INCOMPLETE_CHAIN",
        ),
        (world.by(&world.namesake, server), "BAD_SIGNATURE"),
        (
            world.spoilt(server, |leaf| leaf.purposes = vec![Purpose::ClientAuth]),
            "CERT_UNSUPPORTED",
        ),
        (
            world.spoilt(server, |leaf| leaf.uris.push(id("also-me"))),
            "INVALID_SVID",
        ),
        (
            world.spoilt(server, |leaf| leaf.is_ca = true),
            "INVALID_SVID",
        ),
    ];
    let heard = Arc::new(AtomicUsize::new(0));
    for (minted, want) in rows {
        let server = world.server().with(minted);
        let address = server.start(listening(&heard)).await;
        for (over, request) in BOTH
            .into_iter()
            .flat_map(|over| REQUESTS.map(|ask| (over, ask)))
        {
            let seen = Client::good()
                .over(over)
                .asking(request)
                .come(address)
                .await;
            tally.expect(over, &seen, &format!("{want} by probe, certain"));
            assert_eq!(seen.observation.request_withheld, request != "none");
            let took_us = "the peer accepted us".to_owned();
            assert!(
                seen.verdict.evidence.contains(&took_us),
                "{:?}",
                seen.verdict
            );
        }
    }
    assert_eq!(
        heard.load(Ordering::SeqCst),
        0,
        "bytes told to servers that we refuse"
    );
    tally.done("we_refuse_a_bad_server_and_tell_it_nothing");
}

#[tokio::test]
async fn one_handshake_gives_both_verdicts() {
    let mut tally = Tally::new();
    let expired = || WORLD.spoilt("server", |leaf| leaf.not_after = WORLD.hours(-1));
    let strict = WORLD.server().with(expired()).answering(OK_PAGE).await;
    for over in BOTH {
        let stranger = Client::with(&WORLD.by(&WORLD.stranger, "frontend")).over(over);
        let seen = stranger.asking("GET /").come(strict).await;
        tally.expect(over, &seen, "UNKNOWN_CA by peer, ambiguous");
        let ours = "we refuse the server as well: CERT_EXPIRED".to_owned();
        assert!(seen.verdict.evidence.contains(&ours), "{:?}", seen.verdict);
        let seen = Client::good().over(over).asking("GET /").come(strict).await;
        tally.expect(over, &seen, "CERT_EXPIRED by probe, certain");
    }
    tally.done("one_handshake_gives_both_verdicts");
}

#[tokio::test]
async fn an_alert_in_clear_says_what_is_wrong_with_our_hello() {
    let mut tally = Tally::new();
    for (alert, want) in [
        (40, "NO_SHARED_CIPHER by peer, likely"),
        (70, "PROTOCOL_VERSION by peer, certain"),
        (71, "NO_SHARED_CIPHER by peer, certain"),
        (80, "CLOSED, ambiguous"),
        (112, "UNRECOGNIZED_NAME by peer, certain"),
        (120, "ALPN_MISMATCH by peer, certain"),
    ] {
        for leave in [Leave::Fin, Leave::Rst, Leave::Never] {
            let server = peer(move |mut stream| async move {
                hear(&mut stream).await?;
                stream.write_all(&[21, 3, 3, 0, 2, 2, alert]).await?;
                leave.by(stream).await
            });
            let server = server.await;
            for over in BOTH {
                let seen = Client::good().over(over).asking("GET /").come(server).await;
                tally.expect(over, &seen, want);
                assert_eq!(seen.observation.ending, Ending::Alert(alert));
            }
        }
    }
    tally.done("an_alert_in_clear_says_what_is_wrong_with_our_hello");
}

#[tokio::test]
async fn real_servers_refuse_versions_groups_and_protocols() {
    let mut tally = Tally::new();
    let mut only = WORLD.server();
    for (over, theirs) in [(Versions::Tls12, &TLS13), (Versions::Tls13, &TLS12)] {
        only.versions = vec![theirs];
        let server = only.answering(OK_PAGE).await;
        let seen = Client::good().over(over).come(server).await;
        tally.expect(over, &seen, "PROTOCOL_VERSION by peer, certain");
    }
    let mut picky = WORLD.server();
    picky.provider = Arc::new(CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::SECP256R1],
        ..aws_lc_rs::default_provider()
    });
    picky.alpn = vec!["h2"];
    let server = picky.answering(OK_PAGE).await;
    for over in BOTH {
        let mut client = Client::good().over(over);
        client.offer.groups = vec![mtls_probe::target::Group::X25519];
        tally.expect(
            over,
            &client.come(server).await,
            "NO_SHARED_CIPHER by peer, likely",
        );
        let mut client = Client::good().over(over);
        client.offer.alpn = Some(vec!["http/1.1".into()]);
        tally.expect(
            over,
            &client.come(server).await,
            "ALPN_MISMATCH by peer, certain",
        );
    }
    tally.done("real_servers_refuse_versions_groups_and_protocols");
}

#[tokio::test]
async fn what_is_not_tls_is_seen_by_its_first_words() {
    let mut tally = Tally::new();
    for words in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "-ERR\r\n",
        "no\n",
    ] {
        for leave in [Leave::Fin, Leave::Rst] {
            let server = peer(move |mut stream| async move {
                hear(&mut stream).await?;
                stream.write_all(words.as_bytes()).await?;
                leave.by(stream).await
            });
            let server = server.await;
            for over in BOTH {
                let seen = Client::good().over(over).come(server).await;
                tally.expect(over, &seen, "NOT_TLS by probe, certain");
            }
        }
    }
    tally.done("what_is_not_tls_is_seen_by_its_first_words");
}

#[tokio::test]
async fn an_end_without_a_word_leaves_it_open_and_names_the_stage() {
    use Leave::{Fin, Never, Rst};
    let mut tally = Tally::new();
    let (closed, reset) = ("CLOSED, ambiguous", "RESET, ambiguous");
    let (late, silent) = ("HANDSHAKE_TIMEOUT, ambiguous", "SILENT, ambiguous");
    for over in BOTH {
        let (judging, never) = match over {
            Versions::Tls12 => (Stage::ClientAuth, late),
            Versions::Tls13 | Versions::Both => (Stage::Settle, silent),
        };
        let server = WORLD.server();
        let hello = |leave: Leave| {
            peer(move |mut stream| async move {
                hear(&mut stream).await?;
                leave.by(stream).await
            })
        };
        let flight = |leave| server.until(Point::MiddleOfItsFlight, leave);
        let heard = |leave| server.until(Point::OurSideHeard, leave);
        for (address, stage, want) in [
            (hello(Fin).await, Stage::ClientHello, closed),
            (hello(Rst).await, Stage::ClientHello, reset),
            (hello(Never).await, Stage::ClientHello, late),
            (flight(Fin).await, Stage::ServerHello, closed),
            (flight(Rst).await, Stage::ServerHello, reset),
            (flight(Never).await, Stage::ServerHello, late),
            (heard(Fin).await, judging, closed),
            (heard(Rst).await, judging, reset),
            (heard(Never).await, judging, never),
        ] {
            for request in REQUESTS {
                let client = Client::good().over(over).asking(request).within(400);
                let seen = client.come(address).await;
                // In TLS 1.2 this silence is inside the handshake.
                let any = want == silent;
                tally.expect(if any { Versions::Both } else { over }, &seen, want);
                let waited_on = match (stage, request) {
                    // The silence is noticed only once we have asked.
                    (Stage::Settle, "GET /") if want == silent => Stage::Request,
                    _ => stage,
                };
                assert_eq!(seen.observation.stage, waited_on, "{over:?} {request}");
            }
        }
    }
    // As s2n refuses an empty list of certificates.
    let server = WORLD.server().until(Point::CloseNotifyUnjudged, Fin).await;
    for request in REQUESTS {
        let client = Client::nobody().over(Versions::Tls13).asking(request);
        let seen = client.come(server).await;
        tally.expect(Versions::Tls13, &seen, closed);
        assert_eq!(
            seen.observation.ending,
            Ending::Wordless(Wordless::CloseNotify)
        );
    }
    tally.done("an_end_without_a_word_leaves_it_open_and_names_the_stage");
}

#[tokio::test]
async fn a_server_that_closes_at_our_request_may_mean_policy() {
    let mut tally = Tally::new();
    let answers = Elsewhere {
        answers: true,
        ..Elsewhere::default()
    };
    let close = |mut stream: tokio_rustls::server::TlsStream<TcpStream>| async move {
        hear(&mut stream).await?;
        stream.shutdown().await
    };
    let server = WORLD.server();
    let silent = server.start(|mut stream| async move {
        while stream.read(&mut [0; 4096]).await? > 0 {}
        stream.shutdown().await
    });
    let silent = silent.await;
    for over in BOTH {
        for server in [WORLD.server(), WORLD.server().without_tickets()] {
            let address = server.start(close).await;
            let client = || Client::good().over(over).asking("GET /");
            tally.expect(over, &client().come(address).await, "CLOSED, ambiguous");
            let seen = client().come_knowing(address, answers).await;
            tally.expect(over, &seen, "AUTHZ_DENIED by peer, ambiguous");
            let whoever = server.taking(Clients::Whoever).start(close).await;
            let nobody = Client::nobody().over(over).asking("GET /");
            let seen = nobody.come_knowing(whoever, answers).await;
            tally.expect(over, &seen, "CLIENT_CERT_REQUIRED by peer, ambiguous");
        }
        let seen = Client::good().over(over).asking("GET /").within(400);
        tally.expect(over, &seen.come(silent).await, "SILENT, ambiguous");
    }
    tally.done("a_server_that_closes_at_our_request_may_mean_policy");
}

#[tokio::test]
async fn a_proxy_says_what_it_thinks_in_its_answer() {
    let mut tally = Tally::new();
    for (page, want) in [
        (DENIED_PAGE, "AUTHZ_DENIED by peer, certain"),
        (NO_HEALTHY_PAGE, "UPSTREAM_UNAVAILABLE by peer, certain"),
        (NO_UPSTREAM_PAGE, "UPSTREAM_UNAVAILABLE by peer, certain"),
        (
            NO_UPSTREAM_TLS_PAGE,
            "UPSTREAM_TLS_FAILURE by peer, certain",
        ),
        (BUSY_PAGE, "OK, likely"),
    ] {
        let server = WORLD.server().answering(page).await;
        for over in BOTH {
            let seen = Client::good().over(over).asking("GET /").come(server).await;
            tally.expect(over, &seen, want);
        }
    }
    let nginx = WORLD.server().taking(Clients::Whoever);
    let none_sent = nginx.answering(NONE_SENT_PAGE).await;
    let bad_one = nginx.answering(BAD_ONE_PAGE).await;
    for over in BOTH {
        let nobody = Client::nobody().over(over).asking("GET /");
        let seen = nobody.come(none_sent).await;
        tally.expect(over, &seen, "CLIENT_CERT_REQUIRED by peer, certain");
        let seen = Client::good()
            .over(over)
            .asking("GET /")
            .come(bad_one)
            .await;
        tally.expect(over, &seen, "CERT_REJECTED by peer, ambiguous");
        // The same page, and no body to tell it by.
        let seen = Client::good()
            .over(over)
            .asking("HEAD /")
            .come(bad_one)
            .await;
        tally.expect(over, &seen, "CLOSED, ambiguous");
    }
    tally.done("a_proxy_says_what_it_thinks_in_its_answer");
}

#[tokio::test]
async fn plaintext_is_taken_or_refused() {
    let mut tally = Tally::new();
    let saying = |words: &'static str| peer(move |stream| respond(stream, words));
    let tls = WORLD.server().answering(OK_PAGE).await;
    let plain = saying(OK_PAGE).await;
    let https = saying(HTTPS_PORT_PAGE).await;
    let garbage = saying("\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}").await;
    let banner = peer(|mut stream| async move {
        stream.write_all(b"220 mail.example ESMTP\r\n").await?;
        discard(&mut stream).await
    });
    let resets = peer(|mut stream| async move {
        hear(&mut stream).await?;
        stream.set_zero_linger()
    });
    let silent = peer(|mut stream| async move { discard(&mut stream).await }).await;
    let resets = resets.await;
    for (address, want) in [
        (plain, "PLAINTEXT_ACCEPTED, certain"),
        (banner.await, "PLAINTEXT_ACCEPTED, likely"),
        (tls, "PLAINTEXT_REJECTED by peer, certain"),
        (https, "PLAINTEXT_REJECTED by peer, certain"),
        (garbage, "CLOSED, ambiguous"),
        (resets, "RESET, ambiguous"),
        (silent, "SILENT, ambiguous"),
    ] {
        let client = Client::plaintext().within(700);
        tally.expect(Versions::Both, &client.come(address).await, want);
    }
    let tls_port = Elsewhere {
        speaks_tls: true,
        ..Elsewhere::default()
    };
    let seen = Client::plaintext().come_knowing(resets, tls_port).await;
    tally.expect(Versions::Both, &seen, "PLAINTEXT_REJECTED by peer, likely");
    tally.done("plaintext_is_taken_or_refused");
}

#[tokio::test]
async fn what_cannot_be_reached_is_no_refusal() {
    let mut tally = Tally::new();
    let reserved =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    reserved.bind(&anywhere.into()).unwrap();
    let closed = reserved.local_addr().unwrap().as_socket().unwrap();
    // The kernel itself refuses to open a connection to everybody.
    let everybody = "255.255.255.255:9".parse().unwrap();
    let (full, _held) = full_backlog().await;
    for client in [Client::good(), Client::nobody(), Client::plaintext()] {
        let client = client.within(400);
        for (address, want) in [
            (closed, "CONNECTION_REFUSED, certain"),
            (everybody, "HOST_UNREACHABLE, certain"),
            (full, "CONNECT_TIMEOUT, certain"),
        ] {
            let seen = client.come(address).await;
            tally.expect(Versions::Both, &seen, want);
            assert!(matches!(seen.observation.ending, Ending::NeverConnected(_)));
        }
    }
    tally.done("what_cannot_be_reached_is_no_refusal");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_a_dns_failure() {
    let mut tally = Tally::new();
    let mesh = Mesh::new();
    let matrix = mesh
        .run("server: { address: 'does-not-exist.invalid:443' }", |_| {})
        .await;
    assert_eq!(matrix.cells.len(), 2);
    for cell in &matrix.cells {
        assert_eq!(
            (cell.code, cell.outcome.as_str()),
            (DnsFailure, "unreachable")
        );
        tally.saw(Versions::Both, cell.code);
    }
    tally.done("a_name_that_does_not_resolve_is_a_dns_failure");
}

#[tokio::test]
async fn a_sidecar_without_a_filter_chain_for_us_resets() {
    let mut tally = Tally::new();
    // As a permissive Istio port for HTTP: TLS without its ALPN is reset, plaintext is answered.
    let sidecar = peer(|mut stream| async move {
        let mut first = [0];
        stream.peek(&mut first).await?;
        hear(&mut stream).await?;
        if first == [22] {
            return stream.set_zero_linger();
        }
        stream.write_all(ENVOY_PAGE.as_bytes()).await?;
        stream.shutdown().await
    });
    let address = sidecar.await;
    let mesh = Mesh::new();
    for (over, name) in [(Versions::Tls12, "'1.2'"), (Versions::Tls13, "'1.3'")] {
        let target = format!("server: {{ address: '{address}', tls: {name}, request: GET / }}");
        let matrix = mesh.run(&target, |_| {}).await;
        let codes: Vec<_> = matrix.cells.iter().map(|cell| cell.code).collect();
        assert_eq!(codes, [NoFilterChain, PlaintextAccepted]);
        tally.saw(over, NoFilterChain);
    }
    tally.done("a_sidecar_without_a_filter_chain_for_us_resets");
}

#[tokio::test]
async fn an_identity_that_goes_away_is_our_own_fault() {
    let mut tally = Tally::new();
    let server = WORLD.server().answering(OK_PAGE).await;
    let mesh = Mesh::new();
    let target = format!("server: {{ address: '{server}', id: sa/server, request: GET / }}");
    let matrix = mesh
        .run(&target, |folder| {
            fs::remove_file(folder.join("frontend.key")).unwrap();
        })
        .await;
    assert_eq!(matrix.cells[0].code, ProbeFault);
    assert_eq!(matrix.cells[0].outcome, "inconclusive");
    tally.saw(Versions::Both, ProbeFault);
    tally.done("an_identity_that_goes_away_is_our_own_fault");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_alert_is_lost_or_misread_however_the_server_leaves() {
    const RUNS: usize = 300;
    for leave in [Leave::Fin, Leave::Rst] {
        let server = WORLD.server();
        let address = server.start_leaving(leave, |s| respond(s, OK_PAGE)).await;
        let stranger = Arc::new(WORLD.by(&WORLD.stranger, "frontend"));
        for (over, request) in BOTH
            .into_iter()
            .flat_map(|over| REQUESTS.map(|ask| (over, ask)))
        {
            let mut runs = tokio::task::JoinSet::new();
            let mut codes = BTreeMap::new();
            for nth in 0..RUNS {
                if nth >= 8
                    && let Some(code) = runs.join_next().await
                {
                    *codes.entry(code.unwrap()).or_insert(0) += 1;
                }
                let stranger = Arc::clone(&stranger);
                runs.spawn(async move {
                    let client = Client::with(&stranger).over(over).asking(request);
                    let seen = client.come(address).await;
                    assert_ne!(seen.verdict.outcome(), Outcome::Accepted);
                    seen.spoken()
                });
            }
            for code in runs.join_all().await {
                *codes.entry(code).or_insert(0) += 1;
            }
            let want = BTreeMap::from([("UNKNOWN_CA by peer, ambiguous".to_owned(), RUNS)]);
            assert_eq!(codes, want, "{leave:?} {over:?} {request}");
        }
    }
}

#[tokio::test]
async fn behind_a_slow_relay_the_alert_is_still_waited_for() {
    let server = WORLD.server();
    let server = server.start(|stream| respond(stream, OK_PAGE)).await;
    let relay = peer(move |client| async move {
        let server = TcpStream::connect(server).await?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::spawn(delayed(from_client, to_server));
        delayed(from_server, to_client).await
    });
    let relay = relay.await;
    let stranger = WORLD.by(&WORLD.stranger, "frontend");
    for (over, request) in BOTH
        .into_iter()
        .flat_map(|over| REQUESTS.map(|ask| (over, ask)))
    {
        let client = Client::with(&stranger).over(over).asking(request);
        let seen = client.come(relay).await;
        assert_eq!(seen.verdict.code(), UnknownCa);
        // It was heard before we had said more.
        assert!(seen.observation.stage <= Stage::Settle && !seen.observation.we_closed);
        let seen = Client::good().over(over).asking(request).come(relay).await;
        assert_eq!(seen.verdict.code(), Ok);
    }
}

#[test]
fn every_code_is_reached_here() {
    let all: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    let reached = REACHED.iter().flat_map(|(_, codes)| codes.iter().copied());
    assert_eq!(reached.collect::<BTreeSet<Code>>(), all);
    let here = include_str!("codes.rs");
    for (test, _) in REACHED {
        assert!(here.contains(&format!("async fn {test}()")), "{test}");
        assert!(here.contains(&format!("tally.done(\"{test}\")")), "{test}");
    }
}

/// Which test reaches which codes; each test holds itself to its line.
const REACHED: &[(&str, &[Code])] = &[
    ("a_server_of_the_mesh_takes_a_client_of_the_mesh", &[Ok]),
    (
        "a_server_tells_what_is_wrong_with_our_certificate",
        &[
            UnknownCa,
            CertExpired,
            CertNotYetValid,
            IncompleteChain,
            BadSignature,
            CertUnsupported,
            CertRevoked,
            ClientCertRequired,
        ],
    ),
    (
        "a_server_that_dislikes_a_faultless_certificate_does_not_make_us_certain",
        &[
            UnknownCa,
            CertExpired,
            BadSignature,
            CertUnsupported,
            CertRevoked,
            CertRejected,
            Closed,
        ],
    ),
    (
        "we_refuse_a_bad_server_and_tell_it_nothing",
        &[
            UnknownCa,
            CertExpired,
            CertNotYetValid,
            SanMismatch,
            TrustDomainMismatch,
            IncompleteChain,
            BadSignature,
            CertUnsupported,
            InvalidSvid,
        ],
    ),
    (
        "one_handshake_gives_both_verdicts",
        &[UnknownCa, CertExpired],
    ),
    (
        "an_alert_in_clear_says_what_is_wrong_with_our_hello",
        &[
            NoSharedCipher,
            ProtocolVersion,
            AlpnMismatch,
            UnrecognizedName,
            Closed,
        ],
    ),
    (
        "real_servers_refuse_versions_groups_and_protocols",
        &[NoSharedCipher, ProtocolVersion, AlpnMismatch],
    ),
    ("what_is_not_tls_is_seen_by_its_first_words", &[NotTls]),
    (
        "an_end_without_a_word_leaves_it_open_and_names_the_stage",
        &[HandshakeTimeout, Reset, Closed, Silent],
    ),
    (
        "a_server_that_closes_at_our_request_may_mean_policy",
        &[ClientCertRequired, AuthzDenied, Closed, Silent],
    ),
    (
        "a_proxy_says_what_it_thinks_in_its_answer",
        &[
            Ok,
            ClientCertRequired,
            CertRejected,
            AuthzDenied,
            UpstreamTlsFailure,
            UpstreamUnavailable,
            Closed,
        ],
    ),
    (
        "plaintext_is_taken_or_refused",
        &[PlaintextAccepted, PlaintextRejected, Reset, Closed, Silent],
    ),
    (
        "what_cannot_be_reached_is_no_refusal",
        &[ConnectionRefused, HostUnreachable, ConnectTimeout],
    ),
    (
        "a_name_that_does_not_resolve_is_a_dns_failure",
        &[DnsFailure],
    ),
    (
        "a_sidecar_without_a_filter_chain_for_us_resets",
        &[NoFilterChain],
    ),
    ("an_identity_that_goes_away_is_our_own_fault", &[ProbeFault]),
];

/// What a test has reached.
struct Tally(BTreeMap<Code, BTreeSet<&'static str>>);

impl Tally {
    fn new() -> Self {
        Self(BTreeMap::new())
    }

    fn expect(&mut self, over: Versions, seen: &Seen, want: &str) {
        assert_eq!(
            seen.spoken(),
            want,
            "{over:?} {:?}\n{:?}",
            seen.verdict,
            seen.observation
        );
        if let Some(version) = seen.observation.tls.version
            && over != Versions::Both
        {
            let offered = if over == Versions::Tls12 {
                "1.2"
            } else {
                "1.3"
            };
            assert_eq!(version.as_str(), offered);
        }
        self.saw(over, seen.verdict.code());
    }

    fn saw(&mut self, over: Versions, code: Code) {
        let version = match over {
            Versions::Both => "any",
            Versions::Tls12 => "1.2",
            Versions::Tls13 => "1.3",
        };
        self.0.entry(code).or_default().insert(version);
    }

    /// It has reached what it should, and over both versions of TLS where it is about TLS at all.
    fn done(self, test: &str) {
        let (_, codes) = REACHED.iter().find(|(name, _)| *name == test).unwrap();
        let want: BTreeSet<&Code> = codes.iter().collect();
        assert_eq!(self.0.keys().collect::<BTreeSet<_>>(), want);
        for (code, over) in &self.0 {
            let is_even = over.contains("any") || over.len() == 2;
            assert!(is_even, "{code} only over {over:?}");
        }
    }
}

/// A suite with a client of the mesh and plaintext, and its files.
struct Mesh(tempfile::TempDir);

impl Mesh {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let root = pem::encode(&pem::Pem::new("CERTIFICATE", WORLD.root.to_vec()));
        write("roots.pem", &root);
        write("frontend.pem", &WORLD.good.chain_pem());
        write("frontend.key", &WORLD.good.key_pem());
        Self(folder)
    }

    async fn run(&self, target: &str, meanwhile: impl Fn(&Path)) -> Matrix {
        let text = format!(
            "version: 1\n\
             trust_domain: cluster.local\n\
             namespace: default\n\
             defaults: {{ timeout: 2s }}\n\
             bundles: {{ cluster.local: {{ file: roots.pem }} }}\n\
             sources:\n  \
               sa/frontend: {{ files: {{ chain: frontend.pem, key: frontend.key }} }}\n  \
               plaintext: {{}}\n\
             targets:\n  {target}\n"
        );
        let suite = Suite::parse("suite", self.0.path(), &text).unwrap_or_else(|e| panic!("{e}"));
        let suites = [suite];
        let plan = Arc::new(plan(&suites).unwrap());
        let materials = Arc::new(Materials::gather(&suites, now()).await.unwrap());
        meanwhile(self.0.path());
        let never = std::future::pending();
        run(&suites, plan, materials, Settings::default(), never, |_| {}).await
    }
}

/// As far away as another continent.
async fn delayed(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
) -> std::io::Result<()> {
    let mut buffer = [0; 16384];
    loop {
        let read = from.read(&mut buffer).await?;
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
    }
}

/// An address whose backlog is full, so that the kernel answers no further SYN.
async fn full_backlog() -> (SocketAddr, Vec<socket2::Socket>) {
    let new = || {
        let kind = socket2::Type::STREAM;
        socket2::Socket::new(socket2::Domain::IPV4, kind, None).unwrap()
    };
    let listener = new();
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    listener.bind(&anywhere.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = vec![listener];
    for _ in 0..4 {
        let client = new();
        client.set_nonblocking(true).unwrap();
        let _ = client.connect(&address);
        held.push(client);
    }
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    (address.as_socket().unwrap(), held)
}

const REQUESTS: [&str; 2] = ["none", "GET /"];

const OK_PAGE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
const ENVOY_PAGE: &str = "HTTP/1.1 200 OK\r\nserver: istio-envoy\r\ncontent-length: 2\r\n\r\nhi";
const BUSY_PAGE: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy";
const DENIED_PAGE: &str = "HTTP/1.1 403 Forbidden\r\nserver: istio-envoy\r\n\
     content-length: 19\r\n\r\nRBAC: access denied";
const NO_HEALTHY_PAGE: &str = "HTTP/1.1 503 Service Unavailable\r\nserver: envoy\r\n\
     connection: close\r\n\r\nno healthy upstream";
const NO_UPSTREAM_PAGE: &str = "HTTP/1.1 503 Service Unavailable\r\nserver: envoy\r\n\
     connection: close\r\n\r\nupstream connect error or disconnect/reset before headers. reset \
     reason: remote connection failure, transport failure reason: delayed connect error: 111";
const NO_UPSTREAM_TLS_PAGE: &str = "HTTP/1.1 503 Service Unavailable\r\nserver: envoy\r\n\
     connection: close\r\n\r\nupstream connect error or disconnect/reset before headers. retried \
     and the latest reset reason: remote connection failure, transport failure reason: \
     TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end";
const NONE_SENT_PAGE: &str = "HTTP/1.1 400 Bad Request\r\nserver: nginx/1.22.1\r\n\
     connection: close\r\n\r\n<html>\r\n<head><title>400 No required SSL certificate was \
     sent</title></head>";
const BAD_ONE_PAGE: &str = "HTTP/1.1 400 Bad Request\r\nserver: nginx/1.22.1\r\n\
     connection: close\r\n\r\n<html>\r\n<head><title>400 The SSL certificate error</title></head>";
const HTTPS_PORT_PAGE: &str = "HTTP/1.1 400 Bad Request\r\nserver: nginx/1.22.1\r\n\
     connection: close\r\n\r\n<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS \
     port</title></head>";
