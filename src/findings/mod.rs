//! What only several cells together show: replicas that differ, open doors, clocks, certificates near
//! their end. Pure.

mod dates;
mod faces;
mod flaky;
mod issuers;
mod mode;
pub(crate) mod renewal;
mod replicas;

#[cfg(test)]
mod tests;

pub use mode::mode;

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::code::{Code, Confidence};
use crate::expectation::Met;
use crate::matrix::{Cell, Finding, Severity, SourceSummary, TargetSummary};
use crate::suite::{Mode, SourceName};
use crate::target::Dialect;

/// All findings, the gravest first. Certificates are judged as of `at`.
pub fn findings(cells: &[Cell], targets: &[TargetSummary], at: Timestamp) -> Vec<Finding> {
    let mut found = vec![];
    let mut by_target: HashMap<&str, Vec<&Cell>> = HashMap::new();
    for cell in cells {
        by_target.entry(&cell.to).or_default().push(cell);
    }
    let of = |target: &TargetSummary| {
        by_target
            .get(target.name.as_str())
            .map_or(&[][..], Vec::as_slice)
    };
    for target in targets {
        let cells = of(target);
        found.extend(replicas::differ(target, cells));
        found.extend(flaky::flaky(target, cells));
        found.extend(mode_mismatch(target));
        found.extend(plaintext_accepted(target, cells));
        found.extend(no_certificate_accepted(target, cells));
    }
    found.extend(dates::clocks(targets, of, at));
    found.extend(dates::certificates(cells, at));
    found.extend(renewal::lives(cells));
    found.sort_by_key(|finding| finding.severity);
    found
}

/// Targets whose certificates do not come from one CA. Where verdicts or roots differ as well, the
/// findings of a run tell that too, with all else that differs.
pub(crate) fn of_issuers(cells: &[Cell], targets: &[TargetSummary]) -> Vec<Finding> {
    let refs: Vec<&Cell> = cells.iter().collect();
    let by_target: HashMap<&str, Vec<&Cell>> =
        by_name(&refs, |cell| &cell.to).into_iter().collect();
    let differ =
        |target: &TargetSummary| issuers::differ(target, by_target.get(target.name.as_str())?);
    targets.iter().filter_map(differ).collect()
}

/// What our own certificates show that end soon; of those that have ended nothing, since sources may
/// be meant to come with such.
pub(crate) fn of_sources(sources: &[SourceSummary], at: Timestamp) -> Vec<Finding> {
    dates::of_sources(sources, at)
}

/// What these cells of one target show, in the shape of the result.
pub fn summary(name: &str, cells: &[&Cell], expected: Option<Mode>) -> TargetSummary {
    let (mode, evidence) = mode(cells);
    let here = mode::by_address(cells);
    TargetSummary {
        ports: mode::by_port(&here),
        name: name.to_owned(),
        mode: mode.as_str().to_owned(),
        expected_mode: expected.map(|mode| mode.as_str().to_owned()),
        addresses: addresses(cells).into_iter().map(str::to_owned).collect(),
        evidence,
        dialects: vec![],
    }
}

/// A time span for people, in its largest sensible unit.
pub(crate) fn rough(span: SignedDuration) -> String {
    let seconds = span.as_secs().unsigned_abs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (minutes, hours, days) {
        (..2, _, _) => format!("{seconds} s"),
        (_, ..2, _) => format!("{minutes} min"),
        (_, _, ..2) => format!("{hours} h"),
        (_, _, _) => format!("{days} d"),
    }
}

fn mode_mismatch(target: &TargetSummary) -> Option<Finding> {
    let expected = target.expected_mode.as_ref()?;
    let TargetSummary { name, mode, .. } = target;
    if expected == mode {
        return None;
    }
    let why = match target.evidence.as_slice() {
        [] => String::new(),
        evidence => format!(" ({})", evidence.join("; ")),
    };
    let unknown = *mode == Mode::Unknown.as_str();
    Some(Finding {
        code: "MODE_MISMATCH".into(),
        severity: if unknown {
            Severity::Warning
        } else {
            Severity::Error
        },
        about: name.clone(),
        message: if unknown {
            format!("{name} should be {expected}, and its rows do not tell its mode{why}")
        } else {
            format!("{name} should be {expected} and is {mode}{why}")
        },
        fix: if unknown {
            "Probe it from `none`, from `plaintext` and as an identity it accepts.".into()
        } else {
            "Look at the policy that sets the mode, also for the single port: of several that apply, the most specific and then the oldest wins.".into()
        },
    })
}

fn plaintext_accepted(target: &TargetSummary, cells: &[&Cell]) -> Option<Finding> {
    let mut open = rows(cells, SourceName::PLAINTEXT, Code::PlaintextAccepted);
    // Words that are no answer, a banner for example, open no door.
    open.retain(|cell| cell.confidence == Confidence::Certain);
    let wanted = [Mode::Permissive, Mode::Plaintext].map(Mode::as_str);
    let severity = severity_of_door(&open, target, &wanted)?;
    let name = &target.name;
    let belief = believed_strict(target, cells, &open);
    let severity = if belief.is_some() {
        Severity::Error
    } else {
        severity
    };
    let belief = belief
        .map(|why| format!(", though it was believed STRICT ({why})"))
        .unwrap_or_default();
    Some(Finding {
        code: "PLAINTEXT_ACCEPTED".into(),
        severity,
        about: name.clone(),
        message: format!(
            "{name} accepts plaintext{}{belief}: whoever reaches it needs no identity, and nothing is encrypted",
            at_some(&open, target)
        ),
        fix: "Set it to STRICT as soon as no client needs plaintext any more; if that is meant, expect it in the suite.".into(),
    })
}

