//! Behind a relay that passes a reset on ahead of the alert, as an Envoy TCP proxy does: nothing of what
//! the server says is lost, and nobody waits longer than it takes.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of a test: a panic names the line, the bytes are ours, and the environment is real"
)]

mod common;

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{BOTH, Client, Clients, Server, WORLD, peer};
use mtls_probe::code::{Code, Outcome};
use mtls_probe::identity::Identity;
use mtls_probe::observation::{CertificateRequest, Ending, Stage};
use mtls_probe::target::Versions;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConnection, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const TRIES: usize = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_alert_is_lost_behind_a_relay() {
    let address = relay(strict().await).await;
    for load in [Load::None, Load::TwoThreads] {
        let _load = load.begin();
        for versions in BOTH {
            for (name, client, code) in [
                (
                    "none",
                    Client::nobody as fn() -> Client,
                    Code::ClientCertRequired,
                ),
                (
                    "unknown-ca, with a request",
                    || stranger().asking("GET /"),
                    Code::UnknownCa,
                ),
            ] {
                let begun = Instant::now();
                let lost = tries(move || async move {
                    let seen = client().over(versions).come(address).await;
                    let is_told = matches!(seen.observation.ending, Ending::Alert(_));
                    // What is lost must not be taken for anything else.
                    let is_right = match is_told {
                        true => seen.verdict.code() == code,
                        false => seen.verdict.outcome() != Outcome::Accepted,
                    };
                    assert!(is_right, "{}", seen.spoken());
                    !is_told
                })
                .await;
                eprintln!(
                    "{name}, {versions:?}, load {load:?}: {lost} alerts of {TRIES} lost, {:?}",
                    begun.elapsed()
                );
                assert_eq!(lost, 0, "{name}, {versions:?}, load {load:?}");
            }
        }
    }
}

/// Without which the test above would prove nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_listen_first_loses_alerts_there() {
    let address = relay(strict().await).await;
    for version in [&TLS12, &TLS13] {
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(&[version])
                .unwrap()
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Credulous))
                .with_no_client_auth();
        config.enable_sni = false;
        let config = Arc::new(config);
        let lost = tries(move || {
            let config = Arc::clone(&config);
            async move { !is_told(config, address).await }
        })
        .await;
        eprintln!("{:?}: {lost} alerts of {TRIES} lost", version.version);
        assert!(lost > TRIES / 10, "{lost}");
    }
}

#[tokio::test]
async fn in_tls_1_2_the_certificate_goes_ahead_alone() {
    for (name, client) in clients() {
        let heard = Heard::default();
        let address = heard.start(WORLD.server().taking(Clients::Whoever)).await;
        let seen = client.over(Versions::Tls12).come(address).await;
        assert_eq!(seen.verdict.code(), Code::Ok, "{name}: {}", seen.spoken());
        let (is_behind_certificate, silence) = heard.silence();
        assert!(is_behind_certificate, "{name}");
        assert!(silence >= Duration::from_millis(40), "{name}: {silence:?}");
        // Our own waiting is not the server's time.
        let tls = seen.observation.timing.tls.unwrap();
        assert!(
            tls < silence,
            "{name}: {tls:?}, with {silence:?} of waiting"
        );
    }
}

/// The best of a few, since any one of them may be held up by the machine.
#[tokio::test]
async fn nobody_waits_where_there_is_nothing_to_wait_for() {
    for (versions, clients) in [
        (Versions::Tls13, Clients::Whoever),
        (Versions::Tls12, Clients::Anybody),
    ] {
        let mut gaps = vec![];
        for _ in 0..10 {
            let heard = Heard::default();
            let address = heard.start(WORLD.server().taking(clients.clone())).await;
            let seen = Client::good().over(versions).come(address).await;
            assert_eq!(seen.verdict.code(), Code::Ok, "{}", seen.spoken());
            gaps.push(heard.silence().1);
        }
        let shortest = gaps.iter().min().unwrap();
        assert!(
            *shortest < Duration::from_millis(20),
            "{versions:?}: {gaps:?}"
        );
    }
}

