//! The certificates of the grid, made at run time: servers, clients with one fault each, CRLs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use mtls_probe::certificate::{Purpose, SpiffeId};
use mtls_probe::identity::{Authority, Leaf, Minted};
use mtls_probe::run;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use tempfile::TempDir;
use time::OffsetDateTime;

/// A folder full of PEM files. Relative names are those of its fields' documentation:
///
/// - `roots.pem`: the root that servers trust and that issued everything.
/// - `server.pem` (leaf alone), `server-chain.pem` (leaf and intermediate), `issuing.pem`,
///   `server.key` (PKCS #8); the leaf has `spiffe://cluster.local/ns/default/sa/server`, the DNS
///   names `localhost` and `server.test`, and 127.0.0.1.
/// - `expired-chain.pem`, `expired-chain.key`: the same, out of date since yesterday.
/// - `crl.pem`: revocation lists of the issuing CA and of the root; `revoked` is on it.
/// - `NAME.pem`, `NAME.key` for every client of [`CLIENTS`].
pub(crate) struct Kit {
    folder: TempDir,
}

/// A client certificate, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    SelfSigned,
    UnknownCa,
    NamesakeCa,
    NoIntermediate,
    Expired,
    NotYetValid,
    IssuerExpired,
    ServerOnly,
    CaLeaf,
    Sha1,
    WrongTrustDomain,
    WrongId,
    NoUri,
    Revoked,
}

pub(crate) const CLIENTS: &[(&str, Fault)] = &[
    ("good", Fault::Nothing),
    ("self-signed", Fault::SelfSigned),
    ("unknown-ca", Fault::UnknownCa),
    ("namesake-ca", Fault::NamesakeCa),
    ("no-intermediate", Fault::NoIntermediate),
    ("expired", Fault::Expired),
    ("not-yet-valid", Fault::NotYetValid),
    ("issuer-expired", Fault::IssuerExpired),
    ("server-only", Fault::ServerOnly),
    ("ca-leaf", Fault::CaLeaf),
    ("sha-1", Fault::Sha1),
    ("wrong-trust-domain", Fault::WrongTrustDomain),
    ("wrong-id", Fault::WrongId),
    ("no-uri", Fault::NoUri),
    ("revoked", Fault::Revoked),
];

/// Whom servers with a policy let in.
pub(crate) const FRONTEND: &str = "spiffe://cluster.local/ns/default/sa/frontend";

impl Kit {
    pub(crate) fn make() -> Self {
        let kit = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let now = run::now();
        let root = Ca::root("grid root", now);
        let issuing = root.below(now - A_DAY * 30, now + A_DAY * 30);
        kit.write("roots.pem", &root.certificate);
        kit.write("issuing.pem", &issuing.certificate);
        kit.write(
            "strangers.pem",
            &Ca::root("strangers root", now).certificate,
        );

        let mut server = svid("spiffe://cluster.local/ns/default/sa/server", now);
        server.dns = vec!["localhost".to_owned(), "server.test".to_owned()];
        let healthy = issuing.authority().issue(&server).unwrap();
        kit.write("server.pem", &certificate(&healthy.chain()[0]));
        kit.write("server-chain.pem", &healthy.chain_pem());
        kit.write("server.key", &healthy.key_pem());
        server.not_after = now - A_DAY;
        let expired = issuing.authority().issue(&server).unwrap();
        kit.write("expired-chain.pem", &expired.chain_pem());
        kit.write("expired-chain.key", &expired.key_pem());

        let revoked = kit.clients(&root, &issuing, now);
        let lists = [
            issuing.authority().revoke(&[&revoked], now).unwrap(),
            root.authority().revoke(&[], now).unwrap(),
        ];
        let lists = lists.map(|der| pem::encode(&pem::Pem::new("X509 CRL", der.as_ref())));
        kit.write("crl.pem", &lists.concat());
        kit
    }

    /// Writes every client, and returns the one to be revoked.
    fn clients(&self, root: &Ca, own: &Ca, now: Timestamp) -> Minted {
        let good = svid(FRONTEND, now);
        let issuing = own.authority();
        let mut to_revoke = None;
        for (name, fault) in CLIENTS {
            let mut leaf = good.clone();
            let mut spoil = |spoil: &dyn Fn(&mut Leaf)| {
                spoil(&mut leaf);
                issuing.issue(&leaf).unwrap()
            };
            let minted = match fault {
                Fault::Nothing | Fault::Revoked => issuing.issue(&good).unwrap(),
                Fault::SelfSigned => {
                    self.self_signed(name, now);
                    continue;
                }
                Fault::Sha1 => {
                    self.sha1(name, own);
                    continue;
                }
                Fault::UnknownCa => {
                    let stranger = Authority::throwaway("somebody else's root", now).unwrap();
                    let stranger = stranger.intermediate("somebody else's CA", now).unwrap();
                    stranger.issue(&good).unwrap()
                }
                Fault::NamesakeCa => {
                    let namesake = Authority::like(root.authority().root().unwrap(), now).unwrap();
                    let namesake = namesake.intermediate("grid issuing CA", now).unwrap();
                    namesake.issue(&good).unwrap()
                }
                Fault::IssuerExpired => {
                    let stale = root.below(now - A_DAY * 30, now - A_DAY);
                    stale.authority().issue(&good).unwrap()
                }
                Fault::NoIntermediate => spoil(&|leaf| leaf.alone = true),
                Fault::Expired => spoil(&|leaf| leaf.not_after = now - A_DAY),
                // NSS is lenient by a day.
                Fault::NotYetValid => spoil(&|leaf| leaf.not_before = now + A_DAY * 3),
                Fault::ServerOnly => spoil(&|leaf| leaf.purposes = vec![Purpose::ServerAuth]),
                Fault::CaLeaf => spoil(&|leaf| leaf.is_ca = true),
                Fault::WrongTrustDomain => spoil(&|leaf| {
                    leaf.uris = vec!["spiffe://other.org/ns/default/sa/frontend".to_owned()];
                }),
                Fault::WrongId => spoil(&|leaf| {
                    leaf.uris = vec!["spiffe://cluster.local/ns/default/sa/batch".to_owned()];
                }),
                Fault::NoUri => spoil(&|leaf| {
                    leaf.uris = vec![];
                    leaf.dns = vec!["frontend.test".to_owned()];
                }),
            };
            self.write(&format!("{name}.pem"), &minted.chain_pem());
            self.write(&format!("{name}.key"), &minted.key_pem());
            if *fault == Fault::Revoked {
                to_revoke = Some(minted);
            }
        }
        to_revoke.expect("one of the clients is to be revoked")
    }

