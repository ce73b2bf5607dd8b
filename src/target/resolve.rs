//! Names to addresses: the way applications of the host do it, or by one name server. Edge.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Address, Destination, SrvName};

/// Asks for names.
#[derive(Clone, Debug)]
pub struct Resolver {
    /// Everything is asked of this server; without it, of those that the host asks.
    server: Option<SocketAddr>,
}

/// One address behind a name, or a name that has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// What the peer there is called.
    pub name: Address,
    /// Where it is, or the words of whoever does not know.
    pub socket: Result<SocketAddr, String>,
}

/// All that stands behind one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replicas {
    /// Each address once, in a stable order.
    pub found: Vec<Replica>,
    /// How many more there are than anybody would probe.
    pub left_out: usize,
}

impl Resolver {
    /// Asks this name server, or those of the host.
    pub fn new(server: Option<SocketAddr>) -> Self {
        Self { server }
    }

    /// Every address behind a destination. The error is in words, and means that there is none.
    pub async fn replicas(
        &self,
        destination: &Destination,
        limit: Duration,
    ) -> Result<Replicas, String> {
        let found = match destination {
            Destination::Address(address) => {
                let sockets = self.addresses(address, limit).await?;
                let name = |socket| Replica {
                    name: address.clone(),
                    socket: Ok(socket),
                };
                sockets.into_iter().map(name).collect()
            }
            Destination::Srv(name) => self.behind(name, limit).await?,
        };
        Ok(bounded(found))
    }

    /// Every address behind a host, in a stable order and without repetition.
    pub async fn addresses(
        &self,
        address: &Address,
        limit: Duration,
    ) -> Result<Vec<SocketAddr>, String> {
        if let Some(ip) = address.ip() {
            return Ok(vec![SocketAddr::new(ip, address.port())]);
        }
        let lookup = async {
            match self.server {
                Some(server) => self.ask_for_addresses(server, address, limit).await,
                None => lookup_host((address.host(), address.port()))
                    .await
                    .map(Iterator::collect)
                    .map_err(|err| err.to_string()),
            }
        };
        let mut found: Vec<SocketAddr> = timeout(limit, lookup).await.map_err(|_| late())??;
        // Resolvers rotate their answers; a result must not depend on that.
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            return Err("the name has no address".to_owned());
        }
        Ok(found)
    }

    async fn ask_for_addresses(
        &self,
        server: SocketAddr,
        address: &Address,
        limit: Duration,
    ) -> Result<Vec<SocketAddr>, String> {
        let resolver = by(server, limit)?;
        let name = whole(address.host())?;
        let found = resolver.lookup_ip(name).await;
        let found = found.map_err(|err| words(&err, address.host(), "address"))?;
        let port = address.port();
        Ok(found.iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// Every address behind every host that SRV records name, the hosts by their priority.
    async fn behind(&self, name: &SrvName, limit: Duration) -> Result<Vec<Replica>, String> {
        let records = timeout(limit, self.records(name, limit));
        let hosts = hosts(records.await.map_err(|_| late())??)?;
        let mut asking = JoinSet::new();
        let mut answers = vec![None; hosts.len()];
        let mut waiting = hosts.iter().cloned().enumerate();
        loop {
            while asking.len() < AT_ONCE {
                let Some((nth, host)) = waiting.next() else {
                    break;
                };
                let resolver = self.clone();
                asking.spawn(async move { (nth, resolver.addresses(&host, limit).await) });
            }
            match asking.join_next().await {
                Some(Ok((nth, answer))) => {
                    if let Some(place) = answers.get_mut(nth) {
                        *place = Some(answer);
                    }
                }
                Some(Err(_)) => {}
                None => break,
            }
        }
        let silent = || Err("the resolver gave up".to_owned());
        let answers = answers.into_iter().map(|one| one.unwrap_or_else(silent));
        Ok(each_once(hosts.into_iter().zip(answers)))
    }

    async fn records(&self, name: &SrvName, limit: Duration) -> Result<Vec<SRV>, String> {
        let (resolver, asked) = match self.server {
            Some(server) => (by(server, limit)?, whole(name.as_str())?),
            None => {
                let configured = TokioResolver::builder_tokio().and_then(|it| it.build());
                let resolver = configured
                    .map_err(|err| format!("the host's resolver cannot be used: {err}"))?;
                (resolver, relative(name.as_str())?)
            }
        };
        let found = resolver.lookup(asked, RecordType::SRV).await;
        let found = found.map_err(|err| words(&err, name.as_str(), "SRV record"))?;
        // The aliases on the way are answers, too.
        let records = found
            .answers()
            .iter()
            .filter_map(|record| as_srv(&record.data));
        Ok(records.collect())
    }
}

/// The hosts that records name, by priority, then by name.
fn hosts(mut records: Vec<SRV>) -> Result<Vec<Address>, String> {
    if records.is_empty() {
        return Err("the name has no SRV record".to_owned());
    }
    // RFC 2782: a target of "." means that the service is decidedly not available.
    records.retain(|srv| !srv.target.is_root());
    if records.is_empty() {
        return Err(
            "its SRV record says that the service is decidedly not available here (target \".\")"
                .to_owned(),
        );
    }
    records.sort_by_cached_key(|srv| (srv.priority, srv.target.to_lowercase(), srv.port));
    let mut hosts = vec![];
    let mut seen = HashSet::new();
    for srv in records {
        let mut host = srv.target.to_ascii();
        if host.ends_with('.') {
            host.pop();
        }
        let address: Address = format!("{host}:{}", srv.port)
            .parse()
            .map_err(|why| format!("its SRV record names {host:?}:{}, which {why}", srv.port))?;
        if seen.insert(address.clone()) {
            hosts.push(address);
        }
    }
    Ok(hosts)
}

/// Every address of every host; where several hosts share one, the first has it.
fn each_once(
    hosts: impl Iterator<Item = (Address, Result<Vec<SocketAddr>, String>)>,
) -> Vec<Replica> {
    let mut seen = HashSet::new();
    let mut found = vec![];
    for (name, answer) in hosts {
        let sockets = match answer {
            Ok(sockets) => sockets.into_iter().map(Ok).collect(),
            Err(why) if why.contains(name.host()) => vec![Err(why)],
            Err(why) => vec![Err(format!("{}: {why}", name.host()))],
        };
        for socket in sockets {
            if socket.as_ref().map_or(true, |socket| seen.insert(*socket)) {
                let name = name.clone();
                found.push(Replica { name, socket });
            }
        }
    }
    found
}

fn bounded(mut found: Vec<Replica>) -> Replicas {
    let left_out = found.len().saturating_sub(MOST_REPLICAS);
    found.truncate(MOST_REPLICAS);
    Replicas { found, left_out }
}

/// A resolver that asks this server, and never the host.
fn by(server: SocketAddr, limit: Duration) -> Result<TokioResolver, String> {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.to_vec());
    let config = ResolverConfig::from_parts(None, vec![], vec![server]);
    let provider = TokioRuntimeProvider::default();
    let mut builder = TokioResolver::builder_with_config(config, provider);
    let options: &mut ResolverOpts = builder.options_mut();
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // A datagram may get lost, and there is time for another one.
    options.timeout = limit / 3;
    builder.build().map_err(|err| err.to_string())
}

