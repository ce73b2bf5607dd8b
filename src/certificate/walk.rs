//! Who could have issued whom: the search for paths from the leaf to a root, for explaining.
//!
//! What a peer sends is hostile, so certificates, signature checks, steps and paths are all counted.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::node::{Node, Place};
use super::signature::Fit;

/// The certificates at hand, the leaf first, and which signatures fit.
#[derive(Debug)]
pub(super) struct Field<'a> {
    nodes: Vec<Node<'a>>,
    fits: RefCell<HashMap<(usize, usize), Fit>>,
    checks_left: Cell<usize>,
}

/// A way up from the leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// Places in the field, the leaf first.
    pub(super) nodes: Vec<usize>,
    /// Whether each certificate's signature fits the key of the next.
    pub(super) fits: Vec<Fit>,
    /// The last certificate is a root of the bundle.
    pub(super) anchored: bool,
}

impl Path {
    /// Every signature up to a root of the bundle fits.
    pub(super) fn holds(&self) -> bool {
        self.anchored && self.fits.iter().all(|fit| *fit == Fit::Fits)
    }
}

/// Which certificates a path may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// What was sent, and the bundle.
    Sent,
    /// Also what is known from elsewhere.
    Everything,
}

impl<'a> Field<'a> {
    pub(super) fn new(nodes: Vec<Node<'a>>) -> Self {
        Self {
            nodes,
            fits: RefCell::default(),
            checks_left: Cell::new(MAX_CHECKS),
        }
    }

    /// The same field with more certificates; paths of the old one stay valid.
    pub(super) fn with(mut self, more: impl IntoIterator<Item = Node<'a>>) -> Self {
        self.nodes.extend(more);
        self.checks_left.set(MAX_CHECKS);
        self
    }

    pub(super) fn nodes(&self) -> &[Node<'a>] {
        &self.nodes
    }

    /// The certificates of a path, the leaf first.
    pub(super) fn along<'f>(&'f self, path: &'f Path) -> impl Iterator<Item = &'f Node<'a>> {
        path.nodes.iter().filter_map(|at| self.nodes.get(*at))
    }

    /// Each certificate of a path with the one above it and whether the signature fits.
    pub(super) fn steps<'f>(
        &'f self,
        path: &'f Path,
    ) -> impl Iterator<Item = (&'f Node<'a>, &'f Node<'a>, &'f Fit)> {
        self.along(path)
            .zip(self.along(path).skip(1))
            .zip(&path.fits)
            .map(|((child, parent), fit)| (child, parent, fit))
    }

    /// The certificates sent that signatures tie to the leaf: no other can be part of a chain.
    pub(super) fn reached(&self) -> Vec<usize> {
        let mut reached = vec![0];
        let mut next = 0;
        while let Some(&child) = reached.get(next) {
            next += 1;
            for (parent, node) in self.nodes.iter().enumerate() {
                if reached.len() > MAX_REACHED {
                    break;
                }
                if matches!(node.place, Place::Sent(_))
                    && !reached.contains(&parent)
                    && self.names(child, parent)
                    && self.fit(child, parent) == Fit::Fits
                {
                    reached.push(parent);
                }
            }
        }
        reached.remove(0);
        reached
    }

    /// Ways up from the leaf, each as far as it goes.
    pub(super) fn paths(&self, using: Use) -> Vec<Path> {
        let mut search = Search {
            field: self,
            using,
            steps_left: MAX_STEPS,
            found: vec![],
        };
        search.grow(&mut vec![0], &mut vec![]);
        search.found
    }

    /// Some certificate that was sent or is in the bundle has the name of this one's issuer.
    pub(super) fn names_issuer_of(&self, child: &Node<'_>) -> bool {
        self.nodes
            .iter()
            .filter(|node| node.place != Place::Elsewhere)
            .any(|node| node.parts.subject == child.parts.issuer)
    }

    /// The leaf signed itself.
    pub(super) fn leaf_is_self_signed(&self) -> bool {
        self.names(0, 0) && self.fit(0, 0) == Fit::Fits
    }

    /// The child's issuer has the name of the parent.
    fn names(&self, child: usize, parent: usize) -> bool {
        match (self.nodes.get(child), self.nodes.get(parent)) {
            (Some(child), Some(parent)) => child.parts.issuer == parent.parts.subject,
            (Some(_) | None, _) => false,
        }
    }

    /// Whether the parent's key made the child's signature. Asked once for each pair.
    pub(super) fn fit(&self, child: usize, parent: usize) -> Fit {
        if let Some(known) = self.fits.borrow().get(&(child, parent)) {
            return known.clone();
        }
        let (Some(below), Some(above)) = (self.nodes.get(child), self.nodes.get(parent)) else {
            return Fit::Fails;
        };
        let Some(left) = self.checks_left.get().checked_sub(1) else {
            return Fit::Unsupported("a chain with so many certificates of one name".into());
        };
        self.checks_left.set(left);
        let fit = Fit::of(&below.parts.signed, &above.parts.key);
        self.fits.borrow_mut().insert((child, parent), fit.clone());
        fit
    }
}

