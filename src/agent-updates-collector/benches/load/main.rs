//! Measures what the README promises, over HTTP against the program itself, beside the limit of the same store in this process.
//!
//! `cargo bench --bench load` takes some ten minutes. `ROWS` (default 1,000,000) is how full the database is for the questions;
//! `PAIRS` (5) how often the two rates are measured in turn, and each tail; `SECONDS_EACH` (8) how long each
//! measurement runs. With words after `--`, of `ordered`, `random`, `singles` and `questions`, only these parts run.
//!
//! Latencies are open loop: a request is due at its time, whether or not the ones before it were answered, and its latency
//! counts from then. Rates count what was acknowledged, and are checked against the database. Client and service share the
//! machine's cores.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod client;
mod events;
mod limit;
mod service;

use std::env;
use std::path::Path;
use std::time::Duration;

use client::{closed_loop, median, open_loop, tail, Request, Tail};
use events::{Ids, Maker};
use service::Service;

/// Lines of one batch, and how many batches are under way at a time.
const BATCH: usize = 500;
const WAYS: usize = 8;

fn number(name: &str, default: u64) -> u64 {
    env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

fn main() {
    let seconds = Duration::from_secs(number("SECONDS_EACH", 8));
    let folder = tempfile::Builder::new()
        .prefix("collector-bench-")
        .tempdir_in(env::temp_dir())
        .unwrap();
    let fsync = service::fsync_latency(folder.path());
    if let Some(ids) = env::var("LIMIT_ONLY")
        .ok()
        .map(|ids| if ids == "random" { Ids::Random } else { Ids::Ordered })
    {
        // For a profile of the store alone.
        println!("{:.0} events/s", limit::rate(folder.path(), ids, BATCH, WAYS, seconds));
        return;
    }
    let parts: Vec<_> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|word| word == part);
    println!("fsync of 4 KiB: median {:.2} ms\n", fsync.as_secs_f64() * 1e3);
    println!("| figure | measured | bar |\n|---|---|---|");
    if wanted("ordered") {
        ingest(folder.path(), Ids::Ordered, 60_000.0, 50.0, seconds);
    }
    if wanted("random") {
        ingest(folder.path(), Ids::Random, 35_000.0, 150.0, seconds);
    }
    if wanted("singles") {
        singles(folder.path(), seconds);
    }
    if wanted("questions") {
        questions(folder.path(), number("ROWS", 1_000_000), seconds);
    }
}

fn row(figure: &str, measured: &str, bar: &str) {
    println!("| {figure} | {measured} | {bar} |");
}

fn latencies(figure: &str, tail: &Tail, bar: f64) {
    let measured = format!("{:.1}, {:.1}, {:.1} ms", tail.p50, tail.p99, tail.worst);
    row(
        &format!("{figure}: p50, p99, worst p99"),
        &measured,
        &format!("{bar} ms"),
    );
}

/// How often a rate or a tail is measured.
fn loops() -> usize {
    number("PAIRS", 5) as usize
}

fn batch_request(maker: &mut Maker) -> Request {
    Request::post("/v1/events", "application/x-ndjson", &maker.batch(BATCH))
}

/// The rate over HTTP and in this process in turn, then the tail at half of the rate.
fn ingest(folder: &Path, ids: Ids, bar: f64, bar_p99: f64, seconds: Duration) {
    let (mut rates, mut ratios, mut processor, mut memory) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for pair in 0..loops() as u64 {
        let service = Service::start(folder);
        let done = closed_loop(service.api, WAYS, seconds, |way| {
            let mut maker = Maker::new(ids, pair << 32 | way as u64);
            move || batch_request(&mut maker)
        });
        let acked = done.answers * BATCH;
        assert_eq!(service.events(), acked, "what was acknowledged is not what is stored");
        let rate = acked as f64 / done.took.as_secs_f64();
        memory = memory.max(service.peak_kilobytes());
        processor.push(service.processor_time().as_secs_f64() * 1e6 / acked as f64);
        drop(service);
        let limit = limit::rate(folder, ids, BATCH, WAYS, seconds);
        eprintln!("{ids:?}, pair {pair}: {rate:.0}/s over HTTP, {limit:.0}/s in process");
        rates.push(rate);
        ratios.push(rate / limit);
    }
    let (rate, ratio) = (median(rates), median(ratios));
    row(
        &format!("NDJSON ingest, {ids:?} ids, median"),
        &format!("{rate:.0}/s"),
        &format!("{bar:.0}/s"),
    );
    row(
        &format!("the same, of the in-process rate, {ids:?} ids"),
        &format!("{:.0} %", ratio * 100.0),
        "70 %",
    );
    let time = format!("{:.1} µs", median(processor));
    row(
        &format!("processor time of the service for one event, {ids:?} ids"),
        &time,
        "",
    );
    row("memory at full load", &format!("{} MB", memory / 1024), "100 MB");

    let service = Service::start(folder);
    let per_second = bar.min(rate) / 2.0 / BATCH as f64;
    let measured = tail(service.api, 16, per_second, seconds, loops(), |way| {
        let mut maker = Maker::new(ids, 1 << 40 | way as u64);
        move || batch_request(&mut maker)
    });
    latencies(
        &format!(
            "500-line batch at {:.0} events/s, {ids:?} ids",
            per_second * BATCH as f64
        ),
        &measured,
        bar_p99,
    );
}

