//! PostgreSQL, MariaDB, slapd and Postfix as child processes, in folders of their own.

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::kit::Kit;

/// A server that runs. It ends with this value, and so does its folder.
pub(crate) struct Server {
    child: Child,
    /// What ends it in an orderly way, where its children would live on.
    stop: Option<Command>,
    pub(crate) address: SocketAddr,
    folder: Folder,
}

/// How a server is to do TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    Off,
    V12,
    V13,
}

impl Tls {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "no TLS",
            Self::V12 => "TLS 1.2",
            Self::V13 => "TLS 1.3",
        }
    }
}

/// `databases` are asked for by name, and each has a rule of its own.
pub(crate) fn postgres(kit: &Kit, tls: Tls) -> Server {
    let folder = Folder::of(Some("postgres"), kit);
    let data = folder.path().join("data");
    let bin = postgres_bin().unwrap();
    let mut initdb = folder.command(&bin.join("initdb"));
    initdb.args([
        "-U",
        "postgres",
        "--auth=trust",
        "-N",
        "--no-instructions",
        "-D",
    ]);
    finish(initdb.arg(&data), folder.path());
    fs::write(data.join("pg_hba.conf"), PG_HBA).unwrap();
    let port = free_port();
    let mut server = folder.command(&bin.join("postgres"));
    server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "fsync=off".to_owned(),
    ];
    if tls != Tls::Off {
        let version = if tls == Tls::V12 {
            "TLSv1.2"
        } else {
            "TLSv1.3"
        };
        settings.extend([
            "ssl=on".to_owned(),
            folder.setting("ssl_cert_file", "server.pem"),
            folder.setting("ssl_key_file", "server.key"),
            folder.setting("ssl_ca_file", "roots.pem"),
            format!("ssl_min_protocol_version={version}"),
            format!("ssl_max_protocol_version={version}"),
        ]);
    }
    for setting in settings {
        server.arg("-c").arg(setting);
    }
    folder.start(server, port, "ready to accept connections")
}

/// It takes nobody without TLS, where it has TLS.
pub(crate) fn mariadb(kit: &Kit, tls: Tls) -> Server {
    let folder = Folder::of(Some("mysql"), kit);
    let data = folder.path().join("data");
    let mut install = folder.command(Path::new("mariadb-install-db"));
    install.args([
        "--no-defaults",
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
    ]);
    install.arg(format!("--datadir={}", data.display()));
    finish(&mut install, folder.path());
    let port = free_port();
    let mut server = folder.command(Path::new("mariadbd"));
    server.arg("--no-defaults");
    let mut settings = vec![
        format!("datadir={}", data.display()),
        format!("socket={}", folder.path().join("socket").display()),
        format!("pid-file={}", folder.path().join("pid").display()),
        format!("port={port}"),
        "bind-address=127.0.0.1".to_owned(),
        "skip-name-resolve".to_owned(),
        "innodb-flush-method=nosync".to_owned(),
        "innodb-buffer-pool-size=8M".to_owned(),
    ];
    if tls != Tls::Off {
        let version = if tls == Tls::V12 {
            "TLSv1.2"
        } else {
            "TLSv1.3"
        };
        settings.extend([
            folder.setting("ssl-cert", "server.pem"),
            folder.setting("ssl-key", "server.key"),
            folder.setting("ssl-ca", "roots.pem"),
            format!("tls-version={version}"),
            "require-secure-transport=ON".to_owned(),
        ]);
    }
    server.args(settings.iter().map(|setting| format!("--{setting}")));
    folder.start(server, port, "ready for connections")
}

/// It demands a certificate, and TLS for whatever else is asked.
pub(crate) fn slapd(kit: &Kit, tls: Tls) -> Server {
    let folder = Folder::of(Some("openldap"), kit);
    let port = free_port();
    let mut config = format!("pidfile {}\n", folder.path().join("pid").display());
    if tls != Tls::Off {
        let file = |name: &str| folder.path().join(name).display().to_string();
        config += &format!(
            "TLSCACertificateFile {}\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
             TLSVerifyClient demand\nsecurity ssf=128\n",
            file("roots.pem"),
            file("server.pem"),
            file("server.key")
        );
        // GnuTLS says which versions not.
        let not = if tls == Tls::V12 {
            "-VERS-TLS1.3"
        } else {
            "-VERS-TLS1.2"
        };
        config += &format!(
            "TLSCipherSuite SECURE256:+SECURE128:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3:{not}\n"
        );
    }
    let path = folder.write("slapd.conf", &config);
    let mut server = folder.command(Path::new("slapd"));
    server.arg("-f").arg(path).args(["-d", "0", "-h"]);
    server.arg(format!("ldap://127.0.0.1:{port}/"));
    folder.start(server, port, "")
}

