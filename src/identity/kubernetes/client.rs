//! One question to a Kubernetes API and its answer, bounded in time and size. Edge.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::header::HeaderValue;
use hyper::{Request, Response, StatusCode, Uri, header};
use kube::client::Body;
use kube::config::AuthInfo;
use kube::{Client, Config};
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use super::access::Access;
use super::failure::{Trouble, unreached, unusable};
use super::refusal::{Known, Refusal};
use super::right::Right;
use crate::identity::bounds::{LIMIT, MAX_ANSWER, short};
use crate::identity::origin::Cluster;
use crate::identity::walk::{Step, Walk};

/// A cluster, as one user of it.
pub(super) struct Api {
    client: Client,
    /// Without credentials.
    bare: Config,
    known: Known,
}

/// Asks with our own rights. The answer is JSON, for the caller to read, and wiped when dropped.
pub(super) async fn ask(
    cluster: &Cluster,
    right: &Right,
    body: Option<&serde_json::Value>,
    walk: &mut Walk,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let begun = Instant::now();
    let kept = kept(cluster);
    let is_old = kept.initialized();
    let api = open(cluster, &kept).await?;
    let answer = api.ask(right, body, walk).await;
    let Err(refusal) = &answer else {
        return answer;
    };
    // Tokens expire, clusters are made anew, and a connection may have ended long ago.
    let status = refusal.status();
    if status.is_some_and(|status| status != StatusCode::UNAUTHORIZED) {
        return answer;
    }
    forget(cluster, &kept);
    // Who had all the time does not get it twice.
    if !is_old || begun.elapsed() > LIMIT / 2 {
        return answer;
    }
    let kept = self::kept(cluster);
    let api = open(cluster, &kept).await?;
    let answer = api.ask(right, body, walk).await;
    if answer.is_err() {
        forget(cluster, &kept);
    }
    answer
}

/// The same cluster as somebody else, who has this token.
pub(super) async fn acting_as(
    cluster: &Cluster,
    who: &str,
    token: &Zeroizing<String>,
) -> Result<Api, Refusal> {
    let api = open(cluster, &kept(cluster)).await?;
    let mut config = api.bare.clone();
    config.auth_info.token = Some(token.to_string().into());
    let name = format!("{who}, whose token we have from {}", api.known.name);
    build(config, name, None).await.map_err(Refusal::Unreached)
}

impl Api {
    pub(super) async fn ask(
        &self,
        right: &Right,
        body: Option<&serde_json::Value>,
        walk: &mut Walk,
    ) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let mut tries = 1;
        loop {
            let late = || {
                let seconds = LIMIT.as_secs();
                let why = format!("{} gave no answer within {seconds} s", self.known.url);
                Trouble::new(
                    why,
                    "is it overloaded, or is something in between that swallows it?",
                )
            };
            let answer = timeout(LIMIT, self.ask_once(right, body)).await;
            let (status, bytes) = answer
                .map_err(|_| late())
                .flatten()
                .map_err(Refusal::Unreached)?;
            self.reached(walk);
            if status == StatusCode::TOO_MANY_REQUESTS && tries < TRIES {
                tries += 1;
                sleep(PAUSE).await;
                continue;
            }
            if status.is_success() {
                return Ok(bytes);
            }
            return Err(self.known.answered(status, &bytes, right));
        }
    }

    async fn ask_once(
        &self,
        right: &Right,
        body: Option<&serde_json::Value>,
    ) -> Result<(StatusCode, Zeroizing<Vec<u8>>), Trouble> {
        let unfit = || {
            Trouble::new(
                format!("Kubernetes has no names such as these: {right}"),
                "names are made of a-z, 0-9, \"-\" and \".\"",
            )
        };
        let path = right.path().ok_or_else(unfit)?;
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let request = Request::builder()
            .method(right.method())
            .uri(path)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("probe/", env!("CARGO_PKG_VERSION")),
            )
            .body(Body::from(body))
            .map_err(|error| Trouble::new(short(error), "check the names in the suite"))?;
        let response = self.client.send(request).await;
        let response = response.map_err(|error| unreached(&error, &self.known.url))?;
        let status = response.status();
        Ok((status, self.read(response).await?))
    }

    /// All of an answer. Not by the library: it reads without end, and shows what it cannot parse.
    async fn read(&self, response: Response<Body>) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let mut body = response.into_body();
        let mut parts = vec![];
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| unreached(&error, &self.known.url))?;
            if let Ok(data) = frame.into_data() {
                length += data.len();
                parts.push(data);
            }
            if length > MAX_ANSWER {
                return Err(Trouble::new(
                    format!(
                        "{} answers with more than {MAX_ANSWER} bytes",
                        self.known.url
                    ),
                    "is it the API server?",
                ));
            }
        }
        // Room for all of it at once: a buffer that grows leaves copies of a key behind.
        let mut all = Zeroizing::new(Vec::with_capacity(length));
        for part in parts {
            all.extend_from_slice(&part);
        }
        Ok(all)
    }

    /// That the cluster is there is said once on a walk.
    fn reached(&self, walk: &mut Walk) {
        let words = format!("{}, {}", self.known.name, self.known.url);
        let step = (Step::Cluster, words);
        if !walk.steps().contains(&step) {
            walk.done(step.0, step.1);
        }
    }
}

