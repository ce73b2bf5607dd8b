//! A proxy could not get further, and what our own sidecar says.

use super::row::{Row, Section};
use super::scene::*;
use crate::observation::Wordless::{Fin, Quiet, Reset};
use crate::observation::{Answer, Ending, NeverConnected, Objection, Stage};
use crate::verdict::Upstream;

#[test]
fn what_a_proxy_says_of_the_next_server_is_read_down_to_the_alert() {
    for section in sections() {
        section.check();
    }
}

#[test]
fn every_word_of_a_proxy_comes_apart() {
    let read = |why: &str| {
        let seen = REQUEST_13
            .gave_ours()
            .answered(http(503, "envoy", &says(why)));
        let upstream = Upstream::of(seen.answer.as_ref().unwrap(), seen.came).unwrap();
        let detail = upstream.detail.unwrap_or_default();
        (upstream.flag, upstream.reason, upstream.tls_alert, detail)
    };
    let uf = "remote connection failure";
    let openssl = "SSL routines:OPENSSL_internal";
    for (why, flag, reason, alert, detail) in [
        ("overflow".to_owned(), "UO", "overflow", None, ""),
        (
            "connection termination".to_owned(),
            "UC",
            "connection termination",
            None,
            "",
        ),
        (
            format!(
                "{uf}, transport failure reason: TLS_error:|268436501:{openssl}:SSLV3_ALERT_CERTIFICATE_EXPIRED:TLS_error_end"
            ),
            "UF",
            uf,
            Some(45),
            "",
        ),
        (
            format!(
                "{uf}, transport failure reason: TLS error: 268436501:{openssl}:SSLV3_ALERT_CERTIFICATE_EXPIRED"
            ),
            "UF",
            uf,
            Some(45),
            "",
        ),
        // What the far end said stands out among what followed from it.
        (
            format!(
                "{uf}, transport failure reason: TLS error: 268435581:{openssl}:CERTIFICATE_VERIFY_FAILED 268436504:{openssl}:TLSV1_ALERT_UNKNOWN_CA"
            ),
            "UF",
            uf,
            Some(48),
            "",
        ),
        (
            format!(
                "{uf}, transport failure reason: TLS_error:|268435581:{openssl}:CERTIFICATE_VERIFY_FAILED:verify cert failed: SAN matcher, certificate SANs are [spiffe://a/b]|268435703:{openssl}:WRONG_VERSION_NUMBER:TLS_error_end"
            ),
            "UF",
            uf,
            None,
            "verify cert failed: SAN matcher, certificate SANs are [spiffe://a/b]",
        ),
        (
            format!(
                "{uf}, transport failure reason: TLS_error:|33554536:system library:OPENSSL_internal:Connection reset by peer:TLS_error_end"
            ),
            "UF",
            uf,
            None,
            "ECONNRESET(104)",
        ),
        (
            format!("{uf}, transport failure reason: delayed connect error: 111"),
            "UF",
            uf,
            None,
            "ECONNREFUSED(111)",
        ),
        (
            format!("{uf}, transport failure reason: delayed connect error: Connection refused"),
            "UF",
            uf,
            None,
            "Connection refused",
        ),
        ("never heard of".to_owned(), "", "never heard of", None, ""),
    ] {
        let want = (flag.to_owned(), reason.to_owned(), alert, detail.to_owned());
        assert_eq!(read(&why), want, "{why}");
    }
    let retried = format!("{BROKEN} retried and the latest reset reason: connection failure");
    let seen = REQUEST_13
        .gave_ours()
        .answered(http(503, "envoy", &retried));
    assert_eq!(
        Upstream::of(seen.answer.as_ref().unwrap(), seen.came)
            .unwrap()
            .flag,
        "UF,URX"
    );
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "A proxy could not get further",
            about: "In the words of Envoy. Since 1.38.1 it keeps the transport's own reason for its access log unless it is \
                    told otherwise, and of a refusal over TLS 1.3 it never knows one.",
            rows: further_on()
                .into_iter()
                .map(|(answer, want)| {
                    Row::of(REQUEST_13.gave_ours().answered(answer))
                        .want(want)
                        .asks(&[])
                })
                .collect(),
        },
        Section {
            title: "Through our own sidecar",
            about: "Plaintext, as far as our own sidecar. It speaks for what lies behind it; whether there is one shows only in \
                    what it says, and with what identity it went on shows at the server alone.",
            rows: ours(),
        },
    ]
}

fn says(words: &str) -> String {
    format!("{BROKEN} reset reason: {words}")
}

