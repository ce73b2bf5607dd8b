//! GnuTLS: `gnutls-serv`. It listens at every address of the machine; there is no option for one.

use std::process::Command;

use crate::stack::{Role, Server, Stack, Tls, Wish, free_port, version_of};

pub(crate) const STACKS: &[Stack] = &[Stack {
    name: "gnutls",
    about: "gnutls-serv --require-client-cert --verify-client-cert",
    version: || {
        version_of("gnutls-serv", &["--version"])
            .map_err(|why| why + ": apt-get install gnutls-bin")
    },
    start,
}];

fn start(wish: &Wish<'_>) -> Option<Server> {
    let (kit, port) = (wish.kit, free_port());
    let (chain, key) = wish.own();
    let mut command = Command::new("gnutls-serv");
    command.args(["--http", "--quiet", "--port", &port.to_string()]);
    command.arg("--x509certfile").arg(chain);
    command.arg("--x509keyfile").arg(key);
    command.arg("--x509cafile").arg(kit.path("roots.pem"));
    command.arg("--verify-client-cert");
    let priority = match wish.tls {
        Tls::V12 => "NORMAL:-VERS-ALL:+VERS-TLS1.2",
        Tls::V13 => "NORMAL:-VERS-ALL:+VERS-TLS1.3",
    };
    let ciphers = match (wish.role, wish.tls) {
        (Role::ForeignCipher, Tls::V12) => ":-CIPHER-ALL:+AES-128-CBC",
        (Role::ForeignCipher, Tls::V13) => ":-CIPHER-ALL:+AES-128-CCM",
        _ => "",
    };
    command.arg(format!("--priority={priority}{ciphers}"));
    match wish.role {
        Role::Plaintext => return None,
        Role::Optional => {}
        _ => {
            command.arg("--require-client-cert");
        }
    }
    match wish.role {
        Role::Crl => {
            command.arg("--x509crlfile").arg(kit.path("crl.pem"));
        }
        Role::StrictSni => {
            command.args(["--sni-hostname=server.test", "--sni-hostname-fatal"]);
        }
        Role::StrictAlpn => {
            command.args(["--alpn=http/1.1", "--alpn-fatal"]);
        }
        _ => {}
    }
    Some(Server::at(port, command, wish.folder))
}
