use std::time::Instant;

use super::*;
use crate::code::Kind;
use crate::exit::Exit;
use crate::expectation::Met;
use crate::matrix::fixture::{cell, with_code};
use crate::matrix::{
    Cell, Certificate, Finding, Run, Server, Severity, SourceSummary, TargetSummary,
};
use crate::report::fixture::{matrix, pair};

use Class::{Improvement, Neutral, Regression};

#[test]
fn with_an_expectation_that_decides() {
    let ok = Said::of(Code::Ok).expecting("OK", Met::Met);
    let refused = Said::of(Code::UnknownCa).expecting("OK", Met::Broken);
    let expired = Said::of(Code::CertExpired).expecting("OK", Met::Broken);
    let silent = Said::of(Code::Silent).expecting("OK", Met::InDoubt);
    let reset = Said::of(Code::Reset).expecting("OK", Met::InDoubt);
    let kept_out = Said::of(Code::UnknownCa).expecting("REJECTED", Met::Met);
    let kept_out_so = Said::of(Code::SanMismatch).expecting("REJECTED", Met::Met);
    let let_in = Said::of(Code::Ok).expecting("REJECTED", Met::Broken);
    let unreachable = Said::of(Code::ConnectionRefused).expecting("REJECTED", Met::Broken);
    let free_ok = Said::of(Code::Ok);
    let free_refused = Said::of(Code::UnknownCa);
    let free_unreachable = Said::of(Code::ConnectionRefused);
    table(
        "sa/a",
        &[
            (ok, ok, None),
            (ok, refused, Some((Regression, Why::Broken))),
            (ok, silent, Some((Regression, Why::InDoubt))),
            (silent, refused, Some((Regression, Why::KnownBroken))),
            (refused, ok, Some((Improvement, Why::Met))),
            (silent, ok, Some((Improvement, Why::Met))),
            (refused, silent, Some((Neutral, Why::LostSight))),
            (refused, expired, Some((Neutral, Why::OtherCause))),
            (silent, reset, Some((Neutral, Why::OtherCause))),
            (kept_out, let_in, Some((Regression, Why::Broken))),
            (let_in, kept_out, Some((Improvement, Why::Met))),
            (kept_out, kept_out_so, Some((Neutral, Why::OtherCause))),
            // Whoever is to be refused and was not seen to be, is let in for the worse.
            (unreachable, let_in, Some((Regression, Why::DoorOpened))),
            (let_in, unreachable, Some((Neutral, Why::LostSight))),
            // An expectation of one side goes for both.
            (free_ok, refused, Some((Regression, Why::Broken))),
            (free_refused, ok, Some((Improvement, Why::Met))),
            (free_ok, kept_out, Some((Improvement, Why::Met))),
            (free_refused, kept_out, None),
            (free_refused, kept_out_so, Some((Neutral, Why::OtherCause))),
            (free_unreachable, kept_out, Some((Improvement, Why::Met))),
            (ok, free_refused, Some((Regression, Why::Broken))),
            (kept_out, free_ok, Some((Regression, Why::Broken))),
            (refused, free_ok, Some((Improvement, Why::Met))),
            // Where they differ each is held to its own.
            (ok, kept_out, Some((Neutral, Why::OtherExpectation))),
            (ok, let_in, Some((Regression, Why::Broken))),
            (refused, kept_out, Some((Improvement, Why::Met))),
        ],
    );
}

