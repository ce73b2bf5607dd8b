//! Edge.

use jiff::Timestamp;

use crate::identity::error::IdentityError;
use crate::identity::origin::*;
use crate::identity::supply::Supply;
use crate::identity::walk::{Step, Walk};

/// One identity, asked for now.
pub(in crate::identity) async fn fetch(
    from: &SpireServer,
    _now: Timestamp,
    _walk: &mut Walk,
) -> Result<Supply, IdentityError> {
    Err(IdentityError::at(
        format!("{from:?}"),
        Step::Connect,
        "not there yet",
        "wait",
    ))
}

/// The bundle of the server's own trust domain.
pub(in crate::identity) async fn bundle(
    endpoint: &Endpoint,
    _walk: &mut Walk,
) -> Result<crate::certificate::Bundles, IdentityError> {
    Err(IdentityError::at(
        endpoint,
        Step::Connect,
        "not there yet",
        "wait",
    ))
}
