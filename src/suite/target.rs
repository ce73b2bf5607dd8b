//! The targets of a suite, and the defaults of what they may leave out.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use rustls_pki_types::DnsName;

use super::mistake::At;
use super::reader::{Keys, Reader};
use super::scope::{LINKERD_MARK, LINKERD_NAMESPACE, linkerd_domain};
use super::yaml::{Key, Node, Value};
use super::{Pause, Target, TargetName};
use crate::certificate::{Expected, TrustDomain};
use crate::target::{
    Address, Destination, Dialect, Group, HttpVersion, Offer, Request, Sni, SrvName, StartTls,
    Versions, Via, Way, name_server,
};

pub(super) const EXAMPLE: &str = "api: { address: \"api:8443\", id: sa/api }";

/// What a target may leave out.
#[derive(Default)]
pub(super) struct Defaults {
    timeout: Option<Duration>,
    attempts: Option<u32>,
    pause: Option<Duration>,
    jitter: Option<u8>,
    dns_server: Option<SocketAddr>,
    follow_ups: Option<bool>,
    dialect: Option<Dialect>,
    via: Option<Via>,
    control_plane: Option<String>,
    starttls: Option<StartTls>,
    request: Option<Request>,
    versions: Option<Versions>,
    sni: Option<Sni>,
    alpn: Option<Vec<String>>,
    groups: Option<Vec<Group>>,
}

pub(super) fn defaults(at: At, node: &Node, reader: &mut Reader<'_>) -> Defaults {
    let keys = Keys::of("defaults".to_owned(), at, node, "{ timeout: 3s }", reader);
    let Some(mut keys) = keys else {
        return Defaults::default();
    };
    let defaults = knobs(&mut keys, reader);
    keys.close(reader);
    defaults
}

/// The keys that a target and the defaults share.
fn knobs(keys: &mut Keys<'_>, reader: &mut Reader<'_>) -> Defaults {
    let mut read = |name| keys.take(name);
    let [timeout, attempts, dialect, request] =
        ["timeout", "attempts", "dialect", "request"].map(&mut read);
    let [tls, sni, alpn, groups] = ["tls", "sni", "alpn", "groups"].map(&mut read);
    let [follow_ups, via, starttls] = ["follow_ups", "via", "starttls"].map(&mut read);
    let [pause, jitter, dns_server] = ["pause", "jitter", "dns_server"].map(&mut read);
    let control_plane = read("control_plane");
    Defaults {
        timeout: timeout.and_then(|node| reader.timeout(node)),
        attempts: attempts.and_then(|node| reader.attempts(node)),
        pause: pause.and_then(|node| reader.pause(node)),
        jitter: jitter.and_then(|node| reader.jitter(node)),
        dns_server: dns_server.and_then(|node| self::dns_server(node, reader)),
        follow_ups: follow_ups.and_then(|node| {
            let known = [("true", true), ("false", false)];
            reader.word("follow_ups", node, &known)
        }),
        dialect: dialect.and_then(|node| self::dialect(node, reader)),
        via: via.and_then(|node| reader.parsed("via", node)),
        control_plane: control_plane.and_then(|node| self::control_plane(node, reader)),
        starttls: starttls.and_then(|node| self::starttls(node, reader)),
        request: request.and_then(|node| self::request(node, reader)),
        versions: tls.and_then(|node| versions(node, reader)),
        sni: sni.and_then(|node| self::sni(node, reader)),
        alpn: alpn.and_then(|node| self::alpn(node, reader)),
        groups: groups.and_then(|node| self::groups(node, reader)),
    }
}

