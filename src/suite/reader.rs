//! Reads single values and the keys of one map, and notes what is wrong with them.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

use super::hello::host_name;
use super::mistake::{At, Mistakes, alternatives};
use super::yaml::{Key, Node, Value};
use super::{InvalidId, MOST_ATTEMPTS, Pause, Scope};
use crate::certificate::SpiffeId;
use crate::identity::holds_secret;
use crate::target::Address;

/// What is the same for all values of one suite.
pub(super) struct Reader<'t> {
    pub(super) mistakes: Mistakes<'t>,
    /// Relative paths begin here.
    pub(super) folder: &'t Path,
    /// What an ID written short leaves out.
    pub(super) scope: Scope,
}

impl Reader<'_> {
    /// Notes a mistake; for use as the last word of a function that reads a value.
    pub(super) fn refuse<T>(&mut self, at: At, what: impl Into<String>) -> Option<T> {
        self.mistakes.add(at, what);
        None
    }

    /// Any text that is not empty.
    pub(super) fn text<'n>(&mut self, key: &str, node: &'n Node) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) if !text.is_empty() => Some(text),
            Value::Text(_) | Value::Empty => {
                let what = format!("{key} is empty; give it a value or remove the key");
                self.refuse(node.at, what)
            }
            Value::List(_) => {
                self.refuse(node.at, format!("{key} takes one value and this is a list"))
            }
            Value::Map(_) => {
                self.refuse(node.at, format!("{key} takes one value and this is a map"))
            }
        }
    }

    /// One value, or each value of a list.
    pub(super) fn items<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            Value::Text(_) | Value::Empty | Value::Map(_) => std::slice::from_ref(node),
        }
    }

    /// One text, or each text of a list.
    pub(super) fn texts<'n>(&mut self, key: &str, node: &'n Node) -> Vec<(At, &'n str)> {
        let items = self.items(node).iter();
        items
            .filter_map(|item| Some((item.at, self.text(key, item)?)))
            .collect()
    }

    /// A text that parses, where the error of the type says the rest of `KEY "TEXT" ...`.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &str, node: &Node) -> Option<T> {
        let text = self.text(key, node)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(why) => self.refuse(node.at, format!("{key} {text:?} {why}")),
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &str,
        node: &Node,
        known: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(key, node)?;
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let hint = self
            .mistakes
            .hint(text, "write", known.iter().map(|(word, _)| *word));
        self.refuse(node.at, format!("{key} {text:?} is not known{hint}"))
    }

    /// `true` or `false`.
    pub(super) fn truth(&mut self, key: &str, node: &Node) -> Option<bool> {
        self.word(key, node, &[("true", true), ("false", false)])
    }

    /// A file, relative to the suite.
    pub(super) fn path(&mut self, key: &str, node: &Node) -> Option<PathBuf> {
        let text = self.text(key, node)?;
        if text.starts_with("~/") {
            let what = format!("{key} {text:?}: nothing expands \"~\" here; write the whole path");
            return self.refuse(node.at, what);
        }
        if text.contains('\0') {
            return self.refuse(node.at, format!("{key} {text:?} is not a path"));
        }
        if holds_secret(text) {
            let what = format!(
                "{key} is no path but a secret itself; write it to a file that only probe may read, \
                 and name that file here"
            );
            return self.refuse(node.at, what);
        }
        Some(self.folder.join(text))
    }

    /// How long one connection may take.
    pub(super) fn timeout(&mut self, node: &Node) -> Option<Duration> {
        let text = self.text("timeout", node)?;
        let Ok(span) = text.parse::<SignedDuration>() else {
            let what = format!(
                "timeout {text:?} is not a duration; write a number and a unit, for example 3s, 500ms or 1m"
            );
            return self.refuse(node.at, what);
        };
        match Duration::try_from(span) {
            Ok(limit) if !limit.is_zero() && limit <= MAX_TIMEOUT => Some(limit),
            Ok(_) | Err(_) => {
                let what =
                    format!("timeout {text:?} is out of range; write more than 0s and at most 5m");
                self.refuse(node.at, what)
            }
        }
    }

    /// Where a server listens, as `HOST:PORT`.
    pub(super) fn address(&mut self, key: &str, node: &Node) -> Option<String> {
        let address: Option<Address> = self.parsed(key, node);
        address.map(|address| address.to_string())
    }

    /// A name of the DNS.
    pub(super) fn host(&mut self, key: &str, node: &Node) -> Option<String> {
        let text = self.text(key, node)?;
        host_name(key, text, node.at, self)
    }

    /// How long a certificate may last.
    pub(super) fn lifetime(&mut self, key: &str, node: &Node) -> Option<Duration> {
        let text = self.text(key, node)?;
        let Ok(span) = text.parse::<SignedDuration>() else {
            let what = format!(
                "{key} {text:?} is not a duration; write a number and a unit of at most hours, for example 15m or 24h"
            );
            return self.refuse(node.at, what);
        };
        match Duration::try_from(span) {
            Ok(lifetime) if (SHORTEST_LIFE..=LONGEST_LIFE).contains(&lifetime) => Some(lifetime),
            Ok(_) | Err(_) => {
                let what =
                    format!("{key} {text:?} is out of range; write 1m to 2160h, which are 90 days");
                self.refuse(node.at, what)
            }
        }
    }

    /// How many connections make one cell.
    pub(super) fn attempts(&mut self, node: &Node) -> Option<u32> {
        let text = self.text("attempts", node)?;
        match text.parse() {
            Ok(number) if (1..=MOST_ATTEMPTS).contains(&number) => Some(number),
            Ok(_) | Err(_) => {
                let what = format!(
                    "attempts {text:?} is not a number from 1 to {MOST_ATTEMPTS}; leave the key out for 1"
                );
                self.refuse(node.at, what)
            }
        }
    }

    /// How long to wait between two connections of a cell.
    pub(super) fn pause(&mut self, node: &Node) -> Option<Duration> {
        let text = self.text("pause", node)?;
        match Pause::length(text) {
            Ok(length) => Some(length),
            Err(why) => self.refuse(node.at, format!("pause {text:?} {why}")),
        }
    }

    /// By how much such a wait may differ.
    pub(super) fn jitter(&mut self, node: &Node) -> Option<u8> {
        let text = self.text("jitter", node)?;
        match Pause::share(text) {
            Ok(percent) => Some(percent),
            Err(why) => self.refuse(node.at, format!("jitter {text:?} {why}")),
        }
    }

    /// A SPIFFE ID, whole or short.
    pub(super) fn id(&mut self, key: &str, node: &Node) -> Option<SpiffeId> {
        let text = self.text(key, node)?;
        match self.scope.id(text) {
            Ok(id) => Some(id),
            Err(why) => self.refuse(node.at, format!("{key} {text:?} {why}")),
        }
    }

    /// The ID that a name stands for; nothing where the name is just a name.
    pub(super) fn id_of_name(&mut self, key: &Key) -> Option<SpiffeId> {
        if key.name.contains('*') || !self.scope.is_id(&key.name) {
            return None;
        }
        match self.scope.id(&key.name) {
            Ok(id) => Some(id),
            Err(InvalidId::NoTrustDomain | InvalidId::NotShort | InvalidId::NotDns(_)) => None,
            Err(InvalidId::Spiffe(why)) => {
                let what = format!(
                    "source {:?} is named like a SPIFFE ID, but {why}; name it otherwise and set its `id`",
                    key.name
                );
                self.refuse(key.at, what)
            }
        }
    }
}

