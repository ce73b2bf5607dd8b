//! Who comes to which port, and what `probe` is to say of it.

use mtls_probe::matrix::{Cell, Matrix};
use mtls_probe::plan::Knock;

use crate::inbound::{Mode, Protocol, name};
use crate::kit::Kit;
use crate::probing::{self, Target, cell, spoken};
use crate::proxy::Proxy;

/// A column: what a client sends.
struct Comer {
    about: &'static str,
    source: &'static str,
    dialect: &'static str,
}

const COMERS: [Comer; 8] = [
    Comer {
        about: "plaintext",
        source: "plaintext",
        dialect: "istio",
    },
    Comer {
        about: "Istio mTLS",
        source: "good",
        dialect: "istio",
    },
    Comer {
        about: "TLS, no client certificate, Istio ALPN",
        source: "none",
        dialect: "istio",
    },
    Comer {
        about: "TLS, no Istio ALPN, with certificate",
        source: "good",
        dialect: "tls",
    },
    Comer {
        about: "mTLS, wrong root",
        source: "unknown-ca",
        dialect: "istio",
    },
    Comer {
        about: "mTLS, expired",
        source: "expired",
        dialect: "istio",
    },
    Comer {
        about: "mTLS, another trust domain",
        source: "wrong-trust-domain",
        dialect: "istio",
    },
    Comer {
        about: "mTLS, no SPIFFE ID",
        source: "no-uri",
        dialect: "istio",
    },
];

/// A row: a port, the verdict of each comer, and the mode that they lead to.
struct Row {
    mode: Mode,
    protocol: Protocol,
    verdicts: [&'static str; 8],
    shown: &'static str,
}

const ROWS: [Row; 12] = [
    Row {
        mode: Mode::Strict,
        protocol: Protocol::Http,
        verdicts: [REFUSED, OK, NONE, OK, CA, EXPIRED, DOMAIN, NO_ID],
        shown: "STRICT",
    },
    Row {
        mode: Mode::Strict,
        protocol: Protocol::Grpc,
        verdicts: [REFUSED, OK, NONE, OK, CA, EXPIRED, DOMAIN, NO_ID],
        shown: "STRICT",
    },
    Row {
        mode: Mode::Strict,
        protocol: Protocol::Tcp,
        verdicts: [REFUSED, OK, NONE, OK, CA, EXPIRED, DOMAIN, NO_ID],
        shown: "STRICT",
    },
    Row {
        mode: Mode::Strict,
        protocol: Protocol::Auto,
        verdicts: [REFUSED, OK, NONE, OK, CA, EXPIRED, DOMAIN, NO_ID],
        shown: "STRICT",
    },
    Row {
        mode: Mode::Permissive,
        protocol: Protocol::Http,
        verdicts: [TAKEN, OK, NONE, NO_CHAIN, CA, EXPIRED, DOMAIN, NO_ID],
        shown: "PERMISSIVE",
    },
    Row {
        mode: Mode::Permissive,
        protocol: Protocol::Grpc,
        verdicts: [TAKEN, OK, NONE, NO_CHAIN, CA, EXPIRED, DOMAIN, NO_ID],
        shown: "PERMISSIVE",
    },
    Row {
        mode: Mode::Permissive,
        protocol: Protocol::Tcp,
        verdicts: [TAKEN, OK, NONE, NOT_TLS, CA, EXPIRED, DOMAIN, NO_ID],
        shown: "PERMISSIVE",
    },
    Row {
        mode: Mode::Permissive,
        protocol: Protocol::Auto,
        verdicts: [TAKEN, OK, NONE, NOT_TLS, CA, EXPIRED, DOMAIN, NO_ID],
        shown: "PERMISSIVE",
    },
    Row {
        mode: Mode::Disable,
        protocol: Protocol::Http,
        verdicts: [
            TAKEN, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS,
        ],
        shown: "PLAINTEXT",
    },
    Row {
        mode: Mode::Disable,
        protocol: Protocol::Grpc,
        verdicts: [
            TAKEN, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS,
        ],
        shown: "PLAINTEXT",
    },
    Row {
        mode: Mode::Disable,
        protocol: Protocol::Tcp,
        verdicts: [
            TAKEN, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS,
        ],
        shown: "PLAINTEXT",
    },
    Row {
        mode: Mode::Disable,
        protocol: Protocol::Auto,
        verdicts: [
            TAKEN, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS, NOT_TLS,
        ],
        shown: "PLAINTEXT",
    },
];

const REFUSED: &str = "PLAINTEXT_REJECTED by peer, likely";
const TAKEN: &str = "PLAINTEXT_ACCEPTED, certain";
/// An echo is no answer that anybody could be certain of.
const OK: &str = "OK, certain";
/// Nothing is asked.
const NONE: &str = "CLIENT_CERT_REQUIRED by peer, certain";
const CA: &str = "UNKNOWN_CA by peer, likely";
const EXPIRED: &str = "CERT_EXPIRED by peer, certain";
const DOMAIN: &str = "TRUST_DOMAIN_MISMATCH by peer, likely";
const NO_ID: &str = "SAN_MISMATCH by peer, likely";
const NOT_TLS: &str = "NOT_TLS by probe, certain";
const NO_CHAIN: &str = "NO_FILTER_CHAIN by peer, likely";

/// What is asked of an application that speaks this.
fn request(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http | Protocol::Auto => "{ http1: GET / }",
        Protocol::Grpc => "grpc-health",
        Protocol::Tcp => "{ send: hello, expect: hello }",
    }
}

