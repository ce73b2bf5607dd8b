//! Which further connections are opened, and what they settle.

use super::dialects::{SPIFFE, shows};
use super::row::{Row, Section};
use super::scene::*;
use super::world::{own, sent_alone, server};
use crate::code::Code::*;
use crate::observation::Version::{Tls12, Tls13};
use crate::observation::Wordless::{CloseNotify, Fin, Quiet, Reset};
use crate::observation::{Ending, Gave, NeverConnected, Observation, Stage};
use crate::plan::FollowUp::{self, MeshAlpn, NoCertificate, OtherVersion, PlainAlpn, Throwaway};
use crate::target::Dialect;
use crate::verdict::{Elsewhere, Library};

#[test]
fn a_follow_up_is_opened_where_it_could_settle_what_is_open() {
    opened().check();
}

#[test]
fn what_a_follow_up_shows_settles_what_one_connection_leaves_open() {
    for section in [
        throwaway(),
        no_certificate(),
        other_version(),
        mesh_alpn(),
        plain_alpn(),
    ] {
        section.check();
    }
}

#[test]
fn a_follow_up_that_showed_nothing_changes_nothing() {
    for section in sections() {
        for row in section.rows {
            let alone = row.alone();
            let verdict = alone.verdict();
            for kind in FollowUp::ALL {
                let failed = Ending::NeverConnected(NeverConnected::Timeout);
                let row = alone
                    .clone()
                    .followed(kind, at(Stage::Tcp, None).ends(failed));
                let after = row.verdict();
                let said = (after.code(), after.confidence);
                assert_eq!(said, (verdict.code(), verdict.confidence), "{row:#?}");
            }
        }
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        opened(),
        throwaway(),
        no_certificate(),
        other_version(),
        mesh_alpn(),
        plain_alpn(),
    ]
}

fn opened() -> Section {
    let reset =
        "RESET, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER UPSTREAM_UNAVAILABLE";
    let closed_at_once =
        "CLOSED, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER UPSTREAM_UNAVAILABLE";
    let settle = || Row::of(SETTLE_13.gave_ours()).own(own(&[]));
    let row = |row: Row, seen: fn(Observation) -> Observation| row.but(seen);
    let anything = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH UNKNOWN_CA \
                    CERT_NOT_YET_VALID CERT_REVOKED";
    let closed = "CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE";
    let late = || {
        let seen = SETTLE_13.gave_ours().ticket().asked_by(Library::OpenSsl);
        Row::of(seen).own(own(&[]))
    };
    Section {
        title: "When a further connection is opened",
        about: "Only where the verdict is open, only what could settle it, each kind once, and at most three for a cell; \
                and none where a plan, a suite or `--no-follow-ups` says so. A certificate is followed up only where one was \
                given and judged.",
        rows: vec![
            row(settle(), |seen| seen.alert(46))
                .want(anything)
                .asks(&[Throwaway]),
            row(settle(), |seen| seen.alert(42))
                .want(anything)
                .asks(&[Throwaway]),
            // Of these a stranger's certificate tells nothing.
            row(settle(), |seen| seen.alert(44))
                .want("CERT_REVOKED by peer, certain")
                .asks(&[]),
            Row::of(SETTLE_13.gave_ours().alert(48))
                .own(sent_alone())
                .want("UNKNOWN_CA by peer, ambiguous: INCOMPLETE_CHAIN")
                .asks(&[]),
            row(settle(), |seen| seen.alert(48))
                .want("UNKNOWN_CA by peer, likely")
                .asks(&[]),
            row(settle(), |seen| seen.alert(45))
                .want("CERT_EXPIRED by peer, ambiguous: CERT_NOT_YET_VALID")
                .asks(&[]),
            row(settle().own(own(&[CertExpired])), |seen| seen.alert(46))
                .want("CERT_EXPIRED by peer, likely")
                .asks(&[]),
            row(settle(), |seen| seen.wordless(Fin))
                .want(closed)
                .asks(&[NoCertificate, Throwaway, OtherVersion]),
            row(settle(), |seen| seen.wordless(Reset))
                .want("RESET, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE")
                .asks(&[NoCertificate, Throwaway, OtherVersion]),
            // It would be silent again, and each costs the whole patience.
            row(settle(), |seen| seen.wordless(Quiet))
                .want("SILENT, ambiguous: CERT_REJECTED")
                .asks(&[]),
            // Both versions were offered, and the server chose the older.
            Row::of(AUTH_12.gave_ours().wordless(Fin))
                .want(closed)
                .asks(&[NoCertificate, Throwaway]),
            Row::of(AUTH_12.gave_ours().offering(Tls12).wordless(Fin))
                .want(closed)
                .asks(&[NoCertificate, Throwaway, OtherVersion]),
            Row::of(SETTLE_13.gave_none().wordless(Fin))
                .want("CLOSED, ambiguous: CLIENT_CERT_REQUIRED UPSTREAM_UNAVAILABLE")
                .asks(&[OtherVersion]),
            Row::of(SETTLE_13.gave_unfit().wordless(Fin))
                .want("CLOSED, ambiguous: NO_SHARED_CIPHER UPSTREAM_UNAVAILABLE")
                .asks(&[]),
            row(late(), |seen| seen)
                .want("SILENT, ambiguous: OK CERT_REJECTED")
                .asks(&[Throwaway]),
            Row::of(SETTLE_13.gave(Gave::Nothing, &[]).ticket())
                .by(Library::OpenSsl)
                .want("SILENT, ambiguous: OK CLIENT_CERT_REQUIRED")
                .asks(&[]),
            Row::of(REQUEST_13.gave_ours().ticket().wordless(CloseNotify))
                .want("CLOSED, ambiguous: AUTHZ_DENIED CERT_REJECTED UPSTREAM_UNAVAILABLE")
                .asks(&[Throwaway]),
            Row::of(HELLO.wordless(Reset))
                .want(reset)
                .asks(&[MeshAlpn, OtherVersion]),
            Row::of(HELLO.offering(Tls13).wordless(Fin))
                .want(closed_at_once)
                .asks(&[MeshAlpn, OtherVersion]),
            // It has offered that already.
            Row::of(HELLO.like_a_sidecar().wordless(Fin))
                .want(
                    "CLOSED, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER \
                     ALPN_MISMATCH UPSTREAM_UNAVAILABLE",
                )
                .asks(&[OtherVersion]),
            Row::of(HELLO.alert(80)).want("CLOSED, ambiguous").asks(&[]),
            Row::of(FLIGHT_13.wordless(Reset))
                .want("RESET, ambiguous")
                .asks(&[]),
            Row::of(REQUEST_13.gave_ours().answered(http(200, "", "")))
                .want("OK, certain")
                .asks(&[]),
            Row::of(HELLO.plaintext().wordless(Fin))
                .want("CLOSED, ambiguous")
                .asks(&[]),
        ],
    }
}

