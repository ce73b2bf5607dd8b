//! Metrics as others take them: Prometheus' own promtool, a Pushgateway, node_exporter, and a Prometheus
//! that alerts by the shipped rules.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail so"
)]

mod common;
mod stage;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{WORLD, World};
use mtls_probe::identity::Leaf;
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use serde_json::Value;
use stage::{Ca, Done, probe};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

#[test]
fn the_shipped_rules_are_sound_and_their_tests_pass() {
    if !has("promtool") {
        return;
    }
    let folder = root().join("deploy/prometheus");
    for arguments in [
        ["check", "rules", "rules.yaml"],
        ["test", "rules", "rules_test.yaml"],
    ] {
        let mut promtool = Command::new("promtool");
        let output = promtool.args(arguments).current_dir(&folder).output();
        let done = Done::of(output.unwrap());
        assert_eq!(done.code(), 0, "{}{}", done.out, done.err);
    }
}

#[test]
fn every_shipped_rule_has_a_test_in_which_it_fires_and_every_metric_of_it_is_real() {
    let read = |name: &str| fs::read_to_string(root().join("deploy/prometheus").join(name));
    let (rules, tests) = (
        read("rules.yaml").unwrap(),
        read("rules_test.yaml").unwrap(),
    );
    let alerts: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        let fires = format!("alertname: {alert}\n        exp_alerts:\n");
        assert!(tests.contains(&fires), "{alert} never fires in a test");
    }
    let golden = fs::read_to_string(root().join("testdata/golden/result.prom")).unwrap();
    let described = fs::read_to_string(root().join("docs/operation/metrics.md")).unwrap();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for word in rules.split(|c| !is_word(c)) {
        if word.starts_with("mtls_probe_") {
            assert!(golden.contains(&format!("# TYPE {word} gauge\n")), "{word}");
        }
    }
    for line in golden
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP "))
    {
        let (name, _) = line.split_once(' ').unwrap();
        assert!(
            described.contains(&format!("| `{name}` |")),
            "{name} is not described"
        );
    }
}

#[test]
fn promtool_takes_the_metrics_whatever_names_hold() {
    if !has("promtool") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(golden()).unwrap();
    let evil = r#"a\"} 1\n# TYPE x y\n\\ \u001b\u202e {}=,#"#;
    let hostile = text
        .replace("\"sa/batch\"", &format!("\"{evil}\""))
        .replace("\"legacy\"", &format!("\"{evil}{evil}\""));
    assert_ne!(text, hostile);
    let path = folder.path().join("hostile.json");
    fs::write(&path, hostile).unwrap();
    for result in [golden(), path] {
        for flags in [&[][..], &["--metrics-addresses"]] {
            let report = [Path::new("report"), &result];
            let done = probe(&report, &[&["--format", "prometheus"], flags].concat());
            assert_eq!(done.code(), 1, "{}", done.err);
            assert_eq!(done.out.contains("address=\""), !flags.is_empty());
            checked(&done.out);
        }
    }
}

#[test]
fn node_exporter_takes_the_file() {
    if !has("prometheus-node-exporter") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = format!("prometheus={}", folder.path().join("probe.prom").display());
    let done = probe(&[Path::new("report"), &golden()], &["-o", &file, "-q"]);
    assert_eq!(done.code(), 1, "{}", done.err);
    let textfiles = format!("--collector.textfile.directory={}", folder.path().display());
    let server = Server::start(
        "prometheus-node-exporter",
        &[
            "--collector.disable-defaults",
            "--collector.textfile",
            &textfiles,
        ],
    );
    let (status, text) = server.get("/metrics");
    assert_eq!(status, 200);
    assert!(text.contains("\nnode_textfile_scrape_error 0\n"), "{text}");
    assert!(text.contains("\nmtls_probe_cell_met{source=\"sa/frontend\",target=\"api\"} 1\n"));
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "nothing is left beside the file");
}

