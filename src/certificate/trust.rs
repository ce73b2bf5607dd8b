//! Whether signatures lead from the leaf to a root of the bundle, and what breaks where they do not.

use super::finding::{Case, Depth, Finding, Roots};
use super::node::{Node, Place, quoted};
use super::signature::Fit;
use super::walk::Path;
use crate::code::Code;

pub(super) fn findings(case: &Case<'_>, path: &Path) -> Vec<Finding> {
    let mut findings: Vec<_> = case
        .field
        .steps(path)
        .filter_map(|(child, issuer, fit)| match fit {
            Fit::Fits => None,
            Fit::Fails => Some(Finding::new(
                Depth::Trust,
                Code::BadSignature,
                mismatch(case, child, issuer),
            )),
            Fit::Unsupported(what) => Some(Finding::new(
                Depth::Fitness,
                Code::CertUnsupported,
                format!("{child} cannot be checked against {issuer}: {what} is not supported"),
            )),
        })
        .collect();
    if path.anchored {
        return findings;
    }
    let Some(top) = case.field.along(path).last() else {
        return findings;
    };
    match case.roots {
        Roots::NoBundle => {}
        Roots::Empty => findings.push(Finding::new(
            Depth::Trust,
            Code::UnknownCa,
            format!("{} is empty: nothing is trusted", case.bundle),
        )),
        Roots::Held => findings.push(Finding::new(
            Depth::Trust,
            Code::UnknownCa,
            dead_end(case, top),
        )),
    }
    findings
}

/// The path needs certificates that were not sent.
pub(super) fn incomplete(case: &Case<'_>, path: &Path) -> Vec<Finding> {
    let root = case.field.along(path).last();
    case.field
        .steps(path)
        .filter(|(_, issuer, _)| issuer.place == Place::Elsewhere)
        .map(|(child, missing, _)| {
            let name = quoted(&missing.facts.subject);
            let root = root.map_or_else(String::new, Node::to_string);
            Finding::new(
                Depth::Trust,
                Code::IncompleteChain,
                format!(
                    "{name}, the issuer of {child}, was not sent; with it the chain leads to {root}"
                ),
            )
        })
        .collect()
}

/// What a chain without a way to a root may still lack, where nothing proves it.
pub(super) fn may_be_incomplete(case: &Case<'_>, path: &Path) -> Option<String> {
    let top = case.field.along(path).last()?;
    let open = !path.anchored && case.roots == Roots::Held && !case.field.names_issuer_of(top);
    open.then(|| {
        format!(
            "if {} is an intermediate, the peer should send it; no certificate at hand tells",
            quoted(&top.facts.issuer)
        )
    })
}

fn mismatch(case: &Case<'_>, child: &Node<'_>, issuer: &Node<'_>) -> String {
    let name = quoted(&child.facts.issuer);
    let place = match issuer.place {
        Place::Root => format!("is in {}", case.bundle),
        Place::Sent(nth) => format!("was sent as certificate {nth}"),
        Place::Leaf | Place::Elsewhere => "is known".to_owned(),
    };
    if child.facts.self_issued {
        return format!(
            "{child} is not the root of that name: {name} {place}, but with another key"
        );
    }
    match (child.parts.issuer_key_id(), issuer.parts.key_id()) {
        (Some(wanted), Some(held)) if wanted == held => format!(
            "the signature of {child} does not verify, although {name} {place} with the key it names: \
             the certificate is altered or damaged"
        ),
        (Some(_), Some(_)) => format!(
            "issuer {name} of {child} {place}, but with another key: the signature does not verify"
        ),
        (None, _) | (_, None) => format!(
            "issuer {name} of {child} {place}, but the signature does not verify: another key, or an \
             altered certificate"
        ),
    }
}

fn dead_end(case: &Case<'_>, top: &Node<'_>) -> String {
    let bundle = case.bundle;
    match top.place {
        Place::Leaf if case.field.leaf_is_self_signed() => {
            format!("leaf is self-signed and not in {bundle}")
        }
        Place::Sent(_) if top.facts.self_issued => {
            format!("the chain ends in {top}, which is not in {bundle}")
        }
        Place::Leaf | Place::Sent(_) | Place::Root | Place::Elsewhere => {
            let issuer = quoted(&top.facts.issuer);
            if case.field.names_issuer_of(top) {
                return format!(
                    "the chain reaches no root of {bundle}: it runs in a circle at {top}"
                );
            }
            format!("issuer {issuer} of {top} is neither in {bundle} nor sent")
        }
    }
}
