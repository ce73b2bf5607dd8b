//! What we ask of the Kubernetes API, and the right that it takes. Pure.

use std::fmt;

use hyper::Method;

/// One thing to be done with one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Right {
    pub(super) verb: Verb,
    pub(super) what: What,
    pub(super) namespace: String,
    /// Nothing where the API is to name it.
    pub(super) name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Create,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Secret,
    ConfigMap,
    /// The token of a service account.
    Token,
    /// Of cert-manager.
    CertificateRequest,
}

impl Right {
    pub(super) fn new(verb: Verb, what: What, namespace: &str, name: Option<&str>) -> Self {
        Self {
            verb,
            what,
            namespace: namespace.to_owned(),
            name: name.map(str::to_owned),
        }
    }

    pub(super) const fn method(&self) -> Method {
        match self.verb {
            Verb::Get => Method::GET,
            Verb::Create => Method::POST,
            Verb::Delete => Method::DELETE,
        }
    }

    /// Nothing where a name is none that Kubernetes knows: a path made of it would lead elsewhere.
    pub(super) fn path(&self) -> Option<String> {
        let is_fit = |name: &String| is_name(name);
        if !is_fit(&self.namespace) || !self.name.as_ref().is_none_or(is_fit) {
            return None;
        }
        let group = match self.what {
            What::Secret | What::ConfigMap | What::Token => "/api/v1",
            What::CertificateRequest => "/apis/cert-manager.io/v1",
        };
        let (kind, below) = match self.what {
            What::Secret => ("secrets", ""),
            What::ConfigMap => ("configmaps", ""),
            What::Token => ("serviceaccounts", "/token"),
            What::CertificateRequest => ("certificaterequests", ""),
        };
        let name = self.name.as_ref();
        let name = name.map_or_else(String::new, |name| format!("/{name}{below}"));
        Some(format!(
            "{group}/namespaces/{}/{kind}{name}",
            self.namespace
        ))
    }

    /// The commands that grant it to this user, by the name that the API has for them.
    pub(super) fn grant(&self, user: Option<&str>) -> String {
        let Self { namespace, .. } = self;
        let verb = self.verb.as_str();
        let resource = self.what.resource();
        // Who may create an object of any name cannot be held to one.
        let (only, of) = match &self.name {
            Some(name) => (format!(" --resource-name={name}"), format!("-{name}")),
            None => (String::new(), String::new()),
        };
        let role = format!("probe-{verb}-{}{of}", self.what.role());
        let subject = user.map_or_else(|| "--user=YOU".to_owned(), subject);
        format!(
            "kubectl create role {role} -n {namespace} --verb={verb} --resource={resource}{only} && \
             kubectl create rolebinding {role} -n {namespace} --role={role} {subject}"
        )
    }
}

/// What is asked for: `get secrets "frontend-tls" in namespace default`.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb.as_str(), self.what.resource())?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        write!(f, " in namespace {}", self.namespace)
    }
}

impl Verb {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Create => "create",
            Self::Delete => "delete",
        }
    }
}

impl What {
    /// As RBAC and kubectl name it.
    pub(super) const fn resource(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
            Self::Token => "serviceaccounts/token",
            Self::CertificateRequest => "certificaterequests.cert-manager.io",
        }
    }

    /// For people.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::Token => "service account",
            Self::CertificateRequest => "CertificateRequest",
        }
    }

    const fn role(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::ConfigMap => "configmap",
            Self::Token => "token",
            Self::CertificateRequest => "certificaterequest",
        }
    }
}

/// Whom a refusal names: `… is forbidden: User "system:serviceaccount:probe:probe" cannot get …`.
/// Nothing where it is no refusal of RBAC.
pub(super) fn user_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once(" is forbidden: User \"")?;
    let (user, rest) = rest.split_once('"')?;
    rest.trim_start().starts_with("cannot ").then_some(user)
}

/// The name comes from a server and goes into a command that people copy.
fn subject(user: &str) -> String {
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || ":._-@/".contains(c);
    if !user.chars().all(is_harmless) || user.len() > 200 {
        return "--user=YOU".to_owned();
    }
    match user.strip_prefix("system:serviceaccount:") {
        Some(account) => format!("--serviceaccount={account}"),
        None => format!("--user={user}"),
    }
}

/// A DNS subdomain in lower case, as Kubernetes names everything that we ask for.
fn is_name(name: &str) -> bool {
    let is_fit = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.';
    (1..=253).contains(&name.len())
        && name.bytes().all(is_fit)
        && !name.starts_with(['.', '-'])
        && !name.ends_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_comes_with_the_commands_that_grant_it() {
        let right = Right::new(Verb::Get, What::Secret, "pay", Some("frontend-tls"));
        assert_eq!(
            right.grant(Some("system:serviceaccount:probe:prober")),
            "kubectl create role probe-get-secret-frontend-tls -n pay --verb=get --resource=secrets \
             --resource-name=frontend-tls && kubectl create rolebinding \
             probe-get-secret-frontend-tls -n pay --role=probe-get-secret-frontend-tls \
             --serviceaccount=probe:prober"
        );
        let right = Right::new(Verb::Create, What::CertificateRequest, "pay", None);
        assert_eq!(
            right.grant(Some("alice")),
            "kubectl create role probe-create-certificaterequest -n pay --verb=create \
             --resource=certificaterequests.cert-manager.io && kubectl create rolebinding \
             probe-create-certificaterequest -n pay --role=probe-create-certificaterequest \
             --user=alice"
        );
    }

    #[test]
    fn a_user_whose_name_is_a_command_does_not_get_into_ours() {
        let right = Right::new(Verb::Get, What::Secret, "pay", Some("a"));
        for hostile in ["x; rm -rf /", "$(id)", "a\nb", "`id`", "a b"] {
            let grant = right.grant(Some(hostile));
            assert!(grant.ends_with("--user=YOU"), "{grant}");
        }
    }

    #[test]
    fn only_rbac_names_a_user() {
        for (message, user) in [
            (
                "secrets \"a\" is forbidden: User \"alice\" cannot get resource \"secrets\" in API group \"\"",
                Some("alice"),
            ),
            ("secrets \"a\" is forbidden: exceeded quota", None),
            ("admission webhook \"w\" denied the request: no", None),
            ("x is forbidden: User \"alice", None),
            ("", None),
        ] {
            assert_eq!(user_in(message), user, "{message}");
        }
    }

    #[test]
    fn a_name_that_would_lead_elsewhere_makes_no_path() {
        for name in ["..", "a/b", "", "a%2fb", "A", "-a", "a.", "a?b", "a b", "ä"] {
            let right = Right::new(Verb::Get, What::Secret, "pay", Some(name));
            assert_eq!(right.path(), None, "{name:?}");
            let right = Right::new(Verb::Get, What::Secret, name, Some("a"));
            assert_eq!(right.path(), None, "{name:?}");
        }
        let right = Right::new(Verb::Create, What::Token, "pay", Some("a.b-1"));
        assert_eq!(
            right.path().as_deref(),
            Some("/api/v1/namespaces/pay/serviceaccounts/a.b-1/token")
        );
    }
}
