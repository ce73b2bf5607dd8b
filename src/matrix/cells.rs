//! Observations become cells: judged, classified, compared with what is expected. Pure.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use super::Cell;
use super::beside::Neighbours;
use super::filling::{empty, followed, http, server, timing, tls};
pub use super::looks::{Look, MOST_LOOKS, Seen};
use super::opinions::Opinions;
use super::rulings::{Both, Ruling, attempts, evidence, headline, met};
use super::trusted::Trusted;
use crate::certificate::{Facts, Problem};
use crate::expectation::Met;
use crate::identity::mint::Moment;
use crate::observation::{Answer, Observation, Stage};
use crate::plan::{FollowUp, Plan, PlannedCell};
use crate::target::{Destination, Dialect, Via};
use crate::verdict::{Elsewhere, Own, Verdict, classify, follow_up};

/// Where cells are made: what a verdict needs beside the observation.
#[derive(Debug)]
pub struct Bench {
    plan: Arc<Plan>,
    /// The cells that look at each probe, by their place in the plan.
    looking: Vec<Vec<usize>>,
    opinions: Opinions,
    as_of: Moment,
}

/// A cell, and whether what is still to come may change it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Which cell of the run it is.
    pub square: Square,
    /// The cell.
    pub cell: Cell,
    /// Nothing that other connections show can change it any more.
    pub is_final: bool,
}

/// Which cell of a run: two suites may have cells of the same names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Square {
    /// Its place in the plan.
    pub planned: usize,
    /// One of the addresses behind its name.
    pub socket: Option<SocketAddr>,
    /// What SRV records call it.
    pub name: Option<Destination>,
}

impl Bench {
    /// A bench for one run. Certificates are judged `as_of` a fixed moment, or that long after each
    /// connection.
    pub fn new(plan: Arc<Plan>, trusted: Arc<Trusted>, as_of: Moment) -> Self {
        let mut looking = vec![vec![]; plan.probes.len()];
        for (nth, planned) in plan.cells.iter().enumerate() {
            if let Some(cells) = looking.get_mut(planned.probe) {
                cells.push(nth);
            }
        }
        Self {
            plan,
            looking,
            opinions: Opinions::new(trusted),
            as_of,
        }
    }

    /// The cells that look at this probe, while the run goes on. The peer's certificates of the run so
    /// far are not there yet, and neither is what other connections show.
    pub fn drafts(&self, seen: &Seen) -> Vec<Draft> {
        let drafts = self.looking_at(seen.probe).map(|(nth, planned)| {
            let rulings = self.rulings(planned, seen, Elsewhere::default(), &[]);
            let with_all = self.rulings(planned, seen, Elsewhere::EVERYTHING, &[]);
            let mut both = rulings.iter().zip(&with_all);
            let is_settled = both.all(|(one, other)| one.verdict == other.verdict);
            Draft {
                square: square(nth, seen),
                cell: self.cell(planned, seen, &rulings),
                is_final: is_settled && !rulings.iter().any(Ruling::lacks),
            }
        });
        drafts.collect()
    }

    /// All cells, in the order of the plan, once everything has been seen.
    pub fn cells(&self, all: &[Seen]) -> Vec<Draft> {
        let authorities = authorities(all);
        let neighbours = Neighbours::of(all, &self.plan);
        let mut by_probe: HashMap<usize, Vec<&Seen>> = HashMap::new();
        for seen in all {
            by_probe.entry(seen.probe).or_default().push(seen);
        }
        for replicas in by_probe.values_mut() {
            replicas.sort_by_key(|seen| (seen.socket, seen.name.clone()));
        }
        let mut cells = vec![];
        for (nth, planned) in self.plan.cells.iter().enumerate() {
            for seen in by_probe.get(&planned.probe).into_iter().flatten() {
                let elsewhere = neighbours.seen_by(seen, &self.plan);
                let rulings = self.rulings(planned, seen, elsewhere, &authorities);
                cells.push(Draft {
                    square: square(nth, seen),
                    cell: self.cell(planned, seen, &rulings),
                    is_final: true,
                });
            }
        }
        cells
    }

