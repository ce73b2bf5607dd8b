//! Keys and tokens are nowhere to be seen: not in results, not in errors, not on disk, at any verbosity.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jiff::SignedDuration;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::mesh::{Mesh, SOURCES, Secret, probe};
use crate::needles::{Needles, files, scalar};

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_any_source_shows_while_all_goes_well() {
    let mesh = Mesh::lasting(SignedDuration::from_hours(1)).await;
    let gate = mesh.gate().await;
    let specs = mesh.specs();
    let suite = mesh.suite("suite.yaml", &gate, &specs);
    let suite = suite.to_str().unwrap();
    let before = contents(mesh.folder.path());
    let results = [
        "-o",
        "json=r.json",
        "-o",
        "table=r.txt",
        "-o",
        "ndjson=r.ndjson",
    ];
    let mut jobs = vec![];
    for (words, more, formats) in [
        (&["run", suite][..], &results[..], 3),
        (&["whoami", suite], &[], 3),
        (&["whoami", suite], &["--watch", "--for", "1s"], 2),
        (&["doctor", suite], &[], 3),
        (&["plan", suite], &[], 2),
        (
            &["canary", suite],
            &["--rounds", "2", "--every", "100ms"],
            3,
        ),
        (
            &["--config", suite],
            &["--from", "istio_ca", "--to", "gate"],
            2,
        ),
    ] {
        for format in &["table", "json", "ndjson"][..formats] {
            let loud = ["-vv", "--color", "always", "--format", format];
            jobs.push([words, more, &loud].concat());
        }
    }
    let kubeconfig = mesh.alice.kubeconfig.clone().unwrap();
    let flags = [
        "--config",
        suite,
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
        "-vv",
    ];
    let described: Vec<_> = specs
        .iter()
        .map(|(_, spec)| format!("{{ {spec} }}"))
        .collect();
    for identity in &described {
        jobs.push(
            [
                &flags[..],
                &["--to", "gate", "--only", "--identity", identity],
            ]
            .concat(),
        );
    }
    let all = run(&jobs).await;
    for ran in &all {
        assert_eq!(ran.output.status.code(), Some(0), "{}", ran.words());
    }
    let needles = needles(&mesh);
    let shown: Vec<_> = all.iter().flat_map(|ran| ran.shows(&needles)).collect();
    assert!(shown.is_empty(), "{shown:#?}");
    let after = contents(mesh.folder.path());
    assert!(before == after, "nothing is written beside a suite");
    let wrote: Vec<_> = all.iter().flat_map(Ran::wrote).collect();
    assert_eq!(wrote, ["r.json", "r.ndjson", "r.txt"].repeat(3));
    for (source, name) in SOURCES {
        let book = gate.book();
        let times = book
            .visits
            .iter()
            .filter(|visit| visit.name == name)
            .count();
        assert!(times >= 10, "{source} was here {times} times");
    }
    assert!(mesh.cluster.state().issued.len() > 20);
}

#[test]
fn a_secret_that_shows_is_found() {
    let folder = TempDir::new().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let (pem, der) = (key.serialize_pem(), key.serialize_der());
    let number = scalar(&der);
    let token = crate::standins::tokens::token("default", "frontend", "istio-ca");
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02X}")).collect() };
    let known = [
        ("key", Secret::Key(pem.clone())),
        ("token", Secret::Word(token.clone())),
    ];
    let needles = Needles::of(known.iter().map(|(what, secret)| (*what, secret)));
    let plant = |planted: &[u8]| {
        fs::write(
            folder.path().join("out"),
            [b"some {\"", planted, b"\"} text"].concat(),
        )
        .unwrap();
        needles.below(folder.path()).join(", ")
    };
    for (planted, want) in [
        (pem.clone().into_bytes(), "key in"),
        (pem.lines().nth(2).unwrap().as_bytes().to_vec(), "key in"),
        (
            format!("{:?}", pem.replace("-----", "")).into_bytes(),
            "key in",
        ),
        (der.clone(), "key in"),
        (number.to_vec(), "key in"),
        (hex(number).into_bytes(), "key in"),
        (hex(number).to_lowercase().into_bytes(), "key in"),
        (
            format!("{number:02x?}").replace(", ", ":").into_bytes(),
            "key in",
        ),
        (format!("{number:?}").into_bytes(), "key in"),
        (format!("{number:#?}").into_bytes(), "key in"),
        (serde_json::to_vec(number).unwrap(), "key in"),
        (STANDARD.encode(number).into_bytes(), "key in"),
        (
            URL_SAFE.encode([&b"x"[..], number].concat()).into_bytes(),
            "key in",
        ),
        (
            STANDARD.encode([&b"xy"[..], number].concat()).into_bytes(),
            "key in",
        ),
        (STANDARD.encode(&pem).into_bytes(), "key in"),
        (token.clone().into_bytes(), "token in"),
        (
            token.rsplit_once('.').unwrap().1.as_bytes()[..30].to_vec(),
            "the signature of token in",
        ),
        (STANDARD.encode(&token).into_bytes(), "token in"),
    ] {
        let found = plant(&planted);
        assert!(
            found.contains(want),
            "{:?}: {found}",
            String::from_utf8_lossy(&planted)
        );
    }
    // Of keys that nobody knows.
    let other = rcgen::KeyPair::generate().unwrap();
    for planted in [
        other.serialize_pem().into_bytes(),
        other.serialize_der(),
        STANDARD.encode(other.serialize_der()).into_bytes(),
        format!("{:?}", other.serialize_der()).into_bytes(),
        hex(&other.serialize_der()).into_bytes(),
    ] {
        assert!(plant(&planted).contains("private key"), "{planted:?}");
    }
    assert_eq!(
        plant(b"give PEM that begins with \"-----BEGIN PRIVATE KEY-----\""),
        ""
    );
}

