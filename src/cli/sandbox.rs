//! `deskhouse sandbox`: the look-alike portal as a server of its own.

use std::net::{Ipv4Addr, SocketAddr};

use chrono::TimeDelta;
use clap::Args;
use desk_sandbox::{Bounds, Sandbox, Settings};

use super::{print, signals};
use crate::error::{Class, Error};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8477)]
    port: u16,
    /// Tickets in the world; everything else scales with them
    #[arg(long, default_value_t = 5_000)]
    tickets: usize,
    /// Two worlds of one seed and size are alike
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Change the world before every N-th request
    #[arg(long, value_name = "N")]
    change_every: Option<u32>,
    /// Time that each request takes, such as `120ms`
    #[arg(long, value_parser = humantime::parse_duration, default_value = "0s", value_name = "TIME")]
    latency: std::time::Duration,
    /// Time after which a change shows in searches
    #[arg(long, value_parser = humantime::parse_duration, default_value = "0s", value_name = "TIME")]
    index_lag: std::time::Duration,
    /// Requests that may be in flight
    #[arg(long, default_value_t = 10)]
    concurrency: u32,
    /// Credits of a day
    #[arg(long, default_value_t = 1_000_000, value_name = "CREDITS")]
    daily_credits: u64,
    /// Largest `from` of searches; 999 is the other reading of Zoho's documents
    #[arg(long, default_value_t = 4_999, value_name = "ROWS")]
    from_cap: u32,
    /// Leave the ends of time ranges out
    #[arg(long)]
    exclusive: bool,
    /// Agent that the token stands for: 0 is an administrator, 1 to 11 work in a department or two
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=11), default_value_t = 0, value_name = "N")]
    agent: u8,
    /// Scope that the token lacks; may be repeated
    #[arg(long, value_name = "SCOPE")]
    without_scope: Vec<String>,
    /// Time by which the portal's clock is ahead
    #[arg(long, value_parser = humantime::parse_duration, default_value = "0s", value_name = "TIME")]
    clock_ahead: std::time::Duration,
}

pub(super) async fn run(options: &Options) -> Result<Class, Error> {
    let sandbox = Sandbox::new(Settings {
        tickets: options.tickets,
        seed: options.seed,
        change_every: options.change_every,
        latency: options.latency,
        index_lag: TimeDelta::from_std(options.index_lag).unwrap_or_default(),
        concurrency: options.concurrency,
        daily_credits: options.daily_credits,
        from_cap: options.from_cap,
        bounds: if options.exclusive { Bounds::Exclusive } else { Bounds::Inclusive },
        agent: options.agent,
        ..Settings::default()
    });
    sandbox.configure(|settings| settings.scopes.retain(|scope| !options.without_scope.contains(scope)));
    sandbox.advance(TimeDelta::from_std(options.clock_ahead).unwrap_or_default());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let server = sandbox
        .serve(address)
        .await
        .map_err(|source| Error::System { doing: format!("listen on {address}"), source })?;
    let (url, settings) = (&server.url, sandbox.settings());
    print(&format!(
        "a look-alike of Zoho Desk with {} tickets answers at {url}; Ctrl-C ends it\n\n\
         export DESKHOUSE_ZOHO__ACCOUNTS_URL={url} DESKHOUSE_ZOHO__DESK_URL={url} DESKHOUSE_ZOHO__PRODUCTS_URL={url}\n\
         export ZOHO_CLIENT_ID={} ZOHO_CLIENT_SECRET={} ZOHO_REFRESH_TOKEN={} ZOHO_ORG_ID={}",
        options.tickets, settings.client_id, settings.client_secret, settings.refresh_token, settings.org_id,
    ))?;
    signals::first().await;
    server.stop().await;
    Ok(Class::Done)
}
