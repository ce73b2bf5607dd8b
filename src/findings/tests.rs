mod flaky;
mod modes;
mod replicas;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::code::Confidence;
use crate::matrix::fixture::{cell, with_code};
use crate::matrix::{Attempts, Certificate, Face, Flake, Http, Said, Server, Tls};

#[test]
fn the_mode_of_a_target_is_read_from_its_rows() {
    use Code::*;
    use Mode::*;
    // The codes of plaintext, none and an identity.
    for (plaintext, none, identity, want) in [
        (
            Some(PlaintextRejected),
            Some(ClientCertRequired),
            Some(Ok),
            Strict,
        ),
        (
            Some(PlaintextRejected),
            Some(ClientCertRequired),
            None,
            Strict,
        ),
        (
            Some(PlaintextRejected),
            Some(ClientCertRequired),
            Some(UnknownCa),
            Strict,
        ),
        (
            Some(PlaintextRejected),
            Some(ClientCertRequired),
            Some(AuthzDenied),
            Strict,
        ),
        (
            Some(PlaintextRejected),
            Some(CertRejected),
            Some(Ok),
            Strict,
        ),
        (
            Some(PlaintextRejected),
            Some(CertRejected),
            Some(AuthzDenied),
            Strict,
        ),
        (
            Some(PlaintextRejected),
            Some(CertRejected),
            Some(CertRejected),
            Unknown,
        ),
        (Some(PlaintextRejected), Some(CertRejected), None, Unknown),
        (Some(PlaintextRejected), Some(AuthzDenied), Some(Ok), Strict),
        // Policy that denies everybody asks for nobody's certificate.
        (
            Some(PlaintextRejected),
            Some(AuthzDenied),
            Some(AuthzDenied),
            Unknown,
        ),
        (
            Some(PlaintextRejected),
            Some(NoSharedCipher),
            Some(Ok),
            Unknown,
        ),
        (Some(PlaintextRejected), Some(Closed), Some(Ok), Unknown),
        (Some(PlaintextRejected), None, Some(Ok), Unknown),
        (Some(PlaintextRejected), Some(Ok), Some(Ok), TlsOnly),
        (Some(PlaintextRejected), Some(Ok), None, TlsOnly),
        (Some(PlaintextRejected), Some(Ok), Some(UnknownCa), TlsOnly),
        (
            Some(PlaintextAccepted),
            Some(ClientCertRequired),
            Some(Ok),
            Permissive,
        ),
        (Some(PlaintextAccepted), Some(Ok), Some(Ok), Permissive),
        (
            Some(PlaintextAccepted),
            Some(NoFilterChain),
            Some(Ok),
            Permissive,
        ),
        (
            Some(PlaintextAccepted),
            Some(NoFilterChain),
            Some(AuthzDenied),
            Permissive,
        ),
        (Some(PlaintextAccepted), None, Some(UnknownCa), Permissive),
        (
            Some(PlaintextAccepted),
            Some(ClientCertRequired),
            None,
            Permissive,
        ),
        (
            Some(PlaintextAccepted),
            Some(NotTls),
            Some(NotTls),
            Plaintext,
        ),
        (Some(PlaintextAccepted), Some(NotTls), None, Plaintext),
        (Some(PlaintextAccepted), None, Some(NotTls), Plaintext),
        (Some(PlaintextAccepted), Some(NotTls), Some(Ok), Unknown),
        (
            Some(PlaintextAccepted),
            Some(NoFilterChain),
            Some(NoFilterChain),
            Unknown,
        ),
        (Some(PlaintextAccepted), Some(Ok), None, Unknown),
        (Some(PlaintextAccepted), None, None, Unknown),
        (Some(Reset), Some(ClientCertRequired), Some(Ok), Unknown),
        (Some(Silent), Some(ClientCertRequired), Some(Ok), Unknown),
        (
            Some(AuthzDenied),
            Some(ClientCertRequired),
            Some(Ok),
            Unknown,
        ),
        (
            Some(ConnectionRefused),
            Some(ConnectionRefused),
            Some(ConnectionRefused),
            Unknown,
        ),
        (
            Some(ProbeFault),
            Some(ClientCertRequired),
            Some(Ok),
            Unknown,
        ),
        (None, Some(ClientCertRequired), Some(Ok), Unknown),
        (None, Some(Ok), Some(Ok), Unknown),
    ] {
        let cells = rows(plaintext, none, identity);
        let (mode, evidence) = mode(&refs(&cells));
        assert_eq!(mode, want, "{plaintext:?} {none:?} {identity:?}");
        assert!(!evidence.is_empty());
    }
}

