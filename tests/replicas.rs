//! Every replica behind a name: SRV, A and AAAA records of a real name server (dnsmasq), and replicas of
//! which one is half rotated, behind real TLS servers.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]
#![expect(clippy::indexing_slicing, reason = "a test may fail so")]

mod mesh;
mod stage;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mesh::{Mesh, VERSIONS, finding, serve};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_address_of_every_host_of_srv_records_is_a_replica() {
    let mesh = Mesh::new();
    let (_, version) = VERSIONS[1];
    let server = mesh.server(&mesh.new, &[&mesh.new], version);
    let mut sockets = vec![];
    for address in ["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"] {
        let server = server.clone();
        sockets.push(serve(address, move |_| server.clone()).await);
    }
    let [a, a6, b] = [0, 1, 2].map(|nth: usize| sockets[nth].port());
    let Some(dns) = Dns::start(&[
        &format!("--srv-host=_grpc._tcp.api.test,a.api.test,{a},10,5"),
        &format!("--srv-host=_grpc._tcp.api.test,a6.api.test,{a6},10,5"),
        // A weight of nothing is a replica all the same, and so is one of little priority.
        &format!("--srv-host=_grpc._tcp.api.test,b.api.test,{b},20,0"),
        // The same place by another name, and a host that is gone.
        &format!("--srv-host=_grpc._tcp.api.test,again.api.test,{b},30,0"),
        "--srv-host=_grpc._tcp.api.test,gone.api.test,7003,40,1",
        "--host-record=a.api.test,127.0.0.1",
        "--host-record=a6.api.test,::1",
        "--host-record=b.api.test,127.0.0.2",
        "--host-record=again.api.test,127.0.0.2",
    ]) else {
        return;
    };
    let flags = ["--format", "json", "--dns-server", &dns.address()];
    let result = mesh.probe("new", "srv: _grpc._tcp.api.test", &flags).await;
    let values = result.values();
    let cells = cells(&values[0]);
    let shown: Vec<_> = cells
        .iter()
        .map(|cell| json!([cell["address"], cell["code"], cell["tls"]["sni"]]))
        .collect();
    let mut want = vec![json!(["gone.api.test:7003", "DNS_FAILURE", null])];
    let mut there = [
        (sockets[0], "a.api.test"),
        (sockets[2], "b.api.test"),
        (sockets[1], "a6.api.test"),
    ];
    there.sort();
    want.extend(there.map(|(socket, name)| json!([socket.to_string(), "OK", name])));
    assert_eq!(shown, want);
    let words = cells[0]["evidence"][0].as_str().unwrap();
    assert_eq!(words, "the name gone.api.test does not exist (NXDOMAIN)");
    assert_eq!(
        result.code(),
        1,
        "a replica that cannot be found is no accepted one"
    );

