//! Replies that are not HTTP.

use super::row::{Row, Section};
use super::scene::*;
use super::world::own;
use crate::code::Code::*;
use crate::code::Outcome;
use crate::observation::{Moment, Observation, PostgresReply, Reply};
use crate::plan::FollowUp::Throwaway;
use crate::verdict::{Elsewhere, Library};

#[test]
fn a_reply_is_an_acceptance_only_where_it_is_the_one_that_is_wanted() {
    for section in sections() {
        section.check();
    }
}

#[test]
fn bytes_that_are_not_expected_are_never_an_acceptance() {
    let texts: [&[u8]; 5] = [
        b"+OK\r\n",
        b"",
        b"\0\x01\x02",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"220 hi\r\n",
    ];
    for bytes in texts {
        for seen in [REQUEST_12, REQUEST_13, REQUEST_13.ticket()] {
            for seen in [
                seen.clone().unasked(),
                seen.clone().gave_ours(),
                seen.gave_none(),
            ] {
                for moment in [Moment::Asked, Moment::Unasked] {
                    let reply = raw(bytes, Some(false), moment);
                    let verdict = Row::of(seen.clone().replied(reply)).verdict();
                    assert_ne!(verdict.outcome(), Outcome::Accepted, "{bytes:?}");
                }
            }
        }
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "The request was answered, and not in HTTP",
            about: "Bytes that the user sends and expects. The reply that he expects is an acceptance, another one may be a \
                    refusal in words, and a page of HTTP is read as one, whatever is expected.",
            rows: bytes(),
        },
        Section {
            title: "PostgreSQL answers StartupMessage",
            about: "It refuses a bad certificate in the handshake, and the want of one, or a name in it that is not the \
                    user's, only by its pg_hba.conf.",
            rows: postgres(),
        },
        Section {
            title: "The same without TLS",
            about: "PostgreSQL says that it will not have us in plaintext in the words that it has for any line of its \
                    pg_hba.conf.",
            rows: in_plaintext(),
        },
    ]
}

fn raw(bytes: &[u8], is_expected: Option<bool>, moment: Moment) -> Reply {
    Reply::Raw {
        bytes: bytes.to_vec(),
        is_expected,
        moment,
    }
}

fn bytes() -> Vec<Row> {
    let to = |seen: Observation, bytes: &[u8], is_expected, moment| {
        Row::of(seen.replied(raw(bytes, is_expected, moment)))
    };
    let ours =
        |bytes: &[u8], is_expected| to(REQUEST_13.gave_ours(), bytes, is_expected, Moment::Asked);
    let none =
        |bytes: &[u8], is_expected| to(REQUEST_13.gave_none(), bytes, is_expected, Moment::Asked);
    let open = "CLOSED, ambiguous: OK CERT_REJECTED AUTHZ_DENIED";
    let open_none = "CLOSED, ambiguous: OK CLIENT_CERT_REQUIRED AUTHZ_DENIED";
    let page = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n400 No required SSL certificate was sent";
    let untrusted = b"421 4.7.1 mail.test Error: Client certificate not trusted\r\n";
    let absent = b"421 4.7.1 mail.test Error: No client certificate presented\r\n";
    vec![
        ours(b"+PONG\r\n", Some(true)).want("OK, certain"),
        ours(b"-ERR unknown command\r\n", Some(false)).want(open),
        ours(b"-ERR unknown command\r\n", Some(false))
            .followed(Throwaway, SETTLE_13.gave_ours().alert(48))
            .want("CLOSED, ambiguous: OK AUTHZ_DENIED"),
        none(b"-ERR unknown command\r\n", Some(false)).want(open_none),
        to(REQUEST_13.unasked(), b"no", Some(false), Moment::Asked)
            .want("CLOSED, ambiguous: OK AUTHZ_DENIED"),
        ours(b"+PONG\r\n", None).want("OK, likely"),
        ours(b"-NOAUTH Authentication required.\r\n", None).want(open),
        ours(b"-DENIED Redis is running in protected mode\r\n", None).want(open),
        to(
            REQUEST_13.gave_ours(),
            b"220 mail\r\n",
            Some(true),
            Moment::Unasked,
        )
        .want("OK, likely"),
        to(
            REQUEST_13.gave_ours().ticket(),
            b"220 mail\r\n",
            Some(true),
            Moment::Unasked,
        )
        .want("OK, certain"),
        to(
            REQUEST_12.gave_ours(),
            b"220 mail\r\n",
            Some(true),
            Moment::Unasked,
        )
        .want("OK, certain"),
        none(page, Some(true))
            .by(Library::OpenSsl)
            .want("CLIENT_CERT_REQUIRED by peer, certain"),
        ours(
            b"HTTP/1.1 403 Forbidden\r\n\r\nRBAC: access denied",
            Some(true),
        )
        .want("AUTHZ_DENIED by peer, certain"),
        ours(b"HTTP/1.1 200 OK\r\n\r\nhello", None).want("OK, certain"),
        ours(b"HTTP/1.1 200 OK\r\n\r\nhello", Some(false)).want(open),
        none(absent, Some(false)).want("CLIENT_CERT_REQUIRED by peer, certain"),
        none(absent, None).want("CLIENT_CERT_REQUIRED by peer, certain"),
        ours(untrusted, Some(false))
            .own(own(&[CertExpired]))
            .want("CERT_EXPIRED by peer, likely"),
        ours(untrusted, Some(false)).own(own(&[])).want(
            "CERT_REJECTED by peer, ambiguous: UNKNOWN_CA CERT_NOT_YET_VALID CERT_UNSUPPORTED \
             CERT_REVOKED",
        ),
    ]
}

