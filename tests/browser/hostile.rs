//! The fixed matrix as servers would like it: markup, scripts, and characters that turn or hide text.

use mtls_probe::matrix::Matrix;
use serde_json::Value;

/// Puts an attack into every text that comes from outside.
pub(crate) fn matrix(json: &str) -> Matrix {
    let mut result: Value = serde_json::from_str(json).unwrap();
    taint("", &mut result);
    Matrix::stored(result.to_string().as_bytes()).unwrap()
}

fn taint(key: &str, value: &mut Value) {
    match value {
        // Words that the program itself has chosen, and what it reads back.
        Value::String(_) if OURS.contains(&key) => {}
        Value::String(text) => text.push_str(ATTACK),
        Value::Array(all) => all.iter_mut().for_each(|one| taint(key, one)),
        Value::Object(all) => all.iter_mut().for_each(|(key, one)| taint(key, one)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

const OURS: [&str; 15] = [
    "schema",
    "code",
    "outcome",
    "by",
    "peer",
    "confidence",
    "candidates",
    "judgement",
    "severity",
    "not_before",
    "not_after",
    "judged_at",
    "started_at",
    "finished_at",
    "as",
];

const ATTACK: &str = "</script></title></style></textarea>--><script>window.pwned = 1</script>\
    <img src=x onerror=window.pwned=1>\" onmouseover=\"window.pwned=1\" ' autofocus onfocus='window.pwned=1' \
    {from}{to}${window.pwned=1}<base href=//evil.example><a href=javascript:pwned=1>\
    \u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{0}\u{7}\u{1b}[31m\u{85}<!--<script>";
