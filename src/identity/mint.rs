//! Identities made for one run, healthy ones and those with one chosen flaw. Edge: draws keys.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::CertificateDer;

use super::authority::Authority;
use super::error::{Flaw, IdentityError, Subject};
use super::leaf::Leaf;
use super::supply::Supply;
use super::{Identity, files, pem};
use crate::certificate::{Purpose, SpiffeId};

/// Mints an identity for a run that starts `now`. Its key lives in memory alone.
pub fn mint(what: &Mint, now: Timestamp) -> Result<Identity, IdentityError> {
    let id = what.id.iter().map(SpiffeId::to_string);
    let leaf = Leaf {
        common_name: None,
        uris: id.chain(what.extra_uris.iter().cloned()).collect(),
        dns: what.dns.clone(),
        not_before: what.not_before.at(now),
        not_after: what.not_after.at(now),
        purposes: what.extended_key_usage.clone(),
        is_ca: what.is_ca,
        alone: what.omit_intermediates,
    };
    let mut authority = authority(&what.ca, now)?;
    if what.omit_intermediates && authority.is_bare_root() {
        if let (Ca::Files { chain, .. }, false) = (&what.ca, authority.may_have_cas_below()) {
            let subject = Subject::File(chain.clone());
            return Err(IdentityError::new(subject, Flaw::NoCaBelow));
        }
        authority = authority.intermediate("an intermediate that is left out", now)?;
    }
    authority.issue(&leaf)?.identity()
}

/// The same, as a source hands it out.
pub(super) fn supply(what: &Mint, now: Timestamp) -> Result<Supply, IdentityError> {
    Ok(Supply::alone(mint(what, now)?, "minted for this run"))
}

/// An identity with the names of this chain's leaf, by a CA that nobody knows.
pub fn stranger(
    chain: &[CertificateDer<'static>],
    now: Timestamp,
) -> Result<Identity, IdentityError> {
    let names = super::parse_all(chain).map_err(|flaw| IdentityError::new(Subject::Chain, flaw))?;
    let leaf = Leaf {
        common_name: None,
        uris: names.uris,
        dns: names.dns,
        not_before: now.saturating_sub(A_DAY).unwrap_or(now),
        not_after: now.saturating_add(A_DAY).unwrap_or(now),
        purposes: vec![Purpose::ServerAuth, Purpose::ClientAuth],
        is_ca: false,
        alone: false,
    };
    let nobody = Authority::throwaway("a CA that nobody knows", now)?.sending_root();
    nobody.issue(&leaf)?.identity()
}

fn authority(ca: &Ca, now: Timestamp) -> Result<Authority, IdentityError> {
    match ca {
        Ca::Throwaway => Ok(Authority::throwaway("a CA that nobody knows", now)?.sending_root()),
        Ca::Like(path) => {
            let bytes = files::read(path, files::MAX_PEM)?;
            let of_file = |flaw| IdentityError::new(Subject::File(path.clone()), flaw);
            let certificates = pem::certificates(&bytes).map_err(of_file)?;
            let first = certificates.first().ok_or_else(|| of_file(Flaw::Empty))?;
            Authority::like(first, now).map_err(|error| error.of_file(path))
        }
        Ca::Files { chain, key } => files::load_authority(chain, key),
    }
}

/// What to mint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mint {
    /// The SPIFFE ID of the leaf; none for a leaf without one.
    pub id: Option<SpiffeId>,
    /// Further URI SANs: an SVID with any of them is invalid.
    pub extra_uris: Vec<String>,
    /// DNS SANs.
    pub dns: Vec<String>,
    /// Who signs.
    pub ca: Ca,
    /// Start of the validity.
    pub not_before: Moment,
    /// End of the validity.
    pub not_after: Moment,
    /// The extended key usage.
    pub extended_key_usage: Vec<Purpose>,
    /// Mark the leaf as a CA.
    pub is_ca: bool,
    /// Send the leaf alone, without the intermediates of the CA. Where a given CA is its root alone, there
    /// is one made for this run, and left out.
    pub omit_intermediates: bool,
}

/// Who signs a minted leaf.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ca {
    /// A CA that exists for this run only: nobody trusts it.
    Throwaway,
    /// A throw-away CA that has the name of this one, and another key.
    Like(PathBuf),
    /// A given CA: its certificate, then its own issuers where there are any, and its key.
    Files {
        /// The CA's chain, the signing certificate first.
        chain: PathBuf,
        /// The signing key.
        key: PathBuf,
    },
}

/// A moment, absolute or counted from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// This moment.
    At(Timestamp),
    /// This long after the start of the run; negative for before.
    After(SignedDuration),
}

impl Moment {
    /// The start of the run itself.
    pub const NOW: Self = Self::After(SignedDuration::ZERO);

    /// The moment itself, for a run that starts `now`. Saturates at the ends of time.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::After(span) => now.saturating_add(span).unwrap_or(now),
        }
    }
}

const A_DAY: SignedDuration = SignedDuration::from_hours(24);
