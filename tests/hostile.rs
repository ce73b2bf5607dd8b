//! Peers, files and arguments that mean harm: whatever they hold, what `probe` writes neither steers a
//! terminal nor breaks a parser nor goes on for ever, and the verdict is still right.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail so"
)]

mod stage;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mtls_probe::certificate::Facts;
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
use rustls::DistinguishedName as CaName;
use stage::{Ca, Done, Leaf, command, leave, probe};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Arguments of several types.
macro_rules! args {
    ($($argument:expr),* $(,)?) => { Vec::from([$(OsString::from(&$argument)),*]) };
}

#[test]
fn verdicts_on_hostile_peers_are_right_in_every_format() {
    let stage = Stage::new();
    for format in ["json", "ndjson"] {
        let done = probe(&args!["run", stage.suite()], &["--format", format]);
        assert_clean(&done);
        for line in done.values() {
            let cells = line["cells"]
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![line.clone()]);
            for cell in cells.iter().filter(|cell| cell.get("code").is_some()) {
                let (from, to, code) = (&cell["from"], &cell["to"], &cell["code"]);
                let kind = to.as_str().unwrap().split(' ').next().unwrap();
                let wanted = stage.wanted(from.as_str().unwrap(), kind);
                if wanted == OPEN {
                    assert_ne!(cell["confidence"], "certain", "{from} -> {kind}: {cell:#}");
                } else {
                    assert_eq!(code, wanted, "{from} -> {kind}: {cell:#}");
                }
                assert!(cell.to_string().len() < MOST, "{from} -> {kind}");
            }
        }
        assert_eq!(done.code(), 3, "one of the peers says nothing that tells");
    }
}

#[test]
fn tables_of_hostile_peers_are_plain_text() {
    let stage = Stage::new();
    for flags in [&[][..], &["-v"], &["-vv"], &["--color", "always"]] {
        let done = probe(&args!["run", stage.suite()], flags);
        if flags.contains(&"--color") {
            let bare = strip_own_colours(&done.out);
            assert_eq!(trouble(&bare), None);
        } else {
            assert_clean(&done);
        }
        let cells = stage.peers.len() * SOURCES.len();
        assert!(done.out.len() < cells * MOST / 10, "{}", done.out.len());
    }
}

#[test]
fn one_hostile_pair_fits_on_a_few_screens() {
    let stage = Stage::new();
    for peer in &stage.peers {
        for format in ["table", "json", "ndjson"] {
            let suite = stage.suite();
            let arguments = args!["--config", suite, "--to", peer.name()];
            let flags = [
                "--from", "good", "-vv", "--format", format, "--alpn", EVIL_ALPN,
            ];
            let done = probe(&arguments, &flags);
            assert_clean(&done);
            let most = if format == "table" { MOST / 4 } else { MOST };
            assert!(
                done.out.len() < most,
                "{} {format}: {}",
                peer.kind,
                done.out.len()
            );
        }
    }
}

#[test]
fn inspecting_and_verifying_hostile_certificates_writes_plain_text() {
    let stage = Stage::new();
    for format in ["table", "json"] {
        for peer in &stage.peers {
            let address = peer.address.to_string();
            let done = probe(
                &args!["inspect", address],
                &["--format", format, "--timeout", "2s"],
            );
            assert_clean(&done);
            assert!(
                done.out.len() < MOST,
                "{} {format}: {}",
                peer.kind,
                done.out.len()
            );
        }
        for (name, code) in [("names.pem", 0), ("long.pem", 0), ("vast.pem", 1)] {
            let file = stage.folder.path().join(name);
            let done = probe(&args!["inspect", file], &["--format", format]);
            assert_clean(&done);
            assert_eq!(done.code(), 0);
            assert!(done.out.len() < MOST, "{name} {format}: {}", done.out.len());
            let roots = stage.folder.path().join("roots.pem");
            let arguments = args!["verify", "--chain", file, "--bundle", roots];
            let done = probe(&arguments, &["--format", format]);
            assert_clean(&done);
            assert_eq!(done.code(), code, "{name}: {}{}", done.out, done.err);
            assert!(done.out.len() < MOST, "{name} {format}: {}", done.out.len());
        }
    }
}