/// It takes no mail without TLS, and of who has no certificate no command. Its parts change users.
pub(crate) fn postfix(kit: &Kit, tls: Tls) -> Server {
    let folder = Folder::of(None, kit);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let port = free_port();
    let (queue, data, config) = (
        folder.path().join("queue"),
        folder.path().join("data"),
        folder.path().join("config"),
    );
    for part in [&queue, &data, &config] {
        fs::create_dir(part).unwrap();
    }
    finish(as_root("chown").arg("postfix").arg(&data), folder.path());
    let mut settings = vec![
        "compatibility_level=3.6".to_owned(),
        format!("queue_directory={}", queue.display()),
        format!("data_directory={}", data.display()),
        "inet_interfaces=127.0.0.1".to_owned(),
        "inet_protocols=ipv4".to_owned(),
        "myhostname=mail.test".to_owned(),
        "mydestination=".to_owned(),
        "alias_maps=".to_owned(),
        "maillog_file_prefixes=/".to_owned(),
        format!("maillog_file={}", folder.path().join("log").display()),
        "smtpd_recipient_restrictions=reject".to_owned(),
        "anvil_status_update_time=600s".to_owned(),
    ];
    if tls != Tls::Off {
        let version = if tls == Tls::V12 {
            "TLSv1.2"
        } else {
            "TLSv1.3"
        };
        let file = |name: &str| folder.path().join(name).display().to_string();
        settings.extend([
            "smtpd_tls_security_level=encrypt".to_owned(),
            "smtpd_tls_req_ccert=yes".to_owned(),
            format!("smtpd_tls_CAfile={}", file("roots.pem")),
            format!("smtpd_tls_cert_file={}", file("server.pem")),
            format!("smtpd_tls_key_file={}", file("server.key")),
            format!("smtpd_tls_protocols={version}"),
            format!("smtpd_tls_mandatory_protocols={version}"),
        ]);
    }
    fs::write(config.join("main.cf"), settings.join("\n") + "\n").unwrap();
    let master = format!(
        "127.0.0.1:{port} inet n - n - - smtpd\nrewrite unix - - n - - trivial-rewrite\n\
         cleanup unix n - n - 0 cleanup\ntlsmgr unix - - n 1000? 1 tlsmgr\nanvil unix - - n - 1 anvil\n\
         proxymap unix - - n - - proxymap\npostlog unix-dgram n - n - 1 postlogd\n"
    );
    fs::write(config.join("master.cf"), master).unwrap();
    let postfix = |what: &str| {
        let mut command = as_root("postfix");
        command.arg("-c").arg(&config).arg(what);
        command
    };
    finish(&mut postfix("check"), folder.path());
    let mut server = folder.start(postfix("start-fg"), port, "");
    server.stop = Some(postfix("abort"));
    server
}

/// What is missing, of these; nothing where all is there.
pub(crate) fn missing(program: &str) -> Option<String> {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let reason = match program {
        "postgres" if postgres_bin().is_none() => "PostgreSQL (postgresql)",
        "mariadb" if !is_there("mariadbd") => "MariaDB (mariadb-server)",
        "slapd" if !is_there("slapd") => "OpenLDAP (slapd)",
        "postfix" if !is_there("postfix") => "Postfix (postfix)",
        "postfix" if !may_be_root() => "right to start Postfix, which is root's,",
        _ => return None,
    };
    Some(format!("there is no {reason} here"))
}

/// Debian keeps it out of the way.
fn postgres_bin() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let here = versions.flatten().map(|version| version.path().join("bin"));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<_> = std::env::split_paths(&on_path).collect();
    let mut all = here.chain(on_path);
    all.find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// A folder of a user's own, with the certificates in it: servers like these will not run as root.
