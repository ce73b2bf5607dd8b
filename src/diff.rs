//! What changed between two results: cell by cell, grouped by what happened, and told apart by whether
//! it got worse. Pure.
//!
//! The rules are in [`rules`]; the result says of each change which one it is by.

mod facts;
mod grouping;
mod matching;
pub mod rules;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::code::{Code, Confidence};
use crate::matrix::{Attempts, Matrix};

pub(crate) use self::facts::UNKNOWN_KEY;
pub use self::rules::{Class, Why};

/// The name and version of the format.
pub const SCHEMA: &str = "mtls-probe/diff/v1";

/// Compares two results.
pub fn diff(before: &Matrix, after: &Matrix) -> Diff {
    let (changes, compared) = matching::changes(before, after);
    let facts = facts::facts(before, after);
    let mut totals = Totals {
        compared,
        ..Totals::default()
    };
    for change in &changes {
        match change.class {
            Class::Regression => totals.regressions += 1,
            Class::Vanished => totals.vanished += 1,
            Class::Improvement => totals.improvements += 1,
            Class::Neutral => totals.neutral += 1,
            Class::New => totals.new += 1,
        }
    }
    totals.unchanged = compared - totals.regressions - totals.improvements - totals.neutral;
    for fact in &facts {
        match fact.class {
            Class::Regression => totals.facts_worse += 1,
            Class::Improvement => totals.facts_better += 1,
            Class::Neutral | Class::Vanished | Class::New => totals.facts_other += 1,
        }
    }
    Diff {
        schema: SCHEMA.to_owned(),
        before: Side::of(before),
        after: Side::of(after),
        notes: notes(before, after),
        totals,
        groups: grouping::groups(changes, before, after),
        roots: facts::roots(before, after, &facts),
        facts,
    }
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Diff {
    /// Always [`SCHEMA`].
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: String,
    /// The first result.
    pub before: Side,
    /// The second one.
    pub after: Side,
    /// What makes the two hard to compare.
    pub notes: Vec<String>,
    /// Counts.
    pub totals: Totals,
    /// Cells that changed, by what happened to them; the gravest first.
    pub groups: Vec<Group>,
    /// What else changed at the targets.
    pub facts: Vec<Fact>,
    /// The names of the roots that facts speak of.
    pub roots: Vec<Root>,
}

/// One of the two results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Side {
    /// The file, where it came from one.
    pub file: Option<String>,
    /// When its run began, RFC 3339.
    pub started_at: String,
    /// Certificates were judged as of this moment, RFC 3339.
    pub judged_at: String,
    /// The version of the program.
    pub version: String,
    /// The run was stopped before its end.
    pub interrupted: bool,
    /// How many cells it has.
    pub cells: usize,
}

impl Side {
    fn of(matrix: &Matrix) -> Self {
        Self {
            file: None,
            started_at: matrix.run.started_at.clone(),
            judged_at: matrix.run.judged_at.clone(),
            version: matrix.run.version.clone(),
            interrupted: matrix.run.interrupted,
            cells: matrix.cells.len(),
        }
    }
}

/// Counts of cells, then of facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals {
    /// Cells that both results have: the sum of the next four.
    pub compared: usize,
    /// Got worse.
    pub regressions: usize,
    /// Got better.
    pub improvements: usize,
    /// Changed, and neither.
    pub neutral: usize,
    /// Say the same.
    pub unchanged: usize,
    /// Cells that only the first result has.
    pub vanished: usize,
    /// Cells that only the second one has.
    pub new: usize,
    /// Facts of targets that got worse.
    pub facts_worse: usize,
    /// Facts of targets that got better.
    pub facts_better: usize,
    /// Other facts of targets that changed.
    pub facts_other: usize,
}

impl Diff {
    /// Something got worse, or is not looked at any more.
    pub fn is_worse(&self) -> bool {
        let Totals {
            regressions,
            vanished,
            facts_worse,
            ..
        } = self.totals;
        regressions + vanished + facts_worse > 0
    }

    /// The two have no cell in common, and so nothing was compared.
    pub fn is_empty_comparison(&self) -> bool {
        self.totals.compared == 0
    }
}

