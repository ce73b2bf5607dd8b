//! Negative identities: each is spoilt in one place and healthy otherwise, by our own judge, by webpki and
//! for real servers.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener as Port};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_probe::certificate::{
    Bundle, Bundles, Expected, Judgement, Question, Role, SpiffeId, TrustDomain, judge,
};
use mtls_probe::code::Code;
use mtls_probe::identity::mint::{Ca, Mint, mint};
use mtls_probe::identity::{Flaw, Identity, Negative, Origin};
use mtls_probe::matrix::Matrix;
use mtls_probe::plan::plan;
use mtls_probe::run::{self, Materials, Settings};
use mtls_probe::suite::Suite;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::standins::clients::Clients;

use Negative::*;

const ID: &str = "spiffe://cluster.local/ns/default/sa/frontend";

#[test]
fn each_is_spoilt_in_the_place_it_is_named_for_and_in_no_other() {
    let now = run::now();
    let day = SignedDuration::from_hours(36);
    for mesh in [Mesh::of_root(), Mesh::of_intermediate()] {
        for negative in Negative::ALL {
            let minted = mint(&mesh.negative(negative), now).unwrap();
            let bundles = mesh.bundles();
            let by_tls = |role| mesh.ask(&minted, now, role, &bundles, &Expected::AnyName);
            let (code, healed) = match negative {
                RogueCa => {
                    let own = minted.chain().last().unwrap().clone();
                    let known = Bundles::untagged(Bundle::new([own]).unwrap());
                    let id = Expected::Id(ID.parse().unwrap());
                    let healed = mesh.ask(&minted, now, Role::Client, &known, &id);
                    (Code::UnknownCa, Some(healed))
                }
                OtherTrustDomain => {
                    let healed = mesh.judge_as_other(&minted, now);
                    (Code::TrustDomainMismatch, Some(healed))
                }
                Expired => {
                    let healed = mesh.judge(&minted, now - day);
                    (Code::CertExpired, Some(healed))
                }
                NotYetValid => {
                    let healed = mesh.judge(&minted, now + day);
                    (Code::CertNotYetValid, Some(healed))
                }
                WrongEku => (Code::CertUnsupported, Some(by_tls(Role::Server))),
                TwoUris | NoSan => (Code::InvalidSvid, Some(by_tls(Role::Client))),
                // Without the flaw these are other certificates: see what webpki says of them below.
                CaLeaf => (Code::InvalidSvid, None),
                SameNameCa => (Code::BadSignature, None),
                MissingIntermediate if mesh.is_deep => (Code::IncompleteChain, None),
                MissingIntermediate => (Code::UnknownCa, None),
            };
            let judgement = mesh.judge(&minted, now);
            assert_eq!(judgement.code(), code, "{negative}: {judgement:?}");
            assert_eq!(judgement.problems.len(), 1, "{negative}: {judgement:?}");
            if let Some(healed) = healed {
                assert!(healed.is_ok(), "{negative} without its flaw: {healed:?}");
            }
        }
    }
}

/// What webpki finds wrong is what the label says, and it finds nothing where the flaw is one of the name.
#[test]
fn webpki_finds_the_flaw_or_nothing() {
    let now = run::now();
    for mesh in [Mesh::of_root(), Mesh::of_intermediate()] {
        for negative in Negative::ALL {
            let minted = mint(&mesh.negative(negative), now).unwrap();
            let found = mesh
                .webpki(minted.chain(), now)
                .err()
                .map(|error| format!("{error:?}"));
            let want = match negative {
                RogueCa | MissingIntermediate => Some("UnknownIssuer"),
                SameNameCa => Some("InvalidSignatureForPublicKey"),
                Expired => Some("CertExpired"),
                NotYetValid => Some("CertNotValidYet"),
                WrongEku => Some("RequiredEkuNotFound"),
                CaLeaf => Some("CaUsedAsEndEntity"),
                OtherTrustDomain | TwoUris | NoSan => None,
            };
            let fits = match (&found, want) {
                (Some(found), Some(want)) => found.starts_with(want),
                (found, want) => found.is_none() && want.is_none(),
            };
            assert!(fits, "{negative}: {found:?}");
        }
    }
}

