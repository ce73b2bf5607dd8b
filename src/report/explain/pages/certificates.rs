//! Certificates that one of the two ends rejected.

use crate::code::{By, Code};
use crate::report::explain::causes::{dates, identity, mode, network, policy, proxy, trust};
use crate::report::explain::entry::{Page, Topic, seen};

pub(in crate::report::explain) const UNKNOWN_CA: Topic = Topic::code(
    Code::UnknownCa,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer refused our certificate because it finds no way from it to a root it trusts, in most stacks with alert unknown_ca(48). Over TLS 1.3 that comes after our side of the handshake is complete. Our own chain was checked before: it is not expired and not broken in itself.",
            is_not: "That our certificate is bad: it leads to another root than this peer holds. Nor that the name or the policy is wrong, which no peer looks at before the chain; alert certificate_unknown(46) of a sidecar is about the name and not about the root.",
            advice: "Compare the roots the target trusts, by public key, with the one above the client's chain; after a rotation it may still hold old roots.",
            causes: &[
                seen(
                    "some targets or addresses refuse and others accept, and the roots of their own certificates differ",
                    &trust::BUNDLE_BEHIND,
                ),
                seen(
                    "every target of that mesh refuses: \"the CA names that the peer lists do not contain our issuer\"",
                    &trust::OTHER_CA,
                ),
                seen(
                    "the CA names list our issuer, and it refuses all the same",
                    &trust::SAME_NAME,
                ),
                seen(
                    "\"we send our leaf alone\", or our chain ends below a root that the peer lists",
                    &trust::NO_INTERMEDIATE,
                ),
                seen(
                    "identities issued today are refused, those from before the change are not",
                    &trust::WRONG_CA_SECRET,
                ),
                seen(
                    "a server on OpenSSL refuses certificates that others of the same CA's clients are let in with elsewhere",
                    &trust::CRL_MISSING,
                ),
            ],
        },
        Page {
            by: Some(By::Probe),
            meaning: "We refuse the peer: its chain does not lead to a root in the bundle given for its trust domain. What the peer thinks of us stands beside it in the evidence. Real clients with the same bundle refuse it as well, their proxies with CERTIFICATE_VERIFY_FAILED.",
            is_not: "That the peer refuses us. Nor that a root it sends along makes it better: a root that comes over the wire proves nothing and is never trusted.",
            advice: "Compare the root of the target's chain, by public key, with the bundle given for its trust domain.",
            causes: &[
                seen(
                    "all targets are distrusted, with one and the same root",
                    &trust::SUITE_BUNDLE,
                ),
                seen(
                    "some addresses are trusted and others are not, with another issuer",
                    &trust::BUNDLE_BEHIND,
                ),
                seen(
                    "the leaf has an identity of another trust domain, or none",
                    &trust::OTHER_CA,
                ),
                seen(
                    "the certificate is for a host name, and comes from a public or private web CA",
                    &identity::NOT_MESH_TLS,
                ),
                seen("the newest leaves are distrusted", &trust::WRONG_CA_SECRET),
            ],
        },
    ],
);

pub(in crate::report::explain) const CERT_EXPIRED: Topic = Topic::code(
    Code::CertExpired,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer refused our certificate for its dates, mostly with alert certificate_expired(45). Many stacks send the same alert for what is not valid yet; which of the two it is, our own dates tell. Where they are all fine, the doubt falls on the clock of the peer. The finding of the same name is about any certificate in use, ours or a server's.",
            is_not: "That the root is not trusted: most peers look at dates once they have a chain. Connections that were open before the end go on, so traffic may look fine while new connections fail.",
            advice: "Check the dates of the client's chain and, if they are fine, the clock of the target.",
            causes: &[
                seen(
                    "\"of our own certificate we know\": our leaf has expired",
                    &dates::NOT_RENEWED,
                ),
                seen(
                    "our leaf is in date, and an intermediate above it is not",
                    &dates::CA_ENDED,
                ),
                seen(
                    "all our dates are fine, and one target or node alone refuses",
                    &dates::CLOCK,
                ),
                seen(
                    "several sources expire at about the same time, and none is renewed",
                    &dates::CA_DOWN,
                ),
                seen(
                    "one account alone gets no new certificate",
                    &dates::CA_REFUSES,
                ),
                seen(
                    "one namespace alone gets no new certificates",
                    &dates::CA_UNREACHABLE,
                ),
                seen(
                    "the file on disk is newer than the certificate in use",
                    &dates::FILES_READ_ONCE,
                ),
            ],
        },
        Page {
            by: Some(By::Probe),
            meaning: "We refuse the peer: a certificate of its chain ended before the moment we judge by. The evidence says which one, and since when. Every real client whose clock is right refuses it as well.",
            is_not: "Always the fault of the workload: with a root or an intermediate that has ended the leaf itself is in date, and a restart changes nothing.",
            advice: "Find out why the target's certificate was not renewed: the log of its agent, and whether the CA signs.",
            causes: &[
                seen(
                    "the leaf has expired, at one target or address",
                    &dates::NOT_RENEWED,
                ),
                seen("leaves of many targets expire together", &dates::CA_DOWN),
                seen(
                    "the leaf is in date, and an intermediate or the root is not",
                    &dates::CA_ENDED,
                ),
                seen(
                    "one account alone gets no new certificate",
                    &dates::CA_REFUSES,
                ),
                seen(
                    "one namespace alone gets no new certificates",
                    &dates::CA_UNREACHABLE,
                ),
                seen(
                    "a renewed file is there, and the old certificate is served",
                    &dates::FILES_READ_ONCE,
                ),
                seen(
                    "every target has expired by a little, and the finding CLOCK_SKEW stands beside it",
                    &dates::CLOCK,
                ),
            ],
        },
    ],
);

