//! What a run needs before it begins: identities, trust anchors, revocation lists. Edge.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::certificate::{SpiffeId, Trust};
use crate::handshake::Guise;
use crate::identity::{Anchorage, Identity, Origin, Supplier, files};
use crate::suite::{Place, Source, Suite, Whose};

/// Identities and trust, each as fresh as its origin.
#[derive(Debug)]
pub struct Materials {
    identities: HashMap<Origin, Held>,
    /// What each suite trusts, in the order of the suites.
    pub trust: Arc<Vec<Trust>>,
}

/// An identity that follows its origin.
#[derive(Debug)]
struct Held {
    supplier: Supplier,
    /// The ID it is meant to have, for as long as the run goes on.
    id: Option<SpiffeId>,
    /// What was wrong when we last looked. Files that cannot be read take their time to say so, and
    /// every probe of a row asks.
    trouble: Mutex<Option<(Instant, String)>>,
}

/// Something that a suite names cannot be used.
#[derive(Debug, thiserror::Error)]
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
    /// Reads and mints all that these suites name, for a run that starts `now`. The error holds
    /// everything that cannot be used.
    pub async fn gather(suites: &[Suite], now: Timestamp) -> Result<Self, Vec<Unusable>> {
        let mut troubles = vec![];
        let mut identities = HashMap::new();
        let mut trust = vec![];
        for suite in suites {
            for source in &suite.sources {
                let held = match identities.get_mut(&source.origin) {
                    Some(known) => Held::serve(known, source).await,
                    None => hold(source, now).await.map(|held| {
                        identities.extend(held.map(|held| (source.origin.clone(), held)));
                    }),
                };
                troubles.extend(held.err());
            }
            trust.push(trusted(suite, &mut troubles).await);
        }
        if troubles.is_empty() {
            Ok(Self {
                identities,
                trust: Arc::new(trust),
            })
        } else {
            Err(troubles)
        }
    }

    /// What an origin comes as right now: files that have changed are read again.
    pub(super) async fn costume(&self, origin: &Origin) -> Result<Costume, String> {
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
}

async fn hold(source: &Source, now: Timestamp) -> Result<Option<Held>, Unusable> {
    let supplier = Supplier::open(&source.origin, now).await;
    let supplier = supplier.map_err(|why| unusable(source, why.to_string()))?;
    let Some(supplier) = supplier else {
        return Ok(None);
    };
    let mut held = Held {
        supplier,
        id: None,
        trouble: Mutex::default(),
    };
    held.serve(source).await?;
    Ok(Some(held))
}

impl Held {
    /// Makes sure that this is what another source takes it for.
    async fn serve(&mut self, source: &Source) -> Result<(), Unusable> {
        // What is minted has the name that it is minted with, or none.
        if let (Some(id), true) = (&source.id, source.origin.is_real()) {
            let found = self.supplier.current().await;
            let found = found.map_err(|why| unusable(source, why.to_string()))?;
            is_named(&found.identity, id).map_err(|why| unusable(source, why))?;
            self.id = Some(id.clone());
        }
        Ok(())
    }

    /// The identity of this moment, or why there is none.
    async fn current(&self) -> Result<Identity, String> {
        let mut known = self.trouble.lock().await;
        if let Some((when, trouble)) = &*known
            && when.elapsed() < ANOTHER_LOOK
        {
            return Err(trouble.clone());
        }
        let found = match (self.supplier.current().await, &self.id) {
            (Err(trouble), _) => Err(trouble.to_string()),
            (Ok(supply), Some(id)) => {
                is_named(&supply.identity, id).map(|()| supply.identity.clone())
            }
            (Ok(supply), None) => Ok(supply.identity.clone()),
        };
        *known = found
            .as_ref()
            .err()
            .map(|why| (Instant::now(), why.clone()));
        found
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

/// Linkerd names the same service account in the DNS.
fn is_linkerds(name: &str, id: &SpiffeId) -> bool {
    let segments: Vec<&str> = id.path().split('/').collect();
    let ["", "ns", namespace, "sa", account] = *segments.as_slice() else {
        return false;
    };
    let begin = format!("{account}.{namespace}.serviceaccount.identity.");
    let rest = name
        .strip_prefix(&begin)
        .and_then(|rest| rest.split_once('.'));
    rest.is_some_and(|(_, domain)| domain == id.trust_domain().as_str())
}

fn unusable(source: &Source, why: String) -> Unusable {
    Unusable {
        place: source.place.clone(),
        what: format!("source {:?}", source.name.as_str()),
        why,
    }
}

async fn trusted(suite: &Suite, troubles: &mut Vec<Unusable>) -> Trust {
    let mut trust = Trust::default();
    for bundle in &suite.bundles {
        match Anchorage::open(&bundle.origin).await {
            Ok(anchorage) => {
                if let Ok(held) = anchorage.current().await {
                    admit(&mut trust, &bundle.whose, &held);
                }
            }
            Err(why) => troubles.push(Unusable {
                place: bundle.place.clone(),
                what: match &bundle.whose {
                    Whose::Domain(domain) => {
                        format!("bundle of trust domain {:?}", domain.as_str())
                    }
                    Whose::Each | Whose::Any => "bundle".to_owned(),
                },
                why: why.to_string(),
            }),
        }
    }
    for path in &suite.crls {
        match files::load_crls(path) {
            Ok(lists) => trust.crls.extend(lists),
            Err(why) => troubles.push(Unusable {
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
    trust
}

fn admit(trust: &mut Trust, whose: &Whose, held: &Trust) {
    for (domain, bundle) in held.bundles.iter() {
        match (whose, domain) {
            (Whose::Domain(wanted), None) => trust.bundles.insert(wanted.clone(), bundle.clone()),
            (Whose::Domain(wanted), Some(domain)) if wanted != domain => {}
            (_, Some(domain)) => trust.bundles.insert(domain.clone(), bundle.clone()),
            (Whose::Each | Whose::Any, None) => trust.bundles.set_untagged(bundle.clone()),
        }
    }
}

/// How long a source rests whose files cannot be read.
const ANOTHER_LOOK: Duration = Duration::from_secs(1);