#[test]
fn a_mode_does_not_rest_on_what_is_not_settled() {
    use Code::*;
    let strict = rows(Some(PlaintextRejected), Some(ClientCertRequired), Some(Ok));
    let tls_only = rows(Some(PlaintextRejected), Some(Ok), Some(Ok));
    let permissive = rows(Some(PlaintextAccepted), Some(ClientCertRequired), Some(Ok));
    let plaintext = rows(Some(PlaintextAccepted), Some(NotTls), Some(NotTls));
    for (cells, row, confidence, want) in [
        (&strict, 0, Confidence::Likely, Mode::Strict),
        (&strict, 0, Confidence::Ambiguous, Mode::Unknown),
        (&strict, 1, Confidence::Likely, Mode::Strict),
        (&strict, 1, Confidence::Ambiguous, Mode::Unknown),
        (&tls_only, 0, Confidence::Ambiguous, Mode::Unknown),
        (&tls_only, 1, Confidence::Likely, Mode::Unknown),
        (&permissive, 0, Confidence::Likely, Mode::Unknown),
        (&plaintext, 1, Confidence::Ambiguous, Mode::Unknown),
    ] {
        let mut cells = cells.clone();
        cells[row].confidence = confidence;
        assert_eq!(mode(&refs(&cells)).0, want, "{row} {confidence:?}");
    }
    for row in [0, 1] {
        let mut cells = strict.clone();
        cells[row].attempts.total = 3;
        cells[row].attempts.agreeing = 2;
        let (mode, evidence) = mode(&refs(&cells));
        assert_eq!(mode, Mode::Unknown);
        assert!(evidence[row].ends_with(" (not settled)"), "{evidence:?}");
    }
    let mut ours = strict;
    ours[1] = with_code(ours[1].clone(), UnknownCa, Some("probe"));
    assert_eq!(mode(&refs(&ours)).0, Mode::Unknown, "we refused, not they");
}

#[test]
fn addresses_that_differ_make_a_mode_mixed() {
    let mut cells = rows(
        Some(Code::PlaintextRejected),
        Some(Code::ClientCertRequired),
        Some(Code::Ok),
    );
    let mut second = cells.clone();
    second
        .iter_mut()
        .for_each(|cell| cell.address = "h:2".into());
    cells.extend(second);
    let evidence = [
        "plaintext got PLAINTEXT_REJECTED",
        "none got CLIENT_CERT_REQUIRED",
        "a got OK",
    ];
    assert_eq!(
        mode(&refs(&cells)),
        (Mode::Strict, evidence.map(str::to_owned).into())
    );

    cells[3] = with_code(cells[3].clone(), Code::PlaintextAccepted, None);
    let evidence = ["STRICT at h:1", "PERMISSIVE at h:2"];
    assert_eq!(
        mode(&refs(&cells)),
        (Mode::Mixed, evidence.map(str::to_owned).into())
    );
    let found = found(&cells, None);
    assert_eq!(
        found["MODES_DIFFER"].message,
        "t has no single mode: STRICT at h:1 but PERMISSIVE at h:2"
    );

    cells[3] = with_code(cells[3].clone(), Code::ConnectionRefused, None);
    assert_eq!(mode(&refs(&cells)).0, Mode::Unknown);
    assert!(
        !self::found(&cells, None).contains_key("MODES_DIFFER"),
        "one cannot be told"
    );
    assert_eq!(mode(&[]).0, Mode::Unknown);
}

