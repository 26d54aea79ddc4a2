//! The store: what is kept whatever the order, the repetition and the neighbours.

mod support;

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use agent_updates_collector::error::Error;
use agent_updates_collector::store::backup::back_up;
use agent_updates_collector::store::filter::Filter;
use agent_updates_collector::store::page::From;
use agent_updates_collector::store::verify::verify;
use agent_updates_collector::store::{Failure, Options, Outcome};
use proptest::prelude::*;
use rusqlite::Connection;
use support::stores::{open, open_with, record, refusal};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// All that is stored but for the places, in an order of its own.
fn content(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut lines = Vec::new();
    for sql in [
        "SELECT json_array('event', body, timestamp_us, status, duration_ms, task) FROM events ORDER BY body",
        "SELECT json_array('agent', name, events) FROM agents JOIN names ON ref = agent ORDER BY name",
        "SELECT json_array('state', name, (SELECT body FROM events WHERE seq = state_seq)) FROM agents JOIN names ON ref = agent ORDER BY name",
        "SELECT json_array('tool', name, hour, bucket, calls, errors, total_ms) FROM tool_hours JOIN names ON ref = tool ORDER BY 1",
        "SELECT json_array('day', name, day, status, events) FROM day_counts JOIN names ON ref = type ORDER BY 1",
    ] {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        lines.extend(rows.map(Result::unwrap));
    }
    lines
}

fn store_all(batches: &[Vec<u32>]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    Runtime::new().unwrap().block_on(async {
        let store = open(&folder.path().join("x.db"));
        for batch in batches {
            store
                .append(batch.iter().map(|number| record(*number)).collect(), false)
                .await
                .unwrap();
        }
        store.close().await;
    });
    folder
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_order_repetition_and_splitting_gives_the_same_rows(
        numbers in Just((0..60_u32).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..60_u32, 0..40),
        size in 1..30_usize,
    ) {
        let whole = store_all(&[(0..60).collect()]);
        let mut shuffled = numbers;
        shuffled.extend(again);
        let split: Vec<_> = shuffled.chunks(size).map(<[u32]>::to_vec).collect();
        let split = store_all(&split);
        let path = split.path().join("x.db");
        prop_assert_eq!(content(&whole.path().join("x.db")), content(&path));
        verify(&path).unwrap();
    }
}

#[tokio::test]
async fn the_models_can_be_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = open(&path);
    store.append((0..500).map(record).collect(), false).await.unwrap();
    let before = content(&path);
    Connection::open(&path)
        .unwrap()
        .execute_batch("DELETE FROM agents; DELETE FROM day_counts; UPDATE tool_hours SET calls = 7")
        .unwrap();
    assert_ne!(content(&path), before);
    store.rebuild_models().await.unwrap();
    assert_eq!(content(&path), before);
}

#[tokio::test]
async fn a_row_that_the_database_refuses_costs_its_neighbours_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = open(&path);
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.duration_ms = 5 BEGIN SELECT RAISE(ABORT, 'poison'); END")
        .unwrap();
    let outcomes = store.append((4..7).map(record).collect(), false).await.unwrap();
    assert!(
        matches!(
            &outcomes[..],
            [Outcome::Stored(1), Outcome::Unstorable(_), Outcome::Stored(2)]
        ),
        "{outcomes:?}"
    );
    let outcomes = store.append((5..8).map(record).collect(), true).await.unwrap();
    assert!(
        matches!(&outcomes[..], [Outcome::Unstorable(_), _, Outcome::RolledBack]),
        "{outcomes:?}"
    );
    assert_eq!(*store.committed().borrow(), 2);
    // The names that the undone request brought are stored with the next one.
    assert_eq!(store.append(vec![record(7)], true).await.unwrap(), [Outcome::Stored(3)]);
    store.close().await;
    verify(&path).unwrap();
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_undo_the_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    for number in 0..20 {
        let append = store.append(vec![record(number)], false);
        let _ = tokio::time::timeout(std::time::Duration::ZERO, append).await;
    }
    store.append(vec![record(20)], false).await.unwrap();
    assert_eq!(*store.committed().borrow(), 21);
}

