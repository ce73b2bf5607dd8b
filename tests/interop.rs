//! Foreign servers as child processes: whatever their alerts are, no verdict is wrong.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of a test: a panic names the line, and the environment and the clock are real"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use mtls_probe::certificate::{Purpose, SpiffeId};
use mtls_probe::code::{By, Code};
use mtls_probe::identity::{Authority, Leaf, Minted};
use mtls_probe::matrix::{Cell, Matrix};
use mtls_probe::plan::plan;
use mtls_probe::run::{self, Materials, Settings};
use mtls_probe::suite::{Suite, Wanted};
use tempfile::TempDir;

/// Who comes, and what must be found out. What the alert alone would have said stands beside it: the
/// rest is knowledge of our own certificate.
const SITUATIONS: &[(&str, Code)] = &[
    ("good", Code::Ok),
    // 116 in TLS 1.3, which says it all; 40 in TLS 1.2, which means many things.
    ("none", Code::ClientCertRequired),
    // 48, and the CA names that the servers list do not contain the issuer.
    ("unknown-ca", Code::UnknownCa),
    // 48 as well, and here the issuer's name is listed.
    ("namesake-ca", Code::UnknownCa),
    // 48 again: that the good client sends what is missing here tells.
    ("no-intermediate", Code::IncompleteChain),
    // 45: expired or not yet valid, the leaf or any other.
    ("expired", Code::CertExpired),
    // OpenSSL says 42, which names nothing. Go says 45: by the alert alone it would be expired.
    ("not-yet-valid", Code::CertNotYetValid),
    // OpenSSL says 43, the right thing. Go says 42, which names nothing.
    ("server-only", Code::CertUnsupported),
];

