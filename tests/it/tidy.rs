//! The source tree, held to the invariants of `src/lib.rs`. Every rule is first shown lines that break it, so that no rule
//! can sleep; what a rule looks for is in `rules`, how it reads a file in `source`, what the README has to say in `readme`,
//! and what may be depended on in `dependencies`.

mod dependencies;
mod readme;
mod rules;
mod source;

use rules::Findings;
use source::Source;

fn tree() -> Vec<Source> {
    let tree: Vec<_> = ["src", "tests"].into_iter().flat_map(Source::all_below).collect();
    // A walk that found nothing would find nothing wrong.
    for file in ["src/main.rs", "src/cli/mod.rs", "tests/it/tidy.rs", "tests/sandbox/src/lib.rs"] {
        assert!(tree.iter().any(|source| source.path == file), "{file} was not read");
    }
    tree
}

/// Shows a rule files that break it, each alone, and files that do not; then holds the tree to it.
#[track_caller]
fn hold(rule: fn(&Source) -> Findings, bad: &[(&str, &str)], good: &[(&str, &str)]) {
    for (path, text) in bad {
        assert!(!rule(&Source::new(*path, *text)).is_empty(), "the rule does not see: {path}: {text}");
    }
    for (path, text) in good {
        assert_eq!(rule(&Source::new(*path, *text)), [], "the rule refuses: {path}: {text}");
    }
    let broken: Vec<_> = tree()
        .iter()
        .flat_map(|source| rule(source).into_iter().map(|(line, what)| format!("{}:{line}: {what}", source.path)))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    hold(
        rules::header,
        &[("src/x.rs", "use a;"), ("src/x.rs", "//!\nuse a;"), ("src/x.rs", "// A note.\n//! Late."), ("src/x.rs", "")],
        &[("src/x.rs", "//! Times.\nuse a;")],
    );
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let (long, short) = ("//!\n".repeat(451), "//!\n".repeat(450));
    let excused: Vec<_> = rules::LONG.iter().map(|(path, _)| (*path, long.as_str())).collect();
    hold(rules::length, &[("src/x.rs", &long), ("tests/it/x.rs", &long)], &[("src/x.rs", &short)]);
    for (path, reason) in rules::LONG {
        assert!(!reason.is_empty());
        let file = tree().into_iter().find(|source| source.path == *path);
        let text = file.unwrap_or_else(|| panic!("{path} is excused and does not exist")).text;
        assert!(!rules::length(&Source::new("src/x.rs", text)).is_empty(), "{path} needs no excuse any more");
    }
    assert!(excused.iter().all(|(path, text)| rules::length(&Source::new(*path, *text)).is_empty()));
}

#[test]
fn imports_only_go_down_the_layers() {
    hold(
        rules::layers,
        &[
            ("src/http/client.rs", "use crate::sync::Plan;"),
            ("src/http/client.rs", "use crate::{auth, warehouse::Error};"),
            ("src/clock.rs", "fn f() { crate::cli::run() }"),
            ("src/ledger/mod.rs", "#[cfg(test)]\nmod tests {\n    use crate::record::Record;\n}"),
            ("src/http/client.rs", "use super::super::sync::Plan;"),
            ("src/clock.rs", "use super::cli;"),
            ("src/utils/mod.rs", "fn f() {}"),
        ],
        &[
            (
                "src/http/client.rs",
                "//! See crate::sync.\nuse crate::auth::{self, Tokens};\nuse super::limits::Limits;",
            ),
            ("src/http/client.rs", "#[cfg(test)]\nmod tests {\n    use super::super::answer::Cause;\n}"),
            ("src/cli/wiring.rs", "use crate::{config, warehouse};"),
            ("src/main.rs", "use deskhouse::cli;"),
        ],
    );
}

#[test]
fn the_documented_layers_are_the_modules() {
    let root = tree().into_iter().find(|source| source.path == "src/lib.rs").expect("the crate's root");
    assert_eq!(rules::documented_layers(&root), rules::LAYERS);
    let mut modules: Vec<_> =
        root.code.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mut layers = rules::LAYERS.to_vec();
    modules.sort_unstable();
    layers.sort_unstable();
    assert_eq!(modules, layers);
}

