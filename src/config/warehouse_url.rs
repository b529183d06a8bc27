//! Where the warehouse is, said so that it can be printed. Connecting to it is up to `warehouse`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use url::Url;

use super::{
    secret::Secret,
    value::{Refused, path},
};

/// Where the warehouse is. Neither `Display` nor `Debug` shows a password.
#[derive(Clone)]
pub enum WarehouseUrl {
    /// An SQLite database that lives as long as the run, for demonstrations and tests.
    Memory,
    /// An SQLite file.
    Sqlite {
        /// The file; absolute when the working folder that was handed in is.
        path: PathBuf,
        /// The address as it was given.
        written: String,
    },
    /// A Postgres server.
    Postgres {
        /// The whole address, with its password if it has one.
        address: Secret,
        /// The address without password and options.
        shown: String,
    },
}

impl WarehouseUrl {
    /// The warehouse that `text` names.
    pub fn parse(text: &str, home: Option<&Path>, working_dir: &Path) -> Result<Self, Refused> {
        let text = text.trim();
        match text.split_once(':') {
            Some(("sqlite", rest)) => sqlite(text, rest, home, working_dir),
            Some(("postgres" | "postgresql", _)) => postgres(text),
            _ => Err(suggest_sqlite(text)),
        }
    }
}

fn expected() -> Refused {
    Refused::new("`sqlite:` and a file, such as sqlite:deskhouse.db, or postgres://user:password@host/database")
}

fn sqlite(text: &str, rest: &str, home: Option<&Path>, working_dir: &Path) -> Result<WarehouseUrl, Refused> {
    let file = rest.strip_prefix("//").unwrap_or(rest);
    if file == ":memory:" {
        return Ok(WarehouseUrl::Memory);
    }
    // An empty name is a temporary database to SQLite, which would lose a night's work without a word.
    if file.is_empty() || file.ends_with('/') {
        return Err(expected());
    }
    if file.contains('?') {
        return Err(expected().with_hint("options after `?` are not taken; deskhouse sets what it needs"));
    }
    Ok(WarehouseUrl::Sqlite { path: path(file, home, working_dir)?, written: text.to_owned() })
}

fn postgres(text: &str) -> Result<WarehouseUrl, Refused> {
    let hint = "in a password, write `@` as %40, `/` as %2F, `:` as %3A, `#` as %23, `?` as %3F and `%` as %25";
    let refused = || expected().with_hint(hint);
    let url = Url::parse(text).map_err(|_| refused())?;
    // Without a host it may still name a socket in `?host=`; `postgres:database` names neither.
    // An `@` after the host means that a sign in the password has cut the address too early.
    let cut = url.path().contains('@') || url.query().is_some_and(|query| query.contains('@'));
    if url.cannot_be_a_base() || url.fragment().is_some() || cut {
        return Err(refused());
    }
    let mut shown = url;
    // Options go too, because `?password=` is one of them.
    shown.set_query(None);
    if shown.password().is_some() && shown.set_password(None).is_err() {
        return Err(refused());
    }
    let address = Secret::new(text).ok_or_else(expected)?;
    Ok(WarehouseUrl::Postgres { address, shown: shown.to_string() })
}

/// A bare file name is the commonest slip. It is only repeated in the hint when it can be nothing but a file name.
fn suggest_sqlite(text: &str) -> Refused {
    let ending = Path::new(text)
        .extension()
        .is_some_and(|ending| ["db", "sqlite", "sqlite3"].iter().any(|known| ending.eq_ignore_ascii_case(known)));
    if ending && !text.contains([':', '@', '=', '?', ' ']) {
        return expected().with_hint(format!("did you mean `sqlite:{text}`?"));
    }
    expected()
}

impl fmt::Display for WarehouseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("sqlite::memory:"),
            Self::Sqlite { written: text, .. } | Self::Postgres { shown: text, .. } => f.write_str(text),
        }
    }
}

impl fmt::Debug for WarehouseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WarehouseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<WarehouseUrl, Refused> {
        WarehouseUrl::parse(text, Some(Path::new("/home/ada")), Path::new("/srv"))
    }

    #[test]
    fn every_form_of_an_sqlite_address_names_its_file() {
        for (text, file) in [
            ("sqlite:deskhouse.db", "/srv/deskhouse.db"),
            ("sqlite://deskhouse.db", "/srv/deskhouse.db"),
            ("sqlite:/data/d.db", "/data/d.db"),
            ("sqlite:///data/d.db", "/data/d.db"),
            ("sqlite:~/d.db", "/home/ada/d.db"),
        ] {
            match parse(text) {
                Ok(WarehouseUrl::Sqlite { path, written }) => {
                    assert_eq!((path.as_path(), written.as_str()), (Path::new(file), text));
                }
                other => panic!("{text} is a file, not {other:?}"),
            }
        }
        assert!(matches!(parse("sqlite::memory:"), Ok(WarehouseUrl::Memory)));
        assert!(matches!(parse("sqlite://:memory:"), Ok(WarehouseUrl::Memory)));
    }

    #[test]
    fn a_postgres_address_is_kept_whole_and_shown_without_its_password() {
        for (text, shown) in [
            ("postgres://ada:hunter2@db:5433/desk", "postgres://ada@db:5433/desk"),
            ("postgresql://db/desk?user=ada&password=hunter2", "postgresql://db/desk"),
            ("postgres://ada:hunter%402@[::1]/desk?sslmode=require", "postgres://ada@[::1]/desk"),
            ("postgres:///desk?host=/var/run/postgresql", "postgres:///desk"),
        ] {
            let url = parse(text).expect("it is a Postgres address");
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("WarehouseUrl({shown})"));
            assert!(matches!(url, WarehouseUrl::Postgres { address, .. } if address.expose() == text));
        }
    }

    #[test]
    fn anything_else_is_refused_with_both_forms_and_without_the_text() {
        for text in
            ["mysql://a:hunter2@db/x", "host=db password=hunter2", "sqlite:", "sqlite://", "sqlite:d.db?mode=ro"]
        {
            let refused = parse(text).expect_err("it is not a warehouse");
            assert!(refused.expected().contains("sqlite:") && refused.expected().contains("postgres://"));
            assert!(!format!("{refused:?}").contains("hunter2"));
        }
        let refused = parse("postgres://ada:hunter#2@db:notaport/x").expect_err("it does not parse");
        assert!(refused.hint().is_some_and(|hint| hint.contains("%23")) && !format!("{refused:?}").contains("hunter"));
        for cut in ["postgres://ada:12/3@db/x", "postgres://ada:12?3@db/x", "postgres://ada:12#3@db/x", "postgres:desk"]
        {
            assert!(parse(cut).expect_err("the password is cut").hint().is_some());
        }
        let refused = parse("out/desk.db").expect_err("the scheme is missing");
        assert_eq!(refused.hint(), Some("did you mean `sqlite:out/desk.db`?"));
    }
}
