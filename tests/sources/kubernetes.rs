//! Secrets and ConfigMaps from a Kubernetes API.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use mtls_probe::certificate::{Bundles, TrustDomain};
use mtls_probe::identity::{
    Authority, BundleOrigin, Cluster, Entry, Fetched, IdentityError, Leaf, Minted, Origin, Secret,
    Step, Supplier, Supply, Walk, load, load_trust,
};
use mtls_probe::run::now;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::standins::kubernetes::{Kubernetes, Mood, SECRET_MARK};
use crate::standins::pem;

#[tokio::test]
async fn a_secret_holds_an_identity_and_its_roots() {
    let stage = Stage::set().await;
    let (supply, walk) = stage.fetch(&stage.alice).await;
    let supply = supply.unwrap();
    assert_eq!(supply.identity.name(), Some(ID));
    assert_eq!(supply.from, "Secret default/frontend-tls");
    assert_eq!(roots(&supply.trust.bundles, "cluster.local"), 1);
    let url = &stage.cluster.url;
    assert_eq!(
        walk.steps(),
        [
            (Step::Cluster, format!("context kind-alice, {url}")),
            (
                Step::Request,
                "Secret default/frontend-tls, 3 entries".to_owned()
            ),
            (
                Step::Identity,
                "the key belongs to the leaf, 1 root in \"ca.crt\"".to_owned()
            ),
        ]
    );
    assert_eq!(
        stage.cluster.audit(),
        ["alice get secrets default/frontend-tls 200"]
    );
}

#[tokio::test]
async fn a_client_certificate_does_as_well_as_a_token() {
    let stage = Stage::set().await;
    let carol = stage.cluster.user_with_certificate("carol", now());
    stage
        .cluster
        .state()
        .allow("carol", "get", "secrets", "default", "*");
    let (supply, walk) = stage.fetch(&carol).await;
    assert_eq!(supply.unwrap().identity.name(), Some(ID));
    assert!(walk.steps()[0].1.starts_with("context kind-carol, "));
}

#[tokio::test]
async fn a_secret_without_roots_is_fine() {
    let stage = Stage::set().await;
    let minted = stage.mint();
    let (chain, key) = (minted.chain_pem(), minted.key_pem());
    for rest in [None, Some(("ca.crt", "")), Some(("ca.crt", "\n"))] {
        let entries = [("tls.crt", chain.as_str()), ("tls.key", key.as_str())];
        let entries: Vec<_> = entries.into_iter().chain(rest).collect();
        stage
            .cluster
            .state()
            .secret("default", "frontend-tls", &entries);
        let supply = stage.fetch(&stage.alice).await.0.unwrap();
        assert_eq!(supply.trust.bundles.iter().count(), 0, "{rest:?}");
    }
}

#[tokio::test]
async fn the_roots_of_a_secret_are_those_of_the_leafs_trust_domain_alone() {
    let stage = Stage::set().await;
    let supply = stage.fetch(&stage.alice).await.0.unwrap();
    let other: TrustDomain = "other.example".parse().unwrap();
    assert!(supply.trust.bundles.for_domain(&other).is_none());
}