#[tokio::test]
async fn a_refusal_ends_the_wait() {
    let address = strict().await;
    let mut times = vec![];
    for _ in 0..10 {
        let seen = stranger().over(Versions::Tls12).come(address).await;
        assert_eq!(seen.observation.stage, Stage::ClientAuth);
        times.push(seen.observation.timing.tls.unwrap());
    }
    let shortest = times.iter().min().unwrap();
    assert!(*shortest < Duration::from_millis(30), "{times:?}");
}

/// Of little time, half at most is spent on listening.
#[tokio::test]
async fn a_short_timeout_leaves_time_for_the_rest_of_the_handshake() {
    let address = strict().await;
    let mut codes = vec![];
    for _ in 0..10 {
        let client = Client::good().over(Versions::Tls12).within(60);
        codes.push(client.come(address).await.verdict.code());
    }
    assert!(codes.contains(&Code::Ok), "{codes:?}");
}

#[tokio::test]
async fn a_server_that_reads_slowly_gets_a_long_chain_in_order() {
    let config = WORLD.server().taking(Clients::Whoever).config();
    let address = peer(move |mut stream| {
        let config = Arc::clone(&config);
        async move {
            socket2::SockRef::from(&stream).set_recv_buffer_size(2048)?;
            let mut session = ServerConnection::new(config).unwrap();
            while session.is_handshaking() {
                sleep(Duration::from_millis(2)).await;
                let mut bytes = [0; 1500];
                let read = stream.read(&mut bytes).await?;
                if read == 0 {
                    return Ok(());
                }
                feed(&mut session, &bytes[..read])?;
                answer(&mut session, &mut stream).await?;
            }
            common::discard(&mut stream).await
        }
    })
    .await;
    let client = long_chain().over(Versions::Tls12);
    let seen = client.come(address).await;
    assert_eq!(seen.observation.stage, Stage::Settle, "{}", seen.spoken());
}

/// Apache asks for a certificate once it knows the request, by a renegotiation that we decline: it says
/// so only to a client that sends what it has to say while it reads.
#[tokio::test]
async fn what_is_to_be_said_is_said_while_reading() {
    let Some(apache) = Apache::start() else {
        return;
    };
    for client in [Client::good(), Client::nobody()] {
        let client = client.over(Versions::Tls12).asking("GET /");
        let seen = client.come(apache.address).await.observation;
        assert_eq!(seen.stage, Stage::Request);
        assert_eq!(seen.certificate_request, CertificateRequest::NeverAsked);
        assert_eq!(seen.ending, Ending::Alert(40), "{}", apache.log());
        let waited = seen.timing.request.unwrap();
        assert!(waited < Duration::from_secs(1), "{waited:?}");
    }
}

// Set-up.

