//! Single records: vectors of the RFC, and what a server may not send.

use bytes::BytesMut;
use data_encoding::HEXLOWER_PERMISSIVE;

use super::super::error::TlsRecordError;
use super::super::keys::{DirectionKeys, DirectionSecret, RecordCipher};
use super::super::messages::Handshakes;
use super::super::record::{
    MAX_LEN_CONTENT, MAX_LEN_FRAGMENT, RecordEvent, RecordReader, RecordType, RecordWriter,
};
use super::super::secret::SecretBytes;

const TLS12: bool = false;
const TLS13: bool = true;

const CIPHERS: [RecordCipher; 3] =
    [RecordCipher::Aes128Gcm, RecordCipher::Aes256Gcm, RecordCipher::ChaCha20Poly1305];

fn keys(cipher: RecordCipher, is_tls13: bool, sequence: u64) -> DirectionKeys {
    let (secret_len, key_len) = match cipher {
        RecordCipher::Aes128Gcm => (32, 16),
        RecordCipher::Aes256Gcm => (48, 32),
        RecordCipher::ChaCha20Poly1305 => (32, 32),
    };
    let secret = match is_tls13 {
        true => DirectionSecret::Tls13(SecretBytes::new(&vec![7; secret_len])),
        false => DirectionSecret::Tls12 {
            key: SecretBytes::new(&vec![7; key_len]),
            iv: SecretBytes::new(&[9; 12]),
        },
    };
    DirectionKeys::new(cipher, secret, sequence).unwrap()
}

/// A server's writer and our reader, with the same keys.
fn pair(cipher: RecordCipher, is_tls13: bool) -> (RecordWriter, RecordReader) {
    let reader = RecordReader::new(keys(cipher, is_tls13, 0), &[], Handshakes::default());
    (RecordWriter::new(keys(cipher, is_tls13, 0)), reader)
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(text.replace([' ', '\n'], "").as_bytes()).unwrap()
}

/// RFC 8448, section 3: the client's first record of data.
#[test]
fn record_of_the_rfc_is_written_and_read() {
    let secret = hex(
        "9e 40 64 6c e7 9a 7f 9d c0 5a f8 88 9b ce 65 52 87 5a fa 0b 06 df 00 87 f7 92 eb b7 c1 75 04 a5",
    );
    let record = hex(
        "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 \
         a8 a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 \
         15 e4",
    );
    let keys = || {
        let secret = DirectionSecret::Tls13(SecretBytes::new(&secret));
        DirectionKeys::new(RecordCipher::Aes128Gcm, secret, 0).unwrap()
    };
    let content: Vec<u8> = (0..50).collect();
    let mut wire = BytesMut::new();
    RecordWriter::new(keys()).write_data(&content, &mut wire).unwrap();
    assert_eq!(wire, record);
    let mut reader = RecordReader::new(keys(), &record, Handshakes::default());
    assert_eq!(reader.read(), Ok(Some(RecordEvent::Data(BytesMut::from(&content[..])))));
    assert_eq!(reader.read(), Ok(None));
}

#[test]
fn every_suite_of_rustls_is_known() {
    for suite in rustls::crypto::ring::ALL_CIPHER_SUITES {
        let name = format!("{:?}", suite.suite());
        let cipher = format!("{:?}", RecordCipher::of(suite.suite()).unwrap());
        let plain = |text: &str| text.replace('_', "").to_lowercase();
        assert!(plain(&name).contains(&plain(&cipher)), "{name}: {cipher}");
    }
    assert_eq!(RecordCipher::of(rustls::CipherSuite::TLS13_AES_128_CCM_SHA256), None);
}