#[tokio::test]
async fn a_config_map_holds_trust_anchors_as_text_or_as_bytes() {
    let stage = Stage::set().await;
    let roots = [
        pem(stage.ca.root().unwrap()),
        pem(stage.old.root().unwrap()),
    ]
    .concat();
    {
        let mut state = stage.cluster.state();
        state.config_map(
            "default",
            "istio-ca-root-cert",
            &[("root-cert.pem", &roots)],
        );
        let key = ("default".to_owned(), "istio-ca-root-cert".to_owned());
        let bytes = [("binary.pem".to_owned(), roots.into_bytes())];
        state.binary.insert(key, bytes.into());
        state.allow(
            "alice",
            "get",
            "configmaps",
            "default",
            "istio-ca-root-cert",
        );
    }
    for name in ["root-cert.pem", "binary.pem"] {
        let entry = stage.entry("istio-ca-root-cert", name);
        let mut walk = Walk::default();
        let trust = load_trust(&BundleOrigin::ConfigMap(entry), &mut walk)
            .await
            .unwrap();
        assert_eq!(roots_of(&trust.bundles), 2, "{name}");
        assert_eq!(walk.steps().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_config_map_may_hold_a_map_of_bundles() {
    let stage = Stage::set().await;
    let key = |root: &Authority| {
        let der = STANDARD.encode(root.root().unwrap());
        json!({ "keys": [{ "use": "x509-svid", "kty": "EC", "x5c": [der] }] })
    };
    let map = json!({ "trust_domains": {
        "cluster.local": key(&stage.ca), "old.example": key(&stage.old),
    } });
    {
        let mut state = stage.cluster.state();
        state.config_map("default", "bundles", &[("map.json", &map.to_string())]);
        state.allow("alice", "get", "configmaps", "default", "*");
    }
    let origin = BundleOrigin::ConfigMap(stage.entry("bundles", "map.json"));
    let trust = load_trust(&origin, &mut Walk::default()).await.unwrap();
    assert_eq!(roots(&trust.bundles, "cluster.local"), 1);
    assert_eq!(roots(&trust.bundles, "old.example"), 1);
    assert_eq!(trust.bundles.iter().count(), 2);
}

#[tokio::test]
async fn the_root_of_istios_own_ca_is_taken_from_its_secret_without_the_key() {
    let stage = Stage::set().await;
    let root = pem(stage.ca.root().unwrap());
    let key = stage.mint().key_pem();
    let entries = [
        ("root-cert.pem", root.as_str()),
        ("ca-key.pem", key.as_str()),
    ];
    stage.cluster.state().secret("default", "cacerts", &entries);
    let of = |name| BundleOrigin::Secret(stage.entry("cacerts", name));
    let trust = load_trust(&of("root-cert.pem"), &mut Walk::default())
        .await
        .unwrap();
    assert_eq!(roots_of(&trust.bundles), 1);
    let error = load_trust(&of("ca-key.pem"), &mut Walk::default())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Secret default/cacerts cannot serve us (anchors): entry \"ca-key.pem\" holds a private key, and a trust bundle is \
         public; remove the key from it"
    );
}

#[tokio::test]
async fn a_missing_right_is_named_with_the_commands_that_grant_it() {
    let stage = Stage::set().await;
    let mallory = stage.cluster.user("mallory");
    let error = stage.fetch(&mallory).await.0.unwrap_err();
    assert_eq!(error.step(), Some(Step::Request));
    assert_eq!(
        error.to_string(),
        "Secret default/frontend-tls cannot serve us (request): mallory may not get secrets \
         \"frontend-tls\" in namespace default; grant it: kubectl create role \
         probe-get-secret-frontend-tls -n default --verb=get --resource=secrets \
         --resource-name=frontend-tls && kubectl create rolebinding \
         probe-get-secret-frontend-tls -n default --role=probe-get-secret-frontend-tls \
         --user=mallory"
    );
    let entry = Entry {
        cluster: mallory,
        ..stage.entry("roots", "root-cert.pem")
    };
    let error = load_trust(&BundleOrigin::ConfigMap(entry), &mut Walk::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.step(), Some(Step::Anchors));
    assert!(
        error
            .to_string()
            .contains("mallory may not get configmaps \"roots\""),
        "{error}"
    );
}

#[tokio::test]
async fn whatever_is_wrong_in_the_cluster_is_named_with_its_way_out() {
    let stage = Stage::set().await;
    let (minted, other) = (stage.mint(), stage.mint());
    let (chain, key) = (minted.chain_pem(), minted.key_pem());
    let foreign = other.key_pem();
    for (entries, step, words) in [
        (
            &[("cert.pem", chain.as_str()), ("password", SECRET_MARK)][..],
            Some(Step::Identity),
            "there is no entry \"tls.crt\" in it; it has \"cert.pem\", \"password\"; name the right \
             one with `chain` in the suite",
        ),
        (
            &[("tls.crt", &chain)],
            Some(Step::Identity),
            "there is no entry \"tls.key\" in it; it has \"tls.crt\"; name the right one with `key`",
        ),
        (
            &[],
            Some(Step::Identity),
            "there is no entry \"tls.crt\" in it; it is empty",
        ),
        (
            &[("tls.crt", &chain), ("tls.key", &foreign)],
            Some(Step::Identity),
            "Secret default/frontend-tls cannot serve us (identity): entry \"tls.key\" does not belong to the certificate of \
             \"spiffe://cluster.local/ns/default/sa/frontend\"",
        ),
        (
            &[("tls.crt", SECRET_MARK), ("tls.key", &key)],
            Some(Step::Identity),
            "Secret default/frontend-tls cannot serve us (identity): entry \"tls.crt\" holds no certificate",
        ),
        (
            &[("tls.crt", &chain), ("tls.key", &key), ("ca.crt", "what?")],
            Some(Step::Identity),
            "Secret default/frontend-tls cannot serve us (identity): entry \"ca.crt\" holds no certificate",
        ),
    ] {
        stage
            .cluster
            .state()
            .secret("default", "frontend-tls", entries);
        let error = stage.fetch(&stage.alice).await.0.unwrap_err();
        assert_eq!(error.step(), step, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        quiet(&error, &[&key, &foreign]);
    }
    stage.cluster.state().secrets.clear();
    let error = stage.fetch(&stage.alice).await.0.unwrap_err();
    assert_eq!(error.step(), Some(Step::Request));
    let words = "there is no Secret \"frontend-tls\" in namespace default; is it the right \
                 namespace, and is context kind-alice the right cluster's?";
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn whatever_the_api_does_instead_is_told_apart() {
    let stage = Stage::set().await;
    for (mood, step, words) in [
        (
            Mood::Fails(500, "etcdserver: leader changed"),
            Step::Request,
            "the API failed (500 Internal Server Error): etcdserver: leader changed",
        ),
        (
            Mood::Fails(418, ""),
            Step::Request,
            "(418 I'm a teapot): it does not say why",
        ),
        (
            Mood::Policy,
            Step::Request,
            "denied the request: not from here; no right is missing, a policy",
        ),
        (
            Mood::Busy(99),
            Step::Request,
            "too much to do (429), also when asked again",
        ),
        (
            Mood::Cut,
            Step::Request,
            "the answer of the API is cut short",
        ),
        (
            Mood::Drops,
            Step::Cluster,
            "closed the connection before it answered",
        ),
        (
            Mood::Closes,
            Step::Cluster,
            "closed the connection before it answered",
        ),
        (
            Mood::Html,
            Step::Request,
            "is not what Kubernetes answers; is it the API server of Kubernetes, and nothing in between?",
        ),
        (
            Mood::Huge,
            Step::Cluster,
            "answers with more than 4194304 bytes",
        ),
    ] {
        stage.cluster.state().mood = mood.clone();
        let error = stage.fetch(&stage.alice).await.0.expect_err(words);
        assert_eq!(error.step(), Some(step), "{error}");
        assert!(error.to_string().contains(words), "{mood:?}: {error}");
        quiet(&error, &[&stage.key]);
    }
    for mood in [
        Mood::Busy(2),
        Mood::Slow(Duration::from_millis(300)),
        Mood::Well,
    ] {
        stage.cluster.state().mood = mood.clone();
        let supply = stage.fetch(&stage.alice).await.0;
        assert!(supply.is_ok(), "{mood:?}");
    }
}

#[tokio::test]
async fn an_api_that_never_answers_is_left_after_ten_seconds() {
    let stage = Stage::set().await;
    stage.cluster.state().mood = Mood::Hangs;
    let begun = Instant::now();
    let error = stage.fetch(&stage.alice).await.0.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(12));
    assert!(
        error.to_string().contains("gave no answer within 10 s"),
        "{error}"
    );
    assert_eq!(error.step(), Some(Step::Cluster));
}

#[tokio::test]
async fn credentials_that_nobody_knows_any_more_are_named() {
    let stage = Stage::set().await;
    stage.fetch(&stage.alice).await.0.unwrap();
    stage.cluster.state().forget_tokens();
    let error = stage.fetch(&stage.alice).await.0.unwrap_err();
    let words = "the API does not know us (401 Unauthorized): what we show as context kind-alice is \
                 missing, has expired, was revoked, or is for another cluster; log in again, then \
                 check with `kubectl auth whoami --context \"kind-alice\"`";
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(error.step(), Some(Step::Request));
    // Whoever logs in again need not start us again.
    stage.cluster.user("alice");
    stage.fetch(&stage.alice).await.0.unwrap();
}

#[tokio::test]
async fn who_shows_nothing_is_not_told_to_give_rights_to_everybody() {
    let stage = Stage::set().await;
    let nobody = stage
        .cluster
        .kubeconfig("nobody", "{}", &stage.cluster.ca_data());
    let error = stage.fetch(&nobody).await.0.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not know us (system:anonymous)"),
        "{error}"
    );
    assert!(!error.to_string().contains("rolebinding"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_ours_gets_no_token() {
    let stage = Stage::set().await;
    let stranger = Kubernetes::start(now()).await;
    let forged = stage
        .cluster
        .kubeconfig("forged", "token: t", &stranger.ca_data());
    let error = stage.fetch(&forged).await.0.unwrap_err();
    let words = "is not of a CA that we were given for it; certificate-authority of the kubeconfig";
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(error.step(), Some(Step::Cluster));
    // With no CA in the kubeconfig, those of the system count.
    let trusting = stage.cluster.kubeconfig("trusting", "token: t", "");
    let error = stage.fetch(&trusting).await.0.unwrap_err();
    assert_eq!(error.step(), Some(Step::Cluster));
    assert!(stage.cluster.audit().is_empty());

    let renamed = Kubernetes::with_certificate(now(), |leaf| Leaf {
        dns: vec!["elsewhere.example".to_owned()],
        ..leaf
    });
    let expired = Kubernetes::with_certificate(now(), |leaf| Leaf {
        not_after: now() - HOUR,
        ..leaf
    });
    for (cluster, words) in [
        (
            renamed.await,
            "does not carry that name; take an address that it carries, or set `tls-server-name`",
        ),
        (
            expired.await,
            "has expired; renew it, and compare the clocks",
        ),
    ] {
        let error = stage.fetch(&cluster.user("alice")).await.0.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(cluster.audit().is_empty());
    }
}

#[tokio::test]
async fn where_nobody_listens_is_said() {
    let stage = Stage::set().await;
    let url = stage.cluster.url.clone();
    let text = fs::read_to_string(stage.alice.kubeconfig.as_ref().unwrap()).unwrap();
    for (other, words) in [
        (
            "https://localhost:1",
            "nobody listens at https://localhost:1",
        ),
        (
            "https://nowhere.invalid:6443",
            "the host of https://nowhere.invalid:6443 is not known to DNS",
        ),
    ] {
        let moved = stage.write("moved.yaml", &text.replace(&url, other));
        let error = stage.fetch(&moved).await.0.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.step(), Some(Step::Cluster));
    }
}

#[tokio::test]
async fn a_kubeconfig_that_will_not_do_is_named_with_its_way_out() {
    let stage = Stage::set().await;
    let good = fs::read_to_string(stage.alice.kubeconfig.as_ref().unwrap()).unwrap();
    let named = |context: &str| Cluster {
        context: Some(context.to_owned()),
        ..stage.alice.clone()
    };
    let file = |path: PathBuf| Cluster {
        kubeconfig: Some(path),
        context: None,
    };
    let denied = stage.write("denied.yaml", &good);
    fs::set_permissions(
        denied.kubeconfig.as_ref().unwrap(),
        fs::Permissions::from_mode(0o000),
    )
    .unwrap();
    let is_root = fs::read(denied.kubeconfig.as_ref().unwrap()).is_ok();
    let exec =
        "exec: { apiVersion: client.authentication.k8s.io/v1, command: COMMAND, args: [ARG] }";
    let with = |name: &str, command: &str, arg: &str| {
        let exec = exec.replace("COMMAND", command).replace("ARG", arg);
        stage
            .cluster
            .kubeconfig(name, &exec, &stage.cluster.ca_data())
    };
    let data = SECRET_MARK.repeat(20);
    let swapped = format!("client-certificate-data: YQ==\n    client-key: {data}");
    let swapped_token = format!("tokenFile: {data}");
    let broken = format!("users:\n- name: a\n  user: {{ token: {SECRET_MARK}\n- b");
    let wrong = format!("users:\n- name: a\n  user: {SECRET_MARK}\n");
    let mut table = vec![
        (
            file("/nowhere/config".into()),
            "/nowhere/config does not exist; name a kubeconfig that is there",
        ),
        (
            file("/".into()),
            "/ is a folder; name the kubeconfig file in it",
        ),
        (
            stage.write("broken.yaml", &broken),
            "is no kubeconfig in YAML, line 3 column",
        ),
        (
            stage.write("wrong.yaml", &wrong),
            "is no kubeconfig in YAML, line 3 column",
        ),
        (
            stage.write("empty.yaml", ""),
            "has no current context; name one with `context`: it has none",
        ),
        (
            stage.write("binary.yaml", "\u{0}\u{1}"),
            "is no kubeconfig in YAML",
        ),
        (
            named("prod"),
            "has no context \"prod\"; name one that it has: kind-alice, kind-staging",
        ),
        (
            stage.write(
                "base64.yaml",
                &good.replace("authority-data: ", "authority-data: _"),
            ),
            "certificate-authority-data of",
        ),
        (
            stage
                .cluster
                .kubeconfig("gone", "token: t", "    certificate-authority: gone.crt\n"),
            "No such file or directory",
        ),
        (
            stage.write(
                "proxy.yaml",
                &good.replace("    server:", "    proxy-url: ftp://p:1\n    server:"),
            ),
            "the proxy ftp://p cannot be used",
        ),
        (
            stage
                .cluster
                .kubeconfig("swapped", &swapped, &stage.cluster.ca_data()),
            "client-key of",
        ),
        (
            stage
                .cluster
                .kubeconfig("swapped-token", &swapped_token, &stage.cluster.ca_data()),
            "(data belongs under the name that ends in -data)",
        ),
        (
            with("absent", "no-such-command", ""),
            "the command that brings our credentials cannot be started",
        ),
        (
            with("failing", "sh", "-c, 'echo log in first >&2; exit 7'"),
            "the command that brings our credentials failed (exit status: 7): log in first",
        ),
        (
            with("talking", "sh", &format!("-c, 'echo {SECRET_MARK}'")),
            "the command that brings our credentials printed none",
        ),
    ];
    if !is_root {
        table.push((denied, "may not be read by this user; give read permission"));
    }
    for (cluster, words) in table {
        let error = stage.fetch(&cluster).await.0.expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.step(), Some(Step::Cluster), "{error}");
        quiet(&error, &[]);
    }
}

#[tokio::test]
async fn another_context_is_taken_by_its_name() {
    let stage = Stage::set().await;
    let staging = Cluster {
        context: Some("kind-staging".to_owned()),
        ..stage.alice.clone()
    };
    let (supply, walk) = stage.fetch(&staging).await;
    supply.unwrap();
    assert!(walk.steps()[0].1.starts_with("context kind-staging, "));
}

#[tokio::test]
async fn the_proxy_of_a_kubeconfig_is_in_between() {
    let stage = Stage::set().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let (sender, place) = oneshot::channel();
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut asked = vec![];
        while !asked.ends_with(b"\r\n\r\n") {
            near.read_buf(&mut asked).await.unwrap();
        }
        let asked = String::from_utf8(asked).unwrap();
        let place = asked.split(' ').nth(1).unwrap().to_owned();
        let mut far = TcpStream::connect(&place).await.unwrap();
        sender.send(place).unwrap();
        near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        drop(copy_bidirectional(&mut near, &mut far).await);
    });
    let text = fs::read_to_string(stage.alice.kubeconfig.as_ref().unwrap()).unwrap();
    let with_proxy = format!("    proxy-url: http://{proxy}\n    server:");
    let cluster = stage.write("via.yaml", &text.replace("    server:", &with_proxy));
    stage.fetch(&cluster).await.0.unwrap();
    let place = place.await.unwrap();
    assert_eq!(format!("https://{place}"), stage.cluster.url);
}

#[tokio::test]
async fn a_command_may_bring_the_credentials() {
    let stage = Stage::set().await;
    let credential = format!(
        "{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \
         \"status\": {{\"token\": \"alice-token-{SECRET_MARK}\"}}}}"
    );
    let file = stage.cluster.file("credential.json");
    fs::write(&file, credential).unwrap();
    let exec = format!(
        "exec: {{ apiVersion: client.authentication.k8s.io/v1, command: cat, args: [{}] }}",
        file.display()
    );
    let cluster = stage
        .cluster
        .kubeconfig("exec", &exec, &stage.cluster.ca_data());
    stage.fetch(&cluster).await.0.unwrap();
}

#[tokio::test]
async fn paths_of_a_kubeconfig_are_beside_it() {
    let stage = Stage::set().await;
    fs::write(stage.cluster.file("ca.crt"), stage.cluster.ca_pem()).unwrap();
    fs::write(
        stage.cluster.file("token"),
        format!("alice-token-{SECRET_MARK}"),
    )
    .unwrap();
    let ca = "    certificate-authority: ca.crt\n";
    let cluster = stage.cluster.kubeconfig("beside", "tokenFile: token", ca);
    stage.fetch(&cluster).await.0.unwrap();
}

#[tokio::test]
async fn a_name_that_would_lead_elsewhere_is_not_asked_for() {
    let stage = Stage::set().await;
    for name in ["../configmaps/roots", "frontend-tls?watch=true", "", "A"] {
        let secret = Secret {
            name: name.to_owned(),
            ..stage.secret(&stage.alice)
        };
        let error = fetch(secret).await.0.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("Kubernetes has no names such as these"),
            "{error}"
        );
    }
    assert!(stage.cluster.audit().is_empty());
}