struct Folder {
    folder: TempDir,
    /// Nothing where we are nobody in particular, and the server is who we are.
    user: Option<&'static str>,
}

impl Folder {
    fn of(user: Option<&'static str>, kit: &Kit) -> Self {
        let folder = Self {
            folder: tempfile::tempdir().unwrap(),
            user: user.filter(|_| is_root()),
        };
        for name in ["server.pem", "server.key", "roots.pem"] {
            folder.write(name, &fs::read_to_string(kit.path(name)).unwrap());
        }
        fs::set_permissions(
            folder.path().join("server.key"),
            Permissions::from_mode(0o600),
        )
        .unwrap();
        folder.give(folder.path());
        folder
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        self.give(&path);
        path
    }

    fn give(&self, path: &Path) {
        let Some(user) = self.user else { return };
        let output = Command::new("id").args(["-u", user]).output().unwrap();
        let id = String::from_utf8(output.stdout).unwrap();
        chown(path, Some(id.trim().parse().unwrap()), None).unwrap();
    }

    fn setting(&self, name: &str, file: &str) -> String {
        format!("{name}={}", self.path().join(file).display())
    }

    /// Run as the user.
    fn command(&self, program: &Path) -> Command {
        let mut command = match self.user {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]);
                command.arg(program);
                command
            }
        };
        // Their words are read.
        command.current_dir(self.path()).env("LC_ALL", "C");
        command
    }

    /// Waits until it listens, and has said that it is `ready` where it listens sooner than that.
    fn start(self, mut command: Command, port: u16, ready: &str) -> Server {
        let log = File::create(self.path().join("output")).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command
            .spawn()
            .unwrap_or_else(|err| panic!("{command:?}: {err}"));
        let mut server = Server {
            child,
            stop: None,
            address: local(port),
            folder: self,
        };
        let begun = Instant::now();
        let is_ready = |server: &Server| {
            let said = ready.is_empty() || last_words(server.folder.path()).contains(ready);
            said && TcpStream::connect(server.address).is_ok()
        };
        while !is_ready(&server) {
            let ended = server.child.try_wait().unwrap();
            let words = || last_words(server.folder.path());
            assert!(
                ended.is_none(),
                "{command:?} ended with {ended:?}: {}",
                words()
            );
            assert!(
                begun.elapsed() < START,
                "{command:?} does not listen: {}",
                words()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match &mut self.stop {
            Some(stop) => {
                let _ = stop.output();
                // What it leaves there is not ours to remove.
                let _ = as_root("rm")
                    .arg("-rf")
                    .args(["queue", "data"].map(|part| self.folder.path().join(part)))
                    .status();
            }
            None => {
                // Its children die with it, if it is told and not killed.
                let pid = self.child.id().to_string();
                let _ = Command::new("kill").args(["-QUIT", &pid]).status();
                let begun = Instant::now();
                while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < STOP {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it to its end.
fn finish(command: &mut Command, folder: &Path) {
    let done = command
        .output()
        .unwrap_or_else(|err| panic!("{command:?}: {err}"));
    assert!(
        done.status.success(),
        "{command:?}: {}{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
        last_words(folder)
    );
}

fn last_words(folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    read("output") + &read("log")
}

/// As root, if need be by asking for it.
fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

fn may_be_root() -> bool {
    as_root("true")
        .output()
        .is_ok_and(|done| done.status.success())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A port that nothing listens at, below those that the system hands out by itself.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let first = 20_000 + (std::process::id() % 100) as u16 * 100;
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 1000;
        if TcpListener::bind(local(port)).is_ok() {
            return port;
        }
    }
}

/// Each database is a rule: none of them has to exist.
const PG_HBA: &str = "\
hostssl   verify-ca   all 127.0.0.1/32 trust         clientcert=verify-ca
hostssl   verify-full all 127.0.0.1/32 trust         clientcert=verify-full
hostssl   cert        all 127.0.0.1/32 cert
hostssl   scram       all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca
hostssl   lax         all 127.0.0.1/32 trust
hostnossl open        all 127.0.0.1/32 scram-sha-256
hostnossl all         all 127.0.0.1/32 reject
";
const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(5);
