//! `probe` opens real TLS handshakes as SPIFFE identities, says who refused whom and why, and prints a
//! connectivity matrix. The modules stand in the order in which data flows through them:
//!
//! ```text
//! text -> Suite -> [Probe] -> Observation -> Verdict -> met? -> Matrix -> report, exit code
//! ```

pub mod code;
pub mod certificate;
pub mod identity;
pub mod target;
pub mod suite;
pub mod plan;
pub mod observation;
pub mod handshake;
pub mod verdict;
pub mod expectation;
pub mod matrix;
pub mod findings;
pub mod report;
pub mod run;
pub mod lab;
