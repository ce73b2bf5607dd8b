//! Libraries without a server program, in small servers of ours: wolfSSL, mbed TLS, s2n.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::stack::{Role, Server, Stack, Tls, Wish, source, version_of};

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        name: "wolfssl",
        about: "WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT",
        version: || version_in("wolfssl/version.h", "LIBWOLFSSL_VERSION_STRING"),
        start: wolfssl,
    },
    Stack {
        name: "mbedtls",
        about: "MBEDTLS_SSL_VERIFY_REQUIRED",
        version: || version_in("mbedtls/version.h", "MBEDTLS_VERSION_STRING"),
        start: mbedtls,
    },
    Stack {
        name: "s2n",
        about: "ClientAuthType::Required, blinding on",
        version: || s2n_program().map(|_| s2n_version()),
        start: s2n,
    },
];

fn wolfssl(wish: &Wish<'_>) -> Option<Server> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| compile("wolfssl.c", &["-lwolfssl", "-lpthread"]));
    let mut command = Command::new(program);
    command.arg(match wish.tls {
        Tls::V12 => "1.2",
        Tls::V13 => "1.3",
    });
    certificates(&mut command, wish);
    match (wish.role, wish.tls) {
        (Role::Plaintext, _) => return None,
        (Role::Optional, _) => command.arg("optional"),
        (Role::Crl, _) => {
            // It reads one list of a file, and only if it has the CA that signed it.
            command.arg(option("ca", &wish.kit.path("issuing.pem")));
            let lists = fs::read(wish.kit.path("crl.pem")).unwrap();
            command.args(pem::parse_many(lists).unwrap().iter().enumerate().map(
                |(number, list)| {
                    option(
                        "crl",
                        &wish.write(&format!("{number}.crl"), &pem::encode(list)),
                    )
                },
            ))
        }
        (Role::StrictSni, _) => command.arg("sni=server.test"),
        (Role::StrictAlpn, _) => command.arg("alpn=http/1.1"),
        (Role::ForeignCipher, Tls::V12) => command.arg("ciphers=ECDHE-ECDSA-AES128-SHA"),
        (Role::ForeignCipher, Tls::V13) => command.arg("ciphers=TLS13-AES128-CCM-SHA256"),
        _ => &mut command,
    };
    Some(Server::telling(MARK, command, wish.folder))
}

/// The library of Debian has no TLS 1.3.
fn mbedtls(wish: &Wish<'_>) -> Option<Server> {
    if wish.tls == Tls::V13 {
        return None;
    }
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let libraries = ["-lmbedtls", "-lmbedx509", "-lmbedcrypto", "-lpthread"];
    let program = PROGRAM.get_or_init(|| compile("mbedtls.c", &libraries));
    let mut command = Command::new(program);
    certificates(&mut command, wish);
    match wish.role {
        // Where a certificate is optional it takes bad ones too.
        Role::Optional | Role::Plaintext => return None,
        Role::Crl => command.arg(option("crl", &wish.kit.path("crl.pem"))),
        Role::StrictSni => command.arg("sni=server.test"),
        Role::StrictAlpn => command.arg("alpn=http/1.1"),
        Role::ForeignCipher => command.arg("cipher=TLS-ECDHE-ECDSA-WITH-AES-128-CBC-SHA"),
        _ => &mut command,
    };
    Some(Server::telling(MARK, command, wish.folder))
}

fn s2n(wish: &Wish<'_>) -> Option<Server> {
    let demand = match wish.role {
        Role::Required | Role::ExpiredServer | Role::IncompleteServer => "required",
        Role::Optional => "optional",
        // It passes over names and protocols that it does not know, and its policies share their
        // ciphers with everybody.
        _ => return None,
    };
    let mut command = Command::new(s2n_program().unwrap());
    command.arg(match wish.tls {
        Tls::V12 => "1.2",
        Tls::V13 => "1.3",
    });
    certificates(&mut command, wish);
    command.arg(demand);
    Some(Server::telling(MARK, command, wish.folder))
}

fn certificates(command: &mut Command, wish: &Wish<'_>) {
    let (chain, key) = wish.own();
    command.args([chain, key, wish.kit.path("roots.pem")]);
}

fn option(name: &str, file: &Path) -> String {
    format!("{name}={}", file.display())
}

/// Compiles a server of ours, unless that is done already.
fn compile(name: &str, libraries: &[&str]) -> PathBuf {
    let (source, program) = (source(name), built(&format!("grid-{name}.bin")));
    let written = |path: &Path| path.metadata().and_then(|of| of.modified());
    if written(&program).is_ok_and(|then| then > written(&source).unwrap()) {
        return program;
    }
    // Under another name first: another run may be doing the same.
    let fresh = built(&format!("grid-{name}.{}", std::process::id()));
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-Wall", "-Wextra", "-o"]).arg(&fresh);
    let done = cc.arg(source).args(libraries).output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    fs::rename(fresh, &program).unwrap();
    program
}

/// The version that a header declares.
fn version_in(header: &str, name: &str) -> Result<String, String> {
    let (library, _) = header.split_once('/').unwrap();
    let missing = || format!("there is no <{header}> here: apt-get install gcc lib{library}-dev");
    version_of("cc", &["--version"]).map_err(|_| missing())?;
    let file = built(&format!("grid-{library}-{}.h", std::process::id()));
    fs::write(&file, format!("#include <{header}>\nthe_version {name}\n")).unwrap();
    let done = Command::new("cc")
        .args(["-E", "-P", "-x", "c"])
        .arg(&file)
        .output()
        .unwrap();
    let _ = fs::remove_file(file);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("the_version "));
    version
        .map(|version| format!("{library} {}", version.trim_matches('"')))
        .ok_or_else(missing)
}

/// Builds the server of s2n, unless that is done already.
fn s2n_program() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let target = built("grid-s2n");
            let done = Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--locked", "--manifest-path"])
                .arg(source("s2n").join("Cargo.toml"))
                .arg("--target-dir")
                .arg(&target)
                .output();
            match done {
                Ok(done) if done.status.success() => Ok(target.join("debug/grid-s2n")),
                Ok(done) => Err(format!(
                    "the s2n server does not build: apt-get install cmake gcc, and let cargo reach its registry: {}",
                    said(&done).lines().next().unwrap_or_default()
                )),
                Err(err) => Err(format!("cargo does not start: {err}")),
            }
        })
        .clone()
}

fn s2n_version() -> String {
    let lock = fs::read_to_string(source("s2n").join("Cargo.lock")).unwrap();
    let after = lock
        .split_once("name = \"s2n-tls\"\nversion = \"")
        .unwrap()
        .1;
    format!("s2n-tls {}", after.split_once('"').unwrap().0)
}

/// A place that outlives the run.
fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

const MARK: &str = "LISTENING ";
