//! Judgement of chains that are made at run time.

mod facts;
mod fitness;
mod likeness;
mod mint;
mod names;
mod revocation;
mod svid;
mod trust;
mod validity;
