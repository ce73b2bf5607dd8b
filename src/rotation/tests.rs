//! The tables: what an answer tells, what a state is called, what becomes of a connection.

use std::fs;
use std::path::Path;

use super::leaf::LeafRoot;
use super::member::{Trust, Word};
use super::pairs::{Prediction, Workload, predict};
use super::reading::{Around, Reading, reading};
use super::roots::{OwnLeaf, Roots, Unfit};
use super::{Go, Question, Rotation, Step, word};
use crate::code::{Code, Confidence};
use crate::matrix::fixture::{cell, with_code};
use crate::matrix::{Attempts, Cell, Certificate, Face, Matrix, Run, SCHEMA, Server, Tls, Totals};
use crate::report::shape::shape;

#[test]
fn an_answer_tells_of_roots_only_what_it_says_of_them() {
    let ours = |peer| Cell {
        peer: Some(peer),
        ..with_code(
            answered(Code::UnknownCa, None),
            Code::UnknownCa,
            Some("probe"),
        )
    };
    let ambiguous = |cell: Cell| Cell {
        confidence: Confidence::Ambiguous,
        ..cell
    };
    let asked = |requested, sent| {
        let mut cell = answered(Code::Ok, None);
        cell.tls = Some(Tls {
            certificate_requested: requested,
            certificate_sent: sent,
            ..Tls::default()
        });
        cell
    };
    let torn = Cell {
        attempts: Attempts {
            agreeing: 2,
            ..Attempts::alike(3)
        },
        ..answered(Code::Ok, None)
    };
    let nothing = Cell {
        tls: None,
        ..answered(Code::ConnectionRefused, None)
    };
    for (cell, want) in [
        (answered(Code::Ok, None), Word::Took),
        // Policy speaks after TLS.
        (answered(Code::AuthzDenied, None), Word::Took),
        (answered(Code::UpstreamUnavailable, None), Word::Took),
        (answered(Code::UpstreamTlsFailure, None), Word::Took),
        // A close that may as well be a late certificate check.
        (ambiguous(answered(Code::AuthzDenied, None)), Word::Open),
        // That we refuse the server says nothing of what it thinks of us.
        (ours(Code::Ok), Word::Took),
        (ours(Code::Silent), Word::Open),
        (asked(Some(false), false), Word::Anybody),
        (asked(Some(true), false), Word::Open),
        (asked(None, false), Word::Open),
        (torn, Word::Open),
        (answered(Code::UnknownCa, Some(48)), Word::Root),
        (answered(Code::BadSignature, Some(51)), Word::Root),
        (ambiguous(answered(Code::UnknownCa, Some(48))), Word::Open),
        // Our own chain is at fault.
        (answered(Code::IncompleteChain, Some(48)), Word::Open),
        (answered(Code::CertExpired, Some(45)), Word::Dates),
        (
            ambiguous(answered(Code::CertExpired, Some(45))),
            Word::Dates,
        ),
        (answered(Code::CertNotYetValid, Some(45)), Word::Dates),
        (answered(Code::SanMismatch, Some(46)), Word::Identity),
        (
            answered(Code::TrustDomainMismatch, Some(46)),
            Word::Identity,
        ),
        (
            ambiguous(answered(Code::CertRejected, Some(46))),
            Word::Identity,
        ),
        (
            ambiguous(answered(Code::CertRejected, Some(42))),
            Word::Open,
        ),
        (answered(Code::CertRevoked, Some(44)), Word::Open),
        (answered(Code::CertUnsupported, Some(43)), Word::Open),
        (answered(Code::Silent, None), Word::Open),
        (answered(Code::Reset, None), Word::Open),
        (answered(Code::ProbeFault, None), Word::Open),
        (nothing, Word::Open),
    ] {
        let (got, why) = word::of_all(&[&cell]);
        assert_eq!(got, want, "{} {why}", cell.code);
    }
    assert_eq!(word::of_all(&[]).0, Word::Open);
    let (took, refused) = (
        answered(Code::Ok, None),
        answered(Code::UnknownCa, Some(48)),
    );
    assert_eq!(word::of_all(&[&took, &refused]).0, Word::Open);
    assert_eq!(word::of_all(&[&took, &took]).0, Word::Took);
}

