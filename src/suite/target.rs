//! The targets of a suite, and the defaults of what they may leave out.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use super::hello::{self, check_srv, check_way};
use super::name::{self, Home};
use super::reader::{Keys, Reader};
use super::scope::LINKERD_NAMESPACE;
use super::yaml::{Key, Node};
use super::{BundleSource, Pause, Target, TargetName, Whose, request};
use crate::certificate::{Expected, TrustDomain};
use crate::target::{
    Address, Destination, Dialect, Group, Offer, Request, Sni, SrvName, StartTls, Versions, Via,
    Way, name_server,
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

/// Takes them from the keys of the defaults.
pub(super) fn defaults(keys: &mut Keys<'_>, reader: &mut Reader<'_>) -> Defaults {
    knobs(keys, reader)
}

/// The trust domains that there are bundles for.
pub(super) struct Declared<'a> {
    pub(super) domains: Vec<&'a TrustDomain>,
    /// Others may come from an origin that names them itself.
    pub(super) is_open: bool,
}

impl<'a> Declared<'a> {
    pub(super) fn of(bundles: &'a [BundleSource]) -> Self {
        let domains = bundles.iter().filter_map(|bundle| match &bundle.whose {
            Whose::Domain(domain) => Some(domain),
            Whose::Each | Whose::Any => None,
        });
        let mut all = bundles.iter();
        Self {
            domains: domains.collect(),
            is_open: all.any(|bundle| bundle.whose == Whose::Each),
        }
    }

    pub(super) fn has(&self, domain: &TrustDomain) -> bool {
        self.is_open || self.domains.contains(&domain)
    }
}

/// The keys that a target and the defaults share.
fn knobs(keys: &mut Keys<'_>, reader: &mut Reader<'_>) -> Defaults {
    let mut read = |name| keys.take(name);
    let [timeout, attempts, dialect, ask] =
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
        dialect: dialect.and_then(|node| hello::dialect(node, reader)),
        via: via.and_then(|node| reader.parsed("via", node)),
        control_plane: control_plane.and_then(|node| name::control_plane(node, reader)),
        starttls: starttls.and_then(|node| hello::starttls(node, reader)),
        request: ask.and_then(|node| request::request(node, reader)),
        versions: tls.and_then(|node| hello::versions(node, reader)),
        sni: sni.and_then(|node| hello::sni(node, reader)),
        alpn: alpn.and_then(|node| hello::alpn(node, reader)),
        groups: groups.and_then(|node| hello::groups(node, reader)),
    }
}

pub(super) fn target(
    key: &Key,
    node: &Node,
    defaults: &Defaults,
    bundles: &Declared<'_>,
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
    let expected = name::expected(&mut keys, home, reader);
    let sni = expected
        .as_ref()
        .and_then(|expected| home.server_name(expected, &keys, reader))
        .unwrap_or(sni.clone());
    let bundle = keys.take("bundle");
    let bundle = bundle.map(|node| declared(node, bundles, reader));
    let bundle = bundle.or_else(|| match &expected {
        Some(Expected::Dns(name)) => name::linkerd_bundle(name, bundles).map(Some),
        Some(_) | None => None,
    });
    if let (None, [first, _, ..]) = (&bundle, bundles.domains.as_slice())
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

fn declared(node: &Node, bundles: &Declared<'_>, reader: &mut Reader<'_>) -> Option<TrustDomain> {
    let domain: TrustDomain = reader.parsed("bundle", node)?;
    if bundles.has(&domain) {
        return Some(domain);
    }
    let hint = reader.mistakes.hint(
        domain.as_str(),
        "the suite has",
        bundles.domains.iter().map(|known| known.as_str()),
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

const TIMEOUT: Duration = Duration::from_secs(3);
