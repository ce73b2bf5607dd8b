//! Many sources and many targets: judged in little time, probed without running out of anything.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail so"
)]

mod stage;

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mtls_probe::certificate::{Bundle, Bundles, Trust};
use mtls_probe::findings::{findings, summary};
use mtls_probe::identity::mint::Moment;
use mtls_probe::matrix::cells::{Bench, Look, Seen};
use mtls_probe::matrix::trusted::Trusted;
use mtls_probe::matrix::{Cell, Matrix, Run, SCHEMA, Totals};
use mtls_probe::observation::{
    Answer, Came, CertificateRequest, Ending, Gave, Observation, Stage, Tls, Version,
};
use mtls_probe::plan::plan;
use mtls_probe::report::{self, Format, Style};
use mtls_probe::suite::Suite;
use rustls_pki_types::CertificateDer;
use stage::{Ca, Done, leave, probe};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

#[test]
fn many_cells_are_judged_and_reported_in_little_time() {
    // Three hundred services, each with each; fewer where the compiler has not been asked to help.
    let wide = if cfg!(debug_assertions) { 60 } else { 300 };
    let suite = Suite::parse("wide", Path::new(""), &wide_suite(wide, wide)).unwrap();
    let begun = Instant::now();
    let plan = Arc::new(plan(&[suite]).unwrap());
    assert_eq!(plan.cells.len(), wide * (wide + 2));
    let planned = begun.elapsed();

    let ca = Ca::new("mesh");
    let seen = sights(&plan, &ca);
    let mut bundles = Bundles::none();
    let domain = "cluster.local".parse().unwrap();
    bundles.insert(domain, Bundle::new([ca.der.clone()]).unwrap());
    let trust = Trust {
        bundles,
        crls: vec![],
    };
    let begun = Instant::now();
    let bench = Bench::new(
        Arc::clone(&plan),
        Arc::new(Trusted::new([trust])),
        Moment::NOW,
    );
    let drafts: usize = seen.iter().map(|seen| bench.drafts(seen).len()).sum();
    let drafted = begun.elapsed();
    let begun = Instant::now();
    let cells: Vec<Cell> = bench
        .cells(&seen)
        .into_iter()
        .map(|draft| draft.cell)
        .collect();
    assert_eq!(drafts, cells.len());
    let judged = begun.elapsed();

    let begun = Instant::now();
    let mut by_target: HashMap<&str, Vec<&Cell>> = HashMap::new();
    for cell in &cells {
        by_target.entry(&cell.to).or_default().push(cell);
    }
    let targets: Vec<_> = (plan.targets.iter())
        .map(|target| summary(target.as_str(), &by_target[target.as_str()], None))
        .collect();
    let findings = findings(&cells, &targets, now());
    let found = begun.elapsed();
    assert!(targets.iter().all(|target| target.mode == "STRICT"));
    let totals = Totals::of(&cells);
    assert_eq!(totals.met, cells.len());

    let matrix = Matrix {
        schema: SCHEMA.to_owned(),
        run: Run::default(),
        totals,
        cells,
        targets,
        sources: vec![],
        findings,
    }
    .bounded();
    let mut reports = String::new();
    for format in Format::ALL {
        let alone = Instant::now();
        let mut out = Counted(0);
        report::write(&matrix, *format, &Style::default(), &mut out).unwrap();
        reports += &format!(", {format} {} KB in {:?}", out.0 / 1024, alone.elapsed());
    }
    say(&format!(
        "{} cells: planned in {planned:?}, drafted in {drafted:?}, judged in {judged:?}, findings in \
         {found:?}{reports}; peak memory {} MB",
        matrix.cells.len(),
        peak_memory() / 1024
    ));
    if !cfg!(debug_assertions) {
        let all = planned + drafted + judged + found;
        assert!(all < Duration::from_secs(5), "{all:?}");
        assert!(peak_memory() < 2 * 1024 * 1024, "{} KB", peak_memory());
    }
}

