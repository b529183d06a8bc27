//! What the program stands on: every dependency is used, and may be given away with it. Known vulnerabilities need a list
//! from the network, which no test asks for.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::source::Source;

/// Licences under which a part may be given away with a program under MIT or Apache-2.0, by their SPDX names.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether one of the alternatives of an expression is allowed as a whole.
fn is_allowed(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain.split(" OR ").any(|all| all.split(" AND ").all(|one| ALLOWED.contains(&one.trim())))
}

fn metadata() -> Value {
    // Only what is built here has been fetched.
    let rustc = said("rustc", &["-vV"]);
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc tells its host");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let asked = ["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host];
    serde_json::from_str(&said(&cargo, &asked)).expect("JSON")
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn every_part_may_be_given_away() {
    assert!(is_allowed("MIT OR GPL-3.0-only") && is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(!is_allowed("GPL-3.0-only") && !is_allowed("MIT AND GPL-3.0-only") && !is_allowed(""));
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "the dependencies were not read");
    let refused: Vec<_> = packages
        .iter()
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or_default()))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn every_dependency_is_used() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    for (package, folders) in [
        ("deskhouse", &["src", "tests/it", "tests/bench", "tests/simulation"][..]),
        ("desk-sandbox", &["tests/sandbox"]),
    ] {
        let text: String =
            folders.iter().flat_map(|folder| Source::all_below(folder)).map(|source| source.text).collect();
        let package = packages.iter().find(|held| held["name"] == package).expect("it is in the workspace");
        let named = package["dependencies"].as_array().expect("dependencies").iter();
        let named: BTreeSet<String> =
            named.map(|one| one["name"].as_str().expect("a name").replace('-', "_")).collect();
        let is_used = |name: &str| text.contains(&format!("{name}::")) || text.contains(&format!("use {name};"));
        let unused: Vec<_> = named.iter().filter(|name| !is_used(name)).collect();
        assert!(named.len() > 5 && unused.is_empty(), "{unused:?}");
    }
}
