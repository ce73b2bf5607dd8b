//! LDAP, as far as StartTLS (RFC 4511 section 4.14), or as far as a search without it.

use super::opening::{LONGEST_MESSAGE, Stream, Trouble, array, exactly, say, words};
use crate::observation::Opening;

/// The extended request, and the code that answers it.
pub(super) async fn start_tls(mut stream: impl Stream) -> Result<Opening, Trouble> {
    let mut request = vec![SEQUENCE, 29, INTEGER, 1, 1, EXTENDED_REQUEST, 24, 0x80, 22];
    request.extend(START_TLS);
    say(&mut stream, &request).await?;
    let result = result(&mut stream, EXTENDED_RESPONSE).await?;
    let said = format!("the LDAP server answers StartTLS with {}", result.words());
    Ok(match result.code {
        SUCCESS => Opening::Agreed,
        BUSY => Opening::NotNow(said),
        // A message of its own accord: it ends the connection.
        _ if result.is_notice => Opening::Refused(said),
        // It does not know the request, cannot set up TLS, or will not.
        PROTOCOL_ERROR | UNAVAILABLE | UNWILLING => Opening::NoTls(said),
        _ => Opening::Refused(said),
    })
}

/// Who the server says it is: the search that everybody may make, without a bind.
pub(super) async fn search(mut stream: impl Stream) -> Result<Opening, Trouble> {
    say(&mut stream, ROOT_SEARCH).await?;
    let result = result(&mut stream, SEARCH_DONE).await?;
    let _ = say(&mut stream, UNBIND).await;
    let said = format!(
        "the LDAP server answers a search of its root without TLS with {}",
        result.words()
    );
    Ok(match result.code {
        SUCCESS => Opening::Greets(said),
        CONFIDENTIALITY_REQUIRED => Opening::WantsTls(said),
        _ => Opening::Refused(said),
    })
}

/// An LDAPResult.
struct Outcome {
    code: u8,
    words: String,
    /// Nobody asked for it.
    is_notice: bool,
}

impl Outcome {
    /// `protocolError(2): unsupported extended operation`
    fn words(&self) -> String {
        let name = match self.code {
            SUCCESS => "success",
            1 => "operationsError",
            PROTOCOL_ERROR => "protocolError",
            7 => "authMethodNotSupported",
            8 => "strongerAuthRequired",
            CONFIDENTIALITY_REQUIRED => "confidentialityRequired",
            48 => "inappropriateAuthentication",
            49 => "invalidCredentials",
            50 => "insufficientAccessRights",
            BUSY => "busy",
            UNAVAILABLE => "unavailable",
            UNWILLING => "unwillingToPerform",
            _ => "result",
        };
        match self.words.as_str() {
            "" => format!("{name}({})", self.code),
            words => format!("{name}({}): {words}", self.code),
        }
    }
}

async fn result(stream: &mut impl Stream, wanted: u8) -> Result<Outcome, Trouble> {
    for _ in 0..MOST_ENTRIES {
        let body = message(stream).await?;
        let foreign = || Trouble::foreign("LDAP", &body);
        let mut parts = &body[..];
        let (number, operation) = (next(&mut parts), next(&mut parts));
        let (Some((INTEGER, number)), Some((kind, mut fields))) = (number, operation) else {
            return Err(foreign());
        };
        let is_notice = number == [0] && kind == EXTENDED_RESPONSE;
        if number == [1] && wanted == SEARCH_DONE && kind == SEARCH_ENTRY {
            continue;
        }
        if !is_notice && (number != [1] || kind != wanted) {
            return Err(foreign());
        }
        let Some((ENUMERATED, &[code])) = next(&mut fields) else {
            return Err(foreign());
        };
        let _name = next(&mut fields);
        let said = next(&mut fields);
        return Ok(Outcome {
            code,
            words: words(said.map_or(&[], |(_, text)| text)),
            is_notice,
        });
    }
    Err(Trouble::Foreign(
        "the LDAP server answers without end".to_owned(),
    ))
}

/// What one LDAPMessage holds.
async fn message(stream: &mut impl Stream) -> Result<Vec<u8>, Trouble> {
    let header: [u8; 2] = array(stream).await?;
    let [SEQUENCE, first] = header else {
        return Err(Trouble::foreign("LDAP", &header));
    };
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let digits = exactly(stream, usize::from(first & 0x7f)).await?;
            let add = |sum: usize, digit: &u8| sum << 8 | usize::from(*digit);
            digits.iter().fold(0, add)
        }
        _ => return Err(Trouble::foreign("LDAP", &header)),
    };
    if length > LONGEST_MESSAGE {
        return Err(Trouble::Foreign(format!(
            "the LDAP server announces a message of {length} bytes"
        )));
    }
    exactly(stream, length).await
}

/// Takes one element off: its tag and what it holds.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let add = |sum: usize, digit: &u8| sum << 8 | usize::from(*digit);
            (digits.iter().fold(0, add), rest)
        }
        _ => return None,
    };
    let (body, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some((*tag, body))
}

const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// The root alone, whatever it is, and none of its attributes.
const ROOT_SEARCH: &[u8] = &[
    SEQUENCE, 42, INTEGER, 1, 1, 0x63, 37, // the name, how far, and which aliases
    4, 0, ENUMERATED, 1, 0, ENUMERATED, 1, 0, // how many, how long, the values as well
    INTEGER, 1, 1, INTEGER, 1, 5, 1, 1, 0, // objectClass is there
    0x87, 11, b'o', b'b', b'j', b'e', b'c', b't', b'C', b'l', b'a', b's',
    b's', // 1.1: nothing
    SEQUENCE, 5, 4, 3, b'1', b'.', b'1',
];
const UNBIND: &[u8] = &[SEQUENCE, 5, INTEGER, 1, 2, 0x42, 0];
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;
const ENUMERATED: u8 = 10;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
/// The root is one.
const MOST_ENTRIES: usize = 4;
const SUCCESS: u8 = 0;
const PROTOCOL_ERROR: u8 = 2;
const CONFIDENTIALITY_REQUIRED: u8 = 13;
const BUSY: u8 = 51;
const UNAVAILABLE: u8 = 52;
const UNWILLING: u8 = 53;
