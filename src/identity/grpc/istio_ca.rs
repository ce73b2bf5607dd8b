//! A certificate for a service account, signed by Istio's CA: istiod, or another with the same API.
//! Edge. Nobody is impersonated: whoever the token proves is who it is signed for.

use jiff::Timestamp;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::CertificateDer;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};
use zeroize::Zeroizing;

use super::call::{Refusal, answer};
use super::generated::istio::IstioCertificateRequest;
use super::generated::istio::istio_certificate_service_client::IstioCertificateServiceClient;
use super::signed::{SEE_THE_LOG, accept, note, unusable};
use super::tls::{self, Advice, Server};
use super::trouble::Trouble;
use crate::certificate::{Bundle, Bundles, Expected, Facts, SpiffeId, rough};
use crate::identity::Identity;
use crate::identity::bounds::{MAX_ANSWER, short};
use crate::identity::error::{Flaw, IdentityError};
use crate::identity::origin::{Account, Fetched, IstioCa};
use crate::identity::pem;
use crate::identity::signing_request::{Name, SigningRequest, misnamed};
use crate::identity::supply::Supply;
use crate::identity::token::{Proof, token};
use crate::identity::walk::{Step, Walk};

/// One identity, asked for now.
pub(in crate::identity) async fn fetch(
    from: &IstioCa,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Supply, IdentityError> {
    let who = Fetched::IstioCa(from.clone()).to_string();
    let domain = from.id.trust_domain();
    let anchors = tls::anchors(&from.anchors, domain, now, walk).await?;
    let account = Account::of(&from.id);
    let token = token(&from.token, account.as_ref(), now, walk).await?;
    let request = SigningRequest::draw(Name::Uri(&from.id.to_string()), &[])?;
    let signed = sign(from, request, &anchors, &token, now, walk).await;
    let (identity, bundles) = signed.map_err(|trouble| trouble.of(&who))?;
    Ok(Supply {
        identity,
        trust: bundles.into(),
        from: who,
    })
}

async fn sign(
    from: &IstioCa,
    request: SigningRequest,
    anchors: &Bundle,
    token: &Proof,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<(Identity, Bundles), Trouble> {
    let server = Server {
        address: &from.address,
        name: from.server_name.as_deref().unwrap_or(host(&from.address)),
        anchors: (anchors, &from.anchors),
        versions: &[&TLS13, &TLS12],
        advice: &ADVICE,
    };
    let channel = tls::dial(&server, now, walk).await?;
    let asked = ask(from, token, request.pem())?;
    let mut client =
        IstioCertificateServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER);
    let answered = answer(client.create_certificate(asked)).await;
    let answered = answered.map_err(|refusal| explain(from, token, &refusal, now))?;
    walk.done(Step::Request, "the token is taken");

    let (chain, roots) = read(&answered.into_inner().cert_chain)?;
    walk.done(Step::Grant, format!("{} certificates", chain.len()));
    let identity = accept(request, chain, now)?;
    is_ours(from, identity.leaf())?;
    let mut bundles = Bundles::none();
    bundles.insert(from.id.trust_domain().clone(), roots);
    let expected = Expected::Id(from.id.clone());
    note(&identity, &bundles, &expected, now, walk);
    Ok((identity, bundles))
}

/// The call, with its credentials.
fn ask(
    from: &IstioCa,
    token: &Proof,
    csr: String,
) -> Result<Request<IstioCertificateRequest>, Trouble> {
    let mut asked = Request::new(IstioCertificateRequest {
        csr,
        // Nothing means a day.
        validity_duration: i64::try_from(from.lifetime.as_secs())
            .unwrap_or(i64::MAX)
            .max(1),
        metadata: None,
    });
    let bearer = Zeroizing::new(format!("Bearer {}", *token.text));
    let mut bearer = MetadataValue::try_from(bearer.as_str())
        .map_err(|_| trouble("the token cannot stand in a header", "give another token"))?;
    bearer.set_sensitive(true);
    let headers = asked.metadata_mut();
    headers.insert("authorization", bearer);
    if let Some(cluster) = &from.cluster_id {
        let value = MetadataValue::try_from(cluster.as_str()).map_err(|_| {
            let what = format!(
                "the cluster ID {:?} cannot stand in a header",
                short(cluster)
            );
            trouble(
                what,
                "write it as istiod does, in ASCII: `cluster_id: Kubernetes`",
            )
        })?;
        headers.insert("clusterid", value);
    }
    Ok(asked)
}

/// The chain as Istio's agents present it, root and all, and the roots alone.
fn read(parts: &[String]) -> Result<(Vec<CertificateDer<'static>>, Bundle), Trouble> {
    if parts.len() < 2 {
        let why = match parts {
            [] => "it says yes, and sends no certificate",
            _ => "it sends a certificate without the root that belongs to it",
        };
        return Err(Trouble::new(Step::Grant, why, SEE_THE_LOG));
    }
    let mut chain = vec![];
    let mut roots = vec![];
    for (nth, part) in parts.iter().enumerate() {
        roots = pem::certificates(part.as_bytes()).map_err(|flaw| {
            let what = if flaw == Flaw::Empty {
                "is empty".to_owned()
            } else if let Flaw::NoCertificate(_) | Flaw::Der(_) | Flaw::Json { .. } = flaw {
                "is no certificate in PEM".to_owned()
            } else {
                short(flaw)
            };
            unusable(format!("part {} of its answer {what}", nth + 1))
        })?;
        chain.extend(roots.iter().cloned());
    }
    let roots = Bundle::new(roots)
        .map_err(|(nth, why)| unusable(format!("root {} of its answer {}", nth + 1, short(why))))?;
    if !roots.anchors().iter().all(|root| root.facts.is_ca) {
        let why = "the last part of its answer must be the root, and is no CA certificate";
        return Err(unusable(why));
    }
    Ok((chain, roots))
}

/// Whoever signs goes by the token, and never by what we ask for.
fn is_ours(from: &IstioCa, leaf: &Facts) -> Result<(), Trouble> {
    let Some(why) = misnamed(&leaf.uris, &from.id.to_string()) else {
        return Ok(());
    };
    let other = leaf
        .uris
        .first()
        .and_then(|uri| uri.parse::<SpiffeId>().ok());
    let remedy = match other {
        Some(other) if other.trust_domain() != from.id.trust_domain() => format!(
            "the trust domain of this mesh is {0}; write `trust_domain: {0}`",
            other.trust_domain()
        ),
        Some(_) => "the CA goes by the token: give one of the account that is asked for".to_owned(),
        None => SEE_THE_LOG.to_owned(),
    };
    Err(Trouble::new(Step::Identity, why, remedy))
}

/// Why the CA does not sign, as far as its code tells, and what our own look at the token rules out.
fn explain(from: &IstioCa, token: &Proof, refusal: &Refusal, now: Timestamp) -> Trouble {
    let (code, said) = match refusal {
        Refusal::Said(code, said) => (code, said),
        Refusal::Late => return trouble(refusal.to_string(), SLOW),
        Refusal::Broken(_) | Refusal::TooLarge => {
            return trouble(refusal.to_string(), ADVICE.closed);
        }
        Refusal::PlainHttp(_) => {
            return trouble(format!("no Istio CA answers there: {refusal}"), ELSEWHERE);
        }
    };
    let request = |why: &str, remedy: &str| trouble(format!("{why} ({said})"), remedy);
    let grant =
        |why: &str, remedy: &str| Trouble::new(Step::Grant, format!("{why} ({said})"), remedy);
    match code {
        Code::Unauthenticated => request("it does not take the token", &suspects(from, token, now)),
        Code::PermissionDenied => request(
            "it denies us",
            &format!(
                "the token is good and {} may not have a certificate signed there: let whoever runs the CA \
                 allow it, and see whether a policy in front of the CA keeps this pod out",
                whose(from)
            ),
        ),
        Code::InvalidArgument => grant(
            "it does not sign what we ask for",
            &format!(
                "{} was asked for: a `lifetime` of at most MAX_WORKLOAD_CERT_TTL of istiod (90 days by \
                 default) is taken; the request itself holds the URI SAN and nothing else",
                rough(
                    from.lifetime
                        .try_into()
                        .unwrap_or(jiff::SignedDuration::MAX)
                )
            ),
        ),
        Code::Unimplemented => request("no Istio CA answers there", ELSEWHERE),
        Code::Unavailable => request(
            "it is not ready",
            "see whether the pods of the CA are ready and have their signing certificate",
        ),
        Code::ResourceExhausted => request(
            "it is too busy",
            "ask again later, or with a longer `lifetime`, so that we ask less often",
        ),
        Code::DeadlineExceeded => request("it gave up", SLOW),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::DataLoss => grant(
            "it does not sign",
            "its log says why (`serverca` in that of istiod)",
        ),
    }
}

/// What an Istio CA may dislike about a token: it never says which.
fn suspects(from: &IstioCa, token: &Proof, now: Timestamp) -> String {
    let seen = token.found(now);
    let audience = match token.audience.as_deref() {
        Some("istio-ca") => {
            "not the audience, unless TOKEN_AUDIENCES of this istiod is another than \"istio-ca\""
                .to_owned()
        }
        Some(audience) => {
            format!(
                "the audience: istiod wants \"istio-ca\" by default, and this one is for {audience:?}"
            )
        }
        None => "the audience: istiod wants \"istio-ca\" by default".to_owned(),
    };
    let expiry = match token.claims.expires {
        Some(_) => "not the expiry, unless the clocks differ by more than that",
        None => "not the expiry, since there is none",
    };
    let cluster = match &from.cluster_id {
        Some(id) => format!("`cluster_id`, if istiod knows no cluster {:?}", short(id)),
        None => "`cluster_id`, if the token is of another cluster than istiod's own".to_owned(),
    };
    let issuer = token.claims.issuer.as_ref();
    let issuer = issuer.map_or_else(String::new, |issuer| format!(" {}", short(issuer)));
    format!(
        "it never says why, so look in this order: (1) {audience}; (2) {expiry}; (3) {cluster}; (4) the \
         issuer{issuer}, if it is not the Kubernetes that istiod asks, or {} is no more; (5) istiod's own \
         right to `create tokenreviews`; what we sent was a {seen}; the log of istiod (`serverca`) says which",
        whose(from),
    )
}

fn whose(from: &IstioCa) -> String {
    match Account::of(&from.id) {
        Some(account) => format!("account {account}"),
        None => from.id.to_string(),
    }
}

/// The host of `HOST:PORT`.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn trouble(why: impl Into<String>, remedy: impl Into<String>) -> Trouble {
    Trouble::new(Step::Request, why, remedy)
}

const ELSEWHERE: &str =
    "istiod's CA listens on port 15012, unless ENABLE_CA_SERVER is false; 15017 is its webhook";
const SLOW: &str =
    "istiod asks the Kubernetes API about the token before it signs: see whether that is slow";
const ADVICE: Advice = Advice {
    absent: "istiod's CA is reached at istiod.istio-system.svc:15012 by default; set `address` to where it is",
    plaintext: "istiod's CA listens on port 15012, over TLS; 15010 is plaintext and 15014 is for monitoring, \
                and no token is sent there",
    closed: "istiod's CA listens on port 15012; see whether this is that port, and whether a proxy or a policy \
             stands before it",
    name: "set `server_name` to one of these names, if this is the CA that you mean",
};
