//! The worked rotation in `docs/rotation.md` is what the program prints for a real fleet.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and is steered by the environment"
)]

mod rotation_stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mtls_probe::lab::{Kin, State};
use mtls_probe::rotation::Phase;
use rotation_stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_rotation_is_what_the_program_prints() {
    let one = |phase| [State::of(phase)];
    let p0 = [State::of(Phase::P0), State::of(Phase::P0)];
    let (web, api, payments) = (one(Phase::P0), p0, one(Phase::P0));
    let targets: [(&str, &[State]); 3] = [("web", &web), ("api", &api), ("payments", &payments)];
    let mut stage = Stage::with(Kin::Strangers, &targets).await;
    let mut docs = Docs::read();
    let hold = |stage: &Stage, docs: &mut Docs, name: &str, exit: i32| {
        let output = Command::new(env!("CARGO_BIN_EXE_probe"))
            .current_dir(stage.folder())
            .env_remove("PROBE_CONFIG")
            .arg("rotation")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(exit), "{name}");
        let printed = String::from_utf8(output.stdout).unwrap();
        docs.hold(name, &redacted(stage, &printed));
    };

    hold(&stage, &mut docs, "before", 0);
    // One replica did not take the combined bundle.
    stage.fleet.set_all(&State::of(Phase::P1)).unwrap();
    stage.fleet.set("api", 1, State::of(Phase::P0)).unwrap();
    hold(&stage, &mut docs, "straggler", 1);
    stage.fleet.set("api", 1, State::of(Phase::P1)).unwrap();
    hold(&stage, &mut docs, "ready", 0);
    // The new CA signs; not every leaf is renewed yet.
    stage.fleet.set_all(&State::of(Phase::P2)).unwrap();
    stage
        .fleet
        .set("payments", 0, State::of(Phase::P1))
        .unwrap();
    hold(&stage, &mut docs, "pending", 1);
    stage.fleet.set_all(&State::of(Phase::P2)).unwrap();
    hold(&stage, &mut docs, "reissued", 0);
    stage.fleet.set_all(&State::of(Phase::P3)).unwrap();
    hold(&stage, &mut docs, "finished", 0);
    docs.finish();
}

/// Ports and keys differ from run to run.
fn redacted(stage: &Stage, printed: &str) -> String {
    let mut text = printed.to_owned();
    for (nth, (_, address, _)) in stage.fleet.members().enumerate() {
        text = text.replace(&address.to_string(), &format!("10.24.0.1{nth}:8443"));
    }
    let mut keys: Vec<String> = text
        .split("(key ")
        .skip(1)
        .filter_map(|rest| rest.get(..16).map(str::to_owned))
        .collect();
    keys.dedup();
    for (key, shown) in keys.iter().zip(["4b51a0c87e6d92f3", "9f0e77c1d2ab3458"]) {
        text = text.replace(key, shown);
    }
    text
}

/// A page with blocks that the program writes.
struct Docs {
    path: PathBuf,
    text: String,
    wrong: Vec<String>,
}

impl Docs {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rotation.md");
        Self {
            text: fs::read_to_string(&path).unwrap(),
            path,
            wrong: vec![],
        }
    }

    /// The block after `<!-- NAME -->` is this.
    fn hold(&mut self, name: &str, printed: &str) {
        let begin = format!("<!-- {name} -->\n```text\n");
        let (head, rest) = self
            .text
            .split_once(&begin)
            .unwrap_or_else(|| panic!("no {begin}"));
        let (block, tail) = rest.split_once("```\n").unwrap();
        if block != printed {
            self.wrong.push(format!("{name}:\n{printed}"));
            self.text = format!("{head}{begin}{printed}```\n{tail}");
        }
    }

    fn finish(self) {
        if std::env::var("UPDATE_GOLDEN").is_ok() {
            fs::write(&self.path, &self.text).unwrap();
        } else {
            let wrong = self.wrong.join("\n");
            assert!(
                wrong.is_empty(),
                "run with UPDATE_GOLDEN=1 and look at the change:\n{wrong}"
            );
        }
    }
}
