//! The ways to our identities, step by step.

#[cfg(test)]
mod tests;

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::Style;
use super::page::{Line, Look, Page};
use crate::identity::{Files, Flaw, IdentityError, Origin, Step, Walk};
use crate::matrix::{MAX_TEXT, bounded};

/// The name and version of the JSON form.
pub const SCHEMA: &str = "mtls-probe/doctor/v1";

/// The ways to all identities and bundles of suites.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Doctor {
    /// Always [`SCHEMA`].
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: &'static str,
    /// As of when, RFC 3339.
    pub at: String,
    /// The way to each source that comes with a certificate, in the order of the suites.
    pub sources: Vec<Way>,
    /// The way to each bundle, in the order of the suites.
    pub bundles: Vec<Way>,
    /// The pseudo-sources, which have no identity of ours.
    pub left_out: Vec<String>,
}

/// The way to one of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Way {
    /// The suite that names it.
    pub suite: String,
    /// Its name there; of a bundle the trust domain.
    pub name: String,
    /// Where it comes from, for people.
    pub from: String,
    /// The steps, in order.
    pub steps: Vec<Stepped>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stepped {
    /// Its name; `verify` for the last one, the judgement of the chain.
    #[cfg_attr(test, schemars(extend("enum" = ["find", "cluster", "anchors", "token", "connect", "tls", "request", "grant", "identity", "verify"])))]
    pub step: &'static str,
    /// How it went.
    pub state: State,
    /// What was found, or what went wrong.
    pub words: String,
    /// The way out, where it went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Well.
    Ok,
    /// Not well.
    Failed,
    /// A step before it failed.
    NotReached,
    /// It is told, and counts neither way: what is made up need not verify.
    Noted,
}

impl Doctor {
    /// Every way leads to its end.
    pub fn is_fine(&self) -> bool {
        self.sources.iter().chain(&self.bundles).all(Way::is_fine)
    }
}

impl Way {
    /// It leads to its end.
    pub fn is_fine(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.all(|step| matches!(step.state, State::Ok | State::Noted))
    }
}

/// The last step, the judgement of the chain.
pub const VERIFY: &str = "verify";

impl Stepped {
    /// A step with what came of it.
    pub fn new(step: &'static str, state: State, words: &str) -> Self {
        Self {
            step,
            state,
            words: bounded(words, MAX_TEXT),
            remedy: None,
        }
    }
}

/// The steps of a way that was walked: those that went well, the one that did not, and the rest of those
/// that lay before it.
pub fn steps(planned: &[Step], walk: &Walk, failed: Option<&IdentityError>) -> Vec<Stepped> {
    let done = walk.steps().iter();
    let mut steps: Vec<_> = done
        .map(|(step, words)| Stepped::new(step.as_str(), State::Ok, words))
        .collect();
    let Some(why) = failed else {
        return steps;
    };
    let is_done = |step: &Step| walk.steps().iter().any(|(done, _)| done == step);
    let first_open = || planned.iter().find(|step| !is_done(step)).copied();
    let at = why.step().or_else(first_open).unwrap_or(Step::Identity);
    let (words, remedy) = if let Flaw::Failed { why, remedy, .. } = &why.flaw {
        (why.clone(), Some(remedy))
    } else {
        (why.to_string(), None)
    };
    steps.push(Stepped {
        remedy: remedy.map(|text| bounded(text, MAX_TEXT)),
        ..Stepped::new(at.as_str(), State::Failed, &words)
    });
    let behind = planned.iter().position(|step| *step == at);
    let rest = planned.get(behind.map_or(0, |nth| nth + 1)..);
    let rest = rest.unwrap_or_default().iter();
    let rest = rest.filter(|step| !is_done(step) && **step != at);
    steps.extend(rest.map(|step| Stepped::new(step.as_str(), State::NotReached, "")));
    steps
}

/// Where an identity comes from, for people.
pub fn place(origin: &Origin) -> String {
    match origin {
        Origin::Files(Files::Named { chain, key }) => {
            format!("{} and {}", chain.display(), key.display())
        }
        Origin::Files(Files::Folder(folder)) => format!("folder {}", folder.display()),
        Origin::Mint(_) => "minted for this run".to_owned(),
        Origin::Fetched(from) => from.to_string(),
        Origin::NoCertificate | Origin::Plaintext | Origin::Sidecar => String::new(),
    }
}

/// One JSON value.
pub fn json(doctor: &Doctor, out: &mut dyn Write) -> io::Result<()> {
    super::json(doctor, out)
}

/// A line for each step.
pub fn table(doctor: &Doctor, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let page = &mut Page::new(style, &mut out);
    let ways = doctor.sources.iter().chain(&doctor.bundles);
    let mut suites: Vec<&str> = ways.map(|way| way.suite.as_str()).collect();
    suites.dedup();
    for way in &doctor.sources {
        of(page, "", way, suites.len() > 1)?;
    }
    for way in &doctor.bundles {
        of(page, "bundle ", way, suites.len() > 1)?;
    }
    let all = doctor.sources.len() + doctor.bundles.len();
    let ways = doctor.sources.iter().chain(&doctor.bundles);
    let fine = ways.filter(|way| way.is_fine()).count();
    let look = if fine == all { Look::Good } else { Look::Bad };
    let mut line = Line::new()
        .add(look, &format!("{fine} of {all}"))
        .say(if all == 1 { " is" } else { " are" })
        .say(" as it should be");
    if !doctor.left_out.is_empty() {
        let names = doctor.left_out.iter().map(String::as_str);
        line = line
            .say("; without an identity: ")
            .names(Look::Plain, names, ", ");
    }
    page.line(line.say("."))?;
    out.flush()
}

fn of(page: &mut Page<'_, impl Write>, kind: &str, way: &Way, tell_suite: bool) -> io::Result<()> {
    let mut head = Line::new()
        .say(kind)
        .name(&way.name)
        .say("  ")
        .say(&way.from);
    if tell_suite {
        head = head.add(Look::Faint, "  in ").add(Look::Faint, &way.suite);
    }
    page.item(0, 4, head)?;
    for step in &way.steps {
        let (look, sign) = match step.state {
            State::Ok => (Look::Good, "✓"),
            State::Failed => (Look::Bad, "✗"),
            State::NotReached | State::Noted => (Look::Faint, "·"),
        };
        let line = Line::new().add(look, sign).say(" ");
        let line = match step.state {
            State::Failed => line.add(Look::Bad, step.step),
            State::NotReached => line.add(Look::Faint, step.step),
            State::Ok | State::Noted => line.say(step.step),
        };
        let line = line.pad(INDENT - 2);
        page.item(
            2,
            INDENT,
            match step.state {
                State::Ok => line.add(Look::Good, "ok").say("  ").sentence(&step.words),
                State::NotReached => line.add(Look::Faint, "not reached"),
                State::Failed | State::Noted => line.sentence(&step.words),
            },
        )?;
        if let Some(remedy) = &step.remedy {
            page.arrow(INDENT, Line::new().sentence(remedy))?;
        }
    }
    page.blank()
}

/// Where the words of a step begin.
const INDENT: usize = 14;
