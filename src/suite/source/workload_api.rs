//! Sources that a SPIFFE Workload API hands out.

use super::Whose;
use crate::identity::{Endpoint, WorkloadApi};
use crate::suite::mistake::At;
use crate::suite::reader::{Keys, Reader};
use crate::suite::yaml::Node;

/// What sources share.
#[derive(Default)]
pub(in crate::suite) struct Knobs {
    pub(in crate::suite) socket: Option<Endpoint>,
}

impl Knobs {
    pub(in crate::suite) fn read(keys: &mut Keys<'_>, reader: &mut Reader<'_>) -> Self {
        let socket = keys.take("socket");
        Self {
            socket: socket.and_then(|node| reader.parsed("socket", node)),
        }
    }
}

pub(super) fn source(
    whose: &Whose<'_>,
    at: At,
    node: &Node,
    reader: &mut Reader<'_>,
) -> Option<WorkloadApi> {
    let mut keys = Keys::of(whose.owner(), at, node, "{}", reader)?;
    let own = Knobs::read(&mut keys, reader);
    let hint = keys.take("hint");
    let hint = hint.and_then(|node| reader.text("hint", node));
    keys.close(reader);
    let defaults = &whose.settings.workload_api;
    Some(WorkloadApi {
        endpoint: own.socket.or_else(|| defaults.socket.clone()),
        id: whose.id(),
        hint: hint.map(str::to_owned),
    })
}

pub(in crate::suite) const EXAMPLE: &str = "{ socket: unix:///run/spire/sockets/agent.sock }";
