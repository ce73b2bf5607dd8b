use super::replicas::face;
use super::*;

#[test]
fn a_target_that_accepts_now_and_then_is_a_finding_with_its_rate() {
    use Code::*;
    let (peer, probe, nobody) = (Some("peer"), Some("probe"), None);
    for (codes, want) in [
        (&[(Ok, nobody, 500)][..], None),
        (&[(UnknownCa, peer, 400), (CertRejected, peer, 100)], None),
        (&[(Ok, nobody, 400), (ProbeFault, nobody, 100)], None),
        (
            &[(Ok, nobody, 497), (UnknownCa, peer, 3)],
            Some(
                "t refuses a in 3 of 500 connections (0.6 %, with 95 % confidence 0.2 to 1.75 %): UNKNOWN_CA by peer",
            ),
        ),
        (
            &[(Ok, nobody, 996), (CertExpired, probe, 4)],
            Some(
                "we refuse t as a in 4 of 1000 connections (0.4 %, with 95 % confidence 0.16 to 1.02 %): CERT_EXPIRED by probe",
            ),
        ),
        (
            &[
                (Ok, nobody, 9990),
                (Silent, nobody, 9),
                (UnknownCa, peer, 1),
            ],
            Some(
                "t fails a in 10 of 10000 connections (0.1 %, with 95 % confidence 0.05 to 0.18 %): 9 times SILENT, once UNKNOWN_CA by peer",
            ),
        ),
        // The few that get in are what matters.
        (
            &[(UnknownCa, peer, 98), (Ok, nobody, 2)],
            Some("t accepts a in 2 of 100 connections (2 %, with 95 % confidence 0.55 to 7 %): OK"),
        ),
    ] {
        for expected in [None, Some("OK"), Some("REJECTED")] {
            let mut cell = flapping(codes);
            cell.expected = expected.map(str::to_owned);
            let found = found(&[cell], None);
            let got = found.get("FLAKY");
            assert_eq!(
                got.map(|finding| finding.message.as_str()),
                want,
                "{codes:?}"
            );
            let severity = got.map(|finding| finding.severity);
            let wanted = if expected.is_some() {
                Severity::Error
            } else {
                Severity::Warning
            };
            assert_eq!(severity, want.map(|_| wanted), "{codes:?}");
        }
    }
}

#[test]
fn what_sets_the_odd_connections_apart_is_named() {
    use Code::*;
    let mut other_hints = face("CN=new", "01", &[(UnknownCa, 3)]);
    other_hints.ca_hints = vec!["CN=old".into()];
    for (faces, want) in [
        (vec![], "UNKNOWN_CA by peer"),
        (
            vec![
                face("CN=new", "01", &[(Ok, 497)]),
                face("CN=old", "02", &[(UnknownCa, 3)]),
            ],
            "; the odd attempts met another server certificate (serial 02, issued by \"CN=old\")",
        ),
        (
            vec![face("CN=new", "01", &[(Ok, 497)]), other_hints],
            "; the odd attempts met other CA names (\"CN=old\" instead of none)",
        ),
        (
            vec![
                face("CN=new", "01", &[(Ok, 300), (UnknownCa, 1)]),
                face("CN=new", "02", &[(Ok, 197), (UnknownCa, 2)]),
            ],
            "; the attempts met 2 different servers",
        ),
    ] {
        let mut cell = flapping(&[(Ok, None, 497), (UnknownCa, Some("peer"), 3)]);
        cell.attempts.faces = faces;
        let message = &found(&[cell], None)["FLAKY"].message;
        assert!(message.ends_with(want), "{message}");
    }
}

#[test]
fn of_many_flaky_cells_a_few_are_spelled_out_with_their_addresses() {
    let cells: Vec<Cell> = (0..9)
        .map(|nth| Cell {
            address: format!("h:{nth}"),
            ..flapping(&[(Code::Ok, None, 9), (Code::Reset, None, 1)])
        })
        .collect();
    let message = &found(&cells, None)["FLAKY"].message;
    assert!(
        message.starts_with("t fails a at h:0 in 1 of 10 connections"),
        "{message}"
    );
    assert!(message.ends_with("; 5 more cells do so"), "{message}");
}

fn flapping(codes: &[(Code, Option<&str>, u32)]) -> Cell {
    let said = codes.iter().map(|(code, by, count)| Said {
        code: *code,
        by: by.map(str::to_owned),
        count: *count,
    });
    let codes: Vec<Said> = said.collect();
    let mut cell = with_code(cell("a", "t", "h:1"), codes[0].code, codes[0].by.as_deref());
    cell.attempts = Attempts {
        total: codes.iter().map(|said| said.count).sum(),
        agreeing: codes[0].count,
        flake: Flake::of(&codes),
        codes,
        faces: vec![],
    };
    cell.met = None;
    cell
}
