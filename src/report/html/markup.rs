//! Text as HTML and as JSON within HTML. Whatever a peer said comes through here.

use std::io;

use serde::Serialize;

use crate::report::page::{Line, Look};
use crate::report::text::shown;

/// The longest text of one field: a browser wraps what a terminal would have to cut.
const FIELD: usize = 2000;

/// The text with what is not plainly visible written out, as data.
pub(super) fn seen(text: &str) -> String {
    shown(text, FIELD, false)
}

/// The text with what is not plainly visible written out, as HTML.
pub(super) fn text(text: &str) -> String {
    escaped(&seen(text))
}

/// A line as HTML.
pub(super) fn line(line: &Line) -> String {
    let pieces = line.pieces().map(|(look, text)| {
        let text = match text {
            " -> " => " → ".to_owned(),
            text => escaped(text),
        };
        match look {
            Look::Plain => text,
            Look::Strong => format!("<b>{text}</b>"),
            Look::Faint => format!("<span class=\"faint\">{text}</span>"),
            Look::Good => format!("<b class=\"good\">{text}</b>"),
            Look::Bad => format!("<b class=\"bad\">{text}</b>"),
            Look::Doubt => format!("<b class=\"unsure\">{text}</b>"),
        }
    });
    pieces.collect()
}

/// A value for a script element that is not a script: nothing in it ends the element, nor begins
/// another, nor is a line end to anybody.
pub(super) fn json(value: &impl Serialize) -> io::Result<String> {
    let plain = serde_json::to_string(value)?;
    let mut out = String::with_capacity(plain.len());
    // Outside of strings JSON has none of these.
    for c in plain.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    Ok(out)
}

/// The text as HTML: for words of our own, and for those that were made visible already.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        for (raw, html) in [
            ("a & b", "a &amp; b"),
            (
                "</script><script>alert(1)</script>",
                "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;",
            ),
            ("\" onload='x", "&quot; onload=&#39;x"),
            ("a\u{202e}b\u{2028}", "a\\u{202e}b\\u{2028}"),
            ("\0\u{1b}[0m", "\\u{0}\\u{1b}[0m"),
            ("<!--", "&lt;!--"),
        ] {
            assert_eq!(text(raw), html);
        }
        let value = "</script><!--<script>&amp;\u{2028}\u{2029}\"\\";
        let json = json(&value).unwrap();
        assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
    }
}
