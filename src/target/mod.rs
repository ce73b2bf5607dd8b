//! Where to connect, and how to be taken for the right kind of peer there.

mod address;
mod dialect;
mod offer;
mod request;
pub mod resolve;

pub use address::{Address, Destination, InvalidAddress, InvalidSrvName, SrvName, name_server};
pub use dialect::{
    Dialect, HBONE_PORT, ISTIO_ALPN, InvalidVia, LINKERD_TRANSPORT, StartTls, Via, Way, alpn,
    is_istio_alpn,
};
pub use offer::{Group, Offer, Sni, Versions};
pub use request::{HttpVersion, InvalidRequest, Request};
