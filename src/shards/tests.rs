use super::*;
use crate::code::Code;
use crate::findings;
use crate::matrix::fixture::{cell, with_code};
use crate::matrix::{SourceSummary, TargetSummary};
use crate::suite::Mode;

#[test]
fn the_shards_of_a_run_make_the_whole_again_whatever_their_order() {
    let whole = whole();
    let [one, other] = halves();
    for parts in [
        [("0.json", one.clone()), ("1.json", other.clone())],
        [("1.json", other), ("0.json", one)],
    ] {
        let joined = joined(parts).unwrap();
        let run = Run {
            started_at: "2026-11-21T12:00:00Z".into(),
            finished_at: "2026-11-21T12:00:09Z".into(),
            judged_at: "2026-11-21T12:00:00Z".into(),
            version: "0.1.0".into(),
            ..Run::default()
        };
        let sources = vec![source("a", "aa"), source("b", "bb"), source("b", "cc")];
        let whole = Matrix {
            run,
            sources,
            ..whole.clone()
        };
        assert_eq!(joined, whole);
    }
}

#[test]
fn shards_that_are_missing_are_a_finding_and_never_green() {
    let [one, _] = halves();
    let joined = joined([("0.json", one)]).unwrap();
    assert!(joined.run.interrupted);
    let finding = &joined.findings[0];
    assert_eq!(
        (finding.code.as_str(), finding.severity),
        ("SHARDS_MISSING", Severity::Error)
    );
    assert_eq!(finding.about, "1/2");
    let words = "what came of shard 1/2 is missing, and with them all cells of their servers";
    assert_eq!(finding.message, words);
}

#[test]
fn a_shard_that_was_stopped_leaves_the_whole_unfinished() {
    let [one, mut other] = halves();
    other.run.interrupted = true;
    let joined = joined([("0.json", one), ("1.json", other)]).unwrap();
    assert!(joined.run.interrupted);
    assert!(
        joined
            .findings
            .iter()
            .all(|one| one.code != "SHARDS_MISSING")
    );
}

#[test]
fn results_that_do_not_belong_together_are_refused() {
    type Change = fn(&mut Matrix);
    let changes: &[(Change, &str)] = &[
        (
            |one| one.run.shard = None,
            "1.json is the result of a whole run; ",
        ),
        (
            |one| shard(one).plan = "x".into(),
            "1.json is of other suites than 0.json; ",
        ),
        (
            |one| shard(one).total = 3,
            "1.json is of a run of another number of shards than 0.json; ",
        ),
        (
            |one| one.run.version = "9".into(),
            "1.json is of another version of probe than 0.json; ",
        ),
        (
            |one| shard(one).index = 0,
            "shard 0/2 is there twice, as 0.json and as 1.json; ",
        ),
        (
            |one| shard(one).index = 2,
            "1.json says to be shard 2/2, which cannot be",
        ),
        (
            |one| shard(one).total = 0,
            "1.json says to be shard 1/0, which cannot be",
        ),
        (
            |one| one.cells[0].place = None,
            "1.json has a cell without its `place`",
        ),
        (
            |one| one.cells[0].place = Some(0),
            "0.json and 1.json have cells in common",
        ),
        (
            |one| one.targets[0].name = "x".into(),
            "0.json and 1.json have cells in common",
        ),
        (
            |one| one.run.judged_at = "soon".into(),
            "0.json holds \"soon\" where a time should stand",
        ),
    ];
    for (change, words) in changes {
        let [one, mut other] = halves();
        change(&mut other);
        let error = joined([("0.json", one), ("1.json", other)]).unwrap_err();
        assert!(error.to_string().starts_with(words), "{error}");
    }
    assert_eq!(join(vec![]), Err(JoinError::Nothing));
}

#[test]
fn what_only_cells_of_several_shards_show_is_found() {
    // A certificate that expires is one finding, whoever shows it.
    let [one, other] = halves();
    let alone = [&one, &other].map(|part| part.findings.len());
    let joined = joined([("0.json", one), ("1.json", other)]).unwrap();
    assert_eq!(joined.findings, whole().findings);
    assert!(joined.findings.len() >= alone[0].max(alone[1]));
}

// Set-up: two rows, three columns, of which the middle one is a shard of its own.

fn joined<const N: usize>(parts: [(&str, Matrix); N]) -> Result<Matrix, JoinError> {
    let named = parts.map(|(name, matrix)| (name.to_owned(), matrix));
    join(named.into())
}

fn shard(matrix: &mut Matrix) -> &mut Shard {
    matrix.run.shard.as_mut().unwrap()
}

fn cells() -> Vec<Cell> {
    let mut cells = vec![];
    for from in ["a", "b", "plaintext"] {
        for (to, address) in [("x", "x:1"), ("x", "x:2"), ("y", "y:1"), ("z", "z:1")] {
            let cell = cell(from, to, address);
            cells.push(match (from, to) {
                ("plaintext", "y") => with_code(cell, Code::PlaintextAccepted, None),
                ("plaintext", _) => with_code(cell, Code::PlaintextRejected, Some("peer")),
                _ => cell,
            });
        }
    }
    cells
}

fn whole() -> Matrix {
    matrix(cells(), &["x", "y", "z"])
}

fn matrix(cells: Vec<Cell>, targets: &[&str]) -> Matrix {
    let at = "2026-11-21T12:00:00Z".parse().unwrap();
    let targets: Vec<TargetSummary> = targets
        .iter()
        .map(|name| {
            let cells: Vec<&Cell> = cells.iter().filter(|cell| cell.to == **name).collect();
            findings::summary(name, &cells, Some(Mode::Strict))
        })
        .collect();
    Matrix {
        schema: SCHEMA.to_owned(),
        run: Run::default(),
        totals: Totals::of(&cells),
        findings: findings(&cells, &targets, at),
        cells,
        targets,
        sources: vec![],
    }
}

fn halves() -> [Matrix; 2] {
    let half = |index: u32, targets: &[&str]| {
        let places = [0, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8];
        let placed = cells().into_iter().zip(places);
        let placed = placed.map(|(cell, place)| Cell {
            place: Some(place),
            ..cell
        });
        let mine = placed.filter(|cell| targets.contains(&cell.to.as_str()));
        let mut matrix = matrix(mine.collect(), targets);
        matrix.run = Run {
            started_at: format!("2026-11-21T12:00:0{index}Z"),
            finished_at: format!("2026-11-21T12:00:0{}Z", 9 - index),
            judged_at: format!("2026-11-21T12:00:0{index}Z"),
            version: "0.1.0".into(),
            shard: Some(Shard {
                index,
                total: 2,
                plan: "p".into(),
            }),
            ..Run::default()
        };
        // The first has the same certificate everywhere, the other is minted for each run.
        let minted = ["bb", "cc"][usize::try_from(index).unwrap()];
        matrix.sources = vec![source("a", "aa"), source("b", minted)];
        matrix
    };
    [half(0, &["x", "z"]), half(1, &["y"])]
}

fn source(name: &str, sha256: &str) -> SourceSummary {
    let leaf = crate::matrix::Certificate {
        subject: "CN=s".into(),
        issuer: "CN=ca".into(),
        serial: "1".into(),
        uris: vec![],
        dns: vec![],
        not_before: "2026-11-01T00:00:00Z".into(),
        not_after: "2027-11-01T00:00:00Z".into(),
        sha256: sha256.into(),
        spki_sha256: sha256.into(),
    };
    SourceSummary {
        name: name.into(),
        id: None,
        chain: vec![leaf],
        root: None,
    }
}
