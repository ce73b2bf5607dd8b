//! Where a target is: `HOST:PORT`, or the name of its SRV records.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    host: String,
    port: u16,
}

/// What names the replicas of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Destination {
    /// A host and a port; every address behind the host is a replica.
    Address(Address),
    /// SRV records; every address behind every host that they name is a replica.
    Srv(SrvName),
}

impl Destination {
    /// The host; where SRV records have yet to name it, their own name.
    pub fn host(&self) -> &str {
        match self {
            Self::Address(address) => address.host(),
            Self::Srv(name) => name.as_str(),
        }
    }

    /// The port; 0 where SRV records have yet to name it.
    pub fn port(&self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Srv(_) => 0,
        }
    }

    /// The host as an address, where it is a literal.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => address.ip(),
            Self::Srv(_) => None,
        }
    }
}

impl From<Address> for Destination {
    fn from(address: Address) -> Self {
        Self::Address(address)
    }
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address.into())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Srv(name) => write!(f, "{SRV}{name}"),
        }
    }
}

impl FromStr for Destination {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(SRV) {
            // A host may be called "srv", too.
            Some(name) if name.parse::<u16>().is_err() => name
                .parse()
                .map(Self::Srv)
                .map_err(|why: InvalidSrvName| InvalidAddress::Srv(why.0)),
            Some(_) | None => text.parse().map(Self::Address),
        }
    }
}

/// A name server: an address, with the port where it is not 53.
pub fn name_server(text: &str) -> Result<SocketAddr, &'static str> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    if let Ok(ip) = bare.unwrap_or(text).parse() {
        return Ok(SocketAddr::new(ip, 53));
    }
    match text.parse::<SocketAddr>() {
        Ok(server) if server.port() > 0 => Ok(server),
        Ok(_) | Err(_) => {
            Err("is not the address of a name server; write for example 10.96.0.10 or [::1]:5353")
        }
    }
}

/// The name of SRV records (RFC 2782), without the dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SrvName(String);

impl SrvName {
    /// `_grpc._tcp.api.default.svc.cluster.local`
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SrvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for SrvName {
    type Err = InvalidSrvName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') {
            return Err(InvalidSrvName(
                "has a port, which the records name themselves",
            ));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_label = |label: &str| (1..=63).contains(&label.len());
        if name.parse::<IpAddr>().is_ok() || !is_host(name) || !name.split('.').all(is_label) {
            return Err(InvalidSrvName("is not the name of SRV records"));
        }
        Ok(Self(name.to_owned()))
    }
}

/// Why a text is not the name of SRV records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write for example _grpc._tcp.api.default.svc.cluster.local")]
pub struct InvalidSrvName(&'static str);

impl Address {
    /// The host without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host as an address, where it is a literal.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains("://") {
            return Err(InvalidAddress::Scheme);
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or(InvalidAddress::Bracket)?;
                host.parse::<Ipv6Addr>()
                    .map_err(|_| InvalidAddress::Host(host.to_owned()))?;
                let port = rest.strip_prefix(':').ok_or(InvalidAddress::NoPort)?;
                (host, port)
            }
            None => text.rsplit_once(':').ok_or(InvalidAddress::NoPort)?,
        };
        if host.contains(':') && !text.starts_with('[') {
            return Err(InvalidAddress::BareIpv6);
        }
        if !is_host(host) {
            return Err(InvalidAddress::Host(host.to_owned()));
        }
        match port.parse() {
            Ok(port) if port > 0 => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            _ => Err(InvalidAddress::Port(port.to_owned())),
        }
    }
}

fn is_host(host: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    !host.is_empty() && host.len() <= 253 && host.bytes().all(allowed)
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// A URL.
    #[error("is a URL; write HOST:PORT alone")]
    Scheme,
    /// Only a host.
    #[error("has no port; write HOST:PORT")]
    NoPort,
    /// The port is not a number from 1 to 65535.
    #[error("has port {0:?}; a port is a number from 1 to 65535")]
    Port(String),
    /// The host is neither a name nor an address.
    #[error("has host {0:?}, which is neither a name nor an address")]
    Host(String),
    /// `[` without `]`.
    #[error("has no closing bracket; write [ADDRESS]:PORT")]
    Bracket,
    /// An IPv6 address without brackets.
    #[error("is an IPv6 address without brackets; write [ADDRESS]:PORT")]
    BareIpv6,
    /// What stands behind `srv:` names no SRV records.
    #[error("{0}; write for example srv:_grpc._tcp.api.default.svc.cluster.local")]
    Srv(&'static str),
}

/// Stands before the name of SRV records where an address may stand as well.
const SRV: &str = "srv:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srv_records_are_named_apart_from_addresses() {
        for (text, want) in [
            (
                "srv:_grpc._tcp.api.default.svc",
                Some("_grpc._tcp.api.default.svc"),
            ),
            ("srv:web.service.consul.", Some("web.service.consul")),
            ("srv:8080", None),
            ("_grpc._tcp.api:80", None),
        ] {
            let destination: Destination = text.parse().expect(text);
            let is_srv = match &destination {
                Destination::Srv(name) => Some(name.as_str()),
                Destination::Address(_) => None,
            };
            assert_eq!(is_srv, want, "{text}");
            assert_eq!(destination.to_string(), text.trim_end_matches('.'));
        }
        for text in [
            "srv:",
            "srv:a..b",
            "srv:_a._tcp.api:80",
            "srv:10.0.0.7",
            "srv:a b",
        ] {
            let why = text.parse::<Destination>().expect_err(text).to_string();
            assert!(why.contains("srv:_grpc._tcp"), "{text}: {why}");
        }
    }

    #[test]
    fn an_address_reads_back_as_it_was_written() {
        for (text, host, port) in [
            ("api:8080", "api", 8080),
            (
                "api.default.svc.cluster.local:443",
                "api.default.svc.cluster.local",
                443,
            ),
            ("10.0.0.7:8443", "10.0.0.7", 8443),
            ("[::1]:8443", "::1", 8443),
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!((address.host(), address.port()), (host, port));
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn each_mistake_is_named() {
        use InvalidAddress::*;
        for (text, why) in [
            ("api", NoPort),
            ("[::1]", NoPort),
            ("api:", Port("".into())),
            ("api:0", Port("0".into())),
            ("api:65536", Port("65536".into())),
            ("api:http", Port("http".into())),
            (":80", Host("".into())),
            ("a b:80", Host("a b".into())),
            ("https://api:443", Scheme),
            ("::1:80", BareIpv6),
            ("[::1:80", Bracket),
            ("[api]:80", Host("api".into())),
        ] {
            assert_eq!(text.parse::<Address>(), Err(why), "{text:?}");
        }
    }
}
