//! Metrics to a Prometheus Pushgateway, over HTTP or HTTPS. What is there of the group is replaced as a
//! whole, so cells that are gone do not stay.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, LOCATION};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::Trouble;
use crate::matrix::{Matrix, bounded};
use crate::report::{self, Format, METRIC_LABELS, Style};

/// Where metrics are pushed to.
#[derive(Args, Debug)]
pub(super) struct Push {
    /// Push the metrics of the result to this Pushgateway: http://HOST:9091, or https:// with
    /// --push-ca; USER:PASSWORD@ before the host for basic authentication
    #[arg(long = "push", id = "push", value_name = "URL")]
    url: Option<PushUrl>,
    /// A label of the group that is pushed, beside job="mtls_probe"; may be repeated
    #[arg(long = "push-label", value_name = "NAME=VALUE", requires = "push")]
    labels: Vec<String>,
    /// The CA certificates that an https:// Pushgateway is trusted by, as PEM
    #[arg(long = "push-ca", value_name = "FILE", requires = "push")]
    ca: Option<PathBuf>,
}

/// A URL that may hold a password, and so shows nothing of itself.
#[derive(Clone)]
pub(super) struct PushUrl(String);

impl fmt::Debug for PushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushUrl")
    }
}

impl FromStr for PushUrl {
    type Err = std::convert::Infallible;

    /// Takes all: an error here would be shown with what was given.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

/// A Pushgateway.
pub(super) struct Gateway {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    authorization: Option<HeaderValue>,
    /// Of the group.
    path: String,
}

impl Gateway {
    /// As the flags say; nothing where nothing is to be pushed.
    pub(super) fn new(push: &Push) -> Result<Option<Self>, Trouble> {
        let Some(PushUrl(url)) = &push.url else {
            return Ok(None);
        };
        let wrong = |why: &str| Trouble::usage(format!("--push: {why}; write {EXAMPLE}"));
        let uri: Uri = url.parse().map_err(|_| wrong("that is no URL"))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err(wrong("the URL begins with neither http nor https")),
        };
        if uri.query().is_some() {
            return Err(wrong("the URL has a query"));
        }
        let authority = uri
            .authority()
            .ok_or_else(|| wrong("the URL has no host"))?;
        if authority.host().is_empty() {
            return Err(wrong("the URL has no host"));
        }
        let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
        let tls = match (is_tls, &push.ca) {
            (true, Some(ca)) => Some(Arc::new(trusting(ca)?)),
            (true, None) => {
                return Err(Trouble::usage(
                    "--push: nothing says whom to trust over https; give --push-ca FILE, for example /etc/ssl/certs/ca-certificates.crt",
                ));
            }
            (false, Some(_)) => {
                return Err(Trouble::usage(
                    "--push-ca is for https, and the URL of --push begins with http:",
                ));
            }
            (false, None) => None,
        };
        let default = if is_tls { 443 } else { 80 };
        Ok(Some(Self {
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(default),
            tls,
            authorization: user.map(basic).transpose()?,
            path: path(uri.path(), &push.labels)?,
        }))
    }

    /// Replaces the group by the metrics of this result. One that was cut short is not pushed: it would
    /// take away what is known of the cells it lacks, and with it what alerts about them.
    pub(super) async fn push(&self, matrix: &Matrix, style: &Style) -> Result<(), Trouble> {
        let cannot = |why: String| Trouble::usage(format!("cannot push to {self}: {why}"));
        if matrix.run.interrupted {
            return Err(cannot(
                "the run was stopped before its end, and what is there stays".to_owned(),
            ));
        }
        let mut text = vec![];
        report::write(matrix, Format::Prometheus, style, &mut text)?;
        self.put(text).await.map_err(cannot)
    }

