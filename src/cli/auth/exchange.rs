//! `deskhouse auth exchange`: the code of a self client.

use clap::Args;

use super::keep::SignIn;
use super::{Asking, ask};
use crate::auth::Code;
use crate::cli::{World, wiring};
use crate::config::{GrantType, Secret};
use crate::error::{Class, Error};

#[derive(Debug, Args)]
#[command(
    after_help = "The client is a self client of Zoho's API console, and the code is what its tab Generate Code gives. \
    Client id, client secret and code are asked for where they are missing, without being shown; from a pipe each is a line of stdin."
)]
pub(super) struct Options {
    /// The code; other users of the machine can see it here while the command runs [default: asked for]
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

pub(super) async fn run(world: &World, options: Options) -> Result<Class, Error> {
    let mut sign_in = SignIn::prepare(world, &options.asking, GrantType::RefreshToken)?;
    let code = match &options.code {
        Some(code) => Secret::new(code).ok_or_else(|| Error::Usage {
            message: "the code is empty".into(),
            hint: "leave `--code` out to be asked for it".into(),
        })?,
        None => {
            let scopes = wiring::scopes(&sign_in.config, &options.asking.resources)?;
            world.say(&format!(
                "at {} choose the self client, then Generate Code, with these scopes:\n\n{}\n",
                sign_in.config.zoho.data_center.console_url(),
                scopes.join(",")
            ));
            ask::secret("code")?
        }
    };
    let granted = sign_in.exchange(&Code::of_self_client(code), None).await?;
    sign_in.keep(granted).await
}
