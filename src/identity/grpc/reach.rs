//! The way to a server: a Unix socket, or an address of several. Edge.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::call::{GrpcOnly, over};
use super::trouble::Trouble;
use crate::identity::bounds::LIMIT;
use crate::identity::origin::Endpoint;
use crate::identity::walk::{Step, Walk};

/// A connection that needs no TLS, or why there is none and what to do about it. `server` is what should
/// listen there, for example `SPIRE agent`.
pub(super) async fn reach(
    endpoint: &Endpoint,
    server: &str,
    walk: &mut Walk,
) -> Result<GrpcOnly, Trouble> {
    let channel = match endpoint {
        Endpoint::Unix(path) => unix(path, server).await?,
        Endpoint::Tcp(address) => {
            let (io, _) = tcp(&[*address]).await.map_err(|untaken| {
                let remedy = match untaken {
                    Untaken::Refused(..) => {
                        format!("look whether the {server} runs, and whether that is its address")
                    }
                    Untaken::Late(_) => {
                        format!("look whether the {server} can be reached from here")
                    }
                };
                trouble(untaken.to_string(), remedy)
            })?;
            over(io, &address.to_string()).await.map_err(unusable)?
        }
    };
    walk.done(Step::Connect, format!("{endpoint} takes connections"));
    Ok(channel)
}

/// A connection to the first of these addresses that takes it; there is one at least.
pub(super) async fn tcp(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Untaken> {
    // One that swallows everything must not hide the others.
    let each = match addresses {
        [_] => LIMIT,
        _ => EACH,
    };
    let all = async {
        let mut last = Untaken::Late(each);
        for address in addresses {
            match timeout(each, TcpStream::connect(address)).await {
                Ok(Ok(io)) => return Ok((io, *address)),
                Ok(Err(error)) if error.kind() != ErrorKind::TimedOut => {
                    last = Untaken::Refused(*address, error);
                }
                Ok(Err(_)) | Err(_) => last = Untaken::Late(each),
            }
        }
        Err(last)
    };
    let tried = timeout(LIMIT, all).await;
    let (io, address) = tried.unwrap_or(Err(Untaken::Late(LIMIT)))?;
    let _ = io.set_nodelay(true);
    // A stream may be silent for hours: without this, a server that is gone would not be missed.
    let alive = TcpKeepalive::new()
        .with_time(A_WHILE)
        .with_interval(A_WHILE);
    let _ = SockRef::from(&io).set_tcp_keepalive(&alive);
    Ok((io, address))
}

/// Why no address takes a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untaken {
    #[error("{}", refused(.0, .1))]
    Refused(SocketAddr, io::Error),
    /// The last of them had this long.
    #[error("no connection within {} s", .0.as_secs())]
    Late(Duration),
}

fn refused(address: &SocketAddr, error: &io::Error) -> String {
    match error.kind() == ErrorKind::ConnectionRefused {
        true => format!("nobody listens at {address}"),
        false => format!("{address} takes no connection: {error}"),
    }
}

#[cfg(unix)]
async fn unix(path: &Path, server: &str) -> Result<GrpcOnly, Trouble> {
    use std::os::unix::fs::FileTypeExt;

    let about = fs::metadata(path).map_err(|error| unreachable(path, server, &error))?;
    if !about.file_type().is_socket() {
        let what = if about.is_dir() { "a folder" } else { "a file" };
        let why = format!("{} is {what} and no socket", path.display());
        let remedy = format!("name the socket that the {server} made");
        return Err(trouble(why, remedy));
    }
    let io = tokio::net::UnixStream::connect(path);
    let io = timeout(LIMIT, io).await.map_err(|_| {
        let remedy = format!("look whether the {server} is well");
        trouble(Untaken::Late(LIMIT).to_string(), remedy)
    })?;
    let io = io.map_err(|error| unreachable(path, server, &error))?;
    over(io, "localhost").await.map_err(unusable)
}

#[cfg(not(unix))]
async fn unix(_: &Path, _: &str) -> Result<GrpcOnly, Trouble> {
    let why = "this system has no Unix sockets that we can use";
    Err(trouble(why, "name an address: tcp://IP:PORT"))
}

/// Looks for the first thing on the way to a socket that is not as it must be.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the system's errors are open; what we have words for is listed"
)]
fn unreachable(path: &Path, server: &str, error: &io::Error) -> Trouble {
    let folder = path.parent().unwrap_or(path);
    let at = path.display();
    let start = format!(
        "start the {server}, or mount the folder of its socket into this pod or container, at {}",
        folder.display()
    );
    match error.kind() {
        ErrorKind::NotFound if !folder.exists() => trouble(
            format!("the folder {} does not exist", folder.display()),
            start,
        ),
        ErrorKind::NotFound => trouble(format!("there is no socket {at}"), start),
        ErrorKind::NotADirectory => trouble(
            format!("{at} leads through a file"),
            format!("name the socket that the {server} made"),
        ),
        ErrorKind::PermissionDenied => trouble(
            format!("this user may not open {at}"),
            format!(
                "let the user that runs probe enter {} and write to the socket, or run probe as a user that may",
                folder.display()
            ),
        ),
        ErrorKind::ConnectionRefused => trouble(
            format!(
                "nobody listens at {at}: the socket is left over from a process that has ended"
            ),
            format!("restart the {server}"),
        ),
        ErrorKind::InvalidInput => trouble(
            format!("the path {at} is too long for a socket"),
            "give a path of at most 107 bytes, for example by a symbolic link to the folder",
        ),
        _ => trouble(
            format!("{at}: {error}"),
            format!("look whether the {server} is well"),
        ),
    }
}

fn unusable(why: String) -> Trouble {
    trouble(why, "look whether a gRPC server listens there")
}

fn trouble(why: impl Into<String>, remedy: impl Into<String>) -> Trouble {
    Trouble::new(Step::Connect, why, remedy)
}

/// How long one address of several may take.
const EACH: Duration = Duration::from_secs(3);
const A_WHILE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_not_ours_to_open_names_what_is_missing() {
        let path = Path::new("/run/spire/sockets/agent.sock");
        let denied = io::Error::from(ErrorKind::PermissionDenied);
        let Trouble { why, remedy, .. } = unreachable(path, "agent", &denied);
        assert_eq!(why, "this user may not open /run/spire/sockets/agent.sock");
        assert!(remedy.starts_with(
            "let the user that runs probe enter /run/spire/sockets and write to the socket"
        ));
    }
}
