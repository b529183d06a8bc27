//! The rules that the source tree is held to, each a function from one file to what breaks it there. Why each exists is
//! told in `src/lib.rs`; that each can fail, and that the tree keeps it, is tested in `tidy`.

use deskhouse::resource;

use super::source::{Source, is_word, line_of};

/// What breaks a rule: a line, and what is wrong in it.
pub(super) type Findings = Vec<(usize, String)>;

/// Modules in import order, lowest first.
pub(super) const LAYERS: &[&str] = &[
    "clock",
    "config",
    "resource",
    "ledger",
    "record",
    "transport",
    "auth",
    "http",
    "extract",
    "transform",
    "warehouse",
    "sync",
    "report",
    "error",
    "check",
    "cli",
];

/// A file that is longer than this asks to be split.
const MOST_LINES: usize = 450;

/// Files that may be longer, and why.
pub(super) const LONG: &[(&str, &str)] = &[];

/// Files that may hold SQL outside of the warehouse, and why.
const SQL_TO_READ: &[&str] = &["src/cli/demo.rs"]; // a command for the reader to type, which is printed and not run

/// Files that may name a resource outside of its definition, and why.
const NAMED: &[&str] = &[
    "src/cli/demo.rs",     // tells the look-alike portal what to change
    "src/check/portal.rs", // a fact about the agent has the name of a resource
];

/// Whose business the text of a secret is: who sends it, who stores it, who makes it.
const EXPOSED: &[&str] = &["src/auth/", "src/config/", "src/http/client.rs", "src/warehouse/dialect/"];

pub(super) fn header(source: &Source) -> Findings {
    let first = source.text.lines().next().unwrap_or_default();
    let says_what_it_is = first.strip_prefix("//! ").is_some_and(|sentence| !sentence.trim().is_empty());
    if says_what_it_is { Vec::new() } else { vec![(1, "the file does not begin with `//!` and what it is for".into())] }
}

pub(super) fn length(source: &Source) -> Findings {
    let lines = source.text.lines().count();
    if lines <= MOST_LINES || LONG.iter().any(|(path, _)| *path == source.path) {
        return Vec::new();
    }
    vec![(lines, format!("{lines} lines; {MOST_LINES} are enough"))]
}

pub(super) fn layers(source: &Source) -> Findings {
    let Some(inside) = source.path.strip_prefix("src/") else { return Vec::new() };
    let own = inside.split(['/', '.']).next().unwrap_or_default();
    let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let Some(own_place) = place(own) else {
        let known = ["main", "lib"].contains(&own);
        return if known { Vec::new() } else { vec![(1, format!("`{own}` is no layer"))] };
    };
    let mut findings = Vec::new();
    for (line, path) in source.paths("crate") {
        let name = path.split("::").nth(1).unwrap_or_default();
        if place(name).is_none_or(|other| other > own_place) {
            findings.push((line, format!("`{own}` uses `{name}`, which comes after it")));
        }
    }
    // As many `super` as the module is deep reach the crate from below.
    let depth = inside.trim_end_matches("/mod.rs").trim_end_matches(".rs").split('/').count();
    for (line, path) in source.paths("super") {
        let ups = path.split("::").take_while(|word| *word == "super").count();
        if ups >= depth + usize::from(source.is_test(line)) {
            findings.push((line, format!("`{path}` reaches out of `{own}`; say `crate`")));
        }
    }
    findings
}

pub(super) fn definitions_are_data(source: &Source) -> Findings {
    if !source.is_in(&["src/resource/"]) {
        return Vec::new();
    }
    let speaks = source.is_in(&["src/resource/mod.rs", "src/resource/definition.rs"]);
    let mut findings = forbidden(source, &["async", "await", "tokio", "std::fs", "std::env", "std::net", "static mut"]);
    if !speaks {
        findings.extend(forbidden(source, &["fn", "impl", "macro_rules!"]));
    }
    findings.retain(|(line, _)| !source.is_test(*line));
    findings
}

pub(super) fn network(source: &Source) -> Findings {
    let mut findings = Vec::new();
    if source.is_in(&["src/"]) && !source.is_in(&["src/transport.rs"]) {
        findings.extend(forbidden(source, &["reqwest", "std::net::TcpStream"]));
        // Whoever waits for the browser listens, and sends nothing.
        if !source.is_in(&["src/auth/callback.rs"]) {
            findings.extend(forbidden(source, &["tokio::net"]));
        }
    }
    if source.is_in(&["src/"]) && !source.is_in(&["src/auth/exchange.rs", "src/http/client.rs"]) {
        for (at, _) in source.code.match_indices(".send(") {
            let owner = source.code[..at].trim_end();
            let owner = &owner[owner.rfind(|character| !is_word(character)).map_or(0, |before| before + 1)..];
            if owner.ends_with("transport") || owner == "network" {
                findings.push((line_of(&source.code, at), format!("`{owner}.send` belongs to `auth` and `http`")));
            }
        }
    }
    findings
}

