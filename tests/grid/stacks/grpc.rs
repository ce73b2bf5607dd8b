//! gRPC core, through Python: a health service.

use std::process::Command;

use super::ours;
use crate::stack::{Role, Server, Stack, Tls, Wish, source, version_of};

pub(crate) const STACKS: &[Stack] = &[Stack {
    name: "grpc",
    about: "gRPC core, require_client_auth",
    version,
    start,
}];

fn start(wish: &Wish<'_>) -> Option<Server> {
    // It speaks both versions, and so 1.3 with whoever can: Python cannot tell it to speak one. Python
    // also asks all clients for a certificate or none, and gives no CRLs.
    let can_be = matches!(
        wish.role,
        Role::Required
            | Role::ExpiredServer
            | Role::IncompleteServer
            | Role::StrictAlpn
            | Role::Plaintext
    );
    (can_be && wish.tls == Tls::V13).then(|| {
        let mut command = Command::new("python3");
        command.arg(source("health.py"));
        ours::serve(command, wish)
    })
}

fn version() -> Result<String, String> {
    let script = "import grpc; print('grpcio', grpc.__version__, '(BoringSSL)')";
    match version_of("python3", &["-c", script]) {
        Ok(said) if said.starts_with("grpcio ") => Ok(said),
        _ => Err("there is no gRPC for `python3` here: pip install grpcio".to_owned()),
    }
}
