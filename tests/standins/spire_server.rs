//! A SPIRE server at its private socket: it mints for a DER request with exactly one URI in its trust
//! domain, and tells its bundle.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_probe::identity::Endpoint;
use rustls_pki_types::CertificateDer;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};

use super::door::{Door, grpc};
use super::generated::spire::api::server::bundle::v1::GetBundleRequest;
use super::generated::spire::api::server::bundle::v1::bundle_server;
use super::generated::spire::api::server::svid::v1::svid_server;
use super::generated::spire::api::server::svid::v1::{MintX509svidRequest, MintX509svidResponse};
use super::generated::spire::api::types;
use super::signer::{Asked, Key, Signed, Signer};

/// How it misbehaves.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    None,
    /// It answers every request to mint so.
    Refuses(Code, &'static str),
    /// It never answers.
    Hangs,
    /// Its answer holds no SVID.
    NoSvid,
    /// Its chain is this.
    Chain(Vec<Vec<u8>>),
    /// It signs for a key of its own.
    AnotherKey,
    /// It signs for another ID.
    AnotherId(&'static str),
    /// What it signs has expired.
    Expired,
    /// What it signs lasts so long: its own CA has no more left.
    #[cfg(feature = "kubernetes")]
    Lasting(SignedDuration),
    /// Its bundle is of this trust domain.
    BundleOf(&'static str),
    /// Its bundle holds these.
    Roots(Vec<types::X509Certificate>),
}

/// A server of `one.example`.
pub(crate) struct SpireServer {
    door: Door,
    requests: Arc<Mutex<Vec<(Asked, i32)>>>,
    pub(crate) root: CertificateDer<'static>,
    _serving: JoinSet<()>,
}

impl SpireServer {
    pub(crate) fn start(fault: Fault) -> Self {
        let (door, visitors) = Door::unix();
        let signer = Arc::new(Signer::new("SPIRE"));
        let requests = Arc::default();
        let root = signer.root.clone();
        let desk = Desk {
            fault,
            signer,
            requests: Arc::clone(&requests),
        };
        let server = Server::builder()
            .add_service(svid_server::SvidServer::new(desk.clone()))
            .add_service(bundle_server::BundleServer::new(desk));
        Self {
            door,
            requests,
            root,
            _serving: grpc(server, visitors),
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.door.endpoint()
    }

    /// What it was asked to mint, with the lifetime in seconds.
    pub(crate) fn requests(&self) -> Vec<(Asked, i32)> {
        self.requests.lock().unwrap().clone()
    }
}

#[derive(Clone)]
struct Desk {
    fault: Fault,
    signer: Arc<Signer>,
    requests: Arc<Mutex<Vec<(Asked, i32)>>>,
}

const DOMAIN: &str = "one.example";

#[tonic::async_trait]
impl svid_server::Svid for Desk {
    async fn mint_x509svid(
        &self,
        request: Request<MintX509svidRequest>,
    ) -> Result<Response<MintX509svidResponse>, Status> {
        match &self.fault {
            Fault::Refuses(code, words) => return Err(Status::new(*code, *words)),
            Fault::Hangs => tokio::time::sleep(Duration::from_secs(60)).await,
            Fault::NoSvid => return Ok(Response::new(MintX509svidResponse { svid: None })),
            _ => {}
        }
        let MintX509svidRequest { csr, ttl } = request.into_inner();
        let malformed = |why| Status::invalid_argument(format!("malformed CSR: {why}"));
        let csr = Asked::read(&csr).map_err(malformed)?;
        self.requests.lock().unwrap().push((csr.clone(), ttl));
        let [id] = csr.uris.as_slice() else {
            return Err(Status::invalid_argument(
                "invalid SPIFFE ID in CSR: expected exactly one URI",
            ));
        };
        let Some(path) = id.strip_prefix("spiffe://one.example/") else {
            return Err(Status::invalid_argument(format!(
                "CSR URI SAN is invalid: {id:?} is not a member of trust domain {DOMAIN:?}"
            )));
        };
        let path = format!("/{path}");
        if ttl < 0 {
            return Err(Status::invalid_argument("ttl is negative"));
        }
        let now = mtls_probe::run::now();
        let ttl = if ttl == 0 { 3600 } else { i64::from(ttl) };
        let mut what = Signed {
            uris: csr.uris.clone(),
            dns: csr.dns.clone(),
            not_before: now - SignedDuration::from_secs(10),
            not_after: now + SignedDuration::from_secs(ttl),
        };
        let mut key = csr.key;
        match &self.fault {
            Fault::AnotherKey => key = Key::draw(),
            Fault::AnotherId(id) => what.uris = vec![(*id).to_owned()],
            Fault::Expired => {
                what.not_before = Timestamp::UNIX_EPOCH;
                what.not_after = now - SignedDuration::from_hours(1);
            }
            #[cfg(feature = "kubernetes")]
            Fault::Lasting(span) => what.not_after = now + *span,
            _ => {}
        }
        let cert_chain = match &self.fault {
            Fault::Chain(chain) => chain.clone(),
            _ => vec![
                self.signer.sign(&what, &key).to_vec(),
                self.signer.issuing.to_vec(),
            ],
        };
        Ok(Response::new(MintX509svidResponse {
            svid: Some(types::X509svid {
                cert_chain,
                id: Some(types::Spiffeid {
                    trust_domain: DOMAIN.to_owned(),
                    path,
                }),
                expires_at: what.not_after.as_second(),
            }),
        }))
    }
}

#[tonic::async_trait]
impl bundle_server::Bundle for Desk {
    async fn get_bundle(
        &self,
        _: Request<GetBundleRequest>,
    ) -> Result<Response<types::Bundle>, Status> {
        if let Fault::Hangs = self.fault {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let trust_domain = match &self.fault {
            Fault::BundleOf(domain) => domain,
            _ => DOMAIN,
        };
        let own = types::X509Certificate {
            asn1: self.signer.root.to_vec(),
            tainted: false,
        };
        let x509_authorities = match &self.fault {
            Fault::Roots(roots) => roots.clone(),
            _ => vec![own],
        };
        Ok(Response::new(types::Bundle {
            trust_domain: trust_domain.to_owned(),
            x509_authorities,
        }))
    }
}
