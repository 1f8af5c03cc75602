//! The map in `src/lib.rs` and the rules of the house, as far as the text of the source shows them.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer, the layers that it may use, and what of the world it may say.
const LAYERS: &[Layer] = &[
    Layer { name: "domain", uses: &[], world: &[] },
    Layer { name: "config", uses: &["domain", "translate"], world: &["std::fs"] },
    Layer { name: "translate", uses: &["domain"], world: &[] },
    Layer { name: "protocol", uses: &["domain"], world: &[] },
    Layer {
        name: "store",
        uses: &["domain"],
        world: &["tokio", "std::fs", "std::thread", "Instant::now", "Timestamp::now", "async fn"],
    },
    Layer {
        name: "migrate",
        uses: &["domain", "translate", "protocol", "store"],
        world: &["std::fs"],
    },
    Layer { name: "bridge", uses: &["domain", "translate", "protocol", "store"], world: &[] },
    Layer { name: "net", uses: &["domain", "config", "protocol"], world: WORLD },
    Layer {
        name: "service",
        uses: &["domain", "config", "translate", "protocol", "store", "migrate", "bridge", "net"],
        world: WORLD,
    },
    Layer { name: "web", uses: &["domain", "config", "translate", "store", "net"], world: WORLD },
    Layer {
        name: "admin",
        uses: &["domain", "config", "protocol", "store", "bridge", "net", "service", "web"],
        world: WORLD,
    },
    Layer {
        name: "cli",
        uses: &[
            "domain", "config", "protocol", "store", "migrate", "bridge", "net", "service", "web",
            "admin",
        ],
        world: WORLD,
    },
];

/// What only a layer that touches the world may say.
const WORLD: &[&str] = &[
    "tokio",
    "reqwest",
    "std::net",
    "std::fs",
    "std::thread",
    "std::env",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "async fn",
];

/// What only one layer knows.
const SECRETS: &[(&str, &str)] = &[
    ("rusqlite", "store"),
    ("tokio_postgres", "store"),
    ("tokio_tungstenite", "net"),
    ("tokio_rustls", "net"),
    ("irc::proto", "protocol"),
    ("clap", "cli"),
    ("letsbridge_testkit", "cli"),
];

struct Layer {
    name: &'static str,
    uses: &'static [&'static str],
    world: &'static [&'static str],
}

#[test]
fn each_layer_uses_only_those_below_it() {
    for layer in LAYERS {
        for (file, line) in code(layer.name) {
            assert!(
                !line.contains("crate::{"),
                "{}: name one layer a line, so that it can be seen:\n{line}",
                file.display(),
            );
            for other in LAYERS.iter().filter(|other| other.name != layer.name) {
                assert!(
                    !says(&line, &format!("crate::{}", other.name))
                        || layer.uses.contains(&other.name),
                    "{} belongs to {}, which may not use {}:\n{line}",
                    file.display(),
                    layer.name,
                    other.name,
                );
            }
        }
    }
}

#[test]
fn only_some_layers_touch_the_world() {
    for layer in LAYERS {
        for (file, line) in code(layer.name) {
            for word in WORLD.iter().filter(|word| !layer.world.contains(word)) {
                assert!(
                    !says(&line, word),
                    "{} belongs to {}, which may not say {word}:\n{line}",
                    file.display(),
                    layer.name,
                );
            }
        }
    }
}

#[test]
fn what_one_layer_knows_no_other_does() {
    for layer in LAYERS {
        for (word, knower) in SECRETS.iter().filter(|(_, knower)| *knower != layer.name) {
            for (file, line) in code(layer.name) {
                assert!(
                    !says(&line, word),
                    "{}: only {knower} knows of {word}:\n{line}",
                    file.display(),
                );
            }
        }
    }
}

#[test]
fn the_domain_is_not_written_to_any_wire() {
    for (file, line) in code("domain") {
        assert!(!says(&line, "Serialize") && !says(&line, "Deserialize"), "{}", file.display());
    }
}

#[test]
fn every_folder_is_a_layer() {
    let folders = fs::read_dir("src").unwrap().flatten().filter(|entry| entry.path().is_dir());
    for folder in folders.map(|entry| entry.file_name()) {
        assert!(LAYERS.iter().any(|layer| layer.name == folder), "{folder:?} is not on the map");
    }
}

/// Folders whose subfolders hold parts of one type, and may import each other.
const PARTS_OF_ONE_TYPE: &[&str] = &["src/protocol/irc"];

#[test]
fn no_files_of_one_folder_import_each_other_in_a_circle() {
    let files = files_below("src");
    let folders: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    // The layers are held to a stricter rule.
    for folder in folders.into_iter().filter(|folder| *folder != Path::new("src")) {
        let imports = imports_within(folder, &files);
        for member in imports.keys() {
            if let Some(circle) = find_circle(member, &imports) {
                panic!("{}: {} import each other", folder.display(), circle.join(" → "));
            }
        }
    }
}

