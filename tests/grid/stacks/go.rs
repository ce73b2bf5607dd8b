//! Go: `crypto/tls` of the installed toolchain, and go-spiffe on top of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::ours;
use crate::stack::{Role, Server, Stack, Tls, Wish, source, version_of};

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        name: "go",
        about: "net/http, tls.RequireAndVerifyClientCert",
        version,
        start: start_go,
    },
    Stack {
        name: "go-spiffe",
        about: "tlsconfig.MTLSServerConfig, AuthorizeID",
        version: spiffe_version,
        start: start_spiffe,
    },
];

pub(crate) fn start_go(wish: &Wish<'_>) -> Option<Server> {
    match (wish.role, wish.tls) {
        // It knows no CRLs, and its TLS 1.3 cipher suites are not to be chosen.
        (Role::Crl, _) | (Role::ForeignCipher, Tls::V13) => None,
        (_, _) => Some(ours::serve(Command::new(GO.program().unwrap()), wish)),
    }
}

fn start_spiffe(wish: &Wish<'_>) -> Option<Server> {
    // It always requires a certificate, and refuses to load a chain of its own that is at fault.
    let can_be = matches!(
        wish.role,
        Role::Required | Role::ExpiredServer | Role::IncompleteServer
    );
    can_be.then(|| ours::serve(Command::new(SPIFFE.program().unwrap()), wish))
}

pub(crate) fn version() -> Result<String, String> {
    GO.program().and_then(|_| toolchain())
}

fn spiffe_version() -> Result<String, String> {
    let program = SPIFFE.program()?;
    let toolchain = toolchain()?;
    let built = Command::new("go")
        .args(["version", "-m"])
        .arg(program)
        .output();
    let built = built.map_err(|err| err.to_string())?;
    let built = String::from_utf8_lossy(&built.stdout);
    // dep github.com/spiffe/go-spiffe/v2 v2.9.0 h1:...
    let mut words = built.split_whitespace();
    words.find(|word| *word == "github.com/spiffe/go-spiffe/v2");
    let version = words.next().unwrap_or("of an unknown version");
    Ok(format!("go-spiffe {version} on {toolchain}"))
}

fn toolchain() -> Result<String, String> {
    version_of("go", &["version"])
        .map_err(|missing| format!("{missing}: see https://go.dev/doc/install"))
}

/// A program of ours in Go, built when first asked for.
struct Program {
    folder: &'static str,
    built: OnceLock<Result<PathBuf, String>>,
}

static GO: Program = Program::new("go");
static SPIFFE: Program = Program::new("go-spiffe");

impl Program {
    const fn new(folder: &'static str) -> Self {
        Self {
            folder,
            built: OnceLock::new(),
        }
    }

    fn program(&self) -> Result<&Path, String> {
        let built = self.built.get_or_init(|| self.build());
        built.as_deref().map_err(Clone::clone)
    }

    fn build(&self) -> Result<PathBuf, String> {
        toolchain()?;
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("grid-{}", self.folder));
        let mut build = Command::new("go");
        build.current_dir(source(self.folder));
        build.args(["build", "-o"]).arg(&program).arg(".");
        let done = build.output().map_err(|err| err.to_string())?;
        match done.status.success() {
            true => Ok(program),
            false => Err(format!(
                "`go build` in tests/grid/servers/{} fails (it needs the module proxy once): {}",
                self.folder,
                String::from_utf8_lossy(&done.stderr).trim()
            )),
        }
    }
}
