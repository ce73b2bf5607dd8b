//! The core cases of C2SP/x509-limbo: never more lenient than webpki, and no unexplained difference.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of a test: a panic names the line"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use mtls_probe::certificate::{Bundle, Bundles, Expected, Judgement, Question, Role, judge};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use serde::Deserialize;

/// Cases outside of webpki's own list of differences in which we differ from the suite, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("rfc5280::nc::nc-permits-email-exact", NO_EMAIL),
    ("rfc5280::nc::nc-permits-email-domain", NO_EMAIL),
    (
        "rfc5280::nc::nc-permits-email-literal-asterisk-exact-match",
        NO_EMAIL,
    ),
    (
        "rfc5280::nc::nc-permits-email-literal-double-asterisk",
        NO_EMAIL,
    ),
    (
        "rfc5280::nc::nc-permits-email-literal-mid-asterisk",
        NO_EMAIL,
    ),
];
const NO_EMAIL: &str = "webpki refuses every email address under a constraint of email addresses";

/// Differences of the published webpki 0.103 that its list does not name yet.
const PUBLISHED_WEBPKI: &[&str] = &["crl::crlnumber-missing", "rfc5280::leaf-ku-keycertsign"];

/// Certificates without a date to be judged at are all valid then.
const ANY_TIME: &str = "2024-06-01T00:00:00Z";

#[test]
fn the_suite_is_judged_as_webpki_and_the_suite_agree() {
    hold("the library", |case| {
        let judgement = case.judge();
        let (problems, notes) = (&judgement.problems, &judgement.notes);
        Said {
            is_ok: judgement.is_ok(),
            why: format!("{problems:#?} {notes:#?}"),
        }
    });
}

#[test]
fn the_binary_judges_as_the_library_does() {
    let folder = tempfile::tempdir().unwrap();
    hold("probe verify", |case| case.verify(folder.path()));
}

/// Never more lenient than webpki, and no difference from the suite without its reason.
fn hold(judge: &str, says: impl Fn(&Case) -> Said) {
    let folder = folder();
    let archive = folder.join("limbo-core.json.xz");
    let Ok(packed) = std::fs::read(&archive) else {
        say(&format!(
            "SKIPPED: {judge}, 208 x509-limbo cases: there is no {}; set PROBE_LIMBO_DIR",
            archive.display()
        ));
        return;
    };
    let mut unpacked = vec![];
    lzma_rs::xz_decompress(&mut packed.as_slice(), &mut unpacked).unwrap();
    let suite: Suite = serde_json::from_slice(&unpacked).unwrap();
    let differences: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&std::fs::read(folder.join("webpki-differences.json")).unwrap())
            .unwrap();

    let mut tally = Tally::default();
    let mut server = Tally::default();
    let mut differ = vec![];
    let mut too_lenient = vec![];
    for case in &suite.testcases {
        let said = says(case);
        if said.is_ok
            && let Err(why) = case.ask_webpki()
        {
            too_lenient.push(format!("{}: webpki says {why:?}", case.id));
        }
        let agrees = said.is_ok == (case.expected_result == Verdict::Success);
        let known = differences.contains_key(&case.id) || PUBLISHED_WEBPKI.contains(&&*case.id);
        let count = |tally: &mut Tally| {
            *match (case.needs_what_a_question_lacks(), agrees, known) {
                (true, _, _) => &mut tally.skipped,
                (false, true, _) => &mut tally.agree,
                (false, false, true) => &mut tally.set_aside,
                (false, false, false) => &mut tally.differ,
            } += 1;
        };
        count(&mut tally);
        match case.validation_kind {
            Kind::Server => count(&mut server),
            Kind::Client => {}
        }
        if !agrees && !known && !case.needs_what_a_question_lacks() {
            differ.push((case, said));
        }
    }
    let cases = suite.testcases.len();
    say(&format!("x509-limbo, {judge}: {cases} cases, {tally}"));
    say(&format!("x509-limbo, {judge}: of servers, {server}"));
    assert_eq!(cases, 208);
    assert_eq!(too_lenient, Vec::<String>::new());
    let unexplained: Vec<_> = differ
        .iter()
        .filter(|(case, _)| DIFFERENCES.iter().all(|(id, _)| *id != case.id))
        .map(|(case, said)| format!("{}: {}\n{}", case.id, said.why, case.description))
        .collect();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    for (id, why) in DIFFERENCES {
        assert!(
            differ.iter().any(|(case, _)| case.id == *id),
            "{id} is listed as different ({why}) and is not"
        );
    }
    assert!(server.agree * 1000 >= (server.agree + server.differ) * 988);
}

/// What is thought of a case.
struct Said {
    is_ok: bool,
    why: String,
}

/// The test harness swallows what `eprintln` says of a test that passes.
fn say(what: &str) {
    let line = format!("{what}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn folder() -> PathBuf {
    std::env::var_os("PROBE_LIMBO_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/x509-limbo"),
        PathBuf::from,
    )
}

#[derive(Default)]
struct Tally {
    agree: usize,
    set_aside: usize,
    differ: usize,
    skipped: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} agree, {} set aside, {} differ, {} skipped",
            self.agree, self.set_aside, self.differ, self.skipped
        )
    }
}