#[test]
fn a_question_changes_nothing() {
    for file in files_below("src") {
        let code = code_of(&file);
        for (at, _) in code.match_indices("fn ") {
            let signature = &code[at + "fn ".len()..];
            let signature = &signature[..signature.find(['{', ';']).unwrap_or(signature.len())];
            let parameters = signature.split("->").next().unwrap_or_default();
            let asks = ["is_", "has_", "may_"].iter().any(|start| signature.starts_with(start));
            assert!(
                !asks || !parameters.contains("&mut "),
                "{}: this is named like a question, and may change something:\n{signature}",
                file.display(),
            );
        }
    }
}

#[test]
fn no_two_types_have_one_name() {
    let mut types: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in files_below("src") {
        for name in code_of(&file).lines().filter_map(defined_type) {
            if let Some(other) = types.insert(name.to_owned(), file.clone()) {
                panic!("{name} is defined in {} and in {}", other.display(), file.display());
            }
        }
    }
    assert!(types.len() > 100, "only {} types were found", types.len());
}

#[test]
fn the_bridge_is_implemented_in_one_block() {
    let blocks = |file: &PathBuf| code_of(file).matches("\nimpl Bridge {").count();
    let files: Vec<PathBuf> =
        files_below("src").into_iter().filter(|file| blocks(file) > 0).collect();
    assert_eq!(files, [PathBuf::from("src/bridge/mod.rs")]);
    assert_eq!(blocks(&files[0]), 1);
}

/// The folders of the bridge that hold state and never act, and what they may not know: the context of a turn.
const PASSIVE: &[&str] = &["src/bridge/endpoints", "src/bridge/senders"];

#[test]
fn what_the_bridge_knows_does_not_act() {
    for folder in PASSIVE {
        for file in files_below(folder) {
            let code = code_of(&file);
            let acts = ["Ctx", "Command", "Step"].into_iter().find(|word| says(&code, word));
            assert_eq!(acts, None, "{} only holds state", file.display());
        }
    }
}

#[test]
fn each_file_begins_with_what_it_is_for() {
    let files = files_below("src");
    let bare = |file: &&PathBuf| !fs::read_to_string(file).unwrap().starts_with("//! ");
    let bare: Vec<_> = files.iter().filter(bare).map(|file| file.display()).collect();
    assert!(bare.is_empty(), "these files begin with no `//!` line: {bare:?}");
}

/// Functions over [`MAX_FUNCTION_LINES`], each with the reason.
const LONG_FUNCTIONS: &[(&str, &str)] = &[
    ("src/bridge/irc/mod.rs on_event", "dispatches every event of IRC"),
    ("src/protocol/irc/session/handlers.rs on_line", "dispatches every command of IRC"),
    ("src/protocol/irc/session/numerics.rs on_numeric", "dispatches every numeric of IRC"),
];

/// How long a file may be before its tests.
const MAX_FILE_LINES: usize = 400;

/// How long a function may be, from its signature to its closing brace.
const MAX_FUNCTION_LINES: usize = 60;

#[test]
fn no_file_is_longer_than_fits_in_a_head() {
    for file in files_below("src") {
        let lines = lines_before_tests(&file).len();
        assert!(lines <= MAX_FILE_LINES, "{}: {lines} lines before its tests", file.display());
    }
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut long = BTreeSet::new();
    for file in files_below("src") {
        for (name, lines) in functions(&lines_before_tests(&file)) {
            if lines > MAX_FUNCTION_LINES {
                let name = format!("{} {name}", file.display());
                let is_allowed = LONG_FUNCTIONS.iter().any(|(allowed, _)| *allowed == name);
                assert!(is_allowed, "{name}: {lines} lines");
                long.insert(name);
            }
        }
    }
    for (name, _) in LONG_FUNCTIONS {
        assert!(long.contains(*name), "{name} is short now: remove it from the list");
    }
}

fn lines_before_tests(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().take_while(|line| *line != "#[cfg(test)]").map(str::to_owned).collect()
}

/// The functions with a body, and the lines of each. rustfmt puts the closing brace below the signature.
fn functions(lines: &[String]) -> Vec<(String, usize)> {
    let mut functions = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some(name) = function_name(code) else { continue };
        let indent = &line[..line.len() - code.len()];
        let ends = |line: &String| {
            let code = line.strip_prefix(indent).filter(|code| !code.starts_with(' '));
            code.is_some_and(|code| code.ends_with(['}', ';']))
        };
        let length = lines[first..].iter().position(ends);
        functions.push((name.to_owned(), length.unwrap_or(0) + 1));
    }
    assert!(functions.iter().all(|(name, _)| !name.is_empty()));
    functions
}

/// The name of the function whose signature begins in this line.
fn function_name(code: &str) -> Option<&str> {
    let at = code.find("fn ").filter(|at| code[..*at].chars().all(|c| c != '/' && c != '"'))?;
    let modifiers = ["pub", "const", "async", "unsafe", "fn"];
    let is_signature = modifiers.iter().any(|word| code.starts_with(word));
    let name = code[at + "fn ".len()..].split(|c: char| !is_identifier(c)).next()?;
    (is_signature && !name.is_empty()).then_some(name)
}

