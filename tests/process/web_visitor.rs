//! A browser, as far as tests of the bridge's own pages need one: it keeps the cookie, and the proof of the last form.

use std::fmt::Display;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode, redirect};

use crate::program::soon;

/// The `public_url` of the pages, and the origin of their forms.
pub(crate) const PUBLIC: &str = "http://bridge.example/irc/";
pub(crate) const ORIGIN: &str = "http://bridge.example";

/// Somebody at a web server of the bridge.
pub(crate) struct WebVisitor {
    site: String,
    client: Client,
    pub(crate) cookie: Option<String>,
    pub(crate) proof: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl WebVisitor {
    pub(crate) fn at(address: impl Display) -> Self {
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none());
        let client = client.build().unwrap();
        Self { site: format!("http://{address}"), client, cookie: None, proof: String::new() }
    }

    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Shown {
        let mut request = self.client.request(method, format!("{}/{path}", self.site)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let answer = soon(path, request.send()).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        if let Some(cookie) = headers.get("set-cookie") {
            self.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        let text = answer.text().await.unwrap();
        if let Some((_, rest)) = text.split_once("name=\"proof\" value=\"") {
            self.proof = rest.split('"').next().unwrap().to_owned();
        }
        Shown { status, headers, text }
    }
}
