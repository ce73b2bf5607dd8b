//! One plan for several runs: each has a share of the servers, and together they have all of it. Pure.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::{Plan, PlanError};
use crate::certificate::sha256;
use crate::suite::TargetName;
use crate::target::Destination;

/// Which share: `INDEX/TOTAL`, the index from 0 on, as Kubernetes counts the pods of an indexed Job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard {
    index: u32,
    total: u32,
}

/// What a share is of, and where in it its cells stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which.
    pub shard: Shard,
    /// Tells the whole plan from others: the same for each of its shards.
    pub of: String,
    /// The place of each cell among those of the whole plan.
    pub places: Vec<usize>,
}

/// Why a text is no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no shard; write INDEX/TOTAL, the index from 0 on: of four runs 0/4, 1/4, 2/4 and 3/4"
)]
pub struct InvalidShard {
    text: String,
}

impl Shard {
    /// A share; nothing where there is none such.
    pub fn new(index: u32, total: u32) -> Option<Self> {
        (index < total && total <= MOST).then_some(Self { index, total })
    }

    /// Which, from 0 on.
    pub fn index(self) -> u32 {
        self.index
    }

    /// Of how many.
    pub fn total(self) -> u32 {
        self.total
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidShard {
            text: text.to_owned(),
        };
        let (index, total) = text.split_once('/').ok_or_else(invalid)?;
        let number = |text: &str| {
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|_| is_plain)
        };
        let both = number(index).zip(number(total));
        both.and_then(|(index, total)| Self::new(index, total))
            .ok_or_else(invalid)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.total)
    }
}

impl Plan {
    /// One share of it. What is known of a server is read together, its mode for example, so that all
    /// cells of one server are in one shard: shards are as even as the servers allow.
    pub fn shard(self, shard: Shard) -> Result<Self, PlanError> {
        let servers = self.servers();
        let total = usize::try_from(shard.total).unwrap_or(usize::MAX);
        if total > servers.len() {
            return Err(PlanError::TooManyShards {
                shard,
                servers: servers.len(),
            });
        }
        let of = self.fingerprint();
        let mine: Vec<bool> = (deal(&servers, total).into_iter())
            .map(|dealt| u32::try_from(dealt) == Ok(shard.index))
            .collect();
        let mine: HashMap<TargetName, bool> = (servers.into_iter().zip(mine))
            .flat_map(|(server, is_mine)| {
                let targets = server.targets.into_iter();
                targets.map(move |target| (target, is_mine))
            })
            .collect();
        let is_mine = |name: &TargetName| mine.get(name).copied().unwrap_or(shard.index == 0);

        let mut kept: HashMap<usize, usize> = HashMap::new();
        let mut part = Self {
            sources: self.sources,
            targets: self.targets.into_iter().filter(is_mine).collect(),
            probes: vec![],
            cells: vec![],
            modes: self.modes,
            share: None,
        };
        part.modes.retain(|(name, _)| is_mine(name));
        let mut places = vec![];
        for (nth, mut cell) in self.cells.into_iter().enumerate() {
            if !is_mine(&cell.target.name) {
                continue;
            }
            let next = part.probes.len();
            let place = *kept.entry(cell.probe).or_insert(next);
            if place == next {
                part.probes.extend(self.probes.get(cell.probe).cloned());
            }
            cell.probe = place;
            part.cells.push(cell);
            places.push(nth);
        }
        part.share = Some(Share { shard, of, places });
        Ok(part)
    }

    /// Where a cell of a share stands in the whole; nothing where this is the whole.
    pub fn place(&self, cell: usize) -> Option<u64> {
        let place = self.share.as_ref()?.places.get(cell)?;
        u64::try_from(*place).ok()
    }

    /// What stands at one place, by all the names that targets have for it: two targets with an address
    /// in common are one server. In the order of the columns.
    fn servers(&self) -> Vec<Server> {
        let mut roots: Vec<usize> = (0..self.targets.len()).collect();
        let columns: HashMap<&TargetName, usize> = self.targets.iter().zip(0..).collect();
        let mut first_at: HashMap<&Destination, usize> = HashMap::new();
        let mut weights = vec![0; self.targets.len()];
        let mut counted = vec![false; self.probes.len()];
        for cell in &self.cells {
            let Some(column) = columns.get(&cell.target.name).copied() else {
                continue;
            };
            let Some(probe) = self.probes.get(cell.probe) else {
                continue;
            };
            let first = *first_at.entry(&probe.address).or_insert(column);
            let (one, other) = (root(&roots, first), root(&roots, column));
            if let Some(later) = roots.get_mut(one.max(other)) {
                *later = one.min(other);
            }
            let (known, weight) = (counted.get_mut(cell.probe), weights.get_mut(column));
            if let (Some(known), Some(weight)) = (known, weight)
                && !*known
            {
                *known = true;
                *weight += u64::from(probe.attempts);
            }
        }
        let mut servers: Vec<Server> = vec![];
        let mut places: HashMap<usize, usize> = HashMap::new();
        for (column, (target, weight)) in self.targets.iter().zip(weights).enumerate() {
            let next = servers.len();
            let place = *places.entry(root(&roots, column)).or_insert(next);
            if place == next {
                servers.push(Server::default());
            }
            if let Some(server) = servers.get_mut(place) {
                server.targets.push(target.clone());
                server.connections += weight;
            }
        }
        // A column without cells is no work: whoever has the first server reports on it.
        servers.retain(|server| server.connections > 0);
        servers
    }

    /// What tells this plan from others, whoever makes it and wherever its files are.
    fn fingerprint(&self) -> String {
        let mut text = String::new();
        for cell in &self.cells {
            let address = self.probe_of(cell).map(|probe| probe.address.to_string());
            let wanted: Vec<&str> = cell.wanted.iter().map(|wanted| wanted.as_str()).collect();
            text += &format!(
                "{}\0{}\0{}\0{}\0{}\n",
                cell.suite,
                cell.source.name,
                cell.target.name,
                address.unwrap_or_default(),
                wanted.join("|")
            );
        }
        for (target, mode) in &self.modes {
            text += &format!("{target}\0{}\n", mode.as_str());
        }
        let half = sha256(text.as_bytes()).into_iter().take(16);
        half.map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What stays together.
#[derive(Debug, Default)]
struct Server {
    targets: Vec<TargetName>,
    connections: u64,
}

/// Whose each server is: the largest first, each to whoever has the least so far.
fn deal(servers: &[Server], shards: usize) -> Vec<usize> {
    let mut largest: Vec<usize> = (0..servers.len()).collect();
    let connections = |nth: &usize| servers.get(*nth).map_or(0, |server| server.connections);
    largest.sort_by_key(|nth| (std::cmp::Reverse(connections(nth)), *nth));
    let mut loads = vec![0; shards];
    let mut dealt = vec![0; servers.len()];
    for nth in largest {
        let least = (loads.iter_mut().enumerate()).min_by_key(|(shard, load)| (**load, *shard));
        if let (Some((shard, load)), Some(place)) = (least, dealt.get_mut(nth)) {
            *load += connections(&nth);
            *place = shard;
        }
    }
    dealt
}

/// The first of those that are one.
fn root(roots: &[usize], mut nth: usize) -> usize {
    while let Some(next) = roots.get(nth).copied().filter(|next| *next != nth) {
        nth = next;
    }
    nth
}

/// More runs than anybody starts for one matrix.
const MOST: u32 = 10_000;
