//! What the knocking found, for each target.

use std::collections::HashMap;

use super::{FoundDialect, Matrix};
use crate::matrix::cells::Seen;
use crate::plan::Plan;

impl Matrix {
    /// Notes the dialects that were found, at the targets that leave theirs to the peers.
    pub fn note_dialects(&mut self, all: &[Seen], plan: &Plan) {
        let mut by_probe: HashMap<usize, Vec<&Seen>> = HashMap::new();
        for seen in all.iter().filter(|seen| seen.found.is_some()) {
            by_probe.entry(seen.probe).or_default().push(seen);
        }
        let mut by_target: HashMap<&str, Vec<FoundDialect>> = HashMap::new();
        for planned in &plan.cells {
            for seen in by_probe.get(&planned.probe).into_iter().flatten() {
                let found = by_target.entry(planned.target.name.as_str()).or_default();
                note(found, seen);
            }
        }
        for target in &mut self.targets {
            let found = by_target.remove(target.name.as_str());
            target.dialects = found.unwrap_or_default();
        }
    }
}

/// Addresses of which the same was found stand together.
fn note(all: &mut Vec<FoundDialect>, seen: &Seen) {
    let (Some(found), Some(socket)) = (&seen.found, seen.socket) else {
        return;
    };
    let address = socket.to_string();
    let new = FoundDialect {
        dialect: found.way.dialect.as_str().to_owned(),
        via: found.way.via.as_ref().map(ToString::to_string),
        addresses: vec![address.clone()],
        connections: found.connections,
        evidence: found.evidence.clone(),
    };
    let is_same = |known: &&mut FoundDialect| {
        known.dialect == new.dialect && known.via == new.via && known.evidence == new.evidence
    };
    match all.iter_mut().find(is_same) {
        Some(known) if known.addresses.contains(&address) => {}
        Some(known) => {
            known.addresses.push(address);
            known.addresses.sort();
        }
        None => all.push(new),
    }
}