/// The types and contents of records.
type Records<'r> = &'r [(RecordType, &'r [u8])];

/// What the reader says to these records, up to the first error.
fn said(
    cipher: RecordCipher,
    is_tls13: bool,
    records: Records<'_>,
) -> Vec<Result<RecordEvent, TlsRecordError>> {
    let (mut writer, mut reader) = pair(cipher, is_tls13);
    let mut said = Vec::new();
    for (kind, content) in records {
        let mut wire = BytesMut::new();
        writer.write_record(*kind, content, &mut wire).unwrap();
        reader.feed(&wire);
        loop {
            match reader.read() {
                Ok(Some(event)) => said.push(Ok(event)),
                Ok(None) => break,
                Err(error) => {
                    said.push(Err(error));
                    return said;
                }
            }
        }
    }
    said
}

fn error(is_tls13: bool, records: Records<'_>) -> TlsRecordError {
    let of_all = CIPHERS.map(|cipher| said(cipher, is_tls13, records).pop().unwrap().unwrap_err());
    assert!(of_all.iter().all(|error| *error == of_all[0]), "{of_all:?}");
    of_all[0].clone()
}

fn data(bytes: &[u8]) -> Result<RecordEvent, TlsRecordError> {
    Ok(RecordEvent::Data(BytesMut::from(bytes)))
}

const TICKET: &[u8] = &[4, 0, 0, 3, 1, 2, 3];

#[test]
fn what_a_server_may_send_is_understood() {
    use RecordType::{Alert, ApplicationData, Handshake};
    for cipher in CIPHERS {
        let records: Records<'_> = &[
            (ApplicationData, b""),
            (ApplicationData, b"data"),
            (Handshake, TICKET),
            (Handshake, &[TICKET, TICKET].concat()),
            (Handshake, &[TICKET, &TICKET[..2]].concat()),
            (Handshake, &TICKET[2..5]),
            (Handshake, &TICKET[5..]),
            (Handshake, &[4, 0, 0, 0]),
            (Alert, &[1, 90]),
            (ApplicationData, b"\0\0"),
            (Alert, &[1, 0]),
        ];
        let expected = [data(b""), data(b"data"), data(b"\0\0"), Ok(RecordEvent::Closed)];
        assert_eq!(said(cipher, TLS13, records), expected);
        let records: Records<'_> = &[
            (ApplicationData, b""),
            (Alert, &[1, 41]),
            (Alert, &[1, 90]),
            (Handshake, &[0]),
            (Handshake, &[0, 0, 0]),
            (Alert, &[1, 0]),
        ];
        let expected =
            [data(b""), Ok(RecordEvent::RenegotiationRequested), Ok(RecordEvent::Closed)];
        assert_eq!(said(cipher, TLS12, records), expected);
    }
}

