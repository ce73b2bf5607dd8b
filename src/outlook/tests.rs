use super::*;
use crate::exit::Exit;
use crate::matrix::fixture::{cell, with_code};
use crate::matrix::{Run, SCHEMA as RESULT, Server, Tls, Totals as Counts};

#[test]
fn the_first_certificate_to_end_decides_and_names_itself() {
    // The lives of the server's leaf, intermediate and root, then of ours; what ends first, and whether
    // that is within twelve hours.
    for (lives, want) in [
        ([20, 900, 9000, 22], (Whose::Server, Part::Leaf, false)),
        ([9, 900, 9000, 22], (Whose::Server, Part::Leaf, true)),
        ([20, 7, 9000, 22], (Whose::Server, Part::Intermediate, true)),
        ([20, 900, 5, 22], (Whose::Server, Part::Root, true)),
        ([20, 900, 9000, 3], (Whose::Ours, Part::Leaf, true)),
        // Cut by its CA: that is the cause.
        (
            [11, 11, 9000, 22],
            (Whose::Server, Part::Intermediate, true),
        ),
        ([12, 900, 9000, 22], (Whose::Server, Part::Leaf, true)),
        ([13, 900, 9000, 22], (Whose::Server, Part::Leaf, false)),
    ] {
        let [leaf, intermediate, root, ours] = lives;
        let matrix = mesh(leaf, intermediate, root, ours);
        let outlook = outlook(&matrix, then());
        let first = &outlook.ends[0];
        assert_eq!((first.whose, first.part, first.breaks), want, "{lives:?}");
        assert_eq!(outlook.breaks(), want.2);
        assert_eq!(first.cells.len(), 2);
        assert_eq!(
            (&first.sources[..], &first.targets[..]),
            (&["a".to_owned()][..], &["t".to_owned(), "u".to_owned()][..])
        );
        assert_eq!(
            Exit::of_outlook(&outlook),
            if want.2 { Exit::Broken } else { Exit::Met }
        );
    }
}

#[test]
fn what_a_cell_does_not_rest_on_breaks_nothing() {
    let none = |matrix: Matrix| assert!(!outlook(&matrix, then()).breaks(), "{matrix:#?}");
    let each = |change: fn(&mut Cell)| {
        let mut matrix = mesh(5, 900, 9000, 5);
        matrix.cells.iter_mut().for_each(change);
        matrix
    };
    // Refused already, or in plaintext.
    none(each(|cell| {
        *cell = with_code(cell.clone(), Code::UnknownCa, None)
    }));
    none(each(|cell| {
        *cell = with_code(cell.clone(), Code::PlaintextAccepted, None);
        (cell.server, cell.tls) = (None, None);
    }));
    // The server did not ask for ours.
    let mut unasked = mesh(20, 900, 9000, 5);
    for cell in &mut unasked.cells {
        cell.tls.as_mut().unwrap().certificate_sent = false;
    }
    none(unasked);
    // A CA certificate that is not on the way, and an older one of the same name.
    let mut more = mesh(20, 900, 9000, 22);
    for cell in &mut more.cells {
        let chain = &mut cell.server.as_mut().unwrap().chain;
        chain.push(certificate("CN=stray", "CN=stray", -9, 3));
        chain.push(certificate("CN=ca", "CN=root", -9, 3));
    }
    none(more);
}

#[test]
fn a_certificate_that_is_not_valid_yet_breaks_too() {
    let mut matrix = mesh(20, 900, 9000, 22);
    for cell in &mut matrix.cells {
        cell.server.as_mut().unwrap().chain[0].not_before =
            (start() + SignedDuration::from_hours(13)).to_string();
    }
    let outlook = outlook(&matrix, then());
    assert!(outlook.ends[0].is_early && outlook.ends[0].breaks);
}

#[test]
fn a_run_that_looked_ahead_is_taken_for_what_it_was() {
    let mut matrix = mesh(5, 900, 9000, 22);
    matrix.run.judged_at = then().to_string();
    for cell in &mut matrix.cells {
        let mut refused = with_code(cell.clone(), Code::CertExpired, Some("probe"));
        refused.peer = Some(Code::Ok);
        *cell = refused;
    }
    let found = outlook(&matrix, then());
    assert_eq!((found.totals.accepted, found.totals.breaking), (2, 2));
    let told = will_break(&matrix, then());
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].message,
        "2 cells that were accepted will break by 2026-08-02T00:00:00Z, unless it is renewed: the certificate of t ends in 5 h, at 2026-08-01T17:00:00Z; from a to t, u"
    );
    // In a run of the present there is nothing to look ahead to.
    assert_eq!(will_break(&matrix, start()), []);
    // One that had ended when the run was, is no news.
    let mut ended = matrix.clone();
    for cell in &mut ended.cells {
        cell.server.as_mut().unwrap().chain[0].not_after =
            (start() - SignedDuration::from_hours(1)).to_string();
    }
    assert_eq!(outlook(&ended, then()).totals.accepted, 0);
}

