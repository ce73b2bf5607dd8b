//! One of every kind of source, each with its server, a suite of them all, and a gate that takes what
//! they hand out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::SignedDuration;
use mtls_probe::certificate::Facts;
use mtls_probe::identity::{Authority, Cluster, Leaf, Minted};
use mtls_probe::run::now;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::gate::{Gate, Guard};
use crate::standins::cert_manager::CertManager;
use crate::standins::domain::Domain;
use crate::standins::generated::workload::X509svid;
use crate::standins::istio_ca::{self, IstioCa};
use crate::standins::kubernetes::Kubernetes;
use crate::standins::linkerd_identity::{self, LinkerdIdentity};
use crate::standins::pem;
use crate::standins::spire_server::{Fault, SpireServer};
use crate::standins::tokens::token;
use crate::standins::workload_api::{Agent, State};

pub(crate) struct Mesh {
    /// What suites name, and nothing that we write but once.
    pub(crate) folder: TempDir,
    /// Of files, Secrets, what is minted, and the gate.
    pub(crate) ca: Authority,
    pub(crate) domain: Domain,
    pub(crate) agent: Agent,
    pub(crate) istio: IstioCa,
    pub(crate) linkerd: LinkerdIdentity,
    pub(crate) spire: SpireServer,
    pub(crate) cluster: Kubernetes,
    /// Whose rights we have in the cluster.
    pub(crate) alice: Cluster,
    /// The secrets that were written into files or handed out, with a word for each.
    pub(crate) secrets: Vec<(&'static str, Secret)>,
}

/// Something that nobody may see.
#[derive(Clone, Debug)]
pub(crate) enum Secret {
    /// A private key, as PEM.
    Key(String),
    /// A token, or a password.
    Word(String),
}

/// The sources by their names, each with what their certificates are called.
pub(crate) const SOURCES: [(&str, &str); 9] = [
    ("files", "spiffe://cluster.local/ns/default/sa/files"),
    ("mint", "spiffe://cluster.local/ns/default/sa/mint"),
    ("workload_api", "spiffe://cluster.local/workload"),
    ("istio_ca", "spiffe://cluster.local/ns/default/sa/istio"),
    ("token-file", "spiffe://cluster.local/ns/default/sa/tokens"),
    (
        "linkerd",
        "linkerd.default.serviceaccount.identity.linkerd.cluster.local",
    ),
    ("secret", "spiffe://cluster.local/ns/default/sa/secret"),
    ("spire_server", "spiffe://one.example/web"),
    (
        "certificate_request",
        "spiffe://cluster.local/ns/default/sa/certs",
    ),
];

impl Mesh {
    /// What is signed lasts so long.
    pub(crate) async fn lasting(span: SignedDuration) -> Self {
        let folder = TempDir::new().unwrap();
        let (ca, mut secrets) = ca(folder.path());
        let domain = Domain::new("cluster.local");
        let svid = domain.svid("/workload", "");
        let istio = IstioCa::start().await;
        istio.desk.be(istio_ca::Whim::Lasting(span));
        let linkerd = LinkerdIdentity::start().await;
        linkerd.desk.be(linkerd_identity::Whim::Lasting(span));
        let cluster = Kubernetes::start(now()).await;
        let alice = cluster.user("alice");
        secrets.push((
            "the token of alice",
            Secret::Word(cluster.token_of("alice")),
        ));
        secrets.push(("a key of the agent", Secret::of(&svid)));
        let mut mesh = Self {
            agent: Agent::start(State::of([svid])),
            domain,
            istio,
            linkerd,
            spire: SpireServer::start(Fault::Lasting(span)),
            cluster,
            alice,
            folder,
            ca,
            secrets,
        };
        mesh.populate(span);
        mesh.write_files();
        mesh.fill_secret();
        let own = token("default", "tokens", "istio-ca");
        fs::write(mesh.path("token"), &own).unwrap();
        mesh.secrets.push(("a projected token", Secret::Word(own)));
        mesh
    }