#[test]
fn a_push_replaces_what_was_there_of_the_group_and_of_no_other() {
    let Some(gateway) = pushgateway(&[]) else {
        return;
    };
    let push = |result: &Path, labels: &[&str]| {
        let url = gateway.url("");
        let flags = labels.iter().flat_map(|label| ["--push-label", label]);
        let flags: Vec<&str> = ["-q", "--push", &url].into_iter().chain(flags).collect();
        probe(&[Path::new("report"), result], &flags)
    };
    let series = |labels: &str| {
        let (_, text) = gateway.get("/metrics");
        let wanted = format!("mtls_probe_cell_met{{{labels}");
        text.lines()
            .filter(|line| line.starts_with(&wanted))
            .count()
    };
    let other = ["cluster=east/1", "job=nightly"];
    for labels in [&[][..], &other] {
        let done = push(&golden(), labels);
        // The result has broken cells, which is what the exit code tells.
        assert_eq!((done.code(), done.err.as_str()), (1, ""));
    }
    let both = (
        "instance=\"\",job=\"mtls_probe\"",
        "cluster=\"east/1\",instance=\"\",job=\"nightly\"",
    );
    assert_eq!((series(both.0), series(both.1)), (28, 28));

    let folder = tempfile::tempdir().unwrap();
    let mut result: Value = serde_json::from_slice(&fs::read(golden()).unwrap()).unwrap();
    let cells = result["cells"].as_array_mut().unwrap();
    cells.retain(|cell| cell["to"] == "api");
    let fewer = folder.path().join("fewer.json");
    fs::write(&fewer, result.to_string()).unwrap();
    push(&fewer, &[]);
    assert_eq!((series(both.0), series(both.1)), (5, 28));

    // What is cut short would take away what is known of other cells.
    result["run"]["interrupted"] = true.into();
    result["cells"] = Value::Array(vec![]);
    fs::write(&fewer, result.to_string()).unwrap();
    let done = push(&fewer, &[]);
    assert_eq!(done.code(), 2);
    let words = "the run was stopped before its end, and what is there stays";
    assert!(done.err.contains(words), "{}", done.err);
    assert_eq!(series(both.0), 5);
}