fn single_request(maker: &mut Maker) -> Request {
    Request::post("/v1/events", "application/json", &maker.batch(1))
}

fn singles(folder: &Path, seconds: Duration) {
    let service = Service::start(folder);
    let done = closed_loop(service.api, 64, seconds, |way| {
        let mut maker = Maker::new(Ids::Ordered, way as u64);
        move || single_request(&mut maker)
    });
    let rate = done.answers as f64 / done.took.as_secs_f64();
    row("single-event POST, 64 connections", &format!("{rate:.0}/s"), "15000/s");
    let measured = tail(service.api, 64, 8000.0, seconds, loops(), |way| {
        let mut maker = Maker::new(Ids::Ordered, 1 << 40 | way as u64);
        move || single_request(&mut maker)
    });
    latencies("single-event POST at 8000/s", &measured, 25.0);
    drop(service);

    let service = Service::start(folder);
    row(
        "start to ready",
        &format!("{:.0} ms", service.ready_after.as_secs_f64() * 1e3),
        "200 ms",
    );
    let measured = tail(service.api, 4, 50.0, seconds, loops(), |way| {
        let mut count = 0;
        move || {
            count += 1;
            Request::post("/v1/hooks/claude", "application/json", &events::hook(way, count))
        }
    });
    latencies("hook route, idle", &measured, 10.0);
}

/// The questions while events come in at half of the promised rate.
fn questions(folder: &Path, rows: u64, seconds: Duration) {
    let service = Service::start(folder);
    let mut maker = Maker::new(Ids::Ordered, 1);
    let batches = rows as usize / BATCH / WAYS;
    std::thread::scope(|scope| {
        for way in 0..WAYS {
            let api = service.api;
            scope.spawn(move || {
                let mut maker = Maker::new(Ids::Ordered, 1 << 32 | way as u64);
                let mut connection = client::Connection::open(api);
                for _ in 0..batches {
                    connection.ask(&batch_request(&mut maker));
                }
            });
        }
    });
    maker.batch(1);
    service::settle();
    let api = service.api;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let both = seconds * (2 * loops() as u32 + 1);
            open_loop(api, WAYS, 30_000.0 / BATCH as f64, both, |way| {
                let mut maker = Maker::new(Ids::Ordered, 1 << 41 | way as u64);
                move || batch_request(&mut maker)
            })
        });
        for (figure, path, bar) in [
            ("agent state", events::agent_path as fn(u64) -> String, 5.0),
            ("task timeline", events::task_path, 20.0),
        ] {
            let measured = tail(api, 4, 50.0, seconds, loops(), |way| {
                let mut count = way as u64;
                move || {
                    count += 7919;
                    Request::get(&path(count))
                }
            });
            let figure = format!("{figure} at {rows} rows, while ingesting 30000/s");
            latencies(&figure, &measured, bar);
        }
    });
    let bytes = service.database_bytes() as f64;
    row(
        "database",
        &format!(
            "{:.2} GB, {:.0} bytes an event",
            bytes / 1e9,
            bytes / service.events() as f64
        ),
        "",
    );
    row(
        "memory, after all that",
        &format!("{} MB", service.peak_kilobytes() / 1024),
        "100 MB",
    );
}
