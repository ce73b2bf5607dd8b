//! `probe verify`: a chain judged offline.

use std::io::Write;

use serde::Serialize;

use super::arguments::{self, Common, Name, Profile, RoleName, Verify};
use super::{Terminal, Trouble};
use crate::certificate::{
    Bundles, Expected, Judgement, Question, Role, SpiffeId, TrustDomain, judge,
};
use crate::code::Code;
use crate::exit::Exit;
use crate::identity::files;
use crate::identity::mint::Moment;
use crate::matrix::{Certificate, MAX_TEXT, bounded};
use crate::report::{self, Listing, visible};
use crate::run;

pub(super) fn verify(
    what: &Verify,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let chain = files::load_chain(&what.chain).map_err(Trouble::usage)?;
    let expected = expected(&what.name, what.profile)?;
    let bundles = bundles(what)?;
    let mut crls = vec![];
    for path in &what.crl {
        crls.extend(files::load_crls(path).map_err(Trouble::usage)?);
    }
    let judgement = judge(&Question {
        chain: &chain,
        bundles: &bundles,
        role: match what.role {
            RoleName::Server => Role::Server,
            RoleName::Client => Role::Client,
        },
        expected: &expected,
        at: common.at.unwrap_or(Moment::NOW).at(run::now()),
        crls: &crls,
        elsewhere: &[],
    });
    let report = Report::of(&judgement);
    match common.format()?.unwrap_or(Listing::Json) {
        Listing::Json | Listing::Ndjson => {
            report::json(&report, terminal.out)?;
        }
        Listing::Table => table(&report, terminal.out)?,
    }
    Ok(if judgement.is_ok() {
        Exit::Met
    } else {
        Exit::Broken
    })
}

/// The judgement as others read it.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    code: Code,
    id: Option<String>,
    evidence: Vec<String>,
    chain: Vec<Certificate>,
    root: Option<Certificate>,
}

impl Report {
    fn of(judgement: &Judgement) -> Self {
        let problems = judgement.problems.iter();
        Self {
            schema: "mtls-probe/judgement/v1",
            code: judgement.code(),
            id: judgement.id.clone(),
            evidence: problems
                .map(|problem| format!("{}: {}", problem.code, problem.what))
                .chain(judgement.notes.iter().cloned())
                .map(|fact| bounded(&fact, MAX_TEXT))
                .collect(),
            chain: judgement.chain.iter().map(Certificate::from).collect(),
            root: judgement.root.as_ref().map(Certificate::from),
        }
    }
}

fn table(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    let name = report.id.as_deref().unwrap_or("(no name)");
    writeln!(out, "{}  {}", report.code, visible(name))?;
    for fact in &report.evidence {
        writeln!(out, "  - {}", visible(fact))?;
    }
    for (nth, certificate) in report.chain.iter().enumerate() {
        writeln!(
            out,
            "  {nth}  {}\n     issued by {}\n     {} to {}",
            visible(&certificate.subject),
            visible(&certificate.issuer),
            certificate.not_before,
            certificate.not_after
        )?;
    }
    Ok(())
}

/// Whom the flags ask for, by the rules they ask for.
fn expected(name: &Name, profile: Option<Profile>) -> Result<Expected, Trouble> {
    let Name {
        id,
        trust_domain,
        dns,
        ip,
    } = name;
    match (id, trust_domain, dns, ip, profile) {
        (Some(_), ..) | (_, Some(_), ..) if profile == Some(Profile::Tls) => Err(Trouble::usage(
            "--id and --trust-domain go with --profile svid; ordinary TLS knows --dns and --ip",
        )),
        (_, _, Some(_), ..) | (_, _, _, Some(_), _) if profile == Some(Profile::Svid) => {
            Err(Trouble::usage(
                "--dns and --ip go with --profile tls; an SVID is named by --id or --trust-domain",
            ))
        }
        (Some(id), ..) => Ok(Expected::Id(whole_id(id)?)),
        (_, Some(domain), ..) => Ok(Expected::TrustDomain(domain.clone())),
        (_, _, Some(name), ..) => Ok(Expected::Dns(name.clone())),
        (_, _, _, Some(ip), _) => Ok(Expected::Ip(*ip)),
        (None, None, None, None, Some(Profile::Tls)) => Ok(Expected::AnyName),
        (None, None, None, None, Some(Profile::Svid) | None) => Ok(Expected::AnySvid),
    }
}

fn whole_id(text: &str) -> Result<SpiffeId, Trouble> {
    text.parse()
        .map_err(|why| Trouble::usage(format!("--id {text:?} {why}")))
}

/// A bundle without a trust domain stands for the one that the chain must belong to; a map of bundles says
/// itself whose they are.
fn bundles(what: &Verify) -> Result<Bundles, Trouble> {
    let id = what.name.id.as_deref().map(whole_id).transpose()?;
    let of_id = id.as_ref().map(|id| id.trust_domain());
    let domain = what.name.trust_domain.as_ref().or(of_id);
    let mut bundles = Bundles::none();
    for text in &what.bundle {
        let (asked, file) = arguments::bundle(text).map_err(Trouble::Usage)?;
        let held = files::load_bundles(&file).map_err(Trouble::usage)?;
        if let Some(asked) = &asked
            && held.for_domain(asked).is_none()
        {
            let named = held.iter().filter_map(|(named, _)| named);
            let named: Vec<_> = named.map(TrustDomain::as_str).collect();
            return Err(Trouble::Usage(format!(
                "--bundle: {} is a map of bundles that has none of {asked}; it has {}",
                file.display(),
                named.join(", ")
            )));
        }
        for (named, bundle) in held.iter() {
            let whose = match (&asked, named) {
                (Some(asked), Some(named)) if asked != named => continue,
                (_, Some(named)) => Some(named),
                (asked, None) => asked.as_ref().or(domain),
            };
            if bundles.iter().any(|(known, _)| known == whose) {
                return Err(Trouble::Usage(match whose {
                    Some(domain) => {
                        format!("--bundle: two for trust domain {domain}; put them in one file")
                    }
                    None => {
                        "--bundle: two without a trust domain; write TRUST-DOMAIN=FILE".to_owned()
                    }
                }));
            }
            match whose {
                Some(domain) => bundles.insert(domain.clone(), bundle.clone()),
                None => bundles.set_untagged(bundle.clone()),
            }
        }
    }
    Ok(bundles)
}
