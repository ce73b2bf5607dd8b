//! The steps: what must hold before each, who stands in the way, and what would break.

use jiff::SignedDuration;
use serde::Serialize;

use super::leaf::LeafRoot;
use super::member::{Member, Trust};
use super::pairs::{Cast, Group, Workload};
use super::phase::named;
use super::reading::Reading;
use super::roots::Roots;
use crate::certificate::rough;
use crate::matrix::MAX_LIST;

named! {
    /// A step of a rotation, named by the phase that it leads to.
    Step {
        /// Everybody gets the combined bundle.
        P1 = "P1", "trust both roots";
        /// The new CA signs.
        P2 = "P2", "sign by the new root";
        /// Everybody gets the bundle with the new root alone.
        P3 = "P3", "trust the new root alone";
        /// The old root is gone.
        Done = "done", "call it finished";
    }
}

named! {
    /// Whether a step may be taken now.
    Go {
        /// It may: nobody stands in the way.
        Safe = "safe", "nobody stands in the way";
        /// It may not.
        Refused = "refused", "it would break somebody";
        /// Too little is known.
        Unknown = "unknown", "too little is known";
    }
}

/// One step, and whether it is safe now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StepReport {
    /// The step.
    pub step: Step,
    /// Whether it may be taken now.
    pub go: Go,
    /// How many stand in the way.
    pub blocked_by: usize,
    /// Who stands in the way.
    pub blockers: Vec<Blocker>,
    /// Of how many the deciding thing is not known.
    pub not_known: usize,
    /// Of whom.
    pub unknown: Vec<Blocker>,
    /// How many connections it would break.
    pub breaks: usize,
    /// Which.
    pub broken: Vec<Group>,
    /// How many connections it would repair.
    pub repairs: usize,
    /// What no probe can see.
    pub warnings: Vec<String>,
}

/// Who stands in the way of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Blocker {
    /// The target, or the source where it only connects.
    pub name: String,
    /// The address.
    pub address: Option<String>,
    /// Its reading.
    pub reading: Option<Reading>,
    /// What is in the way.
    pub why: String,
    /// What to do.
    pub fix: String,
}

