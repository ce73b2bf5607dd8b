//! Text of peers, made fit for a terminal: nothing in it may move the cursor, turn the writing
//! direction, hide, or go on for ever.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// The longest text of one field, in characters; with what is escaped written out.
pub(super) const FIELD: usize = 200;

/// The text with everything that is not plainly visible written out, as in `\u{1b}`, and cut after
/// `max` characters. What comes out comes out again unchanged.
pub(super) fn shown(text: &str, max: usize, ascii: bool) -> String {
    let mut out = String::new();
    let mut length = 0;
    let mut fits = 0;
    for c in text.chars() {
        let before = out.len();
        if is_plain(c) && (!ascii || c.is_ascii()) {
            out.push(c);
            length += 1;
        } else if ascii && c == '…' {
            out.push_str("...");
            length += 3;
        } else {
            // Writing to a String does not fail.
            let _ = match c {
                '\n' | '\r' | '\t' => write!(out, "{}", c.escape_default()),
                _ => write!(out, "{}", c.escape_unicode()),
            };
            length += out.len() - before;
        }
        if length > max {
            out.truncate(fits);
            out.push_str(ellipsis(ascii));
            return out;
        }
        if length + ellipsis(ascii).chars().count() <= max {
            fits = out.len();
        }
    }
    out
}

/// How many columns the text takes, which must have been through [`shown`].
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// How many columns the character takes.
pub(super) fn char_width(c: char) -> usize {
    c.width().unwrap_or(1)
}

/// The text, shortened in its middle to so many columns: names differ at their ends.
pub(super) fn shortened(text: &str, columns: usize, ascii: bool) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mark = ellipsis(ascii);
    let room = columns.saturating_sub(width(mark));
    let head = take(text.chars(), room.div_ceil(2));
    let tail: String = take(text.chars().rev(), room / 2);
    let tail = tail.chars().rev();
    head.chars().chain(mark.chars()).chain(tail).collect()
}

/// As many characters as fit into so many columns.
fn take(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut left = columns;
    chars
        .take_while(|c| {
            let fits = char_width(*c) <= left;
            left = left.saturating_sub(char_width(*c));
            fits
        })
        .collect()
}

fn ellipsis(ascii: bool) -> &'static str {
    if ascii { "..." } else { "…" }
}

/// Whether a terminal shows the character as itself, in its place and in its own columns.
fn is_plain(c: char) -> bool {
    !steers(c) && !is_right_to_left(c) && !matches!(c.width(), None | Some(0))
}

/// Whether the character has no shape of its own but an effect: controls, marks of direction, line
/// separators, joiners, tags.
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Scripts that a terminal may reorder, and with them what stands beside them.
fn is_right_to_left(c: char) -> bool {
    matches!(c,
        '\u{590}'..='\u{8ff}'
        | '\u{fb1d}'..='\u{fdff}'
        | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}'
        | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plainly_visible_is_written_out() {
        for (text, want) in [
            ("sa/frontend", "sa/frontend"),
            ("O=Z\u{fc}rich \\, K\u{f6}ln", "O=Z\u{fc}rich \\, K\u{f6}ln"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("two\r\nlines\ttab", "two\\r\\nlines\\ttab"),
            (
                "nul\0 del\x7f c1\u{9b}31m",
                "nul\\u{0} del\\u{7f} c1\\u{9b}31m",
            ),
            ("gnp\u{202e}exe", "gnp\\u{202e}exe"),
            ("iso\u{2066}late\u{2069}", "iso\\u{2066}late\\u{2069}"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("line\u{2028}sep", "line\\u{2028}sep"),
            ("soft\u{ad}hyphen", "soft\\u{ad}hyphen"),
            ("zalgo\u{301}", "zalgo\\u{301}"),
            ("\u{5d0}\u{5d1}", "\\u{5d0}\\u{5d1}"),
            ("\u{e0041}tag", "\\u{e0041}tag"),
            ("\u{4e16}\u{754c}", "\u{4e16}\u{754c}"),
        ] {
            assert_eq!(shown(text, FIELD, false), want);
            assert_eq!(shown(want, FIELD, false), want, "comes out unchanged");
        }
        assert_eq!(shown("\u{fc}\u{2026}", FIELD, true), "\\u{fc}...");
    }

    #[test]
    fn a_long_text_is_cut_visibly_and_never_within_an_escape() {
        assert_eq!(shown("abcdef", 6, false), "abcdef");
        assert_eq!(shown("abcdefg", 6, false), "abcde\u{2026}");
        assert_eq!(shown("abcdefg", 6, true), "abc...");
        assert_eq!(shown("ab\u{1b}\u{1b}", 10, false), "ab\\u{1b}\u{2026}");
        assert_eq!(
            shown(&"x".repeat(100_000), FIELD, false).chars().count(),
            FIELD
        );
        assert_eq!(shown("\u{1b}", 3, false), "\u{2026}");
    }

    #[test]
    fn a_name_is_shortened_in_its_middle() {
        for (name, columns, want) in [
            ("payments", 8, "payments"),
            ("payments-eu-1", 8, "paym\u{2026}u-1"),
            ("payments", 2, "p\u{2026}"),
            (
                "\u{4e16}\u{754c}\u{4e16}\u{754c}",
                6,
                "\u{4e16}\u{2026}\u{754c}",
            ),
        ] {
            let short = shortened(name, columns, false);
            assert_eq!(short, want);
            assert!(width(&short) <= columns);
        }
    }
}
