use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::code::Code;

#[test]
fn cells_go_by_source_then_target_then_address() {
    let plan = plan(&[suite(
        "sources: { a: F, b: G }
targets: { x: { address: ['x:1', 'x:2'] }, y: { address: 'y:1' } }",
    )])
    .unwrap();
    assert_eq!(
        cells(&plan),
        [
            "a x x:1", "a x x:2", "a y y:1", "b x x:1", "b x x:2", "b y y:1"
        ]
    );
    assert_eq!(plan.probes.len(), 6);
    assert_eq!(plan.shared(), 0);
    assert_eq!(
        names(&plan),
        (vec!["a".into(), "b".into()], vec!["x".into(), "y".into()])
    );
}

#[test]
fn one_connection_serves_every_cell_that_asks_the_same_of_it() {
    for (x, y, probes) in [
        // Whom we expect there is judged afterwards.
        ("address: 'x:1', dns: a", "address: 'x:1', dns: b", 1),
        ("address: 'x:1'", "address: 'x:1', bundle: td", 1),
        ("address: 'x:1'", "address: 'x:2'", 2),
        ("address: 'x:1'", "address: 'x:1', dialect: istio", 2),
        ("address: 'x:1'", "address: 'x:1', sni: off", 2),
        ("address: 'x:1'", "address: 'x:1', tls: 1.2", 2),
        ("address: 'x:1'", "address: 'x:1', alpn: h2", 2),
        ("address: 'x:1'", "address: 'x:1', groups: X25519", 2),
        ("address: 'x:1'", "address: 'x:1', request: 'GET /'", 2),
        ("address: 'x:1'", "address: 'x:1', timeout: 1s", 2),
        ("address: 'x:1'", "address: 'x:1', attempts: 2", 2),
    ] {
        let text = format!(
            "bundles: {{ td: {{ file: td.pem }} }}\nsources: {{ a: F }}\ntargets: {{ x: {{ {x} }}, y: {{ {y} }} }}"
        );
        let plan = plan(&[suite(&text)]).unwrap();
        assert_eq!(plan.probes.len(), probes, "{x} / {y}");
        assert_eq!(plan.cells.len(), 2);
        assert_eq!(plan.shared(), 2 - probes);
    }
}

#[test]
fn two_names_for_one_identity_share_its_connections() {
    let plan = plan(&[suite(
        "sources: { a: F, b: F, c: G }\ntargets: { x: { address: 'x:1', attempts: 3 } }",
    )])
    .unwrap();
    let probes: Vec<_> = plan.cells.iter().map(|cell| cell.probe).collect();
    assert_eq!(probes, [0, 0, 1]);
    assert_eq!(plan.connections(), 6);
}

#[test]
fn the_last_line_that_speaks_of_a_cell_wins() {
    let ok = vec![Wanted::Code(Code::Ok)];
    let rejected = vec![Wanted::Rejected];
    for (lines, a_x, b_y) in [
        ("[]", vec![], vec![]),
        (
            "[{ from: '*', to: '*', verdict: OK }]",
            ok.clone(),
            ok.clone(),
        ),
        (
            "[{ from: '*', to: '*', verdict: OK }, { from: b, to: y, verdict: REJECTED }]",
            ok.clone(),
            rejected.clone(),
        ),
        (
            "[{ from: b, to: y, verdict: REJECTED }, { from: '*', to: '*', verdict: OK }]",
            ok.clone(),
            ok.clone(),
        ),
        ("[{ from: a, to: y, verdict: OK }]", vec![], vec![]),
        ("[{ to: '*', mode: STRICT }]", vec![], vec![]),
    ] {
        let text = format!(
            "sources: {{ a: F, b: G }}\ntargets: {{ x: {{ address: 'x:1' }}, y: {{ address: 'y:1' }} }}\nexpect: {lines}"
        );
        let plan = plan(&[suite(&text)]).unwrap();
        let wanted = |source: &str, target: &str| {
            let cell = plan.cells.iter().find(|cell| {
                cell.source.name.as_str() == source && cell.target.name.as_str() == target
            });
            cell.unwrap().wanted.clone()
        };
        assert_eq!((wanted("a", "x"), wanted("b", "y")), (a_x, b_y), "{lines}");
    }
}

#[test]
fn suites_share_rows_and_columns_by_name_and_keep_their_own_expectations() {
    let first = suite(
        "sources: { a: F }\ntargets: { x: { address: 'x:1' } }
expect: [{ from: a, to: x, verdict: OK }, { to: x, mode: STRICT }]",
    );
    let second = suite(
        "sources: { b: G, a: F }\ntargets: { y: { address: 'y:1' }, x: { address: 'x:1' } }
expect: [{ from: [a, none], to: x, verdict: REJECTED }, { to: '*', mode: PERMISSIVE }]",
    );
    let plan = plan(&[first, second]).unwrap();
    let (sources, targets) = names(&plan);
    assert_eq!(sources, ["a", "none", "plaintext", "b"]);
    assert_eq!(targets, ["x", "y"]);
    assert_eq!(plan.cells.len(), 3 + 8);
    let of_a_x: Vec<_> = plan
        .cells
        .iter()
        .filter(|cell| cell.source.name.as_str() == "a" && cell.target.name.as_str() == "x")
        .map(|cell| (cell.suite, cell.probe, cell.wanted.clone()))
        .collect();
    assert_eq!(
        of_a_x,
        [
            (0, 0, vec![Wanted::Code(Code::Ok)]),
            (1, 0, vec![Wanted::Rejected])
        ]
    );
    assert_eq!(
        plan.modes,
        [
            (TargetName::new("x"), Mode::Permissive),
            (TargetName::new("y"), Mode::Permissive)
        ]
    );
}

