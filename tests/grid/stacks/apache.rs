//! Apache httpd: the demand on the whole virtual host, and in a Location alone.

use std::process::Command;

use crate::stack::{Role, Server, Stack, Tls, Wish, free_port, version_of};

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        name: "apache",
        about: "SSLVerifyClient require on the virtual host",
        version,
        start: |wish| match wish.role {
            // It serves names that it does not know, and selects http/1.1 from any offer.
            Role::StrictSni | Role::StrictAlpn => None,
            Role::Optional => start(wish, "SSLVerifyClient optional", ""),
            _ => start(wish, "SSLVerifyClient require", ""),
        },
    },
    Stack {
        name: "apache-location",
        about: "SSLVerifyClient require in a Location",
        version,
        start: |wish| match wish.role {
            Role::Required => start(wish, "", "SSLVerifyClient require"),
            // It refuses who cannot be asked again, even where it would do without.
            _ => None,
        },
    },
];

fn version() -> Result<String, String> {
    version_of("apache2", &["-v"]).map_err(|why| why + ": apt-get install apache2")
}

fn start(wish: &Wish<'_>, of_the_host: &str, of_the_location: &str) -> Option<Server> {
    let port = free_port();
    let folder = wish.folder.display();
    let encrypted = match wish.role {
        Role::Plaintext => String::new(),
        _ => encrypted(wish) + of_the_host,
    };
    let modules = ["mpm_event", "authz_core", "ssl", "rewrite"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    // No file is read, so it does not matter as whom it runs. The answer is given where the rights
    // are checked already, not earlier.
    let configuration = format!(
        "{modules}ServerRoot {folder}\nServerName server.test\nPidFile pid\nDefaultRuntimeDir .\n\
         Listen 127.0.0.1:{port}\nErrorLog /dev/stderr\nUser www-data\nGroup www-data\n\
         ThreadLimit 256\nThreadsPerChild 256\nMaxRequestWorkers 256\nServerLimit 1\nStartServers 1\n\
         ErrorDocument 200 ok\n{encrypted}\n\
         <Location />\n{of_the_location}\nRewriteEngine On\nRewriteRule .* - [R=200]\n</Location>\n"
    );
    let mut command = Command::new("apache2");
    // -X: one process, in the foreground.
    command
        .arg("-X")
        .arg("-f")
        .arg(wish.write("apache.conf", &configuration));
    Some(Server::at(port, command, wish.folder))
}

fn encrypted(wish: &Wish<'_>) -> String {
    let (chain, key) = wish.own();
    let mut settings = format!(
        "SSLEngine on\nSSLCertificateFile {}\nSSLCertificateKeyFile {}\nSSLCACertificateFile {}\n\
         SSLVerifyDepth 5\n",
        chain.display(),
        key.display(),
        wish.kit.path("roots.pem").display()
    );
    settings.push_str(match wish.tls {
        Tls::V12 => "SSLProtocol TLSv1.2\n",
        Tls::V13 => "SSLProtocol TLSv1.3\n",
    });
    match (wish.role, wish.tls) {
        (Role::Crl, _) => settings.push_str(&format!(
            "SSLCARevocationFile {}\nSSLCARevocationCheck chain\n",
            wish.kit.path("crl.pem").display()
        )),
        (Role::ForeignCipher, Tls::V12) => {
            settings.push_str("SSLCipherSuite ECDHE-ECDSA-AES128-SHA\n");
        }
        (Role::ForeignCipher, Tls::V13) => {
            settings.push_str("SSLCipherSuite TLSv1.3 TLS_AES_128_CCM_SHA256\n");
        }
        _ => {}
    }
    settings
}
