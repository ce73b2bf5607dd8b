//! The line as code: every planned connection, bounded in number and rate, until done or stopped.
//! Edge: reads the clock.

mod belief;
mod discovery;
mod jobs;
mod materials;
mod notebook;
mod pace;
mod rotation;
mod worker;

pub use materials::{Materials, Unusable};

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::JoinSet;

use self::discovery::Discovery;
use self::notebook::Notebook;
use self::pace::Pace;
use self::worker::Worker;
use crate::findings;
use crate::identity::mint::Moment;
use crate::matrix::cells::{Bench, Draft, Square};
use crate::matrix::{Cell, Matrix, Run, SCHEMA, Shard, SourceSummary, Totals};
use crate::outlook;
use crate::plan::Plan;
use crate::suite::{Mode, Suite, TargetName};

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The most connections at one time.
    pub concurrency: NonZeroUsize,
    /// The most connections begun in a second.
    pub rate: Option<f64>,
    /// Judge dates as of this moment, or this long after each connection.
    pub as_of: Moment,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: NonZeroUsize::new(64).unwrap_or(NonZeroUsize::MIN),
            rate: None,
            as_of: Moment::NOW,
        }
    }
}

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum Event {
    /// Names are resolved; this many cells will be probed.
    Begun(usize),
    /// One probe is done.
    Probed,
    /// Nothing can change these cells any more.
    Settled(Vec<Cell>),
}

/// Probes everything that the suites plan. Ends early, with what was learned, when `stop` does.
pub async fn run(
    suites: &[Suite],
    plan: Arc<Plan>,
    materials: Arc<Materials>,
    settings: Settings,
    stop: impl Future<Output = ()>,
    mut tell: impl FnMut(Event),
) -> Matrix {
    let started = now();
    let bench = Arc::new(Bench::new(
        Arc::clone(&plan),
        Arc::clone(&materials.trusted),
        settings.as_of,
    ));
    let worker = Worker {
        plan: Arc::clone(&plan),
        materials,
        bench: Arc::clone(&bench),
        pace: Arc::new(Pace::new(settings.rate)),
        notebook: Notebook::default(),
        chains: Arc::default(),
        discovery: Discovery::default(),
    };
    let mut streamed = Streamed::default();
    let probing = async {
        let jobs = jobs::jobs(&plan.probes, settings.concurrency).await;
        tell(Event::Begun(jobs.len()));
        worker.notebook.open(&jobs);
        let mut waiting = jobs.into_iter();
        let mut running = JoinSet::new();
        let mut known = HashMap::new();
        loop {
            while running.len() < settings.concurrency.get() {
                let Some(job) = waiting.next() else { break };
                let task = running.spawn(worker.clone().probe(job.clone()));
                known.insert(task.id(), job);
            }
            let Some(done) = running.join_next_with_id().await else {
                break;
            };
            let (task, is_whole) = match done {
                Ok((task, ())) => (task, true),
                Err(crash) => (crash.id(), false),
            };
            let Some(job) = known.remove(&task) else {
                continue;
            };
            if !is_whole {
                worker.crashed(&job);
            }
            tell(Event::Probed);
            if let Some(seen) = worker.notebook.done(&job) {
                tell(Event::Settled(streamed.news(&bench.drafts(&seen))));
            }
        }
    };
    let interrupted = tokio::select! {
        biased;
        () = stop => true,
        () = probing => false,
    };
    let (seen, unfinished) = worker.notebook.all(plan.probes.len());
    let drafts = bench.cells(&seen);
    let sources = bench.sources(&seen);
    tell(Event::Settled(streamed.news(&drafts)));
    let cells = drafts.into_iter().map(|draft| Cell {
        place: plan.place(draft.square.planned),
        ..draft.cell
    });
    let cells = cells.collect();
    let about = Run {
        started_at: started.to_string(),
        finished_at: now().to_string(),
        judged_at: settings.as_of.at(started).to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        suites: suites.iter().map(|suite| suite.name.clone()).collect(),
        interrupted,
        shard: plan.share.as_ref().map(|share| Shard {
            index: share.shard.index(),
            total: share.shard.total(),
            plan: share.of.clone(),
        }),
    };
    let partial = plan.cells.iter();
    let partial = partial.filter(|planned| unfinished.contains(&planned.probe));
    let partial = partial.map(|planned| &planned.target.name).collect();
    let mut matrix = assemble(
        about,
        cells,
        sources,
        &plan,
        &partial,
        settings.as_of.at(started),
    );
    matrix.note_dialects(&seen, &plan);
    matrix.bounded()
}

/// The result, once nothing more will be seen. Of `partial` targets some cells are missing.
fn assemble(
    about: Run,
    cells: Vec<Cell>,
    sources: Vec<SourceSummary>,
    plan: &Plan,
    partial: &HashSet<&TargetName>,
    at: Timestamp,
) -> Matrix {
    let mut by_target: HashMap<&str, Vec<&Cell>> = HashMap::new();
    for cell in &cells {
        by_target.entry(&cell.to).or_default().push(cell);
    }
    let expected: HashMap<&TargetName, Mode> = plan
        .modes
        .iter()
        .map(|(name, mode)| (name, *mode))
        .collect();
    let summaries = plan.targets.iter().filter_map(|target| {
        let cells = by_target
            .get(target.as_str())
            .map_or(&[][..], Vec::as_slice);
        let expected = expected.get(target).copied();
        let is_partial = partial.contains(target);
        // An expected mode that nobody looked for is an expectation that is not met.
        if cells.is_empty() && (expected.is_none() || is_partial) {
            return None;
        }
        let mut summary = findings::summary(target.as_str(), cells, expected);
        if is_partial {
            // The cells that are missing might tell another story.
            Mode::Unknown.as_str().clone_into(&mut summary.mode);
            let why = "the run was stopped before all its cells were probed";
            summary.evidence.insert(0, why.to_owned());
        }
        Some(summary)
    });
    let targets: Vec<_> = summaries.collect();
    let mut matrix = Matrix {
        schema: SCHEMA.to_owned(),
        run: about,
        totals: Totals::of(&cells),
        findings: findings::findings(&cells, &targets, at),
        cells,
        targets,
        sources,
    };
    let will_break = outlook::will_break(&matrix, at);
    matrix.findings.extend(will_break);
    matrix.findings.sort_by_key(|finding| finding.severity);
    matrix
}

/// The clock.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Which cells have been told already, each once.
#[derive(Default)]
struct Streamed(HashSet<Square>);

impl Streamed {
    fn news(&mut self, drafts: &[Draft]) -> Vec<Cell> {
        let settled = drafts.iter().filter(|draft| draft.is_final);
        let new = settled.filter(|draft| self.0.insert(draft.square.clone()));
        new.map(|draft| draft.cell.clone().bounded()).collect()
    }
}