struct Search<'f, 'a> {
    field: &'f Field<'a>,
    using: Use,
    steps_left: usize,
    found: Vec<Path>,
}

impl Search<'_, '_> {
    fn grow(&mut self, nodes: &mut Vec<usize>, fits: &mut Vec<Fit>) {
        if self.found.len() >= MAX_PATHS || self.steps_left == 0 {
            return;
        }
        self.steps_left -= 1;
        let issuers = if nodes.len() < MAX_LENGTH {
            self.issuers(nodes)
        } else {
            vec![]
        };
        if issuers.is_empty() {
            self.found.push(Path {
                nodes: nodes.clone(),
                fits: fits.clone(),
                anchored: false,
            });
        }
        for (issuer, fit) in issuers {
            nodes.push(issuer);
            fits.push(fit);
            if self.place(issuer) == Some(Place::Root) {
                self.found.push(Path {
                    nodes: nodes.clone(),
                    fits: fits.clone(),
                    anchored: true,
                });
            } else {
                self.grow(nodes, fits);
            }
            nodes.pop();
            fits.pop();
        }
    }

    /// The certificates that may stand above the last one: those whose key fits; if there is none,
    /// those that cannot be told; if there is none, those which only have the name.
    fn issuers(&self, path: &[usize]) -> Vec<(usize, Fit)> {
        let Some(&child) = path.last() else {
            return vec![];
        };
        let candidates: Vec<_> = (1..self.field.nodes.len())
            .filter(|parent| self.field.names(child, *parent) && self.may_follow(path, *parent))
            .map(|parent| (parent, self.field.fit(child, parent)))
            .collect();
        let pick = |wanted: fn(&Fit) -> bool| -> Vec<_> {
            candidates
                .iter()
                .filter(|(_, fit)| wanted(fit))
                .cloned()
                .collect()
        };
        let fitting = pick(|fit| *fit == Fit::Fits);
        if !fitting.is_empty() {
            return fitting;
        }
        // A self-signed leaf has found its issuer: a CA that happens to share its name is not it.
        if path.len() == 1 && self.field.leaf_is_self_signed() {
            return vec![];
        }
        let mut doubtful = pick(|fit| matches!(fit, Fit::Unsupported(_)));
        if doubtful.is_empty() {
            doubtful = pick(|fit| *fit == Fit::Fails);
        }
        doubtful.truncate(MAX_DOUBTFUL);
        doubtful
    }

    fn may_follow(&self, path: &[usize], parent: usize) -> bool {
        let nodes = &self.field.nodes;
        let Some(candidate) = nodes.get(parent) else {
            return false;
        };
        let allowed = match candidate.place {
            Place::Sent(_) => true,
            // A self-signed leaf may be the root itself.
            Place::Root if path.len() == 1 => return true,
            Place::Root => true,
            Place::Elsewhere => self.using == Use::Everything,
            Place::Leaf => false,
        };
        // No CA stands twice on a path, in whatever certificate (RFC 4158, section 5.2).
        allowed
            && !path
                .iter()
                .filter_map(|at| nodes.get(*at))
                .any(|node| node.is_same_authority(candidate))
    }

    fn place(&self, at: usize) -> Option<Place> {
        self.field.nodes.get(at).map(|node| node.place)
    }
}

const MAX_REACHED: usize = 16;
const MAX_CHECKS: usize = 256;
const MAX_STEPS: usize = 512;
const MAX_PATHS: usize = 64;
/// Certificates of a path that are followed; more than webpki takes, so that we can say so.
const MAX_LENGTH: usize = 12;
const MAX_DOUBTFUL: usize = 4;
