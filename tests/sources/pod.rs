//! In a pod: the test runs itself once more, where the files of a service account are, as the kubelet
//! mounts them.

use std::fs;
use std::io::Write;
use std::process::{Command, Output};

use mtls_probe::identity::{
    Cluster, Fetched, IdentityError, Origin, Secret, Step, Supply, Walk, load,
};
use mtls_probe::run::now;

use crate::standins::kubernetes::Kubernetes;

#[tokio::test]
async fn a_pod_asks_as_itself() {
    let cluster = Kubernetes::start(now()).await;
    let prober = "system:serviceaccount:probe:prober";
    let token = cluster.token_of(prober);
    cluster
        .state()
        .allow(prober, "get", "secrets", "default", "gone");
    let account = cluster.file("serviceaccount");
    fs::create_dir(&account).unwrap();
    for (name, text) in [
        ("token", token.as_str()),
        ("ca.crt", &cluster.ca_pem()),
        ("namespace", "probe"),
    ] {
        fs::write(account.join(name), text).unwrap();
    }
    let mount = "mount -t tmpfs pod \"$(readlink -f /var/run)\" && \
                 mkdir -p /var/run/secrets/kubernetes.io && \
                 cp -r \"$POD\" /var/run/secrets/kubernetes.io/serviceaccount && \
                 exec \"$0\" --ignored --exact pod::inside_a_pod --nocapture";
    let mut pod = alone("unshare");
    pod.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount])
        .arg(std::env::current_exe().unwrap())
        .env("POD", &account)
        .env("KUBERNETES_SERVICE_HOST", "localhost")
        .env(
            "KUBERNETES_SERVICE_PORT",
            cluster.url.rsplit(':').next().unwrap(),
        );
    if !may_unshare() {
        return skip("a pod of our own needs `unshare --user --mount`, and we may not");
    }
    let ended = tokio::task::spawn_blocking(move || pod.output().unwrap());
    let ended = ended.await.unwrap();
    assert_passed(&ended);
    let denied = format!("{prober} get secrets default/frontend-tls 403");
    let absent = format!("{prober} get secrets default/gone 404");
    assert_eq!(cluster.audit(), [denied, absent]);
}

#[tokio::test]
#[ignore = "another test runs it, in a pod"]
async fn inside_a_pod() {
    let (supply, _) = fetch(Cluster::default(), "frontend-tls").await;
    let error = supply.unwrap_err();
    let words = "system:serviceaccount:probe:prober may not get secrets \"frontend-tls\"";
    assert!(error.to_string().contains(words), "{error}");
    assert!(
        error
            .to_string()
            .ends_with(" --serviceaccount=probe:prober"),
        "{error}"
    );
    let (supply, walk) = fetch(Cluster::default(), "gone").await;
    let error = supply.unwrap_err();
    let words = "and is this pod's service account the right cluster's?";
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(walk.steps()[0].0, Step::Cluster);
    assert!(
        walk.steps()[0]
            .1
            .starts_with("this pod's service account, https://localhost:")
    );
    let named = Cluster {
        context: Some("prod".to_owned()),
        ..Cluster::default()
    };
    let error = fetch(named, "gone").await.0.unwrap_err();
    let words = "there is no kubeconfig, and context \"prod\" would be in one";
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn outside_of_a_pod_somebody_must_say_which_cluster() {
    let mut outside = alone(std::env::current_exe().unwrap());
    outside.args(["--ignored", "--exact", "pod::outside_a_pod", "--nocapture"]);
    let ended = outside.output().unwrap();
    assert_passed(&ended);
}

#[tokio::test]
#[ignore = "another test runs it, without an environment"]
async fn outside_a_pod() {
    let error = fetch(Cluster::default(), "frontend-tls")
        .await
        .0
        .unwrap_err();
    assert_eq!(error.step(), Some(Step::Cluster));
    let words = "there is no kubeconfig, and this is no pod; set KUBECONFIG, or `kubeconfig` in \
                 the suite, or run probe in a pod of the cluster";
    assert!(error.to_string().contains(words), "{error}");
}

async fn fetch(cluster: Cluster, name: &str) -> (Result<Supply, IdentityError>, Walk) {
    let origin = Origin::Fetched(Box::new(Fetched::Secret(Secret {
        cluster,
        namespace: "default".to_owned(),
        name: name.to_owned(),
        chain: "tls.crt".to_owned(),
        key: "tls.key".to_owned(),
        bundle: "ca.crt".to_owned(),
    })));
    let mut walk = Walk::default();
    let supply = load(&origin, now(), &mut walk).await;
    (supply.map(Option::unwrap), walk)
}

/// With nobody's kubeconfig.
fn alone(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_remove("KUBECONFIG")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .env("HOME", "/nonexistent");
    command
}

fn assert_passed(ended: &Output) {
    let said = String::from_utf8_lossy(&ended.stdout);
    let trouble = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}{trouble}");
    assert!(said.contains("1 passed"), "{said}");
}

fn may_unshare() -> bool {
    let mut try_it = Command::new("unshare");
    try_it.args(["--user", "--map-root-user", "--mount", "true"]);
    try_it.output().is_ok_and(|ended| ended.status.success())
}

/// What is missing is missing loudly, and where nothing may be missing it is a failure.
pub(crate) fn skip(why: &str) {
    let words = format!("SKIPPED: {why}\n");
    assert!(std::env::var_os("CI").is_none(), "{words}");
    std::io::stderr().write_all(words.as_bytes()).unwrap();
}
