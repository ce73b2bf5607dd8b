//! Identities, trust anchors and tokens from a Kubernetes API. Edge.

mod access;
pub(super) mod certificate_request;
mod client;
mod failure;
mod refusal;
mod right;

use std::collections::BTreeMap;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1;
use serde::de::DeserializeOwned;
use serde_json::json;
use zeroize::Zeroizing;

use self::client::ask;
use self::refusal::Refusal;
use self::right::{Right, Verb, What};
use super::Identity;
use super::bounds::short;
use super::bundle_format::bundles;
use super::error::{Flaw, IdentityError, Subject};
use super::origin::{Account, Cluster, Entry, Secret};
use super::supply::Supply;
use super::walk::{Step, Walk};
use crate::certificate::Bundles;

/// The identity in a Secret.
pub(super) async fn secret(from: &Secret, walk: &mut Walk) -> Result<Supply, IdentityError> {
    let who = format!("Secret {}/{}", from.namespace, from.name);
    let right = Right::new(Verb::Get, What::Secret, &from.namespace, Some(&from.name));
    let at = Place {
        who: &who,
        step: Step::Request,
    };
    let entries = entries(&from.cluster, &right, at, walk).await?;
    walk.done(
        Step::Request,
        format!("{who}, {}", counted(entries.len(), "entry", "entries")),
    );
    let at = Place {
        who: &who,
        step: Step::Identity,
    };
    let chain = at.entry(&entries, &from.chain, "chain")?;
    let key = at.entry(&entries, &from.key, "key")?;
    let identity = Identity::from_pem(chain, key).map_err(|error| {
        let entry = match error.subject {
            Subject::Key => &from.key,
            Subject::Chain
            | Subject::Bundle
            | Subject::Crls
            | Subject::File(_)
            | Subject::Mint
            | Subject::Source(_) => &from.chain,
        };
        at.flawed(entry, &error.flaw)
    })?;
    let mut supply = Supply::alone(identity, &who);
    let mut found = "the key belongs to the leaf".to_owned();
    if let Some(bundle) = entries.get(&from.bundle)
        && let Some(roots) =
            came_along(&mut supply, bundle).map_err(|flaw| at.flawed(&from.bundle, &flaw))?
    {
        found += &format!(", {roots} in {:?}", from.bundle);
    }
    walk.done(Step::Identity, found);
    Ok(supply)
}

/// The trust anchors in an entry of a Secret.
pub(super) async fn secret_bundle(
    entry: &Entry,
    walk: &mut Walk,
) -> Result<Bundles, IdentityError> {
    anchors("Secret", What::Secret, entry, walk).await
}

/// The trust anchors in an entry of a ConfigMap.
pub(super) async fn config_map(entry: &Entry, walk: &mut Walk) -> Result<Bundles, IdentityError> {
    anchors("ConfigMap", What::ConfigMap, entry, walk).await
}

/// A token of a service account, by a TokenRequest. What is in it is for the caller to look at.
#[cfg(any(test, feature = "grpc"))]
pub(super) async fn token(
    account: &Account,
    audience: Option<&str>,
    cluster: &Cluster,
    walk: &mut Walk,
) -> Result<Zeroizing<String>, IdentityError> {
    let who = format!("the token of {account}");
    let at = Place {
        who: &who,
        step: Step::Token,
    };
    token_of(account, audience, cluster, at, walk).await
}

/// The same, for a way on which it is no step of its own.
async fn token_of(
    account: &Account,
    audience: Option<&str>,
    cluster: &Cluster,
    at: Place<'_>,
    walk: &mut Walk,
) -> Result<Zeroizing<String>, IdentityError> {
    let Account { namespace, name } = account;
    let right = Right::new(Verb::Create, What::Token, namespace, Some(name));
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {
            "audiences": audience.into_iter().collect::<Vec<_>>(),
            "expirationSeconds": TOKEN_SECONDS,
        },
    });
    let answer = ask(cluster, &right, Some(&request), walk).await;
    let answer: TokenRequest = at.read(answer)?;
    let token = answer.status.map(|status| Zeroizing::new(status.token));
    token.filter(|token| !token.is_empty()).ok_or_else(|| {
        let why = format!("the API answers without a token of {account}");
        IdentityError::at(at.who, at.step, why, NO_KUBERNETES)
    })
}

/// Who fails, and at which step.
#[derive(Clone, Copy)]
struct Place<'a> {
    who: &'a str,
    step: Step,
}

