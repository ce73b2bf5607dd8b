//! Tables, the suite and the matrix are those of the program.

use std::fs;
use std::path::Path;
use std::process::Command;

use mtls_probe::code::Code;
use mtls_probe::exit::Exit;
use mtls_probe::plan::{FollowUp, Knock, plan};
use mtls_probe::report::explain::topic;
use mtls_probe::suite::Suite;
use mtls_probe::target::{Dialect, StartTls};

use crate::pages::root;

#[test]
fn the_table_of_codes_is_the_one_of_the_program() {
    let wanted = Code::ALL.iter().map(|code| {
        let anchor = code.as_str().to_lowercase();
        let outcome = topic(*code).family.as_str();
        let meaning = code.meaning();
        format!("| [`{code}`](docs/codes.md#{anchor}) | {outcome} | {meaning} |")
    });
    let section = section("README.md", "Codes");
    let rows = section.lines().filter(|line| line.starts_with("| [`"));
    assert!(rows.eq(wanted), "{section}");
}

#[test]
fn the_table_of_follow_ups_is_the_one_of_the_program() {
    let rows = rows(VERDICTS, "Follow-ups");
    let names: Vec<_> = rows
        .iter()
        .filter_map(|row| row.split('`').nth(1))
        .collect();
    assert_eq!(names, FollowUp::ALL.map(FollowUp::as_str));
    let section = section(VERDICTS, "Follow-ups");
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
    let names = rows("docs/dialects.md", "How to come");
    let names: Vec<_> = names
        .iter()
        .filter_map(|row| row.split('`').nth(1))
        .collect();
    assert_eq!(names, Dialect::ALL.map(Dialect::as_str));
    assert_eq!(Knock::MOST, 4);
    let section = page("docs/dialects.md");
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
    let section = section(REFERENCE, "Exit codes");
    for exit in all {
        assert!(
            section.contains(&format!("\n| {} | ", exit.code())),
            "{exit:?}"
        );
    }
}

#[test]
fn the_suite_is_one_that_can_be_read() {
    let page = page("docs/suites.md");
    let yaml = page.split("```yaml\n").nth(1).unwrap();
    let yaml = yaml.split("```").next().unwrap();
    let suite = Suite::parse("suites.md", Path::new(""), yaml).unwrap();
    let plan = plan(&[suite]).unwrap();
    assert_eq!(plan.cells.len(), 30);
    // Of two targets with an address each, one with two, and one with SRV records: three of each
    // identity, two of `none`.
    assert_eq!(plan.follow_ups(), 5 * (3 * 3 + 2));
}

/// A key that nobody knows is answered with all that are known.
#[test]
fn the_tables_of_keys_are_those_of_the_program() {
    let sources = "sources: { a: { mint: { id: sa/a, ca: throwaway } } }";
    let target = "targets: { t: { address: \"t:1\" } }";
    for (title, suite) in [
        ("The suite", "version: 1\nXXXXXXXXXXXX: 1".to_owned()),
        (
            "A target",
            "version: 1\ntargets: { t: { address: \"t:1\", XXXXXXXXXXXX: 1 } }".to_owned(),
        ),
        (
            "A source",
            "version: 1\ntrust_domain: a.example\nsources: { a: { mint: { id: sa/a, ca: throwaway, XXXXXXXXXXXX: 1 } } }"
                .to_owned(),
        ),
        (
            "An expectation",
            format!(
                "version: 1\ntrust_domain: a.example\n{sources}\n{target}\nexpect: [{{ from: a, to: t, verdict: OK, XXXXXXXXXXXX: 1 }}]"
            ),
        ),
    ] {
        let error = Suite::parse("a.yaml", Path::new(""), &suite).unwrap_err();
        let error = error.to_string();
        let known = error.split("; write ").nth(1).unwrap_or_else(|| panic!("{error}"));
        let known = known.lines().next().unwrap().replace(" or ", ", ");
        let mut known: Vec<String> = known.split(", ").map(str::to_owned).collect();
        // Of many the last are only counted.
        let mut left_out = 0;
        if let Some((name, more)) = known.last().and_then(|last| last.split_once(" and ")) {
            left_out = more.split(' ').next().unwrap().parse().unwrap();
            let name = name.to_owned();
            known.pop();
            known.push(name);
        }
        let table = rows("docs/suites.md", title);
        let keys = table.iter().map(|row| row.split(" | ").next().unwrap());
        let keys = keys.flat_map(|cell| cell.split('`').skip(1).step_by(2));
        let keys: Vec<&str> = keys.collect();
        for key in &known {
            assert!(keys.contains(&key.as_str()), "{title} has no row for {key:?}");
        }
        assert_eq!(keys.len(), known.len() + left_out, "{title}: {keys:?}");
    }
}

#[test]
fn the_matrix_is_what_the_demo_prints() {
    let demo = Command::new(env!("CARGO_BIN_EXE_probe"))
        .arg("demo")
        .output()
        .unwrap();
    let printed = String::from_utf8(demo.stdout).unwrap();
    let readme = page("README.md");
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

/// The rows of a section's table that begin with a name in code.
fn rows(name: &str, title: &str) -> Vec<String> {
    let section = section(name, title);
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(str::to_owned).collect()
}

fn section(name: &str, title: &str) -> String {
    let page = page(name);
    let heading = |level: &str| format!("\n{level} {title}\n");
    let rest = page
        .split_once(&heading("##"))
        .or(page.split_once(&heading("###")));
    let (_, rest) = rest.unwrap_or_else(|| panic!("{name} has no section {title:?}"));
    rest.split("\n##").next().unwrap().to_owned()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

const REFERENCE: &str = "docs/reference/README.md";
const VERDICTS: &str = "docs/verdicts.md";
