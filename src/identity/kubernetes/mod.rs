//! Identities, trust anchors and tokens from a Kubernetes API. Edge.

pub(super) mod certificate_request;

use zeroize::Zeroizing;

use super::error::IdentityError;
use super::origin::{Account, Cluster, Entry, Secret};
use super::supply::Supply;
use super::walk::{Step, Walk};
use crate::certificate::Bundles;

/// The identity in a Secret.
pub(super) async fn secret(from: &Secret, _walk: &mut Walk) -> Result<Supply, IdentityError> {
    Err(IdentityError::at(
        format!("{from:?}"),
        Step::Cluster,
        "not there yet",
        "wait",
    ))
}

/// The trust anchors in an entry of a Secret.
pub(super) async fn secret_bundle(
    entry: &Entry,
    _walk: &mut Walk,
) -> Result<Bundles, IdentityError> {
    Err(IdentityError::at(
        entry,
        Step::Cluster,
        "not there yet",
        "wait",
    ))
}

/// The trust anchors in an entry of a ConfigMap.
pub(super) async fn config_map(entry: &Entry, _walk: &mut Walk) -> Result<Bundles, IdentityError> {
    Err(IdentityError::at(
        entry,
        Step::Cluster,
        "not there yet",
        "wait",
    ))
}

/// A token of a service account, by a TokenRequest.
pub(super) async fn token(
    account: &Account,
    _audience: Option<&str>,
    _cluster: &Cluster,
    _walk: &mut Walk,
) -> Result<Zeroizing<String>, IdentityError> {
    Err(IdentityError::at(
        account,
        Step::Token,
        "not there yet",
        "wait",
    ))
}
