//! `probe doctor`: the way to each identity, step by step.

use super::arguments::{self, Common};
use super::output::{no_files, style};
use super::sources::{Asked, Look, Seen, anchors, chosen, judged, left_out};
use super::{Terminal, Trouble};
use crate::certificate::Trust;
use crate::code::Code;
use crate::exit::Exit;
use crate::identity::mint::Moment;
use crate::identity::{IdentityError, Step, Supply};
use crate::report::doctor::{Doctor, SCHEMA, State, Stepped, VERIFY, Way, place, steps};
use crate::report::whoami::TrustedBy;
use crate::report::{Listing, doctor as report};
use crate::run;
use crate::suite::{Source, Suite};
use jiff::Timestamp;

pub(super) async fn doctor(
    how: &arguments::Doctor,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let suites = chosen(&how.who, common)?;
    let format = common.format()?.unwrap_or(Listing::Table);
    no_files(common, "this one with --format json")?;
    let now = run::now();
    let doctor = examine(&suites, now, common.at.unwrap_or(Moment::NOW).at(now)).await;
    match format {
        Listing::Table => report::table(&doctor, &style(common, terminal), terminal.out)?,
        Listing::Json | Listing::Ndjson => report::json(&doctor, terminal.out)?,
    }
    Ok(match doctor.sources.is_empty() {
        true => Exit::Unknown,
        false if doctor.is_fine() => Exit::Met,
        false => Exit::Broken,
    })
}

async fn examine(suites: &[Suite], now: Timestamp, at: Timestamp) -> Doctor {
    let look = Look::at(suites, now).await;
    let sources = look.sources.iter().map(|seen| Way {
        suite: seen.suite.name.clone(),
        name: seen.source.name.to_string(),
        from: place(&seen.source.origin),
        steps: of_source(seen, at),
    });
    let bundles = look.bundles.iter();
    Doctor {
        schema: SCHEMA,
        at: at.to_string(),
        sources: sources.collect(),
        bundles: bundles.map(|(suite, one)| of_bundle(suite, one)).collect(),
        left_out: left_out(suites),
    }
}

fn of_source(seen: &Seen<'_>, at: Timestamp) -> Vec<Stepped> {
    let found = seen.found.as_ref();
    let mut steps = steps(seen.source.origin.steps(), &seen.walk, found.err());
    steps.push(match found {
        Ok(supply) => verified(seen.source, supply, &seen.trust, at),
        Err(_) => Stepped::new(VERIFY, State::NotReached, ""),
    });
    steps
}

fn verified(source: &Source, supply: &Supply, trust: &Trust, at: Timestamp) -> Stepped {
    let (judgement, by) = judged(source, supply, trust, at);
    let root = judgement.root.as_ref().map(|root| root.subject.as_str());
    let id = judgement.id.as_deref().unwrap_or("no name at all");
    let first = judgement.problems.first();
    match (judgement.code(), first, by) {
        (Code::Ok, _, by) => {
            let whose = match by {
                Some(TrustedBy::Source) => ", which came along",
                Some(TrustedBy::Suite) | None => "",
            };
            let words = format!("{id} leads to {}{whose}", root.unwrap_or("a root"));
            Stepped::new(VERIFY, State::Ok, &words)
        }
        (code, problem, _) => {
            let why = problem.map_or("", |problem| problem.what.as_str());
            let words = format!("{code}: {why}");
            match source.origin.is_real() {
                true => Stepped::new(VERIFY, State::Failed, &words),
                false => Stepped::new(VERIFY, State::Noted, &format!("{words} (it is made up)")),
            }
        }
    }
}

fn of_bundle(suite: &Suite, asked: &Asked) -> Way {
    let anchors = anchors(suite, asked);
    // Who knows the step of its own failure has no other before it.
    let error = asked.found.as_ref().err();
    let planned: &[Step] = match error.and_then(IdentityError::step) {
        Some(_) => &[],
        None => &[Step::Find],
    };
    let mut steps = steps(planned, &asked.walk, error);
    let name = Step::Anchors.as_str();
    if let (Ok(_), Some(error)) = (&asked.found, &anchors.error) {
        steps.push(Stepped::new(name, State::Failed, &error.what));
    } else if asked.found.is_ok() {
        let domains: Vec<_> = anchors
            .bundles
            .iter()
            .map(|one| {
                let count = match one.roots.len() {
                    1 => "1 root".to_owned(),
                    many => format!("{many} roots"),
                };
                match &one.trust_domain {
                    Some(domain) => format!("{count} of {domain}"),
                    None => count,
                }
            })
            .collect();
        steps.push(Stepped::new(name, State::Ok, &domains.join(", ")));
    }
    Way {
        suite: suite.name.clone(),
        name: anchors
            .trust_domain
            .unwrap_or_else(|| "any trust domain".to_owned()),
        from: anchors.from,
        steps,
    }
}
