//! The built binary: arguments in, exit code and stdout and stderr out.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jsonschema::Validator;
use mtls_probe::lab::FIRST_PORT;
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn the_demo_meets_every_expectation_and_is_quick() {
    let begun = Instant::now();
    let done = probe(&["demo", "--format", "json"]);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(done.code(), 0, "{}", done.err);
    let result = done.json();
    let totals = &result["totals"];
    assert_eq!(totals["broken"], 0);
    assert_eq!(totals["inconclusive"], 0);
    assert!(totals["met"].as_u64().unwrap() > 150, "{totals}");
    assert_eq!(done.err, "", "nothing on stderr when it is no terminal");
    schema().validate(&result).unwrap();
}

#[test]
fn the_demo_works_over_each_tls_version() {
    for version in ["1.2", "1.3"] {
        let result = probe(&["demo", "--format", "json", "--tls", version]).json();
        let cells = result["cells"].as_array().unwrap();
        let wrong: Vec<String> = cells
            .iter()
            .filter(|cell| cell["met"] == false)
            .map(|cell| format!("{} -> {}: {}", cell["from"], cell["to"], cell["code"]))
            .filter(|cell| !differs_by_version(cell, version))
            .collect();
        assert!(wrong.is_empty(), "TLS {version}: {wrong:#?}");
        let spoken = cells
            .iter()
            .filter_map(|cell| cell["tls"]["version"].as_str());
        assert!(spoken.clone().all(|spoken| spoken == version));
        assert!(spoken.count() > 100);
    }
}

/// The lab has one server for TLS 1.2 alone, and one whose only group is of TLS 1.3.
fn differs_by_version(cell: &str, version: &str) -> bool {
    let server = if version == "1.3" {
        "\"tls12-only\""
    } else {
        "\"no-shared-group\""
    };
    cell.contains(server) && cell.ends_with("\"PROTOCOL_VERSION\"")
}

#[test]
fn a_pair_is_told_in_depth_with_the_mode_of_its_target() {
    let lab = Lab::start();
    let suite = lab.suite();
    let done = probe(&[
        "--config",
        &suite,
        "--from",
        "sa/frontend",
        "--to",
        "healthy",
    ]);
    assert_eq!(done.code(), 0, "{}", done.err);
    for words in [
        "healthy accepted sa/frontend",
        "HTTP 200",
        "STRICT",
        "CLIENT_CERT_REQUIRED",
    ] {
        assert!(done.out.contains(words), "no {words:?} in {}", done.out);
    }
    let done = probe(&[
        "--config", &suite, "--from", "rogue", "--to", "healthy", "--expect", "OK",
    ]);
    assert_eq!(done.code(), 1);
    assert!(done.out.contains("healthy refused rogue"), "{}", done.out);
}

#[test]
fn a_pair_needs_no_suite() {
    let lab = Lab::start();
    let file = |name: &str| lab.file(name);
    let address = lab.address("healthy");
    let (cert, key, roots) = (
        file("frontend.pem"),
        file("frontend.key"),
        file("roots.pem"),
    );
    let flags = [
        "--cert", &cert, "--key", &key, "--bundle", &roots, "--to", &address,
    ];
    let done = probe(&[&flags[..], &["--id", "sa/healthy", "--request", "GET /"]].concat());
    assert_eq!(done.code(), 0, "{}{}", done.out, done.err);
    let done = probe(&[&flags[..], &["--id", "sa/somebody-else"]].concat());
    assert_eq!(done.code(), 1);
    assert!(done.out.contains("SAN_MISMATCH"), "{}", done.out);
    let done = probe(&[&flags[..], &["--only", "--format", "json", "--tls", "1.2"]].concat());
    let cells = done.json();
    assert_eq!(cells["cells"].as_array().unwrap().len(), 1);
    assert_eq!(cells["cells"][0]["tls"]["version"], "1.2");
}

