//! One fixed matrix in which everything occurs that a report must show, and one fixed pair; and how what
//! is written of them is compared.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use crate::code::{Code, Confidence, Kind};
use crate::findings;
use crate::matrix::fixture::{cell, with_code};
use crate::matrix::{
    Attempts, Cell, Certificate, Flake, Http, Matrix, Run, SCHEMA, Said, Server, SourceSummary,
    TimingMs, Tls, Totals,
};
use crate::suite::Mode;

/// Compares with a file of the repository, or rewrites it where `UPDATE_GOLDEN` is set.
pub(crate) fn compared(path: impl AsRef<Path>, got: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, got).unwrap();
        return;
    }
    let want = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        want == got,
        "{} differs; look at the difference, then run UPDATE_GOLDEN=1 cargo test\n{got}",
        path.display()
    );
}

/// Five sources against six targets.
pub(crate) fn matrix() -> Matrix {
    let mut cells = vec![];
    for (source, id) in SOURCES {
        for (target, address) in TARGETS {
            cells.push(Cell {
                from_id: id.map(str::to_owned),
                ..judged(source, target, address)
            });
        }
    }
    let mut matrix = finished(cells);
    matrix.run.suites = vec!["probes/shop.yaml".into(), "probes/pay.yaml".into()];
    matrix
}

/// An ad hoc pair: the server trusts another CA.
pub(crate) fn pair() -> Matrix {
    let mut first = judged("sa/frontend", "api", "10.0.0.5:8080");
    let cell = refused("UNKNOWN_CA");
    first.code = cell.code;
    first.peer = cell.peer;
    first.outcome = cell.outcome;
    first.by = cell.by;
    first.stage = "settle".into();
    first.from_id = Some("spiffe://cluster.local/ns/default/sa/frontend".into());
    first.met = Some(false);
    first.evidence = vec![
        "alert unknown_ca(48) after the handshake".into(),
        "the server's CA hints do not contain our issuer, O=cluster.local CN=ca-2026".into(),
        "our certificate is valid for another 11 h".into(),
    ];
    if let Some(tls) = &mut first.tls {
        tls.alert = Some(48);
        tls.tickets = 0;
    }
    first.http = None;
    first.timing_ms.request = None;
    let unasked = |mut cell: Cell| {
        cell.expected = None;
        cell.met = None;
        cell
    };
    finished(vec![
        first,
        unasked(judged("none", "api", "10.0.0.5:8080")),
        unasked(judged("plaintext", "api", "10.0.0.5:8080")),
    ])
}

pub(crate) const AT: &str = "2026-08-01T12:00:00Z";

const SOURCES: [(&str, Option<&str>); 5] = [
    (
        "sa/frontend",
        Some("spiffe://cluster.local/ns/default/sa/frontend"),
    ),
    (
        "sa/batch",
        Some("spiffe://cluster.local/ns/default/sa/batch"),
    ),
    (
        "rogue",
        Some("spiffe://cluster.local/ns/default/sa/frontend"),
    ),
    ("none", None),
    ("plaintext", None),
];

const TARGETS: [(&str, &str); 8] = [
    ("api", "10.0.0.5:8080"),
    ("payments", "10.0.0.7:8443"),
    ("payments", "10.0.0.8:8443"),
    ("payments", "10.0.0.9:8443"),
    ("legacy", "10.0.1.2:9000"),
    ("partner", "[2001:db8::7]:443"),
    ("ghost", "ghost.default.svc:8080"),
    ("mallory", "10.9.9.9:8443"),
];

