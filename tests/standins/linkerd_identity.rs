//! Linkerd's identity controller behind its proxy, by their rules: mesh TLS 1.3 by the proxy's own name,
//! no client certificate, a token, one DNS name, DER.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use mtls_probe::run::now;
use rustls::ServerConfig;
use rustls::version::TLS13;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, async_trait};

use super::desk::Desk;
use super::door::{Door, grpc};
use super::generated::linkerd::identity_server::{Identity, IdentityServer};
use super::generated::linkerd::{CertifyRequest, CertifyResponse};
use super::pem;
use super::signer::{Asked, Key, Signed, Signer};
use super::tokens::review;

/// What is wrong with this one.
#[derive(Clone, Debug, Default)]
pub(crate) enum Whim {
    #[default]
    None,
    Hang,
    Says(Code, &'static str),
    /// It signs for this one.
    Identity(String),
    OtherKey,
    Expired,
    /// What it signs lasts so long.
    Lasting(SignedDuration),
    NoLeaf,
    NoDate,
    /// The date that it gives is over, whatever the certificate says.
    OldDate,
    Pem,
    Garbage,
    HalfAnAnswer,
}

/// One that runs.
pub(crate) struct LinkerdIdentity {
    pub(crate) desk: Arc<Desk<Whim>>,
    pub(crate) door: Door,
    _serving: JoinSet<()>,
}

impl LinkerdIdentity {
    pub(crate) async fn start() -> Self {
        let signer = Arc::new(Signer::new("identity.linkerd.cluster.local"));
        let config = signer.server(&[NAME], &[&TLS13]);
        Self::with(signer, config).await
    }

    pub(crate) async fn with(signer: Arc<Signer>, config: Arc<ServerConfig>) -> Self {
        let (door, visitors) = Door::tls(config).await;
        let desk = Desk::new(signer, door.cut());
        let controller = IdentityServer::new(Controller(Arc::clone(&desk)));
        Self {
            desk,
            door,
            _serving: grpc(Server::builder().add_service(controller), visitors),
        }
    }
}

/// The identity of the controller's proxy.
pub(crate) const NAME: &str =
    "linkerd-identity.linkerd.serviceaccount.identity.linkerd.cluster.local";

struct Controller(Arc<Desk<Whim>>);

#[async_trait]
impl Identity for Controller {
    async fn certify(
        &self,
        request: Request<CertifyRequest>,
    ) -> Result<Response<CertifyResponse>, Status> {
        let whim = self.0.called();
        match whim {
            Whim::Hang => sleep(Duration::from_secs(600)).await,
            Whim::Says(code, words) => return Err(Status::new(code, words)),
            Whim::HalfAnAnswer => {
                self.0.cut.now();
                sleep(Duration::from_secs(600)).await;
            }
            _ => {}
        }
        let asked = request.into_inner();
        if asked.identity.is_empty() || asked.token.is_empty() {
            return Err(Status::invalid_argument("missing identity or token"));
        }
        let csr =
            Asked::read(&asked.certificate_signing_request).map_err(Status::invalid_argument)?;
        let token = str::from_utf8(&asked.token)
            .map_err(|_| Status::invalid_argument("token is not text"))?;
        let (namespace, account) = review(token, "identity.l5d.io").map_err(|why| {
            Status::failed_precondition(format!("token not authenticated: {why}"))
        })?;
        let found = format!("{account}.{namespace}.serviceaccount.identity.linkerd.cluster.local");
        if found != asked.identity {
            let requested = &asked.identity;
            return Err(Status::failed_precondition(format!(
                "requested identity did not match provided token: requested={requested}; found={found}"
            )));
        }
        let is_exact = csr.dns == [found.clone()] && csr.uris.is_empty();
        if !is_exact || csr.more > 0 || csr.has_subject {
            return Err(Status::failed_precondition(
                "CSR does not match the identity",
            ));
        }
        Ok(Response::new(self.sign(&whim, found, &csr.key)))
    }
}

impl Controller {
    fn sign(&self, whim: &Whim, name: String, key: &Key) -> CertifyResponse {
        let mut what = Signed {
            uris: vec![],
            dns: vec![name],
            not_before: now() - SignedDuration::from_secs(20),
            not_after: now() + SignedDuration::from_mins(24 * 60 + 30),
        };
        let other = Key::draw();
        let mut key = key;
        match whim {
            Whim::Identity(other) => what.dns = vec![other.clone()],
            Whim::OtherKey => key = &other,
            Whim::Expired => what.not_after = now() - SignedDuration::from_mins(1),
            Whim::Lasting(span) => what.not_after = now() + *span,
            _ => {}
        }
        let leaf = self.0.signer.sign(&what, key);
        let until = match whim {
            Whim::OldDate => now() - SignedDuration::from_hours(1),
            Whim::Expired => now() + SignedDuration::from_hours(1),
            _ => what.not_after,
        };
        CertifyResponse {
            leaf_certificate: match whim {
                Whim::NoLeaf => vec![],
                Whim::Pem => pem(&leaf).into_bytes(),
                Whim::Garbage => vec![0x30, 0x03, 1, 2, 3],
                _ => leaf.to_vec(),
            },
            intermediate_certificates: vec![self.0.signer.issuing.to_vec()],
            valid_until: (!matches!(whim, Whim::NoDate)).then(|| prost_types::Timestamp {
                seconds: until.as_second(),
                nanos: 0,
            }),
        }
    }
}
