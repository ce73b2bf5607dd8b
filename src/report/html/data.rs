//! The data of the grid and of every cell, as JSON. What the grid needs is in `head`; what is shared by
//! cells is in `pool`, and the cells of a row are in an element of their own: both are only read when
//! somebody opens a cell or searches.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::markup::{json, seen};
use super::pool::Pool;
use super::records::Records;
use super::squares::{Face, STANDINGS, Squares};
use crate::matrix::Matrix;
use crate::report::details::client;
use crate::report::mark::Mark;
use crate::suite::SourceName;

pub(super) fn write(
    matrix: &Matrix,
    squares: &Squares<'_>,
    out: &mut impl Write,
) -> io::Result<()> {
    element(out, "head", &head(squares))?;
    let mut records = Records::new(matrix);
    for (nth, row) in squares.rows.iter().enumerate() {
        let row: Vec<_> = row
            .iter()
            .map(|(column, cells)| {
                let cells: Vec<_> = cells.iter().map(|cell| records.record(cell)).collect();
                (column, cells)
            })
            .collect();
        element(out, &format!("row-{nth}"), &row)?;
    }
    element(out, "pool", &records.pool(&squares.sources))
}

fn element(out: &mut impl Write, id: &str, value: &impl Serialize) -> io::Result<()> {
    let value = json(value)?;
    writeln!(
        out,
        "<script type=\"application/json\" id=\"{id}\">{value}</script>"
    )
}

#[derive(Serialize)]
struct Head {
    /// The names; and how a sentence names a source, where that differs.
    sources: Vec<String>,
    clients: BTreeMap<usize, &'static str>,
    targets: Vec<String>,
    marks: Vec<Sign>,
    standings: Vec<Named>,
    meanings: BTreeMap<&'static str, &'static str>,
    faces: Vec<Shown>,
    /// For each source the faces of its squares, by target; a negative number is so many squares that
    /// were not probed.
    rows: Vec<Vec<i64>>,
}

#[derive(Serialize)]
struct Sign {
    sign: &'static str,
    meaning: &'static str,
}

#[derive(Serialize)]
struct Named {
    name: &'static str,
    meaning: &'static str,
}

#[derive(Serialize)]
struct Shown {
    code: &'static str,
    mark: usize,
    standing: usize,
    others: Vec<&'static str>,
    unsure: bool,
    share: Option<(u32, u32)>,
}

impl Shown {
    fn of(face: &Face) -> Self {
        Self {
            code: face.code.as_str(),
            mark: mark(face.mark),
            standing: face.standing,
            others: face.others.iter().map(|code| code.as_str()).collect(),
            unsure: face.unsure,
            share: face.share,
        }
    }
}

/// The place of a mark in the page.
pub(super) fn mark(mark: Mark) -> usize {
    let mut all = Mark::ALL.iter();
    all.position(|one| *one == mark).unwrap_or_default()
}

fn head(squares: &Squares<'_>) -> Head {
    let mut faces: Pool<Face, Face> = Pool::new();
    let rows = squares.rows.iter().map(|row| {
        let mut line = vec![];
        let mut next = 0;
        for (column, cells) in row {
            let Some(face) = Face::of(cells) else {
                continue;
            };
            if *column > next {
                line.push(next as i64 - *column as i64);
            }
            line.push(faces.place(face.clone(), || face) as i64);
            next = column + 1;
        }
        line
    });
    let rows = rows.collect();
    let clients = squares.sources.iter().enumerate();
    let clients = clients.filter_map(|(nth, name)| {
        let is_pseudo = [SourceName::NONE, SourceName::PLAINTEXT].contains(name);
        is_pseudo.then(|| (nth, pseudo(name)))
    });
    let codes = faces.all().iter().map(|face| face.code);
    Head {
        sources: squares.sources.iter().map(|name| seen(name)).collect(),
        clients: clients.collect(),
        targets: squares.targets.iter().map(|name| seen(name)).collect(),
        marks: Mark::ALL
            .iter()
            .map(|mark| Sign {
                sign: mark.sign(false),
                meaning: mark.meaning(),
            })
            .collect(),
        standings: STANDINGS
            .iter()
            .map(|(name, meaning)| Named { name, meaning })
            .collect(),
        meanings: codes.map(|code| (code.as_str(), code.meaning())).collect(),
        faces: faces.all().iter().map(Shown::of).collect(),
        rows,
    }
}

fn pseudo(name: &str) -> &'static str {
    match name {
        SourceName::NONE => client(SourceName::NONE),
        _ => client(SourceName::PLAINTEXT),
    }
}
