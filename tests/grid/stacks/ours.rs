//! Servers of ours, below `tests/grid/servers`: all of them are told in one way what to be.

use std::process::Command;

use crate::kit::FRONTEND;
use crate::stack::{Role, Server, Tls, Wish};

/// The files of a server's own certificate.
pub(crate) fn certificate(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::ExpiredServer => ("expired-chain.pem", "expired-chain.key"),
        Role::IncompleteServer => ("server.pem", "server.key"),
        Role::Required
        | Role::Optional
        | Role::Crl
        | Role::StrictSni
        | Role::ForeignCipher
        | Role::StrictAlpn
        | Role::Plaintext => ("server-chain.pem", "server.key"),
    }
}

/// Runs `command CHAIN KEY ROOTS CRL 1.2|1.3 ROLE ID`. It prints where it listens, and ends when its
/// standard input does.
pub(crate) fn serve(mut command: Command, wish: &Wish<'_>) -> Server {
    let (chain, key) = certificate(wish.role);
    for file in [chain, key, "roots.pem", "crl.pem"] {
        command.arg(wish.kit.path(file));
    }
    command.arg(match wish.tls {
        Tls::V12 => "1.2",
        Tls::V13 => "1.3",
    });
    command.arg(match wish.role {
        Role::Required | Role::ExpiredServer | Role::IncompleteServer => "required",
        Role::Optional => "optional",
        Role::Crl => "crl",
        Role::StrictSni => "strict-sni",
        Role::ForeignCipher => "foreign-cipher",
        Role::StrictAlpn => "strict-alpn",
        Role::Plaintext => "plaintext",
    });
    command.arg(FRONTEND);
    Server::telling("listening on ", command, wish.folder)
}
