//! One file that a browser opens, with nothing to load: summary, findings and every cell in words are
//! plain HTML; the grid and the evidence of each cell are drawn from data that the file carries.

mod certificates;
mod connection;
mod data;
mod explained;
mod lists;
mod markup;
mod plain;
mod pool;
mod records;
mod squares;
mod summary;
#[cfg(test)]
mod tests;

use std::io::{self, BufWriter, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::markup::text;
use self::squares::Squares;
use crate::certificate::sha256;
use crate::matrix::Matrix;

pub(super) fn write(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let squares = Squares::of(matrix);
    head(matrix, &mut out)?;
    summary::write(matrix, &mut out)?;
    out.write_all(b"<main id=\"main\">\n")?;
    lists::findings(matrix, &mut out)?;
    if !matrix.cells.is_empty() {
        out.write_all(CONTROLS.as_bytes())?;
        plain::write(&squares, &mut out)?;
        out.write_all(b"</section>\n")?;
    }
    lists::cells(matrix, &mut out)?;
    lists::targets(matrix, &mut out)?;
    lists::sources(matrix, &mut out)?;
    explained::write(matrix, &mut out)?;
    out.write_all(b"</main>\n")?;
    lists::foot(matrix, &mut out)?;
    if !matrix.cells.is_empty() {
        out.write_all(PANEL.as_bytes())?;
        data::write(matrix, &squares, &mut out)?;
        writeln!(out, "<script>{}</script>", script())?;
    }
    out.write_all(b"</body>\n</html>\n")?;
    out.flush()
}

fn head(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    let digest = |text: &str| STANDARD.encode(sha256(text.as_bytes()));
    // Even where a text of a peer got past every escape, it could neither run, nor load, nor send.
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        digest(&script()),
        digest(STYLE)
    );
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"generator\" content=\"probe {}\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the findings</a>\n",
        text(&matrix.run.version),
        summary::title(matrix)
    )
}

/// The pieces share one scope, and leave nothing in the one of the window.
fn script() -> String {
    format!("\"use strict\";\n(() => {{\n{}}})();\n", SCRIPTS.concat())
}

const STYLE: &str = concat!(
    include_str!("html/page.css"),
    include_str!("html/grid.css"),
    include_str!("html/panel.css"),
    include_str!("html/print.css"),
);

const SCRIPTS: [&str; 7] = [
    include_str!("html/data.js"),
    include_str!("html/view.js"),
    include_str!("html/grid.js"),
    include_str!("html/overview.js"),
    include_str!("html/panel.js"),
    include_str!("html/evidence.js"),
    include_str!("html/page.js"),
];

const CONTROLS: &str = include_str!("html/controls.html");
const PANEL: &str = include_str!("html/panel.html");