/// Everybody to every port, in one run, as a suite of theirs would have it.
pub(crate) async fn check(kit: &Kit, inbound: &Proxy) -> (String, Vec<String>) {
    let mut targets = vec![];
    for row in &ROWS {
        let name = name(row.mode, row.protocol);
        for dialect in ["istio", "tls"] {
            targets.push(Target {
                name: format!("{name} {dialect}"),
                address: format!("127.0.0.1:{}", inbound.port(&name)),
                keys: format!("dialect: {dialect}, request: {}", request(row.protocol)),
            });
        }
    }
    let sources = [
        "none",
        "plaintext",
        "good",
        "unknown-ca",
        "expired",
        "wrong-trust-domain",
        "no-uri",
    ];
    let matrix = probing::run(kit, &sources, &targets, true).await;
    let mut wrong = offered_a_preamble(&matrix);
    let heads: Vec<&str> = COMERS.iter().map(|comer| comer.about).collect();
    let mut text = format!(
        "| mode | port | {} | shown as |\n|---|---|{}---|\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for row in &ROWS {
        let name = name(row.mode, row.protocol);
        let seen = COMERS.map(|comer| {
            let cell = cell(&matrix, comer.source, &format!("{name} {}", comer.dialect));
            spoken(cell)
        });
        let shown = shown(&matrix, &format!("{name} istio"));
        if seen != row.verdicts || shown != row.shown {
            wrong.push(format!(
                "{name}: want {:?} {}\nseen {seen:?} {shown}",
                row.verdicts, row.shown
            ));
        }
        let (mode, protocol) = (row.mode.as_str(), row.protocol.as_str());
        let cells: Vec<String> = seen.iter().map(|verdict| in_words(verdict)).collect();
        text += &format!(
            "| {mode} | {protocol} | {} | {shown} |\n",
            cells.join(" | ")
        );
    }
    (text, wrong)
}