#[test]
fn without_one_an_identity_should_be_accepted_and_a_stranger_should_not() {
    let [ok, refused, expired, gone, silent] = [
        Code::Ok,
        Code::UnknownCa,
        Code::CertExpired,
        Code::ConnectionRefused,
        Code::Silent,
    ]
    .map(Said::of);
    let distrusted = Said {
        by: "probe",
        ..Said::of(Code::UnknownCa)
    };
    table(
        "sa/a",
        &[
            (ok, refused, Some((Regression, Why::AccessLost))),
            (ok, distrusted, Some((Regression, Why::AccessLost))),
            (ok, gone, Some((Regression, Why::AccessLost))),
            (ok, silent, Some((Regression, Why::AccessLost))),
            (refused, ok, Some((Improvement, Why::AccessGained))),
            (gone, ok, Some((Improvement, Why::AccessGained))),
            (silent, ok, Some((Improvement, Why::AccessGained))),
            (refused, expired, Some((Neutral, Why::OtherCause))),
            (refused, distrusted, Some((Neutral, Why::OtherCause))),
            (refused, silent, Some((Neutral, Why::LostSight))),
            (refused, gone, Some((Neutral, Why::LostSight))),
            (silent, refused, Some((Neutral, Why::GainedSight))),
            (gone, refused, Some((Neutral, Why::GainedSight))),
            (gone, silent, Some((Neutral, Why::OtherCause))),
            (silent, silent, None),
        ],
    );
    let accepted_behind = Said {
        peer: Some(Code::Ok),
        ..distrusted
    };
    for stranger in ["none", "plaintext"] {
        table(
            stranger,
            &[
                (refused, ok, Some((Regression, Why::DoorOpened))),
                (
                    refused,
                    accepted_behind,
                    Some((Regression, Why::DoorOpened)),
                ),
                (silent, ok, Some((Regression, Why::DoorOpened))),
                (gone, ok, Some((Regression, Why::DoorOpened))),
                (distrusted, ok, Some((Regression, Why::DoorOpened))),
                (ok, refused, Some((Improvement, Why::DoorClosed))),
                (
                    accepted_behind,
                    refused,
                    Some((Improvement, Why::DoorClosed)),
                ),
                (ok, silent, Some((Neutral, Why::LostSight))),
                (ok, gone, Some((Neutral, Why::LostSight))),
                (refused, gone, Some((Neutral, Why::LostSight))),
                (gone, refused, Some((Neutral, Why::GainedSight))),
                (refused, expired, Some((Neutral, Why::OtherCause))),
                (ok, ok, None),
            ],
        );
    }
}

#[test]
fn what_the_other_end_thinks_is_part_of_what_a_cell_says() {
    let distrusted = |peer| Said {
        by: "probe",
        peer,
        ..Said::of(Code::UnknownCa)
    };
    table(
        "sa/a",
        &[(
            distrusted(Some(Code::Ok)),
            distrusted(Some(Code::UnknownCa)),
            Some((Neutral, Why::OtherCause)),
        )],
    );
}

#[test]
fn rates_count_where_they_differ_clearly() {
    let of = |agreeing, total| Said {
        attempts: (agreeing, total),
        ..Said::of(Code::Ok)
    };
    let refused = |agreeing, total| Said {
        attempts: (agreeing, total),
        ..Said::of(Code::UnknownCa)
    };
    table(
        "sa/a",
        &[
            (of(10, 10), of(6, 10), Some((Regression, Why::FlapsMore))),
            (of(6, 10), of(10, 10), Some((Improvement, Why::FlapsLess))),
            (of(10, 10), of(9, 10), Some((Neutral, Why::FlapsMore))),
            (of(3, 3), of(2, 3), Some((Neutral, Why::FlapsMore))),
            (of(7, 10), of(6, 10), None),
            (of(1, 1), of(2, 3), None),
            (of(1, 1), of(10, 10), None),
            (
                refused(10, 10),
                refused(6, 10),
                Some((Neutral, Why::FlapsMore)),
            ),
        ],
    );
}

#[test]
fn a_change_of_confidence_alone_is_neutral() {
    let of = |confidence| Said {
        confidence,
        ..Said::of(Code::Ok)
    };
    let [certain, likely, ambiguous] = [
        Confidence::Certain,
        Confidence::Likely,
        Confidence::Ambiguous,
    ]
    .map(of);
    table(
        "sa/a",
        &[
            (certain, ambiguous, Some((Neutral, Why::LessSure))),
            (likely, certain, Some((Neutral, Why::Surer))),
            (likely, likely, None),
        ],
    );
}

