//! What goes wrong in a call, in words. Pure.

use std::error::Error;
use std::fmt;

use tonic::{Code, Status};

use crate::identity::bounds::{MAX_ANSWER, short};
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

/// What to do about it.
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
    pub(super) fn new(
        step: Step,
        kind: Kind,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            step,
            why: why.into(),
            remedy: remedy.into(),
            kind,
        }
    }

    /// As the error that people see; `who` is the server.
    pub(super) fn of(self, who: impl fmt::Display) -> IdentityError {
        IdentityError::at(who, self.step, self.why, self.remedy)
    }
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The server answered with this code, in these words.
    Answer(Code, String),
    /// It answered something larger than we take.
    TooLarge,
    /// There is no answer: the connection broke off, or it is none that gRPC can use.
    Broken(String),
}

impl Refusal {
    /// What tonic makes of the answer of a server and what it makes up itself look the same, but for
    /// the source of the latter.
    pub(super) fn of(status: &Status) -> Self {
        if let Some(source) = status.source() {
            return Self::Broken(short(root(source)));
        }
        if status.code() == Code::OutOfRange {
            return Self::TooLarge;
        }
        Self::Answer(status.code(), short(status.message().trim()))
    }

    /// What is to be said of it where no more is known.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Answer(code, said) if said.is_empty() => format!("it answers {code:?}"),
            Self::Answer(code, said) => format!("it answers {code:?}: {said:?}"),
            Self::TooLarge => {
                format!("its answer is larger than {} MiB", MAX_ANSWER >> 20)
            }
            Self::Broken(why) => {
                format!("there is no answer: it broke off, or speaks no gRPC ({why})")
            }
        }
    }

    /// What to do about it where no more is known.
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Answer(Code::Unavailable, _) => Kind::Busy,
            Self::Answer(Code::InvalidArgument | Code::Unimplemented, _) => Kind::Final,
            Self::Answer(Code::PermissionDenied, _) => Kind::Denied,
            Self::Answer(..) | Self::TooLarge | Self::Broken(_) => Kind::Down,
        }
    }
}

fn root<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_a_server_is_told_from_a_broken_connection() {
        let mut broken = Status::unavailable("transport error");
        broken.set_source(std::sync::Arc::new(std::io::Error::other("reset")));
        for (status, want, kind) in [
            (
                Status::unavailable("starting"),
                "it answers Unavailable: \"starting\"",
                Kind::Busy,
            ),
            (Status::internal(""), "it answers Internal", Kind::Down),
            (broken, "speaks no gRPC (reset)", Kind::Down),
            (Status::out_of_range("big"), "larger than 4 MiB", Kind::Down),
        ] {
            let refusal = Refusal::of(&status);
            assert!(refusal.words().contains(want), "{}", refusal.words());
            assert_eq!(refusal.kind(), kind, "{status:?}");
        }
    }
}
