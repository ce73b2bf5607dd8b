//! Sources that a SPIRE server signs.

use std::path::PathBuf;
use std::time::Duration;

use super::Whose;
use crate::identity::{Endpoint, SpireServer};
use crate::suite::mistake::At;
use crate::suite::reader::{Keys, Reader};
use crate::suite::yaml::Node;

/// What sources share.
#[derive(Default)]
pub(in crate::suite) struct Knobs {
    socket: Option<Endpoint>,
    lifetime: Option<Duration>,
}

impl Knobs {
    pub(super) fn read(keys: &mut Keys<'_>, reader: &mut Reader<'_>) -> Self {
        let socket = keys.take("socket");
        let lifetime = keys.take("lifetime");
        Self {
            socket: socket.and_then(|node| reader.parsed("socket", node)),
            lifetime: lifetime.and_then(|node| reader.lifetime("lifetime", node)),
        }
    }

    /// Where the server listens.
    pub(in crate::suite) fn endpoint(&self) -> Endpoint {
        let usual = || Endpoint::Unix(PathBuf::from(SOCKET));
        self.socket.clone().unwrap_or_else(usual)
    }
}

pub(super) fn source(
    whose: &Whose<'_>,
    at: At,
    node: &Node,
    reader: &mut Reader<'_>,
) -> Option<SpireServer> {
    let mut keys = Keys::of(whose.owner(), at, node, "{}", reader)?;
    let own = Knobs::read(&mut keys, reader);
    let dns = keys.take("dns");
    let dns = dns.map_or(vec![], |node| {
        let items = reader.items(node).iter();
        items.filter_map(|item| reader.host("dns", item)).collect()
    });
    keys.close(reader);
    let defaults = &whose.settings.spire_server;
    Some(SpireServer {
        endpoint: own.socket.unwrap_or_else(|| defaults.endpoint()),
        id: whose.signed_id(reader)?,
        dns,
        lifetime: own.lifetime.or(defaults.lifetime).unwrap_or(LIFETIME),
    })
}

pub(in crate::suite) const EXAMPLE: &str = "{ socket: unix:///tmp/spire-server/private/api.sock }";
/// Where the server listens unless it is told otherwise.
const SOCKET: &str = "/tmp/spire-server/private/api.sock";
const LIFETIME: Duration = Duration::from_secs(15 * 60);
