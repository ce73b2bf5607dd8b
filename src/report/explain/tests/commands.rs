//! The commands are those of today: every word of them that is no argument was looked up.

use std::collections::BTreeSet;

use super::super::{On, find, topics};

/// What may be called, with the flags that may be given. From the sources of istioctl (1.2x), the CLI of
/// Linkerd (2.1x), SPIRE (1.x), kubectl and OpenSSL 3.
const KNOWN: &[(&str, &[&str])] = &[
    ("istioctl proxy-config rootca-compare", &[]),
    ("istioctl proxy-config secret", &["-o"]),
    ("istioctl proxy-config cluster", &["--fqdn", "--port", "-o"]),
    ("istioctl proxy-config listener", &["--port", "-o"]),
    ("istioctl proxy-config endpoint", &["--cluster"]),
    ("istioctl proxy-status", &[]),
    ("istioctl ztunnel-config certificates", &["--node"]),
    ("istioctl ztunnel-config workloads", &[]),
    ("istioctl ztunnel-config services", &[]),
    ("istioctl x describe pod", &["-n"]),
    ("istioctl x authz check", &[]),
    ("istioctl x check-inject", &[]),
    ("istioctl analyze", &["-n"]),
    ("istioctl version", &[]),
    ("linkerd check", &["--pre", "--proxy", "-n"]),
    ("linkerd identity", &["-n"]),
    ("linkerd authz", &["-n"]),
    ("linkerd viz edges pod", &["-n"]),
    ("linkerd diagnostics policy", &["-n"]),
    ("linkerd diagnostics endpoints", &[]),
    ("linkerd diagnostics proxy-metrics", &["-n"]),
    ("spire-server entry show", &["-spiffeID", "-selector"]),
    ("spire-server bundle show", &["-format"]),
    ("spire-server bundle list", &["-id"]),
    ("spire-server federation list", &[]),
    ("spire-server localauthority x509 show", &[]),
    ("spire-server healthcheck", &[]),
    ("spire-agent api fetch x509", &["-socketPath", "-write"]),
    ("spire-agent healthcheck", &["-socketPath"]),
    (
        "kubectl get",
        &[
            "-n",
            "-A",
            "-o",
            "-l",
            "--field-selector",
            "--sort-by",
            "--show-labels",
        ],
    ),
    ("kubectl describe", &["-n"]),
    (
        "kubectl logs",
        &["-n", "-c", "-l", "--since", "--tail", "--previous"],
    ),
    ("kubectl exec", &["-n", "-c", "--", "-u", "-ltn"]),
    ("kubectl top pod", &["-n"]),
    ("kubectl rollout status deployment", &["-n"]),
    ("kubectl auth can-i", &["-n", "--as", "--subresource"]),
    (
        "openssl x509",
        &[
            "-in", "-noout", "-subject", "-issuer", "-serial", "-pubkey", "-enddate", "-text",
            "-ext",
        ],
    ),
    ("openssl pkey", &["-in", "-pubout", "-noout", "-text"]),
    ("openssl verify", &["-CAfile", "-untrusted"]),
    (
        "openssl crl",
        &[
            "-in",
            "-noout",
            "-issuer",
            "-lastupdate",
            "-nextupdate",
            "-text",
        ],
    ),
    (
        "openssl s_client",
        &[
            "-connect",
            "-showcerts",
            "-tls1_2",
            "-tls1_3",
            "-cipher",
            "-alpn",
        ],
    ),
    (
        "grep",
        &["-i", "-E", "-A1", "-A4", "-A5", "-A6", "-A8", "-B5", "-B12"],
    ),
    ("base64", &["-d"]),
    ("head", &["-1"]),
    ("date", &["-u"]),
    ("chronyc tracking", &[]),
    ("timedatectl", &[]),
    ("getent hosts", &[]),
    ("cat", &[]),
    ("ip", &["-6"]),
    ("ss", &["-ltn", "-ltnp", "-s"]),
    ("nc", &["-vz", "-w"]),
    ("curl", &["-sv"]),
    ("ulimit", &["-n"]),
];