pub(super) fn sql(source: &Source) -> Findings {
    if !source.is_in(&["src/"]) || source.is_in(&["src/warehouse/"]) || source.is_in(SQL_TO_READ) {
        return Vec::new();
    }
    let strings = source.strings.iter().filter(|(line, _)| !source.is_test(*line));
    let is_sql = |text: &str| {
        let text = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        let follows =
            |first: &str, second: &str| text.find(first).is_some_and(|at| text[at + first.len()..].contains(second));
        text.starts_with("select ")
            || follows("select ", " from ")
            || follows("update ", " set ")
            || ["insert into ", "delete from ", "create table ", "create view ", "drop table "]
                .iter()
                .any(|words| text.contains(words))
    };
    strings.filter(|(_, text)| is_sql(text)).map(|(line, _)| (*line, "SQL belongs to `warehouse`".into())).collect()
}

pub(super) fn database(source: &Source) -> Findings {
    if !source.is_in(&["src/"]) || source.is_in(&["src/warehouse/dialect/"]) {
        return Vec::new();
    }
    forbidden(source, &["sqlx", "rusqlite"])
}

pub(super) fn printing(source: &Source) -> Findings {
    if !source.is_in(&["src/"]) || source.is_in(&["src/report/", "src/cli/", "src/main.rs"]) {
        return Vec::new();
    }
    let mut findings = forbidden(source, &["println!", "eprintln!", "print!", "eprint!"]);
    let writers = ["stdout", "stderr"];
    for root in ["std", "io", "tokio"] {
        let paths = source.paths(root).into_iter();
        let found = paths.filter(|(_, path)| path.split("::").any(|word| writers.contains(&word)));
        findings.extend(found.map(|(line, path)| (line, format!("`{path}` belongs to `report`"))));
    }
    findings
}

pub(super) fn clock(source: &Source) -> Findings {
    if !source.is_in(&["src/"]) || source.is_in(&["src/cli/"]) {
        return Vec::new();
    }
    let mut findings = forbidden(source, &["Utc::now", "Local::now", "SystemTime"]);
    let real = source.paths("std").into_iter().filter(|(_, path)| path.starts_with("std::time::Instant"));
    findings.extend(real.map(|(line, path)| (line, format!("`{path}` cannot be paused; tokio's can"))));
    findings
}

pub(super) fn sandbox(source: &Source) -> Findings {
    if source.is_in(&["src/"]) && !source.is_in(&["src/cli/demo.rs", "src/cli/sandbox.rs"]) {
        return forbidden(source, &["desk_sandbox"]);
    }
    // The look-alike must not learn from the program what a portal is.
    if source.is_in(&["tests/sandbox/"]) { forbidden(source, &["deskhouse"]) } else { Vec::new() }
}

pub(super) fn unfinished(source: &Source) -> Findings {
    forbidden(source, &["todo!", "unimplemented!", "dbg!", "#[ignore", "should_panic"])
}

pub(super) fn names(source: &Source) -> Findings {
    if !source.is_in(&["src/"]) || source.is_in(&["src/resource/"]) || source.is_in(NAMED) {
        return Vec::new();
    }
    let strings = source.strings.iter().filter(|(line, text)| !source.is_test(*line) && resource::find(text).is_some());
    strings.map(|(line, text)| (*line, format!("\"{text}\" is known to its definition only"))).collect()
}

pub(super) fn sleeping(source: &Source) -> Findings {
    let mut findings = forbidden(source, &["sleep(", "sleep_until(", "sleep_ms("]);
    findings.retain(|(line, _)| source.is_test(*line));
    findings
}

pub(super) fn secrets(source: &Source) -> Findings {
    if !source.is_in(&["src/"]) {
        return Vec::new();
    }
    let mut findings = forbidden(source, &["Display for Secret", "Display for AccessToken", "Display for Credentials"]);
    if !source.is_in(EXPOSED) {
        findings.extend(forbidden(source, &["expose("]));
    }
    findings
}

/// What `ALL` says of the files beside it: those that are not in it.
pub(super) fn forgotten_definitions(root: &Source, files: &[String]) -> Vec<String> {
    let list = root.code.split_once("static ALL").map_or("", |(_, rest)| rest.split(';').next().unwrap_or_default());
    let is_listed = |name: &str| list.contains(&format!("&{name}::"));
    let name = |path: &String| path.strip_prefix("src/resource/")?.strip_suffix(".rs").map(str::to_owned);
    let names = files.iter().filter_map(name).filter(|name| !["mod", "definition"].contains(&name.as_str()));
    names.filter(|name| !is_listed(name)).collect()
}

/// The layers as the crate's documentation numbers them.
pub(super) fn documented_layers(root: &Source) -> Vec<String> {
    let layer = |line: &str| {
        let (number, rest) = line.strip_prefix("//! ")?.split_once(". [`")?;
        number.parse::<usize>().ok()?;
        rest.split_once("`]").map(|(name, _)| name.to_owned())
    };
    root.text.lines().filter_map(layer).collect()
}

fn forbidden(source: &Source, words: &[&str]) -> Findings {
    let mut findings = Vec::new();
    for words in words {
        let lines = source.lines_with(words).into_iter();
        findings.extend(lines.map(|line| (line, format!("`{words}` does not belong here"))));
    }
    findings
}
