//! `probe verify`: a chain judged offline, by the built binary.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

mod stage;

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType};
use serde_json::{Value, json};
use stage::{Ca, Done, probe};
use tempfile::TempDir;

const ID: &str = "spiffe://cluster.local/ns/default/sa/server";

#[test]
fn a_chain_is_judged_by_whom_it_must_name_and_who_presents_it() {
    let desk = Desk::new();
    for (flags, code) in [
        (&[][..], "OK"),
        (&["--id", ID], "OK"),
        (&["--id", "spiffe://cluster.local/sa/other"], "SAN_MISMATCH"),
        (
            &["--id", "spiffe://other.example/sa/x"],
            "TRUST_DOMAIN_MISMATCH",
        ),
        (&["--trust-domain", "cluster.local"], "OK"),
        (
            &["--trust-domain", "other.example"],
            "TRUST_DOMAIN_MISMATCH",
        ),
        (&["--profile", "svid"], "OK"),
        (&["--profile", "tls"], "OK"),
        (&["--dns", "server.example"], "OK"),
        (&["--dns", "other.example"], "SAN_MISMATCH"),
        (&["--ip", "10.0.0.1"], "OK"),
        (&["--ip", "10.0.0.2"], "SAN_MISMATCH"),
        (&["--role", "server"], "OK"),
        (&["--role", "client"], "OK"),
        (&["--at", "+2h"], "CERT_EXPIRED"),
        (&["--at", "-2h"], "CERT_NOT_YET_VALID"),
    ] {
        let done = desk.verify("leaf.pem", "roots.pem", flags);
        let judgement = &done.values()[0];
        assert_eq!(judgement["code"], code, "{flags:?}: {}", done.out);
        assert_eq!(judgement["schema"], "mtls-probe/judgement/v1");
        assert_eq!(judgement["chain"][0]["uris"][0], ID);
        assert_eq!(done.code(), i32::from(code != "OK"), "{flags:?}");
        assert_eq!(done.err, "");
        let table = desk.verify(
            "leaf.pem",
            "roots.pem",
            &[flags, &["--format", "table"]].concat(),
        );
        assert!(table.out.starts_with(&format!("{code}  ")), "{}", table.out);
        assert_eq!(table.code(), done.code());
    }
}

#[test]
fn a_bundle_counts_for_its_own_trust_domain_alone() {
    let desk = Desk::new();
    let roots = desk.path("roots.pem");
    for (bundle, code) in [
        (format!("cluster.local={roots}"), "OK"),
        (format!("spiffe://cluster.local={roots}"), "OK"),
        (format!("other.example={roots}"), "UNKNOWN_CA"),
        (desk.path("stranger.pem"), "UNKNOWN_CA"),
        (desk.path("map.json"), "OK"),
        (format!("cluster.local={}", desk.path("map.json")), "OK"),
        (
            format!("other.example={}", desk.path("map.json")),
            "UNKNOWN_CA",
        ),
    ] {
        let chain = desk.path("leaf.pem");
        let done = probe(&["verify", "--chain", &chain, "--bundle", &bundle], &[]);
        let judgement = &done.values()[0];
        assert_eq!(judgement["code"], code, "{bundle}: {}", done.out);
        assert_eq!(judgement["id"], ID, "{bundle}");
    }
    let two = [
        format!("cluster.local={roots}"),
        format!("other.example={}", desk.path("stranger.pem")),
    ];
    let done = desk.verify("leaf.pem", &two[0], &["--bundle", &two[1]]);
    assert_eq!(done.code(), 0, "{}{}", done.out, done.err);
}

#[test]
fn a_chain_may_be_der() {
    let desk = Desk::new();
    let done = desk.verify("leaf.der", "roots.pem", &[]);
    assert_eq!(done.values()[0]["code"], "OK", "{}", done.err);
}

#[test]
fn a_leaf_that_is_no_svid_may_still_be_good_for_tls() {
    let desk = Desk::new();
    for (flags, code) in [
        (&[][..], "INVALID_SVID"),
        (&["--dns", "server.example"], "OK"),
        (&["--profile", "tls"], "OK"),
        (
            &["--profile", "tls", "--role", "client"],
            "CERT_UNSUPPORTED",
        ),
    ] {
        let done = desk.verify("dns.pem", "roots.pem", flags);
        let judgement = &done.values()[0];
        assert_eq!(judgement["code"], code, "{flags:?}: {}", done.out);
    }
}

