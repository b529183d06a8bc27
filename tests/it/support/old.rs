//! Warehouses as earlier versions of the program have left them, made from the migrations with none of its code. Every
//! beginning of the list of migrations was once all of it.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::{Database, Engine};

/// A file of `migrations/`.
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) name: String,
    text: String,
}

/// All of them, oldest first.
pub(crate) fn migrations() -> Vec<Migration> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let paths = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let migration = |path: &Path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let version = name.split_once('_')?.0.parse().ok()?;
        Some(Migration { version, name, text: std::fs::read_to_string(path).ok()? })
    };
    let mut all: Vec<_> = paths.map(|path| migration(&path).unwrap_or_else(|| panic!("{}", path.display()))).collect();
    all.sort_by_key(|migration| migration.version);
    all
}

/// Makes the schema of the version that had these migrations, in an empty database.
pub(crate) async fn make(database: &Database, migrations: &[Migration]) {
    let mut script = String::from(
        "begin;\ncreate table deskhouse_migrations (
        version bigint primary key,
        name text not null,
        checksum text not null,
        applied_at timestamptz not null\n);\n",
    );
    let mut book = |version: i64, name: &str, text: &str| {
        let sum = xxh3_64(text.as_bytes());
        script.push_str(&format!(
            "{text}\ninsert into deskhouse_migrations values ({version}, '{name}', '{sum:016x}', '2026-01-01T00:00:00.000Z');\n"
        ));
    };
    for Migration { version, name, text } in migrations {
        book(*version, name, text);
    }
    // The view stands on the tables that later versions change.
    book(0, "views", "create view deskhouse_freshness as select * from deskhouse_bookmarks;");
    script.push_str("commit;");
    let script = match database.engine() {
        Engine::Sqlite => in_sqlites_words(&script),
        Engine::Postgres => script,
    };
    database.script(&script).await;
}

/// SQLite would take the words of Postgres as well, and then think that texts are numbers.
fn in_sqlites_words(script: &str) -> String {
    let mut out = String::new();
    for line in script.lines() {
        // The type follows the name of the column, in a line of its own or after `add column`.
        let (start, column) = line.split_once(" add column ").unwrap_or(("", line));
        let mut words: Vec<_> = column.trim_start_matches(' ').splitn(3, ' ').collect();
        let kind = words.get(1).copied().unwrap_or_default();
        let bare = kind.trim_end_matches([',', ';', ')']);
        let other = match bare {
            "bigint" | "boolean" => "integer",
            "double" => "real",
            "date" | "timestamptz" | "json" | "jsonb" => "text",
            _ => bare,
        };
        let kind = kind.replacen(bare, other, 1);
        if words.len() > 1 {
            words[1] = &kind;
        }
        let add = if start.is_empty() { "" } else { " add column " };
        let column = words.join(" ").replacen("real precision", "real", 1);
        out.push_str(&format!("{start}{add}{column}\n"));
    }
    out
}

/// Takes the warehouse of a database away, and gives it the name `filled`.
pub(crate) async fn set_aside(database: &Database) {
    match database.engine() {
        Engine::Sqlite => std::fs::rename(database.path(), filled(database)).expect("the file is renamed"),
        Engine::Postgres => database.execute("alter schema zoho_desk rename to filled").await,
    }
}

/// Removes the warehouse of a database; what was set aside stays.
pub(crate) async fn remove(database: &Database) {
    match database.engine() {
        Engine::Sqlite => {
            for ending in ["", "-wal", "-shm"] {
                let mut path = database.path().as_os_str().to_owned();
                path.push(ending);
                if Path::new(&path).exists() {
                    std::fs::remove_file(&path).expect("the file is removed");
                }
            }
        }
        Engine::Postgres => database.execute("drop schema if exists zoho_desk cascade").await,
    }
}

/// Fills the tables of an old warehouse with what `filled`, whose schema is `newest`, has for the columns that they have: the
/// rows that the older version would have written, had it been there instead. The ledger tells of the resources that it
/// had.
pub(crate) async fn fill(database: &Database, newest: &[String]) {
    let mut script = match database.engine() {
        Engine::Sqlite => format!("attach database '{}' as filled;\n", filled(database).display()),
        Engine::Postgres => String::new(),
    };
    let tables: Vec<_> = columns(database).await;
    let known: Vec<_> = tables.iter().map(|(table, _)| format!("'{table}'")).collect();
    for (table, columns) in &tables {
        // One that later versions have dropped stays empty.
        let is_there = |name: &&String| newest.iter().any(|line| line.starts_with(&format!("{table} {name} ")));
        let names: Vec<_> = columns.iter().filter(is_there).map(|name| format!("\"{name}\"")).collect();
        let names = names.join(", ");
        let only = match columns.iter().any(|name| name == "resource") {
            true => format!("where resource in ({})", known.join(", ")),
            false => String::new(),
        };
        script.push_str(&format!("insert into {{t}}{table} ({names}) select {names} from filled.{table} {only};\n"));
    }
    database.script(&script).await;
}

fn filled(database: &Database) -> std::path::PathBuf {
    database.path().with_file_name("filled.db")
}

/// The tables of the warehouse with their columns, but not the one that books migrations.
async fn columns(database: &Database) -> Vec<(String, Vec<String>)> {
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for (table, column) in schema(database).await.into_iter().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.to_owned())).filter(|_| words.next().is_some())
    }) {
        match tables.last_mut() {
            _ if table == "deskhouse_migrations" => {}
            Some((last, columns)) if *last == table => columns.push(column),
            _ => tables.push((table, vec![column])),
        }
    }
    tables
}

/// Every column of every table with its type and whether it may be null, and every view and index by its name.
pub(crate) async fn schema(database: &Database) -> Vec<String> {
    let sql = match database.engine() {
        Engine::Sqlite => {
            "select m.name || ' ' || c.name || ' ' || lower(c.type) || ' ' || (c.\"notnull\" or c.pk)
            from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'
            union all select name from sqlite_master where type <> 'table' order by 1"
        }
        Engine::Postgres => {
            "select c.table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable as line
            from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
            where c.table_schema = 'zoho_desk' and table_type = 'BASE TABLE'
            union all select table_name::text from information_schema.views where table_schema = 'zoho_desk'
            union all select indexname::text from pg_indexes where schemaname = 'zoho_desk' order by 1"
        }
    };
    let mut schema = database.column(sql).await;
    // What a first load has set aside for a while is there as well.
    if schema.iter().any(|line| line.starts_with("deskhouse_indexes name ")) {
        schema.extend(database.column("select name from {t}deskhouse_indexes").await);
        schema.sort();
    }
    schema
}
