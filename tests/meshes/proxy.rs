//! One Envoy process as a sidecar: its listeners, the clusters behind them, and what it counts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::envoy::program;
use crate::stack::{Server, free_port};

/// What a sidecar is told by its control plane.
#[derive(Default)]
pub(crate) struct Config {
    listeners: Vec<Value>,
    clusters: Vec<Value>,
    ports: BTreeMap<String, u16>,
}

impl Config {
    /// A listener, reached at one port of its own: there is no iptables here to bring several to one.
    pub(crate) fn listen(&mut self, name: &str, inspectors: &[Inspector], chains: Vec<Value>) {
        let port = free_port();
        self.ports.insert(name.to_owned(), port);
        let filters: Vec<Value> = inspectors.iter().map(|one| one.filter()).collect();
        self.listeners.push(json!({
            "name": name,
            "stat_prefix": name,
            "address": socket(port),
            // Else two servers that hit upon one port would share it, silently.
            "enable_reuse_port": false,
            "listener_filters": filters,
            // As Istio sets it: a client that says nothing is waited for.
            "listener_filters_timeout": "0s",
            "filter_chains": chains,
        }));
    }

    pub(crate) fn port(&self, listener: &str) -> u16 {
        self.ports[listener]
    }

    /// A cluster of one host, or of none.
    pub(crate) fn cluster(&mut self, name: &str, host: Option<u16>, more: &Value) {
        let endpoints: Vec<Value> = (host.iter())
            .map(|port| json!({ "endpoint": { "address": socket(*port) } }))
            .collect();
        let mut cluster = json!({
            "name": name,
            "type": "STATIC",
            "connect_timeout": "2s",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{ "lb_endpoints": endpoints }],
            },
        });
        let more = more.as_object().into_iter().flatten();
        for (key, value) in more {
            cluster[key] = value.clone();
        }
        self.clusters.push(cluster);
    }

    /// Starts it. What belongs to it goes into the folder.
    pub(crate) fn start(self, folder: PathBuf, words: Words) -> Proxy {
        fs::create_dir_all(&folder).unwrap();
        let admin = free_port();
        let config = json!({
            "admin": { "address": socket(admin) },
            "layered_runtime": { "layers": [{ "name": "words", "static_layer": {
                "envoy.reloadable_features.hide_transport_failure_reason_in_response_body":
                    words == Words::Few,
            } }] },
            "node": { "id": "sidecar", "cluster": "mesh" },
            "static_resources": { "listeners": self.listeners, "clusters": self.clusters },
        });
        let path = folder.join("envoy.json");
        fs::write(&path, config.to_string()).unwrap();
        let mut envoy = Command::new(program().unwrap());
        envoy.arg("--config-path").arg(path);
        envoy.args(["--concurrency", "1", "--disable-hot-restart"]);
        envoy.args(["--log-level", "warning"]);
        let last = self.ports.values().copied().max().unwrap_or(admin);
        Proxy {
            _server: Server::at(last, envoy, &folder),
            admin,
            ports: self.ports,
        }
    }
}

/// How much an Envoy says of the next server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// As those before 1.38.1: what became of TLS as well.
    All,
    /// As it is by default since.
    Few,
}

/// A sidecar that runs. It ends with this value.
pub(crate) struct Proxy {
    _server: Server,
    admin: u16,
    ports: BTreeMap<String, u16>,
}

impl Proxy {
    pub(crate) fn port(&self, listener: &str) -> u16 {
        self.ports[listener]
    }

    /// The counters whose names end so, each under what stands before that.
    pub(crate) fn counters(&self, end: &str) -> BTreeMap<String, u64> {
        let said = get(self.admin, &format!("/stats?filter={end}$"));
        let lines = said.lines().filter_map(|line| {
            let (name, count) = line.split_once(": ")?;
            let name = name.strip_suffix(end)?.trim_end_matches('.');
            Some((name.to_owned(), count.trim().parse().ok()?))
        });
        lines.collect()
    }
}

/// What looks at the first bytes of a connection before a chain is chosen.
#[derive(Clone, Copy)]
pub(crate) enum Inspector {
    Tls,
    Http,
}

impl Inspector {
    fn filter(self) -> Value {
        let (name, config) = match self {
            Self::Tls => ("tls_inspector", "TlsInspector"),
            Self::Http => ("http_inspector", "HttpInspector"),
        };
        json!({
            "name": format!("envoy.filters.listener.{name}"),
            "typed_config": { "@type": kind(&format!("filters.listener.{name}.v3.{config}")) },
        })
    }
}

/// `server_name`: what the proxy calls itself; `None` for what every Envoy does.
pub(crate) fn http(
    stat_prefix: &str,
    server_name: Option<&str>,
    filters: &[Value],
    routes: Value,
) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": kind("filters.http.router.v3.Router") },
    });
    let filters = [filters, &[router]].concat();
    let mut manager = json!({
        "@type": kind("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": stat_prefix,
        "codec_type": "AUTO",
        "route_config": { "validate_clusters": false, "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": routes,
        }] },
        "http_filters": filters,
    });
    if let Some(name) = server_name {
        manager["server_name"] = name.into();
    }
    json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager })
}

pub(crate) fn routes_to(cluster: &str) -> Value {
    json!([{ "match": { "prefix": "/" }, "route": { "cluster": cluster } }])
}

pub(crate) fn tcp_proxy(stat_prefix: &str, cluster: &str) -> Value {
    json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": kind("filters.network.tcp_proxy.v3.TcpProxy"),
            "stat_prefix": stat_prefix,
            "cluster": cluster,
        },
    })
}

/// The protocol of a cluster that speaks HTTP/2 whatever came in, as for a port that is named `grpc`.
pub(crate) fn speaks_http2() -> Value {
    json!({ "typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": kind("upstreams.http.v3.HttpProtocolOptions"),
            "explicit_http_config": { "http2_protocol_options": {} },
        },
    } })
}

pub(crate) fn file(folder: &Path, name: &str) -> Value {
    json!({ "filename": folder.join(name) })
}

pub(crate) fn kind(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}

pub(crate) fn socket(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut said = vec![];
    stream.read_to_end(&mut said).unwrap();
    String::from_utf8_lossy(&said).into_owned()
}