fn further_on() -> Vec<(Answer, &'static str)> {
    let uf = "remote connection failure, transport failure reason: ";
    let error = |code: &str| {
        says(&format!(
            "{uf}TLS_error:|{code}:SSL routines:OPENSSL_internal:WORDS:TLS_error_end"
        ))
    };
    let broken = "TLS_error:|33554536:system library:OPENSSL_internal:Connection reset by \
                  peer:TLS_error_end";
    let tls = "UPSTREAM_TLS_FAILURE by peer, certain";
    let down = "UPSTREAM_UNAVAILABLE by peer, certain";
    let either = "UPSTREAM_UNAVAILABLE by peer, ambiguous: UPSTREAM_TLS_FAILURE";
    let envoy = |words: String| http(503, "envoy", &words);
    vec![
        (envoy(error("268436504")), tls),
        (envoy(error("268436501")), tls),
        (envoy(error("268436572")), tls),
        (envoy(error("268435581")), tls),
        (envoy(error("268435703")), tls),
        (
            envoy(says(&format!(
                "{uf}TLS error: Secret is not supplied by SDS"
            ))),
            tls,
        ),
        (
            envoy(says(&format!("{uf}{broken}"))),
            "UPSTREAM_TLS_FAILURE by peer, ambiguous: UPSTREAM_UNAVAILABLE",
        ),
        (
            envoy(says(&format!(
                "{uf}delayed connect error: Connection refused"
            ))),
            down,
        ),
        (envoy(says("remote connection failure")), either),
        (envoy(says("connection termination")), either),
        (grpc(14, &says("connection termination")), either),
        (envoy(says("connection timeout")), either),
        (envoy(says("overflow")), down),
        (envoy(says("remote reset")), down),
        (http(502, "envoy", &says("protocol error")), either),
        (envoy("no healthy upstream".to_owned()), down),
        (http(504, "envoy", "upstream request timeout"), down),
        // Over our own TLS an answer without words is one of the server.
        (http(404, "envoy", ""), "OK, certain"),
    ]
}

fn ours() -> Vec<Row> {
    let answered = |answer| Row::of(REQUEST_13.through_sidecar().answered(answer));
    let ended = |how| Row::of(REQUEST_13.through_sidecar().wordless(how));
    let passed_on = |status, body: &str| Answer {
        proxy_headers: vec![("x-envoy-upstream-service-time".to_owned(), "1".to_owned())],
        ..http(status, "envoy", body)
    };
    let perhaps = "UPSTREAM_UNAVAILABLE by peer, ambiguous: OK";
    let either = "UPSTREAM_UNAVAILABLE by peer, ambiguous: UPSTREAM_TLS_FAILURE";
    let open = "PLAINTEXT_ACCEPTED, ambiguous: OK";
    let verify = "remote connection failure, transport failure reason: TLS_error:|268435581:SSL \
                  routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end";
    let asks_for_tls = "Client sent an HTTP request to an HTTPS server.";
    let refused = Ending::NeverConnected(NeverConnected::Refused);
    vec![
        answered(passed_on(200, "ok")).want("OK, likely"),
        answered(passed_on(404, "")).want("OK, likely"),
        answered(passed_on(403, "RBAC: access denied")).want("AUTHZ_DENIED by peer, certain"),
        answered(passed_on(503, &says("connection termination"))).want(either),
        answered(passed_on(400, asks_for_tls)).want("UPSTREAM_TLS_FAILURE by peer, likely"),
        answered(http(503, "envoy", &says("connection termination"))).want(either),
        answered(http(503, "envoy", &says(verify))).want("UPSTREAM_TLS_FAILURE by peer, certain"),
        answered(http(404, "envoy", "")).want(perhaps),
        answered(http(502, "envoy", "")).want(perhaps),
        answered(http(503, "envoy", "")).want(perhaps),
        // Of no sidecar of ours.
        answered(http(200, "istio-envoy", "ok")).want(open),
        answered(http(200, "nginx", "ok")).want(open),
        answered(http(200, "", "ok")).want(open),
        answered(http(404, "nginx", "")).want(open),
        answered(http(400, "", asks_for_tls)).want("PLAINTEXT_REJECTED by peer, likely"),
        ended(Fin).want(
            "CLOSED, ambiguous: UPSTREAM_TLS_FAILURE UPSTREAM_UNAVAILABLE AUTHZ_DENIED \
             PLAINTEXT_REJECTED",
        ),
        ended(Reset).want(
            "RESET, ambiguous: UPSTREAM_TLS_FAILURE UPSTREAM_UNAVAILABLE AUTHZ_DENIED \
             PLAINTEXT_REJECTED",
        ),
        ended(Quiet).want("SILENT, ambiguous"),
        Row::of(
            REQUEST_13
                .through_sidecar()
                .bytes(b"220 ready")
                .wordless(Fin),
        )
        .want(open),
        Row::of(
            REQUEST_13
                .through_sidecar()
                .bytes(&[21, 3, 3, 0, 2, 2, 10])
                .wordless(Fin),
        )
        .want("PLAINTEXT_REJECTED by peer, certain"),
        Row::of(at(Stage::Tcp, None).through_sidecar().ends(refused))
            .want("CONNECTION_REFUSED, certain"),
        Row::of(
            REQUEST_13
                .through_sidecar()
                .objects(Objection::Protocol("x".to_owned())),
        )
        .want("SILENT, ambiguous"),
    ]
}

const BROKEN: &str = "upstream connect error or disconnect/reset before headers.";