#[test]
fn forty_by_forty_are_probed_at_once() {
    let mesh = Mesh::new(40, 40);
    let begun = Instant::now();
    let done = mesh.run(&["--concurrency", "256"]);
    assert_eq!(done.code(), 0, "{}{}", done.out, done.err);
    let result = &done.values()[0];
    assert_eq!(result["totals"]["met"], 40 * 42, "{}", result["totals"]);
    say(&format!("1680 connections in {:?}", begun.elapsed()));
}

#[test]
fn running_out_of_files_is_our_own_trouble() {
    let mesh = Mesh::new(10, 10);
    let binary = env!("CARGO_BIN_EXE_probe");
    let suite = mesh.suite();
    let line = format!("ulimit -n 32; exec {binary} run {suite} --concurrency 64 --format json");
    let done = Done::of(Command::new("sh").args(["-c", &line]).output().unwrap());
    let result = &done.values()[0];
    let cells = result["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 120, "no cell vanishes");
    let faults = cells.iter().filter(|cell| cell["code"] == "PROBE_FAULT");
    assert!(faults.clone().count() > 0, "the limit was not reached");
    for cell in faults {
        assert_eq!(cell["outcome"], "inconclusive");
        let evidence = cell["evidence"][0].as_str().unwrap();
        assert!(evidence.contains("open files"), "{evidence}");
    }
    assert_eq!(result["totals"]["broken"], 0, "{result:#}");
    assert_eq!(done.code(), 3, "{}", done.err);
}

/// A suite of `rows` identities and `columns` targets, each at an address of its own.
fn wide_suite(rows: usize, columns: usize) -> String {
    let address =
        |nth: usize| SocketAddr::from(([10, 0, (nth / 250) as u8, (nth % 250) as u8], 8443));
    suite_of(rows, columns, address)
}

fn suite_of(rows: usize, columns: usize, address: impl Fn(usize) -> SocketAddr) -> String {
    let mut yaml = "version: 1\ntrust_domain: cluster.local\n\
                    bundles: { cluster.local: { file: roots.pem } }\nsources:\n"
        .to_owned();
    for nth in 0..rows {
        yaml +=
            &format!("  sa/client-{nth}: {{ mint: {{ ca: {{ chain: ca.pem, key: ca.key }} }} }}\n");
    }
    yaml += "targets:\n";
    for nth in 0..columns {
        yaml += &format!(
            "  server-{nth}: {{ address: \"{}\", request: {{ http: \"GET /{nth}\" }} }}\n",
            address(nth)
        );
    }
    yaml + "expect:\n  - { from: \"sa/*\", to: \"*\", verdict: OK }\n  \
            - { from: none, to: \"*\", verdict: CLIENT_CERT_REQUIRED }\n  \
            - { from: plaintext, to: \"*\", verdict: PLAINTEXT_REJECTED }\n"
}

/// What a healthy mesh would show, spread over twenty seconds.
fn sights(plan: &mtls_probe::plan::Plan, ca: &Ca) -> Vec<Seen> {
    let chain = |name: &str| -> Vec<CertificateDer<'static>> {
        vec![ca.leaf(name, &[]).der, ca.der.clone()]
    };
    let own: Vec<Arc<[_]>> = (plan.sources.iter())
        .map(|source| Arc::from(chain(source.as_str())))
        .collect();
    let servers: Vec<_> = plan
        .targets
        .iter()
        .map(|target| chain(target.as_str()))
        .collect();
    let place = |nth: usize| (nth / plan.targets.len(), nth % plan.targets.len());
    let seen = plan.cells.iter().enumerate().map(|(nth, cell)| {
        let (row, column) = place(nth);
        let came = match cell.source.name.as_str() {
            "none" => Came::WithoutCertificate,
            "plaintext" => Came::Plaintext,
            _ => Came::WithCertificate,
        };
        let at = now() + Duration::from_micros(20_000_000 / plan.cells.len() as u64 * nth as u64);
        Seen {
            probe: cell.probe,
            socket: plan.probes[cell.probe]
                .address
                .ip()
                .map(|ip| SocketAddr::new(ip, 8443)),
            name: None,
            follow_ups: vec![],
            found: None,
            attempts: vec![Look::new(
                at,
                match came {
                    Came::WithCertificate => Arc::clone(&own[row]),
                    Came::WithoutCertificate | Came::Plaintext | Came::ThroughSidecar => {
                        Arc::default()
                    }
                },
                observation(came, &servers[column]),
            )],
        }
    });
    seen.collect()
}

