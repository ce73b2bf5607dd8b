//! Every flag, with its help. Help, completions and the man page come from these definitions.

mod examples;
mod identities;
mod values;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(super) use self::identities::{Around, Doctor, Who, Whoami};
pub(super) use self::values::{Bytes, address, bundle, destination};

use self::examples::*;
use self::values::*;
use super::Trouble;
use super::push::Push;
use crate::certificate::TrustDomain;
use crate::identity::mint::Moment;
use crate::plan::Shard;
use crate::report::{Format, Paper, UnknownFormat};
use crate::rotation::{Phase, Step};
use crate::suite::{Pause, Wanted};
use crate::target::{Dialect, Group, Request, StartTls, Via, name_server};

/// Opens real TLS handshakes as SPIFFE identities, says who refused whom and why.
#[derive(Debug, Parser)]
#[command(
    name = "probe",
    version,
    arg_required_else_help = true,
    after_help = EXAMPLES,
    max_term_width = 100
)]
pub(super) struct CommandLine {
    #[command(flatten)]
    pub(super) pair: Pair,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Probe every cell of the suites and print the matrix
    #[command(after_help = RUN_EXAMPLES)]
    Run(Run),
    /// Probe the suites round after round while something is being changed, and say whether they hold
    #[command(after_help = CANARY_EXAMPLES)]
    Canary(Canary),
    /// Start the embedded lab mesh, probe it, print the matrix; needs nothing else
    Demo(Demo),
    /// Keep the lab mesh running in the foreground and write a suite for it
    Lab(Lab),
    /// What a server or a file holds: chain, identities, dates, CA hints, TLS versions
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(Inspect),
    /// Judge a certificate chain offline
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(Verify),
    /// Show every planned probe; opens no connection
    Plan(Planned),
    /// Who the sources of the suites are: identity, issuer, root, lifetime left, and whether it verifies
    #[command(after_help = WHOAMI_EXAMPLES)]
    Whoami(Whoami),
    /// The way to the identity of each source, step by step, and which step fails
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(Doctor),
    /// How far a CA rotation is, who is behind, and whether the next step is safe
    #[command(after_help = ROTATION_EXAMPLES)]
    Rotation(Rotation),
    /// What changed between two stored results, and whether it is worse
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(Diff),
    /// Write a stored result again, in any format
    Report(Report),
    /// What a code means, its likely causes, how to confirm each, and the fix
    Explain(Explain),
    /// Which cells of a stored result certificates will break by a moment to come
    #[command(after_help = OUTLOOK_EXAMPLES)]
    Outlook(Outlook),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the man page, or that of a command
    Man(Manual),
}

