//! The manifests of `deploy/kubernetes` against the types of Kubernetes, offline: nothing in them is
//! misspelt, the suites in them are suites, the flags are flags, and every pod is as confined as it can be.

#![cfg(feature = "kubernetes")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail so"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, PersistentVolumeClaim, PodTemplateSpec, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use mtls_probe::cli;
use mtls_probe::plan::{Shard, plan};
use mtls_probe::suite::Suite;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[test]
fn every_manifest_is_what_kubernetes_knows() {
    let mut seen = BTreeSet::new();
    for file in files("yaml") {
        if is_suite(&file) || is_kustomization(&file) {
            continue;
        }
        for manifest in documents(&fs::read_to_string(&file).unwrap()) {
            let wrong = unknown(&manifest);
            assert_eq!(wrong, [""; 0], "{}", file.display());
            seen.insert(manifest["kind"].as_str().unwrap().to_owned());
        }
    }
    let kinds = [
        "CronJob",
        "Job",
        "Namespace",
        "NetworkPolicy",
        "Role",
        "RoleBinding",
    ];
    assert!(kinds.iter().all(|kind| seen.contains(*kind)), "{seen:?}");
}

#[test]
fn what_is_misspelt_is_found_wherever_it_stands() {
    let good = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "x" },
        "spec": { "schedule": "* * * * *", "jobTemplate": { "spec": { "template": { "spec": {
            "containers": [{ "name": "c", "resources": { "limits": { "memory": "1Mi" } } }],
        } } } } },
    });
    assert_eq!(unknown(&good), [""; 0]);
    for (path, key, found) in [
        ("", "specs", "/specs"),
        ("/metadata", "label", "/metadata/label"),
        ("/spec", "concurrencyPolicies", "/spec/concurrencyPolicies"),
        (
            "/spec/jobTemplate/spec",
            "backOffLimit",
            "/spec/jobTemplate/spec/backOffLimit",
        ),
        (
            "/spec/jobTemplate/spec/template/spec/containers/0",
            "securitycontext",
            "/spec/jobTemplate/spec/template/spec/containers/0/securitycontext",
        ),
    ] {
        let mut bad = good.clone();
        bad.pointer_mut(path).unwrap()[key] = json!(1);
        assert_eq!(unknown(&bad), [found]);
    }
    let mut bad = good.clone();
    bad["spec"]["startingDeadlineSeconds"] = json!("soon");
    assert!(unknown(&bad)[0].contains("soon"), "{:?}", unknown(&bad));
    bad = good.clone();
    bad["apiVersion"] = json!("batch/v1beta1");
    assert_eq!(
        unknown(&bad),
        ["batch/v1beta1 CronJob is none of what is checked here"]
    );
}

#[test]
fn every_suite_in_them_can_be_planned() {
    let suites: Vec<PathBuf> = files("yaml")
        .into_iter()
        .filter(|file| is_suite(file))
        .collect();
    assert!(suites.len() >= 6, "{suites:?}");
    for file in suites {
        let suite = suite(&file);
        let cells = plan(&[suite]).unwrap().cells.len();
        assert!(cells > 0, "{}", file.display());
    }
}

#[test]
fn every_pod_has_flags_that_there_are_and_no_rights_that_it_does_not_need() {
    let mut pods = 0;
    for file in files("yaml") {
        // A patch is a piece of the pod that base/ has.
        let is_patch = ["token.yaml", "agent.yaml"]
            .iter()
            .any(|name| file.ends_with(name));
        if is_suite(&file) || is_kustomization(&file) || is_patch {
            continue;
        }
        for manifest in documents(&fs::read_to_string(&file).unwrap()) {
            if let Some(pod) = pod(&manifest) {
                let wrong = troubles(&pod);
                assert_eq!(wrong, [""; 0], "{}", file.display());
                pods += 1;
            }
            let job = match manifest["kind"].as_str().unwrap() {
                "CronJob" => &manifest["spec"]["jobTemplate"]["spec"],
                "Job" => &manifest["spec"],
                _ => continue,
            };
            let never_again = job.get("backoffLimit").or(job.get("backoffLimitPerIndex"));
            assert_eq!(never_again, Some(&json!(0)), "{}", file.display());
            assert!(job["activeDeadlineSeconds"].is_u64(), "{}", file.display());
        }
    }
    assert!(pods >= 4, "{pods}");
}

