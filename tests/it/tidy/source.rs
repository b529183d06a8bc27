//! Source files as the rules look at them: code without comments and without the insides of strings, the strings by
//! themselves, and where the unit tests begin. Which of it breaks a rule is decided in `rules`.

use std::fs;
use std::path::{Path, PathBuf};

/// One file.
pub(super) struct Source {
    /// Path from the root of the repository, with `/`.
    pub(super) path: String,
    /// The text as it is.
    pub(super) text: String,
    /// The text with comments and strings made blank; lines stay where they are.
    pub(super) code: String,
    /// Every string, without its quotes, and its line.
    pub(super) strings: Vec<(usize, String)>,
    /// First line of the unit tests, which stand at the end of a file.
    tests_from: Option<usize>,
}

impl Source {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let (code, strings) = without_comments_and_strings(&text);
        let tests_from = if is_test_file(&path) { Some(1) } else { first_line_of_tests(&code) };
        Self { path, text, code, strings, tests_from }
    }

    /// Every Rust file below a folder of the repository.
    pub(super) fn all_below(folder: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut paths = Vec::new();
        collect(&root.join(folder), &mut paths);
        paths.sort();
        let source = |path: PathBuf| {
            let name = path.strip_prefix(root).expect("it is below the root").to_string_lossy().replace('\\', "/");
            Self::new(name, fs::read_to_string(&path).expect("a readable file"))
        };
        paths.into_iter().map(source).collect()
    }

    /// Whether the line belongs to tests.
    pub(super) fn is_test(&self, line: usize) -> bool {
        self.tests_from.is_some_and(|first| line >= first)
    }

    /// Whether the file is one of these, or lies below one of them.
    pub(super) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path == *place || (place.ends_with('/') && self.path.starts_with(place)))
    }

    /// Lines of the code in which `words` stand, not as a part of longer words.
    pub(super) fn lines_with(&self, words: &str) -> Vec<usize> {
        let hits = self.code.match_indices(words).filter(|(at, _)| {
            let before = self.code[..*at].chars().next_back();
            let after = self.code[at + words.len()..].chars().next();
            !(words.starts_with(is_word) && before.is_some_and(is_word)
                || words.ends_with(is_word) && after.is_some_and(is_word))
        });
        hits.map(|(at, _)| line_of(&self.code, at)).collect()
    }

    /// Every path that begins with `root::`, groups written out, and its line.
    pub(super) fn paths(&self, root: &str) -> Vec<(usize, String)> {
        let start = format!("{root}::");
        let mut paths = Vec::new();
        for (at, _) in self.code.match_indices(&start) {
            if self.code[..at].ends_with(|before: char| is_word(before) || before == ':') {
                continue;
            }
            let mut found = Vec::new();
            write_out(&self.code[at..], "", &mut found);
            paths.extend(found.into_iter().map(|path| (line_of(&self.code, at), path)));
        }
        paths
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Unit tests that fill a file of their own, and everything below a folder of tests. The look-alike portal stands among
/// the tests too, but is a program.
fn is_test_file(path: &str) -> bool {
    path.strip_suffix(".rs").is_some_and(|stem| stem.ends_with("/tests") || stem.ends_with("_tests"))
        || path.contains("/tests/")
        || path.starts_with("tests/it/")
}

/// The line of the `#[cfg(test)]` above a module with a body.
fn first_line_of_tests(code: &str) -> Option<usize> {
    code.match_indices("#[cfg(test)]").find_map(|(at, attribute)| {
        let rest = code[at + attribute.len()..].trim_start();
        let end = rest.strip_prefix("mod ")?.find(['{', ';'])?;
        rest["mod ".len() + end..].starts_with('{').then(|| line_of(code, at))
    })
}

pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

pub(super) fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Writes out `a::{b, c::d}` as `a::b` and `a::c::d`.
fn write_out(text: &str, prefix: &str, found: &mut Vec<String>) {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        for part in parts(group) {
            write_out(part, prefix, found);
        }
        return;
    }
    let end = text.find(|character| !is_word(character)).unwrap_or(text.len());
    let path = if prefix.is_empty() { text[..end].to_owned() } else { format!("{prefix}::{}", &text[..end]) };
    match text[end..].strip_prefix("::") {
        Some(rest) => write_out(rest, &path, found),
        None => found.push(path),
    }
}

