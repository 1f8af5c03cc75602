//! Connections handed over at every moment, and what both sides then read.

use proptest::prelude::*;
use rustls::SupportedCipherSuite;

use super::{Scene, of_tls13, suites};

/// Both sides say something, and both hear it.
#[track_caller]
fn speak(scene: &mut Scene, words: &str) {
    scene.server_says(words.as_bytes());
    scene.arrive_all();
    assert_eq!(scene.client_reads().unwrap(), words.as_bytes());
    assert_eq!(scene.client_says(words.as_bytes()).unwrap(), words.len());
    assert_eq!(scene.server_hears().unwrap(), words.as_bytes());
}

/// A test for each suite.
fn with_each(test: impl Fn(SupportedCipherSuite, &mut Scene)) {
    let suites = suites();
    assert_eq!(suites.len(), 6, "three ciphers with two versions");
    for suite in suites {
        test(suite, &mut Scene::new(suite));
    }
}

#[test]
fn both_sides_go_on_after_a_hand_over() {
    with_each(|_, scene| {
        scene.hand_over();
        speak(scene, "PING first\r\n");
        speak(scene, "PING second\r\n");
    });
}

#[test]
fn records_go_on_where_they_were() {
    with_each(|_, scene| {
        for words in ["one", "two", "three"] {
            speak(scene, words);
        }
        scene.hand_over();
        speak(scene, "four");
    });
}

#[test]
fn ten_hand_overs_in_a_row_change_nothing() {
    with_each(|_, scene| {
        for at in 0..10 {
            speak(scene, &format!("before {at}"));
            scene.hand_over();
        }
        speak(scene, "after");
    });
}

/// The wire with the records of these words.
fn words_on_the_way(scene: &mut Scene) -> (usize, Vec<u8>) {
    let words = [&b"a"[..], b":ann PRIVMSG #tea :hello\r\n", &[b'x'; 300], b"\r\n"];
    let len = words.map(|words| scene.server_says(words)).into_iter().max();
    (len.unwrap(), words.concat())
}

#[test]
fn hand_over_after_each_byte_of_a_record_loses_nothing() {
    for suite in suites() {
        let len = words_on_the_way(&mut Scene::new(suite)).0;
        // Of the long record, not every byte.
        for cut in (0..100).chain((100..len).step_by(37)).chain(len - 30..=len) {
            let mut scene = Scene::new(suite);
            let (_, words) = words_on_the_way(&mut scene);
            scene.arrive(cut);
            // What was read before does not come again.
            let mut read = if cut % 2 == 0 { scene.client_reads().unwrap() } else { Vec::new() };
            scene.hand_over();
            read.extend(scene.client_reads().unwrap());
            scene.arrive_all();
            read.extend(scene.client_reads().unwrap());
            assert_eq!(read, words, "{suite:?}, cut at {cut}");
            speak(&mut scene, "and on");
        }
    }
}

#[test]
fn hand_over_between_any_two_bytes_of_one_stream_loses_nothing() {
    with_each(|suite, scene| {
        let (len, words) = words_on_the_way(scene);
        let mut read = Vec::new();
        for at in 0..len {
            scene.arrive(1);
            if at % 3 != 0 {
                read.extend(scene.client_reads().unwrap());
            }
            scene.hand_over();
        }
        read.extend(scene.client_reads().unwrap());
        assert_eq!(read, words, "{suite:?}");
        speak(scene, "and on");
    });
}

#[test]
fn what_was_decrypted_and_not_read_is_handed_over() {
    with_each(|_, scene| {
        let words: Vec<u8> = (0..3_000).map(|at| at as u8).collect();
        scene.server_says(&words);
        scene.arrive_all();
        let mut read = scene.client_reads_once().unwrap().unwrap();
        assert_eq!(read.len(), 1_000);
        for _ in 0..2 {
            scene.hand_over();
            read.extend(scene.client_reads_once().unwrap().unwrap());
        }
        assert_eq!(read, words);
    });
}

#[test]
fn what_was_encrypted_and_not_sent_is_handed_over_to_the_byte() {
    with_each(|suite, scene| {
        for (room, words) in [(0, "none"), (7, "seven"), (1, "one"), (29, "twenty-nine")] {
            scene.end.wires().room = room;
            assert_eq!(scene.client_says(words.as_bytes()).unwrap(), words.len());
            scene.hand_over();
            scene.end.wires().room = usize::MAX;
            scene.client_flushes().unwrap();
            assert_eq!(scene.server_hears().unwrap(), words.as_bytes(), "{suite:?}, {room}");
        }
    });
}

#[test]
fn full_socket_takes_one_record_and_no_more() {
    with_each(|_, scene| {
        scene.hand_over();
        scene.end.wires().room = 10;
        let words = vec![b'x'; 100_000];
        let mut said = scene.client_says(&words).unwrap();
        assert_eq!(said, 16_384);
        assert_eq!(scene.client_says(&words).unwrap(), 0);
        let mut heard = Vec::new();
        while said < words.len() {
            scene.end.wires().room = 3_000;
            said += scene.client_says(&words[said..]).unwrap();
            heard.extend(scene.server_hears().unwrap());
        }
        scene.end.wires().room = usize::MAX;
        scene.client_flushes().unwrap();
        heard.extend(scene.server_hears().unwrap());
        assert_eq!(heard, words);
    });
}

