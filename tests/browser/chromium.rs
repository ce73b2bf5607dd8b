//! A real Chromium without a window, driven by the DevTools protocol over a pair of pipes.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// One browser with one page.
pub(crate) struct Chromium {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    calls: u64,
    session: Option<String>,
    /// What it told unasked, in order.
    events: Vec<Value>,
    _profile: TempDir,
}

/// The name and version of the browser, or why there is none.
pub(crate) fn version() -> Result<String, String> {
    let output = Command::new(PROGRAM).arg("--version").output();
    let output = output.map_err(|err| format!("{PROGRAM} does not run: {err}"))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.success() && !said.is_empty() {
        true => Ok(said),
        false => Err(format!("{PROGRAM} --version fails: {}", output.status)),
    }
}

impl Chromium {
    pub(crate) fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        // It reads calls from descriptor 3 and answers at 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"])
            .arg(PROGRAM)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (send, answers) = channel();
        let output = child.stdout.take().unwrap();
        thread::spawn(move || {
            for message in BufReader::new(output).split(0) {
                let Ok(message) = message else { return };
                if send
                    .send(serde_json::from_slice(&message).unwrap())
                    .is_err()
                {
                    return;
                }
            }
        });
        let mut browser = Self {
            requests: child.stdin.take().unwrap(),
            child,
            answers,
            calls: 0,
            session: None,
            events: vec![],
            _profile: profile,
        };
        let page = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = browser.call(
            "Target.attachToTarget",
            json!({ "targetId": page["targetId"], "flatten": true }),
        );
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network", "Audits", "DOM"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Asks for something, and gives the answer.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut call = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        let mut bytes = call.to_string().into_bytes();
        bytes.push(0);
        self.requests.write_all(&bytes).unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.next(until, method);
            if answer["id"] != id {
                self.events.push(answer);
                continue;
            }
            assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
            return answer["result"].clone();
        }
    }

    /// Opens a file, and says how long it took until it was on the screen.
    pub(crate) fn open(&mut self, file: &Path) -> Duration {
        let start = Instant::now();
        let url = format!("file://{}", file.display());
        self.load("Page.navigate", json!({ "url": url }));
        self.run(PAINTED);
        start.elapsed()
    }

    /// Does what loads a page, and waits until it is there.
    pub(crate) fn load(&mut self, method: &str, params: Value) {
        let loaded = |browser: &Self| browser.events("Page.loadEventFired").count();
        let before = loaded(self);
        self.call(method, params);
        let until = Instant::now() + PATIENCE;
        while loaded(self) == before {
            let event = self.next(until, "load");
            self.events.push(event);
        }
    }

    /// The value of an expression of the page; a promise is waited for.
    pub(crate) fn run(&mut self, script: &str) -> Value {
        let answer = self.call(
            "Runtime.evaluate",
            json!({ "expression": script, "awaitPromise": true, "returnByValue": true }),
        );
        let failed = &answer["exceptionDetails"];
        assert!(failed.is_null(), "{script}: {failed}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression holds.
    pub(crate) fn until(&mut self, script: &str) {
        let until = Instant::now() + PATIENCE;
        while self.run(script) != true {
            assert!(Instant::now() < until, "{script} never came true");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// All events with this name so far.
    pub(crate) fn events(&self, method: &str) -> impl Iterator<Item = &Value> {
        let named = self
            .events
            .iter()
            .filter(move |event| event["method"] == method);
        named.map(|event| &event["params"])
    }

    fn next(&self, until: Instant, what: &str) -> Value {
        let left = until.saturating_duration_since(Instant::now());
        let answer = self.answers.recv_timeout(left);
        answer.unwrap_or_else(|err| panic!("{what}: the browser does not answer: {err}"))
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Those that it started end with it; what is wrong here is nobody's trouble any more.
        let _ = self
            .requests
            .write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where Debian and most others have it.
const PROGRAM: &str = "chromium";

const FLAGS: [&str; 9] = [
    "--headless=new",
    "--remote-debugging-pipe",
    // A container of CI allows no sandbox of its own, and the pages are ours.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-device-scale-factor=1",
];

/// A frame has been drawn after everything so far.
const PAINTED: &str =
    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
