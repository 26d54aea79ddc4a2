//! A plain HTTP/1.1 client: threads and sockets, so that it costs the service little of the machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// A request, ready to send.
pub struct Request(Vec<u8>);

impl Request {
    pub fn post(path: &str, media_type: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body.as_bytes());
        Self(bytes)
    }

    pub fn get(path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes())
    }
}

/// A connection that is kept.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends, and returns the answer's body. Anything but success ends the measurement.
    pub fn ask(&mut self, request: &Request) -> String {
        self.stream.get_mut().write_all(&request.0).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        self.stream.read_line(&mut line).unwrap();
        let status = line.clone();
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap();
                }
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(status.starts_with("HTTP/1.1 20"), "{status}{body}");
        body
    }
}

/// What a closed loop did.
pub struct Done {
    pub answers: usize,
    pub took: Duration,
}

/// Each way sends, waits for the answer, and sends again.
pub fn closed_loop<M, F>(api: SocketAddr, ways: usize, time: Duration, make: M) -> Done
where
    M: Fn(usize) -> F + Sync,
    F: FnMut() -> Request,
{
    let begun = Instant::now();
    let answers = thread::scope(|scope| {
        let make = &make;
        let running: Vec<_> = (0..ways)
            .map(|way| {
                scope.spawn(move || {
                    let (mut next, mut connection, mut answers) = (make(way), Connection::open(api), 0);
                    while begun.elapsed() < time {
                        connection.ask(&next());
                        answers += 1;
                    }
                    answers
                })
            })
            .collect();
        running.into_iter().map(|way| way.join().unwrap()).sum()
    });
    Done {
        answers,
        took: begun.elapsed(),
    }
}

/// Requests at a rate, whatever the answers do. Latencies in milliseconds, from when each was due.
pub fn open_loop<M, F>(api: SocketAddr, ways: usize, per_second: f64, time: Duration, make: M) -> Vec<f64>
where
    M: Fn(usize) -> F + Sync,
    F: FnMut() -> Request,
{
    let (begun, due) = (Instant::now() + Duration::from_millis(20), AtomicU64::new(0));
    let latencies = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for way in 0..ways {
            let (make, due, latencies) = (&make, &due, &latencies);
            scope.spawn(move || {
                let (mut next, mut connection, mut mine) = (make(way), Connection::open(api), Vec::new());
                loop {
                    let request = next();
                    let at = due.fetch_add(1, Ordering::Relaxed) as f64 / per_second;
                    if at > time.as_secs_f64() {
                        break;
                    }
                    let at = begun + Duration::from_secs_f64(at);
                    thread::sleep(at.saturating_duration_since(Instant::now()));
                    connection.ask(&request);
                    mine.push(at.elapsed().as_secs_f64() * 1e3);
                }
                latencies.lock().unwrap().extend(mine);
            });
        }
    });
    let mut latencies = latencies.into_inner().unwrap();
    latencies.sort_by(f64::total_cmp);
    latencies
}

/// What several open loops in a row have shown, in milliseconds.
pub struct Tail {
    /// The median of the loops' medians.
    pub p50: f64,
    /// The median of the loops' p99.
    pub p99: f64,
    /// The highest p99 of a loop.
    pub worst: f64,
}

/// Open loops in a row. One stall of a shared disk (150 ms, some times a minute) is a p99 of 60 requests a second for ten seconds,
/// so that one loop tells of the disk's luck; the median of several tells of the service. `make` gets another number in each loop,
/// or the service would see the same events again.
pub fn tail<M, F>(api: SocketAddr, ways: usize, per_second: f64, time: Duration, loops: usize, make: M) -> Tail
where
    M: Fn(usize) -> F + Sync,
    F: FnMut() -> Request,
{
    let runs: Vec<_> = (0..loops)
        .map(|run| open_loop(api, ways, per_second, time, |way| make(run << 16 | way)))
        .collect();
    let of_each = |percent: f64| runs.iter().map(|run| percentile(run, percent)).collect::<Vec<_>>();
    Tail {
        p50: median(of_each(50.0)),
        p99: median(of_each(99.0)),
        worst: of_each(99.0).into_iter().fold(0.0, f64::max),
    }
}

/// The middle one; of an even number the higher.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The latency that so many of a hundred are below.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}
