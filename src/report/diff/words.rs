//! The words of a comparison.

use super::super::document::{Document, Mark, Phrase};
use super::super::page::Look;
use crate::code::{By, Code};
use crate::diff::{
    Change, Class, Diff, Fact, Group, Place, Root, Says, Side, Totals, UNKNOWN_KEY, What, Why,
};

pub(super) fn document(diff: &Diff) -> Document {
    let mut out = Document::default();
    out.title(verdict(diff));
    out.line(side("before", &diff.before));
    out.line(side("after", &diff.after));
    out.line(totals(&diff.totals));
    for note in &diff.notes {
        out.line(
            Phrase::default()
                .mark(Look::Doubt, "note")
                .say(": ")
                .quote(note),
        );
    }
    for class in CLASSES {
        let groups = diff.groups.iter().filter(|group| group.class == class);
        let facts = diff.facts.iter().filter(|fact| fact.class == class);
        let (groups, facts): (Vec<_>, Vec<_>) = (groups.collect(), facts.collect());
        if groups.is_empty() && facts.is_empty() {
            continue;
        }
        out.heading(title(class));
        for group in groups.iter().take(GROUPS) {
            describe(&mut out, group);
        }
        if let Some(more) = groups.len().checked_sub(GROUPS + 1) {
            let words = format!(
                "{} more kinds of change, which the JSON form holds",
                more + 1
            );
            out.item(Mark::Plain, Phrase::words(&words));
        }
        for fact in facts {
            tell(&mut out, fact, &diff.roots);
        }
    }
    out
}

const CLASSES: [Class; 5] = [
    Class::Regression,
    Class::Vanished,
    Class::Improvement,
    Class::Neutral,
    Class::New,
];

fn verdict(diff: &Diff) -> &'static str {
    if diff.is_worse() {
        "Worse than before"
    } else if diff.is_empty_comparison() {
        "Nothing to compare"
    } else if diff.groups.is_empty() && diff.facts.is_empty() {
        "Nothing changed"
    } else {
        "Nothing got worse"
    }
}

fn title(class: Class) -> &'static str {
    match class {
        Class::Regression => "Regressions",
        Class::Vanished => "Vanished",
        Class::Improvement => "Improvements",
        Class::Neutral => "Other changes",
        Class::New => "New",
    }
}

fn side(name: &str, side: &Side) -> Phrase {
    let mut phrase = Phrase::words(&format!("{name:<6}  "));
    if let Some(file) = &side.file {
        phrase = phrase.name(file).say(", ");
    }
    let phrase = match side.started_at.as_str() {
        "" => phrase,
        started => phrase.say("run at ").quote(started).say(", "),
    };
    let phrase = phrase.say(&count(side.cells, "cell"));
    if side.interrupted {
        phrase.say(", ").mark(Look::Bad, "interrupted")
    } else {
        phrase
    }
}

fn totals(totals: &Totals) -> Phrase {
    let parts = [
        (totals.regressions, "regression", Look::Bad),
        (totals.vanished, "vanished", Look::Bad),
        (totals.improvements, "improvement", Look::Good),
        (totals.neutral, "otherwise changed", Look::Plain),
        (totals.new, "new", Look::Plain),
        (totals.unchanged, "unchanged", Look::Plain),
    ];
    let mut phrase = Phrase::words(&format!("{} compared", count(totals.compared, "cell")));
    for (nth, (number, what, look)) in parts.into_iter().filter(|(n, ..)| *n > 0).enumerate() {
        let words = match what {
            "regression" | "improvement" => count(number, what),
            _ => format!("{number} {what}"),
        };
        phrase = phrase
            .say(if nth == 0 { ": " } else { ", " })
            .mark(look, &words);
    }
    phrase.say(".")
}

fn mark(class: Class) -> Mark {
    match class {
        Class::Regression | Class::Vanished => Mark::Bad,
        Class::Improvement => Mark::Good,
        Class::Neutral | Class::New => Mark::Plain,
    }
}

fn mark_of(group: &Group) -> Mark {
    if group.why == Why::LostSight {
        Mark::Doubt
    } else {
        mark(group.class)
    }
}

fn describe(out: &mut Document, group: &Group) {
    let phrase = who(group).say(": ");
    let phrase = match (&group.before, &group.after) {
        (Some(before), Some(after)) if before == after => phrase.join(says(after)),
        (Some(before), Some(after)) => phrase.join(says(after)).say(", was ").join(says(before)),
        (Some(before), None) => phrase
            .mark(Look::Bad, "vanished")
            .say(", was ")
            .join(says(before)),
        (None, Some(after)) => phrase.join(says(after)),
        (None, None) => phrase,
    };
    let cells = match group.cells.len() {
        1 => String::new(),
        many => format!(" ({many} cells)"),
    };
    out.item(
        mark_of(group),
        phrase.say(&format!("; {}{cells}", reason(group))),
    );
    lists(out, group);
    for change in rates(group) {
        out.detail(change);
    }
    causes(out, group);
}

