//! `probe --from A --to B`: one pair, in depth, with `none` and `plaintext` beside it for the mode.

use std::time::Duration;

use super::ad_hoc::flag;
use super::arguments::{self, Common, Name, Pair, TlsVersion};
use super::output::Output;
use super::run::probe;
use super::{Terminal, Trouble, ad_hoc, config};
use crate::certificate::{Expected, SpiffeId, TrustDomain};
use crate::code::Code;
use crate::exit::Exit;
use crate::identity::{Files, Identity, Origin, files};
use crate::suite::{
    Expectation, LINKERD_NAMESPACE, Pause, Scope, Source, SourceName, Suite, Target, TargetName,
    Wanted, Whose,
};
use crate::target::{Destination, Dialect, Offer, Request, Sni, Versions, Via, Way};

pub(super) async fn pair(
    pair: &Pair,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let Some(to) = &pair.to else {
        return Err(Trouble::usage(
            "--to names where to connect: a target of the suite, or HOST:PORT",
        ));
    };
    let suites = config::configured(common)?;
    let suite = suite(pair, to, common, &suites)?;
    let output = Output::new(common, terminal)?;
    let mut suites = [suite];
    config::complete(&mut suites, common)?;
    probe(&suites, None, common, &output, None, terminal).await
}

/// A suite of this pair alone, with the trust of the suite that knows it.
fn suite(pair: &Pair, to: &str, common: &Common, suites: &[Suite]) -> Result<Suite, Trouble> {
    let knows = |suite: &&Suite| {
        suite
            .targets
            .iter()
            .any(|target| target.name.as_str() == to)
            || pair
                .from
                .as_deref()
                .is_some_and(|from| source_of(suite, from).is_some())
    };
    let known = suites.iter().find(knows).or(suites.first());
    let own = own_identity(pair)?;
    let source = match &pair.identity {
        Some(text) => {
            let (domain, id) = (pair.name.trust_domain.as_ref(), pair.name.id.as_deref());
            let scope = ad_hoc::scope(known.map(|suite| &suite.scope), domain, id);
            ad_hoc::identity(text, pair.from.as_deref(), &scope)?
        }
        None => source(pair, known, own.as_ref())?,
    };
    let scope = scope(pair, known, own.as_ref(), &source);
    let name = Wish::new(&pair.name, &scope, dialect(pair, to, known))?;
    let mut suite = Suite {
        name: known
            .map_or("the command line", |suite| &suite.name)
            .to_owned(),
        bundles: known.map(|suite| suite.bundles.clone()).unwrap_or_default(),
        crls: known.map(|suite| suite.crls.clone()).unwrap_or_default(),
        scope,
        sources: vec![],
        targets: vec![],
        expectations: vec![],
        rotation: None,
    };
    suite.crls.extend(pair.crl.iter().cloned());
    let domain = name.trust_domain(&suite.scope);
    for text in &pair.bundle {
        let (named, origin) = ad_hoc::bundle(text, &suite.scope)?;
        let whose = named.unwrap_or_else(|| domain.clone().map_or(Whose::Any, Whose::Domain));
        ad_hoc::replace(&mut suite.bundles, whose, origin);
    }
    let target = target(pair, to, common, known, name)?;
    let verdict = match (pair.expect, known) {
        (Some(wanted), _) => vec![wanted],
        (None, Some(known)) => wanted(known, &source.name, &target.name),
        (None, None) => vec![Wanted::Code(default_expectation(&source))],
    };
    suite.expectations.push(Expectation::Cells {
        from: vec![source.name.clone()],
        to: vec![target.name.clone()],
        verdict,
    });
    let beside = [
        (SourceName::NONE, Origin::NoCertificate),
        (SourceName::PLAINTEXT, Origin::Plaintext),
    ];
    let beside = beside
        .into_iter()
        .filter(|(_, origin)| !pair.only && *origin != source.origin);
    let beside: Vec<Source> = beside
        .map(|(name, origin)| Source {
            name: SourceName::new(name),
            origin,
            id: None,
            place: flag("--from"),
        })
        .collect();
    suite.sources.push(source);
    suite.sources.extend(beside);
    suite.targets.push(target);
    Ok(suite)
}

/// What a suite says of the cell, else that it works.
fn wanted(suite: &Suite, source: &SourceName, target: &TargetName) -> Vec<Wanted> {
    let lines = suite.expectations.iter().rev();
    let mut said = lines.filter_map(|line| match line {
        Expectation::Cells { from, to, verdict } => {
            (from.contains(source) && to.contains(target)).then(|| verdict.clone())
        }
        Expectation::Mode { .. } => None,
    });
    said.next().unwrap_or_else(|| vec![Wanted::Code(Code::Ok)])
}

/// "Accepted", for whatever comes.
fn default_expectation(source: &Source) -> Code {
    match source.origin {
        Origin::Plaintext => Code::PlaintextAccepted,
        Origin::NoCertificate
        | Origin::Files(_)
        | Origin::Mint(_)
        | Origin::Fetched(_)
        | Origin::Sidecar => Code::Ok,
    }
}

