//! What a source hands out at one moment. Pure.

use super::Identity;
use crate::certificate::Trust;

/// An identity, and what came along with it.
#[derive(Clone, Debug)]
pub struct Supply {
    /// The identity.
    pub identity: Identity,
    /// Trust anchors by trust domain, and revocation lists, as far as the source has any.
    pub trust: Trust,
    /// Where it came from, for people, for example `SPIFFE Workload API at unix:///…, hint "internal"`.
    pub from: String,
}

impl Supply {
    /// An identity that came alone.
    pub fn alone(identity: Identity, from: impl Into<String>) -> Self {
        Self {
            identity,
            trust: Trust::default(),
            from: from.into(),
        }
    }
}
