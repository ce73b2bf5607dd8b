//! Peers that open in plaintext and mean harm: no acceptance, no end of memory, and an end in time.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mtls_probe::certificate::Role;
use mtls_probe::code::{Code, Outcome};
use mtls_probe::handshake::{Attempt, Guise, observe};
use mtls_probe::identity::Origin;
use mtls_probe::observation::{Observation, Opening, Stage};
use mtls_probe::plan::Probe;
use mtls_probe::suite::Pause;
use mtls_probe::target::{Offer, Request, StartTls, Way};
use mtls_probe::verdict::{Known, Verdict, classify};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::common::{WORLD, discard, peer};

#[tokio::test]
async fn a_healthy_peer_is_taken_after_its_opening() {
    for protocol in StartTls::ALL {
        let address = opening(protocol, |stream, _| async { Ok(stream) }).await;
        let (seen, verdict) = come(protocol, address, Guise::Identity(&identity())).await;
        assert_eq!(seen.opening, Some(Opening::Agreed), "{protocol:?}");
        assert_eq!(verdict.code(), Code::Ok, "{protocol:?}: {verdict:?}");
    }
}

#[tokio::test]
async fn what_follows_the_consent_in_plaintext_breaks_the_protocol() {
    for protocol in StartTls::ALL {
        // In one segment with it, and in another.
        for pause in [0, 20] {
            let inject = move |mut stream: TcpStream, last: Vec<u8>| async move {
                let injected = b"220 injected\r\n";
                if pause == 0 {
                    stream.write_all(&[&last[..], injected].concat()).await?;
                } else {
                    stream.write_all(&last).await?;
                    stream.write_all(injected).await?;
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                Ok(stream)
            };
            let address = speaking(protocol, Last::Held, inject).await;
            let (seen, verdict) = come(protocol, address, Guise::Identity(&identity())).await;
            let words = format!("{protocol:?} {pause}: {seen:?} {verdict:?}");
            assert_ne!(verdict.outcome(), Outcome::Accepted, "{words}");
            let is_hidden = seen.application_bytes == 0 || seen.stage == Stage::StartTls;
            assert!(is_hidden, "{words}");
            if pause == 0 && protocol != StartTls::Mysql {
                assert_eq!(seen.stage, Stage::StartTls, "{words}");
                assert_eq!(verdict.code(), Code::Closed, "{words}");
            }
        }
    }
}

#[tokio::test]
async fn hostile_openings_end_in_time_and_open_no_door() {
    let mut all = JoinSet::new();
    for (protocol, harm) in
        (StartTls::ALL.into_iter()).flat_map(|one| Harm::ALL.map(|harm| (one, harm)))
    {
        let address = harmful(protocol, harm).await;
        for source in ["identity", "none", "plaintext"] {
            all.spawn(async move {
                let identity = identity();
                let guise = match source {
                    "identity" => Guise::Identity(&identity),
                    "none" => Guise::Nobody,
                    _ => Guise::Plaintext,
                };
                let begun = Instant::now();
                let (seen, verdict) = come(protocol, address, guise).await;
                let words = format!("{protocol:?} {harm:?} {source}: {seen:?} {verdict:?}");
                assert!(
                    begun.elapsed() < TIMEOUT + Duration::from_secs(2),
                    "{words}"
                );
                assert_eq!(verdict.outcome(), Outcome::Inconclusive, "{words}");
                assert_ne!(verdict.code(), Code::ProbeFault, "{words}");
                assert!(seen.received < 512 * 1024, "{words}");
                let longest = verdict.evidence.iter().map(String::len).max();
                assert!(longest.unwrap_or_default() < 1000, "{words}");
                assert_eq!(seen.stage, Stage::StartTls, "{words}");
            });
        }
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

/// What a peer does in place of an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    Silence,
    CloseAtOnce,
    CloseMidWay,
    /// A byte of what is right, and another, and another.
    Drip,
    /// What is right, without end.
    Flood,
    Garbage,
    /// A length that nobody would wait for.
    Huge,
    TlsAlert,
}

impl Harm {
    const ALL: [Self; 8] = [
        Self::Silence,
        Self::CloseAtOnce,
        Self::CloseMidWay,
        Self::Drip,
        Self::Flood,
        Self::Garbage,
        Self::Huge,
        Self::TlsAlert,
    ];
}

async fn harmful(protocol: StartTls, harm: Harm) -> SocketAddr {
    peer(move |mut stream| async move {
        let right = match protocol {
            StartTls::No | StartTls::Postgres => &b"E"[..],
            StartTls::Mysql => &GREETING[..20],
            StartTls::Smtp => b"220-mail.test\r\n",
            StartTls::Ldap => &LDAP_SUCCESS[..9],
        };
        // It is read, so that an end is no reset.
        let mut heard = [0; 512];
        if matches!(protocol, StartTls::Postgres | StartTls::Ldap) && harm != Harm::CloseAtOnce {
            let _ = stream.read(&mut heard).await?;
        }
        match harm {
            Harm::Silence => {}
            Harm::CloseAtOnce => return Ok(()),
            Harm::CloseMidWay => return stream.write_all(right).await,
            Harm::Drip => {
                for byte in right.iter().cycle() {
                    stream.write_all(&[*byte]).await?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Harm::Flood => loop {
                stream.write_all(&right.repeat(256)).await?;
            },
            Harm::Garbage => stream.write_all(&[0x9c; 600]).await?,
            Harm::Huge => {
                let huge: &[u8] = match protocol {
                    StartTls::Postgres | StartTls::No => b"R\xff\xff\xff\xff",
                    StartTls::Mysql => b"\xff\xff\xff\x00\x0a8",
                    StartTls::Smtp => b"220",
                    StartTls::Ldap => b"\x30\x84\xff\xff\xff\xff",
                };
                stream.write_all(huge).await?;
                loop {
                    stream.write_all(&[b'9'; 4096]).await?;
                }
            }
            Harm::TlsAlert => stream.write_all(&[21, 3, 1, 0, 2, 2, 50]).await?,
        }
        discard(&mut stream).await
    })
    .await
}

/// Whether the last word of an opening is said, or handed on.
#[derive(Clone, Copy)]
enum Last {
    Said,
    Held,
}

/// A TLS server of the mesh behind an opening.
async fn opening<F, R>(protocol: StartTls, then: F) -> SocketAddr
where
    F: Fn(TcpStream, Vec<u8>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = io::Result<TcpStream>> + Send + 'static,
{
    speaking(protocol, Last::Said, then).await
}

async fn speaking<F, R>(protocol: StartTls, last: Last, then: F) -> SocketAddr
where
    F: Fn(TcpStream, Vec<u8>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = io::Result<TcpStream>> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(WORLD.server().config());
    peer(move |mut stream| {
        let (acceptor, then) = (acceptor.clone(), then.clone());
        async move {
            let mut heard = [0; 512];
            let consent: &[u8] = match protocol {
                StartTls::No => b"",
                StartTls::Postgres => {
                    stream.read_exact(&mut heard[..8]).await?;
                    b"S"
                }
                StartTls::Mysql => {
                    // Nobody answers its SSLRequest: the greeting is the consent.
                    if let Last::Said = last {
                        stream.write_all(&GREETING).await?;
                        stream.read_exact(&mut heard[..36]).await?;
                        b""
                    } else {
                        &GREETING
                    }
                }
                StartTls::Smtp => {
                    stream.write_all(b"220-mail.test\r\n220 ESMTP\r\n").await?;
                    let _ = stream.read(&mut heard).await?;
                    stream
                        .write_all(b"250-mail.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n")
                        .await?;
                    let _ = stream.read(&mut heard).await?;
                    b"220 2.0.0 Ready to start TLS\r\n"
                }
                StartTls::Ldap => {
                    stream.read_exact(&mut heard[..31]).await?;
                    &LDAP_SUCCESS
                }
            };
            if let Last::Said = last {
                stream.write_all(consent).await?;
            }
            let stream = then(stream, consent.to_vec()).await?;
            let mut stream = acceptor.accept(stream).await?;
            while stream.read(&mut heard).await? > 0 {}
            stream.shutdown().await
        }
    })
    .await
}

async fn come(protocol: StartTls, address: SocketAddr, guise: Guise<'_>) -> (Observation, Verdict) {
    asking(protocol, Request::None, address, guise).await
}

/// The same with a request.
pub(crate) async fn asking(
    protocol: StartTls,
    request: Request,
    address: SocketAddr,
    guise: Guise<'_>,
) -> (Observation, Verdict) {
    let probe = Probe {
        origin: Origin::NoCertificate,
        address: address.to_string().parse().unwrap(),
        way: Way {
            starttls: protocol,
            ..Way::default()
        },
        offer: Offer::default(),
        request,
        timeout: TIMEOUT,
        attempts: 1,
        pause: Pause::default(),
        dns_server: None,
        follow_ups: false,
    };
    let seen = observe(Attempt {
        probe: &probe,
        address,
        dialled: address,
        guise,
        may_speak: &|chain| WORLD.judge(Role::Server, chain).is_ok(),
    })
    .await;
    let verdict = classify(&seen, &Known::default());
    (seen, verdict)
}

fn identity() -> mtls_probe::identity::Identity {
    WORLD.good.identity().unwrap()
}

/// Of a MySQL server that has TLS.
const GREETING: [u8; 44] = *b"\x28\0\0\0\x0a8.0.34\0\x01\0\0\0AAAAAAAA\0\xff\xff\x21\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0\0";
/// An ExtendedResponse without a name.
const LDAP_SUCCESS: [u8; 14] = *b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0";
const TIMEOUT: Duration = Duration::from_millis(700);
