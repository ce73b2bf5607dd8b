//! What is minted for a source.

use jiff::{SignedDuration, Timestamp};

use crate::certificate::{Purpose, SpiffeId};
use crate::identity::mint::{Ca, Mint, Moment};
use crate::suite::mistake::At;
use crate::suite::reader::{Keys, Reader};
use crate::suite::yaml::{Node, Value};

pub(super) fn mint(
    name: &str,
    at: At,
    node: &Node,
    named: Option<SpiffeId>,
    reader: &mut Reader<'_>,
) -> Option<Mint> {
    let owner = format!("mint of source {name:?}");
    let mut keys = Keys::of(
        owner,
        at,
        node,
        "{ id: sa/frontend, ca: throwaway }",
        reader,
    )?;
    let id = mint_id(&mut keys, named, reader);
    let ca = keys.need("ca", &format!("write {CA}"));
    let ca = ca.and_then(|node| self::ca(node, reader));
    let uris = names(&mut keys, "uris", reader);
    let dns = names(&mut keys, "dns", reader);
    let (not_before, not_after) = validity(&mut keys, reader)?;
    let purposes = match keys.take("eku") {
        Some(node) => {
            let items = reader.items(node).iter();
            items.filter_map(|item| purpose(item, reader)).collect()
        }
        None => vec![Purpose::ServerAuth, Purpose::ClientAuth],
    };
    let is_ca = keys.take("is_ca");
    let is_ca = is_ca.and_then(|node| reader.truth("is_ca", node));
    let omit = keys.take("omit_intermediates");
    let omit = omit.and_then(|node| reader.truth("omit_intermediates", node));
    if let (Some(true), Some(Ca::Throwaway | Ca::Like(_))) = (omit, &ca) {
        let what = "a throw-away CA has no intermediates to omit; give `ca` a chain and a key, or remove this";
        reader.mistakes.add(keys.place("omit_intermediates"), what);
    }
    keys.close(reader);
    Some(Mint {
        id: id?,
        extra_uris: uris,
        dns,
        ca: ca?,
        not_before,
        not_after,
        extended_key_usage: purposes,
        is_ca: is_ca.unwrap_or(false),
        omit_intermediates: omit.unwrap_or(false),
    })
}

/// Nothing outside where there is a mistake, nothing inside where the leaf is to have no ID.
fn mint_id(
    keys: &mut Keys<'_>,
    named: Option<SpiffeId>,
    reader: &mut Reader<'_>,
) -> Option<Option<SpiffeId>> {
    let id = keys.take("id");
    let no_id = keys.take("no_id");
    let no_id = match no_id {
        Some(node) => reader.truth("no_id", node)?,
        None => false,
    };
    match id {
        Some(node) if matches!(&node.value, Value::Text(text) if text == "none") => Some(None),
        Some(_) if no_id => reader.refuse(
            keys.place("no_id"),
            "`no_id` and `id` contradict each other; keep one of them",
        ),
        Some(node) => reader.id("id", node).map(Some),
        None if no_id => Some(None),
        None if named.is_some() => Some(named),
        None => {
            let what = format!(
                "{} has no \"id\"; write for example `id: sa/frontend`, or `id: none` for a leaf without SPIFFE ID",
                keys.owner
            );
            reader.refuse(keys.at, what)
        }
    }
}

pub(in crate::suite) fn ca(node: &Node, reader: &mut Reader<'_>) -> Option<Ca> {
    if let Value::Text(_) = node.value {
        return reader
            .word("ca", node, &[("throwaway", ())])
            .map(|()| Ca::Throwaway);
    }
    let mut keys = Keys::of("ca".to_owned(), node.at, node, "throwaway", reader)?;
    let like = keys.take("like");
    let chain = keys.take("chain");
    let key = keys.take("key");
    let ca = match (like, chain, key) {
        (Some(like), None, None) => reader.path("like", like).map(Ca::Like),
        (None, Some(chain), Some(key)) => {
            let chain = reader.path("chain", chain);
            let key = reader.path("key", key);
            chain.zip(key).map(|(chain, key)| Ca::Files { chain, key })
        }
        (None, Some(_), None) => {
            let what = "ca has a \"chain\" and no \"key\"; a minted certificate is signed with it";
            reader.refuse(node.at, what)
        }
        (None, None, Some(_)) => {
            let what =
                "ca has a \"key\" and no \"chain\"; name the PEM file of the CA's certificate";
            reader.refuse(node.at, what)
        }
        (Some(_), _, _) => {
            let what = "ca has \"like\", which makes a key of its own; remove \"chain\" and \"key\", or \"like\"";
            reader.refuse(node.at, what)
        }
        (None, None, None) => reader.refuse(node.at, format!("ca names no CA; write {CA}")),
    };
    keys.close(reader);
    ca
}

