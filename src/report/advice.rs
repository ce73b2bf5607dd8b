//! What to look at, one line for each code. `probe explain` has the long form.

use crate::code::{By, Code};

/// What to look at when a cell has this code.
pub fn advice(code: Code, by: Option<By>) -> &'static str {
    match (code, by) {
        (Code::Ok, _) => {
            "If this client should be refused, check the mTLS mode of the port and the policies that let it in."
        }
        (Code::PlaintextAccepted, _) => {
            "Check the mTLS mode of the port, also a port-level exception, and whether its proxy is in the way at all."
        }
        (Code::UnknownCa, Some(By::Probe)) => {
            "Compare the root of the target's chain, by public key, with the bundle given for its trust domain."
        }
        (Code::UnknownCa, _) => {
            "Compare the roots the target trusts, by public key, with the one above the client's chain; after a rotation it may still hold old roots."
        }
        (Code::CertExpired, Some(By::Probe)) => {
            "Find out why the target's certificate was not renewed: the log of its agent, and whether the CA signs."
        }
        (Code::CertExpired, _) => {
            "Check the dates of the client's chain and, if they are fine, the clock of the target."
        }
        (Code::CertNotYetValid, Some(By::Probe)) => {
            "Check the clocks: ours, the target's and the CA's, against NTP."
        }
        (Code::CertNotYetValid, _) => {
            "Check the notBefore of the client's certificate and, if it has passed, the clock of the target."
        }
        (Code::SanMismatch, Some(By::Probe)) => {
            "Check whether another workload answers at this address, or the suite names the wrong `id`."
        }
        (Code::SanMismatch, _) => {
            "Compare the identities the target accepts with the one in the client's certificate."
        }
        (Code::TrustDomainMismatch, Some(By::Probe)) => {
            "Check whether the address belongs to another mesh, or the suite names the wrong trust domain."
        }
        (Code::TrustDomainMismatch, _) => {
            "Compare the trust domain and its aliases at the target with the one in the client's certificate."
        }
        (Code::IncompleteChain, Some(By::Probe)) => {
            "Make the target send its intermediates with its leaf: look at the chain file it loads."
        }
        (Code::IncompleteChain, _) => {
            "Make the client send its intermediates with its leaf: look at the chain file it loads."
        }
        (Code::BadSignature, Some(By::Probe)) => {
            "Compare the public keys of the roots: the target's CA may have the name of a trusted one and another key."
        }
        (Code::BadSignature, _) => {
            "Check that the client's key fits its certificate, and that its CA is the one the target trusts and not only its namesake."
        }
        (Code::CertUnsupported, Some(By::Probe)) => {
            "Check key usage, extended key usage (serverAuth), CA flag and key of the target's chain."
        }
        (Code::CertUnsupported, _) => {
            "Check key usage, extended key usage (clientAuth), CA flag and key of the client's chain."
        }
        (Code::InvalidSvid, _) => {
            "Run `probe inspect` on the address: it lists every X.509-SVID rule that the leaf breaks."
        }
        (Code::CertRevoked, Some(By::Probe)) => {
            "Give the target a new certificate: one of its chain is on a CRL of the suite."
        }
        (Code::CertRevoked, _) => {
            "Give the client a new certificate: the target holds a CRL that lists one of its chain."
        }
        (Code::ClientCertRequired, _) => {
            "Give the client a certificate; if it has one, check that its key type is among those the target takes."
        }
        (Code::CertRejected, _) => {
            "Read the log of the target, then compare its trusted roots and the identities it accepts with the client's chain."
        }
        (Code::PlaintextRejected, _) => {
            "Make the client speak TLS here; while clients move, PERMISSIVE lets both in."
        }
        (Code::NotTls, _) => {
            "Check whether the target has its proxy, the port is excluded from it, or its mode is DISABLE."
        }
        (Code::NoSharedCipher, _) => {
            "Compare cipher suites, groups and signature schemes of both ends, and the types of their keys."
        }
        (Code::ProtocolVersion, _) => {
            "Compare the lowest and the highest TLS version of both ends."
        }
        (Code::AlpnMismatch, _) => {
            "Compare the `dialect` and the `alpn` of the target in the suite with what its proxy expects."
        }
        (Code::UnrecognizedName, _) => {
            "Check the `sni` and the `dialect` of the target in the suite; gateways choose by server name."
        }
        (Code::NoFilterChain, _) => {
            "Check the `dialect` of the target in the suite (a PERMISSIVE sidecar wants Istio's ALPN), then its listeners."
        }
        (Code::AuthzDenied, _) => {
            "Check the authorization policies of the target: the handshake was fine, the certificate is not the trouble."
        }
        (Code::UpstreamTlsFailure, _) => {
            "Check the TLS settings of the proxy that answered, towards the next server; its access log says why (%UPSTREAM_TRANSPORT_FAILURE_REASON%)."
        }
        (Code::UpstreamUnavailable, _) => {
            "Check whether the next server behind the proxy runs and is ready; the proxy's access log says why it did not get there."
        }
        (Code::DnsFailure, _) => {
            "Check the name and its search domains, and whether the service exists in that namespace."
        }
        (Code::ConnectionRefused, _) => {
            "Check the port, and whether the process listens; TLS has no part in it."
        }
        (Code::HostUnreachable, _) => "Check routes and network policies from here to the target.",
        (Code::ConnectTimeout, _) => {
            "Check network policies and firewalls from here to the target, and whether the address still exists."
        }
        (Code::HandshakeTimeout, _) => {
            "Check the load of the target, and whether its proxy has a certificate yet; a longer --timeout tells slow from stuck."
        }
        (Code::Reset | Code::Closed, _) => {
            "Read the log of the target at this moment; --attempts 5 tells chance from rule."
        }
        (Code::Silent, _) => {
            "Give the target a request (`request:`), so that its answer can tell; or a longer --timeout."
        }
        (Code::ProbeFault, _) => "Mend our own set-up, named in the evidence, then probe again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_line_of_advice() {
        for code in Code::ALL {
            for by in [None, Some(By::Peer), Some(By::Probe)] {
                let advice = advice(*code, by);
                assert!(advice.len() <= 160, "{code}: {advice}");
                assert!(advice.ends_with('.') && !advice.contains('\n'), "{advice}");
            }
        }
    }
}
