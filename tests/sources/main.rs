//! Identities from where they live, each source with a server that speaks its protocol for real and
//! holds to its rules, or breaks them on demand.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail so"
)]

#[cfg(all(feature = "grpc", feature = "kubernetes", target_os = "linux"))]
mod bad_input;
mod bundles;
#[cfg(feature = "grpc")]
mod ca_stage;
#[cfg(feature = "kubernetes")]
mod certificate_request;
#[cfg(all(feature = "grpc", feature = "kubernetes"))]
mod docs;
mod files;
#[cfg(all(feature = "grpc", feature = "kubernetes"))]
mod gate;
#[cfg(feature = "grpc")]
mod istio_ca;
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(feature = "grpc")]
mod linkerd;
#[cfg(all(feature = "grpc", feature = "kubernetes"))]
mod mesh;
#[cfg(all(feature = "grpc", feature = "kubernetes"))]
mod needles;
mod negatives;
#[cfg(all(feature = "kubernetes", target_os = "linux"))]
mod pod;
#[cfg(all(feature = "grpc", feature = "kubernetes"))]
mod rotation;
#[cfg(all(feature = "grpc", feature = "kubernetes"))]
mod secrets;
#[cfg(feature = "grpc")]
mod spire_server;
#[path = "../standins/mod.rs"]
mod standins;
#[cfg(feature = "grpc")]
mod token;
#[cfg(feature = "grpc")]
mod workload_api;
