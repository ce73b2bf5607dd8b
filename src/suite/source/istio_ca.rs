//! Sources that Istio's CA signs.

use std::time::Duration;

use super::token::Token;
use super::{Settings, Whose, kubernetes};
use crate::identity::{BundleOrigin, Cluster, Entry, IstioCa};
use crate::suite::bundle;
use crate::suite::mistake::At;
use crate::suite::reader::{Keys, Reader};
use crate::suite::yaml::Node;

/// What sources share.
#[derive(Default)]
pub(super) struct Knobs {
    address: Option<String>,
    server_name: Option<String>,
    anchors: Option<BundleOrigin>,
    token: Option<Token>,
    lifetime: Option<Duration>,
    cluster_id: Option<String>,
}

impl Knobs {
    pub(super) fn read(keys: &mut Keys<'_>, settings: &Settings, reader: &mut Reader<'_>) -> Self {
        let address = keys.take("address");
        let server_name = keys.take("server_name");
        let anchors = keys.take("bundle").map(|node| (keys.place("bundle"), node));
        let token = keys.take("token");
        let lifetime = keys.take("lifetime");
        let cluster_id = keys.take("cluster_id");
        let owner = format!("bundle of {}", keys.owner);
        // Each source knows its own cluster.
        let nowhere = Cluster::default();
        Self {
            address: address.and_then(|node| reader.address("address", node)),
            server_name: server_name.and_then(|node| reader.host("server_name", node)),
            anchors: anchors
                .and_then(|(at, node)| bundle::origin(owner, at, node, &nowhere, settings, reader)),
            token: token.and_then(|node| Token::read(node, reader)),
            lifetime: lifetime.and_then(|node| reader.lifetime("lifetime", node)),
            cluster_id: cluster_id
                .and_then(|node| reader.text("cluster_id", node))
                .map(str::to_owned),
        }
    }
}

pub(super) fn source(
    whose: &Whose<'_>,
    at: At,
    node: &Node,
    reader: &mut Reader<'_>,
) -> Option<IstioCa> {
    let mut keys = Keys::of(whose.owner(), at, node, "{}", reader)?;
    let own = Knobs::read(&mut keys, whose.settings, reader);
    keys.close(reader);
    let (id, account) = whose.account(reader)?;
    let defaults = &whose.settings.istio_ca;
    let usual = || {
        BundleOrigin::ConfigMap(Entry {
            cluster: whose.cluster.clone(),
            namespace: account.namespace.clone(),
            name: "istio-ca-root-cert".to_owned(),
            key: "root-cert.pem".to_owned(),
        })
    };
    let anchors = own.anchors.or_else(|| defaults.anchors.clone());
    let anchors = anchors.map(|anchors| kubernetes::of_cluster(anchors, &whose.cluster));
    let token = own.token.or_else(|| defaults.token.clone());
    Some(IstioCa {
        address: own
            .address
            .or_else(|| defaults.address.clone())
            .unwrap_or_else(|| "istiod.istio-system.svc:15012".to_owned()),
        server_name: own.server_name.or_else(|| defaults.server_name.clone()),
        anchors: anchors.unwrap_or_else(usual),
        token: token
            .unwrap_or_default()
            .of(&account, AUDIENCE, &whose.cluster),
        id,
        lifetime: own.lifetime.or(defaults.lifetime).unwrap_or(LIFETIME),
        cluster_id: own.cluster_id.or_else(|| defaults.cluster_id.clone()),
    })
}

pub(super) const EXAMPLE: &str = "{ address: \"istiod.istio-system.svc:15012\" }";
/// What istiod takes unless it is told otherwise.
const AUDIENCE: &str = "istio-ca";
/// Long enough for a run, too short to be worth stealing.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