    let plan = stage::probe(&["plan".as_ref(), mesh.file("probe.yaml").as_os_str()], &[]);
    assert!(plan.out.contains("srv:_grpc._tcp.api.test"), "{}", plan.out);
    assert!(
        plan.out.contains("for each address behind a name"),
        "{}",
        plan.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_of_a_name_has_a_cell_of_its_own() {
    let Some(dns) = Dns::start(&[
        "--cname=alias.test,many.test",
        "--host-record=many.test,127.0.0.1,::1",
        "--host-record=many.test,127.0.0.9",
    ]) else {
        return;
    };
    let mesh = Mesh::new();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for name in ["many.test", "alias.test"] {
        let how = format!(
            "address: \"{name}:{port}\", dns_server: \"{}\"",
            dns.address()
        );
        let done = mesh.probe("new", &how, &["--format", "json"]).await;
        let result = &done.values()[0];
        let addresses: Vec<_> = cells(result)
            .iter()
            .map(|cell| cell["address"].clone())
            .collect();
        let want = ["127.0.0.1", "127.0.0.9", "[::1]"].map(|host| json!(format!("{host}:{port}")));
        assert_eq!(addresses, want, "{name}");
        assert_eq!(result["targets"][0]["addresses"], json!(want));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_name_leads_nowhere_is_said_in_words() {
    let Some(dns) = Dns::start(&[
        "--srv-host=_none._tcp.api.test",
        "--host-record=bare.test,127.0.0.1",
    ]) else {
        return;
    };
    let mesh = Mesh::new();
    let (dns, failing, cutting, silent) = (
        dns.address(),
        crooked(|query| answer(query, 2, false)),
        crooked(|query| answer(query, 0, true)),
        crooked(|_| vec![]),
    );
    for (how, server, words) in [
        (
            "srv: _nope._tcp.api.test",
            &dns,
            "the name _nope._tcp.api.test does not exist (NXDOMAIN)",
        ),
        (
            "address: 'nope.test:1'",
            &dns,
            "the name nope.test does not exist (NXDOMAIN)",
        ),
        (
            "srv: bare.test",
            &dns,
            "the name bare.test has no SRV record",
        ),
        (
            "srv: _none._tcp.api.test",
            &dns,
            "its SRV record says that the service is decidedly not available here (target \".\")",
        ),
        (
            "srv: _a._tcp.elsewhere.example",
            &dns,
            "REFUSED: it does not answer us for this name",
        ),
        (
            "srv: _a._tcp.api.test",
            &failing,
            "SERVFAIL: it failed itself, or those it asks did",
        ),
        (
            "address: 'api.test:1'",
            &failing,
            "SERVFAIL: it failed itself, or those it asks did",
        ),
        (
            "srv: _a._tcp.api.test",
            &cutting,
            "the answer for _a._tcp.api.test came cut off",
        ),
        (
            "srv: _a._tcp.api.test",
            &silent,
            "the resolver did not answer in time",
        ),
        (
            "address: 'api.test:1'",
            &silent,
            "the resolver did not answer in time",
        ),
    ] {
        let begun = Instant::now();
        let flags = [
            "--format",
            "json",
            "--dns-server",
            server,
            "--timeout",
            "1s",
        ];
        let done = mesh.probe("new", how, &flags).await;
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{how}: {:?}",
            begun.elapsed()
        );
        assert_eq!(done.code(), 1, "{how}: {}", done.err);
        let result = &done.values()[0];
        let all = cells(result);
        assert_eq!(
            (all.len(), &all[0]["code"]),
            (1, &json!("DNS_FAILURE")),
            "{how}"
        );
        let evidence = all[0]["evidence"][0].as_str().unwrap();
        assert!(evidence.contains(words), "{how}: {evidence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_too_long_for_a_datagram_is_asked_for_again() {
    let records: Vec<String> = (1..=80)
        .map(|nth| format!("--srv-host=_many._tcp.api.test,pod-{nth}.api.test,1,{nth},1"))
        .collect();
    let hosts: Vec<String> = (1..=80)
        .map(|nth| format!("--host-record=pod-{nth}.api.test,127.0.1.{nth}"))
        .collect();
    let flags: Vec<&str> = records.iter().chain(&hosts).map(String::as_str).collect();
    let Some(dns) = Dns::start(&flags) else {
        return;
    };
    let mesh = Mesh::new();
    let flags = ["--format", "json", "--dns-server", &dns.address()];
    let done = mesh.probe("new", "srv: _many._tcp.api.test", &flags).await;
    assert_eq!(cells(&done.values()[0]).len(), 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_rotated_replica_is_named_with_what_sets_it_apart() {
    let mesh = Mesh::new();
    for (name, version) in VERSIONS {
        let rotated = mesh.server(&mesh.new, &[&mesh.old, &mesh.new], version);
        let half = mesh.server(&mesh.old, &[&mesh.old], version);
        let mut sockets: Vec<SocketAddr> = vec![];
        for nth in 0..5 {
            let server = if nth == 3 { &half } else { &rotated }.clone();
            sockets.push(serve("127.0.0.1:0", move |_| server.clone()).await);
        }
        let odd = sockets[3];
        let list: Vec<String> = sockets
            .iter()
            .map(|socket| format!("\"{socket}\""))
            .collect();
        let how = format!("address: [{}]", list.join(", "));

        let done = mesh.probe("new", &how, &["--format", "json"]).await;
        assert_eq!(done.code(), 1, "TLS {name}: {}", done.out);
        let result = &done.values()[0];
        let differ = finding(result, "REPLICAS_DIFFER").unwrap();
        let message = differ["message"].as_str().unwrap();
        for words in [
            format!("client: OK at 4 addresses but UNKNOWN_CA at {odd}"),
            format!(
                "root: CN=new root (key {}) at 4 addresses but CN=old root (key ",
                key(result, "new")
            ),
            format!(
                "CA names it lists: \"CN=new root\" + \"CN=old root\" at 4 addresses but \"CN=old root\" at {odd}"
            ),
        ] {
            assert!(
                message.contains(&words),
                "TLS {name}: {words:?} in {message}"
            );
        }

        // Before the clients rotate nobody is refused, and the half rotated one shows all the same.
        let done = mesh.probe("old", &how, &["--format", "json"]).await;
        assert_eq!(done.code(), 0, "TLS {name}: {}", done.out);
        let result = &done.values()[0];
        assert_eq!(finding(result, "REPLICAS_DIFFER"), None);
        let differ = finding(result, "REPLICAS_PRESENT_DIFFERENTLY").unwrap();
        let message = differ["message"].as_str().unwrap();
        assert!(
            message.contains(&format!(") at {odd}")),
            "TLS {name}: {message}"
        );
        assert_eq!(differ["severity"], "warning");
    }
}

/// The begin of the fingerprint of the key of a root.
fn key(result: &Value, root: &str) -> String {
    let mut roots = cells(result).iter().map(|cell| &cell["server"]["root"]);
    let root = roots
        .find(|one| one["subject"] == format!("CN={root} root"))
        .unwrap();
    root["spki_sha256"].as_str().unwrap()[..8].to_owned()
}

fn cells(result: &Value) -> &[Value] {
    result["cells"].as_array().unwrap()
}

/// A name server of Debian's, on loopback; it knows what its flags say, and nothing else.
struct Dns {
    child: Child,
    port: u16,
}

impl Dns {
    /// Nothing where there is no dnsmasq, which is told; in CI that is a failure.
    fn start(flags: &[&str]) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new("dnsmasq")
            .args([
                "--no-daemon",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
            ])
            .args([
                "--listen-address=127.0.0.1",
                "--bind-interfaces",
                "--local=/test/",
            ])
            .args(["--user=", "--group=", "--pid-file="])
            .arg(format!("--port={port}"))
            .args(flags)
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            let words = "SKIPPED: a test against dnsmasq: there is no `dnsmasq` here\n";
            assert!(!is_ci(), "{words}");
            // The test harness swallows what `eprintln` says of a test that passes.
            io::stderr().write_all(words.as_bytes()).unwrap();
            return None;
        };
        let mut dns = Self { child, port };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(dns.child.try_wait().unwrap(), None, "dnsmasq is gone");
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "dnsmasq does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(dns)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests ask the environment themselves"
)]
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// A name server that no real one would be: it has one answer to everything, and no TCP.
fn crooked(say: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let answer = say(&query[..length]);
            if !answer.is_empty() {
                socket.send_to(&answer, from).unwrap();
            }
        }
    });
    address
}

/// The question, back as an answer without records (RFC 1035, 4.1.1).
fn answer(query: &[u8], code: u8, is_cut_off: bool) -> Vec<u8> {
    let name = query[12..].iter().position(|byte| *byte == 0).unwrap();
    let mut answer = query[..12 + name + 5].to_vec();
    answer[2] = 0x81 | if is_cut_off { 0x02 } else { 0 };
    answer[3] = 0x80 | code;
    // One question, and nothing else.
    answer[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    answer
}