#[test]
fn mistakes_in_files_with_hostile_names_are_told_in_plain_text() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = OsString::from_vec(b"s\x1b[2J\nx\xff\xc2\x9b31m\xe2\x80\xae.yaml".to_vec());
    let path = folder.path().join(&hostile);
    let write = |text: &str| fs::write(&path, text).unwrap();
    let texts = [
        "version: 1\n\u{1b}[31m\u{202e}key: 1\n".to_owned(),
        "version: 1\nsources: { a: { files: { chain: \"\\e[2J\\u202e.pem\", key: b.key } } }\n"
            .to_owned(),
        "version: 1\nbundles: { x.org: { file: \"\\e[2J\\n.pem\" } }\n".to_owned(),
        "version: 1\ncrls: [\"\\e[2J\\n\\x9b.crl\"]\n".to_owned(),
        "version: 1\ntargets: { \"\\e[31m\\u202e\": { adress: x } }\n".to_owned(),
        format!(
            "version: 1\nexpect: [{{ from: \"\\e[31m{}\", to: x, verdict: OK }}]\n",
            "y".repeat(100_000)
        ),
        "version: \u{9b}31m\n".to_owned(),
    ];
    for text in &texts {
        write(text);
        for arguments in [
            args!["run", path],
            args!["plan", path],
            args!["--from", "a", "--to", "\u{1b}[31m:x", "--config", path],
        ] {
            let done = probe(&arguments, &[]);
            assert_clean(&done);
            assert!(
                [1, 2, 3].contains(&done.code()) || arguments[0] == "plan",
                "{text:?} {arguments:?}: {}",
                done.err
            );
            assert!(done.err.len() < MOST, "{}", done.err.len());
        }
    }
}

#[test]
fn hostile_arguments_are_told_in_plain_text() {
    let bad = OsString::from_vec(b"\x1b[2J\nq\xc2\x9b31m\xe2\x80\xae\xff".to_vec());
    let bad = bad.as_os_str();
    let part = OsString::from("\u{1b}[2J\nq\u{9b}31m\u{202e}");
    let part = part.as_os_str();
    let both = |flag: &str, value: &OsStr| {
        let mut all = OsString::from(flag);
        all.push(value);
        all
    };
    for arguments in [
        args![bad],
        args![both("--", part)],
        args!["run", bad],
        args!["run", "--config", bad],
        args!["inspect", part],
        args!["inspect", bad],
        args!["verify", "--chain", bad, "--bundle", bad,],
        args!["verify", "--chain", part, "--bundle", both("x.org=", part),],
        args!["verify", "--chain", "x", "--bundle", "y", "--id", part,],
        args!["demo", "-o", part],
        args!["demo", "-o", both("json=/nowhere/", part)],
        args!["demo", "--format", part],
        args!["demo", "--at", part],
        args!["demo", "--timeout", part],
        args!["lab", "--port", "0", "--dir", both("/proc/nowhere/", part),],
        args!["--from", part, "--to", "127.0.0.1:1",],
        args!["--from", "none", "--to", part,],
        args!["--to", part, "run"],
        args!["--cert", bad, "--to", "127.0.0.1:1",],
        args!["--from", "none", "--bundle", bad, "--to", "127.0.0.1:1",],
        args!["--from", "none", "--crl", bad, "--to", "127.0.0.1:1",],
        args![
            "--from",
            "none",
            "--bundle",
            both("x y=", part),
            "--to",
            "127.0.0.1:1",
        ],
        args!["--from", "none", "--sni", part, "--to", "127.0.0.1:1",],
        args!["--from", "none", "--request", part, "--to", "127.0.0.1:1",],
        args!["--from", "none", "--id", part, "--to", "127.0.0.1:1",],
    ] {
        let done = probe(&arguments, &[]);
        assert_clean(&done);
        assert_eq!(done.code(), 2, "{arguments:?}: {}", done.err);
        let lines = done
            .err
            .lines()
            .filter(|line| line.starts_with("error: "))
            .count();
        assert_eq!(lines, 1, "{arguments:?}: {}", done.err);
    }
    let mut command = command();
    let done = Done::of(
        command
            .env("PROBE_CONFIG", bad)
            .arg("run")
            .output()
            .unwrap(),
    );
    assert_clean(&done);
    assert_eq!(done.code(), 2);
}

