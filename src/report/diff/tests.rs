use unicode_width::UnicodeWidthStr;

use super::super::text::steers;
use super::*;
use crate::diff::{SCHEMA, diff, fixture::after};
use crate::report::fixture::{compared, matrix};
use crate::report::shape::shape;

#[test]
fn the_fixed_pair_renders_to_the_golden_files() {
    let diff = fixed();
    let style = Style {
        width: Some(100),
        ..Style::default()
    };
    compared(
        "testdata/golden/diff.txt",
        &written(&diff, Paper::Table, &style),
    );
    compared(
        "testdata/golden/diff.json",
        &written(&diff, Paper::Json, &style),
    );
    compared(
        "testdata/golden/diff.md",
        &written(&diff, Paper::Markdown, &style),
    );
}

#[test]
fn the_schema_is_generated_and_comparisons_keep_to_it() {
    let shape = shape::<Diff>(SCHEMA);
    for diff in [
        fixed(),
        diff(&matrix(), &matrix()),
        diff(&after(), &matrix()),
    ] {
        let json = written(&diff, Paper::Json, &Style::default());
        assert_eq!(shape.complaints(&json), [""; 0]);
        assert_eq!(serde_json::from_str::<Diff>(&json).unwrap(), diff);
    }
}

#[test]
fn hostile_text_stays_where_it_is_quoted() {
    let bad = "\u{1b}[2J\r\n\u{202e}\u{5d0}`@team``|<b>[x](y)#1";
    let hostile = |shift: usize| {
        let mut matrix = if shift == 0 { matrix() } else { after() };
        for (nth, cell) in matrix.cells.iter_mut().enumerate() {
            cell.from = format!("{}{bad}", cell.from);
            cell.address = format!("{bad}{}", nth + shift);
            cell.evidence = vec![bad.repeat(40); 3];
            cell.expected = Some(bad.into());
            if let Some(server) = &mut cell.server {
                server.ca_hints = vec![format!("{bad}{shift}"); 3];
                for one in server.chain.iter_mut().chain(&mut server.root) {
                    one.subject = bad.into();
                    one.issuer = bad.into();
                    one.spki_sha256 = format!("{bad}{shift}");
                }
            }
        }
        for finding in &mut matrix.findings {
            finding.message = bad.into();
            finding.code = format!("{bad}{shift}");
        }
        for target in &mut matrix.targets {
            target.mode = format!("{bad}{shift}");
        }
        matrix
    };
    let mut diff = diff(&hostile(0), &hostile(1));
    diff.before.file = Some(bad.into());
    for width in [40, 80, 200] {
        let style = Style {
            width: Some(width),
            ..Style::default()
        };
        let text = written(&diff, Paper::Table, &style);
        assert!(text.chars().all(|c| c == '\n' || !steers(c)));
        assert!(text.lines().all(|line| line.width() <= width), "{text}");
    }
    let json = written(&diff, Paper::Json, &Style::default());
    assert!(json.chars().all(|c| c == '\n' || !steers(c)));
    let markdown = written(&diff, Paper::Markdown, &Style::default());
    assert!(markdown.chars().all(|c| c == '\n' || !steers(c)));
    for line in markdown.lines() {
        let outside = outside_of_code(line);
        for c in ['@', '<', '|'] {
            assert!(!outside.contains(c), "{c} in {outside}\n{line}");
        }
        assert!(!outside.contains("]("), "{line}");
    }
}

/// The line without its code spans, read as Markdown reads them.
fn outside_of_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        let run = rest[at..].chars().take_while(|c| *c == '`').count();
        let inner = &rest[at + run..];
        let mut from = 0;
        let end = loop {
            let begin = from + inner[from..].find('`').expect("a fence that closes");
            let length = inner[begin..].chars().take_while(|c| *c == '`').count();
            if length == run {
                break begin + length;
            }
            from = begin + length;
        };
        rest = &inner[end..];
    }
    out + rest
}

fn fixed() -> Diff {
    let mut diff = diff(&matrix(), &after());
    diff.before.file = Some("baseline.json".into());
    diff.after.file = Some("result.json".into());
    diff
}

fn written(diff: &Diff, paper: Paper, style: &Style) -> String {
    let mut out = vec![];
    write(diff, paper, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
