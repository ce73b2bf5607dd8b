//! An identity that follows its files, as long-running probes need: meshes renew theirs every few
//! minutes. Edge.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::error::IdentityError;
use super::{Identity, files};

/// An identity from files that are read again when they change.
#[derive(Debug)]
pub struct Reloading {
    chain: PathBuf,
    key: PathBuf,
    state: Mutex<State>,
}

/// The identity of this moment.
#[derive(Clone, Debug)]
pub struct Current {
    /// The newest identity that could be read.
    pub identity: Identity,
    /// The files have changed since and cannot be read.
    pub trouble: Option<IdentityError>,
}

#[derive(Debug)]
struct State {
    current: Current,
    seen: [Stamp; 2],
}

impl Reloading {
    /// Reads the files for the first time.
    pub async fn open(chain: PathBuf, key: PathBuf) -> Result<Self, IdentityError> {
        let (read, seen) = settle(&chain, &key).await;
        let state = Mutex::new(State {
            current: Current {
                identity: read?,
                trouble: None,
            },
            seen,
        });
        Ok(Self { chain, key, state })
    }

    /// Looks whether the files have changed, and reads them if so.
    pub async fn current(&self) -> Current {
        let mut state = self.state.lock().await;
        if state.current.trouble.is_some() || state.seen != stamps(&self.chain, &self.key) {
            let (read, seen) = settle(&self.chain, &self.key).await;
            state.seen = seen;
            match read {
                Ok(identity) => {
                    state.current = Current {
                        identity,
                        trouble: None,
                    };
                }
                Err(trouble) => state.current.trouble = Some(trouble),
            }
        }
        state.current.clone()
    }
}

/// Writers replace chain and key one after the other: what is wrong for a moment is no error yet.
async fn settle(chain: &Path, key: &Path) -> (Result<Identity, IdentityError>, [Stamp; 2]) {
    let mut patience = PATIENCE.iter();
    loop {
        // Before the reading, so that a change during it is seen the next time.
        let seen = stamps(chain, key);
        match (files::load(chain, key), patience.next()) {
            (Err(_), Some(pause)) => sleep(*pause).await,
            (read, _) => return (read, seen),
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

fn stamps(chain: &Path, key: &Path) -> [Stamp; 2] {
    [chain, key].map(|path| {
        let about = fs::metadata(path).ok();
        Stamp {
            modified: about.as_ref().and_then(|about| about.modified().ok()),
            size: about.as_ref().map_or(0, Metadata::len),
            inode: about.as_ref().map_or((0, 0), inode),
        }
    })
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
