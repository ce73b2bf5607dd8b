//! Identities from servers that speak gRPC. Edge.

mod call;
mod generated;
pub(super) mod istio_ca;
pub(super) mod linkerd;
mod reach;
mod signed;
pub(super) mod spire_server;
mod tls;
mod trouble;
mod verifier;
pub(super) mod workload_api;