fn own_identity(pair: &Pair) -> Result<Option<Identity>, Trouble> {
    let Some(chain) = &pair.cert else {
        return Ok(None);
    };
    let key = pair.key.as_ref().unwrap_or(chain);
    files::load(chain, key).map(Some).map_err(Trouble::usage)
}

/// Who connects: the flags, else the suite, else the pseudo-sources.
fn source(pair: &Pair, known: Option<&Suite>, own: Option<&Identity>) -> Result<Source, Trouble> {
    let from = pair.from.as_deref();
    if let (Some(chain), Some(own)) = (&pair.cert, own) {
        let name = from.or(own.name()).unwrap_or("identity");
        return Ok(Source {
            name: SourceName::new(name),
            origin: Origin::Files(Files::Named {
                chain: chain.clone(),
                key: pair.key.clone().unwrap_or_else(|| chain.clone()),
            }),
            id: from.and_then(|from| from.parse().ok()),
            place: flag("--cert"),
        });
    }
    let pseudo = |name: &str, origin| Source {
        name: SourceName::new(name),
        origin,
        id: None,
        place: flag("--from"),
    };
    match from {
        Some(SourceName::NONE) => Ok(pseudo(SourceName::NONE, Origin::NoCertificate)),
        Some(SourceName::PLAINTEXT) => Ok(pseudo(SourceName::PLAINTEXT, Origin::Plaintext)),
        Some(SourceName::SIDECAR) => Ok(pseudo(SourceName::SIDECAR, Origin::Sidecar)),
        Some(from) => known.and_then(|suite| source_of(suite, from)).ok_or_else(|| {
            let others: Vec<&str> = known
                .iter()
                .flat_map(|suite| &suite.sources)
                .map(|source| source.name.as_str())
                .collect();
            Trouble::usage(match known {
                Some(suite) => format!(
                    "--from {from:?} is no source of {}; it has {}; or give the identity with \
                     --identity, or --cert and --key",
                    suite.name,
                    others.join(", ")
                ),
                None => format!(
                    "--from {from:?}: there is no suite to find it in; name one with --config, or \
                     give the identity with --identity, or --cert and --key"
                ),
            })
        }),
        None => Err(Trouble::usage(
            "--from names who connects: a source of the suite, `none`, `plaintext`, or give the \
             identity with --identity, or --cert and --key",
        )),
    }
}

/// A source by its name or its SPIFFE ID.
fn source_of(suite: &Suite, from: &str) -> Option<Source> {
    let id: Option<SpiffeId> = from.parse().ok();
    let mut all = suite.sources.iter();
    all.find(|source| source.name.as_str() == from || (id.is_some() && source.id == id))
        .cloned()
}

/// What short IDs and bundles without a trust domain mean: as in the suite, else as our identity says.
fn scope(pair: &Pair, known: Option<&Suite>, own: Option<&Identity>, source: &Source) -> Scope {
    let of = |id: &SpiffeId| id.trust_domain().clone();
    let ours = own.and_then(Identity::trust_domain);
    let mut scope = known.map(|suite| suite.scope.clone()).unwrap_or_default();
    scope.trust_domain = (pair.name.trust_domain.clone())
        .or(scope.trust_domain)
        .or(ours)
        .or(source.id.as_ref().map(of));
    scope
}

/// Whom the flags want to meet; nothing where they do not say.
struct Wish(Option<Expected>);

impl Wish {
    fn new(name: &Name, scope: &Scope, dialect: Dialect) -> Result<Self, Trouble> {
        let Name {
            id,
            trust_domain,
            dns,
            ip,
        } = name;
        Ok(Self(match (id, trust_domain, dns, ip) {
            (Some(id), ..) if dialect == Dialect::Linkerd && !id.contains("://") => {
                let name = scope.linkerd_name(id, LINKERD_NAMESPACE);
                Some(Expected::Dns(
                    name.map_err(|why| Trouble::usage(format!("--id {why}")))?,
                ))
            }
            (Some(id), ..) => {
                let id = scope.id(id);
                Some(Expected::Id(
                    id.map_err(|why| Trouble::usage(format!("--id {why}")))?,
                ))
            }
            (_, Some(domain), ..) => Some(Expected::TrustDomain(domain.clone())),
            (_, _, Some(name), _) => Some(Expected::Dns(name.clone())),
            (.., Some(ip)) => Some(Expected::Ip(*ip)),
            (None, None, None, None) => None,
        }))
    }

    /// The trust domain of a bundle that names none; none where certificates are not named by SPIFFE.
    fn trust_domain(&self, scope: &Scope) -> Option<TrustDomain> {
        match &self.0 {
            Some(Expected::Id(id)) => Some(id.trust_domain().clone()),
            Some(Expected::TrustDomain(domain)) => Some(domain.clone()),
            Some(Expected::Dns(_) | Expected::Ip(_) | Expected::AnyName) => None,
            Some(Expected::AnySvid) | None => scope.trust_domain.clone(),
        }
    }
}

