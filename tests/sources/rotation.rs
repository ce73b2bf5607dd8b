//! Identities and trust anchors that are replaced while `probe` runs: each new one is picked up, and no
//! probe fails in between.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use jiff::SignedDuration;
use mtls_probe::identity::Authority;
use mtls_probe::run::now;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::gate::{Book, Gate, Guard};
use crate::mesh::{Mesh, SOURCES, probe, serial};
use crate::standins::domain::Domain;
use crate::standins::generated::workload::X509svid;
use crate::standins::pem;
use crate::standins::workload_api::{Agent, State};

/// Files, a Secret and an agent's identity are replaced once, what is signed is renewed by itself, and
/// the trust anchors in a ConfigMap are followed by the CA of the server. A run and a canary look on.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_each_live_source_is_picked_up_without_a_failed_probe() {
    let mut mesh = Mesh::lasting(SignedDuration::from_secs(8)).await;
    let next = Authority::throwaway("the next CA", now()).unwrap();
    let (watched, run) = (mesh.gate().await, mesh.gate().await);
    let specs = mesh.specs();
    let canary = mesh.suite("canary.yaml", &watched, &specs);
    let suite = mesh.suite("run.yaml", &run, &specs);
    let canary = start(
        &mesh,
        "canary",
        &canary,
        &["--every", "300ms", "--for", "9s"],
    );
    let flags = ["--attempts", "30", "--pause", "300ms", "--format", "json"];
    let run_once = start(&mesh, "run", &suite, &flags);

    for gate in [&watched, &run] {
        gate.lets_in(2 * SOURCES.len()).await;
    }
    let replaced: BTreeMap<_, _> = [
        ("files", mesh.write_files()),
        ("workload_api", mesh.push()),
        ("secret", mesh.fill_secret()),
    ]
    .into();
    let both = format!("{}{}", mesh.root(), pem(next.root().unwrap()));
    let looks = looks(&mesh);
    let entries = [("roots.pem", both.as_str())];
    mesh.cluster.state().config_map("default", "gate", &entries);
    // Both have looked.
    while self::looks(&mesh) < looks + 2 {
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_millis(500)).await;
    let mut before = vec![];
    for gate in [&watched, &run] {
        before.push(gate.book().visits.len());
        gate.change(&mesh.guard(&next));
    }

    let canary = ended(canary).await;
    let rounds: Vec<Value> = values(&canary);
    assert_eq!(canary.status.code(), Some(0), "{}", words(&canary));
    let (end, rounds) = rounds.split_last().unwrap();
    assert_eq!(end["broken_rounds"], 0);
    assert!(rounds.len() > 5, "{} rounds", rounds.len());
    for round in rounds {
        assert_eq!(round["met"], SOURCES.len(), "{round}");
    }
    let done = ended(run_once).await;
    assert_eq!(done.status.code(), Some(0), "{}", words(&done));
    let result = values(&done).remove(0);
    let cells = result["cells"].as_array().unwrap();
    assert_eq!(cells.len(), SOURCES.len());
    for cell in cells {
        assert_eq!(cell["code"], "OK", "{cell}");
        assert_eq!(cell["attempts"]["total"], 30, "{cell}");
        assert_eq!(cell["attempts"]["agreeing"], 30, "{cell}");
    }
    for (gate, before) in [&watched, &run].into_iter().zip(before) {
        let book = gate.book();
        assert!(book.refused.is_empty(), "{:?}", book.refused);
        assert!(book.visits.len() > before, "nobody saw the next CA");
        all_rotated(&book, &replaced);
    }
}

/// Every source came with an old certificate and then with a new one, and never again with an old one.
fn all_rotated(book: &Book, replaced: &BTreeMap<&str, String>) {
    for (source, name) in SOURCES {
        let serials = book.serials(name);
        let mut different = serials.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), serials.len(), "{source}: {serials:?}");
        match (source, replaced.get(source)) {
            ("mint", _) => {}
            (_, Some(new)) => {
                assert_eq!(serials.len(), 2, "{source}: {serials:?}");
                assert_eq!(serials[1], new, "{source}");
            }
            (_, None) => assert!(serials.len() >= 2, "{source}: {serials:?}"),
        }
    }
}

fn looks(mesh: &Mesh) -> usize {
    let audit = mesh.cluster.audit();
    let looks = audit.iter();
    looks
        .filter(|line| line.contains("get configmaps default/gate"))
        .count()
}

