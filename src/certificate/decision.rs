//! webpki decides; where it refuses, the path that comes closest tells why.

use std::cell::OnceCell;
use std::collections::HashSet;

use rustls_pki_types::CertificateDer;

use super::engine::{Ask, Purpose, Verified};
use super::finding::{Case, Depth, Finding, Profile, Roots};
use super::node::{Node, Place};
use super::residue::{self, Alone};
use super::signature::Fit;
use super::walk::{Path, Use};
use super::{Facts, fitness, notes, revocation, svid, trust, validity};

/// What the path to a root says of a chain.
pub(super) struct Decision {
    pub(super) findings: Vec<Finding>,
    pub(super) notes: Vec<String>,
    pub(super) root: Option<Facts>,
}

/// `known` is room for certificates from elsewhere, filled only when they are needed.
pub(super) fn decide<'a>(case: Case<'a>, known: &'a OnceCell<Vec<Known<'a>>>) -> Decision {
    let refusal = match ask(&case) {
        Ok(path) => return told(&case, &path, vec![], vec![]),
        Err(refusal) => refusal,
    };
    let path = closest(&case, case.field.paths(Use::Sent), |_| true).unwrap_or(Path {
        nodes: vec![0],
        fits: vec![],
        anchored: false,
    });
    let (case, path, missing, mut notes) = if path.holds() || case.roots != Roots::Held {
        (case, path, vec![], vec![])
    } else {
        supplement(case, path, known)
    };
    let mut findings = missing;
    findings.extend(along(&case, &path));
    let explained = !findings.is_empty()
        || (case.profile == Profile::Svid && leaf(&case).is_some_and(|leaf| leaf.facts.is_ca));
    match residue::of_path(&case, &path) {
        Alone::Refused(why) if why == webpki::Error::NameConstraintViolation || !explained => {
            findings.push(residue::finding(&case, &path, &why));
        }
        Alone::Refused(_) | Alone::Stands | Alone::NotAsked => {}
    }
    if findings.is_empty() && !explained && case.roots != Roots::NoBundle {
        findings.push(residue::finding(&case, &path, &refusal));
    }
    notes.dedup();
    told(&case, &path, findings, notes)
}

/// Asks webpki, and takes only a path that keeps our rules as well.
fn ask(case: &Case<'_>) -> Result<Path, webpki::Error> {
    let nodes = case.field.nodes();
    let Some(leaf) = leaf(case) else {
        return Err(webpki::Error::BadDer);
    };
    // webpki may try every order of certificates that share a name. Of many, it only gets those that
    // signatures tie to the leaf; no other can be part of a chain that it takes.
    let few = nodes.iter().filter(|node| is_sent(node)).count() <= FEW;
    let intermediates: Vec<_> = if few {
        (1..nodes.len()).collect()
    } else {
        case.field.reached()
    };
    let intermediates: Vec<_> = (intermediates.into_iter())
        .filter_map(|at| nodes.get(at))
        .filter(|node| is_sent(node))
        .map(|node| CertificateDer::from(node.der.as_ref()))
        .collect();
    let roots: Vec<_> = nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.place == Place::Root)
        .filter_map(|(at, node)| Some((at, webpki::anchor_from_trusted_cert(node.der).ok()?)))
        .collect();
    let (places, anchors): (Vec<_>, Vec<_>) = roots.into_iter().unzip();
    let path_of = |verified: &Verified<'_>| -> Option<Path> {
        let mut path = vec![0];
        for der in &verified.intermediates {
            path.push(
                nodes
                    .iter()
                    .position(|node| is_sent(node) && node.der.as_ref() == der.as_ref())?,
            );
        }
        path.push(*places.get(verified.anchor)?);
        Some(Path {
            fits: vec![Fit::Fits; path.len() - 1],
            nodes: path,
            anchored: true,
        })
    };
    let verified = Ask {
        leaf: leaf.der,
        intermediates: &intermediates,
        anchors: &anchors,
        at: case.at,
        purpose: Purpose::Of(case.question.role),
    }
    .verify(&|verified| path_of(verified).is_some_and(|path| along(case, &path).is_empty()))?;
    path_of(&verified).ok_or(webpki::Error::UnknownIssuer)
}

