//! lighttpd with its OpenSSL module.

use std::process::Command;

use crate::stack::{Role, Server, Stack, Tls, Wish, free_port, version_of};

pub(crate) const STACKS: &[Stack] = &[Stack {
    name: "lighttpd",
    about: "ssl.verifyclient.enforce",
    version: || {
        version_of("lighttpd", &["-v"])
            .map_err(|why| why + ": apt-get install lighttpd lighttpd-mod-openssl")
    },
    start,
}];

fn start(wish: &Wish<'_>) -> Option<Server> {
    let port = free_port();
    let encrypted = match wish.role {
        // Without enforcement it takes bad certificates too. It completes its own chain by itself, and
        // refuses to serve where it cannot. It serves names that it does not know.
        Role::Optional | Role::IncompleteServer | Role::StrictSni => return None,
        Role::Plaintext => String::new(),
        _ => encrypted(wish),
    };
    wish.write("index.txt", "ok\n");
    let configuration = format!(
        "server.modules = (\"mod_openssl\")\nserver.document-root = \"{}\"\n\
         server.bind = \"127.0.0.1\"\nserver.port = {port}\nserver.upload-dirs = (\"{0}\")\n\
         server.max-connections = 512\nindex-file.names = (\"index.txt\")\n\
         mimetype.assign = (\".txt\" => \"text/plain\")\n\
         server.feature-flags = (\"server.h2proto\" => \"{}\")\n{encrypted}",
        wish.folder.display(),
        match wish.role {
            Role::StrictAlpn => "disable",
            _ => "enable",
        }
    );
    let mut command = Command::new("lighttpd");
    command
        .arg("-D")
        .arg("-f")
        .arg(wish.write("lighttpd.conf", &configuration));
    Some(Server::at(port, command, wish.folder))
}

fn encrypted(wish: &Wish<'_>) -> String {
    let kit = wish.kit;
    let (chain, key) = wish.own();
    let mut settings = format!(
        "ssl.engine = \"enable\"\nssl.pemfile = \"{}\"\nssl.privkey = \"{}\"\n\
         ssl.verifyclient.ca-file = \"{}\"\nssl.verifyclient.activate = \"enable\"\n\
         ssl.verifyclient.enforce = \"enable\"\nssl.verifyclient.depth = 5\n",
        chain.display(),
        key.display(),
        kit.path("roots.pem").display()
    );
    if wish.role == Role::Crl {
        let crl = kit.path("crl.pem");
        settings.push_str(&format!(
            "ssl.verifyclient.ca-crl-file = \"{}\"\n",
            crl.display()
        ));
    }
    let version = match wish.tls {
        Tls::V12 => "TLSv1.2",
        Tls::V13 => "TLSv1.3",
    };
    let ciphers = match (wish.role, wish.tls) {
        (Role::ForeignCipher, Tls::V12) => ", \"CipherString\" => \"ECDHE-ECDSA-AES128-SHA\"",
        (Role::ForeignCipher, Tls::V13) => ", \"Ciphersuites\" => \"TLS_AES_128_CCM_SHA256\"",
        _ => "",
    };
    settings
        + &format!(
            "ssl.openssl.ssl-conf-cmd = (\"MinProtocol\" => \"{version}\", \"MaxProtocol\" => \"{version}\"{ciphers})\n"
        )
}
