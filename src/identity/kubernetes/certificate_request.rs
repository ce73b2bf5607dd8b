//! A certificate by way of cert-manager: a CertificateRequest that somebody approves and an issuer
//! signs. Edge.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::client::{Api, acting_as, ask};
use super::failure::Trouble;
use super::refusal::Refusal;
use super::right::{Right, Verb, What};
use super::{Place, came_along, token_of};
use crate::certificate::Facts;
use crate::identity::bounds::short;
use crate::identity::error::{Flaw, IdentityError};
use crate::identity::origin::{CertificateRequest, Cluster, Fetched};
use crate::identity::pem;
use crate::identity::signing_request::{Name, SigningRequest, expired, misnamed};
use crate::identity::supply::Supply;
use crate::identity::walk::{Step, Walk};

/// One identity, asked for now.
pub(in crate::identity) async fn fetch(
    from: &CertificateRequest,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Supply, IdentityError> {
    let who = Fetched::CertificateRequest(from.clone()).to_string();
    let at = |step| Place { who: &who, step };
    let asker = Asker::new(from, at(Step::Request), walk).await?;
    let csr = SigningRequest::draw(Name::Uri(&from.id.to_string()), &[])?;
    let wanted = wanted(from, &csr.pem());

    let created = asker.create(from, &wanted, walk).await;
    let created: Object = at(Step::Request).read(created)?;
    let name = created.metadata.name.unwrap_or_default();
    let whose = from
        .account
        .as_ref()
        .map_or_else(String::new, |of| format!(" of {of}"));
    let request = format!(
        "CertificateRequest {}/{}{whose}",
        from.namespace,
        short(&name)
    );
    walk.done(Step::Request, &request);

    let outcome = wait(from, &asker, &name, at(Step::Grant)).await;
    asker.delete(from, &name).await;
    let issued = outcome?;
    let issuer = &from.issuer;
    walk.done(
        Step::Grant,
        format!("approved, and signed by {} {:?}", issuer.kind, issuer.name),
    );

    let what = Place {
        who: &request,
        step: Step::Identity,
    };
    let flawed = |entry: &str, flaw: &Flaw| what.flawed(entry, flaw);
    let chain = pem::certificates(&issued.chain).map_err(|flaw| flawed("certificate", &flaw))?;
    let identity = csr
        .granted(chain)
        .map_err(|error| flawed("certificate", &error.flaw))?;
    check(from, identity.leaf(), now)
        .map_err(|Trouble { why, remedy }| IdentityError::at(&who, Step::Identity, why, remedy))?;
    let mut supply = Supply::alone(identity, format!("{who}, by {request}"));
    let mut found = from.id.to_string();
    if let Some(roots) = came_along(&mut supply, &issued.ca).map_err(|flaw| flawed("ca", &flaw))? {
        found += &format!(", with {roots}");
    }
    walk.done(Step::Identity, found);
    Ok(supply)
}

/// The object that cert-manager is to see. The approver of its SPIFFE driver takes it so and not
/// otherwise: <https://github.com/cert-manager/csi-driver-spiffe>, internal/approver/evaluator.
fn wanted(from: &CertificateRequest, csr: &str) -> serde_json::Value {
    json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {
            "generateName": "probe-",
            "namespace": from.namespace,
            "annotations": { "spiffe.csi.cert-manager.io/identity": from.id.to_string() },
        },
        "spec": {
            "request": STANDARD.encode(csr),
            "issuerRef": {
                "name": from.issuer.name,
                "kind": from.issuer.kind,
                "group": from.issuer.group,
            },
            "duration": format!("{}s", from.lifetime.as_secs()),
            "isCA": false,
            "usages": ["digital signature", "key encipherment", "server auth", "client auth"],
        },
    })
}

/// Who makes the request: its account, since approvers go by who that was, or we ourselves.
struct Asker<'a> {
    cluster: &'a Cluster,
    account: Option<Api>,
}

impl<'a> Asker<'a> {
    async fn new(
        from: &'a CertificateRequest,
        at: Place<'_>,
        walk: &mut Walk,
    ) -> Result<Self, IdentityError> {
        let cluster = &from.cluster;
        let account = match &from.account {
            None => None,
            Some(account) => {
                let token = token_of(account, None, cluster, at, walk).await?;
                let api = acting_as(cluster, &account.to_string(), &token).await;
                Some(api.map_err(|refusal| refusal.at(at.who, at.step))?)
            }
        };
        Ok(Self { cluster, account })
    }

    async fn create(
        &self,
        from: &CertificateRequest,
        wanted: &serde_json::Value,
        walk: &mut Walk,
    ) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let right = Right::new(
            Verb::Create,
            What::CertificateRequest,
            &from.namespace,
            None,
        );
        let answer = match &self.account {
            Some(api) => api.ask(&right, Some(wanted), &mut Walk::default()).await,
            None => ask(self.cluster, &right, Some(wanted), walk).await,
        };
        answer.map_err(|refusal| match refusal.said() {
            Some(_) => refusal,
            None => refusal.put(StatusCode::NOT_FOUND, || {
                Trouble::new(
                    "cert-manager is not installed: the API knows no cert-manager.io/v1",
                    "install it, or name another cluster or another source",
                )
            }),
        })
    }

    /// We may do here what the account, made for a workload, may not; where not, it is asked too.
    async fn about(&self, right: &Right) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let ours = ask(self.cluster, right, None, &mut Walk::default()).await;
        let Err(refusal) = ours else { return ours };
        if refusal.status() == Some(StatusCode::FORBIDDEN)
            && let Some(account) = &self.account
            && let Ok(answer) = account.ask(right, None, &mut Walk::default()).await
        {
            return Ok(answer);
        }
        Err(refusal)
    }

    /// Whoever may not leaves the request behind, and cert-manager's own rules say what becomes of it.
    async fn delete(&self, from: &CertificateRequest, name: &str) {
        let what = What::CertificateRequest;
        let right = Right::new(Verb::Delete, what, &from.namespace, Some(name));
        drop(self.about(&right).await);
    }
}

