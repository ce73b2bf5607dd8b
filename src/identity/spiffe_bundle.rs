//! SPIFFE bundles and maps of them, in JSON: Trust Domain and Bundle section 4, X509-SVID section 6. Pure.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::bundle_format::{Held, concatenated};
use super::error::Flaw;
use crate::certificate::{Bundle, TrustDomain};

/// What a JSON text trusts.
pub(super) fn read(json: &[u8]) -> Result<Held, Flaw> {
    let text: Text = serde_json::from_slice(json).map_err(|error| unreadable(&error))?;
    match (text.keys, text.trust_domains) {
        (Some(keys), None) => bundle(&keys).map(Held::One).map_err(wrong),
        (None, Some(Domains(domains))) => {
            let bundles = domains.into_iter().map(|(domain, bundle_text)| {
                let of_domain = |why| wrong(format!("trust domain {domain}: {why}"));
                let keys = bundle_text
                    .keys
                    .ok_or_else(|| of_domain(NO_KEYS.to_owned()))?;
                let bundle = bundle(&keys).map_err(of_domain)?;
                Ok((domain, bundle))
            });
            bundles.collect::<Result<_, _>>().map(Held::Map)
        }
        (Some(_), Some(_)) => Err(wrong(
            "it has both \"keys\" and \"trust_domains\"; it is one bundle or a map of them"
                .to_owned(),
        )),
        (None, None) => Err(wrong(format!(
            "{NO_KEYS}, nor \"trust_domains\", which is a map of bundles"
        ))),
    }
}

/// The anchors among the keys. Those for other purposes are none of ours.
fn bundle(keys: &[Key]) -> Result<Bundle, String> {
    let mut certificates = vec![];
    for (nth, key) in keys.iter().enumerate() {
        let of_key = |why: &str| format!("key {} {why}", nth + 1);
        if key.is_private() {
            return Err(of_key(
                "is a private key, and a trust bundle is public; remove what makes it private",
            ));
        }
        let is_ours = key.purpose.as_deref() == Some("x509-svid") && key.kind.is_some();
        let (true, Some(chain)) = (is_ours, &key.chain) else {
            continue;
        };
        let first = chain.first();
        let first =
            first.ok_or_else(|| of_key("has an empty x5c, where its certificate belongs"))?;
        let der = STANDARD.decode(first);
        let der = der.map_err(|why| of_key(&format!("has an x5c that is no base64: {why}")))?;
        certificates.push((nth, one(&der).map_err(|why| of_key(&why))?));
    }
    if certificates.is_empty() && !keys.is_empty() && !keys.iter().any(Key::is_of_spiffe) {
        return Err(format!(
            "it is a JSON Web Key Set, but none of its {} keys is for SPIFFE: an X.509 trust anchor has \"use\": \"x509-svid\"",
            keys.len()
        ));
    }
    let (places, ders): (Vec<_>, Vec<_>) = certificates.into_iter().unzip();
    Bundle::new(ders).map_err(|(nth, why)| {
        let place = places.get(nth).map_or(0, |place| place + 1);
        format!("the certificate of key {place} {why}")
    })
}

fn one(der: &[u8]) -> Result<CertificateDer<'static>, String> {
    match concatenated(der).as_deref() {
        Ok([one]) => Ok(one.clone()),
        Ok(several) => Err(format!(
            "has {} certificates in one element of x5c, where one belongs",
            several.len()
        )),
        Err(_) => Err("has an x5c that is no certificate in DER".to_owned()),
    }
}

/// Either of the two, as it stands in the text.
#[derive(Deserialize)]
struct Text {
    keys: Option<Vec<Key>>,
    trust_domains: Option<Domains>,
    #[serde(rename = "spiffe_sequence")]
    _sequence: Option<u64>,
    #[serde(rename = "spiffe_refresh_hint")]
    _refresh_hint: Option<u64>,
}

#[derive(Deserialize)]
struct BundleText {
    keys: Option<Vec<Key>>,
    #[serde(rename = "spiffe_sequence")]
    _sequence: Option<u64>,
    #[serde(rename = "spiffe_refresh_hint")]
    _refresh_hint: Option<u64>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "use")]
    purpose: Option<String>,
    #[serde(rename = "kty")]
    kind: Option<String>,
    #[serde(rename = "x5c")]
    chain: Option<Vec<String>>,
    #[serde(rename = "d")]
    private: Option<IgnoredAny>,
    #[serde(rename = "k")]
    symmetric: Option<IgnoredAny>,
}

impl Key {
    fn is_private(&self) -> bool {
        self.private.is_some() || self.symmetric.is_some()
    }

    /// Of today, or of a time to come.
    fn is_of_spiffe(&self) -> bool {
        let purpose = self.purpose.as_deref();
        purpose.is_some_and(|purpose| purpose.ends_with("-svid"))
    }
}

/// In the order of the text, each trust domain once.
struct Domains(Vec<(TrustDomain, BundleText)>);

impl<'de> Deserialize<'de> for Domains {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(DomainsVisitor)
    }
}

struct DomainsVisitor;

impl<'de> Visitor<'de> for DomainsVisitor {
    type Value = Domains;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bundle for each trust domain")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Domains, A::Error> {
        let mut domains: Vec<(TrustDomain, BundleText)> = vec![];
        while let Some(name) = map.next_key::<String>()? {
            let domain: TrustDomain = name
                .parse()
                .map_err(|why| A::Error::custom(format!("trust domain {name:?} {why}")))?;
            if domains.iter().any(|(known, _)| *known == domain) {
                return Err(A::Error::custom(format!(
                    "trust domain {domain} stands there twice; one of its bundles is the wrong one"
                )));
            }
            domains.push((domain, map.next_value()?));
        }
        Ok(Domains(domains))
    }
}

/// With line and column, and without more of the text than helps.
fn unreadable(error: &serde_json::Error) -> Flaw {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let why = said.strip_suffix(&place).unwrap_or(&said);
    let why = shortened(why);
    Flaw::Json {
        line: error.line(),
        column: error.column(),
        why,
    }
}

/// Begin and end: between them stands what the text holds.
fn shortened(words: &str) -> String {
    let length = words.chars().count();
    if length <= 2 * MAX_HALF {
        return words.to_owned();
    }
    let begin: String = words.chars().take(MAX_HALF).collect();
    let end: String = words.chars().skip(length - MAX_HALF).collect();
    format!("{begin}…{end}")
}

fn wrong(why: String) -> Flaw {
    Flaw::SpiffeBundle(why)
}

const NO_KEYS: &str = "it has no \"keys\", which a SPIFFE bundle has even where it trusts nobody";
const MAX_HALF: usize = 80;
