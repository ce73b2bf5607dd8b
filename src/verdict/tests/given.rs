//! Our certificate was given, and an alert came, of a library that nobody knows.

use super::row::{Row, Section, alerts};
use super::scene::*;
use super::world::{WORLD, others, ours, own, sent_alone, server};
use crate::code::Code::*;
use crate::observation::Observation;

#[test]
fn each_alert_means_what_it_means_where_it_comes() {
    for section in sections() {
        section.check();
    }
}

#[test]
fn the_cas_that_a_server_lists_tell_a_stranger_from_a_namesake() {
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
        let own = WORLD.come(situation).remove(nth);
        let row = Row::of(given(SETTLE_13).listing(&ours()).alert(48)).own(own);
        Section {
            title: "",
            about: "",
            rows: vec![row.want(want)],
        }
        .check();
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "Our certificate was given: alerts that name a cause",
            about: "These mean the same from every library, but for what our own certificate tells.",
            rows: named(),
        },
        Section {
            title: "Our certificate was given: alert 48 unknown_ca",
            about: "Said of a stranger's CA, of a CA of the same name with another key, and of a missing intermediate; by \
                    some also of dates and usages. The CA names that the server lists tell the first from the second.",
            rows: untrusted(),
        },
        Section {
            title: "Our certificate was given: alerts that name no cause",
            about: "42, 46 and 49 differ by library, and of an unknown one they mean anything. What we know of our own \
                    certificate comes first; a wrong name is called by the trust domain where it differs.",
            rows: unnamed(),
        },
    ]
}

fn given(at: Observation) -> Observation {
    at.gave_ours()
}

fn named() -> Vec<Row> {
    let settle = || Row::of(given(SETTLE_13));
    let with = |codes: &[_]| settle().own(own(codes));
    [
        alerts(
            &settle(),
            &[
                (43, "CERT_UNSUPPORTED by peer, likely"),
                (44, "CERT_REVOKED by peer, certain"),
                (45, "CERT_EXPIRED by peer, ambiguous: CERT_NOT_YET_VALID"),
                (120, "ALPN_MISMATCH by peer, likely"),
                (80, "CLOSED, ambiguous: CERT_REJECTED"),
                (200, "CLOSED, ambiguous: CERT_REJECTED"),
            ],
        ),
        alerts(
            &Row::of(given(AUTH_12)),
            &[(44, "CERT_REVOKED by peer, certain")],
        ),
        alerts(
            &with(&[]),
            &[
                (43, "CERT_UNSUPPORTED by peer, likely"),
                (44, "CERT_REVOKED by peer, certain"),
                (45, "CERT_EXPIRED by peer, ambiguous: CERT_NOT_YET_VALID"),
                (51, "BAD_SIGNATURE by peer, likely"),
                (
                    116,
                    "CERT_REJECTED by peer, ambiguous: CLIENT_CERT_REQUIRED",
                ),
            ],
        ),
        alerts(
            &with(&[CertUnsupported]),
            &[
                (43, "CERT_UNSUPPORTED by peer, certain"),
                (51, "CERT_UNSUPPORTED by peer, likely"),
            ],
        ),
        alerts(
            &with(&[CertExpired]),
            &[(45, "CERT_EXPIRED by peer, certain")],
        ),
        alerts(
            &with(&[CertNotYetValid]),
            &[(45, "CERT_NOT_YET_VALID by peer, certain")],
        ),
        alerts(
            &with(&[UnknownCa, CertExpired]),
            &[(45, "CERT_EXPIRED by peer, certain")],
        ),
    ]
    .concat()
}

fn untrusted() -> Vec<Row> {
    let settle = || Row::of(given(SETTLE_13).alert(48));
    let listing = |names: &[Vec<u8>]| Row::of(given(SETTLE_13).listing(names).alert(48));
    let likely = "UNKNOWN_CA by peer, likely";
    let certain = "UNKNOWN_CA by peer, certain";
    let alone = "UNKNOWN_CA by peer, ambiguous: INCOMPLETE_CHAIN";
    vec![
        settle().want(likely),
        settle().own(own(&[])).want(likely),
        settle().own(own(&[UnknownCa])).want(likely),
        settle()
            .own(own(&[IncompleteChain]))
            .want("INCOMPLETE_CHAIN by peer, likely"),
        settle().own(sent_alone()).want(alone),
        settle()
            .own(own(&[CertExpired]))
            .want("UNKNOWN_CA by peer, ambiguous: CERT_EXPIRED"),
        listing(&ours()).own(own(&[])).want(likely),
        listing(&ours()).own(sent_alone()).want(alone),
        listing(&ours())
            .own(own(&[CertExpired]))
            .want("UNKNOWN_CA by peer, ambiguous: CERT_EXPIRED"),
        listing(&others()).own(own(&[])).want(certain),
        listing(&others()).own(own(&[CertExpired])).want(certain),
        listing(&others()).own(sent_alone()).want(alone),
        Row::of(given(AUTH_12).alert(48)).own(own(&[])).want(likely),
        Row::of(given(REQUEST_13).alert(48))
            .own(own(&[]))
            .want(likely),
    ]
}

fn unnamed() -> Vec<Row> {
    let settle = || Row::of(given(SETTLE_13));
    let with = |codes: &[_]| settle().own(own(codes));
    let mesh = |id: &str| -> Row { with(&[]).server(server(id)) };
    let anything = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH UNKNOWN_CA \
                    CERT_NOT_YET_VALID CERT_REVOKED";
    let failure = "CERT_REJECTED by peer, ambiguous: CERT_UNSUPPORTED UNKNOWN_CA SAN_MISMATCH \
                   TRUST_DOMAIN_MISMATCH";
    [
        alerts(&settle(), &[(46, anything), (40, failure)]),
        alerts(
            &with(&[]),
            &[
                (40, failure),
                (42, anything),
                (46, anything),
                (49, anything),
            ],
        ),
        alerts(
            &mesh("spiffe://cluster.local/ns/default/sa/api"),
            &[(
                46,
                "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH UNKNOWN_CA CERT_NOT_YET_VALID \
                 CERT_REVOKED",
            )],
        ),
        alerts(
            &mesh("spiffe://elsewhere/ns/default/sa/api"),
            &[(
                46,
                "CERT_REJECTED by peer, ambiguous: TRUST_DOMAIN_MISMATCH UNKNOWN_CA \
                 CERT_NOT_YET_VALID CERT_REVOKED",
            )],
        ),
        alerts(
            &with(&[CertExpired]),
            &[
                (42, "CERT_EXPIRED by peer, likely"),
                (46, "CERT_EXPIRED by peer, likely"),
                (49, "CERT_EXPIRED by peer, likely"),
            ],
        ),
        alerts(
            &with(&[InvalidSvid]),
            &[(
                46,
                "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH UNKNOWN_CA \
                 CERT_NOT_YET_VALID CERT_REVOKED CERT_UNSUPPORTED",
            )],
        ),
        alerts(
            &with(&[CertUnsupported]),
            &[
                (40, "CERT_UNSUPPORTED by peer, likely"),
                (46, "CERT_UNSUPPORTED by peer, likely"),
            ],
        ),
        alerts(
            &with(&[]).but(|seen| seen.listing(&others())),
            &[
                (42, "UNKNOWN_CA by peer, likely"),
                (46, "UNKNOWN_CA by peer, likely"),
                (49, "UNKNOWN_CA by peer, likely"),
            ],
        ),
    ]
    .concat()
}
