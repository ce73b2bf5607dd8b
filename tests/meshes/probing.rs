//! Suites of these tests, run as a user would run them.

use std::sync::Arc;

use mtls_probe::matrix::{Cell, Matrix};
use mtls_probe::plan::plan;
use mtls_probe::run::{self, Materials, Settings};
use mtls_probe::suite::Suite;

use crate::kit::Kit;

/// One target of a suite: its name, and the keys that follow its address.
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) keys: String,
}

/// Everybody who comes to these targets.
pub(crate) async fn run(
    kit: &Kit,
    sources: &[&str],
    targets: &[Target],
    follow_ups: bool,
) -> Matrix {
    let sources: String = sources.iter().map(|name| source(name)).collect();
    let targets: String = (targets.iter())
        .map(|one| {
            let Target {
                name,
                address,
                keys,
            } = one;
            format!("  {name:?}: {{ address: {address:?}, {keys} }}\n")
        })
        .collect();
    let yaml = format!(
        "version: 1\ntrust_domain: cluster.local\n\
         defaults: {{ timeout: 3s, follow_ups: {follow_ups} }}\n\
         bundles:\n  cluster.local: {{ file: roots.pem }}\n\
         sources:\n{sources}targets:\n{targets}"
    );
    let suite = Suite::parse("meshes.yaml", kit.folder(), &yaml);
    let suites = [suite.unwrap_or_else(|err| panic!("{err}"))];
    let plan = Arc::new(plan(&suites).unwrap());
    let materials = Materials::gather(&suites, run::now()).await;
    let materials = Arc::new(materials.unwrap_or_else(|troubles| panic!("{}", troubles[0])));
    let forever = std::future::pending();
    run::run(
        &suites,
        plan,
        materials,
        Settings::default(),
        forever,
        |_| {},
    )
    .await
}

fn source(name: &str) -> String {
    let origin = match name {
        "none" | "plaintext" | "sidecar" => "{}".to_owned(),
        _ => format!("{{ files: {{ chain: {name}.pem, key: {name}.key }} }}"),
    };
    format!("  {name}: {origin}\n")
}

/// The cell of a row and a column.
pub(crate) fn cell<'a>(matrix: &'a Matrix, from: &str, to: &str) -> &'a Cell {
    let mut cells = matrix.cells.iter();
    let found = cells.find(|cell| cell.from == from && cell.to == to);
    found.unwrap_or_else(|| panic!("no cell from {from} to {to}"))
}

/// `UNKNOWN_CA by peer, likely: INCOMPLETE_CHAIN`, without the candidates of an open verdict.
pub(crate) fn spoken(cell: &Cell) -> String {
    let by = cell
        .by
        .as_ref()
        .map_or(String::new(), |by| format!(" by {by}"));
    let candidates: Vec<_> = cell.candidates.iter().map(|code| code.as_str()).collect();
    let candidates = match candidates.as_slice() {
        [] => String::new(),
        some => format!(": {}", some.join(" ")),
    };
    format!(
        "{}{by}, {}{candidates}",
        cell.code,
        cell.confidence.as_str()
    )
}
