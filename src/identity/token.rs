//! Tokens of Kubernetes service accounts: from a file, or from the Kubernetes API. Edge.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::error::IdentityError;
use super::origin::Token;
use super::walk::{Step, Walk};

/// The token itself, looked at before it is sent: whoever refuses one rarely says why.
pub(super) async fn token(
    from: &Token,
    _now: Timestamp,
    _walk: &mut Walk,
) -> Result<Zeroizing<String>, IdentityError> {
    Err(IdentityError::at(
        format!("{from:?}"),
        Step::Token,
        "not there yet",
        "wait",
    ))
}
