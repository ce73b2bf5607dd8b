//! When leaves are renewed, by what they look like, and leaves that live shorter than they should.
//!
//! | looks like | is renewed with this much of its life left | by |
//! | --- | --- | --- |
//! | DNS name of a Linkerd identity | 30 % | Linkerd |
//! | SPIFFE ID with `/ns/` and `/sa/`, lives for more than two hours | 50 % | Istio and ztunnel |
//! | the same, and lives shorter | 33 % | csi-driver-spiffe |
//! | any other SPIFFE ID | 50 % | SPIRE |
//!
//! Only for leaves of a week at the most: those that live longer are renewed as their owner likes.

use jiff::{SignedDuration, Timestamp};

use super::dates::DAY;
use super::{by_name, listed, rough};
use crate::identity::LINKERD_MARK;
use crate::matrix::{Cell, Certificate, Finding, Severity, bounded};

/// Who renews such a leaf, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// Who, as it looks.
    pub(crate) by: &'static str,
    /// Hundredths of its life that are left then.
    pub(crate) left: i32,
}

impl Renewal {
    /// Who renews this leaf; nothing where it looks like none that we know.
    pub(crate) fn of(leaf: &Certificate) -> Option<Self> {
        let life = life(leaf)?;
        if life > DAY * 7 {
            return None;
        }
        let id = leaf.uris.iter().find(|uri| uri.starts_with("spiffe://"));
        let is_linkerd = |name: &String| name.contains(LINKERD_MARK);
        let renewal = |by, left| Some(Self { by, left });
        match id {
            Some(id) if id.contains("/ns/") && id.contains("/sa/") => {
                if life > SHORT {
                    renewal("Istio and ztunnel", 50)
                } else {
                    renewal("csi-driver-spiffe volumes", 33)
                }
            }
            Some(_) => renewal("SPIRE agents", 50),
            None if leaf.dns.iter().any(is_linkerd) => renewal("Linkerd proxies", 30),
            None => None,
        }
    }

    /// When it is renewed.
    pub(crate) fn due(self, leaf: &Certificate) -> Option<Timestamp> {
        let (_, end) = dates(leaf)?;
        end.checked_sub(life(leaf)? * self.left / 100).ok()
    }

    /// From when on it is late.
    pub(crate) fn overdue(self, leaf: &Certificate) -> Option<Timestamp> {
        let (_, end) = dates(leaf)?;
        end.checked_sub(self.late(life(leaf)?)).ok()
    }

    /// With less than this left it is late.
    pub(super) fn late(self, life: SignedDuration) -> SignedDuration {
        life * (self.left - MARGIN) / 100
    }
}

/// Leaves that do not live as long as such leaves do: the CA that signs them is near its own end, and
/// cuts them.
pub(super) fn lives(cells: &[Cell]) -> Vec<Finding> {
    let refs: Vec<&Cell> = cells.iter().filter(|cell| leaf(cell).is_some()).collect();
    let mut found = vec![];
    for (issuer, cells) in by_name(&refs, |cell| leaf(cell).map_or("", |leaf| &leaf.issuer)) {
        let cut = by_name(&cells, |cell| &cell.to);
        let cut = cut.into_iter().filter_map(|(target, cells)| {
            let end = cells.iter().find_map(|cell| cut_at(cell))?;
            Some((target, end))
        });
        let cut: Vec<(&str, Timestamp)> = cut.collect();
        let issuer = bounded(issuer, QUOTED);
        if let Some((_, end)) = cut.first() {
            let targets: Vec<&str> = cut.iter().map(|(target, _)| *target).collect();
            found.push(warning(
                "LEAF_LIFE_CUT",
                &issuer,
                format!(
                    "The CA {issuer:?} ends at {end}, and so does what it issues: the certificates of {}",
                    listed(&targets)
                ),
            ));
        } else if let Some((longest, newest)) = shrinking(&cells) {
            found.push(warning(
                "LEAVES_GET_SHORTER",
                &issuer,
                format!(
                    "Certificates issued by {issuer:?} get shorter: one issued before lives for {}, the newest for {}",
                    rough(longest),
                    rough(newest)
                ),
            ));
        } else if let Some(finding) = shorter_than_usual(&issuer, &cells) {
            found.push(finding);
        }
    }
    found
}

