//! Sources and bundles that cannot be used, in one suite with one that can: each error names the source,
//! the step and the way out, and the others go on.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use jiff::SignedDuration;
use mtls_probe::identity::Authority;
use mtls_probe::run::now;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::Code;

use crate::gate::Gate;
use crate::mesh::{GATE, Mesh, probe};
use crate::pod::skip;
use crate::standins::domain::Domain;
use crate::standins::istio_ca;
use crate::standins::pem;
use crate::standins::tokens::{token, with};
use crate::standins::workload_api::{Agent, Says, State};

#[tokio::test(flavor = "multi_thread")]
async fn each_source_that_cannot_be_had_says_so_and_the_others_go_on() {
    let stage = Stage::set().await;
    let rows = stage.rows();
    let mut sources = stage.mesh.specs();
    sources.retain(|(name, _)| *name == "files");
    for row in &rows {
        sources.push((row.name, row.spec.clone()));
    }
    let suite = stage.mesh.suite("bad.yaml", &stage.gate, &sources);
    let (ran, examined) = tokio::join!(
        done(stage.command(&["run", "--format", "json"], &suite)),
        done(stage.command(&["doctor", "--format", "json"], &suite))
    );
    assert_eq!(ran.status.code(), Some(3), "{}", words(&ran));
    assert_eq!(examined.status.code(), Some(1), "{}", words(&examined));
    let (result, doctor) = (value(&ran), value(&examined));
    let cells = result["cells"].as_array().unwrap();
    assert_eq!(cells.len(), rows.len() + 1);
    assert_eq!(
        (&cells[0]["code"], &cells[0]["met"]),
        (&json!("OK"), &json!(true))
    );
    assert_eq!(stage.gate.book().visits.len(), 1);
    for (nth, row) in rows.iter().enumerate() {
        row.holds(&cells[nth + 1], &doctor["sources"][nth + 1], &words(&ran));
    }
}

/// What a suite trusts must be there from the beginning: that is the exit code 2. The doctor looks at all the
/// rest.
#[tokio::test(flavor = "multi_thread")]
async fn each_bundle_that_cannot_be_used_says_so_and_the_doctor_goes_on() {
    let stage = Stage::set().await;
    let agent = stage.agents[2].endpoint();
    let folder = stage.mesh.folder.path().display();
    for (what, bundle, step, says) in [
        (
            "unparsable",
            format!("cluster.local: {{ file: {folder}/noise.pem }}"),
            "find",
            [
                "noise.pem",
                "holds a broken certificate: number 1",
                "replace it by a whole one",
            ],
        ),
        (
            "a trust domain twice",
            format!("\"*\": {{ file: {folder}/twice.json }}"),
            "find",
            [
                "twice.json",
                "cluster.local stands there twice",
                "one of its bundles is the wrong one",
            ],
        ),
        (
            "unparsable, by an agent",
            format!("\"*\": {{ workload_api: {{ socket: \"{agent}\" }} }}"),
            "identity",
            [
                "the SPIFFE Workload API at unix:///",
                "the bundle of cluster.local is broken DER",
                "look at its log",
            ],
        ),
        (
            "unparsable in the cluster",
            "cluster.local: { secret: { name: noise, key: ca.crt } }".to_owned(),
            "anchors",
            [
                "Secret default/noise",
                "entry \"ca.crt\" holds no certificate",
                "give PEM that begins with",
            ],
        ),
        (
            "a private key",
            format!("cluster.local: {{ file: {folder}/ca.key }}"),
            "find",
            [
                "ca.key",
                "holds a private key, and a trust bundle is public",
                "remove the key from it",
            ],
        ),
        (
            "of somebody else",
            format!("other.example: {{ file: {folder}/map.json }}"),
            "anchors",
            [
                "map.json",
                "holds no bundle of this trust domain",
                "it has cluster.local",
            ],
        ),
    ] {
        let head = stage.mesh.head();
        let good = "files: { files: { dir: certs } }";
        let target = format!(
            "gate: {{ address: \"{}\", id: {GATE:?} }}",
            stage.gate.address
        );
        let text = format!(
            "{head}bundles: {{ {bundle} }}\nsources: {{ {good} }}\ntargets: {{ {target} }}\n"
        );
        let suite = stage.mesh.path("bundle.yaml");
        fs::write(&suite, text).unwrap();
        let (ran, examined) = tokio::join!(
            done(stage.command(&["run"], &suite)),
            done(stage.command(&["doctor", "--format", "json"], &suite))
        );
        let stderr = words(&ran);
        assert_eq!(ran.status.code(), Some(2), "{what}: {stderr}");
        assert!(
            stderr.contains("bundle.yaml:4:12: bundle "),
            "{what}: {stderr}"
        );
        let doctor = value(&examined);
        assert_eq!(examined.status.code(), Some(1), "{what}: {doctor}");
        let way = doctor["bundles"][0].to_string().replace("\\\"", "\"");
        for words in says {
            assert!(stderr.contains(words), "{what}: no {words:?} in {stderr}");
            assert!(way.contains(words), "{what}: no {words:?} in {way}");
        }
        let steps = doctor["bundles"][0]["steps"].as_array().unwrap();
        let failed = steps.iter().find(|one| one["state"] == "failed").unwrap();
        assert_eq!(failed["step"], step, "{what}: {way}");
        let good = doctor["sources"][0]["steps"].as_array().unwrap();
        assert!(
            good.iter().all(|one| one["state"] == "ok"),
            "{what}: {doctor}"
        );
    }
}

