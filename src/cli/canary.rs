//! `probe canary`: the suites round after round, and whether they hold.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::arguments::{self, Common};
use super::output::{no_files, style};
use super::rotation::Ready;
use super::stop::Stop;
use super::{Terminal, Trouble, config, progress, stored};
use crate::canary::{Baseline, Limits, Over, Progress, Round};
use crate::exit::Exit;
use crate::identity::mint::Moment;
use crate::matrix::Matrix;
use crate::plan::{Plan, plan};
use crate::report::{self, Listing};
use crate::rotation::Phase;
use crate::run::{self, Materials, Settings, Unusable};
use crate::suite::{Expectation, Suite, printable};

pub(super) async fn canary(
    how: &arguments::Canary,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    check(how, common)?;
    let format = match common.format()? {
        None if terminal.interactive => Listing::Table,
        None => Listing::Ndjson,
        Some(format) => format,
    };
    let mut suites = config::named(&how.suites.suites, common)?;
    let fleet = Fleet::new(&suites, how).await?;
    if let Some(fleet) = &fleet {
        for name in fleet.set_apart(&mut suites) {
            let name = printable(&name);
            writeln!(
                terminal.err,
                "{name} comes to tell the phase: what the suite expects of {name} does not count"
            )?;
        }
    }
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
        until: how.until.map(|_| ROUNDS_ON_END),
    };
    let stop = Stop::default();
    let mut canary = crate::canary::Canary::new(limits, baseline, run::now());
    let bar = progress::rounds(common, terminal);
    let mut rounds = Rounds {
        plan: Arc::new(plan(&suites).map_err(Trouble::usage)?),
        suites,
        materials: None,
        fleet,
        settings: Settings {
            concurrency: common.concurrency,
            rate: common.rate,
            as_of: common.at.unwrap_or(Moment::NOW),
        },
        stopped: watched(&stop),
        trouble: vec![],
    };
    let mut next = Instant::now();
    let over = loop {
        let from = run::now();
        let Some((matrix, progress)) = rounds.one(terminal).await? else {
            break Over::Stopped;
        };
        let (round, over) = canary.round(&matrix, progress, from, run::now());
        bar.set_message(message(&round));
        bar.inc(1);
        if format == Listing::Ndjson {
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
        Listing::Ndjson => report::canary::end(&summary, terminal.out)?,
        Listing::Json => report::json(&summary, terminal.out)?,
        Listing::Table => {
            report::canary::table(&summary, &style(common, terminal), terminal.out)?;
        }
    }
    Ok(stop
        .exit()
        .unwrap_or_else(|| Exit::of_canary(&summary, how.until.is_some())))
}

/// What can be said before any file is read.
fn check(how: &arguments::Canary, common: &Common) -> Result<(), Trouble> {
    no_files(common, "the rounds with --format ndjson")?;
    match (how.rounds, how.span, how.until) {
        (None, None, Some(_)) => Err(Trouble::usage(
            "--until alone might wait for ever; say for how long, with --for DURATION or --rounds N",
        )),
        (None, None, None) => Err(Trouble::usage(
            "nothing says when it is over; give --for DURATION or --rounds N",
        )),
        (Some(_), _, _) | (_, Some(_), _) => Ok(()),
    }
}

/// Turns true with the first signal.
fn watched(stop: &Stop) -> watch::Receiver<bool> {
    let (stopping, stopped) = watch::channel(false);
    let stop = stop.clone();
    tokio::spawn(async move {
        stop.wait().await;
        let _ = stopping.send(true);
    });
    stopped
}

/// A fleet in a rotation, asked by the two clients alone: with them come both roots, and the suite's own
/// rows must be judged by the suite's own bundle.
struct Fleet {
    ready: Ready,
    until: Option<Phase>,
    /// It has been read before, so that what is wrong now has come about since.
    was_read: bool,
}

impl Fleet {
    /// Nothing where neither suites nor flags are about a rotation.
    async fn new(suites: &[Suite], how: &arguments::Canary) -> Result<Option<Self>, Trouble> {
        let has_section = suites.iter().any(|suite| suite.rotation.is_some());
        if !has_section && !how.sides.is_given() {
            return match how.until {
                None => Ok(None),
                Some(_) => Err(Trouble::usage(format!(
                    "--until waits for a phase of a rotation; {NAME_IT}"
                ))),
            };
        }
        let ready = Ready::new(suites.to_vec(), &how.sides, true).await?;
        // Of sources that are workloads the leaves change while we look.
        if ready.canaries().is_none() {
            return Err(Trouble::usage(format!(
                "nobody is named who tells the phase; {NAME_IT}"
            )));
        }
        Ok(Some(Self {
            ready,
            until: how.until,
            was_read: false,
        }))
    }