/// The keys of one map, asked for one by one. Those that nobody asked for are mistakes.
pub(super) struct Keys<'n> {
    /// Whose keys, for messages: `target "api"`.
    pub(super) owner: String,
    /// Where a missing key is missed.
    pub(super) at: At,
    entries: &'n [(Key, Node)],
    known: Vec<&'static str>,
    missing: Vec<(&'static str, String)>,
}

impl<'n> Keys<'n> {
    /// The keys of a map; `example` shows what one looks like.
    pub(super) fn of(
        owner: String,
        at: At,
        node: &'n Node,
        example: &str,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let is = match &node.value {
                Value::Empty => "is empty",
                Value::Text(_) | Value::List(_) | Value::Map(_) => "is not a map of keys",
            };
            let at = if matches!(node.value, Value::Empty) {
                at
            } else {
                node.at
            };
            return reader.refuse(at, format!("{owner} {is}; write for example `{example}`"));
        };
        Some(Self {
            owner,
            at,
            entries,
            known: vec![],
            missing: vec![],
        })
    }

    /// The value of a key that may be absent.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'n Node> {
        self.known.push(name);
        self.find(name).map(|(_, node)| node)
    }

    /// The value of a key that must be there; `how` says what to write.
    pub(super) fn need(&mut self, name: &'static str, how: &str) -> Option<&'n Node> {
        let found = self.take(name);
        if found.is_none() {
            self.missing.push((name, how.to_owned()));
        }
        found
    }

    /// Where a key stands.
    pub(super) fn place(&self, name: &str) -> At {
        self.find(name).map_or(self.at, |(key, _)| key.at)
    }

    /// Whether there are keys that nobody asked for so far.
    pub(super) fn has_strangers(&self) -> bool {
        self.strangers().next().is_some()
    }

    /// Notes the keys that are missing, and those that nobody asked for.
    pub(super) fn close(self, reader: &mut Reader<'_>) {
        for (name, how) in &self.missing {
            // A slip of the pen is one mistake, not two.
            if !self
                .strangers()
                .any(|key| Mistakes::is_slip(&key.name, name))
            {
                let what = format!("{} has no {name:?}; {how}", self.owner);
                reader.mistakes.add(self.at, what);
            }
        }
        for key in self.strangers() {
            let name = key.name.as_str();
            let hint = reader
                .mistakes
                .hint(name, "write", self.known.iter().copied());
            let what = format!("unknown key {name:?} in {}{hint}", self.owner);
            reader.mistakes.add(key.at, what);
        }
    }

    fn strangers(&self) -> impl Iterator<Item = &'n Key> {
        let is_known = |key: &&Key| self.known.contains(&key.name.as_str());
        let keys = self.entries.iter().map(|(key, _)| key);
        keys.filter(move |key| !is_known(key))
    }

    fn find(&self, name: &str) -> Option<&'n (Key, Node)> {
        self.entries.iter().find(|(key, _)| key.name == name)
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn alternatives_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    alternatives(&words.into_iter().collect::<Vec<_>>())
}

const MAX_TIMEOUT: Duration = Duration::from_secs(300);
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
/// More than that no CA of a mesh grants.
const LONGEST_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
