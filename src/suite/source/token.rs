//! Tokens of service accounts, as a suite names them.

use std::path::PathBuf;

use crate::identity::{self, Account, Cluster};
use crate::suite::reader::{Keys, Reader};
use crate::suite::yaml::{Node, Value};

/// Where the token comes from, before it is known whose.
#[derive(Clone, Default)]
pub(super) struct Token {
    /// A file; without one Kubernetes is asked.
    file: Option<PathBuf>,
    /// Whom it is meant for, where not for the usual one.
    audience: Option<String>,
}

impl Token {
    pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Text(_) = node.value {
            let known = [("request", ())];
            return reader.word("token", node, &known).map(|()| Self::default());
        }
        let mut keys = Keys::of("token".to_owned(), node.at, node, EXAMPLE, reader)?;
        let file = keys.take("file").map(|node| reader.path("file", node));
        let audience = keys.take("audience");
        let audience = audience.map(|node| reader.text("audience", node).map(str::to_owned));
        if file.is_none() && audience.is_none() && !keys.has_strangers() {
            let what =
                format!("token says nothing; write `request` to ask Kubernetes, or `{EXAMPLE}`");
            return reader.refuse(node.at, what);
        }
        keys.close(reader);
        // What is written and no good is a mistake that is noted.
        let file = match file {
            Some(file) => Some(file?),
            None => None,
        };
        let audience = match audience {
            Some(audience) => Some(audience?),
            None => None,
        };
        Some(Self { file, audience })
    }

    pub(super) fn of(self, account: &Account, usual: &str, cluster: &Cluster) -> identity::Token {
        let audience = self.audience.unwrap_or_else(|| usual.to_owned());
        match self.file {
            Some(path) => identity::Token::File { path, audience },
            None => identity::Token::Request {
                account: account.clone(),
                audience: Some(audience),
                cluster: cluster.clone(),
            },
        }
    }
}

const EXAMPLE: &str = "{ file: /var/run/secrets/tokens/istio-token }";
