//! The sources of a suite: who they are, and where each gets its certificate from.

mod certificate_request;
mod files;
mod istio_ca;
pub(super) mod kubernetes;
mod linkerd;
mod mint;
mod spire_server;
mod token;
pub(super) mod workload_api;

pub(super) use mint::ca;

use super::mistake::{At, Mistakes, SuiteError};
use super::reader::{Keys, Reader, alternatives_of};
use super::yaml::{self, Key, Node, START, Value};
use super::{InvalidId, Scope, Source, SourceName};
use crate::certificate::SpiffeId;
use crate::identity::{Account, Cluster, Fetched, Origin};
use std::path::Path;

pub(super) const EXAMPLE: &str =
    "sa/frontend: { files: { chain: frontend.pem, key: frontend.key } }";

impl Source {
    /// Reads one source as it would stand in a suite, `istio_ca: { address: … }`, or the bare name of
    /// where it gets its certificate from, `istio_ca`. `file` is what people know the text by.
    ///
    /// ```
    /// use std::path::Path;
    /// use mtls_probe::suite::{Scope, Source};
    ///
    /// let scope = Scope::default();
    /// let here = Path::new("");
    /// let source = Source::parse("a flag", here, &scope, "me", "files: { dir: /etc/certs }").unwrap();
    /// assert_eq!(source.name.as_str(), "me");
    /// assert!(Source::parse("a flag", here, &scope, "me", "istio_ca").is_err(), "for whom?");
    /// ```
    pub fn parse(
        file: &str,
        folder: &Path,
        scope: &Scope,
        name: &str,
        text: &str,
    ) -> Result<Self, SuiteError> {
        let mut reader = Reader {
            mistakes: Mistakes::of(file, text),
            folder,
            scope: scope.clone(),
        };
        let key = Key {
            at: START,
            name: name.to_owned(),
        };
        let node = yaml::read(text, &mut reader.mistakes).map(unfolded);
        let source = node.and_then(|node| source(&key, &node, &Settings::default(), &mut reader));
        reader.mistakes.finish(source)
    }
}

/// What sources leave out, and the defaults say.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) cluster: Cluster,
    pub(super) workload_api: workload_api::Knobs,
    pub(super) spire_server: spire_server::Knobs,
    istio_ca: istio_ca::Knobs,
    linkerd: linkerd::Knobs,
}

/// Takes them from the keys of the defaults.
pub(super) fn settings(defaults: &mut Keys<'_>, reader: &mut Reader<'_>) -> Settings {
    let cluster = match defaults.take("kubernetes") {
        Some(node) => kubernetes::cluster(defaults.place("kubernetes"), node, reader),
        None => Cluster::default(),
    };
    let mut settings = Settings {
        cluster,
        ..Settings::default()
    };
    let mut section = |name: &'static str, example: &str, reader: &mut Reader<'_>| {
        let node = defaults.take(name)?;
        let owner = format!("{name} of the defaults");
        Keys::of(owner, defaults.place(name), node, example, reader)
    };
    if let Some(mut keys) = section("workload_api", workload_api::EXAMPLE, reader) {
        settings.workload_api = workload_api::Knobs::read(&mut keys, reader);
        keys.close(reader);
    }
    if let Some(mut keys) = section("spire_server", spire_server::EXAMPLE, reader) {
        settings.spire_server = spire_server::Knobs::read(&mut keys, reader);
        keys.close(reader);
    }
    if let Some(mut keys) = section("istio_ca", istio_ca::EXAMPLE, reader) {
        settings.istio_ca = istio_ca::Knobs::read(&mut keys, &settings, reader);
        keys.close(reader);
    }
    if let Some(mut keys) = section("linkerd", linkerd::EXAMPLE, reader) {
        settings.linkerd = linkerd::Knobs::read(&mut keys, &settings, reader);
        keys.close(reader);
    }
    settings
}