fn warning(code: &str, issuer: &str, message: String) -> Finding {
    Finding {
        code: code.into(),
        severity: Severity::Warning,
        about: issuer.to_owned(),
        message,
        fix: "Replace the signing CA now: when it ends, nothing can be renewed.".into(),
    }
}

/// The end of the CA that issued this leaf, where the leaf ends with it and is much younger.
fn cut_at(cell: &Cell) -> Option<Timestamp> {
    let server = cell.server.as_ref()?;
    let leaf = leaf(cell)?;
    let others = server.chain.iter().skip(1).chain(&server.root);
    let mut signers = others.filter(|one| one.subject == leaf.issuer);
    let (start, end) = dates(leaf)?;
    signers.find_map(|signer| {
        let (born, dies) = dates(signer)?;
        let ends_with_it = end.duration_since(dies).unsigned_abs() <= TOGETHER.unsigned_abs();
        let is_younger = life(leaf)? * 2 < dies.duration_since(born) && start > born;
        (ends_with_it && is_younger).then_some(dies)
    })
}

/// The longest life of a leaf and that of the newest, where that is clearly shorter. One that was cut
/// ends last all the same: what ends before the others was meant to.
fn shrinking(cells: &[&Cell]) -> Option<(SignedDuration, SignedDuration)> {
    let dated = cells.iter().filter_map(|cell| dates(leaf(cell)?));
    let (newest_start, newest_end) = dated.clone().max()?;
    let last_end = dated.clone().map(|(_, end)| end).max()?;
    let newest = newest_end.duration_since(newest_start);
    let before = dated.filter(|(start, _)| *start < newest_start);
    let longest = before.map(|(start, end)| end.duration_since(start)).max()?;
    (newest_end == last_end && newest < longest * 9 / 10).then_some((longest, newest))
}

/// Istio issues for a day, unless it is told otherwise.
fn shorter_than_usual(issuer: &str, cells: &[&Cell]) -> Option<Finding> {
    let is_short = |cell: &&&Cell| {
        leaf(cell).is_some_and(|leaf| {
            let is_istio = Renewal::of(leaf).is_some_and(|renewal| renewal.by.starts_with("Istio"));
            is_istio && life(leaf).is_some_and(|life| life < DAY * 9 / 10)
        })
    };
    let short: Vec<&&Cell> = cells.iter().filter(is_short).collect();
    let shortest = short.iter().filter_map(|cell| life(leaf(cell)?)).min()?;
    let targets: Vec<&str> = super::each_once(short.iter().map(|cell| cell.to.as_str()));
    Some(Finding {
        code: "LEAF_LIFE_SHORT".into(),
        severity: Severity::Info,
        about: issuer.to_owned(),
        message: format!(
            "The certificates of {} live for {} and not for the usual 24 h",
            listed(&targets),
            rough(shortest)
        ),
        fix: "If nobody has set that, look at the end of the signing CA: near its own end it cuts what it issues.".into(),
    })
}

pub(crate) fn dates(certificate: &Certificate) -> Option<(Timestamp, Timestamp)> {
    let start = certificate.not_before.parse().ok()?;
    Some((start, certificate.not_after.parse().ok()?))
}

fn life(certificate: &Certificate) -> Option<SignedDuration> {
    let (start, end) = dates(certificate)?;
    Some(end.duration_since(start))
}

fn leaf(cell: &Cell) -> Option<&Certificate> {
    cell.server.as_ref()?.chain.first()
}

/// How much of an issuer is quoted.
const QUOTED: usize = 200;
/// Renewals are spread, and take their time: so many hundredths of a life.
const MARGIN: i32 = 5;
/// Istio's leaves live longer, and those of csi-driver-spiffe shorter.
const SHORT: SignedDuration = SignedDuration::from_hours(2);
/// Two ends closer than this are one.
const TOGETHER: SignedDuration = SignedDuration::from_mins(1);
