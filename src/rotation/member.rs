//! One address of one target: its leaf, whom it trusts, and where that puts it.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::leaf::LeafRoot;
use super::phase::{Phase, named};
use super::reading::Reading;
use super::roots::{Chosen, Roots};
use super::{Question, word};
use crate::matrix::{Cell, Certificate};
use crate::suite::SourceName;

named! {
    /// What a server's answer to a canary tells.
    Word {
        /// TLS took it, whatever policy said then.
        Took = "accepted", "TLS took it";
        /// Its root is not trusted.
        Root = "refused", "its root is not trusted";
        /// A date was the reason, not the root.
        Dates = "dates", "refused for a date: expired or not yet valid by the server's clock";
        /// The name was the reason, not the root.
        Identity = "identity", "refused for its name: trust domain or SAN";
        /// The server did not ask for a certificate.
        Anybody = "not_asked", "the server does not ask for a certificate";
        /// Nothing.
        Open = "open", "tells nothing of the root";
    }
}

named! {
    /// Whether a root is trusted.
    Trust {
        /// It is.
        Yes = "yes", "trusted";
        /// It is not.
        No = "no", "not trusted";
        /// Nobody can tell.
        Unknown = "unknown", "not known";
    }
}

/// One address of one target.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Member {
    /// The target.
    pub target: String,
    /// The address.
    pub address: String,
    /// The identity in its leaf.
    pub id: Option<String>,
    /// The root its leaf leads to.
    pub leaf: LeafRoot,
    /// That root itself.
    pub leaf_root: Option<Certificate>,
    /// How long its leaf is valid altogether, in seconds.
    pub leaf_lifetime_s: Option<i64>,
    /// Its answer to the client with a leaf of the old root.
    pub old: Word,
    /// Its answer to the client with a leaf of the new root.
    pub new: Word,
    /// Whether it trusts the old root.
    pub trusts_old: Trust,
    /// Whether it trusts the new root.
    pub trusts_new: Trust,
    /// It refuses clients of CAs that it does not know; where it does not, whom it takes tells nothing.
    pub verifies_clients: bool,
    /// The roots whose names it lists when it asks for a certificate. A hint: names prove nothing.
    pub hinted: Option<Hinted>,
    /// Its phase, where it is in one.
    pub phase: Option<Phase>,
    /// What all that means.
    pub reading: Reading,
    /// The facts the reading rests on.
    pub why: String,
}

named! {
    /// Which of the two roots' names a server lists.
    Hinted {
        /// The old one's.
        Old = "old", "the name of the old root";
        /// The new one's.
        New = "new", "the name of the new root";
        /// Both.
        Both = "both", "the names of both roots";
        /// Names, and neither of these.
        Neither = "neither", "other names";
    }
}

impl Member {
    /// Whether it is in this phase; nothing where what is not known decides.
    pub fn is_in(&self, phase: Phase) -> Option<bool> {
        let (leaf, old, new) = match phase {
            Phase::P0 => (LeafRoot::Old, Trust::Yes, Trust::No),
            Phase::P1 => (LeafRoot::Old, Trust::Yes, Trust::Yes),
            Phase::P2 => (LeafRoot::New, Trust::Yes, Trust::Yes),
            Phase::P3 => (LeafRoot::New, Trust::No, Trust::Yes),
        };
        let leaf = (self.leaf != LeafRoot::Unknown).then_some(self.leaf == leaf);
        let trust = |is: Trust, wanted: Trust| (is != Trust::Unknown).then_some(is == wanted);
        // Of a server that takes anybody the leaf is all that can be seen.
        let trusts = match self.verifies_clients {
            true => [trust(self.trusts_old, old), trust(self.trusts_new, new)],
            false => [Some(true); 2],
        };
        all([leaf].into_iter().chain(trusts))
    }
}

/// Whether all hold: one that does not decides, else one that is not known.
pub(super) fn all(each: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut sum = Some(true);
    for one in each {
        match one {
            Some(false) => return Some(false),
            None => sum = None,
            Some(true) => {}
        }
    }
    sum
}