#[test]
fn a_result_differs_from_itself_in_nothing() {
    for matrix in [matrix(), pair(), fixture::after()] {
        let diff = diff(&matrix, &matrix);
        assert_eq!((&diff.groups[..], &diff.facts[..]), (&[][..], &[][..]));
        assert_eq!(diff.totals.unchanged, matrix.cells.len());
        assert_eq!(Exit::of_diff(&diff), Exit::Met);
    }
}

#[test]
fn turned_round_it_says_the_opposite() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut pairs = vec![(matrix(), fixture::after())];
    pairs.extend((0..300).map(|_| (random(&mut dice), random(&mut dice))));
    for (one, other) in pairs {
        let (there, back) = (diff(&one, &other), diff(&other, &one));
        assert_eq!(there, diff(&one, &other), "the same each time");
        let count = |diff: &Diff, fits: &dyn Fn(&Group) -> bool| -> usize {
            let groups = diff.groups.iter().filter(|group| fits(group));
            groups.map(|group| group.cells.len()).sum()
        };
        let is = |class| move |group: &Group| group.class == class;
        assert_eq!(there.totals.compared, back.totals.compared);
        assert_eq!(there.totals.vanished, back.totals.new);
        assert_eq!(there.totals.unchanged, back.totals.unchanged);
        // To learn of something is worse than to lose sight of it is good.
        let improvements = count(&back, &is(Improvement));
        let regressions = count(&there, &is(Regression));
        assert!(improvements <= regressions, "{there:#?}{back:#?}");
        let lost = count(&back, &|group| group.why == Why::LostSight);
        assert!(regressions - improvements <= lost, "{there:#?}{back:#?}");
        let facts = |diff: &Diff, class| {
            let facts = diff.facts.iter();
            facts
                .filter(|fact| fact.class == class)
                .map(|fact| fact.places.len())
                .sum::<usize>()
        };
        assert_eq!(facts(&there, Regression), facts(&back, Improvement));
        assert_eq!(facts(&there, Neutral), facts(&back, Neutral));
    }
}

#[test]
fn replicas_that_came_back_elsewhere_are_the_same_cells() {
    let was = of(vec![
        cell("a", "t", "10.0.0.1:1"),
        with_code(cell("a", "t", "10.0.0.2:1"), Code::UnknownCa, None),
        cell("a", "t", "10.0.0.3:1"),
    ]);
    let is = of(vec![
        with_code(cell("a", "t", "10.0.0.8:1"), Code::UnknownCa, None),
        cell("a", "t", "10.0.0.3:1"),
        cell("a", "t", "10.0.0.9:1"),
    ]);
    assert_eq!(diff(&was, &is).groups, []);
    let fewer = of(is.cells[..2].to_vec());
    let gone = diff(&was, &fewer);
    assert_eq!((gone.totals.vanished, gone.totals.compared), (1, 2));
    assert_eq!(gone.groups[0].why, Why::AddressAbsent);
    assert_eq!(gone.groups[0].cells[0].address, "10.0.0.1:1");
    assert_eq!(Exit::of_diff(&gone), Exit::Broken);
    assert_eq!(Exit::of_diff(&diff(&fewer, &was)), Exit::Met);
}

#[test]
fn two_cells_of_one_address_are_matched_in_order() {
    let of_suites = |codes: [Code; 2]| {
        of(codes
            .map(|code| with_code(cell("a", "t", "h:1"), code, None))
            .into())
    };
    let changed = diff(
        &of_suites([Code::UnknownCa, Code::CertExpired]),
        &of_suites([Code::UnknownCa, Code::CertRevoked]),
    );
    assert_eq!(changed.totals.unchanged, 1);
    assert_eq!(
        changed.groups[0].after.as_ref().unwrap().code,
        Code::CertRevoked
    );
}

