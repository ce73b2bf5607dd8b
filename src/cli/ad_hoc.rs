//! Identities and trust anchors that the command line describes, in the words of a suite.

use std::path::Path;

use super::Trouble;
use crate::certificate::{SpiffeId, TrustDomain};
use crate::identity::BundleOrigin;
use crate::suite::{BundleSource, InvalidId, Place, Scope, Source, SourceName, SuiteError, Whose};

/// What `--identity` describes, where it is to act as `from`.
pub(super) fn identity(text: &str, from: Option<&str>, scope: &Scope) -> Result<Source, Trouble> {
    if let Some(name @ (SourceName::NONE | SourceName::PLAINTEXT | SourceName::SIDECAR)) = from {
        return Err(Trouble::Usage(format!(
            "--from {name} comes without an identity of ours; remove --identity, or name another"
        )));
    }
    let needs_domain =
        |from: &&str| scope.is_id(from) && matches!(scope.id(from), Err(InvalidId::NoTrustDomain));
    if let Some(from) = from.filter(needs_domain) {
        return Err(Trouble::Usage(format!(
            "--from {from:?} needs a trust domain; write the whole ID, spiffe://TRUST-DOMAIN/ns/\
             NAMESPACE/sa/NAME, give --trust-domain, or name a suite with --config"
        )));
    }
    let parse = |name: &str| Source::parse(FLAG, Path::new(""), scope, name, text);
    let source = parse(from.unwrap_or(NAMELESS));
    source.map_err(|error| match (from, parse(ANYBODY)) {
        // What it lacks is a name, which a flag gives here.
        (None, Ok(_)) => Trouble::Usage(format!(
            "--identity {text:?} is signed for somebody; say for whom: --from sa/NAME"
        )),
        (Some(from), Ok(_)) if !scope.is_id(from) => Trouble::Usage(format!(
            "--from {from:?} is no identity, and --identity {text:?} is signed for one; write \
             sa/NAME, NAMESPACE/sa/NAME or spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/NAME"
        )),
        (_, Ok(_) | Err(_)) => Trouble::Suite(error),
    })
}

/// What `--bundle [TRUST-DOMAIN=]FILE` describes, or the same with `*` for the trust domain, or with
/// what a suite says instead of a file. Without a trust domain it is for the caller to say whose.
pub(super) fn bundle(text: &str, scope: &Scope) -> Result<(Option<Whose>, BundleOrigin), Trouble> {
    let (whose, origin) = match text.split_once('=') {
        Some((domain, origin)) if !is_inline(text) => (Some(domain), origin),
        Some(_) | None => (None, text),
    };
    let whose = match whose {
        None => None,
        Some("*") => Some(Whose::Each),
        Some(domain) => Some(Whose::Domain(domain.parse::<TrustDomain>().map_err(
            |why| Trouble::Usage(format!("--bundle {text:?}: the trust domain {why}")),
        )?)),
    };
    if !is_inline(origin) {
        return Ok((whose, BundleOrigin::File(origin.into())));
    }
    let parsed: Result<_, SuiteError> = BundleSource::parse(
        "command line, --bundle",
        Path::new(""),
        scope,
        Whose::Any,
        origin,
    );
    let parsed = parsed.map_err(Trouble::Suite)?;
    Ok((whose, parsed.origin))
}