/// What is wrong along a path.
fn along(case: &Case<'_>, path: &Path) -> Vec<Finding> {
    let mut findings = trust::findings(case, path);
    findings.extend(validity::findings(case, path));
    findings.extend(revocation::findings(case, path));
    findings.extend(fitness::findings(case, path));
    if case.profile == Profile::Svid {
        findings.extend(svid::signer_findings(case, path));
    }
    findings
}

/// The path with the least against it, trust counting most; the first of equals.
fn closest(case: &Case<'_>, paths: Vec<Path>, fit: impl Fn(&Path) -> bool) -> Option<Path> {
    paths.into_iter().filter(fit).min_by_key(|path| {
        let findings = along(case, path);
        let distrust = findings
            .iter()
            .filter(|finding| finding.depth == Depth::Trust)
            .count();
        (distrust, findings.len())
    })
}

/// Looks for a way to a root over certificates that were not sent, and has webpki confirm it.
fn supplement<'a>(
    case: Case<'a>,
    path: Path,
    known: &'a OnceCell<Vec<Known<'a>>>,
) -> (Case<'a>, Path, Vec<Finding>, Vec<String>) {
    let more = known.get_or_init(|| from_elsewhere(&case)).iter();
    let nodes = more.filter_map(|known| Node::new(Place::Elsewhere, known.der, &known.facts));
    let case = Case {
        field: case.field.with(nodes),
        ..case
    };
    let complete = closest(&case, case.field.paths(Use::Everything), |path| {
        path.holds() && residue::of_path(&case, path) == Alone::Stands
    });
    let Some(complete) = complete else {
        return (case, path, vec![], vec![]);
    };
    let missing = trust::incomplete(&case, &complete);
    let sent_another = case
        .field
        .steps(&path)
        .any(|(_, issuer, fit)| *fit == Fit::Fails && is_sent(issuer));
    if sent_another {
        // The peer did send a certificate of the issuer's name. That it is the wrong one is the cause.
        let notes = missing
            .into_iter()
            .map(|found| found.problem.what)
            .collect();
        return (case, path, vec![], notes);
    }
    (case, complete, missing, vec![])
}

/// A certificate known from elsewhere.
pub(super) struct Known<'a> {
    der: &'a CertificateDer<'static>,
    facts: Facts,
}

/// CA certificates from other chains and other bundles that are not at hand yet.
fn from_elsewhere<'a>(case: &Case<'a>) -> Vec<Known<'a>> {
    let mut seen: HashSet<&'a [u8]> = (case.field.nodes().iter())
        .map(|node| node.der.as_ref())
        .collect();
    let question = case.question;
    let bundles = question
        .bundles
        .iter()
        .flat_map(|(_, bundle)| bundle.anchors())
        .map(|anchor| &anchor.der);
    (question.elsewhere.iter())
        .chain(bundles)
        .take(MAX_LOOKED_AT)
        .filter(|der: &&'a CertificateDer<'static>| seen.insert(der))
        .filter_map(|der| {
            let facts = Facts::parse(der).ok()?;
            facts.is_ca.then_some(Known { der, facts })
        })
        .take(MAX_KNOWN)
        .collect()
}

fn told(case: &Case<'_>, path: &Path, findings: Vec<Finding>, notes: Vec<String>) -> Decision {
    let needs_more = case
        .field
        .along(path)
        .any(|node| node.place == Place::Elsewhere);
    let root = case.field.along(path).last();
    let mut notes = notes;
    notes.extend(notes::notes(case, path, needs_more));
    Decision {
        findings,
        notes,
        root: root
            .filter(|_| path.holds() && !needs_more)
            .map(|root| root.facts.clone()),
    }
}

fn leaf<'c, 'a>(case: &'c Case<'a>) -> Option<&'c Node<'a>> {
    case.field.nodes().first()
}

fn is_sent(node: &Node<'_>) -> bool {
    matches!(node.place, Place::Sent(_))
}

/// Certificates above the leaf that webpki gets unsorted.
const FEW: usize = 6;
const MAX_LOOKED_AT: usize = 1024;
const MAX_KNOWN: usize = 256;
