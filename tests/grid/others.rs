//! The same grid with the tools that people ask instead.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use mtls_probe::code::By;

use crate::clients::{ALL, Client, Said, Visit};
use crate::document::Score;
use crate::grid::start;
use crate::kit::Kit;
use crate::situations::{SITUATIONS, Situation, Twist, truth};
use crate::stack::{Role, Stack, Tls};

/// A client comes to a server that we trust, in the usual way.
pub(crate) fn is_shared(situation: &Situation) -> bool {
    let roles = [Role::Required, Role::Optional, Role::Crl];
    situation.twist == Twist::None
        && roles.contains(&situation.role)
        && situation.client != "plaintext"
}

/// Every tool against every server of a stack; slow ones in a few situations.
pub(crate) async fn visit(
    kit: &Arc<Kit>,
    stack: &'static Stack,
    scores: &Arc<Mutex<Vec<Score>>>,
    all: bool,
) {
    let servers = start(kit, stack, |role| role != Role::Plaintext).await;
    let at = servers
        .iter()
        .map(|(tls, role, server)| (*tls, *role, server.address));
    let at: Arc<[_]> = at.collect();
    let mut running = tokio::task::JoinSet::new();
    for nth in 0..ALL.len() {
        let (kit, at, scores) = (Arc::clone(kit), Arc::clone(&at), Arc::clone(scores));
        running.spawn_blocking(move || {
            let client = &ALL[nth];
            if (client.version)().is_err() {
                return;
            }
            let asked = SITUATIONS.iter().filter(|situation| {
                let name = &situation.name;
                let is_quick = QUICK.contains(name) || all && MORE.contains(name);
                is_shared(situation) && kit.has(situation.client) && (!client.is_slow || is_quick)
            });
            for situation in asked {
                for (tls, _, address) in at.iter().filter(|(_, role, _)| *role == situation.role) {
                    let said = ask(client, &kit, *address, *tls, situation);
                    let mut scores = scores.lock().unwrap();
                    count(&mut scores[nth], said, stack.name, *tls, situation);
                }
            }
        });
    }
    running.join_all().await;
}

fn ask(client: &Client, kit: &Kit, address: SocketAddr, tls: Tls, situation: &Situation) -> Said {
    let files = ["pem", "key"].map(|end| kit.path(&format!("{}.{end}", situation.client)));
    let visit = Visit {
        address,
        tls,
        identity: (situation.client != "none").then_some((files[0].as_path(), files[1].as_path())),
        roots: &kit.path("roots.pem"),
        name: Some("server.test"),
        alpn: &[],
    };
    (client.try_it)(&visit)
}

fn count(score: &mut Score, said: Said, stack: &str, tls: Tls, situation: &Situation) {
    let truth = truth(stack, tls, situation);
    let place = match (truth.by == Some(By::Peer), said) {
        (_, Said::Cannot) => &mut score.cannot,
        (false, Said::Fine) => &mut score.taken,
        (false, _) => &mut score.not_taken,
        (true, Said::Fine) => &mut score.fine,
        (true, Said::Unclear) => &mut score.unclear,
        (true, Said::Refused(None)) => &mut score.unnamed,
        (true, Said::Refused(Some(code))) if truth.codes.contains(&code) => &mut score.named,
        (true, Said::Refused(Some(_)) | Said::Distrusted(_)) => &mut score.misnamed,
    };
    *place += 1;
}

/// What slow tools are asked.
const QUICK: &[&str] = &["good", "none", "expired"];
const MORE: &[&str] = &["unknown-ca", "no-intermediate", "server-only"];
