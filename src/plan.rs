//! Suites become probes: every connection a run will open, known before the first is. Pure.

mod follow_up;
mod knock;
mod shard;

pub use follow_up::FollowUp;
pub use knock::Knock;
pub(crate) use knock::LINKERD_PORT;
pub use shard::{InvalidShard, Shard, Share};

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::identity::Origin;
use crate::suite::{
    Expectation, Mode, Pause, Place, Source, SourceName, Suite, Target, TargetName, Wanted,
    printable,
};
use crate::target::{Destination, Offer, Request, Via, Way};

/// All that a run will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The rows of the matrix, in the order in which the suites first name them.
    pub sources: Vec<SourceName>,
    /// The columns of the matrix, likewise.
    pub targets: Vec<TargetName>,
    /// Every connection, once. A name with several addresses multiplies it.
    pub probes: Vec<Probe>,
    /// Every cell: by suite, then source, then target, then address; several may look at one probe.
    pub cells: Vec<PlannedCell>,
    /// The modes that suites expect; later suites and lines win.
    pub modes: Vec<(TargetName, Mode)>,
    /// What this is a share of; nothing where it is the whole.
    pub share: Option<Share>,
}

/// One planned connection, or `attempts` of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// What we come as.
    pub origin: Origin,
    /// Where to. Once it comes to connecting, SRV records have become an address.
    pub address: Destination,
    /// Ask this name server for it; without one, as the host does.
    pub dns_server: Option<SocketAddr>,
    /// The way there.
    pub way: Way,
    /// What the ClientHello offers.
    pub offer: Offer,
    /// What to ask.
    pub request: Request,
    /// The limit of one connection.
    pub timeout: Duration,
    /// How many connections.
    pub attempts: u32,
    /// How long to wait between two of them.
    pub pause: Pause,
    /// Whether follow-ups may settle what these leave open.
    pub follow_ups: bool,
}

impl Probe {
    /// Whom to dial instead of the address: plaintext goes straight to it.
    pub fn dialled(&self) -> Option<Via> {
        match self.origin {
            Origin::Plaintext | Origin::Sidecar => None,
            Origin::NoCertificate | Origin::Files(_) | Origin::Mint(_) | Origin::Fetched(_) => {
                self.way.dialled()
            }
        }
    }

    /// The name whose addresses are the replicas.
    pub fn resolved(&self) -> Destination {
        match self.dialled() {
            Some(Via::Address(address)) => address.into(),
            Some(Via::Port(_)) | None => self.address.clone(),
        }
    }
}

/// One planned cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedCell {
    /// The suite it belongs to, by its place in the list.
    pub suite: usize,
    /// The row.
    pub source: Arc<Source>,
    /// The column.
    pub target: Arc<Target>,
    /// The probe it looks at, by its place in [`Plan::probes`].
    pub probe: usize,
    /// What is expected; nothing where no line speaks of the cell.
    pub wanted: Vec<Wanted>,
}

/// Plans every cell of every suite. A suite without sources or targets adds no cells.
pub fn plan(suites: &[Suite]) -> Result<Plan, PlanError> {
    let mut plan = Plan {
        sources: vec![],
        targets: vec![],
        probes: vec![],
        cells: vec![],
        modes: vec![],
        share: None,
    };
    let mut sources = Defined::new();
    let mut targets = Defined::new();
    let mut probes = HashMap::new();
    for (nth, suite) in suites.iter().enumerate() {
        let rows = sources.merge(&suite.sources, &mut plan.sources, clash("source"))?;
        let columns = targets.merge(&suite.targets, &mut plan.targets, clash("target"))?;
        let addresses: usize = columns.iter().map(|target| target.addresses.len()).sum();
        let size = (rows.len().checked_mul(addresses))
            .and_then(|cells| cells.checked_add(plan.cells.len()))
            .filter(|cells| *cells <= MAX_CELLS);
        if size.is_none() {
            let suite = suite.name.clone();
            return Err(PlanError::TooMany { suite });
        }
        let lines = lines(suite, &columns);
        for source in &rows {
            let wanted = wanted(&lines, &source.name, columns.len());
            for (target, wanted) in columns.iter().zip(wanted) {
                for address in &target.addresses {
                    let next = probes.len();
                    let probe = probes.entry(probe(source, target, address)).or_insert(next);
                    plan.cells.push(PlannedCell {
                        suite: nth,
                        source: Arc::clone(source),
                        target: Arc::clone(target),
                        probe: *probe,
                        wanted: wanted.to_vec(),
                    });
                }
            }
        }
    }
    let mut in_order: Vec<(Probe, usize)> = probes.into_iter().collect();
    in_order.sort_unstable_by_key(|(_, nth)| *nth);
    plan.probes = in_order.into_iter().map(|(probe, _)| probe).collect();
    plan.modes = modes(suites);
    Ok(plan)
}

