//! What the README promises, held to the program: resources, exit codes, the places that messages and links refer to.

use std::path::Path;

use deskhouse::error::Class;
use deskhouse::resource::{self, Feed, Resource};

use super::source::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("the README")
}

fn row(resource: &Resource) -> String {
    let feed = match resource.feed {
        Feed::Search { .. } => "search",
        Feed::Filtered { .. } => "filtered",
        Feed::List(_) => "list",
        Feed::Children => "children",
    };
    let scopes: Vec<_> = resource.scopes.iter().map(|scope| format!("`{scope}`")).collect();
    let (name, path, columns) = (resource.name, resource.path, resource.columns.len());
    format!("| `{name}` | {feed}: `{path}` | {} | {columns} |", scopes.join(", "))
}

/// Headings of sections, such as `Sign in`.
fn headings(readme: &str) -> Vec<&str> {
    readme.lines().filter_map(|line| line.strip_prefix("## ")).collect()
}

/// The section that a text names with `README, "Sign in"` as it stands in code; none if it names none.
fn section(text: &str) -> Option<&str> {
    let (_, named) = text.split_once("README")?.1.split_once("\\\"")?;
    named.split_once("\\\"").map(|(section, _)| section)
}

/// Targets of links, without those on the web.
fn targets(readme: &str) -> impl Iterator<Item = &str> {
    readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://"))
}

#[test]
fn every_resource_has_its_row() {
    let readme = readme();
    let lines: Vec<_> = readme.lines().collect();
    for resource in resource::ALL {
        let row = row(resource);
        assert!(lines.contains(&row.as_str()), "README.md lacks the row\n{row}");
    }
    let is_row = |line: &&&str| {
        ["search", "filtered", "list", "children"].iter().any(|feed| line.contains(&format!("| {feed}: `")))
    };
    let rows = lines.iter().filter(is_row);
    assert_eq!(rows.count(), resource::ALL.len(), "README.md has a row of a resource that does not exist");
}

#[test]
fn every_scope_is_among_those_to_be_entered() {
    let readme = readme();
    let list =
        readme.lines().map(str::trim).find(|line| line.starts_with("Desk.") && line.contains(',')).expect("a list");
    let entered: Vec<_> = list.split(',').collect();
    for scope in resource::ALL.iter().flat_map(|resource| resource.scopes) {
        assert!(entered.contains(scope), "{scope} is not in {list}");
    }
}

#[test]
fn every_table_of_the_ledger_is_explained() {
    let readme = readme();
    let explained: Vec<_> = readme.lines().filter(|line| line.starts_with("| `deskhouse_")).collect();
    let folder = std::fs::read_dir(root().join("migrations")).expect("the migrations");
    let migrations: String =
        folder.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("a migration")).collect();
    let created = migrations.lines().filter_map(|line| line.strip_prefix("create table ")?.split(' ').next());
    let ledger: Vec<_> = created.filter(|name| name.starts_with("deskhouse_")).collect();
    assert!(ledger.contains(&"deskhouse_runs"), "the migrations are not read as they are written");
    for table in ledger {
        let is_explained = explained.iter().any(|line| line.contains(&format!("`{table}`")));
        assert!(is_explained, "README.md does not say what {table} holds");
    }
}

#[test]
fn every_exit_code_is_explained() {
    let readme = readme();
    for class in [
        Class::Done,
        Class::Failed,
        Class::Usage,
        Class::Credentials,
        Class::Partial,
        Class::Quota,
        Class::Locked,
        Class::Interrupted,
    ] {
        let cell = format!("\n| {} | ", class.exit_code());
        assert!(readme.contains(&cell), "README.md does not explain {class:?}");
    }
}

#[test]
fn messages_name_sections_that_exist() {
    assert_eq!(section("make a new one (README, \\\"Sign in\\\")"), Some("Sign in"));
    assert_eq!(section("the README's section \\\"Sign in\\\" shows"), Some("Sign in"));
    let readme = readme();
    let mut named = 0;
    for source in Source::all_below("src") {
        for (line, text) in &source.strings {
            let Some(section) = section(text) else { continue };
            assert!(
                headings(&readme).contains(&section),
                "{}:{line}: the README has no section {section}",
                source.path
            );
            named += 1;
        }
    }
    assert!(named > 0, "no message was read");
}

#[test]
fn links_lead_somewhere() {
    let readme = readme();
    let anchors: Vec<_> =
        headings(&readme).iter().map(|name| format!("#{}", name.to_lowercase().replace(' ', "-"))).collect();
    assert!(targets(&readme).count() > anchors.len(), "the links were not read");
    for target in targets(&readme) {
        let leads = anchors.iter().any(|anchor| anchor == target) || root().join(target).exists();
        assert!(leads, "README.md links to {target}");
    }
    for anchor in &anchors {
        assert!(
            readme.contains(&format!("]({anchor})")) || anchor == "#licence",
            "the README's contents lack {anchor}"
        );
    }
}
