//! Progress on stderr: for people who wait, never for logs.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Terminal;
use super::arguments::Common;

/// A line that says how far a run is; nothing where nobody looks.
pub(super) fn bar(common: &Common, terminal: &Terminal<'_>) -> ProgressBar {
    if common.quiet || !terminal.interactive {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A line that says how the last round went; nothing where nobody looks.
pub(super) fn rounds(common: &Common, terminal: &Terminal<'_>) -> ProgressBar {
    let bar = bar(common, terminal);
    if let Ok(style) = ProgressStyle::with_template(ROUNDS) {
        bar.set_style(style);
    }
    bar
}

const ROUNDS: &str = "{spinner} round {pos}: {wide_msg} {elapsed} (Ctrl-C for what is known)";
const TEMPLATE: &str =
    "{spinner} probing {pos}/{len} {wide_bar} {elapsed} (Ctrl-C for what is known)";
