//! The command line: what can be typed, and where all parts are wired together. Real time and the environment enter
//! here and nowhere else. One file a command.

mod api;
mod auth;
mod backfill;
mod check;
mod completions;
#[cfg(feature = "demo")]
mod demo;
mod estimate;
mod given;
mod init;
mod pages;
mod resources;
#[cfg(feature = "demo")]
mod sandbox;
mod signals;
mod status;
mod sync;
mod ticket;
mod verify;
mod wait;
mod wiring;

use std::io::IsTerminal;
use std::path::PathBuf;

use chrono::Utc;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::clock::Clock;
use crate::error::{Class, Error};
use crate::report::{self, Bars, Countdown, Lines, Log, LogFormat, Notes, Ticker, Verbosity};
use crate::sync::{Observer, Silent};

/// Copies a Zoho Desk portal into a SQL warehouse that you own.
#[derive(Debug, Parser)]
#[command(name = "deskhouse", version, max_term_width = 100)]
#[command(after_help = "Try `deskhouse demo`: the whole pipeline against a built-in portal, no account needed.\n\n\
    Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 sign-in refused, 4 something asked for is not complete, \
    5 stopped at the credit reserve (run again later), 6 another run holds the warehouse, 130 interrupted (state saved).")]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Configuration file [default: $DESKHOUSE_CONFIG, ./deskhouse.toml, ./config/deskhouse.toml, the user's config folder]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Form of log lines on stderr
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORM")]
    log: Format,
    /// Say more: requests that are tried again, limits that are learnt
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Say nothing but errors and results
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Draw no bars, even in a terminal
    #[arg(long, global = true)]
    no_progress: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole pipeline against a built-in portal; no account needed
    #[cfg(feature = "demo")]
    Demo(demo::Options),
    /// Write a commented configuration file
    Init(init::Options),
    /// Sign in, see how the sign-in stands, end it
    Auth(auth::Options),
    /// Tell whether a run would work: settings, sign-in, portal, scopes, credits, warehouse
    Check(check::Options),
    /// Bring the warehouse up to date: the nightly job; the first run reads all history
    Sync(sync::Options),
    /// Compare the warehouse with the portal, and mend what differs
    Verify(verify::Options),
    /// Read an explicit range of time, beside the nightly job if need be; no bookmark moves
    Backfill(backfill::Options),
    /// Tell what a run would cost, before anything is spent: requests, credits, time, days
    Estimate(estimate::Options),
    /// Show what the warehouse holds: how complete, which runs, what they cost
    Status(status::Options),
    /// List what can be extracted, with the scopes that it needs
    Resources(resources::Options),
    /// Send one signed request to Zoho Desk or another product of Zoho's
    Api(api::Options),
    /// Open tickets
    Ticket(ticket::Options),
    /// Serve the look-alike portal, to try things out without an account
    #[cfg(feature = "demo")]
    Sandbox(sandbox::Options),
    /// Print a completion script for a shell
    Completions(completions::Options),
}

/// Runs the command that was given; says what ended it.
pub async fn run(cli: Cli) -> Class {
    let world = World::new(cli.global);
    match dispatch(&world, cli.command).await {
        Ok(class) => class,
        Err(error) => {
            world.log.failure(&error, error.hint().as_deref());
            error.class()
        }
    }
}

async fn dispatch(world: &World, command: Command) -> Result<Class, Error> {
    match command {
        #[cfg(feature = "demo")]
        Command::Demo(options) => demo::run(world, &options).await,
        Command::Init(options) => init::run(&options),
        Command::Auth(options) => auth::run(world, options).await,
        Command::Check(options) => check::run(world, options).await,
        Command::Sync(options) => sync::run(world, options).await,
        Command::Verify(options) => verify::run(world, options).await,
        Command::Backfill(options) => backfill::run(world, options).await,
        Command::Estimate(options) => estimate::run(world, options).await,
        Command::Status(options) => status::run(world, options).await,
        Command::Resources(options) => resources::run(&options),
        Command::Api(options) => api::run(world, &options).await,
        Command::Ticket(options) => ticket::run(world, &options).await,
        #[cfg(feature = "demo")]
        Command::Sandbox(options) => sandbox::run(&options).await,
        Command::Completions(options) => completions::run(&options),
    }
}

/// The world outside: time, and where talk goes.
struct World {
    global: Global,
    clock: Clock,
    log: Log,
}

impl World {
    fn new(global: Global) -> Self {
        let format = match global.log {
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        };
        let verbosity = match (global.quiet, global.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        };
        Self { clock: Clock::new(Utc::now), log: Log::start(format, verbosity), global }
    }

    /// Whether somebody at a terminal sees what is drawn there.
    fn draws(&self) -> bool {
        std::io::stderr().is_terminal() && !self.global.no_progress && self.global.log == Format::Text
    }

    /// What is shown while a run waits for credits.
    fn countdown(&self) -> Box<dyn Countdown> {
        match !self.global.quiet && self.draws() {
            true => Box::new(Ticker::new(&self.log)),
            false => Box::<Notes>::default(),
        }
    }

    /// Who watches a run: bars for a person at a terminal, lines for a log.
    fn observer(&self) -> Box<dyn Observer> {
        match (self.global.quiet, self.draws()) {
            (true, _) => Box::new(Silent),
            (false, true) => Box::new(Bars::new(&self.log)),
            (false, false) => Box::new(Lines::default()),
        }
    }

    /// A sentence for the person at the terminal.
    fn say(&self, sentence: &str) {
        if !self.global.quiet {
            self.log.say(sentence);
        }
    }
}

/// Prints a result.
fn print(text: &str) -> Result<(), Error> {
    report::out(text).map_err(|source| Error::System { doing: "write to stdout".into(), source })
}

/// Prints a result as it came, and ends its last line.
fn print_bytes(bytes: &[u8]) -> Result<(), Error> {
    let end: &[u8] = if bytes.is_empty() || bytes.ends_with(b"\n") { b"" } else { b"\n" };
    match report::out_bytes(&[bytes, end].concat()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|source| Error::System { doing: "write to stdout".into(), source }),
    }
}
