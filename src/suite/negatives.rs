//! Sources that nobody should let in: a source, spoilt in one place each.

use std::collections::HashSet;

use super::mistake::At;
use super::reader::{Keys, Reader};
use super::source::ca;
use super::yaml::{Node, Value};
use super::{Source, SourceName};
use crate::certificate::SpiffeId;
use crate::identity::mint::Ca;
use crate::identity::{Fetched, Negative, Origin};

/// The sources that the section `negatives` stands for, which come after those that are written.
pub(super) fn negatives(
    at: At,
    node: &Node,
    sources: &[Source],
    reader: &mut Reader<'_>,
) -> Vec<Source> {
    let items = reader.items(node);
    if items.is_empty() {
        let what = format!("negatives is an empty list; write for example `{EXAMPLE}`");
        reader.mistakes.add(at, what);
    }
    let mut all = vec![];
    let mut names: HashSet<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let mut told = vec![];
    for item in items {
        told.extend(of_source(at, item, sources, reader).unwrap_or_default());
    }
    for (at, source) in &told {
        if !names.insert(source.name.as_str()) {
            let what = format!(
                "there is a source {:?} already; name it otherwise, or name the negative once",
                source.name.as_str()
            );
            reader.mistakes.add(*at, what);
            continue;
        }
        all.push(source.clone());
    }
    all
}

/// Those of one source, with the place where they are asked for.
fn of_source(
    at: At,
    node: &Node,
    sources: &[Source],
    reader: &mut Reader<'_>,
) -> Option<Vec<(At, Source)>> {
    let (of, signer, only) = match &node.value {
        Value::Text(_) => (node, None, None),
        Value::Empty | Value::List(_) | Value::Map(_) => {
            let mut keys = Keys::of("negatives".to_owned(), at, node, EXAMPLE, reader)?;
            let of = keys.need("of", "name the source that they are to look like");
            let signer = keys.take("ca").map(|node| ca(node, reader));
            let only = keys.take("only").map(|node| only(node, reader));
            keys.close(reader);
            (of?, signer, only)
        }
    };
    let model = model(of, sources, reader)?;
    let id = id(of, model, reader)?;
    let ca = match (signer, &model.origin) {
        (Some(signer), _) => signer?,
        (None, Origin::Mint(mint)) => mint.ca.clone(),
        (None, _) => {
            let name = model.name.as_str();
            let what = format!(
                "no CA is at hand to sign what looks like {name:?}; write `{{ of: {name}, ca: {{ chain: ca.pem, key: ca.key }} }}`, or `ca: throwaway`, whose work is refused for its CA first"
            );
            return reader.refuse(of.at, what);
        }
    };
    let chosen = match only {
        Some(only) => only?,
        None => {
            let all = Negative::ALL.iter();
            all.map(|negative| (of.at, *negative, false)).collect()
        }
    };
    let mut all = vec![];
    for (at, negative, is_asked) in chosen {
        match negative.mint(&id, &ca) {
            Some(mint) => all.push((
                at,
                Source {
                    name: SourceName::new(format!("{} ({negative})", model.name)),
                    id: mint.id.clone(),
                    origin: Origin::Mint(mint),
                    place: reader.mistakes.place(at),
                },
            )),
            None if is_asked => {
                let kind = match &ca {
                    Ca::Throwaway => "a throw-away CA",
                    Ca::Like(_) => "a CA that is only like another",
                    Ca::Files { .. } => "this CA",
                };
                let what = format!(
                    "{kind} cannot make {:?}; give `ca: {{ chain: ca.pem, key: ca.key }}`, or leave it out",
                    negative.as_str()
                );
                reader.mistakes.add(at, what);
            }
            None => {}
        }
    }
    Some(all)
}

/// The source that they are to look like.
fn model<'s>(of: &Node, sources: &'s [Source], reader: &mut Reader<'_>) -> Option<&'s Source> {
    let text = reader.text("negatives", of)?;
    if let Some(found) = sources.iter().find(|source| source.name.as_str() == text) {
        return Some(found);
    }
    let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
    let hint = match reader.mistakes.hint(text, "the suite has", names) {
        hint if hint.is_empty() => "; add it to `sources`".to_owned(),
        hint => hint,
    };
    reader.refuse(of.at, format!("there is no source {text:?}{hint}"))
}

/// The name that they bear.
fn id(of: &Node, model: &Source, reader: &mut Reader<'_>) -> Option<SpiffeId> {
    let name = model.name.as_str();
    if let Origin::Fetched(from) = &model.origin
        && let Fetched::Linkerd(_) = **from
    {
        let what = format!(
            "source {name:?} is named as Linkerd does it, and negatives bear SPIFFE IDs; mint them one by one: `mint: {{ id: none, dns: [NAME], ca: throwaway }}`"
        );
        return reader.refuse(of.at, what);
    }
    match &model.id {
        Some(id) => Some(id.clone()),
        None => {
            let what =
                format!("source {name:?} says no ID that its negatives could bear; write its `id`");
            reader.refuse(of.at, what)
        }
    }
}

/// Which of them, each with its place.
fn only(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<(At, Negative, bool)>> {
    let known = Negative::ALL.map(|negative| (negative.as_str(), negative));
    let items = reader.items(node);
    if items.is_empty() {
        return reader.refuse(
            node.at,
            "only is an empty list; name some, or remove the key",
        );
    }
    let mut all = vec![];
    for item in items {
        all.push((item.at, reader.word("only", item, &known)?, true));
    }
    Some(all)
}

const EXAMPLE: &str = "{ of: sa/frontend, ca: { chain: ca.pem, key: ca.key } }";
