//! Identities from files and from nowhere: what is read, what is refused, and in which words.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_probe::certificate::{Facts, Purpose};
use mtls_probe::identity::mint::{Ca, Mint, Moment, mint};
use mtls_probe::identity::{
    Authority, Files, Flaw, Identity, Leaf, Origin, Supplier, Supply, Walk, files, load,
};

const ID: &str = "spiffe://cluster.local/ns/default/sa/frontend";

#[test]
fn every_usual_spelling_of_a_key_is_read() {
    for (chain, key) in [
        ("chain.pem", "key-pkcs8.pem"),
        ("chain.pem", "key-sec1.pem"),
        ("chain.pem", "key-sec1-with-parameters.pem"),
        ("chain-rsa.pem", "key-pkcs1.pem"),
        ("chain-ed25519.pem", "key-ed25519.pem"),
        ("both.pem", "both.pem"),
        ("chain-crlf-and-text.pem", "both.pem"),
    ] {
        let identity = files::load(&data(chain), &data(key)).expect(key);
        assert_eq!(identity.name(), Some(ID), "{key}");
        assert_eq!(identity.chain().len(), 1, "{key}");
    }
}

#[test]
fn each_mistake_in_a_file_is_named_with_its_way_out() {
    for (chain, key, at, words) in [
        (
            "chain.der",
            "key-pkcs8.pem",
            "chain.der",
            "is DER, and PEM is expected; convert it: openssl x509 -inform DER",
        ),
        (
            "chain.pem",
            "key.der",
            "key.der",
            "is DER, and PEM is expected; convert it: (umask 077; openssl pkey -inform DER",
        ),
        (
            "both.p12",
            "both.p12",
            "both.p12",
            "openssl pkcs12 -in FILE",
        ),
        (
            "key-pkcs8.pem",
            "key-pkcs8.pem",
            "key-pkcs8.pem",
            "holds no certificate (only PRIVATE KEY)",
        ),
        (
            "chain.pem",
            "chain.pem",
            "chain.pem",
            "holds no private key (only CERTIFICATE)",
        ),
        (
            "chain.pem",
            "make.sh",
            "make.sh",
            "\"-----BEGIN\" must stand at the begin of its line",
        ),
        ("empty.pem", "key-pkcs8.pem", "empty.pem", "is empty"),
        ("chain.pem", "empty.pem", "empty.pem", "is empty"),
        (
            "bundle-json.pem",
            "key-pkcs8.pem",
            "bundle-json.pem",
            "is JSON",
        ),
        (
            "chain.pem",
            "key-encrypted-pkcs8.pem",
            "key-encrypted-pkcs8.pem",
            "openssl pkey -in FILE",
        ),
        (
            "chain.pem",
            "key-encrypted-sec1.pem",
            "key-encrypted-sec1.pem",
            "is an encrypted key",
        ),
        (
            "chain.pem",
            "key-several.pem",
            "key-several.pem",
            "holds 2 private keys",
        ),
        (
            "chain.pem",
            "key-of-another.pem",
            "key-of-another.pem",
            "does not belong to the certificate of \"spiffe://cluster.local/ns/default/sa/frontend\"",
        ),
        (
            "chain-wrong-order.pem",
            "key-pkcs8.pem",
            "chain-wrong-order.pem",
            "belongs to certificate 2",
        ),
        (
            "chain-rsa1024.pem",
            "key-rsa1024.pem",
            "key-rsa1024.pem",
            "cannot be used for TLS",
        ),
        (
            "chain.pem",
            "key-x25519.pem",
            "key-x25519.pem",
            "cannot be used for TLS",
        ),
        (
            "chain-garbage.pem",
            "key-pkcs8.pem",
            "chain-garbage.pem",
            "holds a broken certificate: number 1",
        ),
        (
            "chain-cut.pem",
            "key-pkcs8.pem",
            "chain-cut.pem",
            "\"-----END CERTIFICATE-----\" is missing",
        ),
        (
            "chain-indented.pem",
            "key-pkcs8.pem",
            "chain-indented.pem",
            "must stand at the begin",
        ),
        (
            "chain-not-base64.pem",
            "key-pkcs8.pem",
            "chain-not-base64.pem",
            "not base64",
        ),
        (
            "absent.pem",
            "key-pkcs8.pem",
            "absent.pem",
            "does not exist",
        ),
        ("chain.pem", "", "", "is a folder"),
        (
            "chain.pem/key",
            "key-pkcs8.pem",
            "chain.pem/key",
            "does not exist",
        ),
    ] {
        let error = files::load(&data(chain), &data(key)).expect_err(words);
        let said = error.to_string();
        let path = data(at).display().to_string();
        assert!(said.starts_with(&format!("{path} ")), "{said}");
        assert!(said.contains(words), "{said}\nlacks {words}");
        assert!(!said.contains("-----BEGIN EC"), "{said}");
    }
}

