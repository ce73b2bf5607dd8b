//! What a TLS library changes in the reading of an alert, and which library it is.

use super::row::{Row, Section, alerts};
use super::scene::*;
use super::world::{others, own, server};
use crate::code::Code::*;
use crate::observation::Version::{Tls12, Tls13};
use crate::observation::{CertificateRequest, Observation, Version};
use crate::plan::FollowUp::Throwaway;
use crate::verdict::Library;

#[test]
fn a_library_means_by_an_alert_what_it_was_measured_to_mean() {
    for section in sections() {
        section.check();
    }
}

#[test]
fn a_library_is_known_by_the_order_of_its_schemes_and_by_nothing_less() {
    for library in ALL {
        for version in [Tls12, Tls13] {
            let schemes = library.schemes(version);
            if schemes.is_empty() {
                continue;
            }
            let seen = asking(version, schemes.to_vec());
            assert!(Library::of(&seen).contains(&library), "{library:?}");
            let mut turned = schemes.to_vec();
            turned.reverse();
            let mut short = schemes.to_vec();
            short.pop();
            let mut long = schemes.to_vec();
            long.push(0xfe0d);
            for list in [turned, short, long] {
                assert!(
                    !Library::of(&asking(version, list)).contains(&library),
                    "{library:?} by another list"
                );
            }
        }
    }
    // Not by one that is of the other version.
    let schemes = Library::BoringSsl.schemes(Tls13).to_vec();
    assert!(Library::of(&asking(Tls12, schemes)).is_empty());
    assert!(Library::of(&asking(Tls13, vec![])).is_empty());
    assert!(Library::of(&SETTLE_13.unasked()).is_empty());
}

#[test]
fn openssl_and_jsse_share_a_list_in_tls_1_2_and_so_neither_is_believed() {
    let seen = asking(Tls12, Library::OpenSsl.schemes(Tls12).to_vec());
    assert_eq!(Library::of(&seen), [Library::OpenSsl, Library::Jsse]);
    let shared = Row::of(AUTH_12.gave_ours()).by(Library::OpenSsl);
    let unknown = Row::of(AUTH_12.gave_ours());
    for alert in 1..=255 {
        for own in [own(&[]), own(&[CertExpired]), own(&[CertUnsupported])] {
            let judged = |row: &Row| {
                let row = row.clone().but(|seen| seen.alert(alert)).own(own.clone());
                let verdict = row.verdict();
                (verdict.code(), verdict.confidence, verdict.candidates)
            };
            assert_eq!(judged(&shared), judged(&unknown), "alert {alert}");
        }
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "What a library changes: our certificate is faultless",
            about: "Only where a library was measured to mean less by an alert than all libraries together. The list that \
                    OpenSSL and JSSE share in TLS 1.2 names neither, and changes nothing.",
            rows: faultless(),
        },
        Section {
            title: "What a library changes: what we know of our own certificate",
            about: "A fault of ours is the cause only where this library says so of such a fault.",
            rows: faulty(),
        },
    ]
}

