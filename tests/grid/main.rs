//! The interop grid: real servers of every TLS stack as child processes, against every situation.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of a test: a panic names the line, and the environment and the clock are real"
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a program serves most roles alike, and each of its options cares for few"
)]

mod clients;
mod document;
mod doubts;
mod envoy;
mod grid;
mod kit;
mod others;
mod race;
mod situations;
mod stack;
mod stacks;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use document::Score;
use grid::{Manner, Mark, Outcome};
use kit::Kit;
use mtls_probe::matrix::Cell;
use stack::{Stack, Tls, version_of};

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_is_right_or_honestly_open() {
    let _shared = MACHINE.read().await;
    let kit = Arc::new(Kit::make());
    let (mut outcomes, mut programs, mut troubles) = (vec![], vec![], vec![]);
    for (stack, version) in present() {
        let begun = Instant::now();
        let cells = grid::probe(&kit, stack, Manner::Usual).await;
        let count = |mark| cells.iter().filter(|one| one.mark == mark).count();
        say(&format!(
            "{}: {} right, {} open, {} wrong, {:.1} s",
            stack.name,
            count(Mark::Right),
            count(Mark::Doubt),
            count(Mark::Wrong),
            begun.elapsed().as_secs_f64()
        ));
        for one in &cells {
            let explained = doubts::why(one.stack, one.tls, one.situation.name);
            match (one.mark, explained) {
                (Mark::Right, _) | (Mark::Doubt, Some(_)) => {}
                (Mark::Doubt | Mark::Wrong, _) => troubles.push(one.in_words()),
            }
        }
        for tls in [Tls::V12, Tls::V13] {
            troubles.extend(misread_library(stack, tls, &cells));
        }
        outcomes.extend(cells);
        programs.push((stack, version));
    }
    let cells: Vec<&Cell> = outcomes.iter().map(|one| &one.cell).collect();
    let followed: usize = cells.iter().map(|cell| cell.follow_ups.len()).sum();
    let most = cells.iter().map(|cell| cell.follow_ups.len()).max();
    let count = |mark| outcomes.iter().filter(|one| one.mark == mark).count();
    say(&format!(
        "{} cells: {} right, {} open, {} wrong; {followed} follow-ups, at most {} for a cell",
        cells.len(),
        count(Mark::Right),
        count(Mark::Doubt),
        count(Mark::Wrong),
        most.unwrap_or_default(),
    ));
    assert!(
        troubles.is_empty(),
        "wrong, or open without a reason:\n{}",
        troubles.join("\n")
    );
    if programs.len() < stacks::all().len() {
        return;
    }
    if is_updating() {
        document::keep("stacks", &document::stacks(&programs, &outcomes));
    }
    for (section, text) in [
        ("grid", document::grid(&outcomes)),
        ("doubts", document::doubts()),
    ] {
        let is_current = document::keep(section, &text);
        assert!(
            is_current,
            "docs/interop.md, {section}, is not current: UPDATE_GOLDEN=1 cargo test --test grid\n{text}"
        );
    }
}

/// What a verdict must never be, whatever may be told: wrong, and an acceptance worst of all.
#[tokio::test(flavor = "multi_thread")]
async fn no_verdict_is_wrong_without_a_request_or_without_follow_ups() {
    let _shared = MACHINE.read().await;
    let kit = Arc::new(Kit::make());
    let programs = present();
    let mut text = "| probed | right | open | wrong |\n|---|---|---|---|\n".to_owned();
    let less = [
        (Manner::WithoutRequest, "without a request"),
        (Manner::WithoutFollowUps, "without follow-ups"),
    ];
    // The latter have less to go by, and nothing new to go wrong.
    let times = if is_updating() { 2 } else { 1 };
    let mut troubles = vec![];
    for (manner, what) in less.into_iter().take(times) {
        let (mut right, mut open, mut wrong) = (0, 0, 0);
        for (stack, _) in &programs {
            for one in grid::probe(&kit, stack, manner).await {
                // What it says of its application, or of us there, shows only to who asks.
                let is_silent = manner == Manner::WithoutRequest && one.shows_when_asked();
                match one.mark {
                    Mark::Right => right += 1,
                    Mark::Doubt => open += 1,
                    Mark::Wrong if is_silent => right += 1,
                    Mark::Wrong => {
                        wrong += 1;
                        troubles.push(format!("{what}: {}", one.in_words()));
                    }
                }
            }
        }
        let row = format!("| {what} | {right} | {open} | {wrong} |\n");
        say(&row);
        text += &row;
    }
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
    if programs.len() == stacks::all().len() && is_updating() {
        document::keep("less", &text);
    }
}

