//! `probe whoami` and `probe doctor`, as people run them.
#![expect(clippy::unwrap_used, reason = "a test may fail so")]

mod stage;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jsonschema::Validator;
use mtls_probe::identity::{Authority, Leaf};
use mtls_probe::run::now;
use serde_json::Value;
use stage::{Done, command, probe};
use tempfile::TempDir;

#[test]
fn one_failing_source_does_not_hide_the_others() {
    let home = Home::new();
    let suite = home.suite(
        "  sa/gone: { files: { chain: nope.pem, key: nope.key } }\n  \
           sa/web: { files: { chain: web.pem, key: web.key } }\n  \
           sa/impostor: { files: { chain: web.pem, key: web.key } }\n  \
           rogue: { mint: { id: sa/web, ca: throwaway } }\n  none: {}\n",
    );
    let done = probe(&["whoami", &suite], &[]);
    assert_eq!(done.code(), 1, "{}", done.err);
    for words in [
        "✗ sa/gone",
        "nope.pem does not exist",
        "✓ sa/web  spiffe://cluster.local/ns/default/sa/web",
        "verifies, 59 min left",
        "issuer  CN=a CA of ours",
        "root    CN=a CA of ours",
        "does not verify: SAN_MISMATCH",
        "· rogue",
        "1 of 3 identities verify; 1 minted for a run; without one: none.",
    ] {
        assert!(done.out.contains(words), "no {words:?} in\n{}", done.out);
    }
    let done = probe(&["whoami", &suite], &["--format", "json"]);
    assert_eq!(done.code(), 1);
    let value = only(&done);
    keeps_to("whoami", &value);
    let codes = value["sources"].as_array().unwrap().iter();
    let codes: Vec<_> = codes
        .map(|who| who["identity"]["judgement"].as_str().unwrap_or("none"))
        .collect();
    assert_eq!(codes, ["none", "OK", "SAN_MISMATCH", "UNKNOWN_CA"]);
    assert!(!done.out.contains("PRIVATE"));
}

#[test]
fn it_is_green_where_all_verify_and_not_where_there_is_nothing() {
    let home = Home::new();
    let good = "  sa/web: { files: { chain: web.pem, key: web.key } }\n";
    let rogue = "  rogue: { mint: { id: sa/web, ca: throwaway } }\n";
    for (sources, exit) in [
        (format!("{good}{rogue}"), 0),
        ("  none: {}\n".to_owned(), 3),
        ("  sa/web: { files: {} }\n".to_owned(), 2),
    ] {
        let suite = home.suite(&sources);
        for command in ["whoami", "doctor"] {
            let done = probe(&[command, &suite], &[]);
            assert_eq!(
                done.code(),
                exit,
                "{command} {sources}{}{}",
                done.out,
                done.err
            );
        }
    }
    let suite = home.suite(good);
    let late = probe(&["whoami", &suite], &["--at", "+2h"]);
    assert_eq!(late.code(), 1);
    assert!(
        late.out.contains("CERT_EXPIRED, ended 60 min ago"),
        "{}",
        late.out
    );
    let other = probe(&["whoami", &suite], &["--from", "sa/other"]);
    assert_eq!(other.code(), 2);
    assert!(other.err.contains("which have sa/web"), "{}", other.err);
}

