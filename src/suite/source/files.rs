//! Sources that come from files.

use crate::identity::{Files, Origin};
use crate::suite::mistake::At;
use crate::suite::reader::{Keys, Reader};
use crate::suite::yaml::Node;

pub(super) fn files(at: At, node: &Node, reader: &mut Reader<'_>) -> Option<Origin> {
    let mut keys = Keys::of("files".to_owned(), at, node, EXAMPLE, reader)?;
    if let Some(folder) = keys.take("dir") {
        let rest = ["chain", "key"].map(|name| keys.take(name).map(|_| name));
        for name in rest.into_iter().flatten() {
            let what = format!("`dir` says where to find it all; remove `{name}`, or `dir`");
            reader.mistakes.add(keys.place(name), what);
        }
        keys.close(reader);
        return reader
            .path("dir", folder)
            .map(|folder| Origin::Files(Files::Folder(folder)));
    }
    let chain = keys.need(
        "chain",
        "name the PEM file of the certificate chain, or a folder in a known layout: `dir: /etc/certs`",
    );
    let chain = chain.and_then(|node| reader.path("chain", node));
    let key = keys.need(
        "key",
        "name the PEM file of the key; it may be the one of the chain",
    );
    let key = key.and_then(|node| reader.path("key", node));
    keys.close(reader);
    let (chain, key) = (chain?, key?);
    Some(Origin::Files(Files::Named { chain, key }))
}

const EXAMPLE: &str = "{ chain: frontend.pem, key: frontend.key }";
