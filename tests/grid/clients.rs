//! The tools that people ask instead, as clients of the same servers: what would whoever reads their
//! exit code and their words conclude?
//!
//! Where a reading can be kind to a tool it is. None of them is asked in a way its users would not.

mod curl;
mod openssl;
mod sslyze;
mod words;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mtls_probe::code::Code;

use crate::stack::Tls;

/// A tool.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    /// The tool's version, else what is missing and how to get it.
    pub(crate) version: fn() -> Result<String, String>,
    pub(crate) try_it: fn(&Visit<'_>) -> Said,
    /// A visit takes half a second.
    pub(crate) is_slow: bool,
}

/// One call at a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Tls,
    /// The PEM files of the client's chain and key.
    pub(crate) identity: Option<(&'a Path, &'a Path)>,
    /// Whom the client trusts.
    pub(crate) roots: &'a Path,
    /// The server name to send; the address is what a tool is given without.
    pub(crate) name: Option<&'a str>,
    /// The application protocols to offer; none without.
    pub(crate) alpn: &'a [&'a str],
}

/// What the reader of a tool's output concludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// All is well.
    Fine,
    /// The server refused us, for this cause where one is named.
    Refused(Option<Code>),
    /// We refused the server: its certificate is bad, for this cause where one is named.
    Distrusted(Option<Code>),
    /// It did not work, and the words blame nobody.
    Unclear,
    /// The tool cannot come like this.
    Cannot,
}

/// All of them, in the order of the table.
pub(crate) const ALL: &[Client] = &[openssl::CLIENT, curl::CLIENT, sslyze::CLIENT];

/// A tool that has ended.
#[derive(Debug)]
struct Ended {
    success: bool,
    code: Option<i32>,
    /// Standard output and standard error.
    out: String,
    err: String,
}

/// Nothing where it had to be ended.
fn run(mut command: Command) -> Option<Ended> {
    // Not pipes: who waits for the end must not have to empty them meanwhile.
    let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(err.try_clone().unwrap())
        .spawn()
        .unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(Ended {
                success: status.success(),
                code: status.code(),
                out: text(out),
                err: text(err),
            });
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn text(mut file: File) -> String {
    use io::{Read, Seek};
    let mut bytes = vec![];
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Said::{Distrusted, Fine, Refused, Unclear};
    use super::*;
    use crate::kit::Kit;
    use crate::stack::{Role, Wish};
    use crate::stacks;

    const NAMELESS: Said = Refused(None);
    const MISSING: Said = Refused(Some(Code::ClientCertRequired));
    const EXPIRED: Said = Refused(Some(Code::CertExpired));
    const UNKNOWN: Said = Refused(Some(Code::UnknownCa));

    /// What each may say of `openssl s_server`, in the order of [`ALL`].
    ///
    /// In TLS 1.3 `s_client` is in a race with the alert. `sslyze` keeps a connection open while it makes
    /// the next, which a server that takes one after the other does not let it do in time.
    #[rustfmt::skip]
    const SAYINGS: &[(Tls, Role, &str, [&[Said]; 3])] = &[
        (Tls::V12, Role::Required, "good", [&[Fine], &[Fine], &[Fine]]),
        (Tls::V12, Role::Required, "none", [&[NAMELESS], &[NAMELESS], &[MISSING, Unclear]]),
        (Tls::V12, Role::Required, "expired", [&[EXPIRED], &[Distrusted(None), EXPIRED], &[EXPIRED]]),
        (Tls::V12, Role::Required, "unknown-ca", [&[UNKNOWN], &[UNKNOWN], &[UNKNOWN]]),
        (Tls::V13, Role::Required, "good", [&[Fine], &[Fine], &[Fine]]),
        (Tls::V13, Role::Required, "none", [&[MISSING, Fine], &[MISSING], &[MISSING, Unclear]]),
        (Tls::V13, Role::Required, "expired", [&[EXPIRED, Fine], &[EXPIRED], &[EXPIRED]]),
        (Tls::V13, Role::Required, "unknown-ca", [&[UNKNOWN, Fine], &[UNKNOWN], &[UNKNOWN]]),
        // 42, bad_certificate, which sslyze takes for the want of one.
        (Tls::V13, Role::Required, "not-yet-valid", [&[NAMELESS, Fine], &[NAMELESS], &[MISSING]]),
        (Tls::V13, Role::ExpiredServer, "good", [
            &[Distrusted(Some(Code::CertExpired))],
            &[Distrusted(Some(Code::CertExpired))],
            &[Distrusted(Some(Code::CertExpired))],
        ]),
        (Tls::V13, Role::IncompleteServer, "good", [
            &[Distrusted(Some(Code::IncompleteChain))],
            &[Distrusted(Some(Code::UnknownCa))],
            &[Distrusted(None)],
        ]),
    ];

    #[test]
    fn every_tool_is_read_as_its_users_read_it() {
        let openssl = stacks::all()
            .into_iter()
            .find(|stack| stack.name == "openssl")
            .unwrap();
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        if let Err(why) = (openssl.version)() {
            assert!(!is_ci, "{why}");
            return eprintln!("SKIPPED: what other clients say of openssl: {why}");
        }
        let kit = Kit::make();
        let tools: Vec<_> = ALL
            .iter()
            .map(|client| (client, (client.version)()))
            .collect();
        for (client, version) in &tools {
            match version {
                Ok(version) => eprintln!("{}: {version}", client.name),
                Err(why) => {
                    assert!(!is_ci, "{why}");
                    eprintln!("SKIPPED: {}: {why}", client.name);
                }
            }
        }
        for (tls, role, who, sayings) in SAYINGS {
            let (tls, role) = (*tls, *role);
            let folder = kit.path(&format!("{tls:?}-{role:?}-{who}"));
            fs::create_dir(&folder).unwrap();
            let wish = Wish {
                kit: &kit,
                tls,
                role,
                folder: &folder,
            };
            let server = (openssl.start)(&wish).unwrap();
            let [chain, key] = ["pem", "key"].map(|end| kit.path(&format!("{who}.{end}")));
            let visit = Visit {
                address: server.address,
                tls,
                identity: (*who != "none").then_some((&chain, &key)),
                roots: &kit.path("roots.pem"),
                name: Some("localhost"),
                alpn: &[],
            };
            for ((client, version), may_say) in tools.iter().zip(sayings) {
                if version.is_ok() {
                    let begun = Instant::now();
                    let said = (client.try_it)(&visit);
                    let lasted = begun.elapsed();
                    eprintln!(
                        "{tls:?} {role:?} {who}: {}: {said:?}, {lasted:.0?}",
                        client.name
                    );
                    assert!(
                        may_say.contains(&said),
                        "{tls:?} {role:?} {who}: {}: {said:?}",
                        client.name
                    );
                }
            }
        }
    }
}