#[test]
fn one_name_for_two_things_is_an_error_that_names_both_places() {
    let one = "sources: { a: F }\ntargets: { x: { address: 'x:1' } }";
    for (other, what) in [
        (
            "sources: { a: G }\ntargets: { x: { address: 'x:1' } }",
            "suite 1:2:12: source \"a\" is defined differently at suite 0:2:12; \
             rename one of them, or make them the same",
        ),
        (
            "sources: { a: F }\ntargets: { x: { address: 'x:2' } }",
            "suite 1:3:12: target \"x\" is defined differently at suite 0:3:12; \
             rename one of them, or make them the same",
        ),
        (
            "sources: { a: F }\ndefaults: { timeout: 1s }\ntargets: { x: { address: 'x:1' } }",
            "suite 1:4:12: target \"x\" is defined differently at suite 0:3:12; \
             rename one of them, or make them the same",
        ),
    ] {
        let error = plan(&[named("suite 0", one), named("suite 1", other)]).unwrap_err();
        assert_eq!(error.to_string(), what);
    }
    assert!(plan(&[named("suite 0", one), named("suite 1", one)]).is_ok());
}

#[test]
fn a_row_given_twice_by_a_caller_is_probed_once() {
    let mut suite = suite("sources: { a: F }\ntargets: { x: { address: 'x:1' } }");
    suite.sources.extend(suite.sources.clone());
    assert_eq!(cells(&plan(&[suite]).unwrap()), ["a x x:1"]);
}

#[test]
fn nothing_to_probe_is_an_empty_plan() {
    for text in [
        "",
        "sources: { a: F }",
        "targets: { x: { address: 'x:1' } }",
    ] {
        let plan = plan(&[suite(text)]).unwrap();
        assert_eq!((plan.cells.len(), plan.connections()), (0, 0), "{text}");
    }
    assert_eq!(plan(&[]).unwrap().probes, []);
}

#[test]
fn the_load_of_a_target_counts_its_connections_once() {
    let plan = plan(&[suite(
        "sources: { a: F, b: F, c: G }
targets:
  x: { address: ['x:1', 'x:2'], attempts: 5 }
  again: { address: 'x:1', attempts: 5 }
  y: { address: 'y:1' }",
    )])
    .unwrap();
    let loads: Vec<_> = plan
        .loads()
        .iter()
        .map(|load| {
            (
                load.target.to_string(),
                load.cells,
                load.probes,
                load.connections,
            )
        })
        .collect();
    assert_eq!(
        loads,
        [
            ("x".to_owned(), 6, 4, 20),
            ("again".to_owned(), 3, 2, 10),
            ("y".to_owned(), 3, 2, 2)
        ]
    );
    assert_eq!(plan.connections(), 22);
    assert_eq!(
        (plan.cells.len(), plan.probes.len(), plan.shared()),
        (12, 6, 6)
    );
}

