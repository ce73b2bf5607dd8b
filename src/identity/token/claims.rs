//! What a token says of itself, unverified: whoever refuses one rarely says why, and this is how to know
//! before. Pure.

use std::fmt;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::certificate::rough;
use crate::identity::bounds::short;
use crate::identity::origin::Account;

/// What a JSON Web Token says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::identity) struct Claims {
    /// Whom it proves.
    pub(super) subject: Option<String>,
    /// Who made it.
    pub(in crate::identity) issuer: Option<String>,
    /// Whom it is meant for.
    pub(super) audiences: Vec<String>,
    /// When it ends.
    pub(in crate::identity) expires: Option<Timestamp>,
    /// When it begins.
    pub(super) begins: Option<Timestamp>,
}

/// Why nobody will take a token, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It has ended, so long ago.
    Expired(Timestamp, SignedDuration),
    /// It begins in so long.
    NotYet(Timestamp, SignedDuration),
    /// It is meant for these, and not for this one.
    Audience(Vec<String>, String),
    /// It proves this subject, and not this account.
    Account(Option<String>, Account),
}

impl Claims {
    /// Reads the middle part. The error says what is no token about it, and never quotes it.
    pub(super) fn read(token: &str) -> Result<Self, &'static str> {
        let parts: Vec<&str> = token.split('.').collect();
        let [_, payload, _] = *parts.as_slice() else {
            return Err("it is not three parts with dots between them");
        };
        if !token.bytes().all(in_token) {
            return Err("it holds characters that no token has");
        }
        let payload = BASE64URL.decode(payload).map(Zeroizing::new);
        let payload = payload.map_err(|_| "its second part is not base64url")?;
        let Ok(Value::Object(claims)) = serde_json::from_slice(&payload) else {
            return Err("its second part is not a JSON object");
        };
        let text = |name| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let date = |name| claims.get(name).and_then(seconds);
        Ok(Self {
            subject: text("sub"),
            issuer: text("iss"),
            audiences: match claims.get("aud") {
                Some(Value::String(one)) => vec![one.clone()],
                Some(Value::Array(all)) => all
                    .iter()
                    .filter_map(|one| one.as_str().map(str::to_owned))
                    .collect(),
                Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
                    vec![]
                }
            },
            expires: date("exp"),
            begins: date("nbf"),
        })
    }

    /// The Kubernetes account that it proves.
    pub(super) fn account(&self) -> Option<Account> {
        let subject = self.subject.as_deref()?.strip_prefix(ACCOUNT)?;
        let (namespace, name) = subject.split_once(':')?;
        Some(Account {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// How long it is good for.
    pub(super) fn left(&self, now: Timestamp) -> Option<SignedDuration> {
        let left = self.expires?.duration_since(now);
        Some(left.max(SignedDuration::ZERO))
    }

    /// Why nobody will take it for this account and this audience, where it says so itself.
    pub(super) fn judge(
        &self,
        audience: Option<&str>,
        account: Option<&Account>,
        now: Timestamp,
    ) -> Result<(), Unfit> {
        if let Some(expires) = self.expires {
            let ago = now.duration_since(expires);
            if ago > LEEWAY {
                return Err(Unfit::Expired(expires, ago));
            }
        }
        if let Some(begins) = self.begins {
            let ahead = begins.duration_since(now);
            if ahead > LEEWAY {
                return Err(Unfit::NotYet(begins, ahead));
            }
        }
        if let Some(audience) = audience
            && !self.audiences.iter().any(|one| one == audience)
        {
            return Err(Unfit::Audience(self.audiences.clone(), audience.to_owned()));
        }
        if let Some(account) = account
            && self.account().as_ref() != Some(account)
        {
            return Err(Unfit::Account(self.subject.clone(), account.clone()));
        }
        Ok(())
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(since, ago) => write!(f, "it expired {} ago, at {since}", rough(*ago)),
            Self::NotYet(from, ahead) => {
                write!(f, "it is not valid before {from}, in {}", rough(*ahead))
            }
            Self::Audience(theirs, wanted) if theirs.is_empty() => {
                write!(f, "it names no audience, and {wanted:?} is needed")
            }
            Self::Audience(theirs, wanted) => {
                let theirs: Vec<String> = theirs.iter().map(|one| format!("{one:?}")).collect();
                let theirs = theirs.join(", ");
                write!(f, "it is meant for {}, not for {wanted:?}", short(&theirs))
            }
            Self::Account(None, wanted) => {
                write!(f, "it names no account, and {wanted} is needed")
            }
            Self::Account(Some(theirs), wanted) => {
                let theirs = match theirs
                    .strip_prefix(ACCOUNT)
                    .and_then(|rest| rest.split_once(':'))
                {
                    Some((namespace, name)) => format!("account {namespace}/{name}"),
                    None => format!("{theirs:?}"),
                };
                write!(f, "it proves {}, not account {wanted}", short(&theirs))
            }
        }
    }
}

/// RFC 7519: seconds since 1970, perhaps with a fraction.
fn seconds(value: &Value) -> Option<Timestamp> {
    let fraction = || value.as_f64().filter(|seconds| seconds.is_finite());
    let seconds = value
        .as_i64()
        .or_else(|| fraction().map(|seconds| seconds as i64))?;
    Timestamp::from_second(seconds).ok()
}

const fn in_token(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'=')
}

