//! Certificates for real servers and their clients, made at run time.

use std::fs;
use std::path::PathBuf;

use jiff::SignedDuration;
use mtls_probe::identity::{Authority, Leaf};
use mtls_probe::run;
use tempfile::TempDir;

/// A folder with `roots.pem`, `server.pem`, `server.key`, and a chain and a key of each client.
pub(crate) struct Kit {
    folder: TempDir,
}

/// By their names: one is good, one by a stranger, one out of date.
pub(crate) const CLIENTS: [&str; 3] = ["good", "stranger", "expired"];

impl Kit {
    pub(crate) fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = run::now();
        let day = SignedDuration::from_hours(24);
        let root = Authority::throwaway("root of the mesh", now).unwrap();
        let stranger = Authority::throwaway("root of others", now).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let top = root.root().unwrap();
        write(
            "roots.pem",
            &pem::encode(&pem::Pem::new("CERTIFICATE", top.as_ref())),
        );

        let id = |account: &str| format!("spiffe://cluster.local/ns/default/sa/{account}");
        let mut server = Leaf::svid(&id("server").parse().unwrap(), now - day, now + day);
        server.dns = vec!["localhost".to_owned()];
        let issued = root.issue(&server).unwrap();
        write("server.pem", &issued.chain_pem());
        write("server.key", &issued.key_pem());

        for name in CLIENTS {
            let mut leaf = Leaf::svid(&id("frontend").parse().unwrap(), now - day * 2, now + day);
            leaf.common_name = Some("frontend".to_owned());
            let issuer = match name {
                "stranger" => &stranger,
                _ => &root,
            };
            if name == "expired" {
                leaf.not_after = now - day;
            }
            let issued = issuer.issue(&leaf).unwrap();
            write(&format!("{name}.pem"), &issued.chain_pem());
            write(&format!("{name}.key"), &issued.key_pem());
        }
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