/// The parts of a group, up to its closing brace.
fn parts(group: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                parts.push(group[start..at].trim());
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn without_comments_and_strings(text: &str) -> (String, Vec<(usize, String)>) {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut strings) = (String::with_capacity(text.len()), Vec::new());
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => find(&chars, at, |rest| rest[0] == '\n'),
            ('/', Some('*')) => end_of_comment(&chars, at),
            ('"', _) => end_of_string(&chars, at),
            ('r', Some('"' | '#')) if begins_word(&chars, at) => end_of_raw_string(&chars, at).unwrap_or(at),
            ('\'', Some('\\')) => find(&chars, at + 3, |rest| rest[0] == '\'') + 1,
            ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
            _ => at,
        };
        if end == at {
            code.push(chars[at]);
            line += usize::from(chars[at] == '\n');
            at += 1;
            continue;
        }
        let passed: String = chars[at..end.min(chars.len())].iter().collect();
        if let Some(inside) = inside_quotes(&passed) {
            strings.push((line, inside.to_owned()));
        }
        line += passed.matches('\n').count();
        code.extend(passed.chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    (code, strings)
}

/// What stands in a string, raw or not; none if it is no string.
fn inside_quotes(text: &str) -> Option<&str> {
    let text = text.strip_prefix('r').unwrap_or(text);
    let hashes = text.len() - text.trim_start_matches('#').len();
    text.get(hashes..text.len() - hashes)?.strip_prefix('"')?.strip_suffix('"')
}

/// The first place from `at` on where the rest fits, or the end.
fn find(chars: &[char], at: usize, fits: impl Fn(&[char]) -> bool) -> usize {
    (at..chars.len()).find(|place| fits(&chars[*place..])).unwrap_or(chars.len())
}

fn end_of_comment(chars: &[char], at: usize) -> usize {
    let (mut depth, mut at) = (0, at);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) if depth == 1 => return at + 2,
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn end_of_string(chars: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn end_of_raw_string(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|character| **character == '#').count();
    // `r#type` is a name.
    (chars.get(at + 1 + hashes) == Some(&'"')).then(|| {
        let ends =
            |rest: &[char]| rest[0] == '"' && rest[1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        find(chars, at + 2 + hashes, ends) + 1 + hashes
    })
}

/// Whether no name reaches into this place; the `b` of a byte string is none.
fn begins_word(chars: &[char], at: usize) -> bool {
    let at = if at > 0 && chars[at - 1] == 'b' { at - 1 } else { at };
    at == 0 || !is_word(chars[at - 1])
}

#[test]
fn code_is_told_from_comments_and_strings() {
    let source = Source::new(
        "src/x.rs",
        "//! a::doc\nuse a::{b, c::{d, e}};\nlet s = \"q \\\" a::quoted\"; /* a::x /* */ a::y */\n\
         let r = r#\"raw \"a::r\"\"#; let q = '\"'; let l: &'static str = br\"x\"; a::f();\n\
         #[cfg(test)]\nuse t;\n#[cfg(test)]\nmod tests {\n}\n",
    );
    let paths: Vec<_> = source.paths("a").into_iter().map(|(line, path)| format!("{line} {path}")).collect();
    assert_eq!(paths, ["2 a::b", "2 a::c::d", "2 a::c::e", "4 a::f"]);
    let strings: Vec<_> = source.strings.iter().map(|(line, text)| (*line, text.as_str())).collect();
    assert_eq!(strings, [(3, "q \\\" a::quoted"), (4, "raw \"a::r\""), (4, "x")]);
    assert_eq!(source.code.lines().count(), source.text.lines().count());
    assert_eq!((source.is_test(6), source.is_test(7)), (false, true));
}
