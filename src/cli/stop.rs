//! SIGINT and SIGTERM: the run ends, what was learned is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;

/// Waits for a signal, and remembers which it was.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicU8>);

impl Stop {
    /// Ends with the first SIGINT or SIGTERM.
    pub(super) async fn wait(self) {
        let signals = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        );
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            // Without handlers the system's own behaviour stands.
            return std::future::pending().await;
        };
        let exit = tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
        };
        self.0.store(exit.code(), Ordering::SeqCst);
    }

    /// How to exit, where a signal came.
    pub(super) fn exit(&self) -> Option<Exit> {
        let code = self.0.load(Ordering::SeqCst);
        [Exit::Interrupted, Exit::Terminated]
            .into_iter()
            .find(|exit| exit.code() == code)
    }
}