/// Leaf, old canary, new canary, the fleet around, and what that is; the page shows these rows.
fn table() -> Vec<(LeafRoot, Word, Word, &'static str, Around, Reading)> {
    use LeafRoot::{New, Old, Third, Unknown};
    use Word::{Anybody, Dates, Identity, Open, Root, Took};
    let trusting = Around {
        has_new_trust: true,
        mostly_trusts_new: true,
        ..Around::default()
    };
    let signing = Around {
        has_new_leaf: true,
        ..trusting
    };
    let retiring = Around {
        has_retired: true,
        ..signing
    };
    let swapped = Around {
        has_no_overlap: true,
        ..retiring
    };
    let early = Around {
        mostly_trusts_new: false,
        ..signing
    };
    let old_leaves = Around {
        mostly_old_leaves: true,
        ..retiring
    };
    let nobody = Around::default();
    let any = "";
    vec![
        (
            Old,
            Took,
            Root,
            "nobody trusts the new root",
            nobody,
            Reading::NotStarted,
        ),
        (
            Old,
            Took,
            Root,
            "most trust the new root",
            trusting,
            Reading::Late,
        ),
        (Old, Took, Took, "no new leaves", trusting, Reading::Ready),
        (
            New,
            Took,
            Took,
            "most trust the new root",
            signing,
            Reading::Reissued,
        ),
        (
            Old,
            Took,
            Took,
            "new leaves are in use",
            signing,
            Reading::ReissuePending,
        ),
        (
            New,
            Root,
            Took,
            "most leaves are new",
            retiring,
            Reading::Finished,
        ),
        (
            New,
            Took,
            Took,
            "others gave up the old root",
            retiring,
            Reading::RetirementPending,
        ),
        (
            Old,
            Took,
            Root,
            "new leaves are in use",
            signing,
            Reading::MissedTrust,
        ),
        (New, Took, Root, any, nobody, Reading::SignedTooEarly),
        (Old, Root, Took, any, trusting, Reading::RetiredTooEarly),
        (
            Old,
            Took,
            Root,
            "P0 and P3, and nobody trusts both",
            swapped,
            Reading::NoOverlap,
        ),
        (
            New,
            Root,
            Took,
            "P0 and P3, and nobody trusts both",
            swapped,
            Reading::NoOverlap,
        ),
        (
            New,
            Took,
            Took,
            "most do not trust the new root",
            early,
            Reading::Ahead,
        ),
        (
            New,
            Root,
            Took,
            "most leaves are old",
            old_leaves,
            Reading::Ahead,
        ),
        (Old, Root, Root, any, nobody, Reading::TrustsNeither),
        (New, Root, Root, any, nobody, Reading::TrustsNeither),
        (Unknown, Root, Root, any, nobody, Reading::TrustsNeither),
        (Third, Took, Took, any, trusting, Reading::ThirdRoot),
        (Old, Dates, Dates, any, nobody, Reading::CanaryOutOfDate),
        (Old, Took, Dates, any, nobody, Reading::CanaryOutOfDate),
        (
            Old,
            Identity,
            Identity,
            any,
            nobody,
            Reading::IdentityRefused,
        ),
        (Old, Took, Identity, any, nobody, Reading::IdentityRefused),
        (Old, Took, Open, any, nobody, Reading::Unknown),
        (Unknown, Took, Root, any, nobody, Reading::Unknown),
        (Old, Took, Anybody, any, nobody, Reading::Unknown),
    ]
}

#[test]
fn every_row_of_the_table_has_its_name() {
    for (leaf, old, new, words, around, want) in table() {
        assert_eq!(
            reading(leaf, old, new, around),
            want,
            "{leaf} {old} {new} {words}"
        );
    }
}

