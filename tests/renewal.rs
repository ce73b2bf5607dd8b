//! What changes while a run goes on: files that are renewed, replaced or gone, and the run itself.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail so"
)]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mtls_probe::code::Code;
use mtls_probe::identity::Authority;
use mtls_probe::lab::{Lab, Options, Scratch};
use mtls_probe::matrix::{Cell, Matrix};
use mtls_probe::plan::plan;
use mtls_probe::run::{Event, Materials, Settings, now, run};
use mtls_probe::suite::Suite;
use tokio::sync::oneshot;

#[tokio::test]
async fn a_key_that_vanishes_is_our_own_trouble_and_other_sources_go_on() {
    let stage = Stage::new("frontend", "sa/frontend").await;
    let begun = Instant::now();
    let matrix = stage
        .run(|folder| fs::remove_file(folder.join("a.key")).unwrap())
        .await;
    let row = stage.row(&matrix, "a");
    let (first, rest) = row.split_first().unwrap();
    assert_eq!(first.code, Code::Ok);
    for cell in rest {
        assert_eq!(
            (cell.code, cell.outcome.as_str()),
            (Code::ProbeFault, "inconclusive")
        );
        assert_eq!(cell.met, None);
        assert!(
            cell.evidence[0].contains("a.key does not exist"),
            "{:?}",
            cell.evidence
        );
    }
    assert!(
        stage
            .row(&matrix, "b")
            .iter()
            .all(|cell| cell.code == Code::Ok)
    );
    assert_eq!(matrix.cells.len(), 2 * TARGETS, "no cell vanishes");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "one row does not hold up the others"
    );
}

#[tokio::test]
async fn files_that_become_somebody_else_are_not_taken_for_the_source() {
    let become_batch = |folder: &Path| {
        fs::copy(folder.join("batch.pem"), folder.join("a.pem")).unwrap();
        fs::copy(folder.join("batch.key"), folder.join("a.key")).unwrap();
    };
    let stage = Stage::new("frontend", "sa/frontend").await;
    let matrix = stage.run(become_batch).await;
    let row = stage.row(&matrix, "a");
    let (first, rest) = row.split_first().unwrap();
    assert_eq!(first.code, Code::Ok);
    for cell in rest {
        assert_eq!(cell.code, Code::ProbeFault);
        assert!(
            cell.evidence[0].contains("sa/frontend"),
            "{:?}",
            cell.evidence
        );
    }
    // Whoever does not say who it is may become anybody, and the cell says who it was.
    let stage = Stage::new("frontend", "").await;
    let matrix = stage.run(become_batch).await;
    let ids: Vec<_> = stage
        .row(&matrix, "a")
        .into_iter()
        .map(|cell| cell.from_id.unwrap())
        .collect();
    assert!(
        ids[0].ends_with("sa/frontend") && ids[1..].iter().all(|id| id.ends_with("sa/batch")),
        "{ids:?}"
    );
}

#[tokio::test]
async fn renewed_files_are_picked_up() {
    let stage = Stage::new("expired", "sa/frontend").await;
    let renew = |folder: &Path| {
        fs::copy(folder.join("frontend.pem"), folder.join("a.pem")).unwrap();
        fs::copy(folder.join("frontend.key"), folder.join("a.key")).unwrap();
    };
    let matrix = stage.run(renew).await;
    let row = stage.row(&matrix, "a");
    let (first, rest) = row.split_first().unwrap();
    assert_eq!(first.code, Code::CertExpired);
    assert!(rest.iter().all(|cell| cell.code == Code::Ok), "{rest:#?}");
}

#[tokio::test]
async fn a_bundle_that_is_replaced_judges_what_comes_after_it() {
    let stage = Stage::new("frontend", "sa/frontend").await;
    let folder = stage.scratch.folder();
    let roots = fs::read(folder.join("roots.pem")).unwrap();
    let stranger = Authority::throwaway("a stranger", now()).unwrap();
    let stranger = encode(stranger.root().unwrap());
    fs::write(folder.join("roots.pem"), stranger).unwrap();
    let matrix = stage
        .run(|folder| {
            fs::write(folder.join("next.pem"), &roots).unwrap();
            fs::rename(folder.join("next.pem"), folder.join("roots.pem")).unwrap();
            // Bundles are not looked at for every connection.
            std::thread::sleep(Duration::from_millis(150));
        })
        .await;
    let row = stage.row(&matrix, "a");
    let (first, rest) = row.split_first().unwrap();
    assert_eq!(
        (first.code, first.by.as_deref()),
        (Code::UnknownCa, Some("probe"))
    );
    assert!(rest.iter().all(|cell| cell.code == Code::Ok), "{rest:#?}");
}

