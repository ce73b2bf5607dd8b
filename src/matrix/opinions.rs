//! What we think of chains. A run meets few chains many times, so each is read and judged once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use super::trusted::Trusted;
use crate::certificate::{
    Bundles, Expected, Facts, Judgement, Question, Role, SpiffeId, TrustDomain, judge,
};
use crate::code::Code;
use crate::suite::Target;
use crate::verdict::Own;

/// Judgements by the trust of each suite, remembered.
#[derive(Debug)]
pub(super) struct Opinions {
    trusted: Arc<Trusted>,
    chains: Mutex<HashMap<Vec<CertificateDer<'static>>, Arc<Read>>>,
    servers: Memory<OfServer, Judgement>,
    own: Memory<OfOwn, Own>,
}

/// A chain, read.
#[derive(Debug)]
struct Read {
    nth: usize,
    /// The first name of its leaf.
    name: Option<String>,
    /// The leaf has DNS names and no others.
    has_dns_alone: bool,
    /// The issuer of its last certificate; nothing where it or the leaf cannot be read.
    top_issuer: Option<Vec<u8>>,
}

/// All that the judgement of a server's chain depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OfServer {
    chain: usize,
    suite: usize,
    /// Which of the things that it has trusted.
    trust: usize,
    expected: Expected,
    bundle: Option<TrustDomain>,
    /// Validity has no finer grain.
    second: i64,
    informed: bool,
}

/// All that the judgement of our own chain depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OfOwn {
    chain: usize,
    suite: usize,
    trust: usize,
    second: i64,
    informed: bool,
}

#[derive(Debug)]
struct Memory<K, V>(Mutex<HashMap<K, Arc<V>>>);

impl Opinions {
    pub(super) fn new(trusted: Arc<Trusted>) -> Self {
        Self {
            trusted,
            chains: Mutex::default(),
            servers: Memory(Mutex::default()),
            own: Memory(Mutex::default()),
        }
    }

    /// What a suite thinks of the chain of its target that was `seen` at one moment, judged as of another.
    /// `authorities` may show what the chain lacks.
    pub(super) fn of_server(
        &self,
        suite: usize,
        target: &Target,
        chain: &[CertificateDer<'static>],
        seen: Timestamp,
        at: Timestamp,
        authorities: &[CertificateDer<'static>],
    ) -> Arc<Judgement> {
        let (nth, trust) = self.trusted.at(suite, seen);
        let ask = |elsewhere| {
            let chosen = target.bundle.as_ref();
            let chosen = chosen.map(|domain| match trust.bundles.for_domain(domain) {
                Some(bundle) => Bundles::untagged(bundle.clone()),
                None => Bundles::none(),
            });
            judge(&Question {
                chain,
                bundles: chosen.as_ref().unwrap_or(&trust.bundles),
                role: Role::Server,
                expected: &target.expected,
                at,
                crls: &trust.crls,
                elsewhere,
            })
        };
        let alone = OfServer {
            chain: self.read(chain).nth,
            suite,
            trust: nth,
            expected: target.expected.clone(),
            bundle: target.bundle.clone(),
            second: at.as_second(),
            informed: false,
        };
        let judgement = self.servers.recall(alone.clone(), || ask(&[]));
        // What is good lacks nothing.
        if authorities.is_empty() || judgement.is_ok() {
            return judgement;
        }
        let informed = OfServer {
            informed: true,
            ..alone
        };
        self.servers.recall(informed, || ask(authorities))
    }

    /// Our own chain, as a server with our bundle would see it; nothing where we have none.
    /// `authorities` may show what the chain lacks.
    pub(super) fn of_own(
        &self,
        suite: usize,
        chain: &[CertificateDer<'static>],
        at: Timestamp,
        authorities: &[CertificateDer<'static>],
    ) -> Option<Arc<Own>> {
        let read = self.read(chain);
        let top_issuer = read.top_issuer.as_ref()?;
        let (nth, trust) = self.trusted.at(suite, at);
        let ask = |elsewhere| {
            let expected = if read.has_dns_alone {
                Expected::AnyName
            } else {
                Expected::AnySvid
            };
            let mut judgement = judge(&Question {
                chain,
                bundles: &trust.bundles,
                role: Role::Client,
                expected: &expected,
                at,
                crls: &trust.crls,
                elsewhere,
            });
            // Without a bundle for our own trust domain, that nothing leads to it says nothing.
            let id = judgement.id.as_deref().map(str::parse::<SpiffeId>);
            let bundle = match id {
                Some(Ok(id)) => trust.bundles.for_domain(id.trust_domain()),
                Some(Err(_)) | None => trust.bundles.for_name(),
            };
            if bundle.is_none() {
                let problems = &mut judgement.problems;
                problems.retain(|problem| problem.code != Code::UnknownCa);
            }
            Own {
                judgement,
                top_issuer: top_issuer.clone(),
            }
        };
        let alone = OfOwn {
            chain: read.nth,
            suite,
            trust: nth,
            second: at.as_second(),
            informed: false,
        };
        let own = self.own.recall(alone.clone(), || ask(&[]));
        if authorities.is_empty() || own.judgement.is_ok() {
            return Some(own);
        }
        let informed = OfOwn {
            informed: true,
            ..alone
        };
        Some(self.own.recall(informed, || ask(authorities)))
    }

    /// The first name of the leaf.
    pub(super) fn name(&self, chain: &[CertificateDer<'static>]) -> Option<String> {
        self.read(chain).name.clone()
    }

    fn read(&self, chain: &[CertificateDer<'static>]) -> Arc<Read> {
        let mut chains = lock(&self.chains);
        if let Some(known) = chains.get(chain) {
            return Arc::clone(known);
        }
        let parse = |der: Option<&CertificateDer<'_>>| Facts::parse(der?).ok();
        let (leaf, top) = (parse(chain.first()), parse(chain.last()));
        let is_dns_alone = |leaf: &Facts| leaf.uris.is_empty() && !leaf.dns.is_empty();
        let read = Arc::new(Read {
            nth: chains.len(),
            has_dns_alone: leaf.as_ref().is_some_and(is_dns_alone),
            top_issuer: leaf.as_ref().and(top).map(|top| top.issuer_der),
            name: leaf.and_then(|leaf| leaf.uris.into_iter().chain(leaf.dns).next()),
        });
        chains.insert(chain.to_vec(), Arc::clone(&read));
        read
    }
}

impl<K: Eq + Hash, V> Memory<K, V> {
    /// What is remembered, else what comes to mind.
    fn recall(&self, key: K, think: impl FnOnce() -> V) -> Arc<V> {
        if let Some(known) = lock(&self.0).get(&key) {
            return Arc::clone(known);
        }
        // Not while the others wait: it takes its time.
        let new = Arc::new(think());
        let mut known = lock(&self.0);
        // A long run asks anew every second; what is forgotten comes to mind again.
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        Arc::clone(known.entry(key).or_insert(new))
    }
}

/// How many judgements are remembered: a fleet of ten thousand for some seconds.
const MOST_REMEMBERED: usize = 50_000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
