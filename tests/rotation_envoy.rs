//! A whole rotation on a fleet of real Envoys, certificates and bundles over SDS, while `probe canary`
//! looks on.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic, and is steered by the environment"
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the grid's roles most are alike"
)]

#[path = "grid/envoy.rs"]
mod envoy;
#[expect(
    dead_code,
    reason = "the certificates are those of the grid, which has more to do with them"
)]
#[path = "grid/kit.rs"]
mod kit;
#[expect(
    dead_code,
    reason = "child processes are run as in the grid, which has more kinds of them"
)]
#[path = "grid/stack.rs"]
mod stack;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use mtls_probe::certificate::SpiffeId;
use mtls_probe::identity::{Authority, Leaf};
use mtls_probe::run::now;
use serde_json::{Value, json};
use stack::{Server, free_port};
use tempfile::TempDir;

/// Each step is taken member by member, when `probe rotation` says that it is safe.
#[test]
fn in_the_right_order_nothing_breaks_and_every_phase_is_named() {
    let Some(mesh) = Mesh::start(4) else { return };
    let mut canary = Canary::start(&mesh, &["--until", "phase=P3", "--for", "50s"]);
    canary.wait_for("P0");
    for (step, phase, state) in [
        ("P1", "P1", (OLD, BOTH)),
        ("P2", "P2", (NEW, BOTH)),
        ("P3", "P3", (NEW, ONLY_NEW)),
    ] {
        let gate = mesh.rotation(&["--gate", step]);
        assert_eq!(gate.status.code(), Some(0), "{}", text(&gate));
        for nth in 0..mesh.members {
            mesh.set(nth, state.0, state.1);
            // Rounds see the fleet between two phases as well.
            std::thread::sleep(Duration::from_millis(150));
        }
        mesh.trust(state.1);
        canary.wait_for(phase);
    }
    let (lines, end, code) = canary.ended();
    say(&summed_up(&lines));
    assert_eq!(code, 0, "{end}");
    assert_eq!(
        (&end["over"], &end["broken_rounds"]),
        (&"arrived".into(), &0.into()),
        "{end}"
    );
    assert_eq!(end["refused"], json!([]));
    let phases = phases(&lines);
    let whole: Vec<&str> = phases
        .iter()
        .map(String::as_str)
        .filter(|one| one.len() == 2)
        .collect();
    assert_eq!(whole, ["P0", "P1", "P2", "P3"], "{phases:?}");
    assert!(phases.iter().any(|one| one.contains('+')), "{phases:?}");
    assert!(lines.iter().all(|line| line["progress"]["wrong"] == 0));
    // The workloads, each at each; neither canary has a row.
    assert!(
        lines
            .iter()
            .all(|line| line["cells"] == mesh.members * mesh.members)
    );
    let done = mesh.rotation(&["--gate", "done"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done));
}

#[test]
fn a_step_that_is_taken_too_early_is_refused_before_and_fails_after() {
    let Some(mesh) = Mesh::start(3) else { return };
    let mut canary = Canary::start(&mesh, &["--for", "30s"]);
    canary.wait_for("P0");
    let gate = mesh.rotation(&["--gate", "P2"]);
    let said = text(&gate);
    assert_eq!(gate.status.code(), Some(1), "{said}");
    let gate = mesh.rotation(&["--gate", "P2", "-v"]);
    let refused = "Step P2, sign by the new root: REFUSED";
    assert!(text(&gate).contains(refused), "{}", text(&gate));
    let looked = canary.lines.len();
    assert!(canary.lines.iter().all(|line| line["broken"] == 0));

    // The new CA signs for one member, and nobody trusts it yet.
    mesh.set(1, NEW, ONLY_OLD);
    let (lines, end, code) = canary.ended();
    say(&summed_up(&lines));
    assert_eq!(code, 1, "{end}");
    assert_eq!(
        (&end["over"], &end["broken_rounds"]),
        (&"broken".into(), &1.into()),
        "{end}"
    );
    assert!(lines.len() > looked);
    let last = lines.last().unwrap();
    assert!(last["broken"].as_u64().unwrap() > 0, "{last}");
    assert_eq!(last["progress"]["wrong"], 1, "{last}");
    let behind = last["progress"]["behind"][0].as_str().unwrap();
    assert!(
        behind.starts_with("w1 (127.0.0.1:") && behind.contains("SIGNED_TOO_EARLY"),
        "{last}"
    );
    let gate = mesh.rotation(&[]);
    assert_eq!(gate.status.code(), Some(1), "{}", text(&gate));
}

