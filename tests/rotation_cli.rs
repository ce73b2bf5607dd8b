//! `probe rotation` as a pipeline sees it: what it prints and how it exits.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod rotation_stage;

use std::fs;
use std::path::Path;
use std::process::Command;

use mtls_probe::lab::{Kin, Root, State};
use mtls_probe::rotation::Phase;
use rotation_stage::Stage;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_a_gate() {
    let (p0, p1) = (State::of(Phase::P0), State::of(Phase::P1));
    let mut stage = Stage::of(Kin::Strangers, &[p1.clone(), p0, p1.clone()]).await;
    let probe = |arguments: &[&str]| Run::of(stage.folder(), arguments).exit;
    assert_eq!(probe(&[]), 1, "P2 is next, and w1 is not ready");
    assert_eq!(probe(&["--gate", "P1"]), 0, "to trust more harms nobody");
    assert_eq!(probe(&["--gate", "P2"]), 1);
    assert_eq!(probe(&["--gate", "P3"]), 1);
    assert_eq!(probe(&["--gate", "done"]), 1);
    assert_eq!(probe(&["--expect", "P1"]), 1);
    assert_eq!(probe(&["--only-canaries"]), 1);
    stage.fleet.set("w1", 0, p1).unwrap();
    let probe = |arguments: &[&str]| Run::of(stage.folder(), arguments).exit;
    assert_eq!(probe(&[]), 0);
    assert_eq!(probe(&["--gate", "P2"]), 0);
    assert_eq!(probe(&["--gate", "P3"]), 1, "all leaves are old");
    assert_eq!(probe(&["--expect", "P1"]), 0);
    assert_eq!(probe(&["--expect", "P2"]), 1);
    stage.fleet.set_all(&State::of(Phase::P3)).unwrap();
    let probe = |arguments: &[&str]| Run::of(stage.folder(), arguments).exit;
    assert_eq!(probe(&[]), 0, "finished");
    assert_eq!(probe(&["--gate", "done"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_its_own_exit_code() {
    let stage = Stage::of(Kin::Strangers, &[State::of(Phase::P1)]).await;
    let suite = stage.folder().join("probe.yaml");
    let text = fs::read_to_string(&suite).unwrap();
    let gone = "  gone: { address: '127.0.0.1:1', id: sa/gone }\nrotation:\n";
    fs::write(&suite, text.replace("rotation:\n", gone)).unwrap();
    let run = Run::of(stage.folder(), &[]);
    assert_eq!(run.exit, 3, "{}", run.out);
    assert!(
        run.out
            .contains("Next step: P2, sign by the new root: CANNOT TELL"),
        "{}",
        run.out
    );
    assert_eq!(Run::of(stage.folder(), &["--expect", "P1"]).exit, 3);
    assert_eq!(Run::of(stage.folder(), &["--expect", "P2"]).exit, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn canaries_come_from_flags_from_the_suite_from_a_ca_or_are_found() {
    let stage = Stage::of(
        Kin::Strangers,
        &[State::of(Phase::P1), State::of(Phase::P0)],
    )
    .await;
    let suite = stage.folder().join("probe.yaml");
    let text = fs::read_to_string(&suite).unwrap();
    let (head, _) = text.split_once("rotation:\n").unwrap();
    let wanted = ["P1", "P0"];

    let minted = "rotation:
  old: { root: old-root.pem, ca: { chain: old-ca.pem, key: old-ca.key }, id: sa/canary }
  new: { root: new-root.pem, ca: { chain: new-ca.pem, key: new-ca.key }, id: sa/canary }
";
    let no_canaries: String = head
        .lines()
        .filter(|line| !line.contains("canary"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&suite, no_canaries + minted).unwrap();
    let run = Run::of(stage.folder(), &["--format", "json"]);
    assert_eq!(run.phases(), wanted, "{}{}", run.out, run.err);
    assert_eq!(run.json()["old_client"], "canary-old");

    fs::write(&suite, head).unwrap();
    let flags = ["--old-client", "canary-old", "--new-client", "canary-new"];
    let run = Run::of(
        stage.folder(),
        &[&flags[..], &["--format", "json"]].concat(),
    );
    assert_eq!(run.phases(), wanted, "{}{}", run.out, run.err);
    assert_eq!(run.json()["roots"]["seen"], true);

    // The bundle of the suite need not hold both roots, where files do.
    fs::write(&suite, head.replace("roots.pem", "old-root.pem")).unwrap();
    let roots = ["--old-root", "old-root.pem", "--new-root", "new-root.pem"];
    let run = Run::of(
        stage.folder(),
        &[&flags[..], &roots, &["--format", "json"]].concat(),
    );
    assert_eq!(run.phases(), wanted, "{}{}", run.out, run.err);
    let run = Run::of(
        stage.folder(),
        &[&roots[..], &["--format", "json"]].concat(),
    );
    assert_eq!(run.phases(), wanted, "{}{}", run.out, run.err);
    // A combined bundle does for the new side.
    let combined = ["--old-root", "old-root.pem", "--new-root", "roots.pem"];
    let run = Run::of(
        stage.folder(),
        &[&flags[..], &combined, &["--format", "json"]].concat(),
    );
    assert_eq!(run.phases(), wanted, "{}{}", run.out, run.err);

    // Nothing is named: the sources come from two roots, of which one is older.
    fs::write(&suite, head).unwrap();
    let run = Run::of(stage.folder(), &["--format", "json"]);
    assert_eq!(run.phases(), wanted, "{}{}", run.out, run.err);
    let json = run.json();
    assert!(
        json["roots"]["old"][0]["subject"]
            .as_str()
            .unwrap()
            .contains("CN=mesh root")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_is_to_be_refused_is_no_workload() {
    let mut stage = Stage::of(Kin::Strangers, &[State::of(Phase::P2)]).await;
    stage.outbound("sa/batch", Root::Old);
    let suite = stage.folder().join("probe.yaml");
    let text = stage.suite_yaml();
    fs::write(&suite, &text).unwrap();
    let run = Run::of(stage.folder(), &["--gate", "P3"]);
    assert_eq!(run.exit, 1);
    assert!(
        run.out
            .contains("sa/batch: comes with a leaf of the old root"),
        "{}",
        run.out
    );
    let expected = text + "expect: [ { from: sa/batch, to: '*', verdict: REJECTED } ]\n";
    fs::write(&suite, expected).unwrap();
    let run = Run::of(stage.folder(), &["--gate", "P3"]);
    assert_eq!(run.exit, 0, "{}", run.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_rotation_is_said_before_anybody_is_judged() {
    let stage = Stage::of(Kin::Strangers, &[State::of(Phase::P1)]).await;
    let suite = stage.folder().join("probe.yaml");
    let text = fs::read_to_string(&suite).unwrap();
    let clients = |old, new| ["--old-client", old, "--new-client", new];
    for (arguments, says) in [
        (
            clients("canary-new", "canary-old").to_vec(),
            "are the two swapped?",
        ),
        (
            clients("sa/w0", "canary-old").to_vec(),
            "are the two swapped?",
        ),
        (
            clients("canary-old", "nobody").to_vec(),
            "there is no source \"nobody\"",
        ),
        (vec!["--new-root", "old-root.pem"], "are one certificate"),
        (vec!["--new-root", "nowhere.pem"], "nowhere.pem"),
        (vec!["-o", "json=a.json"], "with --format json > FILE"),
    ] {
        let run = Run::of(stage.folder(), &arguments);
        assert_eq!(run.exit, 2, "{arguments:?} {}", run.out);
        assert!(run.err.contains(says), "{arguments:?}: {}", run.err);
        assert!(run.out.is_empty(), "{}", run.out);
    }
    let (head, _) = text.split_once("rotation:\n").unwrap();
    fs::write(&suite, head).unwrap();
    let run = Run::of(stage.folder(), &["--old-client", "canary-old"]);
    assert_eq!(run.exit, 2);
    assert!(run.err.contains("add --new-client SOURCE"), "{}", run.err);
    let one_root: String = head
        .lines()
        .filter(|line| !line.contains("canary-new"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&suite, one_root).unwrap();
    let run = Run::of(stage.folder(), &[]);
    assert_eq!(run.exit, 2);
    assert!(
        run.err.contains("come from 1 different roots"),
        "{}",
        run.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_state_is_exit_1_with_the_way_out() {
    let states = [
        State::of(Phase::P2),
        State::of(Phase::P2),
        State::new(Root::New, &[Root::Old]),
    ];
    let stage = Stage::of(Kin::Strangers, &states).await;
    let run = Run::of(stage.folder(), &[]);
    assert_eq!(run.exit, 1);
    assert!(run.out.contains("SIGNED_TOO_EARLY: "), "{}", run.out);
    assert!(
        run.out.contains("fix: give it the combined bundle at once"),
        "{}",
        run.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_waits_for_a_phase_and_names_who_is_behind() {
    let (p0, p1) = (State::of(Phase::P0), State::of(Phase::P1));
    let mut stage = Stage::of(Kin::Strangers, &[p1.clone(), p0, p1.clone()]).await;
    let suite = stage.folder().join("probe.yaml");
    let mut text = fs::read_to_string(&suite).unwrap();
    text += "expect: [{ from: '*', to: '*', verdict: OK }]\n";
    fs::write(&suite, &text).unwrap();
    let flags = ["--until", "phase=P1", "--every", "50ms"];
    let late = [&flags[..], &["--rounds", "3"]].concat();
    let run = Run::command("canary", stage.folder(), &late);
    assert_eq!(run.exit, 1, "{}{}", run.out, run.err);
    let lines = run.lines();
    let progress = &lines[0]["progress"];
    assert_eq!(progress["phase"], "P0+P1");
    assert_eq!(progress["behind_count"], 1);
    let behind = progress["behind"][0].as_str().unwrap();
    assert!(
        behind.starts_with("w1 (") && behind.contains("LATE"),
        "{behind}"
    );
    assert_eq!(lines.last().unwrap()["over"], "rounds");
    // Of the two clients nothing can be expected all along.
    let words = "canary-new comes to tell the phase";
    assert!(run.err.contains(words), "{}", run.err);
    assert!(
        lines
            .iter()
            .all(|line| line["broken"].as_u64().unwrap_or(0) == 0)
    );

    stage.fleet.set("w1", 0, p1).unwrap();
    let run = Run::command("canary", stage.folder(), &late);
    assert_eq!(run.exit, 0, "{}{}", run.out, run.err);
    let lines = run.lines();
    assert_eq!((lines.len(), &lines[2]["over"]), (3, &"arrived".into()));

    let table = Run::command(
        "canary",
        stage.folder(),
        &["--rounds", "1", "--format", "table"],
    );
    assert!(
        table.out.contains("none broken; the fleet is in P1."),
        "{}",
        table.out
    );

    // A suite of the two clients alone will do to wait.
    let only: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("files: { chain: w") && !line.starts_with("expect"))
        .collect();
    fs::write(&suite, only.join("\n")).unwrap();
    let run = Run::command("canary", stage.folder(), &late);
    assert_eq!(run.exit, 0, "{}{}", run.out, run.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_shows_a_wrong_state_though_nothing_is_expected() {
    let states = [
        State::of(Phase::P2),
        State::of(Phase::P2),
        State::new(Root::New, &[Root::Old]),
    ];
    let stage = Stage::of(Kin::Strangers, &states).await;
    let run = Run::command(
        "canary",
        stage.folder(),
        &["--rounds", "2", "--every", "50ms"],
    );
    assert_eq!(run.exit, 1, "{}{}", run.out, run.err);
    let progress = &run.lines()[1]["progress"];
    assert_eq!(
        (&progress["wrong"], &progress["is_there"]),
        (&1.into(), &false.into())
    );
    assert!(
        progress["behind"][0]
            .as_str()
            .unwrap()
            .contains("SIGNED_TOO_EARLY")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_judges_the_rows_of_the_suite_by_the_bundle_of_the_suite() {
    // Clients with the old bundle refuse the new leaf, though reading a rotation takes both roots.
    let stage = Stage::of(Kin::Strangers, &[State::of(Phase::P2)]).await;
    let suite = stage.folder().join("probe.yaml");
    let mut text = fs::read_to_string(&suite).unwrap();
    text += "expect: [{ from: sa/w0, to: w0, verdict: OK }]\n";
    fs::write(
        &suite,
        text.replace("file: roots.pem", "file: old-root.pem"),
    )
    .unwrap();
    let run = Run::command("canary", stage.folder(), &["--rounds", "1"]);
    assert_eq!(run.exit, 1, "{}{}", run.out, run.err);
    let lines = run.lines();
    assert_eq!(
        (&lines[0]["broken"], &lines[0]["progress"]["phase"]),
        (&1.into(), &"P2".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_makes_no_phase_to_wait_for() {
    let stage = Stage::of(Kin::SameKey, &[State::of(Phase::P0)]).await;
    let flags = ["--until", "phase=P1", "--rounds", "1"];
    let run = Run::command("canary", stage.folder(), &flags);
    assert_eq!(run.exit, 2, "{}{}", run.out, run.err);
    assert!(
        run.err.contains("there is no phase to wait for"),
        "{}",
        run.err
    );
}

struct Run {
    exit: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(folder: &Path, arguments: &[&str]) -> Self {
        Self::command("rotation", folder, arguments)
    }

    fn command(name: &str, folder: &Path, arguments: &[&str]) -> Self {
        let output = Command::new(env!("CARGO_BIN_EXE_probe"))
            .current_dir(folder)
            .env_remove("PROBE_CONFIG")
            .arg(name)
            .args(arguments)
            .output()
            .unwrap();
        Self {
            exit: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }

    fn lines(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn phases(&self) -> Vec<String> {
        let json = self.json();
        let members = json["members"].as_array().unwrap();
        let phases = members
            .iter()
            .map(|one| one["phase"].as_str().unwrap_or("-").to_owned());
        phases.collect()
    }
}