    /// Whether every cell that looks at this probe trusts a server with this chain.
    pub fn trusts(&self, probe: usize, chain: &[CertificateDer<'static>], now: Timestamp) -> bool {
        let at = self.as_of.at(now);
        self.looking_at(probe).all(|(_, planned)| {
            let opinions = &self.opinions;
            let judgement = opinions.of_server(planned.suite, &planned.target, chain, now, at, &[]);
            judgement.is_ok()
        })
    }

    /// The follow-up that could settle what this probe has left open, for some cell that looks at it.
    pub fn follow_up(&self, seen: &Seen) -> Option<FollowUp> {
        let probe = self.plan.probes.get(seen.probe)?;
        let look = seen.last()?;
        let mut wanted = self.looking_at(seen.probe).filter_map(|(_, planned)| {
            let opinions = self.opinions_on(planned, look, &[]);
            follow_up(
                &look.observation,
                &opinions.known(seen, Elsewhere::default()),
            )
        });
        wanted.find(|kind| probe.possible_follow_ups().any(|one| one == *kind))
    }

    /// Whether two looks that show the same also mean the same: a certificate may have expired between
    /// them.
    pub fn agree(&self, probe: usize, one: &Look, other: &Look) -> bool {
        if one.at.as_second() == other.at.as_second() {
            return true;
        }
        let problems = |both: &Both| {
            let server = both.server.iter().flat_map(|server| &server.problems);
            let own = both.own.iter().flat_map(|own| &own.judgement.problems);
            let codes = |problem: &Problem| problem.code;
            (
                server.map(codes).collect::<Vec<_>>(),
                own.map(codes).collect::<Vec<_>>(),
            )
        };
        self.looking_at(probe).all(|(_, planned)| {
            let both = [one, other].map(|look| problems(&self.opinions_on(planned, look, &[])));
            both[0] == both[1]
        })
    }

    pub(super) fn planned(&self) -> &[PlannedCell] {
        &self.plan.cells
    }

    /// Our own chain in one connection, judged; nothing where we sent none that can be read.
    pub(super) fn own(&self, planned: &PlannedCell, look: &Look) -> Option<Arc<Own>> {
        self.opinions
            .of_own(planned.suite, &look.own_chain, look.at, &[])
    }

    /// The first name of our own leaf in one connection.
    pub(super) fn name(&self, look: &Look) -> Option<String> {
        self.opinions.name(&look.own_chain)
    }

    fn looking_at(&self, probe: usize) -> impl Iterator<Item = (usize, &PlannedCell)> {
        let places = self.looking.get(probe).into_iter().flatten().copied();
        places.filter_map(|nth| Some((nth, self.plan.cells.get(nth)?)))
    }

    fn rulings<'a>(
        &self,
        planned: &PlannedCell,
        seen: &'a Seen,
        elsewhere: Elsewhere<'_>,
        authorities: &[CertificateDer<'static>],
    ) -> Vec<Ruling<'a>> {
        let attempts = seen.attempts.iter();
        let rulings = attempts.map(|look| {
            let opinions = self.opinions_on(planned, look, authorities);
            let verdict = classify(&look.observation, &opinions.known(seen, elsewhere));
            Ruling {
                look,
                verdict,
                opinions,
            }
        });
        rulings.collect()
    }

