//! Completions and the man page, from the definitions of the flags.

use clap_complete::Shell;
use clap_mangen::Man;

use super::{Terminal, Trouble, definition};
use crate::exit::Exit;

pub(super) fn completions(shell: Shell, terminal: &mut Terminal<'_>) -> Result<Exit, Trouble> {
    let mut text = vec![];
    clap_complete::generate(shell, &mut definition(), "probe", &mut text);
    terminal.out.write_all(&text)?;
    Ok(Exit::Met)
}

pub(super) fn man(terminal: &mut Terminal<'_>) -> Result<Exit, Trouble> {
    Man::new(definition()).render(&mut terminal.out)?;
    Ok(Exit::Met)
}