#[test]
fn a_large_matrix_is_planned_at_once_and_an_absurd_one_refused() {
    let large = square(300, 300);
    let begun = Instant::now();
    let planned = plan(std::slice::from_ref(&large)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(
        (planned.cells.len(), planned.probes.len()),
        (90_000, 90_000)
    );

    let error = plan(&[square(3000, 3000)]).unwrap_err();
    assert_eq!(error, PlanError::TooMany { suite: "s".into() });
}

#[test]
fn shards_are_disjoint_complete_and_even_and_the_same_each_time() {
    let whole = plan(&[square(30, 31)]).unwrap();
    for total in [1, 2, 7, 31] {
        let shards: Vec<Plan> = (0..total)
            .map(|index| {
                let shard = Shard::new(index, total).unwrap();
                let again = whole.clone().shard(shard).unwrap();
                assert_eq!(again, whole.clone().shard(shard).unwrap());
                again
            })
            .collect();
        let mut places: Vec<usize> = vec![];
        for shard in &shards {
            let share = shard.share.as_ref().unwrap();
            for (cell, place) in shard.cells.iter().zip(&share.places) {
                let original = &whole.cells[*place];
                assert_eq!(
                    (&cell.source, &cell.target, &cell.wanted),
                    (&original.source, &original.target, &original.wanted)
                );
                assert_eq!(shard.probe_of(cell), whole.probe_of(original));
            }
            assert!(share.places.is_sorted(), "the order is that of the plan");
            assert_eq!(shard.sources, whole.sources);
            places.extend(&share.places);
        }
        places.sort_unstable();
        assert!(places.into_iter().eq(0..whole.cells.len()), "{total}");
        let connections: Vec<u64> = shards.iter().map(Plan::connections).collect();
        let (least, most) = (connections.iter().min(), connections.iter().max());
        assert!(most.unwrap() - least.unwrap() <= 30, "{connections:?}");
    }
}

#[test]
fn what_is_one_server_stays_in_one_shard() {
    let plan = plan(&[suite(
        "sources: { a: F, b: G, plaintext: {} }
targets:
  x: { address: ['x:1', 'x:2'] }
  y: { address: 'y:1', attempts: 9 }
  again: { address: 'x:2', request: 'GET /' }
  z: { address: 'z:1' }
expect: [{ to: '*', mode: STRICT }]",
    )])
    .unwrap();
    let targets = |index| {
        let shard = Shard::new(index, 2).unwrap();
        let share = plan.clone().shard(shard).unwrap();
        let modes = share.modes.iter().map(|(name, _)| name.to_string());
        let names = names(&share).1;
        assert!(modes.eq(names.iter().cloned()), "{names:?}");
        names
    };
    assert_eq!(targets(0), ["y"]);
    assert_eq!(targets(1), ["x", "again", "z"]);
}

#[test]
fn a_shard_that_would_be_empty_is_refused() {
    let few = plan(&[square(9, 3)]).unwrap();
    assert!(few.clone().shard(Shard::new(2, 3).unwrap()).is_ok());
    let error = few.shard(Shard::new(0, 4).unwrap()).unwrap_err();
    let words = "there is no shard 0/4: the suites name 3 servers, and all cells of a server stay together; take 3 shards at the most";
    assert_eq!(error.to_string(), words);
    let none = plan(&[]).unwrap().shard(Shard::new(0, 1).unwrap());
    assert!(none.is_err());
}

#[test]
fn shards_of_one_plan_know_each_other_and_no_others() {
    let of = |suites: &[Suite], index| {
        let plan = plan(suites).unwrap().shard(Shard::new(index, 2).unwrap());
        plan.unwrap().share.unwrap().of
    };
    let body = "sources: { a: F }\ntargets: { x: { address: 'x:1' }, y: { address: 'y:1' } }";
    let one = of(&[suite(body)], 0);
    assert_eq!(one, of(&[suite(body)], 1));
    assert_eq!(one, of(&[named("elsewhere/s", body)], 1), "wherever it is");
    for other in [
        body.replace("y:1", "y:2"),
        body.replace("a:", "b:"),
        body.replace(" y:", " z:"),
        format!("{body}\nexpect: [{{ from: a, to: x, verdict: OK }}]"),
        format!("{body}\nexpect: [{{ to: x, mode: STRICT }}]"),
    ] {
        assert_ne!(one, of(&[suite(&other)], 0), "{other}");
    }
}

#[test]
fn a_shard_is_written_as_its_index_and_their_number() {
    for good in ["0/1", "0/8", "7/8", "9999/10000"] {
        assert_eq!(good.parse::<Shard>().unwrap().to_string(), good);
    }
    for bad in [
        "",
        "/",
        "1",
        "8/8",
        "1/0",
        "0/0",
        "-1/8",
        "+1/8",
        "1/ 8",
        "a/8",
        "0/10001",
        "1/8/9",
        "0/4294967296",
    ] {
        let error = bad.parse::<Shard>().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{bad:?} is no shard")),
            "{error}"
        );
    }
}

fn suite(body: &str) -> Suite {
    named("s", body)
}

/// `F` and `G` stand for two identities.
fn named(name: &str, body: &str) -> Suite {
    let text = format!("version: 1\n{body}");
    let text = text
        .replace(": F", ": { files: { chain: f.pem, key: f.key } }")
        .replace(": G", ": { files: { chain: g.pem, key: g.key } }");
    Suite::parse(name, Path::new("/"), &text).unwrap_or_else(|error| panic!("{error}"))
}

fn square(rows: usize, columns: usize) -> Suite {
    let mut text = "sources:\n".to_owned();
    for n in 0..rows {
        text += &format!("  s{n}: {{ files: {{ chain: s{n}.pem, key: s{n}.key }} }}\n");
    }
    text += "targets:\n";
    for n in 0..columns {
        text += &format!("  t{n}: {{ address: 't{n}:8443' }}\n");
    }
    text += "expect: [{ from: '*', to: '*', verdict: OK }]\n";
    suite(&text)
}

fn cells(plan: &Plan) -> Vec<String> {
    let cells = plan.cells.iter().map(|cell| {
        let address = &plan.probe_of(cell).unwrap().address;
        format!("{} {} {address}", cell.source.name, cell.target.name)
    });
    cells.collect()
}

fn names(plan: &Plan) -> (Vec<String>, Vec<String>) {
    (
        plan.sources.iter().map(ToString::to_string).collect(),
        plan.targets.iter().map(ToString::to_string).collect(),
    )
}
