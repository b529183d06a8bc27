//! `deskhouse auth`: how a person signs in, sees how the sign-in stands, and ends it. What the ways to sign in have in
//! common is in `keep`, how secrets are asked for in `ask`; one file a command.

mod ask;
mod exchange;
mod keep;
mod login;
mod portal;
mod revoke;
mod status;

use clap::{Args, Subcommand, ValueEnum};

use super::World;
use crate::error::{Class, Error};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Exchange the code of a self client for a refresh token, and keep it
    Exchange(exchange::Options),
    /// Sign in through the browser, and keep the refresh token
    Login(login::Options),
    /// Show who is signed in, where, with what, and for how long
    Status(status::Options),
    /// Revoke the refresh token at Zoho, and take it out of where it is kept
    Revoke(revoke::Options),
}

/// What both ways to a refresh token are told.
#[derive(Debug, Args)]
struct Asking {
    /// Resources whose scopes are asked for [default: `sync.resources`, or all]
    #[arg(long = "for", value_name = "RESOURCES", value_delimiter = ',')]
    resources: Vec<String>,
    /// Scopes beside those of the resources, such as Desk.tickets.CREATE [default: `zoho.scopes`]
    #[arg(long = "scope", value_name = "SCOPES", value_delimiter = ',')]
    scopes: Vec<String>,
    /// Where the portal lives, such as `eu` [default: `zoho.data_center`]
    #[arg(long, value_name = "CODE")]
    data_center: Option<String>,
    /// Where the refresh token is kept
    #[arg(long, value_enum, default_value_t = Place::Env, value_name = "PLACE")]
    store: Place,
    /// Revoke the refresh token that was used so far, once the new one works
    #[arg(long)]
    revoke_old: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// The file .env of the working folder
    Env,
    /// The configuration file
    Config,
    /// The keyring of the system
    Keyring,
    /// Nowhere: lines for a .env file are printed
    Stdout,
}

pub(super) async fn run(world: &World, options: Options) -> Result<Class, Error> {
    match options.command {
        Command::Exchange(options) => exchange::run(world, options).await,
        Command::Login(options) => login::run(world, options).await,
        Command::Status(options) => status::run(world, &options).await,
        Command::Revoke(options) => revoke::run(world, &options).await,
    }
}
