//! Tunnels through an HTTP proxy: `CONNECT` (RFC 9110, section 9.3.6).

use reqwest::header::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{ProxyError, ProxyTarget};

/// Upper limit for the proxy's response head.
const MAX_LEN_HEAD: usize = 16 * 1024;

pub(super) async fn open(
    stream: &mut TcpStream,
    target: &ProxyTarget<'_>,
    credentials: Option<&HeaderValue>,
) -> Result<(), ProxyError> {
    let endpoint = target.host_port();
    let mut request = format!("CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n").into_bytes();
    if let Some(credentials) = credentials {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(credentials.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    check_status(&read_head(stream).await?)
}

/// Reads exactly the response head; what follows belongs to the server.
async fn read_head(stream: &mut TcpStream) -> Result<Vec<u8>, ProxyError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_LEN_HEAD {
            return Err(ProxyError("the response head is too long".to_owned()));
        }
        head.push(stream.read_u8().await?);
        if head.len() == 5 && head != b"HTTP/" {
            return Err(not_http_error());
        }
    }
    Ok(head)
}

fn check_status(head: &[u8]) -> Result<(), ProxyError> {
    let text = String::from_utf8_lossy(head);
    let line = text.lines().next().unwrap_or_default();
    let (_, status) = line.split_once(' ').ok_or_else(not_http_error)?;
    let status = status.trim();
    Err(ProxyError(match status.get(..3).unwrap_or_default() {
        code if code.starts_with('2') => return Ok(()),
        "407" => format!(
            "status `{status}`: put the user and password into the proxy URL, \
             http://USER:PASSWORD@HOST:PORT"
        ),
        "403" | "405" => {
            format!("status `{status}`: the proxy does not allow tunnels to this server")
        }
        "502" | "503" | "504" => {
            format!("status `{status}`: the proxy cannot reach the server")
        }
        _ => format!("status `{status}`"),
    }))
}

fn not_http_error() -> ProxyError {
    ProxyError("not an HTTP proxy".to_owned())
}
