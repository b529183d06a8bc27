//! What deskhouse reads from Zoho Desk: one static definition per entity, plain data for everyone else.
//! A new entity is a file here, a word in [`ALL`] and a migration; how a definition is used is left to
//! `extract`, `transform` and `warehouse`.

mod accounts;
mod agents;
mod article_feedback;
mod article_translations;
mod articles;
mod business_hours;
mod calls;
mod channels;
mod contacts;
mod contracts;
mod definition;
mod departments;
mod events;
mod fields;
mod holiday_lists;
mod kb_root_categories;
mod layouts;
mod modules;
mod organizations;
mod products;
mod profiles;
mod roles;
mod tasks;
mod teams;
mod tickets;

pub use definition::{Archive, CREDITS_OF_ONE, Column, Detail, Feed, Kind, List, Resource, Split};

/// Every resource, parents before the resources that refer to them.
///
/// A definition says what is true of the entity and nothing about a run: it knows no configuration, clock or
/// network, so the plan, the checks, the README's table and the tests may all read it at any time.
pub static ALL: &[&Resource] = &[
    &organizations::ORGANIZATIONS,
    &roles::ROLES,
    &profiles::PROFILES,
    &agents::AGENTS,
    &modules::MODULES,
    &departments::DEPARTMENTS,
    &teams::TEAMS,
    &channels::CHANNELS,
    &business_hours::BUSINESS_HOURS,
    &holiday_lists::HOLIDAY_LISTS,
    &fields::FIELDS,
    &layouts::LAYOUTS,
    &kb_root_categories::KB_ROOT_CATEGORIES,
    &accounts::ACCOUNTS,
    &contacts::CONTACTS,
    &products::PRODUCTS,
    &contracts::CONTRACTS,
    &tickets::TICKETS,
    &tasks::TASKS,
    &calls::CALLS,
    &events::EVENTS,
    &articles::ARTICLES,
    &article_translations::ARTICLE_TRANSLATIONS,
    &article_feedback::ARTICLE_FEEDBACK,
];

/// The resource of that name, as typed on the command line.
pub fn find(name: &str) -> Option<&'static Resource> {
    ALL.iter().copied().find(|resource| resource.name == name)
}

/// The resource whose records those of `resource` are parts of.
pub fn parent_of(resource: &Resource) -> Option<&'static Resource> {
    find(resource.part()?.refers?)
}

/// What the departments are kept as whose archives a resource has.
pub fn departments_of(resource: &Resource) -> Option<&'static Resource> {
    let department = resource.archive?.department;
    find(resource.columns.iter().find(|column| column.name == department)?.refers?)
}

/// The scope of what belongs to no resource: the portal, its departments and its agents.
const PORTAL: &str = "Desk.basic.READ";

/// The scope of the recycle bin (zoho/zohodesk-oas, `RecycleBin.json`).
pub const BIN_SCOPE: &str = "Desk.settings.READ";

