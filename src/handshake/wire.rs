//! One connection, driven by us: rustls' state machine over a TCP stream, keeping every fact.
//!
//! The rule of the house: a failed write never ends a connection. The alert that tells why is often
//! already there, so we read on until the peer ends it.

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::{ClientConnection, ProtocolVersion};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::ending;
use super::flight::{Flight, Out};
use super::records::Records;
use crate::observation::{Early, Ending, NeverConnected, Objection, Wordless};

/// A connection, and what is known of it so far.
pub(super) struct Wire {
    tcp: TcpStream,
    /// Nothing for a plaintext connection.
    pub(super) tls: Option<ClientConnection>,
    /// How it ended; set once.
    pub(super) ending: Option<Ending>,
    pub(super) records: Records,
    pub(super) first_bytes: Vec<u8>,
    /// Bytes received on the wire.
    pub(super) received: u64,
    /// Bytes of application data received, decrypted.
    pub(super) application_bytes: u64,
    /// What came before our side of the handshake was out.
    pub(super) early: Early,
    /// When the first byte came.
    pub(super) first_heard: Option<Instant>,
    /// Application data nobody has taken yet.
    inbox: Vec<u8>,
    flight: Flight,
    write_failed: bool,
    /// A write met a reset; the read after it would see a mere end.
    was_reset: bool,
    /// We have sent close_notify.
    pub(super) we_closed: bool,
}

impl Wire {
    pub(super) async fn connect(address: SocketAddr, limit: Duration) -> Result<Self, Ending> {
        let connect = tokio::time::timeout(limit, TcpStream::connect(address));
        let tcp = match connect.await {
            Err(_) => return Err(Ending::NeverConnected(NeverConnected::Timeout)),
            Ok(Err(err)) => return Err(ending::of_connect(&err)),
            Ok(Ok(tcp)) => tcp,
        };
        // Without it the verdict waits for the peer's delayed acknowledgement.
        let _ = tcp.set_nodelay(true);
        Ok(Self {
            tcp,
            tls: None,
            ending: None,
            records: Records::default(),
            first_bytes: Vec::new(),
            received: 0,
            application_bytes: 0,
            early: Early::default(),
            first_heard: None,
            inbox: Vec::new(),
            flight: Flight::default(),
            write_failed: false,
            was_reset: false,
            we_closed: false,
        })
    }

    /// Begins with TLS. Nothing that came in plaintext counts any more, or is handed on.
    pub(super) fn begin_tls(&mut self, connection: ClientConnection) {
        self.tls = Some(connection);
        self.inbox.clear();
        self.first_bytes.clear();
        self.first_heard = None;
        self.received = 0;
        self.application_bytes = 0;
    }

    /// How many bytes have come that nobody has taken.
    pub(super) fn unread(&self) -> usize {
        self.inbox.len()
    }

