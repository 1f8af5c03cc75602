//! What a form of the page sends, and whether it was sent from our page by the browser that has it.

use std::time::Duration;

use axum::body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use tokio::time;
use url::form_urlencoded;

use super::browser_key::BrowserKey;
use super::site::LinkSite;
use crate::domain::Secret;

/// The field of the proof that a form was on our page.
pub(in crate::web) const PROOF_FIELD: &str = "proof";

/// Maximum length of a form, in bytes.
const MAX_LEN_FORM: usize = 8 * 1024;

/// Maximum number of fields.
const MAX_FIELDS: usize = 16;

/// How long a form may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// Makes the proofs in the forms. It lasts as long as the program.
#[derive(Debug)]
pub(in crate::web) struct FormKey(SecretBox<[u8; 32]>);

/// The fields of a form, which may be passwords.
pub(in crate::web) struct PostedForm {
    fields: Vec<(String, String)>,
}

/// Why a form is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum FormRefusal {
    /// The browser has sent no cookie.
    NoCookie,
    /// It was sent from the page of another site.
    Foreign,
    /// It has no proof that it was on our page, or a wrong one.
    WrongProof,
    /// It is not a form.
    NotForm,
    /// It is too long.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
}

impl FormKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(in crate::web) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Box::new([0; 32]);
        getrandom::fill(&mut *bytes)?;
        Ok(Self(SecretBox::new(bytes)))
    }

    /// The proof for the forms of the page with this code in this browser.
    pub(in crate::web) fn proof(&self, code: &str, browser: &BrowserKey) -> String {
        BASE64URL_NOPAD.encode(&self.mac(code, browser).finalize().into_bytes())
    }

    /// Whether a proof is right. It takes as long for any wrong one.
    fn verify(&self, proof: &str, code: &str, browser: &BrowserKey) -> bool {
        let proof = BASE64URL_NOPAD.decode(proof.as_bytes()).unwrap_or_default();
        self.mac(code, browser).verify_slice(&proof).is_ok()
    }

    fn mac(&self, code: &str, browser: &BrowserKey) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret());
        let mut mac = mac.expect("HMAC accepts keys of any length");
        // Neither contains a NUL.
        mac.update(code.as_bytes());
        mac.update(&[0]);
        mac.update(browser.as_str().as_bytes());
        mac
    }
}

impl PostedForm {
    /// A field without space around; empty if it is missing.
    pub(in crate::web) fn text(&self, name: &str) -> &str {
        self.field(name).trim()
    }

    /// A field as it was typed; empty if it is missing.
    pub(in crate::web) fn secret(&self, name: &str) -> Secret {
        Secret::new(self.field(name))
    }

    fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// Reads a form of the page with this code, and who sent it.
pub(in crate::web) async fn read(
    request: Request,
    site: &LinkSite,
    key: &FormKey,
    code: &str,
) -> Result<(BrowserKey, PostedForm), FormRefusal> {
    let headers = request.headers();
    let browser = BrowserKey::from_headers(headers, site).ok_or(FormRefusal::NoCookie)?;
    check_origin(headers, site)?;
    check_kind(headers)?;
    let body = body::to_bytes(request.into_body(), MAX_LEN_FORM);
    let body = time::timeout(BODY_TIMEOUT, body).await.map_err(|_| FormRefusal::TooSlow)?;
    // A connection that was lost meanwhile is answered in vain.
    let body = body.map_err(|_| FormRefusal::TooLarge)?;
    let fields = form_urlencoded::parse(&body).into_owned().take(MAX_FIELDS).collect();
    let form = PostedForm { fields };
    match key.verify(form.text(PROOF_FIELD), code, &browser) {
        true => Ok((browser, form)),
        false => Err(FormRefusal::WrongProof),
    }
}

/// Refuses forms of other sites. Old browsers do not say where a form was; `none` is a form that is sent again by
/// loading the page again.
fn check_origin(headers: &HeaderMap, site: &LinkSite) -> Result<(), FormRefusal> {
    let is_one_of = |name: HeaderName, right: &[&str]| {
        let mut values = headers.get_all(name).iter();
        values.all(|value| right.iter().any(|right| value.as_bytes() == right.as_bytes()))
    };
    match is_one_of(header::ORIGIN, &[site.origin()])
        && is_one_of(HeaderName::from_static("sec-fetch-site"), &["same-origin", "none"])
    {
        true => Ok(()),
        false => Err(FormRefusal::Foreign),
    }
}

fn check_kind(headers: &HeaderMap) -> Result<(), FormRefusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(FormRefusal::NotForm);
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse::<usize>().ok()) {
        Some(length) if length > MAX_LEN_FORM => Err(FormRefusal::TooLarge),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::body::Body;

    use super::*;

    const CODE: &str = "AZaz09-_AZaz09-_AZaz09";
    const COOKIE: &str = "letsbridge-link=AZaz09-_AZaz09-_AZaz09-_AZaz09-_";
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    async fn ask(key: &FormKey, headers: &[(&str, &str)], body: String) -> Result<(), FormRefusal> {
        let site = LinkSite::new(&"http://b.example/irc/".parse().unwrap());
        let mut request = Request::builder().method("POST");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        read(request, &site, key, CODE).await.map(drop)
    }

    fn browser() -> BrowserKey {
        let site = LinkSite::new(&"http://b.example/".parse().unwrap());
        let headers = [(header::COOKIE, COOKIE.parse().unwrap())].into_iter().collect();
        BrowserKey::from_headers(&headers, &site).unwrap()
    }

    #[tokio::test]
    async fn forms_of_other_sites_and_browsers_are_refused() {
        use FormRefusal::*;
        let key = FormKey::random().unwrap();
        let cookie = ("cookie", COOKIE);
        for (headers, refusal) in [
            (vec![cookie, FORM], None),
            (vec![cookie, FORM, ("origin", "http://b.example")], None),
            (vec![cookie, FORM, ("sec-fetch-site", "same-origin")], None),
            (
                vec![cookie, ("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")],
                None,
            ),
            (vec![FORM], Some(NoCookie)),
            (vec![cookie, FORM, ("origin", "null")], Some(Foreign)),
            (vec![cookie, FORM, ("origin", "https://b.example")], Some(Foreign)),
            (vec![cookie, FORM, ("origin", "http://evil.example")], Some(Foreign)),
            (vec![cookie, FORM, ("origin", "http://b.example.evil.example")], Some(Foreign)),
            (vec![cookie, FORM, ("sec-fetch-site", "cross-site")], Some(Foreign)),
            (vec![cookie, FORM, ("sec-fetch-site", "same-site")], Some(Foreign)),
            (vec![cookie, FORM, ("sec-fetch-site", "none")], None),
            (vec![cookie], Some(NotForm)),
            (vec![cookie, ("content-type", "text/plain")], Some(NotForm)),
            (vec![cookie, ("content-type", "multipart/form-data; boundary=x")], Some(NotForm)),
            (vec![cookie, FORM, ("content-length", "8193")], Some(TooLarge)),
        ] {
            let body = format!("a=1&proof={}", key.proof(CODE, &browser()));
            assert_eq!(ask(&key, &headers, body).await.err(), refusal, "{headers:?}");
        }
    }

    #[tokio::test]
    async fn proof_is_of_this_page_browser_and_run() {
        let key = FormKey::random().unwrap();
        let right = key.proof(CODE, &browser());
        let headers = [("cookie", COOKIE), FORM];
        assert_eq!(ask(&key, &headers, format!("proof={right}")).await, Ok(()));
        for wrong in [
            String::new(),
            "x".to_owned(),
            right[..right.len() - 1].to_owned(),
            key.proof("another-code-another-c", &browser()),
            key.proof(CODE, &BrowserKey::random().unwrap()),
            FormKey::random().unwrap().proof(CODE, &browser()),
        ] {
            let refused = ask(&key, &headers, format!("proof={wrong}")).await;
            assert_eq!(refused, Err(FormRefusal::WrongProof), "{wrong}");
        }
        let long = format!("proof={right}&a={}", "x".repeat(MAX_LEN_FORM));
        assert_eq!(ask(&key, &headers, long).await, Err(FormRefusal::TooLarge));
        let many = "a=1&".repeat(MAX_FIELDS) + "proof=" + &right;
        assert_eq!(ask(&key, &headers, many).await, Err(FormRefusal::WrongProof));
    }
}
