//! What the connections to one address show together: each is read in the light of the others.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::cells::Seen;
use crate::certificate::Facts;
use crate::code::Code;
use crate::identity::Origin;
use crate::observation::{Came, Ending, Observation, Stage};
use crate::plan::{Plan, Probe};
use crate::target::{Offer, Request, Way};
use crate::verdict::{Elsewhere, Known, classify};

/// What was seen of every address.
pub(super) struct Neighbours<'a>(HashMap<SocketAddr, Shown<'a>>);

/// What was seen of one address.
#[derive(Default)]
struct Shown<'a> {
    speaks_tls: bool,
    answers_plaintext: bool,
    plaintext_server: Option<&'a str>,
    shows_svid: bool,
    /// Who was accepted with which offer; two are enough to tell oneself from others.
    accepted: HashMap<(&'a Way, &'a Offer), Vec<&'a Origin>>,
    /// Who got an answer to which question; two are enough to tell oneself from others.
    answered: HashMap<Asked<'a>, Vec<&'a Origin>>,
}

/// All that decides who answers a question, beside who asks it.
type Asked<'a> = (&'a Way, &'a Offer, &'a Request);

impl<'a> Neighbours<'a> {
    pub(super) fn of(all: &'a [Seen], plan: &'a Plan) -> Self {
        let mut neighbours: HashMap<SocketAddr, Shown<'a>> = HashMap::new();
        for seen in all {
            let (Some(socket), Some(probe)) = (seen.socket, plan.probes.get(seen.probe)) else {
                continue;
            };
            neighbours.entry(socket).or_default().note(seen, probe);
        }
        Self(neighbours)
    }

    /// What they show to the one who is read.
    pub(super) fn seen_by(&self, one: &Seen, plan: &'a Plan) -> Elsewhere<'a> {
        let shown = one.socket.and_then(|socket| self.0.get(&socket));
        let (Some(shown), Some(probe)) = (shown, plan.probes.get(one.probe)) else {
            return Elsewhere::default();
        };
        let others = shown.answered.get(&asked(probe));
        let is_other = |who: &Vec<&Origin>| who.iter().any(|origin| **origin != probe.origin);
        let accepted = shown.accepted.get(&(&probe.way, &probe.offer));
        Elsewhere {
            speaks_tls: shown.speaks_tls,
            accepts: accepted.is_some_and(is_other),
            answers: others.is_some_and(is_other),
            answers_plaintext: shown.answers_plaintext,
            plaintext_server: shown.plaintext_server,
            shows_svid: shown.shows_svid,
        }
    }
}

impl<'a> Shown<'a> {
    fn note(&mut self, seen: &'a Seen, probe: &'a Probe) {
        for look in &seen.attempts {
            let observation = &look.observation;
            let is_tls = observation.came.speaks_tls();
            self.speaks_tls |= is_tls && observation.stage >= Stage::ServerHello;
            self.shows_svid = self.shows_svid
                || observation.stage >= Stage::ClientAuth && shows_svid(observation);
            if let (Came::Plaintext, Some(answer)) = (observation.came, &observation.answer) {
                self.answers_plaintext = true;
                self.plaintext_server = self.plaintext_server.or(answer.server.as_deref());
            }
            if observation.came == Came::WithCertificate && is_taken(observation, seen) {
                let same = (&probe.way, &probe.offer);
                note(&probe.origin, self.accepted.entry(same).or_default());
                // A tunnel that opens says nothing of who stands at its end.
                let is_answered = observation.answer.is_some() || observation.reply.is_some();
                let is_opened_alone = observation.tunnel.is_some() && !is_answered;
                if observation.ending == Ending::Answered && !is_opened_alone {
                    note(
                        &probe.origin,
                        self.answered.entry(asked(probe)).or_default(),
                    );
                }
            }
        }
    }
}

/// The leaf that was shown has a SPIFFE ID, whoever issued it.
fn shows_svid(observation: &Observation) -> bool {
    let leaf = observation.chain.first();
    let facts = leaf.and_then(|leaf| Facts::parse(leaf).ok());
    facts.is_some_and(|facts| facts.uris.iter().any(|uri| uri.starts_with("spiffe://")))
}

/// Accepted, as far as one connection tells without our opinion of anybody.
fn is_taken(observation: &Observation, seen: &Seen) -> bool {
    let known = Known {
        follow_ups: &seen.follow_ups,
        ..Known::default()
    };
    classify(observation, &known).code() == Code::Ok
}

fn note<'a>(origin: &'a Origin, who: &mut Vec<&'a Origin>) {
    if who.len() < 2 && !who.contains(&origin) {
        who.push(origin);
    }
}

fn asked(probe: &Probe) -> Asked<'_> {
    (&probe.way, &probe.offer, &probe.request)
}
