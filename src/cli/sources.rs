//! The sources that a command looks at, and what they are verified with.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::arguments::{Common, Who};
use super::{Trouble, ad_hoc, config};
use crate::certificate::{Bundles, Expected, Judgement, Question, Role, SpiffeId, Trust, judge};
use crate::identity::{
    Fetched, Identity, IdentityError, Origin, Supply, Walk, files, is_linkerds, load, load_trust,
};
use crate::report::whoami::{Anchors, TrustedBy};
use crate::suite::{BundleSource, Source, Suite, Whose, linkerd_domain};

/// The suites that the flags name, with the sources that they choose.
pub(super) fn chosen(who: &Who, common: &Common) -> Result<Vec<Suite>, Trouble> {
    if let Some(text) = &who.identity {
        let mut suites = [described(text, who, common)?];
        config::complete(&mut suites, common)?;
        return Ok(suites.into());
    }
    let mut suites = config::named(&who.suites, common)?;
    if let Some(from) = &who.from {
        let id: Option<SpiffeId> = from.parse().ok();
        let is_chosen =
            |source: &Source| source.name.as_str() == from || (id.is_some() && source.id == id);
        let all: Vec<_> = suites.iter().flat_map(|suite| &suite.sources).collect();
        if !all.iter().any(|source| is_chosen(source)) {
            let names: Vec<_> = all.iter().map(|source| source.name.as_str()).collect();
            return Err(Trouble::Usage(format!(
                "--from {from:?} is no source of the suites, which have {}; or describe it with \
                 --identity",
                names.join(", ")
            )));
        }
        for suite in &mut suites {
            suite.sources.retain(is_chosen);
        }
    }
    Ok(suites)
}

/// A suite of the one source that the command line describes, with the trust of the first that is
/// configured.
fn described(text: &str, who: &Who, common: &Common) -> Result<Suite, Trouble> {
    let known = match who.suites.as_slice() {
        [] => config::configured(common)?,
        named => config::named(named, common)?,
    };
    let known = known.into_iter().next();
    let scope = known.as_ref().map(|suite| &suite.scope);
    let scope = ad_hoc::scope(scope, who.trust_domain.as_ref(), None);
    let source = ad_hoc::identity(text, who.from.as_deref(), &scope)?;
    let mut suite = Suite {
        name: "the command line".to_owned(),
        scope,
        bundles: vec![],
        crls: vec![],
        sources: vec![source],
        targets: vec![],
        expectations: vec![],
        rotation: None,
    };
    if let Some(known) = known {
        suite.bundles = known.bundles;
        suite.crls = known.crls;
    }
    for text in &who.bundle {
        let (named, origin) = ad_hoc::bundle(text, &suite.scope)?;
        let domain = who.trust_domain.clone();
        let whose = named.unwrap_or_else(|| domain.map_or(Whose::Any, Whose::Domain));
        ad_hoc::replace(&mut suite.bundles, whose, origin);
    }
    Ok(suite)
}

/// The pseudo-sources, which have no identity of ours, by name.
pub(super) fn left_out(suites: &[Suite]) -> Vec<String> {
    let sources = suites.iter().flat_map(|suite| &suite.sources);
    let pseudo = sources.filter(|source| !source.origin.has_certificate());
    let mut names: Vec<_> = pseudo.map(|source| source.name.to_string()).collect();
    names.dedup();
    names
}

/// Everything that suites name, looked at once.
pub(super) struct Look<'a> {
    /// Every source that comes with a certificate.
    pub(super) sources: Vec<Seen<'a>>,
    /// Every bundle, with its suite.
    pub(super) bundles: Vec<(&'a Suite, Asked)>,
    /// Revocation lists that cannot be read.
    pub(super) troubles: Vec<String>,
}

/// A source as it is now.
pub(super) struct Seen<'a> {
    pub(super) suite: &'a Suite,
    pub(super) source: &'a Source,
    pub(super) walk: Walk,
    pub(super) found: Result<Supply, IdentityError>,
    /// What its suite trusts, as far as that is to be had.
    pub(super) trust: Arc<Trust>,
}

/// Trust anchors that were asked for.
pub(super) struct Asked {
    pub(super) bundle: BundleSource,
    pub(super) walk: Walk,
    pub(super) found: Result<Trust, IdentityError>,
}

