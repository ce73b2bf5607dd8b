//! A Kubernetes API server: the real paths over real TLS, bearer tokens and client certificates, RBAC
//! for each user, `Status` objects in the real words, and a log of who asked for what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use mtls_probe::identity::{Authority, Cluster, Leaf, Minted};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::cert_manager::CertManager;
use super::clients::Clients;
use super::pem;
use super::tokens;

/// A cluster that runs for as long as this lives.
pub(crate) struct Kubernetes {
    pub(crate) url: String,
    ca: Authority,
    state: Shared,
    folder: TempDir,
    _server: JoinSet<()>,
}

type Shared = Arc<Mutex<State>>;

/// What is in the cluster, and who may do what.
pub(crate) struct State {
    tokens: BTreeMap<String, String>,
    certificates: Vec<(Vec<u8>, String)>,
    /// User, verb, resource, namespace, name; `*` stands for all.
    rules: Vec<[String; 5]>,
    namespaces: BTreeSet<String>,
    pub(crate) secrets: Objects,
    pub(crate) config_maps: Objects,
    pub(crate) binary: Objects,
    accounts: BTreeSet<(String, String)>,
    pub(crate) cert_manager: Option<CertManager>,
    pub(crate) mood: Mood,
    /// Every token of an account that was ever asked for.
    pub(crate) issued: Vec<String>,
    audit: Vec<String>,
}

type Objects = BTreeMap<(String, String), BTreeMap<String, Vec<u8>>>;

/// How it serves.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mood {
    #[default]
    Well,
    /// Takes the request and never answers.
    Hangs,
    /// Answers so late.
    Slow(Duration),
    /// Answers with this status and these words.
    Fails(u16, &'static str),
    /// Answers 429 so often, then well.
    Busy(usize),
    /// Half of the JSON, in an answer that says it is whole.
    Cut,
    /// Half of the JSON, and the connection ends.
    Drops,
    /// Ends the connection without an answer.
    Closes,
    /// A page for people.
    Html,
    /// An answer without end.
    Huge,
    /// A mutating webhook that says no.
    Policy,
}

impl Kubernetes {
    /// With the namespaces `default`, `mesh` and `probe`.
    pub(crate) async fn start(now: Timestamp) -> Self {
        Self::with_certificate(now, |leaf| leaf).await
    }

