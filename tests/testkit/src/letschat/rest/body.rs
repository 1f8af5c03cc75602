//! What comes with a request: the parameters of its query and its body, and a file.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::responses::{self, Refusal};
use crate::letschat::handlers::Upload;

/// The largest body of JSON or of a form: 100 kB.
const MAX_BODY: usize = 100 * 1024;

/// The parameters of a request, the body's over the query's; and what is still to be read.
pub(super) async fn read(
    request: Request,
) -> Result<(Map<String, Value>, Option<Request>), Refusal> {
    let mut params = form(request.uri().query().unwrap_or_default().as_bytes());
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => {
            let body = read_body(request).await?;
            if !body.is_empty() {
                merge(&mut params, json(&body)?);
            }
        }
        "application/x-www-form-urlencoded" => merge(&mut params, form(&read_body(request).await?)),
        "multipart/form-data" => return Ok((params, Some(request))),
        _ => {}
    }
    Ok((params, None))
}

/// The parameters and the file of a multipart body.
pub(super) async fn read_multipart(
    request: Request,
    params: &mut Map<String, Value>,
) -> Result<Option<Upload>, Refusal> {
    let broken = |_| {
        Refusal::from(responses::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Error: Multipart: Boundary not found",
        ))
    };
    let mut parts = Multipart::from_request(request, &()).await.map_err(broken)?;
    let refused = |_| {
        Refusal::from(responses::error(StatusCode::INTERNAL_SERVER_ERROR, "Error: File too large"))
    };
    let mut file = None;
    while let Some(part) = parts.next_field().await.map_err(refused)? {
        let (field, name) =
            (part.name().unwrap_or_default().to_owned(), part.file_name().map(str::to_owned));
        let kind = part.content_type().unwrap_or("text/plain").to_owned();
        let content = part.bytes().await.map_err(refused)?;
        match name {
            Some(name) => file = Some(Upload { name, kind, content }),
            None => drop(params.insert(field, String::from_utf8_lossy(&content).into())),
        }
    }
    Ok(file)
}

async fn read_body(request: Request) -> Result<axum::body::Bytes, Refusal> {
    let too_large = |_| {
        Refusal::from(responses::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PayloadTooLargeError: request entity too large",
        ))
    };
    to_bytes(request.into_body(), MAX_BODY).await.map_err(too_large)
}

fn json(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(params)) => Ok(params),
        Ok(Value::Array(_)) => Ok(Map::new()),
        _ => Err(Refusal::from(responses::error(
            StatusCode::BAD_REQUEST,
            "SyntaxError: Unexpected token in JSON",
        ))),
    }
}

/// A form, or a query. A name that ends in `[]`, or comes twice, makes a list.
fn form(text: &[u8]) -> Map<String, Value> {
    let mut params = Map::new();
    for (name, value) in form_urlencoded::parse(text) {
        let value = Value::from(value.into_owned());
        let listed = name.ends_with("[]");
        let name = name.trim_end_matches("[]").to_owned();
        match params.get_mut(&name) {
            None if listed => drop(params.insert(name, Value::from(vec![value]))),
            None => drop(params.insert(name, value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::from(vec![first.take(), value]),
        }
    }
    params
}

/// Merges `over` into `params`, where it wins unless it is null.
fn merge(params: &mut Map<String, Value>, over: Map<String, Value>) {
    params.extend(over.into_iter().filter(|(_, value)| !value.is_null()));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_may_hold_lists() {
        let params = form(b"name=A+b&people[]=ann&people[]=bob&x=1&x=2");
        assert_eq!(
            Value::from(params),
            json!({"name": "A b", "people": ["ann", "bob"], "x": ["1", "2"]})
        );
    }
}
