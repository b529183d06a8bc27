//! Values that an argument can give in place or name: a text, `@FILE` for a file, `-` for standard input. What is long, or
//! nobody else's business, need not stand where `ps` shows it.

use std::io::Read;

use serde_json::{Map, Value};

use crate::error::Error;

/// The text that an argument gives.
pub(super) fn text(argument: &str) -> Result<String, Error> {
    let unreadable = |name: &str, error: &std::io::Error| Error::Usage {
        message: format!("{name} cannot be read: {error}"),
        hint: "give a text, @FILE to read it from a file, or - to read it from standard input".into(),
    };
    match (argument, argument.strip_prefix('@')) {
        ("-" | "@-", _) => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| unreadable("standard input", &error))?;
            Ok(text)
        }
        (_, Some(file)) => {
            std::fs::read_to_string(file).map_err(|error| unreadable(&format!("the file {file}"), &error))
        }
        (text, None) => Ok(text.to_owned()),
    }
}

/// The JSON that an argument gives.
pub(super) fn json(argument: &str, flag: &str) -> Result<Value, Error> {
    serde_json::from_str(&text(argument)?).map_err(|error| Error::Usage {
        // Its place and not its text, which may hold anything.
        message: format!("{flag} is not JSON: line {}, column {}", error.line(), error.column()),
        hint: "names and texts of JSON stand in double quotes; a shell keeps them if the whole stands in single ones"
            .into(),
    })
}

/// The JSON object that an argument gives.
pub(super) fn object(argument: &str, flag: &str) -> Result<Map<String, Value>, Error> {
    match json(argument, flag)? {
        Value::Object(object) => Ok(object),
        _ => Err(Error::Usage {
            message: format!("{flag} is JSON, but no object"),
            hint: "give an object such as {\"subject\": \"…\"}".into(),
        }),
    }
}

/// `NAME=VALUE`, for clap.
pub(super) fn pair(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".into()),
    }
}
