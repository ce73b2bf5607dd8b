//! A mesh, the identities that come to its pods, and a run of the program against them.

use std::fs;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use mtls_probe::certificate::{Facts, SpiffeId};
use mtls_probe::identity::{Authority, Leaf, Minted};
use mtls_probe::matrix::{Cell, Matrix};
use mtls_probe::plan::plan;
use mtls_probe::run::{self, Materials, Settings, now};
use mtls_probe::suite::Suite;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

pub(crate) static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// The CAs, and the files of everybody who comes.
pub(crate) struct World {
    pub(crate) root: CertificateDer<'static>,
    issuing: Authority,
    now: Timestamp,
    folder: TempDir,
}

/// Who comes, in the order of the tables. The first is let in where anybody is.
pub(crate) const COMERS: [&str; 8] = [
    "frontend",
    "batch",
    "stranger",
    "expired",
    "foreign",
    "servers-only",
    "none",
    "plaintext",
];

/// How a mesh names its workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    Spiffe,
    Linkerd,
}

impl World {
    fn new() -> Self {
        let now = now();
        let root = Authority::throwaway("mesh root", now).unwrap();
        let issuing = root.intermediate("mesh issuing CA", now).unwrap();
        let world = Self {
            root: root.root().unwrap().clone(),
            issuing,
            now,
            folder: TempDir::new().unwrap(),
        };
        let folder = world.folder.path();
        let pem = pem::encode(&pem::Pem::new("CERTIFICATE", world.root.to_vec()));
        fs::write(folder.join("roots.pem"), pem).unwrap();
        let stranger = Authority::throwaway("a stranger", now).unwrap();
        let stranger = stranger.intermediate("a stranger's", now).unwrap();
        for (names, folder) in [(Names::Spiffe, "spiffe"), (Names::Linkerd, "linkerd")] {
            let folder = world.folder.path().join(folder);
            fs::create_dir(&folder).unwrap();
            for comer in &COMERS[..6] {
                let mut leaf = world.leaf(names, comer);
                let authority = match *comer {
                    "stranger" => &stranger,
                    _ => &world.issuing,
                };
                match *comer {
                    "expired" => leaf.not_after = now - SignedDuration::from_hours(1),
                    "foreign" => match names {
                        Names::Spiffe => {
                            leaf.uris =
                                vec![spiffe("frontend").replace("cluster.local", "other.example")];
                        }
                        Names::Linkerd => {
                            leaf.dns =
                                vec![linkerd("frontend").replace("cluster.local", "other.example")];
                        }
                    },
                    "servers-only" => leaf.purposes.truncate(1),
                    _ => {}
                }
                let minted = authority.issue(&leaf).unwrap();
                fs::write(folder.join(format!("{comer}.pem")), minted.chain_pem()).unwrap();
                fs::write(folder.join(format!("{comer}.key")), &*minted.key_pem()).unwrap();
            }
        }
        world
    }

    fn leaf(&self, names: Names, account: &str) -> Leaf {
        let day = SignedDuration::from_hours(24);
        let id: SpiffeId = spiffe(account).parse().unwrap();
        let svid = Leaf::svid(&id, self.now - day, self.now + day);
        match names {
            Names::Spiffe => svid,
            Names::Linkerd => Leaf {
                uris: vec![],
                dns: vec![linkerd(account)],
                ..svid
            },
        }
    }

    /// The certificate of a pod.
    pub(crate) fn pod(&self, names: Names, account: &str) -> Minted {
        self.issuing.issue(&self.leaf(names, account)).unwrap()
    }

