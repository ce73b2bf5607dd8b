//! A small mesh, on loopback unless asked otherwise: real TLS servers in this process, each healthy or with the one fault it is
//! named for, and the identities and the suite to probe it with. Edge.

mod cast;
mod files;
mod fleet;
mod http;
mod listener;
mod serve;
mod suite;
mod tls;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio::task::JoinSet;

use self::cast::Cast;
use self::serve::Behaviour;
use crate::identity::IdentityError;
use crate::target::Address;

pub use self::files::Scratch;
pub use self::fleet::{Fleet, Kin, Quirk, Root, State};

/// The first port of the shipped suite for the lab; the others follow.
pub const FIRST_PORT: u16 = 18443;

/// What stands for the name of a target in the host that the suite names.
pub const TARGET: &str = "{target}";

/// A running lab. It stops when dropped.
pub struct Lab {
    cast: Cast,
    host: Option<String>,
    listeners: Vec<Listener>,
    tasks: JoinSet<()>,
}

/// What may be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on, by default 127.0.0.1: the servers are faulty on purpose, and nobody
    /// else's business.
    pub listen: IpAddr,
    /// The host that the suite names, where clients know this machine by another name than the address
    /// listened on. [`TARGET`] in it stands for the name of the target; of several replicas each has its
    /// number after that.
    pub host: Option<String>,
    /// The first of the ports, which then follow one another; by default the system chooses.
    pub port: Option<u16>,
    /// Serve beside the lab that wrote its files to this folder.
    pub join: Option<PathBuf>,
    /// The targets to serve; every one where none is named. The ports stay the same.
    pub only: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: Ipv4Addr::LOCALHOST.into(),
            host: None,
            port: None,
            join: None,
            only: vec![],
        }
    }
}

/// One address of one target.
#[derive(Debug)]
struct Listener {
    target: &'static str,
    address: SocketAddr,
    connections: Arc<AtomicU64>,
    /// Held so that nobody else gets the port that must stay closed.
    _reserved: Option<socket2::Socket>,
}

/// Why there is no lab, or no suite for it.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A port is taken, or the address is not one of this machine.
    #[error("cannot listen on {address}: {why}; choose another port or address")]
    Bind {
        /// Where to.
        address: SocketAddr,
        /// The system's words.
        why: io::Error,
    },
    /// No suite could name this host.
    #[error("{0:?} is not a host; write a name or an address, without a port")]
    Host(String),
    /// There is no such server to choose.
    #[error("the lab has no target {name:?}; it has {known}")]
    NoTarget {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Who joined another lab has no papers of its own.
    #[error("this lab has joined another, which has written its suite already")]
    Joined,
    /// The ports do not fit below 65536.
    #[error("port {0} leaves no room for the ports of the lab; choose one below 65000")]
    Ports(u16),
    /// An identity could not be made.
    #[error("cannot make the lab from its identities: {0}")]
    Identity(#[from] IdentityError),
    /// A server could not be set up.
    #[error("cannot set up the servers of the lab: {0}")]
    Tls(#[from] rustls::Error),
    /// A file could not be written.
    #[error("cannot write {path}: {why}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's words.
        why: io::Error,
    },
}

impl Lab {
    /// Makes the identities, as of `now`, and starts the servers. Their clock goes on from there too.
    pub async fn start(now: Timestamp, options: Options) -> Result<Self, LabError> {
        if let Some(host) = &options.host {
            let example = host.replace(TARGET, "healthy");
            suite::named(&example, 1).map_err(|_| LabError::Host(host.clone()))?;
        }
        let mut cast = match &options.join {
            Some(folder) => Cast::join(folder, now)?,
            None => Cast::assemble(now)?,
        };
        let known: Vec<&str> = cast.targets.iter().map(|target| target.name).collect();
        if let Some(unknown) = options
            .only
            .iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            return Err(LabError::NoTarget {
                name: unknown.clone(),
                known: known.join(", "),
            });
        }
        let mut listeners = vec![];
        let mut tasks = JoinSet::new();
        let mut ports = ports(options.listen, options.port);
        for target in &mut cast.targets {
            for behaviour in target.replicas.drain(..) {
                let address = ports
                    .next()
                    .ok_or(LabError::Ports(options.port.unwrap_or(0)))?;
                let is_ours = |name: &String| name == target.name;
                if !options.only.is_empty() && !options.only.iter().any(is_ours) {
                    continue;
                }
                let listener = listen(target.name, address, behaviour, &mut tasks)?;
                listeners.push(listener);
            }
        }
        Ok(Self {
            cast,
            host: options.host,
            listeners,
            tasks,
        })
    }

    /// The names of the targets, in the order of the suite.
    pub fn targets(&self) -> impl Iterator<Item = &'static str> {
        self.cast.targets.iter().map(|target| target.name)
    }

    /// Where a target listens: one address for each replica, none for an unknown name.
    pub fn addresses(&self, target: &str) -> Vec<SocketAddr> {
        let of_target = self.listeners.iter().filter(|l| l.target == target);
        of_target.map(|listener| listener.address).collect()
    }

    /// Where clients find a target: the addresses that the suite names.
    pub fn named(&self, target: &str) -> Vec<Address> {
        let addresses = self.addresses(target);
        let is_several = addresses.len() > 1;
        let replicas = addresses.into_iter().zip(1..);
        let named = replicas.map(|(address, nth)| {
            let own = match is_several {
                true => format!("{target}-{nth}"),
                false => target.to_owned(),
            };
            self.name(&own, address)
        });
        named.collect()
    }

    fn name(&self, own: &str, mut address: SocketAddr) -> Address {
        let host = self.host.as_ref().map(|host| host.replace(TARGET, own));
        if let Some(Ok(named)) = host.map(|host| suite::named(&host, address.port())) {
            return named;
        }
        // Nobody connects to "all addresses".
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        address.into()
    }

    /// How many connections each listener has accepted so far, in the order of the suite.
    pub fn connections(&self) -> Vec<(&'static str, u64)> {
        let count = |l: &Listener| (l.target, l.connections.load(Ordering::Relaxed));
        self.listeners.iter().map(count).collect()
    }

    /// Closes every port and every connection, and waits until that is done.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

fn listen(
    target: &'static str,
    address: SocketAddr,
    behaviour: Behaviour,
    tasks: &mut JoinSet<()>,
) -> Result<Listener, LabError> {
    let failed = |why| LabError::Bind { address, why };
    let connections = Arc::new(AtomicU64::new(0));
    let (address, reserved) = match behaviour {
        Behaviour::Closed => {
            let socket = listener::reserve(address).map_err(failed)?;
            (listener::address(&socket).map_err(failed)?, Some(socket))
        }
        Behaviour::Open(manner) => {
            let socket = listener::bind(address).map_err(failed)?;
            let bound = socket.local_addr().map_err(failed)?;
            tasks.spawn(listener::run(socket, manner, Arc::clone(&connections)));
            (bound, None)
        }
    };
    Ok(Listener {
        target,
        address,
        connections,
        _reserved: reserved,
    })
}

/// The addresses to listen on: from the given port on, or wherever the system likes.
fn ports(ip: IpAddr, first: Option<u16>) -> Box<dyn Iterator<Item = SocketAddr> + Send> {
    let at = move |port| SocketAddr::new(ip, port);
    match first {
        Some(first) => Box::new((first..=u16::MAX).map(at)),
        None => Box::new(std::iter::repeat(at(0))),
    }
}
