//! The two roots a rotation is about, and the two clients that tell who trusts them.

use serde::Serialize;

use super::Question;
use super::leaf::LeafRoot;
use crate::certificate::{SpiffeId, TrustDomain};
use crate::matrix::Certificate;

/// The root that is to go and the one that comes. Each side may hold several certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Roots {
    /// What is to go.
    pub old: Vec<Certificate>,
    /// What comes: keys that the old side does not have.
    pub new: Vec<Certificate>,
    /// Nobody named them: they are what the canaries' leaves lead to.
    pub seen: bool,
    /// Both sides have one public key: whoever trusts one verifies the leaves of the other.
    pub same_key: bool,
    /// Some name stands on both sides, with another key: nothing that goes by names can tell them apart.
    pub same_name: bool,
}

/// A leaf that we came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLeaf {
    /// The source.
    pub source: String,
    /// The identity in the leaf.
    pub id: Option<String>,
    /// The root that signatures lead to from it, where there is one among those that we hold.
    pub root: Option<Certificate>,
    /// It is the identity of a workload, and not made for this run.
    pub is_workload: bool,
}

/// Why a run says nothing of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// One file was given twice, most likely.
    #[error(
        "the old and the new root are one certificate, {0:?}; give the root that is to go and the one that comes"
    )]
    SameRoot(String),
    /// A side has no certificate.
    #[error("there is no {0} root; name a PEM file that holds it")]
    NoRoot(&'static str),
    /// The sources come from fewer or more than two roots.
    #[error(
        "the sources come from {found} different roots and a rotation is between two; name the two clients with --old-client and --new-client, and the roots with --old-root and --new-root"
    )]
    NotTwoRoots {
        /// How many.
        found: usize,
    },
    /// No source has a leaf of this root.
    #[error(
        "no source has a leaf of the {side} root; add one, or let one be minted: `{side}: {{ root: ROOT.pem, ca: {{ chain: CA.pem, key: CA.key }}, id: sa/canary }}` under `rotation`"
    )]
    NoCanary {
        /// `old` or `new`
        side: &'static str,
    },
    /// What a canary comes with leads to no root at hand.
    #[error(
        "the leaf of source {source_name:?} leads to no root that is known; give the root of its CA with --{side}-root"
    )]
    Rootless {
        /// The source.
        source_name: String,
        /// `old` or `new`
        side: &'static str,
    },
    /// What a canary comes with is from another root than it is for.
    #[error(
        "source {source_name:?} is to stand for the {side} root, and its leaf comes from {found}; are the two swapped?"
    )]
    WrongRoot {
        /// The source.
        source_name: String,
        /// `old` or `new`
        side: &'static str,
        /// What its leaf leads to.
        found: &'static str,
    },
    /// The run has no cell of a canary.
    #[error("source {0:?} was not probed")]
    NotProbed(String),
}

/// What a rotation is read by.
pub(super) struct Chosen {
    pub(super) roots: Roots,
    pub(super) old_client: String,
    pub(super) new_client: String,
    unchecked: Vec<String>,
    /// The trust domain of the canaries, none where DNS names them, if both roots are in its bundle.
    both_held: Option<Option<TrustDomain>>,
}

impl Roots {
    /// The roots of two files. A certificate whose key stands on the old side counts as old, so that a
    /// combined bundle does for the new side.
    pub fn new(old: Vec<Certificate>, new: Vec<Certificate>) -> Result<Self, Unfit> {
        let (Some(first), false) = (old.first(), new.is_empty()) else {
            let side = if old.is_empty() { "old" } else { "new" };
            return Err(Unfit::NoRoot(side));
        };
        let is_same = |one: &Certificate| old.iter().any(|other| other.sha256 == one.sha256);
        if new.iter().all(is_same) {
            return Err(Unfit::SameRoot(first.subject.clone()));
        }
        let has_key = |one: &Certificate| old.iter().any(|o| o.spki_sha256 == one.spki_sha256);
        let same_key = new.iter().all(has_key);
        let new: Vec<_> = new
            .into_iter()
            .filter(|one| same_key || !has_key(one))
            .collect();
        let has_name = |one: &Certificate| old.iter().any(|other| other.subject == one.subject);
        let same_name = !same_key && new.iter().any(has_name);
        Ok(Self {
            old,
            new,
            seen: false,
            same_key,
            same_name,
        })
    }
}

