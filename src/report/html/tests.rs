use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::certificate::sha256;
use crate::matrix::Matrix;
use crate::report::Format;
use crate::report::fixture::matrix;
use crate::report::tests::{Dice, empty, golden, hostile, random, written};
use crate::report::text::steers;

#[test]
fn the_fixed_matrix_renders_to_the_golden_file() {
    let page = html(&matrix());
    golden("result.html", &page);
    // A stored result is as good as a live one.
    let stored = Matrix::stored(written(&matrix(), Format::Json).as_bytes()).unwrap();
    assert_eq!(html(&stored), page);
}

#[test]
fn the_policy_lets_this_script_and_this_style_in_and_nothing_else() {
    let page = html(&matrix());
    let [policy] = between(&page, "Policy\" content=\"", "\"")[..] else {
        panic!("{page}");
    };
    let digests = |text: &str| STANDARD.encode(sha256(text.as_bytes()));
    let [script] = between(&page, "<script>", "</script>")[..] else {
        panic!("{page}");
    };
    let [style] = between(&page, "<style>", "</style>")[..] else {
        panic!("{page}");
    };
    let (script, style) = (digests(script), digests(style));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; \
             base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; \
             trusted-types 'none'"
        )
    );
    // No address that a browser would follow by itself, nor one that somebody could click.
    for word in [
        "src=", "href=\"h", "url(", "@import", "style=", " on", "http:", "https:",
    ] {
        let markup = page.replace(script.as_str(), "");
        let markup = markup.split("<script").next().unwrap_or_default();
        assert!(!tags(markup).contains(word), "{word}");
    }
}

#[test]
fn hostile_text_is_neither_markup_nor_invisible() {
    let short =
        "</script><!--<b onclick='x'>\"\u{1b}[2J\r\n\t\u{202e}\u{200b}\u{feff}\u{2028}\0&amp;";
    for text in [short.to_owned(), short.repeat(100_000 / short.len())] {
        let matrix = hostile(&text, 3);
        let page = html(&matrix);
        // What the grid needs, what all cells share, a row, and the script.
        assert_eq!(page.matches("<script").count(), 4);
        assert_eq!(page.matches("</script").count(), 4);
        assert!(!page.contains("<!--") && !page.contains("<b on"));
        assert!(page.chars().all(|c| c == '\n' || !steers(c)));
        assert_eq!(html(&matrix), page);
    }
    let page = html(&hostile(&short.repeat(100_000 / short.len()), 1).bounded());
    assert!(page.len() < 12_000_000, "{} bytes", page.len());
}

#[test]
fn every_cell_and_every_place_is_there_whatever_the_matrix() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for _ in 0..60 {
        let matrix = random(&mut dice);
        let page = html(&matrix);
        if matrix.cells.is_empty() {
            assert!(!page.contains("<script"));
            continue;
        }
        let data: Vec<Value> = between(&page, "<script type=\"application/json\"", "</script>")
            .into_iter()
            .map(|element| {
                let (_, json) = element.split_once('>').unwrap();
                serde_json::from_str(json).unwrap()
            })
            .collect();
        let (head, pool, rows) = (&data[0], &data[data.len() - 1], &data[1..data.len() - 1]);
        assert_eq!(head["sources"].as_array().unwrap().len(), rows.len());
        let mut cells = 0;
        for square in rows.iter().flat_map(|row| row.as_array().unwrap()) {
            let target = usize::try_from(square[0].as_u64().unwrap()).unwrap();
            assert!(head["targets"][target].is_string());
            for cell in square[1].as_array().unwrap() {
                let pooled =
                    |name: &str, place: &Value| &pool[name][place.as_u64().unwrap() as usize];
                assert!(pooled("places", &cell[0])["address"].is_string());
                let explained = pooled("verdicts", &cell[2])["explanation"]
                    .as_str()
                    .unwrap();
                assert!(page.contains(&format!("<dd id=\"{explained}\">")));
                cells += 1;
            }
        }
        assert_eq!(cells, matrix.cells.len());
    }
}

#[test]
fn nothing_probed_is_said_in_words() {
    let page = html(&empty());
    assert!(page.contains("<h1>Nothing was probed</h1>"));
    assert!(!page.contains("<script") && !page.contains("id=\"matrix\""));
    let mut interrupted = matrix();
    interrupted.run.interrupted = true;
    assert!(html(&interrupted).contains("The run was stopped before its end"));
}

fn html(matrix: &Matrix) -> String {
    written(matrix, Format::Html)
}

/// What stands between these marks, each time.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    let parts = text.split(start).skip(1);
    parts.filter_map(|part| part.split(end).next()).collect()
}

/// The tags alone.
fn tags(markup: &str) -> String {
    between(markup, "<", ">").join("\n")
}