#[test]
fn what_vanished_says_why_and_an_empty_comparison_is_not_green() {
    let all = of(vec![
        cell("a", "t", "h:1"),
        cell("b", "t", "h:1"),
        cell("b", "u", "h:2"),
    ]);
    let why = |left: &[usize]| {
        let cells = left.iter().map(|nth| all.cells[*nth].clone()).collect();
        let diff = diff(&all, &of(cells));
        assert_eq!(Exit::of_diff(&diff), Exit::Broken);
        diff.groups
            .iter()
            .map(|group| group.why)
            .collect::<Vec<_>>()
    };
    assert_eq!(why(&[0, 1]), [Why::TargetAbsent]);
    assert_eq!(why(&[1, 2]), [Why::SourceAbsent]);
    assert_eq!(why(&[0, 2]), [Why::PairAbsent]);
    let mut cut = of(vec![all.cells[0].clone()]);
    cut.run.interrupted = true;
    let diff_cut = diff(&all, &cut);
    assert!(
        diff_cut
            .groups
            .iter()
            .all(|group| group.why == Why::Interrupted)
    );
    assert_eq!(Exit::of_diff(&diff_cut), Exit::Broken);
    let nothing = of(vec![]);
    assert_eq!(Exit::of_diff(&diff(&nothing, &nothing)), Exit::Unknown);
    assert_eq!(Exit::of_diff(&diff(&nothing, &all)), Exit::Unknown);
    assert_eq!(Exit::of_diff(&diff(&all, &nothing)), Exit::Broken);
}

#[test]
fn cells_of_one_cause_are_one_group_that_names_it() {
    let serving = |mut cell: Cell, hint: &str| {
        cell.server = Some(server("leaf", "4b51", hint));
        cell
    };
    let cells = |code: Code| {
        let mut cells = vec![];
        for source in 0..12 {
            for target in 0..5 {
                let hint = if target < 3 { "CN=old" } else { "CN=third" };
                let cell = cell(&format!("sa/{source}"), &format!("t{target}"), "h:1");
                let mut cell = serving(with_code(cell, code, None), hint);
                cell.met = Some(code == Code::Ok);
                cell.evidence = vec!["alert unknown_ca(48)".into(), format!("serial {source}")];
                cells.push(cell);
            }
        }
        let mut matrix = of(cells);
        matrix.sources = (0..12)
            .map(|nth| SourceSummary {
                name: format!("sa/{nth}"),
                id: None,
                chain: vec![],
                root: Some(certificate("CN=new", "9a3f")),
            })
            .collect();
        matrix
    };
    let diff = diff(&cells(Code::Ok), &cells(Code::UnknownCa));
    assert_eq!(diff.groups.len(), 2);
    let group = &diff.groups[0];
    assert_eq!(
        (group.sources.len(), group.targets.len(), group.cells.len()),
        (12, 3, 36)
    );
    assert_eq!(group.in_common.evidence, ["alert unknown_ca(48)"]);
    assert_eq!(group.in_common.ca_hints, ["CN=old"]);
    assert_eq!(
        group.in_common.server_root.as_ref().unwrap().spki_sha256,
        "4b51"
    );
    assert_eq!(
        group.in_common.source_root.as_ref().unwrap().spki_sha256,
        "9a3f"
    );
    assert_eq!(group.cells[0].evidence, ["serial 0"]);
    assert_eq!(diff.groups[1].in_common.ca_hints, ["CN=third"]);
}

#[test]
fn facts_of_targets_are_told_by_what_they_mean() {
    let at = |address: &str, leaf: &str, root: &str| {
        let mut cell = cell("a", "t", address);
        cell.server = Some(server(leaf, root, "CN=hint"));
        cell
    };
    let was = of(vec![
        at("h:1", "l1", "r1"),
        at("h:2", "l2", "r1"),
        at("h:3", "l3", "r1"),
    ]);
    let is = of(vec![
        at("h:1", "l9", "r1"),
        at("h:2", "l8", "r2"),
        at("h:4", "l3", "r1"),
    ]);
    let told: Vec<_> = diff(&was, &is)
        .facts
        .into_iter()
        .map(|fact| (fact.what, fact.after, fact.places[0].addresses.clone()))
        .collect();
    assert_eq!(
        told,
        [
            (What::Root, vec!["r2".to_owned()], vec!["h:2".to_owned()]),
            (What::Leaf, vec!["r1".to_owned()], vec!["h:1".to_owned()]),
        ]
    );
}