    /// A server with this certificate, before it is told whom to let in and what to agree to.
    pub(crate) fn config(
        &self,
        minted: &Minted,
        versions: &[&'static SupportedProtocolVersion],
        verifier: Option<Arc<dyn rustls::server::danger::ClientCertVerifier>>,
    ) -> ServerConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_protocol_versions(versions).unwrap();
        let config = match verifier {
            Some(verifier) => config.with_client_cert_verifier(verifier),
            None => config.with_no_client_auth(),
        };
        let key = PrivateKeyDer::from_pem_slice(minted.key_pem().as_bytes()).unwrap();
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let certified = rustls::sign::CertifiedKey::new(minted.chain().to_vec(), key);
        let resolver = rustls::sign::SingleCertAndKey::from(certified);
        config.with_cert_resolver(Arc::new(resolver))
    }

    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        Arc::new(roots)
    }

    pub(crate) fn verifier(&self) -> rustls::server::ClientCertVerifierBuilder {
        let provider = Arc::new(aws_lc_rs::default_provider());
        WebPkiClientVerifier::builder_with_provider(self.roots(), provider)
    }

    /// The files of the frontend and of the roots: chain, key, bundle.
    pub(crate) fn frontend(&self, names: Names) -> [PathBuf; 3] {
        let folder = match names {
            Names::Spiffe => "spiffe",
            Names::Linkerd => "linkerd",
        };
        let file = |name: &str| self.folder.path().join(folder).join(name);
        let roots = self.folder.path().join("roots.pem");
        [file("frontend.pem"), file("frontend.key"), roots]
    }

    /// Probes these targets as everybody.
    pub(crate) async fn probe(&self, names: Names, targets: &str) -> Seen {
        self.probe_as(names, &COMERS, targets).await
    }

    pub(crate) async fn probe_as(&self, names: Names, comers: &[&str], targets: &str) -> Seen {
        let folder = match names {
            Names::Spiffe => "spiffe",
            Names::Linkerd => "linkerd",
        };
        let source = |comer: &&str| match *comer {
            "none" | "plaintext" => format!("  {comer}: {{}}\n"),
            comer => {
                format!(
                    "  {comer}: {{ files: {{ chain: {folder}/{comer}.pem, key: {folder}/{comer}.key }} }}\n"
                )
            }
        };
        let sources: String = comers.iter().map(source).collect();
        let text = format!(
            "version: 1\ntrust_domain: cluster.local\ndefaults: {{ timeout: 2s }}\n\
             bundles: {{ cluster.local: {{ file: roots.pem }} }}\n\
             sources:\n{sources}targets:\n{targets}"
        );
        let suite = Suite::parse("mesh.yaml", self.folder.path(), &text);
        let suites = [suite.unwrap_or_else(|err| panic!("{err}\n{text}"))];
        let plan = Arc::new(plan(&suites).unwrap());
        let materials = Materials::gather(&suites, now()).await.unwrap();
        let matrix = run::run(
            &suites,
            plan,
            Arc::new(materials),
            Settings::default(),
            pending(),
            |_| {},
        );
        Seen(matrix.await)
    }
}

/// The result of a run.
pub(crate) struct Seen(pub(crate) Matrix);

impl Seen {
    pub(crate) fn cell(&self, from: &str, to: &str) -> &Cell {
        let mut cells = self.0.cells.iter();
        let found = cells.find(|cell| cell.from == from && cell.to == to);
        found.unwrap_or_else(|| panic!("no cell {from} -> {to}"))
    }

    pub(crate) fn mode(&self, to: &str) -> &str {
        let mut targets = self.0.targets.iter();
        &targets.find(|target| target.name == to).unwrap().mode
    }
}

/// `UNKNOWN_CA by peer, certain`
pub(crate) fn spoken(cell: &Cell) -> String {
    let by = cell.by.as_ref().map(|by| format!(" by {by}"));
    let also: Vec<_> = cell.candidates.iter().map(|code| code.as_str()).collect();
    let also = match also.as_slice() {
        [] => String::new(),
        also => format!(": {}", also.join(" ")),
    };
    let sure = cell.confidence.as_str();
    format!("{}{}, {sure}{also}", cell.code, by.unwrap_or_default())
}

pub(crate) fn spiffe(account: &str) -> String {
    format!("spiffe://cluster.local/ns/default/sa/{account}")
}

pub(crate) fn linkerd(account: &str) -> String {
    format!("{account}.default.serviceaccount.identity.linkerd.cluster.local")
}

/// The name in a client's certificate, as meshes read it.
pub(crate) fn name_of(chain: Option<&[CertificateDer<'static>]>) -> Option<String> {
    let facts = Facts::parse(chain?.first()?).unwrap();
    facts.uris.into_iter().chain(facts.dns).next()
}

/// Whether a certificate belongs to this trust domain, as a ztunnel reads it.
pub(crate) fn trust_domain(leaf: &CertificateDer<'_>) -> Option<String> {
    ParsedCertificate::try_from(leaf).ok()?;
    let uri = Facts::parse(leaf).ok()?.uris.into_iter().next()?;
    let rest = uri.strip_prefix("spiffe://")?;
    rest.split('/').next().map(str::to_owned)
}

/// An address of its own for each pod, so that every port is free there.
pub(crate) fn pod_ip() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [low, high, ..] = std::process::id().to_le_bytes();
    let nth = NEXT.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(127, 64 | (high & 63), low, nth).into()
}

/// Nobody listens there.
pub(crate) const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
