//! Explanations as Markdown: of one code, and of all as a reference in which each cause stands once.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::entry::{Cause, Family, Likely, Page, Topic};
use super::lookup::family;
use super::prose::on_one_line;
use super::{topics, words};

/// Everything of one code.
pub(super) fn topic(topic: &Topic, out: &mut impl Write) -> io::Result<()> {
    let mut text = String::new();
    head(&mut text, "##", topic);
    for page in topic.pages {
        prose(&mut text, "###", page);
        for (nth, likely) in page.causes.iter().enumerate() {
            let cause = likely.cause;
            say(&mut text, format_args!("{}. **{}**\n", nth + 1, cause.name));
            say(&mut text, format_args!("   Seen: {}\n", likely.looks));
            describe(&mut text, "   ", cause);
            text.push('\n');
        }
    }
    say(&mut text, format_args!("Exit code: {}", topic.exit));
    out.write_all(text.as_bytes())
}

/// Every code, and every cause once.
pub(super) fn all(out: &mut impl Write) -> io::Result<()> {
    let mut text = HEAD.to_owned();
    for one in Family::ALL {
        say(
            &mut text,
            format_args!("\n| {} | meaning |\n| --- | --- |", one.as_str()),
        );
        for topic in family(one) {
            let anchor = anchor(topic.code);
            let row = format_args!("| [`{}`](#{anchor}) | {} |", topic.code, topic.summary);
            say(&mut text, row);
        }
    }
    text.push_str(
        "\n## Exit codes\n\n| family | exit code of `probe run` and of one pair |\n| --- | --- |\n",
    );
    for one in Family::ALL {
        say(
            &mut text,
            format_args!("| {} | {} |", one.as_str(), one.exit()),
        );
    }
    for one in Family::ALL {
        say(&mut text, format_args!("\n## {}\n", words::title(one)));
        for topic in family(one) {
            head(&mut text, "###", topic);
            for page in topic.pages {
                prose(&mut text, "####", page);
                for (nth, likely) in page.causes.iter().enumerate() {
                    linked(&mut text, nth + 1, likely);
                }
                text.push('\n');
            }
            if topic.exit != topic.family.exit() {
                say(&mut text, format_args!("Exit code: {}\n", topic.exit));
            }
        }
    }
    text.push_str("## Causes\n\nWords in capitals within commands are yours to fill in.\n");
    for cause in causes() {
        say(&mut text, format_args!("\n### {}\n", cause.name));
        describe(&mut text, "", cause);
    }
    out.write_all((text.trim_end().to_owned() + "\n").as_bytes())
}

const HEAD: &str = "# Codes

What `probe` says, what it means, why it comes about, and what to do. Written by `UPDATE_GOLDEN=1 cargo test --lib
explain`; the same is printed by `probe explain CODE`.
";

/// Every cause, in the order in which codes first name them.
fn causes() -> Vec<&'static Cause> {
    let mut all: Vec<&Cause> = vec![];
    let pages = topics().flat_map(|topic| topic.pages);
    for likely in pages.flat_map(|page| page.causes) {
        if !all.iter().any(|cause| cause.name == likely.cause.name) {
            all.push(likely.cause);
        }
    }
    all
}

fn head(text: &mut String, level: &str, topic: &Topic) {
    say(text, format_args!("{level} {}\n", topic.code));
    let summary = words::sentence(topic.summary);
    say(
        text,
        format_args!("*{}*: {summary}\n", topic.family.as_str()),
    );
}

fn prose(text: &mut String, level: &str, page: &Page) {
    if page.by.is_some() {
        say(text, format_args!("{level} {}\n", words::who(page.by)));
    }
    say(text, format_args!("{}\n", page.meaning));
    let not = words::uncapitalised(page.is_not);
    say(text, format_args!("**{}** {not}\n", words::NOT));
    say(text, format_args!("**First:** {}\n", page.advice));
    say(text, format_args!("{}:\n", words::likeliest(page.causes)));
}

fn linked(text: &mut String, nth: usize, likely: &Likely) {
    let Likely { looks, cause } = likely;
    let anchor = anchor(cause.name);
    say(
        text,
        format_args!("{nth}. {looks} — [{}](#{anchor})", cause.name),
    );
}

/// What a heading is linked by, as GitHub and most others make it: a name stays what it is when others
/// come before it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading
        .chars()
        .filter(kept)
        .map(|c| {
            if c == ' ' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

fn describe(text: &mut String, indent: &str, cause: &Cause) {
    for confirm in cause.confirm {
        let run = on_one_line(confirm.run);
        let on = confirm.on.title();
        say(
            text,
            format_args!("{indent}- {on}: `{run}`: {}", confirm.tells),
        );
    }
    say(text, format_args!("\n{indent}Fix: {}", cause.fix));
}

fn say(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{words}");
}