#[test]
fn long_data_goes_both_ways() {
    with_each(|_, scene| {
        let words: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
        for _ in 0..2 {
            scene.server_says(&words);
            let mut read = Vec::new();
            while scene.end.wires().on_the_way.len() > 1_777 {
                scene.arrive(1_777);
                read.extend(scene.client_reads().unwrap());
                if read.len().is_multiple_of(5) {
                    scene.hand_over();
                }
            }
            scene.arrive_all();
            read.extend(scene.client_reads().unwrap());
            assert_eq!(read, words);
            assert_eq!(scene.client_says(&words).unwrap(), words.len());
            assert_eq!(scene.server_hears().unwrap(), words);
            scene.hand_over();
        }
    });
}

#[test]
fn writes_of_one_byte_are_records_of_their_own() {
    with_each(|_, scene| {
        scene.hand_over();
        for byte in b"one by one" {
            assert_eq!(scene.client_says(&[*byte]).unwrap(), 1);
        }
        assert_eq!(scene.server_hears().unwrap(), b"one by one");
        assert_eq!(scene.client_says(b"").unwrap(), 0);
        assert!(scene.end.wires().sent.is_empty(), "nothing is no record");
    });
}

#[test]
fn server_may_change_its_keys_before_and_after() {
    for suite in suites().into_iter().filter(|suite| of_tls13(*suite)) {
        let mut scene = Scene::new(suite);
        for at in 0..12 {
            // Asks the client to change its own as well.
            scene.server.refresh_traffic_keys().unwrap();
            if at % 2 == 0 {
                scene.server.refresh_traffic_keys().unwrap();
                scene.server_sends();
            }
            speak(&mut scene, &format!("with key {at}"));
            if at % 3 == 1 {
                scene.hand_over();
            }
        }
    }
}

#[test]
fn answer_to_a_change_of_keys_is_not_lost_in_a_hand_over() {
    for suite in suites().into_iter().filter(|suite| of_tls13(*suite)) {
        for before in [false, true] {
            let mut scene = Scene::new(suite);
            if before {
                scene.hand_over();
            }
            for _ in 0..2 {
                scene.server.refresh_traffic_keys().unwrap();
                scene.server_says(b"new keys");
                scene.arrive_all();
                assert_eq!(scene.client_reads().unwrap(), b"new keys");
                scene.hand_over();
            }
            speak(&mut scene, "for both");
        }
    }
}

#[test]
fn tickets_are_ignored_wherever_they_are_cut() {
    for suite in suites().into_iter().filter(|suite| of_tls13(*suite)) {
        // The server sends its tickets right behind the handshake.
        let len = Scene::before_tickets(suite).end.wires().on_the_way.len();
        assert!(len > 100, "{len} bytes of tickets");
        for cut in 0..=len {
            let mut scene = Scene::before_tickets(suite);
            scene.arrive(cut);
            assert_eq!(scene.client_reads().unwrap(), b"");
            scene.hand_over();
            speak(&mut scene, "on");
        }
    }
}

#[test]
fn end_of_the_server_is_handed_over() {
    with_each(|_, scene| {
        scene.server_says(b"ERROR :Closing link\r\n");
        scene.server.send_close_notify();
        scene.server_sends();
        scene.arrive_all();
        // Read by rustls, not by us.
        let first = scene.client_reads_once().unwrap().unwrap();
        scene.hand_over();
        scene.hand_over();
        assert_eq!(first, b"ERROR :Closing link\r\n");
        assert_eq!(scene.client_reads_once().unwrap().unwrap(), b"");
        // The other direction is still open.
        assert_eq!(scene.client_says(b"QUIT\r\n").unwrap(), 6);
        assert_eq!(scene.server_hears().unwrap(), b"QUIT\r\n");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is said, in whatever pieces it arrives, and whenever the connection is handed over.
    #[test]
    fn nothing_is_lost_repeated_or_reordered(
        suite in 0_usize..6,
        steps in proptest::collection::vec((0_u8..6, 1_usize..700), 1..80),
    ) {
        let mut scene = Scene::new(suites()[suite]);
        let is_tls13 = of_tls13(suites()[suite]);
        let (mut to_client, mut read) = (Vec::new(), Vec::new());
        let (mut to_server, mut heard) = (Vec::<u8>::new(), Vec::new());
        scene.end.wires().room = 0;
        for (step, size) in steps {
            match step {
                0 => {
                    let words: Vec<u8> = (0..size).map(|at| (at + to_client.len()) as u8).collect();
                    scene.server_says(&words);
                    to_client.extend(words);
                }
                1 => {
                    let words: Vec<u8> = (0..size).map(|at| (at + to_server.len()) as u8).collect();
                    let said = scene.client_says(&words).unwrap();
                    to_server.extend(&words[..said]);
                }
                2 => {
                    let there = scene.end.wires().on_the_way.len();
                    scene.arrive(size.min(there));
                }
                3 => read.extend(scene.client_reads_once().unwrap().unwrap_or_default()),
                4 => {
                    scene.end.wires().room += size;
                    scene.client_flushes().unwrap();
                    heard.extend(scene.server_hears().unwrap());
                }
                _ if is_tls13 && size < 100 => scene.server.refresh_traffic_keys().unwrap(),
                _ => scene.hand_over(),
            }
        }
        scene.end.wires().room = usize::MAX;
        scene.client_flushes().unwrap();
        heard.extend(scene.server_hears().unwrap());
        scene.server_sends();
        scene.arrive_all();
        read.extend(scene.client_reads().unwrap());
        prop_assert_eq!(read, to_client);
        prop_assert_eq!(heard, to_server);
    }
}
