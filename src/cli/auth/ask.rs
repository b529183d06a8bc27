//! Asks for a secret: at a terminal without showing it, else as one line of stdin. Never as an argument, which every user
//! of the machine can see.

use std::io::{self, IsTerminal};

use crate::config::Secret;
use crate::error::Error;

/// Asks for `what`, such as "client secret".
pub(super) fn secret(what: &str) -> Result<Secret, Error> {
    Secret::new(&text(what)?).ok_or_else(|| nothing(what))
}

/// Asks for a word that is no secret itself, such as the client id, which people paste along with one.
pub(super) fn word(what: &str) -> Result<String, Error> {
    let text = text(what)?;
    match text.trim() {
        "" => Err(nothing(what)),
        word => Ok(word.to_owned()),
    }
}

fn text(what: &str) -> Result<String, Error> {
    let failed = |source| Error::System { doing: format!("read the {what}"), source };
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("{what} (not shown): ")).map_err(failed);
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(failed)?;
    Ok(line)
}

fn nothing(what: &str) -> Error {
    Error::Usage {
        message: format!("no {what} was given"),
        hint: format!("type the {what} at the prompt, or give it as a line of stdin"),
    }
}
