//! What a target is asked.

use super::reader::{Keys, Reader};
use super::yaml::{Node, Value};
use crate::target::{HttpVersion, Request};

pub(super) fn request(node: &Node, reader: &mut Reader<'_>) -> Option<Request> {
    let Value::Map(_) = node.value else {
        let text = reader.text("request", node)?;
        return match text.parse() {
            Ok(request) => Some(request),
            Err(why) => reader.refuse(node.at, format!("request {why}")),
        };
    };
    let mut keys = Keys::of("request".to_owned(), node.at, node, "", reader)?;
    let kinds = ["http", "http1", "http2", "grpc_health", "send", "postgres"];
    let given: Vec<_> = kinds
        .into_iter()
        .filter_map(|name| keys.take(name).map(|node| (name, node)))
        .collect();
    let expect = keys.take("expect");
    let request = match (given.as_slice(), expect) {
        ([("send", send)], expect) => raw(Some(send), expect, reader),
        ([], Some(expect)) => raw(None, Some(expect), reader),
        ([(name, _)], Some(expect)) => {
            let what = format!("`expect` does not go with `{name}`, only with `send`; remove one");
            reader.refuse(expect.at, what)
        }
        ([("grpc_health", node)], None) => service(node, reader),
        ([("postgres", node)], None) => postgres(node, reader),
        ([(name, node)], None) => http(name, node, reader),
        ([], None) if keys.has_strangers() => None,
        ([], None) => {
            let what = "request asks nothing; write { http: \"GET /path\" }, { grpc_health: SERVICE }, { send: TEXT, expect: TEXT } or none";
            reader.refuse(node.at, what)
        }
        ([_, (second, _), ..], _) => {
            let what = "request asks several things; write one target for each";
            reader.refuse(keys.place(second), what)
        }
    };
    keys.close(reader);
    request
}

fn http(name: &str, node: &Node, reader: &mut Reader<'_>) -> Option<Request> {
    let text = reader.text(name, node)?;
    match text.parse() {
        Ok(Request::Http { method, path, .. }) => Some(Request::Http {
            method,
            path,
            version: match name {
                "http1" => HttpVersion::Http1,
                "http2" => HttpVersion::Http2,
                _ => HttpVersion::Negotiated,
            },
        }),
        Ok(
            Request::None | Request::GrpcHealth(_) | Request::Raw { .. } | Request::Postgres { .. },
        )
        | Err(_) => {
            let what =
                format!("{name} {text:?} is not a request; write for example \"GET /healthz\"");
            reader.refuse(node.at, what)
        }
    }
}

fn service(node: &Node, reader: &mut Reader<'_>) -> Option<Request> {
    // Nothing, or an empty text, asks about the whole server.
    let service = match &node.value {
        Value::Empty => "",
        Value::Text(text) => text,
        Value::List(_) | Value::Map(_) => reader.text("grpc_health", node)?,
    };
    if service.len() > MAX_SERVICE || !service.bytes().all(|b| b.is_ascii_graphic()) {
        let what = format!("grpc_health {service:?} is not the name of a service");
        return reader.refuse(node.at, what);
    }
    Some(Request::GrpcHealth(service.to_owned()))
}

/// Bytes to send and bytes to find in the reply, either of which may be missing.
fn raw(send: Option<&Node>, expect: Option<&Node>, reader: &mut Reader<'_>) -> Option<Request> {
    let send = match send {
        Some(node) => bytes("send", node, reader)?,
        None => vec![],
    };
    let expect = match expect {
        Some(node) => Some(bytes("expect", node, reader)?),
        None => None,
    };
    Some(Request::Raw { send, expect })
}

/// A text, or `{ hex: "16 03" }` for what is none.
fn bytes(name: &str, node: &Node, reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let bytes = if let Value::Map(_) = node.value {
        let mut keys = Keys::of(name.to_owned(), node.at, node, "", reader)?;
        let hex = keys.need("hex", "write the bytes in hexadecimal");
        let bytes = hex.and_then(|node| hexadecimal(node, reader));
        keys.close(reader);
        bytes?
    } else {
        reader.text(name, node)?.as_bytes().to_vec()
    };
    match bytes.len() {
        1..=MAX_RAW => Some(bytes),
        0 => reader.refuse(node.at, format!("{name} is empty; remove the key")),
        many => {
            let what = format!("{name} has {many} bytes; {MAX_RAW} are allowed");
            reader.refuse(node.at, what)
        }
    }
}

fn hexadecimal(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let text = reader.text("hex", node)?;
    let digits: String = text.split_ascii_whitespace().collect();
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| match std::str::from_utf8(pair) {
            Ok(pair) if pair.len() == 2 => u8::from_str_radix(pair, 16).ok(),
            Ok(_) | Err(_) => None,
        })
        .collect();
    match bytes {
        Some(bytes) => Some(bytes),
        None => {
            let what =
                format!("hex {text:?} is not hexadecimal; write two digits a byte, such as 0d 0a");
            reader.refuse(node.at, what)
        }
    }
}

/// `{}`, or the user and the database to ask for.
fn postgres(node: &Node, reader: &mut Reader<'_>) -> Option<Request> {
    let mut names = ["user", "database"].map(|_| "postgres".to_owned());
    if !matches!(node.value, Value::Empty) {
        let example = "{ user: app, database: app }";
        let mut keys = Keys::of("postgres".to_owned(), node.at, node, example, reader)?;
        for (name, key) in names.iter_mut().zip(["user", "database"]) {
            let Some(node) = keys.take(key) else { continue };
            let text = reader.text(key, node)?;
            if text.is_empty() || text.len() > MAX_POSTGRES || text.contains('\0') {
                let what = format!("{key} {text:?} is not a name of PostgreSQL");
                return reader.refuse(node.at, what);
            }
            text.clone_into(name);
        }
        keys.close(reader);
    }
    let [user, database] = names;
    Some(Request::Postgres { user, database })
}

const MAX_SERVICE: usize = 1024;
const MAX_RAW: usize = 4096;
const MAX_POSTGRES: usize = 63;
