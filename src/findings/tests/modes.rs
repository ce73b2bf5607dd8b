use super::*;

#[test]
fn a_denial_in_plaintext_is_plaintext_that_the_transport_took() {
    use Code::*;
    use Mode::*;
    const TLS: Option<&str> = None;
    const LINKERD: Option<&str> = Some("linkerd");
    const SURE: Confidence = Confidence::Certain;
    const LIKELY: Confidence = Confidence::Likely;
    // The dialect, how sure the 403 is a policy's, the codes of none and an identity.
    for (dialect, sure, none, identity, want) in [
        (TLS, SURE, Some(ClientCertRequired), Some(Ok), Permissive),
        (
            Some("istio"),
            SURE,
            Some(ClientCertRequired),
            Some(Ok),
            Permissive,
        ),
        (TLS, SURE, Some(ClientCertRequired), None, Permissive),
        (
            TLS,
            SURE,
            Some(NoFilterChain),
            Some(AuthzDenied),
            Permissive,
        ),
        (TLS, SURE, None, Some(UnknownCa), Permissive),
        // An application may say so, too, and nothing says that it is not behind TLS elsewhere.
        (TLS, LIKELY, Some(ClientCertRequired), Some(Ok), Unknown),
        (TLS, SURE, Some(NotTls), Some(NotTls), Unknown),
        (TLS, SURE, None, None, Unknown),
        (LINKERD, LIKELY, Some(AuthzDenied), Some(Ok), Strict),
        (LINKERD, SURE, Some(AuthzDenied), Some(Ok), Strict),
        // Whom it would take nobody has shown.
        (
            LINKERD,
            LIKELY,
            Some(AuthzDenied),
            Some(AuthzDenied),
            Unknown,
        ),
        // At the port of the proxy itself.
        (LINKERD, LIKELY, Some(ClientCertRequired), Some(Ok), Strict),
        (LINKERD, LIKELY, Some(AuthzDenied), None, Unknown),
        (LINKERD, LIKELY, Some(Ok), Some(Ok), Unknown),
        (LINKERD, LIKELY, None, Some(Ok), Unknown),
    ] {
        let mut cells = rows(Some(AuthzDenied), none, identity);
        for cell in &mut cells {
            cell.dialect = dialect.map(str::to_owned);
        }
        cells[0].confidence = sure;
        cells[0].http = Some(http(403));
        let case = format!("{dialect:?} {sure:?} {none:?} {identity:?}");
        assert_eq!(mode(&refs(&cells)).0, want, "{case}");
        cells[0].http = None;
        assert_eq!(mode(&refs(&cells)).0, Unknown, "without an answer: {case}");
        cells[0].http = Some(http(401));
        assert_eq!(
            mode(&refs(&cells)).0,
            Unknown,
            "an application asks: {case}"
        );
    }
}

#[test]
fn what_our_own_sidecar_brings_is_no_evidence_for_a_mode() {
    let accepted = Some(Code::PlaintextAccepted);
    let mut cells = rows(accepted, None, Some(Code::Ok));
    assert_eq!(mode(&refs(&cells)).0, Mode::Permissive);
    cells[1].from = "sidecar".into();
    assert_eq!(
        mode(&refs(&cells)).0,
        Mode::Unknown,
        "it is no identity of ours"
    );

    // Its plaintext is the target's mTLS.
    let mut cells = rows(accepted, Some(Code::ClientCertRequired), Some(Code::Ok));
    cells[0].dialect = Some("sidecar".into());
    let (mode, evidence) = mode(&refs(&cells));
    assert_eq!(mode, Mode::Unknown);
    assert!(
        evidence.iter().any(|line| line.contains("sidecar")),
        "{evidence:?}"
    );
    assert!(!found(&cells, Some("STRICT")).contains_key("PLAINTEXT_ACCEPTED"));
}