/// The same ports, whose dialect is left to be found.
pub(crate) async fn check_auto(kit: &Kit, inbound: &Proxy) -> (String, Vec<String>) {
    let target = |listener: &str, request: &str| Target {
        name: listener.to_owned(),
        address: format!("127.0.0.1:{}", inbound.port(listener)),
        keys: format!("dialect: auto, request: {request}"),
    };
    let mut targets: Vec<Target> = ROWS
        .iter()
        .map(|row| target(&name(row.mode, row.protocol), request(row.protocol)))
        .collect();
    targets.push(target("disable-tcp-own-tls", "{ http1: GET / }"));
    let matrix = probing::run(kit, &["none", "plaintext", "good"], &targets, true).await;
    let mut wrong = vec![];
    let mut text = "| port | dialect found | in connections | because | Istio mTLS | shown as |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for target in &targets {
        let listener = &target.name;
        let row = ROWS
            .iter()
            .find(|row| name(row.mode, row.protocol) == *listener);
        let (want, verdict, mode) = match row {
            // Nothing of a mesh is there, and no TLS either.
            Some(row) if row.mode == Mode::Disable && row.protocol == Protocol::Tcp => {
                ("tls", row.verdicts[1], row.shown)
            }
            Some(row) => ("istio", row.verdicts[1], row.shown),
            None => ("tls", "INVALID_SVID by probe, certain", "UNKNOWN"),
        };
        let mut summaries = matrix.targets.iter();
        let summary = summaries.find(|one| one.name == *listener).unwrap();
        let [found] = summary.dialects.as_slice() else {
            wrong.push(format!(
                "{listener}: not one dialect: {:?}",
                summary.dialects
            ));
            continue;
        };
        let seen = spoken(cell(&matrix, "good", listener));
        let is_right = found.dialect == want && seen == verdict && summary.mode == mode;
        if !is_right || found.connections > Knock::MOST {
            wrong.push(format!(
                "{listener}: want {want}, {verdict}, {mode}; seen {found:?}, {seen}, {}",
                summary.mode
            ));
        }
        let because = found.evidence.last().unwrap();
        text += &format!(
            "| {listener} | `{}` | {} | {because} | {} | {} |\n",
            found.dialect,
            found.connections,
            in_words(&seen),
            summary.mode
        );
    }
    (text, wrong)
}

/// A PERMISSIVE port whose application, or policy, refuses plaintext looks STRICT to whoever does not ask
/// further.
pub(crate) async fn check_doors(kit: &Kit, inbound: &Proxy) {
    let listeners = [
        "permissive-tcp-own-tls",
        "permissive-tcp-rude",
        "permissive-tcp-rbac",
    ];
    let targets = listeners.map(|listener| Target {
        name: listener.to_owned(),
        address: format!("127.0.0.1:{}", inbound.port(listener)),
        keys: "dialect: istio, request: { send: hello, expect: hello }".to_owned(),
    });
    for follow_ups in [true, false] {
        let sources = ["none", "plaintext", "good"];
        let matrix = probing::run(kit, &sources, &targets, follow_ups).await;
        for listener in listeners {
            let mode = shown(&matrix, listener);
            assert_ne!(mode, "STRICT", "{listener}, follow-ups: {follow_ups}");
        }
    }
}

/// Whoever agrees on `istio-peer-exchange` is waited for with a preamble.
fn offered_a_preamble(matrix: &Matrix) -> Vec<String> {
    let agreed = matrix.cells.iter().filter(|cell| {
        let alpn = cell.tls.as_ref().and_then(|tls| tls.alpn.as_deref());
        alpn == Some("istio-peer-exchange")
    });
    agreed
        .map(|cell| {
            format!(
                "{} agreed on istio-peer-exchange with {}",
                cell.from, cell.to
            )
        })
        .collect()
}

fn shown(matrix: &Matrix, target: &str) -> String {
    let mut targets = matrix.targets.iter();
    let found = targets.find(|one| one.name == target);
    found.unwrap().mode.clone()
}

/// What may be seen, for a table.
fn wanted(verdict: &str) -> String {
    let all: Vec<String> = verdict.split(" || ").map(in_words).collect();
    all.join(" or ")
}

/// `UNKNOWN_CA by peer, likely` for a table.
pub(crate) fn in_words(verdict: &str) -> String {
    let (code, rest) = verdict.split_once(", ").unwrap();
    let (confidence, candidates) = match rest.split_once(": ") {
        Some((confidence, candidates)) => (confidence, candidates),
        None => (rest, ""),
    };
    let code = match code.split_once(" by ") {
        Some((code, "probe")) => format!("`{code}` by us"),
        Some((code, _)) => format!("`{code}`"),
        None => format!("`{code}`"),
    };
    let candidates: Vec<String> = candidates
        .split_ascii_whitespace()
        .map(|code| format!("`{code}`"))
        .collect();
    match (confidence, candidates.join(" ").as_str()) {
        ("certain", _) => code,
        ("ambiguous", "") => format!("{code} (open)"),
        ("ambiguous", candidates) => format!("{code} (open: {candidates})"),
        (other, _) => format!("{code} ({other})"),
    }
}

