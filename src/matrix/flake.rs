//! What several connections of one cell say: the whole distribution, and how often the target fails.

use serde::{Deserialize, Serialize};

use crate::code::{Code, Kind};

/// How many connections, and what they say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attempts {
    /// All.
    pub total: u32,
    /// Those with the cell's code.
    pub agreeing: u32,
    /// What all of them say, the most frequent first; absent where all say the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Said>,
    /// How often the target did not accept, where it accepts at other times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flake: Option<Flake>,
    /// The different certificates and CA names that they met, the most frequent first; absent where all
    /// met the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faces: Vec<Face>,
}

/// What some of the connections say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Said {
    /// The code.
    pub code: Code,
    /// Who refused: `peer` or `probe`.
    #[cfg_attr(test, schemars(extend("enum" = ["peer", "probe", null])))]
    pub by: Option<String>,
    /// How many.
    pub count: u32,
}

/// A rate of failure. Our own trouble (`PROBE_FAULT`) counts neither way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Flake {
    /// The connections that were not accepted.
    pub failed: u32,
    /// All that tell.
    pub of: u32,
    /// The share of failures.
    pub rate: f64,
    /// The begin of its 95 % confidence interval (Wilson).
    pub low: f64,
    /// The end of it.
    pub high: f64,
}

/// What one of several servers behind an address presents.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Face {
    /// SHA-256 of its leaf, hexadecimal; empty where the leaf cannot be read.
    pub sha256: String,
    /// The serial number of its leaf, hexadecimal.
    pub serial: String,
    /// Who issued the leaf.
    pub issuer: String,
    /// The CA names that it lists in its CertificateRequest.
    pub ca_hints: Vec<String>,
    /// How many connections met it.
    pub count: u32,
    /// What they say.
    pub codes: Vec<Said>,
}

impl Attempts {
    /// So many that all say the same.
    pub fn alike(total: u32) -> Self {
        Self {
            total,
            agreeing: total,
            ..Self::default()
        }
    }
}

impl Flake {
    /// The rate, where some were accepted and others not.
    pub fn of(said: &[Said]) -> Option<Self> {
        let telling = said.iter().filter(|said| said.code != Code::ProbeFault);
        let (good, bad): (Vec<&Said>, Vec<&Said>) =
            telling.partition(|said| said.code.kind() == Kind::Accepted);
        let [good, bad] = [good, bad].map(|part| part.iter().map(|said| said.count).sum::<u32>());
        (good > 0 && bad > 0).then(|| Self::new(bad, good.saturating_add(bad)))
    }

    fn new(failed: u32, of: u32) -> Self {
        let rate = f64::from(failed) / f64::from(of);
        let (low, high) = wilson(f64::from(failed), f64::from(of));
        Self {
            failed,
            of,
            rate,
            low,
            high,
        }
    }
}

/// The 95 % confidence interval of a share (Wilson, 1927), to six digits.
fn wilson(part: f64, all: f64) -> (f64, f64) {
    let share = part / all;
    let z2 = Z * Z;
    let middle = share + z2 / (2.0 * all);
    let reach = Z * (share * (1.0 - share) / all + z2 / (4.0 * all * all)).sqrt();
    let bound = |at: f64| ((at / (1.0 + z2 / all)).clamp(0.0, 1.0) * 1e6).round() / 1e6;
    (bound(middle - reach), bound(middle + reach))
}

/// 95 % of a normal distribution lie within so many standard deviations.
const Z: f64 = 1.959_964;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_its_interval_and_our_own_trouble_is_no_failure_of_theirs() {
        let said = |code, count| Said {
            code,
            by: None,
            count,
        };
        for (all, want) in [
            (vec![said(Code::Ok, 500)], None),
            (vec![said(Code::UnknownCa, 500)], None),
            (vec![said(Code::Ok, 5), said(Code::ProbeFault, 5)], None),
            (vec![said(Code::UnknownCa, 5), said(Code::Closed, 5)], None),
            (
                vec![said(Code::Ok, 497), said(Code::UnknownCa, 3)],
                Some((3, 500, 0.002_043, 0.017_490)),
            ),
            (
                vec![said(Code::Ok, 995), said(Code::UnknownCa, 5)],
                Some((5, 1000, 0.002_138, 0.011_651)),
            ),
            (
                vec![
                    said(Code::Ok, 1),
                    said(Code::Closed, 1),
                    said(Code::ProbeFault, 8),
                ],
                Some((1, 2, 0.094_531, 0.905_469)),
            ),
        ] {
            let found =
                Flake::of(&all).map(|flake| (flake.failed, flake.of, flake.low, flake.high));
            assert_eq!(found, want, "{all:?}");
        }
    }
}
