//! A rotating fleet, probed by the library as `probe rotation` does, and handshakes between its members
//! as workloads make them.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::missing_panics_doc,
    reason = "each test program uses a part of it"
)]

use std::fs;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mtls_probe::certificate::Bundle;
use mtls_probe::lab::{Fleet, Kin, Root, Scratch, State};
use mtls_probe::plan::plan;
use mtls_probe::rotation::{Prediction, Question, Roots, Rotation, Workload, predict};
use mtls_probe::run::{self, Materials, Settings, now};
use mtls_probe::suite::Suite;
use mtls_probe::target::Versions;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub const VERSIONS: [Versions; 2] = [Versions::Tls12, Versions::Tls13];

/// A fleet and the suite for it.
pub struct Stage {
    pub fleet: Fleet,
    scratch: Scratch,
    /// Lines for the targets of the suite.
    more_targets: String,
    more_sources: String,
}

/// What became of a connection between two workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    Works,
    ServerUntrusted,
    ClientUntrusted,
}

impl From<Prediction> for Observed {
    fn from(prediction: Prediction) -> Self {
        match prediction {
            Prediction::Works => Self::Works,
            Prediction::ServerUntrusted => Self::ServerUntrusted,
            Prediction::ClientUntrusted => Self::ClientUntrusted,
            Prediction::Unknown => panic!("not predicted"),
        }
    }
}

impl Stage {
    /// Targets `w0`, `w1` ... with one server each.
    pub async fn of(kin: Kin, states: &[State]) -> Self {
        let names: Vec<String> = (0..states.len()).map(|nth| format!("w{nth}")).collect();
        let targets: Vec<(&str, &[State])> = names
            .iter()
            .zip(states)
            .map(|(name, state)| (name.as_str(), std::slice::from_ref(state)))
            .collect();
        Self::with(kin, &targets).await
    }

    pub async fn with(kin: Kin, targets: &[(&str, &[State])]) -> Self {
        let fleet = Fleet::start(now(), kin, targets).await.unwrap();
        let scratch = fleet.write_scratch().unwrap();
        Self {
            fleet,
            scratch,
            more_targets: String::new(),
            more_sources: String::new(),
        }
    }

    /// One more target.
    pub fn add(&mut self, line: &str) {
        self.more_targets += &format!("  {line}\n");
    }

    /// One more source, that is no target.
    pub fn outbound(&mut self, name: &str, root: Root) {
        let file = match root {
            Root::Old => "canary-old",
            Root::New | Root::Third => "canary-new",
        };
        // Of its identity only its root counts here.
        self.more_sources += &format!(
            "  {name}: {{ id: sa/canary, files: {{ chain: {file}.pem, key: ./{file}.key }} }}\n"
        );
    }

    /// The suite trusts the third root as well.
    pub fn knowing_the_third(self) -> Self {
        let file = self.scratch.folder().join("roots.pem");
        let der = self.fleet.root(Root::Third);
        let pem = pem::encode(&pem::Pem::new("CERTIFICATE", der.to_vec()));
        fs::write(&file, fs::read_to_string(&file).unwrap() + &pem).unwrap();
        self
    }

    /// The suite of the fleet, with what was added.
    pub fn suite_yaml(&self) -> String {
        let sources = format!("sources:\n{}", self.more_sources);
        let text = self.fleet.suite_yaml().replace("sources:\n", &sources);
        text.replace("rotation:\n", &format!("{}rotation:\n", self.more_targets))
    }

    pub fn folder(&self) -> &std::path::Path {
        self.scratch.folder()
    }

    pub async fn read(&self) -> Rotation {
        self.read_over(Versions::Both).await
    }

