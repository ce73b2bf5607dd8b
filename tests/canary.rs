//! `probe canary` as it is run: against servers that restart, and against some that change their mind.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail so"
)]

mod stage;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use stage::{Ca, Done, command, leave, probe};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_leaves_a_gap_and_breaks_nothing() {
    let mut mesh = Mesh::new().await;
    let canary = mesh.canary(&["--every", "100ms", "--for", "3s"]);
    tokio::time::sleep(Duration::from_millis(800)).await;
    mesh.stop(1).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    mesh.start(1).await;
    let done = ended(canary).await;
    let (rounds, end) = lines(&done);
    assert_eq!(done.code(), 0, "{}{}", done.out, done.err);
    assert!(rounds.len() > 10, "{}", rounds.len());
    assert_eq!(
        (&end["broken_rounds"], &end["over"]),
        (&0.into(), &"time".into())
    );
    let [gap] = end["gaps"].as_array().unwrap().as_slice() else {
        panic!("one gap: {}", end["gaps"]);
    };
    assert_eq!(gap["outage"], "replica_down");
    assert_eq!((&gap["times"], &gap["goes_on"]), (&1.into(), &false.into()));
    let longest = gap["longest_ms"].as_u64().unwrap();
    let at_most = gap["longest_at_most_ms"].as_u64().unwrap();
    assert!((300..1500).contains(&longest) && at_most >= 700, "{gap}");
    let down = rounds.iter().filter(|round| round["down"] == 1).count();
    assert!(down >= 2, "{down} rounds saw it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_us_stops_it_early() {
    let mut mesh = Mesh::new().await;
    let canary = mesh.canary(&["--every", "100ms", "--for", "30s"]);
    tokio::time::sleep(Duration::from_millis(600)).await;
    mesh.distrust(0).await;
    let done = ended(canary).await;
    let (rounds, end) = lines(&done);
    assert_eq!(done.code(), 1, "{}{}", done.out, done.err);
    assert_eq!(
        (&end["broken_rounds"], &end["over"]),
        (&1.into(), &"broken".into())
    );
    assert_eq!(rounds.last().unwrap()["broken"], 1);
    let refused = &end["refused"][0];
    assert_eq!(
        (&refused["code"], &refused["to"]),
        (&"UNKNOWN_CA".into(), &"api".into())
    );
    assert_eq!(
        refused["addresses"],
        Value::from(vec![mesh.addresses[0].to_string()])
    );
    assert!(rounds.len() < 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_is_what_should_be_where_nothing_is_expected() {
    let mut mesh = Mesh::new().await;
    mesh.write("");
    let baseline = mesh.folder.path().join("before.json");
    let file = format!("json={}", baseline.display());
    let run = probe(
        &["run".into(), mesh.suite(), "-o".into(), file.into()],
        &["-q"],
    );
    assert_eq!(run.code(), 0, "{}", run.err);
    let flags = ["--rounds", "3", "--every", "50ms", "--baseline"];
    let flags: Vec<&str> = flags.into_iter().chain(baseline.to_str()).collect();
    let done = ended(mesh.canary(&flags)).await;
    let (rounds, end) = lines(&done);
    assert_eq!((done.code(), rounds.len()), (0, 3), "{}", done.err);
    assert_eq!(
        (&end["over"], &rounds[0]["met"]),
        (&"rounds".into(), &4.into())
    );
    mesh.distrust(1).await;
    let done = ended(mesh.canary(&flags)).await;
    assert_eq!(done.code(), 1);
    // Without a baseline nothing says what should be, and nothing judged is nothing known.
    let done = ended(mesh.canary(&flags[..4])).await;
    assert_eq!((done.code(), &lines(&done).0[0]["met"]), (3, &0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_gives_what_is_known() {
    let mesh = Mesh::new().await;
    let canary = mesh.canary(&["--every", "100ms", "--for", "60s"]);
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let id = canary.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(sent.unwrap().success());
    let done = ended(canary).await;
    assert_eq!(done.code(), 130);
    let (rounds, end) = lines(&done);
    assert_eq!(end["over"], "stopped");
    assert_eq!(end["rounds"], rounds.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_said() {
    let mesh = Mesh::new().await;
    let suite = mesh.suite();
    let suite = suite.to_str().unwrap();
    for (flags, words) in [
        (
            &[][..],
            "nothing says when it is over; give --for DURATION or --rounds N",
        ),
        (&["--rounds", "0"], "0 is not in 1.."),
        (
            &["--for", "forever"],
            "write a duration such as 15s, 10m or 2h",
        ),
        (
            &["--until", "phase=P1"],
            "--until alone might wait for ever; say for how long, with --for DURATION or --rounds N",
        ),
        (
            &["--until", "P1", "--rounds", "1"],
            "write phase=P0, phase=P1, phase=P2, phase=P3 or phase=done",
        ),
        (
            &["--until", "phase=P1", "--rounds", "1"],
            "--until waits for a phase of a rotation; write a section `rotation`",
        ),
        (
            &[
                "--rounds",
                "1",
                "--old-root",
                "ca.pem",
                "--new-root",
                "ca.pem",
            ],
            "ca.pem",
        ),
        (
            &["--rounds", "1", "-o", "json=a.json"],
            "write the rounds with --format ndjson > FILE",
        ),
        (
            &["--rounds", "1", "--max-flake", "120%"],
            "write a share such as 0.5%",
        ),
        (
            &["--rounds", "1", "--baseline", "nowhere.json"],
            "nowhere.json",
        ),
    ] {
        let done = probe(&["canary", suite], flags);
        assert_eq!(done.code(), 2, "{flags:?}");
        assert!(done.err.contains(words), "{flags:?}: {}", done.err);
    }
}

/// Two replicas of one target, and a suite.
struct Mesh {
    folder: TempDir,
    ca: Ca,
    addresses: Vec<SocketAddr>,
    servers: Vec<Option<JoinHandle<()>>>,
}

impl Mesh {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Ca::new("mesh");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &ca.pem);
        write("ca.key", &ca.key.serialize_pem());
        let mut mesh = Self {
            folder,
            ca,
            addresses: vec![],
            servers: vec![],
        };
        for nth in 0..2 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            mesh.addresses.push(listener.local_addr().unwrap());
            drop(listener);
            mesh.servers.push(None);
            mesh.start(nth).await;
        }
        mesh.write("expect: [{ from: sa/client, to: api, verdict: OK }]");
        mesh
    }

    fn write(&self, expect: &str) {
        let [one, other] = self.addresses.as_slice() else {
            panic!("two replicas");
        };
        let suite = format!(
            "version: 1\ntrust_domain: cluster.local\n\
             bundles: {{ cluster.local: {{ file: ca.pem }} }}\n\
             sources: {{ sa/client: {{ mint: {{ ca: {{ chain: ca.pem, key: ca.key }} }} }}, none: {{}} }}\n\
             targets: {{ api: {{ address: [\"{one}\", \"{other}\"], request: \"GET /\" }} }}\n{expect}\n"
        );
        fs::write(self.suite(), suite).unwrap();
    }

    fn suite(&self) -> PathBuf {
        self.folder.path().join("probe.yaml")
    }

    fn canary(&self, flags: &[&str]) -> Child {
        command()
            .arg("canary")
            .arg(self.suite())
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    async fn start(&mut self, nth: usize) {
        let acceptor = self.ca.acceptor(&self.ca.leaf("server", &[]), &[], &[]);
        self.serve(nth, acceptor).await;
    }

    /// The same server, which trusts another CA from now on.
    async fn distrust(&mut self, nth: usize) {
        let leaf = self.ca.leaf("server", &[]);
        let acceptor = Ca::new("another").acceptor(&leaf, &[], &[]);
        self.stop(nth).await;
        self.serve(nth, acceptor).await;
    }

    async fn stop(&mut self, nth: usize) {
        if let Some(server) = self.servers[nth].take() {
            server.abort();
            let _ = server.await;
        }
    }

    async fn serve(&mut self, nth: usize, acceptor: TlsAcceptor) {
        let listener = TcpListener::bind(self.addresses[nth]).await.unwrap();
        self.servers[nth] = Some(tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(acceptor.clone(), stream));
            }
        }));
    }
}

async fn answer(acceptor: TlsAcceptor, stream: tokio::net::TcpStream) -> std::io::Result<()> {
    let mut accept = acceptor.accept(stream).into_fallible();
    let mut stream = match (&mut accept).await {
        Ok(stream) => stream,
        Err((_, tcp)) => return leave(tcp).await,
    };
    let mut request = [0; 4096];
    if stream.read(&mut request).await? > 0 {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
        stream.write_all(answer).await?;
    }
    stream.shutdown().await
}

async fn ended(canary: Child) -> Done {
    let output = tokio::task::spawn_blocking(|| canary.wait_with_output().unwrap());
    Done::of(output.await.unwrap())
}

/// Every round, and the end.
fn lines(done: &Done) -> (Vec<Value>, Value) {
    let mut lines = done.values();
    let end = lines.pop().unwrap();
    assert_eq!(end["type"], "end");
    assert_eq!(end["schema"], "mtls-probe/canary/v1");
    assert!(lines.iter().all(|line| line["type"] == "round"));
    (lines, end)
}
