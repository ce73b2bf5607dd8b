//! Sources that an issuer of cert-manager signs.

use std::time::Duration;

use super::{Whose, kubernetes};
use crate::identity::{CertificateRequest, Issuer};
use crate::suite::mistake::At;
use crate::suite::reader::{Keys, Reader};
use crate::suite::yaml::{Node, Value};

pub(super) fn source(
    whose: &Whose<'_>,
    at: At,
    node: &Node,
    reader: &mut Reader<'_>,
) -> Option<CertificateRequest> {
    let mut keys = Keys::of(whose.owner(), at, node, EXAMPLE, reader)?;
    let namespace = keys.take("namespace");
    let issuer = keys.need(
        "issuer",
        "name who is to sign: `issuer: NAME`, or `issuer: { name: NAME, kind: ClusterIssuer }`",
    );
    let issuer = issuer.map(|node| self::issuer(keys.place("issuer"), node, reader));
    let lifetime = keys.take("lifetime");
    let lifetime = lifetime.and_then(|node| reader.lifetime("lifetime", node));
    let own = match keys.take("as") {
        Some(node) => reader.word("as", node, &[("account", false), ("own", true)]),
        None => Some(false),
    };
    keys.close(reader);
    let (id, account) = match own? {
        true => (whose.signed_id(reader)?, None),
        false => {
            let (id, account) = whose.account(reader)?;
            (id, Some(account))
        }
    };
    let namespace = match namespace {
        Some(node) => kubernetes::namespace("namespace", node, reader)?,
        None => whose.namespace(reader),
    };
    Some(CertificateRequest {
        cluster: whose.cluster.clone(),
        namespace,
        issuer: issuer??,
        id,
        lifetime: lifetime.unwrap_or(LIFETIME),
        account,
    })
}

fn issuer(at: At, node: &Node, reader: &mut Reader<'_>) -> Option<Issuer> {
    if let Value::Text(_) = node.value {
        return Some(Issuer {
            name: kubernetes::name("issuer", node, reader)?,
            kind: KIND.to_owned(),
            group: GROUP.to_owned(),
        });
    }
    let example = "{ name: mesh-ca, kind: ClusterIssuer }";
    let mut keys = Keys::of("issuer".to_owned(), at, node, example, reader)?;
    let name = keys.need("name", "name the issuer");
    let name = name.and_then(|node| kubernetes::name("name", node, reader));
    let mut word = |key, usual: &str| match keys.take(key) {
        Some(node) => reader.text(key, node).map(str::to_owned),
        None => Some(usual.to_owned()),
    };
    let (kind, group) = (word("kind", KIND), word("group", GROUP));
    keys.close(reader);
    Some(Issuer {
        name: name?,
        kind: kind?,
        group: group?,
    })
}

const EXAMPLE: &str = "{ issuer: mesh-ca }";
const KIND: &str = "Issuer";
const GROUP: &str = "cert-manager.io";
/// What csi-driver-spiffe asks for; its approver takes nothing else.
const LIFETIME: Duration = Duration::from_secs(3600);
