//! Certificates near their end, and clocks that go wrong.
//!
//! Meshes renew a leaf at half or at 70 % of its life, so one with less left was not renewed when it
//! should have been. CA certificates are replaced by people, who need notice.
//!
//! | certificate | warning | error |
//! | --- | --- | --- |
//! | leaf that looks like one of a mesh | 5 % of its life past its renewal, see [`super::renewal`] | as below |
//! | other leaf | less than 1/4 of its life left, at most 30 d | less than 1/10, at most 7 d |
//! | CA | less than 1/10 left | less than 1/50 left |
//! | CA that lives for half a year or more | also less than 30 d | also less than 7 d |

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::renewal::Renewal;
use super::{listed, rough};
use crate::code::Code;
use crate::matrix::{Cell, Certificate, Finding, Severity, SourceSummary, TargetSummary, bounded};

/// The findings for certificates that end soon or have ended, each certificate once.
pub(super) fn certificates(cells: &[Cell], at: Timestamp) -> Vec<Finding> {
    let mut seen: Vec<Seen<'_>> = vec![];
    let mut places: HashMap<&Certificate, usize> = HashMap::new();
    for cell in cells {
        let Some(server) = &cell.server else {
            continue;
        };
        let chain = server.chain.iter().enumerate();
        let chain = chain.map(|(nth, one)| (nth == 0, one));
        for (is_leaf, certificate) in chain.chain(server.root.iter().map(|root| (false, root))) {
            let expired = server.judgement == Code::CertExpired;
            let place = *places.entry(certificate).or_insert(seen.len());
            match seen.get_mut(place) {
                Some(known) => {
                    known.decides |= expired;
                    if known.at.insert(&cell.to) {
                        known.targets.push(&cell.to);
                    }
                }
                None => seen.push(Seen {
                    certificate,
                    is_leaf,
                    is_ours: false,
                    decides: is_leaf || expired,
                    targets: vec![&cell.to],
                    at: HashSet::from([cell.to.as_str()]),
                }),
            }
        }
    }
    seen.iter().filter_map(|seen| ending(seen, at)).collect()
}

/// Our own certificates that end soon, each once.
pub(super) fn of_sources(sources: &[SourceSummary], at: Timestamp) -> Vec<Finding> {
    let mut seen: Vec<Seen<'_>> = vec![];
    for source in sources {
        let Some(leaf) = source.chain.first() else {
            continue;
        };
        match seen.iter_mut().find(|seen| seen.certificate == leaf) {
            Some(known) => known.targets.push(&source.name),
            None => seen.push(Seen {
                certificate: leaf,
                is_leaf: true,
                is_ours: true,
                decides: true,
                targets: vec![&source.name],
                at: HashSet::new(),
            }),
        }
    }
    let found = seen.iter().filter_map(|seen| ending(seen, at));
    found
        .filter(|finding| finding.code == "CERT_EXPIRES_SOON")
        .collect()
}

/// A certificate and who sends it.
struct Seen<'a> {
    certificate: &'a Certificate,
    is_leaf: bool,
    /// We send it ourselves, as these sources.
    is_ours: bool,
    /// Its end alone breaks the chain. A CA certificate may have been sent for nothing.
    decides: bool,
    targets: Vec<&'a str>,
    /// The same, to look up.
    at: HashSet<&'a str>,
}

fn ending(seen: &Seen<'_>, at: Timestamp) -> Option<Finding> {
    let start: Timestamp = seen.certificate.not_before.parse().ok()?;
    let end: Timestamp = seen.certificate.not_after.parse().ok()?;
    let life = end.duration_since(start);
    let left = end.duration_since(at);
    let targets = listed(&seen.targets);
    let subject = bounded(&seen.certificate.subject, QUOTED);
    let what = match seen.is_leaf {
        true if seen.is_ours => format!("Our certificate as {targets}"),
        true => format!("The certificate of {targets}"),
        false => format!("The CA certificate {subject:?} (in use at {targets})"),
    };
    let about = match (seen.is_leaf, seen.targets.as_slice()) {
        (true, [target, ..]) => (*target).to_owned(),
        (true, []) | (false, _) => subject.clone(),
    };
    if left <= SignedDuration::ZERO {
        return Some(Finding {
            code: "CERT_EXPIRED".into(),
            severity: if seen.decides {
                Severity::Error
            } else {
                Severity::Warning
            },
            about,
            message: format!("{what} expired {} ago, at {end}", rough(left)),
            fix: if seen.is_leaf {
                "Find out why it was not renewed: the log of its agent, and whether the CA signs. A restart gets a new one only if that works.".into()
            } else {
                "Rotate the CA, with old and new root trusted by everybody in between; or stop sending the old certificate.".into()
            },
        });
    }
    let renewal = Renewal::of(seen.certificate).filter(|_| seen.is_leaf);
    let late = renewal.map(|renewal| renewal.late(life));
    let severity = if left < limit(seen.is_leaf, life, Severity::Error) {
        Severity::Error
    } else if left < late.unwrap_or_else(|| limit(seen.is_leaf, life, Severity::Warning)) {
        Severity::Warning
    } else {
        return None;
    };
    let (left, life) = (rough(left), rough(life));
    Some(Finding {
        code: "CERT_EXPIRES_SOON".into(),
        severity,
        about,
        message: if seen.is_leaf {
            let who = match renewal {
                Some(Renewal { by, left }) => format!(" ({by} renew with {left} % left)"),
                None => String::new(),
            };
            format!("{what} has {left} left of {life}, until {end}: its renewal is overdue{who}")
        } else {
            format!("{what} has {left} left of {life}, until {end}")
        },
        fix: if seen.is_leaf {
            "Find out why it was not renewed: the log of its agent, and whether the CA signs."
                .into()
        } else {
            "Rotate the CA in time, with old and new root trusted by everybody in between.".into()
        },
    })
}

