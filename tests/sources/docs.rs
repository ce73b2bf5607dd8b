//! The pages about identities stay true: each suite in them can be planned, and each command line read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

#[test]
fn each_suite_of_the_pages_can_be_planned() {
    let folder = TempDir::new().unwrap();
    let (mut suites, mut manifests) = (String::new(), 0);
    for (place, block) in pages().iter().flat_map(|page| blocks(page)) {
        if is_for_kubernetes(&block) {
            for document in block.split("\n---\n") {
                let read: Result<serde_json::Value, _> = serde_saphyr::from_str(document);
                assert!(
                    read.is_ok_and(|read| read.is_object()),
                    "{place}:\n{document}"
                );
            }
            manifests += 1;
            continue;
        }
        let path = folder.path().join("suite.yaml");
        let suite = whole(&block);
        fs::write(&path, &suite).unwrap();
        let done = probe(folder.path(), &["plan".into(), path.display().to_string()]);
        assert_eq!(
            done.status.code(),
            Some(0),
            "{place}:\n{}\n{suite}",
            stderr(&done)
        );
        suites += &block;
    }
    assert!(manifests >= 5, "{manifests}");
    for kind in KINDS {
        let found = suites.matches(&format!("{kind}:")).count();
        assert!(found >= 2, "{kind} stands {found} times in the pages");
    }
}

#[test]
fn each_command_line_of_the_pages_is_one() {
    let mut commands: BTreeSet<String> = BTreeSet::new();
    for page in pages().iter().chain(&examples()) {
        commands.extend(command_lines(&fs::read_to_string(page).unwrap()));
    }
    for command in ["whoami", "doctor"] {
        let folder = TempDir::new().unwrap();
        let help = probe(folder.path(), &[command.to_owned(), "--help".to_owned()]);
        commands.extend(command_lines(&String::from_utf8(help.stdout).unwrap()));
    }
    assert!(commands.len() >= 15, "{commands:#?}");
    let mut described = 0;
    for command in &commands {
        let words = words(command);
        let read = mtls_probe::cli::definition().try_get_matches_from(&words);
        assert!(read.is_ok(), "{command}: {}", read.unwrap_err());
        if words.contains(&"--identity".to_owned()) {
            described += 1;
            is_understood(command, &words);
        }
    }
    assert!(described >= 5, "{commands:#?}");
}

/// Whoever is described cannot be reached from here, and that is all that is wrong.
fn is_understood(command: &str, words: &[String]) {
    let folder = TempDir::new().unwrap();
    let suite = "version: 1\ntrust_domain: cluster.local\nsources: { none: {} }\n\
                 targets: { x: { address: '127.0.0.1:1' } }\n";
    fs::write(folder.path().join("probe.yaml"), suite).unwrap();
    let mut words = words[1..].to_vec();
    if let Some(to) = words.iter().position(|word| word == "--to") {
        words[to + 1] = "127.0.0.1:1".to_owned();
    }
    let done = probe(folder.path(), &words);
    let said = stderr(&done) + &String::from_utf8_lossy(&done.stdout);
    assert!(
        said.contains("cannot serve us") || said.contains("✗"),
        "{command}: {said}"
    );
}

/// A suite of a block that may be a part of one.
fn whole(block: &str) -> String {
    let has = |key: &str| block.lines().any(|line| line.starts_with(key));
    let mut suite = String::new();
    if !has("version:") {
        suite += "version: 1\ntrust_domain: cluster.local\n";
    }
    suite += block;
    if !has("sources:") {
        suite += "sources: { sa/frontend: { files: { dir: /etc/certs } } }\n";
    }
    if !has("targets:") {
        suite += "targets: { api: { address: 'api:8443' } }\n";
    }
    suite
}

fn is_for_kubernetes(block: &str) -> bool {
    block
        .lines()
        .any(|line| line.starts_with("apiVersion:") || line.starts_with("volumes:"))
}

/// The blocks of YAML in a page, each with its place. There are no others but commands.
fn blocks(page: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(page).unwrap();
    let parts = text.split("```yaml\n").skip(1);
    parts
        .enumerate()
        .map(|(nth, part)| {
            let (block, _) = part.split_once("```").unwrap();
            (
                format!("{}, block {}", page.display(), nth + 1),
                block.to_owned(),
            )
        })
        .collect()
}

/// Every line that begins with `probe`: indented, in a comment of a suite, or in a code span.
fn command_lines(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| {
        let line = line.strip_prefix('#').unwrap_or(line);
        let command = line.trim_start();
        (command.len() < line.len() && command.starts_with("probe ")).then_some(command)
    });
    let spans = joined.split('`').skip(1).step_by(2);
    let spans = spans.filter(|span| span.starts_with("probe ") && !span.contains('\n'));
    lines.chain(spans).map(str::to_owned).collect()
}

/// As a shell reads it; what stands behind a gap is a remark.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut gap) = (vec![], None::<String>, None, 0);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => {
                gap += 1;
                words.extend(word.take());
                continue;
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
        if gap > 3 && !command.contains("  --") {
            return words;
        }
        gap = 0;
    }
    words.extend(word);
    words
}

fn probe(folder: &Path, arguments: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
    command.current_dir(folder).env_clear().args(arguments);
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn pages() -> Vec<PathBuf> {
    let mut all = files("docs/identities", "md");
    all.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/identities.md"));
    all
}

fn examples() -> Vec<PathBuf> {
    files("docs/identities/examples", "yaml")
}

fn files(folder: &str, ends: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let all = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = all
        .filter(|path| path.extension().is_some_and(|found| found == ends))
        .collect();
    all.sort();
    assert!(all.len() >= 5);
    all
}

const KINDS: [&str; 7] = [
    "files",
    "workload_api",
    "istio_ca",
    "linkerd",
    "secret",
    "spire_server",
    "certificate_request",
];
