//! Whether commands keep to themselves what nobody should read in a log: secrets, and what records say. Every command
//! of every test is held to it. Also how output is made comparable for snapshots.

use super::{House, Ran};

/// Stands in the texts of planted records; no command may repeat it.
pub(crate) const PLANTED: &str = "quillfeather";

/// Holds a command to silence about secrets and about planted records.
#[track_caller]
pub(super) fn assert_discreet(house: &House, ran: &Ran) {
    let output = ran.output();
    for secret in secrets(house) {
        assert!(!output.contains(&secret), "the secret {secret} was said:\n{output}");
    }
    assert!(!output.contains(PLANTED), "what a record says was said:\n{output}");
}

/// Client secret, refresh token, database password, what a sign-in has kept, and the access tokens of the cache.
pub(crate) fn secrets(house: &House) -> Vec<String> {
    let configured = ["ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"].into_iter().filter_map(|name| house.variable(name));
    let password =
        house.variable("DATABASE_URL").and_then(|url| url.split_once("://")?.1.split_once('@')?.0.split_once(':'));
    let mut secrets: Vec<_> = configured.chain(password.map(|(_, password)| password)).map(str::to_owned).collect();
    secrets.extend(kept(house, "ZOHO_CLIENT_SECRET"));
    secrets.extend(kept(house, "ZOHO_REFRESH_TOKEN"));
    // It stands for a token and is none.
    secrets.retain(|secret| secret != "keyring");
    secrets.extend(cached(house).into_iter().filter_map(|(_, text)| {
        let cached: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(cached["access_token"].as_str()?.to_owned())
    }));
    secrets
}

/// What the file `.env` of the house gives a variable.
pub(crate) fn kept(house: &House, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(house.file(".env")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

/// The files of the token cache with their texts.
pub(crate) fn cached(house: &House) -> Vec<(std::path::PathBuf, String)> {
    let folder = house.variable("DESKHOUSE_STATE__DIR").map(std::fs::read_dir);
    let entries = folder.into_iter().flatten().flatten();
    entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap_or_default()))
        .collect()
}

/// Exit code and all output, with the folder of the test named.
pub(crate) fn told(house: &House, ran: &Ran) -> String {
    let folder = house.path().display().to_string();
    let part = |title: &str, text: &str| match text.trim_end() {
        "" => String::new(),
        text => format!("-- {title}\n{}\n", text.replace(&folder, "[folder]")),
    };
    format!("-- exit {}\n{}{}", ran.code, part("stdout", &ran.stdout), part("stderr", &ran.stderr))
}

/// Compares with a snapshot in which ports, times and durations have names.
macro_rules! assert_told {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            omit_expression => true,
            filters => [
                (r"127\.0\.0\.1:\d+", "[host]"),
                (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "[time]"),
                (r"\d\d:\d\d UTC", "[time] UTC"),
                (r"in -?\d+\.\ds", "in [seconds]"),
                (r"process \d+ on \S+,", "process [id] on [machine],"),
            ],
        }, { insta::assert_snapshot!($name, $text) });
    };
}
pub(crate) use assert_told;
