use std::path::Path;

use super::*;
use crate::certificate::{Bundle, Trust};
use crate::code::Code;
use crate::identity::{Authority, Leaf};
use crate::observation::{
    Answer, Came, CertificateRequest, Ending, Gave, Objection, Observation, Tls, Version, Wordless,
};
use crate::plan::plan;
use crate::suite::Suite;

#[test]
fn of_several_attempts_most_speak_for_all_and_a_difference_is_doubt() {
    let mesh = Mesh::new();
    let (ok, ca, expired, fault) = (answered(), alert(48), alert(45), fault());
    let (yes, doubt) = (Some(true), None);
    for (attempts, wanted, code, agreeing, met) in [
        (vec![&ok], "OK", Code::Ok, 1, yes),
        (vec![&ca], "OK", Code::UnknownCa, 1, Some(false)),
        (vec![&ok, &ok, &ca], "OK", Code::Ok, 2, doubt),
        (vec![&ok, &ca, &ca], "OK", Code::UnknownCa, 2, doubt),
        (vec![&ok, &ca], "OK", Code::UnknownCa, 1, doubt),
        (vec![&ca, &ok], "REJECTED", Code::UnknownCa, 1, doubt),
        (vec![&ca, &ca], "REJECTED", Code::UnknownCa, 2, yes),
        (vec![&expired, &ca], "REJECTED", Code::CertRejected, 1, yes),
        (vec![&fault], "OK", Code::ProbeFault, 1, doubt),
        (vec![&fault], "REJECTED", Code::ProbeFault, 1, doubt),
        (vec![&fault, &ok], "OK", Code::ProbeFault, 1, doubt),
        (vec![&ok, &ok, &fault], "OK", Code::Ok, 2, doubt),
        (vec![], "OK", Code::ProbeFault, 0, doubt),
    ] {
        let bench = mesh.bench(&[&suite("a", wanted)]);
        let looks = attempts.iter().map(|seen| mesh.look(seen));
        let seen = Seen {
            attempts: looks.collect(),
            ..mesh.seen(0, &ok)
        };
        let cells = bench.cells(&[seen]);
        let cell = &cells[0].cell;
        // Which code an alert stands for is not the question here.
        let same = cell.code == code || code == Code::CertRejected;
        assert!(same, "{wanted}: {cell:#?}");
        assert_eq!(cell.attempts.total as usize, attempts.len());
        assert_eq!(cell.attempts.agreeing, agreeing, "{wanted}: {cell:#?}");
        assert_eq!(cell.met, met, "{wanted}: {cell:#?}");
    }
}

#[test]
fn both_ends_judge_and_an_expectation_may_speak_of_either() {
    let mesh = Mesh::new();
    let (yes, no, doubt) = (Some(true), Some(false), None);
    for (theirs, is_trusted, code, by, met) in [
        (answered(), true, Code::Ok, None, [yes, no, no]),
        (
            alert(48),
            true,
            Code::UnknownCa,
            Some("peer"),
            [no, yes, no],
        ),
        (silent(), true, Code::Silent, None, [doubt, doubt, doubt]),
        (
            answered(),
            false,
            Code::SanMismatch,
            Some("probe"),
            [no, no, yes],
        ),
        (
            alert(48),
            false,
            Code::UnknownCa,
            Some("peer"),
            [no, yes, yes],
        ),
        // It may have refused us: nobody heard.
        (
            silent(),
            false,
            Code::SanMismatch,
            Some("probe"),
            [no, doubt, yes],
        ),
        (fault(), true, Code::ProbeFault, None, [doubt, doubt, doubt]),
        (refused(), true, Code::ConnectionRefused, None, [no, no, no]),
    ] {
        for (wanted, met) in ["OK", "REJECTED", "DISTRUSTED"].into_iter().zip(met) {
            let text = suite("a", wanted);
            let text = if is_trusted {
                text
            } else {
                text.replace("sa/server", "sa/other")
            };
            let bench = mesh.bench(&[&text]);
            let cells = bench.cells(&[mesh.seen(0, &theirs)]);
            let cell = &cells[0].cell;
            assert_eq!((cell.code, cell.by.as_deref()), (code, by), "{cell:#?}");
            assert_eq!(cell.met, met, "{wanted}: {cell:#?}");
        }
    }
}

