//! Damaged and old databases: what is refused, and what is read all the same.

mod support;

use std::fs;

use agent_updates_collector::error::Error;
use agent_updates_collector::store::filter::Filter;
use agent_updates_collector::store::page::From;
use agent_updates_collector::store::verify::verify;
use support::stores::{open, record, refusal};

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
