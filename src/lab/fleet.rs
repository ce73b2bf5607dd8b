//! A fleet in the middle of a CA rotation: servers whose leaf and bundle are chosen one by one, and
//! changed while they run. Edge.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::CertificateDer;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::cast::{Dates, id, known_root};
use super::files::{self, Scratch};
use super::serve::Manner;
use super::tls::{Ability, Clients, Foundry};
use super::{LabError, listener};
use crate::identity::{self, Authority, Minted};
use crate::rotation::Phase;

/// A fleet of servers. It stops when dropped.
pub struct Fleet {
    makers: Makers,
    members: Vec<Member>,
    tasks: JoinSet<()>,
}

/// How the old and the new root are related.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kin {
    /// Not at all.
    #[default]
    Strangers,
    /// They have one key: the root was renewed.
    SameKey,
    /// They have one name, and different keys.
    SameName,
}

/// One of the roots of a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// What is to go.
    Old,
    /// What comes.
    New,
    /// Of somebody else.
    Third,
}

/// What one server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The root of its leaf.
    pub leaf: Root,
    /// Its bundle; never empty.
    pub trusts: Vec<Root>,
    /// How it differs from others.
    pub quirk: Quirk,
}

/// How a server differs from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quirk {
    /// Not at all.
    #[default]
    None,
    /// Its clock is two months ahead: every leaf has expired.
    ClockAhead,
    /// It lets no name in.
    NamesNobody,
    /// It asks for no certificate.
    AsksNobody,
    /// It asks for one, and takes whatever comes.
    TakesStrangers,
}

impl State {
    /// A leaf and a bundle.
    pub fn new(leaf: Root, trusts: &[Root]) -> Self {
        Self {
            leaf,
            trusts: trusts.to_vec(),
            quirk: Quirk::None,
        }
    }

    /// What a server of this phase has.
    pub fn of(phase: Phase) -> Self {
        match phase {
            Phase::P0 => Self::new(Root::Old, &[Root::Old]),
            Phase::P1 => Self::new(Root::Old, &[Root::Old, Root::New]),
            Phase::P2 => Self::new(Root::New, &[Root::Old, Root::New]),
            Phase::P3 => Self::new(Root::New, &[Root::New]),
        }
    }

    /// The same with a quirk.
    #[must_use]
    pub fn with(self, quirk: Quirk) -> Self {
        Self { quirk, ..self }
    }
}

/// One server.
struct Member {
    target: String,
    address: SocketAddr,
    state: State,
    /// Its leaf of each root.
    leaves: [Minted; 3],
    acceptor: Arc<RwLock<TlsAcceptor>>,
}

/// What servers and clients are made from.
struct Makers {
    foundry: Foundry,
    ahead: Foundry,
    dates: Dates,
    issuers: [Authority; 3],
    roots: [CertificateDer<'static>; 3],
    canaries: [Minted; 2],
}

impl Fleet {
    /// Makes the roots and starts one server for each state of each target.
    pub async fn start(
        now: Timestamp,
        kin: Kin,
        targets: &[(&str, &[State])],
    ) -> Result<Self, LabError> {
        let makers = Makers::new(now, kin)?;
        let mut members = vec![];
        let mut tasks = JoinSet::new();
        for (target, states) in targets {
            for state in *states {
                let leaf = makers.dates.svid(&id(target)?);
                let [old, new, third] = &makers.issuers;
                let leaves = [old.issue(&leaf)?, new.issue(&leaf)?, third.issue(&leaf)?];
                let acceptor = makers.acceptor(&leaves, state)?;
                let acceptor = Arc::new(RwLock::new(acceptor));
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let failed = |why| LabError::Bind { address, why };
                let socket = listener::bind(address).map_err(failed)?;
                let bound = socket.local_addr().map_err(failed)?;
                let manner = Manner::Changing(Arc::clone(&acceptor));
                tasks.spawn(listener::run(socket, manner, Arc::new(AtomicU64::new(0))));
                members.push(Member {
                    target: (*target).to_owned(),
                    address: bound,
                    state: state.clone(),
                    leaves,
                    acceptor,
                });
            }
        }
        Ok(Self {
            makers,
            members,
            tasks,
        })
    }

