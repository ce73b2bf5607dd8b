//! The way from a leaf to its root, by names: what a chain rests on. A result has no more to go by.

use super::Part;
use crate::findings::renewal::dates;
use crate::matrix::Certificate;

/// The certificates on the way, the leaf first. What was sent for nothing is not among them.
pub(super) fn path<'a>(
    chain: &'a [Certificate],
    root: Option<&'a Certificate>,
) -> Vec<(Part, &'a Certificate)> {
    let Some((leaf, others)) = chain.split_first() else {
        return vec![];
    };
    let mut path = vec![(Part::Leaf, leaf)];
    let mut here = leaf;
    // A chain has no more steps than certificates.
    for _ in 0..chain.len() {
        if let Some(root) = root.filter(|root| root.subject == here.issuer) {
            path.push((Part::Root, root));
            break;
        }
        if here.subject == here.issuer {
            break;
        }
        // Of two of one name either may do.
        let named = others.iter().filter(|one| one.subject == here.issuer);
        let Some(next) = named.max_by_key(|one| dates(one).map(|(_, end)| end)) else {
            break;
        };
        path.push((Part::Intermediate, next));
        here = next;
    }
    path
}
