//! `probe rotation`: how far a CA rotation is, and whether the next step is safe.

use std::path::PathBuf;
use std::sync::Arc;

use super::arguments::{Common, Rotation as Flags, Sides};
use super::output::no_files;
use super::stop::Stop;
use super::{Terminal, Trouble, config, progress};
use crate::certificate::{Bundle, Purpose, SpiffeId};
use crate::exit::Exit;
use crate::identity::mint::{Ca, Mint, Moment};
use crate::identity::{self, Origin, Walk, files};
use crate::matrix::{Certificate, Matrix};
use crate::plan::{Plan, plan};
use crate::report::{self, Listing};
use crate::rotation::{Go, OwnLeaf, Phase, Question, Roots, Rotation, Step};
use crate::run::{self, Event, Materials, Settings, Unusable};
use crate::suite::{Canary, Place, Source, SourceName, Suite};
use jiff::{SignedDuration, Timestamp};

pub(super) async fn rotation(
    how: &Flags,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    no_files(common, "the report on a rotation with --format json")?;
    let suites = config::named(&how.suites, common)?;
    let ready = Ready::new(suites, &how.sides, how.only_canaries).await?;
    let settings = Settings {
        concurrency: common.concurrency,
        rate: common.rate,
        as_of: common.at.unwrap_or(Moment::NOW),
    };
    let bar = progress::bar(common, terminal);
    let stop = Stop::default();
    let tell = |event| match event {
        Event::Begun(probes) => bar.set_length(probes as u64),
        Event::Probed => bar.inc(1),
        Event::Settled(_) => {}
    };
    let matrix = run::run(
        &ready.suites,
        Arc::clone(&ready.plan),
        Arc::clone(&ready.materials),
        settings,
        stop.clone().wait(),
        tell,
    )
    .await;
    bar.finish_and_clear();
    // What is missing of a run that was stopped might be what stands in the way.
    if let Some(exit) = stop.exit() {
        writeln!(
            terminal.err,
            "stopped before everybody was asked: no verdict"
        )?;
        return Ok(exit);
    }
    let rotation = ready.read(&matrix).await?;
    match common.format()?.unwrap_or(Listing::Table) {
        Listing::Table => report::rotation::table(&rotation, common.verbose > 0, terminal.out)?,
        Listing::Json | Listing::Ndjson => report::rotation::json(&rotation, terminal.out)?,
    }
    Ok(exit(&rotation, how.gate, how.expect))
}

/// How a rotation exits: by the gate or the phase that is asked for, else by whether it is safe to go
/// on.
pub(super) fn exit(rotation: &Rotation, gate: Option<Step>, expect: Option<Phase>) -> Exit {
    let of_gate = gate.map(|step| match rotation.step(step) {
        Some(report) => of(report.go),
        None => Exit::Unknown,
    });
    let of_phase = expect.map(|phase| match rotation.is_in(phase) {
        Some(true) => Exit::Met,
        Some(false) => Exit::Broken,
        None => Exit::Unknown,
    });
    let asked: Vec<Exit> = of_gate.into_iter().chain(of_phase).collect();
    match asked.as_slice() {
        [] => of(rotation.verdict()),
        all if all.contains(&Exit::Broken) => Exit::Broken,
        all if all.contains(&Exit::Unknown) => Exit::Unknown,
        _ => Exit::Met,
    }
}

fn of(go: Go) -> Exit {
    match go {
        Go::Safe => Exit::Met,
        Go::Refused => Exit::Broken,
        Go::Unknown => Exit::Unknown,
    }
}

/// All that a round needs; rounds may be repeated.
pub(super) struct Ready {
    pub(super) suites: Vec<Suite>,
    pub(super) plan: Arc<Plan>,
    pub(super) materials: Arc<Materials>,
    /// The roots that files hold.
    given: Bundle,
    roots: Option<Roots>,
    canaries: Option<(String, String)>,
    stranger: Option<String>,
}

