//! `probe` opens real TLS handshakes as SPIFFE identities, says who refused whom and why, and prints a
//! connectivity matrix. The modules stand in the order in which data flows through them:
//!
//! ```text
//! text -> Suite -> [Probe] -> Observation -> Verdict -> met? -> Matrix -> report, exit code
//! ```
//!
//! Observing and judging never mix: [`handshake`] records the facts of one connection, and what stands
//! right of it is pure. A module imports only what stands before it.
//!
//! # Example
//!
//! One pair, probed against a lab server of this crate:
//!
//! ```
//! use std::future::pending;
//! use std::sync::Arc;
//!
//! use mtls_probe::code::Code;
//! use mtls_probe::lab::{Lab, Options};
//! use mtls_probe::plan::plan;
//! use mtls_probe::run::{self, Materials, Settings};
//! use mtls_probe::suite::Suite;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let lab = Lab::start(run::now(), Options::default()).await?;
//! let files = lab.write_scratch()?;
//! let text = format!(
//!     "{{ version: 1, trust_domain: cluster.local,
//!         bundles: {{ cluster.local: {{ file: roots.pem }} }},
//!         sources: {{ sa/frontend: {{ files: {{ chain: frontend.pem, key: frontend.key }} }} }},
//!         targets: {{ api: {{ address: '{}', id: sa/healthy, request: GET / }} }} }}",
//!     lab.addresses("healthy")[0],
//! );
//! let suites = [Suite::parse("example", files.folder(), &text)?];
//! let materials = Materials::gather(&suites, run::now()).await.map_err(|troubles| troubles[0].to_string())?;
//! let matrix = run::run(
//!     &suites,
//!     Arc::new(plan(&suites)?),
//!     Arc::new(materials),
//!     Settings::default(),
//!     pending(), // nothing stops it early
//!     |_event| {},
//! )
//! .await;
//! assert_eq!(matrix.cells[0].code, Code::Ok);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```

// The words, and the things they speak of.
pub mod code;
pub mod certificate;
pub mod identity;
pub mod target;
// The line.
pub mod suite;
pub mod plan;
pub mod observation;
pub mod handshake;
pub mod verdict;
pub mod expectation;
pub mod matrix;
pub mod findings;
pub mod diff;
pub mod rotation;
pub mod outlook;
pub mod shards;
pub mod canary;
pub mod report;
pub mod run;
// Around it.
pub mod lab;
pub mod exit;
pub mod cli;