#[test]
fn every_shipped_suite_runs_against_the_lab() {
    let lab = Lab::start();
    let probes = lab.folder.path().join("probes");
    fs::create_dir(&probes).unwrap();
    for entry in fs::read_dir(root().join("probes")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let here = probes.join(&name);
        // As shipped, but for the ports: the usual ones may be taken on this machine.
        fs::write(
            &here,
            lab.with_its_ports(&fs::read_to_string(&path).unwrap()),
        )
        .unwrap();
        let done = probe(&["run", &here.display().to_string(), "--format", "json"]);
        // One of them has no targets: it is for single probes.
        let expected = if name == "adhoc.yaml" { 3 } else { 0 };
        assert_eq!(done.code(), expected, "{name}: {}{}", done.err, done.out);
    }
    let done = probe(&["run", &probes.display().to_string(), "--format", "json"]);
    assert_eq!(done.code(), 0, "all at once: {}", done.err);
    let config = probes.join("adhoc.yaml").display().to_string();
    let healthy = lab.address("healthy");
    let pair = [
        "--config",
        &config,
        "--to",
        &healthy,
        "--id",
        "sa/healthy",
        "--from",
    ];
    assert_eq!(probe(&[&pair[..], &["sa/frontend"]].concat()).code(), 0);
    assert_eq!(probe(&[&pair[..], &["rogue"]].concat()).code(), 1);
}

#[test]
fn ndjson_has_a_line_for_each_cell_and_one_for_the_end() {
    let lab = Lab::start();
    let done = probe(&["run", &lab.suite(), "--format", "ndjson"]);
    let lines: Vec<Value> = done
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (end, cells) = lines.split_last().unwrap();
    assert_eq!(end["type"], "end");
    assert_eq!(end["totals"]["cells"], cells.len());
    assert!(cells.iter().all(|cell| cell["type"] == "cell"));
    let whole = probe(&["run", &lab.suite(), "--format", "json"]).json();
    let key = |cell: &Value| {
        let text = |name: &str| cell[name].as_str().unwrap_or_default().to_owned();
        [
            text("from"),
            text("to"),
            text("address"),
            text("code"),
            text("confidence"),
        ]
    };
    let mut streamed: Vec<_> = cells.iter().map(key).collect();
    let mut stored: Vec<_> = whole["cells"].as_array().unwrap().iter().map(key).collect();
    streamed.sort();
    stored.sort();
    assert_eq!(
        streamed, stored,
        "the stream says the same as the whole result"
    );
}

#[test]
fn two_runs_give_the_same_cells_in_the_same_order() {
    let lab = Lab::start();
    let first = probe(&["run", &lab.suite(), "--format", "json"]).json();
    let at = first["run"]["judged_at"].as_str().unwrap();
    let run = || {
        let mut result = probe(&["run", &lab.suite(), "--format", "json", "--at", at]).json();
        for cell in result["cells"].as_array_mut().unwrap() {
            cell["timing_ms"] = Value::Null;
            // How many have come when we leave is a matter of time.
            if let Some(tls) = cell["tls"].as_object_mut() {
                tls.remove("tickets");
            }
            // What it sends is random, and evidence quotes it.
            if cell["to"] == "garbage" {
                cell["evidence"] = Value::Null;
            }
            if let Some(http) = cell["http"].as_object_mut() {
                http.remove("clock_offset_s");
            }
        }
        result["cells"].take()
    };
    let (one, other) = (run(), run());
    for (one, other) in one
        .as_array()
        .unwrap()
        .iter()
        .zip(other.as_array().unwrap())
    {
        assert_eq!(one, other);
    }
}

#[test]
fn results_go_to_files_whole_and_to_stdout_at_once() {
    let lab = Lab::start();
    let file = lab.folder.path().join("result.json");
    let output = format!("json={}", file.display());
    let done = probe(&["run", &lab.suite(), "-o", &output, "--quiet"]);
    assert_eq!(done.code(), 0, "{}", done.err);
    assert!(done.out.contains("as expected"));
    let stored: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    schema().validate(&stored).unwrap();
    let beside: Vec<_> = fs::read_dir(lab.folder.path()).unwrap().collect();
    let is_part = |entry: &std::io::Result<fs::DirEntry>| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with(".part")
    };
    assert!(!beside.iter().any(is_part), "nothing is left behind");
}