#[test]
fn the_intermediate_is_really_left_out() {
    let now = run::now();
    for mesh in [Mesh::of_root(), Mesh::of_intermediate()] {
        let minted = mint(&mesh.negative(MissingIntermediate), now).unwrap();
        assert_eq!(minted.chain().len(), 1);
        let issuer = minted.leaf().issuer.clone();
        let want = if mesh.is_deep {
            "CN=mesh issuing"
        } else {
            "CN=an intermediate that is left out"
        };
        assert_eq!(issuer, want);
        assert_ne!(issuer, "CN=mesh root");
        if let Some(intermediate) = &mesh.intermediate {
            let whole = [minted.chain(), std::slice::from_ref(intermediate)].concat();
            assert!(mesh.webpki(&whole, now).is_ok(), "with it nothing is wrong");
        }
    }
}

#[test]
fn a_root_that_allows_no_ca_below_it_has_no_intermediate_to_leave_out() {
    let mesh = Mesh::new(false, IsCa::Ca(BasicConstraints::Constrained(0)));
    let error = mint(&mesh.negative(MissingIntermediate), run::now()).unwrap_err();
    assert_eq!(error.flaw, Flaw::NoCaBelow);
    assert!(
        error
            .to_string()
            .starts_with(&mesh.path("ca.pem").display().to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_knows_svids_refuses_every_one_and_only_them() {
    for mesh in [Mesh::of_root(), Mesh::of_intermediate()] {
        let bundles = mesh.bundles();
        let is_svid = move |chain: &[CertificateDer<'static>], now: UnixTime| {
            let judgement = judge(&Question {
                chain,
                bundles: &bundles,
                role: Role::Client,
                expected: &Expected::AnySvid,
                at: Timestamp::from_second(now.as_secs().try_into().unwrap()).unwrap(),
                crls: &[],
                elsewhere: &[],
            });
            judgement.is_ok()
        };
        let server = mesh.serve(Arc::new(Clients::known(is_svid))).await;
        let matrix = mesh.probe(server).await;
        assert_eq!(outcome(&matrix, "sa/frontend"), let_in());
        for negative in Negative::ALL {
            assert_eq!(
                outcome(&matrix, negative.as_str()),
                refused(),
                "{negative}: {:#?}",
                cell(&matrix, negative)
            );
        }
    }
}

#[tokio::test]
async fn a_rustls_server_refuses_what_is_wrong_with_the_chain() {
    for mesh in [Mesh::of_root(), Mesh::of_intermediate()] {
        let mut roots = RootCertStore::empty();
        roots.add(mesh.root.clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let server = mesh.serve(verifier.build().unwrap()).await;
        let matrix = mesh.probe(server).await;
        assert_eq!(outcome(&matrix, "sa/frontend"), let_in());
        for negative in Negative::ALL {
            let want = match negative {
                OtherTrustDomain | TwoUris | NoSan => let_in(),
                RogueCa | SameNameCa | Expired | NotYetValid | WrongEku | CaLeaf
                | MissingIntermediate => refused(),
            };
            assert_eq!(
                outcome(&matrix, negative.as_str()),
                want,
                "{negative}: {:#?}",
                cell(&matrix, negative)
            );
        }
    }
}

#[tokio::test]
async fn openssl_refuses_what_is_wrong_with_the_chain() {
    for mesh in [Mesh::of_root(), Mesh::of_intermediate()] {
        let server = OpenSsl::start(&mesh);
        let matrix = mesh.probe(server.address).await;
        assert_eq!(
            outcome(&matrix, "sa/frontend"),
            let_in(),
            "{:#?}",
            matrix.cells[0]
        );
        for negative in Negative::ALL {
            let want = match negative {
                OtherTrustDomain | TwoUris | NoSan | CaLeaf => let_in(),
                RogueCa | SameNameCa | Expired | NotYetValid | WrongEku | MissingIntermediate => {
                    refused()
                }
            };
            assert_eq!(
                outcome(&matrix, negative.as_str()),
                want,
                "{negative}: {:#?}",
                cell(&matrix, negative)
            );
        }
    }
}

/// A CA in files, and a server's identity under it.
struct Mesh {
    folder: TempDir,
    root: CertificateDer<'static>,
    intermediate: Option<CertificateDer<'static>>,
    is_deep: bool,
    server: (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>),
}

impl Mesh {
    fn of_root() -> Self {
        Self::new(false, IsCa::Ca(BasicConstraints::Unconstrained))
    }

    fn of_intermediate() -> Self {
        Self::new(true, IsCa::Ca(BasicConstraints::Unconstrained))
    }

    fn new(is_deep: bool, is_ca: IsCa) -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let root_key = KeyPair::generate().unwrap();
        let params = ca("mesh root", is_ca);
        let root = params.self_signed(&root_key).unwrap();
        write("root.pem", &root.pem());
        let middle_key = KeyPair::generate().unwrap();
        let middle_params = ca("mesh issuing", IsCa::Ca(BasicConstraints::Constrained(0)));
        let root_issuer = Issuer::new(params, root_key);
        let middle = middle_params.signed_by(&middle_key, &root_issuer).unwrap();
        let mut leaf = CertificateParams::default();
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        leaf.subject_alt_names = vec![SanType::URI(
            "spiffe://cluster.local/ns/default/sa/server"
                .try_into()
                .unwrap(),
        )];
        let leaf_key = KeyPair::generate().unwrap();
        let (issuer, intermediate) = if is_deep {
            write("ca.pem", &(middle.pem() + &root.pem()));
            (
                Issuer::new(middle_params, middle_key),
                Some(middle.der().clone()),
            )
        } else {
            write("ca.pem", &root.pem());
            (root_issuer, None)
        };
        write("ca.key", &issuer.key().serialize_pem());
        let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
        write(
            "server.pem",
            &(leaf.pem() + &if is_deep { middle.pem() } else { String::new() }),
        );
        write("server.key", &leaf_key.serialize_pem());
        let chain = std::iter::once(leaf.der().clone()).chain(intermediate.clone());
        Self {
            root: root.der().clone(),
            intermediate,
            is_deep,
            server: (
                chain.collect(),
                PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap(),
            ),
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ca(&self) -> Ca {
        Ca::Files {
            chain: self.path("ca.pem"),
            key: self.path("ca.key"),
        }
    }

    fn negative(&self, negative: Negative) -> Mint {
        negative.mint(&ID.parse().unwrap(), &self.ca()).unwrap()
    }

    fn bundles(&self) -> Bundles {
        let mut bundles = Bundles::none();
        bundles.insert(
            "cluster.local".parse().unwrap(),
            Bundle::new([self.root.clone()]).unwrap(),
        );
        bundles
    }

    fn judge(&self, who: &Identity, at: Timestamp) -> Judgement {
        let id: SpiffeId = ID.parse().unwrap();
        self.ask(who, at, Role::Client, &self.bundles(), &Expected::Id(id))
    }

    /// As a mesh does whose trust domain is the one it names.
    fn judge_as_other(&self, who: &Identity, at: Timestamp) -> Judgement {
        let other: TrustDomain = "other.invalid".parse().unwrap();
        let mut bundles = Bundles::none();
        bundles.insert(other, Bundle::new([self.root.clone()]).unwrap());
        let id = ID
            .replace("cluster.local", "other.invalid")
            .parse()
            .unwrap();
        self.ask(who, at, Role::Client, &bundles, &Expected::Id(id))
    }

    fn ask(
        &self,
        who: &Identity,
        at: Timestamp,
        role: Role,
        bundles: &Bundles,
        expected: &Expected,
    ) -> Judgement {
        judge(&Question {
            chain: who.chain(),
            bundles,
            role,
            expected,
            at,
            crls: &[],
            elsewhere: self.intermediate.as_slice(),
        })
    }

    fn webpki(
        &self,
        chain: &[CertificateDer<'static>],
        at: Timestamp,
    ) -> Result<(), webpki::Error> {
        let leaf = webpki::EndEntityCert::try_from(&chain[0])?;
        let anchors = [webpki::anchor_from_trusted_cert(&self.root).unwrap()];
        let at =
            UnixTime::since_unix_epoch(Duration::from_secs(at.as_second().try_into().unwrap()));
        let algorithms = aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .all;
        leaf.verify_for_usage(
            algorithms,
            &anchors,
            &chain[1..],
            at,
            webpki::KeyUsage::client_auth(),
            None,
            None,
        )
        .map(drop)
    }

    /// A server that says one word to whoever it lets in.
    async fn serve(&self, clients: Arc<dyn ClientCertVerifier>) -> SocketAddr {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let (chain, key) = &self.server;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(chain.clone(), key.clone_key())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let mut request = [0; 1024];
                    let _ = stream.read(&mut request).await?;
                    stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                        .await?;
                    stream.shutdown().await
                });
            }
        });
        address
    }

    /// Everybody, in the place of sources that a suite names.
    async fn probe(&self, server: SocketAddr) -> Matrix {
        let sources = Negative::ALL.map(|negative| {
            format!("{negative}: {{ mint: {{ id: sa/frontend, ca: throwaway }} }}")
        });
        let text = format!(
            "{{ version: 1, trust_domain: cluster.local,
                bundles: {{ cluster.local: {{ file: root.pem }} }},
                defaults: {{ timeout: 5s, follow_ups: false }},
                sources: {{ sa/frontend: {{ mint: {{ ca: {{ chain: ca.pem, key: ca.key }} }} }}, {} }},
                targets: {{ server: {{ address: '{server}', id: sa/server, request: GET / }} }} }}",
            sources.join(", ")
        );
        let mut suite = Suite::parse("negatives", self.folder.path(), &text).unwrap();
        for source in &mut suite.sources {
            if let Ok(negative) = source.name.as_str().parse() {
                source.origin = Origin::Mint(self.negative(negative));
            }
        }
        let suites = [suite];
        let materials = Materials::gather(&suites, run::now()).await.unwrap();
        let plan = Arc::new(plan(&suites).unwrap());
        run::run(
            &suites,
            plan,
            Arc::new(materials),
            Settings::default(),
            std::future::pending(),
            |_| {},
        )
        .await
    }
}

