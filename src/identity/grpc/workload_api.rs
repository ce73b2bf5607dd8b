//! Edge.

use crate::identity::error::IdentityError;
use crate::identity::origin::*;
use crate::identity::supply::Supply;
use crate::identity::walk::{Step, Walk};

/// One identity, asked for now.
pub(in crate::identity) async fn fetch(
    from: &WorkloadApi,
    _walk: &mut Walk,
) -> Result<Supply, IdentityError> {
    Err(IdentityError::at(
        format!("{from:?}"),
        Step::Connect,
        "not there yet",
        "wait",
    ))
}

/// Every bundle that the agent knows, asked for now.
pub(in crate::identity) async fn fetch_trust(
    endpoint: Option<&Endpoint>,
    _walk: &mut Walk,
) -> Result<crate::certificate::Trust, IdentityError> {
    Err(IdentityError::at(
        format!("{endpoint:?}"),
        Step::Connect,
        "not there yet",
        "wait",
    ))
}

/// The identity, as long as the agent pushes it.
pub(in crate::identity) async fn identities(
    from: &WorkloadApi,
) -> Result<crate::identity::pushed::Pushed<Supply>, IdentityError> {
    Err(IdentityError::at(
        format!("{from:?}"),
        Step::Connect,
        "not there yet",
        "wait",
    ))
}

/// Every bundle that the agent knows, as long as it pushes them.
pub(in crate::identity) async fn trust(
    endpoint: Option<&Endpoint>,
) -> Result<crate::identity::pushed::Pushed<crate::certificate::Trust>, IdentityError> {
    Err(IdentityError::at(
        format!("{endpoint:?}"),
        Step::Connect,
        "not there yet",
        "wait",
    ))
}
