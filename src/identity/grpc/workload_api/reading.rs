//! What a message of an agent says: which identity is ours, and what may be trusted. Pure.

use std::collections::{BTreeMap, HashMap};
use std::mem::take;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use zeroize::{Zeroize, Zeroizing};

use crate::certificate::{Bundle, Bundles, SpiffeId, Trust, TrustDomain, rough};
use crate::identity::Identity;
use crate::identity::bounds::short;
use crate::identity::bundle_format::concatenated;
use crate::identity::error::Flaw;
use crate::identity::grpc::generated::workload::{X509BundlesResponse, X509svid, X509svidResponse};
use crate::identity::grpc::trouble::{Kind, Trouble};
use crate::identity::origin::WorkloadApi;
use crate::identity::signing_request::expired;
use crate::identity::supply::Supply;
use crate::identity::walk::{Step, Walk};

/// The identity that is asked for, and all that it comes with.
pub(super) fn identity(
    mut message: X509svidResponse,
    from: &WorkloadApi,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Supply, Trouble> {
    let mut all = take(&mut message.svids);
    let chosen = choose(&all, from)?;
    let count = all.len();
    let mut svid = all.swap_remove(chosen);
    let named = svid_words(&svid);
    walk.done(
        Step::Grant,
        match count {
            1 => named.clone(),
            _ => format!("{named}, one of {count} identities"),
        },
    );
    let broken = |why: String| unusable(format!("the identity {named}: {why}"));
    let identity = assemble(&mut svid).map_err(broken)?;
    let id = own_id(&identity, &svid.spiffe_id).map_err(broken)?;
    if let Some(expired) = expired(identity.leaf(), now) {
        return Err(Trouble {
            remedy: "look whether the agent reaches its server, and compare the clocks".to_owned(),
            ..broken(format!("it {expired}"))
        });
    }
    let own = bundle(id.trust_domain(), &svid.bundle).map_err(unusable)?;
    let mut bundles = by_domain(take(&mut message.federated_bundles))?;
    if let Some(other) = bundles.for_domain(id.trust_domain())
        && !alike(other, &own)
    {
        return Err(unusable(format!(
            "there are two bundles of {}, and they differ",
            id.trust_domain()
        )));
    }
    bundles.insert(id.trust_domain().clone(), own);
    let crls = crls(message.crl)?;
    let trust = Trust { bundles, crls };
    walk.done(
        Step::Identity,
        format!(
            "the key belongs to the leaf, {} left; {}",
            rough(identity.leaf().not_after.duration_since(now)),
            trust_words(&trust)
        ),
    );
    let hint = match svid.hint.as_str() {
        "" => String::new(),
        hint => format!(", hint {:?}", short(hint)),
    };
    let place = from.endpoint.as_ref().map(ToString::to_string);
    Ok(Supply {
        identity,
        trust,
        from: format!("SPIFFE Workload API at {}{hint}", place.unwrap_or_default()),
    })
}

/// All bundles.
pub(super) fn trust(message: X509BundlesResponse, walk: &mut Walk) -> Result<Trust, Trouble> {
    if message.bundles.is_empty() {
        let none = Trouble::new(
            Step::Grant,
            "it hands out no bundle to this process",
            "register the process with the agent, or look at the agent's log",
        );
        return Err(none.being(Kind::Denied));
    }
    let trust = Trust {
        bundles: by_domain(message.bundles)?,
        crls: crls(message.crl)?,
    };
    walk.done(Step::Grant, trust_words(&trust));
    Ok(trust)
}

/// The first is the default. Where a hint is given twice, the first one counts.
fn choose(all: &[X509svid], from: &WorkloadApi) -> Result<usize, Trouble> {
    let id = from.id.as_ref().map(ToString::to_string);
    let fits = |svid: &X509svid| {
        id.as_ref().is_none_or(|id| *id == svid.spiffe_id)
            && from.hint.as_ref().is_none_or(|hint| *hint == svid.hint)
    };
    all.iter().position(fits).ok_or_else(|| {
        let id = id.as_ref().map(ToString::to_string);
        let hint = from.hint.as_ref().map(|hint| format!("with hint {hint:?}"));
        let wanted: Vec<_> = ["identity".to_owned()]
            .into_iter()
            .chain(id.clone())
            .chain(hint)
            .collect();
        let others = match all {
            [] => String::new(),
            some => format!(", but {}", listed(some)),
        };
        let register = super::refusal::register(from);
        let wanted = wanted.join(" ");
        Trouble::new(
            Step::Grant,
            format!("it hands out no {wanted} to this process{others}"),
            match all {
                [] => register,
                _ => format!("take one of those by `id` or `hint`, or {register}"),
            },
        )
        .being(Kind::Denied)
    })
}

fn assemble(svid: &mut X509svid) -> Result<Identity, String> {
    let key = Zeroizing::new(take(&mut svid.x509_svid_key));
    let chain = concatenated(&svid.x509_svid).map_err(|flaw| format!("its chain {flaw}"))?;
    if chain.is_empty() {
        return Err("its chain is empty".to_owned());
    }
    if key.is_empty() {
        return Err("it comes without a key".to_owned());
    }
    Identity::from_der(chain, &key).map_err(|error| {
        if let Flaw::KeyMismatch(_) = error.flaw {
            "its key belongs to another certificate".to_owned()
        } else if let Flaw::UnsupportedKey = error.flaw {
            "its key is no PKCS#8 in DER, or of a kind that TLS cannot use here".to_owned()
        } else {
            error.to_string()
        }
    })
}

/// The ID by which the agent calls it must be the one ID in the leaf.
fn own_id(identity: &Identity, called: &str) -> Result<SpiffeId, String> {
    let id: SpiffeId = called
        .parse()
        .map_err(|why| format!("that is no SPIFFE ID: {why}"))?;
    match identity.leaf().uris.as_slice() {
        [own] if own == called => Ok(id),
        [] => Err("its certificate names no SPIFFE ID".to_owned()),
        [own] => {
            let own = short(own);
            Err(match own.parse::<SpiffeId>() {
                Ok(other) if other.trust_domain() != id.trust_domain() => {
                    let other = other.trust_domain();
                    format!("its certificate is of another trust domain, {other}")
                }
                _ => format!("its certificate is of {own:?}"),
            })
        }
        several => Err(format!(
            "its certificate names {} URIs, and an SVID names one",
            several.len()
        )),
    }
}

/// Bundles by the SPIFFE ID of their trust domain.
fn by_domain(all: HashMap<String, Vec<u8>>) -> Result<Bundles, Trouble> {
    let mut bundles = Bundles::none();
    for (name, der) in BTreeMap::from_iter(all) {
        let called = |why: String| {
            let name = short(&name);
            unusable(format!("a bundle is called {name:?}, {why}"))
        };
        if !name.starts_with("spiffe://") {
            let why = "and the SPIFFE ID of a trust domain is due: spiffe://NAME";
            return Err(called(why.to_owned()));
        }
        let domain: TrustDomain = name
            .parse()
            .map_err(|why| called(format!("and that is no trust domain: {why}")))?;
        let bundle = bundle(&domain, &der).map_err(unusable)?;
        bundles.insert(domain, bundle);
    }
    Ok(bundles)
}

fn bundle(domain: &TrustDomain, der: &[u8]) -> Result<Bundle, String> {
    let flawed = |flaw| format!("the bundle of {domain} {flaw}");
    let certificates: Vec<CertificateDer<'static>> = concatenated(der).map_err(flawed)?;
    if certificates.is_empty() {
        return Err(flawed(Flaw::Empty));
    }
    Bundle::new(certificates).map_err(|(nth, why)| flawed(Flaw::Malformed { nth: nth + 1, why }))
}

fn alike(one: &Bundle, other: &Bundle) -> bool {
    let held = |bundle: &Bundle, der: &CertificateDer<'_>| {
        let mut anchors = bundle.anchors().iter();
        anchors.any(|anchor| anchor.der == *der)
    };
    let within = |one: &Bundle, other: &Bundle| {
        let mut anchors = one.anchors().iter();
        anchors.all(|anchor| held(other, &anchor.der))
    };
    within(one, other) && within(other, one)
}

