//! Mesh proxies that are spoken to as a peer: HBONE's tunnels, and Linkerd.

use super::row::{Row, Section};
use super::scene::*;
use super::world::{own, server};
use crate::certificate::{Judgement, Problem};
use crate::code::{Code, Outcome};
use crate::observation::*;
use crate::target::{Dialect, LINKERD_TRANSPORT};
use crate::verdict::{Elsewhere, Known, Library, classify};

#[test]
fn what_a_mesh_proxy_says_is_read_in_its_own_language() {
    for section in sections() {
        section.check();
    }
}

#[test]
fn no_tunnel_is_an_acceptance_before_its_answer() {
    let words = [
        Wordless::CloseNotify,
        Wordless::Fin,
        Wordless::Reset,
        Wordless::Quiet,
    ];
    let endings = words.map(Ending::Wordless).into_iter();
    let endings = endings.chain((1..=255).map(Ending::Alert)).chain([
        Ending::Objection(Objection::Protocol(String::new())),
        Ending::Objection(Objection::Flood),
    ]);
    let everything = Known {
        elsewhere: Elsewhere::EVERYTHING,
        ..Known::default()
    };
    for ending in endings {
        for (stage, tunnel) in [
            (Stage::Tunnel, None),
            (Stage::Request, Some(http(200, "", ""))),
        ] {
            for early in [asked(), asked().ticket().data()] {
                let seen = Observation {
                    stage,
                    tunnel: tunnel.clone(),
                    ..early.ends(ending.clone())
                };
                for known in [Known::default(), everything] {
                    let outcome = classify(&seen, &known).outcome();
                    assert_ne!(outcome, Outcome::Accepted, "{seen:?}");
                }
            }
        }
    }
    for status in (100..=599).filter(|status| *status != 200) {
        let seen = Observation {
            tunnel: Some(http(status, "", "")),
            ..asked().ends(Ending::Answered)
        };
        let outcome = classify(&seen, &everything).outcome();
        assert_ne!(outcome, Outcome::Accepted, "{status}");
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "HBONE: we asked for a tunnel",
            about: "A ztunnel or a waypoint has taken our certificate, and answers our CONNECT. 401 is policy, 503 an \
                    application that it does not reach; what it says in no such word is open.",
            rows: tunnels(),
        },
        Section {
            title: "HBONE: inside the tunnel",
            about: "What stands at its end has not seen our certificate, and cannot mean it. A tunnel that opens and ends \
                    without an answer is no acceptance.",
            rows: inside(),
        },
        Section {
            title: "HBONE: plaintext to the port behind it",
            about: "A ztunnel takes every TCP connection and asks policy then.",
            rows: beside(),
        },
        Section {
            title: "Linkerd",
            about: "A Linkerd proxy shakes hands with or without a certificate, refuses a bad one by an alert, and judges \
                    requests. In every row its certificate is the one that we expect, unless something else is said.",
            rows: linkerd(),
        },
    ]
}

const MET: Elsewhere<'static> = Elsewhere {
    speaks_tls: true,
    accepts: true,
    answers: true,
    answers_plaintext: false,
    plaintext_server: None,
    shows_svid: false,
};

fn tunnels() -> Vec<Row> {
    let to = |answer: Answer| {
        let mut seen = asked();
        seen.tunnel = Some(answer);
        Row::of(seen.ends(Ending::Answered)).by(Library::Rustls)
    };
    let end = |how| Row::of(asked().data().wordless(how)).by(Library::Rustls);
    let denied = "AUTHZ_DENIED by peer, certain";
    let down = "UPSTREAM_UNAVAILABLE by peer, certain";
    let open = "CLOSED, ambiguous";
    let mut refused = asked().data().wordless(Wordless::Reset);
    refused.stream_error = Some(7);
    let unagreed = Observation {
        dialect: Dialect::Hbone,
        ..SETTLE_13.gave_ours()
    };
    let settled = Observation {
        stage: Stage::Settle,
        ..asked()
    };
    vec![
        to(http(200, "", "")).want("OK, certain").asks(&[]),
        to(http(401, "", "")).want(denied).asks(&[]),
        to(http(403, "istio-envoy", "RBAC: access denied")).want(denied),
        to(http(403, "", "")).want("AUTHZ_DENIED by peer, likely"),
        to(http(407, "", "")).want("AUTHZ_DENIED by peer, likely"),
        to(http(503, "", "")).want(down),
        to(http(503, "istio-envoy", "no healthy upstream")).want(down),
        to(http(504, "", "")).want("UPSTREAM_UNAVAILABLE by peer, likely"),
        to(http(400, "", "")).want(open).asks(&[]),
        to(http(404, "istio-envoy", "")).want(open),
        to(http(405, "nginx", "")).want(open),
        to(http(204, "", "")).want(open),
        to(http(500, "", "")).want(open),
        Row::of(refused)
            .by(Library::Rustls)
            .want("RESET, ambiguous: AUTHZ_DENIED CERT_REJECTED UPSTREAM_UNAVAILABLE"),
        end(Wordless::Fin)
            .want("CLOSED, ambiguous: AUTHZ_DENIED CERT_REJECTED UPSTREAM_UNAVAILABLE"),
        end(Wordless::CloseNotify)
            .want("CLOSED, ambiguous: AUTHZ_DENIED CERT_REJECTED UPSTREAM_UNAVAILABLE"),
        end(Wordless::Quiet).want("SILENT, ambiguous"),
        Row::of(settled.alert(46))
            .by(Library::Rustls)
            .own(own(&[]))
            .server(server("spiffe://other/ns/default/sa/web"))
            .want("TRUST_DOMAIN_MISMATCH by peer, likely")
            .asks(&[]),
        Row::of(unagreed)
            .want("ALPN_MISMATCH by probe, certain")
            .asks(&[]),
    ]
}