/// What somebody heard who came with a certificate of ours by a CA that nobody knows.
fn stranger(alert: u8) -> Observation {
    SETTLE_13.gave_ours().alert(alert)
}

fn throwaway() -> Section {
    let given = |alert| Row::of(SETTLE_13.gave_ours().alert(alert)).own(own(&[]));
    let mesh = || server("spiffe://cluster.local/ns/default/sa/api");
    let anything = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH UNKNOWN_CA \
                    CERT_NOT_YET_VALID CERT_REVOKED";
    let no_stranger = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH \
                       CERT_NOT_YET_VALID CERT_REVOKED";
    let late = || {
        let seen = SETTLE_13.gave_ours().ticket().asked_by(Library::OpenSsl);
        Row::of(seen).own(own(&[]))
    };
    let taken = || SETTLE_13.gave_ours().ticket().asked_by(Library::OpenSsl);
    let accepts = Elsewhere {
        accepts: true,
        ..Elsewhere::default()
    };
    let closed = || {
        let seen = SETTLE_13.gave_ours().wordless(Fin);
        Row::of(seen).own(own(&[])).elsewhere(accepts)
    };
    Section {
        title: "What a throw-away settles",
        about: "How the server answers a certificate of our names by a CA that nobody knows. Refused otherwise than ours: \
                ours is no stranger's. Refused likewise: nothing new.",
        rows: vec![
            given(46).followed(Throwaway, stranger(46)).want(anything),
            given(46).followed(Throwaway, stranger(48)).want(no_stranger),
            given(46).by(Library::BoringSsl).followed(Throwaway, stranger(48)).want(
                "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH",
            ),
            given(46)
                .by(Library::BoringSsl)
                .server(mesh())
                .followed(Throwaway, stranger(48))
                .want("SAN_MISMATCH by peer, likely"),
            given(46)
                .by(Library::BoringSsl)
                .server(server("spiffe://elsewhere/ns/default/sa/api"))
                .followed(Throwaway, stranger(48))
                .want("TRUST_DOMAIN_MISMATCH by peer, likely"),
            given(46).by(Library::BoringSsl).followed(Throwaway, stranger(46)).want(
                "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH UNKNOWN_CA \
                 CERT_NOT_YET_VALID",
            ),
            given(42).by(Library::Go).followed(Throwaway, stranger(42)).want(anything),
            // Who has words for strangers has them for us, so a silence is not about our certificate.
            closed().want(anything),
            closed()
                .followed(Throwaway, stranger(48))
                .want("CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE"),
            closed()
                .followed(Throwaway, SETTLE_13.gave_ours().wordless(Fin))
                .want(anything),
            late().want("SILENT, ambiguous: OK CERT_REJECTED"),
            late().followed(Throwaway, stranger(48)).want("OK, likely"),
            late().followed(Throwaway, taken()).want("SILENT, ambiguous: OK CERT_REJECTED"),
        ],
    }
}

