//! What becomes of a call to a server that signs, and what its certificate is worth. Edge: waits.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use super::tls::innermost;
use crate::certificate::{Bundles, Expected, Facts, Question, Role, judge, rough};
use crate::identity::Identity;
use crate::identity::bounds::{LIMIT, short};
use crate::identity::error::{Flaw, IdentityError};
use crate::identity::signing_request::SigningRequest;
use crate::identity::walk::{Step, Walk};

/// A channel to what may not speak gRPC at all: an answer of HTTP alone is told as such, and not read as
/// a broken message.
#[derive(Clone)]
pub(super) struct Strict(pub(super) Channel);

impl Service<http::Request<Body>> for Strict {
    type Response = http::Response<Body>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let response = self.0.call(request);
        Box::pin(async move {
            let response = response.await?;
            match of_http(&response) {
                Some(status) => Err(status.into()),
                None => Ok(response),
            }
        })
    }
}

/// What an answer of HTTP alone means to gRPC, by its own table.
fn of_http(response: &http::Response<Body>) -> Option<Status> {
    let headers = response.headers();
    let kind = headers.get("content-type").map(|kind| kind.as_bytes());
    let is_grpc = kind.is_some_and(|kind| kind.starts_with(b"application/grpc"));
    let http = response.status();
    if headers.contains_key("grpc-status") || (is_grpc && http.is_success()) {
        return None;
    }
    let code = match http.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    Some(Status::new(code, format!("HTTP {http}, and not gRPC")))
}

/// Why there is no answer, or none that helps.
pub(super) enum Refusal {
    /// Nothing came in time.
    Late,
    /// The connection ended, in the words of who noticed.
    Broken(String),
    /// It says no: the code, and its words.
    Said(Code, String),
}

/// Waits for an answer, and not for ever.
pub(super) async fn answer<T>(
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Refusal> {
    match timeout(LIMIT, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        // What a server says has no source; what breaks on the way has one.
        Ok(Err(status)) => Err(match status.source() {
            Some(source) => Refusal::Broken(innermost(source)),
            None => Refusal::Said(status.code(), words(&status)),
        }),
        Err(_) => Err(Refusal::Late),
    }
}

/// The identity that somebody signed for us: for our key, and for a time that is not over.
pub(super) fn accept(
    who: &str,
    request: SigningRequest,
    chain: Vec<CertificateDer<'static>>,
    now: Timestamp,
) -> Result<Identity, IdentityError> {
    let failed = |why: String, remedy: &str| IdentityError::at(who, Step::Identity, why, remedy);
    let identity = request.granted(chain).map_err(|error| {
        let why = if error.flaw == Flaw::ForeignKey {
            "it signed another key than ours".to_owned()
        } else if let Flaw::Malformed { nth, why } = error.flaw {
            let why = short(why);
            format!("certificate {nth} of its answer {why}")
        } else {
            let why = short(error.flaw);
            format!("the chain of its answer {why}")
        };
        failed(why, SEE_THE_LOG)
    })?;
    let leaf = identity.leaf();
    if leaf.not_after <= now {
        let ago = rough(now.duration_since(leaf.not_after));
        return Err(failed(
            format!(
                "it signed a certificate that expired {ago} ago, at {}",
                leaf.not_after
            ),
            "either the clocks of the CA and of this host differ, or the CA's own certificate has ended \
             and cuts what it signs",
        ));
    }
    Ok(identity)
}

/// What an identity is worth, for people: whose it is, for how long, and whether it leads to the root.
pub(super) fn note(
    identity: &Identity,
    bundles: &Bundles,
    expected: &Expected,
    now: Timestamp,
    walk: &mut Walk,
) {
    let judgement = judge(&Question {
        chain: identity.chain(),
        bundles,
        role: Role::Client,
        expected,
        at: now,
        crls: &[],
        elsewhere: &[],
    });
    let verifies = match (judgement.problems.first(), &judgement.root) {
        (Some(problem), _) => format!("but: {}", short(&problem.what)),
        (None, Some(root)) => format!("verified up to {:?}", short(&root.subject)),
        (None, None) => "verified".to_owned(),
    };
    let name = short(identity.name().unwrap_or("nobody"));
    let left = left(identity.leaf(), now);
    walk.done(Step::Identity, format!("{name}, {left}, {verifies}"));
}

/// How long a certificate lasts, for people.
pub(super) fn left(leaf: &Facts, now: Timestamp) -> String {
    let left = rough(leaf.not_after.duration_since(now));
    match leaf.not_before > now {
        true => {
            let ahead = rough(leaf.not_before.duration_since(now));
            format!("{left} left, beginning in {ahead}: the CA's clock is ahead of ours")
        }
        false => format!("{left} left"),
    }
}

fn words(status: &Status) -> String {
    let code = format!("{:?}", status.code());
    match status.message() {
        "" => code,
        message => format!("{code}: {}", short(message)),
    }
}

pub(super) const SEE_THE_LOG: &str = "see its log; nobody can use this answer";
