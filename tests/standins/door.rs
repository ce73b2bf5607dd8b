//! Where a stand-in listens: a Unix socket, or an address with TLS or without, whose connections can be
//! cut; and what may serve there.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use h2::server::SendResponse;
use hyper::Response;
use hyper::body::Bytes;
use mtls_probe::identity::Endpoint;
use rustls::ServerConfig;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, copy_bidirectional, duplex};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tonic::codegen::tokio_stream::StreamExt;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Router;

/// What is behind a door sees these.
pub(crate) type Visitors = ReceiverStream<io::Result<DuplexStream>>;

/// A door. Who comes through it is cut off when it closes, and it closes when dropped.
pub(crate) struct Door {
    endpoint: Endpoint,
    cut: Cut,
    guard: JoinSet<()>,
    _folder: Option<TempDir>,
}

impl Door {
    /// On a socket in a folder of its own.
    pub(crate) fn unix() -> (Self, Visitors) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let listener = Listener::at(&path);
        Self::new(listener, None, Endpoint::Unix(path), Some(folder))
    }

    pub(crate) async fn tcp() -> (Self, Visitors) {
        let (listener, endpoint) = Listener::somewhere().await;
        Self::new(listener, None, endpoint, None)
    }

    pub(crate) async fn tls(config: Arc<ServerConfig>) -> (Self, Visitors) {
        let (listener, endpoint) = Listener::somewhere().await;
        Self::new(listener, Some(config.into()), endpoint, None)
    }

    fn new(
        listener: Listener,
        tls: Option<TlsAcceptor>,
        endpoint: Endpoint,
        folder: Option<TempDir>,
    ) -> (Self, Visitors) {
        let cut = Cut::default();
        let (guard, visitors) = listener.guarded(tls, cut.clone());
        let door = Self {
            endpoint,
            cut,
            guard,
            _folder: folder,
        };
        (door, visitors)
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

    pub(crate) fn address(&self) -> SocketAddr {
        match &self.endpoint {
            Endpoint::Tcp(address) => *address,
            Endpoint::Unix(path) => panic!("{} is no address", path.display()),
        }
    }

    pub(crate) fn cut(&self) -> Cut {
        self.cut.clone()
    }

    /// Cuts whoever is inside. The socket stays, as that of a process that was killed.
    pub(crate) async fn close(&mut self) {
        self.guard.shutdown().await;
    }

    /// Opens again at the same place.
    pub(crate) fn open(&mut self) -> Visitors {
        let path = self.path();
        fs::remove_file(&path).unwrap();
        let (guard, visitors) = Listener::at(&path).guarded(None, self.cut());
        self.guard = guard;
        visitors
    }
}

/// Ends all connections of a door, each as it stands.
#[derive(Clone, Default)]
pub(crate) struct Cut(Arc<Notify>);

impl Cut {
    pub(crate) fn now(&self) {
        self.0.notify_waiters();
    }
}

enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    fn at(path: &Path) -> Self {
        Self::Unix(UnixListener::bind(path).unwrap())
    }

    async fn somewhere() -> (Self, Endpoint) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
        (Self::Tcp(listener), endpoint)
    }

    async fn accept(&self) -> io::Result<Box<dyn Io>> {
        Ok(match self {
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
        })
    }

    fn guarded(self, tls: Option<TlsAcceptor>, cut: Cut) -> (JoinSet<()>, Visitors) {
        let (sender, visitors) = mpsc::channel(8);
        let mut guard = JoinSet::new();
        guard.spawn(async move {
            let mut inside = JoinSet::new();
            while let Ok(io) = self.accept().await {
                let (tls, cut, sender) = (tls.clone(), cut.clone(), sender.clone());
                inside.spawn(async move {
                    let mut io = match tls {
                        None => io,
                        Some(tls) => match tls.accept(io).await {
                            Ok(io) => Box::new(io),
                            Err(_) => return,
                        },
                    };
                    let (mut ours, theirs) = duplex(64 << 10);
                    let _ = sender.send(Ok(theirs)).await;
                    tokio::select! {
                        biased; // what was said before the cut goes out
                        _ = copy_bidirectional(&mut io, &mut ours) => {}
                        () = cut.0.notified() => {}
                    }
                });
            }
        });
        (guard, ReceiverStream::new(visitors))
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Serves whoever comes, for as long as what it returns lives.
pub(crate) fn grpc(router: Router, visitors: Visitors) -> JoinSet<()> {
    let mut serving = JoinSet::new();
    serving.spawn(async move { router.serve_with_incoming(visitors).await.unwrap() });
    serving
}

/// A server of HTTP/2 that is none of gRPC, or only half of one.
pub(crate) struct Other {
    pub(crate) door: Door,
    _serving: JoinSet<()>,
}

impl Other {
    /// Over TLS, one that knows no path, as a webhook is for whoever is not the API server.
    pub(crate) async fn not_found(config: Arc<ServerConfig>) -> Self {
        Self::answering(Door::tls(config).await, 404)
    }

    /// Answers with this status and a page.
    pub(crate) fn answering((door, visitors): (Door, Visitors), status: u16) -> Self {
        Self::new(door, visitors, move |_, mut reply| {
            let answer = Response::builder().status(status);
            let answer = answer.header("content-type", "text/html").body(()).unwrap();
            let mut body = reply.send_response(answer, false).unwrap();
            body.send_data("<html>".into(), true).unwrap();
        })
    }

    /// Over TLS, one of gRPC whose connections end in the middle of its answer.
    pub(crate) async fn half_an_answer(config: Arc<ServerConfig>) -> Self {
        let (door, visitors) = Door::tls(config).await;
        Self::new(door, visitors, |cut, mut reply| {
            let answer = Response::builder().header("content-type", "application/grpc");
            let answer = answer.body(()).unwrap();
            let mut body = reply.send_response(answer, false).unwrap();
            let begin = Bytes::from_static(&[0, 0, 0, 4, 0, b'-', b'-']);
            body.send_data(begin, false).unwrap();
            tokio::spawn(async move {
                // What is said goes out before the end.
                sleep(Duration::from_millis(20)).await;
                cut.now();
                drop(body);
            });
        })
    }

    fn new(
        door: Door,
        mut visitors: Visitors,
        answer: impl Fn(Cut, SendResponse<Bytes>) + Clone + Send + 'static,
    ) -> Self {
        let cut = door.cut();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut open = JoinSet::new();
            while let Some(Ok(io)) = visitors.next().await {
                let (answer, cut) = (answer.clone(), cut.clone());
                open.spawn(async move {
                    let Ok(mut http) = h2::server::handshake(io).await else {
                        return;
                    };
                    while let Some(Ok((_, reply))) = http.accept().await {
                        answer(cut.clone(), reply);
                    }
                });
            }
        });
        Self {
            door,
            _serving: serving,
        }
    }
}
