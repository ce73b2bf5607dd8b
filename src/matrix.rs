//! The result of a run: all cells, what is known of each target, and the findings. This is the shape
//! of the JSON result; every report is written from it, also from one that was stored.

mod beside;
mod bound;
pub mod cells;
mod dialects;
mod filling;
mod flake;
#[cfg(test)]
pub(crate) mod fixture;
mod looks;
mod opinions;
mod rulings;
mod sources;
pub mod stored;
pub mod trusted;

pub use bound::{MAX_LIST, MAX_TEXT, bounded};
pub use flake::{Attempts, Face, Flake, Said};

use serde::{Deserialize, Serialize};

use crate::code::{By, Code, Confidence, Kind};
use crate::expectation::Met;

/// The name and version of the result format.
pub const SCHEMA: &str = "mtls-probe/result/v1";

/// All that a run found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Matrix {
    /// Always [`SCHEMA`].
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: String,
    /// About the run.
    pub run: Run,
    /// Counts of cells.
    pub totals: Totals,
    /// Every cell: by source, then target, then address, in the order of the suites.
    pub cells: Vec<Cell>,
    /// What the rows show about each target.
    pub targets: Vec<TargetSummary>,
    /// The certificates that sources came with; a source that got a new one during the run has two.
    #[serde(default)]
    pub sources: Vec<SourceSummary>,
    /// What only several cells together show.
    pub findings: Vec<Finding>,
}

/// About the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Run {
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: String,
    /// Certificates were judged as of this moment, RFC 3339.
    pub judged_at: String,
    /// The version of the program.
    pub version: String,
    /// The suites, by file.
    pub suites: Vec<String>,
    /// The run was stopped before its end; cells that were not probed are absent.
    pub interrupted: bool,
    /// The share of the plan that this is; absent where it is the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

/// Which share of a plan a run had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Shard {
    /// From 0 on.
    pub index: u32,
    /// Of how many.
    pub total: u32,
    /// Tells the plan from others: the same for each of its shards.
    pub plan: String,
}

/// Counts of cells; the first is the sum of the other four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals {
    /// All cells.
    pub cells: usize,
    /// As expected.
    pub met: usize,
    /// Not as expected.
    pub broken: usize,
    /// Nothing was expected.
    pub unjudged: usize,
    /// Something was expected and nobody can tell.
    pub inconclusive: usize,
}

impl Totals {
    /// Counts these cells.
    pub fn of(cells: &[Cell]) -> Self {
        let mut totals = Self::default();
        for cell in cells {
            totals.cells += 1;
            match cell.standing() {
                Met::Met => totals.met += 1,
                Met::Broken => totals.broken += 1,
                Met::InDoubt => totals.inconclusive += 1,
                Met::Unjudged => totals.unjudged += 1,
            }
        }
        totals
    }
}

/// One source against one address of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cell {
    /// The source.
    pub from: String,
    /// The identity it came with.
    pub from_id: Option<String>,
    /// The target.
    pub to: String,
    /// The address, resolved where it was.
    pub address: String,
    /// The proxy that was dialled to reach it, where that is another address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// How we tried to be taken for a peer; absent for plain TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// `accepted`, `rejected`, `unreachable` or `inconclusive`.
    #[cfg_attr(test, schemars(extend("enum" = ["accepted", "rejected", "unreachable", "inconclusive"])))]
    pub outcome: String,
    /// The code.
    pub code: Code,
    /// What the peer thinks of us, also where the code is our refusal of it; absent where it never came
    /// to that.
    #[serde(default)]
    pub peer: Option<Code>,
    /// Who refused: `peer` or `probe`.
    #[cfg_attr(test, schemars(extend("enum" = ["peer", "probe", null])))]
    pub by: Option<String>,
    /// How many causes the evidence leaves open.
    pub confidence: Confidence,
    /// Other codes that fit as well, where the confidence is ambiguous.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Code>,
    /// The facts the verdict rests on, most telling first.
    pub evidence: Vec<String>,
    /// The further connections that were opened because the verdict was open without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow_ups: Vec<FollowUp>,
    /// What was expected, as in the suite; several alternatives are joined by `|`.
    pub expected: Option<String>,
    /// Whether it was; absent where nothing was expected or nobody can tell.
    pub met: Option<bool>,
    /// How many connections, and how many of them say the same.
    pub attempts: Attempts,
    /// How far the connection got.
    pub stage: String,
    /// What was negotiated; absent where TLS was not spoken.
    pub tls: Option<Tls>,
    /// The server's certificate and our judgement of it; absent where none was seen.
    pub server: Option<Server>,
    /// The answer to the request.
    pub http: Option<Http>,
    /// Milliseconds by stage; absent where a stage was not reached.
    pub timing_ms: TimingMs,
    /// Its place in the plan that its run had a share of; absent where the run had the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u64>,
}