/// One pair, in depth.
#[derive(Args, Debug)]
pub(super) struct Pair {
    /// Who connects: a source of the suite, a SPIFFE ID, `none` or `plaintext`
    #[arg(
        long,
        value_name = "SOURCE",
        requires = "to",
        help_heading = "One pair"
    )]
    pub(super) from: Option<String>,
    /// Where to: a target of the suite, HOST:PORT, or srv:NAME for what SRV records name
    #[arg(long, value_name = "TARGET", help_heading = "One pair")]
    pub(super) to: Option<String>,
    /// The certificate chain to come with, as PEM, leaf first
    #[arg(long, value_name = "FILE", requires = "to", help_heading = "One pair")]
    pub(super) cert: Option<PathBuf>,
    /// Its private key, as PEM [default: the file of --cert]
    #[arg(
        long,
        value_name = "FILE",
        requires = "cert",
        help_heading = "One pair"
    )]
    pub(super) key: Option<PathBuf>,
    /// Where the identity comes from, as a suite says it: workload_api, "istio_ca: { address: HOST:PORT }"
    #[arg(
        long,
        value_name = "KIND[: {...}]",
        requires = "to",
        conflicts_with = "cert",
        help_heading = "One pair"
    )]
    pub(super) identity: Option<String>,
    /// The trust anchors of one trust domain, or of each that a map names (*=): a file, or as a suite
    /// says it, "cluster.local={ config_map: {...} }"; may be repeated
    #[arg(
        long,
        value_name = "[TRUST-DOMAIN=]FILE",
        requires = "to",
        help_heading = "One pair"
    )]
    pub(super) bundle: Vec<String>,
    /// Revocation lists, as PEM or DER; may be repeated
    #[arg(long, value_name = "FILE", requires = "to", help_heading = "One pair")]
    pub(super) crl: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) name: Name,
    /// The server name to send, or `off` for none
    #[arg(
        long,
        value_name = "NAME|off",
        requires = "to",
        help_heading = "One pair"
    )]
    pub(super) sni: Option<String>,
    /// The application protocols to offer, in order; empty for none
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        requires = "to",
        help_heading = "One pair"
    )]
    pub(super) alpn: Option<Vec<String>>,
    /// The one TLS version to offer
    #[arg(
        long,
        value_name = "VERSION",
        value_enum,
        requires = "to",
        help_heading = "One pair"
    )]
    pub(super) tls: Option<TlsVersion>,
    /// The key exchange groups to offer, in order
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "to", help_heading = "One pair",
          value_parser = group())]
    pub(super) groups: Vec<Group>,
    /// How to be taken for a peer
    #[arg(
        long,
        value_name = "DIALECT",
        requires = "to",
        help_heading = "One pair",
        value_parser = dialect()
    )]
    pub(super) dialect: Option<Dialect>,
    /// The proxy to dial instead of the address behind it: a port of the same host, or HOST:PORT
    #[arg(
        long,
        value_name = "PORT|HOST:PORT",
        requires = "to",
        help_heading = "One pair"
    )]
    pub(super) via: Option<Via>,
    /// Ask for TLS in this protocol first
    #[arg(
        long,
        value_name = "PROTOCOL",
        requires = "to",
        help_heading = "One pair",
        value_parser = starttls()
    )]
    pub(super) starttls: Option<StartTls>,
    /// What to ask after the handshake: "GET /path", `grpc-health`, `postgres` or `none`
    #[arg(
        long,
        value_name = "REQUEST",
        requires = "to",
        help_heading = "One pair"
    )]
    pub(super) request: Option<Request>,
    /// Bytes to send after the handshake; \r, \n, \t, \\ and \xHH stand for what they do
    #[arg(
        long,
        value_name = "TEXT",
        requires = "to",
        conflicts_with = "request",
        allow_hyphen_values = true,
        help_heading = "One pair",
        value_parser = bytes
    )]
    pub(super) send: Option<Bytes>,
    /// What the answer must hold, written like --send; alone it only listens
    #[arg(
        long,
        value_name = "TEXT",
        requires = "to",
        conflicts_with = "request",
        allow_hyphen_values = true,
        help_heading = "One pair",
        value_parser = bytes
    )]
    pub(super) receive: Option<Bytes>,
    /// What is expected of the pair [default: OK]
    #[arg(long, value_name = "CODE", requires = "to", help_heading = "One pair", value_parser = wanted())]
    pub(super) expect: Option<Wanted>,
    /// Probe the pair alone, without `none` and `plaintext` beside it
    #[arg(long, requires = "to", help_heading = "One pair")]
    pub(super) only: bool,
}

/// Whom a server's certificate must name.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub(super) struct Name {
    /// The certificate must carry this SPIFFE ID; sa/NAME is short for one of the own trust domain
    #[arg(
        long,
        value_name = "SPIFFE-ID",
        help_heading = "Whom the certificate must name"
    )]
    pub(super) id: Option<String>,
    /// The certificate must belong to this trust domain
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Whom the certificate must name"
    )]
    pub(super) trust_domain: Option<TrustDomain>,
    /// The certificate must carry this DNS name
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Whom the certificate must name"
    )]
    pub(super) dns: Option<String>,
    /// The certificate must carry this address
    #[arg(
        long,
        value_name = "ADDRESS",
        help_heading = "Whom the certificate must name"
    )]
    pub(super) ip: Option<IpAddr>,
}

