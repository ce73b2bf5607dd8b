//! Rounds, and what comes of them.

use jiff::SignedDuration;

use super::*;
use crate::code::Kind;
use crate::exit::Exit;
use crate::matrix::fixture::{cell, with_code};
use crate::matrix::{Run, TargetSummary, Totals};

#[test]
fn a_refusal_uses_the_budget_up_and_a_restart_does_not() {
    let ok = || vec![cell("a", "t", "h:1"), cell("a", "t", "h:2")];
    let refused = || with(ok(), Code::UnknownCa, Some("peer"), "settle");
    let down = || with(ok(), Code::ConnectionRefused, None, "tcp");
    let quiet = || with(ok(), Code::Closed, None, "settle");
    let run = |rounds: Vec<Vec<Cell>>, limits: Limits| {
        let (canary, over) = rounds_of(rounds, limits, None);
        let over = over.unwrap_or(Over::Stopped);
        let summary = canary.summary(over, at(1000));
        (Exit::of_canary(&summary, false), summary)
    };
    let of = |rounds: u32| Limits {
        rounds: Some(rounds),
        ..limits()
    };
    let (exit, _) = run(vec![ok(), ok(), ok()], of(3));
    assert_eq!(exit, Exit::Met);

    let (exit, summary) = run(vec![ok(), refused(), ok()], of(3));
    assert_eq!((exit, summary.over), (Exit::Broken, Over::Broken));
    assert_eq!((summary.rounds, summary.broken_rounds), (2, 1));
    assert_eq!(summary.refused[0].addresses, ["h:2"]);
    assert_eq!(summary.gaps[0].outage, Outage::RefusedBySome);

    let (exit, summary) = run(
        vec![ok(), refused(), ok()],
        Limits {
            max_broken: 1,
            ..of(3)
        },
    );
    assert_eq!((exit, summary.broken_rounds), (Exit::Met, 1));

    let (exit, summary) = run(vec![ok(), down(), down(), ok()], of(4));
    assert_eq!((exit, summary.broken_rounds), (Exit::Met, 0));
    let gap = &summary.gaps[0];
    assert_eq!(
        (gap.outage, gap.times, gap.goes_on),
        (Outage::ReplicaDown, 1, false)
    );
    // Rounds begin every ten seconds and take one.
    assert_eq!((gap.longest_ms, gap.longest_at_most_ms), (11_000, 31_000));

    // Whoever has not come back leaves a doubt, and so does whoever does not say why.
    let (exit, summary) = run(vec![ok(), down()], of(2));
    assert_eq!((exit, summary.gaps[0].goes_on), (Exit::Unknown, true));
    let (exit, summary) = run(vec![ok(), quiet()], of(2));
    assert_eq!((exit, summary.open_rounds), (Exit::Unknown, 1));

    let patience = Limits {
        max_gap: Some(Duration::from_secs(5)),
        ..of(9)
    };
    let (exit, summary) = run(vec![ok(), down(), down(), down()], patience);
    assert_eq!(
        (exit, summary.over, summary.rounds),
        (Exit::Broken, Over::Gone, 3)
    );

    // Nothing was probed.
    let (exit, _) = run(vec![vec![]], of(1));
    assert_eq!(exit, Exit::Unknown);
}

#[test]
fn without_expectations_a_baseline_is_what_should_be() {
    let plain = |mut cell: Cell| {
        (cell.expected, cell.met) = (None, None);
        cell
    };
    let before = vec![
        plain(cell("a", "t", "h:1")),
        plain(with_code(
            cell("none", "t", "h:1"),
            Code::ClientCertRequired,
            Some("peer"),
        )),
        plain(cell("a", "gone", "h:2")),
    ];
    let baseline = Baseline::of(&matrix(before.clone()));
    for (cells, broken, down, met) in [
        (before.clone(), 0, 0, 3),
        // Another reason to refuse is none to complain.
        (
            vec![
                before[0].clone(),
                plain(with_code(
                    before[1].clone(),
                    Code::CertRejected,
                    Some("peer"),
                )),
                before[2].clone(),
            ],
            0,
            0,
            3,
        ),
        // A door opened, and an address changed.
        (
            vec![
                plain(cell("a", "t", "h:9")),
                plain(cell("none", "t", "h:9")),
                before[2].clone(),
            ],
            1,
            0,
            2,
        ),
        (before[..2].to_vec(), 0, 1, 2),
        (
            vec![
                plain(with_code(before[0].clone(), Code::UnknownCa, Some("peer"))),
                before[1].clone(),
                before[2].clone(),
            ],
            1,
            0,
            2,
        ),
    ] {
        let mut canary = Canary::new(limits(), baseline.clone(), at(0));
        let (round, _) = canary.round(&matrix(cells), None, at(0), at(1));
        assert_eq!(
            (round.broken, round.down, round.met),
            (broken, down, met),
            "{round:?}"
        );
    }
}