impl Ready {
    /// Finds the two roots and the two clients, in the flags and in the suites, and gathers what a run
    /// needs.
    pub(super) async fn new(
        mut suites: Vec<Suite>,
        flags: &Sides,
        only_canaries: bool,
    ) -> Result<Self, Trouble> {
        let now = run::now();
        let [old, new] = sides(&suites, flags)?;
        let mut add = |side: &Side| match &side.client {
            None => Ok(None),
            Some(Client::Named(name)) => spread(name, &mut suites).map(Some),
            Some(Client::Minted(source)) => {
                let taken = |suite: &Suite| suite.sources.iter().any(|one| one.name == source.name);
                if suites.iter().any(taken) {
                    return Err(Trouble::usage(format!(
                        "source {:?} is minted for the rotation and exists already; rename the other",
                        source.name.as_str()
                    )));
                }
                for suite in &mut suites {
                    suite.sources.insert(0, source.as_ref().clone());
                }
                Ok(Some(source.name.clone()))
            }
        };
        let canaries = add(&old)?.zip(add(&new)?);
        let stranger = stranger(&suites, canaries.as_ref(), now).await?;
        if let (true, Some((old, new))) = (only_canaries, &canaries) {
            for suite in &mut suites {
                suite
                    .sources
                    .retain(|one| one.name == *old || one.name == *new);
            }
        }
        for suite in &mut suites {
            suite.sources.extend(stranger.clone());
        }
        let plan = plan(&suites).map_err(Trouble::usage)?;
        let given = old.anchors()?.with(&new.anchors()?);
        let names = canaries.map(|(old, new)| (old.to_string(), new.to_string()));
        let materials = gather(&suites, &given, names.as_ref(), None, now)
            .await
            .map_err(Trouble::Unusable)?;
        let own = materials.own_leaves(&suites, now).await;
        Ok(Self {
            roots: roots(&old, &new, names.as_ref(), &own)?,
            suites,
            plan: Arc::new(plan),
            materials: Arc::new(materials),
            given,
            canaries: names,
            stranger: stranger.map(|source| source.name.to_string()),
        })
    }

    /// The two clients, where they are named.
    pub(super) fn canaries(&self) -> Option<(&str, &str)> {
        let canaries = self.canaries.as_ref();
        canaries.map(|(old, new)| (old.as_str(), new.as_str()))
    }

    /// Reads files again and mints again; where that cannot be, all stays as it was. The two roots stay
    /// what they were at first.
    pub(super) async fn renew(&mut self) -> Result<(), Vec<Unusable>> {
        let names = self.canaries.as_ref();
        let before = Some(&*self.materials);
        let materials = gather(&self.suites, &self.given, names, before, run::now()).await?;
        self.materials = Arc::new(materials);
        Ok(())
    }

    /// Reads one round.
    pub(super) async fn read(&self, matrix: &Matrix) -> Result<Rotation, Trouble> {
        let own = self.materials.own_leaves(&self.suites, run::now()).await;
        let question = Question {
            matrix,
            roots: self.roots.as_ref(),
            canaries: self.canaries(),
            own: &own,
            stranger: self.stranger.as_deref(),
        };
        Rotation::of(&question).map_err(Trouble::usage)
    }
}

/// What a run needs that is to judge by both roots.
async fn gather(
    suites: &[Suite],
    given: &Bundle,
    canaries: Option<&(String, String)>,
    before: Option<&Materials>,
    now: Timestamp,
) -> Result<Materials, Vec<Unusable>> {
    let materials = match before {
        Some(before) => before.again(suites, now).await?,
        None => Materials::gather(suites, now).await?,
    };
    let mut ours = materials.own_leaves(suites, now).await;
    if let Some((old, new)) = canaries {
        ours.retain(|leaf| leaf.source == *old || leaf.source == *new);
    }
    Ok(materials.trusting(given, &ours))
}

/// One of the two roots, as flags and suites name it.
#[derive(Default)]
struct Side {
    root: Option<PathBuf>,
    client: Option<Client>,
}

enum Client {
    Named(SourceName),
    Minted(Box<Source>),
}

impl Side {
    fn anchors(&self) -> Result<Bundle, Trouble> {
        match &self.root {
            Some(path) => files::load_bundle(path).map_err(Trouble::usage),
            None => Ok(Bundle::default()),
        }
    }

    fn certificates(&self) -> Result<Vec<Certificate>, Trouble> {
        let bundle = self.anchors()?;
        let anchors = bundle.anchors().iter();
        Ok(anchors
            .map(|anchor| Certificate::from(&anchor.facts))
            .collect())
    }
}

