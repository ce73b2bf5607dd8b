//! Caddy, with the Go that it was built with.

use std::process::Command;

use serde_json::json;

use crate::stack::{Role, Server, Stack, Tls, Wish, free_port, version_of};

pub(crate) const STACKS: &[Stack] = &[Stack {
    name: "caddy",
    about: "client_auth require_and_verify",
    version: || version_of("caddy", &["version"]).map_err(|why| why + ": apt-get install caddy"),
    start,
}];

fn start(wish: &Wish<'_>) -> Option<Server> {
    let port = free_port();
    let (chain, key) = wish.own();
    let version = match wish.tls {
        Tls::V12 => "tls1.2",
        Tls::V13 => "tls1.3",
    };
    let mode = match wish.role {
        Role::Optional => "verify_if_given",
        _ => "require_and_verify",
    };
    let mut policy = json!({
        "protocol_min": version,
        "protocol_max": version,
        "default_sni": "server.test",
        "client_authentication": {
            "mode": mode,
            "trusted_ca_certs_pem_files": [wish.kit.path("roots.pem")],
        },
    });
    let mut encrypted = true;
    match (wish.role, wish.tls) {
        // It knows no lists, and Go takes no wishes for the ciphers of TLS 1.3.
        (Role::Crl, _) | (Role::ForeignCipher, Tls::V13) => return None,
        (Role::ForeignCipher, Tls::V12) => {
            policy["cipher_suites"] = json!(["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"]);
        }
        (Role::StrictSni, _) => policy["match"] = json!({ "sni": ["server.test"] }),
        (Role::StrictAlpn, _) => policy["alpn"] = json!(["http/1.1"]),
        (Role::Plaintext, _) => encrypted = false,
        _ => {}
    }
    let mut server = json!({
        "listen": [format!("127.0.0.1:{port}")],
        "protocols": ["h1", "h2"],
        "automatic_https": { "disable": true },
        // Else it would refuse who says another name in `Host` than in SNI, or none in SNI.
        "strict_sni_host": false,
        "routes": [{ "handle": [{ "handler": "static_response", "body": "ok\n" }] }],
    });
    if encrypted {
        server["tls_connection_policies"] = json!([policy]);
    }
    let configuration = json!({
        "admin": { "disabled": true, "config": { "persist": false } },
        "apps": {
            "http": { "servers": { "grid": server } },
            "tls": {
                "certificates": { "load_files": [{ "certificate": chain, "key": key }] },
                "disable_ocsp_stapling": true,
            },
        },
    });
    let mut command = Command::new("caddy");
    command.arg("run").arg("--config");
    command.arg(wish.write("caddy.json", &configuration.to_string()));
    for home in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(home, wish.folder);
    }
    Some(Server::at(port, command, wish.folder))
}
