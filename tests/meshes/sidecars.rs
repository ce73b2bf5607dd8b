//! What the sidecar of a client says of each way on, and what `probe` is to make of it.

use mtls_probe::matrix::Cell;
use mtls_probe::plan::Knock;

use crate::kit::Kit;
use crate::outbound::{self, Outbound};
use crate::probing::{self, Target, cell, spoken};
use crate::proxy::Proxy;
use crate::stack::backend;
use crate::verdicts::in_words;

/// What is wanted of a way on, of an Envoy of many words and of one of few.
struct Wanted {
    name: &'static str,
    all: Said,
    few: Said,
}

/// The verdict, and what the cell holds of the next server: flags, alert.
type Said = (&'static str, &'static str, Option<u8>);

const WANTED: &[Wanted] = &[
    Wanted {
        name: "mtls",
        all: (OK, "", None),
        few: (OK, "", None),
    },
    Wanted {
        name: "mtls-permissive",
        all: (OK, "", None),
        few: (OK, "", None),
    },
    Wanted {
        name: "mtls-disable",
        all: (TLS, "UF", None),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "plaintext-strict",
        all: (EITHER, "UC", None),
        few: (EITHER, "UC", None),
    },
    Wanted {
        name: "plaintext-permissive",
        all: (OK, "", None),
        few: (OK, "", None),
    },
    Wanted {
        name: "plaintext-disable",
        all: (OK, "", None),
        few: (OK, "", None),
    },
    Wanted {
        name: "none-strict",
        all: (EITHER, "UC", None),
        few: (EITHER, "UC", None),
    },
    Wanted {
        name: "none-permissive",
        all: (EITHER, "UC", None),
        few: (EITHER, "UC", None),
    },
    Wanted {
        name: "none-disable",
        all: (TLS, "UF", None),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "unknown-ca-strict",
        all: (EITHER, "UC", None),
        few: (EITHER, "UC", None),
    },
    Wanted {
        name: "unknown-ca-permissive",
        all: (EITHER, "UC", None),
        few: (EITHER, "UC", None),
    },
    Wanted {
        name: "unknown-ca-disable",
        all: (TLS, "UF", None),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "unknown-ca-old",
        all: (TLS, "UF", Some(48)),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "unknown-ca-retried",
        all: (TLS, "UF,URX", Some(48)),
        few: (EITHER, "UF,URX", None),
    },
    Wanted {
        name: "none-old",
        all: (TLS, "UF", Some(40)),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "expired-old",
        all: (TLS, "UF", Some(45)),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "trust-domain-old",
        all: (TLS, "UF", Some(46)),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "unknown-ca-grpc",
        all: (EITHER, "UC", None),
        few: (EITHER, "UC", None),
    },
    Wanted {
        name: "grpc",
        all: (OK, "", None),
        few: (OK, "", None),
    },
    Wanted {
        name: "expired",
        all: (EITHER, "UC", None),
        few: (EITHER, "UC", None),
    },
    Wanted {
        name: "trust-domain",
        all: (EITHER, "UC", None),
        few: (EITHER, "UC", None),
    },
    Wanted {
        name: "purpose",
        all: (EITHER, "UC", None),
        few: (EITHER, "UC", None),
    },
    Wanted {
        name: "server-untrusted",
        all: (TLS, "UF", None),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "server-san",
        all: (TLS, "UF", None),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "server-expired",
        all: (TLS, "UF", None),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "no-secret",
        all: (TLS, "UF", None),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "refused",
        all: (DOWN, "UF", None),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "no-endpoint",
        all: (DOWN, "UH", None),
        few: (DOWN, "UH", None),
    },
    Wanted {
        name: "overflow",
        all: (DOWN, "UO", None),
        few: (DOWN, "UO", None),
    },
    Wanted {
        name: "no-route",
        all: (PERHAPS_DOWN, "NR", None),
        few: (PERHAPS_DOWN, "NR", None),
    },
    Wanted {
        name: "no-cluster",
        all: (PERHAPS_DOWN, "NC", None),
        few: (PERHAPS_DOWN, "NC", None),
    },
    Wanted {
        name: "blocked",
        all: (PERHAPS_DOWN, "", None),
        few: (PERHAPS_DOWN, "", None),
    },
    Wanted {
        name: "not-http",
        all: (EITHER, "UPE", None),
        few: (EITHER, "UPE", None),
    },
    Wanted {
        name: "silent",
        all: (DOWN, "UT", None),
        few: (DOWN, "UT", None),
    },
    Wanted {
        name: "denied",
        all: (DENIED, "", None),
        few: (DENIED, "", None),
    },
    Wanted {
        name: "app-down",
        all: (EITHER, "UF", None),
        few: (EITHER, "UF", None),
    },
    Wanted {
        name: "tcp-denied",
        all: (CLOSED, "", None),
        few: (CLOSED, "", None),
    },
    Wanted {
        name: "tcp-unknown-ca",
        all: (CLOSED, "", None),
        few: (CLOSED, "", None),
    },
];

const OK: &str = "OK, likely";
const TLS: &str = "UPSTREAM_TLS_FAILURE by peer, certain";
const DOWN: &str = "UPSTREAM_UNAVAILABLE by peer, certain";
const PERHAPS_DOWN: &str = "UPSTREAM_UNAVAILABLE by peer, ambiguous: OK";
const EITHER: &str = "UPSTREAM_UNAVAILABLE by peer, ambiguous: UPSTREAM_TLS_FAILURE";
const DENIED: &str = "AUTHZ_DENIED by peer, certain";
const CLOSED: &str = "CLOSED, ambiguous: UPSTREAM_TLS_FAILURE UPSTREAM_UNAVAILABLE AUTHZ_DENIED \
                      PLAINTEXT_REJECTED";

