//! The server of SPIRE: it signs whatever ID of its trust domain a local caller or an admin asks for.
//! Edge.

use jiff::Timestamp;
use tonic::Code;

use super::call::{GrpcOnly, Refusal, answer};
use super::generated::spire::api::server::bundle::v1::GetBundleRequest;
use super::generated::spire::api::server::bundle::v1::bundle_client::BundleClient;
use super::generated::spire::api::server::svid::v1::MintX509svidRequest;
use super::generated::spire::api::server::svid::v1::svid_client::SvidClient;
use super::generated::spire::api::types;
use super::reach::reach;
use super::signed::{accept, unusable};
use super::trouble::Trouble;
use crate::certificate::{Bundle, Bundles, TrustDomain, rough};
use crate::identity::bounds::{MAX_ANSWER, short};
use crate::identity::error::{Flaw, IdentityError};
use crate::identity::origin::{BundleOrigin, Endpoint, Fetched, SpireServer};
use crate::identity::signing_request::{Name, SigningRequest, misnamed};
use crate::identity::supply::Supply;
use crate::identity::walk::{Step, Walk};

/// One identity, asked for now.
pub(in crate::identity) async fn fetch(
    from: &SpireServer,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Supply, IdentityError> {
    let who = Fetched::SpireServer(from.clone());
    let request = SigningRequest::draw(Name::Uri(&from.id.to_string()), &from.dns)?;
    let minted = mint(from, request, now, walk).await;
    minted.map_err(|trouble| trouble.of(who))
}

/// The bundle of the server's own trust domain.
pub(in crate::identity) async fn bundle(
    endpoint: &Endpoint,
    walk: &mut Walk,
) -> Result<Bundles, IdentityError> {
    let who = BundleOrigin::SpireServer(endpoint.clone());
    let of_who = |trouble: Trouble| trouble.of(&who);
    let channel = reach(endpoint, SERVER, walk).await.map_err(of_who)?;
    let answer = ask_for_bundle(channel).await.map_err(of_who)?;
    walk.done(Step::Request, "it answers");
    let (domain, bundle, words) = read_bundle(answer).map_err(of_who)?;
    walk.done(Step::Grant, words);
    let mut bundles = Bundles::none();
    bundles.insert(domain, bundle);
    Ok(bundles)
}

async fn mint(
    from: &SpireServer,
    request: SigningRequest,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Supply, Trouble> {
    let channel = reach(&from.endpoint, SERVER, walk).await?;
    let mut server = SvidClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER);
    let asked = server.mint_x509svid(MintX509svidRequest {
        csr: request.der().to_vec(),
        ttl: i32::try_from(from.lifetime.as_secs()).unwrap_or(i32::MAX),
    });
    let answered = answer(asked).await.map_err(|refusal| explain(&refusal))?;
    walk.done(Step::Request, "it lets us mint");
    let Some(svid) = answered.into_inner().svid else {
        return Err(Trouble::new(Step::Grant, "its answer holds no SVID", LOOK));
    };
    let chain = svid.cert_chain.into_iter().map(Into::into).collect();
    let identity = accept(request, chain, now)?;
    if let Some(why) = misnamed(&identity.leaf().uris, &from.id.to_string()) {
        return Err(unusable(why));
    }
    let left = rough(identity.leaf().not_after.duration_since(now));
    walk.done(Step::Grant, format!("{} for {left}", from.id));
    let (domain, bundle, words) = read_bundle(ask_for_bundle(channel).await?)?;
    if domain != *from.id.trust_domain() {
        let why = format!("it signs for {}, but its bundle is of {domain}", from.id);
        return Err(unusable(why));
    }
    walk.done(
        Step::Identity,
        format!("the key belongs to the leaf; {words}"),
    );
    let mut bundles = Bundles::none();
    bundles.insert(domain, bundle);
    Ok(Supply {
        identity,
        trust: bundles.into(),
        from: format!("SPIRE server at {}", from.endpoint),
    })
}

async fn ask_for_bundle(channel: GrpcOnly) -> Result<types::Bundle, Trouble> {
    let mut server = BundleClient::new(channel).max_decoding_message_size(MAX_ANSWER);
    let answered = answer(server.get_bundle(GetBundleRequest {})).await;
    let answered = answered.map_err(|refusal| explain(&refusal))?;
    Ok(answered.into_inner())
}

fn explain(refusal: &Refusal) -> Trouble {
    let trouble = |why: String, remedy: &str| Trouble::new(Step::Request, why, remedy);
    match refusal {
        Refusal::Said(Code::PermissionDenied | Code::Unauthenticated, said) => trouble(
            format!("it does not let us ({said})"),
            "use the server's private socket, /tmp/spire-server/private/api.sock by default, on its own host: only local callers and admins may mint",
        ),
        Refusal::Said(Code::InvalidArgument, said) => trouble(
            format!("it does not sign what we ask for ({said})"),
            "ask for an ID with a path in the server's own trust domain, and for valid DNS names",
        ),
        Refusal::Said(Code::Unimplemented, said) => trouble(
            format!("what listens there does not mint ({said})"),
            "name the private socket of the server, /tmp/spire-server/private/api.sock by default; the socket of an agent is one for `workload_api`",
        ),
        Refusal::Said(..)
        | Refusal::Late
        | Refusal::Broken(_)
        | Refusal::PlainHttp(_)
        | Refusal::TooLarge => trouble(refusal.to_string(), LOOK),
    }
}

/// A bundle with its trust domain, and what to say of it.
fn read_bundle(answer: types::Bundle) -> Result<(TrustDomain, Bundle, String), Trouble> {
    let domain: TrustDomain = answer.trust_domain.parse().map_err(|why| {
        let name = short(&answer.trust_domain);
        unusable(format!(
            "its bundle is of {name:?}, and that is no trust domain: {why}"
        ))
    })?;
    let flawed = |flaw| unusable(format!("the bundle of {domain} {flaw}"));
    if answer.x509_authorities.is_empty() {
        return Err(flawed(Flaw::Empty));
    }
    let mut tainted = 0;
    let certificates = answer.x509_authorities.into_iter().map(|authority| {
        tainted += u32::from(authority.tainted);
        authority.asn1.into()
    });
    // Also those that are tainted: workloads trust them until they are taken out of the bundle.
    let certificates: Vec<_> = certificates.collect();
    let bundle = Bundle::new(certificates)
        .map_err(|(nth, why)| flawed(Flaw::Malformed { nth: nth + 1, why }))?;
    let roots = bundle.anchors().len();
    let s = if roots == 1 { "" } else { "s" };
    let tainted = match tainted {
        0 => String::new(),
        some => format!(", {some} of them tainted"),
    };
    let words = format!("bundle of {domain} ({roots} root{s}{tainted})");
    Ok((domain, bundle, words))
}

const SERVER: &str = "SPIRE server";
const LOOK: &str = "look at the log of the server";
