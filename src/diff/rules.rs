//! What a change of one cell means. Tables, so that one can read them.
//!
//! - Where something is expected, that decides: as expected, in doubt, not as expected. An expectation
//!   that only one result has goes for both; where they differ, each result is held to its own.
//! - Whoever is to be refused and was not seen to be, is let in for the worse.
//! - Where nothing is expected, an identity should be accepted, and the pseudo-sources `none` and
//!   `plaintext` should not.
//! - A comparison turned round says the opposite, with one exception: to learn of a breakage or of an
//!   open door is a regression, to lose sight of one is no improvement.
//! - A change of confidence alone is neutral: doubt about the outcome has codes of its own.

use serde::{Deserialize, Serialize};

use crate::code::{By, Code, Confidence, Kind};
use crate::expectation::Met;
use crate::matrix::{Attempts, Cell};
use crate::suite::{SourceName, Wanted};

/// Whether a change is one for the worse; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It got worse.
    Regression,
    /// It is not looked at any more.
    Vanished,
    /// It got better.
    Improvement,
    /// Neither.
    Neutral,
    /// It was not looked at before.
    New,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $words:literal;)+) => {
        /// What happened to a cell, and so by which rule it is judged.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum Why {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Why {
            /// In words.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)+ }
            }
        }
    };
}

reasons! {
    /// It was as expected and is not.
    Broken = "not as expected any more";
    /// Nobody could tell, and now it is known not to be as expected.
    KnownBroken = "known not to be as expected now";
    /// It was as expected, and nobody can tell now.
    InDoubt = "nobody can tell any more whether it is as expected";
    /// An identity was accepted and is not.
    AccessLost = "not accepted any more";
    /// A client without a certificate, or plaintext, is accepted now.
    DoorOpened = "a door is open that was not";
    /// Fewer connections say the same, and the others are not accepted.
    FlapsMore = "connections agree less often";
    /// It is as expected now.
    Met = "as expected now";
    /// An identity is accepted now.
    AccessGained = "accepted now";
    /// A client without a certificate, or plaintext, is not accepted any more.
    DoorClosed = "a door is closed that was open";
    /// More connections say the same.
    FlapsLess = "connections agree more often";
    /// It is as little as expected as before, or still refused, for another reason.
    OtherCause = "for another reason than before";
    /// As expected both times, and the suite expects something else.
    OtherExpectation = "as the suite expects, which has changed";
    /// The evidence is weaker, the verdict the same.
    LessSure = "the same on weaker evidence";
    /// The evidence is stronger, the verdict the same.
    Surer = "the same on stronger evidence";
    /// What is wrong is not seen any more, which does not mean that it is gone.
    LostSight = "not seen any more";
    /// It was not seen before.
    GainedSight = "seen now, and not before";
    /// The run was stopped before it came to this cell.
    Interrupted = "the run was interrupted";
    /// One of the results has no cell of this source.
    SourceAbsent = "the source is not in the other result";
    /// One of the results has no cell of this target.
    TargetAbsent = "the target is not in the other result";
    /// The target has another number of addresses.
    AddressAbsent = "the target has another number of addresses";
    /// One of the results does not have this pair.
    PairAbsent = "the pair is not in the other result";
}

/// What it means that a cell says one thing after another; nothing where it is the same.
pub fn judge(before: &Cell, after: &Cell) -> Option<(Class, Why)> {
    let (was, is) = standings(before, after);
    let judged = if was != Met::Unjudged && is != Met::Unjudged {
        let is_kept_out = is_kept_out(before) || is_kept_out(after);
        let is_let_in_or_out_of_sight = was == Met::Broken && is == Met::Broken && is_kept_out;
        match is_let_in_or_out_of_sight {
            true => rule(OF_DOORS, Door::of(before), Door::of(after)),
            false => rule(WITH_EXPECTATION, was, is),
        }
    } else if is_pseudo(&after.from) {
        rule(OF_DOORS, Door::of(before), Door::of(after))
    } else {
        rule(OF_IDENTITIES, before.code.kind(), after.code.kind())
    };
    judged.or_else(|| {
        if voice(before) != voice(after) {
            return Some((Class::Neutral, other(before, after)));
        }
        rates(before, after).or_else(|| sureness(before.confidence, after.confidence))
    })
}

