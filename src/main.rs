//! The `probe` command: hands its arguments and streams to the library, and exits as that says.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use mtls_probe::cli::{self, Terminal};

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(err) => {
            let _ = writeln!(io::stderr(), "error: cannot start: {err}");
            return ExitCode::from(2);
        }
    };
    let stdout = io::stdout();
    let mut terminal = Terminal {
        width: terminal_size::terminal_size_of(&stdout).map(|(columns, _)| columns.0.into()),
        color: AutoStream::choice(&stdout) != ColorChoice::Never,
        ascii: stdout.is_terminal() && !is_utf8(),
        interactive: io::stderr().is_terminal(),
        out: &mut stdout.lock(),
        err: &mut io::stderr(),
    };
    let exit = runtime.block_on(cli::main(std::env::args_os(), &mut terminal));
    // A resolver that hangs must not keep us.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

/// What the locale says of characters; where there is none, as in containers, nothing speaks against
/// UTF-8.
fn is_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter();
    let locale = locale
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty());
    let says_so = |locale: OsString| {
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    locale.is_none_or(says_so)
}
