//! PostgreSQL, as far as the first word of the server on us. No password is ever sent.

use super::opening::{LONGEST_MESSAGE, Stream, Trouble, array, exactly, say, within, words};
use crate::observation::{Opening, PostgresReply};
use tokio::time::{Duration, Instant};

/// SSLRequest, and the one byte that answers it.
pub(super) async fn start_tls(mut stream: impl Stream) -> Result<Opening, Trouble> {
    let length = 8_u32.to_be_bytes();
    say(&mut stream, &[length, SSL_REQUEST.to_be_bytes()].concat()).await?;
    match array(&mut stream).await? {
        [b'S'] => Ok(Opening::Agreed),
        [b'N'] => Ok(Opening::NoTls(
            "PostgreSQL answers our SSLRequest with N: it has no TLS".to_owned(),
        )),
        [b'E'] => {
            let said = early_error(&mut stream).await;
            Ok(Opening::Refused(format!(
                "PostgreSQL answers our SSLRequest with an error: {said}"
            )))
        }
        other => Err(foreign(&mut stream, &other).await),
    }
}

/// StartupMessage, and what comes of it.
pub(super) async fn start_up(
    mut stream: impl Stream,
    user: &str,
    database: &str,
) -> Result<PostgresReply, Trouble> {
    let names = [("user", user), ("database", database)];
    let mut body = VERSION.to_be_bytes().to_vec();
    for (name, value) in names {
        for text in [name, value] {
            body.extend(text.bytes().filter(|byte| *byte != 0));
            body.push(0);
        }
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    say(&mut stream, &[&length.to_be_bytes()[..], &body].concat()).await?;
    let reply = first_word(&mut stream).await?;
    // Whether it is heard does not matter.
    let _ = say(&mut stream, TERMINATE).await;
    Ok(reply)
}

async fn first_word(stream: &mut impl Stream) -> Result<PostgresReply, Trouble> {
    for _ in 0..MOST_ASIDES {
        let header: [u8; 5] = array(stream).await?;
        let [kind, length @ ..] = header;
        let length = u32::from_be_bytes(length) as usize;
        let is_known = matches!(kind, b'R' | b'E' | b'N' | b'v');
        if !is_known || !(4..=LONGEST_MESSAGE).contains(&length) {
            return Err(Trouble::foreign("PostgreSQL", &header));
        }
        let body = exactly(stream, length - 4).await?;
        match (kind, body.as_slice()) {
            (b'R', &[a, b, c, d, ..]) => {
                let number = u32::from_be_bytes([a, b, c, d]);
                return Ok(PostgresReply::Authentication(number));
            }
            (b'E', body) => return Ok(error(body)),
            // A notice, or a version of the protocol that it would like better.
            (b'N' | b'v', _) => {}
            (_, _) => return Err(Trouble::foreign("PostgreSQL", &header)),
        }
    }
    Err(Trouble::Foreign(
        "the peer speaks PostgreSQL and never comes to the point".to_owned(),
    ))
}

/// Fields of one letter and a text each.
fn error(body: &[u8]) -> PostgresReply {
    let field = |letter: u8| {
        let mut fields = body.split(|byte| *byte == 0);
        let found = fields.find_map(|field| match field.split_first() {
            Some((first, text)) if *first == letter => Some(text),
            Some(_) | None => None,
        });
        words(found.unwrap_or_default())
    };
    PostgresReply::Error {
        sqlstate: field(b'C'),
        message: field(b'M'),
        routine: field(b'R'),
    }
}

/// Before it knows our version of the protocol it may write plain text, up to a 0.
async fn early_error(stream: &mut impl Stream) -> String {
    let mut text = vec![];
    let soon = Instant::now() + A_MOMENT;
    let read = within(soon, async {
        while text.len() < LONGEST_ERROR {
            let [byte] = array(stream).await?;
            text.push(byte);
        }
        Ok(())
    });
    // However it ends, it has said what it has said.
    let _ = read.await;
    match text.get(4..) {
        Some(fields) if text.first() == Some(&0) => match error(fields) {
            PostgresReply::Error { message, .. } => message,
            PostgresReply::Authentication(_) => String::new(),
        },
        Some(_) | None => words(text.split(|byte| *byte == 0).next().unwrap_or_default()),
    }
}

/// With as much of it as has come.
async fn foreign(stream: &mut impl Stream, first: &[u8]) -> Trouble {
    let mut begin = first.to_vec();
    let soon = Instant::now() + A_MOMENT;
    let read = within(soon, async {
        while begin.len() < 32 {
            let [byte] = array(stream).await?;
            begin.push(byte);
        }
        Ok(())
    });
    let _ = read.await;
    Trouble::foreign("PostgreSQL", &begin)
}

const SSL_REQUEST: u32 = 80_877_103;
/// 3.0
const VERSION: u32 = 196_608;
const TERMINATE: &[u8] = b"X\0\0\0\x04";
const LONGEST_ERROR: usize = 1024;
/// Notices before the point.
const MOST_ASIDES: usize = 16;
/// For the rest of what has begun to come.
const A_MOMENT: Duration = Duration::from_millis(100);
