//! JUnit XML, as CI systems read it: a suite a target, a test case a cell, and one for a mode that is
//! expected. What nobody could tell is an error, what nothing was expected of is skipped, and a run that
//! is empty or was cut short is never green.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufWriter, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::details::{caveats, client, remedy, told};
use super::explain;
use super::group::by;
use super::mark::{flaps, share};
use super::text::{FIELD, shown};
use crate::code::Code;
use crate::expectation::Met;
use crate::matrix::{Cell, Finding, Matrix, Severity, TargetSummary};
use crate::suite::Mode;

pub(super) fn write(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let suites = suites(matrix);
    let of = |what: Outcome| suites.iter().map(|suite| suite.count(what)).sum::<usize>();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    write!(out, "<testsuites name=\"mtls-probe\"")?;
    let tests: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    write!(out, " tests=\"{tests}\"")?;
    write!(out, " failures=\"{}\"", of(Outcome::Failure))?;
    write!(out, " errors=\"{}\"", of(Outcome::Error))?;
    let time = total(suites.iter().map(Suite::seconds));
    writeln!(out, " time=\"{time:.3}\">")?;
    let begun = begun(matrix);
    for suite in &suites {
        suite.write(begun.as_deref(), &mut out)?;
    }
    writeln!(out, "</testsuites>")?;
    out.flush()
}

struct Suite {
    name: String,
    cases: Vec<Case>,
    /// What only several cells show.
    remarks: Vec<String>,
}

struct Case {
    /// The same in every run, so that readers see what became of it.
    name: String,
    seconds: f64,
    /// Nothing where it is as it should be.
    trouble: Option<Trouble>,
}

