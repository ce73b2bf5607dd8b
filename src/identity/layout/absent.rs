//! Why there is no identity in a folder, and where it is instead. Pure.

use std::path::Path;

use super::known::{LAYOUTS, Layout};
use crate::identity::error::IdentityError;
use crate::identity::walk::Step;

/// What stands in a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Files of layouts that are known.
    pub(super) files: Vec<&'static str>,
    /// Such files, where they are links to nothing.
    pub(super) dangling: Vec<&'static str>,
}

impl Found {
    /// The layouts that are there as a whole.
    pub(super) fn whole(&self) -> Vec<&'static Layout> {
        let is_whole = |layout: &&Layout| layout.needed().all(|name| self.files.contains(&name));
        LAYOUTS.iter().filter(is_whole).collect()
    }

    /// Those of which the most is there.
    fn half(&self) -> Vec<&'static Layout> {
        let share = |layout: &Layout| {
            let names = self.files.iter().chain(&self.dangling);
            names.filter(|name| layout.files().contains(name)).count()
        };
        let most = LAYOUTS.iter().map(share).max().unwrap_or(0);
        let halves = LAYOUTS.iter().filter(|layout| share(layout) == most);
        halves.filter(|_| most > 0).collect()
    }

    fn missing(&self, layout: &Layout) -> String {
        let missing = layout
            .needed()
            .filter(|name| !self.files.contains(name))
            .map(|name| match self.dangling.contains(&name) {
                true => format!("{name} (a link that leads nowhere)"),
                false => name.to_owned(),
            });
        missing.collect::<Vec<_>>().join(" and ")
    }
}

/// The folder itself is not there.
pub(super) fn folder(folder: &Path) -> IdentityError {
    let remedy = if folder.ends_with("etc/certs") {
        NO_ETC_CERTS
    } else if is_linkerd(folder) {
        FROM_LINKERD
    } else {
        "is the path right, and the volume mounted into this container?"
    };
    at(folder, "the folder does not exist", remedy)
}

/// It holds no layout as a whole. `names` is all that stands in it, nothing where we may not look.
pub(super) fn layout(folder: &Path, found: &Found, names: Option<&[String]>) -> IdentityError {
    let half = found.half();
    if let Some(first) = half.first() {
        let has = found.files.iter().chain(&found.dangling);
        let has = has.copied().collect::<Vec<_>>().join(" and ");
        if LAYOUTS.iter().any(|layout| found.files == [layout.bundle]) {
            let path = folder.join(first.bundle);
            return at(
                folder,
                format!("it holds trust anchors ({has}) and no identity"),
                format!(
                    "trust anchors belong under `bundles`: {{ file: {} }}",
                    path.display()
                ),
            );
        }
        let lacking = half.iter().map(|layout| {
            let title = layout.title(folder);
            format!("the layout of {title} lacks {}", found.missing(layout))
        });
        return at(
            folder,
            format!(
                "it holds {has}, but {}",
                lacking.collect::<Vec<_>>().join(", and ")
            ),
            "see why whoever writes the folder has stopped half way, or name the files: { chain: …, key: … }",
        );
    }
    let Some(names) = names else {
        return at(
            folder,
            "it holds no layout that is known, and this user may not list it",
            format!(
                "name the files: {{ chain: …, key: … }}; known are {}",
                all()
            ),
        );
    };
    let has = |name: &str| names.iter().any(|known| known == name);
    if names.is_empty() {
        let remedy = match folder.ends_with("workload-spiffe-credentials") {
            true => EMPTY_ISTIO,
            false => "has whoever writes there begun, and is the right volume mounted?",
        };
        return at(folder, "the folder is empty", remedy);
    }
    if has("key.p8") || (has("csr.der") && is_linkerd(folder)) {
        return at(
            folder,
            "it is of a Linkerd proxy, with a key and a signing request: the proxy keeps the certificate in its memory alone",
            FROM_LINKERD,
        );
    }
    if has("socket") {
        return at(
            folder,
            "it holds a Unix socket and no files",
            "where a SPIRE agent serves it, take source `workload_api: { socket: unix://… }`; Istio's own speaks SDS to Envoy alone: take source `istio_ca`",
        );
    }
    at(
        folder,
        format!("it holds no layout that is known, but {}", some(names)),
        format!(
            "name the files: {{ chain: …, key: … }}; known are {}",
            all()
        ),
    )
}

/// It holds more than one.
pub(super) fn choice(folder: &Path, layouts: &[&Layout]) -> IdentityError {
    let fits = layouts.iter().map(|layout| {
        let title = layout.title(folder);
        format!(
            "{title} ({})",
            layout.needed().collect::<Vec<_>>().join(", ")
        )
    });
    let fits = fits.collect::<Vec<_>>().join(" and that of ");
    at(
        folder,
        format!("its files fit the layout of {fits}"),
        "name those that are meant: { chain: …, key: … }",
    )
}

pub(super) fn at(
    folder: &Path,
    why: impl Into<String>,
    remedy: impl Into<String>,
) -> IdentityError {
    IdentityError::at(folder.display(), Step::Find, why, remedy)
}

fn is_linkerd(folder: &Path) -> bool {
    folder.ends_with("linkerd/identity/end-entity") || folder.ends_with("linkerd/identity")
}

fn some(names: &[String]) -> String {
    let shown = names.iter().take(MAX_NAMES).map(|name| {
        let short: String = name.chars().take(MAX_NAME).collect();
        format!("{short:?}")
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Every layout by its files.
fn all() -> String {
    let all = LAYOUTS
        .iter()
        .map(|layout| layout.needed().collect::<Vec<_>>().join(" + "));
    all.collect::<Vec<_>>().join(", ")
}

const MAX_NAMES: usize = 5;
const MAX_NAME: usize = 40;
const EMPTY_ISTIO: &str = "so it is in every injected pod unless certificates are mounted there: Istio's agent keeps its own in memory; set OUTPUT_CERTS at the proxy to have them written, or take source `istio_ca`";
const NO_ETC_CERTS: &str = "a default installation of Istio has none, its agent keeps certificates in memory; set OUTPUT_CERTS at the proxy to have them written, or take source `istio_ca`";
const FROM_LINKERD: &str = "take source `linkerd`, which asks Linkerd's identity controller for a certificate of the same service account";