/// A single cell of another port.
struct Single {
    listener: &'static str,
    source: &'static str,
    keys: &'static str,
    about: &'static str,
    verdict: &'static str,
    /// A word of the evidence.
    because: &'static str,
}

const HTTP: &str = "dialect: istio, request: { http1: GET / }";
const NO_REQUEST: &str = "dialect: istio, request: none";
const TLS: &str = "dialect: tls, request: { http1: GET / }";

const SINGLES: &[Single] = &[
    Single {
        listener: "permissive-tcp-own-tls",
        source: "good",
        keys: TLS,
        about: "TLS without Istio ALPN, to an application with TLS of its own",
        verdict: "INVALID_SVID by probe, certain",
        because: "TLS is passed through to the application",
    },
    Single {
        listener: "permissive-auto-own-tls",
        source: "good",
        keys: TLS,
        about: "the same at an auto port",
        verdict: "INVALID_SVID by probe, certain",
        because: "TLS seems to be passed through to the application",
    },
    Single {
        listener: "permissive-tcp-own-tls",
        source: "good",
        keys: NO_REQUEST,
        about: "Istio mTLS to the same",
        verdict: "OK, likely",
        because: "",
    },
    Single {
        listener: "permissive-tcp-own-tls",
        source: "plaintext",
        keys: NO_REQUEST,
        about: "plaintext to the same",
        verdict: "PLAINTEXT_REJECTED by peer, ambiguous",
        because: "the application refuses it",
    },
    Single {
        listener: "disable-tcp-own-tls",
        source: "good",
        keys: NO_REQUEST,
        about: "Istio mTLS to an application with TLS of its own, DISABLE",
        verdict: "INVALID_SVID by probe, certain",
        because: "no sidecar took this connection",
    },
    Single {
        listener: "strict-http-rbac",
        source: "good",
        keys: HTTP,
        about: "an identity that policy denies",
        verdict: "AUTHZ_DENIED by peer, certain",
        because: "RBAC: access denied",
    },
    Single {
        listener: "strict-http-rbac",
        source: "wrong-id",
        keys: HTTP,
        about: "the one it lets in",
        verdict: "OK, certain",
        because: "",
    },
    Single {
        listener: "permissive-http-rbac",
        source: "plaintext",
        keys: HTTP,
        about: "plaintext, which policy denies",
        verdict: "AUTHZ_DENIED by peer, certain",
        because: "RBAC: access denied",
    },
    Single {
        listener: "strict-tcp-rbac",
        source: "good",
        keys: HTTP,
        about: "an identity that policy denies, TCP",
        verdict: "AUTHZ_DENIED by peer, likely",
        because: "the same request is answered for another identity",
    },
    Single {
        listener: "strict-tcp-rbac",
        source: "wrong-id",
        keys: HTTP,
        about: "the one it lets in, TCP",
        verdict: "OK, certain",
        because: "",
    },
    Single {
        listener: "strict-tcp-rbac",
        source: "good",
        keys: NO_REQUEST,
        about: "an identity that policy denies, and nothing is asked",
        verdict: "OK, likely",
        because: "",
    },
    Single {
        listener: "permissive-tcp-rbac",
        source: "good",
        keys: TLS,
        about: "TLS without Istio ALPN, where policy denies it",
        verdict: "CLOSED, ambiguous: NO_FILTER_CHAIN AUTHZ_DENIED UPSTREAM_UNAVAILABLE",
        because: "it may have passed us on",
    },
    Single {
        listener: "permissive-tcp-rude",
        source: "good",
        keys: TLS,
        about: "TLS without Istio ALPN, to an application that resets it",
        verdict: "NO_FILTER_CHAIN by peer, ambiguous: UPSTREAM_UNAVAILABLE",
        because: "is answered once it offers",
    },
    Single {
        listener: "strict-http-down",
        source: "good",
        keys: HTTP,
        about: "Istio mTLS, the application is down",
        verdict: "UPSTREAM_UNAVAILABLE by peer, ambiguous: UPSTREAM_TLS_FAILURE",
        because: "flag UF",
    },
    Single {
        listener: "strict-tcp-down",
        source: "good",
        keys: NO_REQUEST,
        about: "the same, TCP",
        verdict: "CLOSED, ambiguous: NO_FILTER_CHAIN NO_SHARED_CIPHER ALPN_MISMATCH UPSTREAM_UNAVAILABLE || UPSTREAM_UNAVAILABLE by peer, likely",
        because: "",
    },
    Single {
        listener: "strict-http-expired",
        source: "good",
        keys: HTTP,
        about: "Istio mTLS, the server's certificate expired",
        verdict: "CERT_EXPIRED by probe, certain",
        because: "the peer accepted us",
    },
    Single {
        listener: "strict-http-spiffe",
        source: "good",
        keys: HTTP,
        about: "Istio mTLS, SPIFFE validator",
        verdict: "OK, certain",
        because: "",
    },
    Single {
        listener: "strict-http-spiffe",
        source: "unknown-ca",
        keys: HTTP,
        about: "wrong root, SPIFFE validator",
        verdict: "UNKNOWN_CA by peer, likely",
        because: "",
    },
    Single {
        listener: "gateway",
        source: "good",
        keys: HTTP,
        about: "Istio mTLS without the server name, to an east-west gateway",
        verdict: "RESET, ambiguous: NO_FILTER_CHAIN NO_SHARED_CIPHER ALPN_MISMATCH UPSTREAM_UNAVAILABLE",
        because: "",
    },
];

