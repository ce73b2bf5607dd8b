//! What our ClientHello offers.

/// The server name we send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sni {
    /// The host of the address, where it is a name.
    #[default]
    Host,
    /// This name.
    Name(String),
    /// None.
    Off,
}

/// The TLS versions we offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Versions {
    /// TLS 1.3 and 1.2.
    #[default]
    Both,
    /// TLS 1.2 only.
    Tls12,
    /// TLS 1.3 only.
    Tls13,
}

impl Versions {
    /// What to offer to see whether the version makes the difference.
    pub const fn other(self) -> Self {
        match self {
            Self::Both | Self::Tls13 => Self::Tls12,
            Self::Tls12 => Self::Tls13,
        }
    }
}

/// Key exchange groups by their IANA name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// `X25519`
    X25519,
    /// `secp256r1`
    Secp256r1,
    /// `secp384r1`
    Secp384r1,
    /// `X25519MLKEM768`
    X25519MlKem768,
}

impl Group {
    /// Every group we can offer.
    pub const ALL: &[Self] = &[
        Self::X25519,
        Self::Secp256r1,
        Self::Secp384r1,
        Self::X25519MlKem768,
    ];

    /// The IANA name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X25519 => "X25519",
            Self::Secp256r1 => "secp256r1",
            Self::Secp384r1 => "secp384r1",
            Self::X25519MlKem768 => "X25519MLKEM768",
        }
    }
}

/// What our ClientHello offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Offer {
    /// The application protocols; `None` leaves them to the dialect and the request.
    pub alpn: Option<Vec<String>>,
    /// The server name.
    pub sni: Sni,
    /// The TLS versions.
    pub versions: Versions,
    /// The key exchange groups in our order; empty for the default.
    pub groups: Vec<Group>,
}