fn is_inline(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The same bundles with another, which counts instead of the one of the same trust domain.
pub(super) fn replace(bundles: &mut Vec<BundleSource>, whose: Whose, origin: BundleOrigin) {
    bundles.retain(|bundle| bundle.whose != whose);
    bundles.push(BundleSource {
        whose,
        origin,
        place: flag("--bundle"),
    });
}

/// The scope of a suite, with the trust domain that flags say.
pub(super) fn scope(
    suite: Option<&Scope>,
    trust_domain: Option<&TrustDomain>,
    id: Option<&str>,
) -> Scope {
    let mut scope = suite.cloned().unwrap_or_default();
    let of_id = || id.and_then(|id| Some(id.parse::<SpiffeId>().ok()?.trust_domain().clone()));
    scope.trust_domain = trust_domain.cloned().or(scope.trust_domain).or_else(of_id);
    scope
}

/// Where the command line says so.
pub(super) fn flag(name: &str) -> Place {
    Place {
        file: format!("command line, {name}"),
        line: 0,
        column: 0,
    }
}

const FLAG: &str = "command line, --identity";
/// The name of an identity that nobody has named.
const NAMELESS: &str = "identity";
/// A name that whoever signs is content with.
const ANYBODY: &str = "spiffe://example.org/ns/default/sa/anybody";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_described_as_in_a_suite() {
        for (text, from, words) in [
            ("istio_ca", None, "say for whom: --from sa/NAME"),
            (
                "istio_ca",
                Some("frontend"),
                "--from \"frontend\" is no identity",
            ),
            ("istio_ca", Some("none"), "comes without an identity"),
            (
                "istio_ca: { adress: 'a:1' }",
                Some("sa/a"),
                "did you mean \"address\"?",
            ),
            ("istio-ca", Some("sa/a"), "did you mean \"istio_ca\"?"),
            (
                "istio_ca: { address: a }",
                None,
                "command line, --identity:1:22: address \"a\"",
            ),
            ("workload_api: [", None, "command line, --identity:1:"),
            ("", None, "command line, --identity"),
        ] {
            let scope = scope(None, "cluster.local".parse().ok().as_ref(), None);
            let words_of = |trouble| match trouble {
                Trouble::Usage(words) => words,
                Trouble::Suite(error) => error.to_string(),
                other @ (Trouble::Unusable(_) | Trouble::Output(_)) => panic!("{other:?}"),
            };
            let said = words_of(identity(text, from, &scope).expect_err(text));
            assert!(said.contains(words), "{text} {from:?}: {said}");
        }
        for (text, from) in [
            ("istio_ca", Some("sa/a")),
            ("{ istio_ca: {}, id: sa/a }", None),
            ("linkerd: { control_plane: l5d }", Some("shop/sa/a")),
            ("workload_api", None),
            ("files: { dir: /etc/certs }", None),
        ] {
            let scope = scope(None, None, Some("spiffe://cluster.local/ns/x/sa/server"));
            let source = identity(text, from, &scope);
            let source = source.unwrap_or_else(|error| panic!("{text}: {error:?}"));
            assert_eq!(source.name.as_str(), from.unwrap_or("identity"));
        }
        let nowhere = Scope::default();
        assert!(identity("workload_api", Some("sa/a"), &nowhere).is_err());
    }

    #[test]
    fn a_bundle_is_a_file_or_described_as_in_a_suite() {
        let scope = Scope::default();
        let domain = |name: &str| Some(Whose::Domain(name.parse().unwrap()));
        let file = |name: &str| BundleOrigin::File(name.into());
        for (text, want) in [
            ("roots.pem", (None, file("roots.pem"))),
            (
                "a.example=roots.pem",
                (domain("a.example"), file("roots.pem")),
            ),
            ("*=map.json", (Some(Whose::Each), file("map.json"))),
            (
                "{ workload_api: {} }",
                (None, BundleOrigin::WorkloadApi(None)),
            ),
            (
                "*={ workload_api: {} }",
                (Some(Whose::Each), BundleOrigin::WorkloadApi(None)),
            ),
            (
                "a.example={ file: 'x=y' }",
                (domain("a.example"), file("x=y")),
            ),
            ("{ file: 'x=y' }", (None, file("x=y"))),
        ] {
            assert_eq!(bundle(text, &scope).unwrap(), want, "{text}");
        }
        assert!(bundle("A=roots.pem", &scope).is_err());
        assert!(bundle("a.example={ flie: x }", &scope).is_err());
    }
}