/// Why suites do not make one plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// One name would stand for two things in one matrix.
    #[error(
        "{}: {kind} {name:?} is defined differently at {}; rename one of them, or make them the same",
        printable(&second.to_string()),
        printable(&first.to_string())
    )]
    Clash {
        /// `source` or `target`
        kind: &'static str,
        /// The name.
        name: String,
        /// Where it is defined first.
        first: Place,
        /// Where it is defined otherwise.
        second: Place,
    },
    /// Nobody reads such a matrix, and it would not fit into memory.
    #[error(
        "suite {} brings the plan over {MAX_CELLS} cells; run fewer suites at once, or split it",
        printable(suite)
    )]
    TooMany {
        /// The suite that is too much.
        suite: String,
    },
    /// Some would have nothing to do, and nothing is never green.
    #[error(
        "there is no shard {shard}: the suites name {servers} servers, and all cells of a server stay together; take {servers} shards at the most"
    )]
    TooManyShards {
        /// The one that was asked for.
        shard: Shard,
        /// How many there can be.
        servers: usize,
    },
}

impl Plan {
    /// Every connection of the run, where each name has one address behind it.
    pub fn connections(&self) -> u64 {
        self.probes
            .iter()
            .map(|probe| u64::from(probe.attempts))
            .sum()
    }

    /// The most follow-ups that may come on top, likewise.
    pub fn follow_ups(&self) -> u64 {
        let each = self.probes.iter().map(Probe::possible_follow_ups);
        each.map(|possible| possible.count().min(FollowUp::MOST) as u64)
            .sum()
    }

    /// The most connections that find out dialects, for one address behind each name.
    pub fn knocks(&self) -> u64 {
        let to_be_found = self.probes.iter().filter(|probe| probe.is_to_be_found());
        let doors: HashSet<Probe> = to_be_found
            .map(|probe| probe.knock(Knock::Plaintext))
            .collect();
        doors.len() as u64 * u64::from(Knock::MOST)
    }

    /// How many cells look at a probe that an earlier cell is looking at.
    pub fn shared(&self) -> usize {
        self.cells.len().saturating_sub(self.probes.len())
    }

    /// The probe a cell looks at.
    pub fn probe_of(&self, cell: &PlannedCell) -> Option<&Probe> {
        self.probes.get(cell.probe)
    }

    /// What each target has to bear, in the order of the columns.
    pub fn loads(&self) -> Vec<Load> {
        let mut places = HashMap::new();
        let mut loads: Vec<Load> = vec![];
        let mut counted = HashSet::new();
        for target in &self.targets {
            places.insert(target, loads.len());
            loads.push(Load {
                target: target.clone(),
                cells: 0,
                probes: 0,
                connections: 0,
            });
        }
        for cell in &self.cells {
            let name = &cell.target.name;
            let Some(load) = places.get(name).and_then(|nth| loads.get_mut(*nth)) else {
                continue;
            };
            load.cells += 1;
            if counted.insert((name, cell.probe)) {
                let attempts = self.probe_of(cell).map_or(0, |probe| probe.attempts);
                load.probes += 1;
                load.connections += u64::from(attempts);
            }
        }
        loads
    }
}

/// What one target has to bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// The target.
    pub target: TargetName,
    /// Its cells.
    pub cells: usize,
    /// Different probes among them.
    pub probes: usize,
    /// The connections of these probes.
    pub connections: u64,
}

