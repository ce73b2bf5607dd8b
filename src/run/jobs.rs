//! Names become jobs: one for each replica of each probe. Edge: asks resolvers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::observation::{Ending, NeverConnected};
use crate::plan::Probe;
use crate::target::Destination;
use crate::target::resolve::{Replica, Replicas, Resolver};

/// One probe at one of its replicas, or at a name that does not resolve.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) nth: usize,
    /// By its place in the plan.
    pub(super) probe: usize,
    /// What the peer is called, where SRV records gave it a name of its own.
    pub(super) name: Option<Destination>,
    /// Where it is, or how it ended before it began.
    pub(super) address: Result<SocketAddr, Ending>,
    pub(super) dns: Option<Duration>,
}

impl Job {
    /// The probe, at this replica.
    pub(super) fn at(&self, planned: &Probe) -> Probe {
        let mut probe = planned.clone();
        if let Some(name) = &self.name {
            probe.address = name.clone();
        }
        probe
    }
}

/// Who is asked for what.
type Name = (Destination, Option<SocketAddr>);

/// What a resolver said, and how long it took.
type Resolved = (Result<Replicas, String>, Duration);

/// Every probe at every replica. Each name is resolved once.
pub(super) async fn jobs(probes: &[Probe], concurrency: NonZeroUsize) -> Vec<Job> {
    let mut limits: HashMap<Name, Duration> = HashMap::new();
    for probe in probes {
        let limit = limits.entry(name(probe)).or_default();
        *limit = probe.timeout.max(*limit);
    }
    let mut resolved = HashMap::new();
    let mut running = JoinSet::new();
    let mut waiting = limits.into_iter();
    loop {
        while running.len() < concurrency.get() {
            let Some((name, limit)) = waiting.next() else {
                break;
            };
            running.spawn(async move {
                let begun = Instant::now();
                let found = Resolver::new(name.1).replicas(&name.0, limit).await;
                (name, found, begun.elapsed())
            });
        }
        match running.join_next().await {
            Some(Ok((name, found, took))) => {
                resolved.insert(name, (found, took));
            }
            Some(Err(_)) => {}
            None => break,
        }
    }
    spread(probes, &resolved)
}

fn name(probe: &Probe) -> Name {
    (probe.resolved(), probe.dns_server)
}

