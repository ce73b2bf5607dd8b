//! The book, which is the README and everything under `docs/`, stays true: every command in it is run, or
//! read by the program's own parser where it needs what is not here; what it says is printed is printed;
//! its tables are those of the program; and every link leads somewhere.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic, says what it did, and is steered by the environment"
)]

mod commands;
#[path = "../common/mod.rs"]
mod common;
mod pages;
#[path = "../rotation_stage/mod.rs"]
mod rotation_stage;
mod stage;
mod tables;

use std::collections::BTreeSet;

use clap::error::ErrorKind;
use mtls_probe::cli;
use pages::{Item, Page, pages};
use stage::{RotationStage, Stage};

/// Commands of ours that need what is not here: they are read by the program's own parser, and no more.
const READ_ONLY: &[(&str, &str)] = &[
    (
        "probe --identity istio_ca",
        "needs istiod; tests/sources runs it against one of ours",
    ),
    (
        "probe --identity workload_api",
        "needs an agent; tests/sources runs it against one of ours",
    ),
    (
        "probe doctor --identity 'istio_ca:",
        "needs istiod; tests/sources runs it against one of ours",
    ),
    ("probe doctor docs/identities/examples/", "needs a cluster"),
    ("probe whoami docs/identities/examples/", "needs an agent"),
    ("probe run docs/identities/examples/", "needs a cluster"),
    (
        "probe --cert app.pem --key app.key --bundle roots.pem --to orders-db:5432",
        "needs PostgreSQL; tests/openings runs it against a real one",
    ),
];

/// Commands of others, by how they begin.
const FOREIGN: &[(&str, &str)] = &[
    ("kubectl ", "needs a cluster"),
    ("docker ", "needs a container engine"),
    ("cargo ", "builds; CI does"),
    (
        "release/build ",
        "builds everything anew; tests/package.rs packs what is built",
    ),
    ("sha256sum ", "needs a release; tests/package.rs checks one"),
    ("tar ", "needs a release; tests/package.rs unpacks one"),
    ("cd ", "needs a release"),
    ("install ", "needs a release, and rights"),
    ("promtool ", "needs Prometheus; tests/metrics.rs runs it"),
    ("spire-server ", "needs SPIRE"),
];

/// What every shell has: run, and not counted.
const OF_THE_SHELL: &[(&str, &str)] = &[("mkdir ", "")];

/// Commands that do not exit with 0, and why.
const NOT_GREEN: &[(&str, i32, &str)] = &[(
    "probe --config probes/adhoc.yaml --from rogue --to 127.0.0.1:18443",
    1,
    "a pair is expected to be accepted, and this one comes by a CA that nobody knows",
)];