#[test]
fn the_renewal_of_a_mesh_leaf_is_told_and_so_is_one_that_is_late() {
    let mut matrix = mesh(9, 900, 9000, 22);
    for cell in &mut matrix.cells {
        let leaf = &mut cell.server.as_mut().unwrap().chain[0];
        leaf.uris = vec!["spiffe://td/ns/shop/sa/api".into()];
        leaf.not_before = (start() - SignedDuration::from_hours(15)).to_string();
    }
    let outlook = outlook(&matrix, then());
    assert_eq!(
        outlook.ends[0].renewal_due.as_deref(),
        Some("2026-08-01T09:00:00Z")
    );
    let late: Vec<&str> = outlook
        .warnings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect();
    assert_eq!(late, ["CERT_EXPIRES_SOON"]);
    assert!(
        outlook.warnings[0]
            .message
            .ends_with("its renewal is overdue (Istio and ztunnel renew with 50 % left)")
    );
}

#[test]
fn where_nothing_is_accepted_nothing_is_green() {
    let mut matrix = mesh(20, 900, 9000, 22);
    matrix.cells.clear();
    assert_eq!(Exit::of_outlook(&outlook(&matrix, then())), Exit::Unknown);
}

#[test]
fn dates_that_cannot_be_read_and_chains_in_a_circle_do_no_harm() {
    let mut matrix = mesh(5, 900, 9000, 22);
    for cell in &mut matrix.cells {
        let server = cell.server.as_mut().unwrap();
        server.chain = vec![
            certificate("CN=a", "CN=b", -1, 5),
            certificate("CN=b", "CN=a", -1, 5),
            certificate("CN=a", "CN=b", -1, 5),
        ];
        server.chain[0].not_after = "soon".into();
        server.root = None;
    }
    matrix.run.started_at = "yesterday".into();
    assert!(outlook(&matrix, then()).breaks());
}

/// One source, two targets: certificates that end after so many hours.
fn mesh(leaf: i64, intermediate: i64, root: i64, ours: i64) -> Matrix {
    let root = certificate("CN=root", "CN=root", -9000, root);
    let cells = ["t", "u"].map(|target| {
        let mut cell = cell("a", target, "h:1");
        cell.tls = Some(Tls {
            certificate_sent: true,
            ..Tls::default()
        });
        cell.server = Some(Server {
            id: None,
            judgement: Code::Ok,
            evidence: vec![],
            chain: vec![
                certificate("CN=leaf", "CN=ca", -2, leaf),
                certificate("CN=ca", "CN=root", -900, intermediate),
            ],
            root: Some(root.clone()),
            ca_hints: vec![],
        });
        cell
    });
    Matrix {
        schema: RESULT.into(),
        run: Run {
            started_at: start().to_string(),
            judged_at: start().to_string(),
            ..Run::default()
        },
        totals: Counts::of(&cells),
        cells: cells.into(),
        targets: vec![],
        sources: vec![SourceSummary {
            name: "a".into(),
            id: None,
            chain: vec![certificate("CN=ours", "CN=ca", -2, ours)],
            root: None,
        }],
        findings: vec![],
    }
}

fn certificate(subject: &str, issuer: &str, from: i64, until: i64) -> Certificate {
    let at = |hours| (start() + SignedDuration::from_hours(hours)).to_string();
    Certificate {
        subject: subject.into(),
        issuer: issuer.into(),
        serial: "01".into(),
        uris: vec![],
        dns: vec![],
        not_before: at(from),
        not_after: at(until),
        sha256: format!("{subject}{until}"),
        spki_sha256: subject.into(),
    }
}

fn start() -> Timestamp {
    "2026-08-01T12:00:00Z".parse().unwrap()
}

fn then() -> Timestamp {
    start() + SignedDuration::from_hours(12)
}