/// The agent first trusts both CAs, then the server changes, then the client, then the old CA goes. The
/// bundle comes once by the suite and once along with the identity.
#[tokio::test(flavor = "multi_thread")]
async fn a_ca_that_an_agent_changes_during_a_run_breaks_nothing() {
    let (old, new) = (Domain::new("one.example"), Domain::new("one.example"));
    let both = [old.bundle(), new.bundle()].concat();
    let (first, second) = (old.svid("/web", ""), new.svid("/web", ""));
    let serials = [serial(&first), serial(&second)];
    let says = |svid: &X509svid, bundle: &[u8]| {
        let mut svid = svid.clone();
        svid.bundle = bundle.to_vec();
        State::of([svid]).bundle(old.own_id(), bundle.to_vec())
    };
    let guard = |own: &'static str, roots: &[&Domain]| Guard {
        own: if own == "old" { &old } else { &new }.issuing(),
        id: "spiffe://one.example/gate",
        roots: roots.iter().map(|domain| domain.bundle()).collect(),
    };
    let agent = Agent::start(says(&first, &old.bundle()));
    let gate = Gate::open(&guard("old", &[&old])).await;
    let folder = TempDir::new().unwrap();
    let suites = suites(&folder, &agent, &gate);
    let run = |attempts: &str| {
        let mut run = probe(folder.path());
        run.arg("run").args(&suites);
        run.args([
            "--attempts",
            attempts,
            "--pause",
            "100ms",
            "--format",
            "json",
        ]);
        started(run)
    };

    let running = run("40");
    gate.lets_in(4).await;
    for step in 0..4 {
        match step {
            0 => agent.says(says(&first, &both)),
            1 => gate.change(&guard("new", &[&old, &new])),
            2 => agent.says(says(&second, &both)),
            _ => {
                gate.change(&guard("new", &[&new]));
                agent.says(says(&second, &new.bundle()));
            }
        }
        // What is trusted is looked at ten times in a second.
        sleep(Duration::from_millis(300)).await;
        gate.lets_in(4).await;
    }
    let done = ended(running).await;
    assert_eq!(done.status.code(), Some(0), "{}", words(&done));
    for cell in values(&done)[0]["cells"].as_array().unwrap() {
        assert_eq!(cell["code"], "OK", "{cell}");
        assert_eq!(cell["attempts"]["agreeing"], 40, "{cell}");
    }
    assert!(gate.book().refused.is_empty(), "{:?}", gate.book().refused);
    let name = "spiffe://one.example/web";
    assert!(gate.book().serials(name).starts_with(&[&serials[0]]));
    assert!(gate.book().serials(name).ends_with(&[&serials[1]]));

    // The old CA is really gone: the new one has its name, and another key.
    gate.change(&guard("old", &[&new]));
    let done = ended(run("1")).await;
    assert_eq!(done.status.code(), Some(1), "{}", words(&done));
    for cell in values(&done)[0]["cells"].as_array().unwrap() {
        assert_eq!(
            (&cell["code"], &cell["by"]),
            (&"BAD_SIGNATURE".into(), &"probe".into())
        );
    }
}

/// One that asks the agent for bundles, and one that takes what comes along.
fn suites(folder: &TempDir, agent: &Agent, gate: &Gate) -> [PathBuf; 2] {
    let socket = format!("workload_api: {{ socket: \"{}\" }}", agent.endpoint());
    let bundles = format!("bundles: {{ \"*\": {{ {socket} }} }}\n");
    [("asked", bundles.as_str()), ("along", "")].map(|(name, bundles)| {
        let text = format!(
            "version: 1\ndefaults: {{ timeout: 10s }}\n{bundles}sources: {{ {name}: {{ {socket} }} }}\n\
             targets: {{ {name}-gate: {{ address: \"{}\", id: \"spiffe://one.example/gate\", \
             request: \"GET /\" }} }}\n\
             expect: [{{ from: \"*\", to: \"*\", verdict: OK }}]\n",
            gate.address
        );
        let path = folder.path().join(format!("{name}.yaml"));
        fs::write(&path, text).unwrap();
        path
    })
}

fn start(mesh: &Mesh, command: &str, suite: &Path, flags: &[&str]) -> Running {
    let mut probe = probe(mesh.folder.path());
    probe.arg(command).arg(suite).args(flags);
    started(probe)
}

fn started(mut command: Command) -> Running {
    tokio::task::spawn_blocking(move || command.output().unwrap())
}

async fn ended(running: Running) -> Output {
    running.await.unwrap()
}

fn values(output: &Output) -> Vec<Value> {
    let all = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    all.collect::<Result<_, _>>().unwrap()
}

fn words(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stderr) + &text(&output.stdout)
}

type Running = JoinHandle<Output>;
