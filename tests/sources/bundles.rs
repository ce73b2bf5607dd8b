//! Trust anchors in every form, and what is wrong with those that are none.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jiff::Timestamp;
use mtls_probe::certificate::{Bundles, Trust, TrustDomain};
use mtls_probe::identity::{Authority, Flaw, files};
use mtls_probe::suite::Whose;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::standins::pem;

#[test]
fn one_bundle_is_the_same_in_every_form() {
    let desk = Desk::new();
    let (one, other) = (desk.root("one"), desk.root("other"));
    let pem = [pem(&one), pem(&other)].concat();
    let bundle = json!({
        "keys": [svid_key(&one), { "use": "jwt-svid", "kty": "EC", "kid": "a" }, svid_key(&other)],
        "spiffe_sequence": 7,
        "spiffe_refresh_hint": 300,
    });
    for (form, bytes) in [
        ("PEM", pem.clone().into_bytes()),
        (
            "PEM with text",
            format!("0 roots of the mesh\n{pem}").into_bytes(),
        ),
        ("PEM of Windows", pem.replace('\n', "\r\n").into_bytes()),
        ("DER", [one.clone(), other.clone()].concat()),
        ("JSON", bundle.to_string().into_bytes()),
        (
            "JSON of Windows",
            format!("\u{feff}\r\n{bundle}\r\n").into_bytes(),
        ),
    ] {
        let path = desk.write("bundle", &bytes);
        let bundle = files::load_bundle(&path).expect(form);
        let held: Vec<_> = bundle
            .anchors()
            .iter()
            .map(|one| one.der.to_vec())
            .collect();
        assert_eq!(held, [one.clone(), other.clone()], "{form}");
        let bundles = files::load_bundles(&path).expect(form);
        let all: Vec<_> = bundles
            .iter()
            .map(|(domain, held)| (domain.cloned(), held.anchors().len()))
            .collect();
        assert_eq!(all, [(None, 2)], "{form}: nothing says whose it is");
    }
}