fn no_certificate() -> Section {
    let settle = |how| Row::of(SETTLE_13.gave_ours().wordless(how)).own(own(&[]));
    let none = |seen: Observation| seen.gave_none();
    let anything = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH UNKNOWN_CA \
                    CERT_NOT_YET_VALID CERT_REVOKED";
    let closed = "CLOSED, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE";
    Section {
        title: "What coming without a certificate settles",
        about: "Where the server does answer that, it is up and it judges, so its silence is about the certificate we gave. \
                Envoy answers so also where its application is down.",
        rows: vec![
            settle(Fin)
                .followed(NoCertificate, none(SETTLE_13).alert(116))
                .want(anything),
            settle(Reset)
                .followed(NoCertificate, none(SETTLE_13).alert(116))
                .want(anything),
            settle(Quiet)
                .followed(NoCertificate, none(SETTLE_13).alert(116))
                .want("SILENT, ambiguous: CERT_REJECTED"),
            settle(Fin)
                .own(own(&[CertExpired]))
                .followed(NoCertificate, none(SETTLE_13).alert(116))
                .want("CERT_EXPIRED by peer, likely"),
            settle(Fin)
                .followed(
                    NoCertificate,
                    none(SETTLE_13).ticket().asked_by(Library::Rustls),
                )
                .want(anything),
            settle(Fin)
                .followed(NoCertificate, none(SETTLE_13).wordless(Fin))
                .want(closed),
            settle(Fin)
                .by(Library::BoringSsl)
                .followed(NoCertificate, none(SETTLE_13).alert(116))
                .want("CLOSED, ambiguous: CERT_REJECTED ALPN_MISMATCH UPSTREAM_UNAVAILABLE"),
        ],
    }
}

fn other_version() -> Section {
    let hello = |how| Row::of(HELLO.wordless(how));
    let only = |how| Row::of(HELLO.offering(Tls13).wordless(how));
    let taken = || SETTLE_12.gave_ours().after_our_close();
    let no_version = "CLOSED, ambiguous: NO_FILTER_CHAIN NO_SHARED_CIPHER UPSTREAM_UNAVAILABLE";
    let settle = |how| Row::of(SETTLE_13.gave_ours().wordless(how)).own(own(&[]));
    let older = |alert| AUTH_12.gave_ours().alert(alert);
    Section {
        title: "What the other TLS version settles",
        about: "Where it takes us and we offered one version alone, that was refused for its version. Where it names a cause, that is the \
                cause here as well, and likely at the most.",
        rows: vec![
            only(Fin)
                .followed(OtherVersion, taken())
                .want("PROTOCOL_VERSION by peer, likely"),
            only(Reset)
                .followed(OtherVersion, taken())
                .want("PROTOCOL_VERSION by peer, likely"),
            only(Fin).followed(OtherVersion, older(48)).want(
                "CLOSED, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER \
                 UPSTREAM_UNAVAILABLE",
            ),
            only(Fin)
                .followed(OtherVersion, HELLO.wordless(Fin))
                .want(no_version),
            // TLS 1.2 was offered in the first place.
            hello(Fin)
                .followed(OtherVersion, older(48))
                .want(no_version),
            hello(Fin)
                .followed(OtherVersion, HELLO.wordless(Fin))
                .want(no_version),
            settle(Reset)
                .followed(OtherVersion, older(44))
                .want("CERT_REVOKED by peer, likely"),
            settle(Reset)
                .followed(OtherVersion, older(48))
                .want("UNKNOWN_CA by peer, likely"),
            settle(Reset)
                .followed(OtherVersion, AUTH_12.gave_ours().wordless(Reset))
                .want("RESET, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE"),
            // It was given something else.
            settle(Reset)
                .followed(OtherVersion, AUTH_12.gave_unfit().alert(40))
                .want("RESET, ambiguous: CERT_REJECTED UPSTREAM_UNAVAILABLE"),
            Row::of(SETTLE_13.gave_none().wordless(Reset))
                .followed(OtherVersion, AUTH_12.gave_none().alert(40))
                .want("CLIENT_CERT_REQUIRED by peer, likely"),
        ],
    }
}

