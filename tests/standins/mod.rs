//! Servers that hand out or sign identities, as the real ones do: each enforces its rules, and breaks
//! them on demand.

#![cfg_attr(
    any(feature = "grpc", feature = "kubernetes"),
    expect(
        clippy::wildcard_enum_match_arm,
        reason = "each fault breaks one thing, and what a request may hold is open"
    )
)]

#[cfg(feature = "kubernetes")]
pub(crate) mod cert_manager;
pub(crate) mod clients;
#[cfg(feature = "grpc")]
pub(crate) mod desk;
#[cfg(feature = "grpc")]
pub(crate) mod domain;
#[cfg(feature = "grpc")]
pub(crate) mod door;
#[cfg(feature = "grpc")]
pub(crate) mod generated;
#[cfg(feature = "grpc")]
pub(crate) mod istio_ca;
#[cfg(feature = "kubernetes")]
pub(crate) mod kubernetes;
#[cfg(feature = "grpc")]
pub(crate) mod linkerd_identity;
#[cfg(any(feature = "grpc", feature = "kubernetes"))]
#[cfg_attr(
    not(feature = "grpc"),
    expect(dead_code, reason = "cert-manager's CA serves nobody")
)]
pub(crate) mod signer;
#[cfg(feature = "grpc")]
pub(crate) mod spire_server;
#[cfg(any(feature = "grpc", feature = "kubernetes"))]
#[cfg_attr(
    not(feature = "grpc"),
    expect(dead_code, reason = "Kubernetes knows its tokens by heart")
)]
pub(crate) mod tokens;
#[cfg(feature = "grpc")]
pub(crate) mod workload_api;

/// A certificate as every tool writes it.
pub(crate) fn pem(der: &[u8]) -> String {
    ::pem::encode(&::pem::Pem::new("CERTIFICATE", der))
}
