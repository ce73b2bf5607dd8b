//! Which bundle judges a leaf: its own trust domain's, never another's.

use super::finding::{Depth, Finding, Profile, Roots};
use super::judgement::{Expected, Question};
use super::node::{Node, Place};
use super::{Bundle, SpiffeId, TrustDomain};
use crate::code::Code;

/// The bundle that judges a leaf.
pub(super) struct Anchors<'a> {
    bundle: Option<&'a Bundle>,
    /// The bundle, as messages name it.
    pub(super) title: String,
    pub(super) roots: Roots,
    /// Why there is none.
    pub(super) missing: Option<Finding>,
    pub(super) note: Option<String>,
}

impl<'a> Anchors<'a> {
    pub(super) fn nodes(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        self.bundle
            .map_or(&[][..], Bundle::anchors)
            .iter()
            .filter_map(|anchor| Node::new(Place::Root, &anchor.der, &anchor.facts))
    }

    fn held(bundle: &'a Bundle, title: String, note: Option<String>) -> Self {
        Self {
            bundle: Some(bundle),
            title,
            roots: if bundle.anchors().is_empty() {
                Roots::Empty
            } else {
                Roots::Held
            },
            missing: None,
            note,
        }
    }

    fn none(missing: Option<Finding>, note: Option<String>) -> Self {
        Self {
            bundle: None,
            title: "any bundle".into(),
            roots: Roots::NoBundle,
            missing,
            note,
        }
    }
}

/// `id` is the SPIFFE ID of the leaf, where the profile asks for one and it has one.
pub(super) fn choose<'a>(
    question: &Question<'a>,
    profile: Profile,
    id: Option<&SpiffeId>,
) -> Anchors<'a> {
    let bundles = question.bundles;
    match (profile, id) {
        (Profile::Svid, Some(id)) => {
            let domain = id.trust_domain();
            match bundles.for_domain(domain) {
                Some(bundle) => Anchors::held(bundle, title(Some(domain)), None),
                None => Anchors::none(Some(stranger(question.expected, domain)), None),
            }
        }
        // Without an identity the chain is refused whatever else holds. What else is wrong is told by
        // the bundle that it most likely was meant for.
        (Profile::Svid, None) => {
            let domain = expected_domain(question.expected);
            let bundle = match domain {
                Some(domain) => bundles.for_domain(domain),
                None => bundles.for_name(),
            };
            match bundle {
                Some(bundle) => {
                    let title = title(domain);
                    let note = format!("without a SPIFFE ID, the chain was judged by {title}");
                    Anchors::held(bundle, title, Some(note))
                }
                None => Anchors::none(
                    None,
                    Some("without a SPIFFE ID, no bundle could be chosen to judge the chain".into()),
                ),
            }
        }
        (Profile::Tls, _) => match bundles.for_name() {
            Some(bundle) => Anchors::held(bundle, title(None), None),
            None if bundles.iter().next().is_none() => {
                Anchors::none(Some(unknown("no bundle is held".into())), None)
            }
            None => Anchors::none(
                Some(unknown(
                    "several bundles are held, and a certificate named by DNS or IP does not say which is \
                     its own"
                        .into(),
                )),
                None,
            ),
        },
    }
}

fn title(domain: Option<&TrustDomain>) -> String {
    match domain {
        Some(domain) => format!("the bundle of trust domain {domain}"),
        None => "the bundle".into(),
    }
}

fn expected_domain(expected: &Expected) -> Option<&TrustDomain> {
    match expected {
        Expected::TrustDomain(domain) => Some(domain),
        Expected::Id(id) => Some(id.trust_domain()),
        Expected::AnySvid | Expected::AnyName | Expected::Dns(_) | Expected::Ip(_) => None,
    }
}

/// No bundle is held for the trust domain of the leaf.
fn stranger(expected: &Expected, domain: &TrustDomain) -> Finding {
    match expected_domain(expected) {
        Some(wanted) if wanted != domain => Finding::new(
            Depth::Trust,
            Code::TrustDomainMismatch,
            format!(
                "leaf belongs to trust domain {domain}, not to {wanted}, and no bundle is held for it"
            ),
        ),
        Some(_) | None => unknown(format!("no bundle is held for trust domain {domain}")),
    }
}

fn unknown(what: String) -> Finding {
    Finding::new(Depth::Trust, Code::UnknownCa, what)
}
