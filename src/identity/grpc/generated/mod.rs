//! The messages and clients that `tests/protos.rs` makes of the files in `proto/`.
//!
//! The modules stand as the packages do, since the code refers to itself by them.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]

pub(super) mod workload {
    include!("workload.rs");
}

pub(super) mod istio {
    include!("istio.v1.auth.rs");
}

pub(super) mod linkerd {
    include!("io.linkerd.proxy.identity.rs");
}

pub(super) mod spire {
    pub mod api {
        pub mod types {
            include!("spire.api.types.rs");
        }
        pub mod server {
            pub mod svid {
                pub mod v1 {
                    include!("spire.api.server.svid.v1.rs");
                }
            }
            pub mod bundle {
                pub mod v1 {
                    include!("spire.api.server.bundle.v1.rs");
                }
            }
        }
    }
}
