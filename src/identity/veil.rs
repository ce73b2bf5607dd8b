//! Text without the secrets in it: servers say again what they were sent, and people write a key where
//! the name of its file belongs. Pure.

use std::borrow::Cow;
use std::ops::Range;

/// The text with a word in the place of each private key in PEM and of each JSON Web Token.
pub(crate) fn veiled(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut shown = 0;
    for (range, word) in secrets(text) {
        out.push_str(text.get(shown..range.start).unwrap_or_default());
        out.push_str(word);
        shown = range.end;
    }
    match shown {
        0 => Cow::Borrowed(text),
        shown => Cow::Owned(out + text.get(shown..).unwrap_or_default()),
    }
}

/// The text with a star in the place of each of their characters, so that all others stay where they
/// are.
pub(crate) fn blotted(text: &str) -> Cow<'_, str> {
    let mut secrets = secrets(text).into_iter().peekable();
    if secrets.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let blot = |(at, c): (usize, char)| {
        while secrets.next_if(|(range, _)| range.end <= at).is_some() {}
        let is_secret = secrets.peek().is_some_and(|(range, _)| range.contains(&at));
        match c {
            '\n' | '\r' => c,
            _ if is_secret => '*',
            c => c,
        }
    };
    Cow::Owned(text.char_indices().map(blot).collect())
}

/// Whether there is any.
pub(crate) fn holds_secret(text: &str) -> bool {
    !secrets(text).is_empty()
}

/// Where they are, in order, each with a word for it. None of them is empty.
fn secrets(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let keys = text.match_indices(BEGIN).map(|(at, _)| (at, A_KEY));
    let tokens = text.match_indices(TOKEN).map(|(at, _)| (at, A_TOKEN));
    let mut begins: Vec<_> = keys.chain(tokens).collect();
    begins.sort_unstable();
    let mut found: Vec<(Range<usize>, _)> = vec![];
    for (begin, word) in begins {
        // Of what is in another one nobody sees anything.
        if found.last().is_some_and(|(last, _)| begin < last.end) {
            continue;
        }
        let rest = text.get(begin..).unwrap_or_default();
        let length = if word == A_KEY {
            key(rest)
        } else {
            token(rest)
        };
        if let Some(length) = length {
            found.push((begin..begin + length, word));
        }
    }
    found
}

/// How long the private key is whose PEM this begins with, if that is more than the mention of one.
/// What has no end goes on to the end of the text.
fn key(text: &str) -> Option<usize> {
    let after = |from: usize, what: &str| {
        let found = text.get(from..)?.find(what)?;
        Some(from + found + what.len())
    };
    let body = after(BEGIN.len(), DASHES)?;
    if !text.get(..body)?.ends_with("PRIVATE KEY-----") {
        return None;
    }
    let mut lines = text.get(body..)?.trim_start();
    while let Some(rest) = lines.strip_prefix("\\n") {
        lines = rest.trim_start();
    }
    if !lines.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/') {
        return None;
    }
    let end = after(body, "-----END ").and_then(|end| after(end, DASHES));
    Some(end.unwrap_or(text.len()))
}

/// How long the token is that this begins with, if it is one.
fn token(text: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let length = text.find(|c| !is_part(c)).unwrap_or(text.len());
    (length >= SHORTEST).then_some(length)
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";
/// `{"` in base64: every token begins so.
const TOKEN: &str = "eyJ";
/// Even the header of a token is longer.
const SHORTEST: usize = 20;
const A_KEY: &str = "(a private key)";
const A_TOKEN: &str = "(a token)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_tokens_are_hidden_and_nothing_else() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmVk";
        let pem = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----";
        let public = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
        let advice = "give PEM that begins with \"-----BEGIN PRIVATE KEY-----\"; or not";
        for (text, want) in [
            ("nothing here".to_owned(), "nothing here".to_owned()),
            (format!("who is {jwt}?"), "who is (a token)?".to_owned()),
            (format!("{jwt} {jwt}"), "(a token) (a token)".to_owned()),
            (
                format!("Bearer%20{jwt}\""),
                "Bearer%20(a token)\"".to_owned(),
            ),
            ("eyJ.short".to_owned(), "eyJ.short".to_owned()),
            (format!("a {pem} b"), "a (a private key) b".to_owned()),
            (pem[..35].to_owned(), "(a private key)".to_owned()),
            (pem.replace('\n', "\\n"), "(a private key)".to_owned()),
            (pem.replace('\n', "\n    "), "(a private key)".to_owned()),
            (format!("{public}{pem}"), format!("{public}(a private key)")),
            (
                format!("{pem}{jwt}\n{public}"),
                format!("(a private key)(a token)\n{public}"),
            ),
            ("give -----BEGIN".to_owned(), "give -----BEGIN".to_owned()),
            (advice.to_owned(), advice.to_owned()),
        ] {
            assert_eq!(veiled(&text), want);
            assert_eq!(holds_secret(&text), text != want);
            assert_eq!(blotted(&text).chars().count(), text.chars().count());
            assert_eq!(blotted(&text).lines().count(), text.lines().count());
            assert_eq!(blotted(&text) != text, text != want);
            assert!(!blotted(&text).contains("MHcC") && !blotted(&text).contains("c2ln"));
        }
        assert_eq!(
            blotted(&format!("ä: {pem}!")).lines().nth(1),
            Some("******")
        );
        assert_eq!(
            blotted(&format!("ä: {jwt}!")),
            format!("ä: {}!", "*".repeat(jwt.len()))
        );
    }
}
