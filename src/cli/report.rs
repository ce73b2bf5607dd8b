//! `probe report`: a stored result, written again; or the results of shards, joined.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::arguments::{Common, Report};
use super::output::Output;
use super::push::Gateway;
use super::{Terminal, Trouble, stored};
use crate::exit::Exit;
use crate::matrix::Matrix;
use crate::shards;

pub(super) async fn report(
    what: &Report,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let output: Output = Output::new(common, terminal)?;
    let gateway = Gateway::new(&what.push)?;
    let deadline = what.wait.map(|wait| Instant::now() + wait);
    let matrix = loop {
        let read = read(&what.results);
        let is_whole = matches!(&read, Ok(matrix) if !matrix.run.interrupted);
        let is_late = deadline.is_none_or(|deadline| Instant::now() >= deadline);
        if is_whole || is_late {
            break read?;
        }
        sleep(BETWEEN_LOOKS).await;
    };
    output.files(&matrix)?;
    let written = output.whole(&matrix, terminal.out);
    if let Some(gateway) = gateway {
        gateway.push(&matrix, output.style()).await?;
    }
    written?;
    Ok(Exit::of(&matrix))
}

/// One file as it is; several, and all of a folder, as the shards of one run.
fn read(paths: &[PathBuf]) -> Result<Matrix, Trouble> {
    if let [path] = paths
        && !path.is_dir()
    {
        return stored::read(path);
    }
    let mut files = vec![];
    for path in paths {
        match path.is_dir() {
            true => files.extend(results(path)?),
            false => files.push(path.clone()),
        }
    }
    let parts = files.iter().map(|file| {
        let matrix = stored::read(file)?;
        Ok((file.display().to_string(), matrix))
    });
    let parts = parts.collect::<Result<Vec<_>, Trouble>>()?;
    shards::join(parts).map_err(Trouble::usage)
}

/// Every `*.json` of a folder, in the order of their names.
fn results(folder: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let name = folder.display();
    let cannot = |err| Trouble::usage(format!("cannot read {name}: {err}"));
    let mut files = vec![];
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file.extension().is_some_and(|end| end == "json") && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let words = format!("there is no result (*.json) in {name}; store some with -o json=FILE");
        return Err(Trouble::usage(words));
    }
    Ok(files)
}

/// Results are large, and runs take their time.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
