//! What is said in plaintext where TLS begins in the middle of a protocol.

use super::row::{Row, Section};
use super::scene::*;
use crate::code::Outcome;
use crate::observation::{Objection, Opening, Stage, Wordless};
use crate::verdict::Elsewhere;

#[test]
fn nobody_is_accepted_before_tls_and_without_it_by_words_alone() {
    for section in sections() {
        section.check();
        for row in &section.rows {
            assert!(row.next().is_empty(), "no follow-up comes of plaintext");
            let is_accepted = row.verdict().outcome() == Outcome::Accepted;
            assert!(!is_accepted || !row.seen.came.speaks_tls(), "{row:?}");
        }
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "Asked for TLS in plaintext",
            about: "PostgreSQL, MySQL, SMTP and LDAP begin in plaintext. Who has no TLS to give is refused by us; who will \
                    not speak with us, breaks the protocol or says nothing leaves all open. What comes in plaintext after \
                    the consent breaks the protocol.",
            rows: asked(),
        },
        Section {
            title: "Without TLS, where TLS begins in the middle of a protocol",
            about: "Accepted for certain by whoever goes on; a greeting is not going on.",
            rows: without(),
        },
    ]
}

fn words(text: &str) -> String {
    text.to_owned()
}

fn asked() -> Vec<Row> {
    let open = at(Stage::StartTls, None);
    let said = |opening| Row::of(open.clone().opened(opening));
    let not_tls = "NOT_TLS by probe, certain";
    let foreign = Objection::Protocol(words("what should be SMTP begins with \"SSH-2.0\""));
    let injected =
        Objection::Protocol(words("14 bytes in plaintext came after its consent to TLS"));
    let ended = |how| Row::of(open.clone().wordless(how));
    vec![
        said(Opening::NoTls(words(
            "PostgreSQL answers our SSLRequest with N",
        )))
        .want(not_tls),
        said(Opening::NoTls(words(
            "the answer to EHLO does not list STARTTLS",
        )))
        .want(not_tls),
        said(Opening::NoTls(words("protocolError(2)"))).want(not_tls),
        said(Opening::NotNow(words("454 4.7.0 TLS not available")))
            .want("CLOSED, ambiguous: NOT_TLS"),
        said(Opening::Refused(words("1129 Host is blocked"))).want("CLOSED, ambiguous"),
        Row::of(open.clone().objects(foreign)).want("CLOSED, ambiguous"),
        Row::of(open.clone().objects(injected)).want("CLOSED, ambiguous"),
        ended(Wordless::Fin).want("CLOSED, ambiguous"),
        ended(Wordless::Reset).want("RESET, ambiguous"),
        ended(Wordless::Quiet).want("HANDSHAKE_TIMEOUT, ambiguous"),
    ]
}

fn without() -> Vec<Row> {
    let open = {
        let mut open = HELLO.plaintext();
        open.stage = Stage::StartTls;
        open
    };
    let tls = Elsewhere {
        speaks_tls: true,
        ..Elsewhere::default()
    };
    let said = |opening| Row::of(open.clone().opened(opening));
    let foreign = Objection::Protocol(words("what should be LDAP begins with \"HTTP/1.1\""));
    let ended = |how| Row::of(open.clone().wordless(how));
    let doubt = "CLOSED, ambiguous: PLAINTEXT_ACCEPTED PLAINTEXT_REJECTED";
    vec![
        said(Opening::GoesOn(words("250 2.1.0 Ok"))).want("PLAINTEXT_ACCEPTED, certain"),
        said(Opening::Greets(words("success(0)"))).want("PLAINTEXT_ACCEPTED, likely"),
        said(Opening::Hides(words(
            "MySQL 8.0.34 greets us, and offers TLS",
        )))
        .want(doubt),
        said(Opening::WantsTls(words(
            "530 5.7.0 Must issue a STARTTLS command first",
        )))
        .want("PLAINTEXT_REJECTED by peer, certain"),
        said(Opening::WantsTls(words("confidentialityRequired(13)")))
            .want("PLAINTEXT_REJECTED by peer, certain"),
        said(Opening::Refused(words("550 5.7.1 no"))).want(doubt),
        said(Opening::Refused(words("550 5.7.1 no")))
            .elsewhere(tls)
            .want(doubt),
        Row::of(open.clone().objects(foreign)).want("CLOSED, ambiguous"),
        ended(Wordless::Fin).want("CLOSED, ambiguous"),
        ended(Wordless::Fin)
            .elsewhere(tls)
            .want("CLOSED, ambiguous: PLAINTEXT_REJECTED"),
        ended(Wordless::Quiet).want("SILENT, ambiguous"),
    ]
}
