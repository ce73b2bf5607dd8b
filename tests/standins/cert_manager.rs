//! The part of cert-manager that answers CertificateRequests: who may have one is judged as the
//! approver of its SPIFFE driver does, and a real CA signs the real request.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use mtls_probe::run::now;
use serde_json::{Value, json};

use super::kubernetes::{Answer, failure, not_found, object};
use super::pem;
use super::signer::{Asked, Key, Signed, Signer};

pub(crate) struct CertManager {
    ca: Signer,
    requests: BTreeMap<(String, String), Request>,
    made: usize,
    pub(crate) manner: Manner,
    /// The lifetime that the approver is set up for.
    pub(crate) duration: &'static str,
    /// For how long from now it signs, whatever is asked for.
    pub(crate) lasting: SignedDuration,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Judged, then signed.
    #[default]
    Signs,
    /// Nobody looks at it.
    NobodyApproves,
    /// Approved, and then nothing.
    NobodySigns,
    /// The issuer refuses.
    Fails,
    /// cert-manager finds a flaw in it.
    FindsFlaw,
    /// Signed for somebody else.
    ForSomebodyElse,
    /// Signed, and over already.
    Expired,
    /// Signed over another key.
    OtherKey,
    /// Ready, with nothing in it.
    Empty,
    /// Ready, with something that is no certificate.
    Garbage,
    /// Somebody deletes it.
    Deletes,
}

struct Request {
    object: Value,
    looks: usize,
}

impl CertManager {
    pub(crate) fn new() -> Self {
        Self {
            ca: Signer::new("mesh"),
            requests: BTreeMap::new(),
            made: 0,
            manner: Manner::Signs,
            duration: "3600s",
            lasting: SignedDuration::from_hours(1),
        }
    }

    #[cfg(feature = "grpc")]
    pub(crate) fn root(&self) -> Vec<u8> {
        self.ca.root.to_vec()
    }

    /// Requests that are still there.
    pub(crate) fn left(&self) -> usize {
        self.requests.len()
    }

    pub(crate) fn act(
        &mut self,
        verb: &str,
        user: &str,
        namespace: &str,
        name: &str,
        body: &[u8],
    ) -> Answer {
        let key = (namespace.to_owned(), name.to_owned());
        match verb {
            "create" => self.create(user, namespace, body),
            "delete" => match self.requests.remove(&key) {
                None => not_found(KIND, name),
                Some(_) => object(
                    200,
                    json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
                ),
            },
            _ => self.look(&key),
        }
    }

