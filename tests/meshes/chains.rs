//! Which filter chain takes what is offered: the table of istiod, and what Envoy itself counts.

use std::collections::BTreeMap;

use crate::inbound::{Mode, Protocol, name};
use crate::kit::Kit;
use crate::probing::{self, Target};
use crate::proxy::Proxy;

/// Who comes, with which keys of a target, and what is said of it in a table.
struct Offer {
    about: &'static str,
    source: &'static str,
    keys: &'static str,
}

const OFFERS: [Offer; 6] = [
    Offer {
        about: "plaintext HTTP/1.1",
        source: "plaintext",
        keys: "request: { http1: GET / }",
    },
    Offer {
        about: "istio, HTTP/1.1",
        source: "good",
        keys: "dialect: istio, request: { http1: GET / }",
    },
    Offer {
        about: "istio, HTTP/2 and gRPC",
        source: "good",
        keys: "dialect: istio, request: grpc-health",
    },
    Offer {
        about: "istio, TCP",
        source: "good",
        keys: "dialect: istio, request: none",
    },
    Offer {
        about: "tls, `h2` `http/1.1`",
        source: "good",
        keys: "dialect: tls, request: GET /",
    },
    Offer {
        about: "tls, no ALPN",
        source: "good",
        keys: "dialect: tls, request: none",
    },
];

/// What `facts` of istiod's sources say: for each mode and protocol, the chain of each offer.
const CHAINS: [(Mode, Protocol, [&str; 6]); 9] = [
    (
        Mode::Strict,
        Protocol::Http,
        [NONE, M_HTTP, M_HTTP, M_HTTP, M_HTTP, M_HTTP],
    ),
    (
        Mode::Strict,
        Protocol::Tcp,
        [NONE, M_TCP, M_TCP, M_TCP, M_TCP, M_TCP],
    ),
    (
        Mode::Strict,
        Protocol::Auto,
        [NONE, M_HTTP, M_HTTP, M_TCP, M_TCP, M_TCP],
    ),
    (
        Mode::Permissive,
        Protocol::Http,
        [P_HTTP, M_HTTP, M_HTTP, M_HTTP, NONE, NONE],
    ),
    (
        Mode::Permissive,
        Protocol::Tcp,
        [P_TCP, M_TCP, M_TCP, M_TCP, PASSED, PASSED],
    ),
    (
        Mode::Permissive,
        Protocol::Auto,
        [P_HTTP, M_HTTP, M_HTTP, M_TCP, PASSED, PASSED],
    ),
    (
        Mode::Disable,
        Protocol::Http,
        [P_HTTP, P_HTTP, P_HTTP, P_HTTP, P_HTTP, P_HTTP],
    ),
    (
        Mode::Disable,
        Protocol::Tcp,
        [P_TCP, P_TCP, P_TCP, P_TCP, P_TCP, P_TCP],
    ),
    (
        Mode::Disable,
        Protocol::Auto,
        [P_HTTP, P_TCP, P_TCP, P_TCP, P_TCP, P_TCP],
    ),
];

const NONE: &str = "none: reset";
const M_HTTP: &str = "mTLS, HTTP";
const M_TCP: &str = "mTLS, TCP";
const P_HTTP: &str = "plaintext HTTP";
const P_TCP: &str = "plaintext TCP";
const PASSED: &str = "TLS passed through";

/// Probes every listener with every offer. Returns the table and what differs from it.
pub(crate) async fn check(kit: &Kit, inbound: &Proxy) -> (String, Vec<String>) {
    let mut wrong = vec![];
    let mut seen: Vec<Vec<String>> = vec![vec![]; CHAINS.len()];
    for offer in &OFFERS {
        let targets: Vec<Target> = (CHAINS.iter())
            .map(|(mode, protocol, _)| {
                let name = name(*mode, *protocol);
                Target {
                    address: format!("127.0.0.1:{}", inbound.port(&name)),
                    name,
                    keys: offer.keys.to_owned(),
                }
            })
            .collect();
        let before = chains(inbound);
        probing::run(kit, &[offer.source], &targets, false).await;
        let after = chains(inbound);
        for ((mode, protocol, _), seen) in CHAINS.iter().zip(&mut seen) {
            let taken = taken(&name(*mode, *protocol), &before, &after);
            seen.push(taken);
        }
    }
    let heads: Vec<&str> = OFFERS.iter().map(|offer| offer.about).collect();
    let mut text = format!(
        "| mode | port | {} |\n|---|---|{}\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for ((mode, protocol, wanted), seen) in CHAINS.iter().zip(&seen) {
        if wanted[..] != seen[..] {
            wrong.push(format!(
                "{mode:?} {protocol:?}\n  want {wanted:?}\n  seen {seen:?}"
            ));
        }
        let (mode, protocol) = (mode.as_str(), protocol.as_str());
        text += &format!("| {mode} | {protocol} | {} |\n", seen.join(" | "));
    }
    (text, wrong)
}

/// The connections that each chain of each listener has had.
fn chains(inbound: &Proxy) -> BTreeMap<String, u64> {
    let mut counted = inbound.counters("downstream_cx_total");
    counted.extend(inbound.counters("no_filter_chain_match"));
    counted
}

/// The one chain of a listener that has had one more.
fn taken(listener: &str, before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> String {
    let grown = after
        .iter()
        .filter(|(name, count)| before.get(*name) != Some(*count));
    let names: Vec<String> = grown
        .filter_map(|(name, _)| match name.split_once('.')? {
            ("listener", rest) if rest == listener => Some(NONE.to_owned()),
            ("http" | "tcp", rest) => {
                let (of, chain) = rest.split_once('/')?;
                (of == listener).then(|| chain.to_owned())
            }
            _ => None,
        })
        .collect();
    names.join(" and ")
}
