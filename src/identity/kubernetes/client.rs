//! One question to a Kubernetes API and its answer, bounded in time and size. Edge.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{Request, Response, StatusCode, header};
use kube::client::Body;
use kube::config::AuthInfo;
use kube::{Client, Config};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use super::access::Access;
use super::failure::{Trouble, shortened, unreached, unusable};
use super::right::{Right, user_in};
use crate::identity::error::IdentityError;
use crate::identity::origin::Cluster;
use crate::identity::walk::{Step, Walk};

/// A cluster, as one user of it.
pub(super) struct Api {
    client: Client,
    /// Without credentials.
    bare: Config,
    /// Whose rights we have, for people: `context kind-test`.
    name: String,
    context: Option<String>,
    url: String,
}

/// Why the API did not do what we asked for.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It did not come to a question.
    Unreached(Trouble),
    /// It answered, but not with what we asked for.
    Answered(Answered),
}

/// An answer that is a refusal.
#[derive(Debug)]
pub(super) struct Answered {
    status: StatusCode,
    /// Its own words, where it is a `Status` as Kubernetes gives them.
    said: Option<String>,
    trouble: Trouble,
}

impl Refusal {
    /// As an error of this step. What failed before the first answer is of the step before.
    pub(super) fn at(self, who: impl std::fmt::Display, step: Step) -> IdentityError {
        match self {
            Self::Unreached(Trouble { why, remedy }) => {
                IdentityError::at(who, Step::Cluster, why, remedy)
            }
            Self::Answered(answer) => {
                let Trouble { why, remedy } = answer.trouble;
                IdentityError::at(who, step, why, remedy)
            }
        }
    }

    /// The same in other words, where the API answered with this status.
    pub(super) fn put(mut self, status: StatusCode, words: impl FnOnce() -> Trouble) -> Self {
        if let Self::Answered(answer) = &mut self
            && answer.status == status
        {
            answer.trouble = words();
        }
        self
    }

