//! `probe report`: a stored result, written again.

use super::arguments::{Common, Report};
use super::output::Output;
use super::{Terminal, Trouble, stored};
use crate::exit::Exit;

pub(super) fn report(
    what: &Report,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let output: Output = Output::new(common, terminal)?;
    let matrix = stored::read(&what.result)?;
    output.files(&matrix)?;
    output.whole(&matrix, terminal.out)?;
    Ok(Exit::of(&matrix))
}