/// A tunnel was asked for with our certificate.
fn asked() -> Observation {
    let mut seen = at(Stage::Tunnel, Some(Version::Tls13)).gave_ours();
    seen.dialect = Dialect::Hbone;
    seen.tls.alpn = Some("h2".to_owned());
    seen.tls.offered = Offered::Only(Version::Tls13);
    seen
}

fn inside() -> Vec<Row> {
    let opened = || {
        let mut seen = asked().data();
        seen.tunnel = Some(http(200, "", ""));
        seen.stage = Stage::Request;
        seen
    };
    let answered = |answer| Row::of(opened().answered(answer)).by(Library::Rustls);
    let end = |how| Row::of(opened().wordless(how)).by(Library::Rustls);
    let mut reset = opened().wordless(Wordless::Reset);
    reset.stream_error = Some(10);
    vec![
        answered(http(200, "", "")).want("OK, certain"),
        answered(http(400, "nginx", ""))
            .want("OK, certain")
            .asks(&[]),
        answered(http(403, "istio-envoy", "RBAC: access denied"))
            .want("AUTHZ_DENIED by peer, certain"),
        answered(http(403, "app", "no")).want("AUTHZ_DENIED by peer, likely"),
        answered(http(503, "istio-envoy", "no healthy upstream"))
            .want("UPSTREAM_UNAVAILABLE by peer, certain"),
        answered(grpc(7, "")).want("AUTHZ_DENIED by peer, certain"),
        end(Wordless::Fin)
            .want("CLOSED, ambiguous: AUTHZ_DENIED UPSTREAM_UNAVAILABLE")
            .asks(&[]),
        end(Wordless::Fin)
            .elsewhere(MET)
            .want("AUTHZ_DENIED by peer, likely"),
        Row::of(reset.clone()).want("RESET, ambiguous: AUTHZ_DENIED UPSTREAM_UNAVAILABLE"),
        Row::of(reset)
            .elsewhere(MET)
            .want("RESET, ambiguous: AUTHZ_DENIED UPSTREAM_UNAVAILABLE"),
        end(Wordless::Quiet).want("SILENT, ambiguous").asks(&[]),
        Row::of(opened().objects(Objection::Protocol("what?".to_owned())))
            .want("CLOSED, ambiguous"),
        Row::of(opened().objects(Objection::Flood)).want("CLOSED, ambiguous"),
    ]
}

fn beside() -> Vec<Row> {
    let hung_up = || {
        let mut seen = HELLO.plaintext().wordless(Wordless::Fin);
        seen.dialect = Dialect::Hbone;
        Row::of(seen)
    };
    let speaks = Elsewhere {
        speaks_tls: true,
        ..Elsewhere::default()
    };
    vec![
        hung_up().want("CLOSED, ambiguous"),
        hung_up()
            .elsewhere(speaks)
            .want("CLOSED, ambiguous: PLAINTEXT_REJECTED UPSTREAM_UNAVAILABLE"),
        hung_up()
            .elsewhere(MET)
            .want("PLAINTEXT_REJECTED by peer, likely"),
    ]
}

