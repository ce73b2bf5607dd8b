//! The server asked for a certificate and got none.

use super::row::{Row, Section, alerts, ends};
use super::scene::*;
use crate::observation::Wordless::{CloseNotify, Fin, Quiet, Reset};
use crate::plan::FollowUp::OtherVersion;
use crate::verdict::{Elsewhere, Library};

#[test]
fn nothing_given_is_what_the_refusal_is_about() {
    for section in sections() {
        section.check();
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "The server asked for a certificate and we have none",
            about: "Nothing is what the refusal is about, by whatever alert. Without an alert another identity that is \
                    accepted there shows that the server is up and judges.",
            rows: none(),
        },
        Section {
            title: "The server asked for a certificate and our key fits none of its schemes",
            about: "Then a TLS library sends an empty list, silently, although we hold a certificate: the schemes are the \
                    cause.",
            rows: unfit(),
        },
    ]
}

fn none() -> Vec<Row> {
    let accepts = Elsewhere {
        accepts: true,
        ..Elsewhere::default()
    };
    let in_handshake = [
        (40, "CLIENT_CERT_REQUIRED by peer, certain"),
        (116, "CLIENT_CERT_REQUIRED by peer, certain"),
        (42, "CLIENT_CERT_REQUIRED by peer, likely"),
        (50, "CLIENT_CERT_REQUIRED by peer, likely"),
        (80, "CLOSED, ambiguous: CLIENT_CERT_REQUIRED"),
    ];
    let after_it = [
        (116, "CLIENT_CERT_REQUIRED by peer, certain"),
        (40, "CLIENT_CERT_REQUIRED by peer, likely"),
        (42, "CLIENT_CERT_REQUIRED by peer, likely"),
        (80, "CLOSED, ambiguous: CLIENT_CERT_REQUIRED"),
    ];
    let request_12 = [
        (116, "CLIENT_CERT_REQUIRED by peer, likely"),
        (40, "CLOSED, ambiguous: AUTHZ_DENIED CERT_REJECTED"),
    ];
    let wordless_12 = [
        (
            Reset,
            "RESET, ambiguous: CLIENT_CERT_REQUIRED UPSTREAM_UNAVAILABLE",
        ),
        (
            Fin,
            "CLOSED, ambiguous: CLIENT_CERT_REQUIRED UPSTREAM_UNAVAILABLE",
        ),
        (Quiet, "HANDSHAKE_TIMEOUT, ambiguous: CLIENT_CERT_REQUIRED"),
    ];
    let wordless = [
        (
            CloseNotify,
            "CLOSED, ambiguous: OK CLIENT_CERT_REQUIRED AUTHZ_DENIED UPSTREAM_UNAVAILABLE",
        ),
        (
            Fin,
            "CLOSED, ambiguous: CLIENT_CERT_REQUIRED UPSTREAM_UNAVAILABLE",
        ),
        (
            Reset,
            "RESET, ambiguous: CLIENT_CERT_REQUIRED UPSTREAM_UNAVAILABLE",
        ),
        (Quiet, "SILENT, ambiguous: CLIENT_CERT_REQUIRED"),
    ];
    let others_are_accepted = [
        (Fin, "CLIENT_CERT_REQUIRED by peer, likely"),
        (Reset, "CLIENT_CERT_REQUIRED by peer, likely"),
        (Quiet, "SILENT, ambiguous: CLIENT_CERT_REQUIRED"),
    ];
    let settle = Row::of(SETTLE_13.gave_none());
    let mut rows = [
        alerts(&Row::of(AUTH_12.gave_none()), &in_handshake),
        alerts(&settle, &after_it),
        alerts(
            &Row::of(REQUEST_13.gave_none()),
            &[(116, "CLIENT_CERT_REQUIRED by peer, certain")],
        ),
        alerts(&Row::of(REQUEST_12.gave_none()), &request_12),
        ends(&Row::of(AUTH_12.gave_none()), &wordless_12),
        ends(&settle, &wordless),
        ends(&settle.clone().elsewhere(accepts), &others_are_accepted),
    ]
    .concat();
    // gRPC says nothing in either version; a relay may lose the alert in one.
    let lost = settle
        .by(Library::BoringSsl)
        .but(|seen| seen.wordless(Reset));
    rows.extend([
        lost.clone()
            .followed(OtherVersion, AUTH_12.gave_none().alert(40))
            .want("CLIENT_CERT_REQUIRED by peer, likely"),
        lost.followed(OtherVersion, AUTH_12.gave_none().wordless(Reset))
            .want("RESET, ambiguous: CLIENT_CERT_REQUIRED UPSTREAM_UNAVAILABLE"),
    ]);
    rows
}

fn unfit() -> Vec<Row> {
    let in_handshake = [
        (40, "NO_SHARED_CIPHER by peer, certain"),
        (116, "NO_SHARED_CIPHER by peer, certain"),
    ];
    let after_it = [
        (116, "NO_SHARED_CIPHER by peer, certain"),
        (40, "NO_SHARED_CIPHER by peer, likely"),
        (42, "NO_SHARED_CIPHER by peer, likely"),
        (80, "CLOSED, ambiguous: NO_SHARED_CIPHER"),
    ];
    let wordless = [(
        Fin,
        "CLOSED, ambiguous: NO_SHARED_CIPHER UPSTREAM_UNAVAILABLE",
    )];
    [
        alerts(&Row::of(AUTH_12.gave_unfit()), &in_handshake),
        alerts(&Row::of(SETTLE_13.gave_unfit()), &after_it),
        ends(&Row::of(SETTLE_13.gave_unfit()), &wordless),
    ]
    .concat()
}