struct Trouble {
    outcome: Outcome,
    kind: String,
    message: String,
    /// Readers show this or the message, so it says everything once more.
    text: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Failure,
    Error,
    Skipped,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

fn suites(matrix: &Matrix) -> Vec<Suite> {
    let mut suites: Vec<Suite> = vec![];
    let run = of_run(matrix);
    if !run.is_empty() {
        suites.push(Suite {
            name: "the run".to_owned(),
            cases: run,
            remarks: vec![],
        });
    }
    let by_target = by(matrix.cells.iter(), |cell| cell.to.as_str());
    let mut probed: Vec<&str> = vec![];
    for cells in &by_target {
        let Some(name) = cells.first().map(|cell| cell.to.as_str()) else {
            continue;
        };
        probed.push(name);
        suites.push(suite(name, cells, matrix));
    }
    // A target without a cell may still have a mode that was expected.
    for target in &matrix.targets {
        let is_new = !probed.contains(&target.name.as_str());
        if is_new && target.expected_mode.is_some() {
            probed.push(&target.name);
            suites.push(suite(&target.name, &[], matrix));
        }
    }
    suites
}

fn suite(name: &str, cells: &[&Cell], matrix: &Matrix) -> Suite {
    let mut places: HashMap<&str, usize> = HashMap::new();
    for cell in cells {
        *places.entry(&cell.from).or_default() += 1;
    }
    let is_only = |cell: &Cell| places.get(cell.from.as_str()) == Some(&1);
    let cases = cells.iter().map(|cell| of_cell(cell, is_only(cell)));
    let mut cases: Vec<Case> = cases.collect();
    let summary = matrix.targets.iter().find(|target| target.name == name);
    cases.extend(summary.and_then(of_mode));
    // Readers tell cases apart by their names alone.
    let mut nth: HashMap<String, usize> = HashMap::new();
    for case in &mut cases {
        let seen = nth.entry(case.name.clone()).or_default();
        *seen += 1;
        if *seen > 1 {
            case.name = format!("{} #{seen}", case.name);
        }
    }
    let findings = matrix.findings.iter();
    let findings = findings.filter(|finding| finding.about == name);
    Suite {
        name: name.to_owned(),
        cases,
        remarks: findings.flat_map(remark).collect(),
    }
}

/// What is the matter with the run as a whole.
fn of_run(matrix: &Matrix) -> Vec<Case> {
    let error = |name: &str, kind: &str, words: &str| Case {
        name: name.to_owned(),
        seconds: 0.0,
        trouble: Some(Trouble {
            outcome: Outcome::Error,
            kind: kind.to_owned(),
            message: words.to_owned(),
            text: vec![words.to_owned()],
        }),
    };
    let mut cases = vec![];
    if matrix.cells.is_empty() {
        cases.push(error("is not empty", "EMPTY", "Nothing was probed."));
    }
    if matrix.run.interrupted {
        let words = "The run was stopped before its end, and cells are missing.";
        cases.push(error("comes to its end", "INTERRUPTED", words));
    }
    cases
}

fn of_cell(cell: &Cell, is_only: bool) -> Case {
    let field = |text: &str| shown(text, FIELD, false);
    let (from, to) = (field(&cell.from), field(&cell.to));
    let timing = &cell.timing_ms;
    let phases = [
        timing.dns,
        timing.tcp,
        timing.tls,
        timing.settle,
        timing.request,
    ];
    Case {
        // Addresses change from run to run, so they are named only where they must be.
        name: match is_only {
            true => format!("{from} -> {to}"),
            false => format!("{from} -> {to} ({})", field(&cell.address)),
        },
        seconds: total(phases.into_iter().flatten()) / 1000.0,
        trouble: trouble(cell),
    }
}

fn trouble(cell: &Cell) -> Option<Trouble> {
    let expected = cell.expected.as_deref().unwrap_or_default();
    let expected = expected.replace('|', " or ");
    let said = told(cell, client(&cell.from), &cell.to).text();
    let by = cell.by.as_deref().map(|by| format!(" by {by}"));
    let mut code = format!("{}{}", cell.code, by.unwrap_or_default());
    if flaps(cell) {
        code.push_str(&format!(" from {} connections", share(cell)));
    }
    let outcome = match cell.standing() {
        Met::Met => return None,
        Met::Broken => Outcome::Failure,
        Met::InDoubt => Outcome::Error,
        Met::Unjudged => {
            return Some(Trouble {
                outcome: Outcome::Skipped,
                kind: cell.code.to_string(),
                message: format!("nothing was expected; {code}: {said}"),
                text: vec![],
            });
        }
    };
    let mut text = vec![
        format!("{} -> {} ({})", cell.from, cell.to, cell.address),
        format!("expected {expected}, got {code}"),
        said.clone(),
    ];
    let facts = cell.evidence.iter().take(FACTS);
    text.extend(facts.map(|fact| format!("- {}", shown(fact, FIELD, false))));
    text.extend(caveats(cell).iter().map(|line| line.text()));
    if let Some(server) = &cell.server
        && server.judgement != Code::Ok
        && !cell.refused_by_probe()
    {
        let judgement = server.judgement;
        let words = format!("We would refuse its certificate, too: {judgement}");
        text.push(words);
    }
    if let Some(advice) = remedy(cell) {
        text.push(format!("=> {advice}"));
        text.extend(explain::paragraphs(explain::of(cell), 1));
        let code = cell.code;
        text.push(format!("All causes: probe explain {code}"));
    }
    Some(Trouble {
        outcome,
        kind: cell.code.to_string(),
        message: format!("expected {expected}, got {code}: {said}"),
        text,
    })
}

/// Of a mode that is expected.
fn of_mode(target: &TargetSummary) -> Option<Case> {
    let expected = target.expected_mode.as_deref()?;
    let TargetSummary { name, mode, .. } = target;
    let trouble = (!target.is_as_expected()).then(|| {
        let message = format!("{name} should be {expected} and is {mode}");
        let why = target.evidence.iter().take(FACTS);
        let why = why.map(|fact| format!("- {}", shown(fact, FIELD, false)));
        Trouble {
            outcome: match *mode == Mode::Unknown.as_str() {
                true => Outcome::Error,
                false => Outcome::Failure,
            },
            kind: "MODE_MISMATCH".to_owned(),
            text: std::iter::once(message.clone()).chain(why).collect(),
            message,
        }
    });
    Some(Case {
        name: format!("mode of {name}"),
        seconds: 0.0,
        trouble,
    })
}

fn remark(finding: &Finding) -> Vec<String> {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    let mut lines = vec![format!("{severity} {}: {}", finding.code, finding.message)];
    if !finding.fix.is_empty() {
        lines.push(format!("=> {}", finding.fix));
    }
    lines
}

impl Suite {
    fn count(&self, what: Outcome) -> usize {
        let is_it = |case: &&Case| {
            let trouble = case.trouble.as_ref();
            trouble.is_some_and(|trouble| trouble.outcome == what)
        };
        self.cases.iter().filter(is_it).count()
    }

