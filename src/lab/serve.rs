//! What each kind of server does with a connection.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::http::{self, Policy};
use crate::certificate::Facts;

/// What stands at an address.
pub(super) enum Behaviour {
    /// Nothing.
    Closed,
    /// A server.
    Open(Manner),
}

/// What a server does with a connection.
pub(super) enum Manner {
    /// TLS, then HTTP.
    Tls(TlsAcceptor, Policy),
    /// The same for everybody, with a certificate and a bundle that change.
    Changing(Arc<RwLock<TlsAcceptor>>),
    /// TLS or plaintext, as the client begins.
    Permissive(TlsAcceptor),
    /// HTTP without TLS.
    Plaintext,
    /// Reads, and never says a word.
    Silent,
    /// Resets the connection when the ClientHello has come.
    Resets,
    /// Says what an SSH server says.
    Ssh,
    /// Sends bytes without end.
    Garbage,
}

pub(super) async fn serve(manner: &Manner, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match manner {
        Manner::Tls(acceptor, policy) => tls(acceptor, policy, stream).await,
        Manner::Changing(acceptor) => {
            let now = {
                let held = acceptor.read().unwrap_or_else(PoisonError::into_inner);
                held.clone()
            };
            tls(&now, &Policy::Everybody, stream).await
        }
        Manner::Permissive(acceptor) => {
            let mut first = [0];
            stream.peek(&mut first).await?;
            if first == [HANDSHAKE_RECORD] {
                tls(acceptor, &Policy::Everybody, stream).await
            } else {
                http::serve_http1(stream).await
            }
        }
        Manner::Plaintext => http::serve_http1(stream).await,
        Manner::Silent => discard(&mut stream, usize::MAX).await,
        Manner::Resets => {
            hear(&mut stream).await?;
            stream.set_zero_linger()
        }
        Manner::Ssh => {
            stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await?;
            hear(&mut stream).await?;
            let refusal = b"Invalid SSH identification string.\r\n";
            stream.write_all(refusal).await?;
            leave(stream).await
        }
        Manner::Garbage => garbage(stream).await,
    }
}

async fn tls(acceptor: &TlsAcceptor, policy: &Policy, stream: TcpStream) -> io::Result<()> {
    let handshake = acceptor.accept(stream).into_fallible();
    let stream = match timeout(HANDSHAKE, handshake).await? {
        Ok(stream) => stream,
        // The alert is written already; a bare close would turn into a reset and might overtake it.
        Err((_, stream)) => return leave(stream).await,
    };
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(|chain| chain.first());
    let client = leaf.and_then(|leaf| Facts::parse(leaf).ok());
    let client = client.and_then(|facts| facts.uris.into_iter().next());
    let answer = policy.judge(client.as_deref());
    let is_h2 = session
        .alpn_protocol()
        .is_some_and(|name| name.ends_with(b"h2"));
    if is_h2 {
        http::serve_http2(stream, answer).await
    } else {
        http::serve_http1_as(stream, answer).await
    }
}

/// What the client says first, whatever it is.
async fn hear(stream: &mut TcpStream) -> io::Result<()> {
    let mut words = [0; 4096];
    stream.read(&mut words).await.map(|_| ())
}

/// Closes our side, and waits for the client to have read what we said.
async fn leave(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let _ = timeout(GOODBYE, discard(&mut stream, 1 << 20)).await;
    Ok(())
}

async fn discard(stream: &mut TcpStream, limit: usize) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut read = 0;
    while read < limit {
        match stream.read(&mut buffer).await? {
            0 => break,
            n => read = read.saturating_add(n),
        }
    }
    Ok(())
}

/// Bytes that begin like no protocol, a megabyte a second.
async fn garbage(mut stream: TcpStream) -> io::Result<()> {
    let mut state: u32 = 0x2545_f491;
    loop {
        let mut chunk = [0; 4096];
        for byte in &mut chunk {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            *byte = state.to_le_bytes()[3];
        }
        stream.write_all(&chunk).await?;
        sleep(Duration::from_millis(4)).await;
    }
}

/// The first byte of a ClientHello on the wire.
const HANDSHAKE_RECORD: u8 = 0x16;
const HANDSHAKE: Duration = Duration::from_secs(10);
const GOODBYE: Duration = Duration::from_secs(2);