/// What happened, cell by cell.
fn judged(source: &str, target: &str, address: &str) -> Cell {
    let odd = address == "10.0.0.9:8443";
    let verdict = match (source, target) {
        (_, "ghost") => unreachable("CONNECTION_REFUSED", "tcp").says("ECONNREFUSED from 10.0.3.3"),
        ("rogue", "mallory") => doubt("CLOSED", "settle")
            .says("closed 0.4 ms after our certificate, without an alert")
            .or([Code::CertRejected, Code::UpstreamUnavailable]),
        ("plaintext", "mallory") => {
            doubt("SILENT", "request").says("nothing came within 3 s\u{1b}[2J\u{202e}gnihtemos")
        }
        ("plaintext", "legacy") => accepted("PLAINTEXT_ACCEPTED").says("HTTP/1.1 200 in clear"),
        ("plaintext", "payments") if odd => {
            accepted("PLAINTEXT_ACCEPTED").says("HTTP/1.1 200 in clear")
        }
        ("plaintext", _) => refused("PLAINTEXT_REJECTED").says("reset 0.2 ms after our bytes"),
        ("none", "payments") if odd => accepted("OK").says("HTTP status 200"),
        ("none", "partner") => refused("AUTHZ_DENIED").says("HTTP status 403").likely(),
        ("none", _) => refused("CLIENT_CERT_REQUIRED").says("alert certificate_required(116)"),
        ("rogue", "legacy") => refused("CERT_REJECTED")
            .says("alert bad_certificate(42), which this stack sends for everything")
            .or([Code::UnknownCa, Code::SanMismatch]),
        ("rogue", "payments") if odd => accepted("OK").says("HTTP status 200"),
        ("rogue", _) => refused("UNKNOWN_CA")
            .says("alert unknown_ca(48) after the handshake")
            .says("the server's CA hints do not contain our issuer, CN=throw-away"),
        ("sa/batch", "payments") => refused("AUTHZ_DENIED")
            .says("HTTP status 403")
            .says("the body says \"RBAC: access denied\""),
        (_, "partner") => distrusted("TRUST_DOMAIN_MISMATCH")
            .says("its leaf is spiffe://other.example/ns/edge/sa/partner")
            .says("the suite expects trust domain partner.example"),
        ("sa/batch", "legacy") => refused("CERT_EXPIRED")
            .says("alert certificate_expired(45) after the handshake")
            .says("our certificate expired 3 h ago"),
        ("sa/batch", "api") => accepted("OK").says("HTTP status 200").flapping(),
        (_, "mallory") => {
            distrusted("INVALID_SVID").says("its URI SAN is not a SPIFFE ID: \"\u{1b}[31m\"")
        }
        _ => accepted("OK").says("HTTP status 200"),
    };
    let mut cell = Cell {
        from: source.into(),
        to: target.into(),
        address: address.into(),
        ..verdict
    };
    expect(&mut cell);
    if target == "ghost" {
        cell.timing_ms.dns = Some(0.412);
        return cell;
    }
    cell.timing_ms = TimingMs {
        dns: None,
        tcp: Some(0.213),
        tls: (source != "plaintext").then_some(1.342),
        settle: (source != "plaintext").then_some(0.406),
        request: (cell.code == Code::Ok).then_some(0.951),
    };
    if source != "plaintext" {
        cell.tls = Some(tls(source, target));
        cell.server = Some(server(target, &cell));
    }
    if cell.code == Code::Ok || cell.code == Code::AuthzDenied {
        cell.http = Some(Http {
            status: if cell.code == Code::Ok { 200 } else { 403 },
            server: Some(match target {
                "mallory" => "evil\r\nX-Injected: \u{1b}]0;pwned\u{7}".into(),
                _ => "envoy".into(),
            }),
            grpc_status: None,
            clock_offset_s: Some(if target == "api" { 187 } else { 0 }),
            upstream: None,
        });
    }
    cell
}

