//! Openings in plaintext, against the real servers that people have: who is refused, and where.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of a test: a panic names the line, and the environment is real"
)]

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod kit;
mod replies;
mod servers;
#[path = "../stage/mod.rs"]
mod stage;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Instant;

use kit::Kit;
use mtls_probe::suite::Suite;
use servers::{Server, Tls, mariadb, postfix, postgres, slapd};
use stage::probe;

#[test]
fn postgres_says_in_words_what_its_rules_want() {
    let server = |kit: &Kit, tls| postgres(kit, tls);
    let asking = |user: &str, database: &str| {
        format!(
            "starttls: postgres, request: {{ postgres: {{ user: {user}, database: {database} }} }}"
        )
    };
    let stranger = "UNKNOWN_CA ambiguous";
    let expired = "CERT_EXPIRED certain";
    let required = "CLIENT_CERT_REQUIRED certain";
    let denied = "AUTHZ_DENIED certain";
    let no_plaintext = "PLAINTEXT_REJECTED certain";
    let perhaps_no_plaintext = "PLAINTEXT_REJECTED likely";
    let row = |way: String, good, none, plaintext| Row {
        way,
        want: [good, stranger, expired, none, plaintext],
    };
    let with_tls = [
        row(
            asking("frontend", "verify-ca"),
            "OK certain",
            required,
            no_plaintext,
        ),
        row(
            asking("frontend", "verify-full"),
            "OK certain",
            required,
            no_plaintext,
        ),
        row(
            asking("frontend", "cert"),
            "OK certain",
            required,
            no_plaintext,
        ),
        row(
            asking("other", "verify-ca"),
            "OK certain",
            required,
            no_plaintext,
        ),
        row(
            asking("other", "verify-full"),
            "AUTHZ_DENIED likely",
            required,
            perhaps_no_plaintext,
        ),
        row(
            asking("other", "cert"),
            denied,
            required,
            perhaps_no_plaintext,
        ),
        row(
            asking("frontend", "scram"),
            "OK likely",
            required,
            no_plaintext,
        ),
        row(
            asking("frontend", "lax"),
            "OK certain",
            "OK certain",
            no_plaintext,
        ),
        row(
            asking("frontend", "open"),
            denied,
            denied,
            "PLAINTEXT_ACCEPTED certain",
        ),
        row(
            asking("frontend", "nothing"),
            denied,
            denied,
            perhaps_no_plaintext,
        ),
        row(
            "starttls: postgres".to_owned(),
            "OK likely",
            "SILENT ambiguous",
            perhaps_no_plaintext,
        ),
    ];
    let without = [
        (asking("frontend", "cert"), perhaps_no_plaintext),
        (asking("frontend", "open"), "PLAINTEXT_ACCEPTED certain"),
        ("starttls: postgres".to_owned(), perhaps_no_plaintext),
    ];
    let without = without.map(|(way, plaintext)| no_tls(way, plaintext));
    check(
        "postgres",
        server,
        &[
            (Tls::V12, &with_tls),
            (Tls::V13, &with_tls),
            (Tls::Off, &without),
        ],
    );
}

#[test]
fn mariadb_refuses_certificates_in_the_handshake_and_their_want_at_login_only() {
    let server = |kit: &Kit, tls| mariadb(kit, tls);
    let way = || "starttls: mysql".to_owned();
    let with_tls = [Row {
        way: way(),
        want: [
            "OK likely",
            "UNKNOWN_CA ambiguous",
            "CERT_EXPIRED certain",
            "SILENT ambiguous",
            "CLOSED ambiguous",
        ],
    }];
    let without = [no_tls(way(), "PLAINTEXT_ACCEPTED likely")];
    check(
        "mariadb",
        server,
        &[
            (Tls::V12, &with_tls),
            (Tls::V13, &with_tls),
            (Tls::Off, &without),
        ],
    );
}

