//! Edge.

use jiff::Timestamp;

use crate::identity::error::IdentityError;
use crate::identity::origin::*;
use crate::identity::supply::Supply;
use crate::identity::walk::{Step, Walk};

/// One identity, asked for now.
pub(in crate::identity) async fn fetch(
    from: &IstioCa,
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