/// What is gone, or never was, though one reads it.
const GONE: &[&str] = &[
    "authn tls-check",
    "analyze namespace",
    "IST0113",
    "IST0115",
    "IST0117",
    "/etc/certs",
    "end-entity.crt",
    "linkerd edges",
    "linkerd tap",
    "linkerd install",
    "identity deploy",
    "check --namespace",
    "--output wide",
    "restart deployment --all",
    "restart deploy --all",
    "create secret cacerts",
    "TLS_SIMPLE",
    "TLS_MUTUAL",
    "certificate NACK",
    "istio_worker_certificate",
    "mesh-config",
    "istioctl authz",
    "request GET /logging",
    "istioctl pc ",
];

#[test]
fn every_command_is_one_that_was_looked_up() {
    let mut used = BTreeSet::new();
    for command in commands() {
        for part in parts(&command.replace("\\\n", " ")) {
            let words: Vec<&str> = part.iter().map(String::as_str).collect();
            let line = words.join(" ");
            if words.first() == Some(&"probe") {
                continue;
            }
            let fits = |name: &&str| line == **name || line.starts_with(&format!("{name} "));
            let known = KNOWN.iter().filter(|(name, _)| fits(name));
            let (name, flags) = known
                .max_by_key(|(name, _)| name.len())
                .unwrap_or_else(|| panic!("{line}"));
            used.insert(*name);
            for word in words.iter().filter(|word| word.starts_with('-')) {
                let flag = word.split('=').next().unwrap();
                assert!(flags.contains(&flag), "{flag} in {line}");
            }
        }
    }
    let unused: Vec<_> = KNOWN
        .iter()
        .filter(|(name, _)| !used.contains(name))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn a_command_fits_a_narrow_terminal_line_by_line() {
    for command in commands() {
        let lines: Vec<&str> = command.lines().collect();
        let (last, others) = lines.split_last().unwrap();
        assert!(others.iter().all(|line| line.ends_with(" \\")), "{command}");
        assert!(!last.ends_with('\\'), "{command}");
        assert!(lines.iter().all(|line| line.len() <= 71), "{command}");
        assert_eq!(command.matches('\'').count() % 2, 0, "{command}");
    }
}

#[test]
fn nothing_outdated_is_told() {
    let all = serde_json::to_string(&super::Explained::of(topics())).unwrap();
    for gone in GONE {
        assert!(!all.contains(gone), "{gone}");
    }
}

#[test]
fn every_environment_is_served() {
    let causes = topics()
        .flat_map(|topic| topic.pages)
        .flat_map(|page| page.causes)
        .map(|likely| likely.cause);
    let confirms: Vec<_> = causes.flat_map(|cause| cause.confirm).collect();
    for on in [
        On::Istio,
        On::Ambient,
        On::Linkerd,
        On::Spire,
        On::Kubernetes,
        On::Anywhere,
    ] {
        assert!(confirms.iter().any(|confirm| confirm.on == on), "{on:?}");
    }
    let programs = [
        (On::Ambient, &["istioctl", "kubectl"][..]),
        (On::Istio, &["istioctl", "kubectl"]),
        (On::Linkerd, &["linkerd", "kubectl"]),
        (On::Spire, &["spire-server", "spire-agent"]),
        (On::Kubernetes, &["kubectl"]),
    ];
    for confirm in &confirms {
        let program = confirm.run.split(' ').next().unwrap();
        let here = programs.iter().find(|(on, _)| *on == confirm.on);
        match here {
            Some((_, here)) => assert!(here.contains(&program), "{}", confirm.run),
            None => assert!(
                !["kubectl", "istioctl", "linkerd"].contains(&program),
                "{}",
                confirm.run
            ),
        }
    }
}

/// Codes that have a part in every environment, and where one of them has none, why.
const EVERYWHERE: &[(&str, &[(On, &str)])] = &[
    ("UNKNOWN_CA", &[]),
    ("CERT_EXPIRED", &[]),
    ("CERT_NOT_YET_VALID", &[]),
    ("SAN_MISMATCH", &[]),
    (
        "TRUST_DOMAIN_MISMATCH",
        &[(On::Kubernetes, "trust domains are a matter of the mesh")],
    ),
    ("BAD_SIGNATURE", &[]),
    ("INCOMPLETE_CHAIN", &[]),
    ("CERT_UNSUPPORTED", &[]),
    (
        "CERT_REVOKED",
        &[
            (On::Linkerd, "it knows no revocation"),
            (On::Kubernetes, "it keeps no lists"),
        ],
    ),
    ("CERT_REJECTED", &[]),
    ("CLIENT_CERT_REQUIRED", &[(On::Spire, NO_PROXY)]),
    ("PLAINTEXT_REJECTED", &[(On::Spire, NO_PROXY)]),
    ("PLAINTEXT_ACCEPTED", &[(On::Spire, NO_PROXY)]),
    ("NOT_TLS", &[(On::Spire, NO_PROXY)]),
    ("NO_FILTER_CHAIN", &[(On::Spire, NO_PROXY)]),
    ("AUTHZ_DENIED", &[]),
    ("UPSTREAM_TLS_FAILURE", &[]),
    ("UPSTREAM_UNAVAILABLE", &[(On::Spire, NO_PROXY)]),
    ("CONNECT_TIMEOUT", &[(On::Spire, NO_PROXY)]),
    ("CLOSED", &[]),
    ("PROBE_FAULT", &[]),
    ("REPLICAS_DIFFER", &[]),
    ("CERT_EXPIRES_SOON", &[]),
    ("CLOCK_SKEW", &[]),
    ("MISSED_TRUST", &[]),
];

const NO_PROXY: &str = "it issues identities and has no proxies";

#[test]
fn a_code_is_confirmed_in_every_environment_that_has_a_part_in_it() {
    let meshes = [On::Istio, On::Linkerd, On::Spire, On::Kubernetes];
    for (code, without) in EVERYWHERE {
        for page in find(code).unwrap().pages {
            let confirms = page.causes.iter().flat_map(|likely| likely.cause.confirm);
            let told: Vec<On> = confirms.map(|confirm| confirm.on).collect();
            for on in meshes {
                let excused = without.iter().any(|(other, _)| *other == on);
                assert!(
                    told.contains(&on) || excused,
                    "{code}, {:?}: {on:?}",
                    page.by
                );
            }
        }
    }
}

/// Every command, each once.
pub(crate) fn commands() -> BTreeSet<&'static str> {
    let pages = topics().flat_map(|topic| topic.pages);
    let causes = pages
        .flat_map(|page| page.causes)
        .map(|likely| likely.cause);
    let confirms = causes.flat_map(|cause| cause.confirm);
    confirms.map(|confirm| confirm.run).collect()
}

/// The words of each part of a pipe, without quotes and redirections.
fn parts(command: &str) -> Vec<Vec<String>> {
    let mut all = vec![vec![]];
    let mut word = String::new();
    let mut quote = None;
    let mut is_quoted = false;
    for c in command.chars().chain([' ']) {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                is_quoted = true;
            }
            (' ', None) => {
                let last = all.last_mut().unwrap();
                match std::mem::take(&mut word).as_str() {
                    "" => {}
                    "|" if !is_quoted => all.push(vec![]),
                    text if is_quoted && text.starts_with('-') => last.push(format!(" {text}")),
                    text => last.push(text.to_owned()),
                }
                is_quoted = false;
            }
            (c, None) => word.push(c),
        }
    }
    assert_eq!(quote, None, "{command}");
    all
}