impl<'a> Look<'a> {
    /// At all of them at one time.
    pub(super) async fn at(suites: &'a [Suite], now: Timestamp) -> Self {
        let origins = suites.iter().flat_map(with_certificate);
        let origins = origins.map(|source| source.origin.clone());
        let walked = together(origins.map(|origin| async move {
            let mut walk = Walk::default();
            let found = load(&origin, now, &mut walk).await;
            (walk, found)
        }));
        let asked = together(suites.iter().cloned().map(bundles));
        let (walked, asked) = tokio::join!(walked, asked);
        let mut look = Self {
            sources: vec![],
            bundles: vec![],
            troubles: vec![],
        };
        let mut walked = walked.into_iter();
        for (suite, asked) in suites.iter().zip(asked) {
            let (trust, troubles) = trust(suite, &asked);
            let trust = Arc::new(trust);
            for (source, (walk, found)) in with_certificate(suite).zip(walked.by_ref()) {
                // A source with a certificate is never nothing.
                if let Some(found) = found.transpose() {
                    look.sources.push(Seen {
                        suite,
                        source,
                        walk,
                        found,
                        trust: Arc::clone(&trust),
                    });
                }
            }
            look.bundles
                .extend(asked.into_iter().map(|one| (suite, one)));
            look.troubles.extend(troubles);
        }
        look
    }
}

/// Every bundle of a suite, asked for now, in order.
async fn bundles(suite: Suite) -> Vec<Asked> {
    let bundles = suite.bundles.into_iter();
    together(bundles.map(|bundle| async move {
        let mut walk = Walk::default();
        let found = load_trust(&bundle.origin, &mut walk).await;
        Asked {
            bundle,
            walk,
            found,
        }
    }))
    .await
}

/// What a suite trusts, as far as it is to be had, and the revocation lists that cannot be read.
pub(super) fn trust(suite: &Suite, asked: &[Asked]) -> (Trust, Vec<String>) {
    let mut trust = Trust::default();
    let mut troubles = vec![];
    for one in asked {
        if let Ok(held) = &one.found {
            one.bundle.whose.admit(&mut trust, held);
        }
    }
    for path in &suite.crls {
        match files::load_crls(path) {
            Ok(lists) => trust.crls.extend(lists),
            Err(why) => troubles.push(why.to_string()),
        }
    }
    (trust, troubles)
}

/// What a bundle holds, for a report.
pub(super) fn anchors(suite: &Suite, asked: &Asked) -> Anchors {
    Anchors::of(&suite.name, &asked.bundle, asked.found.as_ref())
}

/// What we think of an identity as a client's, and whose trust anchors that rests on.
pub(super) fn judged(
    source: &Source,
    supply: &Supply,
    trust: &Trust,
    at: Timestamp,
) -> (Judgement, Option<TrustedBy>) {
    let identity = &supply.identity;
    let expected = expected(source, identity);
    let ours = identity.trust_domain();
    let of = |trust: &Trust| trust.bundles.of(ours.as_ref()).cloned();
    let (bundle, by) = match (of(trust), of(&supply.trust)) {
        (Some(bundle), _) => (Some(bundle), Some(TrustedBy::Suite)),
        (None, Some(bundle)) => (Some(bundle), Some(TrustedBy::Source)),
        (None, None) => (None, None),
    };
    // The one of its own trust domain alone: roots are never pooled.
    let mut bundles = Bundles::none();
    match (bundle, ours, &expected) {
        (Some(bundle), Some(domain), Expected::Id(_) | Expected::AnySvid) => {
            bundles.insert(domain, bundle);
        }
        (Some(bundle), _, _) => bundles.set_untagged(bundle),
        (None, _, _) => {}
    }
    let mut trust = trust.clone();
    trust.add_crls(&supply.trust);
    let judgement = judge(&Question {
        chain: identity.chain(),
        bundles: &bundles,
        role: Role::Client,
        expected: &expected,
        at,
        crls: &trust.crls,
        elsewhere: &[],
    });
    (judgement, by)
}

/// Who it must be.
fn expected(source: &Source, identity: &Identity) -> Expected {
    if let Origin::Fetched(from) = &source.origin
        && let Fetched::Linkerd(from) = &**from
    {
        return Expected::Dns(from.name.clone());
    }
    let leaf = identity.leaf();
    let linkerds = leaf.dns.iter().find(|name| linkerd_domain(name).is_some());
    match (&source.id, linkerds) {
        (Some(id), Some(name)) if leaf.uris.is_empty() && is_linkerds(name, id) => {
            Expected::Dns(name.clone())
        }
        (None, Some(name)) if leaf.uris.is_empty() => Expected::Dns(name.clone()),
        (Some(id), _) => Expected::Id(id.clone()),
        (None, _) => Expected::AnySvid,
    }
}

/// All of these at one time; what comes of them in their order.
pub(super) async fn together<T: Send + 'static>(
    all: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let mut tasks = JoinSet::new();
    for (nth, one) in all.enumerate() {
        tasks.spawn(async move { (nth, one.await) });
    }
    let mut done = tasks.join_all().await;
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, found)| found).collect()
}

/// The sources that come with a certificate.
pub(super) fn with_certificate(suite: &Suite) -> impl Iterator<Item = &Source> {
    let sources = suite.sources.iter();
    sources.filter(|source| source.origin.has_certificate())
}
