//! The README stays true: its tables, its suite and its matrix are those of the program.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::fs;
use std::path::Path;
use std::process::Command;

use mtls_probe::code::{Code, Kind};
use mtls_probe::exit::Exit;
use mtls_probe::plan::{FollowUp, Knock, plan};
use mtls_probe::suite::Suite;
use mtls_probe::target::{Dialect, StartTls};

#[test]
fn the_table_of_codes_is_the_one_of_the_program() {
    let codes = rows("Codes");
    let expected: Vec<String> = Code::ALL
        .iter()
        .map(|code| {
            let outcome = match code.kind() {
                Kind::Accepted => "accepted",
                Kind::Rejected => "rejected",
                Kind::Unreachable => "unreachable",
                Kind::Inconclusive => "inconclusive",
            };
            format!("| `{code}` | {outcome} | {} |", code.meaning())
        })
        .collect();
    assert_eq!(codes, expected);
}

#[test]
fn the_table_of_follow_ups_is_the_one_of_the_program() {
    let rows = rows("Follow-ups");
    let names: Vec<_> = rows
        .iter()
        .filter_map(|row| row.split('`').nth(1))
        .collect();
    assert_eq!(names, FollowUp::ALL.map(FollowUp::as_str));
    let section = section("Follow-ups");
    assert_eq!(FollowUp::MOST, 3);
    assert!(section.contains("**three connections more**"));
    let help = Command::new(env!("CARGO_BIN_EXE_probe"))
        .args(["run", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(section.contains("`--no-follow-ups`") && help.contains("--no-follow-ups"));
    let schema = fs::read_to_string(root().join("docs/result.schema.json")).unwrap();
    for field in ["follow_ups", "looks_like"] {
        assert!(section.contains(field), "{field}");
        assert!(schema.contains(&format!("\"{field}\"")), "{field}");
    }
}

#[test]
fn the_table_of_dialects_is_the_one_of_the_program() {
    let names = rows("Dialects");
    let names: Vec<_> = names
        .iter()
        .filter_map(|row| row.split('`').nth(1))
        .collect();
    assert_eq!(names, Dialect::ALL.map(Dialect::as_str));
    assert_eq!(Knock::MOST, 4);
    let section = section("Dialects");
    assert!(section.contains("**four connections**"));
    for protocol in StartTls::ALL {
        assert!(
            section.contains(&format!("`{}`", protocol.as_str()))
                || section.contains(&format!("starttls: {}", protocol.as_str()))
        );
    }
}

#[test]
fn the_table_of_exit_codes_is_whole() {
    let all = [
        Exit::Met,
        Exit::Broken,
        Exit::Usage,
        Exit::Unknown,
        Exit::Interrupted,
        Exit::Terminated,
    ];
    let readme = readme();
    for exit in all {
        assert!(
            readme.contains(&format!("\n| {} | ", exit.code())),
            "{exit:?}"
        );
    }
}

#[test]
fn the_suite_is_one_that_can_be_read() {
    let readme = readme();
    let yaml = readme
        .split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let suite = Suite::parse("README.md", Path::new(""), yaml).unwrap();
    let plan = plan(&[suite]).unwrap();
    assert_eq!(plan.cells.len(), 30);
    // Of two targets with an address each, one with two, and one with SRV records: three of each
    // identity, two of `none`.
    assert_eq!(plan.follow_ups(), 5 * (3 * 3 + 2));
}

#[test]
fn the_matrix_is_what_the_demo_prints() {
    let demo = Command::new(env!("CARGO_BIN_EXE_probe"))
        .arg("demo")
        .output()
        .unwrap();
    let printed = String::from_utf8(demo.stdout).unwrap();
    let readme = readme();
    let shown = readme
        .split("<!-- demo -->\n```text\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    for line in shown.lines() {
        assert!(printed.contains(line), "the demo does not print {line:?}");
    }
}

#[test]
fn every_file_it_points_at_is_there() {
    let readme = readme();
    let links = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.contains("://")) {
        assert!(root().join(link).exists(), "{link}");
    }
}

/// The rows of a section's table that begin with a name in code.
fn rows(title: &str) -> Vec<String> {
    let section = section(title);
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(str::to_owned).collect()
}

fn section(title: &str) -> String {
    let readme = readme();
    let begin = format!("\n## {title}\n");
    let rest = readme.split(&begin).nth(1).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