/// The old side and the new; flags win over the suite.
fn sides(suites: &[Suite], flags: &Sides) -> Result<[Side; 2], Trouble> {
    let mut written = suites
        .iter()
        .filter_map(|suite| Some((suite, suite.rotation.as_ref()?)));
    let first = written.next();
    if let (Some((one, first)), Some((other, _))) = (
        first,
        written.find(|(_, other)| first.is_some_and(|(_, first)| first != *other)),
    ) {
        return Err(Trouble::usage(format!(
            "{} and {} are about different rotations ({}); run them one by one",
            one.name, other.name, first.old.place
        )));
    }
    let written = first.map(|(_, rotation)| rotation);
    let side = |name: &str,
                root: &Option<PathBuf>,
                client: &Option<String>,
                written: Option<&crate::suite::Side>| {
        let of_suite = written.map(|side| match &side.client {
            Canary::Source(name) => Client::Named(name.clone()),
            Canary::Mint { id, ca } => Client::Minted(Box::new(Source {
                name: SourceName::new(format!("canary-{name}")),
                origin: Origin::Mint(healthy(id.clone(), ca.clone())),
                id: Some(id.clone()),
                place: side.place.clone(),
            })),
        });
        let client = client
            .as_ref()
            .map(|name| Client::Named(SourceName::new(name)));
        Side {
            root: root
                .clone()
                .or_else(|| written.and_then(|side| side.root.clone())),
            client: client.or(of_suite),
        }
    };
    let old = side(
        "old",
        &flags.old_root,
        &flags.old_client,
        written.map(|one| &one.old),
    );
    let new = side(
        "new",
        &flags.new_root,
        &flags.new_client,
        written.map(|one| &one.new),
    );
    match (&old.client, &new.client) {
        (Some(_), None) => Err(Trouble::usage(
            "--old-client has no counterpart; add --new-client SOURCE",
        )),
        (None, Some(_)) => Err(Trouble::usage(
            "--new-client has no counterpart; add --old-client SOURCE",
        )),
        (Some(_), Some(_)) | (None, None) => Ok([old, new]),
    }
}

/// A source of one suite comes to the targets of all.
fn spread(name: &SourceName, suites: &mut [Suite]) -> Result<SourceName, Trouble> {
    let mut all = suites.iter().flat_map(|suite| &suite.sources);
    let Some(source) = all.find(|source| source.name == *name).cloned() else {
        return Err(Trouble::usage(format!(
            "there is no source {:?} in the suite; name one of its sources with a certificate",
            name.as_str()
        )));
    };
    for suite in suites {
        if suite.sources.iter().all(|one| one.name != *name) {
            suite.sources.insert(0, source.clone());
        }
    }
    Ok(name.clone())
}

/// Comes with the name of a canary and a leaf that no root vouches for: whoever takes it takes anybody.
async fn stranger(
    suites: &[Suite],
    canaries: Option<&(SourceName, SourceName)>,
    now: Timestamp,
) -> Result<Option<Source>, Trouble> {
    let all = || suites.iter().flat_map(|suite| &suite.sources);
    let is_model = |source: &&Source| match (canaries, &source.origin) {
        (Some((_, new)), _) => source.name == *new,
        (None, origin) => origin.is_real(),
    };
    let Some(model) = all().find(is_model) else {
        return Ok(None);
    };
    let loaded = identity::load(&model.origin, now, &mut Walk::default()).await;
    let Some(loaded) = loaded.map_err(Trouble::usage)? else {
        return Ok(None);
    };
    let leaf = loaded.identity.leaf();
    let id: Option<SpiffeId> = leaf.uris.first().and_then(|uri| uri.parse().ok());
    let mut name = STRANGER.to_owned();
    while all().any(|source| source.name.as_str() == name) {
        name.push('\'');
    }
    Ok(Some(Source {
        name: SourceName::new(name),
        origin: Origin::Mint(Mint {
            id: id.clone(),
            dns: leaf.dns.clone(),
            ..healthy_of(id.clone(), Ca::Throwaway)
        }),
        id,
        place: Place::default(),
    }))
}

fn healthy(id: SpiffeId, ca: Ca) -> Mint {
    healthy_of(Some(id), ca)
}

fn healthy_of(id: Option<SpiffeId>, ca: Ca) -> Mint {
    Mint {
        id,
        extra_uris: vec![],
        dns: vec![],
        ca,
        not_before: Moment::After(SignedDuration::from_mins(-5)),
        not_after: Moment::After(SignedDuration::from_hours(1)),
        extended_key_usage: vec![Purpose::ServerAuth, Purpose::ClientAuth],
        is_ca: false,
        omit_intermediates: false,
    }
}

/// The roots that files hold; of a side without a file the one that its client comes from.
fn roots(
    old: &Side,
    new: &Side,
    canaries: Option<&(String, String)>,
    own: &[OwnLeaf],
) -> Result<Option<Roots>, Trouble> {
    if old.root.is_none() && new.root.is_none() {
        return Ok(None);
    }
    let of = |side: &Side, client: Option<&String>| match (&side.root, client) {
        (Some(_), _) => side.certificates(),
        (None, Some(client)) => {
            let own = own.iter().filter(|leaf| leaf.source == *client);
            Ok(own.filter_map(|leaf| leaf.root.clone()).collect())
        }
        (None, None) => Ok(vec![]),
    };
    let old = of(old, canaries.map(|(old, _)| old))?;
    let new = of(new, canaries.map(|(_, new)| new))?;
    Roots::new(old, new).map(Some).map_err(Trouble::usage)
}

const STRANGER: &str = "canary-stranger";
