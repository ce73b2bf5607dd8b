//! Who our sources are: identity, issuer, root, lifetime left, and whether it verifies.

#[cfg(test)]
mod tests;

use std::io::{self, BufWriter, Write};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Style;
use super::json::line as json_line;
use super::page::{Line, Look, Page};
use crate::certificate::{Bundles, Judgement, Trust};
use crate::code::Code;
use crate::findings::rough;
use crate::identity::{IdentityError, Supply};
use crate::matrix::{Certificate, MAX_TEXT, bounded};
use crate::suite::{BundleSource, Source, Whose};

/// The name and version of the JSON form.
pub const SCHEMA: &str = "mtls-probe/whoami/v1";

/// The sources of suites as they are at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Whoami {
    /// Always [`SCHEMA`].
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: &'static str,
    /// As of when, RFC 3339.
    pub at: String,
    /// Every source that comes with a certificate, in the order of the suites.
    pub sources: Vec<Who>,
    /// Every bundle, in the order of the suites.
    pub bundles: Vec<Anchors>,
    /// Revocation lists that cannot be read.
    pub troubles: Vec<String>,
    /// The pseudo-sources, which have no identity of ours.
    pub left_out: Vec<String>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Who {
    /// The suite that it is in.
    pub suite: String,
    /// Its name there.
    pub name: String,
    /// It is made for this run, and need not verify.
    pub minted: bool,
    /// Who it is; absent where that cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Found>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// An identity that is there.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Found {
    /// The SPIFFE ID, else the first DNS name of the leaf.
    pub id: Option<String>,
    /// Where it came from, for people.
    pub from: String,
    /// What we think of it as the certificate of a client.
    pub judgement: Code,
    /// Why, the root cause first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Whose trust anchors that rests on; null where nobody has any for its trust domain.
    pub trusted_by: Option<TrustedBy>,
    /// RFC 3339.
    pub not_after: String,
    /// Seconds until then; negative where it is over.
    pub left_s: i64,
    /// The chain as presented, leaf first.
    pub chain: Vec<Certificate>,
    /// The anchor that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Certificate>,
    /// The other trust domains whose trust anchors came along.
    pub federated: Vec<String>,
}

/// Whose trust anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TrustedBy {
    /// Those of the suite.
    Suite,
    /// Those that came along with the identity, since the suite has none for its trust domain.
    Source,
}

/// Why something cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure {
    /// The step of the way at which it went wrong, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<&'static str>,
    /// What went wrong, and the way out.
    pub what: String,
}

/// The trust anchors of a suite at one origin.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Anchors {
    /// The suite that names it.
    pub suite: String,
    /// The trust domain it is for; `*` for each that it names, null for whichever it is asked for.
    pub trust_domain: Option<String>,
    /// Where it comes from, for people.
    pub from: String,
    /// The bundles that are used of it.
    pub bundles: Vec<Roots>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// The roots of one trust domain.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Roots {
    /// Null for whichever it is asked for.
    pub trust_domain: Option<String>,
    /// The roots.
    pub roots: Vec<Certificate>,
}

/// What happened to a source while somebody watched.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    /// Always [`SCHEMA`].
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: &'static str,
    /// When, RFC 3339.
    pub at: String,
    /// What happened.
    pub event: Happened,
    /// The source as it is now.
    pub source: Who,
}

/// What may happen to a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Happened {
    /// It is looked at for the first time.
    First,
    /// It has another certificate, other trust anchors, or is judged otherwise.
    Changed,
    /// It cannot be had any more, or for another reason than before.
    Failed,
    /// It can be had again.
    Recovered,
}

impl Whoami {
    /// Every source is there and verifies, and so is every bundle.
    pub fn is_fine(&self) -> bool {
        let bundles = self.bundles.iter().all(|one| one.error.is_none());
        self.sources.iter().all(Who::is_fine) && bundles && self.troubles.is_empty()
    }
}

