//! Connections that end or fail, states that do not fit, and secrets that are not shown.

use std::io::ErrorKind;

use rustls::{AlertDescription, Error};

use super::{Scene, TakeoverError, TlsState, of_tls13, suites};

#[test]
fn end_of_the_server_is_the_end_of_reading() {
    for suite in suites() {
        let mut scene = Scene::new(suite);
        scene.hand_over();
        scene.server.send_close_notify();
        scene.server_sends();
        scene.arrive_all();
        for _ in 0..2 {
            assert_eq!(scene.client_reads_once().unwrap().unwrap(), b"");
        }
    }
}

#[test]
fn connection_that_is_cut_is_no_end() {
    for suite in suites() {
        let mut scene = Scene::new(suite);
        scene.hand_over();
        scene.server_says(b"half");
        scene.arrive(7);
        scene.end.wires().is_cut = true;
        let error = scene.client_reads_once().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!(error.to_string().contains("close_notify"), "{error}");
    }
}

#[test]
fn shutdown_says_so_once_and_nothing_is_written_behind_it() {
    for suite in suites() {
        let mut scene = Scene::new(suite);
        scene.hand_over();
        scene.client_shuts_down();
        scene.client_shuts_down();
        let error = scene.client_says(b"more").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(scene.server_hears().unwrap(), b"");
        assert!(scene.server.process_new_packets().unwrap().peer_has_closed());
        // What the server still says arrives.
        scene.server_says(b"bye");
        scene.arrive_all();
        assert_eq!(scene.client_reads().unwrap(), b"bye");
        assert_eq!(scene.take_apart().unwrap_err(), TakeoverError::Closing);
    }
}

#[test]
fn changed_record_fails_the_connection_and_the_server_is_told() {
    for suite in suites() {
        let mut scene = Scene::new(suite);
        scene.hand_over();
        let len = scene.server_says(b"data");
        scene.end.wires().on_the_way[len - 1] ^= 1;
        scene.arrive_all();
        for _ in 0..2 {
            let error = scene.client_reads_once().unwrap_err();
            assert!(error.to_string().contains("cannot be decrypted"), "{error}");
        }
        assert!(scene.client_says(b"more").is_err());
        let heard = scene.server_hears();
        assert_eq!(heard, Err(Error::AlertReceived(AlertDescription::BadRecordMac)));
        let error = scene.take_apart().unwrap_err();
        assert!(matches!(error, TakeoverError::Failed(_)), "{error}");
    }
}

#[test]
fn alert_of_the_server_is_told_in_words() {
    for suite in suites() {
        let mut scene = Scene::new(suite);
        scene.hand_over();
        // A client that sends nonsense.
        scene.end.wires().sent.extend([23, 3, 3, 0, 30].into_iter().chain([0; 30]));
        assert_eq!(scene.server_hears(), Err(Error::DecryptError));
        scene.server_sends();
        scene.arrive_all();
        let error = scene.client_reads_once().unwrap_err().to_string();
        assert_eq!(error, "the server ended the TLS connection: BadRecordMac");
    }
}

#[test]
fn kept_connection_that_closes_or_failed_is_not_handed_over() {
    let suite = suites()[0];
    let mut scene = Scene::new(suite);
    scene.client_shuts_down();
    assert_eq!(scene.take_apart().unwrap_err(), TakeoverError::Closing);
    let mut scene = Scene::new(suite);
    let len = scene.server_says(b"data");
    scene.end.wires().on_the_way[len - 1] ^= 1;
    scene.arrive_all();
    assert!(scene.client_reads_once().is_err());
    let error = scene.take_apart().unwrap_err();
    assert!(matches!(error, TakeoverError::Failed(_)), "{error}");
}

#[test]
fn keys_that_change_too_often_are_not_followed() {
    let suite = suites().into_iter().find(|suite| of_tls13(*suite)).unwrap();
    let mut scene = Scene::new(suite);
    for at in 0..4_200 {
        scene.server.refresh_traffic_keys().unwrap();
        if at % 20 == 0 {
            scene.server_says(b".");
        }
    }
    scene.server_sends();
    scene.arrive_all();
    scene.client_reads().unwrap();
    assert_eq!(scene.take_apart().unwrap_err(), TakeoverError::UnknownSecrets);
}

/// The state of a connection as JSON, changed.
fn changed(at: &str, to: serde_json::Value) -> Result<TakeoverError, serde_json::Error> {
    let suite = suites().into_iter().find(|suite| of_tls13(*suite)).unwrap();
    let mut scene = Scene::new(suite);
    let (end, state) = scene.take_apart().unwrap();
    let mut value = serde_json::to_value(&state).unwrap();
    *value.pointer_mut(at).unwrap() = to;
    let state: TlsState = serde_json::from_value(value)?;
    Ok(state.resume(end).unwrap_err())
}

#[test]
fn state_that_does_not_fit_is_refused() {
    let secret = serde_json::json!({ "Tls13": "AAAA" });
    for (at, to, expected) in [
        ("/format", 2.into(), TakeoverError::OtherFormat(2)),
        ("/receiving/secret", secret.clone(), TakeoverError::Damaged("a traffic secret")),
        ("/sending/secret", secret, TakeoverError::Damaged("a traffic secret")),
        (
            "/sending/secret",
            serde_json::json!({ "Tls12": { "key": "AAAA", "iv": "AAAAAAAAAAAAAAAA" } }),
            TakeoverError::Damaged("a key"),
        ),
        (
            "/sending/secret",
            serde_json::json!({ "Tls12": { "key": "AAAA", "iv": "AAAA" } }),
            TakeoverError::Damaged("a nonce"),
        ),
        (
            "/handshakes",
            serde_json::json!({ "header": [4, 0, 0, 1, 1], "missing": 1 }),
            TakeoverError::Damaged("a message of the handshake"),
        ),
        ("/received", "AAAA".repeat(100_000).into(), TakeoverError::TooMuch(300_000)),
    ] {
        assert_eq!(changed(at, to).unwrap(), expected);
    }
    assert!(changed("/cipher", "Rot13".into()).is_err());
    assert!(changed("/received", "not base64".into()).is_err());
}

#[test]
fn nothing_shows_the_keys() {
    for suite in suites() {
        let mut scene = Scene::new(suite);
        scene.server_says(b"a private line");
        scene.arrive_all();
        let (end, state) = scene.take_apart().unwrap();
        let shown = format!("{state:?}");
        assert!(shown.starts_with("TlsState { cipher: "), "{shown}");
        let text = serde_json::to_string(&state).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let taken_over = format!("{:?}", state.resume(end).unwrap());
        for at in ["/receiving/secret", "/sending/secret"] {
            let secret = value.pointer(at).unwrap().as_object().unwrap();
            let secret = secret.values().next().unwrap();
            let secret = secret.as_str().or_else(|| secret["key"].as_str()).unwrap();
            assert!(secret.len() > 20);
            assert!(!shown.contains(secret) && !taken_over.contains(secret));
        }
    }
}