    /// What is in the cluster, and what alice may.
    fn populate(&self, span: SignedDuration) {
        let mut state = self.cluster.state();
        for (verb, what) in [
            ("create", "serviceaccounts/token"),
            ("get", "secrets"),
            ("get", "configmaps"),
            ("get", "certificaterequests"),
            ("delete", "certificaterequests"),
        ] {
            state.allow("alice", verb, what, "*", "*");
        }
        let certs = "system:serviceaccount:default:certs";
        state.allow(certs, "create", "certificaterequests", "default", "*");
        for name in ["istio", "linkerd", "certs"] {
            state.account("default", name);
        }
        for (namespace, name, key, der) in [
            (
                "default",
                "istio-ca-root-cert",
                "root-cert.pem",
                &self.istio.desk.signer.root,
            ),
            (
                "linkerd",
                "linkerd-identity-trust-roots",
                "ca-bundle.crt",
                &self.linkerd.desk.signer.root,
            ),
        ] {
            state.config_map(namespace, name, &[(key, &pem(der))]);
        }
        let mut manager = CertManager::new();
        manager.lasting = span;
        state.cert_manager = Some(manager);
        drop(state);
        let roots: String = self.roots().iter().map(|root| pem(root)).collect();
        let mut state = self.cluster.state();
        state.config_map("default", "gate", &[("roots.pem", &roots)]);
    }

    /// Of all who sign here.
    fn roots(&self) -> Vec<Vec<u8>> {
        let state = self.cluster.state();
        vec![
            self.ca.root().unwrap().to_vec(),
            self.domain.bundle(),
            self.istio.desk.signer.root.to_vec(),
            self.linkerd.desk.signer.root.to_vec(),
            self.spire.root.to_vec(),
            state.cert_manager.as_ref().unwrap().root(),
        ]
    }

    /// Chain, key and root, one after the other, as Istio's agent writes them. Returns the serial.
    pub(crate) fn write_files(&mut self) -> String {
        let minted = self.issue(SOURCES[0].1);
        let folder = self.path("certs");
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in [
            ("key.pem", minted.key_pem().to_string()),
            ("cert-chain.pem", minted.chain_pem()),
            ("root-cert.pem", self.root()),
        ] {
            fs::write(self.path("part"), text).unwrap();
            fs::rename(self.path("part"), folder.join(name)).unwrap();
        }
        self.remember("the key in a file", &minted)
    }

    /// Another identity in the Secret. Returns the serial.
    pub(crate) fn fill_secret(&mut self) -> String {
        let minted = self.issue(SOURCES[6].1);
        let (chain, key) = (minted.chain_pem(), minted.key_pem());
        self.cluster.state().secret(
            "default",
            "frontend-tls",
            &[
                ("tls.crt", &chain),
                ("tls.key", &key),
                ("ca.crt", &self.root()),
            ],
        );
        self.remember("the key in a Secret", &minted)
    }

    /// Another identity from the agent. Returns the serial.
    pub(crate) fn push(&mut self) -> String {
        let svid = self.domain.svid("/workload", "");
        self.secrets.push(("a key of the agent", Secret::of(&svid)));
        let serial = serial(&svid);
        self.agent.says(State::of([svid]));
        serial
    }

    fn remember(&mut self, word: &'static str, minted: &Minted) -> String {
        let key = Secret::Key(minted.key_pem().to_string());
        self.secrets.push((word, key));
        minted.identity().unwrap().leaf().serial.clone()
    }

    pub(crate) fn issue(&self, id: &str) -> Minted {
        let leaf = Leaf::svid(&id.parse().unwrap(), now() - HOUR, now() + HOUR);
        self.ca.issue(&leaf).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn root(&self) -> String {
        pem(self.ca.root().unwrap())
    }

    /// A gate that takes what every source hands out.
    pub(crate) async fn gate(&self) -> Gate {
        Gate::open(&self.guard(&self.ca)).await
    }

    pub(crate) fn guard<'a>(&self, own: &'a Authority) -> Guard<'a> {
        Guard {
            own,
            id: GATE,
            roots: self.roots(),
        }
    }

