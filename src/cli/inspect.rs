//! `probe inspect`: what a server shows to anybody, or what a file holds.

use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use tokio::time::Instant;

use super::arguments::{self, Common, Inspect};
use super::pair::{DEFAULT_TIMEOUT, sni_of};
use super::{Terminal, Trouble};
use crate::certificate::{Bundles, Expected, Facts, Question, Role, directory_name, judge};
use crate::code::Code;
use crate::exit::Exit;
use crate::handshake::{Attempt, Guise, observe};
use crate::identity::{Origin, files};
use crate::matrix::{Certificate, bounded};
use crate::observation::{CertificateRequest, Ending, Observation, Stage};
use crate::plan::Probe;
use crate::report::{self, Listing, visible};
use crate::suite::Pause;
use crate::target::resolve::Resolver;
use crate::target::{Address, Offer, Request, Versions, Way};
use crate::verdict::{Known, Library, classify};

pub(super) async fn inspect(
    what: &Inspect,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let is_file = Path::new(&what.what).exists();
    let reports = if is_file {
        vec![of_file(Path::new(&what.what))?]
    } else {
        let address = arguments::address(&what.what)
            .map_err(|why| Trouble::Usage(format!("{why}, and there is no such file")))?;
        of_server(&address, what, common).await?
    };
    for report in &reports {
        match common.format()?.unwrap_or(Listing::Table) {
            Listing::Json | Listing::Ndjson => {
                report::json(report, terminal.out)?;
            }
            Listing::Table => table(report, terminal.out)?,
        }
    }
    let saw_something = reports.iter().any(|report| !report.chain.is_empty());
    Ok(if saw_something {
        Exit::Met
    } else {
        Exit::Unknown
    })
}

/// What was found at one address or in one file.
#[derive(Debug, Default, Serialize)]
struct Report {
    schema: &'static str,
    what: String,
    /// One entry for each version offered alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    versions: Vec<Offered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_requested: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ca_hints: Vec<String>,
    chain: Vec<Entry>,
    /// Every X.509-SVID rule that the leaf breaks.
    svid_violations: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Offered {
    version: &'static str,
    spoken: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpn: Option<String>,
    /// The TLS libraries that ask for a certificate just so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    looks_like: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Entry {
    #[serde(flatten)]
    certificate: Certificate,
    key: String,
    signature: String,
    is_ca: bool,
}

fn of_file(path: &Path) -> Result<Report, Trouble> {
    let chain = files::load_chain(path).map_err(Trouble::usage)?;
    let mut report = Report {
        schema: SCHEMA,
        what: path.display().to_string(),
        ..Report::default()
    };
    report.show(&chain);
    Ok(report)
}

async fn of_server(
    address: &Address,
    what: &Inspect,
    common: &Common,
) -> Result<Vec<Report>, Trouble> {
    let mut offer = Offer {
        alpn: what.alpn.clone(),
        ..Offer::default()
    };
    if let Some(sni) = &what.sni {
        offer.sni = sni_of(sni)?;
    }
    let timeout = common.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let resolver = Resolver::new(common.dns_server);
    let begun = Instant::now();
    let found = resolver.addresses(address, timeout).await.map_err(|err| {
        Trouble::Usage(format!(
            "{address} does not resolve: {err} ({:?})",
            begun.elapsed()
        ))
    })?;
    let mut reports = vec![];
    for socket in found {
        let mut report = Report {
            schema: SCHEMA,
            what: socket.to_string(),
            ..Report::default()
        };
        for (version, name) in [(Versions::Tls13, "1.3"), (Versions::Tls12, "1.2")] {
            let probe = Probe {
                origin: Origin::NoCertificate,
                address: address.clone().into(),
                dns_server: None,
                way: Way::default(),
                offer: Offer {
                    versions: version,
                    ..offer.clone()
                },
                request: Request::None,
                timeout,
                attempts: 1,
                pause: Pause::default(),
                follow_ups: false,
            };
            let seen = observe(Attempt {
                probe: &probe,
                address: socket,
                dialled: socket,
                guise: Guise::Nobody,
                may_speak: &|_| false,
            })
            .await;
            report.versions.push(offered(name, &seen));
            report.ask(&seen.certificate_request);
            if report.chain.is_empty() {
                report.show(&seen.chain);
            }
        }
        reports.push(report);
    }
    Ok(reports)
}

fn offered(version: &'static str, seen: &Observation) -> Offered {
    let is_spoken = seen.stage >= Stage::ClientAuth || !seen.chain.is_empty();
    let says_why = !is_spoken || matches!(seen.ending, Ending::Fault(_));
    Offered {
        version,
        spoken: is_spoken,
        cipher: seen.tls.cipher.clone(),
        group: seen.tls.group.clone(),
        alpn: seen.tls.alpn.clone(),
        looks_like: Library::of(seen)
            .iter()
            .map(|library| library.as_str())
            .collect(),
        evidence: if says_why {
            let verdict = classify(seen, &Known::default());
            let facts = verdict.evidence.iter().map(|fact| bounded(fact, LONGEST));
            std::iter::once(verdict.code().to_string())
                .chain(facts)
                .collect()
        } else {
            vec![]
        },
    }
}

impl Report {
    fn ask(&mut self, request: &CertificateRequest) {
        match request {
            CertificateRequest::Unknown => {}
            CertificateRequest::NeverAsked => {
                self.certificate_requested.get_or_insert(false);
            }
            CertificateRequest::Asked { hints, .. } => {
                self.certificate_requested = Some(true);
                if self.ca_hints.is_empty() {
                    let names = hints.iter().take(MOST_HINTS);
                    self.ca_hints = names.map(|der| directory_name(der)).collect();
                }
            }
        }
    }

