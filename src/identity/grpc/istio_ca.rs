//! A certificate for a service account, signed by Istio's CA: istiod, or another with the same API.
//! Edge. Nobody is impersonated: whoever the token proves is who it is signed for.

use jiff::Timestamp;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::CertificateDer;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};
use zeroize::Zeroizing;

use super::answer::{self, Refusal, SEE_THE_LOG, Strict, answer};
use super::generated::istio::IstioCertificateRequest;
use super::generated::istio::istio_certificate_service_client::IstioCertificateServiceClient;
use super::tls::{self, Advice, Server};
use crate::certificate::{Bundle, Bundles, Expected, Facts, SpiffeId, Trust, rough};
use crate::identity::bounds::{LIMIT, MAX_ANSWER, short};
use crate::identity::error::{Flaw, IdentityError};
use crate::identity::origin::{Account, Fetched, IstioCa};
use crate::identity::pem;
use crate::identity::signing_request::{Name, SigningRequest};
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

    let server = Server {
        who: who.clone(),
        address: &from.address,
        name: from.server_name.as_deref().unwrap_or(host(&from.address)),
        anchors: (&anchors, &from.anchors),
        versions: &[&TLS13, &TLS12],
        advice: &ADVICE,
    };
    let channel = tls::dial(&server, now, walk).await?;

    let request = SigningRequest::draw(Name::Uri(&from.id.to_string()), &[])?;
    let asked = ask(from, &who, &token, request.pem()?)?;
    let mut client =
        IstioCertificateServiceClient::new(Strict(channel)).max_decoding_message_size(MAX_ANSWER);
    let answered = answer(client.create_certificate(asked)).await;
    let parts = answered.map_err(|refusal| explain(from, &who, &token, refusal, now))?;
    walk.done(Step::Request, "the token is taken");

    let (chain, roots) = read(&who, &parts.cert_chain)?;
    walk.done(Step::Grant, format!("{} certificates", chain.len()));
    let identity = answer::accept(&who, request, chain, now)?;
    is_ours(from, &who, identity.leaf())?;
    let mut bundles = Bundles::none();
    bundles.insert(domain.clone(), roots);
    answer::note(
        &identity,
        &bundles,
        &Expected::Id(from.id.clone()),
        now,
        walk,
    );
    Ok(Supply {
        identity,
        trust: Trust {
            bundles,
            crls: vec![],
        },
        from: who,
    })
}

/// The call, with its credentials.
fn ask(
    from: &IstioCa,
    who: &str,
    token: &Proof,
    csr: String,
) -> Result<Request<IstioCertificateRequest>, IdentityError> {
    let mut asked = Request::new(IstioCertificateRequest {
        csr,
        // Nothing means a day.
        validity_duration: i64::try_from(from.lifetime.as_secs())
            .unwrap_or(i64::MAX)
            .max(1),
        metadata: None,
    });
    let unsendable =
        |what: String, remedy: &str| IdentityError::at(who, Step::Request, what, remedy);
    let bearer = Zeroizing::new(format!("Bearer {}", *token.text));
    let mut bearer = MetadataValue::try_from(bearer.as_str()).map_err(|_| {
        unsendable(
            "the token cannot stand in a header".to_owned(),
            "give another token",
        )
    })?;
    bearer.set_sensitive(true);
    let headers = asked.metadata_mut();
    headers.insert("authorization", bearer);
    if let Some(cluster) = &from.cluster_id {
        let value = MetadataValue::try_from(cluster.as_str()).map_err(|_| {
            let what = format!(
                "the cluster ID {:?} cannot stand in a header",
                short(cluster)
            );
            unsendable(
                what,
                "write it as istiod does, in ASCII: `cluster_id: Kubernetes`",
            )
        })?;
        headers.insert("clusterid", value);
    }
    Ok(asked)
}

