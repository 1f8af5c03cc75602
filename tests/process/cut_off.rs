//! A proxy in front of Let's Chat that cuts off who is silent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::World;
use crate::program::soon;

/// Who is silent for so long is cut off.
const SILENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn disconnects_after_silence_shorten_the_ping_interval_without_a_notice() {
    let world = World::new().await;
    let port = world.letschat.address().port();
    let (proxy, connections) = proxy(SocketAddr::from(([127, 0, 0, 1], port)));
    let (before, after) = (world.letschat.url().to_string(), format!("http://{proxy}/"));
    world.configure(|toml| toml.replace(&before, &after));
    let mut bridge = world.bridge().await;
    let why = bridge.err.says("connection closed twice after 5 s without traffic").await;
    assert!(why.contains("proxy_read_timeout") && why.contains("Pinging every 2 s"), "{why}");
    bridge.err.says("connected").await;
    let made = connections.load(Ordering::Relaxed);

    // Three times as long as what was too long before.
    tokio::time::sleep(SILENCE * 3).await;
    world.say_on_irc("still there?");
    soon("the room", world.room(1)).await;
    assert_eq!(connections.load(Ordering::Relaxed), made);
    let said = world.irc.transcript();
    let said: Vec<String> = said.iter().map(|it| it.text().into_owned()).collect();
    assert!(!said.iter().any(|line| line.starts_with("PRIVMSG")), "{said:?}");
    assert_eq!(bridge.stop().await.code, Some(0));
}

/// Passes on what comes to `server`, and back. Gives where, and how many connections there were.
fn proxy(server: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::Relaxed);
            let Ok(server) = TcpStream::connect(server) else { continue };
            let active = Arc::new(Mutex::new(Instant::now()));
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let active = Arc::clone(&active);
                thread::spawn(move || pass_on(from, to, &active));
            }
            thread::spawn(move || {
                while active.lock().unwrap().elapsed() < SILENCE {
                    thread::sleep(Duration::from_millis(20));
                }
                let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
            });
        }
    });
    (address, connections)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, active: &Mutex<Instant>) {
    let mut bytes = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        *active.lock().unwrap() = Instant::now();
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
