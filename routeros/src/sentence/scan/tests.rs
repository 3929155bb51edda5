//! Tests of finding sentences.

use proptest::prelude::*;

use super::*;

const SMALL: Limits = Limits {
    word: 20,
    words: 2,
    bytes: 10,
};

proptest! {
    #[test]
    fn sentences_survive_any_cut_into_chunks(
        sentences in proptest::collection::vec(
            proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..200), 1..6),
            0..6,
        ),
        chunk in 1_usize..64,
    ) {
        let mut bytes = Vec::new();
        for words in &sentences {
            words.iter().map(Vec::as_slice).collect::<Sentence>().encode(&mut bytes);
        }

        let mut scanner = Scanner::new(Limits::CLIENT).strict();
        let mut seen = Vec::new();
        for mut chunk in bytes.chunks(chunk) {
            while let Some(sentence) = scanner.next(&mut chunk).unwrap() {
                seen.push(sentence.words().map(<[u8]>::to_vec).collect::<Vec<_>>());
            }
            prop_assert!(chunk.is_empty());
        }

        prop_assert!(!scanner.is_amid());
        prop_assert_eq!(seen, sentences);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let limits = Limits { word: 64, words: 8, bytes: 64 };
        let mut decoder = Decoder::new(limits);
        decoder.feed(&bytes);
        while let Ok(Some(sentence)) = decoder.poll() {
            prop_assert!(sentence.len() <= 8 && sentence.byte_len() <= 64);
        }
    }
}

#[test]
fn empty_sentences_are_nothing() {
    let mut decoder = Decoder::default();
    decoder.feed(&[0, 0, 0, 3, b'!', b'r', b'e', 0, 0]);
    let sentence = decoder.poll().unwrap().unwrap();
    assert_eq!(sentence.words().collect::<Vec<_>>(), [b"!re"]);
    assert_eq!(decoder.poll(), Ok(None));
}

fn refusal(limits: Limits, bytes: &[u8]) -> Option<ProtocolError> {
    let mut scanner = Scanner::new(limits).strict();
    let whole = scanner.next(&mut { bytes }).err();
    let mut scanner = Scanner::new(limits).strict();
    let by_byte = bytes
        .chunks(1)
        .find_map(|mut byte| scanner.next(&mut byte).err());
    assert_eq!(whole, by_byte, "{bytes:?}");
    whole
}

#[test]
fn a_sentence_is_refused_before_its_bytes_arrive() {
    for (bytes, error) in [
        (&[11][..], ProtocolError::SentenceTooLong(10)),
        (&[1, b'a', 1, b'b', 1], ProtocolError::TooManyWords(2)),
        (&[21], ProtocolError::WordTooLong(21)),
        (
            &[0xF0, 0xFF, 0xFF, 0xFF, 0xFF],
            ProtocolError::WordTooLong(u32::MAX),
        ),
        (&[0xF8], ProtocolError::ReservedByte(0xF8)),
        (&[1, b'a', 0xF3], ProtocolError::ReservedByte(0xF3)),
        (&[0x80, 0x05], ProtocolError::PaddedLength),
        (&[0xC0, 0x00, 0x05], ProtocolError::PaddedLength),
        (&[0xF0, 0, 0, 0, 0], ProtocolError::PaddedLength),
    ] {
        assert_eq!(refusal(SMALL, bytes), Some(error));
    }
}

#[test]
fn a_device_understands_padded_lengths() {
    let mut decoder = Decoder::default();
    decoder.feed(&[0x80, 0x02, b'/', b'a', 0xF0, 0, 0, 0, 0]);
    let sentence = decoder.poll().unwrap().unwrap();
    assert_eq!(sentence.words().collect::<Vec<_>>(), [b"/a"]);
}

#[test]
fn nothing_large_is_kept_after_a_large_sentence() {
    let word = vec![b'x'; 100_000];
    let mut bytes = Vec::new();
    [word.as_slice()]
        .into_iter()
        .collect::<Sentence>()
        .encode(&mut bytes);
    let mut scanner = Scanner::new(Limits::CLIENT);
    let (mut first, mut second) = bytes.split_at(50_000);

    assert!(scanner.next(&mut first).unwrap().is_none());
    assert!(scanner.is_amid());
    assert_eq!(
        scanner.next(&mut second).unwrap().unwrap().byte_len(),
        100_000
    );
    assert!(scanner.next(&mut second).unwrap().is_none());

    assert!(scanner.buffer.capacity() <= KEEP);
}