    /// As the webhook does: who made it is written into it.
    fn create(&mut self, user: &str, namespace: &str, body: &[u8]) -> Answer {
        let Ok(mut request) = serde_json::from_slice::<Value>(body) else {
            return failure(400, "BadRequest", "the object provided is unrecognized");
        };
        if csr(&request).is_none() || !request["spec"]["issuerRef"]["name"].is_string() {
            let words = "admission webhook \"webhook.cert-manager.io\" denied the request: \
                         spec.request: Invalid value: failed to decode csr: error decoding \
                         certificate request PEM block";
            return failure(403, "Forbidden", words);
        }
        self.made += 1;
        let prefix = request["metadata"]["generateName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let name = format!("{prefix}x{}", self.made);
        request["metadata"]["name"] = json!(name);
        request["metadata"]["namespace"] = json!(namespace);
        request["spec"]["username"] = json!(user);
        let key = (namespace.to_owned(), name);
        let made = Request {
            object: request.clone(),
            looks: 0,
        };
        self.requests.insert(key, made);
        object(201, request)
    }

    /// It takes a while, as with the real one: the first look finds nothing, the second an approval.
    fn look(&mut self, key: &(String, String)) -> Answer {
        if self.manner == Manner::Deletes {
            self.requests.remove(key);
        }
        let Some(request) = self.requests.get_mut(key) else {
            return not_found(KIND, &key.1);
        };
        request.looks += 1;
        let looks = request.looks;
        let mut found = request.object.clone();
        found["status"] = self.status(&found, looks);
        object(200, found)
    }

    fn status(&self, request: &Value, looks: usize) -> Value {
        if looks == 1 || self.manner == Manner::NobodyApproves {
            return json!({});
        }
        if let Err(why) = self.approve(request) {
            let why = format!("Denied request: {why}");
            return json!({ "conditions": [
                condition("Denied", "True", APPROVER, &why),
                condition("Ready", "False", "Denied", "The CertificateRequest was denied by an approval controller"),
            ] });
        }
        let approved = condition("Approved", "True", APPROVER, "Approved request");
        let ready = |status, reason, words| condition("Ready", status, reason, words);
        let pending = ready(
            "False",
            "Pending",
            "Referenced \"ClusterIssuer\" not found: clusterissuer.cert-manager.io \"mesh-ca\" not found",
        );
        if looks == 2 || self.manner == Manner::NobodySigns {
            return json!({ "conditions": [approved, pending] });
        }
        let issued = ready(
            "True",
            "Issued",
            "Certificate fetched from issuer successfully",
        );
        let certificate = match self.manner {
            Manner::Fails => {
                let failed = ready(
                    "False",
                    "Failed",
                    "Error signing certificate: the CA is on holiday",
                );
                return json!({ "conditions": [approved, failed], "failureTime": "2026-01-01T00:00:00Z" });
            }
            Manner::FindsFlaw => {
                let flaw = condition(
                    "InvalidRequest",
                    "True",
                    "Invalid",
                    "encoded CSR is not to our taste",
                );
                return json!({ "conditions": [approved, flaw] });
            }
            Manner::Empty => return json!({ "conditions": [approved, issued] }),
            Manner::Garbage => "nothing of the kind".to_owned(),
            Manner::Signs
            | Manner::NobodyApproves
            | Manner::NobodySigns
            | Manner::ForSomebodyElse
            | Manner::Expired
            | Manner::OtherKey
            | Manner::Deletes => self.sign(request),
        };
        json!({
            "conditions": [approved, issued],
            "certificate": STANDARD.encode(certificate),
            "ca": STANDARD.encode(pem(&self.ca.root)),
        })
    }

    /// The rules of csi-driver-spiffe, internal/approver/evaluator/evaluator.go.
    fn approve(&self, request: &Value) -> Result<(), String> {
        let spec = &request["spec"];
        let annotation = &request["metadata"]["annotations"]["spiffe.csi.cert-manager.io/identity"];
        let identity = annotation
            .as_str()
            .ok_or("identity annotation is missing")?;
        let csr = csr(request).ok_or("cannot decode the request")?;
        let Asked { uris, dns, .. } = &csr;
        if !dns.is_empty() || csr.more > 0 {
            return Err("forbidden DNS, IP or email names".to_owned());
        }
        if csr.has_subject {
            return Err("forbidden extension: subject".to_owned());
        }
        if *uris != [identity] {
            return Err(format!(
                "unexpected SPIFFE ID requested, exp={identity:?} got={uris:?}"
            ));
        }
        if spec["duration"] != self.duration {
            return Err(format!(
                "requested duration {} does not match required {}",
                spec["duration"], self.duration
            ));
        }
        if spec["isCA"] == true {
            return Err("request contains spec.isCA=true".to_owned());
        }
        if spec["usages"]
            != json!([
                "digital signature",
                "key encipherment",
                "server auth",
                "client auth"
            ])
        {
            return Err(format!("unexpected key usages: {}", spec["usages"]));
        }
        let username = spec["username"].as_str().unwrap_or_default();
        let Some(account) = username.strip_prefix("system:serviceaccount:") else {
            return Err(format!("got username is not a ServiceAccount: {username}"));
        };
        let (namespace, name) = account.split_once(':').ok_or("no account")?;
        let expected = format!("spiffe://cluster.local/ns/{namespace}/sa/{name}");
        if expected != identity {
            return Err(format!(
                "unexpected SPIFFE ID requested, exp={expected:?} got={identity:?}"
            ));
        }
        Ok(())
    }

    fn sign(&self, request: &Value) -> String {
        let asked = csr(request).unwrap();
        let hour = SignedDuration::from_hours(1);
        let mut what = Signed {
            uris: asked.uris,
            dns: vec![],
            not_before: now() - hour * 2,
            not_after: now() + self.lasting,
        };
        let mut key = asked.key;
        match self.manner {
            Manner::Expired => what.not_after = now() - hour,
            Manner::ForSomebodyElse => {
                what.uris = vec!["spiffe://cluster.local/ns/default/sa/other".to_owned()];
            }
            Manner::OtherKey => key = Key::draw(),
            _ => {}
        }
        pem(&self.ca.sign(&what, &key)) + &pem(&self.ca.issuing)
    }
}

fn csr(request: &Value) -> Option<Asked> {
    let text = STANDARD.decode(request["spec"]["request"].as_str()?).ok()?;
    Asked::read(::pem::parse(text).ok()?.contents()).ok()
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message })
}

const KIND: &str = "certificaterequests.cert-manager.io";
const APPROVER: &str = "spiffe.csi.cert-manager.io";
