//! The sidecar of a client: a listener for each way in which it may go on, or fail to.

use serde_json::{Value, json};

use crate::apps::Apps;
use crate::kit::Kit;
use crate::proxy::{Config, Proxy, Words, file, http, kind, routes_to, speaks_http2, tcp_proxy};

/// What the sidecar does with what it is given.
pub(crate) struct Outbound {
    pub(crate) name: &'static str,
    /// What is said of it in a table.
    pub(crate) about: &'static str,
    /// The listener of the server's sidecar that it goes to, or what else.
    to: To,
    how: How,
}

#[derive(Clone, Copy)]
enum To {
    Inbound(&'static str),
    Port(u16),
    Echo,
    Silent,
    /// No endpoint at all.
    Nobody,
    /// A cluster that there is none of.
    Unknown,
    /// No route.
    NoRoute,
    /// A direct answer, as of `REGISTRY_ONLY`.
    Blocked,
}

#[derive(Clone, Copy)]
enum How {
    Plaintext,
    Mtls(Mtls),
    /// mTLS, and TCP instead of HTTP.
    Tcp(Mtls),
    /// mTLS, and HTTP/2.
    Http2(Mtls),
    /// Over TLS 1.2, tried again where it fails.
    Retried(Mtls),
    /// Over TLS 1.2.
    Old(Mtls),
    /// With a circuit breaker that is open.
    Overflow,
    /// Its certificate has not come.
    NoSecret,
    /// A route that waits for a tenth of a second.
    Impatient,
}

/// Whose certificate it brings, and whom it wants to meet.
#[derive(Clone, Copy)]
struct Mtls {
    client: &'static str,
    roots: &'static str,
    id: &'static str,
}

const GOOD: Mtls = Mtls {
    client: "good",
    roots: "roots.pem",
    id: "spiffe://cluster.local/ns/default/sa/server",
};

const fn came(client: &'static str) -> Mtls {
    Mtls { client, ..GOOD }
}

pub(crate) const ALL: &[Outbound] = &[
    Outbound {
        name: "mtls",
        about: "mTLS to STRICT",
        to: To::Inbound("strict-http"),
        how: How::Mtls(GOOD),
    },
    Outbound {
        name: "mtls-permissive",
        about: "mTLS to PERMISSIVE",
        to: To::Inbound("permissive-http"),
        how: How::Mtls(GOOD),
    },
    Outbound {
        name: "mtls-disable",
        about: "mTLS to DISABLE",
        to: To::Inbound("disable-http"),
        how: How::Mtls(GOOD),
    },
    Outbound {
        name: "plaintext-strict",
        about: "plaintext to STRICT",
        to: To::Inbound("strict-http"),
        how: How::Plaintext,
    },
    Outbound {
        name: "plaintext-permissive",
        about: "plaintext to PERMISSIVE",
        to: To::Inbound("permissive-http"),
        how: How::Plaintext,
    },
    Outbound {
        name: "plaintext-disable",
        about: "plaintext to DISABLE",
        to: To::Inbound("disable-http"),
        how: How::Plaintext,
    },
    Outbound {
        name: "none-strict",
        about: "TLS without a certificate to STRICT",
        to: To::Inbound("strict-http"),
        how: How::Mtls(came("none")),
    },
    Outbound {
        name: "none-permissive",
        about: "TLS without a certificate to PERMISSIVE",
        to: To::Inbound("permissive-http"),
        how: How::Mtls(came("none")),
    },
    Outbound {
        name: "none-disable",
        about: "TLS without a certificate to DISABLE",
        to: To::Inbound("disable-http"),
        how: How::Mtls(came("none")),
    },
    Outbound {
        name: "unknown-ca-strict",
        about: "mTLS, wrong root, to STRICT",
        to: To::Inbound("strict-http"),
        how: How::Mtls(came("unknown-ca")),
    },
    Outbound {
        name: "unknown-ca-permissive",
        about: "mTLS, wrong root, to PERMISSIVE",
        to: To::Inbound("permissive-http"),
        how: How::Mtls(came("unknown-ca")),
    },
    Outbound {
        name: "unknown-ca-disable",
        about: "mTLS, wrong root, to DISABLE",
        to: To::Inbound("disable-http"),
        how: How::Mtls(came("unknown-ca")),
    },
    Outbound {
        name: "unknown-ca-old",
        about: "mTLS over TLS 1.2, wrong root, to STRICT",
        to: To::Inbound("strict-http"),
        how: How::Old(came("unknown-ca")),
    },
    Outbound {
        name: "unknown-ca-retried",
        about: "the same over TLS 1.2, tried again",
        to: To::Inbound("strict-http"),
        how: How::Retried(came("unknown-ca")),
    },
    Outbound {
        name: "none-old",
        about: "TLS 1.2 without a certificate to STRICT",
        to: To::Inbound("strict-http"),
        how: How::Old(came("none")),
    },
    Outbound {
        name: "expired-old",
        about: "mTLS over TLS 1.2, its certificate expired",
        to: To::Inbound("strict-http"),
        how: How::Old(came("expired")),
    },
    Outbound {
        name: "trust-domain-old",
        about: "mTLS over TLS 1.2, of another trust domain",
        to: To::Inbound("strict-http"),
        how: How::Old(came("wrong-trust-domain")),
    },
    Outbound {
        name: "unknown-ca-grpc",
        about: "mTLS, wrong root, to STRICT, gRPC",
        to: To::Inbound("strict-grpc"),
        how: How::Http2(came("unknown-ca")),
    },
    Outbound {
        name: "grpc",
        about: "mTLS to STRICT, gRPC",
        to: To::Inbound("strict-grpc"),
        how: How::Http2(GOOD),
    },
    Outbound {
        name: "expired",
        about: "mTLS, its certificate expired",
        to: To::Inbound("strict-http"),
        how: How::Mtls(came("expired")),
    },
    Outbound {
        name: "trust-domain",
        about: "mTLS, of another trust domain",
        to: To::Inbound("strict-http"),
        how: How::Mtls(came("wrong-trust-domain")),
    },
    Outbound {
        name: "purpose",
        about: "mTLS, its certificate without clientAuth",
        to: To::Inbound("strict-http"),
        how: How::Mtls(came("server-only")),
    },
    Outbound {
        name: "server-untrusted",
        about: "mTLS, it does not know the server's root",
        to: To::Inbound("strict-http"),
        how: How::Mtls(Mtls {
            roots: "strangers.pem",
            ..GOOD
        }),
    },
    Outbound {
        name: "server-san",
        about: "mTLS, it wants another identity",
        to: To::Inbound("strict-http"),
        how: How::Mtls(Mtls {
            id: "spiffe://cluster.local/ns/default/sa/other",
            ..GOOD
        }),
    },
    Outbound {
        name: "server-expired",
        about: "mTLS, the server's certificate expired",
        to: To::Inbound("strict-http-expired"),
        how: How::Mtls(GOOD),
    },
    Outbound {
        name: "no-secret",
        about: "its own certificate has not come (SDS)",
        to: To::Inbound("strict-http"),
        how: How::NoSecret,
    },
    Outbound {
        name: "refused",
        about: "a port where nobody listens",
        to: To::Port(1),
        how: How::Plaintext,
    },
    Outbound {
        name: "no-endpoint",
        about: "a Service without endpoints",
        to: To::Nobody,
        how: How::Plaintext,
    },
    Outbound {
        name: "overflow",
        about: "an open circuit breaker",
        to: To::Inbound("strict-http"),
        how: How::Overflow,
    },
    Outbound {
        name: "no-route",
        about: "no route for the host",
        to: To::NoRoute,
        how: How::Plaintext,
    },
    Outbound {
        name: "no-cluster",
        about: "a route to no cluster",
        to: To::Unknown,
        how: How::Plaintext,
    },
    Outbound {
        name: "blocked",
        about: "REGISTRY_ONLY, and the host is not in it",
        to: To::Blocked,
        how: How::Plaintext,
    },
    Outbound {
        name: "not-http",
        about: "plaintext to an application that does not speak HTTP",
        to: To::Echo,
        how: How::Plaintext,
    },
    Outbound {
        name: "silent",
        about: "an application that says nothing, and a timeout",
        to: To::Silent,
        how: How::Impatient,
    },
    Outbound {
        name: "denied",
        about: "mTLS, and the server's policy denies it",
        to: To::Inbound("strict-http-rbac"),
        how: How::Mtls(GOOD),
    },
    Outbound {
        name: "app-down",
        about: "mTLS, and the application behind the server's sidecar is down",
        to: To::Inbound("strict-http-down"),
        how: How::Mtls(GOOD),
    },
    Outbound {
        name: "tcp-denied",
        about: "TCP over mTLS, and the server's policy denies it",
        to: To::Inbound("strict-tcp-rbac"),
        how: How::Tcp(GOOD),
    },
    Outbound {
        name: "tcp-unknown-ca",
        about: "TCP over mTLS, wrong root",
        to: To::Inbound("strict-tcp"),
        how: How::Tcp(came("unknown-ca")),
    },
];

pub(crate) fn start(kit: &Kit, apps: &Apps, inbound: &Proxy, words: Words) -> Proxy {
    let mut config = Config::default();
    config.cluster("sds", Some(1), &speaks_http2());
    for one in ALL {
        let port = match one.to {
            To::Inbound(name) => Some(inbound.port(name)),
            To::Port(port) => Some(port),
            To::Echo => Some(apps.echo),
            To::Silent => Some(apps.silent),
            To::Nobody | To::Unknown | To::NoRoute | To::Blocked => None,
        };
        config.cluster(one.name, port, &one.cluster(kit));
        let filter = match one.how {
            How::Tcp(_) => tcp_proxy(one.name, one.name),
            _ => http(one.name, None, &[], one.routes()),
        };
        config.listen(one.name, &[], vec![json!({ "filters": [filter] })]);
    }
    config.start(kit.path(&format!("outbound-{words:?}")), words)
}

impl Outbound {
    /// What is asked through it.
    pub(crate) fn request(&self) -> &'static str {
        match self.how {
            How::Http2(_) => "grpc-health",
            _ => "GET /",
        }
    }