    fn self_signed(&self, name: &str, now: Timestamp) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = vec![SanType::URI(FRONTEND.try_into().unwrap())];
        params.not_before = date(now - A_DAY * 7);
        params.not_after = date(now + A_DAY * 7);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.write(
            &format!("{name}.pem"),
            &params.self_signed(&key).unwrap().pem(),
        );
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    /// Whether a client can be: one of them needs `openssl`.
    pub(crate) fn has(&self, client: &str) -> bool {
        ["none", "plaintext"].contains(&client) || self.path(&format!("{client}.pem")).exists()
    }

    /// No library of ours signs with SHA-1 any more.
    fn sha1(&self, name: &str, issuing: &Ca) {
        if crate::stack::version_of("openssl", &["version"]).is_err() {
            return;
        }
        let path = |end: &str| self.path(&format!("{name}.{end}"));
        self.write(
            &format!("{name}.key"),
            &KeyPair::generate().unwrap().serialize_pem(),
        );
        self.write(&format!("{name}.ca"), &issuing.key.serialize_pem());
        let extensions = format!(
            "subjectAltName=URI:{FRONTEND}\nextendedKeyUsage=clientAuth\nkeyUsage=critical,digitalSignature\n"
        );
        self.write(&format!("{name}.ext"), &extensions);
        let openssl = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
            let mut openssl = Command::new("openssl");
            arguments.iter().for_each(|argument| {
                openssl.arg(argument);
            });
            let done = openssl.output().unwrap();
            assert!(
                done.status.success(),
                "{}",
                String::from_utf8_lossy(&done.stderr)
            );
        };
        openssl(&[
            &"req",
            &"-new",
            &"-key",
            &path("key"),
            &"-subj",
            &"/CN=sha-1",
            &"-out",
            &path("csr"),
        ]);
        openssl(&[
            &"x509",
            &"-req",
            &"-sha1",
            &"-in",
            &path("csr"),
            &"-CA",
            &self.path("issuing.pem"),
            &"-CAkey",
            &path("ca"),
            &"-set_serial",
            &"77",
            &"-days",
            &"7",
            &"-extfile",
            &path("ext"),
            &"-out",
            &path("leaf"),
        ]);
        let leaf = fs::read_to_string(path("leaf")).unwrap();
        self.write(&format!("{name}.pem"), &(leaf + &issuing.certificate));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// A file of the kit; also the place for a server's own configuration.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A CA whose key is at hand.
struct Ca {
    params: CertificateParams,
    key: KeyPair,
    certificate: String,
    /// The certificates above it.
    above: String,
}

impl Ca {
    fn root(name: &str, now: Timestamp) -> Self {
        let params = Self::params(name, now - A_DAY * 365, now + A_DAY * 365);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self {
            params,
            key,
            certificate,
            above: String::new(),
        }
    }

    /// The issuing CA, always under one name.
    fn below(&self, not_before: Timestamp, not_after: Timestamp) -> Self {
        let params = Self::params("grid issuing CA", not_before, not_after);
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        let above = self.certificate.clone();
        Self {
            params,
            key,
            certificate,
            above,
        }
    }

    fn params(name: &str, not_before: Timestamp, not_after: Timestamp) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date(not_before);
        params.not_after = date(not_after);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = true;
        params
    }

    fn authority(&self) -> Authority {
        let chain = format!("{}{}", self.certificate, self.above);
        Authority::from_pem(chain.as_bytes(), self.key.serialize_pem().as_bytes()).unwrap()
    }
}

fn svid(id: &str, now: Timestamp) -> Leaf {
    let id: SpiffeId = id.parse().unwrap();
    Leaf::svid(&id, now - A_DAY * 7, now + A_DAY * 7)
}

fn certificate(der: &[u8]) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE", der))
}

fn date(moment: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(moment.as_second()).unwrap()
}

const A_DAY: SignedDuration = SignedDuration::from_hours(24);
