//! What a run works with: identities, trust anchors, revocation lists, each as fresh as its origin. Edge.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::CertificateRevocationListDer;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::belief::{Belief, Pieces};
use super::now;
use crate::certificate::SpiffeId;
use crate::handshake::Guise;
use crate::identity::{
    Anchorage, BundleOrigin, Identity, IdentityError, Origin, Supplier, files, is_linkerds,
};
use crate::matrix::trusted::Trusted;
use crate::suite::{BundleSource, Place, Source, Suite};

/// Identities and trust of a run.
#[derive(Debug)]
pub struct Materials {
    identities: HashMap<Origin, Held>,
    pub(super) beliefs: Vec<Belief>,
    /// What each suite trusts, in the order of the suites, over time.
    pub trusted: Arc<Trusted>,
    /// When we last looked whether what is trusted has changed.
    looked: Mutex<Instant>,
    troubles: Vec<Unusable>,
}

/// An identity that follows its origin.
#[derive(Debug)]
struct Held {
    supplier: Result<Arc<Supplier>, IdentityError>,
    /// The ID it is meant to have, for as long as the run goes on.
    id: Option<SpiffeId>,
    /// What was wrong when we last looked. Files that cannot be read take their time to say so, and
    /// every probe of a row asks.
    trouble: Mutex<Option<(Instant, String)>>,
}

/// Something that a suite names cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{place}: {what}: {why}")]
pub struct Unusable {
    place: Place,
    what: String,
    why: String,
}

/// What a source comes as right now.
#[derive(Clone, Debug)]
pub(super) enum Costume {
    Identity(Identity),
    Nobody,
    Plaintext,
    Sidecar,
}

impl Costume {
    pub(super) fn guise(&self) -> Guise<'_> {
        match self {
            Self::Identity(identity) => Guise::Identity(identity),
            Self::Nobody => Guise::Nobody,
            Self::Plaintext => Guise::Plaintext,
            Self::Sidecar => Guise::Sidecar,
        }
    }
}

impl Materials {
    /// Reads, mints and asks for all that these suites name, for a run that starts `now`. The error holds
    /// every mistake; whoever hands out identities and cannot be reached just now is none, see
    /// [`Materials::troubles`].
    pub async fn gather(suites: &[Suite], now: Timestamp) -> Result<Self, Vec<Unusable>> {
        Self::new(suites, now, None).await
    }

    /// The same for another run. What follows its origin by itself goes on to do so.
    pub async fn again(&self, suites: &[Suite], now: Timestamp) -> Result<Self, Vec<Unusable>> {
        Self::new(suites, now, Some(self)).await
    }

    async fn new(
        suites: &[Suite],
        now: Timestamp,
        before: Option<&Self>,
    ) -> Result<Self, Vec<Unusable>> {
        let mut suppliers = suppliers(suites, now, before).await;
        let mut identities: HashMap<Origin, Held> = HashMap::new();
        let (mut mistakes, mut troubles, mut beliefs) = (vec![], vec![], vec![]);
        for suite in suites {
            for source in &suite.sources {
                if let Some(supplier) = suppliers.remove(&source.origin) {
                    identities.insert(source.origin.clone(), Held::new(supplier));
                }
                if let Some(held) = identities.get_mut(&source.origin)
                    && let Err(why) = held.serve(source).await
                {
                    match matches!(source.origin, Origin::Fetched(_)) {
                        true => troubles.push(why),
                        false => mistakes.push(why),
                    }
                }
            }
            let held = |origin| identities.get(origin)?.supplier.as_ref().ok().cloned();
            let origins = suite.sources.iter().map(|source| &source.origin);
            beliefs.push(Belief::new(
                anchorages(suite, before, &mut mistakes).await,
                origins.filter_map(held).collect(),
                crls(suite, &mut mistakes),
            ));
        }
        if !mistakes.is_empty() {
            mistakes.extend(troubles);
            return Err(mistakes);
        }
        let mut trust = vec![];
        for belief in &beliefs {
            trust.push(belief.look().await.unwrap_or_default());
        }
        Ok(Self {
            identities,
            beliefs,
            trusted: Arc::new(Trusted::new(trust)),
            looked: Mutex::new(Instant::now()),
            troubles,
        })
    }

    /// The sources that have no identity just now. Their cells say so; the others go on.
    pub fn troubles(&self) -> &[Unusable] {
        &self.troubles
    }

    /// What an origin comes as right now; what suites trust is brought up to date on the way.
    pub(super) async fn costume(&self, origin: &Origin) -> Result<Costume, String> {
        self.look().await;
        match (origin, self.identities.get(origin)) {
            (Origin::NoCertificate, _) => Ok(Costume::Nobody),
            (Origin::Plaintext, _) => Ok(Costume::Plaintext),
            (Origin::Sidecar, _) => Ok(Costume::Sidecar),
            (_, Some(held)) => held.current().await.map(Costume::Identity),
            (Origin::Files(_) | Origin::Mint(_) | Origin::Fetched(_), None) => {
                Err("the identity was never loaded".to_owned())
            }
        }
    }

    /// Whether anything that suites trust has changed. Not for every connection: a run asks thousands of
    /// times a second.
    async fn look(&self) {
        // Whoever comes while another looks does not wait for it.
        let Ok(mut looked) = self.looked.try_lock() else {
            return;
        };
        if looked.elapsed() < LOOK_AGAIN {
            return;
        }
        for (suite, belief) in self.beliefs.iter().enumerate() {
            if let Some(trust) = belief.look().await {
                self.trusted.change(suite, now(), trust);
            }
        }
        *looked = Instant::now();
    }
}

