//! Whose trust anchors stand beside an identity. Pure.

use std::collections::BTreeMap;

use super::linkerd_name::linkerd_domain;
use crate::certificate::{Anchor, Bundle, Facts, SpiffeId, Trust, TrustDomain};

/// Trust anchors by trust domain, and what to say of them. They are of the leaf's own trust domain,
/// unless they name another one, as those do that spiffe-helper puts there with
/// `include_federated_domains`. Where the leaf names none, there is nobody to vouch for them.
pub(super) fn sorted(leaf: &Facts, bundle: &Bundle) -> (Trust, String) {
    let Some(own) = domain_of(leaf) else {
        return (Trust::default(), NOBODYS.to_owned());
    };
    let mut by_domain: BTreeMap<TrustDomain, Vec<&Anchor>> = BTreeMap::new();
    by_domain.insert(own.clone(), vec![]);
    for anchor in bundle.anchors() {
        let domain = named(anchor).unwrap_or_else(|| own.clone());
        by_domain.entry(domain).or_default().push(anchor);
    }
    let mut trust = Trust::default();
    let mut said = vec![];
    for (domain, anchors) in by_domain {
        said.push(words(&domain, &anchors));
        let ders = anchors.iter().map(|anchor| anchor.der.clone());
        // They have been read once.
        let bundle = Bundle::new(ders).unwrap_or_default();
        trust.bundles.insert(domain, bundle);
    }
    (trust, said.join(", "))
}

/// The trust domain of a SPIFFE ID, or of a name that Linkerd gives out.
fn domain_of(leaf: &Facts) -> Option<TrustDomain> {
    match (leaf.uris.as_slice(), leaf.dns.as_slice()) {
        ([uri], _) => Some(uri.parse::<SpiffeId>().ok()?.trust_domain().clone()),
        ([], [name]) => linkerd_domain(name),
        _ => None,
    }
}

/// The trust domain that a root names: X509-SVID section 3.2.
fn named(anchor: &Anchor) -> Option<TrustDomain> {
    let [uri] = anchor.facts.uris.as_slice() else {
        return None;
    };
    let id: SpiffeId = uri.parse().ok()?;
    id.path().is_empty().then(|| id.trust_domain().clone())
}

fn words(domain: &TrustDomain, anchors: &[&Anchor]) -> String {
    let is_root = |anchor: &&&Anchor| anchor.facts.self_issued;
    let count = match anchors.len() {
        1 => "1 trust anchor".to_owned(),
        several => format!("{several} trust anchors"),
    };
    match anchors.len() - anchors.iter().filter(is_root).count() {
        0 => format!("{count} of {domain}"),
        others => format!("{count} of {domain} ({others} no root)"),
    }
}

const NOBODYS: &str = "the trust anchors beside it are left aside: it names no trust domain that they could be of; name them under `bundles`";
