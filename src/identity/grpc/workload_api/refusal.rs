//! What an agent says instead of an answer, and what to do about it.

use tonic::Code;

use super::HEADER;
use crate::identity::grpc::call::Refusal;
use crate::identity::grpc::trouble::{Kind, Trouble};
use crate::identity::origin::{Endpoint, WorkloadApi};
use crate::identity::walk::Step;

/// A refusal in words. `wanted` is what this process should be registered as.
pub(super) fn explain(refusal: &Refusal, endpoint: &Endpoint, wanted: &WorkloadApi) -> Trouble {
    let request = |why: String, remedy: &str| Trouble::new(Step::Request, why, remedy);
    let otherwise = || {
        request(
            refusal.to_string(),
            "look at the log of the agent, and whether it is the Workload API that listens there",
        )
    };
    match refusal {
        Refusal::Said(Code::PermissionDenied, said) => {
            let why = format!("no identity is issued to this process ({said})");
            Trouble::new(Step::Grant, why, register(wanted)).being(Kind::Denied)
        }
        Refusal::Said(Code::InvalidArgument, said) => request(
            format!("it takes our request for invalid ({said})"),
            &format!("we sent the header {HEADER}: true, so look for a proxy that drops it"),
        )
        .being(Kind::Final),
        Refusal::Said(Code::Unimplemented, said) => request(
            format!("what listens there is no SPIFFE Workload API ({said})"),
            elsewhere(endpoint),
        )
        .being(Kind::Final),
        Refusal::Said(Code::Unavailable, _) => otherwise().being(Kind::Busy),
        Refusal::Said(..) | Refusal::Broken(_) | Refusal::PlainHttp(_) | Refusal::TooLarge => {
            otherwise()
        }
        Refusal::Late => request(
            refusal.to_string(),
            "look at the log of the agent, and whether it reaches its server",
        ),
    }
}

/// The stream has ended, and nobody says why.
pub(super) fn ended() -> Trouble {
    Trouble::new(
        Step::Request,
        "it ended the stream without a word",
        "look at the log of the agent",
    )
}

/// What listens elsewhere.
fn elsewhere(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Unix(path) if path.iter().any(|part| part == ISTIO) => {
            "at this path Istio's agent serves certificates to its Envoy only (SDS): let it write them to files (OUTPUT_CERTS) and read those with `files: { dir: … }`, or ask istiod with `istio_ca`"
        }
        Endpoint::Unix(_) | Endpoint::Tcp(_) => {
            "name the socket of the agent, for SPIRE /tmp/spire-agent/public/api.sock by default; the sockets of SPIRE's admin API and of Envoy's SDS are others"
        }
    }
}

/// How SPIRE, by far the most common, gets to know a process.
pub(super) fn register(wanted: &WorkloadApi) -> String {
    let id = wanted.id.as_ref().map(ToString::to_string);
    let id = id.unwrap_or_else(|| "spiffe://TRUST-DOMAIN/PATH".to_owned());
    let hint = wanted.hint.as_ref().map(|hint| format!(" -hint {hint}"));
    let hint = hint.unwrap_or_default();
    let uid = uid().map_or_else(|| "UID".to_owned(), |uid| uid.to_string());
    format!(
        "register it: spire-server entry create -parentID AGENT-ID -spiffeID {id}{hint} -selector unix:uid:{uid} (in Kubernetes -selector k8s:ns:NAMESPACE -selector k8s:sa:ACCOUNT); an agent knows a new entry after a few seconds"
    )
}

/// Of this process.
fn uid() -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let own = std::fs::metadata("/proc/self").ok()?;
        Some(own.uid())
    }
    #[cfg(not(unix))]
    None
}

/// The folder of the socket of Istio's agent.
const ISTIO: &str = "workload-spiffe-uds";
