//! The matrix as a plain table, for a browser that runs no script.

use std::io::{self, Write};

use super::markup::text;
use super::squares::{Face, STANDINGS, Squares};

pub(super) fn write(squares: &Squares<'_>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"<noscript>\n")?;
    if squares.sources.len() * squares.targets.len() > MOST_SQUARES {
        out.write_all(b"<p>The matrix is too large for a plain table.</p>\n</noscript>\n")?;
        return Ok(());
    }
    out.write_all(b"<div class=\"wide\"><table class=\"plain\">\n<thead><tr><td></td>")?;
    for target in &squares.targets {
        write!(out, "<th scope=\"col\">{}</th>", text(target))?;
    }
    out.write_all(b"</tr></thead>\n<tbody>\n")?;
    for (source, row) in squares.sources.iter().zip(&squares.rows) {
        write!(out, "<tr><th scope=\"row\">{}</th>", text(source))?;
        for column in 0..squares.targets.len() {
            match row.get(&column).and_then(|cells| Face::of(cells)) {
                Some(face) => square(&face, out)?,
                None => out.write_all(b"<td>-")?,
            }
        }
        out.write_all(b"</tr>\n")?;
    }
    out.write_all(b"</tbody></table></div>\n</noscript>\n")
}

fn square(face: &Face, out: &mut impl Write) -> io::Result<()> {
    let (name, _) = STANDINGS.get(face.standing).copied().unwrap_or_default();
    let broken = if name == "broken" { "! " } else { "" };
    let unsure = if face.unsure { "~" } else { "" };
    write!(
        out,
        "<td class=\"{name}\">{broken}{} {}{unsure}",
        face.mark.sign(false),
        face.code
    )?;
    match face.share {
        Some((same, all)) => write!(out, " {same}/{all}"),
        None => Ok(()),
    }
}

/// A larger table helps nobody.
const MOST_SQUARES: usize = 1_000_000;