#[test]
fn slapd_refuses_without_a_word_and_in_tls_1_2_after_the_handshake() {
    let server = |kit: &Kit, tls| slapd(kit, tls);
    let no_plaintext = "PLAINTEXT_REJECTED certain";
    let alone = || "starttls: ldap".to_owned();
    let binding = || {
        format!(
            "starttls: ldap, request: {{ send: {{ hex: {BIND} }}, expect: {{ hex: {BOUND} }} }}"
        )
    };
    let row = |way, want| Row { way, want };
    let in_12 = [
        row(
            alone(),
            [
                "SILENT ambiguous",
                "SILENT ambiguous",
                "SILENT ambiguous",
                "CLOSED ambiguous",
                no_plaintext,
            ],
        ),
        row(
            binding(),
            [
                "OK certain",
                "AUTHZ_DENIED ambiguous",
                "AUTHZ_DENIED ambiguous",
                "CLIENT_CERT_REQUIRED likely",
                no_plaintext,
            ],
        ),
    ];
    let in_13 = [
        row(
            alone(),
            [
                "OK likely",
                "UNKNOWN_CA ambiguous",
                "CERT_EXPIRED likely",
                "CLIENT_CERT_REQUIRED likely",
                no_plaintext,
            ],
        ),
        row(
            binding(),
            [
                "OK certain",
                "UNKNOWN_CA ambiguous",
                "CERT_EXPIRED likely",
                "CLIENT_CERT_REQUIRED likely",
                no_plaintext,
            ],
        ),
    ];
    let without = [no_tls(alone(), "PLAINTEXT_ACCEPTED likely")];
    check(
        "slapd",
        server,
        &[(Tls::V12, &in_12), (Tls::V13, &in_13), (Tls::Off, &without)],
    );
}

#[test]
fn postfix_refuses_certificates_in_the_answer_to_the_next_command() {
    let server = |kit: &Kit, tls| postfix(kit, tls);
    let no_plaintext = "PLAINTEXT_REJECTED certain";
    let alone = || "starttls: smtp".to_owned();
    let hello =
        || r#"starttls: smtp, request: { send: "EHLO probe\r\n", expect: "250 " }"#.to_owned();
    let silent = "SILENT ambiguous";
    let with_tls = [
        Row {
            way: alone(),
            want: [silent, silent, silent, silent, no_plaintext],
        },
        Row {
            way: hello(),
            want: [
                "OK certain",
                "UNKNOWN_CA ambiguous",
                "CERT_EXPIRED likely",
                "CLIENT_CERT_REQUIRED certain",
                no_plaintext,
            ],
        },
    ];
    let without = [no_tls(hello(), "PLAINTEXT_ACCEPTED certain")];
    check(
        "postfix",
        server,
        &[
            (Tls::V12, &with_tls),
            (Tls::V13, &with_tls),
            (Tls::Off, &without),
        ],
    );
}

#[test]
fn the_examples_of_the_page_are_suites() {
    let page = include_str!("../../docs/openings.md");
    let mut examples = page.split("```yaml\n").skip(1).peekable();
    assert!(examples.peek().is_some());
    for example in examples {
        let text = example.split("```").next().unwrap();
        let suite = Suite::parse("example", Path::new("."), text).unwrap();
        assert!(!suite.targets.is_empty());
    }
}

#[test]
fn bytes_are_sent_and_expected_from_the_command_line() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut heard = [0; 6];
            if stream.read_exact(&mut heard).is_ok() && &heard == b"PING\r\n" {
                let _ = stream.write_all(b"+PONG\r\n");
            }
        }
    });
    let pair = ["--from", "plaintext", "--only", "--to", &address];
    let answered = ["--send", r"PING\r\n", "--receive", r"\x2bPONG"];
    let done = probe(&pair, &[&answered[..], &["--format", "json"]].concat());
    assert_eq!(done.code(), 0, "{}{}", done.out, done.err);
    let cell = &done.values()[0]["cells"][0];
    assert_eq!(cell["code"], "PLAINTEXT_ACCEPTED", "{cell:#}");
    assert_eq!(cell["confidence"], "certain", "{cell:#}");

    let done = probe(&pair, &["--send", r"PING\r\n", "--receive", "-ERR"]);
    assert_eq!(done.code(), 3, "{}", done.out);
    for wrong in [["--send", r"\q"], ["--request", "GET /"]] {
        let done = probe(&pair, &[&answered[..], &wrong].concat());
        assert_eq!(done.code(), 2, "{}{}", done.out, done.err);
    }
}

