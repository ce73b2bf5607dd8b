//! Does jobs: every attempt, then the follow-ups. Edge: opens connections.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls_pki_types::CertificateDer;

use super::discovery::Discovery;
use super::jobs::Job;
use super::materials::{Costume, Materials};
use super::notebook::Notebook;
use super::now;
use super::pace::{self, Pace};
use crate::handshake::{Attempt, observe};
use crate::identity::mint;
use crate::matrix::cells::{Bench, Look};
use crate::observation::{Came, Ending, Followed, Knocked, Observation, Stage};
use crate::plan::{FollowUp, Plan, Probe};
use crate::target::Via;
use crate::verdict::{Found, Step, find};

/// What every job shares.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) plan: Arc<Plan>,
    pub(super) materials: Arc<Materials>,
    pub(super) bench: Arc<Bench>,
    pub(super) pace: Arc<Pace>,
    pub(super) notebook: Notebook,
    pub(super) chains: Arc<Mutex<HashSet<Chain>>>,
    pub(super) discovery: Discovery,
}

/// A chain we came with, held once however often we come with it.
pub(super) type Chain = Arc<[CertificateDer<'static>]>;

impl Worker {
    /// Does a job, from the first attempt to the last follow-up.
    pub(super) async fn probe(self, job: Job) {
        let Some(planned) = self.plan.probes.get(job.probe) else {
            return;
        };
        let address = match &job.address {
            Ok(address) => *address,
            Err(why) => return self.note(&job, look(why.clone())),
        };
        let mut probe = job.at(planned);
        let found = match probe.is_to_be_found() {
            true => Some(self.found(&job, &probe, address).await),
            false => None,
        };
        if let Some(found) = &found {
            probe = probe.spoken(&found.way);
        }
        for nth in 0..probe.attempts {
            if nth > 0 {
                pace::rest(probe.pause).await;
            }
            self.pace.turn().await;
            let costume = self.materials.costume(&probe.origin).await;
            let mut look = self.look(job.probe, &probe, address, costume).await;
            look.observation.timing.dns = job.dns;
            self.note(&job, look);
            if let Some(found) = &found {
                self.notebook.note_found(&job, found);
            }
            if self.notebook.is_full(&job) {
                break;
            }
        }
        self.follow_up(&job, &probe, address).await;
    }

    /// The dialect of an address, where nobody has looked yet.
    async fn found(&self, job: &Job, probe: &Probe, address: SocketAddr) -> Arc<Found> {
        let looking = self.discovery.of(probe, address);
        let look = async {
            let mut knocked = vec![];
            loop {
                let kind = match find(&knocked, probe.linkerd_name().is_some()) {
                    Step::Speak(found) => return Arc::new(found),
                    Step::Knock(kind) => kind,
                };
                self.pace.turn().await;
                let knock = probe.knock(kind);
                let costume = self.materials.costume(&knock.origin).await;
                let look = self.look(job.probe, &knock, address, costume).await;
                let observation = look.observation;
                knocked.push(Knocked { kind, observation });
            }
        };
        Arc::clone(looking.get_or_init(|| look).await)
    }

    /// Asks further while something is open that a follow-up could settle; each is asked once.
    async fn follow_up(&self, job: &Job, probe: &Probe, address: SocketAddr) {
        while let Some(seen) = self.notebook.so_far(job)
            && let Some(kind) = self.bench.follow_up(&seen)
            && let Some(further) = probe.follow_up(kind)
            && let Some(last) = seen.last()
        {
            self.pace.turn().await;
            let costume = match kind {
                FollowUp::Throwaway => mint::stranger(&last.own_chain, now())
                    .map(Costume::Identity)
                    .map_err(|err| err.to_string()),
                FollowUp::NoCertificate
                | FollowUp::OtherVersion
                | FollowUp::MeshAlpn
                | FollowUp::PlainAlpn => self.materials.costume(&further.origin).await,
            };
            let look = self.look(job.probe, &further, address, costume).await;
            let observation = look.observation;
            let followed = Followed { kind, observation };
            self.notebook.note_follow_up(job, followed);
        }
    }

    /// What a job that ended in the middle leaves behind.
    pub(super) fn crashed(&self, job: &Job) {
        let why = "the probe ended unexpectedly; please report this".to_owned();
        self.note(job, look(Ending::Fault(why)));
    }

    fn note(&self, job: &Job, look: Look) {
        let agree = |one: &Look, other: &Look| self.bench.agree(job.probe, one, other);
        self.notebook.note(job, look, agree);
    }

    async fn look(
        &self,
        nth: usize,
        probe: &Probe,
        address: SocketAddr,
        costume: Result<Costume, String>,
    ) -> Look {
        let costume = match costume {
            Ok(costume) => costume,
            Err(why) => return look(Ending::Fault(why)),
        };
        let at = now();
        let guise = costume.guise();
        let own_chain = self.held(guise.chain());
        let may_speak = |chain: &[CertificateDer<'static>]| self.bench.trusts(nth, chain, at);
        let observation = observe(Attempt {
            probe,
            address,
            dialled: dialled(probe, address),
            guise,
            may_speak: &may_speak,
        })
        .await;
        Look::new(at, own_chain, observation)
    }

    fn held(&self, chain: &[CertificateDer<'static>]) -> Chain {
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = chains.get(chain) {
            return Arc::clone(known);
        }
        let new = Chain::from(chain);
        chains.insert(Arc::clone(&new));
        new
    }
}

/// Where the connection goes that is to reach this address.
fn dialled(probe: &Probe, address: SocketAddr) -> SocketAddr {
    match probe.dialled() {
        Some(Via::Port(port)) => SocketAddr::new(address.ip(), port),
        Some(Via::Address(_)) | None => address,
    }
}

/// A look at nothing: there was no connection.
fn look(ending: Ending) -> Look {
    let observation = Observation {
        came: Came::default(),
        stage: Stage::Dns,
        ending,
        ..Observation::default()
    };
    Look::new(now(), Chain::default(), observation)
}