    /// With another certificate than it should have.
    pub(crate) async fn with_certificate(
        now: Timestamp,
        change: impl FnOnce(Leaf) -> Leaf,
    ) -> Self {
        let ca = Authority::throwaway("kubernetes", now).unwrap();
        let leaf = Leaf {
            uris: vec![],
            dns: vec!["localhost".to_owned(), "kubernetes.default.svc".to_owned()],
            ..Leaf::svid(&ID.parse().unwrap(), now - HOUR, now + HOUR)
        };
        let own = ca.issue(&change(leaf)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            tokens: BTreeMap::new(),
            certificates: vec![],
            rules: vec![],
            namespaces: ["default", "mesh", "probe"].map(str::to_owned).into(),
            secrets: Objects::new(),
            config_maps: Objects::new(),
            binary: Objects::new(),
            accounts: BTreeSet::new(),
            cert_manager: None,
            mood: Mood::Well,
            issued: vec![],
            audit: vec![],
        }));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, acceptor(&own), Arc::clone(&state)));
        Self {
            url: format!("https://localhost:{port}"),
            ca,
            state,
            folder: TempDir::new().unwrap(),
            _server: server,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Every request so far: `alice get secrets default/frontend-tls 200`.
    pub(crate) fn audit(&self) -> Vec<String> {
        self.state().audit.clone()
    }

    /// A user with a token, and the kubeconfig that holds it.
    pub(crate) fn user(&self, name: &str) -> Cluster {
        let token = self.token_of(name);
        self.kubeconfig(name, &format!("token: {token}"), &self.ca_data())
    }

    /// What makes whoever has it this user.
    pub(crate) fn token_of(&self, name: &str) -> String {
        let token = format!("{name}-token-{SECRET_MARK}");
        self.state().tokens.insert(token.clone(), name.to_owned());
        token
    }

    /// A user with a client certificate, and the kubeconfig that holds it.
    pub(crate) fn user_with_certificate(&self, name: &str, now: Timestamp) -> Cluster {
        let leaf = Leaf {
            uris: vec![],
            common_name: Some(name.to_owned()),
            ..Leaf::svid(&ID.parse().unwrap(), now - HOUR, now + HOUR)
        };
        let minted = self.ca.issue(&leaf).unwrap();
        let der = minted.chain()[0].to_vec();
        self.state().certificates.push((der, name.to_owned()));
        let user = format!(
            "client-certificate-data: {}\n    client-key-data: {}",
            STANDARD.encode(minted.chain_pem()),
            STANDARD.encode(minted.key_pem().as_bytes()),
        );
        self.kubeconfig(name, &user, &self.ca_data())
    }

    /// A kubeconfig as `kind` writes it: mode 0600, one context `kind-NAME`, the current one.
    pub(crate) fn kubeconfig(&self, name: &str, user: &str, ca: &str) -> Cluster {
        let path = self.folder.path().join(format!("{name}.yaml"));
        let url = &self.url;
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: kind-{name}\npreferences: {{}}\n\
             clusters:\n- name: kind\n  cluster:\n    server: {url}\n{ca}\
             contexts:\n- name: kind-{name}\n  context:\n    cluster: kind\n    user: {name}\n\
             - name: kind-staging\n  context:\n    cluster: kind\n    user: {name}\n\
             users:\n- name: {name}\n  user:\n    {user}\n"
        );
        write_private(&path, &text);
        Cluster {
            kubeconfig: Some(path),
            context: None,
        }
    }

    pub(crate) fn ca_data(&self) -> String {
        let pem = self.ca_pem();
        format!("    certificate-authority-data: {}\n", STANDARD.encode(pem))
    }

    pub(crate) fn ca_pem(&self) -> String {
        pem(self.ca.root().unwrap())
    }

    /// A path for a file of a test.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl State {
    /// Lets a user do something; `*` is everything.
    pub(crate) fn allow(
        &mut self,
        user: &str,
        verb: &str,
        what: &str,
        namespace: &str,
        name: &str,
    ) {
        self.rules
            .push([user, verb, what, namespace, name].map(str::to_owned));
    }

    pub(crate) fn forbid(&mut self, user: &str, what: &str) {
        self.rules.retain(|rule| rule[0] != user || rule[2] != what);
    }

    pub(crate) fn account(&mut self, namespace: &str, name: &str) {
        self.accounts
            .insert((namespace.to_owned(), name.to_owned()));
    }

    pub(crate) fn secret(&mut self, namespace: &str, name: &str, entries: &[(&str, &str)]) {
        let key = (namespace.to_owned(), name.to_owned());
        self.secrets.insert(key, bytes(entries));
    }

    pub(crate) fn config_map(&mut self, namespace: &str, name: &str, entries: &[(&str, &str)]) {
        let key = (namespace.to_owned(), name.to_owned());
        self.config_maps.insert(key, bytes(entries));
    }

    /// No token is known any more.
    pub(crate) fn forget_tokens(&mut self) {
        self.tokens.clear();
    }

    fn may(&self, user: &str, asked: &Asked) -> bool {
        let wanted = [
            user,
            &asked.verb,
            &asked.resource,
            &asked.namespace,
            &asked.name,
        ];
        let fits = |rule: &[String; 5]| {
            rule.iter()
                .zip(wanted)
                .all(|(rule, wanted)| rule == "*" || rule == wanted)
        };
        self.rules.iter().any(fits)
    }
}

/// What a request asks for.
struct Asked {
    verb: String,
    group: &'static str,
    /// As RBAC names it: `serviceaccounts/token`.
    resource: String,
    namespace: String,
    /// Empty where there is none.
    name: String,
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Shared) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(connection(socket, acceptor.clone(), Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(socket: TcpStream, acceptor: TlsAcceptor, state: Shared) {
    let Ok(stream) = acceptor.accept(socket).await else {
        return;
    };
    let shown = stream.get_ref().1.peer_certificates();
    let shown = shown
        .and_then(|chain| chain.first())
        .map(|leaf| leaf.to_vec());
    let answer = service_fn(move |request| {
        let (state, shown) = (Arc::clone(&state), shown.clone());
        async move { moody(request, shown, &state).await }
    });
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), answer)
            .await,
    );
}

pub(crate) type Answer = Response<Reply>;

