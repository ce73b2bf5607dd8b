//! HBONE: an HTTP/2 CONNECT to a mesh proxy, and our request through the tunnel that it opens.

use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::{Request as HttpRequest, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

use super::exchange::{self, Manner};
use super::opening::{self, Trouble};
use super::wire::{Lent, Wire};
use super::{Attempt, Patience, postgres, raw};
use crate::observation::{Ending, Objection, Observation, Reply, Stage, Wordless};
use crate::target::{Request, Via};

/// The peer speaks what tunnels are asked for in.
pub(super) fn is_agreed(seen: &Observation) -> bool {
    seen.tls.alpn.as_deref() == Some("h2")
}

/// Asks for a tunnel, and through it what the probe asks. The ending is that of the tunnel, where the
/// connection around it goes on.
pub(super) async fn ask(
    attempt: &Attempt<'_>,
    wire: Wire,
    patience: Patience,
    seen: &mut Observation,
) -> (Wire, Option<Ending>) {
    let connect = HttpRequest::connect(authority(attempt)).body(Empty::new());
    let connect = match connect {
        Ok(connect) => connect,
        Err(err) => {
            let why = format!(
                "cannot ask for a tunnel to {}: {err}",
                attempt.probe.address
            );
            return (wire, Some(Ending::Fault(why)));
        }
    };
    let lent = Lent::new(wire);
    let heard = Heard::default();
    let begun = Instant::now();
    let talk = talk(lent.clone(), connect, attempt, patience, &heard, seen);
    let done = timeout_at(patience.deadline, talk).await;
    seen.timing.request = Some(begun.elapsed());
    let mut wire = lent.take_back();
    let ending = match done {
        Ok(Ok(Some(ending))) => return (wire, Some(ending)),
        Ok(Ok(None)) => heard.ending(),
        Ok(Err(err)) => {
            heard.note(&err);
            let is_told =
                heard.state().code.is_some() || h2_error(&err).is_some_and(h2::Error::is_io);
            heard.ending().or_else(|| match is_told {
                true => Some(Ending::Wordless(Wordless::Reset)),
                false if wire.ending.is_none() && wire.application_bytes > 0 => {
                    let words = format!("what came cannot be read as HTTP/2: {}", in_words(&err));
                    Some(Ending::Objection(Objection::Protocol(words)))
                }
                false => None,
            })
        }
        Err(_) => None,
    };
    seen.stream_error = heard.state().code;
    if ending.is_none() {
        wire.read_while(patience.deadline, |_| true).await;
    } else {
        // If the connection goes with it, that says more: perhaps an alert.
        wire.read_while(patience.one_turn(), |_| true).await;
    }
    let is_said = matches!(
        wire.ending,
        Some(Ending::Alert(_) | Ending::Objection(_) | Ending::Fault(_))
    );
    (wire, ending.filter(|_| !is_said))
}

/// Whom the proxy is to connect us to: the pod itself at its own proxy, elsewhere the name.
fn authority(attempt: &Attempt<'_>) -> String {
    match attempt.probe.way.via {
        Some(Via::Address(_)) => attempt.probe.address.to_string(),
        Some(Via::Port(_)) | None => attempt.address.to_string(),
    }
}

/// An ending where everything that was asked is answered, or cannot be.
async fn talk(
    wire: Lent,
    connect: HttpRequest<Empty<Bytes>>,
    attempt: &Attempt<'_>,
    patience: Patience,
    heard: &Heard,
    seen: &mut Observation,
) -> hyper::Result<Option<Ending>> {
    let io = TokioIo::new(wire);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
    let talk = async {
        let mut response = sender.send_request(connect).await?;
        if response.status() != StatusCode::OK {
            seen.tunnel = exchange::read(response, Manner::plain(patience)).await;
            return Ok(Some(Ending::Answered));
        }
        let tunnel = hyper::upgrade::on(&mut response);
        seen.tunnel = Some(exchange::head(&response));
        if attempt.probe.request == Request::None {
            return Ok(Some(Ending::Answered));
        }
        let through = Through {
            io: TokioIo::new(tunnel.await?),
            heard: heard.clone(),
        };
        seen.stage = Stage::Request;
        Ok(within(through, attempt, patience, heard, seen).await)
    };
    tokio::select! {
        biased;
        done = talk => done,
        never = drive(connection, heard) => match never {},
    }
}

/// A peer may end all streams at once, and say why once.
async fn drive(connection: impl Future<Output = hyper::Result<()>>, heard: &Heard) -> Infallible {
    if let Err(err) = connection.await {
        heard.note(&err);
    }
    pending().await
}

/// The request of the probe, inside the tunnel.
async fn within<I>(
    tunnel: Through<I>,
    attempt: &Attempt<'_>,
    patience: Patience,
    heard: &Heard,
    seen: &mut Observation,
) -> Option<Ending>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let probe = attempt.probe;
    let reply = match &probe.request {
        Request::Raw { send, expect } => {
            let wish = raw::Wish {
                send,
                expect: expect.as_deref(),
                early: 0,
                waiting: 0,
                deadline: patience.deadline,
            };
            Ok(raw::ask(tunnel, wish).await)
        }
        Request::Postgres { user, database } => {
            let reply = postgres::start_up(tunnel, user, database);
            let reply = opening::within(patience.deadline, reply).await;
            reply.map(|reply| Some(Reply::Postgres(reply)))
        }
        Request::None | Request::Http { .. } | Request::GrpcHealth(_) => {
            return within_http(tunnel, attempt, patience, heard, seen).await;
        }
    };
    match reply {
        Ok(Some(reply)) => {
            seen.reply = Some(reply);
            Some(Ending::Answered)
        }
        Err(Trouble::Foreign(words)) => Some(Ending::Objection(Objection::Protocol(words))),
        Ok(None) | Err(Trouble::Lost | Trouble::Late) => None,
    }
}