/// The type that a line of a file's outermost level defines.
fn defined_type(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(')')?.1,
        Some(rest) => rest,
        None => line,
    };
    let (keyword, rest) = line.strip_prefix(' ').unwrap_or(line).split_once(' ')?;
    ["struct", "enum", "union", "trait", "type"]
        .contains(&keyword)
        .then(|| rest.split(|c: char| !is_identifier(c)).next().unwrap_or_default())
}

/// The files and folders in `folder`, and which others of them each imports. Its `mod.rs` stands above
/// them and is none of them.
fn imports_within(folder: &Path, files: &[PathBuf]) -> BTreeMap<String, BTreeSet<String>> {
    let parent = module_of(&folder.join("mod.rs"));
    let exempt = PARTS_OF_ONE_TYPE.iter().any(|it| folder == Path::new(it));
    let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.starts_with(folder)) {
        let module = module_of(file);
        let Some(member) = module.get(parent.len()) else { continue };
        let is_folder = file.parent() != Some(folder);
        if is_folder && exempt {
            continue;
        }
        let imported = members.entry(member.clone()).or_default();
        for path in paths(&code_of(file)) {
            let path = absolute(&path, &module);
            if path.starts_with(&parent)
                && let Some(other) = path.get(parent.len())
                && other != member
            {
                imported.insert(other.clone());
            }
        }
    }
    let names: BTreeSet<String> = members.keys().cloned().collect();
    for imported in members.values_mut() {
        imported.retain(|name| names.contains(name));
    }
    members
}

/// The way from `start` along the imports back to it, if there is one.
fn find_circle(start: &str, imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![start.to_owned()]];
    while let Some(way) = ways.pop() {
        for next in &imports[way.last()?] {
            let longer = [&way[..], std::slice::from_ref(next)].concat();
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push(longer);
            }
        }
    }
    None
}

/// A file's module: `src/net/tls/verify.rs` is `net`, `tls`, `verify`.
fn module_of(file: &Path) -> Vec<String> {
    let path = file.strip_prefix("src").unwrap().with_extension("");
    let names = path.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| name != "mod").collect()
}

/// A path that `module` writes, from the root of the crate.
fn absolute(path: &str, module: &[String]) -> Vec<String> {
    let mut from = module.to_vec();
    for (at, name) in path.split("::").enumerate() {
        match name {
            "crate" if at == 0 => from.clear(),
            "self" => {}
            "super" => drop(from.pop()),
            name => from.push(name.to_owned()),
        }
    }
    from
}

/// The paths in `code` that begin at `crate`, `self` or `super`; those in braces are written out.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for root in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|c| is_identifier(c) || c == ':') {
                write_out(&code[at..], "", &mut found);
            }
        }
    }
    found
}

/// Writes out the path, or the paths in braces, at the beginning of `code`. Returns what follows.
fn write_out<'c>(code: &'c str, before: &str, found: &mut Vec<String>) -> &'c str {
    let (path, mut rest) =
        code.split_at(code.find(|c| !is_identifier(c) && c != ':').unwrap_or(code.len()));
    let path = format!("{before}{path}");
    if !path.ends_with("::") || !rest.starts_with('{') {
        found.push(path);
        return rest;
    }
    while !rest.starts_with('}') && !rest.is_empty() {
        rest = write_out(rest[1..].trim_start(), &path, found);
        rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
    }
    rest.get(1..).unwrap_or_default()
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `line` has `word`, not as a part of another.
fn says(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(is_identifier);
    line.match_indices(word).any(|(at, _)| {
        !part(line[..at].chars().next_back()) && !part(line[at + word.len()..].chars().next())
    })
}

/// The lines of a layer that are neither comments nor tests.
fn code(layer: &str) -> Vec<(PathBuf, String)> {
    let lines = |file: PathBuf| {
        let lines = code_of(&file);
        lines.lines().map(|line| (file.clone(), line.to_owned())).collect::<Vec<_>>()
    };
    files_below(&format!("src/{layer}")).into_iter().flat_map(lines).collect()
}

/// What of a file is neither comments nor tests.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let words = line.trim_start();
        if words == "#[cfg(test)]" {
            // What it stands before ends where its indentation comes again.
            let indent = &line[..line.len() - words.len()];
            let ends = |line: &str| {
                line.strip_prefix(indent).is_some_and(|it| !it.starts_with(' '))
                    && line.ends_with(['}', ';', ','])
            };
            lines.find(|line| ends(line));
        } else if !words.starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

/// The files of a folder and the folders in it, without those that are only tests.
fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(Path::new(folder), &mut files);
    assert!(!files.is_empty(), "{folder} is on the map but has no files");
    files.sort();
    files
}

fn collect(at: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).unwrap().flatten() {
        let path = entry.path();
        // Tests too long for the file that they test stand beside it.
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
