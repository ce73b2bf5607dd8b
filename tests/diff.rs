//! `probe diff` as it is used: runs against real servers stored, something changed, and compared.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::fs;
use std::path::Path;
use std::process::Command;

use mtls_probe::lab::{Lab, Options};
use mtls_probe::run::now;
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn two_runs_of_one_mesh_differ_in_nothing_that_matters() {
    let folder = TempDir::new().unwrap();
    for name in ["one", "other"] {
        let run = probe(folder.path(), &["demo", "-o", &format!("json={name}.json")]);
        assert_eq!(run.code, 0, "{}", run.err);
    }
    // Each demo has its own CA, and its own ports.
    let done = probe(
        folder.path(),
        &["diff", "one.json", "other.json", "--format", "json"],
    );
    assert_eq!(done.code, 0, "{}", done.out);
    let totals = &done.json()["totals"];
    for of in [
        "regressions",
        "vanished",
        "improvements",
        "new",
        "facts_worse",
    ] {
        assert_eq!(totals[of], 0, "{of}: {}", done.out);
    }
    assert!(totals["compared"].as_u64().unwrap() > 150);
    let same = probe(folder.path(), &["diff", "one.json", "one.json"]);
    assert_eq!(same.code, 0);
    assert!(same.out.starts_with("Nothing changed\n"), "{}", same.out);
}