#[test]
fn the_shards_are_as_many_as_their_job_has_pods_and_none_is_empty() {
    let folder = root().join("sharded");
    let text = fs::read_to_string(folder.join("shards.yaml")).unwrap();
    let [job] = documents(&text).try_into().unwrap();
    let completions = job["spec"]["completions"].as_u64().unwrap();
    assert_eq!(job["spec"]["parallelism"], completions);
    let containers = &job["spec"]["template"]["spec"]["containers"];
    let shards = format!("--shard=$(JOB_COMPLETION_INDEX)/{completions}");
    let args = containers[0]["args"].as_array().unwrap();
    assert!(args.contains(&json!(shards)), "{args:?}");
    let whole = plan(&[suite(&folder.join("suite.yaml"))]).unwrap();
    for index in 0..completions {
        let shard: Shard = format!("{index}/{completions}").parse().unwrap();
        assert!(!whole.clone().shard(shard).unwrap().cells.is_empty());
    }
}

#[test]
fn kustomize_builds_each_of_them_and_every_name_in_it_is_there() {
    let folders = files("yaml")
        .into_iter()
        .filter(|file| is_kustomization(file));
    let folders: Vec<PathBuf> = folders
        .map(|file| file.parent().unwrap().to_owned())
        .collect();
    assert!(folders.len() >= 6, "{folders:?}");
    if Command::new("kustomize").arg("version").output().is_err() {
        let words =
            "SKIPPED: kustomize is not here; go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1";
        assert!(!is_ci(), "{words}");
        // The harness swallows what `eprintln` says of a test that passes.
        writeln!(std::io::stderr(), "{words}").unwrap();
        return;
    }
    for folder in folders {
        let built = Command::new("kustomize")
            .arg("build")
            .arg(&folder)
            .output()
            .unwrap();
        let name = folder.display();
        assert!(
            built.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&built.stderr)
        );
        let said = String::from_utf8_lossy(&built.stderr);
        assert_eq!(said, "", "{name}: nothing is deprecated");
        let all = documents(&String::from_utf8(built.stdout).unwrap());
        for manifest in &all {
            assert_eq!(unknown(manifest), [""; 0], "{name}");
            if let Some(pod) = pod(manifest) {
                assert_eq!(troubles(&pod), [""; 0], "{name}");
                let containers = pod["spec"]["containers"].as_array().unwrap();
                let image = containers[0]["image"].as_str().unwrap();
                assert_eq!(
                    image,
                    concat!("mtls-probe:", env!("CARGO_PKG_VERSION")),
                    "{name}"
                );
            }
        }
        let lost = lost(&all);
        // What goes beside an overlay has its account from there.
        let beside = ["gate", "sharded"]
            .iter()
            .any(|beside| folder.ends_with(beside));
        let known = if beside {
            "ServiceAccount mtls-probe/mtls-probe"
        } else {
            ""
        };
        let lost: Vec<&String> = lost.iter().filter(|name| *name != known).collect();
        assert_eq!(lost, [""; 0], "{name}");
    }
}

// Set-up.

#[expect(
    clippy::disallowed_methods,
    reason = "a test asks the environment itself"
)]
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes")
}

fn files(end: &str) -> Vec<PathBuf> {
    let mut folders = vec![root()];
    let mut files = vec![];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.extend(
                    path.extension()
                        .is_some_and(|one| one == end)
                        .then_some(path),
                ),
            }
        }
    }
    files.sort();
    files
}

fn is_suite(file: &Path) -> bool {
    file.ends_with("suite.yaml")
}

fn is_kustomization(file: &Path) -> bool {
    file.ends_with("kustomization.yaml")
}

fn suite(file: &Path) -> Suite {
    let text = fs::read_to_string(file).unwrap();
    let name = file.display().to_string();
    Suite::parse(&name, file.parent().unwrap(), &text).unwrap_or_else(|why| panic!("{why}"))
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap()
}

/// The places of whatever Kubernetes would not know, or would not take.
fn unknown(manifest: &Value) -> Vec<String> {
    let [version, kind] = ["apiVersion", "kind"].map(|key| manifest[key].as_str().unwrap_or("-"));
    let kept = match (version, kind) {
        ("v1", "ConfigMap") => kept::<ConfigMap>(manifest),
        ("v1", "Namespace") => kept::<Namespace>(manifest),
        ("v1", "PersistentVolumeClaim") => kept::<PersistentVolumeClaim>(manifest),
        ("v1", "ServiceAccount") => kept::<ServiceAccount>(manifest),
        ("batch/v1", "CronJob") => kept::<CronJob>(manifest),
        ("batch/v1", "Job") => kept::<Job>(manifest),
        ("networking.k8s.io/v1", "NetworkPolicy") => kept::<NetworkPolicy>(manifest),
        ("rbac.authorization.k8s.io/v1", "Role") => kept::<Role>(manifest),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => kept::<RoleBinding>(manifest),
        _ => Err(format!("{version} {kind} is none of what is checked here")),
    };
    match kept {
        Ok(kept) => {
            let mut found = vec![];
            compare(manifest, &kept, "", &mut found);
            found
        }
        Err(why) => vec![why],
    }
}

