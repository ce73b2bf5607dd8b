//! Names to addresses, the way applications of the host do it. Edge.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::Address;

/// Every address behind a name, in a stable order and without repetition.
pub async fn resolve(address: &Address, limit: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Some(ip) = address.ip() {
        return Ok(vec![SocketAddr::new(ip, address.port())]);
    }
    let lookup = lookup_host((address.host(), address.port()));
    let mut found: Vec<SocketAddr> = timeout(limit, lookup)
        .await
        .map_err(|_| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                "the resolver did not answer in time",
            )
        })??
        .collect();
    // Resolvers rotate their answers; a result must not depend on that.
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    Ok(found)
}
