//! How to be taken for the right kind of peer.

use super::{HttpVersion, Request};

/// How to be taken for a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Plain TLS.
    #[default]
    Tls,
    /// An Istio sidecar: its ALPN and its server name.
    Istio,
}

impl Dialect {
    /// The name in a suite.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Istio => "istio",
        }
    }
}

/// The ALPN list that goes out for this dialect and request, unless one is chosen.
pub fn alpn(dialect: Dialect, request: &Request, chosen: Option<&[String]>) -> Vec<String> {
    if let Some(chosen) = chosen {
        return chosen.to_vec();
    }
    let list: &[&str] = match (dialect, request) {
        (Dialect::Tls, Request::None) => &[],
        (Dialect::Tls, Request::GrpcHealth(_)) => &["h2"],
        (Dialect::Tls, Request::Http { version, .. }) => match version {
            HttpVersion::Negotiated => &["h2", "http/1.1"],
            HttpVersion::Http1 => &["http/1.1"],
            HttpVersion::Http2 => &["h2"],
        },
        // `istio-peer-exchange` is never offered: a peer that picks it waits for a preamble.
        (Dialect::Istio, Request::None) => &["istio"],
        (Dialect::Istio, Request::GrpcHealth(_)) => &["istio-h2", "istio", "h2"],
        (Dialect::Istio, Request::Http { version, .. }) => match version {
            HttpVersion::Negotiated | HttpVersion::Http1 => {
                &["istio-http/1.1", "istio", "http/1.1"]
            }
            HttpVersion::Http2 => &["istio-h2", "istio", "h2"],
        },
    };
    list.iter().map(|&name| name.to_owned()).collect()
}