fn expect(cell: &mut Cell) {
    let wanted: Option<&[Code]> = match (cell.from.as_str(), cell.to.as_str()) {
        ("sa/batch", "payments") => Some(&[Code::AuthzDenied]),
        (_, "partner" | "ghost") if cell.from == "plaintext" => None,
        ("sa/frontend" | "sa/batch", _) => Some(&[Code::Ok]),
        _ => Some(&[]),
    };
    cell.expected = wanted.map(|codes| match codes {
        [] => "REJECTED".into(),
        codes => codes
            .iter()
            .map(|code| code.as_str())
            .collect::<Vec<_>>()
            .join("|"),
    });
    cell.met = wanted.and_then(|codes| match (cell.code.kind(), codes) {
        (Kind::Inconclusive, _) => None,
        (_, []) => Some(cell.refused_by_peer()),
        (_, codes) => Some(codes.contains(&cell.code)),
    });
    if cell.attempts.agreeing < cell.attempts.total {
        cell.met = None;
    }
}

fn tls(source: &str, target: &str) -> Tls {
    Tls {
        version: Some(if target == "legacy" { "1.2" } else { "1.3" }.into()),
        cipher: Some(match target {
            "legacy" => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".into(),
            _ => "TLS_AES_256_GCM_SHA384".into(),
        }),
        group: Some("X25519MLKEM768".into()),
        alpn: (target == "payments").then(|| "h2".into()),
        sni: Some(format!(
            "outbound_.8080_._.{target}.default.svc.cluster.local"
        )),
        certificate_requested: Some(target != "partner"),
        certificate_sent: source != "none" && target != "partner",
        tickets: 2,
        alert: None,
        looks_like: vec![],
    }
}

fn server(target: &str, cell: &Cell) -> Server {
    let id = match target {
        "partner" => "spiffe://other.example/ns/edge/sa/partner".to_owned(),
        "mallory" => "spiffe://cluster.local/\u{1b}[31m<b>\u{5d0}\u{202e}\u{200b}".to_owned(),
        name => format!("spiffe://cluster.local/ns/default/sa/{name}"),
    };
    let (start, end) = match target {
        "api" => ("2026-07-31T14:10:00Z", "2026-08-01T14:10:00Z"),
        _ => ("2026-08-01T06:00:00Z", "2026-08-02T06:00:00Z"),
    };
    let issuer = "O=cluster.local, CN=ca-2026";
    let judgement = match target {
        "partner" => Code::TrustDomainMismatch,
        "mallory" => Code::InvalidSvid,
        _ => Code::Ok,
    };
    Server {
        id: Some(id.clone()),
        judgement,
        evidence: match target {
            "partner" => cell.evidence.clone(),
            "mallory" => vec!["its URI SAN is not a SPIFFE ID: \"\u{1b}[31m\"".into()],
            _ => vec![],
        },
        chain: vec![
            certificate("", issuer, vec![id], (start, end), 1),
            certificate(
                issuer,
                "O=cluster.local, CN=root",
                vec![],
                ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
                2,
            ),
        ],
        root: (judgement == Code::Ok).then(|| {
            certificate(
                "O=cluster.local, CN=root",
                "O=cluster.local, CN=root",
                vec![],
                ("2016-09-03T00:00:00Z", "2026-09-03T00:00:00Z"),
                3,
            )
        }),
        ca_hints: vec!["O=cluster.local, CN=root".into()],
    }
}

fn certificate(
    subject: &str,
    issuer: &str,
    uris: Vec<String>,
    (not_before, not_after): (&str, &str),
    nth: u8,
) -> Certificate {
    let letter = uris.first().and_then(|uri| uri.bytes().nth_back(1));
    let print = format!("{nth:02x}{:02x}", letter.unwrap_or_default());
    Certificate {
        subject: subject.into(),
        issuer: issuer.into(),
        serial: format!("5f{nth:02x}"),
        uris,
        dns: vec![],
        not_before: not_before.into(),
        not_after: not_after.into(),
        sha256: print.repeat(16),
        spki_sha256: print.repeat(16).replace('0', "f"),
    }
}

