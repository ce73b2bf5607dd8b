//! Tokens that are looked at before anybody sees them: what is wrong with one is said, and no server is
//! asked that would not say.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use jiff::SignedDuration;
use mtls_probe::identity::Step;
use mtls_probe::run::now;
use serde_json::json;

use crate::ca_stage::{Stage, say};
use crate::standins::tokens::{token, with};

#[tokio::test]
async fn a_token_that_will_be_refused_is_never_sent() {
    let stage = Stage::istio().await;
    let hour = SignedDuration::from_hours(1);
    let expired = json!({ "aud": ["istio-ca"], "exp": (now() - hour - hour).as_second() });
    let future = json!({ "aud": "istio-ca", "nbf": (now() + hour).as_second() });
    for (what, text, words) in [
        (
            "expired",
            with("default", "frontend", expired),
            &["it expired 2h ago", "the kubelet renews what it projects"][..],
        ),
        (
            "of the future",
            with("default", "frontend", future),
            &["it is not valid before", "in 59m", "clocks"],
        ),
        (
            "for the API itself",
            token("default", "frontend", "https://kubernetes.default.svc"),
            &[
                "it is meant for \"https://kubernetes.default.svc\", not for \"istio-ca\"",
                "serviceAccountToken: { audience: istio-ca",
                "kubectl create token frontend -n default --audience istio-ca",
            ],
        ),
        (
            "of an old Secret",
            with("default", "frontend", json!({})),
            &["it names no audience, and \"istio-ca\" is needed"],
        ),
        (
            "of somebody else",
            token("shop", "cart", "istio-ca"),
            &[
                "it proves account shop/cart, not account default/frontend",
                "run probe under the account that is asked for",
                "`token: request`",
            ],
        ),
        (
            "empty",
            " \n".to_owned(),
            &["the file is empty", "project one"],
        ),
        (
            "something else",
            "hvs.CAESIJ".to_owned(),
            &["is not a JSON Web Token: it is not three parts"],
        ),
        ("too big", "a".repeat(70_000), &["larger than 65536 bytes"]),
    ] {
        fs::write(stage.token_file(), &text).unwrap();
        let error = stage.refused().await;
        assert_eq!(error.step(), Some(Step::Token), "{what}: {error}");
        say(&error, words);
        assert!(error.to_string().contains("the token in "), "{error}");
        assert!(text.trim().is_empty() || !error.to_string().contains(text.trim()));
    }
    assert_eq!(stage.asked(), 0, "nobody was asked");
}

#[tokio::test]
async fn a_token_file_that_cannot_be_read_says_why() {
    let stage = Stage::istio().await;
    fs::remove_file(stage.token_file()).unwrap();
    let missing = stage.refused().await;
    assert_eq!(missing.step(), Some(Step::Token));
    say(
        &missing,
        &[
            "the file does not exist",
            "audience: istio-ca",
            "kubectl create token",
        ],
    );

    fs::create_dir(stage.token_file()).unwrap();
    say(&stage.refused().await, &["the path is a folder"]);
    fs::remove_dir(stage.token_file()).unwrap();

    fs::write(stage.token_file(), [0xff, 0xfe]).unwrap();
    say(&stage.refused().await, &["it is not even text"]);

    fs::write(stage.token_file(), token("default", "frontend", "istio-ca")).unwrap();
    fs::set_permissions(stage.token_file(), fs::Permissions::from_mode(0o000)).unwrap();
    // Who is root may read everything.
    if fs::read(stage.token_file()).is_err() {
        say(
            &stage.refused().await,
            &["may not read the file", "fsGroup"],
        );
    }
}

#[tokio::test]
async fn a_token_is_read_anew_each_time_and_white_space_around_it_is_nothing() {
    let stage = Stage::istio().await;
    fs::write(stage.token_file(), "\n").unwrap();
    stage.refused().await;
    let good = token("default", "frontend", "istio-ca");
    fs::write(stage.token_file(), format!("  {good}\n\n")).unwrap();
    let (_, walk) = stage.supply().await;
    let (_, found) = walk
        .steps()
        .iter()
        .find(|(step, _)| *step == Step::Token)
        .unwrap();
    assert_eq!(
        found,
        "token of default/frontend, audience istio-ca, 10m left"
    );
}
