//! Edge.

use jiff::Timestamp;

use crate::identity::error::IdentityError;
use crate::identity::origin::CertificateRequest;
use crate::identity::supply::Supply;
use crate::identity::walk::{Step, Walk};

/// One identity, asked for now.
pub(in crate::identity) async fn fetch(
    from: &CertificateRequest,
    _now: Timestamp,
    _walk: &mut Walk,
) -> Result<Supply, IdentityError> {
    Err(IdentityError::at(
        format!("{from:?}"),
        Step::Cluster,
        "not there yet",
        "wait",
    ))
}