/// Every address of every target, in the order of the matrix; not yet read.
pub(super) fn members(question: &Question<'_>, chosen: &Chosen) -> Vec<Member> {
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let mut by_address: Vec<Vec<&Cell>> = vec![];
    for cell in &question.matrix.cells {
        if cell.from == SourceName::PLAINTEXT || cell.from == SourceName::SIDECAR {
            continue;
        }
        let next = by_address.len();
        let place = *places.entry((&cell.to, &cell.address)).or_insert(next);
        match by_address.get_mut(place) {
            Some(known) => known.push(cell),
            None => by_address.push(vec![cell]),
        }
    }
    let members = by_address.iter();
    members
        .filter_map(|cells| member(cells, question, chosen))
        .collect()
}

fn member(cells: &[&Cell], question: &Question<'_>, chosen: &Chosen) -> Option<Member> {
    let of = |source: &str| {
        let row = cells.iter().copied().filter(|cell| cell.from == source);
        word::of_all(&row.collect::<Vec<_>>())
    };
    let roots = &chosen.roots;
    let first = cells.first()?;
    let shown = roots.shown(cells, |id| chosen.holds_both(id));
    let (old, old_why) = of(&chosen.old_client);
    let (new, new_why) = of(&chosen.new_client);
    let stranger = question.stranger.map(of);
    let takes_strangers = stranger.is_some_and(|(word, _)| word == Word::Took);
    let takes = |word: Word| matches!(word, Word::Took | Word::Anybody);
    let asks_nobody = old == Word::Anybody && new == Word::Anybody;
    let verifies_clients = !(asks_nobody || takes_strangers && takes(old) && takes(new));
    let trust = |word: Word| match word {
        Word::Took if !takes_strangers => Trust::Yes,
        Word::Root => Trust::No,
        Word::Took | Word::Dates | Word::Identity | Word::Anybody | Word::Open => Trust::Unknown,
    };
    let leaf = shown.root;
    let (trusts_old, trusts_new) = (trust(old), trust(new));
    let presents = match &shown.why {
        Some(why) => why.clone(),
        None => format!("leaf of {}", leaf.meaning()),
    };
    let strangers = takes_strangers.then_some("; a leaf of no known CA: accepted");
    let servers = || cells.iter().filter_map(|cell| cell.server.as_ref());
    Some(Member {
        target: first.to.clone(),
        address: first.address.clone(),
        id: servers().find_map(|server| server.id.clone()),
        leaf,
        leaf_root: shown.certificate,
        leaf_lifetime_s: servers().find_map(|server| lifetime(server.chain.first()?)),
        old,
        new,
        trusts_old,
        trusts_new,
        verifies_clients,
        hinted: servers().find_map(|server| hinted(&server.ca_hints, roots)),
        phase: phase(leaf, trusts_old, trusts_new, roots),
        reading: Reading::Unknown,
        why: format!(
            "{presents}; old canary: {old_why}; new canary: {new_why}{}",
            strangers.unwrap_or_default()
        ),
    })
}

fn phase(leaf: LeafRoot, old: Trust, new: Trust, roots: &Roots) -> Option<Phase> {
    if roots.same_key {
        return None;
    }
    match (leaf, old, new) {
        (LeafRoot::Old, Trust::Yes, Trust::No) => Some(Phase::P0),
        (LeafRoot::Old, Trust::Yes, Trust::Yes) => Some(Phase::P1),
        (LeafRoot::New, Trust::Yes, Trust::Yes) => Some(Phase::P2),
        (LeafRoot::New, Trust::No, Trust::Yes) => Some(Phase::P3),
        (LeafRoot::Old | LeafRoot::New | LeafRoot::Third | LeafRoot::Unknown, _, _) => None,
    }
}

fn hinted(hints: &[String], roots: &Roots) -> Option<Hinted> {
    // One name for two keys is no hint.
    if hints.is_empty() || roots.same_name || roots.same_key {
        return None;
    }
    let lists = |side: &[Certificate]| side.iter().any(|root| hints.contains(&root.subject));
    Some(match (lists(&roots.old), lists(&roots.new)) {
        (true, true) => Hinted::Both,
        (true, false) => Hinted::Old,
        (false, true) => Hinted::New,
        (false, false) => Hinted::Neither,
    })
}

fn lifetime(leaf: &Certificate) -> Option<i64> {
    let moment = |text: &str| text.parse::<Timestamp>().ok();
    let (begin, end) = (moment(&leaf.not_before)?, moment(&leaf.not_after)?);
    Some(end.as_second().saturating_sub(begin.as_second()))
}