    /// Gives the nth server of a target another leaf or another bundle, from the next connection on;
    /// nothing happens where there is none.
    pub fn set(&mut self, target: &str, nth: usize, state: State) -> Result<(), LabError> {
        let mut of_target = self.members.iter_mut().filter(|one| one.target == target);
        if let Some(member) = of_target.nth(nth) {
            let acceptor = self.makers.acceptor(&member.leaves, &state)?;
            let mut held = member
                .acceptor
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *held = acceptor;
            member.state = state;
        }
        Ok(())
    }

    /// Gives every server the same.
    pub fn set_all(&mut self, state: &State) -> Result<(), LabError> {
        for member in &mut self.members {
            let acceptor = self.makers.acceptor(&member.leaves, state)?;
            let mut held = member
                .acceptor
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *held = acceptor;
            member.state = state.clone();
        }
        Ok(())
    }

    /// Every server, by target and address, with what it has.
    pub fn members(&self) -> impl Iterator<Item = (&str, SocketAddr, &State)> {
        let members = self.members.iter();
        members.map(|one| (one.target.as_str(), one.address, &one.state))
    }

    /// The leaf that the server at an address presents, with its key.
    pub fn leaf(&self, address: SocketAddr) -> Option<&Minted> {
        let member = self.members.iter().find(|one| one.address == address)?;
        Some(pick(&member.leaves, member.state.leaf))
    }

    /// A root.
    pub fn root(&self, root: Root) -> &CertificateDer<'static> {
        pick(&self.makers.roots, root)
    }

    /// Writes the two roots and the CAs below them, the two canaries, the leaf of the first server of each target, and a suite.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, LabError> {
        files::make(folder).map_err(|why| files::failed(folder, why))?;
        let pem = |root| identity::encode_pem("CERTIFICATE", self.root(root)).to_string();
        let (old, new) = (pem(Root::Old), pem(Root::New));
        files::public(folder, "old-root.pem", &old)?;
        files::public(folder, "new-root.pem", &new)?;
        files::public(folder, "roots.pem", &(old + &new))?;
        let [old, new] = &self.makers.canaries;
        write(folder, "canary-old", old)?;
        write(folder, "canary-new", new)?;
        for (name, issuer) in ["old-ca", "new-ca"].into_iter().zip(&self.makers.issuers) {
            let chain = issuer.chain().iter();
            let chain = chain.map(|der| identity::encode_pem("CERTIFICATE", der).to_string());
            files::public(folder, &format!("{name}.pem"), &chain.collect::<String>())?;
            let key = issuer.key_pem();
            files::write(folder, &format!("{name}.key"), key.as_bytes(), 0o600)?;
        }
        for (target, addresses) in self.targets() {
            let first = addresses.first().and_then(|address| self.leaf(*address));
            if let Some(leaf) = first {
                write(folder, target, leaf)?;
            }
        }
        files::public(folder, files::SUITE, &self.suite_yaml())?;
        Ok(folder.join(files::SUITE))
    }

    /// Writes the same into a private folder that goes away with the returned value.
    pub fn write_scratch(&self) -> Result<Scratch, LabError> {
        let folder = files::private();
        let folder = folder.map_err(|why| files::failed(&std::env::temp_dir(), why))?;
        self.write(folder.path())?;
        Ok(Scratch { folder })
    }

    /// A suite for the fleet: each target is a source as well.
    pub fn suite_yaml(&self) -> String {
        let mut yaml = HEAD.to_owned();
        for (target, _) in self.targets() {
            // Writing to a String does not fail.
            let _ = writeln!(
                yaml,
                "  sa/{target}: {{ files: {{ chain: {target}.pem, key: {target}.key }} }}"
            );
        }
        yaml += "targets:\n";
        for (target, addresses) in self.targets() {
            let addresses: Vec<_> = addresses.iter().map(|one| format!("\"{one}\"")).collect();
            let addresses = addresses.join(", ");
            let _ = writeln!(
                yaml,
                "  {target}: {{ address: [{addresses}], id: sa/{target} }}"
            );
        }
        yaml + ROTATION
    }

    /// Closes every port and every connection, and waits until that is done.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    fn targets(&self) -> Vec<(&str, Vec<SocketAddr>)> {
        let mut targets: Vec<(&str, Vec<SocketAddr>)> = vec![];
        for member in &self.members {
            match targets.iter_mut().find(|(name, _)| *name == member.target) {
                Some((_, addresses)) => addresses.push(member.address),
                None => targets.push((&member.target, vec![member.address])),
            }
        }
        targets
    }
}

