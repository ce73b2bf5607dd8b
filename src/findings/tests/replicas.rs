use super::*;

#[test]
fn what_replicas_present_is_compared_whatever_they_say() {
    let usual = Presents::default();
    let (rotated, hinting, older, other, speaking, not_asking) = (
        Presents {
            root: "22",
            ..usual
        },
        Presents {
            hints: &["CN=old"],
            ..usual
        },
        Presents {
            version: "1.2",
            ..usual
        },
        Presents {
            library: "OpenSSL",
            ..usual
        },
        Presents {
            alpn: Some("h2"),
            ..usual
        },
        Presents {
            asked: false,
            ..usual
        },
    );
    let shuffled = Presents {
        hints: &["CN=b", "CN=a"],
        ..usual
    };
    for (replicas, want) in [
        (vec![usual, usual], None),
        (vec![usual, shuffled], None),
        (
            vec![usual, rotated],
            Some("root: CN=root (key 11111111) at h:0 but CN=root (key 22222222) at h:1"),
        ),
        (
            vec![usual, usual, usual, usual, hinting],
            Some("CA names it lists: \"CN=a\" + \"CN=b\" at 4 addresses but \"CN=old\" at h:4"),
        ),
        (vec![usual, older], Some("TLS: 1.3 at h:0 but 1.2 at h:1")),
        (
            vec![usual, other],
            Some("library: rustls at h:0 but OpenSSL at h:1"),
        ),
        (
            vec![usual, speaking],
            Some("ALPN: none at h:0 but h2 at h:1"),
        ),
        (
            vec![usual, not_asking],
            Some("asks for a client certificate: yes at h:0 but no at h:1"),
        ),
        (
            vec![
                usual,
                Presents {
                    root: "22",
                    version: "1.2",
                    ..usual
                },
            ],
            Some(
                "root: CN=root (key 11111111) at h:0 but CN=root (key 22222222) at h:1; \
                 TLS: 1.3 at h:0 but 1.2 at h:1",
            ),
        ),
    ] {
        let cells: Vec<Cell> = (0..)
            .zip(&replicas)
            .map(|(nth, one)| one.cell(nth))
            .collect();
        let found = found(&cells, None);
        let finding = found.get("REPLICAS_PRESENT_DIFFERENTLY");
        assert!(!found.contains_key("REPLICAS_DIFFER"), "they say the same");
        let got = finding.map(|finding| {
            assert_eq!(finding.severity, Severity::Warning);
            finding
                .message
                .split_once("do not present the same: ")
                .unwrap()
                .1
        });
        assert_eq!(got, want);

        // Where they do not say the same either, it is one finding.
        let mut cells = cells;
        cells[0] = with_code(cells[0].clone(), Code::UnknownCa, None);
        let found = self::found(&cells, None);
        assert!(!found.contains_key("REPLICAS_PRESENT_DIFFERENTLY"));
        let message = &found["REPLICAS_DIFFER"].message;
        match want {
            Some(want) => assert!(message.ends_with(want), "{message}"),
            None => assert!(!message.contains("present"), "{message}"),
        }
    }
}

#[test]
fn a_root_that_we_do_not_trust_is_told_from_one_that_we_do() {
    let mut cells = [0, 1].map(|nth| Presents::default().cell(nth));
    let server = cells[1].server.as_mut().unwrap();
    server.root = None;
    server.judgement = Code::UnknownCa;
    let found = found(&cells, None);
    let message = &found["REPLICAS_PRESENT_DIFFERENTLY"].message;
    assert!(
        message.ends_with("but CN=issuer, which we do not trust at h:1"),
        "{message}"
    );
}

#[test]
fn an_address_that_shows_nothing_is_no_difference() {
    let shown = Presents::default().cell(0);
    let hidden = with_code(cell("a", "t", "h:1"), Code::ConnectTimeout, None);
    let message = &found(&[shown, hidden], None)["REPLICAS_DIFFER"].message;
    assert!(!message.contains("present"), "{message}");
}

#[test]
fn of_fifty_replicas_the_odd_ones_are_named_in_a_readable_line() {
    let usual = Presents::default();
    let cells: Vec<Cell> = (0..50)
        .map(|nth| match nth {
            7 | 31 => Presents {
                root: "22",
                ..usual
            }
            .cell(nth),
            // Each of these has something of its own.
            40.. => Presents {
                root: ROOTS[nth - 40],
                ..usual
            }
            .cell(nth),
            _ => usual.cell(nth),
        })
        .collect();
    let found = found(&cells, None);
    let message = &found["REPLICAS_PRESENT_DIFFERENTLY"].message;
    assert!(
        message.contains("at 38 addresses but CN=root (key 22222222) at h:7, h:31 but"),
        "{message}"
    );
    assert!(message.len() < 500, "{message}");
    let backwards: Vec<Cell> = cells.into_iter().rev().collect();
    let again = &self::found(&backwards, None)["REPLICAS_PRESENT_DIFFERENTLY"].message;
    assert_eq!(again.len(), message.len(), "{again}");
}

#[test]
fn several_servers_behind_one_address_are_told_by_who_issued_their_certificates() {
    let mut one = Presents::default().cell(0);
    one.attempts.faces = vec![face("CN=new", "01", &[]), face("CN=old", "02", &[])];
    let found = found(&[one], None);
    let message = &found["REPLICAS_PRESENT_DIFFERENTLY"].message;
    assert!(
        message.contains(
            "behind h:0 stand several servers, with certificates issued by \"CN=new\", \"CN=old\""
        ),
        "{message}"
    );
}

const ROOTS: [&str; 10] = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"];

/// What a replica presents.
#[derive(Clone, Copy)]
struct Presents {
    root: &'static str,
    hints: &'static [&'static str],
    version: &'static str,
    library: &'static str,
    alpn: Option<&'static str>,
    asked: bool,
}

impl Default for Presents {
    fn default() -> Self {
        Self {
            root: "11",
            hints: &["CN=a", "CN=b"],
            version: "1.3",
            library: "rustls",
            alpn: None,
            asked: true,
        }
    }
}

impl Presents {
    fn cell(self, nth: usize) -> Cell {
        let far = at() + SignedDuration::from_hours(24 * 300);
        let fresh =
            |subject: &str| certificate(subject, at() - SignedDuration::from_hours(24), far);
        let mut cell = serving("t", vec![fresh(&format!("CN=leaf-{nth}"))]);
        cell.address = format!("h:{nth}");
        let server = cell.server.as_mut().unwrap();
        server.ca_hints = self.hints.iter().map(|&name| name.to_owned()).collect();
        server.root = Some(Certificate {
            spki_sha256: self.root.repeat(32),
            ..fresh("CN=root")
        });
        cell.tls = Some(Tls {
            version: Some(self.version.into()),
            alpn: self.alpn.map(str::to_owned),
            certificate_requested: Some(self.asked),
            looks_like: vec![self.library.into()],
            ..Tls::default()
        });
        cell
    }
}

pub(super) fn face(issuer: &str, serial: &str, codes: &[(Code, u32)]) -> Face {
    let said = codes.iter().map(|(code, count)| Said {
        code: *code,
        by: None,
        count: *count,
    });
    Face {
        sha256: serial.repeat(8),
        serial: serial.into(),
        issuer: issuer.into(),
        ca_hints: vec![],
        count: 1,
        codes: said.collect(),
    }
}
