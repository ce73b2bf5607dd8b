//! The one way from an origin to what it hands out. Edge.

use jiff::Timestamp;

use super::error::IdentityError;
#[cfg(feature = "grpc")]
use super::grpc;
#[cfg(feature = "kubernetes")]
use super::kubernetes;
use super::origin::{BundleOrigin, Fetched, Origin};
use super::supply::Supply;
use super::walk::{Step, Walk};
use super::{files, mint, on_disk};
use crate::certificate::Trust;

/// What an origin hands out `now`; nothing for the pseudo-sources. Each call reads, mints or asks anew.
pub async fn load(
    origin: &Origin,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Option<Supply>, IdentityError> {
    match origin {
        Origin::Files(from) => {
            let read = || files::supply(from, &mut Walk::default());
            on_disk::calm(&files::paths(from), read).await;
            files::supply(from, walk).map(Some)
        }
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
#[cfg_attr(
    not(any(feature = "grpc", feature = "kubernetes")),
    expect(unused_variables, reason = "a core build asks nobody")
)]
pub async fn load_trust(origin: &BundleOrigin, walk: &mut Walk) -> Result<Trust, IdentityError> {
    match origin {
        BundleOrigin::File(path) => files::load_trust(path),
        #[cfg(feature = "kubernetes")]
        BundleOrigin::ConfigMap(entry) => {
            kubernetes::config_map(entry, walk).await.map(Trust::from)
        }
        #[cfg(feature = "kubernetes")]
        BundleOrigin::Secret(entry) => kubernetes::secret_bundle(entry, walk)
            .await
            .map(Trust::from),
        #[cfg(not(feature = "kubernetes"))]
        BundleOrigin::ConfigMap(_) | BundleOrigin::Secret(_) => Err(absent(origin, "kubernetes")),
        #[cfg(feature = "grpc")]
        BundleOrigin::WorkloadApi(endpoint) => {
            grpc::workload_api::fetch_trust(endpoint.as_ref(), walk).await
        }
        #[cfg(feature = "grpc")]
        BundleOrigin::SpireServer(endpoint) => grpc::spire_server::bundle(endpoint, walk)
            .await
            .map(Trust::from),
        #[cfg(not(feature = "grpc"))]
        BundleOrigin::WorkloadApi(_) | BundleOrigin::SpireServer(_) => Err(absent(origin, "grpc")),
    }
}

/// What somebody hands out or signs `now`.
#[cfg_attr(
    not(any(feature = "grpc", feature = "kubernetes")),
    expect(unused_variables, reason = "a core build asks nobody")
)]
pub(super) async fn fetch(
    from: &Fetched,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Supply, IdentityError> {
    match from {
        #[cfg(feature = "grpc")]
        Fetched::WorkloadApi(from) => grpc::workload_api::fetch(from, now, walk).await,
        #[cfg(feature = "grpc")]
        Fetched::IstioCa(from) => grpc::istio_ca::fetch(from, now, walk).await,
        #[cfg(feature = "grpc")]
        Fetched::Linkerd(from) => grpc::linkerd::fetch(from, now, walk).await,
        #[cfg(feature = "grpc")]
        Fetched::SpireServer(from) => grpc::spire_server::fetch(from, now, walk).await,
        #[cfg(not(feature = "grpc"))]
        Fetched::WorkloadApi(_)
        | Fetched::IstioCa(_)
        | Fetched::Linkerd(_)
        | Fetched::SpireServer(_) => Err(absent(from, "grpc")),
        #[cfg(feature = "kubernetes")]
        Fetched::Secret(from) => kubernetes::secret(from, walk).await,
        #[cfg(feature = "kubernetes")]
        Fetched::CertificateRequest(from) => {
            kubernetes::certificate_request::fetch(from, now, walk).await
        }
        #[cfg(not(feature = "kubernetes"))]
        Fetched::Secret(_) | Fetched::CertificateRequest(_) => Err(absent(from, "kubernetes")),
    }
}

/// This build was made without it.
#[cfg(not(all(feature = "grpc", feature = "kubernetes")))]
fn absent(who: &impl std::fmt::Display, feature: &'static str) -> IdentityError {
    use super::error::{Flaw, Subject};
    IdentityError::new(Subject::Source(who.to_string()), Flaw::NotBuilt(feature))
}