#[tokio::test]
async fn a_secret_that_is_rotated_is_picked_up() {
    let stage = Stage::set().await;
    let origin = Origin::Fetched(Box::new(Fetched::Secret(stage.secret(&stage.alice))));
    let supplier = Supplier::open(&origin, now()).await.unwrap().unwrap();
    let first = supplier.current().await.unwrap();
    let next = stage.mint();
    stage.fill(&next);
    let until = Instant::now() + Duration::from_secs(8);
    loop {
        // At every moment there is one that can be used.
        let current = supplier.current().await.unwrap();
        if current.identity.chain() == next.chain() {
            break;
        }
        assert_eq!(current.identity.chain(), first.identity.chain());
        assert!(Instant::now() < until, "not seen in time");
        sleep(Duration::from_millis(50)).await;
    }
}

struct Stage {
    cluster: Kubernetes,
    alice: Cluster,
    ca: Authority,
    old: Authority,
    key: String,
}

impl Stage {
    /// alice may get every Secret in `default`, and one is there.
    async fn set() -> Self {
        let cluster = Kubernetes::start(now()).await;
        let alice = cluster.user("alice");
        cluster
            .state()
            .allow("alice", "get", "secrets", "default", "*");
        let mut stage = Self {
            cluster,
            alice,
            ca: Authority::throwaway("mesh", now()).unwrap(),
            old: Authority::throwaway("old mesh", now()).unwrap(),
            key: String::new(),
        };
        let minted = stage.mint();
        stage.fill(&minted);
        stage.key = minted.key_pem().to_string();
        stage
    }