#[test]
fn every_suite_has_its_own_cells_also_where_names_are_the_same() {
    let mesh = Mesh::new();
    let bench = mesh.bench(&[&suite("a", "OK"), &suite("a", "REJECTED")]);
    let seen = mesh.seen(0, &answered());
    assert_eq!(bench.plan.probes.len(), 1, "one connection serves both");
    for drafts in [bench.drafts(&seen), bench.cells(&[seen])] {
        let met: Vec<_> = drafts.iter().map(|draft| draft.cell.met).collect();
        assert_eq!(met, [Some(true), Some(false)]);
        assert_ne!(drafts[0].square, drafts[1].square);
    }
}

#[test]
fn replicas_stand_in_the_order_of_their_addresses() {
    let mesh = Mesh::new();
    let bench = mesh.bench(&[&suite("a", "OK")]);
    let at = |port: u16, seen: &Observation| Seen {
        socket: Some(SocketAddr::from(([10, 0, 0, 1], port))),
        ..mesh.seen(0, seen)
    };
    let cells = bench.cells(&[at(3, &answered()), at(1, &alert(48)), at(2, &answered())]);
    let shown: Vec<_> = cells
        .iter()
        .map(|draft| draft.cell.address.as_str())
        .collect();
    assert_eq!(shown, ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"]);
    assert_eq!(cells[0].cell.code, Code::UnknownCa);
}

#[test]
fn only_another_identity_with_the_same_question_shows_that_a_close_is_about_us() {
    let mesh = Mesh::new();
    let same = suite("a, b", "OK");
    let more = "targets: { u: { address: \"10.0.0.1:1\", request: { http: GET /u } }, t:";
    let other = same.replace("targets: { t:", more);
    // The probes of a plan stand by source, then target.
    for (text, answered_for, closed_for, want) in [
        (&same, 0, 1, Code::AuthzDenied),
        (&same, 0, 0, Code::Closed),
        // GET /u is answered, GET / is not.
        (&other, 0, 3, Code::Closed),
        (&other, 1, 3, Code::AuthzDenied),
    ] {
        let bench = mesh.bench(&[text]);
        let (mut all, closed) = (
            vec![mesh.seen(answered_for, &answered())],
            mesh.look(&closed()),
        );
        match all.iter_mut().find(|seen| seen.probe == closed_for) {
            Some(seen) => seen.attempts = vec![closed.clone(), closed, mesh.look(&answered())],
            None => all.push(Seen {
                attempts: vec![closed],
                ..mesh.seen(closed_for, &answered())
            }),
        }
        let cells = bench.cells(&all);
        let cell = cells
            .iter()
            .find(|draft| draft.square.planned == closed_for);
        assert_eq!(cell.unwrap().cell.code, want, "{answered_for} {closed_for}");
    }
}

#[test]
fn without_a_bundle_of_our_own_trust_domain_nothing_speaks_against_our_chain() {
    let mesh = Mesh::new();
    let bench = mesh.bench(&[&suite("a", "OK")]);
    for (id, want) in [
        (
            "spiffe://cluster.local/ns/default/sa/a",
            vec![Code::UnknownCa],
        ),
        ("spiffe://elsewhere.example/sa/a", vec![]),
    ] {
        let stranger = Authority::throwaway("a stranger", now()).unwrap();
        let chain = issued(&stranger, id);
        let own = bench.opinions.of_own(0, &chain, now(), &[]).unwrap();
        let codes: Vec<_> = own
            .judgement
            .problems
            .iter()
            .map(|problem| problem.code)
            .collect();
        assert_eq!(codes, want, "{id}");
    }
}

#[test]
fn a_server_is_told_nothing_unless_every_cell_that_looks_trusts_it() {
    let mesh = Mesh::new();
    let good = suite("a", "OK");
    let picky = good.replace("sa/server", "sa/other");
    let picky = picky
        .replace("targets: { t:", "targets: { u:")
        .replace("to: t", "to: u");
    for (suites, want) in [
        (vec![&good], true),
        (vec![&picky], false),
        (vec![&good, &picky], false),
    ] {
        let texts: Vec<&str> = suites.iter().map(|text| text.as_str()).collect();
        let bench = mesh.bench(&texts);
        assert_eq!(bench.trusts(0, &mesh.server, now()), want, "{suites:?}");
    }
    let plan = Arc::new(plan(&[Suite::parse("s", Path::new(""), &good).unwrap()]).unwrap());
    let nothing = Bench::new(plan, Arc::default(), Moment::NOW);
    assert!(
        !nothing.trusts(0, &mesh.server, now()),
        "no trust is no trust"
    );
}

#[test]
fn what_is_told_early_is_what_the_end_says() {
    let mesh = Mesh::new();
    let text = suite("a, b, none, plaintext", "OK");
    let bench = mesh.bench(&[&text]);
    let kinds = [
        answered(),
        alert(48),
        alert(42),
        silent(),
        closed(),
        fault(),
        refused(),
        not_tls(),
    ];
    for one in &kinds {
        for other in &kinds {
            let all = [mesh.seen(0, one), mesh.seen(1, other)];
            let end = bench.cells(&all);
            for draft in all.iter().flat_map(|seen| bench.drafts(seen)) {
                let last = end.iter().find(|last| last.square == draft.square).unwrap();
                assert!(
                    !draft.is_final || draft.cell == last.cell,
                    "{draft:#?} {last:#?}"
                );
            }
        }
    }
}

#[test]
fn what_a_chain_lacks_may_come_from_another_server() {
    let mesh = Mesh::new();
    let bench = mesh.bench(&[&suite("a, b", "OK")]);
    let lacking = Observation {
        chain: mesh.server[..1].to_vec(),
        ..answered()
    };
    let mut alone = mesh.seen(0, &lacking);
    // We send none of our own intermediates either.
    for look in &mut alone.attempts {
        look.own_chain = Arc::from(&look.own_chain[..1]);
    }
    let draft = &bench.drafts(&alone)[0];
    assert_eq!((draft.cell.code, draft.is_final), (Code::UnknownCa, false));
    let cells = bench.cells(&[alone, mesh.seen(1, &answered())]);
    assert_eq!(cells[0].cell.code, Code::IncompleteChain);
}

/// One suite with one target at one address.
fn suite(sources: &str, wanted: &str) -> String {
    let files =
        |name: &str| format!("{name}: {{ files: {{ chain: {name}.pem, key: {name}.key }} }}");
    let named: Vec<String> = sources
        .split(", ")
        .filter(|name| !["none", "plaintext"].contains(name))
        .map(files)
        .collect();
    let sources: Vec<&str> = sources
        .split(", ")
        .filter(|name| *name != "plaintext")
        .collect();
    format!(
        "{{ version: 1, trust_domain: cluster.local, sources: {{ {} }}, targets: {{ t: {{ address: \
         \"10.0.0.1:1\", id: sa/server, request: {{ http: GET / }} }} }}, expect: [{{ from: [{}], to: \
         t, verdict: {wanted} }}] }}",
        named.join(", "),
        sources.join(", ")
    )
}

/// Certificates of one mesh, which has an intermediate.
struct Mesh {
    root: CertificateDer<'static>,
    own: Arc<[CertificateDer<'static>]>,
    server: Vec<CertificateDer<'static>>,
}

impl Mesh {
    fn new() -> Self {
        let root = Authority::throwaway("root", now()).unwrap();
        let issuing = root.intermediate("issuing", now()).unwrap();
        Self {
            own: Arc::from(issued(&issuing, "spiffe://cluster.local/ns/default/sa/a")),
            server: issued(&issuing, "spiffe://cluster.local/ns/default/sa/server"),
            root: root.root().unwrap().clone(),
        }
    }

    fn bench(&self, texts: &[&str]) -> Bench {
        let parse = |text: &&str| Suite::parse("s", Path::new(""), text).unwrap();
        let suites: Vec<Suite> = texts.iter().map(parse).collect();
        let mut trust = Trust::default();
        let domain = "cluster.local".parse().unwrap();
        let roots = Bundle::new([self.root.clone()]).unwrap();
        trust.bundles.insert(domain, roots);
        let trust = vec![trust; suites.len()];
        Bench::new(
            Arc::new(plan(&suites).unwrap()),
            Arc::new(Trusted::new(trust)),
            Moment::NOW,
        )
    }

    fn look(&self, seen: &Observation) -> Look {
        let mut observation = seen.clone();
        if seen.stage >= Stage::ClientAuth && seen.chain.is_empty() {
            observation.chain.clone_from(&self.server);
        }
        Look::new(now(), Arc::clone(&self.own), observation)
    }

    fn seen(&self, probe: usize, seen: &Observation) -> Seen {
        Seen {
            probe,
            name: None,
            socket: Some(SocketAddr::from(([10, 0, 0, 1], 1))),
            attempts: vec![self.look(seen)],
            follow_ups: vec![],
            found: None,
        }
    }
}

fn issued(authority: &Authority, id: &str) -> Vec<CertificateDer<'static>> {
    let hour = jiff::SignedDuration::from_hours(1);
    let leaf = Leaf::svid(&id.parse().unwrap(), now() - hour, now() + hour);
    authority.issue(&leaf).unwrap().chain().to_vec()
}

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

/// A TLS 1.3 handshake with our certificate, and nothing heard since.
fn silent() -> Observation {
    Observation {
        came: Came::WithCertificate,
        stage: Stage::Settle,
        ending: Ending::Wordless(Wordless::Quiet),
        tls: Tls {
            version: Some(Version::Tls13),
            ..Tls::default()
        },
        certificate_request: CertificateRequest::Asked {
            hints: vec![],
            schemes: vec![0x0403],
            gave: Gave::Certificate,
        },
        ..Observation::default()
    }
}

fn alert(number: u8) -> Observation {
    Observation {
        ending: Ending::Alert(number),
        ..silent()
    }
}

fn answered() -> Observation {
    Observation {
        stage: Stage::Request,
        ending: Ending::Answered,
        tickets: 2,
        application_bytes: 100,
        answer: Some(Answer {
            status: 200,
            server: None,
            date: None,
            proxy_headers: vec![],
            body: String::new(),
            grpc_status: None,
            grpc_message: None,
            grpc_serving: None,
        }),
        ..silent()
    }
}

/// Closed without a word after our request.
fn closed() -> Observation {
    Observation {
        stage: Stage::Request,
        tickets: 1,
        ending: Ending::Wordless(Wordless::Fin),
        ..silent()
    }
}

fn fault() -> Observation {
    Observation {
        came: Came::WithCertificate,
        ending: Ending::Fault("out of files".to_owned()),
        ..Observation::default()
    }
}

fn refused() -> Observation {
    Observation {
        came: Came::WithCertificate,
        stage: Stage::Tcp,
        ending: Ending::NeverConnected(crate::observation::NeverConnected::Refused),
        ..Observation::default()
    }
}

fn not_tls() -> Observation {
    Observation {
        came: Came::WithCertificate,
        stage: Stage::ClientHello,
        ending: Ending::Objection(Objection::NotTls),
        first_bytes: b"SSH-2.0".to_vec(),
        received: 7,
        ..Observation::default()
    }
}