impl Cell {
    /// Whether the cell is as expected.
    pub fn standing(&self) -> Met {
        match (&self.expected, self.met) {
            (None, _) => Met::Unjudged,
            (Some(_), Some(true)) => Met::Met,
            (Some(_), Some(false)) => Met::Broken,
            (Some(_), None) => Met::InDoubt,
        }
    }

    /// The peer refused us.
    pub fn refused_by_peer(&self) -> bool {
        self.code.kind() == Kind::Rejected && self.by.as_deref() == Some(By::Peer.as_str())
    }

    /// We refuse the peer.
    pub fn refused_by_probe(&self) -> bool {
        self.code.kind() == Kind::Rejected && self.by.as_deref() == Some(By::Probe.as_str())
    }
}

/// A further connection to the same address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FollowUp {
    /// What was different: `no_certificate`, `throwaway` (a certificate of the same names by a CA that
    /// nobody knows), `other_version` of TLS, `mesh_alpn` (the application protocol of an Istio sidecar
    /// offered as well) or `plain_alpn` (TLS without it, where plaintext was refused).
    #[cfg_attr(test, schemars(extend("enum" = ["no_certificate", "throwaway", "other_version", "mesh_alpn", "plain_alpn"])))]
    #[serde(rename = "as")]
    pub kind: String,
    /// What it alone would mean.
    pub code: Code,
    /// How far it got.
    pub stage: String,
    /// The facts.
    pub evidence: Vec<String>,
    /// The fatal alert of the peer, by its number.
    pub alert: Option<u8>,
}

/// What was negotiated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tls {
    /// `1.2` or `1.3`
    pub version: Option<String>,
    /// The cipher suite by its IANA name.
    pub cipher: Option<String>,
    /// The key exchange group by its IANA name.
    pub group: Option<String>,
    /// The application protocol.
    pub alpn: Option<String>,
    /// The server name we sent.
    pub sni: Option<String>,
    /// Whether the server asked for a client certificate; absent where it is not known.
    pub certificate_requested: Option<bool>,
    /// Whether we gave one.
    pub certificate_sent: bool,
    /// Session tickets received.
    pub tickets: u32,
    /// The fatal alert of the peer, by its number.
    pub alert: Option<u8>,
    /// The TLS libraries that ask for a certificate just so; absent where none is known to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks_like: Vec<String>,
}

/// The server's certificate and our judgement of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Server {
    /// The SPIFFE ID of its leaf, else its first DNS name.
    pub id: Option<String>,
    /// Our verdict on it, also where the peer refused us.
    pub judgement: Code,
    /// Why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The chain as sent, leaf first.
    pub chain: Vec<Certificate>,
    /// The anchor that the chain leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Certificate>,
    /// The CA names that the server lists in its CertificateRequest.
    pub ca_hints: Vec<String>,
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Certificate {
    /// RFC 4514 style.
    pub subject: String,
    /// RFC 4514 style.
    pub issuer: String,
    /// Hexadecimal.
    pub serial: String,
    /// URI SANs.
    pub uris: Vec<String>,
    /// DNS SANs.
    pub dns: Vec<String>,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// SHA-256 of its public key, hexadecimal.
    pub spki_sha256: String,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Http {
    /// The status.
    pub status: u16,
    /// The `server` header.
    pub server: Option<String>,
    /// The gRPC status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc_status: Option<u32>,
    /// The `date` header minus our clock, in seconds: positive where the server's clock is ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_s: Option<i64>,
    /// What a proxy says of the next server, where it could not get further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
}

/// What a proxy says of the next server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Upstream {
    /// The response flags of its access log, such as `UF`, `UC` or `UF,URX`; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// Its reason, in its words.
    pub reason: String,
    /// The TLS alert with which the next server refused it, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_alert: Option<u8>,
    /// What it says beside, in its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Milliseconds by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TimingMs {
    /// Resolving the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<f64>,
    /// The TCP handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<f64>,
    /// The TLS handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<f64>,
    /// From the end of the handshake to the peer's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle: Option<f64>,
    /// From the request to its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<f64>,
}

