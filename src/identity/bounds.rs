//! How long others may take, and how much of what they send is taken and shown. Pure.

use std::fmt;
use std::time::Duration;

use super::veil::veiled;

/// What somebody else wrote, so short that it fits into an error, and without a token of ours in it.
pub(super) fn short(text: impl fmt::Display) -> String {
    let text = text.to_string();
    let text = veiled(&text);
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

/// How long an answer may take, and each step on the way to one.
pub(super) const LIMIT: Duration = Duration::from_secs(10);
/// What an answer may measure, in bytes. No object of Kubernetes is larger than 3 MiB.
pub(super) const MAX_ANSWER: usize = 4 << 20;
const MAX_TEXT: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_cut_at_200_characters() {
        assert_eq!(short("ä".repeat(5000)).chars().count(), 201);
        assert_eq!(short("ä".repeat(200)), "ä".repeat(200));
        let token = format!("eyJ{}.{}", "a".repeat(300), "b".repeat(300));
        assert_eq!(short(format!("bad {token}")), "bad (a token)");
    }
}
