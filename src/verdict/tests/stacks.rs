//! What real servers were measured to say of each certificate, against what we make of it.

mod measured;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::{fmt, iter};

use measured::{SITUATIONS, TLS12, TLS13};

use super::row::spoken;
use super::scene::*;
use super::world::{WORLD, server};
use crate::code::{Code, Confidence, Outcome};
use crate::observation::*;
use crate::plan::FollowUp;
use crate::verdict::{Elsewhere, Known, Library, Own, Verdict, classify, follow_up};

/// Each with the library known or not, with follow-ups or without, beside others or alone.
#[test]
fn no_measured_server_makes_us_sure_of_a_wrong_cause() {
    let mut wrong = vec![];
    // In a thousand, at the least.
    for (is_known, is_told, beside, least) in [
        (false, false, Beside::Nobody, 560),
        (false, true, Beside::Nobody, 680),
        (true, false, Beside::Nobody, 655),
        (true, true, Beside::Nobody, 710),
        (false, false, Beside::Accepted, 650),
        (false, true, Beside::Accepted, 760),
        (true, false, Beside::Accepted, 765),
        (true, true, Beside::Accepted, 810),
    ] {
        let mut counts = HashMap::new();
        for case in CASES.iter() {
            // Where the application is down nobody is accepted.
            if beside == Beside::Accepted && case.stack.name == "envoy-down" {
                continue;
            }
            let (verdict, asked) = case.judge(is_known, is_told, beside);
            let how = how(&verdict, &case.right);
            *counts.entry(how).or_insert(0) += 1;
            if matches!(how, How::Wrong | How::Misled) {
                wrong.push(format!(
                    "{how:?}: {} after {asked:?}: {case:?}",
                    spoken(&verdict)
                ));
            }
        }
        let all: usize = counts.values().sum();
        let right = counts.get(&How::Right).copied().unwrap_or_default() * 1000 / all;
        assert!(right >= least, "{right} of 1000 right, {counts:?}");
    }
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_refuses_a_good_certificate_is_not_called_by_a_wrong_name_for_certain() {
    let dn = [WORLD.root_name.clone()];
    for own in WORLD.come("good") {
        let known = Known {
            own: Some(&own),
            ..Known::default()
        };
        for (what, seen) in [
            (
                "a CRL missing at the server",
                AUTH_12.gave(Gave::Certificate, &dn).alert(48),
            ),
            (
                "a CRL missing at the server",
                SETTLE_13.gave(Gave::Certificate, &dn).alert(48),
            ),
            ("a renegotiation", REQUEST_12.unasked().ticket().alert(40)),
            (
                "an application that is down",
                SETTLE_13
                    .gave(Gave::Certificate, &dn)
                    .wordless(Wordless::Fin),
            ),
            (
                "an application that is down",
                AUTH_12.gave(Gave::Certificate, &dn).wordless(Wordless::Fin),
            ),
        ] {
            let verdict = classify(&seen, &known);
            assert_ne!(verdict.confidence, Confidence::Certain, "{what}");
            assert_ne!(verdict.outcome(), Outcome::Accepted, "{what}");
        }
        for (what, seen) in [
            ("RSA only", AUTH_12.gave(Gave::NothingFits, &dn).alert(40)),
            (
                "RSA only",
                SETTLE_13.gave(Gave::NothingFits, &dn).alert(116),
            ),
        ] {
            assert_eq!(
                classify(&seen, &known).code(),
                Code::NoSharedCipher,
                "{what}"
            );
        }
    }
}

/// A server, as measured over one version.
#[derive(Debug)]
struct Stack {
    name: &'static str,
    library: Library,
    version: Version,
    hints: Vec<Vec<u8>>,
    /// What it says in each situation.
    signals: Vec<&'static str>,
    /// What it says over the other version.
    other: Option<(Version, Vec<&'static str>)>,
}

/// What is seen of a server in one situation, by us with one view of our own certificate.
struct Case {
    stack: Arc<Stack>,
    nth: usize,
    /// A request was to be sent.
    asking: bool,
    own: Option<Own>,
    seen: Observation,
    /// The codes that are right.
    right: Vec<Code>,
}

/// Who else has come to the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nobody,
    Accepted,
}

/// How good a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum How {
    Right,
    /// In doubt, and the cause is among the candidates, or none is named.
    Doubt,
    /// In doubt between wrong ones.
    Misled,
    Wrong,
}

