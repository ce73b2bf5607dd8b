//! The codes that occur, what they mean, and what to do about them: once in the page, where the evidence
//! of each cell finds it again.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::lists::{by, section};
use super::markup::text;
use crate::code::{By, Code};
use crate::matrix::Matrix;
use crate::report::advice;

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
    format!(
        "<p>{}</p><p class=\"fix\">{}</p>",
        text(code.meaning()),
        text(advice(code, by))
    )
}
