//! How far a CA rotation is, who is behind, and whether the next step is safe. Pure: from the cells of
//! two clients, one with a leaf of the old root and one with a leaf of the new root. Says nothing of
//! what only time shows; whoever repeats runs asks again for each.

mod fleet;
mod leaf;
mod member;
mod pairs;
mod phase;
mod reading;
mod roots;
mod step;
#[cfg(test)]
mod tests;
mod word;

pub use fleet::Fleet;
pub use leaf::LeafRoot;
pub use member::{Hinted, Member, Trust, Word};
pub use pairs::{Group, Pairs, Prediction, Workload, predict};
pub use phase::Phase;
pub use reading::Reading;
pub use roots::{OwnLeaf, Roots, Unfit};
pub use step::{Blocker, Go, Step, StepReport};

use serde::Serialize;

use self::pairs::Cast;
use crate::matrix::Matrix;

/// The name and version of the JSON form.
pub const SCHEMA: &str = "mtls-probe/rotation/v1";

/// What is known of a rotation.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The result of a run in which both canaries came to every target.
    pub matrix: &'a Matrix,
    /// The root that is to go and the one that comes; nothing for the roots that the canaries' own
    /// leaves lead to.
    pub roots: Option<&'a Roots>,
    /// The source with a leaf of the old root and the one with a leaf of the new; nothing for the
    /// first of each.
    pub canaries: Option<(&'a str, &'a str)>,
    /// What we came with.
    pub own: &'a [OwnLeaf],
    /// The source with a leaf that no root vouches for: who takes it tells nothing of what it trusts.
    pub stranger: Option<&'a str>,
}

/// What a run shows of a rotation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rotation {
    /// Always [`SCHEMA`].
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: &'static str,
    /// The roots it is about.
    pub roots: Roots,
    /// The source with a leaf of the old root.
    pub old_client: String,
    /// The source with a leaf of the new root.
    pub new_client: String,
    /// Every address of every target, in the order of the matrix.
    pub members: Vec<Member>,
    /// All of them together.
    pub fleet: Fleet,
    /// Who connects, as far as the prediction goes: the sources that are workloads, or every target
    /// where no source is one.
    pub clients: Vec<Workload>,
    /// What the bundles and leaves of this moment mean for every client and every address.
    pub now: Pairs,
    /// Every step, and whether it is safe at this moment.
    pub steps: Vec<StepReport>,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

impl Rotation {
    /// Reads a run.
    pub fn of(question: &Question<'_>) -> Result<Self, Unfit> {
        let chosen = roots::choose(question)?;
        let mut members = member::members(question, &chosen);
        let fleet = Fleet::of(&members, &chosen.roots);
        reading::read(&mut members, &chosen.roots);
        let cast = Cast::of(&members, question, &chosen);
        let now = cast.pairs();
        let steps = step::reports(&members, &cast, &chosen.roots);
        let mut notes = chosen.notes();
        notes.extend(fleet.note());
        Ok(Self {
            schema: SCHEMA,
            old_client: chosen.old_client,
            new_client: chosen.new_client,
            roots: chosen.roots,
            clients: cast.clients,
            members,
            fleet,
            now,
            steps,
            notes,
        })
    }

    /// The report on one step.
    pub fn step(&self, step: Step) -> Option<&StepReport> {
        self.steps.iter().find(|report| report.step == step)
    }

    /// The report on the step that comes next; nothing where the rotation is finished, where it is
    /// none, or where nothing is known.
    pub fn next(&self) -> Option<&StepReport> {
        self.fleet.next.and_then(|step| self.step(step))
    }

    /// The addresses that are in no phase although all is known of them, or that the rest of the fleet
    /// has left behind.
    pub fn wrong(&self) -> impl Iterator<Item = &Member> {
        let is_wrong = |member: &&Member| member.reading.is_wrong();
        self.members.iter().filter(is_wrong)
    }

    /// Whether it is safe to go on: the next step is, or there is none left, and nothing is broken.
    pub fn verdict(&self) -> Go {
        if self.roots.same_key {
            return Go::Safe;
        }
        let next = match (self.next(), self.fleet.finished) {
            (Some(report), _) => report.go,
            (None, true) => Go::Safe,
            (None, false) => Go::Unknown,
        };
        let is_broken = self.now.broken > 0 || self.wrong().next().is_some();
        if is_broken { Go::Refused } else { next }
    }

    /// Whether every address is in this phase; nothing where what is not known decides.
    pub fn is_in(&self, phase: Phase) -> Option<bool> {
        if self.members.is_empty() || self.roots.same_key {
            return None;
        }
        member::all(self.members.iter().map(|member| member.is_in(phase)))
    }
}