/// The scopes that reading these resources takes, each once.
pub fn scopes(resources: &[&Resource]) -> Vec<&'static str> {
    let mut scopes = Vec::new();
    let bin = resources.iter().any(|resource| resource.has_bin).then_some(BIN_SCOPE);
    for scope in resources.iter().flat_map(|resource| resource.scopes).copied().chain([PORTAL]).chain(bin) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Tables that a column may refer to: Zoho's plurals, whether or not this version extracts them.
    const TABLES: &[&str] = &[
        "accounts",
        "agents",
        "article_feedback",
        "article_translations",
        "articles",
        "business_hours",
        "calls",
        "channels",
        "contacts",
        "contracts",
        "departments",
        "events",
        "fields",
        "holiday_lists",
        "kb_categories",
        "kb_root_categories",
        "layouts",
        "modules",
        "organizations",
        "products",
        "profiles",
        "roles",
        "slas",
        "support_plans",
        "tasks",
        "teams",
        "tickets",
    ];

    /// Our own columns, after those of the definition.
    const OWN: &[(&str, &str)] = &[
        ("_raw", "json"),
        ("_hash", "bigint not null"),
        ("_synced_at", "timestamptz not null"),
        ("_deleted_at", "timestamptz"),
        ("_run_id", "bigint not null"),
        ("_deleted_by", "text"),
        ("_deleted_reason", "text"),
        ("_merged_into", "text"),
    ];

    fn columns() -> impl Iterator<Item = (&'static Resource, &'static Column)> {
        ALL.iter().flat_map(|resource| resource.columns.iter().map(move |column| (*resource, column)))
    }

    fn column_of(resource: &Resource, name: &str) -> Option<&'static Column> {
        resource.columns.iter().find(|column| column.name == name)
    }

    /// One sentence as the dictionary prints it: opens with a capital, has no full stop, fits a line.
    fn is_sentence(text: &str) -> bool {
        text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.trim() == text
            && !text.ends_with('.')
            && !text.contains(". ")
            && text.chars().count() < 120
    }

    fn is_snake_case(name: &str) -> bool {
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && !name.ends_with('_')
            && !name.contains("__")
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    }

    /// The column's name for an API field: a word ends before a capital that follows a small letter, and before
    /// the last capital of a run when a small letter comes next (`zohoCRMContact`).
    fn snake_case(field: &str) -> String {
        let letters: Vec<char> = field.chars().collect();
        let mut name = String::new();
        for (at, letter) in letters.iter().enumerate() {
            let after_small = at > 0 && !letters[at - 1].is_ascii_uppercase();
            let before_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
            if letter.is_ascii_uppercase() && at > 0 && (after_small || before_small) {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    fn sql_type(kind: Kind) -> &'static str {
        match kind {
            Kind::Text => "text",
            Kind::Integer => "bigint",
            Kind::Real => "double precision",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Timestamp => "timestamptz",
            Kind::Json => "jsonb",
        }
    }

    /// Statements of all migrations in order of their files, without comments, white space made single.
    fn statements() -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
        files.sort();
        let mut statements = Vec::new();
        for file in files {
            let text = fs::read_to_string(file).unwrap();
            let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
            let split = code.join(" ");
            let split = split.split(';').map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
            statements.extend(split.filter(|one| !one.is_empty()));
        }
        statements
    }

    #[test]
    fn every_resource_is_found_by_its_name_and_nothing_else_is() {
        for resource in ALL {
            assert!(std::ptr::eq(find(resource.name).unwrap(), *resource), "{}", resource.name);
        }
        assert!(find("Tickets").is_none());
        assert!(find("").is_none());
    }

    #[test]
    fn names_are_unique_and_in_snake_case() {
        let mut seen = HashSet::new();
        for resource in ALL {
            assert!(is_snake_case(resource.name), "{}", resource.name);
            assert!(seen.insert(resource.name.to_owned()), "{}", resource.name);
            assert!(TABLES.contains(&resource.name), "{} is missing in the list of tables", resource.name);
        }
        for (resource, column) in columns() {
            let name = format!("{}.{}", resource.name, column.name);
            assert!(is_snake_case(column.name), "{name}");
            assert!(seen.insert(name.clone()), "{name}");
        }
    }

    #[test]
    fn a_resource_says_how_it_is_asked() {
        for resource in ALL {
            let name = resource.name;
            assert!(resource.path.starts_with('/') && !resource.path.ends_with('/'), "{name}");
            match resource.feed {
                Feed::Search { range, .. } | Feed::Filtered { range, .. } => {
                    assert!(resource.page_limit > 0 && !range.is_empty(), "{name}");
                }
                Feed::List(List { records, each, detail, .. }) => {
                    assert!(!records.is_empty() && each.is_none_or(|(_, values)| !values.is_empty()), "{name}");
                    let time = detail.map(|detail| column_of(resource, detail.time).expect("the column").kind);
                    assert!(time.is_none_or(|kind| kind == Kind::Timestamp), "{name}");
                }
                Feed::Children => {
                    let parent = parent_of(resource).unwrap_or_else(|| panic!("{name} has no parent"));
                    let given = resource.part().expect("a column").pointer.trim_start_matches('?');
                    assert!(resource.path.contains(&format!("/{{{given}}}/")), "{name}");
                    assert!(resource.page_limit > 0 && parent.feed.cursor().is_some(), "{name}");
                    assert_eq!(resource.path_below("7"), resource.path.replace(&format!("{{{given}}}"), "7"));
                }
            }
            assert!(
                resource.scopes.iter().all(|scope| scope.starts_with("Desk.") && scope.ends_with(".READ")),
                "{name}"
            );
            let unique: HashSet<_> = resource.scopes.iter().collect();
            assert!(!unique.is_empty() && unique.len() == resource.scopes.len(), "{name}");
            let search = matches!(resource.feed, Feed::Search { .. });
            assert_eq!(search, resource.path.ends_with("/search"), "{name}");
            assert_eq!(search, resource.scopes.contains(&"Desk.search.READ"), "{name}");
        }
    }

    #[test]
    fn the_first_column_is_the_key() {
        for resource in ALL {
            let key = &resource.columns[0];
            assert_eq!(key.kind, Kind::Text, "{}", resource.name);
            assert!(key.pointer.starts_with('/') && !resource.key_field().contains('/'), "{}", resource.name);
        }
    }

    #[test]
    fn the_cursor_is_a_column_of_timestamps() {
        for resource in ALL {
            let Some((at, cursor)) = resource.cursor() else { continue };
            assert_eq!(Some(cursor.name), resource.feed.cursor());
            assert_eq!(resource.columns[at].name, cursor.name);
            assert_eq!(cursor.kind, Kind::Timestamp, "{}", resource.name);
        }
    }

    #[test]
    fn what_splits_a_resource_is_among_its_columns() {
        for resource in ALL {
            for split in resource.splits {
                let (name, kind) = match split {
                    Split::CreatedTime => ("created_time", Kind::Timestamp),
                    Split::Department => ("department_id", Kind::Text),
                    Split::Status => ("status", Kind::Text),
                    Split::Assignee => ("assignee_id", Kind::Text),
                };
                assert_eq!(column_of(resource, name).map(|column| column.kind), Some(kind), "{} {name}", resource.name);
            }
        }
    }

    #[test]
    fn pointers_are_unique_and_a_leaf_follows_its_object() {
        let mut seen = HashSet::new();
        for resource in ALL {
            let mut object = None;
            for column in resource.columns {
                let name = format!("{}.{}", resource.name, column.name);
                assert!(seen.insert((resource.name, column.pointer)), "{name}");
                if let Some(parameter) = column.pointer.strip_prefix('?') {
                    match resource.feed {
                        Feed::List(List { each: Some((each, _)), .. }) => assert_eq!(parameter, each),
                        Feed::Children => assert!(column.is_part, "{name}"),
                        _ => panic!("{name}"),
                    }
                    continue;
                }
                let fields: Vec<&str> = column.pointer.strip_prefix('/').unwrap().split('/').collect();
                match fields.as_slice() {
                    [_] => object = (column.kind == Kind::Json).then_some(column.pointer),
                    [parent, _] => assert_eq!(object, Some(format!("/{parent}").as_str()), "{name}"),
                    _ => panic!("{name} is nested deeper than one level"),
                }
            }
        }
    }

    #[test]
    fn a_column_is_named_after_its_field() {
        for (resource, column) in columns() {
            let expected = match column.pointer {
                "/cf" => "custom_fields".to_owned(),
                // A word of SQL's own.
                "/order" => "sort_order".to_owned(),
                "/customFields" => "custom_fields_by_label".to_owned(),
                pointer if pointer.starts_with('?') => snake_case(&pointer[1..]),
                pointer => pointer[1..].split('/').map(snake_case).collect::<Vec<_>>().join("_"),
            };
            // Of a length of time the name says the unit, which Zoho's does not.
            let name = column.name.strip_suffix("_s").unwrap_or(column.name);
            assert_eq!(name, expected, "{}", resource.name);
        }
        assert_eq!(snake_case("zohoCRMContact"), "zoho_crm_contact");
        assert_eq!(snake_case("photoURL"), "photo_url");
    }

    #[test]
    fn every_meaning_is_one_sentence() {
        for resource in ALL {
            assert!(is_sentence(resource.about), "{}: {:?}", resource.name, resource.about);
        }
        for (resource, column) in columns() {
            assert!(is_sentence(column.meaning), "{}.{}: {:?}", resource.name, column.name, column.meaning);
        }
    }

    #[test]
    fn a_column_that_ends_in_id_says_whose_key_it_holds() {
        for (resource, column) in columns() {
            let name = format!("{}.{}", resource.name, column.name);
            // Zoho calls an address an id, and the name of a time zone.
            let is_key = column.name.ends_with("_id") && !["email_id", "time_zone_id"].contains(&column.name);
            let is_own = std::ptr::eq(column, &resource.columns[0]);
            assert!(column.refers.is_some() || !is_key || is_own, "{name}");
            if let Some(table) = column.refers {
                assert!(TABLES.contains(&table), "{name} refers to {table}");
                assert_eq!(column.kind, Kind::Text, "{name}");
            }
        }
    }

    #[test]
    fn parents_come_first() {
        for (at, resource) in ALL.iter().enumerate() {
            for table in resource.columns.iter().filter_map(|column| column.refers) {
                let parent = ALL.iter().position(|other| other.name == table);
                // A record may name the part that it shows.
                let is_part = find(table).and_then(parent_of).is_some_and(|whole| whole.name == resource.name);
                assert!(is_part || parent.is_none_or(|parent| parent <= at), "{} before {table}", resource.name);
            }
        }
    }

    #[test]
    fn a_migration_creates_the_table_of_every_resource() {
        let statements = statements();
        for resource in ALL {
            let create = format!("create table {} (", resource.name);
            let found: Vec<&str> = statements.iter().filter_map(|one| one.strip_prefix(&create)).collect();
            let [found] = found.as_slice() else { panic!("{} tables named {}", found.len(), resource.name) };
            let mut found: Vec<&str> = found.strip_suffix(')').unwrap().split(',').map(str::trim).collect();
            let add = format!("alter table {} add column ", resource.name);
            found.extend(statements.iter().filter_map(|one| one.strip_prefix(&add)));
            let column = |(at, column): (usize, &Column)| {
                let key = if at == 0 { " primary key" } else { "" };
                format!("{} {}{key}", column.name, sql_type(column.kind))
            };
            // Columns of details were added behind our own.
            let (details, columns): (Vec<_>, Vec<_>) =
                resource.columns.iter().enumerate().partition(|(_, column)| column.is_detail);
            let own = OWN.iter().map(|(name, words)| format!("{name} {words}"));
            let expected = columns.into_iter().map(column).chain(own).chain(details.into_iter().map(column));
            assert_eq!(found, expected.collect::<Vec<_>>(), "{}", resource.name);
        }
    }

    #[test]
    fn indexes_are_on_columns_that_exist_and_carry_their_names() {
        let statements = statements();
        for resource in ALL {
            let prefix = format!("create index {}_", resource.name);
            let indexes: Vec<&str> = statements.iter().filter_map(|one| one.strip_prefix(&prefix)).collect();
            for index in &indexes {
                let (column, table) = (index.split(' ').next().unwrap(), resource.name);
                let flag = resource.archive.map_or("", |archive| archive.flag);
                let expected = match column {
                    // What is gone, and what is archived, is counted at the end of each run.
                    "deleted_at" => format!("deleted_at on {table} (_deleted_at) where _deleted_at is not null"),
                    _ if column == flag && index.contains("_deleted_at") => {
                        format!("{flag} on {table} (created_time, _deleted_at) where {flag}")
                    }
                    // As it was at first.
                    _ if column == flag => format!("{flag} on {table} (created_time) where {flag}"),
                    // A comparison counts the rows that are alive by their time of creation, in the index alone.
                    "created_time" if index.ends_with("_deleted_at)") => {
                        format!("created_time on {table} (created_time, _deleted_at)")
                    }
                    _ => format!("{column} on {table} ({column})"),
                };
                assert_eq!(*index, expected);
                assert!(column == "deleted_at" || column_of(resource, column).is_some(), "{table} {column}");
            }
            let Some(cursor) = resource.feed.cursor() else { continue };
            let cursor = format!("{cursor} on {} ({cursor}", resource.name);
            let is_there = indexes.iter().any(|index| index.starts_with(&cursor));
            assert!(is_there, "{} has no index on its cursor", resource.name);
        }
    }
}