/// `RACE=1000` says how many handshakes for each version and load.
#[tokio::test(flavor = "multi_thread")]
async fn no_refusal_is_misread_in_a_race() {
    let _alone = MACHINE.write().await;
    let kit = Arc::new(Kit::make());
    let times = std::env::var("RACE").map_or(350, |times| times.parse().unwrap());
    let mut laps = vec![];
    let programs = present();
    // Where all is down there is nothing to win.
    let raced = programs
        .iter()
        .filter(|(stack, _)| stack.name != "envoy-tcp-down");
    for (stack, _) in raced {
        for under_load in [false, true] {
            laps.extend(race::race(&kit, stack, times, under_load).await);
        }
        for one in laps.iter().filter(|one| one.stack == stack.name) {
            say(&one.in_words());
        }
    }
    let misread: Vec<&String> = laps.iter().flat_map(|one| &one.misread).collect();
    assert!(misread.is_empty(), "{misread:#?}");
    if programs.len() == stacks::all().len() && is_updating() {
        document::keep("race", &document::race(&laps));
    }
    let written = document::section("race");
    for stack in stacks::all() {
        if stack.name == "envoy-tcp-down" {
            continue;
        }
        let row = format!("\n| {} |", stack.name);
        assert!(
            written.contains(&row),
            "docs/interop.md has no race of {}",
            stack.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_clients_are_asked_the_same() {
    let _shared = MACHINE.read().await;
    let kit = Arc::new(Kit::make());
    let scores = clients::ALL.iter().map(|client| {
        let version = (client.version)().unwrap_or_else(|why| skip(client.name, &why));
        Score::new(client.name, &version)
    });
    let scores = Arc::new(Mutex::new(scores.collect::<Vec<_>>()));
    let mut ours = vec![];
    let programs = present();
    // gRPC is no HTTP server, and two answer nobody. Only the document wants all of the others.
    let asked = programs.iter().filter(|(stack, _)| {
        let is_telling = ["openssl", "nginx", "envoy", "go", "java", "node"].contains(&stack.name);
        let is_no_use = ["grpc", "envoy-tcp-down", "apache-location"].contains(&stack.name);
        is_telling || is_updating() && !is_no_use
    });
    for (stack, _) in asked {
        let begun = Instant::now();
        others::visit(&kit, stack, &scores, is_updating()).await;
        let cells = grid::probe(&kit, stack, Manner::Usual).await;
        ours.extend(
            cells
                .into_iter()
                .filter(|one| others::is_shared(one.situation)),
        );
        say(&format!(
            "{}: {:.1} s",
            stack.name,
            begun.elapsed().as_secs_f64()
        ));
    }
    let mut all = vec![Score::of_ours(&ours.iter().collect::<Vec<_>>())];
    all.append(&mut scores.lock().unwrap());
    let text = document::scores(&all);
    say(&text);
    assert_eq!(all[0].fine, 0, "a false acceptance of ours");
    if programs.len() == stacks::all().len() && is_updating() {
        document::keep("clients", &text);
    }
    for client in &all {
        let row = format!("| {} |", client.name);
        assert!(
            document::section("clients").contains(&row),
            "docs/interop.md has no {row}"
        );
    }
}

/// The order of the signature schemes that a server asks for is in the table of libraries, and right.
fn misread_library(stack: &Stack, tls: Tls, cells: &[Outcome]) -> Option<String> {
    let library = situations::library(stack.name)?;
    let mut names = vec![];
    for one in cells.iter().filter(|one| one.tls == tls) {
        let tls = one
            .cell
            .tls
            .as_ref()
            .filter(|tls| tls.certificate_requested == Some(true));
        names.extend(tls.map(|tls| tls.looks_like.clone()));
    }
    let is_right = |looks: &Vec<String>| looks.iter().any(|name| name == library);
    let wrong = names.iter().find(|looks| !is_right(looks))?;
    let tls = tls.as_str();
    Some(format!(
        "{} TLS {tls} looks like {wrong:?}, and is {library}",
        stack.name
    ))
}

/// The race wants it for itself; the others mostly wait, and can do so together.
static MACHINE: tokio::sync::RwLock<()> = tokio::sync::RwLock::const_new(());

/// The stacks that are here, with their versions. `GRID=nginx,envoy` asks for some alone.
fn present() -> Vec<(&'static Stack, String)> {
    let wanted = std::env::var("GRID").unwrap_or_default();
    let is_wanted =
        |stack: &&Stack| wanted.is_empty() || wanted.split(',').any(|one| one == stack.name);
    let mut skipped = vec![];
    let mut here = vec![];
    for stack in stacks::all().into_iter().filter(is_wanted) {
        match (stack.version)() {
            Ok(version) => here.push((stack, version)),
            Err(why) => skipped.push(format!("{}: {why}", stack.name)),
        }
    }
    if version_of("openssl", &["version"]).is_err() {
        skip("sha-1, a row of the grid", "there is no `openssl` here");
    }
    if !skipped.is_empty() {
        let words = format!(
            "SKIPPED: {} of the stacks of the grid:\n  {}",
            skipped.len(),
            skipped.join("\n  ")
        );
        assert!(!is_ci(), "{words}");
        say(&words);
    }
    here
}

/// What is missing is missing loudly, and where nothing may be missing it is a failure.
fn skip(what: &str, why: &str) -> String {
    let words = format!("SKIPPED: {what}: {why}");
    assert!(!is_ci(), "{words}");
    say(&words);
    "not here".to_owned()
}

fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

fn is_updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// The test harness swallows what `eprintln` says of a test that passes.
fn say(what: &str) {
    std::io::stderr()
        .write_all(format!("{what}\n").as_bytes())
        .unwrap();
}
