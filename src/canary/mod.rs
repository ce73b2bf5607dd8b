//! The same suite, round after round, while something is being changed: does it hold? Pure: rounds in,
//! the decision to go on or to stop out.

mod gap;
mod progress;
mod standing;

pub use gap::{Gap, Outage};
pub use progress::Progress;
pub use standing::Baseline;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::gap::Gaps;
use self::standing::{Standing, Trouble};
use crate::code::Code;
use crate::matrix::{Cell, Matrix};
use crate::suite::Mode;

/// The name and version of the format.
pub const SCHEMA: &str = "mtls-probe/canary/v1";

/// How much may go wrong, and when it is over.
#[derive(Clone, Debug)]
pub struct Limits {
    /// After so many rounds.
    pub rounds: Option<u32>,
    /// After this long.
    pub span: Option<Duration>,
    /// So many rounds may have a broken cell.
    pub max_broken: u32,
    /// Such a share of all that was judged may be broken, as a number from 0 to 1.
    pub max_flake: Option<f64>,
    /// A target may be gone for so long; without it, for as long as it takes.
    pub max_gap: Option<Duration>,
    /// It is over when the fleet is said to be where it should be, for so many rounds on end.
    pub until: Option<u32>,
}

/// What one round showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Round {
    /// Counted from 1.
    pub round: u32,
    /// RFC 3339.
    pub at: String,
    /// How long the round took, in milliseconds.
    pub took_ms: u64,
    /// The cells that were probed.
    pub cells: usize,
    /// As they should be.
    pub met: usize,
    /// Not as they should be: somebody refuses, or takes, whom they should not.
    pub broken: usize,
    /// Not there for the moment: nothing shows that anybody is refused.
    pub down: usize,
    /// Nobody can tell.
    pub open: usize,
    /// How far the fleet is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// What is broken or down, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
}

/// Why it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// All rounds were made.
    Rounds,
    /// The time is up.
    Time,
    /// The fleet is where it should be.
    Arrived,
    /// More was broken than may be.
    Broken,
    /// Somebody was gone for longer than may be.
    Gone,
    /// A signal came.
    Stopped,
}

/// All rounds so far.
#[derive(Debug)]
pub struct Canary {
    limits: Limits,
    baseline: Baseline,
    begun: Timestamp,
    rounds: u32,
    judged: u64,
    broken: u64,
    broken_rounds: u32,
    open_rounds: u32,
    there: u32,
    gaps: Gaps,
    refusals: BTreeMap<(String, String, Code), Refused>,
    last: Option<Round>,
}

/// Somebody who was not treated as they should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Refused {
    /// The source.
    pub from: String,
    /// The target.
    pub to: String,
    /// What they got.
    pub code: Code,
    /// In so many rounds.
    pub rounds: u32,
    /// The first of them.
    pub first_round: u32,
    /// The last of them.
    pub last_round: u32,
    /// Where.
    pub addresses: Vec<String>,
}

/// What all rounds showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// Always [`SCHEMA`].
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: String,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: String,
    /// Why it is over.
    pub over: Over,
    /// How many rounds were made.
    pub rounds: u32,
    /// In how many something was broken.
    pub broken_rounds: u32,
    /// In how many something could not be told.
    pub open_rounds: u32,
    /// The share of broken cells among all that were judged.
    pub flake: f64,
    /// Who was not treated as they should be.
    pub refused: Vec<Refused>,
    /// Who was gone, and for how long.
    pub gaps: Vec<Gap>,
    /// The last round.
    pub last: Option<Round>,
}

impl Canary {
    /// A canary that judges by what the suites expect and, where they expect nothing, by a baseline.
    pub fn new(limits: Limits, baseline: Baseline, begun: Timestamp) -> Self {
        Self {
            limits,
            baseline,
            begun,
            rounds: 0,
            judged: 0,
            broken: 0,
            broken_rounds: 0,
            open_rounds: 0,
            there: 0,
            gaps: Gaps::default(),
            refusals: BTreeMap::new(),
            last: None,
        }
    }