/// What the rows show about one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TargetSummary {
    /// The name.
    pub name: String,
    /// `STRICT`, `PERMISSIVE`, `TLS_ONLY`, `PLAINTEXT`, `MIXED` where its addresses have different ones,
    /// or `UNKNOWN`.
    #[cfg_attr(test, schemars(extend("enum" = ["STRICT", "PERMISSIVE", "TLS_ONLY", "PLAINTEXT", "MIXED", "UNKNOWN"])))]
    pub mode: String,
    /// The mode that was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_mode: Option<String>,
    /// Every address that was probed.
    pub addresses: Vec<String>,
    /// The cells that the mode rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The dialects that were found, where the suite leaves them to the peers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dialects: Vec<FoundDialect>,
    /// The mode of each port and each address; absent where there is one address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortMode>,
}

/// The mode of one port of a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PortMode {
    /// The port.
    pub port: u16,
    /// As of a target.
    pub mode: String,
    /// The addresses with this port.
    pub addresses: Vec<AddressMode>,
    /// The cells that the mode rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// The mode of one address of a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AddressMode {
    /// The address.
    pub address: String,
    /// As of a target, and never `MIXED`.
    pub mode: String,
}

/// The dialect that was found at some addresses, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FoundDialect {
    /// Its name.
    pub dialect: String,
    /// The proxy that is dialled instead: a port of the same host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Where.
    pub addresses: Vec<String>,
    /// How many connections it took at each of them.
    pub connections: u32,
    /// What they answered, and what follows from it.
    pub evidence: Vec<String>,
}

impl TargetSummary {
    /// The mode is the expected one, or none is expected.
    pub fn is_as_expected(&self) -> bool {
        let mode = &self.mode;
        self.expected_mode
            .as_ref()
            .is_none_or(|expected| expected == mode)
    }
}

/// The certificates that one source came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SourceSummary {
    /// The name.
    pub name: String,
    /// The SPIFFE ID of the leaf, else its first DNS name.
    pub id: Option<String>,
    /// The chain as sent, leaf first.
    pub chain: Vec<Certificate>,
    /// The anchor of ours that the chain leads to; the peer may trust another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Certificate>,
}

/// Something that only several cells together show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// What it is, for example `REPLICAS_DIFFER`.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// The target, source or certificate it is about.
    pub about: String,
    /// What was seen.
    pub message: String,
    /// What to do.
    pub fix: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should act.
    Error,
    /// Somebody should look.
    Warning,
    /// Good to know.
    Info,
}

macro_rules! by_name {
    ($type:ty, $all:expr) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let name = String::deserialize(input)?;
                let known = $all.iter().copied().find(|value| value.as_str() == name);
                known.ok_or_else(|| serde::de::Error::custom(format!("unknown name {name:?}")))
            }
        }

        #[cfg(test)]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let names: Vec<&str> = $all.iter().map(|value| value.as_str()).collect();
                schemars::json_schema!({ "type": "string", "enum": names })
            }
        }
    };
}

by_name!(Code, Code::ALL);
by_name!(
    Confidence,
    [
        Confidence::Certain,
        Confidence::Likely,
        Confidence::Ambiguous
    ]
);

#[cfg(test)]
mod tests {
    use super::fixture::{cell, with_code};
    use super::*;

    #[test]
    fn each_cell_is_counted_once() {
        let standing = [
            (Some("OK"), Some(true), Met::Met),
            (Some("OK"), Some(false), Met::Broken),
            (Some("OK"), None, Met::InDoubt),
            (None, None, Met::Unjudged),
            // Where nothing was expected nothing can be met.
            (None, Some(true), Met::Unjudged),
        ];
        let cells = standing.map(|(expected, met, want)| {
            let mut cell = with_code(cell("a", "t", "h:1"), Code::UnknownCa, None);
            cell.expected = expected.map(str::to_owned);
            cell.met = met;
            assert_eq!(cell.standing(), want);
            cell
        });
        let totals = Totals {
            cells: 5,
            met: 1,
            broken: 1,
            unjudged: 2,
            inconclusive: 1,
        };
        assert_eq!(Totals::of(&cells), totals);
    }
}
