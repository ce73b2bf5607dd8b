//! What many cells have in common is written once, and they name its place.

use std::collections::HashMap;
use std::hash::Hash;

use serde::Serialize;

/// Values by their key, each once.
pub(super) struct Pool<K, V> {
    places: HashMap<K, usize>,
    all: Vec<V>,
}

impl<K: Hash + Eq, V> Pool<K, V> {
    pub(super) fn new() -> Self {
        Self {
            places: HashMap::new(),
            all: vec![],
        }
    }

    /// The place of the value with this key, which is made where there is none yet.
    pub(super) fn place(&mut self, key: K, make: impl FnOnce() -> V) -> usize {
        let all = &mut self.all;
        *self.places.entry(key).or_insert_with(|| {
            all.push(make());
            all.len() - 1
        })
    }

    pub(super) fn all(&self) -> &[V] {
        &self.all
    }
}

/// Texts that occur more than once, found in a first pass.
pub(super) struct Texts<'a> {
    counts: HashMap<&'a str, usize>,
    pool: Pool<&'a str, &'a str>,
}

/// A text, or the place of one in the pool.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Text {
    Here(String),
    At(usize),
}

impl<'a> Texts<'a> {
    pub(super) fn of(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts = HashMap::new();
        for text in texts {
            *counts.entry(text).or_default() += 1;
        }
        Self {
            counts,
            pool: Pool::new(),
        }
    }

    /// A text that occurs once stands where it occurs: a browser reads it only when it is wanted.
    pub(super) fn text(&mut self, text: &'a str, shown: impl FnOnce(&str) -> String) -> Text {
        match self.counts.get(text) {
            Some(2..) => Text::At(self.pool.place(text, || text)),
            Some(_) | None => Text::Here(shown(text)),
        }
    }

    pub(super) fn all(&self) -> &[&'a str] {
        self.pool.all()
    }
}
