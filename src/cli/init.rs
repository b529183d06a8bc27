//! `deskhouse init`: a commented configuration file to start from.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::print;
use crate::error::{Class, Error};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// File to write
    #[arg(default_value = "deskhouse.toml", value_name = "PATH")]
    path: PathBuf,
    /// Print it instead
    #[arg(long)]
    stdout: bool,
}

/// The file that a release carries: every setting with its default and one line of why.
const TEMPLATE: &str = include_str!("../../config/deskhouse.toml");

pub(super) fn run(options: &Options) -> Result<Class, Error> {
    if options.stdout {
        print(TEMPLATE)?;
        return Ok(Class::Done);
    }
    let shown = options.path.display();
    // Never over a file that is there: it may hold the only copy of somebody's settings.
    let mut open = OpenOptions::new();
    open.write(true).create_new(true);
    // A refresh token may be written into it later.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let mut file = open.open(&options.path).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => Error::Usage {
            message: format!("{shown} is there already"),
            hint: "give another name, or `--stdout` to compare".into(),
        },
        _ => Error::System { doing: format!("write {shown}"), source },
    })?;
    file.write_all(TEMPLATE.as_bytes()).map_err(|source| Error::System { doing: format!("write {shown}"), source })?;
    print(&format!("wrote {shown}; the secrets go into the environment or .env, see README, \"Sign in\""))?;
    Ok(Class::Done)
}
