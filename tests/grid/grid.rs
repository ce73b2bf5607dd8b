//! The run of the grid: every stack, every situation, both versions, probed as a user would.

use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mtls_probe::code::{Code, Confidence, Kind};
use mtls_probe::matrix::{Cell, Matrix};
use mtls_probe::plan::plan;
use mtls_probe::run::{self, Materials, Settings};
use mtls_probe::suite::Suite;

use crate::kit::Kit;
use crate::situations::{SITUATIONS, Situation, Truth, Twist, truth};
use crate::stack::{Role, Server, Stack, Tls, Wish};

/// One cell of the grid.
pub(crate) struct Outcome {
    pub(crate) stack: &'static str,
    pub(crate) tls: Tls,
    pub(crate) situation: &'static Situation,
    pub(crate) cell: Cell,
    pub(crate) mark: Mark,
}

impl Outcome {
    pub(crate) fn in_words(&self) -> String {
        let cell = &self.cell;
        let followed: Vec<_> = (cell.follow_ups.iter())
            .map(|one| format!("{}: {}", one.kind, one.code))
            .collect();
        format!(
            "{:?}: {} TLS {}, {}: {} by {} ({}) {:?}, peer {:?}, {followed:?}\n{:#?}",
            self.mark,
            self.stack,
            self.tls.as_str(),
            self.situation.name,
            cell.code,
            cell.by.as_deref().unwrap_or("nobody"),
            cell.confidence.as_str(),
            cell.candidates,
            cell.peer,
            cell.evidence,
        )
    }

    /// The server takes us at TLS, and what it thinks of us beyond shows in its answer alone.
    pub(crate) fn shows_when_asked(&self) -> bool {
        let truth = truth(self.stack, self.tls, self.situation);
        let beyond = [Code::AuthzDenied, Code::UpstreamUnavailable];
        let is_beyond = truth.codes.iter().any(|code| beyond.contains(code));
        let was_asked = self
            .cell
            .tls
            .as_ref()
            .and_then(|tls| tls.certificate_requested);
        let is_modest = self.cell.confidence != Confidence::Certain || was_asked == Some(false);
        is_beyond && self.cell.code == Code::Ok && is_modest
    }

    /// The server takes us, in truth.
    pub(crate) fn is_accepted(&self) -> bool {
        truth(self.stack, self.tls, self.situation).by.is_none()
    }
}

/// How a verdict compares with the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It names the cause, and who refused whom.
    Right,
    /// It says that it cannot tell, and the truth is among what it leaves open.
    Doubt,
    /// Anything else.
    Wrong,
}

impl Mark {
    pub(crate) fn of(cell: &Cell, truth: &Truth) -> Self {
        let judged = cell.server.as_ref().map(|server| server.judgement);
        if truth.server.is_some() && truth.server != judged {
            return Self::Wrong;
        }
        let by = cell.by.as_deref();
        let is_by = truth.by.is_none_or(|truth| Some(truth.as_str()) == by);
        let is_peer_open = cell
            .peer
            .is_some_and(|peer| peer.kind() == Kind::Inconclusive);
        if let Some(server) = truth.server {
            let is_mutual =
                !truth.codes.contains(&server) || truth.by.map(|by| by.as_str()) == Some("peer");
            return match (is_mutual, cell.peer) {
                (true, Some(peer)) if truth.codes.contains(&peer) => Self::Right,
                // What it thinks of us stays open where it judges in its answer: we do not ask.
                (false, Some(Code::Ok)) if cell.code == server && is_by => Self::Right,
                (false, _) if is_peer_open && cell.code == server && is_by => Self::Right,
                _ if is_peer_open && cell.code == server => Self::Doubt,
                _ => Self::Wrong,
            };
        }
        if truth.codes.contains(&cell.code) && is_by && cell.confidence != Confidence::Ambiguous {
            return Self::Right;
        }
        // That a certificate was refused, for whatever reason.
        let is_about_ours = truth.codes.iter().any(|code| is_of_a_certificate(*code));
        let left: Vec<Code> = [cell.code]
            .into_iter()
            .chain(cell.candidates.iter().copied())
            .collect();
        let is_left = left.iter().any(|code| {
            truth.codes.contains(code) || (is_about_ours && *code == Code::CertRejected)
        });
        match cell.confidence == Confidence::Ambiguous && is_left {
            true => Self::Doubt,
            false => Self::Wrong,
        }
    }
}

