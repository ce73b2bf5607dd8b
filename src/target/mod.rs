//! Where to connect, and how to be taken for the right kind of peer there.

mod address;
pub mod resolve;

pub use address::{Address, InvalidAddress};

use std::fmt;
use std::str::FromStr;

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

/// What to ask once the handshake is through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Request {
    /// Nothing: the verdict is about TLS alone.
    #[default]
    None,
    /// One HTTP request.
    Http {
        /// `GET`
        method: String,
        /// `/healthz`
        path: String,
        /// Which version of HTTP.
        version: HttpVersion,
    },
    /// The gRPC health check of this service; empty for the whole server.
    GrpcHealth(String),
}

/// Which version of HTTP to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// Offer both, speak what was negotiated, HTTP/1.1 where nothing was.
    #[default]
    Negotiated,
    /// HTTP/1.1
    Http1,
    /// HTTP/2
    Http2,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Http { method, path, .. } => write!(f, "{method} {path}"),
            Self::GrpcHealth(service) if service.is_empty() => f.write_str("grpc-health"),
            Self::GrpcHealth(service) => write!(f, "grpc-health {service}"),
        }
    }
}

/// The text is not a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a request; write \"GET /path\", \"grpc-health\" or \"none\"")]
pub struct InvalidRequest(pub String);

impl FromStr for Request {
    type Err = InvalidRequest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => return Ok(Self::None),
            "grpc-health" => return Ok(Self::GrpcHealth(String::new())),
            _ => {}
        }
        let invalid = || InvalidRequest(text.to_owned());
        let (method, path) = text.split_once(' ').ok_or_else(invalid)?;
        let is_method = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
        let is_path = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic());
        if !is_method || !is_path {
            return Err(invalid());
        }
        Ok(Self::Http {
            method: method.to_owned(),
            path: path.to_owned(),
            version: HttpVersion::Negotiated,
        })
    }
}

/// The server name we send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sni {
    /// The host of the address, where it is a name.
    #[default]
    Host,
    /// This name.
    Name(String),
    /// None.
    Off,
}

/// The TLS versions we offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Versions {
    /// TLS 1.3 and 1.2.
    #[default]
    Both,
    /// TLS 1.2 only.
    Tls12,
    /// TLS 1.3 only.
    Tls13,
}

impl Versions {
    /// What to offer to see whether the version makes the difference.
    pub const fn other(self) -> Self {
        match self {
            Self::Both | Self::Tls13 => Self::Tls12,
            Self::Tls12 => Self::Tls13,
        }
    }
}

/// Key exchange groups by their IANA name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// `X25519`
    X25519,
    /// `secp256r1`
    Secp256r1,
    /// `secp384r1`
    Secp384r1,
    /// `X25519MLKEM768`
    X25519MlKem768,
}

impl Group {
    /// Every group we can offer.
    pub const ALL: &[Self] = &[
        Self::X25519,
        Self::Secp256r1,
        Self::Secp384r1,
        Self::X25519MlKem768,
    ];

    /// The IANA name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X25519 => "X25519",
            Self::Secp256r1 => "secp256r1",
            Self::Secp384r1 => "secp384r1",
            Self::X25519MlKem768 => "X25519MLKEM768",
        }
    }
}

/// What our ClientHello offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Offer {
    /// The application protocols; `None` leaves them to the dialect and the request.
    pub alpn: Option<Vec<String>>,
    /// The server name.
    pub sni: Sni,
    /// The TLS versions.
    pub versions: Versions,
    /// The key exchange groups in our order; empty for the default.
    pub groups: Vec<Group>,
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
