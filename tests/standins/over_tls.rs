//! HTTP/2 servers over real TLS, and connections that end in the middle of an answer.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tonic::codegen::Service;

/// A server, for as long as this lives.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    /// How many requests got through to it.
    pub(crate) asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Running {
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Serves every connection by what `service` makes for it. What it makes may cut the connection.
pub(crate) async fn serve<S, B, F>(config: Arc<ServerConfig>, service: F) -> Running
where
    F: Fn(Cut) -> S + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(config);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut open = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let cut = Cut::default();
            let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
            let service = service(cut.clone());
            open.spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = service_fn(move |request| {
                    count.fetch_add(1, Ordering::SeqCst);
                    let mut service = service.clone();
                    async move {
                        poll_fn(|cx| service.poll_ready(cx)).await?;
                        service.call(request).await
                    }
                });
                let served = http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service);
                tokio::select! {
                    _ = served => {}
                    () = cut.0.notified() => {}
                }
            });
        }
    });
    Running {
        address,
        asked,
        _tasks: tasks,
    }
}

/// Ends the connection it belongs to, as it stands.
#[derive(Clone, Default)]
pub(crate) struct Cut(Arc<Notify>);

impl Cut {
    pub(crate) fn now(&self) {
        self.0.notify_one();
    }

    /// The begin of an answer, and no more.
    fn half_an_answer(&self) -> Response<HalfABody> {
        let mut response = Response::new(HalfABody {
            sent: false,
            cut: self.clone(),
        });
        let grpc = "application/grpc".parse().unwrap();
        response.headers_mut().insert("content-type", grpc);
        response
    }
}

/// A gRPC message of which only the begin comes.
pub(crate) struct HalfABody {
    sent: bool,
    cut: Cut,
}

impl Body for HalfABody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.sent {
            self.sent = true;
            // What comes goes out before the end.
            cx.waker().wake_by_ref();
            let begin = Bytes::from_static(&[0, 0, 0, 4, 0, b'-', b'-']);
            return Poll::Ready(Some(Ok(Frame::data(begin))));
        }
        let cut = self.cut.clone();
        tokio::spawn(async move { cut.now() });
        Poll::Pending
    }
}

/// A TLS server of HTTP/2 that knows no path, as a webhook is for whoever is not the API server.
pub(crate) async fn not_found(config: Arc<ServerConfig>) -> Running {
    let answer = |_: &Cut| {
        let mut response = Response::new("404 page not found\n".to_owned());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    };
    serve(config, move |cut| Always(answer, cut)).await
}

/// A gRPC server whose connections end in the middle of its answer.
pub(crate) async fn half_an_answer(config: Arc<ServerConfig>) -> Running {
    serve(config, |cut| Always(Cut::half_an_answer, cut)).await
}

/// Answers so, whatever is asked.
#[derive(Clone)]
struct Always<F>(F, Cut);

impl<F, B> Service<Request<Incoming>> for Always<F>
where
    F: Fn(&Cut) -> Response<B>,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Incoming>) -> Self::Future {
        ready(Ok(self.0(&self.1)))
    }
}
