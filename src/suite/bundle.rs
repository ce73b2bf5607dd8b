//! Where the trust anchors of a suite come from.

use super::mistake::{At, Mistakes, SuiteError};
use super::reader::{Keys, Reader, alternatives_of};
use super::source::{Settings, kubernetes, workload_api};
use super::yaml::{self, Key, Node, START};
use super::{BundleSource, Scope, Whose};
use crate::certificate::TrustDomain;
use crate::identity::{BundleOrigin, Cluster};
use std::path::Path;

pub(super) const EXAMPLE: &str = "cluster.local: { file: roots.pem }";
/// Instead of a trust domain: every one that the origin names.
pub(super) const EACH: &str = "*";

impl BundleSource {
    /// Reads where trust anchors come from as it would stand in a suite, `{ config_map: { … } }`.
    /// `file` is what people know the text by.
    pub fn parse(
        file: &str,
        folder: &Path,
        scope: &Scope,
        whose: Whose,
        text: &str,
    ) -> Result<Self, SuiteError> {
        let mut reader = Reader {
            mistakes: Mistakes::of(file, text),
            folder,
            scope: scope.clone(),
        };
        let node = yaml::read(text, &mut reader.mistakes);
        let settings = Settings::default();
        let origin = node.and_then(|node| {
            let owner = "bundle".to_owned();
            let cluster = Cluster::default();
            origin(owner, START, &node, &cluster, &settings, &mut reader)
        });
        let place = reader.mistakes.place(START);
        reader.mistakes.finish(origin).map(|origin| Self {
            whose,
            origin,
            place,
        })
    }
}

pub(super) fn bundle(
    key: &Key,
    node: &Node,
    settings: &Settings,
    reader: &mut Reader<'_>,
) -> Option<BundleSource> {
    let owner = format!("bundle {:?}", key.name);
    let origin = origin(owner, key.at, node, &settings.cluster, settings, reader);
    let whose = match key.name.as_str() {
        EACH => Whose::Each,
        name => match name.parse::<TrustDomain>() {
            Ok(domain) => Whose::Domain(domain),
            Err(why) => {
                let what = format!("bundle {name:?} {why}");
                return reader.refuse(key.at, what);
            }
        },
    };
    Some(BundleSource {
        whose,
        origin: origin?,
        place: reader.mistakes.place(key.at),
    })
}

/// Where trust anchors come from.
pub(super) fn origin(
    owner: String,
    at: At,
    node: &Node,
    cluster: &Cluster,
    settings: &Settings,
    reader: &mut Reader<'_>,
) -> Option<BundleOrigin> {
    let mut keys = Keys::of(owner, at, node, FILE, reader)?;
    let given: Vec<_> = KINDS
        .iter()
        .filter_map(|kind| keys.take(kind).map(|node| (*kind, node)))
        .collect();
    let cluster = match keys.take("kubernetes") {
        Some(node) => {
            let own = kubernetes::cluster(keys.place("kubernetes"), node, reader);
            own.or(cluster)
        }
        None => cluster.clone(),
    };
    let found = match given.as_slice() {
        [] if keys.has_strangers() => None,
        [] => {
            let all = alternatives_of(KINDS);
            let what = format!(
                "{} comes from nowhere; write for example `{FILE}`, or another of {all}",
                keys.owner
            );
            reader.refuse(at, what)
        }
        [(kind, node)] => {
            let place = keys.place(kind);
            one(kind, place, node, &cluster, settings, reader)
        }
        [(first, _), (second, _), ..] => {
            let what = format!(
                "{} has both `{first}` and `{second}`; keep one of them",
                keys.owner
            );
            reader.refuse(keys.place(second), what)
        }
    };
    keys.close(reader);
    found
}

fn one(
    kind: &str,
    at: At,
    node: &Node,
    cluster: &Cluster,
    settings: &Settings,
    reader: &mut Reader<'_>,
) -> Option<BundleOrigin> {
    let socket = |reader: &mut Reader<'_>| {
        let example = workload_api::EXAMPLE;
        let mut keys = Keys::of(kind.to_owned(), at, node, example, reader)?;
        let knobs = workload_api::Knobs::read(&mut keys, reader);
        keys.close(reader);
        Some(knobs.socket)
    };
    match kind {
        "file" => reader.path("file", node).map(BundleOrigin::File),
        "config_map" | "secret" => {
            let entry = kubernetes::entry(kind, at, node, cluster, reader)?;
            Some(match kind {
                "secret" => BundleOrigin::Secret(entry),
                _ => BundleOrigin::ConfigMap(entry),
            })
        }
        "workload_api" => {
            let own = socket(reader)?;
            let usual = settings.workload_api.socket.clone();
            Some(BundleOrigin::WorkloadApi(own.or(usual)))
        }
        _ => {
            let own = socket(reader)?;
            let usual = || settings.spire_server.endpoint();
            Some(BundleOrigin::SpireServer(own.unwrap_or_else(usual)))
        }
    }
}

const FILE: &str = "{ file: roots.pem }";
const KINDS: [&str; 5] = [
    "file",
    "config_map",
    "secret",
    "workload_api",
    "spire_server",
];