impl Who {
    /// A source as it was found.
    pub fn of(suite: &str, source: &Source, found: Result<Found, &IdentityError>) -> Self {
        let (identity, error) = match found {
            Ok(found) => (Some(found), None),
            Err(why) => (None, Some(Failure::of(why))),
        };
        Self {
            suite: suite.to_owned(),
            name: source.name.to_string(),
            minted: !source.origin.is_real(),
            identity,
            error,
        }
    }

    /// It is there and verifies; what is made up need not verify.
    pub fn is_fine(&self) -> bool {
        let identity = self.identity.as_ref();
        identity.is_some_and(|found| self.minted || found.judgement == Code::Ok)
    }

    /// Whether nothing happened between the two: time alone is no news.
    pub fn is_same(&self, other: &Self) -> bool {
        let timeless = |who: &Self| {
            let mut who = who.clone();
            if let Some(found) = &mut who.identity {
                found.left_s = 0;
                // Words that count the hours.
                found.evidence.clear();
            }
            who
        };
        timeless(self) == timeless(other)
    }
}

impl Happened {
    /// What happened from one look to the next; nothing where nothing did.
    pub fn between(before: Option<&Who>, now: &Who) -> Option<Self> {
        let Some(before) = before else {
            return Some(Self::First);
        };
        match (before.identity.is_some(), now.identity.is_some()) {
            _ if before.is_same(now) => None,
            (_, false) => Some(Self::Failed),
            (false, true) => Some(Self::Recovered),
            (true, true) => Some(Self::Changed),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::First => "is",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::Recovered => "recovered",
        }
    }
}

impl Found {
    /// An identity as it is and as it was judged at this moment.
    pub fn of(
        supply: &Supply,
        judgement: &Judgement,
        trusted_by: Option<TrustedBy>,
        at: Timestamp,
    ) -> Self {
        let leaf = supply.identity.leaf();
        let own = supply.identity.trust_domain();
        let domains = supply.trust.bundles.iter().filter_map(|(domain, _)| domain);
        let problems = judgement.problems.iter();
        Self {
            id: supply.identity.name().map(text),
            from: text(&supply.from),
            judgement: judgement.code(),
            evidence: problems.map(|problem| text(&problem.what)).collect(),
            trusted_by,
            not_after: leaf.not_after.to_string(),
            left_s: leaf.not_after.duration_since(at).as_secs(),
            chain: judgement.chain.iter().map(certificate).collect(),
            root: judgement.root.as_ref().map(certificate),
            federated: domains
                .filter(|domain| Some(*domain) != own.as_ref())
                .map(ToString::to_string)
                .collect(),
        }
    }
}

impl Failure {
    fn of(why: &IdentityError) -> Self {
        Self {
            step: why.step().map(|step| step.as_str()),
            what: text(&why.to_string()),
        }
    }
}

impl Anchors {
    /// What a bundle of a suite holds.
    pub fn of(suite: &str, bundle: &BundleSource, found: Result<&Trust, &IdentityError>) -> Self {
        let mut held = Trust::default();
        if let Ok(found) = found {
            bundle.whose.admit(&mut held, found);
        }
        let bundles = roots(&held.bundles);
        let error = match found {
            Err(why) => Some(Failure::of(why)),
            Ok(found) => bundle.whose.misses(found).map(|why| Failure {
                step: None,
                what: text(&why),
            }),
        };
        Self {
            suite: suite.to_owned(),
            trust_domain: match &bundle.whose {
                Whose::Domain(domain) => Some(domain.to_string()),
                Whose::Each => Some("*".to_owned()),
                Whose::Any => None,
            },
            from: bundle.origin.to_string(),
            bundles,
            error,
        }
    }

    fn named(&self) -> &str {
        self.trust_domain.as_deref().unwrap_or("any trust domain")
    }
}

fn roots(bundles: &Bundles) -> Vec<Roots> {
    let all = bundles.iter().map(|(domain, bundle)| Roots {
        trust_domain: domain.map(ToString::to_string),
        roots: bundle
            .anchors()
            .iter()
            .map(|one| certificate(&one.facts))
            .collect(),
    });
    all.collect()
}