#[test]
fn a_map_keeps_the_roots_of_each_trust_domain_apart() {
    let desk = Desk::new();
    let (one, other) = (desk.root("one"), desk.root("other"));
    let map = json!({ "trust_domains": {
        "cluster.local": { "keys": [svid_key(&one)], "spiffe_sequence": 1 },
        "spiffe://other.example": { "keys": [svid_key(&other)] },
        "revoked.example": { "keys": [] },
    } });
    let path = desk.write("map.json", map.to_string().as_bytes());
    let bundles = files::load_bundles(&path).unwrap();
    for (name, root) in [
        ("cluster.local", Some(&one)),
        ("other.example", Some(&other)),
        ("revoked.example", None),
    ] {
        let held: Vec<_> = ders(&bundles, name).unwrap();
        assert_eq!(
            held,
            root.cloned().into_iter().collect::<Vec<_>>(),
            "{name}"
        );
    }
    assert_eq!(
        ders(&bundles, "third.example"),
        None,
        "nothing stands for whoever is not named"
    );
    assert!(bundles.for_name().is_none());

    let said = files::load_bundle(&path).unwrap_err().to_string();
    let words = "is a map of bundles (of cluster.local, revoked.example, other.example), and one bundle is expected";
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_map_that_is_given_for_whichever_trust_domain_still_tells_them_apart() {
    let desk = Desk::new();
    let (one, other) = (desk.root("one"), desk.root("other"));
    let map = json!({ "trust_domains": {
        "cluster.local": { "keys": [svid_key(&one)] },
        "other.example": { "keys": [svid_key(&other)] },
    } });
    let held = |name, text: String| {
        let bundles = files::load_bundles(&desk.write(name, text.as_bytes()));
        Trust::from(bundles.unwrap())
    };
    let (map, plain) = (
        held("map.json", map.to_string()),
        held("roots.pem", pem(&one)),
    );
    let domain = |name: &str| Whose::Domain(name.parse().unwrap());
    for (whose, held, want, misses) in [
        (Whose::Any, &map, [Some(&one), Some(&other), None], None),
        (Whose::Each, &map, [Some(&one), Some(&other), None], None),
        (
            domain("other.example"),
            &map,
            [None, Some(&other), None],
            None,
        ),
        (
            domain("third.example"),
            &map,
            [None; 3],
            Some("holds no bundle of this trust domain; it has cluster.local, other.example"),
        ),
        (Whose::Any, &plain, [Some(&one); 3], None),
        (
            domain("cluster.local"),
            &plain,
            [Some(&one), None, None],
            None,
        ),
        (
            Whose::Each,
            &plain,
            [None; 3],
            Some("names no trust domain; write the name of its trust domain instead of \"*\""),
        ),
    ] {
        let mut trust = Trust::default();
        whose.admit(&mut trust, held);
        let found = ["cluster.local", "other.example", "third.example"]
            .map(|name| ders(&trust.bundles, name).and_then(|ders| ders.first().cloned()));
        assert_eq!(found, want.map(Option::<&Vec<u8>>::cloned), "{whose:?}");
        assert_eq!(whose.misses(held).as_deref(), misses, "{whose:?}");
    }
}

#[test]
fn what_is_not_for_x509_is_left_aside_as_the_standard_asks() {
    let desk = Desk::new();
    let (one, other) = (desk.root("one"), desk.root("other"));
    let good = svid_key(&one);
    for (what, strange) in [
        (
            "no use",
            json!({ "kty": "EC", "x5c": [STANDARD.encode(&other)] }),
        ),
        (
            "no kty",
            json!({ "use": "x509-svid", "x5c": [STANDARD.encode(&other)] }),
        ),
        ("no x5c", json!({ "use": "x509-svid", "kty": "EC" })),
        (
            "for signatures",
            json!({ "use": "sig", "kty": "EC", "x5c": ["!"] }),
        ),
        (
            "of a time to come",
            json!({ "use": "wit-svid", "kty": "EC", "new": { "use": 1 } }),
        ),
    ] {
        let text = json!({ "keys": [strange, good] }).to_string();
        let bundle = files::load_bundle(&desk.write("bundle.json", text.as_bytes())).expect(what);
        assert_eq!(bundle.anchors().len(), 1, "{what}");
        assert_eq!(bundle.anchors()[0].der.as_ref(), one, "{what}");
    }
    // Of several certificates in one entry the first counts.
    let text = json!({ "keys": [{ "use": "x509-svid", "kty": "EC", "x5c": [STANDARD.encode(&one), "other"] }] });
    let bundle =
        files::load_bundle(&desk.write("bundle.json", text.to_string().as_bytes())).unwrap();
    assert_eq!(bundle.anchors().len(), 1);
}

#[test]
fn a_bundle_without_keys_trusts_nobody_and_an_empty_file_is_a_mistake() {
    let desk = Desk::new();
    for text in [
        r#"{"keys": []}"#,
        r#"{"keys": [{"use": "jwt-svid", "kty": "EC", "kid": "a"}]}"#,
    ] {
        let bundle = files::load_bundle(&desk.write("bundle.json", text.as_bytes())).expect(text);
        assert!(bundle.anchors().is_empty(), "{text}");
    }
    for text in ["", "\n\n", "\u{feff}"] {
        let error = files::load_bundle(&desk.write("bundle", text.as_bytes())).unwrap_err();
        assert_eq!(error.flaw, Flaw::EmptyBundle, "{text:?}");
        assert!(error.to_string().ends_with(r#"{"keys": []}"#), "{error}");
    }
}

#[test]
fn a_bundle_that_cannot_be_used_says_where_and_why() {
    let desk = Desk::new();
    let root = desk.root("one");
    let x5c = STANDARD.encode(&root);
    let with_x5c = |x5c: Value| {
        json!({ "keys": [{ "use": "x509-svid", "kty": "EC", "x5c": x5c }] }).to_string()
    };
    let twice = |first: &str, second: &str| {
        format!(
            "{{\n  \"trust_domains\": {{\n    \"{first}\": {{\"keys\": []}},\n    \"{second}\": {{\"keys\": []}} }} }}"
        )
    };
    let cut = root[..root.len() - 1].to_vec();
    let broken = [&[0x30, 0x81, 3][..], &[5, 0, 0]].concat();
    for (bytes, words) in [
        (
            b"{\n  \"keys\": [,]\n}".to_vec(),
            "line 2, column 12: expected value",
        ),
        (
            b"{\"keys\": [".to_vec(),
            "line 1, column 10: EOF while parsing a list",
        ),
        (
            b"{\"keys\": []} more".to_vec(),
            "line 1, column 14: trailing characters",
        ),
        (
            b"{\"keys\": [], \"keys\": []}".to_vec(),
            "line 1, column 19: duplicate field `keys`",
        ),
        (
            b"{\"keys\": {}}".to_vec(),
            "invalid type: map, expected a sequence",
        ),
        (
            b"{\"keys\": [], \"spiffe_sequence\": -1}".to_vec(),
            "invalid value: integer `-1`, expected u64",
        ),
        (
            b"{\"keys\": [], \"spiffe_refresh_hint\": \"5m\"}".to_vec(),
            "expected u64",
        ),
        (b"{\"spiffe_sequence\": 1}".to_vec(), "it has no \"keys\""),
        (b"{\"keys\": null}".to_vec(), "it has no \"keys\""),
        (
            b"{\"keys\": [], \"trust_domains\": {}}".to_vec(),
            "both \"keys\" and \"trust_domains\"",
        ),
        (
            b"{\"trust_domains\": {\"a\": {}}}".to_vec(),
            "trust domain a: it has no \"keys\"",
        ),
        (
            b"{\"trust_domains\": {\"A\": {\"keys\": []}}}".to_vec(),
            "column 22: trust domain \"A\" has 'A' in its trust domain",
        ),
        (
            twice("a.b", "a.b").into_bytes(),
            "line 4, column 9: trust domain a.b stands there twice",
        ),
        (
            twice("a.b", "spiffe://a.b").into_bytes(),
            "trust domain a.b stands there twice",
        ),
        (with_x5c(json!([])).into_bytes(), "key 1 has an empty x5c"),
        (
            with_x5c(json!(["%"])).into_bytes(),
            "key 1 has an x5c that is no base64",
        ),
        (
            with_x5c(json!([URL_SAFE.encode([0xff; 6])])).into_bytes(),
            "key 1 has an x5c that is no base64",
        ),
        (
            with_x5c(json!([STANDARD.encode("text")])).into_bytes(),
            "key 1 has an x5c that is no certificate in DER",
        ),
        (
            with_x5c(json!([STANDARD.encode([&root[..], &root].concat())])).into_bytes(),
            "key 1 has 2 certificates in one element",
        ),
        (
            with_x5c(json!([STANDARD.encode([0x30, 2, 5, 0])])).into_bytes(),
            "the certificate of key 1 ",
        ),
        (with_x5c(json!(x5c)).into_bytes(), "expected a sequence"),
        (
            br#"{"keys": [{"kty": "RSA", "use": "sig", "n": "AQ"}]}"#.to_vec(),
            "none of its 1 keys is for SPIFFE",
        ),
        (
            br#"{"keys": [{"kty": "EC", "d": "c2VjcmV0"}]}"#.to_vec(),
            "key 1 is a private key",
        ),
        (
            br#"{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}"#.to_vec(),
            "key 1 is a private key",
        ),
        (
            [root.clone(), cut].concat(),
            "is broken DER: certificate 2, at byte ",
        ),
        (
            [root.clone(), b"\n".to_vec()].concat(),
            "is broken DER: certificate 2, at byte ",
        ),
        (
            [root.clone(), broken].concat(),
            "holds a broken certificate: number 2 ",
        ),
        (
            fs::read("testdata/identity/key.der").unwrap(),
            "holds a private key",
        ),
        (
            fs::read("testdata/identity/both.p12").unwrap(),
            "is PKCS#12; take the certificates out of it: openssl pkcs12",
        ),
        (
            b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02".to_vec(),
            "is PKCS#7; take the certificates out of it: openssl pkcs7",
        ),
        (
            fs::read("testdata/identity/both.pem").unwrap(),
            "holds a private key",
        ),
        (
            b"nothing of the kind".to_vec(),
            "holds no certificate (no PEM block at all)",
        ),
    ] {
        let path = desk.write("bundle", &bytes);
        let said = files::load_bundles(&path).expect_err(words).to_string();
        assert!(said.contains(words), "{said}\nlacks {words}");
        assert!(said.starts_with(&path.display().to_string()), "{said}");
        assert!(!said.contains("c2VjcmV0"), "{said}");
        assert!(said.len() < 500, "{said}");
    }
}

#[test]
fn a_long_text_at_the_wrong_place_is_not_printed_in_full() {
    let desk = Desk::new();
    let text = json!({ "keys": "é".repeat(5000) }).to_string();
    let said = files::load_bundle(&desk.write("bundle.json", text.as_bytes()))
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("é…é") && said.len() < 500 && said.ends_with("ééé\", expected a sequence"),
        "{said}"
    );
}

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    fn root(&self, name: &str) -> Vec<u8> {
        let now: Timestamp = "2026-08-01T12:00:00Z".parse().unwrap();
        Authority::throwaway(name, now)
            .unwrap()
            .root()
            .unwrap()
            .to_vec()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn svid_key(der: &[u8]) -> Value {
    json!({ "use": "x509-svid", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "x5c": [STANDARD.encode(der)] })
}

pub(crate) fn ders(bundles: &Bundles, domain: &str) -> Option<Vec<Vec<u8>>> {
    let domain: TrustDomain = domain.parse().unwrap();
    let bundle = bundles.for_domain(&domain)?;
    Some(
        bundle
            .anchors()
            .iter()
            .map(|anchor| anchor.der.to_vec())
            .collect(),
    )
}
