//! How a target is reached, and what our ClientHello says there.

use std::net::IpAddr;

use rustls_pki_types::DnsName;

use super::mistake::At;
use super::reader::Reader;
use super::yaml::Node;
use crate::target::{Destination, Dialect, Group, Sni, StartTls, Versions, Via, Way};

pub(super) fn sni(node: &Node, reader: &mut Reader<'_>) -> Option<Sni> {
    let text = reader.text("sni", node)?;
    if text == "off" {
        return Some(Sni::Off);
    }
    if text.parse::<IpAddr>().is_ok() {
        let what =
            format!("sni {text:?} is an address, which TLS does not send; write a name, or off");
        return reader.refuse(node.at, what);
    }
    host_name("sni", text, node.at, reader).map(Sni::Name)
}

pub(super) fn host_name(key: &str, text: &str, at: At, reader: &mut Reader<'_>) -> Option<String> {
    match DnsName::try_from(text) {
        Ok(_) => Some(text.to_owned()),
        Err(_) => reader.refuse(at, format!("{key} {text:?} is not a host name")),
    }
}

pub(super) fn dialect(node: &Node, reader: &mut Reader<'_>) -> Option<Dialect> {
    reader.word(
        "dialect",
        node,
        &Dialect::ALL.map(|dialect| (dialect.as_str(), dialect)),
    )
}

pub(super) fn starttls(node: &Node, reader: &mut Reader<'_>) -> Option<StartTls> {
    reader.word(
        "starttls",
        node,
        &StartTls::ALL.map(|protocol| (protocol.as_str(), protocol)),
    )
}

/// A proxy has replicas of its own, and nobody knows which of them leads where.
pub(super) fn check_srv(to: &[Destination], way: &Way, at: At, reader: &mut Reader<'_>) {
    let is_srv = |one: &Destination| matches!(one, Destination::Srv(_));
    if let (Some(via @ Via::Address(_)), true) = (&way.via, to.iter().any(is_srv)) {
        let what = format!(
            "`via: \"{via}\"` does not go with `srv`; write a port of the same hosts, or an address"
        );
        reader.mistakes.add(at, what);
    }
}

/// What a dialect leaves no room for.
pub(super) fn check_way(way: &Way, at: At, reader: &mut Reader<'_>) {
    let dialect = way.dialect.as_str();
    let finds_its_own = matches!(way.dialect, Dialect::Sidecar | Dialect::Auto);
    if let (Some(via), true) = (&way.via, finds_its_own) {
        let what = format!(
            "`via: {via}` does not go with `dialect: {dialect}`, which finds its own way; remove one"
        );
        reader.mistakes.add(at, what);
    }
    let begins_with_tls = !matches!(way.dialect, Dialect::Tls | Dialect::Istio);
    if begins_with_tls && way.starttls != StartTls::No {
        let what = format!(
            "`starttls: {}` does not go with `dialect: {dialect}`; write tls or istio",
            way.starttls.as_str()
        );
        reader.mistakes.add(at, what);
    }
}

pub(super) fn versions(node: &Node, reader: &mut Reader<'_>) -> Option<Versions> {
    match reader.text("tls", node)? {
        "1.2" => Some(Versions::Tls12),
        "1.3" => Some(Versions::Tls13),
        other => {
            let what = format!(
                "tls {other:?} is not offered; write 1.2 or 1.3, or leave the key out for both"
            );
            reader.refuse(node.at, what)
        }
    }
}

pub(super) fn alpn(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let mut names = vec![];
    for (at, text) in reader.texts("alpn", node) {
        if text.len() > 255 {
            let what = format!("an ALPN name of {} bytes; 255 are allowed", text.len());
            reader.mistakes.add(at, what);
        } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
            let what = format!(
                "alpn {text:?} is not the name of a protocol; write for example h2 or http/1.1"
            );
            reader.mistakes.add(at, what);
        } else {
            names.push(text.to_owned());
        }
    }
    if names.len() > MAX_ALPN {
        let what = format!("{} ALPN names; {MAX_ALPN} are allowed", names.len());
        return reader.refuse(node.at, what);
    }
    Some(names)
}

pub(super) fn groups(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<Group>> {
    let known = Group::ALL.iter().map(|group| (group.as_str(), *group));
    let known: Vec<_> = known.collect();
    let items = reader.items(node);
    if items.is_empty() {
        let what = "groups is an empty list; leave the key out to offer all";
        return reader.refuse(node.at, what);
    }
    let mut groups = vec![];
    for item in items {
        match reader.word("group", item, &known) {
            Some(group) if groups.contains(&group) => {
                let what = format!("group {:?} stands twice; remove one", group.as_str());
                reader.mistakes.add(item.at, what);
            }
            Some(group) => groups.push(group),
            None => {}
        }
    }
    Some(groups)
}

const MAX_ALPN: usize = 32;
