//! A stored result, read again: of this version of the program or of an older one.

use serde::Deserialize;
use serde_json::error::Category;

use super::{Matrix, SCHEMA, Totals};

/// The largest file that is read as a result: more than a run of 200 000 cells writes.
pub const MAX_STORED: u64 = 1 << 30;

impl Matrix {
    /// Reads what `--format json` wrote. Fields that came later have their defaults, those that are
    /// not known are passed over, and every text is cut to a bound. Counts are made anew.
    pub fn stored(bytes: &[u8]) -> Result<Self, StoredError> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(StoredError::Utf16);
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(StoredError::Empty);
        }
        let head: Head = match serde_json::from_slice(bytes) {
            Ok(head) => head,
            Err(err) => {
                return Err(if is_stream(bytes) {
                    StoredError::Stream
                } else {
                    StoredError::of_head(&err)
                });
            }
        };
        if head.line.is_some() {
            return Err(StoredError::Stream);
        }
        let schema = head.schema.ok_or(StoredError::NoSchema)?;
        match schema.strip_prefix(FAMILY) {
            _ if schema == SCHEMA => {}
            Some(_) => return Err(StoredError::OtherVersion { schema }),
            None => return Err(StoredError::OtherThing { schema }),
        }
        let matrix: Self = serde_json::from_slice(bytes).map_err(|err| StoredError::Field {
            line: err.line(),
            column: err.column(),
            why: without_place(&err),
            version: written_by(bytes),
        })?;
        let matrix = Self {
            totals: Totals::of(&matrix.cells),
            ..matrix
        };
        Ok(matrix.bounded())
    }
}

/// Why a text is not a result that can be read. Fit to stand after the name of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// Nothing but blanks.
    #[error("is empty; store results with -o json=FILE")]
    Empty,
    /// As some shells write what they redirect.
    #[error("is UTF-16, as some shells write with >; store results with -o json=FILE")]
    Utf16,
    /// It ends in the middle.
    #[error(
        "ends in the middle, at line {line}: it was cut short, or is still being written; take a whole copy, or run again with -o json=FILE"
    )]
    Truncated {
        /// The last line.
        line: usize,
    },
    /// Not JSON at all.
    #[error("is not JSON at line {line}, column {column}: {why}; store results with -o json=FILE")]
    NotJson {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
        /// What the reader of JSON says.
        why: String,
    },
    /// The ndjson form.
    #[error(
        "is the stream of a run (ndjson), which lacks what belongs to the whole run; store results with -o json=FILE, also beside --format ndjson"
    )]
    Stream,
    /// JSON of something else.
    #[error(
        "is JSON without a `schema`, so not a result of probe; store results with -o json=FILE"
    )]
    NoSchema,
    /// Something else of ours, or of others.
    #[error("holds {schema:?}, which is not a result of a run; store results with -o json=FILE")]
    OtherThing {
        /// What it says to be.
        schema: String,
    },
    /// A result in another version of the format.
    #[error(
        "is in the format {schema:?}, and this probe reads {SCHEMA:?}; read it with the version of probe that wrote it, or run again with this one"
    )]
    OtherVersion {
        /// What it says to be.
        schema: String,
    },
    /// A field that cannot be, for example the code of a newer program.
    #[error("cannot be read at line {line}, column {column}: {why}; {}", way_out(.version.as_deref()))]
    Field {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
        /// What is wrong.
        why: String,
        /// The program that wrote it, as it says.
        version: Option<String>,
    },
}

impl StoredError {
    fn of_head(err: &serde_json::Error) -> Self {
        let (line, column) = (err.line(), err.column());
        match err.classify() {
            Category::Eof => Self::Truncated { line },
            Category::Syntax | Category::Io => Self::NotJson {
                line,
                column,
                why: without_place(err),
            },
            // JSON, and no object, or one whose `schema` is no text.
            Category::Data => Self::NoSchema,
        }
    }
}

/// What tells a result from other JSON, before all of it is read.
#[derive(Deserialize)]
struct Head {
    schema: Option<String>,
    /// Lines of the ndjson form say what they are.
    #[serde(rename = "type")]
    line: Option<String>,
}

/// The version of the program that wrote it, where it says so.
fn written_by(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Whole {
        run: Run,
    }
    #[derive(Deserialize)]
    struct Run {
        version: String,
    }
    let whole: Whole = serde_json::from_slice(bytes).ok()?;
    Some(whole.run.version)
}

/// Whether the first line alone is a line of the ndjson form.
fn is_stream(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    serde_json::from_slice::<Head>(first).is_ok_and(|head| head.line.is_some())
}

/// The words of the error alone: its place is told apart.
fn without_place(err: &serde_json::Error) -> String {
    let words = err.to_string();
    let place = format!(" at line {} column {}", err.line(), err.column());
    words.strip_suffix(&place).unwrap_or(&words).to_owned()
}

fn way_out(version: Option<&str>) -> String {
    match version {
        Some(version) if version != OURS => format!(
            "it was written by probe {version:?} and this is {OURS}: read it with the newer of the two"
        ),
        Some(_) | None => {
            "somebody has changed it since a run wrote it; take an unchanged copy, or run again"
                .to_owned()
        }
    }
}

const OURS: &str = env!("CARGO_PKG_VERSION");
const FAMILY: &str = "mtls-probe/result/";
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests;
