//! What leaf and answers of one address mean, beside the rest of the fleet: one row each.

use super::leaf::LeafRoot;
use super::member::{Member, Trust, Word};
use super::phase::{Phase, named};
use super::roots::Roots;

named! {
    /// What leaf and answers of one address mean.
    Reading {
        /// P0, and nobody is further.
        NotStarted = "NOT_STARTED", "not started; that it refuses the new canary is right, and proves that the canary works";
        /// P0 while most others trust the new root.
        Late = "LATE", "does not trust the new root yet, and most others do: it holds up new leaves";
        /// P1, and nobody presents a new leaf yet.
        Ready = "READY", "trusts both roots: ready for new leaves";
        /// P2.
        Reissued = "REISSUED", "trusts both roots and presents a new leaf";
        /// P1 while others present new leaves.
        ReissuePending = "REISSUE_PENDING", "trusts both roots, and its own leaf is not renewed yet";
        /// P3.
        Finished = "FINISHED", "trusts the new root alone and presents a new leaf";
        /// P2 while others are in P3.
        RetirementPending = "RETIREMENT_PENDING", "still trusts the old root, which others have given up: no outage, and a risk";
        /// P0 while others present new leaves.
        MissedTrust = "MISSED_TRUST", "never got the new root: every client with a new leaf is cut off";
        /// A new leaf and the old bundle.
        SignedTooEarly = "SIGNED_TOO_EARLY", "signed by the new root before it is trusted: clients with the old bundle refuse it, and it refuses new leaves itself";
        /// An old leaf and the new bundle.
        RetiredTooEarly = "RETIRED_TOO_EARLY", "gave up the old root and still presents an old leaf: clients that have given it up as well refuse it";
        /// P0 here, P3 there, and nobody who trusts both.
        NoOverlap = "NO_OVERLAP", "hard swap: some trust the old root alone, some the new one alone, and each refuses the other";
        /// Further than most others can bear.
        Ahead = "AHEAD", "is a step ahead of the fleet: most others do not trust its leaf, or still present leaves that it refuses";
        /// Both canaries refused as unknown.
        TrustsNeither = "TRUSTS_NEITHER", "trusts neither root: wrong CA secret, another mesh, or an empty or third bundle";
        /// Its leaf leads to neither root.
        ThirdRoot = "THIRD_ROOT", "its leaf leads to neither root: its CA is a third one, or it does not send an intermediate";
        /// Refused for a date.
        CanaryOutOfDate = "CANARY_OUT_OF_DATE", "a canary has expired or is not valid yet by the clock of the server: says nothing of trust";
        /// Refused for a name.
        IdentityRefused = "IDENTITY_REFUSED", "a canary is refused for its name, trust domain or SAN: says nothing of roots";
        /// Takes clients that no root vouches for.
        NoVerification = "NO_VERIFICATION", "takes clients by any CA or none: whom it trusts cannot be seen, and it refuses nobody";
        /// The two roots have one key.
        SameKey = "SAME_KEY", "old and new root have one key and cannot be told apart";
        /// Something is not known.
        Unknown = "UNKNOWN", "not enough is known";
    }
}

impl Reading {
    /// Somebody is cut off, or will be as things stand.
    pub const fn is_wrong(self) -> bool {
        match self {
            Self::MissedTrust
            | Self::SignedTooEarly
            | Self::RetiredTooEarly
            | Self::NoOverlap
            | Self::Ahead
            | Self::TrustsNeither
            | Self::ThirdRoot => true,
            Self::NotStarted
            | Self::Late
            | Self::Ready
            | Self::Reissued
            | Self::ReissuePending
            | Self::Finished
            | Self::RetirementPending
            | Self::CanaryOutOfDate
            | Self::IdentityRefused
            | Self::NoVerification
            | Self::SameKey
            | Self::Unknown => false,
        }
    }

    /// As it should be in a phase that everybody is in.
    pub const fn is_regular(self) -> bool {
        matches!(
            self,
            Self::NotStarted | Self::Ready | Self::Reissued | Self::Finished | Self::SameKey
        )
    }

    /// What to do about it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::NotStarted | Self::Late => {
                "give it the combined bundle, and restart it where it reads its bundle only once"
            }
            Self::Ready | Self::Reissued | Self::Finished | Self::SameKey => "nothing",
            Self::ReissuePending => "wait for its renewal, else restart it or look at its agent",
            Self::RetirementPending => "give it the bundle with the new root alone",
            Self::MissedTrust => {
                "give it the combined bundle at once, and restart it where it reads its bundle only once"
            }
            Self::SignedTooEarly => {
                "give it the combined bundle at once, or sign it by the old root again"
            }
            Self::RetiredTooEarly => {
                "have its leaf issued anew at once, or give it the combined bundle back"
            }
            Self::NoOverlap => "give everybody the combined bundle, then go on from there",
            Self::Ahead => "take it a step back, or bring the others to where it is",
            Self::TrustsNeither => "look at the bundle it has loaded",
            Self::ThirdRoot => "find out who signs for it, and whether it sends its whole chain",
            Self::CanaryOutOfDate => "renew the canary, and compare the clocks",
            Self::IdentityRefused => "give the canary an identity that the server lets in",
            Self::NoVerification => "ask its own configuration which roots it holds",
            Self::Unknown => "probe it again; read its certificate and its bundle by other means",
        }
    }
}