    fn seconds(&self) -> f64 {
        total(self.cases.iter().map(|case| case.seconds))
    }

    fn write(&self, begun: Option<&str>, out: &mut impl Write) -> io::Result<()> {
        write!(out, "  <testsuite name=\"{}\"", Name(&self.name))?;
        write!(out, " tests=\"{}\"", self.cases.len())?;
        for (name, what) in [
            ("failures", Outcome::Failure),
            ("errors", Outcome::Error),
            ("skipped", Outcome::Skipped),
        ] {
            write!(out, " {name}=\"{}\"", self.count(what))?;
        }
        write!(out, " time=\"{:.3}\"", self.seconds())?;
        if let Some(begun) = begun {
            write!(out, " timestamp=\"{begun}\"")?;
        }
        writeln!(out, ">")?;
        for case in &self.cases {
            // The part before the last dot becomes a package.
            write!(
                out,
                "    <testcase classname=\"probe.{}\"",
                Name(&self.name)
            )?;
            write!(out, " name=\"{}\"", Text(&case.name))?;
            write!(out, " time=\"{:.3}\"", case.seconds)?;
            match &case.trouble {
                None => writeln!(out, "/>")?,
                Some(trouble) => {
                    writeln!(out, ">")?;
                    trouble.write(out)?;
                    writeln!(out, "    </testcase>")?;
                }
            }
        }
        if !self.remarks.is_empty() {
            write!(out, "    <system-out>")?;
            for line in &self.remarks {
                writeln!(out, "{}", Text(line))?;
            }
            writeln!(out, "    </system-out>")?;
        }
        writeln!(out, "  </testsuite>")
    }
}

impl Trouble {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let tag = self.outcome.as_str();
        let (kind, message) = (Name(&self.kind), Text(&self.message));
        write!(out, "      <{tag} type=\"{kind}\" message=\"{message}\"")?;
        if self.text.is_empty() {
            return writeln!(out, "/>");
        }
        write!(out, ">")?;
        for (nth, line) in self.text.iter().enumerate() {
            let end = if nth + 1 < self.text.len() { "\n" } else { "" };
            write!(out, "{}{end}", Text(line))?;
        }
        writeln!(out, "</{tag}>")
    }
}

/// The sum of what took any time; of nothing it is 0, and not the -0 that adding floats begins with.
fn total(times: impl Iterator<Item = f64>) -> f64 {
    times.fold(0.0, |sum, time| sum + time.max(0.0))
}

/// In the form that every reader takes: UTC, and no zone.
fn begun(matrix: &Matrix) -> Option<String> {
    let at: Timestamp = matrix.run.started_at.parse().ok()?;
    let at = at.to_zoned(TimeZone::UTC);
    Some(at.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

/// A name, fit for XML.
struct Name<'a>(&'a str);

/// A sentence, fit for XML.
struct Text<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(&shown(self.0, FIELD, false), f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(&shown(self.0, SENTENCE, false), f)
    }
}

/// What XML may not hold at all, such as most controls, is written out already.
fn escaped(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        match c {
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '&' => f.write_str("&amp;")?,
            '"' => f.write_str("&quot;")?,
            '\'' => f.write_str("&apos;")?,
            // U+FFFE and U+FFFF are the two that are neither controls nor allowed.
            '\u{fffe}' | '\u{ffff}' => write!(f, "{}", c.escape_unicode())?,
            _ => write!(f, "{c}")?,
        }
    }
    Ok(())
}

/// The longest line of ours, which may quote fields of a peer.
const SENTENCE: usize = 2000;
/// How many facts are listed.
const FACTS: usize = 12;

#[cfg(test)]
mod tests;