fn is_of_a_certificate(code: Code) -> bool {
    use Code::*;
    matches!(
        code,
        UnknownCa
            | CertExpired
            | CertNotYetValid
            | SanMismatch
            | TrustDomainMismatch
            | IncompleteChain
            | BadSignature
            | CertUnsupported
            | CertRevoked
    )
}

/// How to probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As a user would.
    Usual,
    WithoutFollowUps,
    /// Nothing is asked: the peer's word has to come by itself.
    WithoutRequest,
}

/// One stack in all its roles, started, probed and ended.
pub(crate) async fn probe(kit: &Arc<Kit>, stack: &'static Stack, manner: Manner) -> Vec<Outcome> {
    let servers = start(kit, stack, |_| true).await;
    // Some remember what they were sent: everybody comes after the good ones.
    let good = |situation: &Situation| situation.name == "good";
    observe(kit, stack, &servers, manner, good).await;
    observe(kit, stack, &servers, manner, |_| true).await
}

fn request_of(stack: &Stack) -> &'static str {
    match stack.name {
        "grpc" => "grpc-health",
        _ => "GET /",
    }
}

pub(crate) async fn start(
    kit: &Arc<Kit>,
    stack: &'static Stack,
    wanted: impl Fn(Role) -> bool + Send + 'static,
) -> Vec<(Tls, Role, Server)> {
    let kit = Arc::clone(kit);
    let all = tokio::task::spawn_blocking(move || {
        let mut servers = vec![];
        for tls in [Tls::V12, Tls::V13] {
            for role in Role::ALL.into_iter().filter(|role| wanted(*role)) {
                // A stack may be started again, and wants to find nothing of the last time.
                static STARTS: AtomicUsize = AtomicUsize::new(0);
                let nth = STARTS.fetch_add(1, Ordering::Relaxed);
                let folder = kit.path(&format!("{}-{tls:?}-{role:?}-{nth}", stack.name));
                fs::create_dir(&folder).unwrap();
                let wish = Wish {
                    kit: &kit,
                    tls,
                    role,
                    folder: &folder,
                };
                servers.extend((stack.start)(&wish).map(|server| (tls, role, server)));
            }
        }
        servers
    });
    all.await.unwrap()
}

async fn observe(
    kit: &Kit,
    stack: &'static Stack,
    servers: &[(Tls, Role, Server)],
    manner: Manner,
    wanted: impl Fn(&Situation) -> bool,
) -> Vec<Outcome> {
    let mut suites = vec![];
    let mut cells = vec![];
    for (nth, situation) in SITUATIONS.iter().enumerate() {
        // Where all is down, one of each kind tells it all.
        let is_telling = ["good", "none", "unknown-ca"].contains(&situation.name);
        if !wanted(situation)
            || !kit.has(situation.client)
            || stack.name == "envoy-tcp-down" && !is_telling
        {
            continue;
        }
        let at: Vec<_> = (servers.iter())
            .filter(|(_, role, _)| *role == situation.role)
            .collect();
        if at.is_empty() {
            continue;
        }
        suites.push(suite(kit, (nth, situation), &at, (stack, manner)));
        cells.extend(at.iter().map(|(tls, _, _)| (*tls, situation)));
    }
    // These serve one after the other.
    let concurrency = match stack.name {
        "openssl" | "gnutls" => 4,
        _ => 26,
    };
    let matrix = run_all(suites, concurrency).await;
    assert_eq!(matrix.cells.len(), cells.len());
    let outcomes = matrix.cells.into_iter().zip(cells);
    outcomes
        .map(|(cell, (tls, situation))| Outcome {
            stack: stack.name,
            tls,
            situation,
            mark: Mark::of(&cell, &truth(stack.name, tls, situation)),
            cell,
        })
        .collect()
}