#[test]
fn the_page_shows_this_table() {
    let mut text = String::from(
        "| leaf | old canary | new canary | the fleet | reading | meaning | what to do |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let rows = table().into_iter();
    for (leaf, old, new, words, _, reading) in rows {
        let (meaning, fix) = (reading.meaning(), reading.fix());
        text +=
            &format!("| {leaf} | {old} | {new} | {words} | `{reading}` | {meaning} | {fix} |\n");
    }
    for reading in [Reading::NoVerification, Reading::SameKey] {
        let (meaning, fix) = (reading.meaning(), reading.fix());
        text += &format!("| | | | | `{reading}` | {meaning} | {fix} |\n");
    }
    for reading in Reading::ALL {
        assert!(text.contains(&format!("`{reading}`")), "{reading}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rotation.md");
    let page = fs::read_to_string(&path).unwrap();
    let begin = "<!-- readings -->\n";
    let (head, rest) = page.split_once(begin).unwrap();
    let (shown, tail) = rest.split_once("\n\n").unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{head}{begin}{text}\n{tail}")).unwrap();
    } else {
        assert_eq!(format!("{shown}\n"), text, "run with UPDATE_GOLDEN=1");
    }
}

#[test]
fn both_ends_must_trust_each_other_and_the_client_judges_first() {
    use LeafRoot::{New, Old, Third, Unknown};
    let workload = |leaf, old, new| Workload {
        name: "w".to_owned(),
        address: None,
        leaf,
        trusts_old: old,
        trusts_new: new,
        verifies_clients: true,
    };
    let (yes, no, open) = (Trust::Yes, Trust::No, Trust::Unknown);
    for (client, server, want) in [
        (
            workload(Old, yes, no),
            workload(Old, yes, no),
            Prediction::Works,
        ),
        (
            workload(Old, yes, no),
            workload(New, yes, yes),
            Prediction::ServerUntrusted,
        ),
        (
            workload(New, yes, yes),
            workload(Old, yes, no),
            Prediction::ClientUntrusted,
        ),
        // The server's word is not heard where the client hangs up.
        (
            workload(New, yes, no),
            workload(New, yes, no),
            Prediction::ServerUntrusted,
        ),
        (
            workload(Old, open, open),
            workload(Old, yes, yes),
            Prediction::Unknown,
        ),
        (
            workload(New, open, open),
            workload(Old, yes, no),
            Prediction::ClientUntrusted,
        ),
        (
            workload(Old, yes, yes),
            workload(Third, yes, yes),
            Prediction::Unknown,
        ),
        (
            workload(Unknown, yes, yes),
            workload(Old, yes, yes),
            Prediction::Unknown,
        ),
    ] {
        assert_eq!(predict(&client, &server), want, "{client:?} {server:?}");
    }
    let anybody = Workload {
        verifies_clients: false,
        ..workload(Old, open, open)
    };
    assert_eq!(
        predict(&workload(Third, yes, no), &anybody),
        Prediction::Works
    );
}

#[test]
fn an_acceptance_counts_only_where_strangers_are_refused() {
    for (stranger, go) in [(Code::UnknownCa, Go::Safe), (Code::Ok, Go::Unknown)] {
        let mut cells = fleet(2, |_| (Code::Ok, Code::Ok));
        cells.push(Cell {
            from: "stranger".to_owned(),
            to: "t0".to_owned(),
            address: "10.0.0.1:0".to_owned(),
            ..answered(stranger, None)
        });
        let rotation = read(cells).unwrap();
        assert_eq!(rotation.step(Step::P2).unwrap().go, go, "{stranger}");
    }
}

#[test]
fn a_root_is_known_by_its_key_and_by_nothing_else() {
    let old = root("old", "k1", "CN=root");
    let renewed = root("renewed", "k1", "CN=root");
    let namesake = root("other", "k2", "CN=root");
    let roots =
        |one: &Certificate, other: &Certificate| Roots::new(vec![one.clone()], vec![other.clone()]);
    assert_eq!(
        roots(&old, &old),
        Err(Unfit::SameRoot("CN=root".to_owned()))
    );
    assert_eq!(
        Roots::new(vec![], vec![old.clone()]),
        Err(Unfit::NoRoot("old"))
    );
    let same_key = roots(&old, &renewed).unwrap();
    assert!(same_key.same_key && !same_key.same_name);
    let same_name = roots(&old, &namesake).unwrap();
    assert!(!same_name.same_key && same_name.same_name);
    assert_eq!(same_name.of_key("k1"), LeafRoot::Old);
    assert_eq!(same_name.of_key("k2"), LeafRoot::New);
    assert_eq!(same_name.of_key("k3"), LeafRoot::Third);
    // A combined bundle on the new side.
    let combined = Roots::new(vec![old.clone()], vec![old, namesake.clone()]).unwrap();
    assert_eq!(combined.new, [namesake]);
}

#[test]
fn a_leaf_that_changes_while_we_look_is_not_known() {
    let mut cells = fleet(1, |_| (Code::Ok, Code::Ok));
    cells[1].server = Some(server("new"));
    let rotation = read(cells).unwrap();
    assert_eq!(rotation.members[0].leaf, LeafRoot::Unknown);
    assert_eq!(rotation.members[0].phase, None);
    assert_eq!(rotation.step(Step::P3).unwrap().go, Go::Unknown);
}

#[test]
fn a_leaf_that_only_some_connections_met_is_not_passed_over() {
    let face = |sha256: &str| Face {
        sha256: sha256.to_owned(),
        serial: "01".to_owned(),
        issuer: "CN=old".to_owned(),
        ca_hints: vec![],
        count: 1,
        codes: vec![],
    };
    for (faces, want) in [
        (vec![], LeafRoot::Old),
        (vec![face("leaf"), face("leaf")], LeafRoot::Old),
        (vec![face("leaf"), face("another")], LeafRoot::Unknown),
    ] {
        let mut cells = fleet(1, |_| (Code::Ok, Code::Ok));
        for cell in &mut cells {
            let server = cell.server.as_mut().unwrap();
            server.chain = vec![root("leaf", "k", "CN=leaf")];
        }
        cells[0].attempts.faces = faces;
        assert_eq!(read(cells).unwrap().members[0].leaf, want);
    }
}

#[test]
fn canaries_of_the_wrong_root_are_refused_before_they_mislead() {
    let cells = fleet(1, |_| (Code::Ok, Code::Ok));
    let matrix = matrix(cells);
    let (old, new) = (root("old", "old", "CN=old"), root("new", "new", "CN=new"));
    let roots = Roots::new(vec![old], vec![new]).unwrap();
    let ask = |canaries, own: &[OwnLeaf]| {
        Rotation::of(&Question {
            matrix: &matrix,
            roots: Some(&roots),
            canaries: Some(canaries),
            own,
            stranger: None,
        })
    };
    let swapped = ask(("new", "old"), &own()).unwrap_err();
    assert!(
        matches!(swapped, Unfit::WrongRoot { side: "old", .. }),
        "{swapped}"
    );
    let absent = ask(("old", "nobody"), &own()).unwrap_err();
    assert_eq!(absent, Unfit::NotProbed("nobody".to_owned()));
    let unchecked = ask(("old", "new"), &[]).unwrap();
    assert!(
        unchecked.notes[0].contains("was not checked"),
        "{:?}",
        unchecked.notes
    );
}

#[test]
fn a_large_fleet_is_read_at_once_and_said_briefly() {
    let cells = fleet(5_000, |nth| match nth % 100 {
        0 => (Code::Ok, Code::UnknownCa),
        _ => (Code::Ok, Code::Ok),
    });
    let rotation = read(cells).unwrap();
    let p2 = rotation.step(Step::P2).unwrap();
    assert_eq!((p2.go, p2.blocked_by), (Go::Refused, 50));
    assert_eq!(rotation.now.total, 25_000_000);
    assert_eq!(p2.breaks, 5_000 * 50 + 50 * 4_950);
    assert!(
        p2.broken
            .iter()
            .all(|group| group.from.len() <= 256 && group.to.len() <= 256)
    );
}

#[test]
fn the_schema_is_generated_and_a_report_keeps_to_it() {
    let rotation = read(fleet(3, |nth| match nth {
        0 => (Code::Ok, Code::UnknownCa),
        _ => (Code::Ok, Code::Ok),
    }));
    let json = serde_json::to_string(&rotation.unwrap()).unwrap();
    assert_eq!(shape::<Rotation>(super::SCHEMA).complaints(&json), [""; 0]);
}

fn answered(code: Code, alert: Option<u8>) -> Cell {
    let mut cell = with_code(cell("old", "t0", "10.0.0.1:0"), code, None);
    cell.tls = Some(Tls {
        certificate_requested: Some(true),
        certificate_sent: true,
        alert,
        ..Tls::default()
    });
    cell
}

/// Servers with an old leaf, and what each answers to the old and to the new canary.
fn fleet(size: usize, answers: impl Fn(usize) -> (Code, Code)) -> Vec<Cell> {
    let row = |from: &str, pick: fn((Code, Code)) -> Code| -> Vec<Cell> {
        let cells = (0..size).map(|nth| Cell {
            from: from.to_owned(),
            to: format!("t{nth}"),
            address: format!("10.0.0.1:{nth}"),
            server: Some(server("old")),
            ..answered(pick(answers(nth)), None)
        });
        cells.collect()
    };
    [row("old", |both| both.0), row("new", |both| both.1)].concat()
}

fn read(cells: Vec<Cell>) -> Result<Rotation, Unfit> {
    Rotation::of(&Question {
        matrix: &matrix(cells),
        roots: None,
        canaries: Some(("old", "new")),
        own: &own(),
        stranger: Some("stranger"),
    })
}

fn own() -> [OwnLeaf; 2] {
    ["old", "new"].map(|name| OwnLeaf {
        source: name.to_owned(),
        id: Some("spiffe://a/b".to_owned()),
        root: Some(root(name, name, &format!("CN={name}"))),
        is_workload: true,
    })
}

fn server(name: &str) -> Server {
    Server {
        id: Some("spiffe://a/t".to_owned()),
        judgement: Code::Ok,
        evidence: vec![],
        chain: vec![],
        root: Some(root(name, name, &format!("CN={name}"))),
        ca_hints: vec![],
    }
}

fn root(sha256: &str, key: &str, subject: &str) -> Certificate {
    Certificate {
        subject: subject.to_owned(),
        issuer: subject.to_owned(),
        serial: "01".to_owned(),
        uris: vec![],
        dns: vec![],
        not_before: "2026-01-01T00:00:00Z".to_owned(),
        not_after: "2036-01-01T00:00:00Z".to_owned(),
        sha256: sha256.to_owned(),
        spki_sha256: key.to_owned(),
    }
}

fn matrix(cells: Vec<Cell>) -> Matrix {
    Matrix {
        schema: SCHEMA.to_owned(),
        run: Run::default(),
        totals: Totals::of(&cells),
        cells,
        sources: vec![],
        targets: vec![],
        findings: vec![],
    }
}