fn mesh_alpn() -> Section {
    let hello = |how| Row::of(HELLO.wordless(how));
    let envoy = Elsewhere {
        answers_plaintext: true,
        plaintext_server: Some("istio-envoy"),
        ..Elsewhere::default()
    };
    let settled = |how| hello(how).followed(MeshAlpn, SETTLE_13.gave_ours().ticket());
    let closed = "CLOSED, ambiguous: NO_FILTER_CHAIN AUTHZ_DENIED UPSTREAM_UNAVAILABLE";
    Section {
        title: "What the ALPN of a mesh settles",
        about: "A sidecar of Istio in PERMISSIVE mode knows its peers by the application protocol that they offer. At an HTTP \
                port it has no filter chain for others and resets them; at others it passes them through, to an application \
                that may reset or close by itself.",
        rows: vec![
            settled(Reset)
                .want("NO_FILTER_CHAIN by peer, ambiguous: UPSTREAM_UNAVAILABLE")
                .asks(&[]),
            settled(Reset)
                .elsewhere(envoy)
                .want("NO_FILTER_CHAIN by peer, likely"),
            settled(Fin).want(closed).asks(&[]),
            settled(Fin).elsewhere(envoy).want(closed),
            // Whatever it says of our certificate then.
            hello(Reset)
                .followed(MeshAlpn, SETTLE_13.gave_ours().alert(48))
                .want("NO_FILTER_CHAIN by peer, ambiguous: UPSTREAM_UNAVAILABLE"),
            hello(Reset)
                .followed(MeshAlpn, FLIGHT_13.wordless(Reset))
                .want("NO_FILTER_CHAIN by peer, ambiguous: UPSTREAM_UNAVAILABLE"),
            hello(Reset)
                .followed(MeshAlpn, HELLO.wordless(Reset))
                .want(
                    "RESET, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER \
                     UPSTREAM_UNAVAILABLE",
                )
                .asks(&[OtherVersion]),
            hello(Reset).followed(MeshAlpn, HELLO.alert(40)).want(
                "RESET, ambiguous: NO_FILTER_CHAIN PROTOCOL_VERSION NO_SHARED_CIPHER \
                     UPSTREAM_UNAVAILABLE",
            ),
            hello(Reset)
                .elsewhere(envoy)
                .followed(MeshAlpn, HELLO.wordless(Reset))
                .want("NO_FILTER_CHAIN by peer, likely"),
        ],
    }
}

fn plain_alpn() -> Section {
    let plaintext = |how| {
        let mut seen = HELLO.plaintext().wordless(how);
        seen.dialect = Dialect::Istio;
        Row::of(seen).elsewhere(Elsewhere {
            speaks_tls: true,
            ..Elsewhere::default()
        })
    };
    let page = || {
        let https = "Client sent an HTTP request to an HTTPS server.";
        let mut seen = HELLO.plaintext().answered(http(400, "", https));
        seen.dialect = Dialect::Istio;
        Row::of(seen)
    };
    let sidecar = || shows(SPIFFE, Library::BoringSsl, true).alert(116);
    let rejected = "PLAINTEXT_REJECTED by peer, likely";
    let open = "PLAINTEXT_REJECTED by peer, ambiguous";
    Section {
        title: "What another ALPN settles of plaintext at a sidecar",
        about: "A PERMISSIVE sidecar lets plaintext in, and an application with TLS of its own refuses it: that looks as if \
                the sidecar were STRICT. A STRICT one takes TLS without the ALPN of a mesh as well.",
        rows: vec![
            plaintext(Reset).want(open),
            plaintext(Reset)
                .followed(PlainAlpn, sidecar())
                .want(rejected),
            plaintext(Fin).followed(PlainAlpn, sidecar()).want(rejected),
            plaintext(Reset)
                .followed(PlainAlpn, shows("", Library::Go, true))
                .want(open),
            // An application that is named by SPIFFE as well.
            plaintext(Reset)
                .followed(PlainAlpn, shows(SPIFFE, Library::Go, true))
                .want(open),
            plaintext(Reset)
                .followed(PlainAlpn, HELLO.wordless(Reset))
                .want(open),
            page().want(open).asks(&[PlainAlpn]),
            page()
                .followed(PlainAlpn, shows("", Library::Go, false))
                .want(open)
                .asks(&[]),
            page()
                .followed(PlainAlpn, sidecar())
                .want("PLAINTEXT_REJECTED by peer, certain"),
        ],
    }
}
