use super::super::Format;
use super::super::fixture::matrix;
use super::super::tests::{empty, hostile, of, written};
use crate::code::Code;
use crate::matrix::fixture::{cell, with_code};
use crate::matrix::{Cell, Matrix};

#[test]
fn the_title_and_the_counts_come_first() {
    for (matrix, title) in [
        (
            matrix(),
            "### mTLS is not as expected\n\n**13 not as expected**, ",
        ),
        (empty(), "### Nothing was probed\n\n0 cells in all.\n"),
        (
            of(vec![cell("a", "t", "h:1")]),
            "### mTLS is as expected\n\n**1 as expected**, 1 cell in all.\n",
        ),
    ] {
        let text = written(&matrix, Format::Markdown);
        assert!(text.starts_with(title), "{text}");
    }
}

#[test]
fn a_wrong_mode_and_a_run_cut_short_are_no_good_news() {
    let mut wrong = of(vec![cell("a", "t", "h:1")]);
    wrong.targets = matrix().targets;
    let mut short = of(vec![cell("a", "t", "h:1")]);
    short.run.interrupted = true;
    for matrix in [wrong, short] {
        let text = written(&matrix, Format::Markdown);
        assert!(!text.starts_with("### mTLS is as expected\n"), "{text}");
    }
}

#[test]
fn it_fits_a_comment_however_large_the_matrix() {
    let many = |sources: usize, targets: usize, evidence: &str| -> Matrix {
        let rows = (0..sources).flat_map(|from| (0..targets).map(move |to| (from, to)));
        let cells = rows.map(|(from, to)| {
            let code = Code::ALL[(from * 7 + to) % Code::ALL.len()];
            let cell = cell(&format!("sa/client-{from}"), &format!("server-{to}"), "h:1");
            Cell {
                met: Some(code == Code::Ok),
                evidence: vec![format!("{evidence} {from} {to}"); 20],
                ..with_code(cell, code, Some("peer"))
            }
        });
        of(cells.collect())
    };
    let long = "`evidence` | ".repeat(400);
    for (sources, targets) in [(1, 1), (8, 8), (24, 8), (25, 8), (8, 9), (60, 120)] {
        let text = written(&many(sources, targets, &long), Format::Markdown);
        assert!(text.chars().count() < 65_000, "{}", text.len());
        assert!(text.contains("#### Matrix\n"), "{sources} x {targets}");
        let is_small = sources <= 24 && targets <= 8;
        assert_eq!(text.contains("| target | mode |"), !is_small);
    }
    let text = written(&many(60, 120, "fact"), Format::Markdown);
    assert!(
        text.contains("\nAnd 70 more targets, which the JSON form holds.\n"),
        "{text}"
    );
}

#[test]
fn nothing_that_others_chose_leaves_its_quotes() {
    let evil = "@team <img src=x> [a](http://b) **bold** | `x` ``` #1 https://evil.example";
    let text = written(&hostile(evil, 3), Format::Markdown);
    for line in text.lines() {
        let bare = without_code(line);
        for sign in ["@team", "<img", "](", "**bold", "https:", "#1"] {
            assert!(!bare.contains(sign), "{sign} in {bare}\n{line}");
        }
    }
}

#[test]
fn every_row_of_a_table_has_as_many_squares_as_its_heading() {
    let evil = "a|b\\|c `|` d";
    let cells = (0..3).map(|nth| cell(evil, &format!("{evil}{nth}"), "h:1"));
    let text = written(&of(cells.collect()), Format::Markdown);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
    assert_eq!(rows.len(), 3, "{text}");
    for row in rows {
        assert_eq!(row.matches('|').count(), 5, "{row}");
    }
}

/// What is left of a line without its code spans (CommonMark, 6.1).
fn without_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        if rest[..at].ends_with('\\') {
            out.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        }
        out.push_str(&rest[..at]);
        let ticks = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let inner = &rest[at + ticks..];
        let mut from = 0;
        let end = loop {
            let Some(begin) = inner[from..].find('`').map(|at| at + from) else {
                panic!("no end of code in {line}");
            };
            let run = inner[begin..].len() - inner[begin..].trim_start_matches('`').len();
            if run == ticks {
                break begin + run;
            }
            from = begin + run;
        };
        rest = &inner[end..];
    }
    out + rest
}
