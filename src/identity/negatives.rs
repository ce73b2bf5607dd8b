//! Identities that nobody should let in, each spoilt in one place. Pure.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

use super::mint::{Ca, Mint, Moment};
use crate::certificate::{Purpose, SpiffeId};

/// One way to spoil an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Negative {
    /// Signed by a CA that nobody knows.
    RogueCa,
    /// Signed by a CA with the right name and another key.
    SameNameCa,
    /// Names another trust domain, under the CA of ours.
    OtherTrustDomain,
    /// Over since a day.
    Expired,
    /// Begins in a day.
    NotYetValid,
    /// For servers alone.
    WrongEku,
    /// Two URI SANs where an SVID has one.
    TwoUris,
    /// Marked as a CA.
    CaLeaf,
    /// Without any name.
    NoSan,
    /// Sent without the intermediate that signed it.
    MissingIntermediate,
}

impl Negative {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::RogueCa,
        Self::SameNameCa,
        Self::OtherTrustDomain,
        Self::Expired,
        Self::NotYetValid,
        Self::WrongEku,
        Self::TwoUris,
        Self::CaLeaf,
        Self::NoSan,
        Self::MissingIntermediate,
    ];

    /// The label, in suites and in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RogueCa => "rogue-ca",
            Self::SameNameCa => "same-name-ca",
            Self::OtherTrustDomain => "other-trust-domain",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongEku => "wrong-eku",
            Self::TwoUris => "two-uris",
            Self::CaLeaf => "ca-leaf",
            Self::NoSan => "no-san",
            Self::MissingIntermediate => "missing-intermediate",
        }
    }

    /// What is wrong with it, in one line.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::RogueCa => "signed by a CA that nobody knows",
            Self::SameNameCa => "signed by a CA with the name of the right one, and another key",
            Self::OtherTrustDomain => "names another trust domain, and is signed by the CA of ours",
            Self::Expired => "expired a day ago",
            Self::NotYetValid => "becomes valid in a day",
            Self::WrongEku => "its extended key usage is for servers alone",
            Self::TwoUris => "has two URI SANs, and an SVID has one",
            Self::CaLeaf => "is marked as a CA",
            Self::NoSan => "has no SAN, and so no name at all",
            Self::MissingIntermediate => "comes without the intermediate that signed it",
        }
    }

    /// Whether a peer that refuses it must have looked at this very place. So it is where nothing else is
    /// wrong; but whatever a CA signs that nobody knows is refused for its CA.
    pub const fn is_all_that_is_wrong(self, ca: &Ca) -> bool {
        match (self, ca) {
            (Self::RogueCa | Self::SameNameCa, _) | (_, Ca::Files { .. }) => true,
            (_, Ca::Throwaway | Ca::Like(_)) => false,
        }
    }

    /// The identity with this ID, spoilt so; nothing where such a CA cannot spoil it so.
    pub fn mint(self, id: &SpiffeId, ca: &Ca) -> Option<Mint> {
        let healthy = Mint {
            id: Some(id.clone()),
            extra_uris: vec![],
            dns: vec![],
            ca: ca.clone(),
            not_before: Moment::After(A_LITTLE_AGO),
            not_after: Moment::After(A_DAY),
            extended_key_usage: vec![Purpose::ServerAuth, Purpose::ClientAuth],
            is_ca: false,
            omit_intermediates: false,
        };
        Some(match self {
            Self::RogueCa => Mint {
                ca: Ca::Throwaway,
                ..healthy
            },
            Self::SameNameCa => Mint {
                ca: match ca {
                    Ca::Files { chain: path, .. } | Ca::Like(path) => Ca::Like(path.clone()),
                    Ca::Throwaway => return None,
                },
                ..healthy
            },
            Self::OtherTrustDomain => Mint {
                id: Some(elsewhere(id)?),
                ..healthy
            },
            Self::Expired => Mint {
                not_before: Moment::After(-TWO_DAYS),
                not_after: Moment::After(-A_DAY),
                ..healthy
            },
            Self::NotYetValid => Mint {
                not_before: Moment::After(A_DAY),
                not_after: Moment::After(TWO_DAYS),
                ..healthy
            },
            Self::WrongEku => Mint {
                extended_key_usage: vec![Purpose::ServerAuth],
                ..healthy
            },
            Self::TwoUris => Mint {
                extra_uris: vec![format!("spiffe://{}/second", id.trust_domain())],
                ..healthy
            },
            Self::CaLeaf => Mint {
                is_ca: true,
                ..healthy
            },
            Self::NoSan => Mint {
                id: None,
                ..healthy
            },
            Self::MissingIntermediate => match ca {
                Ca::Files { .. } => Mint {
                    omit_intermediates: true,
                    ..healthy
                },
                Ca::Throwaway | Ca::Like(_) => return None,
            },
        })
    }
}

