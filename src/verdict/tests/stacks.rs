//! What real servers were measured to say of each certificate, against what we make of it.

use super::scene::*;
use crate::code::{Code, Confidence, Outcome};
use crate::observation::*;
use crate::verdict::{Elsewhere, Known, classify};

#[test]
fn no_measured_server_makes_us_certain_of_a_wrong_cause() {
    let world = World::new();
    let mut judged = 0;
    let mut right = 0;
    for (version, table) in [(Version::Tls13, TLS13), (Version::Tls12, TLS12)] {
        for line in table.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split_whitespace();
            let (stack, lists) = (words.next().unwrap(), words.next().unwrap());
            let hints = match lists {
                "dn" => vec![world.root_name.clone()],
                _ => vec![],
            };
            for ((situation, causes), signal) in SITUATIONS.iter().zip(words) {
                if matches!(signal, "." | "ok") {
                    continue;
                }
                for (seen, own) in scenes(&world, version, &hints, situation, signal) {
                    for elsewhere in [Elsewhere::default(), ANSWERS] {
                        let verdict = classify(
                            &seen,
                            &Known {
                                own: own.as_ref(),
                                server: None,
                                elsewhere,
                            },
                        );
                        let what = format!(
                            "{stack} {} {situation} {signal}: {}\n{:?}\n{own:?}",
                            version.as_str(),
                            spoken(&verdict),
                            verdict.evidence,
                        );
                        assert_ne!(verdict.outcome(), Outcome::Accepted, "{what}");
                        let is_right = causes.contains(&verdict.code());
                        let in_doubt = verdict.outcome() == Outcome::Inconclusive
                            || verdict.confidence != Confidence::Certain
                            || verdict.code() == Code::CertRejected;
                        assert!(is_right || in_doubt, "{what}");
                        judged += 1;
                        right += usize::from(is_right);
                    }
                }
            }
        }
    }
    // Not all doubt, either.
    assert!(right * 2 > judged, "{right} of {judged}");
}