fn clients() -> [(&'static str, Client); 3] {
    [
        ("good", Client::good()),
        ("none", Client::nobody()),
        ("a long chain", long_chain()),
    ]
}

fn stranger() -> Client {
    Client::with(&WORLD.by(&WORLD.stranger, "frontend"))
}

/// Two records and a half.
fn long_chain() -> Client {
    let mut pem = WORLD.good.chain_pem();
    let issuer = pem::encode(&pem::Pem::new(
        "CERTIFICATE",
        WORLD.issuing.chain()[0].as_ref(),
    ));
    while pem.len() < 54_000 {
        pem += &issuer;
    }
    let identity = Identity::from_pem(pem.as_bytes(), WORLD.good.key_pem().as_bytes());
    Client {
        identity: Some(identity.unwrap()),
        ..Client::good()
    }
}

/// A server that reads record by record, as OpenSSL does, and is gone with its alert: what it has not
/// read by then turns its end into a reset.
async fn strict() -> SocketAddr {
    let config = WORLD.server().config();
    peer(move |mut stream| {
        let config = Arc::clone(&config);
        async move {
            let mut session = ServerConnection::new(config).unwrap();
            loop {
                let record = record(&mut stream).await?;
                let fed = feed(&mut session, &record);
                answer(&mut session, &mut stream).await?;
                fed?;
            }
        }
    })
    .await
}

/// A relay that looks for errors first, and passes them on before what it could still read.
async fn relay(server: SocketAddr) -> SocketAddr {
    peer(move |mut client| async move {
        let mut server = TcpStream::connect(server).await?;
        server.set_nodelay(true)?;
        let was_reset = {
            let (mut from_client, mut to_client) = client.split();
            let (mut from_server, mut to_server) = server.split();
            let up = async {
                let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
                let _ = to_server.shutdown().await;
                std::future::pending().await
            };
            let down = async {
                let mut bytes = [0; 16_384];
                loop {
                    from_server.readable().await?;
                    // It has other connections to see to.
                    tokio::task::yield_now().await;
                    if from_server.as_ref().take_error()?.is_some() {
                        return Ok(true);
                    }
                    match from_server.read(&mut bytes).await {
                        Ok(0) => return Ok(false),
                        Ok(read) => to_client.write_all(&bytes[..read]).await?,
                        Err(_) => return Ok(true),
                    }
                }
            };
            tokio::select! { ended = up => ended, ended = down => ended }
        };
        match was_reset {
            Ok::<bool, io::Error>(false) => client.shutdown().await,
            Ok(true) | Err(_) => client.set_zero_linger(),
        }
    })
    .await
}

async fn record(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut record = vec![0; 5];
    stream.read_exact(&mut record).await?;
    let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
    record.resize(5 + length, 0);
    stream.read_exact(&mut record[5..]).await?;
    Ok(record)
}

fn feed(session: &mut ServerConnection, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        session.read_tls(&mut bytes)?;
        session.process_new_packets().map_err(io::Error::other)?;
    }
    Ok(())
}

async fn answer(session: &mut ServerConnection, stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = vec![];
    while session.wants_write() {
        session.write_tls(&mut bytes)?;
    }
    stream.write_all(&bytes).await
}

/// When a server heard a record, and whether it was our key exchange, which follows our Certificate.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(bool, Instant)>>>);

impl Heard {
    async fn start(&self, server: Server) -> SocketAddr {
        let (config, heard) = (server.config(), self.clone());
        peer(move |mut stream| {
            let (config, heard) = (Arc::clone(&config), heard.clone());
            async move {
                let mut session = ServerConnection::new(config).unwrap();
                loop {
                    let record = record(&mut stream).await?;
                    heard.note(&record);
                    feed(&mut session, &record)?;
                    answer(&mut session, &mut stream).await?;
                }
            }
        })
        .await
    }

    fn note(&self, record: &[u8]) {
        let is_key_exchange = record[0] == 22 && record[5] == 16 && record.len() < 200;
        self.0
            .lock()
            .unwrap()
            .push((is_key_exchange, Instant::now()));
    }

    /// The longest silence between two records, and whether it was our key exchange that ended it.
    fn silence(&self) -> (bool, Duration) {
        let heard = self.0.lock().unwrap();
        let pairs = heard.iter().zip(heard.iter().skip(1));
        let silences = pairs.map(|((_, from), (what, to))| (*what, *to - *from));
        silences.max_by_key(|(_, lasted)| *lasted).unwrap()
    }
}

