//! Large matrices, made of the cells of the fixed one, with names, certificates and times of their own.

use mtls_probe::matrix::{Cell, Matrix, Totals};

/// So many sources against so many targets; nine of ten cells are as expected.
pub(crate) fn matrix(of: &Matrix, sources: usize, targets: usize) -> Matrix {
    let find = |from: &str, to: &str| {
        let found = of
            .cells
            .iter()
            .find(|cell| cell.from == from && cell.to == to);
        found.unwrap().clone()
    };
    let good = find("sa/frontend", "payments");
    let others = [
        find("rogue", "payments"),
        find("sa/batch", "legacy"),
        find("sa/frontend", "partner"),
        find("sa/frontend", "ghost"),
        find("rogue", "mallory"),
        find("sa/batch", "api"),
        find("sa/batch", "payments"),
    ];
    let mut cells = vec![];
    for source in 0..sources {
        for target in 0..targets {
            let dice = (source * 7919 + target * 104_729 + source * target * 31) % 1009;
            let like = match dice {
                ..100 => &others[dice % others.len()],
                _ => &good,
            };
            cells.push(at(like, source, target, dice));
        }
    }
    let mut matrix = of.clone();
    matrix.totals = Totals::of(&cells);
    matrix.cells = cells;
    matrix.targets = (0..targets)
        .map(|target| {
            let mut summary = of.targets[target % of.targets.len()].clone();
            summary.name = name_of_target(target);
            summary.addresses = vec![address(target)];
            summary
        })
        .collect();
    matrix.sources = (0..sources)
        .map(|source| {
            let mut summary = of.sources[0].clone();
            summary.name = name_of_source(source);
            summary.id = Some(id(source));
            for certificate in &mut summary.chain {
                certificate.uris = vec![id(source)];
                certificate.sha256 = format!("{source:064x}");
            }
            summary
        })
        .collect();
    matrix
}

fn at(like: &Cell, source: usize, target: usize, dice: usize) -> Cell {
    let mut cell = like.clone();
    cell.from = name_of_source(source);
    cell.from_id = Some(id(source));
    cell.to = name_of_target(target);
    cell.address = address(target);
    // Of a real run no two are the same.
    let times = &mut cell.timing_ms;
    for time in [
        &mut times.tcp,
        &mut times.tls,
        &mut times.settle,
        &mut times.request,
    ] {
        *time = time.map(|ms| ms + dice as f64 / 97.0);
    }
    if let Some(server) = &mut cell.server {
        server.id = Some(format!("spiffe://cluster.local/ns/prod/sa/{}", cell.to));
        if let Some(leaf) = server.chain.first_mut() {
            leaf.uris = server.id.iter().cloned().collect();
            leaf.sha256 = format!("{target:064x}");
            leaf.serial = format!("{target:032x}");
        }
    }
    cell
}

pub(crate) fn name_of_source(nth: usize) -> String {
    format!(
        "{}/sa/{}-{nth}",
        SPACES[nth % SPACES.len()],
        KINDS[nth * 5 % KINDS.len()]
    )
}

pub(crate) fn name_of_target(nth: usize) -> String {
    format!(
        "{}-{nth}.{}",
        KINDS[nth * 3 % KINDS.len()],
        SPACES[nth / 7 % SPACES.len()]
    )
}

fn id(source: usize) -> String {
    format!("spiffe://cluster.local/ns/{}", name_of_source(source))
}

fn address(target: usize) -> String {
    format!(
        "10.{}.{}.{}:8443",
        target / 250 % 250,
        target % 250,
        target % 199 + 1
    )
}

const SPACES: [&str; 5] = ["default", "payments", "observability", "edge", "data"];
const KINDS: [&str; 8] = [
    "api",
    "checkout",
    "ledger",
    "notifications",
    "search",
    "gateway",
    "cache",
    "scheduler",
];
