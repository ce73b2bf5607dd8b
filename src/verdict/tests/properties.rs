//! What holds of every observation, whatever the rows of the table say.

use super::row::Row;
use super::scene::*;
use super::world::{others, ours, own};
use crate::code::Code::InvalidSvid;
use crate::code::{Code, Confidence, Outcome};
use crate::observation::*;
use crate::plan::FollowUp;
use crate::verdict::{Elsewhere, Known, Library, classify};

/// What was slow may be the machine, so that it may have heard us all the same.
#[test]
fn whoever_goes_soon_after_our_goodbye_neither_accepts_nor_refuses() {
    for how in [Wordless::CloseNotify, Wordless::Fin] {
        for asked in [
            SETTLE_13.gave_ours(),
            SETTLE_13.gave_none(),
            SETTLE_13.gave_unfit(),
        ] {
            for seen in [
                asked.clone().asked_by(Library::S2n),
                asked.asked_by_nobody_known(),
            ] {
                let mut seen = seen.after_our_close().wordless(how);
                seen.early.goodbye = true;
                let known = Known {
                    elsewhere: Elsewhere::EVERYTHING,
                    ..Known::default()
                };
                let verdict = classify(&seen, &known);
                assert_eq!(verdict.outcome(), Outcome::Inconclusive, "{seen:?}");
                assert!(verdict.candidates.contains(&Code::Ok), "{seen:?}");
            }
        }
    }
}

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
                base.clone().gave_ours().listing(&ours()),
                base.clone().gave_ours().listing(&others()),
                base.clone().gave_none(),
                base.clone().gave_unfit(),
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
                                ..Known::default()
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
            let closings = [(false, false), (true, false), (true, true)];
            for ((we_closed, soon), proof) in closings
                .into_iter()
                .flat_map(|closing| bools.map(|proof| (closing, proof)))
            {
                let mut seen = at(stage, version).ends(ending.clone());
                seen = match gave {
                    Some(gave) => seen.gave(gave, &[]),
                    None => seen.unasked(),
                };
                seen.we_closed = we_closed;
                seen.early.goodbye = soon;
                if proof {
                    seen = seen.ticket().data();
                }
                for came in [
                    Came::WithCertificate,
                    Came::WithoutCertificate,
                    Came::Plaintext,
                    Came::ThroughSidecar,
                ] {
                    let seen = Observation {
                        came,
                        ..seen.clone()
                    };
                    let is_tls = came.speaks_tls();
                    let finished = version == Some(Version::Tls12);
                    let answered_us =
                        we_closed && !soon && *ending == Ending::Wordless(Wordless::CloseNotify);
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

#[test]
fn follow_ups_are_few_each_once_and_none_where_the_verdict_is_settled() {
    let gaves = [
        Some(Gave::Certificate),
        Some(Gave::Nothing),
        Some(Gave::NothingFits),
        None,
    ];
    let owns = [own(&[]), own(&[Code::CertExpired])];
    for (base, gave) in everything().flat_map(|seen| gaves.map(|gave| (seen.clone(), gave))) {
        let seen = match gave {
            Some(gave) => base.gave(gave, &[]),
            None => base.unasked(),
        };
        for own in &owns {
            let row = Row::of(seen.clone()).own(own.clone());
            let verdict = row.verdict();
            let next = row.next();
            assert!(next.len() <= FollowUp::MOST, "{seen:?}");
            let is_settled = verdict.confidence != Confidence::Ambiguous
                && verdict.outcome() != Outcome::Inconclusive;
            assert!(next.is_empty() || !is_settled, "{seen:?}");
            let is_ours = gave == Some(Gave::Certificate);
            let with_ours = [FollowUp::Throwaway, FollowUp::NoCertificate];
            let compares = next.iter().any(|kind| with_ours.contains(kind));
            assert!(is_ours || !compares, "{seen:?}");
        }
    }
}

#[test]
fn a_follow_up_that_was_made_is_not_asked_again() {
    for base in everything() {
        let known = FollowUp::ALL.into_iter();
        let row = known.fold(Row::of(base.gave_ours()).own(own(&[])), |row, kind| {
            row.followed(kind, HELLO.gave_ours().wordless(Wordless::Quiet))
        });
        assert!(row.next().is_empty(), "{row:?}");
    }
}

#[test]
fn whatever_follow_ups_show_a_refusal_stays_one() {
    let shown: Vec<_> = [
        SETTLE_13.gave_ours().alert(48),
        SETTLE_13.gave_ours().ticket(),
        SETTLE_13.gave_ours().wordless(Wordless::Fin),
        REQUEST_13.gave_ours().answered(http(200, "", "")),
        AUTH_12.gave_none().alert(40),
        HELLO.wordless(Wordless::Reset),
    ]
    .into();
    for base in everything() {
        let row = Row::of(base.gave_ours()).own(own(&[]));
        let alone = row.verdict();
        for (kind, seen) in FollowUp::ALL
            .into_iter()
            .flat_map(|kind| shown.iter().map(move |seen| (kind, seen.clone())))
        {
            let verdict = row.clone().followed(kind, seen).verdict();
            let could =
                alone.outcome() == Outcome::Accepted || alone.candidates.contains(&Code::Ok);
            assert!(
                could || verdict.outcome() != Outcome::Accepted,
                "{row:?}: {verdict:?}"
            );
        }
    }
}

/// Every end at every place, with proof of acceptance and without.
fn everything() -> impl Iterator<Item = Observation> {
    let words = [
        Wordless::CloseNotify,
        Wordless::Fin,
        Wordless::Reset,
        Wordless::Quiet,
    ];
    let alerts = [40, 42, 44, 45, 46, 48, 49, 51, 80, 116, 120];
    let endings: Vec<Ending> = words
        .map(Ending::Wordless)
        .into_iter()
        .chain(alerts.map(Ending::Alert))
        .chain([
            Ending::Objection(Objection::Flood),
            Ending::Fault("x".into()),
        ])
        .collect();
    POSITIONS.iter().flat_map(move |(stage, version)| {
        let base = at(*stage, *version);
        let bases = [base.clone(), base.clone().ticket(), base.after_our_close()];
        let endings = endings.clone();
        bases.into_iter().flat_map(move |base| {
            let ended = endings.clone().into_iter();
            ended.map(move |ending| base.clone().ends(ending))
        })
    })
}