#[test]
fn it_waits_until_a_fleet_is_there_and_stays() {
    let ok = || vec![cell("a", "t", "h:1")];
    let there = |is_there| {
        Some(Progress {
            phase: "P1".to_owned(),
            is_there,
            ..Progress::default()
        })
    };
    let limits = Limits {
        until: Some(2),
        rounds: Some(5),
        ..limits()
    };
    let rounds = vec![ok(); 5];
    let progress = [false, true, false, true, true].map(there);
    let (canary, over) = rounds_of(rounds.clone(), limits.clone(), Some(&progress));
    assert_eq!((over, canary.rounds), (Some(Over::Arrived), 5));
    let summary = canary.summary(Over::Arrived, at(100));
    assert_eq!(Exit::of_canary(&summary, true), Exit::Met);

    let progress = [false, true, false, true, false].map(there);
    let (canary, over) = rounds_of(rounds, limits, Some(&progress));
    assert_eq!(over, Some(Over::Rounds));
    assert_eq!(
        Exit::of_canary(&canary.summary(Over::Rounds, at(100)), true),
        Exit::Broken
    );
}

#[test]
fn a_wrong_state_that_stays_is_not_green_and_who_only_waits_needs_no_cells() {
    let wrong = |wrong| {
        Some(Progress {
            is_there: wrong == 0,
            wrong,
            ..Progress::default()
        })
    };
    let limits = |until| Limits {
        rounds: Some(2),
        until,
        ..limits()
    };
    let ok = || vec![cell("a", "t", "h:1")];
    for (cells, until, last, over, want) in [
        (ok(), None, 0, Over::Rounds, Exit::Met),
        (ok(), None, 1, Over::Rounds, Exit::Broken),
        (ok(), Some(2), 0, Over::Arrived, Exit::Met),
        (ok(), Some(2), 1, Over::Rounds, Exit::Broken),
        (vec![], Some(2), 0, Over::Arrived, Exit::Met),
        (vec![], None, 0, Over::Rounds, Exit::Unknown),
    ] {
        let progress = [wrong(0), wrong(last)];
        let (canary, is) = rounds_of(vec![cells.clone(), cells], limits(until), Some(&progress));
        assert_eq!(is, Some(over.clone()));
        let summary = canary.summary(over, at(100));
        assert_eq!(
            Exit::of_canary(&summary, until.is_some()),
            want,
            "{summary:?}"
        );
    }
}

#[test]
fn a_target_of_another_mode_is_broken_and_one_of_an_unknown_mode_is_open() {
    for (mode, broken, open) in [("STRICT", 0, 0), ("PERMISSIVE", 1, 0), ("UNKNOWN", 0, 1)] {
        let mut matrix = matrix(vec![cell("a", "t", "h:1")]);
        matrix.targets = vec![TargetSummary {
            name: "t".to_owned(),
            mode: mode.to_owned(),
            expected_mode: Some("STRICT".to_owned()),
            addresses: vec![],
            evidence: vec![],
            dialects: vec![],
            ports: vec![],
        }];
        let mut canary = Canary::new(limits(), Baseline::default(), at(0));
        let (round, _) = canary.round(&matrix, None, at(0), at(1));
        assert_eq!((round.broken, round.open), (broken, open), "{mode}");
    }
}

#[test]
fn a_share_of_broken_cells_may_be_allowed() {
    let ok = || vec![cell("a", "t", "h:1"); 10];
    let bad = || with(ok(), Code::UnknownCa, Some("peer"), "settle");
    let limits = Limits {
        max_flake: Some(0.04),
        rounds: Some(5),
        ..limits()
    };
    let (canary, over) = rounds_of(vec![ok(), bad(), ok(), ok(), ok()], limits.clone(), None);
    assert_eq!((over, canary.broken_rounds), (Some(Over::Rounds), 1));
    let (canary, over) = rounds_of(vec![ok(), bad(), bad(), ok()], limits, None);
    assert_eq!((over, canary.rounds), (Some(Over::Broken), 3));
    // Too few rounds to stop early are no excuse in the end.
    let few = Limits {
        max_flake: Some(0.04),
        rounds: Some(2),
        ..self::limits()
    };
    let (_, over) = rounds_of(vec![bad(), bad()], few, None);
    assert_eq!(over, Some(Over::Broken));
}

fn rounds_of(
    rounds: Vec<Vec<Cell>>,
    limits: Limits,
    progress: Option<&[Option<Progress>]>,
) -> (Canary, Option<Over>) {
    let mut canary = Canary::new(limits, Baseline::default(), at(0));
    let mut over = None;
    for (nth, cells) in rounds.into_iter().enumerate() {
        let begun = nth as i64 * 10;
        let progress = progress.and_then(|all| all[nth].clone());
        (_, over) = canary.round(&matrix(cells), progress, at(begun), at(begun + 1));
        if over.is_some() {
            break;
        }
    }
    (canary, over)
}

/// The last cell says something else.
fn with(mut cells: Vec<Cell>, code: Code, by: Option<&str>, stage: &str) -> Vec<Cell> {
    let last = cells.pop().unwrap();
    let met = (code.kind() != Kind::Inconclusive).then_some(false);
    cells.push(Cell {
        met,
        stage: stage.to_owned(),
        ..with_code(last, code, by)
    });
    cells
}

fn matrix(cells: Vec<Cell>) -> Matrix {
    Matrix {
        schema: crate::matrix::SCHEMA.to_owned(),
        run: Run::default(),
        totals: Totals::of(&cells),
        cells,
        sources: vec![],
        targets: vec![],
        findings: vec![],
    }
}

fn limits() -> Limits {
    Limits {
        rounds: None,
        span: None,
        max_broken: 0,
        max_flake: None,
        max_gap: None,
        until: None,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}
