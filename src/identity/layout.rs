//! Folders with an identity, in every layout that is known. Edge.

mod absent;
mod known;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use self::absent::{Found, at};
use self::known::{LAYOUTS, Layout};
use super::error::{Flaw, IdentityError};
use super::supply::Supply;
use super::walk::{Step, Walk};
use super::{anchors_beside, files};

/// The identity in a folder, with the trust anchors beside it.
pub(super) fn load(folder: &Path, walk: &mut Walk) -> Result<Supply, IdentityError> {
    let found = look(folder)?;
    let layout = match found.whole().as_slice() {
        [one] => *one,
        [] => return Err(absent::layout(folder, &found, names(folder).as_deref())),
        several => return Err(absent::choice(folder, several)),
    };
    let title = layout.title(folder);
    let present = layout.files().into_iter();
    let present = present.filter(|name| found.files.contains(name));
    let present = present.collect::<Vec<_>>().join(", ");
    walk.done(Step::Find, format!("layout of {title}: {present}"));
    let identity = files::load(&folder.join(layout.chain), &folder.join(layout.key))?;
    let (trust, about_trust) = match bundle(folder, layout, &found)? {
        Some(bundle) => anchors_beside::sorted(identity.leaf(), &bundle),
        None => Default::default(),
    };
    walk.done(
        Step::Identity,
        match about_trust.as_str() {
            "" => "the key belongs to the leaf".to_owned(),
            about_trust => format!("the key belongs to the leaf; {about_trust}"),
        },
    );
    Ok(Supply {
        identity,
        trust,
        from: format!("folder {}, layout of {title}", folder.display()),
    })
}

/// Every file in a folder that says something of its identity, there or not, and what changes when all
/// of them are swapped at once: the folder itself, or the link that Kubernetes turns.
pub(super) fn paths(folder: &Path) -> Vec<PathBuf> {
    let names = LAYOUTS.iter().flat_map(Layout::files);
    let mut paths: Vec<PathBuf> = names.map(|name| folder.join(name)).collect();
    paths.sort();
    paths.dedup();
    paths.extend([folder.to_owned(), folder.join(KUBERNETES_LINK)]);
    paths
}

fn look(folder: &Path) -> Result<Found, IdentityError> {
    let about = fs::metadata(folder).map_err(|error| unreachable(folder, &error))?;
    if !about.is_dir() {
        return Err(at(
            folder,
            "it is a file, and a folder is expected",
            "name it together with its key: { chain: …, key: … }",
        ));
    }
    let mut found = Found::default();
    for name in LAYOUTS.iter().flat_map(Layout::files) {
        if found.files.contains(&name) || found.dangling.contains(&name) {
            continue;
        }
        let path = folder.join(name);
        match fs::metadata(&path) {
            Ok(_) => found.files.push(name),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if fs::symlink_metadata(&path).is_ok() {
                    found.dangling.push(name);
                }
            }
            Err(error) => return Err(unreachable(folder, &error)),
        }
    }
    Ok(found)
}

/// Certificate authorities that nobody knows leave an empty `ca.crt`.
fn bundle(
    folder: &Path,
    layout: &Layout,
    found: &Found,
) -> Result<Option<crate::certificate::Bundle>, IdentityError> {
    if !found.files.contains(&layout.bundle) {
        return Ok(None);
    }
    match files::load_bundle(&folder.join(layout.bundle)) {
        Err(error) if error.flaw == Flaw::EmptyBundle && layout.may_lack_bundle() => Ok(None),
        read => read.map(Some),
    }
}

fn unreachable(folder: &Path, error: &io::Error) -> IdentityError {
    let is = |kind| error.kind() == kind;
    if is(ErrorKind::NotFound) && fs::symlink_metadata(folder).is_ok() {
        return at(
            folder,
            "it is a link that leads nowhere",
            "is the volume mounted that it leads to?",
        );
    }
    if is(ErrorKind::NotFound) || is(ErrorKind::NotADirectory) {
        return absent::folder(folder);
    }
    if is(ErrorKind::PermissionDenied) {
        return at(
            folder,
            "this user may not enter it",
            "give the user that runs probe the right to read the folder and all above it (in a pod: runAsUser or fsGroup)",
        );
    }
    let why = format!("it cannot be read: {error}");
    at(folder, why, "is the volume still there?")
}

/// What stands in a folder but for the workings of Kubernetes, nothing where it may not be listed.
fn names(folder: &Path) -> Option<Vec<String>> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with("..")).collect();
    names.sort();
    Some(names)
}

/// In a volume of a Secret or ConfigMap: every file is a link into the folder that this one leads to.
const KUBERNETES_LINK: &str = "..data";
