//! `probe lab`: the lab mesh in the foreground, with a suite for it.

use super::arguments::{Common, Lab as Flags};
use super::stop::Stop;
use super::{Terminal, Trouble};
use crate::exit::Exit;
use crate::lab::{Lab, Options};
use crate::run;
use crate::suite::printable;

pub(super) async fn lab(
    how: &Flags,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let options = Options {
        listen: how.listen,
        host: how.host.clone(),
        port: (how.port > 0).then_some(how.port),
        join: how.join.clone(),
        only: how.only.clone(),
    };
    let lab = Lab::start(run::now(), options)
        .await
        .map_err(Trouble::usage)?;
    let suite = match &how.join {
        Some(_) => None,
        None => Some(lab.write(&how.dir).map_err(Trouble::usage)?),
    };
    if !common.quiet {
        for target in lab.targets() {
            let addresses = lab.named(target);
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            if !addresses.is_empty() {
                writeln!(terminal.out, "{target:20} {}", addresses.join(" "))?;
            }
        }
    }
    if !how.listen.is_loopback() && !common.quiet {
        writeln!(
            terminal.err,
            "note: the lab listens on {}, for whoever can reach it; its servers are faulty on purpose",
            how.listen
        )?;
    }
    match suite.map(|suite| printable(&suite.display().to_string())) {
        Some(suite) => writeln!(
            terminal.out,
            "\nThe lab runs until Ctrl-C. Its suite and certificates are in {}. Try next:\n\n  \
             probe run {suite}\n  probe --config {suite} --from sa/frontend --to healthy\n",
            printable(&how.dir.display().to_string())
        )?,
        None => writeln!(terminal.out, "\nThis part of the lab runs until Ctrl-C.\n")?,
    }
    terminal.out.flush()?;
    let stop = Stop::default();
    stop.clone().wait().await;
    lab.stop().await;
    Ok(stop.exit().unwrap_or(Exit::Met))
}
