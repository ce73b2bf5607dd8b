//! Envoy, the real one, in the ways that meshes configure it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::ours;
use crate::envoy::{program, version};
use crate::kit::FRONTEND;
use crate::stack::{Role, Server, Stack, Tls, Wish, backend, free_port};

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        name: "envoy",
        about: "require_client_certificate, trusted_ca",
        version,
        start: start_ca,
    },
    Stack {
        name: "envoy-san",
        about: "the same, match_typed_subject_alt_names URI exact",
        version,
        start: |wish| start(Policy::San, wish),
    },
    Stack {
        name: "envoy-spiffe",
        about: "SPIFFE validator, one trust domain",
        version,
        start: |wish| start(Policy::Spiffe, wish),
    },
    Stack {
        name: "envoy-rbac",
        about: "HTTP RBAC allows one principal",
        version,
        start: |wish| start(Policy::HttpRbac, wish),
    },
    Stack {
        name: "envoy-rbac-l4",
        about: "network RBAC allows one principal, tcp_proxy",
        version,
        start: |wish| start(Policy::NetworkRbac, wish),
    },
    Stack {
        name: "envoy-tcp",
        about: "tcp_proxy to an HTTP server",
        version,
        start: |wish| start(Policy::Tcp, wish),
    },
    Stack {
        name: "envoy-tcp-down",
        about: "tcp_proxy to a port where nobody listens",
        version,
        start: |wish| start(Policy::TcpDown, wish),
    },
];

/// What a listener does with clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Ca,
    San,
    Spiffe,
    HttpRbac,
    NetworkRbac,
    Tcp,
    TcpDown,
}

pub(crate) fn start_ca(wish: &Wish<'_>) -> Option<Server> {
    start(Policy::Ca, wish)
}

fn start(policy: Policy, wish: &Wish<'_>) -> Option<Server> {
    let can_be = match (policy, wish.role) {
        // Its TLS 1.3 cipher suites are not to be chosen.
        (_, Role::ForeignCipher) if wish.tls == Tls::V13 => false,
        // The other policies do not change what the listener itself does. Those that look at the
        // identity require a certificate, whatever `require_client_certificate` says.
        (Policy::Ca, _) | (_, Role::Required) => true,
        (Policy::Tcp, Role::Optional) => true,
        (Policy::San, Role::Crl) | (Policy::Tcp, Role::Plaintext) => true,
        (_, _) => false,
    };
    let behind = match policy {
        Policy::TcpDown => NOBODY,
        _ => backend().port(),
    };
    can_be.then(|| {
        let inspects = matches!(wish.role, Role::StrictSni | Role::StrictAlpn);
        run(chain(policy, wish), inspects, behind, wish.folder)
    })
}

/// Envoy as a TCP relay that knows nothing of TLS.
pub(crate) fn relay(to: u16, folder: &Path) -> Server {
    run(json!({ "filters": [tcp_proxy()] }), false, to, folder)
}

/// `inspects`: whether it chooses its chain by what the ClientHello says.
fn run(chain: Value, inspects: bool, behind: u16, folder: &Path) -> Server {
    let port = free_port();
    let config = json!({ "static_resources": {
        "listeners": [listener(port, chain, inspects)],
        "clusters": [{
            "name": BACKEND,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {
                "cluster_name": BACKEND,
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": socket(behind) } }] }],
            },
        }],
    } });
    let path = folder.join("envoy.json");
    fs::write(&path, config.to_string()).unwrap();
    let mut envoy = Command::new(program().unwrap());
    envoy.arg("--config-path").arg(path);
    envoy.args(["--concurrency", "1", "--disable-hot-restart"]);
    envoy.args(["--log-level", "warning"]);
    Server::at(port, envoy, folder)
}

fn listener(port: u16, chain: Value, inspects: bool) -> Value {
    let filters = match inspects {
        true => json!([{
            "name": "envoy.filters.listener.tls_inspector",
            "typed_config": {
                "@type": kind("filters.listener.tls_inspector.v3.TlsInspector"),
            },
        }]),
        false => json!([]),
    };
    json!({
        "name": "front",
        "address": socket(port),
        // Else two servers that hit upon one port would share it, silently.
        "enable_reuse_port": false,
        "listener_filters": filters,
        "filter_chains": [chain],
    })
}

