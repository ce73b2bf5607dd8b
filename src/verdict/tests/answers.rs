//! The request was answered.

use super::row::{Row, Section};
use super::scene::*;
use super::world::{others, own};
use crate::code::Code::*;
use crate::observation::{Answer, Observation};
use crate::plan::FollowUp::Throwaway;
use crate::verdict::Library;

#[test]
fn an_answer_is_an_acceptance_unless_it_denies() {
    for section in sections() {
        section.check();
    }
    // Over TLS 1.2 as well.
    for row in rows() {
        let seen = Observation {
            tls: REQUEST_12.tls,
            ..row.seen.clone()
        };
        assert_eq!(row.verdict(), row.clone().but(|_| seen).verdict());
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "The request was answered",
            about: "An answer is an acceptance unless it denies, or a proxy says that it could not get further.",
            rows: rows(),
        },
        Section {
            title: "The request was answered with a page about the certificate",
            about: "nginx and its kin finish the handshake and refuse in a page, which names no cause. Any other 400 of \
                    theirs may be such a page that somebody has replaced.",
            rows: pages(),
        },
    ]
}

fn answered(answer: Answer) -> Row {
    Row::of(REQUEST_13.gave_ours().answered(answer))
}

fn rows() -> Vec<Row> {
    let upstream = "upstream connect error or disconnect/reset before headers. reset reason: ";
    let says = |words: &str| format!("{upstream}{words}");
    let verify = "remote connection failure, transport failure reason: TLS_error:|268435581:SSL \
                  routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end";
    let old = "connection failure, transport failure reason: TLS error: 268436502:SSL \
               routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_UNKNOWN";
    let sds =
        "connection failure, transport failure reason: TLS error: Secret is not supplied by SDS";
    let refused = "remote connection failure, transport failure reason: delayed connect error: 111";
    let ok = "OK, certain";
    let denied = "AUTHZ_DENIED by peer, certain";
    let perhaps_denied = "AUTHZ_DENIED by peer, likely";
    let tls = "UPSTREAM_TLS_FAILURE by peer, certain";
    let down = "UPSTREAM_UNAVAILABLE by peer, certain";
    let rows: Vec<(Answer, &str)> = vec![
        (http(200, "", ""), ok),
        (http(301, "nginx", ""), ok),
        (http(404, "envoy", ""), ok),
        (http(500, "", "oops"), ok),
        (http(400, "envoy", "sorry"), "OK, likely"),
        (http(503, "app", "busy"), "OK, likely"),
        (
            http(502, "nginx", "<title>502 Bad Gateway</title>"),
            "OK, likely",
        ),
        (http(401, "", ""), perhaps_denied),
        (http(403, "envoy", "RBAC: access denied"), denied),
        (http(403, "app", "no"), perhaps_denied),
        (
            proxied(403, "l5d-proxy-error", "unauthorized request on route"),
            denied,
        ),
        (http(503, "envoy", &says(verify)), tls),
        (http(503, "envoy", &says(old)), tls),
        (http(503, "envoy", &says(sds)), tls),
        (http(503, "envoy", &says(refused)), down),
        (http(503, "envoy", "no healthy upstream"), down),
        (
            proxied(504, "l5d-proxy-error", "logical service in fail-fast"),
            down,
        ),
        (http(200, "app", &says(verify)), ok),
        (grpc(0, ""), ok),
        (grpc(5, "unknown service"), ok),
        (grpc(12, "unimplemented"), ok),
        (grpc(7, "RBAC: access denied"), denied),
        (grpc(16, ""), perhaps_denied),
        (grpc(14, &says(verify)), tls),
        (grpc(14, "no healthy upstream"), down),
        (grpc(14, "shutting down"), "OK, likely"),
    ];
    let row = |(answer, want)| answered(answer).want(want);
    rows.into_iter().map(row).collect()
}

fn pages() -> Vec<Row> {
    let none = http(
        400,
        "nginx",
        "<title>400 No required SSL certificate was sent</title>",
    );
    let page = || http(400, "nginx", "<title>400 The SSL certificate error</title>");
    let refused = || answered(page()).by(Library::OpenSsl);
    let any = "CLOSED, ambiguous: OK CERT_REJECTED CLIENT_CERT_REQUIRED";
    vec![
        Row::of(REQUEST_13.gave_none().answered(none.clone()))
            .by(Library::OpenSsl)
            .want("CLIENT_CERT_REQUIRED by peer, certain"),
        answered(none).want("CLIENT_CERT_REQUIRED by peer, certain"),
        refused().want(
            "CERT_REJECTED by peer, ambiguous: UNKNOWN_CA INCOMPLETE_CHAIN CERT_NOT_YET_VALID \
             CERT_UNSUPPORTED CERT_REVOKED",
        ),
        refused().own(own(&[])).want(
            "CERT_REJECTED by peer, ambiguous: UNKNOWN_CA CERT_NOT_YET_VALID CERT_UNSUPPORTED \
             CERT_REVOKED",
        ),
        refused()
            .own(own(&[CertExpired]))
            .want("CERT_EXPIRED by peer, likely"),
        refused()
            .but(|seen| seen.listing(&others()))
            .own(own(&[]))
            .want("UNKNOWN_CA by peer, likely"),
        Row::of(REQUEST_13.unasked().answered(page())).want("CERT_REJECTED by peer, certain"),
        answered(http(400, "nginx", "")).want(any),
        answered(http(400, "openresty/1.25", "sorry")).want(any),
        answered(http(400, "", "sorry")).want(any),
        answered(http(400, "nginx", ""))
            .followed(Throwaway, SETTLE_13.gave_ours().alert(48))
            .want("OK, likely"),
        // A page for refused certificates is one only where certificates are asked for.
        Row::of(
            REQUEST_13
                .unasked()
                .answered(http(400, "nginx", "bad request")),
        )
        .want("OK, certain"),
    ]
}
