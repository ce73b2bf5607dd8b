//! How to reach a Kubernetes API: as kubectl does, else as a pod does. Edge.

use std::path::Path;

use hyper_util::client::proxy::matcher::Matcher;
use kube::Config;
use kube::config::{
    ExecInteractiveMode, InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError,
};

use super::failure::{Trouble, file, is_absent, kubeconfig};
use crate::identity::bounds::short;
use crate::identity::origin::Cluster;

/// How to reach one cluster.
pub(super) struct Access {
    pub(super) config: Config,
    /// Whose rights we have, for people: `context kind-test`.
    pub(super) name: String,
    /// The context, where there is one.
    pub(super) context: Option<String>,
}

impl Access {
    pub(super) async fn find(cluster: &Cluster) -> Result<Self, Trouble> {
        match (read(cluster)?, &cluster.context) {
            (Some(kubeconfig), _) => from_kubeconfig(kubeconfig, cluster).await,
            (None, None) => of_pod(),
            (None, Some(context)) => Err(Trouble::new(
                format!("there is no kubeconfig, and context {context:?} would be in one"),
                "set KUBECONFIG, or `kubeconfig` in the suite; a pod that asks as itself names no context",
            )),
        }
    }
}

/// The kubeconfig that is named, else what kubectl would read; nothing where nobody has one.
fn read(cluster: &Cluster) -> Result<Option<Kubeconfig>, Trouble> {
    let flawed = |error| kubeconfig(&error, &place(cluster));
    if let Some(path) = &cluster.kubeconfig {
        looks_like_one(path)?;
        return Kubeconfig::read_from(path).map(Some).map_err(flawed);
    }
    if let Some(found) = Kubeconfig::from_env().map_err(flawed)? {
        return Ok(Some(found));
    }
    match Kubeconfig::read() {
        Ok(found) => Ok(Some(found)),
        Err(KubeconfigError::FindPath) => Ok(None),
        Err(KubeconfigError::ReadConfig(error, _)) if is_absent(&error) => Ok(None),
        Err(error) => Err(flawed(error)),
    }
}

/// Not a device that never ends, nor the wrong file.
fn looks_like_one(path: &Path) -> Result<(), Trouble> {
    // What cannot be looked at cannot be read either, and says so in a moment.
    let Ok(about) = std::fs::metadata(path) else {
        return Ok(());
    };
    let path = path.display();
    if about.is_dir() {
        return Err(Trouble::new(
            format!("{path} is a folder"),
            "name the kubeconfig file in it",
        ));
    }
    if about.len() > MAX_KUBECONFIG {
        return Err(Trouble::new(
            format!("{path} is larger than {MAX_KUBECONFIG} bytes, too much for a kubeconfig"),
            "name the right file",
        ));
    }
    Ok(())
}

async fn from_kubeconfig(found: Kubeconfig, cluster: &Cluster) -> Result<Access, Trouble> {
    let place = place(cluster);
    let chosen = cluster
        .context
        .clone()
        .or_else(|| found.current_context.clone())
        .filter(|name| !name.is_empty());
    let mut known: Vec<_> = found.contexts.iter().map(|one| &one.name).collect();
    known.sort();
    let Some(context) = chosen else {
        return Err(Trouble::new(
            format!("{place} has no current context"),
            format!("name one with `context`: {}", listed(&known)),
        ));
    };
    if !known.contains(&&context) {
        return Err(Trouble::new(
            format!("{place} has no context {context:?}"),
            format!("name one that it has: {}", listed(&known)),
        ));
    }
    let own_proxy = proxy_of(&found, &context);
    let options = KubeConfigOptions {
        context: Some(context.clone()),
        ..KubeConfigOptions::default()
    };
    let mut config = Config::from_custom_kubeconfig(found, &options)
        .await
        .map_err(|error| kubeconfig(&error, &place))?;
    // The library compares NO_PROXY with the proxy, not with the server.
    config.proxy_url = match own_proxy {
        Some(proxy) => proxy.parse().ok(),
        None => {
            let proxy = Matcher::from_env().intercept(&config.cluster_url);
            proxy.map(|proxy| proxy.uri().clone())
        }
    };
    if let Some(command) = &mut config.auth_info.exec {
        // There is nobody to answer its questions.
        command.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    Ok(Access {
        config,
        name: format!("context {context}"),
        context: Some(context),
    })
}

fn proxy_of(kubeconfig: &Kubeconfig, context: &str) -> Option<String> {
    let context = kubeconfig.contexts.iter().find(|one| one.name == context)?;
    let name = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|one| one.name == *name)?;
    let proxy = cluster.cluster.as_ref()?.proxy_url.clone();
    proxy.filter(|proxy| !proxy.is_empty())
}

fn of_pod() -> Result<Access, Trouble> {
    let config = Config::incluster().map_err(|error| match error {
        InClusterError::ReadEnvironmentVariable(_) => Trouble::new(
            "there is no kubeconfig, and this is no pod",
            "set KUBECONFIG, or `kubeconfig` in the suite, or run probe in a pod of the cluster",
        ),
        InClusterError::ReadDefaultNamespace(_) | InClusterError::ReadCertificateBundle(_) => {
            Trouble::new(
                "there is no kubeconfig, and this pod has no token for the API",
                "give it a service account, with automountServiceAccountToken: true",
            )
        }
        other @ (InClusterError::ParseClusterPort(_)
        | InClusterError::ParseClusterUrl(_)
        | InClusterError::ParseCertificates(_)) => Trouble::new(
            format!("this pod's access cannot be read: {}", short(&other)),
            "look at KUBERNETES_SERVICE_HOST and at /var/run/secrets/kubernetes.io/serviceaccount",
        ),
    })?;
    Ok(Access {
        config,
        name: "this pod's service account".to_owned(),
        context: None,
    })
}

fn place(cluster: &Cluster) -> String {
    match &cluster.kubeconfig {
        Some(path) => file(path),
        None => "the kubeconfig".to_owned(),
    }
}

fn listed(names: &[&String]) -> String {
    if names.is_empty() {
        return "it has none".to_owned();
    }
    let more = match names.len().saturating_sub(MAX_LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown: Vec<_> = names.iter().take(MAX_LISTED).map(short).collect();
    shown.join(", ") + &more
}

const MAX_KUBECONFIG: u64 = 4 << 20;
const MAX_LISTED: usize = 10;