#[test]
fn a_file_of_another_kind_and_size_is_refused_before_it_fills_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let big = folder.path().join("big.pem");
    fs::File::create(&big).unwrap().set_len(1 << 40).unwrap();
    let error = files::load(&big, &big).unwrap_err();
    assert_eq!(error.flaw, Flaw::TooBig(1 << 20));
}

#[test]
fn random_bytes_never_panic() {
    let chain = fs::read(data("both.pem")).unwrap();
    for cut in 0..chain.len() {
        let mut bytes = chain.clone();
        bytes.truncate(cut);
        let _ = Identity::from_pem(&bytes, &bytes);
        let mut bytes = chain.clone();
        if let Some(byte) = bytes.get_mut(cut) {
            *byte ^= 0x15;
        }
        let _ = Identity::from_pem(&bytes, &bytes);
        let _ = Authority::from_pem(&bytes, &bytes);
    }
    let der = fs::read(data("chain.der")).unwrap();
    for cut in 0..der.len() {
        let _ = Identity::from_pem(&der[..cut], &der[cut..]);
        let mut bytes = der.clone();
        bytes[cut] ^= 0x81;
        let _ = Authority::like(&bytes.into(), now());
    }
}

#[test]
fn a_debug_print_shows_no_key() {
    let identity = files::load(&data("chain.pem"), &data("key-pkcs8.pem")).unwrap();
    assert_eq!(
        format!("{identity:?}"),
        format!("Identity {{ name: Some({ID:?}), .. }}")
    );
}

#[test]
fn a_bundle_holds_certificates_and_no_key() {
    assert_eq!(
        files::load_bundle(&data("root.pem"))
            .unwrap()
            .anchors()
            .len(),
        1
    );
    assert_eq!(
        files::load_bundle(&data("chain.pem"))
            .unwrap()
            .anchors()
            .len(),
        1
    );
    for (file, want) in [
        ("both.pem", Flaw::KeyInBundle),
        ("key-encrypted-pkcs8.pem", Flaw::KeyInBundle),
        ("empty.pem", Flaw::EmptyBundle),
        ("crl.pem", Flaw::NoCertificate(vec!["X509 CRL".to_owned()])),
    ] {
        assert_eq!(
            files::load_bundle(&data(file)).unwrap_err().flaw,
            want,
            "{file}"
        );
    }
}