impl Makers {
    fn new(now: Timestamp, kin: Kin) -> Result<Self, LabError> {
        let last_year = now.saturating_sub(A_YEAR).unwrap_or(now);
        let old = Authority::throwaway("mesh root", last_year)?;
        let new = match kin {
            Kin::Strangers => Authority::throwaway("new mesh root", now)?,
            Kin::SameKey => old.renewed(now)?,
            Kin::SameName => Authority::like(&known_root(&old)?, now)?,
        };
        let third = Authority::throwaway("another mesh's root", now)?;
        let roots = [known_root(&old)?, known_root(&new)?, known_root(&third)?];
        let issuers = [
            old.intermediate("mesh issuing CA", now)?,
            new.intermediate("new mesh issuing CA", now)?,
            third.intermediate("another mesh's issuing CA", now)?,
        ];
        let dates = Dates::from(now);
        let [of_old, of_new, _] = &issuers;
        let canary = dates.svid(&id("canary")?);
        let canaries = [of_old.issue(&canary)?, of_new.issue(&canary)?];
        let ahead = now.saturating_add(TWO_MONTHS).unwrap_or(now);
        Ok(Self {
            foundry: Foundry::new(now),
            ahead: Foundry::new(ahead),
            dates,
            issuers,
            roots,
            canaries,
        })
    }

    fn acceptor(&self, leaves: &[Minted; 3], state: &State) -> Result<TlsAcceptor, LabError> {
        let identity = pick(leaves, state.leaf).identity()?;
        let trusts = state.trusts.iter();
        let trusts: Vec<_> = trusts
            .map(|root| pick(&self.roots, *root).clone())
            .collect();
        let (foundry, clients) = match state.quirk {
            Quirk::None => (&self.foundry, Clients::Of(&trusts)),
            Quirk::ClockAhead => (&self.ahead, Clients::Of(&trusts)),
            Quirk::NamesNobody => (&self.foundry, Clients::NamesNobody(&trusts)),
            Quirk::AsksNobody => (&self.foundry, Clients::Unasked),
            Quirk::TakesStrangers => (&self.foundry, Clients::Strangers(&trusts)),
        };
        Ok(foundry.server(&identity, &clients, Ability::Everything)?)
    }
}

fn pick<T>([old, new, third]: &[T; 3], root: Root) -> &T {
    match root {
        Root::Old => old,
        Root::New => new,
        Root::Third => third,
    }
}

fn write(folder: &Path, name: &str, minted: &Minted) -> Result<(), LabError> {
    files::public(folder, &format!("{name}.pem"), &minted.chain_pem())?;
    let key = minted.key_pem();
    files::write(folder, &format!("{name}.key"), key.as_bytes(), 0o600)
}

const HEAD: &str = "\
version: 1
trust_domain: cluster.local
bundles:
  cluster.local: { file: roots.pem }
sources:
  canary-old: { id: sa/canary, files: { chain: canary-old.pem, key: canary-old.key } }
  canary-new: { id: sa/canary, files: { chain: canary-new.pem, key: canary-new.key } }
";
const ROTATION: &str = "\
rotation:
  old: { root: old-root.pem, client: canary-old }
  new: { root: new-root.pem, client: canary-new }
";
const A_YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);
const TWO_MONTHS: SignedDuration = SignedDuration::from_hours(60 * 24);
