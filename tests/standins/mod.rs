//! Servers that hand out or sign identities, as the real ones do: each enforces its rules, and breaks
//! them on demand.

#[cfg(feature = "grpc")]
pub mod generated;