/// How to be taken for a peer: the flag, else the suite's target.
fn dialect(pair: &Pair, to: &str, known: Option<&Suite>) -> Dialect {
    let of_target = || target_of(known?, to).map(|target| target.way.dialect);
    pair.dialect.or_else(of_target).unwrap_or_default()
}

fn target_of<'a>(suite: &'a Suite, to: &str) -> Option<&'a Target> {
    let mut all = suite.targets.iter();
    all.find(|target| target.name.as_str() == to)
}

fn target(
    pair: &Pair,
    to: &str,
    common: &Common,
    known: Option<&Suite>,
    wish: Wish,
) -> Result<Target, Trouble> {
    let found = known.and_then(|suite| target_of(suite, to).cloned());
    let mut target = match found {
        Some(target) => target,
        None => Target {
            name: TargetName::new(to),
            addresses: vec![arguments::destination(to).map_err(|why| {
                let names: Vec<&str> = known
                    .iter()
                    .flat_map(|suite| &suite.targets)
                    .map(|target| target.name.as_str())
                    .collect();
                let others = if names.is_empty() {
                    String::new()
                } else {
                    format!(
                        ", and it is no target of the suite, which has {}",
                        names.join(", ")
                    )
                };
                Trouble::Usage(format!("--to {why}{others}"))
            })?],
            expected: Expected::AnySvid,
            bundle: None,
            way: Way::default(),
            request: Request::None,
            offer: Offer::default(),
            timeout: DEFAULT_TIMEOUT,
            dns_server: None,
            attempts: 1,
            pause: Pause::default(),
            follow_ups: true,
            place: flag("--to"),
        },
    };
    let is_wished = wish.0.is_some();
    target.expected = wish.0.unwrap_or(target.expected);
    if let Some(sni) = &pair.sni {
        target.offer.sni = sni_of(sni)?;
    }
    if dialect(pair, to, known) == Dialect::Linkerd {
        named_by_linkerd(&mut target, is_wished && pair.sni.is_none())?;
    }
    if let Some(list) = &pair.alpn {
        target.offer.alpn = Some(
            list.iter()
                .filter(|name| !name.is_empty())
                .cloned()
                .collect(),
        );
    }
    if !pair.groups.is_empty() {
        target.offer.groups.clone_from(&pair.groups);
    }
    if let Some(version) = pair.tls {
        target.offer.versions = versions(version);
    }
    if let Some(dialect) = pair.dialect {
        target.way.dialect = dialect;
    }
    if let Some(via) = &pair.via {
        target.way.via = Some(via.clone());
    }
    if let Some(protocol) = pair.starttls {
        target.way.starttls = protocol;
    }
    if let Some(request) = &pair.request {
        target.request = request.clone();
    }
    if pair.send.is_some() || pair.receive.is_some() {
        target.request = Request::Raw {
            send: pair.send.as_ref().map_or(vec![], |bytes| bytes.0.clone()),
            expect: pair.receive.as_ref().map(|bytes| bytes.0.clone()),
        };
    }
    config::with_common(&mut target, common);
    let is_srv = |to: &Destination| matches!(to, Destination::Srv(_));
    if let (Some(Via::Address(via)), true) = (&target.way.via, target.addresses.iter().any(is_srv))
    {
        return Err(Trouble::usage(format!(
            "--via {via} does not go with SRV records; give a port of the same hosts, or an address"
        )));
    }
    Ok(target)
}

/// The server name of a Linkerd proxy is its identity, and its identity is its server name.
fn named_by_linkerd(target: &mut Target, is_renamed: bool) -> Result<(), Trouble> {
    let sni = &mut target.offer.sni;
    match (&mut target.expected, &sni) {
        (Expected::Dns(name), _) if is_renamed || *sni == Sni::Host => {
            *sni = Sni::Name(name.clone());
        }
        (expected @ Expected::AnySvid, Sni::Name(name)) => *expected = Expected::Dns(name.clone()),
        (_, Sni::Host) => {
            return Err(Trouble::usage(
                "--dialect linkerd needs the server name, which is the identity of the proxy: write \
                 --id sa/NAME, its whole identity as --dns NAME, or --sni NAME",
            ));
        }
        (_, _) => {}
    }
    Ok(())
}

pub(super) fn sni_of(text: &str) -> Result<Sni, Trouble> {
    if text == "off" {
        return Ok(Sni::Off);
    }
    match rustls_pki_types::DnsName::try_from(text) {
        Ok(_) => Ok(Sni::Name(text.to_owned())),
        Err(_) => Err(Trouble::usage(format!(
            "--sni {text:?} is no host name; TLS cannot carry it (`off` sends none)"
        ))),
    }
}

pub(super) fn versions(version: TlsVersion) -> Versions {
    match version {
        TlsVersion::Tls12 => Versions::Tls12,
        TlsVersion::Tls13 => Versions::Tls13,
    }
}

/// As in a suite.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
