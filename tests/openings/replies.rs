//! Replies to bytes of the user's own: what they show, and what they do not.

use std::io::Write;
use std::net::SocketAddr;

use mtls_probe::code::Outcome;
use mtls_probe::handshake::Guise;
use mtls_probe::observation::Reply;
use mtls_probe::target::{Request, StartTls};
use mtls_probe::verdict::Verdict;
use rustls::version::{TLS12, TLS13};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::common::{Clients, WORLD, id, peer};
use crate::hostile::asking;

#[tokio::test]
async fn a_reply_is_an_acceptance_where_it_is_the_one_expected() {
    let asked = |send: &str, expect: Option<&str>| Request::Raw {
        send: send.as_bytes().to_vec(),
        expect: expect.map(|text| text.as_bytes().to_vec()),
    };
    for (request, answer, want, in_plaintext) in [
        (
            asked("PING\r\n", Some("+PONG")),
            "+PONG\r\n",
            "OK certain",
            "PLAINTEXT_ACCEPTED certain",
        ),
        (
            asked("PING\r\n", None),
            "+PONG\r\n",
            "OK likely",
            "PLAINTEXT_ACCEPTED likely",
        ),
        (
            asked("PING\r\n", Some("+PONG")),
            "-ERR\r\n",
            "CLOSED ambiguous",
            "CLOSED ambiguous",
        ),
        (
            asked("PING\r\n", None),
            "-NOAUTH Authentication required.\r\n",
            "CLOSED ambiguous",
            "PLAINTEXT_ACCEPTED likely",
        ),
        (
            asked("PING\r\n", Some("+PONG")),
            "",
            "CLOSED ambiguous",
            "CLOSED ambiguous",
        ),
        (
            asked("GET / HTTP/1.0\r\n\r\n", Some("HTTP/1.")),
            PAGE,
            "CLIENT_CERT_REQUIRED certain",
            "CLOSED ambiguous",
        ),
        (
            asked("GET / HTTP/1.0\r\n\r\n", None),
            "HTTP/1.0 200 OK\r\n\r\nhello",
            "OK certain",
            "PLAINTEXT_ACCEPTED certain",
        ),
    ] {
        for versions in [&[&TLS13], &[&TLS12]] {
            let mut server = WORLD.server();
            server.versions = versions.to_vec();
            let address = server
                .start(move |mut stream| async move {
                    let _ = stream.read(&mut [0; 512]).await?;
                    stream.write_all(answer.as_bytes()).await?;
                    stream.shutdown().await
                })
                .await;
            let got = come(&request, address).await;
            assert_eq!(spoken(&got), want, "{request} {answer:?}: {got:?}");
        }
        let address = peer(move |mut stream| async move {
            let _ = stream.read(&mut [0; 512]).await?;
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await
        })
        .await;
        let (_, got) = asking(StartTls::No, request.clone(), address, Guise::Plaintext).await;
        let is_page = answer == PAGE;
        let want = if is_page {
            "PLAINTEXT_ACCEPTED certain"
        } else {
            in_plaintext
        };
        assert_eq!(spoken(&got), want, "{request} {answer:?}: {got:?}");
    }
}

/// In TLS 1.3 a server may speak before it has heard our side of the handshake. rustls does so only
/// where it asks for no certificate, which changes nothing of what it shows.
#[tokio::test]
async fn a_banner_that_comes_before_our_side_is_heard_is_no_acceptance() {
    let good = WORLD.good.identity().unwrap();
    let address = hasty().await;
    for expect in [None, Some(b"220".to_vec())] {
        let request = Request::Raw {
            send: vec![],
            expect,
        };
        for guise in [Guise::Identity(&good), Guise::Nobody] {
            let (seen, verdict) = asking(StartTls::No, request.clone(), address, guise).await;
            let words = format!("{request} {guise:?}: {seen:?} {verdict:?}");
            assert!(seen.early.bytes > 0, "{words}");
            assert_eq!(seen.reply, None, "{words}");
            assert_ne!(verdict.outcome(), Outcome::Accepted, "{words}");
        }
    }
}

#[tokio::test]
async fn what_is_expected_may_come_in_pieces_and_late() {
    let address = WORLD
        .server()
        .start(|mut stream| async move {
            for byte in b"220 mail.test ESMTP\r\n" {
                stream.write_all(&[*byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let _ = stream.read(&mut [0; 64]).await?;
            stream.shutdown().await
        })
        .await;
    let request = Request::Raw {
        send: vec![],
        expect: Some(b"ESMTP".to_vec()),
    };
    let good = WORLD.good.identity().unwrap();
    let (seen, verdict) = asking(StartTls::No, request, address, Guise::Identity(&good)).await;
    assert_eq!(spoken(&verdict), "OK certain", "{seen:?}");
    let Some(Reply::Raw { bytes, .. }) = seen.reply else {
        panic!("{seen:?}");
    };
    assert!(bytes.starts_with(b"220 mail.test"));
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_we_do_not_trust() {
    let impostor = WORLD.server().with(WORLD.by(&WORLD.stranger, "server"));
    let heard = Arc::default();
    let address = impostor.start(crate::common::listening(&heard)).await;
    let good = WORLD.good.identity().unwrap();
    let postgres = Request::Postgres {
        user: id("frontend"),
        database: "postgres".to_owned(),
    };
    for request in [
        Request::Raw {
            send: b"PING".to_vec(),
            expect: None,
        },
        postgres,
    ] {
        let (seen, _) = asking(StartTls::No, request, address, Guise::Identity(&good)).await;
        assert!(seen.request_withheld, "{seen:?}");
    }
    assert_eq!(heard.load(std::sync::atomic::Ordering::SeqCst), 0);
}

/// Says its banner with its own side of the handshake.
async fn hasty() -> SocketAddr {
    let mut server = WORLD.server().taking(Clients::Anybody).without_tickets();
    server.versions = vec![&TLS13];
    let mut config = server.config().as_ref().clone();
    config.send_half_rtt_data = true;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    peer(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let banner = |tls: &mut rustls::ServerConnection| {
                tls.writer().write_all(b"220 mail.test ESMTP\r\n").unwrap();
            };
            let mut stream = acceptor.accept_with(stream, banner).await?;
            while stream.read(&mut [0; 64]).await? > 0 {}
            stream.shutdown().await
        }
    })
    .await
}

async fn come(request: &Request, address: SocketAddr) -> Verdict {
    let good = WORLD.good.identity().unwrap();
    asking(
        StartTls::No,
        request.clone(),
        address,
        Guise::Identity(&good),
    )
    .await
    .1
}

fn spoken(verdict: &Verdict) -> String {
    format!("{} {}", verdict.code(), verdict.confidence.as_str())
}

const PAGE: &str = "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<title>400 No required SSL certificate was sent</title>";