#[test]
fn replicas_that_differ_are_named_with_how_they_differ() {
    use Code::*;
    let replicas = |codes: &[Code]| -> Vec<Cell> {
        let cells = codes.iter().enumerate();
        cells
            .map(|(nth, code)| with_code(cell("a", "t", &format!("h:{nth}")), *code, None))
            .collect()
    };
    for (codes, want) in [
        (&[Ok, Ok, Ok][..], None),
        (&[Ok], None),
        (
            &[Ok, UnknownCa],
            Some((Severity::Error, "a: OK at h:0 but UNKNOWN_CA at h:1")),
        ),
        (
            &[Ok, UnknownCa, UnknownCa],
            Some((Severity::Error, "a: UNKNOWN_CA at h:1, h:2 but OK at h:0")),
        ),
        (
            &[Ok, Ok, Ok, Ok, ConnectTimeout],
            Some((
                Severity::Error,
                "a: OK at 4 addresses but CONNECT_TIMEOUT at h:4",
            )),
        ),
        (
            &[UnknownCa, BadSignature],
            Some((
                Severity::Warning,
                "a: UNKNOWN_CA at h:0 but BAD_SIGNATURE at h:1",
            )),
        ),
        (
            &[Ok, Silent],
            Some((Severity::Warning, "a: OK at h:0 but SILENT at h:1")),
        ),
    ] {
        let found = found(&replicas(codes), None);
        let got = found.get("REPLICAS_DIFFER");
        let got = got.map(|finding| (finding.severity, finding.message.as_str()));
        let prefix = "The addresses of t do not say the same: ";
        let got = got.map(|(severity, text)| (severity, text.strip_prefix(prefix).unwrap()));
        assert_eq!(got, want, "{codes:?}");
    }

    let mut two = replicas(&[Ok, UnknownCa]);
    let others = replicas(&[Ok, UnknownCa]).into_iter();
    two.extend(others.map(|cell| Cell {
        from: "b".into(),
        ..cell
    }));
    let message = &found(&two, None)["REPLICAS_DIFFER"].message;
    assert!(
        message.ends_with(": a, b: OK at h:0 but UNKNOWN_CA at h:1"),
        "{message}"
    );

    let mut by_us = replicas(&[UnknownCa, UnknownCa]);
    by_us[1].by = Some("probe".into());
    let found = found(&by_us, None);
    let finding = &found["REPLICAS_DIFFER"];
    assert_eq!(finding.severity, Severity::Error);
    assert!(
        finding
            .message
            .ends_with("UNKNOWN_CA at h:0 but UNKNOWN_CA (we refuse) at h:1")
    );
}

#[test]
fn an_open_door_is_as_grave_as_the_suite_says() {
    use Severity::*;
    let with = |expected: Option<&str>, met| {
        let mut cells = rows(
            Some(Code::PlaintextAccepted),
            Some(Code::Ok),
            Some(Code::Ok),
        );
        for cell in &mut cells {
            cell.expected = expected.map(str::to_owned);
            cell.met = met;
        }
        cells
    };
    for (expected, met, mode, plaintext, none) in [
        (None, None, None, Warning, Warning),
        (Some("REJECTED"), Some(false), None, Error, Error),
        (
            Some("REJECTED"),
            Some(false),
            Some("PERMISSIVE"),
            Error,
            Error,
        ),
        (Some("OK|PLAINTEXT_ACCEPTED"), Some(true), None, Info, Info),
        (None, None, Some("PERMISSIVE"), Info, Warning),
        (None, None, Some("PLAINTEXT"), Info, Warning),
        (None, None, Some("TLS_ONLY"), Warning, Info),
        (None, None, Some("STRICT"), Error, Warning),
    ] {
        let found = found(&with(expected, met), mode);
        assert_eq!(
            found["PLAINTEXT_ACCEPTED"].severity, plaintext,
            "{expected:?} {mode:?}"
        );
        let finding = &found["CLIENT_WITHOUT_CERTIFICATE_ACCEPTED"];
        assert_eq!(finding.severity, none, "{expected:?} {mode:?}");
    }
}

#[test]
fn words_that_are_no_answer_open_no_door() {
    let mut cells = rows(Some(Code::PlaintextAccepted), Some(Code::NotTls), None);
    assert!(found(&cells, None).contains_key("PLAINTEXT_ACCEPTED"));
    cells[0].confidence = Confidence::Likely;
    assert!(!found(&cells, None).contains_key("PLAINTEXT_ACCEPTED"));
}

#[test]
fn a_client_without_a_certificate_matters_where_certificates_are_in_use() {
    let code = "CLIENT_WITHOUT_CERTIFICATE_ACCEPTED";
    let mut alone = rows(None, Some(Code::Ok), None);
    assert!(!found(&alone, None).contains_key(code));
    alone[0].tls = Some(Tls {
        certificate_requested: Some(true),
        ..Tls::default()
    });
    assert!(
        found(&alone, None)[code]
            .message
            .ends_with("it asks for one and does not insist")
    );
    let mut beside = rows(None, Some(Code::Ok), Some(Code::Ok));
    let message = &found(&beside, None)[code].message;
    assert_eq!(
        message,
        "t accepts TLS clients without a certificate: it does not ask for one"
    );
    beside[0].confidence = Confidence::Likely;
    assert!(
        found(&beside, None)[code]
            .message
            .starts_with("t seems to accept TLS clients")
    );
    let refused = rows(None, Some(Code::ClientCertRequired), Some(Code::Ok));
    assert!(!found(&refused, None).contains_key(code));
}

