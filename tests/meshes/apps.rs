//! The applications behind a sidecar, in this process, as long as it lives.

use std::convert::Infallible;
use std::future::ready;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, server};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mtls_probe::identity::{Authority, Leaf};
use mtls_probe::run;
use rustls::{ServerConfig, ServerConnection, Stream};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Where they listen. The plain HTTP application is the backend of the grid.
pub(crate) struct Apps {
    /// Says what it hears.
    pub(crate) echo: u16,
    /// HTTP over TLS of its own, with a certificate that is none of the mesh.
    pub(crate) own_tls: u16,
    /// Hears and says nothing.
    pub(crate) silent: u16,
    /// Resets whatever it hears.
    pub(crate) rude: u16,
    /// The gRPC health check, over HTTP/2 without TLS.
    pub(crate) grpc: u16,
}

impl Apps {
    pub(crate) fn start() -> Self {
        let config = own_tls();
        Self {
            echo: serve(|mut stream| {
                let mut heard = [0; 4096];
                loop {
                    match stream.read(&mut heard)? {
                        0 => return Ok(()),
                        read => stream.write_all(&heard[..read])?,
                    }
                }
            }),
            own_tls: serve(move |mut stream| {
                let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut tls = Stream::new(&mut connection, &mut stream);
                let mut heard = [0; 4096];
                let read = tls.read(&mut heard)?;
                if read > 0 {
                    tls.write_all(b"HTTP/1.1 200 OK\r\nServer: app\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")?;
                }
                connection.send_close_notify();
                connection.write_tls(&mut stream).map(|_| ())
            }),
            silent: serve(|mut stream| {
                let mut heard = [0; 4096];
                while stream.read(&mut heard)? > 0 {}
                Ok(())
            }),
            // What was not read makes it a reset.
            rude: serve(|mut stream| stream.read_exact(&mut [0])),
            grpc: grpc(),
        }
    }
}

fn serve(app: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = Arc::new(app);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let app = Arc::clone(&app);
            std::thread::spawn(move || app(stream));
        }
    });
    port
}

fn own_tls() -> Arc<ServerConfig> {
    let now = run::now();
    let root = Authority::throwaway("an authority of the public web", now).unwrap();
    let hour = jiff::SignedDuration::from_hours(1);
    let id = "spiffe://example.org/nobody".parse().unwrap();
    let mut leaf = Leaf::svid(&id, now - hour, now + hour);
    leaf.uris = vec![];
    leaf.dns = vec!["app.example.org".to_owned()];
    let app = root.issue(&leaf).unwrap();
    let chain: Vec<CertificateDer<'static>> = app.chain().to_vec();
    let key = PrivateKeyDer::from_pem_slice(app.key_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

fn grpc() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                let connection = server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service_fn(check));
                tokio::spawn(connection);
            }
        });
    });
    port
}

async fn check<B>(
    _: Request<B>,
) -> Result<Response<http_body_util::combinators::BoxBody<Bytes, Infallible>>, Infallible> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    // A `HealthCheckResponse` with status 1, in its frame.
    let serving: &'static [u8] = &[0, 0, 0, 0, 2, 0x08, 1];
    let body = Full::from(serving).with_trailers(ready(Some(Ok(trailers))));
    let mut response = Response::new(body.boxed());
    let headers = response.headers_mut();
    headers.insert("content-type", "application/grpc".parse().unwrap());
    Ok(response)
}
