//! `sslyze`, with the one scan that speaks over TLS and so can learn of a refusal in TLS 1.3, and, where
//! that went well, with the one that judges the server's certificate.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mtls_probe::code::Code;
use serde_json::{Value, json};

use super::{Client, Said, Visit, words};
use crate::stack::{Tls, version_of};

pub(crate) const CLIENT: Client = Client {
    name: "sslyze",
    version,
    try_it,
    is_slow: true,
};

/// The tool does not tell by itself.
fn version() -> Result<String, String> {
    let program = "import sslyze.__version__ as it; print('sslyze', it.__version__)";
    let missing = || "there is no `sslyze` here: pip install sslyze".to_owned();
    let said = version_of("python3", &["-c", program]).map_err(|_| missing())?;
    if said.starts_with("sslyze") {
        Ok(said)
    } else {
        Err(missing())
    }
}

fn try_it(visit: &Visit<'_>) -> Said {
    // It has no word for it.
    if !visit.alpn.is_empty() {
        return Said::Cannot;
    }
    match scan(visit, "http_headers").map(|result| speaking(&result, visit.tls)) {
        Some(Said::Fine) => {}
        Some(said) => return said,
        None => return Said::Unclear,
    }
    // Apart, since both at once without a client certificate take minutes.
    let judged = scan(visit, "certificate_info");
    judged.map_or(Said::Unclear, |result| judging(&result))
}

/// What a scan finds, as the JSON of the tool has it: an exit code other than 0 it has for nothing that
/// a server may do.
fn scan(visit: &Visit<'_>, what: &str) -> Option<Value> {
    let question = json!({
        "host": visit.name.map_or_else(|| visit.address.ip().to_string(), str::to_owned),
        "ip": visit.address.ip(),
        "port": visit.address.port(),
        "identity": visit.identity,
        "roots": visit.roots,
        "what": what,
    });
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let process = idle().pop();
    let mut process = process.unwrap_or_else(Process::start);
    let answer = process.ask(&question)?;
    idle().push(process);
    Some(answer)
}

/// The tool, making one visit after the other: most of the time of a visit is its start.
struct Process {
    child: Child,
    answers: Receiver<String>,
}

/// They end with us, when nobody asks any more.
static IDLE: Mutex<Vec<Process>> = Mutex::new(vec![]);

impl Process {
    fn start() -> Self {
        let mut child = Command::new("python3")
            .args(["-W", "ignore", "-c", include_str!("visits.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (answer, answers) = channel();
        std::thread::spawn(move || {
            let mut lines = out.lines().map_while(Result::ok);
            lines.try_for_each(|line| answer.send(line))
        });
        Self { child, answers }
    }

    /// Nothing where it takes too long; then it is not to be asked again.
    fn ask(&mut self, question: &Value) -> Option<Value> {
        let mut to_it = self.child.stdin.as_ref().unwrap();
        writeln!(to_it, "{question}").unwrap();
        match self.answers.recv_timeout(PATIENCE) {
            Ok(answer) => Some(serde_json::from_str(&answer).unwrap()),
            Err(RecvTimeoutError::Timeout) => {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                None
            }
            Err(RecvTimeoutError::Disconnected) => panic!("visits.py ended"),
        }
    }
}

fn speaking(result: &Value, tls: Tls) -> Said {
    if result.get("unable").is_some() {
        return Said::Cannot;
    }
    let trace = result["connectivity_error_trace"]
        .as_str()
        .unwrap_or_default();
    if result["connectivity_status"] != "COMPLETED" {
        // It tries every version and takes alert 40 for a version that is not spoken.
        if trace.contains("could not find a TLS version and cipher suite supported") {
            return Said::Refused(Some(Code::NoSharedCipher));
        }
        return words::alert(trace).map_or(Said::Unclear, Said::Refused);
    }
    // It takes the best version there is, and says which.
    let version = match tls {
        Tls::V12 => "TLS_1_2",
        Tls::V13 => "TLS_1_3",
    };
    if result["connectivity_result"]["highest_tls_version_supported"] != version {
        return Said::Refused(Some(Code::ProtocolVersion));
    }
    let asked = &result["scan_result"]["http_headers"];
    if asked["error_reason"] == "CLIENT_CERTIFICATE_NEEDED" {
        return Said::Refused(Some(Code::ClientCertRequired));
    }
    // An alert after the handshake it calls a bug in sslyze; who reads the trace sees its name.
    let traces = [&asked["error_trace"], &asked["result"]["http_error_trace"]];
    let trace = traces.into_iter().find_map(Value::as_str);
    match trace {
        Some(trace) => words::alert(trace).map_or(Said::Unclear, Said::Refused),
        None if asked["status"] == "COMPLETED" => Said::Fine,
        None => Said::Unclear,
    }
}

fn judging(result: &Value) -> Said {
    let deployments =
        &result["scan_result"]["certificate_info"]["result"]["certificate_deployments"];
    let paths = deployments[0]["path_validation_results"].as_array();
    let ours = paths.into_iter().flatten().find(|path| {
        // The other stores are the browsers'.
        path["trust_store"]["name"] == "Supplied CA file"
    });
    match ours {
        Some(path) if path["was_validation_successful"] == false => {
            let why = path["validation_error"].as_str().unwrap_or_default();
            Said::Distrusted(words::verification(why))
        }
        Some(_) | None => Said::Fine,
    }
}

/// Its own timeout is 5 s, and a server that serves one connection after the other costs it one of them,
/// since it keeps one open while it makes the next.
const PATIENCE: Duration = Duration::from_secs(7);
