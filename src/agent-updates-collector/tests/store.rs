//! The store: what is kept whatever the order, the repetition and the neighbours.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use agent_updates_collector::error::Error;
use agent_updates_collector::event::parse::parse;
use agent_updates_collector::event::Record;
use agent_updates_collector::metrics::Metrics;
use agent_updates_collector::store::backup::back_up;
use agent_updates_collector::store::filter::Filter;
use agent_updates_collector::store::page::From;
use agent_updates_collector::store::verify::verify;
use agent_updates_collector::store::{Failure, Options, Outcome, Store};
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;

fn open(path: &Path) -> Store {
    open_with(path, &Options::default())
}

fn open_with(path: &Path, options: &Options) -> Store {
    Store::open(path, options, &Arc::new(Metrics::new("", ""))).unwrap()
}

fn refusal(path: &Path) -> Error {
    Store::open(path, &Options::default(), &Arc::new(Metrics::new("", ""))).unwrap_err()
}

fn record(number: u32) -> Record {
    let kinds = [
        "activity.tool_use",
        "git.commit",
        "task.completed",
        "coordination.waiting",
    ];
    let text = format!(
        r#"{{"version":"1.1.0","event_type":"{}","timestamp":"2026-01-02T{:02}:00:{:02}Z","agent_id":"agent-{}","event_id":"id-{number}","tool":{{"tool_name":"t{}","duration_ms":{number}}},"task":{{"task_id":"task-{}"}}}}"#,
        kinds[number as usize % 4],
        number % 24,
        number % 60,
        number % 3,
        number % 2,
        number % 5,
    );
    parse(&text, 0).unwrap()
}

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

#[tokio::test]
async fn a_damaged_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = open(&path);
    store.append((0..2000).map(record).collect(), false).await.unwrap();
    store.close().await;
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let error = refusal(&path);
    assert!(
        matches!(error, Error::Corrupt { .. }) && error.to_string().contains("restore a backup"),
        "{error}"
    );
    assert!(matches!(verify(&path), Err(Error::Corrupt { .. })));
    assert!(fs::read(&path).unwrap() == bytes, "the file was changed");

    fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
    assert!(matches!(refusal(&path), Error::Corrupt { .. }), "{}", refusal(&path));
}

/// What a crash leaves of the log: its tail may be missing or wrong from any frame on. The commits before that are all there.
#[tokio::test]
async fn a_log_that_is_cut_or_flipped_at_any_frame_leaves_the_commits_before() {
    const COMMITS: u32 = 12;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = open(&path);
    let mut sizes = vec![];
    for number in 0..COMMITS {
        store.append(vec![record(number)], false).await.unwrap();
        sizes.push(fs::metadata(folder.path().join("x.db-wal")).unwrap().len());
    }
    let (database, log) = (
        fs::read(&path).unwrap(),
        fs::read(folder.path().join("x.db-wal")).unwrap(),
    );
    let frames = (log.len() - 32) / (4096 + 24);
    let mut least = 0;
    for frame in 0..=frames {
        for flip in [false, true] {
            let mut damaged = log.clone();
            let at = 32 + frame * (4096 + 24);
            match flip {
                false => damaged.truncate(at + 10),
                true if frame < frames => damaged[at + 100] ^= 1,
                true => continue,
            }
            let other = tempfile::tempdir().unwrap();
            let copy = other.path().join("x.db");
            fs::write(&copy, &database).unwrap();
            fs::write(other.path().join("x.db-wal"), &damaged).unwrap();
            let store = open(&copy);
            let found = *store.committed().borrow();
            let whole = sizes.iter().filter(|size| **size <= at as u64).count();
            assert_eq!(found, i64::try_from(whole).unwrap(), "frame {frame}, flipped {flip}");
            least = least.max(found);
            store.close().await;
            drop(store);
            verify(&copy).unwrap();
        }
    }
    assert_eq!(least, i64::from(COMMITS));
}

#[tokio::test]
async fn the_golden_database_of_each_schema_is_opened() {
    for (version, events) in [(1, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let golden = format!("{}/tests/golden/schema-{version}.db", env!("CARGO_MANIFEST_DIR"));
        fs::copy(golden, &path).unwrap();
        verify(&path).unwrap();
        let store = open(&path);
        let page = store.page(Filter::default(), From::After(0), 10).await.unwrap();
        assert_eq!(page.events.len(), events);
        store.close().await;
    }
}
