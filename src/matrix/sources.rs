//! Which certificates each source came with: a result is to be read long after they are gone.

use std::collections::{HashMap, HashSet};

use super::cells::{Bench, Look, Seen};
use super::{Certificate, SourceSummary};
use crate::plan::PlannedCell;

impl Bench {
    /// The certificates of every source that came with one, in the order of the plan and of time.
    pub fn sources(&self, all: &[Seen]) -> Vec<SourceSummary> {
        let mut by_probe: HashMap<usize, Vec<&Look>> = HashMap::new();
        for seen in all {
            by_probe
                .entry(seen.probe)
                .or_default()
                .extend(&seen.attempts);
        }
        let mut known = HashSet::new();
        let mut order: HashMap<&str, usize> = HashMap::new();
        let mut found: Vec<(usize, &Look, SourceSummary)> = vec![];
        for planned in self.planned() {
            let name = planned.source.name.as_str();
            let next = order.len();
            let place = *order.entry(name).or_insert(next);
            for look in by_probe.get(&planned.probe).into_iter().flatten() {
                // A run holds each chain once.
                let is_new = known.insert((place, planned.suite, look.own_chain.as_ptr()));
                if is_new && let Some(new) = self.source(planned, look) {
                    found.push((place, look, new));
                }
            }
        }
        found.sort_by_key(|(place, look, _)| (*place, look.at));
        let mut sources: Vec<SourceSummary> = vec![];
        for (_, _, new) in found {
            let is_same = |one: &SourceSummary| one.name == new.name && one.chain == new.chain;
            if !sources.iter().rev().any(is_same) {
                sources.push(new);
            }
        }
        sources
    }

    fn source(&self, planned: &PlannedCell, look: &Look) -> Option<SourceSummary> {
        let own = self.own(planned, look)?;
        Some(SourceSummary {
            name: planned.source.name.to_string(),
            id: self.name(look),
            chain: own.judgement.chain.iter().map(Certificate::from).collect(),
            root: own.judgement.root.as_ref().map(Certificate::from),
        })
    }
}
