//! What is worth knowing about a chain and no reason to refuse it.

use super::Bundles;
use super::duration::{between, rough};
use super::finding::{Case, Profile};
use super::node::{Node, Place, quoted};
use super::signature::Fit;
use super::walk::Path;
use super::{revocation, svid, trust};
use jiff::SignedDuration;

pub(super) fn notes(case: &Case<'_>, path: &Path, needs_more: bool) -> Vec<String> {
    let mut notes = vec![];
    if path.holds() && !needs_more {
        notes.extend(order(case, path));
        notes.extend(extras(case, path));
    }
    notes.extend(lifetimes(case, path));
    if case.profile == Profile::Svid
        && let Some(root) = case.field.along(path).last()
        && root.place == Place::Root
    {
        notes.extend(svid::root_notes(root));
    }
    notes.extend(revocation::notes(case, path));
    notes.extend(trust::may_be_incomplete(case, path));
    notes.extend(other_bundles(case, path, case.question.bundles));
    notes
}

fn order(case: &Case<'_>, path: &Path) -> Option<String> {
    let sent: Vec<_> = case
        .field
        .along(path)
        .filter_map(|node| match node.place {
            Place::Sent(nth) => Some(nth),
            Place::Leaf | Place::Root | Place::Elsewhere => None,
        })
        .collect();
    (!sent.is_sorted())
        .then(|| "the chain was sent out of order; some peers do not sort it".to_owned())
}

fn extras(case: &Case<'_>, path: &Path) -> Vec<String> {
    let root = case.field.along(path).last();
    case.field
        .nodes()
        .iter()
        .enumerate()
        .filter(|(at, node)| matches!(node.place, Place::Sent(_)) && !path.nodes.contains(at))
        .map(|(_, node)| {
            if root.is_some_and(|root| root.is_same_authority(node)) {
                format!("{node} is the root, sent as well; peers pass over it")
            } else {
                format!("{node} is not needed")
            }
        })
        .collect()
}

fn lifetimes(case: &Case<'_>, path: &Path) -> Vec<String> {
    let mut notes: Vec<_> = case
        .field
        .steps(path)
        .filter(|(child, issuer, fit)| {
            **fit == Fit::Fits && child.facts.not_after > issuer.facts.not_after
        })
        .map(|(child, issuer, _)| {
            let longer = between(child.facts.not_after, issuer.facts.not_after);
            format!("{child} outlives {issuer} by {longer}")
        })
        .collect();
    if let Some(leaf) = case.field.along(path).next() {
        let lifetime = leaf.facts.not_before.duration_until(leaf.facts.not_after);
        if case.profile == Profile::Svid && lifetime > LONG_FOR_AN_SVID {
            notes.push(format!(
                "leaf is valid for {}, long for an SVID",
                rough(lifetime)
            ));
        }
    }
    notes
}

/// Roots of other trust domains which would carry the chain. They must not, but it is good to know.
fn other_bundles(case: &Case<'_>, path: &Path, bundles: &Bundles) -> Vec<String> {
    let Some(top) = case.field.along(path).last().filter(|_| !path.anchored) else {
        return vec![];
    };
    bundles
        .iter()
        .filter_map(|(domain, bundle)| Some((domain?, bundle)))
        .filter_map(|(domain, bundle)| {
            let root = bundle
                .anchors()
                .iter()
                .filter_map(|anchor| Node::new(Place::Root, &anchor.der, &anchor.facts))
                .find(|root| {
                    root.parts.subject == top.parts.issuer
                        && Fit::of(&top.parts.signed, &root.parts.key) == Fit::Fits
                })?;
            Some(format!(
                "the chain leads to {root} of trust domain {}, which does not vouch for others",
                quoted(domain.as_str())
            ))
        })
        .collect()
}

const LONG_FOR_AN_SVID: SignedDuration = SignedDuration::from_hours(90 * 24);
