//! Unpacks bodies, and stops at the cap: a bomb costs no more memory than an honest body.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// Why a body could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is larger than it may be.
    #[error("unpacked, the body has more than {0} bytes")]
    TooLarge(usize),
    /// It is damaged.
    #[error("the body cannot be unpacked: {0}")]
    Damaged(io::Error),
}

/// The largest window that a frame of Zstandard may ask for, as a power of two: 8 MiB, what the format asks every decoder to
/// support.
const ZSTD_WINDOW_LOG: u32 = 23;

impl Encoding {
    /// The encoding of this `Content-Encoding`.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Unpacks a body of at most `most` bytes.
    ///
    /// # Errors
    ///
    /// When it is damaged or larger.
    pub fn unpack(self, body: &[u8], most: usize) -> Result<Vec<u8>, UnpackError> {
        match self {
            Self::Identity => read(body, most),
            Self::Gzip => read(MultiGzDecoder::new(body), most),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(body).map_err(UnpackError::Damaged)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(UnpackError::Damaged)?;
                read(decoder, most)
            }
        }
    }
}

fn read(from: impl Read, most: usize) -> Result<Vec<u8>, UnpackError> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit)
        .read_to_end(&mut unpacked)
        .map_err(UnpackError::Damaged)?;
    if unpacked.len() > most {
        return Err(UnpackError::TooLarge(most));
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;
    use flate2::Compression;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn both_encodings_unpack_several_frames_too() {
        let mut packed = gzip(b"one\n");
        packed.extend(gzip(b"two\n"));
        assert_eq!(Encoding::Gzip.unpack(&packed, 100).unwrap(), b"one\ntwo\n");
        let mut packed = zstd::encode_all(&b"one\n"[..], 3).unwrap();
        packed.extend(zstd::encode_all(&b"two\n"[..], 3).unwrap());
        assert_eq!(Encoding::Zstd.unpack(&packed, 100).unwrap(), b"one\ntwo\n");
    }

    #[test]
    fn a_bomb_ends_at_the_cap() {
        let zeros = vec![0; 50 << 20];
        for (encoding, packed) in [
            (Encoding::Gzip, gzip(&zeros)),
            (Encoding::Zstd, zstd::encode_all(&zeros[..], 19).unwrap()),
        ] {
            assert!(packed.len() < 1 << 20);
            assert!(
                matches!(encoding.unpack(&packed, 1000), Err(UnpackError::TooLarge(1000))),
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn damage_is_an_error() {
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            assert!(matches!(
                encoding.unpack(b"not packed", 1000),
                Err(UnpackError::Damaged(_))
            ));
        }
        let packed = gzip(&[7; 1000]);
        assert!(matches!(
            Encoding::Gzip.unpack(&packed[..packed.len() - 9], 2000),
            Err(UnpackError::Damaged(_))
        ));
    }
}
