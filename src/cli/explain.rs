//! `probe explain`: what a code means, and what to do.

use super::arguments::{Common, Explain};
use super::{Terminal, Trouble};
use crate::exit::Exit;

pub(super) fn explain(what: &Explain, _: &Common, _: &mut Terminal<'_>) -> Result<Exit, Trouble> {
    Err(Trouble::usage(format!(
        "{:?} is not explained yet",
        what.code
    )))
}