/// The client of a cluster: reading a kubeconfig may start a command, and many identities are asked
/// for at once.
type Kept = Arc<OnceCell<Arc<Api>>>;

static KEPT: LazyLock<Mutex<HashMap<Cluster, Kept>>> = LazyLock::new(Mutex::default);

fn kept(cluster: &Cluster) -> Kept {
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(cluster.clone()).or_default())
}

/// Unless somebody else has made it anew in the meantime.
fn forget(cluster: &Cluster, old: &Kept) {
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if all.get(cluster).is_some_and(|kept| Arc::ptr_eq(kept, old)) {
        all.remove(cluster);
    }
}

async fn open(cluster: &Cluster, kept: &Kept) -> Result<Arc<Api>, Refusal> {
    let make = async || {
        let access = Access::find(cluster).await?;
        build(access.config, access.name, access.context)
            .await
            .map(Arc::new)
    };
    let api = kept.get_or_try_init(make).await;
    api.map(Arc::clone).map_err(Refusal::Unreached)
}

async fn build(
    mut config: Config,
    mut name: String,
    context: Option<String>,
) -> Result<Api, Trouble> {
    // An attempt ends by our own limit, and what it has to say is lost in the library's fifteen.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    if config.accept_invalid_certs {
        name += ", whose certificate nobody checks (insecure-skip-tls-verify)";
    }
    if let Some(token) = &config.auth_info.token {
        // The library takes it as it is, and panics.
        if HeaderValue::from_str(token.expose_secret()).is_err() {
            return Err(Trouble::new(
                format!("the token of {name} holds characters that no token has"),
                "is there a line break in it? fetch it anew",
            ));
        }
    }
    let url = place(&config);
    let mut bare = config.clone();
    bare.auth_info = AuthInfo::default();
    // It may start a command and wait for it.
    let runtime = Handle::current();
    let client = tokio::task::spawn_blocking(move || {
        let _inside = runtime.enter();
        unless_it_panics(|| Client::try_from(config))
    });
    let client = match timeout(LIMIT, client).await {
        Ok(Ok(Some(client))) => client.map_err(|error| unusable(&error, &name))?,
        // It panics at credentials that it cannot send.
        Ok(Ok(None) | Err(_)) => {
            return Err(Trouble::new(
                format!("the credentials of {name} cannot be sent"),
                "is there a line break in the token? fetch it anew",
            ));
        }
        Err(_) => {
            return Err(Trouble::new(
                format!("the command that brings the credentials of {name} does not end"),
                "run it by hand: it may not ask questions",
            ));
        }
    };
    let known = Known { name, context, url };
    Ok(Api {
        client,
        bare,
        known,
    })
}

/// What comes of work that may panic at what others brought. Nothing of the panic is printed.
fn unless_it_panics<T>(work: impl FnOnce() -> T) -> Option<T> {
    thread_local!(static QUIET: Cell<bool> = const { Cell::new(false) });
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            if !QUIET.get() {
                before(what);
            }
        }));
    });
    QUIET.set(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    done.ok()
}

/// Where the API is, for people; passwords may stand in URLs.
fn place(config: &Config) -> String {
    let bare = |url: &Uri| {
        let host = url.host().unwrap_or_default();
        let port = url
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        let scheme = url.scheme_str().unwrap_or("http");
        format!(
            "{scheme}://{host}{port}{}",
            url.path().trim_end_matches('/')
        )
    };
    let server = bare(&config.cluster_url);
    match &config.proxy_url {
        Some(proxy) => format!("{server} (by the proxy {})", bare(proxy)),
        None => server,
    }
}

const CONNECT: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
