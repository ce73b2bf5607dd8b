//! Node's `https`.

use std::process::Command;

use super::ours;
use crate::stack::{Role, Server, Stack, Wish, source, version_of};

pub(crate) const STACKS: &[Stack] = &[Stack {
    name: "node",
    about: "https, requestCert, rejectUnauthorized",
    version,
    start,
}];

fn start(wish: &Wish<'_>) -> Option<Server> {
    // Without `rejectUnauthorized` bad certificates come in as well.
    if wish.role == Role::Optional {
        return None;
    }
    let mut command = Command::new("node");
    command.arg(source("server.js"));
    Some(ours::serve(command, wish))
}

fn version() -> Result<String, String> {
    let script =
        "console.log('Node', process.versions.node, '+ OpenSSL', process.versions.openssl)";
    version_of("node", &["-e", script])
        .map_err(|missing| format!("{missing}: apt-get install nodejs"))
}
