//! `curl`, fetching `/`.

use std::process::Command;

use mtls_probe::code::Code;

use super::{Client, Said, Visit, run, words};
use crate::stack::{Tls, version_of};

pub(crate) const CLIENT: Client = Client {
    name: "curl",
    version: || version_of("curl", &["--version"]).map_err(|why| why + ": apt-get install curl"),
    try_it,
    is_slow: false,
};

fn try_it(visit: &Visit<'_>) -> Said {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--fail-with-body",
        "--noproxy",
        "*",
    ]);
    command.args(match visit.tls {
        Tls::V12 => ["--tlsv1.2", "--tls-max", "1.2"],
        Tls::V13 => ["--tlsv1.3", "--tls-max", "1.3"],
    });
    match visit.alpn {
        [] => command.arg("--no-alpn"),
        ["http/1.1"] => command.arg("--http1.1"),
        ["h2" | "http/1.1", "h2" | "http/1.1"] => command.arg("--http2"),
        ["h2"] => command.arg("--http2"),
        // It offers nothing that it does not speak.
        _ => return Said::Cannot,
    };
    command.arg("--cacert").arg(visit.roots);
    if let Some((chain, key)) = visit.identity {
        command.arg("--cert").arg(chain).arg("--key").arg(key);
    }
    let (ip, port) = (visit.address.ip(), visit.address.port());
    match visit.name {
        Some(name) => {
            command.args(["--resolve", &format!("{name}:{port}:{ip}")]);
            command.arg(format!("https://{name}:{port}/"))
        }
        None => command.arg(format!("https://{}/", visit.address)),
    };
    let Some(ended) = run(command) else {
        return Said::Unclear;
    };
    if ended.success {
        return Said::Fine;
    }
    match ended.code {
        Some(HTTP_STATUS) => Said::Refused(status(&ended.err, &ended.out)),
        Some(OWN_CERTIFICATE) => Said::Cannot,
        // Its users know this as `the server's certificate is bad`, and its words say so.
        Some(PEER_FAILED_VERIFICATION) => Said::Distrusted(words::verification(&ended.err)),
        // Only an alert is somebody's refusal: a reset, `unexpected eof while reading`, `Empty reply from
        // server` and `wrong version number` say that something broke.
        _ => words::alert(&ended.err).map_or(Said::Unclear, Said::Refused),
    }
}

/// The cause that the status names, or the page, for who reads that too.
fn status(error: &str, page: &str) -> Option<Code> {
    if page.contains("No required SSL certificate was sent") {
        return Some(Code::ClientCertRequired);
    }
    let denied = ["401", "403"]
        .iter()
        .any(|status| error.trim_end().ends_with(status));
    denied.then_some(Code::AuthzDenied)
}

/// It does not like what it is to come with.
const OWN_CERTIFICATE: i32 = 58;
const HTTP_STATUS: i32 = 22;
/// Also for the alert certificate_expired, which curl takes for a verdict of its own.
const PEER_FAILED_VERIFICATION: i32 = 60;