fn chain(policy: Policy, wish: &Wish<'_>) -> Value {
    let rbac = |kind: &str| {
        let mut rules = json!({ "rules": { "action": "ALLOW", "policies": { "frontend": {
            "permissions": [{ "any": true }],
            "principals": [{ "authenticated": { "principal_name": { "exact": FRONTEND } } }],
        } } } });
        rules["@type"] = kind.into();
        rules
    };
    let filters = match policy {
        Policy::Ca | Policy::San | Policy::Spiffe => json!([http(&[])]),
        Policy::HttpRbac => {
            let rbac = rbac(&kind("filters.http.rbac.v3.RBAC"));
            let rbac = json!({ "name": "envoy.filters.http.rbac", "typed_config": rbac });
            json!([http(&[rbac])])
        }
        Policy::NetworkRbac => {
            let mut rbac = rbac(&kind("filters.network.rbac.v3.RBAC"));
            rbac["stat_prefix"] = "rbac".into();
            let rbac = json!({ "name": "envoy.filters.network.rbac", "typed_config": rbac });
            json!([rbac, tcp_proxy()])
        }
        Policy::Tcp | Policy::TcpDown => json!([tcp_proxy()]),
    };
    let mut chain = json!({ "filters": filters });
    match wish.role {
        Role::StrictSni => {
            chain["filter_chain_match"] = json!({ "server_names": ["server.test"] });
        }
        Role::StrictAlpn => {
            chain["filter_chain_match"] = json!({ "application_protocols": ["http/1.1"] });
        }
        _ => {}
    }
    if wish.role != Role::Plaintext {
        chain["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": tls(policy, wish),
        });
    }
    chain
}

fn tls(policy: Policy, wish: &Wish<'_>) -> Value {
    let file = |name: &str| json!({ "filename": wish.kit.path(name) });
    let version = match wish.tls {
        Tls::V12 => "TLSv1_2",
        Tls::V13 => "TLSv1_3",
    };
    let mut params = json!({
        "tls_minimum_protocol_version": version,
        "tls_maximum_protocol_version": version,
    });
    if wish.role == Role::ForeignCipher {
        params["cipher_suites"] = json!(["ECDHE-ECDSA-AES128-SHA"]);
    }
    let mut validation = match policy {
        Policy::Spiffe => json!({ "custom_validator_config": {
            "name": "envoy.tls.cert_validator.spiffe",
            "typed_config": {
                "@type": kind("transport_sockets.tls.v3.SPIFFECertValidatorConfig"),
                "trust_domains": [{ "name": "cluster.local", "trust_bundle": file("roots.pem") }],
            },
        } }),
        _ => json!({ "trusted_ca": file("roots.pem") }),
    };
    if policy == Policy::San {
        validation["match_typed_subject_alt_names"] =
            json!([{ "san_type": "URI", "matcher": { "exact": FRONTEND } }]);
    }
    if wish.role == Role::Crl {
        validation["crl"] = file("crl.pem");
    }
    let (own, key) = ours::certificate(wish.role);
    json!({
        "@type": kind("transport_sockets.tls.v3.DownstreamTlsContext"),
        "require_client_certificate": wish.role != Role::Optional,
        "common_tls_context": {
            "tls_params": params,
            "tls_certificates": [{ "certificate_chain": file(own), "private_key": file(key) }],
            "validation_context": validation,
        },
    })
}

fn http(filters: &[Value]) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": kind("filters.http.router.v3.Router") },
    });
    let filters = [filters, &[router]].concat();
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": kind("filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "http",
            "route_config": { "virtual_hosts": [{
                "name": "all",
                "domains": ["*"],
                "routes": [{
                    "match": { "prefix": "/" },
                    "direct_response": { "status": 200, "body": { "inline_string": "ok\n" } },
                }],
            }] },
            "http_filters": filters,
        },
    })
}

fn tcp_proxy() -> Value {
    json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": kind("filters.network.tcp_proxy.v3.TcpProxy"),
            "stat_prefix": "tcp",
            "cluster": BACKEND,
        },
    })
}

fn socket(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

fn kind(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}

const BACKEND: &str = "backend";
/// Reserved, and nobody's since long ago.
const NOBODY: u16 = 1;
