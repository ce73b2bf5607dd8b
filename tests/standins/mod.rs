//! Servers that hand out or sign identities, as the real ones do: each enforces its rules, and breaks
//! them on demand.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::wildcard_enum_match_arm,
    reason = "each test uses a part of it, and each fault breaks one thing"
)]

#[cfg(feature = "kubernetes")]
pub mod any_client;
#[cfg(feature = "kubernetes")]
pub mod cert_manager;
#[cfg(feature = "grpc")]
pub mod domain;
#[cfg(feature = "grpc")]
pub mod door;
#[cfg(feature = "grpc")]
pub mod generated;
#[cfg(feature = "grpc")]
pub mod istio_ca;
pub mod jwt;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
#[cfg(feature = "grpc")]
pub mod linkerd_identity;
#[cfg(feature = "grpc")]
pub mod over_tls;
#[cfg(feature = "grpc")]
pub mod signer;
#[cfg(feature = "grpc")]
pub mod spire_server;
#[cfg(feature = "grpc")]
pub mod tokens;
#[cfg(feature = "grpc")]
pub mod workload_api;