    /// Probes and reads, as `probe rotation` does.
    pub async fn read_over(&self, versions: Versions) -> Rotation {
        let stranger = "  stranger: { mint: { id: sa/canary, ca: throwaway } }\n";
        let sources = format!("sources:\n{stranger}");
        let text = self.suite_yaml().replace("sources:\n", &sources);
        let mut suite = Suite::parse("fleet", self.scratch.folder(), &text).unwrap();
        for target in &mut suite.targets {
            target.offer.versions = versions;
        }
        let suites = [suite];
        let [old, new] = [Root::Old, Root::New].map(|root| self.fleet.root(root).clone());
        let bundle = Bundle::new([old.clone(), new.clone()]).unwrap();
        let materials = Materials::gather(&suites, now()).await.unwrap();
        let own = materials.own_leaves(&suites, now()).await;
        let materials = Arc::new(materials.trusting(&bundle, &own));
        let matrix = run::run(
            &suites,
            Arc::new(plan(&suites).unwrap()),
            Arc::clone(&materials),
            Settings::default(),
            pending(),
            |_event| {},
        )
        .await;
        let own = materials.own_leaves(&suites, now()).await;
        let side = |der: &CertificateDer<'static>| {
            let bundle = Bundle::new([der.clone()]).unwrap();
            bundle
                .anchors()
                .iter()
                .map(|anchor| (&anchor.facts).into())
                .collect()
        };
        Rotation::of(&Question {
            matrix: &matrix,
            roots: Some(&Roots::new(side(&old), side(&new)).unwrap()),
            canaries: Some(("canary-old", "canary-new")),
            own: &own,
            stranger: Some("stranger"),
        })
        .unwrap()
    }

    /// What is predicted of a connection between two members.
    pub fn predict(&self, rotation: &Rotation, client: &str, server: &str) -> Prediction {
        let find = |address: &str| -> &Workload {
            let is_it = |one: &&Workload| one.address.as_deref() == Some(address);
            rotation.clients.iter().find(is_it).unwrap()
        };
        predict(find(client), find(server))
    }

    /// Compares all predictions with what happens, and counts the connections that do not work.
    pub async fn holds_as_predicted(&self) -> usize {
        let rotation = self.read().await;
        let mut broken = 0;
        for client in &rotation.members {
            for server in &rotation.members {
                let predicted = self.predict(&rotation, &client.address, &server.address);
                for versions in VERSIONS {
                    let observed = self
                        .connect(&client.address, &server.address, versions)
                        .await;
                    let pair = (&client.target, &server.target);
                    assert_eq!(observed, Observed::from(predicted), "{versions:?} {pair:?}");
                }
                broken += usize::from(predicted.is_broken());
            }
        }
        assert_eq!(rotation.now.broken, broken);
        broken
    }

    /// A member connects to another as workloads do: it refuses whom it does not trust.
    pub async fn connect(&self, client: &str, server: &str, versions: Versions) -> Observed {
        let (client, server): (SocketAddr, SocketAddr) =
            (client.parse().unwrap(), server.parse().unwrap());
        let (_, _, state) = self
            .fleet
            .members()
            .find(|(_, at, _)| *at == client)
            .unwrap();
        let minted = self.fleet.leaf(client).unwrap();
        let roots = state
            .trusts
            .iter()
            .map(|root| self.fleet.root(*root).clone());
        let version = match versions {
            Versions::Tls12 => &TLS12,
            Versions::Tls13 | Versions::Both => &TLS13,
        };
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root).unwrap();
        }
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider));
        let key = PrivateKeyDer::from_pem_slice(minted.key_pem().as_bytes()).unwrap();
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ByRoot(verifier.build().unwrap())))
            .with_client_auth_cert(minted.chain().to_vec(), key)
            .unwrap();
        let talk = talk(TlsConnector::from(Arc::new(config)), server);
        match timeout(Duration::from_secs(10), talk).await.unwrap() {
            Ok(()) => Observed::Works,
            Err(Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => Observed::ServerUntrusted,
            Err(Error::AlertReceived(
                AlertDescription::UnknownCA | AlertDescription::DecryptError,
            )) => Observed::ClientUntrusted,
            Err(other) => panic!("{client} -> {server}: {other}"),
        }
    }
}

async fn talk(connector: TlsConnector, server: SocketAddr) -> Result<(), Error> {
    let tls = |error: std::io::Error| {
        let inner = error.into_inner().unwrap();
        *inner.downcast::<Error>().unwrap()
    };
    let stream = TcpStream::connect(server).await.unwrap();
    let name = ServerName::try_from("fleet").unwrap();
    let mut stream = connector.connect(name, stream).await.map_err(tls)?;
    // Over TLS 1.3 the server judges only now.
    let _ = stream
        .write_all(b"GET / HTTP/1.1\r\nhost: fleet\r\nconnection: close\r\n\r\n")
        .await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.map_err(tls)?;
    assert_eq!(&answer, b"HTTP/1.1 200");
    Ok(())
}

/// Meshes go by the root and by the SPIFFE ID, not by the host's name.
#[derive(Debug)]
struct ByRoot(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for ByRoot {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self
            .0
            .verify_server_cert(leaf, intermediates, name, ocsp, now)
        {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
