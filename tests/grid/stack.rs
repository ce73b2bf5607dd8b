//! What a stack is, and how its servers are started and ended.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crate::kit::Kit;

/// A server program in one configuration: a column of the grid.
pub(crate) struct Stack {
    /// The name in the table, in small letters.
    pub(crate) name: &'static str,
    /// How it is configured to check clients, in a few words.
    pub(crate) about: &'static str,
    /// The program's version, else what is missing and how to get it.
    pub(crate) version: fn() -> Result<String, String>,
    /// Starts it; nothing where this program cannot be such a server.
    pub(crate) start: fn(&Wish<'_>) -> Option<Server>,
}

/// What a server is to be. It answers every HTTP GET with 200 (gRPC: the health check with SERVING).
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) kit: &'a Kit,
    /// The one TLS version it speaks.
    pub(crate) tls: Tls,
    pub(crate) role: Role,
    /// Where its own files go: a folder that is its own.
    pub(crate) folder: &'a Path,
}

impl Wish<'_> {
    /// The chain that the server is to show, and its key.
    pub(crate) fn own(&self) -> (PathBuf, PathBuf) {
        let (chain, key) = match self.role {
            Role::ExpiredServer => ("expired-chain.pem", "expired-chain.key"),
            Role::IncompleteServer => ("server.pem", "server.key"),
            _ => ("server-chain.pem", "server.key"),
        };
        (self.kit.path(chain), self.kit.path(key))
    }

    /// Writes one of the server's own files.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tls {
    V12,
    V13,
}

impl Tls {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        }
    }
}

/// What is special about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Requires a client certificate that leads to `roots.pem`.
    Required,
    /// Asks for one, and takes a client without; a bad one is refused.
    Optional,
    /// As `Required`, with `crl.pem` in force.
    Crl,
    /// As `Required`, with `expired-chain.pem` for its own certificate.
    ExpiredServer,
    /// As `Required`, sending its leaf alone (`server.pem`).
    IncompleteServer,
    /// As `Required`, refusing any server name but `server.test`.
    StrictSni,
    /// As `Required`, with nothing for cipher suites that a rustls client has (in TLS 1.3
    /// TLS_AES_128_CCM_SHA256 alone; in TLS 1.2 ECDHE-ECDSA-AES128-SHA alone, or the like).
    ForeignCipher,
    /// As `Required`, speaking one application protocol alone, `h2` or `http/1.1`, and refusing who
    /// offers others only. (Many programs ignore what they do not know: those cannot be this.)
    StrictAlpn,
    /// No TLS at all: the same program's HTTP port.
    Plaintext,
}

impl Role {
    pub(crate) const ALL: [Self; 9] = [
        Self::Required,
        Self::Optional,
        Self::Crl,
        Self::ExpiredServer,
        Self::IncompleteServer,
        Self::StrictSni,
        Self::ForeignCipher,
        Self::StrictAlpn,
        Self::Plaintext,
    ];
}

/// A server that runs. It ends with this value.
pub(crate) struct Server {
    children: Vec<Child>,
    /// What else ends with it: a server in this process.
    within: Vec<Box<dyn Send>>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a program that will listen at this port, and waits until it does. What it says goes to a
    /// file `log` in the folder.
    pub(crate) fn at(port: u16, command: Command, folder: &Path) -> Self {
        let mut server = Self {
            children: vec![],
            within: vec![],
            address: local(port),
        };
        server.children.push(spawn(command, folder, Stdio::null()));
        server.wait_until_listening(folder);
        server
    }

    /// Starts a program that prints a line beginning with `mark` and going on with its address, such
    /// as `127.0.0.1:4433`.
    pub(crate) fn telling(mark: &str, mut command: Command, folder: &Path) -> Self {
        let log = File::create(folder.join("log")).unwrap();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = command
            .spawn()
            .unwrap_or_else(|err| panic!("{command:?}: {err}"));
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let address = loop {
            let mut line = String::new();
            let read = said.read_line(&mut line).unwrap();
            assert!(
                read > 0,
                "{command:?} ended: {:?}\n{}",
                child.wait(),
                last_words(folder)
            );
            if let Some(Ok(address)) = line.strip_prefix(mark).map(|rest| rest.trim().parse()) {
                break address;
            }
        };
        std::thread::spawn(move || io::copy(&mut said.by_ref(), &mut io::sink()));
        Self {
            children: vec![child],
            within: vec![],
            address,
        }
    }

    /// A server in this process, which ends when this value of its is dropped.
    pub(crate) fn within(address: SocketAddr, alive: impl Send + 'static) -> Self {
        Self {
            children: vec![],
            within: vec![Box::new(alive)],
            address,
        }
    }

    /// The same server, with another behind it that ends with it.
    pub(crate) fn with(mut self, mut other: Self) -> Self {
        self.children.append(&mut other.children);
        self.within.append(&mut other.within);
        self
    }

    fn wait_until_listening(&mut self, folder: &Path) {
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            for child in &mut self.children {
                let ended = child.try_wait().unwrap();
                assert!(
                    ended.is_none(),
                    "ended with {ended:?}: {}",
                    last_words(folder)
                );
            }
            assert!(
                begun.elapsed() < START,
                "not listening: {}",
                last_words(folder)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn spawn(mut command: Command, folder: &Path, stdin: Stdio) -> Child {
    let log = File::create(folder.join("log")).unwrap();
    command
        .stdin(stdin)
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    command
        .spawn()
        .unwrap_or_else(|err| panic!("{command:?}: {err}"))
}

fn last_words(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A port that nothing listens at, below those that the system hands out by itself, and none at which one
/// looks for a proxy of Istio.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let first = 10_000 + (std::process::id() % 100) as u16 * 100;
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 10_000;
        let is_free = || TcpListener::bind(local(port)).is_ok();
        if !(15_000..15_100).contains(&port) && is_free() {
            return port;
        }
    }
}

/// An HTTP server without TLS in this process, for programs that only unwrap TLS. It lives as long as
/// the process.
pub(crate) fn backend() -> SocketAddr {
    static BACKEND: OnceLock<SocketAddr> = OnceLock::new();
    *BACKEND.get_or_init(|| {
        let listener = TcpListener::bind(local(0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer(stream));
            }
        });
        address
    })
}

/// Says 200 once there is a request, 400 to what is none. Whoever never asks gets nothing.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut request: Vec<u8> = vec![];
    let mut chunk = [0; 4096];
    let status = loop {
        if request.windows(4).any(|window| window == b"\r\n\r\n") {
            break "200 OK";
        }
        if request
            .first()
            .is_some_and(|first| !first.is_ascii_alphabetic())
        {
            break "400 Bad Request";
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            read => request.extend(chunk.iter().take(read)),
        }
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
    )
}

/// The first line that a program says of itself which holds a number, if the program is there.
pub(crate) fn version_of(program: &str, arguments: &[&str]) -> Result<String, String> {
    let missing = || format!("there is no `{program}` here");
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|_| missing())?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let mut lines = said
        .lines()
        .filter(|line| line.contains(|c: char| c.is_ascii_digit()));
    lines.next().map(str::to_owned).ok_or_else(missing)
}

/// The source of a server of ours, below `tests/grid/servers`.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/grid/servers")
        .join(name)
}

const START: Duration = Duration::from_secs(20);