#[test]
fn definitions_are_plain_data() {
    hold(
        rules::definitions_are_data,
        &[
            ("src/resource/calls.rs", "fn path() -> String { String::new() }"),
            ("src/resource/calls.rs", "impl Calls {}"),
            ("src/resource/mod.rs", "pub async fn all() {}"),
            ("src/resource/definition.rs", "fn f() { std::fs::read(\"x\"); }"),
        ],
        &[
            ("src/resource/calls.rs", "pub(super) static CALLS: Resource = Resource { name: \"calls\" };"),
            ("src/resource/definition.rs", "pub(super) const fn column() -> Column { Column {} }"),
            ("src/resource/mod.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n}"),
            ("src/http/client.rs", "async fn get() {}"),
        ],
    );
}

#[test]
fn every_definition_is_in_the_list_of_all() {
    let root =
        Source::new("src/resource/mod.rs", "mod a;\nmod b;\npub static ALL: &[&Resource] = &[&a::A];\n// &b::B\n");
    let files = ["src/resource/mod.rs", "src/resource/definition.rs", "src/resource/a.rs", "src/resource/b.rs"];
    assert_eq!(rules::forgotten_definitions(&root, &files.map(str::to_owned)), ["b"]);

    let tree = tree();
    let root = tree.iter().find(|source| source.path == "src/resource/mod.rs").expect("the resources");
    let files: Vec<_> = tree.iter().map(|source| source.path.clone()).collect();
    assert_eq!(rules::forgotten_definitions(root, &files), [""; 0]);
}

#[test]
fn requests_are_sent_in_two_places() {
    hold(
        rules::network,
        &[
            ("src/http/client.rs", "let client = reqwest::Client::new();"),
            ("src/sync/mod.rs", "let answer = self.transport.send(request).await;"),
            ("src/sync/mod.rs", "let answer = transport\n    .send(request).await;"),
            ("src/auth/mod.rs", "let answer = network.send(request).await;"),
            ("src/auth/mod.rs", "use tokio::net::TcpListener;"),
            ("src/auth/callback.rs", "let answer = self.transport.send(request).await;"),
        ],
        &[
            ("src/auth/callback.rs", "use tokio::net::TcpListener;"),
            ("src/transport.rs", "client: reqwest::Client,"),
            ("src/http/client.rs", "self.transport.send(sent).await"),
            ("src/sync/stream.rs", "sender.send(batch).await"),
        ],
    );
}

#[test]
fn only_the_warehouse_speaks_sql() {
    hold(
        rules::sql,
        &[
            ("src/sync/mod.rs", "let sql = \"select 1\";"),
            ("src/sync/mod.rs", "let sql = \"with x as (\n    SELECT id FROM tickets)\";"),
            ("src/ledger/run.rs", "let sql = r#\"insert into runs values (1)\"#;"),
            ("src/report/mod.rs", "let sql = \"update runs\n    set state = 1\";"),
            ("src/cli/sync.rs", "let sql = \"create table t (id text)\";"),
            ("src/cli/sync.rs", "let sql = \"delete from runs\";"),
        ],
        &[
            ("src/warehouse/sql.rs", "let sql = \"select 1\";"),
            ("src/cli/sync.rs", "/// select id from tickets\nlet text = \"bring it up to date; select a resource\";"),
            ("src/resource/mod.rs", "#[cfg(test)]\nmod tests {\n    const CREATE: &str = \"create table x\";\n}"),
        ],
    );
}

#[test]
fn only_the_dialect_names_a_database() {
    hold(
        rules::database,
        &[
            ("src/sync/error.rs", "Database(#[from] sqlx::Error),"),
            ("src/cli/wiring.rs", "use sqlx;"),
            ("src/warehouse/sql.rs", "use sqlx::{Row, Postgres};"),
            ("src/warehouse/lock.rs", "fn f(connection: &rusqlite::Connection) {}"),
        ],
        &[
            ("src/warehouse/dialect/postgres.rs", "use sqlx::postgres::PgRow;"),
            ("src/warehouse/dialect/sqlite.rs", "use rusqlite::Connection;"),
            ("tests/it/support/postgres.rs", "use sqlx::PgConnection;"),
        ],
    );
}

