//! What a release holds: the man pages and completions of every command, and always the same bytes.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::Arg;
use mtls_probe::cli;
use tempfile::TempDir;

#[test]
fn a_package_documents_every_command_and_every_flag() {
    let package = Package::made();
    let folder = package.unpacked();
    let whole = cli::definition();
    let shown = |arg: &&Arg| !arg.is_hide_set();
    let flags = |command: &clap::Command| -> Vec<String> {
        let flags = command.get_arguments().filter(shown);
        flags
            .filter_map(|arg| arg.get_long().map(str::to_owned))
            .collect()
    };
    let page = |name: &str| fs::read_to_string(folder.join("man").join(name)).unwrap();
    let main = page("probe.1");
    let completions = ["probe.bash", "_probe", "probe.fish"];
    let completions = completions.map(|name| {
        (
            name,
            fs::read_to_string(folder.join("completions").join(name)).unwrap(),
        )
    });
    let mut pages = 1;
    for command in whole.get_subcommands() {
        let name = command.get_name();
        let own = page(&format!("probe-{name}.1"));
        pages += 1;
        assert!(
            own.contains(&format!(".TH probe-{name} 1  \"probe ")),
            "{own}"
        );
        assert!(main.contains(&roff(&format!("probe-{name}(1)"))), "{name}");
        // Those of every command stand with each.
        for flag in flags(command).into_iter().chain(["config".to_owned()]) {
            assert!(own.contains(&roff(&format!("--{flag}"))), "{name} --{flag}");
        }
        for (shell, text) in &completions {
            assert!(text.contains(name), "{shell} does not complete {name}");
            for flag in flags(command) {
                assert!(
                    text.contains(&flag),
                    "{shell} does not complete {name} --{flag}"
                );
            }
        }
    }
    for flag in flags(&whole) {
        assert!(main.contains(&roff(&format!("--{flag}"))), "--{flag}");
    }
    assert_eq!(fs::read_dir(folder.join("man")).unwrap().count(), pages);
    let script = folder.join("completions/probe.bash");
    let checked = done(Command::new("bash").arg("-n").arg(script));
    assert!(checked.status.success());
}

#[test]
fn a_package_is_whole() {
    let package = Package::made();
    let folder = package.unpacked();
    for name in [
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "docs/README.md",
        "docs/reference/commands.md",
        "probes/strict-mtls.yaml",
        "deploy/prometheus/rules.yaml",
    ] {
        let shipped = fs::read(folder.join(name)).unwrap();
        assert!(shipped == fs::read(root().join(name)).unwrap(), "{name}");
    }
    let said = done(Command::new(folder.join("probe")).arg("--version"));
    assert_eq!(said.stdout, b"a program\n");
}

#[test]
fn two_packages_of_one_program_are_the_same_to_the_byte() {
    let [first, second] = ["022", "077"].map(Package::made_under);
    assert!(first.bytes() == second.bytes());
    // What is listed is what a stranger may read, and nobody's.
    let listed = done(
        Command::new("tar")
            .args(["--list", "--verbose", "--numeric-owner", "--file"])
            .arg(first.archive()),
    );
    let listed = String::from_utf8(listed.stdout).unwrap();
    for line in listed.lines() {
        assert!(
            line.contains(" 0/0 ") && line.contains(" 2026-01-02 "),
            "{line}"
        );
        assert!(
            line.starts_with("-rw-r--r--")
                || line.starts_with("drwxr-xr-x")
                || line.ends_with("/probe"),
            "{line}"
        );
    }
}

#[test]
fn a_release_is_of_the_version_that_is_here() {
    for (arguments, words) in [
        (&["9.9.9"][..], "this checkout is version"),
        (&[], "which version?"),
        (&["--bogus"], "unknown flag --bogus"),
    ] {
        let refused = done(Command::new(root().join("release/build")).args(arguments));
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

/// The archive that `release/package` makes, of a program that is quick to pack.
struct Package(TempDir);

impl Package {
    fn made() -> Self {
        Self::made_under("022")
    }

    fn made_under(umask: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "#!/bin/sh\necho a program\n").unwrap();
        let packed = done(
            Command::new("sh")
                .args(["-c", &format!("umask {umask} && exec \"$@\""), "sh"])
                .arg(root().join("release/package"))
                .args(["--version", VERSION, "--target", TARGET, "--binary"])
                .arg(&program)
                .args(["--speaker", env!("CARGO_BIN_EXE_probe"), "--out"])
                .arg(folder.path().join("dist"))
                // 2026-01-02
                .env("SOURCE_DATE_EPOCH", "1767312000")
                .env("TZ", "UTC"),
        );
        let complaint = String::from_utf8_lossy(&packed.stderr);
        assert!(packed.status.success(), "{complaint}");
        Self(folder)
    }

    fn archive(&self) -> PathBuf {
        let name = format!("mtls-probe-{VERSION}-{TARGET}.tar.gz");
        self.0.path().join("dist").join(name)
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.archive()).unwrap()
    }

    /// The one folder in it.
    fn unpacked(&self) -> PathBuf {
        let unpacked = done(
            Command::new("tar")
                .arg("--extract")
                .arg("--directory")
                .arg(self.0.path())
                .arg("--file")
                .arg(self.archive()),
        );
        assert!(unpacked.status.success());
        self.0.path().join(format!("mtls-probe-{VERSION}-{TARGET}"))
    }
}

/// Words as a man page writes them.
fn roff(text: &str) -> String {
    text.replace('-', "\\-")
}

fn done(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const VERSION: &str = "1.2.3";
const TARGET: &str = "some-target";
