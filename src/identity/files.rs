//! Identities, bundles and revocation lists from files. Edge.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use zeroize::Zeroizing;

use super::error::{Der, Flaw, IdentityError, Subject};
use super::origin::Files;
use super::supply::Supply;
use super::walk::{Step, Walk};
use super::{Authority, Identity, bundle_format, layout, pem};
use crate::certificate::{Bundle, Bundles, Trust};

/// An identity from a PEM chain, leaf first, and its PEM key; both may be the same file.
pub fn load(chain: &Path, key: &Path) -> Result<Identity, IdentityError> {
    let chain_bytes = read(chain, MAX_PEM)?;
    let key_bytes = read(key, MAX_PEM)?;
    Identity::from_pem(&chain_bytes, &key_bytes).map_err(|error| name(error, chain, key))
}

/// A CA from a PEM chain, the signing certificate first, and its PEM key.
pub(crate) fn load_authority(chain: &Path, key: &Path) -> Result<Authority, IdentityError> {
    let chain_bytes = read(chain, MAX_PEM)?;
    let key_bytes = read(key, MAX_PEM)?;
    Authority::from_pem(&chain_bytes, &key_bytes).map_err(|error| name(error, chain, key))
}

/// The certificates of a file, PEM or DER, in its order. Keys in it are left alone.
pub fn load_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let bytes = read(path, MAX_PEM)?;
    let certificates = match pem::der_kind(&bytes) {
        Some(Der::Certificate) if pem::is_der(&bytes) => bundle_format::concatenated(&bytes),
        Some(_) | None => pem::certificates(&bytes),
    };
    certificates.map_err(|flaw| IdentityError::new(Subject::File(path.to_owned()), flaw))
}

/// The trust anchors of a file: PEM, DER, or a SPIFFE bundle in JSON. A certificate that is no CA may be
/// among them: it is an anchor because somebody put it there. A map of bundles is none: see
/// [`load_bundles`].
pub fn load_bundle(path: &Path) -> Result<Bundle, IdentityError> {
    let bytes = read(path, MAX_BUNDLE)?;
    bundle_format::bundle(&bytes)
        .map_err(|flaw| IdentityError::new(Subject::File(path.to_owned()), flaw))
}

/// The identity in files, in whatever way they are named.
pub(super) fn supply(from: &Files, walk: &mut Walk) -> Result<Supply, IdentityError> {
    match from {
        Files::Folder(folder) => layout::load(folder, walk),
        Files::Named { chain, key } => {
            let identity = load(chain, key)?;
            walk.done(
                Step::Find,
                format!("{} and {}", chain.display(), key.display()),
            );
            walk.done(Step::Identity, "the key belongs to the leaf");
            Ok(Supply::alone(identity, format!("file {}", chain.display())))
        }
    }
}

/// Every file that says something of the identity.
pub(super) fn paths(from: &Files) -> Vec<PathBuf> {
    match from {
        Files::Named { chain, key } => vec![chain.clone(), key.clone()],
        Files::Folder(folder) => layout::paths(folder),
    }
}

/// What a file trusts: see [`load_bundles`].
pub(super) fn load_trust(path: &Path) -> Result<Trust, IdentityError> {
    load_bundles(path).map(Trust::from)
}

/// The trust anchors of a file: one untagged bundle, or the bundles of a map by trust domain.
pub fn load_bundles(path: &Path) -> Result<Bundles, IdentityError> {
    let bytes = read(path, MAX_BUNDLE)?;
    bundle_format::bundles(&bytes)
        .map_err(|flaw| IdentityError::new(Subject::File(path.to_owned()), flaw))
}

/// The revocation lists of a PEM or DER file.
pub fn load_crls(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, IdentityError> {
    let bytes = read(path, MAX_CRL)?;
    pem::crls(&bytes).map_err(|flaw| IdentityError::new(Subject::File(path.to_owned()), flaw))
}

/// The same error, about the file that the bytes came from.
pub(super) fn name(error: IdentityError, chain: &Path, key: &Path) -> IdentityError {
    match error.subject {
        Subject::Key => error.of_file(key),
        Subject::Chain
        | Subject::Bundle
        | Subject::Crls
        | Subject::File(_)
        | Subject::Mint
        | Subject::Source(_) => error.of_file(chain),
    }
}

/// A whole file, wiped when dropped.
pub(super) fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let flawed = |flaw| IdentityError::new(Subject::File(path.to_owned()), flaw);
    let unreadable = |error: io::Error| {
        let known = READ_ERRORS.iter().find(|(kind, _)| *kind == error.kind());
        flawed(known.map_or_else(
            || Flaw::Unreadable(error.to_string()),
            |(_, flaw)| flaw.clone(),
        ))
    };
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(flawed(Flaw::Folder));
    }
    // Room for all of it at once: a buffer that grows leaves copies of a key behind.
    let room = about.len().clamp(FIRST_ROOM, limit) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or(0)));
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(flawed(Flaw::TooBig(limit)));
    }
    Ok(bytes)
}

/// What a chain or a key may measure.
pub(super) const MAX_PEM: u64 = 1 << 20;
/// A bundle may hold the roots of a whole company.
pub(super) const MAX_BUNDLE: u64 = 4 << 20;
/// Revocation lists grow without end; this one holds half a million entries.
const MAX_CRL: u64 = 32 << 20;
const FIRST_ROOM: u64 = 64 << 10;
const READ_ERRORS: &[(io::ErrorKind, Flaw)] = &[
    (io::ErrorKind::NotFound, Flaw::Missing),
    (io::ErrorKind::NotADirectory, Flaw::Missing),
    (io::ErrorKind::PermissionDenied, Flaw::Denied),
    (io::ErrorKind::IsADirectory, Flaw::Folder),
];