/// Why nobody would have thought that it takes plaintext.
fn believed_strict(
    target: &TargetSummary,
    cells: &[&Cell],
    open: &[&Cell],
) -> Option<&'static str> {
    let strict = Mode::Strict.as_str();
    if target.expected_mode.as_deref() == Some(strict) {
        return Some("the suite expects so");
    }
    let open: HashSet<&str> = open.iter().map(|cell| cell.address.as_str()).collect();
    let here = mode::by_address(cells).into_iter();
    let mut others = here.filter(|(at, _, _)| !open.contains(at)).peekable();
    let are_strict = others.peek().is_some() && others.all(|(_, mode, _)| mode == Mode::Strict);
    are_strict.then_some("its other addresses are")
}

fn no_certificate_accepted(target: &TargetSummary, cells: &[&Cell]) -> Option<Finding> {
    let open = rows(cells, SourceName::NONE, Code::Ok);
    let asked = |cell: &&Cell| {
        let tls = cell.tls.as_ref();
        tls.is_some_and(|tls| tls.certificate_requested == Some(true))
    };
    let asks = open.iter().any(asked);
    if !asks && !cells.iter().any(|cell| is_identity(cell)) {
        return None;
    }
    let severity = severity_of_door(&open, target, &[Mode::TlsOnly.as_str()])?;
    let name = &target.name;
    let how = if asks {
        "it asks for one and does not insist"
    } else {
        "it does not ask for one"
    };
    Some(Finding {
        code: "CLIENT_WITHOUT_CERTIFICATE_ACCEPTED".into(),
        severity,
        about: name.clone(),
        message: format!(
            "{name} {} TLS clients without a certificate{}: {how}",
            accepts(&open),
            at_some(&open, target)
        ),
        fix: "Make it require and verify client certificates; if that is meant, expect it in the suite.".into(),
    })
}

/// How bad an open door is: an expectation says so, and where there is none somebody should look.
fn severity_of_door(open: &[&Cell], target: &TargetSummary, wanted: &[&str]) -> Option<Severity> {
    if open.is_empty() {
        return None;
    }
    let any = |met: Met| open.iter().any(|cell| cell.standing() == met);
    let expected = target.expected_mode.as_deref();
    Some(if any(Met::Broken) {
        Severity::Error
    } else if !any(Met::Unjudged) && !any(Met::InDoubt)
        || expected.is_some_and(|mode| wanted.contains(&mode))
    {
        Severity::Info
    } else {
        Severity::Warning
    })
}

fn accepts(open: &[&Cell]) -> &'static str {
    let certain = |cell: &&Cell| cell.confidence == Confidence::Certain;
    if open.iter().any(certain) {
        "accepts"
    } else {
        "seems to accept"
    }
}

/// Names the addresses where they are not all.
fn at_some(open: &[&Cell], target: &TargetSummary) -> String {
    let at = addresses(open);
    if at.len() >= target.addresses.len() {
        return String::new();
    }
    format!(
        " at {} of its {} addresses ({})",
        at.len(),
        target.addresses.len(),
        listed(&at)
    )
}

fn rows<'a>(cells: &[&'a Cell], source: &str, code: Code) -> Vec<&'a Cell> {
    let fits = |cell: &&Cell| cell.from == source && cell.code == code && !is_mediated(cell);
    cells.iter().copied().filter(fits).collect()
}

fn is_identity(cell: &Cell) -> bool {
    cell.from != SourceName::NONE && cell.from != SourceName::PLAINTEXT && !is_mediated(cell)
}

/// Our own sidecar stood between: what it makes of a connection is nothing that the target decides.
fn is_mediated(cell: &Cell) -> bool {
    cell.from == SourceName::SIDECAR || cell.dialect.as_deref() == Some(Dialect::Sidecar.as_str())
}

/// The addresses, each once, in the order of the cells.
fn addresses<'a>(cells: &[&'a Cell]) -> Vec<&'a str> {
    each_once(cells.iter().map(|cell| cell.address.as_str()))
}

fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

/// The cells by a name of theirs, in the order in which the names first occur.
fn by_name<'a>(
    cells: &[&'a Cell],
    name: impl Fn(&'a Cell) -> &'a str,
) -> Vec<(&'a str, Vec<&'a Cell>)> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut all: Vec<(&str, Vec<&Cell>)> = vec![];
    for cell in cells {
        let name = name(cell);
        let place = *places.entry(name).or_insert(all.len());
        match all.get_mut(place) {
            Some((_, same)) => same.push(cell),
            None => all.push((name, vec![cell])),
        }
    }
    all
}

/// The names, or so many of them as one can read.
pub(crate) fn listed(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    let text = shown.join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// How many names a message lists.
const LISTED: usize = 6;