/// Commands that go on until they are stopped.
const ENDLESS: &[&str] = &["probe lab", "probe whoami --watch"];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_is_run_or_read_by_the_parser() {
    let stage = Stage::new().await;
    let rotation = RotationStage::new().await;
    let mut counts = Counts::default();
    let mut wrong = vec![];
    for page in pages() {
        let folder = stage.folder_for(&page);
        let mut printed = String::new();
        for item in &page.items {
            let told = match item {
                Item::Command(told) => told,
                Item::Printed(lines) => {
                    let missing = lines.iter().filter(|line| !printed.contains(line.as_str()));
                    wrong.extend(
                        missing.map(|line| format!("{}: nobody prints {line:?}", page.name)),
                    );
                    continue;
                }
                Item::Suite(text) => {
                    stage.write_suite(&folder, text);
                    continue;
                }
            };
            let text = told.text.as_str();
            if let Some(known) = begins(FOREIGN, text) {
                counts.foreign += 1;
                counts.used.insert(known);
                continue;
            }
            if begins(OF_THE_SHELL, text).is_some() {
                assert_eq!(stage.run(&folder, text, false).code, 0, "{told}");
                continue;
            }
            if !text.starts_with("probe ") {
                wrong.push(format!("{told}: is neither ours nor in the table FOREIGN"));
                continue;
            }
            if let Err(why) = parsed(text) {
                wrong.push(format!("{told}: {why}"));
                continue;
            }
            if let Some(known) = begins(READ_ONLY, text) {
                counts.read += 1;
                counts.used.insert(known);
                continue;
            }
            let is_rotation = text.starts_with("probe rotation") || text.contains("--until phase");
            let done = if is_rotation {
                rotation.run(text)
            } else {
                stage.run(&folder, text, ENDLESS.contains(&text))
            };
            counts.run += 1;
            let odd = NOT_GREEN.iter().find(|(odd, _, _)| *odd == text);
            counts.used.extend(odd.map(|(odd, _, _)| *odd));
            let want = match odd {
                Some((_, code, _)) => *code,
                None if ENDLESS.contains(&text) => 130,
                None => 0,
            };
            if done.code != want {
                wrong.push(format!(
                    "{told}: exits with {}, not {want}\n{}{}",
                    done.code, done.out, done.err
                ));
            }
            printed = done.out;
        }
    }
    println!(
        "the book: {} commands run, {} only read by the parser, {} of others",
        counts.run, counts.read, counts.foreign
    );
    let known = READ_ONLY.iter().chain(FOREIGN).map(|(known, _)| *known);
    for known in known.chain(NOT_GREEN.iter().map(|(known, _, _)| *known)) {
        if !counts.used.contains(known) {
            wrong.push(format!(
                "no page has {known:?} any more: take it out of the tables"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counts.run > 60, "{}", counts.run);
}

#[test]
fn every_command_that_is_mentioned_can_be_given() {
    let mut mentioned = 0;
    let mut wrong = vec![];
    for page in pages() {
        for told in &page.mentioned {
            mentioned += 1;
            if let Err(why) = parsed(&told.text) {
                wrong.push(format!("{told}: {why}"));
            }
        }
    }
    println!("the book: {mentioned} commands mentioned in passing");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(mentioned > 40, "{mentioned}");
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = vec![];
    let all = pages();
    for page in &all {
        for link in page.links() {
            let (file, anchor) = link.split_once('#').unwrap_or((link.as_str(), ""));
            let path = match file {
                "" => page.path(),
                file => page.path().parent().unwrap().join(file),
            };
            if !path.exists() {
                wrong.push(format!("{}: {link} is not there", page.name));
            } else if !anchor.is_empty() && !Page::anchors(&path).contains(&anchor.to_owned()) {
                wrong.push(format!("{}: {link} has no such heading", page.name));
            }
        }
    }
    // Whoever reads the table of contents finds every page.
    let contents = all
        .iter()
        .find(|page| page.name == "docs/README.md")
        .unwrap();
    for page in all.iter().filter(|page| page.name.ends_with(".md")) {
        let linked = |link: String| contents.path().parent().unwrap().join(link).canonicalize();
        let mut links = contents
            .links()
            .into_iter()
            .filter_map(|link| linked(link).ok());
        if page.name != contents.name
            && !links.any(|link| link == page.path().canonicalize().unwrap())
        {
            wrong.push(format!("docs/README.md does not name {}", page.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The entry of a table that a command begins with.
fn begins(table: &'static [(&'static str, &'static str)], text: &str) -> Option<&'static str> {
    let found = table.iter().find(|(begin, _)| text.starts_with(begin));
    found.map(|(begin, _)| *begin)
}

/// What is to be filled in, filled in; then the program's own parser. A command that is only named may
/// go without what it needs.
fn parsed(text: &str) -> Result<(), String> {
    let words = pages::words(text)?
        .into_iter()
        .map(|word| match word.as_str() {
            "SHELL" => "bash".to_owned(),
            "FORMAT" => "table".to_owned(),
            "DURATION" => "3s".to_owned(),
            "ADDRESS" => "10.0.0.7".to_owned(),
            _ => word,
        });
    let words: Vec<String> = words.collect();
    match cli::definition().try_get_matches_from(&words) {
        Ok(_) => Ok(()),
        Err(why) if why.kind() == ErrorKind::DisplayHelp => Ok(()),
        Err(why) if why.kind() == ErrorKind::MissingRequiredArgument && words.len() == 2 => Ok(()),
        Err(why) => Err(why.to_string()),
    }
}

#[derive(Default)]
struct Counts {
    run: usize,
    read: usize,
    foreign: usize,
    /// Entries of the tables that stand for something.
    used: BTreeSet<&'static str>,
}
