//! The server took us at TLS, as far as that shows.

use super::libraries::ALL;
use super::row::{Row, Section, alerts, ends};
use super::scene::*;
use super::world::own;
use crate::code::Code::*;
use crate::observation::Wordless::{CloseNotify, Fin, Quiet, Reset};
use crate::observation::{Gave, Objection, Observation, Version};
use crate::plan::FollowUp::Throwaway;
use crate::verdict::{Elsewhere, Library};

#[test]
fn a_finished_handshake_is_open_where_the_refusal_may_come_with_the_answer() {
    for section in sections() {
        section.check();
    }
}

#[test]
fn nonsense_after_a_ticket_proves_nothing_more() {
    for row in late() {
        let nonsense = Objection::Protocol("nonsense".into());
        let quiet = row.verdict();
        let nonsense = row.but(|seen| seen.objects(nonsense)).verdict();
        assert_eq!(quiet.code(), nonsense.code());
        assert_eq!(quiet.candidates, nonsense.candidates);
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "The handshake is finished, and no request was sent",
            about: "Proof is what a server says only to somebody it has taken: the end of a TLS 1.2 handshake, a ticket, \
                    data, its close_notify in answer to ours.",
            rows: proved(),
        },
        Section {
            title: "The handshake is finished, and the server may judge late",
            about: "Servers on OpenSSL, nginx among them, may finish it whatever the certificate and refuse in the answer to \
                    a request. So may a library that nobody knows. A throw-away that is refused shows that this one does \
                    not.",
            rows: late(),
        },
        Section {
            title: "The request was sent, and nothing was answered",
            about: "Where another identity gets an answer to the same request, the end is about us.",
            rows: unanswered(),
        },
        Section {
            title: "An alert after the server had taken us",
            about: "One that speaks of certificates still does, and is no longer certain; any other is about what came \
                    later.",
            rows: alerted(),
        },
    ]
}

fn in_time(at: Observation) -> Row {
    Row::of(at.gave_ours()).by(Library::Rustls)
}

fn proved() -> Vec<Row> {
    let ticket = |at: Observation| in_time(at).but(|seen| seen.ticket());
    let ok = "OK, likely";
    [
        ends(
            &in_time(SETTLE_13).but(|seen| seen.after_our_close()),
            &[(CloseNotify, ok)],
        ),
        ends(&ticket(SETTLE_13), &[(Quiet, ok), (Fin, ok)]),
        ends(&in_time(SETTLE_13).but(|seen| seen.data()), &[(Quiet, ok)]),
        ends(&in_time(SETTLE_12), &[(Quiet, ok)]),
        ends(
            &Row::of(SETTLE_12.unasked().after_our_close()),
            &[(CloseNotify, "OK, certain")],
        ),
        ends(
            &Row::of(SETTLE_13.unasked().ticket().after_our_close()),
            &[(Fin, "OK, certain")],
        ),
        ends(&Row::of(SETTLE_12.unasked()), &[(Fin, ok)]),
    ]
    .concat()
}

fn late() -> Vec<Row> {
    let took = |gave| SETTLE_13.gave(gave, &[]).ticket().after_our_close();
    let ours = |library| Row::of(took(Gave::Certificate)).by(library);
    let none = |library| Row::of(took(Gave::Nothing)).by(library);
    let open = "SILENT, ambiguous: OK CERT_REJECTED";
    let asked = "SILENT, ambiguous: OK CLIENT_CERT_REQUIRED";
    let refused = SETTLE_13.gave_ours().alert(48);
    let taken = took(Gave::Certificate);
    let mut rows = vec![
        Row::of(took(Gave::Certificate)).own(own(&[])).want(open),
        ours(Library::OpenSsl).own(own(&[])).want(open),
        ours(Library::OpenSsl).own(own(&[CertExpired])).want(open),
        Row::of(SETTLE_12.gave_ours())
            .by(Library::OpenSsl)
            .own(own(&[]))
            .want(open),
        none(Library::OpenSsl).want(asked),
        Row::of(took(Gave::Nothing)).want(asked),
        ours(Library::Go)
            .own(own(&[CertExpired]))
            .want("OK, likely"),
        none(Library::Go).want("OK, likely"),
        none(Library::OpenSsl)
            .but(|seen| seen.data())
            .want("OK, likely"),
        ours(Library::OpenSsl)
            .own(own(&[]))
            .followed(Throwaway, refused)
            .want("OK, likely"),
        ours(Library::OpenSsl)
            .own(own(&[]))
            .followed(Throwaway, taken)
            .want(open),
    ];
    // Any other library judges in the handshake; Mbed TLS was measured in TLS 1.2 alone.
    let others = ALL
        .into_iter()
        .filter(|library| *library != Library::OpenSsl);
    rows.extend(others.map(|library| {
        let at = match library.schemes(Version::Tls13) {
            [] => SETTLE_12.gave_ours().after_our_close(),
            [..] => took(Gave::Certificate),
        };
        Row::of(at).by(library).own(own(&[])).want("OK, likely")
    }));
    rows
}

