//! The files of the lab: its identities, bundles, revocation list and suite.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use super::cast::{ISSUING, OLD_ROOTS, ROOTS};
use super::{Lab, LabError};
use crate::identity;

/// A private folder with the files of a lab, removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    pub(super) folder: TempDir,
}

impl Scratch {
    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The suite in it.
    pub fn suite(&self) -> PathBuf {
        self.folder().join(SUITE)
    }
}

impl Lab {
    /// Writes the identities of the lab, its CA for labs that join it, and a suite for it. Each file appears whole or not at all;
    /// keys are for their owner alone, and so is the folder where it is made here.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, LabError> {
        let papers = self.cast.papers.as_ref().ok_or(LabError::Joined)?;
        make(folder).map_err(|why| failed(folder, why))?;
        let certificate = |der: &[u8]| identity::encode_pem("CERTIFICATE", der);
        public(folder, ROOTS, &certificate(&papers.root))?;
        public(folder, OLD_ROOTS, &certificate(&papers.old_root))?;
        let crl = identity::encode_pem("X509 CRL", &papers.crl);
        public(folder, "revoked.crl", &crl)?;
        let private = |name: &str, key: &str| {
            let file = format!("{name}.key");
            write(folder, &file, key.as_bytes(), 0o600)
        };
        for (name, minted) in &papers.identities {
            public(folder, &format!("{name}.pem"), &minted.chain_pem())?;
            private(name, &minted.key_pem())?;
        }
        let issuing = papers.issuing.chain().iter();
        let issuing = issuing.map(|der| certificate(der).to_string());
        public(
            folder,
            &format!("{ISSUING}.pem"),
            &issuing.collect::<String>(),
        )?;
        private(ISSUING, &papers.issuing.key_pem())?;
        // Last, since whoever waits for the lab waits for its suite.
        public(folder, SUITE, &self.suite_yaml())?;
        Ok(folder.join(SUITE))
    }

    /// Writes the same into a private folder that goes away with the returned value.
    pub fn write_scratch(&self) -> Result<Scratch, LabError> {
        let folder = private().map_err(|why| failed(&std::env::temp_dir(), why))?;
        self.write(folder.path())?;
        Ok(Scratch { folder })
    }
}

pub(super) fn private() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700));
    builder.prefix("probe-lab-").tempdir()
}

pub(super) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

pub(super) fn public(folder: &Path, name: &str, text: &str) -> Result<(), LabError> {
    write(folder, name, text.as_bytes(), 0o644)
}

/// Under another name first: nobody sees half a file.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8], mode: u32) -> Result<(), LabError> {
    let path = folder.join(name);
    let written = || {
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        allow(&file, mode)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(|why| failed(&path, why))
}

#[cfg(unix)]
fn allow(file: &NamedTempFile, mode: u32) -> io::Result<()> {
    let permissions = <Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode);
    file.as_file().set_permissions(permissions)
}

#[cfg(not(unix))]
fn allow(_: &NamedTempFile, _: u32) -> io::Result<()> {
    Ok(())
}

pub(super) fn failed(path: &Path, why: io::Error) -> LabError {
    LabError::Write {
        path: path.to_owned(),
        why,
    }
}

pub(super) const SUITE: &str = "probe.yaml";
