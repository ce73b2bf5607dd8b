//! What was negotiated, answered and counted, in labelled words.

use serde::Serialize;

use super::markup::seen;
use crate::matrix::{Attempts, Http, Said, Tls};
use crate::report::pair::{exchanged, negotiated};

/// Words with their labels.
pub(super) type Fields = Vec<(&'static str, String)>;

pub(super) fn negotiation(tls: &Tls) -> Fields {
    let fields = [
        ("negotiated", negotiated(tls).text()),
        ("certificate", exchanged(tls).text()),
    ];
    let said = fields.into_iter().filter(|(_, words)| !words.is_empty());
    said.collect()
}

pub(super) fn answer(http: &Http) -> Fields {
    let mut fields = vec![("status", http.status.to_string())];
    if let Some(status) = http.grpc_status {
        fields.push(("gRPC status", status.to_string()));
    }
    if let Some(server) = &http.server {
        fields.push(("server", seen(server)));
    }
    match http.clock_offset_s {
        None | Some(0) => {}
        Some(offset @ 1..) => fields.push(("its clock", format!("{offset} s ahead of ours"))),
        Some(offset) => {
            let behind = format!("{} s behind ours", offset.unsigned_abs());
            fields.push(("its clock", behind));
        }
    }
    if let Some(upstream) = &http.upstream {
        fields.push(("of the next server", seen(&upstream.reason)));
        if let Some(flag) = &upstream.flag {
            fields.push(("response flags", seen(flag)));
        }
        if let Some(alert) = upstream.tls_alert {
            fields.push(("TLS alert", alert.to_string()));
        }
        if let Some(detail) = &upstream.detail {
            fields.push(("beside", seen(detail)));
        }
    }
    fields
}

/// What several connections said.
#[derive(Serialize)]
pub(super) struct Distribution {
    said: Vec<(&'static str, Option<String>, u32)>,
    flake: Option<String>,
    faces: Vec<Met>,
}

/// A server among several behind one address.
#[derive(Serialize)]
struct Met {
    sha256: String,
    serial: String,
    issuer: String,
    count: u32,
    said: Vec<(&'static str, Option<String>, u32)>,
    ca_hints: Vec<String>,
}

pub(super) fn distribution(attempts: &Attempts) -> Distribution {
    let percent = |share: f64| format!("{:.2}", share * 100.0);
    Distribution {
        said: said(&attempts.codes),
        flake: attempts.flake.map(|flake| {
            format!(
                "It failed in {} of {} connections: {} %, with 95 % confidence {} to {} %.",
                flake.failed,
                flake.of,
                percent(flake.rate),
                percent(flake.low),
                percent(flake.high)
            )
        }),
        faces: (attempts.faces.iter())
            .map(|face| Met {
                sha256: seen(&face.sha256),
                serial: seen(&face.serial),
                issuer: seen(&face.issuer),
                count: face.count,
                said: said(&face.codes),
                ca_hints: face.ca_hints.iter().map(|name| seen(name)).collect(),
            })
            .collect(),
    }
}

fn said(all: &[Said]) -> Vec<(&'static str, Option<String>, u32)> {
    let all = all.iter().take(MOST_CODES);
    all.map(|said| (said.code.as_str(), said.by.as_deref().map(seen), said.count))
        .collect()
}

/// The most codes of one distribution.
const MOST_CODES: usize = 64;
