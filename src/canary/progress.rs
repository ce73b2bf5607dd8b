//! How far a fleet is, in one round.

use serde::Serialize;

use crate::rotation::{Member, Phase, Rotation};

/// How far a fleet is in a rotation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Progress {
    /// The phase of the fleet: `P1`; `P0+P1` while it is between two; `?` stands for whoever is in none
    /// that is known.
    pub phase: String,
    /// It is where it should be: everybody in the phase that is waited for, or in any one where none is.
    pub is_there: bool,
    /// How many addresses are in a wrong state: somebody is cut off, or will be as things stand.
    pub wrong: usize,
    /// How many are not where they should be, the wrong ones among them.
    pub behind_count: usize,
    /// Who, the wrong ones first, each with its reading and the reason.
    pub behind: Vec<String>,
}

impl Progress {
    /// What a reading of the fleet tells those who wait for a phase, or for none.
    pub fn of(rotation: &Rotation, until: Option<Phase>) -> Self {
        let fleet = &rotation.fleet;
        let is_behind = |member: &&Member| match until {
            _ if member.reading.is_wrong() => true,
            Some(phase) => member.is_in(phase) != Some(true),
            None => !member.reading.is_regular(),
        };
        let members = rotation.members.iter();
        let mut behind: Vec<&Member> = members.filter(is_behind).collect();
        behind.sort_by_key(|member| !member.reading.is_wrong());
        let wrong = rotation.wrong().count();
        let is_there = match until {
            Some(phase) => fleet.phase == Some(phase),
            None => fleet.phase.is_some(),
        };
        Self {
            phase: phases(rotation),
            is_there: is_there && wrong == 0,
            wrong,
            behind_count: behind.len(),
            behind: behind.into_iter().take(MOST_BEHIND).map(line).collect(),
        }
    }

    /// Nothing could be read, and why.
    pub fn unread(why: String) -> Self {
        Self {
            phase: NO_PHASE.to_owned(),
            behind: vec![why],
            ..Self::default()
        }
    }
}

fn phases(rotation: &Rotation) -> String {
    let fleet = &rotation.fleet;
    if let Some(phase) = fleet.phase {
        return phase.to_string();
    }
    let phases = Phase::ALL.iter().zip(fleet.in_phase);
    let here = phases.filter(|(_, count)| *count > 0);
    let mut names: Vec<&str> = here.map(|(phase, _)| phase.as_str()).collect();
    if fleet.in_none > 0 || names.is_empty() {
        names.push(NO_PHASE);
    }
    names.join("+")
}

fn line(member: &Member) -> String {
    let Member {
        target,
        address,
        reading,
        why,
        ..
    } = member;
    format!("{target} ({address}): {reading}: {why}")
}

const NO_PHASE: &str = "?";
/// Fleets are large, and a round is a line.
const MOST_BEHIND: usize = 100;
