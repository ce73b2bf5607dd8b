//! Where the commands of the book are run: the lab, a few servers more, and a folder for each page, in
//! which its commands find what a reader would have.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mtls_probe::lab::{FIRST_PORT, Kin, Lab, Options, State};
use mtls_probe::rotation::Phase;
use mtls_probe::run::now;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::common::{Clients, WORLD};
use crate::pages::{Page, root};
use crate::rotation_stage;

pub(crate) struct Stage {
    lab: Lab,
    /// With a certificate for a name of the DNS.
    web: SocketAddr,
    /// Answers PING, over mTLS.
    cache: SocketAddr,
    gateway: SocketAddr,
    folder: TempDir,
}

/// What became of a command.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let options = Options::default();
        let named = WORLD.spoilt("web", |leaf| leaf.dns = vec!["api.example.com".to_owned()]);
        let web = WORLD.server().taking(Clients::Anybody).with(named);
        let page = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let pong = |mut stream: TlsStream<TcpStream>| async move {
            let mut heard = [0; 6];
            stream.read_exact(&mut heard).await?;
            stream.write_all(b"+PONG\r\n").await?;
            stream.shutdown().await
        };
        Self {
            lab: Lab::start(now(), options).await.unwrap(),
            web: web.answering(page).await,
            cache: WORLD.server().start(pong).await,
            gateway: gateway(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A folder as the reader of a page would have it: the suite of the README, the files that it and
    /// the commands name, and what the repository ships.
    pub(crate) fn folder_for(&self, page: &Page) -> PathBuf {
        let folder = self.folder.path().join(page.name.replace('/', "-"));
        fs::create_dir(&folder).unwrap();
        self.lab.write(&folder.join("lab")).unwrap();
        for (ours, theirs) in [("svid.pem", "frontend.pem"), ("key.pem", "frontend.key")] {
            fs::copy(folder.join("lab").join(theirs), folder.join(ours)).unwrap();
        }
        let root_of_the_world = pem::encode(&pem::Pem::new("CERTIFICATE", WORLD.root.to_vec()));
        fs::write(folder.join("ca.pem"), &root_of_the_world).unwrap();
        let lab_root = fs::read_to_string(folder.join("lab/roots.pem")).unwrap();
        fs::write(folder.join("roots.pem"), lab_root + &root_of_the_world).unwrap();
        fs::write(folder.join("app.pem"), WORLD.good.chain_pem()).unwrap();
        fs::write(folder.join("app.key"), WORLD.good.key_pem().as_bytes()).unwrap();
        symlink(root().join("docs"), folder.join("docs")).unwrap();
        fs::create_dir(folder.join("probes")).unwrap();
        for entry in fs::read_dir(root().join("probes")).unwrap() {
            let path = entry.unwrap().path();
            let text = self.with_our_ports(&fs::read_to_string(&path).unwrap());
            fs::write(folder.join("probes").join(path.file_name().unwrap()), text).unwrap();
        }
        let readme = fs::read_to_string(root().join("README.md")).unwrap();
        let suite = readme
            .split("<!-- probe.yaml -->\n```yaml\n")
            .nth(1)
            .unwrap();
        self.write_suite(&folder, suite.split("```").next().unwrap());
        folder
    }

    pub(crate) fn write_suite(&self, folder: &Path, text: &str) {
        fs::write(folder.join("probe.yaml"), self.filled_in(text)).unwrap();
    }

    /// Runs it as a shell would. What never ends is interrupted when it has said something.
    pub(crate) fn run(&self, folder: &Path, text: &str, is_endless: bool) -> Done {
        run(folder, &self.filled_in(text), is_endless)
    }

    /// Places of the book, and what stands for them here.
    fn filled_in(&self, text: &str) -> String {
        let healthy = self.lab.addresses("healthy")[0].to_string();
        let mut text = text.to_owned();
        for (written, here) in [
            ("10.0.0.7:8443", healthy.as_str()),
            ("sa/api", "sa/healthy"),
            ("api.example.com:443", &self.web.to_string()),
            ("cache:6380", &self.cache.to_string()),
            (
                "http://pushgateway:9091",
                &format!("http://{}", self.gateway),
            ),
            ("/var/lib/node_exporter/textfile/", "./"),
            // The usual ports may be taken on this machine.
            ("probe lab", "probe lab --port 0 --dir another-lab"),
            // Nobody wants to wait that long.
            ("--every 15s --for 10m", "--every 200ms --for 1s"),
            ("--rounds 40", "--every 100ms --rounds 3"),
        ] {
            text = text.replace(written, here);
        }
        self.with_our_ports(&text)
    }

    /// What is shipped names the lab by its usual ports, in the order of its targets.
    fn with_our_ports(&self, text: &str) -> String {
        let all = self
            .lab
            .targets()
            .flat_map(|target| self.lab.addresses(target));
        let mut text = text.to_owned();
        for (nth, address) in all.enumerate() {
            let usual = format!("127.0.0.1:{}", usize::from(FIRST_PORT) + nth);
            text = text.replace(&usual, &address.to_string());
        }
        text
    }
}

/// A fleet in the middle of a rotation: everybody trusts both roots.
pub(crate) struct RotationStage(rotation_stage::Stage);

impl RotationStage {
    pub(crate) async fn new() -> Self {
        let here = [State::of(Phase::P1)];
        Self(rotation_stage::Stage::with(Kin::Strangers, &[("api", &here)]).await)
    }

    pub(crate) fn run(&self, text: &str) -> Done {
        let hurried = text.replace("--for 2h", "--every 200ms --for 30s");
        run(self.0.folder(), &hurried, false)
    }
}

fn run(folder: &Path, text: &str, is_endless: bool) -> Done {
    let program = Path::new(env!("CARGO_BIN_EXE_probe")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec {text}")])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", program.display()))
        .env("GITHUB_STEP_SUMMARY", folder.join("step-summary.md"))
        .env_remove("PROBE_CONFIG")
        .env_remove("SPIFFE_ENDPOINT_SOCKET")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut err = child.stderr.take().unwrap();
    let id = child.id().to_string();
    let said = std::thread::spawn(move || {
        let mut text = String::new();
        if is_endless {
            out.read_line(&mut text).unwrap();
            // It is deaf until it has begun to wait.
            std::thread::sleep(Duration::from_millis(300));
            Command::new("kill").args(["-INT", &id]).status().unwrap();
        }
        out.read_to_string(&mut text).unwrap();
        text
    });
    let complained = std::thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).unwrap();
        text
    });
    let begun = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap_or(-1);
        }
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Done {
        code,
        out: said.join().unwrap(),
        err: complained.join().unwrap(),
    }
}

/// Takes whatever is pushed.
fn gateway() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let line = line.to_lowercase();
                if let Some(size) = line.strip_prefix("content-length:") {
                    length = size.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut metrics = vec![0; length];
            stream.read_exact(&mut metrics).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
        }
    });
    address
}
