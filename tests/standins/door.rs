//! Where a stand-in listens: a Unix socket or an address, whose connections can be cut.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mtls_probe::identity::Endpoint;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, copy_bidirectional, duplex};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;

/// What is behind a door sees these.
pub(crate) type Visitors = ReceiverStream<io::Result<DuplexStream>>;

/// A door. Who comes through it is cut off when it closes, and it closes when dropped.
pub(crate) struct Door {
    endpoint: Endpoint,
    guard: JoinSet<()>,
    _folder: Option<TempDir>,
}

impl Door {
    /// On a socket in a folder of its own.
    pub(crate) fn unix() -> (Self, Visitors) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let (guard, visitors) = stand_at(&path);
        let door = Self {
            endpoint: Endpoint::Unix(path),
            guard,
            _folder: Some(folder),
        };
        (door, visitors)
    }

    pub(crate) async fn tcp() -> (Self, Visitors) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
        let (sender, visitors) = mpsc::channel(8);
        let mut guard = JoinSet::new();
        guard.spawn(async move {
            let mut inside = JoinSet::new();
            while let Ok((io, _)) = listener.accept().await {
                let_in(io, &sender, &mut inside).await;
            }
        });
        let door = Self {
            endpoint,
            guard,
            _folder: None,
        };
        (door, ReceiverStream::new(visitors))
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    pub(crate) fn path(&self) -> PathBuf {
        match &self.endpoint {
            Endpoint::Unix(path) => path.clone(),
            Endpoint::Tcp(address) => panic!("{address} is no path"),
        }
    }

    /// Cuts whoever is inside. The socket stays, as that of a process that was killed.
    pub(crate) async fn close(&mut self) {
        self.guard.shutdown().await;
    }

    /// Opens again at the same place.
    pub(crate) fn open(&mut self) -> Visitors {
        let path = self.path();
        fs::remove_file(&path).unwrap();
        let (guard, visitors) = stand_at(&path);
        self.guard = guard;
        visitors
    }
}

fn stand_at(path: &Path) -> (JoinSet<()>, Visitors) {
    let listener = UnixListener::bind(path).unwrap();
    let (sender, visitors) = mpsc::channel(8);
    let mut guard = JoinSet::new();
    guard.spawn(async move {
        let mut inside = JoinSet::new();
        while let Ok((io, _)) = listener.accept().await {
            let_in(io, &sender, &mut inside).await;
        }
    });
    (guard, ReceiverStream::new(visitors))
}

async fn let_in(
    mut io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    sender: &mpsc::Sender<io::Result<DuplexStream>>,
    inside: &mut JoinSet<()>,
) {
    let (mut ours, theirs) = duplex(64 << 10);
    inside.spawn(async move {
        let _ = copy_bidirectional(&mut io, &mut ours).await;
    });
    let _ = sender.send(Ok(theirs)).await;
}