fn certificate(facts: &crate::certificate::Facts) -> Certificate {
    Certificate::from(facts)
}

fn text(text: &str) -> String {
    bounded(text, MAX_TEXT)
}

/// One JSON value.
pub fn json(whoami: &Whoami, out: &mut dyn Write) -> io::Result<()> {
    super::json(whoami, out)
}

/// One line for programs.
pub fn event_line(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    json_line(event, &mut &mut *out)
}

/// A paragraph for each source, then the bundles.
pub fn table(whoami: &Whoami, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let page = &mut Page::new(style, &mut out);
    let mut suites: Vec<&str> = whoami
        .sources
        .iter()
        .map(|who| who.suite.as_str())
        .collect();
    suites.dedup();
    let mut last = None;
    for who in &whoami.sources {
        if suites.len() > 1 && last != Some(&who.suite) {
            if last.is_some() {
                page.blank()?;
            }
            page.line(Line::new().name(&who.suite))?;
            last = Some(&who.suite);
        }
        paragraph(page, who)?;
    }
    if !whoami.bundles.is_empty() {
        page.heading("Trust anchors")?;
        for anchors in &whoami.bundles {
            bundle(page, anchors)?;
        }
    }
    for trouble in &whoami.troubles {
        let line = Line::new().add(Look::Bad, "✗").say(" revocation list: ");
        page.item(0, 4, line.sentence(trouble))?;
    }
    page.blank()?;
    page.line(sum(whoami))?;
    out.flush()
}

fn paragraph(page: &mut Page<'_, impl Write>, who: &Who) -> io::Result<()> {
    let head = mark(who).say(" ").name(&who.name);
    let Some(found) = &who.identity else {
        page.line(head)?;
        let what = who.error.as_ref().map_or("", |error| error.what.as_str());
        return page.item(4, 6, Line::new().sentence(what));
    };
    let id = found.id.as_deref().unwrap_or("no name at all");
    let same = found.id.as_deref() == Some(&who.name);
    page.line(if same { head } else { head.say("  ").say(id) })?;
    page.item(4, 12, standing(who, found))?;
    for problem in &found.evidence {
        page.item(4, 12, field("because").sentence(problem))?;
    }
    page.item(4, 12, field("from").say(&found.from))?;
    if let Some(leaf) = found.chain.first() {
        let own = format!(" (serial {})", leaf.serial);
        let issuer = field("issuer").say(&leaf.issuer);
        page.item(4, 12, issuer.add(Look::Faint, &own))?;
    }
    if let Some(root) = &found.root {
        page.item(4, 12, named(field("root"), root))?;
    }
    if !found.federated.is_empty() {
        let names = found.federated.iter().map(String::as_str);
        page.item(4, 12, field("knows").names(Look::Plain, names, ", "))?;
    }
    Ok(())
}

/// Whether it verifies, and how long it lasts.
fn standing(who: &Who, found: &Found) -> Line {
    let line = match (found.judgement, found.trusted_by) {
        (Code::Ok, Some(TrustedBy::Source)) => Line::new()
            .add(Look::Good, "verifies")
            .say(" against the trust anchors that came along, "),
        (Code::Ok, _) => Line::new().add(Look::Good, "verifies").say(", "),
        (code, _) if who.minted => Line::new()
            .say(code.as_str())
            .say(", which a minted one may be, "),
        (code, _) => Line::new()
            .add(Look::Bad, "does not verify")
            .say(": ")
            .add(Look::Bad, code.as_str())
            .say(", "),
    };
    line.say(&left(found))
}

fn left(found: &Found) -> String {
    let span = rough(SignedDuration::from_secs(found.left_s));
    match found.left_s.is_negative() {
        true => format!("ended {span} ago, at {}", found.not_after),
        false => format!("{span} left, until {}", found.not_after),
    }
}

