//! Python's `ssl`: `http.server` with a thread for each connection, and asyncio.

use std::process::Command;

use super::ours;
use crate::stack::{Role, Server, Stack, Tls, Wish, source, version_of};

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        name: "python",
        about: "http.server over ssl.wrap_socket, CERT_REQUIRED",
        version,
        start: start_threads,
    },
    Stack {
        name: "python-asyncio",
        about: "asyncio.start_server(ssl=), CERT_REQUIRED",
        version,
        start: |wish| start("asyncio", wish),
    },
];

pub(crate) fn start_threads(wish: &Wish<'_>) -> Option<Server> {
    start("threads", wish)
}

fn start(style: &str, wish: &Wish<'_>) -> Option<Server> {
    match (wish.role, wish.tls) {
        // It goes on without a protocol where none is shared, and its TLS 1.3 cipher suites are not
        // to be chosen.
        (Role::StrictAlpn, _) | (Role::ForeignCipher, Tls::V13) => None,
        (_, _) => {
            let mut command = Command::new("python3");
            command.arg(source("server.py")).arg(style);
            Some(ours::serve(command, wish))
        }
    }
}

pub(crate) fn version() -> Result<String, String> {
    let script = "import platform, ssl
print('Python', platform.python_version(), '+', ssl.OPENSSL_VERSION)";
    version_of("python3", &["-c", script])
        .map_err(|missing| format!("{missing}: apt-get install python3"))
}
