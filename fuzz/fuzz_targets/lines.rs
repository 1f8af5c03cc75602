//! Bytes from an IRC server, into lines, into messages: whatever they are, and wherever the pieces end.
#![no_main]

use bytes::BytesMut;
use letsbridge::protocol::irc::{Charset, Charsets, ReceivedLine};
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::Decoder;

fuzz_target!(|bytes: &[u8]| {
    let whole = read(&[bytes]);
    let (one, two) = bytes.split_at(bytes.len() / 2);
    assert_eq!(read(&[one, two]), whole, "where the pieces end makes no difference");
    for line in whole {
        let ReceivedLine::Utf8(line) = line else { continue };
        assert!(!line.contains(['\r', '\n']), "a line is one line: {line:?}");
    }
});

/// The lines in these pieces; each is parsed, too.
fn read(pieces: &[&[u8]]) -> Vec<ReceivedLine> {
    let wire = Vec::new();
    let charsets = Charsets::new(
        Charset::Fallback(encoding_rs::WINDOWS_1252),
        [("#tea", Charset::Fallback(encoding_rs::KOI8_R))],
    );
    let mut lines = letsbridge::net::framed_lines(std::io::Cursor::new(wire), charsets);
    let decoder = lines.codec_mut();
    let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(line) = decoder.decode(&mut buffer).expect("bytes do not break it") {
            let _ = line.parse();
            read.push(line);
        }
    }
    read
}