/// What one thing asks of an address before a step.
enum Gate {
    Holds,
    Blocks(&'static str),
    Open(&'static str),
}

pub(super) fn reports(members: &[Member], cast: &Cast, roots: &Roots) -> Vec<StepReport> {
    let steps = Step::ALL.iter();
    steps
        .map(|step| report(*step, members, cast, roots))
        .collect()
}

fn report(step: Step, members: &[Member], cast: &Cast, roots: &Roots) -> StepReport {
    let mut blockers = vec![];
    let mut unknown = vec![];
    for member in members {
        let connects = || cast.connects(member);
        match gate(step, member, connects) {
            Gate::Holds => {}
            Gate::Blocks(why) => blockers.push(of_member(member, why)),
            Gate::Open(why) => unknown.push(of_member(member, why)),
        }
    }
    let outbound = cast.clients.iter().filter(|one| one.address.is_none());
    for client in outbound
        .clone()
        .filter(|one| step == Step::P3 && one.leaf == LeafRoot::Old)
    {
        blockers.push(of_client(client));
    }
    let change = cast.change(step);
    let nothing_known = members
        .iter()
        .all(|member| member.trusts_old == Trust::Unknown && member.trusts_new == Trust::Unknown);
    let go = if roots.same_key {
        Go::Safe
    } else if !blockers.is_empty() || change.broken > 0 {
        Go::Refused
    } else if !unknown.is_empty() || nothing_known {
        Go::Unknown
    } else {
        Go::Safe
    };
    if roots.same_key {
        blockers.clear();
        unknown.clear();
    }
    let report = StepReport {
        step,
        go,
        blocked_by: blockers.len(),
        not_known: unknown.len(),
        blockers,
        unknown,
        breaks: change.broken,
        broken: change.breaks,
        repairs: change.repaired,
        warnings: warnings(step, members, outbound.count(), change.unknown),
    };
    bounded(report)
}

/// What must hold at an address. To trust one root more harms nobody.
fn gate(step: Step, member: &Member, connects: impl Fn() -> bool) -> Gate {
    let leaf = match member.leaf {
        LeafRoot::New => Gate::Holds,
        LeafRoot::Old => Gate::Blocks("still presents an old leaf"),
        LeafRoot::Third => Gate::Blocks("presents a leaf of neither root"),
        LeafRoot::Unknown => Gate::Open("the root of its leaf is not known"),
    };
    let new = match member.trusts_new {
        // Who takes anybody refuses nobody; but as a client it may refuse the new leaves of others.
        _ if !member.verifies_clients && step == Step::P2 && connects() => Gate::Open(
            "it takes clients by any CA or none, and whether it trusts servers with new leaves is not known",
        ),
        _ if !member.verifies_clients => Gate::Holds,
        Trust::Yes => Gate::Holds,
        Trust::No => Gate::Blocks("does not trust the new root"),
        Trust::Unknown => Gate::Open("whether it trusts the new root is not known"),
    };
    let old = match member.trusts_old {
        _ if !member.verifies_clients => Gate::Holds,
        Trust::No => Gate::Holds,
        Trust::Yes => Gate::Blocks("still trusts the old root"),
        Trust::Unknown => Gate::Open("whether it trusts the old root is not known"),
    };
    match step {
        Step::P1 => Gate::Holds,
        Step::P2 => new,
        Step::P3 => leaf,
        Step::Done => worst([leaf, new, old]),
    }
}

fn worst(gates: [Gate; 3]) -> Gate {
    let mut worst = Gate::Holds;
    for gate in gates {
        match (&worst, &gate) {
            (Gate::Holds, _) | (Gate::Open(_), Gate::Blocks(_)) => worst = gate,
            (Gate::Blocks(_) | Gate::Open(_), _) => {}
        }
    }
    worst
}

fn of_member(member: &Member, why: &str) -> Blocker {
    Blocker {
        name: member.target.clone(),
        address: Some(member.address.clone()),
        reading: Some(member.reading),
        why: format!("{why} ({})", member.why),
        fix: member.reading.fix().to_owned(),
    }
}

fn of_client(client: &Workload) -> Blocker {
    Blocker {
        name: client.name.clone(),
        address: None,
        reading: None,
        why: "comes with a leaf of the old root".to_owned(),
        fix: "have its leaf issued anew".to_owned(),
    }
}

fn warnings(step: Step, members: &[Member], outbound: usize, unknown: usize) -> Vec<String> {
    let mut warnings = vec![];
    let blind = members.iter().filter(|one| !one.verifies_clients).count();
    match step {
        Step::P1 => {}
        Step::P2 => {
            warnings.push("workloads that only connect have no server to ask: whether they trust the new root cannot be seen here".to_owned());
            if blind > 0 {
                warnings.push(format!(
                    "{blind} addresses take clients by any CA or none: as clients themselves they may lack the new root, and nothing here shows it"
                ));
            }
        }
        Step::P3 => {
            let longest = members.iter().filter_map(|one| one.leaf_lifetime_s).max();
            let longest = longest.map_or(String::new(), |seconds| {
                format!(
                    " (the longest seen here: {})",
                    rough(SignedDuration::from_secs(seconds))
                )
            });
            warnings.push(format!(
                "workloads that only connect have no server to ask: make sure that one full leaf lifetime{longest} has passed since the signer changed"
            ));
        }
        Step::Done => {}
    }
    if outbound > 0 && unknown > 0 && step != Step::Done {
        warnings.push(format!(
            "{unknown} connections cannot be predicted: {outbound} sources are no target, so that their bundles are not known"
        ));
    }
    warnings
}

fn bounded(mut report: StepReport) -> StepReport {
    report.blockers.truncate(MAX_LIST);
    report.unknown.truncate(MAX_LIST);
    report
}