#[test]
fn an_identity_from_another_root_is_one_cause_at_many_targets() {
    let mesh = Mesh::start();
    mesh.run("before.json", 0);
    // The CA is swapped without an overlap: the client has a certificate that nobody trusts.
    for end in ["pem", "key"] {
        fs::copy(
            mesh.at(&format!("old-root.{end}")),
            mesh.at(&format!("frontend.{end}")),
        )
        .unwrap();
    }
    mesh.run("after.json", 1);
    let done = mesh.probe(&[
        "diff",
        "before.json",
        "after.json",
        "-o",
        "json=diff.json",
        "-o",
        "markdown=comment.md",
    ]);
    assert_eq!(done.code, 1, "{}", done.out);
    assert!(done.out.starts_with("Worse than before\n"), "{}", done.out);
    let diff: Value =
        serde_json::from_str(&fs::read_to_string(mesh.at("diff.json")).unwrap()).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../docs/diff.schema.json")).unwrap();
    jsonschema::validator_for(&schema)
        .unwrap()
        .validate(&diff)
        .unwrap();
    let groups = diff["groups"].as_array().unwrap();
    let worse: Vec<_> = groups
        .iter()
        .filter(|group| group["class"] == "regression")
        .collect();
    assert_eq!(worse.len(), 1, "{worse:#?}");
    let group = worse[0];
    assert_eq!(group["why"], "broken");
    assert_eq!(group["after"]["code"], "UNKNOWN_CA");
    assert_eq!(group["after"]["by"], "peer");
    assert_eq!(group["targets"].as_array().unwrap().len(), 3);
    assert_eq!(group["in_common"]["ca_hints"].as_array().unwrap().len(), 1);
    assert!(group["in_common"]["server_root"]["spki_sha256"].is_string());
    let comment = fs::read_to_string(mesh.at("comment.md")).unwrap();
    assert!(comment.starts_with("### Worse than before\n"), "{comment}");
    // The way back is an improvement.
    let back = mesh.probe(&["diff", "after.json", "before.json"]);
    assert_eq!(back.code, 0, "{}", back.out);
    assert!(
        back.out.contains("the first result is the younger one"),
        "{}",
        back.out
    );
    // Who came with what is in the result.
    let after: Value =
        serde_json::from_str(&fs::read_to_string(mesh.at("after.json")).unwrap()).unwrap();
    let before: Value =
        serde_json::from_str(&fs::read_to_string(mesh.at("before.json")).unwrap()).unwrap();
    let root = |result: &Value| {
        result["sources"][0]["root"]["spki_sha256"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(before["sources"][0]["name"], "sa/frontend");
    assert!(
        root(&before).is_some() && root(&after).is_none(),
        "our bundle does not hold it"
    );
    assert_ne!(before["sources"][0]["chain"], after["sources"][0]["chain"]);
}

#[test]
fn what_will_break_is_told_of_a_stored_result_and_of_a_run_that_looks_ahead() {
    let mesh = Mesh::start();
    mesh.run("result.json", 0);
    let soon = mesh.probe(&["outlook", "result.json"]);
    assert_eq!(soon.code, 0, "{}", soon.out);
    assert!(
        soon.out.starts_with("Nothing will break by then\n"),
        "{}",
        soon.out
    );
    // The lab's certificates live for a month.
    let late = mesh.probe(&[
        "outlook",
        "result.json",
        "--at",
        "+960h",
        "--format",
        "json",
    ]);
    assert_eq!(late.code, 1, "{}", late.out);
    let outlook = late.json();
    let schema: Value = serde_json::from_str(include_str!("../docs/outlook.schema.json")).unwrap();
    jsonschema::validator_for(&schema)
        .unwrap()
        .validate(&outlook)
        .unwrap();
    assert_eq!(outlook["totals"]["breaking"], 3);
    let ahead = mesh.probe(&["run", "suite.yaml", "--at", "+960h", "--format", "json"]);
    let findings = &ahead.json()["findings"];
    let codes = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["code"]);
    assert!(
        codes.clone().any(|code| code == "WILL_BREAK"),
        "{findings:#}"
    );
    let again = mesh.probe(&["outlook", "missing.json"]);
    assert_eq!(again.code, 2, "{}", again.err);
}

#[test]
fn results_of_older_versions_are_compared() {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/results");
    let done = probe(&results, &["diff", "v1-golden.json", "v1-golden.json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let done = probe(&results, &["diff", "v1-golden.json", "v1-pair.json"]);
    assert_eq!(done.code, 1, "nearly all of it has vanished");
}

#[test]
fn what_cannot_be_compared_says_why() {
    let folder = TempDir::new().unwrap();
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/results");
    let good = fs::read_to_string(results.join("v1-pair.json")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("good.json", &good);
    write("cut.json", &good[..good.len() / 2]);
    write("newer.json", &good.replacen("result/v1", "result/v2", 1));
    write("suite.yaml", "version: 1\n");
    write("other.json", "{\"schema\": \"mtls-probe/plan/v1\"}");
    write("steering.json", "{\"schema\": \"\\u001b[2J\"}");
    let mut empty: Value = serde_json::from_str(&good).unwrap();
    empty["cells"] = Value::Array(vec![]);
    write("empty.json", &empty.to_string());
    for (arguments, code, want) in [
        (
            &["missing.json", "good.json"][..],
            2,
            "cannot read missing.json: ",
        ),
        (
            &[".", "good.json"],
            2,
            ". is a folder; name the file that -o json=FILE wrote",
        ),
        (
            &["good.json", "cut.json"],
            2,
            "cut.json ends in the middle, at line ",
        ),
        (
            &["good.json", "newer.json"],
            2,
            "newer.json is in the format \"mtls-probe/result/v2\"",
        ),
        (
            &["suite.yaml", "good.json"],
            2,
            "suite.yaml is not JSON at line 1, column 1",
        ),
        (
            &["other.json", "good.json"],
            2,
            "other.json holds \"mtls-probe/plan/v1\"",
        ),
        (
            &["steering.json", "good.json"],
            2,
            "steering.json holds \"\\u{1b}[2J\"",
        ),
        (&["good.json"], 2, "<AFTER>"),
        (
            &["good.json", "good.json", "--format", "ndjson"],
            2,
            "there is no format \"ndjson\"; did you mean \"json\"?",
        ),
        (
            &["good.json", "good.json", "-o", "pdf=x"],
            2,
            "there is no format \"pdf\"; write one of table, json, markdown",
        ),
        (&["empty.json", "empty.json"], 3, ""),
        (&["good.json", "empty.json"], 1, ""),
    ] {
        let all = [&["diff"], arguments].concat();
        let done = probe(folder.path(), &all);
        assert_eq!(done.code, code, "{arguments:?}: {}{}", done.out, done.err);
        assert!(done.err.contains(want), "{}\nis not\n{want}", done.err);
        assert!(!done.err.contains('\u{1b}'));
    }
}

/// A lab, and a suite of three of its servers.
struct Mesh {
    folder: TempDir,
    _lab: Lab,
    _runtime: tokio::runtime::Runtime,
}

impl Mesh {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let lab = runtime
            .block_on(Lab::start(now(), Options::default()))
            .unwrap();
        let folder = TempDir::new().unwrap();
        let files = lab.write_scratch().unwrap();
        for entry in fs::read_dir(files.folder()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let targets = ["healthy", "permissive", "tls12-only"].map(|name| {
            let addresses = lab.addresses(name);
            let address = addresses.first().unwrap();
            format!("  {name}: {{ address: '{address}', id: sa/{name}, request: GET / }}\n")
        });
        let suite = format!(
            "version: 1\ntrust_domain: cluster.local\nbundles: {{ cluster.local: {{ file: roots.pem }} }}\n\
             sources:\n  sa/frontend: {{ id: sa/frontend, files: {{ chain: frontend.pem, key: frontend.key }} }}\n  none: {{}}\n\
             targets:\n{}expect:\n  - {{ from: sa/frontend, to: '*', verdict: OK }}\n",
            targets.concat()
        );
        fs::write(folder.path().join("suite.yaml"), suite).unwrap();
        Self {
            folder,
            _lab: lab,
            _runtime: runtime,
        }
    }

    fn run(&self, result: &str, code: i32) {
        let done = self.probe(&["run", "suite.yaml", "-o", &format!("json={result}")]);
        assert_eq!(done.code, code, "{}{}", done.out, done.err);
    }

    fn probe(&self, arguments: &[&str]) -> Done {
        probe(self.folder.path(), arguments)
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

fn probe(folder: &Path, arguments: &[&str]) -> Done {
    let done = Command::new(env!("CARGO_BIN_EXE_probe"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("PROBE_CONFIG")
        .output()
        .unwrap();
    Done {
        code: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}
