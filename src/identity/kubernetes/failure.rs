//! What went wrong on the way to a Kubernetes API, in words. Edge, by the errors it reads.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the errors of libraries: what is known is put in our words"
)]

use std::error::Error;
use std::io;
use std::path::Path;

use kube::client::AuthError;
use kube::config::{KubeconfigError, LoadDataError};
use rustls::CertificateError;

use crate::identity::bounds::short;

/// What happened, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) why: String,
    pub(super) remedy: String,
}

impl Trouble {
    pub(super) fn new(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            remedy: remedy.into(),
        }
    }
}

/// A file that a kubeconfig names. Some put the data itself there, and a key must not be shown.
pub(super) fn file(path: &Path) -> String {
    let length = path.as_os_str().len();
    if length > MAX_PATH {
        return format!(
            "a path of {length} bytes (data belongs under the name that ends in -data)"
        );
    }
    path.display().to_string()
}

/// Why no answer came. `url` is where one was expected.
pub(super) fn unreached(error: &(dyn Error + 'static), url: &str) -> Trouble {
    let causes = causes(error);
    let find = |is: fn(&(dyn Error + 'static)) -> bool| causes.iter().any(|cause| is(*cause));
    for cause in &causes {
        if let Some(error) = cause.downcast_ref::<AuthError>() {
            return credentials(error);
        }
        if let Some(error) = cause.downcast_ref::<kube::Error>()
            && let Some(trouble) = settings(error, url)
        {
            return trouble;
        }
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return tls(error, url);
        }
    }
    let system = causes.iter().rev().find_map(|cause| {
        let error = cause.downcast_ref::<io::Error>()?;
        (error.kind() != io::ErrorKind::Other).then_some(error)
    });
    if find(|cause| cause.to_string() == "dns error") {
        return Trouble::new(
            format!("the host of {url} is not known to DNS"),
            "is it the right context, and does a VPN have to be up?",
        );
    }
    let cut = format!("{url} closed the connection before it answered");
    if let Some(error) = system {
        let why = match error.kind() {
            io::ErrorKind::ConnectionRefused => format!("nobody listens at {url}"),
            io::ErrorKind::TimedOut => format!("{url} does not take connections"),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => cut,
            _ => format!("{url} cannot be reached: {}", short(error)),
        };
        return Trouble::new(why, REACH);
    }
    let is_cut = |cause: &(dyn Error + 'static)| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_incomplete_message)
    };
    if find(is_cut) {
        return Trouble::new(cut, REACH);
    }
    let words: Vec<String> = causes.iter().map(ToString::to_string).collect();
    let why = format!("{url} gave no answer: {}", short(words.join(": ")));
    Trouble::new(why, REACH)
}

/// Why there can be no client at all.
pub(super) fn unusable(error: &kube::Error, name: &str) -> Trouble {
    for cause in causes(error) {
        if let Some(error) = cause.downcast_ref::<AuthError>() {
            return credentials(error);
        }
        if let Some(error) = cause.downcast_ref::<kube::Error>()
            && let Some(trouble) = settings(error, name)
        {
            return trouble;
        }
    }
    Trouble::new(
        format!("{name} cannot be used: {}", short(error)),
        "check it with `kubectl config view --minify`",
    )
}

/// Never by the words of the YAML library: they show the lines around a mistake, and tokens stand there.
pub(super) fn kubeconfig(error: &KubeconfigError, place: &str) -> Trouble {
    match error {
        KubeconfigError::ReadConfig(error, path) => {
            let path = file(path);
            if is_absent(error) {
                let why = format!("{path} does not exist");
                return Trouble::new(why, "name a kubeconfig that is there");
            }
            if error.kind() == io::ErrorKind::PermissionDenied {
                let why = format!("{path} may not be read by this user");
                return Trouble::new(why, "give read permission to the user that runs probe");
            }
            Trouble::new(
                format!("{path} cannot be read: {}", short(error)),
                "name a kubeconfig that can be read",
            )
        }
        KubeconfigError::Parse(error) => {
            let at = error.location().map_or_else(String::new, |at| {
                format!(", line {} column {}", at.line(), at.column())
            });
            Trouble::new(
                format!("{place} is no kubeconfig in YAML{at}"),
                "check it with `kubectl config view`",
            )
        }
        KubeconfigError::LoadCertificateAuthority(why) => data(place, "certificate-authority", why),
        KubeconfigError::LoadClientCertificate(why) => data(place, "client-certificate", why),
        KubeconfigError::LoadClientKey(why) => data(place, "client-key", why),
        KubeconfigError::ParseCertificates(_) => Trouble::new(
            format!("certificate-authority of {place} is no PEM"),
            "fetch the kubeconfig anew",
        ),
        other => Trouble::new(
            format!("{place} cannot be used: {}", short(other)),
            "check it with `kubectl config view --minify`",
        ),
    }
}

fn data(place: &str, what: &str, why: &LoadDataError) -> Trouble {
    match why {
        LoadDataError::ReadFile(error, path) => Trouble::new(
            format!(
                "{what} of {place} cannot be read from {}: {error}",
                file(path)
            ),
            "put the file there, or fetch the kubeconfig anew",
        ),
        LoadDataError::DecodeBase64(_) => Trouble::new(
            format!("{what}-data of {place} is not base64"),
            "fetch the kubeconfig anew",
        ),
        LoadDataError::NoBase64DataOrFile => Trouble::new(
            format!("{what} of {place} is missing"),
            "a client certificate and its key go together",
        ),
    }
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn settings(error: &kube::Error, name: &str) -> Option<Trouble> {
    Some(match error {
        kube::Error::ProxyProtocolUnsupported { proxy_url }
        | kube::Error::ProxyProtocolDisabled { proxy_url, .. } => Trouble::new(
            format!(
                "the proxy {}://{} cannot be used",
                proxy_url.scheme_str().unwrap_or_default(),
                proxy_url.host().unwrap_or_default(),
            ),
            "give `proxy-url` in the kubeconfig, or HTTPS_PROXY, an http, https or socks5 URL",
        ),
        kube::Error::InferKubeconfig(error) => kubeconfig(error, name),
        kube::Error::RustlsTls(error) => Trouble::new(
            format!("its certificates and keys cannot be used: {}", short(error)),
            "fetch the kubeconfig anew",
        ),
        _ => return None,
    })
}

/// Never by the library's words: they show what a command printed, and that may be a token.
fn credentials(error: &AuthError) -> Trouble {
    match error {
        AuthError::AuthExecStart(error) => Trouble::new(
            format!("the command that brings our credentials cannot be started: {error}"),
            "install it, and put it into the PATH of probe",
        ),
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = short(said.trim());
            Trouble::new(
                format!(
                    "the command that brings our credentials failed ({}): {said}",
                    out.status
                ),
                "log in again, as for kubectl; it may not ask questions",
            )
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => Trouble::new(
            "the command that brings our credentials printed none",
            "run it by hand: it must print an ExecCredential with a status",
        ),
        AuthError::ReadTokenFile(error, path) => Trouble::new(
            format!("the token file {} cannot be read: {error}", file(path)),
            "a pod needs automountServiceAccountToken: true, a kubeconfig the right `tokenFile`",
        ),
        _ => Trouble::new(
            "our credentials cannot be used",
            "check the user of the context with `kubectl config view --minify`",
        ),
    }
}

fn tls(error: &rustls::Error, url: &str) -> Trouble {
    match error {
        rustls::Error::InvalidCertificate(why) => certificate(why, url),
        rustls::Error::AlertReceived(alert) => Trouble::new(
            format!("{url} refused our TLS with the alert {alert:?}"),
            "is the client certificate of the kubeconfig one of this cluster, and still valid?",
        ),
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            Trouble::new(
                format!("{url} does not answer in TLS"),
                "is it the API server, and its port?",
            )
        }
        other => Trouble::new(
            format!("TLS with {url} failed: {}", short(other)),
            "is it the API server, and its port?",
        ),
    }
}

fn certificate(why: &CertificateError, url: &str) -> Trouble {
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Trouble::new(
            format!("the certificate of {url} is not of a CA that we were given for it"),
            "certificate-authority of the kubeconfig is that of another cluster, or an old one: \
             fetch the kubeconfig anew",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Trouble::new(
                format!("the certificate of {url} does not carry that name"),
                "take an address that it carries, or set `tls-server-name` in the kubeconfig",
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Trouble::new(
            format!("the certificate of {url} has expired"),
            "renew it, and compare the clocks",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Trouble::new(
                format!("the certificate of {url} is not valid yet"),
                "compare the clocks",
            )
        }
        other => Trouble::new(
            format!(
                "the certificate of {url} cannot be trusted: {}",
                short(other)
            ),
            "look at it with `probe inspect`",
        ),
    }
}

/// The error and what is behind it, outermost first. An [`io::Error`] names as its source what is
/// behind the error in it, so that one is looked for by itself.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut found = vec![];
    let mut next = Some(error);
    while let Some(error) = next
        && found.len() < MAX_CAUSES
    {
        found.push(error);
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    found
}

const REACH: &str =
    "is it the right context, does the cluster run, and is there a way to it from here?";
const MAX_PATH: usize = 160;
const MAX_CAUSES: usize = 20;
