//! Keys and tokens are nowhere to be seen: not in results, not in errors, not on disk, at any verbosity.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jiff::SignedDuration;
use mtls_probe::identity::Cluster;
use mtls_probe::run::now;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::Code;

use crate::mesh::{Mesh, SOURCES, Secret, probe};
use crate::needles::{Needles, files, scalar};
use crate::standins::generated::workload::X509svid;
use crate::standins::istio_ca::{self, IstioCa};
use crate::standins::kubernetes::{Kubernetes, Mood};
use crate::standins::linkerd_identity::{self, LinkerdIdentity};
use crate::standins::tokens::{token, with};
use crate::standins::workload_api::{Agent, State};

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
        (&["whoami", suite], &["--watch", "--for", "2s"], 2),
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
        let code = ran.output.status.code();
        // Who watches for a moment only may not see all of them.
        let is_cut = code == Some(1) && ran.arguments.iter().any(|word| word == "--watch");
        assert!(code == Some(0) || is_cut, "{}", ran.words());
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

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_where_something_is_wrong_with_it() {
    let mut wrong = Wrong::new().await;
    let gate = wrong.mesh.gate().await;
    let sources = [
        wrong.agents(),
        wrong.signers().await,
        wrong.clusters().await,
    ]
    .concat();
    let fetched = wrong.mesh.suite("fetched.yaml", &gate, &sources);
    let files = wrong.files();
    let files = wrong.mesh.suite("files.yaml", &gate, &files);
    let mut jobs = vec![];
    for suite in [&fetched, &files] {
        let suite = suite.to_str().unwrap();
        for (words, format) in [
            (&["run", suite, "-o", "table=r.txt"][..], "json"),
            (&["whoami", suite], "table"),
            (&["whoami", suite], "json"),
            (&["doctor", suite], "table"),
            (&["doctor", suite], "json"),
        ] {
            jobs.push([words, &["-vv", "--format", format]].concat());
        }
    }
    let mistakes = wrong.mistakes();
    jobs.extend(
        mistakes
            .iter()
            .map(|words| words.iter().map(String::as_str).collect()),
    );
    let all = run(&jobs).await;
    for ran in &all {
        assert_ne!(ran.output.status.code(), Some(0), "{}", ran.words());
        assert!(ran.output.status.code().is_some(), "{}", ran.words());
    }
    let words: String = all.iter().map(Ran::words).collect();
    for words_of in [
        "the token of context kind-k-lines holds characters that no token has",
        "the credentials of context kind-k-command-lines cannot be sent",
        "nobody listens at https://localhost:1;",
        "(by the proxy http://127.0.0.1:1)",
        "who is (a token)",
        "is no path but a secret itself",
    ] {
        assert!(words.contains(words_of), "{words_of}");
    }
    assert!(!words.contains("panicked"), "{words}");
    let needles = needles(&wrong.mesh);
    let shown: Vec<_> = all.iter().flat_map(|ran| ran.shows(&needles)).collect();
    assert!(shown.is_empty(), "{shown:#?}");
}

