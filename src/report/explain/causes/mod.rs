//! Causes, each with what confirms it and what mends it. Several codes share a cause.

pub(super) mod dates;
pub(super) mod identity;
pub(super) mod mode;
pub(super) mod network;
pub(super) mod ours;
pub(super) mod policy;
pub(super) mod proxy;
pub(super) mod tls;
pub(super) mod trust;