pub(in crate::report::explain) const CERT_NOT_YET_VALID: Topic = Topic::code(
    Code::CertNotYetValid,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer refused our certificate because by its clock it is not valid yet. The alert is the one for expired certificates (45) in most stacks and bad_certificate(42) with OpenSSL, so the verdict rests on our own notBefore.",
            is_not: "A matter of roots or names. A restart, which gets an even younger certificate, makes it worse.",
            advice: "Check the notBefore of the client's certificate and, if it has passed, the clock of the target.",
            causes: &[
                seen(
                    "our notBefore has passed by our clock, and the target's clock is behind",
                    &dates::CLOCK,
                ),
                seen(
                    "the certificate was minted for a later time, as a negative identity of the suite",
                    &crate::report::explain::causes::ours::EXPECTED,
                ),
            ],
        },
        Page {
            by: Some(By::Probe),
            meaning: "We refuse the peer: a certificate of its chain begins to be valid only after the moment we judge by.",
            is_not: "A matter of roots or names.",
            advice: "Check the clocks: ours, the target's and the CA's, against NTP.",
            causes: &[seen(
                "one fresh certificate is from the future: the CA's clock is ahead; all are: ours is behind",
                &dates::CLOCK,
            )],
        },
    ],
);

pub(in crate::report::explain) const SAN_MISMATCH: Topic = Topic::code(
    Code::SanMismatch,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer refused our certificate for the identity in it, while chain and dates are good. No alert means just this: sidecars say certificate_unknown(46), other stacks bad_certificate(42) or access_denied(49), and the verdict is drawn from what else is known.",
            is_not: "A missing root: that would be alert 48. Nor an authorization policy, which answers only after the handshake (AUTHZ_DENIED).",
            advice: "Compare the identities the target accepts with the one in the client's certificate.",
            causes: &[
                seen(
                    "our certificate has another account than expected",
                    &identity::WRONG_ACCOUNT,
                ),
                seen(
                    "other identities of the same CA are let in",
                    &identity::STALE_NAMES,
                ),
                seen(
                    "no identity of our trust domain is let in",
                    &identity::TRUST_DOMAIN,
                ),
                seen(
                    "our certificate has no SPIFFE ID at all",
                    &identity::NOT_AN_SVID,
                ),
            ],
        },
        Page {
            by: Some(By::Probe),
            meaning: "We refuse the peer: its certificate is valid, and it is somebody else's. The evidence quotes the identity expected and the one presented. Sidecars of real clients refuse it as well (503 with flag UF; `ssl.fail_verify_san` counts it).",
            is_not: "That the peer is forged: it holds a certificate of a trusted CA. Mostly another workload answers, or the expectation is old.",
            advice: "Check whether another workload answers at this address, or the suite names the wrong `id`.",
            causes: &[
                seen(
                    "the presented identity is that of another known workload",
                    &identity::OTHER_WORKLOAD,
                ),
                seen(
                    "the account is `default`, or an old one",
                    &identity::WRONG_ACCOUNT,
                ),
                seen(
                    "every address presents the same other identity",
                    &identity::SUITE_NAME,
                ),
                seen(
                    "real clients fail though probe, with the right `id`, does not",
                    &identity::STALE_NAMES,
                ),
                seen(
                    "a certificate for a host name, without an identity of the mesh",
                    &identity::NOT_MESH_TLS,
                ),
            ],
        },
    ],
);

