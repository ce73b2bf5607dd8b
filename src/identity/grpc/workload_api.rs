//! The SPIFFE Workload API: identities and trust anchors that an agent hands out to this process, and
//! pushes anew whenever they change. Edge.
//!
//! Source of the rules: SPIFFE Workload Endpoint and SPIFFE Workload API.

mod follow;
mod reading;
mod refusal;

use jiff::Timestamp;
use tonic::{Request, Status, Streaming};

use super::call::GrpcOnly;
use super::generated::workload::spiffe_workload_api_client::SpiffeWorkloadApiClient;
use super::generated::workload::{
    X509BundlesRequest, X509BundlesResponse, X509svidRequest, X509svidResponse,
};
use super::trouble::Trouble;
use crate::certificate::Trust;
use crate::identity::error::IdentityError;
use crate::identity::origin::{BundleOrigin, Endpoint, Fetched, WorkloadApi};
use crate::identity::pushed::Pushed;
use crate::identity::supply::Supply;
use crate::identity::walk::Walk;

/// One identity, asked for now.
pub(in crate::identity) async fn fetch(
    from: &WorkloadApi,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Supply, IdentityError> {
    follow::once(&Identities(from.clone()), now, walk).await
}

/// Every bundle that the agent knows, asked for now.
pub(in crate::identity) async fn fetch_trust(
    endpoint: Option<&Endpoint>,
    walk: &mut Walk,
) -> Result<Trust, IdentityError> {
    let bundles = Anchors(endpoint.cloned());
    follow::once(&bundles, Timestamp::UNIX_EPOCH, walk).await
}

/// The identity, as long as the agent pushes it.
pub(in crate::identity) async fn identities(
    from: &WorkloadApi,
    now: Timestamp,
) -> Result<Pushed<Supply>, IdentityError> {
    follow::ever(Identities(from.clone()), now).await
}

/// Every bundle that the agent knows, as long as it pushes them.
pub(in crate::identity) async fn trust(
    endpoint: Option<&Endpoint>,
) -> Result<Pushed<Trust>, IdentityError> {
    follow::ever(Anchors(endpoint.cloned()), Timestamp::UNIX_EPOCH).await
}

type Agent = SpiffeWorkloadApiClient<GrpcOnly>;

/// What an agent is asked for. Each message of its answer is the whole state.
trait Question: Send + Sync + 'static {
    type Message: Send;
    type Answer: Send + Sync + 'static;

    fn endpoint(&self) -> Option<&Endpoint>;

    /// The agent, for people.
    fn who(&self) -> String;

    fn ask(
        &self,
        agent: &mut Agent,
    ) -> impl Future<Output = Result<Streaming<Self::Message>, Status>> + Send;

    /// What a message that came `now` says to us.
    fn read(
        &self,
        message: Self::Message,
        now: Timestamp,
        walk: &mut Walk,
    ) -> Result<Self::Answer, Trouble>;

    /// What a process is to be registered as, to get an answer.
    fn wanted(&self) -> WorkloadApi;

    /// How long an answer may be used while no further one comes.
    fn lasts_until(answer: &Self::Answer) -> Timestamp;
}

/// The identities of this process, of which we take one.
struct Identities(WorkloadApi);

impl Question for Identities {
    type Message = X509svidResponse;
    type Answer = Supply;

    fn endpoint(&self) -> Option<&Endpoint> {
        self.0.endpoint.as_ref()
    }

    fn who(&self) -> String {
        Fetched::WorkloadApi(self.0.clone()).to_string()
    }

    async fn ask(&self, agent: &mut Agent) -> Result<Streaming<Self::Message>, Status> {
        let answer = agent.fetch_x509svid(with_header(X509svidRequest {})).await;
        answer.map(tonic::Response::into_inner)
    }

    fn read(
        &self,
        message: Self::Message,
        now: Timestamp,
        walk: &mut Walk,
    ) -> Result<Supply, Trouble> {
        reading::identity(message, &self.0, now, walk)
    }

    fn wanted(&self) -> WorkloadApi {
        self.0.clone()
    }

    fn lasts_until(answer: &Supply) -> Timestamp {
        answer.identity.leaf().not_after
    }
}

/// The bundles that this process may see.
struct Anchors(Option<Endpoint>);

impl Question for Anchors {
    type Message = X509BundlesResponse;
    type Answer = Trust;

    fn endpoint(&self) -> Option<&Endpoint> {
        self.0.as_ref()
    }

    fn who(&self) -> String {
        BundleOrigin::WorkloadApi(self.0.clone()).to_string()
    }

    async fn ask(&self, agent: &mut Agent) -> Result<Streaming<Self::Message>, Status> {
        let answer = agent.fetch_x509_bundles(with_header(X509BundlesRequest {}));
        answer.await.map(tonic::Response::into_inner)
    }

    fn read(
        &self,
        message: Self::Message,
        _: Timestamp,
        walk: &mut Walk,
    ) -> Result<Trust, Trouble> {
        reading::trust(message, walk)
    }

    fn wanted(&self) -> WorkloadApi {
        WorkloadApi::default()
    }

    fn lasts_until(_: &Trust) -> Timestamp {
        Timestamp::MAX
    }
}

/// The header keeps out who was tricked into a request that is not theirs: a browser cannot send it.
fn with_header<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let yes = tonic::metadata::MetadataValue::from_static("true");
    request.metadata_mut().insert(HEADER, yes);
    request
}

const HEADER: &str = "workload.spiffe.io";
