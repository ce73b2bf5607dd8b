//! The inbound listener of a server's sidecar, as Istio configures it: one for each mode and each
//! protocol of a port, with the chains of istiod's `filterchain_options.go` and `listener.go`.

use serde_json::{Value, json};

use crate::apps::Apps;
use crate::kit::Kit;
use crate::proxy::{
    Config, Inspector, Proxy, Words, file, http, kind, routes_to, speaks_http2, tcp_proxy,
};
use crate::stack::backend;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    Strict,
    Permissive,
    Disable,
}

/// The protocol of the port, by the name of the Service's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    Http,
    /// HTTP as well: gRPC services do not answer HTTP/1.1.
    Grpc,
    Tcp,
    Auto,
}

impl Mode {
    pub(crate) const ALL: [Self; 3] = [Self::Strict, Self::Permissive, Self::Disable];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "STRICT",
            Self::Permissive => "PERMISSIVE",
            Self::Disable => "DISABLE",
        }
    }
}

impl Protocol {
    pub(crate) const ALL: [Self; 4] = [Self::Http, Self::Grpc, Self::Tcp, Self::Auto];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Tcp => "tcp",
            Self::Auto => "auto",
        }
    }
}

/// Every listener of the server's sidecar, and what is told of it in a table.
pub(crate) fn start(kit: &Kit, apps: &Apps) -> Proxy {
    let mut config = Config::default();
    for (app, port) in [
        (HTTP, backend().port()),
        (ECHO, apps.echo),
        (OWN_TLS, apps.own_tls),
        (RUDE, apps.rude),
        (DOWN, NOBODY),
    ] {
        config.cluster(app, Some(port), &json!({}));
    }
    config.cluster(GRPC, Some(apps.grpc), &speaks_http2());
    for mode in Mode::ALL {
        for protocol in Protocol::ALL {
            let app = match protocol {
                Protocol::Http | Protocol::Auto => HTTP,
                Protocol::Grpc => GRPC,
                Protocol::Tcp => ECHO,
            };
            let name = name(mode, protocol);
            listen(&mut config, &Port::new(&name, mode, protocol, app, kit));
        }
    }
    let rude = Port::new(
        "permissive-tcp-rude",
        Mode::Permissive,
        Protocol::Tcp,
        RUDE,
        kit,
    );
    listen(&mut config, &rude);
    // Applications with TLS of their own, and none of the mesh.
    for (mode, protocol) in [
        (Mode::Permissive, Protocol::Tcp),
        (Mode::Permissive, Protocol::Auto),
        (Mode::Disable, Protocol::Tcp),
        (Mode::Strict, Protocol::Tcp),
    ] {
        let name = format!("{}-own-tls", name(mode, protocol));
        listen(&mut config, &Port::new(&name, mode, protocol, OWN_TLS, kit));
    }
    for protocol in [Protocol::Http, Protocol::Tcp] {
        let name = format!("{}-down", name(Mode::Strict, protocol));
        listen(
            &mut config,
            &Port::new(&name, Mode::Strict, protocol, DOWN, kit),
        );
        for mode in [Mode::Strict, Mode::Permissive] {
            let name = format!("{}-rbac", self::name(mode, protocol));
            let port = Port {
                only: Some(BATCH),
                ..Port::new(&name, mode, protocol, HTTP, kit)
            };
            listen(&mut config, &port);
        }
    }
    let spiffe = Port {
        validator: Validator::Spiffe,
        ..Port::new(
            "strict-http-spiffe",
            Mode::Strict,
            Protocol::Http,
            HTTP,
            kit,
        )
    };
    listen(&mut config, &spiffe);
    let expired = Port {
        own: "expired-chain",
        ..Port::new(
            "strict-http-expired",
            Mode::Strict,
            Protocol::Http,
            HTTP,
            kit,
        )
    };
    listen(&mut config, &expired);
    gateway(&mut config, kit);
    config.start(kit.path("inbound"), Words::Few)
}

/// `strict-http`
pub(crate) fn name(mode: Mode, protocol: Protocol) -> String {
    format!(
        "{}-{}",
        mode.as_str().to_ascii_lowercase(),
        protocol.as_str()
    )
}

/// One port of a workload.
struct Port<'a> {
    name: &'a str,
    mode: Mode,
    protocol: Protocol,
    app: &'static str,
    /// The one identity that policy lets in.
    only: Option<&'a str>,
    validator: Validator,
    /// The files of its own certificate.
    own: &'static str,
    kit: &'a Kit,
}

