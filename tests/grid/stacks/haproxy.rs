//! HAProxy, answering by itself.

use std::process::Command;

use crate::stack::{Role, Server, Stack, Tls, Wish, free_port, version_of};

pub(crate) const STACKS: &[Stack] = &[Stack {
    name: "haproxy",
    about: "verify required",
    version: || version_of("haproxy", &["-v"]).map_err(|why| why + ": apt-get install haproxy"),
    start,
}];

fn start(wish: &Wish<'_>) -> Option<Server> {
    let port = free_port();
    let bind = match wish.role {
        // A protocol that it does not know is passed over.
        Role::StrictAlpn => return None,
        Role::Plaintext => String::new(),
        _ => encrypted(wish),
    };
    let configuration = format!(
        "global\n  maxconn 2000\n  nbthread 2\n\
         defaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  timeout connect 5s\n\
         frontend grid\n  bind 127.0.0.1:{port} {bind}\n\
         \x20 http-request return status 200 content-type text/plain string ok\n"
    );
    let mut command = Command::new("haproxy");
    command
        .arg("-db")
        .arg("-f")
        .arg(wish.write("haproxy.cfg", &configuration));
    Some(Server::at(port, command, wish.folder))
}

fn encrypted(wish: &Wish<'_>) -> String {
    let kit = wish.kit;
    let (chain, key) = wish.own();
    // It wants both in one file, or the key beside the certificate under its name and `.key`.
    let both = [chain, key]
        .map(|path| std::fs::read_to_string(path).unwrap())
        .concat();
    let both = wish.write("both.pem", &both);
    let mut bind = format!(
        "ssl crt {} ca-file {} verify {} ",
        both.display(),
        kit.path("roots.pem").display(),
        match wish.role {
            Role::Optional => "optional",
            _ => "required",
        }
    );
    bind.push_str(match wish.tls {
        Tls::V12 => "ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2 ",
        Tls::V13 => "ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.3 ",
    });
    match (wish.role, wish.tls) {
        (Role::Crl, _) => bind.push_str(&format!("crl-file {}", kit.path("crl.pem").display())),
        (Role::StrictSni, _) => bind.push_str("strict-sni"),
        (Role::ForeignCipher, Tls::V12) => bind.push_str("ciphers ECDHE-ECDSA-AES128-SHA"),
        (Role::ForeignCipher, Tls::V13) => bind.push_str("ciphersuites TLS_AES_128_CCM_SHA256"),
        _ => {}
    }
    bind
}
