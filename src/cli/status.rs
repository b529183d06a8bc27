//! `deskhouse status`: what the warehouse holds.

use clap::Args;

use super::wiring::{self, on_any};
use super::{World, print};
use crate::error::{Class, Error};
use crate::report;
use crate::warehouse::{self, Status, Trouble, Warehouse};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Warehouse to look at [default: `warehouse.url`]
    #[arg(long, value_name = "URL")]
    warehouse: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(world: &World, options: Options) -> Result<Class, Error> {
    let flags = options.warehouse.map(|url| ("warehouse.url", url)).into_iter().collect();
    let config = wiring::config(&world.global, flags)?;
    let status = match wiring::warehouse_to_read(&config.warehouse).await {
        Ok(warehouse) => on_any!(warehouse, warehouse => {
            let status = warehouse.status().await;
            warehouse.close().await;
            status
        })?,
        // A file that the first sync will make is as good as a server's database without tables.
        Err(warehouse::Error::Open { trouble: Trouble::Missing, .. }) => Status::default(),
        Err(error) => return Err(error.into()),
    };
    print(&if options.json { report::status_json(&status).to_string() } else { report::status(&status) })?;
    Ok(Class::Done)
}
