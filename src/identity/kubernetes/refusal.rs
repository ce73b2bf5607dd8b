//! What a Kubernetes API answers when it does not do what we ask for, in words. Edge, by the errors it
//! passes on.

use std::fmt;

use hyper::StatusCode;
use serde::Deserialize;

use super::failure::Trouble;
use super::right::{Right, user_in};
use crate::identity::bounds::short;
use crate::identity::error::IdentityError;
use crate::identity::walk::Step;

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
    pub(super) fn at(self, who: impl fmt::Display, step: Step) -> IdentityError {
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

/// Whom we are to a cluster, for people.
pub(super) struct Known {
    /// Whose rights we have: `context kind-test`.
    pub(super) name: String,
    pub(super) context: Option<String>,
    pub(super) url: String,
}

impl Known {
    /// Why this answer is none that we can use.
    pub(super) fn answered(&self, status: StatusCode, body: &[u8], right: &Right) -> Refusal {
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
                    format!("{} may not {right}", short(user)),
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
        Refusal::Answered(Answered {
            status,
            said,
            trouble,
        })
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
        said => short(said),
    }
}

/// Whom the API takes us for when we show nothing that it knows.
const NOBODY: &str = "system:anonymous";
