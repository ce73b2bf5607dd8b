//! Completions and man pages, from the definitions of the flags.

use std::fs;
use std::path::Path;

use clap_complete::Shell;
use clap_mangen::Man;

use super::arguments::Manual;
use super::{Terminal, Trouble, definition};
use crate::exit::Exit;

pub(super) fn completions(shell: Shell, terminal: &mut Terminal<'_>) -> Result<Exit, Trouble> {
    let mut text = vec![];
    clap_complete::generate(shell, &mut definition(), "probe", &mut text);
    terminal.out.write_all(&text)?;
    Ok(Exit::Met)
}

pub(super) fn man(which: &Manual, terminal: &mut Terminal<'_>) -> Result<Exit, Trouble> {
    let mut whole = definition().disable_help_subcommand(true);
    whole.build();
    if let Some(folder) = &which.dir {
        return write(&whole, folder);
    }
    let Some(name) = &which.command else {
        page(&whole).render(&mut terminal.out)?;
        return Ok(Exit::Met);
    };
    let Some(command) = whole.find_subcommand(name) else {
        let all = whole.get_subcommands().map(clap::Command::get_name);
        let all = all.collect::<Vec<_>>().join(", ");
        return Err(Trouble::usage(format!(
            "there is no command {name:?}, and so no page of it: name one of {all}"
        )));
    };
    page(command).render(&mut terminal.out)?;
    Ok(Exit::Met)
}

/// A page for the program, and one for each of its commands.
fn write(whole: &clap::Command, folder: &Path) -> Result<Exit, Trouble> {
    let failed = |why| {
        Trouble::usage(format!(
            "cannot write man pages to {}: {why}",
            folder.display()
        ))
    };
    fs::create_dir_all(folder).map_err(failed)?;
    for command in std::iter::once(whole).chain(whole.get_subcommands()) {
        page(command).generate_to(folder).map_err(failed)?;
    }
    Ok(Exit::Met)
}

fn page(command: &clap::Command) -> Man {
    Man::new(command.clone())
        .source(format!("probe {}", env!("CARGO_PKG_VERSION")))
        .manual("probe")
}
