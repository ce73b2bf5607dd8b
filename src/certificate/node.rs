//! A certificate under judgement, with the place it came from.

use std::fmt;

use rustls_pki_types::CertificateDer;

use super::Facts;
use super::parts::Parts;

/// Where a certificate came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// First of the chain.
    Leaf,
    /// Further up in the chain, counted from the leaf, which is 0.
    Sent(usize),
    /// In the bundle.
    Root,
    /// Known to us and not sent by the peer.
    Elsewhere,
}

/// A certificate under judgement. Shown, it is the name that messages use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    pub(super) place: Place,
    pub(super) der: &'a CertificateDer<'static>,
    pub(super) facts: &'a Facts,
    pub(super) parts: Parts<'a>,
}

impl<'a> Node<'a> {
    pub(super) fn new(
        place: Place,
        der: &'a CertificateDer<'static>,
        facts: &'a Facts,
    ) -> Option<Self> {
        let parts = Parts::of(der)?;
        Some(Self {
            place,
            der,
            facts,
            parts,
        })
    }

    /// Both certificates stand for the same CA: name and key are equal.
    pub(super) fn is_same_authority(&self, other: &Self) -> bool {
        self.parts.subject == other.parts.subject && self.parts.key.whole == other.parts.key.whole
    }
}

impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = quoted(&self.facts.subject);
        match self.place {
            Place::Leaf => f.write_str("leaf"),
            Place::Sent(nth) => write!(f, "intermediate {nth} {name}"),
            Place::Root => write!(f, "root {name}"),
            Place::Elsewhere => write!(f, "intermediate {name} (not sent)"),
        }
    }
}

/// A text of a peer, short and in quotes, so that it cannot pass for our own words.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        None => format!("{text:?}"),
        Some((at, _)) => format!("{:?}", format!("{}…", text.get(..at).unwrap_or_default())),
    }
}

const MAX_SHOWN: usize = 200;
