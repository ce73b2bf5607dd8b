//! A suite: who connects, where to, and what is expected. Pure; `file` mirrors the YAML format.

mod bundle;
mod expect;
mod file;
mod hello;
mod mistake;
mod name;
mod negatives;
mod reader;
mod request;
mod rotation;
mod scope;
mod source;
mod target;
mod yaml;

pub use crate::identity::linkerd_domain;
pub use mistake::{Mistake, SuiteError};
pub use rotation::{Canary, Rotation, Side};
pub use scope::{InvalidId, LINKERD_NAMESPACE, Scope};

pub(crate) use mistake::printable;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;

use crate::certificate::{Expected, SpiffeId, Trust, TrustDomain};
use crate::code::{Code, Kind};
use crate::identity::{BundleOrigin, Origin};
use crate::target::{Destination, Offer, Request, Way};

/// One suite, checked: every name is known and every path is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Where it was read from, for people.
    pub name: String,
    /// What an ID written short leaves out.
    pub scope: Scope,
    /// The trust anchors, one entry per trust domain.
    pub bundles: Vec<BundleSource>,
    /// PEM or DER files with revocation lists.
    pub crls: Vec<PathBuf>,
    /// Who connects, in the order written.
    pub sources: Vec<Source>,
    /// Where to, in the order written.
    pub targets: Vec<Target>,
    /// What is expected; later ones win.
    pub expectations: Vec<Expectation>,
    /// The rotation that it is about, where it is about one.
    pub rotation: Option<Rotation>,
}

/// Trust anchors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleSource {
    /// Of which trust domain.
    pub whose: Whose,
    /// Where they come from.
    pub origin: BundleOrigin,
    /// Where the suite says so.
    pub place: Place,
}

impl BundleSource {
    /// The name, for people.
    pub fn title(&self) -> String {
        match &self.whose {
            Whose::Domain(domain) => format!("bundle of trust domain {:?}", domain.as_str()),
            Whose::Each => "bundle \"*\"".to_owned(),
            Whose::Any => "bundle".to_owned(),
        }
    }
}

/// Which trust domain a bundle belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This one.
    Domain(TrustDomain),
    /// Every one that the origin names, each with its own bundle.
    Each,
    /// Whichever it is asked for; only the command line makes such a bundle.
    Any,
}

impl Whose {
    /// Adds what an origin holds for whomever it is asked, and its revocation lists. What an origin says
    /// of other trust domains is left alone.
    pub fn admit(&self, trust: &mut Trust, held: &Trust) {
        for (named, bundle) in held.bundles.iter() {
            match (self, named) {
                (Self::Domain(domain), None) => {
                    trust.bundles.insert(domain.clone(), bundle.clone());
                }
                (Self::Domain(domain), Some(named)) if domain != named => {}
                (_, Some(named)) => trust.bundles.insert(named.clone(), bundle.clone()),
                (Self::Any, None) => trust.bundles.set_untagged(bundle.clone()),
                // Nobody has said whose it is, and "each" does not mean "whichever".
                (Self::Each, None) => {}
            }
        }
        trust.add_crls(held);
    }

    /// Why nothing that an origin holds is for whomever it is asked, where that is so.
    pub fn misses(&self, held: &Trust) -> Option<String> {
        let named = held.bundles.iter().filter_map(|(domain, _)| domain);
        let named: Vec<&str> = named.map(TrustDomain::as_str).collect();
        let is_empty = held.bundles.iter().next().is_none();
        match self {
            Self::Domain(_) | Self::Any if is_empty => Some("holds no bundle".to_owned()),
            Self::Domain(domain) if held.bundles.for_domain(domain).is_none() => Some(format!(
                "holds no bundle of this trust domain; it has {}",
                named.join(", ")
            )),
            Self::Each if named.is_empty() => Some(
                "names no trust domain; write the name of its trust domain instead of \"*\""
                    .to_owned(),
            ),
            Self::Domain(_) | Self::Each | Self::Any => None,
        }
    }
}

/// Who connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name in the matrix.
    pub name: SourceName,
    /// Where its identity comes from.
    pub origin: Origin,
    /// The SPIFFE ID it is meant to have, where the suite says so.
    pub id: Option<SpiffeId>,
    /// Where the suite says so.
    pub place: Place,
}

/// Where to connect, and who must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name in the matrix.
    pub name: TargetName,
    /// One address, or one for each replica, or SRV records; each name may have several addresses
    /// behind it.
    pub addresses: Vec<Destination>,
    /// Ask this name server for them; without one, as the host does.
    pub dns_server: Option<SocketAddr>,
    /// Whom its certificate must name.
    pub expected: Expected,
    /// Judge its certificate by the bundle of this trust domain; by default by that of its own.
    pub bundle: Option<TrustDomain>,
    /// The way there.
    pub way: Way,
    /// What to ask.
    pub request: Request,
    /// What the ClientHello offers.
    pub offer: Offer,
    /// The limit of one connection.
    pub timeout: Duration,
    /// How many connections make one cell.
    pub attempts: u32,
    /// How long to wait between two of them.
    pub pause: Pause,
    /// Whether follow-ups may settle what these leave open.
    pub follow_ups: bool,
    /// Where the suite says so.
    pub place: Place,
}

