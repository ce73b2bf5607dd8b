//! The formats of reports that are not of one matrix: comparisons and outlooks.

use std::fmt;
use std::str::FromStr;

use super::UnknownFormat;

/// How such a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Paper {
    /// For people, on a terminal.
    #[default]
    Table,
    /// For programs: the API.
    Json,
    /// For people, as a comment on a change.
    Markdown,
}

impl Paper {
    /// Every one, in the order of the documentation.
    pub const ALL: &[Self] = &[Self::Table, Self::Json, Self::Markdown];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Markdown => "markdown",
        }
    }
}

impl fmt::Display for Paper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Paper {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL
            .iter()
            .copied()
            .find(|paper| paper.as_str() == text);
        let names: Vec<&str> = Self::ALL.iter().map(|paper| paper.as_str()).collect();
        known.ok_or_else(|| UnknownFormat::new(text, &names))
    }
}
