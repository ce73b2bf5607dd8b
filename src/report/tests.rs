use std::path::Path;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::fixture::{compared, matrix, mesh, pair};
use super::shape::shapes;
use super::*;
use crate::code::{Code, Confidence, Kind};
use crate::matrix::fixture::{cell, with_code};
use crate::matrix::{
    Attempts, Cell, Face, FoundDialect, MAX_LIST, MAX_TEXT, PortMode, Run, SCHEMA, Said, Shard,
    TargetSummary, Totals,
};

#[test]
fn the_fixed_matrix_renders_to_the_golden_files() {
    let table = |width, color| Style {
        width: Some(width),
        color,
        ..Style::default()
    };
    golden("table-40.txt", &text(&matrix(), &table(40, false)));
    golden("table-80.txt", &text(&matrix(), &table(80, false)));
    golden("table-120.txt", &text(&matrix(), &table(120, false)));
    golden("table-color.txt", &text(&matrix(), &table(120, true)));
    let verbose = Style {
        verbose: 1,
        ..table(120, false)
    };
    golden("table-verbose.txt", &text(&matrix(), &verbose));
    golden("pair.txt", &text(&pair(), &table(100, false)));
    golden("result.json", &written(&matrix(), Format::Json));
    golden("result.ndjson", &written(&matrix(), Format::Ndjson));
    golden("result.csv", &written(&matrix(), Format::Csv));
    golden("result.prom", &written(&matrix(), Format::Prometheus));
    golden("junit.xml", &written(&matrix(), Format::Junit));
    golden("summary.md", &written(&matrix(), Format::Markdown));
}

#[test]
fn twenty_by_twenty_renders_to_the_golden_files() {
    for width in [80, 120, 200] {
        let style = Style {
            width: Some(width),
            ..Style::default()
        };
        golden(&format!("mesh-{width}.txt"), &text(&mesh(), &style));
    }
    for width in [80, 120, 200] {
        let style = Style {
            width: Some(width),
            verbose: 1,
            ..Style::default()
        };
        let all = text(&mesh(), &style);
        // Only the grid differs from what is held elsewhere.
        let (grid, _) = all.split_once("\nModes\n").unwrap();
        golden(&format!("mesh-all-{width}.txt"), grid);
    }
    let ascii = Style {
        width: Some(80),
        ascii: true,
        ..Style::default()
    };
    golden("mesh-ascii.txt", &text(&mesh(), &ascii));
    let color = Style {
        width: Some(120),
        color: true,
        ..Style::default()
    };
    golden("mesh-color.txt", &text(&mesh(), &color));
}

pub(super) fn golden(name: &str, got: &str) {
    compared(Path::new("testdata/golden").join(name), got);
}

