//! The lab does on the wire what its targets are named for, seen by a plain rustls client.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::{SignedDuration, Timestamp};
use mtls_probe::certificate::{Bundles, Expected, Question, Role, TrustDomain, judge};
use mtls_probe::code::Code;
use mtls_probe::identity::files;
use mtls_probe::lab::{Lab, LabError, Options, Scratch};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{AlertDescription, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

#[tokio::test]
async fn healthy_servers_answer_a_healthy_client() {
    let lab = Started::now().await;
    for (target, body) in [
        ("healthy", "hello from the lab\n"),
        ("permissive", "hello from the lab\n"),
        ("no-client-auth", "hello from the lab\n"),
        ("tls12-only", "hello from the lab\n"),
        ("rbac", "hello from the lab\n"),
    ] {
        let answer = lab.ask(Some("frontend"), target).await.expect(target);
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n"),
            "{target}: {answer}"
        );
        assert!(answer.ends_with(body), "{target}: {answer}");
    }
}

#[tokio::test]
async fn each_client_that_is_not_welcome_is_told_so_by_an_alert() {
    let lab = Started::now().await;
    let asking = [
        "healthy",
        "permissive",
        "tls12-only",
        "rbac",
        "expired-cert",
        "future-cert",
        "unknown-ca",
        "same-name-ca",
        "incomplete-chain",
        "wrong-san",
        "wrong-trust-domain",
        "wrong-eku",
        "two-uris",
        "ca-leaf",
        "revoked",
    ];
    for target in asking {
        for (client, alert) in [
            (None, AlertDescription::CertificateRequired),
            (Some("old-root"), AlertDescription::UnknownCA),
            (Some("expired"), AlertDescription::CertificateExpired),
        ] {
            let error = lab.ask(client, target).await.expect_err(target);
            assert_eq!(
                alert_of(&error),
                Some(alert),
                "{client:?} at {target}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn a_policy_denies_as_envoy_does() {
    let lab = Started::now().await;
    let answer = lab.ask(Some("batch"), "rbac").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(answer.contains("\r\nserver: envoy\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nRBAC: access denied"), "{answer}");
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_negotiated_and_grpc_over_it() {
    let lab = Started::now().await;
    for (client, target, path, status, grpc) in [
        ("frontend", "healthy", "/", 200, None),
        ("batch", "rbac", "/", 403, None),
        ("frontend", "healthy", HEALTH, 200, Some("0")),
        ("frontend", "rbac", HEALTH, 200, Some("0")),
        ("batch", "rbac", HEALTH, 200, Some("7")),
    ] {
        let mut config = lab.config(Some(client));
        config.alpn_protocols = vec![b"h2".to_vec()];
        let address = lab.lab.addresses(target)[0];
        let stream = lab.connect(config, address).await.unwrap();
        let (io, exec) = (TokioIo::new(stream), TokioExecutor::new());
        let (mut ask, connection) = http2::handshake(exec, io).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::get(format!("https://lab{path}"));
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = ask.send_request(request).await.unwrap();
        assert_eq!(response.status(), status, "{client} at {target}{path}");
        let body = response.into_body().collect().await.unwrap();
        let said = body.trailers().and_then(|all| all.get("grpc-status"));
        let said = said.map(|status| status.to_str().unwrap());
        assert_eq!(said, grpc, "{client} at {target}{path}");
    }
}

#[tokio::test]
async fn every_chain_has_the_fault_that_it_is_named_for_and_no_other() {
    let lab = Started::now().await;
    let folder = lab.scratch.folder();
    let mut bundles = Bundles::none();
    let domain: TrustDomain = "cluster.local".parse().unwrap();
    bundles.insert(
        domain,
        files::load_bundle(&folder.join("roots.pem")).unwrap(),
    );
    let crls = files::load_crls(&folder.join("revoked.crl")).unwrap();
    let elsewhere = lab.chain("healthy").await;
    for (target, code) in [
        ("healthy", Code::Ok),
        ("permissive", Code::Ok),
        ("no-client-auth", Code::Ok),
        ("tls12-only", Code::Ok),
        ("rbac", Code::Ok),
        ("expired-cert", Code::CertExpired),
        ("future-cert", Code::CertNotYetValid),
        ("unknown-ca", Code::UnknownCa),
        ("same-name-ca", Code::BadSignature),
        ("incomplete-chain", Code::IncompleteChain),
        ("wrong-san", Code::SanMismatch),
        ("wrong-trust-domain", Code::TrustDomainMismatch),
        ("wrong-eku", Code::CertUnsupported),
        ("two-uris", Code::InvalidSvid),
        ("ca-leaf", Code::InvalidSvid),
        ("revoked", Code::CertRevoked),
        ("trusts-old-root", Code::Ok),
        ("replicas", Code::Ok),
    ] {
        let id = format!("spiffe://cluster.local/ns/default/sa/{target}");
        let judgement = judge(&Question {
            chain: &lab.chain(target).await,
            bundles: &bundles,
            role: Role::Server,
            expected: &Expected::Id(id.parse().unwrap()),
            at: lab.now,
            crls: &crls,
            elsewhere: &elsewhere,
        });
        assert_eq!(judgement.code(), code, "{target}: {judgement:#?}");
        assert!(judgement.problems.len() <= 1, "{target}: {judgement:#?}");
    }
}

#[tokio::test]
async fn old_and_new_roots_divide_the_servers_and_the_replicas() {
    let lab = Started::now().await;
    for (client, welcome) in [
        ("frontend", [true, false, false]),
        ("old-root", [false, true, true]),
    ] {
        let replicas = lab.lab.addresses("replicas");
        let addresses = [
            replicas[0],
            replicas[1],
            lab.lab.addresses("trusts-old-root")[0],
        ];
        for (address, welcome) in addresses.into_iter().zip(welcome) {
            let answer = lab.ask_at(Some(client), address).await;
            assert_eq!(answer.is_ok(), welcome, "{client} at {address}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn no_group_in_common_is_a_handshake_failure() {
    let lab = Started::now().await;
    let error = lab
        .ask(Some("frontend"), "no-shared-group")
        .await
        .unwrap_err();
    assert_eq!(
        alert_of(&error),
        Some(AlertDescription::HandshakeFailure),
        "{error}"
    );
}

#[tokio::test]
async fn plaintext_is_answered_only_where_it_should_be() {
    let lab = Started::now().await;
    for target in ["permissive", "plaintext-only"] {
        let answer = lab
            .say(
                target,
                b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            )
            .await;
        assert!(
            answer.unwrap().starts_with(b"HTTP/1.1 200 OK\r\n"),
            "{target}"
        );
    }
    for target in [
        "healthy",
        "no-client-auth",
        "tls12-only",
        "rbac",
        "no-shared-group",
    ] {
        let answer = lab
            .say(target, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        assert!(
            matches!(answer.as_slice(), [21, 3, _, 0, 2, 2, 50]),
            "{target}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_client_hello_gets_no_tls_where_none_is_spoken() {
    let lab = Started::now().await;
    for target in ["plaintext-only", "ssh", "garbage"] {
        let error = lab.ask(Some("frontend"), target).await.expect_err(target);
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        assert!(
            matches!(inner, Some(rustls::Error::InvalidMessage(_))),
            "{target}: {error}"
        );
    }
    let banner = lab.say("ssh", b"hello").await.unwrap();
    assert!(
        banner.starts_with(b"SSH-2.0-OpenSSH_9.2\r\nInvalid"),
        "{banner:?}"
    );
}

#[tokio::test]
async fn the_silent_stays_silent_the_resetting_resets_the_closed_refuses() {
    let lab = Started::now().await;
    let waiting = timeout(
        Duration::from_millis(300),
        lab.ask(Some("frontend"), "silent"),
    );
    assert!(waiting.await.is_err());

    let error = lab.ask(Some("frontend"), "resets").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);

    let error = lab.ask(Some("frontend"), "closed-port").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn garbage_never_ends_and_is_bounded_in_rate() {
    let lab = Started::now().await;
    let mut stream = TcpStream::connect(lab.lab.addresses("garbage")[0])
        .await
        .unwrap();
    let mut received = 0;
    let mut buffer = vec![0; 1 << 16];
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(400) {
        received += stream.read(&mut buffer).await.unwrap();
    }
    assert!((16 << 10..4 << 20).contains(&received), "{received}");
}

#[tokio::test]
async fn connections_are_counted_where_they_arrive() {
    let lab = Started::now().await;
    assert!(lab.lab.connections().iter().all(|(_, count)| *count == 0));
    for _ in 0..3 {
        let _ = lab.ask(None, "healthy").await;
    }
    let _ = lab.ask(None, "ssh").await;
    let counted: Vec<_> = lab
        .lab
        .connections()
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .collect();
    assert_eq!(counted, [("healthy", 3), ("ssh", 1)]);
}

#[tokio::test]
async fn a_server_survives_whatever_it_is_sent() {
    let lab = Started::now().await;
    for target in lab.lab.targets().filter(|target| *target != "closed-port") {
        for bytes in [
            &b""[..],
            &[0; 70_000],
            &[0xff; 300],
            b"\x16\x03\x01\xff\xff",
            b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
            b"GET / HTTP/1.1\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            let mut stream = TcpStream::connect(lab.lab.addresses(target)[0])
                .await
                .unwrap();
            let _ = stream.write_all(bytes).await;
        }
    }
    let answer = lab.ask(Some("frontend"), "healthy").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn keys_are_for_their_owner_and_go_away_with_the_folder() {
    let lab = Started::now().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = lab.scratch.folder().to_owned();
    assert_eq!(mode(&folder), 0o700);
    for name in ["frontend", "batch", "old-root", "expired", "api", "revoked"] {
        assert_eq!(mode(&folder.join(format!("{name}.key"))), 0o600, "{name}");
        files::load(
            &folder.join(format!("{name}.pem")),
            &folder.join(format!("{name}.key")),
        )
        .unwrap();
    }
    assert_eq!(mode(&folder.join("issuing.key")), 0o600);
    let names = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    assert_eq!(names.count(), 18, "no temporary file is left");
    drop(lab);
    assert!(!folder.exists());

    let other = tempfile::tempdir().unwrap();
    let lab = Lab::start(now(), Options::default()).await.unwrap();
    let suite = lab.write(&other.path().join("new/folder")).unwrap();
    assert_eq!(mode(suite.parent().unwrap()), 0o700);
    lab.write(suite.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn the_suite_names_every_target_at_its_address() {
    let lab = Started::now().await;
    let yaml = fs::read_to_string(lab.scratch.suite()).unwrap();
    for target in lab.lab.targets() {
        let at = yaml
            .lines()
            .find(|line| line.starts_with(&format!("  {target}: {{ address")));
        for address in lab.lab.addresses(target) {
            assert!(at.unwrap().contains(&format!("\"{address}\"")), "{target}");
        }
    }
    assert!(
        !yaml.contains(": {healthy}") && !yaml.contains("{replicas}"),
        "{yaml}"
    );
}

#[tokio::test]
async fn the_lab_lives_in_the_time_it_was_started_for() {
    let then = now() + SignedDuration::from_hours(24 * 365 * 5);
    let lab = Started::at(then).await;
    let answer = lab.ask(Some("frontend"), "healthy").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let error = lab.ask(Some("expired"), "healthy").await.unwrap_err();
    assert_eq!(alert_of(&error), Some(AlertDescription::CertificateExpired));
}

#[tokio::test]
async fn ports_follow_the_first_and_are_free_again_when_the_lab_stops() {
    let first = free_ports();
    let options = || Options {
        port: Some(first),
        ..Options::default()
    };
    let lab = Lab::start(now(), options()).await.unwrap();
    let ports: Vec<u16> = lab
        .targets()
        .flat_map(|name| lab.addresses(name))
        .map(|a| a.port())
        .collect();
    let wanted: Vec<u16> = (first..).take(ports.len()).collect();
    assert_eq!(ports, wanted);

    let taken = Lab::start(now(), options()).await.map(|_| ());
    let said = taken.unwrap_err().to_string();
    assert!(said.contains(&format!("127.0.0.1:{first}")), "{said}");

    lab.stop().await;
    let again = Lab::start(now(), options()).await.unwrap();
    drop(again);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(("127.0.0.1", first)).await.is_err());

    let high = Lab::start(
        now(),
        Options {
            port: Some(65530),
            ..Options::default()
        },
    )
    .await;
    assert!(matches!(
        high.map(|_| ()),
        Err(LabError::Ports(65530) | LabError::Bind { .. })
    ));
}

#[tokio::test]
async fn the_suite_names_the_host_that_clients_know() {
    for (listen, host, named) in [
        ("127.0.0.1", None, "127.0.0.1:"),
        ("127.0.0.1", Some("lab"), "lab:"),
        ("127.0.0.1", Some("::1"), "[::1]:"),
        ("0.0.0.0", None, "127.0.0.1:"),
        ("0.0.0.0", Some("lab.test"), "lab.test:"),
    ] {
        let lab = Lab::start(now(), options(listen, host)).await.unwrap();
        for target in lab.targets() {
            let addresses = lab.addresses(target);
            for (bound, known) in addresses.iter().zip(lab.named(target)) {
                assert_eq!(bound.ip().to_string(), listen);
                assert_eq!(known.to_string(), format!("{named}{}", bound.port()));
            }
            let yaml = lab.suite_yaml();
            let line = format!("  {target}: {{ address: ");
            let at = yaml.lines().find(|at| at.starts_with(&line)).unwrap();
            assert!(at.contains(&format!("\"{named}")), "{at}");
        }
    }
}

#[tokio::test]
async fn what_is_no_host_and_no_address_of_ours_is_refused() {
    for host in ["lab:18443", "https://lab", "a b", ""] {
        let lab = Lab::start(now(), options("127.0.0.1", Some(host))).await;
        let error = lab.map(|_| ()).unwrap_err();
        assert!(matches!(error, LabError::Host(_)), "{host}: {error}");
    }
    let elsewhere = Lab::start(now(), options("192.0.2.1", None)).await;
    let said = elsewhere.map(|_| ()).unwrap_err().to_string();
    assert!(said.contains("192.0.2.1:0"), "{said}");
}

#[tokio::test]
async fn a_host_may_have_the_name_of_the_target() {
    let lab = options("127.0.0.1", Some("{target}.test"));
    let lab = Lab::start(now(), lab).await.unwrap();
    for (target, hosts) in [
        ("healthy", vec!["healthy.test"]),
        ("replicas", vec!["replicas-1.test", "replicas-2.test"]),
    ] {
        let named: Vec<_> = lab.named(target);
        let named: Vec<_> = named.iter().map(|address| address.host()).collect();
        assert_eq!(named, hosts);
        for host in hosts {
            let address = format!("\"{host}:");
            assert!(lab.suite_yaml().contains(&address), "{address}");
        }
    }
}

#[tokio::test]
async fn a_lab_that_joins_another_is_of_the_same_mesh() {
    let lab = Started::now().await;
    let join = |only: &[&str]| {
        let options = Options {
            join: Some(lab.scratch.folder().to_owned()),
            only: only.iter().map(|&name| name.to_owned()).collect(),
            ..Options::default()
        };
        Lab::start(now(), options)
    };
    let joined = join(&["rbac", "revoked", "replicas"]).await.unwrap();
    for (target, servers) in [("rbac", 1), ("revoked", 1), ("replicas", 2), ("healthy", 0)] {
        assert_eq!(joined.addresses(target).len(), servers, "{target}");
    }
    let rbac = joined.addresses("rbac")[0];
    for (client, answer) in [("frontend", "200 OK"), ("batch", "403 Forbidden")] {
        let said = lab.ask_at(Some(client), rbac).await.unwrap();
        assert!(said.contains(answer), "{client}: {said}");
    }
    let error = lab.ask_at(Some("old-root"), rbac).await.unwrap_err();
    let alert = alert_of(&error);
    assert_eq!(alert, Some(AlertDescription::UnknownCA));
    let elsewhere = tempfile::tempdir().unwrap();
    let written = joined.write(elsewhere.path());
    assert!(matches!(written, Err(LabError::Joined)));

    let unknown = join(&["nobody"]).await.map(|_| ()).unwrap_err();
    let words = "the lab has no target \"nobody\"; it has healthy, permissive,";
    assert!(unknown.to_string().starts_with(words), "{unknown}");
    let empty = Options {
        join: Some(elsewhere.path().to_owned()),
        ..Options::default()
    };
    let error = Lab::start(now(), empty).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("issuing.pem"), "{error}");
}

// Set-up.

fn options(listen: &str, host: Option<&str>) -> Options {
    Options {
        listen: listen.parse().unwrap(),
        host: host.map(str::to_owned),
        ..Options::default()
    }
}

/// Any moment will do: the lab's servers take it for theirs.
fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

const HEALTH: &str = "/grpc.health.v1.Health/Check";

struct Started {
    lab: Lab,
    scratch: Scratch,
    now: Timestamp,
}

impl Started {
    async fn now() -> Self {
        Self::at(now()).await
    }

    async fn at(now: Timestamp) -> Self {
        let lab = Lab::start(now, Options::default()).await.unwrap();
        let scratch = lab.write_scratch().unwrap();
        Self { lab, scratch, now }
    }

    /// A client that takes any server, and comes with the certificate of this name.
    fn config(&self, client: Option<&str>) -> ClientConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusting(provider)));
        let Some(client) = client else {
            return config.with_no_client_auth();
        };
        let path = |extension: &str| self.scratch.folder().join(format!("{client}.{extension}"));
        let chain = CertificateDer::pem_file_iter(path("pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(path("key")).unwrap();
        config
            .with_client_auth_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap()
    }

    async fn connect(
        &self,
        config: ClientConfig,
        address: SocketAddr,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::IpAddress(address.ip().into());
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }

    async fn ask(&self, client: Option<&str>, target: &str) -> io::Result<String> {
        self.ask_at(client, self.lab.addresses(target)[0]).await
    }

    /// Waits for the server's word first: TLS 1.3 tells only then.
    async fn ask_at(&self, client: Option<&str>, address: SocketAddr) -> io::Result<String> {
        let mut stream = self.connect(self.config(client), address).await?;
        let mut answer = vec![];
        let early = timeout(Duration::from_millis(20), stream.read_to_end(&mut answer)).await;
        if let Ok(Err(error)) = early {
            return Err(error);
        }
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await?;
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn say(&self, target: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.lab.addresses(target)[0]).await?;
        stream.write_all(bytes).await?;
        let mut answer = vec![];
        stream.read_to_end(&mut answer).await?;
        Ok(answer)
    }

    /// The chain a server presents.
    async fn chain(&self, target: &str) -> Vec<CertificateDer<'static>> {
        let config = self.config(Some("frontend"));
        let stream = self.connect(config, self.lab.addresses(target)[0]).await;
        let stream = stream.unwrap_or_else(|error| panic!("{target}: {error}"));
        stream.get_ref().1.peer_certificates().unwrap().to_vec()
    }
}

fn alert_of(error: &io::Error) -> Option<AlertDescription> {
    if let rustls::Error::AlertReceived(alert) = error.get_ref()?.downcast_ref()? {
        return Some(*alert);
    }
    None
}

/// Somewhere below the ports that the system gives out by itself.
fn free_ports() -> u16 {
    let is_free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut first = 20_000 + u16::try_from(std::process::id() % 8_000).unwrap();
    while !(first..first + 40).all(is_free) {
        first += 40;
    }
    first
}

#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
