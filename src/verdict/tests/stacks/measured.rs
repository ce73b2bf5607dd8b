//! What servers were measured to say, situation by situation, stack by stack.

use crate::code::Code;

/// The columns of the tables, and the codes that are right for each.
pub(super) const SITUATIONS: &[(&str, &[Code])] = &[
    ("none", &[Code::ClientCertRequired]),
    ("selfsigned", &[Code::UnknownCa]),
    ("unknownca", &[Code::UnknownCa]),
    ("samedn", &[Code::UnknownCa, Code::BadSignature]),
    ("nointer", &[Code::IncompleteChain]),
    ("expired", &[Code::CertExpired]),
    ("notyet", &[Code::CertNotYetValid]),
    ("expint", &[Code::CertExpired]),
    ("eku", &[Code::CertUnsupported]),
    ("caleaf", &[Code::CertUnsupported, Code::InvalidSvid]),
    ("sha1", &[Code::CertUnsupported, Code::BadSignature]),
    ("keymismatch", &[Code::BadSignature]),
    (
        "wrongtd",
        &[
            Code::SanMismatch,
            Code::TrustDomainMismatch,
            Code::AuthzDenied,
        ],
    ),
    ("wrongid", &[Code::SanMismatch, Code::AuthzDenied]),
    (
        "nouri",
        &[Code::SanMismatch, Code::InvalidSvid, Code::AuthzDenied],
    ),
    ("revoked", &[Code::CertRevoked]),
];

/// An alert by its number, `F`IN, `R`ST, close_`N`otify or `Q`uiet at the place of the refusal; `N+` a
/// ticket, and close_notify only once we ask; 400 and 403 are pages. `dn`: the server lists its root.
pub(super) const TLS13: &str = "
envoy        dn 116 48 48 48 48 45 45 45 43 ok ok 51 ok ok ok 44
envoy-san    dn 116 48 48 48 48 45 45 45 43 ok ok 51 46 46 46 .
envoy-spiffe dn 116 46 46 46 46 46 46 46 ok 46 ok 51 46 ok 46 .
envoy-rbac   dn 116 48 48 48 48 45 45 45 43 ok ok 51 403 403 403 .
envoy-l4     dn 116 48 48 48 48 45 45 45 43 ok ok 51 N+ N+ N+ .
envoy-down   dn F   .  F  .  .  .  .  .  .  .  .  .  .  .  .  .
openssl      dn 116 48 48 48 48 45 42 45 43 ok 42 51 ok ok ok 44
nginx        dn 400 400 400 400 400 400 400 400 400 ok 400 51 ok ok ok 400
nginx-stream dn N+ N+ N+ N+ N+ N+ N+ N+ N+ ok N+ 51 ok ok ok .
python       -  116 48 48 48 48 45 42 45 43 ok 42 51 ok ok ok .
asyncio      -  F F F F F F F F F ok F F ok ok ok .
node         dn 116 F F F F F F F F ok F 51 ok ok ok .
gnutls       dn 116 49 49 49 49 49 49 49 ok ok 49 51 ok ok ok 49
nss          dn 116 42 48 48 ok 45 45 48 46 46 ok 51 ok ok ok .
go1.19       dn 42 42 42 42 42 42 42 42 42 ok 42 51 ok ok ok .
go1.27       dn 116 48 48 48 48 45 45 45 42 ok 48 51 ok ok ok .
go-spiffe    -  116 42 42 42 42 42 42 42 ok 42 42 51 42 42 42 .
java         dn 116 46 46 46 46 46 46 46 46 ok ok 40 ok ok ok .
java-engine  dn F F F F F F F F F ok ok F ok ok ok .
erlang       dn 116 42 48 48 48 45 45 45 40 ok ok 40 ok ok ok .
rustls       dn 116 48 48 51 48 45 45 45 43 46 51 51 ok ok ok 44
rustls-id    dn 116 48 48 51 48 45 45 45 43 46 51 51 49 49 49 .
rustls-name  dn 116 48 48 51 48 45 45 45 43 46 51 51 42 42 42 .
grpc         -  F F F F F F F F F ok ok F ok ok ok .
wolfssl      -  116 42 48 48 ok 45 45 45 42 42 ok 51 ok ok ok .
s2n          -  N Q Q Q Q Q Q Q Q ok Q Q ok ok ok .
relay        -  R R R . . R . . . . . . . . . .
";

pub(super) const TLS12: &str = "
envoy        dn 40 48 48 48 48 45 45 45 43 ok ok 51 ok ok ok 44
envoy-san    dn 40 48 48 48 48 45 45 45 43 ok ok 51 46 46 46 .
envoy-spiffe dn 40 46 46 46 46 46 46 46 ok 46 ok 51 46 ok 46 .
envoy-rbac   dn 40 48 48 48 48 45 45 45 43 ok ok 51 403 403 403 .
envoy-l4     dn 40 48 48 48 48 45 45 45 43 ok ok 51 N+ N+ N+ .
envoy-down   dn F  .  F  .  .  .  .  .  .  .  .  .  .  .  .  .
openssl      dn 40 48 48 48 48 45 42 45 43 ok 42 51 ok ok ok 44
nginx        dn 400 400 400 400 400 400 400 400 400 ok 400 51 ok ok ok 400
nginx-stream dn N+ N+ N+ N+ N+ N+ N+ N+ N+ ok N+ 51 ok ok ok .
python       -  40 48 48 48 48 45 42 45 43 ok 42 51 ok ok ok .
asyncio      -  F F F F F F F F F ok F F ok ok ok .
node         dn 40 F F F F F F F F ok F 51 ok ok ok .
gnutls       dn 50 49 49 49 49 49 49 49 ok ok 49 51 ok ok ok 49
nss          dn 42 42 48 48 ok 45 45 48 46 46 ok 51 ok ok ok .
go1.19       dn 42 42 42 42 42 42 42 42 42 ok 42 51 ok ok ok .
go1.27       dn 40 48 48 48 48 45 45 45 42 ok 48 51 ok ok ok .
go-spiffe    -  40 42 42 42 42 42 42 42 ok 42 42 51 42 42 42 .
java         dn 40 46 46 46 46 46 46 46 46 ok ok 40 ok ok ok .
java-engine  dn F F F F F F F F F ok ok F ok ok ok .
erlang       dn 40 42 48 48 48 45 45 45 40 ok ok 42 ok ok ok .
rustls       dn 116 48 48 51 48 45 45 45 43 46 51 51 ok ok ok 44
rustls-id    dn 116 48 48 51 48 45 45 45 43 46 51 51 49 49 49 .
rustls-name  dn 116 48 48 51 48 45 45 45 43 46 51 51 42 42 42 .
grpc         -  F F F F F F F F F ok ok F ok ok ok .
wolfssl      -  R 42 48 48 ok 45 45 45 42 42 ok 51 ok ok ok .
mbedtls      dn F 48 48 48 48 45 46 45 43 ok 46 F ok ok ok .
s2n          -  F Q Q Q Q Q Q Q Q ok Q Q ok ok ok .
relay        -  R R R . . R . . . . . . . . . .
";
