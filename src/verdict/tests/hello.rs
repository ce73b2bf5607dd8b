//! The server has not judged any certificate yet.

use super::row::{Row, Section, alerts, ends};
use super::scene::*;
use crate::observation::Objection;
use crate::observation::Wordless::{CloseNotify, Fin, Quiet, Reset};
use crate::verdict::Elsewhere;

#[test]
fn what_comes_before_our_certificate_is_not_about_it() {
    for section in sections() {
        section.check();
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "Before our certificate is out: alerts",
            about: "The server has heard our ClientHello and no more, so an alert is about that.",
            rows: said(),
        },
        Section {
            title: "Before our certificate is out: no alert",
            about: "Proxies and some stacks say nothing, of many things. An Envoy that answers plaintext at the same address \
                    narrows it down.",
            rows: unsaid(),
        },
    ]
}

fn said() -> Vec<Row> {
    let closed =
        "CLOSED, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER UPSTREAM_UNAVAILABLE";
    let hello = [
        (70, "PROTOCOL_VERSION by peer, certain"),
        (71, "NO_SHARED_CIPHER by peer, certain"),
        (40, "NO_SHARED_CIPHER by peer, likely"),
        (112, "UNRECOGNIZED_NAME by peer, certain"),
        (120, "ALPN_MISMATCH by peer, certain"),
        (80, "CLOSED, ambiguous"),
        (10, "CLOSED, ambiguous"),
        (48, "CLOSED, ambiguous"),
        (0, closed),
    ];
    let named = [
        (80, "CLOSED, ambiguous: UNRECOGNIZED_NAME"),
        (49, "CLOSED, ambiguous: UNRECOGNIZED_NAME"),
    ];
    let flight = [
        (40, "NO_SHARED_CIPHER by peer, likely"),
        (120, "ALPN_MISMATCH by peer, certain"),
        (0, "CLOSED, ambiguous"),
    ];
    let asked = [(48, "CLOSED, ambiguous")];
    [
        alerts(&Row::of(HELLO), &hello),
        alerts(&Row::of(HELLO.named()), &named),
        alerts(&Row::of(FLIGHT_13), &flight),
        alerts(&Row::of(FLIGHT_13.gave_ours()), &asked),
    ]
    .concat()
}

fn unsaid() -> Vec<Row> {
    let envoy = Elsewhere {
        plaintext_server: Some("istio-envoy"),
        answers_plaintext: true,
        ..Elsewhere::default()
    };
    let nginx = Elsewhere {
        plaintext_server: Some("nginx"),
        answers_plaintext: true,
        ..Elsewhere::default()
    };
    let tls = Elsewhere {
        speaks_tls: true,
        ..nginx
    };
    let closed =
        "CLOSED, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER UPSTREAM_UNAVAILABLE";
    let reset =
        "RESET, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER UPSTREAM_UNAVAILABLE";
    let hello = [
        (Quiet, "HANDSHAKE_TIMEOUT, ambiguous: NOT_TLS"),
        (Fin, closed),
        (CloseNotify, closed),
        (Reset, reset),
    ];
    let named = "CLOSED, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER \
                 UNRECOGNIZED_NAME UPSTREAM_UNAVAILABLE";
    let beside_nginx = [(Reset, reset), (Quiet, "NOT_TLS by probe, likely")];
    let beside_envoy = [
        (Reset, "NO_FILTER_CHAIN by peer, likely"),
        (Fin, "CLOSED, ambiguous: NO_FILTER_CHAIN"),
        (Quiet, "HANDSHAKE_TIMEOUT, ambiguous"),
    ];
    let flight = [
        (Quiet, "HANDSHAKE_TIMEOUT, ambiguous"),
        (Fin, "CLOSED, ambiguous"),
        (Reset, "RESET, ambiguous"),
    ];
    let mut rows = [
        ends(&Row::of(HELLO), &hello),
        ends(&Row::of(HELLO.named()), &[(Fin, named)]),
        ends(&Row::of(HELLO).elsewhere(nginx), &beside_nginx),
        ends(
            &Row::of(HELLO).elsewhere(tls),
            &[(Quiet, "HANDSHAKE_TIMEOUT, ambiguous")],
        ),
        ends(&Row::of(HELLO).elsewhere(envoy), &beside_envoy),
        ends(&Row::of(FLIGHT_13).elsewhere(envoy), &flight),
    ]
    .concat();
    rows.extend([
        Row::of(HELLO.bytes(b"\x15\x03").wordless(Reset))
            .elsewhere(envoy)
            .want(reset),
        Row::of(HELLO.warned(112).wordless(Fin)).want(closed),
        Row::of(HELLO.bytes(b"ok\n").wordless(Fin)).want("NOT_TLS by probe, certain"),
        Row::of(HELLO.bytes(b"HTTP/1.1 400 Bad").objects(Objection::NotTls))
            .want("NOT_TLS by probe, certain"),
        // Our own ClientHello, sent back.
        Row::of(
            HELLO
                .bytes(b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4")
                .objects(Objection::Protocol("unexpected ClientHello".into())),
        )
        .want("NOT_TLS by probe, certain"),
    ]);
    rows
}