pub(super) fn target(
    key: &Key,
    node: &Node,
    defaults: &Defaults,
    bundles: &[&TrustDomain],
    reader: &mut Reader<'_>,
) -> Option<Target> {
    let owner = format!("target {:?}", key.name);
    let mut keys = Keys::of(owner, key.at, node, "{ address: \"api:8443\" }", reader)?;
    let addresses = destinations(&mut keys, reader);
    let own = knobs(&mut keys, reader);
    let dialect = own.dialect.or(defaults.dialect).unwrap_or_default();
    let sni = own.sni.or(defaults.sni.clone()).unwrap_or_default();
    let control_plane = own.control_plane.or(defaults.control_plane.clone());
    let home = Home {
        dialect,
        sni: &sni,
        control_plane: control_plane.as_deref().unwrap_or(LINKERD_NAMESPACE),
    };
    let expected = expected(&mut keys, home, reader);
    let sni = expected
        .as_ref()
        .and_then(|expected| home.server_name(expected, &keys, reader))
        .unwrap_or(sni.clone());
    let bundle = keys.take("bundle");
    let bundle = bundle.map(|node| declared(node, bundles, reader));
    let bundle = bundle.or_else(|| match &expected {
        Some(Expected::Dns(name)) => linkerd_bundle(name, bundles).map(Some),
        Some(_) | None => None,
    });
    if let (None, [first, _, ..]) = (&bundle, bundles)
        && matches!(
            expected,
            Some(Expected::AnyName | Expected::Dns(_) | Expected::Ip(_))
        )
    {
        let what = format!(
            "{} names no trust domain and the suite has several bundles; say which one judges it: `bundle: {first}`",
            keys.owner
        );
        reader.mistakes.add(key.at, what);
    }
    let offer = Offer {
        alpn: own.alpn.or(defaults.alpn.clone()),
        sni,
        versions: own.versions.or(defaults.versions).unwrap_or_default(),
        groups: own.groups.or(defaults.groups.clone()).unwrap_or_default(),
    };
    if offer.versions == Versions::Tls12 && offer.groups == [Group::X25519MlKem768] {
        let what = "X25519MLKEM768 alone is offered over TLS 1.2, which does not have it; add a group or drop `tls: 1.2`";
        reader.mistakes.add(keys.place("groups"), what);
    }
    let way = Way {
        dialect,
        via: own.via.or(defaults.via.clone()),
        starttls: own.starttls.or(defaults.starttls).unwrap_or_default(),
    };
    check_way(&way, key.at, reader);
    check_srv(
        addresses.as_deref().unwrap_or_default(),
        &way,
        key.at,
        reader,
    );
    keys.close(reader);
    Some(Target {
        name: TargetName::new(&key.name),
        addresses: addresses?,
        dns_server: own.dns_server.or(defaults.dns_server),
        expected: expected?,
        bundle: match bundle {
            Some(domain) => Some(domain?),
            None => None,
        },
        way,
        request: own.request.or(defaults.request.clone()).unwrap_or_default(),
        offer,
        timeout: own.timeout.or(defaults.timeout).unwrap_or(TIMEOUT),
        attempts: own.attempts.or(defaults.attempts).unwrap_or(1),
        pause: Pause {
            length: own.pause.or(defaults.pause).unwrap_or_default(),
            jitter: own.jitter.or(defaults.jitter).unwrap_or_default(),
        },
        follow_ups: own.follow_ups.or(defaults.follow_ups).unwrap_or(true),
        place: reader.mistakes.place(key.at),
    })
}

/// Where to: addresses, or the name of SRV records.
fn destinations(keys: &mut Keys<'_>, reader: &mut Reader<'_>) -> Option<Vec<Destination>> {
    if let Some(node) = keys.take("srv") {
        if keys.take("address").is_some() {
            let what = format!(
                "{} has both `address` and `srv`; keep one of them",
                keys.owner
            );
            return reader.refuse(keys.place("srv"), what);
        }
        let names = each_once::<SrvName>("srv", node, "a name of SRV records", reader)?;
        return Some(names.into_iter().map(Destination::Srv).collect());
    }
    let how = "write for example `address: \"api.default.svc:8443\"`";
    let node = keys.need("address", how)?;
    let addresses = each_once::<Address>("address", node, "HOST:PORT", reader)?;
    Some(addresses.into_iter().map(Destination::Address).collect())
}