fn ca(name: &str, is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = is_ca;
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

fn cell(matrix: &Matrix, negative: Negative) -> &mtls_probe::matrix::Cell {
    let mut cells = matrix.cells.iter();
    cells.find(|cell| cell.from == negative.as_str()).unwrap()
}

/// The outcome, and who refused.
fn outcome(matrix: &Matrix, name: &str) -> (String, Option<String>) {
    let mut cells = matrix.cells.iter();
    let cell = cells.find(|cell| cell.from == name).unwrap();
    (cell.outcome.clone(), cell.by.clone())
}

fn let_in() -> (String, Option<String>) {
    ("accepted".to_owned(), None)
}

fn refused() -> (String, Option<String>) {
    ("rejected".to_owned(), Some("peer".to_owned()))
}

/// `openssl s_server` that insists on a certificate.
struct OpenSsl {
    child: Child,
    address: SocketAddr,
}

impl OpenSsl {
    fn start(mesh: &Mesh) -> Self {
        let address = Port::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("openssl")
            .args([
                "s_server",
                "-www",
                "-Verify",
                "4",
                "-verify_return_error",
                "-naccept",
                "100",
            ])
            .args(["-accept", &address.to_string()])
            .args(["-CAfile".into(), mesh.path("root.pem")])
            .args(["-cert".into(), mesh.path("server.pem")])
            .args(["-cert_chain".into(), mesh.path("server.pem")])
            .args(["-key".into(), mesh.path("server.key")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is there");
        let mut server = Self { child, address };
        let mut said = [0; 64];
        // "ACCEPT", once it listens.
        let _ = server
            .child
            .stdout
            .as_mut()
            .unwrap()
            .read(&mut said)
            .unwrap();
        let mut rest = server.child.stdout.take().unwrap();
        thread::spawn(move || std::io::copy(&mut rest, &mut std::io::sink()));
        server
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