async fn moody(
    request: Request<Incoming>,
    shown: Option<Vec<u8>>,
    state: &Shared,
) -> Result<Answer, &'static str> {
    let mood = state.lock().unwrap().mood.clone();
    if let Mood::Busy(times) = mood {
        let next = times.checked_sub(1).map_or(Mood::Well, Mood::Busy);
        state.lock().unwrap().mood = next;
        if times > 0 {
            let words = "Too many requests, please try again later.";
            return Ok(failure(429, "TooManyRequests", words));
        }
    }
    match mood {
        Mood::Hangs => std::future::pending::<()>().await,
        Mood::Slow(pause) => sleep(pause).await,
        Mood::Closes => return Err("closed"),
        Mood::Fails(code, words) => return Ok(failure(code, "InternalError", words)),
        Mood::Html => return Ok(text(200, "text/html", "<html>Please log in</html>")),
        Mood::Huge => return Ok(text(200, "application/json", &"[".repeat(5 << 20))),
        Mood::Policy => {
            let words = "admission webhook \"policy.example\" denied the request: not from here";
            return Ok(failure(403, "Forbidden", words));
        }
        Mood::Well | Mood::Busy(_) | Mood::Cut | Mood::Drops => {}
    }
    let answer = answer(request, shown, state).await;
    if !matches!(mood, Mood::Cut | Mood::Drops) {
        return Ok(answer);
    }
    let (head, body) = answer.into_parts();
    let body = body.0.unwrap_or_default();
    let half = body.slice(..body.len() / 2);
    Ok(Response::from_parts(
        head,
        Reply(Some(half), matches!(mood, Mood::Drops)),
    ))
}

/// A body that may break off.
pub(crate) struct Reply(Option<Bytes>, bool);

impl Body for Reply {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(match self.0.take() {
            Some(bytes) => Some(Ok(Frame::data(bytes))),
            None if self.1 => Some(Err("broken off")),
            None => None,
        })
    }
}

async fn answer(request: Request<Incoming>, shown: Option<Vec<u8>>, state: &Shared) -> Answer {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut state = state.lock().unwrap();
    let bearer = head.headers.get(header::AUTHORIZATION);
    let bearer = bearer.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let user = match (&shown, bearer) {
        (Some(der), _) => state
            .certificates
            .iter()
            .find(|(known, _)| known == der)
            .map(|(_, name)| name.clone()),
        (None, Some(token)) => state.tokens.get(token).cloned(),
        (None, None) => Some("system:anonymous".to_owned()),
    };
    let Some(asked) = asked(&head.method, head.uri.path()) else {
        return text(404, "text/plain", "404 page not found\n");
    };
    let answer = match &user {
        None => failure(401, "Unauthorized", "Unauthorized"),
        Some(user) if !state.may(user, &asked) => forbidden(user, &asked),
        Some(user) => act(&mut state, user, &asked, &body),
    };
    let user = user.as_deref().unwrap_or("-");
    let place = format!("{}/{}", asked.namespace, asked.name);
    let code = answer.status().as_u16();
    let line = format!("{user} {} {} {place} {code}", asked.verb, asked.resource);
    state.audit.push(line);
    answer
}

fn asked(method: &Method, path: &str) -> Option<Asked> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", "v1", rest @ ..] => ("", rest),
        ["apis", "cert-manager.io", "v1", rest @ ..] => ("cert-manager.io", rest),
        _ => return None,
    };
    let (namespace, resource, name) = match rest {
        ["namespaces", namespace, resource] => (namespace, (*resource).to_owned(), ""),
        ["namespaces", namespace, resource, name] => (namespace, (*resource).to_owned(), *name),
        ["namespaces", namespace, resource, name, below] => {
            (namespace, format!("{resource}/{below}"), *name)
        }
        _ => return None,
    };
    let verb = match *method {
        Method::GET => "get",
        Method::POST => "create",
        Method::DELETE => "delete",
        _ => return None,
    };
    Some(Asked {
        verb: verb.to_owned(),
        group,
        resource,
        namespace: (*namespace).to_owned(),
        name: name.to_owned(),
    })
}

fn act(state: &mut State, user: &str, asked: &Asked, body: &[u8]) -> Answer {
    let key = (asked.namespace.clone(), asked.name.clone());
    let encoded = |entries: &BTreeMap<String, Vec<u8>>| {
        let all = entries.iter();
        let all = all.map(|(name, bytes)| (name.clone(), json!(STANDARD.encode(bytes))));
        Value::Object(all.collect())
    };
    match (asked.verb.as_str(), asked.resource.as_str()) {
        ("get", "secrets") => match state.secrets.get(&key) {
            None => not_found("secrets", &asked.name),
            Some(entries) => object(
                200,
                json!({
                    "kind": "Secret", "apiVersion": "v1", "type": "kubernetes.io/tls",
                    "metadata": { "name": asked.name, "namespace": asked.namespace },
                    "data": encoded(entries),
                }),
            ),
        },
        ("get", "configmaps") => match state.config_maps.get(&key) {
            None => not_found("configmaps", &asked.name),
            Some(entries) => {
                let texts = entries
                    .iter()
                    .map(|(name, bytes)| (name.clone(), json!(String::from_utf8_lossy(bytes))));
                object(
                    200,
                    json!({
                        "kind": "ConfigMap", "apiVersion": "v1",
                        "metadata": { "name": asked.name, "namespace": asked.namespace },
                        "data": Value::Object(texts.collect()),
                        "binaryData": state.binary.get(&key).map(encoded),
                    }),
                )
            }
        },
        ("create", "serviceaccounts/token") if !state.accounts.contains(&key) => {
            not_found("serviceaccounts", &asked.name)
        }
        ("create", "serviceaccounts/token") => token(state, asked, body),
        (_, "certificaterequests") => {
            if !state.namespaces.contains(&asked.namespace) {
                return not_found("namespaces", &asked.namespace);
            }
            match &mut state.cert_manager {
                None => text(404, "text/plain", "404 page not found\n"),
                Some(manager) => {
                    manager.act(&asked.verb, user, &asked.namespace, &asked.name, body)
                }
            }
        }
        _ => text(404, "text/plain", "404 page not found\n"),
    }
}

