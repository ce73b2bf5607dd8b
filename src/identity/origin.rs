//! Where an identity and a bundle come from: everything that a suite can say of it, and nothing of what
//! is found there. Pure.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::mint::Mint;
use super::walk::Step;
use crate::certificate::{SpiffeId, TrustDomain};

/// Where an identity comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Files.
    Files(Files),
    /// Made for this run.
    Mint(Mint),
    /// From somebody who hands out identities, or signs them.
    Fetched(Box<Fetched>),
    /// TLS without a client certificate.
    NoCertificate,
    /// No TLS at all.
    Plaintext,
    /// The identity that our own sidecar brings: from us to it there is no TLS.
    Sidecar,
}

impl Origin {
    /// Whether we come with a certificate.
    pub const fn has_certificate(&self) -> bool {
        match self {
            Self::Files(_) | Self::Mint(_) | Self::Fetched(_) => true,
            Self::NoCertificate | Self::Plaintext | Self::Sidecar => false,
        }
    }

    /// The steps on the way to it, in order; one that asks Kubernetes for something on the way reaches
    /// the API first.
    pub const fn steps(&self) -> &'static [Step] {
        match self {
            Self::Files(_) => &[Step::Find, Step::Identity],
            Self::Mint(_) => &[Step::Identity],
            Self::Fetched(from) => from.steps(),
            Self::NoCertificate | Self::Plaintext | Self::Sidecar => &[],
        }
    }

    /// Whether it is the identity of a workload, rather than one made up for this run.
    pub const fn is_real(&self) -> bool {
        match self {
            Self::Files(_) | Self::Fetched(_) => true,
            Self::Mint(_) | Self::NoCertificate | Self::Plaintext | Self::Sidecar => false,
        }
    }
}

/// A chain, leaf first, and its key, in files that others may replace at any time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Files {
    /// Two PEM files, or one that holds both.
    Named {
        /// The chain.
        chain: PathBuf,
        /// The key, as PKCS#8, PKCS#1 or SEC1.
        key: PathBuf,
    },
    /// A folder in a layout that is known.
    Folder(PathBuf),
}

/// Who hands out or signs an identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fetched {
    /// The SPIFFE Workload API.
    WorkloadApi(WorkloadApi),
    /// Istio's CA: istiod, or another with the same API.
    IstioCa(IstioCa),
    /// Linkerd's identity controller.
    Linkerd(Linkerd),
    /// A Kubernetes Secret.
    Secret(Secret),
    /// The server of SPIRE.
    SpireServer(SpireServer),
    /// A CertificateRequest of cert-manager.
    CertificateRequest(CertificateRequest),
}

impl Fetched {
    const fn steps(&self) -> &'static [Step] {
        use Step::{Anchors, Cluster, Connect, Grant, Identity, Request, Tls, Token};
        match self {
            Self::WorkloadApi(_) | Self::SpireServer(_) => &[Connect, Request, Grant, Identity],
            Self::IstioCa(_) | Self::Linkerd(_) => {
                &[Anchors, Token, Connect, Tls, Request, Grant, Identity]
            }
            Self::Secret(_) => &[Cluster, Request, Identity],
            Self::CertificateRequest(_) => &[Cluster, Request, Grant, Identity],
        }
    }
}

/// An identity that a SPIFFE Workload API hands out to us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WorkloadApi {
    /// Where it listens; without one, nobody has said.
    pub endpoint: Option<Endpoint>,
    /// Which of the identities: the one with this ID; by default the first.
    pub id: Option<SpiffeId>,
    /// Which of the identities: the first with this hint.
    pub hint: Option<String>,
}

/// A certificate for a service account, signed by Istio's CA.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IstioCa {
    /// `HOST:PORT`.
    pub address: String,
    /// The name that its certificate must carry, where that is not the host.
    pub server_name: Option<String>,
    /// What it is verified with.
    pub anchors: BundleOrigin,
    /// Whom the token proves, and where to get it.
    pub token: Token,
    /// The ID that is asked for, the one that the account has.
    pub id: SpiffeId,
    /// How long it may last.
    pub lifetime: Duration,
    /// The cluster that the account belongs to, where istiod serves several.
    pub cluster_id: Option<String>,
}

/// A certificate for a service account, signed by Linkerd's identity controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Linkerd {
    /// `HOST:PORT`.
    pub address: String,
    /// The identity of its proxy, by which it is addressed and verified.
    pub server_name: String,
    /// What it is verified with: Linkerd's trust anchors.
    pub anchors: BundleOrigin,
    /// Whom the token proves, and where to get it.
    pub token: Token,
    /// The identity that is asked for, a DNS name.
    pub name: String,
    /// The trust domain of the mesh.
    pub domain: TrustDomain,
}

/// A token of a Kubernetes service account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// From a file, as Kubernetes projects it into a pod. It is read anew each time.
    File {
        /// The file.
        path: PathBuf,
        /// Whom it must be meant for.
        audience: String,
    },
    /// Asked of the Kubernetes API.
    Request {
        /// Whose.
        account: Account,
        /// Whom it is meant for; nothing for the API itself.
        audience: Option<String>,
        /// Which cluster.
        cluster: Cluster,
    },
}

