//! On a terminal: progress, which is gone at the end however a run ends, and the table.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::io::Write;
use std::process::Command;

#[test]
fn progress_is_shown_on_a_terminal_and_gone_at_the_end() {
    let Some(seen) = on_terminal("exec \"$0\" demo --format json >/dev/null", false) else {
        return;
    };
    assert_eq!(seen.code, 0, "{:?}", seen.text);
    assert!(seen.text.contains("probing"), "{:?}", seen.text);
    assert_left_clean(&seen.text);
}

#[test]
fn quiet_is_quiet_on_a_terminal_too() {
    let Some(seen) = on_terminal("exec \"$0\" demo --quiet >/dev/null", false) else {
        return;
    };
    assert_eq!((seen.code, seen.text.as_str()), (0, ""));
}

#[test]
fn cells_that_stream_to_the_terminal_of_the_progress_keep_lines_of_their_own() {
    let Some(seen) = on_terminal("exec \"$0\" demo --format ndjson", false) else {
        return;
    };
    assert_eq!(seen.code, 0);
    let lines: Vec<String> = shown(&seen.text).lines().map(str::to_owned).collect();
    let cells = lines
        .iter()
        .filter(|line| line.starts_with("{\"type\":\"cell\""));
    assert!(cells.clone().count() > 150, "{lines:#?}");
    for cell in cells {
        serde_json::from_str::<serde_json::Value>(cell).unwrap();
    }
}

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was_and_prints_what_is_known() {
    let Some(seen) = on_terminal("exec \"$0\" demo --rate 20", true) else {
        return;
    };
    assert_eq!(seen.code, 130, "{:?}", seen.text);
    let (progress, result) = seen.text.split_once("INTERRUPTED").unwrap();
    assert!(progress.contains("probing"));
    assert_left_clean(progress);
    assert!(!result.contains("probing"), "{result:?}");
}

#[test]
fn the_table_fits_the_terminal_and_speaks_as_that_does() {
    for (columns, environment, is_ascii, has_color) in [
        (80, "LC_ALL=C", true, true),
        (
            80,
            "LC_ALL= LC_CTYPE= LANG=en_US.ISO-8859-1 NO_COLOR=1",
            true,
            false,
        ),
        (120, "LC_ALL=C.UTF-8 NO_COLOR=1", false, false),
        (200, "LC_ALL= LC_CTYPE= LANG=", false, true),
    ] {
        let line = format!(
            "stty cols {columns}; unset NO_COLOR; export {environment}; exec \"$0\" demo 2>/dev/null"
        );
        let Some(seen) = on_terminal(&line, false) else {
            return;
        };
        assert_eq!(seen.code, 0, "{line}: {:?}", seen.text);
        assert_eq!(seen.text.is_ascii(), is_ascii, "{line}: {}", seen.text);
        assert_eq!(seen.text.contains('\u{1b}'), has_color, "{line}");
        let plain = without_colors(&seen.text);
        assert!(plain.contains("as expected"), "{line}: {plain}");
        let widest = plain
            .lines()
            .map(|line| line.trim_end().chars().count())
            .max();
        assert!(widest <= Some(columns), "{line}: {widest:?}\n{plain}");
    }
}

fn without_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

/// The last thing on the line is that it is wiped, and nobody misses the cursor.
fn assert_left_clean(text: &str) {
    let (_, after) = text.rsplit_once("probing").unwrap();
    let (_, left) = after.rsplit_once("\u{1b}[2K").unwrap();
    let left = left.replace("\u{1b}[1m", "").replace("\u{1b}[31m", "");
    assert_eq!(left.trim(), "", "{after:?}");
    let hidden = text.matches("\u{1b}[?25l").count();
    assert_eq!(hidden, text.matches("\u{1b}[?25h").count(), "{text:?}");
}

/// What stands on the screen in the end, where a line is only ever wiped as a whole.
fn shown(text: &str) -> String {
    let line = |line: &str| line.rsplit("\u{1b}[2K").next().unwrap().replace('\r', "");
    text.split('\n').map(|text| line(text) + "\n").collect()
}

struct Seen {
    code: i32,
    text: String,
}

/// Runs a line of shell with a terminal of its own, where `$0` is the built binary, and may press
/// Ctrl-C after a while.
fn on_terminal(line: &str, interrupt: bool) -> Option<Seen> {
    let python = Command::new("python3")
        .args(["-c", PTY, if interrupt { "1.5" } else { "0" }])
        .args(["sh", "-c", line, env!("CARGO_BIN_EXE_probe")])
        .env_remove("PROBE_CONFIG")
        .env("TERM", "xterm")
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output();
    let Ok(done) = python else {
        let words = b"SKIPPED: 1 test of the terminal: there is no python3\n";
        std::io::stderr().write_all(words).unwrap();
        return None;
    };
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(error, "");
    Some(Seen {
        code: done.status.code().unwrap(),
        text,
    })
}

/// A wide terminal for a command; what it shows goes to stdout, and its exit code is ours.
const PTY: &str = r#"
import fcntl, os, pty, select, struct, sys, termios, time
pause, command = float(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 5000, 0, 0))
    os.execvp(command[0], command)
end, pressed = time.time() + 30, pause == 0
begun = time.time()
while time.time() < end:
    if not pressed and time.time() - begun > pause:
        os.write(terminal, b"\x03")
        pressed = True
    ready, _, _ = select.select([terminal], [], [], 0.1)
    if ready:
        try:
            seen = os.read(terminal, 65536)
        except OSError:
            break
        if not seen:
            break
        sys.stdout.buffer.write(seen)
else:
    os.kill(child, 9)
sys.stdout.flush()
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"#;
