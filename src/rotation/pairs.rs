//! Who will talk to whom: both judgements of every handshake, from the leaf and the bundle at each end.

use serde::Serialize;

use super::Question;
use super::leaf::LeafRoot;
use super::member::{Member, Trust};
use super::phase::named;
use super::roots::Chosen;
use super::step::Step;
use crate::matrix::MAX_LIST;

named! {
    /// What becomes of a connection.
    Prediction {
        /// Both ends trust each other.
        Works = "works", "both ends trust each other";
        /// The client does not trust the server, and aborts the handshake.
        ServerUntrusted = "server_untrusted", "the client refuses the server";
        /// The server does not trust the client.
        ClientUntrusted = "client_untrusted", "the server refuses the client";
        /// What is not known decides.
        Unknown = "unknown", "not known";
    }
}

impl Prediction {
    /// One end refuses the other.
    pub const fn is_broken(self) -> bool {
        match self {
            Self::ServerUntrusted | Self::ClientUntrusted => true,
            Self::Works | Self::Unknown => false,
        }
    }
}

/// What one end of a connection has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Workload {
    /// The source or the target.
    pub name: String,
    /// The address where it was seen; nothing where it only connects.
    pub address: Option<String>,
    /// The root of its leaf.
    pub leaf: LeafRoot,
    /// Whether it trusts the old root.
    pub trusts_old: Trust,
    /// Whether it trusts the new root.
    pub trusts_new: Trust,
    /// As a server, it refuses clients that it does not know.
    pub verifies_clients: bool,
}

/// What becomes of a connection: the client judges first, and the server only where the client went on.
pub fn predict(client: &Workload, server: &Workload) -> Prediction {
    let of_client = match server.verifies_clients {
        true => server.trust(client.leaf),
        false => Trust::Yes,
    };
    match (client.trust(server.leaf), of_client) {
        (Trust::No, _) => Prediction::ServerUntrusted,
        // Whatever the client thinks, it ends badly.
        (_, Trust::No) => Prediction::ClientUntrusted,
        (Trust::Yes, Trust::Yes) => Prediction::Works,
        (Trust::Unknown, _) | (_, Trust::Unknown) => Prediction::Unknown,
    }
}

/// All connections of one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Pairs {
    /// How many there are.
    pub total: usize,
    /// How many work.
    pub works: usize,
    /// How many do not.
    pub broken: usize,
    /// Of how many nobody can tell.
    pub unknown: usize,
    /// Those that do not work.
    pub groups: Vec<Group>,
}

/// Connections that do not work for one reason: from each of these to each of those.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Group {
    /// What becomes of them.
    pub prediction: Prediction,
    /// How many.
    pub pairs: usize,
    /// The clients.
    pub from: Vec<String>,
    /// The servers.
    pub to: Vec<String>,
    /// Why.
    pub why: String,
}

/// Everybody who connects and everybody who is connected to.
pub(super) struct Cast {
    pub(super) clients: Vec<Workload>,
    servers: Vec<Workload>,
}

/// What a step does to the pairs.
#[derive(Default)]
pub(super) struct Change {
    /// Those that do not break before and do afterwards.
    pub(super) breaks: Vec<Group>,
    pub(super) broken: usize,
    pub(super) repaired: usize,
    /// Of which nobody can tell afterwards.
    pub(super) unknown: usize,
}

impl Workload {
    fn of(member: &Member, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            address: Some(member.address.clone()),
            leaf: member.leaf,
            trusts_old: member.trusts_old,
            trusts_new: member.trusts_new,
            verifies_clients: member.verifies_clients,
        }
    }

    fn trust(&self, leaf: LeafRoot) -> Trust {
        match leaf {
            LeafRoot::Old => self.trusts_old,
            LeafRoot::New => self.trusts_new,
            LeafRoot::Third | LeafRoot::Unknown => Trust::Unknown,
        }
    }

    /// The same once the step is taken.
    #[must_use]
    pub fn after(&self, step: Step) -> Self {
        let mut after = self.clone();
        match step {
            Step::P1 => after.trusts_new = Trust::Yes,
            Step::P2 => after.leaf = LeafRoot::New,
            Step::P3 => {
                after.trusts_old = Trust::No;
                after.trusts_new = Trust::Yes;
            }
            Step::Done => {}
        }
        after
    }

    fn shown(&self) -> String {
        match &self.address {
            Some(address) => format!("{} ({address})", self.name),
            None => self.name.clone(),
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        let what = |one: &Self| {
            (
                one.leaf,
                one.trusts_old,
                one.trusts_new,
                one.verifies_clients,
            )
        };
        what(self) == what(other)
    }
}