/// Every secret that is somewhere in the mesh by now.
fn needles(mesh: &Mesh) -> Needles {
    let issued: Vec<_> = mesh
        .cluster
        .state()
        .issued
        .iter()
        .cloned()
        .map(Secret::Word)
        .collect();
    let known = mesh.secrets.iter().map(|(what, secret)| (*what, secret));
    Needles::of(known.chain(issued.iter().map(|token| ("a token of Kubernetes", token))))
}

/// Runs `probe` once for each list of arguments, a few at a time.
async fn run(jobs: &[Vec<&str>]) -> Vec<Ran> {
    let few = Arc::new(Semaphore::new(6));
    let mut running = JoinSet::new();
    for (nth, arguments) in jobs.iter().enumerate() {
        let arguments: Vec<_> = arguments.iter().map(|&one| one.to_owned()).collect();
        let few = Arc::clone(&few);
        running.spawn(async move {
            let _one = few.acquire().await.unwrap();
            let ran = tokio::task::spawn_blocking(|| Ran::with(arguments));
            (nth, ran.await.unwrap())
        });
    }
    let mut all = running.join_all().await;
    all.sort_by_key(|(nth, _)| *nth);
    all.into_iter().map(|(_, ran)| ran).collect()
}

/// `probe`, as it ended, with all that it left behind.
struct Ran {
    arguments: Vec<String>,
    output: Output,
    /// Where it could write: the folder it was run in, its home, and that for what is temporary.
    folder: TempDir,
}

impl Ran {
    fn with(arguments: Vec<String>) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = probe(folder.path());
        for (variable, name) in [
            ("HOME", "home"),
            ("TMPDIR", "tmp"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_RUNTIME_DIR", "runtime"),
        ] {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            command.env(variable, path);
        }
        // All that makes libraries talk.
        for (variable, value) in [
            ("RUST_LOG", "trace"),
            ("RUST_BACKTRACE", "full"),
            ("GRPC_TRACE", "all"),
            ("GRPC_VERBOSITY", "debug"),
            ("SSLKEYLOGFILE", "keys-of-connections"),
        ] {
            command.env(variable, value);
        }
        let output = command.args(&arguments).output().unwrap();
        Self {
            arguments,
            output,
            folder,
        }
    }

    fn shows(&self, needles: &Needles) -> Vec<String> {
        let mut all = needles.below(self.folder.path());
        for (name, hay) in [
            ("stdout", &self.output.stdout),
            ("stderr", &self.output.stderr),
        ] {
            let found = needles.found(hay);
            all.extend(
                found
                    .iter()
                    .map(|what| format!("{what} in {name} of {}", self.words())),
            );
        }
        all
    }

    /// The files that it wrote.
    fn wrote(&self) -> Vec<String> {
        let all = files(self.folder.path()).into_iter();
        all.map(|path| {
            path.strip_prefix(self.folder.path())
                .unwrap()
                .display()
                .to_string()
        })
        .collect()
    }

    fn words(&self) -> String {
        format!(
            "{:?}\n{}{}",
            self.arguments,
            String::from_utf8_lossy(&self.output.stderr),
            String::from_utf8_lossy(&self.output.stdout),
        )
    }
}

/// What stands in each file below a folder.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let all = files(folder).into_iter();
    all.map(|path| {
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    })
    .collect()
}
