//! The suite format, version 1: YAML text to a [`Suite`]. Pure; what it names is read by others.

use std::path::Path;

use super::bundle;
use super::expect;
use super::mistake::{At, Mistakes, SuiteError};
use super::negatives;
use super::reader::{Keys, Reader};
use super::rotation;
use super::source::{self, Settings, kubernetes};
use super::target::{self, Declared, Defaults};
use super::yaml::{self, Key, Node, START, Value};
use super::{BundleSource, Scope, Source, SourceName, Suite, Target, TargetName};
use crate::identity::Origin;
use crate::target::Dialect;

impl Suite {
    /// Reads a suite. `name` is what people know the file by; relative paths in it begin at `folder`.
    ///
    /// Keys that are absent are no mistake: a suite without targets serves as the configuration of a
    /// single probe. Its rows are the sources in the order written, then `none` and `plaintext` where
    /// they are listed, named by an expectation, or needed to tell an expected mode.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// let text = "{ version: 1, targets: { api: { adress: 'api:8443' } } }";
    /// let error = mtls_probe::suite::Suite::parse("a.yaml", Path::new(""), text).unwrap_err();
    /// assert!(error.to_string().contains("did you mean \"address\"?"));
    /// ```
    pub fn parse(name: &str, folder: &Path, text: &str) -> Result<Self, SuiteError> {
        let mut reader = Reader {
            mistakes: Mistakes::of(name, text),
            folder,
            scope: Scope::default(),
        };
        let root = yaml::read(text, &mut reader.mistakes);
        let suite = root.and_then(|root| suite(name, &root, &mut reader));
        reader.mistakes.finish(suite)
    }
}

fn suite(name: &str, root: &Node, reader: &mut Reader<'_>) -> Option<Suite> {
    let example = "version: 1";
    let mut keys = Keys::of("suite".to_owned(), START, root, example, reader)?;
    version(&mut keys, reader)?;
    if let Some(node) = keys.take("trust_domain") {
        reader.scope.trust_domain = match reader.parsed("trust_domain", node) {
            Some(domain) => Some(domain),
            // The mistake is noted; every short ID would only repeat it.
            None => "unknown".parse().ok(),
        };
    }
    if let Some(node) = keys.take("namespace")
        && let Some(namespace) = kubernetes::namespace("namespace", node, reader)
    {
        reader.scope.namespace = namespace;
    }
    let (defaults, settings) = match keys.take("defaults") {
        Some(node) => what_is_left_out(keys.place("defaults"), node, reader),
        None => (Defaults::default(), Settings::default()),
    };
    let mut bundles: Vec<BundleSource> = vec![];
    for (key, node) in entries(&mut keys, "bundles", bundle::EXAMPLE, reader) {
        let Some(bundle) = bundle::bundle(key, node, &settings, reader) else {
            continue;
        };
        if bundles.iter().any(|known| known.whose == bundle.whose) {
            let what = format!(
                "there is a bundle for {:?} already; put all roots of a trust domain into one file",
                key.name
            );
            reader.mistakes.add(key.at, what);
        }
        bundles.push(bundle);
    }
    let crls = match keys.take("crls") {
        Some(node) => {
            let items = reader.items(node).iter();
            items.filter_map(|item| reader.path("crls", item)).collect()
        }
        None => vec![],
    };

    let written = entries(&mut keys, "sources", source::EXAMPLE, reader);
    for (key, _) in written
        .iter()
        .filter(|(key, _)| key.name == SourceName::NEGATIVES)
    {
        let what = "\"negatives\" stands for all sources of the section `negatives` in `from`; name this source otherwise";
        reader.mistakes.add(key.at, what);
    }
    let mut sources: Vec<_> = written
        .iter()
        .filter(|(key, _)| !is_pseudo(&key.name))
        .filter_map(|(key, node)| source::source(key, node, &settings, reader))
        .collect();
    let spoilt = keys
        .take("negatives")
        .map(|node| negatives::negatives(keys.place("negatives"), node, &sources, reader));
    let negatives = spoilt.as_ref().map(|spoilt| {
        let names = spoilt.iter().map(|source| source.name.clone());
        names.collect::<Vec<_>>()
    });
    sources.extend(spoilt.unwrap_or_default());
    let listed = pseudo_sources(written, reader);

    let declared = Declared::of(&bundles);
    let columns = entries(&mut keys, "targets", target::EXAMPLE, reader);
    let targets: Vec<_> = columns
        .iter()
        .filter_map(|(key, node)| target::target(key, node, &defaults, &declared, reader))
        .collect();

    let lines = match keys.take("expect") {
        Some(node) => reader.items(node),
        None => &[],
    };
    let mut rows: Vec<_> = (written.iter())
        .filter(|(key, _)| !is_pseudo(&key.name))
        .map(|(key, _)| SourceName::new(&key.name))
        .collect();
    rows.extend(negatives.iter().flatten().cloned());
    for (name, origin) in PSEUDO {
        if let Some(at) = listed_at(&listed, name).or_else(|| expect::first_use(lines, name)) {
            rows.push(SourceName::new(name));
            sources.push(Source {
                name: SourceName::new(name),
                origin,
                id: None,
                place: reader.mistakes.place(at),
            });
        }
    }
    let rotation = keys.take("rotation");
    let rotation = rotation
        .and_then(|node| rotation::rotation(keys.place("rotation"), node, &sources, reader));
    let columns: Vec<_> = columns
        .iter()
        .map(|(key, _)| TargetName::new(&key.name))
        .collect();
    through_sidecars(&sources, &targets, reader);
    let expectations = expect::expectations(lines, &rows, negatives.as_deref(), &columns, reader);
    keys.close(reader);
    Some(Suite {
        name: name.to_owned(),
        scope: reader.scope.clone(),
        bundles,
        crls,
        sources,
        targets,
        expectations,
        rotation,
    })
}

