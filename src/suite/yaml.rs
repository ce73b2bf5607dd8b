//! YAML text to nodes that know their place. Every scalar stays the text that was written: what it means
//! is for its key to say, so `off`, `1.2` and `010` surprise nobody.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location, MessageFormatter, Options, Spanned, UserMessageFormatter};

use super::mistake::{At, Mistakes};

/// One value of the file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// Nothing was written.
    Empty,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) at: At,
    pub(super) name: String,
}

/// Reads one document. Nothing comes back where the text is not YAML.
pub(super) fn read(text: &str, mistakes: &mut Mistakes<'_>) -> Option<Node> {
    if text.len() > MAX_BYTES {
        mistakes.add(START, format!("suite has over {MAX_BYTES} bytes; {SPLIT}"));
        return None;
    }
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
        Ok(root) => Some(node(root, text)),
        Err(error) => {
            let (at, what) = explain(error.without_snippet(), mistakes);
            mistakes.add(at, what);
            None
        }
    }
}

/// Common slips that the parser has no words for.
fn by_eye(line: &str, at: At) -> Option<&'static str> {
    let text = line.trim_start();
    let indent = line.strip_suffix(text)?;
    if indent.contains('\t') {
        return Some("a tab indents this line; YAML takes spaces only");
    }
    let before = (at.column as usize).saturating_sub(1);
    line.chars()
        .nth(before)
        .filter(|c| *c == '*')
        .map(|_| "a bare * begins a YAML alias; write it in quotes, \"*\"")
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_documents: 1,
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_merge_keys: MAX_ALIASES,
            max_aliases: MAX_ALIASES,
            // A fleet may share one anchor; what the aliases unfold to is limited below.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_UNFOLDED,
            max_replay_stack_depth: MAX_DEPTH,
        },
        reject_unsupported_tags: true,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    }
}

/// What came out of the parser; plain scalars that look like another type are taken from the text.
enum Raw {
    Empty,
    Plain,
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Empty)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut list = vec![];
        while let Some(item) = seq.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = vec![];
        while let Some(key) = map.next_key()? {
            entries.push((key, map.next_value()?));
        }
        Ok(Raw::Map(entries))
    }
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    // An alias is judged where its text stands.
    let place = raw.defined;
    let value = match raw.value {
        Raw::Empty => Value::Empty,
        Raw::Plain => Value::Text(written(place, text).to_owned()),
        Raw::Text(text) => Value::Text(text),
        Raw::List(items) => Value::List(items.into_iter().map(|item| node(item, text)).collect()),
        Raw::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let at = at(key.defined);
                let name = key.value;
                (Key { at, name }, node(value, text))
            });
            Value::Map(entries.collect())
        }
    };
    let mut at = at(place);
    if matches!(value, Value::List(_) | Value::Map(_)) {
        at.length = 1;
    }
    Node { at, value }
}

fn written(place: Location, text: &str) -> &str {
    let span = place.span();
    let range = span.byte_offset().zip(span.byte_len());
    let range = range.map(|(from, length)| from as usize..(from + length) as usize);
    range.and_then(|range| text.get(range)).unwrap_or_default()
}

fn at(place: Location) -> At {
    let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    At {
        line: short(place.line()),
        column: short(place.column()),
        length: short(place.span().len()),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's errors are an open list; these are the ones we say better"
)]
fn explain(error: &Error, mistakes: &Mistakes<'_>) -> (At, String) {
    let mut place = error.location().map_or(START, |place| At {
        length: 1,
        ..at(place)
    });
    let what = match error {
        Error::AliasError { error, .. } => return explain(error, mistakes),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            place.length = u32::try_from(key.chars().count()).unwrap_or(1);
            format!("key {key:?} stands twice in one map; keep one of them, or rename one")
        }
        Error::DuplicateMappingKey { key: None, .. } => {
            "this key stands twice in one map; keep one of them".to_owned()
        }
        Error::MultipleDocuments { .. }
        | Error::Budget {
            breach: BudgetBreach::Documents { .. },
            ..
        } => "a second document begins here; write one suite in one file".to_owned(),
        Error::Budget {
            breach: BudgetBreach::Depth { .. },
            ..
        } => "is nested more deeply than any suite is; see the suite format".to_owned(),
        Error::Budget { .. } => format!("suite is too large to be read at once; {SPLIT}"),
        Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "the aliases unfold to more values than any suite has; write them out".to_owned()
        }
        Error::UnknownAnchor { .. } => {
            "this alias has no anchor; write &NAME before the value it stands for, or quotes if * stands for any name".to_owned()
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "this alias stands for a value that it is part of; write the value out".to_owned()
        }
        Error::Eof { .. } => "the file ends where a value should stand".to_owned(),
        other => {
            let words = UserMessageFormatter.format_message(other);
            match mistakes.line(place).map(|line| by_eye(line, place)) {
                Some(Some(what)) => what.to_owned(),
                Some(None) => format!("cannot be read as YAML: {words}"),
                None => {
                    let hint = "is a quote or a bracket left open above?";
                    format!("cannot be read as YAML: {words}; {hint}")
                }
            }
        }
    };
    (place, what)
}

pub(super) const START: At = At {
    line: 1,
    column: 1,
    length: 1,
};
/// A suite needs about ten.
const MAX_DEPTH: usize = 24;
/// A fleet of ten thousand targets needs a quarter of that.
const MAX_NODES: usize = 1_000_000;
const MAX_ALIASES: usize = 200_000;
/// What aliases may unfold to.
const MAX_UNFOLDED: usize = 500_000;
const MAX_BYTES: usize = 16 * 1024 * 1024;
const SPLIT: &str = "split it into several files";
