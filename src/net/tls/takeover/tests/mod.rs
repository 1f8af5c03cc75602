//! A client and a server of rustls in memory, with a wire between them that carries as many bytes as a test says.
#![allow(clippy::unwrap_used)]

mod hand_over;
mod records;
mod trouble;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Waker};

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{ALL_CIPHER_SUITES, default_provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, SupportedCipherSuite};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;

use super::{Keeper, KeptTls, RecordTail, TakenOverTls, TakeoverError, TlsState};
use crate::net::unexpected_peer::SniffedStream;

/// The suites of rustls that an ECDSA certificate allows. Those with RSA encrypt records alike.
fn suites() -> Vec<SupportedCipherSuite> {
    let is_of_rsa = |suite: &SupportedCipherSuite| format!("{suite:?}").contains("_RSA_");
    ALL_CIPHER_SUITES.iter().copied().filter(|suite| !is_of_rsa(suite)).collect()
}

fn of_tls13(suite: SupportedCipherSuite) -> bool {
    suite.tls13().is_some()
}

/// A certificate and its key, made once.
fn certificate() -> &'static rcgen::CertifiedKey<rcgen::KeyPair> {
    static MADE: OnceLock<rcgen::CertifiedKey<rcgen::KeyPair>> = OnceLock::new();
    MADE.get_or_init(|| rcgen::generate_simple_self_signed(["irc.example".to_owned()]).unwrap())
}

fn provider(suite: SupportedCipherSuite) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { cipher_suites: vec![suite], ..default_provider() })
}

fn client_config(suite: SupportedCipherSuite) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate().cert.der().clone()).unwrap();
    ClientConfig::builder_with_provider(provider(suite))
        .with_protocol_versions(&[suite.version()])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn server(suite: SupportedCipherSuite) -> ServerConnection {
    let key = PrivateKeyDer::try_from(certificate().signing_key.serialize_der()).unwrap();
    let chain: Vec<CertificateDer<'static>> = vec![certificate().cert.der().clone()];
    let config = ServerConfig::builder_with_provider(provider(suite))
        .with_protocol_versions(&[suite.version()])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    server.set_buffer_limit(None);
    server
}

/// What is on its way.
#[derive(Debug, Default)]
struct Wires {
    /// Sent by the server; the client does not see it yet.
    on_the_way: VecDeque<u8>,
    /// What the client can read now.
    arrived: VecDeque<u8>,
    /// Sent by the client.
    sent: VecDeque<u8>,
    /// How many bytes more the client can send.
    room: usize,
    is_cut: bool,
}

/// The client's end of the wire.
#[derive(Debug, Clone)]
struct ClientEnd(Arc<Mutex<Wires>>);

impl ClientEnd {
    fn wires(&self) -> MutexGuard<'_, Wires> {
        self.0.lock().unwrap()
    }
}

