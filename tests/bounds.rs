//! Whatever a peer does, a probe ends in time, keeps its memory, and is not talked into an acceptance.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::*;
use mtls_probe::code::{Code, Outcome};
use mtls_probe::target::Versions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_drips_does_not_stretch_our_time() {
    let rows = [
        (
            "a handshake record",
            drip_after_hello(b"\x16\x03\x03\x40\0\x02\0\x3f\0").await,
        ),
        ("half a record header", drip_after_hello(b"").await),
        ("words", drip_after_hello(b"HTTP").await),
    ];
    for (what, address) in rows {
        for over in BOTH {
            let seen = in_time(what, Client::good().over(over), address).await;
            assert_ne!(seen.verdict.outcome(), Outcome::Accepted, "{what}");
        }
        let seen = in_time(what, Client::plaintext(), address).await;
        assert_ne!(seen.verdict.confidence.as_str(), "certain", "{what}");
    }
    for over in BOTH {
        for tickets in [0, 2] {
            let mut server = WORLD.server();
            server.tickets = tickets;
            let dripping = |words: &'static str| {
                let server = server.clone();
                async move { server.start(move |stream| drip(stream, words)).await }
            };
            for words in ["", "HTTP/1.1 200 OK\r\nx-a: ", "HTTP/1.1 200 OK\r\n"] {
                let address = dripping(words).await;
                let client = || Client::good().over(over);
                in_time("data, not asked for", client(), address).await;
                let seen = in_time("an answer", client().asking("GET /"), address).await;
                assert_ne!(seen.verdict.outcome(), Outcome::Accepted, "{words:?}");
            }
            // The status stands, however long the page is.
            let endless = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
            let address = dripping(endless).await;
            let client = Client::good().over(over).asking("GET /");
            let seen = in_time("an endless page", client, address).await;
            assert_eq!(seen.verdict.code(), Code::Ok);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_floods_does_not_cost_us_time_or_memory() {
    let warning = [21, 3, 3, 0, 2, 1, 100];
    let empty = [22, 3, 3, 0, 0];
    let server_hello = [22, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc];
    let rows: [(&str, Vec<u8>); 6] = [
        ("zeros", vec![0; 4096]),
        ("warnings", warning.repeat(500)),
        ("empty records", empty.repeat(500)),
        ("handshake records", server_hello.repeat(500)),
        (
            "application data",
            [23, 3, 3, 0x10, 0].into_iter().chain([7; 4096]).collect(),
        ),
        ("lines", b"hello hello hello\r\n".repeat(200)),
    ];
    for (what, bytes) in rows {
        let address = peer(move |mut stream| {
            let bytes = bytes.clone();
            async move {
                hear(&mut stream).await?;
                loop {
                    stream.write_all(&bytes).await?;
                }
            }
        });
        let address = address.await;
        for over in BOTH {
            let seen = in_time(what, Client::good().over(over), address).await;
            assert_ne!(seen.verdict.outcome(), Outcome::Accepted, "{what}");
        }
        let seen = in_time(what, Client::plaintext(), address).await;
        let is_text = what == "lines";
        assert_eq!(
            seen.verdict.outcome() == Outcome::Accepted,
            is_text,
            "{what}"
        );
    }
    for over in BOTH {
        for (what, words) in [
            ("noise", "noise"),
            ("interim answers", "HTTP/1.1 100 Continue\r\n\r\n"),
            ("a header", "HTTP/1.1 200 OK\r\nx-a: "),
        ] {
            let server = WORLD.server();
            let address = server.start(move |stream| flood(stream, words)).await;
            let client = || Client::good().over(over);
            in_time(what, client(), address).await;
            let seen = in_time(what, client().asking("GET /"), address).await;
            assert_ne!(seen.verdict.outcome(), Outcome::Accepted, "{what}");
        }
        // HTTP/2: SETTINGS, then PING without end.
        let mut server = WORLD.server();
        server.alpn = vec!["h2"];
        let address = server.start(|mut stream| async move {
            stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await?;
            let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8].repeat(200);
            loop {
                stream.write_all(&ping).await?;
            }
        });
        let address = address.await;
        for request in ["GET /", "grpc-health"] {
            let client = Client::good().over(over).asking(request);
            let seen = in_time("pings", client, address).await;
            assert_ne!(seen.verdict.outcome(), Outcome::Accepted);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_tickets_are_one_acceptance() {
    let mut server = WORLD.server();
    server.tickets = 2000;
    let address = server.start(farewell).await;
    let seen = in_time("tickets", Client::good().over(Versions::Tls13), address).await;
    assert_eq!(seen.verdict.code(), Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_task_is_left_behind_by_an_exchange() {
    let mut server = WORLD.server();
    server.alpn = vec!["h2"];
    let silent = server.start(|mut stream| async move {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).await? > 0 {}
        Ok::<_, io::Error>(())
    });
    let silent = silent.await;
    let alive = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = alive();
    for _ in 0..10 {
        let client = Client::good().asking("grpc-health").within(150);
        assert_eq!(client.come(silent).await.verdict.code(), Code::Silent);
    }
    sleep(Duration::from_millis(500)).await;
    assert!(alive() <= before, "{} tasks, {before} before", alive());
}

#[tokio::test]
async fn an_answer_is_not_held_up_by_a_slow_goodbye() {
    // It answers, and leaves the connection open.
    let server = WORLD.server();
    let address = server.start(|mut stream| async move {
        hear(&mut stream).await?;
        let page = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        stream.write_all(page).await?;
        sleep(Duration::from_secs(30)).await;
        Ok(())
    });
    let address = address.await;
    for over in BOTH {
        let begun = Instant::now();
        let seen = Client::good()
            .over(over)
            .asking("GET /")
            .come(address)
            .await;
        assert_eq!(seen.verdict.code(), Code::Ok);
        assert!(
            begun.elapsed() < Duration::from_millis(400),
            "{:?}",
            begun.elapsed()
        );
    }
}

/// One probe, within its time. What the machine itself was late for a mere sleep is not ours.
async fn in_time(what: &str, client: Client, address: SocketAddr) -> Seen {
    let begun = Instant::now();
    let limit = Duration::from_millis(LIMIT);
    let sleeper = std::thread::spawn(move || {
        std::thread::sleep(limit);
        begun.elapsed().saturating_sub(limit)
    });
    let seen = client.within(LIMIT).come(address).await;
    let took = begun.elapsed();
    let mut most = limit + Duration::from_millis(250);
    if took >= most {
        most += sleeper.join().unwrap();
    }
    assert!(took < most, "{what}: {took:?} {:?}", seen.verdict);
    let received = seen.observation.received;
    assert!(
        received <= (16 << 20) + (64 << 10),
        "{what}: {received} bytes"
    );
    seen
}

async fn drip_after_hello(begin: &'static [u8]) -> SocketAddr {
    peer(move |mut stream: TcpStream| async move {
        hear(&mut stream).await?;
        stream.write_all(begin).await?;
        loop {
            sleep(Duration::from_millis(100)).await;
            stream.write_all(b"\x16").await?;
        }
    })
    .await
}

async fn drip(mut stream: impl AsyncRead + AsyncWrite + Unpin, words: &str) -> io::Result<()> {
    if !words.is_empty() {
        hear(&mut stream).await?;
    }
    stream.write_all(words.as_bytes()).await?;
    stream.flush().await?;
    loop {
        sleep(Duration::from_millis(100)).await;
        stream.write_all(b"x").await?;
        stream.flush().await?;
    }
}

async fn flood(mut stream: impl AsyncRead + AsyncWrite + Unpin, words: &str) -> io::Result<()> {
    if words.starts_with("HTTP") {
        hear(&mut stream).await?;
    }
    let words = words.repeat(200);
    loop {
        stream.write_all(words.as_bytes()).await?;
    }
}

const LIMIT: u64 = 500;
