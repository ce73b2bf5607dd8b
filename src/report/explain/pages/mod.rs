//! What is said of every code, family by family.

pub(super) mod accepted;
pub(super) mod certificates;
pub(super) mod findings;
pub(super) mod handshake;
pub(super) mod open;
pub(super) mod policy;
pub(super) mod readings;
pub(super) mod unreachable;