fn how(verdict: &Verdict, right: &[Code]) -> How {
    let is_open =
        verdict.confidence == Confidence::Ambiguous || verdict.outcome() == Outcome::Inconclusive;
    let names = |code: &Code| right.contains(code) || *code == Code::CertRejected;
    match is_open {
        false if right.contains(&verdict.code()) => How::Right,
        false => How::Wrong,
        true if verdict.candidates.is_empty() => How::Doubt,
        true if iter::once(&verdict.code)
            .chain(&verdict.candidates)
            .any(names) =>
        {
            How::Doubt
        }
        true => How::Misled,
    }
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let owns = owns();
    let mut cases = vec![];
    for stack in stacks() {
        let situations = SITUATIONS.iter().enumerate();
        // That a key does not fit its certificate is found before any connection.
        for (nth, (situation, causes)) in situations.filter(|(_, (name, _))| *name != "keymismatch")
        {
            let signal = stack.signals[nth];
            let right = match (stack.name, signal) {
                (_, "ok") => vec![Code::Ok],
                ("envoy-down", _) => vec![Code::UpstreamUnavailable],
                _ => causes.to_vec(),
            };
            for (asking, own) in [true, false]
                .iter()
                .flat_map(|asking| owns[situation].iter().map(move |own| (*asking, own)))
            {
                let Some(seen) = stack.seen(stack.version, signal, nth, asking) else {
                    continue;
                };
                cases.push(Case {
                    stack: Arc::clone(&stack),
                    nth,
                    asking,
                    own: own.clone(),
                    seen,
                    right: right.clone(),
                });
            }
        }
    }
    cases
});

impl Stack {
    /// What a signal of the tables stands for; nothing where it was not measured.
    fn seen(
        &self,
        version: Version,
        signal: &str,
        nth: usize,
        asking: bool,
    ) -> Option<Observation> {
        let gave = match SITUATIONS[nth].0 {
            "none" => Gave::Nothing,
            _ => Gave::Certificate,
        };
        let given = |at: Observation| at.gave(gave, &self.hints).asked_by(self.library);
        let place = given(match (version, asking) {
            (Version::Tls12, _) => AUTH_12,
            (Version::Tls13, false) => SETTLE_13,
            (Version::Tls13, true) => REQUEST_13,
        });
        let late = given(at(Stage::Request, Some(version))).ticket();
        let finished = given(at(Stage::Settle, Some(version)))
            .ticket()
            .after_our_close();
        let page = match gave {
            Gave::Nothing => "<title>400 No required SSL certificate was sent</title>",
            Gave::Certificate | Gave::NothingFits => "<title>400 The SSL certificate error</title>",
        };
        Some(match (signal, asking) {
            (".", _) => return None,
            ("ok", true) => late.answered(http(200, "", "")),
            ("ok", false) => finished.wordless(Wordless::CloseNotify),
            ("N+", true) => late.wordless(Wordless::CloseNotify),
            ("403", true) => late.answered(http(403, "envoy", "RBAC: access denied")),
            ("400", true) => late.answered(http(400, "nginx/1.22.1", page)),
            // Policy shows in an answer alone, but that a certificate is refused must not be missed.
            ("N+" | "400", false) if self.library == Library::OpenSsl => {
                finished.wordless(Wordless::CloseNotify)
            }
            ("N+" | "400" | "403", false) => return None,
            ("F", _) => place.wordless(Wordless::Fin),
            ("R", _) => place.wordless(Wordless::Reset),
            ("N", _) => place.wordless(Wordless::CloseNotify),
            ("Q", _) => place.wordless(Wordless::Quiet),
            (alert, _) => place.alert(alert.parse().unwrap()),
        })
    }
}

