//! What webpki refuses and no rule of ours explains: name constraints above all.

use super::der::{SEQUENCE, elements, expect};
use super::engine::{Ask, Purpose};
use super::finding::{Case, Depth, Finding};
use super::node::{Node, Place, quoted};
use super::parts::NAME_CONSTRAINTS;
use super::walk::Path;
use crate::code::Code;

/// What webpki says of one path alone.
#[derive(Debug, PartialEq)]
pub(super) enum Alone {
    Stands,
    Refused(webpki::Error),
    /// The path does not lead to a root, or there is no moment when all of it is valid.
    NotAsked,
}

/// Asks webpki about one path alone, at a moment when all of it is valid and for any purpose, so that
/// dates and purposes do not hide what else is wrong.
pub(super) fn of_path(case: &Case<'_>, path: &Path) -> Alone {
    let nodes: Vec<_> = case.field.along(path).collect();
    let below_root = || nodes.iter().filter(|node| node.place != Place::Root);
    let (Some(leaf), Some(root), Some(from), Some(to)) = (
        nodes.first(),
        nodes.last(),
        below_root().map(|node| node.facts.not_before).max(),
        below_root().map(|node| node.facts.not_after).min(),
    ) else {
        return Alone::NotAsked;
    };
    if !path.holds() || from > to {
        return Alone::NotAsked;
    }
    let Ok(anchor) = webpki::anchor_from_trusted_cert(root.der) else {
        return Alone::NotAsked;
    };
    let intermediates: Vec<_> = below_root().skip(1).map(|node| node.der.clone()).collect();
    let anchors = [anchor];
    let answer = Ask {
        leaf: leaf.der,
        intermediates: &intermediates,
        anchors: &anchors,
        at: from,
        purpose: Purpose::Whatever,
    }
    .verify(&|_| true);
    match answer {
        Ok(_) => Alone::Stands,
        Err(why) => Alone::Refused(why),
    }
}

/// The finding that stands for an error of webpki.
pub(super) fn finding(case: &Case<'_>, path: &Path, why: &webpki::Error) -> Finding {
    // Among several errors webpki tells the one it finds most specific. On a path whose signatures hold,
    // an error of signatures is about a root of the same name, and hides the one about this path.
    let hidden = matches!(
        why,
        webpki::Error::InvalidSignatureForPublicKey | webpki::Error::UnknownIssuer
    ) && path.holds()
        && !constrained(case, path).is_empty();
    let what = if hidden || *why == webpki::Error::NameConstraintViolation {
        name_constraints(case, path)
    } else {
        format!("webpki refuses the chain: {why:?}")
    };
    Finding::new(Depth::Fitness, Code::CertUnsupported, what)
}

fn name_constraints(case: &Case<'_>, path: &Path) -> String {
    let constrained = constrained(case, path);
    let by = constrained
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" and ");
    let names = case
        .field
        .along(path)
        .next()
        .map_or_else(Vec::new, |leaf| leaf.parts.uris());
    let kinds: Vec<u8> = constrained.iter().flat_map(|node| kinds(node)).collect();
    if kinds.contains(&URI) && !names.is_empty() {
        let name = names.first().map_or_else(String::new, |name| quoted(name));
        return format!(
            "a URI name constraint of {by} stands against {name}: webpki refuses every URI under one, \
             also one that matches; other engines may accept"
        );
    }
    if kinds.contains(&DIRECTORY) {
        return format!(
            "a directory name constraint of {by} stands against the chain: webpki refuses every \
             certificate under one; other engines may accept"
        );
    }
    if kinds.iter().all(|kind| ![DNS, IP].contains(kind)) {
        return format!(
            "a name constraint of {by} is on names of a kind that webpki does not compare: it refuses \
             them all; other engines may accept"
        );
    }
    format!("a name in the chain violates the name constraints of {by}")
}

/// The certificates of a path that constrain names.
fn constrained<'c, 'a>(case: &'c Case<'a>, path: &'c Path) -> Vec<&'c Node<'a>> {
    case.field
        .along(path)
        .filter(|node| node.parts.extension(NAME_CONSTRAINTS).is_some())
        .collect()
}

/// The kinds of name that a certificate constrains, as tags.
fn kinds(node: &Node<'_>) -> Vec<u8> {
    let Some(constraints) = node
        .parts
        .extension(NAME_CONSTRAINTS)
        .and_then(|extension| expect(&mut &*extension.value, SEQUENCE))
    else {
        return vec![];
    };
    elements(constraints.contents)
        .flat_map(|subtrees| elements(subtrees.contents))
        .filter_map(|subtree| elements(subtree.contents).next())
        .map(|base| base.tag)
        .collect()
}

const DNS: u8 = 0x82;
const IP: u8 = 0x87;
const DIRECTORY: u8 = 0xa4;
const URI: u8 = 0x86;
