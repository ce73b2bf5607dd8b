//! Whom the certificate of a target must name.

use std::net::IpAddr;

use super::hello::host_name;
use super::reader::{Keys, Reader};
use super::target::Declared;
use super::yaml::{Node, Value};
use crate::certificate::{Expected, TrustDomain};
use crate::identity::{LINKERD_MARK, linkerd_domain};
use crate::target::{Dialect, Sni};

/// Whom the certificate must name. By default any SVID of a trust domain that there is a bundle for:
/// a certificate that is no SVID is refused unless the target says that it need not be one.
pub(super) fn expected(
    keys: &mut Keys<'_>,
    home: Home<'_>,
    reader: &mut Reader<'_>,
) -> Option<Expected> {
    let given: Vec<_> = ["id", "trust_domain", "dns", "ip"]
        .into_iter()
        .filter_map(|name| keys.take(name).map(|node| (name, node)))
        .collect();
    let profile = match keys.take("profile") {
        Some(node) => {
            let known = [("svid", Profile::Svid), ("tls", Profile::Tls)];
            Some(reader.word("profile", node, &known)?)
        }
        None => None,
    };
    let (name, node) = match *given.as_slice() {
        [] => {
            return Some(match (profile, home.dialect, home.sni) {
                (None, Dialect::Linkerd, Sni::Name(name)) => Expected::Dns(name.clone()),
                (Some(Profile::Tls), ..) => Expected::AnyName,
                (Some(Profile::Svid) | None, ..) => Expected::AnySvid,
            });
        }
        [one] => one,
        [(first, _), (second, _), ..] => {
            let what = format!(
                "{} has both `{first}` and `{second}`; keep one of them",
                keys.owner
            );
            return reader.refuse(keys.place(second), what);
        }
    };
    let (expected, means) = match name {
        "id" if home.dialect == Dialect::Linkerd && is_short(node) => {
            let name = home.linkerd_name(node, reader);
            (name.map(Expected::Dns), Profile::Tls)
        }
        "id" => (reader.id("id", node).map(Expected::Id), Profile::Svid),
        "trust_domain" => {
            let domain = reader.parsed("trust_domain", node);
            (domain.map(Expected::TrustDomain), Profile::Svid)
        }
        "dns" => (dns(node, reader).map(Expected::Dns), Profile::Tls),
        _ => (ip(node, reader).map(Expected::Ip), Profile::Tls),
    };
    if profile.is_some_and(|profile| profile != means) {
        let what = match means {
            Profile::Svid => format!(
                "`profile: tls` does not go with `{name}`, which only an SVID has; remove one"
            ),
            Profile::Tls => format!(
                "`profile: svid` does not go with `{name}`; write `id` or `trust_domain`, or remove the profile"
            ),
        };
        return reader.refuse(keys.place("profile"), what);
    }
    match &expected {
        Some(Expected::Id(id)) if id.path().is_empty() => {
            let what = format!(
                "id \"{id}\" is a whole trust domain; write `trust_domain: {}`",
                id.trust_domain()
            );
            reader.refuse(node.at, what)
        }
        _ => expected,
    }
}

/// What the name of a target depends on beside the name.
#[derive(Clone, Copy)]
pub(super) struct Home<'a> {
    pub(super) dialect: Dialect,
    pub(super) sni: &'a Sni,
    pub(super) control_plane: &'a str,
}

impl Home<'_> {
    /// Linkerd knows its service accounts by names of the DNS.
    fn linkerd_name(self, node: &Node, reader: &mut Reader<'_>) -> Option<String> {
        let text = reader.text("id", node)?;
        match reader.scope.linkerd_name(text, self.control_plane) {
            Ok(name) => Some(name),
            Err(why) => reader.refuse(node.at, format!("id {text:?} {why}")),
        }
    }

    /// The server name of a Linkerd proxy is its identity; nothing where another is chosen.
    pub(super) fn server_name(
        self,
        expected: &Expected,
        keys: &Keys<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<Sni> {
        match (self.dialect, self.sni, expected) {
            (Dialect::Linkerd, Sni::Host, Expected::Dns(name)) => Some(Sni::Name(name.clone())),
            (Dialect::Auto, Sni::Host, Expected::Dns(name)) if name.contains(LINKERD_MARK) => {
                Some(Sni::Name(name.clone()))
            }
            (Dialect::Linkerd, Sni::Host, _) => {
                let what = format!(
                    "{} needs a server name: a Linkerd proxy ends TLS for its own name alone; write `id: sa/NAME`, its whole identity as `dns: NAME`, or `sni: NAME`",
                    keys.owner
                );
                reader.refuse(keys.at, what)
            }
            (_, _, _) => None,
        }
    }
}

fn is_short(node: &Node) -> bool {
    matches!(&node.value, Value::Text(text) if !text.contains("://"))
}

/// The bundle of the trust domain that a name of Linkerd ends in.
pub(super) fn linkerd_bundle(name: &str, bundles: &Declared<'_>) -> Option<TrustDomain> {
    linkerd_domain(name).filter(|domain| bundles.has(domain))
}

pub(super) fn control_plane(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text("control_plane", node)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.len() <= 63 && text.chars().all(allowed) {
        return Some(text.to_owned());
    }
    let what = format!("control_plane {text:?} is not the name of a Kubernetes namespace");
    reader.refuse(node.at, what)
}

/// By which rules a certificate is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Profile {
    Svid,
    Tls,
}

fn dns(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text("dns", node)?;
    if text.parse::<IpAddr>().is_ok() {
        return reader.refuse(
            node.at,
            format!("dns {text:?} is an address; write `ip: {text}`"),
        );
    }
    host_name("dns", text, node.at, reader)
}

fn ip(node: &Node, reader: &mut Reader<'_>) -> Option<IpAddr> {
    let text = reader.text("ip", node)?;
    match text.parse() {
        Ok(ip) => Some(ip),
        Err(_) => {
            let what = format!(
                "ip {text:?} is not an address; write it without port, such as 10.0.0.7 or ::1"
            );
            reader.refuse(node.at, what)
        }
    }
}