#[test]
fn whoever_closes_our_stdout_early_has_no_say_in_what_is_pushed() {
    let Some(gateway) = pushgateway(&[]) else {
        return;
    };
    let mut child = stage::command()
        .arg("report")
        .arg(golden())
        .args(["--format", "json", "--push", &gateway.url("")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let (_, text) = gateway.get("/metrics");
    assert!(text.contains("\nmtls_probe_cell_met{"), "{text}");
}

#[test]
fn a_run_that_is_stopped_is_written_and_not_pushed() {
    let Some(gateway) = pushgateway(&[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let suite = folder.path().join("probe.yaml");
    let text = format!(
        "version: 1\nsources: {{ none: {{}} }}\ntargets: {{ t: {{ address: '{}' }} }}\n\
         expect: [{{ from: none, to: t, verdict: OK }}]\n",
        silent.local_addr().unwrap()
    );
    fs::write(&suite, text).unwrap();
    let file = folder.path().join("probe.prom");
    let child = stage::command()
        .arg("run")
        .arg(&suite)
        .args(["--timeout", "30s", "--push", &gateway.url("")])
        .args(["-o", &format!("prometheus={}", file.display())])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _held = silent.accept().unwrap();
    let mut kill = Command::new("kill");
    assert!(kill.arg(child.id().to_string()).status().unwrap().success());
    let done = Done::of(child.wait_with_output().unwrap());
    assert_eq!(done.code(), 143, "{}", done.err);
    assert!(done.err.contains("and what is there stays"), "{}", done.err);
    let written = fs::read_to_string(file).unwrap();
    assert!(written.contains("\nmtls_probe_run_interrupted 1\n"));
    let (_, text) = gateway.get("/metrics");
    assert!(!text.contains("mtls_probe_"), "{text}");
}

#[test]
fn a_pushgateway_over_https_that_wants_a_password_gets_both_right() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new("gateways");
    let leaf = ca.leaf("gateway", &["localhost"]);
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let PrivateKeyDer::Pkcs8(key) = &leaf.key else {
        panic!("a key in PKCS #8");
    };
    let key = pem::encode(&pem::Pem::new("PRIVATE KEY", key.secret_pkcs8_der()));
    let (chain, key) = (file("leaf.pem", &leaf.pem), file("leaf.key", &key));
    // bcrypt, the cheapest there is, of `p@ss:w%rd`.
    let hash = "$2y$04$KnZeT.vWNn63dXCOv1Xgu.QGCUdUm/vRv0XASQo12Fjgcn1QhQYEW";
    let web = format!(
        "tls_server_config: {{ cert_file: {chain}, key_file: {key} }}\nbasic_auth_users: {{ me: {hash} }}\n"
    );
    let web = format!("--web.config.file={}", file("web.yml", &web));
    let trusted = file("ca.pem", &ca.pem);
    let stranger = file("other.pem", &Ca::new("others").pem);
    let Some(gateway) = pushgateway(&[&web]) else {
        return;
    };
    let port = gateway.port;
    for (url, ca, code, words) in [
        (
            format!("https://me:p%40ss%3Aw%25rd@localhost:{port}"),
            &trusted,
            1,
            "",
        ),
        (
            format!("https://me:p%40ss@localhost:{port}"),
            &trusted,
            2,
            "it answered 401 Unauthorized",
        ),
        (
            format!("https://localhost:{port}"),
            &trusted,
            2,
            "give a user and a password that it takes",
        ),
        (
            format!("https://me:p%40ss@localhost:{port}"),
            &stranger,
            2,
            "TLS failed: ",
        ),
        // The name is not in the certificate.
        (
            format!("https://me:p%40ss@127.0.0.1:{port}"),
            &trusted,
            2,
            "TLS failed: ",
        ),
    ] {
        let flags = ["-q", "--push", &url, "--push-ca", ca];
        let done = probe(&[Path::new("report"), &golden()], &flags);
        assert_eq!(done.code(), code, "{}", done.err);
        assert!(done.err.contains(words), "{}", done.err);
        assert!(
            !done.err.contains("p%40ss") && !done.err.contains("p@ss"),
            "{}",
            done.err
        );
    }
}

#[test]
fn a_push_that_fails_is_said_and_comes_after_all_that_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let closed = free_port();
    let moved = answering(
        "HTTP/1.1 308 Permanent Redirect\r\nLocation: http://other:9091/\r\nContent-Length: 0\r\n\r\n",
    );
    let absent =
        answering("HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nnot here\u{1b}\u{7}");
    let broken = answering("SSH-2.0-OpenSSH\r\n\r\n");
    let gone = answering("");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    for (url, words) in [
        (
            format!("http://127.0.0.1:{closed}"),
            "is the Pushgateway there?",
        ),
        (
            moved,
            "it answered 308 Permanent Redirect; it is now at http://other:9091/",
        ),
        (
            absent,
            "it answered 404 Not Found: not here\\u{1b}\\u{7}; is it a Pushgateway, and the path that of its --web.route-prefix?",
        ),
        (broken, "the connection broke: "),
        (gone, "the connection broke: "),
        (silent_url, "no answer within 10 s"),
        ("me:s3cret@host".to_owned(), "error: --push: "),
    ] {
        let file = folder.path().join("result.prom");
        let output = format!("prometheus={}", file.display());
        let done = probe(
            &[Path::new("report"), &golden()],
            &["-o", &output, "--push", &url],
        );
        assert_eq!(done.code(), 2, "{}", done.err);
        assert!(done.err.contains(words), "{words}\n{}", done.err);
        assert!(!done.err.contains("s3cret"), "{}", done.err);
        // A mistake in the flags is told before anything is done.
        let is_mistake = words.starts_with("error: ");
        assert_eq!(file.exists(), !is_mistake);
        assert_eq!(done.out.is_empty(), is_mistake);
        let _ = fs::remove_file(file);
    }
}

/// The promise of the whole: from a wire to an alert, and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_fires_when_a_target_turns_to_plaintext_or_is_not_renewed_and_clears_after() {
    let Some(gateway) = pushgateway(&[]) else {
        return;
    };
    let mesh = Mesh::start().await;
    let Some(prometheus) = mesh.prometheus(&gateway) else {
        return;
    };
    let run = |code: i32| {
        let file = mesh.folder.path().join("probe.prom");
        let output = format!("prometheus={}", file.display());
        let done = probe(
            &[Path::new("run"), &mesh.folder.path().join("probe.yaml")],
            &["-q", "-o", &output, "--push", &gateway.url("")],
        );
        assert_eq!(done.code(), code, "{}{}", done.out, done.err);
        if has("promtool") {
            checked(&fs::read_to_string(file).unwrap());
        }
    };
    let (strict, late) = (mesh.strict(-24, 24), mesh.strict(-20, 4));

    run(0);
    prometheus.wait_for("the metrics", |_, there| there);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(prometheus.alerts(), [""; 0]);

    mesh.set(State::Plaintext);
    run(1);
    prometheus.wait_for("plaintext is told", |alerts, _| {
        alerts.contains(&"MtlsProbeTargetNotStrict api PLAINTEXT".to_owned())
    });
    mesh.set(strict.clone());
    run(0);
    prometheus.wait_for("that is cleared", |alerts, _| alerts.is_empty());

    mesh.set(State::Permissive(strict.config()));
    run(1);
    prometheus.wait_for("that it takes both is told", |alerts, _| {
        alerts.contains(&"MtlsProbeTargetNotStrict api PERMISSIVE".to_owned())
    });

    // A certificate that is overdue is still good.
    mesh.set(late);
    run(0);
    prometheus.wait_for("the certificate is told, and nothing else", |alerts, _| {
        alerts == ["MtlsProbeCertificateOverdue api "]
    });
    mesh.set(strict);
    run(0);
    prometheus.wait_for("all is cleared", |alerts, _| alerts.is_empty());
}

/// A server of the mesh that changes its mind, and a suite that expects it to be STRICT.
struct Mesh {
    folder: TempDir,
    state: Arc<Mutex<State>>,
}

#[derive(Clone)]
enum State {
    Strict(Arc<ServerConfig>),
    Permissive(Arc<ServerConfig>),
    Plaintext,
}

impl State {
    fn config(&self) -> Arc<ServerConfig> {
        match self {
            Self::Strict(config) | Self::Permissive(config) => Arc::clone(config),
            Self::Plaintext => panic!("it has none"),
        }
    }
}

impl Mesh {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(Mutex::new(State::Plaintext));
        let now = Arc::clone(&state);
        let address = common::peer(move |stream| {
            let state = now.lock().unwrap().clone();
            serve(stream, state)
        })
        .await;
        let mesh = Self { folder, state };
        mesh.set(mesh.strict(-24, 24));
        let write = |name: &str, text: &str| {
            fs::write(mesh.folder.path().join(name), text).unwrap();
        };
        let root = pem::Pem::new("CERTIFICATE", WORLD.root.as_ref());
        write("roots.pem", &pem::encode(&root));
        write("client.pem", &WORLD.good.chain_pem());
        write("client.key", &WORLD.good.key_pem());
        write(
            "probe.yaml",
            &format!(
                "version: 1\ntrust_domain: cluster.local\n\
                 bundles: {{ cluster.local: {{ file: roots.pem }} }}\n\
                 sources: {{ sa/frontend: {{ files: {{ chain: client.pem, key: client.key }} }} }}\n\
                 targets: {{ api: {{ address: '{address}', id: sa/server, request: GET / }} }}\n\
                 expect:\n\
                 - {{ from: sa/frontend, to: api, verdict: OK }}\n\
                 - {{ from: [none, plaintext], to: api, verdict: REJECTED }}\n\
                 - {{ to: api, mode: STRICT }}\n"
            ),
        );
        mesh
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap() = state;
    }

    /// With a leaf that lives from so many hours before until so many after now.
    fn strict(&self, from: i64, until: i64) -> State {
        let world: &World = &WORLD;
        let minted = world.spoilt("server", |leaf: &mut Leaf| {
            leaf.not_before = world.hours(from);
            leaf.not_after = world.hours(until);
        });
        State::Strict(world.server().with(minted).config())
    }

    /// Nothing where there is none.
    fn prometheus(&self, gateway: &Server) -> Option<Server> {
        if !has("prometheus") {
            return None;
        }
        let rules = root().join("deploy/prometheus/rules.yaml");
        let config = format!(
            "global: {{ scrape_interval: 200ms, evaluation_interval: 200ms }}\n\
             rule_files: [\"{}\"]\n\
             scrape_configs:\n\
             - job_name: pushgateway\n  honor_labels: true\n  \
               static_configs: [{{ targets: [\"127.0.0.1:{}\"] }}]\n",
            rules.display(),
            gateway.port
        );
        let path = self.folder.path().join("prometheus.yml");
        fs::write(&path, config).unwrap();
        let config = format!("--config.file={}", path.display());
        let data = self.folder.path().join("data");
        let data = format!("--storage.tsdb.path={}", data.display());
        Some(Server::start("prometheus", &[&config, &data]))
    }
}

