//! The status page: `GET /`, and its files below `/page/`. All that it shows comes by the API.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use maud::html;

use super::gate::Access;
use super::state::SharedState;

/// What the page may do: use its own files and this API, and nothing else. No text can become markup, even by a mistake:
/// the browser refuses it.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const PAGE: &str = include_str!("index.html");
/// What stands in the page for the token that its requests must carry.
const TOKEN: &str = "{csrf}";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files of the page: each with its name, its content type and its content.
const FILES: &[(&str, &str, &str)] = &[
    ("style.css", CSS, include_str!("style.css")),
    ("app.js", SCRIPT, include_str!("app.js")),
    ("api.js", SCRIPT, include_str!("api.js")),
    ("charts.js", SCRIPT, include_str!("charts.js")),
    ("dom.js", SCRIPT, include_str!("dom.js")),
    ("links.js", SCRIPT, include_str!("links.js")),
    ("model.js", SCRIPT, include_str!("model.js")),
    ("overview.js", SCRIPT, include_str!("overview.js")),
    ("queue.js", SCRIPT, include_str!("queue.js")),
    ("side.js", SCRIPT, include_str!("side.js")),
];

/// The routes of the page.
pub(super) fn routes() -> Router<SharedState> {
    Router::new().route("/", get(page)).route("/page/{file}", get(file))
}

async fn page(access: Option<Extension<Access>>) -> Response {
    let access = access.as_ref().map(|Extension(access)| access);
    let token = access.and_then(Access::csrf_token).unwrap_or_default();
    answer(HTML, PAGE.replacen(TOKEN, &html! { (token) }.into_string(), 1))
}

async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, content)) => answer(kind, (*content).to_owned()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer(kind: &'static str, content: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_names_its_files_and_no_others() {
        let named = |content: &str, quote: char, folder: &str| {
            let pieces = content.split(quote).filter_map(|it| it.strip_prefix(folder));
            pieces
                .filter(|it| it.ends_with(".js") || it.ends_with(".css"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let mut all = named(PAGE, '"', "page/");
        for (_, _, content) in FILES {
            all.extend(named(content, '\'', "./"));
        }
        all.sort();
        all.dedup();
        let mut files: Vec<&str> = FILES.iter().map(|(name, ..)| *name).collect();
        files.sort_unstable();
        assert_eq!(all, files);
        assert_eq!(PAGE.matches(TOKEN).count(), 1);
    }

    #[test]
    fn scripts_make_no_markup_and_load_nothing_from_elsewhere() {
        for (name, _, content) in FILES.iter().chain(&[("index.html", HTML, PAGE)]) {
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "https://",
                "//cdn",
            ] {
                assert!(!content.contains(word), "{name}: {word}");
            }
        }
        assert!(!CSP.contains("unsafe") && !CSP.contains('*'));
    }
}
