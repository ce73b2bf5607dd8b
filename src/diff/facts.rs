//! What changed at the targets beside the verdicts: certificates, roots, modes, findings.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::grouping::by;
use super::rules::Class;
use super::{Fact, Place, Root, What};
use crate::matrix::{Cell, Certificate, Matrix, TargetSummary};
use crate::suite::Mode;

/// The facts that changed, the gravest first.
pub(super) fn facts(before: &Matrix, after: &Matrix) -> Vec<Fact> {
    let mut single = modes(before, after);
    let was = by_target(before);
    let is = by_target(after);
    for target in targets(before) {
        if let (Some(was), Some(is)) = (was.get(target), is.get(target)) {
            single.extend(at_target(target, was, is));
        }
    }
    single.extend(findings(before, after));
    // The same at several targets is one fact.
    let alike = by(single, |fact| {
        (
            fact.class,
            fact.what,
            fact.before.clone(),
            fact.after.clone(),
        )
    });
    let merged = alike.into_iter().filter_map(|alike| {
        let mut alike = alike.into_iter();
        let mut first = alike.next()?;
        for other in alike {
            first.places.extend(other.places);
            first.messages.extend(other.messages);
        }
        Some(first)
    });
    let mut facts: Vec<Fact> = merged.collect();
    facts.sort_by_key(|fact| (fact.class, fact.what));
    facts
}

/// The names of the roots in these facts.
pub(super) fn roots(before: &Matrix, after: &Matrix, facts: &[Fact]) -> Vec<Root> {
    let of_roots = facts
        .iter()
        .filter(|fact| matches!(fact.what, What::Root | What::Leaf));
    let named: HashSet<&str> = of_roots
        .flat_map(|fact| fact.before.iter().chain(&fact.after))
        .map(String::as_str)
        .collect();
    let cells = before.cells.iter().chain(&after.cells);
    let all = cells.filter_map(|cell| root_of(cell));
    let mut found = BTreeMap::new();
    for root in all.filter(|root| named.contains(root.spki_sha256.as_str())) {
        found.entry(&root.spki_sha256).or_insert(&root.subject);
    }
    let root = |(spki, subject): (&String, &String)| Root {
        spki_sha256: spki.clone(),
        subject: subject.clone(),
    };
    found.into_iter().map(root).collect()
}

fn modes(before: &Matrix, after: &Matrix) -> Vec<Fact> {
    let was: HashMap<&str, &TargetSummary> = before
        .targets
        .iter()
        .map(|target| (target.name.as_str(), target))
        .collect();
    let changed = after.targets.iter().filter_map(|is| {
        let was = was.get(is.name.as_str())?;
        (was.mode != is.mode).then(|| Fact {
            class: of_modes(was, is),
            what: What::Mode,
            before: vec![was.mode.clone()],
            after: vec![is.mode.clone()],
            places: vec![Place {
                to: is.name.clone(),
                addresses: vec![],
            }],
            messages: vec![],
        })
    });
    changed.collect()
}

/// An expected mode decides; else STRICT is better than all others, and PLAINTEXT worse.
fn of_modes(was: &TargetSummary, is: &TargetSummary) -> Class {
    let expected = is.expected_mode.as_ref().or(was.expected_mode.as_ref());
    let unknown = Mode::Unknown.as_str();
    if let Some(expected) = expected {
        match (was.mode == *expected, is.mode == *expected) {
            (true, false) => return Class::Regression,
            (false, true) => return Class::Improvement,
            (true, true) | (false, false) => {}
        }
    }
    let rank = |mode: &str| match mode {
        mode if mode == Mode::Strict.as_str() => 2,
        mode if mode == Mode::Plaintext.as_str() => 0,
        _ => 1,
    };
    if was.mode == unknown || is.mode == unknown {
        return Class::Neutral;
    }
    match rank(&is.mode).cmp(&rank(&was.mode)) {
        std::cmp::Ordering::Less => Class::Regression,
        std::cmp::Ordering::Equal => Class::Neutral,
        std::cmp::Ordering::Greater => Class::Improvement,
    }
}

fn targets(matrix: &Matrix) -> Vec<&str> {
    let mut seen = HashSet::new();
    let names = matrix.cells.iter().map(|cell| cell.to.as_str());
    names.filter(|name| seen.insert(*name)).collect()
}

/// What is seen at one address, by all its cells.
#[derive(Clone, Default)]
struct Traits<'a> {
    leaves: BTreeSet<&'a str>,
    /// By key; else, in words, by name.
    roots: BTreeSet<String>,
    /// Nothing where no CertificateRequest was seen.
    hints: Option<BTreeSet<&'a str>>,
    versions: BTreeSet<&'a str>,
    libraries: BTreeSet<&'a str>,
}

type ByAddress<'a> = BTreeMap<&'a str, Traits<'a>>;

fn by_target(matrix: &Matrix) -> HashMap<&str, ByAddress<'_>> {
    let mut all: HashMap<&str, ByAddress<'_>> = HashMap::new();
    for cell in &matrix.cells {
        let target = all.entry(&cell.to).or_default();
        target.entry(&cell.address).or_default().add(cell);
    }
    all
}

impl<'a> Traits<'a> {
    fn add(&mut self, cell: &'a Cell) {
        if let Some(server) = &cell.server {
            self.leaves
                .extend(server.chain.first().map(|leaf| leaf.sha256.as_str()));
            self.roots.extend(root_named(cell));
            let asked =
                (cell.tls.as_ref()).is_some_and(|tls| tls.certificate_requested == Some(true));
            if asked {
                let hints = server.ca_hints.iter().map(String::as_str);
                self.hints.get_or_insert_default().extend(hints);
            }
        }
        if let Some(tls) = &cell.tls {
            self.versions.extend(tls.version.as_deref());
            self.libraries
                .extend(tls.looks_like.iter().map(String::as_str));
        }
    }

