//! The one way from an [`Origin`] to an identity. Edge.

use jiff::Timestamp;

use super::error::IdentityError;
use super::{Identity, Origin, files, mint};

/// The identity of an origin, for a run that starts `now`; nothing for the pseudo-sources. Each call
/// reads or mints anew.
pub fn load(origin: &Origin, now: Timestamp) -> Result<Option<Identity>, IdentityError> {
    match origin {
        Origin::Files { chain, key } => files::load(chain, key).map(Some),
        Origin::Mint(what) => mint::mint(what, now).map(Some),
        Origin::NoCertificate | Origin::Plaintext | Origin::Sidecar => Ok(None),
    }
}
