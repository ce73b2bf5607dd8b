//! What the environment and the command line say of where identities come from, for what a suite leaves
//! open. Pure.

use super::origin::{BundleOrigin, Cluster, Endpoint, Fetched, Origin, Token};

/// What holds for every origin that does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Where the SPIFFE Workload API listens.
    pub workload_api: Option<Endpoint>,
    /// How to reach Kubernetes.
    pub cluster: Cluster,
}

impl Surroundings {
    /// Fills in what an origin leaves open.
    pub fn complete(&self, origin: &mut Origin) {
        let Origin::Fetched(from) = origin else {
            return;
        };
        match &mut **from {
            Fetched::WorkloadApi(from) => self.complete_endpoint(&mut from.endpoint),
            Fetched::IstioCa(from) => {
                self.complete_bundle(&mut from.anchors);
                self.complete_token(&mut from.token);
            }
            Fetched::Linkerd(from) => {
                self.complete_bundle(&mut from.anchors);
                self.complete_token(&mut from.token);
            }
            Fetched::Secret(from) => self.complete_cluster(&mut from.cluster),
            Fetched::CertificateRequest(from) => self.complete_cluster(&mut from.cluster),
            Fetched::SpireServer(_) => {}
        }
    }

    /// Fills in what an origin of trust anchors leaves open.
    pub fn complete_bundle(&self, origin: &mut BundleOrigin) {
        match origin {
            BundleOrigin::ConfigMap(entry) | BundleOrigin::Secret(entry) => {
                self.complete_cluster(&mut entry.cluster);
            }
            BundleOrigin::WorkloadApi(endpoint) => self.complete_endpoint(endpoint),
            BundleOrigin::File(_) | BundleOrigin::SpireServer(_) => {}
        }
    }

    fn complete_token(&self, token: &mut Token) {
        match token {
            Token::Request { cluster, .. } => self.complete_cluster(cluster),
            Token::File { .. } => {}
        }
    }

    fn complete_cluster(&self, cluster: &mut Cluster) {
        *cluster = cluster.or(&self.cluster);
    }

    fn complete_endpoint(&self, endpoint: &mut Option<Endpoint>) {
        if endpoint.is_none() {
            endpoint.clone_from(&self.workload_api);
        }
    }
}

impl Origin {
    /// Whether nobody has said yet where the Workload API listens that it needs.
    pub fn lacks_endpoint(&self) -> bool {
        let Self::Fetched(from) = self else {
            return false;
        };
        match &**from {
            Fetched::WorkloadApi(from) => from.endpoint.is_none(),
            Fetched::IstioCa(from) => from.anchors.lacks_endpoint(),
            Fetched::Linkerd(from) => from.anchors.lacks_endpoint(),
            Fetched::Secret(_) | Fetched::SpireServer(_) | Fetched::CertificateRequest(_) => false,
        }
    }
}

impl BundleOrigin {
    /// Whether nobody has said yet where the Workload API listens that it needs.
    pub const fn lacks_endpoint(&self) -> bool {
        matches!(self, Self::WorkloadApi(None))
    }
}

impl Cluster {
    /// The same, with what it leaves open as in the other. The contexts of one kubeconfig are not those
    /// of another.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let is_same_file = self.kubeconfig.is_none() || other.kubeconfig.is_none();
        let context = other.context.clone().filter(|_| is_same_file);
        Self {
            kubeconfig: self.kubeconfig.clone().or_else(|| other.kubeconfig.clone()),
            context: self.context.clone().or(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_goes_with_its_kubeconfig() {
        let of = |kubeconfig: &str, context: &str| Cluster {
            kubeconfig: Some(kubeconfig.into()).filter(|_| !kubeconfig.is_empty()),
            context: Some(context.to_owned()).filter(|context| !context.is_empty()),
        };
        for (own, other, both) in [
            (of("", ""), of("f", "c"), of("f", "c")),
            (of("", "east"), of("f", "c"), of("f", "east")),
            (of("own", ""), of("f", "c"), of("own", "")),
            (of("own", ""), of("", "c"), of("own", "c")),
            (of("own", "east"), of("", "c"), of("own", "east")),
        ] {
            assert_eq!(own.or(&other), both, "{own:?} {other:?}");
        }
    }
}