#[test]
fn a_hostile_suite_is_planned_in_plain_text() {
    let stage = Stage::new();
    for format in ["table", "json"] {
        let done = probe(&args!["plan", stage.suite()], &["--format", format]);
        assert_clean(&done);
        assert_eq!(done.code(), 0, "{}", done.err);
    }
}

/// Steers terminals in every way that text can, and is markup and shell besides.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nOK \u{7f}\u{9b}31m\u{202e}lave\u{2066}\u{200b}\u{feff}\u{2028}<script>alert(1)</script>|`x`$(y)&amp;\"'\\";
/// As much of it as ASCII carries.
const EVIL_ASCII: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nOK \u{7f}<script>|`x`$(y)\"'\\";
/// As much of it as the name of a target carries.
const EVIL_NAME: &str = "\u{202e}lave\u{2066}\u{200b}\u{feff}<script>|`x`$(y)&amp;\"'\\";
/// As much of it as an HTTP header carries.
const EVIL_HEADER: &str = "a\u{9b}31m\u{202e}\u{2066}\u{200b}<b>|`x`$(y)\"'\\";

const EVIL_ALPN: &str = "\u{1b}[31m\u{202e}";

/// The most that one cell may take, in bytes.
const MOST: usize = 200_000;

const SOURCES: [&str; 4] = ["good", "stranger", "none", "plaintext"];

/// Hostile servers, and a suite that probes them.
struct Stage {
    folder: TempDir,
    peers: Vec<Peer>,
    _runtime: Runtime,
}