#[test]
fn an_identity_of_the_command_line_needs_no_suite() {
    let home = Home::new();
    let files = format!(
        "files: {{ chain: '{0}/web.pem', key: '{0}/web.key' }}",
        home.path()
    );
    let roots = format!("cluster.local={{ file: '{}/roots.pem' }}", home.path());
    let id = "spiffe://cluster.local/ns/default/sa/web";
    for command in ["whoami", "doctor"] {
        let flags = ["--identity", &files, "--bundle", &roots, "--from", id];
        let done = probe(&[command], &flags);
        assert_eq!(done.code(), 0, "{}{}", done.out, done.err);
        let done = probe(&[command], &["--identity", &files]);
        assert_eq!(done.code(), 1, "nobody vouches for it: {}", done.out);
        let flags = ["--identity", "files: { chian: a }", "--from", "sa/web"];
        let done = probe(
            &[command],
            &[&flags[..], &["--trust-domain", "cluster.local"]].concat(),
        );
        assert_eq!(done.code(), 2);
        let words = "command line, --identity:1:10: unknown key \"chian\"";
        assert!(done.err.contains(words), "{}", done.err);
    }
    let to = ["--to", "127.0.0.1:1", "--only", "--format", "json"];
    let done = probe(&["--identity", &files, "--bundle", &roots], &to);
    assert_eq!(done.code(), 1, "{}", done.err);
    assert_eq!(only(&done)["cells"][0]["from_id"], id);
}

#[test]
fn the_doctor_names_the_step_that_fails() {
    let home = Home::new();
    let suite = home.suite(
        "  sa/web: { files: { chain: web.pem, key: web.key } }\n  \
           agent: { workload_api: { socket: unix:///nowhere/agent.sock } }\n",
    );
    let done = probe(&["doctor", &suite], &["--format", "json"]);
    assert_eq!(done.code(), 1, "{}", done.err);
    let value = only(&done);
    keeps_to("doctor", &value);
    let states = |nth: usize| -> Vec<String> {
        let steps = value["sources"][nth]["steps"].as_array().unwrap().iter();
        let of = |step: &Value| {
            let text = |key: &str| step[key].as_str().unwrap().to_owned();
            format!("{} {}", text("step"), text("state"))
        };
        steps.map(of).collect()
    };
    assert_eq!(states(0), ["find ok", "identity ok", "verify ok"]);
    assert_eq!(
        states(1),
        [
            "connect failed",
            "request not_reached",
            "grant not_reached",
            "identity not_reached",
            "verify not_reached"
        ]
    );
    assert!(value["sources"][1]["steps"][0]["remedy"].is_string());
    let done = probe(&["doctor", &suite], &[]);
    for words in [
        "✗ connect",
        "· verify    not reached",
        "2 of 3 are as it should be.",
    ] {
        assert!(done.out.contains(words), "no {words:?} in\n{}", done.out);
    }
}

#[test]
fn where_the_agent_listens_may_come_from_the_environment_and_is_read_only_if_needed() {
    let home = Home::new();
    let files = home.suite("  sa/web: { files: { chain: web.pem, key: web.key } }\n");
    let run = |suite: &str, socket: &str| {
        let mut command = command();
        let command = command.args(["doctor", suite]);
        Done::of(
            command
                .env("SPIFFE_ENDPOINT_SOCKET", socket)
                .output()
                .unwrap(),
        )
    };
    assert_eq!(run(&files, "nonsense").code(), 0);
    let agent = home.suite("  agent: { workload_api: {} }\n");
    let done = run(&agent, "nonsense");
    assert_eq!(done.code(), 2);
    let words = "(SPIFFE_ENDPOINT_SOCKET) \"nonsense\" is no endpoint; write unix:///PATH";
    assert!(done.err.contains(words), "{}", done.err);
    let done = run(&agent, "unix:///nowhere/agent.sock");
    assert_eq!(done.code(), 1);
    let words = "the SPIFFE Workload API at unix:///nowhere/agent.sock";
    assert!(done.out.contains(words), "{}", done.out);
}