#[test]
fn a_mode_other_than_the_expected_one_is_found() {
    let cells = rows(
        Some(Code::PlaintextRejected),
        Some(Code::ClientCertRequired),
        Some(Code::Ok),
    );
    let got = |expected| {
        let found = found(&cells, expected);
        found
            .get("MODE_MISMATCH")
            .map(|finding| (finding.severity, finding.message.clone()))
    };
    assert_eq!(got(None), None);
    assert_eq!(got(Some("STRICT")), None);
    let (severity, message) = got(Some("PERMISSIVE")).unwrap();
    assert_eq!(severity, Severity::Error);
    assert_eq!(
        message,
        "t should be PERMISSIVE and is STRICT (plaintext got PLAINTEXT_REJECTED; none got CLIENT_CERT_REQUIRED; a got OK)"
    );
    let unknown = found(&cells[1..], Some("STRICT"));
    let finding = &unknown["MODE_MISMATCH"];
    assert_eq!(finding.severity, Severity::Warning, "nobody can tell");
}

#[test]
fn certificates_near_their_end_are_found_in_proportion_to_their_life() {
    use Severity::*;
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    // Leaf or CA, life and what is left of it.
    for (is_leaf, life, left, want) in [
        (true, DAY, 12 * HOUR, None),
        (true, DAY, 6 * HOUR, None),
        (true, DAY, 6 * HOUR - 1, Some(Warning)),
        (true, DAY, 2 * HOUR, Some(Error)),
        (true, DAY, 1, Some(Error)),
        (true, DAY, 0, Some(Error)),
        (true, DAY, -3 * HOUR, Some(Error)),
        (true, HOUR, HOUR / 2, None),
        (true, HOUR, 14 * 60, Some(Warning)),
        (true, 365 * DAY, 31 * DAY, None),
        (true, 365 * DAY, 29 * DAY, Some(Warning)),
        (true, 365 * DAY, 6 * DAY, Some(Error)),
        (false, DAY, 6 * HOUR - 1, None),
        (false, DAY, 2 * HOUR, Some(Warning)),
        (false, 7 * DAY, 20 * HOUR, None),
        (false, 7 * DAY, 16 * HOUR, Some(Warning)),
        (false, 365 * DAY, 40 * DAY, None),
        (false, 365 * DAY, 35 * DAY, Some(Warning)),
        (false, 200 * DAY, 29 * DAY, Some(Warning)),
        (false, 365 * DAY, 7 * DAY, Some(Error)),
        (false, 3650 * DAY, 400 * DAY, None),
        (false, 3650 * DAY, 300 * DAY, Some(Warning)),
        (false, 3650 * DAY, 60 * DAY, Some(Error)),
        // An expired CA certificate may have been sent for nothing; here nothing says otherwise.
        (false, DAY, -1, Some(Warning)),
    ] {
        let end = at() + SignedDuration::from_secs(left);
        let one = certificate("CN=one", end - SignedDuration::from_secs(life), end);
        let far = at() + SignedDuration::from_hours(24 * 300);
        let fresh = certificate("CN=fresh", at() - SignedDuration::from_hours(24), far);
        let chain = if is_leaf { vec![one] } else { vec![fresh, one] };
        let found = found(&[serving("t", chain)], None);
        let finding = found.get("CERT_EXPIRES_SOON").or(found.get("CERT_EXPIRED"));
        assert_eq!(
            finding.map(|finding| finding.severity),
            want,
            "{is_leaf} {life} {left}"
        );
        if let Some(finding) = finding {
            assert_eq!(finding.about, if is_leaf { "t" } else { "CN=one" });
            assert_eq!(finding.code == "CERT_EXPIRED", left <= 0);
        }
    }
}