/// Root may open every socket, so that somebody else has to try.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_may_not_be_opened_says_so_and_the_others_go_on() {
    let stage = Stage::set().await;
    let socket = stage.agents[1].path();
    fs::set_permissions(&socket, Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(socket.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    for name in ["ca.pem", "ca.key"] {
        fs::copy(stage.mesh.path(name), folder.path().join(name)).unwrap();
    }
    let text = format!(
        "version: 1\ntrust_domain: cluster.local\n\
         bundles: {{ cluster.local: {{ file: ca.pem }} }}\n\
         sources:\n  sa/good: {{ mint: {{ ca: {{ chain: ca.pem, key: ca.key }} }} }}\n  \
         closed: {{ workload_api: {{ socket: \"unix://{}\" }} }}\n\
         targets: {{ gate: {{ address: \"{}\", id: {GATE:?}, timeout: 10s }} }}\n\
         expect: [{{ from: \"*\", to: \"*\", verdict: OK }}]\n",
        socket.display(),
        stage.gate.address
    );
    let suite = folder.path().join("probe.yaml");
    fs::write(&suite, text).unwrap();
    let command = |word: &str| {
        let mut command = probe(folder.path());
        command.args([word, "--format", "json"]).arg(&suite);
        if fs::metadata(folder.path()).unwrap().uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    if let Err(why) = command("plan").output() {
        return skip(&format!("nobody else may run probe here: {why}"));
    }
    let (ran, examined) = tokio::join!(done(command("run")), done(command("doctor")));
    assert_eq!(ran.status.code(), Some(3), "{}", words(&ran));
    let cells = value(&ran)["cells"].clone();
    assert_eq!(cells[0]["code"], "OK", "{cells}");
    let row = Row {
        name: "closed",
        spec: String::new(),
        step: "connect",
        says: [
            "the SPIFFE Workload API at unix:///",
            "may not",
            "write to the socket",
        ],
    };
    row.holds(&cells[1], &value(&examined)["sources"][1], &words(&ran));
}

/// One that cannot be had.
struct Row {
    name: &'static str,
    spec: String,
    /// The step that fails, who is at fault there, what happened, and the way out.
    step: &'static str,
    says: [&'static str; 3],
}

impl Row {
    fn holds(&self, cell: &Value, way: &Value, stderr: &str) {
        let Self {
            name, step, says, ..
        } = self;
        assert_eq!((&cell["from"], &way["name"]), (&json!(name), &json!(name)));
        let evidence = cell["evidence"][0].as_str().unwrap();
        assert_eq!(
            (&cell["code"], &cell["met"]),
            (&json!("PROBE_FAULT"), &Value::Null),
            "{name}: {evidence}"
        );
        let line = stderr
            .lines()
            .find(|line| line.contains(&format!("source {name:?}: ")));
        let line = line.unwrap_or_else(|| panic!("nothing of {name} in {stderr}"));
        for text in [evidence, line] {
            for words in says {
                assert!(text.contains(words), "{name}: no {words:?} in {text}");
            }
        }
        let steps = way["steps"].as_array().unwrap();
        let failed = steps.iter().position(|one| one["state"] == "failed");
        let failed = failed.unwrap_or_else(|| panic!("{name}: {way}"));
        assert_eq!(steps[failed]["step"], *step, "{name}: {way}");
        assert!(
            steps[failed]["words"].as_str().unwrap().contains(says[1]),
            "{name}: {way}"
        );
        assert!(
            steps[..failed].iter().all(|one| one["state"] == "ok"),
            "{name}: {way}"
        );
        let rest = &steps[failed + 1..];
        assert!(
            rest.iter().all(|one| one["state"] == "not_reached"),
            "{name}: {way}"
        );
    }
}

struct Stage {
    mesh: Mesh,
    gate: Gate,
    /// Without an identity for us, with that of somebody else, with no bundle, and with two.
    agents: [Agent; 4],
}

impl Stage {
    async fn set() -> Self {
        let mesh = Mesh::lasting(SignedDuration::from_hours(1)).await;
        let gate = mesh.gate().await;
        let stranger = Authority::throwaway("a stranger", now()).unwrap();
        for (name, text) in [
            ("foreign.pem", pem(stranger.root().unwrap())),
            (
                "noise.pem",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            ),
            (
                "twice.json",
                format!(
                    "{{\"trust_domains\": {{\"cluster.local\": {NO_KEYS}, \"cluster.local\": {NO_KEYS}}}}}"
                ),
            ),
            (
                "map.json",
                format!("{{\"trust_domains\": {{\"cluster.local\": {NO_KEYS}}}}}"),
            ),
            (
                "expired",
                with(
                    "default",
                    "istio",
                    json!({ "aud": ["istio-ca"], "exp": 1_000_000_000 }),
                ),
            ),
            ("for-vault", token("default", "istio", "vault")),
            ("good", token("default", "istio", "istio-ca")),
        ] {
            fs::write(mesh.path(name), text).unwrap();
        }
        mesh.cluster.state().forbid("alice", "configmaps");
        mesh.cluster
            .state()
            .allow("alice", "get", "configmaps", "default", "gate");
        let secret = mesh.issue("spiffe://cluster.local/ns/default/sa/noise");
        let (chain, key) = (secret.chain_pem(), secret.key_pem());
        let entries = [
            ("tls.crt", chain.as_str()),
            ("tls.key", &key),
            ("ca.crt", "noise"),
        ];
        mesh.cluster.state().secret("default", "noise", &entries);
        let other = Domain::new("other.example");
        let (svid, mut noise) = (
            mesh.domain.svid("/workload", ""),
            mesh.domain.svid("/workload", ""),
        );
        noise.bundle = b"noise".to_vec();
        let mut twice = State::of([mesh.domain.svid("/workload", "")]);
        twice.federated.insert(mesh.domain.own_id(), other.bundle());
        let own_id = mesh.domain.own_id();
        let none = "no identity issued".to_owned();
        Self {
            agents: [
                Agent::start(Says::No(Code::PermissionDenied, none)),
                Agent::start(State::of([svid])),
                Agent::start(State::of([noise]).bundle(own_id, b"noise".to_vec())),
                Agent::start(twice),
            ],
            mesh,
            gate,
        }
    }

    fn rows(&self) -> Vec<Row> {
        let agent = |nth: usize| {
            format!(
                "workload_api: {{ socket: \"{}\" }}",
                self.agents[nth].endpoint()
            )
        };
        let istio = |more: &str| {
            let address = self.mesh.istio.door.address();
            let server = istio_ca::NAMES[0];
            format!(
                "id: sa/istio, istio_ca: {{ address: \"{address}\", server_name: {server}, {more} }}"
            )
        };
        let roots = self.mesh.path("istio.pem");
        fs::write(&roots, pem(&self.mesh.istio.desk.signer.root)).unwrap();
        let folder = self.mesh.folder.path().display();
        let token = |name: &str| {
            istio(&format!(
                "bundle: {{ file: {folder}/istio.pem }}, token: {{ file: {folder}/{name} }}"
            ))
        };
        let anchors = |name: &str| {
            istio(&format!(
                "bundle: {{ file: {folder}/{name} }}, token: {{ file: {folder}/good }}"
            ))
        };
        let linkerd = self.mesh.linkerd.door.address();
        let spire = self.mesh.spire.endpoint();
        let row = |name, spec, step, says| Row {
            name,
            spec,
            step,
            says,
        };
        vec![
            row(
                "no-socket",
                format!("workload_api: {{ socket: \"unix://{folder}/agent.sock\" }}"),
                "connect",
                [
                    "the SPIFFE Workload API at unix:///",
                    "there is no socket",
                    "start the agent",
                ],
            ),
            row(
                "no-folder",
                format!(
                    "id: \"spiffe://one.example/a\", spire_server: {{ socket: \"unix://{folder}/gone/api.sock\" }}"
                ),
                "connect",
                [
                    "the SPIRE server at unix:///",
                    "gone does not exist",
                    "mount the folder",
                ],
            ),
            row(
                "wrong-socket",
                format!("workload_api: {{ socket: \"{spire}\" }}"),
                "request",
                [
                    "the SPIFFE Workload API at unix:///",
                    "no SPIFFE Workload API",
                    "name",
                ],
            ),
            row(
                "no-identity",
                agent(0),
                "grant",
                [
                    "the SPIFFE Workload API at unix:///",
                    "no identity",
                    "spire-server entry create",
                ],
            ),
            row(
                "another-identity",
                format!("id: sa/frontend, {}", agent(1)),
                "grant",
                [
                    "the SPIFFE Workload API at unix:///",
                    "hands out no identity spiffe://cluster.local/ns/default/sa/frontend",
                    "take one of those",
                ],
            ),
            row(
                "agent-noise",
                agent(2),
                "identity",
                [
                    "the SPIFFE Workload API at unix:///",
                    "the bundle of cluster.local",
                    "the agent's fault",
                ],
            ),
            row(
                "agent-twice",
                agent(3),
                "identity",
                [
                    "the SPIFFE Workload API at unix:///",
                    "two bundles of cluster.local",
                    "the agent's fault",
                ],
            ),
            row(
                "expired",
                token("expired"),
                "token",
                ["the token in /", "it expired", "kubectl create token istio"],
            ),
            row(
                "for-vault",
                token("for-vault"),
                "token",
                [
                    "the token in /",
                    "meant for \"vault\", not for \"istio-ca\"",
                    "audience: istio-ca",
                ],
            ),
            row(
                "foreign-root",
                anchors("foreign.pem"),
                "tls",
                [
                    "the Istio CA at 127.0.0.1:",
                    "issuer \"CN=mesh root\"",
                    "holds the root of the mesh whose CA this is",
                ],
            ),
            row(
                "noise",
                anchors("noise.pem"),
                "anchors",
                [
                    "noise.pem",
                    "noise.pem holds a broken certificate: number 1",
                    "replace it by a whole one",
                ],
            ),
            row(
                "twice",
                anchors("twice.json"),
                "anchors",
                [
                    "twice.json",
                    "stands there twice",
                    "one of its bundles is the wrong one",
                ],
            ),
            row(
                "forbidden",
                format!("id: sa/linkerd, linkerd: {{ address: \"{linkerd}\" }}"),
                "anchors",
                [
                    "ConfigMap linkerd/linkerd-identity-trust-roots",
                    "may not get configmaps",
                    "kubectl create rolebinding",
                ],
            ),
            row(
                "secret-noise",
                "secret: { name: noise }".to_owned(),
                "identity",
                [
                    "Secret default/noise",
                    "entry \"ca.crt\" holds no certificate",
                    "give PEM that begins with",
                ],
            ),
            row(
                "no-secret",
                "secret: { name: gone }".to_owned(),
                "request",
                [
                    "Secret default/gone",
                    "there is no Secret \"gone\"",
                    "is it the right namespace",
                ],
            ),
        ]
    }

    fn command(&self, arguments: &[&str], suite: &Path) -> Command {
        let mut command = probe(self.mesh.folder.path());
        command.args(arguments).arg(suite);
        command
    }
}

async fn done(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn value(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The user `nobody`, or some other that is not root.
const NOBODY: u32 = 65534;
const NO_KEYS: &str = "{\"keys\": []}";
