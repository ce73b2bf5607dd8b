//! Programs that only unwrap TLS, in front of a plain HTTP server: stunnel and hitch.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::stack::{Role, Server, Stack, Tls, Wish, backend, free_port, version_of};

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        name: "stunnel",
        about: "verifyChain = yes",
        version: || {
            version_of("stunnel", &["-version"]).map_err(|why| why + ": apt-get install stunnel4")
        },
        start: stunnel,
    },
    Stack {
        name: "hitch",
        about: "client-verify = required",
        version: || {
            version_of("hitch", &["--version"]).map_err(|why| why + ": apt-get install hitch")
        },
        start: hitch,
    },
];

fn stunnel(wish: &Wish<'_>) -> Option<Server> {
    let (kit, port) = (wish.kit, free_port());
    let (chain, key) = wish.own();
    let mut configuration = format!(
        "foreground = yes\npid =\nsyslog = no\n[grid]\naccept = 127.0.0.1:{port}\nconnect = {}\n\
         cert = {}\nkey = {}\nCAfile = {}\nverifyChain = yes\n",
        backend(),
        chain.display(),
        key.display(),
        kit.path("roots.pem").display()
    );
    configuration.push_str(match wish.tls {
        Tls::V12 => "sslVersionMin = TLSv1.2\nsslVersionMax = TLSv1.2\n",
        Tls::V13 => "sslVersionMin = TLSv1.3\nsslVersionMax = TLSv1.3\n",
    });
    match (wish.role, wish.tls) {
        (Role::Optional, _) => configuration.push_str("requireCert = no\n"),
        (Role::Crl, _) => {
            configuration.push_str(&format!("CRLfile = {}\n", kit.path("crl.pem").display()));
        }
        (Role::ForeignCipher, Tls::V12) => {
            configuration.push_str("ciphers = ECDHE-ECDSA-AES128-SHA\n");
        }
        (Role::ForeignCipher, Tls::V13) => {
            configuration.push_str("ciphersuites = TLS_AES_128_CCM_SHA256\n");
        }
        (Role::StrictSni | Role::StrictAlpn | Role::Plaintext, _) => return None,
        _ => {}
    }
    let mut command = Command::new("stunnel");
    command.arg(wish.write("stunnel.conf", &configuration));
    Some(Server::at(port, command, wish.folder))
}

/// Its worker ends by itself when its parent is gone.
fn hitch(wish: &Wish<'_>) -> Option<Server> {
    let (kit, port) = (wish.kit, free_port());
    let (chain, key) = wish.own();
    let both = [key, chain]
        .map(|path| std::fs::read_to_string(path).unwrap())
        .concat();
    let both = wish.write("both.pem", &both);
    let mut configuration = format!(
        "frontend = \"[127.0.0.1]:{port}\"\nbackend = \"[127.0.0.1]:{}\"\npem-file = \"{}\"\n\
         client-verify-ca = \"{}\"\nworkers = 1\ndaemon = off\nocsp-dir = \"\"\n",
        backend().port(),
        both.display(),
        kit.path("roots.pem").display()
    );
    configuration.push_str(match wish.tls {
        Tls::V12 => "tls-protos = TLSv1.2\n",
        Tls::V13 => "tls-protos = TLSv1.3\n",
    });
    configuration.push_str(match wish.role {
        Role::Optional => "client-verify = optional\n",
        _ => "client-verify = required\n",
    });
    match (wish.role, wish.tls) {
        (Role::StrictSni, _) => configuration.push_str("sni-nomatch-abort = on\n"),
        (Role::ForeignCipher, Tls::V12) => {
            configuration.push_str("ciphers = \"ECDHE-ECDSA-AES128-SHA\"\n");
        }
        (Role::ForeignCipher, Tls::V13) => {
            configuration.push_str("ciphersuites = \"TLS_AES_128_CCM_SHA256\"\n");
        }
        (Role::Crl | Role::StrictAlpn | Role::Plaintext, _) => return None,
        _ => {}
    }
    // As root it wants somebody else to run its worker as.
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        configuration.push_str("user = \"nobody\"\n");
    }
    let mut command = Command::new("hitch");
    command.arg(format!(
        "--config={}",
        wish.write("hitch.conf", &configuration).display()
    ));
    Some(Server::at(port, command, wish.folder))
}