#[test]
fn a_mode_is_worse_where_it_is_weaker_or_not_the_expected_one() {
    for (was, is, expected, want) in [
        ("STRICT", "PERMISSIVE", None, Regression),
        ("STRICT", "TLS_ONLY", None, Regression),
        ("PERMISSIVE", "PLAINTEXT", None, Regression),
        ("PERMISSIVE", "STRICT", None, Improvement),
        ("PERMISSIVE", "TLS_ONLY", None, Neutral),
        ("STRICT", "UNKNOWN", None, Neutral),
        ("UNKNOWN", "STRICT", None, Neutral),
        ("STRICT", "UNKNOWN", Some("STRICT"), Regression),
        ("UNKNOWN", "STRICT", Some("STRICT"), Improvement),
        ("STRICT", "PERMISSIVE", Some("PERMISSIVE"), Improvement),
        ("PERMISSIVE", "STRICT", Some("PERMISSIVE"), Regression),
    ] {
        let with = |mode: &str| {
            let mut matrix = of(vec![cell("a", "t", "h:1")]);
            matrix.targets = vec![TargetSummary {
                name: "t".into(),
                mode: mode.into(),
                expected_mode: expected.map(str::to_owned),
                addresses: vec![],
                evidence: vec![],
                dialects: vec![],
                ports: vec![],
            }];
            matrix
        };
        let diff = diff(&with(was), &with(is));
        assert_eq!(diff.facts[0].class, want, "{was} {is} {expected:?}");
        assert_eq!(Exit::of_diff(&diff) == Exit::Broken, want == Regression);
    }
}

#[test]
fn findings_are_compared_by_what_they_are_about() {
    let with = |told: &[(&str, &str, &str)]| {
        let mut matrix = of(vec![cell("a", "t", "h:1")]);
        matrix.findings = told
            .iter()
            .map(|(code, about, message)| Finding {
                code: (*code).into(),
                severity: Severity::Error,
                about: (*about).into(),
                message: (*message).into(),
                fix: String::new(),
            })
            .collect();
        matrix
    };
    let was = with(&[
        ("CERT_EXPIRES_SOON", "t", "3 h left"),
        ("CLOCK_SKEW", "t", ""),
    ]);
    let is = with(&[
        ("CERT_EXPIRES_SOON", "t", "2 h left"),
        ("REPLICAS_DIFFER", "t", "!"),
    ]);
    let told: Vec<_> = diff(&was, &is)
        .facts
        .into_iter()
        .map(|fact| (fact.what, fact.messages))
        .collect();
    assert_eq!(
        told,
        [
            (What::FindingNew, vec!["!".to_owned()]),
            (What::FindingGone, vec![String::new()])
        ]
    );
}

#[test]
fn a_hundred_thousand_cells_are_compared_while_one_waits() {
    let big = |code: Code, shift: usize| {
        let mut cells = vec![];
        for source in 0..100 {
            for target in 0..100 {
                for address in 0..10 {
                    let address = format!("10.0.{target}.{}:1", address + shift);
                    let cell = cell(&format!("s{source}"), &format!("t{target}"), &address);
                    let mut cell = with_code(cell, code, None);
                    cell.server = Some(server(&address, "4b51", "CN=old"));
                    cell.evidence = vec!["alert unknown_ca(48)".into()];
                    cells.push(cell);
                }
            }
        }
        of(cells)
    };
    let (was, is) = (big(Code::Ok, 0), big(Code::UnknownCa, 5));
    let begun = Instant::now();
    let diff = diff(&was, &is);
    let took = begun.elapsed();
    assert_eq!(diff.totals.compared, 100_000);
    assert_eq!(diff.groups.len(), 1);
    // Without optimisation, beside other tests.
    assert!(took.as_secs() < 10, "{took:?}");
}