#[test]
fn a_signal_ends_the_run_with_what_was_learned() {
    let lab = Lab::start();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        for format in ["json", "ndjson", "table"] {
            let child = command(&["run", &lab.suite(), "--rate", "20", "--format", format])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(1500));
            kill(signal, &child);
            let done = Done::of(child.wait_with_output().unwrap());
            assert_eq!(done.code(), code, "{signal} {format}: {}", done.err);
            match format {
                "json" => {
                    let result = done.json();
                    assert_eq!(result["run"]["interrupted"], true);
                    assert!(!result["cells"].as_array().unwrap().is_empty());
                    schema().validate(&result).unwrap();
                }
                "ndjson" => {
                    let end: Value =
                        serde_json::from_str(done.out.lines().last().unwrap()).unwrap();
                    assert_eq!(end["run"]["interrupted"], true);
                    assert!(done.out.lines().count() > 5);
                }
                _ => assert!(
                    done.out.to_lowercase().contains("interrupted"),
                    "{}",
                    done.out
                ),
            }
        }
    }
}

#[test]
fn exit_codes_say_what_happened() {
    let lab = Lab::start();
    let suite = lab.suite();
    let pair = |extra: &[&str]| {
        probe(
            &[
                &["--config", &suite, "--only", "--from", "sa/frontend"],
                extra,
            ]
            .concat(),
        )
        .code()
    };
    assert_eq!(pair(&["--to", "healthy"]), 0);
    assert_eq!(pair(&["--to", "expired-cert", "--expect", "OK"]), 1);
    assert_eq!(pair(&["--to", "expired-cert", "--expect", "DISTRUSTED"]), 0);
    assert_eq!(
        pair(&["--to", "closed-port", "--expect", "REJECTED"]),
        1,
        "nobody rejected us"
    );
    assert_eq!(
        pair(&["--to", "silent", "--expect", "OK"]),
        3,
        "nobody can tell"
    );
    assert_eq!(pair(&["--to", "nowhere"]), 2);
    assert_eq!(probe(&["run", "/does/not/exist.yaml"]).code(), 2);
    assert_eq!(probe(&["--help"]).code(), 0);
    assert_eq!(probe(&["--no-such-flag"]).code(), 2);
}

#[test]
fn mistakes_name_the_thing_the_place_and_the_way_out() {
    let lab = Lab::start();
    let suite = lab.suite();
    for (arguments, words) in [
        (
            vec!["run", "/does/not/exist.yaml"],
            "cannot read /does/not/exist.yaml",
        ),
        (
            vec!["--from", "x", "--to", "127.0.0.1:1"],
            "name one with --config",
        ),
        (
            vec!["--config", &suite, "--from", "sa/front", "--to", "healthy"],
            "it has sa/frontend, sa/batch",
        ),
        (
            vec!["--config", &suite, "--from", "none", "--to", "healty"],
            "which has healthy, permissive",
        ),
        (
            vec!["--from", "none", "--to", "https://api:443"],
            "is a URL; write HOST:PORT alone",
        ),
        (vec!["demo", "-o", "result.json"], "write FORMAT=FILE"),
        (
            vec!["demo", "-o", "jsn=result.json"],
            "did you mean \"json\"?",
        ),
        (vec!["demo", "--at", "soon"], "or an offset such as +12h"),
        (vec!["demo", "--timeout", "0s"], "more than nothing"),
        (vec!["demo", "--rate", "0"], "more than 0"),
        (
            vec!["verify", "--chain", "/nope.pem", "--bundle", "/nope.pem"],
            "/nope.pem does not exist",
        ),
        (vec!["inspect", "nowhere"], "and there is no such file"),
    ] {
        let done = probe(&arguments);
        assert_eq!(done.code(), 2, "{arguments:?}: {}", done.out);
        assert_eq!(done.out, "", "{arguments:?}");
        assert!(
            done.err.contains(words),
            "{arguments:?}: no {words:?} in {}",
            done.err
        );
    }
}

