//! What to ask once the handshake is through.

use std::fmt;
use std::str::FromStr;

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
    /// These bytes.
    Raw {
        /// What to send; empty to listen alone.
        send: Vec<u8>,
        /// What the reply must hold; without it any reply will do.
        expect: Option<Vec<u8>>,
    },
    /// The StartupMessage of PostgreSQL, up to what the server says to it.
    Postgres {
        /// `user`
        user: String,
        /// `database`
        database: String,
    },
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
            Self::Raw { send, expect } => {
                write!(f, "send \"{}\"", send.escape_ascii())?;
                match expect {
                    Some(expect) => write!(f, " expect \"{}\"", expect.escape_ascii()),
                    None => Ok(()),
                }
            }
            Self::Postgres { user, database } => write!(f, "postgres {user}/{database}"),
        }
    }
}

/// The text is not a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a request; write \"GET /path\", \"grpc-health\", \"postgres\" or \"none\"")]
pub struct InvalidRequest(pub String);

impl FromStr for Request {
    type Err = InvalidRequest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => return Ok(Self::None),
            "grpc-health" => return Ok(Self::GrpcHealth(String::new())),
            "postgres" => {
                let [user, database] = ["postgres", "postgres"].map(str::to_owned);
                return Ok(Self::Postgres { user, database });
            }
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