/// What is left of it once Kubernetes' type has read it.
fn kept<T: DeserializeOwned + Serialize>(manifest: &Value) -> Result<Value, String> {
    let known: T = serde_json::from_value(manifest.clone()).map_err(|why| why.to_string())?;
    serde_json::to_value(known).map_err(|why| why.to_string())
}

fn compare(written: &Value, kept: &Value, at: &str, found: &mut Vec<String>) {
    match (written, kept) {
        (Value::Object(written), Value::Object(kept)) => {
            for (key, value) in written {
                let at = format!("{at}/{key}");
                match kept.get(key) {
                    Some(other) => compare(value, other, &at, found),
                    None => found.push(at),
                }
            }
        }
        (Value::Array(written), Value::Array(kept)) if written.len() == kept.len() => {
            for (nth, (value, other)) in written.iter().zip(kept).enumerate() {
                compare(value, other, &format!("{at}/{nth}"), found);
            }
        }
        (written, kept) if written == kept => {}
        _ => found.push(at.to_owned()),
    }
}

/// The pod of whatever has one.
fn pod(manifest: &Value) -> Option<Value> {
    let template = match manifest["kind"].as_str()? {
        "CronJob" => &manifest["spec"]["jobTemplate"]["spec"]["template"],
        "Job" => &manifest["spec"]["template"],
        _ => return None,
    };
    kept::<PodTemplateSpec>(template).ok()
}

/// What a pod of ours must not do, and a command line that is none.
fn troubles(pod: &Value) -> Vec<String> {
    let mut found = vec![];
    let mut must = |path: &str, value: Value| {
        if pod.pointer(path) != Some(&value) {
            found.push(format!("{path} is not {value}"));
        }
    };
    must("/metadata/labels/sidecar.istio.io~1inject", json!("false"));
    must("/metadata/labels/istio.io~1dataplane-mode", json!("none"));
    must(
        "/metadata/annotations/linkerd.io~1inject",
        json!("disabled"),
    );
    must("/spec/restartPolicy", json!("Never"));
    must("/spec/securityContext/runAsNonRoot", json!(true));
    must("/spec/securityContext/runAsUser", json!(65532));
    must(
        "/spec/securityContext/seccompProfile/type",
        json!("RuntimeDefault"),
    );
    let containers = pod["spec"]["containers"].as_array().unwrap();
    for nth in 0..containers.len() {
        let within = format!("/spec/containers/{nth}/securityContext");
        must(&format!("{within}/allowPrivilegeEscalation"), json!(false));
        must(&format!("{within}/readOnlyRootFilesystem"), json!(true));
        must(&format!("{within}/capabilities/drop"), json!(["ALL"]));
    }
    for container in containers {
        let resources = &container["resources"];
        for (kind, what) in [
            ("requests", "cpu"),
            ("requests", "memory"),
            ("limits", "memory"),
        ] {
            if !resources[kind][what].is_string() {
                found.push(format!("no {what} in {kind}"));
            }
        }
        let args = container["args"].as_array().unwrap().iter();
        let args = args.map(|arg| {
            arg.as_str()
                .unwrap()
                .replace("$(JOB_COMPLETION_INDEX)", "0")
        });
        let line = std::iter::once("probe".to_owned()).chain(args);
        if let Err(why) = cli::definition().try_get_matches_from(line) {
            found.push(why.to_string());
        }
    }
    found
}

/// Names that manifests speak of, and nobody has.
fn lost(all: &[Value]) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let namespace = |manifest: &Value| text(&manifest["metadata"]["namespace"]);
    let has: BTreeSet<String> = all
        .iter()
        .map(|one| {
            let (kind, name) = (text(&one["kind"]), text(&one["metadata"]["name"]));
            format!("{kind} {}/{name}", namespace(one))
        })
        .collect();
    let mut wanted = BTreeSet::new();
    for manifest in all {
        let at = namespace(manifest);
        if let Some(pod) = pod(manifest) {
            let account = text(&pod["spec"]["serviceAccountName"]);
            wanted.insert(format!("ServiceAccount {at}/{account}"));
            for volume in pod["spec"]["volumes"].as_array().unwrap() {
                if let Some(name) = volume["configMap"]["name"].as_str() {
                    wanted.insert(format!("ConfigMap {at}/{name}"));
                }
                if let Some(name) = volume["persistentVolumeClaim"]["claimName"].as_str() {
                    wanted.insert(format!("PersistentVolumeClaim {at}/{name}"));
                }
            }
        }
        if manifest["kind"] == "RoleBinding" {
            wanted.insert(format!("Role {at}/{}", text(&manifest["roleRef"]["name"])));
            for subject in manifest["subjects"].as_array().unwrap() {
                let (kind, name) = (text(&subject["kind"]), text(&subject["name"]));
                wanted.insert(format!("{kind} {}/{name}", text(&subject["namespace"])));
            }
        }
    }
    wanted.difference(&has).cloned().collect()
}