#[test]
fn one_certificate_is_one_finding_and_names_who_uses_it() {
    let start = at() - SignedDuration::from_hours(24 * 360);
    let root = certificate("CN=root", start, at() + SignedDuration::from_hours(24 * 5));
    let leaf = certificate("CN=leaf", at(), at() + SignedDuration::from_hours(24));
    let cells = ["t", "u"].map(|target| {
        let mut cell = serving(target, vec![leaf.clone()]);
        cell.server.as_mut().unwrap().root = Some(root.clone());
        cell
    });
    let targets = ["t", "u"].map(|name| summary(name, &[], None));
    let all = findings(&cells, &targets, at());
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(
        all[0].message,
        "The CA certificate \"CN=root\" (in use at t, u) has 5 d left of 365 d, until 2026-08-06T12:00:00Z"
    );

    let expired = certificate("CN=root", start, at() - SignedDuration::from_hours(5));
    let mut cell = serving("t", vec![leaf, expired]);
    cell.server.as_mut().unwrap().judgement = Code::CertExpired;
    let found = found(&[cell], None);
    assert_eq!(
        found["CERT_EXPIRED"].severity,
        Severity::Error,
        "it breaks the chain"
    );
    assert!(found["CERT_EXPIRED"].message.contains("expired 5 h ago"));
}

#[test]
fn a_leaf_is_late_by_what_it_looks_like() {
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    let istio = ["spiffe://td/ns/shop/sa/api"];
    let spire = ["spiffe://td/shop/api"];
    let linkerd = "api.shop.serviceaccount.identity.linkerd.cluster.local";
    // URI and DNS names, life, what is left of it, and whether its renewal is overdue.
    for (uris, dns, life, left, want) in [
        (&istio[..], "", DAY, 12 * HOUR, false),
        (&istio, "", DAY, 11 * HOUR, false),
        (&istio, "", DAY, 10 * HOUR, true),
        (&istio, "", 30 * DAY, 14 * DAY, false),
        (&istio, "", HOUR, 20 * 60, false),
        (&istio, "", HOUR, 16 * 60, true),
        (&spire, "", HOUR, 28 * 60, false),
        (&spire, "", HOUR, 26 * 60, true),
        (&[], linkerd, DAY, 7 * HOUR, false),
        (&[], linkerd, DAY, 5 * HOUR, true),
        (&[], "api.example.com", DAY, 7 * HOUR, false),
    ] {
        let end = at() + SignedDuration::from_secs(left);
        let mut leaf = certificate("", end - SignedDuration::from_secs(life), end);
        leaf.uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        leaf.dns = vec![dns.to_owned()];
        let found = found(&[serving("t", vec![leaf.clone()])], None);
        let late = found.get("CERT_EXPIRES_SOON");
        assert_eq!(late.is_some(), want, "{uris:?} {dns} {life} {left}");
        if let Some(late) = late {
            assert_eq!(late.severity, Severity::Warning);
            assert!(late.message.contains(" renew with "), "{}", late.message);
        }
        let source = SourceSummary {
            name: "sa/a".into(),
            id: None,
            chain: vec![leaf],
            root: None,
        };
        assert_eq!(of_sources(&[source], at()).len(), usize::from(want));
    }
}

#[test]
fn leaves_that_are_cut_by_the_end_of_their_ca_are_found() {
    let hours = SignedDuration::from_hours;
    let leaf = |start: i64, end: i64| certificate("", at() + hours(start), at() + hours(end));
    let ca =
        |start: i64, end: i64| certificate("CN=issuer", at() + hours(start), at() + hours(end));
    let istio = |mut leaf: Certificate| {
        leaf.uris = vec!["spiffe://td/ns/shop/sa/api".into()];
        leaf
    };
    for (chains, want) in [
        (vec![vec![leaf(-2, 22), ca(-1000, 1000)]], None),
        (
            vec![vec![leaf(-2, 22), ca(-1000, 22)]],
            Some("LEAF_LIFE_CUT"),
        ),
        // Both were made at one time, for one time.
        (vec![vec![leaf(-2, 22), ca(-2, 22)]], None),
        (
            vec![vec![leaf(-9, 15)], vec![leaf(-2, 16)]],
            Some("LEAVES_GET_SHORTER"),
        ),
        (vec![vec![leaf(-9, 15)], vec![leaf(-2, 8)]], None),
        (vec![vec![leaf(-9, 7)], vec![leaf(-2, 22)]], None),
        (vec![vec![istio(leaf(-2, 22))]], None),
        (vec![vec![istio(leaf(-2, 10))]], Some("LEAF_LIFE_SHORT")),
        (vec![vec![leaf(-2, 10)]], None),
    ] {
        let cells: Vec<Cell> = chains
            .into_iter()
            .map(|chain| serving("t", chain))
            .collect();
        let found = found(&cells, None);
        let lives = ["LEAF_LIFE_CUT", "LEAVES_GET_SHORTER", "LEAF_LIFE_SHORT"];
        let got = lives.into_iter().find(|code| found.contains_key(*code));
        assert_eq!(got, want, "{cells:#?}");
    }
}