fn error(sqlstate: &str, message: &str, routine: &str) -> PostgresReply {
    PostgresReply::Error {
        sqlstate: sqlstate.to_owned(),
        message: message.to_owned(),
        routine: routine.to_owned(),
    }
}

fn postgres() -> Vec<Row> {
    let gate = "ClientAuthentication";
    let wants = || {
        error(
            "28000",
            "connection requires a valid client certificate",
            gate,
        )
    };
    let wants_in_german = || {
        error(
            "28000",
            "Verbindung erfordert ein gültiges Client-Zertifikat",
            gate,
        )
    };
    let no_line = || {
        let words = "no pg_hba.conf entry for host \"10.0.0.7\", user \"app\", database \"app\", SSL encryption";
        error("28000", words, gate)
    };
    let ours = |reply| Row::of(REQUEST_13.gave_ours().replied(Reply::Postgres(reply)));
    let none = |reply| Row::of(REQUEST_13.gave_none().replied(Reply::Postgres(reply)));
    let number = PostgresReply::Authentication;
    let wrong = error(
        "28000",
        "certificate authentication failed for user \"app\"",
        "auth_failed",
    );
    let trust = error(
        "28000",
        "\"trust\" authentication failed for user \"app\"",
        "auth_failed",
    );
    let password = error(
        "28P01",
        "password authentication failed for user \"app\"",
        "auth_failed",
    );
    let database = || error("3D000", "database \"app\" does not exist", "InitPostgres");
    let starting = error(
        "57P03",
        "the database system is starting up",
        "ProcessStartupPacket",
    );
    let many = error("53300", "sorry, too many clients already", "InitProcess");
    let denied = "AUTHZ_DENIED by peer, certain";
    vec![
        ours(number(0)).want("OK, certain"),
        ours(number(10)).want("OK, likely"),
        ours(number(5)).want("OK, likely"),
        none(number(0)).want("OK, certain"),
        none(number(10)).want("OK, certain"),
        none(wants()).want("CLIENT_CERT_REQUIRED by peer, certain"),
        none(wants_in_german()).want("AUTHZ_DENIED by peer, ambiguous: CLIENT_CERT_REQUIRED"),
        ours(wants()).want("CLIENT_CERT_REQUIRED by peer, likely"),
        ours(no_line()).want(denied),
        none(no_line()).want(denied),
        ours(wrong).want(denied),
        ours(trust).want("AUTHZ_DENIED by peer, likely"),
        ours(password).want("AUTHZ_DENIED by peer, likely"),
        ours(database()).want("OK, likely"),
        none(database()).want("CLOSED, ambiguous: OK CLIENT_CERT_REQUIRED AUTHZ_DENIED"),
        ours(starting).want("CLOSED, ambiguous: OK CERT_REJECTED AUTHZ_DENIED"),
        ours(many).want("CLOSED, ambiguous: OK CERT_REJECTED AUTHZ_DENIED"),
    ]
}

fn in_plaintext() -> Vec<Row> {
    let said = |reply| Row::of(HELLO.plaintext().replied(Reply::Postgres(reply)));
    let answered = Elsewhere {
        speaks_tls: true,
        accepts: true,
        answers: true,
        ..Elsewhere::default()
    };
    let rejects = || {
        let words = "pg_hba.conf rejects connection for host \"10.0.0.7\", user \"app\", database \"app\", no encryption";
        error("28000", words, "ClientAuthentication")
    };
    let pooler = error("08P01", "SSL required", "");
    let many = error("53300", "sorry, too many clients already", "InitProcess");
    vec![
        said(PostgresReply::Authentication(10)).want("PLAINTEXT_ACCEPTED, certain"),
        said(PostgresReply::Authentication(0)).want("PLAINTEXT_ACCEPTED, certain"),
        said(rejects()).want("PLAINTEXT_REJECTED by peer, likely"),
        said(rejects())
            .elsewhere(answered)
            .want("PLAINTEXT_REJECTED by peer, certain"),
        said(pooler).want("PLAINTEXT_REJECTED by peer, likely"),
        said(many).want("CLOSED, ambiguous: PLAINTEXT_ACCEPTED PLAINTEXT_REJECTED"),
    ]
}