fn linkerd() -> Vec<Row> {
    let of = |mut seen: Observation| {
        seen.dialect = Dialect::Linkerd;
        seen.tls.offered = Offered::Only(Version::Tls13);
        Row::of(seen).by(Library::Rustls).server(server("web"))
    };
    let direct = |mut seen: Observation| {
        seen.tls.alpn = Some(LINKERD_TRANSPORT.to_owned());
        seen.tls.offered_alpn = vec![LINKERD_TRANSPORT.to_owned()];
        of(seen)
    };
    let mut unagreed = SETTLE_13.gave_ours();
    unagreed.tls.offered_alpn = vec![LINKERD_TRANSPORT.to_owned()];
    let signed = |status| proxied(status, "l5d-proxy-error", "so says the proxy");
    let ours = |answer| of(REQUEST_13.gave_ours().answered(answer));
    let misnamed = Judgement {
        problems: vec![Problem {
            code: Code::SanMismatch,
            what: "another name".to_owned(),
        }],
        ..server("application")
    };
    let policy = "CLOSED, ambiguous: AUTHZ_DENIED UPSTREAM_UNAVAILABLE";
    let unheard = "SILENT, ambiguous: OK AUTHZ_DENIED";
    vec![
        ours(http(200, "", "")).want("OK, certain"),
        ours(signed(403)).want("AUTHZ_DENIED by peer, certain"),
        ours(http(403, "", "")).want("AUTHZ_DENIED by peer, likely"),
        of(REQUEST_13.gave_none().answered(http(403, "", ""))).want("AUTHZ_DENIED by peer, likely"),
        of(REQUEST_13.gave_none().answered(http(200, "", ""))).want("OK, certain"),
        ours(signed(404)).want("AUTHZ_DENIED by peer, likely"),
        ours(http(404, "", "")).want("OK, certain"),
        ours(signed(429)).want("OK, likely"),
        ours(signed(500)).want("UPSTREAM_UNAVAILABLE by peer, likely"),
        ours(signed(502)).want("UPSTREAM_UNAVAILABLE by peer, certain"),
        ours(signed(508)).want("UPSTREAM_UNAVAILABLE by peer, likely"),
        ours(Answer {
            grpc_status: Some(5),
            ..signed(200)
        })
        .want("AUTHZ_DENIED by peer, likely"),
        of(REQUEST_13.gave_ours().wordless(Wordless::Fin)).want(policy),
        of(REQUEST_13.gave_ours().wordless(Wordless::Fin))
            .elsewhere(MET)
            .want("AUTHZ_DENIED by peer, likely"),
        // Nothing was asked.
        of(SETTLE_13
            .gave_none()
            .after_our_close()
            .wordless(Wordless::CloseNotify))
        .want(unheard),
        of(SETTLE_13
            .gave_none()
            .after_our_close()
            .wordless(Wordless::Fin))
        .want(unheard),
        of(SETTLE_13.gave_none().wordless(Wordless::Quiet)).want(unheard),
        of(SETTLE_13
            .gave_ours()
            .after_our_close()
            .wordless(Wordless::CloseNotify))
        .want("OK, likely"),
        of(SETTLE_13
            .gave_ours()
            .after_our_close()
            .wordless(Wordless::Fin))
        .want("CLOSED, ambiguous: OK CERT_REJECTED AUTHZ_DENIED"),
        of(SETTLE_13.gave_ours().wordless(Wordless::Reset))
            .want("RESET, ambiguous: OK CERT_REJECTED AUTHZ_DENIED"),
        of(SETTLE_13.gave_ours().unsent().wordless(Wordless::Fin))
            .want("CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE"),
        // At the port of the proxy itself.
        direct(SETTLE_13.gave_none().wordless(Wordless::Fin))
            .want("CLIENT_CERT_REQUIRED by peer, likely"),
        direct(
            SETTLE_13
                .gave_none()
                .after_our_close()
                .wordless(Wordless::CloseNotify),
        )
        .want("SILENT, ambiguous: OK CLIENT_CERT_REQUIRED"),
        direct(REQUEST_13.gave_ours().wordless(Wordless::Fin)).want(policy),
        of(unagreed).want("ALPN_MISMATCH by probe, certain"),
        // It is not the proxy.
        of(SETTLE_13
            .unasked()
            .ticket()
            .after_our_close()
            .wordless(Wordless::CloseNotify))
        .server(misnamed)
        .want("SAN_MISMATCH by probe, certain"),
        Row::of(Observation {
            dialect: Dialect::Linkerd,
            ..HELLO
                .bytes(b"HTTP/1.1 400 Bad Request")
                .objects(Objection::NotTls)
        })
        .want("NOT_TLS by probe, certain"),
        of(SETTLE_13.gave_ours().alert(48)).want("UNKNOWN_CA by peer, likely"),
    ]
}
