//! Tokens of Kubernetes service accounts: from a file, or from the Kubernetes API. Edge.

mod claims;

use std::path::Path;
use std::str::from_utf8;

use jiff::Timestamp;
use zeroize::Zeroizing;

use self::claims::{Claims, Unfit};
use super::bounds::short;
use super::error::{Flaw, IdentityError};
use super::files;
#[cfg(feature = "kubernetes")]
use super::kubernetes;
use super::origin::{Account, Token};
use super::walk::{Step, Walk};
use crate::certificate::rough;

/// A token, and what it says of itself.
pub(super) struct Proof {
    pub(super) text: Zeroizing<String>,
    pub(super) claims: Claims,
    /// Whom it must be meant for.
    pub(super) audience: Option<String>,
}

/// A token, looked at before it is sent: whoever refuses one rarely says why. With an account, the one
/// that it must prove, since whoever signs goes by the token.
pub(super) async fn token(
    from: &Token,
    account: Option<&Account>,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Proof, IdentityError> {
    let text = match from {
        Token::File { path, audience } => read(path, audience, account)?,
        #[cfg(feature = "kubernetes")]
        Token::Request {
            account,
            audience,
            cluster,
        } => kubernetes::token(account, audience.as_deref(), cluster, walk).await?,
        #[cfg(not(feature = "kubernetes"))]
        Token::Request { account, .. } => return Err(not_built(account)),
    };
    let claims = Claims::read(&text).map_err(|why| {
        let why = format!("what is there is not a JSON Web Token: {why}");
        failed(from, &why, &make(from, account))
    })?;
    let audience = audience(from);
    claims
        .judge(audience, account, now)
        .map_err(|unfit| failed(from, &unfit.to_string(), &remedy(&unfit, from, account)))?;
    let proof = Proof {
        text,
        claims,
        audience: audience.map(str::to_owned),
    };
    walk.done(Step::Token, proof.found(now));
    Ok(proof)
}

impl Proof {
    /// What it says, as far as that may be shown: for whoever explains a refusal.
    pub(super) fn found(&self, now: Timestamp) -> String {
        let claims = &self.claims;
        let whose = match (claims.account(), &claims.subject) {
            (Some(account), _) => account.to_string(),
            (None, Some(subject)) => short(subject),
            (None, None) => "nobody".to_owned(),
        };
        let audience = match (&self.audience, claims.audiences.first()) {
            (Some(audience), _) => format!(", audience {audience}"),
            (None, Some(audience)) => format!(", audience {}", short(audience)),
            (None, None) => String::new(),
        };
        let left = match claims.left(now) {
            Some(left) => format!("{} left", rough(left)),
            None => "without an end".to_owned(),
        };
        format!("token of {whose}{audience}, {left}")
    }
}

/// This build cannot ask for one.
#[cfg(not(feature = "kubernetes"))]
fn not_built(account: &Account) -> IdentityError {
    let who = super::error::Subject::Source(of_account(account));
    IdentityError::new(who, Flaw::NotBuilt("kubernetes"))
}

/// Whom a token must be meant for.
fn audience(from: &Token) -> Option<&str> {
    match from {
        Token::File { audience, .. } => Some(audience),
        Token::Request { audience, .. } => audience.as_deref(),
    }
}

fn read(
    path: &Path,
    audience: &str,
    account: Option<&Account>,
) -> Result<Zeroizing<String>, IdentityError> {
    let make = project(audience, account);
    let failed =
        |why: &str, remedy: &str| IdentityError::at(of_file(path), Step::Token, why, remedy);
    let bytes = files::read(path, MOST).map_err(|error| {
        if error.flaw == Flaw::Missing {
            return failed("the file does not exist", &make);
        }
        if error.flaw == Flaw::Denied {
            let remedy = "give read permission to the user that runs probe, in a pod by `fsGroup`";
            return failed("this user may not read the file", remedy);
        }
        if error.flaw == Flaw::Folder {
            let remedy = "name the file in it: the `path` of the projected serviceAccountToken";
            return failed("the path is a folder", remedy);
        }
        if let Flaw::TooBig(limit) = error.flaw {
            let why = format!("the file is larger than {limit} bytes, too much for a token");
            return failed(&why, "name the file that holds the token alone");
        }
        failed(
            &format!("the file {}", error.flaw),
            "name a file that can be read",
        )
    })?;
    let text = from_utf8(&bytes).map_err(|_| {
        let why = "what is there is not a JSON Web Token: it is not even text";
        failed(why, &make)
    })?;
    match text.trim() {
        "" => Err(failed("the file is empty", &make)),
        token => Ok(Zeroizing::new(token.to_owned())),
    }
}

fn failed(from: &Token, why: &str, remedy: &str) -> IdentityError {
    let who = match from {
        Token::File { path, .. } => of_file(path),
        Token::Request { account, .. } => of_account(account),
    };
    IdentityError::at(who, Step::Token, why, remedy)
}

fn of_account(account: &Account) -> String {
    format!("the token of {account}")
}

fn of_file(path: &Path) -> String {
    format!("the token in {}", path.display())
}

fn remedy(unfit: &Unfit, from: &Token, account: Option<&Account>) -> String {
    match (unfit, from) {
        (Unfit::Expired(..), Token::File { .. }) => format!(
            "the kubelet renews what it projects, and nobody renews a copy; {}",
            make(from, account)
        ),
        (Unfit::NotYet(..), _) | (Unfit::Expired(..), Token::Request { .. }) => {
            "the clocks of this host and of the cluster differ; set them".to_owned()
        }
        (Unfit::Audience(..), _) => make(from, account),
        (Unfit::Account(..), Token::File { .. }) => format!(
            "the CA signs for whom the token proves: run probe under the account that is asked for, or \
             use `token: request`, or make its token: {}",
            create(account, audience(from))
        ),
        (Unfit::Account(..), Token::Request { .. }) => {
            "the CA signs for whom the token proves: ask for a token of that account".to_owned()
        }
    }
}

/// How to come by a token that will do.
fn make(from: &Token, account: Option<&Account>) -> String {
    match from {
        Token::File { audience, .. } => project(audience, account),
        Token::Request { cluster, .. } => {
            format!("see whether {cluster} is the API of a Kubernetes of this mesh")
        }
    }
}

fn project(audience: &str, account: Option<&Account>) -> String {
    format!(
        "project one into the pod (volume source `serviceAccountToken: {{ audience: {audience}, \
         expirationSeconds: 3600, path: token }}`), or make one: {}",
        create(account, Some(audience))
    )
}

fn create(account: Option<&Account>, audience: Option<&str>) -> String {
    let audience = audience.map_or_else(String::new, |audience| format!(" --audience {audience}"));
    match account {
        Some(Account { namespace, name }) => {
            format!("`kubectl create token {name} -n {namespace}{audience}`")
        }
        None => format!("`kubectl create token NAME -n NAMESPACE{audience}`"),
    }
}

/// A token measures a kilobyte or two; who takes one takes no header of this size.
const MOST: u64 = 64 << 10;