#[test]
fn what_cannot_be_used_is_named_with_the_way_out() {
    let desk = Desk::new();
    let roots = desk.path("roots.pem");
    let tagged = format!("cluster.local={roots}");
    let of_third = format!("third.example={}", desk.path("map.json"));
    for (chain, bundle, flags, words) in [
        (
            "missing.pem",
            "roots.pem",
            vec![],
            "missing.pem does not exist",
        ),
        ("", "roots.pem", vec![], "is a folder; name the file in it"),
        ("empty.pem", "roots.pem", vec![], "empty.pem is empty"),
        (
            "leaf.key",
            "roots.pem",
            vec![],
            "holds no certificate (only PRIVATE KEY)",
        ),
        (
            "cut.der",
            "roots.pem",
            vec![],
            "certificate 1, at byte 0, is cut short",
        ),
        (
            "leaf.pem",
            &of_third,
            vec![],
            "is a map of bundles that has none of third.example; it has cluster.local, other.example",
        ),
        (
            "leaf.pem",
            "map.json",
            vec!["--bundle", &tagged],
            "two for trust domain cluster.local",
        ),
        (
            "text.pem",
            "roots.pem",
            vec![],
            "holds no certificate (no PEM block at all)",
        ),
        ("broken.pem", "roots.pem", vec![], "is broken PEM"),
        (
            "leaf.pem",
            "missing.pem",
            vec![],
            "missing.pem does not exist",
        ),
        ("leaf.pem", "empty.pem", vec![], "empty.pem is empty"),
        (
            "leaf.pem",
            "key-in-bundle.pem",
            vec![],
            "a trust bundle is public",
        ),
        ("leaf.pem", "leaf.key", vec![], "a trust bundle is public"),
        (
            "leaf.pem",
            "bundle.json",
            vec![],
            "is JSON that is no SPIFFE bundle: line 1, column 12",
        ),
        (
            "leaf.pem",
            "roots.pem",
            vec!["--bundle", &roots],
            "two without a trust domain",
        ),
        (
            "leaf.pem",
            &tagged,
            vec!["--bundle", &tagged],
            "two for trust domain cluster.local",
        ),
        (
            "leaf.pem",
            "roots.pem",
            vec!["--crl", &roots],
            "holds no revocation list (only CERTIFICATE)",
        ),
        (
            "leaf.pem",
            "roots.pem",
            vec!["--id", "sa/server"],
            "--id \"sa/server\"",
        ),
        (
            "leaf.pem",
            "roots.pem",
            vec!["--id", ID, "--dns", "a"],
            "cannot be used with",
        ),
        (
            "leaf.pem",
            "roots.pem",
            vec!["--id", ID, "--profile", "tls"],
            "go with --profile svid",
        ),
        (
            "leaf.pem",
            "roots.pem",
            vec!["--dns", "a", "--profile", "svid"],
            "go with --profile tls",
        ),
        ("leaf.pem", "UPPER=x", vec![], "the trust domain"),
        (
            "leaf.pem",
            "roots.pem",
            vec!["--at", "soon"],
            "or an offset such as +12h",
        ),
    ] {
        let done = desk.verify(chain, bundle, &flags);
        assert_eq!(done.code(), 2, "{chain} {bundle} {flags:?}: {}", done.out);
        assert_eq!(done.out, "", "{chain} {bundle} {flags:?}");
        assert!(done.err.contains(words), "no {words:?} in {}", done.err);
    }
    let done = probe(&["verify", "--chain", &desk.path("leaf.pem")], &[]);
    assert_eq!(done.code(), 2);
    assert!(done.err.contains("--bundle"), "{}", done.err);
}

/// Files to judge.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let ca = Ca::new("mesh");
        let key = KeyPair::generate().unwrap();
        let leaf = |names: Vec<SanType>, purposes: &[ExtendedKeyUsagePurpose]| {
            let now = time::OffsetDateTime::from_unix_timestamp(mtls_probe::run::now().as_second());
            let (now, hour) = (now.unwrap(), time::Duration::hours(1));
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::ExplicitNoCa;
            params.not_before = now - hour;
            params.not_after = now + hour;
            params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = purposes.to_vec();
            params.subject_alt_names = names;
            params.signed_by(&key, &ca.issuer).unwrap()
        };
        let dns = SanType::DnsName("server.example".try_into().unwrap());
        let ip = SanType::IpAddress([10, 0, 0, 1].into());
        let uri = SanType::URI(ID.try_into().unwrap());
        let both = [
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let good = leaf(vec![uri, dns.clone(), ip], &both);
        let pem = good.pem();
        write("leaf.pem", pem.as_bytes());
        write("leaf.der", good.der());
        write("cut.der", good.der().split_last().unwrap().1);
        write("leaf.key", key.serialize_pem().as_bytes());
        write("dns.pem", leaf(vec![dns], &both[..1]).pem().as_bytes());
        let stranger = Ca::new("stranger");
        let map = json!({"trust_domains": {
            "cluster.local": jwks(&ca.pem),
            "other.example": jwks(&stranger.pem),
        }});
        write("map.json", map.to_string().as_bytes());
        write("roots.pem", ca.pem.as_bytes());
        write("stranger.pem", stranger.pem.as_bytes());
        write(
            "key-in-bundle.pem",
            (ca.pem + &key.serialize_pem()).as_bytes(),
        );
        write("empty.pem", b"");
        write("text.pem", b"not a certificate\n");
        write("broken.pem", pem.replace("-----END", "").as_bytes());
        write("bundle.json", b"{\"keys\": [ }");
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Names of files of the desk, or what stands for itself.
    fn verify(&self, chain: &str, bundle: &str, flags: &[&str]) -> Done {
        let is_whole = bundle.contains('=') || Path::new(bundle).is_absolute();
        let bundle = if is_whole {
            bundle.to_owned()
        } else {
            self.path(bundle)
        };
        probe(
            &["verify", "--chain", &self.path(chain), "--bundle", &bundle],
            flags,
        )
    }
}

/// A SPIFFE bundle of one root.
fn jwks(pem: &str) -> Value {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let x5c: String = lines.collect();
    json!({ "keys": [{ "use": "x509-svid", "kty": "EC", "x5c": [x5c] }] })
}
