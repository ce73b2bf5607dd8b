//! Which suites to read, and reading them.

use std::fs;
use std::path::{Path, PathBuf};

use super::Trouble;
use super::arguments::{Around, Common};
use crate::identity::{Cluster, Endpoint, Surroundings};
use crate::suite::{Suite, Target};

/// The suites named on the command line, else the configured ones. Never empty.
pub(super) fn named(paths: &[PathBuf], common: &Common) -> Result<Vec<Suite>, Trouble> {
    let suites = if paths.is_empty() {
        configured(common)?
    } else {
        paths
            .iter()
            .map(|path| read(path))
            .collect::<Result<Vec<_>, _>>()?
            .concat()
    };
    let mut suites = with_flags(suites, common);
    complete(&mut suites, common)?;
    if suites.is_empty() {
        return Err(Trouble::usage(
            "there is no suite: name one, set PROBE_CONFIG, or write probe.yaml or probes/*.yaml \
             here (`probe demo` needs none)",
        ));
    }
    Ok(suites)
}

/// The suites of `--config` or `PROBE_CONFIG`, else of `probe.yaml`, else of `probes/`; none where
/// there are none.
pub(super) fn configured(common: &Common) -> Result<Vec<Suite>, Trouble> {
    if let Some(path) = &common.config {
        return read(path);
    }
    for usual in ["probe.yaml", "probes"] {
        let path = Path::new(usual);
        if path.exists() {
            return read(path);
        }
    }
    Ok(vec![])
}

/// Flags that change every target.
fn with_flags(mut suites: Vec<Suite>, common: &Common) -> Vec<Suite> {
    for target in suites.iter_mut().flat_map(|suite| &mut suite.targets) {
        with_common(target, common);
    }
    suites
}

/// Fills in what suites leave open of where identities come from.
pub(super) fn complete(suites: &mut [Suite], common: &Common) -> Result<(), Trouble> {
    let Around {
        spiffe_endpoint_socket,
        kubeconfig,
        context,
    } = &common.around;
    let socket = spiffe_endpoint_socket.as_ref();
    let socket = socket.filter(|text| !text.is_empty());
    let endpoint = socket.map(|text| text.parse::<Endpoint>()).transpose();
    let around = Surroundings {
        workload_api: endpoint.clone().unwrap_or_default(),
        cluster: Cluster {
            kubeconfig: kubeconfig.clone(),
            context: context.clone(),
        },
    };
    for suite in suites {
        for source in &mut suite.sources {
            around.complete(&mut source.origin);
        }
        for bundle in &mut suite.bundles {
            around.complete_bundle(&mut bundle.origin);
        }
        // What is in the environment is no mistake where nobody needs it.
        let mut sources = suite.sources.iter();
        let mut bundles = suite.bundles.iter();
        let lacks = sources.any(|source| source.origin.lacks_endpoint())
            || bundles.any(|bundle| bundle.origin.lacks_endpoint());
        if let (true, Err(why), Some(socket)) = (lacks, &endpoint, socket) {
            return Err(Trouble::usage(format!(
                "--spiffe-endpoint-socket (SPIFFE_ENDPOINT_SOCKET) {socket:?} {why}"
            )));
        }
    }
    Ok(())
}

/// The flags that change a target.
pub(super) fn with_common(target: &mut Target, common: &Common) {
    target.timeout = common.timeout.unwrap_or(target.timeout);
    target.attempts = common.attempts.unwrap_or(target.attempts);
    target.pause.length = common.pause.unwrap_or(target.pause.length);
    target.pause.jitter = common.jitter.unwrap_or(target.pause.jitter);
    target.dns_server = common.dns_server.or(target.dns_server);
    target.follow_ups &= !common.no_follow_ups;
}

/// One file, or every `*.yaml` and `*.yml` of a folder in the order of their names.
fn read(path: &Path) -> Result<Vec<Suite>, Trouble> {
    let cannot =
        |path: &Path, err| Trouble::usage(format!("cannot read {}: {err}", path.display()));
    let metadata = fs::metadata(path).map_err(|err| cannot(path, err))?;
    if !metadata.is_dir() {
        return Ok(vec![read_file(path)?]);
    }
    let mut files = vec![];
    for entry in fs::read_dir(path).map_err(|err| cannot(path, err))? {
        let file = entry.map_err(|err| cannot(path, err))?.path();
        let is_yaml = file
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        if is_yaml && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let words = format!("there is no *.yaml in {}", path.display());
        return Err(Trouble::usage(words));
    }
    files.iter().map(|file| read_file(file)).collect()
}

fn read_file(path: &Path) -> Result<Suite, Trouble> {
    let bytes = fs::read(path)
        .map_err(|err| Trouble::usage(format!("cannot read {}: {err}", path.display())))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Trouble::usage(format!("{} is not UTF-8 text", path.display())))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Suite::parse(&path.display().to_string(), folder, &text).map_err(Trouble::Suite)
}