/// Further SANs. They may break every rule but that of the encoding, which takes ASCII.
fn names(keys: &mut Keys<'_>, key: &'static str, reader: &mut Reader<'_>) -> Vec<String> {
    let Some(node) = keys.take(key) else {
        return vec![];
    };
    let mut names = vec![];
    for (at, text) in reader.texts(key, node) {
        if text.is_ascii() {
            names.push(text.to_owned());
        } else {
            let what =
                format!("{key} {text:?} is not ASCII, and a certificate holds nothing else there");
            reader.mistakes.add(at, what);
        }
    }
    names
}

fn validity(keys: &mut Keys<'_>, reader: &mut Reader<'_>) -> Option<(Moment, Moment)> {
    let mut bound = |key, default| match keys.take(key) {
        Some(node) => moment(key, node, reader).map(|moment| (moment, true)),
        None => Some((Moment::After(default), false)),
    };
    let before = bound("not_before", NOT_BEFORE);
    let after = bound("not_after", NOT_AFTER);
    let ((before, before_written), (after, after_written)) = before.zip(after)?;
    let ordered = match (before, after) {
        (Moment::At(before), Moment::At(after)) => before < after,
        (Moment::After(before), Moment::After(after)) => before < after,
        // That depends on when the run starts.
        (Moment::At(_), Moment::After(_)) | (Moment::After(_), Moment::At(_)) => true,
    };
    if !ordered {
        let (key, what) = match (before_written, after_written) {
            (false, _) => (
                "not_after",
                "not_after is before not_before, which is -5m by default; set `not_before` as well",
            ),
            (true, false) => (
                "not_before",
                "not_before is after not_after, which is 1h by default; set `not_after` as well",
            ),
            (true, true) => ("not_after", "not_after is not after not_before; swap them?"),
        };
        return reader.refuse(keys.place(key), what);
    }
    Some((before, after))
}

fn moment(key: &str, node: &Node, reader: &mut Reader<'_>) -> Option<Moment> {
    let text = reader.text(key, node)?;
    if let Ok(span) = text.parse::<SignedDuration>() {
        if span.abs() > MAX_OFFSET {
            let what = format!("{key} {text:?} is over a hundred years away; write less");
            return reader.refuse(node.at, what);
        }
        return Some(Moment::After(span));
    }
    match text.parse::<Timestamp>() {
        // X.509 writes years with four digits, and before 1950 in a form that few read.
        Ok(moment) if (MIN_MOMENT..=MAX_MOMENT).contains(&moment.as_second()) => {
            Some(Moment::At(moment))
        }
        Ok(_) => reader.refuse(
            node.at,
            format!("{key} {text:?} does not fit a certificate; write a year from 1950 to 9999"),
        ),
        Err(_) => reader.refuse(
            node.at,
            format!(
                "{key} {text:?} is not a moment; write an offset in hours or less such as -48h, or a date such as 2026-01-31T00:00:00Z"
            ),
        ),
    }
}

fn purpose(node: &Node, reader: &mut Reader<'_>) -> Option<Purpose> {
    let text = reader.text("eku", node)?;
    match text {
        "serverAuth" | "1.3.6.1.5.5.7.3.1" => return Some(Purpose::ServerAuth),
        "clientAuth" | "1.3.6.1.5.5.7.3.2" => return Some(Purpose::ClientAuth),
        "any" | "2.5.29.37.0" => return Some(Purpose::Any),
        _ => {}
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        if is_oid(text) {
            return Some(Purpose::Other(text.to_owned()));
        }
        let what = format!(
            "eku {text:?} is not an OID; write numbers with dots, such as 1.3.6.1.5.5.7.3.3"
        );
        return reader.refuse(node.at, what);
    }
    let known = ["serverAuth", "clientAuth", "any"];
    let hint = match reader.mistakes.hint(text, "write", known) {
        hint if hint.starts_with("; write") => format!("{hint}, or an OID"),
        hint => hint,
    };
    reader.refuse(node.at, format!("eku {text:?} is not known{hint}"))
}

fn is_oid(text: &str) -> bool {
    let canonical = |arc: &str| arc.parse::<u64>().ok().filter(|n| n.to_string() == arc);
    let Some(arcs) = text.split('.').map(canonical).collect::<Option<Vec<u64>>>() else {
        return false;
    };
    // The first two arcs share one number in the encoding.
    matches!(
        arcs.as_slice(),
        [0 | 1, 0..=39, _, ..] | [2, 0..=0xffff, _, ..]
    ) && arcs.len() <= 32
}

const CA: &str = "`throwaway`, `{ like: CA.pem }` or `{ chain: CA.pem, key: CA.key }`";
const NOT_BEFORE: SignedDuration = SignedDuration::from_mins(-5);
const NOT_AFTER: SignedDuration = SignedDuration::from_hours(1);
const MAX_OFFSET: SignedDuration = SignedDuration::from_hours(100 * 366 * 24);
/// 1950-01-01T00:00:00Z
const MIN_MOMENT: i64 = -631_152_000;
/// 9999-12-30T22:00:00Z, the end of what [`Timestamp`] holds.
const MAX_MOMENT: i64 = 253_402_207_200;
