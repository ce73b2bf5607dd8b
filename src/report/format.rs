//! The names of formats, by what is to be written. Pure.

use std::fmt;
use std::str::FromStr;

macro_rules! formats {
    ($(#[doc = $doc:literal])+ $type:ident { $($(#[doc = $of:literal])+ $name:ident = $text:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $type {
            /// For people, on a terminal.
            #[default]
            Table,
            /// The whole of it as one JSON value: the API.
            Json,
            $($(#[doc = $of])+ $name,)+
        }

        impl $type {
            /// Every one, in the order of the documentation.
            pub const ALL: &[Self] = &[Self::Table, Self::Json, $(Self::$name,)+];

            /// The name on the command line.
            pub const fn as_str(self) -> &'static str {
                match self {
                    Self::Table => "table",
                    Self::Json => "json",
                    $(Self::$name => $text,)+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownFormat;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let same = |one: &Self| one.as_str() == text;
                let known = Self::ALL.iter().copied().find(same);
                let names: Vec<&str> = Self::ALL.iter().map(|one| one.as_str()).collect();
                known.ok_or_else(|| UnknownFormat::new(text, &names))
            }
        }
    };
}

formats! {
    /// How the result of a run is written.
    Format {
        /// The same as JSON, a cell a line, while the run goes on.
        Ndjson = "ndjson",
        /// For CI: a test case a cell.
        Junit = "junit",
        /// For a comment on a change.
        Markdown = "markdown",
        /// For a textfile collector or a Pushgateway.
        Prometheus = "prometheus",
        /// For people: one file that a browser opens.
        Html = "html",
        /// For a spreadsheet: a line a cell.
        Csv = "csv",
    }
}

formats! {
    /// How what is no matrix is written, one thing after the other.
    Listing {
        /// The same as JSON, one line each.
        Ndjson = "ndjson",
    }
}

formats! {
    /// How a comparison is written, for whoever reads it.
    Paper {
        /// For a comment on a change.
        Markdown = "markdown",
    }
}

/// The text is not the name of a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no format {text:?}; {way_out}")]
pub struct UnknownFormat {
    text: String,
    way_out: String,
}

impl UnknownFormat {
    fn new(text: &str, all: &[&'static str]) -> Self {
        let lower = text.to_lowercase();
        let edits = |name: &str| strsim::damerau_levenshtein(&lower, name);
        let nearest = all.iter().min_by_key(|name| edits(name));
        let way_out = match nearest {
            Some(name) if edits(name) <= 2 => format!("did you mean {name:?}?"),
            Some(_) | None => format!("write one of {}", all.join(", ")),
        };
        Self {
            text: text.to_owned(),
            way_out,
        }
    }
}