/// The same in HTTP.
async fn within_http<I>(
    tunnel: Through<I>,
    attempt: &Attempt<'_>,
    patience: Patience,
    heard: &Heard,
    seen: &mut Observation,
) -> Option<Ending>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let probe = attempt.probe;
    let manner = Manner::of(probe, seen, patience);
    let request = match exchange::request(probe, manner.http2) {
        Ok(request) => request,
        Err(err) => {
            let why = format!("cannot make the request {}: {err}", probe.request);
            return Some(Ending::Fault(why));
        }
    };
    match exchange::exchange(tunnel, request, manner).await {
        Ok(Some(answer)) => {
            seen.answer = Some(answer);
            Some(Ending::Answered)
        }
        Ok(None) => {
            let words = "the answer to our gRPC call bears no status".to_owned();
            Some(Ending::Objection(Objection::Protocol(words)))
        }
        Err(err) if heard.state().bytes > 0 => {
            let words = format!("the answer to our request cannot be read as HTTP: {err}");
            Some(Ending::Objection(Objection::Protocol(words)))
        }
        Err(_) => None,
    }
}

/// What came through the tunnel.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: u64,
    end: Option<Wordless>,
    code: Option<u32>,
}

impl Heard {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, err: &(dyn Error + 'static)) {
        let of_peer = h2_error(err).filter(|err| err.is_remote());
        let code = of_peer.and_then(h2::Error::reason).map(u32::from);
        let mut state = self.state();
        state.code = state.code.or(code);
    }

    fn ending(&self) -> Option<Ending> {
        self.state().end.map(Ending::Wordless)
    }
}

/// The inside of a tunnel, which notes what comes.
struct Through<I> {
    io: I,
    heard: Heard,
}

impl<I: AsyncRead + Unpin> AsyncRead for Through<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let has_room = buffer.remaining() > 0;
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, buffer));
        let mut heard = self.heard.state();
        match &read {
            Ok(()) if buffer.filled().len() > before => {
                heard.bytes += (buffer.filled().len() - before) as u64;
            }
            Ok(()) if has_room => heard.end = Some(Wordless::Fin),
            Ok(()) => {}
            Err(err) => {
                heard.end = Some(Wordless::Reset);
                drop(heard);
                self.heard.note(err);
            }
        }
        Poll::Ready(read)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Through<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Lost like a letter: what the peer has said before it went is read all the same.
        let sent = ready!(Pin::new(&mut self.io).poll_write(cx, bytes));
        Poll::Ready(Ok(sent.unwrap_or(bytes.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = ready!(Pin::new(&mut self.io).poll_flush(cx));
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
        Poll::Ready(Ok(()))
    }
}

/// What HTTP/2 has to say of an error, wherever it is wrapped.
fn h2_error<'e>(err: &'e (dyn Error + 'static)) -> Option<&'e h2::Error> {
    let mut next = Some(err);
    while let Some(err) = next {
        if let Some(found) = err.downcast_ref() {
            return Some(found);
        }
        let wrapped = err.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => err.source(),
        };
    }
    None
}

fn in_words(err: &hyper::Error) -> String {
    match err.source() {
        Some(why) => format!("{err}: {why}"),
        None => err.to_string(),
    }
}
