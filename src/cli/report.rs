//! `probe report`: a stored result, written again.

use super::arguments::{Common, Report};
use super::output::Output;
use super::push::Gateway;
use super::{Terminal, Trouble, stored};
use crate::exit::Exit;

pub(super) async fn report(
    what: &Report,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let output: Output = Output::new(common, terminal)?;
    let gateway = Gateway::new(&what.push)?;
    let matrix = stored::read(&what.result)?;
    output.files(&matrix)?;
    let written = output.whole(&matrix, terminal.out);
    if let Some(gateway) = gateway {
        gateway.push(&matrix, output.style()).await?;
    }
    written?;
    Ok(Exit::of(&matrix))
}
