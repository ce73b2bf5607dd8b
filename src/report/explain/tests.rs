mod catalogue;
mod commands;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::causes::ours;
use super::*;
use crate::code::Code;
use crate::matrix::fixture::{cell, with_code};
use crate::report::fixture::compared;
use crate::report::shape::shape;
use crate::rotation::Reading;

#[test]
fn every_code_has_a_page_for_whoever_refused() {
    for code in Code::ALL {
        for by in [None, Some(By::Peer), Some(By::Probe)] {
            let page = page(*code, by);
            assert!(!page.meaning.is_empty(), "{code}");
            assert!(page.by.is_none() || by.is_none() || page.by == by, "{code}");
            let advice = advice(*code, by);
            assert!(advice.len() <= 160 && !advice.contains('\n'), "{advice}");
        }
    }
}

#[test]
fn every_finding_in_the_sources_has_a_page() {
    let mut seen = 0;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let findings = fs::read_dir(root.join("findings")).unwrap();
    let files = findings.map(|entry| entry.unwrap().path());
    for path in files.chain([root.join("outlook.rs")]) {
        if path.is_dir() || path.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let quoted = text.split('"').skip(1).step_by(2);
        let is_code = |word: &&str| {
            word.len() > 4 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        };
        for code in quoted.filter(is_code) {
            assert!(find(code).is_ok(), "{code} of {}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
}

#[test]
fn a_name_stands_for_one_thing() {
    let mut names = HashSet::new();
    for topic in topics() {
        assert!(names.insert(topic.code), "{}", topic.code);
        assert!(std::ptr::eq(find(topic.code).unwrap(), topic) || find(topic.code).is_ok());
    }
    for code in Code::ALL {
        assert_eq!(topic(*code).code, code.as_str());
    }
    for reading in Reading::ALL {
        assert_eq!(find(reading.as_str()).unwrap().family, Family::Reading);
    }
    let causes: Vec<&Cause> = topics()
        .flat_map(|topic| topic.pages)
        .flat_map(|page| page.causes)
        .map(|likely| likely.cause)
        .collect();
    for cause in &causes {
        let same = causes.iter().filter(|other| other.name == cause.name);
        assert!(same.clone().all(|other| other == cause), "{}", cause.name);
    }
}

#[test]
fn the_words_are_sentences_of_ours() {
    let ends = |text: &str| text.ends_with('.') || text.ends_with('?');
    for topic in topics() {
        assert!(ends(topic.exit), "{}", topic.code);
        for page in topic.pages {
            let code = topic.code;
            let sentences = page.meaning.matches(". ").count() + 1;
            assert!((1..=4).contains(&sentences), "{code}: {sentences}");
            for text in [page.meaning, page.is_not, page.advice] {
                assert!(ends(text), "{code}: {text}");
            }
            assert!(!page.causes.is_empty(), "{code}");
            let mut names = HashSet::new();
            for likely in page.causes {
                let cause = likely.cause;
                assert!(names.insert(cause.name), "{code}: {} twice", cause.name);
                assert!(!likely.looks.is_empty() && !ends(likely.looks), "{code}");
                assert!(!ends(cause.name), "{}", cause.name);
                assert!(ends(cause.fix), "{}", cause.name);
                assert!(!cause.confirm.is_empty(), "{}", cause.name);
                let told = cause.confirm.iter().map(|confirm| confirm.tells);
                for text in told.chain([page.meaning, page.is_not, likely.looks, cause.fix]) {
                    assert!(text.is_ascii() && !text.contains('\n'), "{code}: {text}");
                    assert!(!text.contains("  ") && text.len() < 700, "{code}: {text}");
                }
            }
        }
    }
}

#[test]
fn a_name_is_found_however_it_is_written_and_its_neighbours_where_it_is_not() {
    for name in ["UNKNOWN_CA", "unknown_ca", " Unknown-CA ", "unknown ca"] {
        assert_eq!(find(name).unwrap().code, "UNKNOWN_CA");
    }
    for (wrong, way_out) in [
        ("UNKNOWNCA", "did you mean UNKNOWN_CA?"),
        ("CERT_EXPIERD", "did you mean CERT_EXPIRED?"),
        ("cipher", "did you mean NO_SHARED_CIPHER?"),
        (
            "replicas",
            "did you mean REPLICAS_DIFFER, REPLICAS_PRESENT_DIFFERENTLY?",
        ),
        ("x", "`probe explain` lists them all"),
        ("", "`probe explain` lists them all"),
    ] {
        let error = find(wrong).unwrap_err().to_string();
        assert_eq!(error, format!("there is no code {wrong:?}; {way_out}"));
    }
    let long = find(&"A_".repeat(100_000)).unwrap_err().to_string();
    assert!(long.len() < 200, "{}", long.len());
}

#[test]
fn it_fits_the_terminal_and_takes_no_colours_where_there_are_none() {
    for width in [40, 80, 200] {
        let style = Style {
            width: Some(width),
            ascii: true,
            ..Style::default()
        };
        for topic in topics() {
            let text = written(|out| write(topic, Paper::Table, &style, out));
            assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
            let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap();
            assert!(widest <= width.min(100), "{width}: {widest}\n{text}");
        }
        let list = written(|out| write_all(Paper::Table, &style, out));
        assert!(list.lines().all(|line| line.width() <= width), "{list}");
        for topic in topics() {
            assert!(
                list.contains(&format!("\n  {}", topic.code)),
                "{}",
                topic.code
            );
        }
    }
}

#[test]
fn reports_of_other_formats_get_the_same_words_in_paragraphs() {
    for page in topics().flat_map(|topic| topic.pages) {
        let whole = paragraphs(page, usize::MAX);
        for text in &whole {
            assert!(text.is_ascii() && !text.contains('\n'), "{text}");
            assert!(
                !text.contains("  ") && text.matches('`').count() % 2 == 0,
                "{text}"
            );
        }
        let text = whole.join("\n");
        // An open door is not called in order.
        assert!(!text.contains(ours::EXPECTED.name), "{text}");
        let causes = page.causes.iter().map(|likely| likely.cause);
        for cause in causes.filter(|cause| **cause != ours::EXPECTED) {
            assert!(
                text.contains(cause.name) && text.contains(cause.fix),
                "{text}"
            );
            for confirm in cause.confirm {
                assert!(
                    text.contains(confirm.tells) && !confirm.run.contains('`'),
                    "{text}"
                );
            }
        }
        let short = paragraphs(page, 1);
        assert!(whole.starts_with(&short), "{short:?}");
        assert_eq!(paragraphs(page, 0).len(), 2);
    }
    for (by, want) in [("peer", Some(By::Peer)), ("probe", Some(By::Probe))] {
        let cell = cell("a", "t", "h:1");
        let cell = with_code(cell, Code::CertExpired, Some(by));
        assert_eq!(of(&cell).by, want);
    }
    let page = page(Code::CertExpired, Some(By::Probe));
    assert!(paragraphs(page, 9).contains(
        &"Linkerd: `kubectl get events -n linkerd --field-selector reason=IssuerValidationFailed`: an issuer that cannot be used any more".to_owned()
    ));
}

#[test]
fn a_cause_that_both_ends_share_is_told_once() {
    let text = written(|out| write(topic(Code::UnknownCa), Paper::Table, &Style::default(), out));
    let name = "A root was rotated, and the bundle of one side is behind";
    assert_eq!(text.matches(name).count(), 2);
    assert_eq!(text.matches("rootca-compare").count(), 1);
}

#[test]
fn the_explanations_are_the_golden_ones() {
    for (name, color) in [("explain.txt", false), ("explain-color.txt", true)] {
        let style = Style {
            width: Some(80),
            color,
            ..Style::default()
        };
        let topic = topic(Code::CertExpired);
        let text = written(|out| write(topic, Paper::Table, &style, out));
        compared(format!("testdata/golden/{name}"), &text);
    }
    let style = Style::default();
    let markdown = written(|out| write(topic(Code::AuthzDenied), Paper::Markdown, &style, out));
    compared("testdata/golden/explain.md", &markdown);
    let reference = written(|out| write_all(Paper::Markdown, &style, out));
    compared("docs/codes.md", &reference);
}

#[test]
fn every_link_of_the_reference_leads_somewhere() {
    let text = written(|out| write_all(Paper::Markdown, &Style::default(), out));
    let anchor = |line: &str| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let heading = heading.replace(' ', "-");
        heading.replace(|c: char| !c.is_alphanumeric() && !"-_".contains(c), "")
    };
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let headings: Vec<String> = headings.map(anchor).collect();
    let anchors: HashSet<&str> = headings.iter().map(String::as_str).collect();
    let causes = headings.iter().skip_while(|heading| *heading != "causes");
    let causes: HashSet<&String> = causes.clone().collect();
    assert!(causes.len() > 80, "each cause has a heading of its own");
    let links = text
        .split("](#")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    for link in links {
        assert!(anchors.contains(link), "{link}");
    }
}

#[test]
fn the_schema_is_generated_and_explanations_keep_to_it() {
    let shape = shape::<Explained>(SCHEMA);
    let style = Style::default();
    let one = written(|out| write(topic(Code::Silent), Paper::Json, &style, out));
    let all = written(|out| write_all(Paper::Json, &style, out));
    for (json, count) in [(one, 1), (all, topics().count())] {
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(shape.complaints(&json), [""; 0]);
        assert_eq!(value["codes"].as_array().unwrap().len(), count);
    }
}

fn written(write: impl Fn(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = vec![];
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}
