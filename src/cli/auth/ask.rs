//! Asks for a secret: at a terminal without showing it, else as one line of stdin. Never as an argument, which every user
//! of the machine can see.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::sync::oneshot;

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

/// Asks for a line that may be seen, and waits this long for it; `None` when the time is over.
///
/// A prompt that hides what is typed would have to be read to its end to give the terminal back as it was. What is pasted
/// here need not be hidden: the code in it works once, and only together with the client secret.
pub(super) async fn line_in_time(what: &'static str, time: Duration) -> Result<Option<Secret>, Error> {
    let (sender, answer) = oneshot::channel();
    // Not on a thread of the runtime: nothing ends a read of stdin, and the runtime would wait for it.
    std::thread::spawn(move || sender.send(shown(what)));
    match tokio::time::timeout(time, answer).await {
        Ok(Ok(line)) => Secret::new(&line?).map(Some).ok_or_else(|| nothing(what)),
        Ok(Err(_)) => Err(nothing(what)),
        Err(_) => Ok(None),
    }
}

fn text(what: &str) -> Result<String, Error> {
    let failed = |source| Error::System { doing: format!("read the {what}"), source };
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("{what} (not shown): ")).map_err(failed);
    }
    line().map_err(failed)
}

fn shown(what: &str) -> Result<String, Error> {
    let asked = if io::stdin().is_terminal() { write!(io::stderr(), "{what}: ") } else { Ok(()) };
    asked.and_then(|()| line()).map_err(|source| Error::System { doing: format!("read the {what}"), source })
}

fn line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line)
}

fn nothing(what: &str) -> Error {
    Error::Usage {
        message: format!("no {what} was given"),
        hint: format!("type the {what} at the prompt, or give it as a line of stdin"),
    }
}
