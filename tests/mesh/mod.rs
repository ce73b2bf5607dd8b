//! A mesh in the middle of a rotation: an old root and a new one, servers of either, and the files of
//! a client. In process, on loopback.

#![allow(dead_code, reason = "no test needs all of it")]

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use mtls_probe::identity::{Authority, Leaf, Minted};
use mtls_probe::run::now;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::stage::{self, Done};

pub(crate) const VERSIONS: [(&str, &SupportedProtocolVersion); 2] =
    [("1.2", &TLS12), ("1.3", &TLS13)];

pub(crate) struct Mesh {
    pub(crate) old: Authority,
    pub(crate) new: Authority,
    pub(crate) folder: TempDir,
}

impl Mesh {
    /// A client with a certificate of each root, which trusts both.
    pub(crate) fn new() -> Self {
        let root = |name| Authority::throwaway(name, now()).unwrap();
        let mesh = Self {
            old: root("old root"),
            new: root("new root"),
            folder: tempfile::tempdir().unwrap(),
        };
        for (name, root) in [("old", &mesh.old), ("new", &mesh.new)] {
            let client = svid(root, "client");
            fs::write(mesh.file(&format!("{name}.pem")), client.chain_pem()).unwrap();
            fs::write(
                mesh.file(&format!("{name}.key")),
                client.key_pem().as_bytes(),
            )
            .unwrap();
        }
        let roots = [&mesh.old, &mesh.new].map(|root| {
            let der = root.root().unwrap().to_vec();
            pem::encode(&pem::Pem::new("CERTIFICATE", der))
        });
        fs::write(mesh.file("roots.pem"), roots.concat()).unwrap();
        mesh
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server with a certificate of one root, which takes clients of some.
    pub(crate) fn server(
        &self,
        own: &Authority,
        clients: &[&Authority],
        version: &'static SupportedProtocolVersion,
    ) -> TlsAcceptor {
        let mut roots = RootCertStore::empty();
        for root in clients {
            roots.add(root.root().unwrap().clone()).unwrap();
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let minted = svid(own, "server");
        let key = PrivateKeyDer::from_pem_slice(minted.key_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(minted.chain().to_vec(), key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// Probes one target as the client of one root; `how` is what a suite says of the target.
    pub(crate) async fn probe(&self, client: &str, how: &str, flags: &[&str]) -> Done {
        let suite = format!(
            "version: 1\ntrust_domain: cluster.local\nbundles: {{ cluster.local: {{ file: roots.pem }} }}\n\
             sources: {{ client: {{ files: {{ chain: {client}.pem, key: {client}.key }} }} }}\n\
             targets: {{ api: {{ id: sa/server, {how} }} }}\n\
             expect: [{{ from: client, to: api, verdict: OK }}]\n"
        );
        let path = self.file("probe.yaml");
        fs::write(&path, suite).unwrap();
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let run = move || {
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            stage::probe(&["run".as_ref(), path.as_os_str()], &flags)
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }
}

fn svid(authority: &Authority, account: &str) -> Minted {
    let id = format!("spiffe://cluster.local/ns/default/sa/{account}");
    let day = SignedDuration::from_hours(24);
    let leaf = Leaf::svid(&id.parse().unwrap(), now() - day, now() + day);
    authority.issue(&leaf).unwrap()
}

/// Serves at an address; `which` gives the server of each connection by its number.
pub(crate) async fn serve(
    address: &str,
    which: impl Fn(usize) -> TlsAcceptor + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for nth in 1.. {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(attend(which(nth), stream));
        }
    });
    address
}

/// Shakes hands, and answers a goodbye.
async fn attend(acceptor: TlsAcceptor, stream: TcpStream) {
    let mut heard = [0; 4096];
    match acceptor.accept(stream).into_fallible().await {
        Ok(mut stream) => {
            while stream.read(&mut heard).await.is_ok_and(|count| count > 0) {}
            let _ = stream.shutdown().await;
        }
        Err((_, mut stream)) => {
            let _ = stream.shutdown().await;
            while stream.read(&mut heard).await.is_ok_and(|count| count > 0) {}
        }
    }
}

/// The finding of this code, where there is one.
pub(crate) fn finding<'a>(result: &'a Value, code: &str) -> Option<&'a Value> {
    let all = result["findings"].as_array().unwrap();
    all.iter().find(|finding| finding["code"] == code)
}