    /// The API's own words.
    pub(super) fn said(&self) -> Option<&str> {
        match self {
            Self::Answered(answer) => answer.said.as_deref(),
            Self::Unreached(_) => None,
        }
    }

    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Answered(answer) => Some(answer.status),
            Self::Unreached(_) => None,
        }
    }
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
    let is_stale = match refusal {
        Refusal::Unreached(_) => true,
        Refusal::Answered(answer) => answer.status == StatusCode::UNAUTHORIZED,
    };
    if !is_stale {
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
    let name = format!("{who}, whose token we have from {}", api.name);
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
                let why = format!("{} gave no answer within {seconds} s", self.url);
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
            return Err(Refusal::Answered(self.answered(status, &bytes, right)));
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
            .map_err(|error| Trouble::new(shortened(error), "check the names in the suite"))?;
        let response = self.client.send(request).await;
        let response = response.map_err(|error| unreached(&error, &self.url))?;
        let status = response.status();
        Ok((status, self.read(response).await?))
    }

    /// All of an answer. Not by the library: it reads without end, and shows what it cannot parse.
    async fn read(&self, response: Response<Body>) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let mut body = response.into_body();
        let mut parts = vec![];
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| unreached(&error, &self.url))?;
            if let Ok(data) = frame.into_data() {
                length += data.len();
                parts.push(data);
            }
            if length > MAX_ANSWER {
                return Err(Trouble::new(
                    format!("{} answers with more than {MAX_ANSWER} bytes", self.url),
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

    fn answered(&self, status: StatusCode, body: &[u8], right: &Right) -> Answered {
        let said = serde_json::from_slice::<Status>(body).ok();
        let said = said.filter(|said| said.kind == "Status");
        let said = said.map(|said| said.message);
        let code = status.as_u16();
        let words = said.as_deref().unwrap_or_default();
        let trouble = match code {
            401 => self.unknown("401 Unauthorized"),
            403 if user_in(words) == Some(NOBODY) => self.unknown(NOBODY),
            403 => match user_in(words) {
                Some(user) => Trouble::new(
                    format!("{} may not {right}", shortened(user)),
                    format!("grant it: {}", right.grant(Some(user))),
                ),
                None => Trouble::new(
                    format!("we may not {right}: {}", said_or(words, "403 Forbidden")),
                    "no right is missing, a policy of the cluster is in the way: ask who runs it",
                ),
            },
            404 => match (&said, &right.name) {
                (Some(_), Some(name)) => Trouble::new(
                    format!(
                        "there is no {} {name:?} in namespace {}",
                        right.what.as_str(),
                        right.namespace
                    ),
                    format!(
                        "is it the right namespace, and is {} the right cluster's?",
                        self.name
                    ),
                ),
                (Some(_), None) => Trouble::new(
                    format!("there is no namespace {}", right.namespace),
                    format!("is {} the right cluster's?", self.name),
                ),
                (None, _) => Trouble::new(
                    format!(
                        "{} does not know what a {} is",
                        self.url,
                        right.what.as_str()
                    ),
                    "is it the API server of Kubernetes?",
                ),
            },
            429 => Trouble::new(
                "the API has too much to do (429), also when asked again",
                "look at its flow control, and ask for fewer identities at a time",
            ),
            500.. => Trouble::new(
                format!(
                    "the API failed ({status}): {}",
                    said_or(words, "it does not say why")
                ),
                "look at the log of the API server",
            ),
            _ => Trouble::new(
                format!(
                    "it does not {right} ({status}): {}",
                    said_or(words, "it does not say why")
                ),
                "is it the API server, and do the names exist?",
            ),
        };
        Answered {
            status,
            said,
            trouble,
        }
    }

    fn unknown(&self, how: &str) -> Trouble {
        Trouble::new(
            format!(
                "the API does not know us ({how}): what we show as {} is missing, has expired, was \
                 revoked, or is for another cluster",
                self.name
            ),
            format!(
                "log in again, then check with `kubectl auth whoami{}`",
                self.flag()
            ),
        )
    }

    /// That the cluster is there is said once on a walk.
    fn reached(&self, walk: &mut Walk) {
        let words = format!("{}, {}", self.name, self.url);
        let step = (Step::Cluster, words);
        if !walk.steps().contains(&step) {
            walk.done(step.0, step.1);
        }
    }

    fn flag(&self) -> String {
        let context = self.context.as_ref();
        context.map_or_else(String::new, |context| format!(" --context {context:?}"))
    }
}

/// What Kubernetes says of a failure.
#[derive(Deserialize)]
struct Status {
    kind: String,
    #[serde(default)]
    message: String,
}

fn said_or(said: &str, otherwise: &str) -> String {
    match said {
        "" => otherwise.to_owned(),
        said => shortened(said),
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
    let url = config.cluster_url.to_string();
    let url = url.trim_end_matches('/').to_owned();
    let mut bare = config.clone();
    bare.auth_info = AuthInfo::default();
    // It may start a command and wait for it.
    let runtime = Handle::current();
    let client = tokio::task::spawn_blocking(move || {
        let _inside = runtime.enter();
        Client::try_from(config)
    });
    let client = match timeout(LIMIT, client).await {
        Ok(Ok(client)) => client.map_err(|error| unusable(&error, &name))?,
        Ok(Err(_)) | Err(_) => {
            return Err(Trouble::new(
                format!("the command that brings the credentials of {name} does not end"),
                "run it by hand: it may not ask questions",
            ));
        }
    };
    Ok(Api {
        client,
        bare,
        name,
        context,
        url,
    })
}

/// Whom the API takes us for when we show nothing that it knows.
const NOBODY: &str = "system:anonymous";
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);
/// No object of Kubernetes is larger than 3 MiB.
const MAX_ANSWER: usize = 4 << 20;
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
