//! `probe canary`: the suites round after round, and whether they hold.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::arguments::{self, Common};
use super::output::style;
use super::stop::Stop;
use super::{Terminal, Trouble, config, progress, stored};
use crate::canary::{Baseline, Limits, Over, Round};
use crate::exit::Exit;
use crate::identity::mint::Moment;
use crate::plan::{Plan, plan};
use crate::report::{self, Format};
use crate::run::{self, Materials, Settings};
use crate::suite::Suite;

pub(super) async fn canary(
    how: &arguments::Canary,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    if how.rounds.is_none() && how.span.is_none() {
        return Err(Trouble::usage(
            "nothing says when it is over; give --for DURATION or --rounds N",
        ));
    }
    let format = match common.format()? {
        None if terminal.interactive => Format::Table,
        None => Format::Ndjson,
        Some(format) => format,
    };
    let suites = config::named(&how.suites.suites, common)?;
    let plan = Arc::new(plan(&suites).map_err(Trouble::usage)?);
    let baseline = match &how.baseline {
        Some(path) => Baseline::of(&stored::read(path)?),
        None => Baseline::default(),
    };
    let limits = Limits {
        rounds: how.rounds,
        span: how.span,
        max_broken: how.max_broken,
        max_flake: how.max_flake,
        max_gap: how.max_gap,
        until: None,
    };
    let stop = Stop::default();
    let (stopping, stopped) = watch::channel(false);
    tokio::spawn({
        let stop = stop.clone();
        async move {
            stop.wait().await;
            let _ = stopping.send(true);
        }
    });
    let mut canary = crate::canary::Canary::new(limits, baseline, run::now());
    let bar = progress::rounds(common, terminal);
    let mut rounds = Rounds {
        suites: &suites,
        plan,
        settings: Settings {
            concurrency: common.concurrency,
            rate: common.rate,
            as_of: common.at.unwrap_or(Moment::NOW),
        },
        materials: None,
        stopped,
    };
    let mut next = Instant::now();
    let over = loop {
        let from = run::now();
        let matrix = rounds.one().await?;
        if matrix.run.interrupted {
            break Over::Stopped;
        }
        let (round, over) = canary.round(&matrix, None, from, run::now());
        bar.set_message(message(&round));
        bar.inc(1);
        if format == Format::Ndjson {
            bar.suspend(|| report::canary::round(&round, terminal.out))?;
        }
        if let Some(over) = over {
            break over;
        }
        next = (next + how.every).max(Instant::now());
        if rounds.rest(next).await {
            break Over::Stopped;
        }
    };
    bar.finish_and_clear();
    let summary = canary.summary(over, run::now());
    match format {
        Format::Ndjson => report::canary::end(&summary, terminal.out)?,
        Format::Json => report::json(&summary, terminal.out)?,
        Format::Table => {
            report::canary::table(&summary, &style(common, terminal), terminal.out)?;
        }
    }
    Ok(stop
        .exit()
        .unwrap_or_else(|| Exit::of_canary(&summary, false)))
}

/// What every round needs.
struct Rounds<'a> {
    suites: &'a [Suite],
    plan: Arc<Plan>,
    settings: Settings,
    /// Bundles are read again for each round; what was read last serves while a file is being
    /// replaced.
    materials: Option<Arc<Materials>>,
    stopped: watch::Receiver<bool>,
}

impl Rounds<'_> {
    /// Makes one round.
    async fn one(&mut self) -> Result<crate::matrix::Matrix, Trouble> {
        match (
            Materials::gather(self.suites, run::now()).await,
            &self.materials,
        ) {
            (Ok(materials), _) => self.materials = Some(Arc::new(materials)),
            (Err(_), Some(_)) => {}
            (Err(troubles), None) => return Err(Trouble::Unusable(troubles)),
        }
        let Some(materials) = self.materials.clone() else {
            return Err(Trouble::usage("nothing to come with"));
        };
        let mut stopped = self.stopped.clone();
        let stop = async move {
            if stopped.wait_for(|stopped| *stopped).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let plan = Arc::clone(&self.plan);
        Ok(run::run(
            self.suites,
            plan,
            materials,
            self.settings,
            stop,
            |_event| {},
        )
        .await)
    }

    /// Waits for the next round; true where a signal comes first.
    async fn rest(&mut self, until: Instant) -> bool {
        let stopped = self.stopped.wait_for(|stopped| *stopped);
        tokio::select! {
            biased;
            stopped = stopped => stopped.is_ok(),
            () = sleep_until(until) => false,
        }
    }
}

/// One round in a few words, for those who watch.
fn message(round: &Round) -> String {
    let mut words = format!("{} of {} cells as they should be", round.met, round.cells);
    for (count, what) in [
        (round.broken, "broken"),
        (round.down, "down"),
        (round.open, "open"),
    ] {
        if count > 0 {
            words.push_str(&format!(", {count} {what}"));
        }
    }
    words
}
