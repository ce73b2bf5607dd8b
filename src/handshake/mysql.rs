//! MySQL and MariaDB, as far as TLS, or as far as the greeting without it.

use super::opening::{LONGEST_MESSAGE, Stream, Trouble, array, exactly, say, words};
use crate::observation::Opening;

/// The greeting, and the SSLRequest that nobody answers.
pub(super) async fn start_tls(mut stream: impl Stream) -> Result<Opening, Trouble> {
    let greeting = match greeting(&mut stream).await? {
        Greeting::Refusal(words) => return Ok(Opening::Refused(words)),
        Greeting::Version(greeting) => greeting,
    };
    if !greeting.has_tls {
        return Ok(Opening::NoTls(format!(
            "the greeting of {} offers no TLS",
            greeting.program
        )));
    }
    say(&mut stream, &ssl_request()).await?;
    Ok(Opening::Agreed)
}

/// The greeting: only a login would show whether TLS is insisted on, and that after the password.
pub(super) async fn greet(mut stream: impl Stream) -> Result<Opening, Trouble> {
    let greeting = match greeting(&mut stream).await? {
        Greeting::Refusal(words) => return Ok(Opening::Refused(words)),
        Greeting::Version(greeting) => greeting,
    };
    let program = greeting.program;
    Ok(match greeting.has_tls {
        true => Opening::Hides(format!("{program} greets us, and offers TLS")),
        false => Opening::Greets(format!("{program} greets us, and offers no TLS")),
    })
}

enum Greeting {
    Version(Version),
    /// In words.
    Refusal(String),
}

struct Version {
    /// `MariaDB 10.11.6`
    program: String,
    has_tls: bool,
}

async fn greeting(stream: &mut impl Stream) -> Result<Greeting, Trouble> {
    let body = message(stream).await?;
    if body.first() == Some(&ERROR) {
        return Ok(Greeting::Refusal(format!(
            "MySQL greets us with an error: {}",
            error(&body)
        )));
    }
    let foreign = || Trouble::foreign("MySQL's greeting", &body);
    let (10, rest) = body
        .split_first()
        .map(|(a, b)| (*a, b))
        .ok_or_else(foreign)?
    else {
        return Err(foreign());
    };
    let end = rest
        .iter()
        .position(|byte| *byte == 0)
        .ok_or_else(foreign)?;
    let (version, rest) = rest.split_at(end);
    let capabilities = match rest.get(CAPABILITIES..) {
        Some(&[low, high, ..]) => u16::from_le_bytes([low, high]),
        Some(_) | None => return Err(foreign()),
    };
    let version = words(version);
    Ok(Greeting::Version(Version {
        program: match version.strip_prefix("5.5.5-") {
            Some(version) => format!("MariaDB {version}"),
            None => format!("MySQL {version}"),
        },
        has_tls: u32::from(capabilities) & CLIENT_SSL != 0,
    }))
}

/// One packet of the server.
async fn message(stream: &mut impl Stream) -> Result<Vec<u8>, Trouble> {
    let header: [u8; 4] = array(stream).await?;
    let [a, b, c, number] = header;
    let length = u32::from_le_bytes([a, b, c, 0]) as usize;
    // It counts the packets, and an early error may have any number.
    if !(1..=LONGEST_MESSAGE).contains(&length) || number > 2 {
        return Err(Trouble::foreign("MySQL", &header));
    }
    exactly(stream, length).await
}

/// `1045 (28000) Access denied`
fn error(body: &[u8]) -> String {
    match body {
        [_, low, high, b'#', rest @ ..] if rest.len() >= 5 => {
            let (state, text) = rest.split_at(5);
            let number = u16::from_le_bytes([*low, *high]);
            format!("{number} ({}) {}", words(state), words(text))
        }
        [_, low, high, text @ ..] => {
            format!("{} {}", u16::from_le_bytes([*low, *high]), words(text))
        }
        _ => "no more than that".to_owned(),
    }
}

/// What we can do, how much we read, our alphabet, and nothing: a login cut short.
fn ssl_request() -> Vec<u8> {
    let capabilities = CLIENT_LONG_PASSWORD
        | CLIENT_PROTOCOL_41
        | CLIENT_SSL
        | CLIENT_SECURE_CONNECTION
        | CLIENT_PLUGIN_AUTH;
    let mut request = vec![32, 0, 0, 1];
    request.extend(capabilities.to_le_bytes());
    request.extend(LARGEST_PACKET.to_le_bytes());
    request.push(UTF8);
    request.extend([0; 23]);
    request
}

const ERROR: u8 = 0xff;
/// From the 0 after the version: a number, 8 bytes of a challenge, another 0.
const CAPABILITIES: usize = 1 + 4 + 8 + 1;
const CLIENT_LONG_PASSWORD: u32 = 0x1;
const CLIENT_PROTOCOL_41: u32 = 0x200;
const CLIENT_SSL: u32 = 0x800;
const CLIENT_SECURE_CONNECTION: u32 = 0x8000;
const CLIENT_PLUGIN_AUTH: u32 = 0x8_0000;
const LARGEST_PACKET: u32 = 1 << 24;
const UTF8: u8 = 33;