#[test]
fn replicas_whose_certificates_come_from_different_cas_are_named() {
    let at_address = |address: &str, root: Option<&str>, issuer: &str| {
        let mut leaf = certificate("", at(), at() + SignedDuration::from_hours(24));
        leaf.issuer = issuer.into();
        let mut cell = serving("t", vec![leaf]);
        cell.address = address.into();
        cell.server.as_mut().unwrap().root = root.map(|print| Certificate {
            spki_sha256: print.into(),
            ..certificate(
                "CN=root",
                at(),
                at() + SignedDuration::from_hours(24 * 3650),
            )
        });
        cell
    };
    for (cells, want) in [
        (
            vec![
                at_address("h:1", Some("r1"), "CN=ca"),
                at_address("h:2", Some("r1"), "CN=ca"),
            ],
            None,
        ),
        (
            vec![
                at_address("h:1", Some("r1"), "CN=ca"),
                at_address("h:2", Some("r2"), "CN=ca"),
            ],
            Some((
                Severity::Warning,
                "The certificates at the addresses of t lead to different roots: \"CN=root\" (key r1…) at h:1; \"CN=root\" (key r2…) at h:2",
            )),
        ),
        (
            vec![
                at_address("h:1", Some("r1"), "CN=ca"),
                at_address("h:2", None, "CN=other"),
            ],
            Some((
                Severity::Warning,
                "The certificates at the addresses of t lead to different roots: \"CN=root\" (key r1…) at h:1; an unknown CA \"CN=other\" at h:2",
            )),
        ),
        (
            vec![
                at_address("h:1", Some("r1"), "CN=a"),
                at_address("h:2", Some("r1"), "CN=b"),
            ],
            Some((
                Severity::Info,
                "The certificates at the addresses of t were issued by different CAs: \"CN=a\" at h:1; \"CN=b\" at h:2",
            )),
        ),
    ] {
        let found = of_issuers(&cells, &[summary("t", &refs(&cells), None)]);
        let got = found.first();
        assert_eq!(
            got.map(|finding| (finding.severity, finding.message.as_str())),
            want
        );
    }
}

#[test]
fn dates_that_cannot_be_read_are_no_finding() {
    let mut cell = serving("t", vec![certificate("CN=x", at(), at())]);
    let server = cell.server.as_mut().unwrap();
    server.chain[0].not_after = "soon".into();
    server.chain[0].not_before = "\u{1b}".into();
    assert!(found(&[cell], None).is_empty());
}

#[test]
fn clocks_that_differ_are_found_and_ours_is_told_from_theirs() {
    use Severity::*;
    // Offsets of three targets; what is found about whom.
    for (offsets, want) in [
        (&[Some(0), Some(60), Some(-60)][..], &[][..]),
        (&[Some(61), Some(0), None], &[("t0", Warning)]),
        (&[Some(0), Some(-301), None], &[("t1", Error)]),
        (&[Some(90), None, None], &[("t0", Warning)]),
        (
            &[Some(90), Some(-90), None],
            &[("t0", Warning), ("t1", Warning)],
        ),
        (&[Some(90), Some(100), None], &[("this machine", Warning)]),
        (
            &[Some(-900), Some(-901), Some(-899)],
            &[("this machine", Error)],
        ),
        (
            &[Some(90), Some(400), None],
            &[("t1", Error), ("t0", Warning)],
        ),
        (
            &[Some(i64::MIN), Some(i64::MAX), None],
            &[("t0", Error), ("t1", Error)],
        ),
    ] {
        let cells = offsets.iter().enumerate().map(|(nth, offset)| {
            let mut cell = cell("a", &format!("t{nth}"), "h:1");
            cell.http = offset.map(|offset| Http {
                status: 200,
                server: None,
                grpc_status: None,
                clock_offset_s: Some(offset),
                upstream: None,
            });
            cell
        });
        let cells: Vec<Cell> = cells.collect();
        let targets: Vec<_> = cells
            .iter()
            .map(|cell| summary(&cell.to, &[], None))
            .collect();
        let got = findings(&cells, &targets, at());
        assert!(got.iter().all(|finding| finding.code == "CLOCK_SKEW"));
        let got: Vec<_> = got
            .iter()
            .map(|one| (one.about.as_str(), one.severity))
            .collect();
        assert_eq!(got, want, "{offsets:?}");
    }
}

