//! Folders with an identity, in every layout that is known, and while they are rotated.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_probe::certificate::{Expected, Judgement, Question, Role, SpiffeId, judge};
use mtls_probe::identity::{
    Authority, Files, IdentityError, Leaf, Minted, Origin, Step, Supplier, Supply, Walk, load,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, SanType};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::bundles::ders;
use crate::standins::pem;

const ID: &str = "spiffe://cluster.local/ns/default/sa/frontend";

#[tokio::test]
async fn each_layout_is_recognised_and_named_by_files_and_path() {
    for (place, names, title) in [
        ("shared", ISTIO, "Istio"),
        (
            "workload-spiffe-credentials",
            ISTIO,
            "Istio (workload-spiffe-credentials)",
        ),
        ("etc/certs", ISTIO, "Istio (legacy /etc/certs)"),
        ("shared", GKE, "Istio on GKE"),
        ("shared", TLS, "cert-manager or a TLS Secret"),
        ("var/run/secrets/spiffe.io", TLS, "csi-driver-spiffe"),
        ("shared", HELPER, "spiffe-helper"),
        ("shared", SPIRE, "spire-server x509 mint"),
    ] {
        let desk = Desk::new();
        let folder = desk.folder(place);
        let set = Set::new();
        for (name, bytes) in set.files(names) {
            fs::write(folder.join(name), bytes).unwrap();
        }
        let (supply, walk) = load_folder(&folder).await;
        let supply = supply.expect(title);
        assert_eq!(supply.identity.name(), Some(ID));
        assert_eq!(
            supply.from,
            format!("folder {}, layout of {title}", folder.display())
        );
        let [chain, key, root] = names;
        assert_eq!(
            walk.steps(),
            [
                (
                    Step::Find,
                    format!("layout of {title}: {chain}, {key}, {root}")
                ),
                (
                    Step::Identity,
                    "the key belongs to the leaf; 1 trust anchor of cluster.local".to_owned()
                ),
            ]
        );
        assert_eq!(roots(&supply, "cluster.local"), Some(vec![set.root()]));
        assert_eq!(
            roots(&supply, "other.example"),
            None,
            "it stands for nobody else"
        );
        let judgement = judged(&supply);
        assert!(judgement.is_ok(), "{title}: {judgement:?}");
    }
}

#[tokio::test]
async fn a_tls_secret_may_come_without_a_root() {
    for root in [None, Some("")] {
        let desk = Desk::new();
        let folder = desk.folder("tls");
        desk.write(&folder, TLS);
        fs::remove_file(folder.join("ca.crt")).unwrap();
        if let Some(text) = root {
            fs::write(folder.join("ca.crt"), text).unwrap();
        }
        let (supply, walk) = load_folder(&folder).await;
        assert_eq!(supply.unwrap().trust.bundles.iter().count(), 0, "{root:?}");
        assert_eq!(walk.steps()[1].1, "the key belongs to the leaf");
    }
}