/// Envoys that are clients of one another: each has a folder with its leaf and its bundle, which is
/// replaced as a whole, as the volume of a Secret is.
struct Mesh {
    folder: TempDir,
    issuers: [Authority; 2],
    members: usize,
    _envoys: Vec<Server>,
}

impl Mesh {
    /// Nothing where there is no Envoy, loudly; where nothing may be missing that is a failure.
    fn start(members: usize) -> Option<Self> {
        match envoy::version() {
            Ok(version) => say(&version),
            Err(why) => {
                let words = format!("SKIPPED: a rotation on Envoys: {why}");
                let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!is_ci, "{words}");
                say(&words);
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let roots =
            ["mesh root", "new mesh root"].map(|name| Authority::throwaway(name, now()).unwrap());
        let issuers = ["mesh CA", "new mesh CA"];
        let issuers =
            [0, 1].map(|nth: usize| roots[nth].intermediate(issuers[nth], now()).unwrap());
        let [old, new] = roots
            .map(|root| pem::encode(&pem::Pem::new("CERTIFICATE", root.root().unwrap().as_ref())));
        for (name, text) in [
            (ONLY_OLD, &old),
            (ONLY_NEW, &new),
            (BOTH, &format!("{old}{new}")),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut mesh = Self {
            folder,
            issuers,
            members,
            _envoys: vec![],
        };
        for (name, root) in [("canary-old", OLD), ("canary-new", NEW)] {
            mesh.leaf(mesh.folder.path(), name, "canary", root);
        }
        let ports: Vec<u16> = (0..members).map(|_| free_port()).collect();
        mesh.trust(ONLY_OLD);
        fs::write(mesh.folder.path().join("probe.yaml"), mesh.suite(&ports)).unwrap();
        for (nth, port) in ports.into_iter().enumerate() {
            fs::create_dir(mesh.member(nth)).unwrap();
            mesh.set(nth, OLD, ONLY_OLD);
            let server = mesh.envoy(nth, port);
            mesh._envoys.push(server);
        }
        Some(mesh)
    }

    fn member(&self, nth: usize) -> PathBuf {
        self.folder.path().join(format!("w{nth}"))
    }

    /// Gives a member another leaf and another bundle, at once.
    fn set(&self, nth: usize, leaf: usize, bundle: &str) {
        let folder = self.member(nth);
        let data = format!("..{}", now().as_nanosecond());
        fs::create_dir(folder.join(&data)).unwrap();
        self.leaf(&folder.join(&data), "tls", &format!("w{nth}"), leaf);
        let bundle = self.folder.path().join(bundle);
        fs::copy(bundle, folder.join(&data).join("roots.pem")).unwrap();
        symlink(&data, folder.join("..next")).unwrap();
        fs::rename(folder.join("..next"), folder.join("..data")).unwrap();
        for name in ["tls.pem", "tls.key", "roots.pem"] {
            let _ = symlink(format!("..data/{name}"), folder.join(name));
        }
    }

    /// Gives the suite, which stands for the clients, another bundle.
    fn trust(&self, bundle: &str) {
        let folder = self.folder.path();
        fs::copy(folder.join(bundle), folder.join("next.pem")).unwrap();
        fs::rename(folder.join("next.pem"), folder.join("roots.pem")).unwrap();
    }

    fn leaf(&self, folder: &Path, file: &str, account: &str, root: usize) {
        let id = format!("spiffe://cluster.local/ns/default/sa/{account}");
        let id: SpiffeId = id.parse().unwrap();
        let leaf = Leaf::svid(&id, now() - AN_HOUR, now() + AN_HOUR);
        let minted = self.issuers[root].issue(&leaf).unwrap();
        fs::write(folder.join(format!("{file}.pem")), minted.chain_pem()).unwrap();
        fs::write(folder.join(format!("{file}.key")), minted.key_pem()).unwrap();
    }

    fn suite(&self, ports: &[u16]) -> String {
        let mut text = HEAD.to_owned();
        for nth in 0..ports.len() {
            text += &format!(
                "  sa/w{nth}: {{ files: {{ chain: w{nth}/tls.pem, key: w{nth}/tls.key }} }}\n"
            );
        }
        text += "targets:\n";
        for (nth, port) in ports.iter().enumerate() {
            text += &format!(
                "  w{nth}: {{ address: \"127.0.0.1:{port}\", id: sa/w{nth}, request: {{ http: \"GET /\" }} }}\n"
            );
        }
        let all: Vec<String> = (0..ports.len()).map(|nth| format!("sa/w{nth}")).collect();
        text + &format!(
            "expect: [{{ from: [{}], to: '*', verdict: OK }}]\n",
            all.join(", ")
        ) + ROTATION
    }

    fn envoy(&self, nth: usize, port: u16) -> Server {
        let folder = self.member(nth);
        let file = |name: &str| json!({ "filename": folder.join(name) });
        let watched = json!({ "path": folder });
        let secret = |name: &str, secret: Value| {
            let mut resource =
                json!({ "@type": kind("transport_sockets.tls.v3.Secret"), "name": name });
            resource
                .as_object_mut()
                .unwrap()
                .extend(secret.as_object().unwrap().clone());
            let path = folder.join(format!("sds-{name}.json"));
            fs::write(&path, json!({ "resources": [resource] }).to_string()).unwrap();
            json!({
                "name": name,
                "sds_config": {
                    "resource_api_version": "V3",
                    "path_config_source": { "path": path, "watched_directory": watched },
                },
            })
        };
        let own = secret(
            "default",
            json!({ "tls_certificate": {
            "certificate_chain": file("tls.pem"),
            "private_key": file("tls.key"),
            "watched_directory": watched,
        } }),
        );
        let roots = secret(
            "ROOTCA",
            json!({ "validation_context": {
            "trusted_ca": file("roots.pem"),
            "watched_directory": watched,
        } }),
        );
        let config = json!({
            "node": { "id": format!("w{nth}"), "cluster": "mesh" },
            "static_resources": { "listeners": [{
                "name": "inbound",
                "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } },
                "enable_reuse_port": false,
                "filter_chains": [{
                    "transport_socket": {
                        "name": "tls",
                        "typed_config": {
                            "@type": kind("transport_sockets.tls.v3.DownstreamTlsContext"),
                            "require_client_certificate": true,
                            "common_tls_context": {
                                "tls_certificate_sds_secret_configs": [own],
                                "validation_context_sds_secret_config": roots,
                            },
                        },
                    },
                    "filters": [answers()],
                }],
            }] },
        });
        let path = folder.join("envoy.json");
        fs::write(&path, config.to_string()).unwrap();
        let mut command = Command::new(envoy::program().unwrap());
        command.arg("--config-path").arg(path);
        command.args(["--concurrency", "1", "--disable-hot-restart"]);
        command.args(["--log-level", "warning"]);
        Server::at(port, command, &folder)
    }

    fn rotation(&self, flags: &[&str]) -> Output {
        self.probe("rotation").args(flags).output().unwrap()
    }

    fn probe(&self, command: &str) -> Command {
        let mut probe = Command::new(env!("CARGO_BIN_EXE_probe"));
        probe.current_dir(self.folder.path());
        probe.env_remove("PROBE_CONFIG").arg(command);
        probe
    }
}

/// `probe canary` while it looks on.
struct Canary {
    child: Child,
    said: BufReader<ChildStdout>,
    lines: Vec<Value>,
}

impl Canary {
    fn start(mesh: &Mesh, flags: &[&str]) -> Self {
        let mut canary = mesh.probe("canary");
        canary.args(["--every", "200ms"]).args(flags);
        let mut child = canary.stdout(Stdio::piped()).spawn().unwrap();
        Self {
            said: BufReader::new(child.stdout.take().unwrap()),
            child,
            lines: vec![],
        }
    }

    fn line(&mut self) -> Option<&Value> {
        let mut line = String::new();
        let read = self.said.read_line(&mut line).unwrap();
        (read > 0).then(|| {
            self.lines.push(serde_json::from_str(&line).unwrap());
            self.lines.last().unwrap()
        })
    }

    /// Until a round is in this phase.
    fn wait_for(&mut self, phase: &str) {
        let begun = Instant::now();
        loop {
            let line = self
                .line()
                .unwrap_or_else(|| panic!("ended before {phase}"));
            if line["progress"]["phase"] == phase {
                return;
            }
            assert_eq!(line["type"], "round", "before {phase}: {line}");
            assert!(begun.elapsed() < PATIENCE, "not {phase}: {line}");
        }
    }

    /// Every round, the end, and the exit code.
    fn ended(mut self) -> (Vec<Value>, Value, i32) {
        while self.line().is_some() {}
        let code = self.child.wait().unwrap().code().unwrap();
        let mut lines = std::mem::take(&mut self.lines);
        let end = lines.pop().unwrap();
        assert_eq!(end["type"], "end", "{end}");
        (lines, end, code)
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The phases in the order in which they were seen, each once for as long as it stayed.
fn phases(lines: &[Value]) -> Vec<String> {
    let all = lines
        .iter()
        .map(|line| line["progress"]["phase"].as_str().unwrap().to_owned());
    let mut phases: Vec<String> = all.collect();
    phases.dedup();
    phases
}

/// One line for each stay in a phase.
fn summed_up(lines: &[Value]) -> String {
    let mut text = String::new();
    for phase in phases(lines) {
        let here: Vec<&Value> = lines
            .iter()
            .filter(|line| line["progress"]["phase"] == phase.as_str())
            .collect();
        let count = |key: &str| {
            here.iter()
                .filter_map(|line| line[key].as_u64())
                .sum::<u64>()
        };
        text += &format!(
            "{phase}: {} rounds, {} met, {} broken, {} down, {} open\n",
            here.len(),
            count("met"),
            count("broken"),
            count("down"),
            count("open")
        );
    }
    text
}

fn answers() -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": kind("filters.http.router.v3.Router") },
    });
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": kind("filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "inbound",
            "route_config": { "virtual_hosts": [{
                "name": "all",
                "domains": ["*"],
                "routes": [{ "match": { "prefix": "/" }, "direct_response": { "status": 200 } }],
            }] },
            "http_filters": [router],
        },
    })
}

fn kind(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// The test harness swallows what `eprintln` says of a test that passes.
fn say(what: &str) {
    let line = format!("{}\n", what.trim_end());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

const OLD: usize = 0;
const NEW: usize = 1;
const ONLY_OLD: &str = "old-root.pem";
const ONLY_NEW: &str = "new-root.pem";
const BOTH: &str = "both-roots.pem";
const AN_HOUR: SignedDuration = SignedDuration::from_hours(1);
const PATIENCE: Duration = Duration::from_secs(15);
const HEAD: &str = "\
version: 1
trust_domain: cluster.local
bundles:
  cluster.local: { file: roots.pem }
sources:
  canary-old: { id: sa/canary, files: { chain: canary-old.pem, key: canary-old.key } }
  canary-new: { id: sa/canary, files: { chain: canary-new.pem, key: canary-new.key } }
";
const ROTATION: &str = "\
rotation:
  old: { root: old-root.pem, client: canary-old }
  new: { root: new-root.pem, client: canary-new }
";