/// Flags of every command.
#[derive(Args, Debug)]
pub(super) struct Common {
    /// The suite, a file or a folder [default: probe.yaml, else probes/]
    #[arg(long, value_name = "PATH", env = "PROBE_CONFIG", global = true)]
    pub(super) config: Option<PathBuf>,
    /// The format on stdout [default: table]
    #[arg(long, value_name = "FORMAT", global = true, value_parser = PossibleValuesParser::new(formats()))]
    pub(super) format: Option<String>,
    /// Write the result to a file as well; may be repeated
    #[arg(short, long, value_name = "FORMAT=FILE", global = true)]
    pub(super) output: Vec<String>,
    /// Name the addresses of each target in metrics, too
    #[arg(long, global = true)]
    pub(super) metrics_addresses: bool,
    /// Judge dates as of this moment: RFC 3339, Unix seconds, or an offset such as +12h
    #[arg(long, value_name = "TIME", global = true, value_parser = moment, allow_hyphen_values = true)]
    pub(super) at: Option<Moment>,
    /// The limit of one connection, for example 3s
    #[arg(long, value_name = "DURATION", global = true, value_parser = timeout)]
    pub(super) timeout: Option<Duration>,
    /// The most connections at one time
    #[arg(long, value_name = "N", global = true, default_value = "64")]
    pub(super) concurrency: NonZeroUsize,
    /// The most connections begun in a second [default: unlimited]
    #[arg(long, value_name = "N", global = true, value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// Connections for each cell
    #[arg(long, value_name = "N", global = true, value_parser = attempts())]
    pub(super) attempts: Option<u32>,
    /// How long to wait between two connections of a cell, for example 100ms
    #[arg(long, value_name = "DURATION", global = true, value_parser = Pause::length)]
    pub(super) pause: Option<Duration>,
    /// By how much of it a pause may be shorter or longer, for example 20%
    #[arg(long, value_name = "PERCENT", global = true, value_parser = Pause::share)]
    pub(super) jitter: Option<u8>,
    /// Ask this name server for every name, and take names as they stand
    #[arg(long, value_name = "IP[:PORT]", global = true, value_parser = name_server)]
    pub(super) dns_server: Option<SocketAddr>,
    /// Open no further connections where a verdict stays open
    #[arg(long, global = true)]
    pub(super) no_follow_ups: bool,
    #[command(flatten)]
    pub(super) around: Around,
    /// Colours [default: auto; NO_COLOR is respected]
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        value_enum,
        default_value = "auto",
        hide_default_value = true
    )]
    pub(super) color: Color,
    /// Print nothing but the result
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Spell out every cell
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

#[derive(Args, Debug)]
pub(super) struct Suites {
    /// Suites, files or folders [default: --config, else probe.yaml, else probes/]
    #[arg(value_name = "SUITE")]
    pub(super) suites: Vec<PathBuf>,
}

/// Suites, or a share of them.
#[derive(Args, Debug)]
pub(super) struct Planned {
    #[command(flatten)]
    pub(super) suites: Suites,
    /// Only a share of the servers: INDEX/TOTAL, from 0 on; `probe report` joins the results of all
    #[arg(long, value_name = "INDEX/TOTAL", env = "PROBE_SHARD")]
    pub(super) shard: Option<Shard>,
}

#[derive(Args, Debug)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) planned: Planned,
    #[command(flatten)]
    pub(super) push: Push,
}

#[derive(Args, Debug)]
pub(super) struct Rotation {
    /// Suites, files or folders [default: --config, else probe.yaml, else probes/]
    #[arg(value_name = "SUITE")]
    pub(super) suites: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) sides: Sides,
    /// Probe as the two canaries alone: the sources of the suite are then not among the predictions
    #[arg(long)]
    pub(super) only_canaries: bool,
    /// Exit by whether this step is safe now [default: the next one]
    #[arg(long, value_name = "STEP", value_parser = step())]
    pub(super) gate: Option<Step>,
    /// Exit by whether every address is in this phase
    #[arg(long, value_name = "PHASE", value_parser = phase())]
    pub(super) expect: Option<Phase>,
}

