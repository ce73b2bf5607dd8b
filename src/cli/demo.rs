//! `probe demo`: the lab mesh, started, probed and gone again.

use super::arguments::{Common, Demo};
use super::output::Output;
use super::run::probe;
use super::{Terminal, Trouble, config, pair};
use crate::exit::Exit;
use crate::lab::{Lab, Options};
use crate::run;

pub(super) async fn demo(
    how: &Demo,
    common: &Common,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Trouble> {
    let output = Output::new(common, terminal)?;
    let lab = Lab::start(run::now(), Options::default())
        .await
        .map_err(Trouble::usage)?;
    let scratch = lab.write_scratch().map_err(Trouble::usage)?;
    let mut suites = config::named(&[scratch.suite()], common)?;
    for suite in &mut suites {
        "the lab".clone_into(&mut suite.name);
        for target in &mut suite.targets {
            if let Some(version) = how.tls {
                target.offer.versions = pair::versions(version);
            }
        }
    }
    let exit = probe(&suites, None, common, &output, None, terminal).await;
    lab.stop().await;
    exit
}
