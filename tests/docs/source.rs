//! Finds string literals in the source of the program.

use std::fs;
use std::path::{Path, PathBuf};

/// A string literal: where it begins and ends in the code, and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Literal {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: String,
}

/// All source files below `folder`, without those that are only tests.
pub(crate) fn source_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(Path::new(folder), &mut files);
    assert!(!files.is_empty(), "{folder} has no files");
    files.sort();
    files
}

fn collect(at: &Path, files: &mut Vec<PathBuf>) {
    if at.is_file() {
        files.push(at.to_owned());
        return;
    }
    for entry in fs::read_dir(at).unwrap().flatten() {
        let path = entry.path();
        let is_tests = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !is_tests {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_tests {
            files.push(path);
        }
    }
}

/// The code of a file before its tests.
pub(crate) fn code_of(file: &Path) -> String {
    let mut code = fs::read_to_string(file).unwrap();
    if let Some(at) = code.find("\n#[cfg(test)]\nmod ") {
        code.truncate(at);
    }
    code
}

/// The string literals of `code`.
pub(crate) fn literals(code: &str) -> Vec<Literal> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let rest = &code[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some(literal) = raw_string(code, at) {
            at = literal.end;
            found.push(literal);
        } else if rest.starts_with('"') {
            let literal = string(code, at);
            at = literal.end;
            found.push(literal);
        } else if rest.starts_with('\'') {
            at += char_len(rest);
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    found
}

/// The length of a character literal or of the quote of a lifetime.
fn char_len(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[2..].find('\'').map_or(1, |end| {
            // '\'' ends one later.
            if rest[2..].starts_with('\'') { 4 } else { end + 3 }
        }),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

fn raw_string(code: &str, start: usize) -> Option<Literal> {
    let rest = code[start..].strip_prefix('r')?;
    let before = code[..start].chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let marks = rest.len() - rest.trim_start_matches('#').len();
    let body = rest[marks..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(marks));
    let length = body.find(&close)?;
    let end = start + 1 + marks + 1 + length + close.len();
    Some(Literal { start, end, text: body[..length].to_owned() })
}

fn string(code: &str, start: usize) -> Literal {
    let mut text = String::new();
    let mut chars = code[start + 1..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Literal { start, end: start + 1 + at + 1, text },
            '\\' => match chars.next() {
                Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, 'n')) => text.push('\n'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, c)) => text.push(c),
                None => {}
            },
            c => text.push(c),
        }
    }
    panic!("a string does not end: {}", &code[start..]);
}

/// For each place where `opening`, which ends with a parenthesis, stands in `code`: the literals inside, not in
/// further parentheses.
pub(crate) fn literals_in_calls(code: &str, opening: &str) -> Vec<Vec<Literal>> {
    let all = literals(code);
    let mut calls = Vec::new();
    for (at, _) in code.match_indices(opening) {
        let inside = all.iter().any(|it| it.start < at && at < it.end);
        if inside
            || code[..at]
                .lines()
                .next_back()
                .is_some_and(|line| line.trim_start().starts_with("//"))
        {
            continue;
        }
        let mut depth = 0_usize;
        let mut position = at + opening.len() - 1;
        let mut call = Vec::new();
        loop {
            if let Some(literal) = all.iter().find(|it| it.start == position) {
                if depth == 1 {
                    call.push(literal.clone());
                }
                position = literal.end;
                continue;
            }
            match code[position..].chars().next().unwrap() {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            position += code[position..].chars().next().unwrap().len_utf8();
            if depth == 0 {
                break;
            }
        }
        calls.push(call);
    }
    calls
}

/// Whether a literal is what the code looks for in other texts, and no text of its own: it stands in a list, or is
/// an argument of `contains` and the like.
pub(crate) fn is_searched_for(code: &str, literal: &Literal) -> bool {
    const CALLS: &[&str] =
        &["contains(", "starts_with(", "strip_prefix(", "find(", "split(", "is("];
    let before = code[..literal.start].trim_end();
    if CALLS.iter().any(|call| before.ends_with(call)) {
        return true;
    }
    // The innermost bracket that is still open.
    let all = literals(&code[..literal.start]);
    let mut depth = 0_usize;
    let mut at = literal.start;
    while at > 0 {
        at -= code[..at].chars().next_back().unwrap().len_utf8();
        if let Some(other) = all.iter().find(|it| it.start <= at && at < it.end) {
            at = other.start;
            continue;
        }
        match code.get(at..=at).unwrap_or_default() {
            ")" | "]" | "}" => depth += 1,
            "(" | "[" | "{" if depth > 0 => depth -= 1,
            // `vec![…]` makes texts, `[…]` lists what to look for.
            "[" => return !code[..at].ends_with('!'),
            "(" | "{" => return false,
            _ => {}
        }
    }
    false
}
