//! The report as a person uses it: with a mouse, a keyboard, eyes and ears.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mtls_probe::matrix::Matrix;
use mtls_probe::report::{Format, Style, write};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::chromium::Chromium;

/// A report on the screen.
pub(crate) struct Page {
    pub(crate) browser: Chromium,
    pub(crate) file: PathBuf,
    pub(crate) took: Duration,
    _folder: TempDir,
}

impl Page {
    /// Renders a matrix, and opens it on a screen of 1400 by 900.
    pub(crate) fn of(matrix: &Matrix) -> Self {
        Self::prepared(matrix, |_| {})
    }

    /// The same, with a browser that is made ready first.
    pub(crate) fn prepared(matrix: &Matrix, prepare: impl FnOnce(&mut Chromium)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.html");
        std::fs::write(&file, rendered(matrix)).unwrap();
        let mut browser = Chromium::start();
        let screen =
            json!({ "width": 1400, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", screen);
        prepare(&mut browser);
        let took = browser.open(&file);
        Self {
            browser,
            file,
            took,
            _folder: folder,
        }
    }

    pub(crate) fn run(&mut self, script: &str) -> Value {
        self.browser.run(script)
    }

    pub(crate) fn until(&mut self, script: &str) {
        self.browser.until(script);
    }

    /// The text of the first element with this selector.
    pub(crate) fn text(&mut self, selector: &str) -> String {
        let script = format!("document.querySelector({selector:?}).innerText");
        self.run(&script).as_str().unwrap().to_owned()
    }

    pub(crate) fn count(&mut self, selector: &str) -> usize {
        let script = format!("document.querySelectorAll({selector:?}).length");
        usize::try_from(self.run(&script).as_u64().unwrap()).unwrap()
    }

    /// Presses the mouse in the middle of the element that the expression gives.
    pub(crate) fn click(&mut self, element: &str) {
        let middle = format!(
            "(() => {{ const element = {element}; element.scrollIntoViewIfNeeded(); \
             const {{ x, y, width, height }} = element.getBoundingClientRect(); \
             return [x + width / 2, y + height / 2]; }})()"
        );
        let middle = self.run(&middle);
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event = json!({
                "type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1,
            });
            self.browser.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key, by its name.
    pub(crate) fn key(&mut self, name: &str) {
        let (code, text) = match name {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            "Escape" => (27, ""),
            "End" => (35, ""),
            "Home" => (36, ""),
            "ArrowLeft" => (37, ""),
            "ArrowUp" => (38, ""),
            "ArrowRight" => (39, ""),
            "ArrowDown" => (40, ""),
            name => panic!("no key {name}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({
                "type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code,
            });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.browser.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Types into the field with this id, in place of what is in it.
    pub(crate) fn write(&mut self, id: &str, text: &str) {
        self.run(&format!("(() => {{ const field = document.getElementById({id:?}); field.focus(); field.select(); }})()"));
        match text {
            "" => self.run(&format!("(() => {{ const field = document.getElementById({id:?}); field.value = ''; field.dispatchEvent(new Event('input')); }})()")),
            text => self.browser.call("Input.insertText", json!({ "text": text })),
        };
    }

    /// Chooses from the list with this id.
    pub(crate) fn choose(&mut self, id: &str, value: &str) {
        let script = format!(
            "(() => {{ const list = document.getElementById({id:?}); list.value = {value:?}; \
             list.dispatchEvent(new Event('change')); return list.value; }})()"
        );
        assert_eq!(self.run(&script), value, "{id}");
    }

    /// Light or dark, screen or print.
    pub(crate) fn media(&mut self, media: &str, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let params = json!({ "media": media, "features": features });
        self.browser.call("Emulation.setEmulatedMedia", params);
    }

    /// Keeps what is on the screen, for people, under the name of the test's.
    pub(crate) fn keep(&mut self, name: &str) {
        let shot = self.browser.call("Page.captureScreenshot", json!({}));
        keep(&format!("{name}.png"), &shot["data"]);
    }

    /// Keeps what comes out of the printer, and says on how many sheets.
    pub(crate) fn print(&mut self, name: &str) -> usize {
        let params = json!({ "printBackground": true, "preferCSSPageSize": true });
        let printed = self.browser.call("Page.printToPDF", params);
        let bytes = keep(&format!("{name}.pdf"), &printed["data"]);
        let page = b"/Type /Page\n";
        bytes
            .windows(page.len())
            .filter(|words| words == page)
            .count()
    }

    /// What a screen reader is told, as role and name.
    pub(crate) fn aloud(&mut self) -> Vec<(String, String)> {
        let tree = self.browser.call("Accessibility.getFullAXTree", json!({}));
        let nodes = tree["nodes"].as_array().unwrap().iter();
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        nodes
            .filter(|node| node["ignored"] != true)
            .map(|node| (text(&node["role"]), text(&node["name"])))
            .collect()
    }

    /// Nothing was complained about, and nothing but the file was asked for.
    pub(crate) fn assert_quiet(&self) {
        for complaint in [
            "Runtime.exceptionThrown",
            "Runtime.consoleAPICalled",
            "Log.entryAdded",
            "Audits.issueAdded",
        ] {
            let said: Vec<_> = self.browser.events(complaint).collect();
            assert!(said.is_empty(), "{complaint}: {said:?}");
        }
        let file = format!("file://{}", self.file.display());
        let asked: Vec<_> = self.requested();
        assert_eq!(asked, [file.as_str()]);
        for other in ["Network.webSocketCreated", "Network.webTransportCreated"] {
            assert_eq!(self.browser.events(other).count(), 0);
        }
    }

    /// The address of every request so far.
    pub(crate) fn requested(&self) -> Vec<&str> {
        let requests = self.browser.events("Network.requestWillBeSent");
        requests
            .map(|request| request["request"]["url"].as_str().unwrap())
            .collect()
    }
}

pub(crate) fn rendered(matrix: &Matrix) -> String {
    let mut out = vec![];
    write(matrix, Format::Html, &Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

pub(crate) fn keep(name: &str, base64: &Value) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    let bytes = STANDARD.decode(base64.as_str().unwrap()).unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), &bytes).unwrap();
    bytes
}
