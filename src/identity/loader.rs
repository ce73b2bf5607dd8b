//! The one way from an origin to what it hands out. Edge.

use jiff::Timestamp;

use super::error::IdentityError;
use super::origin::{BundleOrigin, Fetched, Origin};
use super::supply::Supply;
use super::walk::{Step, Walk};
use super::{files, grpc, kubernetes, mint};
use crate::certificate::Trust;

/// What an origin hands out `now`; nothing for the pseudo-sources. Each call reads, mints or asks anew.
pub async fn load(
    origin: &Origin,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Option<Supply>, IdentityError> {
    match origin {
        Origin::Files(from) => files::supply(from, walk).map(Some),
        Origin::Mint(what) => {
            let supply = mint::supply(what, now)?;
            walk.done(Step::Identity, "minted for this run");
            Ok(Some(supply))
        }
        Origin::Fetched(from) => fetch(from, now, walk).await.map(Some),
        Origin::NoCertificate | Origin::Plaintext | Origin::Sidecar => Ok(None),
    }
}

/// The trust anchors at an origin: one untagged bundle where nothing there names a trust domain.
pub async fn load_trust(origin: &BundleOrigin, walk: &mut Walk) -> Result<Trust, IdentityError> {
    let of = |bundles| Trust {
        bundles,
        crls: vec![],
    };
    match origin {
        BundleOrigin::File(path) => files::load_trust(path),
        BundleOrigin::ConfigMap(entry) => kubernetes::config_map(entry, walk).await.map(of),
        BundleOrigin::Secret(entry) => kubernetes::secret_bundle(entry, walk).await.map(of),
        BundleOrigin::WorkloadApi(endpoint) => {
            grpc::workload_api::fetch_trust(endpoint.as_ref(), walk).await
        }
        BundleOrigin::SpireServer(endpoint) => {
            grpc::spire_server::bundle(endpoint, walk).await.map(of)
        }
    }
}

/// What somebody hands out or signs `now`.
pub(super) async fn fetch(
    from: &Fetched,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Supply, IdentityError> {
    match from {
        Fetched::WorkloadApi(from) => grpc::workload_api::fetch(from, walk).await,
        Fetched::IstioCa(from) => grpc::istio_ca::fetch(from, now, walk).await,
        Fetched::Linkerd(from) => grpc::linkerd::fetch(from, now, walk).await,
        Fetched::Secret(from) => kubernetes::secret(from, walk).await,
        Fetched::SpireServer(from) => grpc::spire_server::fetch(from, now, walk).await,
        Fetched::CertificateRequest(from) => {
            kubernetes::certificate_request::fetch(from, now, walk).await
        }
    }
}
