//! What is said in plaintext before the ClientHello, where TLS begins in the middle of a protocol.
//!
//! Whatever comes is read to the byte: what follows the peer's consent belongs to TLS, or to somebody
//! who wants it taken for what TLS has brought (CVE-2011-0411), and never counts as an answer.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::wire::{Lent, Wire};
use super::{ldap, mysql, postgres, smtp};
use crate::observation::{Ending, Objection, Observation, Opening, Wordless};
use crate::target::StartTls;

/// Asks for TLS. Says whether the ClientHello may go out.
pub(super) async fn ask(
    protocol: StartTls,
    mut wire: Wire,
    deadline: Instant,
    seen: &mut Observation,
) -> (Wire, bool) {
    let lent = Lent::new(wire);
    let said = within(deadline, async {
        let stream = lent.clone();
        match protocol {
            StartTls::No => Ok(Opening::Agreed),
            StartTls::Postgres => postgres::start_tls(stream).await,
            StartTls::Mysql => mysql::start_tls(stream).await,
            StartTls::Smtp => smtp::start_tls(stream).await,
            StartTls::Ldap => ldap::start_tls(stream).await,
        }
    });
    let said = said.await;
    wire = lent.take_back();
    if let Ok(Opening::Agreed) = said {
        wire.drain().await;
        let more = wire.unread();
        if more > 0 {
            let words = format!("{more} bytes in plaintext came after its consent to TLS");
            wire.ending = Some(Ending::Objection(Objection::Protocol(words)));
        }
    }
    let may_go_on = said == Ok(Opening::Agreed) && wire.ending.is_none();
    note(said, &mut wire, seen);
    (wire, may_go_on)
}

/// Goes on without TLS, as far as the protocol shows whether one may.
pub(super) async fn go_without(
    protocol: StartTls,
    wire: Wire,
    deadline: Instant,
    seen: &mut Observation,
) -> Wire {
    let lent = Lent::new(wire);
    let said = within(deadline, async {
        let stream = lent.clone();
        match protocol {
            // PostgreSQL has a request of its own for it.
            StartTls::No | StartTls::Postgres => Err(Trouble::Lost),
            StartTls::Mysql => mysql::greet(stream).await,
            StartTls::Smtp => smtp::send_mail(stream).await,
            StartTls::Ldap => ldap::search(stream).await,
        }
    });
    let said = said.await;
    let mut wire = lent.take_back();
    note(said, &mut wire, seen);
    wire
}

fn note(said: Result<Opening, Trouble>, wire: &mut Wire, seen: &mut Observation) {
    match said {
        Ok(said) => seen.opening = Some(said),
        // What the wire knows of its end is more.
        Err(Trouble::Foreign(words)) if !wire.has_last_word() => {
            wire.ending = Some(Ending::Objection(Objection::Protocol(words)));
        }
        Err(Trouble::Late) => wire.ending = Some(Ending::Wordless(Wordless::Quiet)),
        Err(Trouble::Lost | Trouble::Foreign(_)) => {}
    }
}

/// Why there is nothing to say of what the peer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection ended.
    Lost,
    /// Time ran out.
    Late,
    /// It is not the protocol, in words.
    Foreign(String),
}

impl Trouble {
    pub(super) fn foreign(protocol: &str, begin: &[u8]) -> Self {
        let shown = begin.get(..32).unwrap_or(begin);
        Self::Foreign(match begin {
            [21, 3, ..] => format!(
                "what should be {protocol} is a TLS alert: it may begin with TLS at once, without \
                 `starttls`"
            ),
            _ => format!(
                "what should be {protocol} begins with \"{}\"",
                shown.escape_ascii()
            ),
        })
    }
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}

/// Until then, and no longer.
pub(super) async fn within<T>(
    deadline: Instant,
    talk: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    timeout_at(deadline, talk)
        .await
        .unwrap_or(Err(Trouble::Late))
}

/// What carries a conversation.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

pub(super) async fn say(stream: &mut impl Stream, bytes: &[u8]) -> Result<(), Trouble> {
    stream.write_all(bytes).await?;
    Ok(stream.flush().await?)
}

/// These many bytes, and none beyond.
pub(super) async fn exactly(stream: &mut impl Stream, length: usize) -> Result<Vec<u8>, Trouble> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

pub(super) async fn array<const N: usize>(stream: &mut impl Stream) -> Result<[u8; N], Trouble> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A peer's words, as long as one can read.
pub(super) fn words(bytes: &[u8]) -> String {
    let shown = bytes.get(..LONGEST_WORDS).unwrap_or(bytes);
    String::from_utf8_lossy(shown).trim().to_owned()
}

/// The longest message before TLS that we listen to; real ones have some hundred bytes.
pub(super) const LONGEST_MESSAGE: usize = 16 * 1024;
const LONGEST_WORDS: usize = 300;
