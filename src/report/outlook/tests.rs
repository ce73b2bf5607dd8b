use unicode_width::UnicodeWidthStr;

use super::super::text::steers;
use super::*;
use crate::outlook::{SCHEMA, outlook};
use crate::report::fixture::{compared, matrix};
use crate::report::shape::shape;

#[test]
fn the_fixed_matrix_renders_to_the_golden_files() {
    let style = Style {
        width: Some(100),
        ..Style::default()
    };
    let fixed = fixed();
    compared(
        "testdata/golden/outlook.txt",
        &written(&fixed, Paper::Table, &style),
    );
    compared(
        "testdata/golden/outlook.json",
        &written(&fixed, Paper::Json, &style),
    );
    compared(
        "testdata/golden/outlook.md",
        &written(&fixed, Paper::Markdown, &style),
    );
}

#[test]
fn the_schema_is_generated_and_outlooks_keep_to_it() {
    let json = written(&fixed(), Paper::Json, &Style::default());
    assert_eq!(shape::<Outlook>(SCHEMA).complaints(&json), [""; 0]);
    assert_eq!(serde_json::from_str::<Outlook>(&json).unwrap(), fixed());
}

#[test]
fn hostile_text_neither_steers_nor_formats() {
    let bad = "\u{1b}[2J\r\n\u{202e}\u{5d0}`@team``|<b>[x](y)#1";
    let mut matrix = matrix();
    for cell in &mut matrix.cells {
        cell.to = format!("{bad}{}", cell.to);
        for one in cell.server.iter_mut().flat_map(|server| &mut server.chain) {
            one.subject = bad.into();
            one.issuer = bad.into();
        }
    }
    let mut hostile = outlook(&matrix, then());
    hostile.file = Some(bad.into());
    for width in [40, 120] {
        let style = Style {
            width: Some(width),
            ..Style::default()
        };
        let text = written(&hostile, Paper::Table, &style);
        assert!(text.chars().all(|c| c == '\n' || !steers(c)));
        assert!(text.lines().all(|line| line.width() <= width), "{text}");
    }
    for paper in [Paper::Json, Paper::Markdown] {
        let text = written(&hostile, paper, &Style::default());
        assert!(text.chars().all(|c| c == '\n' || !steers(c)));
    }
}

fn fixed() -> Outlook {
    let mut fixed = outlook(&matrix(), then());
    fixed.file = Some("result.json".into());
    fixed
}

fn then() -> Timestamp {
    "2026-08-02T00:00:00Z".parse().unwrap()
}

fn written(outlook: &Outlook, paper: Paper, style: &Style) -> String {
    let mut out = vec![];
    write(outlook, paper, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