fn faultless() -> Vec<Row> {
    let of = |library| Row::of(SETTLE_13.gave_ours()).by(library).own(own(&[]));
    let of_12 = |library| Row::of(AUTH_12.gave_ours()).by(library).own(own(&[]));
    let anything = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH UNKNOWN_CA \
                    CERT_NOT_YET_VALID CERT_REVOKED";
    let but_revoked = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH \
                       UNKNOWN_CA CERT_NOT_YET_VALID";
    let failure = "CERT_REJECTED by peer, ambiguous: CERT_UNSUPPORTED UNKNOWN_CA SAN_MISMATCH \
                   TRUST_DOMAIN_MISMATCH";
    let identity = "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH";
    let unknown_ca = "UNKNOWN_CA by peer, likely";
    let early_or_unfit = "CERT_REJECTED by peer, ambiguous: CERT_NOT_YET_VALID CERT_UNSUPPORTED";
    let stranger_or_misnamed =
        "CERT_REJECTED by peer, ambiguous: UNKNOWN_CA SAN_MISMATCH TRUST_DOMAIN_MISMATCH";
    let rustls_with_words =
        of(Library::Rustls).followed(Throwaway, SETTLE_13.gave_ours().alert(48));
    let envoy_default = of(Library::BoringSsl).followed(Throwaway, SETTLE_13.gave_ours().alert(48));
    let envoy_spiffe = of(Library::BoringSsl).followed(Throwaway, SETTLE_13.gave_ours().alert(46));
    let mesh = |row: &Row| {
        let id = "spiffe://cluster.local/ns/default/sa/api";
        row.clone().server(server(id))
    };
    [
        alerts(
            &of(Library::BoringSsl),
            &[
                (40, failure),
                (42, but_revoked),
                (46, but_revoked),
                (48, unknown_ca),
            ],
        ),
        alerts(&envoy_default, &[(46, identity)]),
        alerts(
            &mesh(&envoy_default),
            &[(46, "SAN_MISMATCH by peer, likely")],
        ),
        alerts(&envoy_spiffe, &[(46, but_revoked)]),
        alerts(
            &of(Library::OpenSsl),
            &[(42, early_or_unfit), (46, but_revoked), (48, unknown_ca)],
        ),
        alerts(
            &of_12(Library::OpenSsl),
            &[(42, anything), (46, anything), (48, unknown_ca)],
        ),
        alerts(&of(Library::Jsse), &[(46, anything), (40, failure)]),
        alerts(&of(Library::GnuTls), &[(49, anything)]),
        alerts(&of(Library::Go), &[(42, anything), (48, unknown_ca)]),
        alerts(
            &of(Library::Nss),
            &[
                (42, stranger_or_misnamed),
                (46, "CERT_UNSUPPORTED by peer, likely"),
                (48, unknown_ca),
            ],
        ),
        alerts(
            &of(Library::Erlang),
            &[
                (40, "CERT_UNSUPPORTED by peer, likely"),
                (42, stranger_or_misnamed),
                (46, anything),
                (48, unknown_ca),
            ],
        ),
        alerts(
            &of(Library::Rustls),
            &[
                (
                    42,
                    "CERT_REJECTED by peer, ambiguous: SAN_MISMATCH TRUST_DOMAIN_MISMATCH \
                     CERT_UNSUPPORTED",
                ),
                (46, but_revoked),
                (48, unknown_ca),
                (49, but_revoked),
                (51, "BAD_SIGNATURE by peer, likely"),
            ],
        ),
        alerts(
            &mesh(&rustls_with_words),
            &[(49, "SAN_MISMATCH by peer, likely")],
        ),
        alerts(
            &of(Library::WolfSsl),
            &[
                (
                    42,
                    "CERT_REJECTED by peer, ambiguous: UNKNOWN_CA CERT_UNSUPPORTED",
                ),
                (46, anything),
                (48, unknown_ca),
            ],
        ),
        alerts(
            &of_12(Library::MbedTls),
            &[(46, early_or_unfit), (48, unknown_ca)],
        ),
    ]
    .concat()
}

fn faulty() -> Vec<Row> {
    let of = |library, codes: &[_]| Row::of(SETTLE_13.gave_ours()).by(library).own(own(codes));
    let expired = "CERT_EXPIRED by peer, likely";
    let unfit = "CERT_UNSUPPORTED by peer, likely";
    let unknown_ca = "UNKNOWN_CA by peer, likely";
    [
        // An expired certificate is 45 with these, so 48 is about the CA.
        alerts(&of(Library::OpenSsl, &[CertExpired]), &[(48, unknown_ca)]),
        alerts(
            &of(Library::BoringSsl, &[CertExpired]),
            &[(48, unknown_ca), (46, expired)],
        ),
        alerts(
            &of(Library::Rustls, &[CertUnsupported]),
            &[(48, unknown_ca), (42, unfit)],
        ),
        alerts(&of(Library::Nss, &[CertExpired]), &[(48, expired)]),
        alerts(
            &of(Library::Nss, &[UnknownCa, CertExpired]),
            &[(48, unknown_ca)],
        ),
        alerts(
            &of(Library::Go, &[CertUnsupported]),
            &[(48, unfit), (42, unfit)],
        ),
        alerts(&of(Library::Go, &[CertExpired]), &[(42, expired)]),
        alerts(
            &of(Library::OpenSsl, &[CertNotYetValid]),
            &[(42, "CERT_NOT_YET_VALID by peer, likely")],
        ),
        alerts(&of(Library::Jsse, &[CertUnsupported]), &[(46, unfit)]),
        alerts(&of(Library::GnuTls, &[CertExpired]), &[(49, expired)]),
        alerts(&of(Library::Erlang, &[CertUnsupported]), &[(40, unfit)]),
        alerts(
            &of(Library::BoringSsl, &[]).but(|seen| seen.listing(&others())),
            &[(46, unknown_ca), (48, "UNKNOWN_CA by peer, certain")],
        ),
    ]
    .concat()
}

/// A server that asks for these schemes.
fn asking(version: Version, list: Vec<u16>) -> Observation {
    let mut seen = at(crate::observation::Stage::Settle, Some(version)).gave_ours();
    if let CertificateRequest::Asked { schemes, .. } = &mut seen.certificate_request {
        *schemes = list;
    }
    seen
}

pub(super) const ALL: [Library; 11] = [
    Library::BoringSsl,
    Library::Erlang,
    Library::GnuTls,
    Library::Go,
    Library::Jsse,
    Library::MbedTls,
    Library::Nss,
    Library::OpenSsl,
    Library::Rustls,
    Library::S2n,
    Library::WolfSsl,
];
