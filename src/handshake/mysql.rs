//! MySQL and MariaDB, as far as TLS, or as far as a login without it.

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
    say(&mut stream, &packet(1, &options(CLIENT_SSL))).await?;
    Ok(Opening::Agreed)
}

/// The greeting, and a login without TLS and without a password, by a name that nobody has.
pub(super) async fn log_in(mut stream: impl Stream) -> Result<Opening, Trouble> {
    let greeting = match greeting(&mut stream).await? {
        Greeting::Refusal(words) => return Ok(Opening::Refused(words)),
        Greeting::Version(greeting) => greeting,
    };
    let mut login = options(0);
    login.extend(NOBODY);
    // The name ends, and so does the password before it begins.
    login.extend([0, 0]);
    login.extend(b"mysql_native_password\0");
    say(&mut stream, &packet(1, &login)).await?;
    let answer = message(&mut stream).await?;
    let program = greeting.program;
    Ok(match answer.as_slice() {
        [ERROR, ..] => {
            let (number, said) = error(&answer);
            let said = format!("{program} answers a login without TLS: {said}");
            match number {
                SECURE_TRANSPORT_REQUIRED => Opening::WantsTls(said),
                ACCESS_DENIED | ACCESS_DENIED_NO_PASSWORD | MARIADB_ACCESS_DENIED => {
                    Opening::GoesOn(said)
                }
                _ => Opening::Refused(said),
            }
        }
        // It wants to know more, by this or another method.
        [0 | 1 | SWITCH, ..] => {
            Opening::GoesOn(format!("{program} goes on with a login without TLS"))
        }
        other => return Err(Trouble::foreign("MySQL", other)),
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
        let (_, said) = error(&body);
        return Ok(Greeting::Refusal(format!(
            "MySQL greets us with an error: {said}"
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

/// The number, and `1045 (28000) Access denied`.
fn error(body: &[u8]) -> (u16, String) {
    let (number, rest) = match body {
        [_, low, high, rest @ ..] => (u16::from_le_bytes([*low, *high]), rest),
        _ => (0, &[][..]),
    };
    let said = match rest {
        [b'#', a, b, c, d, e, text @ ..] => {
            format!(
                "{number} ({}) {}",
                words(&[*a, *b, *c, *d, *e]),
                words(text)
            )
        }
        text => format!("{number} {}", words(text)),
    };
    (number, said)
}

/// What we can do, how much we read, our alphabet, and nothing.
fn options(more: u32) -> Vec<u8> {
    let capabilities = CLIENT_LONG_PASSWORD
        | CLIENT_PROTOCOL_41
        | CLIENT_SECURE_CONNECTION
        | CLIENT_PLUGIN_AUTH
        | more;
    let mut options = capabilities.to_le_bytes().to_vec();
    options.extend(LARGEST_PACKET.to_le_bytes());
    options.push(UTF8);
    options.extend([0; 23]);
    options
}

fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(body.len()).unwrap_or_default().to_le_bytes();
    [&[a, b, c, number], body].concat()
}

const ERROR: u8 = 0xff;
/// Another method of authentication is asked for.
const SWITCH: u8 = 0xfe;
/// From the 0 after the version: a number, 8 bytes of a challenge, another 0.
const CAPABILITIES: usize = 1 + 4 + 8 + 1;
const CLIENT_LONG_PASSWORD: u32 = 0x1;
const CLIENT_PROTOCOL_41: u32 = 0x200;
const CLIENT_SSL: u32 = 0x800;
const CLIENT_SECURE_CONNECTION: u32 = 0x8000;
const CLIENT_PLUGIN_AUTH: u32 = 0x8_0000;
const LARGEST_PACKET: u32 = 1 << 24;
const UTF8: u8 = 33;
const NOBODY: &[u8] = b"mtls-probe";
const ACCESS_DENIED: u16 = 1045;
const ACCESS_DENIED_NO_PASSWORD: u16 = 1698;
const MARIADB_ACCESS_DENIED: u16 = 1044;
const SECURE_TRANSPORT_REQUIRED: u16 = 3159;