/// A way to a server, and what it is to be for each of the sources.
struct Row {
    way: String,
    want: [&'static str; 5],
}

/// Where there is no TLS, we are the ones who refuse.
fn no_tls(way: String, plaintext: &'static str) -> Row {
    let ours = "NOT_TLS certain";
    Row {
        way,
        want: [ours, ours, ours, ours, plaintext],
    }
}

/// Starts a server for each of these, and compares.
fn check(program: &str, start: impl Fn(&Kit, Tls) -> Server, rows: &[(Tls, &[Row])]) {
    if let Some(why) = servers::missing(program) {
        let words = format!("SKIPPED: the openings of {program}: {why}");
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!is_ci, "{words}");
        say(&words);
        return;
    }
    let kit = Kit::make();
    let mut wrong = vec![];
    for (tls, rows) in rows {
        let begun = Instant::now();
        let server = start(&kit, *tls);
        let started = begun.elapsed();
        let mut right = 0;
        for row in *rows {
            let cells = cells(&kit, server.address, &row.way);
            assert_eq!(cells.len(), row.want.len());
            for (cell, want) in cells.iter().zip(row.want) {
                let text = |name: &str| cell[name].as_str().unwrap_or_default();
                let got = format!("{} {}", text("code"), text("confidence"));
                let attempts = &cell["attempts"];
                if attempts["agreeing"] != attempts["total"] {
                    let way = &row.way;
                    say(&format!("{program}, {way}, {}: {cell}", text("from")));
                }
                match got == want {
                    true => right += 1,
                    false => wrong.push(format!(
                        "{program}, {}, {}, {}: {got} and not {want}: {}",
                        tls.as_str(),
                        row.way,
                        text("from"),
                        cell["evidence"]
                    )),
                }
            }
        }
        say(&format!(
            "{program}, {}: {right} right; started in {:.1} s, {:.1} s in all",
            tls.as_str(),
            started.as_secs_f64(),
            begun.elapsed().as_secs_f64()
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A row for each client, for `none` and for `plaintext`.
fn cells(kit: &Kit, address: SocketAddr, way: &str) -> Vec<serde_json::Value> {
    let mut suite = "version: 1\ntrust_domain: cluster.local\nbundles: { cluster.local: { file: roots.pem } }\nsources:\n".to_owned();
    for name in kit::CLIENTS {
        suite += &format!("  {name}: {{ files: {{ chain: {name}.pem, key: {name}.key }} }}\n");
    }
    suite += "  none: {}\n  plaintext: {}\n";
    // `ATTEMPTS=100` tries everything so often.
    let attempts = std::env::var("ATTEMPTS").unwrap_or_else(|_| "1".to_owned());
    suite += &format!("defaults: {{ attempts: {attempts} }}\n");
    suite += &format!("targets:\n  it: {{ address: \"{address}\", id: sa/server, {way} }}\n");
    let path = kit.path("suite.yaml");
    fs::write(&path, suite).unwrap();
    let done = probe(&["run".as_ref(), path.as_os_str()], &["--format", "json"]);
    assert!(!done.out.is_empty(), "{}", done.err);
    done.values()[0]["cells"].as_array().unwrap().clone()
}

/// The test harness swallows what `eprintln` says of a test that passes.
fn say(what: &str) {
    std::io::stderr()
        .write_all(format!("{what}\n").as_bytes())
        .unwrap();
}

/// An anonymous bind, and the begin of its success.
const BIND: &str = "300c020101600702010304008000";
const BOUND: &str = "300c02010161070a0100";
