//! LDAP, as far as StartTLS (RFC 4511 section 4.14), or as far as an anonymous bind without it.

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

/// An anonymous bind.
pub(super) async fn bind(mut stream: impl Stream) -> Result<Opening, Trouble> {
    say(&mut stream, ANONYMOUS_BIND).await?;
    let result = result(&mut stream, BIND_RESPONSE).await?;
    let _ = say(&mut stream, UNBIND).await;
    let said = format!(
        "the LDAP server answers an anonymous bind without TLS with {}",
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
    let body = message(stream).await?;
    let foreign = || Trouble::foreign("LDAP", &body);
    let mut parts = &body[..];
    let (number, operation) = (next(&mut parts), next(&mut parts));
    let (Some((INTEGER, number)), Some((kind, mut fields))) = (number, operation) else {
        return Err(foreign());
    };
    let is_notice = number == [0] && kind == EXTENDED_RESPONSE;
    if !is_notice && (number != [1] || kind != wanted) {
        return Err(foreign());
    }
    let Some((ENUMERATED, &[code])) = next(&mut fields) else {
        return Err(foreign());
    };
    let _name = next(&mut fields);
    let said = next(&mut fields);
    Ok(Outcome {
        code,
        words: words(said.map_or(&[], |(_, text)| text)),
        is_notice,
    })
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
/// Version 3, no name, no password.
const ANONYMOUS_BIND: &[u8] = &[
    SEQUENCE, 12, INTEGER, 1, 1, 0x60, 7, INTEGER, 1, 3, 4, 0, 0x80, 0,
];
const UNBIND: &[u8] = &[SEQUENCE, 5, INTEGER, 1, 2, 0x42, 0];
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;
const ENUMERATED: u8 = 10;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const BIND_RESPONSE: u8 = 0x61;
const SUCCESS: u8 = 0;
const PROTOCOL_ERROR: u8 = 2;
const CONFIDENTIALITY_REQUIRED: u8 = 13;
const BUSY: u8 = 51;
const UNAVAILABLE: u8 = 52;
const UNWILLING: u8 = 53;
