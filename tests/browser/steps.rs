//! What people do on the bridge's own pages, and what each of them must be like.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::json;

use crate::browser::Browser;
use crate::contrast::LOWEST_CONTRAST;

impl Browser {
    /// Waits until the page with this heading is shown.
    pub(crate) async fn reads(&mut self, heading: &str) {
        self.shows(&format!("document.querySelector('h1')?.textContent === {heading:?}")).await;
    }

    /// Waits until the expression is true, on whichever page is opened meanwhile.
    pub(crate) async fn shows(&mut self, expression: &str) {
        self.until_on_some_page(expression).await;
    }

    pub(crate) async fn fill(&mut self, field: &str, text: &str) {
        self.value(&format!("document.getElementById({field:?}).value = ''")).await;
        self.value(&format!("document.getElementById({field:?}).focus()")).await;
        self.type_text(text).await;
    }

    pub(crate) async fn text(&mut self, selector: &str) -> String {
        let text = format!("document.querySelector({selector:?})?.innerText ?? ''");
        self.value(&text).await.as_str().unwrap().to_owned()
    }

    /// The page fits the window, and each text is legible.
    pub(crate) async fn is_legible(&mut self, page: &str) {
        let wide = self.value("document.documentElement.scrollWidth - innerWidth").await;
        assert!(wide.as_i64().unwrap() <= 0, "{page}: {wide} pixels too wide");
        let contrast = self.value(LOWEST_CONTRAST).await;
        assert!(contrast[0].as_f64().unwrap() >= 4.5, "{page}: contrast {contrast}");
    }

    /// Takes a picture of the whole page, if somebody wants one.
    pub(crate) async fn picture(&mut self, name: &str) {
        if let Some(folder) = std::env::var_os("LETSBRIDGE_SCREENSHOTS") {
            let whole = json!({"format": "png", "captureBeyondViewport": true});
            let picture = self.ask("Page.captureScreenshot", whole).await;
            let picture = BASE64.decode(picture["data"].as_str().unwrap().as_bytes()).unwrap();
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }
}