/// How Kubernetes writes an account into `sub`.
const ACCOUNT: &str = "system:serviceaccount:";
/// By so much clocks may differ: Kubernetes takes a token for a minute beyond its dates.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn a_token_that_says_why_it_will_be_refused_is_not_sent() {
        for (claims, why) in [
            (r#""exp":10000"#, None),
            (r#""exp":9950.5"#, None),
            (
                r#""exp":2800"#,
                Some("it expired 2h ago, at 1970-01-01T00:46:40Z"),
            ),
            (r#""exp":-1e300"#, None), // no date, then
            (r#""nbf":10050"#, None),
            (
                r#""nbf":10300"#,
                Some("it is not valid before 1970-01-01T02:51:40Z, in 5m"),
            ),
            (r#""aud":"istio-ca""#, None),
            (
                r#""aud":["https://kubernetes.default.svc","vault"]"#,
                Some(
                    r#"it is meant for "https://kubernetes.default.svc", "vault", not for "istio-ca""#,
                ),
            ),
            (
                r#""aud":[]"#,
                Some(r#"it names no audience, and "istio-ca" is needed"#),
            ),
            (
                r#""aud":[7,{}]"#,
                Some(r#"it names no audience, and "istio-ca" is needed"#),
            ),
            (
                r#""sub":"system:serviceaccount:shop:cart""#,
                Some("it proves account shop/cart, not account default/frontend"),
            ),
            (
                r#""sub":"alice""#,
                Some(r#"it proves "alice", not account default/frontend"#),
            ),
            (
                r#""sub":null"#,
                Some("it names no account, and default/frontend is needed"),
            ),
        ] {
            let found = Claims::read(&token(claims)).expect(claims);
            let judged = found.judge(Some("istio-ca"), Some(&frontend()), at(10_000));
            assert_eq!(
                judged.err().map(|why| why.to_string()).as_deref(),
                why,
                "{claims}"
            );
        }
    }

    #[test]
    fn what_is_no_token_is_said_without_quoting_it() {
        for (text, why) in [
            ("", "it is not three parts with dots between them"),
            ("opaque", "it is not three parts with dots between them"),
            ("a.b.c.d.e", "it is not three parts with dots between them"),
            ("a.b c.d", "it holds characters that no token has"),
            ("a.\u{fc}.d", "it holds characters that no token has"),
            ("a.b.c", "its second part is not base64url"),
            ("a.W10.c", "its second part is not a JSON object"),
            ("a..c", "its second part is not a JSON object"),
        ] {
            assert_eq!(Claims::read(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_token_tells_its_account_and_how_long_it_lasts() {
        let claims = Claims::read(&token(r#""exp":10540,"iss":"https://here""#)).expect("a token");
        assert_eq!(claims.account(), Some(frontend()));
        assert_eq!(claims.issuer.as_deref(), Some("https://here"));
        assert_eq!(
            claims.left(at(10_000)),
            Some(SignedDuration::from_secs(540))
        );
        assert_eq!(claims.left(at(10_550)), Some(SignedDuration::ZERO));
    }

    #[test]
    fn a_long_audience_is_cut() {
        let claims = Claims::read(&token(&format!(r#""aud":"{}""#, "ä".repeat(9_000))));
        let why = claims
            .expect("a token")
            .judge(Some("istio-ca"), None, at(0));
        let why = why.expect_err("another audience").to_string();
        assert!(why.contains('…') && why.chars().count() < 300, "{why}");
    }

    /// These claims, over those of a good token.
    fn token(claims: &str) -> String {
        let mut all: serde_json::Map<String, Value> = serde_json::from_str(
            r#"{"sub":"system:serviceaccount:default:frontend","aud":["istio-ca"],"exp":20000}"#,
        )
        .expect("claims");
        // One that JSON allows and we cannot hold is put in as it stands.
        if let Ok(over) = serde_json::from_str::<serde_json::Map<_, _>>(&format!("{{{claims}}}")) {
            all.extend(over);
        }
        let payload = URL_SAFE_NO_PAD.encode(Value::Object(all).to_string());
        format!("eyJhbGciOiJSUzI1NiJ9.{payload}.c2lnbmF0dXJl")
    }

    fn frontend() -> Account {
        Account {
            namespace: "default".to_owned(),
            name: "frontend".to_owned(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a moment")
    }
}