/// Which of the two results lacks the cell is for the class to say.
fn reason(group: &Group) -> &'static str {
    match (group.class, group.why) {
        (Class::Vanished, Why::SourceAbsent) => "the source is gone",
        (Class::Vanished, Why::TargetAbsent) => "the target is gone",
        (Class::Vanished, Why::PairAbsent) => "the pair is not probed any more",
        (Class::Vanished, Why::AddressAbsent) => "the target has fewer addresses",
        (Class::New, Why::Interrupted) => "the first run was interrupted",
        (Class::New, Why::SourceAbsent) => "the source is new",
        (Class::New, Why::TargetAbsent) => "the target is new",
        (Class::New, Why::PairAbsent) => "the pair was not probed before",
        (Class::New, Why::AddressAbsent) => "the target has more addresses",
        (_, why) => why.words(),
    }
}

fn who(group: &Group) -> Phrase {
    let named = |phrase: Phrase, names: &[String], what: &str| match names {
        [one] => phrase.name(one),
        [one, other] => phrase.name(one).say(", ").name(other),
        many => phrase.mark(Look::Strong, &count(many.len(), what)),
    };
    let phrase = named(Phrase::default(), &group.sources, "source");
    named(phrase.say(" -> "), &group.targets, "target")
}

/// Who is meant, where the first line only counts them.
fn lists(out: &mut Document, group: &Group) {
    if group.sources.len() > 2 {
        out.detail(Phrase::words("from ").names(&group.sources));
    }
    if group.targets.len() > 2 {
        out.detail(Phrase::words("to ").names(&group.targets));
    }
    let mut pairs: Vec<(&str, &str)> = (group.cells.iter())
        .map(|change| (change.from.as_str(), change.to.as_str()))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    let all = group.sources.len() * group.targets.len();
    if pairs.len() < all {
        let few = pairs.iter().map(|(from, to)| format!("{from} -> {to}"));
        let few: Vec<String> = few.collect();
        let words = format!("in {} of these {all} pairs: ", pairs.len());
        out.detail(Phrase::words(&words).names(&few));
    }
    if group.targets.len() == 1 {
        let mut addresses: Vec<&str> = vec![];
        for change in &group.cells {
            if !addresses.contains(&change.address.as_str()) && addresses.len() < ADDRESSES {
                addresses.push(&change.address);
            }
        }
        out.detail(Phrase::words("at ").names(&addresses));
    }
}

fn rates(group: &Group) -> impl Iterator<Item = Phrase> {
    let rate = |change: &Change| {
        let (was, is) = (
            change.attempts_before.as_ref()?,
            change.attempts_after.as_ref()?,
        );
        let words = format!(
            ": {} of {} connections agree, were {} of {}",
            is.agreeing, is.total, was.agreeing, was.total
        );
        let who = Phrase::default()
            .quote(&change.from)
            .say(" -> ")
            .quote(&change.to);
        Some(who.say(" at ").quote(&change.address).say(&words))
    };
    group.cells.iter().filter_map(rate).take(RATES)
}

/// What all cells share.
fn causes(out: &mut Document, group: &Group) {
    let common = &group.in_common;
    for line in common.evidence.iter().take(EVIDENCE) {
        out.detail(Phrase::default().quote(line));
    }
    let is_one = group.cells.len() == 1;
    let (subject, all) = if is_one {
        ("it", "it")
    } else {
        ("all of them", "all")
    };
    if !common.ca_hints.is_empty() && is_about_trust(group) {
        let phrase = Phrase::words(&match common.ca_hints.len() {
            1 => format!("{subject} asked for a certificate of only one CA, by name "),
            n => format!("{subject} asked for a certificate of one of {n} CAs, by name "),
        });
        let phrase = phrase.names(&common.ca_hints);
        let same_name = common
            .server_root
            .as_ref()
            .filter(|root| common.ca_hints == [root.subject.as_str()]);
        out.detail(match same_name {
            Some(root) => phrase
                .say("; the root of this name that the certificates there lead to has key ")
                .quote(&short(&root.spki_sha256)),
            None => phrase.say(" (a name is no key)"),
        });
    }
    if let Some(root) = common
        .server_root
        .as_ref()
        .filter(|_| is_about_trust(group))
    {
        let words =
            format!("the certificates there {all} lead to root ").replace("it lead", "lead");
        out.detail(Phrase::words(&words).join(named(root)));
    }
    if let Some(root) = common
        .source_root
        .as_ref()
        .filter(|_| is_about_trust(group))
    {
        let words = format!("ours {all} lead to root ").replace("it lead", "leads");
        out.detail(Phrase::words(&words).join(named(root)));
    }
}

