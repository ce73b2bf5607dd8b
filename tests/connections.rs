//! Seen from the server: one connection for each planned attempt, never more.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of a test: a panic names the line"
)]

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mtls_probe::code::Kind;
use mtls_probe::lab::{Lab, Options};
use mtls_probe::matrix::Matrix;
use mtls_probe::plan::{Plan, plan};
use mtls_probe::run::{self, Materials, Settings};
use mtls_probe::suite::Suite;
use mtls_probe::target::Destination;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
async fn the_lab_counts_the_connections_of_the_plan_and_no_other() {
    for (attempts, follow_ups) in [(1, true), (2, true), (1, false)] {
        let lab = Lab::start(run::now(), Options::default()).await.unwrap();
        let scratch = lab.write_scratch().unwrap();
        let yaml = std::fs::read_to_string(scratch.suite()).unwrap();
        let mut suite = Suite::parse("the lab", scratch.folder(), &yaml).unwrap();
        for target in &mut suite.targets {
            target.attempts = attempts;
            target.follow_ups = follow_ups;
        }
        let (plan, matrix) = probe(suite).await;
        assert_eq!(matrix.cells.len(), plan.cells.len());

        let mut planned: BTreeMap<&Destination, u64> = BTreeMap::new();
        let mut most = 0;
        for (nth, probe) in plan.probes.iter().enumerate() {
            let mut cells = plan.cells.iter().zip(&matrix.cells);
            let (_, cell) = cells.find(|(planned, _)| planned.probe == nth).unwrap();
            let followed = cell.follow_ups.len() as u64;
            assert!(
                followed <= probe.possible_follow_ups().count() as u64,
                "{cell:?}"
            );
            *planned.entry(&probe.address).or_default() += u64::from(probe.attempts) + followed;
            most += followed;
        }
        assert!(most <= plan.follow_ups());
        assert_eq!(
            most > 0,
            follow_ups,
            "somebody in the lab leaves something open"
        );
        let listeners = lab.targets().flat_map(|target| lab.named(target));
        let counted = lab.connections().into_iter().zip(listeners);
        let mut addresses = 0;
        for ((target, connections), address) in counted {
            let wanted = match target {
                // Nobody listens, so nobody can count.
                "closed-port" => 0,
                _ => planned[&Destination::from(address.clone())],
            };
            assert_eq!(connections, wanted, "{target} at {address}");
            addresses += 1;
        }
        assert_eq!(addresses, planned.len(), "every listener is in the plan");
    }
}

/// Whoever closes a connection first is left with a TIME_WAIT, and a probe opens thousands.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_peer_closes_first_where_it_wants_to() {
    let lab = Lab::start(run::now(), Options::default()).await.unwrap();
    let scratch = lab.write_scratch().unwrap();
    let yaml = std::fs::read_to_string(scratch.suite()).unwrap();
    for request in ["GET /", "none"] {
        let yaml = yaml.replace("request: \"GET /\"", &format!("request: {request:?}"));
        let mut suite = Suite::parse("the lab", scratch.folder(), &yaml).unwrap();
        let closes = [
            "healthy",
            "permissive",
            "no-client-auth",
            "tls12-only",
            "rbac",
        ];
        suite
            .targets
            .retain(|target| closes.contains(&target.name.as_str()));
        for target in &mut suite.targets {
            target.attempts = 20;
        }
        let (plan, _) = probe(suite).await;
        let opened = plan.connections();
        let ports: Vec<u16> = plan
            .probes
            .iter()
            .map(|probe| probe.address.port())
            .collect();
        let left = waiting(&ports);
        assert!(
            left * 20 < opened,
            "{left} of {opened} in TIME_WAIT with request {request}"
        );
    }
}

