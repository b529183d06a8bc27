//! `deskhouse auth login`: a consent in the browser, or a self client by itself.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::keep::SignIn;
use super::{Asking, ask};
use crate::auth::{Asked, Authorization, Browser, Code, Listener, LoginError};
use crate::cli::{World, wiring};
use crate::config::{DataCenter, GrantType};
use crate::error::{Class, Error};
use crate::report::chain;

#[derive(Debug, Args)]
#[command(
    after_help = "The client is a server-based application of Zoho's API console, registered with the redirect URI. \
    With `--grant client-credentials` it is a self client, there is no browser and no refresh token."
)]
pub(super) struct Options {
    #[command(flatten)]
    asking: Asking,
    /// Where the browser is sent back to, to the letter as the client is registered with it
    #[arg(long, value_name = "URI", default_value = "http://localhost:8478/callback")]
    redirect_uri: String,
    /// Open no browser and wait for none: print the address, and ask for the one that the browser ends up at
    #[arg(long)]
    no_browser: bool,
    /// Bind the code to this program; for clients of the type mobile or desktop, which Zoho documents it for
    #[arg(long)]
    pkce: bool,
    /// How long to wait for the answer
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "5m")]
    timeout: Duration,
    /// How to sign in
    #[arg(long, value_enum, default_value_t = By::Browser, value_name = "GRANT")]
    grant: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// A person consents in the browser
    Browser,
    /// A self client signs in by itself, in the portal that is configured
    ClientCredentials,
}

pub(super) async fn run(world: &World, options: Options) -> Result<Class, Error> {
    match options.grant {
        By::Browser => by_browser(world, options).await,
        By::ClientCredentials => by_client_credentials(world, &options).await,
    }
}

async fn by_client_credentials(world: &World, options: &Options) -> Result<Class, Error> {
    if !options.asking.resources.is_empty() {
        return Err(Error::Usage {
            message: "`--for` does not go with client credentials".into(),
            hint: "they ask for the scopes of `sync.resources` each time; set that".into(),
        });
    }
    let sign_in = SignIn::prepare(world, &options.asking, GrantType::ClientCredentials)?;
    let scopes = wiring::scopes(&sign_in.config, &[])?;
    sign_in.keep_client_credentials(scopes).await
}

async fn by_browser(world: &World, options: Options) -> Result<Class, Error> {
    let mut sign_in = SignIn::prepare(world, &options.asking, GrantType::RefreshToken)?;
    let authorization = Authorization::new(&Asked {
        accounts_url: &sign_in.config.zoho.accounts_url,
        data_center: sign_in.config.zoho.data_center,
        client_id: &sign_in.client.id,
        redirect_uri: &options.redirect_uri,
        scopes: &wiring::scopes(&sign_in.config, &options.asking.resources)?,
        pkce: options.pkce,
    });
    let (code, data_center, browser) = answer(world, &options, &authorization).await?;
    let granted = sign_in.exchange(&code, data_center).await;
    if let Some(browser) = browser {
        match &granted {
            Ok(_) => browser.tell_done().await,
            Err(error) => browser.tell_failed(error).await,
        }
    }
    sign_in.keep(granted?).await
}

/// The answer of the consent, from the browser itself or from the address that it ended up at.
async fn answer(
    world: &World,
    options: &Options,
    authorization: &Authorization,
) -> Result<(Code, Option<DataCenter>, Option<Browser>), Error> {
    if options.no_browser {
        world.log.say(&format!(
            "open this address in a browser, signed in as an administrator of the portal, and accept:\n\n{}\n\n\
             the browser ends up at an address that begins with {}, which it may be unable to show; copy it",
            authorization.url(),
            authorization.redirect_uri()
        ));
        let pasted = ask::line_in_time("address", options.timeout).await?;
        let pasted = pasted.ok_or(LoginError::NotPasted { after: options.timeout })?;
        let (code, data_center) = authorization.read_pasted(&pasted)?;
        return Ok((code, data_center, None));
    }
    let listener = Listener::bind(authorization.redirect_uri()).await?;
    world.log.say(&format!(
        "a browser opens for an administrator of the portal to accept; if none does, open this address:\n\n{}\n\n\
         waiting {} for the answer at {}",
        authorization.url(),
        humantime::format_duration(options.timeout),
        authorization.redirect_uri()
    ));
    let url = authorization.url().to_string();
    // On a thread of its own: a browser in the terminal keeps its caller until it is closed. Whether one opened is seen by
    // the person, who has the address.
    std::thread::spawn(move || webbrowser::open(&url).is_ok());
    let stranger = |error: &LoginError| world.log.warn(&format!("{}; still waiting", chain(error)));
    let (code, data_center, browser) = listener.wait(authorization, options.timeout, stranger).await?;
    Ok((code, data_center, Some(browser)))
}