#[test]
fn a_secret_that_shows_is_found() {
    let folder = TempDir::new().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let (pem, der) = (key.serialize_pem(), key.serialize_der());
    let number = scalar(&der);
    let token = token("default", "frontend", "istio-ca");
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
        (pem.clone().into_bytes(), "key after"),
        (pem.lines().nth(2).unwrap().as_bytes().to_vec(), "key after"),
        (
            format!("{:?}", pem.replace("-----", "")).into_bytes(),
            "key after",
        ),
        (der.clone(), "key after"),
        (number.to_vec(), "key after"),
        (hex(number).into_bytes(), "key after"),
        (hex(number).to_lowercase().into_bytes(), "key after"),
        (
            format!("{number:02x?}").replace(", ", ":").into_bytes(),
            "key after",
        ),
        (format!("{number:?}").into_bytes(), "key after"),
        (format!("{number:#?}").into_bytes(), "key after"),
        (serde_json::to_vec(number).unwrap(), "key after"),
        (STANDARD.encode(number).into_bytes(), "key after"),
        (
            URL_SAFE.encode([&b"x"[..], number].concat()).into_bytes(),
            "key after",
        ),
        (
            STANDARD.encode([&b"xy"[..], number].concat()).into_bytes(),
            "key after",
        ),
        (STANDARD.encode(&pem).into_bytes(), "key after"),
        (token.clone().into_bytes(), "token after"),
        (
            token.rsplit_once('.').unwrap().1.as_bytes()[..30].to_vec(),
            "the signature of token after",
        ),
        (STANDARD.encode(&token).into_bytes(), "token after"),
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

/// A mesh in which much is wrong.
struct Wrong {
    mesh: Mesh,
    agents: Vec<Agent>,
    istio: Option<IstioCa>,
    linkerd: Option<LinkerdIdentity>,
    cluster: Option<Kubernetes>,
}

impl Wrong {
    async fn new() -> Self {
        Self {
            mesh: Mesh::lasting(SignedDuration::from_hours(1)).await,
            agents: vec![],
            istio: None,
            linkerd: None,
            cluster: None,
        }
    }

    /// The path of a file with a secret in it.
    fn file(&mut self, name: &str, text: &str, secret: Secret) -> String {
        self.mesh.secrets.push(("a secret of a file", secret));
        let path = self.mesh.path(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn key(&mut self, name: &str) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        (self.file(name, &key, Secret::Key(key.clone())), key)
    }

    fn token(&mut self, name: &str, text: &str) -> String {
        self.file(name, text, Secret::Word(text.to_owned()))
    }

    /// Agents that mix up what they hand out.
    fn agents(&mut self) -> Vec<(String, String)> {
        let domain = &self.mesh.domain;
        let (good, other) = (domain.svid("/workload", ""), domain.svid("/workload", ""));
        let with = |change: &dyn Fn(&mut X509svid)| {
            let mut svid = good.clone();
            change(&mut svid);
            svid
        };
        let key = good.x509_svid_key.clone();
        let all = [
            (
                "another-key",
                with(&|svid| svid.x509_svid_key.clone_from(&other.x509_svid_key)),
            ),
            ("half-a-key", with(&|svid| svid.x509_svid_key.truncate(80))),
            (
                "more-than-a-key",
                with(&|svid| svid.x509_svid_key.extend(&key)),
            ),
            (
                "key-for-chain",
                with(&|svid| svid.x509_svid.clone_from(&key)),
            ),
            ("key-for-bundle", with(&|svid| svid.bundle.clone_from(&key))),
        ];
        for svid in [&good, &other] {
            self.mesh
                .secrets
                .push(("a key of an agent", Secret::of(svid)));
        }
        all.map(|(name, svid)| {
            let agent = Agent::start(State::of([svid]));
            let endpoint = agent.endpoint();
            self.agents.push(agent);
            (
                name.to_owned(),
                format!("workload_api: {{ socket: \"{endpoint}\" }}"),
            )
        })
        .into()
    }

    /// Tokens that are not what they should be, and CAs that say again what they heard.
    async fn signers(&mut self) -> Vec<(String, String)> {
        let echo = token("default", "echo", "istio-ca");
        let istio = IstioCa::start().await;
        let words = format!("who is {echo}?").leak();
        istio
            .desk
            .be(istio_ca::Whim::Says(Code::Unauthenticated, words));
        let address = istio.door.address();
        let root = crate::standins::pem(&istio.desk.signer.root);
        self.istio = Some(istio);
        fs::write(self.mesh.path("istio.pem"), root).unwrap();
        let roots = self.mesh.path("istio.pem").display().to_string();
        let (key, pem) = self.key("key-for-roots.pem");
        let signed = with("default", "echo", json!({ "exp": 1_000_000_000 }));
        let mut all = vec![];
        for (name, text) in [
            ("echoed", echo.clone()),
            ("expired", signed),
            ("audience", token("default", "echo", "vault")),
            ("account", token("default", "other", "istio-ca")),
            ("two-lines", format!("{}\n{}", &echo[..90], &echo[90..])),
            ("two-tokens", format!("{echo}\n{echo}")),
            ("quoted", format!("{{\"token\":\"{echo}\"}}")),
            (
                "claims",
                with("default", "echo", json!({ "exp": "a secret-of-claims" })),
            ),
            ("key-for-token", pem),
        ] {
            let path = match name {
                "key-for-token" => {
                    let path = self.mesh.path(name);
                    fs::write(&path, text).unwrap();
                    path.display().to_string()
                }
                _ => self.token(name, &text),
            };
            all.push((
                name.to_owned(),
                format!(
                    "id: sa/echo, istio_ca: {{ address: \"{address}\", server_name: {}, \
                     bundle: {{ file: {roots} }}, token: {{ file: {path} }} }}",
                    istio_ca::NAMES[0]
                ),
            ));
        }
        all.push((
            "key-for-anchors".to_owned(),
            format!(
                "id: sa/echo, istio_ca: {{ address: \"{address}\", bundle: {{ file: {key} }} }}"
            ),
        ));
        let echo = token("default", "echo", "identity.l5d.io");
        let linkerd = LinkerdIdentity::start().await;
        let words = format!("token not authenticated: {echo}").leak();
        linkerd.desk.be(linkerd_identity::Whim::Says(
            Code::FailedPrecondition,
            words,
        ));
        let address = linkerd.door.address();
        fs::write(
            self.mesh.path("linkerd.pem"),
            crate::standins::pem(&linkerd.desk.signer.root),
        )
        .unwrap();
        let roots = self.mesh.path("linkerd.pem").display().to_string();
        self.linkerd = Some(linkerd);
        let path = self.token("linkerd-echo", &echo);
        all.push((
            "linkerd-echo".to_owned(),
            format!(
                "id: sa/echo, linkerd: {{ address: \"{address}\", bundle: {{ file: {roots} }}, \
                 token: {{ file: {path} }} }}"
            ),
        ));
        all
    }

    /// Secrets and kubeconfigs that were filled in wrongly.
    async fn clusters(&mut self) -> Vec<(String, String)> {
        let other = self
            .mesh
            .issue("spiffe://cluster.local/ns/default/sa/other");
        let (chain, key) = (other.chain_pem(), other.key_pem().to_string());
        self.mesh
            .secrets
            .push(("a key of a Secret", Secret::Key(key.clone())));
        let (_, stranger) = self.key("stranger.key");
        let root = self.mesh.root();
        let mut all = vec![];
        for (name, chain, key, roots) in [
            ("s-swapped", &key, &chain, &root),
            ("s-stranger", &chain, &stranger, &root),
            ("s-half", &chain, &key[..150].to_owned(), &root),
            ("s-no-pem", &chain, &key.replace("-----", ""), &root),
            ("s-bundle", &chain, &key, &key),
        ] {
            let entries = [
                ("tls.crt", chain.as_str()),
                ("tls.key", key),
                ("ca.crt", roots),
            ];
            self.mesh.cluster.state().secret("default", name, &entries);
            all.push((name.to_owned(), format!("secret: {{ name: {name} }}")));
        }
        let named = "secret: { name: frontend-tls, chain: tls.key, key: tls.crt }";
        all.push(("s-misnamed".to_owned(), named.to_owned()));
        let password = "hunter2-do-not-tell";
        self.mesh
            .secrets
            .push(("a password", Secret::Word(password.to_owned())));
        let bearer = token("default", "admin", "api");
        self.mesh
            .secrets
            .push(("a token of a kubeconfig", Secret::Word(bearer.clone())));
        let credential = json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": { "token": format!("{bearer}\n{bearer}") },
        });
        fs::write(self.mesh.path("credential.json"), credential.to_string()).unwrap();
        let ca = self.mesh.cluster.ca_data();
        let data = STANDARD.encode(&stranger);
        let certificate = STANDARD.encode(&chain);
        let users = [
            ("k-unknown", format!("token: {bearer}")),
            ("k-user-is-text", bearer.clone()),
            ("k-unclosed", format!("token: [{bearer}")),
            ("k-tabs", format!("\ttoken: {bearer}")),
            ("k-list", format!("token: [{bearer}, {bearer}]")),
            ("k-lines", format!("token: \"{bearer}\\n{bearer}\"")),
            (
                "k-command-lines",
                format!(
                    "exec: {{ apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, \
                     command: cat, args: [{}] }}",
                    self.mesh.path("credential.json").display()
                ),
            ),
            ("k-token-file", format!("tokenFile: {bearer}")),
            (
                "k-inline-key",
                format!(
                    "client-certificate: x\n    client-key: \"{}\"",
                    stranger.replace('\n', "\\n")
                ),
            ),
            (
                "k-not-base64",
                format!("client-certificate-data: {certificate}\n    client-key-data: \"!{data}\""),
            ),
            (
                "k-stranger",
                format!("client-certificate-data: {certificate}\n    client-key-data: {data}"),
            ),
            (
                "k-swapped",
                format!("client-certificate-data: {data}\n    client-key-data: {certificate}"),
            ),
            (
                "k-password",
                format!("username: admin\n    password: {password}"),
            ),
            (
                "k-command",
                format!(
                    "exec: {{ apiVersion: client.authentication.k8s.io/v1, command: /bin/echo, args: [\"{{ {bearer}\"], interactiveMode: Never }}"
                ),
            ),
        ];
        for (name, user) in users {
            let cluster = self.mesh.cluster.kubeconfig(name, &user, &ca);
            all.push(of_cluster(name, &cluster));
        }
        let alice = fs::read_to_string(self.mesh.alice.kubeconfig.as_ref().unwrap()).unwrap();
        let url = self.mesh.cluster.url.clone();
        let port = url.rsplit(':').next().unwrap();
        for (name, text) in [
            (
                "k-proxy",
                alice.replace(
                    &format!("server: {url}\n"),
                    &format!(
                        "server: {url}\n    proxy-url: \"http://admin:{password}@127.0.0.1:1\"\n"
                    ),
                ),
            ),
            (
                "k-socks",
                alice.replace(
                    &format!("server: {url}\n"),
                    &format!(
                        "server: {url}\n    proxy-url: \"socks9://admin:{password}@127.0.0.1:1\"\n"
                    ),
                ),
            ),
            (
                "k-url",
                alice.replace(&url, &format!("https://admin:{password}@localhost:1")),
            ),
            (
                "k-url-refused",
                alice
                    .replace(&url, &format!("https://admin:{password}@localhost:{port}"))
                    .replace("alice-token", "bob-token"),
            ),
            (
                "k-bad-url",
                alice.replace(&url, &format!("\"https://admin:{password}@local host:1\"")),
            ),
        ] {
            assert_ne!(text, alice);
            let path = self.mesh.path(name);
            fs::write(&path, text).unwrap();
            let cluster = Cluster {
                kubeconfig: Some(path),
                context: None,
            };
            all.push(of_cluster(name, &cluster));
        }
        let echo = Kubernetes::start(now()).await;
        let access = echo.user("dora");
        let bearer = echo.token_of("dora");
        let words = format!("webhook: invalid bearer token {}", token("a", "b", "c"));
        echo.state().mood = Mood::Fails(403, words.leak());
        self.mesh
            .secrets
            .push(("a token of a kubeconfig", Secret::Word(bearer)));
        self.cluster = Some(echo);
        all.push(of_cluster("k-echo", &access));
        all
    }

    /// Files that stand in each other's place.
    fn files(&mut self) -> Vec<(String, String)> {
        let chain = self.mesh.path("ca.pem").display().to_string();
        let ca = self.mesh.path("ca.key").display().to_string();
        let (key, pem) = self.key("f.key");
        let half = self.mesh.path("half.key").display().to_string();
        fs::write(&half, &pem[..150]).unwrap();
        let bare = self.mesh.path("bare.key").display().to_string();
        fs::write(&bare, pem.replace("-----", "")).unwrap();
        let der = self.mesh.path("der.key").display().to_string();
        fs::write(&der, pem::parse(&pem).unwrap().contents()).unwrap();
        let two = self.mesh.path("two.key").display().to_string();
        fs::write(&two, format!("{pem}{pem}")).unwrap();
        let json = self.mesh.path("json.key").display().to_string();
        fs::write(&json, serde_json::to_string(&pem).unwrap()).unwrap();
        [
            (
                "f-stranger",
                format!("files: {{ chain: {chain}, key: {key} }}"),
            ),
            (
                "f-swapped",
                format!("files: {{ chain: {key}, key: {chain} }}"),
            ),
            (
                "f-half",
                format!("files: {{ chain: {chain}, key: {half} }}"),
            ),
            (
                "f-bare",
                format!("files: {{ chain: {chain}, key: {bare} }}"),
            ),
            ("f-der", format!("files: {{ chain: {chain}, key: {der} }}")),
            ("f-two", format!("files: {{ chain: {chain}, key: {two} }}")),
            (
                "f-json",
                format!("files: {{ chain: {chain}, key: {json} }}"),
            ),
            (
                "f-folder",
                format!("files: {{ dir: {} }}", self.mesh.folder.path().display()),
            ),
            (
                "m-swapped",
                format!("mint: {{ id: sa/m, ca: {{ chain: {ca}, key: {chain} }} }}"),
            ),
            (
                "m-stranger",
                format!("mint: {{ id: sa/m, ca: {{ chain: {chain}, key: {key} }} }}"),
            ),
        ]
        .map(|(name, spec)| (name.to_owned(), spec))
        .into()
    }

    /// Command lines and suites with secrets where none belong.
    fn mistakes(&mut self) -> Vec<Vec<String>> {
        let (key, pem) = self.key("mistaken.key");
        let word = token("default", "frontend", "istio-ca");
        let text = self.token("mistaken.token", &word);
        let mut all = vec![];
        for words in [
            "run KEY",
            "run TOKEN",
            "plan KEY",
            "doctor KEY",
            "whoami KEY",
            "inspect KEY",
            "inspect TOKEN",
            "verify --chain KEY --bundle KEY",
            "diff KEY KEY",
            "diff TOKEN TOKEN",
            "outlook KEY",
            "--to 127.0.0.1:1 --cert KEY --key KEY",
            "--to 127.0.0.1:1 --cert CHAIN --key CHAIN --bundle KEY",
            "--to 127.0.0.1:1 --cert CHAIN --key TOKEN --bundle TOKEN",
            "--to 127.0.0.1:1 --crl KEY",
            "doctor --kubeconfig KEY --identity secret:{name:x}",
            "doctor --kubeconfig TOKEN --identity secret:{name:x}",
        ] {
            let words = words.split(' ').map(|word| match word {
                "KEY" => key.clone(),
                "TOKEN" => text.clone(),
                "CHAIN" => self.mesh.path("ca.pem").display().to_string(),
                word => word.replace(':', ": "),
            });
            all.push(
                words
                    .map(|word| word.replace("127.0.0.1: 1", "127.0.0.1:1"))
                    .collect(),
            );
        }
        let istio = format!("istio_ca: {{ token: {word} }}");
        for words in [
            &["--to", "127.0.0.1:1", "--cert", &pem, "--key", &pem][..],
            &["--to", "127.0.0.1:1", "--from", "none", "--bundle", &pem],
            &["--to", "127.0.0.1:1", "--from", "none", "--crl", &pem],
            &["--to", "127.0.0.1:1", "--from", &word],
            &[
                "doctor",
                "--identity",
                &istio,
                "--from",
                "sa/a",
                "--trust-domain",
                "td.example",
            ],
            &["doctor", "--identity", &word],
            &["doctor", "--identity", &pem],
            &[
                "doctor",
                "--kubeconfig",
                &pem,
                "--identity",
                "secret: { name: x }",
            ],
            &[
                "doctor",
                "--spiffe-endpoint-socket",
                &word,
                "--identity",
                "workload_api",
            ],
            &["run", &pem],
            &["run", &word],
            &["diff", &pem, &word],
            &[&word],
        ] {
            all.push(words.iter().map(|&word| word.to_owned()).collect());
        }
        let escaped = pem.replace('\n', "\\n");
        let indented = pem.replace('\n', "\n      ");
        for (nth, sources) in [
            format!("sources: {{ a: {{ id: sa/a, istio_ca: {{ token: {word} }} }} }}"),
            format!("sources: {{ a: {{ id: sa/a, istio_ca: {{ token: {{ file: {word} }} }} }} }}"),
            format!("sources: {{ a: {{ id: sa/a, istio_ca: {{ tokn: {word} }} }} }}"),
            format!("sources: {{ a: {{ files: {{ chain: \"{escaped}\", key: \"{escaped}\" }} }} }}"),
            format!("sources:\n  a:\n    files: {{ chain: a.pem }}\n    key: |\n      {indented}\n"),
            format!("sources:\n  a:\n    files:\n      chain: |\n      {indented}\n"),
            format!("sources: {{ a: {{ files: \"{escaped}\" }} }}"),
            format!("bundles: {{ cluster.local: {{ file: \"{escaped}\" }} }}\nsources: {{ none: {{}} }}"),
            format!("sources: {{ a: {{ mint: {{ id: sa/a, ca: {{ chain: \"{escaped}\", key: \"{escaped}\" }} }} }} }}"),
        ]
        .into_iter()
        .enumerate()
        {
            let path = self.mesh.path(&format!("mistake-{nth}.yaml"));
            let text = format!(
                "version: 1\ntrust_domain: cluster.local\n{sources}\n\
                 targets: {{ gate: {{ address: \"127.0.0.1:1\" }} }}\n\
                 expect: [{{ from: \"*\", to: \"*\", verdict: OK }}]\n"
            );
            fs::write(&path, text).unwrap();
            for command in ["run", "doctor"] {
                all.push(vec![command.to_owned(), path.display().to_string(), "-vv".to_owned()]);
            }
        }
        all
    }
}

fn of_cluster(name: &str, cluster: &Cluster) -> (String, String) {
    let path = cluster.kubeconfig.as_ref().unwrap().display();
    (
        name.to_owned(),
        format!("secret: {{ name: frontend-tls }}, kubernetes: {{ kubeconfig: \"{path}\" }}"),
    )
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
        let (out, err) = (&self.output.stdout, &self.output.stderr);
        let all = [
            needles.below(self.folder.path()),
            needles.found(out),
            needles.found(err),
        ];
        let all = all.concat().into_iter();
        all.map(|found| format!("{:.200?}: {found}", self.arguments))
            .collect()
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