    fn join(mut self, other: &Self) -> Self {
        self.leaves.extend(&other.leaves);
        self.roots.extend(other.roots.iter().cloned());
        if let Some(hints) = &other.hints {
            self.hints.get_or_insert_default().extend(hints);
        }
        self.versions.extend(&other.versions);
        self.libraries.extend(&other.libraries);
        self
    }
}

/// The root that the server's chain leads to: the anchor, else what it sends as root itself.
fn root_of(cell: &Cell) -> Option<&Certificate> {
    let server = cell.server.as_ref()?;
    let sent = || {
        server
            .chain
            .iter()
            .skip(1)
            .find(|one| one.subject == one.issuer)
    };
    server.root.as_ref().or_else(sent)
}

/// Its key, else the name under which the chain was issued.
fn root_named(cell: &Cell) -> Option<String> {
    let top = || cell.server.as_ref()?.chain.last();
    match root_of(cell) {
        Some(root) => Some(root.spki_sha256.clone()),
        None => top().map(|top| format!("{UNKNOWN_KEY}{}", top.issuer)),
    }
}

/// Addresses that both have are compared one by one. All others are compared together: replicas that
/// came back with another address.
fn at_target<'a>(target: &str, was: &ByAddress<'a>, is: &ByAddress<'a>) -> Vec<Fact> {
    let mut facts = vec![];
    for (address, old) in was {
        if let Some(new) = is.get(address) {
            facts.extend(at(target, &[address], old, new));
        }
    }
    let others = |side: &ByAddress<'a>, other: &ByAddress<'a>| {
        let alone = side
            .iter()
            .filter(|(address, _)| !other.contains_key(*address));
        alone.fold(
            (vec![], Traits::default()),
            |(mut addresses, all), (address, traits)| {
                addresses.push(*address);
                (addresses, all.join(traits))
            },
        )
    };
    let ((_, old), (addresses, new)) = (others(was, is), others(is, was));
    facts.extend(at(target, &addresses, &old, &new));
    by(facts, |fact| {
        (fact.what, fact.before.clone(), fact.after.clone())
    })
    .into_iter()
    .filter_map(|alike| {
        let mut alike = alike.into_iter();
        let mut first = alike.next()?;
        let mine = first.places.first_mut()?;
        for other in alike.flat_map(|fact| fact.places) {
            mine.addresses.extend(other.addresses);
        }
        Some(first)
    })
    .collect()
}

fn at(target: &str, addresses: &[&str], was: &Traits<'_>, is: &Traits<'_>) -> Vec<Fact> {
    let fact = |what, before: Vec<String>, after: Vec<String>| Fact {
        class: Class::Neutral,
        what,
        before,
        after,
        places: vec![Place {
            to: target.to_owned(),
            addresses: addresses
                .iter()
                .map(|address| (*address).to_owned())
                .collect(),
        }],
        messages: vec![],
    };
    let texts = |set: &BTreeSet<&str>| set.iter().map(|text| (*text).to_owned()).collect();
    let roots = |set: &BTreeSet<String>| set.iter().cloned().collect();
    let mut facts = vec![];
    let differ =
        |was: &BTreeSet<&str>, is: &BTreeSet<&str>| !was.is_empty() && !is.is_empty() && was != is;
    if !was.roots.is_empty() && !is.roots.is_empty() && was.roots != is.roots {
        facts.push(fact(What::Root, roots(&was.roots), roots(&is.roots)));
    } else if differ(&was.leaves, &is.leaves) {
        facts.push(fact(What::Leaf, roots(&was.roots), roots(&is.roots)));
    }
    if let (Some(was), Some(is)) = (&was.hints, &is.hints)
        && was != is
    {
        facts.push(fact(What::CaHints, texts(was), texts(is)));
    }
    for (what, was, is) in [
        (What::TlsVersion, &was.versions, &is.versions),
        (What::TlsLibrary, &was.libraries, &is.libraries),
    ] {
        if differ(was, is) {
            facts.push(fact(what, texts(was), texts(is)));
        }
    }
    facts
}

/// Findings by code and by what they are about: their words tell the time.
fn findings(before: &Matrix, after: &Matrix) -> Vec<Fact> {
    let keys = |matrix: &'_ Matrix| -> HashSet<(String, String)> {
        let findings = matrix.findings.iter();
        findings
            .map(|finding| (finding.code.clone(), finding.about.clone()))
            .collect()
    };
    let only = |here: &Matrix, there: &Matrix, what: What| {
        let (known, mut told) = (keys(there), HashSet::new());
        let mut facts = vec![];
        for finding in &here.findings {
            let key = (finding.code.clone(), finding.about.clone());
            if known.contains(&key) || !told.insert(key) {
                continue;
            }
            let code = vec![finding.code.clone()];
            let is_new = what == What::FindingNew;
            facts.push(Fact {
                class: Class::Neutral,
                what,
                before: if is_new { vec![] } else { code.clone() },
                after: if is_new { code } else { vec![] },
                places: vec![Place {
                    to: finding.about.clone(),
                    addresses: vec![],
                }],
                messages: vec![finding.message.clone()],
            });
        }
        facts
    };
    let mut facts = only(after, before, What::FindingNew);
    facts.extend(only(before, after, What::FindingGone));
    facts
}

/// Stands before the name of a root whose key nobody showed: two roots may have one name.
pub(crate) const UNKNOWN_KEY: &str = "key unknown, issued as ";