#[tokio::test]
async fn every_source_of_the_same_files_must_be_who_they_say() {
    let stage = Stage::new("frontend", "sa/frontend").await;
    let text = stage.text.replace(
        "b: { id: sa/batch, files: { chain: batch.pem, key: batch.key } }",
        "b: { id: sa/batch, files: { chain: a.pem, key: a.key } }",
    );
    assert_ne!(text, stage.text);
    let suite = Suite::parse("s", stage.scratch.folder(), &text).unwrap();
    let troubles = Materials::gather(&[suite], now()).await.unwrap_err();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    let words = troubles[0].to_string();
    assert!(
        words.contains("source \"b\"") && words.contains("expected spiffe://"),
        "{words}"
    );
}

#[tokio::test]
async fn a_run_that_is_stopped_tells_no_mode_of_what_it_has_half_seen() {
    let stage = Stage::new("frontend", "sa/frontend").await;
    let lines = "expect: [{ to: t0, mode: STRICT }, { to: t1, mode: STRICT },";
    let text = stage.text.replace("expect: [", lines);
    let (stop, stopped) = oneshot::channel::<()>();
    let mut stop = Some(stop);
    let mut probed = 0;
    let matrix = probe(
        &text,
        stage.scratch.folder(),
        async move { stopped.await.unwrap() },
        |event| {
            if let Event::Probed = event {
                probed += 1;
            }
            if probed == 2
                && let Some(stop) = stop.take()
            {
                stop.send(()).unwrap();
            }
        },
    )
    .await;
    assert!(matrix.run.interrupted);
    assert!(!matrix.cells.is_empty() && matrix.cells.len() < 4 * TARGETS);
    assert!(!matrix.targets.is_empty());
    for target in &matrix.targets {
        assert_eq!(target.mode, "UNKNOWN", "{target:?}");
        assert!(target.evidence[0].contains("stopped"), "{target:?}");
    }
}

fn encode(certificate: &[u8]) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE", certificate))
}

const TARGETS: usize = 4;

/// A lab, and a suite of two identities and some questions to one of its servers.
struct Stage {
    scratch: Scratch,
    text: String,
    _lab: Lab,
}

impl Stage {
    /// The files of source `a` begin as those of one of the lab's identities.
    async fn new(begins_as: &str, id: &str) -> Self {
        let lab = Lab::start(now(), Options::default()).await.unwrap();
        let scratch = lab.write_scratch().unwrap();
        let folder = scratch.folder();
        for end in ["pem", "key"] {
            let from = folder.join(format!("{begins_as}.{end}"));
            fs::copy(from, folder.join(format!("a.{end}"))).unwrap();
        }
        let id = if id.is_empty() {
            String::new()
        } else {
            format!("id: {id}, ")
        };
        let address = lab.addresses("healthy")[0];
        let target =
            |nth| format!("t{nth}: {{ address: \"{address}\", request: {{ http: GET /{nth} }} }}");
        let targets: Vec<String> = (0..TARGETS).map(target).collect();
        let text = format!(
            "{{ version: 1, trust_domain: cluster.local, bundles: {{ cluster.local: {{ file: roots.pem }} }}, \
             sources: {{ a: {{ {id}files: {{ chain: a.pem, key: a.key }} }}, \
             b: {{ id: sa/batch, files: {{ chain: batch.pem, key: batch.key }} }} }}, \
             targets: {{ {} }}, expect: [{{ from: [a, b], to: \"*\", verdict: OK }}] }}",
            targets.join(", ")
        );
        Self {
            scratch,
            text,
            _lab: lab,
        }
    }

    /// Runs one probe after the other; `change` comes after the first.
    async fn run(&self, change: impl Fn(&Path)) -> Matrix {
        let mut is_changed = false;
        probe(
            &self.text,
            self.scratch.folder(),
            std::future::pending(),
            |event| {
                if let (Event::Probed, false) = (event, is_changed) {
                    change(self.scratch.folder());
                    is_changed = true;
                }
            },
        )
        .await
    }

    fn row(&self, matrix: &Matrix, source: &str) -> Vec<Cell> {
        let cells = matrix.cells.iter().filter(|cell| cell.from == source);
        cells.cloned().collect()
    }
}

async fn probe(
    text: &str,
    folder: &Path,
    stop: impl Future<Output = ()>,
    tell: impl FnMut(Event),
) -> Matrix {
    let suites = [Suite::parse("s", folder, text).unwrap()];
    let plan = Arc::new(plan(&suites).unwrap());
    let materials = Materials::gather(&suites, now()).await.unwrap();
    let settings = Settings {
        concurrency: NonZeroUsize::MIN,
        ..Settings::default()
    };
    run(&suites, plan, Arc::new(materials), settings, stop, tell).await
}
