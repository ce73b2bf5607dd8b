//! NSS: `selfserv`, with a database of certificates made for it. It listens at every address of the
//! machine; there is no option for one.

use std::path::Path;
use std::process::Command;

use crate::stack::{Role, Server, Stack, Tls, Wish, free_port, version_of};

pub(crate) const STACKS: &[Stack] = &[Stack {
    name: "nss",
    about: "selfserv -r -r",
    version,
    start,
}];

/// It does not say its version itself.
fn version() -> Result<String, String> {
    version_of("selfserv", &["-h"]).map_err(|why| why + ": apt-get install libnss3-tools")?;
    Ok(version_of(
        "dpkg-query",
        &["-W", "-f=${Package} ${Version}", "libnss3-tools"],
    )
    .unwrap_or_else(|_| "of unknown version".to_owned()))
}

fn start(wish: &Wish<'_>) -> Option<Server> {
    let port = free_port();
    let mut command = Command::new("selfserv");
    command.args(["-p", &port.to_string(), "-n", NAME, "-t", "100"]);
    command.arg("-V").arg(match wish.tls {
        Tls::V12 => "tls1.2:tls1.2",
        Tls::V13 => "tls1.3:tls1.3",
    });
    match wish.role {
        Role::Optional => command.arg("-r"),
        _ => command.args(["-r", "-r"]),
    };
    match (wish.role, wish.tls) {
        // It has no CCM.
        (Role::ForeignCipher, Tls::V13) | (Role::Plaintext, _) => return None,
        (Role::ForeignCipher, Tls::V12) => command.args(["-c", ":C009"]),
        (Role::StrictSni, _) => command.args(["-a", NAME]),
        (Role::StrictAlpn, _) => command.arg("-Q"),
        (_, _) => &mut command,
    };
    command.arg("-d").arg(database(wish));
    Some(Server::at(port, command, wish.folder))
}

fn database(wish: &Wish<'_>) -> String {
    let database = format!("sql:{}", wish.folder.display());
    let (chain, key) = wish.own();
    let bundle = wish.folder.join("server.p12");
    run("certutil", &["-N", "-d", &database, "--empty-password"]);
    run(
        "certutil",
        &[
            "-A",
            "-d",
            &database,
            "-n",
            "root",
            "-t",
            "CT,C,",
            "-a",
            "-i",
            text(&wish.kit.path("roots.pem")),
        ],
    );
    run(
        "openssl",
        &[
            "pkcs12",
            "-export",
            "-name",
            NAME,
            "-passout",
            "pass:",
            "-in",
            text(&chain),
            "-inkey",
            text(&key),
            "-out",
            text(&bundle),
        ],
    );
    run(
        "pk12util",
        &["-d", &database, "-W", "", "-i", text(&bundle)],
    );
    if wish.role == Role::Crl {
        let lists = std::fs::read(wish.kit.path("crl.pem")).unwrap();
        for (number, list) in pem::parse_many(lists).unwrap().iter().enumerate() {
            let file = wish.folder.join(format!("{number}.crl"));
            std::fs::write(&file, list.contents()).unwrap();
            run("crlutil", &["-I", "-d", &database, "-i", text(&file)]);
        }
    }
    database
}

fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {done:?}");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Of the certificate in the database. It is also the server name that it is for.
const NAME: &str = "server.test";