    /// How it ended says more than what came before.
    pub(super) fn has_last_word(&self) -> bool {
        matches!(self.ending, Some(Ending::Alert(1..) | Ending::Fault(_)))
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Our Certificate is out, and the rest of our flight waits for what the peer says to it.
    pub(super) fn is_holding_back(&self) -> bool {
        self.flight == Flight::Held
    }

    /// Lets the rest of our flight go with the next read.
    pub(super) fn let_go(&mut self) {
        self.flight.release();
    }

    /// Reads on while `wanted` says so, until the connection ends or time runs out. Says whether it
    /// was stopped by time.
    pub(super) async fn read_while(
        &mut self,
        deadline: Instant,
        wanted: impl Fn(&Self) -> bool,
    ) -> Elapsed {
        while self.ending.is_none() && wanted(self) {
            let progress = std::future::poll_fn(|cx| self.poll_progress(cx));
            let is_late = timeout_at(deadline, progress).await.is_err();
            // A peer that always has more to say would never let the timer have its turn.
            if is_late || (Instant::now() >= deadline && self.ending.is_none() && wanted(self)) {
                return Elapsed::Yes;
            }
        }
        Elapsed::No
    }

    /// Takes what has arrived already, so that what the peer said before us is known to be so. Asks
    /// the system itself: the runtime may not have noticed yet.
    pub(super) async fn drain(&mut self) {
        let mut left = MOST_DRAINED;
        while self.ending.is_none() && left > 0 && self.has_waiting() {
            let before = self.received;
            let soon = Instant::now() + NOTICE;
            self.read_while(soon, |wire| wire.received == before).await;
            left -= 1;
        }
    }

    /// Bytes, an end or an error wait to be read.
    fn has_waiting(&self) -> bool {
        let mut space = [MaybeUninit::uninit()];
        match SockRef::from(&self.tcp).peek(&mut space) {
            Ok(_) => true,
            Err(err) => err.kind() != io::ErrorKind::WouldBlock,
        }
    }

    /// Says close_notify and goes on being readable.
    pub(super) async fn say_close(&mut self) {
        self.we_closed = true;
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        std::future::poll_fn(|cx| {
            self.flush(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Closes our sending side and goes on being readable.
    pub(super) fn half_close(&self) {
        let _ = SockRef::from(&self.tcp).shutdown(std::net::Shutdown::Write);
    }

    /// Waits for the peer to close, since whoever closes first is left with a TIME_WAIT, and a probe
    /// opens thousands of connections. What still comes is no evidence any more.
    pub(super) async fn outlast(&mut self, deadline: Instant) {
        if let Some(Ending::Wordless(Wordless::Fin | Wordless::Reset)) = self.ending {
            return;
        }
        let mut left = MOST_OUTLASTED;
        let mut space = vec![0; READ_AT_ONCE];
        while left > 0 {
            match timeout_at(deadline, self.tcp.read(&mut space)).await {
                Ok(Ok(read)) if read > 0 => left = left.saturating_sub(read),
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Ready once something came, our Certificate is out, or the connection has ended.
    fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ending.is_some() {
            return Poll::Ready(());
        }
        let was_holding_back = self.is_holding_back();
        self.flush(cx);
        if self.is_holding_back() && !was_holding_back {
            return Poll::Ready(());
        }
        let mut space = [0; READ_AT_ONCE];
        let mut buffer = ReadBuf::new(&mut space);
        match ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => {
                self.ending = Some(Ending::Wordless(match self.was_reset {
                    true => Wordless::Reset,
                    false => Wordless::Fin,
                }));
            }
            Ok(()) => {
                self.take(buffer.filled());
                // Half a record may be half an alert.
                if self.ending.is_none() && self.records.is_between() {
                    self.let_go();
                }
                self.flush(cx);
            }
            Err(err) => self.ending = Some(ending::of_read(&err)),
        }
        Poll::Ready(())
    }

    fn take(&mut self, bytes: &[u8]) {
        self.first_heard.get_or_insert_with(Instant::now);
        self.received += bytes.len() as u64;
        let room = FIRST_BYTES.saturating_sub(self.first_bytes.len());
        self.first_bytes.extend(bytes.iter().take(room));
        let was_handshaking = self.is_handshaking();
        if self.tls.is_some() {
            if was_handshaking {
                self.records.feed(bytes);
            }
            self.decrypt(bytes);
        } else {
            self.keep(bytes);
        }
        // Our side of the handshake goes out only after this.
        if was_handshaking && !self.is_handshaking() {
            self.early = Early {
                tickets: self
                    .tls
                    .as_ref()
                    .map_or(0, |tls| tls.tls13_tickets_received()),
                bytes: self.application_bytes,
                goodbye: false,
            };
        }
        let longest = match self.is_handshaking() {
            true => LONGEST_HANDSHAKE,
            false => LONGEST_CONNECTION,
        };
        if self.ending.is_none() && self.received > longest {
            self.ending = Some(Ending::Objection(Objection::Flood));
        }
    }

    fn decrypt(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(tls) = &mut self.tls
            && !rest.is_empty()
        {
            let state = match tls.read_tls(&mut rest) {
                Ok(_) => tls.process_new_packets(),
                Err(err) => Err(rustls::Error::General(err.to_string())),
            };
            match state {
                Ok(state) => {
                    let mut data = vec![0; state.plaintext_bytes_to_read()];
                    if tls.reader().read_exact(&mut data).is_ok() {
                        self.keep(&data);
                    }
                    if state.peer_has_closed() {
                        self.ending = Some(Ending::Wordless(Wordless::CloseNotify));
                        return;
                    }
                }
                Err(err) => {
                    self.ending = Some(ending::of_tls(&err, self.records.is_tls()));
                    return;
                }
            }
        }
    }

    fn keep(&mut self, data: &[u8]) {
        self.application_bytes += data.len() as u64;
        // After our goodbye nobody will take it.
        if !self.we_closed {
            self.inbox.extend(data);
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) {
        let Some(tls) = &mut self.tls else { return };
        while tls.wants_write() && !self.write_failed && self.flight != Flight::Held {
            let is_tls12 = tls.protocol_version() == Some(ProtocolVersion::TLSv1_2);
            let mut out = Out {
                tcp: &mut self.tcp,
                cx,
                flight: is_tls12.then_some(&mut self.flight),
            };
            match tls.write_tls(&mut out) {
                Ok(0) => break,
                Ok(_) => {}
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) => {
                    self.write_failed = true;
                    self.was_reset |= err.kind() == io::ErrorKind::ConnectionReset;
                }
            }
        }
    }
}

/// Whether time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elapsed {
    Yes,
    No,
}

/// A wire lent to a protocol library, which reads and writes it while the wire keeps the facts.
#[derive(Clone)]
pub(super) struct Lent(Arc<Mutex<Option<Wire>>>);

impl Lent {
    pub(super) fn new(wire: Wire) -> Self {
        Self(Arc::new(Mutex::new(Some(wire))))
    }

    /// Takes the wire back, whatever tasks the library has left behind: they find nothing there.
    pub(super) fn take_back(self) -> Wire {
        let mut wire = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wire.take()
            .expect("a wire is lent once and taken back once")
    }

    fn with<T>(&self, act: impl FnOnce(&mut Wire) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let mut wire = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match wire.as_mut() {
            Some(wire) => act(wire),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|wire| {
            while wire.inbox.is_empty() {
                match &wire.ending {
                    None => ready!(wire.poll_progress(cx)),
                    Some(Ending::Wordless(Wordless::Fin | Wordless::CloseNotify)) => {
                        return Poll::Ready(Ok(()));
                    }
                    Some(_) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
                }
            }
            let most = wire.inbox.len().min(buffer.remaining());
            buffer.put_slice(wire.inbox.drain(..most).as_slice());
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|wire| {
            let Some(tls) = &mut wire.tls else {
                // Lost like a letter; the answer, if there is one, is read all the same.
                let sent = ready!(Pin::new(&mut wire.tcp).poll_write(cx, bytes));
                return Poll::Ready(Ok(sent.unwrap_or_else(|err| {
                    wire.was_reset |= err.kind() == io::ErrorKind::ConnectionReset;
                    bytes.len()
                })));
            };
            let written = tls.writer().write(bytes)?;
            wire.flush(cx);
            Poll::Ready(Ok(written))
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|wire| {
            wire.flush(cx);
            Poll::Ready(Ok(()))
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // When to close is ours to say, see `Wire::say_close`.
        Poll::Ready(Ok(()))
    }
}

const FIRST_BYTES: usize = 64;
/// A peer that has more than this to say after the end is not about to close.
const MOST_OUTLASTED: usize = 64 * 1024;
const READ_AT_ONCE: usize = 16 * 1024;
/// Far beyond any real chain; a peer that sends more before the handshake is over means harm.
const LONGEST_HANDSHAKE: u64 = 1024 * 1024;
/// Far beyond what we ever wait for.
const LONGEST_CONNECTION: u64 = 16 * 1024 * 1024;
/// Long enough for the runtime to notice what the system knows.
const NOTICE: Duration = Duration::from_millis(5);
const MOST_DRAINED: u32 = 16;