    fn mint(&self) -> Minted {
        let leaf = Leaf::svid(&ID.parse().unwrap(), now() - HOUR, now() + HOUR);
        self.ca.issue(&leaf).unwrap()
    }

    fn fill(&self, minted: &Minted) {
        let (chain, key) = (minted.chain_pem(), minted.key_pem());
        let root = pem(self.ca.root().unwrap());
        let entries = [
            ("tls.crt", chain.as_str()),
            ("tls.key", key.as_str()),
            ("ca.crt", root.as_str()),
        ];
        self.cluster
            .state()
            .secret("default", "frontend-tls", &entries);
    }

    fn secret(&self, cluster: &Cluster) -> Secret {
        Secret {
            cluster: cluster.clone(),
            namespace: "default".to_owned(),
            name: "frontend-tls".to_owned(),
            chain: "tls.crt".to_owned(),
            key: "tls.key".to_owned(),
            bundle: "ca.crt".to_owned(),
        }
    }

    fn entry(&self, name: &str, key: &str) -> Entry {
        Entry {
            cluster: self.alice.clone(),
            namespace: "default".to_owned(),
            name: name.to_owned(),
            key: key.to_owned(),
        }
    }

    async fn fetch(&self, cluster: &Cluster) -> (Result<Supply, IdentityError>, Walk) {
        fetch(self.secret(cluster)).await
    }