/// The same path in a trust domain that nobody can own; nothing where that is too long for an ID.
fn elsewhere(id: &SpiffeId) -> Option<SpiffeId> {
    let other = ["other.invalid", "another.invalid"]
        .into_iter()
        .find(|other| *other != id.trust_domain().as_str())?;
    format!("spiffe://{other}{}", id.path()).parse().ok()
}

impl fmt::Display for Negative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Negative {
    type Err = UnknownNegative;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|negative| negative.as_str() == text);
        found.ok_or(UnknownNegative)
    }
}

/// A word that is no [`Negative`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no negative identity; there are {}", Negative::ALL.map(Negative::as_str).join(", "))]
pub struct UnknownNegative;

const A_LITTLE_AGO: SignedDuration = SignedDuration::from_mins(-5);
const A_DAY: SignedDuration = SignedDuration::from_hours(24);
const TWO_DAYS: SignedDuration = SignedDuration::from_hours(48);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::TrustDomain;

    #[test]
    fn every_label_reads_back_and_others_are_told_what_there_is() {
        for negative in Negative::ALL {
            assert_eq!(negative.as_str().parse(), Ok(negative));
            assert_eq!(negative.to_string(), negative.as_str());
        }
        for wrong in ["", "Expired", "rogue_ca", "healthy"] {
            let said = wrong.parse::<Negative>().unwrap_err().to_string();
            assert!(said.ends_with("two-uris, ca-leaf, no-san, missing-intermediate"));
        }
    }

    #[test]
    fn only_what_a_ca_can_spoil_is_minted() {
        let id: SpiffeId = "spiffe://cluster.local/ns/a/sa/b".parse().unwrap();
        let given = Ca::Files {
            chain: "ca.pem".into(),
            key: "ca.key".into(),
        };
        for negative in Negative::ALL {
            assert!(negative.mint(&id, &given).is_some(), "{negative}");
            assert!(negative.is_all_that_is_wrong(&given));
        }
        let throwaway = Negative::ALL.map(|negative| negative.mint(&id, &Ca::Throwaway));
        let missing = Negative::ALL.iter().zip(throwaway);
        let missing = missing.filter(|(_, mint)| mint.is_none());
        assert_eq!(
            missing.map(|(negative, _)| *negative).collect::<Vec<_>>(),
            [Negative::SameNameCa, Negative::MissingIntermediate]
        );
        assert!(Negative::RogueCa.is_all_that_is_wrong(&Ca::Throwaway));
        assert!(!Negative::Expired.is_all_that_is_wrong(&Ca::Throwaway));
    }

    #[test]
    fn the_other_trust_domain_is_another_one() {
        for domain in ["cluster.local", "other.invalid", "another.invalid"] {
            let domain: TrustDomain = domain.parse().unwrap();
            let id = SpiffeId::of_service_account(&domain, "a", "b").unwrap();
            let mint = Negative::OtherTrustDomain.mint(&id, &Ca::Throwaway);
            let other = mint.unwrap().id.unwrap();
            assert_ne!(other.trust_domain(), id.trust_domain());
            assert_eq!(other.path(), id.path());
        }
    }
}
