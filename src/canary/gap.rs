//! For how long somebody was not accepted who should have been, as far as rounds can tell: between the
//! looks of two rounds nobody looks.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::millis;
use super::standing::is_down;
use crate::code::Kind;
use crate::matrix::Cell;

/// Why somebody was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// Some replicas were not there, and others went on: a restart looks so.
    ReplicaDown,
    /// Nobody was there.
    Down,
    /// Some replicas refuse, and others accept.
    RefusedBySome,
    /// Everybody who is there refuses.
    Refused,
}

/// The time that one source was not accepted at one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Gap {
    /// The source.
    pub from: String,
    /// The target.
    pub to: String,
    /// The worst that was seen.
    pub outage: Outage,
    /// How often it began.
    pub times: u32,
    /// The longest of them, in milliseconds: from the first look that failed to the last one.
    pub longest_ms: u64,
    /// The longest that it may have been: from the last look that succeeded before to the first after.
    pub longest_at_most_ms: u64,
    /// All of them, likewise.
    pub total_ms: u64,
    /// All of them, at most.
    pub total_at_most_ms: u64,
    /// It has not ended.
    pub goes_on: bool,
}

/// All gaps of all pairs.
#[derive(Debug, Default)]
pub(super) struct Gaps(BTreeMap<Pair, Track>);

/// A cell, and whether it is as it should be.
pub(super) type Seen<'a> = (&'a Cell, bool);

/// A source and a target.
type Pair = (String, String);

#[derive(Debug, Default)]
struct Track {
    /// The begin of the last round that saw it accepted everywhere.
    good: Option<Timestamp>,
    now: Option<Failing>,
    past: Option<Gap>,
}

/// A gap that has not ended.
#[derive(Clone, Copy, Debug)]
struct Failing {
    /// When it may have begun.
    at_most_since: Timestamp,
    since: Timestamp,
    last: Timestamp,
    outage: Outage,
}

impl Gaps {
    /// What a round from `from` to `to` saw of those who should be accepted. A pair of which nothing
    /// was seen has nobody there.
    pub(super) fn note(
        &mut self,
        seen: &BTreeMap<Pair, Vec<Seen<'_>>>,
        from: Timestamp,
        to: Timestamp,
    ) {
        for (pair, cells) in seen {
            let track = self.0.entry(pair.clone()).or_default();
            match outage(cells) {
                None => {
                    if let Some(failing) = track.now.take() {
                        track.end(pair, failing, to, false);
                    }
                    track.good = Some(from);
                }
                Some(outage) => {
                    let at_most_since = track.good.unwrap_or(from);
                    let now = track.now.get_or_insert(Failing {
                        at_most_since,
                        since: from,
                        last: to,
                        outage,
                    });
                    now.last = to;
                    now.outage = worse(now.outage, outage);
                }
            }
        }
    }

    /// The longest gap that has not ended.
    pub(super) fn longest_now(&self, now: Timestamp) -> Duration {
        let open = self.0.values().filter_map(|track| track.now);
        let spans = open.filter_map(|failing| now.duration_since(failing.since).try_into().ok());
        spans.max().unwrap_or_default()
    }

    /// All of them, by source and target.
    pub(super) fn all(mut self, now: Timestamp) -> Vec<Gap> {
        for (pair, track) in &mut self.0 {
            if let Some(failing) = track.now.take() {
                track.end(pair, failing, now, true);
            }
        }
        let tracks = self.0.into_values();
        tracks.filter_map(|track| track.past).collect()
    }
}

impl Track {
    fn end(&mut self, (from, to): &Pair, failing: Failing, at: Timestamp, goes_on: bool) {
        let span = |since: Timestamp, until: Timestamp| {
            millis(SignedDuration::max(
                until.duration_since(since),
                SignedDuration::ZERO,
            ))
        };
        let least = span(failing.since, failing.last);
        let most = span(failing.at_most_since, at);
        let gap = self.past.get_or_insert_with(|| Gap {
            from: from.clone(),
            to: to.clone(),
            outage: failing.outage,
            times: 0,
            longest_ms: 0,
            longest_at_most_ms: 0,
            total_ms: 0,
            total_at_most_ms: 0,
            goes_on: false,
        });
        gap.outage = worse(gap.outage, failing.outage);
        gap.times += 1;
        gap.longest_ms = gap.longest_ms.max(least);
        gap.longest_at_most_ms = gap.longest_at_most_ms.max(most);
        gap.total_ms += least;
        gap.total_at_most_ms += most;
        gap.goes_on = goes_on;
    }
}

/// Nothing where everybody does as they should.
fn outage(cells: &[Seen<'_>]) -> Option<Outage> {
    let accepted = cells.iter().filter(|(_, is_fine)| *is_fine).count();
    let refuses = |(cell, is_fine): &&Seen<'_>| {
        !is_fine && cell.code.kind() == Kind::Rejected && !is_down(cell)
    };
    let refused = cells.iter().filter(refuses).count();
    match (accepted, refused) {
        (all, _) if all == cells.len() && all > 0 => None,
        (0, 0) => Some(Outage::Down),
        (0, _) => Some(Outage::Refused),
        (_, 0) => Some(Outage::ReplicaDown),
        (_, _) => Some(Outage::RefusedBySome),
    }
}

fn worse(one: Outage, other: Outage) -> Outage {
    let rank = |outage| match outage {
        Outage::ReplicaDown => 0,
        Outage::Down => 1,
        Outage::RefusedBySome => 2,
        Outage::Refused => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}
