//! The rotation that a suite is about: two roots, and a client with a leaf of each.

use std::path::PathBuf;

use super::mistake::At;
use super::reader::{Keys, Reader};
use super::source::ca;
use super::yaml::{Node, Value};
use super::{Place, Source, SourceName};
use crate::certificate::SpiffeId;
use crate::identity::mint::Ca;

/// The rotation that a suite is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// What is to go.
    pub old: Side,
    /// What comes.
    pub new: Side,
}

/// One of the two roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The PEM file of the root; without one it is the root that the client's leaf leads to.
    pub root: Option<PathBuf>,
    /// The client with a leaf of it.
    pub client: Canary,
    /// Where the suite says so.
    pub place: Place,
}

/// A client with a leaf of one of the roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canary {
    /// A source of the suite.
    Source(SourceName),
    /// Minted for the run.
    Mint {
        /// Its identity.
        id: SpiffeId,
        /// Who signs.
        ca: Ca,
    },
}

pub(super) fn rotation(
    at: At,
    node: &Node,
    sources: &[Source],
    reader: &mut Reader<'_>,
) -> Option<Rotation> {
    let mut keys = Keys::of("rotation".to_owned(), at, node, EXAMPLE, reader)?;
    let how = format!("write for example `{SIDE}`");
    let [old, new] = ["old", "new"].map(|name| {
        let at = keys.place(name);
        keys.need(name, &how).map(|node| (at, node))
    });
    let old = old.map(|(at, node)| side("old", at, node, sources, reader));
    let new = new.map(|(at, node)| side("new", at, node, sources, reader));
    keys.close(reader);
    let (old, new) = (old??, new??);
    if let (Canary::Source(one), Canary::Source(other)) = (&old.client, &new.client)
        && one == other
    {
        let what = format!(
            "source {:?} stands for both roots; give each side a client of its own",
            one.as_str()
        );
        return reader.refuse(At::of(&new.place), what);
    }
    Some(Rotation { old, new })
}

fn side(
    name: &str,
    at: At,
    node: &Node,
    sources: &[Source],
    reader: &mut Reader<'_>,
) -> Option<Side> {
    let owner = format!("the {name} side of the rotation");
    let mut keys = Keys::of(owner, at, node, SIDE, reader)?;
    let root = keys.take("root");
    let root = root.map(|node| reader.path("root", node));
    let client = keys.take("client");
    let signer = keys.take("ca");
    let id = keys.take("id");
    let client = match (client, signer) {
        (Some(client), None) => {
            if id.is_some() {
                let what = "`id` goes with `ca`; the identity of `client` is its own";
                reader.mistakes.add(keys.place("id"), what);
            }
            source(client, sources, reader).map(Canary::Source)
        }
        (None, Some(signer)) => {
            let signer = given(signer, reader);
            let id = match id {
                Some(node) => reader.id("id", node),
                None => {
                    let what = format!(
                        "{} mints a client and has no \"id\"; write an identity that the targets let in, for example `id: sa/canary`",
                        keys.owner
                    );
                    reader.refuse(at, what)
                }
            };
            signer.zip(id).map(|(ca, id)| Canary::Mint { id, ca })
        }
        (Some(_), Some(_)) => {
            let what = format!(
                "{} has both `client` and `ca`; keep one of them",
                keys.owner
            );
            reader.refuse(keys.place("ca"), what)
        }
        (None, None) if keys.has_strangers() => None,
        (None, None) => {
            let what = format!(
                "{} has no client; name a source with a leaf of this root, `client: SOURCE`, or give a CA to mint one from, `ca: {{ chain: CA.pem, key: CA.key }}, id: sa/canary`",
                keys.owner
            );
            reader.refuse(at, what)
        }
    };
    keys.close(reader);
    Some(Side {
        root: match root {
            Some(path) => Some(path?),
            None => None,
        },
        client: client?,
        place: reader.mistakes.place(at),
    })
}

fn source(node: &Node, sources: &[Source], reader: &mut Reader<'_>) -> Option<SourceName> {
    let text = reader.text("client", node)?;
    let has_leaf = |source: &&Source| source.origin.has_certificate();
    match sources.iter().find(|source| source.name.as_str() == text) {
        Some(known) if has_leaf(&known) => return Some(known.name.clone()),
        Some(_) => {
            let what =
                format!("source {text:?} has no certificate; name one with a leaf of this root");
            return reader.refuse(node.at, what);
        }
        None => {}
    }
    let names = sources.iter().filter(has_leaf);
    let names: Vec<_> = names.map(|source| source.name.as_str()).collect();
    let hint = reader.mistakes.hint(text, "the suite has", names);
    reader.refuse(node.at, format!("there is no source {text:?}{hint}"))
}

/// A CA that exists: a throw-away one signs for no root.
fn given(node: &Node, reader: &mut Reader<'_>) -> Option<Ca> {
    if let Value::Text(_) = node.value {
        let what = "ca is the CA of the root here; write `{ chain: CA.pem, key: CA.key }`";
        return reader.refuse(node.at, what);
    }
    match ca(node, reader)? {
        Ca::Like(_) => {
            let what = "a CA that is only like this one signs for no root; write `{ chain: CA.pem, key: CA.key }`";
            reader.refuse(node.at, what)
        }
        ca @ (Ca::Files { .. } | Ca::Throwaway) => Some(ca),
    }
}

const EXAMPLE: &str =
    "{ old: { root: old.pem, client: canary-old }, new: { root: new.pem, client: canary-new } }";
const SIDE: &str = "{ root: ROOT.pem, client: SOURCE }";
