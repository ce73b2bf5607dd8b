//! Trust anchors, one bundle per trust domain. Roots of several trust domains are never pooled.

use std::collections::BTreeMap;

use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use super::{Facts, Malformed, TrustDomain};

/// One trust anchor.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The certificate.
    pub der: CertificateDer<'static>,
    /// What it says.
    pub facts: Facts,
}

/// The trust anchors of one trust domain.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    anchors: Vec<Anchor>,
}

impl Bundle {
    /// A bundle of these certificates. The error names the first that does not parse, counted from 0.
    pub fn new(
        certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, (usize, Malformed)> {
        let anchors = certificates
            .into_iter()
            .enumerate()
            .map(|(nth, der)| match Facts::parse(&der) {
                Ok(facts) => Ok(Anchor { der, facts }),
                Err(why) => Err((nth, why)),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { anchors })
    }

    /// The same with those of another bundle that it does not have.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        for anchor in &other.anchors {
            if self.anchors.iter().all(|known| known.der != anchor.der) {
                self.anchors.push(anchor.clone());
            }
        }
        self
    }

    /// The anchors, in the order of the source.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }
}

/// The bundles of a run.
#[derive(Clone, Debug, Default)]
pub struct Bundles {
    by_domain: BTreeMap<TrustDomain, Bundle>,
    untagged: Option<Bundle>,
}

impl Bundles {
    /// No bundle at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// One bundle that stands for whatever trust domain it is asked for: the caller vouches for it.
    pub fn untagged(bundle: Bundle) -> Self {
        Self {
            by_domain: BTreeMap::new(),
            untagged: Some(bundle),
        }
    }

    /// Sets the bundle of one trust domain.
    pub fn insert(&mut self, domain: TrustDomain, bundle: Bundle) {
        self.by_domain.insert(domain, bundle);
    }

    /// Sets the bundle that stands for whatever trust domain has none of its own.
    pub fn set_untagged(&mut self, bundle: Bundle) {
        self.untagged = Some(bundle);
    }

    /// The bundle that judges an SVID of this trust domain.
    pub fn for_domain(&self, domain: &TrustDomain) -> Option<&Bundle> {
        self.by_domain.get(domain).or(self.untagged.as_ref())
    }

    /// The bundle that judges a certificate which is named by DNS or IP: the untagged one, else the
    /// only one there is.
    pub fn for_name(&self) -> Option<&Bundle> {
        let mut all = self.by_domain.values();
        match (&self.untagged, all.next(), all.next()) {
            (Some(bundle), _, _) | (None, Some(bundle), None) => Some(bundle),
            (None, _, _) => None,
        }
    }

    /// The bundle that judges who belongs to this trust domain, or to none.
    pub fn of(&self, domain: Option<&TrustDomain>) -> Option<&Bundle> {
        match domain {
            Some(domain) => self.for_domain(domain),
            None => self.for_name(),
        }
    }

    /// Every bundle with its trust domain, the untagged one without.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&TrustDomain>, &Bundle)> {
        let tagged = self
            .by_domain
            .iter()
            .map(|(name, bundle)| (Some(name), bundle));
        tagged.chain(self.untagged.iter().map(|bundle| (None, bundle)))
    }
}

/// What somebody trusts.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The trust anchors.
    pub bundles: Bundles,
    /// Revocation lists.
    pub crls: Vec<CertificateRevocationListDer<'static>>,
}

impl From<Bundles> for Trust {
    fn from(bundles: Bundles) -> Self {
        Self {
            bundles,
            crls: vec![],
        }
    }
}

impl Trust {
    /// Takes from another what is missing here: the bundle of each trust domain that has none, and
    /// revocation lists. A bundle that names no trust domain is left alone: nobody vouches for it here.
    pub fn complete(&mut self, other: &Self) {
        for (domain, bundle) in other.bundles.iter() {
            if let Some(domain) = domain
                && self.bundles.for_domain(domain).is_none()
            {
                self.bundles.insert(domain.clone(), bundle.clone());
            }
        }
        self.add_crls(other);
    }

    /// Takes the revocation lists of another, each once.
    pub fn add_crls(&mut self, other: &Self) {
        for crl in &other.crls {
            if !self.crls.contains(crl) {
                self.crls.push(crl.clone());
            }
        }
    }
}
