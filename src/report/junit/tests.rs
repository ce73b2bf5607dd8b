use roxmltree::{Document, Node};

use super::super::fixture::matrix;
use super::super::tests::{Dice, empty, hostile, of, random, written};
use super::super::{Format, text};
use super::*;
use crate::matrix::fixture::{cell, with_code};

#[test]
fn whatever_the_matrix_it_has_the_shape_that_readers_know() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let evil = "]]>\u{0}\u{1b}[2J\u{fffe}\u{ffff}\"'<&>\r\n\u{202e}";
    let mut all = vec![matrix(), empty(), hostile(evil, 1), hostile(evil, 3)];
    all.extend((0..50).map(|_| random(&mut dice)));
    for matrix in &all {
        check(&written(matrix, Format::Junit), matrix);
    }
}

#[test]
fn doubt_and_an_empty_run_and_one_cut_short_are_never_green() {
    let judged = |code, met| {
        let mut cell = with_code(cell("sa/a", "t", "h:1"), code, Some("peer"));
        cell.expected = Some("OK".into());
        cell.met = met;
        cell
    };
    let unjudged = Cell {
        expected: None,
        met: None,
        ..cell("sa/a", "t", "h:1")
    };
    let mut cut_short = of(vec![judged(Code::Ok, Some(true))]);
    cut_short.run.interrupted = true;
    for (matrix, failures, errors, skipped) in [
        (of(vec![judged(Code::Ok, Some(true))]), 0, 0, 0),
        (of(vec![judged(Code::UnknownCa, Some(false))]), 1, 0, 0),
        (of(vec![judged(Code::Silent, None)]), 0, 1, 0),
        (of(vec![unjudged]), 0, 0, 1),
        (empty(), 0, 1, 0),
        (cut_short, 0, 1, 0),
    ] {
        let text = written(&matrix, Format::Junit);
        let document = Document::parse(&text).unwrap();
        let count = |tag| {
            document
                .descendants()
                .filter(|node| node.has_tag_name(tag))
                .count()
        };
        let got = (count("failure"), count("error"), count("skipped"));
        assert_eq!(got, (failures, errors, skipped), "{text}");
    }
}

#[test]
fn a_wrong_mode_fails_though_no_cell_is_broken() {
    let mut matrix = matrix();
    matrix.cells.retain(|cell| cell.to == "api");
    for (mode, want) in [
        ("STRICT", None),
        ("PERMISSIVE", Some("failure")),
        ("UNKNOWN", Some("error")),
    ] {
        matrix.targets.retain(|target| target.name == "api");
        matrix.targets[0].mode = mode.into();
        let text = written(&matrix, Format::Junit);
        let document = Document::parse(&text).unwrap();
        let case = named(&document, "mode of api");
        let trouble = case.first_element_child();
        assert_eq!(trouble.map(|node| node.tag_name().name()), want, "{text}");
    }
}

#[test]
fn a_failure_says_who_refused_whom_and_why() {
    let text = written(&matrix(), Format::Junit);
    let document = Document::parse(&text).unwrap();
    let case = named(&document, "sa/batch -> legacy");
    let failure = case.first_element_child().unwrap();
    assert_eq!(failure.attribute("type"), Some("CERT_EXPIRED"));
    assert_eq!(
        failure.attribute("message").unwrap(),
        "expected OK, got CERT_EXPIRED by peer: legacy refused sa/batch: a certificate of the chain has expired."
    );
    // Some readers show the text alone.
    let words = failure.text().unwrap();
    for said in [
        "legacy refused sa/batch",
        "our certificate expired 3 h ago",
        "=> Check the dates",
    ] {
        assert!(words.contains(said), "{words}");
    }
}

/// The shape of Jenkins' junit-10.xsd, and what readers rely on beside it: counts that are true, and
/// cases of one class with names of their own.
fn check(text: &str, matrix: &Matrix) {
    for c in text.chars() {
        assert!(c == '\n' || !text::steers(c), "{c:?}");
    }
    let document = Document::parse(text).unwrap_or_else(|why| panic!("{why}\n{text}"));
    let root = document.root_element();
    let allowed: &[Element] = &[
        (
            "testsuites",
            &["name", "tests", "failures", "errors", "time"],
            &[],
            &["testsuite"],
        ),
        (
            "testsuite",
            &["name", "tests", "failures", "errors"],
            &["skipped", "time", "timestamp"],
            &["testcase", "system-out"],
        ),
        (
            "testcase",
            &["classname", "name", "time"],
            &[],
            &["failure", "error", "skipped"],
        ),
        ("failure", &["type", "message"], &[], &[]),
        ("error", &["type", "message"], &[], &[]),
        ("skipped", &["type", "message"], &[], &[]),
        ("system-out", &[], &[], &[]),
    ];
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        let (_, must, may, children) = allowed.iter().find(|(tag, ..)| *tag == name).unwrap();
        for attribute in *must {
            assert!(node.has_attribute(*attribute), "{name} {attribute}");
        }
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(must.contains(&name) || may.contains(&name), "{name}");
        }
        for child in node.children().filter(Node::is_element) {
            let child = child.tag_name().name();
            assert!(children.contains(&child), "{child} in {name}");
        }
        if let Some(time) = node.attribute("time") {
            let (whole, part) = time.split_once('.').unwrap();
            let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            assert!(is_number(whole) && is_number(part), "{time}");
        }
        if name == "testcase" {
            assert!(node.children().filter(Node::is_element).count() < 2);
        }
    }
    assert_eq!(root.tag_name().name(), "testsuites");
    let mut tests = 0;
    for suite in root.children().filter(Node::is_element) {
        let cases: Vec<_> = suite
            .children()
            .filter(|node| node.has_tag_name("testcase"))
            .collect();
        let mut names: Vec<_> = cases.iter().map(|case| case.attribute("name")).collect();
        let of = |tag: &str| {
            let has = |case: &&Node<'_, '_>| {
                case.first_element_child()
                    .is_some_and(|node| node.has_tag_name(tag))
            };
            cases.iter().filter(has).count().to_string()
        };
        assert_eq!(
            suite.attribute("tests"),
            Some(cases.len().to_string().as_str())
        );
        for (count, tag) in [
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ] {
            assert_eq!(suite.attribute(count), Some(of(tag).as_str()), "{count}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), cases.len(), "{names:?}");
        tests += cases.len();
    }
    assert_eq!(root.attribute("tests"), Some(tests.to_string().as_str()));
    assert!(tests >= matrix.cells.len());
}

/// The tag, the attributes it must and may have, and its children.
type Element = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

fn named<'a>(document: &'a Document<'_>, name: &str) -> Node<'a, 'a> {
    let is_it = |node: &Node<'_, '_>| node.attribute("name") == Some(name);
    document
        .descendants()
        .find(|node| node.has_tag_name("testcase") && is_it(node))
        .unwrap()
}