/// Every origin of an identity, opened once; those of the run before that follow by themselves are kept.
async fn suppliers(
    suites: &[Suite],
    now: Timestamp,
    before: Option<&Materials>,
) -> HashMap<Origin, Result<Arc<Supplier>, IdentityError>> {
    let mut known = HashMap::new();
    let mut opening = JoinSet::new();
    for source in suites.iter().flat_map(|suite| &suite.sources) {
        let origin = source.origin.clone();
        if known.contains_key(&origin) || !origin.has_certificate() {
            continue;
        }
        let kept = before.and_then(|before| before.identities.get(&origin));
        let kept = kept.and_then(|held| held.supplier.as_ref().ok());
        match (&origin, kept) {
            (Origin::Fetched(_), Some(kept)) => {
                known.insert(origin, Ok(Arc::clone(kept)));
            }
            _ => {
                known.insert(origin.clone(), Err(IdentityError::crashed()));
                opening.spawn(async move {
                    let opened = Supplier::open(&origin, now).await;
                    (origin, opened)
                });
            }
        }
    }
    while let Some(opened) = opening.join_next().await {
        match opened {
            Ok((origin, Ok(Some(supplier)))) => {
                known.insert(origin, Ok(Arc::new(supplier)));
            }
            Ok((origin, Err(why))) => {
                known.insert(origin, Err(why));
            }
            Ok((_, Ok(None))) | Err(_) => {}
        }
    }
    known
}

/// The bundles of a suite, opened; each that cannot be used is a mistake.
async fn anchorages(
    suite: &Suite,
    before: Option<&Materials>,
    mistakes: &mut Vec<Unusable>,
) -> Vec<(BundleSource, Arc<Anchorage>)> {
    let mut found = vec![];
    for bundle in &suite.bundles {
        let kept = before.iter().flat_map(|before| &before.beliefs);
        let kept = kept.filter_map(|belief| belief.anchorage(&bundle.origin));
        let opened = match (&bundle.origin, kept.last()) {
            // A file that cannot be read any more must be told, so that it is opened anew.
            (BundleOrigin::File(_), _) | (_, None) => {
                let opened = Anchorage::open(&bundle.origin).await;
                opened.map(Arc::new)
            }
            (_, Some(kept)) => Ok(kept),
        };
        let usable = match opened {
            Ok(anchorage) => Pieces::check(bundle, &anchorage).await.map(|()| anchorage),
            Err(why) => Err(why.to_string()),
        };
        match usable {
            Ok(anchorage) => found.push((bundle.clone(), anchorage)),
            Err(why) => mistakes.push(Unusable {
                place: bundle.place.clone(),
                what: bundle.title(),
                why,
            }),
        }
    }
    found
}

fn crls(suite: &Suite, mistakes: &mut Vec<Unusable>) -> Vec<CertificateRevocationListDer<'static>> {
    let mut all = vec![];
    for path in &suite.crls {
        match files::load_crls(path) {
            Ok(lists) => all.extend(lists),
            Err(why) => mistakes.push(Unusable {
                place: Place {
                    file: suite.name.clone(),
                    line: 0,
                    column: 0,
                },
                what: "revocation list".to_owned(),
                why: why.to_string(),
            }),
        }
    }
    all
}

impl Held {
    fn new(supplier: Result<Arc<Supplier>, IdentityError>) -> Self {
        Self {
            supplier,
            id: None,
            trouble: Mutex::default(),
        }
    }

    /// Makes sure that this is what another source takes it for.
    async fn serve(&mut self, source: &Source) -> Result<(), Unusable> {
        // What is minted has the name that it is minted with, or none.
        if source.origin.is_real() {
            self.id = source.id.clone().or(self.id.take());
        }
        let found = self.identity().await;
        found.map(drop).map_err(|why| unusable(source, why))
    }

    /// The identity of this moment, or why there is none.
    async fn current(&self) -> Result<Identity, String> {
        let mut known = self.trouble.lock().await;
        if let Some((when, trouble)) = &*known
            && when.elapsed() < ANOTHER_LOOK
        {
            return Err(trouble.clone());
        }
        let found = self.identity().await;
        *known = found
            .as_ref()
            .err()
            .map(|why| (Instant::now(), why.clone()));
        found
    }

    async fn identity(&self) -> Result<Identity, String> {
        let supply = match &self.supplier {
            Ok(supplier) => supplier.current().await,
            Err(why) => Err(why.clone()),
        };
        let identity = supply.map_err(|why| why.to_string())?.identity.clone();
        match &self.id {
            Some(id) => is_named(&identity, id).map(|()| identity),
            None => Ok(identity),
        }
    }
}

fn is_named(identity: &Identity, id: &SpiffeId) -> Result<(), String> {
    let says = identity.name().unwrap_or("no name at all");
    if says == id.to_string() || is_linkerds(says, id) {
        Ok(())
    } else {
        Err(format!("its certificate says {says:?}, expected {id}"))
    }
}

fn unusable(source: &Source, why: String) -> Unusable {
    Unusable {
        place: source.place.clone(),
        what: format!("source {:?}", source.name.as_str()),
        why,
    }
}

/// How long a source rests whose files cannot be read.
const ANOTHER_LOOK: Duration = Duration::from_secs(1);
/// How old what is trusted may be.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
