//! Every stack of the grid.

mod openssl;

mod apache;
mod caddy;
mod embedded;
mod erlang;
mod gnutls;
mod haproxy;
mod lighttpd;
mod nginx;
mod nss;
mod tunnels;

mod envoy;
mod go;
mod grpc;
mod java;
mod node;
mod ours;
mod python;
mod relay;
mod rustls;

use crate::stack::Stack;

/// All of them, in the order of the table.
pub(crate) fn all() -> Vec<&'static Stack> {
    [
        openssl::STACKS,
        nginx::STACKS,
        haproxy::STACKS,
        apache::STACKS,
        lighttpd::STACKS,
        tunnels::STACKS,
        gnutls::STACKS,
        nss::STACKS,
        caddy::STACKS,
        embedded::STACKS,
        erlang::STACKS,
        // The mesh proxy and the language runtimes.
        envoy::STACKS,
        go::STACKS,
        java::STACKS,
        node::STACKS,
        python::STACKS,
        grpc::STACKS,
        rustls::STACKS,
        relay::STACKS,
    ]
    .into_iter()
    .flatten()
    .collect()
}