pub(super) fn source(
    key: &Key,
    node: &Node,
    settings: &Settings,
    reader: &mut Reader<'_>,
) -> Option<Source> {
    let named = reader.id_of_name(key);
    let owner = format!("source {:?}", key.name);
    let mut keys = Keys::of(owner, key.at, node, FILES, reader)?;
    let given: Vec<_> = Kind::ALL
        .iter()
        .filter_map(|kind| keys.take(kind.as_str()).map(|node| (*kind, node)))
        .collect();
    let id = keys.take("id");
    let cluster = keys.take("kubernetes");
    let found = match given.as_slice() {
        [] if keys.has_strangers() => None,
        [] => {
            let all = alternatives_of(Kind::ALL.iter().map(|kind| kind.as_str()));
            let what = format!(
                "{} has no certificate; write for example `{FILES}`, or another of {all}",
                keys.owner
            );
            reader.refuse(key.at, what)
        }
        [(kind, node)] => {
            let place = keys.place(kind.as_str());
            let cluster = match cluster {
                Some(_) if !kind.asks_kubernetes() => {
                    let all = Kind::ALL.iter().filter(|kind| kind.asks_kubernetes());
                    let all = alternatives_of(all.map(|kind| kind.as_str()));
                    let what = format!(
                        "`kubernetes` says which cluster to ask, and {kind} asks none; it goes with {all}",
                        kind = kind.as_str()
                    );
                    reader.refuse(keys.place("kubernetes"), what)
                }
                Some(node) => {
                    let own = kubernetes::cluster(keys.place("kubernetes"), node, reader);
                    Some(own.or(&settings.cluster))
                }
                None => Some(settings.cluster.clone()),
            };
            let whose = Whose {
                kind: *kind,
                key,
                written: match (kind, id) {
                    (Kind::Mint, Some(_)) => {
                        let what = "the ID of a minted source stands inside `mint`; move it there";
                        reader.refuse(keys.place("id"), what)
                    }
                    (_, Some(node)) => Some((node.at, reader.id("id", node))),
                    (_, None) => None,
                },
                named,
                cluster: cluster.unwrap_or_default(),
                settings,
            };
            whose.origin(place, node, reader)
        }
        [(first, _), (second, _), ..] => {
            let what = format!(
                "{} has both `{}` and `{}`; keep one of them",
                keys.owner,
                first.as_str(),
                second.as_str()
            );
            reader.refuse(keys.place(second.as_str()), what)
        }
    };
    keys.close(reader);
    let (origin, id) = found?;
    Some(Source {
        name: SourceName::new(&key.name),
        origin,
        id,
        place: reader.mistakes.place(key.at),
    })
}

/// What a source is, beside where it gets its certificate from.
struct Whose<'a> {
    kind: Kind,
    key: &'a Key,
    /// The ID that is written, and where; nothing inside where that is a mistake.
    written: Option<(At, Option<SpiffeId>)>,
    /// The ID that the name stands for.
    named: Option<SpiffeId>,
    cluster: Cluster,
    settings: &'a Settings,
}

