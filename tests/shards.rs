//! `probe run --shard` and `probe report` of all shards, as an indexed Job uses them: against the lab, with
//! the built binary.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mtls_probe::lab::{Lab, Options, Scratch};
use mtls_probe::run::now;
use serde_json::Value;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn three_shards_joined_are_the_whole_run() {
    let stage = Stage::new().await;
    let whole = stage.run(&["-o", "json=whole.json"]).await;
    assert_eq!(whole.code, 0, "{}", whole.err);
    for index in 0..3 {
        let done = stage
            .run(&[
                "--shard",
                &format!("{index}/3"),
                "-o",
                &format!("json=shards/{index}.json"),
            ])
            .await;
        assert_eq!(done.code, 0, "{}", done.err);
    }
    let sizes: Vec<usize> = (0..3)
        .map(|index| {
            stage.json(&format!("shards/{index}.json"))["cells"]
                .as_array()
                .unwrap()
                .len()
        })
        .collect();
    assert!(
        sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 7,
        "{sizes:?}"
    );

    let done = probe(
        stage.folder.path(),
        &["report", "shards", "-o", "json=joined.json"],
    )
    .await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let (whole, joined) = (stage.json("whole.json"), stage.json("joined.json"));
    assert_eq!(whole["totals"], joined["totals"]);
    assert_eq!(joined["run"].get("shard"), None);
    for key in [
        "from",
        "to",
        "address",
        "code",
        "by",
        "confidence",
        "expected",
        "met",
    ] {
        assert_eq!(
            each(&whole["cells"], key),
            each(&joined["cells"], key),
            "{key}"
        );
    }
    for key in ["name", "mode", "addresses", "evidence"] {
        assert_eq!(
            each(&whole["targets"], key),
            each(&joined["targets"], key),
            "{key}"
        );
    }
    let findings = |of: &Value| {
        let both = ["code", "about", "message"].map(|key| each(&of["findings"], key));
        let [codes, abouts, messages] = both;
        // How long something still lasts depends on when one asks.
        let all = codes.into_iter().zip(abouts).zip(messages);
        all.map(|((code, about), _)| format!("{code} {about}"))
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(findings(&whole), findings(&joined));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_names_the_shard_and_a_plan_shows_it() {
    let stage = Stage::new().await;
    let suite = stage.scratch.suite().display().to_string();
    let mut command = command(stage.folder.path(), &["plan", &suite, "--format", "json"]);
    let said = command.env("PROBE_SHARD", "1/3").output().unwrap();
    let plan: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(plan["shard"], "1/3");
    let done = probe(stage.folder.path(), &["plan", &suite, "--shard", "1/3"]).await;
    assert!(
        done.out
            .contains("\nthis is shard 1/3; the others have the rest\n"),
        "{}",
        done.out
    );
    let gateway = [
        "run",
        &suite,
        "--shard",
        "1/3",
        "--push",
        "http://127.0.0.1:1",
    ];
    let done = probe(stage.folder.path(), &gateway).await;
    let words = "--push of shard 1/3 would take the place of the other shards' metrics";
    assert!(done.code == 2 && done.err.contains(words), "{}", done.err);
    for (shard, words) in [
        ("3/3", "\"3/3\" is no shard; write INDEX/TOTAL"),
        (
            "0/99",
            "there is no shard 0/99: the suites name 25 servers, ",
        ),
    ] {
        let done = probe(stage.folder.path(), &["plan", &suite, "--shard", shard]).await;
        assert_eq!(done.code, 2);
        assert!(done.err.contains(words), "{}", done.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_waited_for_and_never_green() {
    let stage = Stage::new().await;
    let store = |index: u32| format!("json=shards/{index}.json");
    stage.run(&["--shard", "0/2", "-o", &store(0)]).await;
    let folder = stage.folder.path();
    let done = probe(folder, &["report", "shards"]).await;
    assert_eq!(done.code, 3, "{}", done.out);
    assert!(done.out.contains("SHARDS_MISSING"), "{}", done.out);
    // Alone it is what it is.
    let done = probe(folder, &["report", "shards/0.json"]).await;
    assert_eq!(done.code, 0, "{}", done.out);

    let begun = Instant::now();
    let done = probe(folder, &["report", "shards", "--wait", "1s"]).await;
    assert_eq!(done.code, 3, "{}", done.out);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let mut waiting = command(folder, &["report", "shards", "--wait", "1m"]);
    let waiting = waiting.stdout(Stdio::piped()).spawn().unwrap();
    stage.run(&["--shard", "1/2", "-o", &store(1)]).await;
    let done = waiting.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(0));

    fs::copy(
        folder.join("shards/1.json"),
        folder.join("shards/again.json"),
    )
    .unwrap();
    let done = probe(folder, &["report", "shards"]).await;
    assert_eq!(done.code, 2);
    let words = "error: shard 1/2 is there twice, as shards/1.json and as shards/again.json; leave out the older one\n";
    assert_eq!(done.err, words);
    let done = probe(folder, &["report", "."]).await;
    assert_eq!(
        (
            done.code,
            done.err.contains("there is no result (*.json) in .")
        ),
        (2, true)
    );
}

// Set-up.

struct Stage {
    _lab: Lab,
    scratch: Scratch,
    folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        let lab = Lab::start(now(), Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("shards")).unwrap();
        Self {
            scratch: lab.write_scratch().unwrap(),
            _lab: lab,
            folder,
        }
    }

    async fn run(&self, flags: &[&str]) -> Done {
        let suite = self.scratch.suite().display().to_string();
        let arguments = [&["run", suite.as_str()], flags].concat();
        probe(self.folder.path(), &arguments).await
    }

    fn json(&self, name: &str) -> Value {
        let text = fs::read(self.folder.path().join(name)).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

struct Done {
    code: i32,
    out: String,
    err: String,
}

async fn probe(folder: &Path, arguments: &[&str]) -> Done {
    let mut command = command(folder, arguments);
    let done = tokio::task::spawn_blocking(move || command.output().unwrap());
    let done = done.await.unwrap();
    Done {
        code: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
    command.args(arguments).current_dir(folder);
    for name in ["PROBE_CONFIG", "PROBE_SHARD"] {
        command.env_remove(name);
    }
    command
}

fn each(list: &Value, key: &str) -> Vec<Value> {
    let list = list.as_array().unwrap();
    list.iter().map(|one| one[key].clone()).collect()
}
