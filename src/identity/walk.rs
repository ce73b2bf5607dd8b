//! The way to an identity, step by step, so that what fails can be named. Pure.

use std::fmt;

/// A step on the way to an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The files are there, and their layout is known.
    Find,
    /// The kubeconfig or the pod's own access is there.
    Cluster,
    /// The trust anchors of the server that signs.
    Anchors,
    /// The token: there, for the right audience, not expired.
    Token,
    /// The socket is there and may be opened, or the address takes connections.
    Connect,
    /// The server that signs is the one it must be.
    Tls,
    /// It takes our request: header, token and rights.
    Request,
    /// It grants it: there is an identity for us.
    Grant,
    /// What came can be used: chain, key and name fit.
    Identity,
}

impl Step {
    /// The name, in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::Cluster => "cluster",
            Self::Anchors => "anchors",
            Self::Token => "token",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Request => "request",
            Self::Grant => "grant",
            Self::Identity => "identity",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What was done on the way, in order, each step with what was found. Never holds a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    done: Vec<(Step, String)>,
}

impl Walk {
    /// A step that went well.
    pub fn done(&mut self, step: Step, found: impl Into<String>) {
        self.done.push((step, found.into()));
    }

    /// All steps that went well, in order.
    pub fn steps(&self) -> &[(Step, String)] {
        &self.done
    }
}
