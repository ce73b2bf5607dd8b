//! What a source hands out, kept fresh for as long as a run goes on: meshes renew their certificates
//! every few minutes. Edge.

use std::path::PathBuf;
use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::error::IdentityError;
use super::files;
#[cfg(feature = "grpc")]
use super::grpc;
use super::loader::{fetch, load_trust};
use super::mint;
use super::on_disk::OnDisk;
use super::origin::{BundleOrigin, Fetched, Files, Origin};
use super::pushed::Pushed;
use super::supply::Supply;
use super::walk::Walk;
use crate::certificate::Trust;

/// An identity that follows its origin.
#[derive(Debug)]
pub struct Supplier(Kept<Supply, Files>);

/// Trust anchors that follow their origin.
#[derive(Debug)]
pub struct Anchorage(Kept<Trust, PathBuf>);

/// Something that is kept fresh.
#[derive(Debug)]
enum Kept<T, F> {
    /// It lasts as long as the run.
    Fixed(Arc<T>),
    /// Looked at again whenever somebody asks.
    OnDisk(F, OnDisk<T>),
    /// Renewed behind our back.
    Pushed(Pushed<T>),
}

impl Supplier {
    /// Asks for the first time; nothing for the pseudo-sources.
    pub async fn open(origin: &Origin, now: Timestamp) -> Result<Option<Self>, IdentityError> {
        let kept = match origin {
            Origin::NoCertificate | Origin::Plaintext | Origin::Sidecar => return Ok(None),
            Origin::Files(from) => {
                let kept = OnDisk::open(&files::paths(from), || from_files(from)).await?;
                Kept::OnDisk(from.clone(), kept)
            }
            Origin::Mint(what) => Kept::Fixed(Arc::new(mint::supply(what, now)?)),
            Origin::Fetched(from) => Kept::Pushed(match &**from {
                #[cfg(feature = "grpc")]
                Fetched::WorkloadApi(from) => grpc::workload_api::identities(from, now).await?,
                #[cfg(not(feature = "grpc"))]
                Fetched::WorkloadApi(_) => renewed(from, now).await?,
                Fetched::IstioCa(_)
                | Fetched::Linkerd(_)
                | Fetched::Secret(_)
                | Fetched::SpireServer(_)
                | Fetched::CertificateRequest(_) => renewed(from, now).await?,
            }),
        };
        Ok(Some(Self(kept)))
    }

    /// What it hands out at this moment. An error where there is nothing that could be used.
    pub async fn current(&self) -> Result<Arc<Supply>, IdentityError> {
        match &self.0 {
            Kept::Fixed(supply) => Ok(Arc::clone(supply)),
            Kept::OnDisk(from, kept) => {
                kept.current(&files::paths(from), || from_files(from)).await
            }
            Kept::Pushed(pushed) => pushed.current(),
        }
    }
}

impl Anchorage {
    /// Asks for the first time.
    pub async fn open(origin: &BundleOrigin) -> Result<Self, IdentityError> {
        Ok(Self(match origin {
            BundleOrigin::File(path) => {
                let read = || files::load_trust(path);
                Kept::OnDisk(path.clone(), OnDisk::open(from_ref(path), read).await?)
            }
            #[cfg(feature = "grpc")]
            BundleOrigin::WorkloadApi(endpoint) => {
                Kept::Pushed(grpc::workload_api::trust(endpoint.as_ref()).await?)
            }
            #[cfg(not(feature = "grpc"))]
            BundleOrigin::WorkloadApi(_) => Kept::Pushed(asked_again(origin).await?),
            BundleOrigin::ConfigMap(_) | BundleOrigin::Secret(_) | BundleOrigin::SpireServer(_) => {
                Kept::Pushed(asked_again(origin).await?)
            }
        }))
    }

    /// What it holds at this moment.
    pub async fn current(&self) -> Result<Arc<Trust>, IdentityError> {
        match &self.0 {
            Kept::Fixed(trust) => Ok(Arc::clone(trust)),
            Kept::OnDisk(path, kept) => {
                let read = || files::load_trust(path);
                kept.current(from_ref(path), read).await
            }
            Kept::Pushed(pushed) => pushed.current(),
        }
    }
}

fn from_files(from: &Files) -> Result<Supply, IdentityError> {
    files::supply(from, &mut Walk::default())
}

/// An identity that is asked for again in good time. While it lasts, a failure to renew it is no trouble.
async fn renewed(from: &Fetched, now: Timestamp) -> Result<Pushed<Supply>, IdentityError> {
    let first = fetch(from, now, &mut Walk::default()).await?;
    let from = from.clone();
    let begun = Instant::now();
    let mut last = first.clone();
    Ok(Pushed::start(first, move |pusher| async move {
        let mut wait = pause(&from, &last, now);
        loop {
            sleep(wait).await;
            let now = now.saturating_add(begun.elapsed()).unwrap_or(now);
            match fetch(&from, now, &mut Walk::default()).await {
                Ok(next) => {
                    wait = pause(&from, &next, now);
                    last = next.clone();
                    pusher.push(Ok(next));
                }
                Err(why) => {
                    wait = RETRY;
                    if last.identity.leaf().not_after <= now {
                        pusher.push(Err(why));
                    }
                }
            }
        }
    }))
}

/// Trust anchors that are looked at again from time to time. Those that were read stay while nobody
/// answers.
async fn asked_again(origin: &BundleOrigin) -> Result<Pushed<Trust>, IdentityError> {
    let first = load_trust(origin, &mut Walk::default()).await?;
    let origin = origin.clone();
    Ok(Pushed::start(first, move |pusher| async move {
        loop {
            sleep(LOOK_AGAIN).await;
            if let Ok(next) = load_trust(&origin, &mut Walk::default()).await {
                pusher.push(Ok(next));
            }
        }
    }))
}

/// How long to wait before asking again. Who signs is asked at half of the lifetime, as meshes do; who
/// holds something that others replace is asked often.
fn pause(from: &Fetched, last: &Supply, now: Timestamp) -> Duration {
    match from {
        Fetched::Secret(_) => LOOK_AGAIN,
        Fetched::WorkloadApi(_)
        | Fetched::IstioCa(_)
        | Fetched::Linkerd(_)
        | Fetched::SpireServer(_)
        | Fetched::CertificateRequest(_) => {
            let left = last.identity.leaf().not_after.duration_since(now);
            let left = Duration::try_from(left).unwrap_or_default();
            (left / 2).max(RETRY)
        }
    }
}

const LOOK_AGAIN: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_secs(1);