#[test]
fn whoever_watches_sees_a_rotation_a_failure_and_a_recovery() {
    let home = Home::new();
    let suite = home.suite("  sa/web: { files: { chain: web.pem, key: web.key } }\n");
    let mut child = command()
        .args(["whoami", &suite, "--watch", "--format", "ndjson"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = next(&mut lines);
    assert_eq!(first["event"], "first");
    assert_eq!(first["source"]["identity"]["judgement"], "OK");
    home.renew("web");
    let changed = next(&mut lines);
    assert_eq!(changed["event"], "changed");
    let serial = |event: &Value| event["source"]["identity"]["chain"][0]["serial"].clone();
    assert_ne!(serial(&first), serial(&changed));
    fs::rename(home.file("web.key"), home.file("away")).unwrap();
    let failed = next(&mut lines);
    assert_eq!(failed["event"], "failed");
    let what = failed["source"]["error"]["what"].as_str().unwrap();
    assert!(what.ends_with("web.key does not exist"), "{what}");
    fs::rename(home.file("away"), home.file("web.key")).unwrap();
    assert_eq!(next(&mut lines)["event"], "recovered");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn watching_ends_by_itself_where_asked_to() {
    let home = Home::new();
    let suite = home.suite("  sa/web: { files: { chain: web.pem, key: web.key } }\n");
    let done = probe(&["whoami", &suite], &["--watch", "--for", "300ms"]);
    assert_eq!(done.code(), 0, "{}{}", done.out, done.err);
    assert_eq!(done.out.lines().count(), 1, "nothing changed: {}", done.out);
    let words = "✓ sa/web is spiffe://cluster.local/ns/default/sa/web: verifies, 59 min left";
    assert!(done.out.contains(words), "{}", done.out);
    let gone = home.suite("  sa/web: { files: { chain: nope.pem, key: nope.key } }\n");
    let done = probe(&["whoami", &gone], &["--watch", "--for", "1s"]);
    assert_eq!(done.code(), 1);
    assert!(
        done.out.contains("✗ sa/web cannot be had: "),
        "{}",
        done.out
    );
}

/// A folder with a CA's root and an identity of it.
struct Home {
    folder: TempDir,
    ca: Authority,
    now: Timestamp,
}

impl Home {
    fn new() -> Self {
        let now = now();
        let home = Self {
            folder: TempDir::new().unwrap(),
            ca: Authority::throwaway("a CA of ours", now).unwrap(),
            now,
        };
        let root = home.ca.root().unwrap();
        fs::write(
            home.file("roots.pem"),
            pem::encode(&pem::Pem::new("CERTIFICATE", root.to_vec())),
        )
        .unwrap();
        home.renew("web");
        home
    }

    fn path(&self) -> String {
        self.folder.path().display().to_string()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Chain and key, replaced one after the other as writers do.
    fn renew(&self, name: &str) {
        let id = format!("spiffe://cluster.local/ns/default/sa/{name}");
        let at = |span| self.now.checked_add(span).unwrap();
        let (from, to) = (SignedDuration::from_mins(-5), SignedDuration::from_mins(60));
        let leaf = Leaf::svid(&id.parse().unwrap(), at(from), at(to));
        let minted = self.ca.issue(&leaf).unwrap();
        for (end, text) in [
            ("pem", minted.chain_pem()),
            ("key", minted.key_pem().to_string()),
        ] {
            let beside = self.file("part");
            fs::write(&beside, text).unwrap();
            fs::rename(&beside, self.file(&format!("{name}.{end}"))).unwrap();
        }
    }

    fn suite(&self, sources: &str) -> String {
        let text = format!(
            "version: 1\ntrust_domain: cluster.local\n\
             bundles: {{ cluster.local: {{ file: roots.pem }} }}\nsources:\n{sources}"
        );
        let path = self.file("probe.yaml");
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

fn only(done: &Done) -> Value {
    let mut values = done.values();
    assert_eq!(values.len(), 1, "{}", done.err);
    values.remove(0)
}

fn keeps_to(schema: &str, value: &Value) {
    let path = format!("docs/{schema}.schema.json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator: Validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.validate(value).is_ok(), "{value}");
}

fn next(lines: &mut std::io::Lines<BufReader<ChildStdout>>) -> Value {
    serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap()
}

fn interrupt(child: &Child) {
    // The handler is there as soon as something was told.
    std::thread::sleep(Duration::from_millis(50));
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
}
