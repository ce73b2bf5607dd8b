//! Sources that Linkerd's identity controller signs.

use super::token::Token;
use super::{Settings, Whose, kubernetes};
use crate::certificate::SpiffeId;
use crate::identity::{BundleOrigin, Cluster, Entry, Linkerd};
use crate::suite::mistake::At;
use crate::suite::reader::{Keys, Reader};
use crate::suite::scope::linkerd_name;
use crate::suite::yaml::Node;
use crate::suite::{LINKERD_NAMESPACE, bundle, name};

/// What sources share.
#[derive(Default)]
pub(super) struct Knobs {
    control_plane: Option<String>,
    address: Option<String>,
    server_name: Option<String>,
    anchors: Option<BundleOrigin>,
    token: Option<Token>,
}

impl Knobs {
    pub(super) fn read(keys: &mut Keys<'_>, settings: &Settings, reader: &mut Reader<'_>) -> Self {
        let control_plane = keys.take("control_plane");
        let address = keys.take("address");
        let server_name = keys.take("server_name");
        let anchors = keys.take("bundle").map(|node| (keys.place("bundle"), node));
        let token = keys.take("token");
        let owner = format!("bundle of {}", keys.owner);
        // Each source knows its own cluster.
        let nowhere = Cluster::default();
        Self {
            control_plane: control_plane.and_then(|node| name::control_plane(node, reader)),
            address: address.and_then(|node| reader.address("address", node)),
            server_name: server_name.and_then(|node| reader.host("server_name", node)),
            anchors: anchors
                .and_then(|(at, node)| bundle::origin(owner, at, node, &nowhere, settings, reader)),
            token: token.and_then(|node| Token::read(node, reader)),
        }
    }
}

/// The source, and the SPIFFE ID that stands for the same service account.
pub(super) fn source(
    whose: &Whose<'_>,
    at: At,
    node: &Node,
    reader: &mut Reader<'_>,
) -> Option<(Linkerd, SpiffeId)> {
    let mut keys = Keys::of(whose.owner(), at, node, "{}", reader)?;
    let own = Knobs::read(&mut keys, whose.settings, reader);
    keys.close(reader);
    let (id, account) = whose.account(reader)?;
    let defaults = &whose.settings.linkerd;
    let home = own.control_plane.or_else(|| defaults.control_plane.clone());
    let home = home.unwrap_or_else(|| LINKERD_NAMESPACE.to_owned());
    let domain = id.trust_domain();
    let name = match linkerd_name(&account.name, &account.namespace, &home, domain) {
        Ok(name) => name,
        Err(why) => {
            let what = format!("source {:?} {why}", whose.key.name);
            return reader.refuse(whose.place(), what);
        }
    };
    let usual = || {
        BundleOrigin::ConfigMap(Entry {
            cluster: whose.cluster.clone(),
            namespace: home.clone(),
            name: "linkerd-identity-trust-roots".to_owned(),
            key: "ca-bundle.crt".to_owned(),
        })
    };
    let anchors = own.anchors.or_else(|| defaults.anchors.clone());
    let anchors = anchors.map(|anchors| kubernetes::of_cluster(anchors, &whose.cluster));
    let token = own.token.or_else(|| defaults.token.clone());
    // Linkerd's trust domain is the domain of the cluster, unless it is told otherwise.
    let address = || format!("linkerd-identity-headless.{home}.svc.{domain}:8080");
    let server = || format!("linkerd-identity.{home}.serviceaccount.identity.{home}.{domain}");
    let linkerd = Linkerd {
        address: own
            .address
            .or_else(|| defaults.address.clone())
            .unwrap_or_else(address),
        server_name: own
            .server_name
            .or_else(|| defaults.server_name.clone())
            .unwrap_or_else(server),
        anchors: anchors.unwrap_or_else(usual),
        token: token
            .unwrap_or_default()
            .of(&account, AUDIENCE, &whose.cluster),
        name,
        domain: domain.clone(),
    };
    Some((linkerd, id))
}

pub(super) const EXAMPLE: &str = "{ control_plane: linkerd }";
/// What Linkerd takes.
const AUDIENCE: &str = "identity.l5d.io";
