//! `probe run`: suites in, matrix out.

use std::sync::Arc;

use super::arguments::{Common, Planned, Run};
use super::output::Output;
use super::push::Gateway;
use super::stop::Stop;
use super::{Terminal, Trouble, config, progress};
use crate::exit::Exit;
use crate::identity::mint::Moment;
use crate::plan::{Shard, plan};
use crate::run::{self, Event, Materials, Settings};
use crate::suite::{Suite, printable};

pub(super) async fn run(
    how: &Run,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let Planned { suites, shard } = &how.planned;
    let suites = config::named(&suites.suites, common)?;
    let output = Output::new(common, terminal)?;
    let gateway = Gateway::new(&how.push)?;
    if let (Some(shard), Some(_)) = (shard, &gateway) {
        return Err(Trouble::usage(format!(
            "--push of shard {shard} would take the place of the other shards' metrics; push what \
             `probe report` makes of all of them"
        )));
    }
    probe(&suites, *shard, common, &output, gateway.as_ref(), terminal).await
}

/// Probes suites with the settings of the flags, and writes the result: as it comes where the output
/// streams, and whole where a signal ends the run early. Metrics are pushed last.
pub(super) async fn probe(
    suites: &[Suite],
    shard: Option<Shard>,
    common: &Common,
    output: &Output,
    gateway: Option<&Gateway>,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let whole = plan(suites).map_err(Trouble::usage)?;
    let plan = match shard {
        Some(shard) => whole.shard(shard).map_err(Trouble::usage)?,
        None => whole,
    };
    let materials = Materials::gather(suites, run::now())
        .await
        .map_err(Trouble::Unusable)?;
    let settings = Settings {
        concurrency: common.concurrency,
        rate: common.rate,
        as_of: common.at.unwrap_or(Moment::NOW),
    };
    for trouble in materials.troubles() {
        let trouble = printable(&trouble.to_string());
        writeln!(terminal.err, "error: {trouble}")?;
    }
    let bar = progress::bar(common, terminal);
    let stop = Stop::default();
    let mut streamed = Ok(());
    let out = &mut *terminal.out;
    let tell = |event| match event {
        Event::Begun(probes) => bar.set_length(probes as u64),
        Event::Probed => bar.inc(1),
        Event::Settled(cells) if output.is_stream() && streamed.is_ok() => {
            // The stream may go to the terminal that shows the progress.
            streamed = bar.suspend(|| output.cells(&cells, out));
        }
        Event::Settled(_) => {}
    };
    let waiting = stop.clone().wait();
    let matrix = run::run(
        suites,
        Arc::new(plan),
        Arc::new(materials),
        settings,
        waiting,
        tell,
    )
    .await;
    bar.finish_and_clear();
    output.files(&matrix)?;
    let written = streamed.and_then(|()| output.rest(&matrix, terminal.out));
    // Whoever closes our stdout early has no say in what is pushed.
    let pushed = match gateway {
        Some(gateway) => gateway.push(&matrix, output.style()).await,
        None => Ok(()),
    };
    written?;
    match (pushed, stop.exit()) {
        (Err(trouble), None) => Err(trouble),
        (Err(trouble), Some(exit)) => {
            // How it was stopped says more than that nothing was pushed.
            trouble.tell(terminal);
            Ok(exit)
        }
        (Ok(()), exit) => Ok(exit.unwrap_or_else(|| Exit::of(&matrix))),
    }
}
