//! A connection without TLS.

use super::row::{Row, Section};
use super::scene::*;
use crate::observation::Wordless;
use crate::verdict::Elsewhere;

#[test]
fn plaintext_is_accepted_only_by_words() {
    for section in sections() {
        section.check();
        for row in &section.rows {
            assert!(row.next().is_empty(), "no follow-up comes of plaintext");
        }
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![Section {
        title: "Plaintext",
        about: "Accepted only by words that people or HTTP/2 clients could read. Hanging up is a refusal where TLS is known \
                to be spoken at the same address.",
        rows: rows(),
    }]
}

fn rows() -> Vec<Row> {
    let garbage = [0x9c, 0x01, 0xfe, 0x33, 0x80, 0x7f, 0x00, 0x12];
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
    let alert = [21, 3, 1, 0, 2, 2, 50];
    let tls = Elsewhere {
        speaks_tls: true,
        ..Elsewhere::default()
    };
    let said = |bytes: &[u8]| Row::of(HELLO.plaintext().bytes(bytes).wordless(Wordless::Fin));
    let answered = |answer| Row::of(HELLO.plaintext().answered(answer));
    let ended = |how| Row::of(HELLO.plaintext().wordless(how));
    let accepted = "PLAINTEXT_ACCEPTED, certain";
    let perhaps = "PLAINTEXT_ACCEPTED, likely";
    let rejected = "PLAINTEXT_REJECTED by peer, certain";
    let hung_up = "PLAINTEXT_REJECTED by peer, likely";
    let doubt = "CLOSED, ambiguous: PLAINTEXT_ACCEPTED PLAINTEXT_REJECTED";
    let https_port = "The plain HTTP request was sent to HTTPS port";
    let https_server = "Client sent an HTTP request to an HTTPS server.\n";
    vec![
        answered(http(200, "", "")).want(accepted),
        answered(http(404, "", "")).want(accepted),
        answered(http(403, "", "RBAC: access denied")).want("AUTHZ_DENIED by peer, certain"),
        answered(http(503, "envoy", "no healthy upstream"))
            .want("UPSTREAM_UNAVAILABLE by peer, certain"),
        answered(http(400, "nginx", https_port)).want(rejected),
        answered(http(400, "", https_server)).want(rejected),
        answered(http(400, "", "bad request")).want("CLOSED, ambiguous"),
        said(b"SSH-2.0-OpenSSH_9.2\r\n").want(perhaps),
        said(b"220 mail.example ESMTP\r\n").want(perhaps),
        said(b"-ERR unknown command 'GET'\r\n").want(perhaps),
        said(b"request to an HTTPS server").want(hung_up),
        said(&settings).want(perhaps),
        said(&alert).want(rejected),
        said(&garbage).want(doubt),
        said(&garbage).elsewhere(tls).want(doubt),
        said(b"\0").want(doubt),
        said(b"\r\n").want(doubt),
        said(b"\x15\x03\x01").want(doubt),
        said(b"J\0\0\0\n8.0.34\0").want(doubt),
        ended(Wordless::Fin).want("CLOSED, ambiguous"),
        ended(Wordless::Reset).want("RESET, ambiguous"),
        ended(Wordless::Quiet).want("SILENT, ambiguous"),
        ended(Wordless::Fin).elsewhere(tls).want(hung_up),
        ended(Wordless::Reset).elsewhere(tls).want(hung_up),
        ended(Wordless::Quiet)
            .elsewhere(tls)
            .want("SILENT, ambiguous: PLAINTEXT_REJECTED"),
    ]
}