/// Adds to the cells what a run adds.
pub(crate) fn finished(cells: Vec<Cell>) -> Matrix {
    let mut names: Vec<&str> = vec![];
    for cell in &cells {
        if !names.contains(&cell.to.as_str()) {
            names.push(&cell.to);
        }
    }
    let summary = |name: &str| {
        let cells: Vec<&Cell> = cells.iter().filter(|cell| cell.to == name).collect();
        let expected = match name {
            "legacy" => Some(Mode::Strict),
            "api" => Some(Mode::Strict),
            _ => None,
        };
        findings::summary(name, &cells, expected)
    };
    let targets: Vec<_> = names.into_iter().map(summary).collect();
    let at: Timestamp = AT.parse().unwrap();
    Matrix {
        schema: SCHEMA.into(),
        run: Run {
            started_at: AT.into(),
            finished_at: "2026-08-01T12:00:04Z".into(),
            judged_at: AT.into(),
            version: "0.1.0".into(),
            suites: vec![],
            interrupted: false,
            shard: None,
        },
        totals: Totals::of(&cells),
        findings: findings::findings(&cells, &targets, at),
        targets,
        sources: sources(),
        cells,
    }
}

/// What the sources of the fixed matrix came with.
fn sources() -> Vec<SourceSummary> {
    let identity = |(name, id): &(&str, Option<&str>)| {
        let id = (*id)?;
        let issuer = if *name == "rogue" {
            "CN=throw-away"
        } else {
            "O=cluster.local, CN=ca-2026"
        };
        let life = match *name {
            "sa/batch" => ("2026-07-31T09:00:00Z", "2026-08-01T09:00:00Z"),
            _ => ("2026-07-31T23:00:00Z", "2026-08-01T23:00:00Z"),
        };
        Some(SourceSummary {
            name: (*name).into(),
            id: Some(id.into()),
            chain: vec![certificate("", issuer, vec![id.into()], life, 4)],
            root: None,
        })
    };
    SOURCES.iter().filter_map(identity).collect()
}

fn accepted(code: &str) -> Cell {
    verdict(code, None, "request")
}

fn refused(code: &str) -> Cell {
    verdict(code, Some("peer"), "settle")
}

fn distrusted(code: &str) -> Cell {
    verdict(code, Some("probe"), "settle")
}

fn unreachable(code: &str, stage: &str) -> Cell {
    verdict(code, None, stage)
}

fn doubt(code: &str, stage: &str) -> Cell {
    verdict(code, None, stage)
}

fn verdict(code: &str, by: Option<&str>, stage: &str) -> Cell {
    let cell = with_code(cell("", "", ""), code.parse().unwrap(), by);
    Cell {
        stage: stage.into(),
        ..cell
    }
}

impl Cell {
    fn says(mut self, evidence: &str) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    fn likely(mut self) -> Self {
        self.confidence = Confidence::Likely;
        self
    }

    fn or(mut self, candidates: impl IntoIterator<Item = Code>) -> Self {
        self.confidence = Confidence::Ambiguous;
        self.candidates = candidates.into_iter().collect();
        self
    }

    fn flapping(mut self) -> Self {
        self.attempts = Attempts {
            total: 3,
            agreeing: 2,
            codes: [(Code::Ok, None, 2), (Code::UnknownCa, Some("peer"), 1)]
                .map(|(code, by, count)| Said {
                    code,
                    by: by.map(str::to_owned),
                    count,
                })
                .into(),
            flake: None,
            faces: vec![],
        };
        self.attempts.flake = Flake::of(&self.attempts.codes);
        self
    }
}

/// A mesh of twenty services that call each other, with what goes wrong in one: a service with an old
/// bundle, a client with an old certificate, an open door, a dead service, a policy that denies a few,
/// a replica that differs.
pub(crate) fn mesh() -> Matrix {
    let mut cells = vec![];
    for source in CLIENTS {
        for target in SERVICES {
            let addresses = if target == "inventory" { 3 } else { 1 };
            for nth in 0..addresses {
                cells.push(met(source, target, nth));
            }
        }
    }
    finished(cells)
}

