//! Which root a leaf leads to: by public key, along signatures that were checked. Names, and roots that
//! a peer sends, prove nothing.

use super::phase::named;
use super::roots::Roots;
use crate::code::Code;
use crate::matrix::{Cell, Certificate};

named! {
    /// The root that a leaf leads to.
    LeafRoot {
        /// The root that is to go.
        Old = "old", "the old root";
        /// The root that comes.
        New = "new", "the new root";
        /// Neither: a third root, or none for lack of an intermediate.
        Third = "third", "neither root";
        /// Not known.
        Unknown = "unknown", "not known";
    }
}

/// What the cells of one address show of the leaf there.
pub(super) struct Shown {
    pub(super) root: LeafRoot,
    /// The root itself.
    pub(super) certificate: Option<Certificate>,
    /// Why it is not known.
    pub(super) why: Option<String>,
}

impl Roots {
    /// Which of them has this key.
    pub(super) fn of_key(&self, spki_sha256: &str) -> LeafRoot {
        let has = |all: &[Certificate]| all.iter().any(|one| one.spki_sha256 == spki_sha256);
        if has(&self.old) {
            LeafRoot::Old
        } else if has(&self.new) {
            LeafRoot::New
        } else {
            LeafRoot::Third
        }
    }

    /// The root of the leaf that an address presents, as all who came there saw it. `holds_both` says
    /// whether a leaf of this name was judged by a bundle with both roots.
    pub(super) fn shown(
        &self,
        cells: &[&Cell],
        holds_both: impl Fn(Option<&str>) -> bool,
    ) -> Shown {
        let unknown = |why: String| Shown {
            root: LeafRoot::Unknown,
            certificate: None,
            why: Some(why),
        };
        let servers = cells.iter().filter_map(|cell| cell.server.as_ref());
        let mut seen: Option<&Certificate> = None;
        let mut unproved = None;
        for server in servers {
            match (&server.root, seen) {
                (None, _) => unproved = Some(server),
                (Some(root), Some(known)) if root.spki_sha256 != known.spki_sha256 => {
                    return unknown(
                        "its leaf leads to different roots on different connections: several \
                         instances behind one address, or renewed just now"
                            .to_owned(),
                    );
                }
                (Some(root), _) => seen = Some(root),
            }
        }
        if let (Some(_), Some(leaf)) = (seen, other_leaf(cells)) {
            return unknown(format!(
                "several servers answer at this address, and the root of leaf {leaf} is not known: \
                 name each server by itself"
            ));
        }
        match (seen, unproved) {
            (Some(_), Some(_)) => unknown(
                "its leaf leads to a root on some connections and to none on others".to_owned(),
            ),
            (Some(root), None) => Shown {
                root: self.of_key(&root.spki_sha256),
                certificate: Some(root.clone()),
                why: None,
            },
            (None, Some(server)) => {
                let why = server.evidence.first().map_or("", String::as_str);
                let shown = unknown(format!("its leaf leads to no root that we hold ({why})"));
                let is_stranger = matches!(server.judgement, Code::UnknownCa | Code::BadSignature);
                let root = match is_stranger && holds_both(server.id.as_deref()) {
                    true => LeafRoot::Third,
                    false => LeafRoot::Unknown,
                };
                Shown { root, ..shown }
            }
            (None, None) => unknown("no certificate was seen".to_owned()),
        }
    }
}

/// A leaf that some of several connections met, and that is not the one of any cell: of cells alone it
/// is known where their leaf leads to.
fn other_leaf<'a>(cells: &[&'a Cell]) -> Option<&'a str> {
    let servers = || cells.iter().filter_map(|cell| cell.server.as_ref());
    let is_told = |leaf: &str| {
        let mut leaves = servers().filter_map(|server| server.chain.first());
        leaves.any(|known| known.sha256 == leaf)
    };
    let faces = cells.iter().flat_map(|cell| &cell.attempts.faces);
    let mut leaves = faces.map(|face| face.sha256.as_str());
    leaves.find(|leaf| !is_told(leaf))
}
