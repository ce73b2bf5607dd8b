//! A rotating fleet, probed over real handshakes: what is read of it, and what is predicted, is what
//! then happens between its members.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod rotation_stage;

use mtls_probe::lab::{Kin, Quirk, Root, State};
use mtls_probe::rotation::{Go, Phase, Prediction, Reading, Step, predict};
use rotation_stage::{Observed, Stage, VERSIONS};

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_36_combinations_ends_as_predicted() {
    let leaves = [Root::Old, Root::New];
    let bundles: [&[Root]; 3] = [&[Root::Old], &[Root::Old, Root::New], &[Root::New]];
    let states: Vec<State> = leaves
        .into_iter()
        .flat_map(|leaf| bundles.map(|bundle| State::new(leaf, bundle)))
        .collect();
    let stage = Stage::of(Kin::Strangers, &states).await;
    for versions in VERSIONS {
        let rotation = stage.read_over(versions).await;
        let mut seen = 0;
        for client in &rotation.members {
            for server in &rotation.members {
                let predicted = stage.predict(&rotation, &client.address, &server.address);
                let observed = stage
                    .connect(&client.address, &server.address, versions)
                    .await;
                assert_eq!(
                    observed,
                    Observed::from(predicted),
                    "{versions:?}: {} -> {}",
                    client.why,
                    server.why
                );
                seen += 1;
            }
        }
        assert_eq!(seen, 36);
        assert_eq!(rotation.now.total, 36);
        // For each of four pairs of leaves two of three bundles will do at each end.
        assert_eq!((rotation.now.works, rotation.now.unknown), (16, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table_is_read_from_real_servers() {
    use Phase::{P0, P1, P2, P3};
    let at = State::of;
    let quirk = |quirk| State::of(P1).with(quirk);
    let rows: &[(&[State], &[Reading])] = &[
        (&[at(P0), at(P0)], &[Reading::NotStarted; 2]),
        (&[at(P1), at(P1)], &[Reading::Ready; 2]),
        (&[at(P1), at(P0)], &[Reading::Ready, Reading::Late]),
        (&[at(P2), at(P2)], &[Reading::Reissued; 2]),
        (
            &[at(P2), at(P1)],
            &[Reading::Reissued, Reading::ReissuePending],
        ),
        (&[at(P3), at(P3)], &[Reading::Finished; 2]),
        (
            &[at(P3), at(P2)],
            &[Reading::Finished, Reading::RetirementPending],
        ),
        (
            &[at(P2), at(P2), at(P0)],
            &[Reading::Reissued, Reading::Reissued, Reading::MissedTrust],
        ),
        (
            &[at(P1), State::new(Root::New, &[Root::Old])],
            &[Reading::ReissuePending, Reading::SignedTooEarly],
        ),
        (
            &[at(P3), State::new(Root::Old, &[Root::New])],
            &[Reading::Finished, Reading::RetiredTooEarly],
        ),
        (&[at(P0), at(P3)], &[Reading::NoOverlap; 2]),
        (
            &[at(P0), at(P0), at(P2)],
            &[Reading::NotStarted, Reading::NotStarted, Reading::Ahead],
        ),
        (
            &[at(P1), at(P1), at(P3)],
            &[
                Reading::ReissuePending,
                Reading::ReissuePending,
                Reading::Ahead,
            ],
        ),
        (
            &[at(P1), State::new(Root::Old, &[Root::Third])],
            &[Reading::Ready, Reading::TrustsNeither],
        ),
        (
            &[at(P1), State::new(Root::Third, &[Root::Old, Root::New])],
            &[Reading::Ready, Reading::ThirdRoot],
        ),
        (
            &[at(P1), quirk(Quirk::ClockAhead)],
            &[Reading::Ready, Reading::CanaryOutOfDate],
        ),
        (
            &[at(P1), quirk(Quirk::NamesNobody)],
            &[Reading::Ready, Reading::IdentityRefused],
        ),
        (
            &[
                at(P1),
                quirk(Quirk::AsksNobody),
                quirk(Quirk::TakesStrangers),
            ],
            &[
                Reading::Ready,
                Reading::NoVerification,
                Reading::NoVerification,
            ],
        ),
    ];
    let mut shown = vec![Reading::SameKey, Reading::Unknown];
    for (states, wanted) in rows {
        let stage = Stage::of(Kin::Strangers, states).await;
        for versions in VERSIONS {
            let rotation = stage.read_over(versions).await;
            let readings: Vec<Reading> = rotation.members.iter().map(|one| one.reading).collect();
            let why: Vec<&str> = rotation
                .members
                .iter()
                .map(|one| one.why.as_str())
                .collect();
            assert_eq!(readings, *wanted, "{versions:?} {why:#?}");
            shown.extend(readings);
        }
    }
    for reading in Reading::ALL {
        assert!(shown.contains(reading), "{reading} is not reproduced");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_straggler_is_named_and_holds_up_the_next_step_until_it_is_mended() {
    let mut states = vec![State::of(Phase::P1); 12];
    states[7] = State::of(Phase::P0);
    let mut stage = Stage::of(Kin::Strangers, &states).await;
    let rotation = stage.read().await;
    assert_eq!(rotation.fleet.phase, None);
    assert_eq!(rotation.fleet.in_phase, [1, 11, 0, 0]);
    assert_eq!(rotation.is_in(Phase::P1), Some(false));
    let next = rotation.next().unwrap();
    assert_eq!((next.step, next.go), (Step::P2, Go::Refused));
    assert_eq!(rotation.verdict(), Go::Refused);
    let [blocker] = next.blockers.as_slice() else {
        panic!("{:#?}", next.blockers);
    };
    assert_eq!(blocker.name, "w7");
    assert_eq!(blocker.reading, Some(Reading::Late));
    assert!(
        blocker.why.contains("does not trust the new root"),
        "{}",
        blocker.why
    );
    assert!(
        blocker.why.contains("UNKNOWN_CA, alert 48"),
        "{}",
        blocker.why
    );
    // Whoever has a new leaf then, to and from the straggler; it does not take itself either.
    assert_eq!(next.breaks, 12 + 11);

    stage.fleet.set("w7", 0, State::of(Phase::P1)).unwrap();
    let rotation = stage.read().await;
    assert_eq!(rotation.fleet.phase, Some(Phase::P1));
    assert_eq!(rotation.is_in(Phase::P1), Some(true));
    let next = rotation.next().unwrap();
    assert_eq!((next.step, next.go), (Step::P2, Go::Safe));
    assert_eq!((next.blocked_by, next.breaks), (0, 0));
    assert_eq!(rotation.verdict(), Go::Safe);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_predicted_is_what_happens_at_every_point_of_a_rotation() {
    let mut stage = Stage::of(Kin::Strangers, &vec![State::of(Phase::P0); 4]).await;
    let order = [
        (Phase::P1, Step::P1),
        (Phase::P2, Step::P2),
        (Phase::P3, Step::P3),
    ];
    stage.holds_as_predicted().await;
    for (phase, step) in order {
        let before = stage.read().await;
        let next = before.next().unwrap();
        assert_eq!(
            (next.step, next.go),
            (step, Go::Safe),
            "{:#?}",
            next.blockers
        );
        for nth in 0..4 {
            stage
                .fleet
                .set(&format!("w{nth}"), 0, State::of(phase))
                .unwrap();
            let broken = stage.holds_as_predicted().await;
            assert_eq!(
                broken, 0,
                "{phase} at w{nth}: a safe step breaks nobody on its way"
            );
        }
        let after = stage.read().await;
        assert_eq!(after.fleet.phase, Some(phase));
        assert_eq!(after.now.broken, 0);
    }
    let last = stage.read().await;
    assert!(last.fleet.finished && last.next().is_none());
    assert_eq!(last.verdict(), Go::Safe);
    assert_eq!(last.step(Step::Done).unwrap().go, Go::Safe);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_taken_too_early_breaks_the_pairs_it_was_said_to_break() {
    for (from, step, to) in [
        // New leaves before anybody trusts them.
        (Phase::P0, Step::P2, State::new(Root::New, &[Root::Old])),
        // The old root given up before the leaves are renewed.
        (Phase::P1, Step::P3, State::new(Root::Old, &[Root::New])),
        (Phase::P0, Step::P3, State::new(Root::Old, &[Root::New])),
    ] {
        let mut stage = Stage::of(Kin::Strangers, &vec![State::of(from); 3]).await;
        let before = stage.read().await;
        let report = before.step(step).unwrap();
        assert_eq!(report.go, Go::Refused, "{from} {step}");
        assert_eq!(report.breaks, 9, "{from} {step}");
        stage.fleet.set_all(&to).unwrap();
        for client in &before.clients {
            for server in &before.clients {
                let predicted = predict(&client.after(step), &server.after(step));
                assert!(predicted.is_broken());
                let (client, server) = (client.address.as_ref(), server.address.as_ref());
                let (client, server) = (client.unwrap(), server.unwrap());
                for versions in VERSIONS {
                    let observed = stage.connect(client, server, versions).await;
                    assert_eq!(observed, Observed::from(predicted), "{from} {step}");
                }
            }
        }
        assert_eq!(stage.read().await.verdict(), Go::Refused);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_of_one_target_are_told_apart() {
    let replicas = [
        State::of(Phase::P1),
        State::of(Phase::P0),
        State::of(Phase::P1),
    ];
    let web = [State::of(Phase::P1)];
    let targets: [(&str, &[State]); 2] = [("api", &replicas), ("web", &web)];
    let stage = Stage::with(Kin::Strangers, &targets).await;
    let rotation = stage.read().await;
    let phases: Vec<_> = rotation
        .members
        .iter()
        .map(|one| (one.target.as_str(), one.phase))
        .collect();
    let (p0, p1) = (Some(Phase::P0), Some(Phase::P1));
    assert_eq!(phases, [("api", p1), ("api", p0), ("api", p1), ("web", p1)]);
    let next = rotation.next().unwrap();
    assert_eq!(
        (next.step, next.go, next.blocked_by),
        (Step::P2, Go::Refused, 1)
    );
    assert_eq!(
        next.blockers[0].address.as_deref(),
        Some(rotation.members[1].address.as_str())
    );
    // Two sources; sa/api is each of its three replicas.
    assert_eq!(rotation.clients.len(), 4);
    assert_eq!(rotation.now.total, 16);
    stage.holds_as_predicted().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_root_with_the_same_key_is_no_rotation() {
    let states = [State::of(Phase::P0), State::of(Phase::P3)];
    let stage = Stage::of(Kin::SameKey, &states).await;
    for versions in VERSIONS {
        let rotation = stage.read_over(versions).await;
        assert!(rotation.roots.same_key);
        assert!(
            rotation
                .members
                .iter()
                .all(|one| one.reading == Reading::SameKey)
        );
        assert_eq!((rotation.fleet.phase, rotation.fleet.next), (None, None));
        assert_eq!(rotation.verdict(), Go::Safe);
        assert_eq!(rotation.now.broken, 0);
        assert!(
            rotation.notes[0].starts_with("same key rollover"),
            "{:?}",
            rotation.notes
        );
        for client in &rotation.members {
            for server in &rotation.members {
                let observed = stage
                    .connect(&client.address, &server.address, versions)
                    .await;
                assert_eq!(observed, Observed::Works);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_of_the_same_name_and_another_key_is_told_apart_by_its_key() {
    let states = [
        State::of(Phase::P0),
        State::of(Phase::P1),
        State::of(Phase::P3),
    ];
    let stage = Stage::of(Kin::SameName, &states).await;
    for versions in VERSIONS {
        let rotation = stage.read_over(versions).await;
        assert!(rotation.roots.same_name && !rotation.roots.same_key);
        let phases: Vec<_> = rotation.members.iter().map(|one| one.phase).collect();
        assert_eq!(phases, [Some(Phase::P0), Some(Phase::P1), Some(Phase::P3)]);
        assert!(rotation.members.iter().all(|one| one.hinted.is_none()));
        assert!(
            rotation.notes[0].starts_with("trap: "),
            "{:?}",
            rotation.notes
        );
    }
    stage.holds_as_predicted().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_root_is_named() {
    let states = [
        State::of(Phase::P1),
        State::new(Root::Third, &[Root::Third]),
    ];
    let stage = Stage::of(Kin::Strangers, &states).await;
    let rotation = stage.read().await;
    assert_eq!(rotation.members[1].reading, Reading::TrustsNeither);
    // Nobody vouches for it here: the bundle of the suite has the two roots.
    assert!(
        rotation.members[1].why.contains("another mesh's"),
        "{}",
        rotation.members[1].why
    );

    let stage = stage.knowing_the_third();
    let rotation = stage.read().await;
    let [third] = rotation.fleet.third_roots.as_slice() else {
        panic!("{:?}", rotation.fleet);
    };
    assert!(third.subject.contains("another mesh's root"));
    assert!(
        rotation
            .notes
            .iter()
            .any(|note| note.contains("another mesh's root"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_is_not_guessed() {
    let mut stage = Stage::of(
        Kin::Strangers,
        &[State::of(Phase::P1), State::of(Phase::P1)],
    )
    .await;
    stage.add("gone: { address: '127.0.0.1:1', id: sa/gone }");
    let rotation = stage.read().await;
    let gone = rotation
        .members
        .iter()
        .find(|one| one.target == "gone")
        .unwrap();
    assert_eq!(gone.reading, Reading::Unknown);
    assert_eq!(rotation.is_in(Phase::P1), None);
    let next = rotation.next().unwrap();
    assert_eq!(
        (next.step, next.go, next.not_known),
        (Step::P2, Go::Unknown, 1)
    );
    assert_eq!(rotation.verdict(), Go::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prediction_that_rests_on_an_unknown_bundle_is_unknown() {
    let mut stage = Stage::of(Kin::Strangers, &[State::of(Phase::P2)]).await;
    stage.outbound("sa/batch", Root::Old);
    let rotation = stage.read().await;
    let batch = rotation
        .clients
        .iter()
        .find(|one| one.name == "sa/batch")
        .unwrap();
    assert_eq!(predict(batch, &rotation.clients[0]), Prediction::Unknown);
    let p3 = rotation.step(Step::P3).unwrap();
    assert_eq!(p3.go, Go::Refused);
    assert_eq!(p3.blockers[0].name, "sa/batch");
    assert!(p3.broken.iter().any(|group| group.from == ["sa/batch"]));
}