#[test]
fn each_port_and_each_address_has_its_own_mode() {
    let strict = [Code::PlaintextRejected, Code::ClientCertRequired, Code::Ok];
    let open = [Code::PlaintextAccepted, Code::ClientCertRequired, Code::Ok];
    let silent = [
        Code::ConnectTimeout,
        Code::ConnectTimeout,
        Code::ConnectTimeout,
    ];
    let cells = at_each(&[
        ("10.0.0.1:8080", strict),
        ("10.0.0.2:8080", strict),
        ("10.0.0.1:9090", strict),
        ("[fd00::2]:9090", open),
        ("10.0.0.3:9091", open),
        ("10.0.0.4:9091", silent),
        ("lost.example", silent),
    ]);
    let summary = summary("t", &refs(&cells), None);
    assert_eq!(summary.mode, "MIXED");
    let ports: Vec<_> = summary
        .ports
        .iter()
        .map(|port| (port.port, port.mode.as_str()))
        .collect();
    assert_eq!(
        ports,
        [(8080, "STRICT"), (9090, "MIXED"), (9091, "UNKNOWN")]
    );
    assert_eq!(
        summary.ports[1].evidence,
        ["STRICT at 10.0.0.1:9090", "PERMISSIVE at [fd00::2]:9090"]
    );
    let modes = summary.ports[2]
        .addresses
        .iter()
        .map(|one| (one.address.as_str(), one.mode.as_str()));
    assert_eq!(
        modes.collect::<Vec<_>>(),
        [
            ("10.0.0.3:9091", "PERMISSIVE"),
            ("10.0.0.4:9091", "UNKNOWN")
        ]
    );

    let one = at_each(&[("10.0.0.1:8080", strict)]);
    assert!(
        super::summary("t", &refs(&one), None).ports.is_empty(),
        "it is the target's"
    );
}

#[test]
fn a_door_that_was_believed_shut_is_an_error() {
    use Severity::*;
    let strict = [Code::PlaintextRejected, Code::ClientCertRequired, Code::Ok];
    let open = [Code::PlaintextAccepted, Code::ClientCertRequired, Code::Ok];
    let plain = [Code::PlaintextAccepted, Code::NotTls, Code::NotTls];
    let silent = [
        Code::ConnectTimeout,
        Code::ConnectTimeout,
        Code::ConnectTimeout,
    ];
    let others = "believed STRICT (its other addresses are)";
    for (addresses, expected, severity, believed) in [
        (&[open][..], None, Warning, None),
        (&[open], Some("PERMISSIVE"), Info, None),
        (
            &[open],
            Some("STRICT"),
            Error,
            Some("believed STRICT (the suite expects so)"),
        ),
        (&[open, strict], None, Error, Some(others)),
        (&[strict, plain, strict], None, Error, Some(others)),
        (&[open, strict, strict, open], None, Error, Some(others)),
        (&[open, strict, silent], None, Warning, None),
        (&[open, open], None, Warning, None),
        (&[open, plain], None, Warning, None),
    ] {
        let places: Vec<String> = (1..=addresses.len())
            .map(|nth| format!("10.0.0.{nth}:1"))
            .collect();
        let each: Vec<_> = places
            .iter()
            .map(String::as_str)
            .zip(addresses.iter().copied())
            .collect();
        let found = found(&at_each(&each), expected);
        let finding = &found["PLAINTEXT_ACCEPTED"];
        assert_eq!(finding.severity, severity, "{addresses:?} {expected:?}");
        let says = believed.is_none_or(|words| finding.message.contains(words));
        assert!(says, "{finding:?}");
        assert_eq!(
            believed.is_some(),
            finding.message.contains("believed"),
            "{finding:?}"
        );
    }
}

/// The rows of plaintext, none and an identity at each address.
fn at_each(addresses: &[(&str, [Code; 3])]) -> Vec<Cell> {
    let rows = addresses
        .iter()
        .flat_map(|(address, [plaintext, none, identity])| {
            let rows = rows(Some(*plaintext), Some(*none), Some(*identity)).into_iter();
            rows.map(|cell| Cell {
                address: (*address).to_owned(),
                ..cell
            })
        });
    rows.collect()
}

fn http(status: u16) -> Http {
    Http {
        status,
        server: None,
        grpc_status: None,
        upstream: None,
        clock_offset_s: None,
    }
}
