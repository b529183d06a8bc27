//! `deskhouse demo`: the whole pipeline against the look-alike portal, in a folder of the reader's choice.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use desk_sandbox::{Sandbox, Settings};

use super::sync::plan;
use super::wiring::{self, AnyWarehouse, on_any};
use super::{World, estimate, print, signals};
use crate::config::{Config, Inputs};
use crate::error::{Class, Error};
use crate::report::{self, Table};
use crate::sync::{self, Plan};
use crate::warehouse::{Sample, Warehouse};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Tickets in the portal; everything else scales with them
    #[arg(long, default_value_t = 5_000)]
    tickets: usize,
}

/// Database that the demo makes in the working folder.
const FILE: &str = "deskhouse-demo.db";

/// What happens in the portal between the two runs.
const EDITED: usize = 40;
const CREATED: usize = 3;

pub(super) async fn run(world: &World, options: &Options) -> Result<Class, Error> {
    let sandbox = Sandbox::new(Settings { tickets: options.tickets, ..Settings::default() });
    let server = sandbox
        .serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .map_err(|source| Error::System { doing: "start the look-alike portal".into(), source })?;
    let state =
        tempfile::tempdir().map_err(|source| Error::System { doing: "make a temporary folder".into(), source })?;
    let config = config(&sandbox.settings(), &server.url, state.path())?;
    remove_last_demo(world, &config, &sandbox).await?;
    let plan = plan(&config, "demo", &[])?;
    let warehouse = wiring::warehouse(&config.warehouse, &world.clock).await?;

    world.say(&format!("a look-alike of Zoho Desk with {} tickets answers at {}\n", options.tickets, server.url));
    world.say("what the first sync will cost, from a count of each resource:");
    print(&format!("\n{}\n", report::estimate(&estimate::of_plan(world, &config, &plan).await?)))?;
    world.say("first sync: all history, newest part first");
    let shutdown = signals::shutdown(&world.log);
    let class = sync_once(world, &config, &plan, &warehouse, &shutdown).await?;
    if class != Class::Done {
        return Ok(class);
    }
    sandbox.edit("tickets", EDITED);
    sandbox.create("tickets", CREATED);
    world.say(&format!("\nsecond sync: {EDITED} tickets were edited meanwhile, and {CREATED} are new"));
    let class = sync_once(world, &config, &plan, &warehouse, &shutdown).await?;
    for sample in on_any!(&warehouse, warehouse => warehouse.samples().await)? {
        print(&shown(&sample))?;
    }
    on_any!(warehouse, warehouse => warehouse.close().await);
    server.stop().await;
    print(&format!(
        "\nthe database is yours to query:\n\n    sqlite3 -box {FILE} 'select * from deskhouse_freshness'"
    ))?;
    Ok(class)
}

async fn sync_once(
    world: &World,
    config: &Config,
    plan: &Plan,
    warehouse: &AnyWarehouse,
    shutdown: &tokio_util::sync::CancellationToken,
) -> Result<Class, Error> {
    let client = wiring::client(config, &world.clock)?;
    let observer = world.observer();
    let outcome = on_any!(warehouse, warehouse => {
        sync::sync(plan, Arc::clone(&client), warehouse, observer.as_ref(), shutdown).await
    })?;
    // Bars would be drawn over the summary.
    drop(observer);
    print(&format!("\n{}", report::summary(&outcome)))?;
    for sentence in report::advice(&outcome) {
        world.log.warn(&sentence);
    }
    Ok(outcome.state.into())
}

/// The configuration of the demo: nothing of the reader's own, so that a real portal is never asked.
fn config(settings: &Settings, url: &str, state: &Path) -> Result<Config, Error> {
    let working_dir =
        std::env::current_dir().map_err(|source| Error::System { doing: "find the working folder".into(), source })?;
    // A file without settings, so that a configuration in the working folder is not taken.
    let file = state.join("demo.toml");
    std::fs::write(&file, "").map_err(|source| Error::System { doing: "write a temporary file".into(), source })?;
    let flags = vec![
        ("zoho.accounts_url", url.to_owned()),
        ("zoho.desk_url", url.to_owned()),
        ("zoho.client_id", settings.client_id.clone()),
        ("zoho.client_secret", settings.client_secret.clone()),
        ("zoho.refresh_token", settings.refresh_token.clone()),
        ("warehouse.url", format!("sqlite:{FILE}")),
        ("state.dir", state.display().to_string()),
    ];
    Ok(Config::load(&Inputs { flag_file: Some(file), flags, working_dir, ..Inputs::default() })?)
}

/// Makes room for a new demo; a database of this name that holds another portal is left alone.
async fn remove_last_demo(world: &World, config: &Config, sandbox: &Sandbox) -> Result<(), Error> {
    if !Path::new(FILE).exists() {
        return Ok(());
    }
    let held = on_any!(wiring::warehouse(&config.warehouse, &world.clock).await?, warehouse => {
        let status = warehouse.status().await;
        warehouse.close().await;
        status
    })?;
    if held.org_id.is_some_and(|org_id| org_id != sandbox.settings().org_id) {
        return Err(Error::Usage {
            message: format!("{FILE} holds another portal than the demo's"),
            hint: "run the demo in another folder".into(),
        });
    }
    for ending in ["", "-wal", "-shm", ".lock"] {
        match std::fs::remove_file(format!("{FILE}{ending}")) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::System { doing: format!("remove {FILE}{ending}"), source });
            }
            _ => {}
        }
    }
    Ok(())
}

fn shown(sample: &Sample) -> String {
    let mut table = Table::new(sample.columns);
    for row in &sample.rows {
        table.row(row.iter().map(String::as_str));
    }
    format!("\n{}\n\n{}", sample.title, table.text())
}