impl Cast {
    /// Sources that are workloads connect; one that is a target as well has the bundle seen there.
    /// Where no source is a workload, every target connects to every other.
    pub(super) fn of(members: &[Member], question: &Question<'_>, chosen: &Chosen) -> Self {
        let is_canary = |name: &str| {
            let stranger = question.stranger;
            name == chosen.old_client || name == chosen.new_client || stranger == Some(name)
        };
        let mut clients = vec![];
        for own in question.own.iter().filter(|own| own.is_workload) {
            if is_canary(&own.source) {
                continue;
            }
            let id = own.id.as_ref();
            let same = members
                .iter()
                .filter(|one| one.id.is_some() && one.id.as_ref() == id);
            let before = clients.len();
            clients.extend(same.map(|member| Workload::of(member, &own.source)));
            if clients.len() == before {
                let root = own.root.as_ref();
                clients.push(Workload {
                    name: own.source.clone(),
                    address: None,
                    leaf: root.map_or(LeafRoot::Unknown, |root| {
                        chosen.roots.of_key(&root.spki_sha256)
                    }),
                    trusts_old: Trust::Unknown,
                    trusts_new: Trust::Unknown,
                    verifies_clients: true,
                });
            }
        }
        let servers: Vec<_> = (members.iter())
            .map(|member| Workload::of(member, &member.target))
            .collect();
        if clients.is_empty() {
            clients.clone_from(&servers);
        }
        Self { clients, servers }
    }

    /// The server at this address is among those that connect.
    pub(super) fn connects(&self, member: &Member) -> bool {
        let address = Some(&member.address);
        self.clients
            .iter()
            .any(|one| one.address.as_ref() == address)
    }

    /// What holds at this moment.
    pub(super) fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        for (from, to) in self.kinds() {
            let count = from.len() * to.len();
            let prediction = predict_any(&from, &to, |one| one.clone());
            pairs.total += count;
            match prediction {
                Prediction::Works => pairs.works += count,
                Prediction::Unknown => pairs.unknown += count,
                Prediction::ServerUntrusted | Prediction::ClientUntrusted => {
                    pairs.broken += count;
                    pairs
                        .groups
                        .push(group(prediction, &from, &to, |one| one.clone()));
                }
            }
        }
        pairs
    }

    /// What a step would change.
    pub(super) fn change(&self, step: Step) -> Change {
        let mut change = Change::default();
        for (from, to) in self.kinds() {
            let count = from.len() * to.len();
            let before = predict_any(&from, &to, |one| one.clone());
            let after = predict_any(&from, &to, |one| one.after(step));
            if after.is_broken() && !before.is_broken() {
                change.broken += count;
                change
                    .breaks
                    .push(group(after, &from, &to, |one| one.after(step)));
            }
            if before.is_broken() && after == Prediction::Works {
                change.repaired += count;
            }
            if after == Prediction::Unknown {
                change.unknown += count;
            }
        }
        change
    }

    /// The pairs by what is the same of them: fleets are large and have few kinds of members.
    fn kinds(&self) -> Vec<(Vec<&Workload>, Vec<&Workload>)> {
        let (from, to) = (kinds(&self.clients), kinds(&self.servers));
        let pairs = from.iter().flat_map(|from| {
            let to = to.iter();
            to.map(|to| (from.clone(), to.clone()))
        });
        pairs.collect()
    }
}

fn kinds(all: &[Workload]) -> Vec<Vec<&Workload>> {
    let mut kinds: Vec<Vec<&Workload>> = vec![];
    for one in all {
        let known = kinds
            .iter_mut()
            .find(|kind| kind.first().is_some_and(|first| first.is_like(one)));
        match known {
            Some(kind) => kind.push(one),
            None => kinds.push(vec![one]),
        }
    }
    kinds
}

/// Of all pairs of one kind the first tells.
fn predict_any(
    from: &[&Workload],
    to: &[&Workload],
    as_of: impl Fn(&Workload) -> Workload,
) -> Prediction {
    match (from.first(), to.first()) {
        (Some(from), Some(to)) => predict(&as_of(from), &as_of(to)),
        (None, _) | (_, None) => Prediction::Unknown,
    }
}

fn group(
    prediction: Prediction,
    from: &[&Workload],
    to: &[&Workload],
    as_of: impl Fn(&Workload) -> Workload,
) -> Group {
    let leaf = |side: &[&Workload]| {
        side.first()
            .map_or(LeafRoot::Unknown, |one| as_of(one).leaf)
    };
    let why = match prediction {
        Prediction::ServerUntrusted => {
            format!(
                "the clients do not trust {}, which the servers' leaves come from",
                leaf(to).meaning()
            )
        }
        Prediction::ClientUntrusted => {
            format!(
                "the servers do not trust {}, which the clients' leaves come from",
                leaf(from).meaning()
            )
        }
        Prediction::Works | Prediction::Unknown => prediction.meaning().to_owned(),
    };
    Group {
        prediction,
        pairs: from.len() * to.len(),
        from: names(from),
        to: names(to),
        why,
    }
}

fn names(all: &[&Workload]) -> Vec<String> {
    let shown = if all.len() > MAX_LIST {
        MAX_LIST - 1
    } else {
        all.len()
    };
    let mut names: Vec<String> = all.iter().take(shown).map(|one| one.shown()).collect();
    if all.len() > shown {
        names.push(format!("… and {} more", all.len() - shown));
    }
    names
}