    fn cluster(&self, kit: &Kit) -> Value {
        let tls = |mtls: Mtls, version: &str, alpn: &[&str]| {
            json!({ "transport_socket": {
                "name": "envoy.transport_sockets.tls",
                "typed_config": upstream(kit, mtls, version, alpn),
            } })
        };
        let (http1, http2, tcp) = (
            &["istio-http/1.1", "istio", "http/1.1"],
            &["istio-h2", "istio", "h2"],
            &["istio"],
        );
        match self.how {
            How::Plaintext | How::Impatient => json!({}),
            How::Mtls(mtls) => tls(mtls, "TLSv1_3", http1),
            How::Old(mtls) | How::Retried(mtls) => tls(mtls, "TLSv1_2", http1),
            How::Tcp(mtls) => tls(mtls, "TLSv1_3", tcp),
            How::Http2(mtls) => {
                let mut cluster = tls(mtls, "TLSv1_3", http2);
                let protocol = speaks_http2();
                for (key, value) in protocol.as_object().into_iter().flatten() {
                    cluster[key] = value.clone();
                }
                cluster
            }
            How::Overflow => {
                let mut cluster = tls(GOOD, "TLSv1_3", http1);
                cluster["circuit_breakers"] = json!({ "thresholds": [
                    { "max_connections": 0, "max_pending_requests": 0, "max_requests": 0 },
                ] });
                cluster
            }
            How::NoSecret => {
                let mut cluster = tls(GOOD, "TLSv1_3", http1);
                let common = &mut cluster["transport_socket"]["typed_config"]["common_tls_context"];
                common["tls_certificates"] = json!([]);
                common["tls_certificate_sds_secret_configs"] = json!([{
                    "name": "default",
                    "sds_config": {
                        "resource_api_version": "V3",
                        "initial_fetch_timeout": "0.1s",
                        "api_config_source": {
                            "api_type": "GRPC",
                            "transport_api_version": "V3",
                            "grpc_services": [{ "envoy_grpc": { "cluster_name": "sds" } }],
                        },
                    },
                }]);
                cluster
            }
        }
    }

