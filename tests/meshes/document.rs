//! `docs/meshes.md`: written by these tests, a section each, and held to be current.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The table is as it should be, and the document has it.
pub(crate) fn hold(section: &str, (text, wrong): &(String, Vec<String>)) {
    assert!(wrong.is_empty(), "{section}:\n{}", wrong.join("\n"));
    assert!(
        keep(section, text),
        "docs/meshes.md, {section}, is not current: UPDATE_GOLDEN=1 cargo test --test meshes\n{text}"
    );
}

/// Writes a section under `UPDATE_GOLDEN=1`; else tells whether the one that is there is the same.
fn keep(section: &str, text: &str) -> bool {
    // The tests of the sections run at one time.
    static ONE: Mutex<()> = Mutex::new(());
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/meshes.md");
    let document = fs::read_to_string(&path).unwrap_or_default();
    let begin = format!("<!-- {section} -->\n");
    let end = format!("<!-- end of {section} -->\n");
    let place = document.find(&begin).zip(document.find(&end));
    let (from, to) = place.unwrap_or_else(|| panic!("docs/meshes.md has no section {section:?}"));
    let from = from + begin.len();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let (above, below) = (&document[..from], &document[to..]);
        fs::write(&path, format!("{above}\n{}\n\n{below}", text.trim())).unwrap();
        return true;
    }
    document[from..to].trim() == text.trim()
}