    fn show(&mut self, chain: &[CertificateDer<'static>]) {
        let parsed = chain.iter().map(|der| Facts::parse(der));
        for (nth, facts) in parsed.enumerate() {
            match facts {
                Ok(facts) => self.chain.push(Entry {
                    certificate: Certificate::from(&facts),
                    key: facts.key,
                    signature: facts.signature,
                    is_ca: facts.is_ca,
                }),
                Err(why) => self
                    .svid_violations
                    .push(format!("certificate {nth} {why}")),
            }
        }
        if let Some(leaf) = chain.first() {
            self.svid_violations.extend(svid_violations(leaf));
        }
    }
}

/// Every rule that the leaf alone breaks, at either end of a connection.
fn svid_violations(leaf: &CertificateDer<'static>) -> Vec<String> {
    let chain = [leaf.clone()];
    let judged = [Role::Server, Role::Client].map(|role| {
        judge(&Question {
            chain: &chain,
            bundles: &Bundles::none(),
            role,
            expected: &Expected::AnySvid,
            at: Timestamp::UNIX_EPOCH,
            crls: &[],
            elsewhere: &[],
        })
    });
    let mut rules: Vec<String> = vec![];
    for problem in judged.into_iter().flat_map(|judgement| judgement.problems) {
        let is_rule = [Code::InvalidSvid, Code::CertUnsupported].contains(&problem.code);
        if is_rule && !rules.contains(&problem.what) {
            rules.push(problem.what);
        }
    }
    rules
}

fn table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", visible(&report.what))?;
    for offered in &report.versions {
        let parts = [&offered.cipher, &offered.group, &offered.alpn];
        let spoken: Vec<String> = parts
            .into_iter()
            .flatten()
            .map(|part| visible(part))
            .collect();
        let words = if offered.spoken {
            let looks_like = match offered.looks_like.as_slice() {
                [] => String::new(),
                names => format!("; asks for a certificate as {} does", names.join(" or ")),
            };
            spoken.join(", ") + &looks_like
        } else {
            let facts = offered.evidence.iter().map(|fact| visible(fact));
            format!("no: {}", facts.collect::<Vec<_>>().join("; "))
        };
        writeln!(out, "  TLS {}  {words}", offered.version)?;
    }
    match report.certificate_requested {
        Some(true) => writeln!(out, "  asks for a client certificate")?,
        Some(false) => writeln!(out, "  does not ask for a client certificate")?,
        None => {}
    }
    for hint in &report.ca_hints {
        writeln!(out, "  CA hint  {}", visible(hint))?;
    }
    for (nth, entry) in report.chain.iter().enumerate() {
        let certificate = &entry.certificate;
        writeln!(out, "  {nth}  {}", visible(&certificate.subject))?;
        for name in certificate.uris.iter().chain(&certificate.dns) {
            writeln!(out, "     name      {}", visible(name))?;
        }
        writeln!(out, "     issuer    {}", visible(&certificate.issuer))?;
        writeln!(
            out,
            "     valid     {} to {}",
            certificate.not_before, certificate.not_after
        )?;
        let role = if entry.is_ca { ", CA" } else { "" };
        writeln!(
            out,
            "     key       {}{role}, signed with {}",
            entry.key, entry.signature
        )?;
        writeln!(out, "     serial    {}", certificate.serial)?;
        writeln!(out, "     sha256    {}", certificate.sha256)?;
    }
    match report.svid_violations.as_slice() {
        [] if report.chain.is_empty() => writeln!(out, "  no certificate was seen")?,
        [] => writeln!(out, "  the leaf keeps every X.509-SVID rule")?,
        rules => {
            writeln!(out, "  the leaf breaks X.509-SVID rules:")?;
            for rule in rules {
                writeln!(out, "  - {}", visible(rule))?;
            }
        }
    }
    Ok(())
}

const SCHEMA: &str = "mtls-probe/inspection/v1";
const LONGEST: usize = 512;
const MOST_HINTS: usize = 256;