/// The two roots of a rotation, and a client with a leaf of each.
#[derive(Args, Debug)]
pub(super) struct Sides {
    /// The root that is to go, as PEM [default: `rotation` of the suite, else the one seen]
    #[arg(long, value_name = "FILE")]
    pub(super) old_root: Option<PathBuf>,
    /// The root that comes, as PEM; a combined bundle will do
    #[arg(long, value_name = "FILE")]
    pub(super) new_root: Option<PathBuf>,
    /// The source with a leaf of the old root
    #[arg(long, value_name = "SOURCE")]
    pub(super) old_client: Option<String>,
    /// The source with a leaf of the new root
    #[arg(long, value_name = "SOURCE")]
    pub(super) new_client: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Diff {
    /// A result as `-o json=FILE` stores it: the baseline
    #[arg(value_name = "BEFORE")]
    pub(super) before: PathBuf,
    /// The result to compare with it
    #[arg(value_name = "AFTER")]
    pub(super) after: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Report {
    /// A result as `-o json=FILE` stores it; or those of all shards of a run, or a folder of them
    #[arg(value_name = "RESULT", required = true)]
    pub(super) results: Vec<PathBuf>,
    /// Wait so long for what is not there yet
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub(super) wait: Option<Duration>,
    #[command(flatten)]
    pub(super) push: Push,
}

#[derive(Args, Debug)]
pub(super) struct Explain {
    /// The code [default: list them all]
    #[arg(value_name = "CODE")]
    pub(super) code: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Manual {
    /// The command [default: the page of probe itself]
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub(super) command: Option<String>,
    /// Write the pages of all commands into this folder instead
    #[arg(long, value_name = "FOLDER")]
    pub(super) dir: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Outlook {
    /// A result as `-o json=FILE` stores it
    #[arg(value_name = "RESULT")]
    pub(super) result: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Canary {
    #[command(flatten)]
    pub(super) suites: Suites,
    /// From the begin of one round to that of the next
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = span)]
    pub(super) every: Duration,
    /// For how long
    #[arg(long = "for", value_name = "DURATION", value_parser = span)]
    pub(super) span: Option<Duration>,
    /// How many rounds at the most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rounds: Option<u32>,
    /// A result to hold cells against of which no suite expects anything
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
    /// How many rounds may have a broken cell
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) max_broken: u32,
    /// What share of all judged cells may be broken, for example 0.5%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(super) max_flake: Option<f64>,
    /// For how long a target may be gone [default: as long as it takes]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub(super) max_gap: Option<Duration>,
    /// Wait until every address is in this phase of a rotation, two rounds on end: phase=P0 to phase=P3
    /// (or phase=done)
    #[arg(long, value_name = "phase=PHASE", value_parser = until)]
    pub(super) until: Option<Phase>,
    #[command(flatten)]
    pub(super) sides: Sides,
}

#[derive(Args, Debug)]
pub(super) struct Demo {
    /// The one TLS version to probe with
    #[arg(long, value_name = "VERSION", value_enum)]
    pub(super) tls: Option<TlsVersion>,
}

#[derive(Args, Debug)]
pub(super) struct Lab {
    /// Where to write the suite and the certificates
    #[arg(long, value_name = "FOLDER", default_value = "lab")]
    pub(super) dir: PathBuf,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(super) listen: IpAddr,
    /// The host that the suite names; {target} in it stands for the name of the target [default: the
    /// address listened on]
    #[arg(long, value_name = "HOST")]
    pub(super) host: Option<String>,
    /// Serve beside another lab, with the CA of its folder, and write nothing
    #[arg(long, value_name = "FOLDER", conflicts_with = "dir")]
    pub(super) join: Option<PathBuf>,
    /// The targets to serve here; may be repeated [default: all of them]
    #[arg(long, value_name = "TARGET", value_delimiter = ',', requires = "join")]
    pub(super) only: Vec<String>,
    /// The first port; 0 for any free ones
    #[arg(long, value_name = "PORT", default_value_t = crate::lab::FIRST_PORT)]
    pub(super) port: u16,
}

#[derive(Args, Debug)]
pub(super) struct Inspect {
    /// A server, or a PEM or DER file
    #[arg(value_name = "HOST:PORT|FILE")]
    pub(super) what: String,
    /// The server name to send, or `off` for none
    #[arg(long, value_name = "NAME|off")]
    pub(super) sni: Option<String>,
    /// The application protocols to offer, in order
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(super) alpn: Option<Vec<String>>,
}

#[derive(Args, Debug)]
pub(super) struct Verify {
    /// The chain, leaf first, as PEM
    #[arg(long, value_name = "FILE")]
    pub(super) chain: PathBuf,
    /// The trust anchors, as PEM, of one trust domain; may be repeated
    #[arg(long, value_name = "[TRUST-DOMAIN=]FILE", required = true)]
    pub(super) bundle: Vec<String>,
    /// Which end presents the chain
    #[arg(long, value_name = "ROLE", value_enum, default_value = "server")]
    pub(super) role: RoleName,
    /// The rules to judge by [default: svid, or tls with --dns or --ip]
    #[arg(long, value_name = "PROFILE", value_enum)]
    pub(super) profile: Option<Profile>,
    #[command(flatten)]
    pub(super) name: Name,
    /// Revocation lists, as PEM or DER; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) crl: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TlsVersion {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RoleName {
    Server,
    Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Profile {
    /// The X.509-SVID rules
    Svid,
    /// Ordinary TLS
    Tls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// Every format that some command has.
fn formats() -> Vec<&'static str> {
    let mut names: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
    for name in Paper::ALL.iter().map(|paper| paper.as_str()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

impl Sides {
    /// Anything is said of a rotation.
    pub(super) fn is_given(&self) -> bool {
        let roots = [&self.old_root, &self.new_root];
        let clients = [&self.old_client, &self.new_client];
        roots.iter().any(|one| one.is_some()) || clients.iter().any(|one| one.is_some())
    }
}

impl Common {
    /// The format on stdout, where the flag says which; an error where this command has it not.
    pub(super) fn format<T: FromStr<Err = UnknownFormat>>(&self) -> Result<Option<T>, Trouble> {
        let format = self.format.as_deref().map(str::parse).transpose();
        format.map_err(|why| Trouble::usage(format!("--format: for this command {why}")))
    }
}
