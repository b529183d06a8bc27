//! The program: parse, run, print what went wrong, exit with its code. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use deskhouse::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // Each thread keeps memory of its own, and those that wait for the disk have one connection to wait for.
    let runtime = match builder.worker_threads(2).max_blocking_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    ExitCode::from(runtime.block_on(cli::run(cli)).exit_code())
}
