//! `deskhouse completions`: completion scripts, made from the same definitions as the help.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, print};
use crate::error::{Class, Error};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Shell to complete in
    shell: Shell,
}

pub(super) fn run(options: &Options) -> Result<Class, Error> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "deskhouse", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Class::Done)
}
