//! What the certificate of a server that signs is worth. Pure.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use super::trouble::Trouble;
use crate::certificate::{Bundles, Expected, Facts, Question, Role, judge, rough};
use crate::identity::Identity;
use crate::identity::bounds::short;
use crate::identity::error::Flaw;
use crate::identity::signing_request::{SigningRequest, expired};
use crate::identity::walk::{Step, Walk};

/// The identity that somebody signed for us: for our key, and for a time that is not over.
pub(super) fn accept(
    request: SigningRequest,
    chain: Vec<CertificateDer<'static>>,
    now: Timestamp,
) -> Result<Identity, Trouble> {
    let identity = request.granted(chain).map_err(|error| {
        unusable(if error.flaw == Flaw::ForeignKey {
            "it signed another key than ours".to_owned()
        } else if let Flaw::Malformed { nth, why } = error.flaw {
            format!("certificate {nth} of its answer {}", short(why))
        } else {
            format!("the chain of its answer {}", short(error.flaw))
        })
    })?;
    if let Some(expired) = expired(identity.leaf(), now) {
        return Err(Trouble {
            remedy: "either the clocks of the CA and of this host differ, or the CA's own certificate has \
                     ended and cuts what it signs"
                .to_owned(),
            ..unusable(format!("it signed a certificate that {expired}"))
        });
    }
    Ok(identity)
}

/// What came cannot be used by anybody.
pub(super) fn unusable(why: impl Into<String>) -> Trouble {
    Trouble::new(Step::Identity, why, SEE_THE_LOG)
}

/// What an identity is worth, for people: whose it is, for how long, and whether it leads to the root.
pub(super) fn note(
    identity: &Identity,
    bundles: &Bundles,
    expected: &Expected,
    now: Timestamp,
    walk: &mut Walk,
) {
    let judgement = judge(&Question {
        chain: identity.chain(),
        bundles,
        role: Role::Client,
        expected,
        at: now,
        crls: &[],
        elsewhere: &[],
    });
    let verifies = match (judgement.problems.first(), &judgement.root) {
        (Some(problem), _) => format!("but: {}", short(&problem.what)),
        (None, Some(root)) => format!("verified up to {:?}", short(&root.subject)),
        (None, None) => "verified".to_owned(),
    };
    let name = short(identity.name().unwrap_or("nobody"));
    let left = left(identity.leaf(), now);
    walk.done(Step::Identity, format!("{name}, {left}, {verifies}"));
}

/// How long a certificate lasts, for people.
fn left(leaf: &Facts, now: Timestamp) -> String {
    let left = rough(leaf.not_after.duration_since(now));
    match leaf.not_before > now {
        true => {
            let ahead = rough(leaf.not_before.duration_since(now));
            format!("{left} left, beginning in {ahead}: the CA's clock is ahead of ours")
        }
        false => format!("{left} left"),
    }
}

pub(super) const SEE_THE_LOG: &str = "see its log; nobody can use this answer";