#[derive(Clone, Copy, Debug)]
struct Said {
    code: Code,
    by: &'static str,
    peer: Option<Code>,
    expected: Option<(&'static str, Met)>,
    attempts: (u32, u32),
    confidence: Confidence,
}

impl Said {
    fn of(code: Code) -> Self {
        Self {
            code,
            by: "peer",
            peer: None,
            expected: None,
            attempts: (1, 1),
            confidence: Confidence::Certain,
        }
    }

    fn expecting(self, expected: &'static str, met: Met) -> Self {
        Self {
            expected: Some((expected, met)),
            ..self
        }
    }

    fn cell(self, source: &str) -> Cell {
        let mut cell = with_code(cell(source, "t", "h:1"), self.code, Some(self.by));
        cell.peer = self.peer.or(cell.peer);
        cell.expected = self.expected.map(|(expected, _)| expected.to_owned());
        cell.met = match self.expected {
            Some((_, Met::Met)) => Some(true),
            Some((_, Met::Broken)) => Some(false),
            Some((_, Met::InDoubt | Met::Unjudged)) | None => None,
        };
        cell.attempts = Attempts {
            agreeing: self.attempts.0,
            total: self.attempts.1,
            ..Attempts::default()
        };
        cell.confidence = self.confidence;
        cell
    }
}

type Row = (Said, Said, Option<(Class, Why)>);

fn table(source: &str, rows: &[Row]) {
    for (was, is, want) in rows {
        let judged = rules::judge(&was.cell(source), &is.cell(source));
        assert_eq!(judged, *want, "{source}: {was:?}\n{is:?}");
    }
}

fn server(leaf: &str, root: &str, hint: &str) -> Server {
    Server {
        id: None,
        judgement: Code::Ok,
        evidence: vec![],
        chain: vec![certificate("", leaf)],
        root: Some(certificate("CN=root", root)),
        ca_hints: vec![hint.into()],
    }
}

fn certificate(subject: &str, print: &str) -> Certificate {
    Certificate {
        subject: subject.into(),
        issuer: "CN=ca".into(),
        serial: "01".into(),
        uris: vec![],
        dns: vec![],
        not_before: "2026-08-01T00:00:00Z".into(),
        not_after: "2026-08-02T00:00:00Z".into(),
        sha256: print.into(),
        spki_sha256: print.into(),
    }
}

fn of(cells: Vec<Cell>) -> Matrix {
    Matrix {
        schema: crate::matrix::SCHEMA.into(),
        run: Run::default(),
        totals: crate::matrix::Totals::of(&cells),
        cells,
        targets: vec![],
        sources: vec![],
        findings: vec![],
    }
}

/// A small matrix of whatever may happen.
fn random(dice: &mut Dice) -> Matrix {
    let sources = ["sa/a", "none", "plaintext"];
    let mut cells = vec![];
    for _ in 0..dice.below(12) {
        let address = format!("h:{}", dice.below(4));
        let target = ["t", "u"][dice.below(2)];
        let cell = cell(sources[dice.below(3)], target, &address);
        let code = Code::ALL[dice.below(Code::ALL.len())];
        let mut cell = with_code(cell, code, Some(["peer", "probe"][dice.below(2)]));
        (cell.expected, cell.met) = match dice.below(3) {
            0 => (None, None),
            1 => (Some("OK".into()), Some(code == Code::Ok)),
            _ => (Some("REJECTED".into()), Some(cell.refused_by_peer())),
        };
        if cell.expected.is_some() && code.kind() == Kind::Inconclusive {
            cell.met = None;
        }
        cells.push(cell);
    }
    of(cells)
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound
    }
}
