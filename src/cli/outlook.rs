//! `probe outlook`: what will break by a moment to come, from a stored result.

use jiff::SignedDuration;

use super::arguments::{Common, Outlook};
use super::output::Output;
use super::{Terminal, Trouble, stored};
use crate::exit::Exit;
use crate::identity::mint::Moment;
use crate::outlook::outlook as look_ahead;
use crate::report::{self, Paper};
use crate::run;

pub(super) fn outlook(
    what: &Outlook,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let output: Output<Paper> = Output::new(common, terminal)?;
    let matrix = stored::read(&what.result)?;
    let at = common.at.unwrap_or(Moment::After(USUAL)).at(run::now());
    let mut outlook = look_ahead(&matrix, at);
    outlook.file = Some(what.result.display().to_string());
    output.write(terminal.out, |paper, style, mut out| {
        report::outlook::write(&outlook, paper, style, &mut out)
    })?;
    Ok(Exit::of_outlook(&outlook))
}

/// How far one looks without `--at`.
const USUAL: SignedDuration = SignedDuration::from_hours(12);