/// What names stand for, over all suites.
struct Defined<N, T>(HashMap<N, Arc<T>>);

impl<N: Clone + Eq + Hash, T: Clone + PartialEq + Named<N>> Defined<N, T> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    /// The things of one suite, shared with the suites before; new names join the order.
    fn merge(
        &mut self,
        things: &[T],
        order: &mut Vec<N>,
        clash: impl Fn(&T, &T) -> PlanError,
    ) -> Result<Vec<Arc<T>>, PlanError> {
        let mut merged = Vec::with_capacity(things.len());
        let mut seen = HashSet::new();
        for thing in things {
            let known = self.0.entry(thing.name().clone()).or_insert_with(|| {
                order.push(thing.name().clone());
                Arc::new(thing.clone())
            });
            if **known != *thing {
                return Err(clash(known, thing));
            }
            if seen.insert(thing.name()) {
                merged.push(Arc::clone(known));
            }
        }
        Ok(merged)
    }
}

trait Named<N> {
    fn name(&self) -> &N;
    fn place(&self) -> &Place;
}

impl Named<SourceName> for Source {
    fn name(&self) -> &SourceName {
        &self.name
    }

    fn place(&self) -> &Place {
        &self.place
    }
}

impl Named<TargetName> for Target {
    fn name(&self) -> &TargetName {
        &self.name
    }

    fn place(&self) -> &Place {
        &self.place
    }
}

fn clash<N: ToString, T: Named<N>>(kind: &'static str) -> impl Fn(&T, &T) -> PlanError {
    move |first, second| PlanError::Clash {
        kind,
        name: second.name().to_string(),
        first: first.place().clone(),
        second: second.place().clone(),
    }
}

fn probe(source: &Source, target: &Target, address: &Destination) -> Probe {
    Probe {
        origin: source.origin.clone(),
        address: address.clone(),
        dns_server: target.dns_server,
        way: target.way.clone(),
        offer: target.offer.clone(),
        request: target.request.clone(),
        timeout: target.timeout,
        attempts: target.attempts,
        pause: target.pause,
        follow_ups: target.follow_ups,
    }
}

/// One line of a suite that speaks of cells.
struct Line<'a> {
    from: HashSet<&'a SourceName>,
    /// By place among the suite's targets.
    to: Vec<usize>,
    verdict: &'a [Wanted],
}

fn lines<'a>(suite: &'a Suite, columns: &[Arc<Target>]) -> Vec<Line<'a>> {
    let places: HashMap<&TargetName, usize> = (columns.iter().enumerate())
        .map(|(nth, target)| (&target.name, nth))
        .collect();
    let lines = suite.expectations.iter().filter_map(|line| match line {
        Expectation::Cells { from, to, verdict } => Some(Line {
            from: from.iter().collect(),
            to: to
                .iter()
                .filter_map(|name| places.get(name).copied())
                .collect(),
            verdict,
        }),
        Expectation::Mode { .. } => None,
    });
    lines.collect()
}

/// What is expected along one row. Later lines win.
fn wanted<'a>(lines: &[Line<'a>], source: &SourceName, columns: usize) -> Vec<&'a [Wanted]> {
    let mut wanted: Vec<&[Wanted]> = vec![&[]; columns];
    for line in lines.iter().filter(|line| line.from.contains(source)) {
        for nth in &line.to {
            if let Some(cell) = wanted.get_mut(*nth) {
                *cell = line.verdict;
            }
        }
    }
    wanted
}

fn modes(suites: &[Suite]) -> Vec<(TargetName, Mode)> {
    let mut modes: Vec<(TargetName, Mode)> = vec![];
    let mut places = HashMap::new();
    for line in suites.iter().flat_map(|suite| &suite.expectations) {
        let Expectation::Mode { to, mode } = line else {
            continue;
        };
        for name in to {
            let nth = *places.entry(name).or_insert(modes.len());
            match modes.get_mut(nth) {
                Some((_, known)) => *known = *mode,
                None => modes.push((name.clone(), *mode)),
            }
        }
    }
    modes
}

/// A hundred sources and ten thousand targets, five times over.
const MAX_CELLS: usize = 5_000_000;

#[cfg(test)]
mod tests;