#[test]
fn a_leaf_that_is_not_valid_yet_speaks_of_a_clock_unless_it_is_far_ahead() {
    for (minutes, want) in [
        (-1, false),
        (0, false),
        (1, true),
        (600, true),
        (1500, false),
    ] {
        let start = at() + SignedDuration::from_mins(minutes);
        let leaf = certificate("CN=x", start, start + SignedDuration::from_hours(24));
        let found = found(&[serving("t", vec![leaf])], None);
        assert_eq!(found.contains_key("CLOCK_SKEW"), want, "{minutes}");
    }
}

#[test]
fn the_gravest_findings_come_first() {
    let mut cells = rows(
        Some(Code::PlaintextAccepted),
        Some(Code::Ok),
        Some(Code::Ok),
    );
    for cell in &mut cells {
        cell.expected = Some("REJECTED".into());
        cell.met = Some(false);
    }
    let quiet = rows(Some(Code::PlaintextAccepted), None, None).into_iter();
    let quiet = quiet.map(|cell| Cell {
        to: "first".into(),
        ..cell
    });
    let cells: Vec<Cell> = quiet.chain(cells).collect();
    let targets = ["first", "t"].map(|name| summary(name, &[], None));
    let found = findings(&cells, &targets, at());
    let about: Vec<&str> = found.iter().map(|finding| finding.about.as_str()).collect();
    assert_eq!(about, ["t", "t", "first"]);
}

#[test]
fn a_span_is_told_in_its_largest_sensible_unit() {
    for (seconds, want) in [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (48 * 3600 - 1, "47 h"),
        (48 * 3600, "2 d"),
        (-7200, "2 h"),
        (i64::MIN, "106751991167300 d"),
    ] {
        assert_eq!(rough(SignedDuration::from_secs(seconds)), want);
    }
}

/// The cells of one target at one address; a code that can be a refusal is one by the peer, and
/// `NOT_TLS` is ours.
fn rows(plaintext: Option<Code>, none: Option<Code>, identity: Option<Code>) -> Vec<Cell> {
    let rows = [("plaintext", plaintext), ("none", none), ("a", identity)];
    let rows = rows
        .into_iter()
        .filter_map(|(from, code)| Some((from, code?)));
    let cells = rows.map(|(from, code)| {
        let by = if code == Code::NotTls {
            "probe"
        } else {
            "peer"
        };
        let mut cell = with_code(cell(from, "t", "h:1"), code, Some(by));
        cell.expected = None;
        cell.met = None;
        cell
    });
    cells.collect()
}

fn serving(target: &str, chain: Vec<Certificate>) -> Cell {
    let mut cell = cell("a", target, "h:1");
    cell.server = Some(Server {
        id: None,
        judgement: Code::Ok,
        evidence: vec![],
        chain,
        root: None,
        ca_hints: vec![],
    });
    cell
}

fn certificate(subject: &str, start: Timestamp, end: Timestamp) -> Certificate {
    Certificate {
        subject: subject.into(),
        issuer: "CN=issuer".into(),
        serial: "01".into(),
        uris: vec![],
        dns: vec![],
        not_before: start.to_string(),
        not_after: end.to_string(),
        sha256: subject.into(),
        spki_sha256: subject.into(),
    }
}

/// The findings about the target `t`, by code.
fn found(cells: &[Cell], expected: Option<&str>) -> HashMap<String, Finding> {
    let mut target = summary("t", &refs(cells), None);
    target.expected_mode = expected.map(str::to_owned);
    let found = findings(cells, &[target], at()).into_iter();
    found
        .map(|finding| (finding.code.clone(), finding))
        .collect()
}

fn refs(cells: &[Cell]) -> Vec<&Cell> {
    cells.iter().collect()
}

fn at() -> Timestamp {
    "2026-08-01T12:00:00Z".parse().unwrap()
}
