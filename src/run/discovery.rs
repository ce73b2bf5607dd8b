//! Which dialect an address speaks is found once, for all who come to it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::plan::{Knock, Probe};
use crate::verdict::Found;

/// What was found so far, or is being looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Discovery(Arc<Mutex<HashMap<Door, Looking>>>);

/// An address, and all that decides how one knocks there.
type Door = (SocketAddr, Probe);

/// Whoever asks first looks, and the others wait for what comes of it.
pub(super) type Looking = Arc<OnceCell<Arc<Found>>>;

impl Discovery {
    /// What is known of the door that this probe comes to.
    pub(super) fn of(&self, probe: &Probe, address: SocketAddr) -> Looking {
        let door = (address, probe.knock(Knock::Plaintext));
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(doors.entry(door).or_default())
    }
}