pub(in crate::report::explain) const TRUST_DOMAIN_MISMATCH: Topic = Topic::code(
    Code::TrustDomainMismatch,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer refused our certificate for its name, and already the trust domain is not its own. Sidecars and ztunnel say certificate_unknown(46), after they have found the chain good.",
            is_not: "A missing root: roots are in order where this alert comes. Adding the root again changes nothing.",
            advice: "Compare the trust domain and its aliases at the target with the one in the client's certificate.",
            causes: &[
                seen(
                    "all identities of that trust domain are refused, by all targets",
                    &identity::TRUST_DOMAIN,
                ),
                seen(
                    "the chain of that trust domain is not trusted elsewhere, either",
                    &trust::OTHER_CA,
                ),
                seen(
                    "some sidecars take it and others do not, after the mesh configuration was changed",
                    &policy::NOT_SYNCED,
                ),
            ],
        },
        Page {
            by: Some(By::Probe),
            meaning: "We refuse the peer: its identity belongs to another trust domain than the one expected.",
            is_not: "That its certificate is not valid: within its own trust domain it may be.",
            advice: "Check whether the address belongs to another mesh, or the suite names the wrong trust domain.",
            causes: &[
                seen(
                    "every target presents that trust domain",
                    &identity::SUITE_NAME,
                ),
                seen(
                    "this target alone does: the address belongs to another mesh",
                    &identity::OTHER_WORKLOAD,
                ),
                seen(
                    "old and new trust domain at addresses of one target",
                    &identity::TRUST_DOMAIN,
                ),
            ],
        },
    ],
);

pub(in crate::report::explain) const INCOMPLETE_CHAIN: Topic = Topic::code(
    Code::IncompleteChain,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer refused our chain as unknown, and we know why: an intermediate between our leaf and the root was not sent. The alert is the same as for a stranger's CA (48); the verdict comes from our own chain.",
            is_not: "That the root is missing at the peer. Peers that happen to know the intermediate accept the same certificate, and wolfSSL remembers it from an earlier connection.",
            advice: "Make the client send its intermediates with its leaf: look at the chain file it loads.",
            causes: &[
                seen(
                    "\"we send our leaf alone\", and its issuer is no root",
                    &trust::NO_INTERMEDIATE,
                ),
                seen(
                    "the intermediate that is sent belongs to another generation of the CA",
                    &trust::WRONG_CA_SECRET,
                ),
            ],
        },
        Page {
            by: Some(By::Probe),
            meaning: "We refuse the peer: an intermediate is missing in what it sends; with it the chain would lead to a trusted root.",
            is_not: "An untrusted CA. Clients that have the intermediate already accept it, which is why it works here and there.",
            advice: "Make the target send its intermediates with its leaf: look at the chain file it loads.",
            causes: &[
                seen(
                    "the server sends its leaf alone, and the issuer is known",
                    &trust::NO_INTERMEDIATE,
                ),
                seen(
                    "it sends an intermediate that did not issue its leaf",
                    &trust::WRONG_CA_SECRET,
                ),
            ],
        },
    ],
);

pub(in crate::report::explain) const BAD_SIGNATURE: Topic = Topic::code(
    Code::BadSignature,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer found a signature that does not fit: that of our handshake, or one within our chain. It says decrypt_error(51) for it, and servers on rustls say so also where a CA of theirs has our CA's name and another key.",
            is_not: "Damage on the way: a changed byte would have ended the handshake earlier.",
            advice: "Check that the client's key fits its certificate, and that its CA is the one the target trusts and not only its namesake.",
            causes: &[
                seen(
                    "key and certificate fit, and the peer lists a CA of our issuer's name",
                    &trust::SAME_NAME,
                ),
                seen(
                    "our certificate and our key do not fit each other",
                    &trust::KEY_MISMATCH,
                ),
                seen(
                    "it began with a rotation that had no overlap",
                    &trust::BUNDLE_BEHIND,
                ),
            ],
        },
        Page {
            by: Some(By::Probe),
            meaning: "We refuse the peer: a signature in its chain does not verify under the key of the CA that it names, or the peer could not prove that it holds the key of its certificate.",
            is_not: "An unknown CA: one of that name is known, with another key.",
            advice: "Compare the public keys of the roots: the target's CA may have the name of a trusted one and another key.",
            causes: &[
                seen(
                    "a root of the same name and another key in the bundle",
                    &trust::SAME_NAME,
                ),
                seen(
                    "some addresses are fine and others are not",
                    &trust::BUNDLE_BEHIND,
                ),
                seen(
                    "\"the server could not prove that it holds the key of its certificate\"",
                    &trust::KEY_MISMATCH,
                ),
            ],
        },
    ],
);