/// Our sockets in TIME_WAIT whose other end had one of these ports.
#[cfg(target_os = "linux")]
fn waiting(ports: &[u16]) -> u64 {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let is_ours = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, remote, "06", ..] = fields.as_slice() else {
            return false;
        };
        let port = remote.split(':').nth(1).unwrap();
        ports.contains(&u16::from_str_radix(port, 16).unwrap())
    };
    table.lines().skip(1).filter(is_ours).count() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_counted_whatever_the_server_does() {
    for manner in [
        Manner::Closes,
        Manner::Resets,
        Manner::Hears,
        Manner::Refuses,
        Manner::Babbles,
        Manner::Sulks,
    ] {
        for source in ["someone", "none", "plaintext"] {
            let server = Counting::start(manner).await;
            let (plan, matrix) = probe(suite(source, server.address)).await;
            assert_eq!(plan.connections(), 3);
            let [cell] = matrix.cells.as_slice() else {
                panic!("one cell");
            };
            assert_eq!(cell.attempts.total, 3, "{manner:?}, {source}");
            // None of them ever finishes a handshake.
            let is_accepted = cell.code.kind() == Kind::Accepted;
            assert!(
                source == "plaintext" || !is_accepted,
                "{manner:?}: {cell:?}"
            );
            // Were there a fourth connection, it would have begun by now.
            sleep(Duration::from_millis(50)).await;
            let followed = cell.follow_ups.len();
            assert!(followed as u64 <= plan.follow_ups(), "{cell:?}");
            assert_eq!(
                server.count() as usize,
                3 + followed,
                "{manner:?}, {source}"
            );
        }
    }
}

async fn probe(suite: Suite) -> (Arc<Plan>, Matrix) {
    let suites = [suite];
    let plan = Arc::new(plan(&suites).unwrap());
    let materials = Materials::gather(&suites, run::now()).await.unwrap();
    let materials = Arc::new(materials);
    let forever = std::future::pending();
    let settings = Settings::default();
    let matrix = run::run(
        &suites,
        Arc::clone(&plan),
        materials,
        settings,
        forever,
        |_| {},
    )
    .await;
    (plan, matrix)
}

// Set-up.

fn suite(source: &str, address: SocketAddr) -> Suite {
    let origin = if source == "someone" {
        "{ mint: { id: sa/someone, ca: throwaway } }"
    } else {
        "{}"
    };
    let yaml = format!(
        "version: 1\ntrust_domain: cluster.local\n\
         defaults: {{ timeout: 300ms, attempts: 3, request: \"GET /\" }}\n\
         sources:\n  {source}: {origin}\n\
         targets:\n  it: {{ address: \"{address}\" }}\n"
    );
    Suite::parse("counting.yaml", Path::new(""), &yaml).unwrap()
}

/// What a server does with a connection.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Closes at once.
    Closes,
    /// Resets at once.
    Resets,
    /// Closes when it has heard us.
    Hears,
    /// Sends the alert handshake_failure when it has heard us.
    Refuses,
    /// Sends what is not TLS.
    Babbles,
    /// Says nothing until the client leaves.
    Sulks,
}

impl Manner {
    async fn serve(self, mut stream: TcpStream) -> io::Result<()> {
        match self {
            Self::Closes => Ok(()),
            Self::Resets => stream.set_zero_linger(),
            Self::Hears => hear(&mut stream).await.map(|_| ()),
            Self::Refuses => {
                hear(&mut stream).await?;
                stream.write_all(HANDSHAKE_FAILURE).await?;
                stream.shutdown().await?;
                hear(&mut stream).await.map(|_| ())
            }
            Self::Babbles => {
                stream.write_all(b"220 mail.example\r\n").await?;
                hear(&mut stream).await.map(|_| ())
            }
            Self::Sulks => {
                while hear(&mut stream).await? > 0 {}
                Ok(())
            }
        }
    }
}

async fn hear(stream: &mut TcpStream) -> io::Result<usize> {
    stream.read(&mut [0; 4096]).await
}

/// A fatal alert as a TLS record.
const HANDSHAKE_FAILURE: &[u8] = &[21, 3, 3, 0, 2, 2, 40];

/// A server that counts connections.
struct Counting {
    address: SocketAddr,
    connections: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Counting {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(manner.serve(stream));
            }
        });
        Self {
            address,
            connections,
            task,
        }
    }

    fn count(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.task.abort();
    }
}
