//! The latest of what somebody pushes. Edge: a task of its own listens.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::error::IdentityError;

/// What was pushed last, for as long as this lives.
#[derive(Debug)]
pub(super) struct Pushed<T> {
    latest: watch::Receiver<Latest<T>>,
    /// Ends with this.
    _listener: JoinSet<()>,
}

/// Where the next one goes.
pub(super) struct Pusher<T>(watch::Sender<Latest<T>>);

type Latest<T> = Result<Arc<T>, IdentityError>;

impl<T: Send + Sync + 'static> Pushed<T> {
    /// Begins with what is there already; `listen` brings the rest.
    pub(super) fn start<F>(first: T, listen: impl FnOnce(Pusher<T>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, latest) = watch::channel(Ok(Arc::new(first)));
        let mut listener = JoinSet::new();
        listener.spawn(listen(Pusher(sender)));
        Self {
            latest,
            _listener: listener,
        }
    }

    /// The latest, or why there is none any more.
    pub(super) fn current(&self) -> Result<Arc<T>, IdentityError> {
        self.latest.borrow().clone()
    }
}

impl<T> Pusher<T> {
    pub(super) fn push(&self, next: Result<T, IdentityError>) {
        let _ = self.0.send_replace(next.map(Arc::new));
    }
}
