//! `probe explain`, by the built binary.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::fs;
use std::process::Command;

use mtls_probe::code::{By, Code};
use mtls_probe::report::explain;
use serde_json::Value;

#[test]
fn every_code_is_listed_and_explained_however_it_is_written() {
    let list = probe(&["explain"]);
    assert_eq!((list.code, list.err.as_str()), (0, ""));
    let names: Vec<&str> = explain::topics().map(|topic| topic.code).collect();
    assert!(names.len() > 60, "{names:?}");
    for name in ["UNKNOWN_CA", "FLAKY", "WILL_BREAK", "MISSED_TRUST"] {
        assert!(names.contains(&name), "{name}");
        assert!(list.out.contains(&format!("\n  {name} ")), "{name}");
        for name in [name.to_owned(), name.to_lowercase(), name.replace('_', "-")] {
            let done = probe(&["explain", &name]);
            assert_eq!((done.code, done.err.as_str()), (0, ""));
            let title = name.to_uppercase().replace('-', "_");
            assert!(done.out.starts_with(&title), "{}", done.out);
            assert!(done.out.contains("Fix: "), "{}", done.out);
            assert!(!done.out.contains('\u{1b}'), "a pipe gets plain text");
        }
    }
}

#[test]
fn an_unknown_code_is_an_error_with_a_way_out() {
    for (name, want) in [
        ("UNKNOWN_CAA", "did you mean UNKNOWN_CA?"),
        ("expired", "did you mean CERT_EXPIRED?"),
        ("\u{1b}[2J", "`probe explain` lists them all"),
    ] {
        let done = probe(&["explain", name]);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{name}");
        assert!(done.err.contains(want), "{}", done.err);
        assert!(!done.err.contains('\u{1b}'), "{}", done.err);
    }
    let done = probe(&["explain", "OK", "--format", "junit"]);
    assert_eq!(done.code, 2, "{}", done.out);
}

#[test]
fn the_json_keeps_to_its_schema_and_holds_both_ends() {
    let schema: Value = serde_json::from_str(include_str!("../docs/explain.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for arguments in [&["explain"][..], &["explain", "unknown_ca"]] {
        let done = probe(&[arguments, &["--format", "json"]].concat());
        let value: Value = serde_json::from_str(&done.out).unwrap();
        schema.validate(&value).unwrap();
        assert_eq!(value["schema"], explain::SCHEMA);
        let codes = value["codes"].as_array().unwrap();
        let ca = codes
            .iter()
            .find(|one| one["code"] == "UNKNOWN_CA")
            .unwrap();
        assert_eq!(ca["pages"][0]["by"], "peer");
        assert_eq!(ca["pages"][1]["by"], "probe");
        let page = explain::page(Code::UnknownCa, Some(By::Probe));
        assert_eq!(ca["pages"][1]["meaning"], page.meaning);
        let causes = ca["pages"][0]["causes"].as_array().unwrap();
        assert!(
            causes
                .iter()
                .all(|cause| cause["confirm"][0]["run"].is_string())
        );
    }
}

#[test]
fn the_reference_is_what_the_program_writes() {
    let done = probe(&["explain", "--format", "markdown"]);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/codes.md");
    assert!(
        fs::read_to_string(path).unwrap() == done.out,
        "docs/codes.md is not current"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.md");
    let to = format!("markdown={}", file.display());
    let done = probe(&["explain", "flaky", "-o", &to]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(fs::read_to_string(file).unwrap().starts_with("## FLAKY\n"));
}

struct Done {
    code: i32,
    out: String,
    err: String,
}

fn probe(arguments: &[&str]) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
    let done = command.args(arguments).output().unwrap();
    Done {
        code: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}