pub(in crate::report::explain) const CERT_UNSUPPORTED: Topic = Topic::code(
    Code::CertUnsupported,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer refused our certificate as of the wrong kind: no clientAuth among its extended key usages, a CA's certificate instead of a leaf's, a constraint of its CA, a key or signature that is too weak. Alert unsupported_certificate(43) mostly means the extended key usage; for the rest the alerts differ by library.",
            is_not: "A matter of trust or dates. Other peers may take the same certificate: not all look at these things.",
            advice: "Check key usage, extended key usage (clientAuth), CA flag and key of the client's chain.",
            causes: &[
                seen(
                    "alert unsupported_certificate(43), and our leaf lacks clientAuth",
                    &identity::WRONG_USAGE,
                ),
                seen(
                    "RSA below 2048 bits, or a signature with SHA-1",
                    &identity::WEAK_KEY,
                ),
                seen(
                    "a CA of our chain has name constraints or a path length",
                    &identity::CONSTRAINED,
                ),
            ],
        },
        Page {
            by: Some(By::Probe),
            meaning: "We refuse the peer: a certificate of its chain may not be used for this. The evidence says which, and what it lacks.",
            is_not: "A matter of trust or dates.",
            advice: "Check key usage, extended key usage (serverAuth), CA flag and key of the target's chain.",
            causes: &[
                seen(
                    "the leaf lacks serverAuth, or is a CA",
                    &identity::WRONG_USAGE,
                ),
                seen(
                    "a CA of the chain may not issue this name, or not at this depth",
                    &identity::CONSTRAINED,
                ),
                seen("key or signature of a weak kind", &identity::WEAK_KEY),
            ],
        },
    ],
);

pub(in crate::report::explain) const INVALID_SVID: Topic = Topic::code(
    Code::InvalidSvid,
    &[Page {
        by: None,
        meaning: "The chain leads to a trusted root, and the leaf breaks the rules for X.509-SVIDs: not exactly one URI name, a SPIFFE ID that is malformed or without a path, a CA flag, or key usages that belong to CAs. Verifiers of SPIFFE refuse it; plain TLS may not.",
        is_not: "That the CA is untrusted. Certificates for host names are no SVIDs by nature: for such targets give `dns:`.",
        advice: "Run `probe inspect` on the address: it lists every X.509-SVID rule that the leaf breaks.",
        causes: &[
            seen(
                "a certificate for a host name, from a port that a sidecar should hold",
                &identity::NOT_MESH_TLS,
            ),
            seen(
                "a CA of one's own (cert-manager, a script) issues for this target",
                &identity::NOT_AN_SVID,
            ),
            seen(
                "the leaf has the identity of Linkerd, a DNS name, and the target has no such dialect",
                &identity::SUITE_NAME,
            ),
            seen(
                "the port is excluded from the proxy, or DISABLE",
                &mode::EXCLUDED,
            ),
        ],
    }],
);

pub(in crate::report::explain) const CERT_REVOKED: Topic = Topic::code(
    Code::CertRevoked,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer refused our certificate with alert certificate_revoked(44): it, or a CA above it, is on a revocation list that the peer holds. That alert means nothing else.",
            is_not: "An expired or unknown certificate. Peers without that list accept it still.",
            advice: "Give the client a new certificate: the target holds a CRL that lists one of its chain.",
            causes: &[seen("alert certificate_revoked(44)", &identity::REVOKED)],
        },
        Page {
            by: Some(By::Probe),
            meaning: "We refuse the peer: a certificate of its chain is on a revocation list of the suite, or of the command line.",
            is_not: "That real clients refuse it: few meshes hand out revocation lists.",
            advice: "Give the target a new certificate: one of its chain is on a CRL of the suite.",
            causes: &[seen(
                "the evidence names the certificate and the list",
                &identity::REVOKED,
            )],
        },
    ],
);

pub(in crate::report::explain) const CERT_REJECTED: Topic = Topic::code(
    Code::CertRejected,
    &[Page {
        by: None,
        meaning: "The peer ended the connection over our certificate and did not say what it dislikes: by a general alert (bad_certificate(42), certificate_unknown(46), access_denied(49)), by a page, or by closing at the place where it judges certificates. As far as we can tell our certificate is in order.",
        is_not: "One particular cause: the candidates stand beside the code. That a certificate was missing is ruled out.",
        advice: "Read the log of the target, then compare its trusted roots and the identities it accepts with the client's chain.",
        causes: &[
            seen(
                "a library with one alert for everything (go-spiffe, Java, the SPIFFE validator of Envoy), and another root at the target",
                &trust::BUNDLE_BEHIND,
            ),
            seen(
                "the same, and no identity of our mesh is let in",
                &trust::OTHER_CA,
            ),
            seen("others of the same CA are let in", &identity::STALE_NAMES),
            seen(
                "identities of one trust domain are refused",
                &identity::TRUST_DOMAIN,
            ),
            seen(
                "a page of nginx, \"The SSL certificate error\"",
                &trust::NO_INTERMEDIATE,
            ),
            seen(
                "closed without an alert behind a proxy, whatever certificate is shown",
                &proxy::APP_DOWN,
            ),
            seen(
                "clearer words when probed past the load balancer",
                &proxy::RELAY,
            ),
            seen("only now and then", &network::BACKENDS),
        ],
    }],
);