    fn cell(&self, planned: &PlannedCell, seen: &Seen, rulings: &[Ruling<'_>]) -> Cell {
        let address = match (seen.socket, &seen.name, self.plan.probes.get(seen.probe)) {
            (Some(socket), _, _) => socket.to_string(),
            (None, Some(name), _) => name.to_string(),
            (None, None, Some(probe)) => probe.address.to_string(),
            (None, None, None) => String::new(),
        };
        let met = match met(rulings, &planned.wanted) {
            Met::Met => Some(true),
            Met::Broken => Some(false),
            Met::InDoubt | Met::Unjudged => None,
        };
        let Some(ruling) = headline(rulings) else {
            let verdict = Verdict::fault("no attempt was made");
            return empty(planned, address, &verdict);
        };
        let observation = &ruling.look.observation;
        let mut evidence = evidence(ruling, rulings);
        if let Some(probe) = self.plan.probes.get(seen.probe)
            && rulings.len() >= MOST_LOOKS
        {
            let left = u64::from(probe.attempts).saturating_sub(seen.times());
            evidence.extend((left > 0).then(|| {
                format!(
                    "{left} attempts were not made: the peer had shown {} different pictures",
                    rulings.len()
                )
            }));
        }
        Cell {
            from_id: self.opinions.name(&ruling.look.own_chain),
            evidence,
            follow_ups: seen.follow_ups.iter().map(followed).collect(),
            met,
            attempts: attempts(ruling, rulings),
            stage: observation.stage.as_str().to_owned(),
            tls: (observation.came.speaks_tls() && observation.stage >= Stage::ClientHello)
                .then(|| tls(observation)),
            server: ruling
                .opinions
                .server
                .as_ref()
                .map(|judgement| server(judgement, observation)),
            http: answered(observation).map(|answer| http(answer, observation, ruling.look.at)),
            timing_ms: timing(&observation.timing),
            via: self.via(seen),
            dialect: (observation.dialect != Dialect::Tls)
                .then(|| observation.dialect.as_str().to_owned()),
            ..empty(planned, address, &ruling.verdict)
        }
    }

    /// The proxy before the address, where it is at another port.
    fn via(&self, seen: &Seen) -> Option<String> {
        let planned = self.plan.probes.get(seen.probe)?;
        let dialled = match &seen.found {
            Some(found) => planned.spoken(&found.way).dialled()?,
            None => planned.dialled()?,
        };
        match (dialled, seen.socket?) {
            (Via::Port(port), socket) if port != socket.port() => {
                Some(SocketAddr::new(socket.ip(), port).to_string())
            }
            (Via::Port(_) | Via::Address(_), _) => None,
        }
    }

    fn opinions_on(
        &self,
        planned: &PlannedCell,
        look: &Look,
        authorities: &[CertificateDer<'static>],
    ) -> Both {
        let at = self.as_of.at(look.at);
        let suite = planned.suite;
        let chain = &look.observation.chain;
        // Only then has the server proved to hold the key of its certificate.
        let is_proved = look.observation.stage >= Stage::ClientAuth;
        let server = (is_proved && !chain.is_empty()).then(|| {
            let opinions = &self.opinions;
            opinions.of_server(suite, &planned.target, chain, look.at, at, authorities)
        });
        // The peer judged us then, whatever the moment that we judge it by.
        let own = self
            .opinions
            .of_own(suite, &look.own_chain, look.at, authorities);
        Both { server, own }
    }
}

fn square(planned: usize, seen: &Seen) -> Square {
    Square {
        planned,
        socket: seen.socket,
        name: seen.name.clone(),
    }
}

/// What was answered in HTTP: to our request, or to the one for a tunnel that never was.
fn answered(seen: &Observation) -> Option<&Answer> {
    let refused = seen.tunnel.as_ref().filter(|answer| answer.status != 200);
    seen.answer.as_ref().or(refused)
}

/// Every CA certificate that some server or one of our own identities sends: what another chain lacks
/// may be among them.
fn authorities(all: &[Seen]) -> Vec<CertificateDer<'static>> {
    let looks = all.iter().flat_map(|seen| &seen.attempts);
    let chains = looks.flat_map(|look| [look.observation.chain.as_slice(), &*look.own_chain]);
    let sent: HashSet<&CertificateDer<'static>> =
        chains.flat_map(|chain| chain.iter().skip(1)).collect();
    let mut found: Vec<_> = sent
        .into_iter()
        .filter(|der| Facts::parse(der).is_ok_and(|facts| facts.is_ca))
        .cloned()
        .collect();
    found.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    found.truncate(MOST_AUTHORITIES);
    found
}

/// More than any mesh has; a bound for those who would send us more.
const MOST_AUTHORITIES: usize = 512;

#[cfg(test)]
mod tests;
