//! A TLS connection that was taken over, and a server that sends anything: records that decrypt to whatever it likes,
//! bytes that are no records, in any pieces; with hand-overs and writes between them.
#![no_main]

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use arbitrary::Arbitrary;
use data_encoding::BASE64;
use letsbridge::net::tls::takeover::{TakenOverTls, TlsState};
use libfuzzer_sys::fuzz_target;
use ring::{aead, hkdf};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Arbitrary, Debug)]
struct Scene {
    is_tls13: bool,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// A record of this type with this content, encrypted as it should be.
    Record {
        kind: u8,
        content: Vec<u8>,
    },
    /// Data, as the server is meant to send.
    Data(Vec<u8>),
    /// The change of keys that a server is meant to send.
    KeyUpdate {
        request: bool,
    },
    Bytes(Vec<u8>),
    Read {
        at_most: u8,
    },
    Write {
        data: Vec<u8>,
        room: u16,
    },
    HandOver,
}

fuzz_target!(|scene: Scene| {
    let mut server = Server::new(scene.is_tls13);
    let mut stream = Some(server.client(Pipe::default()));
    let (mut sent, mut read) = (Vec::<u8>::new(), Vec::new());
    // From then on, the server breaks the rules, or may.
    let mut is_sound = true;
    for step in scene.steps.into_iter().take(64) {
        let Some(mut client) = stream.take() else { break };
        let mut context = Context::from_waker(Waker::noop());
        match step {
            Step::Record { kind, mut content } => {
                content.truncate(20_000);
                is_sound = false;
                client = with_pipe(client, |pipe| pipe.arrived.extend(server.seal(kind, &content)));
            }
            Step::Data(mut content) => {
                content.truncate(16_384);
                if is_sound {
                    sent.extend(&content);
                }
                client = with_pipe(client, |pipe| pipe.arrived.extend(server.seal(23, &content)));
            }
            Step::KeyUpdate { request } if scene.is_tls13 => {
                let message = [24, 0, 0, 1, u8::from(request)];
                client = with_pipe(client, |pipe| pipe.arrived.extend(server.seal(22, &message)));
                server.change_keys();
            }
            Step::KeyUpdate { .. } => {}
            Step::Bytes(bytes) => {
                is_sound &= bytes.is_empty();
                client = with_pipe(client, |pipe| pipe.arrived.extend(bytes));
            }
            Step::Read { at_most } => {
                let mut bytes = vec![0; usize::from(at_most)];
                let mut buffer = ReadBuf::new(&mut bytes);
                match Pin::new(&mut client).poll_read(&mut context, &mut buffer) {
                    Poll::Ready(Err(error)) => {
                        // 33 changes of keys without data are too many.
                        let is_many = error.to_string().contains("too many");
                        assert!(!is_sound || is_many, "{error}");
                        break;
                    }
                    _ => read.extend(buffer.filled()),
                }
            }
            Step::Write { data, room } => {
                client = with_pipe(client, |pipe| pipe.room = usize::from(room));
                let _ = Pin::new(&mut client).poll_write(&mut context, &data);
            }
            Step::HandOver => client = with_pipe(client, |_| {}),
        }
        stream = Some(client);
    }
    assert!(!is_sound || sent.starts_with(&read), "what was sent is what is read");
});

/// Hands the connection over; between, something happens to its socket.
fn with_pipe(client: TakenOverTls<Pipe>, change: impl FnOnce(&mut Pipe)) -> TakenOverTls<Pipe> {
    let (mut pipe, state) = client.into_state().expect("it has not failed");
    change(&mut pipe);
    let text = serde_json::to_string(&state).expect("it can be written");
    let state: TlsState = serde_json::from_str(&text).expect("it can be read");
    state.resume(pipe).expect("it fits")
}

/// The socket of the client.
#[derive(Default)]
struct Pipe {
    arrived: Vec<u8>,
    room: usize,
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.arrived.is_empty() {
            return Poll::Pending;
        }
        let len = buffer.remaining().min(self.arrived.len());
        buffer.put_slice(&self.arrived[..len]);
        self.arrived.drain(..len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let len = bytes.len().min(self.room);
        self.room -= len;
        if len == 0 { Poll::Pending } else { Poll::Ready(Ok(len)) }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Encrypts with ChaCha20-Poly1305, written for this test alone.
struct Server {
    is_tls13: bool,
    secret: [u8; 32],
    sequence: u64,
}

impl Server {
    fn new(is_tls13: bool) -> Self {
        Self { is_tls13, secret: [7; 32], sequence: 0 }
    }

    /// The client of this server.
    fn client(&self, pipe: Pipe) -> TakenOverTls<Pipe> {
        let secret = match self.is_tls13 {
            true => serde_json::json!({ "Tls13": BASE64.encode(&self.secret) }),
            false => serde_json::json!({ "Tls12": {
                "key": BASE64.encode(&self.secret),
                "iv": BASE64.encode(&self.secret[..12]),
            } }),
        };
        let direction = serde_json::json!({ "secret": secret, "sequence": 0 });
        let state: TlsState = serde_json::from_value(serde_json::json!({
            "format": 1, "cipher": "ChaCha20Poly1305", "receiving": direction, "sending": direction,
            "received": "", "incoming": "", "unsent": "",
            "handshakes": { "header": [], "missing": 0 }, "is_closed": false,
        }))
        .expect("it is a state");
        state.resume(pipe).expect("it fits")
    }

    fn derive(&self, label: &[u8], len: u8) -> [u8; 32] {
        struct Len(usize);
        impl hkdf::KeyType for Len {
            fn len(&self) -> usize {
                self.0
            }
        }
        let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &self.secret);
        let label_len = [6 + u8::try_from(label.len()).expect("short")];
        let info = [&[0, len], &label_len[..], b"tls13 ", label, &[0]];
        let mut derived = [0; 32];
        let okm = prk.expand(&info, Len(usize::from(len))).expect("short");
        okm.fill(&mut derived[..usize::from(len)]).expect("so many were asked for");
        derived
    }

    fn change_keys(&mut self) {
        self.secret = self.derive(b"traffic upd", 32);
        self.sequence = 0;
    }

    fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let (key, iv) = match self.is_tls13 {
            true => (self.derive(b"key", 32), self.derive(b"iv", 12)),
            false => (self.secret, self.secret),
        };
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&iv[..12]);
        for (byte, number) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= number;
        }
        let mut sealed = content.to_vec();
        let outer = if self.is_tls13 { 23 } else { kind };
        if self.is_tls13 {
            sealed.push(kind);
        }
        let len = |len: usize| u16::try_from(len).expect("it was cut").to_be_bytes();
        let header = [&[outer, 3, 3], &len(sealed.len() + 16)[..]].concat();
        let aad = match self.is_tls13 {
            true => header.clone(),
            false => {
                [&self.sequence.to_be_bytes()[..], &[kind, 3, 3], &len(content.len())].concat()
            }
        };
        let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, &key).expect("32 bytes");
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        aead::LessSafeKey::new(key)
            .seal_in_place_append_tag(nonce, aead::Aad::from(aad), &mut sealed)
            .expect("it is short");
        self.sequence += 1;
        [header, sealed].concat()
    }
}
