//! Parts that all man pages share.

use clap_mangen::roff::{Inline, Roff, bold, roman};

/// The title of the manual, in the middle of a page's first line.
pub(super) const MANUAL: &str = "letsbridge manual";

/// The name of the page about the configuration.
pub(super) const CONFIG_PAGE: &str = "bridge.toml";

/// Lines that stay as they are, indented.
pub(super) fn literal<'a>(page: &mut Roff, lines: impl Iterator<Item = &'a str>) {
    page.control("PP", []);
    page.control("RS", ["4"]);
    page.control("nf", []);
    for line in lines {
        page.text([roman(line)]);
    }
    page.control("fi", []);
    page.control("RE", []);
}

/// "a(1), b(5)" with bold names.
pub(super) fn references(pages: &[String]) -> Vec<Inline> {
    let mut line = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let (name, section) = page.split_once('(').unwrap_or((page, ""));
        let comma = if number + 1 < pages.len() { ", " } else { "" };
        line.push(bold(name));
        line.push(roman(format!("({section}{comma}")));
    }
    line
}
