//! What a suite trusts, made of its bundles and of what its sources bring along. Edge: looks at where they
//! live.

use std::sync::Arc;

use rustls_pki_types::CertificateRevocationListDer;
use tokio::sync::Mutex;

use super::rotation::admit;
use crate::certificate::{Bundle, Trust, TrustDomain};
use crate::identity::{Anchorage, BundleOrigin, Supplier, Supply};
use crate::suite::BundleSource;

/// What a suite trusts, and where that comes from.
#[derive(Debug)]
pub(super) struct Belief {
    bundles: Vec<(BundleSource, Arc<Anchorage>)>,
    sources: Vec<Arc<Supplier>>,
    crls: Vec<CertificateRevocationListDer<'static>>,
    /// Roots to be trusted beside, for a trust domain or for names.
    pub(super) beside: Vec<(Option<TrustDomain>, Bundle)>,
    seen: Mutex<Option<Pieces>>,
}

/// Of what it was made last: the same as long as nobody has replaced any.
#[derive(Debug)]
pub(super) struct Pieces {
    bundles: Vec<Option<Arc<Trust>>>,
    sources: Vec<Option<Arc<Supply>>>,
}

impl Belief {
    pub(super) fn new(
        bundles: Vec<(BundleSource, Arc<Anchorage>)>,
        sources: Vec<Arc<Supplier>>,
        crls: Vec<CertificateRevocationListDer<'static>>,
    ) -> Self {
        Self {
            bundles,
            sources,
            crls,
            beside: vec![],
            seen: Mutex::default(),
        }
    }

    /// Where the bundle of this origin is followed.
    pub(super) fn anchorage(&self, origin: &BundleOrigin) -> Option<Arc<Anchorage>> {
        let mut all = self.bundles.iter();
        let found = all.find(|(bundle, _)| bundle.origin == *origin);
        found.map(|(_, anchorage)| Arc::clone(anchorage))
    }

    /// What is trusted now, where that has changed since the last look.
    pub(super) async fn look(&self) -> Option<Trust> {
        let mut seen = self.seen.lock().await;
        let new = self.pieces(seen.as_ref()).await;
        if seen.as_ref().is_some_and(|seen| seen.is(&new)) {
            return None;
        }
        let trust = self.made_of(&new);
        *seen = Some(new);
        Some(trust)
    }

    /// What cannot be had just now stays what it was.
    async fn pieces(&self, last: Option<&Pieces>) -> Pieces {
        let mut pieces = Pieces {
            bundles: vec![],
            sources: vec![],
        };
        for (nth, (_, anchorage)) in self.bundles.iter().enumerate() {
            let before = || last.and_then(|last| last.bundles.get(nth)?.clone());
            let now = anchorage.current().await.ok();
            pieces.bundles.push(now.or_else(before));
        }
        for (nth, supplier) in self.sources.iter().enumerate() {
            let before = || last.and_then(|last| last.sources.get(nth)?.clone());
            let now = supplier.current().await.ok();
            pieces.sources.push(now.or_else(before));
        }
        pieces
    }

    /// A bundle of the suite stands above all that sources bring along. Of those, the first one that has
    /// a bundle of a trust domain gives it: they are never pooled.
    fn made_of(&self, pieces: &Pieces) -> Trust {
        let mut trust = Trust {
            crls: self.crls.clone(),
            ..Trust::default()
        };
        for ((bundle, _), held) in self.bundles.iter().zip(&pieces.bundles) {
            if let Some(held) = held {
                bundle.whose.admit(&mut trust, held);
            }
        }
        for supply in pieces.sources.iter().flatten() {
            trust.complete(&supply.trust);
        }
        for (domain, roots) in &self.beside {
            admit(&mut trust.bundles, domain.as_ref(), roots);
        }
        trust
    }
}

impl Pieces {
    /// Makes sure that a bundle is there for what the suite takes it for.
    pub(super) async fn check(bundle: &BundleSource, at: &Anchorage) -> Result<(), String> {
        let held = at.current().await.map_err(|why| why.to_string())?;
        match bundle.whose.misses(&held) {
            Some(why) => Err(format!("{} {why}", bundle.origin)),
            None => Ok(()),
        }
    }

    fn is(&self, other: &Self) -> bool {
        same(&self.bundles, &other.bundles) && same(&self.sources, &other.sources)
    }
}

fn same<T>(ours: &[Option<Arc<T>>], theirs: &[Option<Arc<T>>]) -> bool {
    let mut both = ours.iter().zip(theirs);
    both.all(|pair| match pair {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    })
}