/// One situation, as a suite of its own.
fn suite(
    kit: &Kit,
    (nth, situation): (usize, &Situation),
    at: &[&(Tls, Role, Server)],
    (stack, manner): (&Stack, Manner),
) -> Suite {
    let client = situation.client;
    let origin = origin(client);
    let request = match manner {
        Manner::Usual | Manner::WithoutFollowUps => request_of(stack),
        Manner::WithoutRequest => "none",
    };
    let mut targets = String::new();
    for (tls, _, server) in at {
        let offer = match (situation.twist, tls) {
            (Twist::OtherVersion, Tls::V12) => "tls: \"1.3\"",
            (Twist::OtherVersion, Tls::V13) => "tls: \"1.2\"",
            (Twist::OtherName, _) => "sni: other.test",
            (Twist::OtherProtocol, _) => "alpn: [bogus]",
            // It takes nobody who does not speak HTTP/2.
            _ if stack.name == "grpc" && manner == Manner::WithoutRequest => {
                "sni: server.test, alpn: [h2]"
            }
            _ => "sni: server.test",
        };
        let id = match situation.twist {
            Twist::OtherId => "sa/other",
            _ => "sa/server",
        };
        let bundle = match situation.twist {
            Twist::OtherRoot => "bundle: strangers.org, ",
            _ => "",
        };
        writeln!(
            targets,
            "  \"{}, {tls:?}\": {{ address: \"{}\", id: {id}, {bundle}{offer}, request: \"{request}\" }}",
            situation.name, server.address,
        )
        .unwrap();
    }
    let follow_ups = manner != Manner::WithoutFollowUps;
    // Cells that want the same of one address share a connection, and one that trusts a server less
    // would keep the others from asking: no two have the same timeout.
    let timeout = 4000 + nth;
    let yaml = format!(
        "version: 1\ntrust_domain: cluster.local\ndefaults: {{ timeout: {timeout}ms, follow_ups: {follow_ups} }}\n\
         bundles:\n  cluster.local: {{ file: roots.pem }}\n  strangers.org: {{ file: strangers.pem }}\n\
         sources:\n  {client}: {origin}\ntargets:\n{targets}"
    );
    let name = format!("{}.yaml", situation.name);
    Suite::parse(&name, kit.folder(), &yaml).unwrap_or_else(|err| panic!("{err}"))
}

/// One of many who come at once, again and again.
pub(crate) fn lane(
    kit: &Kit,
    server: &Server,
    (stack, client): (&Stack, &str),
    lane: u32,
    attempts: u32,
) -> Suite {
    // No two are the same connection. What s2n-tls refuses it keeps silent for longer than anybody
    // waits.
    let timeout = match (stack.name, client) {
        ("s2n", "unknown-ca" | "expired") => 800 + lane,
        _ => 10_000 + lane,
    };
    let (address, request) = (server.address, request_of(stack));
    let origin = origin(client);
    let yaml = format!(
        "version: 1\ntrust_domain: cluster.local\n\
         defaults: {{ timeout: {timeout}ms, attempts: {attempts}, request: \"{request}\", sni: server.test }}\n\
         bundles:\n  cluster.local: {{ file: roots.pem }}\n\
         sources:\n  {client}: {origin}\n\
         targets:\n  lane {lane}: {{ address: \"{address}\", id: sa/server }}"
    );
    Suite::parse("lane", kit.folder(), &yaml).unwrap_or_else(|err| panic!("{err}"))
}

fn origin(client: &str) -> String {
    match client {
        "none" | "plaintext" => "{}".to_owned(),
        _ => format!("{{ files: {{ chain: {client}.pem, key: {client}.key }} }}"),
    }
}

pub(crate) async fn run_all(suites: Vec<Suite>, concurrency: usize) -> Matrix {
    let plan = Arc::new(plan(&suites).unwrap());
    let materials = Materials::gather(&suites, run::now()).await;
    let materials = Arc::new(materials.unwrap_or_else(|troubles| panic!("{}", troubles[0])));
    let settings = Settings {
        concurrency: NonZeroUsize::new(concurrency).unwrap(),
        ..Settings::default()
    };
    let forever = std::future::pending();
    run::run(&suites, plan, materials, settings, forever, |_| {}).await
}
