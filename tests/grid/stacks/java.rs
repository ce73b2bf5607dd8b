//! Java's JSSE: blocking sockets, and the engine under the JDK's own HTTPS server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::ours;
use crate::stack::{Role, Server, Stack, Tls, Wish, source, version_of};

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        name: "java",
        about: "SSLServerSocket, setNeedClientAuth",
        version,
        start: |wish| start("socket", wish),
    },
    Stack {
        name: "java-engine",
        about: "com.sun.net.httpserver.HttpsServer, setNeedClientAuth",
        version,
        start: |wish| start("engine", wish),
    },
];

fn start(style: &str, wish: &Wish<'_>) -> Option<Server> {
    // Java has no cipher suite of TLS 1.3 that is foreign to us.
    if (wish.role, wish.tls) == (Role::ForeignCipher, Tls::V13) {
        return None;
    }
    let mut command = Command::new("java");
    // There are many of them at a time.
    command.args(["-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.arg("-cp").arg(classes().unwrap());
    command.args(["Server", style]);
    Some(ours::serve(command, wish))
}

fn version() -> Result<String, String> {
    classes()?;
    let said = version_of("java", &["-version"]).map_err(|missing| install(&missing))?;
    // openjdk version "17.0.15" 2025-04-15
    Ok(format!("Java {}", said.split('"').nth(1).unwrap_or(&said)))
}

/// The folder of the compiled server, compiled when first asked for.
fn classes() -> Result<&'static Path, String> {
    static CLASSES: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let compiled = CLASSES.get_or_init(|| {
        version_of("javac", &["-version"]).map_err(|missing| install(&missing))?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("grid-java");
        let mut javac = Command::new("javac");
        javac.arg("-d").arg(&folder).arg(source("java/Server.java"));
        let done = javac.output().map_err(|err| err.to_string())?;
        match done.status.success() {
            true => Ok(folder),
            false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
        }
    });
    compiled.as_deref().map_err(Clone::clone)
}

fn install(missing: &str) -> String {
    format!("{missing}: apt-get install default-jdk-headless")
}