    /// Takes the two clients out of the suites: one is to be refused at first, and the other in the end.
    /// Returns those of whom something is expected.
    fn set_apart(&self, suites: &mut [Suite]) -> Vec<String> {
        let Some((old, new)) = self.ready.canaries() else {
            return vec![];
        };
        let mut expected = vec![];
        for suite in suites {
            for name in [old, new] {
                let is_named = suite.expectations.iter().any(|line| match line {
                    Expectation::Cells { from, .. } => {
                        from.iter().any(|source| source.as_str() == name)
                    }
                    Expectation::Mode { .. } => false,
                });
                if is_named && !expected.iter().any(|known| known == name) {
                    expected.push(name.to_owned());
                }
            }
            suite
                .sources
                .retain(|source| ![old, new].contains(&source.name.as_str()));
        }
        expected
    }

    async fn read(&mut self, matrix: &Matrix) -> Result<Progress, Trouble> {
        match self.ready.read(matrix).await {
            Ok(rotation) if rotation.roots.same_key && self.until.is_some() => Err(Trouble::usage(
                "the old and the new root have one key: nobody can tell them apart, and there is no phase to wait for",
            )),
            Ok(rotation) => {
                self.was_read = true;
                Ok(Progress::of(&rotation, self.until))
            }
            Err(Trouble::Usage(why)) if self.was_read => Ok(Progress::unread(why)),
            Err(trouble) => Err(trouble),
        }
    }
}

/// What every round needs.
struct Rounds {
    suites: Vec<Suite>,
    plan: Arc<Plan>,
    /// Bundles are read again for each round; what was read last serves while a file is being
    /// replaced.
    materials: Option<Arc<Materials>>,
    fleet: Option<Fleet>,
    settings: Settings,
    stopped: watch::Receiver<bool>,
    /// What could not be read last.
    trouble: Vec<String>,
}

impl Rounds {
    /// Makes one round; nothing where a signal ends it.
    async fn one(
        &mut self,
        terminal: &mut Terminal<'_>,
    ) -> Result<Option<(Matrix, Option<Progress>)>, Trouble> {
        let mut troubles = vec![];
        let gathered = match &self.materials {
            Some(materials) => materials.again(&self.suites, run::now()).await,
            None => Materials::gather(&self.suites, run::now()).await,
        };
        let materials = match (gathered, &self.materials) {
            (Ok(materials), _) => Arc::new(materials),
            (Err(unusable), Some(materials)) => {
                troubles.extend(unusable);
                Arc::clone(materials)
            }
            (Err(unusable), None) => return Err(Trouble::Unusable(unusable)),
        };
        troubles.extend(materials.troubles().iter().cloned());
        self.materials = Some(Arc::clone(&materials));
        if let Some(fleet) = self.fleet.as_mut().filter(|fleet| fleet.was_read)
            && let Err(unusable) = fleet.ready.renew().await
        {
            troubles.extend(unusable);
        }
        self.tell(&troubles, terminal)?;
        let plan = Arc::clone(&self.plan);
        let matrix = self.run(&self.suites, plan, materials).await;
        if matrix.run.interrupted {
            return Ok(None);
        }
        let Some(Fleet { ready, .. }) = &self.fleet else {
            return Ok(Some((matrix, None)));
        };
        let (plan, materials) = (Arc::clone(&ready.plan), Arc::clone(&ready.materials));
        let asked = self.run(&ready.suites, plan, materials).await;
        if asked.run.interrupted {
            return Ok(None);
        }
        let progress = match &mut self.fleet {
            Some(fleet) => Some(fleet.read(&asked).await?),
            None => None,
        };
        Ok(Some((matrix, progress)))
    }

    async fn run(&self, suites: &[Suite], plan: Arc<Plan>, materials: Arc<Materials>) -> Matrix {
        let mut stopped = self.stopped.clone();
        let stop = async move {
            if stopped.wait_for(|stopped| *stopped).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        run::run(suites, plan, materials, self.settings, stop, |_event| {}).await
    }

    /// Says what cannot be read, once for as long as it stays so.
    fn tell(&mut self, troubles: &[Unusable], terminal: &mut Terminal<'_>) -> Result<(), Trouble> {
        let troubles: Vec<String> = troubles.iter().map(ToString::to_string).collect();
        for trouble in troubles.iter().filter(|one| !self.trouble.contains(one)) {
            let trouble = printable(trouble);
            writeln!(
                terminal.err,
                "{trouble}; going on with what was read before"
            )?;
        }
        self.trouble = troubles;
        Ok(())
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
    if let Some(progress) = &round.progress {
        words.push_str(&format!("; fleet {}", progress.phase));
        if let Some(first) = progress.behind.first() {
            let (count, first) = (progress.behind_count, printable(first));
            words.push_str(&format!(", {count} behind: {first}"));
        }
    }
    words
}

/// One look may be a lucky one.
const ROUNDS_ON_END: u32 = 2;
const NAME_IT: &str = "write a section `rotation` in the suite, or name the two clients with --old-client and --new-client, and the roots with --old-root and --new-root";