fn text(matrix: &Matrix, style: &Style) -> String {
    let mut out = vec![];
    write(matrix, Format::Table, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

pub(super) fn written(matrix: &Matrix, format: Format) -> String {
    let mut out = vec![];
    write(matrix, format, &Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_schema_is_generated_and_the_golden_results_keep_to_it() {
    let (of_result, of_line) = shapes::<Matrix, ndjson::Line<'static>>(SCHEMA);
    for matrix in [matrix(), pair(), empty()] {
        let json = written(&matrix, Format::Json);
        assert_eq!(of_result.complaints(&json), [""; 0]);
        assert_eq!(serde_json::from_str::<Matrix>(&json).unwrap(), matrix);
        for line in written(&matrix, Format::Ndjson).lines() {
            assert_eq!(of_line.complaints(line), [""; 0]);
            assert!(!of_result.complaints(line).is_empty());
        }
    }
    for (from, to) in [
        ("\"UNKNOWN_CA\"", "\"unknown_ca\""),
        ("\"rejected\"", "\"refused\""),
        ("\"by\": \"peer\"", "\"by\": \"them\""),
        ("\"settle\",", "7,"),
        ("result/v1", "result/v2"),
    ] {
        let wrong = written(&pair(), Format::Json).replacen(from, to, 1);
        assert!(
            !of_result.complaints(&wrong).is_empty(),
            "{to} is not in the schema"
        );
    }
}

#[test]
fn ndjson_says_of_each_line_what_it_is_and_ends_with_an_end() {
    let matrix = matrix();
    let text = written(&matrix, Format::Ndjson);
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (end, cells) = lines.split_last().unwrap();
    assert_eq!(end["type"], "end");
    assert_eq!(end["schema"], SCHEMA);
    assert_eq!(end["totals"]["cells"], matrix.cells.len());
    for (line, cell) in cells.iter().zip(&matrix.cells) {
        assert_eq!(line["type"], "cell");
        assert_eq!(serde_json::from_value::<Cell>(line.clone()).unwrap(), *cell);
    }
    let mut streamed = vec![];
    for cell in &matrix.cells {
        ndjson::cell(cell, &mut streamed).unwrap();
    }
    ndjson::end(&matrix, &mut streamed).unwrap();
    assert_eq!(String::from_utf8(streamed).unwrap(), text);
}

#[test]
fn every_line_fits_and_every_code_is_there_whatever_the_matrix() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..150 {
        let matrix = random(&mut dice);
        let style = Style {
            width: Some(40 + dice.below(161)),
            color: false,
            ascii: round % 5 == 0,
            verbose: [0, 0, 0, 1, 2][dice.below(5)],
            addresses: false,
        };
        let text = text(&matrix, &style);
        for line in text.lines() {
            assert!(
                line.width() <= style.width.unwrap(),
                "{style:?}\n{line}\n{text}"
            );
            assert_eq!(line.trim_end(), line, "{style:?}\n{text}");
            assert!(!style.ascii || line.is_ascii(), "{line}");
        }
        for cell in &matrix.cells {
            assert!(
                text.contains(cell.code.as_str()),
                "{} is not in\n{text}",
                cell.code
            );
        }
    }
}

#[test]
fn colour_changes_no_text_and_is_absent_unless_asked_for() {
    let style = |color| Style {
        width: Some(100),
        color,
        ..Style::default()
    };
    let plain = text(&matrix(), &style(false));
    let colored = text(&matrix(), &style(true));
    assert!(!plain.contains('\u{1b}') && colored.contains('\u{1b}'));
    let stripped = colored
        .split("\u{1b}[")
        .enumerate()
        .map(|(nth, part)| match nth {
            0 => part,
            _ => part.split_once('m').unwrap().1,
        });
    assert_eq!(stripped.collect::<String>(), plain);
}

#[test]
fn hostile_text_neither_steers_the_terminal_nor_floods_it() {
    let short = "\u{1b}[2J\u{9b}31m\r\n\tfake: OK\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{5d0}\u{301}\u{7f}\0<b>|`[x](y)";
    for text in [short.to_owned(), short.repeat(100_000 / short.len())] {
        for matrix in [hostile(&text, 1), hostile(&text, 3)] {
            for verbose in 0..=2 {
                for ascii in [false, true] {
                    let style = Style {
                        width: Some(80),
                        ascii,
                        verbose,
                        ..Style::default()
                    };
                    let out = self::text(&matrix, &style);
                    assert!(out.len() < 80_000, "{} bytes for {verbose}", out.len());
                    for c in out.chars() {
                        assert!(c == '\n' || !text::steers(c), "{c:?} in\n{out}");
                        assert!(!('\u{590}'..'\u{900}').contains(&c), "{c:?}");
                    }
                    assert!(out.lines().all(|line| line.width() <= 80));
                }
            }
        }
        let matrix = hostile(&text, 1);
        for format in [
            Format::Json,
            Format::Ndjson,
            Format::Junit,
            Format::Markdown,
            Format::Prometheus,
            Format::Csv,
        ] {
            let out = written(&matrix, format).replace("\r\n", "\n");
            assert!(out.chars().all(|c| c == '\n' || !text::steers(c)));
        }
        let json = written(&matrix, Format::Json);
        assert_eq!(serde_json::from_str::<Matrix>(&json).unwrap(), matrix);
    }
}

#[test]
fn a_bounded_result_is_cut_visibly() {
    let matrix = hostile(&"x".repeat(100_000), 1).bounded();
    let cell = &matrix.cells[0];
    assert!(cell.evidence.iter().all(|line| line.len() <= MAX_TEXT));
    assert!(cell.evidence[0].ends_with('…'));
    assert_eq!(cell.evidence.len(), MAX_LIST);
    assert_eq!(cell.evidence[MAX_LIST - 1], "… and 45 more");
    let server = cell.server.as_ref().unwrap();
    assert_eq!(server.chain.len(), MAX_LIST);
    assert_eq!(server.evidence[0], "44 more certificates are left out here");
    assert_eq!(server.chain[0].uris.len(), MAX_LIST);
    assert_eq!(matrix.clone().bounded(), matrix);

    let untouched = self::matrix();
    assert_eq!(untouched.clone().bounded(), untouched);
}

#[test]
fn nothing_probed_is_said_in_words() {
    assert_eq!(text(&empty(), &Style::default()), "Nothing was probed.\n");
    let mut matrix = empty();
    matrix.run.interrupted = true;
    assert_eq!(
        text(&matrix, &Style::default()),
        "INTERRUPTED: the run was stopped before its end, and cells are missing.\n\nNothing was probed.\n"
    );
}

#[test]
fn an_interrupted_run_and_another_time_of_judgement_are_said_in_words() {
    let mut matrix = matrix();
    matrix.run.interrupted = true;
    matrix.run.judged_at = "2026-08-02T12:00:00Z".into();
    let said = text(&matrix, &Style::default());
    assert!(said.starts_with("INTERRUPTED: "));
    assert!(said.ends_with("\nCertificates were judged as of 2026-08-02T12:00:00Z.\n"));
    matrix.run.shard = Some(Shard {
        index: 2,
        total: 3,
        plan: "p".into(),
    });
    let said = text(&matrix, &Style::default());
    assert!(said.ends_with(
        "\nThis is shard 2/3; the other servers are in the others, and `probe report` joins them.\n"
    ));
}

#[test]
fn many_cells_that_read_the_same_share_a_paragraph() {
    let mut cells = vec![];
    for source in 0..20 {
        for target in 0..20 {
            let mut cell = cell(
                &format!("sa/client-{source}"),
                &format!("server-{target}"),
                "h:1",
            );
            let broken = target == 3 && source < 12 || source == 19;
            if broken {
                cell = with_code(cell, Code::UnknownCa, None);
                cell.met = Some(false);
                cell.evidence = vec!["alert unknown_ca(48)".into(), format!("serial {source}")];
            }
            cells.push(cell);
        }
    }
    let text = text(&of(cells), &Style::default());
    golden("table-20x20.txt", &text);
    assert!(text.lines().count() < 50, "{text}");
    assert!(text.contains("! 13 sources -> server-3 (h:1): UNKNOWN_CA, expected OK\n"));
    assert!(text.contains("! sa/client-19 -> 19 targets: UNKNOWN_CA, expected OK\n"));
    assert_eq!(text.matches("- alert unknown_ca(48)\n").count(), 2);
}

#[test]
fn rows_and_columns_that_are_alike_share_a_place_only_where_that_is_worth_it() {
    let names = |what: &str| {
        (0..20)
            .map(|nth| format!("{what}-{nth}"))
            .collect::<Vec<_>>()
    };
    let (sources, targets) = (
        names("sa/some-client-of-the-mesh"),
        names("server-of-the-mesh"),
    );
    let grid = |is_broken: &dyn Fn(usize, usize) -> bool, verbose| {
        let mut cells = vec![];
        for (row, from) in sources.iter().enumerate() {
            for (column, to) in targets.iter().enumerate() {
                let mut cell = cell(from, to, "h:1");
                if is_broken(row, column) {
                    cell = with_code(cell, Code::UnknownCa, None);
                    cell.met = Some(false);
                }
                cells.push(cell);
            }
        }
        let style = Style {
            width: Some(80),
            verbose,
            ..Style::default()
        };
        let text = text(&of(cells), &style);
        text.split("\n! not as expected").next().unwrap().to_owned()
    };
    // One row and one column stand out.
    let cross = |row: usize, column: usize| row == 3 || column == 5;
    let folded = grid(&cross, 0);
    assert!(folded.lines().count() < 25, "{folded}");
    let told = folded.split([' ', ',', '\n']);
    let told: Vec<&str> = told.collect();
    for name in sources.iter().chain(&targets) {
        assert!(told.contains(&name.as_str()), "{name}\n{folded}");
    }
    // Asked for more, every row is there.
    let whole = grid(&cross, 1);
    assert!(!whole.contains(" +"), "{whole}");
    assert!(whole.lines().count() > 40, "{whole}");
    // Where every row is its own there is nothing to fold.
    let own = grid(&|row, column| row == column, 0);
    assert!(!own.contains(" +"), "{own}");
    // What is not as expected is counted at the edges.
    assert!(whole.contains("!20\n") && whole.contains("!1\n"), "{whole}");
}

#[test]
fn names_of_columns_stand_above_them_whatever_the_width() {
    let names = [
        "api",
        "payments",
        "a-service-with-a-long-name",
        "世界",
        "\u{1b}[2J",
        "q",
    ];
    let mut cells = vec![];
    for from in 0..20 {
        for (nth, to) in names.into_iter().cycle().take(24).enumerate() {
            let mut cell = cell(&format!("sa/{from}"), &format!("{to}{nth}"), "h:1");
            if (from + nth) % 7 == 0 {
                cell = with_code(
                    cell,
                    [Code::UnknownCa, Code::Silent, Code::CertExpired][nth % 3],
                    None,
                );
                cell.met = Some(false);
            }
            cells.push(cell);
        }
    }
    let matrix = of(cells);
    for width in [80, 100, 140] {
        for ascii in [false, true] {
            let style = Style {
                width: Some(width),
                ascii,
                verbose: 1,
                ..Style::default()
            };
            let text = text(&matrix, &style);
            let corner = if ascii { " +" } else { " ┐" };
            let rule = if ascii { "----" } else { "────" };
            let head: Vec<&str> = text
                .lines()
                .take_while(|line| !line.starts_with(rule))
                .collect();
            assert!(
                head.len() > 5 && head.iter().all(|line| line.contains(corner)),
                "{text}"
            );
            // From every corner a line leads down to its column.
            let place = |line: &str| line.split(corner).next().unwrap().width() + 1;
            let places: Vec<usize> = head.iter().map(|line| place(line)).collect();
            assert!(
                places.is_sorted_by(|one, other| one > other),
                "{places:?}\n{text}"
            );
            let row = text.lines().nth(head.len() + 1).unwrap();
            let sign = |at: &usize| row.chars().nth(*at).unwrap();
            assert!(places.iter().all(|at| sign(at) != ' '), "{row}\n{text}");
        }
    }
}

#[test]
fn an_open_door_comes_before_all_else_and_then_what_most_share() {
    let text = text(
        &mesh(),
        &Style {
            width: Some(120),
            ..Style::default()
        },
    );
    let broken = text.split("\nNot as expected\n").nth(1).unwrap();
    let broken = broken.split("\nIn doubt\n").next().unwrap();
    let heads: Vec<&str> = broken
        .lines()
        .filter(|line| line.starts_with('!'))
        .collect();
    let codes: Vec<&str> = heads
        .iter()
        .map(|line| line.rsplit("): ").next().unwrap_or(line))
        .collect();
    assert!(
        codes[0].starts_with("OK") && codes[1].starts_with("PLAINTEXT_ACCEPTED"),
        "{heads:#?}"
    );
    assert!(
        heads[2].contains("-> 18 targets") && heads[3].contains("17 sources"),
        "{heads:#?}"
    );
    let (first, last) = (text.find("356 of 420"), text.rfind("356 of 420"));
    assert!(
        first < last && text.ends_with("nothing was expected.\n"),
        "{text}"
    );
}

#[test]
fn a_cell_stands_for_its_gravest_address_and_names_its_share() {
    let all = |codes: &[(Code, Option<bool>)]| {
        let cells = codes.iter().enumerate().map(|(nth, (code, met))| Cell {
            met: *met,
            ..with_code(cell("a", "t", &format!("h:{nth}")), *code, None)
        });
        let other = cell("b", "t", "h:0");
        text(&of(cells.chain([other]).collect()), &Style::default())
    };
    let ok = (Code::Ok, Some(true));
    let bad = (Code::UnknownCa, Some(false));
    let doubt = (Code::Silent, None);
    for (codes, row) in [
        (vec![ok, ok], "a  ✓ OK"),
        (vec![ok, ok, bad], "a !✗ UNKNOWN_CA 1/3"),
        (vec![bad, bad, ok], "a !✗ UNKNOWN_CA 2/3"),
        (vec![ok, doubt, doubt], "a  ? SILENT 2/3"),
        (vec![doubt, bad, doubt], "a !✗ UNKNOWN_CA 1/3"),
    ] {
        let text = all(&codes);
        assert_eq!(text.lines().nth(2), Some(row), "{text}");
    }
    let text = all(&[ok, ok, bad]);
    assert!(
        text.contains("  a -> t: OK at h:0, h:1; UNKNOWN_CA at h:2\n"),
        "{text}"
    );
}

#[test]
fn names_that_would_look_alike_are_numbered() {
    let long = |middle: &str| format!("payments-production-{middle}-europe-west-1-backend");
    let cells = ["a", "b"].map(|middle| cell(&long(middle), "t", "h:1"));
    let style = Style {
        width: Some(60),
        ..Style::default()
    };
    let text = text(&of(cells.into()), &style);
    assert!(
        text.contains("\npaymen…ackend#1  ✓ OK\npaymen…ackend#2  ✓ OK\n"),
        "{text}"
    );
    assert!(
        text.contains("\n#2 payments-production-b-europe-west-1-backend\n"),
        "{text}"
    );
}

#[test]
fn who_refused_whom_is_said_in_a_sentence() {
    for (from, code, by, want) in [
        ("a", Code::Ok, None, "t accepted a."),
        (
            "plaintext",
            Code::PlaintextAccepted,
            None,
            "t accepted a client without TLS: a plaintext exchange succeeded.",
        ),
        (
            "a",
            Code::UnknownCa,
            Some("peer"),
            "t refused a: the chain does not lead to a trusted root.",
        ),
        (
            "none",
            Code::ClientCertRequired,
            Some("peer"),
            "t refused a client without a certificate: no certificate was sent and the peer insists on one.",
        ),
        (
            "a",
            Code::UnknownCa,
            Some("probe"),
            "We refuse the certificate of t: the chain does not lead to a trusted root.",
        ),
        (
            "a",
            Code::NotTls,
            Some("probe"),
            "We turn t down: the peer does not speak TLS here.",
        ),
        (
            "a",
            Code::UpstreamUnavailable,
            Some("peer"),
            "t did not answer a itself: a proxy in between cannot reach its upstream.",
        ),
        (
            "a",
            Code::ConnectTimeout,
            None,
            "No connection to t: the TCP connection was not answered in time.",
        ),
        (
            "a",
            Code::Silent,
            None,
            "Nobody can tell whether t accepts a: the peer said nothing either way; it ended after our request was sent.",
        ),
        (
            "a",
            Code::ProbeFault,
            None,
            "Nothing was learned about t: our own trouble; it says nothing about the peer; it ended after our request was sent.",
        ),
    ] {
        let cell = with_code(cell(from, "t", "h:1"), code, by);
        let text = text(
            &of(vec![cell]),
            &Style {
                width: Some(200),
                ..Style::default()
            },
        );
        assert!(text.contains(&format!("\n  {want}\n")), "{want}\n{text}");
    }
}

#[test]
fn a_refusal_by_nobody_is_not_pinned_on_the_target() {
    let mut cell = with_code(cell("a", "t", "h:1"), Code::UnknownCa, None);
    for by in [None, Some("somebody".to_owned())] {
        cell.by = by;
        let text = text(&of(vec![cell.clone()]), &Style::default());
        assert!(
            text.contains("? UNKNOWN_CA") && text.contains("t and a did not agree"),
            "{text}"
        );
    }
}

#[test]
fn a_pair_is_recognised_by_its_sources_and_its_one_target() {
    let cells = |pairs: &[(&str, &str, &str)]| {
        let cells = pairs.iter().map(|(from, to, at)| cell(from, to, at));
        of(cells.collect())
    };
    for (pairs, want) in [
        (&[("a", "t", "h:1")][..], true),
        (
            &[
                ("a", "t", "h:1"),
                ("none", "t", "h:1"),
                ("plaintext", "t", "h:1"),
            ],
            true,
        ),
        (
            &[("a", "t", "h:1"), ("a", "t", "h:2"), ("none", "t", "h:1")],
            true,
        ),
        (&[("none", "t", "h:1"), ("plaintext", "t", "h:1")], true),
        (&[("a", "t", "h:1"), ("b", "t", "h:1")], false),
        (&[("a", "t", "h:1"), ("a", "u", "h:1")], false),
        (&[], false),
    ] {
        assert_eq!(pair::is_pair(&cells(pairs)), want, "{pairs:?}");
    }
}

#[test]
fn a_format_reads_back_and_a_slip_is_corrected() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(*format));
    }
    for (text, want) in [
        (
            "tabel",
            "there is no format \"tabel\"; did you mean \"table\"?",
        ),
        (
            "JSON",
            "there is no format \"JSON\"; did you mean \"json\"?",
        ),
        (
            "ndjso",
            "there is no format \"ndjso\"; did you mean \"ndjson\"?",
        ),
        (
            "pdf",
            "there is no format \"pdf\"; write one of table, json, ndjson, junit, markdown, prometheus, html, csv",
        ),
        (
            "",
            "there is no format \"\"; write one of table, json, ndjson, junit, markdown, prometheus, html, csv",
        ),
    ] {
        assert_eq!(text.parse::<Format>().unwrap_err().to_string(), want);
    }
}

