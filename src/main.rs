//! The `probe` command: hands its arguments and streams to the library, and exits as that says.

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
        interactive: io::stderr().is_terminal(),
        out: &mut stdout.lock(),
        err: &mut io::stderr(),
    };
    let exit = runtime.block_on(cli::main(std::env::args_os(), &mut terminal));
    // A resolver that hangs must not keep us.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}