impl Case {
    fn situation(&self) -> &'static str {
        SITUATIONS[self.nth].0
    }

    /// The verdict, and what was asked further.
    fn judge(&self, is_known: bool, is_told: bool, beside: Beside) -> (Verdict, Vec<FollowUp>) {
        let looks = |seen: Observation| match is_known {
            true => seen,
            false => seen.asked_by_nobody_known(),
        };
        let seen = looks(self.seen.clone());
        let server = server("spiffe://cluster.local/ns/default/sa/api");
        let mut known = Known {
            own: self.own.as_ref(),
            server: Some(&server),
            ..Known::default()
        };
        let mut follow_ups = vec![];
        // Further connections are opened before others are known of.
        while is_told
            && let Some(kind) = follow_up(
                &seen,
                &Known {
                    follow_ups: &follow_ups,
                    ..known
                },
            )
        {
            let observation = looks(self.answer(kind));
            follow_ups.push(Followed { kind, observation });
        }
        if beside == Beside::Accepted {
            known.elsewhere = ACCEPTED;
        }
        known.follow_ups = &follow_ups;
        let verdict = classify(&seen, &known);
        (verdict, follow_ups.iter().map(|one| one.kind).collect())
    }

    /// What this very server was measured to say to a follow-up.
    fn answer(&self, kind: FollowUp) -> Observation {
        let stack = &self.stack;
        let column = |name| {
            SITUATIONS
                .iter()
                .position(|(situation, _)| *situation == name)
        };
        let (version, nth) = match (kind, &stack.other) {
            (FollowUp::NoCertificate, _) => (stack.version, column("none").unwrap()),
            (FollowUp::Throwaway, _) => (stack.version, column("unknownca").unwrap()),
            (FollowUp::OtherVersion, Some((other, _))) => (*other, self.nth),
            (FollowUp::OtherVersion, None) => return HELLO.alert(70),
            // None of them cares.
            (FollowUp::MeshAlpn | FollowUp::PlainAlpn, _) => (stack.version, self.nth),
        };
        let signal = match &stack.other {
            Some((other, signals)) if *other == version => signals[nth],
            _ => stack.signals[nth],
        };
        let timeout = Ending::NeverConnected(NeverConnected::Timeout);
        let seen = stack.seen(version, signal, nth, self.asking);
        seen.unwrap_or_else(|| at(Stage::Tcp, None).ends(timeout))
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stack, problems) = (
            &self.stack,
            self.own.as_ref().map(|own| &own.judgement.problems),
        );
        let (name, version, signal) = (stack.name, stack.version.as_str(), stack.signals[self.nth]);
        let situation = self.situation();
        write!(
            f,
            "{name} over {version} says {signal} to {situation}; asking: {}; {problems:?}",
            self.asking
        )
    }
}

fn stacks() -> Vec<Arc<Stack>> {
    let tables = [(Version::Tls13, TLS13), (Version::Tls12, TLS12)];
    let rows = tables.iter().flat_map(|(version, table)| {
        let lines = table.lines().filter(|line| !line.trim().is_empty());
        lines.map(move |line| {
            let mut words = line.split_whitespace();
            let (name, lists) = (words.next().unwrap(), words.next().unwrap());
            (*version, name, lists, words.collect::<Vec<_>>())
        })
    });
    let rows: Vec<_> = rows.collect();
    let stack =
        |(version, name, lists, signals): &(Version, &'static str, &str, Vec<&'static str>)| {
            let other = rows.iter().find(|row| row.1 == *name && row.0 != *version);
            Stack {
                name,
                library: library(name),
                version: *version,
                hints: match *lists {
                    "dn" => vec![WORLD.root_name.clone()],
                    _ => vec![],
                },
                signals: signals.clone(),
                other: other.map(|row| (row.0, row.3.clone())),
            }
        };
    rows.iter().map(stack).map(Arc::new).collect()
}

/// Our certificate in each situation, in every way in which we may see it.
fn owns() -> HashMap<&'static str, Vec<Option<Own>>> {
    let come = |(situation, _): &(&'static str, &[Code])| {
        let owns = match *situation {
            "none" => vec![None],
            _ => WORLD.come(situation).into_iter().map(Some).collect(),
        };
        (*situation, owns)
    };
    SITUATIONS.iter().map(come).collect()
}

fn library(stack: &str) -> Library {
    match stack.split('-').next().unwrap() {
        "envoy" | "grpc" => Library::BoringSsl,
        "openssl" | "nginx" | "python" | "asyncio" | "node" | "relay" => Library::OpenSsl,
        "gnutls" => Library::GnuTls,
        "nss" => Library::Nss,
        "go1.19" | "go1.27" | "go" => Library::Go,
        "java" => Library::Jsse,
        "erlang" => Library::Erlang,
        "rustls" => Library::Rustls,
        "wolfssl" => Library::WolfSsl,
        "mbedtls" => Library::MbedTls,
        "s2n" => Library::S2n,
        other => panic!("which library is {other} on?"),
    }
}

const ACCEPTED: Elsewhere<'static> = Elsewhere {
    speaks_tls: true,
    accepts: true,
    answers: true,
    answers_plaintext: false,
    plaintext_server: None,
    shows_svid: false,
};
