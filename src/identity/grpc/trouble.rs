//! What goes wrong on the way to a server, and the way out. Pure.

use std::fmt;

use crate::identity::error::IdentityError;
use crate::identity::walk::Step;

/// What went wrong at a step, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) step: Step,
    pub(super) why: String,
    pub(super) remedy: String,
    pub(super) kind: Kind,
}

/// What to do about it, where somebody goes on to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Asking again changes nothing.
    Final,
    /// There is no answer that could be used; who had one before asks again.
    Down,
    /// The server says that it will be there soon.
    Busy,
    /// The server says that there is nothing for us, as yet or any more.
    Denied,
}

impl Trouble {
    pub(super) fn new(step: Step, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            step,
            why: why.into(),
            remedy: remedy.into(),
            kind: Kind::Down,
        }
    }

    pub(super) fn being(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// As the error that people see; `who` is the server.
    pub(super) fn of(self, who: impl fmt::Display) -> IdentityError {
        IdentityError::at(who, self.step, self.why, self.remedy)
    }
}