struct Peer {
    kind: &'static str,
    address: std::net::SocketAddr,
    /// More keys of the target in the suite.
    keys: &'static str,
    /// The codes for each of [`SOURCES`].
    codes: [&'static str; 4],
}

impl Peer {
    fn name(&self) -> String {
        format!("{} {EVIL_NAME}", self.kind)
    }
}

/// Words that are no answer: whatever the code, it must not be certain.
const OPEN: &str = "";

const MTLS: [&str; 4] = [
    "OK",
    "UNKNOWN_CA",
    "CLIENT_CERT_REQUIRED",
    "PLAINTEXT_REJECTED",
];
const fn mtls_but(good: &'static str) -> [&'static str; 4] {
    [good, MTLS[1], MTLS[2], MTLS[3]]
}

impl Stage {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca = Ca::new(EVIL);
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &ca.pem);
        write("roots.pem", &ca.pem);
        write("ca.key", &ca.key.serialize_pem());
        let names = ca.leaf(EVIL, &[EVIL_ASCII, "a\u{1b}b"]);
        let long = ca.leaf(
            &EVIL.repeat(5_000 / EVIL.len()),
            &[&EVIL_ASCII.repeat(5_000 / EVIL_ASCII.len())],
        );
        let vast = ca.leaf(&EVIL.repeat(100_000 / EVIL.len()), &["a"]);
        for (name, leaf) in [
            ("names.pem", &names),
            ("long.pem", &long),
            ("vast.pem", &vast),
        ] {
            write(name, &leaf.pem);
        }
        let mut peers = vec![];
        {
            let _inside = runtime.enter();
            let mut add = |kind, keys, codes, does: Does| {
                peers.push(Peer {
                    kind,
                    address: listen(does),
                    keys,
                    codes,
                });
            };
            let get = "request: { http: \"GET /\" }";
            let tls = |leaf: &Leaf, answer: Vec<u8>| {
                Does::Http(ca.acceptor(leaf, &[], &[]), Arc::new(answer))
            };
            let page = |status: &str, body: &str| {
                http(
                    status,
                    &format!("server: {EVIL_HEADER}\r\ndate: {EVIL_HEADER}\r\n"),
                    body,
                )
            };
            let big = EVIL.repeat(100_000 / EVIL.len());
            let one = http("200 OK", "", "");
            add("names", get, MTLS, tls(&names, page("200 OK", EVIL)));
            add("long", get, MTLS, tls(&long, page("200 OK", &big)));
            // More than a TLS library takes for a certificate.
            add(
                "vast",
                get,
                ["CLOSED", "CLOSED", "CLOSED", "PLAINTEXT_REJECTED"],
                tls(&vast, one.clone()),
            );
            add(
                "header",
                get,
                MTLS,
                tls(
                    &names,
                    http(
                        "200 OK",
                        &format!("server: {}\r\n", EVIL_HEADER.repeat(2000)),
                        "",
                    ),
                ),
            );
            let denied = format!("RBAC: access denied{big}");
            add(
                "denied",
                get,
                mtls_but("AUTHZ_DENIED"),
                tls(&names, page("403 Forbidden", &denied)),
            );
            let words = format!("upstream connect error or disconnect/reset before headers. {big}");
            add(
                "upstream",
                get,
                mtls_but("UPSTREAM_UNAVAILABLE"),
                tls(&names, page("503 Service Unavailable", &words)),
            );
            let nginx = format!("<center>The SSL certificate error</center>{big}");
            add(
                "nginx",
                get,
                mtls_but("CERT_REJECTED"),
                tls(&names, page("400 Bad Request", &nginx)),
            );
            let l5d = format!("l5d-proxy-error: {}\r\n", EVIL_HEADER.repeat(1000));
            add(
                "l5d",
                get,
                mtls_but("AUTHZ_DENIED"),
                tls(&names, http("403 Forbidden", &l5d, "")),
            );
            add(
                "grpc",
                "request: grpc-health, alpn: [h2]",
                mtls_but("AUTHZ_DENIED"),
                Does::Grpc(ca.acceptor(&names, &[], &[b"h2"])),
            );
            let hints: Vec<CaName> = vec![ca_name("\u{1b}[2J\n\u{7f}"); 2500];
            add(
                "hints",
                get,
                MTLS,
                Does::Http(ca.acceptor(&names, &hints, &[]), Arc::new(one.clone())),
            );
            let hint = [ca_name(&EVIL.repeat(40_000 / EVIL.len()))];
            add(
                "hint",
                get,
                MTLS,
                Does::Http(ca.acceptor(&names, &hint, &[]), Arc::new(one.clone())),
            );

            add(
                "alpn",
                get,
                [
                    "ALPN_MISMATCH",
                    "ALPN_MISMATCH",
                    "ALPN_MISMATCH",
                    "PLAINTEXT_REJECTED",
                ],
                Does::Http(
                    ca.acceptor(&names, &[], &[EVIL_ALPN.as_bytes()]),
                    Arc::new(one),
                ),
            );
            let plain = ["NOT_TLS", "NOT_TLS", "NOT_TLS", "PLAINTEXT_ACCEPTED"];
            add(
                "plain",
                get,
                plain,
                Does::Plain(Arc::new(page("200 OK", &big))),
            );
            let banner = format!("SSH-2.0-{EVIL}{}\r\n", "x".repeat(100_000));
            add(
                "banner",
                get,
                ["NOT_TLS", "NOT_TLS", "NOT_TLS", OPEN],
                Does::Banner(Arc::new(banner.into_bytes())),
            );
        }
        let stage = Self {
            folder,
            peers,
            _runtime: runtime,
        };
        fs::write(stage.suite(), stage.yaml()).unwrap();
        stage
    }

    fn suite(&self) -> PathBuf {
        self.folder.path().join("probe.yaml")
    }

    fn yaml(&self) -> String {
        let targets: String = self
            .peers
            .iter()
            .map(|peer| {
                let name = quoted(&peer.name());
                format!(
                    "  {name}: {{ address: \"{}\", {} }}\n",
                    peer.address, peer.keys
                )
            })
            .collect();
        let lines: String = self
            .peers
            .iter()
            .flat_map(|peer| {
                let name = quoted(&peer.name());
                SOURCES
                    .iter()
                    .zip(peer.codes)
                    .map(move |(source, code)| match code {
                        OPEN => String::new(),
                        "CLOSED" => format!("  - {{ from: {source}, to: {name}, verdict: OK }}\n"),
                        code => format!("  - {{ from: {source}, to: {name}, verdict: {code} }}\n"),
                    })
            })
            .collect();
        format!(
            "version: 1\ntrust_domain: cluster.local\n\
             defaults: {{ timeout: 3s }}\n\
             bundles: {{ cluster.local: {{ file: roots.pem }} }}\n\
             sources:\n  good: {{ mint: {{ id: sa/good, ca: {{ chain: ca.pem, key: ca.key }} }} }}\n  \
             stranger: {{ mint: {{ id: sa/good, ca: throwaway }} }}\n\
             targets:\n{targets}expect:\n{lines}"
        )
    }

    fn wanted(&self, source: &str, kind: &str) -> &'static str {
        let peer = self.peers.iter().find(|peer| peer.kind == kind).unwrap();
        let nth = SOURCES.iter().position(|known| *known == source).unwrap();
        peer.codes[nth]
    }
}

