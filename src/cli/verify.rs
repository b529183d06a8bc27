//! `deskhouse verify`: compares the warehouse with the portal and mends what differs.

use clap::Args;

use super::sync::{plan, warn};
use super::wiring::{self, on_any};
use super::{World, print, signals};
use crate::error::{Class, Error};
use crate::http::Priority;
use crate::ledger::Brake;
use crate::report;
use crate::sync::{self, Depth, Event, Hand, Manner, Observer};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Resources to compare [default: `sync.resources`, or all]
    #[arg(value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Look at every record, and not only where numbers of records differ
    #[arg(long)]
    deep: bool,
    /// Mend what differs; so it does without being told
    #[arg(long, conflicts_with = "dry_run")]
    fix: bool,
    /// Tell what differs and what mending it would cost, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Mark rows deleted even where more than 5 % of a table are gone
    #[arg(long)]
    believe: bool,
    /// Warehouse to compare [default: `warehouse.url`]
    #[arg(long, value_name = "URL")]
    warehouse: Option<String>,
    /// Print what was found as one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(world: &World, options: Options) -> Result<Class, Error> {
    let flags = options.warehouse.iter().map(|url| ("warehouse.url", url.clone())).collect();
    let config = wiring::config(&world.global, flags)?;
    let plan = plan(&config, "verify", &options.resources)?;
    let manner = Manner {
        depth: if options.deep { Depth::Records } else { Depth::Counts },
        hand: if options.dry_run { Hand::Look } else { Hand::Mend },
        brake: if options.believe { Brake::OFF } else { Brake::USUAL },
    };
    let client = wiring::client_for(&config, Priority::Verify, &world.clock)?;
    let warehouse = wiring::warehouse(&config.warehouse, &world.clock).await?;
    let shutdown = signals::shutdown(&world.log);
    let (outcome, found) = on_any!(warehouse, warehouse => {
        let done = sync::verify(&plan, manner, client, &warehouse, &Says { world }, &shutdown).await;
        warehouse.close().await;
        done
    })?;
    let text = if options.json {
        report::comparison_json(&outcome, &found).to_string()
    } else {
        report::comparison(&outcome, &found, manner.hand)
    };
    print(&text)?;
    warn(&world.log, &outcome);
    Ok(outcome.state.into())
}

/// Says what a comparison of all records takes before it takes it.
struct Says<'a> {
    world: &'a World,
}

impl Observer for Says<'_> {
    fn see(&self, event: &Event<'_>) {
        if let Event::Expected { usage, time } = event {
            self.world.say(&report::expected(*usage, *time));
        }
    }
}
