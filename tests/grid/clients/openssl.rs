//! `openssl s_client`, as people use it: connect, and look at what it prints.

use std::fs;
use std::io::Write;
use std::process::Command;

use tempfile::NamedTempFile;

use super::{Client, Said, Visit, run, words};
use crate::stack::{Tls, version_of};

pub(crate) const CLIENT: Client = Client {
    name: "openssl s_client",
    version: || version_of("openssl", &["version"]),
    try_it,
    is_slow: false,
};

fn try_it(visit: &Visit<'_>) -> Said {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-brief", "-connect"]);
    command.arg(visit.address.to_string());
    command.arg(match visit.tls {
        Tls::V12 => "-tls1_2",
        Tls::V13 => "-tls1_3",
    });
    command.arg("-CAfile").arg(visit.roots);
    // `-cert` alone would leave the intermediates at home, as its users have learned.
    let mut issuers = NamedTempFile::new().unwrap();
    if let Some((chain, key)) = visit.identity {
        command.arg("-cert").arg(chain).arg("-key").arg(key);
        let chain = fs::read_to_string(chain).unwrap();
        let (_, rest) = chain.split_once(END).unwrap();
        if rest.contains(END) {
            issuers.write_all(rest.as_bytes()).unwrap();
            command.arg("-cert_chain").arg(issuers.path());
        }
    }
    match visit.name {
        Some(name) => command.args(["-servername", name]),
        None => &mut command,
    };
    if !visit.alpn.is_empty() {
        command.args(["-alpn", &visit.alpn.join(",")]);
    }
    let Some(ended) = run(command) else {
        return Said::Unclear;
    };
    if ended.err.contains("error setting certificate") {
        return Said::Cannot;
    }
    // With `</dev/null` its exit code is 0 once the handshake is over; in TLS 1.3 the alert wins or
    // loses a race with the end of its input. A verification error does not change the exit code
    // either, but `Verification error: ...` stands in the few lines of `-brief`, so it counts as said.
    if let Some(cause) = words::alert(&ended.err) {
        return Said::Refused(cause);
    }
    let verification = ended
        .err
        .lines()
        .find(|line| line.starts_with("Verification error"));
    match verification {
        Some(error) => Said::Distrusted(words::verification(error)),
        None if ended.success && ended.err.contains("CONNECTION ESTABLISHED") => Said::Fine,
        // `unexpected eof while reading`, `write:errno=104`, `wrong version number`, ...
        None => Said::Unclear,
    }
}

const END: &str = "-----END CERTIFICATE-----";
