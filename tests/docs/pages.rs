//! The pages of the documentation, split into prose and blocks of code.

use std::fs;
use std::path::{Path, PathBuf};

/// A page.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// The lines outside of blocks of code.
    pub(crate) prose: Vec<String>,
    pub(crate) blocks: Vec<Block>,
}

/// A block of code, fenced or indented.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// What stands behind the fence; empty if it is indented.
    pub(crate) language: String,
    pub(crate) lines: Vec<String>,
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let mut page = Self { path: path.to_owned(), text, prose: Vec::new(), blocks: Vec::new() };
        let lines: Vec<String> = page.text.lines().map(str::to_owned).collect();
        let mut rest = lines.as_slice();
        let mut after_empty = true;
        while let Some((line, others)) = rest.split_first() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                let indent = line.len() - line.trim_start().len();
                let end = others.iter().position(|it| it.trim() == "```").expect("the fence ends");
                let inside =
                    others[..end].iter().map(|it| it.get(indent..).unwrap_or("").to_owned());
                page.blocks.push(Block { language: language.to_owned(), lines: inside.collect() });
                rest = &others[end + 1..];
                after_empty = true;
            } else if after_empty && line.starts_with("    ") && !line.trim().is_empty() {
                let end = rest.iter().position(|it| !it.starts_with("    ") && !it.is_empty());
                let (inside, others) = rest.split_at(end.unwrap_or(rest.len()));
                let inside =
                    inside.iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
                page.blocks.push(Block { language: String::new(), lines: inside.collect() });
                rest = others;
            } else {
                after_empty = line.trim().is_empty();
                page.prose.push(line.clone());
                rest = others;
            }
        }
        page
    }

    /// The texts between single backticks in the prose.
    pub(crate) fn code_spans(&self) -> Vec<String> {
        let prose = self.prose.join("\n").replace("``", "");
        prose.split('`').skip(1).step_by(2).map(|it| it.replace('\n', " ")).collect()
    }

    /// The anchors of the headings, as GitHub makes them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let heading = |line: &String| {
            let title = line.trim_start_matches('#');
            (title.len() < line.len() && title.starts_with(' ')).then(|| anchor(title))
        };
        self.prose.iter().filter_map(heading).collect()
    }
}

fn anchor(title: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    title.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// All pages for people: those beside README.md, and the guide.
pub(crate) fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
        .iter()
        .map(PathBuf::from)
        .collect();
    paths.extend(guide());
    paths.iter().map(|path| Page::read(path)).collect()
}

/// The files of the guide.
pub(crate) fn guide() -> Vec<PathBuf> {
    let files = fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|it| it == "md")).collect();
    files.sort();
    files
}