/// By the rules of the API: `authentication.k8s.io/v1`, ten minutes at least.
fn token(state: &mut State, asked: &Asked, body: &[u8]) -> Answer {
    let wanted: Value = serde_json::from_slice(body).unwrap_or_default();
    if wanted["apiVersion"] != "authentication.k8s.io/v1" || wanted["kind"] != "TokenRequest" {
        return failure(400, "BadRequest", "the object provided is unrecognized");
    }
    let seconds = wanted["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
    if seconds < 600 {
        let words = format!(
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid \
             value: {seconds}: may not specify a duration less than 10 minutes"
        );
        return failure(422, "Invalid", &words);
    }
    let audiences = wanted["spec"]["audiences"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut audiences: Vec<String> = audiences
        .iter()
        .filter_map(|one| Some(one.as_str()?.to_owned()))
        .collect();
    let for_api = audiences.is_empty();
    if for_api {
        audiences.push("https://kubernetes.default.svc.cluster.local".to_owned());
    }
    let now = mtls_probe::run::now();
    let expires = now + SignedDuration::from_secs(seconds);
    let claims = json!({ "aud": audiences, "exp": expires.as_second() });
    let issued = tokens::with(&asked.namespace, &asked.name, claims);
    state.issued.push(issued.clone());
    if for_api {
        let user = format!("system:serviceaccount:{}:{}", asked.namespace, asked.name);
        state.tokens.insert(issued.clone(), user);
    }
    object(
        201,
        json!({
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "metadata": { "name": asked.name, "namespace": asked.namespace },
            "spec": { "audiences": audiences, "expirationSeconds": seconds },
            "status": { "token": issued, "expirationTimestamp": expires.to_string() },
        }),
    )
}

fn forbidden(user: &str, asked: &Asked) -> Answer {
    let Asked {
        verb,
        group,
        resource,
        namespace,
        name,
    } = asked;
    let kind = resource.split('/').next().unwrap();
    let kind = match *group {
        "" => kind.to_owned(),
        group => format!("{kind}.{group}"),
    };
    let name = match name.as_str() {
        "" => String::new(),
        name => format!(" \"{name}\""),
    };
    let words = format!(
        "{kind}{name} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API \
         group \"{group}\" in the namespace \"{namespace}\""
    );
    failure(403, "Forbidden", &words)
}

pub(crate) fn not_found(kind: &str, name: &str) -> Answer {
    failure(404, "NotFound", &format!("{kind} \"{name}\" not found"))
}

pub(crate) fn failure(code: u16, reason: &str, message: &str) -> Answer {
    object(
        code,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code,
        }),
    )
}

pub(crate) fn object(code: u16, value: Value) -> Answer {
    text(code, "application/json", &value.to_string())
}

fn text(code: u16, kind: &'static str, body: &str) -> Answer {
    let mut answer = Response::new(Reply(Some(Bytes::from(body.to_owned())), false));
    *answer.status_mut() = StatusCode::from_u16(code).unwrap();
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, kind.parse().unwrap());
    answer
}

fn acceptor(own: &Minted) -> TlsAcceptor {
    let key = PrivateKeyDer::from_pem_slice(own.key_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(Arc::new(Clients::any()))
        .with_single_cert(own.chain().to_vec(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn bytes(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    let entries = entries.iter();
    entries
        .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
        .collect()
}

fn write_private(path: &PathBuf, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Stands in every secret that must not leak.
pub(crate) const SECRET_MARK: &str = "do-not-show-this";
const ID: &str = "spiffe://cluster.local/ns/kube-system/sa/apiserver";
const HOUR: SignedDuration = SignedDuration::from_hours(1);
