//! Bytes of the user's own, and what comes of them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, Instant, timeout_at};

use super::opening::Stream;
use crate::observation::{Moment, Reply};

/// What to send and what to find.
pub(super) struct Wish<'a> {
    /// Nothing to listen alone.
    pub(super) send: &'a [u8],
    /// Nothing where any reply will do.
    pub(super) expect: Option<&'a [u8]>,
    /// So many bytes wait to be read that came before our side of the handshake was out. They prove
    /// nothing, and what ends with them is no reply.
    pub(super) early: usize,
    /// So many bytes wait to be read, those included.
    pub(super) waiting: usize,
    pub(super) deadline: Instant,
}

/// Sends, and reads until what is expected has come, or the end, or the deadline. Nothing where no
/// reply came.
pub(super) async fn ask(mut stream: impl Stream, wish: Wish<'_>) -> Option<Reply> {
    if !wish.send.is_empty() {
        let send = async {
            stream.write_all(wish.send).await?;
            stream.flush().await
        };
        // If it is lost, the answer, if there is one, is read all the same.
        let _ = timeout_at(wish.deadline, send).await;
    }
    let mut heard: Vec<u8> = vec![];
    let mut space = [0; READ_AT_ONCE];
    let mut deadline = wish.deadline;
    let mut found = None;
    while found.is_none() && heard.len() < MOST_HEARD && Instant::now() < deadline {
        let read = match timeout_at(deadline, stream.read(&mut space)).await {
            Ok(Ok(read)) if read > 0 => read,
            Ok(_) | Err(_) => break,
        };
        let before = heard.len();
        heard.extend(space.iter().take(read).take(MOST_HEARD - before));
        match wish.expect {
            Some(expect) => found = find(expect, &heard, before, wish.early),
            // The rest of it is for people, and for those who refuse in words.
            None if heard.len() > wish.enough() => {
                deadline = deadline.min(Instant::now() + REST);
            }
            None => {}
        }
    }
    let end = found.unwrap_or(heard.len());
    if end <= wish.early {
        return None;
    }
    let moment = match end <= wish.waiting || wish.send.is_empty() {
        true => Moment::Unasked,
        false => Moment::Asked,
    };
    heard.truncate(MOST_KEPT);
    Some(Reply::Raw {
        bytes: heard,
        is_expected: wish.expect.map(|_| found.is_some()),
        moment,
    })
}

impl Wish<'_> {
    /// More than so many bytes are an answer, where any will do.
    fn enough(&self) -> usize {
        match self.send {
            [] => self.early,
            _ => self.waiting,
        }
    }
}

/// Where it ends, if it does behind `early`. What was there `before` has been searched.
fn find(wanted: &[u8], heard: &[u8], before: usize, early: usize) -> Option<usize> {
    let from = before.saturating_sub(wanted.len().saturating_sub(1));
    let ends = heard.get(from..)?.windows(wanted.len().max(1)).enumerate();
    let mut ends = ends.filter_map(|(at, window)| {
        let end = from + at + wanted.len();
        (window == wanted && end > early).then_some(end)
    });
    ends.next()
}

const READ_AT_ONCE: usize = 4096;
/// The most we listen to.
const MOST_HEARD: usize = 64 * 1024;
/// The most that becomes a fact.
const MOST_KEPT: usize = 1024;
/// How long the rest of a reply may take.
const REST: Duration = Duration::from_millis(150);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_expected_is_found_wherever_the_bytes_are_cut() {
        let text = b"220 mail.example ESMTP ready\r\n";
        for cut in 0..text.len() {
            let (ours, mut theirs) = tokio::io::duplex(64);
            let peer = async {
                let (begin, rest) = text.split_at(cut);
                theirs.write_all(begin).await.unwrap();
                tokio::task::yield_now().await;
                theirs.write_all(rest).await.unwrap();
            };
            let (reply, ()) = tokio::join!(ask(ours, wish(b"", Some(b"ESMTP"), 0, 0)), peer);
            let Some(Reply::Raw { is_expected, .. }) = reply else {
                panic!("nothing heard, cut at {cut}");
            };
            assert_eq!(is_expected, Some(true), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn what_came_too_early_is_no_reply() {
        for (early, waiting, want) in [
            (0, 0, Some(Moment::Asked)),
            (0, 5, Some(Moment::Unasked)),
            (4, 5, Some(Moment::Unasked)),
            (5, 5, None),
        ] {
            for expect in [None, Some(&b"hello"[..])] {
                let (ours, mut theirs) = tokio::io::duplex(64);
                theirs.write_all(b"hello").await.unwrap();
                theirs.shutdown().await.unwrap();
                let reply = ask(ours, wish(b"?", expect, early, waiting)).await;
                let moment = reply.map(|reply| match reply {
                    Reply::Raw { moment, .. } => moment,
                    Reply::Postgres(_) => panic!("not asked"),
                });
                assert_eq!(moment, want, "{early} {waiting} {expect:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_peer_without_end_is_left() {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let flood =
            tokio::spawn(async move { while theirs.write_all(&[b'a'; 4096]).await.is_ok() {} });
        let reply = ask(ours, wish(b"", Some(b"ab"), 0, 0)).await;
        let Some(Reply::Raw {
            bytes, is_expected, ..
        }) = reply
        else {
            panic!("nothing heard");
        };
        assert_eq!((bytes.len(), is_expected), (MOST_KEPT, Some(false)));
        flood.await.unwrap();
    }

    fn wish<'a>(
        send: &'a [u8],
        expect: Option<&'a [u8]>,
        early: usize,
        waiting: usize,
    ) -> Wish<'a> {
        let deadline = Instant::now() + Duration::from_secs(5);
        Wish {
            send,
            expect,
            early,
            waiting,
            deadline,
        }
    }
}