fn bundle(page: &mut Page<'_, impl Write>, anchors: &Anchors) -> io::Result<()> {
    let (look, sign) = match &anchors.error {
        None => (Look::Good, "✓"),
        Some(_) => (Look::Bad, "✗"),
    };
    let head = Line::new().add(look, sign).say(" ").name(anchors.named());
    page.item(0, 4, head.say("  from ").say(&anchors.from))?;
    if let Some(error) = &anchors.error {
        return page.item(4, 6, Line::new().sentence(&error.what));
    }
    if anchors.bundles.iter().all(|one| one.roots.is_empty()) {
        let words = "no roots: nothing of it is trusted";
        page.item(4, 6, Line::new().add(Look::Doubt, words))?;
    }
    for one in &anchors.bundles {
        for root in &one.roots {
            let line = match &one.trust_domain {
                Some(domain) if anchors.trust_domain.as_ref() != Some(domain) => {
                    Line::new().say(domain).say(": ")
                }
                Some(_) | None => Line::new(),
            };
            let until = format!(", until {}", root.not_after);
            page.item(4, 6, named(line, root).say(&until))?;
        }
    }
    Ok(())
}

fn sum(whoami: &Whoami) -> Line {
    let real: Vec<_> = whoami.sources.iter().filter(|who| !who.minted).collect();
    let fine = real.iter().filter(|who| who.is_fine()).count();
    let minted = whoami.sources.len() - real.len();
    let look = if fine == real.len() {
        Look::Good
    } else {
        Look::Bad
    };
    let mut line = Line::new()
        .add(look, &format!("{fine} of {}", real.len()))
        .say(match real.len() {
            1 => " identity verifies",
            _ => " identities verify",
        });
    if minted > 0 {
        line = line.say(&format!("; {minted} minted for a run"));
    }
    if !whoami.left_out.is_empty() {
        let names = whoami.left_out.iter().map(String::as_str);
        line = line.say("; without one: ").names(Look::Plain, names, ", ");
    }
    line.say(".")
}

/// What happened, in one line for people.
pub fn event(event: &Event, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let who = &event.source;
    let head = Line::new().add(Look::Faint, &event.at).say("  ");
    let head = head.join(mark(who)).say(" ").name(&who.name).say(" ");
    let line = match (&who.identity, event.event) {
        (Some(found), happened) => {
            let id = found.id.as_deref().unwrap_or("no name at all");
            let head = match happened {
                Happened::First => head.say("is ").say(id),
                Happened::Changed | Happened::Failed | Happened::Recovered => {
                    head.say(happened.as_str())
                }
            };
            let serial = found.chain.first().map_or("", |leaf| leaf.serial.as_str());
            let serial = format!(", serial {serial}");
            let line = head.say(": ").join(standing(who, found));
            let line = line.add(Look::Faint, &serial);
            match found.evidence.first() {
                Some(problem) => line.say("; ").sentence(problem),
                None => line,
            }
        }
        (None, happened) => {
            let what = who.error.as_ref().map_or("", |error| error.what.as_str());
            let word = match happened {
                Happened::First => "cannot be had",
                Happened::Changed | Happened::Failed | Happened::Recovered => happened.as_str(),
            };
            head.add(Look::Bad, word).say(": ").sentence(what)
        }
    };
    // A line for each event, but on a terminal that is too narrow for it.
    let style = Style {
        width: style.width.or(Some(usize::MAX)),
        ..*style
    };
    Page::new(&style, &mut out).item(0, 6, line)?;
    out.flush()
}

fn mark(who: &Who) -> Line {
    let (look, sign) = match (who.is_fine(), who.minted) {
        (true, true) => (Look::Plain, "·"),
        (true, false) => (Look::Good, "✓"),
        (false, _) => (Look::Bad, "✗"),
    };
    Line::new().add(look, sign)
}

fn field(name: &str) -> Line {
    Line::new().add(Look::Faint, name).pad(8)
}

/// By name for people and by key for certainty.
fn named(line: Line, root: &Certificate) -> Line {
    let key = root.spki_sha256.get(..16).unwrap_or(&root.spki_sha256);
    let key = format!(" (key {key})");
    line.say(&root.subject).add(Look::Faint, &key)
}