fn crls(all: Vec<Vec<u8>>) -> Result<Vec<CertificateRevocationListDer<'static>>, Trouble> {
    let mut read = vec![];
    for (nth, der) in all.into_iter().enumerate() {
        if let Err(error) = webpki::BorrowedCertRevocationList::from_der(&der) {
            let why = error.to_string();
            let flaw = Flaw::MalformedCrl { nth: nth + 1, why };
            return Err(unusable(format!("it {flaw}")));
        }
        read.push(der.into());
    }
    Ok(read)
}

/// What came cannot be used.
fn unusable(why: String) -> Trouble {
    Trouble::new(
        Step::Identity,
        why,
        "that is the agent's fault: look at its log and its version",
    )
}

fn svid_words(svid: &X509svid) -> String {
    let id = short(&svid.spiffe_id);
    match svid.hint.as_str() {
        "" => id,
        hint => format!("{id} (hint {:?})", short(hint)),
    }
}

fn listed(all: &[X509svid]) -> String {
    let mut words: Vec<_> = all.iter().take(MAX_LISTED).map(svid_words).collect();
    if all.len() > MAX_LISTED {
        words.push(format!("{} more", all.len() - MAX_LISTED));
    }
    words.join(", ")
}

fn trust_words(trust: &Trust) -> String {
    let count = trust.bundles.iter().count();
    let tagged = trust
        .bundles
        .iter()
        .take(MAX_LISTED)
        .map(|(domain, bundle)| {
            let domain = domain.map_or_else(|| "any".to_owned(), ToString::to_string);
            let roots = bundle.anchors().len();
            let s = if roots == 1 { "" } else { "s" };
            format!("{domain} ({roots} root{s})")
        });
    let mut words: Vec<_> = tagged.collect();
    if count > MAX_LISTED {
        words.push(format!("{} more", count - MAX_LISTED));
    }
    let crls = match trust.crls.len() {
        0 => String::new(),
        1 => ", and a revocation list".to_owned(),
        several => format!(", and {several} revocation lists"),
    };
    format!("bundles of {}{crls}", words.join(", "))
}

/// A key is wiped wherever its message ends, also one that is never read.
impl Drop for X509svid {
    fn drop(&mut self) {
        self.x509_svid_key.zeroize();
    }
}

const MAX_LISTED: usize = 8;
