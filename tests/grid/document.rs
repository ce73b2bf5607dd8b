//! `docs/interop.md`: written by the tests of the grid, a section each, and held to be current.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::doubts::{DOUBTS, why};
use crate::grid::{Mark, Outcome};
use crate::race::Laps;
use crate::situations::SITUATIONS;
use crate::stack::{Stack, Tls};

/// Writes a section under `UPDATE_GOLDEN=1`; else tells whether the one that is there is the same.
pub(crate) fn keep(section: &str, text: &str) -> bool {
    let path = path();
    let document = fs::read_to_string(&path).unwrap_or_default();
    let (begin, end) = (
        format!("<!-- {section} -->\n"),
        format!("<!-- end of {section} -->\n"),
    );
    let place = document.find(&begin).zip(document.find(&end));
    let (from, to) = place.unwrap_or_else(|| panic!("docs/interop.md has no section {section:?}"));
    let from = from + begin.len();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let new = format!(
            "{}\n{}\n{}",
            &document[..from],
            text.trim(),
            &document[to..]
        );
        fs::write(&path, new).unwrap();
        return true;
    }
    document[from..to].trim() == text.trim()
}

/// What a section says now.
pub(crate) fn section(name: &str) -> String {
    let document = fs::read_to_string(path()).unwrap();
    let (_, rest) = document.split_once(&format!("<!-- {name} -->\n")).unwrap();
    rest.split_once("<!-- end of").unwrap().0.to_owned()
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/interop.md")
}

/// The programs and their versions; not held to be current, since they differ between machines.
pub(crate) fn stacks(stacks: &[(&Stack, String)], outcomes: &[Outcome]) -> String {
    let mut text =
        "| stack | version | configuration | looks like (TLS 1.2 / 1.3) |\n|---|---|---|---|\n"
            .to_owned();
    for (stack, version) in stacks {
        let looks = [Tls::V12, Tls::V13].map(|tls| {
            let mut seen: Vec<String> = (outcomes.iter())
                .filter(|one| one.stack == stack.name && one.tls == tls)
                .filter_map(|one| one.cell.tls.as_ref())
                .map(|tls| tls.looks_like.join(" or "))
                .filter(|looks| !looks.is_empty())
                .collect();
            seen.sort();
            seen.dedup();
            match seen.is_empty() {
                true => "-".to_owned(),
                false => seen.join(", "),
            }
        });
        writeln!(
            text,
            "| {} | {} | {} | {} / {} |",
            stack.name,
            version.trim().replace('|', "/"),
            stack.about.replace('|', "/"),
            looks[0],
            looks[1]
        )
        .unwrap();
    }
    text
}

/// The table of all cells, from what may be: a run in which more is right changes nothing.
pub(crate) fn grid(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for (nth, situation) in SITUATIONS.iter().enumerate() {
        writeln!(text, "{}. {}", nth + 1, situation.name).unwrap();
    }
    text.push_str("\n| stack |");
    for nth in 1..=SITUATIONS.len() {
        write!(text, " {nth} |").unwrap();
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(SITUATIONS.len()));
    text.push('\n');
    let mut names: Vec<&str> = outcomes.iter().map(|one| one.stack).collect();
    names.dedup();
    let (mut right, mut open) = (0, 0);
    for name in names {
        write!(text, "| {name} |").unwrap();
        for situation in SITUATIONS {
            let signs = [Tls::V12, Tls::V13].map(|tls| {
                let is_there = outcomes
                    .iter()
                    .any(|one| one.stack == name && one.tls == tls && one.situation == situation);
                match (is_there, why(name, tls, situation.name)) {
                    (false, _) => "·",
                    (true, Some(_)) => {
                        open += 1;
                        "?"
                    }
                    (true, None) => {
                        right += 1;
                        "✓"
                    }
                }
            });
            write!(text, " {}{} |", signs[0], signs[1]).unwrap();
        }
        text.push('\n');
    }
    let all = right + open;
    let share = f64::from(open) * 100.0 / f64::from(all.max(1));
    assert!(share <= 5.0, "{share:.1} % of the cells may stay open");
    writeln!(
        text,
        "\nOf {all} cells {right} are right, {open} ({share:.1} %) may stay open, none is wrong."
    )
    .unwrap();
    text
}