    /// What a suite says of each source.
    pub(crate) fn specs(&self) -> Vec<(&'static str, String)> {
        let istio = format!(
            "address: \"{}\", server_name: {}",
            self.istio.door.address(),
            istio_ca::NAMES[0]
        );
        let of = |name: &str| {
            match name {
            "files" => "files: { dir: DIR/certs }".to_owned(),
            "mint" => "mint: { id: sa/mint, ca: { chain: DIR/ca.pem, key: DIR/ca.key } }".to_owned(),
            "workload_api" => format!("workload_api: {{ socket: \"{}\" }}", self.agent.endpoint()),
            "istio_ca" => format!("id: sa/istio, istio_ca: {{ {istio} }}"),
            "token-file" => {
                format!("id: sa/tokens, istio_ca: {{ {istio}, token: {{ file: DIR/token }} }}")
            }
            "linkerd" => format!(
                "id: sa/linkerd, linkerd: {{ address: \"{}\" }}",
                self.linkerd.door.address()
            ),
            "secret" => "secret: { name: frontend-tls }".to_owned(),
            "spire_server" => format!(
                "id: \"spiffe://one.example/web\", spire_server: {{ socket: \"{}\" }}",
                self.spire.endpoint()
            ),
            _ => "id: sa/certs, certificate_request: { issuer: { name: mesh-ca, kind: ClusterIssuer } }"
                .to_owned(),
        }
        };
        let folder = self.folder.path().display().to_string();
        SOURCES
            .iter()
            .map(|(name, _)| (*name, of(name).replace("DIR", &folder)))
            .collect()
    }

    /// A suite of these sources, who are all expected to be let in.
    pub(crate) fn suite(
        &self,
        name: &str,
        gate: &Gate,
        sources: &[(impl AsRef<str>, String)],
    ) -> PathBuf {
        let sources: String = sources
            .iter()
            .map(|(name, spec)| format!("  {}: {{ {spec} }}\n", name.as_ref()))
            .collect();
        let text = format!(
            "{}bundles: {{ cluster.local: {BUNDLE} }}\nsources:\n{sources}\
             targets: {{ gate: {{ address: \"{}\", id: {GATE:?}, request: \"GET /\" }} }}\n\
             expect: [{{ from: \"*\", to: \"*\", verdict: OK }}]\n",
            self.head(),
            gate.address
        );
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn head(&self) -> String {
        let kubeconfig = self.alice.kubeconfig.as_ref().unwrap().display();
        format!(
            "version: 1\ntrust_domain: cluster.local\n\
             defaults: {{ timeout: 10s, kubernetes: {{ kubeconfig: \"{kubeconfig}\" }} }}\n"
        )
    }
}

impl Secret {
    /// The key of an identity from the Workload API.
    pub(crate) fn of(svid: &X509svid) -> Self {
        let key = pem::Pem::new("PRIVATE KEY", svid.x509_svid_key.clone());
        Self::Key(pem::encode(&key))
    }
}

/// The binary, with nothing of whoever runs the tests around it.
pub(crate) fn probe(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
    command.current_dir(folder).env_clear();
    command
}

/// A CA whose key stands in a file.
fn ca(folder: &Path) -> (Authority, Vec<(&'static str, Secret)>) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "a CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().unwrap();
    let chain = params.self_signed(&key).unwrap().pem();
    let key = key.serialize_pem();
    fs::write(folder.join("ca.pem"), &chain).unwrap();
    fs::write(folder.join("ca.key"), &key).unwrap();
    let ca = Authority::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    (ca, vec![("the key of a CA", Secret::Key(key))])
}

/// Of its leaf.
pub(crate) fn serial(svid: &X509svid) -> String {
    let all = svid.x509_svid.as_slice();
    let (rest, _) = X509Certificate::from_der(all).unwrap();
    let leaf = &all[..all.len() - rest.len()];
    Facts::parse(leaf).unwrap().serial
}

pub(crate) const GATE: &str = "spiffe://cluster.local/ns/default/sa/gate";
/// Where the roots of the gate are.
pub(crate) const BUNDLE: &str = "{ config_map: { name: gate, key: roots.pem } }";
pub(crate) const HOUR: SignedDuration = SignedDuration::from_hours(1);
