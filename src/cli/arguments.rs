//! Every flag, with its help. Help, completions and the man page come from these definitions.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::{SignedDuration, Timestamp};

use super::Trouble;
use crate::certificate::TrustDomain;
use crate::identity::mint::Moment;
use crate::report::{Format, Paper, UnknownFormat};
use crate::rotation::{Phase, Step};
use crate::suite::{MOST_ATTEMPTS, Pause, Wanted};
use crate::target::{Address, Destination, Dialect, Group, Request, StartTls, Via, name_server};

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
    Run(Suites),
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
    Plan(Suites),
    /// How far a CA rotation is, who is behind, and whether the next step is safe
    #[command(after_help = ROTATION_EXAMPLES)]
    Rotation(Rotation),
    /// What changed between two stored results, and whether it is worse
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(Diff),
    /// Which cells of a stored result certificates will break by a moment to come
    #[command(after_help = OUTLOOK_EXAMPLES)]
    Outlook(Outlook),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the man page
    Man,
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
    /// The trust anchors, as PEM, of one trust domain; may be repeated
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
    /// The host that the suite names [default: the address listened on]
    #[arg(long, value_name = "HOST")]
    pub(super) host: Option<String>,
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

/// Bytes of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

fn bytes(text: &str) -> Result<Bytes, String> {
    let mut bytes = vec![];
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        bytes.push(match rest.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                let is_hex = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                let byte = u8::from_str_radix(&digits, 16).ok().filter(|_| is_hex);
                byte.ok_or_else(|| {
                    format!("\\x{digits} is no byte; write two digits, such as \\x0d")
                })?
            }
            Some(other) => return Err(format!("\\{other} stands for nothing; {ESCAPES}")),
            None => return Err(format!("a \\ at the end stands for nothing; {ESCAPES}")),
        });
    }
    match bytes.len() {
        1..=MOST_BYTES => Ok(Bytes(bytes)),
        0 => Err("nothing to send or to find; leave the flag out".to_owned()),
        many => Err(format!("{many} bytes; {MOST_BYTES} are allowed")),
    }
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

fn wanted() -> impl TypedValueParser<Value = Wanted> {
    named(Wanted::all().collect(), Wanted::as_str)
}

fn group() -> impl TypedValueParser<Value = Group> {
    named(Group::ALL.to_vec(), Group::as_str)
}

fn dialect() -> impl TypedValueParser<Value = Dialect> {
    named(Dialect::ALL.to_vec(), Dialect::as_str)
}

fn starttls() -> impl TypedValueParser<Value = StartTls> {
    named(StartTls::ALL.to_vec(), StartTls::as_str)
}

fn step() -> impl TypedValueParser<Value = Step> {
    named(Step::ALL.to_vec(), Step::as_str)
}

fn phase() -> impl TypedValueParser<Value = Phase> {
    named(Phase::ALL.to_vec(), Phase::as_str)
}

/// `phase=P1`
fn until(text: &str) -> Result<Phase, String> {
    let name = text.strip_prefix("phase=");
    let name = name.map(|name| if name == "done" { "P3" } else { name });
    let mut all = Phase::ALL.iter();
    let phase = name.and_then(|name| all.find(|phase| phase.as_str() == name));
    phase
        .copied()
        .ok_or_else(|| "write phase=P0, phase=P1, phase=P2, phase=P3 or phase=done".to_owned())
}

/// One of these, by its name.
fn named<T: Copy + Send + Sync + 'static>(
    all: Vec<T>,
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|&one| name(one)).collect::<Vec<_>>()).try_map(
        move |text| {
            let mut all = all.iter().copied();
            all.find(|&one| name(one) == text).ok_or("not known")
        },
    )
}

fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(seconds) = text.parse::<i64>() {
        let is_offset = text.starts_with(['+', '-']);
        if !is_offset {
            let moment = Timestamp::from_second(seconds);
            return moment.map(Moment::At).map_err(|err| err.to_string());
        }
    }
    if let Some(span) = text.strip_prefix('+') {
        return span
            .parse()
            .map(Moment::After)
            .map_err(|_| NOT_A_MOMENT.to_owned());
    }
    if text.starts_with('-') {
        let span: Result<SignedDuration, _> = text.parse();
        return span.map(Moment::After).map_err(|_| NOT_A_MOMENT.to_owned());
    }
    text.parse()
        .map(Moment::At)
        .map_err(|_| NOT_A_MOMENT.to_owned())
}

fn timeout(text: &str) -> Result<Duration, String> {
    let span: SignedDuration = text
        .parse()
        .map_err(|_| "write a duration such as 3s or 500ms".to_owned())?;
    let limit = Duration::try_from(span).unwrap_or_default();
    if limit.is_zero() || limit > LONGEST_TIMEOUT {
        return Err("a timeout is more than nothing and at most 5m".to_owned());
    }
    Ok(limit)
}

/// A time to wait, which may be long.
fn span(text: &str) -> Result<Duration, String> {
    let span: SignedDuration = text
        .parse()
        .map_err(|_| "write a duration such as 15s, 10m or 2h".to_owned())?;
    let limit = Duration::try_from(span).unwrap_or_default();
    if limit.is_zero() || limit > LONGEST_SPAN {
        return Err("write more than nothing and at most 30 days (720h)".to_owned());
    }
    Ok(limit)
}

/// `0.5%`, or `0.005`
fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if (0.0..=whole).contains(&number) => Ok(number / whole),
        Ok(_) | Err(_) => Err("write a share such as 0.5%, from 0% to 100%".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        Ok(_) | Err(_) => Err("a rate is a number of connections a second, more than 0".to_owned()),
    }
}

