//! Causes, each with what confirms it and what mends it. Several codes share a cause.

pub(super) mod dates;
pub(super) mod identity;
pub(super) mod mode;
pub(super) mod network;
pub(super) mod ours;
pub(super) mod policy;
pub(super) mod proxy;
pub(super) mod tls;
pub(super) mod trust;

#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static super::Cause> {
    let pages = super::topics().flat_map(|topic| topic.pages);
    let mut seen = std::collections::HashSet::new();
    let causes = pages
        .flat_map(|page| page.causes)
        .map(|likely| likely.cause);
    causes.filter(move |cause| seen.insert(cause.name))
}