const CLIENTS: [&str; 20] = [
    "sa/web-frontend",
    "sa/mobile-gateway",
    "sa/checkout",
    "sa/cart",
    "sa/catalog",
    "sa/search",
    "sa/inventory",
    "sa/pricing",
    "sa/payments",
    "sa/ledger",
    "sa/fraud-detection",
    "sa/shipping",
    "sa/notifications",
    "sa/recommendations",
    "sa/reviews",
    "sa/identity",
    "sa/nightly-batch",
    "rogue",
    "none",
    "plaintext",
];

const SERVICES: [&str; 20] = [
    "web-frontend",
    "mobile-gateway",
    "checkout",
    "cart",
    "catalog",
    "search",
    "inventory",
    "pricing",
    "payments",
    "ledger",
    "fraud-detection",
    "shipping",
    "notifications",
    "recommendations",
    "reviews",
    "identity",
    "legacy-erp",
    "audit-log",
    "feature-flags",
    "image-resizer-internal-v2",
];

fn met(source: &str, target: &str, nth: usize) -> Cell {
    let ours = !matches!(source, "rogue" | "none" | "plaintext");
    let is_new = matches!(
        source,
        "sa/shipping" | "sa/reviews" | "sa/identity" | "sa/cart"
    );
    let verdict = match (source, target) {
        (_, "search") => unreachable("CONNECTION_REFUSED", "tcp").says("ECONNREFUSED"),
        ("plaintext", "legacy-erp") => accepted("PLAINTEXT_ACCEPTED").says("HTTP/1.1 200 in clear"),
        ("none", "legacy-erp") => accepted("OK").says("HTTP status 200"),
        ("rogue", "audit-log") => doubt("SILENT", "request").says("nothing came within 3 s"),
        ("plaintext", _) => refused("PLAINTEXT_REJECTED").says("reset after our bytes"),
        ("none", _) => refused("CLIENT_CERT_REQUIRED").says("alert certificate_required(116)"),
        ("rogue", _) => refused("UNKNOWN_CA").says("alert unknown_ca(48) after the handshake"),
        ("sa/nightly-batch", _) => refused("CERT_EXPIRED")
            .says("alert certificate_expired(45) after the handshake")
            .says("our certificate expired 3 h ago"),
        (_, "ledger") if is_new => refused("UNKNOWN_CA")
            .says("alert unknown_ca(48) after the handshake")
            .says("the CA names that the peer lists do not contain our issuer"),
        ("sa/web-frontend" | "sa/mobile-gateway" | "sa/reviews", "payments") => {
            refused("AUTHZ_DENIED").says("HTTP status 403")
        }
        (_, "inventory") if nth == 2 => {
            distrusted("CERT_EXPIRED").says("its leaf expired 40 min ago")
        }
        (_, "recommendations") => accepted("OK").says("quiet for 1 s").likely(),
        _ => accepted("OK").says("HTTP status 200"),
    };
    let mut cell = Cell {
        from: source.into(),
        from_id: ours.then(|| format!("spiffe://cluster.local/ns/shop/{source}")),
        to: target.into(),
        address: format!("{target}-{nth}.{target}.shop.svc:8443"),
        ..verdict
    };
    let denied = target == "payments" && source != "sa/reviews";
    let wanted = match ours {
        true if cell.code == Code::AuthzDenied && denied => Code::AuthzDenied.as_str(),
        true => Code::Ok.as_str(),
        false => "REJECTED",
    };
    cell.expected = (target != "feature-flags").then(|| wanted.into());
    cell.met = match (cell.code.kind(), cell.expected.is_some()) {
        (Kind::Inconclusive, _) | (_, false) => None,
        _ if ours => Some(cell.code.as_str() == wanted),
        _ => Some(cell.refused_by_peer()),
    };
    cell
}