/// Connections for each situation, version and request.
const ATTEMPTS: u32 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verdict_on_openssl_is_right() {
    let Some(version) = version_of(Command::new("openssl").arg("version")) else {
        return skip("openssl", "OpenSSL");
    };
    let mesh = Mesh::make();
    let mut servers = vec![];
    for (flag, tls) in [("-tls1_2", "1.2"), ("-tls1_3", "1.3")] {
        // Without `-www` it talks to its standard input and output; with it, HTTP.
        for (mode, request) in [(None, "none"), (Some("-www"), "GET /")] {
            let mut command = Command::new("openssl");
            command.args(["s_server", "-accept", "127.0.0.1:0", flag]);
            command.args(mode);
            command.args(["-Verify", "1", "-verify_return_error"]);
            command.arg("-cert").arg(mesh.path("server.pem"));
            command.arg("-cert_chain").arg(mesh.path("issuing.pem"));
            command.arg("-key").arg(mesh.path("server.key"));
            command.arg("-CAfile").arg(mesh.path("roots.pem"));
            servers.push((Server::start(command, "ACCEPT "), tls, vec![request]));
        }
    }
    hold(&version, &mesh, &servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verdict_on_go_is_right() {
    let Some(version) = version_of(Command::new("go").arg("version")) else {
        return skip("go", "Go");
    };
    let mesh = Mesh::make();
    let program = mesh.build_go();
    let servers: Vec<_> = (["1.2", "1.3"].into_iter())
        .map(|tls| {
            let mut command = Command::new(&program);
            command.args(["server-chain.pem", "server.key", "roots.pem", tls]);
            command.current_dir(mesh.folder.path());
            (Server::start(command, ""), tls, vec!["none", "GET /"])
        })
        .collect();
    hold(&version, &mesh, &servers).await;
}

/// Probes these servers as every one of the situations, and holds each single verdict to be right.
async fn hold(peer: &str, mesh: &Mesh, servers: &[(Server, &str, Vec<&str>)]) {
    let begun = Instant::now();
    let mut targets = String::new();
    for (server, tls, requests) in servers {
        for request in requests {
            let address = server.address;
            writeln!(
                targets,
                "  TLS {tls}, {request}: {{ address: \"{address}\", id: sa/server, request: \"{request}\" }}"
            )
            .unwrap();
        }
    }
    // The same connections, judged twice: by the code, and by who refused.
    let codes = mesh.suite(&targets, |code| code.as_str());
    let refusals = mesh.suite(&targets, |code| {
        if code == Code::Ok {
            code.as_str()
        } else {
            Wanted::Rejected.as_str()
        }
    });
    let matrix = probe(vec![codes, refusals]).await;

    let mut wrong = vec![];
    for cell in &matrix.cells {
        let (_, code) = SITUATIONS
            .iter()
            .find(|(source, _)| *source == cell.from)
            .unwrap();
        let by = (*code != Code::Ok).then_some(By::Peer.as_str());
        let is_right = cell.code == *code
            && cell.by.as_deref() == by
            && cell.attempts.total == ATTEMPTS
            && cell.attempts.agreeing == ATTEMPTS
            && cell.met == Some(true);
        if !is_right {
            wrong.push(format!(
                "{}, wanted {code}: {:#?}",
                line(cell),
                cell.evidence
            ));
        }
    }
    let combinations = SITUATIONS.len() * targets.lines().count();
    assert_eq!(matrix.cells.len(), 2 * combinations);
    let (by_code, _) = matrix.cells.split_at(combinations);
    for cell in by_code {
        say(&format!("{peer}: {}", line(cell)));
    }
    let connections: u32 = by_code.iter().map(|cell| cell.attempts.total).sum();
    say(&format!(
        "{peer}: {connections} connections in {:.1} s, {} of {combinations} combinations wrong",
        begun.elapsed().as_secs_f64(),
        wrong.len(),
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn probe(suites: Vec<Suite>) -> Matrix {
    let plan = plan(&suites).unwrap();
    let materials = Materials::gather(&suites, run::now()).await;
    let settings = Settings {
        // Every cell at once, so that each server meets good and bad clients side by side.
        concurrency: NonZeroUsize::new(plan.probes.len()).unwrap(),
        ..Settings::default()
    };
    let (plan, materials) = (Arc::new(plan), Arc::new(materials.unwrap()));
    run::run(
        &suites,
        plan,
        materials,
        settings,
        std::future::pending(),
        |_| {},
    )
    .await
}

fn line(cell: &Cell) -> String {
    let by = cell
        .by
        .as_ref()
        .map_or(String::new(), |by| format!(" by {by}"));
    let alert = cell.tls.as_ref().and_then(|tls| tls.alert);
    let said = alert.map_or(String::new(), |alert| format!(", alert {alert}"));
    format!(
        "{}: {}: {} of {} {}{by} ({}{said})",
        cell.to,
        cell.from,
        cell.attempts.agreeing,
        cell.attempts.total,
        cell.code,
        cell.confidence.as_str(),
    )
}

// Set-up.

/// The files of clients and servers.
struct Mesh {
    folder: TempDir,
}

impl Mesh {
    fn make() -> Self {
        let mesh = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let now = run::now();
        let root = Authority::throwaway("interop root", now).unwrap();
        let issuing = root.intermediate("interop issuing CA", now).unwrap();
        let pem = |der: &[u8]| pem::encode(&pem::Pem::new("CERTIFICATE", der));
        mesh.write("roots.pem", &pem(root.root().unwrap()));

        let server = issuing.issue(&leaf("server", now)).unwrap();
        let [own, issuer] = server.chain() else {
            panic!("a leaf and its issuer");
        };
        mesh.write("server.pem", &pem(own));
        mesh.write("issuing.pem", &pem(issuer));
        mesh.write("server-chain.pem", &server.chain_pem());
        mesh.write("server.key", &server.key_pem());

        let good = leaf("frontend", now);
        mesh.client("good", &issuing.issue(&good).unwrap());
        let stranger = Authority::throwaway("somebody else's root", now).unwrap();
        let stranger = stranger.intermediate("somebody else's CA", now).unwrap();
        mesh.client("unknown-ca", &stranger.issue(&good).unwrap());
        // The top of its chain bears the name of our root, and has another key.
        let namesake = Authority::like(root.root().unwrap(), now).unwrap();
        let namesake = namesake.intermediate("interop issuing CA", now).unwrap();
        mesh.client("namesake-ca", &namesake.issue(&good).unwrap());
        for (name, spoil) in SPOILT {
            let mut leaf = good.clone();
            spoil(&mut leaf, now);
            mesh.client(name, &issuing.issue(&leaf).unwrap());
        }
        mesh
    }

    /// A suite that expects of every target what `expected` makes of the right code.
    fn suite(&self, targets: &str, expected: impl Fn(Code) -> &'static str) -> Suite {
        let mut sources = String::new();
        let mut expectations = String::new();
        for (source, code) in SITUATIONS {
            let files = format!("{{ files: {{ chain: {source}.pem, key: {source}.key }} }}");
            let origin = if *source == "none" { "{}" } else { &files };
            writeln!(sources, "  {source}: {origin}").unwrap();
            let expected = expected(*code);
            writeln!(
                expectations,
                "  - {{ from: {source}, to: \"*\", verdict: {expected} }}"
            )
            .unwrap();
        }
        let yaml = format!(
            "version: 1\ntrust_domain: cluster.local\n\
             defaults: {{ timeout: 10s, attempts: {ATTEMPTS} }}\n\
             bundles:\n  cluster.local: {{ file: roots.pem }}\n\
             sources:\n{sources}targets:\n{targets}expect:\n{expectations}"
        );
        Suite::parse("interop.yaml", self.folder.path(), &yaml).unwrap()
    }

    fn build_go(&self) -> PathBuf {
        let program = self.path("server");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/server.go");
        let mut go = Command::new("go");
        go.args(["build", "-o"]).arg(&program).arg(source);
        // The standard library is all it needs: no module, no network.
        go.current_dir(self.folder.path()).envs([
            ("GOFLAGS", "-mod=mod"),
            ("GOPROXY", "off"),
            ("GOTOOLCHAIN", "local"),
        ]);
        let built = go.output().unwrap();
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{said}");
        program
    }

    fn client(&self, name: &str, minted: &Minted) {
        self.write(&format!("{name}.pem"), &minted.chain_pem());
        self.write(&format!("{name}.key"), &minted.key_pem());
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// What is wrong with a client's certificate that the right CA has signed.
type Spoil = fn(&mut Leaf, Timestamp);

const SPOILT: &[(&str, Spoil)] = &[
    ("no-intermediate", |leaf, _| leaf.alone = true),
    ("expired", |leaf, now| leaf.not_after = now - A_DAY),
    ("not-yet-valid", |leaf, now| leaf.not_before = now + A_DAY),
    ("server-only", |leaf, _| {
        leaf.purposes = vec![Purpose::ServerAuth];
    }),
];

const A_DAY: SignedDuration = SignedDuration::from_hours(24);

fn leaf(account: &str, now: Timestamp) -> Leaf {
    let id = format!("spiffe://cluster.local/ns/default/sa/{account}");
    let id: SpiffeId = id.parse().unwrap();
    Leaf::svid(&id, now - A_DAY * 7, now + A_DAY * 7)
}

/// A child process that listens. It ends with this value.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it, and waits for the line that says where it listens.
    fn start(mut command: Command, mark: &str) -> Self {
        let mut child = command
            // `s_server` ends with its standard input, and so does ours: it stays open.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let address = loop {
            let mut line = String::new();
            let read = said.read_line(&mut line).unwrap();
            assert!(read > 0, "{command:?} ended: {:?}", child.wait());
            if let Some(Ok(address)) = line.strip_prefix(mark).map(|rest| rest.trim().parse()) {
                break address;
            }
        };
        // Nobody waits for us to read what it says of each connection.
        std::thread::spawn(move || io::copy(&mut said.by_ref(), &mut io::sink()));
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line of what a program says of itself, if it is there.
fn version_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|out| out.status.success())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().next()?.trim_start_matches("go version ");
    let words: Vec<_> = line.split_whitespace().take(2).collect();
    Some(words.join(" "))
}

/// What is missing is missing loudly, and where nothing may be missing it is a failure.
fn skip(program: &str, name: &str) {
    let words = format!("SKIPPED: 1 test against {name}: there is no `{program}` here");
    assert!(!is_ci(), "{words}");
    say(&words);
}

fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The test harness swallows what `eprintln` says of a test that passes.
fn say(what: &str) {
    let line = format!("{what}\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
}
