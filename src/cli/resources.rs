//! `deskhouse resources`: what can be extracted.

use clap::Args;

use super::print;
use crate::error::{Class, Error};
use crate::{report, resource};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print one JSON document, with every column and its meaning
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options) -> Result<Class, Error> {
    let all = resource::ALL;
    print(&if options.json { report::resources_json(all).to_string() } else { report::resources(all) })?;
    Ok(Class::Done)
}
