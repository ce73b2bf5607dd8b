//! A server that lets in who comes with a certificate of certain roots, and writes down whom it saw.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use mtls_probe::certificate::Facts;
use mtls_probe::identity::{Authority, Leaf};
use mtls_probe::run::now;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::mesh::HOUR;

pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    book: Arc<Mutex<Book>>,
    _serving: JoinSet<()>,
}

/// Who came, in order.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) visits: Vec<Visit>,
    /// Whom it did not let in, and why.
    pub(crate) refused: Vec<String>,
}

/// Somebody who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    /// The first name of the leaf.
    pub(crate) name: String,
    pub(crate) serial: String,
}

/// What a gate shows, and whom it takes.
pub(crate) struct Guard<'a> {
    pub(crate) own: &'a Authority,
    pub(crate) id: &'a str,
    pub(crate) roots: Vec<Vec<u8>>,
}

impl Gate {
    pub(crate) async fn open(guard: &Guard<'_>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Arc::new(Mutex::new(guard.config()));
        let book = Arc::new(Mutex::new(Book::default()));
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&config), Arc::clone(&book)));
        Self {
            address,
            config,
            book,
            _serving: serving,
        }
    }

    /// From the next connection on.
    pub(crate) fn change(&self, guard: &Guard<'_>) {
        *self.config.lock().unwrap() = guard.config();
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// Waits until so many more were let in.
    pub(crate) async fn lets_in(&self, more: usize) {
        let count = self.book().visits.len() + more;
        let until = Instant::now() + Duration::from_secs(15);
        while self.book().visits.len() < count {
            assert!(Instant::now() < until, "nobody comes: {:?}", self.book());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Book {
    /// The certificates that one name came with, in order, each once for as long as it stayed.
    pub(crate) fn serials(&self, name: &str) -> Vec<&str> {
        let visits = self.visits.iter().filter(|visit| visit.name == name);
        let mut serials: Vec<_> = visits.map(|visit| visit.serial.as_str()).collect();
        serials.dedup();
        serials
    }
}

impl Guard<'_> {
    fn config(&self) -> Arc<ServerConfig> {
        let leaf = Leaf::svid(&self.id.parse().unwrap(), now() - HOUR, now() + HOUR);
        let minted = self.own.issue(&leaf).unwrap();
        let mut roots = RootCertStore::empty();
        for root in &self.roots {
            roots.add(root.clone().into()).unwrap();
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let key = PrivateKeyDer::from_pem_slice(minted.key_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(minted.chain().to_vec(), key)
            .unwrap();
        Arc::new(config)
    }
}

async fn serve(
    listener: TcpListener,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    book: Arc<Mutex<Book>>,
) {
    let mut open = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = TlsAcceptor::from(Arc::clone(&config.lock().unwrap()));
        open.spawn(answer(stream, acceptor, Arc::clone(&book)));
    }
}

async fn answer(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    book: Arc<Mutex<Book>>,
) -> io::Result<()> {
    let mut accept = acceptor.accept(stream).into_fallible();
    let mut stream = match (&mut accept).await {
        Ok(stream) => stream,
        Err((why, mut stream)) => {
            book.lock().unwrap().refused.push(why.to_string());
            stream.shutdown().await?;
            while stream.read(&mut [0; 4096]).await? > 0 {}
            return Ok(());
        }
    };
    let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let leaf = Facts::parse(&leaf).unwrap();
    let name = leaf.uris.iter().chain(&leaf.dns).next().unwrap().clone();
    book.lock().unwrap().visits.push(Visit {
        name,
        serial: leaf.serial,
    });
    if stream.read(&mut [0; 4096]).await? > 0 {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
        stream.write_all(answer).await?;
    }
    stream.shutdown().await
}