    async fn put(&self, text: Vec<u8>) -> Result<(), String> {
        let deadline = Instant::now() + LIMIT;
        let late = |what: &str| format!("{what} within {} s", LIMIT.as_secs());
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let stream = timeout_at(deadline, TcpStream::connect((host, self.port)))
            .await
            .map_err(|_| late("no connection"))?
            .map_err(|why| format!("{why}; is the Pushgateway there?"))?;
        let Some(config) = &self.tls else {
            let answer = timeout_at(deadline, self.exchange(stream, text));
            return answer.await.map_err(|_| late("no answer"))?;
        };
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|why| format!("{host:?} is no name of a server: {why}"))?;
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = timeout_at(deadline, connector.connect(name, stream))
            .await
            .map_err(|_| late("no TLS handshake"))?
            .map_err(|why| format!("TLS failed: {why}; does --push-ca hold its CA?"))?;
        let answer = timeout_at(deadline, self.exchange(stream, text));
        answer.await.map_err(|_| late("no answer"))?
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        text: Vec<u8>,
    ) -> Result<(), String> {
        let broken = |why: hyper::Error| format!("the connection broke: {why}");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let connection = tokio::spawn(connection);
        let mut request = Request::put(&self.path)
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")
            .body(Full::new(Bytes::from(text)))
            .map_err(|why| format!("{} is no path: {why}", self.path))?;
        if let Some(authorization) = &self.authorization {
            request
                .headers_mut()
                .insert(AUTHORIZATION, authorization.clone());
        }
        let answer = sender.send_request(request).await.map_err(broken)?;
        let result = match answer.status() {
            StatusCode::OK | StatusCode::ACCEPTED => Ok(()),
            _ => Err(refused(answer).await),
        };
        connection.abort();
        result
    }
}

/// Where the group is, without user and password.
impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let Self {
            host, port, path, ..
        } = self;
        write!(f, "{scheme}://{host}:{port}{path}")
    }
}

/// What the answer says, and the way out.
async fn refused(answer: Response<Incoming>) -> String {
    let status = answer.status();
    let location = answer.headers().get(LOCATION);
    let location = location.and_then(|value| value.to_str().ok());
    let way_out = match status.as_u16() {
        401 | 403 => {
            "; give a user and a password that it takes, as http://USER:PASSWORD@HOST".into()
        }
        404 | 405 => "; is it a Pushgateway, and the path that of its --web.route-prefix?".into(),
        300..=399 => location.map_or(String::new(), |to| {
            format!("; it is now at {}", bounded(to, QUOTED))
        }),
        _ => String::new(),
    };
    let mut body = answer.into_body();
    let mut words = vec![];
    while words.len() < QUOTED
        && let Some(Ok(frame)) = body.frame().await
    {
        words.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
    let words = String::from_utf8_lossy(&words);
    let words = match words.trim() {
        "" => String::new(),
        words => format!(": {}", bounded(words, QUOTED)),
    };
    format!("it answered {status}{words}{way_out}")
}

/// The path of the group: `/metrics/job/mtls_probe/cluster/east`.
fn path(prefix: &str, labels: &[String]) -> Result<String, Trouble> {
    let mut job = JOB;
    let mut others: Vec<(&str, &str)> = vec![];
    for text in labels {
        let wrong = |why: &str| Trouble::usage(format!("--push-label {text:?}: {why}"));
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| wrong("write NAME=VALUE, for example cluster=east"))?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let begins = name.starts_with(|c: char| is_word(c) && !c.is_ascii_digit());
        if !begins || !name.chars().all(is_word) || name.starts_with("__") {
            return Err(wrong(
                "the name of a label holds letters, digits and _, and begins with neither a digit nor __",
            ));
        }
        if METRIC_LABELS.contains(&name) {
            return Err(wrong("the metrics have this label themselves; use another"));
        }
        if value.is_empty() {
            return Err(wrong("a label without a value is none"));
        }
        if others.iter().any(|(other, _)| *other == name) {
            return Err(wrong("the label is given twice"));
        }
        others.push((name, value));
    }
    if let Some(at) = others.iter().position(|(name, _)| *name == "job") {
        job = others.remove(at).1;
    }
    let mut path = format!("{}/metrics", prefix.trim_end_matches('/'));
    for (name, value) in std::iter::once(("job", job)).chain(others) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        // Two dots alone would be a step up.
        if value.chars().all(is_plain) && !value.starts_with('.') {
            path.push_str(&format!("/{name}/{value}"));
        } else {
            let value = BASE64_URL_SAFE_NO_PAD.encode(value);
            path.push_str(&format!("/{name}@base64/{value}"));
        }
    }
    Ok(path)
}

