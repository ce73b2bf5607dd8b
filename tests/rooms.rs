//! The rooms: a module imports only what stands before it in `lib.rs`, and only the edge touches
//! sockets, files, the clock or the environment.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the outside world may be touched, by the begin of a path under `src`.
const EDGE: &[&str] = &[
    "main.rs",
    "cli/",
    "identity/files.rs",
    "identity/loader.rs",
    "identity/mint.rs",
    "identity/authority.rs",
    "identity/signing_request.rs",
    "identity/on_disk.rs",
    "identity/pushed.rs",
    "identity/supplier.rs",
    "identity/layout.rs",
    "identity/token.rs",
    "identity/grpc/",
    "identity/kubernetes/",
    "target/resolve.rs",
    "handshake/",
    "run/",
    "lab/",
];

/// What reaches outside.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::process",
    "std::time::SystemTime",
    "std::time::Instant",
    "Timestamp::now",
    "tokio::",
    "socket2::",
    "hickory_resolver::",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "println!",
    "eprintln!",
];

#[test]
fn a_room_imports_only_what_stands_before_it() {
    let order = rooms();
    let mut wrong = vec![];
    for file in sources() {
        let Some(room) = room_of(&file.path) else {
            continue;
        };
        let place = order[&room];
        for imported in file.imports() {
            match order.get(&imported) {
                Some(other) if *other <= place => {}
                Some(_) => wrong.push(format!(
                    "{}: {room} imports {imported}",
                    file.path.display()
                )),
                None => wrong.push(format!("{}: {imported} is no room", file.path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_edge_touches_the_world() {
    let mut wrong = vec![];
    for file in sources() {
        let name = file.path.to_string_lossy().into_owned();
        if EDGE.iter().any(|edge| name.starts_with(edge)) {
            continue;
        }
        for (nth, line) in file.code().enumerate() {
            let outside = OUTSIDE.iter().find(|outside| line.contains(**outside));
            wrong.extend(outside.map(|outside| format!("{name}:{}: {outside}", nth + 1)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_edge_is_not_wider_than_it_must_be() {
    let files: Vec<String> = sources()
        .iter()
        .map(|file| file.path.to_string_lossy().into_owned())
        .collect();
    for edge in EDGE {
        assert!(
            files.iter().any(|name| name.starts_with(edge)),
            "{edge} is gone"
        );
    }
}

/// The modules of `lib.rs` in their order.
fn rooms() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(src().join("lib.rs")).unwrap();
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names
        .enumerate()
        .map(|(nth, name)| (name.to_owned(), nth))
        .collect()
}

struct Source {
    /// Under `src`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The lines before the tests, without comments.
    fn code(&self) -> impl Iterator<Item = &str> {
        let before_tests = self
            .text
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]");
        before_tests.map(|line| line.split("//").next().unwrap_or_default())
    }

    /// Every room that a `crate::` path names.
    fn imports(&self) -> Vec<String> {
        let paths = self.code().flat_map(|line| line.split("crate::").skip(1));
        let names = paths.flat_map(|path| match path.strip_prefix('{') {
            Some(list) => list.split(',').map(|item| item.trim().to_owned()).collect(),
            None => vec![path.to_owned()],
        });
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        names
            .map(|name| name.chars().take_while(|c| is_word(*c)).collect::<String>())
            .filter(|name| !name.is_empty())
            .collect()
    }
}

fn sources() -> Vec<Source> {
    let mut found = vec![];
    let mut folders = vec![src()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.ends_with("tests") || path.ends_with("tests.rs");
            if is_test || path.ends_with("fixture.rs") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(Source {
                    text: fs::read_to_string(&path).unwrap(),
                    path: path.strip_prefix(src()).unwrap().to_owned(),
                });
            }
        }
    }
    found
}

/// `matrix/cells.rs` belongs to `matrix`; `main.rs` and `lib.rs` to none.
fn room_of(path: &Path) -> Option<String> {
    let first = path.iter().next()?.to_string_lossy().into_owned();
    let room = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
    (room != "main" && room != "lib").then_some(room)
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}
