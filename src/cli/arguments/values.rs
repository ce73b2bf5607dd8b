//! Values of flags, from text.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::{SignedDuration, Timestamp};

use crate::certificate::TrustDomain;
use crate::identity::mint::Moment;
use crate::rotation::{Phase, Step};
use crate::suite::{MOST_ATTEMPTS, Wanted};
use crate::target::{Address, Destination, Dialect, Group, StartTls};

/// Bytes of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Bytes(pub(in crate::cli) Vec<u8>);

pub(super) fn bytes(text: &str) -> Result<Bytes, String> {
    let mut bytes = vec![];
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        bytes.push(match rest.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                let is_hex = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                let byte = u8::from_str_radix(&digits, 16).ok().filter(|_| is_hex);
                byte.ok_or_else(|| {
                    format!("\\x{digits} is no byte; write two digits, such as \\x0d")
                })?
            }
            Some(other) => return Err(format!("\\{other} stands for nothing; {ESCAPES}")),
            None => return Err(format!("a \\ at the end stands for nothing; {ESCAPES}")),
        });
    }
    match bytes.len() {
        1..=MOST_BYTES => Ok(Bytes(bytes)),
        0 => Err("nothing to send or to find; leave the flag out".to_owned()),
        many => Err(format!("{many} bytes; {MOST_BYTES} are allowed")),
    }
}

pub(super) fn wanted() -> impl TypedValueParser<Value = Wanted> {
    named(Wanted::all().collect(), Wanted::as_str)
}

pub(super) fn group() -> impl TypedValueParser<Value = Group> {
    named(Group::ALL.to_vec(), Group::as_str)
}

pub(super) fn dialect() -> impl TypedValueParser<Value = Dialect> {
    named(Dialect::ALL.to_vec(), Dialect::as_str)
}

pub(super) fn starttls() -> impl TypedValueParser<Value = StartTls> {
    named(StartTls::ALL.to_vec(), StartTls::as_str)
}

pub(super) fn step() -> impl TypedValueParser<Value = Step> {
    named(Step::ALL.to_vec(), Step::as_str)
}

pub(super) fn phase() -> impl TypedValueParser<Value = Phase> {
    named(Phase::ALL.to_vec(), Phase::as_str)
}

/// `phase=P1`
pub(super) fn until(text: &str) -> Result<Phase, String> {
    let name = text.strip_prefix("phase=");
    let name = name.map(|name| if name == "done" { "P3" } else { name });
    let mut all = Phase::ALL.iter();
    let phase = name.and_then(|name| all.find(|phase| phase.as_str() == name));
    phase
        .copied()
        .ok_or_else(|| "write phase=P0, phase=P1, phase=P2, phase=P3 or phase=done".to_owned())
}

/// One of these, by its name.
fn named<T: Copy + Send + Sync + 'static>(
    all: Vec<T>,
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|&one| name(one)).collect::<Vec<_>>()).try_map(
        move |text| {
            let mut all = all.iter().copied();
            all.find(|&one| name(one) == text).ok_or("not known")
        },
    )
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(seconds) = text.parse::<i64>() {
        let is_offset = text.starts_with(['+', '-']);
        if !is_offset {
            let moment = Timestamp::from_second(seconds);
            return moment.map(Moment::At).map_err(|err| err.to_string());
        }
    }
    if let Some(span) = text.strip_prefix('+') {
        return span
            .parse()
            .map(Moment::After)
            .map_err(|_| NOT_A_MOMENT.to_owned());
    }
    if text.starts_with('-') {
        let span: Result<SignedDuration, _> = text.parse();
        return span.map(Moment::After).map_err(|_| NOT_A_MOMENT.to_owned());
    }
    text.parse()
        .map(Moment::At)
        .map_err(|_| NOT_A_MOMENT.to_owned())
}

pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let span: SignedDuration = text
        .parse()
        .map_err(|_| "write a duration such as 3s or 500ms".to_owned())?;
    let limit = Duration::try_from(span).unwrap_or_default();
    if limit.is_zero() || limit > LONGEST_TIMEOUT {
        return Err("a timeout is more than nothing and at most 5m".to_owned());
    }
    Ok(limit)
}

/// A time to wait, which may be long.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let span: SignedDuration = text
        .parse()
        .map_err(|_| "write a duration such as 15s, 10m or 2h".to_owned())?;
    let limit = Duration::try_from(span).unwrap_or_default();
    if limit.is_zero() || limit > LONGEST_SPAN {
        return Err("write more than nothing and at most 30 days (720h)".to_owned());
    }
    Ok(limit)
}

/// `0.5%`, or `0.005`
pub(super) fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if (0.0..=whole).contains(&number) => Ok(number / whole),
        Ok(_) | Err(_) => Err("write a share such as 0.5%, from 0% to 100%".to_owned()),
    }
}

pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        Ok(_) | Err(_) => Err("a rate is a number of connections a second, more than 0".to_owned()),
    }
}

/// `[TRUST-DOMAIN=]FILE`
pub(in crate::cli) fn bundle(text: &str) -> Result<(Option<TrustDomain>, PathBuf), String> {
    match text.split_once('=') {
        None => Ok((None, PathBuf::from(text))),
        Some((domain, file)) => {
            let domain = domain
                .parse()
                .map_err(|why| format!("--bundle {text:?}: the trust domain {why}"))?;
            Ok((Some(domain), PathBuf::from(file)))
        }
    }
}

pub(super) fn attempts() -> impl TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=i64::from(MOST_ATTEMPTS))
}

/// Where to, where the text says so.
pub(in crate::cli) fn destination(text: &str) -> Result<Destination, String> {
    text.parse().map_err(|why| format!("{text:?} {why}"))
}

/// The address, where the text is one.
pub(in crate::cli) fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|why| format!("{text:?} {why}"))
}

/// As in a suite.
const MOST_BYTES: usize = 4096;
const ESCAPES: &str = "write \\r, \\n, \\t, \\xHH, or \\\\ for itself";
const LONGEST_SPAN: Duration = Duration::from_secs(30 * 24 * 3600);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(300);
const NOT_A_MOMENT: &str =
    "write RFC 3339 (2026-11-21T10:00:00Z), Unix seconds, or an offset such as +12h or -30m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_text_with_escapes() {
        for (text, want) in [
            ("PING", Ok(&b"PING"[..])),
            (r"EHLO a\r\n", Ok(b"EHLO a\r\n")),
            (r"\x00\xfF\t\\x", Ok(b"\0\xff\t\\x")),
            ("\u{e4}", Ok("\u{e4}".as_bytes())),
            (r"\q", Err("\\q stands for nothing")),
            (r"\x1", Err("\\x1 is no byte")),
            (r"\x+1", Err("\\x+1 is no byte")),
            ("\\", Err("a \\ at the end")),
            ("", Err("nothing to send")),
        ] {
            match (bytes(text), want) {
                (Ok(got), Ok(want)) => assert_eq!(got.0, want, "{text:?}"),
                (Err(got), Err(want)) => assert!(got.starts_with(want), "{text:?}: {got}"),
                (got, want) => panic!("{text:?}: {got:?} and not {want:?}"),
            }
        }
    }
}
