//! The line as code: every planned connection, bounded in number and rate, until done or stopped.
//! Edge: reads the clock.

mod materials;
mod notebook;
mod pace;

pub use materials::{Materials, Unusable};

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::materials::Costume;
use self::notebook::Notebook;
use self::pace::Pace;
use crate::findings;
use crate::handshake::{Attempt, observe};
use crate::identity::mint::{self, Moment};
use crate::matrix::cells::{Bench, Draft, Look, Square};
use crate::matrix::{Cell, Matrix, Run, SCHEMA, Totals};
use crate::observation::{Came, Ending, Followed, NeverConnected, Observation, Stage};
use crate::plan::{FollowUp, Plan, Probe};
use crate::suite::{Mode, Suite, TargetName};
use crate::target::{Address, Via, resolve::resolve};

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
        Arc::clone(&materials.trust),
        settings.as_of,
    ));
    let worker = Worker {
        plan: Arc::clone(&plan),
        materials,
        bench: Arc::clone(&bench),
        pace: Arc::new(Pace::new(settings.rate)),
        notebook: Notebook::default(),
        chains: Arc::default(),
    };
    let mut streamed = Streamed::default();
    let probing = async {
        let jobs = worker.jobs(settings.concurrency).await;
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
                let why = "the probe ended unexpectedly; please report this".to_owned();
                worker.notebook.note(&job, look(Ending::Fault(why)));
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
    tell(Event::Settled(streamed.news(&drafts)));
    let cells = drafts.into_iter().map(|draft| draft.cell).collect();
    let about = Run {
        started_at: started.to_string(),
        finished_at: now().to_string(),
        judged_at: settings.as_of.at(started).to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        suites: suites.iter().map(|suite| suite.name.clone()).collect(),
        interrupted,
    };
    let partial = plan.cells.iter();
    let partial = partial.filter(|planned| unfinished.contains(&planned.probe));
    let partial = partial.map(|planned| &planned.target.name).collect();
    assemble(about, cells, &plan, &partial, settings.as_of.at(started))
}

/// The result, once nothing more will be seen. Of `partial` targets some cells are missing.
fn assemble(
    about: Run,
    cells: Vec<Cell>,
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
    let findings = findings::findings(&cells, &targets, at);
    Matrix {
        schema: SCHEMA.to_owned(),
        run: about,
        totals: Totals::of(&cells),
        cells,
        targets,
        findings,
    }
    .bounded()
}

/// The clock.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// One probe at one address, or at a name that does not resolve.
#[derive(Clone, Debug)]
struct Job {
    nth: usize,
    probe: usize,
    address: Result<SocketAddr, NeverConnected>,
    dns: Option<Duration>,
}

/// What a resolver said, and how long it took.
type Resolved = (Result<Vec<SocketAddr>, NeverConnected>, Duration);

/// One job for each address behind the name of each probe.
fn spread(probes: &[Probe], resolved: &HashMap<Address, Resolved>) -> Vec<Job> {
    let mut jobs = vec![];
    for (nth, probe) in probes.iter().enumerate() {
        let silent = || NeverConnected::Dns("the resolver gave up".into());
        let name = probe.resolved();
        let (found, took) = match resolved.get(&name) {
            Some((found, took)) => (found.clone(), *took),
            None => (Err(silent()), Duration::ZERO),
        };
        let addresses = match found {
            Ok(addresses) => addresses.into_iter().map(Ok).collect(),
            Err(why) => vec![Err(why)],
        };
        for address in addresses {
            jobs.push(Job {
                nth: jobs.len(),
                probe: nth,
                address,
                dns: name.ip().is_none().then_some(took),
            });
        }
    }
    jobs
}

/// What every job shares.
#[derive(Clone)]
struct Worker {
    plan: Arc<Plan>,
    materials: Arc<Materials>,
    bench: Arc<Bench>,
    pace: Arc<Pace>,
    notebook: Notebook,
    chains: Arc<Mutex<HashSet<Chain>>>,
}