/// One row of a table: from here, to there.
type Rule<T> = (T, T, Class, Why);

fn rule<T: PartialEq>(rules: &[Rule<T>], was: T, is: T) -> Option<(Class, Why)> {
    let found = rules
        .iter()
        .find(|(from, to, ..)| *from == was && *to == is);
    found.map(|(_, _, class, why)| (*class, *why))
}

const WITH_EXPECTATION: &[Rule<Met>] = &[
    (Met::Met, Met::Broken, Class::Regression, Why::Broken),
    (Met::Met, Met::InDoubt, Class::Regression, Why::InDoubt),
    (
        Met::InDoubt,
        Met::Broken,
        Class::Regression,
        Why::KnownBroken,
    ),
    (Met::Broken, Met::Met, Class::Improvement, Why::Met),
    (Met::InDoubt, Met::Met, Class::Improvement, Why::Met),
    (Met::Broken, Met::InDoubt, Class::Neutral, Why::LostSight),
];

const OF_IDENTITIES: &[Rule<Kind>] = &[
    (
        Kind::Accepted,
        Kind::Rejected,
        Class::Regression,
        Why::AccessLost,
    ),
    (
        Kind::Accepted,
        Kind::Unreachable,
        Class::Regression,
        Why::AccessLost,
    ),
    (
        Kind::Accepted,
        Kind::Inconclusive,
        Class::Regression,
        Why::AccessLost,
    ),
    (
        Kind::Rejected,
        Kind::Accepted,
        Class::Improvement,
        Why::AccessGained,
    ),
    (
        Kind::Unreachable,
        Kind::Accepted,
        Class::Improvement,
        Why::AccessGained,
    ),
    (
        Kind::Inconclusive,
        Kind::Accepted,
        Class::Improvement,
        Why::AccessGained,
    ),
    (
        Kind::Rejected,
        Kind::Unreachable,
        Class::Neutral,
        Why::LostSight,
    ),
    (
        Kind::Rejected,
        Kind::Inconclusive,
        Class::Neutral,
        Why::LostSight,
    ),
    (
        Kind::Unreachable,
        Kind::Rejected,
        Class::Neutral,
        Why::GainedSight,
    ),
    (
        Kind::Inconclusive,
        Kind::Rejected,
        Class::Neutral,
        Why::GainedSight,
    ),
];

const OF_DOORS: &[Rule<Door>] = &[
    (Door::Shut, Door::Open, Class::Regression, Why::DoorOpened),
    (
        Door::Unknown,
        Door::Open,
        Class::Regression,
        Why::DoorOpened,
    ),
    (Door::Open, Door::Shut, Class::Improvement, Why::DoorClosed),
    (Door::Open, Door::Unknown, Class::Neutral, Why::LostSight),
    (Door::Shut, Door::Unknown, Class::Neutral, Why::LostSight),
    (Door::Unknown, Door::Shut, Class::Neutral, Why::GainedSight),
];

/// Whether the peer lets somebody in who shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    Shut,
    Unknown,
}

impl Door {
    /// That we refuse the server says nothing of whom it lets in; `peer` does.
    fn of(cell: &Cell) -> Self {
        let peer = cell.peer.filter(|_| cell.refused_by_probe());
        match peer.unwrap_or(cell.code).kind() {
            Kind::Accepted => Self::Open,
            Kind::Rejected if peer.is_some() || cell.refused_by_peer() => Self::Shut,
            Kind::Rejected | Kind::Unreachable | Kind::Inconclusive => Self::Unknown,
        }
    }
}

/// Whether it is expected not to be accepted.
fn is_kept_out(cell: &Cell) -> bool {
    let accepted = |name: &str| {
        name.parse()
            .is_ok_and(|code: Code| code.kind() == Kind::Accepted)
    };
    match &cell.expected {
        Some(expected) => !expected.split('|').any(accepted),
        None => is_pseudo(&cell.from),
    }
}

fn is_pseudo(source: &str) -> bool {
    source == SourceName::NONE || source == SourceName::PLAINTEXT
}