async fn serve(mut stream: tokio::net::TcpStream, state: State) -> io::Result<()> {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let mut first = [0];
    let is_tls = stream.peek(&mut first).await? == 1 && first[0] == 0x16;
    match (state, is_tls) {
        (State::Strict(config) | State::Permissive(config), true) => {
            let accept = TlsAcceptor::from(config).accept(stream).into_fallible();
            match accept.await {
                Ok(stream) => common::respond(stream, ANSWER).await,
                Err((_, stream)) => stage::leave(stream).await,
            }
        }
        (State::Permissive(_) | State::Plaintext, _) => {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await?;
            stream.write_all(ANSWER.as_bytes()).await?;
            stage::leave(stream).await
        }
        (State::Strict(_), false) => stage::leave(stream).await,
    }
}

/// A program that answers HTTP on loopback, until it is dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(program: &str, flags: &[&str]) -> Self {
        // Between our look and its start somebody else may have taken the port.
        let started = (0..5).find_map(|_| Self::started(program, flags));
        started.unwrap_or_else(|| panic!("{program} does not stay"))
    }

    fn started(program: &str, flags: &[&str]) -> Option<Self> {
        let port = free_port();
        let child = Command::new(program)
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .args(flags)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { child, port };
        let begun = Instant::now();
        loop {
            let listens = TcpStream::connect(("127.0.0.1", port)).is_ok();
            if server.child.try_wait().unwrap().is_some() {
                return None;
            }
            if listens {
                return Some(server);
            }
            assert!(begun.elapsed() < LONG, "{program} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The status and the body.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        // By version 1.0 the body comes in one piece.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Of Prometheus: what fires, with the target and the mode it is about.
    fn alerts(&self) -> Vec<String> {
        let (_, body) = self.get("/api/v1/alerts");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let alerts = answer["data"]["alerts"].as_array().unwrap().iter();
        let firing = alerts.filter(|alert| alert["state"] == "firing");
        let mut names: Vec<String> = firing
            .map(|alert| {
                let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default();
                format!(
                    "{} {} {}",
                    label("alertname"),
                    label("target"),
                    label("mode")
                )
            })
            .collect();
        names.sort();
        names
    }

    /// Of Prometheus: waits until this holds of what fires, and of whether there is any run.
    fn wait_for(&self, what: &str, holds: impl Fn(&[String], bool) -> bool) {
        let begun = Instant::now();
        loop {
            let alerts = self.alerts();
            let (_, body) = self.get("/api/v1/query?query=mtls_probe_run_timestamp_seconds");
            let answer: Value = serde_json::from_str(&body).unwrap();
            let is_there = answer["data"]["result"]
                .as_array()
                .is_some_and(|all| !all.is_empty());
            if holds(&alerts, is_there) {
                return;
            }
            assert!(begun.elapsed() < LONG, "waited for {what}: {alerts:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nothing where there is none.
fn pushgateway(flags: &[&str]) -> Option<Server> {
    const PROGRAM: &str = "prometheus-pushgateway";
    has(PROGRAM).then(|| Server::start(PROGRAM, flags))
}

/// Whether a program is there. One that is not is told, and in CI that is a failure.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        let words = format!("SKIPPED: a test against {program}, which is not here\n");
        assert!(!is_ci(), "{words}");
        // The test harness swallows what `eprintln` says of a test that passes.
        io::stderr().write_all(words.as_bytes()).unwrap();
    }
    found
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests ask the environment themselves"
)]
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// promtool has nothing to say against it.
fn checked(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let done = Done::of(promtool.wait_with_output().unwrap());
    let said = (done.code(), done.out.as_str(), done.err.as_str());
    assert_eq!(said, (0, "", ""), "{text}");
}

/// A server with one answer to whatever comes.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = vec![];
            let mut piece = [0; 65_536];
            // To the end of the body, whose last metric is known.
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                request.extend_from_slice(&piece[..read]);
                if request.ends_with(b"\n") && !request.ends_with(b"\r\n\r\n") {
                    break;
                }
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn golden() -> PathBuf {
    root().join("testdata/golden/result.json")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const LONG: Duration = Duration::from_secs(30);
