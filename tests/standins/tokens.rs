//! Tokens of Kubernetes service accounts, and the review that an API server makes of them. The signature
//! is a marker: one of another cluster is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use mtls_probe::run::now;
use serde_json::{Value, json};

/// A good token of an account, for ten minutes and a half: a moment more or less does not show.
pub(crate) fn token(namespace: &str, name: &str, audience: &str) -> String {
    with(namespace, name, json!({ "aud": [audience] }))
}

/// The same with other claims.
pub(crate) fn with(namespace: &str, name: &str, claims: Value) -> String {
    let mut all = json!({
        "iss": "https://kubernetes.default.svc",
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
        "exp": (now() + SignedDuration::from_secs(630)).as_second(),
        "nbf": now().as_second(),
        "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": name } },
    });
    let (all_of, Value::Object(claims)) = (all.as_object_mut().unwrap(), claims) else {
        panic!("claims are an object");
    };
    all_of.extend(claims);
    signed(&all, SIGNATURE)
}

/// A good token, but of another cluster.
pub(crate) fn of_another_cluster(namespace: &str, name: &str, audience: &str) -> String {
    let good = token(namespace, name, audience);
    let (body, _) = good.rsplit_once('.').unwrap();
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(ANOTHER))
}

/// The account of a token for this audience, or why it is refused.
pub(crate) fn review(token: &str, audience: &str) -> Result<(String, String), &'static str> {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, body, signature] = *parts.as_slice() else {
        return Err("malformed");
    };
    if signature.is_empty() || signature == URL_SAFE_NO_PAD.encode(ANOTHER) {
        return Err("bad signature");
    }
    let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| "malformed")?;
    let claims: Value = serde_json::from_slice(&body).map_err(|_| "malformed")?;
    if claims["exp"]
        .as_i64()
        .is_none_or(|exp| exp <= now().as_second())
    {
        return Err("expired");
    }
    let meant = claims["aud"].as_array().into_iter().flatten();
    if !meant.into_iter().any(|one| one == audience) {
        return Err("audience");
    }
    let account = claims["sub"].as_str().unwrap_or_default();
    let account = account
        .strip_prefix("system:serviceaccount:")
        .ok_or("no account")?;
    let (namespace, name) = account.split_once(':').ok_or("no account")?;
    Ok((namespace.to_owned(), name.to_owned()))
}

fn signed(claims: &Value, signature: &str) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let header = part(br#"{"alg":"RS256","kid":"1"}"#);
    let claims = part(claims.to_string().as_bytes());
    format!("{header}.{claims}.{}", part(signature.as_bytes()))
}

const SIGNATURE: &str = "signed by the cluster of these tests";
const ANOTHER: &str = "signed by another cluster";
