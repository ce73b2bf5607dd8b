//! What stands in files, read again when they change. Edge.

use std::fs::{self, Metadata};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::error::IdentityError;

/// What was read last, and what the files looked like then.
#[derive(Debug)]
pub(super) struct OnDisk<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    read: Result<Arc<T>, IdentityError>,
    seen: Vec<Stamp>,
}

impl<T> OnDisk<T> {
    /// Reads for the first time.
    pub(super) async fn open(
        paths: &[PathBuf],
        read: impl Fn() -> Result<T, IdentityError>,
    ) -> Result<Self, IdentityError> {
        let state = settle(paths, read).await;
        state.read.clone()?;
        Ok(Self(Mutex::new(state)))
    }

    /// Looks whether the files have changed, and reads them if so.
    pub(super) async fn current(
        &self,
        paths: &[PathBuf],
        read: impl Fn() -> Result<T, IdentityError>,
    ) -> Result<Arc<T>, IdentityError> {
        let mut state = self.0.lock().await;
        if state.read.is_err() || state.seen != stamps(paths) {
            *state = settle(paths, read).await;
        }
        state.read.clone()
    }
}

/// Writers replace chain and key one after the other: what is wrong for a moment is no error yet.
async fn settle<T>(paths: &[PathBuf], read: impl Fn() -> Result<T, IdentityError>) -> State<T> {
    let mut patience = PATIENCE.iter();
    loop {
        // Before the reading, so that a change during it is seen the next time.
        let seen = stamps(paths);
        match (read(), patience.next()) {
            (Err(_), Some(pause)) => sleep(*pause).await,
            (read, _) => {
                let read = read.map(Arc::new);
                return State { read, seen };
            }
        }
    }
}

/// What changes when a file does. Replaced files have another inode, also within one tick of the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    inode: (u64, u64),
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let stamps = paths.iter().map(|path| {
        let about = fs::metadata(path).ok();
        Stamp {
            modified: about.as_ref().and_then(|about| about.modified().ok()),
            size: about.as_ref().map_or(0, Metadata::len),
            inode: about.as_ref().map_or((0, 0), inode),
        }
    });
    stamps.collect()
}

#[cfg(unix)]
fn inode(about: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (about.dev(), about.ino())
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

const PATIENCE: [Duration; 4] = [
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(75),
    Duration::from_millis(200),
];
