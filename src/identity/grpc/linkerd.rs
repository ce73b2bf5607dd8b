//! A certificate for a service account, signed by Linkerd's identity controller. Edge. Its certificates
//! and requests are DER, whatever its documents say.

use jiff::Timestamp;
use rustls::version::TLS13;
use rustls_pki_types::CertificateDer;
use tonic::Code;

use super::call::{Refusal, answer};
use super::generated::linkerd::identity_client::IdentityClient;
use super::generated::linkerd::{CertifyRequest, CertifyResponse};
use super::signed::{SEE_THE_LOG, accept, note, unusable};
use super::tls::{self, Advice, Server};
use super::trouble::Trouble;
use crate::certificate::{Bundle, Bundles, Expected, Facts};
use crate::identity::Identity;
use crate::identity::bounds::MAX_ANSWER;
use crate::identity::error::IdentityError;
use crate::identity::linkerd_name::linkerd_account;
use crate::identity::origin::{Fetched, Linkerd};
use crate::identity::signing_request::{Name, SigningRequest, misnamed};
use crate::identity::supply::Supply;
use crate::identity::token::{Proof, token};
use crate::identity::walk::{Step, Walk};

/// One identity, asked for now.
pub(in crate::identity) async fn fetch(
    from: &Linkerd,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Supply, IdentityError> {
    let who = Fetched::Linkerd(from.clone()).to_string();
    let anchors = tls::anchors(&from.anchors, &from.domain, now, walk).await?;
    let account = linkerd_account(&from.name);
    let token = token(&from.token, account.as_ref(), now, walk).await?;

    let request = SigningRequest::draw(Name::Dns(&from.name), &[])?;
    let signed = sign(from, request, &anchors, &token, now, walk).await;
    let mut bundles = Bundles::none();
    bundles.insert(from.domain.clone(), anchors);
    let identity = signed.map_err(|trouble| trouble.of(&who))?;
    let expected = Expected::Dns(from.name.clone());
    note(&identity, &bundles, &expected, now, walk);
    Ok(Supply {
        identity,
        trust: bundles.into(),
        from: who,
    })
}

async fn sign(
    from: &Linkerd,
    request: SigningRequest,
    anchors: &Bundle,
    token: &Proof,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Identity, Trouble> {
    let server = Server {
        address: &from.address,
        name: &from.server_name,
        anchors: (anchors, &from.anchors),
        versions: &[&TLS13],
        advice: &ADVICE,
    };
    let channel = tls::dial(&server, now, walk).await?;
    let asked = CertifyRequest {
        identity: from.name.clone(),
        token: token.text.as_bytes().to_vec(),
        certificate_signing_request: request.der().to_vec(),
    };
    let mut client = IdentityClient::new(channel).max_decoding_message_size(MAX_ANSWER);
    let answered = answer(client.certify(asked)).await;
    let answered = answered.map_err(|refusal| explain(from, token, &refusal, now))?;
    walk.done(Step::Request, "the token is taken");

    let chain = read(answered.into_inner(), now)?;
    walk.done(Step::Grant, format!("{} certificates", chain.len()));
    let identity = accept(request, chain, now)?;
    is_ours(from, identity.leaf())?;
    Ok(identity)
}

/// The chain, leaf first.
fn read(granted: CertifyResponse, now: Timestamp) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let failed = |why: &str| Trouble::new(Step::Grant, why, SEE_THE_LOG);
    if granted.leaf_certificate.is_empty() {
        return Err(failed("it says yes, and sends no certificate"));
    }
    // Its proxies go by this date, and take nothing without it.
    let Some(until) = granted.valid_until else {
        return Err(failed("it does not say how long its certificate is valid"));
    };
    match Timestamp::from_second(until.seconds) {
        Ok(until) if until > now => {}
        Ok(until) => {
            let why = format!("it says that its certificate is valid until {until}, which is over");
            return Err(failed(&why));
        }
        Err(_) => return Err(failed("it gives no date until which it is valid")),
    }
    let mut chain = vec![granted.leaf_certificate];
    chain.extend(granted.intermediate_certificates);
    if chain.iter().any(|part| part.starts_with(b"-----BEGIN")) {
        return Err(unusable("it sends PEM, and by its protocol it is DER"));
    }
    Ok(chain.into_iter().map(Into::into).collect())
}

fn is_ours(from: &Linkerd, leaf: &Facts) -> Result<(), Trouble> {
    let names: Vec<&String> = leaf.dns.iter().chain(&leaf.uris).collect();
    let Some(why) = misnamed(&names, &from.name) else {
        return Ok(());
    };
    let remedy = "it goes by the token: give one of the account that is asked for, and see whether the \
                  control plane and the trust domain are those of this mesh";
    Err(Trouble::new(Step::Identity, why, remedy))
}

/// Why it does not sign, as far as its code tells.
fn explain(from: &Linkerd, token: &Proof, refusal: &Refusal, now: Timestamp) -> Trouble {
    let trouble = |why: String, remedy: &str| Trouble::new(Step::Request, why, remedy);
    let (code, said) = match refusal {
        Refusal::Said(code, said) => (code, said),
        Refusal::Late => {
            return trouble(
                refusal.to_string(),
                "it asks the Kubernetes API about the token before it signs: see whether that is slow",
            );
        }
        Refusal::Broken(_) | Refusal::TooLarge => {
            return trouble(refusal.to_string(), ADVICE.closed);
        }
        Refusal::PlainHttp(_) => {
            let why = format!("no Linkerd identity controller answers there: {refusal}");
            return trouble(why, ADVICE.absent);
        }
    };
    let request = |why: &str, remedy: &str| trouble(format!("{why} ({said})"), remedy);
    let grant =
        |why: &str, remedy: &str| Trouble::new(Step::Grant, format!("{why} ({said})"), remedy);
    match code {
        Code::FailedPrecondition => request(
            "it does not take the token for this identity",
            &format!(
                "look in this order: (1) the audience, \"identity.l5d.io\" by default; (2) the name: {} is \
                 asked for, and its control plane or its trust domain may be others here; (3) the issuer, \
                 if it is not the Kubernetes of this control plane, or the account is no more; what we sent \
                 was a {}",
                from.name,
                token.found(now)
            ),
        ),
        Code::InvalidArgument => request(
            "it cannot read the token or the request",
            &format!(
                "see whether this is the identity controller of a Linkerd; what we sent was a {}",
                token.found(now)
            ),
        ),
        Code::Unavailable => grant(
            "its issuer is not ready",
            "see Secret linkerd-identity-issuer in the namespace of the control plane: its certificate may be \
             missing, or have ended",
        ),
        Code::Internal => grant(
            "it could not sign",
            "see its log; it needs the right to `create tokenreviews`, and an issuer certificate that is valid \
             and leads to the trust anchors",
        ),
        Code::PermissionDenied | Code::Unauthenticated => request(
            "its proxy does not let us in",
            "its policy must allow unauthenticated clients, as that of the chart does: a new pod has no \
             certificate yet",
        ),
        Code::Unimplemented => request(
            "no Linkerd identity controller answers there",
            ADVICE.absent,
        ),
        Code::ResourceExhausted | Code::DeadlineExceeded => request(
            "it is too busy",
            "ask again later; it asks the Kubernetes API about each token",
        ),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::NotFound
        | Code::AlreadyExists
        | Code::Aborted
        | Code::OutOfRange
        | Code::DataLoss => grant("it does not sign", SEE_THE_LOG),
    }
}

const ADVICE: Advice = Advice {
    absent: "it is reached at linkerd-identity-headless.linkerd.svc.cluster.local:8080 by default; set `address` \
             to where it is",
    plaintext: "port 8080 of linkerd-identity speaks mesh TLS 1.3; its admin port (9990) does not, nor does a \
                pod whose proxy is not there",
    closed: "see whether `server_name` is the identity of its proxy: by that it tells mesh TLS from other TLS",
    name: "set `server_name` to the identity of its proxy, \
           linkerd-identity.NAMESPACE.serviceaccount.identity.NAMESPACE.TRUST-DOMAIN",
};