impl AsyncRead for ClientEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wires = self.wires();
        if wires.arrived.is_empty() {
            return if wires.is_cut { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
        let len = buffer.remaining().min(wires.arrived.len());
        buffer.put_slice(&wires.arrived.drain(..len).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut wires = self.wires();
        let len = bytes.len().min(wires.room);
        if len == 0 {
            return Poll::Pending;
        }
        wires.room -= len;
        wires.sent.extend(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The client, before and after it was handed over.
enum Client {
    Kept(Box<KeptTls<ClientEnd>>),
    TakenOver(Box<TakenOverTls<ClientEnd>>),
}

impl Client {
    fn stream(&mut self) -> Pin<&mut dyn crate::net::Wire> {
        match self {
            Self::Kept(stream) => Pin::new(stream.as_mut()),
            Self::TakenOver(stream) => Pin::new(stream.as_mut()),
        }
    }
}

/// A client and a server that have shaken hands.
struct Scene {
    client: Option<Client>,
    server: ServerConnection,
    end: ClientEnd,
}

impl Scene {
    /// After a handshake with this suite, and the tickets that the server sends behind it.
    fn new(suite: SupportedCipherSuite) -> Self {
        let mut scene = Self::before_tickets(suite);
        scene.arrive_all();
        assert_eq!(scene.client_reads().unwrap(), b"");
        scene
    }

    /// After a handshake with this suite. The server's tickets are on their way.
    fn before_tickets(suite: SupportedCipherSuite) -> Self {
        let end = ClientEnd(Arc::default());
        end.wires().room = usize::MAX;
        let keeper = Keeper::new(&client_config(suite));
        let name = ServerName::try_from("irc.example").unwrap();
        let stream = SniffedStream::new(RecordTail::new(end.clone()));
        let connecting = TlsConnector::from(keeper.config.clone()).connect(name, stream);
        let mut connecting = pin!(connecting);
        let mut server = server(suite);
        let mut context = Context::from_waker(Waker::noop());
        let stream = loop {
            if let Poll::Ready(connected) = connecting.as_mut().poll(&mut context) {
                break connected.unwrap();
            }
            exchange(&mut server, &end);
        };
        let client = Client::Kept(Box::new(keeper.keep(stream)));
        let mut scene = Self { client: Some(client), server, end };
        assert_eq!(scene.server_hears().unwrap(), b"");
        scene.server_sends();
        scene
    }

    /// The server encrypts and sends this; nothing of it arrives.
    fn server_says(&mut self, bytes: &[u8]) -> usize {
        self.server.writer().write_all(bytes).unwrap();
        self.server_sends()
    }

    /// What the server has to send is on its way. Returns how many bytes are.
    fn server_sends(&mut self) -> usize {
        let mut wire = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut wire).unwrap();
        }
        let mut wires = self.end.wires();
        wires.on_the_way.extend(&wire);
        wires.on_the_way.len()
    }

    /// So many bytes arrive at the client.
    fn arrive(&mut self, bytes: usize) {
        let mut wires = self.end.wires();
        let now: Vec<u8> = wires.on_the_way.drain(..bytes).collect();
        wires.arrived.extend(now);
    }

    fn arrive_all(&mut self) {
        let len = self.end.wires().on_the_way.len();
        self.arrive(len);
    }

    /// What the client reads until nothing more is there.
    fn client_reads(&mut self) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        loop {
            match self.client_reads_once()? {
                Some(bytes) if !bytes.is_empty() => read.extend(bytes),
                _ => return Ok(read),
            }
        }
    }

    /// One read; `None` if nothing is there, empty at the end.
    fn client_reads_once(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = [0; 1_000];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut context = Context::from_waker(Waker::noop());
        match self.client.as_mut().unwrap().stream().poll_read(&mut context, &mut buffer) {
            Poll::Ready(read) => read.map(|()| Some(buffer.filled().to_vec())),
            Poll::Pending => Ok(None),
        }
    }

    /// The client writes as much of this as it takes, and flushes. Returns how much it took.
    fn client_says(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut context = Context::from_waker(Waker::noop());
        let mut said = 0;
        while said < bytes.len() {
            let mut stream = self.client.as_mut().unwrap().stream();
            match stream.as_mut().poll_write(&mut context, &bytes[said..]) {
                Poll::Ready(written) => said += written?,
                Poll::Pending => break,
            }
        }
        self.client_flushes()?;
        Ok(said)
    }

    fn client_flushes(&mut self) -> io::Result<()> {
        let mut context = Context::from_waker(Waker::noop());
        match self.client.as_mut().unwrap().stream().poll_flush(&mut context) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    fn client_shuts_down(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        let ended = self.client.as_mut().unwrap().stream().poll_shutdown(&mut context);
        assert!(matches!(ended, Poll::Ready(Ok(()))), "{ended:?}");
    }

    /// What the server reads of what the client sent.
    fn server_hears(&mut self) -> Result<Vec<u8>, rustls::Error> {
        let mut heard = Vec::new();
        loop {
            let wire: Vec<u8> = self.end.wires().sent.drain(..).collect();
            if wire.is_empty() {
                return Ok(heard);
            }
            let mut wire = wire.as_slice();
            while !wire.is_empty() {
                if self.server.read_tls(&mut wire).unwrap() == 0 {
                    return Ok(heard);
                }
                let state = self.server.process_new_packets()?;
                let mut bytes = vec![0; state.plaintext_bytes_to_read()];
                self.server.reader().read_exact(&mut bytes).unwrap();
                heard.extend(bytes);
            }
        }
    }

    /// Takes the connection apart, and hands it to "another process": through JSON.
    fn take_apart(&mut self) -> Result<(ClientEnd, TlsState), TakeoverError> {
        let (end, state) = match self.client.take().unwrap() {
            Client::Kept(stream) => stream.into_state(),
            Client::TakenOver(stream) => stream.into_state(),
        }?;
        let text = serde_json::to_string(&state).unwrap();
        Ok((end, serde_json::from_str(&text).unwrap()))
    }

    fn hand_over(&mut self) {
        let (end, state) = self.take_apart().unwrap();
        self.client = Some(Client::TakenOver(Box::new(state.resume(end).unwrap())));
    }
}

/// Everything that both have sent arrives.
fn exchange(server: &mut ServerConnection, end: &ClientEnd) {
    let sent: Vec<u8> = end.wires().sent.drain(..).collect();
    let mut sent = sent.as_slice();
    while !sent.is_empty() {
        server.read_tls(&mut sent).unwrap();
        server.process_new_packets().unwrap();
    }
    let mut wire = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut wire).unwrap();
    }
    end.wires().arrived.extend(&wire);
}