#[tokio::test]
async fn old_events_are_archived_then_deleted_and_places_are_never_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, archive) = (folder.path().join("x.db"), folder.path().join("archive"));
    let store = open(&path);
    store.append((0..300).map(record).collect(), false).await.unwrap();
    assert_eq!(store.remove_before(0, &archive).await.unwrap().events, 0);
    let removed = store.remove_before(i64::MAX, &archive).await.unwrap();
    assert_eq!((removed.events, removed.files.len()), (299, 1));

    let mut lines = String::new();
    let file = fs::File::open(&removed.files[0]).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut lines).unwrap();
    assert_eq!(lines.lines().count(), 299);
    assert!(lines.starts_with("{\"seq\":1,\"received_at\":\"20"));

    assert_eq!(
        store.append(vec![record(300)], false).await.unwrap(),
        [Outcome::Stored(301)]
    );
    let page = store.page(Filter::default(), From::After(0), 10).await.unwrap();
    assert_eq!(
        page.events.iter().map(|event| event.seq).collect::<Vec<_>>(),
        [300, 301]
    );
    store.close().await;
    verify(&path).unwrap();

    drop(store);

    // Where the archive cannot be written, nothing is deleted.
    let store = open(&path);
    let error = store
        .remove_before(i64::MAX, Path::new("/proc/none"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Archive { .. }), "{error}");
    assert_eq!(
        store
            .page(Filter::default(), From::After(0), 10)
            .await
            .unwrap()
            .events
            .len(),
        2
    );
}

#[tokio::test]
async fn a_backup_of_a_busy_database_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("x.db"), folder.path().join("copy.db"));
    let store = open(&path);
    store.append((0..500).map(record).collect(), false).await.unwrap();
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for number in 500..1000 {
                store.append(vec![record(number)], false).await.unwrap();
            }
        }
    });
    let (from, to) = (path.clone(), copy.clone());
    let report = tokio::task::spawn_blocking(move || back_up(&from, &to))
        .await
        .unwrap()
        .unwrap();
    writing.await.unwrap();
    assert!((500..=1000).contains(&report.events), "{report:?}");
    assert!(matches!(back_up(&path, &copy), Err(Error::Exists { .. })));
    assert!(matches!(
        back_up(&folder.path().join("none"), &folder.path().join("y")),
        Err(Error::NoDatabase { .. })
    ));
    let store = open(&copy);
    assert_eq!(*store.committed().borrow(), report.newest);
}

#[tokio::test]
async fn a_second_writer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let _store = open(&path);
    assert!(matches!(refusal(&path), Error::InUse { .. }));
}

#[tokio::test]
async fn a_reader_that_stays_open_does_not_let_the_log_grow_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let options = Options {
        checkpoint_pages: 50,
        wal_pages: 1000,
        ..Options::default()
    };
    let store = open_with(&path, &options);
    store.append(vec![record(0)], false).await.unwrap();
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM events;").unwrap();
    let mut refused = None;
    for batch in 1..200 {
        let records = (batch * 100..batch * 100 + 100).map(record).collect();
        if let Err(failure) = store.append(records, false).await {
            refused = Some(failure);
            break;
        }
    }
    assert_eq!(refused, Some(Failure::LogFull));
    let bytes = fs::metadata(folder.path().join("x.db-wal")).unwrap().len();
    assert!(bytes < 1500 * 4120, "{bytes}");
    reader.execute_batch("COMMIT").unwrap();
    store.append(vec![record(1_000_000)], false).await.unwrap();
}

#[test]
fn a_look_up_needs_no_blocking_thread() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (end, ended) = channel::<()>();
    let busy = runtime.spawn_blocking(move || ended.recv());
    let looked_up = runtime.spawn(async move {
        store.append(vec![record(0)], false).await.unwrap();
        timeout(Duration::from_secs(10), store.agent("agent-0".to_owned())).await
    });
    let agent = runtime.block_on(looked_up).unwrap();
    drop(end);
    let agent = agent.expect("it waits for a thread").unwrap();
    assert_eq!(agent.map(|agent| agent.events), Some(1));
    runtime.block_on(busy).unwrap().unwrap_err();
}
