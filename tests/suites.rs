//! Suite files: each valid one against the exact suite, each invalid one against the exact message.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and is steered by the environment"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mtls_probe::identity::Negative;
use mtls_probe::plan::plan;
use mtls_probe::suite::{Suite, SuiteError};

#[test]
fn a_valid_suite_reads_as_what_it_says() {
    let suites = files("testdata/suites/valid", "yaml");
    assert!(!suites.is_empty());
    for file in &suites {
        let suite = read(file).unwrap_or_else(|error| panic!("{error}"));
        hold(&file.with_extension("txt"), &format!("{suite:#?}\n"));
    }
    no_orphans("testdata/suites/valid", &suites);
}

#[test]
fn each_mistake_has_its_message() {
    let suites = files("testdata/suites/invalid", "yaml");
    assert!(suites.len() >= 35, "{} mistakes", suites.len());
    for file in &suites {
        let error = read(file).expect_err(&file.display().to_string());
        for line in error.to_string().lines() {
            assert!(
                !line.contains(|c: char| c.is_control()),
                "{file:?}: {line:?}"
            );
        }
        hold(&file.with_extension("txt"), &format!("{error}\n"));
    }
    no_orphans("testdata/suites/invalid", &suites);
}

#[test]
fn the_ready_made_suites_can_be_read_and_run_together() {
    let files = files("probes", "yaml");
    let suites = files.iter().map(|file| {
        let suite = read(file).unwrap_or_else(|error| panic!("{error}"));
        (file.file_stem().unwrap().to_owned(), suite)
    });
    // The demo brings a mesh of its own.
    let (_, suites): (Vec<_>, Vec<_>) = suites.filter(|(name, _)| name != "demo").unzip();
    let plan = plan(&suites).unwrap_or_else(|error| panic!("{error}"));
    for name in [
        "sa/frontend",
        "rogue",
        "impostor",
        "stale",
        "none",
        "plaintext",
    ] {
        assert!(
            plan.sources.iter().any(|source| source.as_str() == name),
            "{name}"
        );
    }
}

#[test]
fn the_examples_of_identities_can_be_read_and_planned() {
    let examples = files("docs/identities/examples", "yaml");
    assert!(examples.len() >= 5);
    for file in &examples {
        let suite = read(file).unwrap_or_else(|error| panic!("{error}"));
        let plan = plan(&[suite]).unwrap_or_else(|error| panic!("{error}"));
        assert!(!plan.cells.is_empty(), "{file:?}");
    }
    let page = fs::read_to_string("docs/identities.md").unwrap();
    let parts = page.split("```yaml\n").skip(1);
    let first = parts.map(|part| part.split("```").next().unwrap()).next();
    let suite = Suite::parse("README.md", Path::new(""), first.unwrap());
    let suite = suite.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(suite.sources.len(), 8);
    for file in examples {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(page.contains(&format!("examples/{name}")), "{name}");
    }
    for negative in Negative::ALL {
        assert!(page.contains(&format!("({negative})")), "{negative}");
    }
}

#[test]
fn a_fleet_is_read_in_a_moment() {
    let mut text = "version: 1\ntrust_domain: cluster.local\n".to_owned();
    text += "sources: { a: { files: { chain: a.pem, key: a.key } } }\ntargets:\n";
    let mut shared = text.clone() + "  first: &all { address: 'first:1', request: 'GET /' }\n";
    for n in 0..10_000 {
        let more = "dialect: istio, request: { http: \"GET /healthz\" }, timeout: 1s, attempts: 2";
        text += &format!("  t{n}: {{ address: [\"t{n}:1\", \"u{n}:1\"], id: sa/t{n}, {more} }}\n");
        shared += &format!("  t{n}: {{ <<: *all, address: 't{n}:1' }}\n");
    }
    for (text, targets) in [(text, 10_000), (shared, 10_001)] {
        let text = text + "expect:\n  - { from: '*', to: '*', verdict: OK }\n";
        let begun = Instant::now();
        let suite = Suite::parse("fleet", Path::new(""), &text).unwrap();
        assert_eq!(suite.targets.len(), targets);
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn a_huge_suite_is_an_error_and_no_hang() {
    let wide = format!("version: 1\ncrls: [{}]\n", "x,".repeat(3_000_000));
    let long = format!("version: 1\nnamespace: {}\n", "x".repeat(40_000_000));
    let names: String = (0..20_000)
        .map(|n| format!("  t{n}: {{ adress: 1 }}\n"))
        .collect();
    let wrong = format!("version: 1\ntargets:\n{names}");
    let deep = format!("version: 1\ncrls:{}", " [".repeat(100_000));
    let all = "  - { from: '*', to: '*', verdict: OK }\n".repeat(1001);
    let some = format!(
        "  - {{ from: none, to: ['*'{}], verdict: OK }}\n",
        ", 't*'".repeat(20_000)
    );
    let fleet: String = (0..2000)
        .map(|n| format!("  t{n}: {{ address: 'x:1' }}\n"))
        .collect();
    let fleet = format!("version: 1\nsources: {{ none: {{}} }}\ntargets:\n{fleet}expect:\n");
    let (all, some) = (format!("{fleet}{all}"), format!("{fleet}{some}"));
    for text in [wide, long, wrong, deep, all, some] {
        let begun = Instant::now();
        let error = Suite::parse("huge", Path::new(""), &text).unwrap_err();
        assert!(error.to_string().len() < 100_000);
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn a_damaged_suite_never_panics() {
    for file in files("testdata/suites/valid", "yaml") {
        let text = fs::read(&file).unwrap();
        for at in (0..text.len()).step_by(3) {
            let mut changed = text.clone();
            changed[at] = DAMAGE[at % DAMAGE.len()];
            for damaged in [&text[..at], &changed] {
                let damaged = String::from_utf8_lossy(damaged);
                let Err(error) = Suite::parse("damaged", Path::new(""), &damaged) else {
                    continue;
                };
                let places = error.mistakes().iter().map(|mistake| &mistake.place);
                assert!(places.clone().count() > 0);
                assert!(places.clone().all(|place| place.line > 0), "{error}");
            }
        }
    }
}

/// What means something to YAML, to a terminal or to nobody.
const DAMAGE: &[u8] = b"\0 \t\n\"'*&{}[]:,#-!|%@`\x1b\xff";

fn read(file: &Path) -> Result<Suite, SuiteError> {
    let name = file.file_name().unwrap().to_str().unwrap();
    let text = fs::read_to_string(file).unwrap();
    Suite::parse(name, Path::new("/etc/probes"), &text)
}

/// Compares with a golden file, or rewrites it.
fn hold(file: &Path, now: &str) {
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        fs::write(file, now).unwrap();
    }
    let then = fs::read_to_string(file)
        .unwrap_or_else(|_| panic!("{file:?} is missing; run with UPDATE_GOLDEN=1 and review it"));
    assert_eq!(then, now, "{file:?}");
}

fn no_orphans(folder: &str, suites: &[PathBuf]) {
    let wanted: BTreeSet<_> = suites
        .iter()
        .map(|file| file.with_extension("txt"))
        .collect();
    let found: BTreeSet<_> = files(folder, "txt").into_iter().collect();
    assert_eq!(found, wanted, "a golden file without its suite");
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths
}
