//! Problems on their way to a judgement, and what every rule needs to find them.

use jiff::Timestamp;

use super::judgement::{Expected, Problem, Question};
use super::revocation::Crl;
use super::walk::Field;
use crate::code::Code;

/// How deep a problem lies. The deepest is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    /// Not a certificate at all.
    Unreadable,
    /// No identity, so that nobody knows which bundle to judge by.
    Identity,
    /// No way to a root.
    Trust,
    /// Dates.
    Validity,
    /// On a CRL.
    Revocation,
    /// Not fit for its place in the chain.
    Fitness,
    /// Against the X.509-SVID rules.
    Svid,
    /// Somebody else.
    Name,
}

/// A problem and how deep it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) depth: Depth,
    pub(super) problem: Problem,
}

impl Finding {
    pub(super) fn new(depth: Depth, code: Code, what: impl Into<String>) -> Self {
        Self {
            depth,
            problem: Problem {
                code,
                what: what.into(),
            },
        }
    }
}

/// By which rules a leaf is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// X.509-SVID.
    Svid,
    /// Ordinary TLS.
    Tls,
}

impl Profile {
    pub(super) fn of(expected: &Expected) -> Self {
        match expected {
            Expected::AnySvid | Expected::TrustDomain(_) | Expected::Id(_) => Self::Svid,
            Expected::AnyName | Expected::Dns(_) | Expected::Ip(_) => Self::Tls,
        }
    }
}

/// What the rules are asked about.
pub(super) struct Case<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) profile: Profile,
    pub(super) field: Field<'a>,
    pub(super) crls: &'a [Crl<'a>],
    /// The moment of the question in whole seconds, as certificates count.
    pub(super) at: Timestamp,
    /// The bundle, as messages name it.
    pub(super) bundle: &'a str,
    /// There is a bundle, and something in it.
    pub(super) roots: Roots,
}

/// What the bundle holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// There is no bundle; that has been said already.
    NoBundle,
    /// A bundle with nothing in it.
    Empty,
    /// A bundle.
    Held,
}