/// One job for each replica behind the name of each probe.
fn spread(probes: &[Probe], resolved: &HashMap<Name, Resolved>) -> Vec<Job> {
    let mut jobs = vec![];
    for (probe, planned) in probes.iter().enumerate() {
        let name = name(planned);
        let lost = |why: &str| Err(Ending::NeverConnected(NeverConnected::Dns(why.to_owned())));
        let mut add = |name, address, took| {
            jobs.push(Job {
                nth: jobs.len(),
                probe,
                name,
                address,
                dns: took,
            });
        };
        let (found, took) = match resolved.get(&name) {
            Some((found, took)) => (found.as_ref(), name.0.ip().is_none().then_some(*took)),
            None => {
                add(None, lost("the resolver gave up"), None);
                continue;
            }
        };
        let replicas = match found {
            Ok(replicas) => replicas,
            Err(why) => {
                add(None, lost(why), took);
                continue;
            }
        };
        for Replica {
            name: called,
            socket,
        } in &replicas.found
        {
            let own = matches!(name.0, Destination::Srv(_)).then(|| called.clone().into());
            let address = match socket {
                Ok(socket) => Ok(*socket),
                Err(why) => lost(why),
            };
            add(own, address, took);
        }
        if replicas.left_out > 0 {
            let why = format!(
                "{} has {} more addresses than are probed",
                name.0, replicas.left_out
            );
            add(None, Err(Ending::Fault(why)), took);
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::{Plan, plan};
    use crate::suite::Suite;

    #[test]
    fn every_address_behind_a_name_is_probed_and_every_lost_name_is_told() {
        let plan = planned(
            "many: { address: 'many:1' }, lost: { address: 'lost:2' }, one: { address: '127.0.0.1:3' }",
        );
        let jobs = jobs_of(
            &plan,
            [
                (
                    "many:1",
                    Ok(&[("many:1", &["10.0.0.1:1", "10.0.0.2:1", "[fd00::1]:1"][..])][..]),
                ),
                ("lost:2", Err("no such host")),
                ("127.0.0.1:3", Ok(&[("127.0.0.1:3", &["127.0.0.1:3"])])),
            ],
        );
        let of = |name: &str| -> Vec<&Job> {
            let is_it = |job: &&Job| plan.probes[job.probe].address.to_string() == name;
            jobs.iter().filter(is_it).collect()
        };
        // Twice each: once without a certificate, once in plaintext.
        assert_eq!(of("many:1").len(), 6);
        assert_eq!(of("127.0.0.1:3").len(), 2);
        assert_eq!(of("lost:2").len(), 2);
        assert!(
            of("lost:2")
                .iter()
                .all(|job| job.address == lost("no such host"))
        );
        assert!(
            of("127.0.0.1:3").iter().all(|job| job.dns.is_none()),
            "nothing to resolve"
        );
        assert!(
            jobs.iter().all(|job| job.name.is_none()),
            "all are called by their own names"
        );
        assert!(jobs.iter().enumerate().all(|(nth, job)| job.nth == nth));
    }

    #[test]
    fn behind_srv_records_each_replica_is_called_by_the_host_of_its_record() {
        let plan = planned("api: { srv: _grpc._tcp.api }");
        let jobs = jobs_of(
            &plan,
            [(
                "srv:_grpc._tcp.api",
                Ok(&[
                    ("a.api:7", &["10.0.0.1:7", "[fd00::1]:7"][..]),
                    ("b.api:8", &["10.0.0.2:8"]),
                    ("c.api:9", &[]),
                ][..]),
            )],
        );
        let shown = jobs.iter().filter(|job| job.probe == 0).map(|job| {
            let called = job.at(&plan.probes[0]).address;
            (called.host().to_owned(), called.port(), job.address.clone())
        });
        let at = |socket: &str| Ok(socket.parse().unwrap());
        let want = [
            ("a.api".to_owned(), 7, at("10.0.0.1:7")),
            ("a.api".to_owned(), 7, at("[fd00::1]:7")),
            ("b.api".to_owned(), 8, at("10.0.0.2:8")),
            ("c.api".to_owned(), 9, lost("nothing there")),
        ];
        assert_eq!(shown.collect::<Vec<_>>(), want);
    }

    #[test]
    fn addresses_that_are_not_probed_are_told() {
        let plan = planned("api: { address: 'api:1' }");
        let found = Replicas {
            found: vec![],
            left_out: 12,
        };
        let name = ("api:1".parse().unwrap(), None);
        let jobs = spread(&plan.probes, &[(name, (Ok(found), Duration::ZERO))].into());
        let words = "api:1 has 12 more addresses than are probed".to_owned();
        assert_eq!(jobs[0].address, Err(Ending::Fault(words)));
    }

    fn planned(targets: &str) -> Plan {
        let text = format!(
            "{{ version: 1, sources: {{ none: {{}}, plaintext: {{}} }}, targets: {{ {targets} }} }}"
        );
        let suite = Suite::parse("test", Path::new(""), &text).unwrap();
        plan(&[suite]).unwrap()
    }

    /// What is behind each name: what each replica is called, and where it is, if anywhere.
    type Answer<'a> = Result<&'a [(&'a str, &'a [&'a str])], &'a str>;

    fn jobs_of<'a>(
        plan: &Plan,
        answers: impl IntoIterator<Item = (&'a str, Answer<'a>)>,
    ) -> Vec<Job> {
        let resolved = answers.into_iter().map(|(name, answer)| {
            let found = answer.map_err(str::to_owned).map(|hosts| {
                let found = hosts.iter().flat_map(|(called, sockets)| {
                    let name = called.parse().unwrap();
                    let replica = move |socket| Replica {
                        name: Clone::clone(&name),
                        socket,
                    };
                    let sockets: Vec<_> = match sockets {
                        [] => vec![Err("nothing there".to_owned())],
                        some => some.iter().map(|text| Ok(text.parse().unwrap())).collect(),
                    };
                    sockets.into_iter().map(replica)
                });
                Replicas {
                    found: found.collect(),
                    left_out: 0,
                }
            });
            ((name.parse().unwrap(), None), (found, Duration::ZERO))
        });
        spread(&plan.probes, &resolved.collect())
    }

    fn lost(why: &str) -> Result<SocketAddr, Ending> {
        Err(Ending::NeverConnected(NeverConnected::Dns(why.to_owned())))
    }
}