#[test]
fn a_plan_opens_no_connection() {
    let lab = Lab::start();
    let done = probe(&["plan", &lab.suite(), "--format", "json"]);
    assert_eq!(done.code(), 0, "{}", done.err);
    let plan = done.json();
    assert_eq!(plan["cells"].as_array().unwrap().len(), 182);
    let design = root()
        .join("testdata/suites/valid/design.yaml")
        .display()
        .to_string();
    let done = probe(&["plan", &design]);
    assert_eq!(done.code(), 0, "no file it names is needed: {}", done.err);
    assert!(done.out.contains("FROM"), "{}", done.out);
}

#[test]
fn a_plan_counts_the_follow_ups_that_may_come_on_top() {
    let suite = root().join("probes/strict-mtls.yaml").display().to_string();
    let plan = |extra: &[&str]| probe(&[&["plan", &suite], extra].concat());
    let json = plan(&["--format", "json"]).json();
    let cells = json["cells"].as_array().unwrap();
    let kinds = |cell: &Value| cell["follow_ups"].as_array().unwrap().len() as u64;
    for cell in cells {
        let most = match cell["from"].as_str().unwrap() {
            // There is no certificate to compare with, and none of TLS.
            "none" => 2,
            "plaintext" => 0,
            _ => 4,
        };
        assert_eq!(kinds(cell), most, "{cell}");
    }
    // Never all of them.
    let sum: u64 = cells.iter().map(|cell| kinds(cell).min(3)).sum();
    assert_eq!(json["follow_ups"], sum);
    assert!(sum > 10, "{json}");
    let words = format!("{sum} follow-ups at the most");
    let table = plan(&[]).out;
    assert!(table.contains(&words), "no {words:?} in {table}");
    assert!(!plan(&["--no-follow-ups"]).out.contains("follow-up"));
    let json = plan(&["--no-follow-ups", "--format", "json"]).json();
    assert_eq!(json["follow_ups"], 0);
}

#[test]
fn follow_ups_are_shown_and_can_be_switched_off() {
    let lab = Lab::start();
    let suite = lab.suite();
    let pair = [
        "--config",
        &suite,
        "--only",
        "--from",
        "sa/frontend",
        "--to",
        "resets",
    ];
    let with = |extra: &[&str]| probe(&[&pair[..], extra].concat());
    let told = with(&[]).out;
    let alpn = "offering the ALPN of an Istio sidecar";
    for words in ["follow-ups", alpn, "over the other TLS version"] {
        assert!(told.contains(words), "no {words:?} in {told}");
    }
    assert!(!with(&["--no-follow-ups"]).out.contains("follow-up"));
    let cell = |extra: &[&str]| {
        let json = with(&[&["--format", "json"], extra].concat()).json();
        schema().validate(&json).unwrap();
        json["cells"][0].clone()
    };
    let followed = cell(&[]);
    let kinds = ["mesh_alpn", "other_version"];
    for (nth, kind) in kinds.into_iter().enumerate() {
        assert_eq!(followed["follow_ups"][nth]["as"], kind, "{followed}");
    }
    assert_eq!(
        followed["attempts"]["total"], 1,
        "follow-ups are no attempts"
    );
    assert_eq!(cell(&["--no-follow-ups"])["follow_ups"], Value::Null);
    // By the key of a suite as well.
    let text = fs::read_to_string(&suite).unwrap();
    let off = text.replace("defaults: {", "defaults: { follow_ups: false,");
    assert_ne!(text, off);
    fs::write(&suite, off).unwrap();
    assert_eq!(cell(&[])["follow_ups"], Value::Null);
    assert_eq!(
        probe(&["plan", &suite, "--format", "json"]).json()["follow_ups"],
        0
    );
}

