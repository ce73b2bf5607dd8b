//! Facts of a certificate, and the judgement of a chain. Pure: bytes, bundles and a time go in, a
//! reasoned judgement comes out. webpki does the cryptography, we do the explaining.

mod algorithm;
mod anchors;
mod bundle;
mod decision;
mod der;
mod duration;
mod engine;
mod facts;
mod finding;
mod fitness;
mod judgement;
mod name;
mod node;
mod notes;
mod parts;
mod reading;
mod residue;
mod revocation;
mod signature;
mod spiffe_id;
mod svid;
#[cfg(test)]
mod tests;
mod trust;
mod validity;
mod walk;

pub use bundle::{Anchor, Bundle, Bundles, Trust};
pub use duration::rough;
pub use facts::{Facts, KeyUsage, Malformed, Purpose};
pub use judgement::{Expected, Judgement, Problem, Question, Role, judge};
pub use reading::directory_name;
pub(crate) use reading::sha256;
pub use spiffe_id::{InvalidSpiffeId, SpiffeId, TrustDomain};
