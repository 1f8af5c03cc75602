//! The links of the documentation lead somewhere, and every page of the guide is linked.

use std::path::{Component, Path, PathBuf};

use crate::pages::{Page, guide, pages};

#[test]
fn links_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    let mut count = 0;
    for page in pages() {
        for target in targets(&page) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = match file {
                "" => page.path.clone(),
                file => resolve(page.path.parent().unwrap(), file),
            };
            let has_anchor = || Page::read(&path).anchors().iter().any(|it| it == anchor);
            if !path.exists() || (!anchor.is_empty() && !has_anchor()) {
                broken.push(format!("{}: {target}", page.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
    assert!(count > 50, "only {count} links were found");
}

#[test]
fn the_readme_links_every_page_of_the_guide() {
    let readme = Page::read(Path::new("README.md"));
    let linked = targets(&readme);
    for page in guide() {
        let path = page.display().to_string();
        assert!(linked.contains(&path), "README.md does not link {path}");
    }
}

#[test]
fn the_readme_is_short() {
    let words = Page::read(Path::new("README.md")).text.split_whitespace().count();
    assert!(words <= 700, "README.md has {words} words; 700 are allowed");
}

/// What the links and pictures of a page name.
fn targets(page: &Page) -> Vec<String> {
    let prose = page.prose.join("\n");
    let mut targets = Vec::new();
    for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"'), ("href=\"", '"')] {
        for (at, _) in prose.match_indices(opening) {
            let target = &prose[at + opening.len()..];
            targets.push(target[..target.find(closing).expect("the link ends")].to_owned());
        }
    }
    targets
}

/// `file` as seen from `folder`, without `..`.
fn resolve(folder: &Path, file: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for component in folder.join(file).components() {
        match component {
            Component::ParentDir => drop(path.pop()),
            other => path.push(other),
        }
    }
    path
}
