//! The results of shards, joined to that of one run. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use crate::findings::{findings, listed};
use crate::matrix::{Cell, Finding, Matrix, Run, SCHEMA, Severity, Shard, Totals};
use crate::outlook;

/// Joins the results of shards; each comes with the name of its file. What several cells together show
/// is looked for anew, since it may need the cells of several shards. Where shards are missing the result
/// says so, and passes for one that was stopped early.
pub fn join(parts: Vec<(String, Matrix)>) -> Result<Matrix, JoinError> {
    let first = parts.first().ok_or(JoinError::Nothing)?;
    let (reference, of) = (first.0.clone(), shard_of(first)?.clone());
    let version = first.1.run.version.clone();
    let mut places: HashMap<u64, usize> = HashMap::new();
    let mut targets: HashMap<&str, usize> = HashMap::new();
    let mut files: BTreeMap<u32, &str> = BTreeMap::new();
    for (nth, part) in parts.iter().enumerate() {
        let shard = shard_of(part)?;
        let (file, matrix) = part;
        let other = |what| JoinError::Other {
            file: file.clone(),
            reference: reference.clone(),
            what,
        };
        if shard.total != of.total {
            return Err(other("a run of another number of shards"));
        }
        if shard.plan != of.plan {
            return Err(other("other suites"));
        }
        if matrix.run.version != version {
            return Err(other("another version of probe"));
        }
        if let Some(known) = files.insert(shard.index, file) {
            return Err(JoinError::Twice {
                index: shard.index,
                total: shard.total,
                one: known.to_owned(),
                other: file.clone(),
            });
        }
        let overlap = |known: usize| JoinError::Overlap {
            one: parts
                .get(known)
                .map_or_else(String::new, |(file, _)| file.clone()),
            other: file.clone(),
        };
        for cell in &matrix.cells {
            let place = cell
                .place
                .ok_or_else(|| JoinError::Placeless { file: file.clone() })?;
            let known = *places.entry(place).or_insert(nth);
            if known != nth {
                return Err(overlap(known));
            }
        }
        for target in &matrix.targets {
            let known = *targets.entry(&target.name).or_insert(nth);
            if known != nth {
                return Err(overlap(known));
            }
        }
    }
    let missing: Vec<String> = (0..of.total)
        .filter(|index| !files.contains_key(index))
        .map(|index| format!("{index}/{}", of.total))
        .collect();
    let runs: Vec<&Run> = parts.iter().map(|(_, matrix)| &matrix.run).collect();
    let about = about(&runs, &reference, !missing.is_empty())?;
    let at = moment(&about.judged_at, &reference)?;
    let mut parts = parts;
    parts.sort_by_key(|(_, matrix)| matrix.run.shard.as_ref().map(|shard| shard.index));
    Ok(assemble(about, parts, at, &missing))
}

/// Why results do not make one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// No result at all.
    #[error("there is no result to join")]
    Nothing,
    /// It lacks nothing.
    #[error(
        "{file} is the result of a whole run; only those of shards (probe run --shard) can be joined"
    )]
    Whole {
        /// Which.
        file: String,
    },
    /// Somebody has changed it.
    #[error("{file} says to be shard {index}/{total}, which cannot be")]
    NoSuchShard {
        /// Which.
        file: String,
        /// What it says.
        index: u32,
        /// What it says.
        total: u32,
    },
    /// They do not belong together.
    #[error(
        "{file} is of {what} than {reference}; join the shards of one run of the same suites, none of them from an earlier one"
    )]
    Other {
        /// The one that does not belong.
        file: String,
        /// What it was compared with.
        reference: String,
        /// What sets it apart.
        what: &'static str,
    },
    /// Nobody can tell which of the two holds.
    #[error(
        "shard {index}/{total} is there twice, as {one} and as {other}; leave out the older one"
    )]
    Twice {
        /// Which.
        index: u32,
        /// Of how many.
        total: u32,
        /// A file.
        one: String,
        /// Another one.
        other: String,
    },
    /// Shards of one plan have no cell in common.
    #[error("{one} and {other} have cells in common, and shards have none; run both again")]
    Overlap {
        /// A file.
        one: String,
        /// Another one.
        other: String,
    },
    /// Somebody has changed it.
    #[error("{file} has a cell without its `place` in the plan; take an unchanged copy")]
    Placeless {
        /// Which.
        file: String,
    },
    /// Somebody has changed it.
    #[error("{file} holds {text:?} where a time should stand; take an unchanged copy")]
    Time {
        /// Which.
        file: String,
        /// What stands there.
        text: String,
    },
}

