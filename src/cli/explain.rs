//! `probe explain`: what a code means, and what to do.

use super::arguments::{Common, Explain};
use super::output::Output;
use super::{Terminal, Trouble};
use crate::exit::Exit;
use crate::report::{Paper, explain as explained};

pub(super) fn explain(
    what: &Explain,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let output: Output<Paper> = Output::new(common, terminal)?;
    let topic = what.code.as_deref().map(explained::find).transpose();
    let topic = topic.map_err(Trouble::usage)?;
    output.write(terminal.out, |paper, style, mut out| match topic {
        Some(topic) => explained::write(topic, paper, style, &mut out),
        None => explained::write_all(paper, style, &mut out),
    })?;
    Ok(Exit::Met)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::arguments::CommandLine;
    use super::*;

    #[test]
    fn every_command_of_ours_that_an_explanation_names_can_be_given() {
        let pages = explained::topics().flat_map(|topic| topic.pages);
        let causes = pages.flat_map(|page| page.causes);
        let confirms = causes.flat_map(|likely| likely.cause.confirm);
        let mut seen = 0;
        for confirm in confirms.filter(|confirm| confirm.run.starts_with("probe ")) {
            // What stands in capitals is to be filled in.
            let filled = confirm.run.replace("ADDRESS:", "10.0.0.7:");
            let filled = filled.replace(" ADDRESS", " 10.0.0.7");
            let filled = filled
                .replace(":PORT", ":8443")
                .replace("\"GET /", "\"GET_/");
            let words = filled
                .split(' ')
                .map(|word| word.trim_matches('"').replace("GET_", "GET "));
            let parsed = CommandLine::try_parse_from(words);
            assert!(parsed.is_ok(), "{}: {:?}", confirm.run, parsed.err());
            seen += 1;
        }
        assert!(seen > 20, "{seen}");
    }
}