/// The same of ports with something special about them.
pub(crate) async fn check_singles(kit: &Kit, inbound: &Proxy) -> (String, Vec<String>) {
    let mut text = "| port | who comes | verdict | because |\n|---|---|---|---|\n".to_owned();
    let mut wrong = vec![];
    let mut targets: Vec<Target> = vec![];
    for one in SINGLES {
        let target = Target {
            name: format!("{} {}", one.listener, one.keys.replace(['{', '}', ' '], "")),
            address: format!("127.0.0.1:{}", inbound.port(one.listener)),
            keys: one.keys.to_owned(),
        };
        if targets.iter().all(|known| known.name != target.name) {
            targets.push(target);
        }
    }
    let sources = ["none", "plaintext", "good", "wrong-id", "unknown-ca"];
    let matrix = probing::run(kit, &sources, &targets, true).await;
    for one in SINGLES {
        let target = format!("{} {}", one.listener, one.keys.replace(['{', '}', ' '], ""));
        let cell = cell(&matrix, one.source, &target);
        let seen = spoken(cell);
        let because = cell.evidence.iter().any(|fact| fact.contains(one.because));
        let is_right = one.verdict.split(" || ").any(|one| one == seen);
        if !is_right || !because {
            wrong.push(format!(
                "{target} {}: want {:?} {:?}\nseen {seen:?} {:#?}",
                one.source, one.verdict, one.because, cell.evidence
            ));
        }
        text += &format!(
            "| {} | {} | {} | {} |\n",
            one.listener,
            one.about,
            wanted(one.verdict),
            one.because
        );
    }
    (text, wrong)
}

/// An east-west gateway passes us on by the server name of a sidecar, and the one behind it judges us.
pub(crate) async fn check_gateway(kit: &Kit, inbound: &Proxy) {
    let via = format!("127.0.0.1:{}", inbound.port("gateway"));
    let targets = [Target {
        name: "remote".to_owned(),
        address: "api.default.svc.cluster.local:8080".to_owned(),
        keys: format!("id: sa/server, via: {via:?}, {HTTP}"),
    }];
    let sources = ["none", "good", "unknown-ca"];
    let matrix = probing::run(kit, &sources, &targets, true).await;
    let seen = sources.map(|source| spoken(cell(&matrix, source, "remote")));
    assert_eq!(seen, [NONE, OK, CA], "{:#?}", matrix.cells);
    let sni = |cell: &Cell| cell.tls.as_ref().and_then(|tls| tls.sni.clone());
    let name = "outbound_.8080_._.api.default.svc.cluster.local";
    assert!(
        matrix
            .cells
            .iter()
            .all(|cell| sni(cell).as_deref() == Some(name))
    );
}