/// The roots and the canaries, as they are given or as the sources show them.
pub(super) fn choose(question: &Question<'_>) -> Result<Chosen, Unfit> {
    let own = question.own;
    let by_name = |name: &str| own.iter().find(|leaf| leaf.source == name);
    let root_of = |name: &str, side| {
        let root = by_name(name).and_then(|leaf| leaf.root.clone());
        root.ok_or_else(|| Unfit::Rootless {
            source_name: name.to_owned(),
            side,
        })
    };
    let (roots, (old, new)) = match (question.roots, question.canaries) {
        (Some(roots), Some((old, new))) => (roots.clone(), (old.to_owned(), new.to_owned())),
        (Some(roots), None) => {
            let of = |wanted, side| {
                let is_it = |leaf: &&OwnLeaf| {
                    let root = leaf.root.as_ref();
                    root.is_some_and(|root| roots.of_key(&root.spki_sha256) == wanted)
                };
                let found = own.iter().find(is_it).map(|leaf| leaf.source.clone());
                found.ok_or(Unfit::NoCanary { side })
            };
            let old = of(LeafRoot::Old, "old")?;
            let new = match roots.same_key {
                true => old.clone(),
                false => of(LeafRoot::New, "new")?,
            };
            (roots.clone(), (old, new))
        }
        (None, Some((old, new))) => {
            let roots = Roots::new(vec![root_of(old, "old")?], vec![root_of(new, "new")?])?;
            (seen(roots), (old.to_owned(), new.to_owned()))
        }
        (None, None) => two_seen(own)?,
    };
    let mut unchecked = vec![];
    for (name, side, wanted) in [(&old, "old", LeafRoot::Old), (&new, "new", LeafRoot::New)] {
        if !question.matrix.cells.iter().any(|cell| cell.from == *name) {
            return Err(Unfit::NotProbed(name.clone()));
        }
        if by_name(name).is_none() {
            unchecked.push(name.clone());
            continue;
        }
        let found = roots.of_key(&root_of(name, side)?.spki_sha256);
        if found != wanted && !(roots.same_key && found == LeafRoot::Old) {
            return Err(Unfit::WrongRoot {
                source_name: name.clone(),
                side,
                found: found.meaning(),
            });
        }
    }
    let domains = [&old, &new].map(|name| by_name(name).map(|leaf| domain(leaf.id.as_deref())));
    let both_held = match domains {
        [Some(old), Some(new)] if old == new => Some(old),
        _ => None,
    };
    Ok(Chosen {
        both_held,
        roots,
        old_client: old,
        new_client: new,
        unchecked,
    })
}

fn domain(id: Option<&str>) -> Option<TrustDomain> {
    match id?.parse::<SpiffeId>() {
        Ok(id) => Some(id.trust_domain().clone()),
        Err(_) => None,
    }
}

fn seen(roots: Roots) -> Roots {
    Roots {
        seen: true,
        ..roots
    }
}

/// Of the two roots that the sources come from, the older one is old.
fn two_seen(own: &[OwnLeaf]) -> Result<(Roots, (String, String)), Unfit> {
    let mut found: Vec<(&Certificate, &str)> = vec![];
    for leaf in own.iter().filter(|leaf| leaf.is_workload) {
        let Some(root) = &leaf.root else { continue };
        let is_known = |known: &(&Certificate, &str)| known.0.spki_sha256 == root.spki_sha256;
        if !found.iter().any(is_known) {
            found.push((root, &leaf.source));
        }
    }
    found.sort_by_key(|(root, _)| &root.not_before);
    let [(old, first), (new, second)] = *found.as_slice() else {
        return Err(Unfit::NotTwoRoots { found: found.len() });
    };
    let roots = Roots::new(vec![old.clone()], vec![new.clone()])?;
    Ok((seen(roots), (first.to_owned(), second.to_owned())))
}

impl Chosen {
    /// Whether a leaf of this name was judged by a bundle with both roots: the leaves of both canaries
    /// lead to theirs in the bundle of the same trust domain.
    pub(super) fn holds_both(&self, id: Option<&str>) -> bool {
        let held = self.both_held.as_ref();
        id.is_some() && held.is_some_and(|held| *held == domain(id))
    }

    /// What a reader must know of this choice.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = vec![];
        let roots = &self.roots;
        if roots.same_key {
            notes.push(
                "same key rollover: the old and the new root have one public key, so each verifies \
                 the leaves of the other; the two canaries cannot be told apart, nothing will change \
                 on the wire, and no outage is to be expected"
                    .to_owned(),
            );
        }
        if roots.same_name {
            notes.push(
                "trap: the old and the new root have one name and different keys; CA hints and \
                 names in chains cannot tell them apart, and a server that has one of them refuses \
                 the other as unknown_ca or decrypt_error"
                    .to_owned(),
            );
        }
        let began = |side: &[Certificate]| side.iter().map(|root| root.not_before.clone()).max();
        if began(&roots.old) > began(&roots.new) {
            notes.push(
                "the old root begins later than the new one; make sure that they are not swapped"
                    .to_owned(),
            );
        }
        for name in &self.unchecked {
            notes.push(format!(
                "what source {name:?} came with is not known here, so that its root was not checked"
            ));
        }
        notes
    }
}