#[derive(Deserialize)]
struct Suite {
    testcases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    description: String,
    validation_kind: Kind,
    trusted_certs: Vec<String>,
    untrusted_intermediates: Vec<String>,
    peer_certificate: String,
    validation_time: Option<String>,
    expected_peer_name: Option<PeerName>,
    crls: Vec<String>,
    features: Vec<String>,
    expected_result: Verdict,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Server,
    Client,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Verdict {
    Success,
    Failure,
}

#[derive(Deserialize)]
struct PeerName {
    kind: String,
    value: String,
}

impl Case {
    /// The suite marks what a checker need not offer. A question sets no limit on the depth.
    fn needs_what_a_question_lacks(&self) -> bool {
        self.features.iter().any(|tag| tag == "max-chain-depth")
    }

    fn judge(&self) -> Judgement {
        let bundle = Bundle::new(certificates(&self.trusted_certs));
        // A root that cannot even be read is no root.
        let bundles = bundle.map_or_else(|_| Bundles::none(), Bundles::untagged);
        judge(&Question {
            chain: &self.chain(),
            bundles: &bundles,
            role: match self.validation_kind {
                Kind::Server => Role::Server,
                Kind::Client => Role::Client,
            },
            expected: &match &self.expected_peer_name {
                None => Expected::AnyName,
                Some(name) if name.kind == "IP" => Expected::Ip(name.value.parse().unwrap()),
                Some(name) => Expected::Dns(name.value.clone()),
            },
            at: self.at(),
            crls: &self.crls(),
            elsewhere: &[],
        })
    }

    /// Asks the built binary.
    fn verify(&self, folder: &Path) -> Said {
        let file = |name: &str, pems: &[String]| {
            let path = folder.join(name);
            std::fs::write(&path, pems.concat()).unwrap();
            path
        };
        let mut chain = vec![self.peer_certificate.clone()];
        chain.extend_from_slice(&self.untrusted_intermediates);
        let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
        command.arg("verify").arg("--profile").arg("tls");
        command.arg("--chain").arg(file("chain.pem", &chain));
        command
            .arg("--bundle")
            .arg(file("roots.pem", &self.trusted_certs));
        command.arg("--at").arg(self.at().to_string());
        command.arg("--role").arg(match self.validation_kind {
            Kind::Server => "server",
            Kind::Client => "client",
        });
        if let Some(name) = &self.expected_peer_name {
            let flag = if name.kind == "IP" { "--ip" } else { "--dns" };
            command.arg(flag).arg(&name.value);
        }
        if !self.crls.is_empty() {
            command.arg("--crl").arg(file("crls.pem", &self.crls));
        }
        let done = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let why = text(&done.stdout) + &text(&done.stderr);
        let code = done.status.code().unwrap();
        assert!((0..=2).contains(&code), "{}: {code} {why}", self.id);
        if code < 2 {
            let judgement: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
            assert_eq!(judgement["code"] == "OK", code == 0, "{}: {why}", self.id);
            assert_eq!(
                judgement["code"],
                self.judge().code().as_str(),
                "{}",
                self.id
            );
        }
        Said {
            is_ok: code == 0,
            why,
        }
    }

    fn ask_webpki(&self) -> Result<(), webpki::Error> {
        let chain = self.chain();
        let roots = certificates(&self.trusted_certs);
        let anchors: Vec<_> = (roots.iter())
            .filter_map(|root| webpki::anchor_from_trusted_cert(root).ok())
            .collect();
        let lists: Vec<webpki::CertRevocationList<'_>> = (self.crls().iter())
            .map(|crl| Ok(webpki::OwnedCertRevocationList::from_der(crl)?.into()))
            .collect::<Result<_, webpki::Error>>()?;
        let lists: Vec<_> = lists.iter().collect();
        let revocation = webpki::RevocationOptionsBuilder::new(&lists)
            .ok()
            .map(|options| {
                options
                    .with_status_policy(webpki::UnknownStatusPolicy::Allow)
                    .build()
            });
        let seconds = u64::try_from(self.at().as_second()).unwrap();
        let leaf = webpki::EndEntityCert::try_from(&chain[0])?;
        leaf.verify_for_usage(
            rustls::crypto::aws_lc_rs::default_provider()
                .signature_verification_algorithms
                .all,
            &anchors,
            &chain[1..],
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            match self.validation_kind {
                Kind::Server => webpki::KeyUsage::server_auth(),
                Kind::Client => webpki::KeyUsage::client_auth(),
            },
            revocation,
            None,
        )?;
        match &self.expected_peer_name {
            None => Ok(()),
            Some(name) => {
                let name = match name.value.parse::<IpAddr>() {
                    Ok(address) => ServerName::from(address),
                    Err(_) => ServerName::try_from(name.value.as_str()).unwrap(),
                };
                leaf.verify_is_valid_for_subject_name(&name)
            }
        }
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        let leaf = std::iter::once(&self.peer_certificate);
        leaf.chain(&self.untrusted_intermediates)
            .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .collect()
    }

    fn crls(&self) -> Vec<CertificateRevocationListDer<'static>> {
        (self.crls.iter())
            .map(|pem| CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap())
            .collect()
    }

    fn at(&self) -> Timestamp {
        let text = self.validation_time.as_deref().unwrap_or(ANY_TIME);
        text.parse().unwrap()
    }
}

fn certificates(pems: &[String]) -> Vec<CertificateDer<'static>> {
    pems.iter()
        .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .collect()
}
