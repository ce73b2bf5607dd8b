//! What a suite says of things in Kubernetes: which cluster, which Secret, which entry.

use super::Whose;
use crate::identity::{BundleOrigin, Cluster, Entry, Secret};
use crate::suite::mistake::At;
use crate::suite::reader::{Keys, Reader};
use crate::suite::yaml::Node;

/// Which cluster; nothing is said in it where there is a mistake.
pub(in crate::suite) fn cluster(at: At, node: &Node, reader: &mut Reader<'_>) -> Cluster {
    let example = "{ context: staging }";
    let keys = Keys::of("kubernetes".to_owned(), at, node, example, reader);
    let Some(mut keys) = keys else {
        return Cluster::default();
    };
    let kubeconfig = keys.take("kubeconfig");
    let context = keys.take("context");
    let cluster = Cluster {
        kubeconfig: kubeconfig.and_then(|node| reader.path("kubeconfig", node)),
        context: context
            .and_then(|node| reader.text("context", node))
            .map(str::to_owned),
    };
    keys.close(reader);
    cluster
}

/// The same anchors in another cluster, where they are in one and do not say in which.
pub(super) fn of_cluster(anchors: BundleOrigin, cluster: &Cluster) -> BundleOrigin {
    let moved = |entry: Entry| Entry {
        cluster: entry.cluster.or(cluster),
        ..entry
    };
    match anchors {
        BundleOrigin::ConfigMap(entry) => BundleOrigin::ConfigMap(moved(entry)),
        BundleOrigin::Secret(entry) => BundleOrigin::Secret(moved(entry)),
        other @ (BundleOrigin::File(_)
        | BundleOrigin::WorkloadApi(_)
        | BundleOrigin::SpireServer(_)) => other,
    }
}

/// A Secret with a chain and its key.
pub(super) fn secret(
    whose: &Whose<'_>,
    at: At,
    node: &Node,
    reader: &mut Reader<'_>,
) -> Option<Secret> {
    let mut keys = Keys::of(whose.owner(), at, node, "{ name: frontend-tls }", reader)?;
    let namespace = match keys.take("namespace") {
        Some(node) => namespace("namespace", node, reader),
        None => Some(whose.namespace(reader)),
    };
    let name = keys.need("name", "name the Secret");
    let name = name.and_then(|node| self::name("name", node, reader));
    let mut entry = |key, usual: &str| match keys.take(key) {
        Some(node) => entry_key(key, node, reader),
        None => Some(usual.to_owned()),
    };
    let chain = entry("chain", "tls.crt");
    let key = entry("key", "tls.key");
    let bundle = entry("bundle", "ca.crt");
    keys.close(reader);
    Some(Secret {
        cluster: whose.cluster.clone(),
        namespace: namespace?,
        name: name?,
        chain: chain?,
        key: key?,
        bundle: bundle?,
    })
}

/// An entry of a ConfigMap or a Secret.
pub(in crate::suite) fn entry(
    kind: &str,
    at: At,
    node: &Node,
    cluster: &Cluster,
    reader: &mut Reader<'_>,
) -> Option<Entry> {
    let example = "{ namespace: istio-system, name: istio-ca-root-cert, key: root-cert.pem }";
    let mut keys = Keys::of(kind.to_owned(), at, node, example, reader)?;
    let namespace = match keys.take("namespace") {
        Some(node) => namespace("namespace", node, reader),
        None => Some(reader.scope.namespace.clone()),
    };
    let name = keys.need("name", "write what it is called in its namespace");
    let name = name.and_then(|node| self::name("name", node, reader));
    let key = keys.need("key", "name the entry that holds the certificates");
    let key = key.and_then(|node| entry_key("key", node, reader));
    keys.close(reader);
    Some(Entry {
        cluster: cluster.clone(),
        namespace: namespace?,
        name: name?,
        key: key?,
    })
}

/// The name of a namespace, fit for a path of the API.
pub(in crate::suite) fn namespace(
    key: &str,
    node: &Node,
    reader: &mut Reader<'_>,
) -> Option<String> {
    let text = reader.text(key, node)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.len() <= 63 && text.chars().all(allowed) {
        return Some(text.to_owned());
    }
    let what = format!(
        "{key} {text:?} is not the name of a Kubernetes namespace; write up to 63 of a-z, 0-9 and '-'"
    );
    reader.refuse(node.at, what)
}

/// The name of an object, fit for a path of the API.
pub(super) fn name(key: &str, node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text(key, node)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let is_name = text.chars().all(allowed) && !text.split('.').any(str::is_empty);
    if text.len() <= 253 && is_name {
        return Some(text.to_owned());
    }
    let what = format!(
        "{key} {text:?} is not the name of a Kubernetes object; write up to 253 of a-z, 0-9, '-' and '.'"
    );
    reader.refuse(node.at, what)
}

fn entry_key(key: &str, node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text(key, node)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if text.len() <= 253 && text.chars().all(allowed) {
        return Some(text.to_owned());
    }
    let what = format!(
        "{key} {text:?} is not the key of an entry; write letters, digits, '-', '_' and '.', such as tls.crt"
    );
    reader.refuse(node.at, what)
}