/// `[TRUST-DOMAIN=]FILE`
pub(super) fn bundle(text: &str) -> Result<(Option<TrustDomain>, PathBuf), String> {
    match text.split_once('=') {
        None => Ok((None, PathBuf::from(text))),
        Some((domain, file)) => {
            let domain = domain
                .parse()
                .map_err(|why| format!("--bundle {text:?}: the trust domain {why}"))?;
            Ok((Some(domain), PathBuf::from(file)))
        }
    }
}

fn attempts() -> impl TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=i64::from(MOST_ATTEMPTS))
}

/// Where to, where the text says so.
pub(super) fn destination(text: &str) -> Result<Destination, String> {
    text.parse().map_err(|why| format!("{text:?} {why}"))
}

/// The address, where the text is one.
pub(super) fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|why| format!("{text:?} {why}"))
}

/// As in a suite.
const MOST_BYTES: usize = 4096;
const ESCAPES: &str = "write \\r, \\n, \\t, \\xHH, or \\\\ for itself";
const LONGEST_SPAN: Duration = Duration::from_secs(30 * 24 * 3600);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(300);
const NOT_A_MOMENT: &str =
    "write RFC 3339 (2026-11-21T10:00:00Z), Unix seconds, or an offset such as +12h or -30m";

const EXAMPLES: &str = "\
Examples:
  probe demo
      the embedded lab mesh, probed: needs nothing else
  probe --from sa/frontend --to api:8080
      one pair of the suite in probe.yaml or probes/, in depth
  probe --cert svid.pem --key key.pem --bundle roots.pem --to 10.0.0.7:8443
      the same without a suite
  probe run probes/ -o json=result.json
      every cell of the suites; the result also as JSON

Exit codes: 0 every expectation met, 1 one is broken, 2 usage or suite error,
3 could not tell or nothing was probed, 130/143 stopped by a signal.";

const RUN_EXAMPLES: &str = "\
Examples:
  probe run
      the suite in probe.yaml, or all suites in probes/
  probe run probes/strict-mtls.yaml --format json
  probe run --at +12h
      with certificates judged as they will stand in twelve hours";

const DIFF_EXAMPLES: &str = "\
Examples:
  probe run -o json=baseline.json
  probe run -o json=result.json
  probe diff baseline.json result.json
  probe diff baseline.json result.json -o markdown=comment.md -o json=diff.json

Exits 0 when nothing got worse, 1 on a regression or a vanished cell, 2 when a file cannot be used,
3 when the two have no cell in common. Formats: table, json, markdown.";

const OUTLOOK_EXAMPLES: &str = "\
Examples:
  probe outlook result.json
      twelve hours from now
  probe outlook result.json --at 2026-12-24T00:00:00Z --format markdown

Looks at every certificate of the result, of both ends, as if none were renewed. Exits 0 when nothing
breaks by then, 1 when an accepted cell does, 2 when the file cannot be used, 3 when no cell of it
was accepted. Formats: table, json, markdown.";

const CANARY_EXAMPLES: &str = "\
Examples:
  probe canary --every 15s --for 10m
      every cell as the suite expects it, or stop at the first round that is broken
  probe canary --rounds 40 --baseline before.json --max-gap 30s
      nobody loses what they had, and nobody is away for long
  probe canary --until phase=P1 --for 2h
      until every address trusts both roots of the section `rotation`, and nothing may break meanwhile

On a terminal it shows the last round; elsewhere it writes one JSON line for each round and one at the
end. Exits 0 when all rounds held (and the phase was reached), 1 when the budget is used up, the phase is
not reached or a wrong state stays, 3 when something stayed in doubt.";

const INSPECT_EXAMPLES: &str = "\
Examples:
  probe inspect api.default.svc:8443
  probe inspect svid.pem --format json";

const VERIFY_EXAMPLES: &str = "\
Examples:
  probe verify --chain svid.pem --bundle roots.pem --id spiffe://cluster.local/ns/default/sa/api
  probe verify --chain server.pem --bundle ca.pem --dns api.example.com --at 2026-12-24T00:00:00Z

Prints the judgement as JSON (or with --format table for people). Exits 0 when the code is OK,
1 when not, 2 when the input cannot be used.";

const ROTATION_EXAMPLES: &str = "\
Examples:
  probe rotation
      as the section `rotation` of the suite says
  probe rotation --old-client canary-old --new-client canary-new
      between the roots that these two sources come from
  probe rotation --old-root old.pem --new-root new.pem --gate P2
      in a pipeline, before the new CA signs

Exit codes: 0 the step is safe (or the rotation finished), 1 it is refused, or something is broken
already, 2 usage or suite error, 3 could not tell.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_text_with_escapes() {
        for (text, want) in [
            ("PING", Ok(&b"PING"[..])),
            (r"EHLO a\r\n", Ok(b"EHLO a\r\n")),
            (r"\x00\xfF\t\\x", Ok(b"\0\xff\t\\x")),
            ("\u{e4}", Ok("\u{e4}".as_bytes())),
            (r"\q", Err("\\q stands for nothing")),
            (r"\x1", Err("\\x1 is no byte")),
            (r"\x+1", Err("\\x+1 is no byte")),
            ("\\", Err("a \\ at the end")),
            ("", Err("nothing to send")),
        ] {
            match (bytes(text), want) {
                (Ok(got), Ok(want)) => assert_eq!(got.0, want, "{text:?}"),
                (Err(got), Err(want)) => assert!(got.starts_with(want), "{text:?}: {got}"),
                (got, want) => panic!("{text:?}: {got:?} and not {want:?}"),
            }
        }
    }
}
