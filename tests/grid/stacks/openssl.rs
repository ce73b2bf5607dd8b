//! `openssl s_server`.

use std::process::Command;

use crate::stack::{Role, Server, Stack, Tls, Wish, version_of};

pub(crate) const STACKS: &[Stack] = &[Stack {
    name: "openssl",
    about: "s_server -Verify 5 -verify_return_error",
    version: || version_of("openssl", &["version"]),
    start,
}];

fn start(wish: &Wish<'_>) -> Option<Server> {
    let kit = wish.kit;
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:0", "-www"]);
    command.arg(match wish.tls {
        Tls::V12 => "-tls1_2",
        Tls::V13 => "-tls1_3",
    });
    let (chain, key) = match wish.role {
        Role::ExpiredServer => ("expired-chain.pem", "expired-chain.key"),
        _ => ("server.pem", "server.key"),
    };
    command.arg("-cert").arg(kit.path(chain));
    command.arg("-key").arg(kit.path(key));
    let mut store = vec!["roots.pem"];
    match wish.role {
        // `-CRL` would load the first list of the file alone.
        Role::Crl => store.push("crl.pem"),
        // `-cert_chain` is for `-cert` alone; the chain of `-cert2` is completed from here.
        Role::StrictSni => store.push("issuing.pem"),
        _ => {}
    }
    let store: String = store
        .iter()
        .map(|name| std::fs::read_to_string(kit.path(name)).unwrap())
        .collect();
    command.arg("-CAfile").arg(wish.write("store.pem", &store));
    if wish.role != Role::IncompleteServer {
        command.arg("-cert_chain").arg(kit.path("issuing.pem"));
    }
    match wish.role {
        Role::Optional => command.args(["-verify", "5", "-verify_return_error"]),
        _ => command.args(["-Verify", "5", "-verify_return_error"]),
    };
    match (wish.role, wish.tls) {
        (Role::Crl, _) => command.arg("-crl_check_all"),
        (Role::ForeignCipher, Tls::V12) => command.args(["-cipher", "ECDHE-ECDSA-AES128-SHA"]),
        (Role::ForeignCipher, Tls::V13) => {
            command.args(["-ciphersuites", "TLS_AES_128_CCM_SHA256"])
        }
        (Role::StrictSni, _) => {
            command.arg("-cert2").arg(kit.path("server.pem"));
            command.arg("-key2").arg(kit.path("server.key"));
            command.args(["-servername", "server.test", "-servername_fatal"])
        }
        (Role::StrictAlpn | Role::Plaintext, _) => return None,
        (_, _) => &mut command,
    };
    Some(Server::telling("ACCEPT ", command, wish.folder))
}
