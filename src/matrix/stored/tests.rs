use super::*;
use crate::report::{Format, Style, fixture, write};

/// Results as they were before they knew of sources: the golden file of commit 55dbb0c, and what
/// `probe --from rogue --to healthy --format json`, built at commit 969aba9, wrote of its own lab.
const OLD: [(&str, &str, usize); 2] = [
    (
        "v1-golden.json",
        include_str!("../../../testdata/results/v1-golden.json"),
        40,
    ),
    (
        "v1-pair.json",
        include_str!("../../../testdata/results/v1-pair.json"),
        3,
    ),
];

#[test]
fn a_result_is_read_as_it_was_written() {
    for matrix in [fixture::matrix(), fixture::pair()] {
        let text = json(&matrix);
        assert_eq!(Matrix::stored(text.as_bytes()), Ok(matrix.clone()));
        let marked = format!("\u{feff}{text}");
        assert_eq!(Matrix::stored(marked.as_bytes()), Ok(matrix));
    }
}

#[test]
fn results_of_older_versions_are_read() {
    for (name, text, cells) in OLD {
        let matrix = Matrix::stored(text.as_bytes()).unwrap();
        assert_eq!(matrix.totals.cells, cells, "{name}");
        assert!(matrix.sources.is_empty(), "{name}");
        let again = json(&matrix);
        assert_eq!(Matrix::stored(again.as_bytes()), Ok(matrix), "{name}");
    }
}

#[test]
fn what_cannot_be_read_says_where_and_what_to_do() {
    let good = json(&fixture::pair());
    let ndjson = {
        let mut out = vec![];
        write(
            &fixture::pair(),
            Format::Ndjson,
            &Style::default(),
            &mut out,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    };
    let end = ndjson.lines().last().unwrap().to_owned();
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let newer = with("\"UNKNOWN_CA\"", "\"QUANTUM_DOUBT\"").replacen("0.1.0", "9.9.9", 1);
    for (text, want) in [
        (String::new(), "is empty; store results with -o json=FILE"),
        (" \n".into(), "is empty; store"),
        (
            "version: 1\n".into(),
            "is not JSON at line 1, column 1: expected value; store",
        ),
        ("[]".into(), "is JSON without a `schema`"),
        ("7".into(), "is JSON without a `schema`"),
        ("{}".into(), "is JSON without a `schema`"),
        ("{\"schema\": 7}".into(), "is JSON without a `schema`"),
        (
            good[..good.len() / 2].into(),
            "ends in the middle, at line ",
        ),
        (format!("{good}}}"), "is not JSON at line "),
        (ndjson, "is the stream of a run (ndjson)"),
        (end, "is the stream of a run (ndjson)"),
        (
            with("result/v1", "result/v2"),
            "is in the format \"mtls-probe/result/v2\", and this probe reads \"mtls-probe/result/v1\"; read it with the version of probe that wrote it, or run again with this one",
        ),
        (
            with("mtls-probe/result/v1", "mtls-probe/judgement/v1"),
            "holds \"mtls-probe/judgement/v1\", which is not a result of a run",
        ),
        (
            newer,
            ": unknown name \"QUANTUM_DOUBT\"; it was written by probe \"9.9.9\" and this is 0.1.0: read it with the newer of the two",
        ),
        (
            with("\"UNKNOWN_CA\"", "\"UNKNOWN_CAT\""),
            ": unknown name \"UNKNOWN_CAT\"; somebody has changed it since a run wrote it",
        ),
        (
            with("\"cells\": [", "\"cells\": 7, \"was\": ["),
            ": invalid type: integer `7`, expected a sequence;",
        ),
        (with("\"from\"", "\"form\""), ": missing field `from`;"),
    ] {
        let err = Matrix::stored(text.as_bytes()).unwrap_err().to_string();
        assert!(err.contains(want), "{err}\nis not\n{want}");
    }
    let wide: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe], wide.as_slice()].concat();
    assert_eq!(Matrix::stored(&marked), Err(StoredError::Utf16));
    let deep = format!("{{\"schema\": {}", "[".repeat(100_000));
    assert!(Matrix::stored(deep.as_bytes()).is_err());
}

#[test]
fn counts_are_made_anew_and_texts_are_cut() {
    let mut matrix = fixture::pair();
    matrix.totals.met = 77;
    matrix.cells[0].from = "x".repeat(100_000);
    let read = Matrix::stored(json(&matrix).as_bytes()).unwrap();
    assert_eq!(read.totals, Totals::of(&matrix.cells));
    assert!(read.cells[0].from.len() <= super::super::MAX_TEXT);
}

fn json(matrix: &Matrix) -> String {
    let mut out = vec![];
    write(matrix, Format::Json, &Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
