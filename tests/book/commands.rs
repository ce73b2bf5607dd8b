//! `docs/reference/commands.md` is written from the definitions of the flags.

use std::fmt::Write as _;
use std::fs;

use clap::{Arg, ArgAction, Command};
use mtls_probe::cli;

use crate::pages::root;

#[test]
fn the_page_of_commands_is_what_the_program_defines() {
    let path = root().join("docs/reference/commands.md");
    let page = page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, page).unwrap();
    } else {
        let written = fs::read_to_string(path).unwrap_or_default();
        let first = page.lines().zip(written.lines()).find(|(a, b)| a != b);
        assert!(
            page == written,
            "docs/reference/commands.md is not current: UPDATE_GOLDEN=1 cargo test --test book\n{first:?}"
        );
    }
}

fn page() -> String {
    let whole = cli::definition();
    let mut page = "# Commands and flags\n\n\
        Written by `UPDATE_GOLDEN=1 cargo test --test book`. `probe run --help`, and `man probe-run`, say the same of one\n\
        command.\n"
        .to_owned();
    section(
        &mut page,
        "`probe --from A --to B`",
        "One pair, in depth.",
        whole.get_arguments().filter(|arg| !arg.is_global_set()),
    );
    for command in whole.get_subcommands() {
        let arguments = command.get_arguments();
        let words: Vec<String> = command.get_positionals().map(word).collect();
        let title = ["`probe ", command.get_name()].concat();
        let title = [&[title], &words[..]].concat().join(" ") + "`";
        let about = command.get_about().map(ToString::to_string);
        section(
            &mut page,
            &title,
            &format!("{}.", about.unwrap_or_default()),
            arguments,
        );
    }
    let global = whole.get_arguments().filter(|arg| arg.is_global_set());
    section(&mut page, "Flags of every command", "", global);
    page
}

fn section<'a>(
    page: &mut String,
    title: &str,
    about: &str,
    arguments: impl Iterator<Item = &'a Arg>,
) {
    let _ = write!(page, "\n## {title}\n");
    if !about.is_empty() {
        let _ = write!(page, "\n{about}\n");
    }
    let arguments: Vec<_> = arguments.collect();
    if arguments.is_empty() {
        return;
    }
    page.push_str("\n| argument | what it does |\n| --- | --- |\n");
    for arg in arguments {
        let _ = writeln!(page, "| `{}` | {} |", escaped(&spelling(arg)), help(arg));
    }
}

/// As it is given: `-o`, `--output FORMAT=FILE`.
fn spelling(arg: &Arg) -> String {
    if arg.is_positional() {
        return word(arg);
    }
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    match arg.get_value_names() {
        Some([value, ..]) if arg.get_action().takes_values() => {
            format!("{} {value}", names.join("`, `"))
        }
        _ => names.join("`, `"),
    }
}

fn word(arg: &Arg) -> String {
    let name = arg.get_value_names().and_then(|names| names.first());
    let name = name.map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string);
    let is_many = matches!(arg.get_action(), ArgAction::Append);
    let many = if is_many { "..." } else { "" };
    match arg.is_required_set() {
        true => format!("{name}{many}"),
        false => format!("[{name}{many}]"),
    }
}

fn help(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values = arg.get_possible_values();
    if !values.is_empty() && arg.get_action().takes_values() {
        let names = values.iter().filter(|value| !value.is_hide_set());
        let names: Vec<String> = names
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        let _ = write!(text, ": {}", names.join(", "));
    }
    let defaults = arg.get_default_values();
    if !arg.is_hide_default_value_set() && !defaults.is_empty() {
        let defaults: Vec<_> = defaults
            .iter()
            .map(|value| value.to_string_lossy())
            .collect();
        let _ = write!(text, " [default: {}]", defaults.join(" "));
    }
    if let Some(name) = arg.get_env() {
        let _ = write!(text, " [env: {}]", name.to_string_lossy());
    }
    escaped(&text)
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Nothing of a subcommand is left out by clap's own `help`.
#[test]
fn every_command_has_a_section_and_a_row_in_the_readme() {
    let page = fs::read_to_string(root().join("docs/reference/commands.md")).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let whole: Command = cli::definition();
    for command in whole.get_subcommands() {
        let name = command.get_name();
        assert!(page.contains(&format!("\n## `probe {name}")), "{name}");
        assert!(
            readme.contains(&format!("`probe {name}")),
            "the README has no `probe {name}`"
        );
    }
}
