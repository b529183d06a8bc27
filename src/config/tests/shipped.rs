//! The files in `config/`, held to the table of settings. How they are read is tested in `tests`.

use super::{
    super::{
        Reserve, Source,
        setting::{self, Kind, Setting},
    },
    with_file,
};

const TEMPLATE: &str = include_str!("../../../config/deskhouse.toml");
const SANDBOX: &str = include_str!("../../../config/sandbox.toml");

#[test]
fn names_of_settings_are_unique_and_their_sections_stand_together() {
    let mut names: Vec<_> = setting::ALL.iter().map(Setting::variable).collect();
    names.extend(setting::ALL.iter().filter_map(|setting| setting.alias).map(str::to_owned));
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    assert_eq!(setting::sections().collect::<Vec<_>>(), ["zoho", "warehouse", "sync", "limits", "state"]);
}

/// The line of a setting as the file would have it.
fn line(setting: &Setting, text: &str) -> String {
    let quoted = |text: &str| format!("\"{text}\"");
    let value = match setting.kind {
        Kind::Number { .. } | Kind::Boolean | Kind::Moment => text.to_owned(),
        Kind::Names => format!("[{}]", text.split(',').map(quoted).collect::<Vec<_>>().join(", ")),
        Kind::Text | Kind::TextOrNumber => quoted(text),
    };
    format!("{} = {value}", setting.key)
}

/// The sections of the file as the table says that they are: each setting with its sentence, switched off unless `on`
/// has a value for it.
fn body(on: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for section in setting::sections() {
        text.push_str(&format!("\n[{section}]\n"));
        for setting in setting::ALL.iter().filter(|setting| setting.section == section) {
            let alias = setting.alias.map(|alias| format!(" Environment: {alias}.")).unwrap_or_default();
            text.push_str(&format!("\n# {}{alias}\n", setting.why));
            match on.iter().find(|(name, _)| *name == setting.name()) {
                Some((_, value)) => text.push_str(&format!("{}\n", line(setting, value))),
                None => text.push_str(&format!("# {}\n", line(setting, setting.example))),
            }
        }
    }
    text
}

/// Compares a file with the table. What to write when they differ is in the message.
fn assert_body(file: &str, on: &[(&str, &str)]) {
    let body = body(on);
    let sections = file.find("\n[zoho]\n").map_or("", |start| &file[start..]);
    assert!(sections == body, "the file should have, from its first section on:\n{body}");
}

#[test]
fn the_file_that_init_writes_has_every_setting_of_the_table() {
    assert_body(TEMPLATE, &[]);
    assert!(with_file(TEMPLATE).load().sources.origins.iter().all(|origin| origin.source == Source::Default));
}

#[test]
fn the_file_that_init_writes_loads_with_every_line_switched_on() {
    let on = |line: &str| match line.strip_prefix("# ") {
        Some(rest) if setting::ALL.iter().any(|setting| rest.starts_with(&format!("{} = ", setting.key))) => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    let text: Vec<String> = TEMPLATE.lines().map(on).collect();
    let config = with_file(&text.join("\n")).load();
    assert!(config.sources.origins.iter().all(|origin| matches!(origin.source, Source::File { .. })));
    assert_eq!((config.limits.concurrency, config.limits.credit_reserve), (8, Reserve::Percent(20)));
}

#[test]
fn the_sandbox_file_is_the_same_pointed_at_the_sandbox() {
    let on = [
        ("zoho.org_id", "600000001"),
        ("zoho.client_id", "1000.SANDBOXCLIENT"),
        ("zoho.client_secret", "sandbox-secret-0a1b2c"),
        ("zoho.refresh_token", "1000.sandbox-refresh.0123456789abcdef"),
        ("zoho.accounts_url", "http://127.0.0.1:8477"),
        ("zoho.desk_url", "http://127.0.0.1:8477"),
        ("zoho.products_url", "http://127.0.0.1:8477"),
        ("warehouse.url", "sqlite:deskhouse-sandbox.db"),
    ];
    assert_body(SANDBOX, &on);
    let config = with_file(SANDBOX).load();
    assert!(config.zoho.credentials().is_ok());
    assert_eq!(config.zoho.desk_url.as_str(), "http://127.0.0.1:8477/");
}