#[test]
fn what_refuses_a_good_certificate_is_not_called_by_a_wrong_name_for_certain() {
    let world = World::new();
    let dn = [world.root_name.clone()];
    for own in world.come("good") {
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

/// The observations that a signal of the tables stands for, with our own certificate as we see it.
fn scenes(
    world: &World,
    version: Version,
    hints: &[Vec<u8>],
    situation: &str,
    signal: &str,
) -> Vec<(Observation, Option<crate::verdict::Own>)> {
    let owns: Vec<_> = match situation {
        "none" => vec![None],
        _ => world.come(situation).into_iter().map(Some).collect(),
    };
    let gave = match situation {
        "none" => Gave::Nothing,
        _ => Gave::Certificate,
    };
    let place = match version {
        Version::Tls12 => vec![AUTH_12],
        // Read first, or with the request already out.
        Version::Tls13 => vec![SETTLE_13, REQUEST_13],
    };
    let late = at(Stage::Request, Some(version)).gave(gave, hints).ticket();
    let seen: Vec<_> = match signal {
        "N+" => vec![late.wordless(Wordless::CloseNotify)],
        "403" => vec![late.answered(http(403, "envoy", "RBAC: access denied"))],
        "400" => vec![late.answered(http(
            400,
            "nginx/1.22.1",
            match gave {
                Gave::Nothing => "<title>400 No required SSL certificate was sent</title>",
                Gave::Certificate | Gave::NothingFits => {
                    "<title>400 The SSL certificate error</title>"
                }
            },
        ))],
        _ => place
            .into_iter()
            .map(|seen| {
                let seen = seen.gave(gave, hints);
                match signal {
                    "F" => seen.wordless(Wordless::Fin),
                    "R" => seen.wordless(Wordless::Reset),
                    "N" => seen.wordless(Wordless::CloseNotify),
                    "Q" => seen.wordless(Wordless::Quiet),
                    alert => seen.alert(alert.parse().unwrap()),
                }
            })
            .collect(),
    };
    let each = |seen: &Observation| owns.iter().map(|own| (seen.clone(), own.clone())).collect();
    seen.iter().flat_map::<Vec<_>, _>(each).collect()
}

const ANSWERS: Elsewhere<'static> = Elsewhere {
    speaks_tls: true,
    answers: true,
    plaintext_server: None,
};

/// The columns of the tables, and the codes that are right for each.
const SITUATIONS: &[(&str, &[Code])] = &[
    ("none", &[Code::ClientCertRequired]),
    ("selfsigned", &[Code::UnknownCa]),
    ("unknownca", &[Code::UnknownCa]),
    ("samedn", &[Code::UnknownCa, Code::BadSignature]),
    ("nointer", &[Code::IncompleteChain]),
    ("expired", &[Code::CertExpired]),
    ("notyet", &[Code::CertNotYetValid]),
    ("expint", &[Code::CertExpired]),
    ("eku", &[Code::CertUnsupported]),
    ("caleaf", &[Code::CertUnsupported, Code::InvalidSvid]),
    ("sha1", &[Code::CertUnsupported, Code::BadSignature]),
    ("keymismatch", &[Code::BadSignature]),
    (
        "wrongtd",
        &[
            Code::SanMismatch,
            Code::TrustDomainMismatch,
            Code::AuthzDenied,
        ],
    ),
    ("wrongid", &[Code::SanMismatch, Code::AuthzDenied]),
    (
        "nouri",
        &[Code::SanMismatch, Code::InvalidSvid, Code::AuthzDenied],
    ),
    ("revoked", &[Code::CertRevoked]),
];

/// An alert by its number, `F`IN, `R`ST, close_`N`otify or `Q`uiet at the place of the refusal; `N+` a
/// ticket, and close_notify only once we ask; 400 and 403 are pages. `dn`: the server lists its root.
const TLS13: &str = "
envoy        dn 116 48 48 48 48 45 45 45 43 ok ok 51 ok ok ok 44
envoy-san    dn 116 48 48 48 48 45 45 45 43 ok ok 51 46 46 46 .
envoy-spiffe dn 116 46 46 46 46 46 46 46 ok 46 ok 51 46 ok 46 .
envoy-rbac   dn 116 48 48 48 48 45 45 45 43 ok ok 51 403 403 403 .
envoy-l4     dn 116 48 48 48 48 45 45 45 43 ok ok 51 N+ N+ N+ .
envoy-down   dn F   .  F  .  .  .  .  .  .  .  .  .  .  .  .  .
openssl      dn 116 48 48 48 48 45 42 45 43 ok 42 51 ok ok ok 44
nginx        dn 400 400 400 400 400 400 400 400 400 ok 400 51 ok ok ok 400
nginx-stream dn N+ N+ N+ N+ N+ N+ N+ N+ N+ ok N+ 51 ok ok ok .
python       -  116 48 48 48 48 45 42 45 43 ok 42 51 ok ok ok .
asyncio      -  F F F F F F F F F ok F F ok ok ok .
node         dn 116 F F F F F F F F ok F 51 ok ok ok .
gnutls       dn 116 49 49 49 49 49 49 49 ok ok 49 51 ok ok ok 49
nss          dn 116 42 48 48 ok 45 45 48 46 46 ok 51 ok ok ok .
go1.19       dn 42 42 42 42 42 42 42 42 42 ok 42 51 ok ok ok .
go1.27       dn 116 48 48 48 48 45 45 45 42 ok 48 51 ok ok ok .
go-spiffe    -  116 42 42 42 42 42 42 42 ok 42 42 51 42 42 42 .
java         dn 116 46 46 46 46 46 46 46 46 ok ok 40 ok ok ok .
java-engine  dn F F F F F F F F F ok ok F ok ok ok .
erlang       dn 116 42 48 48 48 45 45 45 40 ok ok 40 ok ok ok .
rustls       dn 116 48 48 51 48 45 45 45 43 46 51 51 ok ok ok 44
rustls-id    dn 116 48 48 51 48 45 45 45 43 46 51 51 49 49 49 .
rustls-name  dn 116 48 48 51 48 45 45 45 43 46 51 51 42 42 42 .
grpc         -  F F F F F F F F F ok ok F ok ok ok .
wolfssl      -  116 42 48 48 ok 45 45 45 42 42 ok 51 ok ok ok .
s2n          -  N Q Q Q Q Q Q Q Q ok Q Q ok ok ok .
relay        -  R R R . . R . . . . . . . . . .
";

const TLS12: &str = "
envoy        dn 40 48 48 48 48 45 45 45 43 ok ok 51 ok ok ok 44
envoy-san    dn 40 48 48 48 48 45 45 45 43 ok ok 51 46 46 46 .
envoy-spiffe dn 40 46 46 46 46 46 46 46 ok 46 ok 51 46 ok 46 .
envoy-rbac   dn 40 48 48 48 48 45 45 45 43 ok ok 51 403 403 403 .
envoy-l4     dn 40 48 48 48 48 45 45 45 43 ok ok 51 N+ N+ N+ .
envoy-down   dn F  .  F  .  .  .  .  .  .  .  .  .  .  .  .  .
openssl      dn 40 48 48 48 48 45 42 45 43 ok 42 51 ok ok ok 44
nginx        dn 400 400 400 400 400 400 400 400 400 ok 400 51 ok ok ok 400
nginx-stream dn N+ N+ N+ N+ N+ N+ N+ N+ N+ ok N+ 51 ok ok ok .
python       -  40 48 48 48 48 45 42 45 43 ok 42 51 ok ok ok .
asyncio      -  F F F F F F F F F ok F F ok ok ok .
node         dn 40 F F F F F F F F ok F 51 ok ok ok .
gnutls       dn 50 49 49 49 49 49 49 49 ok ok 49 51 ok ok ok 49
nss          dn 42 42 48 48 ok 45 45 48 46 46 ok 51 ok ok ok .
go1.19       dn 42 42 42 42 42 42 42 42 42 ok 42 51 ok ok ok .
go1.27       dn 40 48 48 48 48 45 45 45 42 ok 48 51 ok ok ok .
go-spiffe    -  40 42 42 42 42 42 42 42 ok 42 42 51 42 42 42 .
java         dn 40 46 46 46 46 46 46 46 46 ok ok 40 ok ok ok .
java-engine  dn F F F F F F F F F ok ok F ok ok ok .
erlang       dn 40 42 48 48 48 45 45 45 40 ok ok 42 ok ok ok .
rustls       dn 116 48 48 51 48 45 45 45 43 46 51 51 ok ok ok 44
rustls-id    dn 116 48 48 51 48 45 45 45 43 46 51 51 49 49 49 .
rustls-name  dn 116 48 48 51 48 45 45 45 43 46 51 51 42 42 42 .
grpc         -  F F F F F F F F F ok ok F ok ok ok .
wolfssl      -  R 42 48 48 ok 45 45 45 42 42 ok 51 ok ok ok .
mbedtls      dn F 48 48 48 48 45 46 45 43 ok 46 F ok ok ok .
s2n          -  F Q Q Q Q Q Q Q Q ok Q Q ok ok ok .
relay        -  R R R . . R . . . . . . . . . .
";
