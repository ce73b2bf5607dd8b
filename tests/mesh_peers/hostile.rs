//! Peers at the port of a ztunnel that answer as nobody should.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use h2::{Reason, server};
use hyper::Response;
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::ambient::{HBONE, SOON, hbone};
use crate::app::{PORT, at, hear, serve};
use crate::table;
use crate::world::{Names, Seen, WORLD, pod_ip, spoken};

type Stream = TlsStream<TcpStream>;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_a_tunnel_it_is_no_acceptance() {
    let _alone = table::ALONE.lock().await;
    let mut targets = String::new();
    let mut names = vec![];
    for code in CODES {
        for what in What::ALL {
            let address = at(pod_ip(), HBONE);
            hbone(address, move |stream| end(stream, what, code)).await;
            let name = format!("{what:?} {code}");
            targets += &target(&name, address, "GET /");
            targets += &target(&format!("{name} unasked"), address, "none");
            names.push((name, what));
        }
    }
    let seen = WORLD.probe_as(Names::Spiffe, &["frontend"], &targets).await;
    for (name, what) in names {
        let cell = seen.cell("frontend", &name);
        assert_eq!(cell.outcome, "inconclusive", "{name}: {cell:?}");
        let unasked = seen.cell("frontend", &format!("{name} unasked"));
        // Whoever asked for the tunnel alone has it.
        let is_open = what == What::ResetAfterOpening;
        let outcome = if is_open { "accepted" } else { "inconclusive" };
        assert_eq!(unasked.outcome, outcome, "{name}: {unasked:?}");
    }
    // The code of HTTP/2 is told.
    let cell = seen.cell("frontend", "Reset 7");
    assert_eq!(
        spoken(cell),
        "RESET, ambiguous: AUTHZ_DENIED CERT_REJECTED UPSTREAM_UNAVAILABLE"
    );
    let said = |cell: &mtls_probe::matrix::Cell, fact: &str| {
        assert!(cell.evidence.iter().any(|one| one == fact), "{cell:?}");
    };
    said(cell, "HTTP/2 error REFUSED_STREAM");
    said(
        seen.cell("frontend", "GoAway 11"),
        "HTTP/2 error ENHANCE_YOUR_CALM",
    );
    said(
        seen.cell("frontend", "ResetAfterOpening 10"),
        "HTTP/2 error CONNECT_ERROR",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_nonsense_is_left_in_time_and_not_believed() {
    let _alone = table::ALONE.lock().await;
    for (what, act) in NONSENSE {
        let address = at(pod_ip(), HBONE);
        hbone(address, move |stream| speak(stream, act)).await;
        let begun = Instant::now();
        let seen = probe(&target("it", address, "GET /")).await;
        let cell = seen.cell("frontend", "it");
        assert_eq!(cell.outcome, "inconclusive", "{what}: {cell:?}");
        let took = begun.elapsed();
        // Two seconds for the connection, as much for a follow-up, and the farewells.
        assert!(took < Duration::from_secs(9), "{what}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_to_a_ztunnel_that_we_do_not_trust() {
    let _alone = table::ALONE.lock().await;
    let heard = Arc::new(AtomicUsize::new(0));
    let address = at(pod_ip(), HBONE);
    let counter = Arc::clone(&heard);
    hbone(address, move |stream| count(stream, Arc::clone(&counter))).await;
    let ip = address.ip();
    let targets = format!(
        "  it: {{ address: '{ip}:{PORT}', id: sa/somebody-else, dialect: hbone, request: GET / }}\n"
    );
    let seen = probe(&targets).await;
    assert_eq!(
        spoken(seen.cell("frontend", "it")),
        "SAN_MISMATCH by probe, certain"
    );
    assert_eq!(heard.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_goes_to_whoever_did_not_agree_to_read_it() {
    let _alone = table::ALONE.lock().await;
    let heard = Arc::new(AtomicUsize::new(0));
    let own = WORLD.pod(Names::Linkerd, "web");
    let verifier = WORLD.verifier().allow_unauthenticated().build().unwrap();
    let config = WORLD.config(&own, &[&rustls::version::TLS13], Some(verifier));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let counter = Arc::clone(&heard);
    let address = serve(at(pod_ip(), 4143), move |stream| {
        let (acceptor, counter) = (acceptor.clone(), Arc::clone(&counter));
        async move { count(acceptor.accept(stream).await?, counter).await }
    })
    .await;
    let ip = address.ip();
    let targets = format!(
        "  it: {{ address: '{ip}:{PORT}', id: sa/web, dialect: linkerd, via: 4143, request: GET / }}\n"
    );
    let comers = ["frontend", "none"];
    let seen = WORLD.probe_as(Names::Linkerd, &comers, &targets).await;
    for comer in comers {
        let cell = seen.cell(comer, "it");
        assert_eq!(spoken(cell), "ALPN_MISMATCH by probe, certain", "{cell:?}");
    }
    assert_eq!(heard.load(Ordering::SeqCst), 0);
}

async fn probe(targets: &str) -> Seen {
    WORLD.probe_as(Names::Spiffe, &["frontend"], targets).await
}

fn target(name: &str, address: SocketAddr, request: &str) -> String {
    let ip = address.ip();
    format!(
        "  {name}: {{ address: '{ip}:{PORT}', id: sa/web, dialect: hbone, request: {request} }}\n"
    )
}

async fn count(mut stream: Stream, heard: Arc<AtomicUsize>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return stream.shutdown().await,
            read => heard.fetch_add(read, Ordering::SeqCst),
        };
    }
}

/// When a tunnel is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Reset,
    GoAway,
    ResetAfterOpening,
}

impl What {
    const ALL: [Self; 3] = [Self::Reset, Self::GoAway, Self::ResetAfterOpening];
}

/// Every error code of HTTP/2, and one that is none.
const CODES: std::ops::RangeInclusive<u32> = 0..=14;

async fn end(stream: Stream, what: What, code: u32) -> io::Result<()> {
    let reason = Reason::from(code);
    let mut connection = server::handshake(stream).await.map_err(io::Error::other)?;
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        match what {
            What::Reset => respond.send_reset(reason),
            What::GoAway => connection.abrupt_shutdown(reason),
            What::ResetAfterOpening => {
                let opened = respond.send_response(Response::new(()), false);
                let mut tunnel = opened.map_err(io::Error::other)?;
                tokio::spawn(async move {
                    tokio::time::sleep(SOON).await;
                    tunnel.send_reset(reason);
                });
            }
        }
    }
    Ok(())
}

/// What is said instead of an answer.
#[derive(Clone, Copy, Debug)]
enum Nonsense {
    Silence,
    Close,
    Garbage,
    SettingsAlone,
    SettingsForever,
    HeadersForever,
    OneEndlessHeader,
    PageForever,
    TunnelOfGarbageForever,
    TunnelOfHeadersForever,
}

const NONSENSE: [(&str, Nonsense); 10] = [
    ("silence", Nonsense::Silence),
    ("a close", Nonsense::Close),
    ("garbage", Nonsense::Garbage),
    ("SETTINGS and silence", Nonsense::SettingsAlone),
    ("SETTINGS without end", Nonsense::SettingsForever),
    ("CONTINUATION without end", Nonsense::HeadersForever),
    ("a header without end", Nonsense::OneEndlessHeader),
    (
        "a page without end, and no status of ours",
        Nonsense::PageForever,
    ),
    ("a tunnel full of garbage", Nonsense::TunnelOfGarbageForever),
    ("a tunnel full of headers", Nonsense::TunnelOfHeadersForever),
];

async fn speak(mut stream: Stream, what: Nonsense) -> io::Result<()> {
    match what {
        Nonsense::Silence => loop {
            if hear(&mut stream).await? == 0 {
                return Ok(());
            }
        },
        Nonsense::Close => hear(&mut stream).await.map(|_| ()),
        Nonsense::Garbage => {
            hear(&mut stream).await?;
            stream.write_all(&[0x55; 4096]).await
        }
        Nonsense::SettingsAlone => {
            stream.write_all(SETTINGS).await?;
            while hear(&mut stream).await? > 0 {}
            Ok(())
        }
        Nonsense::SettingsForever => forever(stream, &[], &SETTINGS.repeat(100)).await,
        Nonsense::HeadersForever => {
            // `x: y` as a literal, without END_HEADERS.
            let begin = [SETTINGS, &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88]].concat();
            forever(
                stream,
                &begin,
                &[0, 0, 5, 9, 0, 0, 0, 0, 1, 0, 1, b'x', 1, b'y'],
            )
            .await
        }
        Nonsense::OneEndlessHeader => {
            // A literal whose value is said to be long, in frames without END_HEADERS.
            let begin = [
                SETTINGS,
                &[
                    0, 0, 8, 1, 0, 0, 0, 0, 1, 0x88, 0, 1, b'x', 0x7f, 0xff, 0xff, 0x7f,
                ],
            ]
            .concat();
            let mut more = vec![0, 0x10, 0, 9, 0, 0, 0, 0, 1];
            more.extend([b'y'; 4096]);
            forever(stream, &begin, &more).await
        }
        Nonsense::PageForever => answer(stream, 418, b"page ").await,
        Nonsense::TunnelOfGarbageForever => answer(stream, 200, &[7]).await,
        Nonsense::TunnelOfHeadersForever => {
            answer(stream, 200, b"HTTP/1.1 200 OK\r\nx: y\r\n").await
        }
    }
}

async fn forever(mut stream: Stream, begin: &[u8], more: &[u8]) -> io::Result<()> {
    hear(&mut stream).await?;
    stream.write_all(begin).await?;
    loop {
        stream.write_all(more).await?;
    }
}

/// This status, and this again and again.
async fn answer(stream: Stream, status: u16, more: &'static [u8]) -> io::Result<()> {
    let mut connection = server::handshake(stream).await.map_err(io::Error::other)?;
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let response = Response::builder().status(status).body(()).unwrap();
        let mut body = respond
            .send_response(response, false)
            .map_err(io::Error::other)?;
        tokio::spawn(async move {
            let more = Bytes::from(more.repeat(64));
            while body.send_data(more.clone(), false).is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    Ok(())
}

const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