/// How both stand against what is expected.
fn standings(before: &Cell, after: &Cell) -> (Met, Met) {
    match (&before.expected, &after.expected) {
        (None, Some(expected)) => (against(before, expected), after.standing()),
        (Some(expected), None) => (before.standing(), against(after, expected)),
        (Some(_), Some(_)) | (None, None) => (before.standing(), after.standing()),
    }
}

/// How a stored cell stands against an expectation that is not its own.
fn against(cell: &Cell, expected: &str) -> Met {
    let wanted = |name: &str| Wanted::all().find(|wanted| wanted.as_str() == name);
    let Some(wanted) = expected.split('|').map(wanted).collect::<Option<Vec<_>>>() else {
        return Met::InDoubt;
    };
    let distrust = cell
        .server
        .as_ref()
        .is_some_and(|server| server.judgement != Code::Ok);
    let is_met = wanted.iter().any(|wanted| match wanted {
        Wanted::Code(code) => *code == cell.code,
        Wanted::Rejected => cell.refused_by_peer(),
        Wanted::Distrusted => distrust || cell.refused_by_probe(),
    });
    let fits = |code: &Code| wanted.contains(&Wanted::Code(*code));
    let may_be = cell.code.kind() == Kind::Inconclusive || cell.candidates.iter().any(fits);
    // Of a cell that flaps some connections said otherwise.
    let flaps = cell.attempts.agreeing < cell.attempts.total;
    match (is_met, may_be || flaps) {
        (true, _) if !flaps => Met::Met,
        (_, true) | (true, false) => Met::InDoubt,
        (false, false) => Met::Broken,
    }
}

/// What a cell says, both ways.
type Voice = (Code, Option<By>, Option<Code>, Option<Code>);

pub(super) fn voice(cell: &Cell) -> Voice {
    let by = if cell.refused_by_peer() {
        Some(By::Peer)
    } else if cell.refused_by_probe() {
        Some(By::Probe)
    } else {
        None
    };
    let judgement = cell.server.as_ref().map(|server| server.judgement);
    (
        cell.code,
        by,
        cell.peer.filter(|_| by == Some(By::Probe)),
        judgement.filter(|code| by == Some(By::Peer) && *code != Code::Ok),
    )
}

fn other(before: &Cell, after: &Cell) -> Why {
    if before.standing() == Met::Met
        && after.standing() == Met::Met
        && before.expected != after.expected
    {
        Why::OtherExpectation
    } else {
        Why::OtherCause
    }
}

/// Cells of one verdict whose connections agree clearly more or less often. Where they are accepted it
/// matters, since the others are not.
fn rates(before: &Cell, after: &Cell) -> Option<(Class, Why)> {
    let (was, is) = (&before.attempts, &after.attempts);
    let turned = flaps(was) != flaps(is) && was.total > 1 && is.total > 1;
    let share =
        |attempts: &Attempts| f64::from(attempts.agreeing) / f64::from(attempts.total.max(1));
    let change = share(is) - share(was);
    let is_clear = change.abs() >= CLEARLY && was.total.min(is.total) >= ENOUGH;
    if !turned && !is_clear {
        return None;
    }
    let (worse, better) =
        if is_clear && after.code.kind() == Kind::Accepted && !is_pseudo(&after.from) {
            (Class::Regression, Class::Improvement)
        } else {
            (Class::Neutral, Class::Neutral)
        };
    Some(if change < 0.0 {
        (worse, Why::FlapsMore)
    } else {
        (better, Why::FlapsLess)
    })
}

pub(super) fn flaps(attempts: &Attempts) -> bool {
    attempts.agreeing < attempts.total
}

fn sureness(was: Confidence, is: Confidence) -> Option<(Class, Why)> {
    match was.cmp(&is) {
        std::cmp::Ordering::Less => Some((Class::Neutral, Why::LessSure)),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some((Class::Neutral, Why::Surer)),
    }
}

/// A difference between two shares that chance alone seldom makes.
const CLEARLY: f64 = 0.25;
/// Of fewer connections no share is taken.
const ENOUGH: u32 = 4;