/// The chain as Istio's agents present it, root and all, and the roots alone.
fn read(
    who: &str,
    parts: &[String],
) -> Result<(Vec<CertificateDer<'static>>, Bundle), IdentityError> {
    let failed = |step, why: String| IdentityError::at(who, step, why, SEE_THE_LOG);
    if parts.len() < 2 {
        return Err(failed(
            Step::Grant,
            match parts {
                [] => "it says yes, and sends no certificate".to_owned(),
                _ => "it sends a certificate without the root that belongs to it".to_owned(),
            },
        ));
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
            failed(
                Step::Identity,
                format!("part {} of its answer {what}", nth + 1),
            )
        })?;
        chain.extend(roots.iter().cloned());
    }
    let roots = Bundle::new(roots).map_err(|(nth, why)| {
        let why = short(why);
        failed(
            Step::Identity,
            format!("root {} of its answer {why}", nth + 1),
        )
    })?;
    if !roots.anchors().iter().all(|root| root.facts.is_ca) {
        let why = "the last part of its answer must be the root, and is no CA certificate";
        return Err(failed(Step::Identity, why.to_owned()));
    }
    Ok((chain, roots))
}

/// Whoever signs goes by the token, and never by what we ask for.
fn is_ours(from: &IstioCa, who: &str, leaf: &Facts) -> Result<(), IdentityError> {
    let asked = from.id.to_string();
    let theirs = match leaf.uris.as_slice() {
        [one] if *one == asked => return Ok(()),
        [] => "nobody: the certificate has no URI SAN".to_owned(),
        some => short(some.join(" and ")),
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
    let why = format!("it signed for {theirs}, and {asked} was asked for");
    Err(IdentityError::at(who, Step::Identity, why, remedy))
}

/// Why the CA does not sign, as far as its code tells, and what our own look at the token rules out.
fn explain(
    from: &IstioCa,
    who: &str,
    token: &Proof,
    refusal: Refusal,
    now: Timestamp,
) -> IdentityError {
    let failed = |step, why: String, remedy: &str| IdentityError::at(who, step, why, remedy);
    let (code, said) = match refusal {
        Refusal::Late => {
            return failed(
                Step::Request,
                format!("no answer within {}s", LIMIT.as_secs()),
                "istiod asks the Kubernetes API about the token before it signs: see whether that is slow",
            );
        }
        Refusal::Broken(why) => {
            return failed(
                Step::Request,
                format!("the connection ended before an answer: {why}"),
                ADVICE.closed,
            );
        }
        Refusal::Said(code, said) => (code, said),
    };
    match code {
        Code::Unauthenticated => failed(
            Step::Request,
            format!("it does not take the token ({said})"),
            &suspects(from, token, now),
        ),
        Code::PermissionDenied => failed(
            Step::Request,
            format!("it denies us ({said})"),
            &format!(
                "the token is good and {} may not have a certificate signed there: let whoever runs the CA \
                 allow it, and see whether a policy in front of the CA keeps this pod out",
                whose(from)
            ),
        ),
        Code::InvalidArgument => failed(
            Step::Grant,
            format!("it does not sign what we ask for ({said})"),
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
        Code::Unimplemented => failed(
            Step::Request,
            format!("no Istio CA answers there ({said})"),
            "istiod's CA listens on port 15012, unless ENABLE_CA_SERVER is false; 15017 is its webhook",
        ),
        Code::Unavailable => failed(
            Step::Request,
            format!("it is not ready ({said})"),
            "see whether the pods of the CA are ready and have their signing certificate",
        ),
        Code::ResourceExhausted => failed(
            Step::Request,
            format!("it is too busy ({said})"),
            "ask again later, or with a longer `lifetime`, so that we ask less often",
        ),
        Code::DeadlineExceeded => failed(
            Step::Request,
            format!("it gave up ({said})"),
            "istiod asks the Kubernetes API about the token before it signs: see whether that is slow",
        ),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::DataLoss => failed(
            Step::Grant,
            format!("it does not sign ({said})"),
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

const ADVICE: Advice = Advice {
    absent: "istiod's CA is reached at istiod.istio-system.svc:15012 by default; set `address` to where it is",
    plaintext: "istiod's CA listens on port 15012, over TLS; 15010 is plaintext and 15014 is for monitoring, \
                and no token is sent there",
    closed: "istiod's CA listens on port 15012; see whether this is that port, and whether a proxy or a policy \
             stands before it",
    name: "set `server_name` to one of these names, if this is the CA that you mean",
};