/// Roots belong to the cause only where a refusal may be about them.
fn is_about_trust(group: &Group) -> bool {
    let is_such = |says: &Option<Says>| {
        let code = says.as_ref().map(|says| says.code);
        code.is_some_and(|code| {
            [
                Code::UnknownCa,
                Code::BadSignature,
                Code::CertRejected,
                Code::IncompleteChain,
            ]
            .contains(&code)
        })
    };
    is_such(&group.after) || is_such(&group.before)
}

fn named(root: &Root) -> Phrase {
    Phrase::default()
        .quote(&root.subject)
        .say(", key ")
        .quote(&short(&root.spki_sha256))
}

fn short(print: &str) -> String {
    match print.char_indices().nth(SHORT) {
        Some((at, _)) => format!("{}…", print.get(..at).unwrap_or_default()),
        None => print.to_owned(),
    }
}

fn says(says: &Says) -> Phrase {
    let mut phrase = Phrase::default().mark(Look::Strong, says.code.as_str());
    if says.by.as_deref() == Some(By::Probe.as_str()) {
        phrase = phrase.say(" (we refuse)");
    }
    if let Some(peer) = says.peer {
        phrase = phrase.say(&format!(" (the peer says {peer})"));
    }
    if let Some(judgement) = says.judgement {
        phrase = phrase.say(&format!(" (and we would refuse it: {judgement})"));
    }
    if let Some(confidence) = says.confidence {
        phrase = phrase.say(&format!(" ({})", confidence.as_str()));
    }
    match (&says.expected, says.met) {
        (Some(expected), Some(false)) => phrase.say(" (expected ").quote(expected).say(")"),
        (Some(expected), None) => phrase.say(" (expected ").quote(expected).say(", in doubt)"),
        (Some(_), Some(true)) | (None, _) => phrase,
    }
}

fn tell(out: &mut Document, fact: &Fact, roots: &[Root]) {
    let mark = mark(fact.class);
    let root = |print: &String| match roots.iter().find(|root| root.spki_sha256 == *print) {
        Some(root) => named(root),
        None => Phrase::default().quote(print),
    };
    let each = |prints: &[String]| {
        let prints = prints.iter().take(VALUES).enumerate();
        prints.fold(Phrase::default(), |phrase, (nth, print)| {
            phrase
                .say(if nth > 0 { "; " } else { "" })
                .join(root(print))
        })
    };
    let list = |names: &[String]| match names {
        [] => Phrase::words("none"),
        names => Phrase::default().names(names),
    };
    let was_and_is = |phrase: Phrase| {
        phrase
            .join(list(&fact.after))
            .say(", was ")
            .join(list(&fact.before))
    };
    let place = places(&fact.places).say(": ");
    match fact.what {
        What::Mode => out.item(mark, was_and_is(place.say("mode "))),
        What::Root => out.item(
            mark,
            place
                .say("its certificate leads to root ")
                .join(each(&fact.after))
                .say(", was ")
                .join(each(&fact.before)),
        ),
        What::Leaf => {
            let is_known = |name: &String| !name.starts_with(UNKNOWN_KEY);
            let words = if fact.after.iter().all(is_known) {
                "a new certificate under the same root, "
            } else {
                "a new certificate, by its names under the same root: "
            };
            out.item(mark, place.say(words).join(each(&fact.after)));
        }
        What::CaHints => out.item(
            mark,
            was_and_is(place.say("asks for certificates of CA names ")),
        ),
        What::TlsVersion => out.item(mark, was_and_is(place.say("TLS "))),
        What::TlsLibrary => out.item(mark, was_and_is(place.say("looks like TLS library "))),
        What::FindingNew => {
            out.item(mark, place.say("new finding ").join(list(&fact.after)));
            for message in fact.messages.iter().take(VALUES) {
                out.detail(Phrase::default().quote(message));
            }
        }
        What::FindingGone => out.item(mark, place.say("gone is finding ").join(list(&fact.before))),
    }
}

fn places(places: &[Place]) -> Phrase {
    let mut phrase = Phrase::default();
    for (nth, place) in places.iter().take(PLACES).enumerate() {
        phrase = phrase.say(if nth > 0 { ", " } else { "" }).name(&place.to);
        phrase = match place.addresses.as_slice() {
            [] => phrase,
            [one] => phrase.say(" (").quote(one).say(")"),
            many => phrase.say(&format!(" ({} addresses)", many.len())),
        };
    }
    match places.len().saturating_sub(PLACES) {
        0 => phrase,
        more => phrase.say(&format!(" and {more} more")),
    }
}

fn count(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}

/// How much is shown of each; the JSON form holds all.
const GROUPS: usize = 40;
const EVIDENCE: usize = 4;
const RATES: usize = 4;
const PLACES: usize = 8;
const VALUES: usize = 4;
const ADDRESSES: usize = 100;
/// So many digits tell two keys apart for people.
const SHORT: usize = 16;
