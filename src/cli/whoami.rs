//! `probe whoami`: who the sources of suites are.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::arguments::{self, Common};
use super::output::{no_files, style};
use super::sources::{Look, anchors, chosen, judged, left_out, together, trust, with_certificate};
use super::stop::Stop;
use super::{Terminal, Trouble};
use crate::certificate::Trust;
use crate::exit::Exit;
use crate::identity::mint::Moment;
use crate::identity::{Anchorage, IdentityError, Supplier, Supply};
use crate::report::whoami::{Event, Found, Happened, SCHEMA, Who, Whoami};
use crate::report::{Listing, whoami as report};
use crate::run;
use crate::suite::{Source, Suite, Whose};

pub(super) async fn whoami(
    how: &arguments::Whoami,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let suites = chosen(&how.who, common)?;
    let format = common.format()?.unwrap_or(Listing::Table);
    no_files(common, "this one with --format json")?;
    let as_of = common.at.unwrap_or(Moment::NOW);
    if how.watch {
        return watch(&suites, as_of, how.span, format, common, terminal).await;
    }
    let whoami = look(&suites, run::now(), as_of).await;
    match format {
        Listing::Table => report::table(&whoami, &style(common, terminal), terminal.out)?,
        Listing::Json | Listing::Ndjson => report::json(&whoami, terminal.out)?,
    }
    Ok(exit(&whoami.sources, whoami.is_fine()))
}

/// Where there is nothing nothing is green.
fn exit(sources: &[Who], is_fine: bool) -> Exit {
    match (sources, is_fine) {
        ([], _) => Exit::Unknown,
        (_, true) => Exit::Met,
        (_, false) => Exit::Broken,
    }
}

/// All of them as they are now.
async fn look(suites: &[Suite], now: Timestamp, as_of: Moment) -> Whoami {
    let at = as_of.at(now);
    let look = Look::at(suites, now).await;
    let sources = look.sources.iter().map(|seen| {
        let found = seen.found.as_ref();
        who(&seen.suite.name, seen.source, found, &seen.trust, at)
    });
    let bundles = look.bundles.iter();
    Whoami {
        schema: SCHEMA,
        at: at.to_string(),
        sources: sources.collect(),
        bundles: bundles.map(|(suite, one)| anchors(suite, one)).collect(),
        troubles: look.troubles,
        left_out: left_out(suites),
    }
}

fn who(
    suite: &str,
    source: &Source,
    loaded: Result<&Supply, &IdentityError>,
    trust: &Trust,
    at: Timestamp,
) -> Who {
    let found = loaded.map(|supply| {
        let (judgement, by) = judged(source, supply, trust, at);
        Found::of(supply, &judgement, by, at)
    });
    Who::of(suite, source, found)
}

/// Tells whenever one of them changes.
async fn watch(
    suites: &[Suite],
    as_of: Moment,
    span: Option<Duration>,
    format: Listing,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let (tell, mut told) = unbounded_channel();
    let mut watchers = JoinSet::new();
    let mut latest: Vec<Option<Who>> = vec![];
    for suite in suites {
        let kept = Arc::new(Kept::open(suite).await);
        for source in with_certificate(suite) {
            let watcher = Watcher {
                nth: latest.len(),
                suite: suite.name.clone(),
                source: source.clone(),
                trust: Arc::clone(&kept),
                as_of,
                tell: tell.clone(),
            };
            latest.push(None);
            watchers.spawn(watcher.watch());
        }
    }
    drop(tell);
    if latest.is_empty() {
        return Ok(Exit::Unknown);
    }
    let stop = Stop::default();
    let style = style(common, terminal);
    let out = &mut *terminal.out;
    let telling = async {
        while let Some((nth, event)) = told.recv().await {
            match format {
                Listing::Table => report::event(&event, &style, out)?,
                Listing::Json | Listing::Ndjson => report::event_line(&event, out)?,
            }
            if let Some(latest) = latest.get_mut(nth) {
                *latest = Some(event.source);
            }
        }
        Ok::<(), Trouble>(())
    };
    let telling = timeout(span.unwrap_or(Duration::MAX), telling);
    tokio::select! {
        done = telling => if let Ok(done) = done {
            done?;
        },
        () = stop.clone().wait() => {}
    }
    let is_fine = latest
        .iter()
        .all(|who| who.as_ref().is_some_and(Who::is_fine));
    let latest: Vec<_> = latest.into_iter().flatten().collect();
    Ok(stop.exit().unwrap_or_else(|| exit(&latest, is_fine)))
}

/// What a suite trusts, as fresh as its origins.
struct Kept {
    bundles: Vec<(Whose, Anchorage)>,
    /// Revocation lists, as they were in the beginning.
    rest: Trust,
}

impl Kept {
    /// What cannot be had is left out; a chain that needs it does not verify.
    async fn open(suite: &Suite) -> Self {
        let bundles = suite.bundles.iter().cloned();
        let bundles = together(bundles.map(|bundle| async move {
            let anchorage = Anchorage::open(&bundle.origin).await.ok()?;
            Some((bundle.whose, anchorage))
        }));
        Self {
            bundles: bundles.await.into_iter().flatten().collect(),
            rest: trust(suite, &[]).0,
        }
    }

    async fn current(&self) -> Trust {
        let mut trust = self.rest.clone();
        for (whose, anchorage) in &self.bundles {
            if let Ok(held) = anchorage.current().await {
                whose.admit(&mut trust, &held);
            }
        }
        trust
    }
}

/// Looks at one source again and again.
struct Watcher {
    nth: usize,
    suite: String,
    source: Source,
    trust: Arc<Kept>,
    as_of: Moment,
    tell: UnboundedSender<(usize, Event)>,
}

impl Watcher {
    async fn watch(self) {
        let mut supplier: Option<Supplier> = None;
        let mut before: Option<Who> = None;
        loop {
            let now = run::now();
            let found = self.look(&mut supplier, now).await;
            let trust = self.trust.current().await;
            let at = self.as_of.at(now);
            let loaded = found.as_ref().map(|supply| &**supply);
            let who = who(&self.suite, &self.source, loaded, &trust, at);
            if let Some(event) = Happened::between(before.as_ref(), &who) {
                let event = Event {
                    schema: SCHEMA,
                    at: to_the_second(now),
                    event,
                    source: who.clone(),
                };
                if self.tell.send((self.nth, event)).is_err() {
                    return;
                }
            }
            before = Some(who);
            sleep(if supplier.is_some() {
                AGAIN
            } else {
                ANOTHER_TRY
            })
            .await;
        }
    }

    async fn look(
        &self,
        supplier: &mut Option<Supplier>,
        now: Timestamp,
    ) -> Result<Arc<Supply>, IdentityError> {
        if let Some(supplier) = supplier {
            return supplier.current().await;
        }
        match Supplier::open(&self.source.origin, now).await? {
            Some(new) => supplier.insert(new).current().await,
            // A source with a certificate is never nothing.
            None => std::future::pending().await,
        }
    }
}

fn to_the_second(now: Timestamp) -> String {
    let rest = SignedDuration::from_nanos(i64::from(now.subsec_nanosecond()));
    now.checked_sub(rest).unwrap_or(now).to_string()
}

/// How often a source is looked at; it costs a look at a file, or nothing.
const AGAIN: Duration = Duration::from_millis(250);
/// How often one that was never there is asked for.
const ANOTHER_TRY: Duration = Duration::from_secs(1);
