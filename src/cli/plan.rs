//! `probe plan`: what would be probed.

use super::arguments::{Common, Planned};
use super::{Terminal, Trouble, config};
use crate::exit::Exit;
use crate::plan::plan as make_plan;
use crate::report::{Listing, plan as report};

pub(super) fn plan(
    which: &Planned,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let suites = config::named(&which.suites.suites, common)?;
    let mut plan = make_plan(&suites).map_err(Trouble::usage)?;
    if let Some(shard) = which.shard {
        plan = plan.shard(shard).map_err(Trouble::usage)?;
    }
    match common.format()?.unwrap_or(Listing::Table) {
        Listing::Table => report::table(&plan, terminal.out)?,
        Listing::Json | Listing::Ndjson => report::json(&plan, terminal.out)?,
    }
    Ok(Exit::Met)
}
