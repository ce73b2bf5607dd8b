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
    let said = within(deadline, start(protocol, lent.clone())).await;
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

async fn start(protocol: StartTls, stream: impl Stream) -> Result<Opening, Trouble> {
    match protocol {
        StartTls::No => Ok(Opening::Agreed),
        StartTls::Postgres => postgres::start_tls(stream).await,
        StartTls::Mysql => mysql::start_tls(stream).await,
        StartTls::Smtp => smtp::start_tls(stream).await,
        StartTls::Ldap => ldap::start_tls(stream).await,
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn consent_is_read_to_the_byte_however_it_is_cut() {
        for (protocol, transcript) in CONSENTS {
            for cut in 0..transcript.len() {
                let (said, rest) = hear(protocol, transcript, cut, b"\x16\x03").await;
                assert_eq!(said, Ok(Opening::Agreed), "{protocol:?}, cut at {cut}");
                assert_eq!(rest, b"\x16\x03", "{protocol:?}, cut at {cut}");
            }
        }
    }

    #[tokio::test]
    async fn whatever_is_cut_short_or_spoilt_is_no_panic_and_no_consent_of_its_own() {
        // xorshift, from a fixed seed
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for (protocol, transcript) in CONSENTS {
            for length in 0..transcript.len() {
                let short = transcript.get(..length).unwrap_or_default();
                let (said, _) = hear(protocol, short, 0, b"").await;
                assert_eq!(said, Err(Trouble::Lost), "{protocol:?}, {length} bytes");
            }
            for _ in 0..2000 {
                let mut spoilt = transcript.to_vec();
                for _ in 0..=random() % 3 {
                    let at = random() as usize % spoilt.len();
                    spoilt[at] = random() as u8;
                }
                let _ = hear(protocol, &spoilt, 0, b"").await;
                let _ = heard_without(protocol, &spoilt).await;
                let noise: Vec<u8> = (0..random() % 64).map(|_| random() as u8).collect();
                let (said, _) = hear(protocol, &noise, 0, b"").await;
                let is_s = noise.first() == Some(&b'S') && protocol == StartTls::Postgres;
                assert!(
                    is_s || said != Ok(Opening::Agreed),
                    "{protocol:?}, {noise:?}"
                );
            }
        }
    }

    /// What comes of it, and what is left.
    async fn hear(
        protocol: StartTls,
        transcript: &[u8],
        cut: usize,
        after: &[u8],
    ) -> (Result<Opening, Trouble>, Vec<u8>) {
        let (mut ours, mut theirs) = tokio::io::duplex(4096);
        let (begin, end) = transcript.split_at(cut);
        let peer = async {
            theirs.write_all(begin).await.unwrap();
            tokio::task::yield_now().await;
            theirs.write_all(&[end, after].concat()).await.unwrap();
            theirs.shutdown().await.unwrap();
            // What we say is heard.
            let _ = tokio::io::copy(&mut theirs, &mut tokio::io::sink()).await;
        };
        let asked = async {
            let soon = Instant::now() + Duration::from_secs(5);
            let said = within(soon, start(protocol, &mut ours)).await;
            let mut rest = vec![];
            ours.read_to_end(&mut rest).await.unwrap();
            drop(ours);
            (said, rest)
        };
        tokio::join!(asked, peer).0
    }

    async fn heard_without(protocol: StartTls, bytes: &[u8]) -> bool {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        theirs.write_all(bytes).await.unwrap();
        theirs.shutdown().await.unwrap();
        match protocol {
            StartTls::No => true,
            StartTls::Postgres => postgres::start_up(ours, "a", "b").await.is_ok(),
            StartTls::Mysql => mysql::greet(ours).await.is_ok(),
            StartTls::Smtp => smtp::send_mail(ours).await.is_ok(),
            StartTls::Ldap => ldap::search(ours).await.is_ok(),
        }
    }

    const CONSENTS: [(StartTls, &[u8]); 4] = [
        (StartTls::Postgres, b"S"),
        (
            StartTls::Mysql,
            b"\x28\0\0\0\x0a8.0.34\0\x01\0\0\0AAAAAAAA\0\xff\xff\x21\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0\0",
        ),
        (
            StartTls::Smtp,
            b"220-mail.test\r\n220 ESMTP\r\n250-mail.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n220 Go\r\n",
        ),
        (
            StartTls::Ldap,
            b"\x30\x84\0\0\0\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0",
        ),
    ];
}
