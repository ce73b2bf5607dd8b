//! The shape of an explanation, in the tables and as JSON.

use serde::{Serialize, Serializer};

use super::SCHEMA;
use crate::code::{By, Code, Kind};
use crate::rotation::Reading;

/// Everything that is said of one code.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Topic {
    /// The code.
    pub code: &'static str,
    /// What the code is of.
    pub family: Family,
    /// The meaning in one line.
    pub summary: &'static str,
    /// What it has to do with the exit code.
    pub exit: &'static str,
    /// One page, or one for each end that may have refused.
    pub pages: &'static [Page],
}

impl Topic {
    pub(super) const fn code(code: Code, pages: &'static [Page]) -> Self {
        let family = match code.kind() {
            Kind::Accepted => Family::Accepted,
            Kind::Rejected => Family::Rejected,
            Kind::Unreachable => Family::Unreachable,
            Kind::Inconclusive => Family::Inconclusive,
        };
        Self {
            code: code.as_str(),
            family,
            summary: code.meaning(),
            exit: family.exit(),
            pages,
        }
    }

    pub(super) const fn finding(
        code: &'static str,
        summary: &'static str,
        pages: &'static [Page],
    ) -> Self {
        Self {
            code,
            family: Family::Finding,
            summary,
            exit: Family::Finding.exit(),
            pages,
        }
    }

    pub(super) const fn reading(reading: Reading, pages: &'static [Page]) -> Self {
        Self {
            code: reading.as_str(),
            family: Family::Reading,
            summary: reading.meaning(),
            exit: Family::Reading.exit(),
            pages,
        }
    }

    pub(super) const fn exits(self, exit: &'static str) -> Self {
        Self { exit, ..self }
    }

    /// The page for this end; where nobody says who refused, that of the peer.
    pub fn page(&self, by: Option<By>) -> &'static Page {
        const EMPTY: &Page = &Page::NONE;
        let wanted = self.pages.iter().find(|page| page.by == by);
        wanted.or(self.pages.first()).unwrap_or(EMPTY)
    }
}

/// What a code is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A cell that was accepted.
    Accepted,
    /// A cell that one of the two ends rejected.
    Rejected,
    /// A cell without a TCP connection.
    Unreachable,
    /// A cell that nobody can judge.
    Inconclusive,
    /// Something that only several cells together show.
    Finding,
    /// An address in a rotation.
    Reading,
}

impl Family {
    /// Every one, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Accepted,
        Self::Rejected,
        Self::Unreachable,
        Self::Inconclusive,
        Self::Finding,
        Self::Reading,
    ];

    /// The name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Unreachable => "unreachable",
            Self::Inconclusive => "inconclusive",
            Self::Finding => "finding",
            Self::Reading => "reading",
        }
    }

    /// What all codes of the family have to do with the exit code.
    pub const fn exit(self) -> &'static str {
        match self {
            Self::Accepted => {
                "0 where the suite expects this code or nothing, 1 where it expects another. One pair without a suite is expected to be OK."
            }
            Self::Rejected => {
                "0 where the suite expects this code (or REJECTED, where the peer refused us, or DISTRUSTED, where we refuse it) or nothing; else 1, or 3 where another cause that fits as well is the expected one."
            }
            Self::Unreachable => {
                "0 where the suite expects this very code or nothing, else 1. An unreachable port never meets REJECTED."
            }
            Self::Inconclusive => {
                "0 where the suite expects this very code or nothing, else 3; 1 where another cell is broken."
            }
            Self::Finding => {
                "None: the cells decide, and the modes that the suite expects of targets."
            }
            Self::Reading => {
                "`probe rotation` exits 1 where the next step is refused or something is broken already, 3 where it cannot tell."
            }
        }
    }
}

/// What is to be said of a code where this end refused.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Page {
    /// Who refused, where that makes a difference: `peer` or `probe`.
    #[serde(serialize_with = "by_name")]
    #[cfg_attr(test, schemars(with = "Option<String>", extend("enum" = ["peer", "probe", null])))]
    pub by: Option<By>,
    /// What happened on the wire, and what that proves.
    pub meaning: &'static str,
    /// What one might think, and should not: it goes on after "It is not".
    pub is_not: &'static str,
    /// What to look at first.
    pub advice: &'static str,
    /// Likely causes, the likeliest first.
    pub causes: &'static [Likely],
}

impl Page {
    const NONE: Self = Self {
        by: None,
        meaning: "",
        is_not: "",
        advice: "",
        causes: &[],
    };
}

/// A cause, and how it shows in this code.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Likely {
    /// What it looks like from here.
    pub looks: &'static str,
    /// The cause.
    #[serde(flatten)]
    pub cause: &'static Cause,
}

pub(super) const fn seen(looks: &'static str, cause: &'static Cause) -> Likely {
    Likely { looks, cause }
}

/// Why it came to this.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cause {
    /// What is the matter.
    #[serde(rename = "cause")]
    pub name: &'static str,
    /// What confirms it.
    pub confirm: &'static [Confirm],
    /// What mends it.
    pub fix: &'static str,
}

/// What confirms a cause in one environment.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Confirm {
    /// Where this command exists.
    pub on: On,
    /// What it tells.
    pub tells: &'static str,
    /// The command. Words in capitals are for the reader to fill in.
    pub run: &'static str,
}

/// Where a command exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Istio with sidecars.
    Istio,
    /// Istio in ambient mode.
    Ambient,
    /// Linkerd.
    Linkerd,
    /// SPIRE.
    Spire,
    /// Any Kubernetes.
    Kubernetes,
    /// Everywhere.
    Anywhere,
}

impl On {
    /// The name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Istio => "Istio",
            Self::Ambient => "Istio ambient",
            Self::Linkerd => "Linkerd",
            Self::Spire => "SPIRE",
            Self::Kubernetes => "Kubernetes",
            Self::Anywhere => "Anywhere",
        }
    }
}

macro_rules! environments {
    ($($name:ident = $on:ident,)+) => {
        $(pub(super) const fn $name(run: &'static str, tells: &'static str) -> Confirm {
            Confirm { on: On::$on, tells, run }
        })+
    };
}

environments! {
    istio = Istio,
    ambient = Ambient,
    linkerd = Linkerd,
    spire = Spire,
    kubernetes = Kubernetes,
    anywhere = Anywhere,
}

/// Explanations as one JSON value.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Explained {
    /// Always [`SCHEMA`].
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: &'static str,
    /// Each code once.
    pub codes: Vec<&'static Topic>,
}

impl Explained {
    pub(super) fn of(topics: impl IntoIterator<Item = &'static Topic>) -> Self {
        Self {
            schema: SCHEMA,
            codes: topics.into_iter().collect(),
        }
    }
}

// serde hands over references.
#[expect(clippy::ref_option, reason = "serde asks for this signature")]
fn by_name<S: Serializer>(by: &Option<By>, out: S) -> Result<S::Ok, S::Error> {
    by.map(By::as_str).serialize(out)
}
