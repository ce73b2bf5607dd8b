//! The layouts of folders that are known. Pure.

use std::path::Path;

/// How somebody lays out a folder with an identity.
#[derive(Debug)]
pub(super) struct Layout {
    whose: &'static str,
    /// Where the same files are somebody else's, by the end of the path.
    at: &'static [(&'static str, &'static str)],
    pub(super) chain: &'static str,
    pub(super) key: &'static str,
    pub(super) bundle: &'static str,
    /// Nobody writes it without its bundle.
    needs_bundle: bool,
}

impl Layout {
    /// Whose files these are, as far as the path tells.
    pub(super) fn title(&self, folder: &Path) -> &'static str {
        let mut places = self.at.iter();
        let place = places.find(|(end, _)| folder.ends_with(end));
        place.map_or(self.whose, |(_, whose)| whose)
    }

    pub(super) const fn files(&self) -> [&'static str; 3] {
        [self.chain, self.key, self.bundle]
    }

    /// What must be there.
    pub(super) fn needed(&self) -> impl Iterator<Item = &'static str> {
        let files = self.files().into_iter();
        files.filter(|name| self.needs_bundle || *name != self.bundle)
    }

    /// The bundle may be missing, or empty.
    pub(super) const fn may_lack_bundle(&self) -> bool {
        !self.needs_bundle
    }
}

pub(super) const LAYOUTS: &[Layout] = &[
    Layout {
        whose: "Istio",
        at: &[
            (
                "workload-spiffe-credentials",
                "Istio (workload-spiffe-credentials)",
            ),
            ("etc/certs", "Istio (legacy /etc/certs)"),
        ],
        chain: "cert-chain.pem",
        key: "key.pem",
        bundle: "root-cert.pem",
        needs_bundle: true,
    },
    Layout {
        whose: "Istio on GKE",
        at: &[],
        chain: "certificates.pem",
        key: "private_key.pem",
        bundle: "ca_certificates.pem",
        needs_bundle: true,
    },
    Layout {
        whose: "cert-manager or a TLS Secret",
        at: &[("secrets/spiffe.io", "csi-driver-spiffe")],
        chain: "tls.crt",
        key: "tls.key",
        bundle: "ca.crt",
        needs_bundle: false,
    },
    Layout {
        whose: "spiffe-helper",
        at: &[],
        chain: "svid.pem",
        key: "svid_key.pem",
        bundle: "svid_bundle.pem",
        needs_bundle: true,
    },
    Layout {
        whose: "spire-server x509 mint",
        at: &[],
        chain: "svid.pem",
        key: "key.pem",
        bundle: "bundle.pem",
        needs_bundle: true,
    },
];
