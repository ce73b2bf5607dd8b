//! What the port of a Linkerd proxy itself wants to hear before the payload: where that is to go.

use std::io::Write;

use super::Attempt;
use super::wire::Wire;
use crate::observation::Observation;
use crate::plan::Probe;
use crate::target::{Dialect, HttpVersion, LINKERD_TRANSPORT, Request, Via};

/// Says it, where it has to be said. False where the peer has not agreed to hear it, and would take it
/// for the payload.
pub(super) fn introduce(attempt: &Attempt<'_>, wire: &mut Wire, seen: &Observation) -> bool {
    let probe = attempt.probe;
    if probe.way.dialect != Dialect::Linkerd || probe.way.via.is_none() {
        return true;
    }
    if seen.tls.alpn.as_deref() != Some(LINKERD_TRANSPORT) {
        return false;
    }
    // A gateway goes by the name of the service.
    let name = match probe.way.via {
        Some(Via::Address(_)) if probe.address.ip().is_none() => probe.address.host(),
        Some(Via::Address(_) | Via::Port(_)) | None => "",
    };
    let header = header(probe.address.port(), name, session(probe));
    match &mut wire.tls {
        Some(tls) => tls.writer().write_all(&header).is_ok(),
        None => false,
    }
}

/// What proxies say of the payload: the version of HTTP, and nothing of what is opaque.
fn session(probe: &Probe) -> Option<Session> {
    match &probe.request {
        Request::GrpcHealth(_) => Some(Session::Http2),
        Request::Http { version, .. } => Some(match version {
            HttpVersion::Http2 => Session::Http2,
            HttpVersion::Http1 | HttpVersion::Negotiated => Session::Http1,
        }),
        Request::None | Request::Raw { .. } | Request::Postgres { .. } => None,
    }
}

#[derive(Clone, Copy, Debug)]
enum Session {
    Http1,
    Http2,
}

/// The preface, a length, and `Header { port, name, session_protocol }` in protobuf.
fn header(port: u16, name: &str, session: Option<Session>) -> Vec<u8> {
    let mut message = vec![0x08];
    let mut rest = port;
    while rest >= 0x80 {
        message.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    message.push(rest.to_le_bytes()[0]);
    // A name of the DNS has 253 bytes at the most; two bytes hold such a length.
    let length = u16::try_from(name.len()).unwrap_or(0);
    if length > 0 {
        message.push(0x12);
        let [low, _] = length.to_le_bytes();
        match length >> 7 {
            0 => message.push(low),
            high => message.extend([low | 0x80, high.to_le_bytes()[0]]),
        }
        message.extend(name.as_bytes());
    }
    match session {
        Some(Session::Http1) => message.extend([0x1a, 2, 0x0a, 0]),
        Some(Session::Http2) => message.extend([0x1a, 2, 0x12, 0]),
        None => {}
    }
    let mut header = PREFACE.to_vec();
    header.extend((message.len() as u32).to_be_bytes());
    header.append(&mut message);
    header
}

const PREFACE: &[u8] = b"transport.l5d.io/v1\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_written_as_proxies_write_it() {
        let of = |port, name, session| header(port, name, session)[PREFACE.len()..].to_vec();
        assert!(header(80, "", None).starts_with(b"transport.l5d.io/v1\r\n\r\n\0\0\0\x02"));
        assert_eq!(of(80, "", None), [0, 0, 0, 2, 8, 80]);
        assert_eq!(of(8080, "", None), [0, 0, 0, 3, 8, 0x90, 0x3f]);
        assert_eq!(of(65535, "", None), [0, 0, 0, 4, 8, 0xff, 0xff, 0x03]);
        let http1 = Some(Session::Http1);
        assert_eq!(of(80, "", http1), [0, 0, 0, 6, 8, 80, 0x1a, 2, 0x0a, 0]);
        let named = of(80, "web.svc", Some(Session::Http2));
        assert_eq!(named, b"\0\0\0\x0f\x08\x50\x12\x07web.svc\x1a\x02\x12\0");
        let long = of(80, &"a".repeat(200), None);
        assert_eq!(long[6..9], [0x12, 0xc8, 0x01]);
    }
}