    /// Takes one round, made from `from` to `to`, and says why it is over, if it is.
    pub fn round(
        &mut self,
        matrix: &Matrix,
        progress: Option<Progress>,
        from: Timestamp,
        to: Timestamp,
    ) -> (Round, Option<Over>) {
        self.rounds += 1;
        let mut round = Round {
            round: self.rounds,
            at: from.to_string(),
            took_ms: millis(to.duration_since(from)),
            cells: matrix.cells.len(),
            met: 0,
            broken: 0,
            down: 0,
            open: 0,
            progress,
            troubles: vec![],
        };
        let mut seen = BTreeMap::new();
        for cell in &matrix.cells {
            let standing = self.baseline.standing(cell);
            match &standing {
                Standing::Met => round.met += 1,
                Standing::Unjudged => {}
                Standing::Trouble(Trouble::Broken) => {
                    round.broken += 1;
                    self.refuse(cell);
                }
                Standing::Trouble(Trouble::Down) => round.down += 1,
                Standing::Trouble(Trouble::Open) => round.open += 1,
            }
            if let Standing::Trouble(trouble) = standing {
                round.troubles.push(line(cell, trouble));
            }
            if standing.is_judged() && self.baseline.wants_acceptance(cell) {
                let who = (cell.from.clone(), cell.to.clone());
                let is_fine = standing == Standing::Met;
                seen.entry(who)
                    .or_insert_with(Vec::new)
                    .push((cell, is_fine));
            }
        }
        for target in matrix.targets.iter().filter(|one| !one.is_as_expected()) {
            let (name, mode) = (&target.name, &target.mode);
            let wanted = target.expected_mode.as_deref().unwrap_or_default();
            let what = if *mode == Mode::Unknown.as_str() {
                round.open += 1;
                "open"
            } else {
                round.broken += 1;
                "broken"
            };
            let line = format!("{name}: mode {mode}, not {wanted}, {what}");
            round.troubles.push(line);
        }
        let missing = self.baseline.missing(&matrix.cells);
        round.down += missing.len();
        for (from, to) in &missing {
            round
                .troubles
                .push(format!("{from} -> {to}: nobody is there any more"));
            seen.entry((from.clone(), to.clone())).or_default();
        }
        self.gaps.note(&seen, from, to);
        self.judged += (round.met + round.broken + round.down + round.open) as u64;
        self.broken += round.broken as u64;
        self.broken_rounds += u32::from(round.broken > 0);
        self.open_rounds += u32::from(round.open > 0);
        self.there = match &round.progress {
            Some(progress) if progress.is_there && round.broken == 0 => self.there + 1,
            Some(_) | None => 0,
        };
        self.last = Some(round.clone());
        (round, self.over(to))
    }

    /// Why it is over by now.
    fn over(&self, now: Timestamp) -> Option<Over> {
        let limits = &self.limits;
        let has_passed = |span: Duration, since: Timestamp| {
            SignedDuration::try_from(span).is_ok_and(|span| now.duration_since(since) >= span)
        };
        let is_over_share = limits.max_flake.is_some_and(|most| self.flake() > most);
        // A share may still fall in the rounds to come; of few rounds it says little.
        let is_flaky = is_over_share && self.rounds >= ENOUGH;
        let breaks = match limits.max_flake {
            Some(_) => {
                is_flaky || self.limits.max_broken > 0 && self.broken_rounds > limits.max_broken
            }
            None => self.broken_rounds > limits.max_broken,
        };
        if breaks {
            return Some(Over::Broken);
        }
        let is_gone = |most| self.gaps.longest_now(now) > most;
        if limits.max_gap.is_some_and(is_gone) {
            return Some(Over::Gone);
        }
        let ended = if limits.until.is_some_and(|rounds| self.there >= rounds) {
            Some(Over::Arrived)
        } else if limits.rounds.is_some_and(|most| self.rounds >= most) {
            Some(Over::Rounds)
        } else if limits.span.is_some_and(|span| has_passed(span, self.begun)) {
            Some(Over::Time)
        } else {
            None
        };
        ended.map(|why| if is_over_share { Over::Broken } else { why })
    }

    fn flake(&self) -> f64 {
        match self.judged {
            0 => 0.0,
            judged => self.broken as f64 / judged as f64,
        }
    }

    fn refuse(&mut self, cell: &Cell) {
        let key = (cell.from.clone(), cell.to.clone(), cell.code);
        let refused = self.refusals.entry(key).or_insert_with(|| Refused {
            from: cell.from.clone(),
            to: cell.to.clone(),
            code: cell.code,
            rounds: 0,
            first_round: self.rounds,
            last_round: 0,
            addresses: vec![],
        });
        if refused.last_round != self.rounds {
            refused.rounds += 1;
            refused.last_round = self.rounds;
        }
        if !refused.addresses.contains(&cell.address) && refused.addresses.len() < MOST_ADDRESSES {
            refused.addresses.push(cell.address.clone());
        }
    }

    /// What all rounds showed.
    pub fn summary(self, over: Over, now: Timestamp) -> Summary {
        Summary {
            schema: SCHEMA.to_owned(),
            started_at: self.begun.to_string(),
            finished_at: now.to_string(),
            flake: self.flake(),
            over,
            rounds: self.rounds,
            broken_rounds: self.broken_rounds,
            open_rounds: self.open_rounds,
            refused: self.refusals.into_values().collect(),
            gaps: self.gaps.all(now),
            last: self.last,
        }
    }
}

fn line(cell: &Cell, trouble: Trouble) -> String {
    let what = match trouble {
        Trouble::Broken => "broken",
        Trouble::Down => "down",
        Trouble::Open => "open",
    };
    let by = cell
        .by
        .as_ref()
        .map(|by| format!(" by {by}"))
        .unwrap_or_default();
    format!(
        "{} -> {} ({}): {}{by}, {what}",
        cell.from, cell.to, cell.address, cell.code
    )
}

fn millis(span: SignedDuration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or_default()
}

/// Rounds before a share says anything.
const ENOUGH: u32 = 3;
const MOST_ADDRESSES: usize = 64;

#[cfg(test)]
mod tests;
