//! Lengths around those of chunks.

use super::*;

//
#[test]
fn bytes_of_any_length_read_back_as_they_were_written() {
    let passphrase = Passphrase::new("a passphrase".to_owned()).unwrap();
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
        let text: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let mut sealing = Sealing::begin(Vec::new(), &passphrase, Kdf { m_kib: 8, t: 1, p: 1 }).unwrap();
        for piece in text.chunks(10_007) {
            sealing.write_all(piece).unwrap();
        }
        let sealed = sealing.finish().unwrap();
        let mut read = Vec::new();
        Opening::begin(&sealed[..], &passphrase).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, text, "{length}");
    }
}
