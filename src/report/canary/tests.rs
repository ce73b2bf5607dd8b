use super::*;
use crate::canary::{Progress, SCHEMA};
use crate::code::Code;
use crate::report::shape::shape;

#[test]
fn the_schema_is_generated_and_lines_keep_to_it() {
    let shape = shape::<Entry<'static>>(SCHEMA);
    let mut lines = vec![];
    round(&summary().last.unwrap(), &mut lines).unwrap();
    end(&summary(), &mut lines).unwrap();
    for line in String::from_utf8(lines).unwrap().lines() {
        assert_eq!(shape.complaints(line), [""; 0], "{line}");
    }
}

#[test]
fn people_read_what_broke_who_was_gone_and_who_is_behind() {
    let mut out = vec![];
    let wide = Style {
        width: Some(300),
        ..Style::default()
    };
    table(&summary(), &wide, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for words in [
        "Stopped: more is broken than may be: 3 rounds, 1 broken, 1 in doubt; the fleet is in P0+P1, 1 in a wrong state.",
        "sa/web -> api got UNKNOWN_CA in 1 of 3 rounds (round 3) at 10.0.0.1:8443",
        "sa/web -> api: a replica was away, the others went on, 2 times, for 1.5 s to 12 s at the longest, 2.0 s to 30 s in all, and still is",
        "api (10.0.0.1:8443): MISSED_TRUST: \\u{1b}[2J",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

fn summary() -> Summary {
    let last = Round {
        round: 3,
        at: "2026-11-21T10:00:00Z".to_owned(),
        took_ms: 40,
        cells: 3,
        met: 1,
        broken: 1,
        down: 0,
        open: 1,
        progress: Some(Progress {
            phase: "P0+P1".to_owned(),
            is_there: false,
            wrong: 1,
            behind_count: 1,
            behind: vec!["api (10.0.0.1:8443): MISSED_TRUST: \u{1b}[2J".to_owned()],
        }),
        troubles: vec!["sa/web -> api (10.0.0.1:8443): UNKNOWN_CA by peer, broken".to_owned()],
    };
    let refused = Refused {
        from: "sa/web".to_owned(),
        to: "api".to_owned(),
        code: Code::UnknownCa,
        rounds: 1,
        first_round: 3,
        last_round: 3,
        addresses: vec!["10.0.0.1:8443".to_owned()],
    };
    let gap = Gap {
        from: "sa/web".to_owned(),
        to: "api".to_owned(),
        outage: Outage::ReplicaDown,
        times: 2,
        longest_ms: 1500,
        longest_at_most_ms: 12_000,
        total_ms: 2000,
        total_at_most_ms: 30_000,
        goes_on: true,
    };
    Summary {
        schema: SCHEMA.to_owned(),
        started_at: "2026-11-21T09:59:30Z".to_owned(),
        finished_at: "2026-11-21T10:00:00Z".to_owned(),
        over: Over::Broken,
        rounds: 3,
        broken_rounds: 1,
        open_rounds: 1,
        flake: 0.1,
        refused: vec![refused],
        gaps: vec![gap],
        last: Some(last),
    }
}