/// The rest of the fleet, as far as one address is read by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Around {
    /// Somebody trusts the new root.
    pub(super) has_new_trust: bool,
    /// Somebody presents a new leaf.
    pub(super) has_new_leaf: bool,
    /// Somebody is in P3.
    pub(super) has_retired: bool,
    /// Of those of whom it is known, at least half trust the new root.
    pub(super) mostly_trusts_new: bool,
    /// Of those of whom it is known, more than half present an old leaf.
    pub(super) mostly_old_leaves: bool,
    /// Some are in P0, some in P3, and nobody trusts both roots.
    pub(super) has_no_overlap: bool,
}

impl Around {
    fn of(members: &[Member]) -> Self {
        let count = |is: fn(&Member) -> bool| members.iter().filter(|member| is(member)).count();
        let old_leaves = count(|member| member.leaf == LeafRoot::Old);
        let new_leaves = count(|member| member.leaf == LeafRoot::New);
        let trusting = count(|member| member.trusts_new == Trust::Yes);
        let not_trusting = count(|member| member.trusts_new == Trust::No);
        let overlapping =
            count(|member| member.trusts_old == Trust::Yes && member.trusts_new == Trust::Yes);
        let in_p0 = count(|member| member.phase == Some(Phase::P0));
        let in_p3 = count(|member| member.phase == Some(Phase::P3));
        Self {
            has_new_trust: trusting > 0,
            has_new_leaf: new_leaves > 0,
            has_retired: in_p3 > 0,
            mostly_trusts_new: trusting >= not_trusting,
            mostly_old_leaves: old_leaves > new_leaves,
            has_no_overlap: in_p0 > 0 && in_p3 > 0 && overlapping == 0,
        }
    }
}

/// Reads every address beside the others.
pub(super) fn read(members: &mut [Member], roots: &Roots) {
    let around = Around::of(members);
    for member in members {
        member.reading = if roots.same_key {
            Reading::SameKey
        } else if !member.verifies_clients && member.leaf != LeafRoot::Third {
            Reading::NoVerification
        } else {
            reading(member.leaf, member.old, member.new, around)
        };
    }
}

/// The table.
pub(super) fn reading(leaf: LeafRoot, old: Word, new: Word, around: Around) -> Reading {
    use Word::{Anybody, Dates, Identity, Open, Root, Took};
    match (leaf, old, new) {
        (_, Dates, _) | (_, _, Dates) => Reading::CanaryOutOfDate,
        (_, Identity, _) | (_, _, Identity) => Reading::IdentityRefused,
        (_, Root, Root) => Reading::TrustsNeither,
        (LeafRoot::Third, _, _) => Reading::ThirdRoot,
        (LeafRoot::Unknown, _, _) | (_, Open | Anybody, _) | (_, _, Open | Anybody) => {
            Reading::Unknown
        }
        (LeafRoot::Old, Took, Root) if around.has_no_overlap => Reading::NoOverlap,
        (LeafRoot::Old, Took, Root) if around.has_new_leaf && around.mostly_trusts_new => {
            Reading::MissedTrust
        }
        (LeafRoot::Old, Took, Root) if around.has_new_trust && around.mostly_trusts_new => {
            Reading::Late
        }
        (LeafRoot::Old, Took, Root) => Reading::NotStarted,
        (LeafRoot::Old, Took, Took) if around.has_new_leaf => Reading::ReissuePending,
        (LeafRoot::Old, Took, Took) => Reading::Ready,
        (LeafRoot::Old, Root, Took) => Reading::RetiredTooEarly,
        (LeafRoot::New, Took, Root) => Reading::SignedTooEarly,
        (LeafRoot::New, Took, Took) if !around.mostly_trusts_new => Reading::Ahead,
        (LeafRoot::New, Took, Took) if around.has_retired => Reading::RetirementPending,
        (LeafRoot::New, Took, Took) => Reading::Reissued,
        (LeafRoot::New, Root, Took) if around.has_no_overlap => Reading::NoOverlap,
        (LeafRoot::New, Root, Took) if around.mostly_old_leaves => Reading::Ahead,
        (LeafRoot::New, Root, Took) => Reading::Finished,
    }
}
