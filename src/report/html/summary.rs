//! What it adds up to: one sentence, one bar, and where it comes from.

use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::Timestamp;

use super::markup::text;
use crate::findings::rough;
use crate::matrix::{Matrix, Run, Totals};

/// The title of the window.
pub(super) fn title(matrix: &Matrix) -> String {
    format!("{} · probe", sentence(&Totals::of(&matrix.cells)))
}

pub(super) fn write(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    // Counted again: a stored result may hold anything.
    let totals = Totals::of(&matrix.cells);
    write!(
        out,
        "<header class=\"top\">\n<p class=\"brand\"><b>probe</b> connectivity matrix</p>\n\
         <h1>{}</h1>\n{}",
        sentence(&totals),
        run(&matrix.run)
    )?;
    if matrix.run.interrupted {
        out.write_all(
            b"<p class=\"notice\"><b>Interrupted.</b> The run was stopped before its end, and cells \
              are missing.</p>\n",
        )?;
    }
    if totals.cells > 0 {
        bar(&totals, out)?;
    }
    out.write_all(b"</header>\n")
}

fn sentence(totals: &Totals) -> String {
    let judged = totals.cells - totals.unjudged;
    let of = |count: usize| match judged {
        1 => "The one cell".to_owned(),
        _ if count == judged => format!("All {judged} cells"),
        _ => format!("{count} of {judged} cells"),
    };
    let are = |count: usize| if count == 1 { "is" } else { "are" };
    match totals {
        Totals { cells: 0, .. } => "Nothing was probed".to_owned(),
        Totals { broken: 1.., .. } => format!(
            "{} {} not as expected",
            of(totals.broken),
            are(totals.broken)
        ),
        Totals {
            inconclusive: 1.., ..
        } => format!(
            "{} {} in doubt",
            of(totals.inconclusive),
            are(totals.inconclusive)
        ),
        _ if judged == 0 => format!("{} cells, and nothing was expected of them", totals.cells),
        _ => format!("{} {} as expected", of(judged), are(judged)),
    }
}

fn run(run: &Run) -> String {
    let mut items: Vec<(&str, String)> = vec![];
    if !run.suites.is_empty() {
        let suites = run.suites.iter().take(MOST_SUITES);
        let suites: Vec<String> = suites.map(|name| text(name)).collect();
        items.push(("Suite", suites.join(", ")));
    }
    if !run.started_at.is_empty() {
        let parsed = |text: &str| text.parse::<Timestamp>().ok();
        let took = match (parsed(&run.started_at), parsed(&run.finished_at)) {
            (Some(start), Some(end)) => format!(", took {}", rough(end.duration_since(start))),
            _ => String::new(),
        };
        items.push(("Run", format!("{}{took}", text(&run.started_at))));
    }
    if !run.judged_at.is_empty() && run.judged_at != run.started_at {
        items.push(("Certificates judged as of", text(&run.judged_at)));
    }
    if !run.version.is_empty() {
        items.push(("probe", text(&run.version)));
    }
    let mut html = "<dl class=\"run\">\n".to_owned();
    for (title, value) in items {
        // Writing to a String does not fail.
        let _ = writeln!(html, "<div><dt>{title}</dt><dd>{value}</dd></div>");
    }
    html + "</dl>\n"
}

/// The shares side by side, and the same in words.
fn bar(totals: &Totals, out: &mut impl Write) -> io::Result<()> {
    let parts = [
        ("broken", totals.broken, "not as expected"),
        ("doubt", totals.inconclusive, "in doubt"),
        ("met", totals.met, "as expected"),
        ("unjudged", totals.unjudged, "nothing expected"),
    ];
    out.write_all(
        b"<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" \
          aria-hidden=\"true\">",
    )?;
    let mut at = 0;
    for (name, count, _) in parts {
        let end = at + count;
        let (from, to) = (at * 1000 / totals.cells, end * 1000 / totals.cells);
        if count > 0 {
            // However few, they are to be seen.
            let width = (to - from).max(3);
            let from = from.min(1000 - width);
            write!(
                out,
                "<rect class=\"{name}\" x=\"{from}\" width=\"{width}\" height=\"10\"/>"
            )?;
        }
        at = end;
    }
    out.write_all(b"</svg>\n<ul class=\"totals\">\n")?;
    for (name, count, meaning) in parts {
        if count > 0 {
            writeln!(
                out,
                "<li class=\"{name}\" data-show=\"{name}\"><b>{count}</b> {meaning}</li>"
            )?;
        }
    }
    out.write_all(b"</ul>\n")
}

/// The most suites that are named.
const MOST_SUITES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_says_what_it_adds_up_to() {
        for ([met, broken, inconclusive, unjudged], want) in [
            ([0, 0, 0, 0], "Nothing was probed"),
            ([5, 0, 0, 0], "All 5 cells are as expected"),
            ([5, 0, 0, 3], "All 5 cells are as expected"),
            ([1, 0, 0, 3], "The one cell is as expected"),
            ([4, 1, 0, 2], "1 of 5 cells is not as expected"),
            ([2, 3, 1, 2], "3 of 6 cells are not as expected"),
            ([0, 3, 0, 2], "All 3 cells are not as expected"),
            ([4, 0, 2, 0], "2 of 6 cells are in doubt"),
            ([0, 0, 0, 7], "7 cells, and nothing was expected of them"),
        ] {
            let totals = Totals {
                cells: met + broken + inconclusive + unjudged,
                met,
                broken,
                unjudged,
                inconclusive,
            };
            assert_eq!(sentence(&totals), want);
        }
    }
}
