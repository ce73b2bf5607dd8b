//! Explanations as plain paragraphs, for reports of other formats, which escape them as they must.

use super::causes::ours;
use super::entry::{Confirm, Likely, Page};
use super::words::{NOT, uncapitalised};

/// What is to be said of a code, in paragraphs: what it means and what it does not, and then at most
/// so many causes, the likeliest first, each with what confirms it and the fix. All words are ours, in
/// ASCII; commands stand between backticks. That all is as it should be is left out: whether it is, the
/// report knows, and the code does not.
///
/// ```
/// use mtls_probe::code::{By, Code};
/// use mtls_probe::report::explain;
///
/// // Of a code, by who refused (`explain::of` takes a cell); of a finding by its name.
/// let cell = explain::paragraphs(explain::page(Code::UnknownCa, Some(By::Peer)), 2);
/// let finding = explain::find("REPLICAS_DIFFER")?.page(None);
/// assert!(cell[0].starts_with("The peer refused our certificate"));
/// assert!(explain::paragraphs(finding, 0).len() < cell.len());
/// # Ok::<(), explain::NoTopic>(())
/// ```
pub fn paragraphs(page: &Page, most: usize) -> Vec<String> {
    let mut all = vec![page.meaning.to_owned()];
    all.push(format!("{NOT} {}", uncapitalised(page.is_not)));
    let causes = page
        .causes
        .iter()
        .filter(|likely| *likely.cause != ours::EXPECTED);
    for (nth, likely) in causes.take(most).enumerate() {
        let Likely { looks, cause } = likely;
        all.push(format!("{}. {}. Seen: {looks}.", nth + 1, cause.name));
        all.extend(cause.confirm.iter().map(confirm));
        all.push(format!("Fix: {}", cause.fix));
    }
    all
}

fn confirm(confirm: &Confirm) -> String {
    let Confirm { on, tells, .. } = confirm;
    format!("{}: `{}`: {tells}", on.title(), on_one_line(confirm.run))
}

/// A command without the breaks that make it fit a terminal.
pub(super) fn on_one_line(command: &str) -> String {
    let lines = command
        .lines()
        .map(|line| line.trim().trim_end_matches('\\'));
    lines.map(str::trim_end).collect::<Vec<_>>().join(" ")
}
