//! Every exit code: an API, the same whatever the format.

use crate::canary::{Over, Round, Summary};
use crate::code::Code;
use crate::diff::Diff;
use crate::matrix::{Matrix, Totals};
use crate::outlook::Outlook;
use crate::suite::Mode;

/// How `probe` exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: every expectation is met, or the step of a rotation is safe.
    Met,
    /// 1: an expectation is broken, a chain does not verify, the step of a rotation is not safe or its
    /// phase not reached, a comparison shows a regression or a vanished cell, or an outlook a cell that
    /// will break.
    Broken,
    /// 2: the command line, a suite or a file it names cannot be used.
    Usage,
    /// 3: nobody could tell, or nothing was probed.
    Unknown,
    /// 130: stopped by SIGINT; what was learned is written.
    Interrupted,
    /// 143: stopped by SIGTERM; what was learned is written.
    Terminated,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Met => 0,
            Self::Broken => 1,
            Self::Usage => 2,
            Self::Unknown => 3,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// How a run exits that no signal stopped. Doubt is never green, and neither is emptiness, or a result
    /// that lacks cells.
    pub fn of(matrix: &Matrix) -> Self {
        let Totals {
            cells,
            broken,
            inconclusive,
            ..
        } = matrix.totals;
        let modes = || {
            matrix
                .targets
                .iter()
                .filter(|target| !target.is_as_expected())
        };
        let is_mode_broken = modes().any(|target| target.mode != Mode::Unknown.as_str());
        let is_mode_open = modes().any(|target| target.mode == Mode::Unknown.as_str());
        // Nobody may expect anything of such a cell, but all asked for it.
        let is_faulty = matrix
            .cells
            .iter()
            .any(|cell| cell.code == Code::ProbeFault);
        let is_partial = cells == 0 || matrix.run.interrupted;
        let is_open = is_faulty || is_partial || inconclusive > 0 || is_mode_open;
        if broken > 0 || is_mode_broken {
            Self::Broken
        } else if is_open {
            Self::Unknown
        } else {
            Self::Met
        }
    }

    /// How a comparison exits. Where nothing was compared nothing is green.
    pub fn of_diff(diff: &Diff) -> Self {
        if diff.is_worse() {
            Self::Broken
        } else if diff.is_empty_comparison() {
            Self::Unknown
        } else {
            Self::Met
        }
    }

    /// How a canary exits that no signal stopped; `wants_arrival` says that it waited for a phase.
    pub fn of_canary(summary: &Summary, wants_arrival: bool) -> Self {
        let last = summary.last.as_ref();
        // Whoever only waits for a fleet needs no cells of a suite; for others nothing judged is nothing
        // known.
        let is_empty = |last: &Round| {
            let judged = last.met + last.broken + last.down + last.open;
            judged == 0 && summary.over != Over::Arrived
        };
        let is_doubtful = last.is_none_or(|last| is_empty(last) || last.open + last.down > 0);
        let progress = last.and_then(|last| last.progress.as_ref());
        let is_wrong = progress.is_some_and(|progress| progress.wrong > 0);
        match summary.over {
            Over::Broken | Over::Gone => Self::Broken,
            Over::Rounds | Over::Time if wants_arrival || is_wrong => Self::Broken,
            Over::Rounds | Over::Time | Over::Arrived if is_doubtful => Self::Unknown,
            Over::Rounds | Over::Time | Over::Arrived => Self::Met,
            Over::Stopped => Self::Unknown,
        }
    }

    /// How an outlook exits. Where nothing was accepted nothing can break, and nothing is green.
    pub fn of_outlook(outlook: &Outlook) -> Self {
        if outlook.breaks() {
            Self::Broken
        } else if outlook.totals.accepted == 0 {
            Self::Unknown
        } else {
            Self::Met
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::fixture::{cell, with_code};
    use crate::matrix::{Cell, Run, SCHEMA, TargetSummary};

    #[test]
    fn doubt_is_never_green_and_a_broken_expectation_outweighs_it() {
        let ok = cell("a", "t", "h:1");
        let broken = Cell {
            met: Some(false),
            ..with_code(ok.clone(), Code::UnknownCa, None)
        };
        let doubt = Cell {
            met: None,
            ..with_code(ok.clone(), Code::Silent, None)
        };
        let unjudged = Cell {
            expected: None,
            met: None,
            ..ok.clone()
        };
        let fault = Cell {
            code: Code::ProbeFault,
            ..unjudged.clone()
        };
        let (strict, other, unknown) = (Some("STRICT"), Some("PERMISSIVE"), Some("UNKNOWN"));
        for (cells, mode, want) in [
            (vec![], None, Exit::Unknown),
            (vec![], unknown, Exit::Unknown),
            (vec![&ok], None, Exit::Met),
            (vec![&unjudged], None, Exit::Met),
            (vec![&ok, &fault], None, Exit::Unknown),
            (vec![&broken, &fault], None, Exit::Broken),
            (vec![&ok], strict, Exit::Met),
            (vec![&ok], other, Exit::Broken),
            (vec![&ok], unknown, Exit::Unknown),
            (vec![&ok], Some("MIXED"), Exit::Broken),
            (vec![&unjudged], None, Exit::Met),
            (vec![&unjudged], unknown, Exit::Unknown),
            (vec![&doubt], None, Exit::Unknown),
            (vec![&ok, &doubt], strict, Exit::Unknown),
            (vec![&ok, &broken], strict, Exit::Broken),
            (vec![&doubt, &broken], unknown, Exit::Broken),
            (vec![&doubt], other, Exit::Broken),
        ] {
            let cells: Vec<Cell> = cells.into_iter().cloned().collect();
            let target = |mode: &str| TargetSummary {
                name: "t".to_owned(),
                mode: mode.to_owned(),
                expected_mode: Some("STRICT".to_owned()),
                addresses: vec![],
                evidence: vec![],
                dialects: vec![],
                ports: vec![],
            };
            let matrix = Matrix {
                schema: SCHEMA.to_owned(),
                run: Run::default(),
                totals: Totals::of(&cells),
                cells,
                targets: mode.map(target).into_iter().collect(),
                sources: vec![],
                findings: vec![],
            };
            assert_eq!(Exit::of(&matrix), want, "{mode:?} {:?}", matrix.totals);
            let run = Run {
                interrupted: true,
                ..Run::default()
            };
            let is_green = want == Exit::Met;
            let want = if is_green { Exit::Unknown } else { want };
            assert_eq!(Exit::of(&Matrix { run, ..matrix }), want, "{mode:?}");
        }
    }
}