#[test]
fn a_pair_names_the_tls_library_that_the_target_looks_like() {
    let lab = Lab::start();
    let suite = lab.suite();
    let pair = [
        "--config",
        &suite,
        "--only",
        "--from",
        "sa/frontend",
        "--to",
        "healthy",
    ];
    let told = probe(&pair).out;
    assert!(told.contains("looks like rustls"), "{told}");
    let json = probe(&[&pair[..], &["--format", "json"]].concat()).json();
    assert_eq!(json["cells"][0]["tls"]["looks_like"][0], "rustls");
}

#[test]
fn colours_are_for_terminals_and_for_those_who_insist() {
    let escape = |done: &Done| done.out.contains('\u{1b}');
    let lab = Lab::start();
    let pair = [
        "--config",
        &lab.suite(),
        "--from",
        "none",
        "--to",
        "healthy",
    ];
    assert!(!escape(&probe(&pair)));
    assert!(escape(&probe(
        &[&pair[..], &["--color", "always"]].concat()
    )));
    assert!(!escape(&probe(
        &[&pair[..], &["--color", "never"]].concat()
    )));
}

#[test]
fn completions_and_the_man_page_come_with_the_binary() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            probe(&["completions", shell]).out.contains("trust-domain"),
            "{shell}"
        );
    }
    assert!(probe(&["man"]).out.contains(".TH probe"));
}

/// The lab as its own process, in a folder of its own.
struct Lab {
    child: Child,
    /// Kept open: the lab may go on talking.
    _said: BufReader<ChildStdout>,
    folder: TempDir,
    addresses: Vec<(String, String)>,
}

impl Lab {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("lab").display().to_string();
        let mut child = command(&["lab", "--port", "0", "--dir", &dir])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let addresses = said
            .by_ref()
            .lines()
            .map(Result::unwrap)
            .take_while(|line| !line.is_empty())
            .flat_map(|line| {
                let mut words = line.split_whitespace().map(str::to_owned);
                let target = words.next().unwrap();
                words
                    .map(move |address| (target.clone(), address))
                    .collect::<Vec<_>>()
            })
            .collect();
        Self {
            child,
            _said: said,
            folder,
            addresses,
        }
    }

    fn suite(&self) -> String {
        self.file("probe.yaml")
    }

    fn file(&self, name: &str) -> String {
        self.folder
            .path()
            .join("lab")
            .join(name)
            .display()
            .to_string()
    }

    /// A shipped suite with the ports of this lab in the place of the usual ones.
    fn with_its_ports(&self, suite: &str) -> String {
        let mut parts = suite.split("127.0.0.1:");
        let mut text = parts.next().unwrap().to_owned();
        for part in parts {
            let (port, rest) = part.split_at(5);
            let nth = port.parse::<usize>().unwrap() - usize::from(FIRST_PORT);
            text.push_str(&self.addresses.get(nth).unwrap().1);
            text.push_str(rest);
        }
        text
    }

    fn address(&self, target: &str) -> String {
        let found = self.addresses.iter().find(|(name, _)| name == target);
        found.unwrap().1.clone()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Done {
    output: Output,
    out: String,
    err: String,
}

impl Done {
    fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            out: text(&output.stdout),
            err: text(&output.stderr),
            output,
        }
    }

    fn code(&self) -> i32 {
        self.output.status.code().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|err| panic!("{err}: {}{}", self.out, self.err))
    }
}

fn probe(arguments: &[&str]) -> Done {
    Done::of(command(arguments).output().unwrap())
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
    command
        .args(arguments)
        // Without suites that it could find by itself.
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .env_remove("PROBE_CONFIG")
        .env_remove("NO_COLOR");
    command
}

fn kill(signal: &str, child: &Child) {
    let done = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(done.success());
}

fn schema() -> Validator {
    let mut text = String::new();
    let path = root().join("docs/result.schema.json");
    fs::File::open(path)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
