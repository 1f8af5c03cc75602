//! Which commit a release was built from, for `letsbridge --version`.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LETSBRIDGE_COMMIT");
    println!("cargo::rustc-env=LETSBRIDGE_BUILT_FROM={}", built_from());
}

/// What a packager says, or else git, or else that nobody knows.
fn built_from() -> String {
    if let Some(said) = env::var("LETSBRIDGE_COMMIT").ok().filter(|said| !said.trim().is_empty()) {
        return said.trim().to_owned();
    }
    // A debug build would be made anew with each commit, for a line that nobody reads.
    if env::var("PROFILE").as_deref() != Ok("release") {
        return "unknown (a debug build)".to_owned();
    }
    commit().unwrap_or_else(|| "unknown (built without git)".to_owned())
}

fn commit() -> Option<String> {
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let here = env::var("CARGO_MANIFEST_DIR").ok()?;
    // Sources in somebody else's repository, as packagers unpack them, are none of its commits.
    if Path::new(&top).canonicalize().ok()? != Path::new(&here).canonicalize().ok()? {
        return None;
    }
    for file in ["HEAD", "logs/HEAD", "index"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rerun-if-changed=src");
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let day = git(&["show", "-s", "--format=%cs", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let changed = if changed.is_empty() { "" } else { ", with changes" };
    Some(format!("{commit} of {day}{changed}"))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