#[test]
fn only_the_report_and_the_command_line_print() {
    hold(
        rules::printing,
        &[
            ("src/http/client.rs", "println!(\"x\");"),
            ("src/sync/mod.rs", "eprint!(\"x\");"),
            ("src/warehouse/sql.rs", "use std::io::{self, stderr};"),
            ("src/sync/mod.rs", "writeln!(io::stdout(), \"x\");"),
        ],
        &[
            ("src/report/mod.rs", "writeln!(io::stdout().lock(), \"x\")"),
            ("src/cli/mod.rs", "println!(\"x\");"),
            ("src/sync/mod.rs", "let text = \"println!\"; writeln!(text, \"x\");"),
        ],
    );
}

#[test]
fn real_time_enters_through_the_command_line_only() {
    hold(
        rules::clock,
        &[
            ("src/sync/mod.rs", "let now = Utc::now();"),
            ("src/sync/mod.rs", "let now = chrono::Local::now();"),
            ("src/http/limits.rs", "use std::time::{Duration, Instant};"),
            ("src/auth/cache.rs", "let now = std::time::SystemTime::now();"),
        ],
        &[
            ("src/cli/mod.rs", "Clock::new(Utc::now)"),
            ("src/http/limits.rs", "use std::time::Duration;\nuse tokio::time::Instant;"),
        ],
    );
}

#[test]
fn the_sandbox_and_the_program_do_not_know_each_other() {
    hold(
        rules::sandbox,
        &[
            ("src/http/client.rs", "use desk_sandbox::Sandbox;"),
            ("src/cli/sync.rs", "use desk_sandbox::Sandbox;"),
            ("tests/sandbox/src/lib.rs", "use deskhouse::resource;"),
        ],
        &[("src/cli/demo.rs", "use desk_sandbox::Sandbox;"), ("tests/it/main.rs", "use desk_sandbox::Sandbox;")],
    );
}

#[test]
fn nothing_is_left_for_later() {
    hold(
        rules::unfinished,
        &[
            ("src/x.rs", "fn f() { todo!() }"),
            ("src/x.rs", "fn f() { unimplemented!(\"x\") }"),
            ("src/x.rs", "dbg!(x);"),
            ("tests/it/x.rs", "#[test]\n#[ignore]\nfn f() {}"),
            ("tests/it/x.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}"),
            ("tests/it/x.rs", "#[test]\n#[should_panic(expected = \"x\")]\nfn f() {}"),
        ],
        &[("src/x.rs", "/// todo!\nfn ignore() {}")],
    );
}

#[test]
fn no_code_knows_a_resource_by_its_name() {
    let name = deskhouse::resource::ALL[0].name;
    let (decides, is_tested) = (
        format!("if resource.name == \"{name}\" {{}}"),
        format!("#[cfg(test)]\nmod tests {{\n    find(\"{name}\");\n}}"),
    );
    hold(
        rules::names,
        &[("src/sync/stream.rs", &decides), ("src/warehouse/sql.rs", &decides)],
        &[
            ("src/resource/contacts.rs", &decides),
            ("src/transform/mod.rs", &is_tested),
            ("src/sync/stream.rs", "let text = \"resources\";"),
        ],
    );
}

#[test]
fn no_test_sleeps() {
    hold(
        rules::sleeping,
        &[
            ("tests/it/x.rs", "tokio::time::sleep(SECOND).await;"),
            ("tests/sandbox/tests/it/x.rs", "std::thread::sleep(SECOND);"),
            ("src/http/limits.rs", "#[cfg(test)]\nmod tests {\n    fn f() { sleep(SECOND) }\n}"),
            ("src/extract/walk_tests.rs", "fn f() { sleep(SECOND) }"),
        ],
        &[
            ("src/http/client.rs", "tokio::time::sleep(wait).await;"),
            ("tests/sandbox/src/http.rs", "tokio::time::sleep(pause).await;"),
            ("tests/it/x.rs", "fn nobody_sleeps() { asleep(1); }"),
        ],
    );
}

#[test]
fn secrets_are_shown_to_those_who_send_them_only() {
    hold(
        rules::secrets,
        &[
            ("src/config/secret.rs", "impl fmt::Display for Secret {}"),
            ("src/report/summary.rs", "let text = config.zoho.client_secret.expose();"),
            ("src/cli/wiring.rs", "refresh_token.expose()"),
        ],
        &[
            ("src/auth/exchange.rs", "refresh_token.expose()"),
            ("src/config/secret.rs", "impl fmt::Debug for Secret {}"),
        ],
    );
}