/// How client certificates are checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Validator {
    /// By the bundle and the begin of the URI SAN.
    Prefix,
    /// By the bundle of the trust domain, as with several roots.
    Spiffe,
}

impl<'a> Port<'a> {
    fn new(name: &'a str, mode: Mode, protocol: Protocol, app: &'static str, kit: &'a Kit) -> Self {
        Self {
            name,
            mode,
            protocol,
            app,
            only: None,
            validator: Validator::Prefix,
            own: "server-chain",
            kit,
        }
    }

    /// A chain, by what it is, what it matches and what it does.
    fn chain(&self, what: Chain, transport: &str, protocols: &[&str]) -> Value {
        let prefix = format!("{}/{}", self.name, what.as_str());
        let filters = match what {
            Chain::MtlsHttp | Chain::PlainHttp => {
                let rbac = self.only.map(|only| rbac(Layer::Http, only));
                let rbac: Vec<Value> = rbac.into_iter().collect();
                json!([http(
                    &prefix,
                    Some("istio-envoy"),
                    &rbac,
                    routes_to(self.app)
                )])
            }
            Chain::MtlsTcp | Chain::PassThrough | Chain::PlainTcp => {
                let rbac = self.only.map(|only| rbac(Layer::Network, only));
                let filters: Vec<Value> = rbac
                    .into_iter()
                    .chain([tcp_proxy(&prefix, self.app)])
                    .collect();
                json!(filters)
            }
        };
        let mut matched = json!({ "transport_protocol": transport });
        if !protocols.is_empty() {
            matched["application_protocols"] = json!(protocols);
        }
        let mut chain = json!({
            "name": prefix,
            "filter_chain_match": matched,
            "filters": filters,
        });
        let alpn: &[&str] = match what {
            Chain::MtlsHttp => &["h2", "http/1.1"],
            Chain::MtlsTcp => &["istio-peer-exchange", "h2", "http/1.1"],
            Chain::PassThrough | Chain::PlainHttp | Chain::PlainTcp => return chain,
        };
        chain["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": self.tls(alpn),
        });
        chain
    }

    /// The server's side of mTLS.
    fn tls(&self, alpn: &[&str]) -> Value {
        let file = |name: &str| file(self.kit.folder(), name);
        let key = match self.own {
            "server-chain" => "server.key",
            _ => "expired-chain.key",
        };
        let validation = match self.validator {
            Validator::Prefix => json!({
                "trusted_ca": file("roots.pem"),
                "match_typed_subject_alt_names": [
                    { "san_type": "URI", "matcher": { "prefix": "spiffe://cluster.local/" } },
                ],
            }),
            Validator::Spiffe => json!({ "custom_validator_config": {
            "name": "envoy.tls.cert_validator.spiffe",
            "typed_config": {
                "@type": kind("transport_sockets.tls.v3.SPIFFECertValidatorConfig"),
                "trust_domains": [{
                    "name": "cluster.local",
                    "trust_bundle": file("roots.pem"),
                }],
            },
        } }),
        };
        json!({
            "@type": kind("transport_sockets.tls.v3.DownstreamTlsContext"),
            "require_client_certificate": true,
            "common_tls_context": {
                "alpn_protocols": alpn,
                "tls_params": {
                    "tls_minimum_protocol_version": "TLSv1_2",
                    "tls_maximum_protocol_version": "TLSv1_3",
                    "cipher_suites": CIPHERS,
                },
                "tls_certificates": [{
                    "certificate_chain": file(&format!("{}.pem", self.own)),
                    "private_key": file(key),
                }],
                "validation_context": validation,
            },
        })
    }
}

/// What a filter chain is for.
#[derive(Clone, Copy)]
enum Chain {
    MtlsHttp,
    MtlsTcp,
    PassThrough,
    PlainHttp,
    PlainTcp,
}

impl Chain {
    const fn as_str(self) -> &'static str {
        match self {
            Self::MtlsHttp => "mTLS, HTTP",
            Self::MtlsTcp => "mTLS, TCP",
            Self::PassThrough => "TLS passed through",
            Self::PlainHttp => "plaintext HTTP",
            Self::PlainTcp => "plaintext TCP",
        }
    }
}

