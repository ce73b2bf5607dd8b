//! Ambient and Linkerd as they look from outside: stand-ins of ours for ztunnel, waypoint and the Linkerd
//! proxy, written from the public sources of those, and what the program makes of them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of a test: a panic names the line, which is what a test wants"
)]

mod ambient;
mod app;
mod hostile;
mod linkerd;
mod table;
mod world;

use ambient::{HBONE, Pod, Waypoint};
use app::{App, PORT};
use linkerd::{ADMIN, Policy};
use table::{Situation, Table};
use world::{COMERS, Names, WORLD, spoken};

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_on_ambient_is_right_or_honestly_open() {
    let _alone = table::ALONE.lock().await;
    let mut table = Table::new("Ambient", Names::Spiffe);
    for (what, pod, request, want, mode) in ambient_pods() {
        let address = format!("{}:{PORT}", pod.start().await);
        table.add(Situation {
            what: format!("{what}; {}", asked(request)),
            target: format!("address: '{address}', dialect: hbone, request: {request}"),
            want,
            mode,
        });
    }
    let policy = |is_for_tcp| Waypoint {
        service: "web.invalid:80",
        is_for_tcp,
    };
    for (what, waypoint, service, want) in [
        (
            "a waypoint that lets the frontend in",
            policy(false),
            "web.invalid:80",
            refused([OK, DENIED], "DNS_FAILURE, certain"),
        ),
        (
            "a waypoint whose policy is about connections",
            policy(true),
            "web.invalid:80",
            refused([OK, "AUTHZ_DENIED by peer, likely"], "DNS_FAILURE, certain"),
        ),
        (
            "a waypoint of another service",
            policy(false),
            "other.invalid:80",
            refused(["CLOSED, ambiguous"; 2], "DNS_FAILURE, certain"),
        ),
    ] {
        let via = waypoint.start().await;
        table.add(Situation {
            what: format!("{what}; GET"),
            target: format!("address: '{service}', via: '{via}', dialect: hbone, request: GET /"),
            want,
            mode: "UNKNOWN",
        });
    }
    let strict = Pod::STRICT.start().await;
    let elsewhere = Pod::STRICT.start().await;
    for (what, target, want) in [
        (
            "a ztunnel offered TLS 1.2",
            format!("address: '{strict}:{PORT}', dialect: hbone, tls: 1.2"),
            all("PROTOCOL_VERSION by peer, certain", UNSURE),
        ),
        (
            "a ztunnel offered HTTP/1.1",
            format!("address: '{strict}:{PORT}', dialect: hbone, alpn: http/1.1"),
            all("ALPN_MISMATCH by peer, certain", UNSURE),
        ),
        (
            "a ztunnel offered no protocol",
            format!("address: '{strict}:{PORT}', dialect: hbone, alpn: []"),
            refused(["ALPN_MISMATCH by probe, certain"; 2], UNSURE),
        ),
        (
            "the ztunnel of another pod",
            format!("address: '{strict}:{PORT}', via: '{elsewhere}:{HBONE}', dialect: hbone"),
            refused(["CLOSED, ambiguous"; 2], UNSURE),
        ),
        (
            "a port that nobody listens at",
            format!("address: '{strict}:9999', dialect: hbone"),
            refused([DOWN, DOWN], "CONNECTION_REFUSED, certain"),
        ),
    ] {
        table.add(Situation {
            what: format!("{what}; nothing"),
            target,
            want,
            mode: "UNKNOWN",
        });
    }
    table.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_on_linkerd_is_right_or_honestly_open() {
    let _alone = table::ALONE.lock().await;
    let mut table = Table::new("Linkerd", Names::Linkerd);
    for (what, pod, way, request, want, mode) in linkerd_pods() {
        let address = format!("{}:{PORT}", pod.start().await);
        let at = if way.is_empty() {
            ""
        } else {
            " at the proxy's own port"
        };
        table.add(Situation {
            what: format!("{what}{at}; {}", asked(request)),
            target: format!("address: '{address}', dialect: linkerd{way}, request: {request}"),
            want,
            mode,
        });
    }
    let strict = linkerd::Pod::STRICT.start().await;
    let taken = ["OK, certain"; 2];
    table.add(Situation {
        what: "the admin port of a strict pod; GET".to_owned(),
        target: format!("address: '{strict}:{ADMIN}', dialect: linkerd, request: GET /ready"),
        want: optional(taken, "OK, certain", "PLAINTEXT_ACCEPTED, certain"),
        mode: "PERMISSIVE",
    });
    table.add(Situation {
        what: "a strict pod, offered TLS 1.2; GET".to_owned(),
        target: format!("address: '{strict}:{PORT}', dialect: linkerd, tls: 1.2, request: GET /"),
        want: all("PROTOCOL_VERSION by peer, certain", PERHAPS_DENIED),
        mode: "UNKNOWN",
    });
    table.add(Situation {
        what: "the application's port in the place of the proxy's own; GET".to_owned(),
        target: format!(
            "address: '{strict}:{PORT}', dialect: linkerd, via: {PORT}, request: GET /"
        ),
        want: optional(
            ["ALPN_MISMATCH by probe, certain"; 2],
            "ALPN_MISMATCH by probe, certain",
            PERHAPS_DENIED,
        ),
        mode: "UNKNOWN",
    });
    table.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_of_a_linkerd_proxy_is_told_from_a_refusal() {
    let _alone = table::ALONE.lock().await;
    let ip = linkerd::Pod {
        app: App::OverTls,
        ..linkerd::Pod::OPEN
    };
    let ip = ip.start().await;
    let plain = linkerd::Pod::OPEN.start().await;
    let targets = format!(
        "  misnamed: {{ address: '{ip}:{PORT}', dialect: linkerd, id: sa/other, request: GET / }}\n  \
         plain: {{ address: '{plain}:{PORT}', dialect: linkerd, id: sa/other, request: GET / }}\n"
    );
    let seen = WORLD.probe(Names::Linkerd, &targets).await;
    let why = "a Linkerd proxy ends TLS under its own name alone";
    for (target, want) in [
        ("misnamed", "SAN_MISMATCH by probe, certain"),
        ("plain", "NOT_TLS by probe, certain"),
    ] {
        for comer in ["frontend", "none"] {
            let cell = seen.cell(comer, target);
            assert_eq!(spoken(cell), want, "{cell:?}");
            assert!(
                cell.evidence.iter().any(|fact| fact.contains(why)),
                "{cell:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_of_linkerd_is_no_invalid_svid() {
    let _alone = table::ALONE.lock().await;
    let ip = linkerd::Pod::STRICT.start().await;
    let targets = format!(
        "  web: {{ address: '{ip}:{PORT}', dialect: linkerd, id: sa/web, request: GET / }}\n"
    );
    let seen = WORLD.probe(Names::Linkerd, &targets).await;
    let cell = seen.cell("frontend", "web");
    assert_eq!(cell.from_id.as_deref(), Some(&*world::linkerd("frontend")));
    let server = cell.server.as_ref().unwrap();
    assert_eq!(server.id.as_deref(), Some(&*world::linkerd("web")));
    assert_eq!(server.judgement.as_str(), "OK");
    for comer in COMERS {
        let cell = seen.cell(comer, "web");
        let all = format!("{cell:?}");
        assert!(
            !all.contains("INVALID_SVID") && !all.contains("SVID"),
            "{all}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_the_identity_for_the_server_name() {
    let _alone = table::ALONE.lock().await;
    let ip = linkerd::Pod::STRICT.start().await;
    let (port, whole) = (format!("{ip}:{PORT}"), world::linkerd("web"));
    for (flags, want) in [
        (vec!["--dialect", "linkerd", "--id", "sa/web"], "OK"),
        (vec!["--dialect", "linkerd", "--dns", &whole], "OK"),
        (vec!["--dialect", "linkerd", "--sni", &whole], "OK"),
        (
            vec!["--dialect", "linkerd", "--dns", &whole, "--via", "4143"],
            "OK",
        ),
        (
            vec!["--dialect", "linkerd", "--id", "sa/other"],
            "under its own name alone",
        ),
        (vec!["--dialect", "linkerd"], "needs the server name"),
    ] {
        let said = command_line(Names::Linkerd, &port, &flags).await;
        assert!(said.contains(want), "{flags:?}: {said}");
    }
    let ip = Pod::STRICT.start().await;
    let port = format!("{ip}:{PORT}");
    let said = command_line(
        Names::Spiffe,
        &port,
        &["--dialect", "hbone", "--id", "sa/web"],
    )
    .await;
    assert!(said.contains("OK") && said.contains("STRICT"), "{said}");
}

/// What the built program says of a GET by the frontend.
async fn command_line(names: Names, to: &str, flags: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_probe"));
    let [chain, key, roots] = WORLD.frontend(names);
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.env_remove("PROBE_CONFIG").env("NO_COLOR", "1");
    command
        .args(["--to", to, "--request", "GET /", "--cert"])
        .arg(chain);
    command
        .arg("--key")
        .arg(key)
        .arg("--bundle")
        .arg(roots)
        .args(flags);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialect_that_is_to_be_found_is_found() {
    let _alone = table::ALONE.lock().await;
    let ambient = Pod::STRICT.start().await;
    let targets = format!(
        "  it: {{ address: '{ambient}:{PORT}', id: sa/web, dialect: auto, request: GET / }}\n"
    );
    let seen = WORLD.probe(Names::Spiffe, &targets).await;
    let cell = seen.cell("frontend", "it");
    assert_eq!(spoken(cell), OK, "{cell:?}");
    assert_eq!(cell.dialect.as_deref(), Some("hbone"), "{cell:?}");
    assert_eq!(seen.mode("it"), "STRICT");

    let meshed = linkerd::Pod::STRICT.start().await;
    let opaque = linkerd::Pod {
        is_opaque: true,
        ..linkerd::Pod::STRICT
    };
    let opaque = opaque.start().await;
    let web = world::linkerd("web");
    let of = |ip| format!("address: '{ip}:{PORT}', dns: {web}, dialect: auto, request: GET /");
    let targets = format!(
        "  meshed: {{ {} }}\n  opaque: {{ {} }}\n",
        of(meshed),
        of(opaque)
    );
    let seen = WORLD.probe(Names::Linkerd, &targets).await;
    for (target, via) in [("meshed", false), ("opaque", true)] {
        let cell = seen.cell("frontend", target);
        assert_eq!(spoken(cell), OK, "{cell:?}");
        assert_eq!(cell.dialect.as_deref(), Some("linkerd"), "{cell:?}");
        assert_eq!(cell.via.is_some(), via, "{cell:?}");
        assert_eq!(seen.mode(target), "STRICT");
    }
}

/// What, the pod, the request, the verdicts in the order of [`COMERS`], the mode.
fn ambient_pods() -> Vec<(&'static str, Pod, &'static str, Wants, &'static str)> {
    let with = |app| Pod { app, ..Pod::STRICT };
    let policy = Pod {
        allows_frontend_only: true,
        ..Pod::STRICT
    };
    let cut = "CLOSED, ambiguous: AUTHZ_DENIED UPSTREAM_UNAVAILABLE";
    let accepted = "PLAINTEXT_ACCEPTED, certain";
    vec![
        (
            "a permissive pod",
            Pod::OPEN,
            "GET /",
            refused([OK, OK], accepted),
            "PERMISSIVE",
        ),
        (
            "a permissive pod",
            Pod::OPEN,
            "none",
            refused([OK, OK], accepted),
            "PERMISSIVE",
        ),
        (
            "a permissive pod",
            Pod::OPEN,
            BYTES,
            refused([OK, OK], accepted),
            "PERMISSIVE",
        ),
        (
            "a strict pod",
            Pod::STRICT,
            BYTES,
            refused([OK, OK], CLOSED),
            "STRICT",
        ),
        (
            "an application that is down",
            with(App::Down),
            BYTES,
            refused([DOWN, DOWN], UNSURE),
            "UNKNOWN",
        ),
        (
            "a strict pod",
            Pod::STRICT,
            "GET /",
            refused([OK, OK], CLOSED),
            "STRICT",
        ),
        (
            "a strict pod",
            Pod::STRICT,
            "none",
            refused([OK, OK], UNSURE),
            "UNKNOWN",
        ),
        (
            "a strict pod",
            Pod::STRICT,
            "grpc-health",
            refused([NO_GRPC; 2], UNSURE),
            "UNKNOWN",
        ),
        (
            "a strict pod whose application speaks gRPC",
            with(App::Grpc),
            "grpc-health",
            refused([OK, OK], CLOSED),
            "STRICT",
        ),
        (
            "a strict pod whose application speaks HTTP/2",
            with(App::Grpc),
            "{ http2: GET / }",
            refused([OK, OK], CLOSED),
            "STRICT",
        ),
        (
            "a pod that lets the frontend in",
            policy,
            "GET /",
            refused([OK, DENIED], CLOSED),
            "STRICT",
        ),
        (
            "a pod that lets the frontend in",
            policy,
            "none",
            refused([OK, DENIED], UNSURE),
            "UNKNOWN",
        ),
        (
            "a pod whose application is down",
            with(App::Down),
            "GET /",
            refused([DOWN; 2], UNSURE),
            "UNKNOWN",
        ),
        (
            "a permissive pod whose application is down",
            Pod {
                app: App::Down,
                ..Pod::OPEN
            },
            "GET /",
            refused([DOWN; 2], UNSURE),
            "UNKNOWN",
        ),
        (
            "a pod whose application closes",
            with(App::Closes),
            "GET /",
            refused([cut; 2], UNSURE),
            "UNKNOWN",
        ),
        (
            "a permissive pod whose application closes",
            Pod {
                app: App::Closes,
                ..Pod::OPEN
            },
            "none",
            refused([OK, OK], UNSURE),
            "UNKNOWN",
        ),
        (
            "a pod whose application resets",
            with(App::Resets),
            "GET /",
            refused([cut; 2], UNSURE),
            "UNKNOWN",
        ),
        (
            "a pod whose policy cuts what is open",
            Pod {
                cuts: true,
                ..Pod::STRICT
            },
            "GET /",
            refused([cut; 2], UNSURE),
            "UNKNOWN",
        ),
        (
            "a pod whose application is silent",
            with(App::Silent),
            "GET /",
            refused(["SILENT, ambiguous"; 2], UNSURE),
            "UNKNOWN",
        ),
        (
            "a pod whose application speaks no HTTP",
            with(App::Babbles),
            "GET /",
            refused(["CLOSED, ambiguous"; 2], UNSURE),
            "UNKNOWN",
        ),
        (
            "a pod whose application forbids",
            with(App::Answers(403)),
            "GET /",
            refused([PERHAPS_DENIED; 2], UNSURE),
            "UNKNOWN",
        ),
        (
            "a pod whose application dislikes it",
            with(App::Answers(400)),
            "GET /",
            refused([OK, OK], CLOSED),
            "STRICT",
        ),
    ]
}

/// What, the pod, the way, the request, the verdicts in the order of [`COMERS`], the mode.
fn linkerd_pods() -> Vec<(
    &'static str,
    linkerd::Pod,
    &'static str,
    &'static str,
    Wants,
    &'static str,
)> {
    use linkerd::Pod;
    let with = |policy| Pod {
        policy,
        ..Pod::OPEN
    };
    let only = with(Policy::FrontendOnly);
    let opaque = Pod {
        is_opaque: true,
        ..Pod::OPEN
    };
    let strict_opaque = Pod {
        is_opaque: true,
        ..Pod::STRICT
    };
    let down = Pod {
        app: App::Down,
        ..Pod::STRICT
    };
    let saying = |status, words| Pod {
        synthesizes: Some((status, words)),
        ..Pod::STRICT
    };
    let accepted = "PLAINTEXT_ACCEPTED, certain";
    let greeted = "SILENT, ambiguous: OK AUTHZ_DENIED";
    let farewell = "CLOSED, ambiguous: OK CERT_REJECTED AUTHZ_DENIED";
    let required = "CLIENT_CERT_REQUIRED by peer, likely";
    let hello = "CLOSED, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER \
                 UNRECOGNIZED_NAME UPSTREAM_UNAVAILABLE";
    let not_tls = "NOT_TLS by probe, certain";
    let direct = ", via: 4143";
    let down_verdict = "UPSTREAM_UNAVAILABLE by peer, certain";
    vec![
        (
            "a strict pod with an opaque port",
            strict_opaque,
            direct,
            BYTES,
            optional([OK, OK], required, CLOSED),
            "STRICT",
        ),
        (
            "all-unauthenticated",
            Pod::OPEN,
            "",
            "GET /",
            optional([OK, OK], OK, accepted),
            "PERMISSIVE",
        ),
        (
            "all-unauthenticated",
            Pod::OPEN,
            "",
            "none",
            optional([farewell; 2], greeted, accepted),
            "PERMISSIVE",
        ),
        (
            "all-unauthenticated",
            Pod::OPEN,
            direct,
            "GET /",
            optional([OK, OK], required, accepted),
            "PERMISSIVE",
        ),
        (
            "all-authenticated",
            Pod::STRICT,
            "",
            "GET /",
            optional([OK, OK], PERHAPS_DENIED, PERHAPS_DENIED),
            "STRICT",
        ),
        (
            "all-authenticated",
            Pod::STRICT,
            "",
            "grpc-health",
            optional([OK, OK], DENIED, DENIED),
            "STRICT",
        ),
        (
            "all-authenticated",
            Pod::STRICT,
            "",
            "none",
            optional([farewell; 2], greeted, PERHAPS_DENIED),
            "UNKNOWN",
        ),
        (
            "all-authenticated",
            Pod::STRICT,
            direct,
            "GET /",
            optional([OK, OK], required, PERHAPS_DENIED),
            "STRICT",
        ),
        (
            "the frontend alone",
            only,
            "",
            "GET /",
            optional([OK, DENIED], PERHAPS_DENIED, PERHAPS_DENIED),
            "STRICT",
        ),
        (
            "the frontend alone",
            only,
            direct,
            "GET /",
            optional([OK, DENIED], required, PERHAPS_DENIED),
            "STRICT",
        ),
        (
            "deny",
            with(Policy::Deny),
            "",
            "GET /",
            optional([DENIED; 2], PERHAPS_DENIED, PERHAPS_DENIED),
            "UNKNOWN",
        ),
        (
            "deny",
            with(Policy::Deny),
            direct,
            "GET /",
            optional([DENIED; 2], required, PERHAPS_DENIED),
            "UNKNOWN",
        ),
        (
            "an opaque port",
            opaque,
            "",
            "GET /",
            all(not_tls, accepted),
            "PLAINTEXT",
        ),
        (
            "an opaque port",
            opaque,
            direct,
            "GET /",
            optional([OK, OK], required, accepted),
            "PERMISSIVE",
        ),
        (
            "an opaque port, all-authenticated",
            strict_opaque,
            "",
            "GET /",
            all(hello, UNHEARD),
            "UNKNOWN",
        ),
        (
            "an opaque port, all-authenticated",
            strict_opaque,
            direct,
            "GET /",
            optional([OK, OK], required, CLOSED),
            "STRICT",
        ),
        (
            "all-authenticated, and the application is down",
            down,
            "",
            "GET /",
            optional([down_verdict; 2], PERHAPS_DENIED, PERHAPS_DENIED),
            "UNKNOWN",
        ),
        (
            "no route for it",
            saying(404, "no route found for request"),
            "",
            "GET /",
            optional([PERHAPS_DENIED; 2], PERHAPS_DENIED, PERHAPS_DENIED),
            "UNKNOWN",
        ),
        (
            "too much of it",
            saying(429, "rate-limit exceeded"),
            "",
            "GET /",
            optional(["OK, likely"; 2], PERHAPS_DENIED, PERHAPS_DENIED),
            "STRICT",
        ),
        (
            "fail-fast",
            saying(504, "server: logical service in fail-fast"),
            "",
            "GET /",
            optional([down_verdict; 2], PERHAPS_DENIED, PERHAPS_DENIED),
            "UNKNOWN",
        ),
        (
            "a loop",
            saying(508, "loop detected"),
            "",
            "GET /",
            optional(
                ["UPSTREAM_UNAVAILABLE by peer, likely"; 2],
                PERHAPS_DENIED,
                PERHAPS_DENIED,
            ),
            "UNKNOWN",
        ),
    ]
}

type Wants = [&'static str; 8];

/// A ztunnel or a waypoint: these to the frontend and to the batch job, and this to plaintext.
fn refused([frontend, batch]: [&'static str; 2], plaintext: &'static str) -> Wants {
    [
        frontend,
        batch,
        STRANGER,
        EXPIRED,
        "TRUST_DOMAIN_MISMATCH by peer, likely",
        SERVERS_ONLY,
        "CLIENT_CERT_REQUIRED by peer, certain",
        plaintext,
    ]
}

/// A Linkerd proxy knows no trust domains, and can do without a certificate.
fn optional(
    [frontend, batch]: [&'static str; 2],
    none: &'static str,
    plaintext: &'static str,
) -> Wants {
    let foreign = batch;
    [
        frontend,
        batch,
        STRANGER,
        EXPIRED,
        foreign,
        SERVERS_ONLY,
        none,
        plaintext,
    ]
}

/// Whoever comes with TLS gets this.
fn all(tls: &'static str, plaintext: &'static str) -> Wants {
    [tls, tls, tls, tls, tls, tls, tls, plaintext]
}

fn asked(request: &str) -> &str {
    match request {
        "none" => "nothing",
        "GET /" => "GET",
        "grpc-health" => "gRPC",
        BYTES => "bytes",
        _ => "GET over HTTP/2",
    }
}

/// A request that we make ourselves, and what its reply holds.
const BYTES: &str = r#"{ send: "GET / HTTP/1.0\r\n\r\n", expect: " 200 " }"#;
const OK: &str = "OK, certain";
const DENIED: &str = "AUTHZ_DENIED by peer, certain";
const PERHAPS_DENIED: &str = "AUTHZ_DENIED by peer, likely";
const DOWN: &str = "UPSTREAM_UNAVAILABLE by peer, certain";
const STRANGER: &str = "UNKNOWN_CA by peer, likely";
const EXPIRED: &str = "CERT_EXPIRED by peer, certain";
const SERVERS_ONLY: &str = "CERT_UNSUPPORTED by peer, certain";
const CLOSED: &str = "PLAINTEXT_REJECTED by peer, likely";
const UNSURE: &str = "CLOSED, ambiguous: PLAINTEXT_REJECTED UPSTREAM_UNAVAILABLE";
/// Where nobody is seen to speak TLS.
const UNHEARD: &str = "CLOSED, ambiguous";
/// An application of HTTP/1.1 and no gRPC.
const NO_GRPC: &str = "CLOSED, ambiguous";