fn shard_of((file, matrix): &(String, Matrix)) -> Result<&Shard, JoinError> {
    let file = file.clone();
    let Some(shard) = &matrix.run.shard else {
        return Err(JoinError::Whole { file });
    };
    let (index, total) = (shard.index, shard.total);
    if crate::plan::Shard::new(index, total).is_none() {
        return Err(JoinError::NoSuchShard { file, index, total });
    }
    Ok(shard)
}

/// From the first begin to the last end.
fn about(runs: &[&Run], file: &str, is_partial: bool) -> Result<Run, JoinError> {
    let of = |text: fn(&Run) -> &String| {
        let times = runs.iter().map(|run| {
            let text = text(run);
            moment(text, file).map(|at| (at, text.clone()))
        });
        times.collect::<Result<Vec<_>, _>>()
    };
    let first = |times: Vec<(Timestamp, String)>| times.into_iter().min().unwrap_or_default().1;
    let last = |times: Vec<(Timestamp, String)>| times.into_iter().max().unwrap_or_default().1;
    let one = runs.first().copied().cloned().unwrap_or_default();
    Ok(Run {
        started_at: first(of(|run| &run.started_at)?),
        finished_at: last(of(|run| &run.finished_at)?),
        judged_at: first(of(|run| &run.judged_at)?),
        interrupted: is_partial || runs.iter().any(|run| run.interrupted),
        shard: None,
        ..one
    })
}

fn moment(text: &str, file: &str) -> Result<Timestamp, JoinError> {
    text.parse().map_err(|_| JoinError::Time {
        file: file.to_owned(),
        text: text.to_owned(),
    })
}

fn assemble(about: Run, parts: Vec<(String, Matrix)>, at: Timestamp, missing: &[String]) -> Matrix {
    let mut cells: Vec<Cell> = vec![];
    let mut targets = vec![];
    let mut sources = vec![];
    for (_, matrix) in parts {
        cells.extend(matrix.cells);
        targets.extend(matrix.targets);
        sources.extend(matrix.sources);
    }
    // Replicas stand at one place, and in order.
    cells.sort_by_key(|cell| cell.place);
    let mut rows: HashMap<String, usize> = HashMap::new();
    let mut columns: HashMap<String, usize> = HashMap::new();
    for (nth, cell) in cells.iter().enumerate() {
        rows.entry(cell.from.clone()).or_insert(nth);
        columns.entry(cell.to.clone()).or_insert(nth);
    }
    let place = |of: &HashMap<String, usize>, name: &String| of.get(name).copied();
    // What has no cell comes last.
    let last = |place: Option<usize>| (place.is_none(), place);
    targets.sort_by_key(|target| last(place(&columns, &target.name)));
    sources.sort_by_key(|source| last(place(&rows, &source.name)));
    let mut known = HashSet::new();
    sources.retain(|source| {
        let leaf = source.chain.first().map(|leaf| leaf.sha256.clone());
        known.insert((source.name.clone(), leaf))
    });
    for cell in &mut cells {
        cell.place = None;
    }
    let mut matrix = Matrix {
        schema: SCHEMA.to_owned(),
        totals: Totals::of(&cells),
        findings: findings(&cells, &targets, at),
        run: about,
        cells,
        targets,
        sources,
    };
    let will_break = outlook::will_break(&matrix, at);
    matrix.findings.extend(will_break);
    // Among errors first: what else is said lacks their cells.
    matrix.findings.splice(..0, missing_shards(missing));
    matrix.findings.sort_by_key(|finding| finding.severity);
    matrix.bounded()
}

fn missing_shards(missing: &[String]) -> Option<Finding> {
    let about = listed(missing);
    let (first, rest) = missing.split_first()?;
    let what = match rest {
        [] => format!("shard {first}"),
        _ => format!("shards {about}"),
    };
    Some(Finding {
        code: SHARDS_MISSING.into(),
        severity: Severity::Error,
        message: format!("what came of {what} is missing, and with them all cells of their servers"),
        about,
        fix: "See why these runs wrote no result: the log and the exit code of the pod with that index. Then run them again, with the same suites.".into(),
    })
}

/// The code of the finding.
const SHARDS_MISSING: &str = "SHARDS_MISSING";

#[cfg(test)]
mod tests;
