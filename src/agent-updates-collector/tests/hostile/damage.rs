//! Bodies that are damaged in one of many ways, the same at every run with the same seed.

use std::io::Write;

use flate2::write::GzEncoder;
use flate2::Compression;

use super::support::random::Random;

const SEEDS: [&str; 6] = [
    include_str!("../fixtures/event-v1.0.json"),
    include_str!("../fixtures/event-v1.1.json"),
    include_str!("../fixtures/hook-event.json"),
    include_str!("../fixtures/log-event.json"),
    include_str!("../fixtures/decision.json"),
    r#"{"session_id":"5e551011","cwd":"/work","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"ls"}}"#,
];

const PATHS: [&str; 4] = [
    "/v1/events",
    "/v1/events?atomic=true",
    "/v1/events?validate=strict",
    "/v1/hooks/claude",
];

/// Texts that go somewhere into a body: numbers, characters and brackets that parsers stumble over.
const ODDITIES: [&[u8]; 16] = [
    b"\0",
    b"\\u0000",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\xf0\x9f\x92",
    b"1e999999",
    b"-0.0000000000000000000000000000000000000000000001e-400",
    b"99999999999999999999999999999999999999",
    b"NaN",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"{}",
    b"\"",
    b"\\",
    b",null,",
];

/// Makes damaged bodies.
pub struct Damage {
    random: Random,
}

impl Damage {
    pub fn new() -> Self {
        Self {
            random: Random::with_default(20_260_102),
        }
    }

    /// The path, the `Content-Encoding` and the body of a case. The bombs come first.
    pub fn next(&mut self, case: u64) -> (&'static str, &'static str, Vec<u8>) {
        let path = *self.of(&PATHS);
        let mut body = match case {
            0 => return (path, "gzip", gzip(&vec![b' '; 1 << 20]).repeat(300)),
            1 => return (path, "zstd", zstd(&vec![b'['; 1 << 20]).repeat(300)),
            // A frame that asks for a window of 2 GiB.
            2 => return (path, "zstd", vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00]),
            3 => return (path, "gzip", gzip(&gzip(&vec![b'{'; 1 << 20]).repeat(300))),
            4 => vec![b'['; 4 << 20],
            5 => b"{\"a\":".repeat(800_000),
            6 => b"0\n".repeat(2 << 20),
            7 => [&b"["[..], &b"0,".repeat(2_000_000)].concat(),
            8 => [&b"\""[..], &b"\\\"".repeat(2_000_000)].concat(),
            9 => b"\n".repeat(4 << 20),
            _ => self.seed(),
        };
        for _ in 0..self.random.below(4) {
            self.hurt(&mut body);
        }
        match self.random.below(8) {
            0 => (path, "gzip", gzip(&body)),
            1 => (path, "zstd", zstd(&body)),
            2 => (path, "gzip", self.cut(gzip(&body))),
            3 => (path, "zstd", self.cut(zstd(&body))),
            _ => (path, "identity", body),
        }
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.at(all.len())]
    }

    fn at(&mut self, length: usize) -> usize {
        usize::try_from(self.random.below(length.max(1) as u64)).unwrap()
    }

    /// An event, an array of some, or lines; each with content of its own.
    fn seed(&mut self) -> Vec<u8> {
        let one = |damage: &mut Self| {
            let number = damage.random.below(1 << 40);
            let event = damage.of(&SEEDS).trim();
            event.replacen('{', &format!("{{\"n\":{number},"), 1)
        };
        match self.random.below(3) {
            0 => one(self).into_bytes(),
            1 => format!("[{},{}]", one(self), one(self)).into_bytes(),
            _ => (0..5).map(|_| one(self) + "\n").collect::<String>().into_bytes(),
        }
    }

    fn hurt(&mut self, body: &mut Vec<u8>) {
        let at = self.at(body.len());
        match self.random.below(8) {
            0 => body.truncate(at),
            1 if !body.is_empty() => body[at] ^= 1 << self.random.below(8),
            2 => {
                let oddity: &[u8] = self.of::<&[u8]>(&ODDITIES);
                insert(body, at, oddity);
            }
            // After a brace it is a key twice, elsewhere it is damage.
            3 => after_brace(body, at, br#""agent_id":"x","event_id":7,"event_type":"a.b","#),
            4 => after_brace(body, at, &[b"\"", &b"k".repeat(100_000)[..], b"\":1,"].concat()),
            5 => {
                let (levels, bracket) = (self.at(3000), *self.of::<&[u8]>(&[b"[", b"{\"a\":"]));
                insert(body, at, &bracket.repeat(levels));
            }
            6 => {
                let end = at + self.at(body.len() - at);
                let part = body[at..end].to_vec();
                insert(body, at, &part.repeat(1 + self.at(50)));
            }
            _ => {
                let other = self.seed();
                body.truncate(at);
                body.extend_from_slice(&other[self.at(other.len())..]);
            }
        }
    }

    fn cut(&mut self, mut packed: Vec<u8>) -> Vec<u8> {
        packed.truncate(self.at(packed.len()));
        packed
    }
}

fn insert(body: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    body.splice(at..at, bytes.iter().copied());
}

fn after_brace(body: &mut Vec<u8>, from: usize, bytes: &[u8]) {
    let brace = body[from..].iter().position(|byte| *byte == b'{');
    insert(body, brace.map_or(from, |brace| from + brace + 1), bytes);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}
