//! The table of judgement: one row for each known cause, by subject, and what holds of all.

mod row;
mod scene;
mod words;
mod world;

mod answers;
mod dialects;
mod document;
mod follow_ups;
mod given;
mod hello;
mod libraries;
mod nothing;
mod openings;
mod ours;
mod plaintext;
mod properties;
mod replies;
mod settled;
mod sidecar;
mod silent;
mod stacks;
mod tunnels;
