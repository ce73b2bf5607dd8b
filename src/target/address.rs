//! `HOST:PORT`, where the host is a name or a literal address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    host: String,
    port: u16,
}

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
}

#[cfg(test)]
mod tests {
    use super::*;

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
