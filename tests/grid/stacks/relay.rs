//! Envoy as a plain TCP relay in front of others: it passes their resets on, ahead of their alerts.

use std::fs;

use super::{envoy, go, python};
use crate::envoy::version;
use crate::stack::{Role, Server, Stack, Wish};

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        name: "relay-envoy>python",
        about: "Envoy as a TCP relay in front of python",
        version: || both(python::version),
        start: |wish| start(python::start_threads, wish),
    },
    Stack {
        name: "relay-envoy>go",
        about: "Envoy as a TCP relay in front of go",
        version: || both(go::version),
        start: |wish| start(go::start_go, wish),
    },
    Stack {
        name: "relay-envoy>envoy",
        about: "Envoy as a TCP relay in front of envoy",
        version: || both(version),
        start: |wish| start(envoy::start_ca, wish),
    },
];

fn start(behind: fn(&Wish<'_>) -> Option<Server>, wish: &Wish<'_>) -> Option<Server> {
    // The relay changes nothing but how a refusal arrives.
    if !matches!(wish.role, Role::Required | Role::Optional) {
        return None;
    }
    let behind = behind(wish)?;
    let folder = wish.folder.join("relay");
    fs::create_dir_all(&folder).unwrap();
    Some(envoy::relay(behind.address.port(), &folder).with(behind))
}

fn both(behind: fn() -> Result<String, String>) -> Result<String, String> {
    Ok(format!("{} > {}", version()?, behind()?))
}
