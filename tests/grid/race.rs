//! The race: a server that refuses and closes at once, many times over, with and without CPU load. Not
//! one alert may get lost on the way, and not one refusal be read as anything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mtls_probe::code::{Code, Kind};
use mtls_probe::matrix::Cell;

use crate::grid::{self, run_all, start};
use crate::kit::Kit;
use crate::situations::{SITUATIONS, Truth, truth};
use crate::stack::{Role, Stack, Tls};

/// What came of one stack's races.
pub(crate) struct Laps {
    pub(crate) stack: &'static str,
    pub(crate) tls: Tls,
    pub(crate) under_load: bool,
    pub(crate) handshakes: u32,
    /// With the verdict that is right, or in the same honest doubt.
    pub(crate) alike: u32,
    pub(crate) verdicts: Vec<String>,
    pub(crate) seconds: f64,
    /// What is wrong, in words.
    pub(crate) misread: Vec<String>,
}

impl Laps {
    fn note(&mut self, cell: &Cell, truth: &Truth) {
        self.handshakes += cell.attempts.total;
        let verdict = format!("{} ({})", cell.code, cell.confidence.as_str());
        if !self.verdicts.contains(&verdict) {
            self.verdicts.push(verdict);
        }
        if grid::Mark::of(cell, truth) == grid::Mark::Wrong {
            self.misread
                .push(format!("{}: {}: {:?}", cell.from, cell.code, cell.evidence));
        } else {
            self.alike += cell.attempts.agreeing;
        }
        // The attempts that say something else than most.
        let others = cell.evidence.iter().filter_map(|line| {
            let (_, said) = line.split_once(" attempts say ")?;
            said.split(' ').next()?.parse::<Code>().ok()
        });
        let is_fine = |code: Code| truth.codes.contains(&code) || code.kind() == Kind::Inconclusive;
        self.misread.extend(
            others
                .filter(|code| !is_fine(*code))
                .map(|code| format!("{}: some say {code}", cell.from)),
        );
    }

    pub(crate) fn in_words(&self) -> String {
        format!(
            "{} TLS {}{}: {} of {} {}, {:.1} s {:?}",
            self.stack,
            self.tls.as_str(),
            if self.under_load { " under load" } else { "" },
            self.alike,
            self.handshakes,
            self.verdicts.join(", "),
            self.seconds,
            self.misread,
        )
    }
}

/// Comes `times` to each version of a stack, in turn as each of [`REFUSED`].
pub(crate) async fn race(
    kit: &Arc<Kit>,
    stack: &'static Stack,
    times: u32,
    under_load: bool,
) -> Vec<Laps> {
    let servers = start(kit, stack, |role| role == Role::Required).await;
    let load = under_load.then(Load::begin);
    let mut laps = vec![];
    for (tls, _, server) in &servers {
        let begun = Instant::now();
        // Each is a lane of its own, and all run at once.
        let clients = [GOOD].into_iter().chain(REFUSED.into_iter().cycle());
        let lanes = (0..LANES).zip(clients);
        let lanes = lanes
            .map(|(lane, client)| grid::lane(kit, server, (stack, client), lane, times / LANES));
        let matrix = run_all(lanes.collect(), LANES as usize).await;
        let mut one = Laps {
            stack: stack.name,
            tls: *tls,
            under_load,
            handshakes: 0,
            alike: 0,
            verdicts: vec![],
            seconds: begun.elapsed().as_secs_f64(),
            misread: vec![],
        };
        for client in [GOOD].into_iter().chain(REFUSED) {
            let situation = SITUATIONS
                .iter()
                .find(|situation| situation.name == client)
                .unwrap();
            let truth = truth(stack.name, *tls, situation);
            let cells = matrix.cells.iter().filter(|cell| cell.from == client);
            cells.for_each(|cell| one.note(cell, &truth));
        }
        laps.push(one);
    }
    drop(load);
    laps
}

/// As many busy threads as there are cores.
struct Load(Arc<AtomicBool>);

impl Load {
    fn begin() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut sum = 1_u64;
                while !stop.load(Ordering::Relaxed) {
                    sum = std::hint::black_box(sum.wrapping_mul(6_364_136_223_846_793_005));
                }
            });
        }
        Self(stop)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Who is taken shows that the others are refused for what they are. One lane is enough: some servers
/// serve one after the other, and those whom they take, take their time.
const GOOD: &str = "good";
const REFUSED: [&str; 3] = ["none", "unknown-ca", "expired"];
const LANES: u32 = 28;
