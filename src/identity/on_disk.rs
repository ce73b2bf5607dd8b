//! What stands in files, read again when they change. Edge.

use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::error::IdentityError;
use super::files;

/// What was read last, and what the files looked like then.
#[derive(Debug)]
pub(super) struct OnDisk<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    read: Result<Arc<T>, IdentityError>,
    seen: Vec<Stamp>,
    at: Instant,
    /// Of what stood there just before it was read; nothing once it was looked at again, late enough for
    /// every change to show.
    unsure: Option<u64>,
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
        let seen = stamps(paths);
        if state.seen != seen {
            *state = settle(paths, read).await;
        } else if state.read.is_err() {
            // Patience was had already.
            state.read = read().map(Arc::new);
        } else if let Some(content) = state.unsure
            && state.at.elapsed() > TICK
        {
            match content == digest(paths) {
                // Nobody who holds it is to think that it has changed.
                true => state.unsure = None,
                false => *state = settle(paths, read).await,
            }
        }
        state.read.clone()
    }
}

/// Waits until files can be read that somebody may be writing just now. Whether they can be is not said.
pub(super) async fn calm<T>(paths: &[PathBuf], read: impl Fn() -> Result<T, IdentityError>) {
    settle(paths, read).await;
}

/// Writers replace chain and key one after the other: what is wrong for a moment is no error yet, and
/// what was read while they write may be half of the old and half of the new.
async fn settle<T>(paths: &[PathBuf], read: impl Fn() -> Result<T, IdentityError>) -> State<T> {
    let begun = Instant::now();
    let mut patience = PATIENCE.iter();
    let mut last = vec![];
    loop {
        let seen = stamps(paths);
        let content = digest(paths);
        let read = read().map(Arc::new);
        let is_still = seen == stamps(paths);
        if seen != last && begun.elapsed() < LONGEST {
            patience = PATIENCE.iter();
        }
        match (is_still && read.is_ok(), patience.next()) {
            (false, Some(pause)) => sleep(*pause).await,
            (true, _) | (false, None) => {
                return State {
                    read,
                    seen,
                    at: begun,
                    unsure: Some(content),
                };
            }
        }
        last = seen;
    }
}

/// Of what stands in files.
fn digest(paths: &[PathBuf]) -> u64 {
    let mut digest = DefaultHasher::new();
    for path in paths {
        let bytes = files::read(path, files::MAX_BUNDLE).ok();
        bytes
            .as_ref()
            .map(|bytes| bytes.as_slice())
            .hash(&mut digest);
    }
    digest.finish()
}

/// What changes when a file does. Replaced files have another inode, also within one tick of the clock;
/// for those that are written in place within one there is a second look.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    inode: Inode,
}

/// Device, number, and when it changed last, be it in content, name or rights.
type Inode = (u64, u64, (i64, i64));

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let stamps = paths.iter().map(|path| {
        let about = fs::metadata(path).ok();
        Stamp {
            modified: about.as_ref().and_then(|about| about.modified().ok()),
            size: about.as_ref().map_or(0, Metadata::len),
            inode: about.as_ref().map(inode).unwrap_or_default(),
        }
    });
    stamps.collect()
}

#[cfg(unix)]
fn inode(about: &Metadata) -> Inode {
    use std::os::unix::fs::MetadataExt;
    (
        about.dev(),
        about.ino(),
        (about.ctime(), about.ctime_nsec()),
    )
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Inode {
    Inode::default()
}

/// Longer than the clock of any file system stands still.
const TICK: Duration = Duration::from_millis(50);
/// How long to go on while the files change all the time.
const LONGEST: Duration = Duration::from_secs(2);
const PATIENCE: [Duration; 4] = [
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(75),
    Duration::from_millis(200),
];