fn listen(config: &mut Config, port: &Port<'_>) {
    let (tls, raw) = ("tls", "raw_buffer");
    let mtls_http = |protocols: &[&str]| port.chain(Chain::MtlsHttp, tls, protocols);
    let mtls_tcp = |protocols: &[&str]| port.chain(Chain::MtlsTcp, tls, protocols);
    let passed = || port.chain(Chain::PassThrough, tls, &[]);
    let plain_http = |protocols: &[&str]| port.chain(Chain::PlainHttp, raw, protocols);
    let plain_tcp = || port.chain(Chain::PlainTcp, raw, &[]);
    let chains = match (port.mode, port.protocol) {
        (Mode::Strict, Protocol::Http | Protocol::Grpc) => vec![mtls_http(&[])],
        (Mode::Strict, Protocol::Tcp) => vec![mtls_tcp(&[])],
        (Mode::Strict, Protocol::Auto) => vec![mtls_http(MTLS_HTTP), mtls_tcp(&[])],
        (Mode::Permissive, Protocol::Http | Protocol::Grpc) => {
            vec![mtls_http(ALL_ISTIO), plain_http(&[])]
        }
        (Mode::Permissive, Protocol::Tcp) => vec![mtls_tcp(ALL_ISTIO), passed(), plain_tcp()],
        (Mode::Permissive, Protocol::Auto) => vec![
            mtls_http(MTLS_HTTP),
            mtls_tcp(MTLS_TCP),
            passed(),
            plain_http(PLAIN_HTTP),
            plain_tcp(),
        ],
        (Mode::Disable, Protocol::Http | Protocol::Grpc) => vec![plain_http(&[])],
        (Mode::Disable, Protocol::Tcp) => vec![plain_tcp()],
        (Mode::Disable, Protocol::Auto) => vec![plain_http(PLAIN_HTTP), plain_tcp()],
    };
    let inspectors: &[Inspector] = match (port.mode, port.protocol) {
        (Mode::Disable, Protocol::Auto) => &[Inspector::Http],
        (Mode::Disable, _) => &[],
        (_, Protocol::Auto) => &[Inspector::Tls, Inspector::Http],
        (_, _) => &[Inspector::Tls],
    };
    config.listen(port.name, inspectors, chains);
}

/// What an east-west gateway does at port 15443 (AUTO_PASSTHROUGH): it passes mTLS on by server name.
fn gateway(config: &mut Config, kit: &Kit) {
    let behind = Port::new("behind-gateway", Mode::Strict, Protocol::Http, HTTP, kit);
    listen(config, &behind);
    let port = config.port("behind-gateway");
    config.cluster(
        "outbound_.8080_._.api.default.svc.cluster.local",
        Some(port),
        &json!({}),
    );
    let chain = json!({
        "filter_chain_match": {
            "transport_protocol": "tls",
            "application_protocols": ALL_ISTIO,
            "server_names": ["outbound_.8080_._.api.default.svc.cluster.local"],
        },
        "filters": [tcp_proxy("gateway", "outbound_.8080_._.api.default.svc.cluster.local")],
    });
    config.listen("gateway", &[Inspector::Tls], vec![chain]);
}

enum Layer {
    Http,
    Network,
}

/// An ALLOW policy for one principal.
fn rbac(layer: Layer, only: &str) -> Value {
    let mut rules = json!({ "rules": { "action": "ALLOW", "policies": { "ns[default]-policy[only]-rule[0]": {
        "permissions": [{ "any": true }],
        "principals": [{ "authenticated": { "principal_name": { "exact": only } } }],
    } } } });
    let (name, config) = match layer {
        Layer::Http => ("http", "filters.http.rbac.v3.RBAC"),
        Layer::Network => {
            rules["stat_prefix"] = "rbac".into();
            ("network", "filters.network.rbac.v3.RBAC")
        }
    };
    rules["@type"] = kind(config).into();
    json!({ "name": format!("envoy.filters.{name}.rbac"), "typed_config": rules })
}

/// Somebody else than the client of these tests.
const BATCH: &str = "spiffe://cluster.local/ns/default/sa/batch";

const HTTP: &str = "http";
const GRPC: &str = "grpc";
const ECHO: &str = "echo";
const OWN_TLS: &str = "own-tls";
const RUDE: &str = "rude";
const DOWN: &str = "down";
/// Reserved, and nobody's since long ago.
const NOBODY: u16 = 1;

const MTLS_HTTP: &[&str] = &["istio-http/1.0", "istio-http/1.1", "istio-h2"];
const MTLS_TCP: &[&str] = &["istio-peer-exchange", "istio"];
const ALL_ISTIO: &[&str] = &[
    "istio",
    "istio-peer-exchange",
    "istio-http/1.0",
    "istio-http/1.1",
    "istio-h2",
];
const PLAIN_HTTP: &[&str] = &["http/1.1", "h2c"];
const CIPHERS: &[&str] = &[
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
];