#[test]
fn a_revocation_list_is_read_as_pem_and_as_der() {
    for file in ["crl.pem", "crl.der"] {
        assert_eq!(files::load_crls(&data(file)).expect(file).len(), 1);
    }
    for (file, words) in [
        (
            "crl-version-1.pem",
            "openssl ca writes that version where `crlnumber` is set",
        ),
        ("chain.der", "number 1 cannot be read as X.509 version 2"),
        ("chain.pem", "holds no revocation list (only CERTIFICATE)"),
        ("empty.pem", "is empty"),
    ] {
        let said = files::load_crls(&data(file)).expect_err(words).to_string();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_minted_identity_says_what_was_asked() {
    let minted = mint(&frontend(Ca::Throwaway), now()).unwrap();
    let leaf = minted.leaf();
    assert_eq!(leaf.uris, [ID]);
    assert_eq!(leaf.san_critical, Some(true));
    assert!(!leaf.is_ca);
    assert_eq!(leaf.not_before, now() - SignedDuration::from_hours(1));
    assert_eq!(leaf.not_after, now() + SignedDuration::from_hours(1));
    let usage = leaf.key_usage.unwrap();
    assert!(usage.critical && usage.digital_signature && !usage.key_cert_sign && !usage.crl_sign);
    let both = [Purpose::ServerAuth, Purpose::ClientAuth];
    assert_eq!(leaf.extended_key_usage.as_deref(), Some(&both[..]));
    assert_eq!(minted.chain().len(), 2, "a throw-away root goes along");

    let again = mint(&frontend(Ca::Throwaway), now()).unwrap();
    assert_ne!(again.leaf().serial, leaf.serial);
}

#[test]
fn every_flaw_that_can_be_asked_for_is_there() {
    let mut what = frontend(Ca::Throwaway);
    what.id = None;
    what.extra_uris = vec!["spiffe://a/b".into(), "urn:two".into()];
    what.dns = vec!["api.example".into()];
    what.is_ca = true;
    what.extended_key_usage = vec![
        Purpose::ServerAuth,
        Purpose::Other("1.3.6.1.5.5.7.3.9".into()),
    ];
    let leaf = mint(&what, now()).unwrap().leaf().clone();
    assert_eq!(leaf.uris, ["spiffe://a/b", "urn:two"]);
    assert_eq!(leaf.dns, ["api.example"]);
    assert!(leaf.is_ca);
    assert!(
        !leaf
            .extended_key_usage
            .unwrap()
            .contains(&Purpose::ClientAuth)
    );

    what.extra_uris.clear();
    what.dns.clear();
    what.extended_key_usage.clear();
    let leaf = mint(&what, now()).unwrap().leaf().clone();
    assert_eq!((leaf.san_critical, leaf.extended_key_usage), (None, None));
}

#[test]
fn what_no_certificate_can_carry_is_an_error() {
    for (spoil, words) in [
        (
            (|what| what.extra_uris = vec!["spiffe://\u{fc}/x".into()]) as fn(&mut Mint),
            "only ASCII",
        ),
        (
            |what| what.dns = vec!["b\u{fc}cher.example".into()],
            "only ASCII",
        ),
        (
            |what| what.extended_key_usage = vec![Purpose::Other("9.9".into())],
            "write an OID",
        ),
        (
            |what| what.extended_key_usage = vec![Purpose::Other("1".into())],
            "write an OID",
        ),
        (
            |what| what.extended_key_usage = vec![Purpose::Other(String::new())],
            "write an OID",
        ),
        (
            |what| what.not_before = Moment::At(Timestamp::MIN),
            "the years 1 to 9999",
        ),
    ] {
        let mut what = frontend(Ca::Throwaway);
        spoil(&mut what);
        let said = mint(&what, now()).expect_err(words).to_string();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_chain_ends_below_the_root_and_the_intermediates_can_be_left_out() {
    let root = Authority::throwaway("root", now()).unwrap();
    let middle = root.intermediate("middle", now()).unwrap();
    let lower = middle.intermediate("lower", now()).unwrap();
    let mut leaf = Leaf::svid(&ID.parse().unwrap(), now(), now());
    let names = |chain: &[_]| -> Vec<String> {
        let facts = chain
            .iter()
            .map(|der: &rustls_pki_types::CertificateDer<'_>| Facts::parse(der));
        facts.map(|facts| facts.unwrap().subject).collect()
    };
    let sent = lower.issue(&leaf).unwrap();
    assert_eq!(names(sent.chain()), ["", "CN=lower", "CN=middle"]);
    leaf.alone = true;
    assert_eq!(names(lower.issue(&leaf).unwrap().chain()), [""]);
}

#[test]
fn a_minted_chain_verifies_against_its_root_and_against_no_likeness_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = Authority::throwaway("root", now()).unwrap();
    let middle = root.intermediate("middle", now()).unwrap();
    let leaf = Leaf::svid(&ID.parse().unwrap(), now() - HOUR, now() + HOUR);
    let minted = middle.issue(&leaf).unwrap().identity().unwrap();
    let anchor = root.root().unwrap();
    assert_eq!(verify(minted.chain(), anchor), Ok(()));

    // By a likeness of the root, and of the intermediate: the names fit, the signatures do not.
    for like in [anchor, &middle.chain()[0]] {
        let path = folder.path().join("like.pem");
        write_pem(&path, "CERTIFICATE", like);
        let other = mint(&frontend(Ca::Like(path)), now()).unwrap();
        let last = Facts::parse(other.chain().last().unwrap()).unwrap();
        assert_eq!(last.issuer, "CN=root");
        assert_eq!(
            verify(other.chain(), anchor),
            Err(webpki::Error::InvalidSignatureForPublicKey)
        );
    }
}

#[test]
fn a_given_ca_signs_with_its_own_name_to_the_byte() {
    // Repeated attributes, such as DC=corp, DC=example, are where names get lost.
    let root =
        Facts::parse(&files::load_bundle(&data("root.pem")).unwrap().anchors()[0].der).unwrap();
    let like = mint(&frontend(Ca::Like(data("root.pem"))), now()).unwrap();
    assert_eq!(like.leaf().issuer_der, root.subject_der);
    assert!(root.issuer.matches("DC=").count() == 2, "{}", root.issuer);
}

#[test]
fn a_ca_from_files_must_be_a_ca_with_its_key() {
    for (chain, key, words) in [
        (
            "chain.pem",
            "key-pkcs8.pem",
            "chain.pem is not a CA certificate",
        ),
        (
            "root.pem",
            "key-pkcs8.pem",
            "key-pkcs8.pem does not belong to the certificate of",
        ),
        (
            "chain-wrong-order.pem",
            "key-pkcs8.pem",
            "chain-wrong-order.pem stands in the wrong order",
        ),
    ] {
        let ca = Ca::Files {
            chain: data(chain),
            key: data(key),
        };
        let said = mint(&frontend(ca), now()).expect_err(words).to_string();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_ca_written_to_files_signs_like_the_ca_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let root = Authority::throwaway("root", now()).unwrap();
    let mut leaf = Leaf::svid(&ID.parse().unwrap(), now() - HOUR, now() + HOUR);
    leaf.common_name = Some("sub".into());
    leaf.is_ca = true;
    let sub = root.issue(&leaf).unwrap();
    let (chain, key) = (folder.path().join("ca.pem"), folder.path().join("ca.key"));
    fs::write(&chain, sub.chain_pem()).unwrap();
    fs::write(&key, sub.key_pem().as_bytes()).unwrap();
    let minted = mint(&frontend(Ca::Files { chain, key }), now()).unwrap();
    assert_eq!(minted.chain().len(), 2);
    assert_eq!(verify(minted.chain(), root.root().unwrap()), Ok(()));
}

#[test]
fn a_revoked_certificate_is_on_the_list_and_another_is_not() {
    let root = Authority::throwaway("root", now()).unwrap();
    let leaf = Leaf::svid(&ID.parse().unwrap(), now() - HOUR, now() + HOUR);
    let (bad, good) = (root.issue(&leaf).unwrap(), root.issue(&leaf).unwrap());
    let crl = root.revoke(&[&bad], now()).unwrap();
    let crl: webpki::CertRevocationList<'_> = webpki::BorrowedCertRevocationList::from_der(&crl)
        .unwrap()
        .to_owned()
        .unwrap()
        .into();
    let crls = [&crl];
    let check = |chain: &[_]| {
        let options = webpki::RevocationOptionsBuilder::new(&crls)
            .unwrap()
            .build();
        verify_with(chain, root.root().unwrap(), Some(options))
    };
    assert_eq!(check(bad.chain()), Err(webpki::Error::CertRevoked));
    assert_eq!(check(good.chain()), Ok(()));
}

#[tokio::test]
async fn the_pseudo_sources_have_no_identity() {
    let mut walk = Walk::default();
    for pseudo in [Origin::NoCertificate, Origin::Plaintext, Origin::Sidecar] {
        assert!(load(&pseudo, now(), &mut walk).await.unwrap().is_none());
    }
    let origin = Origin::Mint(frontend(Ca::Throwaway));
    let supply = load(&origin, now(), &mut walk).await.unwrap().unwrap();
    assert_eq!(supply.identity.name(), Some(ID));
}

#[tokio::test]
async fn renewed_files_are_seen_and_half_renewed_ones_are_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("c.pem"), folder.path().join("c.key"));
    let root = Authority::throwaway("root", now()).unwrap();
    let leaf = Leaf::svid(&ID.parse().unwrap(), now(), now());
    let [first, second, third] = [(); 3].map(|()| root.issue(&leaf).unwrap());
    replace(&chain, first.chain_pem().as_bytes());
    replace(&key, first.key_pem().as_bytes());
    let files = Files::Named {
        chain: chain.clone(),
        key: key.clone(),
    };
    let held = Supplier::open(&Origin::Files(files), now()).await;
    let held = held.unwrap().unwrap();
    let serial = |supply: &Supply| supply.identity.leaf().serial.clone();
    let at_first = held.current().await.unwrap();

    // The writer has got half way when we look, and finishes a little later.
    replace(&chain, second.chain_pem().as_bytes());
    let (after, ()) = tokio::join!(held.current(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        replace(&key, second.key_pem().as_bytes());
    });
    let after = after.unwrap();
    assert_ne!(serial(&after), serial(&at_first));

    // It never finishes: that is told.
    replace(&key, third.key_pem().as_bytes());
    let stuck = held.current().await.unwrap_err();
    assert!(matches!(stuck.flaw, Flaw::KeyMismatch(_)));

    replace(&chain, third.chain_pem().as_bytes());
    let last = held.current().await.unwrap();
    assert_ne!(serial(&last), serial(&after));
}

// Set-up.

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn data(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/identity");
    if name.is_empty() {
        folder
    } else {
        folder.join(name)
    }
}

fn frontend(ca: Ca) -> Mint {
    Mint {
        id: Some(ID.parse().unwrap()),
        extra_uris: vec![],
        dns: vec![],
        ca,
        not_before: Moment::After(-HOUR),
        not_after: Moment::After(HOUR),
        extended_key_usage: vec![Purpose::ServerAuth, Purpose::ClientAuth],
        is_ca: false,
        omit_intermediates: false,
    }
}

/// As writers do: a new file takes the name of the old one.
fn replace(path: &Path, bytes: &[u8]) {
    let next = path.with_extension("next");
    fs::write(&next, bytes).unwrap();
    fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&next, path).unwrap();
}

fn write_pem(path: &Path, label: &str, der: &[u8]) {
    fs::write(path, pem::encode(&pem::Pem::new(label, der))).unwrap();
}

type Chain<'a> = &'a [rustls_pki_types::CertificateDer<'static>];

fn verify(
    chain: Chain<'_>,
    root: &rustls_pki_types::CertificateDer<'_>,
) -> Result<(), webpki::Error> {
    verify_with(chain, root, None)
}

fn verify_with(
    chain: Chain<'_>,
    root: &rustls_pki_types::CertificateDer<'_>,
    revocation: Option<webpki::RevocationOptions<'_>>,
) -> Result<(), webpki::Error> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let at = Duration::from_secs(now().as_second().try_into().unwrap());
    let (leaf, rest) = chain.split_first().unwrap();
    webpki::EndEntityCert::try_from(leaf)?
        .verify_for_usage(
            provider.signature_verification_algorithms.all,
            &[webpki::anchor_from_trusted_cert(root)?],
            rest,
            rustls_pki_types::UnixTime::since_unix_epoch(at),
            webpki::KeyUsage::client_auth(),
            revocation,
            None,
        )
        .map(|_| ())
}
