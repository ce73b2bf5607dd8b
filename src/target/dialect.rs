//! How to be taken for the right kind of peer.

use std::fmt;
use std::str::FromStr;

use super::{Address, HttpVersion, Request};

/// How to be taken for a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Plain TLS.
    #[default]
    Tls,
    /// An Istio sidecar: its ALPN and its server name.
    Istio,
    /// Istio ambient: an HTTP/2 CONNECT through port 15008, mTLS around it.
    Hbone,
    /// A Linkerd proxy: the server name is the identity.
    Linkerd,
    /// From inside the mesh: plaintext to our own sidecar, which brings the identity.
    Sidecar,
    /// Whichever of the others the peer answers to.
    Auto,
}

impl Dialect {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Tls,
        Self::Istio,
        Self::Hbone,
        Self::Linkerd,
        Self::Sidecar,
        Self::Auto,
    ];

    /// The name in a suite.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Istio => "istio",
            Self::Hbone => "hbone",
            Self::Linkerd => "linkerd",
            Self::Sidecar => "sidecar",
            Self::Auto => "auto",
        }
    }
}

/// The way to a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Way {
    /// How to be taken for a peer.
    pub dialect: Dialect,
    /// Whom to dial instead of the address; `None` leaves it to the dialect.
    pub via: Option<Via>,
    /// What is said in plaintext before the ClientHello.
    pub starttls: StartTls,
}

impl Way {
    /// Whom to dial instead of the address, where it is somebody else.
    pub fn dialled(&self) -> Option<Via> {
        match (&self.via, self.dialect) {
            (Some(via), _) => Some(via.clone()),
            (None, Dialect::Hbone) => Some(Via::Port(HBONE_PORT)),
            (
                None,
                Dialect::Tls | Dialect::Istio | Dialect::Linkerd | Dialect::Sidecar | Dialect::Auto,
            ) => None,
        }
    }
}

/// The proxy to dial instead of the address behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// This port of the same host.
    Port(u16),
    /// Another host: a waypoint or a gateway.
    Address(Address),
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "{port}"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// The text names no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither a port nor HOST:PORT; write for example 15008, or waypoint.default.svc:15008")]
pub struct InvalidVia;

impl FromStr for Via {
    type Err = InvalidVia;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(port) if port > 0 => Ok(Self::Port(port)),
            Ok(_) => Err(InvalidVia),
            Err(_) => text.parse().map(Self::Address).map_err(|_| InvalidVia),
        }
    }
}

/// How a protocol that begins in plaintext is asked for TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StartTls {
    /// It begins with TLS.
    #[default]
    No,
    /// PostgreSQL's SSLRequest.
    Postgres,
    /// MySQL's and MariaDB's SSLRequest, after the server's greeting.
    Mysql,
    /// SMTP's STARTTLS (RFC 3207).
    Smtp,
    /// LDAP's StartTLS (RFC 4511).
    Ldap,
}

impl StartTls {
    /// Every protocol that can be asked.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Mysql, Self::Smtp, Self::Ldap];

    /// The name in a suite.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Smtp => "smtp",
            Self::Ldap => "ldap",
        }
    }
}

/// The ALPN list that goes out on this way with this request, unless one is chosen.
pub fn alpn(way: &Way, request: &Request, chosen: Option<&[String]>) -> Vec<String> {
    if let Some(chosen) = chosen {
        return chosen.to_vec();
    }
    let list: &[&str] = match (way.dialect, request) {
        // On its own proxy port a Linkerd proxy wants to hear which payload comes.
        (Dialect::Linkerd, _) if way.via.is_some() => &[LINKERD_TRANSPORT],
        // Elsewhere it advertises nothing: what is spoken inside is seen from its first bytes.
        (Dialect::Linkerd | Dialect::Sidecar, _) => &[],
        (Dialect::Hbone, _) => &["h2"],
        (Dialect::Tls | Dialect::Auto, request) => match request {
            // Where it begins with TLS at once, PostgreSQL insists.
            Request::Postgres { .. } if way.starttls == StartTls::No => &["postgresql"],
            Request::None | Request::Raw { .. } | Request::Postgres { .. } => &[],
            Request::GrpcHealth(_) => &["h2"],
            Request::Http { version, .. } => match version {
                HttpVersion::Negotiated => &["h2", "http/1.1"],
                HttpVersion::Http1 => &["http/1.1"],
                HttpVersion::Http2 => &["h2"],
            },
        },
        // `istio-peer-exchange` is never offered: a peer that picks it waits for a preamble.
        (Dialect::Istio, request) => match request {
            Request::None | Request::Raw { .. } | Request::Postgres { .. } => &["istio"],
            Request::GrpcHealth(_) => &["istio-h2", "istio", "h2"],
            Request::Http { version, .. } => match version {
                HttpVersion::Negotiated | HttpVersion::Http1 => {
                    &["istio-http/1.1", "istio", "http/1.1"]
                }
                HttpVersion::Http2 => &["istio-h2", "istio", "h2"],
            },
        },
    };
    list.iter().map(|&name| name.to_owned()).collect()
}

/// Whether a sidecar of Istio knows a peer of the mesh by this application protocol.
pub fn is_istio_alpn(name: &str) -> bool {
    name == ISTIO_ALPN || name.starts_with("istio-")
}

/// What every sidecar of Istio offers, whatever else it does.
pub const ISTIO_ALPN: &str = "istio";
/// Where ztunnels and waypoints listen.
pub const HBONE_PORT: u16 = 15008;
/// What is spoken on the port of a Linkerd proxy itself.
pub const LINKERD_TRANSPORT: &str = "transport.l5d.io/v1";