/// The name as the host would complete it.
fn relative(name: &str) -> Result<Name, String> {
    Name::from_ascii(name).map_err(|err| format!("{name:?} is not a DNS name: {err}"))
}

/// The name as it stands: nobody completes it.
fn whole(name: &str) -> Result<Name, String> {
    let mut name = relative(name)?;
    name.set_fqdn(true);
    Ok(name)
}

fn as_srv(data: &RData) -> Option<SRV> {
    if let RData::SRV(srv) = data {
        Some(srv.clone())
    } else {
        None
    }
}

/// What a failed lookup means.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's errors are open; what we have words for is listed"
)]
fn words(err: &NetError, name: &str, what: &str) -> String {
    let refused = |code| {
        let said = match code {
            ResponseCode::ServFail => "SERVFAIL: it failed itself, or those it asks did".to_owned(),
            ResponseCode::Refused => "REFUSED: it does not answer us for this name".to_owned(),
            code => code.to_string(),
        };
        format!("the name server says of {name}: {said}")
    };
    match err {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => format!("the name {name} does not exist (NXDOMAIN)"),
            ResponseCode::NoError => format!("the name {name} has no {what}"),
            code => refused(code),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => refused(*code),
        NetError::Timeout => late(),
        NetError::Truncated => format!(
            "the answer for {name} came cut off, and the name server gives no whole one over TCP"
        ),
        other => format!("the lookup of {name} failed: {other}"),
    }
}

fn late() -> String {
    "the resolver did not answer in time".to_owned()
}

/// How many hosts of SRV records are asked for at one time.
const AT_ONCE: usize = 16;
/// More than any service has; a bound for those who would send us more.
pub const MOST_REPLICAS: usize = 1000;