#[test]
fn what_a_server_may_not_send_ends_the_connection() {
    use RecordType::{Alert, ApplicationData, ChangeCipherSpec, Handshake};
    let (unexpected, malformed) = (TlsRecordError::Unexpected, TlsRecordError::Malformed);
    let hello: &[u8] = &[1, 0, 0, 0];
    let change: &[u8] = &[24, 0, 0, 1, 0];
    let cases: &[(bool, Records<'_>, TlsRecordError)] = &[
        (TLS13, &[(ChangeCipherSpec, &[1])], unexpected("ChangeCipherSpec after the handshake")),
        (TLS12, &[(ChangeCipherSpec, &[1])], unexpected("ChangeCipherSpec after the handshake")),
        (TLS13, &[(Handshake, b"")], unexpected("an empty record of the handshake")),
        (TLS13, &[(Handshake, hello)], unexpected("a message of the handshake")),
        (TLS12, &[(Handshake, hello)], unexpected("a message of the handshake")),
        (TLS12, &[(Handshake, TICKET)], unexpected("a message of the handshake")),
        (TLS12, &[(Handshake, change)], unexpected("a message of the handshake")),
        (TLS13, &[(Handshake, &[0, 0, 0, 0])], unexpected("a message of the handshake")),
        (TLS12, &[(Handshake, &[0, 0, 0, 1])], malformed("a request to renegotiate")),
        (TLS13, &[(Handshake, &[24, 0, 0, 2])], malformed("a change of keys")),
        (TLS13, &[(Handshake, &[24, 0, 0, 0])], malformed("a change of keys")),
        (TLS13, &[(Handshake, &[24, 0, 0, 1, 2])], TlsRecordError::Illegal("a change of keys")),
        (
            TLS13,
            &[(Handshake, &[24, 0, 0, 1, 0, 4])],
            unexpected("a message behind the change of its keys"),
        ),
        (
            TLS13,
            &[(Handshake, &TICKET[..3]), (ApplicationData, b"x")],
            unexpected("a record amid a message of the handshake"),
        ),
        (TLS13, &[(Alert, &[2])], malformed("an alert")),
        (TLS12, &[(Alert, &[1, 0, 0])], malformed("an alert")),
        (TLS13, &[(Alert, &[1, 10])], TlsRecordError::AlertReceived("UnexpectedMessage".into())),
        (TLS12, &[(Alert, &[2, 40])], TlsRecordError::AlertReceived("HandshakeFailure".into())),
        (TLS12, &[(Alert, [1, 10].as_slice()); 5], TlsRecordError::TooMany("warnings")),
        (TLS13, &[(Alert, [1, 90].as_slice()); 5], TlsRecordError::TooMany("warnings")),
        (
            TLS12,
            &[(Handshake, [0; 4].as_slice()); 2],
            TlsRecordError::TooMany("requests to renegotiate"),
        ),
    ];
    for (is_tls13, records, expected) in cases {
        assert_eq!(error(*is_tls13, records), *expected);
        let alert = expected.alert();
        assert_eq!(alert.is_none(), matches!(expected, TlsRecordError::AlertReceived(_)));
    }
}

#[test]
fn keys_change_only_so_often_without_data() {
    let changed = |data_every: usize| {
        let (mut writer, mut reader) = pair(RecordCipher::Aes128Gcm, TLS13);
        for at in 1..100 {
            let mut wire = BytesMut::new();
            writer.change_keys(&mut wire).unwrap();
            if at % data_every == 0 {
                writer.write_data(b"x", &mut wire).unwrap();
            }
            reader.feed(&wire);
            while reader.read()?.is_some() {}
        }
        Ok(())
    };
    assert_eq!(changed(30), Ok(()));
    assert_eq!(changed(1_000), Err(TlsRecordError::TooMany("changes of keys")));
}

/// A record with a content of this length, and what the reader says.
fn of_length(is_tls13: bool, len: usize) -> Result<usize, TlsRecordError> {
    let (mut writer, mut reader) = pair(RecordCipher::ChaCha20Poly1305, is_tls13);
    let mut wire = BytesMut::new();
    writer.write_record(RecordType::ApplicationData, &vec![1; len], &mut wire)?;
    reader.feed(&wire);
    match reader.read()? {
        Some(RecordEvent::Data(data)) => Ok(data.len()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn records_have_a_longest_length() {
    for is_tls13 in [TLS12, TLS13] {
        assert_eq!(of_length(is_tls13, MAX_LEN_CONTENT), Ok(MAX_LEN_CONTENT));
        assert_eq!(of_length(is_tls13, MAX_LEN_CONTENT + 1), Err(TlsRecordError::Overflow));
        // Their header alone is enough.
        let (_, mut reader) = pair(RecordCipher::Aes128Gcm, is_tls13);
        let max = if is_tls13 { MAX_LEN_CONTENT + 256 } else { MAX_LEN_FRAGMENT };
        let [high, low] = u16::try_from(max).unwrap().to_be_bytes();
        reader.feed(&[23, 3, 3, high, low]);
        assert_eq!(reader.read(), Ok(None));
        let (_, mut reader) = pair(RecordCipher::Aes128Gcm, is_tls13);
        let [high, low] = u16::try_from(max + 1).unwrap().to_be_bytes();
        reader.feed(&[23, 3, 3, high, low]);
        assert_eq!(reader.read(), Err(TlsRecordError::Overflow));
    }
}

#[test]
fn padding_of_tls13_is_no_content() {
    // A writer of TLS 1.2 would not pad; this one seals what it is given.
    let (writer, mut reader) = pair(RecordCipher::Aes256Gcm, TLS13);
    let mut keys = writer.into_keys();
    for (inner, expected) in [
        (&b"tea\x17\0\0\0\0"[..], Ok(Some(RecordEvent::Data(BytesMut::from(&b"tea"[..]))))),
        (b"\x17\0\0", Ok(Some(RecordEvent::Data(BytesMut::new())))),
        (b"\0\0\0", Err(TlsRecordError::Unexpected("a record without a type"))),
    ] {
        let mut sealed = inner.to_vec();
        let header = [23, 3, 3, 0, u8::try_from(inner.len() + 16).unwrap()];
        let tag = keys.seal(&header, &mut sealed).unwrap();
        reader.feed(&[&header, sealed.as_slice(), tag.as_ref()].concat());
        assert_eq!(reader.read(), expected);
    }
}

#[test]
fn changed_bit_anywhere_is_found() {
    for cipher in CIPHERS {
        for is_tls13 in [TLS12, TLS13] {
            let mut wire = BytesMut::new();
            pair(cipher, is_tls13).0.write_data(b"data", &mut wire).unwrap();
            for bit in 0..wire.len() * 8 {
                let mut changed = wire.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                let (_, mut reader) = pair(cipher, is_tls13);
                reader.feed(&changed);
                // A longer length waits for the rest, which will not fit.
                reader.feed(&[0; 1 << 16]);
                assert!(reader.read().is_err(), "{cipher:?}, TLS 1.3 {is_tls13}, bit {bit}");
            }
        }
    }
}

#[test]
fn record_that_comes_twice_is_no_record() {
    for is_tls13 in [TLS12, TLS13] {
        let (mut writer, mut reader) = pair(RecordCipher::Aes128Gcm, is_tls13);
        let mut wire = BytesMut::new();
        writer.write_data(b"data", &mut wire).unwrap();
        reader.feed(&wire);
        reader.feed(&wire);
        assert_eq!(reader.read().map(|event| event.unwrap()), data(b"data"));
        assert_eq!(reader.read(), Err(TlsRecordError::BadRecordMac));
    }
}

#[test]
fn keys_are_changed_before_they_are_used_up() {
    let limit = 1 << 24;
    for cipher in [RecordCipher::Aes128Gcm, RecordCipher::Aes256Gcm] {
        let mut writer = RecordWriter::new(keys(cipher, TLS13, limit - 1));
        let mut reader =
            RecordReader::new(keys(cipher, TLS13, limit - 1), &[], Handshakes::default());
        let mut wire = BytesMut::new();
        writer.write_data(&[5; 2 * MAX_LEN_CONTENT], &mut wire).unwrap();
        assert_eq!(writer.into_keys().sequence(), 1, "the second record has a new key");
        reader.feed(&wire);
        for _ in 0..2 {
            assert_eq!(reader.read().map(|event| event.unwrap()), data(&[5; MAX_LEN_CONTENT]));
        }
        let mut writer = RecordWriter::new(keys(cipher, TLS12, limit));
        let written = writer.write_data(b"x", &mut wire);
        assert_eq!(written, Err(TlsRecordError::KeysUsedUp));
        assert_eq!(TlsRecordError::KeysUsedUp.alert(), Some(rustls::AlertDescription::CloseNotify));
    }
}

#[test]
fn last_number_of_a_record_is_never_used() {
    for is_tls13 in [TLS12, TLS13] {
        let cipher = RecordCipher::ChaCha20Poly1305;
        let mut writer = RecordWriter::new(keys(cipher, is_tls13, u64::MAX));
        let written = writer.write_record(RecordType::Alert, &[1, 0], &mut BytesMut::new());
        assert_eq!(written, Err(TlsRecordError::KeysUsedUp));
    }
}