pub(super) fn empty() -> Matrix {
    of(vec![])
}

pub(super) fn of(cells: Vec<Cell>) -> Matrix {
    Matrix {
        schema: SCHEMA.into(),
        run: Run::default(),
        totals: Totals::of(&cells),
        cells,
        targets: vec![],
        sources: vec![],
        findings: vec![],
    }
}

/// The fixed matrix with this text in every field, and lists that are too long.
pub(super) fn hostile(text: &str, targets: usize) -> Matrix {
    let mut matrix = matrix();
    let mut cell = matrix.cells.swap_remove(0);
    let bad = || text.to_owned();
    // A few long texts show as much as many do, and cost less.
    let many = || -> Vec<String> {
        let short: String = text.chars().take(50).collect();
        [vec![bad(); 3], vec![short; 297]].concat()
    };
    cell.from_id = Some(bad());
    cell.from = bad();
    cell.stage = bad();
    cell.outcome = bad();
    cell.expected = Some(bad());
    cell.met = Some(false);
    cell.candidates = vec![Code::Ok; 300];
    cell.confidence = Confidence::Ambiguous;
    cell.evidence = many();
    let said = Said {
        code: Code::Ok,
        by: Some(bad()),
        count: u32::MAX,
    };
    cell.attempts = Attempts {
        total: u32::MAX,
        agreeing: 1,
        codes: vec![said.clone(); 300],
        flake: None,
        faces: vec![
            Face {
                sha256: bad(),
                serial: bad(),
                issuer: bad(),
                ca_hints: many(),
                count: 1,
                codes: vec![said],
            };
            3
        ],
    };
    if let Some(server) = &mut cell.server {
        server.id = Some(bad());
        server.judgement = Code::InvalidSvid;
        server.evidence = vec![bad(); 3];
        server.ca_hints = many();
        server.chain = vec![server.chain.remove(0); 300];
        let certificate = &mut server.chain[0];
        for field in [
            &mut certificate.subject,
            &mut certificate.issuer,
            &mut certificate.serial,
            &mut certificate.not_before,
            &mut certificate.not_after,
            &mut certificate.sha256,
        ] {
            *field = bad();
        }
        certificate.uris = many();
        certificate.dns = many();
    }
    if let Some(http) = &mut cell.http {
        http.server = Some(bad());
        http.clock_offset_s = Some(i64::MIN);
    }
    if let Some(tls) = &mut cell.tls {
        for field in [
            &mut tls.version,
            &mut tls.cipher,
            &mut tls.group,
            &mut tls.alpn,
            &mut tls.sni,
        ] {
            *field = Some(bad());
        }
    }
    let cells: Vec<Cell> = (0..targets)
        .map(|nth| Cell {
            to: format!("{text}{nth}"),
            address: format!("{text}{nth}"),
            ..cell.clone()
        })
        .collect();
    matrix.targets = vec![TargetSummary {
        name: format!("{text}0"),
        mode: if targets == 1 {
            "UNKNOWN".into()
        } else {
            bad()
        },
        expected_mode: Some(bad()),
        addresses: vec![bad()],
        evidence: vec![bad(); 3],
        dialects: vec![FoundDialect {
            dialect: bad(),
            via: Some(bad()),
            addresses: vec![bad()],
            connections: 2,
            evidence: vec![bad(); 3],
        }],
        ports: vec![
            PortMode {
                port: 1,
                mode: bad(),
                addresses: vec![],
                evidence: vec![bad()],
            };
            300
        ],
    }];
    matrix.findings.truncate(3);
    for finding in &mut matrix.findings {
        finding.code = bad();
        finding.about = bad();
        finding.message = bad();
        finding.fix = bad();
    }
    matrix.run.judged_at = bad();
    matrix.totals = Totals::of(&cells);
    matrix.cells = cells;
    matrix
}