/// A YAML string, all of it escaped.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| format!("\\U{:08x}", u32::from(c)))
        .collect();
    format!("\"{escaped}\"")
}

/// A name as a CertificateRequest lists it.
fn ca_name(name: &str) -> CaName {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, DnValue::Utf8String(name.to_owned()));
    let certificate = params.self_signed(&key).unwrap();
    let facts = Facts::parse(certificate.der()).unwrap();
    CaName::from(facts.subject_der)
}

/// What a hostile server does.
enum Does {
    /// mTLS, then these bytes, whatever was asked.
    Http(TlsAcceptor, Arc<Vec<u8>>),
    /// mTLS, then a gRPC status with a hostile message.
    Grpc(TlsAcceptor),
    /// These bytes, once something was asked.
    Plain(Arc<Vec<u8>>),
    /// These bytes, unasked.
    Banner(Arc<Vec<u8>>),
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

fn listen(does: Does) -> std::net::SocketAddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    let socket = TcpListener::from_std(socket).unwrap();
    let does = Arc::new(does);
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let does = Arc::clone(&does);
            tokio::spawn(
                async move { timeout(Duration::from_secs(10), serve(&does, stream)).await },
            );
        }
    });
    address
}

async fn serve(does: &Does, mut stream: TcpStream) -> std::io::Result<()> {
    match does {
        Does::Http(acceptor, answer) => match acceptor.accept(stream).into_fallible().await {
            Ok(mut stream) => {
                let mut asked = [0; 4096];
                if stream.read(&mut asked).await? > 0 {
                    stream.write_all(answer).await?;
                }
                stream.shutdown().await
            }
            Err((_, stream)) => leave(stream).await,
        },
        Does::Grpc(acceptor) => match acceptor.accept(stream).into_fallible().await {
            Ok(stream) => hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(
                    TokioIo::new(stream),
                    service_fn(|_| async {
                        let message =
                            HeaderValue::from_bytes(EVIL_HEADER.repeat(100).as_bytes()).unwrap();
                        hyper::Response::builder()
                            .header("content-type", "application/grpc")
                            .header("grpc-status", "7")
                            .header("grpc-message", message)
                            .body(Empty::<Bytes>::new())
                    }),
                )
                .await
                .map_err(std::io::Error::other),
            Err((_, stream)) => leave(stream).await,
        },
        Does::Plain(answer) => {
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await?;
            stream.write_all(answer).await?;
            leave(stream).await
        }
        Does::Banner(words) => {
            stream.write_all(words).await?;
            leave(stream).await
        }
    }
}

/// What in a text is fit to steer a terminal or to mislead its reader, with what stands around it.
fn trouble(text: &str) -> Option<String> {
    let bad = |c: char| {
        c != '\n' && c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let at = text.find(bad)?;
    let around: String = text[..at].chars().rev().take(60).collect();
    Some(format!(
        "{:?} after {:?}",
        &text[at..].chars().take(20).collect::<String>(),
        around.chars().rev().collect::<String>()
    ))
}

/// Takes out the colours that `probe` itself writes.
fn strip_own_colours(text: &str) -> String {
    let mut text = text.to_owned();
    for colour in [
        "\u{1b}[0m",
        "\u{1b}[1m",
        "\u{1b}[2m",
        "\u{1b}[31m",
        "\u{1b}[32m",
        "\u{1b}[33m",
    ] {
        text = text.replace(colour, "");
    }
    text
}

/// Nothing but text and line ends; a value in every format for programs.
fn assert_clean(done: &Done) {
    for text in [&done.out, &done.err] {
        assert_eq!(trouble(text), None);
        assert!(!text.contains("panicked"), "{text}");
    }
    if done.out.starts_with('{') {
        done.values();
    }
}