/// How long to wait between two connections of one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pause {
    /// On the average.
    pub length: Duration,
    /// By how many percent of it one pause may be shorter or longer, each length as likely as any
    /// other.
    pub jitter: u8,
}

impl Pause {
    /// The longest that anybody may ask for.
    pub const LONGEST: Duration = Duration::from_secs(60);

    /// The length of a pause from a text such as `100ms`.
    pub fn length(text: &str) -> Result<Duration, &'static str> {
        let span = text.parse::<SignedDuration>().ok();
        let length = span.and_then(|span| Duration::try_from(span).ok());
        length
            .filter(|length| *length <= Self::LONGEST)
            .ok_or("is not a pause; write a duration of at most 60s, for example 100ms")
    }

    /// The jitter of a pause from a text such as `20%`.
    pub fn share(text: &str) -> Result<u8, &'static str> {
        let number = text
            .strip_suffix('%')
            .and_then(|number| number.parse().ok());
        number
            .filter(|percent| *percent <= 100)
            .ok_or("is no share of the pause; write 0% to 100%, for example 20%")
    }

    /// One pause, `chance` of the way from the shortest possible to the longest.
    pub fn one(self, chance: f64) -> Duration {
        let share = f64::from(self.jitter) / 100.0;
        self.length
            .mul_f64(1.0 + share * (2.0 * chance.clamp(0.0, 1.0) - 1.0))
    }
}

/// The most connections of one cell.
pub const MOST_ATTEMPTS: u32 = 10_000;

/// What is expected of cells or of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Of every cell of these sources and targets.
    Cells {
        /// The sources.
        from: Vec<SourceName>,
        /// The targets.
        to: Vec<TargetName>,
        /// Any of these.
        verdict: Vec<Wanted>,
    },
    /// Of these targets as a whole.
    Mode {
        /// The targets.
        to: Vec<TargetName>,
        /// The mode.
        mode: Mode,
    },
}

/// What a suite may ask of a cell. Doubt is not among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// This code; never an inconclusive one.
    Code(Code),
    /// Any refusal by the peer.
    Rejected,
    /// Any refusal by us.
    Distrusted,
}

impl Wanted {
    /// The name in a suite.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code(code) => code.as_str(),
            Self::Rejected => "REJECTED",
            Self::Distrusted => "DISTRUSTED",
        }
    }

    /// Everything that may be asked.
    pub fn all() -> impl Iterator<Item = Self> {
        let codes = Code::ALL.iter().copied();
        codes
            .filter(|code| code.kind() != Kind::Inconclusive)
            .map(Self::Code)
            .chain([Self::Rejected, Self::Distrusted])
    }
}

/// How a target treats clients with a certificate, without one, and in plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Only clients with a certificate.
    Strict,
    /// Clients with a certificate, and plaintext.
    Permissive,
    /// TLS, with or without a certificate.
    TlsOnly,
    /// Only plaintext.
    Plaintext,
    /// Its addresses have different ones.
    Mixed,
    /// The rows do not tell.
    Unknown,
}

impl Mode {
    /// The modes a suite may ask for.
    pub const WANTED: &[Self] = &[
        Self::Strict,
        Self::Permissive,
        Self::TlsOnly,
        Self::Plaintext,
    ];

    /// The name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "STRICT",
            Self::Permissive => "PERMISSIVE",
            Self::TlsOnly => "TLS_ONLY",
            Self::Plaintext => "PLAINTEXT",
            Self::Mixed => "MIXED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// A place in a suite file, to point at when a run finds trouble there.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, counted from 1; 0 where there is no file.
    pub line: u32,
    /// The column, counted from 1.
    pub column: u32,
}

/// Two definitions are the same wherever they stand.
impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.file)
        } else {
            write!(f, "{}:{}:{}", self.file, self.line, self.column)
        }
    }
}

macro_rules! name {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes any text: names are the suite's own.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// The name of a source: a row of the matrix.
    SourceName
}

name! {
    /// The name of a target: a column of the matrix.
    TargetName
}

impl SourceName {
    /// The pseudo-source that sends no client certificate.
    pub const NONE: &str = "none";
    /// The pseudo-source that speaks no TLS.
    pub const PLAINTEXT: &str = "plaintext";
    /// The identity that our own sidecar brings.
    pub const SIDECAR: &str = "sidecar";
    /// In an expectation: every source of the section `negatives`. No source is called so.
    pub const NEGATIVES: &str = "negatives";
}
