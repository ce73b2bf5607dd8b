//! Results that are stored in files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::Trouble;
use crate::matrix::Matrix;
use crate::matrix::stored::MAX_STORED;

/// Reads one. Pipes will do as well.
pub(super) fn read(path: &Path) -> Result<Matrix, Trouble> {
    let name = path.display();
    let cannot = |err: io::Error| Trouble::usage(format!("cannot read {name}: {err}"));
    let file = File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.is_dir() {
        return Err(Trouble::usage(format!(
            "{name} is a folder; name the file that -o json=FILE wrote"
        )));
    }
    let mut bytes = vec![];
    file.take(MAX_STORED + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > MAX_STORED {
        return Err(Trouble::usage(format!(
            "{name} has more than {} MiB, and no result of a run has; is it the right file?",
            MAX_STORED >> 20
        )));
    }
    Matrix::stored(&bytes).map_err(|why| Trouble::usage(format!("{name} {why}")))
}