/// Whether a client that writes whenever it can is told by an alert why it is refused.
async fn is_told(config: Arc<ClientConfig>, address: SocketAddr) -> bool {
    let name = ServerName::from(address.ip());
    let mut session = ClientConnection::new(config, name).unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut has_asked = false;
    loop {
        if !session.is_handshaking() && !has_asked {
            session
                .writer()
                .write_all(b"GET / HTTP/1.1\r\n\r\n")
                .unwrap();
            has_asked = true;
        }
        let mut bytes = vec![];
        while session.wants_write() {
            session.write_tls(&mut bytes).unwrap();
        }
        // The alert may be there all the same.
        let _ = stream.write_all(&bytes).await;
        let mut bytes = [0; 16_384];
        let mut heard = match timeout(Duration::from_secs(5), stream.read(&mut bytes)).await {
            Ok(Ok(read)) if read > 0 => &bytes[..read],
            _ => return false,
        };
        while !heard.is_empty() {
            session.read_tls(&mut heard).unwrap();
            match session.process_new_packets() {
                Ok(_) => {}
                Err(Error::AlertReceived(_)) => return true,
                Err(err) => panic!("{err}"),
            }
        }
    }
}

/// Counts how often something is so. Two at a time, as there are workers.
async fn tries<F, R>(of: F) -> usize
where
    F: Fn() -> R + Clone + Send + 'static,
    R: Future<Output = bool> + Send,
{
    let mut both = JoinSet::new();
    for _ in 0..2 {
        let of = of.clone();
        both.spawn(async move {
            let mut count = 0;
            for _ in 0..TRIES / 2 {
                count += usize::from(of().await);
            }
            count
        });
    }
    both.join_all().await.into_iter().sum()
}

/// What else the machine has to do.
#[derive(Clone, Copy, Debug)]
enum Load {
    None,
    TwoThreads,
}

impl Load {
    fn begin(self) -> Busy {
        let busy = Busy(Arc::new(AtomicBool::new(true)));
        let threads = match self {
            Self::None => 0,
            Self::TwoThreads => 2,
        };
        for _ in 0..threads {
            let is_busy = Arc::clone(&busy.0);
            std::thread::spawn(move || {
                while is_busy.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        busy
    }
}

struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Takes any server.
#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// A real Apache with its demand in a Location.
struct Apache {
    folder: TempDir,
    child: Child,
    address: SocketAddr,
}

impl Apache {
    /// Nothing where there is none, which is said, and is a failure where nothing may be missing.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let server = WORLD.server().minted;
        fs::write(folder.path().join("chain.pem"), server.chain_pem()).unwrap();
        fs::write(folder.path().join("key.pem"), server.key_pem()).unwrap();
        let root = pem::encode(&pem::Pem::new("CERTIFICATE", WORLD.root.as_ref()));
        fs::write(folder.path().join("root.pem"), root).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let modules = ["mpm_event", "authz_core", "ssl"].map(|name| {
            format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
        });
        let configuration = format!(
            "{}ServerRoot {at}\nServerName server.test\nPidFile pid\nDefaultRuntimeDir .\n\
             Listen {address}\nErrorLog log\nUser www-data\nGroup www-data\n\
             SSLEngine on\nSSLProtocol TLSv1.2\nSSLCertificateFile chain.pem\n\
             SSLCertificateKeyFile key.pem\nSSLCACertificateFile root.pem\n\
             <Location />\nSSLVerifyClient require\nSSLVerifyDepth 5\n</Location>\n",
            modules.concat()
        );
        fs::write(folder.path().join("conf"), configuration).unwrap();
        let mut command = Command::new("apache2");
        // -X: one process, in the foreground.
        command.args(["-X", "-f"]).arg(folder.path().join("conf"));
        let Ok(child) = command.spawn() else {
            let words = "SKIPPED: 1 test against Apache: there is no `apache2` here\n";
            assert!(
                !std::env::var("CI").is_ok_and(|value| value == "true"),
                "{words}"
            );
            // The test harness swallows what `eprintln` says of a test that passes.
            io::stderr().write_all(words.as_bytes()).unwrap();
            return None;
        };
        let apache = Self {
            folder,
            child,
            address,
        };
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{}",
                apache.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(apache)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
