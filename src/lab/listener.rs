//! Accepts connections, counts them, and keeps their number and their time bounded.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::serve::{Manner, serve};

pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = reserve(address)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

/// A port that nobody else gets and nobody listens on: connections to it are refused.
pub(super) fn reserve(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A lab with fixed ports can be started again while its old connections are in TIME_WAIT.
    #[cfg(unix)]
    if address.port() != 0 {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

pub(super) fn address(socket: &Socket) -> io::Result<SocketAddr> {
    let address = socket.local_addr()?;
    address
        .as_socket()
        .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

pub(super) async fn run(listener: TcpListener, manner: Manner, count: Arc<AtomicU64>) {
    let manner = Arc::new(manner);
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    count.fetch_add(1, Ordering::Relaxed);
                    let manner = Arc::clone(&manner);
                    connections.spawn(async move {
                        // How a client ends its connection is its own affair.
                        let _ = timeout(LONGEST_CONNECTION, serve(&manner, stream)).await;
                    });
                }
                // Out of file descriptors, most likely: some will come back.
                Err(_) => sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

const BACKLOG: i32 = 1024;
const MAX_CONNECTIONS: usize = 512;
const LONGEST_CONNECTION: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
