//! Whose a connection is, for IRC servers that ask.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::World;

/// A bridge that is to connect to `server`, and to tell at `ident` whose that connection is.
async fn world(server: SocketAddr, ident: SocketAddr) -> World {
    let world = World::new().await;
    let irc = world.irc.address().to_string();
    world.configure(|toml| {
        let toml = toml.replace(&irc, &server.to_string());
        let toml = toml.replace("flood_control =", "username = \"ferry\"\nflood_control =");
        format!("{toml}\n[ident]\nlisten = \"{ident}\"\n")
    });
    world
}

#[tokio::test]
async fn ident_query_is_answered_with_the_user() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = world(server.local_addr().unwrap(), free).await;
    let bridge = world.run().start();

    let (connection, from) = server.accept().await.unwrap();
    let pair = format!("{}, {}", from.port(), server.local_addr().unwrap().port());
    let mut asking = TcpStream::connect(free).await.unwrap();
    asking.write_all(format!("{pair}\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    BufReader::new(asking).read_line(&mut answer).await.unwrap();
    assert_eq!(answer, format!("{pair} : USERID : UNIX : ferry\r\n"));
    drop(connection);
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn ident_address_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let world = world("127.0.0.1:9".parse().unwrap(), address).await;
    let end = world.run().ends().await;
    assert_eq!(end.code, Some(1));
    let told = format!("ident.listen: cannot listen on {address}");
    assert!(end.err.contains(&told), "{}", end.err);
}
