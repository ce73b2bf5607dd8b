//! Our own refusals, and what was no connection at all.

use super::row::{Row, Section};
use super::scene::*;
use super::world::server;
use crate::certificate::{Judgement, Problem};
use crate::code::Code::CertExpired;
use crate::observation::*;
use crate::verdict::Library;

#[test]
fn what_we_will_not_go_on_with_is_our_refusal() {
    objections().check();
}

#[test]
fn what_never_was_a_connection_says_nothing_of_the_peer() {
    let section = never();
    section.check();
    for row in section.rows {
        let verdict = row.verdict();
        for came in [Came::Plaintext, Came::WithoutCertificate] {
            let seen = Observation {
                came,
                ..row.seen.clone()
            };
            let other = row.clone().but(|_| seen).verdict();
            assert_eq!(
                (other.code(), other.confidence),
                (verdict.code(), verdict.confidence)
            );
        }
    }
}

#[test]
fn both_ends_judge_and_the_peers_refusal_comes_first() {
    let section = both();
    section.check();
    for row in section.rows {
        let verdict = row.verdict();
        let told = verdict.evidence.iter();
        let told = told.filter(|fact| fact.contains("CERT_EXPIRED") || *fact == "leaf expired");
        let is_bad = row.server.is_some_and(|server| !server.is_ok());
        assert_eq!(told.count() > 0, is_bad, "{:?}", verdict.evidence);
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![objections(), both(), never()]
}

fn objections() -> Section {
    let protocol = || Objection::Protocol("received a corrupt message".into());
    let settle = || SETTLE_13.gave_ours().asked_by(Library::Rustls);
    let request = || REQUEST_13.gave_ours().asked_by(Library::Rustls);
    let cipher = Objection::NothingInCommon("x".into());
    let row = |seen: Observation, want| Row::of(seen).want(want);
    let closed = "CLOSED, ambiguous";
    Section {
        title: "What we do not go on with",
        about: "Nonsense where the peer should judge us leaves it open; it does not undo a proof that came before.",
        rows: vec![
            row(
                HELLO.objects(Objection::Version),
                "PROTOCOL_VERSION by probe, certain",
            ),
            row(HELLO.objects(cipher), "NO_SHARED_CIPHER by probe, certain"),
            row(
                FLIGHT_13.objects(Objection::BadProof),
                "BAD_SIGNATURE by probe, certain",
            ),
            row(
                FLIGHT_13.objects(Objection::UnreadableCertificate),
                "CERT_UNSUPPORTED by probe, certain",
            ),
            row(FLIGHT_13.objects(protocol()), closed),
            row(settle().objects(protocol()), closed),
            row(settle().ticket().objects(protocol()), "OK, likely"),
            row(request().ticket().objects(protocol()), closed),
            row(REQUEST_12.gave_ours().data().objects(protocol()), closed),
            row(FLIGHT_13.objects(Objection::Flood), closed),
            row(settle().data().objects(Objection::Flood), "OK, likely"),
            row(
                settle().data().too_early().objects(Objection::Flood),
                closed,
            ),
            row(request().data().objects(Objection::Flood), closed),
        ],
    }
}

fn both() -> Section {
    let good = || server("spiffe://cluster.local/ns/default/sa/api");
    let bad = || Judgement {
        problems: vec![Problem {
            code: CertExpired,
            what: "leaf expired".into(),
        }],
        ..good()
    };
    let settle = || SETTLE_13.gave_ours().asked_by(Library::Rustls);
    let row = |seen: Observation, server, want| Row::of(seen).server(server).want(want);
    Section {
        title: "Both ends judge",
        about: "The peer's refusal is the verdict, since nobody else can learn it; ours is, where the peer accepted us or said \
                nothing. Either way the other is in the evidence.",
        rows: vec![
            row(settle().ticket(), good(), "OK, likely"),
            row(settle().ticket(), bad(), "CERT_EXPIRED by probe, certain"),
            row(
                settle().wordless(Wordless::Fin),
                bad(),
                "CERT_EXPIRED by probe, certain",
            ),
            row(
                SETTLE_13.gave_none().alert(116),
                bad(),
                "CLIENT_CERT_REQUIRED by peer, certain",
            ),
            row(settle().alert(44), bad(), "CERT_REVOKED by peer, certain"),
            row(settle().alert(80), bad(), "CERT_EXPIRED by probe, certain"),
        ],
    }
}

fn never() -> Section {
    let never =
        |why, want| Row::of(at(Stage::Tcp, None).ends(Ending::NeverConnected(why))).want(want);
    Section {
        title: "No connection",
        about: "It says nothing of what the peer thinks of us.",
        rows: vec![
            never(NeverConnected::Dns("no".into()), "DNS_FAILURE, certain"),
            never(NeverConnected::Refused, "CONNECTION_REFUSED, certain"),
            never(
                NeverConnected::HostUnreachable("no".into()),
                "HOST_UNREACHABLE, certain",
            ),
            never(NeverConnected::Timeout, "CONNECT_TIMEOUT, certain"),
            Row::of(at(Stage::Tcp, None).ends(Ending::Fault("too many open files".into())))
                .want("PROBE_FAULT, certain"),
            Row::of(at(Stage::Tcp, None).wordless(Wordless::Reset)).want("RESET, ambiguous"),
        ],
    }
}
