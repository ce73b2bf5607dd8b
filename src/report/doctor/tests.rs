use unicode_width::UnicodeWidthStr;

use super::super::text::steers;
use super::*;
use crate::identity::{Fetched, Subject, WorkloadApi};
use crate::report::fixture::compared;
use crate::report::shape::shape;

#[test]
fn the_schema_is_generated_and_reports_keep_to_it() {
    let mut out = vec![];
    json(&fixed(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(shape::<Doctor>(SCHEMA).complaints(&text), [""; 0]);
}

#[test]
fn the_step_that_fails_is_told_with_its_way_out() {
    let style = Style {
        width: Some(100),
        ..Style::default()
    };
    compared("testdata/golden/doctor.txt", &written(&fixed(), &style));
}

#[test]
fn what_lies_behind_the_failing_step_is_not_reached() {
    use Step::{Cluster, Connect, Find, Grant, Identity, Request, Tls, Token};
    let planned = [Token, Connect, Tls, Request, Grant, Identity];
    for (done, failed, want) in [
        (
            vec![],
            Some(Token),
            "token! connect- tls- request- grant- identity-",
        ),
        // A step on the side: Kubernetes is asked for the token.
        (
            vec![],
            Some(Cluster),
            "cluster! token- connect- tls- request- grant- identity-",
        ),
        (
            vec![Cluster, Token],
            Some(Tls),
            "cluster token tls! request- grant- identity-",
        ),
        // Whoever does not name the step failed at the first that is open.
        (
            vec![Token, Connect],
            None,
            "token connect tls! request- grant- identity-",
        ),
    ] {
        let mut walk = Walk::default();
        for step in &done {
            walk.done(*step, "words");
        }
        let why = match failed {
            Some(step) => IdentityError::at("somebody", step, "no", "ask again"),
            None => IdentityError::new(Subject::Chain, Flaw::Empty),
        };
        let steps = steps(&planned, &walk, Some(&why));
        let got: Vec<String> = steps
            .iter()
            .map(|step| match step.state {
                State::Ok | State::Noted => step.step.to_owned(),
                State::Failed => format!("{}!", step.step),
                State::NotReached => format!("{}-", step.step),
            })
            .collect();
        assert_eq!(got.join(" "), want, "{done:?} {failed:?}");
    }
    assert!(steps(&[Find], &Walk::default(), None).is_empty());
}

#[test]
fn what_a_server_says_cannot_steer_a_terminal() {
    let bad = "\u{1b}[2J\r\n\u{202e}\u{5d0}";
    let mut doctor = fixed();
    for way in doctor.sources.iter_mut().chain(&mut doctor.bundles) {
        way.name = bad.into();
        way.from = bad.repeat(30);
        for step in &mut way.steps {
            step.words = bad.repeat(200);
            step.remedy = Some(bad.repeat(30));
        }
    }
    for width in [40, 100] {
        let style = Style {
            width: Some(width),
            ..Style::default()
        };
        let text = written(&doctor, &style);
        assert!(text.chars().all(|c| c == '\n' || !steers(c)));
        assert!(text.lines().all(|line| line.width() <= width), "{text}");
    }
}

fn fixed() -> Doctor {
    let mut walk = Walk::default();
    walk.done(Step::Cluster, "the Kubernetes API at https://10.96.0.1:443");
    walk.done(
        Step::Anchors,
        "1 root of ConfigMap default/istio-ca-root-cert",
    );
    let why = IdentityError::at(
        "the Istio CA at istiod.istio-system.svc:15012",
        Step::Token,
        "we may not create a token for default/frontend",
        "allow it: a Role in default with `create` on `serviceaccounts/token`, resourceNames [frontend]",
    );
    let planned = [
        Step::Anchors,
        Step::Token,
        Step::Connect,
        Step::Tls,
        Step::Request,
        Step::Grant,
        Step::Identity,
    ];
    let mut failed = steps(&planned, &walk, Some(&why));
    failed.push(Stepped::new(VERIFY, State::NotReached, ""));
    let way = |name: &str, from: &str, steps| Way {
        suite: "probe.yaml".into(),
        name: name.into(),
        from: from.into(),
        steps,
    };
    let api = Origin::Fetched(Box::new(Fetched::WorkloadApi(WorkloadApi::default())));
    Doctor {
        schema: SCHEMA,
        at: "2026-11-21T10:00:00Z".into(),
        sources: vec![
            way(
                "sa/frontend",
                "the Istio CA at istiod.istio-system.svc:15012",
                failed,
            ),
            way(
                "agent",
                &place(&api),
                vec![
                    Stepped::new("connect", State::Ok, "unix:///run/agent.sock"),
                    Stepped::new(VERIFY, State::Ok, "spiffe://a.example/web leads to CN=root"),
                ],
            ),
            way(
                "rogue",
                "minted for this run",
                vec![
                    Stepped::new("identity", State::Ok, "minted for this run"),
                    Stepped::new(VERIFY, State::Noted, "UNKNOWN_CA: as it should be"),
                ],
            ),
        ],
        bundles: vec![way(
            "cluster.local",
            "roots.pem",
            vec![Stepped::new(
                "anchors",
                State::Ok,
                "1 root of cluster.local",
            )],
        )],
        left_out: vec!["none".into(), "plaintext".into()],
    }
}

fn written(doctor: &Doctor, style: &Style) -> String {
    let mut out = vec![];
    table(doctor, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
