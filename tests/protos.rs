//! The code that is made of our `.proto` files is committed: nobody who builds needs a compiler for
//! them. This makes it anew and compares.

#![allow(clippy::unwrap_used, reason = "a test may fail so")]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use protox::prost_reflect::prost_types::FileDescriptorSet;

#[test]
fn the_clients_are_what_the_proto_files_say() {
    compare("src/identity/grpc/generated", |builder| {
        builder.build_client(true).build_server(false)
    });
}

#[test]
fn the_servers_of_the_stand_ins_are_what_the_proto_files_say() {
    compare("tests/standins/generated", |builder| {
        builder.build_client(false).build_server(true)
    });
}

/// What holds private keys or tokens.
const SECRET: [&str; 3] = [
    ".X509SVID",
    ".X509SVIDResponse",
    ".io.linkerd.proxy.identity.CertifyRequest",
];

/// Generates, and compares with what is in the folder; under `UPDATE_GOLDEN=1`, writes it there.
fn compare(
    folder: &str,
    sides: impl FnOnce(tonic_prost_build::Builder) -> tonic_prost_build::Builder,
) {
    let made = tempfile::tempdir().unwrap();
    let mut config = tonic_prost_build::Config::new();
    config.default_package_filename("workload");
    sides(tonic_prost_build::configure())
        .build_transport(false)
        .out_dir(made.path())
        .skip_debug(SECRET)
        .compile_fds_with_config(descriptors(), config)
        .unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut stale = vec![];
    for file in fs::read_dir(made.path()).unwrap() {
        let file = file.unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        if text.lines().all(|line| line.starts_with("//")) {
            continue; // a package of which nothing is made, since a library has it
        }
        let place = folder.join(file.file_name());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&place, &text).unwrap();
        }
        if fs::read_to_string(&place).ok() != Some(text) {
            stale.push(place);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} are not current: UPDATE_GOLDEN=1 cargo test --test protos"
    );
    let kept = fs::read_dir(&folder).unwrap().map(|file| file.unwrap());
    for file in kept.filter(|file| file.file_name() != OsStr::new("mod.rs")) {
        let name = file.file_name();
        assert!(made.path().join(&name).exists(), "{name:?} is left over");
    }
}

fn descriptors() -> FileDescriptorSet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/identity/grpc/proto");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    files.sort();
    protox::compile(files, [folder]).unwrap()
}