impl Place<'_> {
    fn read<T: DeserializeOwned>(
        self,
        answer: Result<Zeroizing<Vec<u8>>, Refusal>,
    ) -> Result<T, IdentityError> {
        let answer = answer.map_err(|refusal| refusal.at(self.who, self.step))?;
        // Without the words of the parser: they may show what was in it.
        serde_json::from_slice(&answer).map_err(|error| {
            let why = if answer.is_empty() {
                "the API answers with nothing".to_owned()
            } else if error.is_eof() {
                "the answer of the API is cut short".to_owned()
            } else {
                "the answer of the API is not what Kubernetes answers".to_owned()
            };
            IdentityError::at(self.who, self.step, why, NO_KUBERNETES)
        })
    }

    /// What is in an entry cannot be used.
    fn flawed(self, entry: &str, flaw: &Flaw) -> IdentityError {
        let entry = format!("entry {entry:?}");
        IdentityError::flawed(self.who, self.step, entry, flaw, "replace what is in it")
    }

    /// An entry that must be there. `key` is the word for it in a suite.
    fn entry<'e>(
        self,
        entries: &'e Entries,
        name: &str,
        key: &str,
    ) -> Result<&'e [u8], IdentityError> {
        if let Some(found) = entries.get(name) {
            return Ok(found);
        }
        let there = match entries.len() {
            0 => "it is empty".to_owned(),
            more => {
                let names = entries.keys().take(MAX_LISTED);
                let names: Vec<_> = names.map(|name| format!("{:?}", short(name))).collect();
                let rest = match more.saturating_sub(MAX_LISTED) {
                    0 => String::new(),
                    rest => format!(" and {rest} more"),
                };
                format!("it has {}{rest}", names.join(", "))
            }
        };
        Err(IdentityError::at(
            self.who,
            self.step,
            format!("there is no entry {name:?} in it; {there}"),
            format!("name the right one with `{key}` in the suite"),
        ))
    }
}

/// What a Secret or a ConfigMap holds, wiped when dropped.
type Entries = BTreeMap<String, Zeroizing<Vec<u8>>>;

async fn entries(
    cluster: &Cluster,
    right: &Right,
    at: Place<'_>,
    walk: &mut Walk,
) -> Result<Entries, IdentityError> {
    let answer = ask(cluster, right, None, walk).await;
    let binary = |data: Option<BTreeMap<String, k8s_openapi::ByteString>>| {
        let data = data.unwrap_or_default().into_iter();
        data.map(|(name, bytes)| (name, Zeroizing::new(bytes.0)))
    };
    Ok(match right.what {
        What::ConfigMap => {
            let map: v1::ConfigMap = at.read(answer)?;
            let texts = map.data.unwrap_or_default().into_iter();
            let texts = texts.map(|(name, text)| (name, Zeroizing::new(text.into_bytes())));
            texts.chain(binary(map.binary_data)).collect()
        }
        What::Secret | What::Token | What::CertificateRequest => {
            let secret: v1::Secret = at.read(answer)?;
            binary(secret.data).collect()
        }
    })
}

async fn anchors(
    kind: &str,
    what: What,
    entry: &Entry,
    walk: &mut Walk,
) -> Result<Bundles, IdentityError> {
    let who = format!("{kind} {}/{}", entry.namespace, entry.name);
    let right = Right::new(Verb::Get, what, &entry.namespace, Some(&entry.name));
    let at = Place {
        who: &who,
        step: Step::Anchors,
    };
    let entries = entries(&entry.cluster, &right, at, walk).await?;
    let bytes = at.entry(&entries, &entry.key, "key")?;
    bundles(bytes).map_err(|flaw| at.flawed(&entry.key, &flaw))
}

/// Takes the trust anchors that came along with an identity, and says how many. Those that name no trust
/// domain are of the leaf's. cert-manager leaves them out where it does not know them.
fn came_along(supply: &mut Supply, pem: &[u8]) -> Result<Option<String>, Flaw> {
    if pem.trim_ascii().is_empty() {
        return Ok(None);
    }
    let bundles = bundles(pem)?;
    let roots = bundles.iter().map(|(_, bundle)| bundle.anchors().len());
    let roots = counted(roots.sum(), "root", "roots");
    supply.trust = match supply.identity.trust_domain() {
        None => bundles.into(),
        Some(domain) => {
            let mut tagged = Bundles::none();
            for (named, bundle) in bundles.iter() {
                tagged.insert(named.unwrap_or(&domain).clone(), bundle.clone());
            }
            tagged.into()
        }
    };
    Ok(Some(roots))
}

fn counted(count: usize, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    }
}

/// The least that Kubernetes gives.
const TOKEN_SECONDS: u64 = 600;
const MAX_LISTED: usize = 10;
const NO_KUBERNETES: &str = "is it the API server of Kubernetes, and nothing in between?";

#[cfg(test)]
mod tests;
