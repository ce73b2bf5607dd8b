//! The command line: flags and environment are read here, once. Edge.

mod ad_hoc;
mod arguments;
mod canary;
mod config;
mod demo;
mod diff;
mod doctor;
mod explain;
mod generate;
mod inspect;
mod lab;
mod outlook;
mod output;
mod pair;
mod plan;
mod progress;
mod push;
mod report;
mod rotation;
mod run;
mod sources;
mod stop;
mod stored;
mod verify;
mod whoami;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};

use clap::Parser;

use self::arguments::{Command, CommandLine};
use crate::exit::Exit;
use crate::identity::veiled;
use crate::run::Unusable;
use crate::suite::{SuiteError, printable};

/// Where a command writes, and what is known of it.
pub struct Terminal<'a> {
    /// Results.
    pub out: &'a mut dyn Write,
    /// Everything else.
    pub err: &'a mut dyn Write,
    /// Columns of the terminal behind `out`, where it is one.
    pub width: Option<usize>,
    /// Whether `out` takes colours, by itself and by the environment.
    pub color: bool,
    /// Whether `out` is a terminal that shows nothing but ASCII, by its locale.
    pub ascii: bool,
    /// Whether `err` is a terminal.
    pub interactive: bool,
}

/// Runs `probe` with these arguments, the first being its own name.
pub async fn main(
    arguments: impl IntoIterator<Item = OsString>,
    terminal: &mut Terminal<'_>,
) -> Exit {
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(err) => return explain(&err, terminal),
    };
    if let (Some(_), Some(to)) = (&line.command, &line.pair.to) {
        let words = "--from and --to describe one pair and go without a command";
        let _ = writeln!(terminal.err, "error: --to {to:?}: {words}");
        return Exit::Usage;
    }
    let done = match &line.command {
        None => pair::pair(&line.pair, &line.common, terminal).await,
        Some(Command::Run(which)) => run::run(which, &line.common, terminal).await,
        Some(Command::Canary(how)) => canary::canary(how, &line.common, terminal).await,
        Some(Command::Demo(how)) => demo::demo(how, &line.common, terminal).await,
        Some(Command::Lab(how)) => lab::lab(how, &line.common, terminal).await,
        Some(Command::Inspect(what)) => inspect::inspect(what, &line.common, terminal).await,
        Some(Command::Verify(what)) => verify::verify(what, &line.common, terminal),
        Some(Command::Plan(which)) => plan::plan(which, &line.common, terminal),
        Some(Command::Whoami(how)) => whoami::whoami(how, &line.common, terminal).await,
        Some(Command::Doctor(how)) => doctor::doctor(how, &line.common, terminal).await,
        Some(Command::Rotation(how)) => rotation::rotation(how, &line.common, terminal).await,
        Some(Command::Diff(what)) => diff::diff(what, &line.common, terminal),
        Some(Command::Report(what)) => report::report(what, &line.common, terminal).await,
        Some(Command::Explain(what)) => explain::explain(what, &line.common, terminal),
        Some(Command::Outlook(what)) => outlook::outlook(what, &line.common, terminal),
        Some(Command::Completions { shell }) => generate::completions(*shell, terminal),
        Some(Command::Man(which)) => generate::man(which, terminal),
    };
    done.unwrap_or_else(|trouble| trouble.tell(terminal))
}

/// The command line as clap knows it: help, completions and the man page all come from here.
pub fn definition() -> clap::Command {
    <CommandLine as clap::CommandFactory>::command()
}

/// Why a command did not come to a result.
#[derive(Debug)]
enum Trouble {
    /// What was asked for cannot be done; the words name the thing, the place and the way out. They
    /// may quote whatever the command line and files hold.
    Usage(String),
    /// Things that suites name cannot be used.
    Unusable(Vec<Unusable>),
    /// A suite cannot be read.
    Suite(SuiteError),
    /// The result could not be written.
    Output(io::Error),
}

impl Trouble {
    fn usage(words: impl fmt::Display) -> Self {
        Self::Usage(words.to_string())
    }

    /// Says it, and how to exit.
    fn tell(self, terminal: &mut Terminal<'_>) -> Exit {
        // Where stderr takes nothing there is nobody to tell.
        let mut say = |words: &str| {
            let _ = writeln!(terminal.err, "error: {words}");
        };
        match self {
            Self::Usage(words) => say(&printable(&words)),
            Self::Unusable(all) => {
                for one in all {
                    say(&printable(&one.to_string()));
                }
            }
            Self::Suite(mistakes) => say(&mistakes.to_string()),
            // Whoever reads us has seen enough.
            Self::Output(err) if err.kind() == io::ErrorKind::BrokenPipe => return Exit::Unknown,
            Self::Output(err) => say(&format!("cannot write the result: {err}")),
        }
        Exit::Usage
    }
}

impl From<io::Error> for Trouble {
    fn from(err: io::Error) -> Self {
        Self::Output(err)
    }
}

/// Help and version go to stdout, mistakes to stderr.
fn explain(err: &clap::Error, terminal: &mut Terminal<'_>) -> Exit {
    let is_help = err.exit_code() == 0;
    let color = if is_help {
        terminal.color
    } else {
        terminal.interactive && terminal.color
    };
    let text = err.render();
    let whole = text.to_string();
    // A key has several lines.
    let plain = veiled(&whole).into_owned();
    let is_ours = plain == whole && plain.lines().all(|line| printable(line) == line);
    let text = match (color, is_ours) {
        (true, true) => text.ansi().to_string(),
        (false, true) => plain,
        // It quotes an argument that a terminal would act upon.
        (_, false) => plain.lines().map(|line| printable(line) + "\n").collect(),
    };
    let stream = if is_help {
        &mut *terminal.out
    } else {
        &mut *terminal.err
    };
    let _ = stream.write_all(text.as_bytes());
    if is_help { Exit::Met } else { Exit::Usage }
}
