//! What makes an event the same event when it is sent again.

use sha2::{Digest, Sha256};

/// The key of the index that finds duplicates: 16 or 17 bytes for the ids that senders use, which keeps that index small,
/// and in the order of time where the id is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventKey {
    /// A UUID: its 16 bytes.
    Uuid([u8; 16]),
    /// `evt_` and a ULID: a byte that tells it from a UUID, then its 16 bytes.
    Ulid([u8; 17]),
    /// No id: the hash of the content.
    Content([u8; 17]),
    /// Any other id.
    Text(String),
}

impl EventKey {
    /// The key of an `event_id`.
    #[must_use]
    pub fn of_id(id: &str) -> Self {
        if let Some(bytes) = uuid(id) {
            return Self::Uuid(bytes);
        }
        if let Some(bytes) = id.strip_prefix("evt_").and_then(ulid) {
            return Self::Ulid(tagged(1, bytes));
        }
        Self::Text(id.to_owned())
    }

    /// The key of an event without an id: the same content is the same event.
    #[must_use]
    pub fn of_content(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // The length keeps ("ab", "c") from ("a", "bc").
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self::Content(tagged(0, half))
    }
}

fn tagged(tag: u8, bytes: [u8; 16]) -> [u8; 17] {
    let mut key = [tag; 17];
    key[1..].copy_from_slice(&bytes);
    key
}

/// Eight, four, four, four and twelve hexadecimal digits.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 {
        return None;
    }
    let mut bytes = [0; 16];
    let mut count = 0;
    for (at, byte) in text.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = hexadecimal(*byte)?;
        bytes[count / 2] = bytes[count / 2] << 4 | digit;
        count += 1;
    }
    Some(bytes)
}

fn hexadecimal(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// 26 digits of Crockford's base 32: 48 bits of milliseconds, then 80 random ones.
fn ulid(text: &str) -> Option<[u8; 16]> {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    // The first digit holds the top 3 of 128 bits.
    if text.len() != 26 || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes()
        .try_fold(0_u128, |value, byte| {
            let digit = DIGITS.iter().position(|known| *known == byte)?;
            Some(value << 5 | digit as u128)
        })
        .map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_known_forms_become_bytes_and_others_stay_text() {
        let uuid = EventKey::of_id("00112233-4455-6677-8899-AABBCCDDEEFF");
        assert_eq!(uuid, EventKey::of_id("00112233-4455-6677-8899-aabbccddeeff"));
        assert!(matches!(uuid, EventKey::Uuid([0x00, 0x11, .., 0xff])));
        assert!(matches!(
            EventKey::of_id("evt_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
            EventKey::Ulid([1, 0x01, ..])
        ));
        for text in [
            "",
            "log_0123456789ab",
            "evt_01ARZ3NDEKTSV4RRFFQ69G5FAU_",
            "evt_81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "evt_01arz3ndektsv4rrffq69g5fav",
            "00112233-4455-6677-8899-aabbccddeefg",
            "00112233445566778899aabbccddeeff0000",
        ] {
            assert_eq!(EventKey::of_id(text), EventKey::Text(text.to_owned()));
        }
    }

    #[test]
    fn the_parts_of_a_content_are_told_apart() {
        assert_ne!(EventKey::of_content(&["ab", "c"]), EventKey::of_content(&["a", "bc"]));
    }
}
