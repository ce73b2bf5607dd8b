//! All addresses together: the phase of the fleet and the step that comes next.

use serde::Serialize;

use super::leaf::LeafRoot;
use super::member::{Member, Trust, all};
use super::phase::Phase;
use super::roots::Roots;
use super::step::Step;
use crate::matrix::Certificate;

/// All addresses together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fleet {
    /// The phase that every address is in, where it is one.
    pub phase: Option<Phase>,
    /// How many addresses are in each phase, in the order of the phases.
    pub in_phase: [usize; 4],
    /// How many are in none that we know of.
    pub in_none: usize,
    /// Everybody is in P3.
    pub finished: bool,
    /// The first step that nobody has begun, or [`Step::Done`].
    pub next: Option<Step>,
    /// Roots that leaves lead to and that are neither old nor new.
    pub third_roots: Vec<Certificate>,
}

impl Fleet {
    pub(super) fn of(members: &[Member], roots: &Roots) -> Self {
        let in_phase = [Phase::P0, Phase::P1, Phase::P2, Phase::P3].map(|phase| {
            let here = members.iter().filter(|member| member.phase == Some(phase));
            here.count()
        });
        let is_told = members.iter().any(|member| member.verifies_clients);
        let is_one =
            |phase: &Phase| all(members.iter().map(|member| member.is_in(*phase))) == Some(true);
        let phase = Phase::ALL.iter().copied().find(is_one);
        let phase = phase.filter(|_| is_told && !roots.same_key);
        let finished = phase == Some(Phase::P3);
        Self {
            phase,
            in_phase,
            in_none: members.len().saturating_sub(in_phase.iter().sum()),
            finished,
            next: if finished || roots.same_key {
                None
            } else {
                next(members)
            },
            third_roots: third(members),
        }
    }

    pub(super) fn note(&self) -> Option<String> {
        let names: Vec<String> = (self.third_roots.iter())
            .map(|root| format!("{:?} ({})", root.subject, short(&root.spki_sha256)))
            .collect();
        let names = names.join(", ");
        (!names.is_empty()).then(|| {
            format!("leaves of a third root are in use: {names}; a rotation is between two")
        })
    }
}

/// The begin of a key's fingerprint, for people.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..16).unwrap_or(fingerprint)
}

/// The step after the last that somebody has begun.
fn next(members: &[Member]) -> Option<Step> {
    let any = |is: fn(&Member) -> bool| members.iter().any(is);
    let begun_p3 = any(|one| one.trusts_old == Trust::No && one.trusts_new == Trust::Yes);
    let begun_p2 = any(|one| one.leaf == LeafRoot::New);
    let begun_p1 = any(|one| one.trusts_new == Trust::Yes);
    let known = any(|one| one.trusts_old != Trust::Unknown || one.trusts_new != Trust::Unknown);
    match (begun_p3, begun_p2, begun_p1) {
        (true, _, _) => Some(Step::Done),
        (_, true, _) => Some(Step::P3),
        (_, _, true) => Some(Step::P2),
        (false, false, false) if known => Some(Step::P1),
        (false, false, false) => None,
    }
}

fn third(members: &[Member]) -> Vec<Certificate> {
    let mut found: Vec<Certificate> = vec![];
    let leaves = members.iter().filter(|one| one.leaf == LeafRoot::Third);
    for root in leaves.filter_map(|one| one.leaf_root.as_ref()) {
        if found
            .iter()
            .all(|known| known.spki_sha256 != root.spki_sha256)
        {
            found.push(root.clone());
        }
    }
    found
}
