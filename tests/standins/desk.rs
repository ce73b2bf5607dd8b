//! Where a server that signs sits: what it signs with, and what is wrong with it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::door::Cut;
use super::signer::Signer;

/// Shared by a server and the test that watches it.
pub(crate) struct Desk<W> {
    pub(crate) signer: Arc<Signer>,
    /// Ends its connections.
    pub(crate) cut: Cut,
    whim: Mutex<W>,
    asked: AtomicUsize,
}

impl<W: Clone + Default> Desk<W> {
    pub(crate) fn new(signer: Arc<Signer>, cut: Cut) -> Arc<Self> {
        Arc::new(Self {
            signer,
            cut,
            whim: Mutex::default(),
            asked: AtomicUsize::new(0),
        })
    }

    /// From now on.
    pub(crate) fn be(&self, whim: W) {
        *self.whim.lock().unwrap() = whim;
    }

    /// How many requests got through to it.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Somebody asks.
    pub(crate) fn called(&self) -> W {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.whim.lock().unwrap().clone()
    }
}
