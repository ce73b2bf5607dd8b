//! Many attempts of one cell: a rate is a rate, neither ok nor broken.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

mod mesh;
mod stage;

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mesh::{Mesh, VERSIONS, finding, serve};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn one_refusal_in_two_hundred_is_told_as_a_rate() {
    let mesh = Mesh::new();
    // Over TLS 1.2 one connection takes its time: a server has to read our certificate by itself.
    let attempts = [
        (400, 2, (0.001_372, 0.018_045)),
        (1000, 5, (0.002_138, 0.011_651)),
    ];
    for ((name, version), (total, failed, (low, high))) in VERSIONS.into_iter().zip(attempts) {
        let good = mesh.server(&mesh.new, &[&mesh.new], version);
        let bad = mesh.server(&mesh.new, &[&mesh.old], version);
        let choose = move |nth: usize| if nth.is_multiple_of(200) { &bad } else { &good }.clone();
        let address = serve("127.0.0.1:0", choose).await;
        let how = format!("address: \"{address}\", attempts: {total}");
        let done = mesh.probe("new", &how, &["--format", "json"]).await;
        assert_eq!(done.code(), 3, "TLS {name}: {}{}", done.out, done.err);
        let result = &done.values()[0];
        let cell = &result["cells"][0];
        assert_eq!((&cell["code"], &cell["met"]), (&json!("OK"), &json!(null)));
        assert_eq!(cell["tls"]["version"], name);
        assert_eq!(
            cell["attempts"],
            json!({
                "total": total,
                "agreeing": total - failed,
                "codes": [
                    { "code": "OK", "by": null, "count": total - failed },
                    { "code": "UNKNOWN_CA", "by": "peer", "count": failed },
                ],
                "flake": { "failed": failed, "of": total, "rate": 0.005, "low": low, "high": high },
                "faces": cell["attempts"]["faces"],
            })
        );
        let evidence = cell["evidence"].to_string();
        let words = format!("{failed} of {total} attempts say UNKNOWN_CA (by peer)");
        assert!(evidence.contains(&words), "{evidence}");
        let finding = finding(result, "FLAKY").unwrap();
        assert_eq!(finding["severity"], "error", "it was expected to work");
        let message = finding["message"].as_str().unwrap();
        let begin = format!(
            "api refuses client in {failed} of {total} connections (0.5 %, with 95 % confidence "
        );
        assert!(message.starts_with(&begin), "{message}");
        assert!(message.contains("): UNKNOWN_CA by peer"), "{message}");
        assert_eq!(
            result["totals"],
            json!({ "cells": 1, "met": 0, "broken": 0, "unjudged": 0, "inconclusive": 1 })
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_refuses_is_no_finding() {
    let mesh = Mesh::new();
    for ((name, version), total) in VERSIONS.into_iter().zip([100, 1000]) {
        let good = mesh.server(&mesh.new, &[&mesh.new], version);
        let address = serve("127.0.0.1:0", move |_| good.clone()).await;
        let how = format!("address: \"{address}\", attempts: {total}");
        let done = mesh.probe("new", &how, &["--format", "json"]).await;
        assert_eq!(done.code(), 0, "TLS {name}: {}{}", done.out, done.err);
        let result = &done.values()[0];
        let attempts = &result["cells"][0]["attempts"];
        assert_eq!(
            attempts,
            &json!({ "total": total, "agreeing": total }),
            "as ever"
        );
        assert_eq!(finding(result, "FLAKY"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_rotated_server_behind_one_address_is_told_by_what_it_presents() {
    let mesh = Mesh::new();
    for (name, version) in VERSIONS {
        let usual = mesh.server(&mesh.new, &[&mesh.old, &mesh.new], version);
        let odd = mesh.server(&mesh.old, &[&mesh.old], version);
        let choose = move |nth: usize| if nth % 50 == 7 { &odd } else { &usual }.clone();
        let address = serve("127.0.0.1:0", choose).await;
        let how = format!("address: \"{address}\"");
        let flags = ["--format", "json", "--attempts", "100"];
        let done = mesh.probe("new", &how, &flags).await;
        let result = &done.values()[0];
        let message = finding(result, "FLAKY").unwrap()["message"].to_string();
        let words = "the odd attempts met another server certificate (serial ";
        assert!(
            message.contains(words) && message.contains("old root"),
            "TLS {name}: {message}"
        );
        let faces = &result["cells"][0]["attempts"]["faces"];
        assert_eq!(
            (&faces[0]["count"], &faces[1]["count"]),
            (&json!(98), &json!(2))
        );
        let serial = faces[1]["serial"].as_str().unwrap();
        assert!(message.contains(serial), "{message}");

        // The old client is welcome everywhere, and still there are two kinds of server.
        let done = mesh.probe("old", &how, &flags).await;
        assert_eq!(done.code(), 0, "{}", done.out);
        let result = &done.values()[0];
        assert_eq!(finding(result, "FLAKY"), None);
        let finding = finding(result, "REPLICAS_PRESENT_DIFFERENTLY").unwrap();
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains("stand several servers"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_the_share_in_the_table_and_in_the_pair() {
    let mesh = Mesh::new();
    let (_, version) = VERSIONS[1];
    let good = mesh.server(&mesh.new, &[&mesh.new], version);
    let bad = mesh.server(&mesh.new, &[&mesh.old], version);
    let choose = move |nth: usize| if nth.is_multiple_of(20) { &bad } else { &good }.clone();
    let address = serve("127.0.0.1:0", choose).await;
    let how = format!("address: \"{address}\", attempts: 40");
    let pair = mesh.probe("new", &how, &[]).await;
    for words in [
        "OK 38/40, expected OK",
        "The others: UNKNOWN_CA 2/40.",
        "error FLAKY: api",
    ] {
        assert!(pair.out.contains(words), "{words}: {}", pair.out);
    }
    let how = format!("{how} }}, other: {{ address: \"{address}\", attempts: 40");
    let table = mesh.probe("new", &how, &[]).await;
    assert!(table.out.contains("OK~ 38/40"), "{}", table.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_lie_between_attempts_and_count_in_no_timing() {
    let mesh = Mesh::new();
    let (_, version) = VERSIONS[1];
    let good = mesh.server(&mesh.new, &[&mesh.new], version);
    let address = serve("127.0.0.1:0", move |_| good.clone()).await;
    let how = format!("address: \"{address}\", attempts: 5, pause: 300ms, jitter: 10%");
    let begun = Instant::now();
    let done = mesh.probe("new", &how, &["--format", "json"]).await;
    let took = begun.elapsed();
    // Four pauses of 270 to 330 ms.
    assert!(took > Duration::from_millis(1080), "{took:?}");
    assert!(took < Duration::from_millis(6000), "{took:?}");
    let timing = done.values()[0]["cells"][0]["timing_ms"].clone();
    let sum: f64 = timing
        .as_object()
        .unwrap()
        .values()
        .map(|ms| ms.as_f64().unwrap())
        .sum();
    assert!(sum < 200.0, "{timing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_when_somebody_stops_the_run() {
    let mesh = Mesh::new();
    let (_, version) = VERSIONS[1];
    let good = mesh.server(&mesh.new, &[&mesh.new], version);
    let address = serve("127.0.0.1:0", move |_| good.clone()).await;
    let how = format!("address: \"{address}\"");
    // For the suite alone.
    mesh.probe("new", &how, &["--format", "json"]).await;
    let mut child = stage::command()
        .arg("run")
        .arg(mesh.file("probe.yaml"))
        .args(["--format", "json", "--attempts", "3", "--pause", "60s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let begun = Instant::now();
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let code = tokio::task::block_in_place(|| child.wait().unwrap().code());
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(code, Some(130));
    let mut out = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    let result: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        result["cells"][0]["attempts"]["total"], 1,
        "what was learned is kept"
    );
}