fn unanswered() -> Vec<Row> {
    let answers = Elsewhere {
        answers: true,
        accepts: true,
        ..Elsewhere::default()
    };
    let asked = || in_time(REQUEST_13).but(|seen| seen.ticket()).own(own(&[]));
    let late = || Row::of(REQUEST_13.gave_ours().ticket()).by(Library::OpenSsl);
    let policy = "AUTHZ_DENIED by peer, ambiguous: CERT_REJECTED";
    let unproved = "CLOSED, ambiguous: CERT_REJECTED AUTHZ_DENIED UPSTREAM_UNAVAILABLE";
    let refused_or_denied = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH \
                             UNKNOWN_CA CERT_NOT_YET_VALID AUTHZ_DENIED";
    let closed = "CLOSED, ambiguous: AUTHZ_DENIED CERT_REJECTED UPSTREAM_UNAVAILABLE";
    let reset = "RESET, ambiguous: AUTHZ_DENIED CERT_REJECTED UPSTREAM_UNAVAILABLE";
    let mut rows = [
        ends(
            &asked(),
            &[
                (CloseNotify, closed),
                (Reset, reset),
                (Quiet, "SILENT, ambiguous"),
            ],
        ),
        ends(
            &asked().elsewhere(answers),
            &[
                (CloseNotify, policy),
                (Reset, reset),
                (Quiet, "SILENT, ambiguous"),
            ],
        ),
        ends(
            &in_time(SETTLE_12).but(|seen| seen.unsent()),
            &[(CloseNotify, closed), (Reset, reset)],
        ),
        ends(
            &in_time(SETTLE_12)
                .but(|seen| seen.unsent())
                .elsewhere(answers),
            &[(CloseNotify, policy)],
        ),
        // Nothing shows that it took us: Envoy sends no ticket before its first data.
        ends(
            &in_time(REQUEST_13).own(own(&[])),
            &[
                (Fin, unproved),
                (CloseNotify, closed),
                (Quiet, "SILENT, ambiguous: CERT_REJECTED"),
            ],
        ),
        ends(
            &in_time(REQUEST_13).own(own(&[])).elsewhere(answers),
            &[(Fin, refused_or_denied), (CloseNotify, policy)],
        ),
        ends(&in_time(REQUEST_12).elsewhere(answers), &[(Fin, policy)]),
        ends(
            &asked().but(|seen| seen.data()).elsewhere(answers),
            &[(Fin, "CLOSED, ambiguous")],
        ),
        // nginx stream judges late, and policy may judge anywhere.
        ends(
            &late().own(own(&[])).elsewhere(answers),
            &[(CloseNotify, policy)],
        ),
        ends(
            &late().own(own(&[CertExpired])).elsewhere(answers),
            &[(CloseNotify, "CERT_EXPIRED by peer, likely")],
        ),
        ends(
            &asked().own(own(&[CertExpired])).elsewhere(answers),
            &[(CloseNotify, policy)],
        ),
        ends(
            &Row::of(REQUEST_13.gave_none().ticket())
                .by(Library::OpenSsl)
                .elsewhere(answers),
            &[(CloseNotify, "CLIENT_CERT_REQUIRED by peer, likely")],
        ),
        ends(
            &Row::of(REQUEST_13.gave_none().ticket())
                .by(Library::Rustls)
                .elsewhere(answers),
            &[(
                CloseNotify,
                "CLIENT_CERT_REQUIRED by peer, ambiguous: AUTHZ_DENIED",
            )],
        ),
        ends(
            &Row::of(REQUEST_13.unasked().ticket()).elsewhere(answers),
            &[(CloseNotify, policy)],
        ),
    ]
    .concat();
    let refused = SETTLE_13.gave_ours().alert(48);
    let closed = asked()
        .elsewhere(answers)
        .but(|seen| seen.wordless(CloseNotify));
    rows.push(
        closed
            .followed(Throwaway, refused)
            .want("AUTHZ_DENIED by peer, likely"),
    );
    rows
}

fn alerted() -> Vec<Row> {
    let later = "CLOSED, ambiguous: AUTHZ_DENIED CERT_REJECTED";
    let ticket = || Row::of(REQUEST_13.gave_ours().ticket()).own(own(&[]));
    [
        alerts(
            &ticket(),
            &[
                (44, "CERT_REVOKED by peer, likely"),
                (48, "UNKNOWN_CA by peer, likely"),
                (45, "CERT_EXPIRED by peer, ambiguous: CERT_NOT_YET_VALID"),
                (40, later),
            ],
        ),
        alerts(
            &ticket().own(own(&[CertExpired])),
            &[(45, "CERT_EXPIRED by peer, likely")],
        ),
        alerts(&Row::of(REQUEST_12.gave_ours()), &[(20, later)]),
        alerts(
            &ticket().but(|seen| seen.too_early()),
            &[(44, "CERT_REVOKED by peer, certain")],
        ),
    ]
    .concat()
}
