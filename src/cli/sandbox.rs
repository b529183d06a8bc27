//! `deskhouse sandbox`: the look-alike portal as a server of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

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
    /// Time that each request takes, such as `120ms`, or `120ms±40ms` where it varies
    #[arg(long, value_parser = latency, default_value = "0s", value_name = "TIME")]
    latency: Latency,
    /// Time after which a change shows in searches
    #[arg(long, value_parser = humantime::parse_duration, default_value = "0s", value_name = "TIME")]
    index_lag: Duration,
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
    clock_ahead: Duration,
}

/// Time that each request takes, and by how much it varies in both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Latency {
    mean: Duration,
    jitter: Duration,
}

/// `120ms`, or `120ms±40ms`, where `+-` is for keyboards without `±` and one unit is enough.
fn latency(text: &str) -> Result<Latency, String> {
    let time =
        |text: &str| humantime::parse_duration(text).map_err(|error| format!("{error}; try `120ms` or `120ms±40ms`"));
    let Some((mean, jitter)) = text.split_once('±').or_else(|| text.split_once("+-")) else {
        return Ok(Latency { mean: time(text)?, jitter: Duration::ZERO });
    };
    let unit = jitter.trim_start_matches(|letter: char| !letter.is_alphabetic());
    let (mean, jitter) = (time(mean).or_else(|_| time(&format!("{mean}{unit}")))?, time(jitter)?);
    // No request takes less than no time, so that its mean would be another one.
    if jitter > mean {
        return Err("a time cannot vary by more than itself".into());
    }
    Ok(Latency { mean, jitter })
}

pub(super) async fn run(options: &Options) -> Result<Class, Error> {
    let sandbox = Sandbox::new(Settings {
        tickets: options.tickets,
        seed: options.seed,
        change_every: options.change_every,
        latency: options.latency.mean,
        latency_jitter: options.latency.jitter,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_a_time_or_a_mean_and_its_jitter() {
        let told =
            |mean, jitter| Ok(Latency { mean: Duration::from_millis(mean), jitter: Duration::from_millis(jitter) });
        assert_eq!(latency("120ms"), told(120, 0));
        for text in ["120ms±40ms", "120±40ms", "120ms+-40ms", "120+-40ms", "120 ± 40 ms"] {
            assert_eq!(latency(text), told(120, 40), "{text}");
        }
        assert_eq!(latency("1s±1s"), told(1_000, 1_000));
        for wrong in ["", "fast", "120", "120ms±", "±40ms", "120±40", "120ms-40ms", "120ms±40ms±1ms", "40ms±120ms"]
        {
            assert!(latency(wrong).is_err(), "{wrong}");
        }
    }
}