    fn write(&self, name: &str, text: &str) -> Cluster {
        let path = self.cluster.file(name);
        fs::write(&path, text).unwrap();
        Cluster {
            kubeconfig: Some(path),
            context: None,
        }
    }
}

async fn fetch(secret: Secret) -> (Result<Supply, IdentityError>, Walk) {
    let origin = Origin::Fetched(Box::new(Fetched::Secret(secret)));
    let mut walk = Walk::default();
    let supply = load(&origin, now(), &mut walk).await;
    (supply.map(Option::unwrap), walk)
}

/// No secret in an error, however it is printed.
fn quiet(error: &IdentityError, keys: &[&str]) {
    let all = format!("{error} {error:?}");
    assert!(!all.contains(SECRET_MARK), "{all}");
    for key in keys {
        let body = key.lines().nth(1).unwrap();
        assert!(!all.contains(body), "{all}");
    }
}

fn roots(bundles: &Bundles, domain: &str) -> usize {
    let domain = domain.parse().unwrap();
    bundles.for_domain(&domain).unwrap().anchors().len()
}

fn roots_of(bundles: &Bundles) -> usize {
    bundles
        .iter()
        .map(|(_, bundle)| bundle.anchors().len())
        .sum()
}

const ID: &str = "spiffe://cluster.local/ns/default/sa/frontend";
const HOUR: SignedDuration = SignedDuration::from_hours(1);
