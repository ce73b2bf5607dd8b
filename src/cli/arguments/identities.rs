//! Flags that say where identities come from, and of the commands that look at them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::span;
use crate::certificate::TrustDomain;

/// What holds for every source and bundle that does not say otherwise.
#[derive(Args, Debug)]
pub(in crate::cli) struct Around {
    /// Where the SPIFFE Workload API listens: unix:///PATH or tcp://IP:PORT
    #[arg(
        long,
        value_name = "ENDPOINT",
        env = "SPIFFE_ENDPOINT_SOCKET",
        global = true,
        help_heading = "Identities"
    )]
    pub(in crate::cli) spiffe_endpoint_socket: Option<String>,
    /// The kubeconfig to reach Kubernetes by [default: as kubectl, else as a pod]
    #[arg(long, value_name = "FILE", global = true, help_heading = "Identities")]
    pub(in crate::cli) kubeconfig: Option<PathBuf>,
    /// The context in it [default: the current one]
    #[arg(long, value_name = "NAME", global = true, help_heading = "Identities")]
    pub(in crate::cli) context: Option<String>,
}

/// Which identities to look at.
#[derive(Args, Debug)]
pub(in crate::cli) struct Who {
    /// Suites, files or folders [default: --config, else probe.yaml, else probes/]
    #[arg(value_name = "SUITE")]
    pub(in crate::cli) suites: Vec<PathBuf>,
    /// This source alone; with --identity: whom it is for
    #[arg(long, value_name = "SOURCE")]
    pub(in crate::cli) from: Option<String>,
    /// This identity instead of the sources of the suites, as a suite says it: workload_api,
    /// "istio_ca: { address: HOST:PORT }"
    #[arg(long, value_name = "KIND[: {...}]")]
    pub(in crate::cli) identity: Option<String>,
    /// Trust anchors to verify it with: a file, or as a suite says it; may be repeated
    #[arg(long, value_name = "[TRUST-DOMAIN=]FILE", requires = "identity")]
    pub(in crate::cli) bundle: Vec<String>,
    /// The trust domain of an ID written short, and of a bundle without one
    #[arg(long, value_name = "NAME", requires = "identity")]
    pub(in crate::cli) trust_domain: Option<TrustDomain>,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Whoami {
    #[command(flatten)]
    pub(in crate::cli) who: Who,
    /// Go on, and tell whenever a source changes, fails or recovers
    #[arg(long)]
    pub(in crate::cli) watch: bool,
    /// For how long to watch [default: until interrupted]
    #[arg(long = "for", value_name = "DURATION", requires = "watch", value_parser = span)]
    pub(in crate::cli) span: Option<Duration>,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Doctor {
    #[command(flatten)]
    pub(in crate::cli) who: Who,
}
