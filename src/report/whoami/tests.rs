use unicode_width::UnicodeWidthStr;

use super::super::text::steers;
use super::*;
use crate::report::fixture::compared;
use crate::report::shape::shapes;

#[test]
fn the_schema_is_generated_and_both_forms_keep_to_it() {
    let (whole, of_event) = shapes::<Whoami, Event>(SCHEMA);
    let mut out = vec![];
    json(&fixed(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(whole.complaints(&text), [""; 0]);
    for who in fixed().sources {
        let mut out = vec![];
        event_line(&happened(who, Happened::Changed), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(of_event.complaints(&text), [""; 0]);
        assert!(!whole.complaints(&text).is_empty());
    }
}

#[test]
fn people_read_who_each_source_is() {
    let style = Style {
        width: Some(100),
        ..Style::default()
    };
    compared("testdata/golden/whoami.txt", &written(&fixed(), &style));
    let mut lines = vec![];
    for (nth, how) in [
        (0, Happened::First),
        (0, Happened::Changed),
        (1, Happened::First),
        (1, Happened::Changed),
        (2, Happened::First),
        (2, Happened::Failed),
        (0, Happened::Recovered),
    ] {
        let who = fixed().sources.remove(nth);
        event(&happened(who, how), &style, &mut lines).unwrap();
    }
    let lines = String::from_utf8(lines).unwrap();
    compared("testdata/golden/whoami-watch.txt", &lines);
}

#[test]
fn what_a_certificate_says_cannot_steer_a_terminal() {
    let bad = "\u{1b}[2J\r\n\u{202e}\u{5d0}";
    let mut whoami = fixed();
    for who in &mut whoami.sources {
        who.name = bad.repeat(20);
        who.suite = bad.into();
        if let Some(error) = &mut who.error {
            error.what = bad.repeat(400);
        }
        if let Some(found) = &mut who.identity {
            found.id = Some(bad.repeat(40));
            found.from = bad.into();
            found.evidence = vec![bad.repeat(300); 2];
            found.federated = vec![bad.into(); 2];
            for one in found.chain.iter_mut().chain(&mut found.root) {
                for text in [&mut one.issuer, &mut one.subject, &mut one.serial] {
                    *text = bad.into();
                }
            }
        }
    }
    for anchors in &mut whoami.bundles {
        anchors.from = bad.into();
        anchors.trust_domain = Some(bad.into());
    }
    whoami.troubles = vec![bad.into()];
    whoami.left_out = vec![bad.into()];
    for width in [40, 100] {
        let style = Style {
            width: Some(width),
            ..Style::default()
        };
        let text = written(&whoami, &style);
        assert!(text.chars().all(|c| c == '\n' || !steers(c)));
        assert!(text.lines().all(|line| line.width() <= width), "{text}");
    }
    let mut out = vec![];
    json(&whoami, &mut out).unwrap();
    let json = String::from_utf8(out).unwrap();
    assert!(json.chars().all(|c| c == '\n' || !steers(c)));
}

#[test]
fn time_alone_is_no_news() {
    let [first, second, gone] = <[Who; 3]>::try_from(fixed().sources).unwrap();
    let mut later = first.clone();
    if let Some(found) = &mut later.identity {
        found.left_s -= 60;
    }
    let mut renewed = first.clone();
    if let Some(found) = &mut renewed.identity {
        found.chain[0].sha256 = "other".into();
    }
    for (before, now, want) in [
        (None, &first, Some(Happened::First)),
        (Some(&first), &later, None),
        (Some(&first), &renewed, Some(Happened::Changed)),
        (Some(&first), &gone, Some(Happened::Failed)),
        (Some(&gone), &gone, None),
        (Some(&gone), &second, Some(Happened::Recovered)),
    ] {
        assert_eq!(Happened::between(before, now), want);
    }
}

fn fixed() -> Whoami {
    let who = |name: &str, identity, error: Option<&str>| Who {
        suite: "probe.yaml".into(),
        name: name.into(),
        minted: name == "rogue",
        identity,
        error: error.map(|what| Failure {
            step: Some("token"),
            what: what.into(),
        }),
    };
    let good = Found {
        id: Some("spiffe://cluster.local/ns/default/sa/frontend".into()),
        from: "the Istio CA at istiod.istio-system.svc:15012".into(),
        judgement: Code::Ok,
        evidence: vec![],
        trusted_by: Some(TrustedBy::Suite),
        not_after: "2026-11-21T10:15:00Z".into(),
        left_s: 900,
        chain: vec![one("", "CN=issuing")],
        root: Some(one("CN=root", "CN=root")),
        federated: vec!["east.example".into(), "west.example".into()],
    };
    let bad = Found {
        judgement: Code::UnknownCa,
        evidence: vec!["issuer \"CN=nobody\" of leaf is neither in the bundle nor sent".into()],
        root: None,
        left_s: -60,
        federated: vec![],
        ..good.clone()
    };
    let why = "the Istio CA at istiod.istio-system.svc:15012 cannot serve us (token): default/web may not have one; allow `create` on `serviceaccounts/token`";
    let anchors = |domain: &str, error: Option<Failure>| Anchors {
        suite: "probe.yaml".into(),
        trust_domain: Some(domain.into()),
        from: "ConfigMap default/istio-ca-root-cert, key \"root-cert.pem\"".into(),
        bundles: match error {
            None => vec![Roots {
                trust_domain: Some("cluster.local".into()),
                roots: vec![one("CN=root", "CN=root")],
            }],
            Some(_) => vec![],
        },
        error,
    };
    let failure = Failure {
        step: None,
        what: "roots.pem does not exist".into(),
    };
    Whoami {
        schema: SCHEMA,
        at: "2026-11-21T10:00:00Z".into(),
        sources: vec![
            who("sa/frontend", Some(good), None),
            who("rogue", Some(bad), None),
            who("sa/web", None, Some(why)),
        ],
        bundles: vec![
            anchors("cluster.local", None),
            anchors("*", None),
            anchors("prod.example", Some(failure)),
        ],
        troubles: vec!["revoked.crl does not exist".into()],
        left_out: vec!["none".into()],
    }
}

fn one(subject: &str, issuer: &str) -> Certificate {
    Certificate {
        subject: subject.into(),
        issuer: issuer.into(),
        serial: "0a1b".into(),
        uris: vec![],
        dns: vec![],
        not_before: "2026-11-21T09:58:00Z".into(),
        not_after: "2026-11-21T10:15:00Z".into(),
        sha256: "00".repeat(32),
        spki_sha256: "0123456789abcdef".repeat(4),
    }
}

fn happened(source: Who, event: Happened) -> Event {
    Event {
        schema: SCHEMA,
        at: "2026-11-21T10:00:00Z".into(),
        event,
        source,
    }
}

fn written(whoami: &Whoami, style: &Style) -> String {
    let mut out = vec![];
    table(whoami, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
