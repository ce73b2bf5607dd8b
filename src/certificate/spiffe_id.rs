//! SPIFFE IDs and trust domains, strict: a value of these types is always valid.
//!
//! Source of the rules: SPIFFE-ID, section 2. Like go-spiffe we take upper case in the scheme or the
//! trust domain for an error, so that one identity has one spelling.

use std::fmt;
use std::str::FromStr;

/// The longest ID the standard asks everybody to support.
const MAX_ID: usize = 2048;
/// The longest trust domain name.
const MAX_TRUST_DOMAIN: usize = 255;
const SCHEME: &str = "spiffe://";

/// The name of a trust domain, for example `cluster.local`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// The name alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TrustDomain {
    type Err = InvalidSpiffeId;

    /// Takes the bare name, or the trust domain's own SPIFFE ID (`spiffe://cluster.local`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.strip_prefix(SCHEME).unwrap_or(text);
        if name.is_empty() {
            return Err(InvalidSpiffeId::NoTrustDomain);
        }
        if name.len() > MAX_TRUST_DOMAIN {
            return Err(InvalidSpiffeId::TrustDomainTooLong(name.len()));
        }
        match name.chars().find(|c| !in_trust_domain(*c)) {
            Some(c) => Err(InvalidSpiffeId::TrustDomainCharacter(c)),
            None => Ok(Self(name.to_owned())),
        }
    }
}

/// A SPIFFE ID, for example `spiffe://cluster.local/ns/default/sa/frontend`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    trust_domain: TrustDomain,
    /// Empty, or begins with a slash.
    path: String,
}

impl SpiffeId {
    /// The ID of a Kubernetes service account, as Istio writes it.
    pub fn of_service_account(
        trust_domain: &TrustDomain,
        namespace: &str,
        account: &str,
    ) -> Result<Self, InvalidSpiffeId> {
        format!("{SCHEME}{trust_domain}/ns/{namespace}/sa/{account}").parse()
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The path with its leading slash, or nothing for the trust domain itself.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}{}", self.trust_domain, self.path)
    }
}

impl FromStr for SpiffeId {
    type Err = InvalidSpiffeId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_ID {
            return Err(InvalidSpiffeId::TooLong(text.len()));
        }
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or(InvalidSpiffeId::NotSpiffe)?;
        let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let trust_domain = domain.parse()?;
        for segment in path.split('/').skip(1) {
            match segment {
                "" => return Err(InvalidSpiffeId::EmptySegment),
                "." | ".." => return Err(InvalidSpiffeId::DotSegment),
                _ => {}
            }
            if let Some(c) = segment.chars().find(|c| !in_path(*c)) {
                return Err(InvalidSpiffeId::PathCharacter(c));
            }
        }
        Ok(Self {
            trust_domain,
            path: path.to_owned(),
        })
    }
}

fn in_trust_domain(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_')
}

fn in_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// Why a text is not a SPIFFE ID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpiffeId {
    /// Another scheme, or none.
    #[error("does not begin with \"spiffe://\"")]
    NotSpiffe,
    /// Nothing stands where the trust domain belongs.
    #[error("has no trust domain")]
    NoTrustDomain,
    /// The trust domain is over 255 bytes.
    #[error("has a trust domain of {0} bytes; 255 are allowed")]
    TrustDomainTooLong(usize),
    /// Upper case, a port, user information and percent-encoding all end here.
    #[error("has {0:?} in its trust domain; only a-z, 0-9, '.', '-' and '_' are allowed")]
    TrustDomainCharacter(char),
    /// A query, a fragment and percent-encoding all end here.
    #[error("has {0:?} in its path; only letters, digits, '.', '-' and '_' are allowed")]
    PathCharacter(char),
    /// Two slashes in a row, or one at the end.
    #[error("has an empty path segment (a double or a trailing slash)")]
    EmptySegment,
    /// Relative segments.
    #[error("has a \".\" or \"..\" path segment")]
    DotSegment,
    /// The whole ID is over 2048 bytes.
    #[error("is {0} bytes long; 2048 are allowed")]
    TooLong(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_ids_keep_their_parts() {
        for (text, domain, path) in [
            (
                "spiffe://cluster.local/ns/default/sa/frontend",
                "cluster.local",
                "/ns/default/sa/frontend",
            ),
            ("spiffe://td", "td", ""),
            ("spiffe://1.2.3.4/service", "1.2.3.4", "/service"),
            ("spiffe://a_b-c.d/A.b-c_D/..x", "a_b-c.d", "/A.b-c_D/..x"),
        ] {
            let id: SpiffeId = text.parse().expect(text);
            assert_eq!((id.trust_domain().as_str(), id.path()), (domain, path));
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn each_broken_rule_is_named() {
        use InvalidSpiffeId::*;
        let long_domain = format!("spiffe://{}/x", "a".repeat(256));
        let long_id = format!("spiffe://td/{}", "a".repeat(2048));
        for (text, why) in [
            ("", NotSpiffe),
            ("cluster.local/ns/a/sa/b", NotSpiffe),
            ("SPIFFE://td/x", NotSpiffe),
            ("https://td/x", NotSpiffe),
            ("spiffe:/td/x", NotSpiffe),
            ("spiffe://", NoTrustDomain),
            ("spiffe:///x", NoTrustDomain),
            ("spiffe://TD/x", TrustDomainCharacter('T')),
            ("spiffe://td:8080/x", TrustDomainCharacter(':')),
            ("spiffe://user@td/x", TrustDomainCharacter('@')),
            ("spiffe://[::1]/x", TrustDomainCharacter('[')),
            ("spiffe://t%64/x", TrustDomainCharacter('%')),
            ("spiffe://t\u{fc}/x", TrustDomainCharacter('\u{fc}')),
            ("spiffe://td?q", TrustDomainCharacter('?')),
            ("spiffe://td/x?q=1", PathCharacter('?')),
            ("spiffe://td/x#f", PathCharacter('#')),
            ("spiffe://td/%41", PathCharacter('%')),
            ("spiffe://td/a b", PathCharacter(' ')),
            ("spiffe://td/\u{1b}[2J", PathCharacter('\u{1b}')),
            ("spiffe://td/", EmptySegment),
            ("spiffe://td//x", EmptySegment),
            ("spiffe://td/x/", EmptySegment),
            ("spiffe://td/./x", DotSegment),
            ("spiffe://td/x/..", DotSegment),
            (&long_domain, TrustDomainTooLong(256)),
            (&long_id, TooLong(2060)),
        ] {
            assert_eq!(text.parse::<SpiffeId>(), Err(why), "{text:?}");
        }
        assert!(
            format!("spiffe://{}/x", "a".repeat(255))
                .parse::<SpiffeId>()
                .is_ok()
        );
        assert!(
            format!("spiffe://td/{}", "a".repeat(2036))
                .parse::<SpiffeId>()
                .is_ok()
        );
    }
}