pub(super) fn random(dice: &mut Dice) -> Matrix {
    let names = [
        "api",
        "sa/frontend",
        "none",
        "plaintext",
        "ünïcode",
        "世界",
        "a b c",
    ];
    let mut name = |nth: usize| match dice.below(4) {
        0 => format!("{}-{nth}", "long-name-".repeat(1 + dice.below(6))),
        1 => format!("\u{1b}[1m\u{202e}{nth}"),
        _ => format!("{}{nth}", names[dice.below(names.len())]),
    };
    let sources: Vec<String> = (0..8).map(&mut name).collect();
    let targets: Vec<String> = (0..14).map(&mut name).collect();
    let (rows, columns, replicas) = (1 + dice.below(8), 1 + dice.below(14), 1 + dice.below(3));
    let mut cells = vec![];
    for from in &sources[..rows] {
        for to in &targets[..columns] {
            for at in 0..replicas {
                if dice.below(10) == 0 {
                    continue;
                }
                let code = Code::ALL[dice.below(Code::ALL.len())];
                let by = [Some("peer"), Some("probe")][dice.below(2)];
                let mut cell = with_code(cell(from, to, &format!("10.0.0.{at}:8080")), code, by);
                cell.met = [Some(true), Some(false), None][dice.below(3)];
                if code.kind() == Kind::Inconclusive {
                    cell.met = None;
                }
                cell.expected = [Some("OK".into()), None][dice.below(2)].clone();
                cell.evidence = (0..dice.below(4))
                    .map(|nth| "fact ".repeat(nth * 7))
                    .collect();
                cell.confidence = [
                    Confidence::Certain,
                    Confidence::Likely,
                    Confidence::Ambiguous,
                ][dice.below(3)];
                cell.attempts.total = 1 + dice.below(2) as u32;
                cells.push(cell);
            }
        }
    }
    let mut matrix = of(cells);
    let summary = |name: &String| {
        let cells: Vec<&Cell> = matrix
            .cells
            .iter()
            .filter(|cell| cell.to == *name)
            .collect();
        crate::findings::summary(name, &cells, None)
    };
    matrix.targets = targets[..columns].iter().map(summary).collect();
    let at = fixture::AT.parse().unwrap();
    matrix.findings = crate::findings::findings(&matrix.cells, &matrix.targets, at);
    matrix
}

/// Xorshift: the same numbers at every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
