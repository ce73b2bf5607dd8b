//! Markdown for a comment on a change: nothing that a peer or a file holds may link, mention, format,
//! or break out of where it stands.

use super::document::{Block, Document, Phrase, Piece};
use super::page::Look;
use super::text::shown;

/// The document, cut to what a comment may hold.
pub(super) fn render(document: &Document) -> String {
    let mut out = String::new();
    let mut is_list = false;
    for block in &document.0 {
        let is_item = matches!(block, Block::Item(..) | Block::Detail(_));
        let gap = if out.is_empty() || is_item && is_list {
            ""
        } else {
            "\n"
        };
        let text = match block {
            Block::Title(text) => format!("{gap}### {}\n", ours(text)),
            Block::Heading(text) => format!("{gap}#### {}\n", ours(text)),
            Block::Line(words) => format!("{gap}{}\n", phrase(words)),
            Block::Item(mark, words) => {
                let sign = match mark.look() {
                    Look::Plain | Look::Faint | Look::Strong => String::new(),
                    Look::Good | Look::Bad | Look::Doubt => format!("**{}** ", ours(mark.sign())),
                };
                format!("{gap}- {sign}{}\n", phrase(words))
            }
            Block::Detail(words) => format!("{gap}  - {}\n", phrase(words)),
            Block::Grid(rows) => format!("{gap}{}", grid(rows)),
        };
        is_list = is_item;
        if out.len() + text.len() > LONGEST {
            out.push_str("\nThe rest is left out here; the JSON form holds all.\n");
            break;
        }
        out.push_str(&text);
    }
    out
}

/// As a table, whose first row is the heading.
fn grid(rows: &[Vec<Phrase>]) -> String {
    let mut out = String::new();
    for (nth, row) in rows.iter().enumerate() {
        let squares = row.iter().map(|square| {
            let pieces = square.0.iter().map(|piece| Piece {
                // A bar ends a square wherever it stands, also within code and behind a backslash.
                text: shown(&piece.text, piece.most, false).replace('|', "\\u{7c}"),
                ..piece.clone()
            });
            phrase(&Phrase(pieces.collect()))
        });
        let squares: Vec<String> = squares.collect();
        out.push_str(&format!("| {} |\n", squares.join(" | ")));
        if nth == 0 {
            out.push_str(&format!("|{}\n", " --- |".repeat(row.len())));
        }
    }
    out
}

fn phrase(phrase: &Phrase) -> String {
    phrase.0.iter().map(piece).collect()
}

fn piece(piece: &Piece) -> String {
    let text = shown(&piece.text, piece.most, false);
    if piece.is_quote {
        return code(&text);
    }
    let text = ours(&text);
    match piece.look {
        Look::Plain | Look::Faint => text,
        Look::Strong | Look::Good | Look::Bad | Look::Doubt => format!("**{text}**"),
    }
}

/// As code, in which nothing means anything: no mention, no link, no HTML. The fence is longer than any
/// within. Bars are safe too, but for tables, which write them out.
fn code(text: &str) -> String {
    let runs = text.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or_default() + 1);
    let is_blank = text.chars().all(|c| c == ' ');
    let touches = |c: char| c == '`' || c == ' ';
    match text {
        _ if is_blank => format!("{fence}\u{2423}{fence}"),
        _ if text.starts_with(touches) || text.ends_with(touches) => {
            format!("{fence} {text} {fence}")
        }
        _ => format!("{fence}{text}{fence}"),
    }
}

/// Words of ours, which hold no markup either.
fn ours(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '@' | '!' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// A comment on GitHub holds 65 536 characters.
const LONGEST: usize = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_stays_within_its_quotes() {
        for (text, want) in [
            ("sa/a", "`sa/a`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("``x```", "```` ``x``` ````"),
            (" a ", "`  a  `"),
            ("", "`\u{2423}`"),
            ("  ", "`\u{2423}`"),
            ("@team <b> | [x](y) #1", "`@team <b> | [x](y) #1`"),
            ("two\nlines\u{202e}", "`two\\nlines\\u{202e}`"),
        ] {
            let quote = Phrase::default().quote(text);
            assert_eq!(phrase(&quote), want);
        }
        assert_eq!(phrase(&Phrase::words("a -> *b*")), "a -&gt; \\*b\\*");
    }

    #[test]
    fn a_comment_is_cut_visibly() {
        let mut document = Document::default();
        for _ in 0..2_000 {
            document.line(Phrase::default().quote(&"x".repeat(190)));
        }
        let text = render(&document);
        assert!(text.len() < 65_000 && text.ends_with("the JSON form holds all.\n"));
    }
}