/// A chain we came with, held once however often we come with it.
type Chain = Arc<[CertificateDer<'static>]>;

impl Worker {
    /// Every probe at every address behind its name. Each name is resolved once.
    async fn jobs(&self, concurrency: NonZeroUsize) -> Vec<Job> {
        let mut limits: HashMap<Address, Duration> = HashMap::new();
        for probe in &self.plan.probes {
            let limit = limits.entry(probe.resolved()).or_default();
            *limit = probe.timeout.max(*limit);
        }
        let mut resolved = HashMap::new();
        let mut running = JoinSet::new();
        let mut waiting = limits.into_iter();
        loop {
            while running.len() < concurrency.get() {
                let Some((address, limit)) = waiting.next() else {
                    break;
                };
                running.spawn(async move {
                    let begun = Instant::now();
                    let found = resolve(&address, limit).await;
                    (
                        address,
                        found.map_err(|err| NeverConnected::Dns(err.to_string())),
                        begun.elapsed(),
                    )
                });
            }
            match running.join_next().await {
                Some(Ok((address, found, took))) => {
                    resolved.insert(address, (found, took));
                }
                Some(Err(_)) => {}
                None => break,
            }
        }
        spread(&self.plan.probes, &resolved)
    }

    async fn probe(self, job: Job) {
        let Some(probe) = self.plan.probes.get(job.probe) else {
            return;
        };
        let address = match &job.address {
            Ok(address) => *address,
            Err(why) => {
                let never = Ending::NeverConnected(why.clone());
                return self.notebook.note(&job, look(never));
            }
        };
        for _ in 0..probe.attempts {
            self.pace.turn().await;
            let costume = self.materials.costume(&probe.origin).await;
            let mut look = self.look(job.probe, probe, address, costume).await;
            look.observation.timing.dns = job.dns;
            self.notebook.note(&job, look);
        }
        self.follow_up(&job, probe, address).await;
    }

    /// Asks further while something is open that a follow-up could settle; each is asked once.
    async fn follow_up(&self, job: &Job, probe: &Probe, address: SocketAddr) {
        while let Some(seen) = self.notebook.so_far(job)
            && let Some(kind) = self.bench.follow_up(&seen)
            && let Some(further) = probe.follow_up(kind)
            && let Some(last) = seen.attempts.last()
        {
            self.pace.turn().await;
            let costume = match kind {
                FollowUp::Throwaway => mint::stranger(&last.own_chain, now())
                    .map(Costume::Identity)
                    .map_err(|err| err.to_string()),
                FollowUp::NoCertificate | FollowUp::OtherVersion => {
                    self.materials.costume(&further.origin).await
                }
            };
            let look = self.look(job.probe, &further, address, costume).await;
            let observation = look.observation;
            let followed = Followed { kind, observation };
            self.notebook.note_follow_up(job, followed);
        }
    }

    async fn look(
        &self,
        nth: usize,
        probe: &Probe,
        address: SocketAddr,
        costume: Result<Costume, String>,
    ) -> Look {
        let costume = match costume {
            Ok(costume) => costume,
            Err(why) => return look(Ending::Fault(why)),
        };
        let at = now();
        let guise = costume.guise();
        let own_chain = self.held(guise.chain());
        let may_speak = |chain: &[CertificateDer<'static>]| self.bench.trusts(nth, chain, at);
        let observation = observe(Attempt {
            probe,
            address,
            dialled: dialled(probe, address),
            guise,
            may_speak: &may_speak,
        })
        .await;
        Look {
            at,
            own_chain,
            observation,
        }
    }

    fn held(&self, chain: &[CertificateDer<'static>]) -> Chain {
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = chains.get(chain) {
            return Arc::clone(known);
        }
        let new = Chain::from(chain);
        chains.insert(Arc::clone(&new));
        new
    }
}

/// Where the connection goes that is to reach this address.
fn dialled(probe: &Probe, address: SocketAddr) -> SocketAddr {
    match probe.dialled() {
        Some(Via::Port(port)) => SocketAddr::new(address.ip(), port),
        Some(Via::Address(_)) | None => address,
    }
}

/// A look at nothing: there was no connection.
fn look(ending: Ending) -> Look {
    Look {
        at: now(),
        own_chain: Chain::default(),
        observation: Observation {
            came: Came::default(),
            stage: Stage::Dns,
            ending,
            ..Observation::default()
        },
    }
}

/// Which cells have been told already, each once.
#[derive(Default)]
struct Streamed(HashSet<Square>);

impl Streamed {
    fn news(&mut self, drafts: &[Draft]) -> Vec<Cell> {
        let settled = drafts.iter().filter(|draft| draft.is_final);
        let new = settled.filter(|draft| self.0.insert(draft.square));
        new.map(|draft| draft.cell.clone().bounded()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::plan;

    #[test]
    fn every_address_behind_a_name_is_probed_and_every_lost_name_is_told() {
        let text = "{ version: 1, sources: { none: {}, plaintext: {} }, targets: {
            many: { address: 'many:1' }, lost: { address: 'lost:2' }, one: { address: '127.0.0.1:3' } } }";
        let suite = Suite::parse("test", std::path::Path::new(""), text).unwrap();
        let plan = plan(&[suite]).unwrap();
        let sockets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let lost = NeverConnected::Dns("no such host".into());
        let resolved = [
            (
                "many:1",
                Ok(sockets(&["10.0.0.1:1", "10.0.0.2:1", "[fd00::1]:1"])),
            ),
            ("lost:2", Err(lost.clone())),
            ("127.0.0.1:3", Ok(sockets(&["127.0.0.1:3"]))),
        ];
        let resolved =
            resolved.map(|(name, found)| (name.parse().unwrap(), (found, Duration::ZERO)));
        let jobs = spread(&plan.probes, &resolved.into_iter().collect());
        let of = |name: &str| -> Vec<&Job> {
            let is_it = |job: &&Job| plan.probes[job.probe].address.to_string() == name;
            jobs.iter().filter(is_it).collect()
        };
        // Twice each: once without a certificate, once in plaintext.
        assert_eq!(of("many:1").len(), 6);
        assert_eq!(of("127.0.0.1:3").len(), 2);
        assert!(
            of("lost:2")
                .iter()
                .all(|job| job.address == Err(lost.clone()))
        );
        assert_eq!(of("lost:2").len(), 2);
        assert!(
            of("127.0.0.1:3").iter().all(|job| job.dns.is_none()),
            "nothing to resolve"
        );
        assert!(jobs.iter().enumerate().all(|(nth, job)| job.nth == nth));
    }
}
