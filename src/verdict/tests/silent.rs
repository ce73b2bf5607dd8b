//! Our certificate was given, and no alert came.

use super::row::{Row, Section, ends};
use super::scene::*;
use super::world::{ours, own};
use crate::code::Code::*;
use crate::observation::Wordless::{CloseNotify, Fin, Quiet, Reset};
use crate::verdict::{Elsewhere, Library};

#[test]
fn an_end_without_a_word_is_read_by_its_place() {
    for section in sections() {
        section.check();
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "Our certificate was given, and no alert came",
            about: "gRPC core, Python's asyncio, Java's SSLEngine and Node refuse so, and so does any proxy whose \
                    application is down. Only where something shows that the server is up and judges it is a refusal.",
            rows: rows(),
        },
        Section {
            title: "The server never asked",
            about: "Then the end of the handshake is not about a certificate.",
            rows: unasked(),
        },
    ]
}

fn rows() -> Vec<Row> {
    let accepts = Elsewhere {
        accepts: true,
        ..Elsewhere::default()
    };
    let settle = || Row::of(SETTLE_13.gave_ours());
    let with = |codes: &[_]| settle().own(own(codes));
    let open_12 = [
        (Fin, "CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE"),
        (
            Reset,
            "RESET, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE",
        ),
        (Quiet, "HANDSHAKE_TIMEOUT, ambiguous: CERT_REJECTED"),
    ];
    let open = [
        (Fin, "CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE"),
        (
            CloseNotify,
            "CLOSED, ambiguous: OK CERT_REJECTED AUTHZ_DENIED UPSTREAM_UNAVAILABLE",
        ),
        (
            Reset,
            "RESET, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE",
        ),
        (Quiet, "SILENT, ambiguous: CERT_REJECTED"),
    ];
    let closed = "CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE";
    let expired = [
        (Fin, "CLOSED, ambiguous: CERT_EXPIRED UPSTREAM_UNAVAILABLE"),
        (Quiet, "SILENT, ambiguous: CERT_EXPIRED"),
    ];
    let anything = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH UNKNOWN_CA \
                    CERT_NOT_YET_VALID CERT_REVOKED";
    let but_revoked = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH \
                       UNKNOWN_CA CERT_NOT_YET_VALID";
    let mut rows = [
        ends(&Row::of(AUTH_12.gave_ours()), &open_12),
        ends(&with(&[]), &open),
        ends(&with(&[CertExpired]), &expired),
        ends(
            &settle().but(|seen| seen.after_our_close()),
            &[
                (Fin, "CLOSED, ambiguous: OK CERT_REJECTED"),
                (Quiet, "SILENT, ambiguous: CERT_REJECTED"),
            ],
        ),
        // It was said before our side was heard, and proves nothing.
        ends(
            &settle().but(|seen| seen.ticket().data().too_early()),
            &[(Fin, closed)],
        ),
        ends(
            &with(&[]).elsewhere(accepts),
            &[
                (Fin, anything),
                (Reset, anything),
                (Quiet, "SILENT, ambiguous: CERT_REJECTED"),
            ],
        ),
        ends(
            &with(&[CertExpired]).elsewhere(accepts),
            &[(Fin, "CERT_EXPIRED by peer, likely")],
        ),
        ends(
            &with(&[]).by(Library::S2n),
            &[(Quiet, "SILENT, ambiguous: CERT_REJECTED")],
        ),
    ]
    .concat();
    // Once s2n-tls has refused it keeps silent for up to half a minute.
    let s2n = with(&[CertExpired]).by(Library::S2n).elsewhere(accepts);
    rows.extend(ends(&s2n, &[(Quiet, "CERT_EXPIRED by peer, likely")]));
    // gRPC lists no CA names, Envoy does.
    let grpc = with(&[]).by(Library::BoringSsl);
    let envoy = grpc.clone().but(|seen| seen.listing(&ours()));
    let unagreed = "CLOSED, ambiguous: CERT_REJECTED ALPN_MISMATCH UPSTREAM_UNAVAILABLE";
    rows.extend(ends(&grpc, &[(Fin, unagreed)]));
    rows.extend(ends(&grpc.elsewhere(accepts), &[(Fin, but_revoked)]));
    rows.extend(ends(
        &envoy,
        &[
            (Fin, "UPSTREAM_UNAVAILABLE by peer, likely"),
            (CloseNotify, "UPSTREAM_UNAVAILABLE by peer, likely"),
            (
                Reset,
                "RESET, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE",
            ),
            (Quiet, "SILENT, ambiguous: CERT_REJECTED"),
        ],
    ));
    rows
}

fn unasked() -> Vec<Row> {
    vec![
        Row::of(AUTH_12.unasked().wordless(Fin)).want("CLOSED, ambiguous"),
        Row::of(AUTH_12.unasked().alert(40)).want("CLOSED, ambiguous"),
        Row::of(SETTLE_13.unasked().wordless(Quiet)).want("SILENT, ambiguous"),
        Row::of(SETTLE_13.unasked().alert(48)).want("CLOSED, ambiguous"),
        Row::of(REQUEST_12.unasked().alert(40)).want("CLIENT_CERT_REQUIRED by peer, likely"),
    ]
}