impl Whose<'_> {
    fn origin(
        &self,
        at: At,
        node: &Node,
        reader: &mut Reader<'_>,
    ) -> Option<(Origin, Option<SpiffeId>)> {
        let from = |fetched| Origin::Fetched(Box::new(fetched));
        match self.kind {
            Kind::Files => files::files(at, node, reader).map(|origin| (origin, self.id())),
            Kind::Mint => {
                let named = self.named.clone();
                let mint = mint::mint(&self.key.name, at, node, named, reader)?;
                let id = mint.id.clone();
                Some((Origin::Mint(mint), id))
            }
            Kind::WorkloadApi => {
                let found = workload_api::source(self, at, node, reader)?;
                Some((from(Fetched::WorkloadApi(found)), self.id()))
            }
            Kind::Secret => {
                let found = kubernetes::secret(self, at, node, reader)?;
                Some((from(Fetched::Secret(found)), self.id()))
            }
            Kind::IstioCa => {
                let found = istio_ca::source(self, at, node, reader)?;
                let id = found.id.clone();
                Some((from(Fetched::IstioCa(found)), Some(id)))
            }
            Kind::Linkerd => {
                let (found, id) = linkerd::source(self, at, node, reader)?;
                Some((from(Fetched::Linkerd(found)), Some(id)))
            }
            Kind::SpireServer => {
                let found = spire_server::source(self, at, node, reader)?;
                let id = found.id.clone();
                Some((from(Fetched::SpireServer(found)), Some(id)))
            }
            Kind::CertificateRequest => {
                let found = certificate_request::source(self, at, node, reader)?;
                let id = found.id.clone();
                Some((from(Fetched::CertificateRequest(found)), Some(id)))
            }
        }
    }

    /// The ID that it is meant to have, where the suite says so.
    fn id(&self) -> Option<SpiffeId> {
        match &self.written {
            Some((_, id)) => id.clone(),
            None => self.named.clone(),
        }
    }

    /// For messages: `istio_ca of source "sa/web"`.
    fn owner(&self) -> String {
        format!("{} of source {:?}", self.kind.as_str(), self.key.name)
    }

    /// Where the suite says who it is.
    fn place(&self) -> At {
        self.written.as_ref().map_or(self.key.at, |(at, _)| *at)
    }

    /// The ID to be signed. Nobody signs without one.
    fn signed_id(&self, reader: &mut Reader<'_>) -> Option<SpiffeId> {
        match &self.written {
            Some((_, None)) => return None, // the mistake is noted
            Some((_, Some(id))) if !id.path().is_empty() => return Some(id.clone()),
            Some((at, Some(id))) => {
                let what = format!("id \"{id}\" is a whole trust domain; write {AN_ID}");
                return reader.refuse(*at, what);
            }
            None => {}
        }
        if let Some(id) = &self.named {
            return Some(id.clone());
        }
        let (name, kind) = (&self.key.name, self.kind.as_str());
        match reader.scope.id(name) {
            Err(why @ InvalidId::NoTrustDomain) => {
                reader.refuse(self.key.at, format!("source {name:?} {why}"))
            }
            // The mistake is noted.
            Err(InvalidId::Spiffe(_)) => None,
            Ok(_) | Err(InvalidId::NotShort | InvalidId::NotDns(_)) => {
                let what = format!(
                    "source {name:?} is no identity, and {kind} signs for one; name the source like it, or write {AN_ID}"
                );
                reader.refuse(self.key.at, what)
            }
        }
    }

    /// The ID to be signed, and the service account that has it.
    fn account(&self, reader: &mut Reader<'_>) -> Option<(SpiffeId, Account)> {
        let id = self.signed_id(reader)?;
        match Account::of(&id) {
            Some(account) => Some((id, account)),
            None => {
                let kind = self.kind.as_str();
                let other = match self.kind {
                    Kind::CertificateRequest => ", or `as: own` to ask with our own rights",
                    Kind::Files
                    | Kind::Mint
                    | Kind::WorkloadApi
                    | Kind::IstioCa
                    | Kind::Linkerd
                    | Kind::Secret
                    | Kind::SpireServer => "",
                };
                let what = format!(
                    "{kind} signs for service accounts, and \"{id}\" is the ID of none; write {AN_ID}{other}"
                );
                reader.refuse(self.place(), what)
            }
        }
    }

    /// The namespace of its service account, else that of the suite.
    fn namespace(&self, reader: &Reader<'_>) -> String {
        let account = self.id().as_ref().and_then(Account::of);
        account.map_or_else(|| reader.scope.namespace.clone(), |one| one.namespace)
    }
}

/// Where a certificate comes from, as a suite names it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Files,
    Mint,
    WorkloadApi,
    IstioCa,
    Linkerd,
    Secret,
    SpireServer,
    CertificateRequest,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Files,
        Self::Mint,
        Self::WorkloadApi,
        Self::IstioCa,
        Self::Linkerd,
        Self::Secret,
        Self::SpireServer,
        Self::CertificateRequest,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Mint => "mint",
            Self::WorkloadApi => "workload_api",
            Self::IstioCa => "istio_ca",
            Self::Linkerd => "linkerd",
            Self::Secret => "secret",
            Self::SpireServer => "spire_server",
            Self::CertificateRequest => "certificate_request",
        }
    }

    const fn asks_kubernetes(self) -> bool {
        match self {
            Self::IstioCa | Self::Linkerd | Self::Secret | Self::CertificateRequest => true,
            Self::Files | Self::Mint | Self::WorkloadApi | Self::SpireServer => false,
        }
    }
}

/// A bare word is short for the same with nothing to say of it.
fn unfolded(node: Node) -> Node {
    let Value::Text(word) = node.value else {
        return node;
    };
    let nothing = Node {
        at: node.at,
        value: Value::Map(vec![]),
    };
    let key = Key {
        at: node.at,
        name: word,
    };
    Node {
        at: node.at,
        value: Value::Map(vec![(key, nothing)]),
    }
}

const FILES: &str = "files: { chain: CHAIN.pem, key: KEY.pem }";
const AN_ID: &str = "for example `id: sa/NAME` or `id: NAMESPACE/sa/NAME`";
