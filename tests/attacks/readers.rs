//! People without an account who read slowly, or ask slowly, and by the hundred.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::during;
use super::figures::Figures;
use super::victim::Victim;

/// What the links begin with, which nobody looks up.
const PUBLIC: &str = "http://bridge.example/";

/// How long a reader who behaves may wait.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// How many there are, each from an address of their own or all from one.
    many: u16,
    one_address: bool,
    /// What is asked for; the rest of the request comes letter by letter where it is `slow`.
    what: What,
    slow: bool,
    /// Whether they come through the reverse proxy, from forty networks (/64) of one connection (/56).
    forwarded: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Page,
    Raw,
    File,
}

/// All of them.
pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: "a message of 12 MB that nobody reads",
        many: 0,
        one_address: false,
        what: What::Raw,
        slow: false,
        forwarded: false,
    },
    Attack {
        name: "200 readers who stall on a long message",
        many: 200,
        one_address: false,
        what: What::Raw,
        slow: false,
        forwarded: false,
    },
    Attack {
        name: "200 readers of one address who stall on it",
        many: 200,
        one_address: true,
        what: What::Raw,
        slow: false,
        forwarded: false,
    },
    Attack {
        name: "200 readers who stall on its page",
        many: 200,
        one_address: false,
        what: What::Page,
        slow: false,
        forwarded: false,
    },
    Attack {
        name: "200 readers who stall on a file",
        many: 200,
        one_address: false,
        what: What::File,
        slow: false,
        forwarded: false,
    },
    Attack {
        name: "600 who ask slowly",
        many: 600,
        one_address: false,
        what: What::Raw,
        slow: true,
        forwarded: false,
    },
    Attack {
        name: "600 of one address who ask slowly",
        many: 600,
        one_address: true,
        what: What::Raw,
        slow: true,
        forwarded: false,
    },
    Attack {
        name: "200 readers of forty networks of one house who stall on it",
        many: 200,
        one_address: false,
        what: What::Raw,
        slow: false,
        forwarded: true,
    },
];

pub(crate) async fn attacked(attack: &Attack, length: Duration) -> Figures {
    let victim = Victim::start(&format!(
        "[web]\npublic_url = {PUBLIC:?}\nlisten = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1\"]\n"
    ))
    .await;
    let line = victim.logs("web server started").await;
    let address = line.split_once("address=").unwrap().1.split_whitespace().next().unwrap();
    let address: SocketAddr = address.parse().unwrap();
    let path = link(&victim, attack.what).await;
    let mut readers = Vec::new();
    for number in 0..attack.many {
        // The whole of 127.0.0.0/8 is this machine.
        let [high, low] = number.to_be_bytes();
        let (from, forwarded) = match attack {
            Attack { forwarded: true, .. } => {
                let network = number % 40;
                ([127, 0, 0, 1], format!("X-Forwarded-For: 2001:db8:0:{network:x}::{number:x}\r\n"))
            }
            Attack { one_address: true, .. } => ([127, 0, 0, 2], String::new()),
            Attack { .. } => ([127, 10 + high, low, 2], String::new()),
        };
        if let Ok(mut reader) = connect(from.into(), address).await {
            let end = if attack.slow { "X: " } else { "\r\n" };
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: bridge.example\r\n{forwarded}{end}");
            // Who is turned away at once has had their answer.
            let _ = reader.write_all(request.as_bytes()).await;
            readers.push(reader);
        }
    }
    let trickling = async {
        loop {
            for reader in &mut readers {
                if attack.slow {
                    let _ = reader.write_all(b"x").await;
                }
            }
            sleep(Duration::from_millis(500)).await;
        }
    };
    let worst = tokio::select! {
        worst = during(&victim, length) => worst,
        () = trickling => unreachable!("it has no end"),
    };
    let served = served(address, &path).await;
    println!("{}: somebody else is served after {} ms", attack.name, served.as_millis());
    victim.end(attack.name, worst).await
}

/// Has something said or shown in the room that is too long for IRC, and gives the path of the link to it.
async fn link(victim: &Victim, what: What) -> String {
    let said = match what {
        What::Page | What::Raw => "a long line\n".repeat(1_000_000),
        What::File => {
            let content = vec![b'x'; 12_000_000];
            format!(
                "upload://{}",
                victim.letschat.upload(
                    "tea",
                    "alice",
                    "big.bin",
                    "application/octet-stream",
                    content
                )
            )
        }
    };
    victim.letschat.post("tea", "alice", &said);
    let heard = victim.irc.virtual_user("ann");
    let heard =
        heard.wait_for_messages("#tea", |all| all.iter().any(|it| it.text.contains(PUBLIC)));
    let heard = timeout(LIMIT, heard).await.expect("a link is said");
    let text =
        heard.into_iter().find_map(|it| Some(it.text.split_once(PUBLIC)?.1.to_owned())).unwrap();
    let path = text.split([' ', ')', ',']).next().unwrap();
    if what == What::Raw { format!("/{path}/raw") } else { format!("/{path}") }
}

async fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // A small window, so that little of an answer is taken by the operating system.
    socket.set_recv_buffer_size(4096)?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// How long somebody who behaves waits for the beginning of an answer.
async fn served(address: SocketAddr, path: &str) -> Duration {
    let began = Instant::now();
    let answer = async {
        let mut reader = connect([127, 200, 0, 1].into(), address).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: bridge.example\r\nConnection: close\r\n\r\n");
        reader.write_all(request.as_bytes()).await?;
        let mut start = [0; 12];
        reader.read_exact(&mut start).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&start).into_owned())
    };
    match timeout(LIMIT, answer).await {
        Ok(Ok(start)) => println!("    {start}"),
        Ok(Err(error)) => println!("    turned away: {error}"),
        Err(_) => println!("    not served"),
    }
    began.elapsed()
}
