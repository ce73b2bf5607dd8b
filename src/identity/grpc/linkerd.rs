//! A certificate for a service account, signed by Linkerd's identity controller. Edge. Its certificates
//! and requests are DER, whatever its documents say.

use jiff::Timestamp;
use rustls::version::TLS13;
use rustls_pki_types::CertificateDer;
use tonic::Code;

use super::answer::{self, Refusal, SEE_THE_LOG, Strict, answer};
use super::generated::linkerd::identity_client::IdentityClient;
use super::generated::linkerd::{CertifyRequest, CertifyResponse};
use super::tls::{self, Advice, Server};
use crate::certificate::{Bundles, Expected, Facts, Trust};
use crate::identity::bounds::{LIMIT, MAX_ANSWER, short};
use crate::identity::error::IdentityError;
use crate::identity::origin::{Account, Fetched, Linkerd};
use crate::identity::signing_request::{Name, SigningRequest};
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
    let account = account(&from.name);
    let token = token(&from.token, account.as_ref(), now, walk).await?;

    let server = Server {
        who: who.clone(),
        address: &from.address,
        name: &from.server_name,
        anchors: (&anchors, &from.anchors),
        versions: &[&TLS13],
        advice: &ADVICE,
    };
    let channel = tls::dial(&server, now, walk).await?;

    let request = SigningRequest::draw(Name::Dns(&from.name), &[])?;
    let asked = CertifyRequest {
        identity: from.name.clone(),
        token: token.text.as_bytes().to_vec(),
        certificate_signing_request: request.der().to_vec(),
    };
    let mut client = IdentityClient::new(Strict(channel)).max_decoding_message_size(MAX_ANSWER);
    let answered = answer(client.certify(asked)).await;
    let granted = answered.map_err(|refusal| explain(from, &who, &token, refusal, now))?;
    walk.done(Step::Request, "the token is taken");

    let chain = read(&who, granted, now)?;
    walk.done(Step::Grant, format!("{} certificates", chain.len()));
    let identity = answer::accept(&who, request, chain, now)?;
    is_ours(from, &who, identity.leaf())?;
    let mut bundles = Bundles::none();
    bundles.insert(from.domain.clone(), anchors);
    answer::note(
        &identity,
        &bundles,
        &Expected::Dns(from.name.clone()),
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

/// The chain, leaf first.
fn read(
    who: &str,
    granted: CertifyResponse,
    now: Timestamp,
) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let failed = |step, why: &str| IdentityError::at(who, step, why, SEE_THE_LOG);
    if granted.leaf_certificate.is_empty() {
        return Err(failed(Step::Grant, "it says yes, and sends no certificate"));
    }
    // Its proxies go by this date, and take nothing without it.
    let Some(until) = granted.valid_until else {
        return Err(failed(
            Step::Grant,
            "it does not say how long its certificate is valid",
        ));
    };
    match Timestamp::from_second(until.seconds) {
        Ok(until) if until > now => {}
        Ok(until) => {
            let why = format!("it says that its certificate is valid until {until}, which is over");
            return Err(failed(Step::Grant, &why));
        }
        Err(_) => {
            return Err(failed(
                Step::Grant,
                "it gives no date until which it is valid",
            ));
        }
    }
    let mut chain = vec![granted.leaf_certificate];
    chain.extend(granted.intermediate_certificates);
    if chain.iter().any(|part| part.starts_with(b"-----BEGIN")) {
        return Err(failed(
            Step::Identity,
            "it sends PEM, and by its protocol it is DER",
        ));
    }
    Ok(chain.into_iter().map(Into::into).collect())
}

fn is_ours(from: &Linkerd, who: &str, leaf: &Facts) -> Result<(), IdentityError> {
    let names: Vec<&str> = leaf
        .dns
        .iter()
        .chain(&leaf.uris)
        .map(String::as_str)
        .collect();
    if names == [from.name.as_str()] {
        return Ok(());
    }
    let theirs = match names.as_slice() {
        [] => "nobody: the certificate has no name".to_owned(),
        some => short(some.join(" and ")),
    };
    let why = format!("it signed for {theirs}, and {} was asked for", from.name);
    let remedy = "it goes by the token: give one of the account that is asked for, and see whether the \
                  control plane and the trust domain are those of this mesh";
    Err(IdentityError::at(who, Step::Identity, why, remedy))
}

/// Why it does not sign, as far as its code tells.
fn explain(
    from: &Linkerd,
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
                "it asks the Kubernetes API about the token before it signs: see whether that is slow",
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
        Code::FailedPrecondition => failed(
            Step::Request,
            format!("it does not take the token for this identity ({said})"),
            &format!(
                "look in this order: (1) the audience, \"identity.l5d.io\" by default; (2) the name: {} is \
                 asked for, and its control plane or its trust domain may be others here; (3) the issuer, \
                 if it is not the Kubernetes of this control plane, or the account is no more; what we sent \
                 was a {}",
                from.name,
                token.found(now)
            ),
        ),
        Code::InvalidArgument => failed(
            Step::Request,
            format!("it cannot read the token or the request ({said})"),
            &format!(
                "see whether this is the identity controller of a Linkerd; what we sent was a {}",
                token.found(now)
            ),
        ),
        Code::Unavailable => failed(
            Step::Grant,
            format!("its issuer is not ready ({said})"),
            "see Secret linkerd-identity-issuer in the namespace of the control plane: its certificate may be \
             missing, or have ended",
        ),
        Code::Internal => failed(
            Step::Grant,
            format!("it could not sign ({said})"),
            "see its log; it needs the right to `create tokenreviews`, and an issuer certificate that is valid \
             and leads to the trust anchors",
        ),
        Code::PermissionDenied | Code::Unauthenticated => failed(
            Step::Request,
            format!("its proxy does not let us in ({said})"),
            "its policy must allow unauthenticated clients, as that of the chart does: a new pod has no \
             certificate yet",
        ),
        Code::Unimplemented => failed(
            Step::Request,
            format!("no Linkerd identity controller answers there ({said})"),
            ADVICE.absent,
        ),
        Code::ResourceExhausted | Code::DeadlineExceeded => failed(
            Step::Request,
            format!("it is too busy ({said})"),
            "ask again later; it asks the Kubernetes API about each token",
        ),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::NotFound
        | Code::AlreadyExists
        | Code::Aborted
        | Code::OutOfRange
        | Code::DataLoss => failed(
            Step::Grant,
            format!("it does not sign ({said})"),
            SEE_THE_LOG,
        ),
    }
}

/// The account of `NAME.NAMESPACE.serviceaccount.identity.…`; the name of an account may have dots.
fn account(identity: &str) -> Option<Account> {
    let (account, _) = identity.split_once(".serviceaccount.identity.")?;
    let (name, namespace) = account.rsplit_once('.')?;
    Some(Account {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
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