/// Until it is signed or refused.
async fn wait(
    from: &CertificateRequest,
    asker: &Asker<'_>,
    name: &str,
    at: Place<'_>,
) -> Result<Issued, IdentityError> {
    let what = What::CertificateRequest;
    let right = Right::new(Verb::Get, what, &from.namespace, Some(name));
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let answer = asker.about(&right).await;
        let is_over = begun.elapsed() + pause > PATIENCE;
        match answer {
            Err(refusal) if !is_over && may_pass(&refusal) => {}
            answer => {
                let object: Object = at.read(answer)?;
                let fail =
                    |Trouble { why, remedy }| Err(IdentityError::at(at.who, at.step, why, remedy));
                match standing(object.status.unwrap_or_default(), from) {
                    Standing::Issued(issued) => return Ok(issued),
                    Standing::Refused(trouble) => return fail(trouble),
                    Standing::Open(trouble) if is_over => return fail(trouble),
                    Standing::Open(_) => {}
                }
            }
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// The API may be away for a moment.
fn may_pass(refusal: &Refusal) -> bool {
    refusal
        .status()
        .is_none_or(|status| status.is_server_error())
}

/// How a request stands.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Issued(Issued),
    /// It will not be signed any more.
    Refused(Trouble),
    /// Nobody has decided yet; why it is so, if it stays so.
    Open(Trouble),
}

/// What came of it, as PEM.
#[derive(Debug, PartialEq, Eq)]
struct Issued {
    chain: Vec<u8>,
    ca: Vec<u8>,
}

fn standing(status: Status, from: &CertificateRequest) -> Standing {
    let holds = |kind: &str| {
        let mut all = status.conditions.iter();
        all.find(|one| one.kind == kind && one.status == "True")
    };
    let ready = status.conditions.iter().find(|one| one.kind == "Ready");
    let failed = ready.filter(|one| one.status == "False" && one.reason == "Failed");
    let denied = ready.filter(|one| one.status == "False" && one.reason == "Denied");
    let issuer = format!("{} {:?}", from.issuer.kind, from.issuer.name);
    if let Some(why) = holds("Denied").or(denied) {
        return Standing::Refused(Trouble::new(
            format!("the request was denied: {why}"),
            "ask for what the approver lets this account have: its own ID, and the lifetime that it \
             is set up for",
        ));
    }
    if let Some(why) = holds("InvalidRequest") {
        return Standing::Refused(Trouble::new(
            format!("cert-manager takes the request for invalid: {why}"),
            "is the issuer one that signs SPIFFE IDs, with an empty subject?",
        ));
    }
    if let Some(why) = failed {
        return Standing::Refused(Trouble::new(
            format!("{issuer} did not sign: {why}"),
            "look at the issuer and at the log of cert-manager",
        ));
    }
    let chain = status.certificate.map(|bytes| bytes.0).unwrap_or_default();
    if ready.is_some_and(|one| one.status == "True") {
        if chain.is_empty() {
            return Standing::Refused(Trouble::new(
                "the request is ready, and no certificate is in it",
                "look at the log of cert-manager",
            ));
        }
        let ca = status.ca.map(|bytes| bytes.0).unwrap_or_default();
        return Standing::Issued(Issued { chain, ca });
    }
    let seconds = PATIENCE.as_secs();
    Standing::Open(if holds("Approved").is_none() {
        Trouble::new(
            format!("nobody approved the request within {seconds} s"),
            "is an approver there for this issuer: cert-manager's own, or that of \
             csi-driver-spiffe?",
        )
    } else {
        let why = ready.map_or_else(|| "no word from it".to_owned(), ToString::to_string);
        Trouble::new(
            format!("the request is approved, and {issuer} did not sign within {seconds} s: {why}"),
            format!(
                "is the issuer there, and ready? (group {})",
                from.issuer.group
            ),
        )
    })
}

/// Whether what was signed is what was asked for.
fn check(from: &CertificateRequest, leaf: &Facts, now: Timestamp) -> Result<(), Trouble> {
    if let Some(why) = misnamed(&leaf.uris, &from.id.to_string()) {
        let remedy = "take an issuer that signs the names of the request";
        return Err(Trouble::new(why, remedy));
    }
    if let Some(expired) = expired(leaf, now) {
        return Err(Trouble::new(
            format!("it signed a certificate that {expired}"),
            "compare the clocks of this machine and of the issuer",
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    metadata: Metadata,
    status: Option<Status>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    conditions: Vec<Condition>,
    certificate: Option<ByteString>,
    ca: Option<ByteString>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reason, message) = (short(&self.reason), short(&self.message));
        match (reason.is_empty(), message.is_empty()) {
            (true, true) => f.write_str("it does not say why"),
            (true, false) => f.write_str(&message),
            (false, true) => f.write_str(&reason),
            (false, false) => write!(f, "{reason}, {message}"),
        }
    }
}

/// How long somebody may take to approve and to sign.
const PATIENCE: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