/// Cells to which the same happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Group {
    /// Whether it got worse.
    pub class: Class,
    /// What happened, and by which rule.
    pub why: Why,
    /// What all of them said; absent where they are new.
    pub before: Option<Says>,
    /// What all of them say; absent where they have vanished.
    pub after: Option<Says>,
    /// Their sources, each once.
    pub sources: Vec<String>,
    /// Their targets, each once.
    pub targets: Vec<String>,
    /// What else all of them share: likely the cause.
    pub in_common: Common,
    /// The cells.
    pub cells: Vec<Change>,
}

/// What a cell says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Says {
    /// The code.
    pub code: Code,
    /// Who refused: `peer` or `probe`.
    #[cfg_attr(test, schemars(extend("enum" = ["peer", "probe", null])))]
    pub by: Option<String>,
    /// What the peer thinks of us, where the code is our refusal of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Code>,
    /// What we think of the server, where the code is its refusal of us and we would refuse it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Code>,
    /// What was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Whether it was; absent where nothing was expected or nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub met: Option<bool>,
    /// How sure the verdict is, where only that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

/// One cell that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Change {
    /// The source.
    pub from: String,
    /// The target.
    pub to: String,
    /// The address: of the second result, or of the first where the cell has vanished.
    pub address: String,
    /// The address in the first result, where it was another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_before: Option<String>,
    /// How many connections said the same, where that is what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_before: Option<Attempts>,
    /// How many connections say the same, where that is what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_after: Option<Attempts>,
    /// The evidence that not all cells of the group have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// What all cells of a group share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Common {
    /// Evidence.
    pub evidence: Vec<String>,
    /// The CA names that every one of the targets lists, and no others. Names, not keys: two CAs may
    /// have one name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ca_hints: Vec<String>,
    /// The one root that every server's certificate leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_root: Option<Root>,
    /// The one root that every source's certificate leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_root: Option<Root>,
}

/// A root, by its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Root {
    /// SHA-256 of its public key, hexadecimal.
    pub spki_sha256: String,
    /// Its name.
    pub subject: String,
}

/// A fact of targets that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fact {
    /// Whether it got worse.
    pub class: Class,
    /// Which fact.
    pub what: What,
    /// What it was. Roots are told by the SHA-256 of their keys, and those whose key nobody showed by
    /// `key unknown, issued as NAME`; for `leaf` these are the roots, and for findings their code.
    pub before: Vec<String>,
    /// What it is.
    pub after: Vec<String>,
    /// Where. A finding may be about something that is no target.
    pub places: Vec<Place>,
    /// What findings say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
}

/// A target, and which of its addresses; none where it is about all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Place {
    /// The target.
    pub to: String,
    /// Addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

/// A fact of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Its mode.
    Mode,
    /// The root that its certificate leads to.
    Root,
    /// Its own certificate, under the same root as far as that is known.
    Leaf,
    /// The CA names in its CertificateRequest.
    CaHints,
    /// The TLS versions that were negotiated.
    TlsVersion,
    /// The TLS library that it looks like.
    TlsLibrary,
    /// A finding that was not there before.
    FindingNew,
    /// A finding that is not there any more.
    FindingGone,
}

/// What a reader should know before believing the comparison.
fn notes(before: &Matrix, after: &Matrix) -> Vec<String> {
    let mut notes = vec![];
    let began = |matrix: &Matrix| matrix.run.started_at.parse::<jiff::Timestamp>().ok();
    if let (Some(first), Some(second)) = (began(before), began(after))
        && first > second
    {
        notes.push("the first result is the younger one; is the order right?".to_owned());
    }
    for (matrix, name) in [(before, "first"), (after, "second")] {
        let judged = matrix.run.judged_at.parse::<jiff::Timestamp>().ok();
        if judged.is_some() && judged != began(matrix) {
            let at = &matrix.run.judged_at;
            notes.push(format!(
                "the {name} result judges certificates as of {at}, which is not when it ran"
            ));
        }
        if matrix.run.interrupted {
            notes.push(format!(
                "the run of the {name} result was stopped before its end"
            ));
        }
    }
    notes
}
