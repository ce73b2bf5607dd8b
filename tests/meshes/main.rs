//! Meshes: real proxies as their control planes configure them, probed as a user would.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of a test: a panic names the line, and the environment and the clock are real"
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most ways through a sidecar are alike, and each of its options cares for few"
)]

mod apps;
mod chains;
mod document;
#[path = "../grid/envoy.rs"]
mod envoy;
mod inbound;
#[expect(
    dead_code,
    reason = "the certificates are those of the grid, which has more to do with them"
)]
#[path = "../grid/kit.rs"]
mod kit;
mod outbound;
mod probing;
mod proxy;
mod sidecars;
#[expect(
    dead_code,
    reason = "child processes are run as in the grid, which has more kinds of them"
)]
#[path = "../grid/stack.rs"]
mod stack;
mod verdicts;

use std::io::Write;

use apps::Apps;
use kit::Kit;
use proxy::{Proxy, Words};

/// What a sidecar of Istio does, by its mode and the protocol of the port.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_sidecar_is_read_right() {
    let Some(mesh) = Mesh::start() else { return };
    let (kit, inbound) = (&mesh.kit, &mesh.inbound);
    document::hold("chains", &chains::check(kit, inbound).await);
    document::hold("verdicts", &verdicts::check(kit, inbound).await);
    document::hold("auto", &verdicts::check_auto(kit, inbound).await);
    document::hold("singles", &verdicts::check_singles(kit, inbound).await);
    verdicts::check_doors(kit, inbound).await;
    verdicts::check_gateway(kit, inbound).await;
}

/// What the sidecar of a client says of each way on.
#[tokio::test(flavor = "multi_thread")]
async fn what_our_own_sidecar_says_is_read_right() {
    let Some(mesh) = Mesh::start() else { return };
    let (kit, inbound) = (&mesh.kit, &mesh.inbound);
    let words = [Words::All, Words::Few];
    let proxies = words.map(|words| outbound::start(kit, &mesh.apps, inbound, words));
    document::hold("sidecar", &sidecars::check(kit, &proxies).await);
    sidecars::check_auto(kit, &proxies[1]).await;
    document::hold("no sidecar", &sidecars::check_without(kit, inbound).await);
}

/// A server with a sidecar, and the certificates of its mesh.
struct Mesh {
    kit: Kit,
    apps: Apps,
    inbound: Proxy,
}

impl Mesh {
    /// Nothing where there is no Envoy, loudly; where nothing may be missing that is a failure.
    fn start() -> Option<Self> {
        match envoy::version() {
            Ok(version) => say(&version),
            Err(why) => {
                let words = format!("SKIPPED: Istio sidecars: {why}");
                let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!is_ci, "{words}");
                say(&words);
                return None;
            }
        }
        let kit = Kit::make();
        let apps = Apps::start();
        let inbound = inbound::start(&kit, &apps);
        Some(Self { kit, apps, inbound })
    }
}

/// The test harness swallows what `eprintln` says of a test that passes.
fn say(what: &str) {
    std::io::stderr()
        .write_all(format!("{what}\n").as_bytes())
        .unwrap();
}