/// Every way on, through both. `proxies`: the one of many words first.
pub(crate) async fn check(kit: &Kit, proxies: &[Proxy; 2]) -> (String, Vec<String>) {
    let mut said: [Vec<(String, String)>; 2] = [vec![], vec![]];
    let mut wrong = vec![];
    for (nth, proxy) in proxies.iter().enumerate() {
        let targets: Vec<Target> = (outbound::ALL.iter())
            .map(|one| Target {
                name: one.name.to_owned(),
                address: format!("127.0.0.1:{}", proxy.port(one.name)),
                keys: format!("dialect: sidecar, request: {:?}", one.request()),
            })
            .collect();
        let matrix = probing::run(kit, &["sidecar"], &targets, true).await;
        for one in outbound::ALL {
            let wanted = WANTED.iter().find(|wanted| wanted.name == one.name);
            let wanted = wanted.map(|wanted| [wanted.all, wanted.few][nth]);
            let cell = cell(&matrix, "sidecar", one.name);
            let (flag, alert) = further_on(cell);
            let seen = (spoken(cell), flag, alert);
            let is_right = wanted.is_some_and(|(verdict, flag, alert)| {
                seen == (verdict.to_owned(), flag.to_owned(), alert)
            });
            if !is_right {
                wrong.push(format!(
                    "{} {nth}: want {wanted:?}\nseen {seen:?}\n{:#?}",
                    one.name, cell.evidence
                ));
            }
            let alert = alert.map_or(String::new(), |alert| format!(", alert {alert}"));
            said[nth].push((seen.0, seen.1 + &alert));
        }
    }
    let mut text = "| the sidecar goes on with | verdict, where its Envoy tells why | flag | since Envoy 1.38.1 | flag |\n|---|---|---|---|---|\n".to_owned();
    let [all, few] = &said;
    for ((one, all), few) in outbound::ALL.iter().zip(all).zip(few) {
        let Outbound { about, .. } = one;
        text += &format!(
            "| {about} | {} | {} | {} | {} |\n",
            in_words(&all.0),
            all.1,
            in_words(&few.0),
            few.1
        );
    }
    (text, wrong)
}

/// The flags and the alert.
fn further_on(cell: &Cell) -> (String, Option<u8>) {
    let upstream = cell.http.as_ref().and_then(|http| http.upstream.as_ref());
    let flag = upstream.and_then(|upstream| upstream.flag.clone());
    (
        flag.unwrap_or_default(),
        upstream.and_then(|upstream| upstream.tls_alert),
    )
}

/// Whoever is to find the dialect there is told that a sidecar is in the way, and believes nothing that
/// it says of identities.
pub(crate) async fn check_auto(kit: &Kit, proxy: &Proxy) {
    let targets: Vec<Target> = (outbound::ALL.iter())
        .filter(|one| one.about.ends_with("to PERMISSIVE") || one.about.ends_with("to STRICT"))
        .map(|one| Target {
            name: one.name.to_owned(),
            address: format!("127.0.0.1:{}", proxy.port(one.name)),
            keys: "dialect: auto, request: { http1: GET / }".to_owned(),
        })
        .collect();
    let matrix = probing::run(kit, &["good", "unknown-ca"], &targets, true).await;
    assert!(targets.len() >= 4);
    for target in &matrix.targets {
        let [found] = target.dialects.as_slice() else {
            panic!("{}: {:?}", target.name, target.dialects);
        };
        assert_eq!(found.dialect, "sidecar", "{}: {found:?}", target.name);
        assert!(found.connections <= Knock::MOST);
        for source in ["good", "unknown-ca"] {
            let cell = cell(&matrix, source, &target.name);
            assert_eq!(spoken(cell), "NOT_TLS by probe, certain", "{cell:#?}");
        }
    }
}

/// Where no sidecar is in the way, and the same dialect is spoken.
pub(crate) async fn check_without(kit: &Kit, inbound: &Proxy) -> (String, Vec<String>) {
    let nobody = 1;
    let taken = "PLAINTEXT_ACCEPTED, ambiguous: OK";
    let reset = "RESET, ambiguous: UPSTREAM_TLS_FAILURE UPSTREAM_UNAVAILABLE AUTHZ_DENIED \
                 PLAINTEXT_REJECTED";
    let rows = [
        ("an application", backend().port(), taken),
        (
            "a PERMISSIVE sidecar",
            inbound.port("permissive-http"),
            taken,
        ),
        ("a STRICT sidecar", inbound.port("strict-http"), reset),
        ("nobody", nobody, "CONNECTION_REFUSED, certain"),
    ];
    let targets = rows.map(|(about, port, _)| Target {
        name: about.to_owned(),
        address: format!("127.0.0.1:{port}"),
        keys: "dialect: sidecar, request: GET /".to_owned(),
    });
    let matrix = probing::run(kit, &["sidecar"], &targets, true).await;
    let mut text = "| straight to | verdict |\n|---|---|\n".to_owned();
    let mut wrong = vec![];
    for (about, _, wanted) in rows {
        let cell = cell(&matrix, "sidecar", about);
        let seen = spoken(cell);
        if seen != wanted {
            wrong.push(format!(
                "{about}: want {wanted}\nseen {seen}\n{:#?}",
                cell.evidence
            ));
        }
        text += &format!("| {about} | {} |\n", in_words(&seen));
    }
    (text, wrong)
}