/// A Kubernetes service account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Account {
    /// The account that an ID of the form `spiffe://…/ns/NAMESPACE/sa/NAME` belongs to.
    pub fn of(id: &SpiffeId) -> Option<Self> {
        let segments: Vec<&str> = id.path().split('/').collect();
        let ["", "ns", namespace, "sa", name] = *segments.as_slice() else {
            return None;
        };
        Some(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// How to reach a Kubernetes API; by default as kubectl would, else as a pod does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// A kubeconfig file.
    pub kubeconfig: Option<PathBuf>,
    /// A context in it, where not the current one.
    pub context: Option<String>,
}

/// A Secret with a chain and its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Secret {
    /// Which cluster.
    pub cluster: Cluster,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The entry with the chain, `tls.crt` by convention.
    pub chain: String,
    /// The entry with the key, `tls.key` by convention.
    pub key: String,
    /// The entry with the trust anchors, `ca.crt` by convention; it may be absent.
    pub bundle: String,
}

/// A certificate for any ID of its trust domain, signed by a SPIRE server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpireServer {
    /// Where its private API listens.
    pub endpoint: Endpoint,
    /// The ID that is asked for.
    pub id: SpiffeId,
    /// DNS names to go with it.
    pub dns: Vec<String>,
    /// How long it may last.
    pub lifetime: Duration,
}

/// A certificate by way of cert-manager.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateRequest {
    /// Which cluster.
    pub cluster: Cluster,
    /// Where the request is made.
    pub namespace: String,
    /// Who is to sign.
    pub issuer: Issuer,
    /// The ID that is asked for.
    pub id: SpiffeId,
    /// How long it may last.
    pub lifetime: Duration,
    /// The account that makes the request; by default the one of our own access.
    pub account: Option<Account>,
}

/// An issuer of cert-manager.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// Its name.
    pub name: String,
    /// `Issuer`, `ClusterIssuer` or the kind of an external one.
    pub kind: String,
    /// `cert-manager.io`, or the group of an external one.
    pub group: String,
}

/// Where trust anchors come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BundleOrigin {
    /// A file: PEM, DER, a SPIFFE bundle or a map of them.
    File(PathBuf),
    /// An entry of a Kubernetes ConfigMap.
    ConfigMap(Entry),
    /// An entry of a Kubernetes Secret.
    Secret(Entry),
    /// A SPIFFE Workload API; without an endpoint, nobody has said where it listens.
    WorkloadApi(Option<Endpoint>),
    /// A SPIRE server.
    SpireServer(Endpoint),
}

/// An entry of a ConfigMap or of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Which cluster.
    pub cluster: Cluster,
    /// The namespace.
    pub namespace: String,
    /// The name of the ConfigMap or Secret.
    pub name: String,
    /// The key of the entry.
    pub key: String,
}

/// Where a gRPC server listens that needs no TLS, by the rules of the SPIFFE Workload Endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// An address.
    Tcp(SocketAddr),
}

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let is_plain = path.starts_with('/') && path.len() > 1 && !path.contains(['?', '#']);
            return match is_plain {
                true => Ok(Self::Unix(path.into())),
                false => Err("is no Unix socket; write an absolute path: unix:///run/agent.sock"),
            };
        }
        if let Some(address) = text.strip_prefix("tcp://") {
            let wrong = "is no address; write an IP address and a port: tcp://127.0.0.1:8000";
            return address.parse().map(Self::Tcp).map_err(|_| wrong);
        }
        Err("is no endpoint; write unix:///PATH or tcp://IP:PORT")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.kubeconfig, &self.context) {
            (None, None) => f.write_str("the Kubernetes API"),
            (Some(path), None) => write!(f, "the Kubernetes API of {}", path.display()),
            (None, Some(context)) => write!(f, "the Kubernetes API of context {context:?}"),
            (Some(path), Some(context)) => {
                let path = path.display();
                write!(f, "the Kubernetes API of context {context:?} in {path}")
            }
        }
    }
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorkloadApi(from) => workload_api(from.endpoint.as_ref(), f),
            Self::IstioCa(from) => write!(f, "the Istio CA at {}", from.address),
            Self::Linkerd(from) => write!(f, "the Linkerd identity controller at {}", from.address),
            Self::Secret(from) => write!(f, "Secret {}/{}", from.namespace, from.name),
            Self::SpireServer(from) => write!(f, "the SPIRE server at {}", from.endpoint),
            Self::CertificateRequest(from) => {
                let Issuer { name, kind, .. } = &from.issuer;
                write!(f, "cert-manager's {kind} {name:?} in {}", from.namespace)
            }
        }
    }
}

impl fmt::Display for BundleOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::ConfigMap(entry) => write!(f, "ConfigMap {entry}"),
            Self::Secret(entry) => write!(f, "Secret {entry}"),
            Self::WorkloadApi(endpoint) => workload_api(endpoint.as_ref(), f),
            Self::SpireServer(endpoint) => write!(f, "the SPIRE server at {endpoint}"),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}, key {:?}", self.namespace, self.name, self.key)
    }
}

fn workload_api(endpoint: Option<&Endpoint>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match endpoint {
        Some(endpoint) => write!(f, "the SPIFFE Workload API at {endpoint}"),
        None => f.write_str("the SPIFFE Workload API"),
    }
}