fn each_once<T>(key: &str, node: &Node, what: &str, reader: &mut Reader<'_>) -> Option<Vec<T>>
where
    T: FromStr<Err: Display> + Display + Clone + Eq + Hash,
{
    let items = reader.items(node);
    if items.is_empty() {
        return reader.refuse(node.at, format!("{key} is an empty list; write {what}"));
    }
    let mut found = vec![];
    let mut seen = HashSet::new();
    let mut all_good = true;
    for item in items {
        match reader.parsed::<T>(key, item) {
            Some(one) if !seen.insert(one.clone()) => {
                let what = format!("{key} \"{one}\" stands twice; remove one");
                reader.mistakes.add(item.at, what);
            }
            Some(one) => found.push(one),
            None => all_good = false,
        }
    }
    all_good.then_some(found)
}

fn dns_server(node: &Node, reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let text = reader.text("dns_server", node)?;
    match name_server(text) {
        Ok(server) => Some(server),
        Err(why) => reader.refuse(node.at, format!("dns_server {text:?} {why}")),
    }
}

/// Whom the certificate must name. By default any SVID of a trust domain that there is a bundle for:
/// a certificate that is no SVID is refused unless the target says that it need not be one.
fn expected(keys: &mut Keys<'_>, home: Home<'_>, reader: &mut Reader<'_>) -> Option<Expected> {
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
            return Some(match profile {
                None if let (Dialect::Linkerd, Sni::Name(name)) = (home.dialect, home.sni) => {
                    Expected::Dns(name.clone())
                }
                Some(Profile::Tls) => Expected::AnyName,
                Some(Profile::Svid) | None => Expected::AnySvid,
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
struct Home<'a> {
    dialect: Dialect,
    sni: &'a Sni,
    control_plane: &'a str,
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
    fn server_name(
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
fn linkerd_bundle(name: &str, bundles: &[&TrustDomain]) -> Option<TrustDomain> {
    linkerd_domain(name).filter(|domain| bundles.contains(&domain))
}

fn control_plane(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
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

fn sni(node: &Node, reader: &mut Reader<'_>) -> Option<Sni> {
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

fn host_name(key: &str, text: &str, at: At, reader: &mut Reader<'_>) -> Option<String> {
    match DnsName::try_from(text) {
        Ok(_) => Some(text.to_owned()),
        Err(_) => reader.refuse(at, format!("{key} {text:?} is not a host name")),
    }
}

fn declared(node: &Node, bundles: &[&TrustDomain], reader: &mut Reader<'_>) -> Option<TrustDomain> {
    let domain: TrustDomain = reader.parsed("bundle", node)?;
    if bundles.contains(&&domain) {
        return Some(domain);
    }
    let hint = reader.mistakes.hint(
        domain.as_str(),
        "the suite has",
        bundles.iter().map(|known| known.as_str()),
    );
    let hint = match hint.as_str() {
        "" => format!("; add `{domain}: {{ file: roots.pem }}` to `bundles`"),
        _ => hint,
    };
    reader.refuse(
        node.at,
        format!("there is no bundle for trust domain \"{domain}\"{hint}"),
    )
}

fn dialect(node: &Node, reader: &mut Reader<'_>) -> Option<Dialect> {
    reader.word(
        "dialect",
        node,
        &Dialect::ALL.map(|dialect| (dialect.as_str(), dialect)),
    )
}

fn starttls(node: &Node, reader: &mut Reader<'_>) -> Option<StartTls> {
    reader.word(
        "starttls",
        node,
        &StartTls::ALL.map(|protocol| (protocol.as_str(), protocol)),
    )
}

/// A proxy has replicas of its own, and nobody knows which of them leads where.
fn check_srv(to: &[Destination], way: &Way, at: At, reader: &mut Reader<'_>) {
    let is_srv = |one: &Destination| matches!(one, Destination::Srv(_));
    if let (Some(via @ Via::Address(_)), true) = (&way.via, to.iter().any(is_srv)) {
        let what = format!(
            "`via: \"{via}\"` does not go with `srv`; write a port of the same hosts, or an address"
        );
        reader.mistakes.add(at, what);
    }
}

/// What a dialect leaves no room for.
fn check_way(way: &Way, at: At, reader: &mut Reader<'_>) {
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

fn versions(node: &Node, reader: &mut Reader<'_>) -> Option<Versions> {
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

fn alpn(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<String>> {
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

fn groups(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<Group>> {
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

fn request(node: &Node, reader: &mut Reader<'_>) -> Option<Request> {
    let Value::Map(_) = node.value else {
        let text = reader.text("request", node)?;
        return match text.parse() {
            Ok(request) => Some(request),
            Err(why) => reader.refuse(node.at, format!("request {why}")),
        };
    };
    let mut keys = Keys::of("request".to_owned(), node.at, node, "", reader)?;
    let kinds = ["http", "http1", "http2", "grpc_health", "send", "postgres"];
    let given: Vec<_> = kinds
        .into_iter()
        .filter_map(|name| keys.take(name).map(|node| (name, node)))
        .collect();
    let expect = keys.take("expect");
    let request = match (given.as_slice(), expect) {
        ([("send", send)], expect) => raw(Some(send), expect, reader),
        ([], Some(expect)) => raw(None, Some(expect), reader),
        ([(name, _)], Some(expect)) => {
            let what = format!("`expect` does not go with `{name}`, only with `send`; remove one");
            reader.refuse(expect.at, what)
        }
        ([("grpc_health", node)], None) => service(node, reader),
        ([("postgres", node)], None) => postgres(node, reader),
        ([(name, node)], None) => http(name, node, reader),
        ([], None) if keys.has_strangers() => None,
        ([], None) => {
            let what = "request asks nothing; write { http: \"GET /path\" }, { grpc_health: SERVICE }, { send: TEXT, expect: TEXT } or none";
            reader.refuse(node.at, what)
        }
        ([_, (second, _), ..], _) => {
            let what = "request asks several things; write one target for each";
            reader.refuse(keys.place(second), what)
        }
    };
    keys.close(reader);
    request
}

fn http(name: &str, node: &Node, reader: &mut Reader<'_>) -> Option<Request> {
    let text = reader.text(name, node)?;
    match text.parse() {
        Ok(Request::Http { method, path, .. }) => Some(Request::Http {
            method,
            path,
            version: match name {
                "http1" => HttpVersion::Http1,
                "http2" => HttpVersion::Http2,
                _ => HttpVersion::Negotiated,
            },
        }),
        Ok(
            Request::None | Request::GrpcHealth(_) | Request::Raw { .. } | Request::Postgres { .. },
        )
        | Err(_) => {
            let what =
                format!("{name} {text:?} is not a request; write for example \"GET /healthz\"");
            reader.refuse(node.at, what)
        }
    }
}

fn service(node: &Node, reader: &mut Reader<'_>) -> Option<Request> {
    // Nothing, or an empty text, asks about the whole server.
    let service = match &node.value {
        Value::Empty => "",
        Value::Text(text) => text,
        Value::List(_) | Value::Map(_) => reader.text("grpc_health", node)?,
    };
    if service.len() > MAX_SERVICE || !service.bytes().all(|b| b.is_ascii_graphic()) {
        let what = format!("grpc_health {service:?} is not the name of a service");
        return reader.refuse(node.at, what);
    }
    Some(Request::GrpcHealth(service.to_owned()))
}

/// Bytes to send and bytes to find in the reply, either of which may be missing.
fn raw(send: Option<&Node>, expect: Option<&Node>, reader: &mut Reader<'_>) -> Option<Request> {
    let send = match send {
        Some(node) => bytes("send", node, reader)?,
        None => vec![],
    };
    let expect = match expect {
        Some(node) => Some(bytes("expect", node, reader)?),
        None => None,
    };
    Some(Request::Raw { send, expect })
}

/// A text, or `{ hex: "16 03" }` for what is none.
fn bytes(name: &str, node: &Node, reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let bytes = if let Value::Map(_) = node.value {
        let mut keys = Keys::of(name.to_owned(), node.at, node, "", reader)?;
        let hex = keys.need("hex", "write the bytes in hexadecimal");
        let bytes = hex.and_then(|node| hexadecimal(node, reader));
        keys.close(reader);
        bytes?
    } else {
        reader.text(name, node)?.as_bytes().to_vec()
    };
    match bytes.len() {
        1..=MAX_RAW => Some(bytes),
        0 => reader.refuse(node.at, format!("{name} is empty; remove the key")),
        many => {
            let what = format!("{name} has {many} bytes; {MAX_RAW} are allowed");
            reader.refuse(node.at, what)
        }
    }
}

fn hexadecimal(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let text = reader.text("hex", node)?;
    let digits: String = text.split_ascii_whitespace().collect();
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| match std::str::from_utf8(pair) {
            Ok(pair) if pair.len() == 2 => u8::from_str_radix(pair, 16).ok(),
            Ok(_) | Err(_) => None,
        })
        .collect();
    match bytes {
        Some(bytes) => Some(bytes),
        None => {
            let what =
                format!("hex {text:?} is not hexadecimal; write two digits a byte, such as 0d 0a");
            reader.refuse(node.at, what)
        }
    }
}

/// `{}`, or the user and the database to ask for.
fn postgres(node: &Node, reader: &mut Reader<'_>) -> Option<Request> {
    let mut names = ["user", "database"].map(|_| "postgres".to_owned());
    if !matches!(node.value, Value::Empty) {
        let example = "{ user: app, database: app }";
        let mut keys = Keys::of("postgres".to_owned(), node.at, node, example, reader)?;
        for (name, key) in names.iter_mut().zip(["user", "database"]) {
            let Some(node) = keys.take(key) else { continue };
            let text = reader.text(key, node)?;
            if text.is_empty() || text.len() > MAX_POSTGRES || text.contains('\0') {
                let what = format!("{key} {text:?} is not a name of PostgreSQL");
                return reader.refuse(node.at, what);
            }
            text.clone_into(name);
        }
        keys.close(reader);
    }
    let [user, database] = names;
    Some(Request::Postgres { user, database })
}

const TIMEOUT: Duration = Duration::from_secs(3);
const MAX_ALPN: usize = 32;
const MAX_SERVICE: usize = 1024;
const MAX_RAW: usize = 4096;
const MAX_POSTGRES: usize = 63;