#[tokio::test]
async fn a_chain_that_ends_in_its_root_is_fine() {
    let desk = Desk::new();
    let folder = desk.folder("istio");
    let mut set = Set::new();
    set.authority = set
        .authority
        .intermediate("istiod", now())
        .unwrap()
        .sending_root();
    set.minted = issue(&set.authority, ID);
    assert_eq!(set.minted.chain().len(), 3);
    for (name, bytes) in set.files(ISTIO) {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let supply = load_folder(&folder).await.0.unwrap();
    assert_eq!(
        supply.identity.chain().len(),
        3,
        "it is presented as it stands in the file"
    );
}

#[tokio::test]
async fn roots_count_for_the_trust_domain_they_are_of_and_never_for_another() {
    let federated = root_named("spiffe://other.example");
    let own = root_named("spiffe://cluster.local");
    let linkerd = "frontend.default.serviceaccount.identity.linkerd.cluster.local";
    for (leaf, foreign, said, domains) in [
        (
            named(&[ID], &[]),
            &federated,
            "1 trust anchor of cluster.local, 1 trust anchor of other.example",
            &["cluster.local", "other.example"][..],
        ),
        (
            named(&[ID], &["a.example"]),
            &own,
            "2 trust anchors of cluster.local",
            &["cluster.local"],
        ),
        (
            named(&[], &[linkerd]),
            &own,
            "2 trust anchors of cluster.local",
            &["cluster.local"],
        ),
        (
            named(&[], &["frontend.example"]),
            &own,
            "are left aside",
            &[],
        ),
        (named(&[], &[]), &own, "are left aside", &[]),
        (
            named(&[ID, "spiffe://other.example/b"], &[]),
            &own,
            "are left aside",
            &[],
        ),
    ] {
        let desk = Desk::new();
        let folder = desk.folder("helper");
        let mut set = Set::new();
        set.minted = set.authority.issue(&leaf).unwrap();
        for (name, bytes) in set.files(HELPER) {
            fs::write(folder.join(name), bytes).unwrap();
        }
        let bundle = folder.join("svid_bundle.pem");
        let both = fs::read_to_string(&bundle).unwrap() + foreign;
        fs::write(bundle, both).unwrap();
        let (supply, walk) = load_folder(&folder).await;
        let supply = supply.unwrap();
        let found = supply
            .trust
            .bundles
            .iter()
            .map(|(domain, _)| domain.unwrap().as_str());
        assert_eq!(found.collect::<Vec<_>>(), domains, "{leaf:?}");
        assert!(
            walk.steps()[1].1.ends_with(said) || walk.steps()[1].1.contains(said),
            "{walk:?}"
        );
    }
}

#[tokio::test]
async fn an_intermediate_among_the_roots_is_told() {
    let desk = Desk::new();
    let folder = desk.folder("helper");
    let mut set = Set::new();
    set.authority = set.authority.intermediate("spire", now()).unwrap();
    set.minted = issue(&set.authority, ID);
    for (name, bytes) in set.files(HELPER) {
        fs::write(folder.join(name), bytes).unwrap();
    }
    // As `add_intermediates_to_bundle` does it.
    let chain = set.minted.chain_pem();
    let (leaf, intermediates) = chain.split_at(chain.find("END CERTIFICATE-----\n").unwrap() + 21);
    let bundle = folder.join("svid_bundle.pem");
    let both = intermediates.to_owned() + &fs::read_to_string(&bundle).unwrap();
    fs::write(folder.join("svid.pem"), leaf).unwrap();
    fs::write(bundle, both).unwrap();
    let (supply, walk) = load_folder(&folder).await;
    assert_eq!(supply.unwrap().identity.chain().len(), 1);
    assert!(
        walk.steps()[1]
            .1
            .ends_with("2 trust anchors of cluster.local (1 no root)"),
        "{walk:?}"
    );
}

#[tokio::test]
async fn a_folder_without_an_identity_says_what_is_amiss_and_the_way_out() {
    let nothing: &[&str] = &[];
    let mut failures = JoinSet::new();
    for (place, names, words) in [
        (
            "certs",
            nothing,
            &["the folder is empty", "is the right volume mounted?"][..],
        ),
        (
            "workload-spiffe-credentials",
            nothing,
            &[
                "the folder is empty",
                "so it is in every injected pod",
                "OUTPUT_CERTS",
                "`istio_ca`",
            ],
        ),
        (
            "certs",
            &["..data", "..2026_11_21"],
            &["the folder is empty"],
        ),
        (
            "var/run/linkerd/identity/end-entity",
            &["key.p8", "csr.der"],
            &[
                "keeps the certificate in its memory alone",
                "take source `linkerd`",
            ],
        ),
        ("certs", &["key.p8", "csr.der"], &["take source `linkerd`"]),
        (
            "workload-spiffe-uds",
            &["socket"],
            &["a Unix socket and no files", "`workload_api", "`istio_ca`"],
        ),
        (
            "certs",
            &["key.pem", "cert-chain.pem"],
            &[
                "it holds cert-chain.pem and key.pem, but the layout of Istio lacks root-cert.pem;",
                "{ chain: …, key: … }",
            ],
        ),
        (
            "certs",
            &["key.pem"],
            &[
                "the layout of Istio lacks cert-chain.pem and root-cert.pem, and the layout of spire-server x509 mint lacks svid.pem and bundle.pem",
            ],
        ),
        (
            "certs",
            &["tls.key"],
            &["the layout of cert-manager or a TLS Secret lacks tls.crt"],
        ),
        (
            "istio",
            &["root-cert.pem"],
            &[
                "it holds trust anchors (root-cert.pem) and no identity",
                "belong under `bundles`: { file: ",
                "istio/root-cert.pem }",
            ],
        ),
        (
            "certs",
            &["ca.crt"],
            &["it holds trust anchors (ca.crt) and no identity"],
        ),
        (
            "certs",
            &[
                "svid.pem",
                "svid_key.pem",
                "svid_bundle.pem",
                "key.pem",
                "bundle.pem",
            ],
            &[
                "its files fit the layout of spiffe-helper (svid.pem, svid_key.pem, svid_bundle.pem) and that of spire-server x509 mint",
                "name those that are meant",
            ],
        ),
        (
            "certs",
            &[
                "a.pem",
                "b.pem",
                "c.pem",
                "d.pem",
                "e.pem",
                "\u{1b}[2J",
                "g.pem",
            ],
            &[
                "no layout that is known, but \"\\u{1b}[2J\", \"a.pem\"",
                "and 2 more",
                "tls.crt + tls.key",
                "name the files",
            ],
        ),
    ] {
        let desk = Desk::new();
        let folder = desk.folder(place);
        for name in names {
            fs::write(folder.join(name), "").unwrap();
        }
        failures.spawn(async move {
            let _desk = desk;
            let said = failure(&folder).await;
            let begin = format!("{} cannot serve us (find): ", folder.display());
            assert!(said.starts_with(&begin), "{said}");
            for words in words {
                assert!(said.contains(words), "{said}\nlacks {words}");
            }
        });
    }
    failures.join_all().await;
}

#[tokio::test]
async fn a_path_that_is_no_folder_says_so() {
    let mut failures = JoinSet::new();
    let desk = Desk::new();
    let file = desk.folder("x").join("chain.pem");
    fs::write(&file, "").unwrap();
    let dangling = desk.path("dangling");
    symlink("nowhere", &dangling).unwrap();
    let half = desk.folder("half");
    desk.write(&half, ISTIO);
    fs::remove_file(half.join("cert-chain.pem")).unwrap();
    symlink("..data/cert-chain.pem", half.join("cert-chain.pem")).unwrap();
    for (path, words) in [
        (
            desk.path("missing"),
            "the folder does not exist; is the path right, and the volume mounted",
        ),
        (
            desk.path("missing/etc/certs"),
            "the folder does not exist; a default installation of Istio has none",
        ),
        (file.join("below"), "the folder does not exist"),
        (
            desk.path("var/run/linkerd/identity/end-entity"),
            "take source `linkerd`",
        ),
        (
            file,
            "it is a file, and a folder is expected; name it together with its key",
        ),
        (dangling, "it is a link that leads nowhere"),
        (
            half,
            "the layout of Istio lacks cert-chain.pem (a link that leads nowhere)",
        ),
    ] {
        failures.spawn(async move {
            let said = failure(&path).await;
            assert!(said.contains(words), "{said}\nlacks {words}");
        });
    }
    failures.join_all().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_file_of_a_layout_names_the_file() {
    let mut failures = JoinSet::new();
    for (name, bytes, words) in [
        ("key.pem", "", "key.pem is empty"),
        ("key.pem", "x", "key.pem holds no private key"),
        ("cert-chain.pem", "x", "cert-chain.pem holds no certificate"),
        (
            "root-cert.pem",
            "",
            "root-cert.pem is empty; a bundle that trusts nobody on purpose",
        ),
        ("root-cert.pem", "x", "root-cert.pem holds no certificate"),
    ] {
        let desk = Desk::new();
        let folder = desk.folder("certs");
        desk.write(&folder, ISTIO);
        fs::write(folder.join(name), bytes).unwrap();
        failures.spawn(async move {
            let _desk = desk;
            let said = failure(&folder).await;
            assert!(said.starts_with(&folder.display().to_string()), "{said}");
            assert!(said.contains(words), "{said}\nlacks {words}");
        });
    }
    failures.join_all().await;
    let desk = Desk::new();
    let folder = desk.folder("certs");
    desk.write(&folder, ISTIO);
    fs::write(
        folder.join("key.pem"),
        Set::new().minted.key_pem().as_bytes(),
    )
    .unwrap();
    let said = failure(&folder).await;
    assert!(
        said.contains(&format!(
            "key.pem does not belong to the certificate of \"{ID}\""
        )),
        "{said}"
    );
}

/// Another user than the one who may read everything, or owns it, has to look: root can become one.
#[test]
#[ignore = "needs root"]
fn a_folder_or_a_file_without_the_right_to_read_it_is_named() {
    let desk = Desk::new();
    let of_name = |name: &str, file: Option<&str>, mode| {
        let folder = desk.folder(name);
        desk.write(&folder, ISTIO);
        let path = file.map_or(folder.clone(), |file| folder.join(file));
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        folder
    };
    fs::set_permissions(desk.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    // The test itself may lie where nobody else may look.
    let program = desk.path("this-test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for (folder, words) in [
        (
            of_name("closed", None, 0o700),
            "(find): this user may not enter it; give the user that runs probe the right",
        ),
        (
            of_name("listed", None, 0o744),
            "(find): this user may not enter it",
        ),
        (of_name("unlisted", None, 0o711), "OK"),
        (
            of_name("key", Some("key.pem"), 0o600),
            "key.pem may not be read by this user; give read permission",
        ),
    ] {
        let mut child = Command::new(&program);
        child.args([
            "--exact",
            "--ignored",
            "--nocapture",
            "files::loads_the_folder_that_it_is_told",
        ]);
        child
            .env(FOLDER, &folder)
            .current_dir("/")
            .uid(65534)
            .gid(65534);
        let done = child.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(said.contains(words), "{said}\nlacks {words}");
    }
}

#[tokio::test]
#[ignore = "started by another test, as another user"]
async fn loads_the_folder_that_it_is_told() {
    // Nothing is to be done where all ignored tests are run.
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let origin = Origin::Files(Files::Folder(folder.into()));
    match load(&origin, now(), &mut Walk::default()).await {
        Ok(_) => println!("OK"),
        Err(error) => println!("{error}"),
    }
}

#[tokio::test]
async fn a_rotation_file_by_file_never_shows() {
    for names in [ISTIO, TLS, HELPER] {
        rotated(names, |folder, set, names| {
            for (name, bytes) in set.files(names) {
                let next = folder.join(format!(".{name}.tmp"));
                fs::write(&next, bytes).unwrap();
                fs::rename(next, folder.join(name)).unwrap();
                thread::sleep(Duration::from_millis(3));
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_rotation_in_place_never_shows() {
    rotated(ISTIO, |folder, set, names| {
        for (name, bytes) in set.files(names) {
            fs::write(folder.join(name), &bytes[..100]).unwrap();
            thread::sleep(Duration::from_millis(1));
            fs::write(folder.join(name), bytes).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_rotation_by_the_link_of_kubernetes_never_shows_and_is_never_of_two_minds() {
    for names in [GKE, TLS] {
        let supplies = rotated(names, swap).await;
        for supply in supplies {
            let root = roots(&supply, "cluster.local").unwrap().remove(0);
            let issuer = &supply.identity.leaf().issuer;
            assert_eq!(issuer, "CN=root", "{issuer}");
            let judgement = judged(&supply);
            assert!(
                judgement.is_ok(),
                "the root {} is of another rotation: {judgement:?}",
                root.len()
            );
        }
    }
}

#[tokio::test]
async fn one_look_at_files_waits_for_the_writer() {
    let desk = Desk::new();
    let folder = desk.folder("certs");
    desk.write(&folder, ISTIO);
    let set = Set::new();
    let files = set.files(ISTIO);
    fs::write(folder.join(files[0].0), &files[0].1).unwrap();
    let (loaded, ()) = tokio::join!(load_folder(&folder), async {
        tokio::time::sleep(Duration::from_millis(40)).await;
        fs::write(folder.join(files[1].0), &files[1].1).unwrap();
    });
    assert_eq!(serial(&loaded.0.unwrap()), set.serial());
}

/// Of the same size and at the same moment, as far as the file system tells: a second look finds it.
#[tokio::test]
async fn what_is_written_within_one_tick_of_the_clock_is_found_and_the_same_stays_the_same() {
    let desk = Desk::new();
    let folder = desk.folder("certs");
    desk.write(&folder, ISTIO);
    let supplier = Supplier::open(&Origin::Files(Files::Folder(folder.clone())), now()).await;
    let supplier = supplier.unwrap().unwrap();
    for _ in 0..10 {
        let set = Set::new();
        for (name, bytes) in set.files(ISTIO) {
            fs::write(folder.join(name), bytes).unwrap();
        }
        supplier.current().await.unwrap();
        desk.write(&folder, ISTIO);
        let last = fs::read_to_string(folder.join("cert-chain.pem")).unwrap();
        supplier.current().await.unwrap();
        tokio::time::sleep(Duration::from_millis(60)).await;
        let found = supplier.current().await.unwrap();
        let held = pem::parse(last).unwrap();
        assert_eq!(found.identity.chain()[0].as_ref(), held.contents());
        assert!(Arc::ptr_eq(&found, &supplier.current().await.unwrap()));
    }
    // Nothing has changed: nobody is told that it has.
    let before = supplier.current().await.unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(Arc::ptr_eq(&before, &supplier.current().await.unwrap()));
}

#[tokio::test]
async fn what_is_broken_for_good_costs_no_time_at_each_look() {
    let desk = Desk::new();
    let folder = desk.folder("certs");
    desk.write(&folder, ISTIO);
    let supplier = Supplier::open(&Origin::Files(Files::Folder(folder.clone())), now()).await;
    let supplier = supplier.unwrap().unwrap();
    fs::write(folder.join("key.pem"), "").unwrap();
    let first = supplier.current().await.unwrap_err();
    let begun = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(supplier.current().await.unwrap_err(), first);
    }
    assert!(
        begun.elapsed() < Duration::from_millis(250),
        "{:?}",
        begun.elapsed()
    );
    desk.write(&folder, ISTIO);
    supplier.current().await.unwrap();
}

/// Rotates a folder again and again while somebody looks at it in a tight loop: every look finds an
/// identity, and the last one the last. What was seen.
async fn rotated(
    names: [&'static str; 3],
    rotate: impl Fn(&Path, &Set, [&'static str; 3]) + Send + 'static,
) -> Vec<Supply> {
    let desk = Desk::new();
    let folder = desk.folder("certs");
    let sets: Vec<Set> = (0..15).map(|_| Set::new()).collect();
    let last = sets.last().unwrap().serial();
    rotate(&folder, &sets[0], names);
    let supplier = Supplier::open(&Origin::Files(Files::Folder(folder.clone())), now()).await;
    let supplier = supplier.unwrap().unwrap();
    let writer = thread::spawn(move || {
        for set in &sets[1..] {
            thread::sleep(Duration::from_millis(8));
            rotate(&folder, set, names);
        }
    });
    let mut seen: Vec<Supply> = vec![];
    let mut looks = 0;
    loop {
        let over = writer.is_finished();
        let supply = supplier.current().await;
        let supply = supply.unwrap_or_else(|error| panic!("look {looks}: {error}"));
        looks += 1;
        if seen
            .last()
            .is_none_or(|known| serial(known) != serial(&supply))
        {
            seen.push((*supply).clone());
        }
        if over {
            break;
        }
    }
    writer.join().unwrap();
    assert_eq!(serial(seen.last().unwrap()), last);
    assert!(seen.len() > 1, "{} of {looks} looks", seen.len());
    seen
}

/// A volume of Kubernetes: every name leads through `..data`, which is turned at once.
fn swap(folder: &Path, set: &Set, names: [&'static str; 3]) {
    let version = format!("..{}", set.serial());
    fs::create_dir(folder.join(&version)).unwrap();
    for (name, bytes) in set.files(names) {
        fs::write(folder.join(&version).join(name), bytes).unwrap();
        let link = folder.join(name);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    let data = folder.join("..data");
    let old = fs::read_link(&data).ok();
    symlink(&version, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), data).unwrap();
    if let Some(old) = old {
        fs::remove_dir_all(folder.join(old)).unwrap();
    }
}

/// An identity, and the CA it is of.
struct Set {
    authority: Authority,
    minted: Minted,
}

impl Set {
    fn new() -> Self {
        let authority = Authority::throwaway("root", now()).unwrap();
        let minted = issue(&authority, ID);
        Self { authority, minted }
    }

    /// Chain, key and root by these names.
    fn files(&self, names: [&'static str; 3]) -> [(&'static str, Vec<u8>); 3] {
        let root = pem(self.authority.root().unwrap());
        [
            (names[0], self.minted.chain_pem().into_bytes()),
            (names[1], self.minted.key_pem().as_bytes().to_vec()),
            (names[2], root.into_bytes()),
        ]
    }

    fn root(&self) -> Vec<u8> {
        self.authority.root().unwrap().to_vec()
    }

    fn serial(&self) -> String {
        let identity = self.minted.identity().unwrap();
        identity.leaf().serial.clone()
    }
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

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn write(&self, folder: &Path, names: [&'static str; 3]) {
        for (name, bytes) in Set::new().files(names) {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

async fn load_folder(folder: &Path) -> (Result<Supply, IdentityError>, Walk) {
    let mut walk = Walk::default();
    let origin = Origin::Files(Files::Folder(folder.to_owned()));
    let supply = load(&origin, now(), &mut walk).await;
    (supply.map(Option::unwrap), walk)
}

async fn failure(folder: &Path) -> String {
    let (supply, _) = load_folder(folder).await;
    supply.expect_err(&folder.display().to_string()).to_string()
}

fn issue(authority: &Authority, id: &str) -> Minted {
    authority.issue(&named(&[id], &[])).unwrap()
}

fn named(uris: &[&str], dns: &[&str]) -> Leaf {
    let hour = SignedDuration::from_hours(1);
    let id: SpiffeId = ID.parse().unwrap();
    Leaf {
        uris: uris.iter().map(|&uri| uri.to_owned()).collect(),
        dns: dns.iter().map(|&name| name.to_owned()).collect(),
        ..Leaf::svid(&id, now() - hour, now() + hour)
    }
}

/// A root that says whose it is, as SPIRE's do, in PEM.
fn root_named(uri: &str) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
}

fn serial(supply: &Supply) -> String {
    supply.identity.leaf().serial.clone()
}

fn roots(supply: &Supply, domain: &str) -> Option<Vec<Vec<u8>>> {
    ders(&supply.trust.bundles, domain)
}

/// By the roots that came along.
fn judged(supply: &Supply) -> Judgement {
    judge(&Question {
        chain: supply.identity.chain(),
        bundles: &supply.trust.bundles,
        role: Role::Client,
        expected: &Expected::AnySvid,
        at: now(),
        crls: &[],
        elsewhere: &[],
    })
}

fn now() -> Timestamp {
    "2026-08-01T12:00:00Z".parse().unwrap()
}

const FOLDER: &str = "FOLDER_TO_LOAD";
const ISTIO: [&str; 3] = ["cert-chain.pem", "key.pem", "root-cert.pem"];
const GKE: [&str; 3] = ["certificates.pem", "private_key.pem", "ca_certificates.pem"];
const TLS: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];
const HELPER: [&str; 3] = ["svid.pem", "svid_key.pem", "svid_bundle.pem"];
const SPIRE: [&str; 3] = ["svid.pem", "key.pem", "bundle.pem"];
