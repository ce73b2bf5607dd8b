//! The codes that occur, what they mean, and what to do about them: once in the page, where the evidence
//! of each cell finds it again.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::lists::{by, section};
use super::markup::escaped;
use crate::code::{By, Code};
use crate::matrix::Matrix;
use crate::report::explain::{self, Confirm, Likely};

pub(super) fn write(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    let codes: BTreeSet<(Code, Option<By>)> = (matrix.cells.iter())
        .map(|cell| (cell.code, by(cell)))
        .collect();
    if codes.is_empty() {
        return Ok(());
    }
    section(out, "codes", "Codes", codes.len())?;
    out.write_all(b"<dl class=\"codes\">\n")?;
    for (code, by) in codes {
        let who = match by {
            Some(By::Peer) => " <span class=\"faint\">by the target</span>",
            Some(By::Probe) => " <span class=\"faint\">by us</span>",
            None => "",
        };
        writeln!(
            out,
            "<div><dt><code>{code}</code>{who}</dt><dd id=\"{}\">{}</dd></div>",
            id(code, by),
            explanation(code, by)
        )?;
    }
    out.write_all(b"</dl>\n</section>\n")
}

/// Where in the page a code is explained.
pub(super) fn id(code: Code, by: Option<By>) -> String {
    let by = by.map_or("nobody", By::as_str);
    format!("code-{code}-{by}")
}

/// All that is said of a code, as HTML. The one place that knows where the words come from.
fn explanation(code: Code, by: Option<By>) -> String {
    let page = explain::page(code, by);
    let paragraphs = explain::paragraphs(page, 0);
    let mut html: String = (paragraphs.iter())
        .map(|paragraph| format!("<p>{}</p>", prose(paragraph)))
        .collect();
    html += &format!("<p class=\"fix\">{}</p>", prose(page.advice));
    if page.causes.is_empty() {
        return html;
    }
    let causes: String = page.causes.iter().map(cause).collect();
    html + &format!(
        "<p class=\"faint causes\">Causes, the likeliest first:</p>\n<ol class=\"causes\">\n{causes}</ol>"
    )
}

fn cause(likely: &Likely) -> String {
    let confirm: String = likely.cause.confirm.iter().map(confirm).collect();
    format!(
        "<li><details><summary>{}</summary><p>Seen: {}.</p><ul class=\"confirm\">{confirm}</ul>\
         <p class=\"fix\">{}</p></details></li>\n",
        prose(likely.cause.name),
        prose(likely.looks),
        prose(likely.cause.fix)
    )
}

fn confirm(confirm: &Confirm) -> String {
    format!(
        "<li><b>{}</b> {}<pre>{}</pre></li>",
        confirm.on.title(),
        prose(confirm.tells),
        escaped(confirm.run)
    )
}

/// Our own words, with commands between backticks.
fn prose(words: &str) -> String {
    let pieces = words.split('`').enumerate();
    let pieces = pieces.map(|(nth, piece)| match nth % 2 {
        0 => escaped(piece),
        _ => format!("<code>{}</code>", escaped(piece)),
    });
    pieces.collect()
}