/// Every kind of cell that may stay open, with its reason.
pub(crate) fn doubts() -> String {
    let mut text = "| stacks | situations | why |\n|---|---|---|\n".to_owned();
    for doubt in DOUBTS {
        let version = match doubt.only {
            None => "",
            Some(Tls::V12) => " (TLS 1.2)",
            Some(Tls::V13) => " (TLS 1.3)",
        };
        let [stacks, situations] = [doubt.stacks, doubt.situations].map(|names| names.join("; "));
        writeln!(text, "| {stacks}{version} | {situations} | {} |", doubt.why).unwrap();
    }
    text
}

/// What was counted in the races.
pub(crate) fn race(laps: &[Laps]) -> String {
    let mut text =
        "| stack | TLS | verdicts | idle | under load |\n|---|---|---|---|---|\n".to_owned();
    for one in laps.iter().filter(|one| !one.under_load) {
        let loaded = laps
            .iter()
            .find(|other| other.under_load && other.stack == one.stack && other.tls == one.tls);
        let count = |lap: &Laps| format!("{} of {}", lap.alike, lap.handshakes);
        writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            one.stack,
            one.tls.as_str(),
            one.verdicts.join(", "),
            count(one),
            loaded.map_or("-".to_owned(), count),
        )
        .unwrap();
    }
    let handshakes: u32 = laps.iter().map(|one| one.handshakes).sum();
    let misread: usize = laps.iter().map(|one| one.misread.len()).sum();
    writeln!(text, "\n{handshakes} handshakes, {misread} misread.").unwrap();
    text
}

/// How often each tool names the cause of a refusal.
pub(crate) struct Score {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Of refusals.
    pub(crate) named: u32,
    pub(crate) unnamed: u32,
    pub(crate) misnamed: u32,
    pub(crate) unclear: u32,
    pub(crate) fine: u32,
    pub(crate) cannot: u32,
    /// Of acceptances.
    pub(crate) taken: u32,
    pub(crate) not_taken: u32,
}

pub(crate) fn scores(scores: &[Score]) -> String {
    let mut text = "| client | version | cause named | refused, no cause | another cause | cannot say | **says all is well** | cannot come so | accepted: says so | accepted: says otherwise |\n|---|---|---|---|---|---|---|---|---|---|\n".to_owned();
    for one in scores {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | **{}** | {} | {} | {} |",
            one.name,
            one.version,
            one.named,
            one.unnamed,
            one.misnamed,
            one.unclear,
            one.fine,
            one.cannot,
            one.taken,
            one.not_taken
        )
        .unwrap();
    }
    text
}

impl Score {
    /// Ours, from the grid.
    pub(crate) fn of_ours(outcomes: &[&Outcome]) -> Self {
        let mut score = Self::new("probe", env!("CARGO_PKG_VERSION"));
        for one in outcomes {
            let accepts = one.is_accepted();
            match (accepts, one.mark) {
                (true, Mark::Right) => score.taken += 1,
                (true, Mark::Doubt | Mark::Wrong) => score.not_taken += 1,
                (false, Mark::Right) => score.named += 1,
                (false, Mark::Doubt) if one.cell.refused_by_peer() => score.unnamed += 1,
                (false, Mark::Doubt) => score.unclear += 1,
                (false, Mark::Wrong) if one.cell.outcome == "accepted" => score.fine += 1,
                (false, Mark::Wrong) => score.misnamed += 1,
            }
        }
        score
    }

    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            named: 0,
            unnamed: 0,
            misnamed: 0,
            unclear: 0,
            fine: 0,
            cannot: 0,
            taken: 0,
            not_taken: 0,
        }
    }
}