/// Below this much left it is that bad; see the table above.
fn limit(is_leaf: bool, life: SignedDuration, severity: Severity) -> SignedDuration {
    let (leaf_part, ca_part, days) = match severity {
        Severity::Error => (10, 50, DAY * 7),
        Severity::Warning | Severity::Info => (4, 10, DAY * 30),
    };
    if is_leaf {
        (life / leaf_part).min(days)
    } else if life >= DAY * 180 {
        (life / ca_part).max(days)
    } else {
        life / ca_part
    }
}

/// The findings for clocks that differ from ours by more than [`TOLERATED`].
pub(super) fn clocks<'a>(
    targets: &[TargetSummary],
    of: impl Fn(&TargetSummary) -> &'a [&'a Cell],
    at: Timestamp,
) -> Vec<Finding> {
    let mut told: Vec<(&str, SignedDuration)> = vec![];
    let mut found = vec![];
    for target in targets {
        let offset = |cell: &Cell| cell.http.as_ref()?.clock_offset_s;
        let here = || of(target).iter().copied();
        let widest = here()
            .filter_map(offset)
            .max_by_key(|offset| offset.unsigned_abs());
        if let Some(offset) = widest {
            told.push((&target.name, SignedDuration::from_secs(offset)));
        }
        if !widest.is_some_and(|offset| is_off(SignedDuration::from_secs(offset)))
            && let Some(early) = here().filter_map(|cell| early(cell, at)).max()
        {
            found.push(Finding {
                code: "CLOCK_SKEW".into(),
                severity: Severity::Warning,
                about: target.name.clone(),
                message: format!(
                    "The certificate of {} begins to be valid {} after the moment we judge by, {at}: the clock of its CA is ahead, or ours is behind",
                    target.name,
                    rough(early)
                ),
                fix: "Check NTP there and here.".into(),
            });
        }
    }
    if let Some(ours) = ours_is_off(&told) {
        found.push(ours);
        return found;
    }
    for (name, offset) in told.into_iter().filter(|(_, offset)| is_off(*offset)) {
        found.push(Finding {
            code: "CLOCK_SKEW".into(),
            severity: severity_of(offset),
            about: name.to_owned(),
            message: format!(
                "The clock of {name} is {} {} ours",
                rough(offset),
                if offset.is_positive() { "ahead of" } else { "behind" }
            ),
            fix: "Check NTP there. A clock that is off takes good certificates for expired, or for not yet valid.".into(),
        });
    }
    found
}

/// Where several targets agree with each other and not with us, it is our clock.
fn ours_is_off(told: &[(&str, SignedDuration)]) -> Option<Finding> {
    let (_, least) = told.iter().min_by_key(|(_, offset)| *offset)?;
    let (_, most) = told.iter().max_by_key(|(_, offset)| *offset)?;
    let one_way = is_off(*least) && is_off(*most) && least.is_positive() == most.is_positive();
    if told.len() < 2 || !one_way || most.saturating_sub(*least) > TOLERATED {
        return None;
    }
    Some(Finding {
        code: "CLOCK_SKEW".into(),
        severity: severity_of(*least),
        about: "this machine".into(),
        message: format!(
            "All {} targets that tell the time are {} {} our clock: ours is off",
            told.len(),
            rough(*least),
            if least.is_positive() {
                "ahead of"
            } else {
                "behind"
            }
        ),
        fix: "Check NTP here; until then, verdicts that rest on dates may be wrong.".into(),
    })
}

/// How long after `at` the leaf begins to be valid, where a clock may be the reason.
fn early(cell: &Cell, at: Timestamp) -> Option<SignedDuration> {
    let leaf = cell.server.as_ref()?.chain.first()?;
    let start: Timestamp = leaf.not_before.parse().ok()?;
    let early = start.duration_since(at);
    (early > SignedDuration::ZERO && early <= DAY).then_some(early)
}

fn is_off(offset: SignedDuration) -> bool {
    offset.unsigned_abs() > TOLERATED.unsigned_abs()
}

fn severity_of(offset: SignedDuration) -> Severity {
    if offset.unsigned_abs() > GRAVE.unsigned_abs() {
        Severity::Error
    } else {
        Severity::Warning
    }
}

/// How much of a subject is quoted.
const QUOTED: usize = 200;
pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);
/// `Date` counts whole seconds and the answer takes its time.
const TOLERATED: SignedDuration = SignedDuration::from_mins(1);
/// CAs date certificates back by some minutes at most (Istio by two); beyond that fresh ones are
/// refused.
const GRAVE: SignedDuration = SignedDuration::from_mins(5);