fn observation(came: Came, chain: &[CertificateDer<'static>]) -> Observation {
    let tls = Observation {
        came,
        stage: Stage::Request,
        chain: chain.to_vec(),
        tickets: 2,
        tls: Tls {
            version: Some(Version::Tls13),
            cipher: Some("TLS13_AES_256_GCM_SHA384".to_owned()),
            group: Some("X25519MLKEM768".to_owned()),
            ..Tls::default()
        },
        certificate_request: CertificateRequest::Asked {
            hints: vec![],
            schemes: vec![0x0403],
            gave: match came {
                Came::WithCertificate => Gave::Certificate,
                Came::WithoutCertificate | Came::Plaintext | Came::ThroughSidecar => Gave::Nothing,
            },
        },
        ..Observation::default()
    };
    let answer = |status: u16, body: &str| Answer {
        status,
        server: Some("envoy".to_owned()),
        date: None,
        proxy_headers: vec![],
        body: body.to_owned(),
        grpc_status: None,
        grpc_message: None,
        grpc_serving: None,
    };
    match came {
        Came::WithCertificate => Observation {
            ending: Ending::Answered,
            answer: Some(answer(200, "hello")),
            application_bytes: 100,
            ..tls
        },
        Came::WithoutCertificate => Observation {
            ending: Ending::Alert(116),
            stage: Stage::Settle,
            tickets: 0,
            ..tls
        },
        Came::Plaintext | Came::ThroughSidecar => Observation {
            came,
            stage: Stage::Request,
            ending: Ending::Answered,
            received: 100,
            answer: Some(answer(400, "The plain HTTP request was sent to HTTPS port")),
            ..Observation::default()
        },
    }
}

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

/// One server behind many targets, and a suite of many identities.
struct Mesh {
    folder: TempDir,
    _runtime: Runtime,
}

impl Mesh {
    fn new(rows: usize, columns: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca = Ca::new("mesh");
        let acceptor = ca.acceptor(&ca.leaf("server", &[]), &[], &[]);
        let addresses: Vec<SocketAddr> = {
            let _inside = runtime.enter();
            (0..columns).map(|_| listen(acceptor.clone())).collect()
        };
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &ca.pem);
        write("roots.pem", &ca.pem);
        write("ca.key", &ca.key.serialize_pem());
        write("probe.yaml", &suite_of(rows, columns, |nth| addresses[nth]));
        Self {
            folder,
            _runtime: runtime,
        }
    }

    fn suite(&self) -> String {
        self.folder.path().join("probe.yaml").display().to_string()
    }

    fn run(&self, flags: &[&str]) -> Done {
        probe(&["run", &self.suite(), "--format", "json"], flags)
    }
}

fn listen(acceptor: TlsAcceptor) -> SocketAddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    let socket = TcpListener::from_std(socket).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor.accept(stream).into_fallible().await {
                    Ok(mut stream) => {
                        let mut asked = [0; 4096];
                        let _ = stream.read(&mut asked).await?;
                        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
                        stream.shutdown().await
                    }
                    Err((_, stream)) => leave(stream).await,
                }
            });
        }
    });
    address
}

/// Counts what is written, and forgets it.
struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The most this process ever held, in KB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// The test harness swallows what `eprintln` says of a test that passes.
fn say(what: &str) {
    std::io::stderr()
        .write_all(format!("{what}\n").as_bytes())
        .unwrap();
}