/// Nothing else is read of a suite of another version: its keys mean what we do not know.
fn version(keys: &mut Keys<'_>, reader: &mut Reader<'_>) -> Option<()> {
    let Some(node) = keys.need("version", "begin it with `version: 1`") else {
        return Some(());
    };
    match reader.text("version", node)? {
        "1" => Some(()),
        other => {
            let what = format!("version {other:?} is not known; this program reads `version: 1`");
            reader.refuse(node.at, what)
        }
    }
}

/// What targets and sources may leave out.
fn what_is_left_out(at: At, node: &Node, reader: &mut Reader<'_>) -> (Defaults, Settings) {
    let keys = Keys::of("defaults".to_owned(), at, node, "{ timeout: 3s }", reader);
    let Some(mut keys) = keys else {
        return (Defaults::default(), Settings::default());
    };
    let defaults = target::defaults(&mut keys, reader);
    let settings = source::settings(&mut keys, reader);
    keys.close(reader);
    (defaults, settings)
}

/// The entries of a map of named things. A key without any is a mistake, an absent key is not.
fn entries<'n>(
    keys: &mut Keys<'n>,
    name: &'static str,
    example: &str,
    reader: &mut Reader<'_>,
) -> &'n [(Key, Node)] {
    let Some(node) = keys.take(name) else {
        return &[];
    };
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for (key, _) in entries {
                // No trust domain is called so.
                if name != "bundles" || key.name != bundle::EACH {
                    check_name(key, reader);
                }
            }
            entries
        }
        Value::Map(_) | Value::Empty => {
            let what = format!("{name} is empty; write for example `{example}`, or remove the key");
            reader.mistakes.add(keys.place(name), what);
            &[]
        }
        Value::Text(_) | Value::List(_) => {
            let what = format!("{name} is not a map of names; write for example `{example}`");
            reader.mistakes.add(node.at, what);
            &[]
        }
    }
}

fn check_name(key: &Key, reader: &mut Reader<'_>) {
    let name = &key.name;
    if name.is_empty() {
        reader.mistakes.add(key.at, "an empty name; give it one");
    } else if name.contains('*') {
        let what = format!("name {name:?} holds a \"*\", which stands for any name; use another");
        reader.mistakes.add(key.at, what);
    } else if name.chars().any(char::is_control) || name.trim() != name {
        let what = format!("name {name:?} has control characters or blanks around it; remove them");
        reader.mistakes.add(key.at, what);
    } else if name.len() > MAX_NAME {
        let what = format!("a name of {} bytes; {MAX_NAME} are allowed", name.len());
        reader.mistakes.add(key.at, what);
    }
}

fn is_pseudo(name: &str) -> bool {
    PSEUDO.iter().any(|(pseudo, _)| *pseudo == name)
}

/// Whoever goes through our own sidecar is taken for its identity, whatever it came with.
fn through_sidecars(sources: &[Source], targets: &[Target], reader: &mut Reader<'_>) {
    let others = sources.iter().find(|one| one.origin != Origin::Sidecar);
    let through = targets
        .iter()
        .find(|one| one.way.dialect == Dialect::Sidecar);
    if let (Some(other), Some(target)) = (others, through) {
        let what = format!(
            "target {:?} is reached through our own sidecar, which brings its identity: source {:?} cannot be told from it there; keep `sidecar: {{}}` as the only source, and put the others into another suite",
            target.name.as_str(),
            other.name.as_str()
        );
        reader.mistakes.add(At::of(&target.place), what);
    }
}

/// The pseudo-sources that are listed. They take no keys: what they are is fixed.
fn pseudo_sources<'n>(written: &'n [(Key, Node)], reader: &mut Reader<'_>) -> Vec<&'n Key> {
    let mut listed = vec![];
    for (key, node) in written.iter().filter(|(key, _)| is_pseudo(&key.name)) {
        match &node.value {
            Value::Empty => {}
            Value::Map(entries) if entries.is_empty() => {}
            Value::Map(_) | Value::List(_) | Value::Text(_) => {
                let (what, name) = (meaning(&key.name), &key.name);
                let what = format!(
                    "source {name:?} always means {what} and takes no keys; write `{name}: {{}}`, or name this source otherwise"
                );
                reader.mistakes.add(key.at, what);
            }
        }
        listed.push(key);
    }
    listed
}

fn meaning(pseudo: &str) -> &'static str {
    match pseudo {
        SourceName::NONE => "TLS without a client certificate",
        SourceName::SIDECAR => "the identity of our own sidecar",
        _ => "no TLS at all",
    }
}

fn listed_at(listed: &[&Key], name: &str) -> Option<At> {
    let key = listed.iter().find(|key| key.name == name);
    key.map(|key| key.at)
}

/// The pseudo-sources, in the order of their rows.
const PSEUDO: [(&str, Origin); 3] = [
    (SourceName::NONE, Origin::NoCertificate),
    (SourceName::PLAINTEXT, Origin::Plaintext),
    (SourceName::SIDECAR, Origin::Sidecar),
];
const MAX_NAME: usize = 253;
