//! What the addresses of one target present, whatever they say of us: roots, CA names, versions. A
//! replica that is half rotated shows here first.

use std::collections::BTreeSet;

use super::{by_name, listed, replicas};
use crate::code::Code;
use crate::matrix::{Cell, Certificate, Face};

/// A line for each kind of fact in which addresses differ; the odd ones are named.
pub(super) fn differences(cells: &[&Cell]) -> Vec<String> {
    let by_address = by_name(cells, |cell| &cell.address);
    let lines = FACTS.iter().filter_map(|(name, of)| {
        let mut split: Vec<(String, Vec<String>)> = vec![];
        for (address, here) in &by_address {
            let values: BTreeSet<String> = here.iter().flat_map(|cell| of(cell)).collect();
            if values.is_empty() {
                continue;
            }
            let value = values.into_iter().collect::<Vec<_>>().join(" and ");
            match split.iter_mut().find(|(known, _)| *known == value) {
                Some((_, at)) => at.push((*address).to_owned()),
                None => split.push((value, vec![(*address).to_owned()])),
            }
        }
        split.sort_by_key(|(_, at)| std::cmp::Reverse(at.len()));
        (split.len() > 1).then(|| format!("{name}: {}", replicas::parts(&split)))
    });
    let behind = by_address.iter().filter_map(|(address, here)| {
        let faces = here.iter().flat_map(|cell| &cell.attempts.faces);
        let issuers: BTreeSet<String> = faces.map(|face| format!("{:?}", face.issuer)).collect();
        let issuers: Vec<String> = issuers.into_iter().collect();
        (issuers.len() > 1).then(|| {
            format!(
                "behind {address} stand several servers, with certificates issued by {}",
                listed(&issuers)
            )
        })
    });
    lines.chain(behind.take(PLACES)).collect()
}

/// What is compared, and how it reads.
type Fact = (&'static str, fn(&Cell) -> Vec<String>);

const FACTS: &[Fact] = &[
    ("root", root),
    ("CA names it lists", hints),
    ("TLS", version),
    ("library", library),
    ("ALPN", alpn),
    ("asks for a client certificate", asks),
];

/// Where its chain leads: names may be the same for an old root and a new one, keys are not.
fn root(cell: &Cell) -> Vec<String> {
    let Some(server) = &cell.server else {
        return vec![];
    };
    match (&server.root, server.chain.last()) {
        (Some(root), _) => vec![format!("{} (key {})", root.subject, key(root))],
        (None, Some(top)) if server.judgement == Code::UnknownCa => {
            vec![format!("{}, which we do not trust", top.issuer)]
        }
        // It does not matter where a chain leads that is bad for another reason.
        (None, Some(_) | None) => vec![],
    }
}

fn key(certificate: &Certificate) -> &str {
    let whole = certificate.spki_sha256.as_str();
    whole.get(..KEY).unwrap_or(whole)
}

fn hints(cell: &Cell) -> Vec<String> {
    let asked = cell.tls.as_ref().and_then(|tls| tls.certificate_requested);
    match (asked, &cell.server) {
        (Some(true), Some(server)) => vec![names(&server.ca_hints)],
        (Some(_) | None, _) => vec![],
    }
}

/// CA names in one word; their order means nothing.
pub(super) fn names(hints: &[String]) -> String {
    if hints.is_empty() {
        return "none".to_owned();
    }
    let sorted: BTreeSet<&str> = hints.iter().map(String::as_str).collect();
    let more = sorted.len().saturating_sub(NAMES);
    let shown: Vec<String> = sorted
        .into_iter()
        .take(NAMES)
        .map(|name| format!("{name:?}"))
        .collect();
    match more {
        0 => shown.join(" + "),
        more => format!("{} and {more} more", shown.join(" + ")),
    }
}

fn version(cell: &Cell) -> Vec<String> {
    let tls = cell.tls.iter();
    tls.filter_map(|tls| tls.version.clone()).collect()
}

fn library(cell: &Cell) -> Vec<String> {
    match &cell.tls {
        Some(tls) if !tls.looks_like.is_empty() => vec![tls.looks_like.join(" or ")],
        Some(_) | None => vec![],
    }
}

fn alpn(cell: &Cell) -> Vec<String> {
    // What is negotiated stands in the server's flight, which a refusal may come before.
    match &cell.tls {
        Some(tls) if cell.server.is_some() => {
            vec![tls.alpn.clone().unwrap_or_else(|| "none".to_owned())]
        }
        Some(_) | None => vec![],
    }
}

fn asks(cell: &Cell) -> Vec<String> {
    let asked = cell.tls.as_ref().and_then(|tls| tls.certificate_requested);
    let word = |asked| if asked { "yes" } else { "no" };
    asked
        .map(|asked| word(asked).to_owned())
        .into_iter()
        .collect()
}

/// How those that met one server differ from those that met another, where that is what sets the odd
/// connections apart.
pub(super) fn told_apart(faces: &[Face], is_odd: impl Fn(Code) -> bool) -> Option<String> {
    let says_odd = |face: &&Face| face.codes.iter().any(|said| is_odd(said.code));
    let says_usual = |face: &&Face| face.codes.iter().any(|said| !is_odd(said.code));
    let odd: Vec<&Face> = faces.iter().filter(says_odd).collect();
    let usual: Vec<&Face> = faces.iter().filter(says_usual).collect();
    let first = odd.first()?;
    if usual.is_empty() || odd.iter().any(says_usual) {
        return (faces.len() > 1)
            .then(|| format!("the attempts met {} different servers", faces.len()));
    }
    let is_same_leaf = |face: &&&Face| face.sha256 == first.sha256;
    Some(match usual.iter().find(is_same_leaf) {
        Some(other) => format!(
            "the odd attempts met other CA names ({} instead of {})",
            names(&first.ca_hints),
            names(&other.ca_hints)
        ),
        None => format!(
            "the odd attempts met another server certificate (serial {}, issued by {:?})",
            first.serial, first.issuer
        ),
    })
}

/// How many addresses with several servers behind them are told.
const PLACES: usize = 4;
/// So much of a key's fingerprint tells two apart.
const KEY: usize = 8;
/// How many CA names of one server a message lists.
const NAMES: usize = 4;
