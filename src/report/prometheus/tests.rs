use super::super::fixture::matrix;
use super::*;
use crate::matrix::fixture::{cell, with_code};

#[test]
fn what_is_in_trouble_is_left_out_last_and_the_rest_is_counted() {
    let mut matrix = matrix();
    let first = matrix.cells[0].clone();
    matrix.cells = (0..400)
        .flat_map(|row| (0..10).map(move |column| (row, column)))
        .map(|(row, column)| {
            let cell = cell(&format!("sa/{row}"), &format!("t{column}"), "h:1");
            match row {
                399 => Cell {
                    met: Some(false),
                    expected: first.expected.clone(),
                    ..with_code(cell, Code::UnknownCa, Some("peer"))
                },
                _ => Cell {
                    met: Some(true),
                    expected: first.expected.clone(),
                    ..cell
                },
            }
        })
        .collect();
    let text = text(&matrix, false);
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(series, MOST_SERIES + 1);
    let left_out = value(&text, "mtls_probe_series_left_out ");
    assert!(left_out > 6_000.0, "{left_out}");
    let broken = text
        .lines()
        .filter(|line| line.starts_with("mtls_probe_cell_broken{source=\"sa/399\""));
    assert_eq!(broken.count(), 10);
    let of_targets = "mtls_probe_target_mode{target=\"mallory\",mode=\"UNKNOWN\"} 1\n";
    assert!(text.contains(of_targets));
}

#[test]
fn what_nobody_could_tell_is_not_met() {
    let expected = |mut cell: Cell, met| {
        cell.expected = Some("OK".into());
        cell.met = met;
        cell
    };
    let at = |address: &str| cell("sa/a", "t", address);
    let ok = |address| expected(at(address), Some(true));
    let bad = with_code(at("h:2"), Code::UnknownCa, Some("peer"));
    let bad = expected(bad, Some(false));
    let doubt = expected(with_code(at("h:3"), Code::Silent, None), None);
    let unjudged = Cell {
        expected: None,
        met: None,
        ..at("h:4")
    };
    for (cells, want) in [
        (vec![ok("h:1")], Some((1.0, 0.0, 0.0))),
        (vec![ok("h:1"), bad.clone()], Some((0.0, 1.0, 0.0))),
        (vec![ok("h:1"), doubt.clone()], Some((0.0, 0.0, 1.0))),
        (vec![bad, doubt], Some((0.0, 1.0, 1.0))),
        (vec![ok("h:1"), unjudged.clone()], Some((1.0, 0.0, 0.0))),
        (vec![unjudged], None),
    ] {
        let mut matrix = matrix();
        matrix.cells = cells;
        let text = text(&matrix, false);
        let named = |metric: &str| format!("{metric}{{source=\"sa/a\",target=\"t\"}} ");
        let metrics = [
            "mtls_probe_cell_met",
            "mtls_probe_cell_broken",
            "mtls_probe_cell_inconclusive",
        ];
        let Some((met, broken, in_doubt)) = want else {
            assert!(metrics.iter().all(|metric| !text.contains(&named(metric))));
            continue;
        };
        for (metric, want) in metrics.iter().zip([met, broken, in_doubt]) {
            assert_eq!(value(&text, &named(metric)), want, "{metric}\n{text}");
        }
    }
}

#[test]
fn labels_are_only_those_that_are_listed_and_addresses_are_there_when_asked_for() {
    for addresses in [false, true] {
        let text = text(&matrix(), addresses);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            // No value of the fixed matrix holds a comma before a name.
            let labels = line.split_once('{').map_or("", |(_, labels)| labels);
            let parts = labels.split(',').filter_map(|part| part.split_once("=\""));
            for (label, _) in parts {
                assert!(LABELS.contains(&label), "{label}\n{line}");
            }
            assert!(!line.contains("serial"), "{line}");
        }
        assert_eq!(text.contains("address=\"10.0.0.9:8443\""), addresses);
        assert_eq!(text.contains("10.0.0"), addresses);
    }
}

#[test]
fn a_label_is_escaped_and_a_series_stands_once() {
    let mut matrix = matrix();
    let evil = "a\"} 1\nmtls_probe_cell_met 1 \\";
    matrix.cells = vec![
        cell(evil, &"x".repeat(500), "h:1"),
        cell(evil, &"x".repeat(501), "h:1"),
    ];
    matrix.cells[0].expected = Some("OK".into());
    matrix.cells[0].met = Some(false);
    matrix.targets.push(matrix.targets[0].clone());
    let text = text(&matrix, false);
    assert!(
        text.contains("{source=\"a\\\"} 1\\\\nmtls_probe_cell_met 1 \\\\\""),
        "{text}"
    );
    let mut seen = std::collections::HashSet::new();
    for line in text.lines() {
        let series = line.rsplit_once(' ').map_or(line, |(series, _)| series);
        assert!(line.starts_with('#') || seen.insert(series), "{line}");
    }
}

fn text(matrix: &Matrix, addresses: bool) -> String {
    let mut out = vec![];
    write(matrix, addresses, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.unwrap_or_else(|| panic!("{series} is not in\n{text}"))
        .parse()
        .unwrap()
}
