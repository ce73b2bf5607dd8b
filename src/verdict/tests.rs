//! The table of judgement: one row for each known cause.

mod scene;
mod stacks;

use scene::*;

use super::*;
use crate::certificate::Problem;
use crate::code::Code::*;
use crate::observation::{Answer, Observation};

#[test]
fn no_alert_is_ever_an_acceptance() {
    let owns = [None, Some(own(&[]))];
    let spoilt = Code::ALL.iter().map(|&code| Some(own(&[code])));
    let owns: Vec<_> = owns.into_iter().chain(spoilt).collect();
    for &(stage, version) in POSITIONS {
        for base in [at(stage, version), at(stage, version).ticket().data()] {
            let asked = [
                base.clone(),
                base.clone().unasked(),
                base.clone().gave_ours(),
                base.clone().gave(Gave::Certificate, &[vec![1]]),
                base.clone().gave(Gave::Certificate, &[vec![2]]),
                base.clone().gave_none(),
                base.clone().gave(Gave::NothingFits, &[]),
            ];
            for (seen, own) in asked
                .iter()
                .flat_map(|seen| owns.iter().map(move |own| (seen, own)))
            {
                for elsewhere in [Elsewhere::default(), Elsewhere::EVERYTHING] {
                    // 0 is a close, and rustls hands it over as an alert in the handshake only.
                    for alert in 1..=255 {
                        let seen = seen.clone().alert(alert);
                        let verdict = classify(
                            &seen,
                            &Known {
                                own: own.as_ref(),
                                server: None,
                                elsewhere,
                            },
                        );
                        assert_ne!(verdict.outcome(), Outcome::Accepted, "{seen:?}");
                        assert_ne!(verdict.code(), InvalidSvid, "that is ours to say: {seen:?}");
                        assert!(!verdict.evidence.is_empty(), "{seen:?}");
                        let listed = !verdict.candidates.is_empty();
                        assert!(
                            !listed || verdict.confidence == Confidence::Ambiguous,
                            "{seen:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn each_alert_means_what_it_means_where_it_comes() {
    let listed = || [vec![1]];
    let strangers = || [vec![2]];
    let rows: Vec<(Observation, Option<Own>, &str)> = vec![
        // Before the server has heard more than our ClientHello.
        (HELLO.alert(70), None, "PROTOCOL_VERSION by peer, certain"),
        (HELLO.alert(71), None, "NO_SHARED_CIPHER by peer, certain"),
        (HELLO.alert(40), None, "NO_SHARED_CIPHER by peer, likely"),
        (HELLO.alert(112), None, "UNRECOGNIZED_NAME by peer, certain"),
        (HELLO.alert(120), None, "ALPN_MISMATCH by peer, certain"),
        (HELLO.alert(80), None, "CLOSED, ambiguous"),
        (HELLO.alert(10), None, "CLOSED, ambiguous"),
        (HELLO.alert(48), None, "CLOSED, ambiguous"),
        (HELLO.alert(0), None, "CLOSED, ambiguous"),
        (
            FLIGHT_13.alert(40),
            None,
            "NO_SHARED_CIPHER by peer, likely",
        ),
        (FLIGHT_13.alert(120), None, "ALPN_MISMATCH by peer, certain"),
        (FLIGHT_13.alert(0), None, "CLOSED, ambiguous"),
        (FLIGHT_13.gave_ours().alert(48), None, "CLOSED, ambiguous"),
        // We gave nothing.
        (
            AUTH_12.gave_none().alert(40),
            None,
            "CLIENT_CERT_REQUIRED by peer, certain",
        ),
        (
            AUTH_12.gave_none().alert(116),
            None,
            "CLIENT_CERT_REQUIRED by peer, certain",
        ),
        (
            AUTH_12.gave_none().alert(42),
            None,
            "CLIENT_CERT_REQUIRED by peer, likely",
        ),
        (
            AUTH_12.gave_none().alert(50),
            None,
            "CLIENT_CERT_REQUIRED by peer, likely",
        ),
        (
            SETTLE_13.gave_none().alert(116),
            None,
            "CLIENT_CERT_REQUIRED by peer, certain",
        ),
        (
            SETTLE_13.gave_none().alert(40),
            None,
            "CLIENT_CERT_REQUIRED by peer, likely",
        ),
        (
            SETTLE_13.gave_none().alert(42),
            None,
            "CLIENT_CERT_REQUIRED by peer, likely",
        ),
        (
            SETTLE_13.gave_none().alert(80),
            None,
            "CLOSED, ambiguous: CLIENT_CERT_REQUIRED",
        ),
        (
            REQUEST_13.gave_none().alert(116),
            None,
            "CLIENT_CERT_REQUIRED by peer, certain",
        ),
        (
            REQUEST_12.gave_none().alert(116),
            None,
            "CLIENT_CERT_REQUIRED by peer, likely",
        ),
        (
            REQUEST_12.gave_none().alert(40),
            None,
            "CLOSED, ambiguous: AUTHZ_DENIED CERT_REJECTED",
        ),
        // Our key fits none of its schemes.
        (
            AUTH_12.gave(Gave::NothingFits, &[]).alert(40),
            None,
            "NO_SHARED_CIPHER by peer, certain",
        ),
        (
            SETTLE_13.gave(Gave::NothingFits, &[]).alert(116),
            None,
            "NO_SHARED_CIPHER by peer, certain",
        ),
        (
            SETTLE_13.gave(Gave::NothingFits, &[]).alert(42),
            None,
            "NO_SHARED_CIPHER by peer, likely",
        ),
        (
            SETTLE_13.gave(Gave::NothingFits, &[]).alert(80),
            None,
            "CLOSED, ambiguous: NO_SHARED_CIPHER",
        ),
        // We gave our certificate.
        (
            SETTLE_13.gave_ours().alert(44),
            None,
            "CERT_REVOKED by peer, certain",
        ),
        (
            AUTH_12.gave_ours().alert(44),
            None,
            "CERT_REVOKED by peer, certain",
        ),
        (
            SETTLE_13.gave_ours().alert(43),
            None,
            "CERT_UNSUPPORTED by peer, likely",
        ),
        (
            SETTLE_13.gave_ours().alert(43),
            Some(own(&[CertUnsupported])),
            "CERT_UNSUPPORTED by peer, certain",
        ),
        (
            SETTLE_13.gave_ours().alert(45),
            Some(own(&[])),
            "CERT_EXPIRED by peer, ambiguous: CERT_NOT_YET_VALID",
        ),
        (
            SETTLE_13.gave_ours().alert(45),
            Some(own(&[CertExpired])),
            "CERT_EXPIRED by peer, certain",
        ),
        (
            SETTLE_13.gave_ours().alert(45),
            Some(own(&[CertNotYetValid])),
            "CERT_NOT_YET_VALID by peer, certain",
        ),
        (
            SETTLE_13.gave_ours().alert(45),
            Some(own(&[UnknownCa, CertExpired])),
            "CERT_EXPIRED by peer, certain",
        ),
        (
            SETTLE_13.gave_ours().alert(48),
            None,
            "UNKNOWN_CA by peer, likely",
        ),
        (
            SETTLE_13.gave_ours().alert(48),
            Some(own(&[IncompleteChain])),
            "INCOMPLETE_CHAIN by peer, likely",
        ),
        (
            SETTLE_13.gave(Gave::Certificate, &listed()).alert(48),
            Some(own(&[])),
            "UNKNOWN_CA by peer, likely",
        ),
        (
            SETTLE_13.gave(Gave::Certificate, &listed()).alert(48),
            Some(own(&[CertExpired])),
            "UNKNOWN_CA by peer, ambiguous: CERT_EXPIRED",
        ),
        (
            SETTLE_13.gave(Gave::Certificate, &strangers()).alert(48),
            Some(own(&[])),
            "UNKNOWN_CA by peer, ambiguous: INCOMPLETE_CHAIN",
        ),
        (
            SETTLE_13.gave_ours().alert(51),
            Some(own(&[])),
            "BAD_SIGNATURE by peer, likely",
        ),
        (
            SETTLE_13.gave_ours().alert(51),
            Some(own(&[CertUnsupported])),
            "CERT_UNSUPPORTED by peer, likely",
        ),
        (
            SETTLE_13.gave_ours().alert(116),
            Some(own(&[])),
            "CERT_REJECTED by peer, ambiguous: CLIENT_CERT_REQUIRED",
        ),
        (
            SETTLE_13.gave_ours().alert(46),
            Some(own(&[CertExpired])),
            "CERT_EXPIRED by peer, likely",
        ),
        (
            SETTLE_13.gave_ours().alert(40),
            Some(own(&[CertUnsupported])),
            "CERT_UNSUPPORTED by peer, likely",
        ),
        (
            SETTLE_13.gave_ours().alert(40),
            None,
            "CERT_REJECTED by peer, ambiguous: CERT_UNSUPPORTED UNKNOWN_CA SAN_MISMATCH",
        ),
        (
            SETTLE_13.gave_ours().alert(80),
            None,
            "CLOSED, ambiguous: CERT_REJECTED",
        ),
        (
            SETTLE_13.gave_ours().alert(200),
            None,
            "CLOSED, ambiguous: CERT_REJECTED",
        ),
        (
            SETTLE_13.gave_ours().alert(120),
            None,
            "ALPN_MISMATCH by peer, likely",
        ),
        (
            SETTLE_13.gave_ours().alert(46),
            Some(own(&[])),
            "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH UNKNOWN_CA CERT_NOT_YET_VALID CERT_REVOKED",
        ),
        (
            SETTLE_13.gave(Gave::Certificate, &strangers()).alert(49),
            Some(own(&[])),
            "UNKNOWN_CA by peer, likely",
        ),
        (
            REQUEST_13.gave_ours().alert(48),
            None,
            "UNKNOWN_CA by peer, likely",
        ),
        // It had taken us already.
        (
            REQUEST_13.gave_ours().ticket().alert(44),
            None,
            "CERT_REVOKED by peer, likely",
        ),
        (
            REQUEST_13.gave_ours().ticket().alert(40),
            None,
            "CLOSED, ambiguous: AUTHZ_DENIED CERT_REJECTED",
        ),
        (
            REQUEST_12.gave_ours().alert(20),
            None,
            "CLOSED, ambiguous: AUTHZ_DENIED CERT_REJECTED",
        ),
        (
            REQUEST_13.gave_ours().ticket().too_early().alert(44),
            None,
            "CERT_REVOKED by peer, certain",
        ),
        // It never asked.
        (SETTLE_13.unasked().alert(48), None, "CLOSED, ambiguous"),
        (
            REQUEST_12.unasked().alert(40),
            None,
            "CLOSED, ambiguous: AUTHZ_DENIED CLIENT_CERT_REQUIRED",
        ),
        (AUTH_12.unasked().alert(40), None, "CLOSED, ambiguous"),
    ];
    for (seen, own, want) in rows {
        assert_row(&seen, own.as_ref(), Elsewhere::default(), want);
    }
}

#[test]
fn the_cas_that_a_server_lists_tell_a_stranger_from_a_namesake() {
    let world = World::new();
    let mesh = [world.root_name.clone()];
    for (situation, nth, want) in [
        // The bundle of the mesh is ours; then none is; then that of our own CA.
        ("unknownca", 0, "UNKNOWN_CA by peer, likely"),
        ("unknownca", 1, "UNKNOWN_CA by peer, likely"),
        ("unknownca", 2, "UNKNOWN_CA by peer, certain"),
        ("selfsigned", 0, "UNKNOWN_CA by peer, certain"),
        ("selfsigned", 1, "UNKNOWN_CA by peer, certain"),
        ("samedn", 0, "UNKNOWN_CA by peer, likely"),
        ("samedn", 2, "UNKNOWN_CA by peer, likely"),
        (
            "nointer",
            0,
            "UNKNOWN_CA by peer, ambiguous: INCOMPLETE_CHAIN",
        ),
        (
            "nointer",
            1,
            "UNKNOWN_CA by peer, ambiguous: INCOMPLETE_CHAIN",
        ),
        ("good", 0, "UNKNOWN_CA by peer, likely"),
    ] {
        let owns = world.come(situation);
        let seen = SETTLE_13.gave(Gave::Certificate, &mesh).alert(48);
        assert_row(&seen, Some(&owns[nth]), Elsewhere::default(), want);
    }
}

#[test]
fn a_finished_handshake_is_open_where_the_refusal_may_come_with_the_answer() {
    // OpenSSL's list in TLS 1.3, Go's, and nginx as it takes whoever comes.
    let openssl = [
        0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806,
    ];
    let go = [0x0804, 0x0403, 0x0807, 0x0805, 0x0806, 0x0503, 0x0603];
    let took = |gave| SETTLE_13.gave(gave, &[]).ticket().after_our_close();
    let good = own(&[]);
    let bad = own(&[CertExpired]);
    for (seen, own, schemes, want) in [
        (
            took(Gave::Certificate),
            Some(&good),
            &openssl[..],
            "OK, likely",
        ),
        (
            took(Gave::Certificate),
            Some(&bad),
            &openssl,
            "SILENT, ambiguous: OK CERT_REJECTED",
        ),
        (
            took(Gave::Nothing),
            None,
            &openssl,
            "SILENT, ambiguous: OK CLIENT_CERT_REQUIRED",
        ),
        (took(Gave::Certificate), Some(&bad), &go, "OK, likely"),
        (took(Gave::Nothing), None, &go, "OK, likely"),
        (took(Gave::Nothing).data(), None, &openssl, "OK, likely"),
    ] {
        let seen = seen.asked_for(schemes);
        assert_row(&seen, own, Elsewhere::default(), want);
        // Nonsense after the ticket proves nothing more.
        let nonsense = Objection::Protocol("nonsense".into());
        assert_row(&seen.objects(nonsense), own, Elsewhere::default(), want);
    }
}

#[test]
fn an_end_without_a_word_is_read_by_its_place() {
    use Wordless::{CloseNotify, Fin, Quiet, Reset};
    let envoy = Elsewhere {
        plaintext_server: Some("istio-envoy"),
        ..Elsewhere::default()
    };
    let nginx = Elsewhere {
        plaintext_server: Some("nginx"),
        ..Elsewhere::default()
    };
    let answers = Elsewhere {
        answers: true,
        ..Elsewhere::default()
    };
    let alone = Elsewhere::default();
    let rows: Vec<(Observation, Elsewhere<'_>, &str)> = vec![
        (HELLO.wordless(Quiet), alone, "HANDSHAKE_TIMEOUT, ambiguous"),
        (HELLO.wordless(Fin), alone, "CLOSED, ambiguous"),
        (HELLO.wordless(Reset), alone, "RESET, ambiguous"),
        (HELLO.wordless(Reset), nginx, "RESET, ambiguous"),
        (
            HELLO.wordless(Reset),
            envoy,
            "NO_FILTER_CHAIN by peer, likely",
        ),
        (
            HELLO.wordless(Fin),
            envoy,
            "CLOSED, ambiguous: NO_FILTER_CHAIN",
        ),
        (HELLO.wordless(Quiet), envoy, "HANDSHAKE_TIMEOUT, ambiguous"),
        (
            HELLO.bytes(b"\x15\x03").wordless(Reset),
            envoy,
            "RESET, ambiguous",
        ),
        (
            HELLO.bytes(b"ok\n").wordless(Fin),
            alone,
            "NOT_TLS by probe, certain",
        ),
        (HELLO.warned(112).wordless(Fin), alone, "CLOSED, ambiguous"),
        (
            FLIGHT_13.wordless(Quiet),
            envoy,
            "HANDSHAKE_TIMEOUT, ambiguous",
        ),
        (FLIGHT_13.wordless(Fin), envoy, "CLOSED, ambiguous"),
        (FLIGHT_13.wordless(Reset), envoy, "RESET, ambiguous"),
        // Servers that refuse without an alert do it here, and so does a proxy without its upstream.
        (
            AUTH_12.gave_ours().wordless(Fin),
            alone,
            "CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE",
        ),
        (
            AUTH_12.gave_none().wordless(Reset),
            alone,
            "RESET, ambiguous: CLIENT_CERT_REQUIRED UPSTREAM_UNAVAILABLE",
        ),
        (
            AUTH_12.gave_ours().wordless(Quiet),
            alone,
            "HANDSHAKE_TIMEOUT, ambiguous: CERT_REJECTED",
        ),
        (AUTH_12.unasked().wordless(Fin), alone, "CLOSED, ambiguous"),
        (
            SETTLE_13.gave_ours().wordless(Fin),
            alone,
            "CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE",
        ),
        (
            SETTLE_13.gave_none().wordless(CloseNotify),
            alone,
            "CLOSED, ambiguous: CLIENT_CERT_REQUIRED UPSTREAM_UNAVAILABLE",
        ),
        (
            SETTLE_13.gave_ours().wordless(Reset),
            alone,
            "RESET, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE",
        ),
        (
            SETTLE_13.gave_ours().wordless(Quiet),
            alone,
            "SILENT, ambiguous: CERT_REJECTED",
        ),
        (
            SETTLE_13.gave_ours().after_our_close().wordless(Fin),
            alone,
            "CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE",
        ),
        (
            SETTLE_13.gave_ours().after_our_close().wordless(Quiet),
            alone,
            "SILENT, ambiguous: CERT_REJECTED",
        ),
        (
            SETTLE_13.unasked().wordless(Quiet),
            alone,
            "SILENT, ambiguous",
        ),
        // Proof.
        (
            SETTLE_13
                .gave_ours()
                .after_our_close()
                .wordless(CloseNotify),
            alone,
            "OK, likely",
        ),
        (
            SETTLE_13.gave_ours().ticket().wordless(Quiet),
            alone,
            "OK, likely",
        ),
        (
            SETTLE_13.gave_ours().ticket().wordless(Fin),
            alone,
            "OK, likely",
        ),
        (
            SETTLE_13.gave_ours().data().wordless(Quiet),
            alone,
            "OK, likely",
        ),
        (SETTLE_12.gave_ours().wordless(Quiet), alone, "OK, likely"),
        (
            SETTLE_12.unasked().after_our_close().wordless(CloseNotify),
            alone,
            "OK, certain",
        ),
        (
            SETTLE_13.unasked().ticket().after_our_close().wordless(Fin),
            alone,
            "OK, certain",
        ),
        (SETTLE_12.unasked().wordless(Fin), alone, "OK, likely"),
        // No proof: it was said before our side was heard.
        (
            SETTLE_13
                .gave_ours()
                .ticket()
                .data()
                .too_early()
                .wordless(Fin),
            alone,
            "CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE",
        ),
        // The request went out.
        (
            REQUEST_13.gave_ours().ticket().wordless(CloseNotify),
            alone,
            "CLOSED, ambiguous",
        ),
        (
            REQUEST_13.gave_ours().ticket().wordless(CloseNotify),
            answers,
            "AUTHZ_DENIED by peer, ambiguous: CERT_REJECTED",
        ),
        (
            REQUEST_13.gave_none().ticket().wordless(CloseNotify),
            answers,
            "CLIENT_CERT_REQUIRED by peer, ambiguous: AUTHZ_DENIED",
        ),
        (
            REQUEST_12.gave_ours().wordless(Fin),
            answers,
            "AUTHZ_DENIED by peer, ambiguous: CERT_REJECTED",
        ),
        (
            REQUEST_13.gave_ours().wordless(Reset),
            answers,
            "RESET, ambiguous",
        ),
        (
            REQUEST_13.gave_ours().wordless(Quiet),
            answers,
            "SILENT, ambiguous",
        ),
        (
            REQUEST_13.gave_ours().ticket().data().wordless(Fin),
            answers,
            "CLOSED, ambiguous",
        ),
    ];
    for (seen, elsewhere, want) in rows {
        assert_row(&seen, None, elsewhere, want);
    }
}

#[test]
fn an_answer_is_an_acceptance_unless_it_denies() {
    let upstream = "upstream connect error or disconnect/reset before headers. reset reason: ";
    let says = |words: &str| format!("{upstream}{words}");
    let verify = "remote connection failure, transport failure reason: TLS_error:|268435581:SSL \
                  routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end";
    let old = "connection failure, transport failure reason: TLS error: 268436502:SSL \
               routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_UNKNOWN";
    let sds =
        "connection failure, transport failure reason: TLS error: Secret is not supplied by SDS";
    let rows: Vec<(Answer, &str)> = vec![
        (http(200, "", ""), "OK, certain"),
        (http(301, "nginx", ""), "OK, certain"),
        (http(404, "envoy", ""), "OK, certain"),
        (http(500, "", "oops"), "OK, certain"),
        (http(503, "app", "busy"), "OK, likely"),
        (
            http(502, "nginx", "<title>502 Bad Gateway</title>"),
            "OK, likely",
        ),
        (
            http(403, "envoy", "RBAC: access denied"),
            "AUTHZ_DENIED by peer, certain",
        ),
        (http(403, "app", "no"), "AUTHZ_DENIED by peer, likely"),
        (
            proxied(403, "l5d-proxy-error", "unauthorized request on route"),
            "AUTHZ_DENIED by peer, certain",
        ),
        (http(401, "", ""), "AUTHZ_DENIED by peer, likely"),
        (
            http(
                400,
                "nginx",
                "<title>400 No required SSL certificate was sent</title>",
            ),
            "CLIENT_CERT_REQUIRED by peer, certain",
        ),
        (
            http(400, "nginx", "<title>400 The SSL certificate error</title>"),
            "CERT_REJECTED by peer, certain",
        ),
        (
            http(400, "nginx", ""),
            "CLOSED, ambiguous: OK CERT_REJECTED CLIENT_CERT_REQUIRED",
        ),
        (
            http(400, "openresty/1.25", "sorry"),
            "CLOSED, ambiguous: OK CERT_REJECTED CLIENT_CERT_REQUIRED",
        ),
        (
            http(400, "", "sorry"),
            "CLOSED, ambiguous: OK CERT_REJECTED CLIENT_CERT_REQUIRED",
        ),
        (http(400, "envoy", "sorry"), "OK, likely"),
        (
            http(503, "envoy", &says(verify)),
            "UPSTREAM_TLS_FAILURE by peer, certain",
        ),
        (
            http(503, "envoy", &says(old)),
            "UPSTREAM_TLS_FAILURE by peer, certain",
        ),
        (
            http(503, "envoy", &says(sds)),
            "UPSTREAM_TLS_FAILURE by peer, certain",
        ),
        (
            http(503, "envoy", &says("connection termination")),
            "UPSTREAM_UNAVAILABLE by peer, certain",
        ),
        (
            http(
                503,
                "envoy",
                &says(
                    "remote connection failure, transport failure reason: delayed connect error: 111",
                ),
            ),
            "UPSTREAM_UNAVAILABLE by peer, certain",
        ),
        (
            http(503, "envoy", "no healthy upstream"),
            "UPSTREAM_UNAVAILABLE by peer, certain",
        ),
        (
            http(502, "envoy", &says("protocol error")),
            "UPSTREAM_UNAVAILABLE by peer, certain",
        ),
        (
            proxied(504, "l5d-proxy-error", "logical service in fail-fast"),
            "UPSTREAM_UNAVAILABLE by peer, certain",
        ),
        (http(200, "app", &says(verify)), "OK, certain"),
        (grpc(0, ""), "OK, certain"),
        (grpc(5, "unknown service"), "OK, certain"),
        (
            grpc(7, "RBAC: access denied"),
            "AUTHZ_DENIED by peer, certain",
        ),
        (grpc(12, "unimplemented"), "OK, certain"),
        (
            grpc(14, &says(verify)),
            "UPSTREAM_TLS_FAILURE by peer, certain",
        ),
        (
            grpc(14, "no healthy upstream"),
            "UPSTREAM_UNAVAILABLE by peer, certain",
        ),
        (grpc(14, "shutting down"), "OK, likely"),
        (grpc(16, ""), "AUTHZ_DENIED by peer, likely"),
    ];
    for (answer, want) in rows {
        for base in [REQUEST_12, REQUEST_13] {
            let seen = base.gave_ours().answered(answer.clone());
            assert_row(&seen, None, Elsewhere::default(), want);
        }
    }
    // A page for refused certificates is one only where certificates are asked for.
    let seen = REQUEST_13
        .unasked()
        .answered(http(400, "nginx", "bad request"));
    assert_row(&seen, None, Elsewhere::default(), "OK, certain");
    // What we know of our own certificate names the cause that nginx does not.
    let page = http(400, "nginx", "The SSL certificate error");
    let seen = REQUEST_13.gave_ours().answered(page);
    let expired = own(&[CertExpired]);
    assert_row(
        &seen,
        Some(&expired),
        Elsewhere::default(),
        "CERT_EXPIRED by peer, likely",
    );
}

#[test]
fn plaintext_is_accepted_only_by_words() {
    let garbage = [0x9c, 0x01, 0xfe, 0x33, 0x80, 0x7f, 0x00, 0x12];
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
    let alert = [21, 3, 1, 0, 2, 2, 50];
    let doubt = "CLOSED, ambiguous: PLAINTEXT_ACCEPTED PLAINTEXT_REJECTED";
    let tls = Elsewhere {
        speaks_tls: true,
        ..Elsewhere::default()
    };
    let alone = Elsewhere::default();
    let said = |bytes: &[u8]| HELLO.plaintext().bytes(bytes).wordless(Wordless::Fin);
    let answered = |answer| HELLO.plaintext().answered(answer);
    let ended = |how| HELLO.plaintext().wordless(how);
    let rows: Vec<(Observation, Elsewhere<'_>, &str)> = vec![
        (
            answered(http(200, "", "")),
            alone,
            "PLAINTEXT_ACCEPTED, certain",
        ),
        (
            answered(http(404, "", "")),
            alone,
            "PLAINTEXT_ACCEPTED, certain",
        ),
        (
            answered(http(403, "", "RBAC: access denied")),
            alone,
            "AUTHZ_DENIED by peer, certain",
        ),
        (
            answered(http(503, "envoy", "no healthy upstream")),
            alone,
            "UPSTREAM_UNAVAILABLE by peer, certain",
        ),
        (
            answered(http(
                400,
                "nginx",
                "The plain HTTP request was sent to HTTPS port",
            )),
            alone,
            "PLAINTEXT_REJECTED by peer, certain",
        ),
        (
            answered(http(
                400,
                "",
                "Client sent an HTTP request to an HTTPS server.\n",
            )),
            alone,
            "PLAINTEXT_REJECTED by peer, certain",
        ),
        (
            answered(http(400, "", "bad request")),
            alone,
            "CLOSED, ambiguous",
        ),
        (
            said(b"SSH-2.0-OpenSSH_9.2\r\n"),
            alone,
            "PLAINTEXT_ACCEPTED, likely",
        ),
        (
            said(b"220 mail.example ESMTP\r\n"),
            alone,
            "PLAINTEXT_ACCEPTED, likely",
        ),
        (
            said(b"-ERR unknown command 'GET'\r\n"),
            alone,
            "PLAINTEXT_ACCEPTED, likely",
        ),
        (
            said(b"request to an HTTPS server"),
            alone,
            "PLAINTEXT_REJECTED by peer, likely",
        ),
        (said(&settings), alone, "PLAINTEXT_ACCEPTED, likely"),
        (said(&alert), alone, "PLAINTEXT_REJECTED by peer, certain"),
        (said(&garbage), alone, doubt),
        (said(&garbage), tls, doubt),
        (said(b"\0"), alone, doubt),
        (said(b"\r\n"), alone, doubt),
        (said(b"\x15\x03\x01"), alone, doubt),
        (said(b"J\0\0\0\n8.0.34\0"), alone, doubt),
        (ended(Wordless::Fin), alone, "CLOSED, ambiguous"),
        (ended(Wordless::Reset), alone, "RESET, ambiguous"),
        (ended(Wordless::Quiet), alone, "SILENT, ambiguous"),
        (
            ended(Wordless::Fin),
            tls,
            "PLAINTEXT_REJECTED by peer, likely",
        ),
        (
            ended(Wordless::Reset),
            tls,
            "PLAINTEXT_REJECTED by peer, likely",
        ),
        (ended(Wordless::Quiet), tls, "SILENT, ambiguous"),
    ];
    for (seen, elsewhere, want) in rows {
        assert_row(&seen, None, elsewhere, want);
    }
}

#[test]
fn what_we_will_not_go_on_with_is_our_refusal() {
    let protocol = || Objection::Protocol("received a corrupt message".into());
    let rows: Vec<(Observation, &str)> = vec![
        (
            HELLO.bytes(b"HTTP/1.1 400 Bad").objects(Objection::NotTls),
            "NOT_TLS by probe, certain",
        ),
        (
            HELLO.objects(Objection::Version),
            "PROTOCOL_VERSION by probe, certain",
        ),
        (
            HELLO.objects(Objection::NothingInCommon("x".into())),
            "NO_SHARED_CIPHER by probe, certain",
        ),
        (
            FLIGHT_13.objects(Objection::BadProof),
            "BAD_SIGNATURE by probe, certain",
        ),
        (
            FLIGHT_13.objects(Objection::UnreadableCertificate),
            "CERT_UNSUPPORTED by probe, certain",
        ),
        (FLIGHT_13.objects(protocol()), "CLOSED, ambiguous"),
        (
            SETTLE_13.gave_ours().objects(protocol()),
            "CLOSED, ambiguous",
        ),
        (
            SETTLE_13.gave_ours().ticket().objects(protocol()),
            "OK, likely",
        ),
        (
            REQUEST_13.gave_ours().ticket().objects(protocol()),
            "CLOSED, ambiguous",
        ),
        (
            REQUEST_12.gave_ours().data().objects(protocol()),
            "CLOSED, ambiguous",
        ),
        (FLIGHT_13.objects(Objection::Flood), "CLOSED, ambiguous"),
        (
            SETTLE_13.gave_ours().data().objects(Objection::Flood),
            "OK, likely",
        ),
        (
            SETTLE_13
                .gave_ours()
                .data()
                .too_early()
                .objects(Objection::Flood),
            "CLOSED, ambiguous",
        ),
        (
            REQUEST_13.gave_ours().data().objects(Objection::Flood),
            "CLOSED, ambiguous",
        ),
    ];
    for (seen, want) in rows {
        assert_row(&seen, None, Elsewhere::default(), want);
    }
}

#[test]
fn what_never_was_a_connection_says_nothing_of_the_peer() {
    let rows: Vec<(Ending, &str)> = vec![
        (
            Ending::NeverConnected(NeverConnected::Dns("no".into())),
            "DNS_FAILURE, certain",
        ),
        (
            Ending::NeverConnected(NeverConnected::Refused),
            "CONNECTION_REFUSED, certain",
        ),
        (
            Ending::NeverConnected(NeverConnected::HostUnreachable("no".into())),
            "HOST_UNREACHABLE, certain",
        ),
        (
            Ending::NeverConnected(NeverConnected::Timeout),
            "CONNECT_TIMEOUT, certain",
        ),
        (
            Ending::Fault("too many open files".into()),
            "PROBE_FAULT, certain",
        ),
        (Ending::Wordless(Wordless::Reset), "RESET, ambiguous"),
    ];
    for (ending, want) in rows {
        for came in [
            Came::Plaintext,
            Came::WithoutCertificate,
            Came::WithCertificate,
        ] {
            let seen = Observation {
                came,
                ..at(Stage::Tcp, None).ends(ending.clone())
            };
            assert_row(&seen, None, Elsewhere::default(), want);
        }
    }
}

#[test]
fn both_ends_judge_and_the_peers_refusal_comes_first() {
    let bad = Judgement {
        problems: vec![Problem {
            code: CertExpired,
            what: "leaf expired".into(),
        }],
        ..Judgement::default()
    };
    let good = Judgement::default();
    let rows: Vec<(Observation, &Judgement, &str)> = vec![
        (SETTLE_13.gave_ours().ticket(), &good, "OK, likely"),
        (
            SETTLE_13.gave_ours().ticket(),
            &bad,
            "CERT_EXPIRED by probe, certain",
        ),
        (
            SETTLE_13.gave_ours().wordless(Wordless::Fin),
            &bad,
            "CERT_EXPIRED by probe, certain",
        ),
        (
            SETTLE_13.gave_none().alert(116),
            &bad,
            "CLIENT_CERT_REQUIRED by peer, certain",
        ),
        (
            SETTLE_13.gave_ours().alert(44),
            &bad,
            "CERT_REVOKED by peer, certain",
        ),
        (
            SETTLE_13.gave_ours().alert(80),
            &bad,
            "CERT_EXPIRED by probe, certain",
        ),
    ];
    for (seen, server, want) in rows {
        let verdict = classify(
            &seen,
            &Known {
                server: Some(server),
                ..Known::default()
            },
        );
        assert_eq!(spoken(&verdict), want, "{seen:?}");
        let told = verdict
            .evidence
            .iter()
            .any(|fact| fact.contains("CERT_EXPIRED") || fact == "leaf expired");
        assert_eq!(told, !server.is_ok(), "{:?}", verdict.evidence);
    }
}

#[test]
fn nothing_is_accepted_without_proof() {
    let objections = [
        Objection::NotTls,
        Objection::Version,
        Objection::NothingInCommon(String::new()),
        Objection::BadProof,
        Objection::UnreadableCertificate,
        Objection::Protocol(String::new()),
        Objection::Flood,
    ];
    let words = [
        Wordless::CloseNotify,
        Wordless::Fin,
        Wordless::Reset,
        Wordless::Quiet,
    ];
    let endings: Vec<Ending> = objections
        .into_iter()
        .map(Ending::Objection)
        .chain(words.into_iter().map(Ending::Wordless))
        .chain((0..=255).map(Ending::Alert))
        .chain([Ending::Answered, Ending::Fault(String::new())])
        .collect();
    let gaves = [
        None,
        Some(Gave::Certificate),
        Some(Gave::Nothing),
        Some(Gave::NothingFits),
    ];
    let stages = [
        Stage::Dns,
        Stage::Tcp,
        Stage::ClientHello,
        Stage::ServerHello,
        Stage::ClientAuth,
        Stage::Settle,
        Stage::Request,
    ];
    let bools = [false, true];
    for (stage, ending) in stages
        .iter()
        .flat_map(|s| endings.iter().map(move |e| (*s, e)))
    {
        for (version, gave) in [None, Some(Version::Tls12), Some(Version::Tls13)]
            .into_iter()
            .flat_map(|version| gaves.map(|gave| (version, gave)))
        {
            for (we_closed, proof) in bools.into_iter().flat_map(|b| bools.map(|c| (b, c))) {
                let mut seen = at(stage, version).ends(ending.clone());
                seen = match gave {
                    Some(gave) => seen.gave(gave, &[]),
                    None => seen.unasked(),
                };
                seen.we_closed = we_closed;
                if proof {
                    seen = seen.ticket().data();
                }
                for came in [
                    Came::WithCertificate,
                    Came::WithoutCertificate,
                    Came::Plaintext,
                ] {
                    let seen = Observation {
                        came,
                        ..seen.clone()
                    };
                    let is_tls = came != Came::Plaintext;
                    let finished = version == Some(Version::Tls12);
                    let answered_us =
                        we_closed && *ending == Ending::Wordless(Wordless::CloseNotify);
                    let may =
                        stage == Stage::Settle && is_tls && (finished || proof || answered_us);
                    for elsewhere in [Elsewhere::default(), Elsewhere::EVERYTHING] {
                        let verdict = classify(
                            &seen,
                            &Known {
                                elsewhere,
                                ..Known::default()
                            },
                        );
                        if !may {
                            assert_ne!(verdict.outcome(), Outcome::Accepted, "{seen:?}");
                        }
                    }
                }
            }
        }
    }
}

fn assert_row(seen: &Observation, own: Option<&Own>, elsewhere: Elsewhere<'_>, want: &str) {
    let verdict = classify(
        seen,
        &Known {
            own,
            server: None,
            elsewhere,
        },
    );
    assert_eq!(
        spoken(&verdict),
        want,
        "{seen:?}\n{own:?}\n{elsewhere:?}\n{:#?}",
        verdict.evidence
    );
}
