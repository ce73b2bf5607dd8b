//! `probe diff`: two stored results compared.

use super::arguments::{Common, Diff};
use super::output::Output;
use super::{Terminal, Trouble, stored};
use crate::diff::diff as compare;
use crate::exit::Exit;
use crate::report::{self, Paper};

pub(super) fn diff(
    what: &Diff,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let output: Output<Paper> = Output::new(common, terminal)?;
    let (before, after) = (stored::read(&what.before)?, stored::read(&what.after)?);
    let mut diff = compare(&before, &after);
    diff.before.file = Some(what.before.display().to_string());
    diff.after.file = Some(what.after.display().to_string());
    output.write(terminal.out, |paper, style, mut out| {
        report::diff::write(&diff, paper, style, &mut out)
    })?;
    Ok(Exit::of_diff(&diff))
}