/// `USER:PASSWORD`, as a header that nobody prints.
fn basic(user: &str) -> Result<HeaderValue, Trouble> {
    let wrong = || {
        Trouble::usage(
            "--push: user and password cannot be read; write a % in them as %25, and other signs alike",
        )
    };
    let bytes = decoded(user).ok_or_else(wrong)?;
    let has_colon = bytes.contains(&b':');
    let bytes = [bytes, if has_colon { vec![] } else { vec![b':'] }].concat();
    let value = format!("Basic {}", BASE64_STANDARD.encode(bytes));
    let mut value = HeaderValue::try_from(value).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![];
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    Some(bytes)
}

/// Over TLS to whom these CAs vouch for.
fn trusting(ca: &Path) -> Result<ClientConfig, Trouble> {
    let wrong =
        |why: &dyn fmt::Display| Trouble::usage(format!("--push-ca {}: {why}", ca.display()));
    let text = fs::read(ca).map_err(|why| wrong(&why))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|why| wrong(&why))?;
        // Of a bundle of all the world's some may be no good to us.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err(wrong(&"there is no CA certificate in it; it must be PEM"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|why| wrong(&why))?
        .with_root_certificates(roots);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

const JOB: &str = "mtls_probe";
const EXAMPLE: &str = "for example http://pushgateway:9091";
/// The limit of a push, with all there is to it.
const LIMIT: Duration = Duration::from_secs(10);
/// How much of an answer is quoted.
const QUOTED: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_a_path_whatever_its_labels_hold() {
        for (prefix, labels, want) in [
            ("/", &[][..], "/metrics/job/mtls_probe"),
            ("/push/", &[], "/push/metrics/job/mtls_probe"),
            (
                "",
                &["cluster=east"],
                "/metrics/job/mtls_probe/cluster/east",
            ),
            ("/", &["a=1", "job=other"], "/metrics/job/other/a/1"),
            (
                "/",
                &["path=a/b c"],
                "/metrics/job/mtls_probe/path@base64/YS9iIGM",
            ),
            ("/", &["up=.."], "/metrics/job/mtls_probe/up@base64/Li4"),
            ("/", &["a=b=c"], "/metrics/job/mtls_probe/a@base64/Yj1j"),
        ] {
            let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
            assert_eq!(path(prefix, &labels).unwrap(), want);
        }
    }

    #[test]
    fn a_label_that_cannot_be_one_is_refused() {
        for (label, why) in [
            ("cluster", "write NAME=VALUE"),
            ("1a=b", "begins with neither a digit"),
            ("__a=b", "nor __"),
            ("a-b=c", "letters, digits and _"),
            ("=b", "letters, digits and _"),
            ("target=b", "the metrics have this label themselves"),
            ("a=", "without a value"),
        ] {
            let Err(Trouble::Usage(words)) = path("/", &[label.to_owned()]) else {
                panic!("{label} is taken");
            };
            assert!(words.contains(why), "{words}");
        }
        let twice = ["a=1".to_owned(), "a=2".to_owned()];
        assert!(path("/", &twice).is_err());
    }

    #[test]
    fn a_password_is_decoded_and_never_shown() {
        let header = basic("user:p%40ss%25%3A").unwrap();
        assert_eq!(
            header,
            format!("Basic {}", BASE64_STANDARD.encode("user:p@ss%:")).as_str()
        );
        assert_eq!(format!("{header:?}"), "Sensitive");
        assert_eq!(basic("user").unwrap(), "Basic dXNlcjo=");
        for wrong in ["%", "%4", "%zz", "a%+1"] {
            assert!(basic(wrong).is_err(), "{wrong}");
        }
        let push = |url: &str| Push {
            url: Some(PushUrl(url.to_owned())),
            labels: vec![],
            ca: None,
        };
        let there = Gateway::new(&push("http://me:s3cret@host/x"))
            .unwrap()
            .unwrap();
        assert_eq!(there.to_string(), "http://host:80/x/metrics/job/mtls_probe");
        assert!(!format!("{:?}", push("http://me:s3cret@host")).contains("s3cret"));
        for wrong in [
            "me:s3cret@host",
            "ftp://me:s3cret@host",
            "http://me:s3cret@",
            "http://me:s3cret@host?x",
            "https://me:s3cret@host",
            "http://me:s3cret%@host",
            "http://me:s3cret@ho st",
            "",
        ] {
            let Err(Trouble::Usage(words)) = Gateway::new(&push(wrong)) else {
                panic!("{wrong} is taken");
            };
            assert!(
                words.starts_with("--push: ") && !words.contains("s3cret"),
                "{words}"
            );
        }
    }
}