    fn routes(&self) -> Value {
        let mut routes = match self.to {
            To::NoRoute => return json!([]),
            To::Blocked => {
                return json!([{ "match": { "prefix": "/" }, "direct_response": { "status": 502 } }]);
            }
            To::Unknown => routes_to("nowhere"),
            _ => routes_to(self.name),
        };
        let route = &mut routes[0]["route"];
        match self.how {
            How::Retried(_) => {
                route["retry_policy"] = json!({
                    "retry_on": "connect-failure,refused-stream,unavailable,cancelled",
                    "num_retries": 2,
                });
            }
            How::Impatient => route["timeout"] = "0.1s".into(),
            _ => {}
        }
        routes
    }
}

/// The client's side of mTLS.
fn upstream(kit: &Kit, mtls: Mtls, version: &str, alpn: &[&str]) -> Value {
    let file = |name: &str| file(kit.folder(), name);
    let certificates = match mtls.client {
        "none" => json!([]),
        client => json!([{
            "certificate_chain": file(&format!("{client}.pem")),
            "private_key": file(&format!("{client}.key")),
        }]),
    };
    json!({
        "@type": kind("transport_sockets.tls.v3.UpstreamTlsContext"),
        "sni": "outbound_.8080_._.api.default.svc.cluster.local",
        "common_tls_context": {
            "alpn_protocols": alpn,
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": version,
            },
            "tls_certificates": certificates,
            "validation_context": {
                "trusted_ca": file(mtls.roots),
                "match_typed_subject_alt_names": [
                    { "san_type": "URI", "matcher": { "exact": mtls.id } },
                ],
            },
        },
    })
}
