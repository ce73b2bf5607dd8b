//! Istio's CA, by the rules of istiod and of istio-csr, whichever is stricter: whom the token proves is
//! who is signed for, and the request holds that one URI SAN and nothing else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use mtls_probe::run::now;
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, async_trait};

use super::desk::Desk;
use super::door::{Door, grpc};
use super::generated::istio::istio_certificate_service_server::{
    IstioCertificateService, IstioCertificateServiceServer,
};
use super::generated::istio::{IstioCertificateRequest, IstioCertificateResponse};
use super::pem;
use super::signer::{Asked, Key, Signed, Signer};
use super::tokens::review;

/// What is wrong with this one.
#[derive(Clone, Debug, Default)]
pub(crate) enum Whim {
    #[default]
    None,
    /// It takes its time.
    Slow(Duration),
    /// It never answers.
    Hang,
    /// It says this.
    Says(Code, &'static str),
    /// It signs for this one.
    Identity(String),
    /// It signs for nobody.
    Nameless,
    /// It signs another key.
    OtherKey,
    /// What it signs is over.
    Expired,
    /// What it signs lasts so long, whatever is asked.
    Lasting(SignedDuration),
    /// It answers with nothing.
    NoChain,
    /// It answers with the leaf alone.
    LeafAlone,
    /// It answers without the root: the intermediate is the last.
    LeafLast,
    /// It answers with this in the place of the leaf.
    Garbage(&'static str),
    /// It sends two roots, as in a rotation.
    TwoRoots,
    /// The connection ends in the middle of its answer.
    HalfAnAnswer,
}

/// One that runs.
pub(crate) struct IstioCa {
    pub(crate) desk: Arc<Desk<Whim>>,
    pub(crate) door: Door,
    last: Arc<Mutex<Option<Last>>>,
    _serving: JoinSet<()>,
}

/// What came with a request.
#[derive(Clone, Debug)]
pub(crate) struct Last {
    pub(crate) cluster: Option<String>,
    pub(crate) seconds: i64,
    pub(crate) has_metadata: bool,
}

impl IstioCa {
    pub(crate) async fn start() -> Self {
        let signer = Arc::new(Signer::new("mesh"));
        let config = signer.server(NAMES, &[&TLS13, &TLS12]);
        Self::with(signer, config, "cluster.local").await
    }

    /// One that shows another certificate, or signs for another trust domain.
    pub(crate) async fn with(signer: Arc<Signer>, config: Arc<ServerConfig>, domain: &str) -> Self {
        let (door, visitors) = Door::tls(config).await;
        let desk = Desk::new(signer, door.cut());
        let last = Arc::default();
        let ca = IstioCertificateServiceServer::new(Ca {
            desk: Arc::clone(&desk),
            last: Arc::clone(&last),
            domain: domain.to_owned(),
        });
        Self {
            desk,
            door,
            last,
            _serving: grpc(Server::builder().add_service(ca), visitors),
        }
    }

    /// What came with the last request that was granted.
    pub(crate) fn last(&self) -> Last {
        self.last.lock().unwrap().clone().unwrap()
    }
}

/// What istiod's certificate carries.
pub(crate) const NAMES: &[&str] = &["istiod.istio-system.svc", "istio-pilot.istio-system.svc"];

struct Ca {
    desk: Arc<Desk<Whim>>,
    last: Arc<Mutex<Option<Last>>>,
    domain: String,
}

#[async_trait]
impl IstioCertificateService for Ca {
    async fn create_certificate(
        &self,
        request: Request<IstioCertificateRequest>,
    ) -> Result<Response<IstioCertificateResponse>, Status> {
        let whim = self.desk.called();
        match whim {
            Whim::Slow(by) => sleep(by).await,
            Whim::Hang => sleep(Duration::from_secs(600)).await,
            Whim::Says(code, words) => return Err(Status::new(code, words)),
            Whim::HalfAnAnswer => {
                self.desk.cut.now();
                sleep(Duration::from_secs(600)).await;
            }
            _ => {}
        }
        let header = |name| request.metadata().get(name).and_then(|v| v.to_str().ok());
        let refused = || Status::unauthenticated("request authenticate failure");
        let bearer = header("authorization").and_then(|v| v.strip_prefix("Bearer "));
        let (namespace, account) = bearer
            .and_then(|token| review(token, "istio-ca").ok())
            .ok_or_else(refused)?;
        let cluster = header("clusterid").map(str::to_owned);
        if cluster.as_deref().is_some_and(|id| id != "Kubernetes") {
            return Err(refused());
        }
        let last = Last {
            cluster,
            seconds: request.get_ref().validity_duration,
            has_metadata: request.get_ref().metadata.is_some(),
        };
        let seconds = match last.seconds {
            ..=0 => 24 * 3600,
            seconds => seconds,
        };
        if seconds > MAX {
            let words = format!(
                "CSR signing error (requested TTL {seconds}s is greater than the max allowed TTL {MAX}s)"
            );
            return Err(Status::invalid_argument(words));
        }
        let id = format!("spiffe://{}/ns/{namespace}/sa/{account}", self.domain);
        let asked = ::pem::parse(&request.get_ref().csr)
            .map_err(|error| error.to_string())
            .and_then(|block| match block.tag() {
                "CERTIFICATE REQUEST" => Asked::read(block.contents()),
                tag => Err(tag.to_owned()),
            })
            .map_err(|why| Status::invalid_argument(format!("CSR signing error ({why})")))?;
        let is_strict = matches!(whim, Whim::Identity(_)) || self.domain != "cluster.local";
        let is_exact = asked.uris == [id.clone()] || is_strict;
        if !is_exact || !asked.dns.is_empty() || asked.more > 0 || asked.has_subject {
            return Err(refused());
        }
        *self.last.lock().unwrap() = Some(last);
        Ok(Response::new(self.sign(&whim, id, &asked.key, seconds)))
    }
}

impl Ca {
    fn sign(&self, whim: &Whim, id: String, key: &Key, seconds: i64) -> IstioCertificateResponse {
        let mut what = Signed {
            uris: vec![id],
            dns: vec![],
            not_before: now() - SignedDuration::from_mins(2),
            not_after: now() + SignedDuration::from_secs(seconds),
        };
        let other = Key::draw();
        let mut key = key;
        match whim {
            Whim::Identity(other) => what.uris = vec![other.clone()],
            Whim::Nameless => what.uris.clear(),
            Whim::OtherKey => key = &other,
            Whim::Expired => what.not_after = now() - SignedDuration::from_mins(1),
            Whim::Lasting(span) => what.not_after = now() + *span,
            _ => {}
        }
        let leaf = pem(&self.desk.signer.sign(&what, key));
        let issuing = pem(&self.desk.signer.issuing);
        let root = pem(&self.desk.signer.root);
        let cert_chain = match whim {
            Whim::NoChain => vec![],
            Whim::LeafAlone => vec![leaf],
            Whim::LeafLast => vec![issuing, leaf],
            Whim::Garbage(text) => vec![(*text).to_owned(), issuing, root],
            Whim::TwoRoots => {
                let next = Signer::new("next");
                vec![leaf, issuing, format!("{root}{}", pem(&next.root))]
            }
            _ => vec![leaf, issuing, root],
        };
        IstioCertificateResponse { cert_chain }
    }
}

/// A day, here.
const MAX: i64 = 24 * 3600;
