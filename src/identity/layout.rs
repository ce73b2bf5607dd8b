//! Folders with an identity, in every layout that is known. Edge.

use std::path::{Path, PathBuf};

use super::error::IdentityError;
use super::supply::Supply;
use super::walk::{Step, Walk};

/// The identity in a folder, with the trust anchors beside it.
pub(super) fn load(folder: &Path, _walk: &mut Walk) -> Result<Supply, IdentityError> {
    Err(IdentityError::at(
        folder.display(),
        Step::Find,
        "not there yet",
        "wait",
    ))
}

/// Every file in a folder that says something of its identity, there or not.
pub(super) fn paths(folder: &Path) -> Vec<PathBuf> {
    vec![folder.to_owned()]
}
