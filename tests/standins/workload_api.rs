//! An agent that serves the SPIFFE Workload API: it insists on the header, answers at once, and pushes
//! the whole state anew whenever it changes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mtls_probe::identity::Endpoint;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};

use super::domain::Domain;
use super::door::{Door, Visitors, grpc};
use super::generated::workload::spiffe_workload_api_server::{
    SpiffeWorkloadApi, SpiffeWorkloadApiServer,
};
use super::generated::workload::{
    X509BundlesRequest, X509BundlesResponse, X509svid, X509svidRequest, X509svidResponse,
};

/// What an agent says.
#[derive(Clone)]
pub(crate) enum Says {
    /// All that there is.
    State(Box<State>),
    /// No, and it ends the streams.
    No(Code, String),
    /// Nothing ever.
    Nothing,
    /// It ends the streams without a word.
    Bye,
}

/// All that an agent knows.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) svids: Vec<X509svid>,
    pub(crate) federated: HashMap<String, Vec<u8>>,
    pub(crate) bundles: HashMap<String, Vec<u8>>,
    pub(crate) crl: Vec<Vec<u8>>,
}

impl State {
    /// These identities, and nothing else.
    pub(crate) fn of(svids: impl IntoIterator<Item = X509svid>) -> Self {
        Self {
            svids: svids.into_iter().collect(),
            ..Self::default()
        }
    }

    /// With the bundle of a foreign trust domain.
    pub(crate) fn federated_with(mut self, other: &Domain) -> Self {
        self.federated.insert(other.own_id(), other.bundle());
        self
    }

    pub(crate) fn bundle(mut self, id: impl Into<String>, der: Vec<u8>) -> Self {
        self.bundles.insert(id.into(), der);
        self
    }
}

impl From<State> for Says {
    fn from(state: State) -> Self {
        Self::State(Box::new(state))
    }
}

/// An agent at a door.
pub(crate) struct Agent {
    says: watch::Sender<Says>,
    asked: Arc<AtomicUsize>,
    door: Door,
    serving: JoinSet<()>,
}

impl Agent {
    /// On a Unix socket.
    pub(crate) fn start(says: impl Into<Says>) -> Self {
        Self::behind(Door::unix(), says)
    }

    pub(crate) async fn start_on_tcp(says: impl Into<Says>) -> Self {
        Self::behind(Door::tcp().await, says)
    }

    fn behind((door, visitors): (Door, Visitors), says: impl Into<Says>) -> Self {
        let mut agent = Self {
            says: watch::Sender::new(says.into()),
            asked: Arc::default(),
            door,
            serving: JoinSet::new(),
        };
        agent.serve(visitors);
        agent
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.door.endpoint()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.door.path()
    }

    /// From now on, and at once to whoever listens.
    pub(crate) fn says(&self, what: impl Into<Says>) {
        self.says.send_replace(what.into());
    }

    /// Dies; its socket stays.
    pub(crate) async fn stop(&mut self) {
        self.door.close().await;
        self.serving.shutdown().await;
    }

    pub(crate) fn start_again(&mut self) {
        let visitors = self.door.open();
        self.serve(visitors);
    }

    /// How often it was asked, with the header.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn serve(&mut self, visitors: Visitors) {
        let desk = Desk {
            says: self.says.subscribe(),
            asked: Arc::clone(&self.asked),
        };
        let server = Server::builder().add_service(SpiffeWorkloadApiServer::new(desk));
        self.serving = grpc(server, visitors);
    }
}

struct Desk {
    says: watch::Receiver<Says>,
    asked: Arc<AtomicUsize>,
}

type Answer<M> = Result<Response<ReceiverStream<Result<M, Status>>>, Status>;

impl Desk {
    /// By the rules of the SPIFFE Workload Endpoint, before anything else is looked at.
    fn let_in<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let header = request.metadata().get("workload.spiffe.io");
        if header.is_none_or(|value| value != "true") {
            return Err(Status::invalid_argument(
                "security header missing from request",
            ));
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn answer<M: Send + 'static>(&self, message: fn(State) -> M) -> Answer<M> {
        let mut says = self.says.clone();
        if let Says::No(code, words) = says.borrow_and_update().clone() {
            return Err(Status::new(code, words));
        }
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            loop {
                let said = says.borrow_and_update().clone();
                let sent = match said {
                    Says::State(state) => sender.send(Ok(message(*state))).await,
                    Says::No(code, words) => {
                        let _ = sender.send(Err(Status::new(code, words))).await;
                        return;
                    }
                    Says::Nothing => Ok(()),
                    Says::Bye => return,
                };
                if sent.is_err() || says.changed().await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

#[tonic::async_trait]
impl SpiffeWorkloadApi for Desk {
    type FetchX509SVIDStream = ReceiverStream<Result<X509svidResponse, Status>>;

    async fn fetch_x509svid(
        &self,
        request: Request<X509svidRequest>,
    ) -> Result<Response<Self::FetchX509SVIDStream>, Status> {
        self.let_in(&request)?;
        self.answer(|state| X509svidResponse {
            svids: state.svids,
            crl: state.crl,
            federated_bundles: state.federated,
        })
        .await
    }

    type FetchX509BundlesStream = ReceiverStream<Result<X509BundlesResponse, Status>>;

    async fn fetch_x509_bundles(
        &self,
        request: Request<X509BundlesRequest>,
    ) -> Result<Response<Self::FetchX509BundlesStream>, Status> {
        self.let_in(&request)?;
        self.answer(|state| X509BundlesResponse {
            crl: state.crl,
            bundles: state.bundles,
        })
        .await
    }
}
