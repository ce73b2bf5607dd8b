//! `probe explain`: what a code means, and what to do.

use super::arguments::{Common, Explain};
use super::output::Output;
use super::{Terminal, Trouble};
use crate::exit::Exit;
use crate::report::{Paper, explain as explained};

pub(super) fn explain(
    what: &Explain,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let output: Output<Paper> = Output::new(common, terminal)?;
    let topic = what.code.as_deref().map(explained::find).transpose();
    let topic = topic.map_err(Trouble::usage)?;
    output.write(terminal.out, |paper, style, mut out| match topic {
        Some(topic) => explained::write(topic, paper, style, &mut out),
        None => explained::write_all(paper, style, &mut out),
    })?;
    Ok(Exit::Met)
}
